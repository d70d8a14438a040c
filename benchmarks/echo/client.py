"""A client of the echo server, which times round trips. Two of its loops differ in one thing only: what they wait for.

    python -m benchmarks.echo.client --port 4242 --size 100 [--cpu 1]

`closed` sends the next request when the answer to the last has come (and when it is time to). So a server that stands
still keeps it from asking, and from measuring. `open` sends each request when it is due, whatever has become of those
before it, and counts from then. Orders name a method of `Client`; each is answered by a line that announces the
records: due, sent and received, in nanoseconds of the monotonic clock, three numbers for each request. Received is 0 if
no answer came.
"""

import select
import socket
import struct
import sys
import time
from array import array

from benchmarks.echo.orders import Answer, prepare, serve
from benchmarks.echo.server import LOCALHOST, RECEIVE, SECOND
from common import clock
from common.command_line import Parser

NUMBER = struct.Struct("!I")
"""At the beginning of each request."""

PATIENCE = 3.0
"""Seconds until a datagram's answer is given up, or the last answers of an open loop are."""


class Client:
    """Connections to the server at `port`, and requests of `size` bytes on them."""

    def __init__(self, port: int, size: int) -> None:
        self._where = LOCALHOST, port
        self._size = size
        self._rest = bytes(size - NUMBER.size)
        self._open: dict[str, socket.socket] = {}
        self._times: array[int] = array("q")

    def round_trips(self, way: str, count: int) -> Answer:
        """`count` round trips, one right after the other, over `udp`, `tcp`, or `new`: a TCP connection for each."""
        self._times = array("q")
        connection = None if way == "new" else self._connection(way)
        for number in range(count):
            request = NUMBER.pack(number) + self._rest
            sent = clock.monotonic_ns()
            if connection is None:
                with self._connect("tcp") as fresh:
                    answered = self._exchange(fresh, request)
            else:
                answered = self._exchange(connection, request)
            self._note(sent, sent, clock.monotonic_ns() if answered else 0)
        return {}, self._times

    def in_parts(self, parts: list[int], nodelay: bool, count: int) -> Answer:
        """`count` round trips on a new connection, each request in sends of so many bytes, which make up its size."""
        self._times = array("q")
        with self._connect("tcp", nodelay) as connection:
            for number in range(count):
                request = NUMBER.pack(number) + self._rest
                sends, at = [], 0
                for part in parts:
                    sends.append(request[at : at + part])
                    at += part
                sent = clock.monotonic_ns()
                for data in sends:
                    connection.sendall(data)
                whole = self._whole(connection)
                self._note(sent, sent, clock.monotonic_ns() if whole else 0)
        return {}, self._times

    def closed(self, start: int, seconds: float, interval: float) -> Answer:
        """Ask every `interval`, but not before the answer to the last has come: until `seconds` after `start`."""
        self._times = array("q")
        connection = self._connection("tcp")
        _sleep_until(start)
        number, due = 0, start
        while due < start + round(seconds * SECOND):
            sent = clock.monotonic_ns()
            answered = self._exchange(connection, NUMBER.pack(number) + self._rest)
            self._note(due, sent, clock.monotonic_ns() if answered else 0)
            number += 1
            due = max(due + round(interval * SECOND), clock.monotonic_ns())
            _sleep_until(due)
        return {}, self._times

    def open(self, start: int, seconds: float, interval: float) -> Answer:
        """Ask when it is time to ask: request k is due at `start` + k · `interval`, until `seconds` after `start`."""
        due = [start + round(k * interval * SECOND) for k in range(round(seconds / interval))]
        sent, received = [0] * len(due), [0] * len(due)
        connection = self._connection("tcp")
        connection.setblocking(False)  # if it can't send, it is to fail: to wait would close the loop
        partial, following, missing = b"", 0, len(due)
        given_up = due[-1] + round(PATIENCE * SECOND)
        while missing and (now := clock.monotonic_ns()) < given_up:
            while following < len(due) and due[following] <= now:
                sent[following] = now
                connection.send(NUMBER.pack(following) + self._rest)
                following += 1
                now = clock.monotonic_ns()
            until = due[following] if following < len(due) else given_up
            if not select.select([connection], [], [], max(0.0, (until - now) / SECOND))[0]:
                continue
            partial += connection.recv(RECEIVE)
            now = clock.monotonic_ns()
            for at in range(0, len(partial) // self._size * self._size, self._size):
                received[NUMBER.unpack_from(partial, at)[0]] = now
                missing -= 1
            partial = partial[len(partial) // self._size * self._size :]
        self._times = array("q")
        for times in zip(due, sent, received, strict=True):
            self._note(*times)
        return {}, self._times

    def _connection(self, way: str) -> socket.socket:
        if way not in self._open:
            self._open[way] = self._connect(way)
        return self._open[way]

    def _connect(self, way: str, nodelay: bool = True) -> socket.socket:
        if way == "udp":
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        else:
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
        made.settimeout(PATIENCE)
        made.connect(
            self._where
        )  # over UDP, too: then an address is looked at once, and not for each datagram
        return made

    def _exchange(self, connection: socket.socket, request: bytes) -> bool:
        """Send it in one, and wait for its answer; whether it came."""
        connection.sendall(request)
        if connection.type == socket.SOCK_STREAM:
            return self._whole(connection)
        try:
            while connection.recv(RECEIVE) != request:
                pass  # an answer to one that was given up
        except TimeoutError:
            return False
        return True

    def _whole(self, connection: socket.socket) -> bool:
        missing = self._size
        while missing:
            data = connection.recv(missing)
            if not data:
                return False
            missing -= len(data)
        return True

    def _note(self, due: int, sent: int, received: int) -> None:
        self._times.extend((due, sent, received))


def _sleep_until(moment: int) -> None:
    time.sleep(max(0, moment - clock.monotonic_ns()) / SECOND)


def main() -> int:
    """`python -m benchmarks.echo.client`"""
    options = Parser(prog="python -m benchmarks.echo.client", description=__doc__)
    options.add_argument("--port", type=int, required=True, help="where the server listens")
    options.add_argument("--size", type=int, required=True, help="bytes of a request")
    options.add_argument("--cpu", type=int, help="the processor to run on; without it, any")
    chosen = options.parse_args()
    client = Client(chosen.port, chosen.size)
    prepare(chosen.cpu)
    serve(
        {
            "round_trips": client.round_trips,
            "in_parts": client.in_parts,
            "closed": client.closed,
            "open": client.open,
        }
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

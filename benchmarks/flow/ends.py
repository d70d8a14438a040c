"""The process that holds both ends of all flows of a run.

    python -m benchmarks.flow.ends --host 10.7.0.1 --transports tcp,udp --flows 30 …

It talks in lines of JSON, as the load does: says on which port it listens; is told {"to": [HOST, PORT]}, where the
way to itself begins, and connects; says from which port each flow is sent, and is told {"start": NANOSECONDS}; sends
each message when it is due and notes each that comes; says what it counted, followed by its records in binary, and
stays until its input ends, so that the kernel can be asked about its connections.

A message is its flow's number and its own (4 bytes each, network order), filled up to its size: over TCP nothing else
is needed to find where the next one begins.
"""

import argparse
import gc
import json
import select
import selectors
import socket
import struct
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.orders import told
from benchmarks.schedule import Due, evenly
from common import clock
from common.command_line import Parser

HEAD = struct.Struct("!II")
"""Flow and number, at the beginning of each message."""

SECOND = 1_000_000_000

RECEIVE = 65_536
"""Bytes asked for at a time; no datagram is larger."""

BUFFER = 4 * 1024 * 1024
"""Bytes of receive buffer of the datagrams' end: what is lost is to be lost on the link."""

CONNECTING = 15.0
"""Seconds for all connections: the link has its delay by then, and loses nothing yet."""


class Sender:
    """The sending end of one flow. What its connection does not take waits."""

    def __init__(self, flow: int, transport: str, where: tuple[str, int], size: int) -> None:
        self.flow = flow
        self.transport = transport
        self.stream = transport == "tcp"
        self._rest = bytes(size - HEAD.size)
        self.waiting = b""
        self.refused = 0
        """Datagrams that this kernel did not take."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.stream else socket.SOCK_DGRAM)
        if self.stream:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        with suppress(BlockingIOError):  # it takes a round trip: who is accepted is connected
            self.socket.connect(where)

    @property
    def port(self) -> int:
        """From which it sends."""
        found: int = self.socket.getsockname()[1]
        return found

    def say(self, number: int) -> None:
        """Send message `number`, or put it behind what waits."""
        self._send(self.waiting + HEAD.pack(self.flow, number) + self._rest)

    def flush(self) -> None:
        """Try again to send what waits."""
        if self.waiting:
            self._send(self.waiting)

    def _send(self, data: bytes) -> None:
        try:
            taken = self.socket.send(data)
        except BlockingIOError:
            taken = 0
            self.refused += not self.stream
        self.waiting = data[taken:] if self.stream else b""


class Ends:
    """Both ends of all flows. `options` are those of `parser`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._transports = options.transports.split(",")
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((options.host, options.port), backlog=options.flows + 8)
        self.port: int = self._listener.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._datagrams.bind((options.host, self.port))
        self._datagrams.setblocking(False)
        self._selector.register(self._datagrams, selectors.EVENT_READ, None)
        self._senders: list[Sender] = []
        self._partial: dict[socket.socket, bytearray] = {}
        self.sends = array("q")
        """Flow, number, due, sent: four numbers for each message."""
        self.arrivals = array("q")
        """Flow, number, received: three for each that came."""
        self._heard = 0

    def connect(self, where: tuple[str, int]) -> list[dict[str, Any]]:
        """Open all flows; the transport of each, and the port from which it is sent."""
        for transport in self._transports:
            for _ in range(self._options.flows):
                self._senders.append(Sender(len(self._senders), transport, where, self._options.size))
        self._listener.settimeout(CONNECTING)
        for _ in filter(lambda sender: sender.stream, self._senders):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            self._partial[connection] = bytearray()
            self._selector.register(connection, selectors.EVENT_READ, connection)
        return [{"transport": sender.transport, "port": sender.port} for sender in self._senders]

    def _plan(self) -> list[Due]:
        """When each message of each flow is due. Both transports have the same moments."""
        options = self._options
        flows = options.flows
        planned = evenly(options.seed, options.repeat, flows, flows / options.interval, options.seconds)
        if options.together:
            many = round(options.seconds / options.interval)
            gap = round(options.interval * SECOND)
            planned = [Due(number * gap, flow, number) for number in range(many) for flow in range(flows)]
        return [
            Due(at, turn * flows + flow, number)
            for at, flow, number in planned
            for turn in range(len(self._transports))
        ]

    def run(self, start: int) -> dict[str, Any]:
        """Send each message when it is due, and note what comes, until all that TCP was given has come and datagrams
        have had their time to settle; at most `drain` seconds."""
        plan = self._plan()
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in the middle of a run would be measured as the network's delay
        ends = start + round(self._options.seconds * SECOND)
        settled = ends + round(self._options.settle * SECOND)
        given_up = ends + round(self._options.drain * SECOND)
        streamed = sum(self._senders[flow].stream for _, flow, _ in plan)
        following = 0
        began = time.process_time()
        while True:
            now = clock.monotonic_ns()
            while following < len(plan) and start + plan[following].at <= now:
                at, flow, number = plan[following]
                following += 1
                self._senders[flow].say(number)
                self.sends.extend((flow, number, start + at, now))
                now = clock.monotonic_ns()
            if following == len(plan):
                if now >= given_up or (now >= settled and self._heard >= streamed):
                    break
                until = settled if now < settled else min(given_up, now + SECOND // 50)
            else:
                until = start + plan[following].at
            self._receive(max(0, until - now) / SECOND)
            for sender in self._senders:
                sender.flush()
        return {
            "cpu": (time.process_time() - began) / ((clock.monotonic_ns() - start) / SECOND),
            "refused": sum(sender.refused for sender in self._senders),
            "complete": self._heard >= streamed,
        }

    def _receive(self, seconds: float) -> None:
        # epoll waits in whole milliseconds; select waits in microseconds, and can wait for epoll.
        if isinstance(self._selector, getattr(selectors, "EpollSelector", ())):
            select.select([self._selector.fileno()], [], [], seconds)
            seconds = 0
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                self._take_datagrams()
            else:
                self._take(key.data)

    def _take_datagrams(self) -> None:
        with suppress(BlockingIOError):  # that was all
            while True:
                data = self._datagrams.recv(RECEIVE)
                now = clock.monotonic_ns()  # behind `recv`: what is read had come by then
                if len(data) == self._options.size:
                    self.arrivals.extend((*HEAD.unpack_from(data), now))

    def _take(self, connection: socket.socket) -> None:
        partial = self._partial[connection]
        try:
            data = connection.recv(RECEIVE)
        except BlockingIOError:
            return
        now = clock.monotonic_ns()
        if not data:
            self._selector.unregister(connection)
        partial += data
        for message in self._messages(partial):
            self.arrivals.extend((*message, now))
            self._heard += 1

    def _messages(self, partial: bytearray) -> Iterator[tuple[int, int]]:
        """The messages at the beginning of these bytes, which are taken away."""
        size = self._options.size
        whole = len(partial) // size
        for at in range(whole):
            yield HEAD.unpack_from(partial, at * size)
        del partial[: whole * size]


def parser() -> Parser:
    """What `run.py` tells this process."""
    options = Parser(prog="python -m benchmarks.flow.ends", description=__doc__)
    options.add_argument("--host", required=True, help="where the receiving end listens")
    options.add_argument("--port", type=int, default=0, help="0: any free one")
    options.add_argument("--transports", default="tcp,udp")
    options.add_argument("--together", action="store_true", help="all flows speak at the same moments")
    for name in ("flows", "size", "seed", "repeat"):
        options.add_argument(f"--{name}", type=int, required=True)
    for name in ("interval", "seconds", "settle", "drain"):
        options.add_argument(f"--{name}", type=float, required=True)
    return options


def main() -> int:
    """`python -m benchmarks.flow.ends`"""
    with suppress(
        OSError
    ):  # the kernel may put off a wake-up by 50 µs to save power: that would be our lateness
        Path("/proc/self/timerslack_ns").write_text("1")
    try:
        ends = Ends(parser().parse_args())
        _tell({"port": ends.port})
        if (to := told("to")) is None:
            return 0  # whoever started us is gone
        _tell({"flows": ends.connect((to[0], to[1]))})
        if (start := told("start")) is None:
            return 0
        counted = ends.run(start)
    except OSError as error:
        print(f"The flows can't be made: {error.strerror or error}.", file=sys.stderr)
        return 1
    numbers = {"sends": len(ends.sends), "arrivals": len(ends.arrivals)}
    _tell(counted | numbers, ends.sends.tobytes() + ends.arrivals.tobytes())
    sys.stdin.readline()
    return 0


def _tell(message: dict[str, Any], body: bytes = b"") -> None:
    line = json.dumps(message | {"bytes": len(body)}).encode() + b"\n"
    sys.stdout.buffer.write(line + body)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())

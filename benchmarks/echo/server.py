"""A server that gives back every request, over UDP and over TCP, at one port.

    python -m benchmarks.echo.server --size 100 [--cpu 0]

A request is `--size` bytes, however many sends it came in: over TCP it is answered when it is there as a whole, in one
send, and over UDP a datagram is one. It does one thing at a time, as many servers do: when it is told to stand still,
everybody waits.

It says {"port": NUMBER}. Orders: {"do": "stall", "at": [NANOSECONDS, …], "seconds": S} makes it stand still at these
moments of the monotonic clock; {"do": "stalled"} asks when it really did.
"""

import selectors
import socket
import sys
import time

from benchmarks.echo.orders import Answer, obey, prepare, tell
from common import clock
from common.command_line import Parser

LOCALHOST = "127.0.0.1"

RECEIVE = 65_536
"""Bytes asked for at a time; no datagram is larger."""

SECOND = 1_000_000_000


class Server:
    """Its sockets, and when it is to stand still. Whoever asks has to read the answers: it waits for nobody else
    meanwhile."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((LOCALHOST, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((LOCALHOST, self.port))
        self._partial: dict[socket.socket, bytearray] = {}
        self._stalls: list[int] = []
        self._seconds = 0.0
        self._stood: list[list[int]] = []
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._datagrams, selectors.EVENT_READ, self._answer_datagram)
        self._selector.register(sys.stdin, selectors.EVENT_READ, self._order)
        self._ended = False

    def run(self) -> None:
        """Answer until there are no more orders."""
        while not self._ended:
            wait = None
            if self._stalls:
                wait = max(0.0, (self._stalls[0] - clock.monotonic_ns()) / SECOND)
            for key, _ in self._selector.select(wait):
                key.data(key.fileobj)
            if self._stalls and clock.monotonic_ns() >= self._stalls[0]:
                del self._stalls[0]
                self._stand_still()

    def stall(self, at: list[int], seconds: float) -> Answer:
        """Stand still for so many seconds from each of these moments on."""
        self._stalls, self._seconds, self._stood = sorted(at), seconds, []
        return {"planned": len(at)}

    def stalled(self) -> Answer:
        """From when to when it stood still."""
        return {"stood": self._stood}

    def _stand_still(self) -> None:
        began = clock.monotonic_ns()
        time.sleep(self._seconds)
        self._stood.append([began, clock.monotonic_ns()])

    def _order(self, _: object) -> None:
        # Who gives orders waits for each answer: there is never a second line behind this one.
        line = sys.stdin.buffer.readline()
        if line:
            obey(line, {"stall": self.stall, "stalled": self.stalled})
        self._ended = not line

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._partial[connection] = bytearray()
        self._selector.register(connection, selectors.EVENT_READ, self._answer)

    def _answer_datagram(self, datagrams: socket.socket) -> None:
        data, sender = datagrams.recvfrom(RECEIVE)
        datagrams.sendto(data, sender)

    def _answer(self, connection: socket.socket) -> None:
        partial = self._partial[connection]
        try:
            data = connection.recv(RECEIVE)
        except ConnectionResetError:  # its client was ended in the middle of something
            data = b""
        if not data:
            self._selector.unregister(connection)
            connection.close()
            del self._partial[connection]
        elif not partial and len(data) == self._size:  # the usual case, as short as with a datagram
            connection.sendall(data)
        else:
            partial += data
            if whole := len(partial) // self._size * self._size:
                connection.sendall(partial[:whole])
                del partial[:whole]


def main() -> int:
    """`python -m benchmarks.echo.server`"""
    options = Parser(prog="python -m benchmarks.echo.server", description=__doc__)
    options.add_argument("--size", type=int, required=True, help="bytes of a request")
    options.add_argument("--cpu", type=int, help="the processor to run on; without it, any")
    chosen = options.parse_args()
    try:
        server = Server(chosen.size)
    except OSError as error:
        print(f"The server can't start: {error.strerror or error}.", file=sys.stderr)
        return 1
    prepare(chosen.cpu)
    tell({"port": server.port})
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

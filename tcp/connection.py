"""One TCP connection of the server: its socket, and what waits until the other end reads.

`send` never waits. What the socket does not take stays in the outbox, in order, and goes on when the
selector says that there is room again. Only the room thread sends, so two messages never mix inside
one another's frame; only the connection's reader thread receives.
"""

import math
import socket
import threading

from common import limits, waiting


class Connection:
    """A peer of the TCP server. Its `name` is `host:port`, for people."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self.sock = sock
        self.name = name
        self.turn = threading.Lock()
        """Taken by the reader when it hands messages on, released by the room thread when it has dealt
        with them: a reader is never more than one `recv` ahead, and what waits for the room is bounded."""
        self.waiting = bytearray()
        """The outbox: what the socket has not taken yet."""
        self.ending = threading.Event()
        """Set when we have decided to end the connection: what it still says no longer counts."""
        self.ends_at = math.inf
        """Until when it may then take our last words."""
        self.broken = False
        """Nothing more can be sent; the reader is about to find out, if it does not know yet."""
        waiting.prepare(sock)
        set_options(sock)

    def receive(self) -> bytes:
        """Wait for bytes; `b""` when the other end has closed. Raises OSError if the connection broke."""
        return waiting.receive(self.sock, limits.READ_SIZE)

    def send(self, data: bytes) -> None:
        """Put `data` on the way, behind what already waits. Does not wait, does not raise."""
        if self.broken or self.ending.is_set():
            return
        if self.waiting:
            self.waiting += data
            return
        taken = self._give(data)
        if taken < len(data):
            self.waiting += memoryview(data)[taken:]

    def flush(self) -> None:
        """Send what waits, as much of it as the socket takes now."""
        if self.waiting:
            with memoryview(self.waiting) as view:
                taken = self._give(view)
            del self.waiting[:taken]
        if self.ending.is_set() and not self.waiting:
            # Our direction only: a `close` with bytes unread would send a reset, and a reset makes the other
            # end throw away our last words. The reader reads on until the other end closes too.
            self._shutdown(socket.SHUT_WR)

    def end(self, by: float) -> None:
        """Send what waits and then no more; who has not read it by the time `by` is cut off."""
        if not self.ending.is_set():
            self.ends_at = by
            self.ending.set()
            self.flush()

    def cut(self) -> None:
        """End the connection now. `shutdown` makes the reader's `recv` end, which `close` would not."""
        self.broken = True
        self.ending.set()
        self.waiting.clear()
        self._shutdown(socket.SHUT_RDWR)

    def _give(self, data: bytes | memoryview) -> int:
        """How much of `data` is off our hands: what the socket took, or all of it if nobody reads it any more."""
        try:
            return self.sock.send(data, waiting.DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError:
            self.broken = True
            self._shutdown(socket.SHUT_RDWR)
            return len(data)

    def _shutdown(self, how: int) -> None:
        try:
            self.sock.shutdown(how)
        except OSError:
            self.broken = True  # the other end was quicker; the reader finds out by itself


def set_options(sock: socket.socket) -> None:
    """What both ends of a chat want of TCP."""
    # Nagle's algorithm holds a small message back until the last one is acknowledged, and the other
    # end delays that acknowledgement by 40 ms: together they make every answer late.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A peer whose machine lost its power says nothing, ever. After 15 s of silence TCP asks, and once more after 30;
    # after 45 s it is gone. The same goes for what it does not acknowledge, which TCP would repeat for 15 minutes.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", int(limits.HEARTBEAT)),
        ("TCP_KEEPALIVE", int(limits.HEARTBEAT)),  # its name on macOS
        ("TCP_KEEPINTVL", int(limits.HEARTBEAT)),
        ("TCP_KEEPCNT", limits.MISSED_HEARTBEATS - 1),
        ("TCP_USER_TIMEOUT", int(limits.SILENCE * 1000)),
    ):
        if hasattr(socket, option):  # no system has all of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

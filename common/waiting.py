"""Waiting for a TCP connection while another thread may end it.

On Linux `shutdown` wakes whoever waits in `recv`, `send` or `accept` on the same socket. Windows lets them wait for
ever, and macOS some of them. There a socket does not wait by itself: whoever uses it waits here, looks around twice a
second, and hears from its next call that the socket was shut down.
"""

import selectors
import socket
import sys
from contextlib import suppress

LOOK_AROUND: float | None = None if sys.platform == "linux" else 0.5
"""Seconds that a thread waits at most before it looks around; None where `shutdown` wakes it."""

DONTWAIT = 0
"""The flag that makes one `send` not wait while the reader's `recv` on the same socket does. macOS has the flag, and
waits in `send` all the same; Windows has none. There the socket itself does not wait."""

if sys.platform == "linux":
    DONTWAIT = socket.MSG_DONTWAIT
if sys.platform == "win32":
    Selector = selectors.SelectSelector
else:
    Selector = selectors.PollSelector  # select() takes no file whose number is above 1,023


def prepare(sock: socket.socket) -> None:
    """Make a connected socket wait in its own calls (Linux), or in ours."""
    sock.setblocking(LOOK_AROUND is None)


def receive(sock: socket.socket, size: int) -> bytes:
    """Wait for bytes, `size` at most; `b""` when the other end has closed. Raises OSError if the connection broke."""
    while True:
        try:
            return sock.recv(size)
        except BlockingIOError:
            _wait(sock, selectors.EVENT_READ)


def send_all(sock: socket.socket, data: bytes) -> None:
    """Send `data`, and wait until the socket has taken all of it. Raises OSError if the connection broke."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[sock.send(rest) :]
        except BlockingIOError:
            _wait(sock, selectors.EVENT_WRITE)


def _wait(sock: socket.socket, event: int) -> None:
    with Selector() as selector, suppress(ValueError):  # closed by another thread: the next call says so
        selector.register(sock, event)
        selector.select(LOOK_AROUND)

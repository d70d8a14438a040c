"""Waiting for a TCP connection while another thread may end it, or does not want it any more.

On Linux `shutdown` wakes whoever waits in `recv`, `send` or `accept` on the same socket. Windows lets them wait for
ever, and macOS some of them. There a socket does not wait by itself: whoever uses it waits here, and checks twice a
second; the next call then reports the shutdown.
"""

import ctypes
import os
import selectors
import socket
import sys
from contextlib import suppress
from threading import Event

from common import clock
from common.addresses import Address

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


def connect(sock: socket.socket, address: Address, seconds: float, leaving: Event) -> None:
    """Connect to `address` within `seconds`, and `prepare`. Raises OSError if that fails, or once `leaving` is set:
    every system looks around here, since a `shutdown` that comes just before `connect` would wake nobody."""
    until = clock.monotonic() + seconds
    sock.setblocking(False)
    there = leaving.is_set()
    if not there:
        with suppress(BlockingIOError):  # it is on its way
            sock.connect(address)
    while not there and not leaving.is_set():
        there = _wait(sock, selectors.EVENT_WRITE, 0.5 if LOOK_AROUND is None else LOOK_AROUND)
        if not there and clock.monotonic() >= until:
            raise TimeoutError("timed out")
    if leaving.is_set():
        raise OSError("we are leaving")
    if number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(number, _words(number))
    prepare(sock)


def receive(sock: socket.socket, size: int) -> bytes:
    """Wait for bytes, `size` at most; `b""` when the other end has closed. Raises OSError if the connection broke."""
    while True:
        try:
            return sock.recv(size)
        except BlockingIOError:
            _wait(sock, selectors.EVENT_READ, LOOK_AROUND)


def send_all(sock: socket.socket, data: bytes) -> None:
    """Send `data`, and wait until the socket has taken all of it. Raises OSError if the connection broke."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[sock.send(rest) :]
        except BlockingIOError:
            _wait(sock, selectors.EVENT_WRITE, LOOK_AROUND)


def _words(number: int) -> str:
    """What the system calls an error."""
    if sys.platform == "win32":
        return ctypes.FormatError(number)
    return os.strerror(number)


def _wait(sock: socket.socket, event: int, seconds: float | None) -> bool:
    """Wait for so many seconds at most; whether a call would not have to wait now."""
    with Selector() as selector:
        try:
            selector.register(sock, event)
        except ValueError:  # closed by another thread: the next call says so
            return True
        return bool(selector.select(seconds))

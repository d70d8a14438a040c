"""One member of the load: its socket, its side of the conversation, and what its socket has not taken yet."""

import errno
import selectors
import socket
from collections.abc import Iterator
from contextlib import suppress

from benchmarks.drivers import Driver
from common import addresses, clock, limits

GULP = 16
"""Datagrams read from one member before the next member's turn."""


class Gone(Exception):
    """A member can't take part, or no longer does; the text says why."""


class Seat:
    """Member `number` of `members`, connected to `where` = (host, port), with a `receive_buffer` of so many bytes
    instead of the usual one. Raises Gone if it can't be connected."""

    def __init__(
        self,
        driver: Driver,
        number: int,
        members: int,
        where: tuple[str, int],
        selector: selectors.BaseSelector,
        receive_buffer: int | None = None,
    ) -> None:
        self.number = number
        self.member = driver.member(f"m{number}", members)
        self.refused = 0
        """Datagrams the kernel did not take: lost before they were on their way."""
        self._stream = driver.stream
        self._selector = selector
        self._waiting = bytearray()
        self._met = False  # something has come: there is somebody
        self._closed = False
        kind = socket.SOCK_STREAM if driver.stream else socket.SOCK_DGRAM
        family, self._address = addresses.resolve(*where, kind)[0]
        self.socket = socket.socket(family, kind)
        """Whoever reads from it, or writes to it, takes over from `receive` and `say` for good."""
        self.socket.setblocking(False)
        if driver.stream:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            # A load that is busy with another member must not lose what the server has sent to this one.
            receive_buffer = receive_buffer or limits.UDP_BUFFER
        if receive_buffer:  # before it connects: TCP tells the other end of it then
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.connect(self._address)
        except BlockingIOError:
            pass  # it takes a round trip; what is sent meanwhile waits, and `receive` says if it fails
        except OSError as error:
            self.socket.close()
            raise Gone(f"{self.member.nick} {self._unreachable(error)}") from error
        selector.register(self.socket, selectors.EVENT_READ, self)

    def begin(self, now: float) -> None:
        """Say hello."""
        self._send_all(self.member.begin(now))

    def wake(self, now: float) -> None:
        """Repeat what has no answer."""
        self._send_all(self.member.wake(now))

    def say(self, text: str) -> None:
        """Put a message on its way, or behind what already waits."""
        self._send(self.member.say(text))

    def receive(self) -> Iterator[tuple[int, str]]:
        """The texts that have come, each with the time of the `recv` that brought it, in nanoseconds of the
        monotonic clock. Take them all. Raises Gone, once, when no more will come."""
        for _ in range(1 if self._stream else GULP):
            try:
                data = self.socket.recv(limits.RECV_SIZE)
            except BlockingIOError:
                return
            except OSError as error:
                if not self._met:
                    self.close()
                    raise Gone(self._unreachable(error)) from error
                raise self._end(error.strerror or str(error)) from error
            self._met = True
            received = clock.monotonic_ns()  # before the bytes are read: that is our work, not the server's
            if not data and self._stream:
                raise self._end("the server closed the connection")
            for text in self.member.receive(data, received / 1e9):
                yield received, text
            if self.member.replies:
                self._send_all(self.member.replies)
                self.member.replies = []

    def flush(self) -> None:
        """The socket takes more: send what waits."""
        waiting, self._waiting = self._waiting, bytearray()
        self._selector.modify(self.socket, selectors.EVENT_READ, self)
        self._send(bytes(waiting))

    def close(self) -> None:
        """Leave."""
        if not self._closed:
            self._closed = True
            self._selector.unregister(self.socket)
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
            self.socket.close()

    def _send_all(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._send(piece)

    def _send(self, data: bytes) -> None:
        if self._closed:
            return
        taken = 0
        if not self._waiting:
            try:
                taken = self.socket.send(data)
            except BlockingIOError:
                self.refused += not self._stream
            except OSError as error:
                if not (self._stream and error.errno == errno.ENOTCONN):  # not on Linux: not connected yet
                    return  # the next `recv` says why
        if self._stream and taken < len(data):
            if not self._waiting:
                both = selectors.EVENT_READ | selectors.EVENT_WRITE
                self._selector.modify(self.socket, both, self)
            self._waiting += memoryview(data)[taken:]

    def _unreachable(self, error: OSError) -> str:
        return f"can't connect to {addresses.show(self._address)}: {error.strerror or error}"

    def _end(self, reason: str) -> Gone:
        self.close()
        return Gone(reason)

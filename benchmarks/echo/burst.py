"""One end of a burst: who sends it as fast as it can, or who ought to read it and is busy.

    python -m benchmarks.echo.burst

Orders name a method of `End`. A reader is busy as long as it is not told to read: nothing but its socket's buffer takes
what comes meanwhile.
"""

import select
import socket
import struct
import sys
from contextlib import suppress

from benchmarks.echo.orders import Answer, prepare, serve
from benchmarks.echo.server import LOCALHOST, RECEIVE
from common import clock

NUMBER = struct.Struct("!I")
"""At the beginning of each message; one that is shorter has none."""

SO_RCVBUFFORCE = 33
SO_MEMINFO = 55
"""Of Linux (asm-generic/socket.h); Python has no names for them."""

MEMINFO = struct.Struct("9I")
CHARGED, DROPPED = 0, 8
"""What SO_MEMINFO tells: nine numbers, of which these are the bytes charged to the receive buffer and what found no
place in it (SK_MEMINFO_RMEM_ALLOC and SK_MEMINFO_DROPS of linux/sock_diag.h)."""

QUIET = 0.25
"""Seconds without anything after which all has come that will."""


class End:
    """A socket, and what is done with it."""

    def __init__(self) -> None:
        self._socket = socket.socket()

    def listen(self, buffer: int | None) -> Answer:
        """A new socket for datagrams, with a receive buffer of so many bytes, or with the system's default. Linux
        grants twice what is asked for, up to twice net.core.rmem_max; root may have more (socket(7))."""
        self._socket.close()
        made = self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            if made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 2 * buffer:
                with suppress(OSError):  # only root may; what was granted is told, whatever it is
                    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer)
        made.bind((LOCALHOST, 0))
        granted = made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        return {"port": made.getsockname()[1], "granted": granted}

    def listen_stream(self) -> Answer:
        """A new socket for one TCP connection."""
        self._socket.close()
        self._socket = socket.create_server((LOCALHOST, 0))
        return {"port": self._socket.getsockname()[1]}

    def look(self) -> Answer:
        """What the kernel says of the socket, without reading: bytes charged, datagrams dropped."""
        told = MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size))
        return {"charged": told[CHARGED], "dropped": told[DROPPED]}

    def read(self) -> Answer:
        """Read all that is there: how many, and how many of the first sent are among them without a gap."""
        numbers = []
        arrived = 0
        while select.select([self._socket], [], [], QUIET)[0]:
            data = self._socket.recv(RECEIVE)
            arrived += 1
            if len(data) >= NUMBER.size:
                numbers.append(NUMBER.unpack_from(data)[0])
        first = 0
        for number in sorted(numbers):
            if number != first:
                break
            first += 1
        return {"arrived": arrived, "first": first}

    def read_stream(self, size: int) -> Answer:
        """Accept the connection and read until it ends: how many messages of `size` bytes came."""
        connection, _ = self._socket.accept()
        many = 0
        with connection:
            while data := connection.recv(RECEIVE):
                many += len(data)
        return {"arrived": many // size}

    def send(self, port: int, count: int, size: int) -> Answer:
        """Send `count` datagrams of `size` bytes, one right behind the other: how many the kernel took, how many it
        refused with an error, and how many seconds that was."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((LOCALHOST, port))
            messages = [(NUMBER.pack(number) + bytes(size))[:size] for number in range(count)]
            errors = 0
            began = clock.monotonic()
            for message in messages:
                try:
                    sender.send(message)
                except OSError:  # it is the question whether there are any
                    errors += 1
            return {"taken": count - errors, "errors": errors, "seconds": clock.monotonic() - began}

    def send_stream(self, port: int, count: int, size: int) -> Answer:
        """Connect, and send `count` messages of `size` bytes until the kernel takes no more: bytes that it took."""
        self._socket.close()
        sender = self._socket = socket.create_connection((LOCALHOST, port))
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sender.setblocking(False)
        taken = 0
        with suppress(BlockingIOError):  # that is TCP's way to tell the sender
            for _ in range(count):
                part = sender.send(bytes(size))
                taken += part
                if part < size:
                    break
        return {"taken": taken}

    def finish(self, rest: int) -> Answer:
        """Send so many more bytes, waiting for the reader where need be, and end the connection."""
        self._socket.setblocking(True)
        self._socket.sendall(bytes(rest))
        self._socket.close()
        return {"finished": True}


def main() -> int:
    """`python -m benchmarks.echo.burst`"""
    end = End()
    prepare()
    deeds = (
        end.listen,
        end.listen_stream,
        end.look,
        end.read,
        end.read_stream,
        end.send,
        end.send_stream,
        end.finish,
    )
    serve({deed.__name__: deed for deed in deeds})
    return 0


if __name__ == "__main__":
    sys.exit(main())

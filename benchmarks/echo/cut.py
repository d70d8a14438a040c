"""A datagram that meets a buffer which may be too small for it."""

import socket
from dataclasses import dataclass

from benchmarks.network import LOCALHOST

NEXT = b"the next one"

PATIENCE = 5.0
"""Seconds within which a datagram has crossed loopback."""


@dataclass(frozen=True)
class Cut:
    """A datagram that met a `buffer`: how many bytes `recv` returned, whether the kernel said that it `cut` it, and
    whether the next `recv` returned the `next` datagram, and not the rest of this one."""

    buffer: int
    returned: int
    cut: bool
    next: bool


def cut(size: int, buffer: int) -> Cut:
    """Receive a datagram of `size` bytes into a buffer of so many. Raises OSError."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bob,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ann,
    ):
        bob.bind((LOCALHOST, 0))
        bob.settimeout(PATIENCE)
        ann.connect(bob.getsockname())
        ann.send(b"x" * size)
        ann.send(NEXT)
        data, _, flags, _ = bob.recvmsg(buffer)
        return Cut(buffer, len(data), bool(flags & socket.MSG_TRUNC), bob.recv(buffer) == NEXT)

"""Many datagrams with one call: `recvmmsg` (Linux), which Python's socket module does not have.

A member of a room in which everybody talks finds dozens of datagrams each time it is looked at. With a call for each
the load would be slower than a server that sends many with one.
"""

import ctypes
import socket
from collections.abc import Callable

SLOT = 2048
"""Bytes for a datagram: the bench's are some hundred, and what a server answers to a hello is read before."""

MANY = 64
"""Datagrams of one call."""


class _Buffer(ctypes.Structure):
    """`struct iovec`, readv(2)"""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """`struct msghdr`, recvmsg(2)"""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("buffers", ctypes.c_void_p),
        ("buffer_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """`struct mmsghdr`, recvmmsg(2)"""

    _fields_ = (("message", _Message), ("received", ctypes.c_uint))


class Receiver:
    """Reads from any number of sockets, one at a time, into one memory. Linux."""

    def __init__(self) -> None:
        self._call: Callable[..., int] = ctypes.CDLL(None).recvmmsg
        self._memory = memoryview(bytearray(SLOT * MANY))
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._buffers = (_Buffer * MANY)()
        self._headers = (_Header * MANY)()
        for slot, (buffer, header) in enumerate(zip(self._buffers, self._headers, strict=True)):
            buffer.base, buffer.length = start + SLOT * slot, SLOT
            header.message.buffers, header.message.buffer_count = ctypes.addressof(buffer), 1
        # Where the kernel writes how long each datagram was, without a Python object for each header.
        words = memoryview(self._headers).cast("B").cast("I")
        self._lengths = words[_Header.received.offset // 4 :: ctypes.sizeof(_Header) // 4]

    def receive(self, file: int) -> list[bytes]:
        """What waits at the socket with this file descriptor, up to `MANY` datagrams; none if nothing does, or if an
        earlier datagram met a closed port."""
        count = self._call(file, self._headers, MANY, socket.MSG_DONTWAIT, None)
        memory, lengths = self._memory, self._lengths
        return [
            bytes(memory[at : at + lengths[slot]]) for slot, at in enumerate(range(0, count * SLOT, SLOT))
        ]

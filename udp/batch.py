"""One message to many addresses, in one call of the kernel where it has such a call.

A `sendto` for each member of the room is what a UDP server comes to: over UDP nothing can be joined, a message
is a datagram, and a datagram has one receiver. Linux has sendmmsg(2), which takes a list of datagrams: the kernel
does the same work for each, and what it costs to enter it and to come back is paid once. Elsewhere it is a
`sendto` each, and nobody notices but the processor.
"""

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from common.addresses import Address
from udp.wildcard import Item, Wildcard, taken_apart


class Receiver(Protocol):
    """Whom a datagram is for."""

    address: Address


class _Buffer(ctypes.Structure):  # struct iovec
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):  # struct msghdr
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("buffers", ctypes.c_void_p),
        ("buffer_count", ctypes.c_size_t),
        ("control", ctypes.c_char_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Datagram(ctypes.Structure):  # struct mmsghdr
    _fields_ = (("header", _Header), ("sent", ctypes.c_uint))


def _find_sendmmsg() -> Callable[..., int] | None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            return ctypes.CDLL(None, use_errno=True).sendmmsg
    return None


SENDMMSG = _find_sendmmsg()
"""The kernel's call; None where there is none."""


def written_down(address: Address) -> bytes:
    """An address as the kernel writes it down (struct sockaddr_in or sockaddr_in6), on Linux."""
    host, port = address[:2]
    if len(address) == 2:
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
    flow, scope = address[2:]
    number = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return (
        struct.pack("=H", socket.AF_INET6)
        + struct.pack("!HI", port, flow)
        + number
        + struct.pack("=I", scope)
    )


def enclosed(items: Sequence[Item]) -> bytes:
    """What is sent along with a datagram, as the kernel reads it (struct cmsghdr), on Linux. Each item begins where a
    `size_t` may: that is what `0N` pads to."""
    header = struct.calcsize("@Nii")
    return b"".join(
        struct.pack(f"@Nii{len(data)}s0N", header + len(data), level, kind, data)
        for level, kind, data in items
    )


class Batch:
    """Sends through `sock`, which does not wait. Each datagram is on its way or is not: what the kernel does not
    take is not tried again."""

    def __init__(self, sock: socket.socket | Wildcard) -> None:
        self._socket = sock
        self._buffer = _Buffer()
        self._receivers: Sequence[Receiver] = ()
        self._names = bytearray()
        self._datagrams: ctypes.Array[_Datagram] = (_Datagram * 0)()

    def send(self, payload: bytes, receivers: Sequence[Receiver]) -> list[OSError]:
        """Send `payload` to each of `receivers`. Returns an error for each datagram that the kernel did not take.

        The same object is taken for the same receivers at the same addresses: `forget` it if one of them moves."""
        if SENDMMSG is None or len(receivers) < 2:
            return self._one_by_one(payload, receivers)
        errors = []
        if receivers is not self._receivers:
            self._address_to(receivers)
        self._buffer.data, self._buffer.size = payload, len(payload)
        done, count, size = 0, len(receivers), ctypes.sizeof(_Datagram)
        while done < count:  # the kernel takes 1,024 at most, and stops before one that fails
            rest = ctypes.byref(self._datagrams, done * size)
            taken = SENDMMSG(self._socket.fileno(), rest, count - done, 0)
            if taken < 0:  # the first of the rest; it never says so of one behind others that it took
                number = ctypes.get_errno()
                errors.append(OSError(number, os.strerror(number)))
                taken = 1
            done += taken
        return errors

    def forget(self) -> None:
        """Somebody has another address now."""
        self._receivers = ()

    def _one_by_one(self, payload: bytes, receivers: Sequence[Receiver]) -> list[OSError]:
        errors = []
        for receiver in receivers:
            try:
                self._socket.sendto(payload, receiver.address)
            except OSError as error:
                errors.append(error)
        return errors

    def _address_to(self, receivers: Sequence[Receiver]) -> None:
        """The same buffer for all of them, and each its own address: made when somebody comes or goes, and not for
        every message."""
        self._receivers = receivers
        parts = [taken_apart(receiver.address) for receiver in receivers]
        name_size = len(written_down(parts[0][0]))
        self._names = bytearray(name_size * len(receivers))
        names = ctypes.addressof(ctypes.c_char.from_buffer(self._names))
        # A power of two of them: ctypes makes a class for each length.
        self._datagrams = (_Datagram * (1 << len(receivers).bit_length()))()
        buffer = ctypes.addressof(self._buffer)
        for number, (address, items) in enumerate(parts):
            start = number * name_size
            self._names[start : start + name_size] = written_down(address)
            header = self._datagrams[number].header
            header.name, header.name_size = names + start, name_size
            header.buffers, header.buffer_count = buffer, 1
            if items:
                control = enclosed(items)
                header.control, header.control_size = control, len(control)

"""A server at every address of its machine (0.0.0.0 or ::) that answers from the one it was asked at.

A socket bound to one address sends from there. One bound to all of them leaves the choice to the kernel, which takes
the address at which its route to the peer begins. On a machine with Wi-Fi and a cable, with a VPN, or with a name that
means 127.0.1.1, the peer may have asked another one; and its kernel, firewall or NAT throws an answer from there away.
So we have the kernel tell where each datagram came to, and give that back with the answers (IP_PKTINFO, ip(7); for
IPv6, RFC 3542 section 6). Over TCP nobody needs to: a connection has two ends from its beginning on.
"""

import socket
import struct
import sys
from functools import lru_cache
from typing import Any

from common.addresses import ANY, Address

Item = tuple[int, int, bytes]
"""What recvmsg(2) tells beside a datagram, and sendmsg(2) is told: level, type and bytes."""

IP_PKTINFO: int = getattr(socket, "IP_PKTINFO", {"linux": 8, "darwin": 26}.get(sys.platform, 0))
"""As the systems' headers have it; the socket module knows it from Python 3.12 on. 0: there is none."""

IPV6_PKTINFO: int = getattr(socket, "IPV6_PKTINFO", 0)
IPV6_RECVPKTINFO: int = getattr(socket, "IPV6_RECVPKTINFO", 0)

ROOM = 128
"""Bytes for what the kernel tells beside a datagram: one item of at most 40."""

MAPPED = bytes(10) + b"\xff\xff"
"""What an IPv4 address begins with at a socket for both (::ffff:127.0.0.1)."""

UNTOLD = (
    "this system does not say which address a datagram was sent to: answers may leave from another one, and clients "
    "ignore those; if clients hear nothing, give the server the one address that they use"
)


class Wildcard:
    """Stands in for the server's socket. Its addresses go on where those of the socket module end: with the
    item that makes an answer leave from the address that was asked. So the same peer at two of our addresses is two."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket: Any = sock  # Any: on Windows sockets have no recvmsg, and we are not here
        self.fileno = sock.fileno
        if sock.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)

    def recvfrom(self, size: int) -> tuple[bytes, Address]:
        """The next datagram, and where it came from and to. Raises what `socket.recvmsg` raises."""
        data, items, _, address = self._socket.recvmsg(size, ROOM)
        for item in items:
            address += _way_back(*item)
        return data, address

    def sendto(self, payload: bytes, address: Address) -> int:
        """Send a datagram there, and from here. Raises what `socket.sendmsg` raises."""
        there, items = taken_apart(address)
        sent: int = self._socket.sendmsg([payload], items, 0, there)
        return sent


def answering(sock: socket.socket) -> socket.socket | Wildcard:
    """What to receive and send with: the socket itself if it is bound to one address, or if the system can't tell which
    of many a datagram came to; else a Wildcard."""
    can = IPV6_RECVPKTINFO and IPV6_PKTINFO if sock.family == socket.AF_INET6 else IP_PKTINFO
    if sock.getsockname()[0] in ANY and can and hasattr(sock, "recvmsg"):
        return Wildcard(sock)
    return sock


def taken_apart(address: Address) -> tuple[Address, tuple[Item, ...]]:
    """The address as the socket module has it, and the items that an answer to it is to be sent with."""
    length = 4 if ":" in address[0] else 2
    return address[:length], address[length:]


@lru_cache(maxsize=256)
def _way_back(level: int, kind: int, told: bytes) -> tuple[Item, ...]:
    """The item that makes an answer leave from where a datagram came to, out of what the kernel `told` beside it; none
    if it was something else. The way out is left to the routes: only a link-local address means one network."""
    if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
        _, ours, destination = struct.unpack("=i4s4s", told)  # macOS leaves `ours` empty
        return (_from_ipv4(ours if any(ours) else destination),)
    if (level, kind) != (socket.IPPROTO_IPV6, IPV6_PKTINFO):
        return ()
    ours, network = struct.unpack("=16sI", told)
    if ours[0] == 0xFF or (ours.startswith(MAPPED) and ours[12] >= 224):
        return ()  # it was sent to many (multicast, broadcast), and nobody answers from there
    if ours.startswith(MAPPED):
        return (_from_ipv4(ours[12:]),)
    link_local = ours[0] == 0xFE and ours[1] & 0xC0 == 0x80
    return ((level, kind, struct.pack("=16sI", ours, network if link_local else 0)),)


def _from_ipv4(ours: bytes) -> Item:
    """The same for IPv4: in it, `ours` stands between the network and the destination."""
    return socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=i4s4s", 0, ours, bytes(4))

"""IPv4 packets with whatever addresses and ports they are to have (RFC 791, 768, 9293). Pure functions on bytes."""

import socket
import struct

HEADER = struct.Struct("!BBHHHBBH4s4s")
TTL = 64


def udp(source: tuple[str, int], destination: tuple[str, int], payload: bytes) -> bytes:
    """A UDP datagram in a packet."""
    size = 8 + len(payload)
    header = struct.pack("!HHHH", source[1], destination[1], size, 0)
    check = (
        checksum(_pseudo(source[0], destination[0], socket.IPPROTO_UDP, size) + header + payload) or 0xFFFF
    )
    return _ip(source[0], destination[0], socket.IPPROTO_UDP, header[:6] + check.to_bytes(2, "big") + payload)


def tcp(
    source: tuple[str, int],
    destination: tuple[str, int],
    seq: int,
    ack: int,
    flags: int,
    payload: bytes = b"",
) -> bytes:
    """A TCP segment in a packet."""
    header = struct.pack("!HHIIBBHHH", source[1], destination[1], seq, ack, 5 << 4, flags, 65_535, 0, 0)
    size = len(header) + len(payload)
    check = checksum(_pseudo(source[0], destination[0], socket.IPPROTO_TCP, size) + header + payload)
    segment = header[:16] + check.to_bytes(2, "big") + header[18:] + payload
    return _ip(source[0], destination[0], socket.IPPROTO_TCP, segment)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\x00"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _pseudo(source: str, destination: str, protocol: int, size: int) -> bytes:
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, protocol, size)


def _ip(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    addresses = socket.inet_aton(source), socket.inet_aton(destination)
    size = HEADER.size + len(payload)
    header = HEADER.pack(0x45, 0, size, 0, 0, TTL, protocol, 0, *addresses)
    return HEADER.pack(0x45, 0, size, 0, 0, TTL, protocol, checksum(header), *addresses) + payload

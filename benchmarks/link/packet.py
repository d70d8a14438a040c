"""What the link must know of an IPv4 packet: which way it goes, and how it looks once turned round. Pure functions
on bytes; none of them raises for any bytes, however short, damaged or hostile.

Everything here happens for every packet, 15,000 times a second: bytes are looked at where they lie, and no objects
are made of them. `describe` makes one, for those who read a capture afterwards.
"""

from collections import OrderedDict
from socket import inet_aton
from struct import Struct
from typing import NamedTuple

NEAR = "10.7.0.1"
"""The device's address. Every program in the namespace has it, servers and clients."""

FAR = "10.7.0.2"
"""The address that nobody has: what is sent there crosses the link and comes back to `NEAR`."""

REMEMBERED = 4096
"""Fragmented packets whose direction is remembered. The fragments of one leave the kernel one behind the other."""

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_ICMP, _TCP, _UDP = 1, 6, 17
_NAMES = {_ICMP: "icmp", _TCP: "tcp", _UDP: "udp"}
_WITH_PORTS = frozenset((_TCP, _UDP))
_OUT = inet_aton(NEAR) + inet_aton(FAR)

_SHORTEST = 20  # bytes of an IPv4 header without options
_QUOTE = 8  # bytes of an ICMP error before the packet that it quotes
_ERRORS = frozenset(
    (3, 4, 5, 11, 12)
)  # unreachable, source quench, redirect, time exceeded, parameter problem
_OF_ICMP = {8: "up", 0: "down", 13: "up", 14: "down"}  # echo and timestamp: who asks is the client
_OPPOSITE = {"up": "down", "down": "up"}

_MORE, _OFFSET = 0x2000, 0x1FFF  # of the 16 bits at byte 6: more fragments follow; where this one belongs

_word = Struct("!H").unpack_from
_two_words = Struct("!HH").unpack_from
_tcp_header = Struct("!HHIIBBH").unpack_from


def turn(packet: bytes) -> bytes:
    """The packet as if the other end had sent it: source and destination address swapped, nothing else.

    No checksum needs to be made again. The checksums of IP, and those of TCP and UDP with their pseudo-header,
    are sums of 16-bit words, which do not depend on the words' order, and each address is two whole words.

    An ICMP error quotes the packet that it is about, and whoever receives it looks for the socket that sent
    *that*: so the addresses in the quotation are swapped, too (whole words again). Else a UDP client whose server
    is not there would never hear "connection refused".
    """
    if len(packet) < _SHORTEST:
        return packet
    if packet[9] == _ICMP:
        at = (packet[0] & 0x0F) * 4
        quoted = at + _QUOTE
        if (
            at >= _SHORTEST
            and len(packet) >= quoted + _SHORTEST
            and packet[at] in _ERRORS
            and not _word(packet, 6)[0] & _OFFSET
        ):
            packet = packet[:quoted] + _swapped(packet[quoted:])
    return _swapped(packet)


def _swapped(packet: bytes) -> bytes:
    return packet[:12] + packet[16:20] + packet[12:16] + packet[20:]


class Directions:
    """Tells the direction of packets, in the order in which they came out of the device.

    Both ends have the same address there, so the ports must tell: the lower one is the server's, because the
    namespace gives its clients ports from 49152 on, the dynamic range of RFC 6335.
    """

    def __init__(self) -> None:
        self._fragmented: OrderedDict[bytes, str] = OrderedDict()

    def of(self, packet: bytes) -> str | None:
        """ "up" (client to server), "down", or None for what is no business of the link: no IPv4 packet, a
        malformed one, one between other addresses, or one of a protocol that has no direction.

        Only the first fragment of a packet has the ports; the later ones go where it went. A later fragment whose
        first one never came by is None: nothing says whether it goes up or down, and it would be of no use at the
        other end, where the packet can't be put together without its beginning.
        """
        if len(packet) < _SHORTEST or packet[12:20] != _OUT or packet[0] >> 4 != 4:
            return None
        at = (packet[0] & 0x0F) * 4
        if not _SHORTEST <= at <= _word(packet, 2)[0] <= len(packet):
            return None
        place = _word(packet, 6)[0]
        if not place & (_MORE | _OFFSET):
            return self._of_beginning(packet, at)
        # The addresses are always the same two, so this tells the fragments of one packet from another's.
        key = packet[4:6] + packet[9:10]
        if place & _OFFSET:
            return self._fragmented.get(key)
        direction = self._of_beginning(packet, at)
        # Ids are used again: whatever had this one before is over. And the latest is to be the last to go.
        self._fragmented.pop(key, None)
        if direction is not None:
            self._fragmented[key] = direction
            if len(self._fragmented) > REMEMBERED:
                self._fragmented.popitem(last=False)
        return direction

    def _of_beginning(self, packet: bytes, at: int) -> str | None:
        """The direction of a whole packet or a first fragment, whose payload begins at `at`."""
        protocol = packet[9]
        if protocol in _WITH_PORTS:
            return _of_ports(packet, at)
        if protocol != _ICMP or len(packet) < at + _QUOTE:
            return None
        if packet[at] in _ERRORS:
            return self._of_error(packet, at + _QUOTE)
        return _OF_ICMP.get(packet[at])

    def _of_error(self, packet: bytes, quoted: int) -> str | None:
        """The direction of an ICMP error: it goes back to where the packet that it quotes came from.

        That is quoted as it arrived, turned round, so its addresses tell as little as ever."""
        if len(packet) < quoted + _SHORTEST or packet[quoted] >> 4 != 4:
            return None
        size = (packet[quoted] & 0x0F) * 4
        at = quoted + size
        protocol = packet[quoted + 9]
        direction: str | None = None
        if size < _SHORTEST:
            return None
        if _word(packet, quoted + 6)[0] & _OFFSET:
            direction = self._fragmented.get(
                packet[quoted + 4 : quoted + 6] + packet[quoted + 9 : quoted + 10]
            )
        elif protocol in _WITH_PORTS:
            direction = _of_ports(packet, at)
        elif protocol == _ICMP and len(packet) > at:
            direction = _OF_ICMP.get(packet[at])  # an error about an error must not be (RFC 1122, 3.2.2)
        return None if direction is None else _OPPOSITE[direction]


def _of_ports(packet: bytes, at: int) -> str | None:
    if len(packet) < at + 4:
        return None
    source, destination = _two_words(packet, at)
    return "up" if destination <= source else "down"


class Segment(NamedTuple):
    """What a packet's headers say. What a protocol doesn't have is 0: ports outside TCP and UDP, and
    all but the protocol and the length in a later fragment; what follows `length` outside TCP."""

    protocol: str
    """"tcp", "udp", "icmp", or the number that IP knows the protocol by."""
    source_port: int
    destination_port: int
    length: int
    """Bytes of payload in this packet, behind the header of TCP, UDP or ICMP, cut off in the capture or not."""
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    """Not scaled: what the header says."""


def describe(packet: bytes) -> Segment | None:
    """What the headers say; None if this is no IPv4 packet, or its headers are malformed or cut off.

    The length is IP's own, so that a packet of which a capture kept the beginning is described rightly.
    """
    if len(packet) < _SHORTEST or packet[0] >> 4 != 4:
        return None
    at = (packet[0] & 0x0F) * 4
    length = _word(packet, 2)[0] - at
    if at < _SHORTEST or length < 0:
        return None
    protocol = packet[9]
    name = _NAMES.get(protocol) or str(protocol)
    if _word(packet, 6)[0] & _OFFSET or protocol not in _NAMES:
        return Segment(name, 0, 0, length)
    if protocol == _TCP:
        return _describe_tcp(packet, at, length)
    if length < 8 or len(packet) < at + 8:
        return None
    source, destination = _two_words(packet, at) if protocol == _UDP else (0, 0)
    return Segment(name, source, destination, length - 8)


def _describe_tcp(packet: bytes, at: int, length: int) -> Segment | None:
    if len(packet) < at + 20:
        return None
    source, destination, seq, ack, size, flags, window = _tcp_header(packet, at)
    size = (size >> 4) * 4
    if not 20 <= size <= length:
        return None
    return Segment("tcp", source, destination, length - size, seq, ack, flags, window)

"""Packet captures of a link: pcapng, which Wireshark, tshark and tcpdump open
(draft-ietf-opsawg-pcapng, "PCAP Next Generation Capture File Format").

A capture has two interfaces, `up` and `down`, one for each direction, whose packets begin with the IP header
(LINKTYPE_RAW), times in nanoseconds, and a comment on each packet with which the link did something. In Wireshark:
`frame.interface_name == "down"`, `frame.comment contains "dropped"`.

Of each packet the beginning is kept, enough for all headers, and its length.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from os import SEEK_CUR, SEEK_END, PathLike
from struct import Struct
from typing import BinaryIO, NamedTuple

from benchmarks.link.units import Refused

SNAPLEN = 256
"""Bytes of each packet that are kept: IP's and TCP's headers with all their options are 120 at most."""

LARGEST_BLOCK = 16 * 1024 * 1024
"""Bytes. A block that says it is larger (as with Wireshark) is damage, not a packet."""

_DIRECTIONS = ("up", "down")
_DESCRIPTIONS = ("client to server", "server to client")
_INTERFACES = {direction: number for number, direction in enumerate(_DIRECTIONS)}

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_MAGIC = 0x1A2B3C4D
_LINKTYPES = (101, 228)  # raw IP, and raw IPv4
_COMMENT, _IF_NAME, _IF_DESCRIPTION, _SHB_USERAPPL, _IF_TSRESOL, _IF_TSOFFSET = 1, 2, 3, 4, 9, 14
_MICROSECONDS, _NANOSECONDS = 6, 9  # if_tsresol: times are multiples of 10^-n seconds; 6 if nothing is said
_POWER_OF_TWO = 0x80  # of if_tsresol: of 2^-n

# Type, length, interface, the time's upper and lower half, bytes kept, bytes there were. The length ends it
_packet_head = Struct("<7I")
_SMALLEST = 12  # type, length, length


class Captured(NamedTuple):
    """A packet of a capture."""

    time_ns: int
    """When it entered the link, in nanoseconds of the wall clock since 1970."""
    direction: str
    packet: bytes
    """Its beginning."""
    length: int
    """The bytes it had."""
    comment: str = ""


class BrokenOff(Refused):
    """The capture ends in the middle of a packet. What was complete has been read."""


class Capture:
    """Writes a capture to `file`, which it closes at the end."""

    def __init__(self, file: BinaryIO, snaplen: int = SNAPLEN) -> None:
        self._file = file
        self._snaplen = snaplen
        self._failed: OSError | None = None
        section = Struct("<IHHq").pack(_MAGIC, 1, 0, -1)  # version 1.0, length not known
        file.write(_block(_SECTION, section + _options((_SHB_USERAPPL, b"chat-lab benchmarks.link"))))
        for name, description in zip(_DIRECTIONS, _DESCRIPTIONS, strict=True):
            options = _options(
                (_IF_NAME, name.encode()),
                (_IF_DESCRIPTION, description.encode()),
                (_IF_TSRESOL, bytes([_NANOSECONDS])),
            )
            file.write(_block(_INTERFACE, Struct("<HHI").pack(_LINKTYPES[0], 0, snaplen) + options))

    def note(self, direction: str, packet: bytes, wall_ns: int, comment: str = "") -> None:
        """Write a packet that entered the link in this direction at this moment.

        A disk that is full ends the capture, not the link: nothing more is written, and `close` says why."""
        if self._failed:
            return
        kept = packet[: self._snaplen]
        size = len(kept)
        filling = -size % 4
        options = _comment(comment) if comment else b""
        total = 32 + size + filling + len(options)
        head = _packet_head.pack(
            _PACKET, total, _INTERFACES[direction], wall_ns >> 32, wall_ns & 0xFFFFFFFF, size, len(packet)
        )
        try:
            self._file.write(head + kept + b"\0" * filling + options + head[4:8])
        except OSError as error:
            self._failed = error

    def close(self) -> None:
        """Finish and close the file. Raises OSError if not everything could be written."""
        self._file.close()
        if self._failed:
            raise self._failed


@lru_cache(maxsize=64)
def _comment(text: str) -> bytes:
    encoded = text.encode(errors="replace")[:0xFFFF].decode(errors="ignore").encode()
    return _options((_COMMENT, encoded))


def _options(*options: tuple[int, bytes]) -> bytes:
    head = Struct("<HH").pack
    written = [head(code, len(value)) + value + b"\0" * (-len(value) % 4) for code, value in options]
    return b"".join(written) + head(0, 0)


def _block(kind: int, body: bytes) -> bytes:
    length = Struct("<I").pack(_SMALLEST + len(body))
    return Struct("<I").pack(kind) + length + body + length


# --- reading --------------------------------------------------------------------------------------


def read(path: str | PathLike[str]) -> Iterator[Captured]:
    """The packets of a capture, in the order in which they entered the link.

    Captures of this lab, and what other programs made of them (Wireshark's export of some packets, mergecap,
    editcap): either byte order, times of any resolution, several sections.

    Raises Refused at the first thing in it that is not so; the packets before have been given then. `BrokenOff`
    if the file ends too early, as after a crash or on a full disk. OSError if there is no such file.
    """
    with open(path, "rb") as file:
        yield from _Reader(file, str(path)).packets()


@dataclass(frozen=True)
class _Interface:
    name: str
    linktype: int
    resolution: int
    offset: int
    """Seconds that are added to its times."""

    def nanoseconds(self, ticks: int) -> int:
        digits = self.resolution & 0x7F
        if self.resolution & _POWER_OF_TWO:
            since = ticks * 10**9 >> digits
        else:
            since = ticks * 10**9 // 10**digits
        return since + self.offset * 10**9


@dataclass
class _Reader:
    file: BinaryIO
    name: str
    at: int = 0
    """Where the block begins that is being read."""
    order: str = "<"
    count: int = 0
    """Packets read so far."""
    interfaces: list[_Interface] = field(default_factory=list)
    """Of the section that we are in."""

    def packets(self) -> Iterator[Captured]:
        """See `read`."""
        self._look_at_beginning()
        while (block := self._block()) is not None:
            kind, body = block
            if kind == _PACKET:
                packet = self._packet(body)
                self.count += 1
                yield packet
            elif kind == _SECTION:
                self._section(body)
            elif kind == _INTERFACE:
                self.interfaces.append(self._interface(body))
            elif kind in (_OLD_PACKET, _SIMPLE_PACKET):
                raise Refused(
                    f"{self.name} is no capture of a link: it has packets in forms of pcapng "
                    "that are obsolete or have no time."
                )
            # Anything else (names, statistics, other programs' own) says nothing about packets.
            self.at += _SMALLEST + len(body)

    def _look_at_beginning(self) -> None:
        beginning = self.file.read(4)
        self.file.seek(0)
        if beginning == b"\n\r\r\n":
            return
        if not beginning:
            raise Refused(f"{self.name} is empty, no packet capture.")
        if beginning in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"):
            raise Refused(
                f"{self.name} is a capture in the older format pcap, which knows no directions and no comments. "
                "A link writes pcapng."
            )
        raise Refused(f"{self.name} is no packet capture (pcapng).")

    def _block(self) -> tuple[int, bytes] | None:
        """The next block's kind and content; None at the end of the file."""
        head = self.file.read(8)
        if not head:
            return None
        if head[:4] == b"\n\r\r\n":  # a section, which says in its first word in which order its bytes are
            magic = self.file.read(4)
            self.file.seek(-len(magic), SEEK_CUR)
            self.order = self._order(magic)
        if len(head) < 8:
            raise self._broken_off()
        kind, length = self._unpack("II", head)
        if length < _SMALLEST or length % 4 or length > LARGEST_BLOCK:
            raise self._damaged()
        rest = self.file.read(length - 8)
        if len(rest) < length - 8:
            raise self._broken_off()
        if rest[-4:] != head[4:]:
            raise self._damaged()
        return kind, rest[:-4]

    def _order(self, magic: bytes) -> str:
        if len(magic) < 4:
            raise self._broken_off()
        for order in "<>":
            if struct.unpack(order + "I", magic)[0] == _MAGIC:
                return order
        raise self._damaged()

    def _section(self, body: bytes) -> None:
        if len(body) < 16:
            raise self._damaged()
        _, major, minor = self._unpack("IHH", body)
        if major != 1:
            raise Refused(f"{self.name} is pcapng of version {major}.{minor}; 1.0 can be read here.")
        self.interfaces = []

    def _interface(self, body: bytes) -> _Interface:
        if len(body) < 8:
            raise self._damaged()
        (linktype,) = self._unpack("H", body)
        name, resolution, offset = "", _MICROSECONDS, 0
        for code, value in self._options(body[8:]):
            if code == _IF_NAME:
                name = value.decode(errors="replace")
            elif code == _IF_TSRESOL and len(value) == 1:
                resolution = value[0]
            elif code == _IF_TSOFFSET and len(value) == 8:
                (offset,) = self._unpack("q", value)
        return _Interface(name, linktype, resolution, offset)

    def _packet(self, body: bytes) -> Captured:
        if len(body) < 20:
            raise self._damaged()
        number, high, low, size, length = self._unpack("5I", body)
        if number >= len(self.interfaces) or 20 + size > len(body):
            raise self._damaged()
        interface = self.interfaces[number]
        if interface.name not in _DIRECTIONS:
            raise Refused(
                f"{self.name} is no capture of a link: it has packets of an interface "
                f"{interface.name or 'without a name'}, where a link has up and down."
            )
        if interface.linktype not in _LINKTYPES:
            raise Refused(f"{self.name} is no capture of a link: its packets do not begin with IP.")
        comments = [
            value.decode(errors="replace")
            for code, value in self._options(body[20 + size + -size % 4 :])
            if code == _COMMENT
        ]
        return Captured(
            interface.nanoseconds(high << 32 | low),
            interface.name,
            body[20 : 20 + size],
            length,
            "; ".join(comments),
        )

    def _options(self, options: bytes) -> Iterator[tuple[int, bytes]]:
        at = 0
        while at + 4 <= len(options):
            code, length = self._unpack("HH", options, at)
            if code == 0:
                return
            at += 4
            if at + length > len(options):
                raise self._damaged()
            yield code, options[at : at + length]
            at += length + -length % 4

    def _unpack(self, layout: str, data: bytes, at: int = 0) -> tuple[int, ...]:
        return struct.unpack_from(self.order + layout, data, at)

    def _broken_off(self) -> BrokenOff:
        left = self.file.seek(0, SEEK_END) - self.at
        return BrokenOff(
            f"{self.name} breaks off: {self.count:,} packets are complete, "
            f"and of what came next only {left:,} bytes are there."
        )

    def _damaged(self) -> Refused:
        return Refused(f"{self.name} is damaged at byte {self.at:,}, behind {self.count:,} packets.")

"""What a forged address cost its owner, out of a link's own packet capture: the packets that were sent in its name, and
those that came to it for that. Bytes are those of whole packets: they are what fills a line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import stamp
from benchmarks.link.capture import Captured, read
from benchmarks.link.packet import RST, SYN, Segment, describe
from benchmarks.wording import UNKNOWN, three_digits
from common.messages import Challenge, from_server


@dataclass(frozen=True)
class Passed:
    """A packet in somebody's name, or, `toward`, one that was sent to it, `at` seconds after the forging began. `size`
    is that of the whole packet, `kind` one of `hello`, `SYN`, `blind hello`, and of `challenge`, `room` (of the
    room's messages), `SYN-ACK`, `reset`, `else`."""

    at: float
    toward: bool
    size: int
    kind: str


@dataclass
class Toll:
    """What became of a victim within a time: its `packets`, in order. What its own kernel answers is not among them:
    the attacker has not sent it."""

    packets: list[Passed] = field(default_factory=list)

    def until(self, seconds: float) -> "Toll":
        """What it was then."""
        return Toll([one for one in self.packets if one.at < seconds])

    def count(self, kind: str) -> int:
        """Packets of this kind."""
        return sum(one.kind == kind for one in self.packets)

    @property
    def spent(self) -> int:
        """Bytes that the attacker has sent in its name."""
        return sum(one.size for one in self.packets if not one.toward)

    @property
    def came(self) -> int:
        """Bytes that were sent to it."""
        return sum(one.size for one in self.packets if one.toward)

    def course(self) -> list[tuple[float, float]]:
        """The amplification after each packet that came to it, with when that was."""
        found, spent, came = [], 0, 0
        for one in self.packets:
            spent, came = spent + one.size * (not one.toward), came + one.size * one.toward
            if one.toward and spent:
                found.append((one.at, came / spent))
        return found

    def cells(self) -> list[str]:
        """In numbers, for a table: the packets that were forged and their bytes, those that came and theirs, the
        amplification, and how many were the room's messages."""
        came = sum(one.toward for one in self.packets)
        times = UNKNOWN if self.amplification is None else three_digits(self.amplification)
        counts = (len(self.packets) - came, self.spent, came, self.came)
        return [*(f"{one:,}" for one in counts), times, f"{self.count('room'):,}"]

    @property
    def amplification(self) -> float | None:
        """Bytes that came for each byte of the attacker; None if none of its was seen."""
        return self.came / self.spent if self.spent else None


def tolls(capture: Path, ends: Mapping[str, Sequence[Any]], since: int) -> dict[str, Toll]:
    """The toll of each of `ends` ((protocol, port) by name), from `since` on (nanoseconds of the wall clock). A member
    has one, too, of which only what came to it means anything. Raises Refused or OSError."""
    names = {(protocol, port): name for name, (protocol, port) in ends.items()}
    found = {name: Toll() for name in ends}
    for captured in read(capture):
        segment = describe(captured.packet)
        if segment is None or captured.time_ns < since:
            continue
        toward = captured.direction == "down"
        port = segment.destination_port if toward else segment.source_port
        name = names.get((segment.protocol, port))
        if name and (kind := _kind(captured, segment, toward)):
            at = (captured.time_ns - since) / 1e9
            found[name].packets.append(Passed(at, toward, captured.length, kind))
    return found


def _kind(captured: Captured, segment: Segment, toward: bool) -> str:
    """What a packet is; empty for what the victim's own kernel has answered."""
    if not toward:
        if segment.flags & RST:
            return ""
        return "SYN" if segment.flags & SYN else "blind hello" if segment.protocol == "tcp" else "hello"
    if f"{stamp.MARK}0".encode() in captured.packet:  # of its sender, of whom there are fewer than a thousand
        return "room"
    if segment.flags & RST:
        return "reset"
    if segment.flags & SYN:
        return "SYN-ACK"
    payload = captured.packet[len(captured.packet) - segment.length :]
    return (
        "challenge" if segment.protocol == "udp" and isinstance(from_server(payload), Challenge) else "else"
    )


def syn_acks(seconds: float, retries: int) -> float:
    """How many SYN-ACKs an address that does not answer is sent within so many seconds: one, and the repeats, the first
    after 1 s, each after twice the time of the last (RFC 6298)."""
    return 1.0 + sum((1 << count) - 1 < seconds for count in range(1, retries + 1))

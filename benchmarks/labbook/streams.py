"""The flows of a run as the link saw them: which packet carried which messages, and what became of it.

What is known, and from where:
- when a packet entered the link, and whether the link dropped it: from the capture, which is taken where packets enter
  the link, right behind the sender's kernel;
- when it arrived at the other end: `delay` after it entered. So this is only for links whose delay is constant;
- which messages a TCP segment carries: messages stand one behind the other and have one size, so a sequence number is a
  place in a message. Where the first one begins is read from the segments that begin with a message, which says its
  flow and number (`flow/ends.py`), and checked with all others. The capture may begin after the handshake;
- when a message had come to the receiving kernel: when the last of its bytes arrived, by any of the segments.
"""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from struct import Struct

from benchmarks.flow.ends import HEAD
from benchmarks.flow.fates import Fate
from benchmarks.flow.run import Flows
from benchmarks.link.capture import Captured
from benchmarks.link.capture import read as read_capture
from benchmarks.link.packet import RST, SYN, Segment, describe
from benchmarks.link.units import Refused
from benchmarks.traffic import WRAP, events

_TCP = 6
_SACK, _NOP, _END = 5, 1, 0  # kinds of TCP's options
_block = Struct("!II")


@dataclass(frozen=True)
class Passed:
    """A packet of one flow that entered the link. Times in seconds since the run's first moment. `begin` and `end`
    count the flow's bytes from the first one of its message 0; an acknowledgement (not `up`) acknowledges all before
    `begin`, and the stretches of `sacked`."""

    enters: float
    arrives: float | None
    up: bool
    begin: int
    end: int
    again: bool = False
    sacked: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Stream:
    """One flow: what became of its messages, and its packets in the order in which they entered the link."""

    transport: str
    flow: int
    size: int
    fates: list[Fate]
    packets: list[Passed] = field(repr=False)

    @property
    def spacing(self) -> float:
        """Seconds from one message to the next."""
        gaps = [later.due - one.due for one, later in pairwise(self.fates)]
        return statistics.median(gaps) if gaps else 0.0

    def numbers(self, one: Passed) -> range:
        """The messages of which a packet carries at least some."""
        return range(one.begin // self.size, -(-one.end // self.size))

    def sent(self, number: int) -> list[Passed]:
        """The packets with this message, or some of it."""
        return [one for one in self.packets if one.up and number in self.numbers(one)]

    def losses(self) -> Counter[int]:
        """How often each message, or some of it, was lost."""
        gone = [one for one in self.packets if one.up and one.arrives is None]
        return Counter(number for one in gone for number in self.numbers(one))

    def first_lost(self) -> int | None:
        """The first message whose first sending was lost; None if there is none."""
        for fate in self.fates:
            sent = self.sent(fate.number)
            if sent and sent[0].arrives is None:
                return fate.number
        return None

    def waits(self, number: int) -> list[float]:
        """Seconds from each sending of this message to the next."""
        return [later.enters - one.enters for one, later in pairwise(self.sent(number))]

    def arrived(self) -> dict[int, float]:
        """When the last byte of each message had come to the receiving kernel; nothing of those that never did."""
        came = sorted(
            (one.arrives, one.begin, one.end) for one in self.packets if one.up and one.arrives is not None
        )
        missing: dict[int, list[tuple[int, int]]] = {}
        found: dict[int, float] = {}
        for at, begin, end in came:
            for number in range(begin // self.size, -(-end // self.size)):
                if number in found:
                    continue
                whole = [(number * self.size, (number + 1) * self.size)]
                rest = [left for gap in missing.get(number, whole) for left in _without(gap, begin, end)]
                missing[number] = rest
                if not rest:
                    found[number] = at
        return found


def _without(gap: tuple[int, int], begin: int, end: int) -> Iterator[tuple[int, int]]:
    """What of a gap is still missing when the bytes from `begin` to `end` have come."""
    if gap[0] < begin:
        yield gap[0], min(gap[1], begin)
    if end < gap[1]:
        yield max(gap[0], end), gap[1]


def read(flows: Flows, capture: Path, delay: float, transport: str = "tcp") -> list[Stream]:
    """The flows of a transport in the capture of their run, over a link that delays each packet by `delay` seconds.

    Raises Refused if this is no capture, is damaged or breaks off, or does not hold the messages of these flows where
    their sequence numbers say; OSError if there is none."""
    mine = {flows.port(fate.flow): fate.flow for fate in flows.by[transport].messages}
    noted: dict[int, list[tuple[Captured, Segment]]] = {port: [] for port in mine}
    for captured in read_capture(capture):
        segment = describe(captured.packet)
        if segment is None or segment.protocol != transport:
            continue
        port = segment.source_port if captured.direction == "up" else segment.destination_port
        if port in noted and _counts(captured, segment):
            noted[port].append((captured, segment))
    again = {
        (event.client_port, event.time_ns)
        for event in events(capture)
        if event.kind == "retransmission" and event.direction == "up" and event.protocol == transport
    }
    streams = []
    for port, flow in mine.items():
        fates, size = flows.by[transport].of_flow(flow), flows.plan.size
        first = _first(noted[port], flow, size, len(fates), capture) if transport == "tcp" else 0
        packets = [
            _passed(
                captured, segment, flows.start_wall_ns, delay, first, size, (port, captured.time_ns) in again
            )
            for captured, segment in noted[port]
        ]
        streams.append(Stream(transport, flow, size, fates, packets))
    return streams


def _counts(captured: Captured, segment: Segment) -> bool:
    """Whether a packet carries messages, or acknowledges them. What the receiving end *says* is nothing of a flow's."""
    if segment.protocol == "udp":
        return captured.direction == "up" and len(_payload(captured.packet)) >= HEAD.size
    carries = segment.length > 0 if captured.direction == "up" else not segment.length
    return carries and not segment.flags & (SYN | RST)


def _passed(
    captured: Captured, segment: Segment, start_wall_ns: int, delay: float, first: int, size: int, again: bool
) -> Passed:
    enters = (captured.time_ns - start_wall_ns) / 1e9
    comment = captured.comment
    # A damaged packet is lost at the receiver's checksum, unless it had a double (as in `traffic.py`).
    lost = "dropped" in comment or ("corrupted" in comment and "doubled" not in comment)
    arrives = None if lost else enters + delay
    if segment.protocol == "udp":
        _, number = HEAD.unpack_from(_payload(captured.packet))
        return Passed(enters, arrives, True, number * size, (number + 1) * size)
    if captured.direction == "up":
        begin = _since(first, segment.seq)
        return Passed(enters, arrives, True, begin, begin + segment.length, again)
    sacked = tuple((_since(first, left), _since(first, right)) for left, right in _sacked(captured.packet))
    place = _since(first, segment.ack)
    return Passed(enters, arrives, False, place, place, sacked=sacked)


def _first(noted: Sequence[tuple[Captured, Segment]], flow: int, size: int, count: int, capture: Path) -> int:
    """The sequence number of the first byte of message 0, be it in the capture or not."""
    heads = []
    for captured, segment in noted:
        payload = _payload(captured.packet)
        if captured.direction == "up" and segment.length >= HEAD.size and len(payload) >= HEAD.size:
            said, number = HEAD.unpack_from(payload)
            heads.append((segment.seq, said, number))
    votes = Counter(
        (seq - number * size) % WRAP for seq, said, number in heads if said == flow and number < count
    )
    if not votes:
        if any(captured.direction == "up" for captured, _ in noted):
            raise Refused(f"{capture} has packets from the port of flow {flow}, but no messages of it.")
        return 0
    first: int = votes.most_common(1)[0][0]
    for seq, said, number in heads:
        place = _since(first, seq)
        if place % size == 0 and (said, number) != (flow, place // size):
            raise Refused(
                f"{capture}: at sequence number {seq} message {place // size} of flow {flow} should begin, "
                f"and message {number} of flow {said} does."
            )
    return first


def _since(first: int, seq: int) -> int:
    """Bytes from `first` to `seq`, across the wrap; less than 0 for what comes before it."""
    return (seq - first + WRAP // 2) % WRAP - WRAP // 2


def _payload(packet: bytes) -> bytes:
    """What the capture kept behind the headers of a packet that could be described."""
    at = (packet[0] & 0x0F) * 4
    return packet[at + ((packet[at + 12] >> 4) * 4 if packet[9] == _TCP else 8) :]


def _sacked(packet: bytes) -> Iterator[tuple[int, int]]:
    """The blocks of a segment's SACK option (RFC 2018), as sequence numbers."""
    at = (packet[0] & 0x0F) * 4
    options = packet[at + 20 : at + (packet[at + 12] >> 4) * 4]
    place = 0
    while place < len(options) and options[place] != _END:
        if options[place] == _NOP:
            place += 1
            continue
        if place + 1 >= len(options) or options[place + 1] < 2:
            return  # malformed: what follows can't be read
        if options[place] == _SACK:
            block = options[place + 2 : place + options[place + 1]]
            yield from _block.iter_unpack(block[: len(block) // 8 * 8])
        place += options[place + 1]

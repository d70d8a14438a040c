"""What happened on a link, read from its packet capture: what was lost, what TCP sent again, what was doubled.

## What counts as a retransmission
A TCP segment with payload, SYN or FIN, some of whose sequence numbers the same end of the same connection has sent
before. The capture is taken where packets enter the link, ahead of everything that loses or reorders them: it sees
them in the order in which the kernel sent them, and new data is sent in order. So what lies below the highest
sequence number was sent before; nothing needs to be guessed.

Not told apart, or not told:
- why it was sent again: a timer, duplicate acks, RACK, a tail loss probe. For the kernel's `RetransSegs` they are
  all one, too.
- whether it had to be: the acknowledgement may have been under way, or lost.
- a keep-alive probe with one byte of rubbish from a retransmission of the last byte, and a repeated zero window
  probe with one byte of data from one: both count. But the probes of Linux are empty, and those count as nothing.
- in a capture that begins in the middle of a connection, retransmissions of what was sent before, if nothing newer
  came first.

## The same with Wireshark
    tshark -r FILE -Y "tcp.analysis.retransmission or tcp.analysis.out_of_order"

Wireshark must guess, because most captures are not taken at the sender (User's Guide, "TCP Analysis"). A segment
with payload, SYN or FIN that begins below the next expected sequence number is, in this order:
- `keep_alive` and nothing else, if it is one byte, the last one;
- `spurious_retransmission`, if the other end's acknowledgement of all of it has been seen;
- `fast_retransmission`, if it follows, within 20 ms, two or more duplicate acks that ask for it;
- `out_of_order`, if the segment with the highest sequence number is younger than one round trip (the handshake's;
  3 ms without a handshake) and not this one;
- else a retransmission and no more.

Fast and spurious ones have the flag `tcp.analysis.retransmission`, too; those out of order don't. Where packets
enter the link, nothing is out of order: the flag means a retransmission while newer segments were under way, as
is usual in a thick stream. From version 4.2 on Wireshark calls some of those retransmissions; one of the two flags
they have in all versions.

Accuracy: the filter finds the same packets as `events`, but for retransmissions of a single last byte, which for
Wireshark are always keep-alives.

Against the kernel's own count (`RetransSegs` in `kernel.py`, `total_retrans` in `tcp_info.py`): the kernel counts
what it tries to send, so what the device had no room for (the link's `overflow`) is in its number only, as is what
was sent again outside the capture's time; `total_retrans` leaves out sockets that are no longer there.
"""

from collections.abc import Iterator
from contextlib import suppress
from os import PathLike
from typing import NamedTuple

from benchmarks.link.capture import BrokenOff, Captured, read
from benchmarks.link.packet import FIN, RST, SYN, Segment, describe

FILTER = "tcp.analysis.retransmission or tcp.analysis.out_of_order"
"""What Wireshark calls them: see above."""

WRAP = 1 << 32
"""TCP's sequence numbers begin again from 0 here."""


class Event(NamedTuple):
    """Something that happened to a packet. One packet may have several."""

    time_ns: int
    """When the packet entered the link, in nanoseconds of the wall clock since 1970."""
    direction: str
    kind: str
    """"lost" (dropped by the link, or damaged by it, which the receiver's checksum makes a loss), "retransmission"
    or "doubled"."""
    protocol: str
    """"tcp", "udp", "icmp", another one's number, or "" for a packet that can't be read."""
    client_port: int
    """0 where there are no ports."""
    seq: int
    """TCP's sequence number, as in the packet; else 0."""
    length: int
    """Bytes of payload in the packet."""


def events(path: str | PathLike[str]) -> list[Event]:
    """What happened to the packets of a capture, in the order in which they entered the link. A retransmission
    comes before the loss of the same packet.

    A capture that breaks off, as that of a run that was interrupted, is read as far as it goes. Raises Refused for
    a file that is no capture of a link or is damaged, and OSError for none.
    """
    flows = _Flows()
    ports = _Ports()
    found: list[Event] = []
    with suppress(BrokenOff):
        for captured in read(path):
            segment = describe(captured.packet)
            kinds = list(_of_comment(captured.comment))
            if segment is None:
                found += [_event(captured, kind, Segment("", 0, 0, captured.length), 0) for kind in kinds]
                continue
            port = ports.of(captured, segment)
            if segment.protocol == "tcp" and flows.sent_before(segment):
                kinds.insert(0, "retransmission")
            found += [_event(captured, kind, segment, port) for kind in kinds]
    return found


def _event(captured: Captured, kind: str, segment: Segment, port: int) -> Event:
    time_ns, direction = captured.time_ns, captured.direction
    return Event(time_ns, direction, kind, segment.protocol, port, segment.seq, segment.length)


def _of_comment(comment: str) -> Iterator[str]:
    """What the link says that it did with a packet."""
    doubled = "doubled" in comment
    if doubled:
        yield "doubled"
    # Of a doubled packet one of the two may be damaged and the other arrive.
    if "dropped" in comment or ("corrupted" in comment and not doubled):
        yield "lost"


class _Ports:
    """The client's port of each packet, also of later fragments, which do not have it themselves."""

    def __init__(self) -> None:
        self._fragmented: dict[tuple[str, bytes], int] = {}

    def of(self, captured: Captured, segment: Segment) -> int:
        packet = captured.packet
        place = int.from_bytes(packet[6:8])
        key = captured.direction, packet[4:6] + packet[9:10]
        if place & 0x1FFF:
            return self._fragmented.get(key, 0)
        port = segment.source_port if captured.direction == "up" else segment.destination_port
        if place & 0x2000:
            self._fragmented[key] = port
        return port


class _Flows:
    """The TCP connections of a capture."""

    def __init__(self) -> None:
        self._sent: dict[tuple[int, int], _Sent] = {}
        """One direction of a connection each: from this port to that one."""

    def sent_before(self, segment: Segment) -> bool:
        """Whether this is a retransmission. To be asked of every segment, in order."""
        size = segment.length + bool(segment.flags & SYN) + bool(segment.flags & FIN)
        if not size or segment.flags & RST:
            return False
        key = segment.source_port, segment.destination_port
        sent = self._sent.get(key)
        # A SYN with another first number: the same two ports have a new connection.
        if sent is None or (segment.flags & SYN and segment.seq != sent.first):
            sent = self._sent[key] = _Sent(segment.seq)
        return sent.note(segment.seq, size)


class _Sent:
    """What one end of a connection has sent: everything up to `end`, because new data is sent in order."""

    def __init__(self, first: int) -> None:
        self.first = self.end = first

    def note(self, seq: int, size: int) -> bool:
        """This is sent. Returns whether some of it had been before."""
        again = _before(seq, self.end)
        end = (seq + size) % WRAP
        if _before(self.end, end):
            self.end = end
        return again


def _before(one: int, other: int) -> bool:
    """Whether a sequence number comes before another, across the wrap (RFC 9293, 3.4)."""
    return (one - other) % WRAP > WRAP // 2

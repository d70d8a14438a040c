"""From records to figures: what became of every message, and how long it took.

Nothing is left out. A delivery that came out of order is in the latency sample like any other; of one that
came twice, the first copy is. What was lost has no latency: it is counted, and stands above the latencies.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.records import Records, Sent
from common.statistics import percentile

NEVER = -1

BUSY = 0.8
"""From this share of a processor on, a load process is no longer an instrument but a part of the result."""

FULL = 0.9
"""From this share of all processors on, server and load wait for each other's."""

LATE = 0.5
"""If the load's own lateness makes up more than this share of the latency, the run measured the load."""


class Delivery(NamedTuple):
    """What became of one message on its way to one member: `copies` of it came, the first at `received`
    (nanoseconds, or None: it was lost)."""

    sent: Sent
    member: int
    received: int | None
    copies: int


@dataclass(frozen=True)
class Times:
    """A sample of durations, in seconds. A percentile is None where too few samples lie beyond it."""

    n: int
    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Times":
        """The figures of a sample in any order."""
        ordered = sorted(seconds)
        p50, p90, p99 = (percentile(ordered, percent) for percent in (50, 90, 99))
        return cls(len(ordered), p50, p90, p99, ordered[-1] if ordered else None)


@dataclass
class Figures:
    """One run. Counts are deliveries (one message to one member) unless the name says otherwise; times and
    `cpu_per_delivery` are in seconds, `memory_per_member` in bytes; None is unknown.

    `doubled` counts the copies beyond the first, `out_of_order` the deliveries whose number was below the
    highest that this member had already had of this sender (RFC 4737). `load_cpu` is each load process's
    share of one processor, `machine_cpu` what server and load together used of all processors.
    `still_coming`: messages arrived until the very end, and more might have. `suspect` says why the load and
    not the server may have been measured; it is empty if nothing speaks for that.
    """

    planned_messages: int
    sent_messages: int
    expected: int
    delivered: int
    lost: int
    doubled: int
    out_of_order: int
    unreadable: int
    latency: Times
    latency_from_send: Times
    lateness: Times
    cpu_per_delivery: float | None = None
    memory_per_member: float | None = None
    load_cpu: list[float] = field(default_factory=list)
    machine_cpu: float | None = None
    still_coming: bool = False
    suspect: str = ""


class _Fates:
    """Every message sent, and what of it came to each member."""

    def __init__(self, records: Records, members: int) -> None:
        self.sent = list(records.each_sent())
        self.first = [array("q", [NEVER]) * len(self.sent) for _ in range(members)]
        self.copies = [array("q", [0]) * len(self.sent) for _ in range(members)]
        self.out_of_order = 0
        self.doubled = 0
        self.unreadable = records.unreadable
        where = {(sent.sender, sent.number): at for at, sent in enumerate(self.sent)}
        highest: dict[tuple[int, int], int] = {}
        for arrival in records.each_arrival():
            at = where.get((arrival.sender, arrival.number), NEVER)
            if at == NEVER or arrival[1:5] != self.sent[at]:
                self.unreadable += 1  # its text says what nobody sent
                continue
            copies = self.copies[arrival.member]
            copies[at] += 1
            if copies[at] > 1:
                self.doubled += 1
                continue
            self.first[arrival.member][at] = arrival.received
            pair = arrival.member, arrival.sender
            seen = highest.get(pair, NEVER)
            if arrival.number < seen:
                self.out_of_order += 1
            else:
                highest[pair] = arrival.number


def deliveries(records: Records, members: int, *, echoes: bool = True) -> list[Delivery]:
    """What became of every message for every member, in the order of sender, number and member. Without
    `echoes` a sender is not to get its own."""
    fates = _Fates(records, members)
    return [
        Delivery(sent, member, None if first == NEVER else first, fates.copies[member][at])
        for at, sent in sorted(enumerate(fates.sent), key=lambda pair: pair[1])
        for member, first in enumerate(received[at] for received in fates.first)
        if echoes or member != sent.sender
    ]


def measure(records: Records, members: int, planned: int, *, echoes: bool = True) -> Figures:
    """The figures of what `members` sent and received; `planned` messages were in the schedule."""
    fates = _Fates(records, members)
    due: list[float] = []
    sent: list[float] = []
    for received in fates.first:
        for when, message in zip(received, fates.sent, strict=True):
            if when != NEVER:
                due.append((when - message.scheduled) / 1e9)
                sent.append((when - message.sent) / 1e9)
    expected = len(fates.sent) * (members if echoes else members - 1)
    return Figures(
        planned_messages=planned,
        sent_messages=len(fates.sent),
        expected=expected,
        delivered=len(due),
        lost=expected - len(due),
        doubled=fates.doubled,
        out_of_order=fates.out_of_order,
        unreadable=fates.unreadable,
        latency=Times.of(due),
        latency_from_send=Times.of(sent),
        lateness=Times.of((message.sent - message.scheduled) / 1e9 for message in fates.sent),
    )


def suspicion(figures: Figures) -> str:
    """Why this run may have measured the load and not the server; empty if nothing speaks for that.

    Compares p99 with p99, or, where a run is too short for that, the highest percentile both samples have.
    """
    reasons = []
    if figures.sent_messages < figures.planned_messages:
        reasons.append(f"it sent {figures.sent_messages:,} of {figures.planned_messages:,} messages")
    busiest = max(figures.load_cpu, default=0.0)
    if busiest > BUSY:
        reasons.append(f"a load process used {busiest:.0%} of a processor")
    elif figures.machine_cpu is not None and figures.machine_cpu > FULL:
        reasons.append(f"server and load together used {figures.machine_cpu:.0%} of all processors")
    for name in ("p99", "p90", "p50"):
        latency, lateness = getattr(figures.latency, name), getattr(figures.lateness, name)
        if latency is not None and lateness is not None:
            if lateness > LATE * latency:
                reasons.append(f"its own lateness is {lateness / latency:.0%} of the latency at {name}")
            break
    return ", ".join(reasons)

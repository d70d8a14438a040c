"""Loss that is aimed: the link takes chosen messages of all flows, and those alone.

All flows speak together, and the link is out for an instant when they say a chosen message; an outage that lasts longer
takes its repetitions as well. Afterwards the link's capture says which messages were lost how often. Those that were
not lost as planned (a busy machine speaks late) are left out of all figures, and their number is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from msgspec import structs

from benchmarks.flow.run import Flows, Plan
from benchmarks.labbook import anatomy, streams
from benchmarks.labbook.chart import Anatomy
from benchmarks.labbook.lab import Failed, Lab
from benchmarks.labbook.streams import Stream
from benchmarks.wording import ms

DELAY = 0.025
"""Seconds, each way."""

EARLY = 0.010
"""Seconds before a message is due that its outage begins: nobody speaks then."""

RTO = (0.250, 0.291)
"""Seconds: SRTT + 200 ms, and as late as Linux's timers may make it (an eighth, and a tick of 4 ms)."""

WAITS = (1, 1, 2)
"""RTOs until the probe, from there to the first timeout, from there to the second."""

LASTING = {1: 0.04, 2: 0.41, 3: 0.77}
"""Seconds that an outage lasts which is to take so many sendings. It ends between the last of them and the next, each
of which may be late."""


def timer(times: int) -> tuple[float, float]:
    """From when until when, in seconds after it was due, a message that is alone and loses its first `times` sendings
    comes."""
    rtos = sum(WAITS[:times])
    return RTO[0] * rtos + DELAY, RTO[1] * rtos + DELAY


class Hit(NamedTuple):
    """A message that is to be lost: its number, and how many of its sendings."""

    number: int
    times: int

    def outage(self, spacing: float) -> tuple[float, float]:
        """From when until when, in seconds since the run's first moment."""
        begin = self.number * spacing - EARLY
        return begin, begin + LASTING[self.times]


class Lost(NamedTuple):
    """What became of one message that was to be lost, in one flow: how often it was, how many seconds after it was due
    it was sent again, and how many the program had it; None if never."""

    hit: Hit
    times: int
    again: tuple[float, ...]
    latency: float | None

    @property
    def as_planned(self) -> bool:
        """Whether the link took what it was to take, no more and no less."""
        return self.times == self.hit.times and self.latency is not None


def lost(stream: Stream, hit: Hit) -> Lost:
    """What became of this message of this flow."""
    fate, sent = stream.fates[hit.number], stream.sent(hit.number)
    again = tuple(one.enters - fate.due for one in sent if one.again)
    return Lost(hit, sum(one.arrives is None for one in sent), again, fate.latency)


@dataclass
class Case:
    """All runs with one interval, of `spacing` seconds. `found` says of each TCP flow, in the order of `runs`, in which
    repeat it was, its packets, and what became of its `hits`."""

    spacing: float
    hits: Sequence[Hit]
    runs: list[Flows] = field(default_factory=list)
    found: list[tuple[int, Stream, list[Lost]]] = field(default_factory=list)

    @property
    def outages(self) -> list[tuple[float, float]]:
        """From when until when nothing gets in, in seconds since the run's first moment."""
        return [hit.outage(self.spacing) for hit in self.hits]

    def capture(self, repeat: int) -> str:
        """The file name of this repeat's capture."""
        return f"one-segment-{round(1e3 * self.spacing)}ms-{repeat}.pcapng"

    def those(self, times: int = 1) -> list[Lost]:
        """All that were lost so often, and were to be."""
        every = [one for *_, of_flow in self.found for one in of_flow]
        return [one for one in every if one.hit.times == times and one.as_planned]

    def latencies(self, times: int = 1) -> list[float]:
        """Seconds after they were due that those came."""
        return [one.latency for one in self.those(times) if one.latency is not None]

    def again(self, times: int) -> list[float]:
        """Seconds after they were due that those were sent again, each time: medians."""
        moments = [one.again for one in self.those(times)]
        most = max(map(len, moments), default=0)
        return [median(those[at] for those in moments if len(those) > at) for at in range(most)]

    def beside(self, transport: str, distance: int) -> list[float]:
        """The latencies of the messages that stand so far behind (below 0: before) one that was lost as planned."""
        strays = {
            (repeat, stream.flow, one.hit.number)
            for repeat, stream, of_flow in self.found
            for one in of_flow
            if not one.as_planned
        }
        numbers = {hit.number for hit in self.hits}
        return [
            fate.latency
            for made in self.runs
            if transport in made.by
            for fate in made.by[transport].messages
            if fate.number - distance in numbers and fate.latency is not None
            if (made.plan.repeat, fate.flow, fate.number - distance) not in strays
        ]

    def typical(self, times: int) -> tuple[Stream, Lost] | None:
        """Of those that were lost so often, the one that came nearest to their median; None if there is none."""
        found = [
            (abs(one.latency - median(self.latencies(times))), at, stream, one)
            for at, (_, stream, of_flow) in enumerate(self.found)
            for one in of_flow
            if one.hit.times == times and one.as_planned and one.latency is not None
        ]
        if not found:
            return None
        *_, stream, one = min(found, key=lambda each: each[:2])
        return stream, one

    def kernel(self, name: str) -> int | None:
        """What the kernel counted in all runs; None if it did not tell."""
        counts = [(made.account.kernel or {}).get(name) for made in self.runs]
        there = [count for count in counts if count is not None]
        return sum(there) if there and len(there) == len(counts) else None


def time_line(case: Case, times: int, name: str, caption: str) -> list[Anatomy]:
    """The time line of a message that was lost so often; none if none was as planned. One that came before the next was
    due is shown alone."""
    if not (chosen := case.typical(times)):
        return []
    stream, one = chosen
    chart = anatomy.tell(stream, one.hit.number, name=name, caption=caption, outages=case.outages)
    if one.latency is None or one.latency > case.spacing:
        return [chart]
    end = 1.2 * one.latency
    return [structs.replace(chart, window=(-0.1 * end, end))]


def measure(lab: Lab, case: Case, plan: Plan) -> None:
    """Add to the case one run, and what its capture says of it. Raises Failed if the link took others than it was to
    take."""
    words = [f"outage {round(1e3 * begin)}ms {round(1e3 * (end - begin))}ms" for begin, end in case.outages]
    every, name = f"every {ms(case.spacing)} ms, repeat {plan.repeat}", case.capture(plan.repeat)
    made = lab.flows(plan, f"delay 25ms {' '.join(words)}", "delay 25ms", doing=every, capture=name)
    found = [
        (plan.repeat, stream, [lost(stream, hit) for hit in case.hits])
        for stream in streams.read(made, lab.directory / name, DELAY)
    ]
    if plan.repeat > 1:
        (lab.directory / name).unlink()  # the first shows as much
    right = [one.as_planned for *_, of_flow in found for one in of_flow]
    if 2 * sum(right) < len(right):
        raise Failed(
            f"Of {len(right)} messages that the link was to lose, only {sum(right)} were lost as often as they were to "
            "be: this machine was too busy to speak on time. Try again when it is idle."
        )
    if not all(right):
        lab.warnings.append(
            f"{len(right) - sum(right)} of {len(right)} messages ({every}) were not lost as often as they were to be, "
            "and are left out of the figures."
        )
    case.runs.append(made)
    case.found += found

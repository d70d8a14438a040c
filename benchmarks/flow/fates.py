"""What became of every message of the flows of one run, and of all repeats together.

Nothing is left out: what came late or out of order is in the sample of latencies; what was lost has no latency, and
is counted.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import NamedTuple

from benchmarks import estimate
from benchmarks.estimate import Interval, Percentile
from common.statistics import percentile

SECOND = 1_000_000_000


COLUMNS = ("flow", "number", "due_s", "sent_s", "received_s", "copies")
"""Of a `Fate` in a table."""


class Fate(NamedTuple):
    """One message. Times in seconds since the run's first moment; `received` is that of its first copy, None if none
    came."""

    flow: int
    number: int
    due: float
    sent: float
    received: float | None
    copies: int

    @property
    def latency(self) -> float | None:
        """Seconds since it was due."""
        return None if self.received is None else self.received - self.due


@dataclass(frozen=True)
class Fates:
    """The messages of one transport in one run, by flow and number; `out_of_order` of them came after a later one of
    the same flow (RFC 4737)."""

    transport: str
    repeat: int
    messages: list[Fate]
    out_of_order: int

    @property
    def doubled(self) -> int:
        """Copies beyond the first."""
        return sum(fate.copies - 1 for fate in self.messages if fate.copies)

    @property
    def lost(self) -> int:
        return sum(fate.received is None for fate in self.messages)

    def of_flow(self, flow: int) -> list[Fate]:
        """One flow's, in order."""
        return [fate for fate in self.messages if fate.flow == flow]

    def holes(self) -> dict[int, list[int]]:
        """How many messages of each flow were lost one behind the other, each time that something was."""
        found = {}
        for flow, messages in groupby(self.messages, key=lambda fate: fate.flow):
            stretches = groupby(messages, key=lambda fate: fate.received is None)
            found[flow] = [len(list(stretch)) for lost, stretch in stretches if lost]
        return found

    def runs_of_loss(self) -> list[int]:
        """The same of all flows, one behind the other."""
        return list(chain.from_iterable(self.holes().values()))


def fates(
    transport: str, repeat: int, start: int, sends: "array[int]", arrivals: "array[int]", flows: set[int]
) -> Fates:
    """Those of the `flows` of one transport, out of the records of `ends.py`."""
    first: dict[tuple[int, int], int] = {}
    copies: dict[tuple[int, int], int] = {}
    highest: dict[int, int] = {}
    out_of_order = 0
    values = iter(arrivals)
    for flow, number, received in zip(values, values, values, strict=True):
        which = flow, number
        copies[which] = copies.get(which, 0) + 1
        if which in first or flow not in flows:
            continue
        first[which] = received
        if number < highest.get(flow, -1):
            out_of_order += 1
        else:
            highest[flow] = number

    def since(moment: int) -> float:
        return (moment - start) / SECOND

    values = iter(sends)
    messages = [
        Fate(
            flow,
            number,
            since(due),
            since(sent),
            since(first[flow, number]) if (flow, number) in first else None,
            copies.get((flow, number), 0),
        )
        for flow, number, due, sent in zip(values, values, values, values, strict=True)
        if flow in flows
    ]
    return Fates(transport, repeat, sorted(messages), out_of_order)


# --- all repeats together -------------------------------------------------------------------------

STRETCH = 0.4
"""Seconds of due time whose messages are taken together where all flows share one weather."""

AT_ONCE = 0.025
"""Seconds that one event lasts which nobody has seen yet, as in `benchmarks/summary.py`."""


def latencies(runs: Iterable[Fates]) -> list[float]:
    """Seconds since due of everything that came."""
    return [fate.latency for run in runs for fate in run.messages if fate.latency is not None]


def _clusters(runs: Iterable[Fates], seconds: float, *, shared: bool) -> list[list[Fate]]:
    """The messages of each flow that were due within so many seconds; of all flows, where they share one weather."""
    found: dict[tuple[int, int, int], list[Fate]] = {}
    for number, run in enumerate(runs):
        for fate in run.messages:
            which = number, -1 if shared else fate.flow, int(fate.due / seconds)
            found.setdefault(which, []).append(fate)
    return list(found.values())


def clusters(runs: Iterable[Fates], *, shared: bool, stretch: float = float("inf")) -> list[list[Fate]]:
    """Messages that hang together: those of a flow, because what holds up one holds up the next. Where there are few
    flows, and what happens to one is soon over, those of a flow within `stretch` seconds, which has to be several
    times as long. Where the weather is `shared` (bursts and outages that go by the clock take something of all flows
    at once), those that were due about the same time."""
    return _clusters(runs, STRETCH if shared else stretch, shared=shared)


def share(
    runs: Sequence[Fates],
    met: Callable[[Fate], bool],
    *,
    shared: bool = False,
    stretch: float = float("inf"),
) -> Interval | None:
    """The share of messages of which this is true, with an interval that allows for what hangs together."""
    sizes = [len(cluster) for cluster in _clusters(runs, AT_ONCE, shared=shared)]
    at_once = sum(size * size for size in sizes) / sum(sizes) if sizes else 1.0
    together = clusters(runs, shared=shared, stretch=stretch)
    return estimate.share([(sum(map(met, cluster)), len(cluster)) for cluster in together], at_once)


def delivered(
    runs: Sequence[Fates], *, shared: bool = False, stretch: float = float("inf")
) -> Interval | None:
    """The share that came."""
    return share(runs, lambda fate: fate.received is not None, shared=shared, stretch=stretch)


def late(
    runs: Sequence[Fates], beyond: float, *, shared: bool = False, stretch: float = float("inf")
) -> Interval | None:
    """The share of all messages that came later than `beyond` seconds after they were due, or never."""
    return share(
        runs,
        lambda fate: fate.latency is None or fate.latency > beyond,
        shared=shared,
        stretch=stretch,
    )


def percentiles(
    runs: Sequence[Fates],
    percents: Sequence[float],
    *,
    shared: bool = False,
    stretch: float = float("inf"),
) -> dict[float, Percentile | None]:
    """Of the latencies in seconds; None where fewer than 10 are beyond."""
    blocks = [
        [fate.latency for fate in cluster if fate.latency is not None]
        for cluster in clusters(runs, shared=shared, stretch=stretch)
    ]
    return estimate.percentiles(blocks, percents)


def single(runs: Sequence[Fates], percent: float) -> list[float]:
    """The same percentile of each run alone, where it has one."""
    found = (percentile(sorted(latencies([run])), percent) for run in runs)
    return [value for value in found if value is not None]


def ratios(runs: Sequence[Fates], others: Sequence[Fates], percent: float) -> list[float]:
    """The percentile of each run over that of the other one of its repeat, where both have one."""
    pairs = (
        (single([one], percent), single([other], percent)) for one, other in zip(runs, others, strict=False)
    )
    return [mine[0] / theirs[0] for mine, theirs in pairs if mine and theirs]


def count(runs: Iterable[Fates]) -> int:
    """How many messages were sent."""
    return sum(len(run.messages) for run in runs)


def came(runs: Iterable[Fates]) -> int:
    """How many messages came, at least once."""
    return count(runs) - sum(run.lost for run in runs)


def longest_hole(runs: Iterable[Fates]) -> int:
    """How many messages of a flow were lost one behind the other, at most."""
    return max(chain.from_iterable(run.runs_of_loss() for run in runs), default=0)


def meetings(runs: Iterable[Fates]) -> int:
    """How many times a flow met with loss, of each run the one that did most often: as many bursts there were, at
    least, where all flows have the same weather."""
    return sum(max(map(len, run.holes().values()), default=0) for run in runs)


def longest(runs: Iterable[Fates]) -> float | None:
    """The largest latency, in seconds."""
    return max(chain(latencies(runs)), default=None)

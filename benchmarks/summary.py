"""All repeats of one transport over one profile together: what was counted, and how sure it is.

Shares and percentiles come with an interval (`estimate.py`). What hangs together is taken together: here is decided
how long the stretches of time are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Protocol

from benchmarks.estimate import Interval, Percentile, percentiles, share
from benchmarks.measure import Delivery, Figures, Times

FIRST = ("tcp", "udp")
"""The order of transports in a table. Others follow as they come."""

AT_ONCE = 25_000_000
"""Nanoseconds that one event lasts that nobody has seen yet: the mean burst of the profile `wifi`."""

STRETCH = 100_000_000
"""Nanoseconds of due time whose deliveries are taken together, at least: four times that. With shorter ones more
bursts would lie across an edge and count as two; of longer ones a quick run (18 of these) would have too few."""

LONGEST = 500_000_000
"""Nanoseconds taken together at most, however long deliveries were held up: four of these are a run of 2 s."""


@dataclass(frozen=True)
class Run:
    """One run, with the fate of every message. `start` is its first moment, in nanoseconds of the monotonic clock;
    `network` is `emulated`, `relay` or `loopback`; `retransmissions` is None where nobody counted them."""

    profile: str
    transport: str
    network: str
    repeat: int
    figures: Figures
    start: int
    deliveries: Sequence[Delivery]
    retransmissions: int | None


@dataclass(frozen=True)
class Summary:
    """All repeats of one transport over one profile. Counts are deliveries (one message to one member); times are
    seconds since a message was due, of the `n` deliveries that arrived. None is unknown."""

    profile: str
    transport: str
    network: str
    repeats: int
    expected: int
    delivered: int
    lost: int
    doubled: int
    out_of_order: int
    delivered_share: Interval | None
    n: int
    p50: Percentile | None
    p90: Percentile | None
    p99: Percentile | None
    max: float | None
    retransmissions: int | None

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a result: `low` and `high` are None where a percentile's interval can't be told."""
        return asdict(self)


class Placed(Protocol):
    """What was measured somewhere: a run, or the summary of some."""

    @property
    def profile(self) -> str: ...
    @property
    def transport(self) -> str: ...
    @property
    def network(self) -> str: ...


def spared(measured: Iterable[Placed]) -> list[tuple[str, str]]:
    """The profiles that a transport did not meet, with its name. Where a relay stands in for the network, that is
    TCP: a relay can delay and lose datagrams, but do nothing below the kernel's TCP. Whether TCP was measured there
    all the same, over bare loopback, makes no difference."""
    return [
        (profile, "tcp")
        for profile in dict.fromkeys(one.profile for one in measured if one.network == "relay")
    ]


def summarise(runs: Sequence[Run]) -> list[Summary]:
    """The profiles in the order in which they first appear, each with its transports, TCP first."""
    found: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        found.setdefault(run.profile, {}).setdefault(run.transport, []).append(run)
    appeared = [*FIRST, *(run.transport for run in runs)]
    return [
        _summary(transports[name])
        for transports in found.values()
        for name in sorted(transports, key=appeared.index)
    ]


def _summary(runs: list[Run]) -> Summary:
    """Of the repeats of one transport over one profile."""
    figures = [run.figures for run in runs]
    resent = [run.retransmissions for run in runs]
    times = Times.of(chain.from_iterable(map(_latencies, runs)))
    stretch = _stretch(times, max((_span(run) for run in runs), default=0))
    blocks = [block for run in runs for block in _blocks(run, stretch)]
    found = percentiles(blocks, (50, 90, 99))
    return Summary(
        profile=runs[0].profile,
        transport=runs[0].transport,
        network=runs[0].network,
        repeats=len(runs),
        expected=sum(one.expected for one in figures),
        delivered=sum(one.delivered for one in figures),
        lost=sum(one.lost for one in figures),
        doubled=sum(one.doubled for one in figures),
        out_of_order=sum(one.out_of_order for one in figures),
        delivered_share=_delivered_share(runs),
        n=times.n,
        p50=found[50],
        p90=found[90],
        p99=found[99],
        max=times.max,
        retransmissions=None if None in resent else sum(filter(None, resent)),
    )


# --- how sure it is -------------------------------------------------------------------------------


def _delivered_share(runs: list[Run]) -> Interval | None:
    """Of what was expected. Whole messages are taken together with those that are due about the same time."""
    at_once = [n for run in runs for _, n in _counts(run, AT_ONCE)]
    if not at_once:
        return None
    # So many, on average, go with one that an event of this length takes: itself, and its neighbours.
    typical = sum(n * n for n in at_once) / sum(at_once)
    return share([count for run in runs for count in _counts(run, STRETCH)], typical)


def _counts(run: Run, stretch: int) -> Iterable[tuple[int, int]]:
    """(delivered, expected) of each stretch of due time in which something was due."""
    delivered: dict[int, int] = {}
    expected: dict[int, int] = {}
    for sent, _, received, _ in run.deliveries:
        at = (sent.scheduled - run.start) // stretch
        expected[at] = expected.get(at, 0) + 1
        if received is not None:
            delivered[at] = delivered.get(at, 0) + 1
    return [(delivered.get(at, 0), n) for at, n in expected.items()]


def _latencies(run: Run) -> Iterable[float]:
    """Seconds since due of everything that arrived."""
    return (
        (received - sent.scheduled) / 1e9 for sent, _, received, _ in run.deliveries if received is not None
    )


def _span(run: Run) -> int:
    """Nanoseconds from its start until the last message was due."""
    return max((sent.scheduled - run.start for sent, _, _, _ in run.deliveries), default=0)


def _stretch(times: Times, span: int) -> int:
    """Nanoseconds for which latencies hang together. What holds up one delivery holds up those due after it until
    it has arrived itself: no longer than its latency is above the usual one. If that is as long as a run, all of
    a run hangs together, and only other runs are more evidence."""
    slow = times.p99 if times.p99 is not None else times.p90
    if slow is None or times.p50 is None:
        return STRETCH
    held_up = round((slow - times.p50) * 1e9)
    return span + 1 if held_up > span else min(max(STRETCH, held_up), LONGEST)


def _blocks(run: Run, stretch: int) -> Iterable[list[float]]:
    """Latencies in seconds, by stretches of due time."""
    found: dict[int, list[float]] = {}
    for sent, _, received, _ in run.deliveries:
        if received is not None:
            at = (sent.scheduled - run.start) // stretch
            found.setdefault(at, []).append((received - sent.scheduled) / 1e9)
    return found.values()

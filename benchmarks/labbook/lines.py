"""Series and references of a figure that are in the unit of their axis already, or are shares. (Latencies, which are
measured in seconds and drawn in milliseconds, are in `plots.py`.) What could not be measured is a gap.
"""

from collections.abc import Sequence
from statistics import median

from benchmarks.estimate import Interval
from benchmarks.labbook.chart import Reference, Series
from common.statistics import BEYOND

STEP = 1.1
"""From one share of `slower` to the next: a factor, for axes with a logarithmic scale."""


def shares(
    name: str, look: str, x: Sequence[float], found: Sequence[Interval | None], *, joined: bool = False
) -> Series:
    """Shares of 1, drawn in percent, with their intervals."""
    return Series(
        name,
        look,
        list(x),
        [100 * one.estimate if one else None for one in found],
        [100 * one.low if one else None for one in found],
        [100 * one.high if one else None for one in found],
        joined=joined,
    )


def middles(
    name: str,
    look: str,
    x: Sequence[float],
    repeats: Sequence[Sequence[float]],
    *,
    spread: bool = False,
    joined: bool = True,
) -> Series:
    """At each place the median of its repeats; with `spread`, bars reach from the lowest to the highest."""
    return Series(
        name,
        look,
        list(x),
        [float(median(those)) if those else None for those in repeats],
        [min(those, default=None) for those in repeats] if spread else [],
        [max(those, default=None) for those in repeats] if spread else [],
        joined=joined,
    )


def slower(name: str, look: str, samples: Sequence[float]) -> Series:
    """The percentage of `samples` (the smallest first) that is larger than x: 50 at the median, 1 at the p99. It ends
    where fewer than `BEYOND` are larger."""
    beyond, share = [], 1.0
    while share * len(samples) >= BEYOND:
        beyond.append(share)
        share /= STEP
    last = len(samples) - 1
    x = [samples[min(last, round((1 - share) * len(samples)))] for share in beyond]
    return Series(name, look, x, [100 * share for share in beyond])


def level(name: str, begin: float, end: float, value: float, high: float | None = None) -> Reference:
    """A level line from x = `begin` to `end` at `value`; or the band from there up to `high`."""
    return Reference(name, [begin, end], [value, value], [] if high is None else [high, high])


def ticks(names: Sequence[str]) -> list[tuple[float, str]]:
    """A name at each of the places 0, 1, 2 …"""
    return [(float(place), name) for place, name in enumerate(names)]

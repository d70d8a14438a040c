"""Series of a figure out of what was measured: percentiles with their intervals, repeats, distributions. Latencies
are given in seconds, and drawn in milliseconds."""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.estimate import Percentile
from benchmarks.labbook.chart import Series


def percentiles(name: str, look: str, found: Mapping[int, Percentile | None]) -> Series:
    """A percentile at each place of the x axis, with its interval; a gap where there is none."""
    those = found.values()
    return Series(
        name,
        look,
        [float(x) for x in found],
        [1e3 * one.estimate if one else None for one in those],
        [1e3 * one.low if one and one.low is not None else None for one in those],
        [1e3 * one.high if one and one.high is not None else None for one in those],
    )


def medians(name: str, look: str, values: Mapping[int, Sequence[float]]) -> Series:
    """The median of the values at each place of the x axis, from the lowest to the highest; a gap where there are
    none."""

    def each(of: Callable[[Sequence[float]], float]) -> list[float | None]:
        return [1e3 * of(those) if those else None for those in values.values()]

    return Series(name, look, [float(x) for x in values], each(median), each(min), each(max))


def slowest(name: str, look: str, values: Sequence[float], percents: Sequence[float]) -> Series:
    """Over percents of the values: what those took at most. There has to be one value."""
    ordered = sorted(values)
    places = [min(len(ordered) - 1, int(len(ordered) * percent / 100)) for percent in percents]
    return Series(name, look, [float(percent) for percent in percents], [1e3 * ordered[at] for at in places])


def at_most(name: str, look: str, values: Sequence[float]) -> Series:
    """Over the latency: the percentage of the values that are at most so large."""
    ordered = sorted(values)
    at = sorted(set(ordered))
    shares: list[float | None] = [100 * bisect_right(ordered, one) / len(ordered) for one in at]
    return Series(name, look, [1e3 * one for one in at], shares, steps=True)


def missing(name: str, look: str, came: Sequence[float], n: int, since: float, until: float) -> Series:
    """Over the latency, at each millisecond from `since` to `until` seconds: the percentage of `n` messages that had
    not come by then. `came`: the latencies of those that did."""
    ordered = sorted(came)
    at = range(math.floor(1e3 * since), math.ceil(1e3 * until) + 1)
    shares: list[float | None] = [100 * (n - bisect_right(ordered, ms / 1e3)) / n for ms in at]
    return Series(name, look, [float(ms) for ms in at], shares, steps=True)


def arrivals(name: str, look: str, came: Sequence[float], begin: float, end: float) -> Series:
    """Over the time, in the seconds of `came` from `begin` to `end`: how many had come by then, of all from the first
    on."""
    shown = [(at, float(count)) for count, at in enumerate(sorted(came), 1) if begin <= at <= end]
    return Series(name, look, [at for at, _ in shown], [count for _, count in shown], steps=True)


def together(name: str, look: str, sizes: Sequence[int], n: int) -> Series:
    """Over the size of a group (of messages lost one behind the other): the percentage of all `n` messages that were in
    groups of that size. `sizes`: of each group."""
    x = range(1, max(sizes, default=1) + 1)
    shares: list[float | None] = [100 * size * sizes.count(size) / n for size in x]
    return Series(name, look, [float(size) for size in x], shares)

"""Percentiles that say nothing where there is nothing to say."""

import math
from collections.abc import Sequence

BEYOND = 10
"""A percentile is given only with at least this many samples on its far side: the p99 of 100 samples
is the largest but one, by another name."""


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile of samples in ascending order, 0 < `percent` < 100.

    None where fewer than `BEYOND` samples lie beyond it (p50 needs 20, p99 needs 1,000).
    """
    count = len(ordered)
    rank = math.ceil(count * percent / 100)
    if count - rank < BEYOND:
        return None
    return ordered[rank - 1]


def milliseconds(seconds: float | None) -> str:
    """A duration for a person, three digits that mean something: `0.42 ms`, `13.1 ms`, `1,076 ms`; – for None."""
    if seconds is None:
        return "–"
    value = seconds * 1000
    if value >= 99.95:  # which is 100 when rounded
        return f"{value:,.0f} ms"
    return f"{value:.1f} ms" if value >= 9.995 else f"{value:.2f} ms"

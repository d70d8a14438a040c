"""What chance does, computed exactly: how far samples of a known share, or of a known distribution, lie from the truth.

A count of independent events has a binomial distribution; all the rest follows from that. What was *measured* has its
interval from `estimate.py`; here the truth is given, and the question is what one would have measured.
"""

import math
from collections.abc import Callable

from benchmarks.estimate import CONFIDENCE, Interval


def binomial(n: int, p: float) -> list[float]:
    """How likely it is that 0, 1, … `n` of `n` independent events happen, each of probability `p`."""
    return [math.comb(n, count) * p**count * (1 - p) ** (n - count) for count in range(n + 1)]


def coverage(interval: Callable[[int, int], Interval], n: int, p: float) -> float:
    """How likely an interval of a share (of a count and `n`) is to hold the true `p`: from 0 to 1."""
    return sum(chance for count, chance in enumerate(binomial(n, p)) if p in interval(count, n))


def largest(n: int, p: float, samples: int, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """Between which counts the largest of so many `samples` lies with probability `confidence`, each a count of `n`
    events of probability `p`. All samples are at most k as often as one is, to the power of their number."""
    at_most, below = [], 0.0
    for chance in binomial(n, p):
        below += chance
        at_most.append(min(1.0, below) ** samples)
    tail = (1 - confidence) / 2
    low, high = (next((k for k, at in enumerate(at_most) if at >= end), n) for end in (tail, 1 - tail))
    return low, high


def rank(n: int, percent: float) -> int:
    """Which of `n` values in order, counted from 1, is their percentile, by the nearest rank: ⌈n · percent / 100⌉."""
    return math.ceil(n * percent / 100)


def reach(n: int, percent: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Between which shares of the whole population a percentile of a sample of `n` lies with probability `confidence`,
    however the values are distributed: W. J. Conover, *Practical nonparametric statistics*, 1999, 3.2. The value of
    rank r is at most the population's share q as often as at least r of the sample are."""
    needed = rank(n, percent)

    def at_most(q: float) -> float:
        return sum(binomial(n, q)[needed:])

    def find(target: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(middle) < target else (low, middle)
        return low

    tail = (1 - confidence) / 2
    return find(tail), find(1 - tail)

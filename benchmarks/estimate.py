"""How sure a measured share or percentile is: intervals that allow for what happens together.

An interval of 95 % is made so that 95 of 100 such intervals, each of another measurement, hold the true value.
The textbook's intervals are for independent observations, and deliveries are not independent: all of one message
share its way up, one burst takes several messages, one lost TCP segment holds up what follows it. So they come in
clusters here (stretches of time), and how much the clusters differ says how many observations they are worth.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import NormalDist

from common.statistics import percentile

CONFIDENCE = 0.95

FEW = 10
"""With fewer stretches of time than this, nobody can tell from them how much the next ones would differ."""


@dataclass(frozen=True)
class Interval:
    """An estimate, and the interval around it."""

    estimate: float
    low: float
    high: float

    def overlaps(self, other: "Interval") -> bool:
        """Whether one value could be meant by both."""
        return self.low <= other.high and other.low <= self.high

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Percentile:
    """A percentile of a sample. Its interval, from `low` to `high`, is None where it can't be told."""

    estimate: float
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> Interval | None:
        """The interval, if it is known."""
        if self.low is None or self.high is None:
            return None
        return Interval(self.estimate, self.low, self.high)


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> Interval | None:
    """The score interval of a share: E. B. Wilson, *Probable inference, the law of succession, and statistical
    inference*, J. American Statistical Association 22 (1927). None if `n` is 0.

    Good for few observations and for shares near 0 and 1, where the textbook's p ± 1.96 √(p(1-p)/n) would be of no
    width. `successes` and `n` need not be whole: they may be an effective number.
    """
    if n <= 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # The formula gives exactly 0 and 1 at the ends, and rounding almost does.
    low = 0.0 if successes <= 0 else min(share, max(0.0, middle - half))
    high = 1.0 if successes >= n else max(share, min(1.0, middle + half))
    return Interval(share, low, high)


def textbook(successes: float, n: float) -> Interval:
    """The interval of many textbooks, A. Wald's: p ± 1.96 √(p(1-p)/n), cut to 0 and 1. `n` is more than 0. It is of no
    width where `successes` is 0 or `n`, and it holds the true share less often than it promises: nothing here uses it
    but to show that."""
    share = successes / n
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(share * (1 - share) / n)
    return Interval(share, max(0.0, share - half), min(1.0, share + half))


def quotient(one: Percentile, other: Percentile) -> Percentile:
    """How many times `other` goes into `one`. Its interval holds the quotient wherever each of the two is within its
    own; so it is rather too wide."""
    value = one.estimate / other.estimate
    if one.interval is None or other.interval is None:
        return Percentile(value)
    return Percentile(value, one.interval.low / other.interval.high, one.interval.high / other.interval.low)


def design_effect(clusters: Sequence[tuple[int, int]], at_once: float | None = None) -> float:
    """How many observations that come in `clusters` are worth one that comes alone, at least 1. A cluster is
    (successes, n).

    The variance of the share over that of independent observations (L. Kish, *Survey Sampling*, 1965); the
    variance is that of a ratio, because clusters are not equally large (W. G. Cochran, *Sampling Techniques*,
    1977, ch. 6).

    A variance says little where the rarer fate has hardly been met, and nothing where it has not been met at all:
    what has not happened yet would not come alone. So it is taken as if `at_once` more observations had met that
    fate, together. That is the mean size of a cluster, as an observation sees it (Σn²/Σn), if nothing is known of
    how many one event takes. Where all have met the same fate, the design effect is about `at_once`.
    """
    sizes = [n for _, n in clusters if n]
    total = sum(sizes)
    if not total:
        return 1.0
    if at_once is None:
        at_once = sum(n * n for n in sizes) / total
    if len(sizes) == 1:
        return max(1.0, float(total))
    successes = sum(met for met, _ in clusters)
    rarer = 0.0 if 2 * successes >= total else at_once
    all_n = total + at_once
    share = (successes + rarer) / all_n
    squares = sum((met - share * n) ** 2 for met, n in clusters) + (rarer - share * at_once) ** 2
    many = len(sizes) + 1
    return max(1.0, many / (many - 1) * squares / (all_n * share * (1 - share)))


def share(
    clusters: Sequence[tuple[int, int]], at_once: float | None = None, confidence: float = CONFIDENCE
) -> Interval | None:
    """The share of successes among observations that come in `clusters` of (successes, n), with Wilson's interval
    for the effective number of observations. None if there are none. `at_once`: see `design_effect`.

    The design effect is itself an estimate, the worse the fewer clusters there are. That widens the interval by
    Student's t over the normal quantile (E. L. Korn, B. I. Graubard, *Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data*, Survey Methodology 24, 1998).
    """
    total = sum(n for _, n in clusters)
    if not total:
        return None
    effective = _effective(clusters, at_once, confidence)
    successes = sum(met for met, _ in clusters)
    found = wilson(successes / total * effective, effective, confidence)
    assert found is not None
    return Interval(successes / total, found.low, found.high)


def percentiles(
    blocks: Sequence[Sequence[float]], percents: Sequence[float], confidence: float = CONFIDENCE
) -> dict[float, Percentile | None]:
    """Percentiles of all samples in `blocks` together, by percent; None where too few samples lie beyond (see
    `common.statistics.percentile`). A block is a stretch of time, longer than samples hang together.

    The interval is R. S. Woodruff's (*Confidence intervals for medians and other position measures*, J. American
    Statistical Association 47, 1952): the interval of the *share* of samples that are at most so large, as `share`
    finds it among blocks, read off the samples in order. It is unknown with fewer than `FEW` blocks. It never
    reaches beyond the samples: a stall longer than all that were seen is in no interval.

    Why not a bootstrap of blocks: it only repeats the stalls it has seen. With simulated stalls like TCP's at 5 %
    loss or on a satellite's link, three runs of two seconds, its intervals of a p99 held the true value in 67 and
    50 of 100 cases; these in 93. They are wide then, and rightly so.
    """
    blocks = [sorted(block) for block in blocks if block]
    ordered = sorted(chain.from_iterable(blocks))
    return {percent: _percentile(ordered, blocks, percent, confidence) for percent in percents}


def _percentile(
    ordered: Sequence[float], blocks: Sequence[Sequence[float]], percent: float, confidence: float
) -> Percentile | None:
    """Of samples in order, in all and in blocks."""
    estimate = percentile(ordered, percent)
    if estimate is None:
        return None
    if len(blocks) < FEW:
        return Percentile(estimate)
    n = len(ordered)
    effective = _effective(
        [(bisect_right(block, estimate), len(block)) for block in blocks], None, confidence
    )
    around = wilson(percent / 100 * effective, effective, confidence)
    assert around is not None
    low, high = max(1, math.floor(n * around.low)), min(n, math.floor(n * around.high) + 1)
    return Percentile(estimate, ordered[low - 1], ordered[high - 1])


def _effective(clusters: Sequence[tuple[int, int]], at_once: float | None, confidence: float) -> float:
    """How many independent observations say as much about a share as these."""
    total = sum(n for _, n in clusters)
    effective = total / design_effect(clusters, at_once)
    freedom = sum(1 for _, n in clusters if n) - 1
    if freedom:
        effective *= (NormalDist().inv_cdf((1 + confidence) / 2) / student(freedom, confidence)) ** 2
    return effective


def student(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The value that Student's t, of so many degrees of freedom, does not exceed in size with probability
    `confidence` (up to 0.99): exact for one and two, from there on to 1 % (M. Abramowitz, I. A. Stegun, *Handbook
    of Mathematical Functions*, 1964, 26.7.5)."""
    if freedom == 1:
        return math.tan(math.pi * confidence / 2)
    if freedom == 2:
        return confidence * math.sqrt(2 / (1 - confidence**2))
    z: float = NormalDist().inv_cdf((1 + confidence) / 2)
    terms: tuple[float, ...] = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / float(freedom) ** power for power, term in enumerate(terms))

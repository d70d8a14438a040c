"""How late an instrument was, in a few numbers: a histogram that takes the same memory after any number of notes.

An emulator promises to hand on each packet at a certain moment and always does so a little later. It notes by how
much, so that nobody has to believe it.
"""

import math
from array import array

from common.statistics import BEYOND

PER_SECOND = 100_000
"""Counts per second of lateness: one for each 10 µs."""

LARGEST = 1.0
"""Seconds. What is later is counted together, and only the largest of those is known."""


class Lateness:
    """Counts how late something was. Percentiles are exact to 10 µs, and never below the truth."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * (int(LARGEST * PER_SECOND) + 1)))
        self.n = 0
        self.max = 0.0

    def note(self, seconds: float) -> None:
        """Something was this late. Too early (clocks have steps, too) counts as in time."""
        self.n += 1
        if seconds > self.max:
            self.max = seconds
        self._counts[max(0, min(int(seconds * PER_SECOND), len(self._counts) - 1))] += 1

    def percentile(self, percent: float) -> float | None:
        """The nearest-rank percentile, 0 < `percent` < 100; None where fewer than `BEYOND` notes lie beyond it."""
        rank = math.ceil(self.n * percent / 100)
        if self.n - rank < BEYOND:
            return None
        at, seen = 0, self._counts[0]
        while seen < rank:
            at += 1
            seen += self._counts[at]
        in_last = at == len(self._counts) - 1
        return self.max if in_last else min(self.max, (at + 1) / PER_SECOND)

    def share_over(self, seconds: float) -> float:
        """The share of notes that were later than this, which should be a multiple of 10 µs up to a second."""
        if not self.n:
            return 0.0
        return sum(self._counts[round(seconds * PER_SECOND) :]) / self.n

    def as_dict(self) -> dict[str, float | int | None]:
        """As it stands in a result; null where there is nothing to say."""
        return {
            "n": self.n,
            "p50": self.percentile(50),
            "p99": self.percentile(99),
            "max": self.max if self.n else None,
            "share_over_1ms": self.share_over(0.001),
        }

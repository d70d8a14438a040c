"""reorder: packets that need not wait, and overtake those that do.

    delay 20ms reorder P [gap N]        delay 20ms reorder 25%

**In the world**: two ways to the same place, one shorter than the other, and a router that sends each packet by
one of them; a network card with several queues. RFC 4737 says what counts as reordered: a packet whose number is
below the highest that has already arrived. So it is not the ones that overtake that are counted, but those they
overtook: with a packet each 5 ms, `delay 20ms reorder 25%` makes 43 % of them late, since three may overtake
each.

**In tc-netem** it has the same words: with probability P a packet is sent at once, past those that wait. `gap N`
leaves at least N-1 packets that wait between two that do not: only after so many is the next one a candidate
again. So `reorder 100% gap 5` sends each fifth packet at once. Without `gap` (N is 1), every packet is a
candidate.

**May it reorder?** It is there for nothing else. It takes a delay: without one nobody waits, so nobody can be
overtaken, and packets must follow each other by less than the delay.

**What differs**: no `CORRELATION`. In netem such a packet passes the queue of `rate` as well; here only the
delay, which comes behind that queue.
"""

import random
from typing import ClassVar, Self

from benchmarks.link.impairment import Impairment, Words
from benchmarks.link.units import share, show_share, whole


class Reorder(Impairment):
    """Each packet that is a candidate need not wait with probability `p`; each `gap`th at most is one.

    It moves nothing itself: the delay asks it about each packet (`chooses`).
    """

    name: ClassVar[str] = "reorder"
    usage: ClassVar[str] = "reorder P [gap N], together with a delay"
    harmless: ClassVar[bool] = True

    def __init__(self, p: float, gap: int = 1) -> None:
        self.p = p
        self.gap = gap
        self._waiting = 0
        """Packets in a row that had to wait."""

    @classmethod
    def parse(cls, words: Words) -> Self:
        p = share(words.take("a share"))
        return cls(p, whole(words.take("a number of packets"), "gap", 1) if words.take_if("gap") else 1)

    def chooses(self, rng: random.Random) -> bool:
        """Whether the next packet need not wait."""
        if self._waiting >= self.gap - 1 and rng.random() < self.p:
            self._waiting = 0
            return True
        self._waiting += 1
        return False

    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        return [(now, packet)]

    @property
    def expected_share(self) -> float:
        """Of the packets: that need not wait, in the long run."""
        # From one to the next: gap - 1 that can't be, then 1/p of which the last one is.
        return 1.0 / (self.gap - 1 + 1.0 / self.p) if self.p else 0.0

    @property
    def may_reorder(self) -> bool:
        return self.p > 0.0

    @property
    def idle(self) -> bool:
        return not self.p

    def __str__(self) -> str:
        return f"reorder {show_share(self.p)}{f' gap {self.gap}' if self.gap > 1 else ''}"

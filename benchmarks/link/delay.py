"""delay: how long a packet is under way.

    delay TIME [JITTER] [distribution uniform|normal] [ordered]        delay 20ms        delay 20ms 5ms ordered

**In the world**: the distance (light in glass takes 5 ms for 1000 km, a geostationary satellite a quarter of a
second), and the devices on the way. *Jitter* is what differs from one packet to the next: queues that fill and
empty, radio that tries again.

**In tc-netem** it has the same words. By default the jitter is uniform, anything from -JITTER to +JITTER alike,
as in the kernel where no table of a distribution is loaded (tc's manual page says "normal" there). With
`distribution normal` JITTER is one standard deviation: every third packet is further off. The sum is never below
zero.

**May it reorder?** Without jitter, never. With jitter, yes, as in netem: a packet that drew a short delay
overtakes those before it that drew a long one, wherever they follow each other by less than the jitter. Few real
networks do that, and TCP takes it for a sign of loss. `ordered` is ours: what is ready waits for those before it,
as Wi-Fi and mobile networks see to it themselves. The price is the price of order everywhere: one that is late
makes others late.

**What differs**: no `CORRELATION`; the distributions pareto and paretonormal are missing; `ordered` is new. A
packet knows its delay when it enters the line. When the line is changed meanwhile, it keeps it: after a change to
a shorter delay, new packets overtake those that are still under way, here as there.
"""

import math
import random
from statistics import NormalDist
from typing import TYPE_CHECKING, ClassVar, Self

from benchmarks.link.impairment import Impairment, Words, refuse_more_than
from benchmarks.link.units import Refused, seconds, show_time

if TYPE_CHECKING:
    from benchmarks.link.reorder import Reorder

LONGEST = 60.0
"""Seconds. Mars is further, but no chat."""

DISTRIBUTIONS = ("uniform", "normal")


class Delay(Impairment):
    """Each packet takes `time` seconds, give or take `jitter`."""

    name: ClassVar[str] = "delay"
    usage: ClassVar[str] = "delay TIME [JITTER] [distribution uniform|normal] [ordered]"
    harmless: ClassVar[bool] = True

    def __init__(self, time: float, jitter: float = 0.0, normal: bool = False, ordered: bool = False) -> None:
        self.time = time
        self._jitter = jitter
        self._normal = normal
        self._ordered = ordered
        self._last = -math.inf
        self.reorder: Reorder | None = None
        """Who says which packets need not wait. Set by the specification where there is one."""

    @classmethod
    def parse(cls, words: Words) -> Self:
        time = seconds(words.take("a time"))
        refuse_more_than(LONGEST, time, "A delay", show_time(LONGEST))
        jitter = 0.0
        if words.number_follows() and not words.peek().endswith("%"):
            jitter = seconds(words.take("the jitter"))
            refuse_more_than(LONGEST, jitter, "Jitter", show_time(LONGEST))
        distribution, ordered = "", False
        while True:
            if words.take_if("distribution"):
                if distribution:
                    raise Refused(f"There are two distributions for one delay: write {cls.usage}.")
                distribution = words.take("the name of one")
                if distribution not in DISTRIBUTIONS:
                    raise Refused(f"There is no distribution {distribution!r} here: write uniform or normal.")
            elif words.take_if("ordered"):
                if ordered:
                    raise Refused("The delay is 'ordered' twice: once is enough.")
                ordered = True
            else:
                break
        if not jitter and (distribution or ordered):
            word = "ordered" if ordered else "distribution"
            raise Refused(
                f"{word!r} says something of the jitter, and this delay has none: write it behind the time, "
                f"as in delay {show_time(time)} 5ms {word}{'' if ordered else ' ' + distribution}."
            )
        return cls(time, jitter, distribution == "normal", ordered)

    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        if self.reorder is not None and self.reorder.chooses(rng):
            return [(now, packet)]
        at = now + self.time
        if self._jitter:
            at += self._jitter * (rng.gauss(0.0, 1.0) if self._normal else 2.0 * rng.random() - 1.0)
            at = max(at, now)
        if self._ordered:
            at = self._last = max(at, self._last)
        return [(at, packet)]

    @property
    def may_reorder(self) -> bool:
        return bool(self._jitter) and not self._ordered

    @property
    def expected_delay(self) -> float:
        past = self.reorder.expected_share if self.reorder is not None else 0.0
        if past >= 0.5:
            return 0.0
        return self._quantile((0.5 - past) / (1.0 - past))

    @property
    def longest_delay(self) -> float:
        return self._quantile(0.9999)

    def _quantile(self, share: float) -> float:
        """Seconds within which this share of those that wait are through, 0 < `share` < 1."""
        if not self._jitter:
            return self.time
        if self._normal:
            return max(0.0, NormalDist(self.time, self._jitter).inv_cdf(share))
        return max(0.0, self.time + self._jitter * (2.0 * share - 1.0))

    @property
    def jitter(self) -> float:
        return self._jitter

    @property
    def narrow(self) -> bool:
        # Where about half of the packets need not wait, a handful decides whether the median is one that does.
        past = self.reorder.expected_share if self.reorder is not None else 0.0
        return self._ordered or 0.35 < past < 0.65

    @property
    def in_words(self) -> str:
        spread = f" ± {1e3 * self._jitter:g}" if self._jitter else ""
        return f"{1e3 * self.time:g}{spread} ms" + (" in order" if self._ordered else "")

    def __str__(self) -> str:
        jitter = f" {show_time(self._jitter)}" if self._jitter else ""
        normal = " distribution normal" if self._normal else ""
        return f"delay {show_time(self.time)}{jitter}{normal}{' ordered' if self._ordered else ''}"

"""loss gemodel: packets that are lost together, in bursts (Gilbert 1960, Elliott 1963).

    loss gemodel P [R [1-H [1-K]]] [clock TIME|packet]        loss gemodel 2% 38%

**In the world**: a lorry between the telephone and the mast, a microwave oven beside the Wi-Fi, a queue that
stays full for a while. The link has two states. In the *good* one it loses a share 1-K of the packets, in the
*bad* one 1-H. With each step of its clock it changes from good to bad with probability P and from bad to good
with probability R. So a bad spell lasts 1/R steps on average, and the link is bad P/(P+R) of the time.

**In tc-netem** it has the same words and defaults: R is 100%-P, 1-H is 100%, 1-K is 0%. As there, what becomes of
a packet depends on the state *before* the step that it causes.

**What differs: the clock.** Netem's model takes one step with each *packet* (`clock packet`). That sets a trap
for comparisons: a sender who falls silent stops the clock. TCP meets a bad spell, waits longer and longer between
its attempts, and each attempt is one step only: bursts of 2.6 packets on average once stalled a connection for
32 s. A sender who goes on talking is through at once. The weather does not wait for anybody, so by default it
takes one step each 10 ms here, from a random stream of its own: the bad spells of a seed are at the same times
whatever passes, and TCP and UDP meet the same ones. The time clock starts as the link is in the long run (bad with
probability P/(P+R)); the packet clock, as netem, in the good state.

**May it reorder?** No.
"""

import math
import random
from decimal import Decimal
from typing import ClassVar, Self

from benchmarks.link.impairment import EVEN, Impairment, Words
from benchmarks.link.units import Refused, seconds, share, show_share, show_time

STEP = 0.01
"""Seconds of a step of the clock, unless another is asked for."""

SHORTEST_STEP, LONGEST_STEP = 0.001, 60.0
"""Seconds. Below the one, the link itself is not exact; above the other, nothing would ever change."""


class GEModel(Impairment):
    """Loses a share `in_bad` of the packets in the bad state, `in_good` in the good one. Changes from good to bad
    with probability `p`, and back with `r`: each `step` seconds, or with each packet if `step` is None."""

    name: ClassVar[str] = "gemodel"
    option: ClassVar[str] = "loss"
    usage: ClassVar[str] = "loss gemodel P [R [1-H [1-K]]] [clock TIME|packet]"

    def __init__(
        self, p: float, r: float, in_bad: float = 1.0, in_good: float = 0.0, step: float | None = STEP
    ) -> None:
        self.p, self.r, self.in_bad, self.in_good, self.step = p, r, in_bad, in_good, step
        self.bad = False
        self._weather: random.Random | None = None
        self._begun: float | None = None
        self._steps = 0.0  # of the clock since the beginning, up to the next change of state
        self._until = -math.inf  # when that is

    @classmethod
    def parse(cls, words: Words) -> Self:
        shares = [share(words.take("the share P"))]
        while len(shares) < 4 and words.number_follows():
            shares.append(share(words.take("a share")))
        if len(shares) == 1:
            shares.append(float(1 - Decimal(repr(shares[0]))))  # in decimal: 100% - 7% is 93%
        p, r, in_bad, in_good = shares + [1.0, 0.0][len(shares) - 2 :]
        if not words.take_if("clock"):
            return cls(p, r, in_bad, in_good)
        clock = words.take("a time or 'packet'")
        if clock == "packet":
            return cls(p, r, in_bad, in_good, None)
        step = seconds(clock)
        if not SHORTEST_STEP <= step <= LONGEST_STEP:
            raise Refused(
                f"A clock of {clock} can't be had: a step is from {show_time(SHORTEST_STEP)} to "
                f"{show_time(LONGEST_STEP)}."
            )
        return cls(p, r, in_bad, in_good, step)

    def begin(self, now: float) -> None:
        self._begun = now

    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        if self.step is None:
            bad = self.bad
            if rng.random() < (self.r if bad else self.p):
                self.bad = not bad
        else:
            if now >= self._until:
                self._catch_up(now, rng)
            bad = self.bad
        lost = self.in_bad if bad else self.in_good
        return [] if lost and rng.random() < lost else [(now, packet)]

    def _catch_up(self, now: float, rng: random.Random) -> None:
        """Let the weather become that of `now`. It may have been a while since anybody looked."""
        assert self.step is not None
        if self._begun is None:
            self._begun = now
        if self._weather is None:
            self._weather = random.Random(rng.getrandbits(64))
            self.bad = self._weather.random() < self._share_of_bad
            self._steps = self._spell(self._weather)
        while (until := self._begun + self._steps * self.step) <= now:
            self.bad = not self.bad
            self._steps += self._spell(self._weather)
        self._until = until

    def _spell(self, weather: random.Random) -> float:
        """How many steps the state lasts that has begun: what taking them one by one would give, in one draw."""
        change = self.r if self.bad else self.p
        if change in (0.0, 1.0):
            return 1.0 if change else math.inf
        return 1.0 + math.floor(math.log(1.0 - weather.random()) / math.log1p(-change))

    @property
    def _share_of_bad(self) -> float:
        return self.p / (self.p + self.r) if self.p else 0.0

    @property
    def expected_loss(self) -> float:
        return self._share_of_bad * self.in_bad + (1.0 - self._share_of_bad) * self.in_good

    @property
    def burst(self) -> float:
        # The variance of a mean grows by the sum of the correlations of a packet with all the others. A state is
        # left with probability p or r, so after k steps that correlation is (1 - p - r)**k of what it is at once.
        loss = self.expected_loss
        if not 0.0 < loss < 1.0:
            return 1.0
        at_once = self._share_of_bad * (1.0 - self._share_of_bad) * (self.in_bad - self.in_good) ** 2
        at_once /= loss * (1.0 - loss)
        stays = max(0.0, 1.0 - self.p - self.r)
        per_step = 1.0 if self.step is None else self.step * EVEN
        return 1.0 + at_once * (per_step * (1.0 + stays) / (1.0 - stays) - 1.0)

    @property
    def in_words(self) -> str:
        return f"{100 * self.expected_loss:.3g} % loss in bursts"

    def __str__(self) -> str:
        shares = [self.p, self.r]
        if self.in_good:
            shares += [self.in_bad, self.in_good]
        elif self.in_bad != 1.0:
            shares += [self.in_bad]
        clock = (
            "" if self.step == STEP else f" clock {'packet' if self.step is None else show_time(self.step)}"
        )
        return f"loss gemodel {' '.join(show_share(one) for one in shares)}{clock}"

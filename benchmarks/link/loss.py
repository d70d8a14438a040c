"""loss: packets that never arrive, each by its own chance.

    loss [random] P        loss 5%

**In the world**: a bit that the radio got wrong, a queue that was full just then. Real losses mostly come
together (see `gemodel.py`); this is the one to begin with, because everything about it can be worked out: of n
packets p·n are lost, give or take 2·√(n·p·(1-p)), and a run of losses is 1/(1-p) packets long on average.

**In tc-netem** it is `loss random P`, and the word `random` may be left out there, too.

**May it reorder?** No.

**What differs**: no `CORRELATION` behind P (it is known not to give the share that was asked for), and no `ecn`,
which marks packets instead of dropping them.
"""

import random
from typing import ClassVar, Self

from benchmarks.link.impairment import Impairment, Words
from benchmarks.link.units import share, show_share


class Loss(Impairment):
    """Each packet is lost with probability `p`, whatever became of the others."""

    name: ClassVar[str] = "loss"
    usage: ClassVar[str] = "loss [random] P, or loss gemodel P [R [1-H [1-K]]] [clock TIME|packet]"

    def __init__(self, p: float) -> None:
        self.p = p

    @classmethod
    def parse(cls, words: Words) -> Self:
        return cls(share(words.take("a share")))

    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        return [] if rng.random() < self.p else [(now, packet)]

    @property
    def expected_loss(self) -> float:
        return self.p

    @property
    def in_words(self) -> str:
        return f"{100 * self.p:g} % loss"

    def __str__(self) -> str:
        return f"loss {show_share(self.p)}"

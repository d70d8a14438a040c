"""duplicate: packets that arrive twice (RFC 5560).

    duplicate P        duplicate 2%

**In the world**: rare, and all the more surprising. A radio did not hear that its packet had arrived and sent it
again; two switches are wired in a ring; a network is split and joined while packets are under way. TCP throws the
second copy away by its sequence number, UDP hands it to the program.

**In tc-netem** it has the same word.

**May it reorder?** No: the copies follow each other. What comes behind in the line decides about each of them
anew: one may be lost, or delayed for longer than the other.

**What differs**: no `CORRELATION`. And in netem at least one copy of a packet it has doubled survives its loss,
while here both may be lost, as on a real way that goes on after the place where they were doubled.
"""

import random
from typing import ClassVar, Self

from benchmarks.link.impairment import Impairment, Words
from benchmarks.link.units import share, show_share


class Duplicate(Impairment):
    """Each packet becomes two with probability `p`."""

    name: ClassVar[str] = "duplicate"
    usage: ClassVar[str] = "duplicate P"

    def __init__(self, p: float) -> None:
        self.p = p

    @classmethod
    def parse(cls, words: Words) -> Self:
        return cls(share(words.take("a share")))

    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        going = (now, packet)
        return [going, going] if rng.random() < self.p else [going]

    @property
    def expected_doubling(self) -> float:
        return self.p

    def __str__(self) -> str:
        return f"duplicate {show_share(self.p)}"

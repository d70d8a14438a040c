"""outage: the cable is out for a while.

    outage AT FOR        outage 2s 3s        outage 2s 500ms outage 5s 500ms

**In the world**: somebody stumbles over a cable, a telephone goes from one mast to the next, a router starts
again. From AT on, FOR long, nothing gets in; what is under way arrives.

**In tc-netem** there is no such word: people write `loss 100%` and take it back later. This one is there because
that takes a hand at the right moment, the same for both transports and each repeat. It may be given several
times.

AT counts from when the run begins, the link was set up, or a change brought the outage; a change of something else
does not move it.

**May it reorder?** No.
"""

import math
import random
from typing import ClassVar, Self

from benchmarks.link.impairment import Impairment, Words, refuse_more_than
from benchmarks.link.units import Refused, seconds, show_time

LATEST, LONGEST = 86_400.0, 3_600.0
"""Seconds: nobody watches a link for more than a day, nor waits an hour for it."""


class Outage(Impairment):
    """From `at` seconds after its beginning on, nothing gets in for `lasting` seconds."""

    name: ClassVar[str] = "outage"
    usage: ClassVar[str] = "outage AT FOR"

    def __init__(self, at: float, lasting: float) -> None:
        self.at = at
        self.lasting = lasting
        self._from = self._until = math.inf  # it has not begun

    @classmethod
    def parse(cls, words: Words) -> Self:
        at = seconds(words.take("the time when it begins"))
        refuse_more_than(LATEST, at, "The beginning of an outage", show_time(LATEST))
        lasting = seconds(words.take("the time that it lasts"))
        refuse_more_than(LONGEST, lasting, "An outage", show_time(LONGEST))
        if not lasting:
            raise Refused(
                f"An outage that lasts no time is none: write outage {show_time(at)} 3s, or leave it out."
            )
        return cls(at, lasting)

    def begin(self, now: float) -> None:
        self._from = now + self.at
        self._until = self._from + self.lasting

    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        return [] if self._from <= now < self._until else [(now, packet)]

    @property
    def idle(self) -> bool:
        return False

    def __str__(self) -> str:
        return f"outage {show_time(self.at)} {show_time(self.lasting)}"

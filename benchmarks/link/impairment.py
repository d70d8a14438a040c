"""What all impairments have in common: a decision about one packet, apart from all waiting.

An impairment is told a packet and the time and answers what goes on, and when. It opens no socket, looks at no
clock, and takes its chances from a random stream that is given to it: the same packets at the same times with the
same seed meet the same fate. A line (`line.py`) chains several of them, a scheduler (`scheduler.py`) does the
waiting.
"""

import random
from abc import ABC, abstractmethod
from typing import ClassVar, Self

from benchmarks.link.units import Refused, looks_like_number

EVEN = 1000.0
"""Packets per second of the even stream for which `Impairment.burst` is told: that of the self-check's probes."""


class Words:
    """A cursor over the words of a specification."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0
        self.usage = ""
        """How the impairment is written whose words are being taken: for the sentences."""

    def peek(self) -> str:
        """The next word; empty at the end."""
        return self._words[self._at] if self._at < len(self._words) else ""

    def take(self, what: str) -> str:
        """The next word, which has to be there; `what` says what it is, for the sentence."""
        word = self.peek()
        if not word:
            raise Refused(f"Behind {self.before!r} there has to be {what}: write {self.usage}.")
        self._at += 1
        return word

    def take_if(self, *expected: str) -> bool:
        """Take the next word if it is one of `expected`."""
        if self.peek() not in expected:
            return False
        self._at += 1
        return True

    def number_follows(self) -> bool:
        """Whether the next word looks like a number."""
        return looks_like_number(self.peek())

    @property
    def before(self) -> str:
        """The word taken last."""
        return self._words[self._at - 1] if self._at else ""


class Impairment(ABC):
    """One thing that a network does to packets. Two are equal if they were asked for with the same words."""

    name: ClassVar[str]
    """tc-netem's word for it, and the name of its file."""

    option: ClassVar[str]
    """The word it begins with: `name`, but `loss` for gemodel. A line has one of each (of outages: any number)."""

    usage: ClassVar[str]
    """How it is written."""

    harmless: ClassVar[bool] = False
    """Whether every packet arrives whole and once all the same: then members can join through it."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "option" not in vars(cls):
            cls.option = cls.name

    @classmethod
    @abstractmethod
    def parse(cls, words: Words) -> Self:
        """Take the words behind `option` (and `gemodel`). Raises Refused."""

    @abstractmethod
    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        """What goes on, and when: (deliver_at, packet), deliver_at >= now. [] is loss, two items a duplicate."""

    @abstractmethod
    def __str__(self) -> str:
        """Its words: an equal one can be read from them."""

    @property
    def in_words(self) -> str:
        """The same for a person who does not know tc-netem's words."""
        return str(self)

    def begin(self, now: float) -> None:  # noqa: B027
        """It begins at `now`. Nothing to do for what does not count from there."""

    # --- what is to be expected of it -------------------------------------------------------------

    @property
    def may_reorder(self) -> bool:
        """Whether one packet may overtake another because of it."""
        return False

    @property
    def expected_loss(self) -> float:
        """The share of packets it takes in the long run, 0 to 1."""
        return 0.0

    @property
    def expected_doubling(self) -> float:
        """The share of packets it makes two of, 0 to 1."""
        return 0.0

    @property
    def expected_delay(self) -> float:
        """Seconds: the median of what it adds to a packet on an idle line."""
        return 0.0

    @property
    def longest_delay(self) -> float:
        """Seconds: it adds more than this to one packet in ten thousand at most."""
        return self.expected_delay

    @property
    def idle(self) -> bool:
        """Whether it does nothing to any packet: `loss 0%` is how somebody takes a loss away."""
        return not (self.expected_loss or self.expected_doubling or self.longest_delay)

    def longest(self, load: float) -> float:
        """Seconds: the same if there are not more than `load` bytes to carry."""
        return self.longest_delay

    @property
    def jitter(self) -> float:
        """Seconds: how far a packet's delay is from the median, about."""
        return 0.0

    @property
    def narrow(self) -> bool:
        """Whether the delay of a packet depends on those before it, so that `expected_delay` tells little of a busy
        line."""
        return False

    @property
    def burst(self) -> float:
        """How many packets of an even stream (`EVEN`) say as much about its loss as one independent packet would:
        1 where every packet has a fate of its own, more where losses come together."""
        return 1.0

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"<{self}>"


def refuse_more_than(limit: float, value: float, what: str, shown: str) -> None:
    """Raise Refused if `value` is above `limit`, which is written `shown`."""
    if value > limit:
        raise Refused(f"{what} is at most {shown} here: nothing that this lab shows needs more.")

"""One direction of a link: its impairments in their order, and what they did.

A packet passes one impairment after the other. The time at which one lets it on is the time at which it meets the
next, so a packet that waits for the rate sets out on its delay afterwards.

Each impairment has a random stream of its own, made of the seed and its name: what is lost stays the same if a
delay is added.
"""

import random
from dataclasses import dataclass, field

from benchmarks.link.impairment import Impairment
from benchmarks.link.specification import arrange, parse, show

NOTHING = "no impairment"


@dataclass
class Counters:
    """What became of the packets of one direction. A packet that was doubled is two from then on, so at any time
    received + doubled = delivered + dropped + still under way."""

    received: int = 0
    delivered: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """By the name of the impairment that did it, or what the scheduler calls it."""
    doubled: int = 0
    corrupted: int = 0
    reordered: int = 0
    """Delivered although one that had entered later was delivered before (RFC 4737)."""
    received_bytes: int = 0
    delivered_bytes: int = 0


class Line:
    """One direction, as `text` says (a specification). Raises Refused."""

    def __init__(self, text: str, seed: str) -> None:
        self._seed = seed
        self._streams: dict[str, random.Random] = {}
        self._highest = -1
        self.counters = Counters()
        self._use(parse(text))

    def _use(self, impairments: list[Impairment]) -> None:
        self.impairments = impairments
        self.text = show(impairments)
        self._steps = [(one.name, one.apply, self._stream(one.name)) for one in impairments]

    def _stream(self, name: str) -> random.Random:
        """The random numbers of the impairment of this name. They go on over a change: begun again, they would
        repeat what they have already decided."""
        if name not in self._streams:
            # A str is hashed alike by every Python.
            self._streams[name] = random.Random(f"{self._seed}/{name}")
        return self._streams[name]

    def begin(self, now: float) -> None:
        """The line begins at `now`: outages and the weather count from there."""
        for impairment in self.impairments:
            impairment.begin(now)

    def change(self, text: str, now: float) -> None:
        """From `now` on the line is as `text` says. An impairment whose words stay the same keeps its state; a new
        one begins (an outage that comes with the change counts from it). The counters go on, and what is under
        way keeps its fate. Raises Refused: then nothing changed."""
        before = list(self.impairments)
        after: list[Impairment] = []
        for impairment in parse(text):
            if impairment in before:
                impairment = before.pop(before.index(impairment))
            else:
                impairment.begin(now)
            after.append(impairment)
        self._use(arrange(after))

    def apply(self, packet: bytes, now: float) -> tuple[list[tuple[float, bytes]], str]:
        """What goes on, as (deliver_at, packet), and, if nothing does, the name of what dropped it, else "". `now`
        never goes back."""
        counters = self.counters
        counters.received += 1
        counters.received_bytes += len(packet)
        going = [(now, packet)]
        cause = ""
        for name, apply, stream in self._steps:
            after: list[tuple[float, bytes]] = []
            for at, before in going:
                let = apply(before, at, stream)
                if not let:
                    counters.dropped[name] = counters.dropped.get(name, 0) + 1
                    cause = name
                    continue
                if len(let) > 1:
                    counters.doubled += len(let) - 1
                elif let[0][1] is not before:
                    counters.corrupted += 1
                after += let
            if not after:
                return after, cause
            going = after
        return going, ""

    def deliver(self, entry: int, packet: bytes) -> None:
        """Count a packet that has come out at the far end; `entry` grows in the order in which they went in."""
        counters = self.counters
        counters.delivered += 1
        counters.delivered_bytes += len(packet)
        if entry < self._highest:
            counters.reordered += 1
        else:
            self._highest = entry

    def drop(self, cause: str) -> None:
        """Count a packet that has passed the line and will not come out all the same."""
        self.counters.dropped[cause] = self.counters.dropped.get(cause, 0) + 1

    @property
    def in_words(self) -> str:
        """What the line is like, for a person: `25 ms, 5 % loss`."""
        return ", ".join(one.in_words for one in reversed(self.impairments)) or NOTHING

    # --- what is to be expected of it -------------------------------------------------------------

    @property
    def expected_loss(self) -> float:
        """The share of packets of which no copy arrives whole, in the long run. Outages are not in it."""
        lost = 0.0  # of those that come so far; from the far end to the near one
        for one in reversed(self.impairments):
            lost = one.expected_loss + (1.0 - one.expected_loss) * lost
            lost = (1.0 - one.expected_doubling) * lost + one.expected_doubling * lost * lost
        return lost

    @property
    def expected_delay(self) -> float:
        """Seconds: the median of a packet's time under way while the line is idle."""
        return sum(one.expected_delay for one in self.impairments)

    @property
    def longest_delay(self) -> float:
        """Seconds: not more than one packet in ten thousand is under way for longer, even if the queue is full."""
        return sum(one.longest_delay for one in self.impairments)

    def longest(self, load: float) -> float:
        """Seconds: the same if there are not more than `load` bytes to carry."""
        return sum(one.longest(load) for one in self.impairments)

    @property
    def foreseeable(self) -> bool:
        """Whether `expected_loss` holds for a stretch of time: an outage may be in it, a queue may overflow."""
        return not any(one.name in ("rate", "outage") for one in self.impairments)

    @property
    def jitter(self) -> float:
        """Seconds: how far a packet's delay is from the median, about."""
        return max((one.jitter for one in self.impairments), default=0.0)

    @property
    def narrow(self) -> bool:
        """Whether the delay of a packet depends on those before it: see `Impairment.narrow`."""
        return any(one.narrow for one in self.impairments)

    @property
    def burst(self) -> float:
        """How many packets say as much about the loss as one independent packet would: see `Impairment.burst`."""
        return max((one.burst for one in self.impairments), default=1.0)

    @property
    def may_reorder(self) -> bool:
        """Whether a packet may overtake another."""
        return any(one.may_reorder for one in self.impairments)

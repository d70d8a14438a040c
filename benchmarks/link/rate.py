"""rate: how many bits per second get through, and the queue of those that have to wait for that.

    rate RATE [limit PACKETS]        rate 1mbit        rate 512kbit limit 50

**In the world**: the slowest link on the way, mostly the one to the house, and the router in front of it. A
packet of n bytes occupies the link for 8·n/RATE seconds; those that come meanwhile queue. Is the queue full, what
comes then is lost (*tail drop*), which is how TCP learns of the rate in the first place. Is the queue long,
everybody waits in it: 1000 packets of 1500 bytes are 12 s at 1 mbit. That has a name, *bufferbloat*.

**In tc-netem** it has the same words. RATE is in bits per second, in powers of 1000: `kbit`, `mbit`, `gbit`.

**May it reorder?** No: first in, first out.

**What differs**: netem's `limit` counts everything that its qdisc holds, so also packets that sit out their
`delay`: with its default of 1000, a long delay loses packets on a link that is not even full. Here the limit is
that of the queue in front of the rate alone (1000 packets, too, if not said otherwise), without the one that is
being sent; those that are under way take no place in it. Where there is a rate, netem lets no packet go before
the one in front of it, whatever delay it drew; here the delay comes behind the rate, as the distance behind the
bottleneck, and its jitter may reorder. Counted are the bytes of the IP packet; no PACKETOVERHEAD, no cells.
"""

import math
import random
from collections import deque
from typing import ClassVar, Self

from benchmarks.link.impairment import Impairment, Words
from benchmarks.link.units import Refused, bits_per_second, show_rate, whole

LIMIT = 1000
"""Packets in the queue, unless told otherwise: netem's own default."""

SLOWEST, FASTEST = 1e3, 100e9
"""Bits per second. At the one a large packet takes 12 s; what is faster than the other limits nothing."""

TYPICAL, LARGEST = 128, 1500
"""Bytes of a chat's packet, about, and of the largest one that a link takes."""


class Rate(Impairment):
    """`bits` per second, and a queue of at most `limit` packets in front of it."""

    name: ClassVar[str] = "rate"
    usage: ClassVar[str] = "rate RATE [limit PACKETS]"
    harmless: ClassVar[bool] = True

    def __init__(self, bits: float, limit: int = LIMIT) -> None:
        self.bits = bits
        self.limit = limit
        self._free = -math.inf  # when the link is done with all it has taken
        self._begins: deque[float] = deque()  # when each of those that wait comes to its turn

    @classmethod
    def parse(cls, words: Words) -> Self:
        word = words.take("a rate")
        bits = bits_per_second(word)
        if not SLOWEST <= bits <= FASTEST:
            raise Refused(
                f"A rate of {word} can't be had: it is from {show_rate(SLOWEST)} to {show_rate(FASTEST)}."
                + (" (To let nothing through, write loss 100%.)" if not bits else "")
            )
        return cls(
            bits, whole(words.take("a number of packets"), "limit", 1) if words.take_if("limit") else LIMIT
        )

    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        begins, queue = self._free, self._begins
        while queue and queue[0] <= now:
            queue.popleft()
        if begins <= now:
            begins = now
        elif len(queue) >= self.limit:
            return []
        else:
            queue.append(begins)
        self._free = begins + len(packet) * 8 / self.bits
        return [(self._free, packet)]

    @property
    def expected_delay(self) -> float:
        return TYPICAL * 8 / self.bits

    @property
    def longest_delay(self) -> float:
        return (self.limit + 2) * LARGEST * 8 / self.bits  # itself, one that is being sent, and a full queue

    def longest(self, load: float) -> float:
        return min(self.longest_delay, (load + LARGEST) * 8 / self.bits)

    @property
    def narrow(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"rate {show_rate(self.bits)}{f' limit {self.limit}' if self.limit != LIMIT else ''}"

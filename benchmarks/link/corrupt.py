"""corrupt: packets in which one bit is wrong.

    corrupt P        corrupt 1%

**In the world**: a bad cable, a faulty memory in a router. What a radio gets wrong it mostly notices itself and
drops.

**In tc-netem** it has the same word and does the same: one random bit of the packet is turned over.

What becomes of such a packet is for the receiver's kernel to decide: the checksum of its IP header or that of TCP
or UDP does not fit any more, and it is dropped without a word (`InCsumErrors` in /proc/net/snmp counts those). To
the programs it is a loss, and it is counted here as one that is expected. No checksum misses a single wrong bit;
those that miss some do so when several are wrong, which is why programs that must be sure bring a checksum of
their own.

**May it reorder?** No.

**What differs**: no `CORRELATION`. The bit is one of the IP packet: there is no Ethernet frame around it here.
"""

import random
from typing import ClassVar, Self

from benchmarks.link.impairment import Impairment, Words
from benchmarks.link.units import share, show_share


class Corrupt(Impairment):
    """Each packet has one bit turned over with probability `p`."""

    name: ClassVar[str] = "corrupt"
    usage: ClassVar[str] = "corrupt P"

    def __init__(self, p: float) -> None:
        self.p = p

    @classmethod
    def parse(cls, words: Words) -> Self:
        return cls(share(words.take("a share")))

    def apply(self, packet: bytes, now: float, rng: random.Random) -> list[tuple[float, bytes]]:
        if not packet or rng.random() >= self.p:
            return [(now, packet)]
        at, bit = divmod(int(rng.random() * len(packet) * 8), 8)
        damaged = bytearray(packet)
        damaged[at] ^= 1 << bit
        return [(now, bytes(damaged))]

    @property
    def expected_loss(self) -> float:
        return self.p

    def __str__(self) -> str:
        return f"corrupt {show_share(self.p)}"

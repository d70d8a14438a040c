"""A run cut into samples: what each of many people would have measured who had sent only a few of its messages."""

import random
from collections.abc import Sequence

from benchmarks.chance import rank
from benchmarks.flow.fates import Fate, Fates


def samples(run: Fates, size: int, dealer: random.Random | None = None) -> list[list[Fate]]:
    """The messages of a run in the order in which they were due, `size` at a time: what somebody would have measured
    who stopped so soon. Or dealt out like cards by a `dealer`: what happened to one says nothing about the others of
    its sample then. What is left at the end is too few, and left out."""
    ordered = sorted(run.messages, key=lambda fate: (fate.due, fate.flow))
    if dealer:
        dealer.shuffle(ordered)
    return [ordered[at : at + size] for at in range(0, len(ordered) - size + 1, size)]


def losses(run: Fates, size: int) -> list[int]:
    """How many were lost in each sample."""
    return [sum(fate.received is None for fate in sample) for sample in samples(run, size)]


def p99(ordered: Sequence[float]) -> float:
    """The p99 of values in order, of which there has to be one; no matter how many are beyond it."""
    return ordered[rank(len(ordered), 99) - 1]


def p99s(run: Fates, size: int, *, dealt: bool = True) -> list[float]:
    """The p99 of each sample that has a latency, in seconds; of samples that are dealt out, or of those in a row."""
    dealer = random.Random(run.repeat) if dealt else None
    times = [
        sorted(fate.latency for fate in sample if fate.latency is not None)
        for sample in samples(run, size, dealer)
    ]
    return [p99(those) for those in times if those]

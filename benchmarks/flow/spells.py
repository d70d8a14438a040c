"""Bad spells of a link, out of its own capture: how many packets it dropped one behind the other, and for how long."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.link.capture import Captured


@dataclass(frozen=True)
class Spell:
    """The link dropped `packets` one behind the other; it was `seconds` from the first of them until one passed. If
    none had by the end of the capture, it is at least as long as until the last one, and not `over`."""

    packets: int
    seconds: float
    over: bool = True

    def stretched(self, step: float) -> float:
        """How many times as long, at least, as it would have been with a packet every `step` seconds."""
        return self.seconds / (self.packets * step)


def spells(capture: Iterable[Captured], direction: str = "up") -> list[Spell]:
    """The bad spells of a direction."""
    found = []
    lost: list[int] = []
    for captured in capture:
        if captured.direction != direction:
            continue
        if "dropped" in captured.comment:
            lost.append(captured.time_ns)
        elif lost:
            found.append(Spell(len(lost), (captured.time_ns - lost[0]) / 1e9))
            lost = []
    if lost:
        found.append(Spell(len(lost), (lost[-1] - lost[0]) / 1e9, over=False))
    return found

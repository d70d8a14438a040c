"""Silences: how long the readers of flows heard nothing around an outage, what came behind it, and what was gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.flow.fates import Fate, Fates

AT_ONCE = 0.3
"""Seconds after the first message behind a silence: what comes within them is one burst."""


@dataclass(frozen=True)
class Silence:
    """Of one flow's reader. Times in seconds since the run's first moment: the link was `back`; the last message before
    the silence came at `start`, the first one behind it at `end`. With that one `burst` messages came at once."""

    flow: int
    back: float
    start: float
    end: float
    burst: int

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start

    @property
    def after(self) -> float:
        """Seconds from the return of the link to the end of the silence."""
        return self.end - self.back


def silences(run: Fates, moment: float, back: float) -> list[Silence]:
    """Those of all flows that heard something before the `moment` and behind it. By then an outage has begun, and what
    was under way has arrived; the link is `back` later. Both in seconds since the run's first moment."""
    found = []
    for flow, messages in _by_flow(run.messages).items():
        came = sorted(fate.received for fate in messages if fate.received is not None)
        for start, end in pairwise(came):
            if start <= moment < end:
                burst = sum(end <= at <= end + AT_ONCE for at in came)
                found.append(Silence(flow, back, start, end, burst))
    return found


def gone(run: Fates, begin: float, end: float) -> list[int]:
    """How many messages of each flow that were sent from `begin` to `end` never came; of each that sent any then."""
    sent = _by_flow([fate for fate in run.messages if begin <= fate.sent < end])
    return [sum(fate.received is None for fate in messages) for messages in sent.values()]


def _by_flow(messages: Sequence[Fate]) -> dict[int, list[Fate]]:
    found: dict[int, list[Fate]] = {}
    for fate in messages:
        found.setdefault(fate.flow, []).append(fate)
    return found

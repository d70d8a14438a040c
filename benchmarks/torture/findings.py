"""What was found in each part of a torture run: figures alone, so that the checks can be made without a run."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks.torture.account import Figures
from benchmarks.torture.health import Health
from benchmarks.torture.logbook import Logbook


class Drops(NamedTuple):
    """Datagrams that the kernel dropped in front of the server's socket and in front of the members' sockets (UDP);
    None where that is unknown."""

    server: int | None = None
    members: int | None = None


UNSEEN, NO_DROPS = Health(), Drops()


@dataclass
class Told:
    """What the members told at the end of a round. `numbers` is what the room's numbers told their clients in it:
    received, lost, doubled, out_of_order."""

    round: Figures = field(default_factory=Figures)
    numbers: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    present: int = 0

    @staticmethod
    def of(answer: dict[str, Any]) -> "Told":
        """Out of the line that they said."""
        return Told(
            round=Figures(**answer["round"]),
            numbers=answer["numbers"],
            unreadable=answer["unreadable"],
            counts=answer["counts"],
            notes=answer["notes"],
            present=answer["in"],
        )


@dataclass
class Report:
    """What one act told at its end: how much of its unit it `sent`, and what it counted."""

    sent: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    amplification: float = 0.0


@dataclass
class Part:
    """One transport under torture. `fresh` is the server with ten members in it, `before` after the warm-up, `after`
    when everybody else had left; `settled` says whether that was so in time. `told` was said before the restart,
    `told_after` after it. `warm`: the warm-up was long enough for the memory before and after to be compared."""

    transport: str
    planned: int = 0
    acts: dict[str, Report] = field(default_factory=dict)
    warm_up: dict[str, Report] = field(default_factory=dict)
    fresh: Health = UNSEEN
    before: Health = UNSEEN
    after: Health = UNSEEN
    settled: bool = False
    drops: Drops = NO_DROPS
    told: Told = field(default_factory=Told)
    log: Logbook = field(default_factory=Logbook)
    ended_well: bool = False
    ended_in: float = 0.0
    back: bool = False
    told_after: Told = field(default_factory=Told)
    drops_after: Drops = NO_DROPS
    warm: bool = True
    log_after: Logbook = field(default_factory=Logbook)
    ended_well_after: bool = False


@dataclass
class Forging:
    """One transport, across the emulated link, with packets in the members' names."""

    transport: str
    planned: int = 0
    report: Report = field(default_factory=Report)
    told: Told = field(default_factory=Told)
    log: Logbook = field(default_factory=Logbook)
    ended_well: bool = False
    drops: Drops = NO_DROPS


@dataclass
class Findings:
    """All of it. `not_forged` says why there was no forging, with the remedy; empty if there was, or none was asked
    for."""

    parts: list[Part] = field(default_factory=list)
    forgings: list[Forging] = field(default_factory=list)
    not_forged: str = ""

"""The figures of an act: counted from a record, and nothing else."""

from dataclasses import dataclass

from benchmarks.demo import script
from benchmarks.demo.chart import MISSING, OPEN
from benchmarks.demo.state import REPEATS, Burst, Record, column
from common.statistics import percentile

VERY_LATE = 1.0
"""Seconds: who waits so long asks whether somebody is still there."""


@dataclass(frozen=True)
class Figures:
    """One act over one transport, among those who read. A delivery is one message at one member; times in seconds from
    when it was due. `missing`: what others have overtaken, and, once the act is over, whatever is not there."""

    said: int
    expected: int
    delivered: int
    missing: int
    p50: float | None
    worst: float | None
    very_late: int
    bursts: int
    again: int


def figures(record: Record, transport: str) -> Figures:
    """The figures of one transport so far."""
    side = record.sides[transport]
    lines = [line for line in record.lines.values() if line.number not in side.unsaid]
    late = sorted(
        side.heard[nick][line.number] - line.due
        for nick in record.listeners
        for line in lines
        if line.number in side.heard[nick]
    )
    highest = {nick: _certain(record, transport, nick) for nick in record.listeners}
    missing = sum(record.over or line.place < highest[nick] for line, nick in record.open(transport))
    return Figures(
        said=len(lines),
        expected=len(lines) * len(record.listeners),
        delivered=len(late),
        missing=missing,
        p50=percentile(late, 50),
        worst=late[-1] if late else None,
        very_late=sum(one > VERY_LATE for one in late),
        bursts=sum(isinstance(entry, Burst) for entry in column(record, transport)),
        again=side.again,
    )


def at_each(record: Record, transport: str) -> dict[str, int]:
    """How many of the act's messages each member has."""
    heard = record.sides[transport].heard
    return {nick: len(heard[nick]) for nick in script.MEMBERS}


def samples(record: Record, transport: str) -> list[float | str]:
    """For each message of the act in order: how late the viewer got it, in seconds; or `MISSING` or `OPEN`."""
    side = record.sides[transport]
    seen, highest = side.heard[script.VIEWER], _certain(record, transport, script.VIEWER)
    return [
        seen[line.number] - line.due
        if line.number in seen
        else MISSING
        if record.over or line.place < highest
        else OPEN
        for line in record.lines.values()
    ]


def awaited(record: Record, transport: str, now: float) -> tuple[int, float]:
    """How many messages the viewer may still be waiting for, as far as anybody can tell, and for how many seconds the
    oldest of them."""
    seen = record.sides[transport].heard[script.VIEWER]
    highest = _certain(record, transport, script.VIEWER)
    dues = [
        line.due
        for line in record.lines.values()
        if line.number not in seen and line.place > highest and line.due <= now and not record.over
    ]
    return len(dues), now - min(dues, default=now)


def _certain(record: Record, transport: str, nick: str) -> int:
    """Whatever has a lower place than this and is not there will not come: where nobody sends anything again, the place
    of the latest message that a member has."""
    if REPEATS[transport]:
        return 0
    return max((record.lines[one].place for one in record.sides[transport].heard[nick]), default=0)


def of_victim(record: Record, transport: str) -> tuple[int, int]:
    """Bytes that were forged, and bytes that reached the victim."""
    forgeries = record.sides[transport].forgeries
    return (
        sum(one.size for one in forgeries if one.what == "forged"),
        sum(one.size for one in forgeries if one.what == "victim"),
    )

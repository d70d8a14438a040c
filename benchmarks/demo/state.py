"""What has happened so far, as data: no clock, no terminal, no process. `apply` adds one thing that happened.

A `Record` is one act as it was played: what was said, and for each transport a `Side` with what every member heard and
when. `column` makes of a side what one member has seen, in the order in which it came: messages, holes, bursts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.demo import script
from benchmarks.demo.acts import Act
from benchmarks.demo.news import News

SIDES = ("tcp", "udp")

REPEATS = {"tcp": True, "udp": False}
"""Whether the transport sends again what was lost. If so, nothing is missing as long as it may still come: one
member's message may be late on its way to the server, and another's, said later, be there first."""

AT_ONCE = 0.04
"""Seconds. Messages that follow each other by less have arrived together."""

BURST = 3
"""So many that arrive together are a burst, if any of them is late."""

LATE = 0.2
"""Seconds from when a message was due: four times what the link's delay makes of an undisturbed one."""


class Line(NamedTuple):
    """A message: who says what, and when it was due (monotonic clock, seconds). `place` counts from 1 in its act."""

    number: int
    place: int
    member: str
    text: str
    due: float
    pasted: bool = False


class Heard(NamedTuple):
    """A message that arrived, `late` seconds after it was due; `overtaken`: a later one was here first, although nobody
    sends anything again."""

    line: Line
    late: float
    overtaken: bool = False


class Hole(NamedTuple):
    """Messages that did not come, while later ones did. `up`: nobody got them, so they were lost on the way to the
    server; `down`: others got them; None: some of each."""

    lines: list[Line]
    where: str | None


class Burst(NamedTuple):
    """The next `size` messages arrived together; the latest of them `late` seconds after it was due."""

    size: int
    late: float


class Note(NamedTuple):
    """A sentence about what happened to a member."""

    words: str


Entry = Heard | Hole | Burst | Note


class Forgery(NamedTuple):
    """A packet that was forged or that reached the victim, its bytes, and what it was."""

    what: str
    size: int
    words: str


@dataclass
class Side:
    """One act over one transport. Counters of the kernel are differences since the act began."""

    heard: dict[str, dict[int, float]] = field(default_factory=lambda: {nick: {} for nick in script.MEMBERS})
    """By member: when each message arrived."""
    arrivals: list[int | str] = field(default_factory=list)
    """What the viewer saw, in order: numbers of messages, and sentences."""
    unsaid: set[int] = field(default_factory=set)
    noticed: int = 0
    """Numbers that the clients themselves found missing in the room's count."""
    unconfirmed: int = 0
    again: int = 0
    overflow: int = 0
    stopped_at: float | None = None
    reads_at: float | None = None
    sent_away_at: float | None = None
    back_at: float | None = None
    why: str = ""
    """Why the one who does not read was sent away: a key of `room.REASONS`."""
    forgeries: list[Forgery] = field(default_factory=list)
    came: set[str] = field(default_factory=set)
    """Who joined during the act: nobody is expected to."""


@dataclass
class Record:
    """One act as it was played, from `began` on (monotonic clock, seconds)."""

    act: Act
    began: float
    lines: dict[int, Line] = field(default_factory=dict)
    sides: dict[str, Side] = field(default_factory=lambda: {name: Side() for name in (*SIDES, "floor")})
    entered: int = 0
    dropped: int = 0
    over: bool = False
    """It was played to its end, and nothing is under way any more: what has not come is missing."""
    changed: bool = False
    """A person has changed the loss meanwhile."""

    @property
    def listeners(self) -> list[str]:
        """Who is expected to hear everything: all who read."""
        return [nick for nick in script.MEMBERS if nick != self.act.stopped]

    def complete(self, transport: str) -> bool:
        """Whether everybody who reads has everything that was said."""
        return not any(True for _ in self.open(transport))

    def open(self, transport: str) -> Iterator[tuple[Line, str]]:
        """What has not arrived so far, and at whom."""
        side = self.sides[transport]
        for number, line in self.lines.items():
            if number not in side.unsaid:
                yield from ((line, nick) for nick in self.listeners if number not in side.heard[nick])


@dataclass
class State:
    """A whole demonstration. The act that is played last is the `record`; `records` has the latest of each."""

    link: str = ""
    """What the link is like, in its own words."""
    record: Record | None = None
    records: dict[str, Record] = field(default_factory=dict)
    _of: dict[int, Record] = field(default_factory=dict)
    _totals: dict[tuple[str, str], int] = field(default_factory=dict)

    def begin(self, act: Act, at: float) -> Record:
        """An act begins."""
        self.record = self.records[act.name] = Record(act, at)
        return self.record

    def say(self, number: int, member: str, text: str, due: float, *, pasted: bool = False) -> None:
        """Somebody is to say something."""
        assert self.record is not None
        record = self.record
        record.lines[number] = Line(number, len(record.lines) + 1, member, text, due, pasted)
        self._of[number] = record

    def apply(self, news: News) -> None:
        """Something has happened."""
        if news.transport == "link" and news.what == "like":
            self.link = news.words
        elif news.what in ("again", "overflow", "entered", "dropped"):
            self._count(news)
        elif news.number:
            if record := self._of.get(news.number):  # None: it is older than this demonstration
                _of_message(record, record.sides[news.transport], news)
        elif self.record is not None:
            _of_member(self.record, self.record.sides[news.transport], news)

    def _count(self, news: News) -> None:
        """A counter, which goes on from act to act: this act has what is new. What it was before the first look
        belongs to nobody."""
        key = news.transport, news.what
        before = self._totals.get(key, news.amount)
        new = news.amount - (before if before <= news.amount else 0)  # else it counts from zero again
        self._totals[key] = news.amount
        if self.record is not None:
            where = self.record if news.transport == "link" else self.record.sides[news.transport]
            setattr(where, news.what, getattr(where, news.what) + new)


def _of_message(record: Record, side: Side, news: News) -> None:
    match news.what:
        case "heard":
            if news.number in side.heard[news.member]:
                return  # said again: the first one counts
            side.heard[news.member][news.number] = news.at
            if news.member == script.VIEWER:
                side.arrivals.append(news.number)
        case "unsaid":
            side.unsaid.add(news.number)
        case "unconfirmed":
            side.unconfirmed += 1


def _of_member(record: Record, side: Side, news: News) -> None:
    viewer = news.member == script.VIEWER
    match news.what:
        case "noticed":
            side.noticed += news.amount
        case "stops":
            side.stopped_at = news.at
        case "reads":
            side.reads_at = news.at
        case "away" if viewer:
            side.arrivals.append(f"{news.member} is out: {news.words}")
        case "back":
            if news.member == record.act.stopped:
                side.back_at = news.at
            if viewer:
                side.arrivals.append(f"{news.member} is in again")
        case "came":
            who = news.words
            side.came |= {who} - set(script.MEMBERS)
            if viewer:
                side.arrivals.append(f"{who} has come")
        case "went":
            who, _, why = news.words.partition(": ")
            if who == record.act.stopped and side.sent_away_at is None:
                side.sent_away_at, side.why = news.at, why
            if viewer:
                side.arrivals.append(f"{who} has left: {why}" if why else f"{who} has left")
        case "forged" | "victim" | "refused":
            side.forgeries.append(Forgery(news.what, news.amount, news.words))


def column(record: Record, transport: str) -> list[Entry]:
    """What the viewer has seen in this act over this transport, in order of arrival."""
    side = record.sides[transport]
    seen = side.heard[script.VIEWER]
    entries: list[Entry] = []
    places = {line.place: line for line in record.lines.values() if line.number not in side.unsaid}
    highest = 0

    def hole(before: int) -> None:
        lines = [
            places[place]
            for place in range(highest + 1, before)
            if place in places and places[place].number not in seen
        ]
        if lines and (record.over or not REPEATS[transport]):
            entries.append(Hole(lines, _where(lines, side)))

    for group in _together(side.arrivals, seen):
        lates = [seen[one] - record.lines[one].due for one in group if isinstance(one, int)]
        if len(lates) >= BURST and max(lates) > LATE:
            entries.append(Burst(len(lates), max(lates)))
        for one in group:
            if isinstance(one, str):
                entries.append(Note(one))
                continue
            line = record.lines[one]
            hole(line.place)
            entries.append(Heard(line, seen[one] - line.due, line.place < highest and not REPEATS[transport]))
            highest = max(highest, line.place)
    if record.over:
        hole(len(record.lines) + 1)
    return entries


def _together(arrivals: list[int | str], seen: dict[int, float]) -> Iterator[list[int | str]]:
    """The arrivals, those together that arrived together; a sentence is always by itself."""
    group: list[int | str] = []
    for one in arrivals:
        last = group[-1] if group else None
        if isinstance(one, int) and isinstance(last, int) and seen[one] - seen[last] < AT_ONCE:
            group.append(one)
            continue
        if group:
            yield group
        group = [one]
    if group:
        yield group


def _where(lines: list[Line], side: Side) -> str | None:
    got = [any(line.number in heard for heard in side.heard.values()) for line in lines]
    return "down" if all(got) else None if any(got) else "up"

"""Where everything of a time line stands, before anything of it is drawn.

From left to right a place is a moment, in seconds of the chart, or inches from the left end of the lanes. Heights are
inches from the bottom: so many rows of letters are so high, and a figure is as high as its rows.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.figures.letters import width_of
from benchmarks.figures.look import LOOKS, WIDTH
from benchmarks.labbook.chart import Anatomy, Delivered, Packet

LEFT, RIGHT = 0.95, 0.2
"""Inches beside the lanes: for their names, and so that the last number is not cut off."""

SMALL, ROW = 8.0, 0.155
"""Points of the letters at the lanes, and inches of a row of them."""

FLIGHT = 1.5
"""Inches from the sender's lane to the receiver's."""

AT_ONCE = 0.002
"""Seconds: what is handed over within this time is handed over at once: the program needs some for each."""

FEW = 4
"""Messages handed over together that are named one by one."""

NOT_HELD = 0.0005
"""Seconds: a message that waited no longer did not wait for another one."""


def duration(seconds: float) -> str:
    """`76 ms`, `3,398 ms`: with as many digits as are worth reading on a time line."""
    return f"{1e3 * seconds:,.0f} ms" if seconds >= 0.00995 else f"{1e3 * seconds:.1f} ms"


@dataclass
class Row:
    """A row of words: what is taken of it, in inches from the left."""

    taken: list[tuple[float, float]] = field(default_factory=list)

    def free(self, begin: float, end: float, gap: float = 0.05) -> bool:
        """Whether there is room."""
        return not any(begin < other_end + gap and other - gap < end for other, other_end in self.taken)

    def take(self, begin: float, end: float, gap: float = 0.05) -> bool:
        """Whether there was room; then it is taken."""
        free = self.free(begin, end, gap)
        if free:
            self.taken.append((begin, end))
        return free


@dataclass(frozen=True)
class Bar:
    """Messages that came together, waited together and were handed on together, at a level of their own."""

    numbers: list[int]
    begin: float
    end: float
    level: int


class Layout:
    """Where everything of one chart stands. What is out of the chart's window has no place."""

    def __init__(self, chart: Anatomy) -> None:
        self.chart = chart
        moments = [
            *(moment for one in chart.packets for moment in (one.enters, one.arrives) if moment is not None),
            *(moment for one in chart.messages for moment in (one.due, one.delivered) if moment is not None),
        ]
        begin, end = chart.window or (min(moments), max(moments))
        edge = 0.02 * (end - begin) if chart.window is None else 0.0
        self.begin, self.end = begin - edge, max(end + edge, begin + 1e-3)
        self.inches = WIDTH - LEFT - RIGHT
        self.colour = LOOKS.get(chart.transport, LOOKS["tcp"]).colour
        self.marker = LOOKS.get(chart.transport, LOOKS["tcp"]).marker
        self.messages = {one.number: one for one in chart.messages}
        up = [one.arrives - one.enters for one in chart.packets if one.arrives is not None and one.up]
        self.flight = statistics.median(up) if up else 0.08 * (self.end - self.begin)
        self.held = self._held()
        self.groups = self._groups()
        self.spans = self._spans()
        self._measure()

    def place(self, seconds: float) -> float:
        """Inches from the left end of the lanes."""
        return (seconds - self.begin) / (self.end - self.begin) * self.inches

    def seen(self, seconds: float | None) -> bool:
        """Whether a moment is within the window."""
        return seconds is not None and self.begin <= seconds <= self.end

    def _held(self) -> list[Bar]:
        """What waited for one before it. The first to come is the lowest, so that no line crosses a bar."""
        waiting: list[tuple[float, float, list[int]]] = []
        latest = float("-inf")  # when what is before a message had come
        for one in sorted(self.chart.messages, key=lambda one: one.number):
            if one.arrived is None:
                continue
            if one.delivered is not None and one.arrived + NOT_HELD < latest and one.delivered > one.arrived:
                last = waiting[-1] if waiting else None
                if last and abs(last[0] - one.arrived) < NOT_HELD and abs(last[1] - one.delivered) < NOT_HELD:
                    last[2].append(one.number)
                else:
                    waiting.append((one.arrived, one.delivered, [one.number]))
            latest = max(latest, one.arrived)
        bars: list[Bar] = []
        ends: list[float] = []
        for begin, end, numbers in sorted(waiting, key=lambda one: (one[0], one[2])):
            if not (self.begin < end and begin < self.end):
                continue
            level = next((level for level, until in enumerate(ends) if until <= begin), len(ends))
            ends[level : level + 1] = [end]
            bars.append(Bar(numbers, begin, end, level))
        return bars

    def _groups(self) -> list[list[Delivered]]:
        """The messages handed to the program within sight, those together that were so at once."""
        handed = sorted(
            (one for one in self.chart.messages if self.seen(one.delivered)),
            key=lambda one: (one.delivered or 0.0, one.number),
        )
        groups: list[list[Delivered]] = []
        for one in handed:
            first = groups[-1][0] if groups else None
            if first and (one.delivered or 0.0) - (first.delivered or 0.0) < AT_ONCE:
                groups[-1].append(one)
            else:
                groups.append([one])
        return groups

    def of_chosen(self, packet: Packet) -> bool:
        """Whether a packet carries the chosen message."""
        first = packet.message
        return packet.up and first is not None and first <= self.chart.chosen < first + packet.count

    def _spans(self) -> list[tuple[Packet, Packet, str]]:
        """From each time that the chosen message was sent to the next, and what is said about it."""
        sent = sorted(
            (one for one in self.chart.packets if self.of_chosen(one) and self.seen(one.enters)),
            key=lambda one: one.enters,
        )
        return [
            (
                one,
                later,
                f"sent again: {later.label}"
                if later.label
                else f"sent again {duration(later.enters - one.enters)} later",
            )
            for one, later in pairwise(sent)
        ]

    def _measure(self) -> None:
        """The heights of everything, from the bottom to the top."""
        tall = max((len(self.lines(group)) for group in self.groups), default=1)
        levels = 1 + max((bar.level for bar in self.held), default=-1)
        self.thick = min(0.22, max(0.05, 1.2 / levels)) if levels else 0.0
        self.program = 0.14 + tall * ROW
        self.first_bar = self.program + 0.14
        self.kernel = self.first_bar + max(levels * self.thick, 0.16) + 0.14
        self.sender = self.kernel + FLIGHT
        self.numbers = self.sender + 0.1
        self.first_span = self.numbers + ROW + 0.08
        self.span_places = self._place_spans()
        rows = 1 + max((row for row, *_ in self.span_places), default=-1)
        self.row_height = 0.12 + ROW * max(
            (text.count("\n") + 1 for _, _, text in self.span_places), default=1
        )
        self.height = self.first_span + rows * self.row_height + 0.02

    def _place_spans(self) -> list[tuple[int, float, str]]:
        """The row of each span, where its words are centred, and its words."""
        rows: list[Row] = []
        found = []
        breaks = any(
            width_of(text, SMALL, bold=True) > self.place(b.enters) - self.place(a.enters)
            for a, b, text in self.spans
        )
        for one, later, text in self.spans:
            text = text.replace(": ", ":\n", 1) if breaks else text
            begin, end = self.place(one.enters), self.place(later.enters)
            half = width_of(text, SMALL, bold=True) / 2
            centre = min(max((begin + end) / 2, half), self.inches - half)
            needs = min(begin, centre - half) + 0.03, max(end, centre + half) - 0.03
            row = next((row for row, taken in enumerate(rows) if taken.take(*needs, gap=0.0)), len(rows))
            if row == len(rows):
                rows.append(Row([needs]))
            found.append((row, centre, text))
        return found

    def lines(self, group: Sequence[Delivered], *, short: bool = False) -> list[tuple[str, bool]]:
        """What is said of messages handed over together, line by line, and whether it is said loudly."""
        group = sorted(group, key=lambda one: one.number)
        named = [
            (f"{one.number}  +{duration((one.delivered or 0.0) - one.due)}", one.number == self.chart.chosen)
            for one in group
        ]
        if len(group) <= FEW:
            return named
        together = f"{len(group)} at once" if short else f"{len(group)} messages at once"
        return [*named[:2], ("…", False), named[-1], (together, True)]

    def weight(self, group: Sequence[Delivered]) -> int:
        """How much it has to say: the chosen message first, then what was handed over together."""
        if any(one.number == self.chart.chosen for one in group):
            return 1_000_000
        return len(group) if len(group) > 1 else 0

    def marks(self, begin: float, end: float) -> int:
        """How many marks of the program's lane are between two places, in inches."""
        handed = [group[0].delivered or 0.0 for group in self.groups]
        never = [one.due for one in self.chart.messages if one.delivered is None]
        return sum(begin < self.place(moment) < end for moment in (*handed, *never))

    def step(self, moments: Sequence[float]) -> int:
        """Every how many messages there is room for a number."""
        if len(moments) < 2:
            return 1
        needs = width_of("0" * len(str(max(self.messages, default=0))), SMALL) + 0.1
        room = (self.place(max(moments)) - self.place(min(moments))) / (len(moments) - 1)
        return next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if step * room >= needs), 1000)

"""What a figure of an experiment shows, as data: it is saved with the outcome, and drawn by `benchmarks/figures/`.

Nothing here knows how it looks. Numbers are in the unit that the axis names.
"""

from dataclasses import dataclass, field

from msgspec import Struct


@dataclass(frozen=True)
class Series:
    """Points that belong together: `x` and `y`, equally many. A `y` of None is a gap. `low` and `high` are the ends of
    95 % intervals, as many as there are points, or none at all.

    `look` is `tcp` or `udp`, drawn as those are everywhere, or any other word: the first such word of a chart gets
    the first of the other looks, and so on. `joined` by a line, or points alone; `steps` is a line that holds its
    value until the next point (of a distribution, or of what had arrived by then).
    """

    name: str
    look: str
    x: list[float]
    y: list[float | None]
    low: list[float | None] = field(default_factory=list)
    high: list[float | None] = field(default_factory=list)
    joined: bool = True
    steps: bool = False


@dataclass(frozen=True)
class Reference:
    """What was expected: a line through `x` and `y` (dotted, black), or, with `high`, the band from `y` up to it."""

    name: str
    x: list[float]
    y: list[float]
    high: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Panel:
    """One pair of axes. `ticks` name places of the x axis (a category each), and replace its numbers."""

    title: str
    x_label: str
    y_label: str
    series: list[Series]
    references: list[Reference] = field(default_factory=list)
    ticks: list[tuple[float, str]] = field(default_factory=list)
    x_log: bool = False
    y_log: bool = False
    y_from_zero: bool = True
    note: str = ""
    """Small, under the title: n, for example."""


class Curves(Struct, frozen=True, tag="curves"):
    """One or more panels, one below the other (or, `beside`, next to each other)."""

    name: str
    """Of the file: letters, digits and hyphens."""
    caption: str
    """How to read it, in a sentence or two."""
    panels: list[Panel]
    beside: bool = False


@dataclass(frozen=True)
class Packet:
    """A packet on the link. Seconds since the time line's zero. `arrives` is None if the link dropped it.

    `message` is the number of the message that it carries (the first, if several), or None for an acknowledgement;
    `again`: sent before.
    """

    enters: float
    arrives: float | None
    up: bool
    message: int | None = None
    again: bool = False
    label: str = ""
    """What stands beside it, if anything: `RTO 250 ms`."""
    count: int = 1
    """How many messages it carries, or parts of them."""


@dataclass(frozen=True)
class Delivered:
    """Message `number`, due at `due`, was handed to the program at `delivered` (None: never). It had come to the
    receiving kernel at `arrived`: from then on until `delivered` it was held back behind another one."""

    number: int
    due: float
    arrived: float | None
    delivered: float | None


class Anatomy(Struct, frozen=True, tag="anatomy"):
    """The time line of one chosen message and of those behind it: what the sender's kernel sent, what the link
    dropped, what arrived, what was held back, what the program got. `chosen` is that message's number."""

    name: str
    caption: str
    title: str
    chosen: int
    packets: list[Packet]
    messages: list[Delivered]
    transport: str = "tcp"
    outages: list[tuple[float, float]] = []
    """When the link let nothing in."""
    window: tuple[float, float] | None = None
    """From when until when it is drawn; None: all there is."""


Chart = Curves | Anatomy

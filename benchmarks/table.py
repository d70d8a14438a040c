"""The tables. `glance` is for all profiles: a line for each transport, who lost what, who was late, by how much.
`comparison` is for one: figures down, contestants across; of each figure the median of the repeats and their
spread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from benchmarks.estimate import Percentile
from benchmarks.measure import Figures
from benchmarks.summary import Summary, spared
from benchmarks.wording import UNKNOWN, extent, ms, percent, percents, three_digits


@dataclass(frozen=True)
class Spread:
    """One figure over the repeats: the median, the extremes, and how many of the `runs` had it."""

    median: float
    low: float
    high: float
    n: int
    runs: int

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "Spread | None":
        """None if no repeat has the figure."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        return cls(median(known), min(known), max(known), len(known), len(values))

    def overlaps(self, other: "Spread") -> bool:
        """Whether some repeat of the one could as well have been one of the other."""
        return self.low <= other.high and other.low <= self.high


Value = Callable[[Figures], float | None]


PAGE = 4096
"""Bytes: less than a page for each member is less than the measurement can tell."""


def comparison(results: dict[str, list[Figures]]) -> Table:
    """The table of the runs of each contestant, by name. Each has at least one run."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    for name, runs in results.items():
        table.add_column(Text(f"{name} ({len(runs)} run{'s'[: len(runs) > 1]})"), justify="right")

    def head(title: str, note: str) -> None:
        table.add_row(Text.assemble((title, "bold"), (f" {note}", "dim")))

    def total(name: str, count: Callable[[Figures], int], of: Callable[[Figures], int] | None = None) -> None:
        cells = []
        for runs in results.values():
            value = sum(map(count, runs))
            share = sum(map(of, runs)) if of else 0
            part = Text(f" ({percent(value / share)} %)", "dim") if of and value and share else ""
            cells.append(Text.assemble(f"{value:,}", part))
        table.add_row(f"  {name}", *cells)

    def spread(name: str, value: Value, scale: float = 1.0, *, whole: bool = False) -> None:
        cells = [
            _cell(Spread.of([_scaled(value(run), scale) for run in runs]), whole) for runs in results.values()
        ]
        table.add_row(f"  {name}", *cells)

    head("deliveries", "all runs together")
    total("messages sent", lambda run: run.sent_messages)
    total("expected", lambda run: run.expected)
    total("delivered", lambda run: run.delivered)
    total("lost", lambda run: run.lost, lambda run: run.expected)
    total("doubled", lambda run: run.doubled, lambda run: run.expected)
    total("out of order", lambda run: run.out_of_order, lambda run: run.delivered)
    total("unreadable", lambda run: run.unreadable)
    head("latency, ms", "since due")
    spread("n, of one run", lambda run: run.latency.n, whole=True)
    for name in ("p50", "p90", "p99", "max"):
        spread(name, lambda run, name=name: getattr(run.latency, name), 1e3)  # type: ignore[misc]
    head("latency, ms", "since sent")
    for name in ("p50", "p90", "p99", "max"):
        spread(name, lambda run, name=name: getattr(run.latency_from_send, name), 1e3)  # type: ignore[misc]
    head("server", "")
    spread("CPU, µs a delivery", lambda run: run.cpu_per_delivery, 1e6)
    spread("memory, KiB a member", _memory, 1 / 1024)
    head("the load itself", "")
    spread("lateness n, of one run", lambda run: run.lateness.n, whole=True)
    for name in ("p50", "p99", "max"):
        spread(f"lateness {name}, ms", lambda run, name=name: getattr(run.lateness, name), 1e3)  # type: ignore[misc]
    spread("CPU, % of a processor", lambda run: max(run.load_cpu, default=None), 100)
    total("suspect runs", lambda run: bool(run.suspect))
    return table


def _memory(run: Figures) -> float | None:
    """What a member costs, if it can be told: a process grows by pages, and a little by itself."""
    cost = run.memory_per_member
    return cost if cost is not None and cost >= PAGE else None


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _cell(spread: Spread | None, whole: bool) -> Text:
    """`0.412 (0.398–0.430)`: the median and the extremes. With `2 of 3` where only two repeats have the figure."""
    if spread is None:
        return Text(UNKNOWN)
    show = (lambda value: f"{value:,.0f}") if whole else three_digits
    notes = []
    if spread.runs > 1:
        notes.append(f"{show(spread.low)}–{show(spread.high)}")
    if spread.n < spread.runs:
        notes.append(f"{spread.n} of {spread.runs}")
    return Text.assemble(show(spread.median), (f" ({', '.join(notes)})" if notes else "", "dim"))


# --- at a glance ----------------------------------------------------------------------------------


NARROWER = (
    "expected",
    "nothing to count",
    "max",
    "interval of p99",
    "interval of delivered",
    "sent again",
    "doubled",
    "out of order",
    "network",
)
"""What a table does without, one after the other, until it fits: how many were expected (its note says it then),
the columns of counts that are 0 in each line (the note says that), and so on; at last, where they differ, the
networks (the note says that they do). Profile, transport, delivered, lost, p50 and p99 are always there."""

COUNTS = ("doubled", "out of order")
"""The columns that may be 0 in each line."""


@dataclass(frozen=True)
class Line:
    """One line of the table: a transport over a profile. `instead` is said where there are no figures."""

    profile: str
    transport: str
    figures: Summary | None
    instead: str = ""


def lines(summaries: Sequence[Summary]) -> list[Line]:
    """A line for each, in their order; and one for each transport that was not measured over a profile although it
    was over another, or that could not be impaired."""
    profiles = list(dict.fromkeys(one.profile for one in summaries))
    untouched = spared(summaries)
    transports = sorted({one.transport for one in summaries} | {transport for _, transport in untouched})
    found = []
    for profile in profiles:
        here = {one.transport: one for one in summaries if one.profile == profile}
        order = [name for name in transports if name not in here] + list(here)
        for name in sorted(order, key=["tcp", "udp", *order].index):
            instead = "not impaired here" if (profile, name) in untouched else "not measured"
            found.append(Line(profile, name, here.get(name), "" if name in here else instead))
    return found


def glance(summaries: Sequence[Summary], width: int) -> Table:
    """The whole result in one table that fits into `width` cells if 55 are there, without breaking a word: columns
    are left out in the order of `NARROWER`. Under the title stands what is counted, and what was left out."""
    console = Console(width=10_000)
    for without in range(len(NARROWER) + 1):
        for gap in (3, 2, 1):
            table = _glance(lines(summaries), NARROWER[:without], gap)
            if Measurement.get(console, console.options, table).maximum <= width:
                return table
    return table


def _glance(shown: list[Line], without: Sequence[str], gap: int) -> Table:
    columns = _columns(shown, without)
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, gap - 1, 0, 0),
        title_justify="left",
        title_style="",
    )
    untold = any(
        cell.plain.strip().endswith((UNKNOWN, f"({UNKNOWN})")) for one in columns for cell in one.cells
    )
    note = _note(shown, without, untold=untold)
    table.title = Text.assemble(("Who lost what, and who was late\n", "bold"), (note, "dim"))
    for column in columns:
        table.add_column(column.head, justify="left" if column.left else "right", no_wrap=True)
    for at, line in enumerate(shown):
        last = at + 1 == len(shown) or shown[at + 1].profile != line.profile
        table.add_row(*(column.cells[at] for column in columns), end_section=last)
    return table


@dataclass(frozen=True)
class _Column:
    head: str
    cells: Sequence[Text]
    left: bool = False
    """Words; else numbers."""


def _columns(shown: list[Line], without: Sequence[str]) -> list[_Column]:
    """The columns with all that stands in them."""
    known = [line.figures for line in shown]
    empty = _empty(shown) if "nothing to count" in without else set()
    intervals = {name: f"interval of {name}" not in without for name in ("delivered", "p99")}
    named = _mixed(shown) and "network" not in without

    def counts(value: Callable[[Summary], int | None], *, wrong: bool = False) -> list[Text]:
        return [_count(line, value, wrong=wrong) for line in shown]

    columns = {
        "profile": _Column(
            "\nprofile",
            [
                Text("" if at and shown[at - 1].profile == line.profile else line.profile, "bold")
                for at, line in enumerate(shown)
            ],
            left=True,
        ),
        "transport": _Column("\n", [_transport(line, named=named) for line in shown], left=True),
        "expected": _Column("deliveries\nexpected", counts(lambda one: one.expected)),
        "delivered": _Column("delivered\n%", _delivered(shown, interval=intervals["delivered"])),
        "lost": _Column("lost\n", counts(lambda one: one.lost, wrong=True)),
        "doubled": _Column("\ndoubled", counts(lambda one: one.doubled, wrong=True)),
        "out of order": _Column("out of\norder", counts(lambda one: one.out_of_order, wrong=True)),
        "p50": _Column("p50\nms", _times(shown, lambda one: one.p50, interval=False)),
        "p99": _Column("p99\nms", _times(shown, lambda one: one.p99, interval=intervals["p99"])),
        "max": _Column("max\nms", [Text(ms(one.max) if one else "") for one in known]),
        "sent again": _Column("sent\nagain", [_resent(one) for one in known]),
    }
    if not any(one and one.retransmissions is not None for one in known):
        del columns["sent again"]
    return [column for name, column in columns.items() if name not in without and name not in empty]


def _empty(shown: list[Line]) -> set[str]:
    """The counts of which there is nothing to count."""
    known = [line.figures for line in shown if line.figures]
    values = {"doubled": [one.doubled for one in known], "out of order": [one.out_of_order for one in known]}
    return {name for name in COUNTS if not any(values[name])}


def _mixed(shown: list[Line]) -> bool:
    """Whether not all were measured over the same kind of network."""
    return len({line.figures.network for line in shown if line.figures}) > 1


def _note(shown: list[Line], without: Sequence[str], *, untold: bool) -> str:
    """What the columns count, and what is not among them."""
    known = [line.figures for line in shown if line.figures]
    repeats = extent([one.repeats for one in known])
    runs = "one run each" if repeats == "1" else f"{repeats} repeats together"
    said = [
        f"Deliveries: one message to one member; {runs}. Times: since a message was due, of what arrived."
    ]
    if "interval of delivered" not in without:
        said.append("In brackets: 95 % intervals.")
    if untold:
        said.append(f"{UNKNOWN}: too few to tell, or not counted.")
    if any(one.retransmissions is not None for one in known):
        said.append("Sent again: segments, by TCP, both ends.")
    if "expected" in without:
        said.append(f"Expected in each line: {extent([one.expected for one in known])}.")
    if "network" in without and _mixed(shown):
        said.append("Not all were measured over the same kind of network.")
    left = [name for name in without if name not in ("expected", "nothing to count", "network")]
    if "nothing to count" in without:
        empty = _empty(shown)
        left = [name for name in left if name not in empty]
        if empty:
            said.append(f"None was {' or '.join(name for name in COUNTS if name in empty)}.")
    if "sent again" in left and all(one.retransmissions is None for one in known):
        left.remove("sent again")
    if left:
        said.append(f"A wider window also shows: {', '.join(left)}.")
    return " ".join(said)


def _transport(line: Line, *, named: bool) -> Text:
    """With the network, if it is not the same everywhere: those lines are not to be compared."""
    network = f", {line.figures.network}" if named and line.figures else ""
    return Text(line.transport + network)


def _count(line: Line, value: Callable[[Summary], int | None], *, wrong: bool) -> Text:
    """A number. What went wrong is yellow; if it was TCP it is not to be overlooked."""
    if line.figures is None:
        return Text("")
    number = value(line.figures)
    if number is None:
        return Text(UNKNOWN)
    if wrong and number and line.transport == "tcp":
        return Text(f"!! {number:,}", "bold red")
    return Text(f"{number:,}", "yellow" if wrong and number else "")


def _resent(figures: Summary | None) -> Text:
    """Nothing of UDP: it has nothing to send again."""
    if figures is None or figures.retransmissions is None:
        return Text(UNKNOWN if figures and figures.transport == "tcp" else "")
    return Text(f"{figures.retransmissions:,}")


def _delivered(shown: list[Line], *, interval: bool) -> list[Text]:
    cells = []
    for line in shown:
        if line.figures is None:
            cells.append((line.instead, ""))
        elif line.figures.delivered_share is None:
            cells.append((UNKNOWN, ""))
        else:
            share, low, high = percents(line.figures.delivered_share)
            cells.append((share, f"({low}–{high})"))
    return _beside(cells, interval=interval)


def _times(shown: list[Line], value: Callable[[Summary], Percentile | None], *, interval: bool) -> list[Text]:
    cells = []
    for line in shown:
        time = value(line.figures) if line.figures else None
        if time is None:
            cells.append((UNKNOWN if line.figures else "", ""))
            continue
        known = time.interval
        around = f"({ms(known.low)}–{ms(known.high)})" if known else f"({UNKNOWN})"
        cells.append((ms(time.estimate), around))
    return _beside(cells, interval=interval)


def _beside(cells: Sequence[tuple[str, str]], *, interval: bool) -> list[Text]:
    """Figures below figures, intervals below intervals. Words that stand instead may take the whole cell."""
    if not interval:
        return [Text(figure) for figure, _ in cells]
    right = max((cell_len(around) for _, around in cells), default=0)
    left = max((cell_len(figure) for figure, around in cells if around), default=0)
    width = max((left + 1 + right, *(cell_len(figure) for figure, _ in cells)))
    found = []
    for figure, around in cells:
        if around or cell_len(figure) <= left:
            figure, around = figure.rjust(width - 1 - right), f" {around}"
        found.append(Text.assemble(figure, (around, "dim"), justify="left"))
    return found

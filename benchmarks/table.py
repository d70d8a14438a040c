"""The table: figures down, contestants across; of each figure the median of the repeats and their spread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich import box
from rich.table import Table
from rich.text import Text

from benchmarks.measure import Figures

UNKNOWN = "–"


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


def three_digits(value: float) -> str:
    """A number with three digits that mean something: 0.412, 4.12, 41.2, 412, 4,120."""
    size = abs(value)
    decimals = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{value:,.{decimals}f}"


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
            part = Text(f" ({100 * value / share:.3g} %)", "dim") if of and value and share else ""
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

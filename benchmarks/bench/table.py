"""What a person is shown: one table of all figures, and below it what there is to say of the runs."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.bench.figures import ROWS
from benchmarks.bench.loads import SIZES
from benchmarks.bench.measuring import Run
from benchmarks.bench.outcome import Outcome, Reports, faults
from benchmarks.bench.report import Report
from benchmarks.measure import BUSY, FULL, LATE
from benchmarks.wording import UNKNOWN, listed, named, three_digits

VERDICTS = {True: ("holds", "green"), False: ("does not hold", "bold red"), None: ("not measured", "yellow")}


OTHERS = 0.2
"""Of a processor: where other programs used more than this, they are part of the result."""

NAMED = 6
"""Kinds of runs that are named in a note; of more there is only the number."""

WIDEST = 110
"""Columns of the table at most: beyond that the eye loses the line."""


def table(outcomes: Sequence[Outcome], width: int) -> Group:
    """A line for each figure, under its load."""
    parts: list[RenderableType] = [_columns(width)]
    for row in ROWS:
        lines = [outcome for outcome in outcomes if outcome.figure.row == row.name]
        if not lines:
            continue
        shown = _columns(width, heads=False)
        for outcome in lines:
            word, style = VERDICTS[outcome.holds]
            shown.add_row(
                Text(outcome.figure.what),
                outcome.figure.bound.text,
                measured(outcome),
                str(len(outcome.values) or UNKNOWN),
                Text(word, style),
            )
        parts += [Text(), Text.assemble((row.name, "bold"), f"  {row.title}"), shown]
        reasons = dict.fromkeys(
            (*VERDICTS[outcome.holds], outcome.reason) for outcome in lines if outcome.reason
        )
        parts += [Text(f"{word}: {reason}", style) for word, style, reason in reasons]
    return Group(*parts)


def _columns(width: int, *, heads: bool = True) -> Table:
    """The columns: as wide in each of the tables that follow one another, so that they read as one."""
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=heads, width=min(width, WIDEST))
    shown.add_column("figure", ratio=1)
    shown.add_column("to reach", width=11)
    shown.add_column("median (lowest–highest)", width=24)
    shown.add_column("n", width=2, justify="right")
    shown.add_column("", width=13)
    return shown


def measured(outcome: Outcome) -> Text:
    """`1/52 (1/48–1/55)`; of what must hold always, in how many repeats it did."""
    values, middle, bound = outcome.values, outcome.median, outcome.figure.bound
    if middle is None:
        return Text(UNKNOWN)
    unit = f" {bound.unit}" if bound.unit else ""
    if outcome.figure.each:
        good = sum(value in bound for value in values)
        worst = f"{bound.show(min(values))}{unit}"
        return Text(worst if good == len(values) else f"{worst} (in {len(values) - good} of {len(values)})")
    spread = f" ({bound.show(min(values))}–{bound.show(max(values))})" if len(values) > 1 else ""
    return Text.assemble(bound.show(middle), (spread, "dim"), unit)


def count(outcomes: Sequence[Outcome]) -> str:
    """The last line."""
    held = sum(outcome.holds is True for outcome in outcomes)
    unmeasured = sum(outcome.holds is None for outcome in outcomes)
    return f"{held} of {len(outcomes)} hold" + (f", {unmeasured} not measured" if unmeasured else "") + "."


# --- what there is to say of the runs -------------------------------------------------------------


def notes(reports: Reports) -> list[str]:
    """What was lost, where something else than the server may have been measured, and what a member of a large room
    costs."""
    by_run: dict[Run, list[Report]] = {}
    for (run, _), report in reports.items():
        by_run.setdefault(run, []).append(report)
    said = [f"{run.name}: {text}." for run, same in by_run.items() if (text := _all_faults(same))]
    for sentence, is_so in REMARKS.items():
        found = {run: count for run, same in by_run.items() if (count := sum(map(is_so, same)))}
        where = "; ".join(f"{run.name} ({count} of {len(by_run[run])})" for run, count in found.items())
        if len(found) > NAMED:
            where = f"{sum(found.values())} of {len(reports)}"
        if found:
            said.append(f"{sentence}: {where}.")
    return [*said, *_trend(by_run)]


def _all_faults(same: Sequence[Report]) -> str:
    """What did not arrive as it should in these runs; empty if all did."""
    names = ("lost", "doubled", "out_of_order", "unreadable")
    sums = {name: sum(getattr(report, name) for report in same) for name in names}
    told = [f"{number:,} {name.replace('_', ' ')}" for name, number in sums.items() if number]
    runs = sum(bool(faults(report)) for report in same)
    expected = sum(report.expected for report in same)
    return f"{listed(told)} of {expected:,} deliveries, in {runs} of {len(same)} runs" if told else ""


def _load_was_slower(report: Report) -> bool:
    """Whoever has nothing left to give sets the pace; where neither has, it is the server that was measured."""
    return report.load_busy > BUSY and (report.server_busy or 0) < FULL


def _late(report: Report) -> bool:
    latency, lateness = report.latency.p99, report.lateness.p99
    return latency is not None and lateness is not None and lateness > LATE * latency


REMARKS: Mapping[str, Callable[[Report], bool]] = {
    f"Other programs used more than {OTHERS:.0%} of a processor during these runs": lambda report: (
        (report.others_busy or 0) > OTHERS
    ),
    "The load was slower than the server, so it was measured": _load_was_slower,
    "Much of the latency is the load's own lateness": _late,
    "Messages still came when nobody waited any longer": lambda report: report.still_coming,
    "The server closed connections of members who read": lambda report: bool(report.ended),
    "The load's own kernel did not take datagrams": lambda report: bool(report.refused),
}
"""What may have to be said of a run that its figures alone do not tell."""


def _trend(by_run: Mapping[Run, Sequence[Report]]) -> list[str]:
    """What a delivery costs the server, the larger the room is."""
    said = []
    for transport in ("tcp", "udp"):
        costs = [
            median(
                [
                    cost
                    for report in by_run.get(Run(transport, f"one-of-{size}"), ())
                    if (cost := report.cpu_per_delivery)
                ]
                or [0]
            )
            for size in SIZES
        ]
        if all(costs):
            sizes = listed([str(size) for size in SIZES])
            shown = listed([three_digits(1e6 * cost) for cost in costs])
            said.append(f"{named(transport)}, CPU per delivery with {sizes} members, one talks: {shown} µs.")
    return said

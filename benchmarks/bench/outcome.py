"""What became of a figure: its value in each repeat, and whether it holds. No socket, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.bench.figures import Figure
from benchmarks.bench.measuring import Run
from benchmarks.bench.report import Report


@dataclass(frozen=True)
class Outcome:
    """A figure, measured: its value in each repeat. Their median decides, or, of what must be so in each repeat, every
    one. `holds` is None where it was not measured; `reason` says why then, or what is wrong apart from the value."""

    figure: Figure
    values: tuple[float, ...]
    holds: bool | None
    reason: str = ""

    @property
    def median(self) -> float | None:
        """Of the repeats."""
        return median(self.values) if self.values else None


Reports = Mapping[tuple[Run, int], Report]
"""By run and repeat."""


def outcome(figure: Figure, reports: Reports, missing: Mapping[str, str]) -> Outcome:
    """What became of a figure. `missing` says of contestants that could not be measured why not.

    Nothing that our server over TCP is sent may be lost, doubled or out of order, or no figure of that run holds,
    however good it is.
    """
    for run in figure.runs:
        if run.contestant in missing:
            return Outcome(figure, (), None, missing[run.contestant])
    repeats = sorted({repeat for run, repeat in reports if run == figure.ours})
    values: list[float] = []
    for repeat in repeats:
        ours = reports[figure.ours, repeat]
        theirs = reports.get((figure.theirs, repeat)) if figure.theirs else None
        value = _value(figure, ours, theirs)
        if value is not None:
            values.append(value)
    if not values:
        why = "too few deliveries, or this system does not tell" if repeats else "the bench ended before"
        return Outcome(figure, (), None, why)
    decisive = values if figure.each else [median(values)]
    wrong = [
        fault
        for (run, _), report in reports.items()
        if run in figure.runs and run.contestant == "tcp" and (fault := faults(report))
    ]
    return Outcome(
        figure,
        tuple(values),
        all(value in figure.bound for value in decisive) and not wrong,
        wrong[0] if wrong else "",
    )


def _value(figure: Figure, ours: Report, theirs: Report | None) -> float | None:
    """The figure's value in one repeat; None if it can't be told."""
    value = figure.value(ours)
    if value is None or figure.theirs is None:
        return value
    other = figure.value(theirs) if theirs else None
    return value / other if other else None


def faults(report: Report) -> str:
    """What TCP must never do, and did; empty if nothing."""
    return ", ".join(
        f"{count:,} {what}"
        for what, count in (
            ("lost", report.lost),
            ("doubled", report.doubled),
            ("out of order", report.out_of_order),
            ("unreadable", report.unreadable),
        )
        if count
    )

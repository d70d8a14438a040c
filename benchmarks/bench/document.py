"""All of a bench as JSON: what was asked, where it was measured, the figures, and the runs that they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.bench.loads import LOADS
from benchmarks.bench.measuring import Places
from benchmarks.bench.options import Options
from benchmarks.bench.outcome import Outcome, Reports

FORMAT = 1


def document(
    options: Options,
    where: Mapping[str, Any],
    places: Places,
    outcomes: Sequence[Outcome],
    reports: Reports,
    ended: str,
    made: str,
) -> dict[str, Any]:
    """As it is written. Times are in seconds, memory in bytes; null is what was not measured, or can't be known."""
    return {
        "format": FORMAT,
        "made": made,
        "ended": ended,
        "quick": options.quick,
        "repeats": options.repeats,
        "environment": dict(where),
        "pinned": asdict(places),
        "figures": [_figure(outcome) for outcome in outcomes],
        "loads": {name: asdict(LOADS[name]) for name in dict.fromkeys(run.load for run, _ in reports)},
        "runs": [
            {"contestant": run.contestant, "load": run.load, "pinned": run.pinned, "repeat": repeat}
            | asdict(report)
            for (run, repeat), report in reports.items()
        ],
    }


def _figure(outcome: Outcome) -> dict[str, Any]:
    figure, values = outcome.figure, outcome.values
    return {
        "row": figure.row,
        "figure": figure.what,
        "sign": figure.bound.sign,
        "to_reach": figure.bound.limit,
        "in_each_repeat": figure.each,
        "values": list(values),
        "median": outcome.median,
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
        "n": len(values),
        "holds": outcome.holds,
        "reason": outcome.reason,
    }

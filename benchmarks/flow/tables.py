"""The fates of messages as rows: every one for the CSV file, and all of a kind in one row of a small table."""

from collections.abc import Iterable, Sequence

from benchmarks.flow import fates
from benchmarks.flow.fates import Fates
from benchmarks.labbook.experiment import Cell
from benchmarks.wording import UNKNOWN, ms, percents

COLUMNS = ("repeat", *fates.COLUMNS)
"""Of `rows`, behind what the experiment says before."""

SHOWN = (50.0, 99.0)
"""Percentiles of a table."""


def rows(runs: Iterable[Fates], *before: Cell) -> list[list[Cell]]:
    """A row for each message, which begins with these cells. Times are in seconds."""
    return [[*before, run.repeat, *fate] for run in runs for fate in run.messages]


def heading(shown: Sequence[float] = SHOWN) -> list[str]:
    """Over the cells of `summary`."""
    return ["delivered %", *(f"p{percent:g} ms" for percent in shown), "slowest ms", "n"]


def summary(
    runs: Sequence[Fates],
    shown: Sequence[float] = SHOWN,
    *,
    shared: bool = False,
    stretch: float = float("inf"),
) -> list[str]:
    """What became of all messages, in a few cells: those of `heading`. `shared` and `stretch` as in `fates.clusters`:
    they decide how many digits of a share are worth showing."""
    came = fates.delivered(runs, shared=shared, stretch=stretch)
    times = fates.percentiles(runs, shown, shared=shared, stretch=stretch)
    return [
        percents(came)[0] if came else UNKNOWN,
        *(ms(time.estimate if time else None) for time in times.values()),
        ms(fates.longest(runs)),
        f"{fates.count(runs):,}",
    ]

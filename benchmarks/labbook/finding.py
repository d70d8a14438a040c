"""Findings out of what was measured: shares in percent, times in milliseconds, repeats as their median."""

from collections.abc import Sequence
from statistics import median
from typing import TypedDict, Unpack

from benchmarks.estimate import Interval, Percentile, wilson
from benchmarks.labbook.experiment import Expected, Finding


class Words(TypedDict, total=False):
    """What else a finding says: see `Finding`."""

    expected: Expected | None
    because: str
    unless: str
    missing: str


def share(
    name: str, what: str, found: Interval | None, n: int, of: str = "messages", **more: Unpack[Words]
) -> Finding:
    """A share, in percent, with its interval. `found` is of 1, and None if there was nothing."""
    if found is None:
        return Finding(name, what, "%", None, n, of, **more)
    return Finding(name, what, "%", 100 * found.estimate, n, of, 100 * found.low, 100 * found.high, **more)


def portion(name: str, what: str, met: int, n: int, of: str = "messages", **more: Unpack[Words]) -> Finding:
    """The share, in percent, that `met` are of `n` which say nothing about each other, with Wilson's interval."""
    return share(name, what, wilson(met, n), n, of, **more)


def milliseconds(
    name: str,
    what: str,
    found: Percentile | float | None,
    n: int,
    of: str = "messages",
    **more: Unpack[Words],
) -> Finding:
    """A time, in milliseconds, with its interval where it has one. `found` is in seconds, and None where fewer than
    10 samples lie beyond a percentile."""
    if found is None:
        more.setdefault("missing", f"of {n} {of} fewer than 10 are beyond it.")
        return Finding(name, what, "ms", None, n, of, **more)
    if isinstance(found, float):
        return Finding(name, what, "ms", 1e3 * found, n, of, **more)
    low, high = (None if end is None else 1e3 * end for end in (found.low, found.high))
    return Finding(name, what, "ms", 1e3 * found.estimate, n, of, low, high, **more)


def factor(
    name: str, what: str, found: Percentile | None, n: int, of: str = "messages", **more: Unpack[Words]
) -> Finding:
    """How many times as much one is as the other, with its interval where it has one."""
    if found is None:
        return Finding(name, what, "×", None, n, of, **more)
    return Finding(name, what, "×", found.estimate, n, of, found.low, found.high, **more)


def repeats(
    name: str, what: str, unit: str, values: Sequence[float], of: str = "repeats", **more: Unpack[Words]
) -> Finding:
    """The median of what each repeat had, in `unit`, with the lowest and the highest."""
    if not values:
        more.setdefault("missing", "no repeat has it.")
        return Finding(name, what, unit, None, 0, of, **more)
    low, high = (min(values), max(values)) if len(values) > 1 else (None, None)
    return Finding(name, what, unit, float(median(values)), len(values), of, low, high, spread=True, **more)


def count(
    name: str, what: str, value: int | None, n: int, of: str, unit: str = "", **more: Unpack[Words]
) -> Finding:
    """A number of things among `n`; None if it is not known."""
    return Finding(name, what, unit, None if value is None else float(value), n, of, **more)

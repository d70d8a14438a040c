"""How a number, a name or a path is said: the same in the table, in the sentences, in the figures and in the report.

What was not all is never shown as 100, and what was not nothing never as 0: in a comparison of losses, that is the
difference that counts.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.estimate import Interval
from common.visible import visible

UNKNOWN = "–"


def three_digits(value: float) -> str:
    """A number with three digits that mean something: 0, 0.412, 4.12, 41.2, 412, 4,120."""
    size = abs(value)
    decimals = 0 if size >= 99.95 or not size else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{value:,.{decimals}f}"


def ms(seconds: float | None) -> str:
    """A duration in milliseconds, without the unit."""
    return UNKNOWN if seconds is None else three_digits(1e3 * seconds)


def percent(share: float) -> str:
    """A share in percent, with up to three digits: 5, 0.25, 99.9, and 100 only if it is whole."""
    value = 100 * share
    return f"{value:,.0f}" if share >= 1 else f"{min(value, 99.9):.3g}"


def percents(interval: Interval) -> tuple[str, str, str]:
    """A share in percent, and the ends of its interval, with as many digits as the interval is worth. 100 is only
    what is whole, and 0 only what is nothing."""
    width = 100 * (interval.high - interval.low)
    decimals = next((count for count in (1, 2, 3) if width >= 10.0**-count), 4)

    def show(value: float) -> str:
        if value in (0, 1):
            return f"{100 * value:.0f}"
        least = 10.0**-decimals
        return f"{min(max(100 * value, least), 100 - least):.{decimals}f}"

    return show(interval.estimate), show(interval.low), show(interval.high)


def extent(numbers: Sequence[int]) -> str:
    """From the lowest to the highest: `2,000–4,000`, or `4,000` if they are all the same."""
    low, high = min(numbers, default=0), max(numbers, default=0)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def listed(names: Sequence[str]) -> str:
    """`clean`, `clean and dsl`, `clean, dsl and lossy`."""
    return " and ".join(names) if len(names) < 3 else ", ".join(names[:-1]) + f" and {names[-1]}"


def named(transport: str) -> str:
    """The name of a transport in a sentence."""
    return transport.upper()


def from_here(path: Path) -> str:
    """A path as a person standing here would call it."""
    here = Path.cwd()
    return visible(str(path.relative_to(here) if path.is_relative_to(here) else path))


def reason(error: OSError) -> str:
    """What the system says, as the end of a sentence: `permission denied`."""
    said = error.strerror or str(error)
    return said[:1].lower() + said[1:]

"""A small chart of latencies out of block characters: a column for each message, on a scale of powers of ten.

Pure: numbers in, lines of text out.
"""

import math
from collections.abc import Sequence

LOW, HIGH = 0.01, 10.0
"""Seconds: the ends of the scale, three powers of ten."""

DECADES = ("10 s", "1 s", "100 ms")
"""The upper ends of the powers of ten, from above. Each takes the same number of rows."""

EIGHTHS = " ▁▂▃▄▅▆▇█"

MISSING, OPEN = "×", "·"
"""In the lowest row: what never came, and what has not come yet."""

AXIS = 7
"""Columns for the names of the scale."""


def height_of(seconds: float, rows: int) -> int:
    """Eighths of a row that a latency is high: at least 1, at most all."""
    share = math.log(max(seconds, LOW) / LOW) / math.log(HIGH / LOW)
    return max(1, min(8 * rows, round(share * 8 * rows)))


def chart(samples: Sequence[float | str], width: int, rows: int) -> list[str]:
    """`rows` lines (a multiple of three) of `width` characters: the latest of `samples` that fit, in order. A sample is
    a latency in seconds, or `MISSING` or `OPEN`."""
    room = max(0, width - AXIS)
    shown = list(samples[-room:]) if room else []
    each = rows // len(DECADES)
    lines = []
    for row in range(rows):
        name = DECADES[row // each] if row % each == 0 else ""
        cells = "".join(_cell(one, rows, 8 * (rows - 1 - row)) for one in shown)
        lines.append(f"{name.rjust(AXIS - 1)}┤{cells}".ljust(width)[:width])
    return lines


def _cell(sample: float | str, rows: int, floor: int) -> str:
    """One place of the chart, whose lower edge is `floor` eighths above the ground."""
    if isinstance(sample, str):
        return " " if floor else sample
    return EIGHTHS[max(0, min(8, height_of(sample, rows) - floor))]

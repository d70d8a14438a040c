"""The last screen: what the acts came to, as a table, and where the report is."""

from collections.abc import Sequence
from pathlib import Path

from rich.cells import set_cell_size
from rich.text import Text

from benchmarks.demo.acts import ACTS
from benchmarks.demo.draw import COLOURS, COMMENT, filled, wrap
from benchmarks.demo.figures import Figures, figures
from benchmarks.demo.state import SIDES, Record, State
from benchmarks.demo.verdict import verdict
from benchmarks.wording import from_here, ms

GROUPS: tuple[tuple[str, int], ...] = (
    ("delivered", 6),
    ("missing", 4),
    ("median ms", 5),
    ("slowest ms", 6),
    ("over 1 s", 5),
    ("bursts", 4),
)
"""What the table has for each transport, and the columns of one figure."""

FIRST, SAID, AGAIN = 8, 5, 6
"""Columns of the act's name, of what was said, and of what TCP sent again."""

ENDS = "Any act: its digit · p the last one again · q end"

NOTE = (
    "A delivery is one message at one of those who read; late counts from when it was due. "
    "– stands where there are too few for a median."
)


def played(state: State) -> list[Record]:
    """What was played to its end, in the order of the acts."""
    found = (state.records.get(act.name) for act in ACTS)
    return [record for record in found if record is not None and record.over and record.lines]


def table(records: Sequence[Record]) -> list[Text]:
    """A line for each act, under two of headings."""
    heads = [Text(" " * FIRST + "said".rjust(SAID)), Text(" " * (FIRST + SAID))]
    for name, size in GROUPS:
        heads[0].append(name.rjust(2 * size))
        for side in SIDES:
            heads[1].append(side.upper().rjust(size), COLOURS[side])
    heads[0].append("again".rjust(AGAIN))
    heads[1].append("TCP".rjust(AGAIN), COLOURS["tcp"])
    for head in heads:
        head.stylize("bold")
    return [*heads, *map(_row, records)]


def _row(record: Record) -> Text:
    both = {side: figures(record, side) for side in SIDES}
    row = Text(set_cell_size(record.act.name, FIRST) + f"{both['tcp'].said:,}".rjust(SAID))
    cells = {side: _cells(found) for side, found in both.items()}
    for place, (_, size) in enumerate(GROUPS):
        for side in SIDES:
            row.append(cells[side][place].rjust(size), COLOURS[side])
    return row.append(f"{both['tcp'].again:,}".rjust(AGAIN), COLOURS["tcp"])


def _cells(found: Figures) -> list[str]:
    worst = ms(found.worst) if found.worst is None else f"{1000 * found.worst:,.0f}"
    median = ms(found.p50) if found.p50 is None else f"{1000 * found.p50:.0f}"
    return [
        f"{found.delivered:,}", f"{found.missing:,}", median, worst, f"{found.very_late:,}", f"{found.bursts:,}",
    ]  # fmt: skip


def sentences(records: Sequence[Record], width: int) -> list[Text]:
    """What came of each act."""
    lines: list[Text] = []
    for record in records:
        found = wrap(f"{record.act.name}: {verdict(record)}", width)
        found[0].stylize("bold", 0, len(record.act.name) + 1)
        lines += found
    return lines


def where(report: Path | None, problem: str, width: int) -> list[Text]:
    """Where the report is, or why there is none."""
    if report is not None:
        return wrap(f"The report, with every message and packet: {from_here(report)}", width)
    return wrap(problem, width) if problem else []


def last_screen(state: State, report: Path | None, problem: str, width: int, height: int) -> list[Text]:
    """The table, where the report is, and as much of the sentences as there is room for."""
    records = played(state)
    end = [*where(report, problem, width), Text(ENDS, COMMENT)]
    if not records:
        return filled([Text("No act was played to its end.", "bold"), *end], width, height)
    top = [Text("What the acts came to", "bold"), *table(records)]
    room = max(0, height - len(top) - len(end))
    said = sentences(records, width)
    note = wrap(NOTE, width)
    if len(said) + len(note) + 2 <= room:
        said = [Text(), *said, Text(), *note]
    return filled([*top, *said[:room], *(Text() for _ in range(room - len(said))), *end], width, height)

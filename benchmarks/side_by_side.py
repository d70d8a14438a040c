"""The TCP and the UDP text side by side: the same method at the same height, what differs in colour.

    python -m benchmarks.side_by_side            both pairs
    python -m benchmarks.side_by_side server     tcp/server.py beside udp/server.py

In a terminal it goes through a pager (PAGER, else `less -R`).
"""

import difflib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from benchmarks.outline import Part, parts
from common import interrupts
from common.command_line import Parser

ROOT = Path(__file__).resolve().parent.parent
PAIRS = {"server": ("tcp/server.py", "udp/server.py"), "client": ("tcp/client.py", "udp/client.py")}

NUMBERS = 4
"""Columns of a line number and the space behind it."""

MARK = 3
"""Columns between the two texts."""


THIRD_COLUMN = 60
"""From this many blanks on a line continues the third column of a table: no code stands so far in."""

TABULAR = re.compile(r"\S {3,}\S|-{10}")


@dataclass(frozen=True)
class Row:
    """What stands at one height: the line numbers (from 1) of both sides, None where a side has nothing."""

    left: int | None
    right: int | None
    same: bool = False
    heading: str = ""
    """The name of the part that begins here."""


@dataclass(frozen=True)
class Count:
    """Lines of one text that are not blank: the same as on the other side, and different."""

    same: int
    different: int


def pair(left: list[Part], right: list[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """Parts of the same name together, in order; a part without a partner comes alone."""
    matcher = difflib.SequenceMatcher(None, [p.name for p in left], [p.name for p in right], autojunk=False)
    for tag, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        ours, theirs = left[left_from:left_to], right[right_from:right_to]
        if tag == "equal":
            yield from zip(ours, theirs, strict=True)
        else:
            yield from ((part, None) for part in ours)
            yield from ((None, part) for part in theirs)


def align(left: str, right: str) -> list[Row]:
    """The rows of two texts: part beside part, and inside a pair of parts line beside line.

    Raises SyntaxError if one of them is no Python.
    """
    rows: list[Row] = []
    for ours, theirs in pair(parts(left), parts(right)):
        named = ours or theirs
        rows.append(Row(None, None, heading=named.name if named else ""))
        rows += _align_part(ours or Part("", 1, ()), theirs or Part("", 1, ()))
    return rows


def _align_part(left: Part, right: Part) -> Iterator[Row]:
    matcher = difflib.SequenceMatcher(None, left.lines, right.lines, autojunk=False)
    for tag, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        for offset in range(max(left_to - left_from, right_to - right_from)):
            ours, theirs = left_from + offset, right_from + offset
            yield Row(
                left.first + ours if ours < left_to else None,
                right.first + theirs if theirs < right_to else None,
                same=tag == "equal",
            )


def count(rows: list[Row], left: str, right: str) -> tuple[Count, Count]:
    """How many lines of each text are the same and how many differ; blank lines do not count."""

    def of(lines: list[str], numbers: list[tuple[int | None, bool]]) -> Count:
        told = [same for number, same in numbers if number is not None and lines[number - 1].strip()]
        return Count(sum(told), len(told) - sum(told))

    return (
        of(left.splitlines(), [(row.left, row.same) for row in rows]),
        of(right.splitlines(), [(row.right, row.same) for row in rows]),
    )


# --- what is shown --------------------------------------------------------------------------------


def show(console: Console, names: tuple[str, str], root: Path = ROOT) -> tuple[Count, Count]:
    """Print the files `names` (below `root`) side by side, as wide as the console; how much is the same.

    Raises OSError if one can't be read.
    """
    left, right = ((root / name).read_text(encoding="utf-8") for name in names)
    rows = align(left, right)
    width = (console.width - MARK - 2 * (NUMBERS + 1)) // 2
    table = Table.grid()
    for columns in (NUMBERS, 1, width, MARK, NUMBERS, 1, width):
        table.add_column(width=columns, justify="center" if columns == MARK else "left")
    ours, theirs = _highlighted(left), _highlighted(right)
    table.add_row("", "", Text(names[0], "bold"), "", "", "", Text(names[1], "bold"))
    for row in rows:
        if row.heading:
            name = Text(f"── {row.heading} ".ljust(width, "─")[:width], "cyan")
            table.add_row("", "", name, Text("─" * MARK, "cyan"), "", "", Text("─" * width, "cyan"))
            continue
        table.add_row(
            *_side(ours, row.left, row.same, width), _mark(row), *_side(theirs, row.right, row.same, width)
        )
    console.print(table)
    return count(rows, left, right)


def _highlighted(source: str) -> list[Text]:
    """The lines of a Python text, in the colours of the terminal."""
    lines = Syntax("", "python", theme="ansi_dark").highlight(source).split("\n", allow_blank=True)
    return list(lines)


def _side(lines: list[Text], number: int | None, same: bool, width: int) -> tuple[Text, Text, Text]:
    """One side of a row: the line's number, a space, and the line, wrapped to `width` columns."""
    if number is None:
        return Text(), Text(), Text()
    line = lines[number - 1]
    if same:
        line = Text(line.plain, "dim")
    return Text(f"{number:>{NUMBERS}}", "dim"), Text(), wrapped(line, width)


def wrapped(line: Text, width: int) -> Text:
    """`line` in as many lines of `width` columns as it takes; those after the first stand a little further in.
    Of a row of a table only the first two columns are shown: the third is the second one of the other text."""
    if line.cell_len <= width:
        return line
    blanks = len(line.plain) - len(line.plain.lstrip())
    if set(line.plain) <= {" ", "-"}:
        return Text(line.plain[:width], line.style)
    if TABULAR.search(line.plain.strip()):
        line = Text(" " * blanks + "  ".join(re.split(" {2,}", line.plain.strip())[:2]), line.style)
    elif blanks >= THIRD_COLUMN:
        return Text()
    indent = min(blanks, width // 3)
    body = line.divide([blanks])[-1] if blanks else line
    pieces = body.wrap(Console(width=width), width - indent - 2, overflow="fold")
    for number, piece in enumerate(pieces):
        piece.rstrip()
        piece.pad_left(indent + (2 if number else 0))
    return Text("\n").join(pieces)


def _mark(row: Row) -> Text:
    """Between the two texts: = the same (dim), ≠ changed, < and > only on that side."""
    if row.same:
        return Text("=", "dim")
    if row.left is None:
        return Text(">", "bold green")
    return Text("<", "bold red") if row.right is None else Text("≠", "bold yellow")


def summary(counts: list[tuple[tuple[str, str], tuple[Count, Count]]]) -> Table:
    """How much is the same, per file."""
    table = Table(title="lines that are not blank", title_justify="left")
    table.add_column("file")
    for name in ("the same", "different", "share the same"):
        table.add_column(name, justify="right")
    for names, pair_of_counts in counts:
        for name, counted in zip(names, pair_of_counts, strict=True):
            total = counted.same + counted.different
            share = f"{100 * counted.same / total:.0f} %" if total else "–"
            table.add_row(name, str(counted.same), str(counted.different), share)
    return table


def print_all(console: Console, pairs: list[tuple[str, str]]) -> None:
    """Each pair of files, then the counts."""
    counts = []
    for names in pairs:
        counts.append((names, show(console, names)))
        console.print()
    console.print(summary(counts))


def main() -> int:
    """`python -m benchmarks.side_by_side`"""
    parser = Parser(
        prog="python -m benchmarks.side_by_side",
        description="The TCP and the UDP text side by side, method by method.",
    )
    parser.add_argument(
        "what", nargs="?", choices=PAIRS, metavar="PAIR", help="only this pair: server or client (both)"
    )
    what = parser.parse_args().what
    pairs = [PAIRS[what]] if what else list(PAIRS.values())
    console = Console(highlight=False)
    if console.is_terminal and (os.environ.get("PAGER") or shutil.which("less")):
        os.environ.setdefault("PAGER", "less -R")
        os.environ.setdefault("LESS", "R")  # a PAGER that is plain `less` would show the colours as codes
        with console.pager(styles=True):
            print_all(console, pairs)
    else:
        print_all(console, pairs)
    return 0


if __name__ == "__main__":
    sys.exit(interrupts.run(main))

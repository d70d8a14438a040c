"""The command line of the bench."""

import argparse
import sys
from dataclasses import dataclass

from benchmarks.bench.figures import ROWS
from common.command_line import Parser, whole

REPEATS, QUICK_REPEATS = 5, 2


@dataclass(frozen=True)
class Options:
    """What is to be measured: the rows `only`, in so many `repeats`. `json` is where all of it goes as JSON: a file,
    `-` for standard output, or None. `list` asks for the names of the rows instead."""

    only: tuple[str, ...]
    repeats: int
    quick: bool
    json: str | None
    list: bool


def _rows(text: str) -> tuple[str, ...]:
    known = [row.name for row in ROWS]
    chosen = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in chosen:
        if name not in known:
            raise argparse.ArgumentTypeError(f"there is no {name!r}: there are {', '.join(known)}")
    if not chosen:
        raise argparse.ArgumentTypeError(f"name at least one of {', '.join(known)}")
    return chosen


def parse(words: list[str]) -> Options:
    """The options in `words`. Prints a sentence and exits with 2 if they can't be had."""
    parser = Parser(
        prog="python -m benchmarks.bench",
        description="Measures this lab's servers beside others, as ratios that must reach a figure.",
    )
    add = parser.add_argument
    every = tuple(row.name for row in ROWS)
    add("--only", type=_rows, default=every, metavar="NAME,…", help="these rows of the table (all)")
    add("--repeats", type=whole(1, 100, "number of repeats"), metavar="N", help=f"of each run ({REPEATS})")
    add(
        "--quick",
        action="store_true",
        help=f"{QUICK_REPEATS} repeats of half the length: to see that it works, not for a claim",
    )
    add(
        "--json",
        metavar="FILE",
        help="everything as JSON into FILE; -: to standard output, the table to standard error",
    )
    add("--list", action="store_true", help="the names of the rows, and nothing else")
    values = vars(parser.parse_args(words))
    values["repeats"] = values["repeats"] or (QUICK_REPEATS if values["quick"] else REPEATS)
    options = Options(**values)
    if sys.platform != "linux":
        parser.exit(
            2,
            "The bench needs Linux: it asks the kernel for the servers' processor time, and pins programs.\n",
        )
    return options

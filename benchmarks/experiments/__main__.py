"""`make experiments` and `make experiment NAME=…`: what there is to find out, and finding it out.

    python -m benchmarks.experiments                    lists them
    python -m benchmarks.experiments loss [--quick]     makes one: asks for a prediction, measures, compares

Exit codes: 0 made and saved, whatever it found; 1 it could not be made or saved; 2 what was asked can't be done, or
not on this machine; 130 interrupted.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from benchmarks import results
from benchmarks.doctor.emulation import INSIDE
from benchmarks.experiments import NAMES, experiment, experiments
from benchmarks.labbook import ask, show, words
from benchmarks.labbook.experiment import Experiment
from benchmarks.labbook.lab import network
from benchmarks.labbook.make import Manner, cannot, half, make
from benchmarks.labbook.saved import PAGE
from benchmarks.measuring import Network
from benchmarks.options import RESULTS
from benchmarks.progress import Progress
from benchmarks.results import Unsaved
from benchmarks.stage import Failed, Interrupted
from benchmarks.wording import from_here
from common import files, interrupts
from common.command_line import Parser, complain, whole

PROCESSES_FILES = 6000
"""Open files that the largest experiment needs."""

LEAVE_FIRST = "This is inside a link already, and experiments make links of their own: leave it first (exit)."


def parser() -> Parser:
    """The options."""
    found = Parser(prog="python -m benchmarks.experiments", description="Makes an experiment, or lists all.")
    found.add_argument("name", nargs="?", metavar="NAME", help="which one (none: lists them)")
    common_options(found)
    return found


def common_options(parser: argparse.ArgumentParser) -> None:
    """Those that the lab book has, too."""
    parser.add_argument(
        "--quick", action="store_true", help="at most 20 s each: shows how it goes, proves nothing"
    )
    parser.add_argument("--no-ask", action="store_true", help="without asking for your prediction first")
    parser.add_argument(
        "--seed", type=whole(0, 2**31 - 1, "seed"), default=1, help="of all chances (%(default)s)"
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIRECTORY", help="where what comes of it goes"
    )


def main(arguments: list[str] | None = None) -> int:
    """`python -m benchmarks.experiments`"""
    chosen = parser().parse_args(arguments)
    output, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    if chosen.name is None:
        net = network()
        listing = show.listing((number, one, _remark(one, net)) for number, one in experiments())
        return printed(
            output, [listing, Text("make experiment NAME=loss makes one, make labbook all of them.", "dim")]
        )
    if INSIDE in os.environ:
        return complain(LEAVE_FIRST)
    if chosen.name not in NAMES:
        near = difflib.get_close_matches(chosen.name.lower(), NAMES, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}."
        return complain(f"There is no experiment {chosen.name!r}: {hint}")
    one, number = experiment(chosen.name), NAMES.index(chosen.name) + 1
    net = network()
    if reason := cannot(one, net):
        return complain(f"{one.name}: {reason}")
    try:
        results.usable(chosen.results)
    except Unsaved as error:
        return complain(str(error))
    if reason := half(one, net):
        errors.print(Text(reason, "yellow"))
    if code := printed(output, [show.opening(one, number, chosen.quick)]):
        return code
    try:
        interrupts.raise_interrupt()
        predicted = ask.ask(one.ask) if not chosen.no_ask and ask.can_ask() else None
    except KeyboardInterrupt:
        return 130
    asked = interrupts.Asked()
    files.allow(PROCESSES_FILES)
    manner = Manner(chosen.quick, chosen.seed, chosen.results)
    try:
        with Progress(errors, [one.seconds[chosen.quick]]) as progress:
            progress.begin(one.name)
            made, path = make(one, predicted, manner, net, asked, progress.now)
    except Interrupted:
        errors.print(Text("Interrupted: nothing of it was kept.", "yellow"))
        return 130
    except (Failed, Unsaved) as error:
        errors.print(Text(str(error), "red"), soft_wrap=True)
        return 1
    where = from_here(path / PAGE)
    last = [Text(one, "bold") for one in (words.tally(made) + ".", words.prediction(made)) if one]
    shown: list[RenderableType] = [
        show.result(made),
        *last,
        Text("Its page, with the figure:", "dim"),
        Text(where, "dim"),
    ]
    return printed(output, shown, f"It is saved: {where}")


def printed(output: Console, those: Sequence[RenderableType], saved: str = "") -> int:
    """Print these; the exit code. Whoever has read enough (`| head`) has read enough; `saved` is said if nobody can be
    shown anything."""
    try:
        for one in those:
            output.print(one, soft_wrap=isinstance(one, Text))
    except (OSError, UnicodeError) as error:
        return complain(f"This can't be shown ({error}). {saved}".rstrip())
    except SystemExit:  # rich, when the other end of a pipe is gone
        pass
    return 0


def _remark(one: Experiment, net: Network) -> str:
    if cannot(one, net):
        return "(not on this machine: make doctor says why)"
    return "(UDP only on this machine: make doctor says why)" if half(one, net) else ""


if __name__ == "__main__":
    sys.exit(main())

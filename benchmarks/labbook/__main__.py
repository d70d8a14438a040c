"""`make labbook`: all experiments, one after the other, in one report.

    python -m benchmarks.labbook [--quick] [--only NAME,NAME] [--again] [--notes FILE]

What is made already, in the same manner or a better one, is taken as it is: so it goes on where it was interrupted.
The book is written in any case, of what there is. Exit codes: 0 everything asked for is in the book; 1 an experiment
failed, or something could not be saved; 2 what was asked can't be done, or nothing of it on this machine; 130
interrupted.
"""

import argparse
import difflib
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from benchmarks import results
from benchmarks.doctor.emulation import INSIDE
from benchmarks.experiments import NAMES, experiments
from benchmarks.experiments.__main__ import LEAVE_FIRST, PROCESSES_FILES, common_options, printed
from benchmarks.labbook import ask, book, notes, show
from benchmarks.labbook.lab import network
from benchmarks.labbook.make import Manner
from benchmarks.labbook.predictions import Predictions, sound
from benchmarks.labbook.series import Labbook, Place
from benchmarks.report.words import moment
from benchmarks.result_format import Unreadable
from benchmarks.results import Unsaved
from benchmarks.wording import from_here
from common import files, interrupts
from common.command_line import Parser, complain
from common.visible import visible


def parser() -> Parser:
    """The options."""
    found = Parser(prog="python -m benchmarks.labbook", description="Makes all experiments, into one report.")
    common_options(found)
    found.add_argument(
        "--notes", type=Path, metavar="FILE", help=f"your own words ({notes.FILE} beside the book)"
    )
    found.add_argument("--again", action="store_true", help="make those again that are made already")
    found.add_argument(
        "--only", type=_names, default=list(NAMES), metavar="NAME,NAME", help="make only these now"
    )
    return found


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in NAMES:
            near = difflib.get_close_matches(name.lower(), NAMES, 1)
            hint = f"did you mean {near[0]}?" if near else "make experiments lists them"
            raise argparse.ArgumentTypeError(f"there is no experiment {visible(name)!r}: {hint}")
    if not names:
        raise argparse.ArgumentTypeError("name at least one experiment; make experiments lists them")
    return names


class _Enough(Exception):
    """The person wants to be asked no more."""


def _read(prompt: str) -> str:
    try:
        said = input(prompt)
    except EOFError:
        print()
        raise _Enough from None
    if said.strip().lower() == "s":
        raise _Enough
    return said


def predict(todo: list[Place], given: Predictions, quick: bool, output: Console) -> None:
    """Ask for all predictions that were not given yet. Raises Unsaved if one can't be kept."""
    left = [place for place in todo if place.predicted is None]
    if not left:
        return
    output.print(f"First your predictions, {len(left)} of them: s skips all that are left.")
    for place in left:
        output.print()
        output.print(show.opening(place.one, place.number, quick))
        try:
            place.predicted = ask.ask(place.one.ask, _read)
        except _Enough:
            return
        if place.predicted is not None:
            given.put(place.one.name, place.one.ask, place.predicted)


def main(arguments: list[str] | None = None) -> int:
    """`python -m benchmarks.labbook`"""
    chosen = parser().parse_args(arguments)
    output, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    if INSIDE in os.environ:
        return complain(LEAVE_FIRST)
    manner = Manner(chosen.quick, chosen.seed, chosen.results)
    places = [Place(number, one) for number, one in experiments()]
    labbook = Labbook(manner, places, chosen.notes or manner.results / notes.FILE, errors)
    try:
        results.usable(manner.results)
        labbook.keep_notes()
        labbook.look()
        given = Predictions(manner.results)
    except (Unreadable, Unsaved) as error:
        return complain(str(error))
    net = network()
    wanted = [place for place in places if place.one.name in chosen.only]
    due = [place for place in wanted if chosen.again or not place.fits]
    impossible = labbook.impossible(due, net)
    todo = [place for place in due if place not in impossible]
    for place in wanted:
        if place.made and place not in todo:
            errors.print(show.line(place.made, place.number, f"made {moment(place.made.made)}"))
    for place in todo:
        if place.predicted is None or not sound(place.predicted, place.one.ask):
            place.predicted = given.of(place.one.name, place.one.ask)
    try:
        interrupts.raise_interrupt()
        if not chosen.no_ask and ask.can_ask():
            predict(todo, given, manner.quick, output)
    except KeyboardInterrupt:
        output.print("\nNothing was made; the predictions that you gave are kept.")
        return 130
    except Unsaved as error:
        return complain(str(error))
    asked = interrupts.Asked()
    files.allow(PROCESSES_FILES)
    if todo:
        seconds = sum(place.one.seconds[manner.quick] for place in todo)
        errors.print(Text(f"{len(todo)} to make, which takes about {_minutes(seconds)}.", "dim"))
    ended = not todo or labbook.make(todo, net, asked)
    try:
        path = labbook.write()
    except Unsaved as error:
        errors.print(Text(str(error), "red"), soft_wrap=True)
        return 1
    return _end(labbook, path, ended, output, bool(wanted) and len(impossible) == len(wanted))


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def _end(labbook: Labbook, path: Path, ended: bool, output: Console, nothing: bool) -> int:
    """Say what came of it all; the exit code."""
    made = [place.made for place in labbook.places if place.made]
    said = []
    if not ended:
        said.append(
            Text("Interrupted: what is made is kept, and the same command goes on from there.", "yellow")
        )
    if made:
        said.append(Text(f"{len(made)} of {len(labbook.places)} experiments: {book.total(made)}."))
    said.append(Text(f"Your own words: {from_here(labbook.notes)}"))
    said.append(Text(f"The book:       {from_here(path)}"))
    if code := printed(output, said, f"The book is there: {from_here(path)}"):
        return code
    if not ended:
        return 130
    return 1 if labbook.failed else 2 if nothing else 0


if __name__ == "__main__":
    sys.exit(main())

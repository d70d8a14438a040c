"""An experiment that was made, on disk: a directory under the results, written whole or not at all.

    benchmarks/results/20261121T110000Z-loss/
        experiment.json     what its page is made of: question, prediction, outcome, environment
        data.csv            everything measured
        figures/ captures/  as PNG and SVG, and as pcapng
        page.html           its page of the lab book

What is read may come from another version, another machine or a broken disk: it is checked against its types, and
whatever is wrong with it is one sentence (`Unreadable`).
"""

import csv
import errno
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.labbook.experiment import SECTIONS, Choice, Experiment, Number, Outcome
from benchmarks.result_format import Unreadable
from benchmarks.wording import from_here, reason
from common.visible import visible

DOCUMENT = "experiment.json"
DATA = "data.csv"
PAGE = "page.html"
FIGURES = "figures"

VERSION = 1

LARGEST = 100_000_000
"""Bytes that an experiment's document may have; the largest here has some 15 million."""

NAME = re.compile(r"(\d{8}T\d{6}Z)-([a-z0-9-]+?)(?:-(\d+))?")


@dataclass
class Made:
    """One experiment as it was made. `predicted` is the number of an answer or a number, None if nobody said;
    `answers` are those of a `Choice`, else empty; `unit` and `finding` belong to a `Number`. `again` is the command
    that makes it again; `took` its seconds."""

    name: str
    title: str
    sections: dict[str, list[str]]
    asked: str
    answers: list[str]
    unit: str
    finding: str
    predicted: float | None
    quick: bool
    seed: int
    made: str
    took: float
    again: list[str]
    environment: dict[str, str | int | None]
    outcome: Outcome
    warnings: list[str] = field(default_factory=list)
    think: list[str] = field(default_factory=list)
    version: int = VERSION

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        predicted: float | None,
        outcome: Outcome,
        *,
        quick: bool,
        seed: int,
        made: str,
        took: float,
        again: list[str],
        environment: dict[str, str | int | None],
        warnings: list[str],
    ) -> "Made":
        """What is to be kept of it."""
        text, ask = experiment.text, experiment.ask
        return cls(
            name=experiment.name,
            title=text.title,
            sections=text.sections,
            asked=ask.question,
            answers=list(ask.answers) if isinstance(ask, Choice) else [],
            unit=ask.unit if isinstance(ask, Number) else "",
            finding=ask.finding if isinstance(ask, Number) else "",
            predicted=predicted,
            quick=quick,
            seed=seed,
            made=made,
            took=took,
            again=again,
            environment=environment,
            outcome=outcome,
            warnings=warnings,
            think=list(experiment.think),
        )

    def json(self) -> bytes:
        """As it is kept."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def csv(self) -> bytes:
        """Everything measured, as a table."""
        text = io.StringIO(newline="")
        table = csv.writer(text)
        table.writerow(self.outcome.columns)
        table.writerows(self.outcome.rows)
        return text.getvalue().encode()


def load(directory: Path) -> Made:
    """The experiment that was made there. Raises Unreadable."""
    path = directory / DOCUMENT
    try:
        data = regular(path, LARGEST)
    except OSError as error:
        raise Unreadable(f"{from_here(path)} can't be read: {reason(error)}.") from error
    return decode(data, from_here(path))


def regular(path: Path, largest: int) -> bytes:
    """What is in a file; of a pipe, a device, or one that is larger, nothing is read. Raises OSError."""
    if not path.is_file():
        path.stat()  # says why, if nothing is there
        raise OSError(errno.EINVAL, "It is no file")
    if path.stat().st_size > largest:
        raise OSError(errno.EFBIG, f"It has more than {largest:,} bytes")
    return path.read_bytes()


def decode(data: bytes, what: str) -> Made:
    """What `Made.json` wrote. Raises Unreadable, which says `what` it was."""
    try:
        made = msgspec.json.decode(data, type=Made)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(
            f"{what} is damaged, or of another version ({visible(str(error))}). Make the experiment again."
        ) from error
    if made.version != VERSION:
        raise Unreadable(
            f"{what} is of version {made.version}, and this program reads {VERSION}. Make it again."
        )
    if wrong := _wrong(made):
        raise Unreadable(f"{what} is damaged ({wrong}). Make the experiment again.")
    return made


def _wrong(made: Made) -> str:
    """What in it contradicts itself, though it has the right types; empty if nothing does."""
    if missing := [name for name in SECTIONS if not made.sections.get(name)]:
        return f"it has no {missing[0]!r}"
    if made.predicted is not None and not math.isfinite(made.predicted):
        return "its prediction is no number"
    if made.answers:
        there = range(len(made.answers))
        if made.predicted is not None and made.predicted not in there:
            return "its prediction is none of the answers"
        if made.outcome.answer is not None and made.outcome.answer not in there:
            return "what the data say is none of the answers"
    return ""


def newest_first(results: Path, name: str) -> Iterator[tuple[Path, Made | Unreadable]]:
    """Whatever was made of one experiment, one after the other, without its rows, which are in the CSV file, too;
    or why it can't be read. Raises Unreadable if nobody may look."""
    for path in reversed(directories(results, [name])):
        try:
            made = load(path)
            if made.name != name:
                raise Unreadable(
                    f"{from_here(path)} holds the experiment {visible(made.name)!r}, and not {name}."
                )
        except Unreadable as error:
            yield path, error
        else:
            made.outcome.rows = []
            yield path, made


def directories(results: Path, names: Sequence[str]) -> list[Path]:
    """Those of all experiments with these names that were made, the oldest first. Raises Unreadable if nobody may
    look."""
    try:
        found = [
            path for path in results.iterdir() if (match := NAME.fullmatch(path.name)) and match[2] in names
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Unreadable(f"{from_here(results)} can't be read: {reason(error)}.") from error
    return sorted((path for path in found if _holds(path)), key=_age)


def _holds(path: Path) -> bool:
    """Whether something was made there, as far as one may look; `load` says it if one may not."""
    try:
        (path / DOCUMENT).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _age(path: Path) -> tuple[str, int]:
    match = NAME.fullmatch(path.name)
    assert match is not None
    return match[1], int(match[3] or 1)

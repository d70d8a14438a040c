"""What an experiment is: a question, a prediction, a measurement, and what was expected.

A file of `benchmarks/experiments/` opens with a docstring of a title and six sections (`SECTIONS`), which is what a
person reads there, on the screen and in the lab book, and ends with `EXPERIMENT`, which says how it is made:

    EXPERIMENT = Experiment(
        name="loss",
        ask=Number("At 5 % loss, what is TCP's p99?", "ms", "tcp-p99-5"),
        seconds=(100, 15),
        run=run,
        think=("Which applications …?",),
    )

`run(lab)` makes the measurement with what a `Lab` has at hand, and returns an `Outcome`: findings, each beside what
was expected of it, sentences made of the data, charts and the rows of a CSV file.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from benchmarks.labbook.chart import Chart

if TYPE_CHECKING:
    from benchmarks.labbook.lab import Lab

SECTIONS = ("Question", "Why it matters", "Prediction", "Method", "Expected", "What would change it")


@dataclass(frozen=True)
class Choice:
    """What a person is asked beforehand, with the answers there are. `Outcome.answer` says which one the data give."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Number:
    """The same, where the answer is a number in `unit`. The finding of this name is what it is compared with."""

    question: str
    unit: str
    finding: str


Ask = Choice | Number


class Verdict(Enum):
    """How a measurement stands to what was expected."""

    WITHIN = "as expected"
    TOUCHES = "perhaps: outside, but its interval reaches in"
    OUTSIDE = "OUTSIDE"
    UNKNOWN = "not measured"
    FREE = ""
    """Nothing was expected of it: it is shown because it is interesting."""


@dataclass(frozen=True)
class Expected:
    """From `low` to `high`, in the unit of the finding; None: no limit on that side. `source` is the document,
    formula or measurement that says so; `shown` replaces the numbers where a formula says more (`(1−p)² = 90.2 %`)."""

    low: float | None
    high: float | None
    source: str
    shown: str = ""


@dataclass(frozen=True)
class Finding:
    """One figure. `value` is in `unit` (`ms`, `%`, `×`, `messages`, …), None if it could not be measured, and `missing`
    says why. `low` and `high` are its 95 % interval, or (`spread`) the lowest and the highest of the repeats. `n` is
    how many `of` stand behind it.

    `because` says why it is so, for when it is as expected; `unless` what usually causes it if it is not.
    """

    name: str
    what: str
    unit: str
    value: float | None
    n: int
    of: str
    low: float | None = None
    high: float | None = None
    spread: bool = False
    expected: Expected | None = None
    because: str = ""
    unless: str = ""
    missing: str = ""

    @property
    def verdict(self) -> Verdict:
        """How it stands to what was expected."""
        if self.value is None:
            return Verdict.UNKNOWN
        if self.expected is None:
            return Verdict.FREE
        low = float("-inf") if self.expected.low is None else self.expected.low
        high = float("inf") if self.expected.high is None else self.expected.high
        if low <= self.value <= high:
            return Verdict.WITHIN
        if self.low is not None and self.high is not None and self.low <= high and low <= self.high:
            # An interval around one value could hardly say more than that it holds it.
            return Verdict.WITHIN if low == high and not self.spread else Verdict.TOUCHES
        return Verdict.OUTSIDE


Cell = str | int | float | bool | None


@dataclass
class Outcome:
    """What an experiment found.

    `said`: sentences drawn from the data, the most important first. `answer`: of a `Choice`, the number of the answer
    (from 0) that the data gives; None if they give none. `columns` and `rows`: everything measured, for the CSV file;
    `table`: the few rows of it worth reading, as text, its first row the headings. `conditions`: what was measured how
    (link, spacing, repeats, n), as pairs for a person. `captures`: file names in the lab's directory.
    """

    findings: list[Finding]
    said: list[str]
    columns: list[str]
    rows: list[list[Cell]]
    charts: list[Chart] = field(default_factory=list)
    answer: int | None = None
    table: list[list[str]] = field(default_factory=list)
    conditions: list[tuple[str, str]] = field(default_factory=list)
    captures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Experiment:
    """One experiment. `seconds` is how long it takes, in full and quick. `link`: it needs an emulated link; with
    `relay` its UDP half can be made through a relay, where there is none. `linux`: it reads what only Linux tells.
    `think`: open questions, which the lab book leaves room for."""

    name: str
    ask: Ask
    seconds: tuple[float, float]
    run: "Callable[[Lab], Outcome]"
    think: Sequence[str] = ()
    link: bool = True
    relay: bool = False
    linux: bool = True

    @property
    def text(self) -> "Text":
        """What its file says about it."""
        return read(sys.modules[self.run.__module__].__doc__ or "")


@dataclass(frozen=True)
class Text:
    """The docstring of an experiment: its title, and the paragraphs of each section."""

    title: str
    sections: dict[str, list[str]]

    @property
    def question(self) -> str:
        """The question, in a line."""
        return " ".join(self.sections["Question"])


def read(docstring: str) -> Text:
    """Take a docstring apart. Raises ValueError where it is not made as it should be.

    The title is the first line. A section begins with its name on a line of its own, at the margin; what is indented
    below is its text, in paragraphs. A paragraph all of whose lines are indented further keeps its lines.
    """
    first, _, rest = inspect.cleandoc(docstring).partition("\n")
    sections: dict[str, list[list[str]]] = {}
    paragraphs: list[list[str]] | None = None
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            paragraphs = sections[line] = []
        elif not line.strip():
            if paragraphs is not None:
                paragraphs.append([])
        elif paragraphs is None:
            raise ValueError(f"before its first section stands: {line.strip()}")
        else:
            if not paragraphs:
                paragraphs.append([])
            paragraphs[-1].append(line)
    if tuple(sections) != SECTIONS:
        raise ValueError(f"its sections are {', '.join(sections)}, and not {', '.join(SECTIONS)}")
    found = {name: [_joined(lines) for lines in those if lines] for name, those in sections.items()}
    if empty := [name for name, those in found.items() if not those]:
        raise ValueError(f"there is nothing under {', '.join(empty)}")
    return Text(first.rstrip("."), found)


def _joined(lines: list[str]) -> str:
    if all(line.startswith(" " * 8) for line in lines):
        return "\n".join(line[8:] for line in lines)
    return " ".join(line.strip() for line in lines)

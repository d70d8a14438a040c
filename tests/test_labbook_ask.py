"""Asking a person what they expect."""

from collections.abc import Callable

import pytest

from benchmarks.labbook.ask import ask, understand
from benchmarks.labbook.experiment import Ask, Choice, Number

CHOICE = Choice("which?", ("this", "that", "neither"))
NUMBER = Number("how long?", "ms", "x")


def answers(*lines: str) -> Callable[[str], str]:
    """Somebody who types these lines, and then ends the input."""
    left = list(lines)

    def read(_prompt: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    return read


@pytest.mark.parametrize(
    ("what", "lines", "found"),
    [
        (CHOICE, ["2"], 1.0),
        (CHOICE, [" 3 "], 2.0),
        (CHOICE, ["4", "0", "this", "1"], 0.0),
        (CHOICE, [""], None),
        (CHOICE, [], None),
        (NUMBER, ["250"], 250.0),
        (NUMBER, ["250 ms"], 250.0),
        (NUMBER, ["2,5"], 2.5),
        (NUMBER, ["1e3"], 1000.0),
        (NUMBER, ["-1", "0.3 s"], 300.0),
        (NUMBER, ["3 apples", "500 µs"], 0.5),
        (NUMBER, ["long", "nan", "inf", "1e300", "7"], 7.0),
        (NUMBER, ["   "], None),
    ],
)
def test_a_person_is_asked_until_it_makes_sense(what: Ask, lines: list[str], found: float | None) -> None:
    """An empty line, or the end of the input, is no prediction."""
    said: list[str] = []
    assert ask(what, answers(*lines), said.append) == found
    assert what.question in said[0]


@pytest.mark.parametrize(
    ("what", "said", "sentence"),
    [
        (CHOICE, "²", "'²' is none of the answers: they are numbered 1 to 3."),
        (CHOICE, "\x1b[2J", "'␛[2J' is none of the answers: they are numbered 1 to 3."),
        (NUMBER, "\x1b]0;x\x07", "'␛]0;x␇' is no number of ms: write 42 ms, for example."),
        (NUMBER, "nan", "'nan' is no number of ms: write 42 ms, for example."),
    ],
)
def test_what_makes_no_sense_is_told_so(what: Ask, said: str, sentence: str) -> None:
    """In a sentence that shows it, and obeys nothing in it."""
    assert understand(what, said) == sentence

"""How findings and predictions are said."""

import re

import pytest

from benchmarks.labbook import show, words
from benchmarks.labbook.experiment import Expected, Finding, Verdict
from tests.output_text import text_of
from tests.test_labbook_page import canned, finding, outcome


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (100.0, "%", "100 %"),
        (99.996, "%", "99.99 %"),
        (99.97, "%", "99.97 %"),
        (0.0, "%", "0 %"),
        (0.003, "%", "0.003 %"),
        (0.04, "%", "0.04 %"),
        (94.86, "%", "94.9 %"),
        (2.5, "×", "2.50×"),
        (12345.6, "ms", "12,346 ms"),
        (7.0, "", "7"),
        (-3.0, "ms", "-3 ms"),
    ],
)
def test_a_quantity_has_the_digits_that_mean_something(value: float, unit: str, said: str) -> None:
    """All is never said of what is not all, nor nothing of what is something."""
    assert words.quantity(value, unit) == said


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (None, "–"),
        (Expected(None, None, ""), "–"),
        (Expected(None, 5.0, ""), "at most 5 ms"),
        (Expected(5.0, None, ""), "at least 5 ms"),
        (Expected(5.0, 5.0, ""), "5 ms"),
        (Expected(5.0, 1500.0, ""), "5 to 1,500 ms"),
        (Expected(5.0, 5.0, "", "p² = 5 ms"), "p² = 5 ms"),
    ],
)
def test_what_was_expected_is_said_shortly(expected: Expected | None, said: str) -> None:
    """A formula where there is one."""
    assert words.expected(finding(5.0, expected=expected)) == said


@pytest.mark.parametrize(
    ("predicted", "found", "near"),
    [
        (10.0, finding(10.0), "exactly that"),
        (11.0, finding(10.0, low=9.0, high=12.0), "within what was measured"),
        (12.0, finding(10.0), "close"),
        (5.0, finding(10.0), "2.00 times too low"),
        (40.0, finding(10.0), "4.00 times too high"),
        (0.0, finding(10.0), "too low"),
        (10.0, finding(0.0), "too high"),
        (-1.0, finding(-2.0), "too high"),
    ],
)
def test_a_number_was_near_or_not(predicted: float, found: Finding, near: str) -> None:
    """In a sentence and in a word."""
    made = canned(predicted=predicted, outcome=outcome(found))
    assert words.prediction(made).endswith(f": {near}.")
    assert words.right(made) == near


def test_a_number_that_was_not_measured() -> None:
    """Whether its finding has no value, or is not there."""
    for those in (outcome(finding(None)), outcome()):
        made = canned(predicted=3.0, outcome=those)
        assert words.prediction(made) == "You said: 3 ms. It was not measured."
        assert words.right(made) == "not measured"


@pytest.mark.parametrize(
    ("answer", "said", "right"),
    [
        (1, "You said: half. So it is.", "right"),
        (2, "You said: half. The data say: all, but late.", "wrong"),
        (None, "You said: half. The data don't decide it.", "undecided"),
    ],
)
def test_an_answer_was_right_or_not(answer: int | None, said: str, right: str) -> None:
    """Or nobody can tell."""
    made = canned(answers=["none", "half", "all, but late"], predicted=1.0, outcome=outcome(answer=answer))
    assert words.prediction(made) == said
    assert words.right(made) == right


def test_who_said_nothing_is_told_nothing() -> None:
    """No prediction, no sentence."""
    assert words.prediction(canned(predicted=None)) == ""
    assert words.right(canned(predicted=None)) == "–"


def test_reasons_are_said_once_and_what_is_outside_each_time() -> None:
    """What held first; what was not measured says why."""
    made = canned(
        outcome=outcome(
            finding(10.0, name="a", because="It waits."),
            finding(10.0, name="b", because="It waits."),
            finding(10.0, name="c", what="C", because="It goes."),
            finding(30.0, name="d", what="D", unless="The machine was busy."),
            finding(30.0, name="e", what="E", unless=""),
            finding(None, name="f", what="F", missing="the kernel does not tell."),
            finding(1.0, name="g", expected=None),
        )
    )
    assert words.verdicts(made) == [
        (Verdict.WITHIN, "It waits. (2 figures as expected)"),
        (Verdict.WITHIN, "It goes. (C as expected)"),
        (Verdict.OUTSIDE, "D: 30 ms, where 9 to 11 ms was expected. The machine was busy."),
        (
            Verdict.OUTSIDE,
            "E: 30 ms, where 9 to 11 ms was expected. Nothing usual causes that: make it again, with another SEED=.",
        ),
        (Verdict.UNKNOWN, "F was not measured: the kernel does not tell."),
    ]
    assert words.tally(made) == "3 of 6 as expected, 2 outside, 1 not measured"


def test_the_headline_is_what_was_asked_for() -> None:
    """Else the first thing that something was expected of, else the first thing."""
    free, other, asked = (
        finding(1.0, name="free", expected=None),
        finding(2.0, name="o"),
        finding(3.0, name="x"),
    )
    assert words.headline(canned(finding="x", outcome=outcome(free, other, asked))) == asked
    assert words.headline(canned(finding="", outcome=outcome(free, other, asked))) == other
    assert words.headline(canned(finding="", outcome=outcome(free))) == free
    assert words.headline(canned(outcome=outcome())) is None


def test_the_screen_shows_all_of_it_in_80_columns() -> None:
    """Prediction, expectation and measurement beside each other; conditions, warnings and what is outside."""
    made = canned(
        predicted=12.0,
        outcome=outcome(finding(10.0), finding(30.0, name="y", what="TCP, at its slowest", unless="Busy?")),
        warnings=["It was noisy."],
    )
    shown = text_of(show.result(made), 80)
    assert max(map(len, shown.splitlines())) <= 80
    for said in (
        "12 ms",
        "9 to 11 ms",
        "✗",
        "TCP, at its",
        "Busy?",
        "It was noisy.",
        "seed 7",
        "link: 25 ms",
    ):
        assert said in shown
    line = show.line(made, 2, "58 s")
    assert line.plain == "✗  2 loss: 1 of 2 as expected, 1 outside (58 s)"
    assert re.search("yellow", str(line.spans))

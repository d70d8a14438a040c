"""What an experiment is: its docstring taken apart, and how a measurement stands to what was expected."""

import pytest

from benchmarks.labbook.experiment import SECTIONS, Expected, Finding, Verdict, read

DOCSTRING = """What does it do?

    Question
        One line,
        and another.

    Why it matters
        A first paragraph.

        A second one.

    Prediction
        Say.

    Method
        Some words:

            kept   as
            they   stand

    Expected
        10.

    What would change it
        Nothing.
    """


def test_a_docstring_is_a_title_and_six_sections() -> None:
    """Lines of a paragraph are joined, paragraphs are not, and what is indented further keeps its lines."""
    text = read(DOCSTRING)
    assert text.title == "What does it do?"
    assert tuple(text.sections) == SECTIONS
    assert text.question == "One line, and another."
    assert text.sections["Why it matters"] == ["A first paragraph.", "A second one."]
    assert text.sections["Method"] == ["Some words:", "kept   as\nthey   stand"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Method", "Methods", "its sections are"),
        ("Why it matters", "Question", "its sections are"),
        ("        Say.\n", "", "nothing under Prediction"),
        ("    Question\n", "        Stray.\n\n    Question\n", "before its first section stands: Stray."),
        (DOCSTRING, "", "its sections are"),
        (DOCSTRING, "A title alone.", "its sections are"),
    ],
)
def test_a_docstring_that_is_not_so_is_refused(before: str, after: str, said: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(ValueError, match=said):
        read(DOCSTRING.replace(before, after, 1))


def finding(
    value: float | None, low: float | None = None, high: float | None = None, **more: object
) -> Finding:
    """One with an interval, of which 9 to 11 is expected unless something else is said."""
    wanted = {"expected": Expected(9.0, 11.0, "a book")} | more
    return Finding("x", "it", "ms", value, 5, "times", low, high, **wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (finding(9.0), Verdict.WITHIN),
        (finding(11.0, 5, 30), Verdict.WITHIN),
        (finding(12.0), Verdict.OUTSIDE),
        (finding(12.0, 11, 13), Verdict.TOUCHES),
        (finding(12.0, 11.5, 13), Verdict.OUTSIDE),
        (finding(8.0, 7, 9), Verdict.TOUCHES),
        (finding(8.0, 7, None), Verdict.OUTSIDE),
        (finding(None), Verdict.UNKNOWN),
        (finding(None, expected=None), Verdict.UNKNOWN),
        (finding(12.0, expected=None), Verdict.FREE),
        (finding(-1e9, expected=Expected(None, 11.0, "")), Verdict.WITHIN),
        (finding(1e9, expected=Expected(9.0, None, "")), Verdict.WITHIN),
        (finding(8.9, expected=Expected(9.0, None, "")), Verdict.OUTSIDE),
        (finding(94.9, 93.0, 96.0, expected=Expected(95.0, 95.0, "1 − p")), Verdict.WITHIN),
        (finding(94.9, 93.0, 96.0, spread=True, expected=Expected(95.0, 95.0, "")), Verdict.TOUCHES),
        (finding(92.0, 91.0, 93.0, expected=Expected(95.0, 95.0, "")), Verdict.OUTSIDE),
    ],
)
def test_a_measurement_is_within_or_touches_or_is_outside(found: Finding, verdict: Verdict) -> None:
    """An interval that reaches into what was expected saves a value; one around a single value is as expected."""
    assert found.verdict is verdict

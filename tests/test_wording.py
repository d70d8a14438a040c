"""How numbers, names and paths are said: what was not all is not shown as 100, whoever shows it."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import reproduce
from benchmarks.estimate import Interval
from benchmarks.report import tables, words
from benchmarks.result_format import check
from benchmarks.table import glance
from benchmarks.verdict import findings
from benchmarks.wording import (
    UNKNOWN,
    extent,
    from_here,
    listed,
    ms,
    percent,
    percents,
    reason,
    three_digits,
)
from tests.test_figures import made_up

NEARLY = Interval(0.9997, 0.98, 0.9999)
"""3 of 10,000 were lost."""

SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        (NEARLY, ("99.9", "98.0", "99.9")),
        (Interval(0.9025, 0.881, 0.9215), ("90.2", "88.1", "92.2")),
        (Interval(1, 0.9766, 1), ("100", "97.7", "100")),
        (Interval(0.9999, 0.98, 0.99999), ("99.9", "98.0", "99.9")),
        (Interval(0.0001, 0, 0.02), ("0.1", "0", "2.0")),
        (Interval(0.99871, 0.99842, 0.99895), ("99.87", "99.84", "99.89")),
        (Interval(1.0, 0.9998, 1.0), ("100", "99.98", "100")),
        (Interval(0.999999, 0.999994, 1.0), ("99.9999", "99.9994", "100")),
        (Interval(0.5, 0.2, 0.8), ("50.0", "20.0", "80.0")),
    ],
)
def test_shares_have_as_many_digits_as_their_interval_is_worth(
    interval: Interval, shown: tuple[str, str, str]
) -> None:
    """But 100 is only what is whole, and 0 only what is nothing."""
    assert percents(interval) == shown


@given(SHARES, SHARES, SHARES)
def test_100_is_only_what_is_whole(one: float, two: float, three: float) -> None:
    """And 0 only what is nothing, with however few digits."""
    low, middle, high = sorted((one, two, three))
    for value, shown in zip((middle, low, high), percents(Interval(middle, low, high)), strict=True):
        assert (float(shown) == 100) == (value == 1)
        assert (float(shown) == 0) == (value == 0)
    assert (percent(one) == "100") == (one == 1)
    assert (percent(one) == "0") == (one == 0)


def test_everybody_shows_a_share_that_is_nearly_whole_alike() -> None:
    """The terminal, the sentences, the report, those who can't see its figures, and a comparison with then."""
    document = check(made_up(("lossy",), 1, ("udp",))[0])
    (one,) = document.summary
    one = replace(one, expected=10_000, delivered=9_997, lost=3, n=9_997, delivered_share=NEARLY)
    document = replace(document, summary=[one])
    terminal = io.StringIO()
    Console(file=terminal, width=200).print(glance([one], 200))
    shown = [
        terminal.getvalue(),
        findings([one], {}, {})[0],
        tables.glance(document),
        words.alternative(document, "delivery"),
        reproduce.show(NEARLY),
    ]
    for text in shown:
        assert "99.9" in text
        assert "100.0" not in text
        assert "100 %" not in text


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, "0"),
        (0.05, "5"),
        (0.0025, "0.25"),
        (0.3333, "33.3"),
        (0.9996, "99.9"),
        (1, "100"),
        (12.34, "1,234"),
    ],
)
def test_a_share_alone_has_up_to_three_digits(share: float, shown: str) -> None:
    """And more than all (copies may be) has as many as it needs."""
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.4124, "0.412"),
        (0.99949, "0.999"),
        (0.9995, "1.00"),
        (9.994, "9.99"),
        (9.995, "10.0"),
        (99.94, "99.9"),
        (99.95, "100"),
        (4120, "4,120"),
        (-0.4124, "-0.412"),
    ],
)
def test_three_digits_mean_something(value: float, shown: str) -> None:
    """Also where rounding makes one more."""
    assert three_digits(value) == shown


def test_a_time_that_is_not_known_is_no_number() -> None:
    """Nor nothing."""
    assert ms(0.0421) == "42.1"
    assert ms(0.0) == "0"
    assert ms(None) == UNKNOWN


def test_numbers_and_names_are_put_together() -> None:
    """From one to the other; the last behind an `and`."""
    assert [extent(numbers) for numbers in ((), (4000,), (4000, 4000), (9, 4000, 10))] == [
        "0",
        "4,000",
        "4,000",
        "9–4,000",
    ]
    names = ["clean", "dsl", "wifi", "lossy"]
    assert [listed(names[:count]) for count in range(5)] == [
        "",
        "clean",
        "clean and dsl",
        "clean, dsl and wifi",
        "clean, dsl, wifi and lossy",
    ]


def test_a_path_begins_where_a_person_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is below; and is shown, not obeyed."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert from_here(here / "results" / "mine") == str(Path("results", "mine"))
    assert from_here(tmp_path / "there") == str(tmp_path / "there")
    assert from_here(Path("\x1b[2J")) == "␛[2J"


def test_what_the_system_says_ends_a_sentence() -> None:
    """So it begins small, whether it has words for it or not."""
    assert reason(OSError(28, "No space left on device")) == "no space left on device"
    assert reason(OSError("Just so")) == "just so"


def test_words_need_no_figures() -> None:
    """Matplotlib takes a second to load: who only wants the sentences does not wait for it."""
    program = "import sys, benchmarks.report.words; sys.exit('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent.parent, timeout=60, check=False
    )
    assert done.returncode == 0

"""What is saved of an experiment, read again with care; and predictions that wait for their experiments."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.labbook.experiment import Choice, Number
from benchmarks.labbook.predictions import FILE, Predictions
from benchmarks.labbook.saved import DOCUMENT, directories, load, newest_first, regular
from benchmarks.result_format import Unreadable
from tests.test_labbook_page import ANATOMY, CURVES, canned, finding, keep, outcome


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    """Findings, charts and all."""
    found = outcome(finding(10.0), finding(None), charts=[CURVES, ANATOMY], rows=[[1, 2.5, "x", None, True]])
    made = canned(predicted=3.0, outcome=found)
    assert load(keep(made, tmp_path / "a")) == made


def test_everything_measured_is_in_a_table() -> None:
    """With its headings; what is missing is empty."""
    made = canned(outcome=outcome(columns=["a", "b"], rows=[[1, 'x, "y"'], [None, 2.5]]))
    assert made.csv().decode() == 'a,b\r\n1,"x, ""y"""\r\n,2.5\r\n'


def damaged(**changes: Any) -> bytes:
    """A file with these in the place of what should be there."""
    return json.dumps(json.loads(canned().json()) | changes).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is damaged, or of another version"),
        (b"{", "is damaged, or of another version"),
        (canned().json()[:-200], "is damaged, or of another version"),
        (b"[]", "is damaged, or of another version"),
        (b"\xff\xfe", "is damaged, or of another version"),
        (b"[" * 100_000, "is damaged, or of another version"),
        (damaged(outcome=None), "is damaged, or of another version"),
        (damaged(sections={"Question": "x"}), "is damaged, or of another version"),
        (damaged(predicted="many"), "is damaged, or of another version"),
        (damaged(version=99), "is of version 99, and this program reads 1. Make it again."),
        (damaged(sections={}), r"is damaged \(it has no 'Question'\)"),
        (damaged(answers=["a"], predicted=1.0), r"is damaged \(its prediction is none of the answers\)"),
        (damaged(answers=["a", "b"], predicted=0.5), r"is damaged \(its prediction is none of the answers\)"),
        (
            damaged(answers=["a"], outcome=json.loads(canned().json())["outcome"] | {"answer": -1}),
            r"is damaged \(what the data say is none of the answers\)",
        ),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, data: bytes, said: str) -> None:
    """Which names it, and says what to do."""
    (tmp_path / DOCUMENT).write_bytes(data)
    with pytest.raises(Unreadable, match=said) as caught:
        load(tmp_path)
    assert str(tmp_path / DOCUMENT) in str(caught.value)
    assert "again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_one_sentence(tmp_path: Path) -> None:
    """Nothing, or a directory."""
    with pytest.raises(Unreadable, match="can't be read: no such file or directory"):
        load(tmp_path)
    (tmp_path / DOCUMENT).mkdir()
    with pytest.raises(Unreadable, match="can't be read: it is no file"):
        load(tmp_path)


def test_the_directories_of_some_experiments(tmp_path: Path) -> None:
    """The oldest first; neither those of others, nor unfinished, renamed or empty ones."""
    for name in (
        "20261121T110000Z-loss-2",
        "20261121T110000Z-loss-10",
        "20261121T110000Z-loss",
        "20261120T110000Z-one-segment",
        "20261121T110000Z-order",
        "20261121T110000Z-compare",
        ".20261121T120000Z-loss.part",
        "loss",
    ):
        keep(canned(), tmp_path / name)
    (tmp_path / "20261122T110000Z-loss").mkdir()
    assert [path.name for path in directories(tmp_path, ["loss", "one-segment"])] == [
        "20261120T110000Z-one-segment",
        "20261121T110000Z-loss",
        "20261121T110000Z-loss-2",
        "20261121T110000Z-loss-10",
    ]
    assert directories(tmp_path / "nowhere", ["loss"]) == []


def test_the_newest_comes_first_and_a_damaged_one_with_its_reason(tmp_path: Path) -> None:
    """Without the rows; another experiment under this name is damaged, too."""
    keep(canned(seed=1), tmp_path / "20261121T110000Z-loss")
    keep(canned(seed=2), tmp_path / "20261121T120000Z-loss")
    (keep(canned(), tmp_path / "20261121T130000Z-loss") / DOCUMENT).write_bytes(b"{")
    keep(canned(name="order\x1b"), tmp_path / "20261121T140000Z-loss")
    wrong, broken, second, first = (found for _, found in newest_first(tmp_path, "loss"))
    assert isinstance(wrong, Unreadable)
    assert "holds the experiment 'order␛', and not loss" in str(wrong)
    assert isinstance(broken, Unreadable)
    assert not isinstance(second, Unreadable)
    assert not isinstance(first, Unreadable)
    assert (second.seed, first.seed) == (2, 1)
    assert first.outcome.rows == []


# --- predictions ----------------------------------------------------------------------------------

NUMBER, CHOICE = Number("how long?", "ms", "x"), Choice("which?", ("this", "that"))


def test_a_prediction_is_kept(tmp_path: Path) -> None:
    """For the question that was asked, and no other."""
    given = Predictions(tmp_path)
    assert given.of("loss", NUMBER) is None
    given.put("loss", NUMBER, 3.5)
    given.put("order", CHOICE, 1.0)
    again = Predictions(tmp_path)
    assert (again.of("loss", NUMBER), again.of("order", CHOICE)) == (3.5, 1.0)
    assert again.of("loss", Number("how much?", "ms", "x")) is None
    assert again.of("order", Choice("which?", ("this",))) is None
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"loss": 3}', b"\xff", b"[" * 100_000])
def test_damaged_predictions_are_one_sentence(tmp_path: Path, data: bytes) -> None:
    """With the remedy."""
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(Unreadable, match=r"is damaged .*: remove it, and you are asked"):
        Predictions(tmp_path)


def test_a_pipe_is_not_waited_for_and_what_is_too_large_not_read(tmp_path: Path) -> None:
    """Whoever named it may be wrong, or hostile."""
    os.mkfifo(tmp_path / "pipe")
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(2001)
    with pytest.raises(OSError, match="It is no file"):
        regular(tmp_path / "pipe", 2000)
    with pytest.raises(OSError, match="more than 2,000 bytes"):
        regular(large, 2000)
    assert len(regular(large, 2001)) == 2001

"""The raw results: both files or none, and a sentence where they can't be written."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.measure import Delivery
from benchmarks.records import Sent

ROOT = Path(__file__).parent.parent
MADE = datetime(2026, 11, 21, 8, 15, 0, tzinfo=UTC)
SENT = Sent(3, 7, 2_000_000_000, 2_000_000_500)
RUNS = [
    results.Fates("udp", 2, 1_000_000_000, [Delivery(SENT, 0, 2_000_001_000, 1), Delivery(SENT, 1, None, 0)])
]


def test_both_files_are_named_by_the_time_in_utc(tmp_path: Path) -> None:
    """And hold what they were given: times in seconds since the run began, nothing for a loss."""
    paths = results.save(tmp_path, MADE, {"a": 1}, RUNS)
    assert [path.name for path in paths] == ["20261121T081500Z-compare.json", "20261121T081500Z-compare.csv"]
    assert json.loads(paths[0].read_text()) == {"a": 1}
    with paths[1].open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        list(results.COLUMNS),
        ["udp", "2", "3", "7", "0", "1.000000000", "1.000000500", "1.000001000", "1"],
        ["udp", "2", "3", "7", "1", "1.000000000", "1.000000500", "", "0"],
    ]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_two_results_of_one_second_are_two_results(tmp_path: Path) -> None:
    """The second one does not overwrite the first."""
    first = results.save(tmp_path, MADE, {"a": 1}, RUNS)
    second = results.save(tmp_path, MADE, {"a": 2}, RUNS)
    assert second[0].name == "20261121T081500Z-compare-2.json"
    assert json.loads(first[0].read_text()) == {"a": 1}


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """It is not made: a slip of the pen would leave results where nobody looks."""
    with pytest.raises(results.Unsaved, match="no such directory"):
        results.save(tmp_path / "missing", MADE, {}, RUNS)
    assert not (tmp_path / "missing").exists()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """And stays what it was."""
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(results.Unsaved, match="it is a file, and not a directory"):
        results.save(file, MADE, {}, RUNS)
    assert file.read_text() == "mine"


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    """A directory that whoever runs the tests may not write; root, who may write anywhere, is nobody meanwhile."""
    root = sys.platform != "win32" and os.geteuid() == 0
    tmp_path.chmod(0o500)
    if root:
        os.seteuid(65_534)
    yield tmp_path
    if root:
        os.seteuid(0)
    tmp_path.chmod(0o700)


def test_a_directory_that_may_not_be_written_is_named(unwritable: Path) -> None:
    """Permission denied."""
    with pytest.raises(results.Unsaved, match="permission denied"):
        results.save(unwritable, MADE, {}, RUNS)


def test_a_failure_halfway_leaves_no_file(tmp_path: Path) -> None:
    """Neither the one that was complete nor the one that was not."""

    def broken() -> results.Fates:
        raise OSError(28, "No space left on device")

    with pytest.raises(results.Unsaved, match="no space left on device"):
        results.save(tmp_path, MADE, {}, (broken() for _ in range(1)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_file_that_can_not_grow_leaves_no_file(tmp_path: Path) -> None:
    """A real write that the kernel refuses in the middle."""
    program = f"""
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
from tests.test_results import MADE, RUNS, results
try:
    results.save(Path({str(tmp_path)!r}), MADE, {{"a": "x" * 100}}, RUNS * 1000)
except results.Unsaved as error:
    sys.exit(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "could not be saved" in done.stderr
    assert "file too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []

"""The raw results: a whole directory or none, read back with care, and a sentence where that can't be."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from benchmarks import results
from benchmarks.deliveries import COLUMNS, DELIVERIES, Fates, deliveries_of, read_deliveries
from benchmarks.estimate import Interval, Percentile
from benchmarks.link.probe import Seen
from benchmarks.measure import Delivery, Figures, Times
from benchmarks.records import Sent
from benchmarks.result_format import Unreadable, check
from tests.test_figures import made_up

ROOT = Path(__file__).parent.parent
MADE = datetime(2026, 11, 21, 8, 15, 0, tzinfo=UTC)
NAME = "20261121T081500Z-compare"
SENT = Sent(3, 7, 2_000_000_000, 2_000_000_500)
RUNS = [
    Fates("lossy", "udp", 2, 1_000_000_000, [Delivery(SENT, 0, 2_000_001_000, 1), Delivery(SENT, 1, None, 0)])
]


def save(directory: Path, document: dict[str, Any]) -> Path:
    """A result from beginning to end."""
    with results.create(directory, MADE) as unfinished:
        unfinished.write(document, RUNS)
        return unfinished.finish()


# --- writing --------------------------------------------------------------------------------------


def test_a_result_is_a_directory_named_by_the_time_in_utc(tmp_path: Path) -> None:
    """With what it was given: times in seconds since the run began, nothing for a loss."""
    path = save(tmp_path, {"a": 1})
    assert path == tmp_path / NAME
    assert json.loads((path / "result.json").read_text()) == {"a": 1}
    with gzip.open(path / "deliveries.csv.gz", "rt", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        list(COLUMNS),
        ["lossy", "udp", "2", "3", "7", "0", "1.000000000", "1.000000500", "1.000001000", "1"],
        ["lossy", "udp", "2", "3", "7", "1", "1.000000000", "1.000000500", "", "0"],
    ]
    assert sorted(one.name for one in path.iterdir()) == ["deliveries.csv.gz", "result.json"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_deliveries_are_the_same_file(tmp_path: Path) -> None:
    """gzip would note the time of writing."""
    first, second = save(tmp_path, {}), save(tmp_path, {})
    name = DELIVERIES
    assert (first / name).read_bytes() == (second / name).read_bytes()


def test_what_is_no_number_is_unknown(tmp_path: Path) -> None:
    """NaN is no JSON: it would be written, and nobody could read it."""
    path = save(tmp_path, {"a": float("nan"), "b": float("inf"), "name": "Ольга"})
    text = (path / "result.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": None, "b": None, "name": "Ольга"}
    assert "Ольга" in text


def test_two_results_of_one_second_are_two_results(tmp_path: Path) -> None:
    """The second does not overwrite the first, and neither does one that is made at the same time."""
    first = save(tmp_path, {"a": 1})
    with results.create(tmp_path, MADE) as second, results.create(tmp_path, MADE) as third:
        second.write({"a": 2}, RUNS)
        third.write({"a": 3}, RUNS)
        paths = [first, second.finish(), third.finish()]
    assert [path.name for path in paths] == [NAME, f"{NAME}-2", f"{NAME}-3"]
    assert [json.loads((path / "result.json").read_text())["a"] for path in paths] == [1, 2, 3]


def test_nobody_sees_a_result_before_it_is_complete(tmp_path: Path) -> None:
    """Captures are put into it meanwhile."""
    with results.create(tmp_path, MADE) as unfinished:
        (unfinished.captures / "lossy-tcp.pcapng").write_bytes(b"packets")
        unfinished.write({}, RUNS)
        assert results.names(tmp_path) == []
        assert [path.name for path in tmp_path.iterdir()] == [f".{NAME}.part"]
        assert results.name_of(unfinished.path) == unfinished.name == NAME
        path = unfinished.finish()
    assert results.names(tmp_path) == [NAME]
    assert (path / "captures" / "lossy-tcp.pcapng").read_bytes() == b"packets"


def test_what_is_not_finished_is_removed(tmp_path: Path) -> None:
    """With all captures, whatever was the reason; and once more is harmless."""

    def interrupted(unfinished: results.Unfinished) -> None:
        with unfinished:
            (unfinished.captures / "lossy-tcp.pcapng").write_bytes(b"packets")
            raise KeyboardInterrupt

    unfinished = results.create(tmp_path, MADE)
    with pytest.raises(KeyboardInterrupt):
        interrupted(unfinished)
    unfinished.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """It is not made: a slip of the pen would leave results where nobody looks."""
    with pytest.raises(results.Unsaved, match="no such directory"):
        results.create(tmp_path / "missing", MADE)
    assert not (tmp_path / "missing").exists()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """And stays what it was."""
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(results.Unsaved, match="it is a file, and not a directory"):
        results.create(file, MADE)
    assert file.read_text() == "mine"


@contextmanager
def ordinary() -> Iterator[None]:
    """As somebody who may not do everything: root, who may, is nobody meanwhile."""
    root = sys.platform != "win32" and os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    """A directory that whoever runs the tests may not write."""
    tmp_path.chmod(0o500)
    with ordinary():
        yield tmp_path
    tmp_path.chmod(0o700)


def test_a_directory_that_may_not_be_written_is_named(unwritable: Path) -> None:
    """Permission denied and its remedy, before anything is measured."""
    for look in (results.usable, lambda place: results.create(place, MADE)):
        with pytest.raises(results.Unsaved, match="permission denied: make it writable for you"):
            look(unwritable)


def test_a_file_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    """Before anything is measured; one that can be stays as it is, and none is made."""
    file = tmp_path / "file"
    file.write_text("mine")
    results.writable(file)
    results.writable(tmp_path / "new")
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]
    for place, why in (
        (tmp_path, "is a directory"),
        (tmp_path / "no" / "file", "no such"),
        (file / "x", "not a dir"),
    ):
        with pytest.raises(results.Unsaved, match=f"can't be written: .*{why}"):
            results.writable(place)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_noticed_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is room for an empty file, and for nothing in it."""
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: io.FileIO("/dev/full", "wb"))
    with pytest.raises(results.Unsaved, match="no space left on device: make room there"):
        results.usable(tmp_path)


def test_a_failure_halfway_leaves_nothing(tmp_path: Path) -> None:
    """Neither the file that was complete nor the one that was not."""

    def broken() -> Fates:
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(results.Unsaved, match="no space left on device"),
        results.create(tmp_path, MADE) as unfinished,
    ):
        unfinished.write({}, (broken() for _ in range(1)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_file_that_can_not_grow_leaves_nothing(tmp_path: Path) -> None:
    """A real write that the kernel refuses in the middle."""
    program = f"""
import random, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
from benchmarks import results
from benchmarks.deliveries import Fates
from benchmarks.measure import Delivery
from benchmarks.records import Sent
from tests.test_results import MADE
rng = random.Random(1)
fates = [Delivery(Sent(1, n, rng.getrandbits(50), rng.getrandbits(50)), 1, None, 0) for n in range(5000)]
try:
    with results.create(Path({str(tmp_path)!r}), MADE) as unfinished:
        unfinished.write({{}}, [Fates("clean", "tcp", 1, 0, fates)])
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


# --- reading --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """As compare writes it."""
    return made_up(("clean", "lossy"), 1)[0]


@pytest.fixture
def stored(tmp_path: Path, document: dict[str, Any]) -> Path:
    """A directory with three results: of two seconds, and a second one of the first."""
    for _ in range(10):
        save(tmp_path, document)
    with results.create(tmp_path, MADE.replace(hour=9)) as later:
        later.write(document, RUNS)
        later.finish()
    return tmp_path


def test_results_are_known_by_name_path_or_as_the_newest(stored: Path, document: dict[str, Any]) -> None:
    """-10 is newer than -2, and a later second newer than both."""
    assert results.names(stored)[-2:] == [f"{NAME}-10", "20261121T091500Z-compare"]
    for run in (None, "newest"):
        assert results.load(run, stored).name == "20261121T091500Z-compare"
    path = stored / f"{NAME}-2"
    for run in (path.name, str(path), str(path / "result.json")):
        result = results.load(run, stored)
        assert (result.name, result.directory, result.raw) == (path.name, path, document)
    assert result.document.profiles["lossy"].expected_loss == {"up": 0.05, "down": 0.05}
    assert result.document.summary[0].p50 is not None


def test_a_result_that_was_renamed_is_still_one(stored: Path) -> None:
    """It is only not the newest any more."""
    (stored / "20261121T091500Z-compare").rename(stored / "mine")
    assert results.load("mine", stored).name == "mine"
    assert results.load("newest", stored).name == f"{NAME}-10"


def test_deliveries_are_read_back(stored: Path) -> None:
    """By run; NaN for what was lost; unpacked, too."""
    path = deliveries_of(stored / NAME)
    series = read_deliveries(path)["lossy", "udp", 2]
    assert list(series.due) == [1.0, 1.0]
    assert series.latency[0] == pytest.approx(1e-6)
    assert series.latency[1] != series.latency[1]
    unpacked = path.with_suffix("")
    unpacked.write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    assert deliveries_of(stored / NAME) == unpacked
    assert list(read_deliveries(unpacked)["lossy", "udp", 2].due) == [1.0, 1.0]


def unreadable(run: str | None, directory: Path) -> str:
    """What is said of a result that can't be read. It is one sentence or two, in one line."""
    with pytest.raises(Unreadable) as caught:
        results.load(run, directory)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    return said


def test_no_results_yet(tmp_path: Path) -> None:
    """Whether there is a directory for them or not; what is half done or something else is none."""
    (tmp_path / "notes.txt").write_text("mine")
    with results.create(tmp_path, MADE):
        for directory in (tmp_path, tmp_path / "missing"):
            for run in (None, "newest", "20261121T081500Z-compare"):
                assert unreadable(run, directory) == "No results yet: make compare makes one."


def test_the_nearest_name_is_offered(stored: Path) -> None:
    """For a slip of the pen."""
    assert f"the nearest is {NAME}-2" in unreadable("20261121T081500-compare-2", stored)
    assert "There is no result ''" in unreadable("", stored)
    assert "␛" in unreadable("\x1b[2J", stored)


def test_other_files_and_directories_are_no_results(stored: Path) -> None:
    """Each with what would be one."""
    other = stored / "other"
    other.mkdir()
    assert "There is no result.json" in unreadable(str(other), stored)
    (other / "some.json").write_text("{}")
    assert "name its directory" in unreadable(str(other / "some.json"), stored)
    (other / "result.json").mkdir()
    assert "can't be read: is a directory" in unreadable(str(other), stored)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b'{"version": 2, "runs": [', "is cut off in the middle"),
        (b"hello", "is not JSON"),
        (b'{"version": "\xff"}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[1]", "is no result of make compare"),
        (b'{"name": "chat-lab"}', "is no result of make compare"),
        (b'{"version": 2, "name": "package"}', "is no result of make compare"),
        (
            b'{"made": "2026", "runs": []}',
            "another version of the lab (its form is number 1, and this one reads 2)",
        ),
        (b'{"version": 3, "runs": []}', "another version of the lab (its form is number 3"),
        (b'{"version": 2, "runs": []}', "is not as make compare writes it"),
    ],
)
def test_what_is_no_result_is_said_so(stored: Path, data: bytes, says: str) -> None:
    """And what to do about it."""
    path = stored / NAME / "result.json"
    path.write_bytes(data)
    assert says in unreadable(NAME, stored)


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("runs", 0, "lost"), "none", "Expected `int`, got `str` - at `$.runs[0].lost`"),
        (("runs", 1, "latency", "p50"), [], "at `$.runs[1].latency.p50`"),
        (("summary", 0, "p99"), 0.2, "at `$.summary[0].p99`"),
        (("summary", 0, "profile"), None, "at `$.summary[0].profile`"),
        (("profiles", "lossy", "expected_loss"), 0.05, "at `$.profiles[...].expected_loss`"),
        (("again",), "python", "at `$.again`"),
    ],
)
def test_a_wrong_type_is_found_with_its_place(
    tmp_path: Path, document: dict[str, Any], where: tuple[str | int, ...], value: object, says: str
) -> None:
    """Wherever it is: nothing that reads results looks at types again."""
    changed = json.loads(json.dumps(document))
    inner = changed
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    save(tmp_path, changed)
    assert says in unreadable(NAME, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
def test_what_may_not_be_read_is_named(document: dict[str, Any]) -> None:
    """The result.json, the deliveries, or the whole directory."""
    with TemporaryDirectory() as name:  # tmp_path is in a directory that only its owner may enter
        directory = Path(name)
        directory.chmod(0o755)
        path = save(directory, document)
        closed = directory / "closed"
        closed.mkdir(0)
        for file in (results.DOCUMENT, DELIVERIES):
            (path / file).chmod(0)
        with ordinary():
            assert "can't be read: permission denied" in unreadable(NAME, directory)
            assert "can't be read: permission denied" in unreadable(None, closed)
            with pytest.raises(Unreadable, match="can't be read: permission denied"):
                read_deliveries(path / DELIVERIES)
        closed.chmod(0o700)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:-10], "is damaged"),
        (lambda data: data[:40] + bytes([data[40] ^ 0xFF]) + data[41:], "is damaged"),
        (lambda data: b"hello", "is damaged"),
        (lambda data: b"", "does not name the columns"),
        (lambda data: gzip.compress(b"transport,repeat\n"), "does not name the columns"),
        (lambda data: gzip.compress(gzip.decompress(data) + b"lossy,udp\n"), "is damaged"),
        (lambda data: gzip.compress(gzip.decompress(data).replace(b"1.000000000", b"one")), "is damaged"),
        (lambda data: gzip.compress(b"\xff\n"), "is damaged"),
    ],
)
def test_damaged_deliveries_are_said_so(tmp_path: Path, damage: Callable[[bytes], bytes], says: str) -> None:
    """In one sentence with the remedy; and so is a file that is gone."""
    path = save(tmp_path, {}) / DELIVERIES
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Unreadable, match=says):
        read_deliveries(path)
    path.unlink()
    with pytest.raises(Unreadable, match="not there any more"):
        read_deliveries(path)


def test_a_result_is_read_as_what_it_was_written_from(document: dict[str, Any]) -> None:
    """The same classes, and not others like them: what can be asked of a summary can be asked of an old one."""
    share, p50, p90 = Interval(1.0, 0.999, 1.0), Percentile(0.02, 0.01, 0.03), Percentile(0.4)
    summary = replace(check(document).summary[0], delivered_share=share, p50=p50, p90=p90, p99=None)
    probes = Seen(400, 390, 0.025, None, 3, 391)
    changed = json.loads(json.dumps(document))
    changed["summary"][0] = json.loads(json.dumps(summary.as_dict()))
    changed["runs"][0]["probes"] = {"up": asdict(probes)}
    read = check(changed)
    assert read.summary[0] == summary
    assert read.runs[0].probes == {"up": probes}
    assert isinstance(read.runs[0], Figures)
    assert read.runs[0].latency == Times(**document["runs"][0]["latency"])


def test_a_file_is_replaced_whole_and_a_link_of_its_unfinished_name_is_not_followed(tmp_path: Path) -> None:
    """Whatever somebody has prepared there stays as it was."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / ".book.html.part").symlink_to(precious)
    path = results.replace(tmp_path / "book.html", b"new")
    assert (path.read_bytes(), precious.read_text()) == (b"new", "mine")
    assert sorted(one.name for one in tmp_path.iterdir()) == [".book.html.part", "book.html", "precious"]


def test_where_results_can_not_go_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, nothing, a name that is too long; our own directory is made."""
    file = tmp_path / "file"
    file.touch()
    for place, why in (
        (file, "it is a file"),
        (tmp_path / "none", "no such directory"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        with pytest.raises(results.Unsaved, match=why):
            results.usable(place)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "ours")
    results.usable(tmp_path / "ours")
    assert (tmp_path / "ours").is_dir()
    assert not list((tmp_path / "ours").iterdir())

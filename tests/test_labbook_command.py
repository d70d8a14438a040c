"""`make labbook` and `make experiment` as a person runs them, with experiments that take no time."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.experiments import NAMES, experiments
from benchmarks.labbook import show
from benchmarks.labbook.book import BOOK
from benchmarks.labbook.notes import FILE
from benchmarks.labbook.saved import DOCUMENT, NAME, load
from tests.output_text import text_of
from tests.test_report import Page

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
"""Guards against hanging, not against slowness."""

NOWHERE = "/nonexistent"
"""A PATH without unshare: a machine that can emulate no network."""


def command(*words: str) -> list[str]:
    """The program, with few experiments."""
    return [sys.executable, "-m", "tests.few_experiments", *words]


def run(
    *words: str, few: str = "fine other broken", path: str = "", **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run it to its end, without a terminal."""
    environment = os.environ | {"COLUMNS": "80", "FEW": few} | ({"PATH": path} if path else {}) | more
    return subprocess.run(
        command(*words),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def at_a_terminal(*words: str, few: str, keys: str, interrupt_at: str = "") -> tuple[str, int]:
    """Run it in a terminal where somebody types these keys, and Ctrl-C when this stands there; what stands there in
    the end, and the exit code."""
    pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    leader, follower = os.openpty()
    process = subprocess.Popen(
        command(*words),
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "80", "FEW": few, "TERM": "xterm"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    os.write(leader, keys.encode())
    said = b""
    try:
        while True:
            try:
                data = os.read(leader, 65_536)
            except OSError:  # Linux says so when the last one has left the terminal
                break
            if not data:
                break
            said += data
            if interrupt_at and interrupt_at.encode() in said:
                os.kill(process.pid, signal.SIGINT)
                os.write(
                    leader, b"\r"
                )  # a signal just before the program begins to read is noticed at the next key
                interrupt_at = ""
        return said.decode(), process.wait(PATIENCE)
    finally:
        os.close(leader)
        process.kill()
        process.wait()


def made(results: Path) -> list[str]:
    """Which experiments are saved there."""
    return sorted(match[2] for path in results.iterdir() if (match := NAME.fullmatch(path.name)))


def book(results: Path) -> Page:
    """The book, parsed."""
    return Page((results / BOOK).read_text(encoding="utf-8"))


# --- make labbook ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A quick lab book, made once. Not to be changed."""
    results = tmp_path_factory.mktemp("results")
    return results, run("labbook", "--quick", "--results", str(results))


def test_all_are_made_and_one_that_fails_stops_nobody(
    first: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    """A line for each, the book and the notes, where they are, and exit code 1."""
    results, done = first
    assert done.returncode == 1
    assert "✓  1 fine: 1 of 1 as expected (0 s)" in done.stderr
    assert "✗  2 other: 0 of 1 as expected, 1 outside (0 s)" in done.stderr
    assert "✗  3 broken failed: The kernel did not do what was asked." in done.stderr
    assert done.stdout.splitlines() == [
        "2 of 3 experiments: 1 of 2 figures as expected, 1 outside.",
        f"Your own words: {results / FILE}",
        f"The book:       {results / BOOK}",
    ]
    assert made(results) == ["fine", "other"]
    assert "Not made: it failed. The kernel did not do what was asked." in book(results).words
    assert "## 3 `broken`: What does broken do?" in (results / FILE).read_text(encoding="utf-8")


def test_it_goes_on_where_it_was_and_notes_are_never_overwritten(tmp_path: Path) -> None:
    """What is made is taken as it is, whatever fits; what the student writes gets into the book."""
    words = ("labbook", "--no-ask", "--results", str(tmp_path))
    assert run(*words, "--only", "fine").returncode == 0
    assert made(tmp_path) == ["fine"]
    notes = tmp_path / FILE
    mine = notes.read_text(encoding="utf-8").replace("so?\n", "so?\n\nBecause *I* say.\n", 1)
    notes.write_text(mine, encoding="utf-8")
    again = run(*words, "--quick", few="fine other")
    assert again.returncode == 0
    assert "1 fine: 1 of 1 as expected (made " in again.stderr
    assert "run 1 of 1: other" in again.stderr
    assert notes.read_text(encoding="utf-8") == mine
    found = book(tmp_path)
    assert "Because I say." in found.words
    assert "1 of 2 experiments are quick runs" in found.words
    full = run(*words, few="fine other")
    assert "run 1 of 1: other" in full.stderr
    assert run(*words, few="fine other").stderr.count("run ") == 0
    assert run(*words, "--again", "--only", "fine", few="fine other").stderr.count("run 1 of 1: fine") == 1
    assert made(tmp_path) == ["fine", "fine", "other", "other"]


def test_what_is_damaged_is_named_and_made_again(tmp_path: Path) -> None:
    """And stays where it is."""
    words = ("labbook", "--quick", "--results", str(tmp_path))
    assert run(*words, few="fine").returncode == 0
    (saved,) = (path for path in tmp_path.iterdir() if path.is_dir())
    (saved / DOCUMENT).write_bytes(b'{"name": "fi')
    done = run(*words, few="fine")
    assert done.returncode == 0
    assert f"{saved / DOCUMENT} is damaged" in done.stderr
    assert "run 1 of 1: fine" in done.stderr
    assert made(tmp_path) == ["fine", "fine"]
    third = run(*words, few="fine")
    assert "damaged" not in third.stderr
    assert "run " not in third.stderr


def test_interrupted_it_keeps_what_is_done(tmp_path: Path) -> None:
    """The book has it, and the rest is not made yet; exit code 130, nothing half done is left."""
    done = run("labbook", "--quick", "--results", str(tmp_path), few="fine stopped other")
    assert done.returncode == 130
    assert done.stdout.startswith(
        "Interrupted: what is made is kept, and the same command goes on from there."
    )
    assert "Traceback" not in done.stderr
    assert made(tmp_path) == ["fine"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [FILE, BOOK]
    assert book(tmp_path).words.count("Not made: not yet.") == 4


def test_predictions_are_asked_for_in_a_row_and_once(tmp_path: Path) -> None:
    """Enter skips one, s all that are left; one that was given waits for its experiment, whatever happens to it."""
    words = ("--quick", "--results", str(tmp_path))
    said, code = at_a_terminal("labbook", *words, few="stopped fine other", keys="12\r\rs\r")
    assert code == 130
    assert said.count("Your prediction: ") == 3
    assert "First your predictions, 3 of them" in said
    said, code = at_a_terminal(
        "labbook", *words, "--only", "fine,other", few="fine other", keys="oops\r9\rs\r"
    )
    assert code == 0
    assert "'oops' is no number of things" in said
    predicted = {load(path).name: load(path).predicted for path in tmp_path.iterdir() if path.is_dir()}
    assert predicted == {"fine": 9.0, "other": None}
    kept = json.loads((tmp_path / "labbook-predictions.json").read_text())
    assert {name: one["predicted"] for name, one in kept.items()} == {"stopped": 12.0, "fine": 9.0}
    said, code = at_a_terminal("labbook", *words, "--again", "--no-ask", few="fine", keys="")
    assert code == 0
    assert "Your prediction: " not in said
    newest = max(path for path in tmp_path.iterdir() if path.name.endswith(("fine", "fine-2")))
    assert load(newest).predicted == 9.0


def test_where_no_network_can_be_emulated_the_rest_is_made(tmp_path: Path) -> None:
    """What is missing is named with the remedy, once, and stands in the book as not made."""
    done = run("labbook", "--quick", "--results", str(tmp_path), few="fine linked halved", path=NOWHERE)
    assert done.returncode == 0
    (linked,) = (line for line in done.stderr.splitlines() if line.startswith("linked: "))
    assert "It needs an emulated network, and there can be none here." in linked
    assert "Remedy: sudo apt install util-linux" in linked
    (halved,) = (line for line in done.stderr.splitlines() if line.startswith("halved: "))
    assert "TCP can't be impaired that way, and is not measured." in halved
    assert made(tmp_path) == ["fine", "halved"]
    assert "Not made: It needs an emulated network" in book(tmp_path).words
    alone = run(
        "labbook", "--quick", "--results", str(tmp_path), "--only", "linked", few="linked", path=NOWHERE
    )
    assert alone.returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "loss,fien"], "there is no experiment 'loss'"),
        (["--only", "fien"], "there is no experiment 'fien': did you mean fine?"),
        (["--only", ","], "name at least one experiment"),
        (
            ["--results", "/nonexistent/results"],
            "could not be saved in /nonexistent/results: there is no such directory",
        ),
        (["--notes", "/"], "Your notes, /, are no file: name another with --notes."),
        (["--notes", "/nonexistent/n.md"], "Your notes can't be written to /nonexistent/n.md: no such file"),
        (["--seed", "x"], "'x' is no seed"),
        (["--frobnicate"], "--help lists the options"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(tmp_path: Path, words: Sequence[str], said: str) -> None:
    """Before anything is made."""
    done = run("labbook", "--results", str(tmp_path), *words)
    assert done.returncode == 2
    assert said in done.stderr.replace("\n", " ")
    assert done.stderr.count("\n") == 1
    assert made(tmp_path) == []


def test_inside_a_link_nothing_is_made(tmp_path: Path) -> None:
    """A link in a link would be neither."""
    done = run("labbook", "--results", str(tmp_path), LAB_LINK="a link")
    assert done.returncode == 2
    assert "This is inside a link already" in done.stderr


def test_who_ends_it_while_predicting_has_not_predicted_in_vain(tmp_path: Path) -> None:
    """Nothing is made, what was said is kept, and the exit code is that of an interruption."""
    words = ("labbook", "--quick", "--results", str(tmp_path))
    said, code = at_a_terminal(*words, few="fine other", keys="12\r", interrupt_at="1 to 2")
    assert code == 130
    assert "Nothing was made; the predictions that you gave are kept." in said
    assert "Traceback" not in said
    assert made(tmp_path) == []
    assert '"predicted": 12.0' in (tmp_path / "labbook-predictions.json").read_text()
    said, code = at_a_terminal("experiments", "other", few="other", keys="", interrupt_at="1 to 2")
    assert code == 130
    assert "Traceback" not in said


# --- make experiment, make experiments ------------------------------------------------------------


def test_one_experiment_is_made_and_kept(tmp_path: Path) -> None:
    """Its question, what was measured, and where its page is."""
    done = run("experiments", "other", "--quick", "--results", str(tmp_path))
    assert done.returncode == 0
    assert "2  What does other do?" in done.stdout
    assert "Things seen" in done.stdout
    (page,) = re.findall(r"with the figure:\n(\S+)", done.stdout)
    assert "Experiment 2: What does other do?" in Page(Path(page).read_text(encoding="utf-8")).words
    failed = run("experiments", "broken", "--results", str(tmp_path))
    assert failed.returncode == 1
    assert failed.stderr.endswith("The kernel did not do what was asked.\n")
    stopped = run("experiments", "stopped", "--results", str(tmp_path), few="stopped")
    assert stopped.returncode == 130
    assert made(tmp_path) == ["other"]


def test_what_can_not_be_read_again_is_not_kept(tmp_path: Path) -> None:
    """An experiment that draws what is no number has failed, and says so."""
    done = run("experiments", "odd", "--results", str(tmp_path), few="odd")
    assert done.returncode == 1
    assert "odd was measured and can't be kept. What it found is damaged" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fien", "There is no experiment 'fien': did you mean fine?"),
        ("Fine", "There is no experiment 'Fine': did you mean fine?"),
        ("zzz", "There is no experiment 'zzz': there are fine, other, broken."),
        ("", "There is no experiment '': there are fine, other, broken."),
        ("../fine", "There is no experiment '../fine': did you mean fine?"),
        ("\x1b[2J", "There is no experiment '\\x1b[2J': there are fine, other, broken."),
    ],
)
def test_an_experiment_that_there_is_not(name: str, said: str) -> None:
    """Is named, with the nearest or with all there are."""
    done = run("experiments", name)
    assert (done.returncode, done.stderr) == (2, f"{said}\n")


def test_without_a_network_an_experiment_says_what_to_do(tmp_path: Path) -> None:
    """One that needs it is not made; one that can do with a relay says what is missing; the list marks both."""
    words = ("--quick", "--results", str(tmp_path))
    linked = run("experiments", "linked", *words, few="linked halved", path=NOWHERE)
    assert linked.returncode == 2
    assert linked.stderr.startswith("linked: It needs an emulated network, and there can be none here. ")
    assert "Remedy: sudo apt install util-linux" in linked.stderr
    halved = run("experiments", "halved", *words, few="linked halved", path=NOWHERE)
    assert halved.returncode == 0
    assert "TCP can't be impaired that way" in " ".join(halved.stderr.split())
    listed = " ".join(run("experiments", few="linked halved", path=NOWHERE, COLUMNS="200").stdout.split())
    assert "(not on this machine: make doctor says why)" in listed
    assert "(UDP only on this machine: make doctor says why)" in listed
    assert made(tmp_path) == ["halved"]


def test_make_wants_a_name() -> None:
    """And says how it is given."""
    done = subprocess.run(
        ["make", "-n", "experiment"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert "Say which: make experiment NAME=loss." in done.stderr


def test_the_list_fits_into_80_columns() -> None:
    """Number, name, question and how long it takes, of all of them."""
    lines = text_of(show.listing((number, one, "") for number, one in experiments()), 80).splitlines()
    assert max(map(len, lines)) <= 80
    shown = " ".join(" ".join(lines).split())
    for number, name in enumerate(NAMES, 1):
        assert f"{number} {name} " in shown

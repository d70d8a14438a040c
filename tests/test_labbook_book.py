"""The book of all experiments: its cover, its articles, the student's words in it, on the screen and on paper."""

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchmarks.labbook import book, notes
from benchmarks.labbook.book import BOOK, Entry, differences
from benchmarks.labbook.experiment import Text
from benchmarks.labbook.saved import Made
from benchmarks.results import Unsaved
from tests.test_labbook_page import CURVES, SECTIONS, canned, finding, keep, outcome, self_contained
from tests.test_report import HOSTILE, Page

NAMES = ["faster", "loss", "thin"]


def entry(number: int, name: str, made: Made | None, results: Path, why: str = "not yet.") -> Entry:
    """One, made or not."""
    directory = results / f"20261121T11000{number}Z-{name}"
    if made:
        keep(made, directory, (CURVES,))
    return Entry(
        number, name, Text(f"What does {name} do?", SECTIONS), ["Why is that so?"], made, directory, why
    )


def entries(results: Path) -> list[Entry]:
    """Three: as expected, outside, and not made."""
    good = canned(
        name="faster",
        title="What does faster do?",
        predicted=12.0,
        outcome=outcome(finding(10.0), charts=[CURVES]),
    )
    bad = canned(outcome=outcome(finding(30.0, what="The slowest")))
    return [
        entry(1, "faster", good, results),
        entry(2, "loss", bad, results),
        entry(3, "thin", None, results, "there are no namespaces here."),
    ]


def written(those: list[Entry], results: Path, text: str = "", warnings: tuple[str, ...] = ()) -> Page:
    """The book of these, parsed."""
    path = book.write(those, notes.parse(text, NAMES), results / BOOK, warnings)
    return Page(path.read_text(encoding="utf-8"))


def test_the_book_is_whole(tmp_path: Path) -> None:
    """One title, contents that lead somewhere, names that are used once, an article for each, files beside it."""
    found = written(entries(tmp_path), tmp_path)
    assert len(found.all("h1")) == len(found.all("main")) == len(found.all("nav")) == 1
    assert [one["id"] for one in found.all("article")] == NAMES
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    hrefs = [str(link["href"]) for link in found.all("a")]
    assert [href for href in hrefs if href[0] == "#"] == [f"#{name}" for name in NAMES] * 2
    files = [unquote(href) for href in hrefs if href[0] != "#"]
    assert "20261121T110001Z-faster/figures/curve.svg" in files
    assert all((tmp_path / file).is_file() for file in files)
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    self_contained(found)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [BOOK]


def test_the_cover_sums_up(tmp_path: Path) -> None:
    """A row for each: a figure beside what was expected, how many held, the prediction; or why it is not made."""
    found = written(entries(tmp_path), tmp_path, warnings=("Be careful with this.",))
    assert "2 of 3 experiments, made 21 November 2026, in 2 minutes of measuring" in found.words
    assert "1 of 2 figures as expected, 1 outside." in found.words
    assert "Be careful with this." in found.words
    first, second, third = (next(row for row in found.rows if row[0] == str(number)) for number in (1, 2, 3))
    assert first[1:] == [
        "What does faster do?",
        "The time",
        "9 to 11 ms",
        "✓ 10 ms",
        "1 of 1 as expected",
        "close",
    ]
    assert second[4:] == ["✗ 30 ms", "0 of 1 as expected, 1 outside✗ OUTSIDE: The slowest", "–"]
    assert third[1:] == ["What does thin do?", "Not made: there are no namespaces here."]
    assert ["kernel", "Linux 6.18"] in found.rows


def test_what_is_not_made_has_its_place(tmp_path: Path) -> None:
    """With its question, why it is missing, and room for words."""
    said = written(entries(tmp_path), tmp_path).words
    article = said[said.rindex("What does thin do?") :]
    for part in ("Not made: there are no namespaces here.", "What becomes of it?", "Why is that so?"):
        assert part in article


def test_different_conditions_are_said() -> None:
    """Quick beside full, another kernel, another commit, no emulated network; nothing where all is the same."""
    here = {"kernel": "Linux 6.18", "commit": "abc", "network": "emulated"}
    same = [canned(name=name, environment=here) for name in NAMES]
    assert differences(same) == []
    assert differences([]) == []
    mixed = [
        canned(name="faster", environment=here),
        canned(name="loss", environment=here, quick=True),
        canned(name="thin", environment=here | {"commit": "def+", "network": "relay"}),
    ]
    quick, relay, commit, network = differences(mixed)
    assert "1 of 3 experiments are quick runs" in quick
    assert quick.endswith("prove nothing: loss.")
    assert "TCP was not measured over a bad network" in relay
    assert "the same commit: abc (faster and loss); def+ (thin)." in commit
    assert "the same network: emulated (faster and loss); relay (thin)." in network
    assert differences([canned(quick=True)]) == [
        "All of these are quick runs: they show how the experiments go, and prove nothing."
    ]


def test_the_environment_counts_what_differs(tmp_path: Path) -> None:
    """In the table of the cover, with how many experiments each."""
    those = entries(tmp_path)
    those.append(entry(4, "thin", canned(name="thin", environment={"kernel": "Linux 7"}), tmp_path))
    found = written(those[:2] + those[3:], tmp_path)
    assert ["kernel", "Linux 6.18 (2 of 3) · Linux 7 (1 of 3)"] in found.rows
    assert ["commit", "abc1234 (2 of 3) · unknown (1 of 3)"] in found.rows


def test_the_students_words_are_in_it(tmp_path: Path) -> None:
    """Under the questions of their experiment, made or not; what belongs to none before and behind all."""
    text = (
        "# My lab book\n\nI am Ada.\n\n## `thin`\n\n> Why is that so?\n\nNot tried <b>yet</b>.\n\n"
        "## `faster`\n\nIt *was* fast.\n\n# The end\n\nFarewell.\n"
    )
    found = written(entries(tmp_path), tmp_path, text)
    order = [
        found.words.index(part)
        for part in ("I am Ada.", "It was fast.", "Not tried <b>yet</b>.", "Farewell.")
    ]
    assert order == sorted(order)
    assert [one.get("class") for one in found.all("div")].count("room") == 2
    assert "#more-of-my-own" in [link["href"] for link in found.all("a")]


def test_a_book_of_nothing_is_a_book(tmp_path: Path) -> None:
    """Which says so."""
    said = written([entry(1, "faster", None, tmp_path)], tmp_path).words
    assert "None of 1 experiments is made yet." in said
    assert "Nothing is made yet." in said
    assert "Where it was measured" not in said


def test_whatever_is_not_made_says_is_text(tmp_path: Path) -> None:
    """Reasons, warnings and names of the environment, too."""
    evil = canned(environment={f"k{HOSTILE}": f"v{HOSTILE}", "commit": HOSTILE}, title=HOSTILE)
    those = [
        entry(1, "faster", None, tmp_path, HOSTILE),
        entry(2, "loss", evil, tmp_path),
        entries(tmp_path)[0],
    ]
    found = written(those, tmp_path, f"{HOSTILE}\n\n## `loss` {HOSTILE}\n\n{HOSTILE}\n", (HOSTILE,))
    self_contained(found)
    assert found.words.count("<script>alert(1)</script>") > 8
    assert "\x1b" not in found.words


def test_a_book_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """What the disk refuses is said."""
    those = entries(tmp_path)
    written(those, tmp_path)
    with pytest.raises(Unsaved, match="no such directory"):
        book.write(those, notes.Notes(), tmp_path / "nowhere" / BOOK)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / BOOK).mkdir()
    with pytest.raises(Unsaved, match="could not be saved"):
        book.write(those, notes.Notes(), tmp_path / "b" / BOOK)
    assert [path.name for path in (tmp_path / "b").iterdir()] == [BOOK]


@pytest.mark.skipif(
    not shutil.which("chromium"), reason="no browser here to print with: apt install chromium"
)
def test_each_experiment_begins_a_page_of_its_own_on_paper(tmp_path: Path) -> None:
    """A browser prints it: the cover, and at least a page for each experiment."""
    written(entries(tmp_path), tmp_path)
    printed = tmp_path / "book.pdf"
    subprocess.run(
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--print-to-pdf={printed}",
            (tmp_path / BOOK).as_uri(),
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )
    pages = max(int(count) for count in re.findall(rb"/Count (\d+)", printed.read_bytes()))
    assert 4 <= pages <= 8

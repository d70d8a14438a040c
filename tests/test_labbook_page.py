"""The page of an experiment: of every kind of outcome, of a hostile one, and of one whose files are gone."""

import base64
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.labbook import page, sheet
from benchmarks.labbook.chart import Anatomy, Chart, Curves, Delivered, Packet, Panel, Series
from benchmarks.labbook.experiment import Expected, Finding, Outcome, Verdict
from benchmarks.labbook.saved import DATA, DOCUMENT, FIGURES, PAGE, Made
from tests.test_report import HOSTILE, Page

SECTIONS = {
    "Question": ["What becomes of it?"],
    "Why it matters": ["It does."],
    "Prediction": ["Say what you think of `p99`."],
    "Method": ["Somebody looks:", "first   here\nthen    there"],
    "Expected": ["Ten, says the book."],
    "What would change it": ["Another machine."],
}

CURVES = Curves(
    "curve",
    "How to read it.",
    [Panel("Latency", "loss, %", "ms", [Series("TCP", "tcp", [0.0, 1.0], [1.0, 2.0])])],
)
ANATOMY = Anatomy(
    "line",
    "One message.",
    "It was lost once",
    3,
    [Packet(0.0, None, True, 3)],
    [Delivered(3, 0.0, None, None)],
)

PIXEL = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


def finding(value: float | None, **more: Any) -> Finding:
    """A figure of which 9 to 11 ms is expected."""
    known: dict[str, Any] = {"name": "x", "what": "The time", "unit": "ms", "n": 1234, "of": "messages"}
    return Finding(**(known | {"value": value, "expected": Expected(9.0, 11.0, "RFC 6298")} | more))


def outcome(*findings: Finding, **more: Any) -> Outcome:
    """What was found."""
    known: dict[str, Any] = {
        "said": ["Half of them took 10 ms."],
        "columns": ["x"],
        "rows": [[1.0]],
        "table": [["loss", "p50 ms"], ["5 %", "10"]],
        "conditions": [("link", "25 ms")],
    }
    return Outcome(list(findings), **(known | more))


def canned(**more: Any) -> Made:
    """An experiment that was made, with whatever else is said of it."""
    known: dict[str, Any] = {
        "name": "loss",
        "title": "What does loss do?",
        "sections": SECTIONS,
        "asked": "how long does it take?",
        "answers": [],
        "unit": "ms",
        "finding": "x",
        "predicted": None,
        "quick": False,
        "seed": 7,
        "made": "2026-11-21T11:00:00+00:00",
        "took": 58.4,
        "again": ["python", "-m", "benchmarks.experiments", "loss", "--seed", "7"],
        "environment": {"kernel": "Linux 6.18", "commit": "abc1234", "network": "emulated"},
        "outcome": outcome(finding(10.0, low=9.5, high=10.5, because="It waits.")),
        "think": ["Why is that so?", "What of `p`?"],
    }
    return Made(**(known | more))


def keep(made: Made, directory: Path, charts: tuple[Chart, ...] = (), captures: tuple[str, ...] = ()) -> Path:
    """Its directory as it is when its page is written."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / DATA).write_bytes(made.csv())
    (directory / DOCUMENT).write_bytes(made.json())
    for chart in charts:
        (directory / FIGURES).mkdir(exist_ok=True)
        (directory / FIGURES / f"{chart.name}.svg").write_bytes(PIXEL)
        (directory / FIGURES / f"{chart.name}.png").write_bytes(b"\x89PNG")
    for name in captures:
        (directory / "captures").mkdir(exist_ok=True)
        (directory / "captures" / name).write_bytes(b"")
    return directory


def shown(made: Made, directory: Path) -> Page:
    """Its page, parsed."""
    path = page.write(made, directory)
    assert path == directory / PAGE
    return Page(path.read_text(encoding="utf-8"))


def links(found: Page) -> list[str]:
    """Where its links lead."""
    return [str(link["href"]) for link in found.all("a")]


def self_contained(found: Page) -> None:
    """No address, no script, no font from elsewhere; and the browser is told to fetch nothing."""
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in found.elements}
    for _, attributes in found.elements:
        assert str(attributes.get("src", "data:")).startswith("data:")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset")]
    policy = next(one for one in found.all("meta") if "http-equiv" in one)
    assert str(policy["content"]).startswith("default-src 'none'")
    for path in sheet.STYLES:
        assert not re.search(r"url\(|@import|@font-face|https?:", path.read_text(encoding="utf-8"))


def test_everything_is_there_and_in_order(tmp_path: Path) -> None:
    """From the question to the open questions; headings go down by one level at most."""
    made = canned(predicted=12.0, warnings=["It was noisy."], outcome=outcome(finding(10.0), charts=[CURVES]))
    found = shown(made, keep(made, tmp_path / "a", (CURVES,)))
    said = (
        "Experiment 2: What does loss do?",
        "What becomes of it?",
        "It does.",
        "Say what you think of p99.",
        "You were asked: how long does it take?",
        "You said: 12 ms. It is 10 ms: close.",
        "Ten, says the book.",
        "1 of 1 as expected",
        "Half of them took 10 ms.",
        "How to read it.",
        "5 %10",
        "first   here\nthen    there",
        "Another machine.",
        "21 November 2026, 11:00 UTC, in 58 s",
        "full",
        "Linux 6.18",
        "It was noisy.",
        "make experiment NAME=loss SEED=7",
        ".venv/bin/python -m benchmarks.experiments loss --seed 7",
        "data.csv",
        "Why is that so?",
    )
    places = [found.words.index(one) for one in said]
    assert places == sorted(places)
    assert "quick" not in found.words
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(found.all("table")) == len(found.all("caption")) == 3
    self_contained(found)


def test_figures_are_in_the_page_and_beside_it(tmp_path: Path) -> None:
    """As drawings; in pixels if a drawing is large; with words for those who can't see it."""
    made = canned(outcome=outcome(finding(10.0), charts=[CURVES, ANATOMY]))
    directory = keep(made, tmp_path / "a", (CURVES, ANATOMY))
    (directory / FIGURES / "line.svg").write_bytes(PIXEL + b" " * page.LARGE)
    found = shown(made, directory)
    first, second = found.all("img")
    assert str(first["src"]) == "data:image/svg+xml;base64," + base64.b64encode(PIXEL).decode()
    assert str(second["src"]).startswith("data:image/png;base64,")
    assert first["alt"] == "Latency: ms over loss, % of TCP."
    assert second["alt"] == "Time line of message 3 over TCP: It was lost once"
    assert [link for link in links(found) if link.startswith(FIGURES)] == [
        f"figures/{name}.{kind}" for name in ("curve", "line") for kind in ("svg", "png")
    ]
    assert all((directory / link).is_file() for link in links(found))


@pytest.mark.parametrize(
    ("one", "cells"),
    [
        (
            finding(10.0, low=9.5, high=10.5),
            ["✓ The time", "9 to 11 msRFC 6298", "10 ms9.50–10.5", "as expected"],
        ),
        (
            finding(12.0, low=11.0, high=13.0),
            ["≈ The time", "12 ms11–13", "perhaps: outside, but its interval reaches in"],
        ),
        (finding(30.0, low=20.0, high=40.0, spread=True), ["✗ The time", "30 msrepeats: 20–40", "OUTSIDE"]),
        (finding(None, missing="too few."), ["– The time", "–too few.", "not measured"]),
        (finding(3.0, expected=None), ["The time", "–", "3 ms", "1,234messages", ""]),
    ],
)
def test_each_verdict_has_a_mark_and_words(tmp_path: Path, one: Finding, cells: list[str]) -> None:
    """Never a colour alone."""
    made = canned(outcome=outcome(one))
    row = next(row for row in shown(made, keep(made, tmp_path / "a")).rows if "The time" in row[0])
    assert len(row) == 5
    assert set(cells) <= set(row)


def test_what_is_outside_is_said_with_its_cause(tmp_path: Path) -> None:
    """In the table and in words."""
    made = canned(outcome=outcome(finding(30.0, unless="The machine was busy.")))
    said = shown(made, keep(made, tmp_path / "a")).words
    assert "0 of 1 as expected, 1 outside" in said
    assert "✗ OUTSIDE. The time: 30 ms, where 9 to 11 ms was expected. The machine was busy." in said


def test_a_prediction_stands_where_its_figure_is(tmp_path: Path) -> None:
    """And nowhere else; without one there is no column for it."""
    made = canned(predicted=12.0, outcome=outcome(finding(10.0), finding(1.0, name="y", what="Another")))
    rows = shown(made, keep(made, tmp_path / "a")).rows
    assert next(row for row in rows if "The time" in row[0])[1] == "12 ms"
    assert next(row for row in rows if "Another" in row[0])[1] == ""
    said = shown(canned(), keep(canned(), tmp_path / "b")).words
    assert "You made no prediction." in said
    assert "you said" not in said


def test_a_choice_shows_its_answers(tmp_path: Path) -> None:
    """With who said which."""
    made = canned(answers=["none", "half", "all"], predicted=0.0, outcome=outcome(finding(10.0), answer=2))
    said = shown(made, keep(made, tmp_path / "a")).words
    assert "none ← you said so" in said
    assert "all ← the data say so" in said
    assert "half ←" not in said
    made = canned(answers=["none", "half"], predicted=1.0, outcome=outcome(answer=1))
    assert "half ← you said so and the data say so" in shown(made, keep(made, tmp_path / "b")).words


def test_a_quick_run_says_that_it_proves_nothing(tmp_path: Path) -> None:
    """Above everything else, among the conditions, and in the command."""
    made = canned(quick=True)
    said = shown(made, keep(made, tmp_path / "a")).words
    assert said.index(page.QUICK) < said.index("What becomes of it?")
    assert "quick (proves nothing)" in said
    assert "make experiment NAME=loss SEED=7 ARGS=--quick" in said


def test_captures_are_linked_with_how_to_open_them(tmp_path: Path) -> None:
    """Those that are there."""
    names = ["a b.pcapng", "gone.pcapng", "../experiment.json", "/etc/passwd", "javascript:alert(1)"]
    made = canned(outcome=outcome(finding(10.0), captures=names))
    found = shown(made, keep(made, tmp_path / "a", captures=("a b.pcapng",)))
    assert [link for link in links(found) if "json" not in link] == [DATA, "captures/a%20b.pcapng"]
    assert found.words.count("not there any more") == 4
    assert "tcp.analysis.retransmission" in found.words


def test_an_experiment_without_anything_has_a_page(tmp_path: Path) -> None:
    """No findings, sentences, table, charts, conditions, questions; parts without content are left out."""
    bare = Outcome([], [], [], [])
    made = canned(outcome=bare, think=[], environment={}, name="not-in-the-list")
    found = shown(made, keep(made, tmp_path / "a"))
    assert "Experiment not-in-the-list: What does loss do?" in found.words
    assert "Nothing was measured." in found.words
    for heading in ("What the data say", "Did it hold?", "Figures", "In short", "To be careful with"):
        assert heading not in found.words


def test_figures_that_are_gone_or_elsewhere_are_named(tmp_path: Path) -> None:
    """And no other file is taken for one."""
    directory = keep(canned(), tmp_path / "a")
    (tmp_path / "a" / "secret.svg").write_bytes(PIXEL)
    for name in ("gone", "../secret", "/etc/passwd"):
        chart = msgspec.structs.replace(CURVES, name=name)
        found = shown(canned(outcome=outcome(charts=[chart])), directory)
        assert found.all("img") == []
        assert "This figure is not there any more." in found.words


def test_whatever_an_experiment_says_is_text(tmp_path: Path) -> None:
    """The elements are those of a harmless one, and the text is there to be read, without what is invisible."""

    def of(evil: str, directory: Path) -> Page:
        one = finding(
            30.0,
            what=f"w{evil}",
            of=f"of{evil}",
            unit=f"u{evil}",
            unless=f"un{evil}",
            expected=Expected(1.0, 2.0, f"s{evil}", f"e{evil}"),
        )
        found = outcome(
            one,
            finding(None, missing=f"m{evil}"),
            finding(10.0, because=f"b{evil}"),
            said=[f"d{evil}"],
            table=[[f"h{evil}", "x"], [f"c{evil}", "y"]],
            conditions=[(f"k{evil}", f"v{evil}")],
            charts=[msgspec.structs.replace(CURVES, caption=f"cap{evil}")],
            captures=[f"cap{evil}"],
        )
        made = canned(
            name=f"n{evil}",
            title=f"t{evil}",
            sections={name: [f"p{evil}", f"l{evil}\nl{evil}"] for name in SECTIONS},
            asked=f"a{evil}",
            unit=f"u{evil}",
            predicted=3.0,
            made=f"when{evil}",
            again=["python", evil],
            environment={f"k{evil}": f"v{evil}"},
            warnings=[f"w{evil}"],
            think=[f"q{evil}"],
            outcome=found,
        )
        return shown(made, keep(made, directory, (CURVES,)))

    harmless, attacked = of("", tmp_path / "a"), of(HOSTILE, tmp_path / "b")
    assert [tag for tag, _ in attacked.elements] == [tag for tag, _ in harmless.elements]
    self_contained(attacked)
    seen = "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;␛[2J⟨U+202E⟩{0}%s$x$"
    assert attacked.words.count(seen) > 40
    assert "\x1b" not in attacked.words
    assert "\u202e" not in attacked.words


def test_code_and_emphasis_are_shown_as_such() -> None:
    """And what only looks like it is left alone."""
    (shown,) = sheet.paragraphs(["at *more* than `a*b` and 2*3*4, f(*x, *y), *, ** and <i>"])
    assert shown == (
        "<p>at <em>more</em> than <code>a*b</code> and 2*3*4, f(*x, *y), *, ** and &lt;i&gt;</p>"
    )


def test_every_verdict_can_be_shown() -> None:
    """None is left without its words."""
    assert [str(page.verdict(one)) != "" for one in Verdict] == [one is not Verdict.FREE for one in Verdict]

"""A student's own words: never overwritten, found again, shown as text."""

import os
from pathlib import Path

import pytest

from benchmarks.labbook import notes
from benchmarks.labbook.notes import FILE, HOW, Heading, answers, keep, parse, read, rendered
from benchmarks.report.markup import Markup
from benchmarks.result_format import Unreadable
from benchmarks.results import Unsaved
from tests.test_report import Page

LOSS = Heading(2, "loss", "What does loss do?", ["Why is that so?", "What of `p`?"])
ORDER = Heading(8, "order", "Does order last?", ["Does it?"])
EMPTY = Heading(9, "nagle", "Who waits?", [])
NAMES = ["loss", "order", "nagle"]


def page(found: Markup) -> Page:
    """Parsed."""
    return Page(str(found))


def shown(text: str, heading: Heading = LOSS) -> Page:
    """What the book has of this file's section."""
    return page(answers(heading.questions, parse(text, NAMES).sections.get(heading.name), 4))


def test_the_file_has_a_heading_and_the_questions_of_each(tmp_path: Path) -> None:
    """And says what it is for."""
    assert keep(tmp_path / FILE, [LOSS, EMPTY, ORDER]) == ["loss", "nagle", "order"]
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    places = [
        text.index(part)
        for part in (
            HOW,
            "## 2 `loss`: What does loss do?",
            "> Why is that so?",
            "> What of `p`?",
            "## 9 `nagle`: Who waits?",
            "## 8 `order`: Does order last?",
            "> Does it?",
        )
    ]
    assert places == sorted(places)
    found = read(tmp_path / FILE, NAMES)
    assert set(found.sections) == set(NAMES)
    assert rendered(found.before, 2) == rendered(found.behind, 2) == ""
    assert shown(text).all("div")[1]["class"] == "room"


def test_what_is_there_is_never_touched(tmp_path: Path) -> None:
    """Whatever was written, renamed or moved: what is missing is added at the end, once."""
    path = tmp_path / FILE
    keep(path, [LOSS])
    path.write_text(
        "My words\n\n# `loss` is hard\n\nIt is.\r\nNo newline at the end", encoding="utf-8", newline=""
    )
    before = path.read_bytes()
    assert keep(path, [LOSS]) == []
    assert path.read_bytes() == before
    assert keep(path, [LOSS, ORDER]) == ["order"]
    after = path.read_bytes()
    assert after.startswith(before + b"\r\n")
    assert b"## 8 `order`: Does order last?\r\n" in after
    assert keep(path, [LOSS, ORDER]) == []
    assert path.read_bytes() == after
    assert "It is." in shown(path.read_text(encoding="utf-8")).words


def test_an_empty_file_is_filled_and_a_heading_in_code_is_none(tmp_path: Path) -> None:
    """Only a heading is a heading."""
    path = tmp_path / FILE
    path.write_bytes(b"")
    assert keep(path, [LOSS]) == ["loss"]
    path.write_text("```\n## `loss`\n```\n\n    ## `loss`\n\nthe `loss`\n", encoding="utf-8")
    assert keep(path, [LOSS]) == ["loss"]


@pytest.mark.parametrize(
    "heading",
    [
        "## 2 `loss`: What does loss do?",
        "# `loss`",
        "###### On `loss`, by me",
        "On `loss`\n=========",
        "On `loss`\n---",
        "## *`loss`*",
    ],
)
def test_a_section_is_found_by_the_name_in_its_heading(heading: str) -> None:
    """Whatever else the heading says."""
    assert "I think so." in shown(f"{heading}\n\nI think so.\n").words


def test_answers_stand_under_their_questions() -> None:
    """What has none keeps its room; what stands before them comes first; changed questions lose nothing."""
    text = LOSS.text().replace("so?\n", "so?\n\nBecause.\n", 1).replace("do?\n", "do?\n\nFirst of all.\n", 1)
    found = shown(text)
    order = [
        found.words.index(part) for part in ("First of all.", "Why is that so?", "Because.", "What of p?")
    ]
    assert order == sorted(order)
    assert [one["class"] for one in found.all("div")].count("room") == 1
    rewrapped = shown("## `loss`\n\n> Why is\n> that so?\n\nBecause.\n")
    assert rewrapped.words.count("that so?") == 1
    assert "Because." in rewrapped.words
    older = shown("## `loss`\n\n> An older question?\n\nMy answer.\n")
    for part in ("An older question?", "My answer.", "Why is that so?", "What of p?"):
        assert part in older.words
    assert [one["class"] for one in older.all("div")] == ["own"]


def test_several_sections_of_one_name_are_one() -> None:
    """In the order of the file, with whatever stands between elsewhere."""
    found = parse("## `loss`\n\nOne.\n\n## Mine\n\nOther.\n\n## `loss` again\n\nTwo.\n", NAMES)
    said = page(answers([], found.sections["loss"], 4)).words
    assert said.index("One.") < said.index("Two.")
    assert "Other." not in said
    assert "Other." in rendered(found.behind, 3)


def test_what_belongs_to_no_experiment_is_kept_apart() -> None:
    """Before the first section and behind; deeper headings belong to their section."""
    text = f"# My lab book\n\nAda, group 3.\n\n> {HOW}\n\n## `loss`\n\n### Detail\n\nDeep.\n\n# The end\n\nDone.\n"
    found = parse(text, NAMES)
    before, behind = page(rendered(found.before, 2)), page(rendered(found.behind, 3))
    assert before.words.strip() == "Ada, group 3."
    assert [tag for tag, _ in behind.elements][1] == "h3"
    assert "Done." in behind.words
    section = shown(text)
    assert "Deep." in section.words
    assert "Done." not in section.words
    assert ("h4", {}) in section.elements


def test_markdown_is_shown_and_nothing_else_obeyed() -> None:
    """Paragraphs, lists, emphasis, code, tables; HTML, scripts, pictures and control characters are text."""
    found = shown(
        "## `loss`\n\n- one\n- *two* **three** `four`\n\n1. five\n\n```\nsix <b>\n```\n\n"
        "| a | b |\n|---|---|\n| 7 | 8 |\n\n"
        "<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\nin <b onclick=x>line</b> &lt;b&gt;\n\n"
        "![picture](http://example.org/x.png) [bad](javascript:alert(1)) [worse](data:text/html,x) "
        "[good](https://e.org)\n\n"
        "\x1b[2J \u202eturned\n"
    )
    tags = [tag for tag, _ in found.elements]
    assert {"ul", "ol", "li", "em", "strong", "code", "pre", "table", "p", "a"} <= set(tags)
    assert not {"script", "img", "b"} & set(tags)
    assert "<script>alert(1)</script>" in found.words
    assert "in <b onclick=x>line</b> <b>" in found.words
    assert [link["href"] for link in found.all("a")] == ["http://example.org/x.png", "https://e.org"]
    assert "␛[2J ⟨U+202E⟩turned" in found.words


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"fine\n\nbut \xff\xfe\n", r"are not UTF-8 \(line 3\): save them as UTF-8"),
        ("# schön".encode("utf-16"), "are not UTF-8"),
        (b"x" * (notes.LARGEST + 1), "are larger than 2,000,000 bytes"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_and_left_alone(
    tmp_path: Path, data: bytes, sentence: str
) -> None:
    """In a sentence."""
    path = tmp_path / FILE
    path.write_bytes(data)
    for what in (lambda: keep(path, [LOSS]), lambda: read(path, NAMES)):
        with pytest.raises(Unreadable, match=sentence):
            what()
    assert path.read_bytes() == data


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A directory, a pipe; and where there is no directory nothing is made."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(Unreadable, match="are no file: name another with --notes"):
            keep(path, [LOSS])
    with pytest.raises(Unsaved, match=r"can't be written to .*: no such file or directory"):
        keep(tmp_path / "nowhere" / FILE, [LOSS])
    assert read(tmp_path / "none.md", NAMES) == notes.Notes()


def test_a_byte_order_mark_is_no_word(tmp_path: Path) -> None:
    """As editors of Windows write it."""
    path = tmp_path / FILE
    path.write_bytes(b"\xef\xbb\xbf# `loss`\r\n\r\nwords\r\n")
    assert "words" in str(answers([], read(path, NAMES).sections["loss"], 4))
    assert keep(path, [LOSS]) == []

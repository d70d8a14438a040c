"""What the pages show is what the programs print, and what they name exists."""

import re
from html import unescape
from pathlib import Path

import pytest

from benchmarks.demo.acts import ACTS
from benchmarks.docs import path, pictures, shown
from benchmarks.docs.shown import Shown
from benchmarks.experiments import NAMES

SHOWN = list(shown.blocks())
LINKS = list(path.links())
COMMANDS = sorted({(str(page.relative_to(shown.pages()[0].parent)), text) for page, text in path.commands()})


# --- the pages of this repository -----------------------------------------------------------------


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.name)
def test_output_is_as_shown(block: Shown) -> None:
    """Made again, it has the same structure: else `make docs` is due."""
    assert shown.structure(shown.run(block.command)) == shown.structure(block.text)


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.name)
def test_output_shown_fits_a_terminal(block: Shown) -> None:
    """In 80 columns, but for what a trace says on one line."""
    longest = 120 if "scene" in block.command else shown.WIDTH
    assert max(map(len, block.text.splitlines())) <= longest


def test_what_pages_link_to_exists() -> None:
    """Files, headings, and every function that is named as the text of a link."""
    assert len(LINKS) > 50
    assert [sentence for link in LINKS if (sentence := path.missing(link))] == []


def test_commands_in_pages_exist() -> None:
    """Every target of make, and every experiment."""
    assert len(COMMANDS) > 30
    strange = [
        (page, command)
        for page, command in COMMANDS
        for target in path.TARGET.findall(command)
        if target not in path.targets()
    ]
    unknown = [
        (page, command)
        for page, command in COMMANDS
        for name in re.findall(r"NAME=([a-z-]+)", command)
        if name not in NAMES
    ]
    assert strange == unknown == []


def test_the_course_has_its_stations() -> None:
    """In this order, each with what to read, what to run and a question."""
    readme = (shown.pages()[0]).read_text(encoding="utf-8")
    found: list[str] = []
    for link in path.links():
        if link.page == shown.pages()[0] and link.anchor.startswith("station-"):
            page = link.target.read_text(encoding="utf-8")
            (section,) = [
                part
                for part in re.split(r"^## ", page, flags=re.M)
                if part.startswith(f"Station {len(found) + 1}")
            ]
            assert section.count("**Read**") == section.count("**Run**") == section.count("**Ask**") == 1
            assert "](" in section.partition("**Read**")[2].partition("**Run**")[0]
            found.append(link.text)
    assert found == ["Bytes hurt", "Framing", "One room", "The second transport", "Loss", "Order", "Who pays"]
    assert "TEACHING.md" in readme


def test_the_picture_of_the_demonstration_is_of_this_one() -> None:
    """Its act, both sides, what an outage does to each, and the keys; nothing from elsewhere."""
    text = pictures.DEMO.read_text(encoding="utf-8")
    said = (
        unescape("".join(re.findall(r"<text [^>]*>([^<]*)</text>", text)))
        .replace("\xa0", "")
        .replace(" ", "")
    )
    act = next(act for act in ACTS if act.name == pictures.ACT)
    for what in (
        act.title,
        "TCP",
        "UDP",
        "what eva sees",
        "missing: nobody got them",
        "space pause",
    ):
        assert what.replace(" ", "") in said, what
    assert len(re.findall(r"\+\d+\.\d\ds", said)) >= pictures.ENOUGH
    assert not re.search(
        r"https?:|@font-face|@import|url\(|<script|<image|href",
        text.replace("http://www.w3.org/2000/svg", ""),
    )


# --- how that is found out ------------------------------------------------------------------------


def test_structure_leaves_numbers_out() -> None:
    """And secrets, and how wide a table is; a word is not left out."""
    one = '17:25:10.895 > ann {"token":"trv_JcZWjt8","seq":0}\n\n───  ────\n n  1,234   3.5 ms\n'
    other = '09:01:00.001 > ann {"token":"kpQk","seq":17}\n──  ─────\n n  9   12 ms\n n 8 1 ms\n'
    assert shown.structure(one) == shown.structure(other)
    assert shown.structure(one) != shown.structure(one.replace("ms", "s"))


def test_a_command_that_fails_is_named() -> None:
    """With its code and what it said."""
    with pytest.raises(shown.Failed, match=r"ended with 3: no luck"):
        shown.run("echo no luck >&2; exit 3")


def test_a_page_is_made_again(tmp_path: Path) -> None:
    """The block is replaced, and everything around it stays."""
    page = tmp_path / "page.md"
    page.write_text("before\n\n<!-- shown: echo new -->\n```text\nold\n```\n\nafter\n")
    assert shown.again(page)
    assert page.read_text() == "before\n\n<!-- shown: echo new -->\n```text\nnew\n```\n\nafter\n"
    assert not shown.again(page)


def test_names_of_a_file(tmp_path: Path) -> None:
    """Functions, classes, methods and constants."""
    source = tmp_path / "source.py"
    source.write_text("A = 1\nB: int = 2\ndef f(): pass\nclass C:\n  d = 3\n  def m(self): pass\n")
    assert path.names(source) == {"A", "B", "f", "C", "C.d", "C.m"}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A file, a function, a heading."""
    page = shown.pages()[0]
    framing = page.parent / "tcp" / "framing.py"
    assert "no such file" in path.missing(path.Link(page, "x", page.parent / "nowhere.md", ""))
    assert "no such thing" in path.missing(path.Link(page, "`Deframer.nothing`", framing, ""))
    assert path.missing(path.Link(page, "`Deframer.receive`", framing, "")) == ""
    assert "no such heading" in path.missing(path.Link(page, "x", page, "nowhere"))

"""A screen that can be read, and the picture that is made of it."""

import re
import sys
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

pytest.importorskip("pty")

from benchmarks import picture
from benchmarks.picture import PICTURE
from benchmarks.screen import Cell, Screen

SVG = "{http://www.w3.org/2000/svg}"
PLAIN = Cell(" ", "default", "default", bold=False, italic=False, underlined=False, reverse=False)


def python(script: str) -> Screen:
    """A screen of 30 by 6 on which Python runs a script."""
    return Screen([sys.executable, "-c", script], columns=30, rows=6)


def rows(svg: str) -> list[str]:
    """What a picture says, row by row, each piece at the column that its place stands for."""
    lines: dict[float, str] = {}
    for text in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        if "title" not in text.attrib["class"]:
            y, column = float(text.attrib["y"]), float(text.attrib["x"]) / 12.2
            column -= 1 if text.get("text-anchor") == "middle" else 0
            before = lines.get(y, "")
            blanks = " " * (round(column) - cell_len(before))
            lines[y] = before + blanks + (text.text or "").replace("\xa0", " ")
    return [lines[y].rstrip() for y in sorted(lines)]


# --- the screen -----------------------------------------------------------------------------------


def test_a_program_is_seen_and_typed_into() -> None:
    """It has a terminal of the size asked for, and gets what is typed."""
    script = "import os; print(*os.get_terminal_size()); print('you said', input('> '))"
    with python(script) as screen:
        screen.wait_for("30 6")
        screen.wait_for("> ")
        assert screen.cursor() == (2, 1)
        screen.type("héllo\r")
        screen.wait_for("you said héllo")
        assert screen.wait() == 0


def test_control_c_interrupts() -> None:
    """The pseudo-terminal is the program's own: Ctrl-C typed there reaches it as a signal."""
    script = "try:\n input('> ')\nexcept KeyboardInterrupt:\n raise SystemExit(7)"
    with python(script) as screen:
        screen.wait_for("> ")
        screen.type("\x03")
        assert screen.wait() == 7


def test_the_terminal_answers() -> None:
    """A program that asks where the cursor is gets an answer."""
    script = (
        "import os, tty; tty.setraw(0); os.write(1, b'ab\\x1b[6n'); "
        "got = b''\nwhile not got.endswith(b'R'): got += os.read(0, 99)\nprint(got)"
    )
    with python(script) as screen:
        screen.wait_for(r"b'\x1b[1;3R'")


def test_waiting_in_vain_shows_the_screen() -> None:
    """What was waited for and what is there instead are both in the error; an end is not waited out."""
    with python("print('something else'); input()") as screen:
        screen.wait_for("something else")
        with pytest.raises(TimeoutError, match=r"'the thing' was not on the screen:\n  \| something else"):
            screen.wait_for("the thing", timeout=0.01)
        screen.type("\r")
        with pytest.raises(TimeoutError, match="the program ended"):
            screen.wait_for("the thing", timeout=60)


def test_stopping_twice_is_once_too_many_and_harmless() -> None:
    """A program that ignores SIGTERM is ended, too."""
    screen = python("import signal; signal.signal(15, signal.SIG_IGN); print('here'); signal.pause()")
    screen.wait_for("here")
    screen.stop(patience=0.01)
    screen.stop()
    assert screen.wait() == -9


def test_cells_have_colours() -> None:
    """Foreground, background, bold, italic, underlined and reverse are told apart."""
    script = r"print('\x1b[31;44;1mA\x1b[0;3;4;7mB\x1b[0;38;2;1;2;3mC\x1b[0m花')"
    with python(script) as screen:
        screen.wait()
        row = screen.cells()[0]
    assert row[0] == PLAIN._replace(text="A", foreground="red", background="blue", bold=True)
    assert row[1] == PLAIN._replace(text="B", italic=True, underlined=True, reverse=True)
    assert row[2] == PLAIN._replace(text="C", foreground="010203")
    assert [cell.text for cell in row[3:6]] == ["花", "", " "]
    assert len(row) == 30


# --- the picture ----------------------------------------------------------------------------------


def cells(text: str, **style: str | bool) -> list[Cell]:
    """A row of cells; letters above U+3000 are wide."""
    row = []
    for character in text:
        row.append(PLAIN._replace(text=character, **style))  # type: ignore[arg-type]
        if ord(character) >= 0x3000:
            row.append(PLAIN._replace(text="", **style))  # type: ignore[arg-type]
    return row


def test_wide_characters_keep_their_columns() -> None:
    """What follows a wide character begins two columns further on, whatever the font."""
    svg = picture.picture([cells("a花b子c")], None, "title")
    texts = [text for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if "y" in text.attrib][1:]
    assert [text.text for text in texts] == ["a", "花", "b", "子", "c"]
    assert [float(text.attrib["x"]) / 12.2 for text in texts] == pytest.approx([0, 2, 3, 5, 6])


def test_colours_are_those_of_the_screen() -> None:
    """Named colours (pyte's brown is yellow), exact ones, bold and reverse."""
    row = cells("a", foreground="brown") + cells("b", foreground="0a0b0c", bold=True)
    row += cells("c", foreground="0d0e0f", reverse=True) + cells("d", background="bfightmagenta")
    svg = picture.picture([row], None, "title")
    assert "fill: #0a0b0c;font-weight: bold" in svg
    assert '<rect fill="#0d0e0f"' in svg
    assert rows(svg) == ["abcd"]


def test_the_cursor_is_seen_and_empty_rows_are_not() -> None:
    """The cursor is a cell in reverse; rows below the last one with text are left out."""
    empty = cells("  ")
    with_cursor = picture.picture([cells("> "), empty, empty], (1, 0), "title")
    without = picture.picture([cells("> "), empty, empty], None, "title")
    assert (with_cursor.count("<rect"), without.count("<rect")) == (2, 1)
    assert rows(without) == [">"]


def test_text_is_no_markup() -> None:
    """What looks like XML is text."""
    assert rows(picture.picture([cells("<b>&amp;</b>")], None, "a < b")) == ["<b>&amp;</b>"]


def test_the_picture_in_the_repository_needs_nothing_from_elsewhere() -> None:
    """No font, no image, no script, from no address; only the name of its XML namespace looks like one."""
    svg = PICTURE.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|@font-face|@import|url\(|<script|<image|href", svg)


def test_the_picture_in_the_repository_shows_the_conversation() -> None:
    """What was said, in every script, each on its row; and the line that is being typed."""
    shown = rows(PICTURE.read_text(encoding="utf-8"))
    assert any(row.startswith(f"ann: {picture.GREETING}  ✓ ") for row in shown)
    for said in (
        "привет!",
        "こんにちは 👋",
        "* pat waves",
        "pat → ann: ",
        "花子 has joined",
        "花子 has left",
    ):
        assert any(said in row for row in shown), said
    assert f"ann> {picture.HALF_TYPED}" in shown

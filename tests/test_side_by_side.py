"""The parallel texts are parallel, and are shown side by side."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from benchmarks import side_by_side
from benchmarks.outline import outline, parts
from benchmarks.side_by_side import PAIRS, ROOT, Count, align, count, show, wrapped

ONLY_THERE = {
    "tcp/server.py": {
        "Opened": "news for the room thread: over UDP the thread that reads owns the room",
        "Closed": "news for the room thread, too",
        "Server._end": "over UDP there is no connection to end: a member is gone when it is forgotten",
        "Server._cut": "nor one to cut",
    },
    "udp/server.py": {
        "Server._meet": "a connection is met in `_admit`, and knows no more of who it was before",
        "Server._move": "a connection does not move: who comes back on another one takes the place over (`Room`)",
        "Server._keep": "a connection that ends takes its allowance with it",
        "Server._challenge": "TCP's handshake proves that a peer receives at its address",
        "Server._disown": "a connection ends with its server: nobody believes to have one still",
        "Server._put": "one datagram; a TCP connection has an outbox of its own (tcp/connection.py)",
    },
    "tcp/client.py": {},
    "udp/client.py": {"Client._renew": "over TCP every attempt to come back has a new socket"},
}
"""What one text has and the other has no place for, and why. Everything else must be in both, in one order."""

LEFT = """import math


class Server:
    def start(self):
        return 1

    def stop(self):
        return math.pi
"""
RIGHT = """import math


class Server:
    def start(self):
        # a comment
        return 2

    def put(self):
        return 0

    def stop(self):
        return math.pi
"""


def source(name: str) -> str:
    """One of the four texts."""
    return (ROOT / name).read_text(encoding="utf-8")


def names(name: str) -> list[str]:
    """The classes and methods of a text, in order."""
    return [
        each
        for class_name, methods in outline(source(name)).items()
        for each in (class_name, *(f"{class_name}.{method}" for method in methods))
    ]


def in_common(name: str) -> list[str]:
    """The same, but for what only this text has."""
    return [each for each in names(name) if each not in ONLY_THERE[name]]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_outlines_are_equal(pair: tuple[str, str]) -> None:
    """The TCP and the UDP text have the same class and the same methods in the same order."""
    left, right = pair
    assert in_common(left) == in_common(right)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_an_exception_is_still_one(pair: tuple[str, str]) -> None:
    """Whatever is listed as being in one text only is there, and not in the other one."""
    for here, there in (pair, pair[::-1]):
        assert set(ONLY_THERE[here]) <= set(names(here)) - set(names(there))


def test_an_outline_has_classes_and_methods_in_order() -> None:
    """Classes in order, and the methods of each; functions and nested ones are not of it."""
    text = "class B:\n  def z(self):\n    def inner(): ...\n  async def a(self): ...\nclass A: ...\ndef f(): ...\n"
    assert outline(text) == {"B": ["z", "a"], "A": []}


@pytest.mark.parametrize("name", ONLY_THERE)
def test_parts_are_the_whole_text(name: str) -> None:
    """Every line of a text is in exactly one part, in order."""
    text = source(name)
    assert [line for part in parts(text) for line in part.lines] == text.splitlines()
    numbers = [part.first + offset for part in parts(text) for offset in range(len(part.lines))]
    assert numbers == list(range(1, len(text.splitlines()) + 1))


def test_a_comment_belongs_to_what_follows() -> None:
    """A comment and a decorator in front of a method are in its part."""
    text = "class A:\n    def a(self): ...\n\n    # about b\n    @property\n    def b(self): ...\n"
    assert [(part.name, part.first) for part in parts(text)] == [("class A", 1), ("A.a", 2), ("A.b", 3)]


def test_the_same_method_stands_at_the_same_height() -> None:
    """A method that only one text has leaves a gap in the other; the next ones meet again."""
    rows = align(LEFT, RIGHT)
    left, right = LEFT.splitlines(), RIGHT.splitlines()
    beside = [
        (left[row.left - 1] if row.left else "", right[row.right - 1] if row.right else "", row.same)
        for row in rows
    ]
    assert ("    def stop(self):", "    def stop(self):", True) in beside
    assert ("", "    def put(self):", False) in beside
    assert ("        return 1", "        # a comment", False) in beside
    assert [row.heading for row in rows if row.heading][-3:] == ["Server.start", "Server.put", "Server.stop"]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_no_line_is_left_out(pair: tuple[str, str]) -> None:
    """Each line of both texts is in exactly one row, in order, and lines called the same are."""
    texts = [source(name) for name in pair]
    rows = align(*texts)
    for numbers, text in zip(([row.left for row in rows], [row.right for row in rows]), texts, strict=True):
        assert [number for number in numbers if number] == list(range(1, len(text.splitlines()) + 1))
    left, right = (text.splitlines() for text in texts)
    for row in rows:
        if row.same:
            assert row.left is not None
            assert row.right is not None
            assert left[row.left - 1] == right[row.right - 1]


def test_lines_are_counted() -> None:
    """Blank lines do not count; the same and the different ones add up."""
    assert count(align(LEFT, RIGHT), LEFT, RIGHT) == (Count(6 - 1, 1), Count(5, 4))


@pytest.mark.parametrize("width", [80, 120, 160])
def test_it_fits_the_terminal(width: int) -> None:
    """Nothing is wider than the terminal, and no code is lost by wrapping."""
    written = io.StringIO()
    show(Console(file=written, width=width), PAIRS["client"])
    lines = written.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= width
    assert any("def start" in line and line.count("def start") == 2 for line in lines)


@pytest.mark.parametrize("width", [20, 33, 60])
def test_a_long_line_is_wrapped(width: int) -> None:
    """All words of a long line are there, in lines that fit, those after the first further in."""
    text = "        return self.room.receive(registration, message, now, and_much_more_that_is_very_long)"
    lines = wrapped(Text(text), width).plain.split("\n")
    assert all(len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert lines[1].startswith(" " * (len(lines[0]) - len(lines[0].lstrip()) + 2))


def test_a_row_of_a_table_keeps_its_first_two_columns() -> None:
    """The third stands in the other text; what is left is wrapped as any line."""
    row = "    Who is a peer?              a connection                           an address"
    assert wrapped(Text(row), 40).plain == "    Who is a peer?  a connection"


def test_it_needs_no_pager_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pipe both texts are written, and at the end how much of them is the same."""
    monkeypatch.setenv("PAGER", "false")
    monkeypatch.setattr("sys.argv", ["side_by_side", "client"])
    assert side_by_side.main() == 0
    written = capsys.readouterr().out
    assert "Client._hear" in written
    assert "the same" in written.splitlines()[-5]
    assert "server.py" not in written.splitlines()[-2]


def test_another_word_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is neither server nor client is refused in a sentence."""
    monkeypatch.setattr("sys.argv", ["side_by_side", "room"])
    with pytest.raises(SystemExit) as exit_:
        side_by_side.main()
    assert exit_.value.code == 2
    assert "'room'" in capsys.readouterr().err

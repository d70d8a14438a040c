"""The demonstration's keys."""

import os

import pytest

from benchmarks.demo.keys import Keys, named

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
termios = pytest.importorskip("termios")


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("n", ["n"]),
        ("3q", ["3", "q"]),
        ("\x1b[C\x1b[D", ["n", "p"]),
        ("\x1b[A\x1bOC", ["+", "n"]),
        ("=−", ["+", "-"]),
        ("Q", ["q"]),
        ("\x1b", []),
        ("\x1b[15~", []),
        ("", []),
    ],
)
def test_keys_have_the_names_of_what_they_mean(sent: str, keys: list[str]) -> None:
    """Arrows, too; a special key that means nothing is none."""
    assert named(sent) == keys


def test_keys_come_one_by_one_and_the_terminal_is_as_it_was() -> None:
    """No Enter is needed, nothing is shown meanwhile, and afterwards both are as before."""
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        keys = Keys(slave)
        keys.begin()
        assert not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO)
        assert keys.pressed() == []
        os.write(master, b"n ")
        assert keys.pressed() == ["n", " "]
        keys.end()
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)


def test_who_has_no_terminal_presses_nothing() -> None:
    """And nobody waits for it."""
    reading, writing = os.pipe()
    try:
        os.write(writing, b"q")
        keys = Keys(reading)
        keys.begin()
        assert keys.pressed() == []
        keys.end()
    finally:
        os.close(reading)
        os.close(writing)

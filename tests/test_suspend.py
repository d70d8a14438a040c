"""Ctrl-Z while something measures: the shell has its terminal back, and where there is no shell nothing stops."""

import shlex
import sys
from pathlib import Path

from benchmarks.screen import Screen

PATIENCE = 60.0

TALKING = "repeat 1, talking"
"""By then all processes are there: one that is stopped while it is started would keep us from stopping."""


def comparison(place: Path) -> list[str]:
    """One that takes a while, and needs no emulated network."""
    return [sys.executable, "-m", "benchmarks.compare", "--profiles", "loopback", "--results", str(place)]


def test_a_stopped_comparison_leaves_a_cursor_and_goes_on(tmp_path: Path) -> None:
    """And Ctrl-C then ends it as ever."""
    shell = f"{shlex.join(comparison(tmp_path))}; echo stopped; read line; fg"
    with Screen(["sh", "-mc", shell]) as screen:
        screen.wait_for(TALKING, PATIENCE)
        assert screen.cursor() is None
        screen.type("\x1a")
        screen.wait_for("stopped", PATIENCE)
        assert screen.cursor() is not None
        screen.type("\r")
        screen.wait_for("run 2 of", PATIENCE)
        assert screen.cursor() is None
        screen.type("\x03")
        assert screen.wait(PATIENCE) == 130
        assert screen.cursor() is not None


def test_where_no_shell_could_let_it_go_on_it_does_not_stop(tmp_path: Path) -> None:
    """The only program of a window: stopped, it would stay so for ever, even when the window is closed."""
    with Screen(comparison(tmp_path)) as screen:
        screen.wait_for(TALKING, PATIENCE)
        screen.type("\x1a")
        screen.wait_for("run 2 of", PATIENCE)
        assert screen.cursor() is None
        screen.type("\x03")
        assert screen.wait(PATIENCE) == 130

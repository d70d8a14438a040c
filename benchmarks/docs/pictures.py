"""The pictures in the pages: screens of programs that really ran."""

import re
import sys
import tempfile
from pathlib import Path

from benchmarks import picture
from benchmarks.child import ROOT
from benchmarks.screen import Screen

DEMO = ROOT / "benchmarks" / "demo" / "demo.svg"

ALL = (picture.PICTURE, DEMO)

ACT = "outage"
"""The act of the demonstration that says most in one picture."""

LATE = re.compile(r"\+\d+\.\d\d s *$")
"""At the end of a message that was late."""

ENOUGH = 5
"""Late messages on one screen, to be seen as such."""

PATIENCE = 120.0
"""Seconds for that to be on the screen."""


def take() -> list[Path]:
    """Take all of them again; their paths. Raises TimeoutError where a program does not show what it should, OSError if
    a picture can't be written, RuntimeError on systems without pseudo-terminals."""
    picture.take(picture.PICTURE)
    DEMO.write_text(demo(), encoding="utf-8")
    return list(ALL)


def demo() -> str:
    """A screen of the demonstration, as SVG: an outage is over, UDP has a hole, and what TCP held back has come."""
    with tempfile.TemporaryDirectory() as results:
        argv = [sys.executable, "-m", "benchmarks.demo", "--act", ACT, "--results", results]
        with Screen(argv, columns=80, rows=24) as screen:
            screen.wait_for(_late_and_missing, PATIENCE)
            return picture.picture(screen.cells(), None, f"python -m benchmarks.demo --act {ACT}")


def _late_and_missing(lines: list[str]) -> bool:
    """Whether a screen shows a hole on the right, with what was said behind it, and what is late on the left."""
    holes = [number for number, line in enumerate(lines) if "missing: nobody got them" in line]
    goes_on = bool(holes) and bool(lines[holes[-1] + 3].partition("│")[2].strip())
    late = sum(bool(LATE.search(line.partition("│")[0])) for line in lines)
    return goes_on and late >= ENOUGH

"""A closed window: every program ends in order, although only the first program of a window is told."""

import os
import re
import select
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.child import ROOT
from tests.emulated import needs_link
from tests.test_demo import environment, left_behind
from tests.test_programs import client, server

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals on this system")

PATIENCE = 20.0

MAKEFILE = """\
all:
	@sh "$(PLACE)/program"; echo $$? > "$(PLACE)/code"
"""
"""As in the lab's own: make starts a program and waits for it."""


class Window:
    """A terminal window: make is its first program, and was told to run `program`, in `place`."""

    def __init__(self, program: list[str], place: Path, *, nohup: bool = False) -> None:
        ignoring = "trap '' HUP; " if nohup else ""
        (place / "program").write_text(f"{ignoring}echo $$ > {place}/pid; exec {shlex.join(program)}\n")
        (place / "Makefile").write_text(MAKEFILE)
        self._place = place
        self._seen = ""
        self._master, slave = os.openpty()
        make = ["make", "-f", str(place / "Makefile"), f"PLACE={place}"]
        # The leader of a new session that opens a terminal by its name has it as its own.
        self._make = subprocess.Popen(
            ["sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(slave), *make],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=ROOT,
            env=os.environ | environment(place) | {"TERM": "xterm-256color"},
        )
        os.close(slave)

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._make.poll() is None:
            os.killpg(self._make.pid, signal.SIGKILL)
            self._make.wait()

    def shows(self, pattern: str) -> re.Match[str]:
        """Read on until there is something like this."""
        while not (found := re.search(pattern, self._seen)):
            assert select.select([self._master], [], [], PATIENCE)[0], self._seen
            self._seen += os.read(self._master, 65_536).decode(errors="replace")
        return found

    def close(self) -> None:
        """As a person does with the mouse."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def pid(self) -> int:
        """The process id of the program."""
        return int((self._place / "pid").read_text())

    def code(self) -> int:
        """The exit code of the program, once it and make have ended."""
        self._make.wait(PATIENCE)
        return int((self._place / "code").read_text())


def python(module: str, *words: str) -> list[str]:
    """The words that run it."""
    return [sys.executable, "-m", module, *words]


def test_a_server_ends_with_its_window(transport: str, tmp_path: Path) -> None:
    """In order, and its port is free again."""
    with Window(python(f"{transport}.server", "--port", "0"), tmp_path) as window:
        port = window.shows(r"listening on 127\.0\.0\.1:(\d+)")[1]
        window.close()
        assert window.code() == 0
    with server(transport, port=port):
        pass


def test_a_client_ends_with_its_window(transport: str, tmp_path: Path) -> None:
    """The room hears it as it hears every goodbye."""
    with server(transport) as (process, port):
        with Window(python(f"{transport}.client", "--nick", "ann", "--port", port), tmp_path) as window:
            window.shows("ann>")
            window.close()
            assert window.code() == 0
        assert process.stdout is not None
        while "ann left (quit" not in process.stdout.readline():
            pass


def test_a_client_that_asks_for_a_nick_ends_with_its_window(transport: str, tmp_path: Path) -> None:
    """There is nobody yet who could hear a goodbye."""
    with Window(python(f"{transport}.client"), tmp_path) as window:
        window.shows("Your nick")
        window.close()
        assert window.code() == 130


def test_what_a_comparison_has_measured_by_then_is_saved(tmp_path: Path) -> None:
    """As after Ctrl-C; and none of its processes lives on."""
    words = ["--quick", "--profiles", "loopback", "--results", str(tmp_path)]
    with Window(python("benchmarks.compare", *words), tmp_path) as window:
        window.shows("run 2 of")
        window.close()
        assert window.code() == 130
    assert len(results.load("newest", tmp_path).document.runs) == 1
    assert left_behind(tmp_path) == []


MEASURING = {
    "experiments": (["benchmarks.experiments", "loss", "--quick", "--no-ask", "--results", "kept"], "run 1 of", 130),
    "a prediction": (["benchmarks.experiments", "loss", "--quick", "--results", "kept"], "Enter alone skips", 130),
    "labbook": (["benchmarks.labbook", "--quick", "--only", "loss", "--no-ask", "--results", "kept"], "run 1 of", 130),
    "demo": (["benchmarks.demo", "--results", "kept"], "Act 1", 130),
    "torture": (["benchmarks.torture"], "tcp under torture", 130),
    "bench": (["benchmarks.bench", "--only", "latency", "--quick"], "run 1 of", 130),
    "accuracy": (["benchmarks.link.accuracy"], "measuring|no impairment|delay", 130),
    "link": (["benchmarks.link", "--", "sh", "-c", "echo here; exec sleep 60"], "here", 129),
    "a link's shell": (["benchmarks.link"], r"\[link: ", 0),
}  # fmt: skip
"""Programs, what they show when they are at it, and their exit code when they end in order."""


@needs_link
@pytest.mark.parametrize("name", MEASURING)
def test_what_measures_ends_with_its_window(name: str, tmp_path: Path) -> None:
    """In order, which its exit code says, and none of its processes lives on."""
    kept = tmp_path / "kept"
    kept.mkdir()
    words, sign, code = MEASURING[name]
    words = [str(kept) if word == "kept" else word for word in words]
    with Window(python(*words), tmp_path) as window:
        window.shows(sign)
        window.close()
        assert window.code() == code
    assert left_behind(tmp_path) == []


def test_who_ignores_hang_ups_outlives_its_window(transport: str, tmp_path: Path) -> None:
    """As `nohup` does."""
    with Window(python(f"{transport}.server", "--port", "0"), tmp_path, nohup=True) as window:
        port = window.shows(r"listening on 127\.0\.0\.1:(\d+)")[1]
        window.close()
        code, out, err = client(transport, port, "ann", "hi\n")
        assert code == 0, err
        assert "ann: hi" in out
        os.kill(window.pid(), signal.SIGTERM)
        assert window.code() == 0

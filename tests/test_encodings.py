"""Output that goes into a file or a pipe may have any encoding: what it lacks is written as its number."""

import importlib
import io
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

OTHERS = {
    "benchmarks.contestants.floor": "has no options: the bench calls it with an address",
    "benchmarks.contestants.floor_udp": "the same",
    "benchmarks.contestants.ngircd": "the same",
    "benchmarks.echo.burst": "has no options: it gets its orders in JSON",
    "benchmarks.bench.load": "the same",
    "benchmarks.fuzz.target": "belongs to make fuzz, and needs what only that installs",
}
"""Programs that a person does not call, and that have no --help."""

PROGRAMS = [
    name
    for path in sorted(ROOT.glob("*/**/*.py"))
    if path.parts[len(ROOT.parts)] in ("benchmarks", "tcp", "udp")
    and '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    and (name := ".".join(path.relative_to(ROOT).with_suffix("").parts)) not in OTHERS
]

ENCODINGS = ("ascii", "cp437", "cp1251")


def run(name: str, *arguments: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> tuple[object, bytes]:
    """Run a program here, with its output redirected: the exit code, and what it has written."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, write_through=True))
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    try:
        code = importlib.import_module(name).main()
    except SystemExit as ended:
        code = ended.code
    return code, written.getvalue()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_can_show_its_help(name: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever characters stand in it: no traceback, and all of it."""
    code, written = run(name, "--help", encoding=encoding, monkeypatch=monkeypatch)
    assert code == 0
    assert b"--help" in written


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_texts_can_be_shown_side_by_side(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a file: a whole table, with lines and arrows."""
    code, written = run("benchmarks.side_by_side", "client", encoding=encoding, monkeypatch=monkeypatch)
    assert code == 0
    assert b"class Client" in written

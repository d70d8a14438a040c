"""Whatever leaves something looks first whether it can: nobody measures for minutes, and then hears of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import picture
from benchmarks.child import ROOT
from benchmarks.docs import __main__ as docs
from benchmarks.docs import pictures
from benchmarks.fuzz import __main__ as fuzz
from tests.emulated import needs_link

PATIENCE = 60.0

LOOKING = {
    "compare": ["benchmarks.compare", "--quick", "--results"],
    "experiments": ["benchmarks.experiments", "loss", "--quick", "--results"],
    "labbook": ["benchmarks.labbook", "--quick", "--results"],
    "demo": ["benchmarks.demo", "--results"],
    "bench": ["benchmarks.bench", "--quick", "--json"],
    "torture": ["benchmarks.torture", "--json"],
    "link": ["benchmarks.link", "--pcap"],
    "picture": ["benchmarks.picture", "--output"],
}
"""Programs, with the option that says where to leave something."""


@needs_link
@pytest.mark.parametrize("name", LOOKING)
def test_where_nothing_can_be_left_nothing_is_begun(name: str, tmp_path: Path) -> None:
    """One sentence that names the place, and exit code 2."""
    place = tmp_path / "missing" / "place"
    ended = subprocess.run(
        [sys.executable, "-m", *LOOKING[name], str(place)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert str(place) in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_could_not_keep_a_find_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A find is what it is made for."""
    place = tmp_path / "results"
    place.touch()
    monkeypatch.setattr(fuzz, "RESULTS", place)
    monkeypatch.setattr(fuzz, "library", lambda _prefix: tmp_path)
    assert fuzz.main([]) == 2
    assert f"{place}: it is a file" in capsys.readouterr().err


def test_pages_that_can_not_be_written_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither is any picture taken."""

    def take() -> list[Path]:
        pytest.fail("a picture was taken")

    monkeypatch.setattr(sys, "argv", ["docs"])
    monkeypatch.setattr(pictures, "ALL", (picture.PICTURE, tmp_path / "none" / "demo.svg"))
    monkeypatch.setattr(pictures, "take", take)
    assert docs.main() == 2
    assert "demo.svg can't be written" in capsys.readouterr().err

"""Playing: orders go out, news come in, and a report is made or its absence explained. Nobody real plays here."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks.demo.company import Company
from benchmarks.demo.direct import Direction
from benchmarks.demo.figures import figures
from benchmarks.demo.news import News
from benchmarks.demo.play import Play
from benchmarks.demo.report import Report
from benchmarks.stage import Interrupted

MADE = datetime(2026, 11, 21, 11, 0, 0, tzinfo=UTC)


class Perfect:
    """A company in which everybody hears everything 50 ms after it was due, and a link that writes down its orders."""

    def __init__(self) -> None:
        self.links: list[str] = []
        self.captures: list[Path | None] = []
        self._coming: list[News] = []

    def gather(self, capture: Path | None) -> None:
        self.captures.append(capture)

    def record(self, capture: Path | None) -> None:
        self.captures.append(capture)

    def change(self, words: str) -> None:
        self.links.append(words)

    def order(self, words: str) -> None:
        """Nobody does anything."""

    def say(self, member: str, number: int, text: str, due: float, *, everywhere: bool) -> None:
        for side in ("tcp", "udp"):
            for nick in ("ann", "боб", "美玲", "dan", "eva"):
                self._coming.append(News(due + 0.05, side, "heard", nick, number))

    def news(self, wait: float) -> list[News]:
        if wait > 0:
            threading.Event().wait(wait)
        came = [news for news in self._coming if news.at <= time.monotonic()]
        self._coming = [news for news in self._coming if news not in came]
        return came


class Audience:
    """Looks, and presses these keys, one at each picture."""

    def __init__(self, *pressed: str) -> None:
        self._pressed = list(pressed)
        self.pictures = 0

    def show(self, play: Play, now: float) -> None:
        self.pictures += 1

    def pressed(self) -> list[str]:
        return [self._pressed.pop(0)] if self._pressed else []


class Calm:
    """Nobody interrupts."""

    def is_set(self) -> bool:
        return False


def playing(company: Any, report: Any, *, first: int = 0, last: int = 0) -> Play:
    """A play at ten times the speed, which waits for no reader."""
    return Play(cast(Company, company), Direction(first, last, 10.0, lingers=False), report)


def test_a_played_act_is_in_the_state_and_in_the_report(tmp_path: Path) -> None:
    """All said is heard; the capture is complete before the report has its name."""
    company = Perfect()
    play = playing(company, lambda: Report(tmp_path, MADE, 1))
    play.gather()
    assert play.run(Audience(), Calm())
    play.end()
    found = figures(play.state.records["clean"], "udp")
    assert found.said > 5
    assert found.delivered == found.expected
    assert play.page == tmp_path / "20261121T110000Z-demo" / "report.html"
    assert company.captures[0] == (tmp_path / ".20261121T110000Z-demo.part").resolve() / "link.pcapng"
    assert company.captures[-1] is None
    assert sorted(path.name for path in play.page.parent.iterdir()) == [
        "demo.json",
        "events.csv",
        "report.html",
    ]


def test_what_was_broken_off_is_in_no_report(tmp_path: Path) -> None:
    """q in the middle of the first act: nothing is left on the disk."""
    play = playing(Perfect(), lambda: Report(tmp_path, MADE, 1))
    play.gather()
    assert not play.run(Audience(" ", " ", "+", "q"), Calm())
    play.end()
    assert play.page is None
    assert list(tmp_path.iterdir()) == []
    assert play.state.record is not None
    assert play.state.record.changed


def test_two_reports_of_one_second_have_two_names(tmp_path: Path) -> None:
    """Neither overwrites the other, finished or not."""
    first, second = Report(tmp_path, MADE, 1), Report(tmp_path, MADE, 1)
    assert first.capture != second.capture
    first.abandon()
    second.abandon()
    assert list(tmp_path.iterdir()) == []


def test_without_a_report_the_play_goes_on(tmp_path: Path) -> None:
    """And says why there is none."""
    company = Perfect()
    play = playing(company, lambda: Report(tmp_path / "gone", MADE, 1))
    play.gather()
    assert play.run(Audience(), Calm())
    play.end()
    assert play.page is None
    assert "There is no report" in play.problem
    assert "no such file or directory" in play.problem
    assert company.captures[0] is None


def test_who_interrupts_is_obeyed_at_once(tmp_path: Path) -> None:
    """And no half a report stays."""
    asked = threading.Event()
    asked.set()
    play = playing(Perfect(), lambda: Report(tmp_path, MADE, 1))
    play.gather()
    with pytest.raises(Interrupted):
        play.run(Audience(), asked)
    play.abandon()
    assert list(tmp_path.iterdir()) == []

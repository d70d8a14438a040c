"""Playing: the direction's orders to the company, the company's news into the state. What is shown of it, and when, is
the matter of a `Face`: a screen, or lines of text.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from benchmarks.demo import direct, script
from benchmarks.demo.acts import ACTS
from benchmarks.demo.company import Company
from benchmarks.demo.direct import Direction
from benchmarks.demo.news import News
from benchmarks.demo.report import Report
from benchmarks.demo.state import State
from benchmarks.stage import Interrupted, Wish
from benchmarks.wording import from_here, reason
from common import clock

FRAME = 0.1
"""Seconds between two pictures."""

LONGEST_STEP = 0.5
"""Seconds that the direction's clock goes on at once: a program that was suspended has not played meanwhile."""


BEGINNING = 60
"""Characters of a message that the list of events has."""


class Face(Protocol):
    """Who shows it."""

    def show(self, play: "Play", now: float) -> None:
        """This is how it is."""

    def pressed(self) -> list[str]:
        """What was pressed since the last time."""


class Play:
    """One round of acts. `report` makes the beginning of a report; it may raise OSError."""

    def __init__(self, company: Company, direction: Direction, new_report: Callable[[], Report]) -> None:
        self.state = State()
        self.direction = direction
        self.page: Path | None = None
        """Where the report is, once there is one."""
        self.problem = ""
        """Why there is no report: a sentence."""
        self._company = company
        self._numbers = script.numbers()
        self._new_report = new_report
        self._report: Report | None = None
        self._news: list[News] = []
        self._began = clock.monotonic()

    def gather(self) -> None:
        """Bring everybody in. Raises Failed or Interrupted."""
        self._begin_report()
        self._company.gather(self._report.capture if self._report else None)

    def run(self, face: Face, asked: Wish) -> bool:
        """Play until the last screen has been seen, or somebody wants no more; whether it went through to the end.
        Raises Failed, and Interrupted if `asked`."""
        last = clock.monotonic()
        due = last
        while not self.direction.done:
            if asked.is_set():
                raise Interrupted
            self._hear(due - clock.monotonic())
            if clock.monotonic() < due:
                continue  # woken by news: the next picture is not due yet
            now = clock.monotonic()
            for key in face.pressed():
                if key == "q":
                    return False
                self.direction.press(key)
            record = self.state.record
            complete = record is None or record.complete("tcp")
            for order in self.direction.step(min(now - last, LONGEST_STEP), complete):
                self._do(order, now)
            last, due = now, max(due + FRAME, now)
            face.show(self, now)
        return True

    def end(self) -> None:
        """Write the report, if it is not written. Raises Failed if the link does not answer."""
        if self._report is None:
            return
        report, self._report = self._report, None
        self._company.record(None)
        try:
            self.page = report.finish(self.state, self._news, self._began)
        except OSError as error:
            self._no_report(error)
            report.abandon()

    def abandon(self) -> None:
        """Leave no half a report behind."""
        if self._report is not None:
            self._report.abandon()
            self._report = None

    def _hear(self, wait: float) -> None:
        for news in self._company.news(wait):
            self._news.append(news)
            self.state.apply(news)

    def _do(self, order: direct.Order, now: float) -> None:
        match order:
            case direct.Begin(place):
                if self._report is None and not self.problem:  # on from the last screen
                    self._begin_report()
                    if self._report is not None:
                        self._company.record(self._report.capture)
                self.state.begin(ACTS[place], now)
            case direct.Link(words):
                self._company.change(words)
                if self.state.record and self.direction.loss is not None:
                    self.state.record.changed = True
            case direct.Say(member, text, after):
                number, due = next(self._numbers), now + after
                words = text or script.pasted()
                self.state.say(number, member, words, due, pasted=not text)
                self._news.append(News(due, "both", "due", member, number, words=words[:BEGINNING]))
                everywhere = any(cue.do == "forge" for cue in ACTS[self.direction.place].cues)
                self._company.say(member, number, words, due, everywhere=everywhere)
            case direct.Do(words):
                self._company.order(words)
            case direct.Over():
                if self.state.record is not None:
                    self.state.record.over = True
            case direct.Finish():
                self.end()

    def _begin_report(self) -> None:
        try:
            self._report = self._new_report()
        except OSError as error:
            self._no_report(error)

    def _no_report(self, error: OSError) -> None:
        where = f" in {from_here(Path(error.filename))}" if error.filename else ""
        self.problem = f"There is no report: it can't be written{where}: {reason(error)}."

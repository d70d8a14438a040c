"""The processes of one run, and what they say. Whatever happens, none of them is left behind."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from benchmarks.child import END_TIMEOUT, Child, Said
from common import clock

ANSWER_TIMEOUT = 10.0
"""Seconds that a process has for an answer that takes it none."""


class Wish(Protocol):
    """That somebody wants no more runs: an `interrupts.Asked`, or an Event."""

    def is_set(self) -> bool: ...


class Failed(Exception):
    """A run could not be made; the text says what ended and why."""


class Interrupted(Exception):
    """The person wants no more runs."""


class Stage:
    """The processes of one run, and what they have said."""

    def __init__(self, interrupted: Wish, progress: Callable[[str], None]) -> None:
        self._interrupted = interrupted
        self._progress = progress
        self._said: SimpleQueue[Said] = SimpleQueue()
        self._children: list[Child] = []
        self._done: set[Child] = set()

    def start(self, name: str, argv: list[str]) -> Child:
        """Start a process. It is ended when the stage is left."""
        try:
            child = Child(name, argv, self._said)
        except OSError as error:
            raise Failed(f"{name} can't be started: {argv[0]}: {error.strerror}.") from error
        self._children.append(child)
        return child

    def wait_for(self, child: Child, find: Callable[[str], Any], doing: str, seconds: float) -> Any:
        """What `find` makes of the first line of this child's output of which it makes anything but None."""
        deadline = clock.monotonic() + seconds
        while True:
            said = self._next(doing, deadline)
            if said.child is child and (found := find(said.line or "")) is not None:
                return found

    def ask(self, child: Child, order: dict[str, Any], doing: str) -> dict[str, Any]:
        """The answer of a child that answers each order with one line of JSON."""
        child.tell(order)
        answer: dict[str, Any] = self.wait_for(child, json.loads, doing, ANSWER_TIMEOUT)
        if "error" in answer:
            raise Failed(f"{child.name}: {answer['error']}")
        return answer

    def collect(self, loads: list[Child], doing: str, seconds: float) -> list[tuple[dict[str, Any], bytes]]:
        """One report of each load process, in their order; wait for them up to `seconds`."""
        deadline = clock.monotonic() + seconds
        reports: dict[Child, tuple[dict[str, Any], bytes]] = {}
        while len(reports) < len(loads):
            said = self._next(doing, deadline)
            if said.child in loads:
                report = json.loads(said.line or "")
                reports[said.child] = report, said.body
                if "cpu_s" in report:
                    self.may_end(said.child)
        return [reports[load] for load in loads]

    def dismiss(self, children: list[Child]) -> None:
        """End these by force: the run is over, and a server that says goodbye to everybody across a satellite takes
        its time."""
        for child in children:
            self.may_end(child)
            child.kill()

    def may_end(self, child: Child) -> None:
        """From now on it is no failure if this one ends."""
        self._done.add(child)

    def end(self) -> None:
        """End every process."""
        for child in self._children:
            child.ask_to_end()
        until = clock.monotonic() + END_TIMEOUT
        for child in self._children:
            child.end(max(0.1, until - clock.monotonic()))

    def _next(self, doing: str, deadline: float) -> Said:
        """The next thing that a process says."""
        while True:
            self._progress(doing)
            if self._interrupted.is_set():
                raise Interrupted
            try:
                said = self._said.get(timeout=0.1)
            except Empty:
                if clock.monotonic() > deadline:
                    names = " and ".join(child.name for child in self._children if child not in self._done)
                    raise Failed(f"{names} did not get beyond {doing} in time.") from None
                continue
            if said.line is not None:
                return said
            if said.child not in self._done:
                raise Failed(said.child.obituary())


@contextmanager
def stage(interrupted: Wish, progress: Callable[[str], None]) -> Iterator[Stage]:
    """A stage that is cleared in the end."""
    made = Stage(interrupted, progress)
    try:
        yield made
    finally:
        made.end()

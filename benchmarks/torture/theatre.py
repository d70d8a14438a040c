"""The stage of a torture run: the processes of one part, and what their lines say.

Beside what `benchmarks/stage.py` does: several processes are listened to at once, the log of a server is kept, and a
server is ended the way a person would do it (SIGTERM), with its exit code and its last words noted.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty
from typing import Any, NamedTuple

from benchmarks.child import Child, Said
from benchmarks.stage import Failed, Interrupted, Stage, Wish
from common import clock

SLACK = 30.0
"""Seconds beyond its time after which an act is not slow but stuck."""

LAST_WORDS = 15
"""Lines of a server's log that are worth showing."""

ALL_IS_WELL = "ended with exit code 0"


class Ended(NamedTuple):
    """How a server ended: whether by itself and with exit code 0, and how long after it had been asked to."""

    well: bool
    seconds: float


class Theatre(Stage):
    """A stage whose servers' lines are kept, in `logs`, by process."""

    def __init__(self, interrupted: Wish, progress: Callable[[str], None]) -> None:
        super().__init__(interrupted, progress)
        self.logs: dict[Child, list[str]] = {}

    def start_server(self, name: str, argv: list[str]) -> Child:
        """Start a server whose log is to be kept. What it says on standard error is part of it."""
        child = self.start(name, ["sh", "-c", 'exec "$@" 2>&1', "sh", *argv])
        self.logs[child] = []
        return child

    def hear(
        self, children: list[Child], doing: Callable[[], str], seconds: float
    ) -> Iterator[dict[str, Any]]:
        """What these say, each message with its process as "child", until every one of them has said that it is
        done. Raises Failed if that takes longer than `seconds` and `SLACK`."""
        deadline = clock.monotonic() + seconds + SLACK
        left = set(children)
        while left:
            said = self._next(doing(), deadline)
            if said.child not in left:
                continue
            message: dict[str, Any] = json.loads(said.line or "")
            if message.get("done"):
                self.may_end(said.child)
                left.discard(said.child)
            yield message | {"child": said.child}

    def order(self, child: Child, order: dict[str, Any], doing: str, seconds: float) -> dict[str, Any]:
        """What `child` answers to an order that may take up to `seconds`."""
        child.tell(order)
        answer: dict[str, Any] = self.wait_for(child, json.loads, doing, seconds)
        return answer

    def watch(self, look: Callable[[], bool], doing: str, seconds: float) -> bool:
        """Wait until `look` says so; whether it did within `seconds`. Raises Failed if a process ends meanwhile."""
        deadline = clock.monotonic() + seconds
        while not look():
            if clock.monotonic() > deadline:
                return False
            self.pause(doing)
        return True

    def pause(self, doing: str, seconds: float = 0.1) -> None:
        """Let time pass."""
        deadline = clock.monotonic() + seconds
        while clock.monotonic() < deadline:
            self._look(doing)

    def stop_server(self, child: Child, doing: str) -> Ended:
        """Ask a server to end (SIGTERM), and wait until it has. All of its log is there then."""
        self.may_end(child)
        began = clock.monotonic()
        child.ask_to_end()
        obituary = child.obituary()  # waits; what took too long is killed when the stage is left
        ended = Ended(ALL_IS_WELL in obituary, clock.monotonic() - began)
        child.end()
        while self._look(doing):
            pass  # what is in the queue already
        return ended

    def last_words(self) -> str:
        """The end of the log of each server, if there is any."""
        ends = [(child.name, "".join(lines[-LAST_WORDS:])) for child, lines in self.logs.items() if lines]
        return "".join(f"\n{name} has logged at the end:\n{end}" for name, end in ends)

    def _look(self, doing: str) -> bool:
        """Take one thing that was said; whether there was any. Only for times in which nobody says anything but the
        servers: the rest is passed over."""
        self._progress(doing)
        if self._interrupted.is_set():
            raise Interrupted
        try:
            said = self._said.get(timeout=0.05)
        except Empty:
            return False
        self._keep(said)
        if said.line is None and said.child not in self._done:
            raise Failed(said.child.obituary())
        return True

    def _next(self, doing: str, deadline: float) -> Said:
        said = super()._next(doing, deadline)
        self._keep(said)
        if clock.monotonic() > deadline:  # a server that logs all the time must not keep us from the others
            raise Failed(f"{said.child.name} went on, but nobody got beyond {doing} in time.")
        return said

    def _keep(self, said: Said) -> None:
        if said.child in self.logs and said.line is not None:
            self.logs[said.child].append(said.line)


@contextmanager
def theatre(interrupted: Wish, progress: Callable[[str], None]) -> Iterator[Theatre]:
    """A theatre that is cleared in the end."""
    made = Theatre(interrupted, progress)
    try:
        yield made
    except Failed as error:
        raise Failed(f"{error}{made.last_words()}") from error
    finally:
        made.end()

"""What a program notices of the end of its terminal, and what it may still say."""

import io
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from common import window

PATIENCE = 20.0

NO_TERMINAL = getattr(select, "POLLNVAL", 0)

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals on this system")


class Terminal:
    """A pseudo-terminal: `end` is the program's; `hang_up` closes the window."""

    def __init__(self) -> None:
        self._window, self.end = os.openpty()

    def hang_up(self) -> None:
        os.close(self._window)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """One whose window the test closes."""
    made = Terminal()
    yield made
    os.close(made.end)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the program would send itself SIGHUP."""
    event = threading.Event()
    monkeypatch.setattr(os, "kill", lambda _pid, _number: event.set())
    return event


class Poll:
    """A system's poll that knows nothing of terminals: it says what it always says."""

    def __init__(self, answer: list[tuple[int, int]]) -> None:
        self._answer = answer
        self.looked = threading.Event()

    def register(self, _descriptor: int, _events: int) -> None:
        """Nothing is done with it."""

    def poll(self, _milliseconds: float) -> list[tuple[int, int]]:
        self.looked.set()
        return self._answer


def test_a_hang_up_is_noticed(terminal: Terminal, asked: threading.Event) -> None:
    """By the system's poll, or by a look now and then."""
    watching = threading.Thread(target=window._watch, args=(terminal.end,))
    watching.start()
    assert not asked.is_set()
    terminal.hang_up()
    watching.join(PATIENCE)
    assert asked.is_set()


@pytest.mark.parametrize("answer", [[], [(0, NO_TERMINAL)]], ids=["silent", "knows no terminals"])
def test_a_hang_up_is_noticed_where_poll_does_not_tell(
    answer: list[tuple[int, int]], terminal: Terminal, asked: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is taken for one that is none."""
    poll = Poll(answer)
    monkeypatch.setattr(select, "poll", lambda: poll)
    watching = threading.Thread(target=window._watch, args=(terminal.end,))
    watching.start()
    assert poll.looked.wait(PATIENCE)
    assert not asked.is_set()
    terminal.hang_up()
    watching.join(PATIENCE)
    assert asked.is_set()


def test_what_is_typed_is_no_hang_up_and_is_not_read(terminal: Terminal, asked: threading.Event) -> None:
    """The line is still there for whoever reads it."""
    watching = threading.Thread(target=window._watch, args=(terminal.end,))
    watching.start()
    os.write(terminal._window, b"hello\n")
    assert os.read(terminal.end, 100) == b"hello\n"
    assert not asked.is_set()
    terminal.hang_up()
    watching.join(PATIENCE)


def test_what_is_said_to_a_terminal_that_is_gone_is_no_error(terminal: Terminal) -> None:
    """Before and after."""
    with os.fdopen(os.dup(terminal.end), "w", encoding="utf-8") as plain:
        stream = window._outliving(plain)
        print("hello", file=stream)
        assert os.read(terminal._window, 100) == b"hello\r\n"
        terminal.hang_up()
        print("goodbye", file=stream, flush=True)
        print("and more", file=stream)
        with pytest.raises(OSError, match="Input/output"):
            os.write(terminal.end, b"goodbye")


@pytest.mark.parametrize("why", ["no terminal", "hang-ups ignored"])
def test_where_no_hang_up_is_to_be_noticed_nobody_watches(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread: not in what measures, which has no terminal, and not under nohup."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(os, "isatty", lambda _: why == "hang-ups ignored")
    if why == "hang-ups ignored":
        monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)
    before = threading.enumerate()
    window.begin()
    assert threading.enumerate() == before

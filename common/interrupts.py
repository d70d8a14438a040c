"""Ctrl-C, Ctrl-\\, SIGTERM, a closed terminal window: one request to end, at any moment and without a traceback."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)
]  # Windows has no SIGHUP and no SIGQUIT


def raise_interrupt() -> None:
    """From now on the first of these signals raises KeyboardInterrupt in the main thread."""
    handle_with(_raise)


def run(main: Callable[[], int]) -> int:
    """Run a program that only has to clean up when it is interrupted; its exit code, 130 if it was."""
    raise_interrupt()
    try:
        return main()
    except KeyboardInterrupt:
        return 130


@contextmanager
def deferred() -> Iterator[None]:
    """Put KeyboardInterrupt off until the block is done. For starting threads: interrupted in the middle of
    that, nobody could say whether the thread is about to run, and Python would end under its feet."""
    with _as_before():
        asked = Asked()
        yield
    if asked.is_set():
        _raise(signal.SIGINT, None)


@contextmanager
def answered_by(call: Callable[[], object]) -> Iterator[None]:
    """Until the block is done these signals call `call`, in the main thread, instead of raising. For an event loop of
    somebody else's, which would take an exception in one of its steps for a defect of that step."""
    with _as_before():
        handle_with(lambda _number, _frame: call())
        yield


@contextmanager
def _as_before() -> Iterator[None]:
    """Whatever handles these signals in the block, in the end it is what did before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore() -> None:
    """We are ending already: nothing may come between but another Ctrl-\\."""
    # Not SIG_IGN: Python complains of a signal that has arrived before that and whose handler is gone.
    handle_with(lambda _number, _frame: None)
    _let_quit()


class Asked:
    """Whether one of these signals has come since this was made: for a loop that looks from time to time.

    A flag and no `threading.Event`: a handler runs between any two steps of the main thread, and setting an
    Event in the middle of setting the same Event waits for ever.
    """

    def __init__(self) -> None:
        self._asked = False
        handle_with(self._note)

    def is_set(self) -> bool:
        """Whether one has come."""
        return self._asked

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        _let_quit()


def _raise(_number: int, _frame: FrameType | None) -> None:
    ignore()  # once is enough: what follows is cleaning up, which a second one must not interrupt
    raise KeyboardInterrupt


def handle_with(handler: Callable[[int, FrameType | None], object]) -> None:
    """From now on all of these signals are for `handler`, in the main thread."""
    for number in SIGNALS:
        # Whoever started us with SIGHUP ignored (nohup) wants us to live on without the terminal.
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _let_quit() -> None:
    """Let Ctrl-\\ end at once a program that was already asked to end: the way out if cleaning up hangs."""
    if hasattr(signal, "SIGQUIT"):
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)

"""Ctrl-C and SIGTERM: the same wish, to be granted at any moment and without a traceback."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_while_loading() -> None:
    """While `python -m` still looks for the program and loads its modules there is nothing to clean up: let
    Ctrl-C just end the process. Called by the packages that hold programs; does nothing anywhere else."""
    if sys.argv[:1] == ["-m"]:  # what runpy has put there until it knows the file
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_interrupt() -> None:
    """From now on either signal raises KeyboardInterrupt in the main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, handle)


@contextmanager
def deferred() -> Iterator[None]:
    """Put KeyboardInterrupt off until the block is done. For starting threads: interrupted in the middle of
    that, nobody could say whether the thread is about to run, and Python would end under its feet."""
    came = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def call(do: Callable[[], None]) -> None:
    """From now on either signal calls `do` in the main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        do()

    for number in SIGNALS:
        signal.signal(number, handle)

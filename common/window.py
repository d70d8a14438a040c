"""A closed window: the program in it is asked to end, and nothing that it still says is an error.

When a terminal is gone, the system sends SIGHUP to the first program of its window, and to nobody else. A shell hands
it on. Make does not: it waits for the program that it has started, which would never hear of it.
"""

import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOOK_EVERY = 0.5
"""Seconds between two looks whether the terminal is still there. (On Linux its end is seen at once.)"""


def begin() -> None:
    """From now on send ourselves SIGHUP when the terminal is gone, if there is one.

    A program that ignores SIGHUP (nohup) is not ended. Windows ends the programs of a window by itself.
    """
    if not hasattr(signal, "SIGHUP"):
        return
    terminals = [descriptor for descriptor in range(3) if os.isatty(descriptor)]
    if terminals and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        copy = os.dup(terminals[0])  # a program may close its own
        threading.Thread(target=_watch, args=(copy,), name="window", daemon=True).start()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and stream.isatty():
            setattr(sys, name, _outliving(stream))


def _watch(terminal: int) -> None:
    """A thread: wait until `terminal` is gone. Never read from it: that would stop a program in the background."""
    if sys.platform == "win32":
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are to wake the main thread
    looking = select.poll()
    looking.register(terminal, select.POLLHUP)
    while os.isatty(terminal):
        seen = [what for _, what in looking.poll(1000 * LOOK_EVERY)]
        if any(what & select.POLLHUP for what in seen):
            break
        if seen:
            time.sleep(LOOK_EVERY)  # some systems can't wait for terminals, and say so at once
    os.kill(os.getpid(), signal.SIGHUP)


class _Terminal(io.BufferedWriter):
    """A terminal to write to, which may go away: a goodbye that nobody can read must not break off the cleaning up."""

    def write(self, data: Any) -> int:
        with self._while_there():
            super().write(data)
        return len(data)

    def flush(self) -> None:
        with self._while_there():
            super().flush()

    @contextmanager
    def _while_there(self) -> Iterator[None]:
        """Where the terminal is gone, write to nowhere from now on."""
        try:
            yield
        except OSError:
            if self.isatty():
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


def _outliving(stream: Any) -> io.TextIOWrapper:
    """Like `stream`, which is a terminal; writing does not fail when that is closed."""
    buffer = _Terminal(io.FileIO(stream.fileno(), "w", closefd=False))
    through = getattr(stream, "write_through", False)  # as PYTHONUNBUFFERED asks
    return io.TextIOWrapper(
        buffer, stream.encoding, stream.errors, line_buffering=True, write_through=through
    )

"""Ctrl-Z, for programs that draw: they give the terminal back before they stop."""

import os
import signal
from collections.abc import Callable


def on_ctrl_z(call: Callable[[], object]) -> None:
    """From now on Ctrl-Z calls `call`, in the main thread; it is to `stop`. Nothing on systems without Ctrl-Z."""
    if hasattr(signal, "SIGTSTP"):
        signal.signal(signal.SIGTSTP, lambda _number, _frame: call())


def stop() -> None:
    """Stop until the shell lets us go on. In a window without a shell nobody could: there it does nothing."""
    # SIGSTOP would stop us there, too. With this one the kernel makes the difference, if nobody handles it.
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, before)


def as_usual() -> None:
    """From now on Ctrl-Z just stops us."""
    if hasattr(signal, "SIGTSTP"):
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)

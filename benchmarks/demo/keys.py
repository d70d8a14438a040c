"""Single keys of a terminal, as they are pressed. However this is left, the terminal is as it was."""

import os
import select
from contextlib import suppress

try:
    import termios
    import tty
except ImportError:  # Windows: nobody can be asked there without waiting for Enter
    termios = None  # type: ignore[assignment]
    tty = None  # type: ignore[assignment]

ARROWS = {"\x1b[C": "n", "\x1b[D": "p", "\x1b[A": "+", "\x1b[B": "-", "\x1bOC": "n", "\x1bOD": "p"}
"""The keys that people try, and those that they stand for."""

ALIASES = {"−": "-", "=": "+", "_": "-", "Q": "q", "N": "n", "P": "p"}
"""= is the key of + without Shift."""


class Keys:
    """The keys of the terminal `file` descriptor is; those of nobody if it is none."""

    def __init__(self, file: int) -> None:
        self._file = file
        self.there = termios is not None and os.isatty(file)
        self._before = termios.tcgetattr(file) if self.there else []

    def begin(self) -> None:
        """Each key is there at once, and is not shown. Ctrl-C stays what it is."""
        if self.there:
            with suppress(termios.error):  # the terminal is gone
                tty.setcbreak(self._file)

    def end(self) -> None:
        """As it was before."""
        if self.there:
            with suppress(termios.error):
                termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)

    def pressed(self) -> list[str]:
        """What was pressed since the last time. Does not wait."""
        if not self.there or not select.select([self._file], [], [], 0)[0]:
            return []
        data = os.read(self._file, 1024)
        if not data:
            self.there = False  # the terminal is gone
        return named(data.decode(errors="ignore"))


def named(text: str) -> list[str]:
    """The keys in what a terminal sends."""
    keys = []
    while text:
        arrow = next((one for one in ARROWS if text.startswith(one)), "")
        if not arrow and text.startswith("\x1b"):
            break  # some other special key, and whatever belongs to it
        one = arrow or text[0]
        keys.append(ARROWS.get(one) or ALIASES.get(one, one))
        text = text[len(one) :]
    return keys

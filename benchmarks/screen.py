"""A program on a screen that another program can read: a pseudo-terminal with a terminal emulator behind it.

    with Screen([sys.executable, "-m", "tcp.client", "--nick", "ann"]) as screen:
        screen.wait_for("ann>")
        screen.type("hello\\r")
        screen.wait_for("ann: hello")

POSIX only: Windows has no pseudo-terminals of this kind.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple

import pyte

from common import clock

TERMINAL = "xterm-256color"


class Cell(NamedTuple):
    """One place of the screen. `text` is empty on the right half of a wide character. Colours are pyte's names
    (`default`, `red`, `brightblack`) or six hexadecimal digits."""

    text: str
    foreground: str
    background: str
    bold: bool
    italic: bool
    underlined: bool
    reverse: bool


class _Emulator(pyte.Screen):
    """The terminal; `answer` takes what it says to the program."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], None]) -> None:
        super().__init__(columns, rows)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        """The program has asked something, such as where the cursor is."""
        self._answer(data)


class Screen:
    """Starts `argv` in a pseudo-terminal of `columns` by `rows`, and keeps what its screen shows.

    `environment` is added to ours. Raises RuntimeError on systems without pseudo-terminals, OSError if
    there is no such program. To be left with `stop`, or used as a context.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        try:
            import pty
            import termios
        except ImportError as error:
            raise RuntimeError("A Screen needs a pseudo-terminal, and this system has none.") from error
        self._argv = list(argv)
        self._screen = _Emulator(columns, rows, self._answer)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._ended = False
        self._master, slave = pty.openpty()
        try:
            termios.tcsetwinsize(slave, (rows, columns))
            # The leader of a new session that opens a terminal gets it as its own, so that Ctrl-C typed there
            # interrupts it. This is why a shell opens it again, by its name.
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(slave), *self._argv],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                env=_environment(environment or {}),
            )
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        self._reader = threading.Thread(target=self._read, name="screen", daemon=True)
        self._reader.start()

    def __enter__(self) -> "Screen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def type(self, text: str) -> None:
        """Press keys: `\\r` is Enter, `\\x03` Ctrl-C, `\\x1b[A` the arrow up."""
        data = text.encode()
        while data:
            data = data[os.write(self._master, data) :]

    def wait_for(self, what: str | Callable[[list[str]], bool], timeout: float = 10.0) -> None:
        """Wait until a line of the screen contains `what` (or `what` is true of its lines).

        Raises TimeoutError, with the screen, after `timeout` seconds, or as soon as the program has ended
        without showing it.
        """
        until = clock.monotonic() + timeout
        with self._changed:
            while not self._shows(what):
                left = until - clock.monotonic()
                if self._ended or left <= 0:
                    why = "the program ended" if self._ended else f"{timeout:g} s passed"
                    wanted = repr(what) if isinstance(what, str) else "what was waited for"
                    raise TimeoutError(f"{why} and {wanted} was not on the screen:\n{self._framed()}")
                self._changed.wait(left)

    def wait(self, timeout: float = 10.0) -> int:
        """Wait until the program has ended and all it wrote is on the screen; its exit code (negative: the
        signal that ended it). Raises TimeoutError, with the screen, after `timeout` seconds."""
        until = clock.monotonic() + timeout
        with self._changed:
            while not self._ended:
                left = until - clock.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{timeout:g} s passed and the program still runs:\n{self._framed()}")
                self._changed.wait(left)
        try:
            return self._process.wait(max(0.1, until - clock.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"the program has closed its terminal and still runs:\n{self._framed()}"
            ) from None

    def lines(self) -> list[str]:
        """The screen as text, a string for each row, without blanks at the ends."""
        with self._changed:
            return self._lines()

    def cells(self) -> list[list[Cell]]:
        """The screen with its colours: a list for each row, with a cell for each column."""
        with self._changed:
            return [
                [
                    Cell(
                        text=cell.data,
                        foreground=cell.fg,
                        background=cell.bg,
                        bold=cell.bold,
                        italic=cell.italics,
                        underlined=cell.underscore,
                        reverse=cell.reverse,
                    )
                    for cell in (self._screen.buffer[row][column] for column in range(self._screen.columns))
                ]
                for row in range(self._screen.lines)
            ]

    def cursor(self) -> tuple[int, int] | None:
        """Column and row of the cursor, from 0; None while it is hidden."""
        with self._changed:
            cursor = self._screen.cursor
            return None if cursor.hidden else (cursor.x, cursor.y)

    def stop(self, patience: float = 2.0) -> None:
        """End the program, if it still runs, and give everything back. It has `patience` seconds to end by
        itself. May be called twice."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
        self._reader.join(0.5)
        if self._reader.is_alive():  # something that it started still has the terminal
            self._signal(signal.SIGKILL)
            self._reader.join()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _read(self) -> None:
        """A thread: what the program writes, onto the screen."""
        while True:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # how Linux says that nobody has the other end open any more
                data = b""
            with self._changed:
                if data:
                    self._stream.feed(data)
                else:
                    self._ended = True
                self._changed.notify_all()
            if not data:
                return

    def _answer(self, data: str) -> None:
        """To the program, from the terminal itself."""
        with contextlib.suppress(OSError):  # and has ended before it heard
            os.write(self._master, data.encode())

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _shows(self, what: str | Callable[[list[str]], bool]) -> bool:
        if isinstance(what, str):
            return any(what in line for line in self._screen.display)  # with the blank behind a prompt
        return what(self._lines())

    def _lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    def _framed(self) -> str:
        lines = self._lines()
        while lines and not lines[-1]:
            lines.pop()
        return "\n".join(f"  | {line}" for line in lines) or "  (it is empty)"


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what would tell a program of another terminal than this one."""
    unset = ("COLUMNS", "LINES", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "TERM_PROGRAM")
    ours = {name: value for name, value in os.environ.items() if name not in unset}
    return {**ours, "TERM": TERMINAL, "PYTHONUTF8": "1", **more}

"""What runs now and what is left, on standard error: a bar in a terminal, a line for each run elsewhere."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from benchmarks import suspend
from common import clock

MINUTES = 150
"""Seconds from which on minutes are easier to read."""


class Progress:
    """Shown while runs are made that take about so many `seconds` each; gone from the terminal afterwards. A `calm`
    one is drawn only between two runs, and takes no processor time from them at all."""

    def __init__(self, console: Console, seconds: list[float], *, calm: bool = False) -> None:
        self._console = console
        self._seconds = seconds
        self._done = 0
        self._label = ""
        self._began = 0.0
        # Four times a second: drawing more often would take processor time from what is measured.
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[left]}"),
            console=console,
            refresh_per_second=4,
            auto_refresh=not calm,
            transient=True,
            expand=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._bars.add_task("", total=sum(seconds), left="")

    def __enter__(self) -> "Progress":
        self._bars.start()
        suspend.on_ctrl_z(self._suspend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        suspend.as_usual()

    def _suspend(self) -> None:
        """Whoever has the terminal meanwhile is to see a cursor."""
        self._console.show_cursor(True)
        suspend.stop()
        self._console.show_cursor(False)

    def begin(self, run: str) -> None:
        """A run begins."""
        self._label = f"run {self._done + 1} of {len(self._seconds)}: {run}"
        self._began = clock.monotonic()
        if not self._console.is_terminal:
            self._console.print(self._label)
        self.now("running")
        self._bars.refresh()

    def now(self, doing: str) -> None:
        """The run is at `doing`. May be called as often as one likes."""
        spent = 0.0
        if self._done < len(self._seconds):
            spent = min(clock.monotonic() - self._began, self._seconds[self._done])
        completed = sum(self._seconds[: self._done]) + spent
        left = sum(self._seconds) - completed
        self._bars.update(
            self._task,
            description=f"{self._label}, {doing}",
            completed=completed,
            left=f"about {left:.0f} s left" if left < MINUTES else f"about {left / 60:.0f} min left",
        )

    def done(self) -> None:
        """The run is over."""
        self._done += 1
        self.now("done")

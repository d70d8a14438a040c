"""The faces of a demonstration: a screen with keys, and plain lines for where there is no terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from benchmarks import suspend
from benchmarks.demo.acts import ACTS
from benchmarks.demo.draw import column_lines, screen, wrap
from benchmarks.demo.figures import figures
from benchmarks.demo.keys import Keys
from benchmarks.demo.play import Play
from benchmarks.demo.state import SIDES, Record
from benchmarks.demo.summary import last_screen, played, sentences, table, where
from benchmarks.demo.verdict import how_long, verdict

PLAIN_WIDTH = 100
"""Columns of what is printed where nobody says how wide it is."""


class Screen:
    """The whole terminal, drawn anew for each picture: a change of its size is there with the next one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._keys = Keys(sys.stdin.fileno() if sys.stdin else -1)
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._suspended = False

    def __enter__(self) -> "Screen":
        self._keys.begin()
        self._live.start()
        suspend.on_ctrl_z(self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        suspend.as_usual()
        try:
            self._live.stop()
        finally:
            self._keys.end()

    def say(self, words: str) -> None:
        """A sentence, before there is anything to see."""
        width, height = self._console.size
        self._draw([Text(words, "bold")], width, height)

    def show(self, play: Play, now: float) -> None:
        if self._suspended:
            self._suspend()
        width, height = self._console.size
        if play.direction.part == "last":
            lines = last_screen(play.state, play.page, play.problem, width, height)
        else:
            lines = screen(play.state, play.direction, width, height, now)
        self._draw(lines, width, height)

    def pressed(self) -> list[str]:
        return self._keys.pressed()

    def _draw(self, lines: list[Text], width: int, height: int) -> None:
        for line in lines:
            line.no_wrap = True
        self._live.update(Group(*lines[:height]), refresh=True)

    def _note(self) -> None:
        self._suspended = True

    def _suspend(self) -> None:
        """Ctrl-Z: the terminal is the shell's until we are in the foreground again. The network goes on."""
        self._suspended = False
        self._live.stop()
        self._keys.end()
        suspend.stop()
        self._keys.begin()
        self._live.start()


class Plain:
    """Each act is printed when it is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun: Record | None = None
        self._over: Record | None = None
        self._ended = False

    def __enter__(self) -> "Plain":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to give back."""

    def say(self, words: str) -> None:
        """A sentence, before there is anything to see."""
        self._print([Text(words)])

    def show(self, play: Play, now: float) -> None:
        record = play.state.record
        if record is not None and record is not self._begun:
            self._begun = record
            self._print(opening(record))
        if record is not None and record.over and record is not self._over:
            self._over = record
            self._print(act_lines(record, PLAIN_WIDTH))

    def pressed(self) -> list[str]:
        return []

    def _print(self, lines: list[Text]) -> None:
        for line in lines:
            self._console.print(line, soft_wrap=True)


def opening(record: Record) -> list[Text]:
    """An act begins: its name, and what to watch."""
    place = ACTS.index(record.act) + 1
    return [
        Text(),
        Text(f"Act {place} of {len(ACTS)}: {record.act.title}"),
        *wrap(record.act.caption, PLAIN_WIDTH),
    ]


def act_lines(record: Record, width: int) -> list[Text]:
    """An act that is over, as text: what the viewer saw over each transport, the figures, and what came of it."""
    lines: list[Text] = []
    for name in SIDES:
        found = figures(record, name)
        lines += [Text(), Text(f"{name.upper()}:")]
        for line in column_lines(record, name, width - 2):
            line.rstrip()
            lines.append(Text.assemble("  ", line))
        lines.append(
            Text(
                f"  said {found.said:,}, delivered {found.delivered:,} of {found.expected:,}, missing "
                f"{found.missing:,}, slowest {how_long(found.worst)}, over 1 s late {found.very_late:,}, bursts "
                f"{found.bursts:,}" + (f", segments sent again {found.again:,}" if name == "tcp" else "")
            )
        )
    return [*lines, Text(), *wrap(f"→ {verdict(record)}", width)]


def closing(play: Play, width: int) -> list[Text]:
    """What stays in the terminal when all is over: the table, the sentences, and where the report is."""
    records = played(play.state)
    if not records:
        return where(play.page, play.problem, width)
    return [
        *table(records),
        Text(),
        *sentences(records, width),
        Text(),
        *where(play.page, play.problem, width),
    ]


@contextmanager
def face(console: Console, *, plain: bool) -> Iterator[Screen | Plain]:
    """The face for this console."""
    with Plain(console) if plain else Screen(console) as made:
        yield made

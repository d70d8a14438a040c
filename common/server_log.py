"""What the person at the server sees: who comes and goes and why, every message if asked for, a table at the end.

With `--trace` every message has a line with one character in front: `<` received, `>` sent,
`=` state. It reads as a wire trace.
"""

import time
from collections import Counter
from collections.abc import Hashable
from typing import Protocol, TypeVar

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from common import clock
from common.messages import Error, FromClient, FromServer, Join, Leave, Violation, encode
from common.room import REASONS, Room, Send
from common.visible import visible

CLIP = 200
"""Characters of a message that a trace shows: enough for every line a person types."""


class Named(Hashable, Protocol):
    """What a server's log knows of a peer: `host:port`."""

    @property
    def name(self) -> str: ...


Peer = TypeVar("Peer", bound=Named)


class ServerLog:
    """Writes to `console`. `counts` holds what the summary shows; only the server's loop adds to it."""

    def __init__(self, console: Console, *, trace: bool = False) -> None:
        self.tracing = trace
        self.counts: Counter[str] = Counter()
        self._console = console
        self._mute = False
        self._started = clock.monotonic()

    def state(self, text: str, style: str = "") -> None:
        """Something about the server itself, or about who is here."""
        self._line("=", "cyan", Text(visible(text), style))

    def problem(self, text: str) -> None:
        """Something that went wrong and that the server got over."""
        self.state(text, "red")

    def detail(self, text: str) -> None:
        """Something only a trace shows."""
        if self.tracing:
            self.state(text, "dim")

    def received(self, name: str, message: FromClient | Violation) -> None:
        """A message came from `name` (host:port): counted, and shown in a trace."""
        self.counts["messages received"] += 1
        if self.tracing:
            self._line("<", "green", self._message(name, message))

    def answered(self, name: str, message: FromServer) -> None:
        """A message went to `name`, who is nobody the room knows: shown in a trace."""
        if self.tracing:
            self._line(">", "blue", self._message(name, message))

    def sent(self, send: Send[Peer], room: Room[Peer]) -> None:
        """The room had something sent: counted, shown in a trace, and told if somebody came or went."""
        message = send.message
        self.counts["deliveries"] += len(send.to)
        match message:
            case Join(nick=nick):
                self.counts["joined"] += 1
                peer = room.peer(nick)
                self.state(f"{nick} joined" + (f" from {peer.name}" if peer else ""), "green")
            case Leave(nick=nick, reason=reason):
                self.counts[f"left: {reason}"] += 1
                self.state(f"{nick} left ({reason}: {REASONS[reason]})", "yellow")
            case Error(code=code):
                self.counts[f"refused: {code}"] += 1
        if self.tracing:
            names = ", ".join(room.nick(peer) or peer.name for peer in send.to)
            self._line(">", "blue", self._message(names or "nobody", message))

    def summary(self, title: str) -> None:
        """The table at the end."""
        table = Table(title=title, title_justify="left", show_header=False)
        table.add_column(style="bold")
        table.add_column(justify="right")
        minutes, seconds = divmod(int(clock.monotonic() - self._started), 60)
        table.add_row("up for", f"{minutes}:{seconds:02} min")
        table.add_row("processor time", f"{time.process_time():.2f} s")
        for name in ("joined", "messages received", "deliveries"):
            table.add_row(name, f"{self.counts.pop(name, 0):,}")
        for name, count in sorted(self.counts.items()):
            table.add_row(name, f"{count:,}")
        self._print(table)

    def _message(self, name: str, message: FromClient | FromServer | Violation) -> Text:
        if isinstance(message, Violation):
            shown = f"{message.code}: {message.message}"
        else:
            shown = encode(message).decode()
        if len(shown) > CLIP:
            shown = f"{shown[:CLIP]}… ({len(shown):,} characters)"
        return Text.assemble((visible(name), "bold"), " ", visible(shown))

    def _line(self, prefix: str, style: str, text: Text) -> None:
        now = time.time()
        stamp = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03}"
        self._print(Text.assemble((stamp, "dim"), " ", (prefix, style), " ", text))

    def _print(self, what: RenderableType) -> None:
        """Write, if there is still somewhere to write to. A full disk, or `| head`, must not stop a server."""
        if self._mute:
            return
        try:
            self._console.print(what, soft_wrap=True)
        except (OSError, SystemExit):  # rich ends the program, or only this thread, when a pipe has closed
            self._mute = True

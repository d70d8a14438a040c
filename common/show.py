"""How an event looks: one line of rich text, the same in a terminal and in a pipe.

The words are those of Beej's chapter (`pat: hello`, `*** leslie has joined the chat`). Everything that
somebody else may have chosen goes through `visible`, and none of it is ever read as markup.
"""

import zlib

from rich.table import Table
from rich.text import Text

from common.commands import HELP
from common.events import (
    Away,
    Back,
    Came,
    Ended,
    Event,
    Joined,
    Missing,
    Notice,
    Present,
    Refused,
    Spoken,
    Unconfirmed,
    Went,
)
from common.room import REASONS
from common.session import Statistics
from common.statistics import milliseconds
from common.visible import visible, visible_lines

COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "bright_red", "bright_cyan", "bright_magenta")
"""For nicks: all can be read on black and on white."""

ASIDE = "bright_black"


def colour(nick: str) -> str:
    """The colour of a nick: the same on every screen."""
    return COLOURS[zlib.crc32(nick.casefold().encode()) % len(COLOURS)]


def named(nick: str) -> Text:
    """A nick in its colour."""
    return Text(visible(nick), f"bold {colour(nick)}")


def line(event: Event) -> Text:
    """The line (or lines) that an event is shown as."""
    match event:
        case Spoken():
            return _spoken(event)
        case Joined(nick=nick, members=members, more=more, plain=plain):
            if plain:
                note = " (a plain server: it knows neither receipts nor /who, /msg)"
                return Text.assemble("*** you are in as ", named(nick), (note, ASIDE))
            return Text.assemble("*** you are in as ", named(nick), "; here: ", _names(members, more))
        case Came(nick=nick):
            return Text.assemble("*** ", named(nick), " has joined the chat", style="green")
        case Went(nick=nick, reason=reason):
            why = f" ({visible(REASONS.get(reason, reason))})" if reason not in ("", "quit") else ""
            return Text.assemble("*** ", named(nick), " has left the chat", why, style="yellow")
        case Present(members=members, more=more):
            return Text.assemble("*** here: ", _names(members, more))
        case Unconfirmed(text=text):
            return Text.assemble(
                ("✗ lost: ", "bold red"), visible_lines(text), (" (no receipt; /retry)", "red")
            )
        case Missing(count=count):
            messages = "a message is" if count == 1 else f"{count:,} messages are"
            return Text(f"··· {messages} missing here", "bold red")
        case Notice(text=text, error=error):
            return Text(f"! {visible_lines(text)}", "red" if error else "")
        case Refused(reason=reason):
            return Text(f"! {visible(reason)}", "red")
        case Away(reason=reason):
            return Text(f"*** {visible(reason)} We come back as soon as we can.", "bold yellow")
        case Back(nick=nick, members=members, more=more, missed=missed):
            here = Text.assemble("; here: ", _names(members, more)) if members else ""
            return Text.assemble("*** back in as ", named(nick), here, (f"; {_missed(missed)}", ASIDE))
        case Ended(reason=reason):
            return Text(f"*** {visible(reason)}", "bold red")


def help_table() -> Table:
    """What `/help` shows."""
    table = Table.grid(padding=(0, 2))
    for usage, meaning in HELP.items():
        table.add_row(Text(usage, "bold"), meaning)
    return table


def statistics_table(statistics: Statistics, title: str) -> Table:
    """What `/stats` and the end show."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in statistics.rows():
        table.add_row(name, value)
    return table


def _spoken(spoken: Spoken) -> Text:
    text = visible_lines(spoken.text)
    match spoken.kind:
        case "emote":
            parts = Text.assemble("* ", named(spoken.nick), " ", text, style="italic")
        case "direct":
            parts = Text.assemble(named(spoken.nick), " → ", named(spoken.to), ": ", text)
        case _:
            parts = Text.assemble(named(spoken.nick), ": ", text)
    if spoken.late:
        parts.append("  (late)", "bold red")
    if spoken.round_trip is not None:
        parts.append(f"  ✓ {milliseconds(spoken.round_trip)}", ASIDE)
    return parts


def _missed(count: int | None) -> str:
    """What a person has not seen while the server was gone."""
    match count:
        case None:
            return "what was said meanwhile is not known: this is a new room"
        case 0:
            return "nothing happened meanwhile"
        case 1:
            return "one thing happened meanwhile that you have not seen"
    return f"{count:,} things happened meanwhile that you have not seen"


def _names(members: list[str], more: int) -> Text:
    names = Text(", ").join(map(named, members))
    return names.append(f" and {more:,} more") if more else names

"""The picture of the client in the README, taken of a real conversation over loopback.

    python -m benchmarks.picture

A server, a client in a pseudo-terminal, and members who say their lines: what is then on the client's
screen becomes `common/client.svg`. The file needs nothing from elsewhere, no font either: every piece of
text says how wide it is, so that columns stay columns in whatever monospace font there is.
"""

import io
import queue
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from html import unescape
from pathlib import Path
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

from benchmarks import results
from benchmarks.screen import Cell, Screen
from common import interrupts
from common.command_line import ClientOptions, Parser, complain
from common.events import Ended, Event, Joined, Refused
from common.messages import Act, ClientMessage, Say, Tell
from tcp.client import Client

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "common" / "client.svg"

COLUMNS, ROWS = 80, 18
NICK = "ann"
PATIENCE = 20.0
"""Seconds for anything to appear on the screen."""

FONTS = "Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

FRAME = f"""\
<svg viewBox="0 0 {{width}} {{height}}" xmlns="http://www.w3.org/2000/svg">
<!-- Made by make docs -->
<style>
.{{unique_id}}-matrix {{{{ font: {{char_height}}px {FONTS}; white-space: pre }}}}
.{{unique_id}}-title {{{{ font: bold 18px sans-serif }}}}
{{styles}}
</style>
{{chrome}}
<g transform="translate({{terminal_x}}, {{terminal_y}})">
{{backgrounds}}
<g class="{{unique_id}}-matrix">
{{matrix}}
</g>
</g>
</svg>
"""
"""What rich puts its drawing into. Its own frame fetches fonts, and clips the last column's last pixel."""

GREETING = "hello, everybody 🙂 so this is TCP?"
LONG = (
    "the number behind your own lines is the time until they came back from the server: "
    "the receipt. A line without one has not come back."
)
HALF_TYPED = "and over UDP, is anything lo"


def take(path: Path) -> None:
    """Hold the conversation, and write its picture to `path`. Raises TimeoutError where the client does not
    show what it should, OSError if `path` can't be written."""
    with ExitStack() as exits:
        port = exits.enter_context(_server())
        others = {nick: exits.enter_context(_member(port, nick)) for nick in ("pat", "Ольга")}
        argv = [sys.executable, "-m", "tcp.client", "--port", str(port), "--nick", NICK]
        screen = exits.enter_context(Screen(argv, columns=COLUMNS, rows=ROWS))
        screen.wait_for(f"{NICK}> ", PATIENCE)
        _converse(screen, port, others)
        svg = picture(screen.cells(), screen.cursor(), f"python -m tcp.client --port {port} --nick {NICK}")
    path.write_text(svg, encoding="utf-8")


def _converse(screen: Screen, port: int, others: dict[str, Client]) -> None:
    """What is said; each line is on the screen before the next one is spoken."""

    def says(nick: str, message: ClientMessage, seen: str) -> None:
        others[nick].send(message)
        screen.wait_for(seen, PATIENCE)

    says("pat", Say(message="hi ann! the room is yours"), "the room is yours")
    screen.type(f"{GREETING}\r")
    screen.wait_for(f"{NICK}: {GREETING}", PATIENCE)
    says("Ольга", Say(message="привет! да: ничего не теряется, всё по порядку"), "всё по порядку")
    with _member(port, "花子") as hanako:
        others["花子"] = hanako
        screen.wait_for("花子 has joined", PATIENCE)
        says("花子", Say(message="こんにちは 👋 はじめまして"), "はじめまして")
        says("pat", Act(message="waves"), "pat waves")
        says("pat", Tell(to=NICK, message="this line is for you alone"), "for you alone")
        screen.type("/msg pat thanks 🤫\r")
        screen.wait_for("→ pat", PATIENCE)
        says("pat", Say(message=LONG), "not come back.")
        says("花子", Say(message="また明日!"), "また明日")
    screen.wait_for("花子 has left", PATIENCE)
    screen.type(HALF_TYPED)
    screen.wait_for(f"{NICK}> {HALF_TYPED}", PATIENCE)


@contextmanager
def _server() -> Iterator[int]:
    """A TCP server in a process of its own; its port."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tcp.server", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        try:
            for line in process.stdout or ():
                if found := re.search(r"listening on \S+:(\d+)", line):
                    yield int(found[1])
                    return
            raise RuntimeError("the server ended before it had a port")
        finally:
            process.terminate()


@contextmanager
def _member(port: int, nick: str) -> Iterator[Client]:
    """A member who is in the room."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    client = Client(ClientOptions(port=port), nick, events.put)
    try:
        client.start()
        try:
            while not isinstance(event := events.get(timeout=PATIENCE), Joined):
                if isinstance(event, Refused | Ended):
                    raise RuntimeError(f"{nick} could not join: {event.reason}")
        except queue.Empty:
            raise TimeoutError(f"{nick} had no answer to its hello within {PATIENCE:g} s") from None
        yield client
    finally:
        client.close()


# --- from a screen to an SVG ----------------------------------------------------------------------


def picture(cells: list[list[Cell]], cursor: tuple[int, int] | None, title: str) -> str:
    """The SVG of a screen, without the empty rows at its end. `cursor`: its column and row, from 0."""
    console = Console(
        record=True, width=len(cells[0]), file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    rows = [
        _row(row, cursor[0] if cursor and cursor[1] == number else None) for number, row in enumerate(cells)
    ]
    while len(rows) > 1 and not rows[-1].plain.strip():
        rows.pop()
    for row in rows:
        console.print(row, no_wrap=True, overflow="crop", highlight=False)
    svg = console.export_svg(title=title, code_format=FRAME, theme=_theme(), unique_id="client")
    return re.sub(r"<text ([^>]*)>([^<]*)</text>", _in_columns, svg)


def _row(cells: list[Cell], cursor: int | None) -> Text:
    """A row of the screen; the cursor shows as a cell in reverse."""
    text = Text()
    for column, cell in enumerate(cells):
        style = Style(
            color=_colour(cell.foreground),
            bgcolor=_colour(cell.background),
            bold=cell.bold,
            italic=cell.italic,
            underline=cell.underlined,
            reverse=cell.reverse != (column == cursor),
        )
        text.append(cell.text, style)
    return text


def _colour(name: str) -> str | None:
    """Rich's name of one of pyte's colours; None for the default."""
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    name = name.replace("bfight", "bright").replace("brown", "yellow")  # pyte 0.8.2 has that misprint
    return name.replace("bright", "bright_")


def _theme() -> TerminalTheme:
    """Rich's colours for pictures, on a darker ground, from which the bar at the bottom stands out."""
    theme = copy(SVG_EXPORT_THEME)
    theme.background_color = ColorTriplet(18, 18, 18)
    return theme


def _in_columns(found: re.Match[str]) -> str:
    """A piece of text cut so that each part begins at its own column: rich takes a wide character for one
    column when it says how long a text is, and a font that lacks a letter takes it from another one."""
    attributes, content = dict(re.findall(r'([\w-]+)="([^"]*)"', found[1])), unescape(found[2])
    if not content.strip():
        return ""  # the end of a line
    if "textLength" not in attributes:
        return found[0]  # the title
    width = float(attributes.pop("textLength")) / len(content)
    attributes.pop("clip-path", None)
    attributes.pop("clip-path", None)
    x, texts = float(attributes.pop("x")), []
    for piece in _pieces(content):
        columns = cell_len(piece)
        if cell_len(piece[0]) > 1:
            place = {"x": f"{x + columns * width / 2:g}", "text-anchor": "middle"}
        else:
            place = {"x": f"{x:g}", "textLength": f"{columns * width:g}"}
        told = " ".join(f'{name}="{value}"' for name, value in (attributes | place).items())
        texts.append(f"<text {told}>{escape(piece)}</text>")
        x += columns * width
    return "\n".join(texts)


def _pieces(text: str) -> list[str]:
    """`text` cut around each wide character; what takes no column of its own stays with what it belongs to."""
    pieces: list[str] = []
    for character in text:
        columns = cell_len(character)
        if not pieces or columns > 1 or (columns and cell_len(pieces[-1][0]) > 1):
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def main() -> int:
    """`python -m benchmarks.picture`"""
    parser = Parser(prog="python -m benchmarks.picture", description="Make the picture of the client again.")
    parser.add_argument(
        "--output", type=Path, default=PICTURE, metavar="FILE", help="where to write it (common/client.svg)"
    )
    output: Path = parser.parse_args().output
    try:
        results.writable(output)
    except results.Unsaved as error:
        return complain(str(error))
    try:
        take(output)
    except (OSError, RuntimeError) as error:  # a TimeoutError is an OSError
        print(f"The picture could not be taken: {error}", file=sys.stderr)
        return 1
    print(f"Written: {output.relative_to(ROOT) if output.is_relative_to(ROOT) else output}")
    return 0


if __name__ == "__main__":
    sys.exit(interrupts.run(main))

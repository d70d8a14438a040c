"""The screen: the state as lines of text for a given width and height. No clock, no terminal: the same state at the
same time is the same screen.

Colours are the transports' everywhere in the lab, as near as a terminal has them, on whatever background it has; and
beside each colour stands a word or a mark.
"""

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from benchmarks.demo import script
from benchmarks.demo.acts import ACTS
from benchmarks.demo.chart import MISSING, chart
from benchmarks.demo.direct import Direction
from benchmarks.demo.figures import at_each, awaited, figures, of_victim, samples
from benchmarks.demo.state import LATE, REPEATS, SIDES, Burst, Entry, Heard, Hole, Note, Record, State, column
from benchmarks.demo.verdict import how_long, verdict
from benchmarks.link.outage import Outage
from benchmarks.link.specification import parse
from common.visible import visible

SMALLEST = 80, 24
"""Columns and rows: on less there is only a sentence that says so."""

COLOURS = {"tcp": "color(32)", "udp": "color(166)"}
"""Blue and orange, as in the figures: of the 256 those that are read on black and on white."""

KEYS = "space pause · n/p next/previous · 1–6 act · +/− loss · q end"

TALL = 38
"""Rows from which there is room for more about the others."""

PATIENCE = 0.3
"""Seconds after which somebody who waits is shown to wait."""

COMMENT = "dim"


def screen(state: State, direction: Direction, width: int, height: int, now: float) -> list[Text]:
    """`height` lines, none wider than `width`: the act that is being played."""
    record = state.record
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return too_small(width, height)
    if record is None:
        return filled([Text("Setting up the link, and letting everybody join …", "bold")], width, height)
    half = (width - 1) // 2
    tall = height >= TALL
    rows = 3 if height < 32 else 6 if height < 44 else 9
    said = 4 if tall else 2
    top = [_title(state, record, direction, width), *_caption(record, width)]
    about = [
        _beside(_counters(record, one, half) for one in SIDES),
        _beside([[Text("─" * half, COMMENT)]] * 2) if tall else None,
        _beside(_special(record, one, half, said, now) for one in SIDES),
        _beside([[_chart_head(half)]] * 2),
        _beside(_chart(record, one, half, rows) for one in SIDES),
    ]
    below = [line for block in about if block is not None for line in _halves(block, half)]
    room = height - len(top) - len(below) - 3
    middle = [
        *_halves(_beside([_heading(one)] for one in SIDES), half),
        *_halves(_beside(_column(record, one, half, room) for one in SIDES), half),
        *_halves(_beside([_waiting(record, one, now)] for one in SIDES), half),
    ]
    return filled([*top, *middle, *below, Text(KEYS, COMMENT)], width, height)


def too_small(width: int, height: int) -> list[Text]:
    """What is shown where nothing else fits."""
    words = f"This terminal has {width}×{height} places: the demonstration needs {SMALLEST[0]}×{SMALLEST[1]}."
    return filled(wrap(words, max(1, width)), width, height)


def filled(lines: list[Text], width: int, height: int) -> list[Text]:
    """These lines, cut to the screen; empty ones behind them."""
    lines = [*lines[:height], *(Text() for _ in range(height - len(lines)))]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def wrap(words: str, width: int) -> list[Text]:
    """A sentence in lines of at most `width` columns, broken between words."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [Text(line) for line in lines]


# --- above ----------------------------------------------------------------------------------------


def _title(state: State, record: Record, direction: Direction, width: int) -> Text:
    place = ACTS.index(record.act) + 1
    left = Text.assemble((f"Act {place} of {len(ACTS)}: {record.act.title}", "bold"), "  ", _clock(direction))
    right = Text(f"each way: {link_in_words(state.link)}", "bold" if record.changed else "")
    return _apart(left, right, width)


def link_in_words(words: str) -> str:
    """What the link is like, for somebody who does not know its words."""
    told = [
        f"out from {one.at:g} to {one.at + one.lasting:g} s" if isinstance(one, Outage) else one.in_words
        for one in reversed(parse(words))
    ]
    return ", ".join(told) or "not known yet"


def _clock(direction: Direction) -> Text:
    if direction.paused:
        return Text("PAUSED", "bold reverse")
    match direction.part:
        case "talking":
            return Text(f"{direction.at:.0f} of {direction.duration:.0f} s")
        case "settling":
            return Text("letting it arrive")
    return Text("over")


def _caption(record: Record, width: int) -> list[Text]:
    """Two lines: what to watch, or, once it is over, what came of it."""
    lines = wrap(f"→ {verdict(record)}" if record.over else record.act.caption, width)
    for line in lines:
        line.stylize("bold" if record.over else "italic")
    return filled(lines, width, 2)


def _heading(transport: str) -> Text:
    colour = COLOURS[transport]
    name = (f" {transport.upper()} ", f"bold reverse {colour}")
    return Text.assemble(name, (f" what {script.VIEWER} sees", f"bold {colour}"))


# --- the columns ----------------------------------------------------------------------------------


def _column(record: Record, transport: str, width: int, rows: int) -> list[Text]:
    """The latest that fits, in order of arrival."""
    lines = column_lines(record, transport, width)[-rows:]
    return [*lines, *(Text() for _ in range(rows - len(lines)))]


def column_lines(record: Record, transport: str, width: int) -> list[Text]:
    """All that the viewer has seen, a line each; pasted texts that follow each other in one."""
    lines: list[Text] = []
    pastes: list[Heard] = []
    for entry in column(record, transport):
        if isinstance(entry, Heard) and entry.line.pasted:
            if pastes:
                lines.pop()
            pastes.append(entry)
            lines.append(_pastes(pastes, width))
            continue
        pastes = []
        lines.append(_entry(entry, width))
    return lines


def _entry(entry: Entry, width: int) -> Text:
    match entry:
        case Heard(line, late, overtaken):
            words = Text(f"{line.place:>3} {set_cell_size(line.member, 4)} {visible(line.text)}")
            words.stylize("bold", 4, 4 + len(line.member))
            return _apart(words, _lateness(late, overtaken, width), width)
        case Hole(lines, where):
            lost = {"up": "nobody got it", "down": f"lost on its way to {script.VIEWER}", None: "lost"}[where]
            if len(lines) > 1:
                lost = {"up": "nobody got them", "down": f"lost to {script.VIEWER}", None: "lost"}[where]
            return Text(f"▒▒▒ {_places(lines[0].place, lines[-1].place)} missing: {lost}", "bold red")
        case Burst(size, late):
            return Text(f"┌── {size} at once, up to {how_long(late)} late", "bold magenta")
        case Note(words):
            return Text(f"  * {visible(words)}", "italic")


def _pastes(pastes: list[Heard], width: int) -> Text:
    first, last = pastes[0].line, pastes[-1].line
    what = f"{_places(first.place, last.place)} {first.member} pastes {len(pastes)} × {len(first.text) // 1000} kB"
    return _apart(Text(what), _lateness(max(one.late for one in pastes), False, width), width)


def _places(first: int, last: int) -> str:
    """`12`, or `12–14`."""
    return f"{first:>3}" if first == last else f"{first:>3}–{last}"


def _lateness(late: float, overtaken: bool, width: int) -> Text:
    mark = " overtaken" if overtaken else ""
    if late > LATE:
        return Text(
            f"{how_long(late)} late{mark}" if width >= 60 else f"+{how_long(late)}{mark}", "bold magenta"
        )
    return Text(f"{how_long(late)}{mark}" if width >= 60 or overtaken else "", COMMENT)


def _waiting(record: Record, transport: str, now: float) -> Text:
    count, seconds = awaited(record, transport, now)
    if not count or seconds < PATIENCE:
        return Text()
    return Text(f"  … {count} not here, the oldest for {seconds:.1f} s", "bold")


# --- below ----------------------------------------------------------------------------------------


def _counters(record: Record, transport: str, width: int) -> list[Text]:
    found = figures(record, transport)
    missing = f"missing {found.missing:,}"
    first = Text(f"delivered {found.delivered:,} of {found.expected:,} · {missing}")
    if found.missing:
        first.stylize("bold red", len(first) - len(missing))
    again = f", sent again {found.again:,}" if REPEATS[transport] else ""
    second = Text(f"slowest {how_long(found.worst)}, >1 s {found.very_late:,}{again}")
    return [first, second]


def _special(record: Record, transport: str, width: int, rows: int, now: float) -> list[Text]:
    """What this act is about beside the messages; where there is more room, and in the other acts, the others."""
    lines = specials(record, transport, now)
    each, side = at_each(record, transport), record.sides[transport]
    has = f"of {len(record.lines)} each has: " + " ".join(f"{nick} {count}" for nick, count in each.items())
    lines += [line.plain for line in wrap(has, width)]
    lines += [f"noticed by themselves: {side.noticed} missing, {side.unconfirmed} without a receipt"]
    return [*(Text(line) for line in lines[:rows]), *(Text() for _ in range(rows - len(lines)))]


def specials(record: Record, transport: str, now: float) -> list[str]:
    """Two lines about who does not read, or about the victim; none in the other acts."""
    side = record.sides[transport]
    if record.act.stopped:
        return _of_stopped(record, transport, now)
    if not any(cue.do == "forge" for cue in record.act.cues):
        return []
    forged, got = of_victim(record, transport)
    if transport == "udp":
        careless, flooded = of_victim(record, "floor")
        return [
            f"ours: {forged:,} B forged, victim got {got:,} B",
            f"no check: {careless:,} B forged, got {flooded:,} B",
        ]
    kinds = [f"{one.words}" for one in side.forgeries if one.what == "victim"]
    refused = any(one.what == "refused" for one in side.forgeries)
    heard = f"got {', '.join(dict.fromkeys(kinds))}" if kinds else "got nothing"
    return [
        f"{forged:,} B forged, victim got {got:,} B",
        f"it {heard}" + (", and refused" if refused else ""),
    ]


def _of_stopped(record: Record, transport: str, now: float) -> list[str]:
    side, who = record.sides[transport], record.act.stopped
    has = f"has {at_each(record, transport)[who]} of {len(record.lines)}"
    if side.stopped_at is None:
        return [f"{who} reads, {has}", ""]
    if side.reads_at is None:
        first = f"{who} reads nothing: {now - side.stopped_at:.1f} s, {has}"
    else:
        first = f"{who} reads again, {has}"
    second = ""
    if side.sent_away_at is not None:
        second = f"sent away as {side.why} after {side.sent_away_at - side.stopped_at:.1f} s"
        second += ", is back" if side.back_at is not None else ""
    elif side.overflow:
        second = f"{side.overflow:,} found a full buffer, and are lost"
    return [first, second]


def _chart_head(width: int) -> Text:
    return Text(f"latency at {script.VIEWER}, a column a message".ljust(width), "underline dim")


def _chart(record: Record, transport: str, width: int, rows: int) -> list[Text]:
    lines = [Text(line, COLOURS[transport]) for line in chart(samples(record, transport), width, rows)]
    for line in lines:
        line.highlight_words([MISSING], "bold red")
    return lines


# --- side by side ---------------------------------------------------------------------------------


def _beside(blocks: Iterable[list[Text]]) -> tuple[list[Text], list[Text]]:
    left, right = blocks
    return left, right


def _halves(blocks: tuple[list[Text], list[Text]], half: int) -> list[Text]:
    """Two blocks of lines, one beside the other, each `half` wide."""
    return [_pair(left, right, half) for left, right in zip(*blocks, strict=True)]


def _pair(left: Text, right: Text, half: int) -> Text:
    one, other = left.copy(), right.copy()
    one.truncate(half, overflow="ellipsis", pad=True)
    other.truncate(half, overflow="ellipsis")
    return Text.assemble(one, ("│", COMMENT), other)


def _apart(left: Text, right: Text, width: int) -> Text:
    """One at the left end, one at the right end; the left one is cut if it must."""
    room = width - right.cell_len
    if right.cell_len:
        room -= 1
    left = left.copy()
    left.truncate(max(0, room), overflow="ellipsis", pad=True)
    return Text.assemble(left, " " if right.cell_len else "", right)

"""What a result counted and measured, as tables: the one for a glance, and those with the details."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median
from typing import TypeVar

from benchmarks.estimate import Interval, Percentile
from benchmarks.report.markup import Markup, element, text, together
from benchmarks.result_format import Direction, Document, Run
from benchmarks.summary import Summary
from benchmarks.wording import UNKNOWN, ms, named, percent, percents, three_digits

MARKS = {"tcp": "●", "udp": "□"}
"""As in the figures, for those who do not see the colours."""

Thing = TypeVar("Thing")

Rows = list[Run]
"""The repeats of one transport over one profile."""


@dataclass(frozen=True)
class Column:
    """A column: its title, its unit or a remark, what stands in the cell of some repeats, and the class of that
    cell. A column without a title belongs to the one left of it."""

    title: str
    note: str
    cell: Callable[[Rows], str]
    kind: str = "number"


def glance(document: Document) -> Markup:
    """Who lost what, who was late, and by how much: the whole result in one table."""
    head = _heads(
        ("link", "what was asked of it"),
        ("transport", ""),
        ("arrived, %", ""),
        ("lost", ""),
        ("doubled", ""),
        ("out of order", ""),
        ("latency, ms", "p50"),
        ("", "p99"),
        ("", "max"),
        ("sent again", "by TCP"),
        words=2,
    )
    bodies = []
    for profile, lines in _groups(document.summary, lambda one: one.profile):
        rows = []
        for number, one in enumerate(lines):
            first = [_profile(document, profile, len(lines))] if number == 0 else []
            rows.append(element("tr", *first, _transport(one.transport), *_glance_cells(one)))
        bodies.append(element("tbody", *rows))
    caption = (
        "Deliveries (one message to one member) and their latency since they were due; all repeats together. "
        "Below the figures their 95 % intervals, where they can be told."
    )
    return _table(caption, head, bodies)


def _glance_cells(one: Summary) -> list[Markup]:
    return [
        _share(one.delivered_share),
        _number(f"{one.lost:,}", f"of {one.expected:,}"),
        _number(f"{one.doubled:,}"),
        _number(f"{one.out_of_order:,}"),
        *map(_percentile, (one.p50, one.p99)),
        _number(ms(one.max)),
        _number(UNKNOWN if one.retransmissions is None else f"{one.retransmissions:,}"),
    ]


def details(document: Document) -> list[tuple[str, Markup]]:
    """Titles and tables. Where there are repeats: the median, and the lowest and highest in brackets."""
    runs = document.runs
    found = [
        ("Time", _by_transport(document, "Of the deliveries of each run by itself.", TIME)),
        ("Cost", _by_transport(document, COST_CAPTION, COST)),
    ]
    if any(run.kernel or run.tcp_info for run in runs):
        found.append(("TCP and the kernel", _by_transport(document, KERNEL_CAPTION, KERNEL)))
    if any(run.link for run in runs):
        found.append(("What the link did", _link(document)))
        found.append(("How exact the link was", _by_transport(document, EXACT_CAPTION, EXACT)))
    if any(run.probes for run in runs):
        found.append(("Self-check: what was asked of the link, and what probes measured", _probes(document)))
    return found


# --- tables of repeats ----------------------------------------------------------------------------


def _spread(value: Callable[[Run], float | None], show: Callable[[float], str]) -> Callable[[Rows], str]:
    """The median of the repeats, with the extremes below it."""

    def cell(runs: Rows) -> str:
        known = sorted(found for found in map(value, runs) if found is not None)
        if not known:
            return UNKNOWN
        low, middle, high = show(known[0]), show(median(known)), show(known[-1])
        return text(middle) if low == high else together(middle, element("small", f"{low}–{high}"))

    return cell


def _total(value: Callable[[Run], int | None]) -> Callable[[Rows], str]:
    """The sum of the repeats."""

    def cell(runs: Rows) -> str:
        known = [found for found in map(value, runs) if found is not None]
        return f"{sum(known):,}" if known else UNKNOWN

    return cell


def _counters(runs: Rows) -> str:
    """What the kernel counted in all repeats, without what stayed at 0."""
    known = [run.kernel for run in runs if run.kernel is not None]
    totals: dict[str, int] = {}
    for counters in known:
        for name, count in counters.items():
            totals[name] = totals.get(name, 0) + count
    moved = [element("span", f"{name} {count:,}", class_="name") for name, count in totals.items() if count]
    return Markup(", ".join(moved)) or ("all 0" if known else UNKNOWN)


def _words(value: Callable[[Run], str]) -> Callable[[Rows], str]:
    """What the repeats say, each thing once."""
    return lambda runs: ", ".join(dict.fromkeys(filter(None, map(value, runs)))) or UNKNOWN


def _processors(share: float) -> str:
    """In percent. There may be more than one."""
    return three_digits(100 * share)


TIME = [
    Column("latency since due, ms", "p50", _spread(lambda run: run.latency.p50, ms)),
    Column("", "p90", _spread(lambda run: run.latency.p90, ms)),
    Column("", "p99", _spread(lambda run: run.latency.p99, ms)),
    Column("since sent, ms", "p50", _spread(lambda run: run.latency_from_send.p50, ms)),
    Column("", "p99", _spread(lambda run: run.latency_from_send.p99, ms)),
    Column("", "max", _spread(lambda run: run.latency_from_send.max, ms)),
]

COST_CAPTION = (
    "What the server used, and what the load used beside it; the load's lateness is how long after it was "
    "due a message was sent."
)

COST = [
    Column(
        "server",
        "CPU, µs a delivery",
        _spread(lambda run: run.cpu_per_delivery, lambda s: three_digits(1e6 * s)),
    ),
    Column(
        "",
        "memory, KiB a member",
        _spread(lambda run: run.memory_per_member, lambda b: three_digits(b / 1024)),
    ),
    Column("load", "late, p50 ms", _spread(lambda run: run.lateness.p50, ms)),
    Column("", "p99 ms", _spread(lambda run: run.lateness.p99, ms)),
    Column("", "max ms", _spread(lambda run: run.lateness.max, ms)),
    Column("", "CPU, % of one", _spread(lambda run: max(run.load_cpu, default=None), _processors)),
    Column("together", "CPU, % of all", _spread(lambda run: run.machine_cpu, _processors)),
]

KERNEL = [
    Column("sockets", "", _total(lambda run: run.tcp_info.sockets if run.tcp_info else None)),
    Column(
        "sent again", "segments", _total(lambda run: run.tcp_info.total_retrans if run.tcp_info else None)
    ),
    Column("srtt", "p50, ms", _spread(lambda run: run.tcp_info.srtt_p50 if run.tcp_info else None, ms)),
    Column("rto", "max, ms", _spread(lambda run: run.tcp_info.rto_max if run.tcp_info else None, ms)),
    Column("congestion control", "", _words(lambda run: run.tcp_info.congestion if run.tcp_info else "")),
    Column("the kernel's counters", "that moved", _counters, kind="words"),
]

KERNEL_CAPTION = (
    "TCP_INFO of the connections at the end, and what the kernel counted during the run; all repeats "
    "together. srtt is the round trip as TCP saw it, rto how long it would have waited before sending again."
)

EXACT_CAPTION = (
    "How much later than asked a packet left the link. Where more than one in a hundred was over 1 ms late, "
    "the link carried more than it can carry exactly."
)

EXACT = [
    Column("packets", "", _total(lambda run: run.link.lateness.n if run.link else None)),
    Column("lateness, ms", "p50", _spread(lambda run: run.link.lateness.p50 if run.link else None, ms)),
    Column("", "p99", _spread(lambda run: run.link.lateness.p99 if run.link else None, ms)),
    Column("", "max", _spread(lambda run: run.link.lateness.max if run.link else None, ms)),
    Column(
        "over 1 ms late",
        "%",
        _spread(lambda run: run.link.lateness.share_over_1ms if run.link else None, percent),
    ),
    Column(
        "busiest second",
        "packets",
        _spread(lambda run: run.link.peak_rate if run.link else None, lambda n: f"{n:,.0f}"),
    ),
    Column(
        "lost by the device", "packets, unasked", _total(lambda run: run.link.overflow if run.link else None)
    ),
]


def _by_transport(document: Document, caption: str, columns: Sequence[Column]) -> Markup:
    head = _heads(
        ("link", ""), ("transport", ""), *((one.title, one.note, one.kind) for one in columns), words=2
    )
    bodies = []
    for profile, runs in _groups(document.runs, lambda run: run.profile):
        lines = _groups(runs, lambda run: run.transport)
        rows = []
        for number, (transport, repeats) in enumerate(lines):
            first = [_rowgroup(profile, len(lines))] if number == 0 else []
            cells = [element("td", column.cell(repeats), class_=column.kind) for column in columns]
            rows.append(element("tr", *first, _transport(transport), *cells))
        bodies.append(element("tbody", *rows))
    return _table(caption, head, bodies)


# --- tables of directions -------------------------------------------------------------------------


def _link(document: Document) -> Markup:
    """Packets by direction."""
    kinds = ("doubled", "corrupted", "reordered")
    titles = [(title, "") for title in ("packets in", "delivered", "dropped", "under way", *kinds)]

    def cells(runs: Rows, direction: str) -> list[Markup]:
        counts: list[Direction] = [getattr(run.link, direction) for run in runs if run.link]
        if not counts:
            return [_number(UNKNOWN) for _ in titles]
        causes: dict[str, int] = {}
        for count in counts:
            for cause, many in count.dropped.items():
                causes[cause] = causes.get(cause, 0) + many
        why = ", ".join(f"{cause} {many:,}" for cause, many in causes.items() if many)
        received, delivered = (
            sum(getattr(one, name) for one in counts) for name in ("received", "delivered")
        )
        totals = [sum(getattr(one, kind) for one in counts) for kind in kinds]
        dropped = sum(causes.values())
        return [
            _number(f"{received:,}"),
            _number(f"{delivered:,}"),
            _number(f"{dropped:,}", beside=why),
            _number(f"{received + totals[0] - delivered - dropped:,}"),
            *(_number(f"{total:,}") for total in totals),
        ]

    caption = (
        "Packets; up is from the members to the server. All repeats together. Under way: those that were on "
        "the link when it was asked, at the end of a run."
    )
    return _by_direction(document, caption, titles, cells)


def _probes(document: Document) -> Markup:
    """What was asked for and what the probes saw, by direction."""
    titles = [
        ("loss, %", "asked"),
        ("", "measured"),
        ("delay, ms", "asked"),
        ("", "p50"),
        ("", "p99"),
    ]

    def cells(runs: Rows, direction: str) -> list[Markup]:
        seen = [run.probes[direction] for run in runs if run.probes and direction in run.probes]
        if not seen:
            return [_number(UNKNOWN) for _ in titles]
        profile = document.profiles.get(runs[0].profile)
        loss = profile.expected_loss.get(direction) if profile else None
        delay = profile.expected_delay.get(direction) if profile else None
        sent = sum(one.sent for one in seen)
        lost = sent - sum(one.received for one in seen)
        middles = [one.delay_p50 for one in seen if one.delay_p50 is not None]
        tails = [one.delay_p99 for one in seen if one.delay_p99 is not None]
        return [
            _number(UNKNOWN if loss is None else percent(loss)),
            _number(percent(lost / sent) if sent else UNKNOWN, beside=f"{lost:,} of {sent:,}"),
            _number(ms(delay)),
            _number(ms(median(middles) if middles else None)),
            _number(ms(median(tails) if tails else None)),
        ]

    caption = (
        "Sent across the link before each run; all repeats together, of the delays the median repeat. What the "
        "probes saw is what the link said it did to them, one by one: else nothing would have been measured. (Losses "
        "that come in bursts may miss all of a few hundred probes.)"
    )
    return _by_direction(document, caption, titles, cells)


def _by_direction(
    document: Document,
    caption: str,
    titles: Sequence[tuple[str, str]],
    cells: Callable[[Rows, str], list[Markup]],
) -> Markup:
    head = _heads(("link", ""), ("transport", ""), ("direction", ""), *titles, words=3)
    bodies = []
    for profile, runs in _groups(document.runs, lambda run: run.profile):
        lines = _groups(runs, lambda run: run.transport)
        rows = []
        for number, (transport, repeats) in enumerate(lines):
            for direction in ("up", "down"):
                first = []
                if direction == "up":
                    first += [_rowgroup(profile, 2 * len(lines))] if number == 0 else []
                    first += [_transport(transport, rows=2)]
                way = element("th", direction, scope="row")
                rows.append(element("tr", *first, way, *cells(repeats, direction)))
        bodies.append(element("tbody", *rows))
    return _table(caption, head, bodies)


def links(document: Document) -> Markup:
    """What each profile asks for."""
    head = _heads(
        ("link", ""), ("what it is like", ""), ("up", "to the server"), ("down", "to a member"), words=4
    )
    rows = [
        element(
            "tr",
            element("th", name, scope="row", class_="name"),
            *(
                element("td", words)
                for words in (asked.description, asked.up or "nothing", asked.down or "nothing")
            ),
        )
        for name, asked in document.profiles.items()
    ]
    return _table("What each profile asks of the link, in tc-netem's words.", head, [element("tbody", *rows)])


# --- parts of tables ------------------------------------------------------------------------------


def pairs(caption: str, values: Iterable[tuple[str, str]]) -> Markup:
    """A table of names and values."""
    rows = [element("tr", element("th", name, scope="row"), element("td", value)) for name, value in values]
    return _table(caption, [], [element("tbody", *rows)])


def _table(caption: str, head: Sequence[Markup], bodies: Sequence[Markup]) -> Markup:
    """With room of its own to scroll in, which the keyboard can reach."""
    top = [element("thead", *head)] if head else []
    whole = element("table", element("caption", element("span", caption)), *top, *bodies)
    return element("div", whole, class_="wide", tabindex=0, role="region", aria_label=caption)


def _heads(*titles: tuple[str, ...], words: int) -> list[Markup]:
    """The rows of a table's head, of titles, units and perhaps the class of the column; the first `words` columns
    are no figures. A column without a title belongs to the title left of it."""
    upper, lower = [], []
    for number, (title, note, *kinds) in enumerate(titles):
        kind = next(iter(kinds), "number") if number >= words else None
        small = [element("small", note)] if note else []
        beside = len(list(takewhile(lambda other: not other[0], titles[number + 1 :])))
        if title and not beside:
            upper.append(element("th", title, *small, scope="col", rowspan=2, class_=kind))
        elif title:
            upper.append(element("th", title, scope="colgroup", colspan=beside + 1, class_="group"))
        if not title or beside:
            lower.append(element("th", *small, scope="col", class_=kind))
    if not lower:
        upper = [Markup(cell.replace(' rowspan="2"', "")) for cell in upper]
    return [element("tr", *cells) for cells in (upper, lower) if cells]


def _profile(document: Document, name: str, rows: int) -> Markup:
    asked = document.profiles.get(name)
    words = []
    if asked is not None:
        both = (
            [asked.up or "nothing"] if asked.up == asked.down else [f"up: {asked.up}", f"down: {asked.down}"]
        )
        words = [element("small", one) for one in both]
    return element("th", name, *words, scope="rowgroup", rowspan=rows, class_="asked")


def _rowgroup(name: str, rows: int) -> Markup:
    return element("th", name, scope="rowgroup", rowspan=rows, class_="name")


def _transport(name: str, rows: int | None = None) -> Markup:
    known = name if name in MARKS else None
    mark = element("span", MARKS.get(name, "◆"), class_=f"mark {known or ''}".strip(), aria_hidden="true")
    scope = "row" if rows is None else "rowgroup"
    return element("th", mark, named(name), scope=scope, rowspan=rows, class_="name plain")


def _share(found: Interval | None) -> Markup:
    if found is None:
        return _number(UNKNOWN)
    estimate, low, high = percents(found)
    return _number(estimate, f"{low}–{high}")


def _percentile(found: Percentile | None) -> Markup:
    if found is None:
        return _number(UNKNOWN)
    known = found.interval
    return _number(ms(found.estimate), f"{ms(known.low)}–{ms(known.high)}" if known else "")


def _number(figure: str, below: str = "", *, beside: str = "") -> Markup:
    more = (
        [element("small", below)]
        if below
        else [element("span", f" ({beside})", class_="faint")]
        if beside
        else []
    )
    return element("td", figure, *more, class_="number")


def _groups(things: Iterable[Thing], key: Callable[[Thing], str]) -> list[tuple[str, list[Thing]]]:
    """Things with the same key together, in the order in which the keys appear."""
    found: dict[str, list[Thing]] = {}
    for thing in things:
        found.setdefault(key(thing), []).append(thing)
    return list(found.items())

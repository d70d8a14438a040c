"""Nagle meets delayed ACK.

Question
    What does it cost to send the header and the body of a request in two sends, and to wait for the answer?

Why it matters
    Two sends are the natural way to write a frame: first its length, then its bytes. Then an answer takes 40 ms on a
    machine where a round trip takes a twentieth of a millisecond. Both algorithms that cause it are reasonable; it is
    the two together.

Prediction
    A request of 100 bytes is sent as 8 and 92. Nothing is lost, and nothing is far away. What does a round trip take?

Method
    Requests one after the other on a TCP connection to an echo server that answers when it has all 100 bytes: in two
    sends or in one, with Nagle's algorithm (the default) or without it (TCP_NODELAY). The four take turns, connection
    by connection. The server always sends its answer at once.

Expected
    Two sends with Nagle's algorithm: 40 to 50 ms. It keeps the body back until the header is acknowledged (RFC 896;
    RFC 1122 §4.2.3.4), and the receiver delays its acknowledgement in the hope of an answer that could carry it
    (§4.2.3.2 allows half a second). Linux delays it for at least 40 ms (TCP_DELACK_MIN), rounded up to its clock's next
    ticks, which are 1 to 10 ms apart. Seen once: 41.9 ms. The other three: less than a tick, so that no timer can have
    been waited for; seen once: 0.03 ms.

    Not from the beginning: Linux acknowledges a new connection's first segments at once ("quick ACK"), until the
    connection has proved to be a conversation. That takes as many answers as net.ipv4.tcp_pingpong_thresh says, 1 by
    default (3 from Linux 5.1 until 2022). So the second exchange is the first to wait.

What would change it
    One send for both (join them, or use `sendmsg`), or TCP_NODELAY: each of them is enough. TCP_QUICKACK at the
    receiver, who has to set it again and again (tcp(7)). Another system has another timer, of up to half a second.
"""

from statistics import median

from benchmarks import kernel
from benchmarks.echo.run import Echo, Trip
from benchmarks.echo.turns import answered, first_slow, nth
from benchmarks.estimate import Percentile, percentiles
from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.finding import Words
from benchmarks.labbook.lab import Lab
from benchmarks.wording import UNKNOWN, ms, three_digits

HEADER, BODY = 8, 92

CELLS = {
    ("two", False): "two sends, Nagle",
    ("two", True): "two sends, TCP_NODELAY",
    ("one", False): "one send, Nagle",
    ("one", True): "one send, TCP_NODELAY",
}
"""What is compared: the sends, and whether TCP_NODELAY is set."""

SLOWEST = ("two", False)

WAITED = 0.02
"""Seconds from which on an exchange has waited for a delayed acknowledgement: half of the shortest delay."""

THRESHOLD_WITHOUT = 3
"""The most that a kernel has which does not tell its tcp_pingpong_thresh (Linux does since 6.7)."""

WAITS = Words(
    expected=Expected(40.0, 50.0, "TCP_DELACK_MIN of Linux, and a tick; seen once: 41.9 ms"),
    because="The body waits for the header's acknowledgement, and that waits for an answer to travel with: until the "
    "receiver's timer ends it.",
    unless="This system acknowledges sooner, or its timer is another one: see `What would change it`.",
)
AT_ONCE = Words(
    expected=Expected(None, 1.0, "no timer is shorter than a tick; seen once: 0.03 ms"),
    because="Without Nagle's algorithm, or with nothing to keep back, nobody waits for an acknowledgement.",
    unless="A program was not let run for a millisecond: is this machine busy?",
)
"""What is said of a cell."""

Connections = dict[tuple[str, bool], list[list[Trip]]]
"""By cell: the exchanges of each connection, in order."""


def run(lab: Lab) -> Outcome:
    """Take turns between the four, a connection each."""
    connections, exchanges = lab.pick((36, 30), (12, 20))
    made: Connections = {cell: [] for cell in CELLS}
    with lab.stage("nagle") as stage:
        echo = Echo(stage)
        for number in range(1, connections + 1):
            for parts, nodelay in CELLS:
                sizes = (HEADER, BODY) if parts == "two" else (HEADER + BODY,)
                doing = f"connection {number} of {connections}"
                made[parts, nodelay].append(echo.in_parts(sizes, nodelay, exchanges, doing))
    found = outcome(made, threshold())
    found.conditions = [
        ("network", "loopback"),
        ("request", f"{HEADER + BODY} bytes, or {HEADER} and {BODY}"),
        ("connections", f"{connections} for each of the four, {exchanges} exchanges each"),
    ]
    return found


def threshold() -> int | None:
    """How many answers make a conversation; None where the kernel doesn't say."""
    try:
        return kernel.setting("net.ipv4.tcp_pingpong_thresh")[0]
    except OSError:
        return None


def outcome(made: Connections, pingpong: int | None) -> Outcome:
    """What they say. `pingpong`: after how many answers acknowledgements are delayed, if the kernel tells."""
    halves = {cell: percentiles(answered(made[cell]), (50,))[50] for cell in CELLS}
    begins = [number for those in made[SLOWEST] if (number := first_slow(those, WAITED))]
    return Outcome(
        findings=[
            *(_half(made, cell, halves[cell]) for cell in CELLS),
            _first(made),
            _begins(begins, pingpong),
        ],
        said=_said(made, halves, begins),
        columns=["sends", "nodelay", "connection", "exchange", "round_trip_ms"],
        rows=[
            [parts, int(nodelay), connection, number, None if time is None else round(1e3 * time, 4)]
            for (parts, nodelay), those in made.items()
            for connection, trips in enumerate(those, 1)
            for number, trip in enumerate(trips, 1)
            for time in [trip.round_trip]
        ],
        charts=[_chart(made)],
        table=_table(made),
    )


def _name(cell: tuple[str, bool]) -> str:
    return f"{cell[0]}-{'nodelay' if cell[1] else 'nagle'}"


def _half(made: Connections, cell: tuple[str, bool], half: Percentile | None) -> Finding:
    return finding.milliseconds(
        _name(cell),
        f"{CELLS[cell]}, median",
        half,
        sum(map(len, answered(made[cell]))),
        "exchanges",
        **(WAITS if cell == SLOWEST else AT_ONCE),
    )


def _first(made: Connections) -> Finding:
    return finding.repeats(
        "first",
        "the first exchange, two sends, Nagle",
        "ms",
        nth(answered(made[SLOWEST]), 1),
        "connections",
        expected=Expected(None, 1.0, "quick ACK: no timer yet"),
        because="Linux acknowledges a new connection's first segment at once, so its first body goes at once.",
        unless="This machine was busy, or its kernel delays acknowledgements from the first segment on.",
    )


def _begins(begins: list[int], pingpong: int | None) -> Finding:
    latest = 1 + (THRESHOLD_WITHOUT if pingpong is None else pingpong)
    return finding.repeats(
        "begins",
        "the first exchange that waits",
        "",
        begins,
        "connections",
        expected=Expected(2, latest, f"tcp_pingpong_thresh {UNKNOWN if pingpong is None else pingpong}"),
        because="After its first quick answers a connection counts as a conversation, and acknowledgements wait for "
        "answers to travel with.",
        unless="An answer that took over 40 ms does not make a conversation: is this machine busy?",
        missing="No exchange waited.",
    )


def _said(
    made: Connections, halves: dict[tuple[str, bool], Percentile | None], begins: list[int]
) -> list[str]:
    said = []
    slow, quick = halves[SLOWEST], halves["two", True]
    if slow and quick:
        both = f"{ms(slow.estimate)} ms with Nagle's algorithm and {ms(quick.estimate)} ms without it"
        factor = slow.estimate / quick.estimate
        times = f", {factor:,.0f} times as long" if factor > 2 else ""
        said.append(f"The same two sends take {both}{times}: the same bytes, and none was lost.")
    if begins:
        usual = round(median(begins))
        those = sum(number == usual for number in begins)
        said.append(
            f"On {those} of {len(made[SLOWEST])} connections exchange {usual} was the first that waited: a test of a "
            f"single request{' would not' if usual > 1 else ' would'} have shown it."
        )
    return said


def _table(made: Connections) -> list[list[str]]:
    rows = [["", "first ms", "second ms", "median ms", "slowest ms", "n"]]
    for cell, name in CELLS.items():
        times = answered(made[cell])
        everything = [1e3 * time for those in times for time in those]
        middles = [median(those) if those else None for those in (nth(times, 1), nth(times, 2), everything)]
        shown = [
            UNKNOWN if time is None else three_digits(time)
            for time in (*middles, max(everything, default=None))
        ]
        rows.append([name, *shown, f"{len(everything):,}"])
    return rows


def _chart(made: Connections) -> Curves:
    times = {cell: answered(made[cell]) for cell in CELLS}
    longest = max((len(trips) for those in times.values() for trips in those), default=0)
    numbers = range(1, longest + 1)
    series = [
        lines.middles(name, _name(cell), numbers, [nth(times[cell], number) for number in numbers])
        for cell, name in CELLS.items()
    ]
    return Curves(
        "nagle",
        "The round trip over its number on the connection: the median of all connections.",
        [
            Panel(
                "Exchange by exchange",
                "exchange on its connection",
                "round trip, ms",
                [one for one in series if one.x],
                [lines.level("delayed ACK, 40 to 50 ms", 1.0, max(longest, 1), 40.0, 50.0)],
                y_log=True,
                y_from_zero=False,
                note=f"n = {max(map(len, made.values()), default=0)} connections each",
            )
        ],
    )


EXPERIMENT = Experiment(
    name="nagle",
    ask=Number("what does a round trip take, if header and body are two sends?", "ms", "two-nagle"),
    seconds=(50, 12),
    run=run,
    link=False,
    think=(
        "The chat sets TCP_NODELAY (tcp/connection.py) and sends a frame in one call: why both, if one is enough?",
        "Nagle's algorithm keeps a terminal from sending a packet for each letter. What does one lose without it?",
    ),
)

"""Is UDP faster than TCP?

Question
    On a clean loopback, how long does a request of 100 bytes with its answer take over UDP, and how long over TCP?

Why it matters
    "UDP is faster" stands in nearly every report on this topic. Mostly it compares a datagram with a new TCP connection
    for each message, or a `sendto` that nobody answers with one that somebody does.

Prediction
    TCP numbers, acknowledges and checks everything; UDP does nothing of all that. What does that cost where nothing is
    lost?

Method
    One client, one echo server. Round trips one after the other (a closed loop: each waits for the answer to the last),
    over one UDP socket, over one TCP connection with TCP_NODELAY, and over a new TCP connection for each message. They
    take turns every 100, in every order equally often (who comes first finds cold caches), and are compared within a
    repeat: once with both programs on one processor, once with each on its own.

Expected
    About equal: the median of UDP is within a quarter of TCP's, and its p99 within a half (seen once: 56 µs and 52 to
    55; p99 73 to 79 and 61 to 73). The same system calls at both ends, and each program is woken up once: headers
    hardly count beside that.

    A new connection for each message costs several times as much (seen once: 4 times, with the programs where the
    system had put them): ten segments where there were three, and to open, accept and close at both ends. That is work
    of some 80 µs, wherever the programs run: 3 to 7 times a round trip on one processor, and 1.5 to 4 times one between
    two, which takes longer by itself, because it takes longer to wake somebody up on another processor.

What would change it
    Loss: then TCP waits, and UDP does not (experiment loss). TCP without TCP_NODELAY and in small pieces (experiment
    nagle). A longer way: a new connection then costs a round trip of it. An unfair turn: when UDP always came first,
    its p99 was 1.7 times TCP's here, for its first requests found the caches cold.
"""

import os
from itertools import cycle, islice, permutations
from statistics import median

from benchmarks.echo.run import Echo, Trip, round_trips
from benchmarks.echo.turns import Turns, ratios, times
from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.wording import UNKNOWN, extent, three_digits
from common.statistics import percentile

WAYS = {"udp": "UDP", "tcp": "TCP", "new": "TCP, a new connection each"}

TURN = 100
"""Round trips of one way, until it is the next one's turn."""

ONE, TWO = "one processor", "two processors"

NEW = {ONE: (3.0, 7.0), TWO: (1.5, 4.0)}
"""How many times as long a new connection for each takes."""

EQUAL = 1.25
"""Up to this factor two medians are called about equal."""


def run(lab: Lab) -> Outcome:
    """Take turns between the ways; new processes for each repeat."""
    repeats, rounds = lab.pick((10, 24), (3, 12))
    cpus = sorted(os.sched_getaffinity(0))
    places = {ONE: (cpus[0], cpus[0])}
    if len(cpus) > 1:
        places[TWO] = (cpus[0], cpus[1])
    else:
        lab.warnings.append("There is one processor only: what it takes between two was not measured.")
    turns: dict[tuple[str, str, int], list[list[Trip]]] = {}
    for repeat in range(1, repeats + 1):
        with lab.stage(f"repeat {repeat} of {repeats}") as stage:
            echoes = {place: Echo(stage, cpus=both) for place, both in places.items()}
            for order in islice(cycle(permutations(WAYS)), rounds):
                for place, echo in echoes.items():
                    for way in order:
                        made = echo.round_trips(way, TURN, "round trips")
                        turns.setdefault((place, way, repeat), []).append(made)
    found = outcome(turns)
    found.conditions = [
        ("network", "loopback"),
        ("request", "100 bytes, and 100 back"),
        ("repeats", f"{repeats}, each with {rounds * TURN:,} round trips of each way and place"),
    ]
    return found


def outcome(turns: Turns) -> Outcome:
    """What they say."""
    places = [place for place in (ONE, TWO) if any(which[0] == place for which in turns)]
    factors = [factor for place in places for factor in ratios(turns, place, "udp", "tcp", 50)]
    middle = median(factors) if factors else None
    return Outcome(
        findings=[*(one for place in places for one in _of_place(turns, place)), _lost(turns)],
        said=_said(turns, places),
        columns=["place", "way", "repeat", "turn", "n", "answered", "p50_us", "longest_us"],
        rows=[
            [place, way, repeat, number, len(turn), len(answered), *_microseconds(answered)]
            for (place, way, repeat), those in turns.items()
            for number, turn in enumerate(those, 1)
            for answered in [round_trips(turn)]
        ],
        charts=[_chart(turns, places)],
        answer=None if middle is None else 0 if middle < 1 / EQUAL else 1 if middle > EQUAL else 2,
        table=_table(turns, places),
    )


def _microseconds(answered: list[float]) -> list[float | None]:
    half, longest = percentile(answered, 50), max(answered, default=None)
    return [None if time is None else round(1e6 * time, 1) for time in (half, longest)]


def _of_place(turns: Turns, place: str) -> list[Finding]:
    short = "one" if place == ONE else "two"
    seen = "seen once: 56 µs and 52 to 55"
    return [
        finding.repeats(
            f"p50-{short}",
            f"UDP ÷ TCP, median, {place}",
            "×",
            ratios(turns, place, "udp", "tcp", 50),
            expected=Expected(1 / EQUAL, EQUAL, f"the same system calls and wake-ups; {seen}"),
            because="Where nothing is lost both do the same work: the same system calls, and one wake-up each way.",
            unless="Something else ran meanwhile, and met one of them more often: make it again.",
        ),
        finding.repeats(
            f"p99-{short}",
            f"UDP ÷ TCP, p99, {place}",
            "×",
            ratios(turns, place, "udp", "tcp", 99),
            expected=Expected(2 / 3, 1.5, "seen once: 73 to 79 µs and 61 to 73"),
            because="The tail is the machine's, which has other things to do too, and neither transport's.",
            unless="A tail is made of what else the machine does: the busier, the more chance has a part in it.",
        ),
        finding.repeats(
            f"new-{short}",
            f"new connections ÷ one kept, median, {place}",
            "×",
            ratios(turns, place, "new", "tcp", 50),
            expected=Expected(
                *NEW[place], "ten segments instead of three, six system calls more; seen once: 4"
            ),
            because="What is slow in TCP is to begin and to end: who keeps the connection pays for that once.",
            unless="To wake a program takes more or less time here than usual; opening and closing is beside that.",
        ),
    ]


def _lost(turns: Turns) -> Finding:
    udp = [trip for (_, way, _), those in turns.items() if way == "udp" for turn in those for trip in turn]
    return finding.count(
        "udp-lost",
        "UDP requests without an answer",
        sum(trip.received is None for trip in udp),
        len(udp),
        "requests",
        expected=Expected(0, 0, "one datagram at a time fills no buffer"),
        because="Nothing is lost on loopback as long as nobody is overrun.",
        unless="The server was kept from answering for three seconds: is this machine busy?",
    )


def _said(turns: Turns, places: list[str]) -> list[str]:
    said = []
    for place in places:
        udp, tcp, new = (percentile(times(turns, place, way), 50) for way in WAYS)
        if udp and tcp and new:
            said.append(
                f"On {place}, half of the round trips took at most {three_digits(1e6 * udp)} µs over UDP and "
                f"{three_digits(1e6 * tcp)} µs over TCP, and {three_digits(1e6 * new)} µs over a new connection each."
            )
    halves = [percentile(times(turns, place, "tcp"), 50) for place in places]
    if len(halves) == 2 and halves[0] and halves[1]:
        slower = places[halves[0] < halves[1]]
        factor = max(halves[0] / halves[1], halves[1] / halves[0])
        said.append(
            f"The same round trip over TCP takes {three_digits(factor)} times as long on {slower}: who compares "
            "transports has to hold still where the programs run."
        )
    return said


def _table(turns: Turns, places: list[str]) -> list[list[str]]:
    rows = [["way", "programs on", "p50 µs", "p99 µs", "n"]]
    for place in places:
        for way, name in WAYS.items():
            answered = times(turns, place, way)
            cells = [percentile(answered, percent) for percent in (50, 99)]
            shown = [UNKNOWN if cell is None else three_digits(1e6 * cell) for cell in cells]
            rows.append([name, place, *shown, f"{len(answered):,}"])
    return rows


def _chart(turns: Turns, places: list[str]) -> Curves:
    panels = []
    for place in places:
        taken = {way: [1e6 * time for time in times(turns, place, way)] for way in WAYS}
        panels.append(
            Panel(
                f"Both programs on {place}",
                "round trip, µs",
                "round trips that took longer, %",
                [lines.slower(WAYS[way], way, those) for way, those in taken.items() if those],
                x_log=True,
                y_log=True,
                y_from_zero=False,
                note=f"n = {extent(sorted(map(len, taken.values())))} round trips each way",
            )
        )
    return Curves(
        "faster",
        "The share of round trips that took longer than a time: at 50 % stands the median, at 1 % the p99. Each line "
        "ends where fewer than ten are beyond.",
        panels,
    )


EXPERIMENT = Experiment(
    name="faster",
    ask=Choice(
        "which is faster on a clean loopback, one after the other?",
        ("UDP, clearly", "TCP, clearly", "neither: they differ by less than a quarter"),
    ),
    seconds=(16, 4),
    run=run,
    link=False,
    think=(
        "Which of a report's sentences 'UDP is faster' does this one contradict, and which not? What would you ask it?",
        "A new connection for each message costs this much on loopback. What does it cost with 50 ms there and back?",
    ),
)

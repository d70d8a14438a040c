"""Measured wrongly: closed and open loop.

Question
    A server stands still for 1 second in every 8. What p99 do two clients report that ask it at the same time?

Why it matters
    The usual measuring program sends, waits for the answer, notes the time, and sends again. It asks less while the
    server is slow, so that just what it wants to find is missing from its sample. Gil Tene calls that coordinated
    omission, and many a published p99 is made so.

Prediction
    Both clients want to ask 200 times a second, and both see every stall. How large is the p99 of the one that waits
    for each answer?

Method
    An echo server on loopback, and two clients at once. The closed loop asks every 5 ms, but never before the answer to
    its last request has come, and counts from when it sent. The open loop asks by a plan made beforehand, one
    request every 5 ms, whatever became of those before it, and counts from when each was due.

Expected
    Closed: p99 under 10 ms (seen once: 0.1 ms). Each stall meets one request, of the 1400 of 8 seconds: 0.07 %, and a
    p99 looks at the slowest 1 %.

    Open: one request in eight is due while the server stands still, and waits for what is left of that second. Slowest
    is 1 % of all, so 8 % of those: 1 s · (1 − 0.01 · 8) = 920 ms, and a little for working off what has piled up (seen
    once: 931 ms). That is what somebody meets who comes at any moment, as people do.

    The longest is a second in both. And if one adds to the closed loop's sample, afterwards, the requests that it
    should have sent meanwhile (HdrHistogram's recordValueWithExpectedInterval), it says the same as the open loop.

What would change it
    Stalls that are shorter than the interval: then nothing is omitted. Many clients with a closed loop each: the fewer
    requests each of them sends, the less is hidden. What a client is for: one that really waits for each answer before
    it goes on is a closed loop.
"""

import time
from collections.abc import Iterable
from statistics import median

from benchmarks.echo.run import Echo, Trip
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.stage import Failed
from benchmarks.wording import UNKNOWN, listed, ms, percent, three_digits
from common.statistics import percentile

EVERY, STALL, INTERVAL = 8.0, 1.0, 0.005
"""Seconds: the server stands still for `STALL` in every `EVERY`, each client wants to ask every `INTERVAL`."""

PERIODS = 2
"""Stalls of a repeat."""

FIRST = 3.5
"""Seconds into each period at which it stands still."""

HEAD_START = 0.5
"""Seconds until a repeat begins: its processes have been told by then."""

LATE = 0.1
"""Seconds from which on a request has met a stall: no other delay of a machine is so long."""

SECOND = 1_000_000_000

CLOSED, OPEN = "closed", "open"

Repeats = list[dict[str, list[Trip]]]
"""The requests of both clients, repeat by repeat."""


def run(lab: Lab) -> Outcome:
    """Both clients at the same time; new processes for each repeat."""
    repeats: Repeats = []
    count = lab.pick(4, 1)
    for repeat in range(1, count + 1):
        with lab.stage(f"repeat {repeat} of {count}") as stage:
            repeats.append(measure(Echo(stage, clients=2), EVERY, STALL, FIRST, INTERVAL, PERIODS))
    late = max(trip.sent - trip.due for one in repeats for trip in one[OPEN])
    if late > LATE:
        lab.warnings.append(
            f"The open loop itself sent up to {ms(late)} ms late: its latencies, which count from when a request was "
            "due, contain that."
        )
    found = outcome(repeats)
    found.conditions = [
        ("network", "loopback"),
        ("server", f"an echo, stands still {STALL:g} s in every {EVERY:g}"),
        (
            "clients",
            f"one of each kind at once, a TCP connection each, a request every {1e3 * INTERVAL:g} ms",
        ),
        ("repeats", f"{count} of {PERIODS * EVERY:g} s, with {PERIODS} stalls each"),
        ("the open loop sent late by", f"{ms(late)} ms at most"),
    ]
    return found


def measure(
    echo: Echo, every: float, stall: float, first: float, interval: float, periods: int
) -> dict[str, list[Trip]]:
    """One repeat. Raises Failed if the server did not stand still as it was told to, or answered not everything."""
    start = time.monotonic_ns() + round(HEAD_START * SECOND)
    echo.stall([start + round((first + number * every) * SECOND) for number in range(periods)], stall)
    closed, opened = echo.loops((CLOSED, OPEN), start, periods * every, interval, "measuring")
    stood = echo.stalled()
    if len(stood) != periods or not all(stall <= seconds <= 1.1 * stall for seconds in stood):
        times = listed([three_digits(seconds) for seconds in stood]) or "never"
        raise Failed(
            f"The server was to stand still for {stall:g} s {periods} times, and did so for: {times}."
        )
    if silent := sum(trip.received is None for trip in closed + opened):
        raise Failed(
            f"{silent} requests were never answered: the server did more than to stand still for {stall:g} s."
        )
    return {CLOSED: closed, OPEN: opened}


def corrected(round_trips: Iterable[float], interval: float) -> list[float]:
    """The sample of a closed loop, with the requests added that it left out: for each round trip longer than
    `interval` those that were due meanwhile, each of which would have waited for an interval less (HdrHistogram,
    recordValueWithExpectedInterval). Seconds."""
    found = []
    for time_taken in round_trips:
        found.append(time_taken)
        missing = time_taken - interval
        while missing >= interval:
            found.append(missing)
            missing -= interval
    return found


def samples(repeat: dict[str, list[Trip]]) -> dict[str, list[float]]:
    """What each way of measuring has for a sample, in seconds, the shortest first: the closed loop counts from when it
    sent, the open one from when a request was due."""
    closed = [trip.round_trip for trip in repeat[CLOSED] if trip.round_trip is not None]
    opened = [trip.latency for trip in repeat[OPEN] if trip.latency is not None]
    return {CLOSED: sorted(closed), OPEN: sorted(opened), "corrected": sorted(corrected(closed, INTERVAL))}


def outcome(repeats: Repeats) -> Outcome:
    """What they say."""
    sampled = [samples(repeat) for repeat in repeats]
    return Outcome(
        _findings(repeats, sampled),
        _said(sampled),
        ["repeat", "loop", "due_s", "sent_s", "received_s"],
        [
            [number, loop, *(None if value is None else round(value, 6) for value in trip)]
            for number, repeat in enumerate(repeats, 1)
            for loop, trips in repeat.items()
            for trip in trips
        ],
        charts=[_chart(repeats)],
        table=_table(sampled),
    )


Samples = list[dict[str, list[float]]]


def _p99(sampled: Samples, which: str) -> list[float]:
    """Of each repeat that has one, in milliseconds."""
    found = (percentile(one[which], 99) for one in sampled)
    return [1e3 * value for value in found if value is not None]


def _findings(repeats: Repeats, sampled: Samples) -> list[Finding]:
    foreseen = 1e3 * STALL * (1 - 0.01 * EVERY / STALL)
    whole = Expected(foreseen - 20, foreseen + 40, "1 s · (1 − 0.01 · 8) = 920 ms; seen once: 931")
    late = [100 * sum(value > LATE for value in one[OPEN]) / len(one[OPEN]) for one in sampled if one[OPEN]]
    met = [float(sum(value > LATE for value in one[CLOSED])) for one in sampled]
    omitted = [100 * (1 - len(repeat[CLOSED]) / len(repeat[OPEN])) for repeat in repeats if repeat[OPEN]]
    busy = "This machine was busy, and programs had to wait for a processor as well as for the server."
    return [
        finding.repeats(
            "closed-p99",
            "closed loop, p99",
            "ms",
            _p99(sampled, CLOSED),
            expected=Expected(None, 10.0, "one request of 1400 meets a stall; seen once: 0.1 ms"),
            because="While the server stands still, the closed loop stands still with it and asks nothing.",
            unless=busy,
        ),
        finding.repeats(
            "open-p99",
            "open loop, p99",
            "ms",
            _p99(sampled, OPEN),
            expected=whole,
            because="Who does not wait for answers asks during the stall, too, and each of these requests waits for "
            "what is left of it.",
            unless=busy,
        ),
        finding.repeats(
            "corrected-p99",
            "closed loop, corrected, p99",
            "ms",
            _p99(sampled, "corrected"),
            expected=whole,
            because="What a closed loop left out can be reckoned, if one knows how often it wanted to ask.",
            unless=busy,
        ),
        finding.repeats(
            "closed-met",
            "requests over 100 ms, closed loop",
            "",
            met,
            expected=Expected(PERIODS, PERIODS, "one for each stall"),
            because="One request waits, and until it is answered there is no second one.",
            unless=busy,
        ),
        finding.repeats(
            "open-late",
            "requests over 100 ms, open loop",
            "%",
            late,
            expected=Expected(11.0, 12.0, "1 s in 8, but for its last 100 ms: 11.25 %"),
            because="Requests come at any moment, and one moment in eight is one of a stall.",
            unless=busy,
        ),
        finding.repeats(
            "omitted",
            "requests the closed loop left out",
            "%",
            omitted,
            expected=Expected(12.0, 14.0, "1 s in 8: 12.5 %"),
            because="Those it left out are just those that would have been slow: the omission is coordinated.",
            unless=busy,
        ),
        finding.repeats(
            "closed-longest",
            "the longest, closed loop",
            "ms",
            [1e3 * max(one[CLOSED]) for one in sampled if one[CLOSED]],
            expected=Expected(1e3 * STALL - 2 * 1e3 * INTERVAL, 1e3 * STALL + 50, "the stall"),
            because="The maximum can't be hidden that way: look at it, beside every percentile.",
            unless=busy,
        ),
    ]


def _said(sampled: Samples) -> list[str]:
    closed, opened, mended = (_p99(sampled, which) for which in (CLOSED, OPEN, "corrected"))
    said = []
    if closed and opened:
        one, other = median(closed), median(opened)
        times = f", {other / one:,.0f} times as much" if other > 2 * one else ""
        said.append(
            "The same server at the same time: the closed loop says that its p99 is "
            f"{three_digits(one)} ms, the open one {three_digits(other)} ms{times}."
        )
    if mended:
        said.append(f"Corrected afterwards, the closed loop's p99 is {three_digits(median(mended))} ms.")
    halves = [percentile(one[OPEN], 50) for one in sampled]
    if known := [half for half in halves if half is not None]:
        said.append(
            f"The median of the open loop is {ms(median(known))} ms: who reports nothing else does not see the stalls "
            "with either."
        )
    return said


def _table(sampled: Samples) -> list[list[str]]:
    rows = [["measured by", "median ms", "p99 ms", "longest ms", "over 100 ms", "n"]]
    for which, name in (
        (CLOSED, "the closed loop"),
        ("corrected", "the closed loop, corrected"),
        (OPEN, "the open loop"),
    ):
        times = sorted(value for one in sampled for value in one[which])
        share = percent(sum(value > LATE for value in times) / len(times)) + " %" if times else UNKNOWN
        rows.append(
            [
                name,
                ms(percentile(times, 50)),
                ms(percentile(times, 99)),
                ms(max(times, default=None)),
                share,
                f"{len(times):,}",
            ]
        )
    return rows


def _chart(repeats: Repeats) -> Curves:
    panels = []
    first = repeats[0] if repeats else {CLOSED: [], OPEN: []}
    for loop, title, word in (
        (CLOSED, "Closed loop: asks nothing while the server stands still", "sent"),
        (OPEN, "Open loop: asks as people come, at any moment", "due"),
    ):
        trips = first[loop]
        x = [trip.sent if loop == CLOSED else trip.due for trip in trips]
        taken = [trip.round_trip if loop == CLOSED else trip.latency for trip in trips]
        y = [None if value is None else 1e3 * value for value in taken]
        times = sorted(value for value in y if value is not None)
        p99 = percentile(times, 99)
        ends = [0.0, max(x, default=1.0)]
        references = (
            []
            if p99 is None
            else [Reference(f"p99 of the {loop} loop, {three_digits(p99)} ms", ends, [p99, p99])]
        )
        panels.append(
            Panel(
                title,
                f"when it was {word}, s",
                f"latency since {word}, ms",
                [Series("a request", "request", x, y, joined=False)],
                references,
                y_log=True,
                y_from_zero=False,
                note=f"n = {len(trips):,}, the first repeat",
            )
        )
    return Curves(
        "open-loop",
        "Every request of both clients to the same server at the same time. Above, what is due while the server stands "
        "still is not asked; below it is, and waits.",
        panels,
    )


EXPERIMENT = Experiment(
    name="open-loop",
    ask=Number("which p99 does the client report that waits for each answer?", "ms", "closed-p99"),
    seconds=(68, 18),
    run=run,
    link=False,
    think=(
        "Find out how make compare decides when to send the next message. Which loop is it, and where in the code?",
        "A shop measures how long its customers wait by asking those who are served. What is missing?",
    ),
)

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

from statistics import median

from benchmarks.echo.loops import CLOSED, CORRECTED, OPEN, Stalls, measure, samples
from benchmarks.echo.run import Echo, Trip
from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel, Series
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.wording import UNKNOWN, ms, percent, three_digits
from common.statistics import percentile

STALLS = Stalls(every=8.0, seconds=1.0, first=3.5, periods=2)
"""Of a repeat."""

INTERVAL = 0.005
"""Seconds from one request to the next, as both clients want it."""

LATE = 0.1
"""Seconds from which on a request has met a stall: no other delay of a machine is so long."""

NAMES = {
    CLOSED: "the closed loop",
    CORRECTED: "the closed loop, corrected",
    OPEN: "the open loop",
}

BUSY = "This machine was busy, and programs had to wait for a processor as well as for the server."

Repeats = list[dict[str, list[Trip]]]
"""The requests of both clients, repeat by repeat."""

Samples = list[dict[str, list[float]]]
"""What each way of measuring makes of them, in seconds, the shortest first."""


def run(lab: Lab) -> Outcome:
    """Both clients at the same time; new processes for each repeat."""
    repeats: Repeats = []
    count = lab.pick(4, 1)
    for repeat in range(1, count + 1):
        with lab.stage(f"repeat {repeat} of {count}") as stage:
            repeats.append(measure(Echo(stage, clients=2), STALLS, INTERVAL))
    late = max(trip.sent - trip.due for one in repeats for trip in one[OPEN])
    if late > LATE:
        lab.warnings.append(
            f"The open loop itself sent up to {ms(late)} ms late: its latencies, which count from when a request was "
            "due, contain that."
        )
    found = outcome(repeats)
    found.conditions = [
        ("network", "loopback"),
        ("server", f"an echo, stands still {STALLS.seconds:g} s in every {STALLS.every:g}"),
        ("clients", f"one of each kind, a TCP connection each, a request every {1e3 * INTERVAL:g} ms"),
        ("repeats", f"{count} of {STALLS.periods * STALLS.every:g} s, with {STALLS.periods} stalls each"),
        ("the open loop sent late by", f"{ms(late)} ms at most"),
    ]
    return found


def outcome(repeats: Repeats) -> Outcome:
    """What they say."""
    sampled = [samples(repeat, INTERVAL) for repeat in repeats]
    return Outcome(
        findings=_findings(repeats, sampled),
        said=_said(sampled),
        columns=["repeat", "loop", "due_s", "sent_s", "received_s"],
        rows=[
            [number, loop, *(None if value is None else round(value, 6) for value in trip)]
            for number, repeat in enumerate(repeats, 1)
            for loop, trips in repeat.items()
            for trip in trips
        ],
        charts=[_chart(repeats)],
        table=_table(sampled),
    )


def _p99(sampled: Samples, which: str) -> list[float]:
    """Of each repeat that has one, in milliseconds."""
    found = (percentile(one[which], 99) for one in sampled)
    return [1e3 * value for value in found if value is not None]


def _findings(repeats: Repeats, sampled: Samples) -> list[Finding]:
    stall = 1e3 * STALLS.seconds
    foreseen = stall * (1 - 0.01 * STALLS.every / STALLS.seconds)
    whole = Expected(foreseen - 20, foreseen + 40, "1 s · (1 − 0.01 · 8) = 920 ms; seen once: 931")
    return [
        finding.repeats(
            "closed-p99",
            "closed loop, p99",
            "ms",
            _p99(sampled, CLOSED),
            expected=Expected(None, 10.0, "one request of 1400 meets a stall; seen once: 0.1 ms"),
            because="While the server stands still, the closed loop stands still with it and asks nothing.",
            unless=BUSY,
        ),
        finding.repeats(
            "open-p99",
            "open loop, p99",
            "ms",
            _p99(sampled, OPEN),
            expected=whole,
            because="Who does not wait for answers asks during the stall, too, and each of these requests waits for "
            "what is left of it.",
            unless=BUSY,
        ),
        finding.repeats(
            "corrected-p99",
            "closed loop, corrected, p99",
            "ms",
            _p99(sampled, CORRECTED),
            expected=whole,
            because="What a closed loop left out can be reckoned, if one knows how often it wanted to ask.",
            unless=BUSY,
        ),
        finding.repeats(
            "closed-met",
            "requests over 100 ms, closed loop",
            "",
            [float(sum(value > LATE for value in one[CLOSED])) for one in sampled],
            expected=Expected(STALLS.periods, STALLS.periods, "one for each stall"),
            because="One request waits, and until it is answered there is no second one.",
            unless=BUSY,
        ),
        finding.repeats(
            "omitted",
            "requests the closed loop left out",
            "%",
            [100 * (1 - len(repeat[CLOSED]) / len(repeat[OPEN])) for repeat in repeats if repeat[OPEN]],
            expected=Expected(12.0, 14.0, "1 s in 8: 12.5 %"),
            because="Those it left out are just those that would have been slow: the omission is coordinated.",
            unless=BUSY,
        ),
        finding.repeats(
            "closed-longest",
            "the longest, closed loop",
            "ms",
            [1e3 * max(one[CLOSED]) for one in sampled if one[CLOSED]],
            expected=Expected(stall - 2e3 * INTERVAL, stall + 50, "the stall"),
            because="The maximum can't be hidden that way: look at it, beside every percentile.",
            unless=BUSY,
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
    for which, name in NAMES.items():
        times = sorted(value for one in sampled for value in one[which])
        share = percent(sum(value > LATE for value in times) / len(times)) + " %" if times else UNKNOWN
        shown = [percentile(times, 50), percentile(times, 99), max(times, default=None)]
        rows.append([name, *map(ms, shown), share, f"{len(times):,}"])
    return rows


def _chart(repeats: Repeats) -> Curves:
    first = repeats[0] if repeats else {CLOSED: [], OPEN: []}
    return Curves(
        "open-loop",
        "Every request of both clients to the same server at the same time. Above, what is due while the server stands "
        "still is not asked; below it is, and waits.",
        [
            _panel(
                CLOSED,
                "Closed loop: asks nothing while the server stands still",
                "sent",
                [(trip.sent, trip.round_trip) for trip in first[CLOSED]],
            ),
            _panel(
                OPEN,
                "Open loop: asks as people come, at any moment",
                "due",
                [(trip.due, trip.latency) for trip in first[OPEN]],
            ),
        ],
    )


def _panel(loop: str, title: str, since: str, points: list[tuple[float, float | None]]) -> Panel:
    """Every request of one loop: when it was sent or due, and how long it took since then (both in seconds)."""
    x = [at for at, _ in points]
    y = [None if taken is None else 1e3 * taken for _, taken in points]
    p99 = percentile(sorted(taken for taken in y if taken is not None), 99)
    name = f"p99 of the {loop} loop, {three_digits(p99 or 0.0)} ms"
    return Panel(
        title,
        f"when it was {since}, s",
        f"latency since {since}, ms",
        [Series("a request", "request", x, y, joined=False)],
        [] if p99 is None else [lines.level(name, 0.0, max(x), p99)],
        y_log=True,
        y_from_zero=False,
        note=f"n = {len(points):,}, the first repeat",
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

"""What becomes of one lost segment?

Question
    A single packet of a TCP connection is lost. Who notices, who sends it again, and how late does it come?

Why it matters
    All that TCP's reliability costs is made of this one event. Who has seen it once understands every tail of every
    latency curve, and why programs that say little suffer most.

Prediction
    One message every 100 ms, 50 ms there and back. One is lost. How long after it was due does the program at the other
    end get it? And if it is the only message for a long while?

Method
    Not by chance: the link is out for an instant, exactly when all flows, which speak together, say the chosen message.
    It is 25 ms long each way; acknowledgements are never lost. First a message every 100 ms, over both transports; then
    one every 1.5 s over TCP: of every second one the outage takes the first sending, the first two, or the first three.
    The link's capture shows who sent what when; the kernel's counters say why.

Expected
    Every 100 ms: the next message comes through, its acknowledgement says by SACK (RFC 2018) that one is missing, and
    RACK (RFC 8985) sends that one again at once. That makes the interval of 100 ms, a round trip of 50 and one way of
    25: 175 ms. The message behind it has long been there, and is held back for 50 ms: it takes 75 instead of 25. The
    one after that comes in time.

    Alone: nobody can tell, so a timer must. RTO = SRTT + 4 RTTVAR (RFC 6298), and Linux counts at least 200 ms for the
    second part: 250 ms here. (The RFC wants an RTO of at least 1 s; Linux never did.) When it has passed, Linux first
    sends a loss probe (TLP, RFC 8985 §7, whose own time of 2 SRTT + 200 ms is cut to the RTO), then waits for the RTO
    itself, and only from then on doubles: sent again after 250, 500, 1000 ms, it comes 25 ms later. A kernel timer may
    be late by an eighth of its time, never early (Linux, kernel/time/timer.c). Every 500 ms instead, 276, 576 and
    1076 ms were seen once: the last of them is the next message's help again, the interval + 76 ms.

    UDP: the message never comes, and the one behind it comes as if nothing had happened.

What would change it
    A shorter interval brings the help of the next message sooner, down to one round trip and one way (experiment thin);
    the timer is never better than 200 ms plus the round trip. Loss of the repetition doubles the wait each time
    (experiment outage). A program that needs each message in time can repeat it itself, over UDP.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from msgspec import structs

from benchmarks.flow import fates
from benchmarks.flow.run import Flows
from benchmarks.labbook import anatomy, finding, streams
from benchmarks.labbook.chart import Anatomy, Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Failed, Lab, Plan
from benchmarks.labbook.streams import Stream
from benchmarks.wording import UNKNOWN, listed, ms

DELAY = 0.025
"""Seconds, each way."""

OFTEN, SELDOM = 0.1, 1.5
"""Seconds between two messages: so that the next one helps, and so that none can in time."""

EARLY = 0.010
"""Seconds before a message is due that its outage begins: nobody speaks then."""

LASTING = {1: 0.04, 2: 0.41, 3: 0.77}
"""Seconds that an outage lasts which is to take so many sendings: it ends between the last of them and the next, each
of which may be late."""

RTO = (0.250, 0.291)
"""Seconds: SRTT + 200 ms, and as late as Linux's timers may make it (an eighth, and a tick of 4 ms)."""

WAITS = (1, 1, 2)
"""RTOs until the probe, from there to the first timeout, from there to the second."""

BUSY = 0.015
"""Seconds that this machine may add by itself."""

BESIDE = range(-2, 5)
"""Messages around the lost one that the figure shows."""

COUNTED = {
    "TCPFastRetrans": ("repeated because of SACK", "RFC 8985: one for each gap that SACK shows"),
    "TCPLossProbes": ("repeated by the probe", "RFC 8985 §7: the first repetition of each"),
    "TCPTimeouts": ("repeated by the timer", "RFC 6298: each repetition after the probe"),
}
"""The kernel's counters of repetitions, what they say, and the source of what is expected."""


class Hit(NamedTuple):
    """A message that is to be lost: its number, and how many of its sendings."""

    number: int
    times: int

    def outage(self, spacing: float) -> tuple[float, float]:
        """From when until when, in seconds since the run's first moment."""
        begin = self.number * spacing - EARLY
        return begin, begin + LASTING[self.times]


class Lost(NamedTuple):
    """What became of one message that was to be lost, in one flow: how often it was, how many seconds after it was due
    it was sent again, and when the program had it."""

    hit: Hit
    times: int
    again: tuple[float, ...]
    latency: float | None

    @property
    def as_planned(self) -> bool:
        """Whether the link took what it was to take, no more and no less."""
        return self.times == self.hit.times and self.latency is not None


@dataclass
class Case:
    """All runs with one interval. `found` says of each TCP flow, in the order of `runs`, what became of its `hits`."""

    spacing: float
    hits: Sequence[Hit]
    runs: list[Flows] = field(default_factory=list)
    found: list[tuple[int, Stream, list[Lost]]] = field(default_factory=list)

    def those(self, times: int = 1) -> list[Lost]:
        """All that were lost so often, and were to be."""
        return [
            one for *_, of_flow in self.found for one in of_flow if one.hit.times == times and one.as_planned
        ]

    def beside(self, transport: str, distance: int) -> list[float]:
        """The latencies of the messages that stand so far behind (below 0: before) one that was lost as planned."""
        strays = {
            (repeat, stream.flow, one.hit.number)
            for repeat, stream, of_flow in self.found
            for one in of_flow
            if not one.as_planned
        }
        numbers = {hit.number for hit in self.hits}
        return [
            fate.latency
            for made in self.runs
            if transport in made.by
            for fate in made.by[transport].messages
            if fate.number - distance in numbers and fate.latency is not None
            if (made.plan.repeat, fate.flow, fate.number - distance) not in strays
        ]

    def kernel(self, name: str) -> int | None:
        """What the kernel counted in all runs; None if it did not tell."""
        counts = [(made.account.kernel or {}).get(name) for made in self.runs]
        there = [count for count in counts if count is not None]
        return sum(there) if there and len(there) == len(counts) else None


def lost(stream: Stream, hit: Hit) -> Lost:
    """What became of this message of this flow."""
    fate, sent = stream.fates[hit.number], stream.sent(hit.number)
    again = tuple(one.enters - fate.due for one in sent if one.again)
    return Lost(hit, sum(one.arrives is None for one in sent), again, fate.latency)


def run(lab: Lab) -> Outcome:
    """Take turns between the two intervals."""
    flows, repeats = 10, lab.pick(3, 1)
    often = Case(OFTEN, [Hit(number, 1) for number in lab.pick((10, 20, 30, 40), (10, 20))])
    # Between them one that comes: until an acknowledgement has gone past a probe, Linux sends no other.
    seldom = Case(SELDOM, [Hit(1, 1), Hit(3, 2), Hit(5, 3)])
    for repeat in range(1, repeats + 1):
        for case in (often, seldom):
            plan = Plan(
                flows=flows,
                interval=case.spacing,
                seconds=(case.hits[-1].number + (6 if case is often else 1)) * case.spacing,
                transports=("tcp", "udp") if case is often else ("tcp",),
                together=True,
                settle=0.2,
                drain=5.0,
                repeat=repeat,
            )
            _measure(lab, case, plan)
    return outcome(often, seldom)


def outcome(often: Case, seldom: Case) -> Outcome:
    """What all runs show."""
    return Outcome(
        findings=_of_often(often) + _of_seldom(seldom),
        said=_said(often, seldom),
        columns=["interval_ms", "transport", "repeat", *fates.COLUMNS],
        rows=[
            [round(1e3 * case.spacing), transport, each.repeat, *fate]
            for case in (often, seldom)
            for made in case.runs
            for transport, each in made.by.items()
            for fate in each.messages
        ],
        table=_table(often, seldom),
        charts=[
            *_anatomy(
                often,
                "one-segment-helped",
                "One message every 100 ms, one lost. The next one's acknowledgement tells the sender; what comes "
                "meanwhile is held back.",
            ),
            *_anatomy(
                seldom,
                "one-segment-alone",
                "One message alone: nothing behind it can tell the sender, so timers must, and from the second on each "
                "wait is twice the last.",
            ),
            _chart(often, seldom),
        ],
        conditions=[
            ("link", "25 ms each way; only messages are lost"),
            ("flows", f"{seldom.runs[0].plan.flows} of each transport, which speak together, 100 bytes"),
            ("repeats", str(len(seldom.runs))),
        ],
        captures=[_capture(case.spacing, 1) for case in (often, seldom)],
    )


def _capture(spacing: float, repeat: int) -> str:
    return f"one-segment-{round(1e3 * spacing)}ms-{repeat}.pcapng"


def _measure(lab: Lab, case: Case, plan: Plan) -> None:
    """One run, and what the capture says of it. Raises Failed if the link took others than it was to take."""
    outages = [hit.outage(case.spacing) for hit in case.hits]
    words = [f"outage {round(1e3 * begin)}ms {round(1e3 * (end - begin))}ms" for begin, end in outages]
    every, name = f"every {ms(case.spacing)} ms, repeat {plan.repeat}", _capture(case.spacing, plan.repeat)
    up = f"delay 25ms {' '.join(words)}"
    made = lab.flows(plan, up, "delay 25ms", doing=every, capture=name)
    found = [
        (plan.repeat, stream, [lost(stream, hit) for hit in case.hits])
        for stream in streams.read(made, lab.directory / name, DELAY)
    ]
    if plan.repeat > 1:
        (lab.directory / name).unlink()  # the first shows as much
    right = [one.as_planned for *_, of_flow in found for one in of_flow]
    if 2 * sum(right) < len(right):
        raise Failed(
            f"Of {len(right)} messages that the link was to lose, only {sum(right)} were lost as often as they were to "
            "be: this machine was too busy to speak on time. Try again when it is idle."
        )
    if not all(right):
        lab.warnings.append(
            f"{len(right) - sum(right)} of {len(right)} messages ({every}) were not lost as often as they were to be, "
            "and are left out of the figures."
        )
    case.runs.append(made)
    case.found += found


# --- findings -------------------------------------------------------------------------------------


def timer(times: int) -> tuple[float, float]:
    """From when until when, in seconds, a message that is alone and loses its first `times` sendings is expected."""
    rtos = sum(WAITS[:times])
    return RTO[0] * rtos + DELAY, RTO[1] * rtos + DELAY + BUSY


def _median(name: str, what: str, those: Sequence[float | None], expected: Expected, because: str) -> Finding:
    """The median of these latencies, with the lowest and the highest."""
    return finding.repeats(
        name,
        what,
        "ms",
        [1e3 * one for one in those if one is not None],
        "messages",
        expected=expected,
        because=because,
        unless="This machine was busy: the link or the flows had to wait for a processor.",
        missing="none came.",
    )


def _of_often(case: Case) -> list[Finding]:
    def around(seconds: float, source: str) -> Expected:
        return Expected(1e3 * seconds, 1e3 * (seconds + BUSY), source)

    return [
        _median(
            "lost",
            "every 100 ms: the lost one",
            [one.latency for one in case.those()],
            around(OFTEN + 3 * DELAY, "interval + RTT + one way"),
            "The next message's acknowledgement shows the gap (SACK), and RACK repeats what is missing at once.",
        ),
        _median(
            "behind",
            "… the one behind it",
            case.beside("tcp", 1),
            around(3 * DELAY, "RTT + one way"),
            "It had come, and TCP hands on nothing before what is missing: it was held back (head-of-line blocking).",
        ),
        _median(
            "behind-2",
            "… the second one behind",
            case.beside("tcp", 2),
            around(DELAY, "one way"),
            "By the time it came the gap was filled.",
        ),
        _median(
            "udp-behind",
            "… UDP: the one behind it",
            case.beside("udp", 1),
            around(DELAY, "one way"),
            "Over UDP nothing waits for anything.",
        ),
        _counted(case, "TCPFastRetrans", 1),
    ]


def _of_seldom(case: Case) -> list[Finding]:
    because = (
        "Nothing behind it shows the gap, so a timer must run out; from the second time on it is doubled."
    )
    found = []
    for times, what in ((1, "alone: lost once"), (2, "… lost twice"), (3, "… lost three times")):
        low, high = timer(times)
        waits = " + ".join(f"{wait} RTO" if wait > 1 else "RTO" for wait in WAITS[:times])
        expected = Expected(1e3 * low, 1e3 * high, f"{waits} + one way; RTO = SRTT + 200 ms (Linux)")
        latencies = [one.latency for one in case.those(times)]
        found.append(_median(f"alone-{times}", what, latencies, expected, because))
    each = len(case.hits)
    later = sum(hit.times - 1 for hit in case.hits)
    return [*found, _counted(case, "TCPLossProbes", 1), _counted(case, "TCPTimeouts", later / each)]


def _counted(case: Case, counter: str, each: float) -> Finding:
    """What the kernel counted, where so many are expected for each message that was to be lost."""
    what, source = COUNTED[counter]
    n = sum(len(of_flow) for *_, of_flow in case.found)
    value = case.kernel(counter)
    return Finding(
        counter,
        f"… {what}",
        "",
        None if value is None else float(value),
        n,
        "lost",
        expected=Expected(round(each * n), round(each * n), source),
        because="The kernel's own counters say the same of who sent it again.",
        unless="The kernel repeated something else, too, or otherwise: on a busy machine timers run out that should "
        "not, and net.ipv4.tcp_early_retrans = 0 takes the probe away.",
        missing=f"this kernel does not count {counter}.",
    )


# --- words, table, figures ------------------------------------------------------------------------


def _middle(those: Sequence[float | None]) -> float | None:
    came = [one for one in those if one is not None]
    return median(came) if came else None


def _again(those: Sequence[Lost], times: int) -> list[str]:
    """When they were sent again, each time: medians, in ms."""
    return [ms(_middle([one.again[at] for one in those if len(one.again) > at])) for at in range(times)]


def _said(often: Case, seldom: Case) -> list[str]:
    said = []
    helped, alone = (_middle([one.latency for one in case.those()]) for case in (often, seldom))
    if helped and alone:
        said.append(
            f"Lost once, a message came after {ms(helped)} ms where another followed it after 100 ms, and after "
            f"{ms(alone)} ms where none did."
        )
    if behind := _middle(often.beside("tcp", 1)):
        said.append(
            f"The message behind the lost one took {ms(behind)} ms, of which it was under way for {ms(DELAY)}: for the "
            "rest it was kept from the program that wanted it."
        )
    if many := seldom.those(3):
        said.append(
            f"Alone and lost three times, it was sent again {listed(_again(many, 3))} ms after it was due."
        )
    if udp := [made.by["udp"] for made in often.runs if "udp" in made.by]:
        sent = [
            fate
            for each in udp
            for fate in each.messages
            if any(fate.number == hit.number for hit in often.hits)
        ]
        gone = sum(fate.received is None for fate in sent)
        said.append(f"Over UDP {gone} of {len(sent)} such messages never came.")
    return said


def _table(often: Case, seldom: Case) -> list[list[str]]:
    rows = [["", "sent again, ms", "came, ms", "n"]]
    cases = [(often, 1, "every 100 ms, lost 1 ×"), *((seldom, n, f"alone, lost {n} ×") for n in LASTING)]
    for case, times, what in cases:
        those = case.those(times)
        again = ", ".join(_again(those, times)) if those else UNKNOWN
        rows.append([what, again, ms(_middle([one.latency for one in those])), str(len(those))])
    return rows


def _anatomy(case: Case, name: str, caption: str) -> list[Anatomy]:
    """The time line of the message that was lost most often, in the flow that is nearest to the median; none if none
    was lost as planned."""
    times = case.hits[-1].times
    middle = _middle([one.latency for one in case.those(times)]) or 0.0
    found = [
        (abs((one.latency or 0.0) - middle), at, stream, one)
        for at, (_, stream, of_flow) in enumerate(case.found)
        for one in of_flow
        if one.hit.times == times and one.as_planned
    ]
    if not found:
        return []
    *_, stream, one = min(found, key=lambda each: each[:2])
    outages = [hit.outage(case.spacing) for hit in case.hits]
    chart = anatomy.tell(stream, one.hit.number, name=name, caption=caption, outages=outages)
    if case.spacing == OFTEN:
        return [chart]
    end = 1.2 * (one.latency or case.spacing)  # its neighbours are far away, and have no part in it
    return [structs.replace(chart, window=(-0.1 * end, end))]


def _series(look: str, values: dict[int, list[float]]) -> Series:
    """Medians, from the lowest to the highest; a gap where nothing came."""

    def each(end: Callable[[list[float]], float]) -> list[float | None]:
        return [1e3 * end(those) if those else None for those in values.values()]

    return Series(look.upper(), look, [float(x) for x in values], each(median), each(min), each(max))


def _chart(often: Case, seldom: Case) -> Curves:
    alone = {n: [one.latency for one in seldom.those(n) if one.latency is not None] for n in LASTING}
    band = [[1e3 * timer(n)[end] for n in LASTING] for end in (0, 1)]
    return Curves(
        "one-segment",
        "Left: latency of the lost message (0) and of those around it, one every 100 ms; over UDP it never comes. "
        "Right: that of a message that is alone, by how often it was lost. Points are medians, bars reach from the "
        "lowest to the highest; the band is what the timers allow.",
        [
            Panel(
                "Every 100 ms",
                "messages after the lost one",
                "latency since due, ms",
                [_series(one, {at: often.beside(one, at) for at in BESIDE}) for one in ("tcp", "udp")],
                [Reference("the link's delay", [-2.0, 4.0], [1e3 * DELAY] * 2)],
            ),
            Panel(
                "Alone",
                "times lost",
                "latency since due, ms",
                [_series("tcp", alone)],
                [Reference("RTO, RTO, 2 RTO", [float(n) for n in LASTING], *band)],
                ticks=[(float(n), f"{n} ×") for n in LASTING],
            ),
        ],
        beside=True,
    )


EXPERIMENT = Experiment(
    name="one-segment",
    ask=Number(
        "a message every 100 ms, and one is lost: after how long does it come over TCP?", "ms", "lost"
    ),
    seconds=(55, 17),
    run=run,
    think=(
        "A game sends positions 20 times a second over TCP. What does one lost packet do to what its players see?",
        "Why does the timer wait for a whole round trip and 200 ms more, and not for 60 ms?",
        "What could a chat do so that its lonely messages are repaired sooner? What would that cost?",
    ),
)

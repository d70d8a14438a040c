"""What becomes of one lost segment?

Question
    A single packet of a TCP connection is lost. Who notices, who sends it again, and how late does it come?

Why it matters
    All that TCP's reliability costs is made of this one event. Who has seen it once understands the tails of latency
    curves, and why programs that say little suffer most.

Prediction
    One message every 100 ms, 50 ms there and back. One is lost. How long after it was due does the program at the other
    end get it? And if it is the only message for a long while?

Method
    Nothing is left to chance. All flows speak together, and the link is out for an instant when they say the chosen
    message. The link takes 25 ms each way, and never loses acknowledgements. First there is a message every 100 ms,
    over both transports. Then there is one every 1.5 s over TCP: of three of them the outage takes the first sending,
    the first two, or the first three. The link's capture shows who sent what when; the kernel's counters say why.

Expected
    Every 100 ms: the next message comes through, its acknowledgement says by SACK (RFC 2018) that one is missing, and
    RACK (RFC 8985) sends that one again at once. That makes the interval of 100 ms, a round trip of 50 and one way of
    25: 175 ms. The message behind it has long been there, and is held back for 50 ms: it takes 75 instead of 25. The
    one after that comes in time.

    Alone: nobody can tell, so a timer must. RTO = SRTT + 4 RTTVAR (RFC 6298), and Linux counts at least 200 ms for the
    second part: 250 ms here. (The RFC wants an RTO of at least 1 s; Linux never did.) When it has passed, Linux first
    sends a loss probe (TLP, RFC 8985 §7; its own time of 2 SRTT + 200 ms is cut to the RTO). Then it waits for the RTO
    itself, and only from then on it doubles. So the message is sent again after 250, 500 and 1000 ms, and comes 25 ms
    later. A kernel timer may be late by an eighth of its time, never early (Linux, kernel/time/timer.c). Once, with a
    message every 500 ms, 276, 576 and 1076 ms were seen.

    UDP: the message never comes, and the one behind it comes as if nothing had happened.

What would change it
    A shorter interval brings the help of the next message sooner, down to one round trip and one way (experiment thin);
    the timer is never better than 200 ms plus the round trip. Loss of the repetition doubles the wait each time
    (experiment outage). A program that needs each message in time can repeat it itself, over UDP.
"""

from collections.abc import Sequence
from statistics import median

from benchmarks.flow import tables
from benchmarks.labbook import finding, plots
from benchmarks.labbook.aimed import DELAY, LASTING, WAITS, Case, Hit, measure, time_line, timer
from benchmarks.labbook.chart import Curves, Panel, Reference
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.labbook.lines import level
from benchmarks.wording import listed, ms

OFTEN, SELDOM = 0.1, 1.5
"""Seconds between two messages: so that the next one helps, and so that none can in time."""

BUSY = 0.015
"""Seconds that this machine may add by itself."""

BESIDE = range(-2, 5)
"""Messages around the lost one that the figure shows."""

HELPED = (
    "One message every 100 ms, one lost. The next one's acknowledgement tells the sender; what comes meanwhile is held "
    "back."
)
ALONE = (
    "One message alone: nothing behind it can tell the sender, so timers must, and from the second on each wait is "
    "twice the last."
)
"""How to read the two time lines."""


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
            measure(lab, case, plan)
    return outcome(often, seldom)


def outcome(often: Case, seldom: Case) -> Outcome:
    """What all runs show."""
    return Outcome(
        findings=_of_often(often) + _of_seldom(seldom),
        said=_said(often, seldom),
        columns=["interval_ms", "transport", *tables.COLUMNS],
        rows=[
            row
            for case in (often, seldom)
            for made in case.runs
            for transport, each in made.by.items()
            for row in tables.rows([each], round(1e3 * case.spacing), transport)
        ],
        charts=[
            *time_line(often, 1, "one-segment-helped", HELPED),
            *time_line(seldom, 3, "one-segment-alone", ALONE),
            _chart(often, seldom),
        ],
        conditions=[
            ("link", "25 ms each way; only messages are lost"),
            ("flows", f"{seldom.runs[0].plan.flows} of each transport, which speak together, 100 bytes"),
            ("repeats", str(len(seldom.runs))),
        ],
        captures=[case.capture(1) for case in (often, seldom)],
    )


# --- findings -------------------------------------------------------------------------------------


def _median(
    name: str, what: str, those: Sequence[float], within: tuple[float, float], source: str, because: str
) -> Finding:
    """The median of these latencies, with the lowest and the highest. Theory says `within`, and this machine may add
    something. All in seconds."""
    low, high = within
    return finding.repeats(
        name,
        what,
        "ms",
        [1e3 * one for one in those],
        "messages",
        expected=Expected(1e3 * low, 1e3 * (high + BUSY), source),
        because=because,
        unless="This machine was busy: the link or the flows had to wait for a processor.",
        missing="none came.",
    )


def _of_often(case: Case) -> list[Finding]:
    lost, behind = OFTEN + 3 * DELAY, 3 * DELAY
    return [
        _median(
            "lost",
            "every 100 ms: the lost one",
            case.latencies(),
            (lost, lost),
            "interval + RTT + one way",
            "The next message's acknowledgement shows the gap (SACK), and RACK repeats what is missing at once.",
        ),
        _median(
            "behind",
            "… the one behind it",
            case.beside("tcp", 1),
            (behind, behind),
            "RTT + one way",
            "It had come, and TCP hands on nothing before what is missing: it was held back (head-of-line blocking).",
        ),
        _median(
            "behind-2",
            "… the second one behind",
            case.beside("tcp", 2),
            (DELAY, DELAY),
            "one way",
            "By the time it came the gap was filled.",
        ),
        _median(
            "udp-behind",
            "… UDP: the one behind it",
            case.beside("udp", 1),
            (DELAY, DELAY),
            "one way",
            "Over UDP nothing waits for anything.",
        ),
        _counted(case, "TCPFastRetrans", "because of SACK", 1, "RFC 8985: one for each gap that SACK shows"),
    ]


def _of_seldom(case: Case) -> list[Finding]:
    found = [
        _median(
            f"alone-{times}",
            what,
            case.latencies(times),
            timer(times),
            f"{sum(WAITS[:times])} RTO + one way; RTO = SRTT + 200 ms (Linux)",
            "Nothing behind it shows the gap, so a timer must run out; from the second time on it is doubled.",
        )
        for times, what in ((1, "alone: lost once"), (2, "… lost twice"), (3, "… lost three times"))
    ]
    later = sum(hit.times - 1 for hit in case.hits) / len(case.hits)
    return [
        *found,
        _counted(case, "TCPLossProbes", "by the probe", 1, "RFC 8985 §7: the first repetition of each"),
        _counted(case, "TCPTimeouts", "by the timer", later, "RFC 6298: each repetition after the probe"),
    ]


def _counted(case: Case, counter: str, how: str, each: float, source: str) -> Finding:
    """What the kernel counted, where so many are expected for each message that was to be lost."""
    n = sum(len(of_flow) for *_, of_flow in case.found)
    return finding.count(
        counter,
        f"… repeated {how}",
        case.kernel(counter),
        n,
        "lost",
        expected=Expected(round(each * n), round(each * n), source),
        because="The kernel's own counters say the same of who sent it again.",
        unless="The kernel repeated something else, too, or otherwise: on a busy machine timers run out that should "
        "not, and net.ipv4.tcp_early_retrans = 0 takes the probe away.",
        missing=f"this kernel does not count {counter}.",
    )


# --- words and figures ----------------------------------------------------------------------------


def _said(often: Case, seldom: Case) -> list[str]:
    said = []
    if (helped := often.latencies()) and (alone := seldom.latencies()):
        said.append(
            f"Lost once, a message came after {ms(median(helped))} ms where another followed it after 100 ms, and "
            f"after {ms(median(alone))} ms where none did."
        )
    if again := listed([ms(one) for one in seldom.again(3)]):
        said.append(f"Alone and lost three times, it was sent again {again} ms after it was due.")
    numbers = {hit.number for hit in often.hits}
    udp = [made.by["udp"] for made in often.runs if "udp" in made.by]
    if sent := [fate for each in udp for fate in each.messages if fate.number in numbers]:
        gone = sum(fate.received is None for fate in sent)
        said.append(f"Over UDP {gone} of {len(sent)} such messages never came.")
    return said


def _chart(often: Case, seldom: Case) -> Curves:
    beside = [
        plots.medians(one.upper(), one, {at: often.beside(one, at) for at in BESIDE})
        for one in ("tcp", "udp")
    ]
    alone = plots.medians("TCP", "tcp", {n: seldom.latencies(n) for n in LASTING})
    band = ([1e3 * timer(n)[end] for n in LASTING] for end in (0, 1))
    places = [float(n) for n in LASTING]
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
                beside,
                [level("the link's delay", -2.0, 4.0, 1e3 * DELAY)],
            ),
            Panel(
                "Alone",
                "times lost",
                "latency since due, ms",
                [alone],
                [Reference("RTO, RTO, 2 RTO", places, *band)],
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

"""What does an outage of three seconds cost?

Question
    Nothing gets through for 3 s, in the middle of talk. What do TCP and UDP make of it, and when is it over?

Why it matters
    A lift, a tunnel, a telephone that changes its mast: most of what people call a bad connection is no steady loss but
    a pause. How long the pause feels is decided by the transport.

Prediction
    The link is back after 3 s. For how long does the program at the other end of a TCP connection hear nothing?

Method
    Each flow says something every 100 ms across a link of 25 ms each way, from a moment of its own on, so that the
    outage hits each at another phase. Both transports cross the same link. Each repeat has its outage at another time.

Expected
    UDP loses what was sent meanwhile, 30 messages of each flow. The next one comes through, at most 100 ms and the
    link's 25 after its return. Nobody waits for anything.

    TCP loses nothing. But its sender does not know when the link is back: it finds out by trying, and waits twice as
    long after each try in vain (RFC 6298 §5.5). Its timer is 250 ms here (SRTT + 200 ms, Linux): after the first
    timeout it tries 0.5, 1.5 and 3.5 s later.

    When is the first timeout? In Linux the loss probe (RFC 8985 §7.2) uses the same timer, and each new message sets it
    anew, to 2 SRTT = 100 ms: just when the next message is due. That ends only when the congestion window is full. With
    the usual 10 packets that is after 1.0 s: tries fall at 1.0, 1.5, 2.6 and 4.6 s, and the last one comes through
    (seen once: 4.6 s). With BBR's 18 it was after 1.8 s, and the silence 3.4 s.

    So the silence ends not before the link is back, and not later than 1.5 + 3.5 s, a message's interval and an eighth
    of the last wait for the kernel's timer: 3.1 to 5.5 s. Then everything comes at once.

What would change it
    The longer the outage, the longer the wait after it: up to as long again, at most 120 s (Linux's largest RTO). A
    program that reconnects does not wait for the timer. UDP with repeats of its own could try as often as it likes.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from benchmarks.flow import fates, tables
from benchmarks.flow.run import Flows
from benchmarks.flow.silence import Silence, gone, silences
from benchmarks.labbook import anatomy, finding, plots, streams
from benchmarks.labbook.chart import Anatomy, Curves, Panel, Reference
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Failed, Lab, Plan
from benchmarks.labbook.streams import Stream
from benchmarks.wording import ms, three_digits

DELAY, INTERVAL, LASTING = 0.025, 0.1, 3.0
"""Seconds."""

BEGINS = (2.0, 2.33, 2.71)
"""When the outage begins, repeat by repeat: seconds since the run's first moment."""

BEHIND = 3.0
"""Seconds for which the flows go on when the link is back."""

SHOWN = (-1.0, 5.8)
"""Seconds since the outage began that the figure shows."""

Runs = Sequence[tuple[float, Flows]]
"""Those of all repeats, each with the moment when its outage began."""


def run(lab: Lab) -> Outcome:
    """The same outage, once for each repeat."""
    flows, begins = lab.pick((20, BEGINS), (10, BEGINS[:1]))
    runs: list[tuple[float, Flows]] = []
    waits: list[list[float]] = []
    charts: list[Anatomy] = []
    for repeat, begin in enumerate(begins, 1):
        plan = Plan(flows=flows, seconds=begin + LASTING + BEHIND, drain=5.0, repeat=repeat)
        link = f"delay 25ms outage {round(1e3 * begin)}ms {round(1e3 * LASTING)}ms"
        name = f"outage-{repeat}.pcapng"
        made = lab.flows(plan, link, doing=f"outage after {begin:g} s", capture=name)
        if not (made.account.link or {"up": {"dropped": {}}})["up"]["dropped"].get("outage"):
            raise Failed("The link was to let nothing in for a while, and dropped no packet.")
        runs.append((begin, made))
        if "tcp" in made.by:
            those = streams.read(made, lab.directory / name, DELAY)
            waits += filter(None, map(tries, those))
            if repeat == 1:
                charts = _anatomy(those, begin)
            else:
                (lab.directory / name).unlink()  # the first shows as much
    return outcome(runs, waits, charts)


def outcome(runs: Runs, waits: Sequence[list[float]], charts: Sequence[Anatomy]) -> Outcome:
    """What all runs show. `waits`: those of the flows that tried again, as `tries` has them."""
    return Outcome(
        findings=_of_udp(runs) + _of_tcp(runs, waits),
        said=_said(runs, waits),
        columns=["transport", "outage_begins_s", *tables.COLUMNS],
        rows=[
            row
            for begin, made in runs
            for transport, each in made.by.items()
            for row in tables.rows([each], transport, begin)
        ],
        charts=[_chart(*runs[0]), *charts],
        conditions=[
            ("link", "25 ms each way, out for 3 s"),
            ("flows", f"{runs[0][1].plan.flows} of each transport, 100 bytes every 100 ms"),
            ("repeats", str(len(runs))),
        ],
        captures=["outage-1.pcapng"] if charts else [],
    )


def around(runs: Runs, transport: str) -> list[Silence]:
    """The silences of all flows. Two messages' time after the outage began, what was under way has arrived."""
    return [
        one
        for begin, made in runs
        if transport in made.by
        for one in silences(made.by[transport], begin + 2 * INTERVAL, begin + LASTING)
    ]


def lost(runs: Runs) -> list[int]:
    """How many messages the outage took of each UDP flow."""
    return [
        n for begin, made in runs if "udp" in made.by for n in gone(made.by["udp"], begin, begin + LASTING)
    ]


def tries(stream: Stream) -> list[float]:
    """Seconds between one sending and the next of the first message that the outage took, from the first timeout
    on."""
    first = stream.first_lost()
    return [] if first is None else stream.waits(first)[1:]


def _of_udp(runs: Runs) -> list[Finding]:
    if not any("udp" in made.by for _, made in runs):
        return []
    late = "This machine was busy, and the flows did not speak on time."
    return [
        finding.repeats(
            "udp-lost",
            "UDP: lost of each flow",
            "messages",
            lost(runs),
            "flows",
            expected=Expected(29, 31, "3 s ÷ 100 ms"),
            because="What is sent while nothing gets in is gone, and nobody sends it again.",
            unless=late,
        ),
        finding.repeats(
            "udp-back",
            "UDP: back after the link was",
            "ms",
            [1e3 * one.after for one in around(runs, "udp")],
            "flows",
            expected=Expected(25, 140, "one way, and up to 100 ms until the next message"),
            because="UDP knows of no outage: the next message simply comes through.",
            unless=late,
        ),
    ]


def _of_tcp(runs: Runs, waits: Sequence[list[float]]) -> list[Finding]:
    if not (tcp := [made.by["tcp"] for _, made in runs if "tcp" in made.by]):
        return []
    silent = around(runs, "tcp")
    never = "no flow heard anything behind the outage."
    return [
        finding.share(
            "tcp-delivered",
            "TCP: delivered",
            fates.delivered(tcp, shared=True),
            fates.count(tcp),
            expected=Expected(100.0, 100.0, "RFC 9293: what is not acknowledged is sent again"),
            because="What the outage took is sent again until it is acknowledged.",
            unless="TCP was not given the time: what had not come when the run ended counts as not delivered.",
        ),
        finding.repeats(
            "tcp-silence",
            "TCP: heard nothing for",
            "s",
            [one.seconds for one in silent],
            "flows",
            expected=Expected(3.1, 5.5, "RFC 6298 §5.5: tries at doubled distances; seen once: 4.6 s"),
            because="The sender tries at doubled distances, and so comes late by up to the last one.",
            unless="The timer was another one: how long it is, and when it first ran out, the capture shows.",
            missing=never,
        ),
        finding.repeats(
            "tcp-burst",
            "TCP: then came at once",
            "messages",
            [one.burst for one in silent],
            "flows",
            expected=Expected(30, 58, "all that was due in the silence, and in 300 ms"),
            because="All of it had waited for the first one.",
            unless="What was repeated was lost again, or the sender may send only a few at a time.",
            missing=never,
        ),
        finding.repeats(
            "tcp-doubling",
            "TCP: each wait over the last",
            "×",
            [b / a for one in waits for a, b in pairwise(one)],
            "waits",
            expected=Expected(1.8, 2.25, "RFC 6298 §5.5: doubled; ± an eighth (Linux's timers)"),
            because="It backs off: the network may be overloaded, and repeating faster would make that worse.",
            unless="Something came through meanwhile, and the timer was set anew.",
            missing="no flow had three tries.",
        ),
    ]


def _said(runs: Runs, waits: Sequence[list[float]]) -> list[str]:
    said = []
    if silent := around(runs, "tcp"):
        longer, burst = median(one.after for one in silent), round(median(one.burst for one in silent))
        said.append(
            f"When the link was back, TCP's readers had to wait for another {three_digits(longer)} s (half of them "
            f"longer); then {burst} messages came at once."
        )
    if back := around(runs, "udp"):
        said.append(
            f"Over UDP the next message was there {ms(median(one.after for one in back))} ms after the link was back, "
            f"and {sum(lost(runs))} messages of {len(back)} flows were gone for good."
        )
    if longest := max(waits, key=len, default=[]):
        shown = ", ".join(map(three_digits, longest))
        said.append(f"One flow's waits between its tries, from the first timeout on: {shown} s.")
    return said


def _anatomy(those: Sequence[Stream], begin: float) -> list[Anatomy]:
    """The time line of the first message that the outage took, in the first flow where it was sent again."""
    caption = (
        "The first message that the outage took. Each try doubles the wait for the next one; when one comes through, "
        "all that waited comes with it."
    )
    for stream in those:
        chosen = stream.first_lost()
        if chosen is not None and stream.waits(chosen):
            outages = [(begin, begin + LASTING)]
            return [anatomy.tell(stream, chosen, name="outage-time-line", caption=caption, outages=outages)]
    return []


def _chart(begin: float, made: Flows) -> Curves:
    """How many messages had come, of the first flow of each transport, over the time since the outage began."""
    series = []
    for transport, each in made.by.items():
        messages = each.of_flow(min((fate.flow for fate in each.messages), default=0))
        came = [fate.received - begin for fate in messages if fate.received is not None]
        series.append(plots.arrivals(transport.upper(), transport, came, *SHOWN))
    most = max((count or 0.0 for one in series for count in one.y), default=0.0)
    outage = Reference("the outage", [0.0, LASTING], [0.0, 0.0], [most, most])
    return Curves(
        "outage",
        "How many messages the program had got, of one flow of each transport. UDP goes on as soon as the link is "
        "back, 30 messages behind for ever; TCP is silent for longer, and then has them all.",
        [Panel("What had come by then", "seconds since the outage began", "messages", series, [outage])],
    )


EXPERIMENT = Experiment(
    name="outage",
    ask=Number("the link is out for 3 s: for how long does TCP's reader hear nothing?", "s", "tcp-silence"),
    seconds=(38, 12),
    run=run,
    relay=True,
    think=(
        "Is a message of four seconds ago worth anything? In a chat, in a game, in a call?",
        "After an hour without a network, how long does TCP wait for its next try? What does your messenger do?",
        "Why does TCP double its wait, and not simply try every 100 ms?",
    ),
)

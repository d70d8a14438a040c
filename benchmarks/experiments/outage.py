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
    UDP loses what was sent meanwhile, 30 messages of each flow, and the next one comes through: at most 100 ms and the
    link's 25 after its return. Nobody waits for anything.

    TCP loses nothing. But its sender does not know when the link is back: it finds out by trying, and waits twice as
    long after each try in vain (RFC 6298 §5.5). Its timer is 250 ms here (SRTT + 200 ms, Linux): after the first
    timeout it tries 0.5, 1.5 and 3.5 s later.

    The first timeout could come within 0.5 s. But each new message sets the timer of the loss probe anew (RFC 8985
    §7.2), which is 2 SRTT = 100 ms and so races with the next message, and takes the place of the other one in Linux,
    until the congestion window is full: with the usual 10 packets after 1.0 s, so that tries fall at 1.0, 1.5, 2.6 and
    4.6 s, and the last one comes through (seen once: 4.6 s). With BBR's 18 it was 1.8 s, and the silence 3.4 s.

    In between lies all that can be: not before the link is back, and not later than 1.5 + 3.5 s, a message's interval
    and an eighth of the last wait for the kernel's timer: 3.1 to 5.5 s. Then everything comes at once.

What would change it
    The longer the outage, the longer the wait after it: up to as long again, at most 120 s (Linux's largest RTO). A
    program that reconnects does not wait for the timer. UDP with repeats of its own could try as often as it likes.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from benchmarks.flow import fates
from benchmarks.flow.fates import Fate, Fates
from benchmarks.flow.run import Flows
from benchmarks.labbook import anatomy, finding, streams
from benchmarks.labbook.chart import Anatomy, Curves, Panel, Reference, Series
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

AT_ONCE = 0.3
"""Seconds after the first message behind a silence: what comes within them is one burst."""

Runs = Sequence[tuple[float, Flows]]
"""Those of all repeats, each with the moment when its outage began."""

Pause = tuple[float, float]
"""The longest silence of a flow: when the last message before it came, and the first one behind it."""


def run(lab: Lab) -> Outcome:
    """The same outage, once for each repeat."""
    flows, begins = lab.pick((20, BEGINS), (10, BEGINS[:1]))
    runs: list[tuple[float, Flows]] = []
    waits: list[list[float]] = []
    charts: list[Anatomy] = []
    for repeat, begin in enumerate(begins, 1):
        plan = Plan(
            flows=flows, seconds=begin + LASTING + BEHIND, drain=5.0, transports=lab.transports, repeat=repeat
        )
        name = f"outage-{repeat}.pcapng"
        made = lab.flows(
            plan,
            f"delay 25ms outage {round(1e3 * begin)}ms {round(1e3 * LASTING)}ms",
            doing=f"outage after {begin:g} s",
            capture=name,
        )
        dropped = (made.account.link or {"up": {"dropped": {}}})["up"]["dropped"].get("outage", 0)
        if not dropped:
            raise Failed(
                "The link was to let nothing in for a while, and dropped no packet: nothing was measured."
            )
        runs.append((begin, made))
        if "tcp" in made.by and (lab.directory / name).exists():
            those = streams.read(made, lab.directory / name, DELAY)
            waits += filter(None, (tries(one) for one in those))
            if repeat == 1:
                charts = _anatomy(those, begin)
            else:
                (lab.directory / name).unlink()  # the first shows as much
    return outcome(runs, waits, charts)


def outcome(runs: Runs, waits: Sequence[list[float]], charts: Sequence[Anatomy]) -> Outcome:
    """What all runs show. `waits`: those of the flows that tried again, as `tries` has them."""
    return Outcome(
        findings=_findings(runs, waits),
        said=_said(runs, waits),
        columns=["repeat", "transport", "outage_begins_s", *fates.COLUMNS],
        rows=[
            [each.repeat, transport, begin, *fate]
            for begin, made in runs
            for transport, each in made.by.items()
            for fate in each.messages
        ],
        charts=[_chart(*runs[0]), *charts],
        conditions=[
            ("link", "25 ms each way, out for 3 s"),
            ("flows", f"{runs[0][1].plan.flows} of each transport, 100 bytes every 100 ms"),
            ("repeats", str(len(runs))),
        ],
        captures=["outage-1.pcapng"] if charts else [],
    )


def pause(messages: Sequence[Fate], begin: float) -> Pause | None:
    """The silence at this flow's receiver when the outage had begun; None if nothing came before, or nothing behind
    it."""
    came = sorted(fate.received for fate in messages if fate.received is not None)
    moment = begin + 2 * INTERVAL  # what was under way has arrived
    return next(((a, b) for a, b in pairwise(came) if a <= moment < b), None)


def pauses(runs: Runs, transport: str) -> list[tuple[float, Pause, Fates, int]]:
    """Those of all flows that heard something behind it: when the outage began, the silence, whose it was."""
    found = []
    for begin, made in runs:
        if each := made.by.get(transport):
            for flow in sorted({fate.flow for fate in each.messages}):
                if silence := pause(each.of_flow(flow), begin):
                    found.append((begin, silence, each, flow))
    return found


def first_taken(stream: Stream) -> int | None:
    """The first message of this flow that the outage took; None if it took none."""
    for fate in stream.fates:
        sent = stream.sent(fate.number)
        if sent and sent[0].arrives is None:
            return fate.number
    return None


def tries(stream: Stream) -> list[float]:
    """Seconds between one sending and the next of that message, from the first timeout on."""
    first = first_taken(stream)
    sent = [] if first is None else [one.enters for one in stream.sent(first)][1:]
    return [b - a for a, b in pairwise(sent)]


def _in_outage(runs: Runs, transport: str) -> list[list[Fate]]:
    """The messages of each flow that were sent while nothing got in."""
    found: dict[tuple[float, int, int], list[Fate]] = {}
    for begin, made in runs:
        if each := made.by.get(transport):
            for fate in each.messages:
                if begin <= fate.sent < begin + LASTING:
                    found.setdefault((begin, each.repeat, fate.flow), []).append(fate)
    return list(found.values())


def _findings(runs: Runs, waits: Sequence[list[float]]) -> list[Finding]:
    found = []
    late = "This machine was busy, and the flows did not speak on time."
    if gone := _in_outage(runs, "udp"):
        found.append(
            finding.repeats(
                "udp-lost",
                "UDP: lost of each flow",
                "messages",
                [float(sum(fate.received is None for fate in one)) for one in gone],
                "flows",
                expected=Expected(29, 31, "3 s ÷ 100 ms"),
                because="What is sent while nothing gets in is gone, and nobody sends it again.",
                unless=late,
            )
        )
        found.append(
            finding.repeats(
                "udp-back",
                "UDP: back after the link was",
                "ms",
                [1e3 * (end - begin - LASTING) for begin, (_, end), _, _ in pauses(runs, "udp")],
                "flows",
                expected=Expected(25, 140, "one way, and up to 100 ms until the next message"),
                because="UDP knows of no outage: the next message simply comes through.",
                unless=late,
            )
        )
    if tcp := [made.by["tcp"] for _, made in runs if "tcp" in made.by]:
        silent = pauses(runs, "tcp")
        never = "no flow heard anything behind the outage."
        found += [
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
                [end - start for _, (start, end), _, _ in silent],
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
                [float(n) for n in bursts(silent)],
                "flows",
                expected=Expected(30, 58, "all that was due in the silence, and in 300 ms"),
                because="All of it had waited for the first one.",
                unless="What was repeated was lost again, or the sender may send only a few at a time.",
                missing=never,
            ),
        ]
        ratios = [b / a for one in waits for a, b in pairwise(one)]
        found.append(
            finding.repeats(
                "tcp-doubling",
                "TCP: each wait over the last",
                "×",
                ratios,
                "waits",
                expected=Expected(1.8, 2.25, "RFC 6298 §5.5: doubled; ± an eighth (Linux's timers)"),
                because="It backs off: the network may be overloaded, and repeating faster would make that worse.",
                unless="Something came through meanwhile, and the timer was set anew.",
                missing="no flow had three tries.",
            )
        )
    return found


def bursts(silent: Sequence[tuple[float, Pause, Fates, int]]) -> list[int]:
    """How many messages came at once behind each silence."""
    return [
        sum(end <= (fate.received or 0.0) <= end + AT_ONCE for fate in each.of_flow(flow))
        for _, (_, end), each, flow in silent
    ]


def _said(runs: Runs, waits: Sequence[list[float]]) -> list[str]:
    said = []
    if silent := pauses(runs, "tcp"):
        longer = median(end - begin - LASTING for begin, (_, end), _, _ in silent)
        said.append(
            f"When the link was back, TCP's readers had to wait for another {three_digits(longer)} s (half of them "
            f"longer); then {round(median(bursts(silent)))} messages came at once."
        )
    if back := pauses(runs, "udp"):
        longer = median(end - begin - LASTING for begin, (_, end), _, _ in back)
        lost = sum(fate.received is None for one in _in_outage(runs, "udp") for fate in one)
        said.append(
            f"Over UDP the next message was there {ms(longer)} ms after the link was back, and {lost} messages of "
            f"{len(back)} flows were gone for good."
        )
    if longest := max(waits, key=len, default=[]):
        said.append(
            "The waits between TCP's tries from the first timeout on: "
            + ", ".join(three_digits(one) for one in longest)
            + " s (of the flow that tried most often)."
        )
    return said


def _anatomy(those: Sequence[Stream], begin: float) -> list[Anatomy]:
    """The time line of the first message that the outage took, in the first flow where it was sent again."""
    caption = (
        "The first message that the outage took. Each try doubles the wait for the next one; when one comes through, "
        "all that waited comes with it."
    )
    for stream in those:
        chosen = first_taken(stream)
        if chosen is not None and len(stream.sent(chosen)) > 1:
            outages = [(begin, begin + LASTING)]
            return [anatomy.tell(stream, chosen, name="outage-time-line", caption=caption, outages=outages)]
    return []


def _chart(begin: float, made: Flows) -> Curves:
    """How many messages had come, of the first flow of each transport, over the time since the outage began."""
    series = []
    most = 0.0
    for transport, each in made.by.items():
        messages = each.of_flow(min((fate.flow for fate in each.messages), default=0))
        came = sorted(fate.received - begin for fate in messages if fate.received is not None)
        shown = [(at, float(count)) for count, at in enumerate(came, 1) if -1.0 <= at <= 5.8]
        if shown:
            most = max(most, shown[-1][1])
            x, y = [at for at, _ in shown], [count for _, count in shown]
            series.append(Series(transport.upper(), transport, x, list(y), steps=True))
    return Curves(
        "outage",
        "How many messages the program had got, of one flow of each transport. UDP goes on as soon as the link is "
        "back, 30 messages behind for ever; TCP is silent for longer, and then has them all.",
        [
            Panel(
                "What had come by then",
                "seconds since the outage began",
                "messages",
                series,
                [Reference("the outage", [0.0, LASTING], [0.0, 0.0], [most, most])],
            )
        ],
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

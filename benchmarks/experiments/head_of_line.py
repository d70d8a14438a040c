"""Who pays for order? Head-of-line blocking.

Question
    When 5 % of all packets are lost, how many messages come late over TCP, and how many of those were never lost?

Why it matters
    TCP hands over what was sent in the order in which it was sent. So a message that has long arrived waits in the
    receiver's kernel until what was sent before it has been repaired: the first in the queue blocks all behind it. Who
    says things that have nothing to do with each other pays for an order that nobody asked for. That is why QUIC has
    many streams in one connection, where a lost packet holds up only the streams whose data it carried (RFC 9000, 2;
    RFC 9308, 4).

Prediction
    5 of 100 messages are lost on their way. Over UDP 5 are missing. Over TCP none is: how many come late?

Method
    Each flow says 100 bytes every 20 ms over 25 ms each way; 5 % of the packets are lost, in both directions. Late is
    what came more than 50 ms after it was due: twice what the link takes. The link's own capture says which messages
    were in a packet that it dropped. Those that were late and in none are the innocent ones.

Expected
    A lost segment is repaired when the next one has shown the gap: 20 ms until that is sent, 50 ms to ask and repeat,
    25 ms to cross, 95 ms in all. The two behind it are due 20 and 40 ms later and wait for it: they take 75 and 55 ms.
    The third takes 35. So two innocent ones are late for each lost one, and 1 − 0.95³ = 14.3 % in all.

    It is more where the repair is lost, too (5 % of them: another 70 ms, and 3 or 4 more messages), or the
    acknowledgement that asks for it: 14 to 22 %. Seen once: 14.7 %. UDP: 5 % are missing, and none is late.

What would change it
    The closer the messages, the more stand behind a lost one; with more than 70 ms between them, nobody does. A longer
    way holds up more of them for longer. UDP has no order to pay for: who needs one there (a file), builds this again.
"""

from dataclasses import dataclass

from benchmarks.estimate import Interval, wilson
from benchmarks.flow import fates, tables
from benchmarks.flow.fates import Fate, Fates
from benchmarks.labbook import finding, plots
from benchmarks.labbook.anatomy import Stream, choose, read, tell
from benchmarks.labbook.chart import Chart, Curves, Panel, Reference
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.wording import percents

DELAY, LOSS, INTERVAL = 0.025, 0.05, 0.02
LATE = 2 * DELAY
"""Seconds after it was due that a message is called late."""

AXIS_FROM = 0.028
"""Seconds: before, nearly nothing has come, and right behind it nearly everything."""

STRETCH = 1.0
"""Seconds of a flow that are taken together: ten times what a repair takes."""

CAPTION = (
    "One lost segment, and the messages behind it: they arrive in time, and wait in the receiver's kernel until the "
    "first one has been sent again."
)


@dataclass(frozen=True)
class Toll:
    """What TCP's order cost: of `n` messages `lost` were in a packet that the link dropped, `late` came late, and
    `innocent` of those had not been lost."""

    n: int
    lost: int
    late: int
    innocent: int


def toll(streams: list[Stream]) -> Toll:
    """That of these flows."""
    lost = {(stream.flow, number) for stream in streams for number in stream.losses()}
    every = [fate for stream in streams for fate in stream.fates]
    late = [fate for fate in every if is_late(fate)]
    innocent = sum((fate.flow, fate.number) not in lost for fate in late)
    return Toll(len(every), len(lost), len(late), innocent)


def is_late(fate: Fate) -> bool:
    """Whether it came, and late."""
    return fate.latency is not None and fate.latency > LATE


def run(lab: Lab) -> Outcome:
    """Both transports cross the same link at the same time."""
    repeats, seconds, flows = lab.pick((3, 12.0, 6), (1, 5.0, 6))
    runs: dict[str, list[Fates]] = {}
    tolls, charts, captures = [], list[Chart](), []
    for repeat in range(1, repeats + 1):
        plan = Plan(flows=flows, interval=INTERVAL, seconds=seconds, drain=5.0, repeat=repeat)
        capture = f"head-of-line-{repeat}.pcapng"
        made = lab.flows(plan, f"delay 25ms loss {LOSS:.0%}", doing=f"repeat {repeat}", capture=capture)
        for transport, fate in made.by.items():
            runs.setdefault(transport, []).append(fate)
        if "tcp" in made.by:
            streams = read(made, lab.directory / capture, DELAY)
            tolls.append(toll(streams))
            captures.append(capture)
            if repeat == 1 and (chosen := choose(streams)):
                charts.append(tell(*chosen, name="head-of-line-anatomy", caption=CAPTION))
    return Outcome(
        findings=findings(runs, tolls),
        said=said(runs, tolls),
        columns=["transport", *tables.COLUMNS],
        rows=[row for transport, those in runs.items() for row in tables.rows(those, transport)],
        charts=[*charts, chart(runs)],
        captures=captures,
        conditions=[
            ("link", f"25 ms and {LOSS:.0%} loss each way"),
            ("flows", f"{flows} of each transport, 100 bytes every 20 ms"),
            ("late", "more than 50 ms after it was due"),
            ("repeats", f"{repeats} of {seconds:g} s"),
        ],
    )


def late_share(runs: list[Fates]) -> Interval | None:
    """Of all messages, those that came late."""
    return fates.share(runs, is_late, stretch=STRETCH)


def findings(runs: dict[str, list[Fates]], tolls: list[Toll]) -> list[Finding]:
    """What was expected, and what was found."""
    found = []
    if udp := runs.get("udp"):
        missing = fates.share(udp, lambda fate: fate.received is None, stretch=STRETCH)
        found += [
            finding.share(
                "udp-missing",
                "missing over UDP",
                missing,
                fates.count(udp),
                expected=Expected(100 * LOSS, 100 * LOSS, "the link's loss"),
                because="Over UDP a lost message is nobody's business but its own.",
                unless="Messages were lost elsewhere than on the link: is this machine busy?",
            ),
            finding.share(
                "udp-late",
                "late over UDP",
                late_share(udp),
                fates.count(udp),
                expected=Expected(0.0, 0.0, "nothing waits for what is lost"),
                because="Over UDP a lost message is nobody's business but its own.",
                unless="This machine was busy: the link or the flows had to wait for a processor.",
            ),
        ]
    if tcp := runs.get("tcp"):
        found.append(
            finding.share(
                "tcp-late",
                "late over TCP",
                late_share(tcp),
                fates.count(tcp),
                expected=Expected(14.0, 22.0, "1 − 0.95³, and repairs that are lost; RFC 8985"),
                because="Whatever is sent in the 45 ms after a lost segment arrives in time, and waits for it.",
                unless="A busy machine makes everything late; congestion control, which takes loss for a full network, "
                "lets messages wait in the sender after several losses close together.",
            )
        )
    if lost := sum(one.lost for one in tolls):
        n = sum(one.n for one in tolls)
        found += [
            finding.share(
                "tcp-lost",
                "lost on the link over TCP, at least once",
                wilson(lost, n),
                n,
                expected=Expected(100 * LOSS, 100 * LOSS, "the link's loss"),
                because="The link treats all packets alike.",
                unless="After losses TCP puts what has waited into one segment: if that is lost, many are.",
            ),
            finding.repeats(
                "innocent",
                "innocent messages late for each lost one",
                "",
                [one.innocent / one.lost for one in tolls if one.lost],
                expected=Expected(
                    1.5, 3.5, "two in theory; more if the repair is lost, fewer if two are lost together"
                ),
                because="Order makes everybody wait for the slowest: a lost segment holds up those behind it.",
                unless="With few losses one of them decides: another seed (SEED=) gives other ones.",
            ),
        ]
    return found


def said(runs: dict[str, list[Fates]], tolls: list[Toll]) -> list[str]:
    """Sentences out of the data."""
    found = []
    late, innocent = (sum(getattr(one, name) for one in tolls) for name in ("late", "innocent"))
    if late:
        found.append(
            f"Over TCP {late:,} messages came more than 50 ms after they were due. The link had dropped a packet with "
            f"{late - innocent:,} of them; the other {innocent:,} had arrived, or could have, and waited."
        )
    if (udp := runs.get("udp")) and (late_there := late_share(udp)) and (came := fates.delivered(udp)):
        slow = sum(is_late(fate) for run in udp for fate in run.messages)
        found.append(
            f"Over UDP, on the same link, {percents(came)[0]} % came and "
            f"{'none of them was' if not slow else percents(late_there)[0] + ' % of all were'} late."
        )
    return found


def chart(runs: dict[str, list[Fates]]) -> Curves:
    """How many had not come so and so long after they were due."""
    latest = max((fates.longest(those) or 0.0 for those in runs.values()), default=0.0)
    until = max(AXIS_FROM, latest) + 0.001
    series = [
        plots.missing(one.upper(), one, fates.latencies(those), fates.count(those), AXIS_FROM, until)
        for one, those in runs.items()
    ]
    panel = Panel(
        "Still missing, so long after they were due",
        "since due, ms",
        "messages that have not come, %",
        series,
        [Reference("late begins here", [1e3 * LATE, 1e3 * LATE], [0.0, 30.0])],
    )
    return Curves(
        "head-of-line",
        "How many messages had not come so long after they were due. UDP stays at what the link loses; TCP comes down "
        "to nothing, but later, because those behind a lost one wait as well.",
        [panel],
    )


EXPERIMENT = Experiment(
    name="head-of-line",
    ask=Number("5 of 100 messages are lost; how many of 100 come late over TCP?", "%", "tcp-late"),
    seconds=(46, 10),
    run=run,
    relay=True,
    think=(
        "Which messages of a chat have to come in order, and with respect to which others?",
        "How would you send two conversations through one TCP connection so that neither holds up the other?",
    ),
)

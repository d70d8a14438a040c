"""Reordering and duplication: who notices?

Question
    A quarter of the packets overtake others and 2 % come twice. What does a program see of it, over UDP and over TCP?

Why it matters
    IP promises neither order nor that a packet comes once (RFC 791). Two paths, or a network card with several queues,
    are enough. A program over UDP gets what the network delivers, and has to number its messages. One over TCP never
    learns of it, because the kernel puts everything in order. Does that cost something?

Prediction
    Nothing is lost at first. Does TCP send anything again all the same?

Method
    Each flow says 100 bytes every 20 ms over 25 ms each way. A packet that is chosen (25 %) does not wait, and arrives
    at once: 5 ms before the one ahead of it, if that had to wait. First only so; then at 5 % loss without overtaking;
    then with both. The messages are numbered: one is out of order if a later one came before it (RFC 4737), and doubled
    if it comes again (RFC 5560).

Expected
    UDP: a message is overtaken if it waits (75 %) and the next one does not (25 %): 18.75 % are out of order. The one
    after that is due 40 ms later, which is too late. 2 % come twice, none is lost.

    TCP: nothing of that. Without loss nothing is later than the link's 25 ms: an overtaker waits for those it overtook,
    and they come in time. The price is in packets. When the overtaker's acknowledgement comes back, the overtaken one
    counts as lost: it is older by more than RACK waits for it (a quarter of the shortest round trip, RFC 8985, 6.2:
    next to nothing where packets overtake both ways). So up to 18.75 % are sent again for nothing; fewer, because
    acknowledgements overtake, too: 8 to 18.75 %. The receiver says that it had them (DSACK, RFC 2883), and Linux takes
    back that it sends less.

    With loss as well theory leaves open who wins. A repair, and what asks for it, may overtake and be 25 ms sooner (70
    instead of 95). But RACK may wait up to a round trip longer before each (265 ms instead of 165 for two, or instead
    of 95 for one). So the p99 is 0.7 to 2.8 times that of loss alone. Seen once: 251 against 154 ms, 1.6 times.

What would change it
    Messages further apart than the delay: nobody can be overtaken. Closer ones: more are. If all packets of a flow
    take the same path, as routers see to it (RFC 2992), nothing of it happens.
"""

from dataclasses import dataclass, field

from benchmarks.flow import fates, tables
from benchmarks.flow.fates import Fates
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Lab, Plan

OVERTAKING, DOUBLING, LOSS = 0.25, 0.02, 0.05
MIXED = f"reorder {OVERTAKING:.0%} duplicate {DOUBLING:.0%}"
LINKS = {
    "overtaking": f"delay 25ms {MIXED}",
    "loss": f"delay 25ms loss {LOSS:.0%}",
    "both": f"delay 25ms loss {LOSS:.0%} {MIXED}",
}

OVERTAKEN = 100 * (1 - OVERTAKING) * OVERTAKING
"""Percent of the messages, where only the next one can overtake."""

SHOWN = slice(10, 32)
"""Messages of a flow in the figure."""

STRETCH = 1.0
"""Seconds of a flow that are taken together: several times what a repair takes."""


@dataclass
class Met:
    """The runs over one link: by transport, and what this kernel's TCP sent again and was told it need not have."""

    by: dict[str, list[Fates]] = field(default_factory=dict)
    again: int = 0
    needless: int = 0


Found = dict[str, Met]
"""By the name of the link."""


def run(lab: Lab) -> Outcome:
    """Take turns between the links; both transports cross each at the same time."""
    repeats, flows, seconds = lab.pick((3, 6, 6.0), (1, 8, 2.8))
    found: Found = {name: Met() for name in LINKS}
    for repeat in range(1, repeats + 1):
        for name, link in LINKS.items():
            plan = Plan(flows=flows, interval=0.02, seconds=seconds, drain=5.0, repeat=repeat)
            made = lab.flows(plan, link, doing=f"{name}, repeat {repeat}")
            for transport, fate in made.by.items():
                found[name].by.setdefault(transport, []).append(fate)
            kernel = made.account.kernel or {}
            found[name].again += kernel.get("RetransSegs", 0)
            found[name].needless += kernel.get("TCPDSACKRecv", 0)
    return Outcome(
        findings=findings(found),
        said=said(found),
        answer=answer(found),
        columns=["link", "transport", *tables.COLUMNS],
        rows=[
            row
            for name, met in found.items()
            for transport, those in met.by.items()
            for row in tables.rows(those, name, transport)
        ],
        table=table(found),
        charts=[chart(found)],
        conditions=[
            *LINKS.items(),
            ("flows", f"{flows} of each transport, 100 bytes every 20 ms"),
            ("repeats", f"{repeats} of {seconds:g} s"),
        ],
    )


def findings(found: Found) -> list[Finding]:
    """What was expected, and what was found."""
    alone, both = found["overtaking"], found["both"].by.get("tcp", [])
    made = [
        *(_of_udp(alone.by["udp"]) if "udp" in alone.by else []),
        *(_of_tcp(alone.by["tcp"], alone.again) if "tcp" in alone.by else []),
    ]
    if both:
        made.append(
            finding.repeats(
                "tcp-price",
                "TCP's p99 with loss and overtaking, over that with loss",
                "×",
                fates.ratios(both, found["loss"].by.get("tcp", []), 99),
                expected=Expected(
                    0.7, 2.8, "25 ms less, or a round trip more for each repair (RFC 8985, 6.2)"
                ),
                because="Some repairs overtake and are sooner; others are later, since TCP is in doubt for longer.",
                unless="The tails of so few messages scatter: another seed (SEED=) gives another one.",
                missing="of a repeat's messages fewer than 10 are beyond its p99.",
            )
        )
    return made


def _of_udp(udp: list[Fates]) -> list[Finding]:
    # Whether a packet waits or comes twice is drawn for each alone, and says nothing about the next but one.
    came = fates.came(udp)
    because = "UDP hands on what comes as it comes."
    return [
        finding.portion(
            "udp-out-of-order",
            "out of order over UDP",
            sum(run.out_of_order for run in udp),
            came,
            expected=Expected(OVERTAKEN, OVERTAKEN, "75 % wait, and 25 % behind them don't; RFC 4737"),
            because=because,
            unless="A busy machine sends late, and so changes who can overtake whom.",
        ),
        finding.portion(
            "udp-doubled",
            "came twice over UDP",
            sum(run.doubled for run in udp),
            came,
            expected=Expected(100 * DOUBLING, 100 * DOUBLING, "what the link was asked for; RFC 5560"),
            because=because,
            unless="Chance: of 100 such intervals 5 miss what they are for.",
        ),
    ]


def _of_tcp(tcp: list[Fates], again: int) -> list[Finding]:
    n = fates.count(tcp)
    return [
        finding.count(
            "tcp-out-of-order",
            "out of order or doubled over TCP",
            sum(run.out_of_order + run.doubled for run in tcp),
            n,
            "messages",
            expected=Expected(0.0, 0.0, "RFC 9293, 3.4: sequence numbers"),
            because="The kernel puts segments in order and drops what it has, before the program sees any of it.",
        ),
        finding.milliseconds(
            "tcp-p99",
            "TCP's p99, overtaking, no loss",
            fates.percentiles(tcp, (99,), stretch=STRETCH)[99],
            n,
            expected=Expected(25.0, 35.0, "the link's delay; a repair would take 45 ms and more"),
            because="Overtakers wait for those they overtook, who come in time.",
            unless="This machine was busy: the link or the flows had to wait for a processor.",
        ),
        finding.portion(
            "tcp-again",
            "sent again by TCP, though nothing was lost",
            min(again, n),
            n,
            expected=Expected(8.0, OVERTAKEN, "RACK, RFC 8985, 6.2"),
            because="From the sender, what is overtaken looks like what is lost.",
            unless="Kernels differ in how long they wait for what may only have been overtaken.",
        ),
    ]


def answer(found: Found) -> int | None:
    """Which answer the data give."""
    alone = found["overtaking"]
    if not (tcp := alone.by.get("tcp")):
        return None
    share = alone.again / fates.count(tcp)
    return 0 if not alone.again else 1 if share < 0.05 else 2


def said(found: Found) -> list[str]:
    """Sentences out of the data."""
    made = []
    alone = found["overtaking"]
    if udp := alone.by.get("udp"):
        made.append(
            f"Over UDP {sum(run.out_of_order for run in udp):,} of {fates.count(udp):,} messages came after a later "
            f"one, and {sum(run.doubled for run in udp):,} came twice. The program has to see to both."
        )
    if tcp := alone.by.get("tcp"):
        made.append(
            f"TCP sent {alone.again:,} segments again for {fates.count(tcp):,} messages, and the link had lost none. "
            f"It was told of {alone.needless:,} that they had come twice (DSACK), some of which the link had doubled."
        )
    return made


def table(found: Found) -> list[list[str]]:
    """What is worth reading, by link."""
    rows = [["link", "transport", "overtaken", "twice", *tables.heading((99,))]]
    for name, met in found.items():
        for transport, those in met.by.items():
            overtaken, twice = sum(run.out_of_order for run in those), sum(run.doubled for run in those)
            rows.append([name, transport, f"{overtaken:,}", f"{twice:,}", *tables.summary(those, (99,))])
    return rows


def chart(found: Found) -> Curves:
    """What a program sees: which message comes when, in a stretch of one flow."""
    panels = []
    for transport in ("udp", "tcp"):
        if not (runs := found["overtaking"].by.get(transport)) or not runs[0].messages:
            continue
        flow = runs[0].of_flow(runs[0].messages[0].flow)[SHOWN]
        zero = flow[0].due if flow else 0.0
        due = [(1e3 * (fate.due - zero), float(fate.number)) for fate in flow]
        came = sorted(
            (1e3 * (fate.received - zero), float(fate.number)) for fate in flow if fate.received is not None
        )
        name = transport.upper()
        panels.append(
            Panel(
                f"{name}: each message as it comes",
                "since the first of them was due, ms",
                "message number",
                [Series(name, transport, [at for at, _ in came], [number for _, number in came])],
                [Reference("due", [at for at, _ in due], [number for _, number in due])],
                y_from_zero=False,
            )
        )
    return Curves(
        "order",
        "Messages of one flow in the order in which they came, a quarter of the packets overtaking. Where the line "
        "goes back, a later message was first; where it goes straight up, TCP had kept one until its turn came.",
        panels,
    )


EXPERIMENT = Experiment(
    name="order",
    ask=Choice(
        "A quarter of the packets overtake others, and none is lost. How much does TCP send again?",
        ("nothing: nothing is lost", "a little: fewer than 5 of 100", "much: 5 of 100 or more"),
    ),
    seconds=(75, 17),
    run=run,
    relay=True,
    think=(
        "What must a chat over UDP do with a message that comes after a later one: show it, drop it, or move it up?",
        "How would a sender find out that something it sent again had not been lost?",
    ),
)

"""Reordering and duplication: who notices?

Question
    A quarter of the packets overtake others and 2 % come twice. What does a program see of it, over UDP and over TCP?

Why it matters
    IP promises neither order nor that a packet comes once (RFC 791). Two paths, or a network card with several queues,
    are enough. A program over UDP gets what the network delivers and has to number its messages; one over TCP never
    learns of it, because the kernel puts everything in order. Whether that is for nothing is the question.

Prediction
    Nothing is lost at first. Does TCP send anything again all the same?

Method
    Each flow says 100 bytes every 20 ms over 25 ms each way. A packet that is chosen (25 %) does not wait, and arrives
    at once: 5 ms before the one ahead of it, if that had to wait. First only so; then at 5 % loss without overtaking;
    then with both. The messages are numbered: one is out of order if a later one came before it (RFC 4737), and doubled
    if it comes again (RFC 5560).

Expected
    UDP: a message is overtaken if it waits (75 %) and the next one does not (25 %): 18.75 % are out of order; one
    more behind is due 40 ms later, which is too late. 2 % come twice, none is lost. TCP: nothing of that, and without
    loss nothing is later than the link's 25 ms: who has overtaken waits for those it overtook, and they come in
    time. The price is in packets. When the overtaker's acknowledgement comes back, the overtaken one is older by more
    than RACK waits for it (a quarter of the shortest round trip, RFC 8985, 6.2: next to nothing where packets overtake
    both ways), so it counts as lost. For up to 18.75 % of the messages a segment is sent again for nothing, for fewer
    because acknowledgements overtake, too: 8 to 18.75 %. The receiver says that it had them (DSACK, RFC 2883), and
    Linux takes back the smaller window. With loss as well theory leaves open who wins. A repair, and what asks for it,
    may overtake in its turn and be 25 ms sooner (70 instead of 95); but RACK may wait up to a round trip longer before
    each (265 instead of 165 ms for two, or instead of 95 for one). So the p99 is 0.7 to 2.8 times that of loss alone.
    Seen once: 251 against 154 ms, 1.6 times.

What would change it
    Messages further apart than the delay: nobody can be overtaken. Closer ones: more are. If all packets of a flow
    take the same path, as routers see to it (RFC 2992), nothing of it happens.
"""

from dataclasses import dataclass, field

from benchmarks.estimate import Interval, wilson
from benchmarks.flow import fates
from benchmarks.flow.fates import Fates
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.wording import UNKNOWN, ms, percents

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
        columns=["link", "transport", "repeat", *fates.COLUMNS],
        rows=[
            [name, transport, one.repeat, *fate]
            for name, met in found.items()
            for transport, those in met.by.items()
            for one in those
            for fate in one.messages
        ],
        table=table(found),
        charts=[chart(found)],
        conditions=[
            ("overtaking", LINKS["overtaking"]),
            ("loss", LINKS["loss"]),
            ("both", LINKS["both"]),
            ("flows", f"{flows} of each transport, 100 bytes every 20 ms"),
            ("repeats", f"{repeats} of {seconds:g} s"),
        ],
    )


def among(count: int, runs: list[Fates]) -> Interval | None:
    """So many of all messages that came. Whether a packet waits or comes twice is drawn for each alone, so what
    became of one says nothing about the next but one."""
    return wilson(count, sum(fate.received is not None for run in runs for fate in run.messages))


def ratios(found: Found) -> list[float]:
    """TCP's p99 with overtaking and loss over that with loss alone, repeat by repeat."""
    both, loss = (fates.single(found[name].by.get("tcp", []), 99) for name in ("both", "loss"))
    return [one / other for one, other in zip(both, loss, strict=False)]


def findings(found: Found) -> list[Finding]:
    """What was expected, and what was found."""
    made = []
    alone = found["overtaking"]
    if udp := alone.by.get("udp"):
        n = sum(fate.received is not None for run in udp for fate in run.messages)
        made += [
            finding.share(
                "udp-out-of-order",
                "out of order over UDP",
                among(sum(run.out_of_order for run in udp), udp),
                n,
                expected=Expected(OVERTAKEN, OVERTAKEN, "75 % wait, and 25 % behind them don't; RFC 4737"),
                because="UDP hands on what comes as it comes.",
                unless="A busy machine sends late, and so changes who can overtake whom.",
            ),
            finding.share(
                "udp-doubled",
                "came twice over UDP",
                among(sum(run.doubled for run in udp), udp),
                n,
                expected=Expected(100 * DOUBLING, 100 * DOUBLING, "what the link was asked for; RFC 5560"),
                because="UDP hands on what comes as it comes.",
                unless="Chance: of 100 such intervals 5 miss what they are for.",
            ),
        ]
    if tcp := alone.by.get("tcp"):
        n = fates.count(tcp)
        times = fates.percentiles(tcp, (99,), stretch=STRETCH)[99]
        made += [
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
                times,
                n,
                expected=Expected(25.0, 35.0, "the link's delay; a repair would take 45 ms and more"),
                because="Overtakers wait for those they overtook, who come in time.",
                unless="This machine was busy: the link or the flows had to wait for a processor.",
            ),
            finding.share(
                "tcp-again",
                "sent again by TCP, though nothing was lost",
                wilson(min(alone.again, n), n),
                n,
                expected=Expected(8.0, OVERTAKEN, "RACK, RFC 8985, 6.2"),
                because="From the sender, what is overtaken looks like what is lost.",
                unless="Kernels differ in how long they wait for what may only have been overtaken.",
            ),
        ]
    if "tcp" in found["both"].by:
        made.append(
            finding.repeats(
                "tcp-price",
                "TCP's p99 with loss and overtaking, over that with loss",
                "×",
                ratios(found),
                expected=Expected(
                    0.7, 2.8, "25 ms less, or a round trip more for each repair (RFC 8985, 6.2)"
                ),
                because="Some repairs overtake and are sooner; others are later, since TCP is in doubt for longer.",
                unless="The tails of so few messages scatter: another seed (SEED=) gives another one.",
                missing="of a repeat's messages fewer than 10 are beyond its p99.",
            )
        )
    return made


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
    both, loss = (fates.percentiles(found[name].by.get("tcp", []), (99,))[99] for name in ("both", "loss"))
    if both and loss:
        made.append(
            f"With 5 % loss TCP's p99 was {ms(loss.estimate)} ms, with overtaking as well {ms(both.estimate)} ms."
        )
    return made


def table(found: Found) -> list[list[str]]:
    """What is worth reading, by link."""
    rows = [["link", "transport", "delivered %", "out of order", "twice", "p99 ms", "slowest ms", "n"]]
    for name, met in found.items():
        for transport, those in met.by.items():
            share, time = fates.delivered(those), fates.percentiles(those, (99,))[99]
            rows.append(
                [
                    name,
                    transport,
                    percents(share)[0] if share else UNKNOWN,
                    f"{sum(run.out_of_order for run in those):,}",
                    f"{sum(run.doubled for run in those):,}",
                    ms(time.estimate if time else None),
                    ms(fates.longest(those)),
                    f"{fates.count(those):,}",
                ]
            )
    return rows


def chart(found: Found) -> Curves:
    """What a program sees: which message comes when, in a stretch of one flow."""
    panels = []
    for transport in ("udp", "tcp"):
        if not (runs := found["overtaking"].by.get(transport)) or not runs[0].messages:
            continue
        run = runs[0]
        flow = run.of_flow(run.messages[0].flow)[SHOWN]
        came = sorted((fate.received, fate.number) for fate in flow if fate.received is not None)
        zero = flow[0].due if flow else 0.0
        panels.append(
            Panel(
                f"{transport.upper()}: each message as it comes",
                "since the first of them was due, ms",
                "message number",
                [
                    Series(
                        transport.upper(),
                        transport,
                        [1e3 * (received - zero) for received, _ in came],
                        [float(number) for _, number in came],
                    )
                ],
                [
                    Reference(
                        "due", [1e3 * (one.due - zero) for one in flow], [float(one.number) for one in flow]
                    )
                ],
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

"""Why does a thin stream suffer more than a thick one?

Question
    5 % of the packets are lost. Whose slowest messages are slower: of who speaks every 5 ms, or every half second?

Why it matters
    A chat, a game, a remote shell are *thin* streams: small messages, far apart. Their servers have bandwidth to spare,
    and their users complain of waiting. Griwodz and Halvorsen found it in the traces of a game (*The fun of using TCP
    for an MMORPG*, 2006), and Linux has had remedies of its own for it (Documentation/networking/tcp-thin.rst).

Prediction
    Both streams cross the same link, and lose the same share of their packets. Is a lost message of the thin one
    repaired sooner, later or just as soon?

Method
    TCP alone, 25 ms each way, 5 % loss in both directions, 100 bytes every 5, 20, 100 and 500 ms. There are as many
    flows of each kind as make 400 messages a second (fewer at 500 ms); the link could carry far more. The kernel's
    counters say what made TCP repeat: an answer to something sent later, or a timer.

Expected
    TCP learns of a loss when something *sent later* is acknowledged (SACK, RFC 2018; RACK, RFC 8985). If T is the time
    between two messages, the repair comes after T until the next one, 50 ms there and back, and 25 ms across: T + 75
    ms. It is at least 87 ms: RACK waits a quarter of a round trip for what may only have been overtaken.

    Where T + 50 ms is longer than the retransmission timer, the timer is first: srtt + 200 ms in Linux (RFC 6298 says a
    second at least). That makes 275 ms in all, and up to 325 where acknowledgements had been delayed. At 5 ms nearly
    everything is repaired the one way, at 500 ms the other.

    Of a hundred messages one has lost its repair as well, or the answer that asks for it, or stands behind one that
    has. So the p99 lies between one repair and three at 5 ms (85 to 220 ms). At 20 ms (95 to 345) and 100 ms (175 to
    475) it lies between one repair, and one whose own loss a timer had to find. At 500 ms it is one timer (275 to 325;
    up to 600 is called expected, because 576 was seen once). Seen once, in this order: 160, 318, 439, 576 ms.

What would change it
    A message said twice, or an empty one soon after it: then there is something sent later. A longer way makes every
    figure grow, but the timer's least. Congestion control changes little; where it halves the window at each loss
    (reno, cubic), messages of the thickest stream also wait in the sender. Mind what is counted: at 5 ms *more*
    messages are late, because many stand behind a lost one. But each waits for less long.
"""

from dataclasses import dataclass, field

from benchmarks.estimate import Percentile, wilson
from benchmarks.flow import fates, tables
from benchmarks.flow.fates import Fates
from benchmarks.labbook import finding, plots
from benchmarks.labbook.anatomy import choose, read, tell
from benchmarks.labbook.chart import Chart, Curves, Panel, Reference
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.wording import listed, ms, percents, three_digits

DELAY = 0.025
LINK = "delay 25ms loss 5%"

FLOWS = {5: 2, 20: 8, 100: 40, 500: 80}
"""How many, by the milliseconds from one message to the next."""

P99 = {5: (85, 220), 20: (95, 345), 100: (175, 475), 500: (275, 600)}
"""What is expected, in ms."""

ALIKE = 1.25
"""Percentiles that differ by no more than this factor are called alike."""


@dataclass
class Thickness:
    """The runs of one spacing. Of `repeated` segments `timed` were sent again because a timer had run out."""

    runs: list[Fates] = field(default_factory=list)
    repeated: int = 0
    timed: int = 0


Found = dict[int, Thickness]
"""By spacing, in ms."""


def run(lab: Lab) -> Outcome:
    """Take turns between the spacings."""
    repeats, seconds = lab.pick(2, 1), lab.pick({500: 9.0}, {5: 3.0, 100: 2.7})
    spacings = lab.pick(tuple(FLOWS), (5, 100))
    found: Found = {spacing: Thickness() for spacing in spacings}
    charts, captures = list[Chart](), []
    for repeat in range(1, repeats + 1):
        for spacing, those in found.items():
            plan = Plan(
                flows=FLOWS[spacing],
                interval=spacing / 1e3,
                seconds=seconds.get(spacing, 6.0),
                transports=("tcp",),
                drain=lab.pick(8.0, 3.0),
                repeat=repeat,
            )
            shown = repeat == 1 and spacing in (spacings[0], spacings[-1])
            capture = f"thin-{spacing}ms.pcapng" if shown else None
            made = lab.flows(plan, LINK, doing=f"each {spacing} ms, repeat {repeat}", capture=capture)
            kernel = made.account.kernel or {}
            those.runs.append(made.by["tcp"])
            those.repeated += kernel.get("RetransSegs", 0)
            those.timed += kernel.get("TCPTimeouts", 0) + kernel.get("TCPLossProbes", 0)
            if capture:
                captures.append(capture)
                if chosen := choose(read(made, lab.directory / capture, DELAY)):
                    caption = (
                        f"A lost segment of a stream that speaks every {spacing} ms. What is sent later shows the gap; "
                        "where nothing is, only a timer can."
                    )
                    charts.append(tell(*chosen, name=f"thin-anatomy-{spacing}ms", caption=caption))
    return Outcome(
        findings=findings(found),
        said=said(found),
        answer=answer(found),
        columns=["spacing_ms", *tables.COLUMNS],
        rows=[row for spacing, those in found.items() for row in tables.rows(those.runs, spacing)],
        table=table(found),
        charts=[*charts, chart(found)],
        captures=captures,
        conditions=[
            ("link", "25 ms and 5 % loss each way"),
            ("flows", f"{listed([str(FLOWS[spacing]) for spacing in found])}, TCP, 100 bytes"),
            ("repeats", str(repeats)),
        ],
    )


def p99(spacing: int, runs: list[Fates]) -> Percentile | None:
    """In seconds. What holds up a message of a flow is over when ten more are due, or a second has passed."""
    return fates.percentiles(runs, (99,), stretch=max(1.0, spacing / 100))[99]


def findings(found: Found) -> list[Finding]:
    """What was expected, and what was found."""
    made = []
    for spacing, those in found.items():
        made.append(
            finding.milliseconds(
                f"p99-{spacing}",
                f"p99, a message each {spacing} ms",
                p99(spacing, those.runs),
                fates.count(those.runs),
                expected=Expected(*P99[spacing], "RFC 8985, RFC 6298 and Linux's 200 ms; see the text"),
                because="The fewer segments come behind a lost one, the later TCP learns that it is missing.",
                unless="A tail is made of few losses: another seed (SEED=) gives another one. In the thick stream, "
                "messages also wait in the sender when congestion control lets few packets out.",
            )
        )
    for spacing, share in ((5, (0.0, 20.0)), (500, (80.0, 100.0))):
        if spacing in found:
            those = found[spacing]
            # What sent a segment again is counted by the kernel when it happens; a probe may also send new data.
            timed = min(those.timed, those.repeated)
            made.append(
                finding.share(
                    f"timed-{spacing}",
                    f"sent again by a timer, each {spacing} ms",
                    wilson(timed, those.repeated),
                    those.repeated,
                    "segments",
                    expected=Expected(*share, "TCPTimeouts and TCPLossProbes of RetransSegs"),
                    because="Where the next message comes soon, its acknowledgement shows the gap; where it comes "
                    "late, the timer is first.",
                    unless="The timer follows the round trips measured: a busy machine makes it longer.",
                    missing="the kernel counted nothing that was sent again.",
                )
            )
    return made


def _ends(found: Found) -> tuple[float, float] | None:
    """The p99 of the thickest and of the thinnest stream."""
    ends = [p99(spacing, found[spacing].runs) for spacing in (min(found), max(found))]
    return (ends[0].estimate, ends[1].estimate) if ends[0] and ends[1] else None


def answer(found: Found) -> int | None:
    """Which answer the data give."""
    if not (ends := _ends(found)):
        return None
    thick, thin = ends
    return 1 if max(thick, thin) <= ALIKE * min(thick, thin) else 0 if thick > thin else 2


def said(found: Found) -> list[str]:
    """Sentences out of the data."""
    thick, thin = min(found), max(found)
    made = []
    if ends := _ends(found):
        made.append(
            f"One in a hundred took {ms(ends[0])} ms or more where the next message came {thick} ms later, and "
            f"{ms(ends[1])} ms where it came {thin} ms later: {three_digits(ends[1] / ends[0])} times as long."
        )
    late = [fates.late(found[spacing].runs, 2 * DELAY, stretch=1.0) for spacing in (thick, thin)]
    if late[0] and late[1]:
        made.append(
            f"Of the thick stream {percents(late[0])[0]} % took more than twice the link's delay, of the thin one "
            f"{percents(late[1])[0]} %."
        )
        if late[0].estimate > late[1].estimate:
            made.append(
                "More of the thick stream was late: behind each lost segment stand many, who all wait a little."
            )
    return made


def table(found: Found) -> list[list[str]]:
    """What is worth reading, by spacing."""
    shown = (90, 99)
    return [
        ["each", "sent again", "by timer", *tables.heading(shown)],
        *(
            [f"{at} ms", f"{those.repeated:,}", f"{those.timed:,}", *tables.summary(those.runs, shown)]
            for at, those in found.items()
        ),
    ]


def chart(found: Found) -> Curves:
    """The p99 over the spacing."""
    times = {spacing: p99(spacing, those.runs) for spacing, those in found.items()}
    low, high = ([float(P99[spacing][end]) for spacing in found] for end in (0, 1))
    panel = Panel(
        "One in a hundred takes longer",
        "a message each … ms",
        "latency since due, ms",
        [plots.percentiles("TCP's p99", "tcp", times)],
        [Reference("expected", [float(spacing) for spacing in found], low, high)],
        x_log=True,
    )
    return Curves(
        "thin",
        "TCP's p99 at the same loss, over the time between two messages; bars are 95 % intervals. The further apart "
        "they are, the later anybody can tell that one is missing.",
        [panel],
    )


EXPERIMENT = Experiment(
    name="thin",
    ask=Choice(
        "The same share is lost. Whose slowest messages in a hundred take longer?",
        ("those of the thick stream (each 5 ms)", "about the same", "those of the thin stream (each 500 ms)"),
    ),
    seconds=(90, 15),
    run=run,
    think=(
        "What could a game do, which sends a position every 100 ms, to have a lost one repaired sooner?",
        "In the thick stream more messages are late, in the thin one the late ones are later. What is worse?",
    ),
)

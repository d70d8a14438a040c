"""What does loss do?

Question
    What becomes of a message every 100 ms when 0 to 20 % of all packets are lost?

Why it matters
    "TCP is reliable" and "UDP loses messages" are both true, and both say half of it: reliability is paid for in time.
    How much decides whether people who talk notice.

Prediction
    Look at 5 %, which a bad Wi-Fi has: nearly every message is delivered at once. How long does the slowest one in a
    hundred take over TCP?

Method
    Each flow is one sender and one receiver, 25 ms apart: 50 ms there and back. Each says 100 bytes every 100 ms,
    whatever becomes of the last. The same packets are lost in both directions, so TCP's acknowledgements are, too.
    Latency counts from when a message was due.

Expected
    UDP delivers 1 − p, and what it delivers takes the 25 ms of the link, whatever p is. TCP delivers everything. Its
    99th percentile is that of one repair at 2 % (176 ms: 100 ms until the next message shows the gap, 50 ms to tell the
    sender and to repeat, 25 ms to cross), of one timer at 5 % (276 to 450 ms) and of two at 10 % (576 ms; RFC 6298,
    RFC 8985; figures seen once on Linux 6.18). At 20 % each way a repair fails as often as one time in three, the timer
    doubles each time, and what comes meanwhile waits behind it: even the median leaves the link's delay behind, and the
    longer it lasts the further.

What would change it
    A thicker stream is repaired sooner (experiment thin). Loss that comes in bursts takes the repair as well
    (experiment bursts). A longer way makes every repair longer.
"""

from benchmarks.flow import fates
from benchmarks.flow.fates import Fates
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.wording import UNKNOWN, ms, percents

LOSSES = (0, 2, 5, 10, 20)
"""Percent, each way."""

COLLAPSE = 20
"""Percent at which TCP's timers no longer keep up: it is watched for longer."""

P99 = {2: (150, 450), 5: (226, 650), 10: (400, 1500), 20: (1000, 8000)}
"""What is expected of TCP's 99th percentile, in ms, by loss."""

DRAIN = 12.0
"""Seconds after the last word that TCP has to come to an end."""

Runs = dict[tuple[str, int], list[Fates]]
"""By transport and loss: those of all repeats."""


def run(lab: Lab) -> Outcome:
    """Take turns between the losses; both transports cross the same link at the same time."""
    losses, repeats = lab.pick(LOSSES, (5, 20)), lab.pick(2, 1)
    runs: Runs = {}
    for repeat in range(1, repeats + 1):
        for loss in losses:
            flows, seconds = lab.pick(
                (30, 4.0 if loss < COLLAPSE else 10.0), (50, 2.2)
            )  # a p99 needs 1,000 messages
            plan = Plan(flows=flows, seconds=seconds, drain=lab.pick(DRAIN, 5.0), repeat=repeat)
            made = lab.flows(plan, f"delay 25ms loss {loss}%", doing=f"{loss} % loss, repeat {repeat}")
            for transport, fate in made.by.items():
                runs.setdefault((transport, loss), []).append(fate)
    return Outcome(
        findings=[one for loss in losses for one in _findings(runs, loss)],
        said=_said(runs, losses[-1]),
        columns=["loss_percent", "transport", "repeat", *fates.COLUMNS],
        rows=[
            [loss, transport, one.repeat, *fate]
            for (transport, loss), those in runs.items()
            for one in those
            for fate in one.messages
        ],
        table=_table(runs, losses),
        charts=[_chart(runs, losses)],
        conditions=[
            ("link", "25 ms each way"),
            ("flows", f"{lab.pick(30, 50)} of each transport, 100 bytes every 100 ms"),
            ("repeats", str(repeats)),
        ],
    )


def _findings(runs: Runs, loss: int) -> list[Finding]:
    found = []
    if udp := runs.get(("udp", loss)):
        found += [
            finding.share(
                f"udp-delivered-{loss}",
                f"UDP delivered at {loss} % loss",
                fates.delivered(udp),
                fates.count(udp),
                expected=Expected(100.0 - loss, 100.0 - loss, "1 − p"),
                because="What is lost stays lost, and nothing else is.",
                unless="Messages were lost elsewhere than on the link: is this machine busy?",
            ),
            finding.milliseconds(
                f"udp-p50-{loss}",
                f"UDP's median at {loss} %",
                fates.percentiles(udp, (50,))[50],
                fates.count(udp),
                expected=Expected(25.0, 27.0, "the link's delay; seen once: 25.5 ms"),
                because="Nothing waits for what is lost.",
                unless="This machine was busy: the link or the flows had to wait for a processor.",
            ),
        ]
    if tcp := runs.get(("tcp", loss)):
        found.append(
            finding.share(
                f"tcp-delivered-{loss}",
                f"TCP delivered at {loss} %",
                fates.delivered(tcp),
                fates.count(tcp),
                expected=Expected(
                    100.0 if loss < COLLAPSE else 90.0,
                    100.0,
                    "RFC 9293: what is not acknowledged is sent again"
                    + (
                        f"; by a timer that doubles each time (RFC 6298), and here got {DRAIN:g} s"
                        * (loss >= COLLAPSE)
                    ),
                ),
                because="The kernel keeps what it sent until it is acknowledged, and sends it again if it is not.",
                unless="TCP was not given the time: its timer doubles at each failure, and what had not come when the "
                "run ended counts as not delivered.",
            )
        )
        if loss >= COLLAPSE:
            found.append(
                finding.milliseconds(
                    f"tcp-p50-{loss}",
                    f"TCP's median at {loss} %",
                    fates.percentiles(tcp, (50,))[50],
                    fates.count(tcp),
                    expected=Expected(30.0, 2000.0, "more than the link's 25 ms; seen once: 320 ms"),
                    because="Half of all messages stand behind one that is waiting for a timer.",
                    unless="It takes some seconds until most flows have met a long timer: a quick run is too short.",
                )
            )
        if loss in P99:
            low, high = P99[loss]
            found.append(
                finding.milliseconds(
                    f"tcp-p99-{loss}",
                    f"TCP's p99 at {loss} %",
                    fates.percentiles(tcp, (99,))[99],
                    fates.count(tcp),
                    expected=Expected(low, high, "RFC 6298, RFC 8985; seen once on Linux 6.18"),
                    because="One in a hundred waits for a repair, and the more is lost, the more repairs are lost too.",
                    unless="A tail is made of few messages: another seed (SEED=) gives another one.",
                )
            )
    return found


def _said(runs: Runs, worst: int) -> list[str]:
    said = []
    if tcp := runs.get(("tcp", worst)):
        half, most = fates.percentiles(tcp, (50,))[50], fates.longest(tcp)
        if half and most:
            said.append(
                f"At {worst} % loss half of TCP's messages took {ms(half.estimate)} ms or more, and the slowest "
                f"{ms(most)}."
            )
    if (udp := runs.get(("udp", worst))) and (
        slow := fates.percentiles(udp, (99,))[99] or fates.percentiles(udp, (90,))[90]
    ):
        share = fates.delivered(udp)
        assert share is not None
        said.append(
            f"UDP delivered {percents(share)[0]} % there, and of those nearly every one within {ms(slow.estimate)} ms: "
            "what is missing is missing, and nothing is late."
        )
    return said


def _table(runs: Runs, losses: tuple[int, ...]) -> list[list[str]]:
    rows = [["loss", "transport", "delivered %", "p50 ms", "p99 ms", "slowest ms", "n"]]
    for loss in losses:
        for transport in ("tcp", "udp"):
            if those := runs.get((transport, loss)):
                share, times = fates.delivered(those), fates.percentiles(those, (50, 99))
                rows.append(
                    [
                        f"{loss} %",
                        transport,
                        percents(share)[0] if share else UNKNOWN,
                        *(ms(time.estimate if time else None) for time in times.values()),
                        ms(fates.longest(those)),
                        f"{fates.count(those):,}",
                    ]
                )
    return rows


def _chart(runs: Runs, losses: tuple[int, ...]) -> Curves:
    panels = []
    for title, percent in (("The median", 50), ("One in a hundred takes longer (p99)", 99)):
        series = []
        for transport in ("tcp", "udp"):
            times = [
                fates.percentiles(runs.get((transport, loss), []), (percent,))[percent] for loss in losses
            ]
            if any(times):
                series.append(
                    Series(
                        transport.upper(),
                        transport,
                        [float(loss) for loss in losses],
                        [1e3 * time.estimate if time else None for time in times],
                        [1e3 * time.low if time and time.low else None for time in times],
                        [1e3 * time.high if time and time.high else None for time in times],
                    )
                )
        reference = Reference("the link's delay", [0.0, float(losses[-1])], [25.0, 25.0])
        panels.append(
            Panel(
                title, "packets lost, each way, %", "latency since due, ms", series, [reference], y_log=True
            )
        )
    return Curves(
        "loss",
        "Latency of what was delivered, over the loss; bars are 95 % intervals. UDP stays on the link's delay because "
        "nothing waits for what is lost; TCP delivers everything, and its tail grows first.",
        panels,
    )


EXPERIMENT = Experiment(
    name="loss",
    ask=Number("at 5 % loss, how long does TCP's slowest message in a hundred take?", "ms", "tcp-p99-5"),
    seconds=(110, 18),
    run=run,
    relay=True,
    think=(
        "At which loss would you stop talking over TCP, and at which over UDP? What decides it?",
        "A chat message crosses such a link twice. What is its share delivered over UDP, and its p99 over TCP?",
    ),
)

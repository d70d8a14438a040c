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
    whatever becomes of the last. The same share is lost in each direction, of TCP's acknowledgements, too. Latency
    counts from when a message was due.

Expected
    UDP delivers 1 − p. What it delivers takes the 25 ms of the link, whatever p is.

    TCP delivers everything. Its 99th percentile (p99) is one repair at 2 %: 176 ms, of which 100 ms pass until the next
    message shows the gap, 50 ms to tell the sender and to repeat, 25 ms to cross. It is one timer at 5 % (276 to
    450 ms) and two at 10 % (576 ms; RFC 6298, RFC 8985; figures seen once on Linux 6.18). At 20 % each way one repair
    in three fails. The timer doubles each time, and what is sent meanwhile waits behind it. So even the median leaves
    the link's delay behind, and the further the longer the run lasts.

What would change it
    A thicker stream is repaired sooner (experiment thin). Loss that comes in bursts takes the repair as well
    (experiment bursts). A longer way makes every repair longer.
"""

from benchmarks.flow import fates, tables
from benchmarks.flow.fates import Fates
from benchmarks.labbook import finding, plots
from benchmarks.labbook.chart import Curves, Panel, Reference
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.wording import ms, percents

LOSSES = (0, 2, 5, 10, 20)
"""Percent, each way."""

COLLAPSE = 20
"""Percent at which TCP's timers no longer keep up: it is watched for longer."""

P99 = {2: (150, 450), 5: (226, 650), 10: (400, 1500), 20: (1000, 8000)}
"""What is expected of TCP's 99th percentile, in ms, by loss."""

DRAIN = 12.0
"""Seconds after the last word that TCP has to come to an end."""

Runs = dict[tuple[int, str], list[Fates]]
"""By loss and transport: those of all repeats."""


def run(lab: Lab) -> Outcome:
    """Take turns between the losses; both transports cross the same link at the same time."""
    losses, repeats = lab.pick(LOSSES, (5, 20)), lab.pick(2, 1)
    runs: Runs = {}
    for repeat in range(1, repeats + 1):
        for loss in losses:
            # A p99 needs 1,000 messages.
            flows, seconds = lab.pick((30, 4.0 if loss < COLLAPSE else 10.0), (50, 2.2))
            plan = Plan(flows=flows, seconds=seconds, drain=lab.pick(DRAIN, 5.0), repeat=repeat)
            made = lab.flows(plan, f"delay 25ms loss {loss}%", doing=f"{loss} % loss, repeat {repeat}")
            for transport, fate in made.by.items():
                runs.setdefault((loss, transport), []).append(fate)
    return Outcome(
        findings=[
            one
            for (loss, transport), those in runs.items()
            for one in (_of_tcp if transport == "tcp" else _of_udp)(those, loss)
        ],
        said=_said(runs, losses[-1]),
        columns=["loss_percent", "transport", *tables.COLUMNS],
        rows=[row for which, those in runs.items() for row in tables.rows(those, *which)],
        table=[
            ["loss", "transport", *tables.heading()],
            *([f"{loss} %", transport, *tables.summary(those)] for (loss, transport), those in runs.items()),
        ],
        charts=[_chart(runs, losses)],
        conditions=[
            ("link", "25 ms each way"),
            ("flows", f"{lab.pick(30, 50)} of each transport, 100 bytes every 100 ms"),
            ("repeats", str(repeats)),
        ],
    )


def _of_udp(runs: list[Fates], loss: int) -> list[Finding]:
    n = fates.count(runs)
    return [
        finding.share(
            f"udp-delivered-{loss}",
            f"UDP delivered at {loss} % loss",
            fates.delivered(runs),
            n,
            expected=Expected(100.0 - loss, 100.0 - loss, "1 − p"),
            because="What is lost stays lost, and nothing else is.",
            unless="Messages were lost elsewhere than on the link: is this machine busy?",
        ),
        finding.milliseconds(
            f"udp-p50-{loss}",
            f"UDP's median at {loss} %",
            fates.percentiles(runs, (50,))[50],
            n,
            expected=Expected(25.0, 27.0, "the link's delay; seen once: 25.5 ms"),
            because="Nothing waits for what is lost.",
            unless="This machine was busy: the link or the flows had to wait for a processor.",
        ),
    ]


def _of_tcp(runs: list[Fates], loss: int) -> list[Finding]:
    n, times = fates.count(runs), fates.percentiles(runs, (50, 99))
    least, source = 100.0, "RFC 9293: what is not acknowledged is sent again"
    if loss >= COLLAPSE:
        least, source = (
            90.0,
            f"{source}; by a timer that doubles each time (RFC 6298), and here got {DRAIN:g} s",
        )
    found = [
        finding.share(
            f"tcp-delivered-{loss}",
            f"TCP delivered at {loss} %",
            fates.delivered(runs),
            n,
            expected=Expected(least, 100.0, source),
            because="The kernel keeps what it sent until it is acknowledged, and sends it again if it is not.",
            unless="TCP was not given the time: its timer doubles at each failure, and what had not come when the "
            "run ended counts as not delivered.",
        )
    ]
    if loss >= COLLAPSE:
        found.append(
            finding.milliseconds(
                f"tcp-p50-{loss}",
                f"TCP's median at {loss} %",
                times[50],
                n,
                expected=Expected(30.0, 2000.0, "more than the link's 25 ms; seen once: 320 ms"),
                because="Half of all messages stand behind one that is waiting for a timer.",
                unless="It takes some seconds until most flows have met a long timer: a quick run is too short.",
            )
        )
    if loss in P99:
        found.append(
            finding.milliseconds(
                f"tcp-p99-{loss}",
                f"TCP's p99 at {loss} %",
                times[99],
                n,
                expected=Expected(*P99[loss], "RFC 6298, RFC 8985; seen once on Linux 6.18"),
                because="One in a hundred waits for a repair, and the more is lost, the more repairs are lost too.",
                unless="A tail is made of few messages: another seed (SEED=) gives another one.",
            )
        )
    return found


def _said(runs: Runs, worst: int) -> list[str]:
    said = []
    tcp, udp = runs.get((worst, "tcp"), []), runs.get((worst, "udp"), [])
    half, most = fates.percentiles(tcp, (50,))[50], fates.longest(tcp)
    if half and most:
        said.append(
            f"At {worst} % loss half of TCP's messages took {ms(half.estimate)} ms or more, and the slowest {ms(most)}."
        )
    share, times = fates.delivered(udp), fates.percentiles(udp, (90, 99))
    if share and (slow := times[99] or times[90]):
        said.append(
            f"At {worst} % loss UDP delivered {percents(share)[0]} %, nearly all of it within {ms(slow.estimate)} ms: "
            "what is missing is missing, and nothing is late."
        )
    return said


def _chart(runs: Runs, losses: tuple[int, ...]) -> Curves:
    panels = []
    for title, percent in (("The median", 50), ("One in a hundred takes longer (p99)", 99)):
        series = []
        for transport in ("tcp", "udp"):
            times = {
                loss: fates.percentiles(runs.get((loss, transport), []), (percent,))[percent]
                for loss in losses
            }
            if any(times.values()):
                series.append(plots.percentiles(transport.upper(), transport, times))
        link = Reference("the link's delay", [0.0, float(losses[-1])], [25.0, 25.0])
        panels.append(
            Panel(title, "packets lost, each way, %", "latency since due, ms", series, [link], y_log=True)
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
    seconds=(90, 16),
    run=run,
    relay=True,
    think=(
        "At which loss would you stop talking over TCP, and at which over UDP? What decides it?",
        "A chat message crosses such a link twice. What is its share delivered over UDP, and its p99 over TCP?",
    ),
)

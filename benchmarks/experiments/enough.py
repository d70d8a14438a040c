"""How many messages are enough?

Question
    Measured with 100 messages, how far from the truth may a loss be, or a 99th percentile?

Why it matters
    Many a report says "we sent 100 packets and lost 3 %" or "our p99 is 80 ms", and compares two such figures. Before
    a figure means anything one has to know what the next 100 messages would have said.

Prediction
    The link loses 5 %. In some 200 samples of 100 messages: how many percent are lost in the worst of them?

Method
    20,000 datagrams, of which the link loses 5 %, each independently of the others. Then, on another link like it, TCP
    flows that say something every 100 ms. In the order in which the messages were due they are cut into samples of 100,
    and of 1000: each is what somebody would have measured who stopped so soon.

    Around the share lost in each sample two intervals are computed, both of 95 %: Wilson's, and the textbook's
    p ± 1.96 √(p(1−p)/n). The p99 of a sample is its value of rank ⌈0.99 n⌉ ("nearest rank"): of 100 values the largest
    but one. Over TCP neighbours are late together, so its messages are dealt out to the samples like cards. How it is
    with samples in a row is shown beside it.

Expected
    The number lost in a sample has a binomial distribution; all the rest is arithmetic. 5 of 100 speak for 2.2 to
    11.2 % (Wilson 1927). His interval holds the true 5 % in 96.6 of 100 samples of 100. The textbook's does in only
    87.7: where few are lost it is too narrow (L. D. Brown, T. T. Cai, A. DasGupta, *Interval estimation for a binomial
    proportion*, 2001).

    For percentiles it does not matter how the latencies are distributed. In 95 of 100 samples the largest but one of
    100 lies between the p94.6 and the p99.8 of all (W. J. Conover, *Practical nonparametric statistics*, 1999, 3.2).
    Over TCP that is anything from a message behind a lost one to one that was lost twice.

What would change it
    More messages: four times as many make an interval half as wide. 50 of 1000 speak for 3.8 to 6.5 %, and the p99 of
    1000 lies between the p98.2 and the p99.4 of all. A p99 wants ten values beyond it, so 1000 messages (a rule of
    thumb, and the rule of this lab). What hangs together, as losses in bursts, counts for fewer.
"""

from collections.abc import Sequence

from benchmarks import chance
from benchmarks.estimate import Interval, textbook, wilson
from benchmarks.flow import fates, tables
from benchmarks.flow.fates import Fates
from benchmarks.flow.samples import losses, p99, p99s
from benchmarks.labbook import finding, plots
from benchmarks.labbook.chart import Curves, Panel, Reference
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.labbook.lines import level, shares
from benchmarks.wording import ms, three_digits

LOSS = 0.05
LINK = f"delay 25ms loss {LOSS:.0%}"
SMALL, LARGE = SIZES = (100, 1000)
"""Messages of a sample."""

FEW = 20
"""Samples, before a share of them says anything."""

CHANCE = 0.999
"""How much of what chance may do is called expected."""

STRETCH = 2.0
"""Seconds of a TCP flow that are taken together: several times what a repair takes."""

SHOWN = 40
"""Samples in the figure."""


def score(lost: int, n: int) -> Interval:
    """Wilson's interval."""
    found = wilson(lost, n)
    assert found is not None  # a sample is not empty
    return found


INTERVALS = {"holds-wilson": ("Wilson's", score), "holds-textbook": ("the textbook's", textbook)}


def run(lab: Lab) -> Outcome:
    """UDP for shares, then TCP for percentiles."""
    seconds = lab.pick({"udp": 22.0, "tcp": 26.0}, {"udp": 5.0, "tcp": 2.7})
    plans = {
        "udp": Plan(flows=20, interval=0.02, seconds=seconds["udp"], transports=("udp",)),
        "tcp": Plan(flows=40, interval=0.1, seconds=seconds["tcp"], transports=("tcp",), drain=4.0),
    }
    runs = {
        transport: lab.flows(plan, LINK, doing=transport.upper()).by[transport]
        for transport, plan in plans.items()
        if transport in lab.transports
    }
    udp, tcp = runs["udp"], runs.get("tcp")
    lost = {size: losses(udp, size) for size in SIZES}
    ordered = sorted(fates.latencies([tcp])) if tcp else []
    tails = {size: p99s(tcp, size) for size in SIZES} if tcp else {}
    over_tcp = f"{len(ordered):,} messages of 40 flows, one every 100 ms" if tcp else "not measured here"
    return Outcome(
        findings=[*findings(udp, lost), *(tail_findings(tcp, tails, ordered) if tcp else [])],
        said=said(lost, tails, ordered),
        columns=["transport", *tables.COLUMNS],
        rows=[row for transport, one in runs.items() for row in tables.rows([one], transport)],
        charts=[chart(lost, tails, ordered)],
        conditions=[
            ("link", "25 ms and 5 % loss each way"),
            ("UDP", f"{len(udp.messages):,} messages, 100 bytes, 1,000 a second"),
            ("TCP", over_tcp),
        ],
    )


def findings(run: Fates, lost: dict[int, list[int]]) -> list[Finding]:
    """Of shares."""
    hung = "The messages of a sample hung together: their losses were not independent."
    found = [
        finding.portion(
            "lost",
            "lost of all",
            run.lost,
            len(run.messages),
            expected=Expected(100 * LOSS, 100 * LOSS, "what the link was asked for"),
            because="With so many messages chance has little left to say.",
            unless="Chance: of 100 such intervals 5 miss what they are for.",
        )
    ]
    for size, samples in lost.items():
        if len(samples) > 1:
            low, high = chance.largest(size, LOSS, len(samples), CHANCE)
            found.append(
                Finding(
                    f"worst-{size}",
                    f"lost in the worst sample of {size}",
                    "%",
                    100 * max(samples) / size,
                    len(samples),
                    "samples",
                    expected=Expected(
                        100 * low / size, 100 * high / size, "the largest of so many binomial numbers"
                    ),
                    because="Few messages leave much to chance, and who looks often enough meets everything.",
                    unless=hung,
                )
            )
    n = len(lost[SMALL])
    for name, (which, interval) in INTERVALS.items():
        exact = chance.coverage(interval, SMALL, LOSS)
        if around := wilson(exact * n, n, CHANCE):
            found.append(
                finding.portion(
                    name,
                    f"{which} interval holds 5 %",
                    sum(LOSS in interval(one, SMALL) for one in lost[SMALL]),
                    n,
                    "samples",
                    expected=Expected(
                        100 * around.low,
                        100 * around.high,
                        f"{100 * exact:.1f} % exactly, and what chance does to {n} samples",
                        f"{100 * exact:.1f} %",
                    ),
                    because="An interval says how often it is right; the textbook's promises more than it holds.",
                    unless=hung,
                )
            )
    return found


def tail_findings(tcp: Fates, tails: dict[int, list[float]], ordered: Sequence[float]) -> list[Finding]:
    """Of percentiles."""
    found = [
        finding.milliseconds(
            "p99",
            "TCP's p99 of all",
            fates.percentiles([tcp], (99,), stretch=STRETCH)[99],
            len(tcp.messages),
            expected=Expected(175.0, 475.0, "from one repair to one found by a timer: experiment thin"),
            because="Of so many messages enough lie beyond it.",
            unless="A tail is made of few losses: another seed (SEED=) gives another one.",
        )
    ]
    if not tails.get(SMALL) or not ordered:
        return found
    reach = chance.reach(SMALL, 99)
    low, high = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in reach)
    ranks = f"p{100 * reach[0]:.1f} to p{100 * reach[1]:.1f}"
    exact = Expected(95.0, 95.0, f"ranks: {ranks} of all", f"95 % ({ranks})")
    for name, among, samples, expected in (
        ("dealt", "dealt out", tails[SMALL], exact),
        ("in-a-row", "in a row", p99s(tcp, SMALL, dealt=False), None),
    ):
        within = sum(low <= one <= high for one in samples)
        found.append(
            finding.share(
                f"within-{name}",
                f"p99 of {SMALL}, {among}: from {ms(low)} to {ms(high)} ms",
                wilson(within, len(samples)) if len(samples) >= FEW else None,
                len(samples),
                "samples",
                expected=expected,
                because="A percentile of few messages is one message, and which one it is, is chance.",
                unless="Chance: of 100 such intervals 5 miss what they are for.",
                missing=f"there are {len(samples)} samples, and {FEW} are wanted to speak of a share.",
            )
        )
    return found


def said(lost: dict[int, list[int]], tails: dict[int, list[float]], ordered: Sequence[float]) -> list[str]:
    """Sentences out of the data."""
    found = [
        f"The same link lost from {three_digits(100 * min(samples) / size)} to "
        f"{three_digits(100 * max(samples) / size)} % in {len(samples)} samples of {size:,} messages."
        for size, samples in lost.items()
        if len(samples) > 1
    ]
    found += [
        f"In {len(times)} samples of {size:,} the p99 was anything from {ms(min(times))} to {ms(max(times))} ms."
        for size, times in tails.items()
        if len(times) > 1
    ]
    if ordered:
        found.append(
            f"That of all {len(ordered):,} is {ms(p99(ordered))} ms: whoever compares two samples of 100 compares "
            "chances."
        )
    return found


def chart(lost: dict[int, list[int]], tails: dict[int, list[float]], ordered: Sequence[float]) -> Curves:
    """The first samples with their intervals, and how the p99s are distributed."""
    samples = [score(one, SMALL) for one in lost[SMALL][:SHOWN]]
    at = [float(number) for number in range(1, len(samples) + 1)]
    panels = [
        Panel(
            f"Lost in each of {len(samples)} samples of {SMALL}, with Wilson's interval",
            "sample",
            "lost, %",
            [shares("UDP", "udp", at, samples)],
            [level("the truth", 0.0, len(samples) + 1.0, 100 * LOSS)],
        )
    ]
    if ordered:
        middle = 1e3 * p99(ordered)
        panels.append(
            Panel(
                "The p99 that a sample has",
                "p99 of a sample, ms",
                "samples with at most that, %",
                [
                    plots.at_most(f"of {size:,} messages", "tcp" if size == SMALL else "larger", times)
                    for size, times in tails.items()
                    if times
                ],
                [Reference("p99 of all", [middle, middle], [0.0, 100.0])],
            )
        )
    return Curves(
        "enough",
        "Above, what 100 messages say of a loss of 5 %: one interval in twenty or thirty misses it. Below, what "
        "samples say of TCP's p99: the steeper the line, the less is chance.",
        panels,
    )


EXPERIMENT = Experiment(
    name="enough",
    ask=Number("5 % are lost; how many in the worst of some 200 samples of 100?", "%", "worst-100"),
    seconds=(57, 17),
    run=run,
    relay=True,
    think=(
        "You sent 100 messages over each of two networks and lost 3 and 6. What can you say about the networks?",
        "How many messages do you need to tell a loss of 1 % from one of 2 %?",
    ),
)

"""How many messages are enough?

Question
    Measured with 100 messages, how far from the truth may a loss be, or a 99th percentile?

Why it matters
    Many a report says "we sent 100 packets and lost 3 %" or "our p99 is 80 ms", and compares two such figures. Before
    a figure means anything one has to know what the next 100 messages would have said.

Prediction
    The link loses 5 %. In some 200 samples of 100 messages: how many percent are lost in the worst of them?

Method
    20,000 datagrams, of which the link loses 5 %, each independently of the others; and, on another link like it, TCP
    flows that say something every 100 ms. In the order in which the messages were due they are cut into samples of 100,
    and of 1000: each is what somebody would have measured who stopped so soon. Around the share lost in each sample two
    intervals are drawn, of 95 % both: Wilson's, and the textbook's p ± 1.96 √(p(1−p)/n). The p99 of a sample is its
    value of rank ⌈0.99 n⌉ ("nearest rank"): of 100 values the largest but one. Over TCP neighbours are late together,
    so its messages are dealt out to the samples like cards; how it is with samples in a row is shown beside it.

Expected
    The number lost in a sample has a binomial distribution, and so all the rest is arithmetic. 5 of 100 speak for 2.2
    to 11.2 % (Wilson 1927). His interval holds the true 5 % in 96.6 of 100 samples of 100, the textbook's only in 87.7,
    because it is of no width where nothing was lost (L. D. Brown, T. T. Cai, A. DasGupta, *Interval estimation for a
    binomial proportion*, 2001). For percentiles it does not matter how the latencies are distributed: the largest but
    one of 100 lies, in 95 of 100 samples, between the p94.6 and the p99.8 of all (it is Beta(99, 2) distributed;
    W. J. Conover, *Practical nonparametric statistics*, 1999, 3.2). Over TCP that is anything from a message that came
    after one that was lost to one that was lost twice.

What would change it
    More messages: four times as many make an interval half as wide. A p99 wants ten values beyond it, so 1000 messages
    (a rule of thumb, and the rule of this lab). What hangs together, as losses in bursts, counts for fewer.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Sequence

from benchmarks.estimate import Interval, wilson
from benchmarks.flow import fates
from benchmarks.flow.fates import Fates
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Chart, Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.wording import ms, three_digits

LOSS = 0.05
LINK = f"delay 25ms loss {LOSS:.0%}"
SIZES = (100, 1000)
Z = 1.96
"""Standard deviations on either side that hold 95 % of a normal distribution."""

FEW = 20
"""Samples, before a share of them says anything."""

CHANCE = 0.999
"""How much of what chance may do is called expected."""

STRETCH = 2.0
"""Seconds of a TCP flow that are taken together: several times what a repair takes."""

SHOWN = 40
"""Samples in the figure."""


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
    lost = {size: losses(runs["udp"], size) for size in SIZES}
    ordered = sorted(fates.latencies([runs["tcp"]])) if "tcp" in runs else []
    tails = {size: p99s(runs["tcp"], size) for size in SIZES} if "tcp" in runs else {}
    n = len(runs["udp"].messages)
    return Outcome(
        findings=[*findings(runs["udp"], lost), *tail_findings(runs.get("tcp"), tails, ordered)],
        said=said(lost, tails, ordered),
        columns=["transport", *fates.COLUMNS],
        rows=[[transport, *fate] for transport, one in runs.items() for fate in one.messages],
        table=table(lost, tails),
        charts=charts(lost, tails, ordered),
        conditions=[
            ("link", "25 ms and 5 % loss each way"),
            ("UDP", f"{n:,} messages, 100 bytes, 1,000 a second"),
            (
                "TCP",
                f"{len(ordered):,} messages of 40 flows, one every 100 ms"
                if ordered
                else "not measured here",
            ),
        ],
    )


# --- what somebody would have measured ------------------------------------------------------------


def losses(run: Fates, size: int) -> list[int]:
    """How many were lost in each sample."""
    return [sum(fate.received is None for fate in sample) for sample in fates.samples(run, size)]


def p99s(run: Fates, size: int, *, dealt: bool = True) -> list[float]:
    """The p99 of each sample in seconds, with no regard to how many values are beyond it."""
    found = []
    for sample in fates.samples(run, size, random.Random(run.repeat) if dealt else None):
        times = sorted(fate.latency for fate in sample if fate.latency is not None)
        if times:
            found.append(times[math.ceil(0.99 * len(times)) - 1])
    return found


def textbook(lost: int, n: int) -> Interval:
    """The interval of the textbooks, of A. Wald."""
    share = lost / n
    half = Z * math.sqrt(share * (1 - share) / n)
    return Interval(share, max(0.0, share - half), min(1.0, share + half))


def score(lost: int, n: int) -> Interval:
    """Wilson's."""
    found = wilson(lost, n)
    assert found is not None  # a sample is not empty
    return found


INTERVALS = {"Wilson's": score, "the textbook's": textbook}
NAMES = {"Wilson's": "holds-wilson", "the textbook's": "holds-textbook"}


def holding(lost: Sequence[int], n: int, which: str) -> int:
    """How many of the samples have an interval that holds the truth."""
    return sum(LOSS in INTERVALS[which](one, n) for one in lost)


# --- what chance does -----------------------------------------------------------------------------


def chances(n: int, p: float = LOSS) -> list[float]:
    """The binomial distribution: how likely it is that 0, 1, … of `n` are lost."""
    return [math.comb(n, lost) * p**lost * (1 - p) ** (n - lost) for lost in range(n + 1)]


def coverage(n: int, which: str) -> float:
    """How likely an interval of a sample of `n` is to hold the truth."""
    return sum(chance for lost, chance in enumerate(chances(n)) if LOSS in INTERVALS[which](lost, n))


def worst(n: int, samples: int) -> tuple[int, int]:
    """Between which numbers the largest of so many samples lies, but for one case in a thousand."""
    largest, below = [], 0.0
    for chance in chances(n):
        below += chance
        largest.append(min(1.0, below) ** samples)
    tail = (1 - CHANCE) / 2
    low, high = (next((k for k, at in enumerate(largest) if at >= end), n) for end in (tail, 1 - tail))
    return low, high


def reach(n: int) -> tuple[float, float]:
    """Between which percentiles of all the value of rank ⌈0.99 n⌉ of a sample of `n` lies in 95 of 100 cases. It is at
    most the share q of all as often as at least that many of `n` are."""
    rank = math.ceil(0.99 * n)

    def at_most(q: float) -> float:
        return sum(math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(rank, n + 1))

    def find(target: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(middle) < target else (low, middle)
        return low

    return find(0.025), find(0.975)


def window(ordered: Sequence[float], n: int) -> tuple[float, float]:
    """The latencies that those percentiles are."""
    low, high = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in reach(n))
    return low, high


# --- what is said of it ---------------------------------------------------------------------------


def findings(run: Fates, lost: dict[int, list[int]]) -> list[Finding]:
    """Of shares."""
    n = len(run.messages)
    missing = sum(fate.received is None for fate in run.messages)
    found = [
        finding.share(
            "lost",
            "lost of all",
            wilson(missing, n),
            n,
            expected=Expected(100 * LOSS, 100 * LOSS, "what the link was asked for"),
            because="With so many messages chance has little left to say.",
            unless="Chance: of 100 such intervals 5 miss what they are for.",
        )
    ]
    for size, samples in lost.items():
        if len(samples) < 2:
            continue
        low, high = worst(size, len(samples))
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
                unless="The messages of a sample hung together: their losses were not independent.",
            )
        )
    samples, size = lost[SIZES[0]], SIZES[0]
    for which in INTERVALS:
        exact = coverage(size, which)
        around = wilson(exact * len(samples), len(samples), CHANCE)
        if around is None:
            continue
        found.append(
            finding.share(
                NAMES[which],
                f"{which} interval holds 5 %",
                wilson(holding(samples, size, which), len(samples)),
                len(samples),
                "samples",
                expected=Expected(
                    100 * around.low,
                    100 * around.high,
                    f"{100 * exact:.1f} % exactly, and what chance does to {len(samples)} samples",
                    f"{100 * exact:.1f} %",
                ),
                because="An interval says how often it is right; the textbook's promises more than it holds.",
                unless="The messages of a sample hung together: their losses were not independent.",
            )
        )
    return found


def tail_findings(
    run: Fates | None, tails: dict[int, list[float]], ordered: Sequence[float]
) -> list[Finding]:
    """Of percentiles."""
    if run is None:
        return []
    found = [
        finding.milliseconds(
            "p99",
            "TCP's p99 of all",
            fates.percentiles([run], (99,), stretch=STRETCH)[99],
            len(run.messages),
            expected=Expected(175.0, 475.0, "from one repair to one found by a timer: experiment thin"),
            because="Of so many messages enough lie beyond it.",
            unless="A tail is made of few losses: another seed (SEED=) gives another one.",
        )
    ]
    size = SIZES[0]
    if not tails.get(size) or not ordered:
        return found
    low, high = window(ordered, size)
    shares = [100 * share for share in reach(size)]
    exact = Expected(
        95.0,
        95.0,
        f"ranks: from the p{shares[0]:.1f} to the p{shares[1]:.1f} of all",
        f"95 % (p{shares[0]:.1f} to p{shares[1]:.1f})",
    )
    for name, samples, among, expected in (
        ("dealt", tails[size], "dealt out", exact),
        ("in-a-row", p99s(run, size, dealt=False), "in a row", None),
    ):
        within = sum(low <= one <= high for one in samples)
        found.append(
            finding.share(
                f"within-{name}",
                f"p99 of {size}, {among}: from {ms(low)} to {ms(high)} ms",
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
    found = []
    for size, samples in lost.items():
        if len(samples) > 1:
            found.append(
                f"The same link lost from {three_digits(100 * min(samples) / size)} to "
                f"{three_digits(100 * max(samples) / size)} % in {len(samples)} samples of {size:,} messages."
            )
    for size, times in tails.items():
        if len(times) > 1:
            found.append(
                f"In {len(times)} samples of {size:,} the p99 was anything from {ms(min(times))} to "
                f"{ms(max(times))} ms."
            )
    if ordered:
        found.append(
            f"That of all {len(ordered):,} is {ms(ordered[math.ceil(0.99 * len(ordered)) - 1])} ms: whoever compares "
            "two samples of 100 compares chances."
        )
    return found


def table(lost: dict[int, list[int]], tails: dict[int, list[float]]) -> list[list[str]]:
    """What a sample of each size says."""
    rows = [["n", "5 % lost speaks for", "lost, seen", "its p99 is of all", "p99 ms, seen"]]
    for size in SIZES:
        around, (low, high) = score(round(LOSS * size), size), reach(size)
        samples, times = lost[size], tails.get(size, [])
        rows.append(
            [
                f"{size:,}",
                f"{100 * around.low:.1f} to {100 * around.high:.1f} %",
                f"{100 * min(samples) / size:.1f} to {100 * max(samples) / size:.1f} %" if samples else "–",
                f"p{100 * low:.1f} to p{100 * high:.1f}",
                f"{ms(min(times))} to {ms(max(times))}" if times else "–",
            ]
        )
    return rows


def charts(
    lost: dict[int, list[int]], tails: dict[int, list[float]], ordered: Sequence[float]
) -> list[Chart]:
    """The first samples with their intervals, and how the p99s are distributed."""
    size = SIZES[0]
    samples = lost[size][:SHOWN]
    around = [score(one, size) for one in samples]
    at = [float(number) for number in range(1, len(samples) + 1)]
    shares = Panel(
        f"Lost in each of {len(samples)} samples of {size}, with Wilson's interval",
        "sample",
        "lost, %",
        [
            Series(
                "UDP",
                "udp",
                at,
                [float(one) for one in samples],
                [100 * one.low for one in around],
                [100 * one.high for one in around],
                joined=False,
            )
        ],
        [Reference("the truth", [0.0, len(samples) + 1.0], [100 * LOSS, 100 * LOSS])],
    )
    panels = [shares]
    if ordered:
        middle = 1e3 * ordered[math.ceil(0.99 * len(ordered)) - 1]
        panels.append(
            Panel(
                "The p99 that a sample has",
                "p99 of a sample, ms",
                "samples with at most that, %",
                [_distribution(size, times) for size, times in tails.items() if times],
                [Reference("p99 of all", [middle, middle], [0.0, 100.0])],
            )
        )
    return [
        Curves(
            "enough",
            "Above, what 100 messages say of a loss of 5 %: one interval in twenty or thirty misses it. Below, what "
            "samples say of TCP's p99: the steeper the line, the less is chance.",
            panels,
        )
    ]


def _distribution(size: int, times: Sequence[float]) -> Series:
    ordered = sorted(times)
    at = sorted(set(ordered))
    return Series(
        f"of {size:,} messages",
        "tcp" if size == SIZES[0] else "larger",
        [1e3 * one for one in at],
        [100 * bisect_right(ordered, one) / len(ordered) for one in at],
        steps=True,
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

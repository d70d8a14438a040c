"""Does it matter how the same loss is spread?

Question
    The link loses 5 %: at random, or in bursts. What is the difference for who talks across it?

Why it matters
    Loss is reported as one number, and models toss a coin for each packet. But a lorry between the telephone and the
    mast, or a queue that is full, takes packets one behind the other. Who repairs a loss by saying things twice (TCP,
    or a program over UDP) asks whether the second one is lost as well. The share alone does not say that.

Prediction
    The same share is lost. Is the slowest one in a hundred of TCP's messages slower in bursts, or is it the same?

Method
    100 bytes every 20 ms, 25 ms each way. First random loss of 5 %; then Gilbert and Elliott's model, in tc-netem's
    words `loss gemodel 2% 38%`. At each step the link turns bad with 2 %, and good again with 38 %. So it is bad
    2/(2+38) = 5 % of the time, for 1/0.38 = 2.6 steps on end. A step is 20 ms, whatever passes: both transports and all
    flows meet the same bursts. Those are few, so the intervals are wide.

    Netem's own model takes a step with each packet. What that does is shown by one TCP flow alone, on a third link
    (`loss gemodel 5% 25% clock packet`, a message every 100 ms): how long do its bad spells last?

Expected
    UDP delivers 95 % either way: at random it loses 1/0.95 = 1.05 messages in a row, in bursts 2.6. TCP delivers
    everything. One loss at random is repaired in 20 + 50 + 25 = 95 ms (experiment thin). A message lost in a burst
    waits for its end: with j steps to go that is 20 j + 75 ms. Of 100 messages 5 are lost, and of those one in five has
    4 or more to go (0.62⁴ = 15 %). So the p99 is about 165 ms, and more where the way back is bad when something is
    repaired: 1.3 to 4 times that of random loss. Seen once, every 100 ms with the packet clock: 2 to 4 times.

    The packet clock is a trap: who falls silent stops it. After some losses TCP sends one packet at each timeout, and
    waits twice as long before the next one. At each of them a spell goes on with 75 %. So the expected wait is a sum of
    terms 0.75ᵏ · 2ᵏ, which grow: it has no mean. Once a flow stood still for 32 s.

What would change it
    Closer messages learn of the end of a burst sooner. Longer bursts outlast the timer, which doubles (RFC 6298, 5.5;
    experiment outage). Saying everything twice helps against random loss, in bursts only if the second is said later.
"""

from statistics import fmean

from benchmarks.estimate import Interval, Percentile, quotient
from benchmarks.flow import fates, tables
from benchmarks.flow.fates import Fates
from benchmarks.flow.spells import Spell, spells
from benchmarks.labbook import finding, plots
from benchmarks.labbook.chart import Curves, Panel, Series
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.link.capture import read
from benchmarks.wording import ms, percents, three_digits

LOSS = 0.05
LINKS = {"random": "delay 25ms loss 5%", "bursts": "delay 25ms loss gemodel 2% 38% clock 20ms"}
CALLED = {"random": "at random", "bursts": "in bursts"}
TRAP = "delay 25ms loss gemodel 5% 25% clock packet"

LENGTH = {"random": (1.0, 1.15), "bursts": (1.9, 3.6)}
"""What is expected of the mean number of messages lost in a row."""

FEW = 10
"""With fewer bursts than this nothing is said of their mean."""

STEP = 0.1
"""Seconds between the messages of the flow that is alone there: what a step of a clock of time would be."""

CONTRAST = 1.25
"""Percentiles that differ by no more than this factor are called the same."""

STRETCH = 1.0
"""Seconds of a flow that are taken together where losses are independent: several times what a repair takes."""

TAIL = [*range(80, 99), *(99 + tenth / 10 for tenth in range(10))]
"""Percents at which the figure has TCP's latencies."""

Runs = dict[tuple[str, str], list[Fates]]
"""By link and transport: those of all repeats."""


def run(lab: Lab) -> Outcome:
    """Take turns between the links; then the trap, for TCP alone."""
    repeats, flows = lab.pick(3, 1), 6
    seconds = lab.pick({"random": 10.0, "bursts": 13.0}, {"random": 3.6, "bursts": 6.0})
    runs: Runs = {}
    for repeat in range(1, repeats + 1):
        for name, link in LINKS.items():
            drain = lab.pick(6.0, 3.0)
            plan = Plan(flows=flows, interval=0.02, seconds=seconds[name], drain=drain, repeat=repeat)
            made = lab.flows(plan, link, doing=f"{name}, repeat {repeat}")
            for transport, fate in made.by.items():
                runs.setdefault((name, transport), []).append(fate)
    captures = ["bursts-packet-clock-1.pcapng", "bursts-packet-clock-2.pcapng"]
    if lab.quick or "tcp" not in lab.transports:
        captures = []
    bad = list[Spell]()
    for repeat, capture in enumerate(captures, 1):
        alone = Plan(flows=1, interval=STEP, seconds=10.0, transports=("tcp",), drain=6.0, repeat=repeat)
        made = lab.flows(alone, TRAP, doing=f"packet clock, repeat {repeat}", capture=capture)
        bad += spells(read(lab.directory / capture))
        runs.setdefault(("packet clock", "tcp"), []).append(made.by["tcp"])
    lasting = f"{seconds['random']:g} s at random and {seconds['bursts']:g} s in bursts"
    return Outcome(
        findings=findings(runs, bad),
        said=said(runs, bad),
        answer=answer(runs),
        columns=["link", "transport", *tables.COLUMNS],
        rows=[row for which, those in runs.items() for row in tables.rows(those, *which)],
        charts=[chart(runs)],
        captures=captures,
        conditions=[
            *LINKS.items(),
            *([("packet clock", TRAP)] if captures else []),
            ("flows", f"{flows} of each transport, 100 bytes every 20 ms"),
            ("repeats", f"{repeats} of {lasting}"),
        ],
    )


def delivered(name: str, runs: list[Fates]) -> Interval | None:
    """The share that came: bursts take of all flows at once."""
    return fates.delivered(runs, shared=name == "bursts", stretch=STRETCH)


def p99(name: str, runs: list[Fates]) -> Percentile | None:
    """In seconds."""
    return fates.percentiles(runs, (99,), shared=name == "bursts", stretch=STRETCH)[99]


def ratio(runs: Runs) -> Percentile | None:
    """TCP's p99 in bursts over that at random, of all repeats together."""
    random, bursts = (p99(name, runs.get((name, "tcp"), [])) for name in LINKS)
    return quotient(bursts, random) if bursts and random else None


def too_few(udp: list[Fates]) -> str:
    """Why nothing can be said of the bursts' mean; empty if there were enough."""
    met = fates.meetings(udp)
    return f"there were {met} bursts, and {FEW} are wanted to speak of a mean." if met < FEW else ""


def findings(runs: Runs, bad: list[Spell]) -> list[Finding]:
    """What was expected, and what was found."""
    made = [one for name in LINKS if (name, "udp") in runs for one in _of_udp(name, runs[name, "udp"])]
    for name in LINKS:
        if tcp := runs.get((name, "tcp")):
            made.append(
                finding.milliseconds(
                    f"tcp-p99-{name}",
                    f"TCP's p99, {name}",
                    p99(name, tcp),
                    fates.count(tcp),
                    expected=Expected(95.0, 345.0, "experiment thin") if name == "random" else None,
                    because="One in a hundred waits for a repair, or for one of two.",
                    unless="A tail is made of few losses: another seed (SEED=) gives another one.",
                )
            )
    if tcp := runs.get(("bursts", "tcp")):
        few = too_few(runs["bursts", "udp"]) if ("bursts", "udp") in runs else ""
        made.append(
            finding.factor(
                "ratio",
                "TCP's p99 in bursts, over that at random",
                None if few else ratio(runs),
                fates.count(tcp),
                expected=Expected(1.3, 4.0, "20 j + 75 ms against 95 ms; seen once: 2 to 4"),
                because="Where one is lost the next one is, too, and what repairs them.",
                unless="A tail is made of few losses: with short bursts nearly nothing is seen of it.",
                missing=few or "fewer than 10 messages are beyond its p99.",
            )
        )
    if bad:
        most = max(one.stretched(STEP) for one in bad)
        what = "packet clock: how much longer a spell became"
        made.append(Finding("stretched", what, "×", most, len(bad), "bad spells"))
    return made


def _of_udp(name: str, udp: list[Fates]) -> list[Finding]:
    few = too_few(udp)
    means = [fmean(those) for run in udp if (those := run.runs_of_loss())]
    return [
        finding.share(
            f"udp-delivered-{name}",
            f"UDP delivered, {name}",
            None if few else delivered(name, udp),
            fates.count(udp),
            expected=Expected(100 * (1 - LOSS), 100 * (1 - LOSS), "1 − p, and R/(P+R)"),
            because="What is lost stays lost, and nothing else is.",
            unless="Chance: of 100 such intervals 5 miss what they are for. Another seed (SEED=) has another.",
            missing=few,
        ),
        finding.repeats(
            f"udp-run-{name}",
            f"lost over UDP, {name}",
            "in a row",
            [] if few else means,
            expected=Expected(*LENGTH[name], "1/(1−p) = 1.05, and 1/R = 2.6, give or take chance"),
            because="The same share can be many small holes or few large ones.",
            unless="There were few bursts: a single long one decides. Another seed (SEED=) has others.",
            missing=few,
        ),
    ]


def answer(runs: Runs) -> int | None:
    """Which answer the data give: none where the repeats do not agree, or there were few bursts."""
    if too_few(runs.get(("bursts", "udp"), [])):
        return None
    ratios = fates.ratios(runs.get(("bursts", "tcp"), []), runs.get(("random", "tcp"), []), 99)
    found = {0 if one < 1 / CONTRAST else 2 if one > CONTRAST else 1 for one in ratios}
    return found.pop() if len(found) == 1 else None


def said(runs: Runs, bad: list[Spell]) -> list[str]:
    """Sentences out of the data."""
    made = []
    udp, tcp = ([runs.get((name, one), []) for name in LINKS] for one in ("udp", "tcp"))
    shares = [delivered(name, those) for name, those in zip(LINKS, udp, strict=True)]
    if shares[0] and shares[1]:
        holes = [fates.longest_hole(those) for those in udp]
        made.append(
            f"UDP delivered {percents(shares[0])[0]} % at random and {percents(shares[1])[0]} % in bursts. At most "
            f"{holes[0]} in a row were lost at random, and {holes[1]} in bursts."
        )
    times = [p99(name, those) for name, those in zip(LINKS, tcp, strict=True)]
    if times[0] and times[1]:
        longest = [ms(fates.longest(those)) for those in tcp]
        made.append(
            f"Of TCP's messages one in a hundred took {ms(times[0].estimate)} ms or more at random, and "
            f"{ms(times[1].estimate)} ms in bursts; the slowest {longest[0]} and {longest[1]} ms."
        )
    worst = max(bad, key=lambda one: one.stretched(STEP), default=None)
    if worst and worst.stretched(STEP) > CONTRAST:
        made.append(
            f"The trap: with the packet clock, a bad spell of {worst.packets} packets took TCP, alone on the link, "
            f"{three_digits(worst.seconds)} s{'' if worst.over else ' and more'}. At a step each "
            f"{1e3 * STEP:.0f} ms it would have been over after {three_digits(worst.packets * STEP)} s."
        )
    elif worst:
        made.append(
            f"The packet clock did TCP no harm here: of {len(bad)} bad spells none lasted longer than its packets "
            "account for."
        )
    return made


def chart(runs: Runs) -> Curves:
    """What of all messages was in holes of which size, over UDP; and how long TCP's took."""
    holes, times = list[Series](), list[Series]()
    for name in LINKS:
        if udp := runs.get((name, "udp")):
            sizes = [size for run in udp for size in run.runs_of_loss()]
            holes.append(plots.together(CALLED[name], name, sizes, fates.count(udp)))
        if latencies := fates.latencies(runs.get((name, "tcp"), [])):
            times.append(plots.slowest(CALLED[name], name, latencies, TAIL))
    panels = [Panel("Where UDP's lost messages were", "lost in a row", "of all messages, %", holes)]
    if times:
        panels.append(
            Panel("How long TCP took", "of all messages, %, took at most", "latency since due, ms", times)
        )
    return Curves(
        "bursts",
        "Above, how many messages were lost in holes of which size: the same share, spread otherwise. Below, TCP's "
        "latencies in order: what bursts do shows at the right end.",
        panels,
    )


EXPERIMENT = Experiment(
    name="bursts",
    ask=Choice(
        "The same share is lost, but in bursts. TCP's slowest messages in a hundred then take …",
        ("less long", "about as long", "longer"),
    ),
    seconds=(113, 16),
    run=run,
    relay=True,
    think=(
        "Each message is sent twice over UDP. How much is lost then, at random and in bursts, and when should the "
        "second one go?",
        "Why is a model that steps with each packet a bad judge between two transports?",
    ),
)

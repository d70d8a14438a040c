"""Does it matter how the same loss is spread?

Question
    The link loses 5 %: at random, or in bursts. What is the difference for who talks across it?

Why it matters
    Loss is reported as one number, and models take it as a coin that is tossed for each packet. But a lorry between the
    telephone and the mast, or a queue that is full, takes what comes one behind the other. Whatever repairs by saying
    things twice (TCP, or a program over UDP) asks whether the second one is lost as well, and that the share alone does
    not say.

Prediction
    The same share is lost. Is the slowest one in a hundred of TCP's messages slower in bursts, or is it the same?

Method
    100 bytes every 20 ms, 25 ms each way. Random loss of 5 %, and Gilbert and Elliott's weather in tc-netem's words,
    `loss gemodel 2% 38%`: with each step the link turns bad with 2 % and good again with 38 %, so it is bad 2/(2+38) of
    the time, 1/0.38 = 2.6 steps on end. A step is 20 ms here, whatever passes: both transports, and all flows, have the
    same weather. So bursts are few, and intervals are wide: they count stretches of time, not messages.
    Netem's own model takes a step with each *packet*. What that does shows one TCP flow alone, on a third link
    (`loss gemodel 5% 25% clock packet`, a message every 100 ms): how long do its bad spells last?

Expected
    UDP delivers 95 % either way, at random in runs of 1/0.95 = 1.05 lost messages, in bursts of 2.6. TCP delivers
    everything. One loss at random is repaired in 20 + 50 + 25 = 95 ms (experiment thin). Of a burst the first one lost
    waits for the end of it: with j steps to go that is 20 j + 75 ms. Of 100 messages 5 are lost, and of those one in
    five has 4 or more to go (0.62⁴ = 15 %), so the p99 is about 165 ms, and more where the other direction has bad
    weather for what is repaired: 1.3 to 4 times that of random loss. Seen once at 100 ms spacing, with the
    packet clock: 2 to 4 times.
    The packet clock is a trap: whoever falls silent stops it. After some losses TCP sends one packet at each timeout,
    and waits twice as long before the next one. A spell goes on with 75 % at each of them, so the expected wait is a
    sum of terms 0.75ᵏ · 2ᵏ, which grow: it has no mean. Once a flow stood still for 32 s.

What would change it
    Closer messages learn of the end of a burst sooner. Longer bursts outlast the timer, which doubles (RFC 6298, 5.5;
    experiment outage). Saying everything twice helps against random loss, in bursts only if the second is said later.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from benchmarks.estimate import Interval, Percentile
from benchmarks.flow import fates
from benchmarks.flow.fates import Fates
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Series
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.link.capture import Captured, read
from benchmarks.wording import UNKNOWN, ms, percents, three_digits

LOSS = 0.05
LINKS = {"random": "delay 25ms loss 5%", "bursts": "delay 25ms loss gemodel 2% 38% clock 20ms"}
CALLED = {"random": "at random", "bursts": "in bursts"}
TRAP = "delay 25ms loss gemodel 5% 25% clock packet"
FEW = 10
"""With fewer bursts than this nothing is said of their mean."""

STEP = 0.1
"""Seconds between the messages of the flow that is alone there: what a step of a clock of time would be."""

CONTRAST = 1.25
"""Percentiles that differ by no more than this factor are called the same."""

STRETCH = 1.0
"""Seconds of a flow that are taken together where losses are independent: several times what a repair takes."""


@dataclass(frozen=True)
class Spell:
    """The link dropped `packets` one behind the other; it was `seconds` from the first of them until one passed. If
    none had by the end of the capture, it is at least as long as until the last one, and not `over`."""

    packets: int
    seconds: float
    over: bool = True

    @property
    def stretched(self) -> float:
        """How many times as long, at least, as it would have been if the clock had gone on."""
        return self.seconds / (self.packets * STEP)


def spells(capture: Iterable[Captured], direction: str = "up") -> list[Spell]:
    """The bad spells of a direction."""
    found = []
    lost: list[int] = []
    for captured in capture:
        if captured.direction != direction:
            continue
        if "dropped" in captured.comment:
            lost.append(captured.time_ns)
        elif lost:
            found.append(Spell(len(lost), (captured.time_ns - lost[0]) / 1e9))
            lost = []
    if lost:
        found.append(Spell(len(lost), (lost[-1] - lost[0]) / 1e9, over=False))
    return found


Runs = dict[tuple[str, str], list[Fates]]
"""By link and transport: those of all repeats."""


def run(lab: Lab) -> Outcome:
    """Take turns between the links; then the trap, for TCP alone."""
    repeats, flows = lab.pick(3, 1), 6
    seconds = lab.pick({"random": 10.0, "bursts": 13.0}, {"random": 3.6, "bursts": 6.0})
    runs: Runs = {}
    for repeat in range(1, repeats + 1):
        for name, link in LINKS.items():
            plan = Plan(
                flows=flows,
                interval=0.02,
                seconds=seconds[name],
                drain=lab.pick(6.0, 3.0),
                repeat=repeat,
            )
            made = lab.flows(plan, link, doing=f"{name}, repeat {repeat}")
            for transport, fate in made.by.items():
                runs.setdefault((name, transport), []).append(fate)
    bad, captures = list[Spell](), []
    if "tcp" in lab.transports and not lab.quick:
        for repeat in (1, 2):
            alone = Plan(flows=1, interval=STEP, seconds=10.0, transports=("tcp",), drain=6.0, repeat=repeat)
            capture = f"bursts-packet-clock-{repeat}.pcapng"
            made = lab.flows(alone, TRAP, doing=f"packet clock, repeat {repeat}", capture=capture)
            captures.append(capture)
            bad += spells(read(lab.directory / capture))
            runs.setdefault(("packet clock", "tcp"), []).append(made.by["tcp"])
    return Outcome(
        findings=findings(runs, bad),
        said=said(runs, bad),
        answer=answer(runs),
        columns=["link", "transport", "repeat", *fates.COLUMNS],
        rows=[
            [name, transport, one.repeat, *fate]
            for (name, transport), those in runs.items()
            for one in those
            for fate in one.messages
        ],
        table=table(runs),
        charts=[chart(runs)],
        captures=captures,
        conditions=[
            *LINKS.items(),
            *([("packet clock", TRAP)] if captures else []),
            ("flows", f"{flows} of each transport, 100 bytes every 20 ms"),
            (
                "repeats",
                f"{repeats} of {seconds['random']:g} s at random and {seconds['bursts']:g} s in bursts",
            ),
        ],
    )


# --- figures --------------------------------------------------------------------------------------


def delivered(name: str, runs: list[Fates]) -> Interval | None:
    """The share that came: bursts take of all flows at once."""
    return fates.delivered(runs, shared=name == "bursts", stretch=STRETCH)


def p99(name: str, runs: list[Fates]) -> Percentile | None:
    """In seconds."""
    return fates.percentiles(runs, (99,), shared=name == "bursts", stretch=STRETCH)[99]


def lengths(runs: list[Fates]) -> list[float]:
    """How many messages in a row were lost, on average, in each run that lost any."""
    return [fmean(those) for run in runs if (those := run.runs_of_loss())]


def met(runs: list[Fates]) -> int:
    """How many times a flow met with loss: as many bursts there were, where all flows have the same weather."""
    return sum(
        max(
            len(Fates(run.transport, run.repeat, run.of_flow(flow), 0).runs_of_loss())
            for flow in {fate.flow for fate in run.messages}
        )
        for run in runs
        if run.messages
    )


def ratio(runs: Runs) -> tuple[float | None, float | None, float | None]:
    """TCP's p99 in bursts over that at random, of all repeats together; before and behind it the ends of an interval
    that holds it whatever each of the two may be within its own."""
    random, bursts = (p99(name, runs.get((name, "tcp"), [])) for name in LINKS)
    if random is None or bursts is None:
        return None, None, None
    value = bursts.estimate / random.estimate
    if random.interval is None or bursts.interval is None:
        return None, value, None
    return bursts.interval.low / random.interval.high, value, bursts.interval.high / random.interval.low


def ratios(runs: Runs) -> list[float]:
    """TCP's p99 in bursts over that at random, repeat by repeat."""
    random, bursts = (fates.single(runs.get((name, "tcp"), []), 99) for name in LINKS)
    return [one / other for one, other in zip(bursts, random, strict=False)]


def findings(runs: Runs, bad: list[Spell]) -> list[Finding]:
    """What was expected, and what was found."""
    made = []
    length = {"random": (1.0, 1.15), "bursts": (1.9, 3.6)}
    few = ""
    for name in LINKS:
        if udp := runs.get((name, "udp")):
            if met(udp) < FEW:
                few = f"there were {met(udp)} bursts, and {FEW} are wanted to speak of a mean."
            made += [
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
                    [] if few else lengths(udp),
                    expected=Expected(*length[name], "1/(1−p) = 1.05, and 1/R = 2.6, give or take chance"),
                    because="The same share can be many small holes or few large ones.",
                    unless="There were few bursts: a single long one decides. Another seed (SEED=) has others.",
                    missing=few,
                ),
            ]
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
    if ("bursts", "tcp") in runs:
        low, value, high = ratio(runs) if not few else (None, None, None)
        made.append(
            Finding(
                "ratio",
                "TCP's p99 in bursts, over that at random",
                "×",
                value,
                fates.count(runs["bursts", "tcp"]),
                "messages",
                low,
                high,
                expected=Expected(1.3, 4.0, "20 j + 75 ms against 95 ms; seen once: 2 to 4"),
                because="Where one is lost the next one is, too, and what repairs them.",
                unless="A tail is made of few losses: with short bursts nearly nothing is seen of it.",
                missing=few or "fewer than 10 messages are beyond its p99.",
            )
        )
    if bad:
        most = max(bad, key=lambda one: one.stretched)
        made.append(
            Finding(
                "stretched",
                "packet clock: how much longer a spell became",
                "×",
                most.stretched,
                len(bad),
                "bad spells",
            )
        )
    return made


def answer(runs: Runs) -> int | None:
    """Which answer the data give: none where the repeats do not agree."""
    found = {0 if one < 1 / CONTRAST else 2 if one > CONTRAST else 1 for one in ratios(runs)}
    return found.pop() if len(found) == 1 else None


def said(runs: Runs, bad: list[Spell]) -> list[str]:
    """Sentences out of the data."""
    made = []
    if all((name, "udp") in runs for name in LINKS):
        shares = [delivered(name, runs[name, "udp"]) for name in LINKS]
        most = [
            max((n for run in runs[name, "udp"] for n in run.runs_of_loss()), default=0) for name in LINKS
        ]
        if shares[0] and shares[1]:
            made.append(
                f"UDP delivered {percents(shares[0])[0]} % at random and {percents(shares[1])[0]} % in bursts. At most "
                f"{most[0]} in a row were lost at random, and {most[1]} in bursts."
            )
    times = [p99(name, runs.get((name, "tcp"), [])) for name in LINKS]
    longest = [fates.longest(runs.get((name, "tcp"), [])) for name in LINKS]
    if times[0] and times[1]:
        made.append(
            f"Of TCP's messages one in a hundred took {ms(times[0].estimate)} ms or more at random, and "
            f"{ms(times[1].estimate)} ms in bursts; the slowest {ms(longest[0])} and {ms(longest[1])} ms."
        )
    if bad:
        worst = max(bad, key=lambda one: one.stretched)
        if worst.stretched > CONTRAST:
            made.append(
                f"The trap: with the packet clock, a bad spell of {worst.packets} packets took TCP, alone on the link, "
                f"{three_digits(worst.seconds)} s{'' if worst.over else ' and more'}. At a step each "
                f"{1e3 * STEP:.0f} ms it would have been over after {three_digits(worst.packets * STEP)} s."
            )
        else:
            made.append(
                f"The packet clock did TCP no harm here: of {len(bad)} bad spells none lasted longer than its packets "
                "account for."
            )
    return made


def table(runs: Runs) -> list[list[str]]:
    """What is worth reading, by link."""
    rows = [["loss", "transport", "delivered %", "longest hole", "p99 ms", "slowest ms", "n"]]
    for (name, transport), those in runs.items():
        share, time = delivered(name, those), p99(name, those)
        rows.append(
            [
                name,
                transport,
                percents(share)[0] if share else UNKNOWN,
                str(max((n for run in those for n in run.runs_of_loss()), default=0)),
                ms(time.estimate if time else None),
                ms(fates.longest(those)),
                f"{fates.count(those):,}",
            ]
        )
    return rows


def chart(runs: Runs) -> Curves:
    """What of all messages was in holes of which size, over UDP; and how long TCP's took."""
    holes, times = list[Series](), list[Series]()
    for name in LINKS:
        if udp := runs.get((name, "udp")):
            those = [n for run in udp for n in run.runs_of_loss()]
            sizes = range(1, max(those, default=1) + 1)
            holes.append(
                Series(
                    CALLED[name],
                    name,
                    [float(size) for size in sizes],
                    [100 * those.count(size) * size / fates.count(udp) for size in sizes],
                )
            )
        if tcp := runs.get((name, "tcp")):
            if not (ordered := sorted(fates.latencies(tcp))):
                continue
            percents_at = [*range(80, 99), *(99 + tenth / 10 for tenth in range(10))]
            times.append(
                Series(
                    CALLED[name],
                    name,
                    [float(at) for at in percents_at],
                    [
                        1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * at / 100))]
                        for at in percents_at
                    ],
                )
            )
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

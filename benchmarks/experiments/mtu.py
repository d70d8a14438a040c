"""What if a datagram outgrows the MTU?

Question
    A link loses 5 % of its packets. How large may a datagram be before UDP loses much more than that?

Why it matters
    UDP takes datagrams of up to 65,507 bytes without a word, and on one machine all of them arrive. On a real network
    they don't, and nothing tells the sender why.

Prediction
    A datagram of 32,000 bytes crosses a link of MTU 1500 that loses 5 % of its packets. What share of them arrives? And
    after a few seconds of that?

Method
    Datagrams of six sizes, at a steady pace, across 25 ms each way. Each size has a fresh network, and fills less than
    its kernel's memory for incomplete datagrams. Then 32,000 bytes for longer than that memory lasts. The kernel's
    counters (RFC 4293) say how many fragments there were, and how many datagrams were put together.

Expected
    A packet of 1500 bytes carries 1480 behind its IP header, of which UDP's header takes 8: up to 1472 bytes are one
    packet, and beyond that it is n = ⌈(size + 8) / 1480⌉ fragments. All of them must arrive, and nobody repeats one:
    (1 − p)ⁿ is delivered. At 5 % that is 95 % of one packet, 90.2 % of two, 85.7 % of three, 73.5 % of 8000 bytes (six)
    and 32.4 % of 32,000 bytes (22).

    What is incomplete is kept for 30 s, in 4 MiB (Linux, net.ipv4.ipfrag_time and ipfrag_high_thresh). When that is
    full, no new datagram is begun (Linux today; older ones dropped the oldest): from then on nothing of more than one
    packet arrives at all, be there loss or not. RFC 8085 §3.2 therefore: keep datagrams below the path's MTU.

What would change it
    On a clean link everything arrives. A jumbo frame of 9000 bytes moves the edge, as far as all links on the way have
    them; a VPN moves it down. TCP cuts its stream into segments that fit, and repeats one that is lost and not all 22.
"""

import math
from itertools import chain, count

from benchmarks.estimate import Interval
from benchmarks.flow import fates, tables
from benchmarks.flow.fates import Fates
from benchmarks.flow.fragments import check, counted, fragments
from benchmarks.flow.run import Flows
from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel, Reference
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Lab, Plan
from benchmarks.wording import percents

LOSS = 5
"""Percent, of packets."""

LARGEST = 32_000

PACES = {
    100: (20, 0.05, 2.0),
    1472: (20, 0.05, 2.0),
    1473: (20, 0.05, 2.0),
    2953: (20, 0.05, 2.0),
    8000: (40, 0.2, 2.0),
    LARGEST: (20, 0.5, 2.0),
}
"""Flows, seconds between two datagrams of each, and seconds, by size: up to some 1200 packets a second, which the link
carries exactly, and for less than 3 MiB of incomplete datagrams."""

FULL = (25, 0.5)
"""Flows and interval of the largest that fill the memory: 1100 packets a second."""

FILLS = 5.0
"""Seconds after which it is full: 250 datagrams, of which 170 lack a fragment; each holds 21 or so, of 2 KiB each and
more, and so 100 of them are enough."""

ANSWERS = ("about 95 %", "about 32 %", "about 32 % at first, and none in the end", "all of them")


def through(packets: float) -> float:
    """The share of datagrams, of so many packets each, that arrive whole."""
    return float((1 - LOSS / 100) ** packets)


def run(lab: Lab) -> Outcome:
    """Take turns between the sizes; then fill the memory."""
    sizes = lab.pick(tuple(PACES), (1472, 1473, LARGEST))
    repeats, seconds = lab.pick((2, 10.0), (1, 7.0))
    number = count(1)  # each run has losses of its own
    runs: dict[int, list[Flows]] = {}
    filling = []
    for _ in range(repeats):
        for size in sizes:
            flows, interval, lasting = PACES[size]
            plan = Plan(flows, interval, lasting * lab.pick(1.0, 0.6), size, ("udp",), repeat=next(number))
            runs.setdefault(size, []).append(_measure(lab, plan, f"{size} bytes"))
        plan = Plan(*FULL, seconds, LARGEST, ("udp",), repeat=next(number))
        filling.append(_measure(lab, plan, "filling the memory"))
    return outcome(runs, filling)


def _measure(lab: Lab, plan: Plan, doing: str) -> Flows:
    """One run. Raises Failed if the datagrams did not go in as many packets as they should."""
    made = lab.flows(plan, f"delay 25ms loss {LOSS}%", "delay 25ms", doing=f"{doing}, run {plan.repeat}")
    if lost_elsewhere := check(made):
        lab.warnings.append(f"{doing}: {lost_elsewhere}")
    return made


def outcome(runs: dict[int, list[Flows]], filling: list[Flows]) -> Outcome:
    """What all runs show: those of each size in a fresh network, and those that fill the memory."""
    fresh = {size: [made.by["udp"] for made in those] for size, those in runs.items()}
    full = [made.by["udp"] for made in filling]
    late = share(full, FILLS)
    return Outcome(
        findings=[
            *(_of_size(size, those) for size, those in fresh.items()),
            _of_filling(full),
            _assembled([*filling, *chain.from_iterable(runs.values())]),
        ],
        said=_said(fresh, full, sum(counted(made, "ReasmFails") for made in filling)),
        answer=None if late is None else 2 if late.estimate < 0.1 else 1 if late.estimate < 0.6 else 0,
        columns=["bytes", "what", "run", *fates.COLUMNS],
        rows=[
            *chain.from_iterable(tables.rows(those, size, "fresh") for size, those in fresh.items()),
            *tables.rows(full, LARGEST, "filling"),
        ],
        charts=[_chart(fresh, full, max(made.plan.seconds for made in filling))],
        conditions=[
            ("link", f"25 ms each way, {LOSS} % loss, MTU 1500"),
            ("repeats", f"{len(filling)}, each in a network of its own"),
        ],
    )


def share(runs: list[Fates], begin: float, end: float = math.inf) -> Interval | None:
    """The share delivered of those that were due between these seconds."""
    cut = [[fate for fate in one.messages if begin <= fate.due < end] for one in runs]
    return fates.delivered([Fates("udp", one.repeat, those, 0) for one, those in zip(runs, cut, strict=True)])


def _of_size(size: int, those: list[Fates]) -> Finding:
    n, share = fragments(size), 100 * through(fragments(size))
    return finding.share(
        f"delivered-{size}",
        f"{size:,} bytes in {n} packet{'s' * (n > 1)}",
        fates.delivered(those),
        fates.count(those),
        "datagrams",
        expected=Expected(share, share, "(1 − p)ⁿ", f"{1 - LOSS / 100:g}{_power(n)} = {share:.1f} %"),
        because="A datagram arrives if all of its fragments do: nobody repeats one, and what is incomplete is nothing.",
        unless="Of such intervals one in twenty misses by chance: another seed (SEED=) says whether it was that. Else "
        "the fragments were lost elsewhere than on the link.",
    )


def _power(n: int) -> str:
    return str(n).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")) if n > 1 else ""


def _of_filling(full: list[Fates]) -> Finding:
    return finding.share(
        "full",
        f"32,000 bytes, after {FILLS:g} s of them",
        share(full, FILLS),
        sum(fate.due >= FILLS for one in full for fate in one.messages),
        "datagrams",
        expected=Expected(0.0, 5.0, "no new one is begun while the memory is full (Linux)"),
        because="The memory for incomplete datagrams is full of those that will never be complete, for 30 s.",
        unless="The memory is larger here, or given free sooner: see net.ipv4.ipfrag_high_thresh and ipfrag_time.",
    )


def _assembled(runs: list[Flows]) -> Finding:
    cut = [made for made in runs if fragments(made.plan.size) > 1]
    delivered = sum(fate.copies for made in cut for fate in made.by["udp"].messages)
    return finding.count(
        "assembled",
        "put together by the kernel",
        sum(counted(made, "ReasmOKs") for made in cut),
        delivered,
        "delivered",
        expected=Expected(delivered, delivered, "RFC 4293: ipReasmOKs"),
        because="The kernel's own counter says the same as the receiving program.",
        unless="Some were put together and came too late, or found no room in the receive buffer.",
    )


def _said(runs: dict[int, list[Fates]], full: list[Fates], failed: int) -> list[str]:
    said = []
    just, over = (fates.delivered(runs.get(size, [])) for size in (1472, 1473))
    if just and over:
        said.append(
            f"One byte more than fits, and {percents(over)[0]} % were delivered instead of {percents(just)[0]} %."
        )
    first, last = share(full, 0.0, 1.0), share(full, FILLS)
    if first and last:
        said.append(
            f"Of datagrams of 32,000 bytes {percents(first)[0]} % came in the first second, and {percents(last)[0]} % "
            f"from {FILLS:g} s on; the kernel refused {failed:,} fragments meanwhile (ReasmFails)."
        )
    return said


def _chart(runs: dict[int, list[Fates]], full: list[Fates], seconds: float) -> Curves:
    by_packets: dict[int, list[Fates]] = {}
    for size, those in runs.items():
        by_packets.setdefault(fragments(size), []).extend(those)
    delivered = [fates.delivered(those) for those in by_packets.values()]
    many = [float(n) for n in range(1, fragments(LARGEST) + 1)]
    each_second = [share(full, at, at + 1) for at in range(int(seconds))]
    middles = [at + 0.5 for at in range(int(seconds))]
    return Curves(
        "mtu",
        "Left: the share of datagrams that arrived, by the number of packets that each takes; bars are 95 % intervals. "
        "Right: the same of datagrams of 32,000 bytes, second by second, until the memory for incomplete ones is full.",
        [
            Panel(
                "Each in a fresh network",
                "packets for a datagram",
                "delivered, %",
                [lines.shares("UDP", "udp", list(by_packets), delivered)],
                [Reference("(1 − p)ⁿ", many, [100 * through(n) for n in many])],
            ),
            Panel(
                "32,000 bytes, for longer",
                "due in second",
                "delivered, %",
                [lines.shares("UDP", "udp", middles, each_second, joined=True)],
                [lines.level("(1 − p)ⁿ", 0.0, seconds, 100 * through(fragments(LARGEST)))],
            ),
        ],
        beside=True,
    )


EXPERIMENT = Experiment(
    name="mtu",
    ask=Choice(
        "32,000 bytes in each datagram, 5 % of the packets lost, for ten seconds: what share arrives?",
        ANSWERS,
    ),
    seconds=(72, 18),
    run=run,
    think=(
        "How large should this lab let a chat message be over UDP, and what is the largest that it does let through?",
        "How could a program find out the MTU of the way to its peer? (RFC 8899)",
        "Who could fill your reassembly memory on purpose, and how many packets a second would it take?",
    ),
)

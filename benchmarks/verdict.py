"""What the figures say, in sentences: who lost what, who was quicker and whether that means anything.

`findings` is for several profiles, as `table.glance` shows them, `sentences` for one, as `table.comparison` does,
`warnings` for both: what is wrong with the figures, or missing from them. Nothing is said that the figures do not
show: no cause that nobody measured, no rule, and no difference where intervals overlap.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from benchmarks.estimate import Percentile
from benchmarks.link.emulator import EXACT_UP_TO, FREELY
from benchmarks.measure import Figures
from benchmarks.options import LOOPBACK
from benchmarks.process import WHY_UNKNOWN
from benchmarks.summary import Placed, Run, Summary, spared
from benchmarks.table import PAGE, Spread
from benchmarks.wording import listed, ms, named, percent, percents, three_digits
from common.statistics import BEYOND, milliseconds

NOTABLE = 1.05
"""A factor below this may be there, and matters to nobody."""

WORDS = {"lost": "lost {}", "doubled": "doubled {}", "out_of_order": "delivered {} out of order"}
"""What may become of deliveries, and how it is said."""


# --- over several profiles ------------------------------------------------------------------------


def findings(
    summaries: Sequence[Summary], descriptions: Mapping[str, str], expected: Mapping[str, float]
) -> list[str]:
    """The findings. `descriptions` are the profiles in a few words. `expected` is the share of UDP's deliveries
    that a profile should let through, (1 - loss on the way up) (1 - loss on the way down), for those of which that
    is known: not those with an outage or a narrow rate, nor if messages are cut into fragments."""
    found = []
    for profile in dict.fromkeys(one.profile for one in summaries):
        here = [one for one in summaries if one.profile == profile]
        described = f" ({descriptions[profile]})" if descriptions.get(profile) else ""
        clauses = "; ".join(_clause(one) for one in sorted(here, key=_is_tcp))
        found.append(f"{profile}{described}: {clauses}.")
    found += _promise(summaries)
    found += _asked(summaries, expected)
    found += _quicker(summaries)
    if min((one.repeats for one in summaries), default=0) == 1:
        found.append(
            "The intervals tell what chance does within a run. How much one run differs from the next can't be "
            "seen from one of each: more --repeats would show it."
        )
    return found


def _is_tcp(one: Summary) -> bool:
    return one.transport == "tcp"


def _clause(one: Summary) -> str:
    """What became of the deliveries of one line, and how long they took."""
    name = named(one.transport)
    if one.delivered_share is None:
        return f"{name} had nothing to deliver"
    if not one.delivered:
        return f"{name} delivered nothing of {one.expected:,}"
    order = "" if one.out_of_order else ", in order"
    if one.lost:
        share, low, high = percents(one.delivered_share)
        parts = [f"{name} delivered {share} % ({low}–{high}) of {one.expected:,}{order}"]
    else:
        parts = [f"{name} delivered all {one.expected:,}{order}"]
    if one.out_of_order:
        parts.append(f"{one.out_of_order:,} out of order")
    if one.doubled:
        parts.append(f"{one.doubled:,} doubled")
    parts.append(_times(one))
    if one.retransmissions is not None:
        many = f"{one.retransmissions:,} retransmission{'s'[: one.retransmissions != 1]}"
        parts.append(f"with {many if one.retransmissions else 'no retransmissions'}")
    return ", ".join(parts)


def _times(one: Summary) -> str:
    if one.p50 is None:
        return f"too few for a percentile (max {milliseconds(one.max)})"
    if one.p99 is None:
        return f"p50 {_time(one.p50)} (too few for a p99)"
    return f"p50 {milliseconds(one.p50.estimate)}, p99 {_time(one.p99)}"


def _time(time: Percentile) -> str:
    """`214 ms (190–260)`"""
    around = time.interval
    ends = f" ({ms(around.low)}–{ms(around.high)})" if around else ""
    return milliseconds(time.estimate) + ends


def _promise(summaries: Sequence[Summary]) -> Iterator[str]:
    """What TCP promises its users, and whether they got it."""
    tcp = [one for one in summaries if _is_tcp(one) and one.expected]
    if not tcp:
        return
    broken = []
    for one in tcp:
        what = _flaws({name: getattr(one, name) for name in WORDS})
        if what:
            broken.append(f"over {one.profile} it {what}, of {one.expected:,} deliveries")
    if broken:
        yield (
            f"TCP DID NOT KEEP ITS PROMISE: {'; '.join(broken)}. As long as a connection stands, TCP loses, "
            "doubles and reorders nothing: before you believe the other figures, look for a connection that was "
            "cut off, or a run that ended too early."
        )
    else:
        where = listed(list(dict.fromkeys(one.profile for one in tcp)))
        yield (
            f"TCP lost nothing, doubled nothing and kept the order over {where} "
            f"({sum(one.expected for one in tcp):,} deliveries)."
        )


def _flaws(counts: Mapping[str, int]) -> str:
    """`lost 3 and doubled 1`; empty if all is well."""
    return " and ".join(WORDS[name].format(f"{count:,}") for name, count in counts.items() if count)


def _asked(summaries: Sequence[Summary], expected: Mapping[str, float]) -> Iterator[str]:
    """Whether UDP delivered what the link should have let through."""
    agreeing: list[str] = []
    differing: list[str] = []
    for one in summaries:
        measured, theory = one.delivered_share, expected.get(one.profile)
        if one.transport != "udp" or one.network == LOOPBACK or measured is None or theory is None:
            continue
        _, low, high = percents(measured)
        text = f"{one.profile} ({_theory(theory)} % expected, {low}–{high} measured)"
        (agreeing if theory in measured else differing).append(text)
    if agreeing:
        yield f"What UDP delivered agrees with what the link was asked to lose over {listed(agreeing)}."
    if differing:
        yield (
            f"What UDP delivered does NOT agree with what the link was asked to lose over {listed(differing)}. By "
            "chance alone that happens to one 95 % interval in twenty: if it happens again, something else lost "
            "messages, or the link did not do as it was told."
        )


def _theory(share: float) -> str:
    """As short as it is exact to two decimals: 90.25, 99, and 100 only if it is all."""
    shown = 100 * share if share >= 1 else min(100 * share, 99.99)
    return f"{shown:.2f}".rstrip("0").rstrip(".")


def _quicker(summaries: Sequence[Summary]) -> Iterator[str]:
    """Over which profiles which transport had the lower percentiles, if their intervals tell."""
    pairs = [
        (one, other)
        for one, other in combinations(summaries, 2)
        if (one.profile, one.network) == (other.profile, other.network)
    ]
    losers: list[str] = []
    for name in ("p50", "p99"):
        found: dict[str, list[str]] = {}
        same: list[str] = []
        unsure: list[str] = []
        untold: list[str] = []
        for one, other in pairs:
            mine: Percentile | None = getattr(one, name)
            its: Percentile | None = getattr(other, name)
            if mine is None or its is None:
                continue  # the table has a – there, and a warning says why
            both = [(one, mine), (other, its)]
            times = ", ".join(f"{named(who.transport)} {milliseconds(time.estimate)}" for who, time in both)
            if mine.interval is None or its.interval is None:
                untold.append(f"{one.profile} ({times})")
            elif mine.interval.overlaps(its.interval):
                alike = max(mine.estimate, its.estimate) < NOTABLE * min(mine.estimate, its.estimate)
                (same if alike else unsure).append(one.profile if alike else f"{one.profile} ({times})")
            else:
                if its.estimate < mine.estimate:
                    one, other, mine, its = other, one, its, mine
                times = f"{milliseconds(mine.estimate)} against {milliseconds(its.estimate)}"
                factor = _factor(mine.estimate, its.estimate)
                who = f"{named(one.transport)} was quicker than {named(other.transport)}"
                found.setdefault(who, []).append(f"{one.profile} ({times}{factor})")
                losers += [named(one.transport)] if one.lost else []
        parts = [f"{who} over {listed(where)}" for who, where in found.items()]
        if same:
            parts.append(f"over {listed(same)} there is no difference to be seen")
        if unsure:
            parts.append(
                f"over {listed(unsure)} the intervals overlap, so these runs are too short to be sure of the "
                "difference (more --seconds would tell)"
            )
        if untold:
            parts.append(
                f"over {listed(untold)} too little was measured to tell whether that is a difference (more "
                "--repeats or --seconds would)"
            )
        if parts:
            yield f"{name}: {'; '.join(parts)}."
    if losers:
        yield f"These times are of what arrived: what {listed(list(dict.fromkeys(losers)))} lost has none."


def _factor(quick: float, slow: float) -> str:
    """How much slower; where a factor would be nothing to speak of, by how little."""
    if slow < NOTABLE * quick:
        return f", {milliseconds(slow - quick)} apart"
    return f", factor {three_digits(slow / quick)}" if quick > 0 else ""


# --- over one -------------------------------------------------------------------------------------


def sentences(results: Mapping[str, Sequence[Figures]]) -> list[str]:
    """The findings, of the runs of each contestant, by name."""
    found = [_reliability(results)]
    for one, other in combinations(results, 2):
        for name in ("p50", "p99"):
            found += _faster(name, one, results[one], other, results[other])
    if len(results) > 1 and min(len(runs) for runs in results.values()) == 1:
        found.append("A single run has no spread: whether a difference means anything can't be said from it.")
    return found


def _reliability(results: Mapping[str, Sequence[Figures]]) -> str:
    clean, flawed = [], []
    for name, runs in results.items():
        expected = sum(run.expected for run in runs)
        counts = {fate: sum(getattr(run, fate) for run in runs) for fate in WORDS}
        if any(counts.values()):
            what = " and ".join(
                WORDS[fate].format(f"{count:,} ({percent(count / expected)} %)")
                for fate, count in counts.items()
                if count
            )
            flawed.append(f"{name} {what} of {expected:,} deliveries")
        else:
            clean.append(name)
    if not flawed:
        return f"{listed(clean)} lost nothing, doubled nothing and kept the order."
    without = f"; {listed(clean)} lost nothing, doubled nothing and kept the order" if clean else ""
    return "; ".join(flawed) + without + "."


def _faster(
    name: str, one: str, runs: Sequence[Figures], other: str, others: Sequence[Figures]
) -> Iterator[str]:
    """Whose percentile was lower, by what factor, and whether every repeat agrees."""
    mine = Spread.of([getattr(run.latency, name) for run in runs])
    its = Spread.of([getattr(run.latency, name) for run in others])
    if mine is None or its is None:
        return
    if its.median < mine.median:
        one, other, mine, its = other, one, its, mine
    factor = its.median / mine.median if mine.median else float("inf")
    sentence = (
        f"{name}: {one} {milliseconds(mine.median)}, {other} {milliseconds(its.median)} "
        f"(factor {three_digits(factor)})"
    )
    if min(mine.runs, its.runs) > 1:
        if mine.overlaps(its):
            sentence += ". The repeats' ranges overlap: these runs show no difference"
        else:
            sentence += f". The repeats' ranges do not overlap: {one} was quicker in all of them"
    yield sentence + "."


# --- what is wrong --------------------------------------------------------------------------------

# What may be wrong with a run: said here of all runs of a transport together, in the report of each by itself.
SUSPECT = "the load may have been the bottleneck ({})"
STILL_COMING = "messages were still arriving: of what is counted as lost some was only late"
UNREADABLE = "{:,} texts arrived that nobody had sent so"
OVERFLOW = "link's device dropped packets that nobody asked it to drop"


def warnings(
    runs: Sequence[Run], links: Iterable[tuple[str, str, Mapping[str, Any] | None]] = ()
) -> list[str]:
    """What is wrong with the figures, or missing from them. `links` says of each run its profile, its transport,
    and what its link says of itself: the `link` of a result, None where there is none."""
    if not runs:
        return []
    several = len({run.profile for run in runs}) > 1
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(_which(run.profile, run.transport, several=several), []).append(run)
    accounts: dict[str, list[Mapping[str, Any]]] = {}
    for profile, transport, link in links:
        if link is not None:
            accounts.setdefault(_which(profile, transport, several=several), []).append(link)
    return [
        *not_impaired(runs),
        *_late_link(accounts),
        *_overflow(accounts),
        *_suspects(groups),
        *_still_coming(groups),
        *_unreadable(groups),
        *_missing(groups),
        *_no_server_figures(runs),
        *(_little_memory(groups) if _alone(runs) else ()),
    ]


def _alone(runs: Iterable[Run]) -> bool:
    """Whether there is only loopback: then each run's own percentiles, and the server's memory, are shown."""
    return {run.profile for run in runs} == {LOOPBACK}


def not_impaired(measured: Sequence[Placed]) -> Iterator[str]:
    """Where TCP did not meet what UDP met, if that is so anywhere."""
    relayed = [profile for profile, _ in spared(measured)]
    if not relayed:
        return
    yield (
        f"TCP was not impaired over {listed(relayed)}: a relay stood in for the network there, which can delay and "
        "lose UDP's datagrams, but nothing below the kernel's TCP. What these networks do to TCP was not measured."
    )
    plain = [one.profile for one in measured if one.transport == "tcp" and one.network == LOOPBACK]
    beside = [profile for profile in dict.fromkeys(plain) if profile in relayed]
    if beside:
        yield (
            f"Over {listed(beside)} TCP went through this machine's loopback alone, and UDP through the relay as "
            "well: their times do not compare."
        )


def _which(profile: str, transport: str, *, several: bool) -> str:
    return f"{profile} {transport}" if several else transport


def _late_link(accounts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """An instrument states its error."""
    bad = {
        which: [link for link in links if link["lateness"]["share_over_1ms"] > FREELY]
        for which, links in accounts.items()
    }
    late = [link for links in bad.values() for link in links]
    if not late:
        return
    where = listed([f"{which} ({len(links)})" for which, links in bad.items() if links])
    worst = max(link["lateness"]["p99"] or link["lateness"]["max"] for link in late)
    busiest = max(link["peak_rate"] for link in late)
    why = "This machine was busy with something else"
    if busiest > EXACT_UP_TO:
        why = f"That is more than it carries exactly ({busiest:,.0f} packets in a second)"
    yield (
        f"In {len(late)} of {sum(map(len, accounts.values()))} runs the link itself was late, at p99 by up to "
        f"{milliseconds(worst)}: that much of their latencies is the link's. {why}. Runs: {where}."
    )


def _overflow(accounts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    lost = {which: sum(link["overflow"] for link in links) for which, links in accounts.items()}
    where = [f"{which} ({many:,})" for which, many in lost.items() if many]
    if where:
        yield (
            f"The {OVERFLOW}: {listed(where)}. To the transports they are losses like any other. Fewer --members "
            "or a lower --rate would help."
        )


def _suspects(groups: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    for which, runs in groups.items():
        suspects = [run.figures.suspect for run in runs if run.figures.suspect]
        if suspects:
            yield (
                f"In {_some(len(suspects), which, runs)} {SUSPECT.format(suspects[0])}: "
                "those latencies are the load's as much as the server's."
            )


def _still_coming(groups: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    for which, runs in groups.items():
        count = sum(run.figures.still_coming for run in runs)
        if count:
            yield (
                f"At the end of {_some(count, which, runs)} {STILL_COMING}, and the latencies would be longer still."
            )


def _unreadable(groups: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    for which, runs in groups.items():
        count = sum(run.figures.unreadable for run in runs)
        if count:
            yield f"In {_some(len(runs), which, runs)} {UNREADABLE.format(count)}."


def _missing(groups: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    """Where a percentile is not shown, and what would supply it: the first of them, the others take more."""
    by_run = _alone(run for runs in groups.values() for run in runs)
    samples: dict[str, int] = {}
    for which, runs in groups.items():
        counts = [run.figures.latency.n for run in runs]
        samples[which] = min(counts) if by_run else sum(counts)
    for name, of_100 in (("p50", 50), ("p90", 90), ("p99", 99)):
        needed = round(BEYOND / (1 - of_100 / 100))
        few = {which: n for which, n in samples.items() if n < needed}
        if few:
            where = "where a run" if by_run else f"in {listed(list(few))}, which"
            yield (
                f"{name} is – {where} had fewer than {needed:,} deliveries (here {min(few.values()):,}): fewer "
                f"than {BEYOND} would lie beyond it. Raise --seconds, --rate or --members."
            )
            return


def _no_server_figures(runs: Sequence[Run]) -> Iterator[str]:
    if any(run.figures.cpu_per_delivery is None and run.figures.delivered for run in runs):
        yield f"The server's CPU time and memory are unknown: {WHY_UNKNOWN}."


def _little_memory(groups: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    def little(run: Run) -> bool:
        memory = run.figures.memory_per_member
        return memory is not None and memory < PAGE

    where = [_some(many, which, runs) for which, runs in groups.items() if (many := sum(map(little, runs)))]
    if where:
        yield (
            f"In {listed(where)} the server grew by less than a page (4 KiB) a member, which is less than can be "
            "told: more --members would show it."
        )


def _some(count: int, which: str, runs: Sequence[object]) -> str:
    return f"{count} of {len(runs)} {which} runs" if len(runs) > 1 else f"the {which} run"

"""Impairments: each does to packets what its words say, in the long run and at the very edge.

Nothing here waits: time is an argument. Every seed is fixed, so a test that passes passes always; the intervals are
those within which 99 of 100 seeds would lie.
"""

import math
import random
from collections.abc import Iterable
from itertools import groupby, pairwise
from statistics import fmean, median, stdev, variance

import pytest

from benchmarks.link.gemodel import STEP, GEModel
from benchmarks.link.impairment import Impairment
from benchmarks.link.line import Line
from benchmarks.link.outage import Outage
from benchmarks.link.rate import Rate
from benchmarks.link.specification import parse

PACKET = bytes(range(100))
Z = 2.576
"""Deviations from the mean within which 99 of 100 normal values lie."""


def _within(share: float, expected: float, n: float) -> bool:
    """Whether `share` of n independent trials is what `expected` gives, 99 times of 100."""
    return abs(share - expected) <= Z * math.sqrt(expected * (1 - expected) / n)


def _only(text: str) -> Impairment:
    [impairment] = parse(text)
    return impairment


def _outcomes(
    impairment: Impairment, times: Iterable[float], seed: int = 2
) -> list[list[tuple[float, bytes]]]:
    rng = random.Random(seed)
    return [impairment.apply(PACKET, at, rng) for at in times]


def _each(seconds: float, count: int) -> list[float]:
    return [100.0 + number * seconds for number in range(count)]


def _delays(text: str, count: int = 20_000, gap: float = 1.0) -> list[float]:
    """What packets are delayed by, one each `gap` seconds."""
    line = Line(text, "1")
    return [line.apply(PACKET, at)[0][0][0] - at for at in _each(gap, count)]


# --- loss -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [0, 0.5, 5, 50, 100])
def test_loss_takes_its_share(percent: float) -> None:
    """And whether a packet is lost says nothing of the next one: runs of losses are 1/(1-p) long."""
    impairment, n, p = _only(f"loss {percent}%"), 40_000, percent / 100
    lost = [not let for let in _outcomes(impairment, _each(0.01, n))]
    assert _within(sum(lost) / n, p, n)
    if p in (0.05, 0.5):  # of half a percent there are too few
        runs = [len(list(run)) for is_lost, run in groupby(lost) if is_lost]
        assert abs(fmean(runs) - 1 / (1 - p)) <= Z * math.sqrt(p) / (1 - p) / math.sqrt(len(runs))
    assert impairment.expected_loss == p


@pytest.mark.parametrize(
    "name", ["loss 5%", "loss gemodel 5% 20%", "duplicate 5%", "corrupt 5%", "outage 1s 1s"]
)
def test_what_is_let_on_is_let_on_at_once(name: str) -> None:
    """Only delay and rate take time."""
    times = _each(0.01, 2000)
    assert all(
        at == sent for sent, let in zip(times, _outcomes(_only(name), times), strict=True) for at, _ in let
    )


# --- gemodel --------------------------------------------------------------------------------------


def _runs(lost: list[bool]) -> list[int]:
    """The lengths of the runs of losses that have a beginning and an end in sight."""
    runs = [(is_lost, len(list(run))) for is_lost, run in groupby(lost)]
    return [length for is_lost, length in runs[1:-1] if is_lost]


def test_gemodel_by_packets_loses_in_runs() -> None:
    """1/r packets long on average, geometric; the share lost is p/(p+r), however far apart the packets are."""
    n, p, r = 60_000, 0.02, 0.38
    for gap in (0.0001, 5.0):
        model = _only("loss gemodel 2% 38% clock packet")
        lost = [not let for let in _outcomes(model, _each(gap, n))]
        assert _within(sum(lost) / n, p / (p + r), n / model.burst)
        runs = _runs(lost)
        deviation = math.sqrt(1 - r) / r
        assert abs(fmean(runs) - 1 / r) <= Z * deviation / math.sqrt(len(runs))
        assert deviation / 1.1 < stdev(runs) < deviation * 1.1
        assert model.expected_loss == pytest.approx(p / (p + r))


def test_gemodel_by_time_loses_in_spells() -> None:
    """1/r steps of 10 ms long on average, whole steps; the share lost is p/(p+r)."""
    per_step, steps, p, r = 4, 20_000, 0.02, 0.38
    n = per_step * steps
    model = _only("loss gemodel 2% 38%")
    model.begin(100.0)
    times = [100.0 + (number + 0.5) * STEP / per_step for number in range(n)]
    lost = [not let for let in _outcomes(model, times)]
    runs = _runs(lost)
    assert {run % per_step for run in runs} == {0}
    spells = [run / per_step for run in runs]
    assert abs(fmean(spells) - 1 / r) <= Z * math.sqrt(1 - r) / r / math.sqrt(len(spells))
    assert _within(sum(lost) / n, p / (p + r), n / model.burst * per_step)


def test_the_weather_does_not_depend_on_the_traffic() -> None:
    """A packet each millisecond, one now and then, and one after an hour's silence meet the same bad spells."""
    seconds = 40.0
    often = [100.0005 + number / 1000 for number in range(int(seconds * 1000))]
    now_and_then = sorted(random.Random(5).sample(often, 400))

    def lost(times: list[float]) -> dict[float, bool]:
        model = _only("loss gemodel 5% 20%")
        model.begin(100.0)
        return dict(zip(times, (not let for let in _outcomes(model, times)), strict=True))

    all_of_them = lost(often)
    assert 10 < sum(lost(now_and_then).values()) < 390
    assert all(all_of_them[at] == is_lost for at, is_lost in lost(now_and_then).items())
    assert all(all_of_them[at] == lost([at])[at] for at in often[-200:])
    late = [at + 3600.0 for at in often[:2000]]
    assert lost(often[:500] + late)[late[-1]] == lost(late)[late[-1]]
    assert list(lost(often[:500] + late).values())[500:] == list(lost(late).values())


def test_by_packets_silence_prolongs_a_spell() -> None:
    """The trap: a packet a second instead of a hundred makes a burst last a hundred times as long. By time, no."""

    def longest(text: str, gap: float) -> float:
        """Seconds that the longest burst lasts in 20,000 packets, one each `gap` seconds."""
        return gap * max(_runs([not let for let in _outcomes(_only(text), _each(gap, 20_000))]), default=0)

    by_packets = "loss gemodel 2% 38% clock packet"
    assert longest(by_packets, 1.0) == pytest.approx(100 * longest(by_packets, 0.01))
    by_time = "loss gemodel 2% 38%"
    assert longest(by_time, 0.01) < 0.5
    assert longest(by_time, 1.0) <= 3.0 < longest(by_packets, 1.0)


@pytest.mark.parametrize("clock", ["packet", "10ms"])
def test_gemodel_may_lose_some_in_either_state(clock: str) -> None:
    """1-h of the packets in the bad state, 1-k in the good one."""
    n = 60_000
    model = _only(f"loss gemodel 10% 30% 60% 2% clock {clock}")
    expected = 0.25 * 0.6 + 0.75 * 0.02
    assert model.expected_loss == pytest.approx(expected)
    lost = sum(not let for let in _outcomes(model, _each(0.001, n)))
    assert _within(lost / n, expected, n / model.burst)


@pytest.mark.parametrize("clock", ["packet", "10ms"])
@pytest.mark.parametrize(
    ("shares", "lost"),
    [("0%", 0.0), ("0% 0%", 0.0), ("100% 0%", 1.0), ("5% 0%", 1.0), ("0% 50% 100% 0%", 0.0)],
)
def test_gemodel_at_its_edges(shares: str, lost: float, clock: str) -> None:
    """A state that is never left, or never entered."""
    model = _only(f"loss gemodel {shares} clock {clock}")
    assert model.expected_loss == lost
    outcomes = _outcomes(model, _each(0.1, 2000))
    assert sum(not let for let in outcomes[1000:]) == 1000 * lost
    assert model.burst >= 1


def test_gemodel_that_changes_at_every_step() -> None:
    """With p and r of 100 % good and bad take turns."""
    packets = [not let for let in _outcomes(_only("loss gemodel 100% 100% clock packet"), _each(0.001, 10))]
    assert packets == [False, True] * 5
    steps = [
        not let for let in _outcomes(_only("loss gemodel 100% 100%"), [100.001 + n * STEP for n in range(10)])
    ]
    assert all(one != other for one, other in pairwise(steps))


@pytest.mark.parametrize(
    "text", ["loss gemodel 5% 20% clock packet", "loss gemodel 5% 20%", "loss gemodel 5% 20% 50% 5%"]
)
def test_burst_says_how_much_evidence_a_packet_is(text: str) -> None:
    """The losses of samples vary as if they were of so many fewer packets, all independent."""
    model, samples, size = _only(text), 300, 800
    lost = [not let for let in _outcomes(model, _each(0.001, samples * size))]
    shares = [fmean(lost[at : at + size]) for at in range(0, len(lost), size)]
    independent = model.expected_loss * (1 - model.expected_loss) / size
    # The variance of 300 has a deviation of some 9 % itself.
    assert variance(shares) / independent == pytest.approx(model.burst, rel=0.23)


# --- duplicate, corrupt ---------------------------------------------------------------------------


def test_duplicate_doubles_its_share() -> None:
    """Never more than twice, and nothing else."""
    n, impairment = 20_000, _only("duplicate 2%")
    outcomes = _outcomes(impairment, _each(0.01, n))
    assert {len(let) for let in outcomes} == {1, 2}
    assert all(packet is PACKET for let in outcomes for _, packet in let)
    assert _within(sum(len(let) == 2 for let in outcomes) / n, 0.02, n)
    assert impairment.expected_doubling == 0.02


def test_both_copies_meet_the_rest_separately() -> None:
    """Of packets that are all doubled, 1/4 arrives twice, 1/2 once, 1/4 never, if every second copy is lost."""
    line, n = Line("duplicate 100% loss 50%", "1"), 20_000
    fates = [line.apply(PACKET, at) for at in _each(0.01, n)]
    for copies, share in ((0, 0.25), (1, 0.5), (2, 0.25)):
        assert _within(sum(len(going) == copies for going, _ in fates) / n, share, n)
    assert {cause for going, cause in fates if going} == {""}
    assert {cause for going, cause in fates if not going} == {"loss"}
    assert line.counters.doubled == n
    assert line.expected_loss == 0.25


def test_corrupt_turns_one_bit_over() -> None:
    """In its share of the packets, and each bit of the packet alike."""
    n, impairment = 40_000, _only("corrupt 50%")
    changed = [
        int.from_bytes(PACKET, "big") ^ int.from_bytes(packet, "big")
        for [(_, packet)] in _outcomes(impairment, _each(0.01, n))
    ]
    assert {change.bit_count() for change in changed} == {0, 1}
    damaged = [change.bit_length() - 1 for change in changed if change]
    assert _within(len(damaged) / n, 0.5, n)
    assert set(damaged) == set(range(len(PACKET) * 8))
    assert abs(fmean(damaged) - 399.5) <= Z * math.sqrt(800**2 / 12 / len(damaged))
    assert impairment.expected_loss == 0.5


def test_an_empty_packet_has_no_bit_to_turn() -> None:
    """It passes."""
    assert _only("corrupt 100%").apply(b"", 1.0, random.Random(1)) == [(1.0, b"")]


# --- delay ----------------------------------------------------------------------------------------


def test_a_delay_without_jitter_is_exact() -> None:
    """To the last bit of the sum."""
    delay = _only("delay 20ms")
    assert _outcomes(delay, [1.0, 1.5]) == [[(1.0 + 0.02, PACKET)], [(1.5 + 0.02, PACKET)]]
    assert not delay.may_reorder
    assert (delay.expected_delay, delay.longest_delay) == (0.02, 0.02)


def test_uniform_jitter_is_anything_up_to_it() -> None:
    """Alike likely: range, mean, median and deviation are those of the uniform distribution."""
    delays, n = _delays("delay 20ms 5ms"), 20_000
    assert 0.015 <= min(delays) < 0.0151
    assert 0.0249 < max(delays) <= 0.025
    assert abs(fmean(delays) - 0.02) <= Z * 0.005 / math.sqrt(3 * n)
    assert abs(median(delays) - 0.02) <= Z * 0.005 / math.sqrt(n)
    assert stdev(delays) == pytest.approx(0.005 / math.sqrt(3), rel=0.02)


def test_normal_jitter_is_one_deviation() -> None:
    """Mean, median and deviation are those of the normal distribution; a third is further off, some much."""
    delays, n = _delays("delay 20ms 5ms distribution normal"), 20_000
    assert abs(fmean(delays) - 0.02) <= Z * 0.005 / math.sqrt(n)
    assert abs(median(delays) - 0.02) <= Z * 0.005 * math.sqrt(math.pi / 2 / n)
    assert stdev(delays) == pytest.approx(0.005, rel=0.02)
    assert _within(sum(abs(delay - 0.02) > 0.005 for delay in delays) / n, 0.3173, n)
    assert max(delays) > 0.035


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_no_delay_is_below_zero(distribution: str) -> None:
    """Not even if the jitter is larger than the delay; then many packets do not wait at all."""
    text = f"delay 1ms 50ms distribution {distribution}"
    delays = _delays(text)
    assert min(delays) == 0.0
    assert 0.4 < sum(delay == 0.0 for delay in delays) / len(delays) < 0.5
    assert Line(text, "1").expected_delay == pytest.approx(0.001)


@pytest.mark.parametrize("text", ["delay 20ms 5ms", "delay 20ms 5ms distribution normal", "delay 5ms 20ms"])
def test_few_packets_take_longer_than_the_longest(text: str) -> None:
    """One in ten thousand at most, about."""
    longest = Line(text, "1").longest_delay
    assert sum(delay > longest for delay in _delays(text, 50_000)) <= 15


def test_jitter_reorders() -> None:
    """Packets that follow each other by less than it."""
    arrivals = [
        at + delay
        for at, delay in zip(_each(0.001, 2000), _delays("delay 20ms 5ms", 2000, 0.001), strict=True)
    ]
    assert any(later < earlier for earlier, later in pairwise(arrivals))
    assert _only("delay 20ms 5ms").may_reorder


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_ordered_keeps_the_order(distribution: str) -> None:
    """What is ready waits for those before it, and no longer; without any, its delay is that of the jitter."""
    text = f"delay 20ms 5ms distribution {distribution}"
    times = _each(0.001, 5000)
    free = [at + delay for at, delay in zip(times, _delays(text, 5000, 0.001), strict=True)]
    kept = [at + delay for at, delay in zip(times, _delays(f"{text} ordered", 5000, 0.001), strict=True)]
    assert kept == pytest.approx([max(free[: number + 1]) for number in range(len(free))])
    assert all(earlier <= later for earlier, later in pairwise(kept))
    assert not _only(f"{text} ordered").may_reorder
    assert _delays(f"{text} ordered", 100) == pytest.approx(_delays(text, 100))


# --- reorder --------------------------------------------------------------------------------------


def test_reorder_sends_its_share_at_once() -> None:
    """The others take the delay."""
    delays, n = _delays("delay 20ms reorder 25%"), 20_000
    past = sum(delay == 0.0 for delay in delays)
    assert _within(past / n, 0.25, n)
    assert sum(delay == pytest.approx(0.02) for delay in delays) == n - past


def test_reorder_leaves_a_gap() -> None:
    """With 100 % each fifth packet; with less at least four that wait in between, and on average 4 + 1/p."""
    fifth = _delays("delay 20ms reorder 100% gap 5", 50)
    assert [delay == 0.0 for delay in fifth] == [False, False, False, False, True] * 10
    delays = _delays("delay 20ms reorder 25% gap 5", 40_000)
    gaps = [
        later - earlier for earlier, later in pairwise(at for at, delay in enumerate(delays) if delay == 0.0)
    ]
    assert min(gaps) == 5
    assert abs(fmean(gaps) - 8) <= Z * math.sqrt(0.75) / 0.25 / math.sqrt(len(gaps))


def test_reorder_makes_late_those_that_it_overtakes() -> None:
    """As its documentation reckons: with a packet each 5 ms and a delay of 20 ms, 43 % of them at 25 %."""
    n = 20_000
    arrivals = [
        at + delay
        for at, delay in zip(_each(0.005, n), _delays("delay 20ms reorder 25%", n, 0.005), strict=True)
    ]
    highest, late = -1, 0
    for number in sorted(range(n), key=lambda number: (round(arrivals[number], 9), number)):
        late += number < highest
        highest = max(highest, number)
    assert late / n == pytest.approx(0.75 * (1 - 0.75**3), abs=0.01)


@pytest.mark.parametrize(
    "text",
    [
        "delay 20ms reorder 25%",
        "delay 20ms 5ms reorder 25%",
        "delay 20ms 5ms distribution normal reorder 10%",
        "delay 20ms 5ms reorder 80% gap 3",
        "delay 20ms 5ms reorder 90%",
    ],
)
def test_the_expected_delay_knows_of_those_that_do_not_wait(text: str) -> None:
    """It is the median of all packets."""
    assert median(_delays(text)) == pytest.approx(Line(text, "1").expected_delay, abs=0.0002)


# --- rate -----------------------------------------------------------------------------------------


def _lets(rate: Impairment, times: list[float], size: int = 125) -> list[float | None]:
    rng = random.Random(1)
    outcomes = [rate.apply(bytes(size), at, rng) for at in times]
    return [let[0][0] if let else None for let in outcomes]


def test_a_packet_takes_as_long_as_its_bits() -> None:
    """125 bytes at 1 mbit: 1 ms. Those behind it wait for it; an idle link takes the next at once."""
    rate = Rate(1e6)
    assert _lets(rate, [10.0, 10.0, 10.0005, 10.5]) == pytest.approx([10.001, 10.002, 10.003, 10.501])
    assert _lets(Rate(1e6), [10.0], 1500) == pytest.approx([10.012])
    assert rate.narrow


def test_a_rate_is_kept_in_the_long_run() -> None:
    """Twice as much as gets through comes in: the queue fills, and half of it is lost."""
    times = _each(0.0005, 20_000)
    out = [at for at in _lets(Rate(1e6, 50), times) if at is not None]
    assert len(out) == pytest.approx(10_000, abs=51)
    assert all(later - earlier == pytest.approx(0.001) for earlier, later in pairwise(out))
    longest = max(
        let - at for at, let in zip(times, _lets(Rate(1e6, 50), times), strict=True) if let is not None
    )
    assert 0.05 < longest <= 0.051 + 1e-9
    assert longest <= Rate(1e6, 50).longest_delay


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_the_queue_drops_its_tail(limit: int) -> None:
    """One packet is being sent and `limit` wait; the next is lost, until one of those that wait has its turn."""
    rate = Rate(1e6, limit)
    lets = _lets(rate, [10.0] * (limit + 4))
    assert [let is None for let in lets] == [False] * (limit + 1) + [True] * 3
    assert _lets(rate, [10.0009]) == [None]
    assert _lets(rate, [10.0011, 10.0012]) == [pytest.approx(10.0 + (limit + 2) * 0.001), None]


def test_whose_turn_has_come_waits_no_more() -> None:
    """At that very moment its place in the queue is free: 125 bytes at 1 kbit take a second, exactly."""
    rate = Rate(1e3, 1)
    assert _lets(rate, [10.0, 10.0, 10.0, 11.0, 11.0]) == [11.0, 12.0, None, 13.0, None]


def test_the_limit_is_not_of_what_is_under_way() -> None:
    """A long delay behind the rate takes no place in its queue, as it would in netem's."""
    line = Line("rate 1mbit limit 1 delay 10s", "1")
    assert all(line.apply(bytes(125), at)[0] for at in _each(0.001, 2000))


def test_the_delay_begins_behind_the_rate() -> None:
    """The time at which one lets a packet on is that at which it meets the next."""
    line = Line("delay 20ms rate 1mbit", "1")
    assert [line.apply(bytes(125), 10.0)[0][0][0] for _ in range(3)] == pytest.approx(
        [10.021, 10.022, 10.023]
    )


# --- outage ---------------------------------------------------------------------------------------


def test_an_outage_begins_and_ends_on_time() -> None:
    """From its first moment on nothing gets in; at its end everything does."""
    outage = Outage(2.0, 3.0)
    outage.begin(100.0)
    times = [100.0, math.nextafter(102.0, 0), 102.0, 103.5, math.nextafter(105.0, 0), 105.0, 200.0]
    assert [bool(let) for let in _outcomes(outage, times)] == [True, True, False, False, False, True, True]


def test_several_outages_count_from_the_same_zero() -> None:
    """That of the line."""
    line = Line("outage 1s 1s outage 5s 1s", "1")
    line.begin(50.0)
    through = [bool(line.apply(PACKET, 50.5 + second)[0]) for second in range(8)]
    assert through == [True, False, True, True, True, False, True, True]
    assert line.counters.dropped == {"outage": 2}


def test_without_a_time_zero_there_is_no_outage() -> None:
    """A line that has not begun lets everything in."""
    assert Line("outage 0s 60s", "1").apply(PACKET, 5.0) == ([(5.0, PACKET)], "")


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "loss 20%",
        "loss gemodel 5% 20%",
        "loss gemodel 5% 20% clock packet",
        "duplicate 20%",
        "corrupt 20%",
        "delay 20ms 5ms",
        "delay 20ms reorder 25%",
    ],
)
def test_a_seed_is_a_fate(text: str) -> None:
    """The same seed decides the same, another one otherwise."""

    def fates(seed: str) -> list[tuple[list[tuple[float, bytes]], str]]:
        line = Line(text, seed)
        line.begin(100.0)
        return [line.apply(PACKET, at) for at in _each(0.01, 1000)]

    assert fates("1") == fates("1")
    assert fates("1") != fates("2")


def test_streams_are_separate() -> None:
    """What is lost stays the same whatever else happens to the packets."""

    def lost(text: str) -> list[bool]:
        line = Line(text, "1")
        return [not line.apply(PACKET, at)[0] for at in _each(0.01, 5000)]

    assert lost("loss 5%") == lost("loss 5% delay 20ms 5ms reorder 5% corrupt 3% rate 10mbit")


def test_impairments_have_chances_of_their_own() -> None:
    """What would be lost is not what would be doubled."""
    lossy, doubling = Line("loss 50%", "1"), Line("duplicate 50%", "1")
    lost = [not lossy.apply(PACKET, at)[0] for at in _each(0.01, 100)]
    doubled = [len(doubling.apply(PACKET, at)[0]) == 2 for at in _each(0.01, 100)]
    assert lost != doubled


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss 10% corrupt 10%", 0.19),
        ("duplicate 50% loss 20%", 0.5 * 0.2 + 0.5 * 0.04),
        ("duplicate 50% loss 20% corrupt 10%", 0.5 * 0.28 + 0.5 * 0.28**2),
        ("loss gemodel 10% 30%", 0.25),
        ("outage 1s 1s delay 5ms rate 1mbit", 0.0),
    ],
)
def test_a_line_knows_what_arrives(text: str, expected: float) -> None:
    """The share of packets of which no whole copy does."""
    assert Line(text, "1").expected_loss == pytest.approx(expected)


def test_a_line_sums_up_its_impairments() -> None:
    """What the self-check must know of it."""
    line = Line("loss gemodel 10% 30% clock packet delay 20ms 5ms rate 1mbit limit 10", "1")
    assert line.expected_delay == pytest.approx(0.02 + 128 * 8 / 1e6)
    assert line.longest_delay == pytest.approx(0.025 + 12 * 0.012, rel=1e-3)
    assert line.jitter == 0.005
    assert line.burst == pytest.approx(1.6 / 0.4)
    assert line.narrow
    assert line.may_reorder
    quiet = Line("delay 20ms loss 5%", "1")
    assert (quiet.narrow, quiet.may_reorder, quiet.burst, quiet.jitter) == (False, False, 1.0, 0.0)


def test_impairments_are_equal_by_their_words() -> None:
    """Not by what they have been through."""
    one, other = GEModel(0.02, 0.38), GEModel(0.02, 0.38)
    _outcomes(one, _each(0.1, 100))
    assert one == other
    assert hash(one) == hash(other)
    assert one != GEModel(0.02, 0.39)
    assert one != "loss gemodel 2% 38%"
    assert repr(one) == "<loss gemodel 2% 38%>"

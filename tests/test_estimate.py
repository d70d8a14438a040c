"""How sure a share or a percentile is: worked numbers, and intervals that hold the truth as often as they say."""

import math
import random
from collections.abc import Callable, Iterable
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.estimate import (
    FEW,
    Interval,
    Percentile,
    design_effect,
    percentiles,
    quotient,
    share,
    student,
    textbook,
    wilson,
)
from common.statistics import percentile

CONFIDENCES = st.floats(0.5, 0.999)

Clusters = list[tuple[int, int]]


def known(found: Interval | None) -> Interval:
    """An interval that there has to be."""
    assert found is not None
    return found


def width(found: Interval | None) -> float:
    """How far its ends are apart."""
    return known(found).high - known(found).low


# --- one share of independent observations --------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (5, 100, 0.0215, 0.1118),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),  # R. G. Newcombe, Statistics in Medicine 17 (1998), table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_worked_numbers(successes: int, n: int, low: float, high: float) -> None:
    """5 lost of 100 are between 2.2 and 11.2 %."""
    found = known(wilson(successes, n))
    assert found.estimate == successes / n
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_the_textbooks_interval_has_no_width_at_nothing() -> None:
    """Wilson's has. In the middle both say much the same."""
    assert textbook(0, 100) == Interval(0.0, 0.0, 0.0)
    assert known(wilson(0, 100)).high > 0.03
    middle = textbook(50, 100)
    assert [middle.low, middle.high] == pytest.approx([0.402, 0.598], abs=5e-4)


def test_of_nothing_there_is_no_share() -> None:
    """Neither of no observation nor of no cluster."""
    assert wilson(0, 0) is None
    assert share([]) is None
    assert share([(0, 0)]) is None


@given(st.integers(1, 10_000), st.data(), CONFIDENCES)
def test_the_ends_are_where_the_estimate_is_just_possible(
    n: int, data: st.DataObject, confidence: float
) -> None:
    """Of a true share at an end of the interval, the one measured is just z standard deviations away."""
    found = known(wilson(data.draw(st.integers(0, n)), n, confidence))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    for end in (found.low, found.high):
        assert abs(found.estimate - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n), abs=1e-9)


@given(st.floats(0, 1), st.floats(0.1, 1e6), CONFIDENCES)
def test_an_interval_holds_its_estimate_and_is_its_mirror_image(
    part: float, n: float, confidence: float
) -> None:
    """It never leaves 0 to 1; failures have the mirror image of the successes' interval."""
    found = known(wilson(part * n, n, confidence))
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    mirror = known(wilson(n - part * n, n, confidence))
    assert mirror.low == pytest.approx(1 - found.high)
    assert mirror.high == pytest.approx(1 - found.low)


def test_what_overlaps_and_what_lies_within() -> None:
    """Intervals that touch overlap; ends belong to them."""
    one, other, far = Interval(2, 1, 3), Interval(4, 3, 5), Interval(7, 6, 8)
    assert one.overlaps(other)
    assert other.overlaps(one)
    assert not one.overlaps(far)
    assert 3 in one
    assert 3.1 not in one


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (30, 2.042), (1000, 1.962)],
)
def test_student(freedom: int, t: float) -> None:
    """The quantiles of the printed tables, to 1 %."""
    assert student(freedom) == pytest.approx(t, rel=0.002)
    assert student(freedom, 0.99) > student(freedom)


# --- a share of observations that come in clusters ------------------------------------------------


def test_independent_observations_count_as_they_are() -> None:
    """Clusters that differ as chance makes them differ: a design effect of 1."""
    random_ = random.Random(1)
    clusters = [(sum(random_.random() < 0.7 for _ in range(10)), 10) for _ in range(2000)]
    assert design_effect(clusters) == pytest.approx(1, abs=0.1)


def test_clusters_with_one_fate_count_as_one_observation_each() -> None:
    """Ten members who all miss the same messages are no more evidence than one."""
    clusters = [(10, 10)] * 900 + [(0, 10)] * 100
    assert design_effect(clusters) == pytest.approx(10, rel=0.02)
    assert width(share(clusters)) == pytest.approx(width(wilson(900, 1000)), rel=0.02)
    assert width(share(clusters)) > 3 * width(wilson(9000, 10_000))


def test_a_design_effect_by_hand() -> None:
    """Clusters of 4, 2 and 4 deliveries with 3, 2 and 1 of them, and 2 more lost together: 6 of 12. The squares of
    what differs from 1/2 are 1, 1, 1 and 1; by 4/3, over 12 · 1/4: 16/9."""
    assert design_effect([(3, 4), (2, 2), (1, 4)], 2) == pytest.approx(16 / 9)


def test_the_same_fate_for_all_is_taken_for_chance() -> None:
    """Where nothing was lost it may yet be lost in clusters: the mean size of one, as a delivery sees it."""
    assert design_effect([(10, 10)] * 500) == pytest.approx(10, rel=0.01)
    assert design_effect([(0, 10)] * 500) == pytest.approx(10, rel=0.01)
    assert design_effect([(30, 30), (10, 10)] * 500) == pytest.approx((900 + 100) / 40, rel=0.01)
    assert design_effect([(10, 10)] * 500, 3.0) == pytest.approx(3, rel=0.01)
    found = known(share([(10, 10)] * 500))
    assert (found.estimate, found.high) == (1, 1)
    assert found.low == pytest.approx(known(wilson(500, 500)).low, abs=0.001)


def test_a_single_cluster_tells_next_to_nothing() -> None:
    """It counts as one observation, and two clusters as hardly more."""
    assert known(share([(1000, 1000)])).low == pytest.approx(known(wilson(1, 1)).low)
    assert width(share([(500, 1000), (500, 1000)])) > 0.9
    assert design_effect([]) == 1


@given(st.lists(st.integers(1, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1))
def test_clusters_never_tell_more_than_their_observations(clusters: Clusters) -> None:
    """The interval is at least as wide as if all were independent, and holds the share that was counted."""
    successes, n = map(sum, zip(*clusters, strict=True))
    found = known(share(clusters))
    assert found.estimate == successes / n
    assert found.low <= found.estimate <= found.high
    assert width(found) >= width(wilson(successes, n)) - 1e-12
    assert known(share([*clusters, (0, 0)])) == found


def covered(
    samples: Iterable[Clusters], truth: float, interval: Callable[[Clusters], Interval | None]
) -> float:
    """What part of the intervals of these samples holds the true share."""
    held = [truth in known(interval(clusters)) for clusters in samples]
    return sum(held) / len(held)


def naive(clusters: Clusters) -> Interval | None:
    """As if deliveries were independent."""
    return wilson(sum(met for met, _ in clusters), sum(n for _, n in clusters))


def both_ways(loss: float, seed: int) -> Clusters:
    """66 stretches of six messages to ten members each, which are lost on the way up or on a way down."""
    chance = random.Random(seed).random
    clusters = []
    for _ in range(66):
        arrived = 0
        for _ in range(6):
            if chance() >= loss:
                arrived += sum(chance() >= loss for _ in range(10))
        clusters.append((arrived, 60))
    return clusters


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.2])
def test_95_of_100_intervals_hold_the_truth(loss: float) -> None:
    """Of a message lost on the way up nobody gets anything. Whoever overlooks that is wrong far too often."""
    truth = (1 - loss) ** 2
    at_once = 25.0
    assert covered((both_ways(loss, seed) for seed in range(300)), truth, lambda c: share(c, at_once)) >= 0.93
    assert covered((both_ways(loss, seed) for seed in range(100)), truth, naive) < 0.8


def bursts(seed: int) -> Clusters:
    """660 steps of 10 ms in stretches of ten, with a message to ten members in 60 % of them. One step in 100 is
    bad, in spells of 2.5 on average, and then everything is lost."""
    chance = random.Random(seed).random
    bad, clusters = chance() < 0.01, []
    for _ in range(66):
        arrived = due = 0
        for _ in range(10):
            bad = chance() >= 0.4 if bad else chance() < 0.0040404
            if chance() < 0.6:
                due += 10
                arrived += 0 if bad else 10
        clusters.append((arrived, due))
    return clusters


def test_intervals_hold_the_truth_where_losses_come_in_rare_bursts() -> None:
    """Half a dozen bursts are little to tell from, but more than nothing."""
    assert covered(map(bursts, range(400)), 0.99, lambda clusters: share(clusters, 25.0)) >= 0.9


# --- percentiles ----------------------------------------------------------------------------------


def test_percentiles_are_those_of_all_samples_together() -> None:
    """And there is none where too few samples lie beyond."""
    blocks = [[float(at + 10 * block) for at in range(10)] for block in range(50)]
    found = percentiles(blocks, (50, 90, 99))
    assert found[50] is not None
    assert found[50].estimate == 249
    assert found[90] is not None
    assert found[90].estimate == 449
    assert found[99] is None  # of 500, five lie beyond


def test_with_few_stretches_the_interval_is_unknown() -> None:
    """Not made up: the percentile is there, its interval is not."""
    block = [float(at) for at in range(100)]
    few, enough = (percentiles([block] * count, (50,))[50] for count in (FEW - 1, FEW))
    assert few == Percentile(49)
    assert few is not None
    assert few.interval is None
    assert enough is not None
    assert enough.interval == Interval(49, enough.low or 0, enough.high or 0)


def test_independent_samples_have_the_interval_of_order_statistics() -> None:
    """For the median of n about n/2 ± 0.98 √n: samples 470 to 532 of 1,000."""
    values = list(range(1, 1001))
    random.Random(2).shuffle(values)
    found = percentiles([[float(value)] for value in values], (50,))[50]
    assert found is not None
    assert found.interval is not None
    assert found.interval.low == pytest.approx(500 - 0.98 * math.sqrt(1000), abs=3)
    assert found.interval.high == pytest.approx(501 + 0.98 * math.sqrt(1000), abs=3)


@given(
    st.lists(st.lists(st.floats(0, 1e3), max_size=40), min_size=1, max_size=40),
    st.sampled_from([50, 90, 99]),
    st.randoms(use_true_random=False),
)
def test_an_interval_is_made_of_samples_around_the_percentile(
    blocks: list[list[float]], percent: int, chance: random.Random
) -> None:
    """In any order of stretches and of the samples in them."""
    samples = sorted(sample for block in blocks for sample in block)
    found = percentiles(blocks, (percent,))[percent]
    assert (found and found.estimate) == percentile(samples, percent)
    if found and found.interval:
        assert found.interval.low <= found.estimate <= found.interval.high
        assert {found.low, found.high} <= set(samples)
    shuffled = [chance.sample(block, len(block)) for block in chance.sample(blocks, len(blocks))]
    assert percentiles(shuffled, (percent,))[percent] == found


def stalls(seed: int, count: int) -> list[float]:
    """The latencies of a message each 10 ms. One in a hundred gets stuck, for 50 to 400 ms; who comes behind waits
    until that one is through."""
    chance = random.Random(seed)
    free, found = 0.0, []
    for at in range(count):
        due = at / 100
        arrives = due + 0.020
        if chance.random() < 0.01:
            arrives += chance.uniform(0.05, 0.4)
        free = max(free, arrives)
        found.append(free - due)
    return found


def in_blocks(samples: list[float], size: int) -> list[list[float]]:
    """So many in each."""
    return [samples[at : at + size] for at in range(0, len(samples), size)]


@pytest.mark.parametrize("percent", [90, 99])
def test_intervals_hold_the_percentile_although_one_stall_delays_many(percent: int) -> None:
    """With stretches as long as stalls. Whoever takes each sample for an observation is wrong far too often."""
    truth = percentile(sorted(stalls(-1, 200_000)), percent)
    assert truth is not None
    held: list[bool] = []
    believed: list[bool] = []
    for seed in range(120):
        samples = stalls(seed, 2000)
        for size, into in ((40, held), (1, believed)):
            found = percentiles(in_blocks(samples, size), (percent,))[percent]
            assert found is not None
            if found.interval:
                into.append(truth in found.interval)
    assert len(held) > 100
    assert sum(held) / len(held) >= 0.9
    assert sum(believed) / len(believed) < 0.7


# --- quotients ------------------------------------------------------------------------------------


def test_a_quotient_holds_wherever_both_are() -> None:
    """From the lowest over the highest to the highest over the lowest; of what has no interval there is none."""
    assert quotient(Percentile(6.0, 4.0, 8.0), Percentile(2.0, 1.0, 4.0)) == Percentile(3.0, 1.0, 8.0)
    assert quotient(Percentile(6.0), Percentile(2.0, 1.0, 4.0)) == Percentile(3.0)

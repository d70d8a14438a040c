"""What chance does is computed exactly: the figures of the text of the experiment `enough`, and the ends."""

import pytest

from benchmarks import chance
from benchmarks.estimate import Interval, textbook, wilson


def score(count: int, n: int) -> Interval:
    """Wilson's interval."""
    found = wilson(count, n)
    assert found is not None
    return found


def test_chance_is_computed_exactly() -> None:
    """Coverage of both intervals, the interval of 5 of 100, the ranks of a p99."""
    assert chance.coverage(score, 100, 0.05) == pytest.approx(0.966, abs=5e-4)
    assert chance.coverage(textbook, 100, 0.05) == pytest.approx(0.877, abs=5e-4)
    around = score(5, 100)
    assert [around.low, around.high] == pytest.approx([0.0215, 0.1118], abs=5e-5)
    assert list(chance.reach(100, 99)) == pytest.approx([0.9455, 0.9976], abs=5e-5)
    larger = score(50, 1000)
    assert [larger.low, larger.high] == pytest.approx([0.038, 0.065], abs=5e-4)
    assert list(chance.reach(1000, 99)) == pytest.approx([0.982, 0.994], abs=5e-4)
    assert sum(chance.binomial(1000, 0.05)) == pytest.approx(1.0)
    assert chance.binomial(2, 0.5) == [0.25, 0.5, 0.25]


def test_the_largest_of_more_samples_is_larger() -> None:
    """And it is hardly below what is expected of one."""
    few, many = chance.largest(100, 0.05, 2, 0.999), chance.largest(100, 0.05, 500, 0.999)
    assert few[0] <= many[0]
    assert few[1] < many[1]
    assert many[0] > 5


@pytest.mark.parametrize(("n", "percent", "rank"), [(100, 99, 99), (101, 99, 100), (1, 50, 1), (10, 90, 9)])
def test_the_nearest_rank(n: int, percent: float, rank: int) -> None:
    """The first value that at least so many percent do not exceed."""
    assert chance.rank(n, percent) == rank

"""The histogram of lateness: percentiles exact to 10 µs, never below the truth, none where they mean nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.link.lateness import LARGEST, PER_SECOND, Lateness
from common.statistics import percentile

STEP = 1 / PER_SECOND


def _of(values: list[float]) -> Lateness:
    lateness = Lateness()
    for value in values:
        lateness.note(value)
    return lateness


def test_nothing_noted_nothing_said() -> None:
    """But that there is nothing."""
    assert Lateness().as_dict() == {"n": 0, "p50": None, "p99": None, "max": None, "share_over_1ms": 0.0}


def test_it_stands_in_a_result() -> None:
    """1,980 in time and 20 late: one in a hundred."""
    figures = _of([0.0001] * 1980 + [0.0025] * 20).as_dict()
    assert figures == {
        "n": 2000,
        "p50": pytest.approx(0.00011),
        "p99": pytest.approx(0.00011),
        "max": 0.0025,
        "share_over_1ms": 0.01,
    }


@settings(deadline=None)
@given(st.lists(st.floats(0, 2 * LARGEST), max_size=60), st.sampled_from([1.0, 50.0, 80.0]))
def test_a_percentile_is_that_of_the_samples(values: list[float], percent: float) -> None:
    """Up to a step too high, never too low; above the histogram it is the maximum; None where there is none."""
    found, true = _of(values).percentile(percent), percentile(sorted(values), percent)
    if true is None or found is None:
        assert found is true
    elif true >= LARGEST:
        assert found == max(values)
    else:
        assert true - 1e-12 <= found <= true + STEP + 1e-12


def test_early_is_in_time() -> None:
    """Nothing is late by less than nothing."""
    lateness = _of([-0.5] * 30)
    assert (lateness.n, lateness.max, lateness.percentile(50), lateness.share_over(0.0)) == (
        30,
        0.0,
        0.0,
        1.0,
    )
    assert lateness.share_over(STEP) == 0.0


def test_the_largest_is_known_exactly() -> None:
    """However large."""
    assert _of([0.1, 123.4, 5.0]).max == 123.4


def test_a_percentile_above_the_histogram_is_the_maximum() -> None:
    """It can't be told more exactly, and must not be told too small."""
    assert _of([0.001] * 10 + [4.0] * 20 + [5.0]).percentile(50) == 5.0


@pytest.mark.parametrize(("limit", "share"), [(0.001, 0.5), (0.002, 0.25), (0.5, 0.25), (LARGEST, 0.25)])
def test_the_share_over_a_limit(limit: float, share: float) -> None:
    """Of all that was noted; also over the largest."""
    assert _of([0.0005, 0.0009, 0.0015, 1.5]).share_over(limit) == share

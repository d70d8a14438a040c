"""Percentiles only where they mean something, and durations as a person reads them."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.statistics import BEYOND, milliseconds, percentile


@pytest.mark.parametrize(
    ("percent", "needed"), [(50, 20), (75, 40), (90, 100), (95, 200), (99, 1_000), (99.9, 10_000)]
)
def test_a_percentile_needs_ten_samples_beyond_it(percent: float, needed: int) -> None:
    """One sample fewer, and there is none."""
    assert percentile(range(needed - 1), percent) is None
    assert percentile(range(needed), percent) is not None


@pytest.mark.parametrize(
    ("percent", "count", "expected"),
    [
        (50, 20, 10),
        (50, 21, 11),
        (50, 100, 50),
        (90, 100, 90),
        (99, 1_000, 990),
        (99, 1_001, 991),
        (1, 50, 1),
    ],
)
def test_it_is_the_sample_of_the_nearest_rank(percent: float, count: int, expected: int) -> None:
    """Of the samples 1 to `count`: the smallest one that `percent` of them do not exceed."""
    assert percentile(range(1, count + 1), percent) == expected


@pytest.mark.parametrize("percent", [50, 99])
def test_no_samples_no_percentile(percent: float) -> None:
    """Nothing was measured, nothing is said."""
    assert percentile([], percent) is None


@settings(deadline=None)
@given(st.integers(0, 30_000), st.sampled_from(["1", "12.5", "50", "75", "90", "95", "99", "99.9"]))
def test_rank_and_rule_hold_for_any_count(count: int, percent: str) -> None:
    """Against exact fractions: no rounding makes a rank one too high or one too low."""
    rank = ceil(Fraction(percent) * count / 100)
    expected = rank if count - rank >= BEYOND else None
    assert percentile(range(1, count + 1), float(percent)) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0, "0.00 ms"),
        (0.00042, "0.42 ms"),
        (0.00123, "1.23 ms"),
        (0.00999, "9.99 ms"),
        (0.009996, "10.0 ms"),
        (0.01, "10.0 ms"),
        (0.0131, "13.1 ms"),
        (0.0999, "99.9 ms"),
        (0.09996, "100 ms"),
        (0.1, "100 ms"),
        (0.4567, "457 ms"),
        (1.0764, "1,076 ms"),
        (12.0, "12,000 ms"),
    ],
)
def test_a_duration_has_three_digits_that_mean_something(seconds: float | None, text: str) -> None:
    """Also where rounding makes the number a digit longer."""
    assert milliseconds(seconds) == text

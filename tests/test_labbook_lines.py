"""What figures and findings are made of: shares, repeats, distributions, levels, ticks; each with its gaps."""

import pytest

from benchmarks.estimate import Interval
from benchmarks.labbook import finding, lines


def test_shares_are_drawn_in_percent_and_what_is_missing_is_a_gap() -> None:
    """With their intervals, as points unless they are to be joined."""
    series = lines.shares("UDP", "udp", [1, 2], [Interval(0.5, 0.25, 0.75), None])
    assert (series.x, series.y, series.low, series.high) == ([1, 2], [50, None], [25, None], [75, None])
    assert not series.joined
    assert lines.shares("UDP", "udp", [], [], joined=True).joined


def test_repeats_are_drawn_as_their_median() -> None:
    """With a spread from the lowest to the highest only where it is asked for."""
    series = lines.middles("UDP", "udp", [1, 2], [[3, 1, 8], []], spread=True)
    assert (series.y, series.low, series.high) == ([3, None], [1, None], [8, None])
    assert lines.middles("UDP", "udp", [1], [[3, 1, 8]]).low == []


def test_a_distribution_falls_and_ends_where_few_are_beyond() -> None:
    """From the smallest sample, at 100 %, to the eleventh from the end at most."""
    samples = [float(number) for number in range(1000)]
    series = lines.slower("UDP", "udp", samples)
    assert (series.x[0], series.y[0]) == (0.0, 100.0)
    assert series.x == sorted(series.x)
    assert series.x[-1] <= 990.0
    for x, y in zip(series.x, series.y, strict=True):
        assert y == pytest.approx((1000 - x) / 10, abs=0.1)
    assert lines.slower("UDP", "udp", samples[:9]).x == []


def test_a_level_is_a_line_or_a_band() -> None:
    """As wide as it is told."""
    assert lines.level("3", 0.0, 9.0, 3.0).high == []
    band = lines.level("40 to 50", 1.0, 9.0, 40.0, 50.0)
    assert (band.x, band.y, band.high) == ([1.0, 9.0], [40.0, 40.0], [50.0, 50.0])


def test_ticks_name_the_places_from_zero_on() -> None:
    """In their order."""
    assert lines.ticks(["a", "b"]) == [(0.0, "a"), (1.0, "b")]


def test_a_portion_is_a_share_with_an_interval_and_nothing_of_nothing() -> None:
    """In percent; without a single one there is no value."""
    found = finding.portion("x", "what", 8, 8, "trials", because="so it is")
    assert (found.value, found.high, found.n, found.of, found.because) == (100, 100, 8, "trials", "so it is")
    assert found.low is not None
    assert 60 < found.low < 100
    assert finding.portion("x", "what", 0, 0).value is None

"""Series of figures: seconds become milliseconds, what is not known is a gap, and lines end where they should."""

from benchmarks.estimate import Percentile
from benchmarks.labbook import plots


def test_a_percentile_that_is_not_known_is_a_gap() -> None:
    """So is an interval; one that begins at nothing is there."""
    one = plots.percentiles("TCP", "tcp", {5: Percentile(0.25, 0.0, 0.5), 10: None, 20: Percentile(1.0)})
    assert (one.name, one.look, one.x) == ("TCP", "tcp", [5.0, 10.0, 20.0])
    assert (one.y, one.low, one.high) == ([250.0, None, 1000.0], [0.0, None, None], [500.0, None, None])


def test_medians_have_bars_from_the_lowest_to_the_highest() -> None:
    """A gap where nothing came."""
    one = plots.medians("UDP", "udp", {0: [], 1: [0.125, 0.5, 0.25]})
    assert (one.y, one.low, one.high) == ([None, 250.0], [None, 125.0], [None, 500.0])


def test_the_slowest_at_all_percents_is_the_largest() -> None:
    """In order, whatever the order of the values."""
    assert plots.slowest("", "tcp", [0.5, 0.125, 0.25, 1.0], [0, 50, 100]).y == [125.0, 500.0, 1000.0]


def test_a_distribution_ends_at_all() -> None:
    """Values that are the same are one step."""
    one = plots.at_most("", "tcp", [0.5, 0.25, 0.5, 1.0])
    assert (one.x, one.y, one.steps) == ([250.0, 500.0, 1000.0], [25.0, 75.0, 100.0], True)


def test_what_never_comes_stays_missing() -> None:
    """At each millisecond: of four one never came."""
    one = plots.missing("", "udp", [0.001, 0.003, 0.003], 4, 0.0, 0.0035)
    assert (one.x, one.y) == ([0.0, 1.0, 2.0, 3.0, 4.0], [100.0, 75.0, 75.0, 25.0, 25.0])


def test_arrivals_count_from_the_first_one_on() -> None:
    """What is not shown is counted as well."""
    one = plots.arrivals("", "tcp", [3.0, 1.0, 2.0, 9.0], 2.0, 5.0)
    assert (one.x, one.y) == ([2.0, 3.0], [2.0, 3.0])


def test_messages_are_counted_by_the_size_of_their_group() -> None:
    """Two alone and three together, of ten; without a group there is a point at nothing."""
    one = plots.together("", "bursts", [1, 3, 1], 10)
    assert (one.x, one.y) == ([1.0, 2.0, 3.0], [20.0, 0.0, 30.0])
    assert plots.together("", "bursts", [], 10).y == [0.0]

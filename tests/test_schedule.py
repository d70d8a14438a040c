"""The schedule: the same for everyone who knows the seed, and as busy as it says."""

import math
from itertools import pairwise

import pytest

from benchmarks.schedule import schedule


def test_a_seed_is_a_schedule() -> None:
    """Load processes make it each for itself, and both transports get the same one."""
    assert schedule(7, 1, 5, 100.0, 10.0) == schedule(7, 1, 5, 100.0, 10.0)


def test_another_seed_or_repeat_is_another_schedule() -> None:
    """Repeats would otherwise share one lucky or unlucky schedule."""
    one = schedule(7, 1, 5, 100.0, 10.0)
    assert one != schedule(8, 1, 5, 100.0, 10.0)
    assert one != schedule(7, 2, 5, 100.0, 10.0)


def test_messages_are_in_order_and_numbered() -> None:
    """In the order in which they are due, within the run; each sender counts from 0."""
    planned = schedule(1, 1, 4, 200.0, 5.0)
    assert all(one.at <= other.at for one, other in pairwise(planned))
    assert all(0 <= due.at < 5e9 for due in planned)
    for sender in range(4):
        numbers = [due.number for due in planned if due.sender == sender]
        assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("senders", [1, 10])
def test_the_mean_rate_is_the_one_asked_for(senders: int) -> None:
    """The count of a Poisson process varies with the square root of its mean: 5 of those is never."""
    expected = 200.0 * 100.0
    assert abs(len(schedule(1, 1, senders, 200.0, 100.0)) - expected) < 5 * math.sqrt(expected)


def test_gaps_are_exponential() -> None:
    """Their deviation is their mean, which tells a Poisson process from a metronome."""
    times = [due.at / 1e9 for due in schedule(1, 1, 1, 100.0, 200.0)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert 0.9 < deviation / mean < 1.1


def test_a_sender_does_not_depend_on_the_others_moments() -> None:
    """A room with more senders at more messages keeps the moments of those it had."""
    few = [due for due in schedule(1, 1, 2, 20.0, 10.0) if due.sender == 1]
    many = [due for due in schedule(1, 1, 4, 40.0, 10.0) if due.sender == 1]
    assert few == many

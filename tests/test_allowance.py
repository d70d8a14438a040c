"""What one member may send, second by second."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.allowance import Allowance


def taken(allowance: Allowance, now: float, tries: int) -> int:
    """How many of `tries` messages at time `now` are within the allowance."""
    return sum(allowance.take(now) == 0.0 for _ in range(tries))


def test_a_burst_is_there_at_once_and_no_more() -> None:
    """Exactly `burst` messages at the first moment."""
    assert taken(Allowance(50.0, 200, now=100.0), 100.0, 500) == 200


def test_the_wait_is_until_the_next_message_is_there() -> None:
    """At 4 a second an empty allowance says 0.25 s; half of it later, half of it."""
    allowance = Allowance(4.0, 1, now=0.0)
    assert allowance.take(0.0) == 0.0
    assert allowance.take(0.0) == 0.25
    assert allowance.take(0.125) == 0.125
    assert allowance.take(0.25) == 0.0
    assert allowance.take(0.25) == 0.25


def test_a_refused_message_takes_nothing() -> None:
    """Who tries too early a hundred times waits no longer than who tries once."""
    allowance = Allowance(1.0, 1, now=0.0)
    allowance.take(0.0)
    assert taken(allowance, 0.5, 100) == 0
    assert allowance.take(1.0) == 0.0


def test_the_allowance_grows_to_the_burst_and_no_further() -> None:
    """An hour of silence allows one burst, not an hour's worth."""
    allowance = Allowance(10.0, 5, now=0.0)
    assert taken(allowance, 0.0, 5) == 5
    assert taken(allowance, 3600.0, 100) == 5


def test_what_was_saved_is_the_time_since() -> None:
    """Half a second at 10 a second allows five."""
    allowance = Allowance(10.0, 20, now=0.0)
    assert taken(allowance, 0.0, 20) == 20
    assert taken(allowance, 0.5, 20) == 5


@pytest.mark.parametrize("burst", [0, 1, 200])
def test_a_rate_of_0_is_no_limit(burst: int) -> None:
    """Any number at one moment, whatever the burst."""
    assert taken(Allowance(0, burst, now=0.0), 0.0, 1000) == 1000


@settings(deadline=None)
@given(
    st.integers(1, 100),
    st.integers(1, 50),
    st.lists(st.floats(0, 3), min_size=1, max_size=100),
)
def test_never_more_than_burst_and_rate_allow(rate: int, burst: int, pauses: list[float]) -> None:
    """Up to any time t, at most burst + rate * t messages; and a wait is never longer than one message's."""
    allowance = Allowance(rate, burst, now=0.0)
    now, count = 0.0, 0
    for pause in pauses:
        now += pause
        wait = allowance.take(now)
        assert 0.0 <= wait <= 1.0 / rate
        count += wait == 0.0
        assert count <= burst + rate * now + 1e-6


@settings(deadline=None)
@given(st.integers(1, 1000), st.floats(0, 1e6))
def test_who_waits_as_told_is_let_through(rate: int, start: float) -> None:
    """After the wait, and a microsecond for the rounding, the message is there."""
    allowance = Allowance(rate, 1, now=start)
    assert allowance.take(start) == 0.0
    assert allowance.take(start + allowance.take(start) + 1e-6) == 0.0

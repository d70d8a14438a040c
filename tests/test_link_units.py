"""Times, shares and rates: read as tc writes them, written so that nothing is lost, refused with the remedy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.link.units import (
    Refused,
    bits_per_second,
    looks_like_number,
    seconds,
    share,
    show_rate,
    show_share,
    show_time,
    whole,
)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("20ms", 0.02),
        ("1.5s", 1.5),
        ("300us", 0.0003),
        ("0.3ms", 0.0003),
        ("0s", 0.0),
        ("-0ms", 0.0),
        ("+5ms", 0.005),
        (".5s", 0.5),
        ("2.s", 2.0),
        ("1sec", 1.0),
        ("7msecs", 0.007),
        ("9USEC", 9e-6),
    ],
)
def test_a_time_is_read_in_seconds(word: str, value: float) -> None:
    """The float nearest to what was written: no multiplication comes between."""
    assert seconds(word) == value


@pytest.mark.parametrize(("word", "value"), [("5%", 0.05), ("0%", 0.0), ("100%", 1.0), ("0.07%", 0.0007)])
def test_a_share_is_read_from_0_to_1(word: str, value: float) -> None:
    """Both ends are shares."""
    assert share(word) == value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1mbit", 1e6),
        ("512kbit", 512e3),
        ("1.5Mbit", 1.5e6),
        ("9600bit", 9600.0),
        ("2gbit", 2e9),
        ("1mbit/s", 1e6),
    ],
)
def test_a_rate_is_read_in_bits_per_second(word: str, value: float) -> None:
    """In powers of 1000."""
    assert bits_per_second(word) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.02, "20ms"),
        (1.5, "1.5s"),
        (0.3, "300ms"),
        (0.0003, "300us"),
        (1e-7, "0.1us"),
        (60.0, "60s"),
        (100.0, "100s"),
        (0.0, "0s"),
        (0.001, "1ms"),
        (0.0999, "99.9ms"),
    ],
)
def test_a_time_is_written_as_people_do(value: float, text: str) -> None:
    """In the largest unit of which there is a whole one, without zeros that say nothing."""
    assert show_time(value) == text


def test_shares_and_rates_are_written_as_people_do() -> None:
    """Without zeros that say nothing, but with those that do."""
    assert [show_share(value) for value in (0.05, 0.0, 1.0, 0.0040404, 0.1)] == [
        "5%",
        "0%",
        "100%",
        "0.40404%",
        "10%",
    ]
    assert [show_rate(value) for value in (1e6, 512e3, 1.5e9, 100e9, 1e3)] == [
        "1mbit",
        "512kbit",
        "1.5gbit",
        "100gbit",
        "1kbit",
    ]


@settings(deadline=None)
@given(st.floats(0, 1e6))
def test_a_time_survives_being_written(value: float) -> None:
    """To the last bit."""
    assert seconds(show_time(value)) == value


@settings(deadline=None)
@given(st.floats(0, 1))
def test_a_share_survives_being_written(value: float) -> None:
    """To the last bit."""
    assert share(show_share(value)) == value


@settings(deadline=None)
@given(st.floats(0, 1e12))
def test_a_rate_survives_being_written(value: float) -> None:
    """To the last bit."""
    assert bits_per_second(show_rate(value)) == value


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("20", "write 20ms or 20s"),
        ("bananas", "is no time: write 20ms"),
        ("20bananas", "'bananas' is no unit"),
        ("20 ms", "is no unit"),
        ("-5ms", "never below 0"),
        ("nan", "is no time"),
        ("nanms", "is no time"),
        ("inf", "is no time"),
        ("1e3ms", "is no unit"),
        ("", "is no time"),
        ("ms", "is no time"),
        ("1.2.3s", "is no unit"),
        ("٣ms", "is no time"),
        ("9" * 400 + "s", "more than any number"),
    ],
)
def test_what_is_no_time_is_refused(word: str, said: str) -> None:
    """With what to write instead."""
    with pytest.raises(Refused) as refused:
        seconds(word)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("120%", "from 0% to 100%"),
        ("100.0001%", "from 0% to 100%"),
        ("5", "write 5%"),
        ("0.05", "write 0.05%"),
        ("-1%", "never below 0"),
        ("nan%", "from 0% to 100%"),
        ("5ms", "write 5%"),
        ("%", "from 0% to 100%"),
    ],
)
def test_what_is_no_share_is_refused(word: str, said: str) -> None:
    """With the range."""
    with pytest.raises(Refused) as refused:
        share(word)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("1", "write 1kbit or 1mbit"),
        ("0", "write 1mbit or 512kbit"),
        ("1mbps", "bytes per second"),
        ("fast", "write 1mbit"),
        ("1mib", "units: bit, kbit, mbit, gbit"),
        ("-1mbit", "never below 0"),
        ("inf", "is no rate"),
    ],
)
def test_what_is_no_rate_is_refused(word: str, said: str) -> None:
    """Also tc's bytes per second, which everybody takes for bits."""
    with pytest.raises(Refused) as refused:
        bits_per_second(word)
    assert said in str(refused.value)


@pytest.mark.parametrize("word", ["0", "-1", "1.5", "many", "", "1000001", "9" * 5000, "²", "1_0"])
def test_what_is_no_whole_number_is_refused(word: str) -> None:
    """With the range; also what Python itself would not read, or read otherwise."""
    with pytest.raises(Refused, match="is no limit: write a whole number from 1 to 1,000,000"):
        whole(word, "limit", 1)


def test_whole_numbers_have_two_ends() -> None:
    """Both belong to them."""
    assert (whole("1", "limit", 1), whole("1000000", "limit", 1), whole("0", "limit", 0)) == (1, 1_000_000, 0)


def test_numbers_are_told_from_words() -> None:
    """By what they begin with: the unit may be wrong."""
    assert all(looks_like_number(word) for word in ("5%", "20", "-1ms", ".5s", "3bananas"))
    assert not any(looks_like_number(word) for word in ("", "%", "loss", "ms", "nan", "inf", "-"))


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_number_or_refused(word: str) -> None:
    """Whatever is written where a number should be."""
    for read in (seconds, share, bits_per_second):
        try:
            value = read(word)
        except Refused:
            continue
        assert 0 <= value < math.inf

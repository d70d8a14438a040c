"""Cookies: made of an address and a time, remembered by nobody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import limits
from common.addresses import Address
from common.messages import Challenge, Hello, encode
from udp.cookies import Cookies

HERE = ("192.0.2.1", 4000)
KEY = bytes(range(32))


@pytest.fixture
def cookies() -> Cookies:
    """A server's cookies, with a key that is always the same."""
    return Cookies(KEY)


@pytest.mark.parametrize("now", [0.0, 59.999, 60.0, 1e6])
def test_a_cookie_is_valid_where_and_when_it_was_made(cookies: Cookies, now: float) -> None:
    """At once, at the same address."""
    assert cookies.valid(cookies.make(HERE, now), HERE, now)


@pytest.mark.parametrize(
    ("made", "used", "valid"),
    [
        (600.0, 659.999, True),
        (600.0, 660.0, True),
        (600.0, 719.999, True),
        (600.0, 720.0, False),
        (659.999, 660.0, True),
        (659.999, 719.999, True),
        (659.999, 720.0, False),
        (600.0, 7200.0, False),
        (660.0, 659.999, False),
    ],
)
def test_this_period_and_the_last_one(cookies: Cookies, made: float, used: float, valid: bool) -> None:
    """Of this period and the last it is taken; of the one before last, or of one to come, it is not."""
    assert cookies.valid(cookies.make(HERE, made), HERE, used) is valid


@settings(deadline=None)
@given(st.floats(0, 1e9), st.floats(0, 200))
def test_a_cookie_lives_for_a_lifetime_at_least_and_two_at_most(made: float, age: float) -> None:
    """Whenever in its period it was made."""
    cookies = Cookies(KEY)
    valid = cookies.valid(cookies.make(HERE, made), HERE, made + age)
    if age < limits.COOKIE_LIFETIME * 0.999:
        assert valid
    if age > limits.COOKIE_LIFETIME * 2.001:
        assert not valid


@pytest.mark.parametrize(
    "other",
    [
        ("192.0.2.1", 4001),
        ("192.0.2.2", 4000),
        ("192.0.2.14", 0),
        ("192.0.2.1", 400),
        ("::1", 4000, 0, 0),
    ],
)
def test_a_cookie_of_another_address_is_none(cookies: Cookies, other: Address) -> None:
    """Another port is another address; who moves has to prove it again."""
    assert not cookies.valid(cookies.make(other, 0.0), HERE, 0.0)
    assert not cookies.valid(cookies.make(HERE, 0.0), other, 0.0)


def test_the_same_cookie_for_the_same_address_and_period(cookies: Cookies) -> None:
    """Nothing is remembered: it is made again, and compared."""
    assert cookies.make(HERE, 60.0) == cookies.make(HERE, 119.9) == Cookies(KEY).make(HERE, 90.0)
    assert cookies.make(HERE, 60.0) != cookies.make(HERE, 120.0)


def test_cookies_of_another_key_are_none() -> None:
    """A server that starts again takes none of the old ones: its key is new."""
    old = Cookies().make(HERE, 0.0)
    assert not Cookies().valid(old, HERE, 0.0)


@pytest.mark.parametrize("text", ["", " ", "é", "😀" * 22, "\x00", "a" * 22, "=" * 24, "x" * 16_000])
def test_any_other_text_is_no_cookie(cookies: Cookies, text: str) -> None:
    """Empty, not ASCII, of the right length or far too long: not valid, and nothing is raised."""
    assert cookies.valid(text, HERE, 0.0) is False


def test_almost_a_cookie_is_none(cookies: Cookies) -> None:
    """One character more, one less, one other, padding, or lower case."""
    cookie = cookies.make(HERE, 0.0)
    other = "A" if cookie[0] != "A" else "B"
    for text in (
        cookie + "A",
        cookie[:-1],
        other + cookie[1:],
        cookie + "==",
        cookie.swapcase(),
        " " + cookie,
    ):
        assert not cookies.valid(text, HERE, 0.0)


@pytest.mark.parametrize("address", [HERE, ("255.255.255.255", 65_535), ("2001:db8::ffff:1", 65_535, 0, 0)])
def test_a_cookie_is_128_bits_as_22_characters(cookies: Cookies, address: Address) -> None:
    """Letters, digits, - and _: nothing that JSON would have to escape."""
    cookie = cookies.make(address, 1e9)
    assert len(cookie) == 22
    assert cookie.isascii()
    assert cookie.replace("-", "").replace("_", "").isalnum()


def test_the_answer_to_the_shortest_hello_is_not_three_times_as_long(cookies: Cookies) -> None:
    """RFC 9000, section 8.1: a challenge may answer even a nick of one letter."""
    hello = encode(Hello(nick="a"))
    challenge = encode(Challenge(cookie=cookies.make(HERE, 0.0)))
    assert len(challenge) <= limits.AMPLIFICATION * len(hello)

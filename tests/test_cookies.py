"""Cookies: made of an address and a key that changes, remembered by nobody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import limits
from common.addresses import Address
from common.messages import Challenge, Hello, encode
from udp.cookies import Cookies

HERE = ("192.0.2.1", 4000)
START = 1000.0


class Keys:
    """Keys that are all different, and how many have been made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> bytes:
        self.made += 1
        return self.made.to_bytes(32, "big")


@pytest.fixture
def keys() -> Keys:
    """Where a server's keys come from."""
    return Keys()


@pytest.fixture
def cookies(keys: Keys) -> Cookies:
    """The cookies of a server that was started at `START`."""
    return Cookies(START, keys)


@pytest.mark.parametrize("age", [0.0, 29.999, 30.0, 59.999, 60.0, 1e6])
def test_a_cookie_is_valid_where_and_when_it_was_made(cookies: Cookies, age: float) -> None:
    """At once, at the same address, however old the server is."""
    now = START + age
    assert cookies.valid(cookies.make(HERE, now), HERE, now)


@pytest.mark.parametrize(
    ("made", "used", "valid"),
    [
        (0.0, 29.999, True),
        (0.0, 30.0, True),
        (0.0, 59.999, True),
        (0.0, 60.0, False),
        (29.999, 30.0, True),
        (29.999, 59.999, True),
        (29.999, 60.0, False),
        (30.0, 89.999, True),
        (30.0, 90.0, False),
        (45.0, 74.999, True),
        (45.0, 89.999, True),
        (45.0, 90.0, False),
        (0.0, 3600.0, False),
    ],
)
def test_a_cookie_ends_with_its_key(cookies: Cookies, made: float, used: float, valid: bool) -> None:
    """The current key and the one before it count. Keys change every 30 s after the start, though nobody called
    meanwhile."""
    cookie = cookies.make(HERE, START + made)
    assert cookies.valid(cookie, HERE, START + used) is valid


times = st.floats(0, 1e6).map(lambda seconds: START + seconds)


@settings(deadline=None)
@given(times, st.floats(0, 100), st.lists(st.floats(0, 100), max_size=5))
def test_a_cookie_lives_for_30_seconds_at_least_and_60_at_most(
    made: float, age: float, calls: list[float]
) -> None:
    """Whenever it was made, and whatever is asked meanwhile."""
    cookies = Cookies(START, Keys())
    cookie = cookies.make(HERE, made)
    for call in sorted(call for call in calls if call <= age):
        cookies.make(HERE, made + call)
    valid = cookies.valid(cookie, HERE, made + age)
    if age < limits.COOKIE_LIFETIME / 2 * 0.999:
        assert valid
    if age >= limits.COOKIE_LIFETIME:
        assert not valid


@settings(deadline=None)
@given(st.lists(times, min_size=1, max_size=8), times)
def test_who_calls_and_when_makes_no_difference(calls: list[float], late: float) -> None:
    """The grid of the keys is that of the start: calls do not move it."""
    busy, quiet = Cookies(START, Keys()), Cookies(START, Keys())
    now = max([*calls, late])
    cookie_busy = cookie_quiet = ""
    for call in sorted(calls):
        cookie_busy = busy.make(HERE, call)
    cookie_quiet = quiet.make(HERE, max(calls))
    assert busy.valid(cookie_busy, HERE, now) is quiet.valid(cookie_quiet, HERE, now)


def test_one_key_for_each_change_however_late(keys: Keys, cookies: Cookies) -> None:
    """No key is made that nobody will use: a night without a call costs one."""
    assert keys.made == 1
    cookies.make(HERE, START + 29.999)
    assert keys.made == 1
    cookies.make(HERE, START + 30.0)
    assert keys.made == 2
    cookies.valid("", HERE, START + 30_000.0)
    assert keys.made == 3


def test_keys_are_random_and_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """From `secrets`, 256 bits, unless somebody injects others."""
    asked: list[int] = []

    def token_bytes(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    monkeypatch.setattr("udp.cookies.secrets.token_bytes", token_bytes)
    Cookies(START).make(HERE, START + 30.0)
    assert asked == [32, 32]


def test_the_comparison_takes_as_long_for_one_that_is_nearly_right(
    cookies: Cookies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is hmac.compare_digest that compares."""
    asked: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        asked.append((one, other))
        return False

    cookie = cookies.make(HERE, START)
    monkeypatch.setattr("udp.cookies.hmac.compare_digest", compare)
    assert not cookies.valid(cookie, HERE, START)
    assert asked == [(cookie.encode(), cookie.encode())]


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
    assert not cookies.valid(cookies.make(other, START), HERE, START)
    assert not cookies.valid(cookies.make(HERE, START), other, START)


def test_the_same_cookie_for_the_same_address_and_key(cookies: Cookies) -> None:
    """Nothing is remembered: it is made again, and compared."""
    assert cookies.make(HERE, START + 30.0) == cookies.make(HERE, START + 59.9)
    assert cookies.make(HERE, START + 59.9) != cookies.make(HERE, START + 60.0)


def test_cookies_of_another_key_are_none() -> None:
    """A server that starts again takes none of the old ones: its keys are new."""
    old = Cookies(START).make(HERE, START)
    assert not Cookies(START).valid(old, HERE, START)


@pytest.mark.parametrize("text", ["", " ", "é", "😀" * 22, "\x00", "a" * 22, "=" * 24, "x" * 16_000])
def test_any_other_text_is_no_cookie(cookies: Cookies, text: str) -> None:
    """Empty, not ASCII, of the right length or far too long: not valid, and nothing is raised."""
    assert cookies.valid(text, HERE, START) is False


def test_almost_a_cookie_is_none(cookies: Cookies) -> None:
    """One character more, one less, one other, padding, or lower case."""
    cookie = cookies.make(HERE, START)
    other = "A" if cookie[0] != "A" else "B"
    for text in (
        cookie + "A",
        cookie[:-1],
        other + cookie[1:],
        cookie + "==",
        cookie.swapcase(),
        " " + cookie,
    ):
        assert not cookies.valid(text, HERE, START)


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
    challenge = encode(Challenge(cookie=cookies.make(HERE, START)))
    assert len(challenge) <= limits.AMPLIFICATION * len(hello)

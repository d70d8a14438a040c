"""What only UDP can get wrong: addresses that are forged, move, or fall silent."""

import time

import pytest

from common import limits
from common.events import Went
from common.messages import Bye, Challenge, Error, Goodbye, Hello, Ping, Pong, Say, Welcome, encode
from tests.lab import Lab


@pytest.fixture
def transport() -> str:
    """Only UDP here."""
    return "udp"


def test_a_stranger_gets_a_challenge_and_nothing_else(lab: Lab) -> None:
    """A hello without a cookie is answered with a challenge, at most three times as long; nobody joins."""
    stranger = lab.stranger()
    size = stranger.sends(Hello(nick="a"))
    answer = stranger.gets_any()
    assert isinstance(answer, Challenge)
    assert len(encode(answer)) <= limits.AMPLIFICATION * size
    assert len(lab.server.room) == 0


def test_a_stranger_who_is_too_short_gets_no_answer(lab: Lab) -> None:
    """No answer is longer than three times its question, however short the question."""
    ann, stranger = lab.join("ann"), lab.stranger()
    for payload in (b"", b"{}", b'{"type":"ping"}', b'{"type":"chat","message":"hi"}', b"x" * 65_507):
        stranger.socket.send(payload)
    ann.says("later")
    ann.hears("ann", "later")
    assert stranger.hears_nothing()


def test_a_cookie_of_another_address_is_worth_nothing(lab: Lab) -> None:
    """A cookie proves only that its own address receives."""
    one, two = lab.stranger(), lab.stranger()
    one.sends(Hello(nick="one"))
    cookie = one.gets(Challenge).cookie
    two.sends(Hello(nick="two", cookie=cookie))
    assert two.gets(Challenge).cookie != cookie
    assert len(lab.server.room) == 0


def test_nobody_speaks_leaves_or_pings_for_another(lab: Lab) -> None:
    """From a member's own address, but without its token (a forged datagram): dropped and counted."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    for token in ("", "wrong", "ключ", eve.token + "x"):
        eve.sends(Say(message="forged", token=token))
        eve.sends(Goodbye(token=token))
        eve.sends(Ping(token=token))
    eve.sends(Say(message="genuine", token=eve.token))
    ann.hears("eve", "genuine")
    assert lab.log.counts["dropped: no token"] == 12


def test_garbage_from_a_members_address_does_not_count_against_it(lab: Lab) -> None:
    """Whoever forges an address can't have its owner sent away; and gets one answer a second at most."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    for _ in range(limits.MAX_VIOLATIONS * 2):
        eve.socket.send(b"garbage")
    eve.socket.send(b"")
    eve.socket.send(b"x" * (limits.MAX_PAYLOAD + 1))
    eve.sends(Say(message="still here", token=eve.token))
    ann.hears("eve", "still here")
    assert eve.gets(Error).code == "bad-message"


def test_forged_hellos_cost_a_member_nothing() -> None:
    """Whoever forges its address can't have it asked who it is more than once a second: it would spend its
    allowance on the answers."""
    with Lab("udp", rate=50.0, burst=200) as lab:
        ann, eve = lab.join("ann"), lab.stranger().joins("eve")
        challenges = lab.log.counts["challenges"]
        for _ in range(limits.BURST + 50):
            eve.sends(Hello(nick="eve", lab=1))
        eve.sends(Say(message="still here", token=eve.token))
        ann.hears("eve", "still here")
        assert lab.log.counts["dropped: too fast"] == 0
        assert lab.log.counts["challenges"] - challenges < limits.BURST / 2


def test_moving_and_leaving_do_not_give_more_to_say() -> None:
    """Two sockets that take turns with one token, and one that leaves and comes back with the cookie it has: each
    hello is charged, and none of it begins a new allowance."""
    with Lab("udp", rate=0.001, burst=20) as lab:
        one, other = lab.stranger(), lab.stranger()
        cookies = []
        for stranger in (one, other):
            stranger.sends(Hello(nick="eve", lab=1))
            cookies.append(stranger.gets(Challenge).cookie)
        one.sends(Hello(nick="eve", lab=1, cookie=cookies[0]))
        token = one.gets(Welcome).token
        for _ in range(30):
            for stranger, cookie in zip((other, one), reversed(cookies), strict=True):
                stranger.sends(Hello(nick="eve", lab=1, cookie=cookie, token=token))
        third = lab.stranger().joins("ann")
        assert lab.log.counts["dropped: too fast"] >= 40
        assert lab.written.getvalue().count("moved from") < 20
        cookie = third.cookie
        for _ in range(30):
            third.sends(Goodbye(token=third.token))
            third.sends(Hello(nick="ann", lab=1, cookie=cookie))
            try:
                third.socket.settimeout(0.5)
                third.token = third.gets(Welcome).token
            except TimeoutError:
                break
        else:
            pytest.fail("it joined thirty times with an allowance of twenty")


def test_a_member_whose_address_changes_is_asked_and_moves(lab: Lab) -> None:
    """A NAT rebinds: the token from a new address is challenged there, then the member has moved."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    moved = lab.stranger()
    moved.sends(Say(message="lost on the way", token=eve.token))
    cookie = moved.gets(Challenge).cookie
    moved.sends(Hello(nick="eve", lab=1, cookie=cookie, token=eve.token))
    assert moved.gets(Welcome).token == eve.token
    moved.sends(Say(message="here I am", token=eve.token))
    ann.hears("eve", "here I am")
    eve.sends(Say(message="from the old address", token=eve.token))
    eve.gets(Challenge)


def test_a_member_may_move_to_where_a_silent_one_was(lab: Lab) -> None:
    """A NAT gives somebody the port of somebody else who is gone: the cookie and the token win."""
    ann, eve, gone = lab.join("ann"), lab.stranger().joins("eve"), lab.stranger().joins("gone")
    gone.sends(Hello(nick="eve", lab=1))
    cookie = gone.gets(Challenge).cookie
    gone.sends(Hello(nick="eve", lab=1, cookie=cookie, token=eve.token))
    assert gone.gets(Welcome).token == eve.token
    assert ann.sees(Went) == Went("gone", "lost")
    gone.sends(Say(message="it is me", token=eve.token))
    ann.hears("eve", "it is me")


def test_a_token_alone_moves_nobody(lab: Lab) -> None:
    """Who has overheard a token, but does not receive at the address it forges, moves nothing."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    lab.stranger().sends(Hello(nick="eve", lab=1, cookie="A" * 22, token=eve.token))
    ann.says("hi")
    ann.hears("ann", "hi")
    eve.sends(Say(message="still at my address", token=eve.token))
    ann.hears("eve", "still at my address")


def test_who_falls_silent_is_forgotten() -> None:
    """Over UDP nobody notices a member that is gone, until it has been silent for too long."""
    with Lab("udp", silence=0.3) as lab:
        ann = lab.member("ann", heartbeat=0.1).joins()
        lab.stranger().joins("eve")
        assert ann.sees(Went) == Went("eve", "silent")


def test_a_heartbeat_is_answered_with_the_rooms_last_number(lab: Lab) -> None:
    """ping, pong; and whoever has missed the last message sees it from the number."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    ann.says("hi")
    ann.hears("ann", "hi")
    eve.sends(Ping(token=eve.token))
    assert eve.gets(Pong).seq == lab.server.room.seq


def test_after_leaving_an_address_means_nothing(lab: Lab) -> None:
    """Who has left is a stranger again."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    eve.sends(Goodbye(token=eve.token))
    ann.sees(Went)
    eve.sends(Say(message="one more thing", token=eve.token))
    ann.says("hi")
    ann.hears("ann", "hi")
    assert len(lab.server._registry) == 1


def test_leaving_and_coming_back_at_once_is_coming_back(lab: Lab) -> None:
    """A goodbye and a hello that arrive together: the new member is one whose token counts."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    eve.sends(Hello(nick="eve", lab=1))
    cookie = eve.gets(Challenge).cookie
    server, address, now = lab.server, eve.socket.getsockname(), time.monotonic()
    goodbye = Goodbye(token=eve.token)
    hello = Hello(nick="eve", lab=1, cookie=cookie, token=eve.token)
    server._act(
        server._receive(goodbye, address, len(encode(goodbye)), now)
        + server._admit(hello, address, len(encode(hello)), now),
        now,
    )
    eve.sends(Say(message="back", token=eve.gets(Welcome).token))
    ann.hears("eve", "back")


def test_hellos_count_against_the_allowance() -> None:
    """A member that says nothing but hello is held back as with anything else."""
    with Lab("udp", rate=1.0, burst=5) as lab:
        eve = lab.stranger().joins("eve")
        eve.sends(Hello(nick="eve", lab=1))
        cookie = eve.gets(Challenge).cookie
        for _ in range(50):
            eve.sends(Hello(nick="eve", lab=1, cookie=cookie))
        assert eve.gets(Error).code == "too-fast"


def test_a_member_that_is_sent_away_is_told() -> None:
    """Over UDP there is no connection whose end it could see."""
    with Lab("udp", silence=0.2) as lab:
        eve = lab.stranger().joins("eve")
        assert "not heard of" in eve.gets(Bye).reason

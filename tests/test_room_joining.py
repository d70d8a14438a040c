"""The rules of the chat, as dialogues: how one gets in, and who does not."""

import unicodedata

import pytest

from common import limits
from common.messages import (
    Act,
    ClientMessage,
    Goodbye,
    Hello,
    Join,
    Members,
    Ping,
    Say,
    Tell,
    Welcome,
    Who,
    encode,
)
from common.nick import fold, refuse_nick
from common.room import Room
from tests.stage import Stage


@pytest.fixture
def stage() -> Stage:
    """A room over TCP."""
    return Stage()


def test_a_lab_member_is_welcomed_and_then_joins(stage: Stage) -> None:
    """`welcome` first, with the number before its own `join`; then the `join`, as everybody gets it."""
    ann = stage.person("ann")
    ann.sends(Hello(nick="ann", lab=1))
    ann.hears(
        Welcome(nick="ann", members=["ann"], seq=0, token="token-0", room="the room"), Join(nick="ann", seq=1)
    )
    bob = stage.person("bob")
    bob.sends(Hello(nick="bob", lab=1))
    welcome = Welcome(nick="bob", members=["ann", "bob"], seq=1, token="token-1", room="the room")
    bob.hears(welcome, Join(nick="bob", seq=2))
    ann.hears(Join(nick="bob", seq=2))


@pytest.mark.parametrize("lab", [0, -1])
def test_a_plain_member_gets_its_join_alone(stage: Stage, lab: int) -> None:
    """Who says no `lab`, or one below 1, is sent no `welcome`."""
    ann = stage.person("ann")
    ann.sends(Hello(nick="ann", lab=lab))
    ann.hears(Join(nick="ann", seq=1))


def test_a_later_version_of_the_lab_is_a_lab_member(stage: Stage) -> None:
    """`lab` 2 knows what `lab` 1 knows."""
    ann = stage.person("ann")
    ann.sends(Hello(nick="ann", lab=2))
    assert isinstance(stage.heard["ann"][0], Welcome)


def test_over_udp_a_member_joins_without_a_connection() -> None:
    """There is no `connect` to report: the first hello is the first word."""
    stage = Stage(silence=45.0)
    ann = stage.person("ann", connects=False)
    ann.sends(Hello(nick="ann", lab=1))
    assert ann.is_in


def test_the_room_answers_who_is_here(stage: Stage) -> None:
    """Length, membership, nick, token and peer, for members and for everybody else."""
    stage.member("Ann")
    stage.person("guest")
    room = stage.room
    assert len(room) == 1
    assert ("Ann" in room, "guest" in room, "nobody" in room) == (True, False, False)
    assert (room.nick("Ann"), room.nick("guest"), room.nick("nobody")) == ("Ann", "", "")
    assert (room.token("Ann"), room.token("guest"), room.token("nobody")) == ("token-0", "", "")
    assert (room.peer("aNN"), room.peer("guest")) == ("Ann", None)


def test_tokens_are_long_and_never_the_same() -> None:
    """A token of its own for each member, at least 64 random bits of it."""
    room: Room[int] = Room()
    for peer in range(100):
        room.connect(peer, 0.0)
        room.receive(peer, Hello(nick=f"n{peer}", lab=1), 0.0)
    tokens = {room.token(peer) for peer in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) * 6 >= 64


@pytest.mark.parametrize(
    "nick",
    ["a", "x" * 32, "😀" * 32, "Ж", "محمد", "e\u0301", "e\u0301" * 32, "1", "*", "<b>", "a-b_c", "नमस्ते"],
)
def test_a_nick_is_1_to_32_printable_characters(stage: Stage, nick: str) -> None:
    """Characters are counted after NFC, and of any script; the nick is kept in NFC."""
    ann = stage.person("ann")
    ann.sends(Hello(nick=nick, lab=1))
    assert ann.is_in
    assert stage.room.nick("ann") == unicodedata.normalize("NFC", nick)
    assert refuse_nick(nick) == ""


@pytest.mark.parametrize(
    ("nick", "why"),
    [
        ("", "not 0"),
        ("x" * 33, "not 33"),
        ("😀" * 33, "not 33"),
        ("e\u0301" * 33, "not 33"),
        ("x" * 16_000, "not 16,000"),
        (" ", "white space"),
        ("a b", "white space"),
        (" a", "white space"),
        ("a\t", "white space"),
        ("a\n", "white space"),
        ("a\u00a0b", "white space"),
        ("a\u3000b", "white space"),
        ("a\u2028b", "white space"),
        ("a\x00", "can be seen"),
        ("\x1b[2J", "can be seen"),
        ("a\x7f", "can be seen"),
        ("a\u200b", "can be seen"),
        ("\u202eann", "can be seen"),
        ("a\ufeff", "can be seen"),
        ("a\ue000", "can be seen"),
    ],
)
def test_an_unfit_nick_is_refused_and_may_be_followed_by_a_better_one(
    stage: Stage, nick: str, why: str
) -> None:
    """`bad-nick` says what is wrong; the guest stays and may try again."""
    ann = stage.person("ann")
    ann.sends(Hello(nick=nick, lab=1))
    error = ann.hears_error("bad-nick")
    assert why in error.message
    assert error.message == refuse_nick(nick)
    assert not ann.is_in
    assert not ann.is_closed
    ann.sends(Hello(nick="ann", lab=1))
    assert ann.is_in


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ann", "ann"),
        ("ann", "ANN"),
        ("Ann", "aNN"),
        ("andr\u00e9", "andre\u0301"),
        ("ANDRE\u0301", "andr\u00e9"),
        ("straße", "STRASSE"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("\u1fb7", "\u1fb7".title()),
        ("\u212b", "\u00e5"),
    ],
)
def test_nicks_that_differ_only_in_case_or_form_are_the_same(stage: Stage, first: str, second: str) -> None:
    """ANN is ann, and é is e with an accent: `nick-taken`, until the first one has left."""
    one = stage.member(first)
    two = stage.person("two")
    two.sends(Hello(nick=second, lab=1))
    two.hears_error("nick-taken")
    assert stage.room.peer(second) == first
    one.sends(Goodbye())
    stage.forget()
    two.sends(Hello(nick=second, lab=1))
    assert two.is_in


def test_folding_knows_letters_apart() -> None:
    """Other letters are other nicks: folding does not go further than case and form."""
    nicks = ["ann", "anna", "änn", "а", "a", "ⅰ", "1", "é", "e"]
    assert len({fold(nick) for nick in nicks}) == len(nicks)


@pytest.mark.parametrize("nick", ["", "a b", "x" * 33, "ANN"])
def test_a_plain_hello_that_is_refused_is_disconnected(stage: Stage, nick: str) -> None:
    """A plain client knows no `error`: an unfit or taken nick closes the connection."""
    ann = stage.member("ann")
    bob = stage.person("bob")
    bob.sends(Hello(nick=nick))
    assert bob.is_closed
    assert not bob.is_in
    stage.time_passes(limits.HELLO_TIMEOUT)
    bob.hears()
    ann.hears()


def test_the_same_hello_again_is_answered_with_welcome_again(stage: Stage) -> None:
    """A UDP `welcome` can be lost: the same token, the number of now, and no second `join`."""
    ann, bob = stage.member("ann"), stage.member("bob")
    ann.sends(Hello(nick="ANN", lab=1))
    ann.hears(Welcome(nick="ann", members=["ann", "bob"], seq=2, token="token-0", room="the room"))
    bob.hears()
    assert len(stage.room) == 2


@pytest.mark.parametrize("nick", ["anna", "bob", "", "a b"])
def test_a_second_nick_is_refused(stage: Stage, nick: str) -> None:
    """`already-joined`: the nick stays what it was, for everybody."""
    ann, bob = stage.member("ann"), stage.member("bob")
    ann.sends(Hello(nick=nick, lab=1))
    ann.hears_error("already-joined")
    bob.hears()
    assert stage.room.nick("ann") == "ann"


def test_a_plain_member_that_says_hello_again_hears_nothing(stage: Stage) -> None:
    """Neither a `welcome` nor an `error`, and it stays, and stays plain."""
    ann = stage.plain_member("ann")
    ann.sends(Hello(nick="ann", lab=1))
    ann.sends(Hello(nick="other"))
    ann.sends(Ping())
    ann.hears()
    assert ann.is_in


def test_a_welcome_and_its_members_fit_into_a_payload(stage: Stage) -> None:
    """Whatever does not fit is counted in `more`; nobody gets lost between the two."""
    for count in range(300):
        stage.room.connect(f"p{count}", 0.0)
        stage.room.receive(f"p{count}", Hello(nick=f"{count:03}" + "😀" * 29, lab=1), 0.0)
    ann = stage.person("ann")
    ann.sends(Hello(nick='"' * 32, lab=1))
    ann.sends(Who())
    welcome, _, members = stage.heard["ann"]
    for message in (welcome, members):
        assert isinstance(message, Welcome | Members)
        assert len(encode(message)) <= limits.MAX_PAYLOAD
        assert len(message.members) + message.more == 301
        assert message.more > 0
        assert message.members[:2] == ["000" + "😀" * 29, "001" + "😀" * 29]
        assert len(encode(message)) > limits.MAX_PAYLOAD - 1024, "room for more than one nick was left"


# --- guests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message", [Say(message="hi"), Act(message="waves"), Tell(to="ann", message="hi"), Who(), Ping()]
)
def test_hello_comes_first(stage: Stage, message: ClientMessage) -> None:
    """Anything before it is `hello-first`, reaches nobody and takes no number."""
    ann = stage.member("ann")
    guest = stage.person("guest")
    guest.sends(message)
    guest.hears_error("hello-first")
    ann.hears()
    assert stage.room.seq == 1
    assert not guest.is_closed


def test_a_guest_may_wait_almost_ten_seconds(stage: Stage) -> None:
    """A millisecond before the 10 s nothing happens; at exactly 10 s: `hello-timeout`, closed, once."""
    guest = stage.person("guest")
    stage.time_passes(9.999)
    guest.hears()
    stage.time_passes(0.001)
    assert stage.now == 10.0
    assert "10 s" in guest.hears_error("hello-timeout").message
    assert stage.closed == ["guest"]
    stage.time_passes(100)
    guest.hears()
    assert stage.closed == ["guest"]


def test_trying_to_say_hello_does_not_stop_the_clock(stage: Stage) -> None:
    """A refused nick, or any other word, buys no more time."""
    guest = stage.person("guest")
    stage.now = 9.0
    guest.sends(Hello(nick="", lab=1))
    guest.sends(Ping())
    stage.forget()
    stage.time_passes(1.0)
    guest.hears_error("hello-timeout")


def test_who_has_said_hello_is_no_longer_timed(stage: Stage) -> None:
    """A hello at the last moment is in time, and over TCP a member may be silent for ever."""
    ann = stage.person("ann")
    stage.now = 9.999
    ann.sends(Hello(nick="ann", lab=1))
    stage.forget()
    stage.time_passes(10.0**6)
    ann.hears()
    assert ann.is_in


def test_a_guest_that_says_goodbye_is_let_go(stage: Stage) -> None:
    """It is closed, nobody hears of it, and it is not waited for any more."""
    ann = stage.member("ann")
    guest = stage.person("guest")
    guest.sends(Goodbye())
    assert stage.closed == ["guest"]
    stage.time_passes(limits.HELLO_TIMEOUT)
    assert stage.closed == ["guest"], "closed a second time"
    guest.hears()
    ann.hears()


def test_a_guest_that_vanishes_is_forgotten(stage: Stage) -> None:
    """Nobody hears of it, and no time runs out for it."""
    ann = stage.member("ann")
    guest = stage.person("guest")
    guest.vanishes()
    stage.time_passes(limits.HELLO_TIMEOUT)
    guest.hears()
    ann.hears()
    assert not guest.is_closed

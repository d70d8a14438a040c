"""The rules of the chat, as dialogues: talking, leaving, misbehaving. Joining is in test_room_joining.py."""

import pytest

from common import limits
from common.messages import (
    Act,
    Bye,
    Chat,
    ClientMessage,
    Direct,
    Emote,
    Goodbye,
    Hello,
    Leave,
    Members,
    Ping,
    Pong,
    Say,
    Tell,
    Who,
    too_large,
)
from common.room import REASONS, Send
from tests.stage import BAD, UNKNOWN, Stage

KICKED = Bye(reason="you sent too much that was no message", cause="kicked")
"""What a lab member that is sent away hears last."""


@pytest.fixture
def stage() -> Stage:
    """A room over TCP."""
    return Stage()


# --- talking --------------------------------------------------------------------------------------


def test_a_chat_goes_to_everybody_with_a_number_and_its_id(stage: Stage) -> None:
    """The sender included: that is the receipt. Lab and plain members get the same."""
    ann, bob, guest = stage.member("ann"), stage.plain_member("bob"), stage.person("guest")
    ann.says("hi", 7)
    chat = Chat(nick="ann", message="hi", seq=3, id=7)
    ann.hears(chat)
    bob.hears(chat)
    guest.hears()
    bob.says("hi yourself")
    ann.hears(Chat(nick="bob", message="hi yourself", seq=4))


@pytest.mark.parametrize(
    "text",
    ["Grüße", "👩‍👩‍👧‍👦", "שלום", "a\nb\r\nc", "\x00\x1b[2J\x7f", "[bold]x[/]", " ", "e\u0301", "\u202e"],
)
def test_text_is_relayed_unchanged(stage: Stage, text: str) -> None:
    """Of any script, with newlines, control characters and markup: what everyone reads is what was said."""
    ann = stage.member("ann")
    ann.says(text)
    ann.does(text)
    ann.tells("ann", text)
    ann.hears(
        Chat(nick="ann", message=text, seq=2),
        Emote(nick="ann", message=text, seq=3),
        Direct(nick="ann", to="ann", message=text),
    )


def test_an_emote_is_a_chat_for_plain_members_with_the_same_number(stage: Stage) -> None:
    """`* ann waves`, so that no plain member sees a gap."""
    ann, bob = stage.member("ann"), stage.plain_member("bob")
    ann.does("waves", 3)
    ann.hears(Emote(nick="ann", message="waves", seq=3, id=3))
    bob.hears(Chat(nick="ann", message="* ann waves", seq=3, id=3))


def test_an_emote_among_plain_members_takes_one_number(stage: Stage) -> None:
    """A plain client that emotes gets its own as a `chat`."""
    bob = stage.plain_member("bob")
    bob.does("waves")
    bob.hears(Chat(nick="bob", message="* bob waves", seq=2))
    assert stage.room.seq == 2


def test_a_direct_message_goes_to_one_and_back_to_its_sender(stage: Stage) -> None:
    """Nobody else sees it, and it takes no number; the nick may be written in any case."""
    ann, bob, eve = stage.member("ann"), stage.member("Bob"), stage.member("eve")
    ann.tells("bOB", "psst", 5)
    direct = Direct(nick="ann", to="Bob", message="psst", id=5)
    ann.hears(direct)
    bob.hears(direct)
    eve.hears()
    assert stage.room.seq == 3


def test_a_direct_message_to_oneself_comes_once(stage: Stage) -> None:
    """It is its own receipt."""
    ann = stage.member("ann")
    ann.tells("ANN", "note", 1)
    ann.hears(Direct(nick="ann", to="ann", message="note", id=1))


def test_a_plain_member_may_tell_but_gets_no_receipt(stage: Stage) -> None:
    """The other one gets it; the plain sender is sent no extension."""
    ann, bob = stage.member("ann"), stage.plain_member("bob")
    bob.tells("ann", "psst")
    ann.hears(Direct(nick="bob", to="ann", message="psst"))
    bob.hears()


@pytest.mark.parametrize("to", ["nobody", "", "guest", "a n n"])
def test_a_direct_message_to_nobody_is_refused(stage: Stage, to: str) -> None:
    """`no-such-nick`, with the id of what was refused."""
    ann = stage.member("ann")
    stage.person("guest")
    ann.tells(to, "psst", 9)
    ann.hears_error("no-such-nick", 9)


def test_a_direct_message_to_a_plain_member_is_refused(stage: Stage) -> None:
    """`no-direct` says who, and the plain one hears nothing."""
    ann, bob = stage.member("ann"), stage.plain_member("Bob")
    ann.tells("bob", "psst", 9)
    assert "Bob" in ann.hears_error("no-direct", 9).message
    bob.hears()


@pytest.mark.parametrize(
    "message", [Say(message="", id=4), Act(message="", id=4), Tell(to="bob", message="", id=4)]
)
def test_an_empty_message_is_refused_and_no_violation(stage: Stage, message: ClientMessage) -> None:
    """`empty`, any number of times; no number is taken and nobody hears it."""
    ann, bob = stage.member("ann"), stage.member("bob")
    for _ in range(limits.MAX_VIOLATIONS + 1):
        ann.sends(message)
        ann.hears_error("empty", 4)
    bob.hears()
    assert ann.is_in
    assert stage.room.seq == 2


def test_who_and_ping_are_answered_to_the_one_who_asked(stage: Stage) -> None:
    """`members` in the order of joining; `pong` with the room's last number."""
    ann, bob = stage.member("ann"), stage.member("bob")
    ann.sends(Who())
    ann.sends(Ping())
    ann.hears(Members(members=["ann", "bob"]), Pong(seq=2))
    bob.hears()


def test_a_plain_member_is_sent_no_extension(stage: Stage) -> None:
    """Whatever it sends, where a lab member gets an answer or an error it gets nothing, and stays."""
    bob = stage.plain_member("bob")
    for message in (Say(message=""), Act(message=""), Tell(to="x", message="x"), Who(), Ping(), BAD, UNKNOWN):
        bob.sends(message)
    bob.hears()
    assert bob.is_in


# --- leaving --------------------------------------------------------------------------------------


def test_goodbye_is_told_to_who_is_left(stage: Stage) -> None:
    """`leave`, reason `quit`, with a number; the one who left is closed and hears nothing more."""
    ann, bob, eve = stage.member("ann"), stage.member("bob"), stage.plain_member("eve")
    ann.sends(Goodbye())
    gone = Leave(nick="ann", seq=4, reason="quit")
    bob.hears(gone)
    eve.hears(gone)
    ann.hears()
    assert ann.is_closed
    assert len(stage.room) == 2
    ann.vanishes("quit")
    bob.hears()


@pytest.mark.parametrize("reason", REASONS)
def test_a_server_says_why_somebody_left(stage: Stage, reason: str) -> None:
    """Each of the reasons is passed on; nothing is left to close."""
    ann, bob = stage.member("ann"), stage.member("bob")
    ann.vanishes(reason)
    bob.hears(Leave(nick="ann", seq=3, reason=reason))
    assert not ann.is_closed


def test_leaving_twice_is_leaving_once(stage: Stage) -> None:
    """The second time nothing happens, as for somebody who never was there."""
    ann, bob = stage.member("ann"), stage.member("bob")
    ann.vanishes()
    stage.forget()
    ann.vanishes()
    stage.person("nobody", connects=False).vanishes()
    bob.hears()
    assert stage.room.seq == 3


def test_a_member_that_is_heard_stays(stage: Stage) -> None:
    """Over UDP a word within 45 s keeps a member: the ping of a client, or anything else."""
    stage = Stage(silence=limits.SILENCE)
    ann, bob = stage.member("ann"), stage.member("bob")
    for word in (Ping(), Say(message="x"), BAD, Hello(nick="ann", lab=1)):
        stage.now += 44.999
        bob.sends(Ping())
        ann.sends(word)
    stage.forget()
    stage.time_passes(44.999)
    assert len(stage.room) == 2
    bob.sends(Ping())
    stage.forget()
    stage.time_passes(0.0011)
    bob.hears(Leave(nick="ann", seq=4, reason="silent"))
    assert stage.closed == ["ann"]


def test_silence_of_exactly_45_seconds_is_too_long() -> None:
    """Three heartbeats missed: expired at the moment, not a millisecond before."""
    stage = Stage(silence=limits.SILENCE)
    ann = stage.member("ann")
    stage.time_passes(44.999)
    assert ann.is_in
    stage.now = 44.999
    stage.time_passes(45.0 - stage.now)
    assert stage.now == 45.0
    assert not ann.is_in
    assert ann.is_closed


def test_all_who_are_silent_leave_at_once(stage: Stage) -> None:
    """Several in one look at the clock: each `leave` goes to those who are still there."""
    stage = Stage(silence=45.0)
    for nick in ("ann", "bob"):
        stage.member(nick)
    stage.now = 30.0
    eve = stage.member("eve")
    stage.time_passes(15.0)
    eve.hears(Leave(nick="ann", seq=4, reason="silent"), Leave(nick="bob", seq=5, reason="silent"))
    assert stage.closed == ["ann", "bob"]


def test_a_room_that_closes_says_bye_to_who_understands_it(stage: Stage) -> None:
    """Lab members get `bye`; everybody, guests too, is closed; nobody is here afterwards."""
    ann, bob, guest = stage.member("ann"), stage.plain_member("bob"), stage.person("guest")
    stage.play(stage.room.close("it was stopped"))
    ann.hears(Bye(reason="it was stopped", cause="stopped"))
    bob.hears()
    guest.hears()
    assert sorted(stage.closed) == ["ann", "bob", "guest"]
    assert len(stage.room) == 0
    assert stage.room.peer("ann") is None
    ann.vanishes()
    stage.time_passes(100)
    ann.hears()


# --- violations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("joined", [True, False])
def test_the_tenth_violation_is_one_too_many(stage: Stage, joined: bool) -> None:
    """Nine are told and forgiven; at the tenth: told, closed, and a member `kicked` with a goodbye."""
    eve = stage.member("eve")
    ann = stage.member("ann") if joined else stage.person("ann")
    for _ in range(9):
        ann.sends(BAD)
        ann.hears_error("bad-message")
    assert not ann.is_closed
    eve.hears()
    ann.sends(BAD)
    assert ann.hears_error("bad-message", None, *[KICKED] * joined).message == BAD.message
    assert ann.is_closed
    eve.hears(*[Leave(nick="ann", seq=3, reason="kicked")] * joined)


def test_a_plain_member_is_sent_away_without_a_word(stage: Stage) -> None:
    """Ten violations of a plain member: no `error`, but the others see it `kicked`."""
    bob, eve = stage.plain_member("bob"), stage.member("eve")
    for _ in range(10):
        bob.sends(BAD)
    bob.hears()
    assert bob.is_closed
    eve.hears(Leave(nick="bob", seq=3, reason="kicked"))


def test_violations_of_a_guest_are_forgiven_when_it_joins(stage: Stage) -> None:
    """A member begins with none."""
    ann = stage.person("ann")
    for _ in range(9):
        ann.sends(BAD)
    ann.sends(Hello(nick="ann", lab=1))
    for _ in range(9):
        ann.sends(BAD)
    assert ann.is_in


@pytest.mark.parametrize("joined", [True, False])
def test_unknown_types_never_send_anyone_away(stage: Stage, joined: bool) -> None:
    """A client of a later version is told each time, and stays."""
    ann = stage.member("ann") if joined else stage.person("ann")
    for _ in range(50):
        ann.sends(UNKNOWN)
        ann.hears_error("unknown-type")
    assert not ann.is_closed


@pytest.mark.parametrize("joined", [True, False])
def test_a_fatal_violation_ends_it_at_once(stage: Stage, joined: bool) -> None:
    """A wrong length on a stream: told, then closed, the first time."""
    eve = stage.member("eve")
    ann = stage.member("ann") if joined else stage.person("ann")
    ann.sends(too_large(0, limits.MAX_PAYLOAD, fatal=True))
    ann.hears_error("too-large", None, *[KICKED] * joined)
    assert ann.is_closed
    assert not ann.is_in
    eve.hears(*[Leave(nick="ann", seq=3, reason="kicked")] * joined)
    stage.time_passes(limits.HELLO_TIMEOUT)
    ann.hears()


# --- what the servers rely on ---------------------------------------------------------------------


def test_everybody_is_the_same_object_until_somebody_comes_or_goes(stage: Stage) -> None:
    """A server joins what goes to the same list of members: `to` is one object for many messages."""
    stage.member("ann")
    stage.member("bob")

    def to_all() -> object:
        (action,) = stage.room.receive("ann", Say(message="x"), 0.0)
        assert isinstance(action, Send)
        return action.to

    before = to_all()
    assert to_all() is before
    stage.member("eve")
    assert to_all() is not before

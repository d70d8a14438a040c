"""The rules of the chat, as dialogues; and a machine that looks for a story in which they break."""

import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from common import limits
from common.messages import (
    Act,
    Bye,
    Chat,
    ClientMessage,
    Direct,
    Emote,
    Error,
    FromServer,
    Goodbye,
    Hello,
    Join,
    Leave,
    Members,
    Ping,
    Pong,
    Say,
    Tell,
    Violation,
    Welcome,
    Who,
    encode,
    too_large,
)
from common.room import REASONS, Action, Close, Room, Send, fold, refuse_nick

BAD = Violation(code="bad-message", message="This is not JSON.")
UNKNOWN = Violation(code="unknown-type", message="There is no such message.", counts=False)


class Stage:
    """A room, its clock, and what each peer has been sent; `closed` are those to be disconnected."""

    def __init__(self, silence: float | None = None) -> None:
        tokens = (f"token-{count}" for count in range(10**6))
        self.room: Room[str] = Room(silence=silence, new_token=lambda: next(tokens))
        self.now = 0.0
        self.heard: dict[str, list[FromServer]] = {}
        self.closed: list[str] = []

    def play(self, actions: Iterable[Action[str]]) -> None:
        """Do what the room decided."""
        for action in actions:
            if isinstance(action, Send):
                assert len(set(action.to)) == len(action.to), "twice to the same peer"
                for peer in action.to:
                    assert peer not in self.closed, "more words after the last"
                    self.heard.setdefault(peer, []).append(action.message)
            else:
                assert action.peer not in self.room, "closed, and still a member"
                self.closed.append(action.peer)

    def person(self, name: str, *, connects: bool = True) -> "Person":
        """Somebody at the other end of a connection."""
        if connects:
            self.room.connect(name, self.now)
        return Person(self, name)

    def member(self, nick: str) -> "Person":
        """A lab member; what was said on joining is forgotten."""
        return self._joined(nick, lab=1)

    def plain_member(self, nick: str) -> "Person":
        """A member with a client written to Beej's chapter."""
        return self._joined(nick, lab=0)

    def _joined(self, nick: str, lab: int) -> "Person":
        person = self.person(nick)
        person.sends(Hello(nick=nick, lab=lab))
        assert person.is_in
        self.forget()
        return person

    def forget(self) -> None:
        """From here on only what is new counts."""
        self.heard.clear()

    def time_passes(self, seconds: float) -> None:
        """The clock goes on, and the room looks at it."""
        self.now += seconds
        self.play(self.room.expire(self.now))


class Person:
    """One peer of a stage."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name

    def sends(self, message: ClientMessage | Violation) -> None:
        """Any message, or something that is none."""
        self.stage.play(self.stage.room.receive(self.name, message, self.stage.now))

    def says(self, text: str, number: int | None = None) -> None:
        """A chat."""
        self.sends(Say(message=text, id=number))

    def does(self, text: str, number: int | None = None) -> None:
        """An emote."""
        self.sends(Act(message=text, id=number))

    def tells(self, to: str, text: str, number: int | None = None) -> None:
        """A direct message."""
        self.sends(Tell(to=to, message=text, id=number))

    def vanishes(self, reason: str = "lost") -> None:
        """The connection is gone."""
        self.stage.play(self.stage.room.leave(self.name, reason, self.stage.now))

    def hears(self, *messages: FromServer) -> None:
        """Exactly these, since the last time."""
        assert self.stage.heard.pop(self.name, []) == list(messages)

    def hears_error(self, code: str, number: int | None = None) -> Error:
        """One error with this code, and nothing else."""
        (error,) = self.stage.heard.pop(self.name, [])
        assert isinstance(error, Error)
        assert (error.code, error.id) == (code, number)
        assert error.message.endswith(".")
        return error

    @property
    def is_in(self) -> bool:
        """Whether it is a member."""
        return self.name in self.stage.room

    @property
    def is_closed(self) -> bool:
        """Whether the server was told to disconnect it."""
        return self.name in self.stage.closed


@pytest.fixture
def stage() -> Stage:
    """A room over TCP."""
    return Stage()


# --- joining --------------------------------------------------------------------------------------


def test_a_lab_member_is_welcomed_and_then_joins(stage: Stage) -> None:
    """`welcome` first, with the number before its own `join`; then the `join`, as everybody gets it."""
    ann = stage.person("ann")
    ann.sends(Hello(nick="ann", lab=1))
    ann.hears(Welcome(nick="ann", members=["ann"], seq=0, token="token-0"), Join(nick="ann", seq=1))
    bob = stage.person("bob")
    bob.sends(Hello(nick="bob", lab=1))
    bob.hears(Welcome(nick="bob", members=["ann", "bob"], seq=1, token="token-1"), Join(nick="bob", seq=2))
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


def test_over_udp_a_member_joins_without_a_connection(stage: Stage) -> None:
    """There is no `connect` to report: the first hello is the first word."""
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
    bob.hears()
    ann.hears()
    assert bob.is_closed
    assert not bob.is_in


def test_the_same_hello_again_is_answered_with_welcome_again(stage: Stage) -> None:
    """A UDP `welcome` can be lost: the same token, the number of now, and no second `join`."""
    ann, bob = stage.member("ann"), stage.member("bob")
    ann.sends(Hello(nick="ANN", lab=1))
    ann.hears(Welcome(nick="ann", members=["ann", "bob"], seq=2, token="token-0"))
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
    ann.hears(Bye(reason="it was stopped"))
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
    """Nine are told and forgiven; at the tenth: told, closed, and a member `kicked`."""
    eve = stage.member("eve")
    ann = stage.member("ann") if joined else stage.person("ann")
    for _ in range(9):
        ann.sends(BAD)
        ann.hears_error("bad-message")
    assert not ann.is_closed
    eve.hears()
    ann.sends(BAD)
    assert ann.hears_error("bad-message").message == BAD.message
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
    ann.hears_error("too-large")
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


# --- any story ------------------------------------------------------------------------------------

NUMBERED = (Chat, Emote, Join, Leave)
NICKS = ["ann", "ANN", "bob", "Bob", "andr\u00e9", "ANDRE\u0301", "", "a b", "x" * 33]
TEXTS = ["hi", "", "Grüße", "a\nb"]


class AnyStory(RuleBasedStateMachine):
    """Peers come, talk, misbehave and go, in any order; what holds for all of them is looked at after each step."""

    peers = Bundle("peers")

    def __init__(self) -> None:
        super().__init__()
        self.room: Room[int] = Room(silence=45.0)
        self.now = 0.0
        self.next_peer = 0
        self.open: set[int] = set()
        """Peers with a connection: connected or of UDP, and not closed."""
        self.members: dict[int, bool] = {}
        """Whether each member is a lab member, as the answers have shown."""
        self.numbers: dict[int, list[int]] = {}
        """The numbers each member was sent, since it joined."""
        self.history: list[int] = []
        """The numbers of all broadcasts, in the order in which they were sent."""

    @rule(target=peers, udp=st.booleans())
    def connect(self, udp: bool) -> int:
        """Somebody new is there."""
        self.next_peer += 1
        if not udp:
            self.room.connect(self.next_peer, self.now)
        self.open.add(self.next_peer)
        return self.next_peer

    @rule(peer=peers, nick=st.sampled_from(NICKS), lab=st.integers(0, 1))
    def hello(self, peer: int, nick: str, lab: int) -> None:
        """It may be its first, a wrong or a second one."""
        free = not refuse_nick(nick) and self.room.peer(nick) is None
        was_in = peer in self.members
        actions = self.receive(peer, Hello(nick=nick, lab=lab), joins=lab == 1)
        if actions is not None and not was_in:
            assert (peer in self.room) == free
            assert any(isinstance(action, Close) for action in actions) == (not free and lab == 0)

    @rule(peer=peers, text=st.sampled_from(TEXTS), number=st.none() | st.integers(0, 9))
    def say(self, peer: int, text: str, number: int | None) -> None:
        """A chat reaches everybody, with its id."""
        actions = self.receive(peer, Say(message=text, id=number))
        if actions is not None and peer in self.members and text:
            (send,) = actions
            assert isinstance(send, Send)
            assert set(send.to) == set(self.members)
            assert send.message == Chat(nick=self.room.nick(peer), message=text, seq=self.room.seq, id=number)

    @rule(peer=peers, text=st.sampled_from(TEXTS))
    def act(self, peer: int, text: str) -> None:
        """An emote reaches everybody, each in one form."""
        actions = self.receive(peer, Act(message=text))
        if actions is not None and peer in self.members and text:
            reached = [other for action in actions if isinstance(action, Send) for other in action.to]
            assert sorted(reached) == sorted(self.members)

    @rule(peer=peers, to=st.sampled_from(NICKS), text=st.sampled_from(TEXTS))
    def tell(self, peer: int, to: str, text: str) -> None:
        """A direct message reaches nobody but the two."""
        actions = self.receive(peer, Tell(to=to, message=text))
        for action in actions or ():
            assert isinstance(action, Send)
            assert set(action.to) <= {peer, self.room.peer(to)}

    @rule(peer=peers, message=st.sampled_from([Who(), Ping()]))
    def ask(self, peer: int, message: ClientMessage) -> None:
        """An answer goes to the one who asked."""
        for action in self.receive(peer, message) or ():
            assert isinstance(action, Send)
            assert tuple(action.to) == (peer,)

    @rule(peer=peers)
    def goodbye(self, peer: int) -> None:
        """Who says goodbye is closed, whoever it is."""
        actions = self.receive(peer, Goodbye())
        assert actions is None or actions[-1] == Close(peer)

    @rule(peer=peers, counts=st.booleans(), fatal=st.sampled_from([False, False, True]))
    def violation(self, peer: int, counts: bool, fatal: bool) -> None:
        """Something that is no message; if it is fatal, it was the last."""
        actions = self.receive(peer, Violation(code="bad-message", message="No.", counts=counts, fatal=fatal))
        assert not (actions is not None and fatal) or peer not in self.open

    @rule(peer=peers)
    def ten_violations(self, peer: int) -> None:
        """Nobody survives ten who is a member or has a connection."""
        was_in = peer in self.members
        for _ in range(limits.MAX_VIOLATIONS):
            self.receive(peer, BAD)
        assert not was_in or peer not in self.open

    @rule(peer=consumes(peers), reason=st.sampled_from(sorted(REASONS)))
    def leave(self, peer: int, reason: str) -> None:
        """A connection is gone, closed by us before or not."""
        was_in = peer in self.members
        actions = self.room.leave(peer, reason, self.now)
        assert len(actions) == was_in
        self.open.discard(peer)
        self.look_at(actions)

    @rule(seconds=st.sampled_from([0.5, 5.0, 10.0, 30.0, 45.0]))
    def expire(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.look_at(self.room.expire(self.now))

    def receive(
        self, peer: int, message: ClientMessage | Violation, *, joins: bool = False
    ) -> list[Action[int]] | None:
        """As a server does it: not after the last word. None if nothing was asked."""
        if peer not in self.open:
            return None
        was_in = peer in self.members
        actions = self.room.receive(peer, message, self.now)
        if peer in self.room and not was_in:
            self.members[peer] = joins
            self.numbers[peer] = []
        self.look_at(actions)
        return actions

    def look_at(self, actions: list[Action[int]]) -> None:
        """Every action, against all that was before."""
        for peer in [peer for peer in self.members if peer not in self.room]:
            # Whom the room has let go gets no broadcast any more, not even its own leave.
            del self.members[peer], self.numbers[peer]
        for action in actions:
            if isinstance(action, Close):
                assert action.peer not in self.room, "closed, and still a member"
                self.open.discard(action.peer)
                continue
            assert len(set(action.to)) == len(action.to)
            for peer in action.to:
                self.look_at_one(peer, action.message)
            seq = getattr(action.message, "seq", None)
            if isinstance(action.message, NUMBERED) and seq not in self.history[-1:]:
                self.history.append(seq)

    def look_at_one(self, peer: int, message: FromServer) -> None:
        """One message to one peer."""
        if isinstance(message, NUMBERED):
            if peer not in self.members:  # expired later in the same look at the clock
                assert isinstance(message, Leave)
                assert message.reason == "silent"
                return
            assert message.seq is not None
            self.numbers[peer].append(message.seq)
        elif peer in self.members:
            assert self.members[peer], f"{message} for a plain member"
        else:
            assert isinstance(message, Error), f"{message} for somebody outside"

    @invariant()
    def everybody_has_the_same_numbers_without_a_gap(self) -> None:
        """What a member was sent since it joined is the end of the room's history, and that has no gap."""
        assert self.history == list(range(1, self.room.seq + 1))
        for peer, numbers in self.numbers.items():
            assert numbers, "not even its own join"
            assert numbers == self.history[-len(numbers) :], f"peer {peer}"

    @invariant()
    def nicks_are_unique(self) -> None:
        """After folding; and each leads to the one who has it."""
        folded = [fold(self.room.nick(peer)) for peer in self.members]
        assert len(set(folded)) == len(folded)
        for peer in self.members:
            assert self.room.peer(self.room.nick(peer)) == peer

    @invariant()
    def the_room_counts_its_members(self) -> None:
        """Those who joined and have not left, and they are all still connected."""
        assert len(self.room) == len(self.members)
        assert all(peer in self.room for peer in self.members)
        assert set(self.members) <= self.open


TestAnyStory = AnyStory.TestCase
TestAnyStory.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)

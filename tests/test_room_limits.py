"""The rules of the chat, as dialogues: how many there may be, and who takes whose place."""

import unicodedata
from typing import Any

import pytest

from common import limits
from common.messages import Act, Chat, Error, Hello, Join, Say, Welcome
from common.nick import LONGEST
from common.room import Close, Room, Send
from tests.stage import Person, Stage


@pytest.fixture
def stage() -> Stage:
    """A room over TCP."""
    return Stage()


def full_room(places: int) -> Stage:
    """A room for so many."""
    stage = Stage()
    stage.room._max_members = places
    return stage


def comes(stage: Stage, name: str, nick: str, token: str = "") -> Person:
    """Somebody on a new connection says hello."""
    person = stage.person(name)
    person.sends(Hello(nick=nick, lab=1, token=token))
    return person


# --- members --------------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", ["\u0301\u0316" * 4000, "x" * 16_000])
def test_a_nick_that_is_far_too_long_is_never_normalized(
    letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes a time that grows with the square of the accents: everybody would wait for it."""
    real = unicodedata.normalize

    def normalize(form: Any, text: str) -> str:
        assert len(text) <= 4 * LONGEST
        return real(form, text)

    stage = Stage()
    ann = stage.member("ann")
    monkeypatch.setattr(unicodedata, "normalize", normalize)
    comes(stage, "bob", "a" + letters).hears_error("bad-nick")
    ann.tells("a" + letters, "psst")
    ann.hears_error("no-such-nick")
    ann.sends(Hello(nick="a" + letters, lab=1))
    ann.hears_error("already-joined")


def test_the_same_people_are_the_same_object() -> None:
    """Who sends a chat and then an emote addresses both alike: unless a plain member hears something else."""
    stage = Stage()
    stage.member("ann")
    chat, emote = (stage.room.receive("ann", what, 0.0) for what in (Say(message="hi"), Act(message="waves")))
    assert isinstance(chat[0], Send)
    assert isinstance(emote[0], Send)
    assert chat[0].to is emote[0].to


def test_the_thousandth_gets_in_and_the_next_does_not() -> None:
    """The limit that is documented is the one that holds."""
    stage = Stage()
    for number in range(1000):
        stage.room.connect(f"p{number}", 0.0)
        stage.room.receive(f"p{number}", Hello(nick=f"n{number}", lab=1), 0.0)
    assert len(stage.room) == limits.MAX_MEMBERS == 1000
    comes(stage, "late", "late").hears_error("full")
    assert len(stage.room) == 1000


def test_a_full_room_says_so_and_ends_the_connection() -> None:
    """`full`, with how many it takes; nobody else hears of it, no number is used. A plain one is just closed."""
    stage = full_room(1)
    ann = stage.member("ann")
    error = comes(stage, "bob", "bob").hears_error("full")
    assert "1 members" in error.message
    plain = stage.person("plain")
    plain.sends(Hello(nick="plain"))
    plain.hears()
    ann.hears()
    assert stage.closed == ["bob", "plain"]
    assert stage.room.seq == 1
    stage.time_passes(limits.HELLO_TIMEOUT)
    assert stage.closed == ["bob", "plain"], "neither is waited for any more"


def test_who_is_in_is_not_too_many() -> None:
    """Saying hello again, and coming back with the token, need no place."""
    stage = full_room(1)
    ann = stage.member("ann")
    ann.sends(Hello(nick="ann", lab=1))
    (welcome,) = stage.heard.pop("ann")
    assert isinstance(welcome, Welcome)
    back = comes(stage, "back", "ann", welcome.token)
    assert back.is_in
    assert len(stage.room) == 1


def test_a_nick_is_refused_before_the_room_is() -> None:
    """Taken and full: with another nick one would be refused as well, and may as well hear the first reason."""
    stage = full_room(1)
    stage.member("ann")
    comes(stage, "eve", "ANN").hears_error("nick-taken")
    comes(stage, "bob", "two words").hears_error("bad-nick")


def test_a_place_that_gets_free_is_free() -> None:
    """Whoever leaves makes room."""
    stage = full_room(1)
    stage.member("ann").vanishes()
    assert comes(stage, "bob", "bob").is_in


# --- guests ---------------------------------------------------------------------------------------


def test_the_oldest_guest_goes_when_there_are_too_many(stage: Stage) -> None:
    """A hundred may wait; with the next one the first has had its time, whoever it is: `full`, closed."""
    for number in range(limits.MAX_GUESTS):
        stage.person(f"g{number}")
    assert stage.closed == []
    stage.person("g100")
    assert "first" in Person(stage, "g0").hears_error("full").message
    stage.person("g101")
    Person(stage, "g1").hears_error("full")
    assert stage.closed == ["g0", "g1"]


def test_whoever_says_hello_in_time_is_no_guest(stage: Stage) -> None:
    """Members do not count, nor those that left or timed out: a flood of silent ones pushes only silent ones out."""
    ann = stage.member("ann")
    for number in range(10 * limits.MAX_GUESTS):
        stage.person(f"g{number}")
        if number % 100 == 0:
            assert comes(stage, f"m{number}", f"m{number}").is_in
    stage.forget()
    ann.says("still here")
    ann.hears(Chat(nick="ann", message="still here", seq=12))
    assert len(stage.room) == 11
    assert len(stage.room._guests) == limits.MAX_GUESTS


def test_a_guest_that_has_left_makes_room(stage: Stage) -> None:
    """By itself, by its time or by being refused: then nobody has to go."""
    for number in range(limits.MAX_GUESTS):
        stage.person(f"g{number}")
    Person(stage, "g5").vanishes()
    stage.person("new")
    assert stage.closed == []
    stage.time_passes(limits.HELLO_TIMEOUT)
    assert len(stage.closed) == limits.MAX_GUESTS
    stage.closed.clear()
    for number in range(limits.MAX_GUESTS):
        stage.person(f"h{number}")
    assert stage.closed == []


# --- coming back ----------------------------------------------------------------------------------


def test_the_token_proves_whose_the_nick_is(stage: Stage) -> None:
    """On a new connection: `welcome`, the same token, the room's last number; the old connection is ended. Nobody
    else hears anything, and no number is used."""
    stage.member("ann")
    bob = stage.plain_member("bob")
    token = stage.room.token("ann")
    back = comes(stage, "back", "ANN", token)
    back.hears(Welcome(nick="ann", members=["bob", "ann"], seq=2, token=token, room="the room"))
    bob.hears()
    assert stage.closed == ["ann"]
    assert (back.is_in, "ann" in stage.room, len(stage.room), stage.room.seq) == (True, False, 2, 2)
    assert stage.room.peer("ann") == "back"


def test_what_is_said_goes_to_the_new_connection(stage: Stage) -> None:
    """And what is said there is the member's. That the old one ends at last is no news."""
    stage.member("ann")
    bob = stage.member("bob")
    back = comes(stage, "back", "ann", stage.room.token("ann"))
    stage.forget()
    Person(stage, "ann").vanishes("lost")
    bob.says("hi")
    back.says("here I am")
    words = [Chat(nick="bob", message="hi", seq=3), Chat(nick="ann", message="here I am", seq=4)]
    bob.hears(*words)
    back.hears(*words)


def test_it_is_timed_anew() -> None:
    """Where members fall silent, who has come back has just been heard of."""
    stage = Stage(silence=45.0)
    stage.member("ann")
    stage.now = 44.0
    back = comes(stage, "back", "ann", stage.room.token("ann"))
    stage.time_passes(44.0)
    assert back.is_in
    stage.time_passes(1.0)
    assert not back.is_in


def test_violations_are_not_forgiven_by_coming_back(stage: Stage) -> None:
    """It is the same member."""
    stage.member("ann")
    stage.room._members["ann"].violations = 7
    back = comes(stage, "back", "ann", stage.room.token("ann"))
    assert stage.room._members[back.name].violations == 7


@pytest.mark.parametrize("wrong", ["", "x", "token-0x", "token-", "TOKEN-0", "token-1", "ключ", "the room"])
def test_a_wrong_token_proves_nothing(stage: Stage, wrong: str) -> None:
    """None, part of it, more than it, another member's, the room's name: `nick-taken`, and the member stays."""
    ann, bob = stage.member("ann"), stage.member("bob")
    eve = comes(stage, "eve", "ann", wrong)
    eve.hears_error("nick-taken")
    assert not eve.is_in
    assert (ann.is_in, bob.is_in, stage.closed) == (True, True, [])


def test_a_token_does_not_bring_another_nick(stage: Stage) -> None:
    """It proves whose the nick is, and nothing else: with another one this is a newcomer."""
    ann = stage.member("ann")
    other = comes(stage, "other", "ann2", stage.room.token("ann"))
    assert ann.is_in
    assert other.is_in
    assert stage.room.token("other") != stage.room.token("ann")


def test_after_leaving_the_token_means_nothing(stage: Stage) -> None:
    """The nick is free, and who takes it gets a token of its own."""
    stage.member("ann").vanishes()
    assert comes(stage, "eve", "ann", "token-0").is_in
    assert stage.room.token("eve") == "token-1"


def test_the_comparison_takes_as_long_for_one_that_is_nearly_right(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is hmac.compare_digest that compares."""
    stage.member("ann")
    asked: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        asked.append((one, other))
        return False

    monkeypatch.setattr("common.room.hmac.compare_digest", compare)
    comes(stage, "eve", "ann", "token-9").hears_error("nick-taken")
    assert asked == [(b"token-9", b"token-0")]


def test_rooms_have_names_of_their_own() -> None:
    """64 random bits: a server that is started again is another room."""
    names = {Room[int]().name for _ in range(100)}
    assert len(names) == 100
    assert min(map(len, names)) * 6 >= 64


def test_taking_over_is_said_in_two_actions() -> None:
    """First the old connection's end, then the new one's welcome: the nick is never in two places."""
    one: Room[str] = Room(new_token=lambda: "t")
    one.connect("old", 0.0)
    one.receive("old", Hello(nick="ann", lab=1), 0.0)
    one.connect("new", 1.0)
    actions = one.receive("new", Hello(nick="ann", lab=1, token="t"), 1.0)
    assert actions == [
        Close("old"),
        Send(Welcome(nick="ann", members=["ann"], seq=1, token="t", room="t"), ("new",)),
    ]
    (said,) = one.receive("new", Say(message="hi"), 2.0)
    assert said == Send(Chat(nick="ann", message="hi", seq=2), ("new",))
    assert one.leave("old", "quit", 3.0) == []


def test_a_guest_that_was_sent_away_has_no_second_word(stage: Stage) -> None:
    """Nothing is kept about it."""
    for number in range(limits.MAX_GUESTS + 1):
        stage.person(f"g{number}")
    assert not isinstance(stage.heard["g0"][-1], Join)
    assert isinstance(stage.heard["g0"][-1], Error)
    assert "g0" not in stage.room._guests

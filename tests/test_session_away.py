"""One client's side when its server goes and returns, as a dialogue: away, back, and when not."""

import pytest

from common import limits
from common.events import Away, Back, Came, Ended, Event, Joined, Missing, Notice, Spoken, Unconfirmed
from common.messages import (
    Act,
    Bye,
    ClientMessage,
    Error,
    Goodbye,
    Hello,
    Join,
    Ping,
    Say,
    ServerMessage,
    Tell,
    Unknown,
    Welcome,
    Who,
    encode,
)
from common.session import NotSent, Session
from tests.test_session import chat

WELCOME = Welcome(nick="ann", members=["bob", "ann"], seq=4, token="t", room="r")
AGAIN = Welcome(nick="ann", members=["ann"], seq=0, token="t2", room="another")


class Absence:
    """A session called ann that comes back, joined in room r, whose last number was 5; and the time."""

    def __init__(self, *, udp: bool = False, comes_back: bool = True) -> None:
        timeout = limits.RECEIPT_TIMEOUT if udp else None
        self.session = Session("ann", receipt_timeout=timeout, carries_token=udp, comes_back=comes_back)
        self.now = 100.0

    def joins(self) -> "Absence":
        """Is in."""
        assert self.hears(WELCOME, Join(nick="ann", seq=5)) == [Joined("ann", ["bob", "ann"]), Came("ann")]
        return self

    def says(self, text: str) -> ClientMessage:
        """The message that goes out."""
        return self.session.sending(Say(message=text), self.now)

    def hears(self, *messages: ServerMessage) -> list[Event]:
        """What there is to show after these."""
        return [event for message in messages for event in self.session.receive(message, self.now)]

    def rows(self) -> dict[str, str]:
        """The figures of `/stats`."""
        return dict(self.session.statistics.rows())


@pytest.fixture(params=[False, True], ids=["tcp", "udp"])
def ann(request: pytest.FixtureRequest) -> Absence:
    """In, over either transport."""
    return Absence(udp=request.param).joins()


def test_a_server_that_goes_is_said_once(ann: Absence) -> None:
    """Away, with the reason; whatever else tells it afterwards is no news."""
    assert ann.session.gone("It broke.") == [Away("It broke.")]
    assert (ann.session.away, ann.session.joined, ann.session.ended) == (True, False, False)
    assert ann.session.gone("It broke again.") == []
    assert ann.hears(Bye(reason="it was stopped", cause="stopped")) == []
    assert ann.rows()["away"] == "once"


@pytest.mark.parametrize("cause", ["stopped", "silent", "", "something new"])
def test_a_goodbye_is_not_for_ever(ann: Absence, cause: str) -> None:
    """A server that stops may be started again, and who was silent may speak again."""
    assert ann.hears(Bye(reason="it was stopped", cause=cause)) == [
        Away("The server said goodbye (it was stopped).")
    ]
    assert ann.hears(AGAIN) == [Back("ann", ["ann"])]


def test_who_was_sent_away_does_not_come_back(ann: Absence) -> None:
    """`kicked` is meant: no bot that is thrown out comes in again by itself."""
    assert ann.hears(Bye(reason="enough", cause="kicked")) == [Ended("The server said goodbye (enough).")]
    assert not ann.session.away


def test_who_is_not_to_come_back_ends() -> None:
    """--no-reconnect."""
    ann = Absence(comes_back=False).joins()
    assert ann.session.gone("It broke.") == [Ended("It broke.")]
    assert ann.hears(Bye()) == []
    assert "away" not in ann.rows()


def test_who_was_never_in_ends() -> None:
    """A server that goes before it has let us in: nothing to come back to."""
    assert Absence().session.gone("It broke.") == [Ended("It broke.")]


def test_what_had_no_receipt_is_told(ann: Absence) -> None:
    """In order, behind the news; it counts as unconfirmed, no longer waits, and is not told a second time."""
    ann.says("one")
    ann.says("two")
    ann.says("three")
    ann.hears(chat("ann", "two", 6, 2))
    assert ann.session.gone("Gone.") == [Away("Gone."), Unconfirmed("one"), Unconfirmed("three")]
    assert (ann.session.waiting, ann.session.statistics.unconfirmed) == (0, 2)
    assert ann.session.overdue(ann.now + 100) == []
    assert ann.session.unconfirmed() == ["one", "three"]


def test_what_was_called_lost_before_is_not_told_again() -> None:
    """Over UDP its time had run out already."""
    ann = Absence(udp=True).joins()
    ann.says("hi")
    assert ann.session.overdue(ann.now + 2.0) == [Unconfirmed("hi")]
    assert ann.session.gone("Gone.") == [Away("Gone.")]
    assert ann.session.waiting == 0


@pytest.mark.parametrize(
    "message", [Say(message="hi"), Act(message="waves"), Tell(to="bob", message="psst"), Who()]
)
def test_nothing_is_said_to_nobody(ann: Absence, message: ClientMessage) -> None:
    """While the server is gone it is refused, and does not count as sent."""
    ann.session.gone("Gone.")
    with pytest.raises(NotSent, match="nothing was sent"):
        ann.session.sending(message, ann.now)
    assert (ann.session.statistics.sent, ann.session.waiting, ann.session.unconfirmed()) == (0, 0, [])


@pytest.mark.parametrize("message", [Ping(), Goodbye()])
def test_what_is_no_message_to_anybody_passes(ann: Absence, message: ClientMessage) -> None:
    """A client that leaves says so whatever it believes."""
    ann.session.gone("Gone.")
    assert type(ann.session.sending(message, ann.now)) is type(message)


def test_saying_it_again_waits_for_the_server_too(ann: Absence) -> None:
    """/retry while it is gone forgets nothing; afterwards each goes out once, under a new id."""
    ann.says("one")
    ann.says("two")
    ann.session.gone("Gone.")
    with pytest.raises(NotSent):
        ann.session.retry(ann.now)
    assert ann.session.unconfirmed() == ["one", "two"]
    ann.hears(AGAIN)
    again = ann.session.retry(ann.now)
    assert [(message.message, message.id) for message in again if isinstance(message, Say)] == [
        ("one", 3),
        ("two", 4),
    ]
    assert (ann.session.statistics.sent, ann.session.waiting) == (2, 2)


def test_what_cannot_be_said_again_is_not_forgotten() -> None:
    """A new id may have a digit more: one byte too many. The others go out, or none if it is the first."""
    udp = Absence(udp=True).joins()
    udp.session._next_id = 8
    envelope = len(encode(Say(message="", id=8, token="t")))
    largest = "x" * (limits.MAX_PAYLOAD - envelope)
    udp.says("short")
    udp.says(largest)
    udp.session.overdue(udp.now + 2.0)
    assert udp.session.retry(udp.now + 3.0) == [Say(message="short", id=10, token="t")]
    assert sorted(udp.session.unconfirmed()) == ["short", largest]
    with pytest.raises(NotSent, match="1 bytes too long"):
        udp.session.retry(udp.now + 3.0)
    assert sorted(udp.session.unconfirmed()) == ["short", largest]
    assert (udp.session.statistics.sent, udp.session.waiting) == (2, 1)


def test_hello_shows_who_we_are(ann: Absence) -> None:
    """The nick as the server spelled it, and the token of before; on the first one there is none."""
    assert Session("ann").hello() == Hello(nick="ann", lab=1)
    ann.session.gone("Gone.")
    assert ann.session.hello() == Hello(nick="ann", lab=1, token="t")
    ann.hears(AGAIN)
    assert ann.session.hello() == Hello(nick="ann", lab=1, token="t2")


def test_back_in_another_room(ann: Absence) -> None:
    """It counts anew: nobody knows what was missed, nothing is lost, and its members are the ones."""
    ann.session.gone("Gone.")
    assert ann.hears(AGAIN) == [Back("ann", ["ann"], missed=None)]
    assert (ann.session.away, ann.session.joined) == (False, True)
    assert list(ann.session.members) == ["ann"]
    assert ann.hears(Join(nick="ann", seq=1), chat("bob", "hi", 2)) == [
        Came("ann"),
        Spoken("chat", "bob", "hi"),
    ]
    assert ann.session.statistics.tracker.lost == 0
    assert "missed while away" not in ann.rows()


@pytest.mark.parametrize("missed", [0, 1, 7])
def test_back_in_the_same_room(ann: Absence, missed: int) -> None:
    """Its numbers say exactly how many went by; they were missed, not lost."""
    ann.session.gone("Gone.")
    same = Welcome(nick="ann", members=["ann"], seq=5 + missed, token="t", room="r", more=2)
    assert ann.hears(same) == [Back("ann", ["ann"], more=2, missed=missed)]
    assert ann.hears(chat("bob", "hi", 6 + missed)) == [Spoken("chat", "bob", "hi")]
    assert ann.hears(chat("bob", "ho", 8 + missed)) == [Missing(1), Spoken("chat", "bob", "ho")]
    assert ann.session.statistics.missed == missed
    assert ann.rows().get("missed while away") == (str(missed) if missed else None)


def test_a_server_that_names_no_room_is_always_another_one() -> None:
    """An older server of this lab: two rooms without a name are not the same."""
    ann = Absence()
    ann.hears(Welcome(nick="ann", members=["ann"], seq=4), Join(nick="ann", seq=5))
    ann.session.gone("Gone.")
    assert ann.hears(Welcome(nick="ann", members=["ann"], seq=9)) == [Back("ann", ["ann"], missed=None)]


def test_every_absence_counts(ann: Absence) -> None:
    """How often, and how much was missed in all."""
    for seq in (7, 10, 1_010):
        ann.session.gone("Gone.")
        ann.hears(Welcome(nick="ann", members=["ann"], seq=seq, token="t", room="r"))
    assert (ann.rows()["away"], ann.rows()["missed while away"]) == ("3 times", "1,005")


def test_the_room_of_a_second_welcome_counts(ann: Absence) -> None:
    """After moving from room to room it is the last one whose name decides."""
    ann.session.gone("Gone.")
    ann.hears(AGAIN)
    ann.session.gone("Gone.")
    (back,) = ann.hears(Welcome(nick="ann", members=["ann"], seq=3, token="t2", room="another"))
    assert back == Back("ann", ["ann"], missed=3)


@pytest.mark.parametrize("code", ["nick-taken", "bad-nick"])
def test_a_nick_that_is_somebody_elses_now_ends_it(ann: Absence, code: str) -> None:
    """Said in words; asking again would not help."""
    ann.session.gone("Gone.")
    assert ann.hears(Error(code=code, message="Somebody has it.")) == [
        Ended("We can't come back: Somebody has it.")
    ]
    assert ann.session.ended


@pytest.mark.parametrize("code", ["full", "too-fast", "hello-timeout", "something-new"])
def test_any_other_refusal_may_pass(ann: Absence, code: str) -> None:
    """We go on asking, and say it once each time we are out."""
    for _ in range(2):
        ann.session.gone("Gone.")
        assert ann.hears(Error(code=code, message="Not now.")) == [Notice("Not now.", error=True)]
        assert ann.hears(Error(code=code, message="Not now.")) == []
        assert ann.session.away
        ann.hears(AGAIN)
    ann.session.gone("Gone.")
    assert ann.hears(AGAIN) == [Back("ann", ["ann"], missed=0)]


def test_the_end_is_the_end(ann: Absence) -> None:
    """After it there is no away."""
    ann.session.end("Enough.")
    assert ann.session.gone("Gone.") == []
    assert not ann.session.away


def test_unknown_is_a_matter_of_the_client(ann: Absence) -> None:
    """As a challenge is: the UDP client knows whether it fits."""
    assert ann.hears(Unknown()) == []
    assert ann.session.joined


def test_a_plain_server_that_returns_is_plain_again() -> None:
    """It neither names a room nor counts: back, and nobody knows what was missed."""
    ann = Absence()
    ann.session.assume_plain()
    ann.says("hi")
    assert ann.session.gone("Gone.") == [Away("Gone."), Unconfirmed("hi")]
    assert ann.session.assume_plain() == [Back("ann", [], missed=None)]
    assert ann.session.assume_plain() == []
    assert ann.session.plain
    assert ann.hears(Join(nick="ann")) == [Came("ann")]
    assert ann.says("ho") == Say(message="ho", id=2)

"""One client's side of the conversation, as a dialogue with a server and a clock."""

from collections.abc import Sequence

import pytest

from common import limits
from common.events import (
    Back,
    Came,
    Ended,
    Event,
    Joined,
    Missing,
    Notice,
    Present,
    Refused,
    Spoken,
    Unconfirmed,
    Went,
)
from common.messages import (
    Act,
    Bye,
    Challenge,
    Chat,
    ClientMessage,
    Direct,
    Emote,
    Error,
    Goodbye,
    Hello,
    Join,
    Leave,
    Members,
    Ping,
    Pong,
    Say,
    ServerMessage,
    Tell,
    Violation,
    Welcome,
    Who,
    encode,
)
from common.session import NotSent, Session

WELCOME = Welcome(nick="ann", members=["bob", "ann"], seq=4, token="t")


class Dialogue:
    """A session called ann, and the time."""

    def __init__(self, *, udp: bool = False) -> None:
        timeout = limits.RECEIPT_TIMEOUT if udp else None
        self.session = Session("ann", receipt_timeout=timeout, carries_token=udp)
        self.now = 100.0

    def says(self, text: str) -> ClientMessage:
        """The message that goes out."""
        return self.session.sending(Say(message=text), self.now)

    def hears(self, *messages: ServerMessage | Violation) -> list[Event]:
        """What there is to show after these."""
        return [event for message in messages for event in self.session.receive(message, self.now)]

    def rows(self) -> dict[str, str]:
        """The figures of `/stats`."""
        return dict(self.session.statistics.rows())


@pytest.fixture
def tcp() -> Dialogue:
    """Joined at a lab server over TCP: the last number was 5, our own join."""
    dialogue = Dialogue()
    dialogue.hears(WELCOME, Join(nick="ann", seq=5))
    return dialogue


@pytest.fixture
def udp() -> Dialogue:
    """The same over UDP."""
    dialogue = Dialogue(udp=True)
    dialogue.hears(WELCOME, Join(nick="ann", seq=5))
    return dialogue


@pytest.fixture
def plain() -> Dialogue:
    """At a server written to Beej's chapter."""
    dialogue = Dialogue()
    dialogue.session.assume_plain()
    return dialogue


def chat(nick: str, text: str, seq: int | None = None, number: int | None = None) -> Chat:
    """A chat as a server sends it."""
    return Chat(nick=nick, message=text, seq=seq, id=number)


def texts(events: Sequence[Event]) -> list[str]:
    """What was said, of all events."""
    return [event.text for event in events if isinstance(event, Spoken)]


# --- joining --------------------------------------------------------------------------------------


def test_hello_says_that_we_know_the_extensions() -> None:
    """With the cookie that answers a challenge, if there is one."""
    session = Session("ann")
    assert session.hello() == Hello(nick="ann", lab=1)
    assert session.hello("c") == Hello(nick="ann", lab=1, cookie="c")


def test_a_welcome_lets_us_in() -> None:
    """As the server spells us, with who is here; our own join follows and is no loss."""
    dialogue = Dialogue()
    assert not dialogue.session.joined
    assert dialogue.hears(WELCOME) == [Joined("ann", ["bob", "ann"])]
    assert dialogue.session.joined
    assert not dialogue.session.plain
    assert dialogue.hears(Join(nick="ann", seq=5)) == [Came("ann")]
    assert list(dialogue.session.members) == ["bob", "ann"]
    assert dialogue.session.statistics.tracker.lost == 0


def test_the_server_may_spell_our_nick() -> None:
    """What it sends back in NFC is ours, receipts included."""
    dialogue = Dialogue()
    dialogue.session.nick = "andre\u0301"
    dialogue.hears(Welcome(nick="andr\u00e9", members=["andr\u00e9"], seq=0, token="t", more=3))
    dialogue.says("hi")
    (spoken,) = dialogue.hears(chat("andr\u00e9", "hi", 1, 1))
    assert isinstance(spoken, Spoken)
    assert spoken.mine


def test_more_members_than_fit_are_counted() -> None:
    """`more` is passed on."""
    welcome = Welcome(nick="ann", members=["ann"], seq=0, more=7)
    assert Dialogue().hears(welcome) == [Joined("ann", ["ann"], more=7)]


def test_a_second_welcome_is_not_shown(udp: Dialogue) -> None:
    """It answers a hello that was repeated too early, or that moved us: the token counts, nothing else."""
    again = Welcome(nick="ann", members=["ann", "bob"], seq=9, token="t")
    assert udp.hears(again) == []
    assert udp.session.token == "t"
    assert udp.session.statistics.tracker.lost == 0


def test_a_welcome_to_another_room_is_no_repeat(udp: Dialogue) -> None:
    """The server was started again before we had noticed: counting begins anew, and what is said is shown."""
    udp.says("into the old room")
    other = Welcome(nick="ann", members=["ann"], seq=1, token="other", room="another")
    assert udp.hears(other) == [Unconfirmed("into the old room"), Back("ann", ["ann"])]
    (spoken,) = udp.hears(Chat(nick="bob", message="hi", seq=2))
    assert isinstance(spoken, Spoken)
    assert (udp.session.statistics.tracker.lost, udp.session.statistics.tracker.doubled) == (0, 0)


def test_what_overtakes_the_welcome_is_shown_and_not_lost() -> None:
    """Over UDP our join may come first: then the welcome's number is behind, and nothing is missing."""
    dialogue = Dialogue(udp=True)
    assert dialogue.hears(Join(nick="ann", seq=5)) == [Came("ann")]
    assert not dialogue.session.joined
    assert dialogue.hears(WELCOME) == [Joined("ann", ["bob", "ann"])]
    assert dialogue.session.statistics.tracker.lost == 0
    assert dialogue.hears(chat("bob", "hi", 6)) == [Spoken("chat", "bob", "hi")]


def test_a_challenge_is_no_matter_of_the_session() -> None:
    """The UDP client answers it."""
    assert Dialogue(udp=True).hears(Challenge(cookie="c")) == []


def test_an_error_before_we_are_in_is_the_end() -> None:
    """`Refused` with code and sentence."""
    dialogue = Dialogue()
    error = Error(code="nick-taken", message="Somebody here has this nick already.")
    assert dialogue.hears(error) == [Refused("nick-taken", "Somebody here has this nick already.")]
    assert dialogue.session.ended
    assert not dialogue.session.joined


# --- plain servers --------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_a_plain_one() -> None:
    """Said once; we are in, and alone as far as we know."""
    session = Session("ann")
    assert session.assume_plain() == [Joined("ann", [], plain=True)]
    assert (session.joined, session.plain) == (True, True)
    assert session.assume_plain() == []
    assert list(session.members) == ["ann"]


@pytest.mark.parametrize("message", [Join(nick="bob"), Leave(nick="bob"), chat("bob", "hi")])
def test_a_message_without_a_number_before_any_welcome_tells_a_plain_server(message: ServerMessage) -> None:
    """A lab server numbers everything: no need to wait for the time to run out."""
    dialogue = Dialogue()
    first, _ = dialogue.hears(message)
    assert first == Joined("ann", [], plain=True)


def test_a_lab_server_that_answers_late_is_one_after_all(plain: Dialogue) -> None:
    """A welcome after we had given up: joined again, no longer plain."""
    assert plain.hears(WELCOME) == [Joined("ann", ["bob", "ann"])]
    assert not plain.session.plain


def test_an_emote_is_a_chat_for_a_plain_server(plain: Dialogue, tcp: Dialogue) -> None:
    """`* ann waves`; a lab server gets the emote itself."""
    assert plain.session.sending(Act(message="waves"), 0.0) == Say(message="* ann waves", id=1)
    assert tcp.session.sending(Act(message="waves"), 0.0) == Act(message="waves", id=1)


def test_a_receipt_without_an_id_is_the_oldest_with_these_words(plain: Dialogue) -> None:
    """A plain server sends no `id` back; two equal messages are confirmed one after the other."""
    plain.says("hi")
    plain.now += 1.0
    plain.says("other")
    plain.says("hi")
    plain.now += 0.5
    assert plain.hears(chat("ann", "hi")) == [Spoken("chat", "ann", "hi", mine=True, round_trip=1.5)]
    assert plain.hears(chat("ann", "hi")) == [Spoken("chat", "ann", "hi", mine=True, round_trip=0.5)]
    assert plain.hears(chat("ann", "hi")) == [Spoken("chat", "ann", "hi", mine=True)]
    assert plain.session.waiting == 1
    assert plain.session.statistics.confirmed == 2


def test_without_numbers_arrivals_are_counted_all_the_same(plain: Dialogue) -> None:
    """Received, and nothing else can be said."""
    plain.hears(Join(nick="bob"), chat("bob", "hi"), Leave(nick="bob"))
    tracker = plain.session.statistics.tracker
    assert (tracker.received, tracker.lost, tracker.highest) == (3, 0, None)


# --- sending --------------------------------------------------------------------------------------


def test_what_is_said_gets_ids_from_1_on(tcp: Dialogue) -> None:
    """Chat, emote and direct: one count; nothing else is numbered, or waits for a receipt."""
    assert tcp.says("hi") == Say(message="hi", id=1)
    assert tcp.session.sending(Act(message="waves"), 0.0) == Act(message="waves", id=2)
    for silent in (Ping(), Who(), Goodbye()):
        assert tcp.session.sending(silent, 0.0) == silent
    told = tcp.session.sending(Tell(to="bob", message="psst"), 0.0)
    assert told == Tell(to="bob", message="psst", id=3)
    assert (tcp.session.waiting, tcp.session.statistics.sent) == (3, 3)


def test_over_udp_every_message_carries_the_token(udp: Dialogue, tcp: Dialogue) -> None:
    """Whatever it is; over TCP none does."""
    for message in (Say(message="x"), Act(message="x"), Tell(to="b", message="x"), Who(), Ping(), Goodbye()):
        assert udp.session.sending(message, 0.0).token == "t"
        assert tcp.session.sending(message, 0.0).token == ""


def test_before_the_welcome_there_is_no_token() -> None:
    """Nothing is invented."""
    assert Session("ann", carries_token=True).sending(Ping(), 0.0) == Ping()


@pytest.mark.parametrize("character", ["x", "é", "😀", '"', "\n"])
def test_the_largest_payload_goes_out_and_one_byte_more_does_not(udp: Dialogue, character: str) -> None:
    """Counted as sent: 16,384 bytes with envelope, id and token. The sentence says how much was too much."""
    envelope = len(encode(Say(message="", id=1, token="t")))
    each = len(encode(Say(message=character))) - len(encode(Say(message="")))
    count, rest = divmod(limits.MAX_PAYLOAD - envelope, each)
    fits = character * count + "x" * rest
    with pytest.raises(
        NotSent, match="1 bytes too long: with its envelope it has 16,385, and a server takes 16,384"
    ):
        udp.says(fits + "x")
    assert (udp.session.statistics.sent, udp.session.waiting) == (0, 0)
    message = udp.says(fits)
    assert len(encode(message)) == 16_384
    assert message == Say(message=fits, id=1, token="t")


# --- receipts -------------------------------------------------------------------------------------


def test_what_our_own_kernel_refuses_was_never_said(udp: Dialogue) -> None:
    """It counts as nothing, waits for nothing, is not lost later, and can't be said again by /retry."""
    message = udp.says("hi")
    udp.session.not_sent(message)
    session = udp.session
    assert (session.statistics.sent, session.statistics.unconfirmed, session.waiting) == (0, 0, 0)
    assert session.overdue(udp.now + limits.RECEIPT_TIMEOUT) == []
    assert session.retry(udp.now) == []
    session.not_sent(message)
    session.not_sent(Ping())
    assert session.statistics.sent == 0


def test_what_was_lost_and_is_refused_now_is_still_lost(udp: Dialogue) -> None:
    """Once: it counts as one message, and as one without a receipt, until it has one."""
    session, late = udp.session, udp.now + limits.RECEIPT_TIMEOUT
    udp.says("hi")
    assert session.overdue(late) == [Unconfirmed("hi")]
    for _ in range(2):
        (again,) = session.retry(late)
        assert session.waiting == 1
        session.not_sent(again)
        assert (session.statistics.sent, session.unconfirmed(), session.waiting) == (1, ["hi"], 0)
        assert session.overdue(late + limits.RECEIPT_TIMEOUT) == []
    (again,) = session.retry(late)
    assert isinstance(again, Say)
    udp.hears(Chat(nick="ann", message="hi", seq=6, id=again.id))
    assert (session.statistics.confirmed, session.unconfirmed(), session.waiting) == (1, [], 0)


def test_a_receipt_gives_the_round_trip(tcp: Dialogue) -> None:
    """From sending to the broadcast with our id; by `id`, whatever the order."""
    tcp.says("one")
    tcp.now += 0.25
    tcp.says("two")
    tcp.now += 0.5
    assert tcp.hears(chat("ann", "two", 6, 2)) == [Spoken("chat", "ann", "two", mine=True, round_trip=0.5)]
    assert tcp.hears(chat("ann", "one", 7, 1)) == [Spoken("chat", "ann", "one", mine=True, round_trip=0.75)]
    statistics = tcp.session.statistics
    assert (statistics.sent, statistics.confirmed, statistics.unconfirmed) == (2, 2, 0)
    assert list(statistics.round_trips) == [0.5, 0.75]


def test_somebody_elses_id_is_no_receipt(tcp: Dialogue) -> None:
    """Ids are each client's own: bob's 1 is not ours."""
    tcp.says("hi")
    assert tcp.hears(chat("bob", "hi", 6, 1)) == [Spoken("chat", "bob", "hi")]
    assert tcp.session.waiting == 1


def test_emotes_and_direct_messages_are_receipts_too(tcp: Dialogue) -> None:
    """Each with its kind, and a direct one with its other end."""
    tcp.session.sending(Act(message="waves"), tcp.now)
    tcp.session.sending(Tell(to="bob", message="psst"), tcp.now)
    tcp.now += 1.0
    assert tcp.hears(Emote(nick="ann", message="waves", seq=6, id=1)) == [
        Spoken("emote", "ann", "waves", mine=True, round_trip=1.0)
    ]
    assert tcp.hears(Direct(nick="ann", to="bob", message="psst", id=2)) == [
        Spoken("direct", "ann", "psst", to="bob", mine=True, round_trip=1.0)
    ]
    assert tcp.session.waiting == 0


def test_a_direct_message_takes_no_number(tcp: Dialogue) -> None:
    """It is shown, and not counted among the room's."""
    before = tcp.session.statistics.tracker.received
    assert tcp.hears(Direct(nick="bob", to="ann", message="psst", id=1)) == [
        Spoken("direct", "bob", "psst", to="ann")
    ]
    assert tcp.session.statistics.tracker.received == before


def test_a_doubled_receipt_counts_once(udp: Dialogue) -> None:
    """The second copy is not shown, and is no second round trip."""
    udp.says("hi")
    receipt = chat("ann", "hi", 6, 1)
    assert len(udp.hears(receipt, receipt)) == 1
    assert (udp.session.statistics.confirmed, len(udp.session.statistics.round_trips)) == (1, 1)


def test_a_receipt_is_overdue_after_two_seconds(udp: Dialogue) -> None:
    """Not a millisecond before, at exactly 2 s, and said once."""
    udp.says("hi")
    assert udp.session.overdue(udp.now + 1.999) == []
    assert udp.session.overdue(udp.now + 2.0) == [Unconfirmed("hi")]
    assert udp.session.overdue(udp.now + 3.0) == []
    assert udp.session.waiting == 0
    assert udp.session.statistics.unconfirmed == 1


def test_over_tcp_nothing_is_ever_overdue(tcp: Dialogue) -> None:
    """TCP repeats by itself what was lost."""
    tcp.says("hi")
    assert tcp.session.overdue(tcp.now + 1e6) == []
    assert tcp.session.waiting == 1


def test_a_late_receipt_is_still_one(udp: Dialogue) -> None:
    """After it was called overdue it may come: confirmed, with its true round trip."""
    udp.says("hi")
    udp.session.overdue(udp.now + 2.0)
    udp.now += 5.0
    assert udp.hears(chat("ann", "hi", 6, 1)) == [Spoken("chat", "ann", "hi", mine=True, round_trip=5.0)]
    assert udp.session.statistics.unconfirmed == 0
    assert udp.session.retry(udp.now) == []


def test_a_retry_gets_a_new_id(udp: Dialogue) -> None:
    """Karn's rule: a late receipt of the first attempt is not taken for one of the second."""
    udp.says("lost")
    udp.says("confirmed")
    udp.hears(chat("ann", "confirmed", 7, 2))
    udp.session.overdue(udp.now + 2.0)
    udp.says("young")
    assert udp.session.retry(udp.now + 10.0) == [Say(message="lost", id=4, token="t")]
    assert udp.session.statistics.sent == 3, "not one more: the same message"
    udp.now += 11.0
    assert udp.hears(chat("ann", "lost", 6, 1)) == [Spoken("chat", "ann", "lost", mine=True, late=True)]
    assert udp.hears(chat("ann", "lost", 8, 4)) == [Spoken("chat", "ann", "lost", mine=True, round_trip=1.0)]
    assert udp.session.retry(udp.now) == []


def test_an_emote_said_again_to_a_plain_server_is_not_starred_twice() -> None:
    """What is said again is what was sent."""
    session = Session("ann", receipt_timeout=2.0)
    session.assume_plain()
    session.sending(Act(message="waves"), 0.0)
    session.overdue(2.0)
    assert session.retry(3.0) == [Say(message="* ann waves", id=2)]


def test_a_refused_message_does_not_wait_for_a_receipt(udp: Dialogue) -> None:
    """An `error` with its id: told, counted as refused, and never overdue."""
    udp.session.sending(Tell(to="x", message="psst"), udp.now)
    refusal = Error(code="no-such-nick", message="Nobody here has this nick.", id=1)
    assert udp.hears(refusal) == [Notice("Nobody here has this nick.", error=True)]
    assert (udp.session.statistics.refused, udp.session.waiting) == (1, 0)
    assert udp.session.overdue(udp.now + 10) == []
    assert not udp.session.ended


def test_an_error_without_an_id_leaves_what_waits(udp: Dialogue) -> None:
    """`too-fast` does not say which message it was."""
    udp.says("hi")
    assert udp.hears(Error(code="too-fast", message="Slower."), Error(code="x", message="?", id=99)) == [
        Notice("Slower.", error=True),
        Notice("?", error=True),
    ]
    assert (udp.session.statistics.refused, udp.session.waiting) == (0, 1)


# --- numbers --------------------------------------------------------------------------------------


def test_a_gap_is_told_before_what_came_after_it(udp: Dialogue) -> None:
    """How many are missing; then the message itself."""
    assert udp.hears(chat("bob", "hi", 9)) == [Missing(3), Spoken("chat", "bob", "hi")]
    assert udp.hears(chat("bob", "ho", 10)) == [Spoken("chat", "bob", "ho")]
    assert udp.session.statistics.tracker.lost == 3


def test_what_was_overtaken_is_shown_as_late(udp: Dialogue) -> None:
    """And is no longer lost; its duplicate is not shown at all."""
    udp.hears(chat("bob", "second", 7))
    first = chat("bob", "first", 6)
    assert udp.hears(first) == [Spoken("chat", "bob", "first", late=True)]
    assert udp.hears(first) == []
    rows = udp.rows()
    assert (rows["received"], rows["lost"], rows["doubled"], rows["out of order"]) == ("3", "0", "1", "1")


def test_the_loss_of_the_last_message_is_seen_in_a_pong(udp: Dialogue) -> None:
    """Told once; a pong without a number, or without news, tells nothing."""
    assert udp.hears(Pong(seq=5), Pong(), Pong(seq=7), Pong(seq=7)) == [Missing(2)]


def test_joins_and_leaves_are_numbered_too(udp: Dialogue) -> None:
    """They keep the list of who is here, and a gap before one is told."""
    assert udp.hears(Join(nick="eve", seq=7)) == [Missing(1), Came("eve")]
    assert list(udp.session.members) == ["bob", "ann", "eve"]
    assert udp.hears(Leave(nick="bob", seq=6, reason="lost")) == [Went("bob", "lost")]
    assert udp.hears(Leave(nick="nobody", seq=8)) == [Went("nobody", "")]
    assert list(udp.session.members) == ["ann", "eve"]


def test_members_replaces_what_we_knew(tcp: Dialogue) -> None:
    """The server knows better; `more` is passed on."""
    assert tcp.hears(Members(members=["eve"], more=2)) == [Present(["eve"], 2)]
    assert list(tcp.session.members) == ["eve"]


def test_what_cannot_be_read_is_counted(udp: Dialogue) -> None:
    """Nothing to show; a row of its own, only if there was any."""
    assert "unreadable" not in udp.rows()
    assert udp.hears(Violation(code="bad-message", message="This is not JSON.")) == []
    assert udp.rows()["unreadable"] == "1"


# --- the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [("it was stopped", "The server said goodbye (it was stopped)."), ("", "The server said goodbye.")],
)
def test_a_bye_is_the_end(tcp: Dialogue, reason: str, sentence: str) -> None:
    """With the reason, if there is one."""
    assert tcp.hears(Bye(reason=reason)) == [Ended(sentence)]
    assert tcp.session.ended


def test_the_end_is_said_once(tcp: Dialogue) -> None:
    """After a bye the connection breaks, which is no news."""
    assert tcp.session.end("Gone.") == [Ended("Gone.")]
    assert tcp.session.end("Gone again.") == []
    assert tcp.hears(Bye()) == []


# --- figures --------------------------------------------------------------------------------------


def test_the_figures_say_how_many_they_come_from(udp: Dialogue) -> None:
    """No percentile out of too few; the slowest is known from the first one on."""
    assert udp.rows()["round trip"] == "(n = 0, p50 from 20 on, p99 from 1,000 on)"
    for number in range(1, 20):
        udp.says("x")
        udp.session.receive(chat("ann", "x", 5 + number, number), udp.now + number / 1000)
    assert udp.rows()["round trip"] == "max 19.0 ms (n = 19, p50 from 20 on, p99 from 1,000 on)"
    udp.says("x")
    udp.session.receive(chat("ann", "x", 25, 20), udp.now + 0.0005)
    assert udp.rows()["round trip"] == "p50 9.00 ms max 19.0 ms (n = 20, p99 from 1,000 on)"
    assert (udp.rows()["sent"], udp.rows()["confirmed"]) == ("20", "20")


def test_the_order_of_events_is_that_of_the_messages(tcp: Dialogue) -> None:
    """One after the other, none left out."""
    events = tcp.hears(*[chat("bob", str(number), number) for number in range(6, 60)])
    assert texts(events) == [str(number) for number in range(6, 60)]

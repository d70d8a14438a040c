"""What both transports promise, on real sockets: written once, run for each."""

import threading

import pytest

from common import limits
from common.addresses import Unusable
from common.events import Came, Ended, Joined, Notice, Present, Refused, Spoken, Went
from common.messages import (
    Act,
    Chat,
    Error,
    Goodbye,
    Hello,
    Leave,
    Ping,
    Pong,
    Say,
    Tell,
    Who,
    encode,
)
from common.session import NotSent
from tests.lab import Lab, Member, Stranger

SCRIPTS = "Hello, Привет, こんにちは, שלום, مرحبا, नमस्ते, 🙂👩‍👩‍👧‍👦, e\u0301, \u0000\u001b[2J, \r\n\t"


def test_everyone_hears_what_is_said_the_speaker_included(lab: Lab) -> None:
    """A message comes to everybody, and to its speaker as a receipt with its round trip."""
    ann, bob = lab.join("ann"), lab.join("bob")
    ann.says("hi")
    assert bob.hears("ann", "hi").round_trip is None
    spoken = ann.hears("ann", "hi")
    assert spoken.mine
    assert spoken.round_trip is not None
    assert spoken.round_trip > 0


def test_text_of_every_script_arrives_as_it_was_said(lab: Lab) -> None:
    """Text is relayed unchanged: scripts, emoji, accents, control characters, newlines."""
    ann, bob = lab.join("ann"), lab.join("боб")
    ann.says(SCRIPTS)
    bob.hears("ann", SCRIPTS)


def test_the_largest_message_arrives_and_a_byte_more_is_not_sent(lab: Lab) -> None:
    """16,384 bytes of payload pass; the client says of 16,385 how much too long they are."""
    ann, bob = lab.join("ann"), lab.join("bob")
    envelope = len(encode(ann.client.session.sending(Say(message="x"), 0.0))) - 1
    largest = "ж" * ((limits.MAX_PAYLOAD - envelope) // 2) + "x" * ((limits.MAX_PAYLOAD - envelope) % 2)
    ann.says(largest)
    bob.hears("ann", largest)
    with pytest.raises(NotSent, match="1 bytes too long"):
        ann.says(largest + "x")


def test_people_are_told_who_comes_and_who_goes(lab: Lab) -> None:
    """A join and a leave are told to everybody; the members are in the welcome."""
    ann = lab.join("ann")
    assert ann.sees(Came).nick == "ann"
    bob = lab.member("bob")
    bob.client.start()
    assert bob.sees(Joined).members == ["ann", "bob"]
    assert ann.sees(Came).nick == "bob"
    bob.leaves()
    assert ann.sees(Went) == Went("bob", "quit")


def test_a_taken_nick_is_refused_and_another_may_be_tried(lab: Lab) -> None:
    """ANN is ann: refused. The same person gets in under another name."""
    lab.join("ann")
    second = lab.member("ANN")
    second.client.start()
    assert second.sees(Refused).code == "nick-taken"
    lab.join("ann2")


def test_emote_direct_and_who_do_what_they_say(lab: Lab) -> None:
    """An emote goes to all, a direct message to one and back, who is answered; a wrong nick is an error."""
    ann, bob, eve = lab.join("ann"), lab.join("bob"), lab.join("eve")
    ann.sends(Act(message="waves"))
    assert bob.sees(Spoken).kind == "emote"
    assert eve.sees(Spoken).kind == "emote"
    assert ann.sees(Spoken).kind == "emote"
    ann.sends(Tell(to="BOB", message="psst"))
    assert bob.sees(Spoken).to == "bob"
    assert ann.sees(Spoken).round_trip is not None
    ann.sends(Tell(to="nobody", message="psst"))
    assert ann.sees(Notice).error
    ann.sends(Who())
    assert ann.sees(Present).members == ["ann", "bob", "eve"]
    ann.says("did eve hear that?")
    eve.hears("ann", "did eve hear that?")


def test_a_stopping_server_says_goodbye(lab: Lab) -> None:
    """Every client learns at once that the server has stopped; whoever is not to come back ends."""
    ann, bob = lab.join("ann", reconnect=False), lab.join("bob", reconnect=False)
    lab.stop()
    for member in (ann, bob):
        assert "goodbye" in member.sees(Ended).reason


def test_a_thousand_messages_of_ten_members_are_all_accounted_for(lab: Lab) -> None:
    """Over TCP each of 10 x 1,000 arrives once and in order. Over UDP what is lost on the way from the room is counted
    to the last; what is lost on the way to it never had a number."""
    members = [lab.join(f"m{number}") for number in range(10)]
    for member in members:
        while member.sees(Came).nick != "m9":
            pass

    def talk(member: Member) -> None:
        for number in range(100):
            member.says(f"{member.nick} {number}")

    talkers = [threading.Thread(target=talk, args=(member,)) for member in members]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    numbered = 1000
    if lab.transport == "udp":
        lab.join("last")  # one datagram socket keeps its order: this number comes after all others
        numbered = lab.server.room.seq - len(members) - 1  # the rest are joins
    orders = []
    for member in members:
        heard: list[str] = []
        while len(heard) < numbered:
            event = member.sees(Spoken, Came)
            if isinstance(event, Spoken):
                heard.append(event.text)
            if isinstance(event, Came) and event.nick == "last":
                break
        tracker = member.client.session.statistics.tracker
        assert len(heard) == len(set(heard))
        assert tracker.lost == numbered - len(heard)
        assert tracker.doubled == tracker.out_of_order == 0
        orders.append(heard)
    if lab.transport == "tcp":
        assert all(len(order) == 1000 for order in orders)
        assert all(order == orders[0] for order in orders)


GARBAGE = [
    b"",
    b"\x00",
    b"\xff" * 100,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"[" * 16_000,
    b'{"type":"chat","message":' + b"[" * 9_000 + b"}",
    b'{"type":"hello"}',
    b'{"type":"hello","nick":7}',
    b'{"type":"hello","nick":"a b"}',
    b'{"type":"nonsense"}',
    b'{"type":"chat","message":"before hello"}',
    b'{"type":"chat","message":"\xff"}',
    b'{"type":"chat","message":"a","id":1e999}',
    b"\xef\xbb\xbf{}",
    b"null",
    b"x" * 65_507,
]


def test_garbage_from_many_sources_disturbs_nobody(lab: Lab) -> None:
    """While two people talk, strangers send every kind of garbage: not a word is lost."""
    ann, bob = lab.join("ann"), lab.join("bob")
    strangers: list[Stranger] = []
    for number, garbage in enumerate(GARBAGE * 3):
        ann.says(f"message {number}")
        stranger = lab.stranger()
        strangers.append(stranger)
        if lab.transport == "udp":
            stranger.socket.send(garbage)
        else:
            stranger.sends_bytes(garbage)  # no length in front, or the wrong one
            stranger.sends_bytes(len(garbage).to_bytes(2, "big") + garbage)
        if number % 3 == 0:
            stranger.socket.close()
        bob.hears("ann", f"message {number}")
        ann.hears("ann", f"message {number}")
    for member in (ann, bob):
        tracker = member.client.session.statistics.tracker
        assert (tracker.lost, tracker.doubled, tracker.out_of_order) == (0, 0, 0)


def test_a_member_who_sends_garbage_is_told_and_after_ten_sent_away(lab: Lab) -> None:
    """Nine messages that do not fit are answered with what is wrong; after the tenth the member is gone."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    for _ in range(limits.MAX_VIOLATIONS):
        eve.sends_payload(b'{"type":"chat","token":"%s"}' % eve.token.encode())
        refusal = eve.gets(Error)
        assert refusal.code == "bad-message"
        assert "message" in refusal.message
    assert ann.sees(Went) == Went("eve", "kicked")


def test_an_unknown_type_is_told_and_forgiven(lab: Lab) -> None:
    """A message of a later version of the protocol does not count against its sender."""
    eve = lab.stranger().joins("eve")
    for _ in range(limits.MAX_VIOLATIONS + 1):
        eve.sends_payload(b'{"type":"dance","token":"%s"}' % eve.token.encode())
        assert eve.gets(Error).code == "unknown-type"
    eve.sends(Ping(token=eve.token))
    eve.gets(Pong)


def test_hello_again_is_welcome_again_and_with_another_nick_an_error(lab: Lab) -> None:
    """A repeated hello (its answer may have been lost) is answered again; nobody has two names."""
    eve = lab.stranger().joins("eve")
    token = eve.token
    assert eve.joins("EVE").token == token
    eve.sends(Hello(nick="mallory", lab=1, cookie=eve.cookie))
    assert eve.gets(Error).code == "already-joined"


def test_an_empty_message_is_refused_and_forgiven(lab: Lab) -> None:
    """An empty message says nothing; its `id` tells the client which one was refused."""
    eve = lab.stranger().joins("eve")
    eve.sends(Say(message="", id=7, token=eve.token))
    refusal = eve.gets(Error)
    assert (refusal.code, refusal.id) == ("empty", 7)


def test_a_flood_is_slowed_over_tcp_and_cut_over_udp(transport: str) -> None:
    """Past its allowance TCP reads a member more slowly and loses nothing; UDP drops the surplus and says so."""
    with Lab(transport, rate=500.0, burst=5) as lab:
        ann, bob = lab.join("ann"), lab.join("bob")
        for number in range(100):
            ann.says(str(number))
        if transport == "tcp":
            for number in range(100):
                bob.hears("ann", str(number))
        else:
            assert "more than 500 messages" in ann.sees(Notice).text
            assert bob.sees(Spoken).text == "0"
            assert lab.log.counts["dropped: too fast"] > 0


def test_goodbye_ends_it(lab: Lab) -> None:
    """A client that says leave has left."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    eve.sends(Goodbye(token=eve.token))
    assert ann.sees(Went) == Went("eve", "quit")


def test_every_member_is_sent_the_same_numbers(lab: Lab) -> None:
    """join, chat and leave share one counter, without a gap, the same for everybody."""
    one, two = lab.stranger().joins("one"), lab.stranger().joins("two")
    one.sends(Say(message="a", token=one.token))
    chats = [stranger.gets(Chat) for stranger in (one, two)]
    assert chats[0] == chats[1]
    two.sends(Goodbye(token=two.token))
    assert one.gets(Leave).seq == (chats[0].seq or 0) + 1


def test_a_port_in_use_is_explained(lab: Lab) -> None:
    """A second server on the same port is refused with a sentence; the first one goes on."""
    with pytest.raises(Unusable, match="in use"):
        Lab(lab.transport, port=lab.address[1])
    lab.join("ann")

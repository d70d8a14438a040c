"""A server goes and returns, on real sockets: written once, run for both transports."""

import pytest

from common import limits
from common.events import Back, Came, Unconfirmed, Went
from common.messages import Act, Hello, Say, Tell, Who, encode
from common.session import NotSent
from tcp.framing import frame
from tests.lab import Held, Lab, Member


@pytest.mark.usefixtures("soon")
def test_a_client_comes_back_to_a_server_that_was_started_again(lab: Lab) -> None:
    """Away with the reason, Back with who is here; the nick is its own again, it hears and is heard."""
    ann, bob = lab.join("ann"), lab.join("bob")
    lab.stop()
    for member in (ann, bob):
        assert "goodbye" in member.is_away().reason
    lab.restart()
    for member in (ann, bob):
        back = member.is_back()
        assert (back.nick, back.missed) == (member.nick, None)
        assert member.nick in back.members
    ann.says("hi")
    bob.hears("ann", "hi")
    assert ann.hears("ann", "hi").round_trip is not None
    for member in (ann, bob):
        statistics = member.client.session.statistics
        assert (statistics.away, statistics.missed, statistics.tracker.lost) == (1, 0, 0)
        assert dict(statistics.rows())["away"] == "once"


@pytest.mark.usefixtures("soon")
def test_it_comes_back_as_often_as_the_server_does(lab: Lab) -> None:
    """Three times; and the last server knows it under one name, once."""
    ann = lab.join("ann")
    for _ in range(3):
        lab.restart()
        ann.is_away()
        assert ann.is_back().members == ["ann"]
    ann.says("hi")
    ann.hears("ann", "hi")
    assert ann.client.session.statistics.away == 3
    assert len(lab.server.room) == 1


@pytest.mark.usefixtures("soon")
def test_what_was_unconfirmed_is_told_and_can_be_said_again(lab: Lab) -> None:
    """The server goes before it has dealt with a message: told when it goes; said again it has its receipt."""
    ann = lab.join("ann")
    receive = lab.server.room.receive
    lab.server.room.receive = lambda peer, message, now: (
        [] if isinstance(message, Say) else receive(peer, message, now)
    )
    ann.says("lost")
    ann.says("lost, too")
    lab.stop()
    ann.is_away()
    assert [ann.sees(Unconfirmed).text for _ in range(2)] == ["lost", "lost, too"]
    lab.restart()
    ann.is_back()
    assert ann.client.retry() == 2
    ann.hears("ann", "lost")
    ann.hears("ann", "lost, too")
    statistics = ann.client.session.statistics
    assert (statistics.sent, statistics.confirmed, ann.client.session.waiting) == (2, 2, 0)


def test_what_is_said_meanwhile_is_refused(lab: Lab, held: Held) -> None:
    """Nobody would hear it: said at once, counted as neither sent nor lost."""
    ann = lab.join("ann")
    lab.stop()
    ann.is_away()
    for message in (Say(message="hi"), Act(message="waves"), Tell(to="bob", message="psst"), Who()):
        with pytest.raises(NotSent, match="nothing was sent"):
            ann.sends(message)
    assert ann.client.session.statistics.sent == 0
    lab.restart()
    held.free.set()
    ann.is_back()
    ann.says("now")
    ann.hears("ann", "now")


def test_a_client_may_leave_while_its_server_is_gone(lab: Lab, held: Held) -> None:
    """Before it is time to ask again, and between two attempts; its thread ends (the fixture sees to that)."""
    ann, bob = lab.join("ann"), lab.join("bob")
    lab.stop()
    ann.is_away()
    bob.is_away()
    held.free.set()
    ann.leaves()
    bob.leaves()
    assert ann.events.empty(), "leaving is no news"


def test_who_is_not_to_come_back_ends(lab: Lab) -> None:
    """--no-reconnect: the server's goodbye is the end, whether or not it returns."""
    ann = lab.join("ann", reconnect=False)
    lab.restart()
    assert "goodbye" in ann.has_ended().reason
    assert ann.client.session.ended
    lab.join("ann")


@pytest.mark.usefixtures("soon")
def test_who_was_sent_away_stays_away(lab: Lab) -> None:
    """Ten messages that are none: kicked, and not back by itself."""
    bob, eve = lab.join("bob"), lab.join("eve")
    payload = b'{"type":"chat","token":"%s"}' % eve.client.session.token.encode()
    for _ in range(limits.MAX_VIOLATIONS):
        eve.client._socket.sendall(frame(payload) if lab.transport == "tcp" else payload)
    ended = eve.has_ended()
    assert "sent too much" in ended.reason
    assert bob.sees(Went) == Went("eve", "kicked")
    bob.says("anybody else?")
    bob.hears("bob", "anybody else?")
    assert len(lab.server.room) == 1


def test_a_nick_that_somebody_has_taken_meanwhile_ends_it(lab: Lab, held: Held) -> None:
    """Said in words; the other one keeps it."""
    ann = lab.join("ann")
    lab.restart()
    ann.is_away()
    mallory = lab.stranger().joins("ANN")
    held.free.set()
    ended = ann.has_ended()
    assert "can't come back" in ended.reason
    assert "has this nick" in ended.reason
    mallory.sends(Say(message="mine", token=mallory.token))
    assert lab.server.room.peer("ann") is not None


def test_a_room_that_is_full_meanwhile_is_asked_again(lab: Lab, held: Held) -> None:
    """`full` is no end: the client goes on asking, and is in when somebody has left."""
    ann = lab.join("ann")
    lab.restart(max_members=1)
    ann.is_away()
    mallory = lab.join("mallory")
    held.free.set()
    while lab.log.counts["refused: full"] < 3:
        mallory.says("tick")
        mallory.hears("mallory", "tick")
    mallory.leaves()
    assert ann.is_back() == Back("ann", ["ann"])


def test_ten_clients_come_back_to_one_server(lab: Lab, held: Held) -> None:
    """All at the same moment: each has its nick, everybody hears everybody."""
    members = [lab.join(f"n{number}") for number in range(10)]
    lab.restart()
    for member in members:
        member.is_away()
    held.free.set()
    for member in members:
        member.is_back()
    for member in members:
        member.says(member.nick)
        for other in members:
            other.hears(member.nick, member.nick)


def test_a_stranger_may_come_first(lab: Lab, held: Held) -> None:
    """Whoever takes another nick meanwhile is no obstacle, and sees the others come back."""
    ann = lab.join("ann")
    lab.restart()
    ann.is_away()
    new = lab.join("new")
    held.free.set()
    assert ann.is_back().members == ["new", "ann"]
    while new.sees(Came).nick != "ann":
        pass


def test_hello_after_hello_shows_the_token(lab: Lab) -> None:
    """A member's hello has the token from the first welcome on: over both transports it may have to come back."""
    ann: Member = lab.join("ann")
    hello = ann.client.session.hello()
    assert isinstance(hello, Hello)
    assert hello.token == ann.client.session.token != ""
    assert b'"token"' in encode(hello)

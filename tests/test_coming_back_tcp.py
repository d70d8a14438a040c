"""Coming back over TCP: connections that are cut, taken over, or can't be made."""

import itertools
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from common import addresses, limits
from common.command_line import ClientOptions
from common.events import Back, Came, Joined, Spoken, Unconfirmed, Went
from common.messages import Chat, Error, Hello, Join, Say, Welcome, encode
from tcp.framing import frame
from tests.forwarder import Forwarder
from tests.lab import PATIENCE, PLATFORM, Held, Lab, Member
from tests.plain import PlainServer


@pytest.fixture
def transport() -> str:
    """Only TCP here."""
    return "tcp"


@pytest.fixture
def wire(lab: Lab) -> Iterator[Forwarder]:
    """A wire to the lab's server."""
    with Forwarder(lab.address) as wire:
        yield wire


# --- the same room --------------------------------------------------------------------------------


@pytest.mark.parametrize("server_sees_it", [True, False], ids=["the server sees it", "half-open"])
@pytest.mark.parametrize("said", [0, 1, 20])
def test_what_was_missed_is_what_went_by(
    lab: Lab, wire: Forwarder, held: Held, said: int, server_sees_it: bool
) -> None:
    """Cut off, while the others talk: as many as they said; and the leave, if the server saw it. Lost: none."""
    bob = lab.join("bob")
    ann = lab.join("ann", port=wire.port)
    ann.says("before")
    bob.hears("ann", "before")
    ann.hears("ann", "before")
    wire.cut(server_sees_it=server_sees_it)
    ann.is_away()
    if server_sees_it:
        assert bob.sees(Went).nick == "ann"
    for number in range(said):
        bob.says(str(number))
        bob.hears("bob", str(number))
    held.free.set()
    assert ann.is_back().missed == said + server_sees_it
    ann.says("after")
    bob.hears("ann", "after")
    ann.hears("ann", "after")
    statistics = ann.client.session.statistics
    assert (statistics.missed, statistics.away) == (said + server_sees_it, 1)
    tracker = statistics.tracker
    assert (tracker.lost, tracker.doubled, tracker.out_of_order) == (0, 0, 0)


def test_a_nick_held_by_a_dead_connection_is_given_back(lab: Lab, wire: Forwarder, held: Held) -> None:
    """The server has not noticed that the connection is dead: nobody hears of it, then or later."""
    bob = lab.join("bob")
    ann = lab.join("ann", port=wire.port)
    assert bob.sees(Came).nick == "bob"
    assert bob.sees(Came).nick == "ann"
    for number in range(3):
        held.free.clear()
        wire.cut(server_sees_it=False)
        ann.is_away()
        held.free.set()
        assert ann.is_back() == Back("ann", ["bob", "ann"], missed=0)
        ann.says(str(number))
        assert isinstance(bob.sees(Spoken, Came, Went), Spoken)
        ann.hears("ann", str(number))
    assert lab.server.room.seq == 2 + 3
    ann.leaves()
    assert bob.sees(Came, Went) == Went("ann", "quit")


def test_what_was_said_into_a_dead_connection_is_told(lab: Lab, wire: Forwarder, held: Held) -> None:
    """It has no receipt, so it counts as lost, though the room may have heard it."""
    bob = lab.join("bob")
    ann = lab.join("ann", port=wire.port)
    lab.server.room.receive, receive = (lambda peer, message, now: []), lab.server.room.receive
    ann.says("hi")
    wire.cut(server_sees_it=True)
    ann.is_away()
    assert ann.sees(Unconfirmed).text == "hi"
    lab.server.room.receive = receive
    held.free.set()
    ann.is_back()
    assert ann.client.retry() == 1
    bob.hears("ann", "hi")


# --- the token ------------------------------------------------------------------------------------


def test_a_second_connection_with_the_token_takes_over(lab: Lab) -> None:
    """Welcome with the same token; the old one is closed, and nobody else hears a leave or a join."""
    ann = lab.join("ann")
    old = lab.stranger().joins("eve")
    assert [ann.sees(Came).nick for _ in range(2)] == ["ann", "eve"]
    new = lab.stranger()
    new.sends(Hello(nick="EVE", lab=1, token=old.token))
    welcome = new.gets_any()
    assert isinstance(welcome, Welcome)
    assert (welcome.nick, welcome.token, welcome.members) == ("eve", old.token, ["ann", "eve"])
    assert old.is_cut_off()
    old.socket.close()
    new.sends(Say(message="it is me"))
    assert isinstance(ann.sees(Spoken, Came, Went), Spoken)
    assert new.gets(Chat).message == "it is me"
    assert lab.server.room.seq == 3


def test_what_the_old_connection_still_says_does_not_count(lab: Lab) -> None:
    """It is over for it, whatever is under way."""
    ann, old = lab.join("ann"), lab.stranger().joins("eve")
    new = lab.stranger()
    new.sends(Hello(nick="eve", lab=1, token=old.token))
    new.gets(Welcome)
    old.sends(Say(message="from the grave"))
    old.sends(Hello(nick="zombie", lab=1))
    assert old.is_cut_off()
    new.sends(Say(message="alive"))
    ann.hears("eve", "alive")
    assert len(lab.server.room) == 2


@pytest.mark.parametrize("wrong", ["", "x" * 11, "another's", "almost"])
def test_a_wrong_token_is_a_taken_nick(lab: Lab, wrong: str) -> None:
    """And disturbs nobody."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    token = {"another's": ann.client.session.token, "almost": eve.token[:-1]}.get(wrong, wrong)
    mallory = lab.stranger()
    mallory.sends(Hello(nick="eve", lab=1, token=token))
    assert mallory.gets(Error).code == "nick-taken"
    eve.sends(Say(message="still here"))
    ann.hears("eve", "still here")


def test_a_plain_member_has_no_token_to_prove_itself(lab: Lab) -> None:
    """It was never told one: its nick is free when its connection has ended, and not before."""
    ann, plain = lab.join("ann"), lab.stranger().joins("pat", lab=0)
    assert b"token" not in plain.socket.recv(limits.RECV_SIZE)
    for lab_member in (1, 0):
        other = lab.stranger()
        other.sends(Hello(nick="pat", lab=lab_member))
        if lab_member:
            assert other.gets(Error).code == "nick-taken"
        else:
            assert other.is_cut_off()
    plain.socket.close()
    ann.sees(Went)
    lab.join("pat")


# --- waiting --------------------------------------------------------------------------------------


class Waits(threading.Event):
    """In place of the event that a client waits for: notes how long it would have waited, and does not."""

    def __init__(self, enough: int) -> None:
        super().__init__()
        self.noted: list[float | None] = []
        self.noticed = threading.Event()
        """Whether the server knows that we are gone: nobody is back before that."""
        self.noticed.set()
        self._enough = enough

    def wait(self, timeout: float | None = None) -> bool:
        assert self.noticed.wait(PATIENCE)
        self.noted.append(timeout)
        if len(self.noted) == self._enough:
            self.set()
        return self.is_set()


def test_the_waits_grow_and_then_stay(lab: Lab) -> None:
    """0.5, 1, 2, 4, 8 s, and then every 8 s, as long as nobody listens there."""
    ann = lab.member("ann")
    waits = ann.client._closing = Waits(8)
    ann.joins()
    lab.stop()
    ann.is_away()
    ann.client._receiving.join(PATIENCE)
    assert waits.noted == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]


def test_a_server_that_does_not_let_us_in_is_asked_less_often_too(lab: Lab) -> None:
    """`full`, and closed: an attempt like any other. Once we are in, the waits begin anew."""
    ann = lab.member("ann")
    waits = ann.client._closing = Waits(100)
    ann.joins()
    lab.server.room._max_members = 0
    connect, leave = lab.server.room.connect, lab.server.room.leave

    def connects(peer: object, now: float) -> object:
        if len(waits.noted) == 6:
            lab.server.room._max_members = 1
        return connect(peer, now)

    def leaves(peer: object, reason: str, now: float) -> object:
        actions = leave(peer, reason, now)
        waits.noticed.set()
        return actions

    lab.server.room.connect, lab.server.room.leave = connects, leaves
    cut(lab, waits)
    ann.is_back()
    assert waits.noted == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    cut(lab, waits)
    ann.is_back()
    assert waits.noted[6] == 0.5


def cut(lab: Lab, waits: Waits) -> None:
    """Break the one connection from the server's side."""
    waits.noticed.clear()
    (connection,) = [one for one in list(lab.server._connections) if one in lab.server.room]
    connection.sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.skipif(
    PLATFORM == "win32", reason="nothing wakes connect there: leaving may take CONNECT_TIMEOUT"
)
def test_leaving_does_not_wait_for_a_connection_that_hangs(
    monkeypatch: pytest.MonkeyPatch, held: Held
) -> None:
    """Nobody answers our SYN (a listener whose queue is full does that): close() returns all the same."""
    monkeypatch.setattr(limits, "CONNECT_TIMEOUT", 3600.0)
    with ExitStack() as exits:
        listener = exits.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        ann = Member("tcp", ClientOptions(port=listener.getsockname()[1]), "ann")
        server = exits.enter_context(listener.accept()[0])
        ann.client.start()
        server.sendall(frame(encode(Welcome(nick="ann", members=["ann"], seq=0))))
        ann.sees(Joined)
        for _ in range(4):  # more than the queue holds
            filling = exits.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(listener.getsockname())
        connecting = threading.Event()
        make = socket.socket

        def socket_that_tells(*arguments: int) -> socket.socket:
            made = make(*arguments)
            connecting.set()
            return made

        server.close()
        ann.is_away()
        monkeypatch.setattr("tcp.client.socket.socket", socket_that_tells)
        held.free.set()
        assert connecting.wait(PATIENCE)
        leaving = threading.Thread(target=ann.leaves, name="leaving", daemon=True)
        leaving.start()
        leaving.join(PATIENCE)
        assert not leaving.is_alive(), "it waits for the connection"


def test_a_name_whose_server_moves_is_asked_everywhere(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, held: Held
) -> None:
    """localhost may be ::1 and 127.0.0.1: who comes back asks at both again."""
    with Lab("tcp") as other:
        both = [(socket.AF_INET, lab.address), (socket.AF_INET, other.address)]
        monkeypatch.setattr(addresses, "resolve", lambda *_: list(both))
        ann = Member("tcp", ClientOptions(host="localhost"), "ann").joins()
        assert len(lab.server.room) == 1
        lab.stop()
        ann.is_away()
        held.free.set()
        assert ann.is_back().missed is None
        assert len(other.server.room) == 1
        ann.leaves()


# --- servers that are not ours ----------------------------------------------------------------------


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("echo_join", [True, False])
def test_a_plain_server_that_is_started_again(echo_join: bool) -> None:
    """A server from Beej's chapter: back, although it never answers hello; and it is talked to as before."""
    server = PlainServer(4096, echo_join=echo_join)
    ann = Member("tcp", ClientOptions(port=server.port), "ann")
    ann.client.start()
    ann.client.unanswered()
    ann.sees(Joined)
    ann.says("before")
    ann.hears("ann", "before")
    server.stop()
    ann.is_away()
    server = PlainServer(4096, echo_join=echo_join, port=server.port)
    assert ann.is_back() == Back("ann", [], missed=None)
    ann.says("after")
    ann.hears("ann", "after")
    assert ann.client.session.plain
    ann.leaves()
    server.stop()


@pytest.mark.usefixtures("soon")
def test_a_plain_server_may_once_have_said_something_odd() -> None:
    """What can't be read was counted long ago: no reason not to come back to a plain server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        ann = Member("tcp", ClientOptions(port=listener.getsockname()[1]), "ann")
        ann.client.start()
        with listener.accept()[0] as connection:
            connection.sendall(frame(encode(Join(nick="ann"))) + frame(b'{"type":"fancy"}'))
            ann.sees(Joined)
        ann.is_away()
        with listener.accept()[0]:
            ann.is_back()
            ann.leaves()


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("word", [b"\x00\x00", b"\x00\x04half"[:4], b""], ids=["length 0", "half", "nothing"])
def test_a_server_that_closes_at_once_is_asked_again(word: bytes) -> None:
    """Something else listens there meanwhile. What is no frame at all ends it; the rest is tried again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        ann = Member("tcp", ClientOptions(port=listener.getsockname()[1]), "ann")
        ann.client.start()
        with listener.accept()[0] as connection:
            connection.sendall(frame(encode(Welcome(nick="ann", members=["ann"], seq=0))))
            ann.sees(Joined)
        ann.is_away()
        for _ in range(2):
            with listener.accept()[0] as connection:
                connection.recv(100)
                connection.sendall(word)
            if word == b"\x00\x00":
                assert "does not speak" in ann.has_ended().reason
                ann.leaves()
                return
        with listener.accept()[0] as connection:
            connection.sendall(frame(encode(Welcome(nick="ann", members=["ann"], seq=0))))
            ann.is_back()
            ann.leaves()


@pytest.mark.usefixtures("soon")
def test_a_send_that_waits_is_woken_when_the_server_goes() -> None:
    """A server that reads nothing and then closes its direction: the person's thread is not held for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as exits:
        listener.settimeout(PATIENCE)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        ann = Member("tcp", ClientOptions(port=listener.getsockname()[1]), "ann")
        ann.client._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        ann.client.start()
        connection = exits.enter_context(listener.accept()[0])
        connection.sendall(frame(encode(Welcome(nick="ann", members=["ann"], seq=0))))
        ann.sees(Joined)
        talking = threading.Thread(target=talk, args=(ann,), name="talking", daemon=True)
        talking.start()
        while select.select([], [ann.client._socket], [], 0)[1]:
            pass  # until it is in the middle of a message that is larger than all buffers
        connection.shutdown(socket.SHUT_WR)
        exits.enter_context(listener.accept()[0])
        talking.join(PATIENCE)
        assert not talking.is_alive()
        ann.leaves()


def talk(member: Member) -> None:
    """Talk until it is refused: more than any buffer holds."""
    for _ in itertools.count():
        try:
            member.says("x" * 16_000)
        except ValueError:
            return

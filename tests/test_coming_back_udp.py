"""Coming back over UDP: servers that do not know us, fall silent, say goodbye; and datagrams that lie about it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from common import limits
from common.command_line import ClientOptions
from common.events import Away, Back, Came, Ended, Joined, Spoken, Unconfirmed, Went
from common.messages import (
    Act,
    Bye,
    Challenge,
    ClientMessage,
    Error,
    Goodbye,
    Hello,
    Ping,
    Say,
    Tell,
    Unknown,
    Welcome,
    Who,
    encode,
)
from tests.lab import Lab, Member
from tests.test_udp_client import FakeServer


@pytest.fixture
def transport() -> str:
    """Only UDP here."""
    return "udp"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A fake server."""
    server = FakeServer()
    yield server
    server.socket.close()


@pytest.fixture
def ann(server: FakeServer) -> Iterator[Member]:
    """A client of it that comes back and has not said hello."""
    member = Member("udp", ClientOptions(port=server.port, heartbeat=0.2), "ann")
    yield member
    member.leaves()


def hello(server: FakeServer) -> Hello:
    """The next hello of the client; heartbeats before it are passed over."""
    while not isinstance(message := server.gets(), Hello):
        pass
    return message


# --- the server: `unknown` ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        Say(message="hi", token="x"),
        Act(message="", token="x"),
        Tell(to="", message="", token="x"),
        Who(token="x"),
        Ping(token="x"),
        Goodbye(token="x"),
        Ping(token="nobody's token"),
        Ping(token="ключ"),
    ],
)
def test_a_token_that_nobody_has_is_unknown(lab: Lab, message: ClientMessage) -> None:
    """However short it was, the answer is not longer; and nothing is kept."""
    stranger = lab.stranger()
    size = stranger.sends(message)
    answer = stranger.gets_any()
    assert answer == Unknown()
    assert len(encode(Unknown())) <= size
    assert len(lab.server.room) == len(lab.server._registry) == 0


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"dance","token":"x"}',
        b'{"type":"chat","token":"x"}',
        b'{"type":"ping","token":"x","more":1}',
    ],
)
def test_what_does_not_fit_may_carry_a_token_too(lab: Lab, payload: bytes) -> None:
    """A later version of the client, whose server was started again."""
    stranger = lab.stranger()
    stranger.sends_payload(payload)
    assert stranger.gets_any() == Unknown()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"x" * 5000,
        b'{"type":"ping"}',
        b'{"type":"ping","token":""}',
        b'{"type":"chat","message":"hi"}',
        b'{"token":"x"}',
        b'{"type":"ping","token":7}',
        b'{"type":"dance"}',
    ],
)
def test_a_stranger_without_a_token_is_not_answered(lab: Lab, payload: bytes) -> None:
    """It has no reason to believe that it is a member."""
    ann, stranger = lab.join("ann"), lab.stranger()
    stranger.socket.send(payload)
    ann.says("later")
    ann.hears("ann", "later")
    assert stranger.hears_nothing()


def test_a_stranger_never_gets_three_times_what_it_sent(lab: Lab) -> None:
    """Whatever it says, in whatever order, with a token or without: all that comes back is counted."""
    ann, stranger = lab.join("ann"), lab.stranger()
    token = ann.client.session.token
    sent = sum(
        stranger.sends(message)
        for message in [
            *(Hello(nick="a" * size, lab=1) for size in (0, 1, 32, 33, 5000)),
            Hello(nick="ann", lab=1, token="x"),
            Hello(nick="ann", lab=1, token=token),  # overheard
            Hello(nick="a", cookie="A" * 22),
            *(kind(token=token) for kind in (Ping, Who, Goodbye)),
            *(kind(token="x") for kind in (Ping, Who, Goodbye)),
            Say(message="x" * 1000, token="x"),
            Say(message="hi"),
        ]
    )
    ann.says("later")
    ann.hears("ann", "later")
    stranger.socket.setblocking(False)
    got = 0
    try:
        while data := stranger.socket.recv(limits.RECV_SIZE):
            got += len(data)
    except BlockingIOError:
        pass
    assert 0 < got <= limits.AMPLIFICATION * sent
    assert len(lab.server.room) == 1


# --- the client -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("soon")
def test_who_is_unknown_says_hello_again(server: FakeServer, ann: Member) -> None:
    """With its nick and its token, without the old cookie; challenged, with the new one; and is in another room."""
    server.welcomes(ann)
    ann.says("anybody?")
    while not isinstance(server.gets(), Say):
        pass
    server.sends(Unknown())
    assert "does not know us" in ann.is_away().reason
    assert ann.sees(Unconfirmed).text == "anybody?"
    assert hello(server) == Hello(nick="ann", lab=1, token="secret")
    server.sends(Challenge(cookie="biscuit"))
    while not (again := hello(server)).cookie:
        pass
    assert again == Hello(nick="ann", lab=1, token="secret", cookie="biscuit")
    server.sends(Welcome(nick="ann", members=["ann"], seq=0, token="new", room="another"))
    assert ann.is_back() == Back("ann", ["ann"], missed=None)
    ann.says("hi")
    while not isinstance(message := server.gets(), Say):
        pass
    assert (message.message, message.token) == ("hi", "new")


def test_a_server_that_was_killed_and_started_again_is_noticed(lab: Lab, soon: None) -> None:
    """It said no goodbye, and its port was never seen closed: the next heartbeat tells."""
    ann = lab.join("ann", heartbeat=0.2)
    lab.server._say_goodbye = lambda: None
    lab.restart()
    assert "does not know us" in ann.is_away().reason
    assert ann.is_back().missed is None
    ann.says("hi")
    ann.hears("ann", "hi")


@pytest.mark.usefixtures("soon")
def test_a_forged_unknown_costs_no_membership(lab: Lab) -> None:
    """Somebody else says that the server does not know us: it does. The same member with the same token; no
    number is used, and the others see nothing."""
    ann, bob = lab.join("ann"), lab.join("bob")
    token = ann.client.session.token
    address = ann.client._socket.getsockname()
    for _ in range(2):
        lab.server._socket.sendto(encode(Unknown()), address)
        ann.is_away()
        assert ann.is_back() == Back("ann", ["ann", "bob"], missed=0)
    assert ann.client.session.token == token
    ann.says("still me")
    assert [type(bob.sees(Spoken, Came, Went)) for _ in range(2)] == [Came, Spoken]
    assert lab.server.room.seq == 3


def test_unknown_before_we_are_in_is_passed_over(server: FakeServer, ann: Member) -> None:
    """We have no token that could be unknown: a lie. It does not keep us out."""
    ann.client.start()
    server.gets()
    for _ in range(3):
        server.sends(Unknown())
    server.sends(Welcome(nick="ann", members=["ann"], seq=0, token="secret"))
    assert isinstance(ann.sees(Joined, Ended, Away), Joined)


def test_unknown_ends_who_is_not_to_come_back(server: FakeServer) -> None:
    """--no-reconnect."""
    member = Member("udp", ClientOptions(port=server.port, reconnect=False), "ann")
    server.welcomes(member)
    server.sends(Unknown())
    assert "does not know us" in member.has_ended().reason
    assert member.client.session.ended
    member.leaves()


def silent(_: FakeServer) -> None:
    """Says nothing more."""


def closed(server: FakeServer) -> None:
    """Is gone, and its port with it; then it is there again."""
    server.socket.close()


def stopped(server: FakeServer) -> None:
    """Says goodbye."""
    server.sends(Bye(reason="it was stopped", cause="stopped"))


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("goes", "says"), [(silent, "not been heard of"), (closed, "is closed"), (stopped, "goodbye")]
)
def test_however_a_server_goes_it_is_waited_for(
    server: FakeServer, ann: Member, goes: Callable[[FakeServer], None], says: str
) -> None:
    """Away, with the reason; and back as soon as it answers."""
    server.welcomes(ann)
    goes(server)
    assert says in ann.is_away().reason
    if server.socket.fileno() < 0:
        server.reopens()
    hello(server)
    server.sends(Welcome(nick="ann", members=["ann"], seq=12, token="secret", room="another"))
    ann.is_back()


# --- the waits ------------------------------------------------------------------------------------


class Attempts:
    """A client without its thread, and its clock: what it sends while its server is gone."""

    def __init__(self, server: FakeServer, client: Any) -> None:
        self.server = server
        self.client = client
        self.server.socket.settimeout(0)
        self.client._put(Ping())
        self.start = time.monotonic()
        self.drain()
        self.client._hear(Welcome(nick="ann", members=["ann"], seq=0, token="t", room="r"))

    def drain(self) -> list[Any]:
        """What has been sent since the last time."""
        messages = []
        while True:
            try:
                messages.append(self.server.gets())
            except BlockingIOError:
                return messages

    def goes(self) -> None:
        """The server is gone."""
        self.client._gone("Gone.")

    def seconds_of_hellos(self, until: float, answer: Callable[[], None] = lambda: None) -> list[float]:
        """When hellos were sent, in seconds since now; each is answered."""
        sent, now = [], 0.0
        while now <= until:
            self.client._tick(self.start + now)
            while any(isinstance(message, Hello) and not message.cookie for message in self.drain()):
                sent.append(now)
                answer()
            now += 0.125
        self.start += now
        return sent


@pytest.fixture
def attempts(server: FakeServer) -> Iterator[Attempts]:
    """A client that is in, and whose thread was never started."""
    member = Member("udp", ClientOptions(port=server.port), "ann")
    yield Attempts(server, member.client)
    member.client._socket.close()


WAITED = [0.5, 1.5, 3.5, 7.5, 15.5, 23.5, 31.5]
"""After 0.5, 1, 2, 4, 8 s and then every 8 s."""


def test_the_waits_grow_and_then_stay(attempts: Attempts) -> None:
    """As long as nobody answers."""
    attempts.goes()
    assert attempts.seconds_of_hellos(32.0) == WAITED


def test_they_begin_anew_with_the_next_absence(attempts: Attempts) -> None:
    """Once we were in."""
    for _ in range(3):
        attempts.goes()
        assert attempts.seconds_of_hellos(8.0) == WAITED[:4]
        attempts.client._hear(Welcome(nick="ann", members=["ann"], seq=0, token="t", room="r"))


def test_a_full_room_is_not_asked_more_often(attempts: Attempts) -> None:
    """Challenged, and refused each time: an attempt like any other, and no reason to hurry."""

    def refuse() -> None:
        attempts.client._hear(Challenge(cookie="biscuit"))
        attempts.client._hear(Error(code="full", message="The room is full."))

    attempts.goes()
    assert attempts.seconds_of_hellos(32.0, refuse) == WAITED
    assert attempts.client.session.away


def test_challenges_are_answered_only_so_often(attempts: Attempts) -> None:
    """A server, or somebody else, that challenges all the time has us say five hellos for one attempt."""
    attempts.goes()
    for number in range(20):
        attempts.client._hear(Challenge(cookie=str(number)))
    assert len(attempts.drain()) == limits.MAX_CHALLENGES


def test_while_away_nothing_else_is_sent(attempts: Attempts) -> None:
    """No heartbeats, no goodbye: hello says it all."""
    attempts.goes()
    sent: list[Any] = []
    for second in range(60):
        attempts.client._tick(attempts.start + second)
        sent += attempts.drain()
    assert {type(message) for message in sent} == {Hello}

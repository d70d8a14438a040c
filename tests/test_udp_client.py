"""The UDP client against a network, and servers, that lose, double, overtake and fall silent."""

import errno
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.link import namespace
from common import addresses, limits
from common.command_line import ClientOptions
from common.events import Ended, Joined, Missing, Spoken, Unconfirmed
from common.messages import (
    Bye,
    Challenge,
    Chat,
    FromServer,
    Goodbye,
    Hello,
    Ping,
    Pong,
    Say,
    Welcome,
    encode,
    from_client,
)
from common.pipe import Pipe
from common.session import NotSent
from common.waker import Waker
from tests.emulated import needs_link
from tests.lab import PATIENCE, Lab, Member

ROOT = Path(__file__).parent.parent


class FakeServer:
    """A datagram socket that says what the test says."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.port: int = self.socket.getsockname()[1]
        self._client: Any = None

    def reopens(self) -> None:
        """After closing: at the same port again."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.settimeout(PATIENCE)

    def gets(self) -> Any:
        """The next message of the client."""
        data, self._client = self.socket.recvfrom(limits.RECV_SIZE)
        return from_client(data)

    def sends(self, message: FromServer) -> None:
        """Say something to the client that was heard last."""
        self.socket.sendto(encode(message), self._client)

    def welcomes(self, member: Member) -> None:
        """Let the member in, as number 10 of the room."""
        member.client.start()
        assert isinstance(self.gets(), Hello)
        self.sends(Welcome(nick=member.nick, members=[member.nick], seq=10, token="secret"))
        member.sees(Joined)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A fake server."""
    server = FakeServer()
    yield server
    server.socket.close()


@pytest.fixture
def ann(server: FakeServer) -> Iterator[Member]:
    """A client of it that has not said hello."""
    member = Member("udp", ClientOptions(port=server.port, heartbeat=0.2, reconnect=False), "ann")
    yield member
    member.leaves()


@pytest.fixture
def calm(server: FakeServer) -> Iterator[Member]:
    """The same, with a heartbeat so slow that it says nothing of itself."""
    member = Member("udp", ClientOptions(port=server.port, reconnect=False), "ann")
    yield member
    member.leaves()


def test_hello_is_repeated_until_it_is_answered(
    server: FakeServer, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hello or its answer may be lost: it is asked again, with the cookie if there was one."""
    monkeypatch.setattr(limits, "HELLO_WAITS", (0.01, 0.01, 0.01, 0.01, 5.0))
    ann.client.start()
    assert server.gets().cookie == ""
    assert server.gets().cookie == ""
    server.sends(Challenge(cookie="biscuit"))
    while (hello := server.gets()).cookie == "":
        pass
    assert hello.cookie == "biscuit"
    assert server.gets().cookie == "biscuit"
    server.sends(Welcome(nick="ann", members=["ann"], seq=0, token="secret"))
    assert ann.sees(Joined).members == ["ann"]


def test_a_server_that_never_answers_is_given_up(
    server: FakeServer, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last repeat the client says which command starts a server."""
    monkeypatch.setattr(limits, "HELLO_WAITS", (0.01, 0.02, 0.03))
    ann.client.start()
    assert "make udp-server" in ann.sees(Ended).reason
    server.socket.settimeout(0)
    for _ in range(3):
        assert isinstance(server.gets(), Hello)
    with pytest.raises(BlockingIOError):
        server.gets()


def test_a_server_that_challenges_for_ever_is_given_up(
    server: FakeServer, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No client and server keep each other busy without end."""
    monkeypatch.setattr(limits, "HELLO_WAITS", (0.05, 0.05))
    ann.client.start()
    for number in range(limits.MAX_CHALLENGES):
        server.gets()
        server.sends(Challenge(cookie=str(number)))
    ann.sees(Ended)


def test_a_closed_port_is_said_at_once(server: FakeServer) -> None:
    """The kernel reports that nobody listens: no need to wait for the repeats."""
    server.socket.close()
    member = Member("udp", ClientOptions(port=server.port), "ann")
    member.client.start()
    assert "make udp-server" in member.sees(Ended).reason
    member.leaves()


def test_all_addresses_of_a_name_are_tried(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """localhost may be ::1 here and 127.0.0.1 there: who is not at the first is asked at the second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as once:
        once.bind(("127.0.0.1", 0))
        closed = once.getsockname()
    both = [(socket.AF_INET, closed), (socket.AF_INET, server.socket.getsockname())]
    monkeypatch.setattr(addresses, "resolve", lambda *_: list(both))
    member = Member("udp", ClientOptions(host="localhost", port=server.port), "ann")
    server.welcomes(member)
    member.leaves()


def test_lost_doubled_and_overtaken_are_counted_and_shown(server: FakeServer, ann: Member) -> None:
    """11, 13, 13, 12, 16: one was overtaken, one doubled, two are lost; the doubled one is shown once."""
    server.welcomes(ann)
    for seq in (11, 13, 13, 12, 16):
        server.sends(Chat(nick="bob", message=str(seq), seq=seq))
    assert ann.sees(Spoken).text == "11"
    assert ann.sees(Missing).count == 1
    assert ann.sees(Spoken).text == "13"
    late = ann.sees(Spoken)
    assert (late.text, late.late) == ("12", True)
    assert ann.sees(Missing).count == 2
    assert ann.sees(Spoken).text == "16"
    tracker = ann.client.session.statistics.tracker
    assert (tracker.lost, tracker.doubled, tracker.out_of_order) == (2, 1, 1)


def test_every_message_carries_the_token(server: FakeServer, ann: Member) -> None:
    """Chat, ping and goodbye prove who sends them."""
    server.welcomes(ann)
    ann.says("hi")
    ann.leaves()
    kinds = set()
    while True:
        message = server.gets()
        assert message.token == "secret"
        kinds.add(type(message))
        if isinstance(message, Goodbye):
            break
    assert Say in kinds


def test_a_message_without_a_receipt_is_called_lost_and_can_be_said_again(
    server: FakeServer, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time an own message is shown as lost; said again it has a new id."""
    server.welcomes(ann)
    ann.client.session._receipt_timeout = 0.05
    ann.says("hi")
    first = next(message for message in iter(server.gets, None) if isinstance(message, Say))
    assert ann.sees(Unconfirmed).text == "hi"
    assert ann.client.retry() == 1
    second = next(message for message in iter(server.gets, None) if isinstance(message, Say))
    assert second.message == "hi"
    assert second.id != first.id
    server.sends(Chat(nick="ann", message="hi", seq=11, id=second.id))
    assert ann.hears("ann", "hi").round_trip is not None


def test_a_silent_client_sends_heartbeats_and_misses_them(server: FakeServer, ann: Member) -> None:
    """While pings are answered all is well; three unanswered ones are the end."""
    server.welcomes(ann)
    for _ in range(4):
        assert isinstance(server.gets(), Ping)
        server.sends(Pong(seq=10))
    assert "not been heard of" in ann.sees(Ended).reason


def test_a_heartbeat_shows_that_the_last_message_was_lost(server: FakeServer, ann: Member) -> None:
    """The pong's number is ahead of ours: what is missing is counted without waiting for the next message."""
    server.welcomes(ann)
    server.gets()
    server.sends(Pong(seq=12))
    assert ann.sees(Missing).count == 2


def test_goodbye_and_a_closed_port_end_the_conversation_at_once(server: FakeServer, ann: Member) -> None:
    """A server that says bye is gone."""
    server.welcomes(ann)
    server.sends(Bye(reason="it was stopped"))
    assert "goodbye" in ann.sees(Ended).reason


def test_a_server_whose_port_closes_is_gone(server: FakeServer, ann: Member) -> None:
    """The next datagram meets a closed port, and the kernel says so."""
    server.welcomes(ann)
    server.socket.close()
    ann.says("anybody there?")
    assert "closed" in ann.sees(Ended).reason


class Nat:
    """A relay between one client and a server that can come from another port all of a sudden, as a NAT does."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inside.bind(("127.0.0.1", 0))
        self.port: int = self._inside.getsockname()[1]
        self._outside = [self._open()]
        self._waker = Waker()
        self._thread = threading.Thread(target=self._relay, name="nat")

    def __enter__(self) -> "Nat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waker.wake()
        self._thread.join()
        self._waker.close()
        for sock in (self._inside, *self._outside):
            sock.close()

    def rebind(self) -> None:
        """From now on datagrams leave from another port; what comes to the old one is lost."""
        self._outside.insert(0, self._open())

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(self._server)
        return sock

    def _relay(self) -> None:
        client = None
        while True:
            outside = self._outside[0]
            watched: list[Any] = [self._inside, outside, self._waker]
            ready, _, _ = select.select(watched, [], [], 0.05)
            if self._waker in ready:
                return
            if self._inside in ready:
                data, client = self._inside.recvfrom(limits.RECV_SIZE)
                self._outside[0].send(data)
            if outside in ready and client is not None:
                self._inside.sendto(outside.recv(limits.RECV_SIZE), client)


def test_a_client_behind_a_nat_that_rebinds_goes_on() -> None:
    """Its datagrams suddenly come from another port: it proves itself there, and is still the same member."""
    with Lab("udp") as lab, Nat(lab.address) as nat:
        bob = lab.join("bob")
        ann = Member("udp", ClientOptions(port=nat.port, heartbeat=0.2), "ann").joins()
        ann.says("before")
        bob.hears("ann", "before")
        ann.hears("ann", "before")
        nat.rebind()
        until = time.monotonic() + PATIENCE
        while "ann moved" not in lab.written.getvalue():  # after the challenge of its next heartbeat
            assert time.monotonic() < until
            bob.says("tick")
            bob.hears("bob", "tick")
        ann.says("after")
        bob.hears("ann", "after")
        ann.leaves()


# --- what our own kernel does not send ------------------------------------------------------------


class Reluctant:
    """A socket of the client whose kernel has something against the next datagrams, one after another."""

    def __init__(self, client: Any, *problems: int) -> None:
        self._socket: socket.socket = client._socket
        self._problems = [OSError(number, os.strerror(number)) for number in problems]
        client._socket = self

    def send(self, data: bytes) -> int:
        """Send it, or raise what is next."""
        if self._problems:
            raise self._problems.pop(0)
        return self._socket.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (errno.EMSGSIZE, "too long for one datagram here; say it in parts"),
        (errno.EPERM, "this machine's own firewall forbids it"),
        (errno.ENETUNREACH, "this machine knows no way there"),
        (errno.EHOSTUNREACH, "there is no way to it"),
        (errno.ENOBUFS, "wait a moment"),
    ],
)
def test_what_our_own_kernel_refuses_is_not_sent(
    server: FakeServer, calm: Member, problem: int, says: str
) -> None:
    """It is said at once and why, is not called lost, and nothing is left to retry; the conversation goes on."""
    server.welcomes(calm)
    Reluctant(calm.client, problem, problem)
    with pytest.raises(NotSent, match=says):
        calm.says("hi")
    assert calm.client.session.statistics.unconfirmed == 0
    assert calm.client.retry() == 0
    calm.says("hi again")
    said = next(message for message in iter(server.gets, None) if isinstance(message, Say))
    assert said.message == "hi again"


@pytest.mark.parametrize("problem", [errno.EMSGSIZE, errno.EHOSTUNREACH, errno.EACCES])
def test_what_became_of_an_earlier_datagram_holds_up_no_later_one(
    server: FakeServer, calm: Member, problem: int
) -> None:
    """A router's news about an earlier datagram is reported at the next one, once: that one is sent all the same."""
    server.welcomes(calm)
    Reluctant(calm.client, problem)
    calm.says("hi")
    assert next(message for message in iter(server.gets, None) if isinstance(message, Say)).message == "hi"
    assert calm.client.session.statistics.unconfirmed == 1


def test_what_is_refused_when_it_is_said_again_is_still_lost(server: FakeServer, calm: Member) -> None:
    """`/retry` says why it is not sent; the next `/retry` says it."""
    server.welcomes(calm)
    calm.client.session._receipt_timeout = 0.05
    calm.says("hi")
    calm.sees(Unconfirmed)
    Reluctant(calm.client, errno.ENETUNREACH, errno.ENETUNREACH)
    with pytest.raises(NotSent, match=r"^Not sent: this machine knows no way there"):
        calm.client.retry()
    assert calm.client.session.unconfirmed() == ["hi"]
    assert calm.client.retry() == 1


def test_a_hello_that_our_own_kernel_refuses_ends_it_with_the_reason(ann: Member) -> None:
    """At once, and not as a server that does not answer."""
    Reluctant(ann.client, errno.EPERM, errno.EPERM)
    ann.client.start()
    assert "this machine's own firewall forbids it" in ann.sees(Ended).reason


def test_after_a_ping_that_is_refused_the_next_one_comes_from_a_new_socket(
    server: FakeServer, ann: Member
) -> None:
    """A connected socket keeps the address it had, and this machine may have another one by now."""
    server.welcomes(ann)
    before = server._client
    Reluctant(ann.client, *[errno.ENETUNREACH] * 100)
    assert isinstance(server.gets(), Ping)
    assert server._client != before
    assert "not been heard of" in ann.sees(Ended).reason


def test_a_goodbye_that_is_refused_is_none(server: FakeServer, ann: Member) -> None:
    """We leave all the same."""
    server.welcomes(ann)
    Reluctant(ann.client, *[errno.ENETUNREACH] * 100)
    ann.leaves()
    assert not ann.client._receiving.is_alive()


def test_a_pipe_counts_what_was_not_sent(
    server: FakeServer, calm: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, and exits with 1: its input has not arrived."""
    server.welcomes(calm)
    Reluctant(calm.client, errno.EPERM, errno.EPERM)
    pipe = Pipe()
    pipe._obey("hi", calm.client)
    pipe._obey("/retry", calm.client)
    assert pipe.leave(calm.client) == 1
    told = capsys.readouterr().err
    assert told.startswith("Not sent: this machine's own firewall forbids it (")
    assert "sent: 0\n" in told
    assert told.endswith("1 message is without a receipt.\n")


REFUSED = """
import json, socket, subprocess
from common.session import NotSent
from tests.lab import Lab

SERVER, IP_MTU_DISCOVER, IP_PMTUDISC_DO = "127.0.0.2", 10, 2

def ip(*words):
    subprocess.run(["ip", *words], check=True)

def says(text):
    try:
        ann.says(text)
    except NotSent as not_sent:
        return str(not_sent)
    ann.hears("ann", text)
    return "sent"

ip("link", "set", "lo", "up", "mtu", "1500")
with Lab("udp", host=SERVER) as lab:
    ann, told = lab.join("ann"), {}
    for route in ("unreachable", "prohibit"):
        ip("route", "add", "table", "local", route, SERVER)
        told[route] = says(route)
        ip("route", "del", "table", "local", route, SERVER)
        told[f"without {route}"] = says("again")
    ann.client._socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    told |= {"long": says("x" * 2000), "short": says("x")}
    told["without a receipt"] = ann.client.session.statistics.unconfirmed
    print(json.dumps(told))

    def has(address):
        ip("address", "add", address, "dev", "lo")
        ip("route", "replace", "table", "local", "local", SERVER, "dev", "lo", "src", address)

    has("10.0.0.1")
    bob = lab.join("bob", heartbeat=0.2)
    ip("address", "del", "10.0.0.1/32", "dev", "lo")
    has("10.0.0.2")
    while "bob moved" not in lab.written.getvalue():  # after the challenge of a heartbeat
        ann.says("tick")
        ann.hears("ann", "tick")
    bob.says("from my new address")
    ann.hears("bob", "from my new address")
"""
"""A conversation in a network of its own, whose routes, sizes and addresses change in the middle."""


@needs_link
@pytest.mark.skipif(shutil.which("ip") is None, reason="the program ip (iproute2) is missing")
def test_what_a_real_kernel_refuses_is_not_sent() -> None:
    """A route that is gone, one that is forbidden, a datagram that does not fit; afterwards it goes on, and even when
    the machine has another address."""
    command = [*namespace.way_in(), "--", sys.executable, "-c", REFUSED]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    refused = {name: told.pop(name) for name in ("unreachable", "prohibit", "long")}
    assert told == {"without unreachable": "sent", "without prohibit": "sent", "short": "sent"} | {
        "without a receipt": 0
    }
    assert refused["unreachable"].startswith(
        "Not sent: that machine does not answer in this network, or there is no way"
    )
    assert refused["prohibit"].startswith("Not sent: this machine's own firewall or routes forbid it")
    assert refused["long"].startswith("Not sent: it is too long for one datagram here")


# --- what is none of our format -------------------------------------------------------------------


def test_garbage_from_the_server_is_passed_over(server: FakeServer, ann: Member) -> None:
    """Empty and broken datagrams are counted, and the conversation goes on."""
    server.welcomes(ann)
    for garbage in (b"", b"\xff", b"{}", b"x" * 65_507):
        server.socket.sendto(garbage, server._client)
    server.sends(Chat(nick="bob", message="hi", seq=11))
    ann.hears("bob", "hi")
    assert ann.client.session.statistics.unreadable == 4

"""The TCP client against servers that are not what they should be."""

import re
import socket
import threading
from collections.abc import Iterator

import pytest

from common import addresses
from common.addresses import Unusable
from common.command_line import ClientOptions
from common.events import Ended, Joined
from common.messages import Chat, Join, encode
from tcp.framing import frame
from tests.lab import PATIENCE, Member


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A listening socket that does what the test does with it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener


@pytest.fixture
def member(listener: socket.socket) -> Iterator[Member]:
    """A client that has said hello to the listener."""
    member = Member("tcp", ClientOptions(port=listener.getsockname()[1]), "ann")
    member.client.start()
    yield member
    member.leaves()


def test_no_server_is_a_sentence_that_says_what_to_start() -> None:
    """The port is closed: the client says which command starts a server."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    with pytest.raises(Unusable, match="make tcp-server"):
        Member("tcp", ClientOptions(port=port), "ann")


def test_all_addresses_of_a_name_are_tried(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """localhost may be ::1 here and 127.0.0.1 there: who is not at the first is asked at the second."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        closed = once.getsockname()
    both = [(socket.AF_INET, closed), (socket.AF_INET, listener.getsockname())]
    monkeypatch.setattr(addresses, "resolve", lambda *_: list(both))
    member = Member("tcp", ClientOptions(host="localhost"), "ann")
    member.client.start()
    with listener.accept()[0] as connection:
        connection.sendall(frame(encode(Join(nick="ann"))))
        member.sees(Joined)
        member.leaves()


def test_a_silent_server_is_taken_for_a_plain_one(member: Member) -> None:
    """Beej's chapter has no answer to hello: after a while the client believes that it is in."""
    member.client.unanswered()
    assert member.sees(Joined).plain


def test_a_server_that_numbers_nothing_is_a_plain_one(listener: socket.socket, member: Member) -> None:
    """A join without a number is from a server that knows only the chapter; its echo is our receipt."""
    connection, _ = listener.accept()
    with connection:
        connection.sendall(frame(encode(Join(nick="ann"))))
        assert member.sees(Joined).plain
        member.says("hi")
        connection.sendall(frame(encode(Chat(nick="ann", message="hi"))))
        assert member.hears("ann", "hi").round_trip is not None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "closed the connection\\."),
        (b"\x00\x20half", "in the middle of a message"),
        (b"\x00\x00", "does not speak"),
    ],
    ids=["end", "end in a frame", "length 0"],
)
def test_a_server_that_goes_is_said_at_once(
    listener: socket.socket, member: Member, data: bytes, says: str
) -> None:
    """However a server ends the conversation, its person is told."""
    connection, _ = listener.accept()
    connection.recv(100)
    connection.sendall(data)
    connection.close()
    ended = member.sees(Ended).reason
    assert re.search(says, ended), ended


def test_garbage_from_a_server_is_passed_over(listener: socket.socket, member: Member) -> None:
    """A frame that is no message is counted, and the next one is read."""
    connection, _ = listener.accept()
    with connection:
        connection.sendall(frame(b"nonsense") + frame(b'{"type":"new"}') + frame(encode(Join(nick="ann"))))
        member.sees(Joined)
        assert member.client.session.statistics.unreadable == 2


def test_closing_wakes_a_blocked_receive(listener: socket.socket, member: Member) -> None:
    """close() returns although the server says nothing, and its thread has ended."""
    member.leaves()
    assert not [thread for thread in threading.enumerate() if thread.name == "tcp-receive"]

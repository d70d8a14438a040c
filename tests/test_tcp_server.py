"""What only TCP can get wrong: the stream, connections that break, readers that do not read."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from common import files, limits
from common.events import Spoken, Went
from common.messages import (
    Act,
    Bye,
    Chat,
    Error,
    Goodbye,
    Hello,
    Join,
    Leave,
    Ping,
    Say,
    Violation,
    encode,
)
from tcp import connection as tcp_connection
from tcp import server as server_module
from tcp.framing import Deframer, frame
from tests.lab import PATIENCE, PLATFORM, Lab


@pytest.fixture
def transport() -> str:
    """Only TCP here."""
    return "tcp"


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 100_000])
def test_messages_arrive_however_the_stream_is_cut(lab: Lab, cut: int) -> None:
    """Hello and three messages of any script, glued together and cut anywhere, are four messages."""
    ann, eve = lab.join("ann"), lab.stranger()
    texts = ["жизнь", "🙂" * 50, "x" * 1000]
    messages = [Hello(nick="eve", lab=1), *(Say(message=text) for text in texts)]
    stream = b"".join(frame(encode(message)) for message in messages)
    for start in range(0, len(stream), cut):
        eve.sends_bytes(stream[start : start + cut])
    for text in texts:
        ann.hears("eve", text)


def test_who_is_sent_away_does_not_come_back_on_the_same_connection(lab: Lab) -> None:
    """A hello behind the violation that was one too many, in one segment with it, is not listened to."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    bad = [frame(b"{}") for _ in range(limits.MAX_VIOLATIONS)]
    eve.sends_bytes(
        b"".join([*bad, frame(encode(Hello(nick="back", lab=1))), frame(encode(Say(message="!")))])
    )
    assert ann.sees(Went).reason == "kicked"
    assert eve.is_cut_off()
    ann.says("quiet")
    ann.hears("ann", "quiet")
    assert len(lab.server.room) == 1


def test_what_is_said_behind_the_last_word_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has left may go on sending for as long as we linger: nothing of it is kept."""
    largest = 0

    class Watched(Deframer):
        def receive(self, data: bytes) -> Iterator[bytes | Violation]:
            nonlocal largest
            largest = max(largest, len(self._buffer))
            return super().receive(data)

    monkeypatch.setattr(server_module, "Deframer", Watched)
    monkeypatch.setattr(limits, "LINGER", 30.0)
    with Lab("tcp") as lab:
        ann, eve = lab.join("ann"), lab.stranger().joins("eve")
        eve.sends(Goodbye())
        assert ann.sees(Went).reason == "quit"
        eve.sends_bytes(frame(encode(Ping())) * 100_000)
        ann.says("still served")
        ann.hears("ann", "still served")
    assert largest <= limits.READ_SIZE + limits.MAX_PAYLOAD


def test_half_a_frame_and_silence_holds_up_nobody(lab: Lab) -> None:
    """Strangers who say half a message, a length, or nothing wait alone."""
    for half in (b"", b"\x00", b"\x00\x10", frame(encode(Hello(nick="x")))[:-1]):
        lab.stranger().sends_bytes(half)
    ann, bob = lab.join("ann"), lab.join("bob")
    ann.says("hi")
    bob.hears("ann", "hi")


def test_who_says_no_hello_is_told_and_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a hello is ended after its time, with an error that says so."""
    monkeypatch.setattr(limits, "HELLO_TIMEOUT", 0.2)
    with Lab("tcp") as lab:
        silent, talking = lab.stranger(), lab.stranger()
        talking.sends_bytes(b"\x00\x10half")
        for stranger in (silent, talking):
            assert stranger.gets(Error).code == "hello-timeout"
            assert stranger.is_cut_off()


@pytest.mark.parametrize("size", [0, limits.MAX_PAYLOAD + 1, limits.MAX_FRAME])
def test_a_wrong_length_ends_the_connection(lab: Lab, size: int) -> None:
    """A length of 0 or above the limit is answered and the stream given up; what came before it counts."""
    ann, eve = lab.join("ann"), lab.stranger().joins("eve")
    eve.sends_bytes(frame(encode(Say(message="last words"))) + struct.pack("!H", size) + b"x" * size)
    ann.hears("eve", "last words")
    assert eve.gets(Error).code == "too-large"
    assert eve.is_cut_off()
    assert ann.sees(Went) == Went("eve", "kicked")


def test_a_connection_that_breaks_is_lost_and_one_that_closes_has_quit(lab: Lab) -> None:
    """A reset, and an end in the middle of a message, are not goodbyes."""
    ann = lab.join("ann")
    reset = lab.stranger().joins("reset")
    reset.resets()
    assert ann.sees(Went) == Went("reset", "lost")
    middle = lab.stranger().joins("middle")
    middle.sends_bytes(b"\x00\x20half")
    middle.socket.shutdown(socket.SHUT_WR)
    assert ann.sees(Went) == Went("middle", "lost")
    closed = lab.stranger().joins("closed")
    closed.gets(Join)  # bytes left unread would make the close a reset
    closed.socket.close()
    assert ann.sees(Went) == Went("closed", "quit")


def test_who_does_not_read_is_dropped_and_nobody_else_waits(lab: Lab) -> None:
    """A member who stops reading costs the others nothing: they hear every word, and that it was dropped."""
    ann, bob = lab.join("ann"), lab.join("bob")
    stopped = lab.stranger()
    stopped.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stopped.joins("stopped")
    text, said, went = "x" * 16_000, 0, None
    while went is None:
        assert said < 3_000, "the member was never dropped"
        ann.says(f"{said} {text}")
        event = ann.sees(Spoken, Went)  # its receipt, unless the other news comes first
        said += 1
        if isinstance(event, Went):
            went = event
    assert went == Went("stopped", "slow")
    for number in range(said):
        bob.hears("ann", f"{number} {text}")


def test_who_neither_reads_nor_leaves_does_not_hold_up_the_end(lab: Lab) -> None:
    """Much waits for a member who has stopped reading, and its connection stays open: the server stops all the same."""
    ann, stopped = lab.join("ann"), lab.stranger()
    stopped.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stopped.joins("stopped")
    while not lab.server._watched:
        ann.says("x" * 16_000)
        ann.sees(Spoken)
    stopping = threading.Thread(target=lab.stop, name="stopping", daemon=True)
    stopping.start()
    stopping.join(PATIENCE)
    assert not stopping.is_alive(), "it waits for who does not read"


def test_a_room_takes_as_many_as_can_be_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them may be slow at once, and guests, and those who take their last words: where one thread can wait for
    few, fewer are members, and the server says so at its start."""
    monkeypatch.setattr(files, "WATCHED", 2 * limits.MAX_GUESTS + server_module.FILES_OF_OUR_OWN + 2)
    with Lab("tcp", max_members=3) as lab:
        assert "the room takes 2" in lab.written.getvalue()
        lab.join("ann")
        lab.join("bob")
        eve = lab.stranger()
        eve.sends(Hello(nick="eve", lab=1))
        assert eve.gets(Error).code == "full"


def test_a_plain_member_gets_only_what_the_chapter_knows(lab: Lab) -> None:
    """chat, join and leave, nothing else: an emote comes as a chat, an error not at all."""
    ann, plain = lab.join("ann"), lab.stranger().joins("plain", lab=0)
    plain.gets(Join)
    plain.sends_payload(b'{"type":"nonsense"}')
    plain.sends_payload(b"not json")
    plain.sends(Say(message=""))
    ann.sends(Act(message="waves"))
    ann.leaves()
    chat = plain.gets_any()
    assert isinstance(chat, Chat)
    assert (chat.nick, chat.message) == ("ann", "* ann waves")
    assert isinstance(plain.gets_any(), Leave)


def test_a_plain_member_with_a_bad_nick_is_disconnected_without_a_word(lab: Lab) -> None:
    """A plain client knows no `error`."""
    lab.join("ann")
    for nick in ("ann", "a b", ""):
        plain = lab.stranger()
        plain.sends(Hello(nick=nick))
        with pytest.raises(ConnectionError):
            plain.gets_any()


def test_connections_that_come_and_go_leave_nothing(lab: Lab) -> None:
    """A hundred connects and resets later the chat goes on; the fixture sees that no thread is left."""
    ann, bob = lab.join("ann"), lab.join("bob")
    for number in range(100):
        stranger = lab.stranger()
        if number % 2:
            stranger.resets()
        else:
            stranger.socket.close()
    ann.says("hi")
    bob.hears("ann", "hi")


def test_the_server_sets_its_socket_options(lab: Lab) -> None:
    """Nagle is off; keepalive is on, and asks after 15 s, whatever the system calls that; the address can be used
    again."""
    lab.join("ann")
    (connection,) = lab.server._connections
    assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    theirs = vars(tcp_connection)["socket"]  # what this system has, or the one that is simulated
    for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE"):
        if hasattr(theirs, name):
            asked = connection.sock.getsockopt(socket.IPPROTO_TCP, getattr(theirs, name))
            assert asked == limits.HEARTBEAT
    if PLATFORM != "win32":
        assert lab.server._socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


@pytest.mark.parametrize("flood", [b"\x00\x01x" * 20_000, None], ids=["violations", "chats"])
def test_who_is_held_back_can_be_ended(flood: bytes | None) -> None:
    """A reader that waits for an allowance lets go when its member is sent away, and when the server stops."""
    with Lab("tcp", rate=0.5, burst=20) as lab:
        eve = lab.stranger().joins("eve")
        eve.sends_bytes(flood or frame(encode(Say(message="again"))) * 2_000)
        if flood:
            eve.gets(Bye)
            assert eve.is_cut_off()
        else:
            eve.gets(Chat)
        lab.stop()


def test_a_connection_that_gets_no_thread_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system has no more threads the newcomer is cut off, it is said, and everyone else talks on."""
    with Lab("tcp") as lab:
        ann, bob = lab.join("ann"), lab.join("bob")
        start = threading.Thread.start

        def refuse(thread: threading.Thread) -> None:
            if thread.name.startswith("tcp-reader"):
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", refuse)
        assert lab.stranger().is_cut_off()
        monkeypatch.undo()
        ann.says("hi")
        bob.hears("ann", "hi")
        lab.join("eve")
        assert "can't start new thread" in lab.written.getvalue()

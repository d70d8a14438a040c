"""The byte streams of TCP, as stories: a stream that is taken apart, and the outbox that puts one together.

`test_framing.py` looks at whole streams. Here the stream is sent and received in turns, and after each turn what has
come out is held against a model that knows the whole stream and starts reading at its beginning again. The outbox
(`tcp.connection.Connection`) gets a socket that takes as much as it likes, or nothing, or breaks.
"""

import errno
import socket
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.messages import Violation
from tcp.connection import Connection
from tcp.framing import HEADER, Deframer, frame

LIMIT = 300
"""The largest payload taken: small, so that a length above it is met often, and has two bytes."""

payloads = st.binary(min_size=1, max_size=5) | st.binary(min_size=1, max_size=LIMIT) | st.just(bytes(LIMIT))
lies: st.SearchStrategy[bytes] = st.sampled_from([0, LIMIT + 1, 2 * LIMIT, 0x7B22, 65_535]).map(
    lambda size: size.to_bytes(HEADER, "big")
)


def read_from_the_beginning(stream: bytes) -> tuple[list[bytes], bool, bool]:
    """All that a reader knows after `stream`: the payloads, whether it broke, whether it ends inside a frame."""
    found: list[bytes] = []
    while len(stream) >= HEADER:
        size = stream[0] * 256 + stream[1]
        if size == 0 or size > LIMIT:
            return found, True, False
        if len(stream) < HEADER + size:
            break
        found.append(stream[HEADER:][:size])
        stream = stream[HEADER + size :]
    return found, False, stream != b""


class Stream(RuleBasedStateMachine):
    """A sender that frames, a network that cuts, a reader that takes apart."""

    def __init__(self) -> None:
        super().__init__()
        self.deframer = Deframer(LIMIT)
        self.way = b""
        """Sent, and not yet received."""
        self.arrived = b""
        self.found: list[bytes | Violation] = []

    @rule(payload=payloads)
    def send(self, payload: bytes) -> None:
        """A message goes on its way."""
        self.way += frame(payload)

    @rule(lie=lies, behind=st.binary(max_size=8))
    def lie(self, lie: bytes, behind: bytes) -> None:
        """A length that can't be; what follows may look like anything."""
        self.way += lie + behind

    @rule(size=st.integers(0, 12) | st.integers(0, 2 * LIMIT) | st.just(65_536))
    def receive(self, size: int) -> None:
        """A `recv` of this size, or of what there is."""
        piece, self.way = self.way[:size], self.way[size:]
        self.arrived += piece
        self.found += self.deframer.receive(piece)

    @invariant()
    def what_is_complete_has_come_out(self) -> None:
        """All of it, in order, once, and as bytes of its own; a wrong length is one last, fatal violation."""
        messages, broken, inside = read_from_the_beginning(self.arrived)
        assert self.found[: len(messages)] == messages
        assert all(type(payload) is bytes for payload in self.found[: len(messages)])
        rest = self.found[len(messages) :]
        assert len(rest) == broken
        for violation in rest:
            assert isinstance(violation, Violation)
            assert (violation.code, violation.fatal) == ("too-large", True)
        assert self.deframer.inside_a_frame == inside

    def teardown(self) -> None:
        """At the end all that is still on its way arrives, byte by byte."""
        for at in range(len(self.way)):
            self.arrived += self.way[at : at + 1]
            self.found += self.deframer.receive(self.way[at : at + 1])
        self.what_is_complete_has_come_out()


TestStream: Any = Stream.TestCase
TestStream.settings = settings(deadline=None, max_examples=150, stateful_step_count=30)


A_WHILE = 100
"""Bytes that are sent before anything may end: a story that is over at once tells little."""


class FickleSocket:
    """A socket that takes the next `room` bytes and then would block; `broken` raises that error instead."""

    def __init__(self) -> None:
        self.room = 0
        self.broken: OSError | None = None
        self.unable_to_shut_down = False
        self.taken = b""
        self.shut: list[int] = []
        self.sends_after_the_end = 0

    def setblocking(self, flag: bool) -> None:
        """Nothing to do: this one never waits."""

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Nothing to do."""

    def send(self, data: bytes | memoryview, flags: int = 0) -> int:
        """As the kernel's: part of it, or BlockingIOError, or another error."""
        if self.shut:
            self.sends_after_the_end += 1
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        if self.broken:
            raise self.broken
        assert len(data) > 0, "an empty send says nothing"
        if not self.room:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        piece = bytes(data[: self.room])
        self.room -= len(piece)
        self.taken += piece
        return len(piece)

    def shutdown(self, how: int) -> None:
        """Noted; refused where the other end has been quicker."""
        self.shut.append(how)
        if self.unable_to_shut_down:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")


class Outbox(RuleBasedStateMachine):
    """A room thread that sends, flushes when it is told that there is room, ends and cuts; and the socket's whims."""

    def __init__(self) -> None:
        super().__init__()
        self.socket = FickleSocket()
        self.connection = Connection(cast(socket.socket, self.socket), "127.0.0.1:4")
        self.due = b""
        """All that was sent while it was still worth sending."""
        self.ended = False
        self.cut_off = False
        self.letter = 0

    @initialize(unable=st.sampled_from([False, False, True]))
    def begin(self, unable: bool) -> None:
        """Some other ends are quicker than our shutdown."""
        self.socket.unable_to_shut_down = unable

    @rule(size=st.integers(1, 5) | st.integers(1, 300))
    def send(self, size: int) -> None:
        """Bytes that are all different from those around them, so that none can be lost or doubled unseen."""
        data = bytes((self.letter + at) % 251 for at in range(size))
        if not (self.ended or self.connection.broken):
            self.due += data
            self.letter += size
        was_empty, room, before = not self.connection.waiting, self.socket.room, len(self.socket.taken)
        self.connection.send(data)
        if was_empty and not (self.ended or self.connection.broken):
            assert len(self.socket.taken) - before == min(size, room), "it waits although there is room"

    @rule(room=st.integers(0, 5) | st.integers(0, 600), flush=st.booleans())
    def read(self, room: int, flush: bool) -> None:
        """The other end reads: there is room for so much more, and the selector may say so."""
        self.socket.room += room
        if flush:
            self.connection.flush()

    @rule()
    def flush(self) -> None:
        """The selector may be wrong, or late."""
        self.connection.flush()
        assert not (self.connection.waiting and self.socket.room), "it waits although there is room"

    @precondition(lambda machine: not machine.socket.broken and len(machine.due) > A_WHILE)
    @rule(error=st.sampled_from([ConnectionResetError, BrokenPipeError, TimeoutError, OSError]))
    def break_down(self, error: type[OSError]) -> None:
        """The connection breaks; that is seen when something is sent."""
        self.socket.broken = error(errno.ECONNRESET, "it broke")

    @precondition(lambda machine: machine.ended or len(machine.due) > A_WHILE)
    @rule(by=st.integers(1, 9))
    def end(self, by: int) -> None:
        """Our last words are sent. Only the first of several ends counts."""
        before = self.connection.ends_at
        self.connection.end(float(by))
        assert self.connection.ends_at == (before if self.ended else by)
        self.ended = True

    @precondition(lambda machine: machine.ended or len(machine.due) > A_WHILE)
    @rule()
    def cut(self) -> None:
        """At once."""
        self.connection.cut()
        self.ended = self.cut_off = True
        assert self.socket.shut[-1] == socket.SHUT_RDWR

    @invariant()
    def what_was_taken_is_the_beginning_of_what_was_sent(self) -> None:
        """In order, nothing lost, nothing twice; and the rest waits, as long as there is somebody to take it."""
        taken, waiting = self.socket.taken, bytes(self.connection.waiting)
        if self.connection.broken:
            assert self.due.startswith(taken)
        else:
            assert taken + waiting == self.due

    @invariant()
    def nothing_waits_for_a_connection_that_is_broken(self) -> None:
        """Neither memory nor the selector is kept for somebody who is gone."""
        assert not (self.connection.broken and self.connection.waiting)

    @invariant()
    def the_end_is_said_after_the_last_byte(self) -> None:
        """We stop writing when all is sent, not before, and not at all while nobody has ended anything."""
        if self.connection.broken:
            assert self.cut_off or self.socket.broken or self.socket.unable_to_shut_down
            return
        over = self.ended and self.socket.taken == self.due
        assert set(self.socket.shut) == ({socket.SHUT_WR} if over else set())

    @invariant()
    def nothing_is_sent_after_the_end(self) -> None:
        """Neither after `cut`, nor behind a direction that was shut."""
        assert not self.socket.sends_after_the_end
        assert self.connection.ending.is_set() == self.ended
        if self.cut_off:
            assert not self.connection.waiting
            assert self.connection.broken


TestOutbox: Any = Outbox.TestCase
TestOutbox.settings = settings(deadline=None, max_examples=300, stateful_step_count=30)

"""The load's hot loop: say what is to be said, and keep what comes, as it comes, with the time.

Nothing is decoded while the run lasts: of 800,000 deliveries a second this one thread has a microsecond for each, and
would measure itself. It receives as much as there is, notes when, and goes on; `sightings.py` finds the messages in
it afterwards.
"""

import gc
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks import stamp
from benchmarks.bench.datagrams import Receiver
from benchmarks.bench.loads import Load
from benchmarks.schedule import Due

SECOND = 1_000_000_000

QUIET = 100_000_000
"""Nanoseconds between two looks at whether everything has come."""

SILENCE = 2_000_000_000
"""Nanoseconds without a byte after which what is missing is lost. (Loopback loses nothing, and the kernel holds a small
message back for 40 ms at most; but on a busy machine a server may have to wait for its processor.)"""

DRAIN = 8_000_000_000
"""Nanoseconds beyond the last message that a server has to deliver what it has got."""

LOST_AFTER = 200_000_000
"""Nanoseconds after which a member that has not heard everybody goes on: something was lost, it was a datagram."""

PUSH = 32
"""Messages of a flood sent between two looks at what has come for everybody else."""

LOOK_EVERY = 1_000_000
"""Nanoseconds between two looks at how much of a flood is due."""

RECEIVE = 65_536
"""Bytes asked for at a time. (Of more than 128 KiB each would be a mapping of its own, made and given back.)"""

NOBODY = -1

MARK = stamp.MARK.encode()


class Wire:
    """What one sender says, in the bytes of its server's format. Only the number changes from message to message, so
    that to make one takes next to nothing."""

    def __init__(self, say: Callable[[str], bytes], sender: int, size: int) -> None:
        # Its times are 0: the load keeps them beside, by sender and number.
        text = stamp.write(sender, 0, 0, 0, size).encode()
        before, found, after = say(text.decode()).partition(text)
        assert found, "this server's format changes the text"
        self._head, self._tail = before + text[: stamp.NUMBER.start], text[stamp.NUMBER.stop :] + after
        self.mark = text[: stamp.SENDER.stop]
        """Where these bytes come, a message of this sender does."""

    def message(self, number: int) -> bytes:
        """The bytes that say message `number`."""
        return b"%b%07d%b" % (self._head, number, self._tail)


@dataclass
class Heard:
    """All that came for one member: the chunks, and when each did, in nanoseconds of the monotonic clock."""

    chunks: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    ended: bool = False
    """The server has closed the connection."""


@dataclass
class Talk:
    """What became of a run on the load's side. `due` and `sent` are by sender and then by number; of the flood there
    is only how many messages of it were sent."""

    heard: list[Heard]
    due: list[list[int]]
    sent: list[list[int]]
    start: int = 0
    stop: int = 0
    flooded: int = 0
    refused: int = 0
    """Datagrams that the load's own kernel did not take."""
    still_coming: bool = False
    busy: float = 0.0
    """The load's share of its processor, from start to stop."""


class Talker:
    """Plays the members of a room, whose `sockets` are connected and in; `stream` is whether they are TCP's, `echoes`
    whether a sender is sent its own, too."""

    def __init__(
        self, load: Load, sockets: list[socket.socket], wires: list[Wire], *, stream: bool, echoes: bool
    ) -> None:
        self._load = load
        self._echoes = echoes
        self._sockets = sockets
        self._wires = wires
        self._stream = stream
        self._send = [sock.send for sock in sockets]
        self._waiting = [bytearray() for _ in sockets]
        self._epoll = select.epoll()
        self._by_file: dict[int, tuple[int, Callable[[int], list[bytes]], Heard]] = {}
        self.talk = Talk(
            [Heard() for _ in sockets], [[] for _ in range(load.senders)], [[] for _ in range(load.senders)]
        )
        receive = self._receive_bytes if stream else Receiver().receive
        for member, sock in enumerate(sockets[: load.listeners]):
            self._by_file[sock.fileno()] = member, receive, self.talk.heard[member]
            self._epoll.register(sock, select.EPOLLIN)
        # Of the closed loop: what each member waits for, and who says the next message when it has come; how much of it
        # has come, and how much is enough; the end of what came, in which a stamp may have begun; who spoke when.
        self._awaited = [(MARK, member) for member in range(load.members)]
        if load.neighbours:
            self._awaited = [(wires[member - 1].mark, member - 1) for member in range(load.members)]
        self._had = [0] * load.members
        self._enough: list[int] = []
        self._ends = [b""] * load.members
        self._said_at: list[int] = []

    def run(self, planned: list[Due], begins: Callable[[], None], ends: Callable[[], None]) -> Talk:
        """Make the run; `planned` is the schedule of an open loop. `begins` and `ends` are called right before the
        first word and right after the last: the time for asking what the server has used."""
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in the middle of the run would be measured as the server's delay
        plan = [(at, sender, self._wires[sender].message(number)) for at, sender, number in planned]
        begins()
        began = time.process_time()
        self.talk.start = time.monotonic_ns()
        self.talk.stop = self.talk.start + round(self._load.seconds * SECOND)
        if self._load.rate:
            self._on_schedule(plan)
        else:
            self._in_turn()
        self.talk.busy = (time.process_time() - began) / ((time.monotonic_ns() - self.talk.start) / SECOND)
        self._drain()
        ends()
        gc.enable()
        return self.talk

    # --- open loop --------------------------------------------------------------------------------

    def _on_schedule(self, plan: list[tuple[int, int, bytes]]) -> None:
        """Say each message of `plan` (when, by whom, in which bytes) when it is due."""
        start, stop = self.talk.start, self.talk.stop
        due, sent = self.talk.due, self.talk.sent
        clock, flood, following, now = time.monotonic_ns, self._load.flood, 0, start
        plan.append((stop - start, NOBODY, b""))
        while now < stop:
            now = clock()
            at, sender, message = plan[following]
            while start + at <= now and sender != NOBODY:
                self._say(sender, message)
                due[sender].append(start + at)
                sent[sender].append(now)
                following += 1
                at, sender, message = plan[following]
                now = clock()
            if flood:
                self._push(round((now - start) / SECOND * flood))
                at = min(at, now - start + LOOK_EVERY)
            self._hear(start + at)

    def _push(self, owed: int) -> None:
        """The flood of the last member: as much of what is due as its socket takes."""
        member = self._load.members - 1
        count = min(owed - self.talk.flooded, PUSH)
        if count <= 0 or self._waiting[member]:
            return
        messages = [self._wires[member].message(self.talk.flooded + number) for number in range(count)]
        for piece in [b"".join(messages)] if self._stream else messages:
            self._say(member, piece)
        self.talk.flooded += count

    # --- closed loop ------------------------------------------------------------------------------

    def _in_turn(self) -> None:
        count, stop = self._load.senders, self.talk.stop
        self._enough, self._said_at = [0] * count, [0] * count
        for sender in range(count):
            self._say_next(sender)
        while (now := time.monotonic_ns()) < stop:
            self._hear(min(stop, now + LOST_AFTER))
            if not self._stream and now > min(self._said_at) + LOST_AFTER:
                for sender in range(count):
                    if now > self._said_at[sender] + LOST_AFTER:
                        listener = self._listener(sender)
                        self._had[listener] = self._enough[listener]
                        self._say_next(sender)
        self._enough = []

    def _say_next(self, sender: int) -> None:
        number, now = len(self.talk.sent[sender]), time.monotonic_ns()
        self.talk.due[sender].append(now)
        self.talk.sent[sender].append(now)
        self._said_at[sender] = now
        said = 1 if self._load.neighbours else self._load.senders - (not self._echoes)
        self._enough[self._listener(sender)] += said
        self._say(sender, self._wires[sender].message(number))

    def _listener(self, sender: int) -> int:
        """On whom it depends when `sender` goes on."""
        return (sender + 1) % self._load.members if self._load.neighbours else sender

    def _look(self, member: int, chunks: list[bytes]) -> None:
        """Whether this member has now heard what it waits for."""
        mark, sender = self._awaited[member]
        together = self._ends[member] + b"".join(chunks)
        self._had[member] += together.count(mark)
        self._ends[member] = together[1 - len(mark) :]
        if self._had[member] >= self._enough[member]:
            self._say_next(sender % self._load.members)

    # --- both -------------------------------------------------------------------------------------

    def _say(self, member: int, data: bytes) -> None:
        """Put bytes on their way, or behind what already waits."""
        if self._waiting[member]:
            self._waiting[member] += data
            return
        try:
            taken = self._send[member](data)
        except BlockingIOError:
            taken = 0
            self.talk.refused += not self._stream
        except OSError:
            return  # the server has cut it off, which what it received says
        if self._stream and taken < len(data):
            self._waiting[member] += data[taken:]
            self._watch(member, select.EPOLLOUT)

    def _watch(self, member: int, more: int) -> None:
        """Be told when there is something to read, and of `more`."""
        self._epoll.modify(self._sockets[member], select.EPOLLIN | more)

    def _flush(self, member: int) -> None:
        """The socket takes more: send what waits."""
        data, self._waiting[member] = bytes(self._waiting[member]), bytearray()
        self._watch(member, 0)
        self._say(member, data)

    def _hear(self, until: int) -> None:
        """Keep what comes; wait for it until the time `until` if there is nothing."""
        events = self._epoll.poll(0)
        if not events:
            wait = until - time.monotonic_ns()
            if wait <= 0:
                return
            # epoll waits in whole milliseconds; select waits in microseconds, and can wait for epoll.
            select.select([self._epoll], [], [], wait / SECOND)
            events = self._epoll.poll(0)
        clock, in_turn = time.monotonic_ns, bool(self._enough)
        for file, event in events:
            member, receive, heard = self._by_file[file]
            if event & select.EPOLLOUT:
                self._flush(member)
            if not event & ~select.EPOLLOUT:
                continue
            chunks = receive(file)
            now = clock()
            if not chunks and self._stream:
                heard.ended = True
                self._epoll.unregister(file)
                continue
            heard.chunks += chunks
            heard.times += [now] * len(chunks)
            if in_turn:
                self._look(member, chunks)
            if now >= until:
                return

    def _receive_bytes(self, file: int) -> list[bytes]:
        """What a stream has for us; nothing when it has ended."""
        try:
            chunk = os.read(file, RECEIVE)
        except OSError:
            return []
        return [chunk] if chunk else []

    def _drain(self) -> None:
        """Keep what still comes, until all of it is there, or nothing has come for long."""
        patience = self.talk.stop + DRAIN
        while not (ended := self._all_came()) and (now := time.monotonic_ns()) < patience:
            last = max((heard.times[-1] for heard in self.talk.heard if heard.times), default=0)
            if now > max(last, self.talk.stop) + SILENCE:
                return
            wake = now + QUIET
            while time.monotonic_ns() < wake:
                self._hear(wake)
        self.talk.still_coming = not ended

    def _all_came(self) -> bool:
        """Whether every member has as many messages as were said to it. (Which ones they are is found out later.)"""
        said = [len(one) for one in self.talk.sent]
        own = [0 if self._echoes else number for number in said] + [0] * self._load.members
        flood = self._wires[-1].mark if self._load.flood else None
        for member, heard in enumerate(self.talk.heard[: self._load.listeners]):
            together = b"".join(heard.chunks)
            came = together.count(MARK) - (together.count(flood) if flood else 0)
            if not heard.ended and came < sum(said) - own[member]:
                return False
        return True

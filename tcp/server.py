"""The chat server over TCP. To be read beside `udp/server.py`: same class, same methods, same order.

    question                    TCP, here                              UDP, there
    --------------------------  -------------------------------------  -------------------------------------
    Who is a peer?              a connection                           an address
    How does one appear?        accept()                               its first hello, once it has proved
                                                                       that it receives at that address
    How does one leave?         recv() returns b"" or fails            it says so, or falls silent
    Where does a message end?   where its 2-byte length says           where its datagram ends
    How large may it be?        65,535 bytes (the length); we: 16,384  65,507 bytes (IPv4); we: 16,384
    In which order?             as sent                                as it happens
    What is lost?               nothing, while the connection lives    what the network drops
    A slow reader?              its outbox grows, then it is dropped   the kernel drops what is not read
    What needs a lock?          a connection's turn (one thread each)  nothing: one thread does it all
    Who holds back a flood?     TCP: we read more slowly               nobody: its surplus is dropped

Threads: one accepts, one reads each connection, and the room thread, which owns the room and is the
only one that sends. Two threads that send on one socket would mix their frames as soon as its buffer is
full, and a send that waits for one reader would let everybody wait.
"""

import math
import selectors
import socket
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

if __name__ == "__main__" and not __package__:  # run by its path, it would not find `common`
    sys.exit("Start it in the lab's folder, by its name: make tcp-server, or .venv/bin/python -m tcp.server")

from common import addresses, clock, files, limits, waiting
from common.allowance import Allowance
from common.command_line import ServerOptions
from common.messages import ClientMessage, Violation, encode, from_client
from common.programs import run_server
from common.room import Action, Close, Room, Send
from common.server_log import ServerLog
from common.waker import Waker
from tcp.connection import Connection
from tcp.framing import Deframer, frame

FILES_OF_OUR_OWN = 32
"""Open files that are no connections: the listening socket, the log, the selector."""

TELL_EVERY = 60.0
"""Seconds between two lines of the log about the same trouble."""

EXPIRE_EVERY = 1.0
"""Seconds between two looks at who has waited for too long."""


class Opened(NamedTuple):
    """News for the room thread: this connection is new, and `reader` reads it."""

    reader: threading.Thread


class Closed(NamedTuple):
    """News for the room thread: this connection has ended, for one of `room.REASONS`."""

    reason: str


News = Opened | Closed | list[ClientMessage | Violation]


class Server:
    """A chat over TCP at `options.host` and `options.port` (0: any free one).

    Raises addresses.Unusable if the address can't be had. `start` returns at once; `stop` says goodbye
    to everyone and returns when all threads have ended.
    """

    transport = "tcp"

    def __init__(self, options: ServerOptions, log: ServerLog) -> None:
        # No silence: TCP's keepalive tells us when a peer has vanished.
        # Beside the members there are guests, and those that take our last words.
        self._beside = 2 * limits.MAX_GUESTS + FILES_OF_OUR_OWN
        self._places = min(options.max_members, files.WATCHED - self._beside)
        self.room: Room[Connection] = Room(max_members=self._places)
        self.log = log
        self.stopped = threading.Event()
        self._options = options
        self._stopping = threading.Event()
        self._socket = self._open(options.host, options.port)
        self.address: addresses.Address = self._socket.getsockname()
        self._waker = Waker()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker, selectors.EVENT_READ)
        self._inbox: deque[tuple[Connection, News]] = deque()
        self._connections: dict[Connection, threading.Thread] = {}
        self._watched: set[Connection] = set()
        self._ending: dict[Connection, None] = {}  # in this order, and not longer than limits.MAX_GUESTS
        self._next_expiry = 0.0
        self._accepting = threading.Thread(target=self._accept, name="tcp-accept")
        self._running = threading.Thread(target=self._run, name="tcp-room")

    def start(self) -> None:
        """Begin to serve."""
        self.log.state(f"tcp listening on {addresses.show(self.address)}")
        if heard := addresses.heard_at(self._socket):
            self.log.state(heard, "dim")
        if self._places < self._options.max_members:
            self.log.state(
                f"this system watches {files.WATCHED} connections at once: the room takes {self._places}",
                "yellow",
            )
        wanted = self._places + self._beside  # a connection is an open file
        allowed = files.allow(wanted)
        if allowed < wanted:
            few = f"the system allows {allowed:,} open files, and a full room takes {wanted:,} (ulimit -Hn)"
            self.log.state(few, "yellow")
        self._accepting.start()
        self._running.start()

    def stop(self) -> None:
        """Say goodbye to everyone, and end every thread."""
        self._stopping.set()
        self._waker.wake()
        with suppress(OSError):  # elsewhere than on Linux nothing wakes accept(): it looks around
            self._socket.shutdown(socket.SHUT_RDWR)
        self._running.join()
        self._socket.close()
        self._selector.close()
        self._waker.close()

    def _open(self, host: str, port: int) -> socket.socket:
        """The listening socket."""
        family, address = addresses.resolve(host, port, socket.SOCK_STREAM)[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            # Connections of the last server linger for a minute, and would keep the port from us. (On
            # Windows the option means something else: that two servers may share a port.)
            if sys.platform != "win32":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            addresses.bind(sock, address, self.transport)
            sock.listen(socket.SOMAXCONN)
            sock.settimeout(waiting.LOOK_AROUND)
        except BaseException:
            sock.close()
            raise
        return sock

    # --- the accept thread ------------------------------------------------------------------------

    def _accept(self) -> None:
        """Take connections, and wait for nothing else: their first word is their reader's matter."""
        told = -math.inf
        while not self._stopping.is_set():
            try:
                sock, address = self._socket.accept()
                self._admit(sock, addresses.show(address))
            except TimeoutError:  # nobody came while we looked around: see common/waiting.py
                continue
            except (OSError, RuntimeError) as error:  # no more files; RuntimeError: no more threads
                if self._stopping.is_set():
                    return
                if clock.monotonic() - told > TELL_EVERY:  # once, not a thousand times
                    told = clock.monotonic()
                    self.log.problem(f"a connection had to wait, or was refused: {error}")
                self._stopping.wait(0.1)  # until somebody leaves; accept would fail at once again

    def _admit(self, sock: socket.socket, name: str) -> None:
        """Give a new connection its reader thread. The room thread hears of it from here, and not from the reader:
        once this thread has ended, it has heard of every connection there is."""
        try:
            connection = Connection(sock, name)
        except OSError:
            sock.close()
            raise
        # A daemon: should the room thread ever break down, nobody would wake the readers, and the process must
        # end all the same.
        reader = threading.Thread(
            target=self._read, args=(connection,), name=f"tcp-reader-{name}", daemon=True
        )
        self._tell(connection, Opened(reader))
        try:
            reader.start()
        except RuntimeError:
            self._tell(connection, Closed("lost"))
            raise

    # --- a reader thread of each connection -------------------------------------------------------

    def _read(self, connection: Connection) -> None:
        """Bytes to messages, until the other end closes."""
        deframer = Deframer(limits.MAX_PAYLOAD)
        allowance = Allowance(self._options.rate, self._options.burst, clock.monotonic())
        reason = "lost"
        try:
            while data := connection.receive():
                if connection.ending.is_set():
                    continue  # we read on, so that our last words arrive, but no longer listen
                messages: list[ClientMessage | Violation] = []
                for payload in deframer.receive(data):
                    if allowance.take(clock.monotonic()):
                        self._hand_on(connection, messages)
                        messages = []
                        self._hold_back(connection, allowance)
                    messages.append(from_client(payload) if isinstance(payload, bytes) else payload)
                self._hand_on(connection, messages)
            if not deframer.inside_a_frame:
                reason = "quit"  # the other end has closed, and not in the middle of a message
        except OSError as error:
            self.log.detail(f"{connection.name}: {error.strerror}")
        finally:
            self._tell(connection, Closed(reason))

    def _hand_on(self, connection: Connection, messages: list[ClientMessage | Violation]) -> None:
        """Give messages to the room thread, once it has taken the last ones: that is the connection's turn. So a
        reader is never far ahead, and what waits for the room is bounded."""
        if messages and not connection.ending.is_set():
            connection.turn.acquire()
            self._tell(connection, messages)

    def _hold_back(self, connection: Connection, allowance: Allowance) -> None:
        """Faster than its allowance: we read no further, its bytes pile up, and TCP tells the sender. The
        UDP server has nobody to tell."""
        while wait := allowance.take(clock.monotonic()):
            if connection.ending.wait(wait):
                return

    def _tell(self, connection: Connection, news: News) -> None:
        """Put news where the room thread finds them, and wake it."""
        self._inbox.append((connection, news))
        self._waker.wake()

    # --- the room thread --------------------------------------------------------------------------

    def _run(self) -> None:
        """Take all that has come, ask the room about each, send everyone their share."""
        try:
            while not self._stopping.is_set():
                self._wait(self._next_expiry - clock.monotonic())
                now = clock.monotonic()
                self._act(self._take(now), now)
                self._expire(now)
            self._say_goodbye()
        finally:
            self.stopped.set()

    def _wait(self, seconds: float) -> None:
        """Wait until there is news, or a slow connection takes more."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            if key.fileobj is self._waker:
                self._waker.clear()
            else:
                connection: Connection = key.data
                connection.flush()
                self._watch(connection)

    def _take(self, now: float) -> list[Action[Connection]]:
        """What is to be done about everything that has come since the last time."""
        actions: list[Action[Connection]] = []
        for _ in range(len(self._inbox)):
            connection, news = self._inbox.popleft()
            match news:
                case Opened(reader):
                    self._connections[connection] = reader
                    actions += self.room.connect(connection, now)
                case Closed(reason):
                    actions += self.room.leave(connection, reason, now)
                    self._forget(connection)
                case messages:
                    for message in messages:
                        actions += self._receive(connection, message, now)
                    connection.turn.release()
        return actions

    def _receive(
        self, connection: Connection, message: ClientMessage | Violation, now: float
    ) -> list[Action[Connection]]:
        """One message has come."""
        self.log.received(connection.name, message)
        if connection.ending.is_set():
            return []  # we have said our last word to it
        return self.room.receive(connection, message, now)

    def _identify(self) -> None:
        """Nothing to do: TCP's handshake has proved that a peer receives at its address, and the sequence
        numbers prove of each segment that it comes from there."""

    def _act(self, actions: list[Action[Connection]], now: float) -> None:
        """Do what the room decided; and what it decides about those who turn out not to read."""
        while actions:
            self._deliver(actions)
            for action in actions:
                if isinstance(action, Close):
                    self._end(action.peer, now)
            actions = []
            for connection in self._watched:
                if len(connection.waiting) > limits.OUTBOX_LIMIT:
                    actions += self.room.leave(connection, "slow", now)
                    connection.cut()

    def _end(self, connection: Connection, now: float) -> None:
        """Let a connection take our last words, and no more. Whoever opens and loses connections all the time does
        not get to keep them for that long."""
        if connection not in self._connections:
            return  # it was quicker
        connection.end(by=now + limits.LINGER)
        self._watch(connection)
        self._ending[connection] = None
        if len(self._ending) > limits.MAX_GUESTS and not self._stopping.is_set():
            self._cut(next(iter(self._ending)))

    def _cut(self, connection: Connection) -> None:
        """End a connection at once."""
        self._ending.pop(connection, None)
        connection.cut()
        self._watch(connection)

    def _deliver(self, actions: list[Action[Connection]]) -> None:
        """Put messages on their way. Each is encoded once, and however many there are for a member, they
        go in one send: the busier the room, the fewer calls for each message."""
        runs: list[tuple[Sequence[Connection], list[bytes]]] = []
        for action in actions:
            if isinstance(action, Send):
                self.log.sent(action, self.room)
                framed = frame(encode(action.message))
                if runs and runs[-1][0] is action.to:
                    runs[-1][1].append(framed)
                else:
                    runs.append((action.to, [framed]))
        shares: dict[Connection, list[bytes]] = {}
        for to, frames in runs:
            together = b"".join(frames)
            for connection in to:
                shares.setdefault(connection, []).append(together)
        for connection, share in shares.items():
            connection.send(b"".join(share))
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        """Let the selector say when a connection takes more, as long as something waits for it."""
        if connection.waiting and connection not in self._watched:
            self._watched.add(connection)
            self._selector.register(connection.sock, selectors.EVENT_WRITE, connection)
        elif not connection.waiting and connection in self._watched:
            self._watched.remove(connection)
            self._selector.unregister(connection.sock)

    def _expire(self, now: float) -> None:
        """Once a second: end what has waited for too long."""
        if now < self._next_expiry:
            return
        self._next_expiry = now + EXPIRE_EVERY
        self._act(self.room.expire(now), now)
        for connection in list(self._ending):
            if now >= connection.ends_at:
                self._cut(connection)

    def _forget(self, connection: Connection) -> None:
        """A connection has ended: give back what it had. Its reader told us so with its last breath."""
        self._cut(connection)
        reader = self._connections.pop(connection)
        if reader.ident is not None:  # else the system had no thread left for it
            reader.join()
        connection.sock.close()

    def _say_goodbye(self) -> None:
        """Tell everyone that the server stops, give them a moment to read it, and end every connection."""
        self._accepting.join()  # nobody new from here on
        now = clock.monotonic()
        until = now + limits.STOP_TIMEOUT
        self._act(self._take(now) + self.room.close("it was stopped"), now)
        while self._connections:
            now = clock.monotonic()
            if now >= until:
                for connection in self._connections:
                    self._cut(connection)
                until = math.inf
            self._wait(min(until - now, 1.0))
            self._act(self._take(now), now)


def main() -> int:
    """`python -m tcp.server`"""
    return run_server(Server)


if __name__ == "__main__":
    sys.exit(main())

"""A small theatre: a real server on a free port of loopback, and members who say and hear.

    ann, bob = lab.join("ann"), lab.join("bob")
    ann.says("hi")
    bob.hears("ann", "hi")

Nothing here sleeps: whoever waits, waits for an event, and fails after `PATIENCE` seconds.
"""

import importlib
import io
import queue
import socket
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar, overload

from rich.console import Console

from common import limits, waiting
from common.command_line import ClientOptions, ServerOptions
from common.events import Away, Back, Ended, Event, Joined, Refused, Spoken, Went
from common.messages import (
    Challenge,
    ClientMessage,
    FromServer,
    Hello,
    Say,
    ServerMessage,
    Violation,
    Welcome,
    encode,
    from_server,
)
from common.server_log import ServerLog
from tcp.framing import Deframer, frame

PATIENCE = 20.0
"""Guards against hanging, not against slowness."""

PLATFORM: str = vars(waiting)["sys"].platform
"""Where the lab runs, or believes to run (`platforms.py`)."""

Kind = TypeVar("Kind")
Sent = TypeVar("Sent", bound=FromServer)


class Member:
    """A client of ours, whose events wait to be looked at."""

    def __init__(self, transport: str, options: ClientOptions, nick: str) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.nick = nick
        self.client: Any = importlib.import_module(f"{transport}.client").Client(
            options, nick, self.events.put
        )

    def joins(self) -> "Member":
        """Say hello and wait until we are in."""
        self.client.start()
        answer = self.sees(Joined, Refused, Ended)
        assert isinstance(answer, Joined), answer
        return self

    def says(self, text: str) -> None:
        """Say something to the room."""
        self.client.send(Say(message=text))

    def sends(self, message: ClientMessage) -> None:
        """Send any message."""
        self.client.send(message)

    def hears(self, nick: str, text: str) -> Spoken:
        """The next thing said is this."""
        spoken = self.sees(Spoken)
        assert (spoken.nick, spoken.text) == (nick, text)
        return spoken

    def sees(self, *kinds: type[Kind]) -> Kind:
        """The next event of one of these kinds; others before it are passed over."""
        while True:
            event = self.events.get(timeout=PATIENCE)
            if isinstance(event, kinds):
                return event

    def is_away(self) -> Away:
        """The next such news is that the server is gone, and not that it is over."""
        news = self.sees(Away, Ended)
        assert isinstance(news, Away), news
        return news

    def is_back(self) -> Back:
        """The next such news is that we are in again, and not that it is over."""
        news = self.sees(Back, Ended)
        assert isinstance(news, Back), news
        return news

    def has_ended(self) -> Ended:
        """The next such news is that it is over, and not that it may go on."""
        news = self.sees(Ended, Away, Back)
        assert isinstance(news, Ended), news
        return news

    def gone(self, nick: str) -> Went | None:
        """The news that somebody has left, if it is among what has happened so far; the rest is passed over."""
        while not self.events.empty():
            event = self.events.get()
            if isinstance(event, Went) and event.nick == nick:
                return event
        return None

    def leaves(self) -> None:
        """Say goodbye."""
        self.client.close()


class Stranger:
    """A bare socket, connected to the server: for those who do not play by the rules."""

    def __init__(self, transport: str, address: tuple[Any, ...]) -> None:
        self.transport = transport
        kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address)
        self.token = ""
        self.cookie = ""
        """Ours over UDP, once we were challenged: a member's address is challenged only once a second."""
        self._deframer = Deframer()
        self._arrived: list[ServerMessage | Violation] = []

    def sends(self, message: ClientMessage) -> int:
        """Send a well-formed message; its size in bytes."""
        return self.sends_payload(encode(message))

    def sends_payload(self, payload: bytes) -> int:
        """Send a payload as this transport carries one."""
        self.sends_bytes(frame(payload) if self.transport == "tcp" else payload)
        return len(payload)

    def sends_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def joins(self, nick: str, lab: int = 1) -> "Stranger":
        """Do what a client does until it is welcome (a plain one: until it sees its own join)."""
        if self.transport == "udp" and not self.cookie:
            self.sends(Hello(nick=nick, lab=lab))
            self.cookie = self.gets(Challenge).cookie
        self.sends(Hello(nick=nick, lab=lab, cookie=self.cookie))
        if lab or self.transport == "udp":
            self.token = self.gets(Welcome).token
        return self

    def gets(self, kind: type[Sent], where: Callable[[Sent], bool] = lambda _: True) -> Sent:
        """The next message of this kind; others before it are passed over."""
        while True:
            message = self.gets_any()
            if isinstance(message, kind) and where(message):
                return message

    def gets_any(self) -> ServerMessage | Violation:
        """The next message. Raises ConnectionError when there will be none."""
        while not self._arrived:
            data = self.socket.recv(limits.RECV_SIZE)
            if self.transport == "udp":
                return from_server(data)
            if not data:
                raise ConnectionError("the server has closed")
            for payload in self._deframer.receive(data):
                self._arrived.append(from_server(payload) if isinstance(payload, bytes) else payload)
        return self._arrived.pop(0)

    def resets(self) -> None:
        """Break the connection: its other end sees no goodbye, but an error."""
        two_numbers = "hh" if sys.platform == "win32" else "ii"  # struct linger
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(two_numbers, 1, 0))
        self.socket.close()

    def is_cut_off(self) -> bool:
        """Whether the server ends this connection, after whatever else it sends."""
        try:
            while self.socket.recv(limits.RECV_SIZE):
                pass
        except ConnectionError:
            pass  # a reset ends it, too
        return True

    def hears_nothing(self) -> bool:
        """Whether nothing has come by now. The server must have answered something later to somebody else."""
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(limits.RECV_SIZE)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


class Lab:
    """A server and everybody who talks to it; all of them are gone when the lab is left."""

    def __init__(self, transport: str, **options: Any) -> None:
        self.transport = transport
        self.written = io.StringIO()
        self._exits = ExitStack()
        defaults = {"port": 0, "rate": 0.0, "trace": True}
        self.log = ServerLog(Console(file=self.written, width=200), trace=True)
        self._make = importlib.import_module(f"{transport}.server").Server
        self._options = ServerOptions(**defaults | options)
        self.server: Any = self._make(self._options, self.log)
        self.address = self.server.address

    def __enter__(self) -> "Lab":
        self.server.start()
        self._exits.callback(self.stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    def stop(self) -> None:
        """Stop the server; once is enough."""
        if self.server is not None:
            server, self.server = self.server, None
            server.stop()

    def restart(self, **options: Any) -> None:
        """A server at the same address that knows nothing of the last one, with other options if there are any."""
        self.stop()
        host, port = self.address[:2]
        self.server = self._make(replace(self._options, host=host, port=port, **options), self.log)
        self.server.start()

    def member(self, nick: str, **options: Any) -> Member:
        """A member who has not said hello yet."""
        host, port = self.address[:2]
        member = Member(self.transport, ClientOptions(**{"host": host, "port": port} | options), nick)
        self._exits.callback(member.leaves)
        return member

    def join(self, nick: str, **options: Any) -> Member:
        """A member who is in."""
        return self.member(nick, **options).joins()

    def stranger(self) -> Stranger:
        """A bare socket."""
        stranger = Stranger(self.transport, self.address)
        self._exits.callback(stranger.socket.close)
        return stranger


class Held(Sequence[float]):
    """Waits that are as long as the test wants: until it lets go. Then they are no waits at all."""

    def __init__(self) -> None:
        self.free = threading.Event()

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        assert self.free.wait(PATIENCE)
        return 0.001

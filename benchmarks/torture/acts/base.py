"""What one hostile act is, as far as the process that performs it is concerned, and what several of them need.

An act is performed in steps, each of which does what is due and then returns: the process looks in between whether it
is to stop, and tells how far it is. How much and how long is bounded from the beginning, by `Orders`.
"""

import socket
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.network import LOCALHOST
from common import clock, limits
from common.messages import Challenge, FromClient, Hello, Welcome, encode, from_server
from tcp.framing import frame

STRANGERS = "127.0.0.2"
"""Loopback, too: all of 127.0.0.0/8 is."""

PATIENCE = 5.0
"""Seconds for an answer that should take none. One that takes longer is counted, and no failure of the act."""

SHORT = 0.02
"""Seconds that a step may wait for something to do."""


@dataclass(frozen=True)
class Orders:
    """Against whom, how long and how much. `rate` and `count` are those of the act's unit: connections, datagrams,
    members. `ports` are those of the ten members, for who forges their addresses."""

    transport: str
    host: str
    port: int
    seed: str
    seconds: float
    rate: float
    count: int
    ports: tuple[int, ...] = ()

    @property
    def where(self) -> tuple[str, int]:
        """The server."""
        return self.host, self.port


class Pace:
    """Lets `rate` units a second be done, at most `count`, for at most `seconds`; `now` in seconds of any steady clock.
    Who falls behind catches up, but with no more than a tenth of a second's units at once."""

    def __init__(self, rate: float, count: int, seconds: float, now: float) -> None:
        self._rate, self._count = rate, count
        self._began, self._ends = now, now + seconds
        self.done = 0

    def due(self, now: float) -> int:
        """How many units to do now."""
        wanted = min(int((now - self._began) * self._rate) + 1, self._count) - self.done
        return 0 if now >= self._ends else max(0, min(wanted, max(1, int(self._rate / 10))))

    def over(self, now: float) -> bool:
        """Whether nothing will be due any more."""
        return self.done >= self._count or now >= self._ends


class Act(ABC):
    """One hostile act. `sent` counts what it has done of its unit, `counts` is what it saw, by name."""

    name: ClassVar[str]

    def __init__(self, orders: Orders, clock: Callable[[], float] = clock.monotonic) -> None:
        self.orders = orders
        self.clock = clock
        self.pace = Pace(orders.rate, orders.count, orders.seconds, clock())
        self.until = clock() + orders.seconds
        self.sent = 0
        self.counts: Counter[str] = Counter()

    @abstractmethod
    def step(self) -> bool:
        """Do what is due, in a short time. Whether there is more to do."""

    def end(self) -> None:  # noqa: B027  most acts hold nothing
        """Give back what is still held."""

    # --- what several acts do ---------------------------------------------------------------------

    def connect(self) -> socket.socket | None:
        """A TCP connection to the server. None, and counted, if there is none to be had."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(PATIENCE)
        try:
            sock.connect(self.orders.where)
        except OSError as error:
            sock.close()
            self.counts[f"not connected: {error.strerror or error}"] += 1
            return None
        return sock

    def datagram_socket(self, *, stranger: bool = False) -> socket.socket:
        """A UDP socket that takes only what comes from the server. That of a `stranger` is at an address where no
        member has ever been: at the port of one that was killed it would hear the room, until the server has noticed
        the silence."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(PATIENCE)
        if stranger and sys.platform == "linux" and self.orders.host == LOCALHOST:
            sock.bind((STRANGERS, 0))  # other systems have only 127.0.0.1 there
        sock.connect(self.orders.where)
        return sock

    def join(self, sock: socket.socket, nick: str) -> str | None:
        """Say hello as a client does. Over TCP nobody waits for the answer; over UDP this is the token, or None if
        there was no welcome in time."""
        if self.orders.transport == "tcp":
            sock.sendall(frame(encode(Hello(nick=nick, lab=1))))
            return ""
        cookie, deadline = "", self.clock() + PATIENCE
        sock.settimeout(0.5)
        while self.clock() < deadline:
            try:
                sock.send(encode(Hello(nick=nick, lab=1, cookie=cookie)))
                while True:
                    answer = from_server(sock.recv(limits.RECV_SIZE))
                    if isinstance(answer, Challenge):
                        cookie = answer.cookie
                        break
                    if isinstance(answer, Welcome):
                        return answer.token
            except TimeoutError:
                continue  # one of the two was lost: ask again
        self.counts["joins without an answer"] += 1
        return None

    def bytes_of(self, message: FromClient) -> bytes:
        """A valid message, as this transport carries it."""
        return frame(encode(message)) if self.orders.transport == "tcp" else encode(message)


def reset(sock: socket.socket) -> None:
    """Close a TCP connection with a reset, whatever is under way."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()

"""Those who relay bytes as they are: `naive` and the two floors. A message of theirs is its text, and nothing else.

A member says who it is, and is in when it reads that it has joined: from then on it is sent everything.
"""

import sys
from typing import ClassVar

from benchmarks.drivers.base import Driver, Member
from benchmarks.drivers.lab import listening_port

AGAIN = 0.2
"""Seconds after which a member that was not heard says again who it is: a datagram may be lost."""


class RawMember(Member):
    """A member of a chat without a format. `first` is what it says to join; it is repeated where `repeat` says so."""

    def __init__(self, nick: str, members: int, first: str, *, repeat: bool) -> None:
        super().__init__(nick, members)
        self._first = first.encode()
        self._repeat = repeat
        self._again_at = 0.0
        self._heard = b""

    def begin(self, now: float) -> list[bytes]:
        self._again_at = now + AGAIN
        return [self._first]

    def wake(self, now: float) -> list[bytes]:
        return self.begin(now) if self._repeat and not self.joined and now >= self._again_at else []

    def receive(self, data: bytes, now: float) -> list[str]:
        if not self.joined:
            self._heard += data
            # With what stands around it: m1 is not m11.
            self.joined = self.ready = f"\n{self.nick} has joined\n".encode() in b"\n" + self._heard
        return []  # nobody can say where a message ends; the bench finds their stamps

    def say(self, text: str) -> bytes:
        return text.encode()


class Raw(Driver):
    """A program of this folder, told where to listen."""

    largest_text = 1000
    module: ClassVar[str]

    def server(self, host: str, port: int) -> list[str]:
        return [sys.executable, "-m", f"benchmarks.contestants.{self.module}", host, str(port)]

    def port(self, line: str) -> int | None:
        return listening_port(self.name, line)


class Naive(Raw):
    """`python -m benchmarks.contestants.naive`: a connection's first bytes are its nick, which the server announces."""

    name = "naive"
    module = "naive"
    stream = True
    echoes = False

    def member(self, nick: str, members: int) -> RawMember:
        return RawMember(nick, members, nick, repeat=False)


class Floor(Raw):
    """`python -m benchmarks.contestants.floor`: it announces nobody, but relays who announces himself, to him too."""

    name = "floor"
    module = "floor"
    stream = True

    def member(self, nick: str, members: int) -> RawMember:
        return RawMember(nick, members, f"{nick} has joined\n", repeat=not self.stream)


class FloorUdp(Floor):
    """`python -m benchmarks.contestants.floor_udp`: the same with datagrams."""

    name = "floor-udp"
    module = "floor_udp"
    stream = False

"""The naive server with chosen faults, as the experiments see it: how it is started, and what its members say."""

import sys
from collections.abc import Set

from benchmarks.contestants.naive.faults import NO_FRAMING, show
from benchmarks.contestants.raw import RawMember
from benchmarks.drivers.base import Driver
from benchmarks.drivers.lab import listening_port


class LineMember(RawMember):
    """A member of the server that knows where a message ends: what is said comes as `nick: text`, a line each."""

    def __init__(self, nick: str, members: int) -> None:
        super().__init__(nick, members, f"{nick}\n", repeat=False)
        self._rest = b""

    def receive(self, data: bytes, now: float) -> list[str]:
        super().receive(data, now)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [text for line in lines if (text := line.decode(errors="replace").partition(": ")[2])]

    def say(self, text: str) -> bytes:
        return f"{text}\n".encode()


class PieceMember(RawMember):
    """A member of the one that does not: what a `recv` returned is what it is shown."""

    def __init__(self, nick: str, members: int) -> None:
        super().__init__(nick, members, nick, repeat=False)

    def receive(self, data: bytes, now: float) -> list[str]:
        joined = self.joined
        super().receive(data, now)
        return [data.decode(errors="replace")] if joined else []


class Faulty(Driver):
    """`python -m benchmarks.contestants.naive` with these faults."""

    name = "naive"
    stream = True
    echoes = False
    largest_text = 60_000

    def __init__(self, faults: Set[str]) -> None:
        self.faults = faults

    def server(self, host: str, port: int) -> list[str]:
        module = "benchmarks.contestants.naive"
        return [sys.executable, "-m", module, host, str(port), "--faults", show(self.faults)]

    def port(self, line: str) -> int | None:
        return listening_port(self.name, line)

    def member(self, nick: str, members: int) -> RawMember:
        return (PieceMember if NO_FRAMING in self.faults else LineMember)(nick, members)

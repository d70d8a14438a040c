"""This lab's server over TCP. A member says hello once; TCP repeats what is lost."""

import sys
from collections.abc import Iterator

from benchmarks.drivers.base import Driver
from benchmarks.drivers.lab import LARGEST_TEXT, LabMember, listening_port
from common import limits
from common.messages import Hello, Say, encode, from_server
from tcp.framing import Deframer, frame


class TcpMember(LabMember):
    """A member on a connection."""

    def __init__(self, nick: str, members: int) -> None:
        super().__init__(nick, members)
        self._deframer = Deframer(limits.MAX_FRAME)

    def begin(self, now: float) -> list[bytes]:
        return [frame(encode(Hello(nick=self.nick, lab=1)))]

    def wake(self, now: float) -> list[bytes]:
        return []  # nothing is lost, so nothing is repeated

    def receive(self, data: bytes, now: float) -> list[str]:
        return list(self._texts(data))

    def say(self, text: str) -> bytes:
        return frame(encode(Say(message=text)))

    def _texts(self, data: bytes) -> Iterator[str]:
        for payload in self._deframer.receive(data):
            text = self.hear(from_server(payload) if isinstance(payload, bytes) else payload)
            if text is not None:
                yield text


class Tcp(Driver):
    """`python -m tcp.server`"""

    name = "tcp"
    stream = True
    largest_text = LARGEST_TEXT

    def server(self, host: str, port: int) -> list[str]:
        # --rate 0: the load decides how much is said, not the server's allowance.
        return [sys.executable, "-m", "tcp.server", "--host", host, "--port", str(port), "--rate", "0"]

    def port(self, line: str) -> int | None:
        return listening_port(self.name, line)

    def member(self, nick: str, members: int) -> TcpMember:
        return TcpMember(nick, members)

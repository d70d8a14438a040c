"""This lab's server over UDP. A member proves its address, and repeats what has no answer until it is in."""

import sys

from benchmarks.drivers.base import Driver
from benchmarks.drivers.lab import LARGEST_TEXT, LabMember, listening_port
from common import limits
from common.messages import Challenge, FromClient, Hello, Say, Welcome, Who, encode, from_server


class UdpMember(LabMember):
    """A member at an address: hello, challenge, hello with the cookie, welcome with the token."""

    def __init__(self, nick: str, members: int) -> None:
        super().__init__(nick, members)
        self._cookie = ""
        self._token = ""
        self._asked = 0
        self._again_at = 0.0

    def begin(self, now: float) -> list[bytes]:
        return self._ask(Hello(nick=self.nick, lab=1, cookie=self._cookie), now)

    def wake(self, now: float) -> list[bytes]:
        if self.ready or now < self._again_at:
            return []
        if not self.joined:
            return self.begin(now)
        return self._ask(Who(token=self._token), now)  # somebody's `join` did not reach us

    def receive(self, data: bytes, now: float) -> list[str]:
        message = from_server(data)
        if isinstance(message, Challenge):
            self._cookie, self._asked = message.cookie, 0
            self.replies += self.begin(now)
            return []
        if isinstance(message, Welcome):
            self._token = message.token
        text = self.hear(message)
        if self.joined and not self.ready:
            # The room fills, and we are told of it. Only if that falls silent something may have been lost.
            self._asked, self._again_at = 0, now + limits.HELLO_WAITS[0]
        return [] if text is None else [text]

    def say(self, text: str) -> bytes:
        return encode(Say(message=text, token=self._token))

    def _ask(self, question: FromClient, now: float) -> list[bytes]:
        """Ask, and note when to ask again: the question or its answer may be lost."""
        if self._asked == len(limits.HELLO_WAITS):
            self.problem = (
                f"{self.nick} has no answer to {self._asked} times {type(question).__name__.lower()}"
            )
            return []
        self._again_at = now + limits.HELLO_WAITS[self._asked]
        self._asked += 1
        return [encode(question)]


class Udp(Driver):
    """`python -m udp.server`"""

    name = "udp"
    stream = False
    largest_text = LARGEST_TEXT

    def server(self, host: str, port: int) -> list[str]:
        # --silence: who only listens says nothing for the whole run, and must not be forgotten for that.
        where = ["--host", host, "--port", str(port)]
        return [sys.executable, "-m", "udp.server", *where, "--rate", "0", "--silence", "86400"]

    def port(self, line: str) -> int | None:
        return listening_port(self.name, line)

    def member(self, nick: str, members: int) -> UdpMember:
        return UdpMember(nick, members)

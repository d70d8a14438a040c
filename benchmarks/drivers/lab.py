"""What the drivers of this lab's two servers have in common: the messages, and how the room fills."""

import re

from benchmarks.drivers.base import Member
from common import limits
from common.messages import Bye, Chat, Error, Join, Members, Say, ServerMessage, Violation, Welcome, encode

LARGEST_TEXT = limits.MAX_PAYLOAD - len(encode(Say(message="", token="x" * 64)))
"""Bytes of text that fit into a payload beside the longest token and nick there may be."""


def listening_port(transport: str, line: str) -> int | None:
    """The port in `… tcp listening on 127.0.0.1:4242`; None if the line is another one."""
    found = re.search(rf"\b{transport} listening on \S+:(\d+)\s*$", line)
    return int(found[1]) if found else None


class LabMember(Member):
    """What a member makes of the messages it is sent. How bytes become messages is its transport's matter."""

    def __init__(self, nick: str, members: int) -> None:
        super().__init__(nick, members)
        self._present = 0

    def hear(self, message: ServerMessage | Violation) -> str | None:
        """The text of what somebody said to the room; None for every other message."""
        match message:
            case Chat(message=text):
                return text
            case Welcome(members=nicks, more=more) | Members(members=nicks, more=more):
                self.joined = True
                self._present = len(nicks) + more
            case Join(nick=nick) if self.joined and nick != self.nick:
                self._present += 1
            case Error(message=sentence) if not self.ready:
                self.problem = f"the server refused {self.nick}: {sentence}"
            case Bye() if not self.ready:
                self.problem = f"the server stopped while {self.nick} was joining"
            case Violation(message=sentence) if not self.ready:
                self.problem = f"the server sent {self.nick} what is no message: {sentence}"
        self.ready = self.ready or (self.joined and self._present >= self.members)
        return None

"""What the load has to know of a server it measures. One file beside this one for each contestant.

A driver sees no socket: bytes that arrived go in, texts and bytes to send come out. So the load is the
same for all of them, and what differs between two contestants is only what their drivers say.
"""

from abc import ABC, abstractmethod
from typing import ClassVar


class Member(ABC):
    """One member's side of the conversation. `now` is in seconds of the monotonic clock."""

    def __init__(self, nick: str, members: int) -> None:
        self.nick = nick
        self.members = members
        """How many there will be in the room."""
        self.joined = False
        """The server has let it in."""
        self.ready = False
        """It is in, and it sees all the others: whatever is said from now on, everybody is to get."""
        self.problem = ""
        """Why it can't join, as a sentence; empty as long as it may."""
        self.replies: list[bytes] = []
        """What is to be sent in answer to what was received. The load sends it and empties the list."""

    @abstractmethod
    def begin(self, now: float) -> list[bytes]:
        """What to send to join."""

    @abstractmethod
    def wake(self, now: float) -> list[bytes]:
        """What to send because time has passed. Called now and then until everybody is ready."""

    @abstractmethod
    def receive(self, data: bytes, now: float) -> list[str]:
        """The texts that people said, out of what one `recv` returned."""

    @abstractmethod
    def say(self, text: str) -> bytes:
        """The bytes that say `text` to the room."""


class Driver(ABC):
    """A contestant: how its server is started, and what its members say."""

    name: ClassVar[str]
    """What the command line and the table call it."""
    stream: ClassVar[bool]
    """Whether it is spoken to over TCP. If so, what a socket does not take now waits; a datagram is lost."""
    echoes: ClassVar[bool] = True
    """Whether a sender is sent its own message, too."""
    largest_text: ClassVar[int]
    """The longest text that fits into one of its messages, in bytes."""

    @abstractmethod
    def server(self, host: str, port: int) -> list[str]:
        """The command line of the server, listening on `host` and `port` (0: any free one)."""

    @abstractmethod
    def port(self, line: str) -> int | None:
        """The port it listens on, out of a line that it printed; None if this line does not tell."""

    @abstractmethod
    def member(self, nick: str, members: int) -> Member:
        """The side of one member, in a room that is going to have `members`."""

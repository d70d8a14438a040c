"""A person, or a pipe, at a client: choosing a nick, joining, talking, leaving.

What is the same for both lives here; what a person sees is in `terminal.py`, what a pipe reads and
writes in `pipe.py`. Both have a `Face`.
"""

import os
import queue
import sys
from collections.abc import Callable
from typing import Protocol, TypeAlias

from common import addresses, interrupts, limits
from common.addresses import Unusable
from common.command_line import ClientOptions, complain
from common.events import Ended, Event, Joined, Refused
from common.messages import ClientMessage
from common.session import NICK_PROBLEMS, Session

Answers: TypeAlias = "queue.SimpleQueue[Joined | Refused | Ended]"
"""What may come back from a hello."""


class AnyClient(Protocol):
    """What both clients have in common, as far as a face knows."""

    session: Session

    def start(self) -> None: ...
    def send(self, message: ClientMessage) -> None: ...
    def retry(self) -> int: ...
    def unanswered(self) -> None: ...
    def close(self) -> None: ...


class Face(Protocol):
    """What a conversation is shown on and typed into."""

    def show(self, event: Event) -> None:
        """Show an event. Called from any thread."""

    def ask_nick(self) -> str | None:
        """Ask for a nick; None if there is nobody to ask. Raises KeyboardInterrupt if they would rather leave."""

    def talk(self, client: AnyClient) -> None:
        """Talk until one side has had enough."""

    def leave(self, client: AnyClient) -> int:
        """Show how it was; the exit code."""


def converse(
    make: Callable[[ClientOptions, str, Callable[[Event], None]], AnyClient],
    transport: str,
    options: ClientOptions,
) -> int:
    """Run a client until it is left or the server is gone; the exit code. `make` is its class."""
    face = _face(f"{transport} {addresses.show((options.host, options.port))}")
    nick = options.nick or face.ask_nick()
    if not nick:
        return complain("A nick is needed to join: give one with --nick (make: NICK=ann).")
    while nick:
        answers: Answers = queue.SimpleQueue()

        def show(event: Event, answers: Answers = answers) -> None:
            face.show(event)
            if isinstance(event, Joined | Refused | Ended):
                answers.put(event)

        try:
            client = make(options, nick, show)
        except Unusable as error:
            return complain(str(error))
        try:
            with interrupts.deferred():
                client.start()
            answer = _wait(client, answers)
            if isinstance(answer, Joined):
                face.talk(client)
        finally:
            client.close()
        if isinstance(answer, Joined):
            return face.leave(client)
        another = isinstance(answer, Refused) and answer.code in NICK_PROBLEMS
        nick = face.ask_nick() if another else None
    return 2


def _wait(client: AnyClient, answers: Answers) -> Joined | Refused | Ended:
    """Wait for the answer to our hello."""
    try:
        return answers.get(timeout=limits.PLAIN_SERVER_WAIT)
    except queue.Empty:
        client.unanswered()
    while True:
        try:
            return answers.get(timeout=0.2)  # a wait without end would not let Windows see Ctrl-C
        except queue.Empty:
            continue


def _face(server: str) -> Face:
    """A terminal if there is one at both ends, else a pipe. `server` is what it says it talks to."""
    ends = (sys.stdin, sys.stdout)
    if all(end is not None and end.isatty() for end in ends) and os.environ.get("TERM") != "dumb":
        from common.terminal import Terminal

        return Terminal(server)
    from common.pipe import Pipe

    return Pipe()

"""A room with people in it, for dialogues: `ann.says("hi")`, and what the room has sent to whom."""

from collections.abc import Iterable
from itertools import chain

from common.messages import (
    Act,
    ClientMessage,
    Error,
    FromServer,
    Hello,
    Say,
    Tell,
    Violation,
)
from common.room import Action, Room, Send

BAD = Violation(code="bad-message", message="This is not JSON.")
UNKNOWN = Violation(code="unknown-type", message="There is no such message.", counts=False)


class Stage:
    """A room, its clock, and what each peer has been sent; `closed` are those to be disconnected."""

    def __init__(self, silence: float | None = None) -> None:
        tokens = chain(["the room"], (f"token-{count}" for count in range(10**6)))
        self.room: Room[str] = Room(
            silence=silence, connections=silence is None, new_token=lambda: next(tokens)
        )
        self.now = 0.0
        self.heard: dict[str, list[FromServer]] = {}
        self.closed: list[str] = []

    def play(self, actions: Iterable[Action[str]]) -> None:
        """Do what the room decided."""
        for action in actions:
            if isinstance(action, Send):
                assert len(set(action.to)) == len(action.to), "twice to the same peer"
                for peer in action.to:
                    assert peer not in self.closed, "more words after the last"
                    self.heard.setdefault(peer, []).append(action.message)
            else:
                assert action.peer not in self.room, "closed, and still a member"
                self.closed.append(action.peer)

    def person(self, name: str, *, connects: bool = True) -> "Person":
        """Somebody at the other end of a connection."""
        if connects:
            self.play(self.room.connect(name, self.now))
        return Person(self, name)

    def member(self, nick: str) -> "Person":
        """A lab member; what was said on joining is forgotten."""
        return self._joined(nick, lab=1)

    def plain_member(self, nick: str) -> "Person":
        """A member with a client written to Beej's chapter."""
        return self._joined(nick, lab=0)

    def _joined(self, nick: str, lab: int) -> "Person":
        person = self.person(nick)
        person.sends(Hello(nick=nick, lab=lab))
        assert person.is_in
        self.forget()
        return person

    def forget(self) -> None:
        """From here on only what is new counts."""
        self.heard.clear()

    def time_passes(self, seconds: float) -> None:
        """The clock goes on, and the room looks at it."""
        self.now += seconds
        self.play(self.room.expire(self.now))


class Person:
    """One peer of a stage."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name

    def sends(self, message: ClientMessage | Violation) -> None:
        """Any message, or something that is none."""
        self.stage.play(self.stage.room.receive(self.name, message, self.stage.now))

    def says(self, text: str, number: int | None = None) -> None:
        """A chat."""
        self.sends(Say(message=text, id=number))

    def does(self, text: str, number: int | None = None) -> None:
        """An emote."""
        self.sends(Act(message=text, id=number))

    def tells(self, to: str, text: str, number: int | None = None) -> None:
        """A direct message."""
        self.sends(Tell(to=to, message=text, id=number))

    def vanishes(self, reason: str = "lost") -> None:
        """The connection is gone."""
        self.stage.play(self.stage.room.leave(self.name, reason, self.stage.now))

    def hears(self, *messages: FromServer) -> None:
        """Exactly these, since the last time."""
        assert self.stage.heard.pop(self.name, []) == list(messages)

    def hears_error(self, code: str, number: int | None = None, *then: FromServer) -> Error:
        """One error with this code, then these messages, and nothing else."""
        error, *rest = self.stage.heard.pop(self.name, [])
        assert rest == list(then)
        assert isinstance(error, Error)
        assert (error.code, error.id) == (code, number)
        assert error.message.endswith(".")
        return error

    @property
    def is_in(self) -> bool:
        """Whether it is a member."""
        return self.name in self.stage.room

    @property
    def is_closed(self) -> bool:
        """Whether the server was told to disconnect it."""
        return self.name in self.stage.closed

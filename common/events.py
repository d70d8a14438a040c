"""What a client's session has to show a person: its events, as plain data.

A face (`terminal.py`, `pipe.py`) shows each as a line (`show.py`); tests look at them as they are.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Joined:
    """We are in, as `nick`. `plain`: the server knows only what Beej's chapter knows."""

    nick: str
    members: list[str]
    more: int = 0
    plain: bool = False


@dataclass(frozen=True)
class Refused:
    """We are not in, and why: the nick is taken or unfit, or the server sent us away."""

    code: str
    reason: str


@dataclass(frozen=True)
class Spoken:
    """Somebody said something. `kind` is chat, emote or direct; `to` is set for a direct message.

    `mine`: it is our own, come back; `round_trip` in seconds from sending to receipt, if it is ours.
    `late`: later numbers had arrived before it.
    """

    kind: str
    nick: str
    text: str
    to: str = ""
    mine: bool = False
    round_trip: float | None = None
    late: bool = False


@dataclass(frozen=True)
class Came:
    """Somebody joined."""

    nick: str


@dataclass(frozen=True)
class Went:
    """Somebody left; `reason` is a key of `room.REASONS`, or empty (a plain server gives none)."""

    nick: str
    reason: str


@dataclass(frozen=True)
class Present:
    """Who is here, and how many more."""

    members: list[str]
    more: int = 0


@dataclass(frozen=True)
class Unconfirmed:
    """Our own message had no receipt in time: it, or its receipt, was lost."""

    text: str


@dataclass(frozen=True)
class Missing:
    """The room's numbers show a gap: this many messages are lost, or late."""

    count: int


@dataclass(frozen=True)
class Notice:
    """A sentence for the person; `error` if something was refused."""

    text: str
    error: bool = False


@dataclass(frozen=True)
class Away:
    """The server is gone, and why: a sentence. We shall come back when it does."""

    reason: str


@dataclass(frozen=True)
class Back:
    """We are in again, as `nick`. `missed` numbers of the room went by meanwhile; None: it is another room, and
    nobody knows."""

    nick: str
    members: list[str]
    more: int = 0
    missed: int | None = None


@dataclass(frozen=True)
class Ended:
    """The conversation is over, and why: a sentence."""

    reason: str


Event = (
    Joined
    | Refused
    | Spoken
    | Came
    | Went
    | Present
    | Unconfirmed
    | Missing
    | Notice
    | Away
    | Back
    | Ended
)  # fmt: skip

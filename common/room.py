"""The rules of the chat, once, for both transports.

The room knows no socket, no thread and no clock. A *peer* is whatever the server calls the other end
(a connection, an address): the room only uses it as a key. Every call says what has happened and when
(`now`, seconds of any steady clock) and returns what is to be done about it: a list of actions, in
order. One caller at a time: a server gives the room to one thread.

    room.connect("a", now=0.0)
    room.receive("a", Hello(nick="ann", lab=1), now=0.1)   ->  [Send(Welcome(…), ("a",)), Send(Join(…), …)]

Three kinds of peers: a *guest* has not said `hello` yet; a *lab member* knows the extensions; a *plain
member* was written to Beej's chapter and is only ever sent `chat`, `join` and `leave`.
"""

import hmac
import secrets
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import msgspec

from common import limits
from common.messages import (
    Act,
    Bye,
    Chat,
    ClientMessage,
    Direct,
    Emote,
    Error,
    FromServer,
    Goodbye,
    Hello,
    Join,
    Leave,
    Members,
    Ping,
    Pong,
    Say,
    Tell,
    Violation,
    Welcome,
    Who,
)
from common.nick import fold, refuse_nick

Peer = TypeVar("Peer", bound=Hashable)

REASONS = {
    "quit": "said goodbye, or closed the connection",
    "lost": "the connection broke",
    "silent": "was not heard of for too long",
    "slow": "did not read what was sent",
    "kicked": "sent too much that was no message",
}
"""Why a member left: the `reason` of a `leave`, and what it means."""


class Send(NamedTuple, Generic[Peer]):
    """Send `message` to each peer of `to`, which is the same object as long as the room is the same."""

    message: FromServer
    to: Sequence[Peer]


class Close(NamedTuple, Generic[Peer]):
    """Send `peer` what is still under way to it, and end the connection. (UDP: forget it.)"""

    peer: Peer


Action = Send[Peer] | Close[Peer]


@dataclass(slots=True)
class _Guest:
    since: float
    violations: int = 0


@dataclass(slots=True)
class _Member:
    nick: str
    lab: bool
    token: str  # asked for again when a `welcome` was lost
    heard: float
    violations: int = 0


class Room(Generic[Peer]):
    """Who is here, what they may do, and what everybody is sent.

    `silence`: members not heard of for this many seconds have left; None where the transport tells itself (TCP).
    `connections`: nobody speaks who was not reported by `connect` (TCP). `new_token` makes what a member proves
    itself with, and the room's own name; 64 random bits by default.
    """

    def __init__(
        self,
        *,
        silence: float | None = None,
        connections: bool = True,
        max_members: int = limits.MAX_MEMBERS,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(8),
    ) -> None:
        self.seq = 0
        """The last number given."""
        self.name = new_token()
        """Who comes back learns from it whether this is still the room that counted what it has seen."""
        self._silence = silence
        self._connections = connections
        self._max_members = max_members
        self._new_token = new_token
        self._guests: dict[Peer, _Guest] = {}
        self._members: dict[Peer, _Member] = {}
        self._by_nick: dict[str, Peer] = {}
        self._everyone: tuple[Peer, ...] = ()
        self._lab: tuple[Peer, ...] = ()
        self._plain: tuple[Peer, ...] = ()

    # --- what a server asks -----------------------------------------------------------------------

    def __contains__(self, peer: Peer) -> bool:
        """Whether `peer` is a member."""
        return peer in self._members

    def __len__(self) -> int:
        """How many members there are."""
        return len(self._members)

    def nick(self, peer: Peer) -> str:
        """The nick of a member; empty for anybody else."""
        return self._members[peer].nick if peer in self._members else ""

    def token(self, peer: Peer) -> str:
        """The token of a member; empty for anybody else."""
        return self._members[peer].token if peer in self._members else ""

    def peer(self, nick: str) -> Peer | None:
        """The member with this nick; None if there is none."""
        return self._by_nick.get(fold(nick))

    # --- what a server reports --------------------------------------------------------------------

    def connect(self, peer: Peer, now: float) -> list[Action[Peer]]:
        """A connection was made: from now on a `hello` is waited for. Where too many are waited for, the oldest
        has had its time. UDP has no connections to report."""
        actions: list[Action[Peer]] = []
        if len(self._guests) >= limits.MAX_GUESTS:
            oldest = next(iter(self._guests))
            del self._guests[oldest]
            crowded = "Too many have connected and not said hello, and you were the first of them."
            actions = [Send(Error(code="full", message=crowded), (oldest,)), Close(oldest)]
        self._guests[peer] = _Guest(since=now)
        return actions

    def receive(self, peer: Peer, message: ClientMessage | Violation, now: float) -> list[Action[Peer]]:
        """`peer` sent `message`, or something that is none."""
        member = self._members.get(peer)
        if member is None:
            if self._connections and peer not in self._guests:
                return []  # its connection is to be closed, and these are words that were on their way
            return self._from_guest(peer, message, now)
        member.heard = now
        match message:
            case Say():
                return self._chat(member, peer, message)
            case Act():
                return self._emote(member, peer, message)
            case Tell():
                return self._direct(member, peer, message)
            case Who():
                nicks, more = self._here()
                return self._to_lab(member, peer, Members(members=nicks, more=more))
            case Ping():
                return self._to_lab(member, peer, Pong(seq=self.seq))
            case Goodbye():
                return [*self.leave(peer, "quit", now), Close(peer)]
            case Hello():
                return self._hello_again(member, peer, message)
            case Violation():
                return self._violation(member, peer, message, now)

    def leave(self, peer: Peer, reason: str, now: float) -> list[Action[Peer]]:
        """`peer` is gone, for one of `REASONS`. Nothing happens if it was no member."""
        self._guests.pop(peer, None)
        member = self._members.pop(peer, None)
        if member is None:
            return []
        del self._by_nick[fold(member.nick)]
        self._regroup()
        return [Send(Leave(nick=member.nick, seq=self._number(), reason=reason), self._everyone)]

    def expire(self, now: float) -> list[Action[Peer]]:
        """Send away the guests who never said hello, and the members who fell silent."""
        actions: list[Action[Peer]] = []
        for peer, guest in list(self._guests.items()):
            if now - guest.since >= limits.HELLO_TIMEOUT:
                late = f"There was no hello within {limits.HELLO_TIMEOUT:g} s."
                actions += [Send(Error(code="hello-timeout", message=late), (peer,)), Close(peer)]
                del self._guests[peer]
        if self._silence is not None:
            for peer, member in list(self._members.items()):
                if now - member.heard >= self._silence:
                    bye = Bye(reason="you were not heard of for too long", cause="silent")
                    farewell = self._to_lab(member, peer, bye)
                    actions += [*farewell, *self.leave(peer, "silent", now), Close(peer)]
        return actions

    def close(self, reason: str) -> list[Action[Peer]]:
        """The server stops: say so to all who understand it, and end every connection. Nobody is here then."""
        goodbye: Action[Peer] = Send(Bye(reason=reason, cause="stopped"), self._lab)
        ends: list[Action[Peer]] = [Close(peer) for peer in (*self._guests, *self._everyone)]
        self._guests.clear()
        self._members.clear()
        self._by_nick.clear()
        self._regroup()
        return [goodbye, *ends]

    # --- guests -----------------------------------------------------------------------------------

    def _from_guest(self, peer: Peer, message: ClientMessage | Violation, now: float) -> list[Action[Peer]]:
        match message:
            case Hello():
                return self._hello(peer, message, now)
            case Goodbye():
                return [*self.leave(peer, "quit", now), Close(peer)]
            case Violation():
                refusal = Send(Error(code=message.code, message=message.message), (peer,))
                guest = self._guests.get(peer)
                if guest is not None and message.counts:
                    guest.violations += 1
                if message.fatal or (guest and guest.violations >= limits.MAX_VIOLATIONS):
                    self._guests.pop(peer, None)
                    return [refusal, Close(peer)]
                return [refusal]
            case _:
                first = "Say hello first: a chat begins with a nick."
                return [Send(Error(code="hello-first", message=first), (peer,))]

    def _hello(self, peer: Peer, hello: Hello, now: float) -> list[Action[Peer]]:
        lab = hello.lab >= 1
        code, problem = "bad-nick", refuse_nick(hello.nick)
        nick = hello.nick if problem else unicodedata.normalize("NFC", hello.nick)
        holder = self._by_nick.get(fold(nick))
        if holder is not None and self._proves(hello.token, holder):
            return self._take_over(holder, peer, now)
        if not problem and holder is not None:
            code, problem = "nick-taken", "Somebody here has this nick already."
        if not problem and len(self._members) >= self._max_members:
            full = f"The room is full: it takes {self._max_members:,} members. Come back later."
            self._guests.pop(peer, None)
            return [*([Send(Error(code="full", message=full), (peer,))] if lab else []), Close(peer)]
        if problem and not lab:
            self._guests.pop(peer, None)
            return [Close(peer)]  # a plain client knows no `error`
        if problem:
            return [Send(Error(code=code, message=problem), (peer,))]
        self._guests.pop(peer, None)
        self._members[peer] = _Member(nick=nick, lab=lab, token=self._new_token(), heard=now)
        self._by_nick[fold(nick)] = peer
        self._regroup()
        welcome = self._welcome(peer) if lab else []
        return [*welcome, Send(Join(nick=nick, seq=self._number()), self._everyone)]

    def _proves(self, token: str, peer: Peer) -> bool:
        """Whether `token` is that of this member. Compared in a time that does not tell how much of it is right."""
        return bool(token) and hmac.compare_digest(token.encode(), self._members[peer].token.encode())

    def _take_over(self, old: Peer, new: Peer, now: float) -> list[Action[Peer]]:
        """A member has come back on a new connection before we noticed that the old one is dead. It is the same
        member: nobody has left, and nobody joins. (Over UDP a peer is a registration, which moves with its member:
        `Server._move`.)"""
        self._guests.pop(new, None)
        member = self._members.pop(old)
        member.heard = now
        self._members[new] = member
        self._by_nick[fold(member.nick)] = new
        self._regroup()
        return [Close(old), *self._welcome(new)]

    def _hello_again(self, member: _Member, peer: Peer, hello: Hello) -> list[Action[Peer]]:
        """The answer to the first hello was lost (UDP), or somebody wants a second name."""
        if fold(hello.nick) == fold(member.nick):
            return self._welcome(peer) if member.lab else []
        renamed = f"You are {member.nick} here: leave, and come back with the other nick."
        return self._to_lab(member, peer, Error(code="already-joined", message=renamed))

    def _welcome(self, peer: Peer) -> list[Action[Peer]]:
        member = self._members[peer]
        nicks, more = self._here()
        welcome = Welcome(
            nick=member.nick, members=nicks, seq=self.seq, token=member.token, room=self.name, more=more
        )
        return [Send(welcome, (peer,))]

    # --- members ----------------------------------------------------------------------------------

    def _chat(self, member: _Member, peer: Peer, say: Say) -> list[Action[Peer]]:
        if not say.message:
            return self._empty(member, peer, say.id)
        chat = Chat(nick=member.nick, message=say.message, seq=self._number(), id=say.id)
        return [Send(chat, self._everyone)]

    def _emote(self, member: _Member, peer: Peer, act: Act) -> list[Action[Peer]]:
        if not act.message:
            return self._empty(member, peer, act.id)
        nick, seq = member.nick, self._number()
        emote = Emote(nick=nick, message=act.message, seq=seq, id=act.id)
        told = Chat(nick=nick, message=f"* {nick} {act.message}", seq=seq, id=act.id)
        return [Send(message, to) for message, to in ((emote, self._lab), (told, self._plain)) if to]

    def _direct(self, member: _Member, peer: Peer, tell: Tell) -> list[Action[Peer]]:
        if not tell.message:
            return self._empty(member, peer, tell.id)
        target = self.peer(tell.to)
        if target is None:
            refusal = Error(code="no-such-nick", message="Nobody here has this nick.", id=tell.id)
            return self._to_lab(member, peer, refusal)
        other = self._members[target]
        if not other.lab:
            plain = f"{other.nick} has a plain client, which knows no direct messages."
            return self._to_lab(member, peer, Error(code="no-direct", message=plain, id=tell.id))
        direct = Direct(nick=member.nick, to=other.nick, message=tell.message, id=tell.id)
        receipt = self._to_lab(member, peer, direct) if target != peer else []
        return [Send(direct, (target,)), *receipt]

    def _violation(self, member: _Member, peer: Peer, violation: Violation, now: float) -> list[Action[Peer]]:
        refusal = self._to_lab(member, peer, Error(code=violation.code, message=violation.message))
        member.violations += violation.counts
        if violation.fatal or member.violations >= limits.MAX_VIOLATIONS:
            farewell = self._to_lab(member, peer, Bye(reason=f"you {REASONS['kicked']}", cause="kicked"))
            return [*refusal, *farewell, *self.leave(peer, "kicked", now), Close(peer)]
        return refusal

    def _empty(self, member: _Member, peer: Peer, number: int | None) -> list[Action[Peer]]:
        """Not a violation: a plain client sends one whenever its user presses Enter."""
        nothing = Error(code="empty", message="An empty message says nothing.", id=number)
        return self._to_lab(member, peer, nothing)

    def _to_lab(self, member: _Member, peer: Peer, message: FromServer) -> list[Action[Peer]]:
        """To one member, if it understands: a plain one is sent no extension."""
        return [Send(message, (peer,))] if member.lab else []

    # --- everyone ---------------------------------------------------------------------------------

    def _number(self) -> int:
        self.seq += 1
        return self.seq

    def _regroup(self) -> None:
        """Who gets what, made anew when somebody comes or goes and not for every message."""
        self._everyone = tuple(self._members)
        self._plain = tuple(peer for peer, member in self._members.items() if not member.lab)
        # The same object where it is the same people: who sends then sees that it is.
        self._lab = self._everyone
        if self._plain:
            self._lab = tuple(peer for peer, member in self._members.items() if member.lab)

    def _here(self) -> tuple[list[str], int]:
        """The nicks that fit into one payload, and how many did not."""
        nicks = [member.nick for member in self._members.values()]
        room_left = limits.MAX_PAYLOAD - 512  # what else a `welcome` holds: a nick, a token, numbers
        for count, nick in enumerate(nicks):
            room_left -= len(msgspec.json.encode(nick)) + 1
            if room_left < 0:
                return nicks[:count], len(nicks) - count
        return nicks, 0

"""The rules of the chat, written a second time, and a machine that looks for a story in which the two disagree.

`test_room_stories.py` asks what must hold in any story. Here a model foretells, for every step, each message to
each peer and whose connection ends; the room must do exactly that, in that order. The model has no shortcuts: it
keeps plain dictionaries, walks through all members for every question, and knows of nicks only what a table says.
The machine reports to the room what the two servers report: over TCP connections come first and nothing is passed on
after the last word; over UDP the first hello is the first word, and who is refused is forgotten.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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
from common.room import REASONS, Action, Close, Room, Send

MAX_MEMBERS = 4
MAX_GUESTS = 3
MAX_VIOLATIONS = 3
"""Small ones: what happens at a limit should happen often."""

PERSONS = {
    "ann": ("ann", "ann"),
    "ANN": ("ann", "ANN"),
    "andr\u00e9": ("andre", "andr\u00e9"),
    "ANDR\u00c9": ("andre", "ANDR\u00c9"),
    "ANDRE\u0301": ("andre", "ANDR\u00c9"),
    "Straße": ("street", "Straße"),
    "STRASSE": ("street", "STRASSE"),
    "bob": ("bob", "bob"),
    "eve": ("eve", "eve"),
    "pat": ("pat", "pat"),
    "zoe": ("zoe", "zoe"),
}
"""What is said in a `hello`: who that is, however it is written, and the nick that is kept."""

UNFIT = ["", "a b", "x" * 33, "\u200b", "a\n"]
TEXTS = ["hi", "", "Grüße", "a\nb"]

fit_nicks = st.sampled_from(sorted(PERSONS))
nicks = fit_nicks | st.sampled_from(UNFIT)
texts = st.sampled_from(TEXTS)
numbers = st.none() | st.integers(0, 3)


@dataclass
class Guest:
    """A TCP connection without an accepted hello."""

    since: float
    violations: int = 0


@dataclass
class Member:
    """Who is in. `token` is what the room gave it: the model can't foretell that."""

    person: str
    nick: str
    lab: bool
    token: str
    heard: float
    violations: int = 0


@dataclass
class Model:
    """What the room should do. `heard` are the messages to each peer in this step, `ended` whose connection ends."""

    udp: bool
    now: float = 0.0
    seq: int = 0
    guests: dict[int, Guest] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    heard: dict[int, list[FromServer]] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)

    # --- what comes out ---

    def tell(self, peer: int, message: FromServer) -> None:
        """To this one; a plain member understands three types and is spared the rest."""
        member = self.members.get(peer)
        if member is None or member.lab or isinstance(message, Chat | Join | Leave):
            self.heard.setdefault(peer, []).append(message)

    def refuse(self, peer: int, code: str, number: int | None = None) -> None:
        """An `error`; its sentence is not foretold."""
        self.tell(peer, Error(code=code, message="", id=number))

    def number(self) -> int:
        """The next one."""
        self.seq += 1
        return self.seq

    def end(self, peer: int) -> None:
        """No word after this one."""
        self.guests.pop(peer, None)
        self.ended.append(peer)

    def gone(self, peer: int, reason: str) -> None:
        """A member is out, and those who are left hear of it."""
        member = self.members.pop(peer, None)
        self.guests.pop(peer, None)
        if member is not None:
            seq = self.number()
            for other in self.members:
                self.tell(other, Leave(nick=member.nick, seq=seq, reason=reason))

    def welcome(self, peer: int, room: str) -> None:
        """You are in."""
        member = self.members[peer]
        here = sorted(other.nick for other in self.members.values())
        self.tell(peer, Welcome(nick=member.nick, members=here, seq=self.seq, token=member.token, room=room))

    # --- what happens ---

    def connect(self, peer: int) -> None:
        """A place for one more: the oldest guest makes room."""
        if len(self.guests) == MAX_GUESTS:
            oldest = min(self.guests)  # peers are numbered as they come
            self.refuse(oldest, "full")
            self.end(oldest)
        self.guests[peer] = Guest(since=self.now)

    def hello(self, peer: int, hello: Hello, room: str, new_token: str) -> None:
        """Whatever a hello may be: the first, a second, one that comes back, one that is refused."""
        person, nick = PERSONS.get(hello.nick, ("", ""))
        holder = next((other for other, member in self.members.items() if member.person == person), None)
        lab = self.udp or hello.lab >= 1
        if peer in self.members:
            self.members[peer].heard = self.now
            if holder == peer:
                self.welcome(peer, room)
            else:
                self.refuse(peer, "already-joined")
        elif holder is not None and hello.token and hello.token == self.members[holder].token:
            self.end(holder)
            self.members[peer] = self.members.pop(holder)
            self.members[peer].heard = self.now
            self.guests.pop(peer, None)
            self.welcome(peer, room)
        elif not person or holder is not None:
            if lab:
                self.refuse(peer, "nick-taken" if person else "bad-nick")
            else:
                self.end(peer)
        elif len(self.members) == MAX_MEMBERS:
            if lab:
                self.refuse(peer, "full")
            self.end(peer)
        else:
            self.guests.pop(peer, None)
            self.members[peer] = Member(person, nick, lab, new_token, heard=self.now)
            self.welcome(peer, room)
            seq = self.number()
            for other in self.members:
                self.tell(other, Join(nick=nick, seq=seq))

    def receive(self, peer: int, message: ClientMessage | Violation) -> None:
        """Anything but a hello."""
        member = self.members.get(peer)
        if member is not None:
            member.heard = self.now
        if isinstance(message, Goodbye):
            self.gone(peer, "quit")
            self.end(peer)
        elif isinstance(message, Violation):
            self.violation(peer, message)
        elif member is None:
            self.refuse(peer, "hello-first")
        elif isinstance(message, Say | Act | Tell) and not message.message:
            self.refuse(peer, "empty", message.id)
        elif isinstance(message, Say | Act):
            self.speak(member.nick, message)
        elif isinstance(message, Tell):
            self.direct(peer, member.nick, message)
        elif isinstance(message, Who):
            here = sorted(other.nick for other in self.members.values())
            self.tell(peer, Members(members=here))
        else:
            assert isinstance(message, Ping)
            self.tell(peer, Pong(seq=self.seq))

    def speak(self, nick: str, message: Say | Act) -> None:
        """To everybody, each in the form that it understands."""
        seq, text = self.number(), message.message
        for other, member in self.members.items():
            if isinstance(message, Act) and member.lab:
                self.tell(other, Emote(nick=nick, message=text, seq=seq, id=message.id))
            else:
                shown = f"* {nick} {text}" if isinstance(message, Act) else text
                self.tell(other, Chat(nick=nick, message=shown, seq=seq, id=message.id))

    def direct(self, peer: int, nick: str, tell: Tell) -> None:
        """To one, and back."""
        person = PERSONS.get(tell.to, ("", ""))[0]
        target = next((other for other, member in self.members.items() if member.person == person), None)
        if target is None:
            self.refuse(peer, "no-such-nick", tell.id)
        elif not self.members[target].lab:
            self.refuse(peer, "no-direct", tell.id)
        else:
            told = Direct(nick=nick, to=self.members[target].nick, message=tell.message, id=tell.id)
            for one in {peer, target}:
                self.tell(one, told)

    def violation(self, peer: int, violation: Violation) -> None:
        """Told, and at the last one sent away."""
        self.refuse(peer, violation.code)
        culprit = self.members.get(peer) or self.guests[peer]
        culprit.violations += violation.counts
        if violation.fatal or culprit.violations >= MAX_VIOLATIONS:
            if peer in self.members:
                self.tell(peer, Bye(cause="kicked"))
            self.gone(peer, "kicked")
            self.end(peer)

    def expire(self) -> None:
        """Guests after 10 s without a hello; over UDP members after 45 s without a word."""
        for peer, guest in list(self.guests.items()):
            if self.now - guest.since >= 10:
                self.refuse(peer, "hello-timeout")
                self.end(peer)
        for peer, member in list(self.members.items()):
            if self.udp and self.now - member.heard >= 45:
                self.tell(peer, Bye(cause="silent"))
                self.gone(peer, "silent")
                self.end(peer)

    def until_expiry(self) -> list[float]:
        """For everybody: a quarter of a second less than it has left, and exactly that."""
        ends = [guest.since + 10 for guest in self.guests.values()]
        ends += [member.heard + 45 for member in self.members.values() if self.udp]
        return [
            end - self.now - early
            for end in sorted(set(ends))
            for early in (0.25, 0.0)
            if end - self.now >= early
        ]

    def close(self) -> None:
        """It is over for everybody."""
        for peer in [*self.guests, *self.members]:
            if peer in self.members:
                self.tell(peer, Bye(cause="stopped"))
            self.end(peer)
        self.members.clear()


def comparable(message: FromServer) -> FromServer:
    """Without what the model does not foretell: the sentences, and in which order the members are listed."""
    match message:
        case Error():
            assert message.message.endswith(".")
            return Error(code=message.code, message="", id=message.id)
        case Bye():
            assert message.reason
            return Bye(cause=message.cause)
        case Welcome():
            assert not message.more
            return Welcome(
                nick=message.nick,
                members=sorted(message.members),
                seq=message.seq,
                token=message.token,
                room=message.room,
            )
        case Members():
            return Members(members=sorted(message.members), more=message.more)
        case _:
            return message


someone: st.SearchStrategy[int] = st.runner().flatmap(lambda machine: st.sampled_from(machine.speakers()))
"""A peer from which a server would pass on what it says."""

anyone: st.SearchStrategy[int] = st.runner().flatmap(lambda machine: st.integers(0, machine.newest))
"""Any peer that ever was, and one that never was."""

here_or_not: st.SearchStrategy[str] = st.runner().flatmap(
    lambda machine: st.sampled_from([*machine.nicks_here(), *machine.nicks_here(), *PERSONS, *UNFIT])
)
"""What is said for a nick: mostly one that is here."""

ends: st.SearchStrategy[float] = st.runner().flatmap(
    lambda machine: st.sampled_from(machine.model.until_expiry())
)
"""Seconds until somebody's time is over, or nearly. All times are quarters, and sums of them exact."""

somebody_is_there = precondition(lambda machine: bool(machine.speakers()))


class TwoRooms(RuleBasedStateMachine):
    """The room and the model, told the same. A peer is a number, higher than those of all who came before."""

    def __init__(self) -> None:
        super().__init__()
        self.small = mock.patch.multiple(limits, MAX_GUESTS=MAX_GUESTS, MAX_VIOLATIONS=MAX_VIOLATIONS)
        self.small.start()
        self.newest = 0
        self.silent: set[int] = set()
        """Who was closed, or has left: not one word more."""
        self.tokens: dict[str, tuple[str, str]] = {}
        """Every token that a client has ever been told: whose it was, and in which room."""
        self.names: list[str] = []

    def teardown(self) -> None:
        """Put the limits back."""
        self.small.stop()

    @initialize(udp=st.booleans())
    def open(self, udp: bool) -> None:
        """A server starts."""
        self.room: Room[int] = Room(
            silence=limits.SILENCE if udp else None, connections=not udp, max_members=MAX_MEMBERS
        )
        self.model = Model(udp=udp)
        assert self.room.name
        assert self.room.name not in self.names
        self.names.append(self.room.name)

    def speakers(self) -> list[int]:
        """Those whose messages a server passes on."""
        return sorted([*self.model.guests, *self.model.members])

    def nicks_here(self) -> list[str]:
        """Of the members, as they are kept."""
        return [member.nick for member in self.model.members.values()]

    def new_peer(self) -> int:
        """The next number; a TCP server reports the connection."""
        self.newest += 1
        if not self.model.udp:
            self.model.connect(self.newest)
            self.compare(self.room.connect(self.newest, self.model.now))
        return self.newest

    def pass_on(self, peer: int, message: ClientMessage | Violation) -> None:
        """Tell both the same, and compare what they do. No two things happen at the same time."""
        model = self.model
        model.now += 0.25
        if isinstance(message, Hello) and model.udp:
            message = Hello(nick=message.nick, token=message.token, lab=1)  # as the UDP server does
        actions = self.room.receive(peer, message, model.now)
        if isinstance(message, Hello):
            model.hello(peer, message, self.room.name, new_token=self.room.token(peer))
        else:
            model.receive(peer, message)
        self.compare(actions)
        if model.udp and peer not in model.members:
            self.silent.add(peer)  # not registered: a later hello is a newcomer's

    def compare(self, actions: Iterable[Action[int]]) -> None:
        """What the room wants done is what the model has foretold, each peer's messages in order."""
        heard: dict[int, list[FromServer]] = {}
        ended: list[int] = []
        for action in actions:
            if isinstance(action, Close):
                ended.append(action.peer)
                continue
            assert isinstance(action, Send)
            assert len(set(action.to)) == len(action.to), "twice to the same peer"
            for peer in action.to:
                assert peer not in self.silent, f"a word after the last: {action.message}"
                assert peer not in ended, f"a word behind the end: {action.message}"
                heard.setdefault(peer, []).append(comparable(action.message))
        assert heard == self.model.heard
        assert ended == self.model.ended
        for peer, messages in heard.items():
            for message in messages:
                if isinstance(message, Welcome):
                    self.learn(peer, message)
        self.silent.update(ended)
        self.model.heard.clear()
        self.model.ended.clear()

    def learn(self, peer: int, welcome: Welcome) -> None:
        """A client remembers its token; two never have the same."""
        whose = (self.model.members[peer].person, welcome.room)
        known = self.tokens.setdefault(welcome.token, whose)
        assert known == whose, "one token for two"

    # --- the rules --------------------------------------------------------------------------------

    @precondition(lambda machine: not machine.model.udp)
    @rule()
    def connect(self) -> None:
        """A TCP connection, which says nothing yet."""
        self.new_peer()

    @rule(nick=fit_nicks, lab=st.integers(0, 2))
    def join(self, nick: str, lab: int) -> None:
        """Somebody new, with a hello at once."""
        self.pass_on(self.new_peer(), Hello(nick=nick, lab=lab))

    @rule(nick=nicks, lab=st.integers(-1, 2), token=st.sampled_from(["", "made up", "ü"]))
    def join_somehow(self, nick: str, lab: int, token: str) -> None:
        """Also with a nick that is none, or a token that is nobody's."""
        self.pass_on(self.new_peer(), Hello(nick=nick, lab=lab, token=token))

    @somebody_is_there
    @rule(peer=someone, nick=here_or_not, lab=st.integers(0, 1))
    def hello(self, peer: int, nick: str, lab: int) -> None:
        """The first one, another try, or one too many."""
        self.pass_on(peer, Hello(nick=nick, lab=lab))

    @precondition(lambda machine: bool(machine.tokens))
    @rule(data=st.data(), right=st.booleans(), nick=fit_nicks, connected=st.booleans())
    def come_back(self, data: st.DataObject, right: bool, nick: str, connected: bool) -> None:
        """A hello with the token of somebody who is in, or was, or was in a room that is no more. (Over UDP the
        registry finds a token's owner before the room is asked; the room does not rely on that.)"""
        here = [member.token for member in self.model.members.values() if member.lab]
        known = list(self.tokens)  # not sorted: they are random
        token = data.draw(st.sampled_from(here) | st.sampled_from(known) if here else st.sampled_from(known))
        person = self.tokens[token][0]
        if right:
            nick = next(nick for nick, (whose, _) in PERSONS.items() if whose == person)
        peer = data.draw(someone) if connected and self.speakers() else self.new_peer()
        self.pass_on(peer, Hello(nick=nick, lab=1, token=token))

    @somebody_is_there
    @rule(peer=someone, text=texts, number=numbers, kind=st.sampled_from([Say, Act]))
    def speak(self, peer: int, text: str, number: int | None, kind: type[Say] | type[Act]) -> None:
        """To the room."""
        self.pass_on(peer, kind(message=text, id=number))

    @somebody_is_there
    @rule(peer=someone, to=here_or_not, text=texts, number=numbers)
    def direct(self, peer: int, to: str, text: str, number: int | None) -> None:
        """To one."""
        self.pass_on(peer, Tell(to=to, message=text, id=number))

    @somebody_is_there
    @rule(peer=someone, question=st.sampled_from([Who(), Ping()]))
    def ask(self, peer: int, question: ClientMessage) -> None:
        """To the server."""
        self.pass_on(peer, question)

    @somebody_is_there
    @rule(peer=someone)
    def say_goodbye(self, peer: int) -> None:
        """In so many words."""
        self.pass_on(peer, Goodbye())

    @somebody_is_there
    @rule(peer=someone, counts=st.booleans(), fatal=st.sampled_from([False, False, False, True]))
    def violate(self, peer: int, counts: bool, fatal: bool) -> None:
        """Something that is no message."""
        violation = Violation(code="bad-message", message="It is none.", counts=counts, fatal=fatal)
        self.pass_on(peer, violation)

    @rule(peer=anyone, reason=st.sampled_from(sorted(REASONS)))
    def vanish(self, peer: int, reason: str) -> None:
        """A connection ends: of a member, of a guest, of one that we closed, of one that is gone already."""
        self.model.gone(peer, reason)
        self.compare(self.room.leave(peer, reason, self.model.now))
        self.silent.add(peer)

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, 22.5]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.let_pass(seconds)

    @precondition(lambda machine: bool(machine.model.until_expiry()))
    @rule(seconds=ends)
    def wait_for_somebody(self, seconds: float) -> None:
        """To the moment, or a moment less."""
        self.let_pass(seconds)

    def let_pass(self, seconds: float) -> None:
        """The clock goes on, and the room looks at it."""
        self.model.now += seconds
        self.model.expire()
        self.compare(self.room.expire(self.model.now))

    @precondition(lambda machine: len(machine.speakers()) >= 3)  # a story that ends at once tells little
    @rule()
    def start_again(self) -> None:
        """The server stops: nobody is there any more, whatever is reported later. Then there is a new one."""
        self.model.close()
        self.model.ended.sort()
        actions = self.room.close("it was stopped")
        sends = [action for action in actions if isinstance(action, Send)]
        closes = [action for action in actions if isinstance(action, Close)]
        self.compare([*sends, *sorted(closes)])
        assert [*sends, *closes] == actions, "ended before the last word"
        later = self.model.now + 100
        assert self.room.expire(later) == []
        for peer in range(self.newest + 1):
            assert self.room.leave(peer, "lost", later) == []
        assert len(self.room) == 0
        assert all(self.room.peer(nick) is None for nick in PERSONS)
        self.open(self.model.udp)

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def the_room_answers_as_the_model(self) -> None:
        """Number, membership, nick, token and peer, for everybody who ever was."""
        room, members = self.room, self.model.members
        assert room.seq == self.model.seq
        assert len(room) == len(members) <= MAX_MEMBERS
        for peer in range(self.newest + 1):
            member = members.get(peer)
            assert (peer in room) == (member is not None)
            assert room.nick(peer) == (member.nick if member else "")
            assert room.token(peer) == (member.token if member else "")
        holders = {member.person: peer for peer, member in members.items()}
        assert len(holders) == len(members), "one nick, two members"
        for nick, (person, _) in PERSONS.items():
            assert room.peer(nick) == holders.get(person)
        assert all(room.peer(nick) is None for nick in UNFIT)
        assert len({member.token for member in members.values()} - {""}) == len(members)

    @invariant()
    def nobody_is_two_things(self) -> None:
        """Guest, member or gone; and no more guests than there may be."""
        assert not self.model.guests.keys() & self.model.members.keys()
        assert not self.silent & {*self.model.guests, *self.model.members}
        assert len(self.model.guests) <= MAX_GUESTS


TestTwoRooms: Any = TwoRooms.TestCase
TestTwoRooms.settings = settings(deadline=None, max_examples=300, stateful_step_count=40)

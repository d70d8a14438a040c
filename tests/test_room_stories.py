"""The rules of the chat: a machine that looks for a story in which they break."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from common import limits
from common.messages import (
    Act,
    Bye,
    Chat,
    ClientMessage,
    Emote,
    Error,
    FromServer,
    Goodbye,
    Hello,
    Join,
    Leave,
    Ping,
    Say,
    Tell,
    Violation,
    Who,
)
from common.nick import fold, refuse_nick
from common.room import REASONS, Action, Close, Room, Send
from tests.stage import BAD

NUMBERED = (Chat, Emote, Join, Leave)
FIT_NICKS = ["ann", "ANN", "bob", "Bob", "andr\u00e9", "ANDRE\u0301"]
NICKS = [*FIT_NICKS, "", "a b", "x" * 33]
TEXTS = ["hi", "", "Grüße", "a\nb"]


class AnyStory(RuleBasedStateMachine):
    """Peers come, talk, misbehave and go, in any order; what holds for all of them is looked at after each step."""

    peers = Bundle("peers")

    def __init__(self) -> None:
        super().__init__()
        self.room: Room[int] = Room(silence=45.0, connections=False)
        self.now = 0.0
        self.next_peer = 0
        self.open: set[int] = set()
        """Peers with a connection: connected or of UDP, and not closed."""
        self.members: dict[int, bool] = {}
        """Whether each member is a lab member, as the answers have shown."""
        self.numbers: dict[int, list[int]] = {}
        """The numbers each member was sent, since it joined."""
        self.history: list[int] = []
        """The numbers of all broadcasts, in the order in which they were sent."""

    @rule(target=peers, udp=st.booleans())
    def connect(self, udp: bool) -> int:
        """Somebody new is there."""
        return self.new_peer(udp)

    def new_peer(self, udp: bool) -> int:
        """The next one; over UDP there is no connection to report."""
        self.next_peer += 1
        if not udp:
            self.room.connect(self.next_peer, self.now)
        self.open.add(self.next_peer)
        return self.next_peer

    @rule(target=peers, nick=st.sampled_from(FIT_NICKS), lab=st.integers(0, 1))
    def join(self, nick: str, lab: int) -> int:
        """Somebody new says hello at once: a story without members is short."""
        peer = self.new_peer(udp=True)
        self.say_hello(peer, nick, lab)
        return peer

    @rule(peer=peers, nick=st.sampled_from(NICKS), lab=st.integers(0, 1))
    def hello(self, peer: int, nick: str, lab: int) -> None:
        """It may be its first, a wrong or a second one."""
        self.say_hello(peer, nick, lab)

    def say_hello(self, peer: int, nick: str, lab: int) -> None:
        """Who was not in gets in exactly if the nick is fit and free; a plain one is closed if not."""
        free = not refuse_nick(nick) and self.room.peer(nick) is None
        was_in = peer in self.members
        actions = self.receive(peer, Hello(nick=nick, lab=lab), joins=lab == 1)
        if actions is not None and not was_in:
            assert (peer in self.room) == free
            assert any(isinstance(action, Close) for action in actions) == (not free and lab == 0)

    @rule(peer=peers, text=st.sampled_from(TEXTS), number=st.none() | st.integers(0, 9))
    def say(self, peer: int, text: str, number: int | None) -> None:
        """A chat reaches everybody, with its id."""
        actions = self.receive(peer, Say(message=text, id=number))
        if actions is not None and peer in self.members and text:
            (send,) = actions
            assert isinstance(send, Send)
            assert set(send.to) == set(self.members)
            assert send.message == Chat(nick=self.room.nick(peer), message=text, seq=self.room.seq, id=number)

    @rule(peer=peers, text=st.sampled_from(TEXTS))
    def act(self, peer: int, text: str) -> None:
        """An emote reaches everybody, each in one form."""
        actions = self.receive(peer, Act(message=text))
        if actions is not None and peer in self.members and text:
            reached = [other for action in actions if isinstance(action, Send) for other in action.to]
            assert sorted(reached) == sorted(self.members)

    @rule(peer=peers, to=st.sampled_from(NICKS), text=st.sampled_from(TEXTS))
    def tell(self, peer: int, to: str, text: str) -> None:
        """A direct message reaches nobody but the two."""
        actions = self.receive(peer, Tell(to=to, message=text))
        for action in actions or ():
            assert isinstance(action, Send)
            assert set(action.to) <= {peer, self.room.peer(to)}

    @rule(peer=peers, message=st.sampled_from([Who(), Ping()]))
    def ask(self, peer: int, message: ClientMessage) -> None:
        """An answer goes to the one who asked."""
        for action in self.receive(peer, message) or ():
            assert isinstance(action, Send)
            assert tuple(action.to) == (peer,)

    @rule(peer=peers)
    def goodbye(self, peer: int) -> None:
        """Who says goodbye is closed, whoever it is."""
        actions = self.receive(peer, Goodbye())
        assert actions is None or actions[-1] == Close(peer)

    @rule(peer=peers, counts=st.booleans(), fatal=st.sampled_from([False, False, True]))
    def violation(self, peer: int, counts: bool, fatal: bool) -> None:
        """Something that is no message; if it is fatal, it was the last."""
        actions = self.receive(peer, Violation(code="bad-message", message="No.", counts=counts, fatal=fatal))
        assert not (actions is not None and fatal) or peer not in self.open

    @rule(peer=peers)
    def ten_violations(self, peer: int) -> None:
        """Nobody survives ten who is a member or has a connection."""
        was_in = peer in self.members
        for _ in range(limits.MAX_VIOLATIONS):
            self.receive(peer, BAD)
        assert not was_in or peer not in self.open

    @rule(peer=consumes(peers), reason=st.sampled_from(sorted(REASONS)))
    def leave(self, peer: int, reason: str) -> None:
        """A connection is gone, closed by us before or not."""
        was_in = peer in self.members
        actions = self.room.leave(peer, reason, self.now)
        assert len(actions) == was_in
        self.open.discard(peer)
        self.look_at(actions)

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 10.0, 45.0]))
    def expire(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.look_at(self.room.expire(self.now))

    def receive(
        self, peer: int, message: ClientMessage | Violation, *, joins: bool = False
    ) -> list[Action[int]] | None:
        """As a server does it: not after the last word. None if nothing was asked."""
        if peer not in self.open:
            return None
        was_in = peer in self.members
        actions = self.room.receive(peer, message, self.now)
        if peer in self.room and not was_in:
            self.members[peer] = joins
            self.numbers[peer] = []
        self.look_at(actions)
        return actions

    def look_at(self, actions: list[Action[int]]) -> None:
        """Every action, against all that was before."""
        for peer in [peer for peer in self.members if peer not in self.room]:
            # Whom the room has let go gets no broadcast any more, not even its own leave.
            del self.members[peer], self.numbers[peer]
        for action in actions:
            if isinstance(action, Close):
                assert action.peer not in self.room, "closed, and still a member"
                self.open.discard(action.peer)
                continue
            assert len(set(action.to)) == len(action.to)
            for peer in action.to:
                self.look_at_one(peer, action.message)
            if isinstance(action.message, NUMBERED) and action.message.seq not in self.history[-1:]:
                assert action.message.seq is not None
                self.history.append(action.message.seq)

    def look_at_one(self, peer: int, message: FromServer) -> None:
        """One message to one peer."""
        if isinstance(message, NUMBERED):
            if peer not in self.members:  # expired later in the same look at the clock
                assert isinstance(message, Leave)
                assert message.reason == "silent"
                return
            assert message.seq is not None
            self.numbers[peer].append(message.seq)
        elif peer in self.members:
            assert self.members[peer], f"{message} for a plain member"
        else:
            assert isinstance(message, Error | Bye), f"{message} for somebody outside"

    @invariant()
    def everybody_has_the_same_numbers_without_a_gap(self) -> None:
        """What a member was sent since it joined is the end of the room's history, and that has no gap."""
        assert self.history == list(range(1, self.room.seq + 1))
        for peer, numbers in self.numbers.items():
            assert numbers, "not even its own join"
            assert numbers == self.history[-len(numbers) :], f"peer {peer}"

    @invariant()
    def nicks_are_unique(self) -> None:
        """After folding; and each leads to the one who has it."""
        folded = [fold(self.room.nick(peer)) for peer in self.members]
        assert len(set(folded)) == len(folded)
        for peer in self.members:
            assert self.room.peer(self.room.nick(peer)) == peer

    @invariant()
    def the_room_counts_its_members(self) -> None:
        """Those who joined and have not left, and they are all still connected."""
        assert len(self.room) == len(self.members)
        assert all(peer in self.room for peer in self.members)
        assert set(self.members) <= self.open


TestAnyStory = AnyStory.TestCase
TestAnyStory.settings = settings(deadline=None, max_examples=150, stateful_step_count=30)

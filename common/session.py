"""One client's side of the conversation, for both transports: without socket, thread or clock.

The client reports what it sends (`sending`) and what it received (`receive`), with the time; the
session keeps what has no receipt yet, counts what the room's numbers tell, and returns *events*: what
there is to show a person. One caller at a time: the client holds a lock around each call.
"""

from array import array
from dataclasses import dataclass, field, replace

import msgspec

from common import limits
from common.events import (
    Away,
    Back,
    Came,
    Ended,
    Event,
    Joined,
    Missing,
    Notice,
    Present,
    Refused,
    Spoken,
    Unconfirmed,
    Went,
)
from common.messages import (
    Act,
    Bye,
    Challenge,
    Chat,
    ClientMessage,
    Direct,
    Emote,
    Error,
    Hello,
    Join,
    Leave,
    Members,
    Pong,
    Say,
    ServerMessage,
    Tell,
    Unknown,
    Violation,
    Welcome,
    Who,
    encode,
)
from common.sequence import Arrival, Tracker
from common.statistics import BEYOND, milliseconds, percentile


class NotSent(ValueError):
    """A message that was not sent: the server would not take it, or our own kernel did not. The text says why."""


NICK_PROBLEMS = ("bad-nick", "nick-taken")
"""Codes of an `error` after which another nick may be let in."""

FIRST_WITH = (("p50", 2 * BEYOND), ("p99", 100 * BEYOND))
"""How many round trips a percentile takes to mean something."""


@dataclass
class Statistics:
    """What was counted; round trips in seconds, in order of arrival. `away`: how often the server was gone;
    `missed`: the numbers that went by then, as far as they are known."""

    sent: int = 0
    confirmed: int = 0
    refused: int = 0
    tracker: Tracker = field(default_factory=Tracker)
    unreadable: int = 0
    away: int = 0
    missed: int = 0
    round_trips: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def unconfirmed(self) -> int:
        """What we sent and have no receipt for."""
        return self.sent - self.confirmed

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each figure, for `/stats` and the summary."""
        ordered = sorted(self.round_trips)
        count = len(ordered)
        figures = [("p50", percentile(ordered, 50)), ("p99", percentile(ordered, 99))]
        figures.append(("max", ordered[-1] if ordered else None))
        trips = [f"{name} {milliseconds(value)}" for name, value in figures if value is not None]
        missing = [f"{name} from {least:,} on" for name, least in FIRST_WITH if count < least]
        trips.append(f"({', '.join([f'n = {count:,}', *missing])})")
        rows = [
            ("sent", f"{self.sent:,}"),
            ("confirmed", f"{self.confirmed:,}"),
            ("received", f"{self.tracker.received:,}"),
            ("lost", f"{self.tracker.lost:,}"),
            ("doubled", f"{self.tracker.doubled:,}"),
            ("out of order", f"{self.tracker.out_of_order:,}"),
            ("round trip", " ".join(trips)),
        ]
        if self.refused:
            rows.append(("refused", f"{self.refused:,}"))
        if self.unreadable:
            rows.append(("unreadable", f"{self.unreadable:,}"))
        if self.away:
            rows.append(("away", "once" if self.away == 1 else f"{self.away:,} times"))
        if self.missed:
            rows.append(("missed while away", f"{self.missed:,}"))
        return rows


@dataclass
class _Pending:
    message: Say | Act | Tell
    at: float
    overdue: bool = False
    again: bool = False
    """It was sent before, and is lost if it is not sent now."""


class Session:
    """The conversation of `nick`.

    `receipt_timeout`: seconds until an own message counts as lost; None where the transport repeats by
    itself what was lost (TCP). `carries_token`: whether each message must prove who sent it (UDP).
    `comes_back`: whether the conversation goes on when the server returns.
    """

    def __init__(
        self,
        nick: str,
        *,
        receipt_timeout: float | None = None,
        carries_token: bool = False,
        comes_back: bool = False,
    ) -> None:
        self.nick = nick
        self.joined = False
        self.plain = False
        self.ended = False
        self.away = False
        """The server is gone, and we are waiting for it."""
        self.token = ""
        self.room = ""
        """Which room it is that we are in; empty if the server does not say."""
        self.members: dict[str, None] = {}
        """Who is here, as far as we know; in order of joining."""
        self.statistics = Statistics()
        self._receipt_timeout = receipt_timeout
        self._carries_token = carries_token
        self._comes_back = comes_back
        self._told = ""
        self.waiting = 0
        """How many of our messages still wait for a receipt and are not given up."""
        self._next_id = 1
        self._pending: dict[int, _Pending] = {}

    # --- what we send -----------------------------------------------------------------------------

    def hello(self, cookie: str = "") -> Hello:
        """The first message; `cookie` answers a challenge (UDP). In the middle of a conversation, from a new
        address or on a new connection, our token shows who we are."""
        return Hello(nick=self.nick, lab=1, cookie=cookie, token=self.token)

    def sending(self, message: ClientMessage, now: float) -> ClientMessage:
        """The message to send in place of `message`: with an `id` where a receipt is to be expected, and the token.

        Raises NotSent for what the server would not take; nothing is counted then.
        """
        if self.away and isinstance(message, Say | Act | Tell | Who):
            raise NotSent("We are out, and come back as soon as we can: nothing was sent.")
        if self._carries_token and self.token:
            message = msgspec.structs.replace(message, token=self.token)
        if self.plain and isinstance(message, Who | Tell):
            raise NotSent("This is a plain server: it knows neither /who nor /msg.")
        if not isinstance(message, Say | Act | Tell):
            return message
        if self.plain and isinstance(message, Act):
            message = Say(message=f"* {self.nick} {message.message}", token=message.token)
        message = msgspec.structs.replace(message, id=self._next_id)
        size = len(encode(message))
        if size > limits.MAX_PAYLOAD:
            over = size - limits.MAX_PAYLOAD
            raise NotSent(
                f"This message is {over:,} bytes too long: with its envelope it has {size:,}, "
                f"and a server takes {limits.MAX_PAYLOAD:,}. Nothing was sent."
            )
        self._pending[self._next_id] = _Pending(message, now)
        self._next_id += 1
        self.waiting += 1
        self.statistics.sent += 1
        return message

    def retry(self, now: float) -> list[ClientMessage]:
        """What was given up, to be sent again. Each gets a new `id`, so that a late receipt of the first
        attempt is not taken for one of the second (Karn's rule, RFC 6298 section 3). If only the receipt
        was lost, the others hear it twice.

        Raises NotSent for what the server would not take; it stays as it is, and so does what comes after it."""
        again: list[ClientMessage] = []
        for number, sent in list(self._pending.items()):
            if not sent.overdue:
                continue
            try:
                again.append(self.sending(sent.message, now))
            except NotSent:
                if again:
                    break
                raise
            del self._pending[number]
            self._pending[self._next_id - 1].again = True
            self.statistics.sent -= 1  # the same message, not one more
        return again

    def not_sent(self, message: ClientMessage) -> None:
        """Our own kernel did not take `message`. It is not lost on the way, then: it never was on it, and counts as if
        it had not been said. One that was said again is as lost as it was before."""
        number = message.id if isinstance(message, Say | Act | Tell) else None
        if number is None or number not in self._pending:
            return
        sent = self._pending[number]
        if not sent.overdue:
            self.waiting -= 1
        if sent.again:
            sent.overdue = True
        else:
            del self._pending[number]
            self.statistics.sent -= 1

    def unconfirmed(self) -> list[str]:
        """What we said and have no receipt for, in order."""
        return [sent.message.message for sent in self._pending.values()]

    # --- what we hear -----------------------------------------------------------------------------

    def receive(self, message: ServerMessage | Violation, now: float) -> list[Event]:
        """The server sent `message`, or something that is none."""
        match message:
            case Chat() | Emote() | Direct():
                return [*self._believe_plain(message), *self._spoken(message, now)]
            case Join(nick=nick, seq=seq):
                known = self._believe_plain(message)
                self.members[nick] = None
                return [*known, *self._numbered(seq, Came(nick))]
            case Leave(nick=nick, seq=seq, reason=reason):
                known = self._believe_plain(message)
                self.members.pop(nick, None)
                return [*known, *self._numbered(seq, Went(nick, reason))]
            case Welcome():
                return self._welcome(message)
            case Members(members=members, more=more):
                self.members = dict.fromkeys(members)
                return [Present(members, more)]
            case Pong(seq=seq):
                missing = self.statistics.tracker.announce(seq) if seq is not None else 0
                return [Missing(missing)] if missing else []
            case Error():
                return self._error(message)
            case Bye(reason=reason, cause=cause):
                goodbye = f"The server said goodbye ({reason})." if reason else "The server said goodbye."
                return self.end(goodbye) if cause == "kicked" else self.gone(goodbye)
            case Violation():
                self.statistics.unreadable += 1
                return []
            case Challenge() | Unknown():
                return []  # a matter of the UDP client

    def overdue(self, now: float) -> list[Event]:
        """Own messages whose receipt should have come by now."""
        if self._receipt_timeout is None:
            return []
        late = [
            sent
            for sent in self._pending.values()
            if not sent.overdue and now - sent.at >= self._receipt_timeout
        ]
        return self._give_up(late)

    def assume_plain(self) -> list[Event]:
        """Nobody answered our hello, which is what a server written to Beej's chapter does."""
        if self.joined:
            return []
        self.joined = self.plain = True
        self.members.setdefault(self.nick)
        if self.away:
            self.away = False
            return [Back(self.nick, [])]
        return [Joined(self.nick, [], plain=True)]

    def gone(self, reason: str) -> list[Event]:
        """The server is gone. We wait for it if we were in and are to come back; else the conversation is over.

        What has no receipt by now will have none: the next room, or the next connection, does not know of it."""
        if self.away:
            return []
        if not (self._comes_back and self.joined) or self.ended:
            return self.end(reason)
        self.joined, self.away, self._told = False, True, ""
        self.statistics.away += 1
        return [Away(reason), *self._give_up(list(self._pending.values()))]

    def end(self, reason: str) -> list[Event]:
        """The conversation is over; said once."""
        if self.ended:
            return []
        self.ended = True
        return [Ended(reason)]

    def _give_up(self, unanswered: list[_Pending]) -> list[Event]:
        """Call messages lost that were not yet."""
        new = [sent for sent in unanswered if not sent.overdue]
        for sent in new:
            sent.overdue = True
        self.waiting -= len(new)
        return [Unconfirmed(sent.message.message) for sent in new]

    def _believe_plain(self, message: Chat | Emote | Direct | Join | Leave) -> list[Event]:
        """A lab server numbers everything and says `welcome` first: without either it is a plain one."""
        if self.joined or isinstance(message, Direct) or message.seq is not None:
            return []
        return self.assume_plain()

    def _welcome(self, welcome: Welcome) -> list[Event]:
        again = self.joined and not self.plain
        other = (welcome.room, welcome.token) != (self.room, self.token)
        self.joined, self.plain = True, False
        self.nick, self.token = welcome.nick, welcome.token
        tracker = self.statistics.tracker
        if self.away or (again and other):  # we were out, whether we had noticed or not
            return [*self._give_up(list(self._pending.values())), *self._back(welcome)]
        self.room = welcome.room
        if tracker.highest is None:
            tracker.announce(welcome.seq)
        if again:
            return []  # the answer to a hello that we repeated too early
        self.members = dict.fromkeys(welcome.members) | self.members
        return [Joined(welcome.nick, welcome.members, welcome.more)]

    def _back(self, welcome: Welcome) -> list[Event]:
        """We are in again: in the room that we were in, or in another one that knows nothing of it."""
        tracker, missed = self.statistics.tracker, None
        if welcome.room and welcome.room == self.room:
            missed = tracker.skip(welcome.seq)
            self.statistics.missed += missed
        else:
            tracker.restart(welcome.seq)
        self.away, self.room = False, welcome.room
        self.members = dict.fromkeys(welcome.members)
        return [Back(welcome.nick, welcome.members, welcome.more, missed)]

    def _spoken(self, message: Chat | Emote | Direct, now: float) -> list[Event]:
        round_trip = self._receipt(message, now) if message.nick == self.nick else None
        spoken = Spoken(
            kind=str(message.__struct_config__.tag),
            nick=message.nick,
            text=message.message,
            to=message.to if isinstance(message, Direct) else "",
            mine=message.nick == self.nick,
            round_trip=round_trip,
        )
        if isinstance(message, Direct):
            return [spoken]
        return self._numbered(message.seq, spoken)

    def _numbered(self, seq: int | None, event: Spoken | Came | Went) -> list[Event]:
        """`event`, with what its number tells; nothing at all if it had arrived before."""
        tracker = self.statistics.tracker
        if seq is None:
            tracker.received += 1
            return [event]
        lost = tracker.lost
        match tracker.arrive(seq):
            case Arrival.NEXT:
                return [event]
            case Arrival.AHEAD:
                return [Missing(tracker.lost - lost), event]
            case Arrival.LATE:
                return [replace(event, late=True) if isinstance(event, Spoken) else event]
            case Arrival.DOUBLED:
                return []

    def _receipt(self, message: Chat | Emote | Direct, now: float) -> float | None:
        """Take our message out of what waits; its round trip in seconds, None if none was waiting."""
        number = message.id
        if number is None:  # a plain server sends no `id` back: the oldest with these words it is
            number = next(
                (
                    waiting
                    for waiting, sent in self._pending.items()
                    if sent.message.message == message.message
                ),
                None,
            )
        sent = self._settle(number)
        if sent is None:
            return None
        self.statistics.confirmed += 1
        self.statistics.round_trips.append(now - sent.at)
        return now - sent.at

    def _settle(self, number: int | None) -> _Pending | None:
        """Our message `number` is answered: it no longer waits. None if it did not."""
        sent = self._pending.pop(number, None) if number is not None else None
        if sent is not None and not sent.overdue:
            self.waiting -= 1
        return sent

    def _error(self, error: Error) -> list[Event]:
        if self.away:
            if error.code in NICK_PROBLEMS:  # it is somebody else's now
                return self.end(f"We can't come back: {error.message}")
            told, self._told = self._told, error.code
            return [] if told == error.code else [Notice(error.message, error=True)]  # once: we go on asking
        if not self.joined:
            self.ended = True
            return [Refused(error.code, error.message)]
        if self._settle(error.id) is not None:
            self.statistics.refused += 1
        return [Notice(error.message, error=True)]

"""Hostile datagrams over UDP: from members with a token, and from strangers who never prove their address.

For each stranger's address the bytes that we sent from it and the bytes that came back to it are counted: the server
may answer with three times as many (RFC 9000, section 8.1). No stranger ever brings back the cookie that was made for
its own address, but all of them bring those of others, and old ones.
"""

import random
import select
import socket
from collections import deque

from benchmarks.torture.acts.base import SHORT, Act, Orders
from benchmarks.torture.mutator import Mutator, datagrams
from common import limits
from common.messages import (
    Bye,
    Challenge,
    Goodbye,
    Hello,
    Ping,
    Say,
    Unknown,
    Violation,
    Welcome,
    encode,
    from_server,
)

MEMBERS = 4
STRANGERS = 60

AT_ONCE = 10
"""Datagrams in one go: more would only be dropped by the kernel, and never meet the server."""

FLOOD, FLOOD_EVERY = 2000, 5.0
"""Datagrams of 65,507 bytes all at once, and how often: 131 MB, which fit into no socket's buffer. What the members say
in that tenth of a second is lost with them, and the kernel counts it. They are not among the `count`."""

OLD_ENOUGH = limits.COOKIE_LIFETIME + 1
"""Seconds after which a cookie must be worth nothing."""

FULL = b"{" * limits.MAX_DATAGRAM


class Stranger:
    """An address that nobody has proved to be at. A `loud` one sends datagrams of 65,507 bytes, too, one that is
    `short` only what is as short as can be, and a `greedy` one only the shortest hello there is, which has an answer
    that is longer: beside a large datagram every answer looks small."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.loud = number % 3 == 0
        self.short = number % 3 == 1
        self.greedy = number % 6 == 1
        self.sent = self.received = 0
        self.first: tuple[float, str] | None = None
        """The first cookie made for this address, and when it came."""


class Member:
    """Somebody who joined, and means no good."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.token = ""
        self.out = True


class Datagrams(Act):
    """`count` datagrams."""

    name = "datagrams"

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self._random = random.Random(orders.seed)
        self._mutator = Mutator(f"{orders.seed}/mutator")
        self._strangers = [Stranger(self._open(stranger=True), number) for number in range(STRANGERS)]
        self._members = [Member(self._open()) for _ in range(MEMBERS)]
        self._cookies: deque[tuple[Stranger, str]] = deque(maxlen=2 * STRANGERS)
        self._flood_at = self.clock() + 1.0
        self._all: list[Stranger | Member] = [*self._strangers, *self._members]
        self._by_socket = {one.sock: one for one in self._all}

    def _open(self, *, stranger: bool = False) -> socket.socket:
        sock = self.datagram_socket(stranger=stranger)
        sock.setblocking(False)
        return sock

    def step(self) -> bool:
        for member in self._members:
            if member.out:
                self._let_in(member)
        for _ in range(min(self.pace.due(self.clock()), AT_ONCE)):
            self.pace.done += 1
            if self._random.random() < 0.6:
                self._as_stranger(self._random.choice(self._strangers))
            else:
                self._as_member(self._random.choice(self._members))
        if self.clock() >= self._flood_at:
            self._flood_at = self.clock() + FLOOD_EVERY
            self._flood()
        wait = 0.0 if self.pace.due(self.clock()) >= AT_ONCE else 0.002
        self._read(wait)
        return not self.pace.over(self.clock())

    def end(self) -> None:
        deadline = self.clock() + SHORT * 10
        while self.clock() < deadline:
            self._read(SHORT)
        for member in self._members:
            self._send(member.sock, encode(Goodbye(token=member.token)))
        for one in self._all:
            one.sock.close()
        self.counts["strangers"] = len(self._strangers)
        self.counts["bytes from strangers"] = sum(one.sent for one in self._strangers)
        self.counts["bytes to strangers"] = sum(one.received for one in self._strangers)

    @property
    def amplification(self) -> float:
        """The largest share of any one stranger: bytes that came back for each byte sent."""
        return max((one.received / one.sent for one in self._strangers if one.sent), default=0.0)

    # --- strangers --------------------------------------------------------------------------------

    def _as_stranger(self, stranger: Stranger) -> None:
        payload = self._strangers_payload(stranger)
        if self._send(stranger.sock, payload):
            stranger.sent += len(payload)

    def _strangers_payload(self, stranger: Stranger) -> bytes:
        some = self._random
        if stranger.greedy:
            return encode(Hello(nick="s"))
        if stranger.short:
            return encode(some.choice((Hello(nick="s"), Ping(token=self._stolen()), Ping(token="x"), Ping())))
        match some.randrange(8):
            case 0:
                return encode(Hello(nick=f"s{some.randrange(10**6)}", lab=1))
            case 1:
                return encode(Hello(nick="s", lab=1, cookie=self._replayed(stranger), token=self._stolen()))
            case 2:
                self.counts["wrong tokens"] += 1
                guess = f"{some.randrange(16**11):011x}"
                return encode(
                    some.choice(
                        (Say(message="guessed", token=guess), Ping(token=guess), Goodbye(token=guess))
                    )
                )
            case 3:
                self.counts["stolen tokens"] += 1
                return encode(Say(message="stolen", token=self._stolen()))
            case 4 if stranger.loud:
                return some.choice(datagrams(some))
            case _:
                self._mutator.token = some.choice(("", "", self._stolen()))
                return self._mutator.payload()[1]

    def _replayed(self, stranger: Stranger) -> str:
        """A cookie that was made for another address, or for this one a long time ago."""
        if (
            stranger.first
            and self.clock() - stranger.first[0] > OLD_ENOUGH
            and self._random.randrange(4) == 0
        ):
            self.counts["cookies that were too old"] += 1
            return stranger.first[1]
        others = [cookie for owner, cookie in self._cookies if owner is not stranger]
        self.counts["replayed cookies"] += bool(others)
        return self._random.choice(others) if others else "made up"

    def _stolen(self) -> str:
        return self._random.choice(self._members).token

    def _flood(self) -> None:
        loud = self._strangers[0]
        for _ in range(FLOOD):
            if self._send(loud.sock, FULL):
                loud.sent += len(FULL)
                self.sent -= 1
                self.counts["in floods"] += 1

    # --- members ----------------------------------------------------------------------------------

    def _as_member(self, member: Member) -> None:
        some = self._random
        if some.randrange(10) == 0:
            self._send(member.sock, some.choice(datagrams(some)))
            return
        wrong = some.randrange(10) == 0
        self.counts["wrong tokens"] += wrong
        self._mutator.token = "wrong" if wrong else member.token
        self._send(member.sock, self._mutator.payload()[1])

    def _let_in(self, member: Member) -> None:
        """Join, or join again: a member that sends such things is sent away."""
        member.sock.close()
        del self._by_socket[member.sock]
        member.sock = self.datagram_socket()  # a new port: at the old one we may still be known
        self._by_socket[member.sock] = member
        member.token = self.join(member.sock, f"d{self._random.randrange(16**8):08x}") or ""
        member.sock.setblocking(False)
        member.out = not member.token
        self.counts["joined"] += not member.out

    # --- both -------------------------------------------------------------------------------------

    def _send(self, sock: socket.socket, payload: bytes) -> bool:
        try:
            sock.send(payload)
        except OSError as error:
            self.counts[f"not sent: {error.strerror}"] += 1
            return False
        self.sent += 1
        return True

    def _read(self, wait: float) -> None:
        """What has come, for up to `wait` seconds."""
        ready, _, _ = select.select(list(self._by_socket), [], [], wait)
        for sock in ready:
            one = self._by_socket[sock]
            for _ in range(50):
                try:
                    data = sock.recv(limits.RECV_SIZE)
                except BlockingIOError:
                    break
                except OSError as error:
                    self.counts[f"not received: {error.strerror}"] += 1
                    break
                self._hear(one, data)

    def _hear(self, one: Stranger | Member, data: bytes) -> None:
        answer = from_server(data)
        self.counts["answers"] += 1
        self.counts["answers that are no message"] += isinstance(answer, Violation)
        if isinstance(one, Stranger):
            one.received += len(data)
            if isinstance(answer, Challenge):
                self._cookies.append((one, answer.cookie))
                one.first = one.first or (self.clock(), answer.cookie)
            self.counts["strangers let in"] += isinstance(answer, Welcome)
            self.counts["told what they should not be"] += not isinstance(answer, Challenge | Unknown)
        elif isinstance(answer, Bye | Unknown):
            one.out = True

"""Packets from addresses that are somebody else's: from each member's own address and port to the server. Inside the
emulated link, where we are root, and where nobody else is.

Over UDP: chat, leave, ping, hello, noise, without a token and with guessed ones; and half of all as hellos in the name
of one and the same member. Some in the name of a *victim* that has never said a word: what comes back to it is what
such a server would flood somebody with. Over TCP: resets, ends, openings and data with guessed sequence numbers.
"""

import random
import socket
import time

from benchmarks.link.packet import ACK, FIN, NEAR, PSH, RST, SYN
from benchmarks.torture.acts import packets
from benchmarks.torture.acts.base import SHORT, Act, Orders
from benchmarks.torture.mutator import Mutator
from common import limits
from common.messages import Act as Emote
from common.messages import Goodbye, Hello, Ping, Say, Tell, Who, encode
from tcp.framing import frame

LONGEST = 1400
"""Bytes of a payload that fit into one packet."""


class Forged(Act):
    """`count` packets."""

    name = "forged"

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self._random = random.Random(orders.seed)
        self._mutator = Mutator(f"{orders.seed}/mutator")
        self._raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._victim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._victim.bind((NEAR, 0))
        self._victim.setblocking(False)
        self.counts["bytes from strangers"] = self.counts["bytes to strangers"] = 0

    def step(self) -> bool:
        due = self.pace.due(self.clock())
        for _ in range(due):
            self.pace.done += 1
            self._one()
        self._listen()
        if not due:
            time.sleep(SHORT / 10)
        return not self.pace.over(self.clock())

    def end(self) -> None:
        time.sleep(10 * SHORT)
        self._listen()
        self._victim.close()
        self._raw.close()

    def _one(self) -> None:
        source = NEAR, self._random.choice(self.orders.ports)
        if self.orders.transport == "tcp":
            self._send(self._segment(source))
            return
        if self._random.randrange(2):
            # All of them for one member: each makes the server ask whether it is still there.
            hello = encode(Hello(nick="forged", lab=1, cookie=self._random.choice(("", "guessed"))))
            self.counts["hellos in one member's name"] += 1
            self._send(packets.udp((NEAR, self.orders.ports[0]), self.orders.where, hello))
            return
        payload = self._payload()
        if self._random.randrange(5) == 0:
            source = self._victim.getsockname()
            self.counts["bytes from strangers"] += len(payload)
            self.counts["in the victim's name"] += 1
        self._send(packets.udp(source, self.orders.where, payload))

    def _payload(self) -> bytes:
        some = self._random
        token = some.choice(("", f"{some.randrange(16**11):011x}"))
        match some.randrange(8):
            case 0:
                return self._mutator.payload()[1][:LONGEST]
            case 1:
                self.counts["hello"] += 1
                return encode(
                    Hello(
                        nick=f"forged{some.randrange(10)}",
                        lab=1,
                        cookie=some.choice(("", "guessed")),
                        token=token,
                    )
                )
            case _:
                return encode(
                    some.choice(
                        (
                            Say(message="said by somebody else", token=token),
                            Emote(message="forges", token=token),
                            Tell(to="member1", message="psst", token=token),
                            Goodbye(token=token),
                            Ping(token=token),
                            Who(token=token),
                        )
                    )
                )

    def _segment(self, source: tuple[str, int]) -> bytes:
        some = self._random
        flags, payload = some.choice(
            (
                (RST, b""),
                (RST | ACK, b""),
                (FIN | ACK, b""),
                (SYN, b""),
                (PSH | ACK, frame(encode(Say(message="said by somebody else")))),
                (PSH | ACK, frame(encode(Goodbye()))),
            )
        )
        return packets.tcp(
            source, self.orders.where, some.randrange(2**32), some.randrange(2**32), flags, payload
        )

    def _send(self, packet: bytes) -> None:
        # The kernel takes the destination from here, and all else from the packet.
        try:
            self._raw.sendto(packet, (self.orders.host, 0))
        except OSError as error:
            self.counts[f"not sent: {error.strerror}"] += 1
            return
        self.sent += 1

    def _listen(self) -> None:
        while True:
            try:
                self.counts["bytes to strangers"] += len(self._victim.recv(limits.RECV_SIZE))
            except BlockingIOError:
                return

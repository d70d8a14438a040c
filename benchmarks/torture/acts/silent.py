"""Connections that never say hello, and half a frame and silence.

Over TCP `count` connections: every other one says nothing at all, the others half a hello. The server keeps at most
`limits.MAX_GUESTS` of them, for at most `limits.HELLO_TIMEOUT`; each is to hear why it is ended. Beside them a few
members who stop in the middle of a message: they may stay.

Over UDP `count` addresses that say hello and never answer the challenge: nobody is to be remembered.
"""

import selectors
import socket

from benchmarks.torture.acts.base import SHORT, Act, Orders
from common import files, limits
from common.messages import Challenge, Error, FromServer, Hello, Say, encode, from_server
from tcp.framing import Deframer, frame

HALF_MEMBERS = 5
"""Members who stop in the middle of a message."""

HALF = 7
"""Bytes of a frame that are half of it."""


class Silent(Act):
    """`count` connections, or addresses."""

    name = "silent"

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        files.allow(orders.count + 100)
        self._selector = selectors.DefaultSelector()
        self._open: dict[socket.socket, Deframer] = {}
        self._members: list[socket.socket] = []
        self.counts["bytes from strangers"] = self.counts["bytes to strangers"] = 0
        if orders.transport == "tcp":
            self._stop_in_the_middle()

    def step(self) -> bool:
        for _ in range(self.pace.due(self.clock())):
            self.pace.done += 1
            if self.orders.transport == "tcp":
                self._say_nothing()
            else:
                self._say_hello_alone()
        self._read(SHORT)
        return self.clock() < self.until and bool(self._open or not self.pace.over(self.clock()))

    def end(self) -> None:
        self._read(SHORT)
        self.counts["still open at the end"] = len(self._open) if self.orders.transport == "tcp" else 0
        for sock in [*self._open, *self._members]:
            sock.close()
        self._selector.close()

    def _stop_in_the_middle(self) -> None:
        for number in range(HALF_MEMBERS):
            sock = self.connect()
            if sock:
                self.join(sock, f"half{number}-{self.orders.seed[-4:]}")
                sock.sendall(frame(encode(Say(message="half")))[:HALF])
                self._members.append(sock)
        self.counts["members in the middle of a message"] = len(self._members)

    def _say_nothing(self) -> None:
        sock = self.connect()
        if sock is None:
            return
        self.sent += 1
        if self.sent % 2:
            sock.sendall(frame(encode(Hello(nick="half")))[:HALF])
            self.counts["half a hello"] += 1
        self._hold(sock)

    def _say_hello_alone(self) -> None:
        sock = self.datagram_socket(stranger=True)
        self.sent += 1
        hello = encode(Hello(nick=f"n{self.sent}", lab=1))
        sock.send(hello)
        self.counts["bytes from strangers"] += len(hello)
        self._hold(sock)

    def _hold(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._open[sock] = Deframer()
        self._selector.register(sock, selectors.EVENT_READ)

    def _read(self, wait: float) -> None:
        for key, _ in self._selector.select(wait):
            sock: socket.socket = key.fileobj  # type: ignore[assignment]
            try:
                data = sock.recv(limits.RECV_SIZE)
            except OSError as error:
                self.counts[f"cut off: {error.strerror}"] += 1
                data = b""
            if self.orders.transport == "udp":
                self._count(from_server(data))
                self.counts["bytes to strangers"] += len(data)
            elif data:
                for payload in self._open[sock].receive(data):
                    self._count(from_server(payload) if isinstance(payload, bytes) else None)
            else:
                self.counts["ended by the server"] += 1
                self._selector.unregister(sock)
                del self._open[sock]
                sock.close()

    def _count(self, answer: object) -> None:
        if isinstance(answer, Error):
            self.counts[f"told: {answer.code}"] += 1
        elif isinstance(answer, Challenge):
            self.counts["challenges"] += 1
        elif isinstance(answer, FromServer):
            self.counts["told what they should not be"] += 1
        else:
            self.counts["answers that are no message"] += 1

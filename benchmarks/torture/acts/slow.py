"""A member that reads a byte a second (over UDP: a datagram a second, since the rest of one is gone then).

It may live, or be sent away as `slow` over TCP; nobody else may notice. Sent away, it comes back.
"""

import socket
import time

from benchmarks.torture.acts.base import SHORT, Act, Orders
from common.messages import Ping


class Slow(Act):
    """Reads `rate` times a second. Its unit is the byte."""

    name = "slow"

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self._sock: socket.socket | None = None
        self._token = ""

    def step(self) -> bool:
        if self._sock is None:
            self._begin()
        if self.pace.due(self.clock()):
            self.pace.done += 1
            self._read()
        time.sleep(SHORT)
        return self.clock() < self.until

    def end(self) -> None:
        if self._sock:
            self._sock.close()

    def _begin(self) -> None:
        sock = self.connect() if self.orders.transport == "tcp" else self.datagram_socket()
        if sock is None:
            return
        # As small as the kernel lets it be: what it does not take waits in front of the server.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        token = self.join(sock, f"slow{self.pace.done}-{self.orders.seed[-4:]}")
        if token is None:
            sock.close()
            return
        self._token = token
        sock.setblocking(False)
        self._sock = sock
        self.counts["times it joined"] += 1

    def _read(self) -> None:
        if self._sock is None:
            return
        try:
            if self.orders.transport == "udp":  # or it would be forgotten for its silence
                self._sock.send(self.bytes_of(Ping(token=self._token)))
            if self._sock.recv(1) or self.orders.transport == "udp":
                self.sent += 1
                return
        except BlockingIOError:
            return
        except OSError as error:
            self.counts[f"cut off: {error.strerror}"] += 1
        self.counts["sent away"] += 1
        self._sock.close()
        self._sock = None

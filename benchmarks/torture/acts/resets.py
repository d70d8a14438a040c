"""Connects, and resets the connection: at once, in the middle of a hello, or as soon as it has joined.

UDP knows no connections. What comes nearest: an address says hello, and is gone before the answer, which meets a closed
port; the kernel tells the server so.
"""

import random
import time

from benchmarks.torture.acts.base import SHORT, Act, Orders, reset
from common.messages import Hello, encode
from tcp.framing import frame


class Resets(Act):
    """`count` connections, `rate` a second."""

    name = "resets"

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self._random = random.Random(orders.seed)

    def step(self) -> bool:
        due = self.pace.due(self.clock())
        for _ in range(due):
            self.pace.done += 1
            self._one()
        if not due:
            time.sleep(SHORT / 10)
        return not self.pace.over(self.clock())

    def _one(self) -> None:
        hello = encode(Hello(nick=f"r{self._random.randrange(16**8):08x}", lab=1))
        if self.orders.transport == "udp":
            with self.datagram_socket(stranger=True) as sock:
                sock.send(hello)
            self.sent += 1
            return
        connection = self.connect()
        if connection is None:
            return
        self.sent += 1
        framed = frame(hello)
        how = self._random.randrange(4)
        try:
            if how:
                connection.sendall(framed[: self._random.randrange(1, len(framed))] if how == 1 else framed)
            self.counts["while joining"] += how > 1
        except OSError:
            self.counts["ended by the server first"] += 1
        finally:
            reset(connection)

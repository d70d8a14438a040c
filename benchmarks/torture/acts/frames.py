"""Hostile frames over TCP: one connection after the other, as a guest or as a member, with a handful of frames on each,
until the server or we end it.

What the server answers is decoded, too: whatever came in, what goes out must be messages.
"""

import random
import socket
import time

from benchmarks.torture.acts.base import SHORT, Act, Orders, reset
from benchmarks.torture.mutator import LIES, Liar, Mutator
from common import limits
from common.messages import Hello, Violation, encode, from_server
from tcp.framing import Deframer, frame

FEWEST, MOST = 4, 24
"""Frames on one connection. The tenth that is no message ends it, and the server reads no further."""

READ_AT_MOST = 64
"""`recv` calls on one connection before we no longer listen: a member hears everything that the room says."""

PATIENCE = 1.0
"""Seconds that we wait for the server to end a connection whose other half we have closed."""


class Frames(Act):
    """`count` frames."""

    name = "frames"

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders)
        self._random = random.Random(orders.seed)
        self._mutator = Mutator(f"{orders.seed}/mutator")
        self._liar = Liar(f"{orders.seed}/liar")

    def step(self) -> bool:
        due = self.pace.due(self.clock())
        if due:
            number = self._random.randint(FEWEST, MOST)
            self._converse(number)
            self.pace.done += number
        else:
            time.sleep(SHORT / 10)
        return not self.pace.over(self.clock())

    def _converse(self, number: int) -> None:
        """One connection with so many frames."""
        sock = self.connect()
        if sock is None:
            return
        stream = bytearray()
        if self._random.randrange(2):
            stream += frame(encode(Hello(nick=f"f{self._random.randrange(16**8):08x}", lab=1)))
            self.counts["as a member"] += 1
        for _ in range(number):
            _, payload = self._mutator.payload()
            lie, framed = self._liar.frame(payload)
            stream += framed
            self.counts["lengths that lie"] += lie != LIES[0]
        self.sent += number
        try:
            for piece in self._pieces(bytes(stream)):
                sock.sendall(piece)
            self._leave(sock)
        except OSError:
            self.counts["ended by the server while we sent"] += 1
        finally:
            sock.close()

    def _pieces(self, stream: bytes) -> list[bytes]:
        """The stream, cut where no frame ends."""
        cuts = sorted(self._random.randrange(len(stream)) for _ in range(self._random.randrange(3)))
        return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    def _leave(self, sock: socket.socket) -> None:
        """With a reset, by just closing, or by listening until the server has said all."""
        how = self._random.randrange(4)
        if how == 0:
            reset(sock)
        elif how > 1:
            sock.shutdown(socket.SHUT_WR)
            self._listen(sock)

    def _listen(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        deframer = Deframer(limits.MAX_FRAME)
        for _ in range(READ_AT_MOST):
            try:
                data = sock.recv(limits.RECV_SIZE)
            except TimeoutError:
                self.counts["not ended by the server in time"] += 1
                return
            if not data:
                self.counts["cut in the middle of an answer"] += deframer.inside_a_frame
                return
            for payload in deframer.receive(data):
                answer = from_server(payload) if isinstance(payload, bytes) else payload
                self.counts["answers"] += 1
                self.counts["answers that are no message"] += isinstance(answer, Violation)

"""A member that is killed with SIGKILL, `rate` times a second: it has joined, it talks, and is gone without a word.

Over TCP its kernel closes the connection; over UDP nobody says anything, and the server has to notice the silence.
Each member is a process of its own, forked from this one, which has no threads.
"""

import os
import select
import signal
import socket
import time
from contextlib import suppress

from benchmarks.torture.acts.base import PATIENCE, SHORT, Act
from common import limits
from common.messages import Say

LIVES = 15.0
"""Seconds after which a member that nobody has killed ends by itself: whoever was to do it is gone."""


class Killed(Act):
    """`count` members, one after the other."""

    name = "killed"

    _victim = 0

    def step(self) -> bool:
        if self.pace.due(self.clock()):
            self.pace.done += 1
            self._kill()
            self._fork()
        else:
            time.sleep(SHORT)
        return not self.pace.over(self.clock())

    def end(self) -> None:
        self._kill()

    def _kill(self) -> None:
        if self._victim:
            os.kill(self._victim, signal.SIGKILL)
            os.waitpid(self._victim, 0)
            self._victim = 0
            self.sent += 1

    def _fork(self) -> None:
        nick = f"k{self.pace.done}-{self.orders.seed[-4:]}"
        read, write = os.pipe()
        self._victim = os.fork()
        if not self._victim:
            code = 1
            try:
                os.close(read)
                self._live(nick, write)
                code = 0
            except OSError:
                pass  # the server did not take it, or sent it away: it has not joined, and that is counted
            finally:
                os._exit(code)  # nothing of what this process would do at its end is the member's
        os.close(write)
        ready, _, _ = select.select([read], [], [], PATIENCE)
        self.counts["members that had joined"] += bool(ready and os.read(read, 1))
        os.close(read)

    def _live(self, nick: str, joined: int) -> None:
        """What the member does until it is killed."""
        sock = self.connect() if self.orders.transport == "tcp" else self.datagram_socket()
        if sock is None:
            return
        token = self.join(sock, nick)
        if token is None:
            return
        if self.orders.transport == "udp" or b"welcome" in sock.recv(limits.RECV_SIZE):
            os.write(joined, b"!")
        sock.settimeout(0.1)
        deadline = self.clock() + LIVES
        while self.clock() < deadline:
            sock.sendall(self.bytes_of(Say(message=f"{nick} is alive", token=token)))
            _listen(sock)
            time.sleep(0.1)


def _listen(sock: socket.socket) -> None:
    with suppress(TimeoutError):
        sock.recv(limits.RECV_SIZE)

"""The process that holds both ends of connections, until the link between them goes dead: who notices, and when?

    python -m benchmarks.vanish.ends --host 10.7.0.1 --each 5 --watch 27 --user-timeout 5 --heartbeat 2

It talks in lines of JSON, as the flows do: says on which port it listens; is told {"to": [HOST, PORT]}, where the way
to itself begins, and connects; is told {"dies": NANOSECONDS}, when (monotonic clock) the link will die; watches, and
says what each end noticed.

There are `each` connections of every kind in `KINDS`. Before the link dies both ends of each have said a word, at
moments spread over one heartbeat, and have heard the other's; else this fails. What is watched is the end that
connected. Nobody closes anything: the peer is there to the end, and says nothing because nothing reaches it.
"""

import argparse
import errno
import json
import selectors
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks import kernel
from benchmarks.orders import told
from common import clock, limits
from common.command_line import Parser
from tcp.connection import set_options

SECOND = 1_000_000_000

SAYS = 0.02
"""Seconds after the link's death at which those speak that have something to say."""

EVERY = 1.0
"""Seconds between two words of one that goes on talking over UDP."""

SETTLE = 5.0
"""Seconds for connecting, over a link that has its delay and loses nothing."""


class Kind(NamedTuple):
    """Connections of one kind. `says`: it has something to say when the link has died; `options` are nothing, the
    `user timeout` alone, those of this lab's TCP (`lab`), or a `heartbeat`."""

    name: str
    transport: str
    says: bool
    options: str


KINDS = (
    Kind("tcp-says", "tcp", True, ""),
    Kind("tcp-waits", "tcp", False, ""),
    Kind("user-timeout", "tcp", True, "user timeout"),
    Kind("lab-says", "tcp", True, "lab"),
    Kind("lab-waits", "tcp", False, "lab"),
    Kind("udp-says", "udp", True, ""),
    Kind("udp-heartbeat", "udp", False, "heartbeat"),
)


@dataclass
class End:
    """One that is watched, with its `peer`. `meets`: when they say their words; `heard`: when it last heard the peer;
    `noticed` and `how`: when and by what it knew that the peer is gone. Times in nanoseconds of the monotonic clock.
    `sent` counts the words that its kernel took after the link had died."""

    kind: Kind
    number: int
    sock: socket.socket
    peer: socket.socket
    meets: int = 0
    says: int | None = None
    heard: int | None = None
    noticed: int | None = None
    how: str = ""
    sent: int = 0


class Ends:
    """All of them. `options` are those of `parser`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._heartbeat: int = round(options.heartbeat * SECOND)
        self._silence = limits.MISSED_HEARTBEATS * self._heartbeat
        self._listener = socket.create_server((options.host, options.port), backlog=len(KINDS) * options.each)
        self._listener.settimeout(SETTLE)
        self.port: int = self._listener.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((options.host, self.port))
        self._datagrams.setblocking(False)
        self.ends: list[End] = []
        self._selector = selectors.DefaultSelector()
        self._dies = 0

    def connect(self, where: tuple[str, int]) -> None:
        """Open all connections, with their options. Raises OSError where the kernel does not grant one."""
        for number in range(self._options.each):
            for kind in KINDS:
                stream = kind.transport == "tcp"
                sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
                self._set(sock, kind)
                sock.settimeout(SETTLE)
                sock.connect(where)
                peer = self._listener.accept()[0] if stream else self._datagrams
                for one in (sock, peer):
                    one.setblocking(False)
                self.ends.append(End(kind, number, sock, peer))

    def _set(self, sock: socket.socket, kind: Kind) -> None:
        if kind.options == "user timeout":
            wanted = round(1000 * self._options.user_timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, wanted)
        elif kind.options == "lab":
            # The lab's own options, as its server and client set them.
            wanted = round(1000 * limits.SILENCE)
            set_options(sock)
        else:
            return
        if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) != wanted:
            raise OSError(errno.EINVAL, "the kernel did not take TCP_USER_TIMEOUT")

    def watch(self, dies: int) -> None:
        """Let everybody say their words, and watch them until `watch` seconds after the link's death. Raises OSError
        if somebody had not heard a word by then."""
        self._dies = dies
        until = dies + round(self._options.watch * SECOND)
        self._selector.register(self._datagrams, selectors.EVENT_READ, None)
        for end in self.ends:
            # Spread, or all heartbeats would be at the same point when the link dies.
            end.meets = dies - round(self._heartbeat * (end.number + 0.5) / self._options.each)
            end.says = end.meets
            self._selector.register(end.sock, selectors.EVENT_READ, end)
            if end.peer is not self._datagrams:
                self._selector.register(end.peer, selectors.EVENT_READ, end.peer)
        checked = False
        while (now := clock.monotonic_ns()) < until:
            if not checked and now >= dies:
                checked = True
                if deaf := [end for end in self.ends if end.heard is None]:
                    raise OSError(errno.ENOTCONN, f"{len(deaf)} ends had heard nothing when the link died")
            for end in self.ends:
                self._act(end, now)
            moments = [until, *(end.says for end in self.ends if end.says), *self._limits()]
            for key, _ in self._selector.select(max(0, min(moments) - clock.monotonic_ns()) / SECOND):
                self._read(key.data)

    def _limits(self) -> list[int]:
        """When those that count the silence will have had enough of it."""
        return [
            end.heard + self._silence
            for end in self.ends
            if end.kind.options == "heartbeat" and end.heard is not None and end.noticed is None
        ]

    def _act(self, end: End, now: int) -> None:
        """Say what is due, and count the silence."""
        counts = end.kind.options == "heartbeat" and end.noticed is None
        if counts and end.heard is not None and now - end.heard >= self._silence:
            self._notice(end, now, "silence")
        if end.says is None or now < end.says:
            return
        with suppress(BlockingIOError):
            end.sock.send(b"x")
            end.sent += now >= self._dies
        end.says = self._next(end, now)

    def _next(self, end: End, now: int) -> int | None:
        """When it speaks next, if ever."""
        if end.kind.options == "heartbeat":
            return now + self._heartbeat
        if not end.kind.says:
            return None
        if now < self._dies:
            return self._dies + round(SAYS * SECOND)
        again: int | None = now + round(EVERY * SECOND) if end.kind.transport == "udp" else None
        return again

    def _read(self, who: End | socket.socket | None) -> None:
        """Somebody has something to read, or an error. Peers answer every word."""
        if isinstance(who, End):
            try:
                said = who.sock.recv(100)
            except BlockingIOError:
                return
            except OSError as error:
                self._notice(who, clock.monotonic_ns(), errno.errorcode.get(error.errno or 0, str(error)))
            else:
                if said:
                    who.heard = clock.monotonic_ns()
                else:
                    self._notice(who, clock.monotonic_ns(), "closed")
        elif who is None:
            with suppress(BlockingIOError):
                said, address = self._datagrams.recvfrom(100)
                self._datagrams.sendto(said, address)
        else:
            try:
                who.send(who.recv(100))
            except OSError:  # the peer, which is not watched, has been told that its end is gone
                self._selector.unregister(who)

    def _notice(self, end: End, now: int, how: str) -> None:
        end.noticed, end.how, end.says = now, how, None
        self._selector.unregister(end.sock)

    def report(self) -> list[dict[str, Any]]:
        """What each noticed: seconds since the link's death, None if nothing; `heard`: the last word, the same way."""
        return [
            {
                "kind": end.kind.name,
                "number": end.number,
                "after": None if end.noticed is None else (end.noticed - self._dies) / SECOND,
                "how": end.how,
                "heard": None if end.heard is None else (end.heard - self._dies) / SECOND,
                "sent": end.sent,
                "port": end.sock.getsockname()[1],
            }
            for end in self.ends
        ]

    def close(self) -> None:
        """Give everything back."""
        self._selector.close()
        for end in self.ends:
            end.sock.close()
            end.peer.close()
        self._datagrams.close()
        self._listener.close()


def parser() -> Parser:
    """What the experiment tells this process."""
    options = Parser(prog="python -m benchmarks.vanish.ends", description=__doc__)
    options.add_argument("--host", required=True, help="where the peers listen")
    options.add_argument("--port", type=int, default=0, help="0: any free one")
    options.add_argument("--each", type=int, required=True, help="connections of every kind")
    options.add_argument("--watch", type=float, required=True, help="seconds after the link's death")
    options.add_argument("--user-timeout", type=float, required=True, help="TCP_USER_TIMEOUT, seconds")
    options.add_argument("--heartbeat", type=float, required=True, help="seconds, whole ones")
    return options


def main() -> int:
    """`python -m benchmarks.vanish.ends`"""
    try:
        options = parser().parse_args()
        limits.HEARTBEAT = options.heartbeat  # only the times are shorter
        limits.SILENCE = limits.HEARTBEAT * limits.MISSED_HEARTBEATS
        ends = Ends(options)
        if (to := _order({"port": ends.port}, "to")) is None:
            return 0  # whoever started us is gone
        ends.connect((to[0], to[1]))
        if (dies := _order({"connected": len(ends.ends)}, "dies")) is None:
            return 0
        ends.watch(dies)
        [retries] = kernel.setting("net.ipv4.tcp_retries2")
    except OSError as error:
        print(f"The connections can't be watched: {error.strerror or error}.", file=sys.stderr)
        return 1
    print(json.dumps({"noticed": ends.report(), "tcp_retries2": retries}), flush=True)
    sys.stdin.readline()
    ends.close()
    return 0


def _order(said: dict[str, Any], word: str) -> Any:
    """Say this, and what the next order says of `word`; None if there will be no more orders."""
    print(json.dumps(said), flush=True)
    return told(word)


if __name__ == "__main__":
    sys.exit(main())

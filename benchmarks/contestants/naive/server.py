"""The server that every course solution starts from: a thread for each connection, which sends to everybody else.

Its faults are switched on by name; `faults.py` says what is wrong with each, and here both ways stand beside each
other. With those of `COURSE` it is the server of the course, as `make bench` measures it; with none it is right,
and slow: a reader and a writer thread for each member, and one lock.

The first message of a connection is its nick. In the server of the course Nagle's algorithm is on, which is no fault
but costs time: see `make experiment NAME=nagle`.
"""

import queue
import socket
import sys
import threading
import time
from collections.abc import Set
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import NoReturn

from benchmarks.contestants.naive.faults import (
    BLOCKING_SEND,
    CHANGE_WHILE_ITERATING,
    COURSE,
    HELLO_IN_ACCEPT,
    LOCK_TWICE,
    NO_FRAMING,
    NO_LOCK,
)
from benchmarks.contestants.naive.stream import end, messages, sender

OUTBOX = 1000
"""Messages that may wait for a member who reads slowly. With one more it is dropped."""

PATIENCE = 5.0
"""Seconds that a member may read nothing while something waits for it."""


PAUSE = 0.1
"""Seconds until somebody else may come in, if one could not."""

KERNEL = 16_384
"""Bytes that the kernel is asked to keep for a member. What waits beyond is to wait in the outbox, where it counts."""


class Member:
    """One who is connected: the socket, the nick once it was said, and what waits to be sent."""

    def __init__(self, sock: socket.socket, faults: Set[str]) -> None:
        self.sock = sock
        self.nick = b""
        self.messages = messages(sock, faults)
        self.send = sender(sock, faults)
        self.outbox: queue.Queue[bytes | None] = queue.Queue(OUTBOX)
        if BLOCKING_SEND not in faults:
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL)
            # That is less than a segment on loopback: Nagle's algorithm would wait for an answer after each.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._write, daemon=True).start()

    def close(self) -> None:
        """End the connection, and both its threads."""
        with suppress(OSError):  # the other end was quicker
            self.sock.shutdown(socket.SHUT_RDWR)  # wakes the reader, and a writer that sends
        with suppress(queue.Full):  # then the writer is sending, and has just been woken
            self.outbox.put_nowait(None)

    def _write(self) -> None:
        """The writer thread: send what waits."""
        try:
            while (data := self.outbox.get()) is not None:
                self.send(data)
        except OSError:
            self.close()  # the reader will find out


class Server:
    """A chat at `host` and `port` (0: any free one). Raises OSError if it can't be had."""

    def __init__(self, host: str, port: int, faults: Set[str] = COURSE) -> None:
        self.faults = faults
        self.members: list[Member] = []
        self.waits = BLOCKING_SEND in faults  # asked once: `make bench` would measure it at each delivery
        self.lock: AbstractContextManager[object] = threading.Lock()  # right: one thread at a time
        if NO_LOCK in faults:
            self.lock = nullcontext()  # wrong: everybody, at any time
        self.listening = socket.create_server((host, port))

    def run(self) -> NoReturn:
        """Take connections for ever."""
        while True:
            try:
                sock, _ = self.listening.accept()
            except OSError as error:  # no more files: those who are here talk on
                print(f"somebody could not come in: {error}", file=sys.stderr)
                time.sleep(PAUSE)
                continue
            member = Member(sock, self.faults)
            if HELLO_IN_ACCEPT in self.faults:
                self.hello(member)  # wrong: whoever says nothing keeps everybody else out
            threading.Thread(target=self.serve, args=(member,), daemon=True).start()

    def hello(self, member: Member) -> None:
        """Wait until somebody has said who it is. No nick: he has left instead."""
        try:
            member.nick = next(member.messages, b"")
        except OSError as error:
            print(f"somebody is gone: {error}", file=sys.stderr)

    def serve(self, member: Member) -> None:
        """The reader thread of a member."""
        try:
            if HELLO_IN_ACCEPT not in self.faults:
                self.hello(member)  # right: only its own thread waits for a member
            if not member.nick:
                return
            with self.lock:
                self.members.append(member)
            self.broadcast(member.nick + b" has joined\n", None)
            for message in member.messages:
                if NO_FRAMING in self.faults:
                    self.broadcast(message, member)  # it can't even say who said it: where would that go?
                else:
                    self.broadcast(end(member.nick + b": " + message, self.faults), member)
        except OSError as error:
            print(f"somebody is gone: {error}", file=sys.stderr)
        finally:
            self.leave(member)
            member.sock.close()

    def broadcast(self, data: bytes, sender: Member | None) -> None:
        """Send it to everybody but its sender, and drop those who can't be sent anything."""
        with self.lock:
            if CHANGE_WHILE_ITERATING in self.faults:
                everybody = self.members  # wrong: what is removed below moves the next one into its place
            else:
                everybody = self.members.copy()  # right: a list that nobody changes
            for member in everybody:
                if member is not sender:
                    try:
                        if self.waits:
                            member.send(data)  # wrong: waits until this member reads, and everybody with it
                        else:
                            member.outbox.put_nowait(data)  # right: only its own thread waits for a member
                    except (OSError, queue.Full):
                        if LOCK_TWICE in self.faults:
                            self.leave(member)  # wrong: it takes the lock, which we hold until it has
                        else:
                            self._remove(member)  # right: it is for those who hold the lock

    def leave(self, member: Member) -> None:
        """Forget one who is gone."""
        with self.lock:
            self._remove(member)

    def _remove(self, member: Member) -> None:
        """The same, for those who hold the lock. Two threads may find out at once that somebody is gone."""
        if member in self.members:
            self.members.remove(member)
        member.close()

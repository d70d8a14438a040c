"""Where a running link can be found by its owner's other terminals: a Unix socket that takes its orders.

The socket lies in a directory that only its owner may enter, and has the link's process id for its name.
"""

import json
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.link.control import Orders, serve
from benchmarks.link.emulator import Emulator
from benchmarks.link.options import describe
from benchmarks.link.units import Refused
from common import clock

PATIENCE = 5.0
"""Seconds for an answer of a link."""

USER = "LAB_LINK_USER"
"""In the environment of who is in a link: the number of the user outside. In there everybody is called 0."""

WAITING = 8
"""Terminals that may be waiting to be heard."""

VISITORS, PAUSE = 32, 0.5
"""That many may be heard at once. When there are more, the first have to go after so many seconds."""


def directory() -> Path:
    """The directory of this user's links, made if need be. Raises Refused if it can't be had, or is not ours alone."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if not os.access(base, os.W_OK):
        base = Path(tempfile.gettempdir())
    place = base / f"chat-lab-{os.environ.get(USER) or os.getuid()}"
    try:
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
        about = place.lstat()
    except OSError as error:
        raise Refused(f"{place} can't be made, where running links are found: {error.strerror}.") from error
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise Refused(
            f"{place} is no directory of ours alone: remove it (or ask its owner to), and try again."
        )
    return place


class Rendezvous:
    """Lets the terminals of the same user talk to an emulator, until `close`."""

    def __init__(self, emulator: Emulator, orders: Orders) -> None:
        self._emulator = emulator
        self._orders = orders
        self.path = directory() / f"{os.getpid()}.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            part = self.path.with_suffix(".part")
            part.unlink(missing_ok=True)  # of a process that had our number before
            self._listener.bind(str(part))
            self._listener.listen(WAITING)
            part.rename(self.path)  # only now: who is bound and does not listen looks dead
        except OSError as error:
            self._listener.close()
            why = error.strerror or str(error)
            raise Refused(
                f"The link can't be found by others: {self.path}: {why}. (Is XDG_RUNTIME_DIR long?)"
            ) from error
        self._listener.setblocking(False)
        self._visitors: dict[socket.socket, None] = {}  # in the order in which they came
        emulator.watch(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            visitor, _ = self._listener.accept()
        except OSError:  # who came has left again, or there are no more file descriptors
            self._pause()
            return
        visitor.setblocking(False)
        self._visitors[visitor] = None

        def answer(line: bytes) -> None:
            with suppress(OSError):  # it does not listen
                visitor.send(line)

        def ended() -> None:
            self._visitors.pop(visitor, None)
            visitor.close()

        serve(self._emulator, self._orders, visitor, answer, ended)
        if len(self._visitors) >= VISITORS:
            self._pause()

    def _pause(self) -> None:
        """Look for visitors again in a while: the packets come first."""
        self._emulator.unwatch(self._listener)
        self._emulator.at(clock.monotonic() + PAUSE, self._listen)

    def _listen(self) -> None:
        if self._listener.fileno() >= 0:
            for visitor in list(self._visitors)[
                : len(self._visitors) - VISITORS + 1
            ]:  # they have had their time
                self._emulator.unwatch(visitor)
                self._visitors.pop(visitor, None)
                visitor.close()
            self._emulator.watch(self._listener, self._accept)

    def close(self) -> None:
        """Be found no longer."""
        self._emulator.unwatch(self._listener)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        for visitor in self._visitors:
            self._emulator.unwatch(visitor)
            visitor.close()


def ask(path: Path, order: dict[str, Any]) -> dict[str, Any]:
    """The answer of the link at `path`. Raises OSError or ValueError if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE)
        _connect(sock, path)
        sock.sendall(json.dumps(order).encode() + b"\n")
        with sock.makefile("rb") as answers:
            answer = json.loads(answers.readline())
    if not isinstance(answer, dict):
        raise ValueError(f"{path} does not answer as a link does")
    return answer


def _connect(sock: socket.socket, path: Path) -> None:
    """Connect, even if others are waiting to be heard: a Unix socket says so at once, instead of letting us wait."""
    deadline = clock.monotonic() + PATIENCE
    while True:
        try:
            return sock.connect(str(path))
        except BlockingIOError:
            if clock.monotonic() > deadline:
                raise
            time.sleep(0.01)


def running() -> Iterator[tuple[Path, dict[str, Any]]]:
    """This user's links with their status, the newest first."""
    for _, path in sorted(_sockets(), reverse=True):
        try:
            status = ask(path, {"do": "status"})
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)  # of a link that was killed
        except (OSError, ValueError):
            continue  # it does not answer: stopped, or about to end
        else:
            if {"pid", "way", "up", "down", "environment", "state"} <= status.keys():
                yield path, status


def _sockets() -> Iterator[tuple[float, Path]]:
    """What might be links of ours: when each was made, and where it is."""
    for path in directory().glob("*.sock"):
        with suppress(OSError):  # it has just gone
            about = path.lstat()
            if stat.S_ISSOCK(about.st_mode) and about.st_uid == os.getuid():
                yield about.st_mtime, path


def find(pid: int | None = None) -> tuple[Path, dict[str, Any]]:
    """The link that runs, or the one with this process id. Raises Refused if there is none, or if it is not clear
    which one is meant."""
    found = [(path, status) for path, status in running() if pid in (None, status["pid"])]
    if len(found) > 1:
        several = ", ".join(
            f"{status['pid']} ({describe(status['up'], status['down'])})" for _, status in found
        )
        raise Refused(f"Several links are running: {several}. Say which: --pid {found[0][1]['pid']}")
    if found:
        return found[0]
    which = "No link is running" if pid is None else f"No link with the process id {pid} is running"
    raise Refused(f"{which}. In another terminal: make link LOSS=5% DELAY=20ms")

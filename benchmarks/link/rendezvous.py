"""Where a running link can be found by its owner's other terminals: a Unix socket that takes its orders.

The socket lies in a directory that only its owner may enter, and has the link's process id for its name.
"""

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.link.control import Orders, serve
from benchmarks.link.emulator import Emulator
from benchmarks.link.units import Refused

PATIENCE = 5.0
"""Seconds for an answer of a link."""

USER = "LAB_LINK_USER"
"""In the environment of who is in a link: the number of the user outside. In there everybody is called 0."""

WAITING = 8
"""Terminals that may be waiting to be heard."""


def directory() -> Path:
    """The directory of this user's links, made if need be. Raises Refused if somebody else has it."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if not os.access(base, os.W_OK):
        base = Path(tempfile.gettempdir())
    place = base / f"chat-lab-{os.environ.get(USER) or os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    about = place.stat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise Refused(f"{place} is not ours alone: remove it (or ask its owner to), and try again.")
    return place


class Rendezvous:
    """Lets the terminals of the same user talk to an emulator, until `close`."""

    def __init__(self, emulator: Emulator, orders: Orders) -> None:
        self._emulator = emulator
        self._orders = orders
        self.path = directory() / f"{os.getpid()}.sock"
        self.path.unlink(missing_ok=True)  # of a process that had our number before
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(WAITING)
        self._listener.setblocking(False)
        self._visitors: set[socket.socket] = set()
        emulator.watch(self._listener, self._accept)

    def _accept(self) -> None:
        with suppress(OSError):  # who came has left again
            visitor, _ = self._listener.accept()
            visitor.setblocking(False)
            self._visitors.add(visitor)

            def answer(line: bytes) -> None:
                with suppress(OSError):  # it does not listen
                    visitor.send(line)

            def ended() -> None:
                self._visitors.discard(visitor)
                visitor.close()

            serve(self._emulator, self._orders, visitor, answer, ended)

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
        sock.connect(str(path))
        sock.sendall(json.dumps(order).encode() + b"\n")
        with sock.makefile("rb") as answers:
            answer: dict[str, Any] = json.loads(answers.readline())
            return answer


def running() -> Iterator[tuple[Path, dict[str, Any]]]:
    """This user's links with their status, the newest first."""
    sockets = sorted(directory().glob("*.sock"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in sockets:
        try:
            yield path, ask(path, {"do": "status"})
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)  # of a link that was killed
        except (OSError, ValueError):
            continue  # it does not answer: stopped, or about to end


def find(pid: int | None = None) -> tuple[Path, dict[str, Any]]:
    """The newest link, or the one with this process id. Raises Refused."""
    for path, status in running():
        if pid is None or status.get("pid") == pid:
            return path, status
    which = "No link is running" if pid is None else f"No link with the process id {pid} is running"
    raise Refused(f"{which}. In another terminal: make link LOSS=5% DELAY=20ms")

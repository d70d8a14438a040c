"""A server seen from outside: its threads, its open files, its memory, and what the kernel dropped in front of its
UDP sockets. Only Linux tells; elsewhere each of them is None, and the table shows – for it.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.process import private_memory

PROC = Path("/proc")

DROPS = 12
"""The column of /proc/net/udp that counts what did not fit into a socket's buffer, or was damaged."""

INODE = 9


class Health(NamedTuple):
    """Of one process at one moment. `memory` is what it has written to and shares with nobody, in bytes."""

    threads: int | None = None
    files: int | None = None
    memory: int | None = None


def health(pid: int) -> Health:
    """What process `pid` has of each now."""
    return Health(
        _threads(pid), _or_none(lambda: len(os.listdir(PROC / str(pid) / "fd"))), private_memory(pid)
    )


def udp_drops(pid: int) -> int | None:
    """Datagrams that the kernel dropped in front of the UDP sockets that process `pid` has now."""

    def count() -> int:
        return drops((PROC / str(pid) / "net/udp").read_text(), _sockets(pid))

    return _or_none(count)


def drops(table: str, inodes: set[int]) -> int:
    """The same out of the text of /proc/net/udp, for the sockets of these inodes."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return sum(int(row[DROPS]) for row in rows if len(row) > DROPS and int(row[INODE]) in inodes)


def _threads(pid: int) -> int | None:
    def count() -> int:
        return len(os.listdir(PROC / str(pid) / "task"))

    return _or_none(count)


def _sockets(pid: int) -> set[int]:
    found = set()
    folder = PROC / str(pid) / "fd"
    for name in os.listdir(folder):
        try:
            target = os.readlink(folder / name)
        except FileNotFoundError:
            continue  # closed while we looked
        if match := re.fullmatch(r"socket:\[(\d+)\]", target):
            found.add(int(match[1]))
    return found


def _or_none(look: Callable[[], int]) -> int | None:
    try:
        return look()
    except OSError:  # no Linux, or the process is gone
        return None

"""What the kernel knows about another process: its processor time and its memory.

Both are read from outside, so that the server need not measure itself. Only Linux has them in this form;
elsewhere they are unknown, and a table shows – instead of a guess.
"""

import os
import sys
import time
from pathlib import Path

WHY_UNKNOWN = "only Linux shows them of another process"


def cpu_seconds(pid: int) -> float | None:
    """Processor time of all threads of a process so far, user and system; None if it can't be known."""
    if sys.platform != "linux":
        return None
    # The number of a process's CPU clock, as clock_getcpuclockid(3) makes it: it counts nanoseconds, where
    # /proc/PID/stat counts in hundredths of a second.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None


def private_memory(pid: int) -> int | None:
    """Bytes that this process has written to and shares with nobody; None if it can't be known.

    Not Pss or Rss: their share of Python's own pages changes whenever another Python starts or ends. The
    kernel's socket buffers are in neither.
    """
    return _kibibytes(f"/proc/{pid}/smaps_rollup", "Private_Dirty:")


def peak_memory(pid: int) -> int | None:
    """Bytes of memory that this process had at most so far, what it shares with others included; None if it can't be
    known."""
    return _kibibytes(f"/proc/{pid}/status", "VmHWM:")


def reserved_memory(pid: int) -> int | None:
    """Bytes of addresses that this process has reserved, whether or not it has ever written there (a thread's stack is
    nearly all such); None if it can't be known."""
    return _kibibytes(f"/proc/{pid}/status", "VmSize:")


def threads(pid: int) -> int | None:
    """How many threads a process has now; None if it can't be known."""
    return _number(f"/proc/{pid}/status", "Threads:")


def machine_seconds() -> float | None:
    """Processor time that all programs of this machine, and its kernel, have used so far, in hundredths of a second;
    None if it can't be known."""
    try:
        user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    except OSError:
        return None
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def _kibibytes(path: str, word: str) -> int | None:
    """What the line that begins with `word` says, in bytes."""
    found = _number(path, word)
    return None if found is None else found * 1024


def _number(path: str, word: str) -> int | None:
    """The number in the line that begins with `word`."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(word)), None)

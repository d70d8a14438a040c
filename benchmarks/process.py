"""What the kernel knows about another process: its processor time and its memory.

Both are read from outside, so that the server need not measure itself. Only Linux has them in this form;
elsewhere they are unknown, and a table shows – instead of a guess.
"""

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
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    return None

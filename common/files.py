"""How many files this process may have open: each connection is one.

The usual limit (1,024 on many systems) is a soft one that a program may raise by itself, up to the hard one that
the system's owner has set.
"""

import sys
from contextlib import suppress

with suppress(ImportError):  # Windows has no such limit
    import resource

WATCHED: int = 512 if sys.platform == "win32" else sys.maxsize
"""Sockets that one thread can wait for. Windows has only `select` for that, and Python's takes no more there."""


def allow(count: int) -> int:
    """Make room for `count` open files, as far as the system lets us. Returns how many there may be now."""
    if sys.platform == "win32":
        return count
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    if soft == endless or soft >= count:
        return count
    wanted = count if hard == endless else min(count, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS has a second limit, and does not say which
        return soft
    return wanted

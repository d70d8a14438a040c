"""Where a figure was measured. A figure without that can't be compared with another one."""

import os
import platform
import subprocess

from benchmarks.child import ROOT


def environment() -> dict[str, str | int]:
    """Kernel, Python, processors and the commit of this code, for the table's header and the raw result."""
    return {
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "processors": processors(),
        "commit": commit(),
    }


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit() -> str:
    """The commit as `git describe` names it, with + behind it if files have been changed since; `unknown`
    outside a git repository."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--tags", "--dirty=+"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return described.stdout.strip() if described.returncode == 0 else "unknown"

"""The way into a network of one's own, without root: a user and a network namespace (namespaces(7)).

`unshare` and `nsenter` of util-linux do it: every Linux has them.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.doctor import emulation
from benchmarks.doctor.finding import State
from common import clock

PATIENCE = 5.0
"""Seconds for a command of the system."""

GRACE = 1.0
"""Seconds that who is still in a namespace has to leave after each request."""


class Missing(Exception):
    """There can be no emulated network here. `reasons` says in a sentence each what is missing and its remedy."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


def way_in() -> list[str]:
    """The command that runs another one in namespaces of its own. Raises Missing.

    As root, where user namespaces are forbidden, a network namespace alone: root may have that.
    """
    unshare = shutil.which("unshare")
    namespaces = emulation.namespaces(unshare)
    way = [str(unshare), "--user", "--map-root-user", "--net"]
    if unshare and namespaces.state is State.MISSING and os.geteuid() == 0 and _works([unshare, "--net"]):
        way = [unshare, "--net"]
    elif namespaces.state is State.MISSING:
        raise Missing([f"Namespaces: {namespaces.found}. Remedy: {namespaces.remedy}."])
    device = emulation.tun(way)
    if device.state is State.MISSING:
        raise Missing([f"TUN device: {device.found}. Remedy: {device.remedy}."])
    return way


def into(pid: int, way: list[str]) -> list[str]:
    """The command that runs another one in the namespaces of process `pid`, which was started by `way`."""
    which = ["--net"]
    if "--user" in way:
        which += ["--user", "--preserve-credentials"]
    return [shutil.which("nsenter") or "nsenter", "--target", str(pid), *which, "--"]


def others() -> dict[int, str]:
    """The other processes in this network namespace, by process id, each with its name."""
    mine = current()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):  # it has ended, or is somebody else's: then it is not in here
                if os.readlink(entry / "ns/net") == mine:
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
    return found


def current() -> str:
    """The network namespace that this process is in, by the kernel's name for it: `net:[4026531840]`."""
    return os.readlink("/proc/self/ns/net")


def is_our_own() -> bool:
    """Whether this process was put into a network namespace of its own: whoever started it is in another one."""
    try:
        return os.readlink(f"/proc/{os.getppid()}/ns/net") != current()
    except PermissionError:
        return True  # in another user namespace: we may not look there
    except FileNotFoundError:
        return False  # no Linux, or whoever started us is gone: nothing says that it is


def end_others() -> dict[int, str]:
    """End every other process in this network namespace, as a closing terminal does, with force if need be.
    Returns those that there were. Only for a process whose namespace `is_our_own`."""
    ended = others()
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
        for pid in others():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)  # a stopped one would not hear of it
        deadline = clock.monotonic() + GRACE
        while others() and clock.monotonic() < deadline:
            time.sleep(0.01)
    return ended


def _works(command: list[str]) -> bool:
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return False
    return sys.platform == "linux"

"""What the emulated network needs: namespaces and a TUN device, for a user who is not root.

Neither the chats nor the comparison over loopback needs them. A refusal comes with the obstacle's name.
"""

from __future__ import annotations  # an old Python is a finding, not a failure

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.doctor.finding import Finding, State

PATIENCE = 5.0
"""Seconds for a command of the system."""

OPEN_TUN = """
import fcntl, os, struct
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"doctor0", 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
"""


INSIDE = "LAB_LINK"
"""In the environment of who is in a link (`make link`): what it was like in the beginning."""


def inside_a_link() -> Finding:
    """That this terminal is in an emulated link, and what it therefore does not see."""
    return Finding(
        "link",
        State.BETTER,
        f"this terminal is inside one ({os.environ[INSIDE]}): it sees the link's network, not the machine's",
        "exit, before make compare",
    )


def namespaces(
    unshare: str | None,
    platform: str = sys.platform,
    settings: Path = Path("/proc/sys"),
) -> Finding:
    """Whether this user may have a user and a network namespace: a network of one's own, without root.
    `unshare` is the program that makes one; `settings` is where the kernel shows its settings."""
    if platform != "linux":
        return _no_namespaces("only Linux has them", _elsewhere(platform))
    if unshare is None:
        return _no_namespaces("the program unshare is missing", "sudo apt install util-linux")
    try:
        _run([unshare, "-Urn", "true"])
    except (OSError, subprocess.SubprocessError) as error:
        return _no_namespaces(*_obstacle(_words(error), settings))
    return Finding("namespaces", State.OK, "user and network namespaces without root")


def _elsewhere(platform: str) -> str:
    """What to do on a system that is no Linux, and can't be made one."""
    return f"run the comparison in {'WSL2' if platform == 'win32' else 'a virtual machine with Linux'}"


def _no_namespaces(found: str, remedy: str) -> Finding:
    return Finding("namespaces", State.MISSING, found, remedy, optional=True)


def _obstacle(words: str, settings: Path) -> tuple[str, str]:
    """What forbids namespaces, and how to allow them; `words` are those of unshare."""
    for name, forbids, who, remedy in (
        ("user/max_user_namespaces", "0", "the kernel allows none", "=15000"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "AppArmor forbids them (Ubuntu 24.04 does)",
            "=0",
        ),
        ("kernel/unprivileged_userns_clone", "0", "the kernel keeps them for root (older Debian does)", "=1"),
    ):
        setting = name.replace("/", ".")
        with contextlib.suppress(OSError):
            if (settings / name).read_text().strip() == forbids:
                return (
                    f"{who}: {setting} = {forbids}",
                    f"sudo sysctl {setting}{remedy} (until the next start)",
                )
    return (
        f"refused: {words}",
        "in a container: docker run --security-opt seccomp=unconfined --device /dev/net/tun …; "
        "elsewhere ask who administers the machine",
    )


def tun(
    inside: list[str] | None,
    device: Path = Path("/dev/net/tun"),
    python: str = sys.executable,
    platform: str = sys.platform,
) -> Finding:
    """Whether a program can have a network device of its own. `inside`: the command that runs another one
    in a namespace, such as `unshare -Urn`; None if there are no namespaces, then only the file is opened."""
    name = "TUN device"
    if platform != "linux":
        found = "the emulated network needs Linux's"
        return Finding(name, State.MISSING, found, _elsewhere(platform), optional=True)
    if not device.exists():
        remedy = "sudo modprobe tun (in a container: --device /dev/net/tun)"
        return Finding(name, State.MISSING, f"there is no {device}", remedy, optional=True)
    try:
        os.close(os.open(device, os.O_RDWR))
        if inside:
            _run([*inside, python, "-I", "-c", OPEN_TUN])
    except PermissionError:
        found, remedy = (
            f"this user may not open {device}",
            f"sudo chmod 666 {device} (as most systems have it)",
        )
        return Finding(name, State.MISSING, found, remedy, optional=True)
    except (OSError, subprocess.SubprocessError) as error:
        found = f"{device} can't be used: {_words(error)}"
        remedy = "sudo modprobe tun; in a container: docker run --device /dev/net/tun --cap-add NET_ADMIN …"
        return Finding(name, State.MISSING, found, remedy, optional=True)
    how = (
        "can be set up in a namespace" if inside else "can be opened; without namespaces more can't be tried"
    )
    return Finding(name, State.OK, f"{device} {how}", optional=True)


def _run(command: list[str]) -> None:
    """Run a command; raises OSError or subprocess.SubprocessError if it fails or takes too long."""
    subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL
    )


def _words(error: OSError | subprocess.SubprocessError) -> str:
    """The last line that a command which failed has written, or what the system says."""
    written = (getattr(error, "stderr", "") or "").strip()
    return written.splitlines()[-1] if written else str(getattr(error, "strerror", "") or error)

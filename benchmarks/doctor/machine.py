"""What this machine has for the lab: each check looks at one thing and returns a Finding.

What a check looks at comes in as an argument, with this machine's as the default. Only the standard library
is needed: a machine without the packages is one of the findings.
"""

from __future__ import annotations  # an old Python is one of the findings, too

import contextlib
import importlib.metadata
import os
import re
import socket
import sys
from pathlib import Path

from benchmarks.doctor import reach
from benchmarks.doctor.finding import Finding, State
from common import addresses, limits, set_up
from common.addresses import Unusable

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
PYTHON = (3, 11)
WIDTH = 80
FILES = 1024
"""Open files that suffice for a room of a few hundred members."""

PATIENCE = 5.0
"""Seconds for a byte to get through this machine."""

# --- Python and its packages ----------------------------------------------------------------------


def python_version(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Whether this Python is new enough."""
    shown = ".".join(map(str, version))
    if version >= PYTHON:
        return Finding("Python", State.OK, shown)
    needed = ".".join(map(str, PYTHON))
    return Finding(
        "Python",
        State.MISSING,
        f"{shown}, and the lab needs {needed}",
        f"install Python {needed} or newer; make finds it, or is told: make doctor PYTHON=python{needed}",
    )


def virtual_environment(prefix: str = sys.prefix, base: str = sys.base_prefix) -> Finding:
    """Whether this Python runs in an environment of its own."""
    if prefix != base:
        return Finding("environment", State.OK, f"a virtual environment: {prefix}")
    return Finding(
        "environment", State.BETTER, "the Python of the system", "make doctor (it makes and uses .venv)"
    )


def packages(lab: Path = ROOT) -> Finding:
    """Whether the packages of the locks are installed, in their versions. Those of the comparison and of the tests come
    when a target first needs them."""
    found, state = [], State.OK
    for lock, needed in ((set_up.CHATS, True), (set_up.COMPARISON, False), (set_up.DEVELOPMENT, False)):
        try:
            locked = locked_versions((lab / lock).read_text(encoding="utf-8"))
        except OSError as error:
            return Finding("packages", State.BETTER, f"{error.filename} can't be read: {error.strerror}")
        wrong = _wrong(locked)
        if not wrong:
            found.append(f"all {len(locked)} of {lock}")
        elif len(wrong) == len(locked) and not needed:
            found.append(f"those of {lock} when make first needs them")
        else:
            state = State.MISSING if needed else State.BETTER
            found.append(f"of {lock} not: {', '.join(wrong)}")
    remedy = "" if state is State.OK else "make clean doctor"
    return Finding("packages", state, "; ".join(found), remedy)


def _wrong(locked: dict[str, str]) -> list[str]:
    """The packages that are not installed, or in another version."""
    wrong = []
    for name, version in locked.items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(name)
            continue
        if installed != version:
            wrong.append(f"{name} {version} ({installed} is there)")
    return wrong


def locked_versions(lock: str) -> dict[str, str]:
    """Name and version of each package that a requirements file pins for this system. Lines with an
    environment marker are left out where nothing can read markers."""
    versions = {}
    for name, version, marker in re.findall(
        r"^([\w.-]+)==([^\s;\\]+)(?: *; *([^\\\n]+))?", lock, re.MULTILINE
    ):
        if not marker or _holds(marker.strip()):
            versions[name] = version
    return versions


def _holds(marker: str) -> bool:
    """Whether an environment marker, such as `sys_platform == 'win32'`, is true here."""
    try:
        from packaging.markers import Marker
    except ImportError:
        return False
    return Marker(marker).evaluate()


# --- the network of this machine ------------------------------------------------------------------


def loopback() -> Finding:
    """Whether a byte goes through this machine over both transports."""
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(type=kind) as here, socket.socket(type=kind) as there:
                here.settimeout(PATIENCE)
                there.settimeout(PATIENCE)
                here.bind((LOOPBACK, 0))
                if kind is socket.SOCK_STREAM:
                    here.listen()
                there.connect(here.getsockname())
                there.send(b"x")
                if kind is socket.SOCK_STREAM:
                    accepted, _ = here.accept()
                    with accepted:
                        accepted.settimeout(PATIENCE)
                        accepted.recv(1)
                else:
                    here.recv(1)
    except OSError as error:
        return Finding(
            "loopback",
            State.MISSING,
            f"nothing gets from {LOOPBACK} to itself: {error.strerror or error}",
            "switch it on (Linux: sudo ip link set lo up), or let Python through the firewall of this machine",
        )
    return Finding("loopback", State.OK, f"{LOOPBACK} carries TCP and UDP")


def port_free(transport: str, port: int) -> Finding:
    """Whether a server can have the port; a chat server of ours that has it already is no error."""
    name, address = f"{transport.upper()} port {port}", (LOOPBACK, port)
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(type=kind) as sock:
        if transport == "tcp" and sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            addresses.bind(sock, address, transport)
        except Unusable as error:
            sentence = str(error)
        else:
            return Finding(name, State.OK, "free")
    probe = reach.tcp(address, 0.5) if transport == "tcp" else reach.udp(address, 0.5, tries=1)
    if probe.answer is reach.Answer.CHAT:
        holder = addresses.find_holder(port, transport)
        return Finding(
            name, State.OK, f"{probe.answer.value} is running there{f': {holder}' if holder else ''}"
        )
    found, _, remedy = sentence.partition(": ")
    return Finding(name, State.BETTER, found, remedy.rstrip("."))


def localhost(addresses_of: list[str] | None = None, ipv6: bool | None = None) -> Finding:
    """What `localhost` means here. The arguments stand in for what the system says."""
    if addresses_of is None:
        try:
            addresses_of = [
                address[0] for _, address in addresses.resolve("localhost", 0, socket.SOCK_STREAM)
            ]
        except Unusable:
            addresses_of = []
    ipv6 = _ipv6_loopback() if ipv6 is None else ipv6
    found = (
        f"{' and '.join(addresses_of) or 'nothing'}; the IPv6 loopback ::1 {'works' if ipv6 else 'is off'}"
    )
    if LOOPBACK in addresses_of:
        return Finding(
            "localhost", State.OK, f"{found}. The lab says {LOOPBACK}: one address, the same everywhere"
        )
    return Finding(
        "localhost",
        State.BETTER,
        f"{found}. The lab is not concerned: it says {LOOPBACK}",
        f"the line `{LOOPBACK} localhost` in the file hosts (Linux: /etc/hosts)",
    )


def _ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def socket_buffers(limit: Path | None = None, wanted: int = limits.UDP_BUFFER) -> Finding:
    """Whether the kernel grants the UDP server the buffer it asks for. `limit`: the file that holds the
    kernel's limit in bytes."""
    limit = limit or Path("/proc/sys/net/core/rmem_max")
    try:
        granted, remedy = (
            int(limit.read_text()),
            f"sudo sysctl net.core.rmem_max={wanted} net.core.wmem_max={wanted}",
        )
    except (OSError, ValueError):
        granted, remedy = _granted(wanted), f"macOS: sudo sysctl kern.ipc.maxsockbuf={2 * wanted}"
    if granted >= wanted:
        return Finding(
            "UDP buffer", State.OK, f"the {wanted:,} bytes that the UDP server asks for are granted"
        )
    found = f"{granted:,} of {wanted:,} bytes: a burst that does not fit is lost before the server sees it"
    return Finding("UDP buffer", State.BETTER, found, remedy)


def _granted(wanted: int) -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        with contextlib.suppress(OSError):  # macOS refuses what Linux cuts
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


# --- the rest of the machine ----------------------------------------------------------------------


def terminal(is_terminal: bool, kind: str, colours: str | None, width: int, encoding: str) -> Finding:
    """Whether a conversation looks as it should: `kind` is TERM, `colours` rich's name of the colour system,
    `width` in columns, `encoding` that of standard output."""
    if not is_terminal:
        return Finding(
            "terminal", State.BETTER, "none: clients use their plain mode", "run it in a terminal window"
        )
    seen = [kind or "no TERM", colours or "no colours", f"{width} columns", encoding]
    remedies = []
    if kind == "dumb":
        remedies.append("another terminal, or: export TERM=xterm-256color")
    elif not colours:
        remedies.append("unset NO_COLOR, or: export TERM=xterm-256color")
    if width < WIDTH:
        remedies.append(f"make the window {WIDTH} columns wide")
    if not encoding.lower().replace("-", "").startswith("utf8"):
        remedies.append("export PYTHONUTF8=1 (Windows: set PYTHONUTF8=1)")
    return Finding("terminal", State.BETTER if remedies else State.OK, ", ".join(seen), "; ".join(remedies))


def open_files(limit: int | None = None) -> Finding:
    """How many files and sockets one program may have open."""
    if limit is None:
        try:
            import resource
        except ImportError:
            return Finding("open files", State.OK, "this system sets no limit for a program")
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            return Finding("open files", State.OK, "no limit")
    if limit >= FILES:
        return Finding("open files", State.OK, f"{limit:,} for one program")
    found = f"{limit:,} for one program: a TCP server has one for each member"
    return Finding("open files", State.BETTER, found, f"ulimit -n {4 * FILES}")


def processors(count: int | None = None) -> Finding:
    """How many processors there are for us: the server and the load need one each."""
    if count is None:
        usable = getattr(os, "sched_getaffinity", None)  # Linux alone has it
        count = len(usable(0)) if usable else os.cpu_count() or 1
    if count >= 2:
        return Finding("processors", State.OK, str(count))
    found = f"{count}: server and load take it from each other, and the comparison measures that, too"
    return Finding(
        "processors", State.BETTER, found, "another machine, or a second processor for this virtual one"
    )

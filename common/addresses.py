"""Names, addresses and ports: resolved once, shown alike, and explained when they do not work."""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Address = tuple[Any, ...]
"""What the socket module calls an address: (host, port) for IPv4, two numbers more for IPv6."""


class Unusable(Exception):
    """An address can't be used; the text says why and what to do."""


def show(address: Address) -> str:
    """`host:port`, with the brackets that an IPv6 address needs."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def resolve(host: str, port: int, kind: socket.SocketKind) -> list[tuple[socket.AddressFamily, Address]]:
    """All addresses of `host`, in the order the system prefers. Raises Unusable if there is none.

    Resolved once and kept: a name in each `sendto` would be looked up for every datagram.
    """
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unusable(
            f"{host!r} can't be resolved to an address ({reason}): check the spelling, or give a number "
            "such as 127.0.0.1."
        ) from error
    return [(family, address) for family, _, _, _, address in found]


def bind(sock: socket.socket, address: Address, transport: str) -> None:
    """Bind `sock`, or raise Unusable with a sentence for the person who started the server."""
    try:
        sock.bind(address)
    except OSError as error:
        raise Unusable(explain_bind(error, address, transport)) from error


def explain_bind(error: OSError, address: Address, transport: str) -> str:
    """Why a server can't have `address`, and what to do. `transport` is tcp or udp."""
    host, port = address[:2]
    if error.errno == errno.EADDRINUSE:
        holder = find_holder(port, transport)
        return (
            f"Port {port} is in use for {transport.upper()}"
            + (f" by {holder}" if holder else " by another program")
            + ": stop that one, or choose another port (make: PORT=4343, python: --port 4343)."
        )
    if error.errno == errno.EACCES and sys.platform == "win32":
        return (
            f"Windows keeps port {port} for itself (for Hyper-V or WSL: `netsh interface ipv4 show excludedportrange "
            f"{transport}` lists such ports), or another program has it alone: choose another port "
            "(make: PORT=4343, python: --port 4343)."
        )
    if error.errno == errno.EACCES:
        return (
            f"Port {port} is reserved for privileged programs: choose one from 1024 up "
            "(make: PORT=4242, python: --port 4242)."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"{host} is no address of this machine: use 127.0.0.1 for this machine alone, or 0.0.0.0 "
            "to be reached from others (make: HOST=…, python: --host …)."
        )
    return f"{show(address)} can't be used ({error.strerror}): choose another host or port."


def find_holder(port: int, transport: str) -> str:
    """The program that holds a local port, as `python3 (process 1234)`; empty if that can't be seen
    (another user's program, or a system without /proc)."""
    inodes = set()
    for table in (f"/proc/net/{transport}", f"/proc/net/{transport}6"):
        for line in _lines(table)[1:]:
            fields = line.split()
            listening = transport == "udp" or fields[3] == "0A"
            if listening and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        if inodes.intersection(_open_files(process)):
            name = "".join(_lines(str(process / "comm"))[:1]) or "a program"
            return f"{name} (process {process.name})"
    return ""


def _open_files(process: Path) -> Iterator[str]:
    """What a process has open, such as `socket:[1234]`, as far as we may see it."""
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # another user's, or gone
        return
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # closed since we listed it
            yield os.readlink(descriptor)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []

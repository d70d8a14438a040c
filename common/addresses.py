"""Names, addresses and ports: resolved once, shown alike, and explained when they do not work."""

import contextlib
import errno
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Address = tuple[Any, ...]
"""What the socket module calls an address: (host, port) for IPv4, two numbers more for IPv6."""


ANY = ("0.0.0.0", "::")
"""Where a server listens to hear all addresses of its machine, over IPv4 and over IPv6; no client finds it there."""

HOST_HELP = "a host is a name or a number such as 192.168.1.20 (make: HOST=…, python: --host …)"


class Unusable(Exception):
    """An address can't be used; the text says why and what to do."""


def show(address: Address) -> str:
    """`host:port`, with the brackets that an IPv6 address needs, and the scope that a link-local one has."""
    host, port = address[:2]
    if ":" not in str(host):
        return f"{host}:{port}"
    scope = address[3] if len(address) > 3 and "%" not in host else 0
    return f"[{host}{_scope(scope) if scope else ''}]:{port}"


def _scope(number: int) -> str:
    """The interface that a link-local address belongs to, as it stands behind one: `%eth0` (Windows: `%12`)."""
    try:
        return f"%{number if sys.platform == 'win32' else socket.if_indextoname(number)}"
    except OSError:  # it is gone
        return f"%{number}"


# --- what a person calls a host -------------------------------------------------------------------


def take_apart(text: str) -> tuple[str, int | None]:
    """Host and port of what a person gave as a host; None if there is no port in it.

    Whatever a server prints is taken: `127.0.0.1:4242`, `[::1]:4242`, `[::1]`. Raises Unusable for what is no host.
    """
    text = text.strip()
    if "://" in text:
        raise Unusable(f"{text!r} is a URL: {HOST_HELP}.")
    if "/" in text:
        raise Unusable(f"{text!r} is no host: leave out the / and what is behind it.")
    host, colon, port = text, "", ""
    if text.count(":") == 1 or "]:" in text:
        host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if "[" in host or "]" in host:
        raise Unusable(f"{text!r} has a bracket too many or too few: it is [::1], or [::1]:4242 with a port.")
    if colon and not (port.isdecimal() and int(port) <= 65_535):
        raise Unusable(f"{text!r} has no valid port behind its colon: a port is a whole number up to 65535.")
    refusal = _refuse(host)
    if refusal:
        raise Unusable(refusal)
    return host, int(port) if colon else None


def _refuse(host: str) -> str:
    """Why `host` can be none, as a sentence; empty if it may be one."""
    if not host:
        return f"The host is missing: {HOST_HELP}."
    if any(character.isspace() for character in host):
        return f"{host!r} has white space in it: {HOST_HELP}."
    if host.isdecimal():
        return (
            f"{host!r} is no host: if it is the port, say so (make: PORT=…, python: --port …); {HOST_HELP}."
        )
    number, percent, scope = host.partition("%")
    try:
        link_local = ipaddress.IPv6Address(number).is_link_local
    except ValueError:
        return ""  # a name, or IPv4
    interfaces = _interfaces()
    if link_local and not scope:
        return (
            f"{number} may be in each network of this machine: say in which one, {number}%NETWORK "
            f"(there are {', '.join(interfaces)})."
        )
    if percent and scope not in interfaces and not scope.isdecimal():
        return f"This machine has no network {scope!r}, as {host} says: there are {', '.join(interfaces)}."
    return ""


def _interfaces() -> list[str]:
    """The names of this machine's networks, as they stand behind a link-local address and its %; numbers on Windows."""
    return [str(number) if sys.platform == "win32" else name for number, name in socket.if_nameindex()]


def resolve(host: str, port: int, kind: socket.SocketKind) -> list[tuple[socket.AddressFamily, Address]]:
    """All addresses of `host`, in the order the system prefers. Raises Unusable if there is none.

    Resolved once and kept: a name in each `sendto` would be looked up for every datagram.
    """
    refusal = _refuse(host)
    if refusal:
        raise Unusable(refusal)
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise Unusable(
            f"{host!r} can't be resolved to an address ({reason}): check the spelling, or give a number "
            "such as 127.0.0.1."
        ) from error
    usable: list[tuple[socket.AddressFamily, Address]] = [
        (family, address) for family, _, _, _, address in found if _speaks(family, kind)
    ]
    if not usable:
        raise Unusable(f"{host!r} is an IPv6 address, and this machine has no IPv6: {HOST_HELP}.")
    return usable


def _speaks(family: socket.AddressFamily, kind: socket.SocketKind) -> bool:
    """Whether this machine knows the family at all: a name may have an IPv6 address where IPv6 is switched off."""
    try:
        socket.socket(family, kind).close()
    except OSError as error:
        return error.errno != errno.EAFNOSUPPORT
    return True


# --- a server's address ---------------------------------------------------------------------------


def heard_at(sock: socket.socket) -> str:
    """Which addresses of its machine a server is heard at, for its log; empty if it is the one that it is bound to."""
    if sock.getsockname()[0] not in ANY:
        return ""
    if sock.family == socket.AF_INET:
        return "that is every IPv4 address of this machine, and no IPv6 address (::)"
    if sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return "that is every IPv6 address of this machine, and no IPv4 address (0.0.0.0)"
    return "that is every address of this machine, IPv6 and IPv4"


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


def explain_send(error: OSError) -> str:
    """Why this machine itself did not send a datagram, and what to do. That is no loss: no network has seen it."""
    no_way = "this machine knows no way there, or has another address by now"
    nobody = "that machine does not answer in this network, or there is no way to it"
    slow = "too much is waiting to be sent; wait a moment"
    why = {
        errno.EMSGSIZE: "it is too long for one datagram here; say it in parts",
        errno.EPERM: "this machine's own firewall forbids it",
        errno.EACCES: "this machine's own firewall or routes forbid it",
        errno.ENETUNREACH: no_way,
        errno.EHOSTUNREACH: nobody,
        errno.EHOSTDOWN: nobody,
        errno.ENETDOWN: no_way,
        errno.EADDRNOTAVAIL: no_way,
        errno.ENOBUFS: slow,
        None: slow,  # TimeoutError, of a socket with a time limit
    }
    return f"{why.get(error.errno, 'this machine refuses')} ({error.strerror or error})"


def passes(error: OSError) -> bool:
    """Whether the same datagram may well be sent a moment later."""
    return error.errno in (errno.ENOBUFS, None)


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

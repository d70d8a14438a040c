"""macOS and Windows, simulated: what they lack or do otherwise, as far as the two transports meet it.

A plugin of pytest. `common`, `tcp` and `udp` are imported once more, and find sockets, clocks and selectors of the
other platform; the tests are what they were, and keep those of the machine:

    .venv/bin/python -m pytest -p tests.platforms --on darwin tests/test_transports.py

What stands here is written in the platforms' manuals and sources. It can't show that the lab runs there: it shows
that the lab does not need what is missing there.
"""

import errno
import importlib
import os
import select
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest

OURS = ("common", "tcp", "udp")

TICK = 1 / 64
"""Seconds between two ticks of Windows' monotonic clock, before Python 3.13."""

SELECT_TAKES = 512
"""Sockets that `select` takes in Python on Windows (FD_SETSIZE in its selectmodule.c)."""

DATAGRAM = 9_216
"""Bytes of a datagram that macOS sends if nobody asks for more (sysctl net.inet.udp.maxdgram)."""

LINUX_PKTINFO, DARWIN_PKTINFO = 8, 26
"""The number of the option IP_PKTINFO."""

IP_RECVERR = 11
"""Linux: keep what ICMP reports of a socket that is not connected (ip(7))."""


class Altered(ModuleType):
    """A module as it is elsewhere: without what is missing there, and with what is different."""

    def __init__(self, module: ModuleType, missing: str = "", **different: object) -> None:
        super().__init__(module.__name__)
        self._module = module
        self._missing = missing.split()
        vars(self).update(different)

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"{self.__name__} has no {name} on this platform")
        return getattr(self._module, name)


class _Socket(socket.socket):
    """What is the same on both."""

    def accept(self) -> tuple[socket.socket, Any]:
        made, address = super().accept()
        theirs = type(self)(made.family, made.type, made.proto, fileno=made.detach())
        theirs.settimeout(socket.getdefaulttimeout())
        return theirs, address

    def shutdown(self, how: int) -> None:
        """A listening socket is not connected, say both; and `accept` goes on waiting."""
        if self.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(errno.ENOTCONN, "Socket is not connected")
        super().shutdown(how)


# --- macOS ----------------------------------------------------------------------------------------


class DarwinSocket(_Socket):
    """A socket of macOS."""

    _largest = DATAGRAM
    """Bytes of the send buffer, of which a datagram may have no more."""

    def setsockopt(self, level: int, option: int, *value: Any) -> None:
        if (level, option) == (socket.SOL_SOCKET, socket.SO_SNDBUF):
            self._largest = value[0]
        asked = (level, option) == (socket.IPPROTO_IP, DARWIN_PKTINFO)
        super().setsockopt(level, LINUX_PKTINFO if asked else option, *value)

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        asked = (self.type, level, option)
        if asked == (socket.SOCK_DGRAM, socket.SOL_SOCKET, socket.SO_SNDBUF):
            return self._largest
        return super().getsockopt(level, option, *size)

    def send(self, data: Any, flags: int = 0) -> int:
        """MSG_DONTWAIT has no effect here: only the socket itself may be told not to wait."""
        self._fits(data)
        return super().send(data, flags & ~socket.MSG_DONTWAIT)

    def sendto(self, data: Any, *more: Any) -> int:
        self._fits(data)
        return super().sendto(data, *more)

    def sendmsg(self, buffers: Any, items: Any = (), *more: Any) -> int:
        self._fits(b"".join(buffers))
        theirs = (socket.IPPROTO_IP, DARWIN_PKTINFO)
        items = [(one[0], LINUX_PKTINFO, one[2]) if one[:2] == theirs else one for one in items]
        return super().sendmsg(buffers, items, *more)

    def recvmsg(self, *sizes: int) -> Any:
        """What tells where a datagram came to has another number here, and one of its fields empty."""
        data, items, *rest = super().recvmsg(*sizes)
        ours = (socket.IPPROTO_IP, LINUX_PKTINFO)
        items = [
            (one[0], DARWIN_PKTINFO, one[2][:4] + bytes(4) + one[2][8:]) if one[:2] == ours else one
            for one in items
        ]
        return data, items, *rest

    def _fits(self, data: Any) -> None:
        if self.type == socket.SOCK_DGRAM and len(data) > self._largest:
            raise OSError(errno.EMSGSIZE, "Message too long")


# --- Windows --------------------------------------------------------------------------------------


class WindowsSocket(_Socket):
    """A socket of Windows: nothing wakes a thread that waits for it, and a closed port is reported to whoever
    receives next."""

    _shut_for_reading = False
    _sending = 0

    def setsockopt(self, level: int, option: int, *value: Any) -> None:
        """SO_REUSEADDR would let two servers share a port."""
        assert (level, option) != (socket.SOL_SOCKET, socket.SO_REUSEADDR), "means something else on Windows"
        super().setsockopt(level, option, *value)

    def bind(self, address: Any) -> None:
        """Connections that linger keep no port from us, and a closed port is reported: on Linux these are options."""
        if self.type == socket.SOCK_STREAM:
            super().setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif self.family == socket.AF_INET:
            super().setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        super().bind(address)

    def shutdown(self, how: int) -> None:
        """Whoever is waiting goes on waiting; the next call finds out."""
        if how != socket.SHUT_WR:
            self.getpeername()  # raises if it is not connected
            self._shut_for_reading = True
        if how != socket.SHUT_RD and not self._sending and self.type == socket.SOCK_STREAM:
            super().shutdown(socket.SHUT_WR)

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self._shut_for_reading:
            raise OSError(errno.ESHUTDOWN, "The socket has been shut down")
        return super().recv(size, flags)

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        """An earlier datagram has met a closed port: Linux keeps that where only those look who ask for it."""
        try:
            super().recvmsg(0, 512, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            return super().recvfrom(size, flags)
        except ConnectionRefusedError:
            pass
        raise ConnectionResetError(errno.ECONNRESET, "An existing connection was forcibly closed")

    def send(self, data: Any, flags: int = 0) -> int:
        taken: int = self._send(super().send, data, flags)
        return taken

    def sendall(self, data: Any, flags: int = 0) -> None:
        self._send(super().sendall, data, flags)

    def sendto(self, data: Any, *more: Any) -> int:
        try:
            return super().sendto(data, *more)
        except ConnectionRefusedError:  # said of an earlier datagram, and only once
            return super().sendto(data, *more)

    def __getattribute__(self, name: str) -> Any:
        if name in ("recvmsg", "recvmsg_into", "sendmsg"):
            raise AttributeError(f"a socket has no {name} on Windows")
        return super().__getattribute__(name)

    def _send(self, send: Callable[..., Any], *arguments: Any) -> Any:
        self._sending += 1
        try:
            return send(*arguments)
        finally:
            self._sending -= 1


def _few(*lists: Any) -> None:
    if any(len(one) > SELECT_TAKES for one in lists):
        raise ValueError("too many file descriptors in select()")


def _select(readers: Any, writers: Any, others: Any, seconds: float | None = None) -> Any:
    _few(readers, writers, others)
    return select.select(readers, writers, others, seconds)


class SelectSelector(selectors.SelectSelector):
    """The only selector there."""

    def _select(self, readers: Any, writers: Any, _: Any, seconds: float | None = None) -> Any:
        return _select(readers, writers, [], seconds)


WITHOUT_MODULES = ("curses", "fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")
WITHOUT = {
    os: "fork forkpty geteuid getgid getloadavg getuid killpg memfd_create mkfifo mknod openpty pidfd_open "
    "sched_getaffinity sched_setaffinity seteuid setsid sysconf ttyname uname O_CLOEXEC O_NONBLOCK",
    select: "epoll poll EPOLLIN EPOLLOUT",
    selectors: "EpollSelector PollSelector",
    signal: "SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGSTOP SIGUSR1 SIGUSR2 SIGWINCH",
    socket: "AF_NETLINK AF_UNIX CMSG_LEN CMSG_SPACE MSG_DONTWAIT SO_REUSEPORT TCP_INFO",
}
"""What Windows lacks, as far as this lab has a use for it."""


def take_away() -> None:
    """Take from the whole process, for good, what Windows lacks."""
    sys.platform = "win32"
    for name in WITHOUT_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # so that it can't be imported
    sys.modules["msvcrt"] = ModuleType("msvcrt")
    for module, names in WITHOUT.items():
        for name in names.split():
            vars(module).pop(name, None)


# --- both -----------------------------------------------------------------------------------------

NEITHER = "TCP_KEEPIDLE TCP_USER_TIMEOUT IP_PKTINFO"

PLATFORMS: Mapping[str, Mapping[str, ModuleType | None]] = {
    "darwin": {
        "sys": Altered(sys, platform="darwin"),
        "socket": Altered(
            socket, NEITHER, socket=DarwinSocket, TCP_KEEPALIVE=getattr(socket, "TCP_KEEPIDLE", 0)
        ),
        "select": Altered(select, "epoll"),
        "selectors": Altered(
            selectors, "EpollSelector", DefaultSelector=getattr(selectors, "PollSelector", None)
        ),
    },
    "win32": {
        "sys": Altered(sys, platform="win32"),
        "socket": Altered(socket, f"{NEITHER} {WITHOUT[socket]}", socket=WindowsSocket),
        "select": Altered(select, WITHOUT[select], select=_select),
        "selectors": Altered(
            selectors,
            WITHOUT[selectors],
            SelectSelector=SelectSelector,
            DefaultSelector=SelectSelector,
        ),
        "time": Altered(time, monotonic=lambda: time.monotonic() // TICK * TICK),
        "signal": Altered(signal, WITHOUT[signal]),
        "os": Altered(os, WITHOUT[os]),
        "msvcrt": ModuleType("msvcrt"),
        **dict.fromkeys(WITHOUT_MODULES),
    },
}
"""The modules that are different on each; None for those that are missing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which one."""
    parser.addoption("--on", choices=list(PLATFORMS), required=True, help="the platform to simulate")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Import what is ours on the platform, before any test does."""
    move_to(early_config.known_args_namespace.on)


def move_to(platform: str) -> None:
    """Import `common`, `tcp` and `udp` on this platform. Others' modules, which they import, stay where they are:
    they have been imported before."""
    for name in ("tcp.server", "tcp.client", "udp.server", "udp.client", "common.terminal", "common.pipe"):
        importlib.import_module(name)
    ours = [name for name in sys.modules if name.partition(".")[0] in OURS]
    for name in ours:
        del sys.modules[name]
    elsewhere: Any = PLATFORMS[platform]
    here = {name: sys.modules.get(name) for name in elsewhere}
    sys.modules.update(elsewhere)
    try:
        for name in ours:
            importlib.import_module(name)
    finally:
        for name, module in here.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    vars(sys.modules["common.waiting"])["LOOK_AROUND"] = 0.02  # half a second, at the end of every test

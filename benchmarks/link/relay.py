"""Where there are no namespaces: a UDP relay that stands between clients and server, on any system.

    client  ──datagram──>  relay, a socket for each client  ──datagram──>  server

The same impairments act on datagrams instead of packets. Over UDP that is nearly the same thing (a datagram
that would be cut into fragments here is lost or late as a whole). TCP can't be had this way: a relay would hold
two TCP connections, and neither of them would lose anything. So TCP is not impaired where only the relay is.
"""

import select
import socket
import zlib
from contextlib import suppress
from typing import Any

from benchmarks.link.units import Refused

LARGEST = 65_535

HEADERS = 28
"""Bytes of the IP and UDP header that a packet on the wire has: a `rate` shall count them here, too."""

CLIENTS = 1000
"""Clients remembered. One more than that, and the one that was there longest is forgotten."""

BUFFER = 4 * 1024 * 1024
"""Bytes asked for in front of each socket: the relay itself is not to lose anything."""

Address = tuple[str, int]


class Relay:
    """A relay on `host`, on a port of its own. Raises OSError if that can't be had."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._front = self._open()
        try:
            self._front.bind((host, 0))
        except OSError:
            self._front.close()
            raise
        self.port: int = self._front.getsockname()[1]
        self._server: Address | None = None
        self._backs: dict[Address, socket.socket] = {}
        self._clients: dict[socket.socket, Address] = {}
        self._ready: list[socket.socket] = []
        self.sources: list[Any] = [self._front]
        self.strays = 0
        self.overflow = 0
        """Always 0: a socket does not tell what it had to drop. Its buffer is large instead."""

    def target(self, port: int) -> None:
        """From now on the server is at `port`, and its clients are new ones. Raises Refused if that is no port."""
        if not 1 <= port <= 65_535:
            raise Refused(f"{port} is no port: it is from 1 to 65535.")
        self._server = (self._host, port)
        for address in list(self._backs):
            self._forget(address)

    def receive(self) -> tuple[str, bytes, Address] | None:
        """The next datagram that came, with its direction and whose it is; None if there is none now."""
        looked = False
        while True:
            if not self._ready:
                if looked:
                    return None
                self._ready = select.select(self.sources, [], [], 0)[0]
                looked = True
                if not self._ready:
                    return None
            sock = self._ready[-1]
            try:
                if sock is self._front:
                    datagram, address = sock.recvfrom(LARGEST)
                    if self._server is not None:
                        return "up", _seal(datagram), address
                    self.strays += 1
                else:
                    return "down", _seal(sock.recv(LARGEST)), self._clients[sock]
            except BlockingIOError:
                self._ready.pop()
            except (
                OSError
            ):  # nobody is at the server's port (ICMP says so): that is for its clients to find out
                self._ready.pop()

    def send(self, direction: str, packet: bytes, tag: Address) -> None:
        """Hand a datagram on."""
        datagram = _unseal(packet)
        if datagram is None:
            return
        # A port that nobody has, a buffer that is full: then it is lost, as it would be.
        with suppress(OSError):
            if direction == "down":
                self._front.sendto(datagram, tag)
            elif self._server is not None:
                back = self._back(tag, self._server)
                try:
                    back.send(datagram)
                except ConnectionRefusedError:  # an earlier one was refused: this one has not been sent yet
                    back.send(datagram)

    def close(self) -> None:
        """Give the sockets back."""
        self._front.close()
        for sock in self._backs.values():
            sock.close()

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        return sock

    def _back(self, client: Address, server: Address) -> socket.socket:
        """The socket that stands for `client` towards the server."""
        sock = self._backs.get(client)
        if sock is None:
            if len(self._backs) >= CLIENTS:
                self._forget(next(iter(self._backs)))
            sock = self._open()
            try:
                sock.bind((self._host, 0))
                sock.connect(server)
            except OSError:
                sock.close()
                raise
            self._backs[client] = sock
            self._clients[sock] = client
            self.sources.append(sock)
        return sock

    def _forget(self, client: Address) -> None:
        sock = self._backs.pop(client)
        del self._clients[sock]
        self.sources.remove(sock)
        self._ready = [ready for ready in self._ready if ready is not sock]
        sock.close()


def _seal(datagram: bytes) -> bytes:
    """The datagram with as many bytes behind it as a packet has in front of it, and a checksum among them."""
    return datagram + zlib.crc32(datagram).to_bytes(HEADERS, "big")


def _unseal(packet: bytes) -> bytes | None:
    """The datagram again; None if it was damaged on the way: the kernel, too, drops what fails its checksum."""
    datagram, checksum = packet[:-HEADERS], packet[-HEADERS:]
    return datagram if zlib.crc32(datagram) == int.from_bytes(checksum, "big") else None

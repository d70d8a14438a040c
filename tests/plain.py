"""A chat client and server as somebody else would write them: from the text of Beej's chapter alone.

Nothing here uses the lab's code. A packet is a 2-byte big-endian length and a JSON object in UTF-8; the
server is one loop around `select`, with a buffer for each socket; both read as few bytes at a time as
they are told to (1, 5, 4096), because a right program works with any.
"""

import json
import select
import socket
import threading
from typing import Any

Packet = dict[str, Any]


def _pack(packet: Packet) -> bytes:
    payload = json.dumps(packet).encode()  # escapes everything beyond ASCII, as the default does
    return len(payload).to_bytes(2, "big") + payload


def _unpack(buffer: bytes) -> tuple[Packet | None, bytes]:
    """The first packet of a buffer, if it is complete, and what is left."""
    if len(buffer) < 2 or len(buffer) < 2 + int.from_bytes(buffer[:2], "big"):
        return None, buffer
    end = 2 + int.from_bytes(buffer[:2], "big")
    return json.loads(buffer[2:end].decode()), buffer[end:]


class PlainClient:
    """Says hello on connecting; `packets` waits for what the server sends."""

    def __init__(self, address: tuple[str, int], nick: str, read_size: int) -> None:
        self._read_size = read_size
        self._buffer = b""
        self._socket = socket.create_connection(address, timeout=20)
        self._socket.sendall(_pack({"type": "hello", "nick": nick}))

    def say(self, text: str) -> None:
        self._socket.sendall(_pack({"type": "chat", "message": text}))

    def packets(self, count: int) -> list[Packet]:
        """The next `count` packets."""
        found: list[Packet] = []
        while len(found) < count:
            packet, self._buffer = _unpack(self._buffer)
            if packet is not None:
                found.append(packet)
                continue
            data = self._socket.recv(self._read_size)
            assert data, "the server has closed"
            self._buffer += data
        return found

    def close(self) -> None:
        self._socket.close()


class PlainServer:
    """The chapter's server, in a thread until `stop`. `echo_join`: whether the joiner hears of its own joining,
    on which the chapter says both."""

    def __init__(self, read_size: int, *, echo_join: bool = True, port: int = 0) -> None:
        self._read_size = read_size
        self._echo_join = echo_join
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._buffers: dict[socket.socket, bytes] = {}
        self._nicks: dict[socket.socket, str] = {}
        self._thread = threading.Thread(target=self._run, name="plain-server")
        self._thread.start()

    def stop(self) -> None:
        self._wake.close()
        self._thread.join()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._woken, *self._buffers], [], [])
            for sock in ready:
                if sock is self._woken:
                    for each in (self._listener, self._woken, *self._buffers):
                        each.close()
                    return
                if sock is self._listener:
                    self._buffers[self._listener.accept()[0]] = b""
                elif sock in self._buffers:
                    self._read(sock)

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(self._read_size)
        except ConnectionError:
            data = b""
        if not data:
            del self._buffers[sock]
            sock.close()
            if sock in self._nicks:
                self._broadcast({"type": "leave", "nick": self._nicks.pop(sock)})
            return
        self._buffers[sock] += data
        while True:
            packet, self._buffers[sock] = _unpack(self._buffers[sock])
            if packet is None:
                return
            if packet["type"] == "hello":
                self._nicks[sock] = packet["nick"]
                self._broadcast(
                    {"type": "join", "nick": packet["nick"]}, but=None if self._echo_join else sock
                )
            elif packet["type"] == "chat":
                self._broadcast({"type": "chat", "nick": self._nicks[sock], "message": packet["message"]})
            else:
                raise AssertionError(f"the chapter knows no {packet}")

    def _broadcast(self, packet: Packet, but: socket.socket | None = None) -> None:
        for sock in self._nicks:
            if sock is not but:
                sock.sendall(_pack(packet))

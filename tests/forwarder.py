"""A wire between a TCP client and its server that a test can cut.

A client connects to `port` as if it were the server's. `cut` ends what goes through now: the client sees its
connection close; whether the server sees anything of it is up to the test. A new connection gets a new wire.
"""

import select
import socket
import threading
from typing import Any

from common import limits
from common.waker import Waker


class Forwarder:
    """Forwards to `server`; runs while it is a context."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._other: dict[socket.socket, socket.socket] = {}
        self._dead: list[socket.socket] = []
        """Server's ends of wires that were cut without its knowing."""
        self._cut: list[bool] = []
        self._ending = False
        self._waker = Waker()
        self._thread = threading.Thread(target=self._run, name="forwarder")

    def __enter__(self) -> "Forwarder":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread_ends()
        for sock in (self._listener, *self._other, *self._dead):
            sock.close()
        self._waker.close()

    def cut(self, *, server_sees_it: bool) -> None:
        """End all that goes through now. What the server does not see, it takes for a silent member."""
        self._cut.append(server_sees_it)
        self._waker.wake()

    def _thread_ends(self) -> None:
        self._ending = True
        self._waker.wake()
        self._thread.join()

    def _run(self) -> None:
        while True:
            watched: list[Any] = [self._listener, self._waker, *self._other]
            for ready in select.select(watched, [], [])[0]:
                if ready is self._waker:
                    self._waker.clear()
                    while self._cut:
                        self._cut_all(self._cut.pop())
                    if self._ending:
                        return
                elif ready is self._listener:
                    inside = self._listener.accept()[0]
                    outside = socket.create_connection(self._server)
                    self._other |= {inside: outside, outside: inside}
                elif ready in self._other:
                    self._forward(ready)

    def _forward(self, ready: socket.socket) -> None:
        try:
            data = ready.recv(limits.RECV_SIZE)
            self._other[ready].sendall(data)
        except OSError:
            data = b""
        if not data:
            for sock in (self._other.pop(ready), ready):
                self._other.pop(sock, None)
                sock.close()

    def _cut_all(self, server_sees_it: bool) -> None:
        for sock in self._other:
            if sock.getsockname() == self._listener.getsockname() or server_sees_it:
                sock.close()
            else:
                self._dead.append(sock)
        self._other.clear()

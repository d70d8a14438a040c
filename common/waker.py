"""Waking a thread that waits in a selector: a socket pair, of which one end is watched."""

import socket


class Waker:
    """`wake` from any thread makes a selector that watches the waker return; `clear` before looking why."""

    def __init__(self) -> None:
        self._watched, self._writing = socket.socketpair()
        self._watched.setblocking(False)
        self._writing.setblocking(False)
        self._woken = False

    def fileno(self) -> int:
        """For the selector."""
        return self._watched.fileno()

    def wake(self) -> None:
        """Make the selector return, now or the next time it waits. Any number of times, at the cost of one."""
        if not self._woken:
            self._woken = True
            self._writing.send(b"!")

    def clear(self) -> None:
        """Be ready to be woken again, then look why: whoever finds the waker still woken has put its reason
        in place before that look. (The other way round a wake could be swallowed for good.)"""
        self._watched.recv(64)
        self._woken = False

    def close(self) -> None:
        """Give both sockets back."""
        self._watched.close()
        self._writing.close()

"""The chat client over TCP. To be read beside `udp/client.py`: same class, same methods, same order.

    question                    TCP, here                              UDP, there
    --------------------------  -------------------------------------  -------------------------------------
    When is there a server?     connect() says so                      when it answers hello
    Who repeats what was lost?  TCP                                    nobody, but for hello
    Where does a message end?   where its 2-byte length says           where its datagram ends
    How do we know it arrived?  the room's broadcast comes back        the same, or does not: lost after 2 s
    The server is gone?         recv() returns b"" or fails            it says bye, its port is closed, or
                                                                       three heartbeats are missed
    It was started again?       it is there to connect to              it says that it does not know us
    What needs a lock?          the session: the person's thread and   the same
                                the receive thread both use it

Threads: the person's, which sends, and the receive thread. Only one thread sends, so no two frames mix: the
receive thread says hello when we come back, and as long as we are away nobody else says anything.
"""

import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

if __name__ == "__main__" and not __package__:  # run by its path, it would not find `common`
    sys.exit("Start it in the lab's folder, by its name: make tcp-client, or .venv/bin/python -m tcp.client")

from common import addresses, clock, limits, waiting
from common.command_line import ClientOptions
from common.events import Event
from common.messages import ClientMessage, ServerMessage, Violation, encode, from_server
from common.programs import run_client
from common.session import Session
from tcp.connection import set_options
from tcp.framing import Deframer, frame

START_ONE = "start one with `make tcp-server` (or .venv/bin/python -m tcp.server), or check HOST and PORT."


class Client:
    """One member's end of a chat over TCP.

    `show` is called with each event, in the thread it happens in. The answer to our hello is such an
    event, too: Joined, Refused or Ended.
    """

    transport = "tcp"

    def __init__(self, options: ClientOptions, nick: str, show: Callable[[Event], None]) -> None:
        self.session = Session(nick, comes_back=options.reconnect)
        self._lock = threading.Lock()
        """Held around every call of the session: two threads make them."""
        self._server = addresses.show((options.host, options.port))
        self._show = show
        self._closing = threading.Event()
        self._attempts = 0
        self._deframer = Deframer(limits.MAX_FRAME)
        self._addresses = addresses.resolve(options.host, options.port, socket.SOCK_STREAM)
        self._open()
        self._receiving = threading.Thread(target=self._receive, name="tcp-receive")

    def start(self) -> None:
        """Say hello, and begin to receive."""
        self._hello()
        self._receiving.start()

    def send(self, message: ClientMessage) -> None:
        """Put a message on its way. Waits as long as the server reads nothing: TCP holds us back.

        Raises session.NotSent for one that the server would not take; nothing is sent then.
        """
        with self._lock:
            message, sock = self.session.sending(message, clock.monotonic()), self._socket
        self._put(message, sock)

    def retry(self) -> int:
        """Say again what has no receipt; how many messages that were. Raises session.NotSent as `send` does."""
        with self._lock:
            again, sock = self.session.retry(clock.monotonic()), self._socket
        for message in again:
            self._put(message, sock)
        return len(again)

    def unanswered(self) -> None:
        """Nobody has answered our hello so far: the server may be a plain one, which never does. Unless it has
        said something, and it was no message."""
        if self._deframer.inside_a_frame or self.session.statistics.unreadable:
            self._end(f"What answers at {self._server} does not speak this chat's format.")
            return
        with self._lock:
            events = self.session.assume_plain()
        self._tell(events)

    def close(self) -> None:
        """Leave, and end the receive thread. Over TCP closing the connection says it all."""
        self._closing.set()
        with suppress(OSError):  # the server was quicker, and the receive thread has seen that
            self._socket.shutdown(socket.SHUT_RDWR)  # ends the receive thread's recv; close() would not
        if self._receiving.ident is not None:
            self._receiving.join()
        self._socket.close()

    def _open(self) -> None:
        """Make a socket that is connected to the server, at whichever of its addresses answers. Raises
        addresses.Unusable if none does."""
        problem = None
        for family, address in self._addresses:
            self._socket = socket.socket(family, socket.SOCK_STREAM)
            try:
                # Asked now: from here on `close` finds this socket, and wakes its connect. (Not on Windows: there a
                # connect that nobody answers goes on until its time is over.)
                if self._closing.is_set():
                    raise OSError("we are leaving")
                self._socket.settimeout(limits.CONNECT_TIMEOUT)
                self._socket.connect(address)
                waiting.prepare(self._socket)
                set_options(self._socket)
            except OSError as error:
                problem = error.strerror or str(error)
                self._socket.close()
            except BaseException:  # Ctrl-C
                self._socket.close()
                raise
            else:
                return
        raise addresses.Unusable(f"There is no server at {self._server} ({problem}): {START_ONE}")

    def _hello(self) -> None:
        """Ask to join. Once: TCP repeats it until it has arrived."""
        self._put(self.session.hello(), self._socket)

    def _try_elsewhere(self) -> None:
        """Nothing to do: connect() has found the address that answers."""

    # --- the receive thread -----------------------------------------------------------------------

    def _receive(self) -> None:
        """Take what the server sends, until the conversation ends."""
        while not self._closing.is_set() and not self.session.ended:
            data = b""
            try:
                data = waiting.receive(self._socket, limits.RECV_SIZE)
            except OSError as error:
                self._failed(error)
            if not data:
                middle = " in the middle of a message" if self._deframer.inside_a_frame else ""
                self._gone(f"The server closed the connection{middle}.")
                self._come_back()
            for payload in self._deframer.receive(data):
                if self._closing.is_set():
                    return  # much may still wait to be read; nobody will
                self._hear(from_server(payload) if isinstance(payload, bytes) else payload)

    def _hear(self, message: ServerMessage | Violation) -> None:
        """One message has come."""
        if isinstance(message, Violation) and message.fatal:
            self._end(f"{self._server} does not speak this chat's format.")
        with self._lock:
            events = self.session.receive(message, clock.monotonic())
        if self.session.joined:
            self._attempts = 0
        self._tell(events)

    def _answer(self) -> None:
        """Nothing to do: nobody asks whether we receive at our address, TCP's handshake has shown it."""

    def _tick(self) -> None:
        """Nothing to do: TCP repeats what was lost, and says when the server is gone."""

    def _gone(self, reason: str) -> None:
        """The server is gone: until it is back, or for good."""
        if self._closing.is_set():
            return
        with self._lock:
            events = self.session.gone(reason)
        self._tell(events)

    def _come_back(self) -> None:
        """If we wait for the server: connect to it again and say hello, as soon as it is there."""
        while self.session.away:
            wait = limits.COME_BACK_WAITS[min(self._attempts, len(limits.COME_BACK_WAITS) - 1)]
            self._attempts += 1
            if self._closing.wait(wait):
                return
            with suppress(OSError):  # usually it has no other end any more
                self._socket.shutdown(socket.SHUT_RDWR)  # ends a send that still waits; close() would not
            self._socket.close()
            try:
                self._open()
            except addresses.Unusable:
                continue
            self._deframer = Deframer(limits.MAX_FRAME)
            self._hello()
            if self.session.plain:  # it never answers hello, and never will
                with self._lock:
                    events = self.session.assume_plain()
                self._tell(events)
            return

    def _end(self, reason: str) -> None:
        """The conversation is over; unless it is we who are leaving."""
        if self._closing.is_set():
            return
        with self._lock:
            events = self.session.end(reason)
        self._tell(events)

    def _failed(self, error: OSError) -> None:
        """The kernel has given up: it repeated what was lost for as long as it could."""
        self._gone(f"The connection to the server broke: {error.strerror or error}.")

    # --- both threads -----------------------------------------------------------------------------

    def _put(self, message: ClientMessage, sock: socket.socket) -> None:
        """Send it, whole, on the connection that it is meant for: there may be another one by now. That the server is
        gone is a matter of the receive thread: if it does not see it, it is made to."""
        try:
            waiting.send_all(sock, frame(encode(message)))
        except OSError:
            with suppress(OSError):  # it has seen it
                sock.shutdown(socket.SHUT_RDWR)

    def _tell(self, events: list[Event]) -> None:
        """Show events."""
        for event in events:
            self._show(event)


def main() -> int:
    """`python -m tcp.client`"""
    return run_client(Client)


if __name__ == "__main__":
    sys.exit(main())

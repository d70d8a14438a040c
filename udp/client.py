"""The chat client over UDP. To be read beside `tcp/client.py`: same class, same methods, same order.

    question                    UDP, here                              TCP, there
    --------------------------  -------------------------------------  -------------------------------------
    When is there a server?     when it answers hello                  connect() says so
    Who repeats what was lost?  nobody, but for hello                  TCP
    Where does a message end?   where its datagram ends                where its 2-byte length says
    How do we know it arrived?  the room's broadcast comes back, or    the same, and it does come back
                                does not: lost after 2 s
    The server is gone?         it says bye, its port is closed, or    recv() returns b"" or fails
                                three heartbeats are missed
    It was started again?       it says that it does not know us       it is there to connect to
    What needs a lock?          the session: the person's thread and   the same
                                the receive thread both use it

Threads: the person's, which sends, and the receive thread, which also looks at the clock: it repeats hello,
sends heartbeats, and notices what did not come. Both may send: a datagram is never mixed with another.
"""

import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

if __name__ == "__main__" and not __package__:  # run by its path, it would not find `common`
    sys.exit("Start it in the lab's folder, by its name: make udp-client, or .venv/bin/python -m udp.client")

from common import addresses, clock, limits
from common.command_line import ClientOptions
from common.events import Event, Notice
from common.messages import (
    Challenge,
    ClientMessage,
    Goodbye,
    Ping,
    ServerMessage,
    Unknown,
    Violation,
    Welcome,
    encode,
    from_server,
)
from common.programs import run_client
from common.session import NotSent, Session

START_ONE = "start one with `make udp-server` (or .venv/bin/python -m udp.server), or check HOST and PORT."

TICK = 0.1
"""Seconds between two looks at the clock."""


def set_options(sock: socket.socket) -> None:
    """What a client wants of UDP: to look at the clock, and to send the largest message there is."""
    sock.settimeout(TICK)
    # macOS sends no datagram that is larger than this buffer, and gives it 9,216 bytes.
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < limits.MAX_DATAGRAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.MAX_DATAGRAM)


class Client:
    """One member's end of a chat over UDP.

    `show` is called with each event, in the thread it happens in. The answer to our hello is such an
    event, too: Joined, Refused or Ended.
    """

    transport = "udp"

    def __init__(self, options: ClientOptions, nick: str, show: Callable[[Event], None]) -> None:
        self.session = Session(
            nick,
            receipt_timeout=limits.RECEIPT_TIMEOUT,
            carries_token=True,
            comes_back=options.reconnect,
        )
        self._lock = threading.Lock()
        """Held around every call of the session: two threads make them."""
        self._server = addresses.show((options.host, options.port))
        self._show = show
        self._closing = threading.Event()
        self._attempts = 0
        self._untried = addresses.resolve(options.host, options.port, socket.SOCK_DGRAM)
        self._socket = self._open()
        self._receiving = threading.Thread(target=self._receive, name="udp-receive")
        self._heartbeat = options.heartbeat
        self._cookie = ""
        self._challenges_left = limits.MAX_CHALLENGES
        self._hellos = 0
        self._hello_again_at = 0.0
        self._sent_at = self._heard_at = self._pinged_at = clock.monotonic()
        self._unanswered_pings = 0

    def start(self) -> None:
        """Say hello, and begin to receive."""
        self._hello()
        self._receiving.start()

    def send(self, message: ClientMessage) -> None:
        """Put a message on its way. Waits for no server: nothing holds us back, and nothing saves what is too much.

        Raises session.NotSent for one that the server, or our own kernel, would not take; nothing is sent then.
        """
        with self._lock:
            message = self.session.sending(message, clock.monotonic())
        if refusal := self._put(message):
            raise NotSent(f"Not sent: {addresses.explain_send(refusal)}.")

    def retry(self) -> int:
        """Say again what has no receipt; how many messages that were. Raises session.NotSent as `send` does."""
        with self._lock:
            again = self.session.retry(clock.monotonic())
        refusals = [refusal for message in again if (refusal := self._put(message))]
        if refusals:
            raise NotSent(f"Not sent: {addresses.explain_send(refusals[0])}.")
        return len(again)

    def unanswered(self) -> None:
        """Nobody has answered our hello so far: it is being repeated. Over UDP no server is a plain one."""
        self._tell([Notice(f"No answer from {self._server} yet: asking again.")])

    def close(self) -> None:
        """Leave, and end the receive thread. Over UDP nobody notices unless we say so."""
        if self.session.token and not self.session.ended:
            with suppress(NotSent):  # then the server will find out from our silence
                self.send(Goodbye())
        self._closing.set()
        with suppress(OSError):  # some systems have nothing to shut down here: the next tick wakes it
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the receive thread; close() would not
        if self._receiving.ident is not None:
            self._receiving.join()
        self._socket.close()

    def _open(self) -> socket.socket:
        """A socket that sends to the server's next address and takes only what comes from there. No packet is
        sent: whether there is a server is still to be seen. Raises addresses.Unusable if no address is left."""
        problem = None
        while self._untried:
            family, address = self._untried.pop(0)
            sock = socket.socket(family, socket.SOCK_DGRAM)
            try:
                sock.connect(address)
                set_options(sock)
            except OSError as error:
                problem = error.strerror
                sock.close()
            else:
                return sock
        raise addresses.Unusable(f"{self._server} can't be reached ({problem}): {START_ONE}")

    def _hello(self) -> None:
        """Ask to join, and note when to ask again: it, or its answer, may be lost."""
        if self._hellos == len(limits.HELLO_WAITS):
            self._try_elsewhere(f"No server answers at {self._server}: {START_ONE}")
            return
        self._hello_again_at = clock.monotonic() + limits.HELLO_WAITS[self._hellos]
        self._hellos += 1
        refusal = self._put(self.session.hello(self._cookie))
        if refusal and not addresses.passes(refusal) and not self.session.joined:
            self._try_elsewhere(f"{self._server} can't be reached: {addresses.explain_send(refusal)}.")

    def _try_elsewhere(self, reason: str) -> None:
        """Nobody is at this address of the server: ask at the next one, or end with `reason`. (`localhost` may be
        ::1 and 127.0.0.1, and the server at one of them.)"""
        if not self._untried:
            self._end(reason)
            return
        try:
            old, self._socket = self._socket, self._open()
        except addresses.Unusable:
            self._end(reason)
            return
        old.close()
        self._hellos = 0
        self._hello()

    # --- the receive thread -----------------------------------------------------------------------

    def _receive(self) -> None:
        """Take what the server sends, until it ends."""
        while not self._closing.is_set() and not self.session.ended:
            try:
                data = self._socket.recv(limits.RECV_SIZE)
            except TimeoutError:
                data = None  # nothing has come for a tick
            except OSError as error:
                data = None
                self._failed(error)
                time.sleep(TICK)
            if data is not None:
                self._hear(from_server(data))
            self._tick(clock.monotonic())

    def _hear(self, message: ServerMessage | Violation) -> None:
        """One message has come."""
        self._heard_at = clock.monotonic()
        self._unanswered_pings = 0
        if isinstance(message, Challenge):
            return self._answer(message)
        if isinstance(message, Unknown):
            if self.session.joined:  # else it is no news (we are out), or a lie (we have no token yet)
                self._gone("The server does not know us any more.")
            return None
        with self._lock:
            events = self.session.receive(message, clock.monotonic())
        self._tell(events)
        if isinstance(message, Welcome):
            self._challenges_left = limits.MAX_CHALLENGES
            self._attempts = 0

    def _answer(self, challenge: Challenge) -> None:
        """Say hello again with the cookie: we do receive at our address. (In the middle of a conversation: a NAT
        has given us a new one.)"""
        if not self._challenges_left:
            return
        self._challenges_left -= 1
        self._cookie = challenge.cookie
        if self.session.away:
            self._put(self.session.hello(self._cookie))  # its next time is that of the next attempt
            return
        self._hellos = 0
        self._hello()

    def _tick(self, now: float) -> None:
        """Look at the clock, for what TCP does by itself and for what only time can tell."""
        if self.session.away:
            self._come_back(now)
            return
        if not self.session.joined:
            if now >= self._hello_again_at and not self.session.ended:
                self._hello()
            return
        with self._lock:
            events = self.session.overdue(now)
        self._tell(events)
        if now - max(self._pinged_at, min(self._sent_at, self._heard_at)) < self._heartbeat:
            return
        # Unanswered pings are counted, not seconds: a program that was suspended has missed nothing.
        if self._unanswered_pings == limits.MISSED_HEARTBEATS - 1:
            self._gone(f"The server has not been heard of for {now - self._heard_at:.1f} s.")
            return
        self._unanswered_pings += 1
        self._pinged_at = now
        try:
            self.send(Ping())
        except NotSent:
            self._renew()  # for the next one: we may have another address by now

    def _gone(self, reason: str) -> None:
        """The server is gone: until it is back, or for good."""
        if self._closing.is_set():
            return
        with self._lock:
            events = self.session.gone(reason)
        self._tell(events)

    def _come_back(self, now: float) -> None:
        """We wait for the server: say hello when it is time to, and without a cookie. The one we had is that of
        another server, or old."""
        if self._attempts and now < self._hello_again_at:
            return
        if self._attempts:
            self._challenges_left = limits.MAX_CHALLENGES
            if self._put(self.session.hello()):
                self._renew()
        wait = limits.COME_BACK_WAITS[min(self._attempts, len(limits.COME_BACK_WAITS) - 1)]
        self._attempts += 1
        self._hello_again_at = now + wait

    def _renew(self) -> None:
        """Nothing can be sent any more: our address is another one by now (another network), and a connected socket
        keeps the one it had."""
        old = self._socket
        new = socket.socket(old.family, socket.SOCK_DGRAM)
        try:
            new.connect(old.getpeername())
            set_options(new)
        except OSError:
            new.close()  # there is no network at all: at the next attempt there may be
            return
        self._socket = new
        old.close()

    def _end(self, reason: str) -> None:
        """The conversation is over; unless it is we who are leaving."""
        if self._closing.is_set():
            return
        with self._lock:
            events = self.session.end(reason)
        self._tell(events)

    def _failed(self, error: OSError) -> None:
        """The kernel reports something about an earlier datagram. A closed port is news; the rest is one lost
        datagram more, and missed like any other."""
        if isinstance(error, ConnectionError):
            if self.session.joined:
                self._gone(f"The server is gone: {self._server} is closed.")
            elif not self.session.away:
                self._try_elsewhere(f"There is no server at {self._server}: {START_ONE}")
        elif self.session.away:
            self._renew()

    # --- both threads -----------------------------------------------------------------------------

    def _put(self, message: ClientMessage) -> OSError | None:
        """Send it, as one datagram. Returns what our own kernel has against that, if it does not take it: no network
        has seen it then, and nothing is lost."""
        self._sent_at = clock.monotonic()
        refusal = None
        for _ in range(2):  # the first time the kernel may only report what became of an earlier datagram
            try:
                self._socket.send(encode(message))
            except (
                ConnectionError
            ) as error:  # an earlier one met a closed port: there is nobody to send this one to
                self._failed(error)
                return None
            except OSError as error:
                refusal = error
            else:
                return None
        with self._lock:
            self.session.not_sent(message)
        return refusal

    def _tell(self, events: list[Event]) -> None:
        """Show events."""
        for event in events:
            self._show(event)


def main() -> int:
    """`python -m udp.client`"""
    return run_client(Client)


if __name__ == "__main__":
    sys.exit(main())

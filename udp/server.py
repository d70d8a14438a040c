"""The chat server over UDP. To be read beside `tcp/server.py`: same class, same methods, same order.

    question                    UDP, here                              TCP, there
    --------------------------  -------------------------------------  -------------------------------------
    Who is a peer?              an address                             a connection
    How does one appear?        its first hello, once it has proved    accept()
                                that it receives at that address
    How does one leave?         it says so, or falls silent            recv() returns b"" or fails
    Where does a message end?   where its datagram ends                where its 2-byte length says
    How large may it be?        65,507 bytes (IPv4); we: 16,384        65,535 bytes (the length); we: 16,384
    In which order?             as it happens                          as sent
    What is lost?               what the network drops                 nothing, while the connection lives
    A slow reader?              the kernel drops what is not read      its outbox grows, then it is dropped
    What needs a lock?          nothing: one thread does it all        a connection's turn (one thread each)
    Who holds back a flood?     nobody: its surplus is dropped         TCP: we read more slowly

Threads: one, which owns the socket, the registry and the room. It takes what has arrived, asks the room
about each datagram, and sends one datagram to each address that is to have a message.
"""

import selectors
import socket
import sys
import threading

if __name__ == "__main__" and not __package__:  # run by its path, it would not find `common`
    sys.exit("Start it in the lab's folder, by its name: make udp-server, or .venv/bin/python -m udp.server")

import msgspec

from common import addresses, clock, limits
from common.addresses import Address
from common.allowance import Allowance
from common.command_line import ServerOptions
from common.messages import (
    Challenge,
    ClientMessage,
    Error,
    Hello,
    Unknown,
    Violation,
    encode,
    from_client,
    too_large,
)
from common.programs import run_server
from common.room import Action, Close, Room, Send
from common.server_log import ServerLog
from common.waker import Waker
from udp.batch import Batch
from udp.cookies import Cookies
from udp.registry import Registration, Registry
from udp.wildcard import UNTOLD, answering

EXPIRE_EVERY = 1.0
"""Seconds between two looks at who has waited for too long."""


class Server:
    """A chat over UDP at `options.host` and `options.port` (0: any free one).

    Raises addresses.Unusable if the address can't be had. `start` returns at once; `stop` says goodbye
    to everyone and returns when all threads have ended.
    """

    transport = "udp"

    def __init__(self, options: ServerOptions, log: ServerLog) -> None:
        self.room: Room[Registration] = Room(
            silence=options.silence, connections=False, max_members=options.max_members
        )
        self.log = log
        self.stopped = threading.Event()
        self._options = options
        self._stopping = threading.Event()
        self._socket = self._open(options.host, options.port)
        self._post = answering(self._socket)  # the socket itself, unless it hears all addresses
        self.address: Address = self._socket.getsockname()
        self._waker = Waker()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker, selectors.EVENT_READ)
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._batch = Batch(self._post)
        self._registry = Registry()
        self._cookies = Cookies(clock.monotonic())
        self._spent: dict[Address, Allowance] = {}
        self._next_expiry = 0.0
        self._running = threading.Thread(target=self._run, name="udp-room")

    def start(self) -> None:
        """Begin to serve."""
        self.log.state(f"udp listening on {addresses.show(self.address)}")
        if heard := addresses.heard_at(self._socket):
            self.log.state(heard, "dim")
            if self._post is self._socket:
                self.log.state(UNTOLD, "yellow")
        doubled = 2 if sys.platform == "linux" else 1  # socket(7): for the kernel's own bookkeeping
        granted = [
            f"{self._socket.getsockopt(socket.SOL_SOCKET, option) // doubled:,} bytes to {what}"
            for option, what in ((socket.SO_RCVBUF, "receive"), (socket.SO_SNDBUF, "send"))
        ]
        self.log.state(f"the kernel granted socket buffers of {' and '.join(granted)}", "dim")
        self._running.start()

    def stop(self) -> None:
        """Say goodbye to everyone, and end every thread."""
        self._stopping.set()
        self._waker.wake()
        self._running.join()
        self._socket.close()
        self._selector.close()
        self._waker.close()

    def _open(self, host: str, port: int) -> socket.socket:
        """The one socket."""
        family, address = addresses.resolve(host, port, socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            # No SO_REUSEADDR: over UDP it would let a second server take the first one's datagrams, without
            # a word. And nothing lingers here that it could help against.
            addresses.bind(sock, address, self.transport)
            sock.setblocking(False)
            # What arrives while the loop is busy waits in the socket's buffer, or is dropped by the kernel.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.UDP_BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.UDP_BUFFER)
        except BaseException:
            sock.close()
            raise
        return sock

    # --- who is at that address? ------------------------------------------------------------------

    def _accept(self) -> None:
        """Nothing to do: there are no connections to take. A peer appears with its hello."""

    def _admit(self, hello: Hello, address: Address, size: int, now: float) -> list[Action[Registration]]:
        """A hello came from `address`. Without a cookie made for that address anybody may have sent it."""
        here = self._registry.at(address)
        if not self._cookies.valid(hello.cookie, address, now):
            if here is None or here.may_be_challenged(now):
                self._challenge(address, size, now)
            return []
        speaker = self._registry.with_token(hello.token) or here
        if speaker is None:
            return self._meet(hello, address, now)
        if speaker.allowance.take(now):
            return self._hold_back(speaker, now)
        moved = self._move(speaker, address, now) if speaker is not here else []
        return moved + self.room.receive(speaker, hello, now)

    def _meet(self, hello: Hello, address: Address, now: float) -> list[Action[Registration]]:
        """Somebody new, who does receive at `address`. Who was here before has the allowance that was left: leaving and
        coming back is not a way to have more."""
        allowance = self._spent.pop(address, None) or Allowance(self._options.rate, self._options.burst, now)
        if allowance.take(now):
            self._keep(address, allowance)
            self.log.counts["dropped: too fast"] += 1
            return []
        new = Registration(address, allowance)
        # Over UDP everybody knows the extensions: it took one, the challenge, to come as far as this.
        actions = self.room.receive(new, msgspec.structs.replace(hello, lab=1), now)
        if new in self.room:
            self._registry.add(new, self.room.token(new))
        else:
            self._keep(address, allowance)
        return actions

    def _move(self, member: Registration, address: Address, now: float) -> list[Action[Registration]]:
        """A member has shown its token at a new address, and that it receives there. Who was there is not any more."""
        tenant, actions = self._registry.at(address), []
        if tenant is not None:
            actions = self.room.leave(tenant, "lost", now)
            self._forget(tenant)
        self.log.state(f"{self.room.nick(member)} moved from {member.name} to {addresses.show(address)}")
        self._registry.move(member, address)
        self._batch.forget()
        return actions

    def _keep(self, address: Address, allowance: Allowance) -> None:
        """Remember what is left of an allowance. Not for ever: whoever has a thousand addresses has a thousand of
        them."""
        self._spent[address] = allowance
        if len(self._spent) > limits.MAX_MEMBERS:
            del self._spent[next(iter(self._spent))]

    def _challenge(self, address: Address, size: int, now: float) -> None:
        """Ask a stranger to prove that it receives at `address`. Its question had `size` bytes; the answer has at
        most three times as many (RFC 9000, section 8.1): the address may be forged, and its owner somebody who
        is to be flooded with our answers."""
        challenge = Challenge(cookie=self._cookies.make(address, now))
        payload = encode(challenge)
        if len(payload) > limits.AMPLIFICATION * size:
            self.log.counts["strangers too short to answer"] += 1
            return
        self.log.counts["challenges"] += 1
        self.log.answered(addresses.show(address), challenge)
        self._put(payload, address)

    # --- datagrams --------------------------------------------------------------------------------

    def _read(self) -> list[tuple[bytes, Address]]:
        """The datagrams that have arrived, and where they came from. Each is a message: no bytes to sort."""
        arrived: list[tuple[bytes, Address]] = []
        while len(arrived) < limits.DRAIN:
            try:
                arrived.append(self._post.recvfrom(limits.RECV_SIZE))
            except BlockingIOError:
                break
            except OSError as error:
                # An earlier datagram of ours met a closed port. Windows reports that here, of all places; it
                # says nothing about this socket.
                self.log.detail(f"an error came back: {error.strerror}")
                break
        return arrived

    def _hand_on(self) -> None:
        """Nothing to do: the thread that reads is the one that owns the room."""

    def _hold_back(self, registration: Registration, now: float) -> list[Action[Registration]]:
        """Faster than its allowance: dropped. There is nothing we could do that would make it send more
        slowly, except to say so; the TCP server just reads more slowly."""
        self.log.counts["dropped: too fast"] += 1
        if not registration.may_be_told(now):
            return []
        rate = f"You send more than {self._options.rate:g} messages a second: the surplus is dropped."
        return [Send(Error(code="too-fast", message=rate), (registration,))]

    def _tell(self) -> None:
        """Nothing to do: one thread has no news for itself."""

    # --- the loop ---------------------------------------------------------------------------------

    def _run(self) -> None:
        """Take all that has come, ask the room about each, send everyone their share."""
        try:
            while not self._stopping.is_set():
                self._wait(self._next_expiry - clock.monotonic())
                now = clock.monotonic()
                self._act(self._take(now), now)
                self._expire(now)
            self._say_goodbye()
        finally:
            self.stopped.set()

    def _wait(self, seconds: float) -> None:
        """Wait until there is news."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            if key.fileobj is self._waker:
                self._waker.clear()

    def _take(self, now: float) -> list[Action[Registration]]:
        """What is to be done about everything that has come since the last time."""
        actions: list[Action[Registration]] = []
        for data, address in self._read():
            if 1 <= len(data) <= limits.MAX_PAYLOAD:
                message = from_client(data)
            else:
                message = too_large(len(data), limits.MAX_PAYLOAD)
            self.log.received(addresses.show(address), message)
            if isinstance(message, Hello):
                actions += self._admit(message, address, len(data), now)
            else:
                actions += self._receive(message, address, len(data), now)
        return actions

    def _receive(
        self, message: ClientMessage | Violation, address: Address, size: int, now: float
    ) -> list[Action[Registration]]:
        """One message has come, that claims to be from `address`."""
        registration = self._identify(message, address, size, now)
        if registration is None:
            return []
        if registration.allowance.take(now):
            return self._hold_back(registration, now)
        actions = self.room.receive(registration, message, now)
        if registration not in self.room:
            self._forget(registration)  # now: a hello behind this goodbye is a newcomer's
        return actions

    def _identify(
        self, message: ClientMessage | Violation, address: Address, size: int, now: float
    ) -> Registration | None:
        """Whose message it is; None if it could be anybody's. Only the token proves who speaks: whoever forges
        the address of a member does not know it."""
        registration = self._registry.at(address)
        if registration is not None and registration.proves(message.token):
            return registration
        if self._registry.with_token(message.token) is not None:
            self._challenge(address, size, now)  # a member behind a NAT that gave it a new address
            return None
        if registration is None:
            self._disown(message, address, size)
            return None
        self.log.counts["dropped: no token"] += 1
        if isinstance(message, Violation) and registration.may_be_told(now):
            # Bytes that are no message carry no token. Its author should hear what is wrong with them, but
            # it may not be the author who sent them: so it costs the member nothing.
            refusal = Error(code=message.code, message=message.message)
            self.log.answered(registration.name, refusal)
            self._put(encode(refusal), address)
        return None

    def _disown(self, message: ClientMessage | Violation, address: Address, size: int) -> None:
        """Nobody is registered there. Somebody who believes to be a member, because it was one before we were
        started again, is told; in fewer bytes than it sent, since the address may be forged."""
        answer = Unknown()
        payload = encode(answer)
        if not message.token or len(payload) > size:
            self.log.counts["dropped: from strangers"] += 1
            return
        self.log.counts["told that we don't know them"] += 1
        self.log.answered(addresses.show(address), answer)
        self._put(payload, address)

    def _act(self, actions: list[Action[Registration]], now: float) -> None:
        """Do what the room decided."""
        self._deliver(actions)
        for action in actions:
            if isinstance(action, Close):
                self._forget(action.peer)

    def _deliver(self, actions: list[Action[Registration]]) -> None:
        """Put messages on their way. Each is encoded once, and goes as one datagram to each address."""
        for action in actions:
            if isinstance(action, Send):
                self.log.sent(action, self.room)
                for error in self._batch.send(encode(action.message), action.to):
                    self.log.counts[f"not sent: {error.strerror}"] += 1

    def _put(self, payload: bytes, address: Address) -> None:
        """One datagram on its way. What the kernel does not take is lost, as it would be a hop further on."""
        try:
            self._post.sendto(payload, address)
        except OSError as error:
            self.log.counts[f"not sent: {error.strerror}"] += 1

    def _watch(self) -> None:
        """Nothing to do: nothing waits. A datagram is on its way, or it is lost."""

    def _expire(self, now: float) -> None:
        """Once a second: end what has waited for too long."""
        if now < self._next_expiry:
            return
        self._next_expiry = now + EXPIRE_EVERY
        self._act(self.room.expire(now), now)

    def _forget(self, registration: Registration) -> None:
        """A member is gone: its address means nothing to us any more, but for what it has spent."""
        if self._registry.at(registration.address) is registration:
            self._keep(registration.address, registration.allowance)
        self._registry.remove(registration)

    def _say_goodbye(self) -> None:
        """Tell everyone that the server stops. Who misses it finds out from the silence."""
        now = clock.monotonic()
        self._act(self.room.close("it was stopped"), now)


def main() -> int:
    """`python -m udp.server`"""
    return run_server(Server)


if __name__ == "__main__":
    sys.exit(main())

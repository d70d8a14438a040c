"""Can that machine be reached? A probe of the chat over TCP and one over UDP, from outside.

Neither probe joins: a `who` before `hello` is refused by our TCP server (`hello-first`), and the UDP server
answers a first `hello` with a `challenge`. Both say who answers there, and nobody in the room sees it.

Written with the standard library alone: the doctor must run before the packages are installed.
"""

from __future__ import annotations  # an old Python is a finding, not a failure

import enum
import json
import queue
import secrets
import socket
import threading
import time
from dataclasses import dataclass, field

from common import addresses
from common.addresses import Address, Unusable

PATIENCE = 3.0
"""Seconds for a connection, and again for an answer: a lost SYN is repeated once within them, after 1 s."""

TRIES = 3
"""Datagrams sent one after another: one lost is no firewall."""


class Answer(enum.Enum):
    """What came back."""

    CHAT = "a chat server of this lab"
    OTHER = "something else"
    REFUSED = "refused"
    SILENT = "silence"
    FAILED = "failed"


@dataclass(frozen=True)
class Probe:
    """What a probe of `address` saw. `detail`: what came instead of a chat server's answer, or the system's
    words. `connected`: seconds of TCP's handshake; `trips`: seconds from each question to its answer."""

    address: Address
    answer: Answer
    detail: str = ""
    connected: float | None = None
    trips: list[float] = field(default_factory=list)


def resolve(host: str, port: int, kind: socket.SocketKind, patience: float = PATIENCE) -> list[Address]:
    """The addresses of `host`, the first one of each family. Raises Unusable if there is none, or if nobody
    has said so within `patience` seconds."""
    answers: queue.SimpleQueue[list[Address] | Unusable] = queue.SimpleQueue()

    def ask() -> None:
        first: dict[socket.AddressFamily, Address] = {}
        try:
            for family, address in addresses.resolve(host, port, kind):
                first.setdefault(family, address)
            answers.put(list(first.values()))
        except Unusable as error:
            answers.put(error)

    # getaddrinfo knows no time limit, and waits for long where a network swallows its questions.
    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        raise Unusable(
            f"Nobody says which address {host!r} has: is there a network? A number such as 192.168.1.20 "
            "needs no name server."
        ) from None
    if isinstance(answer, Unusable):
        raise answer
    return answer


def tcp(address: Address, patience: float = PATIENCE) -> Probe:
    """Connect, ask `who`, and see who answers. Takes at most twice `patience` seconds."""
    with socket.socket(_family(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(patience)
        begin = time.monotonic()
        try:
            sock.connect(address)
        except TimeoutError:
            return Probe(address, Answer.SILENT)
        except ConnectionRefusedError:
            return Probe(address, Answer.REFUSED)
        except OSError as error:
            return Probe(address, Answer.FAILED, error.strerror or str(error))
        connected = time.monotonic() - begin
        payload = json.dumps({"type": "who"}).encode()
        begin = time.monotonic()
        try:
            sock.sendall(len(payload).to_bytes(2, "big") + payload)
            data = _frame(sock, begin + patience)
        except TimeoutError:
            return Probe(address, Answer.OTHER, "it accepts connections and says nothing", connected)
        except OSError as error:
            return Probe(address, Answer.OTHER, f"it ended the connection: {error.strerror}", connected)
        trip = time.monotonic() - begin
    if _is(data[2:], "error", "hello-first"):
        return Probe(address, Answer.CHAT, connected=connected, trips=[trip])
    return Probe(address, Answer.OTHER, _quoted(data), connected, [trip])


def udp(address: Address, patience: float = PATIENCE, tries: int = TRIES) -> Probe:
    """Say `hello` as a stranger, `tries` times, and see who asks for a proof of address. Takes at most
    `patience` seconds."""
    probe = Probe(address, Answer.SILENT)
    trips: list[float] = []
    for _ in range(tries):
        probe = _hello(address, patience / tries)
        trips += probe.trips
        if probe.answer not in (Answer.CHAT, Answer.SILENT):
            return probe
    return Probe(address, Answer.CHAT, trips=trips) if trips else probe


# --- what it means --------------------------------------------------------------------------------


def explain(probe: Probe, transport: str, *, tries: int = TRIES) -> tuple[str, str]:
    """What a probe saw, and what to do about it (empty if nothing is wrong): sentences for a person."""
    port = probe.address[1]
    start = f"start one on that machine: make {transport}-server HOST=0.0.0.0 PORT={port}"
    let_through = (
        f"let {transport.upper()} port {port} through its firewall (Linux: sudo ufw allow {port}/{transport})"
    )
    if probe.answer is Answer.CHAT:
        trips = ", ".join(map(_milliseconds, probe.trips))
        if probe.connected is not None:
            connected = _milliseconds(probe.connected)
            return f"{probe.answer.value} answers: connected in {connected}, answer after {trips}", ""
        lost = "" if len(probe.trips) == tries else "; the rest was lost"
        return f"{probe.answer.value} answers {len(probe.trips)} of {tries} datagrams ({trips}){lost}", ""
    if probe.answer is Answer.REFUSED:
        how = "ICMP says that the port is closed" if transport == "udp" else "the port is closed"
        return (
            f"refused: {how}, so the machine is reached (or a firewall answers for it), and no server hears us",
            f"{start} (without HOST it hears only its own machine)",
        )
    if probe.answer is Answer.SILENT and transport == "tcp":
        return (
            f"no answer within {PATIENCE:g} s: a firewall drops what we send, or the machine is off",
            f"check that it is on and has this address; then {let_through}",
        )
    if probe.answer is Answer.SILENT:
        return (
            f"no answer to {tries} datagrams: a firewall drops them, the machine is off, or it has no server "
            "(over UDP silence can't tell which)",
            f"{start}; then {let_through}",
        )
    if probe.answer is Answer.OTHER:
        return (
            f"what answers is not a chat server of this lab: {probe.detail}",
            "choose a port that nobody has there, on both machines (make: PORT=4343, python: --port 4343)",
        )
    return f"it can't be reached: {probe.detail}", "check the address, and that both are in one network"


REACHED = {Answer.CHAT, Answer.OTHER, Answer.REFUSED}
VERDICTS: list[tuple[set[Answer], set[Answer], str]] = [
    ({Answer.CHAT}, {Answer.CHAT}, "Both transports get through."),
    (
        REACHED,
        {Answer.SILENT},
        "TCP gets through and UDP does not: most likely a firewall lets only TCP pass, which is typical for a "
        "campus. A phone's hotspot or a cable between the two machines has none.",
    ),
    (
        {Answer.SILENT},
        REACHED,
        "UDP gets through and TCP does not: a firewall drops TCP to this port.",
    ),
    (
        {Answer.SILENT},
        {Answer.SILENT},
        "Nothing comes back at all: the machine is off, the address is another one, or the network keeps its "
        "machines apart, as the Wi-Fi of a campus often does: use a cable or a phone's hotspot.",
    ),
    ({Answer.REFUSED}, {Answer.REFUSED}, "The network is fine. Only the servers are missing there."),
    ({Answer.FAILED}, {Answer.FAILED}, "This machine knows no way to that one."),
    ({Answer.CHAT}, {Answer.REFUSED}, "The network is fine. Only the UDP server is missing there."),
    ({Answer.REFUSED}, {Answer.CHAT}, "The network is fine. Only the TCP server is missing there."),
]
"""What the answers over TCP and over UDP together say; the first that fits counts."""


def verdict(tcp: Answer, udp: Answer) -> str:
    """What both answers together say about the way to that machine, as a sentence."""
    for over_tcp, over_udp, sentence in VERDICTS:
        if tcp in over_tcp and udp in over_udp:
            return sentence
    return "At least one of the two transports does not reach a chat there."


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


# --- the parts of a probe -------------------------------------------------------------------------


def _hello(address: Address, patience: float) -> Probe:
    """One `hello`, from a socket of its own: a late answer to the last one is not taken for one to this."""
    hello = {"type": "hello", "nick": f"doctor-{secrets.token_hex(2)}", "lab": 1}
    with socket.socket(_family(address), socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience)
        try:
            sock.connect(address)  # so that the kernel reports a closed port, and others are not heard
            begin = time.monotonic()
            sock.send(json.dumps(hello).encode())
            data = sock.recv(65_536)
        except TimeoutError:
            return Probe(address, Answer.SILENT)
        except ConnectionError:  # refused; Windows calls it a reset
            return Probe(address, Answer.REFUSED)
        except OSError as error:
            return Probe(address, Answer.FAILED, error.strerror or str(error))
        trip = time.monotonic() - begin
    if _is(data, "challenge"):
        return Probe(address, Answer.CHAT, trips=[trip])
    return Probe(address, Answer.OTHER, _quoted(data))


def _frame(sock: socket.socket, until: float) -> bytes:
    """A frame with its length, or as much as came of what is none. Raises TimeoutError if nothing comes."""
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        sock.settimeout(max(0.01, until - time.monotonic()))
        try:
            more = sock.recv(65_536)
        except TimeoutError:
            if data:
                return data
            raise
        if not more:
            break
        data += more
    return data


def _is(payload: bytes, kind: str, code: str | None = None) -> bool:
    """Whether a payload is a message of this type (and, for an error, of this code)."""
    try:
        message = json.loads(payload)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("type") == kind and message.get("code") == code


def _quoted(data: bytes) -> str:
    """The beginning of what came, in a form that no terminal obeys."""
    if not data:
        return "it closed the connection without a word"
    return f"it says {data[:32]!r}{'…' if len(data) > 32 else ''}"


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if len(address) == 4 else socket.AF_INET

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
from dataclasses import dataclass, field

from common import addresses, clock
from common.addresses import Address, Unusable

PATIENCE = 3.0
"""Seconds for a connection, and again for an answer: a lost SYN is repeated once within them, after 1 s."""

TRIES = 3
"""Datagrams sent one after another: one lost is no firewall."""


class Answer(enum.Enum):
    """What came back."""

    CHAT = "a chat server of this lab"
    ELSEWHERE = "an answer from another address"
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
        begin = clock.monotonic()
        try:
            sock.connect(address)
        except TimeoutError:
            return Probe(address, Answer.SILENT)
        except ConnectionRefusedError:
            return Probe(address, Answer.REFUSED)
        except OSError as error:
            return Probe(address, Answer.FAILED, error.strerror or str(error))
        connected = clock.monotonic() - begin
        payload = json.dumps({"type": "who"}).encode()
        begin = clock.monotonic()
        try:
            sock.sendall(len(payload).to_bytes(2, "big") + payload)
            data = _frame(sock, begin + patience)
        except TimeoutError:
            return Probe(address, Answer.OTHER, "it accepts connections and says nothing", connected)
        except OSError as error:
            return Probe(address, Answer.OTHER, f"it ended the connection: {error.strerror}", connected)
        trip = clock.monotonic() - begin
    if _is(data[2:], "error", "hello-first"):
        return Probe(address, Answer.CHAT, connected=connected, trips=[trip])
    return Probe(address, Answer.OTHER, _quoted(data), connected, [trip])


def udp(address: Address, patience: float = PATIENCE, tries: int = TRIES) -> Probe:
    """Say `hello` as a stranger, `tries` times, and see who asks for a proof of address; if nobody does, once more to
    whoever may answer from another address. Takes at most `patience` seconds."""
    patience /= tries + 1
    trips: list[float] = []
    for _ in range(tries):
        probe = _hello(address, patience)
        trips += probe.trips
        if probe.answer not in (Answer.CHAT, Answer.SILENT):
            return probe
    return Probe(address, Answer.CHAT, trips=trips) if trips else _hello(address, patience, anybody=True)


# --- what it means --------------------------------------------------------------------------------


def explain(probe: Probe, transport: str, *, tries: int = TRIES) -> tuple[str, str]:
    """What a probe saw, and what to do about it (empty if nothing is wrong): sentences for a person."""
    port = probe.address[1]
    anywhere = "0.0.0.0" if _family(probe.address) == socket.AF_INET else "::"
    start = f"start one on that machine: make {transport}-server HOST={anywhere} PORT={port}"
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
            f"no answer to {tries} datagrams: there is no server and a firewall keeps that to itself, a firewall drops "
            "them, the machine is off, or its answers leave from another address (over UDP silence can't tell which)",
            f"{start} ARGS=--trace; if our hello is not in its log, {let_through}",
        )
    if probe.answer is Answer.ELSEWHERE:
        return (
            f"the answer comes from {probe.detail}, and a client hears only the address that it asked",
            f"on that machine: make {transport}-server HOST={probe.address[0]} PORT={port} (or give the clients the "
            "address that answers)",
        )
    if probe.answer is Answer.OTHER:
        return (
            f"what answers is not a chat server of this lab: {probe.detail}",
            "choose a port that nobody has there, on both machines (make: PORT=4343, python: --port 4343)",
        )
    return f"it can't be reached: {probe.detail}", "check the address, and that both are in one network"


NO_SERVER = [
    "no server was started",
    "it was started without HOST= and hears only its own machine (HOST=0.0.0.0 hears all)",
    "it has another port",
    "a firewall refuses in its name",
]
BETWEEN = (
    "the network between the machines lets only some things pass, as that of a campus or a guest Wi-Fi may (a phone's "
    "hotspot or a cable has no such rules)"
)

VERDICTS: list[tuple[set[Answer], set[Answer], str, list[str]]] = [
    ({Answer.CHAT}, {Answer.CHAT}, "Both transports get through.", []),
    (
        set(Answer),
        {Answer.ELSEWHERE},
        "Over UDP an answer comes from another address of that machine, and no client hears it.",
        [
            "the server is an older one of this lab, at 0.0.0.0 or ::",
            "its system does not tell which address was asked (the server says so when it starts)",
        ],
    ),
    (
        {Answer.CHAT, Answer.OTHER},
        {Answer.SILENT},
        "TCP gets through and UDP does not.",
        [
            "there is no UDP server at this address, because it was not started or was started without HOST=, and the "
            "firewall of that machine keeps that to itself",
            "that firewall lets only TCP pass (Linux: sudo ufw allow 4242 is for both)",
            "the UDP server answers from another address, as an older one of this lab at 0.0.0.0 does, and a firewall "
            "on the way drops that",
            BETWEEN,
        ],
    ),
    (
        {Answer.REFUSED},
        {Answer.SILENT},
        "The machine is reached. Over TCP no server hears us, and over UDP nothing comes back.",
        [
            "the servers were not started, or without HOST=, and a firewall keeps that to itself over UDP",
            "they have another port",
            "a firewall refuses the one and drops the other",
        ],
    ),
    (
        {Answer.SILENT},
        {Answer.CHAT, Answer.OTHER, Answer.REFUSED},
        "UDP gets through and TCP does not.",
        ["the firewall of that machine lets only UDP pass to this port", BETWEEN],
    ),
    (
        {Answer.REFUSED},
        {Answer.REFUSED},
        "The network is fine. Only the servers are missing there.",
        NO_SERVER,
    ),
    (
        {Answer.CHAT},
        {Answer.REFUSED},
        "The network is fine. Only the UDP server is missing there.",
        NO_SERVER,
    ),
    (
        {Answer.REFUSED},
        {Answer.CHAT},
        "The network is fine. Only the TCP server is missing there.",
        NO_SERVER,
    ),
    (
        {Answer.FAILED},
        {Answer.FAILED},
        "This machine knows no way to that one.",
        [
            "this machine is in no network",
            "the address is wrong, or belongs to a network that is reached through a VPN",
            "the firewall of this machine forbids it",
        ],
    ),
    (
        {Answer.SILENT, Answer.FAILED},
        {Answer.SILENT, Answer.FAILED},
        "Nothing comes back at all.",
        [
            "the address is another one by now, or belongs to another network",
            "the firewall of that machine drops everything that comes from outside",
            "the network keeps its machines apart, as the Wi-Fi of a campus often does (a phone's hotspot or a cable "
            "does not)",
            "the machine is off or asleep",
            "a VPN on one of the two takes what is meant for the other",
        ],
    ),
]
"""What the answers over TCP and over UDP together say, and all that may be the reason for it, the commonest first. The
first that fits counts."""


def verdict(tcp: Answer, udp: Answer) -> str:
    """What both answers together say about the way to that machine, and what may be the reason."""
    for over_tcp, over_udp, seen, causes in VERDICTS:
        if tcp in over_tcp and udp in over_udp:
            return f"{seen} {_listed(causes)}".rstrip()
    return "At least one of the two transports does not reach a chat there: its line says why."


def _listed(causes: list[str]) -> str:
    """What may be the reason, as a sentence: nobody here can tell these apart."""
    if not causes:
        return ""
    return "It may be, the commonest first, that " + "; that ".join(causes) + "."


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


# --- the parts of a probe -------------------------------------------------------------------------


def _hello(address: Address, patience: float, *, anybody: bool = False) -> Probe:
    """One `hello`, from a socket of its own: a late answer to the last one is not taken for one to this. Heard is who
    was asked; or `anybody`, but then no refusal is."""
    hello = {"type": "hello", "nick": f"doctor-{secrets.token_hex(2)}", "lab": 1}
    with socket.socket(_family(address), socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience)
        try:
            begin = clock.monotonic()
            if anybody:
                sock.sendto(json.dumps(hello).encode(), address)
            else:
                sock.connect(address)  # so that the kernel reports a closed port, and others are not heard
                sock.send(json.dumps(hello).encode())
            data, sender = sock.recvfrom(65_536)
        except TimeoutError:
            return Probe(address, Answer.SILENT)
        except ConnectionError:  # refused; Windows calls it a reset
            return Probe(address, Answer.REFUSED)
        except OSError as error:
            return Probe(address, Answer.FAILED, error.strerror or str(error))
        trip = clock.monotonic() - begin
    if sender[:2] != address[:2]:
        return Probe(address, Answer.ELSEWHERE, addresses.show(sender))
    if _is(data, "challenge"):
        return Probe(address, Answer.CHAT, trips=[trip])
    return Probe(address, Answer.OTHER, _quoted(data))


def _frame(sock: socket.socket, until: float) -> bytes:
    """A frame with its length, or as much as came of what is none. Raises TimeoutError if nothing comes."""
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        sock.settimeout(max(0.01, until - clock.monotonic()))
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

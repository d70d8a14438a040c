"""Who says hello in somebody else's name, inside the link (`python -m benchmarks.demo.forger`).

There are three victims, programs that have never said a word, at one closed or silent port each:

- `udp`: from its address a hello goes to our server over UDP, which asks the address to prove itself;
- `floor`: from its address the same datagram goes to a server without an address check. Its room is talking, too:
  five plain sockets, which say what the members say;
- `tcp`: from its address a SYN goes to our server over TCP, and later, blindly, a hello with guessed numbers.

Orders and news are lines of JSON, as in `cast.py`: {"do": "say", "member", "text", "due"}, {"do": "forge"},
{"do": "forge blind"}. Bytes of datagrams are their payloads', bytes of TCP those of whole packets.
"""

import heapq
import json
import os
import random
import select
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

from benchmarks.demo import script
from benchmarks.forgery import raw
from benchmarks.forgery.raw import Raw
from benchmarks.link.packet import ACK, PSH, RST, SYN, describe
from common import clock, interrupts
from common.command_line import Parser
from common.messages import Challenge, Hello, encode, from_server
from tcp.framing import frame

FORGED = Hello(nick="mallory", lab=1)

LARGEST = 65_536


class Forger:
    """Forges hellos to `host`, where our servers listen on `port` and the careless one on `floor_port`."""

    def __init__(self, host: str, port: int, floor_port: int, seed: int) -> None:
        self._host, self._port, self._floor_port = host, port, floor_port
        self._random = random.Random(seed)
        self._raw = Raw(host)
        self._victims = {name: raw.silent(socket.SOCK_DGRAM) for name in ("udp", "floor")}
        self._closed = raw.silent(socket.SOCK_STREAM)  # bound, and never listens: the port is nobody else's
        self._room = {nick: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for nick in script.MEMBERS}
        for member in self._room.values():
            member.connect((host, floor_port))
            member.setblocking(False)
        self._wire: socket.socket | None = None

    def run(self) -> None:
        """Carry out orders until there are no more."""
        waiting: list[tuple[float, int, dict[str, Any]]] = []
        count, rest = 0, b""
        while True:
            wait = max(0.0, waiting[0][0] - clock.monotonic()) if waiting else None
            sources: list[Any] = [sys.stdin, *self._victims.values(), *self._room.values()]
            sources += [self._wire] if self._wire else []
            readable, _, _ = select.select(sources, [], [], wait)
            if sys.stdin in readable:
                data = os.read(sys.stdin.fileno(), LARGEST)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    order = json.loads(line)
                    count += 1
                    heapq.heappush(waiting, (order.get("due", 0.0), count, order))
            self._listen(readable)
            while waiting and waiting[0][0] <= clock.monotonic():
                self._carry_out(heapq.heappop(waiting)[2])

    def close(self) -> None:
        """Give everything back."""
        self._raw.close()
        for sock in (self._closed, *self._victims.values(), *self._room.values()):
            sock.close()
        if self._wire:
            self._wire.close()

    def _carry_out(self, order: dict[str, Any]) -> None:
        match order:
            case {"do": "say", "member": nick, "text": text}:
                with suppress(
                    OSError
                ):  # an ICMP error about an earlier one: that server is gone, and it is seen
                    self._room[nick].send(text.encode())
            case {"do": "forge"}:
                if self._wire is None:  # from here on: who looks at every packet has much to look at
                    self._wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
                hello = encode(FORGED)
                for name, port in (("udp", self._port), ("floor", self._floor_port)):
                    self._raw.send(raw.datagram(self._victims[name], (self._host, port), hello))
                    _tell(name, "forged", len(hello), f"a hello of {len(hello)} bytes")
                self._segment(SYN, b"", "a SYN")
            case {"do": "forge blind"}:
                self._segment(PSH | ACK, frame(encode(FORGED)), "a hello with guessed numbers")

    def _segment(self, flags: int, payload: bytes, what: str) -> None:
        packet = raw.segment(self._closed, (self._host, self._port), flags, payload, self._random)
        self._raw.send(packet)
        _tell("tcp", "forged", len(packet), what)

    def _listen(self, readable: list[Any]) -> None:
        for name, victim in self._victims.items():
            if victim in readable:
                data = victim.recv(LARGEST)
                asked = isinstance(from_server(data), Challenge)
                _tell(name, "victim", len(data), "a challenge" if asked else "the room's talk")
        for member in self._room.values():
            if member in readable:
                with suppress(OSError):  # as above
                    member.recv(LARGEST)
        if self._wire in readable and self._wire:
            self._look(self._wire.recv(LARGEST))

    def _look(self, packet: bytes) -> None:
        """A TCP packet has arrived somewhere in here: is it about the victim?"""
        segment = describe(packet)
        if segment is None:
            return
        (size,) = struct.unpack_from("!H", packet, 2)
        victim = self._closed.getsockname()[1]
        if segment.destination_port == victim:
            _tell("tcp", "victim", size, "a SYN-ACK" if segment.flags & SYN else "a reset")
        elif segment.source_port == victim and segment.flags & RST:
            _tell("tcp", "refused", size, "a reset: it has asked for nothing")


def _tell(transport: str, what: str, amount: int, words: str) -> None:
    line = {"what": what, "transport": transport, "amount": amount, "words": words, "at": clock.monotonic()}
    with suppress(OSError):  # who gave the orders is gone: our input ends, too
        print(json.dumps(line), flush=True)


def main() -> int:
    """`python -m benchmarks.demo.forger`"""
    options = Parser(prog="python -m benchmarks.demo.forger", description=__doc__)
    options.add_argument("--host", required=True)
    for name in ("port", "floor-port", "seed"):
        options.add_argument(f"--{name}", type=int, required=True)
    chosen = options.parse_args()
    interrupts.raise_interrupt()
    try:
        forger = Forger(chosen.host, chosen.port, chosen.floor_port, chosen.seed)
    except OSError as error:
        print(f"Packets can't be forged here: {error.strerror}.", file=sys.stderr)
        return 1
    try:
        print(json.dumps({"ready": True}), flush=True)
        forger.run()
    except KeyboardInterrupt:
        pass  # how we are asked to end
    finally:
        forger.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

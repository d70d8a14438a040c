"""Rooms that talk, and somebody who says hello to them in a victim's name (`python -m benchmarks.forgery.ends`), in
the network of an emulated link: we are root there, and nothing of the machine's own network is touched.

One process plays the members of three rooms, the attacker and the victims, on one clock. It says {"ready": …} with
`members` and `victims`, by which a packet capture tells them apart (protocol and port: on this link everybody has one
address; see `toll.py`), and `repeats`, how often this kernel repeats a SYN-ACK. It is told {"start": T} (nanoseconds of
the monotonic clock), and says {"done": true} when all has been said and forged.

What it forges, from `LEAD` seconds after the start on: in the name of each of `VICTIMS` one hello, to `udp-again` one
every `1/again` seconds; over TCP a SYN, and to `tcp` a hello half a second later, with numbers that it has to guess.
"""

import argparse
import ctypes
import json
import random
import selectors
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks import kernel, stamp
from benchmarks.bench.load import Order, join
from benchmarks.bench.loads import Load
from benchmarks.forgery import raw
from benchmarks.forgery.raw import Raw
from benchmarks.link.packet import ACK, PSH, SYN
from benchmarks.orders import told
from benchmarks.seat import Gone, Seat
from common import clock
from common.command_line import Parser
from common.messages import Hello, encode
from tcp.framing import frame

ROOMS = ("udp", "floor-udp", "tcp")

VICTIMS = {"floor": "floor-udp", "udp": "udp", "udp-again": "udp", "tcp": "tcp", "deaf": "tcp"}
"""Each victim's name, and whose server is deceived. `tcp` answers what it has not asked for, as a kernel does (a
reset); `deaf` does not, like an address behind a firewall, or that nobody has."""

HELLO = encode(Hello(nick="a", lab=1))
"""The shortest there is: what a server answers to it is the largest multiple of it."""

LEAD = 1.0
"""Seconds of talk before the forging."""

BLIND = 0.5
"""Seconds from the SYN until the hello with guessed numbers."""

SECOND = 1_000_000_000

SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>; Python does not know it
TAKE_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""The classic BPF program `ret #0` (Linux, networking/filter.rst)."""


class Deed(NamedTuple):
    """What is to be done `at` nanoseconds after the start: member `sender` of `room` says message `number`; or, where
    there is a `packet`, it is sent."""

    at: int
    room: str = ""
    sender: int = 0
    number: int = 0
    packet: bytes = b""


class Forgery:
    """The rooms, the attacker and the victims. `options` are those of `parser`. Raises OSError or Gone."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._where = {room: (options.host, port) for room, port in zip(ROOMS, options.ports, strict=True)}
        self._raw = Raw(options.host)
        self.victims = {name: _victim(name) for name in VICTIMS}
        crowd = Load(options.members, options.members, size=options.size)
        self.rooms: dict[str, list[Seat]] = {
            room: join(Order(room, where, 0, crowd, 1)) for room, where in self._where.items()
        }
        self._selector = selectors.DefaultSelector()
        for seats in self.rooms.values():
            for seat in seats:
                self._selector.register(seat.socket, selectors.EVENT_READ)

    def ends(self) -> dict[str, Any]:
        """The (protocol, port) of each victim, by name, and of all members, by room."""
        return {
            "victims": {name: _end(sock) for name, sock in self.victims.items()},
            "members": {room: [_end(seat.socket) for seat in seats] for room, seats in self.rooms.items()},
        }

    def deeds(self) -> list[Deed]:
        """All that will be done, in order."""
        chosen = self._options
        talk = int((LEAD + chosen.seconds) * chosen.rate)
        found = [
            Deed(round(number * SECOND / chosen.rate), room, number % chosen.members, number)
            for number in range(talk)
            for room in ROOMS
        ]
        again = range(int(chosen.seconds * chosen.again))
        for name, room in VICTIMS.items():
            for number in again if name == "udp-again" else (0,):
                at = LEAD + number / chosen.again
                found += [Deed(round(SECOND * at), packet=one) for one in self._first(name, room)]
        found.append(
            Deed(round(SECOND * (LEAD + BLIND)), packet=self._segment("tcp", PSH | ACK, frame(HELLO)))
        )
        return sorted(found)

    def run(self, start: int) -> None:
        """Do it all, from `start` on, and read what comes."""
        for deed in self.deeds():
            while (wait := start + deed.at - clock.monotonic_ns()) > 0:
                self._read(wait / SECOND)
            if deed.packet:
                self._raw.send(deed.packet)
            else:
                text = stamp.write(deed.sender, deed.number, 0, 0, self._options.size)
                self.rooms[deed.room][deed.sender].say(text)
        self._read(0.1)

    def close(self) -> None:
        """Give everything back."""
        self._raw.close()
        for sock in (*self.victims.values(), *(seat.socket for one in self.rooms.values() for seat in one)):
            sock.close()

    def _first(self, name: str, room: str) -> Iterator[bytes]:
        if room == "tcp":
            yield self._segment(name, SYN, b"")
        else:
            yield raw.datagram(self.victims[name], self._where[room], HELLO)

    def _segment(self, name: str, flags: int, payload: bytes) -> bytes:
        guess = random.Random(f"{name}/{flags}")
        return raw.segment(self.victims[name], self._where["tcp"], flags, payload, guess)

    def _read(self, seconds: float) -> None:
        """Take what has come for the members, so that it does not pile up. It is counted from the capture."""
        for key, _ in self._selector.select(seconds):
            if not key.fileobj.recv(1 << 16):  # type: ignore[union-attr]  # a socket
                raise Gone("a server closed the connection of a member")


def _end(sock: socket.socket) -> tuple[str, int]:
    return "tcp" if sock.type == socket.SOCK_STREAM else "udp", sock.getsockname()[1]


def _victim(name: str) -> socket.socket:
    stream = VICTIMS[name] == "tcp"
    sock = raw.silent(socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    if name != "tcp":
        program = ctypes.create_string_buffer(TAKE_NOTHING, len(TAKE_NOTHING))
        # struct sock_fprog: how many instructions, and where they are
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
        if stream:
            sock.listen()  # what is for a listening socket passes its filter; for a port without one the kernel answers
    return sock


def parser() -> Parser:
    """What an experiment tells this process."""
    options = Parser(prog="python -m benchmarks.forgery.ends")
    options.add_argument("--host", required=True)
    options.add_argument(
        "--ports", type=int, nargs=len(ROOMS), required=True, help="of the servers, as in ROOMS"
    )
    for name in ("members", "size"):
        options.add_argument(f"--{name}", type=int, required=True)
    for name in ("rate", "seconds", "again"):
        options.add_argument(f"--{name}", type=float, required=True)
    return options


def main() -> int:
    """`python -m benchmarks.forgery.ends`"""
    chosen = parser().parse_args()
    try:
        forgery = Forgery(chosen)
        [retries] = kernel.setting("net.ipv4.tcp_synack_retries")
        _say({"ready": forgery.ends() | {"repeats": retries}})
        start = told("start")
        if start is not None:  # else whoever started us is gone
            forgery.run(start)
            _say({"done": True})
            sys.stdin.readline()  # until we are sent away: who leaves now would be in the capture
        forgery.close()
    except Gone as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.strerror or error} ({type(error).__name__})", file=sys.stderr)
        return 1
    return 0


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    sys.exit(main())

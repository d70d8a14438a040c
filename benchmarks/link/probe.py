"""The self-check: probes that say whether the link does what it was asked to do, before anything is measured on it.

    python -m benchmarks.link.probe --server 10.7.0.1 --client 10.7.0.2 …     (in the link's network)

One process holds both ends, so that one clock does. It says on which port its server's end is, and waits for a line;
lets its ends meet, says so, and waits for a line; sends numbered datagrams both ways at a steady pace, and says in a
line of JSON how many came and how long they took, by direction. `self_check.py` compares that with what the link was
asked for, and with what it says it did.
"""

import json
import select
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from common import clock
from common.command_line import Parser
from common.statistics import percentile

PROBE = struct.Struct("!4sId")
"""`prob`, the number, and when it was sent."""

PORT = 4241
"""Of the server's end: below those that the link gives its clients, or it would not be known which way is up."""

FIRST_WORDS = 5.0
"""Seconds, beyond what the link takes, that the two ends try to find each other."""

AGAIN = 0.02
"""Seconds after which the client's end repeats its first word."""


@dataclass(frozen=True)
class Seen:
    """What became of the probes of one direction. Delays in seconds; `bursts` are losses with none between them,
    `copies` all that came, those that came twice among them."""

    sent: int
    received: int
    delay_p50: float | None
    delay_p99: float | None
    bursts: int = 0
    copies: int = 0

    @classmethod
    def of(cls, sent: int, delays: Mapping[int, float], copies: int) -> "Seen":
        """`delays` of those that came, the first copy of each, by number; `copies` counts all of them."""
        ordered = sorted(delays.values())
        bursts = sum(number not in delays and (number == 0 or number - 1 in delays) for number in range(sent))
        return cls(sent, len(ordered), percentile(ordered, 50), percentile(ordered, 99), bursts, copies)


class Ends:
    """Both ends of the probes: the server's listens on `server`, the client's sends to `client`."""

    def __init__(self, server: tuple[str, int], client: str) -> None:
        self._at_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._at_client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for sock in (self._at_server, self._at_client):
            sock.setblocking(False)
        self._at_server.bind(server)
        self.port: int = self._at_server.getsockname()[1]
        self._client = client
        self._arrivals: dict[str, dict[int, float]] = {"up": {}, "down": {}}
        self._copies = {"up": 0, "down": 0}

    def meet(self, port: int, patience: float) -> bool:
        """Let the server's end learn where the client's is, whose way there begins at `port`; up to `patience`
        seconds. Whether it did."""
        self._at_client.connect((self._client, port))
        deadline = clock.monotonic() + patience
        while clock.monotonic() < deadline:
            with suppress(OSError):
                self._at_client.send(b"here")
            readable, _, _ = select.select([self._at_server], [], [], AGAIN)
            if readable:
                _, address = self._at_server.recvfrom(100)
                self._at_server.connect(address)
                return True
        return False

    def exchange(self, count: int, rate: float, wait: float) -> dict[str, Seen]:
        """Send `count` probes each way at `rate` a second, and `wait` so long for the last."""
        start = clock.monotonic()
        ends = start + count / rate + wait
        sent = 0
        while (now := clock.monotonic()) < ends:
            while sent < count and start + sent / rate <= now:
                for sock in (self._at_client, self._at_server):
                    with suppress(OSError):  # then it is lost, and counted so
                        sock.send(PROBE.pack(b"prob", sent, clock.monotonic()))
                sent += 1
            until = start + sent / rate if sent < count else ends
            self._receive(max(0.0, until - clock.monotonic()))
        return {
            direction: Seen.of(count, one, self._copies[direction])
            for direction, one in self._arrivals.items()
        }

    def _receive(self, seconds: float) -> None:
        readable, _, _ = select.select([self._at_server, self._at_client], [], [], seconds)
        for sock in readable:
            now = clock.monotonic()
            direction = "up" if sock is self._at_server else "down"
            with suppress(OSError):
                data = sock.recv(100)
                if len(data) == PROBE.size and data.startswith(b"prob"):
                    _, number, sent = PROBE.unpack(data)
                    self._copies[direction] += 1
                    self._arrivals[direction].setdefault(number, now - sent)

    def close(self) -> None:
        """Give the sockets back."""
        self._at_server.close()
        self._at_client.close()


def _say_and_wait(word: str, value: int) -> bool:
    """Say it, and wait until we are to go on; whether anybody wants that."""
    print(json.dumps({word: value}), flush=True)
    return bool(sys.stdin.readline())


def main() -> int:
    """`python -m benchmarks.link.probe`"""
    parser = Parser(prog="python -m benchmarks.link.probe", description=__doc__)
    parser.add_argument("--server", required=True, help="where the server's end listens")
    parser.add_argument("--client", required=True, help="where the client's end sends to")
    parser.add_argument("--port", type=int, default=PORT, help="the server's end (%(default)s; 0: any)")
    parser.add_argument("--through", type=int, help="the port of a relay in between")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--wait", type=float, default=0.5)
    options = parser.parse_args()
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")
    try:
        ends = Ends((options.server, options.port), options.client)
        if not _say_and_wait("port", ends.port):
            return 0  # whoever started us is gone
        patience = FIRST_WORDS + options.wait
        if not ends.meet(options.through or ends.port, patience):
            print(f"No probe came through in {patience:.1f} s.", file=sys.stderr)
            return 1
        if not _say_and_wait("met", True):
            return 0
        seen = ends.exchange(options.count, options.rate, options.wait)
        ends.close()
    except OSError as error:
        print(f"The probes can't be sent: {error.strerror or error}.", file=sys.stderr)
        return 1
    print(json.dumps({"seen": {direction: asdict(one) for direction, one in seen.items()}}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What an experiment has of the processes of this package: their orders as methods, their answers as data."""

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks import kernel
from benchmarks.child import Child
from benchmarks.network import START_TIMEOUT, told
from benchmarks.stage import Failed, Stage
from common.statistics import percentile

SECOND = 1_000_000_000

SIZE = 100
"""Bytes of a request, unless it is said otherwise."""

SLACK = 20.0
"""Seconds that a busy machine may need beyond what an order takes."""


class Trip(NamedTuple):
    """One request and its answer. Seconds, of the monotonic clock; `received` is None if no answer came."""

    due: float
    sent: float
    received: float | None

    @property
    def round_trip(self) -> float | None:
        """Seconds since it was sent."""
        return None if self.received is None else self.received - self.sent

    @property
    def latency(self) -> float | None:
        """Seconds since it was due."""
        return None if self.received is None else self.received - self.due


def trips(numbers: "array[int]", start: int = 0) -> list[Trip]:
    """Out of a client's records; times count from `start`, in nanoseconds."""
    values = iter(numbers)
    return [
        Trip(
            (due - start) / SECOND, (sent - start) / SECOND, (received - start) / SECOND if received else None
        )
        for due, sent, received in zip(values, values, values, strict=True)
    ]


def round_trips(those: Iterable[Trip]) -> list[float]:
    """Those that were answered, in seconds, the shortest first."""
    return sorted(trip.round_trip for trip in those if trip.round_trip is not None)


def median(those: Iterable[Trip]) -> float | None:
    """Of the round trips, in seconds; None of fewer than 20."""
    return percentile(round_trips(those), 50)


class Echo:
    """A server and `clients` clients of it, on loopback; with `cpus`, the server on the first of these processors and
    its clients on the second. Raises Failed where one of them can't do what it is told."""

    def __init__(
        self, stage: Stage, size: int = SIZE, clients: int = 1, cpus: tuple[int, int] | None = None
    ) -> None:
        self._stage = stage
        server, client = [["--cpu", str(cpu)] for cpu in cpus] if cpus else ([], [])
        argv = [sys.executable, "-m", "benchmarks.echo.server", "--size", str(size), *server]
        self._server = stage.start("The echo server", argv)
        port = stage.wait_for(self._server, told("port"), "starting", START_TIMEOUT)
        argv = [
            sys.executable,
            "-m",
            "benchmarks.echo.client",
            "--port",
            str(port),
            "--size",
            str(size),
            *client,
        ]
        self._clients = [stage.start("A client", argv) for _ in range(clients)]

    def round_trips(self, way: str, count: int, doing: str) -> list[Trip]:
        """`count` of them, one after the other, over `udp`, `tcp`, or `new`: a TCP connection for each."""
        return self._ask([{"do": "round_trips", "way": way, "count": count}], doing)[0]

    def in_parts(self, parts: Sequence[int], nodelay: bool, count: int, doing: str) -> list[Trip]:
        """`count` of them on a new TCP connection, each request in sends of so many bytes."""
        order = {"do": "in_parts", "parts": list(parts), "nodelay": nodelay, "count": count}
        return self._ask([order], doing)[0]

    def loops(
        self, kinds: Sequence[str], start: int, seconds: float, interval: float, doing: str
    ) -> list[list[Trip]]:
        """A client for each of `kinds` (`closed`, `open`), all at the same time, for `seconds` from `start` on
        (nanoseconds); times count from there."""
        orders = [{"do": kind, "start": start, "seconds": seconds, "interval": interval} for kind in kinds]
        return self._ask(orders, doing, start, seconds)

    def stall(self, at: Iterable[int], seconds: float) -> None:
        """Let the server stand still for so long from each of these moments (nanoseconds) on."""
        self._stage.ask(self._server, {"do": "stall", "at": list(at), "seconds": seconds}, "planning stalls")

    def stalled(self) -> list[float]:
        """How long it stood still each time, in seconds."""
        answer = self._stage.ask(self._server, {"do": "stalled"}, "asking the server")
        return [(ended - began) / SECOND for began, ended in answer["stood"]]

    def _ask(
        self, orders: list[dict[str, Any]], doing: str, start: int = 0, seconds: float = 0.0
    ) -> list[list[Trip]]:
        clients = self._clients[: len(orders)]
        for client, order in zip(clients, orders, strict=True):
            client.tell(order)
        found = []
        for report, body in self._stage.collect(clients, doing, seconds + SLACK):
            if "error" in report:
                raise Failed(f"A client can't go on: {report['error']}")
            numbers = array("q")
            numbers.frombytes(body)
            found.append(trips(numbers, start))
        return found


NOTED = ("asked", "granted", "size", "count", "errors", "arrived", "first", "charged", "dropped", "counted")
"""Of a `Burst`, in a table."""


@dataclass(frozen=True)
class Burst:
    """What became of `count` datagrams of `size` bytes, sent at once to a reader that was busy.

    `granted` is the receive buffer that the kernel gave, in bytes, for `asked` (None: the default). The sender's kernel
    took `taken` and refused `errors`, within `seconds`. Of those `arrived` were read, the `first` ones without a gap.
    The reader's kernel had charged `charged` bytes for what was waiting, and had dropped `dropped`; RcvbufErrors, of
    everybody on this machine, grew by `counted` (None: there is no such counter).
    """

    asked: int | None
    granted: int
    size: int
    count: int
    taken: int
    errors: int
    seconds: float
    arrived: int
    first: int
    charged: int
    dropped: int
    counted: int | None

    @property
    def each(self) -> float | None:
        """Bytes of the buffer that one datagram took."""
        return self.charged / self.arrived if self.arrived else None


@dataclass(frozen=True)
class Stream:
    """The same burst over TCP: bytes that the kernel `taken` before it made the sender wait (all, if it did not), and
    messages that `arrived`."""

    size: int
    count: int
    taken: int
    arrived: int


class Bursts:
    """A sender, and a reader that reads when it is told to. Raises Failed where one can't do what it is told."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        argv = [sys.executable, "-m", "benchmarks.echo.burst"]
        self._sender, self._reader = stage.start("The sender", argv), stage.start("The reader", argv)

    def datagrams(self, count: int, size: int, buffer: int | None, doing: str) -> Burst:
        """One burst over UDP."""
        opened = self._told(self._reader, doing, do="listen", buffer=buffer)
        before = kernel.counters()
        sent = self._told(self._sender, doing, do="send", port=opened["port"], count=count, size=size)
        if sent["taken"] + sent["errors"] != count:
            raise Failed(f"{count} datagrams were to be sent, and {sent['taken'] + sent['errors']} were.")
        look = self._told(self._reader, doing, do="look")
        read = self._told(self._reader, doing, do="read")
        after = kernel.counters()
        counted = None
        if before is not None and after is not None:
            counted = kernel.difference(before, after).get("RcvbufErrors")
        return Burst(
            buffer,
            opened["granted"],
            size,
            count,
            sent["taken"],
            sent["errors"],
            sent["seconds"],
            read["arrived"],
            read["first"],
            look["charged"],
            look["dropped"],
            counted,
        )

    def stream(self, count: int, size: int, doing: str) -> Stream:
        """One burst over TCP: the reader is busy until the sender has to wait."""
        opened = self._told(self._reader, doing, do="listen_stream")
        sent = self._told(self._sender, doing, do="send_stream", port=opened["port"], count=count, size=size)
        self._reader.tell({"do": "read_stream", "size": size})
        self._sender.tell({"do": "finish", "rest": count * size - sent["taken"]})
        answers = [answer for answer, _ in self._stage.collect([self._reader, self._sender], doing, SLACK)]
        for answer in answers:
            if "error" in answer:
                raise Failed(f"The burst over TCP can't be made: {answer['error']}")
        return Stream(size, count, sent["taken"], answers[0]["arrived"])

    def _told(self, child: Child, doing: str, **order: Any) -> dict[str, Any]:
        return self._stage.ask(child, order, doing)

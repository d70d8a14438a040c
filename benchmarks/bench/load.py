"""The bench's load: one process, one thread, which plays all members of a room.

    python -m benchmarks.bench.load      (the bench starts it)

It is told what to do in a line of JSON on its standard input (`Order`), as soon as there is a server, and says what
became of it in one line of JSON (`report.Report`). The numbers are made of the bytes after the run, here, because
here they are.
"""

import json
import selectors
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from benchmarks.bench.loads import Load
from benchmarks.bench.report import Percentiles, Report
from benchmarks.bench.sightings import Seen, fates, find, holes
from benchmarks.bench.talking import SECOND, Talk, Talker, Wire
from benchmarks.contestants import CONTESTANTS
from benchmarks.process import (
    cpu_seconds,
    machine_seconds,
    peak_memory,
    private_memory,
    reserved_memory,
    threads,
)
from benchmarks.schedule import Due, evenly, schedule
from benchmarks.seat import Gone, Seat
from common import addresses, clock

AT_ONCE = 16
"""Members that may be joining at a time: hundreds of hellos at once would overflow the buffers they meet."""

LOOK_EVERY = 0.05
"""Seconds between two looks at what is to be repeated while members join."""

SMALL = 4096
"""Bytes of receive buffer of a member that will stop reading: what waits for it then waits at the server."""

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Order:
    """Speak `load` to the contestant that listens at `where`, as process `pid`. `repeat` chooses the moments."""

    contestant: str
    where: tuple[str, int]
    pid: int
    load: Load
    repeat: int


class Used(NamedTuple):
    """Processor time that was used `at` some moment: by the `server`, by this `load`, and by `all` programs."""

    at: float
    server: float | None
    load: float
    all: float | None

    @classmethod
    def by_now(cls, pid: int) -> "Used":
        """By the server with this `pid`."""
        return cls(clock.monotonic(), cpu_seconds(pid), time.process_time(), machine_seconds())

    def others_until(self, later: "Used") -> float | None:
        """How much of a processor programs used that have nothing to do with this."""
        together = _difference(self.all, later.all)
        server = _difference(self.server, later.server)
        if together is None or server is None:
            return None
        return max(0.0, together - server - (later.load - self.load)) / (later.at - self.at)


def join(order: Order) -> list[Seat]:
    """Bring every member in, and wait until each sees all the others. Raises Gone if one can't."""
    driver, load = CONTESTANTS[order.contestant], order.load
    selector = selectors.DefaultSelector()
    seats: list[Seat] = []
    # Only those who still wait are looked at: to look at a thousand for each thing that comes would take longer
    # than the server does.
    outside: set[Seat] = set()
    unready: set[Seat] = set()
    next_look = 0.0
    while len(seats) < load.members or unready:
        while len(seats) < load.members and len(outside) < AT_ONCE:
            number = len(seats)
            small = SMALL if load.stopped and number == load.members - 1 else None
            seat = Seat(driver, number, load.members, order.where, selector, small)
            seat.begin(clock.monotonic())
            for group in (seats.append, outside.add, unready.add):
                group(seat)
        for key, events in selector.select(LOOK_EVERY):
            _serve(key.data, events)
            if key.data.member.joined:
                outside.discard(key.data)
            if key.data.member.ready:
                unready.discard(key.data)
        now = clock.monotonic()
        if now >= next_look:
            next_look = now + LOOK_EVERY
            for seat in unready:
                seat.wake(now)
                if seat.member.problem:
                    raise Gone(seat.member.problem)
    selector.close()
    return seats


def _serve(seat: Seat, events: int) -> None:
    """Send what waits, and hear what has come."""
    if events & selectors.EVENT_WRITE:
        seat.flush()
    if events & selectors.EVENT_READ:
        for _ in seat.receive():
            raise Gone(f"somebody talks to {seat.member.nick} already")


def run(order: Order) -> Report:
    """Make the run. Raises Gone if the members can't join."""
    driver, load = CONTESTANTS[order.contestant], order.load
    empty, reserved = private_memory(order.pid), reserved_memory(order.pid)
    began = clock.monotonic()
    seats = join(order)
    join_s = clock.monotonic() - began
    full, peak = private_memory(order.pid), peak_memory(order.pid)
    running, reserved_full = threads(order.pid), reserved_memory(order.pid)
    planned: list[Due] = []
    if load.rate:
        moments = evenly if load.evenly else schedule
        planned = moments(1, order.repeat, load.senders, load.rate, load.seconds)
    wires = [Wire(seat.member.say, seat.number, load.size) for seat in seats]
    talker = Talker(load, [seat.socket for seat in seats], wires, stream=driver.stream, echoes=driver.echoes)
    used: list[Used] = []

    def note() -> None:
        used.append(Used.by_now(order.pid))

    talk = talker.run(planned, begins=note, ends=note)
    higher = peak_memory(order.pid)
    for seat in seats:
        seat.socket.close()
    return report(
        load,
        talk,
        planned=len(planned) or sum(map(len, talk.sent)),
        stream=driver.stream,
        echoes=driver.echoes,
        cpu_s=_difference(used[0].server, used[1].server),
        others_busy=used[0].others_until(used[1]),
        memory_joined=_difference(empty, full),
        memory_talking=_difference(peak, higher),
        join_s=join_s,
        threads=running,
        reserved_joined=_difference(reserved, reserved_full),
    )


def report(load: Load, talk: Talk, *, planned: int, stream: bool, echoes: bool, **more: Any) -> Report:
    """What became of a run."""
    seen = [
        find(heard.chunks, heard.times, load.size, stream=stream) for heard in talk.heard[: load.listeners]
    ]
    flood = [one.numbers[one.senders == load.members - 1] for one in seen] if load.flood else []
    if load.flood:
        seen = [_but(one, load.members - 1) for one in seen]
    found = fates(talk.due, seen, echoes=echoes)
    due, sent = ([moment for one in moments for moment in one] for moments in (talk.due, talk.sent))
    last = b"".join(talk.heard[-1].chunks)
    return Report(
        planned_messages=planned,
        sent_messages=len(sent),
        expected=found.expected,
        delivered=found.delivered,
        lost=found.lost,
        doubled=found.doubled,
        out_of_order=found.out_of_order,
        unreadable=found.unreadable,
        same_order=found.same_order,
        still_coming=talk.still_coming,
        latency=Percentiles.of(sorted(found.latencies.tolist())),
        lateness=Percentiles.of(sorted((one - other) / SECOND for one, other in zip(sent, due, strict=True))),
        deliveries_per_s=int((found.arrived <= talk.stop).sum()) / load.seconds,
        load_busy=talk.busy,
        members=load.members,
        seconds=load.seconds,
        refused=talk.refused,
        ended=sum(heard.ended for heard in talk.heard[: load.listeners]),
        dropped_as_slow=b'"slow"' in b"".join(talk.heard[0].chunks),
        flooded=talk.flooded,
        flood_seen=min(map(len, flood), default=0),
        flood_holes=sum(map(holes, flood)),
        told_too_fast=last.count(b'"too-fast"'),
        **more,
    )


def _but(seen: Seen, sender: int) -> Seen:
    """What was seen, without what `sender` said."""
    others = seen.senders != sender
    return Seen(seen.senders[others], seen.numbers[others], seen.times[others], seen.unreadable)


def _difference(before: Number | None, after: Number | None) -> Number | None:
    return None if before is None or after is None else after - before


def main() -> int:
    """`python -m benchmarks.bench.load`"""
    # The kernel may put off a wake-up by 50 µs to save power, and does. That would be the load's lateness.
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")
    line = sys.stdin.readline()
    if not line:
        return 0  # whoever started us is gone
    try:
        told = asdict(run(msgspec.json.decode(line, type=Order)))
    except (Gone, addresses.Unusable) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.strerror or error} ({type(error).__name__})", file=sys.stderr)
        return 1
    print(json.dumps(told), flush=True)
    sys.stdin.readline()  # until we are sent away
    return 0


if __name__ == "__main__":
    sys.exit(main())

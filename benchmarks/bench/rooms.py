"""Rooms of several sizes against each other: what a server needs for one more member."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from statistics import median

from benchmarks.bench.loads import Load
from benchmarks.bench.measuring import Places, Run, measure_load
from benchmarks.bench.report import Report
from benchmarks.bench.table import notes
from benchmarks.labbook.chart import Series
from benchmarks.labbook.experiment import Cell
from benchmarks.labbook.words import number
from benchmarks.stage import Wish
from benchmarks.wording import UNKNOWN, named
from common import files

KIB = 1024.0

BESIDE = 400
"""Open files that a server wants beside one for each member, and then some."""

Value = Callable[[Report], float | None]
"""A figure of a room, None where the system does not tell it."""

MEMORY: Value = attrgetter("memory_joined")
RESERVED: Value = attrgetter("reserved_joined")
THREADS: Value = attrgetter("threads")

COLUMNS: dict[str, Callable[[Report], Cell]] = {
    "memory_bytes": MEMORY,
    "reserved_bytes": RESERVED,
    "threads": THREADS,
    "join_s": attrgetter("join_s"),
    "cpu_s": attrgetter("cpu_s"),
    "messages": attrgetter("sent_messages"),
    "expected": attrgetter("expected"),
    "delivered": attrgetter("delivered"),
    "latency_p50_s": attrgetter("latency.p50"),
    "latency_p99_s": attrgetter("latency.p99"),
    "load_busy": attrgetter("load_busy"),
    "others_busy": attrgetter("others_busy"),
}
"""What a CSV file has of each room, behind its transport, its members and the repeat."""

SHOWN: dict[str, tuple[Value, float]] = {
    "KiB each": (attrgetter("memory_per_member"), KIB),
    "threads": (THREADS, 1),
    "all in, s": (attrgetter("join_s"), 1),
    "µs/delivery": (attrgetter("cpu_per_delivery"), 1e-6),
    "p50 ms": (attrgetter("latency.p50"), 1e-3),
    "p99 ms": (attrgetter("latency.p99"), 1e-3),
}
"""What a small table has of it, and the unit that it is shown in."""

TRANSPORTS = ("tcp", "udp")

Rooms = dict[tuple[str, int], dict[int, Report]]
"""By transport and members: the report of each repeat."""


def possible(sizes: Sequence[int]) -> tuple[int, ...]:
    """Those for which this system lets a process have enough open files."""
    allowed = files.allow(max(sizes) + BESIDE)
    return tuple(size for size in sizes if size + BESIDE <= allowed)


def fill(
    transport: str, load: Load, repeat: int, interrupted: Wish, progress: Callable[[str], None]
) -> Report:
    """Fill a room over this transport, and have it talk. Raises as `measure_load` does."""

    def tell(detail: str) -> None:
        progress(f"{load.members} members over {named(transport)}, repeat {repeat}: {detail}")

    return measure_load(transport, load, repeat, Places.here(), interrupted, tell)


def per_message(report: Report) -> float | None:
    """The server's processor time for one message to everybody, in seconds."""
    return None if report.cpu_s is None or not report.sent_messages else report.cpu_s / report.sent_messages


def slopes(rooms: Rooms, transport: str, small: int, large: int, value: Value) -> list[float]:
    """What one more member adds to `value`, between two sizes of the room, in each repeat that has both."""
    found = []
    for repeat, report in rooms.get((transport, large), {}).items():
        less = rooms.get((transport, small), {}).get(repeat)
        before, after = None if less is None else value(less), value(report)
        if before is not None and after is not None:
            found.append((after - before) / (large - small))
    return found


def middle(rooms: Rooms, transport: str, size: int, value: Value) -> float | None:
    """The median of the repeats; None where none has it."""
    found = [known for one in rooms.get((transport, size), {}).values() if (known := value(one)) is not None]
    return float(median(found)) if found else None


def stack() -> float:
    """Bytes of addresses that the system reserves for the stack of a thread (pthread_create(3))."""
    import resource  # Windows has none, and lists the experiments, too

    limit, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return float(2 << 20 if limit == resource.RLIM_INFINITY else limit)


def sizes(rooms: Rooms) -> list[int]:
    """Of all rooms, the smallest first."""
    return sorted({size for _, size in rooms})


def remarks(rooms: Rooms) -> list[str]:
    """In the words of make bench: what was lost, whether the load was slower, whether others used the processors."""
    return notes(
        {
            (Run(transport, f"{size} members"), repeat): report
            for (transport, size), those in rooms.items()
            for repeat, report in those.items()
        }
    )


def rows(rooms: Rooms) -> list[list[Cell]]:
    """For a CSV file: a room each."""
    return [
        [transport, size, repeat, *(value(report) for value in COLUMNS.values())]
        for (transport, size), those in rooms.items()
        for repeat, report in those.items()
    ]


def table(rooms: Rooms) -> list[list[str]]:
    """For a person: the medians of the repeats, under their headings."""
    found = [["members", "", *SHOWN, "n"]]
    for size in sizes(rooms):
        for transport in TRANSPORTS:
            if those := rooms.get((transport, size)):
                middles = [(middle(rooms, transport, size, value), unit) for value, unit in SHOWN.values()]
                cells = [UNKNOWN if one is None else number(one / unit, "") for one, unit in middles]
                found.append([str(size), transport, *cells, str(len(those))])
    return found


def series(rooms: Rooms, value: Value, unit: float) -> list[Series]:
    """For a figure: the medians over the size of the room, in so large a unit, of each transport that has any."""
    found = []
    x = [float(size) for size in sizes(rooms)]
    for transport in TRANSPORTS:
        middles = [middle(rooms, transport, size, value) for size in sizes(rooms)]
        if any(one is not None for one in middles):
            y = [None if one is None else one / unit for one in middles]
            found.append(Series(transport.upper(), transport, x, y))
    return found

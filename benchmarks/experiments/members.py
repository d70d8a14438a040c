"""What does a thread per connection cost?

Question
    A room of 10 to 2000 members: what does each of them cost the server, as a thread over TCP, as an entry in a table
    over UDP?

Why it matters
    "A thread per client does not scale" is in every textbook, and hardly anywhere the number of clients at which it
    stops, or what runs out then. Dan Kegel's "The C10K problem" (1999) made the question famous, and named the stack of
    each thread as what runs out.

Prediction
    A thread of Linux has a stack of 8 MiB, so 1000 threads have 8 GiB. Does this machine have that? How much memory
    does the server need for one more member?

Method
    The server runs on one processor, and on another a single process that plays all members. When all are in, one of
    them says 64 bytes, 20 times a second, at even intervals, and everybody is sent that. The server is looked at from
    outside (/proc): the pages that it alone has written to, its threads, its processor time. What the first few
    members cost, whatever comes with the first message and the first thread, is left out: a figure for one more member
    is the slope between a small and a large room.

Expected
    TCP: one thread and 17 to 28 KiB for each member (seen once: 21 to 24; a page more or less is 4). Of its stack of
    8 MiB (ulimit -s, pthread_create(3)) a thread that only waits in recv has touched two pages, 8 KiB; the rest is
    Python's objects for it. Reserved is all of the stack: addresses cost nothing.

    UDP: no thread, and less than 2 KiB: a nick, a token and an address.

    A message goes to one member after the other, so its fan-out grows linearly: some 8 µs for each member over TCP
    (seen once; 4 to 16 on other machines), nearly all of it the system call and the kernel's way through loopback. The
    median member waits for half of that. One more costs as much in a large room as in a small one: what the second
    thousand costs, over what the first did, is 1, and would be 2.5 if the fan-out were quadratic. To let everybody in
    is: each newcomer is told to all who are there, n²/2 messages.

What would change it
    Threads that are busy instead of waiting: they would take turns at Python's one lock. Deeper calls touch more of the
    stack. The kernel's own share is not in these figures: of each thread a kernel stack of 16 KiB (x86-64), of each
    connection its buffers, up to megabytes while somebody does not read (experiment slow-reader).
"""

from collections.abc import Callable
from operator import attrgetter
from statistics import median

from benchmarks.bench.loads import Load
from benchmarks.bench.measuring import Places, Run, measure_load
from benchmarks.bench.report import Report
from benchmarks.bench.table import notes
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Cell, Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.process import WHY_UNKNOWN
from benchmarks.wording import UNKNOWN, ms, named, three_digits
from common import files

SIZES = (10, 50, 200, 500, 1000, 2000)
"""Members. The largest room is made once: everybody takes ten seconds to come in."""

QUICK = (10, 200, 500)

BESIDE = 400
"""Open files that a server wants beside one for each member, and then some."""

RATE = 20.0
"""Messages per second: the fan-out of one is over before the next is due."""

KIB, MIB = 1024.0, 1024.0 * 1024

EACH = (17.0, 28.0)
"""KiB that a member is expected to cost over TCP."""

Value = Callable[[Report], float | None]
Rooms = dict[tuple[str, int], dict[int, Report]]
"""By transport and members: the report of each repeat."""


def run(lab: Lab) -> Outcome:
    """Fill the rooms, from the smallest on, the transports taking turns."""
    sizes, repeats, seconds = lab.pick(SIZES, QUICK), lab.pick(2, 1), lab.pick(1.5, 0.8)
    allowed = files.allow(max(sizes) + BESIDE)
    if too_large := [size for size in sizes if size + BESIDE > allowed]:
        sizes = tuple(size for size in sizes if size not in too_large)
        lab.warnings.append(
            f"This system allows {allowed:,} open files (ulimit -Hn): rooms of {', '.join(map(str, too_large))} "
            "members were left out."
        )
    rooms: Rooms = {}
    for repeat in range(1, repeats + 1):
        for size in sizes:
            if size == SIZES[-1] and repeat > 1:
                continue
            for transport in ("tcp", "udp") if repeat % 2 else ("udp", "tcp"):
                load = Load(members=size, senders=1, rate=RATE, seconds=seconds, evenly=True)
                rooms.setdefault((transport, size), {})[repeat] = fill(lab, transport, load, repeat)
    # In the words of make bench: what was lost, whether the load was slower, whether others used the processors.
    lab.warnings += notes(
        {
            (Run(transport, f"{size} members"), repeat): report
            for (transport, size), those in rooms.items()
            for repeat, report in those.items()
        }
    )
    return outcome(rooms, lab.quick)


def fill(lab: Lab, transport: str, load: Load, repeat: int) -> Report:
    """Fill a room, and have one member talk."""
    what = f"{load.members} members over {named(transport)}, repeat {repeat}"
    return measure_load(
        transport,
        load,
        repeat,
        Places.here(),
        lab.interrupted,
        lambda detail: lab.progress(f"{what}: {detail}"),
    )


def outcome(rooms: Rooms, quick: bool) -> Outcome:
    """What these rooms show."""
    sizes = sorted({size for _, size in rooms})
    return Outcome(
        findings=_findings(rooms, quick),
        said=_said(rooms),
        columns=["transport", "members", "repeat", *COLUMNS],
        rows=[
            [transport, size, repeat, *(value(report) for value in COLUMNS.values())]
            for (transport, size), those in rooms.items()
            for repeat, report in those.items()
        ],
        table=_table(rooms, sizes),
        charts=[_chart(rooms, sizes)],
        conditions=[
            ("network", "loopback"),
            ("said", f"64 bytes, {RATE:g} times a second, by one member"),
            ("repeats", f"{max(map(len, rooms.values()), default=0)}"),
        ],
    )


COLUMNS: dict[str, Callable[[Report], Cell]] = {
    "memory_bytes": attrgetter("memory_joined"),
    "reserved_bytes": attrgetter("reserved_joined"),
    "threads": attrgetter("threads"),
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

MEMORY: Value = attrgetter("memory_joined")
RESERVED: Value = attrgetter("reserved_joined")
THREADS: Value = attrgetter("threads")


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


def stack() -> float:
    """MiB of addresses that the system reserves for the stack of a thread (pthread_create(3))."""
    import resource  # Windows has none, and lists the experiments, too

    limit, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return 2.0 if limit == resource.RLIM_INFINITY else limit / MIB


def _findings(rooms: Rooms, quick: bool) -> list[Finding]:
    few, some, many = QUICK if quick else (10, 200, 1000)

    def each(transport: str, value: Value, unit: float, small: int = few, large: int = many) -> list[float]:
        return [slope / unit for slope in slopes(rooms, transport, small, large, value)]

    waits = "Over TCP each connection has a thread that waits in recv; over UDP one socket hears everybody."
    found = [
        finding.repeats(
            "tcp-threads",
            "TCP: threads for one more member",
            "",
            each("tcp", THREADS, 1),
            expected=Expected(1.0, 1.0, "tcp/server.py"),
            because=waits,
            unless="Somebody's connection had ended.",
            missing=WHY_UNKNOWN,
        ),
        finding.repeats(
            "udp-threads",
            "UDP: threads for one more member",
            "",
            each("udp", THREADS, 1),
            expected=Expected(0.0, 0.0, "udp/server.py"),
            because=waits,
            unless="That would be a fault of this lab's server.",
            missing=WHY_UNKNOWN,
        ),
        finding.repeats(
            "tcp-memory",
            "TCP: memory for one more",
            "KiB",
            each("tcp", MEMORY, KIB),
            expected=Expected(*EACH, "seen once: 21 to 24 KiB; two pages of stack, the rest Python's"),
            because="A thread that waits has touched two pages of its stack; all else is objects.",
            unless="Another Python or C library keeps other things for each thread.",
            missing=WHY_UNKNOWN,
        ),
        finding.repeats(
            "udp-memory",
            "UDP: memory for one more",
            "KiB",
            each("udp", MEMORY, KIB),
            expected=Expected(None, 2.0, "a nick, a token, an address; seen once: 1.5 KiB"),
            because="Over UDP a member is a few objects in a table.",
            unless="Python takes memory by the mebibyte: in a small room that is much for each.",
            missing=WHY_UNKNOWN,
        ),
        finding.repeats(
            "tcp-reserved",
            "TCP: addresses for one more",
            "MiB",
            each("tcp", RESERVED, MIB, some),
            expected=Expected(stack(), 1.05 * stack(), "ulimit -s, pthread_create(3)"),
            because="All of a thread's stack is reserved, which takes addresses and no memory.",
            unless="The C library reserves 64 MiB at a time for what threads allocate, and few threads share that.",
            missing=WHY_UNKNOWN,
        ),
        finding.repeats(
            "tcp-cpu",
            "TCP: processor time for one more",
            "µs",
            each("tcp", per_message, 1e-6, some),
            expected=Expected(4.0, 16.0, "a send over loopback; seen once: 8 µs"),
            because="To say a message to one more member is one more send, and the kernel's way through loopback.",
            unless="This machine is more than twice as fast or slow, or did other things meanwhile.",
            missing=WHY_UNKNOWN,
        ),
        finding.repeats(
            "udp-cpu", "UDP: processor time for one more", "µs", each("udp", per_message, 1e-6, some)
        ),
        finding.repeats(
            "tcp-median",
            f"TCP: half of {many} have it after",
            "ms",
            [
                1e3 * report.latency.p50
                for report in rooms.get(("tcp", many), {}).values()
                if report.latency.p50 is not None
            ],
            expected=Expected(0.002 * many, 0.008 * many, "half a fan-out: n/2 times 4 to 16 µs"),
            because="The members are sent a message one after the other: half of them wait for half of the fan-out.",
            unless="Other programs used the processors: one that waits for its turn waits for milliseconds.",
        ),
    ]
    largest = SIZES[-1]
    if ("tcp", largest) in rooms:
        found += [_linear(rooms, some, many, largest), _quadratic(rooms, many, largest)]
    return found


def _linear(rooms: Rooms, some: int, many: int, largest: int) -> Finding:
    """Whether the last thousand costs as much for each as those before."""
    later = slopes(rooms, "tcp", many, largest, per_message)
    earlier = slopes(rooms, "tcp", some, many, per_message)
    return finding.repeats(
        "tcp-linear",
        f"TCP: that beyond {many}, against below",
        "×",
        [median(later) / median(earlier)] if later and earlier and median(earlier) > 0 else [],
        expected=Expected(0.6, 1.6, "linear: 1; quadratic would be 2.5"),
        because="The fan-out is linear: a message to twice as many is twice as many sends.",
        unless="What the server touches for each member no longer fits into the processor's cache, or this machine was "
        "busy in one of the runs.",
        missing=WHY_UNKNOWN,
    )


def _quadratic(rooms: Rooms, many: int, largest: int) -> Finding:
    """How much longer it takes twice as many to come in."""
    both = rooms.get(("tcp", many), {}), rooms.get(("tcp", largest), {})
    return finding.repeats(
        "tcp-joining",
        f"TCP: {largest} come in, against {many}",
        "×",
        [both[1][repeat].join_s / both[0][repeat].join_s for repeat in both[1] if repeat in both[0]],
        expected=Expected(3.0, 5.5, f"n²/2 messages: ({largest}/{many})² = {(largest / many) ** 2:g}"),
        because="To come in is quadratic: each newcomer is told to all who are there.",
        unless="In it is the work of the load, which hears all of these messages in one process.",
    )


def _middle(rooms: Rooms, transport: str, size: int, value: Value) -> float | None:
    """The median of the repeats."""
    found = [known for one in rooms.get((transport, size), {}).values() if (known := value(one)) is not None]
    return float(median(found)) if found else None


def _said(rooms: Rooms) -> list[str]:
    said = []
    largest = max((size for transport, size in rooms if transport == "tcp"), default=0)
    memory, reserved, threads = (
        _middle(rooms, "tcp", largest, value) for value in (MEMORY, RESERVED, THREADS)
    )
    if memory and reserved and threads:
        said.append(
            f"{largest} members over TCP are {threads:.0f} threads. They reserve {three_digits(reserved / MIB)} MiB of "
            f"addresses, and have written to {three_digits(memory / MIB)} MiB of memory: "
            f"{100 * memory / reserved:.1f} % of that."
        )
    datagrams = _middle(rooms, "udp", largest, MEMORY)
    if datagrams is not None:
        said.append(
            f"Over UDP the same room takes {three_digits(datagrams / KIB)} KiB more than an empty one."
        )
    took = _middle(rooms, "tcp", largest, per_message)
    if took:
        said.append(
            f"One message to {largest} members takes the TCP server {ms(took)} ms of a processor: it could say "
            f"{1 / took:,.0f} such messages a second, and no more."
        )
    return said


def _table(rooms: Rooms, sizes: list[int]) -> list[list[str]]:
    rows = [["members", "", "KiB each", "threads", "all in, s", "µs/delivery", "p50 ms", "p99 ms", "n"]]
    for size in sizes:
        for transport in ("tcp", "udp"):
            if those := rooms.get((transport, size)):
                values: list[tuple[Value, float]] = [
                    (attrgetter("memory_per_member"), 1 / KIB),
                    (THREADS, 1),
                    (attrgetter("join_s"), 1),
                    (attrgetter("cpu_per_delivery"), 1e6),
                    (attrgetter("latency.p50"), 1e3),
                    (attrgetter("latency.p99"), 1e3),
                ]
                shown = [(_middle(rooms, transport, size, value), unit) for value, unit in values]
                cells = [UNKNOWN if one is None else three_digits(one * unit) for one, unit in shown]
                cells[1] = UNKNOWN if shown[1][0] is None else f"{shown[1][0]:.0f}"
                rows.append([str(size), transport, *cells, str(len(those))])
    return rows


def _chart(rooms: Rooms, sizes: list[int]) -> Curves:
    def series(value: Value, unit: float) -> list[Series]:
        found = []
        for transport in ("tcp", "udp"):
            middles = [_middle(rooms, transport, size, value) for size in sizes]
            if any(one is not None for one in middles):
                y = [None if one is None else one * unit for one in middles]
                found.append(Series(transport.upper(), transport, [float(size) for size in sizes], y))
        return found

    largest = float(max(sizes, default=0))
    band = Reference(
        f"{EACH[0]:g} to {EACH[1]:g} KiB each",
        [0.0, largest],
        [0.0, EACH[0] * largest / KIB],
        [0.0, EACH[1] * largest / KIB],
    )
    eight = Reference("8 µs each", [0.0, largest], [0.0, largest * 0.008])
    work = "One message to everybody"
    return Curves(
        "members",
        "What the server grows by while the members come in, and how much of a processor it needs to send one message "
        "to all of them, over the size of the room (medians of the repeats). Both are lines: each member costs what "
        "the one before did.",
        [
            Panel("Memory, all members together", "members", "memory, MiB", series(MEMORY, 1 / MIB), [band]),
            Panel(work, "members", "processor time, ms", series(per_message, 1e3), [eight]),
        ],
        beside=True,
    )


EXPERIMENT = Experiment(
    name="members",
    ask=Number("how much memory does one more member cost the TCP server?", "KiB", "tcp-memory"),
    seconds=(90, 14),
    run=run,
    link=False,
    think=(
        "How many members would fill this machine's memory over TCP? What runs out before that?",
        "A room of 2000 in which everybody says a word a minute: how busy is the server?",
        "Which of these figures would be others if one thread waited for all connections with a selector?",
    ),
)

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
    outside (/proc): the pages that it alone has written to, its threads, its processor time. A figure for one more
    member is the slope between a small and a large room: what comes once, with the first thread or the first message,
    is not in it.

Expected
    TCP: one thread and 17 to 28 KiB for each member (seen once: 21 to 24; a page more or less is 4). Of its stack of
    8 MiB (ulimit -s, pthread_create(3)) a thread that only waits in recv has touched two pages, 8 KiB; the rest is
    Python's objects for it. Reserved is all of the stack: addresses cost nothing.

    UDP: no thread, and less than 2 KiB: a nick, a token and an address.

    A message goes to one member after the other, so its fan-out grows linearly: some 8 µs for each member over TCP
    (seen once; 4 to 16 on other machines), nearly all of it the system call and the kernel's way through loopback. The
    median member waits for half of that. One more costs as much in a large room as in a small one: what the second
    thousand costs, over what the first did, is 1. It would be 2.5 if the fan-out were quadratic.

    To let everybody in is quadratic: each newcomer is told to all who are there, n²/2 messages.

What would change it
    Threads that are busy instead of waiting: they would take turns at Python's one lock. Deeper calls touch more of the
    stack. The kernel's own share is not in these figures: of each thread a kernel stack of 16 KiB (x86-64), of each
    connection its buffers, up to megabytes while somebody does not read (experiment slow-reader).
"""

from statistics import median

from benchmarks.bench import rooms as figures
from benchmarks.bench.loads import Load
from benchmarks.bench.rooms import MEMORY, RESERVED, THREADS, Rooms, Value, middle, per_message, slopes, stack
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Reference
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.finding import Words
from benchmarks.labbook.lab import Lab
from benchmarks.process import WHY_UNKNOWN
from benchmarks.wording import ms, named, three_digits

SIZES = (10, 50, 200, 500, 1000, 2000)
"""Members. The largest room is made once: everybody takes ten seconds to come in."""

QUICK = (10, 200, 500)

RATE = 20.0
"""Messages per second: the fan-out of one is over before the next is due."""

KIB, MIB = 1024.0, 1024.0 * 1024

FIGURES: dict[str, tuple[str, str, float, Value]] = {
    "threads": ("threads", "", 1, THREADS),
    "memory": ("memory", "KiB", KIB, MEMORY),
    "reserved": ("addresses", "MiB", MIB, RESERVED),
    "cpu": ("processor time", "µs", 1e-6, per_message),
}
"""What a member may cost: what it is called, its unit, how large that is, and where it comes from."""

LARGER = ("reserved", "cpu")
"""Those that are compared with a larger room than the smallest, which has hardly any of it."""

EACH = (17.0, 28.0)
"""KiB that a member is expected to cost over TCP."""


def run(lab: Lab) -> Outcome:
    """Fill the rooms, from the smallest on, the transports taking turns."""
    wanted, repeats, seconds = lab.pick(SIZES, QUICK), lab.pick(2, 1), lab.pick(1.5, 0.8)
    sizes = figures.possible(wanted)
    if sizes != wanted:
        lab.warnings.append(
            "This system allows too few open files for rooms of more than "
            f"{max(sizes, default=0)} members (ulimit -Hn): larger ones were left out."
        )
    rooms: Rooms = {}
    for repeat in range(1, repeats + 1):
        for size in sizes:
            if size == SIZES[-1] and repeat > 1:
                continue
            for transport in ("tcp", "udp") if repeat % 2 else ("udp", "tcp"):
                load = Load(members=size, senders=1, rate=RATE, seconds=seconds, evenly=True)
                report = figures.fill(transport, load, repeat, lab.interrupted, lab.progress)
                rooms.setdefault((transport, size), {})[repeat] = report
    lab.warnings += figures.remarks(rooms)
    return outcome(rooms, lab.quick)


def outcome(rooms: Rooms, quick: bool) -> Outcome:
    """What these rooms show."""
    return Outcome(
        findings=_findings(rooms, quick),
        said=_said(rooms),
        columns=["transport", "members", "repeat", *figures.COLUMNS],
        rows=figures.rows(rooms),
        table=figures.table(rooms),
        charts=[_chart(rooms)],
        conditions=[
            ("network", "loopback"),
            ("said", f"64 bytes, {RATE:g} times a second, by one member"),
            ("repeats", f"{max(map(len, rooms.values()), default=0)}"),
        ],
    )


def _findings(rooms: Rooms, quick: bool) -> list[Finding]:
    few, some, many = QUICK if quick else (10, 200, 1000)
    waits = "Over TCP each connection has a thread that waits in recv; over UDP one socket hears everybody."
    words = {
        ("tcp", "threads"): Words(
            expected=Expected(1.0, 1.0, "tcp/server.py"),
            because=waits,
            unless="Somebody's connection had ended.",
            missing=WHY_UNKNOWN,
        ),
        ("udp", "threads"): Words(
            expected=Expected(0.0, 0.0, "udp/server.py"),
            because=waits,
            unless="That would be a fault of this lab's server.",
            missing=WHY_UNKNOWN,
        ),
        ("tcp", "memory"): Words(
            expected=Expected(*EACH, "seen once: 21 to 24 KiB; two pages of stack, the rest Python's"),
            because="A thread that waits has touched two pages of its stack; all else is objects.",
            unless="Another Python or C library keeps other things for each thread.",
            missing=WHY_UNKNOWN,
        ),
        ("udp", "memory"): Words(
            expected=Expected(None, 2.0, "a nick, a token, an address; seen once: 1.5 KiB"),
            because="Over UDP a member is a few objects in a table.",
            unless="Python takes memory by the mebibyte: in a small room that is much for each.",
            missing=WHY_UNKNOWN,
        ),
        ("tcp", "reserved"): Words(
            expected=Expected(stack() / MIB, 1.05 * stack() / MIB, "ulimit -s, pthread_create(3)"),
            because="All of a thread's stack is reserved, which takes addresses and no memory.",
            unless="The C library reserves 64 MiB at a time for what threads allocate, and few threads share that.",
            missing=WHY_UNKNOWN,
        ),
        ("tcp", "cpu"): Words(
            expected=Expected(4.0, 16.0, "a send over loopback; seen once: 8 µs"),
            because="To say a message to one more member is one more send, and the kernel's way through loopback.",
            unless="This machine is more than twice as fast or slow, or did other things meanwhile.",
            missing=WHY_UNKNOWN,
        ),
        ("udp", "cpu"): Words(missing=WHY_UNKNOWN),
    }
    found = []
    for (transport, figure), said in words.items():
        what, unit, size, value = FIGURES[figure]
        values = slopes(rooms, transport, some if figure in LARGER else few, many, value)
        name, full = f"{transport}-{figure}", f"{named(transport)}: {what} for one more"
        found.append(finding.repeats(name, full, unit, [slope / size for slope in values], **said))
    found.append(_median(rooms, many))
    largest = SIZES[-1]
    if ("tcp", largest) in rooms:
        found += [_linear(rooms, some, many, largest), _quadratic(rooms, many, largest)]
    return found


def _median(rooms: Rooms, many: int) -> Finding:
    halves = [report.latency.p50 for report in rooms.get(("tcp", many), {}).values()]
    return finding.repeats(
        "tcp-median",
        f"TCP: half of {many} have it after",
        "ms",
        [1e3 * half for half in halves if half is not None],
        expected=Expected(0.002 * many, 0.008 * many, "half a fan-out: n/2 times 4 to 16 µs"),
        because="The members are sent a message one after the other: half of them wait for half of the fan-out.",
        unless="Other programs used the processors: one that waits for its turn waits for milliseconds.",
    )


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


def _said(rooms: Rooms) -> list[str]:
    said = []
    largest = max((size for transport, size in rooms if transport == "tcp"), default=0)
    memory, reserved, threads = (
        middle(rooms, "tcp", largest, value) for value in (MEMORY, RESERVED, THREADS)
    )
    if memory and reserved and threads:
        said.append(
            f"{largest} members over TCP are {threads:.0f} threads. They reserve {three_digits(reserved / MIB)} MiB of "
            f"addresses, and have written to {three_digits(memory / MIB)} MiB of memory: "
            f"{100 * memory / reserved:.1f} % of that."
        )
    datagrams = middle(rooms, "udp", largest, MEMORY)
    if datagrams is not None:
        said.append(
            f"Over UDP the same room takes {three_digits(datagrams / KIB)} KiB more than an empty one."
        )
    took = middle(rooms, "tcp", largest, per_message)
    if took:
        said.append(
            f"One message to {largest} members takes the TCP server {ms(took)} ms of a processor: it could say "
            f"{1 / took:,.0f} such messages a second, and no more."
        )
    return said


def _chart(rooms: Rooms) -> Curves:
    ends = [0.0, float(max((size for _, size in rooms), default=0))]
    low, high = ([each * size / KIB for size in ends] for each in EACH)
    return Curves(
        "members",
        "What the server grows by while the members come in, and how much of a processor it needs to send one message "
        "to all of them, over the size of the room (medians of the repeats). Both are lines: each member costs what "
        "the one before did.",
        [
            Panel(
                "Memory, all members together",
                "members",
                "memory, MiB",
                figures.series(rooms, MEMORY, MIB),
                [Reference(f"{EACH[0]:g} to {EACH[1]:g} KiB each", ends, low, high)],
            ),
            Panel(
                "One message to everybody",
                "members",
                "processor time, ms",
                figures.series(rooms, per_message, 1e-3),
                [Reference("8 µs each", ends, [0.008 * size for size in ends])],
            ),
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

"""One member stops reading.

Question
    Somebody's laptop goes to sleep, or his program hangs, while the others talk on. What do the others notice?

Why it matters
    A room has as many readers as members, and one of them is always the slowest. If sending waits for him, he decides
    for all; if it does not, somebody has to keep what he has not read, or to throw it away.

Prediction
    The others say 2 MB a second to the naive server of the course, which sends with a blocking send. After how many MB
    do all of them stand still?

Method
    Five members on one machine: one talks, 1,000 texts a second of 2,000 bytes each, the others read. Then one stops
    reading, and in the end he reads again. The same over the naive server (with framing, so that texts can be told
    apart), over tcp/server.py and over udp/server.py. Latency counts from when a text was due, at the three others.

Expected
    Naive: everybody stands still after about 3.9 MB (seen once): what the sending and the receiving socket's buffers
    hold, of which the first grows up to 4 MB (tcp_wmem of tcp(7)). When he reads again, all go on. tcp/server.py:
    nobody else notices; he is dropped with 1 MiB in his outbox, beside what the kernel took (InspIRCd allows a send
    queue of 1 MiB, ngircd 32 KiB). Over UDP: nobody else notices, and he loses what his receive buffer does not hold.

What would change it
    Other limits of tcp_wmem and tcp_rmem, or SO_SNDBUF. Smaller texts: the kernel counts what a packet takes in memory,
    not its bytes alone. A room in which less is said stands still later, but it does.
"""

from statistics import median

from benchmarks import kernel
from benchmarks.contestants.naive.driver import Faulty
from benchmarks.contestants.naive.faults import COURSE, NO_FRAMING
from benchmarks.contestants.naive.room import room
from benchmarks.contestants.naive.stalled import LISTENERS, RATE, SIZE, Stalled, Watching, megabytes, stall
from benchmarks.drivers import DRIVERS, Driver
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Series
from benchmarks.labbook.experiment import Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.wording import UNKNOWN, ms
from common import limits

USUAL_WMEM = 4 << 20
"""What Linux lets a send buffer grow to, usually, in bytes."""

USUAL_RMEM = 212_992
"""The receive buffer of a UDP socket that asks for none, `net.core.rmem_default`, in bytes."""

NOTICED = 50.0
"""Milliseconds: half of what a person notices in a conversation, and far more than a busy machine usually adds."""

Runs = dict[str, list[Stalled]]
"""By server: `naive`, `tcp` or `udp`."""


def run(lab: Lab) -> Outcome:
    """Take turns between the servers."""
    repeats = lab.pick(2, 1)
    reading, stopped = lab.pick((2.0, 4.0), (0.8, 3.2))
    drivers: dict[str, tuple[Driver, int | None]] = {
        "naive": (Faulty(COURSE - {NO_FRAMING}), None),
        "tcp": (Watching(), None),
        # Linux doubles what it is asked for: members of the load have a larger one, and this one is to have the usual.
        "udp": (DRIVERS["udp"], USUAL_RMEM // 2),
    }
    runs: Runs = {name: [] for name in drivers}
    for repeat in range(1, repeats + 1):
        for name, (driver, buffer) in drivers.items():
            with lab.stage(f"{name}, repeat {repeat}") as stage, room(stage, driver) as here:
                runs[name].append(stall(here, reading, stopped, buffer))
    return outcome(runs, send_buffer())


def send_buffer() -> int:
    """The most that the kernel lets a TCP connection's send buffer grow to, in bytes."""
    try:
        return kernel.setting("net.ipv4.tcp_wmem")[2]
    except OSError:  # not Linux
        return USUAL_WMEM


def outcome(runs: Runs, wmem: int) -> Outcome:
    """What they say; `wmem` is what `send_buffer` says."""
    columns = ["said", "heard", "still_s", "dropped_after", "found", "p99_before", "p99_after"]
    return Outcome(
        findings=_findings(runs, wmem / 1e6),
        said=_said(runs),
        columns=["server", "repeat", *columns],
        rows=[
            [name, repeat, one.said, one.heard, one.still, one.dropped, one.found, *one.p99()]
            for name, those in runs.items()
            for repeat, one in enumerate(those, 1)
        ],
        charts=[_chart(runs)],
        table=_table(runs),
        conditions=[
            ("network", "loopback"),
            ("talk", f"{RATE:,} texts a second of {SIZE:,} bytes, {LISTENERS} others"),
            ("repeats", str(len(runs["naive"]))),
        ],
    )


def _findings(runs: Runs, wmem: float) -> list[Finding]:
    naive, tcp, udp = runs["naive"], runs["tcp"], runs["udp"]
    stood = [one for one in naive if one.still is not None]
    buffers = f"tcp_wmem of tcp(7): up to {wmem:.1f} MB, and the receiver's; seen once: 3.9 MB"
    outbox = limits.OUTBOX_LIMIT / 1e6
    return [
        finding.repeats(
            "naive-stops",
            "naive: all stand still after",
            "MB",
            [megabytes(one.heard) for one in stood],
            expected=Expected(0.5 * wmem, 1.5 * wmem, buffers),
            because="The kernel keeps what is not read until both sockets' buffers are full. Then send waits, and with "
            "it the thread that would serve the others.",
            unless="The kernel's buffers are of another size here: see tcp_wmem and tcp_rmem.",
            missing="Nobody stood still while it was watched.",
        ),
        finding.portion(
            "naive-goes-on",
            "naive: goes on when he reads again",
            sum(one.went_on is True for one in stood),
            len(stood),
            "repeats",
            expected=Expected(100, 100, "it was he who was waited for"),
            because="As soon as he reads, send returns, and everything that had waited comes at once.",
            missing="Nobody stood still.",
        ),
        finding.repeats(
            "tcp-drops",
            "tcp: he is dropped after",
            "MB",
            [megabytes(one.dropped) for one in tcp if one.dropped is not None],
            expected=Expected(
                0.5 * wmem + outbox, 1.5 * wmem + outbox, f"the same, and an outbox of {outbox:.2f} MB"
            ),
            because="What the kernel does not take waits in his outbox, and that has a limit.",
            unless="The kernel's buffers are of another size here: see tcp_wmem and tcp_rmem.",
            missing="He was not dropped while it was watched.",
        ),
        *(_heard(name, runs[name]) for name in ("tcp", "udp")),
        *(_later(name, runs[name]) for name in ("tcp", "udp")),
        finding.portion(
            "udp-loses",
            "udp: what he has lost",
            sum(one.said - one.found for one in udp),
            sum(one.said for one in udp),
            "texts",
            expected=Expected(
                50, 99.99, "a receive buffer of 212,992 bytes, of more than 6 MB that were said"
            ),
            because="His kernel keeps what his receive buffer holds, and drops the rest without telling anybody.",
            unless="This kernel's receive buffers are far larger than usual.",
        ),
    ]


def _heard(name: str, those: list[Stalled]) -> Finding:
    return finding.portion(
        f"{name}-others",
        f"{name}: what each of the others heard",
        sum(min(one.heard, one.said) for one in those),
        sum(one.said for one in those),
        "texts",
        expected=Expected(100, 100, "nobody waits for somebody else's socket"),
        because="A server that never waits for one socket has all its time for the others.",
        unless="Something else lost messages: is this machine so busy that receive buffers overflow?",
    )


def _later(name: str, those: list[Stalled]) -> Finding:
    pairs = [one.p99() for one in those]
    return finding.repeats(
        f"{name}-p99",
        f"{name}: the others' p99 grew by",
        "ms",
        [1e3 * (after - before) for before, after in pairs if before is not None and after is not None],
        expected=Expected(
            None, NOTICED, "unchanged, but for other programs; who has to wait for him waits for seconds"
        ),
        because="The others are as fast as before: nothing of theirs stands behind his.",
        unless="A p99 is made of the worst moments, and another program wanted the processor in one: make it again.",
    )


def _said(runs: Runs) -> list[str]:
    said = []
    if stood := [one for one in runs["naive"] if one.still is not None]:
        mb = median(megabytes(one.heard) for one in stood)
        seconds = median(one.still or 0.0 for one in stood)
        said.append(
            f"Over the naive server nobody heard anything more {seconds:.1f} s and {mb:.1f} MB after one had stopped "
            "reading: he decided for all of them."
        )
    if dropped := [one for one in runs["tcp"] if one.dropped is not None]:
        mb = median(megabytes(one.dropped or 0) for one in dropped)
        found = median(megabytes(one.found) for one in dropped)
        said.append(
            f"tcp/server.py dropped him after {mb:.1f} MB. The kernel had {found:.1f} MB of that, which he read later: "
            f"the rest, {mb - found:.1f} MB, had waited in his outbox."
        )
    if those := runs["udp"]:
        found, all_of_it = median(one.found for one in those), median(one.said for one in those)
        others = "; nobody else lost one for that" if all(one.heard >= one.said for one in those) else ""
        said.append(f"Over UDP he found {found:,.0f} of {all_of_it:,.0f} texts when he read again{others}.")
    return said


def _table(runs: Runs) -> list[list[str]]:
    rows = [
        ["server", "others heard", "of", "p99 before, ms", "p99 after, ms", "he found", "dropped after, MB"]
    ]
    for name, those in runs.items():
        for one in those:
            dropped = UNKNOWN if one.dropped is None else f"{megabytes(one.dropped):.1f}"
            heard, said, found = (f"{number:,}" for number in (one.heard, one.said, one.found))
            rows.append([name, heard, said, *map(ms, one.p99()), found, dropped])
    return rows


def _chart(runs: Runs) -> Curves:
    series = []
    for name, those in runs.items():
        x, y = zip(*those[0].course(400), strict=True)
        series.append(Series(name, name, list(x), list(y), steps=True))
    panel = Panel("What one of the others has heard", "seconds since one stopped reading", "MB", series)
    return Curves(
        "slow-reader",
        "What another member had heard by then, in the first repeat. Where a line no longer rises everybody stood "
        "still; the lines of tcp and udp lie on one another.",
        [panel],
    )


EXPERIMENT = Experiment(
    name="slow-reader",
    ask=Number("after how many MB do all stand still over the naive server?", "MB", "naive-stops"),
    seconds=(45, 18),
    run=run,
    link=False,
    think=(
        "ngircd drops a reader with 32 KiB of unread messages, InspIRCd with 1 MiB. What is a good limit?",
        "Over UDP nobody had to decide anything. Who decided, and what would a member have to do to notice?",
    ),
)

"""Loss without a network: a burst into a full receive buffer.

Question
    5000 datagrams of 100 bytes are sent at once to a reader that is busy: how many does it find when it reads?

Why it matters
    "I see no loss on my laptop" holds until a program is busy for a few milliseconds. Then its own kernel throws
    datagrams away, and neither the sender nor the reader is told.

Prediction
    The receive buffer has 212,992 bytes by default, which is 2129 times 100. How many of the 5000 are there?

Method
    One process sends as fast as it can and counts errors; another one has a socket on the same machine, and reads only
    when all is sent. The buffer is the default one, or what the kernel grants when asked for 64 KiB to 2 MiB. Before it
    is read the kernel is asked how many bytes of the buffer are taken and how much was dropped (SO_MEMINFO). Then the
    same over TCP, with ten times as many.

Expected
    About 256, not 2129. The buffer is filled not by your bytes, but by the memory that they take. A datagram of up to
    some 190 bytes takes 832: a struct sk_buff of 256, and the smallest head that Linux allocates, 576, of which 320 are
    for its struct skb_shared_info. (That is Linux 6.3 and later on x86-64. It is up to 960 where more is reserved for
    headers, and was 768 before.) The default is made of such packets: 212,992 is 256 times 832 (_SK_MEM_PACKETS and
    _SK_MEM_OVERHEAD in include/net/sock.h). So 221 to 278 arrive, and of 1 byte as many as of 100. `send` fails not
    once. The kernel counts every one that is missing (RcvbufErrors of /proc/net/snmp).

    Who asks for 1 MiB is granted 2 MiB, because Linux doubles what is asked for (socket(7)): ten times as many arrive.

    Over TCP all arrive: what the reader's buffer does not take the sender's keeps, and when that is full as well (seen
    once: after 3.9 MB) `send` waits.

What would change it
    A reader that reads meanwhile, which is why udp/server.py drains its socket before anything else. A larger buffer:
    it holds a longer burst, not a higher rate. More than net.core.rmem_max is granted only to root: many systems have
    212,992 there, and grant twice that.
"""

from statistics import median

from benchmarks.echo.run import NOTED, Burst, Bursts, Stream
from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel, Reference
from benchmarks.labbook.experiment import Cell, Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.wording import UNKNOWN, extent

COUNT, SIZE = 5000, 100

STREAMED = 10 * COUNT
"""Messages of the burst over TCP: more than both kernels' buffers hold."""

KIB = 1024
BUFFERS = (None, 64 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB, 2048 * KIB)
"""What is asked for; None leaves the default."""

SIZES = (1, 400, 1400, 8000)
"""Other sizes, with the default buffer."""

LEAST, MOST = 768, 960
"""Bytes that a kernel takes for a small datagram: its sk_buff and the smallest head that it allocates."""

MEBIBYTE = 1024 * KIB


def run(lab: Lab) -> Outcome:
    """Every combination once, and again in the next repeat."""
    repeats = lab.pick(6, 2)
    bursts: list[Burst] = []
    streams: list[Stream] = []
    combinations = [(buffer, SIZE) for buffer in BUFFERS] + [(None, size) for size in SIZES]
    with lab.stage("bursts") as stage:
        ends = Bursts(stage)
        for repeat in range(1, repeats + 1):
            doing = f"repeat {repeat} of {repeats}"
            bursts += [ends.datagrams(COUNT, size, buffer, doing) for buffer, size in combinations]
            streams.append(ends.stream(STREAMED, SIZE, doing))
    poor = {one.asked: one.granted for one in bursts if one.asked and one.granted < 2 * one.asked}
    if poor:
        asked = ", ".join(f"{granted:,} for {asked:,}" for asked, granted in sorted(poor.items()))
        lab.warnings.append(
            f"This kernel grants fewer bytes than twice what is asked for ({asked}): root can raise net.core.rmem_max."
        )
    found = outcome(bursts, streams)
    found.conditions = [
        ("network", "loopback"),
        ("burst", f"{COUNT:,} datagrams as fast as Python sends them"),
        ("repeats", str(repeats)),
    ]
    return found


def outcome(bursts: list[Burst], streams: list[Stream]) -> Outcome:
    """What they say."""
    rows: list[list[Cell]] = [["udp", *(getattr(one, name) for name in NOTED)] for one in bursts]
    rows += [["tcp", None, None, one.size, one.count, 0, one.arrived, *[None] * 4] for one in streams]
    return Outcome(
        findings=_findings(bursts, streams),
        said=_said(bursts, streams),
        columns=["transport", *("sent" if name == "count" else name for name in NOTED)],
        rows=rows,
        charts=[_chart(bursts)],
        table=_table(bursts),
    )


def _of(bursts: list[Burst], asked: int | None, size: int = SIZE) -> list[Burst]:
    return [one for one in bursts if (one.asked, one.size) == (asked, size)]


def _findings(bursts: list[Burst], streams: list[Stream]) -> list[Finding]:
    default, tiny = _of(bursts, None), _of(bursts, None, 1)
    return [
        _arrived("arrived-default", "arrived, default buffer", default),
        _arrived("arrived-mebibyte", "arrived, 1 MiB asked for", _of(bursts, MEBIBYTE)),
        finding.repeats(
            "arrived-tiny",
            "of 1 byte ÷ of 100 bytes",
            "×",
            [one.arrived / other.arrived for one, other in zip(tiny, default, strict=True) if other.arrived],
            expected=Expected(0.95, 1.05, "both fit into the smallest head that the kernel allocates"),
            because="A datagram of one byte takes as much memory as one of a hundred.",
            unless="This kernel has smaller heads for smaller datagrams.",
        ),
        finding.repeats(
            "each",
            "buffer that 100 bytes take",
            "B",
            [one.each for one in default if one.each is not None],
            expected=Expected(LEAST, MOST, "sk_buff 256 and a head of 512 to 704"),
            because="The kernel charges what it allocates, its own notes included (skb->truesize).",
            unless="Another kernel or processor, with structures of another size.",
        ),
        finding.count(
            "errors",
            "errors that the sender saw",
            sum(one.errors for one in bursts),
            sum(one.count for one in bursts),
            "datagrams",
            expected=Expected(0, 0, "RFC 768: nothing comes back"),
            because="UDP has nothing with which a receiver could tell a sender that it has no room.",
            unless="The sender's own kernel had no memory left (ENOBUFS).",
        ),
        *_of_missing(bursts),
        finding.repeats(
            "tcp",
            "the same over TCP: arrived",
            "%",
            [100 * one.arrived / one.count for one in streams],
            expected=Expected(100, 100, "RFC 9293 §3.8: the receiver's window"),
            because="TCP's receiver tells how much room it has, and the sender waits.",
            unless="The connection broke.",
        ),
    ]


def _arrived(name: str, what: str, those: list[Burst]) -> Finding:
    granted = those[0].granted if those else 0
    low, high = min(COUNT, granted // MOST), min(COUNT, granted // LEAST + 1)
    return finding.repeats(
        name,
        what,
        "datagrams",
        [float(one.arrived) for one in those],
        expected=Expected(low, high, f"{granted:,} B granted, {LEAST} to {MOST} B each"),
        because="The buffer is filled by the memory that datagrams take, and a small one takes eight times its size.",
        unless="This kernel takes another amount of memory for a small datagram, or the reader was not busy enough.",
    )


def _of_missing(bursts: list[Burst]) -> list[Finding]:
    """Whether the kernel knows of those that did not arrive: by its counter of the socket, and by that of everybody,
    where it has one."""
    lost = sum(one.taken - one.arrived for one in bursts)
    everybody = [one.counted for one in bursts if one.counted is not None]
    counters = [
        (
            "dropped",
            "missing that the socket counted",
            sum(one.dropped for one in bursts),
            Expected(100, 100, "SK_MEMINFO_DROPS of SO_MEMINFO; `ss -uam` shows it"),
        )
    ]
    if len(everybody) == len(bursts):
        source = "/proc/net/snmp, of all programs on this machine"
        counters.append(
            ("counted", "missing, counted in RcvbufErrors", sum(everybody), Expected(100, None, source))
        )
    return [
        Finding(
            name,
            what,
            "%",
            100 * many / lost,
            lost,
            "missing",
            expected=expected,
            because="The kernel drops what finds no room, and counts that. Programs are told nothing.",
            unless="They were dropped before they came to the socket: by the queue between the ends of loopback "
            "(net.core.netdev_max_backlog).",
        )
        for name, what, many, expected in counters
        if lost
    ]


def _said(bursts: list[Burst], streams: list[Stream]) -> list[str]:
    said = []
    default, large = _of(bursts, None), _of(bursts, MEBIBYTE)
    if default:
        arrived, errors = [one.arrived for one in default], sum(one.errors for one in default)
        content, charged = SIZE * round(median(arrived)), round(median([one.charged for one in default]))
        said.append(
            f"Of {COUNT:,} datagrams {extent(arrived)} arrived, and the sender saw {errors or 'no'} "
            f"error{'s' * (errors != 1)}. {content:,} bytes of content took {charged:,} of the buffer's "
            f"{default[0].granted:,}."
        )
        if all(one.first == one.arrived for one in default):
            said.append("What arrived is the beginning of the burst: what comes to a full buffer is dropped.")
        if min(arrived) and large:
            times = median([one.arrived for one in large]) / median(arrived)
            said.append(
                f"Asked for 1 MiB the kernel granted {large[0].granted:,} bytes, and {times:.3g} times as many arrived."
            )
    if streams:
        taken = [one.taken for one in streams]
        whole = streams[0].count * streams[0].size
        said.append(
            f"Over TCP the kernels took {extent(taken)} of {whole:,} bytes and then made the sender wait."
            if max(taken) < whole
            else f"Over TCP the kernels took {extent(taken)} of {whole:,} bytes before anybody read."
        )
    return said


def _table(bursts: list[Burst]) -> list[list[str]]:
    rows = [["asked for", "granted B", "size B", "takes B", "arrived", "errors", "repeats"]]
    for asked, size in dict.fromkeys((one.asked, one.size) for one in bursts):
        those = _of(bursts, asked, size)
        each = [one.each for one in those if one.each is not None]
        rows.append(
            [
                "default" if asked is None else f"{asked // KIB:,} KiB",
                f"{those[0].granted:,}",
                f"{size:,}",
                f"{median(each):,.0f}" if each else UNKNOWN,
                extent([one.arrived for one in those]),
                f"{sum(one.errors for one in those):,}",
                str(len(those)),
            ]
        )
    return rows


def _chart(bursts: list[Burst]) -> Curves:
    granted = sorted({one.granted for one in bursts if one.size == SIZE})
    by_buffer = [
        [one.arrived for one in bursts if (one.granted, one.size) == (size, SIZE)] for size in granted
    ]
    sizes = sorted({one.size for one in bursts if one.asked is None})
    by_size = [[one.arrived for one in _of(bursts, None, size)] for size in sizes]
    kib = [size / KIB for size in granted]
    each = next((one.each for one in _of(bursts, None) if one.each is not None), None)
    holds = [min(float(COUNT), size / each) for size in granted] if each else []
    return Curves(
        "full-buffer",
        "How many of a burst a busy reader finds: by the receive buffer that its kernel granted, and by the size of a "
        "datagram with the default buffer. The median of the repeats.",
        [
            Panel(
                f"Datagrams of {SIZE} bytes",
                "receive buffer granted, KiB",
                f"arrived, of {COUNT:,}",
                [lines.middles("UDP", "udp", kib, by_buffer)],
                [Reference(f"buffer ÷ {each:,.0f} B", kib, holds)] if each else [],
                note=f"n = {len(_of(bursts, None))} bursts each",
            ),
            Panel(
                "The default buffer",
                "bytes of a datagram",
                f"arrived, of {COUNT:,}",
                [lines.middles("UDP", "udp", range(len(sizes)), by_size, joined=False)],
                ticks=lines.ticks([f"{size:,}" for size in sizes]),
            ),
        ],
    )


EXPERIMENT = Experiment(
    name="full-buffer",
    ask=Number("how many of the 5000 are there when it reads?", "datagrams", "arrived-default"),
    seconds=(19, 8),
    run=run,
    link=False,
    think=(
        "50 members say ten messages a second each: for how long may udp/server.py be busy before it loses one?",
        "What would a sender have to be told in order not to lose anything, and by whom? What is that called in TCP?",
    ),
)

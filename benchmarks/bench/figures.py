"""The figures to reach: what each is made of, and what it must be.

A figure is a ratio of the same value in two runs of one repeat, ours over theirs, or a value of one run. `outcome.py`
says what became of it.
"""

import ctypes
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.bench.loads import LOADS, SIZES
from benchmarks.bench.measuring import Run
from benchmarks.bench.report import Report
from benchmarks.wording import percent, three_digits

Value = Callable[[Report], float | None]

KIB = 1024.0


@dataclass(frozen=True)
class Bound:
    """What is to be reached: at least or at most (`sign`) so much. `text` is how a person would say it, `show` how a
    measured value is said, in `unit`."""

    sign: str
    limit: float
    text: str
    show: Callable[[float], str]
    unit: str = ""

    def __contains__(self, value: float) -> bool:
        return bool({"≤": operator.le, "≥": operator.ge}[self.sign](value, self.limit))


def ratio(value: float) -> str:
    """A ratio: 1/52, 0.67, 3.21."""
    return f"1/{three_digits(1 / value)}" if 0 < value < 0.5 else f"{value:.2f}"


def at_most(limit: float, text: str = "") -> Bound:
    """A ratio of at most this."""
    return Bound("≤", limit, f"≤ {text or f'{limit:g}'}", ratio)


def at_least(limit: float) -> Bound:
    """A ratio of at least this."""
    return Bound("≥", limit, f"≥ {limit:g}", ratio)


def kibibytes(limit: float) -> Bound:
    """Memory of at most this."""
    return Bound("≤", limit * KIB, f"≤ {limit:,g} KiB", lambda value: three_digits(value / KIB), "KiB")


ALWAYS = Bound("≥", 1, "always", lambda value: "yes" if value >= 1 else "no")
ALL = Bound("≥", 1, "100 %", percent, "%")


@dataclass(frozen=True)
class Figure:
    """A line of the table, in the row `row`: a ratio, or, where `theirs` is None, a value of our run alone. What must
    be so in `each` repeat is not judged by the median."""

    row: str
    what: str
    bound: Bound
    value: Value
    ours: Run
    theirs: Run | None = None
    each: bool = False

    @property
    def runs(self) -> tuple[Run, ...]:
        """What it is made of."""
        return (self.ours, self.theirs) if self.theirs else (self.ours,)


@dataclass(frozen=True)
class Row:
    """A load in the table: what it is called on the command line, and what it is."""

    name: str
    title: str


ROWS = (
    Row("latency", "10 members, all talk, 200 messages/s, 64 bytes: one-way latency"),
    Row("cost", "50 members, 10 talk, 400 messages/s: the server's CPU per delivery"),
    Row("everybody", "50 members, everybody talks, each with one message outstanding"),
    Row("neighbours", "the same, but each waits until its neighbour alone has its message"),
    Row("4000", "50 members, 4,000 messages/s: 200,000 deliveries/s"),
    Row("16000", "50 members, 16,000 messages/s: 800,000 deliveries/s; ngircd is in C"),
    Row("everybody-udp", "50 members, everybody talks, over UDP"),
    Row("size", "50, 200, 500, 1000 members, one talks"),
    Row("stopped", "1 of 20 stops reading, 512 bytes at 800 messages/s: everyone else"),
    Row("flood", "one member floods at 50,000 messages/s: everyone else, at 200 messages/s"),
    Row("cores", "two processors, the server not pinned: everybody talks"),
)

P50: Value = operator.attrgetter("latency.p50")
P99: Value = operator.attrgetter("latency.p99")
CPU: Value = operator.attrgetter("cpu_per_delivery")
RATE: Value = operator.attrgetter("deliveries_per_s")
MEMORY: Value = operator.attrgetter("memory_per_member")
GROWTH: Value = operator.attrgetter("memory_talking")
JOINING: Value = operator.attrgetter("join_s")


def _against(row: str, what: str, value: Value, bound: Bound, them: str) -> Figure:
    """Our server over TCP against another one, with the load that the row is named after."""
    return Figure(row, f"TCP, {what} against {them}", bound, value, Run("tcp", row), Run(them, row))


def _always(row: str, what: str, ours: Run, truth: Callable[[Report], bool]) -> Figure:
    """What must be so in each repeat."""
    return Figure(row, what, ALWAYS, lambda report: float(truth(report)), ours, each=True)


def _sizes(transport: str, memory: float) -> list[Figure]:
    """What large rooms cost a server."""
    name = transport.upper()
    small, half, large = (Run(transport, f"one-of-{members}") for members in (50, 500, 1000))
    return [
        Figure("size", f"{name}, CPU per delivery at 1000 against 50", at_most(1.3), CPU, large, small),
        Figure("size", f"{name}, memory per member at 1000", kibibytes(memory), MEMORY, large),
        Figure("size", f"{name}, 500 joins", Bound("≤", 2, "≤ 2 s", three_digits, "s"), JOINING, half),
    ]


def _slow_down(report: Report) -> bool:
    """Some of the flood came, none of it was left out, and its sender could not say more than so much."""
    return not report.flood_holes and 0 < report.flood_seen < report.flooded


def _drop(report: Report) -> bool:
    """Some of the flood was left out, and its sender knows."""
    return report.flood_holes > 0 and report.told_too_fast > 0


def _has_sendmmsg() -> bool:
    """Whether this system sends many datagrams in one call."""
    return hasattr(ctypes.CDLL(None), "sendmmsg")


def figures() -> list[Figure]:
    """All of them, in the order of the table."""
    fortieth, sixtieth = at_most(1 / 40, "1/40"), at_most(1 / 60, "1/60")
    fifth, seventh = at_most(1 / 5, "1/5"), at_most(1 / 7, "1/7")
    many = at_least(1.2 if _has_sendmmsg() else 0.95)
    everybody, everybody_udp, floor_udp = (Run(name, "everybody") for name in ("tcp", "udp", "floor-udp"))
    free = Run("tcp", "everybody", pinned=False)
    reading, stopped = Run("tcp", "reading"), Run("tcp", "stopped")
    (orderly, flood), (orderly_udp, flood_udp) = (
        (Run(transport, "orderly"), Run(transport, "flood")) for transport in ("tcp", "udp")
    )
    return [
        _against("latency", "p50", P50, fortieth, "ngircd"),
        _against("latency", "p50", P50, fortieth, "naive"),
        _against("latency", "p99", P99, sixtieth, "ngircd"),
        _against("latency", "p99", P99, sixtieth, "naive"),
        _against("cost", "CPU", CPU, at_most(1.5), "floor"),
        Figure(
            "cost", "UDP, CPU against floor", at_most(1.15), CPU, Run("udp", "cost"), Run("floor-udp", "cost")
        ),
        _against("everybody", "deliveries/s", RATE, at_least(3), "ngircd"),
        _against("everybody", "deliveries/s", RATE, at_least(4.5), "naive"),
        _against("everybody", "CPU per delivery", CPU, seventh, "floor"),
        _always("everybody", "TCP, every member sees the same order", everybody, lambda run: run.same_order),
        _against("neighbours", "deliveries/s", RATE, at_least(3), "ngircd"),
        _against("neighbours", "deliveries/s", RATE, at_least(4.5), "naive"),
        _against("4000", "p99", P99, fifth, "ngircd"),
        _against("4000", "p99", P99, fifth, "naive"),
        _against("16000", "p99", P99, at_most(0.8), "ngircd"),
        _against("16000", "CPU per delivery", CPU, at_most(1.05), "ngircd"),
        Figure("everybody-udp", "UDP, deliveries/s against floor", many, RATE, everybody_udp, floor_udp),
        *_sizes("tcp", memory=32),
        *_sizes("udp", memory=2),
        Figure(
            "stopped", "TCP, delivered", ALL, lambda run: run.delivered / run.expected, stopped, each=True
        ),
        Figure("stopped", "TCP, p99 against when all read", at_most(1.5), P99, stopped, reading),
        _always("stopped", "TCP, who stopped is dropped as slow", stopped, lambda run: run.dropped_as_slow),
        Figure("stopped", "TCP, the server's memory grows by", kibibytes(4096), GROWTH, stopped),
        Figure("flood", "TCP, p99 against without the flood", at_most(3), P99, flood, orderly),
        Figure("flood", "UDP, p99 against without the flood", at_most(3), P99, flood_udp, orderly_udp),
        _always("flood", "TCP, it is slowed down and loses nothing", flood, _slow_down),
        _always("flood", "UDP, its surplus is dropped, and it is told", flood_udp, _drop),
        Figure("cores", "TCP, deliveries/s against pinned to one", at_least(0.75), RATE, free, everybody),
    ]


def needed(chosen: Sequence[Figure]) -> list[Run]:
    """The runs that these figures are made of, each once, and the other sizes of the room, which the notes show."""
    runs = [run for figure in chosen for run in figure.runs]
    runs += [
        Run(run.contestant, f"one-of-{size}")
        for run in runs
        if run.load.startswith("one-of-")
        for size in SIZES
    ]
    order = list(LOADS)
    return sorted(dict.fromkeys(runs), key=lambda run: order.index(run.load))

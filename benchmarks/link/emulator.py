"""The loop that carries packets across the link: takes what comes out of a device, asks the scheduler what becomes
of it, waits, and puts it back at the right moment. What the link *does* is all in the scheduler and its lines;
here is only the moving, the clock, and an honest account of how well it was kept.
"""

import gc
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from benchmarks.link.capture import Capture
from benchmarks.link.lateness import Lateness
from benchmarks.link.packet import turn
from benchmarks.link.scheduler import Scheduler
from common import clock

AT_ONCE = 32
"""Packets taken out of the device before those that are due get their turn: a third of a millisecond's work."""

LONGEST_WAIT = 0.1
"""Seconds until the loop looks whether it is to end, if nothing else wakes it."""

LATE = 0.001
"""Seconds. A link that delivers more than one packet in a hundred later than this says so."""

EXACT_UP_TO = 2000
"""Packets per second up to which the link promises that, on a machine with two processors that is not busy."""

FREELY = 0.01
"""That share of its packets may be late."""


class Wish(Protocol):
    """That the link is to end: an `interrupts.Asked`, or an Event."""

    def is_set(self) -> bool: ...


class Device(Protocol):
    """Where packets come from and go to: a TUN device (`tun.py`) or a relay's sockets (`relay.py`)."""

    sources: list[Any]
    strays: int

    @property
    def overflow(self) -> int: ...
    def receive(self) -> tuple[str, bytes, Any] | None: ...
    def send(self, direction: str, packet: bytes, tag: Any) -> None: ...
    def close(self) -> None: ...


class Emulator:
    """Carries packets between the ends of `device`. `up` and `down` are specifications (`specification.py`).

    One thread. Others talk to it through sources of their own (`watch`), which its loop looks at.
    """

    def __init__(self, device: Device, up: str, down: str, seed: int = 1) -> None:
        self._device = device
        self._scheduler = Scheduler(up, down, seed)
        self._watched: dict[Any, Callable[[], None]] = {}
        self._planned: list[tuple[float, Callable[[], object]]] = []
        self._capture: Capture | None = None
        self._stopping = False
        # What captures are stamped with. Taken once: the wall clock may be set while we run.
        self.wall_offset_ns = time.time_ns() - clock.monotonic_ns()
        self._empty = clock.monotonic()  # when the device was last seen so
        self._backlog = 0.0
        self._start_counting()

    # --- what it is told --------------------------------------------------------------------------

    def watch(self, source: Any, call: Callable[[], None]) -> None:
        """Call `call` whenever `source` can be read."""
        self._watched[source] = call

    def unwatch(self, source: Any) -> None:
        """Look at `source` no longer."""
        self._watched.pop(source, None)

    def at(self, moment: float, call: Callable[[], object]) -> None:
        """Call `call` at `moment` of the monotonic clock, before any packet of that moment."""
        self._planned.append((moment, call))
        self._planned.sort(key=lambda planned: planned[0])

    def change(self, up: str, down: str) -> None:
        """From now on the link is like this. What is under way keeps the fate it has."""
        now = clock.monotonic()
        self._scheduler.lines["up"].change(up, now)
        self._scheduler.lines["down"].change(down, now)

    def begin(self, up: str, down: str, seed: int) -> None:
        """From now on the link is like this and counts from zero, outages, too. What is under way stays so."""
        self._scheduler.begin(up, down, seed, clock.monotonic())
        self._start_counting()

    def capture(self, capture: Capture | None) -> None:
        """Write every packet that enters from now on, or, with None, no more. The caller closes it."""
        self._capture = capture

    def stop(self) -> None:
        """Let `run` return soon."""
        self._stopping = True

    # --- what it does -----------------------------------------------------------------------------

    def run(self, wish: Wish | None = None) -> None:
        """Carry packets until `stop`, or until `wish` is set."""
        with _punctual():
            now = clock.monotonic()
            for line in self._scheduler.lines.values():
                line.begin(now)
            while not self._stopping and not (wish and wish.is_set()):
                self._wait()
                while self._planned and self._planned[0][0] <= clock.monotonic():
                    self._planned.pop(0)[1]()
                self._take_in()
                self._deliver()

    def _wait(self) -> None:
        """Until something can be read or something is due."""
        moments = [self._scheduler.next_due(), self._planned[0][0] if self._planned else None]
        due = min((moment for moment in moments if moment is not None), default=None)
        wait = LONGEST_WAIT if due is None else min(max(0.0, due - clock.monotonic()), LONGEST_WAIT)
        # select waits in microseconds, where poll and epoll round up to the next millisecond.
        readable, _, _ = select.select([*self._device.sources, *self._watched], [], [], wait)
        for source in readable:
            if call := self._watched.get(source):
                call()

    def _take_in(self) -> None:
        """Decide about what has arrived."""
        receive, decide, read = self._device.receive, self._scheduler.receive, clock.monotonic
        taken = 0
        while taken < AT_ONCE and (arrival := receive()) is not None:
            direction, packet, tag = arrival
            now = read()
            taken += 1
            if not direction:
                continue
            if self._capture:
                self._decide_and_note(self._capture, direction, packet, now, tag)
            else:
                decide(direction, packet, now, tag)
        now = read()
        if taken:
            self._rate.note(now, taken)
        if taken < AT_ONCE:
            self._empty = now
        elif now - self._empty > self._backlog:
            self._backlog = now - self._empty

    def _decide_and_note(self, capture: Capture, direction: str, packet: bytes, now: float, tag: Any) -> None:
        """Decide about a packet, and write it down with what became of it."""
        counters = self._scheduler.lines[direction].counters
        doubled, corrupted = counters.doubled, counters.corrupted
        cause = self._scheduler.receive(direction, packet, now, tag)
        fate = [f"dropped by {cause}"] if cause else []
        fate += ["doubled"] if counters.doubled > doubled else []
        fate += ["corrupted"] if counters.corrupted > corrupted else []
        # As the client's side sees it: its own address is the near one, the server's the far one.
        seen = packet if direction == "up" else turn(packet)
        capture.note(direction, seen, round(now * 1e9) + self.wall_offset_ns, ", ".join(fate))

    def _deliver(self) -> None:
        """Put what is due where it was going."""
        read, send, note = clock.monotonic, self._device.send, self._lateness.note
        for due in self._scheduler.due(read()):
            send(due.direction, due.packet, due.tag)
            note(read() - due.deliver_at)

    # --- what it says of itself -------------------------------------------------------------------

    def _start_counting(self) -> None:
        self._lateness = Lateness()
        self._rate = Rate()
        self._counting_since = clock.monotonic()
        self._backlog = 0.0
        self._overflow_before = self._device.overflow

    def text(self, direction: str) -> str:
        """What the link is like in this direction now."""
        return self._scheduler.lines[direction].text

    def account(self) -> dict[str, Any]:
        """What the link did since it began to count: the `link` of a result. `lateness` counts from when the link saw
        a packet; before that none has waited longer than `backlog`, the longest time in which the device was never
        empty (0 if each burst was taken in at once)."""
        lines = {
            direction: vars(line.counters) | {"text": line.text}
            for direction, line in self._scheduler.lines.items()
        }
        return lines | {
            "lateness": self._lateness.as_dict(),
            "peak_rate": self._rate.peak,
            "backlog": self._backlog,
            "overflow": self._device.overflow - self._overflow_before,
            "strays": self._device.strays,
            "seconds": clock.monotonic() - self._counting_since,
        }


class Rate:
    """Packets in the fullest second so far."""

    def __init__(self) -> None:
        self.peak = 0
        self._second = 0
        self._count = 0

    def note(self, now: float, packets: int) -> None:
        """So many came in at `now`."""
        second = int(now)
        if second != self._second:
            self._second, self._count = second, 0
        self._count += packets
        self.peak = max(self.peak, self._count)


@contextmanager
def _punctual() -> Iterator[None]:
    """Nothing of our own shall make packets late."""
    # The kernel may put off a wake-up by 50 µs to save power, and does.
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

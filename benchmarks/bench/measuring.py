"""Making the runs: a server on one processor, the load on another, one contestant after the other."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from benchmarks.bench.load import Order
from benchmarks.bench.loads import LOADS, Load
from benchmarks.bench.report import Report
from benchmarks.bench.talking import DRAIN, SECOND
from benchmarks.contestants import CONTESTANTS
from benchmarks.network import LOCALHOST, START_TIMEOUT
from benchmarks.run import JOIN_TIMEOUT, SLACK
from benchmarks.stage import Wish, stage
from common import limits

FILES = 4096
"""Open files that a room of a thousand takes at either end, with a margin."""

OVERHEAD = 1.2
"""Seconds that a run takes beside its talking, about: starting Python twice, joining, finding what came."""

JOINING = 0.004
"""Seconds that each member beyond the first hundred adds to that, about: everybody is told of each."""


@dataclass(frozen=True, order=True)
class Run:
    """A contestant with a load. Unless it is `pinned`, the server may run where it likes; the load never may."""

    contestant: str
    load: str
    pinned: bool = True

    @property
    def name(self) -> str:
        """What a person should call it."""
        return f"{self.contestant}, {self.load}" + ("" if self.pinned else ", not pinned")

    def seconds(self, quick: bool) -> float:
        """How long it takes, about."""
        load = LOADS[self.load].quick() if quick else LOADS[self.load]
        return load.seconds + OVERHEAD + JOINING * max(0, load.members - 100)


@dataclass(frozen=True)
class Places:
    """The processor of the servers and that of the load; None where programs can't be pinned."""

    server: int | None
    load: int | None

    @classmethod
    def here(cls) -> "Places":
        """The last two processors that this process may use: the first has the system's interrupts to serve."""
        usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        return cls(usable[-2], usable[-1]) if len(usable) > 1 else cls(None, None)


def in_turns(runs: Sequence[Run], repeats: int) -> list[tuple[int, Run]]:
    """(repeat, run) of all runs, in order: every load in each repeat, and of each load the contestants one right
    after the other, each time beginning with the next one. What grows or wears off with time (heat, other
    programs) then does not always meet the same one."""
    by_load: dict[str, list[Run]] = {}
    for run in runs:
        by_load.setdefault(run.load, []).append(run)
    return [
        (repeat, same[(index + repeat) % len(same)])
        for repeat in range(1, repeats + 1)
        for same in by_load.values()
        for index in range(len(same))
    ]


def measure(
    run: Run, repeat: int, places: Places, interrupted: Wish, progress: Callable[[str], None], *, quick: bool
) -> Report:
    """Make one run. Raises Failed if a process ends that should not, Interrupted soon after that is set. Whatever
    happens, every process started here has ended when this returns."""
    load = LOADS[run.load].quick() if quick else LOADS[run.load]
    return measure_load(run.contestant, load, repeat, places, interrupted, progress, pinned=run.pinned)


def measure_load(
    contestant: str,
    load: Load,
    repeat: int,
    places: Places,
    interrupted: Wish,
    progress: Callable[[str], None],
    *,
    pinned: bool = True,
) -> Report:
    """The same with any load. Where it has more members than a room usually takes, the server, which has to be one of
    ours, is told so."""
    driver = CONTESTANTS[contestant]
    command = driver.server(LOCALHOST, 0)
    if load.allowance:  # the last --rate is the one that counts
        command += ["--rate", f"{limits.RATE:g}", "--burst", str(limits.BURST)]
    if load.members > limits.MAX_MEMBERS:
        command += ["--max-members", str(load.members)]
    with stage(interrupted, progress) as here:
        with on(places.server if pinned else None):
            server = here.start(f"The server {contestant}", command)
        with on(places.load):
            talking = here.start("The load", [sys.executable, "-m", "benchmarks.bench.load"])
        port = here.wait_for(server, driver.port, "starting", START_TIMEOUT)
        order = Order(contestant, (LOCALHOST, port), server.pid, load, repeat)
        talking.tell(asdict(order))
        patience = JOIN_TIMEOUT + load.seconds + DRAIN / SECOND + SLACK
        told: dict[str, Any] = here.wait_for(talking, json.loads, "talking", patience)
        here.dismiss([server, talking])
    return msgspec.convert(told, Report)


@contextmanager
def on(processor: int | None) -> Iterator[None]:
    """What is started in the block runs on this processor only."""
    if processor is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

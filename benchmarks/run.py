"""One run: a server, the load processes, a start for all of them at once, and what they brought home."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from benchmarks.child import Child, Said
from benchmarks.drivers import Driver
from benchmarks.process import cpu_seconds, private_memory
from benchmarks.records import Records

START_TIMEOUT = 15.0
"""Seconds a server has until it listens: Python on a busy machine needs one."""

JOIN_TIMEOUT = 60.0
"""Seconds until all members are in: hundreds of them, over a bad link."""

HEAD_START = 0.2
"""Seconds between the order to start and the start: every load process has read the order by then."""

SLACK = 30.0
"""Seconds beyond its end after which a run is not slow but stuck."""


class Wish(Protocol):
    """That somebody wants no more runs: an `interrupts.Asked`, or an Event."""

    def is_set(self) -> bool: ...


class Failed(Exception):
    """A run could not be made; the text says what ended and why."""


class Interrupted(Exception):
    """The person wants no more runs."""


@dataclass(frozen=True)
class Plan:
    """What one run is made of. `rate` is the room's, in messages per second; `size` the text's, in bytes.

    The run lasts `seconds`, and then until nothing has come for `quiet` seconds, at most `drain`. The
    server listens on `bind`, the members connect to `connect`: across an emulated link they differ.
    """

    members: int = 10
    senders: int = 10
    rate: float = 200.0
    size: int = 100
    seconds: float = 6.0
    processes: int = 2
    seed: int = 1
    repeat: int = 1
    bind: str = "127.0.0.1"
    connect: str = "127.0.0.1"
    quiet: float = 1.0
    drain: float = 3.0


@dataclass
class Observed:
    """What a run brought home. None is what this system does not tell.

    `start` is its first moment, in nanoseconds of the monotonic clock, `planned` the messages of its schedule,
    `cpu_s` is the server's processor time from the start to the end of the drain, `memory_bytes` how much
    it grew while the members joined, `load_cpu` each load process's share of one processor, `wall_s` how long
    the talking and the drain took, `still_coming` whether they ended while messages arrived, `refused` the
    datagrams the load's own kernel did not take, `gone` why members were cut off, by nick.
    """

    plan: Plan
    start: int = 0
    records: Records = field(default_factory=Records)
    planned: int = 0
    cpu_s: float | None = None
    memory_bytes: int | None = None
    load_cpu: list[float] = field(default_factory=list)
    still_coming: bool = False
    wall_s: float = 0.0
    refused: int = 0
    gone: dict[str, str] = field(default_factory=dict)


def run(driver: Driver, plan: Plan, interrupted: Wish, progress: Callable[[str], None]) -> Observed:
    """Make one run. `progress` is called several times a second with what is being done.

    Raises Failed if a process ends that should not, Interrupted soon after that is set. Whatever
    happens, every process started here has ended when this returns.
    """
    with _stage(interrupted, progress) as stage:
        server = stage.start(f"The {driver.name} server", driver.server(plan.bind, 0))
        port = stage.wait_for_port(server, driver)
        memory = private_memory(server.pid)
        loads = [
            stage.start(
                f"The load process {share + 1} of {plan.processes}", load_argv(driver, plan, port, share)
            )
            for share in range(plan.processes)
        ]
        stage.collect(loads, "joining", JOIN_TIMEOUT)
        observed = Observed(plan)
        joined_memory = private_memory(server.pid)
        if memory is not None and joined_memory is not None:
            observed.memory_bytes = joined_memory - memory
        cpu = cpu_seconds(server.pid)
        observed.start = time.monotonic_ns() + round(HEAD_START * 1e9)
        for load in loads:
            load.tell({"start": observed.start})
        for told, body in stage.collect(loads, "talking", plan.seconds + plan.drain + SLACK):
            observed.records.add(told, body)
            observed.planned += told["planned"]
            observed.load_cpu.append(told["cpu_s"] / told["wall_s"])
            observed.wall_s = max(observed.wall_s, told["wall_s"])
            observed.still_coming |= told["still_coming"]
            observed.refused += told["refused"]
            observed.gone |= told["gone"]
        cpu_after = cpu_seconds(server.pid)
        if cpu is not None and cpu_after is not None:
            observed.cpu_s = cpu_after - cpu
        return observed


def load_argv(driver: Driver, plan: Plan, port: int, share: int) -> list[str]:
    """The command line of one load process."""
    options = {
        "driver": driver.name,
        "host": plan.connect,
        "port": port,
        "share": f"{share}/{plan.processes}",
    } | {
        name: getattr(plan, name)
        for name in ("members", "senders", "rate", "size", "seconds", "seed", "repeat", "quiet", "drain")
    }
    pairs = ((f"--{name}", str(value)) for name, value in options.items())
    return [sys.executable, "-m", "benchmarks.load", *(word for pair in pairs for word in pair)]


class Stage:
    """The processes of one run, and what they have said."""

    def __init__(self, interrupted: Wish, progress: Callable[[str], None]) -> None:
        self._interrupted = interrupted
        self._progress = progress
        self._said: SimpleQueue[Said] = SimpleQueue()
        self._children: list[Child] = []
        self._done: set[Child] = set()

    def start(self, name: str, argv: list[str]) -> Child:
        """Start a process. It is ended when the stage is left."""
        try:
            child = Child(name, argv, self._said)
        except OSError as error:
            raise Failed(f"{name} can't be started: {argv[0]}: {error.strerror}.") from error
        self._children.append(child)
        return child

    def wait_for_port(self, server: Child, driver: Driver) -> int:
        """The port on which the server listens, once it says so."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            said = self._next("starting", deadline)
            if said.child is server and (port := driver.port(said.line or "")):
                return port

    def collect(self, loads: list[Child], doing: str, seconds: float) -> list[tuple[dict[str, Any], bytes]]:
        """One report of each load process, in their order; wait for them up to `seconds`."""
        deadline = time.monotonic() + seconds
        reports: dict[Child, tuple[dict[str, Any], bytes]] = {}
        while len(reports) < len(loads):
            said = self._next(doing, deadline)
            if said.child in loads:
                report = json.loads(said.line or "")
                reports[said.child] = report, said.body
                if "cpu_s" in report:
                    self._done.add(said.child)  # it may end now
        return [reports[load] for load in loads]

    def end(self) -> None:
        """End every process."""
        for child in self._children:
            child.ask_to_end()
        for child in self._children:
            child.end()

    def _next(self, doing: str, deadline: float) -> Said:
        """The next thing that a process says."""
        while True:
            self._progress(doing)
            if self._interrupted.is_set():
                raise Interrupted
            try:
                said = self._said.get(timeout=0.1)
            except Empty:
                if time.monotonic() > deadline:
                    names = " and ".join(child.name for child in self._children if child not in self._done)
                    raise Failed(f"{names} did not get beyond {doing} in time.") from None
                continue
            if said.line is not None:
                return said
            if said.child not in self._done:
                raise Failed(said.child.obituary())


@contextmanager
def _stage(interrupted: Wish, progress: Callable[[str], None]) -> Iterator[Stage]:
    stage = Stage(interrupted, progress)
    try:
        yield stage
    finally:
        stage.end()

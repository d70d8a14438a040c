"""One run: a network, a server, the load processes, a start for all of them at once, and what they brought home."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.drivers import Driver
from benchmarks.link.probe import Seen
from benchmarks.network import START_TIMEOUT, Account, Loopback, Place
from benchmarks.process import cpu_seconds, private_memory
from benchmarks.records import Records
from benchmarks.stage import Wish, stage
from common import clock

JOIN_TIMEOUT = 60.0
"""Seconds until all members are in: hundreds of them, over a bad link."""

HEAD_START = 0.2
"""Seconds between the order to start and the start: every load process has read the order by then."""

SLACK = 30.0
"""Seconds beyond its end after which a run is not slow but stuck."""


@dataclass(frozen=True)
class Plan:
    """What one run is made of. `rate` is the room's, in messages per second; `size` the text's, in bytes.

    The run lasts `seconds`, and then until nothing has come for `quiet` seconds, at most `drain`.
    """

    members: int = 10
    senders: int = 10
    rate: float = 200.0
    size: int = 100
    seconds: float = 6.0
    processes: int = 2
    seed: int = 1
    repeat: int = 1
    quiet: float = 1.0
    drain: float = 3.0


@dataclass
class Observed:
    """What a run brought home. None is what this system does not tell.

    `start` is its first moment, in nanoseconds of the monotonic clock, `planned` the messages of its schedule,
    `cpu_s` is the server's processor time from the start to the end of the drain, `memory_bytes` how much
    it grew while the members joined, `load_cpu` each load process's share of one processor, `wall_s` how long
    the talking and the drain took, `still_coming` whether they ended while messages arrived, `refused` the
    datagrams the load's own kernel did not take, `gone` why members were cut off, by nick, `account` what the
    network says of itself.
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
    account: Account = field(default_factory=Account)


def run(
    driver: Driver,
    plan: Plan,
    interrupted: Wish,
    progress: Callable[[str], None],
    place: Place | None = None,
    earlier: Sequence[dict[str, Seen]] = (),
    capture: Path | None = None,
) -> Observed:
    """Make one run at `place` (loopback if none is given). `progress` is called several times a second with what is
    being done; `earlier` is what probes saw of the same network before; `capture` is a file for its packets.

    Raises Failed if a process ends that should not, Interrupted soon after that is set. Whatever
    happens, every process started here has ended when this returns.
    """
    place = place or Loopback()
    with stage(interrupted, progress) as here:
        place.prepare(here, earlier)
        server = here.start(f"The {driver.name} server", place.command(driver.server(place.bind, place.port)))
        port = here.wait_for(server, driver.port, "starting", START_TIMEOUT)
        memory = private_memory(server.pid)
        where = place.way_to(here, port)
        loads = [
            here.start(
                f"The load process {share + 1} of {plan.processes}",
                place.command(load_argv(driver, plan, where, share)),
            )
            for share in range(plan.processes)
        ]
        here.collect(loads, "joining", JOIN_TIMEOUT)
        observed = Observed(plan)
        joined_memory = private_memory(server.pid)
        if memory is not None and joined_memory is not None:
            observed.memory_bytes = joined_memory - memory
        cpu = cpu_seconds(server.pid)
        observed.start = clock.monotonic_ns() + round(HEAD_START * 1e9)
        place.begin(here, observed.start / 1e9, capture)
        for load in loads:
            load.tell({"start": observed.start})
        for told, body in here.collect(loads, "talking", plan.seconds + plan.drain + SLACK):
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
        observed.account = place.account(here)  # as long as all connections are there
        here.dismiss([server, *loads])
        return observed


def load_argv(driver: Driver, plan: Plan, where: tuple[str, int], share: int) -> list[str]:
    """The command line of one load process, whose members connect to `where`."""
    options = {
        "driver": driver.name,
        "host": where[0],
        "port": where[1],
        "share": f"{share}/{plan.processes}",
    } | {
        name: getattr(plan, name)
        for name in ("members", "senders", "rate", "size", "seconds", "seed", "repeat", "quiet", "drain")
    }
    pairs = ((f"--{name}", str(value)) for name, value in options.items())
    return [sys.executable, "-m", "benchmarks.load", *(word for pair in pairs for word in pair)]

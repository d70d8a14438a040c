"""One run of flows: a network, the process with both ends, and what it brought home."""

import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.flow.fates import Fates, fates
from benchmarks.link.probe import Seen
from benchmarks.network import START_TIMEOUT, Account, Place, told
from benchmarks.run import HEAD_START, SLACK
from benchmarks.stage import Stage
from common import clock


@dataclass(frozen=True)
class Plan:
    """`flows` of each of the `transports`, each with a message of `size` bytes every `interval` seconds, for
    `seconds`. Each flow begins at a random moment, or, `together`, all speak at the same moments. After the last word
    datagrams have `settle` seconds to come, and TCP up to `drain`."""

    flows: int = 30
    interval: float = 0.1
    seconds: float = 5.0
    size: int = 100
    transports: tuple[str, ...] = ("tcp", "udp")
    together: bool = False
    settle: float = 0.5
    drain: float = 15.0
    seed: int = 1
    repeat: int = 1


@dataclass(frozen=True)
class Flows:
    """What a run brought home: `by` transport what became of each message; `start` is its first moment, in nanoseconds
    of the monotonic clock, `ports` those from which the flows were sent, by flow. `complete`: all that TCP was given
    had come by the end. `cpu` is the share of a processor that the process with both ends used."""

    plan: Plan
    by: dict[str, Fates]
    start: int
    ports: list[int]
    complete: bool
    cpu: float
    refused: int
    account: Account

    @property
    def start_wall_ns(self) -> int:
        """The first moment by the wall clock, as captures have it."""
        return self.start + self.account.wall_offset_ns

    def port(self, flow: int) -> int:
        """From which this flow was sent."""
        return self.ports[flow]


def run(
    stage: Stage,
    place: Place,
    plan: Plan,
    earlier: Sequence[dict[str, Seen]] = (),
    capture: Path | None = None,
) -> Flows:
    """Make one run at `place`. `earlier`: what probes saw of the same network before. Raises Failed or Interrupted."""
    place.prepare(stage, earlier)
    argv = [sys.executable, "-m", "benchmarks.flow.ends", "--host", place.bind, "--port", str(place.port)]
    ends = stage.start("The flows", place.command([*argv, *_options(plan)]))
    port: int = stage.wait_for(ends, told("port"), "starting", START_TIMEOUT)
    ends.tell({"to": place.way_to(stage, port)})
    flows = stage.wait_for(ends, told("flows"), "connecting", START_TIMEOUT)
    start = clock.monotonic_ns() + round(HEAD_START * 1e9)
    place.begin(stage, start / 1e9, capture)
    ends.tell({"start": start})
    ((report, body),) = stage.collect([ends], "talking", plan.seconds + plan.drain + SLACK)
    account = place.account(stage)
    stage.dismiss([ends])
    sends, arrivals = array("q"), array("q")
    sends.frombytes(body[: report["sends"] * sends.itemsize])
    arrivals.frombytes(body[report["sends"] * sends.itemsize :])
    by = {}
    for transport in plan.transports:
        mine = {flow for flow, one in enumerate(flows) if one["transport"] == transport}
        by[transport] = fates(transport, plan.repeat, start, sends, arrivals, mine)
    return Flows(
        plan,
        by,
        start,
        [one["port"] for one in flows],
        report["complete"],
        report["cpu"],
        report["refused"],
        account,
    )


def _options(plan: Plan) -> list[str]:
    words = ["--transports", ",".join(plan.transports)]
    for name in ("flows", "size", "seed", "repeat", "interval", "seconds", "settle", "drain"):
        words += [f"--{name}", str(getattr(plan, name))]
    return words + (["--together"] if plan.together else [])

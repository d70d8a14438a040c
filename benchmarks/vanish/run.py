"""One watch: a link that goes dead, the connections across it, what each end noticed, and when it should have."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.network import START_TIMEOUT, Account, Place, told
from benchmarks.run import SLACK
from benchmarks.stage import Failed, Stage
from benchmarks.traffic import events
from common import clock, limits

EACH = 5
"""Connections of each kind in one watch."""

BEFORE = 0.5
"""Seconds, beyond a heartbeat, until the link dies: all say a word in that time."""

FIRST_TIMEOUT = (0.25, 0.58)
"""Seconds from a word to the first timeout: one RTO, or two where a loss probe goes first."""

RTO_MIN, RTO_MAX = 0.2, 120.0
"""Seconds, in Linux."""

LATE = 0.1
"""Seconds that a program may need to see what the clock says."""


@dataclass(frozen=True)
class Times:
    """Of a watch, in seconds: how long it lasts, TCP_USER_TIMEOUT, and the heartbeat."""

    watch: float
    user_timeout: float
    heartbeat: int

    @property
    def silence(self) -> float:
        """The lab's limit."""
        return float(self.heartbeat * limits.MISSED_HEARTBEATS)

    def expected(self, kind: str) -> tuple[float, float] | None:
        """From when until when, in seconds since the link's death, this kind (`ends.KINDS`) is expected to notice; None
        if not as long as it is watched. Why stands in `benchmarks/experiments/half_open.py`."""
        if kind in ("user-timeout", "lab-says"):
            limit = self.user_timeout if kind == "user-timeout" else self.silence
            return limit + FIRST_TIMEOUT[0], limit + 0.6 + limit / 16
        if kind == "lab-waits":  # a timer of the kernel may be late by an eighth
            return self.silence - self.heartbeat, self.silence * 1.125 + LATE
        if kind == "udp-heartbeat":
            return self.silence - self.heartbeat, self.silence + LATE
        return None

    def tries(self) -> tuple[int, int]:
        """How often the kernel repeats, at least and at most, while it is watched: a probe after one RTO, the first
        timeout after another, and from there on at doubled distances."""
        moments = [(FIRST_TIMEOUT[0] * 2**n, FIRST_TIMEOUT[1] * 2**n) for n in range(10)]
        least, most = (sum(one[end] <= self.watch for one in moments) for end in (1, 0))
        return least, most


@dataclass(frozen=True)
class Watch:
    """What one watch saw: what each end noticed (`Ends.report`), and how often the kernel repeated what each of
    `tcp-says` had said, with the moments of that, in seconds since the link's death."""

    repeat: int
    noticed: list[dict[str, Any]]
    retries2: int
    tries: list[list[float]]
    account: Account

    def after(self, kind: str) -> list[float | None]:
        """When each of this kind noticed, in seconds since the link's death; None for those that did not."""
        return [one["after"] for one in self.noticed if one["kind"] == kind]

    def hows(self, kind: str) -> set[str]:
        """By what those of this kind noticed."""
        return {one["how"] for one in self.noticed if one["kind"] == kind and one["how"]}


def gives_up(retries2: int) -> float:
    """Seconds, at the least, until Linux gives up what nobody acknowledges: `tcp_retries2` doublings of the shortest
    RTO, up to the longest."""
    waits = [min(RTO_MIN * 2**count, RTO_MAX) for count in range(retries2 + 1)]
    return float(sum(waits))


def watch(stage: Stage, place: Place, times: Times, repeat: int, capture: Path) -> Watch:
    """Watch all kinds at the same time, at `place`, which is to be dead once it begins. Raises Failed if it was not, if
    ends did not hear of each other before, or if TCP would give up within the watch."""
    place.prepare(stage, [])
    argv = [sys.executable, "-m", "benchmarks.vanish.ends", "--host", place.bind, "--port", str(place.port)]
    argv += ["--each", str(EACH), "--watch", str(times.watch), "--user-timeout", str(times.user_timeout)]
    ends = stage.start("The connections", place.command([*argv, "--heartbeat", str(times.heartbeat)]))
    port = stage.wait_for(ends, told("port"), "starting", START_TIMEOUT)
    ends.tell({"to": place.way_to(stage, port)})
    stage.wait_for(ends, told("connected"), "connecting", START_TIMEOUT)
    dies = clock.monotonic_ns() + round((times.heartbeat + BEFORE) * 1e9)
    place.begin(stage, dies / 1e9, capture)
    ends.tell({"dies": dies})
    patience = times.heartbeat + BEFORE + times.watch + SLACK
    said = stage.wait_for(ends, _report, "watching what they notice", patience)
    account = place.account(stage)
    stage.dismiss([ends])
    link = account.link or {}
    if not link or any(link[way]["delivered"] for way in ("up", "down")):
        raise Failed("The link was to be dead, and let something through: nothing was measured on it.")
    if (least := gives_up(said["tcp_retries2"])) < times.watch:
        raise Failed(
            f"This network's tcp_retries2 is {said['tcp_retries2']}: TCP gives up after {least:.0f} s, within the "
            f"{times.watch:g} s that it is watched, and the question is another one."
        )
    again: dict[int, list[float]] = {one["port"]: [] for one in said["noticed"] if one["kind"] == "tcp-says"}
    for event in events(capture):
        if event.kind == "retransmission" and event.client_port in again:
            again[event.client_port].append((event.time_ns - account.wall_offset_ns - dies) / 1e9)
    return Watch(repeat, said["noticed"], said["tcp_retries2"], list(again.values()), account)


def _report(line: str) -> Any:
    """The connections' report, in this line; None if it is not there."""
    said = json.loads(line)
    return said if "noticed" in said else None

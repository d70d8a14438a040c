"""When is a vanished peer noticed?

Question
    The cable is cut, and nobody says goodbye. When does a program hear of it, over TCP and over UDP?

Why it matters
    A laptop is shut, a Wi-Fi is left, a machine loses its power: that is how most connections end. A server that does
    not notice keeps members that are no more, and people who talk to them are told nothing.

Prediction
    Your program has just sent a line over TCP, and the other end is gone without a word. When is it told?

Method
    Connections of seven kinds cross one link; all have just heard of the other end. Then the link goes dead in both
    directions, for good: a peer that has lost its power looks no different. Some say something now, others wait in
    `recv`. Nothing is set on the first two kinds; then TCP_USER_TIMEOUT alone; then what this lab sets
    (`set_options` in tcp/connection.py), with shorter times; over UDP nothing, and a heartbeat that counts as this
    lab's does. They are watched for half a minute; what nobody noticed by then is given as such.

Expected
    TCP, nothing set, and something said: the kernel repeats it at doubled distances, and gives up after
    tcp_retries2 = 15 of them, 924 s and more (Linux, ip-sysctl.rst; RFC 9293 §3.8.3 wants at least 100 s). Until then
    the program is told nothing. Nothing said: never. TCP asks nobody unless keepalive is on, and then after 2 hours by
    default (RFC 1122 §4.2.3.6).

    TCP_USER_TIMEOUT (RFC 5482) of T says how long something may stay unacknowledged: ETIMEDOUT. Linux counts from the
    first timeout on, which comes 0.25 to 0.58 s after the word (experiment one-segment), and looks when a timer runs
    out: seen once, 5.5 s for T = 5 s; not more than T + 0.6 s + T/16.

    This lab asks after a heartbeat of silence (keepalive, a third of the limit) and has had enough after three: where
    nothing is said, its limit less what had been silent already, up to a heartbeat; where something is, its limit as T
    above. Over UDP a heartbeat does the same, in the program. With nothing set, `sendto` goes on succeeding for ever.

What would change it
    A machine that is there, but whose program has ended, answers with a reset (TCP) or ICMP's port unreachable (UDP):
    at once. Shorter limits notice sooner, and end connections that would have come back (experiment outage).
"""

import json
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Failed, Lab
from benchmarks.network import START_TIMEOUT, told
from benchmarks.run import SLACK
from benchmarks.traffic import events
from benchmarks.wording import three_digits
from common import limits

EACH = 5
"""Connections of each kind in one run."""

BEFORE = 0.5
"""Seconds, beyond a heartbeat, until the link dies: all say a word in that time."""

FIRST_TIMEOUT = (0.25, 0.58)
"""Seconds from a word to the first timeout: one RTO, or two where a loss probe goes first."""

RTO_MIN, RTO_MAX = 0.2, 120.0
"""Seconds, in Linux."""

NAMES = {
    "tcp-says": "plain TCP, speaks",
    "tcp-waits": "plain TCP, waits",
    "user-timeout": "TCP_USER_TIMEOUT, speaks",
    "lab-says": "this lab's TCP, speaks",
    "lab-waits": "this lab's TCP, waits",
    "udp-says": "plain UDP, talks on",
    "udp-heartbeat": "UDP with a heartbeat",
}
SHORT = (
    "TCP, says",
    "TCP, waits",
    "TCP, user timeout",
    "lab, says",
    "lab, waits",
    "UDP, says",
    "UDP, heartbeat",
)
"""The same, as short as a figure wants it."""


@dataclass(frozen=True)
class Times:
    """Of a run, in seconds: how long it is watched, TCP_USER_TIMEOUT, and the heartbeat."""

    watch: float
    user_timeout: float
    heartbeat: int

    @property
    def silence(self) -> float:
        """The lab's limit."""
        return float(self.heartbeat * limits.MISSED_HEARTBEATS)

    def expected(self, kind: str) -> Expected | None:
        """From when until when this kind is expected to notice; None if not as long as it is watched."""
        if kind in ("user-timeout", "lab-says"):
            limit = self.user_timeout if kind == "user-timeout" else self.silence
            low, high = limit + FIRST_TIMEOUT[0], limit + 0.6 + limit / 16
            return Expected(low, high, f"{limit:g} s from the first timeout on (Linux; RFC 5482)")
        if kind == "lab-waits":  # a kernel's timer may be late by an eighth
            return Expected(
                self.silence - self.heartbeat, self.silence * 1.125 + 0.1, "RFC 1122 §4.2.3.6; its limits"
            )
        if kind == "udp-heartbeat":
            return Expected(self.silence - self.heartbeat, self.silence + 0.1, "its limits; RFC 8085 §3.5")
        return None

    def tries(self) -> tuple[int, int]:
        """How often the kernel repeats, at least and at most, while it is watched: a probe after one RTO, the first
        timeout after another, and from there on at doubled distances."""
        moments = [(FIRST_TIMEOUT[0] * 2**n, FIRST_TIMEOUT[1] * 2**n) for n in range(10)]
        least, most = (sum(one[end] <= self.watch for one in moments) for end in (1, 0))
        return least, most


@dataclass(frozen=True)
class Watch:
    """What one run saw: what each end noticed (`benchmarks/vanish.py`), and how often the kernel repeated what each of
    `tcp-says` had said, with the moments of the first of them."""

    repeat: int
    noticed: list[dict[str, Any]]
    retries2: int
    tries: list[list[float]]


def gives_up(retries2: int) -> float:
    """Seconds, at the least, until Linux gives up what nobody acknowledges: `tcp_retries2` doublings of the shortest
    RTO, up to the longest."""
    waits = [min(RTO_MIN * 2**count, RTO_MAX) for count in range(retries2 + 1)]
    return float(sum(waits))


def run(lab: Lab) -> Outcome:
    """Watch all kinds at the same time."""
    times = lab.pick(Times(27.0, 5.0, 2), Times(10.0, 3.0, 1))
    return outcome([_watch(lab, times, repeat) for repeat in range(1, lab.pick(2, 1) + 1)], times)


def outcome(watches: list[Watch], times: Times) -> Outcome:
    """What all runs saw."""
    found = {name: _after(watches, name) for name in NAMES}
    plain = found["tcp-says"]
    return Outcome(
        findings=[*(_finding(name, found[name], times) for name in NAMES), _of_tries(watches, times)],
        said=_said(watches, found, times),
        answer=3 if all(one is None for one in plain) else _answer([one for one in plain if one is not None]),
        columns=["repeat", "kind", "number", "noticed_s", "how", "last_heard_s", "sent_afterwards"],
        rows=[
            [each.repeat, *(one[name] for name in ("kind", "number", "after", "how", "heard", "sent"))]
            for each in watches
            for one in each.noticed
        ],
        charts=[_chart(watches, found, times)],
        conditions=[
            ("link", "25 ms each way, then dead"),
            ("watched for", f"{times.watch:g} s"),
            ("user timeout", f"{times.user_timeout:g} s"),
            ("heartbeat", f"{times.heartbeat} s (this lab's own: {limits.HEARTBEAT:g} s)"),
            ("repeats", f"{len(watches)}, {EACH} connections of each kind"),
        ],
        captures=["half-open-1.pcapng"],
    )


def _watch(lab: Lab, times: Times, repeat: int) -> Watch:
    """One run. Raises Failed if the link was not dead, or the ends did not hear of each other before."""
    place = lab.place("delay 25ms loss 100%", repeat=repeat)
    path = lab.directory / f"half-open-{repeat}.pcapng"
    with lab.stage(f"repeat {repeat}") as stage:
        place.prepare(stage, [])
        argv = [sys.executable, "-m", "benchmarks.vanish", "--host", place.bind, "--port", str(place.port)]
        argv += ["--each", str(EACH), "--watch", str(times.watch), "--user-timeout", str(times.user_timeout)]
        ends = stage.start("The connections", place.command([*argv, "--heartbeat", str(times.heartbeat)]))
        port = stage.wait_for(ends, told("port"), "starting", START_TIMEOUT)
        ends.tell({"to": place.way_to(stage, port)})
        stage.wait_for(ends, told("connected"), "connecting", START_TIMEOUT)
        dies = time.monotonic_ns() + round((times.heartbeat + BEFORE) * 1e9)
        place.begin(stage, dies / 1e9, path)
        ends.tell({"dies": dies})
        patience = times.heartbeat + BEFORE + times.watch + SLACK
        said = stage.wait_for(ends, _report, "watching what they notice", patience)
        account = place.account(stage)
        stage.dismiss([ends])
    link = account.link or {}
    if not link or any(link[way]["delivered"] for way in ("up", "down")):
        raise Failed("The link was to be dead, and let something through: nothing was measured on it.")
    lab.accounts.append(account)
    if (least := gives_up(said["tcp_retries2"])) < times.watch:
        raise Failed(
            f"This network's tcp_retries2 is {said['tcp_retries2']}: TCP gives up after {least:.0f} s, within the "
            f"{times.watch:g} s that it is watched, and the question is another one."
        )
    again: dict[int, list[float]] = {one["port"]: [] for one in said["noticed"] if one["kind"] == "tcp-says"}
    for event in events(path):
        if event.kind == "retransmission" and event.client_port in again:
            again[event.client_port].append((event.time_ns - account.wall_offset_ns - dies) / 1e9)
    if repeat > 1:
        path.unlink()  # the first shows as much
    return Watch(repeat, said["noticed"], said["tcp_retries2"], list(again.values()))


def _report(line: str) -> Any:
    """The connections' report, in this line; None if it is not there."""
    said = json.loads(line)
    return said if "noticed" in said else None


def _after(watches: list[Watch], kind: str) -> list[float | None]:
    """When each of this kind noticed, in seconds since the link died."""
    return [one["after"] for each in watches for one in each.noticed if one["kind"] == kind]


def _finding(kind: str, found: list[float | None], times: Times) -> Finding:
    expected = times.expected(kind)
    came = [one for one in found if one is not None]
    if expected is None:
        return finding.count(
            kind,
            f"{NAMES[kind]}: told",
            len(came),
            len(found),
            "connections",
            expected=Expected(
                0, 0, "nothing is to be told: nobody asks, or the kernel goes on trying", "none"
            ),
            because="Silence is no news: where nobody asks, or counts, a peer that is gone is one that is quiet.",
            unless="Something ended them sooner: a reset, ICMP, or settings of this system.",
        )
    return finding.repeats(
        kind,
        f"{NAMES[kind]}: told after",
        "s",
        came,
        "connections",
        expected=expected,
        because="Somebody counts: the kernel, if it is told how long to wait, or the program.",
        unless="This machine was busy, or its kernel counts the limit from another moment.",
        missing=f"none of {len(found)} was told within {times.watch:g} s.",
    )


def _of_tries(watches: list[Watch], times: Times) -> Finding:
    least, most = times.tries()
    return finding.repeats(
        "tries",
        "plain TCP: repetitions nobody heard of",
        "times",
        [float(len(tries)) for each in watches for tries in each.tries],
        "connections",
        expected=Expected(least, most, "RFC 6298 §5.5: each wait twice the last"),
        because="The kernel knows that nothing is acknowledged, and keeps that to itself.",
        unless="The timer was another one: the capture shows when each was sent.",
    )


def _answer(after: list[float]) -> int:
    """Which of the answers it is, where somebody was told."""
    middle = statistics.median(after)
    return 0 if middle < 0.2 else 1 if middle < 3 else 2


def _said(watches: list[Watch], found: dict[str, list[float | None]], times: Times) -> list[str]:
    plain = found["tcp-says"]
    told_of = sum(one is not None for one in plain)
    hours = gives_up(watches[0].retries2)
    said = [
        f"Of {len(plain)} programs that had sent something over TCP with nothing set, {told_of or 'none'} "
        f"{'was' if told_of == 1 else 'were'} told within {times.watch:g} s. With tcp_retries2 = {watches[0].retries2} "
        f"their kernel goes on for at least {hours:.0f} s, about {hours / 60:.0f} minutes: not measured, nobody waited."
    ]
    for kind in ("user-timeout", "lab-waits", "udp-heartbeat"):
        came = [one for one in found[kind] if one is not None]
        if came:
            many = f"{len(came)} of {len(found[kind])}"
            hows = sorted(
                {one["how"] for each in watches for one in each.noticed if one["kind"] == kind and one["how"]}
            )
            said.append(
                f"{NAMES[kind]}: {many} were told, half of them by {three_digits(statistics.median(came))} s "
                f"({', '.join(hows)})."
            )
    words = sum(one["sent"] for each in watches for one in each.noticed if one["kind"] == "udp-says")
    said.append(
        f"Over UDP with nothing set, {words} datagrams were sent after the link had died, without an error."
    )
    return said


def _chart(watches: list[Watch], found: dict[str, list[float | None]], times: Times) -> Curves:
    told_of: dict[int, list[float]] = {}
    silent: list[float] = []
    for at, kind in enumerate(NAMES):
        came = [one for one in found[kind] if one is not None]
        if came:
            told_of[at] = came
        if len(came) < len(found[kind]):
            silent.append(float(at))
    noticed = Series(
        "told",
        "told",
        [float(at) for at in told_of],
        [statistics.median(came) for came in told_of.values()],
        [min(came) for came in told_of.values()],
        [max(came) for came in told_of.values()],
        joined=False,
    )
    never = Series(
        f"not within {times.watch:g} s", "silent", silent, [times.watch for _ in silent], joined=False
    )
    first = next((tries for each in watches for tries in each.tries if tries), [])
    numbers = [float(n) for n in range(1, len(first) + 1)]
    return Curves(
        "half-open",
        "Above: seconds from the death of the link until the program was told; points are medians, bars reach from the "
        f"lowest to the highest. Who was not told had not been when the watch ended, after {times.watch:g} s. "
        "Below: when the kernel of one that had said something sent it again; its program knew of none of that.",
        [
            Panel(
                "Until the program is told",
                "",
                "seconds since the link died",
                [one for one in (noticed, never) if one.x],
                ticks=[(float(at), name) for at, name in enumerate(SHORT)],
            ),
            Panel(
                "What TCP does meanwhile",
                "sent again, for the n-th time",
                "seconds since the link died",
                [Series("TCP", "tcp", numbers, list(first), joined=False)],
                [Reference("RTO, then doubled", numbers, [0.25 * 2 ** (n - 1) for n in numbers])],
                y_log=True,
                y_from_zero=False,
            ),
        ],
    )


EXPERIMENT = Experiment(
    name="half-open",
    ask=Choice(
        "you sent a line over TCP, with nothing set, and the other end is gone: when are you told?",
        ("at once: send fails", "after a second or two", "after some 5 to 20 s", "not while we watch"),
    ),
    seconds=(66, 15),
    run=run,
    think=(
        "This lab's limit is 45 s. Who would want it shorter, who longer, and what does either cost?",
        "Why is keepalive off by default? What did the authors of RFC 1122 fear?",
        "A server writes to a member that is gone: what happens to its other members in the meantime?",
    ),
)

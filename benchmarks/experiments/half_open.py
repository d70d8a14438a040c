"""When is a vanished peer noticed?

Question
    The cable is cut, and nobody says goodbye. When does a program hear of it, over TCP and over UDP?

Why it matters
    A laptop is shut, a Wi-Fi is left, a machine loses its power: that is how most connections end. A server that does
    not notice keeps members that are no more, and people who talk to them are told nothing.

Prediction
    Your program has just sent a line over TCP, and the other end is gone without a word. When is it told?

Method
    Connections of seven kinds cross one link, and all have just heard of the other end. Then the link goes dead in both
    directions, for good: a peer that has lost its power looks no different. Some say something now, others wait in
    `recv`. They are watched for half a minute; what nobody noticed by then is given as such.

    Over TCP nothing is set on two kinds, TCP_USER_TIMEOUT alone on one, and on two what this lab sets (`set_options` in
    tcp/connection.py), with shorter times. Over UDP one kind has nothing, and one a heartbeat as in this lab.

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

from statistics import median

from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel, Reference, Series
from benchmarks.labbook.experiment import Choice, Expected, Experiment, Finding, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.vanish.run import EACH, Times, Watch, gives_up, watch
from benchmarks.wording import three_digits
from common import limits

NAMES = {
    "tcp-says": "plain TCP, speaks",
    "tcp-waits": "plain TCP, waits",
    "user-timeout": "TCP_USER_TIMEOUT, speaks",
    "lab-says": "this lab's TCP, speaks",
    "lab-waits": "this lab's TCP, waits",
    "udp-says": "plain UDP, talks on",
    "udp-heartbeat": "UDP with a heartbeat",
}
"""What each kind (`benchmarks/vanish/ends.py`) is called."""

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

SOURCES = {
    "user-timeout": "its limit, from the first timeout on (Linux; RFC 5482)",
    "lab-says": "its limit, from the first timeout on (Linux; RFC 5482)",
    "lab-waits": "RFC 1122 §4.2.3.6; its limits",
    "udp-heartbeat": "its limits; RFC 8085 §3.5",
}
"""Of what is expected of those that are told."""

CAPTURE = "half-open-1.pcapng"

FoundBy = dict[str, list[float | None]]
"""By kind: when each noticed, in seconds since the link's death; None for those that did not."""


def run(lab: Lab) -> Outcome:
    """Watch all kinds at the same time. The packets of the first time are kept: the others show no more."""
    times = lab.pick(Times(27.0, 5.0, 2), Times(10.0, 3.0, 1))
    watches = []
    for repeat in range(1, lab.pick(2, 1) + 1):
        place = lab.place("delay 25ms loss 100%", repeat=repeat)
        capture = lab.directory / (CAPTURE if repeat == 1 else "another.pcapng")
        with lab.stage(f"repeat {repeat}") as stage:
            watches.append(watch(stage, place, times, repeat, capture))
        lab.accounts.append(watches[-1].account)
        if repeat > 1:
            capture.unlink()
    return outcome(watches, times)


def outcome(watches: list[Watch], times: Times) -> Outcome:
    """What all runs saw."""
    found: FoundBy = {name: [one for each in watches for one in each.after(name)] for name in NAMES}
    return Outcome(
        findings=[*(_finding(name, found[name], times) for name in NAMES), _of_tries(watches, times)],
        said=_said(watches, found, times),
        answer=_answer(_told(found["tcp-says"])),
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
        captures=[CAPTURE],
    )


def _told(after: list[float | None]) -> list[float]:
    """Those that noticed."""
    return [one for one in after if one is not None]


def _finding(kind: str, after: list[float | None], times: Times) -> Finding:
    expected, came = times.expected(kind), _told(after)
    if expected is None:
        return finding.count(
            kind,
            f"{NAMES[kind]}: told",
            len(came),
            len(after),
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
        expected=Expected(*expected, SOURCES[kind]),
        because="Somebody counts: the kernel, if it is told how long to wait, or the program.",
        unless="This machine was busy, or its kernel counts the limit from another moment.",
        missing=f"none of {len(after)} was told within {times.watch:g} s.",
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
    """Which of the answers it is, if these were told of all that had said something over plain TCP."""
    if not after:
        return 3
    middle = median(after)
    return 0 if middle < 0.2 else 1 if middle < 3 else 2


def _said(watches: list[Watch], found: FoundBy, times: Times) -> list[str]:
    plain = found["tcp-says"]
    told_of = sum(one is not None for one in plain)
    hours = gives_up(watches[0].retries2)
    said = [
        f"Of {len(plain)} programs that had sent something over TCP with nothing set, {told_of or 'none'} "
        f"{'was' if told_of == 1 else 'were'} told within {times.watch:g} s. With tcp_retries2 = {watches[0].retries2} "
        f"their kernel goes on for at least {hours:.0f} s, about {hours / 60:.0f} minutes: not measured, nobody waited."
    ]
    for kind in ("user-timeout", "lab-waits", "udp-heartbeat"):
        came = _told(found[kind])
        if came:
            many = f"{len(came)} of {len(found[kind])}"
            hows = sorted({how for each in watches for how in each.hows(kind)})
            said.append(
                f"{NAMES[kind]}: {many} were told, half of them by {three_digits(median(came))} s "
                f"({', '.join(hows)})."
            )
    words = sum(one["sent"] for each in watches for one in each.noticed if one["kind"] == "udp-says")
    said.append(
        f"Over UDP with nothing set, {words} datagrams were sent after the link had died, without an error."
    )
    return said


def _chart(watches: list[Watch], found: FoundBy, times: Times) -> Curves:
    told = {float(at): _told(found[kind]) for at, kind in enumerate(NAMES) if _told(found[kind])}
    silent = [float(at) for at, kind in enumerate(NAMES) if None in found[kind]]
    noticed = lines.middles("told", "told", list(told), list(told.values()), spread=True, joined=False)
    never = Series(
        f"not within {times.watch:g} s", "silent", silent, [times.watch for _ in silent], joined=False
    )
    again = next((tries for each in watches for tries in each.tries if tries), [])
    numbers = [float(n) for n in range(1, len(again) + 1)]
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
                ticks=lines.ticks(SHORT),
            ),
            Panel(
                "What TCP does meanwhile",
                "sent again, for the n-th time",
                "seconds since the link died",
                [Series("TCP", "tcp", numbers, list(again), joined=False)],
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

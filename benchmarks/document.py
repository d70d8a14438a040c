"""What a comparison found: pooled, put into words, and as the document that everything shown is made from."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.deliveries import Fates
from benchmarks.link.line import NOTHING
from benchmarks.link.profiles import PROFILES
from benchmarks.measuring import Measured, Network
from benchmarks.options import LOOPBACK, Options
from benchmarks.result_format import VERSION
from benchmarks.summary import Summary, summarise
from benchmarks.verdict import findings, warnings
from common import clock

UNCUT = 1300
"""Bytes of text that fit into one packet with everything around it, whatever that is. Longer ones may be cut."""


@dataclass(frozen=True)
class Findings:
    """What was measured, pooled and put into words."""

    summaries: list[Summary]
    sentences: list[str]
    warnings: list[str]


def find(options: Options, net: Network, measured: list[Measured]) -> Findings:
    """Make figures and sentences of the runs."""
    runs = [one.run for one in measured]
    summaries = summarise(runs)
    known = [profile for profile in options.profiles if profile != LOOPBACK]
    expected, descriptions = {}, {LOOPBACK: "this machine's own loopback"}
    for profile in known:
        lines = options.conditions(profile, 1, net.kind).lines
        names = {one.name for line in lines.values() for one in line.impairments}
        if options.size <= UNCUT and not names & {"rate", "outage"}:
            # A message gets through if it does so twice: up to the server, and down to the member.
            expected[profile] = (1 - lines["up"].expected_loss) * (1 - lines["down"].expected_loss)
        up, down = lines["up"].in_words, lines["down"].in_words
        descriptions[profile] = (
            up if up == down == NOTHING else f"{up} each way" if up == down else f"up {up}; down {down}"
        )
    links = [(one.conditions.profile, one.transport, one.observed.account.link) for one in measured]
    alarms = warnings(runs, links)
    for one in measured:
        if one.observed.gone:
            some = ", ".join(f"{nick} ({why})" for nick, why in list(one.observed.gone.items())[:3])
            more = ", …" if len(one.observed.gone) > 3 else ""
            which = f"{one.conditions.profile}, {one.transport}, repeat {one.repeat}"
            alarms.append(f"{which}: cut off in the middle: {some}{more}.")
    return Findings(summaries, findings(summaries, descriptions, expected), alarms)


def document(
    options: Options,
    net: Network,
    where: dict[str, Any],
    measured: list[Measured],
    found: Findings,
    ended: str,
    made: str,
) -> dict[str, Any]:
    """The raw result: what everything shown is made from. Times in seconds, memory in bytes; null is unknown."""
    profiles = {}
    for profile in options.profiles:
        lines = options.conditions(profile, 1, net.kind).lines
        profiles[profile] = {
            "up": lines["up"].text,
            "down": lines["down"].text,
            "description": PROFILES[profile].description if profile in PROFILES else "",
            "expected_loss": {direction: line.expected_loss for direction, line in lines.items()},
            "expected_delay": {direction: line.expected_delay for direction, line in lines.items()},
        }
    return {
        "version": VERSION,
        "made": made,
        "ended": ended,
        "again": options.argv(),
        "environment": where | {"network": net.kind, "why_not_emulated": " ".join(net.why_not)},
        "options": asdict(options) | {"results": str(options.results)},
        "profiles": profiles,
        "runs": [_run_document(one) for one in measured],
        "summary": [summary.as_dict() for summary in found.summaries],
        "findings": found.sentences,
        "warnings": found.warnings,
    }


def _run_document(one: Measured) -> dict[str, Any]:
    account = one.observed.account
    probes = account.probes and {direction: asdict(seen) for direction, seen in account.probes.items()}
    return {
        "profile": one.conditions.profile,
        "transport": one.transport,
        "repeat": one.repeat,
        "network": one.conditions.kind,
        **asdict(one.figures),
        "start_ns": one.observed.start,
        "start_wall_ns": one.observed.start
        + (account.wall_offset_ns or time.time_ns() - clock.monotonic_ns()),
        "server_cpu_s": one.observed.cpu_s,
        "server_memory_bytes": one.observed.memory_bytes,
        "refused_by_kernel": one.observed.refused,
        "cut_off": one.observed.gone,
        "link": account.link,
        "probes": probes,
        "kernel": account.kernel,
        "tcp_info": account.tcp_info,
        "capture": one.capture and f"captures/{one.capture}",
    }


def fates(one: Measured) -> Fates:
    """For the CSV file."""
    return Fates(one.conditions.profile, one.transport, one.repeat, one.observed.start, one.deliveries)

"""`make compare`: the same load on the chat over TCP and over UDP, across one bad network after another, and what
became of it.

    python -m benchmarks.compare [--profiles clean,lossy] [--link "delay 20ms loss 5%"] [--quick] …

Runs take turns (tcp udp, udp tcp, …), each with a network, a server and load processes of its own; the two runs
of a repeat have the same schedule and the same weather. Exit codes: 0 measured and saved; 1 a run failed, or the
results could not be saved; 2 what was asked can't be done; 130 interrupted. What has been measured by then is
shown and saved in any case.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks import kernel, measure, results
from benchmarks.drivers import DRIVERS
from benchmarks.environment import environment, processors
from benchmarks.link import namespace
from benchmarks.link.__main__ import INSIDE
from benchmarks.link.line import NOTHING
from benchmarks.link.probe import Seen
from benchmarks.link.profiles import PROFILES
from benchmarks.measure import Figures
from benchmarks.network import Conditions, Emulated, Loopback, Place, Relayed
from benchmarks.options import LOOPBACK, RESULTS, Options, parse
from benchmarks.progress import Progress
from benchmarks.report import write as write_report
from benchmarks.run import Observed, run
from benchmarks.stage import Failed, Interrupted, Wish
from benchmarks.summary import Run, Summary, summarise
from benchmarks.table import comparison, glance
from benchmarks.verdict import findings, sentences, warnings
from common import interrupts
from common.command_line import complain

UNCUT = 1300
"""Bytes of text that fit into one packet with everything around it. Longer ones come in fragments."""


@dataclass(frozen=True)
class Network:
    """What this machine has for a network: `kind` is `emulated`, `relay` or `loopback`; `way` leads into
    namespaces; `why_not` says why there is no emulated one."""

    kind: str
    way: list[str] = field(default_factory=list)
    why_not: list[str] = field(default_factory=list)

    def place(self, conditions: Conditions, congestion: str) -> Place:
        """Where a run under these conditions takes place."""
        if conditions.kind == "emulated":
            return Emulated(conditions, self.way, congestion)
        return Relayed(conditions) if conditions.kind == "relay" else Loopback()


@dataclass(frozen=True)
class Measured:
    """One run that was made."""

    conditions: Conditions
    transport: str
    repeat: int
    observed: Observed
    figures: Figures
    capture: str | None = None


def network(options: Options) -> Network:
    """What there is for these options. Whatever is missing is said, and nothing is measured in its place."""
    if set(options.profiles) == {LOOPBACK}:
        return Network(LOOPBACK)
    try:
        return Network("emulated", namespace.way_in())
    except namespace.Missing as missing:
        return Network("relay", why_not=missing.reasons)


def figures_of(transport: str, observed: Observed) -> Figures:
    """The figures of one run, with what only the processes around it know."""
    plan = observed.plan
    echoes = DRIVERS[transport].echoes
    figures = measure.measure(observed.records, plan.members, observed.planned, echoes=echoes)
    if observed.cpu_s is not None and figures.delivered:
        figures.cpu_per_delivery = observed.cpu_s / figures.delivered
    if observed.memory_bytes is not None:
        figures.memory_per_member = observed.memory_bytes / plan.members
    figures.load_cpu = observed.load_cpu
    figures.still_coming = observed.still_coming
    if observed.cpu_s is not None:
        used = observed.cpu_s / observed.wall_s + sum(observed.load_cpu)
        figures.machine_cpu = used / processors()
    figures.suspect = measure.suspicion(figures)
    return figures


def measure_all(
    options: Options,
    net: Network,
    captures: Path,
    interrupted: Wish,
    progress: Progress,
    keep: Callable[[Measured], None],
) -> None:
    """Make every run, and `keep` each as soon as it is made. Raises Failed or Interrupted."""
    probed: dict[str, list[dict[str, Seen]]] = {}
    for profile, transport, repeat in options.runs(net.kind):
        progress.begin(f"{profile} {transport}, repeat {repeat}")
        conditions = options.conditions(profile, repeat, net.kind)
        if conditions.kind == "relay" and DRIVERS[transport].stream:
            conditions = replace(conditions, kind=LOOPBACK)
        capture = None
        if conditions.kind == "emulated" and repeat == 1:  # one of each is enough to look at
            capture = f"{profile}-{transport}.pcapng"
        earlier = probed.setdefault(profile, [])
        observed = run(
            DRIVERS[transport],
            options.plan(repeat, transport, conditions),
            interrupted,
            progress.now,
            net.place(conditions, options.congestion),
            earlier,
            captures / capture if capture else None,
        )
        if observed.account.probes:
            earlier.append(observed.account.probes)
        keep(Measured(conditions, transport, repeat, observed, figures_of(transport, observed), capture))
        progress.done()


# --- what is made of it ---------------------------------------------------------------------------


def as_run(one: Measured) -> Run:
    """For the summary."""
    plan = one.observed.plan
    retransmissions = None
    if DRIVERS[one.transport].stream and one.observed.account.kernel:
        retransmissions = one.observed.account.kernel["RetransSegs"]
    return Run(
        profile=one.conditions.profile,
        transport=one.transport,
        network=one.conditions.kind,
        repeat=one.repeat,
        figures=one.figures,
        start=one.observed.start,
        deliveries=_deliveries(one),
        retransmissions=retransmissions,
        members=plan.members,
    )


def _deliveries(one: Measured) -> list[measure.Delivery]:
    echoes = DRIVERS[one.transport].echoes
    return measure.deliveries(one.observed.records, one.observed.plan.members, echoes=echoes)


@dataclass(frozen=True)
class Findings:
    """What was measured, pooled and put into words."""

    summaries: list[Summary]
    sentences: list[str]
    warnings: list[str]


def find(options: Options, net: Network, measured: list[Measured]) -> Findings:
    """Make figures and sentences of the runs."""
    runs = [as_run(one) for one in measured]
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


def header(options: Options, where: dict[str, Any]) -> str:
    """Under what conditions all of this was measured."""
    available = f"{where['processors']} processor{'s'[: where['processors'] > 1]}"
    repeats = f"{options.repeats} repeats of {options.seconds:g} s, taking turns"
    if options.repeats == 1:
        repeats = f"one run of {options.seconds:g} s of each"
    return (
        f"{options.members} members, {options.senders} of them speak · {options.rate:g} messages/s in the room, "
        f"{options.size} bytes each\n"
        f"{repeats} · seed {options.seed}\n"
        f"{where['kernel']} · {where['python']} · {available} · commit {where['commit']}"
        + (f" · TCP: {where['congestion_control']}" if where["congestion_control"] else "")
    )


def report(
    options: Options, where: dict[str, Any], measured: list[Measured], found: Findings, width: int
) -> Group:
    """What the person gets to see."""
    parts: list[RenderableType] = [Text(header(options, where))]
    if options.profiles == (LOOPBACK,):
        figures = {
            transport: [one.figures for one in measured if one.transport == transport]
            for transport in DRIVERS
            if any(one.transport == transport for one in measured)
        }
        parts.append(comparison(figures))
        if options.repeats > 1:
            parts.append(Text("Times and costs: the median (lowest–highest) of the runs.", "dim"))
        said = sentences(figures)
    else:
        parts.append(glance(found.summaries, width))
        said = found.sentences
    words = Table.grid(padding=(0, 1))
    for sentence in said:
        words.add_row("•", Text(sentence))
    for warning in found.warnings:
        words.add_row("!", Text(warning), style="yellow")
    return Group(*parts, words)


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
        "version": results.VERSION,
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
        + (account.wall_offset_ns or time.time_ns() - time.monotonic_ns()),
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


# --- the command ----------------------------------------------------------------------------------


def main(words: list[str] | None = None) -> int:
    """`python -m benchmarks.compare`"""
    options = parse(sys.argv[1:] if words is None else words)
    if INSIDE in os.environ and set(options.profiles) != {LOOPBACK}:
        return complain(
            "This is inside a link already, and a comparison makes links of its own: leave it first (exit), or ask "
            f"for --profiles {LOOPBACK}."
        )
    errors = Console(stderr=True, highlight=False)
    output = errors if options.json else Console(highlight=False)
    interrupted = interrupts.Asked()
    net = network(options)
    _explain(net, errors)
    where = environment() | {"congestion_control": options.congestion or kernel.congestion_control()}
    made = results.now()
    try:
        if options.results == RESULTS:
            RESULTS.mkdir(exist_ok=True)
        unfinished = results.create(options.results, made)
    except (results.Unsaved, OSError) as error:
        return complain(str(error))
    with unfinished:
        measured: list[Measured] = []
        code, ended = 0, "complete"
        expected = [
            options.expected_seconds(profile, 1, net.kind) for profile, _, _ in options.runs(net.kind)
        ]
        try:
            with Progress(errors, expected) as progress:
                measure_all(options, net, unfinished.captures, interrupted, progress, measured.append)
        except Interrupted:
            code, ended = 130, "interrupted"
            when = (
                f"after {len(measured)} of {len(expected)} runs"
                if measured
                else "before the first run was complete"
            )
            errors.print(Text(f"Interrupted {when}.", "yellow"))
        except Failed as error:
            code, ended = 1, str(error)
            errors.print(Text(str(error), "red"), soft_wrap=True)
        if not measured:
            return code
        found = find(options, net, measured)
        raw = document(options, net, where, measured, found, ended, made.isoformat(timespec="seconds"))
        try:
            output.print(report(options, where, measured, found, output.width))
            code = _save(unfinished, raw, measured, output, errors) or code
            if options.json:
                results.write_json(sys.stdout, raw)
                sys.stdout.flush()
        except BrokenPipeError:  # `| head` has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _explain(net: Network, errors: Console) -> None:
    """In plain words what is missing, and what is done instead."""
    if net.kind == "relay":
        errors.print(
            Text(
                "No network can be emulated here:\n  " + "\n  ".join(net.why_not) + "\n"
                "UDP goes through a relay that does the same to its datagrams. TCP can't be impaired that way, and "
                "is measured on the clean network alone.",
                "yellow",
            ),
            soft_wrap=True,
        )


def _save(
    unfinished: results.Unfinished,
    raw: dict[str, Any],
    measured: list[Measured],
    output: Console,
    errors: Console,
) -> int:
    """Save what was measured, with its report. Returns 1 if it could not be saved."""
    try:
        unfinished.write(raw, map(_fates, measured))
        path = unfinished.finish()
        write_report(raw, results.deliveries_of(path), path)
    except (results.Unsaved, results.Unreadable) as error:
        errors.print(Text(str(error), "red"), soft_wrap=True)
        return 1
    output.print(
        Text(
            f"Saved: {_short(path)}   The report: make report, or open {_short(path / 'report.html')}", "dim"
        ),
        soft_wrap=True,
    )
    return 0


def _short(path: Path) -> Path:
    """As a person standing here would call it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _fates(one: Measured) -> results.Fates:
    return results.Fates(
        one.conditions.profile, one.transport, one.repeat, one.observed.start, _deliveries(one)
    )


if __name__ == "__main__":
    sys.exit(main())

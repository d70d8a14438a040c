"""`make compare`: the same load on the chat over TCP and over UDP, and what became of it.

    python -m benchmarks.compare [--members 10] [--rate 200] [--seconds 6] …

Runs take turns (tcp udp, udp tcp, …), each with a server and load processes of its own; the two runs of a
repeat have the same schedule. Exit codes: 0 measured and saved; 1 a run failed, or the results could not be
saved; 2 what was asked can't be done; 130 interrupted. What has been measured by then is shown in any case.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks import measure, results
from benchmarks.drivers import DRIVERS
from benchmarks.environment import environment, processors
from benchmarks.measure import Figures
from benchmarks.options import OVERHEAD, RESULTS, Options, parse
from benchmarks.progress import Progress
from benchmarks.run import Failed, Interrupted, Observed, Wish, run
from benchmarks.table import comparison
from benchmarks.verdict import sentences, warnings
from common import interrupts


@dataclass(frozen=True)
class Measured:
    """One run that was made."""

    transport: str
    repeat: int
    observed: Observed
    figures: Figures


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
    options: Options, interrupted: Wish, progress: Progress, keep: Callable[[Measured], None]
) -> None:
    """Make every run, and `keep` each as soon as it is made. Raises Failed or Interrupted."""
    for transport, repeat in options.runs():
        progress.begin(transport, repeat)
        observed = run(DRIVERS[transport], options.plan(repeat), interrupted, progress.now)
        keep(Measured(transport, repeat, observed, figures_of(transport, observed)))
        progress.done()


def by_transport(measured: list[Measured]) -> dict[str, list[Figures]]:
    """The figures of each transport's runs."""
    found: dict[str, list[Figures]] = {}
    for one in sorted(measured, key=lambda one: list(DRIVERS).index(one.transport)):
        found.setdefault(one.transport, []).append(one.figures)
    return found


def header(options: Options, where: dict[str, Any]) -> str:
    """Under what conditions all of this was measured."""
    available = f"{where['processors']} processor{'s'[: where['processors'] > 1]}"
    repeats = f"{options.repeats} repeats of {options.seconds:g} s, taking turns"
    if options.repeats == 1:
        repeats = f"one run of {options.seconds:g} s"
    return (
        f"{options.members} members, {options.senders} of them speak · {options.rate:g} messages/s in the room, "
        f"{options.size} bytes each\n"
        f"{repeats} · seed {options.seed}\n"
        f"{where['kernel']} · {where['python']} · {available} · commit {where['commit']}"
    )


def report(options: Options, where: dict[str, Any], measured: list[Measured]) -> Group:
    """What the person gets to see."""
    figures = by_transport(measured)
    parts: list[RenderableType] = [Text(header(options, where)), comparison(figures)]
    if options.repeats > 1:
        parts.append(Text("Times and costs: the median (lowest–highest) of the runs.", "dim"))
    findings = Table.grid(padding=(0, 1))
    for sentence in sentences(figures):
        findings.add_row("•", Text(sentence))
    for one in measured:
        if one.observed.gone:
            names = ", ".join(f"{nick} ({why})" for nick, why in list(one.observed.gone.items())[:3])
            more = ", …" if len(one.observed.gone) > 3 else ""
            which = f"{one.transport}, repeat {one.repeat}"
            findings.add_row("!", Text(f"{which}: cut off in the middle: {names}{more}."), style="red")
    for warning in warnings(figures):
        findings.add_row("!", Text(warning), style="yellow")
    return Group(*parts, findings)


def document(
    options: Options, where: dict[str, Any], measured: list[Measured], ended: str, made: str
) -> dict[str, Any]:
    """The raw result: what the table is made from. Times in seconds, memory in bytes; null is unknown."""
    chosen = asdict(options) | {"results": str(options.results)}
    runs = [
        {
            "transport": one.transport,
            "repeat": one.repeat,
            **asdict(one.figures),
            "server_cpu_s": one.observed.cpu_s,
            "server_memory_bytes": one.observed.memory_bytes,
            "refused_by_kernel": one.observed.refused,
            "cut_off": one.observed.gone,
        }
        for one in measured
    ]
    return {
        "made": made,
        "ended": ended,
        "again": options.argv(),
        "environment": where,
        "options": chosen,
        "runs": runs,
    }


def main(words: list[str] | None = None) -> int:
    """`python -m benchmarks.compare`"""
    options = parse(sys.argv[1:] if words is None else words)
    errors = Console(stderr=True, highlight=False)
    output = errors if options.json else Console(highlight=False)
    interrupted = interrupts.Asked()
    where = environment()
    measured: list[Measured] = []
    code, ended = 0, "complete"
    try:
        with Progress(errors, len(options.runs()), options.seconds + OVERHEAD) as progress:
            measure_all(options, interrupted, progress, measured.append)
    except Interrupted:
        code, ended = 130, "interrupted"
        many = f"{len(measured)} of {len(options.runs())} runs" if measured else "the first run was complete"
        errors.print(
            Text(f"Interrupted after {many}." if measured else f"Interrupted before {many}.", "yellow")
        )
    except Failed as error:
        code, ended = 1, str(error)
        errors.print(Text(str(error), "red"))
    if not measured:
        return code
    try:
        return _hand_over(options, where, measured, ended, output, errors) or code
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code


def _hand_over(
    options: Options,
    where: dict[str, Any],
    measured: list[Measured],
    ended: str,
    output: Console,
    errors: Console,
) -> int:
    """Show and save what was measured. Returns 1 if it could not be saved."""
    made = results.now()
    raw = document(options, where, measured, ended, made.isoformat(timespec="seconds"))
    output.print(report(options, where, measured))
    code = 0
    try:
        if options.results == RESULTS:
            RESULTS.mkdir(exist_ok=True)
        paths = results.save(options.results, made, raw, map(_fates, measured))
        output.print(Text(f"Saved: {_short(paths[0])} and {paths[1].suffix}", "dim"), soft_wrap=True)
    except results.Unsaved as error:
        errors.print(Text(str(error), "red"), soft_wrap=True)
        code = 1
    if options.json:
        results.write_json(sys.stdout, raw)
        sys.stdout.flush()
    return code


def _short(path: Path) -> Path:
    """As a person standing here would call it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _fates(one: Measured) -> results.Fates:
    plan = one.observed.plan
    echoes = DRIVERS[one.transport].echoes
    fates = measure.deliveries(one.observed.records, plan.members, echoes=echoes)
    return results.Fates(one.transport, one.repeat, one.observed.start, fates)


if __name__ == "__main__":
    sys.exit(main())

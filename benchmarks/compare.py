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
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks import kernel, results
from benchmarks.deliveries import deliveries_of
from benchmarks.doctor.emulation import INSIDE
from benchmarks.document import Findings, document, fates, find
from benchmarks.drivers import DRIVERS
from benchmarks.environment import environment
from benchmarks.measuring import Measured, Network, measure_all, network
from benchmarks.options import LOOPBACK, Options, parse
from benchmarks.progress import Progress
from benchmarks.report import write as write_report
from benchmarks.result_format import Unreadable
from benchmarks.results import REPORT
from benchmarks.stage import Failed, Interrupted
from benchmarks.table import comparison, glance
from benchmarks.verdict import sentences
from benchmarks.wording import from_here
from common import interrupts
from common.command_line import complain


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
    _explain(net, options, errors)
    where: dict[str, Any] = environment()
    made = results.now()
    try:
        results.usable(options.results)
        unfinished = results.create(options.results, made)
    except results.Unsaved as error:
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
        where["congestion_control"] = congestion_of(measured)
        found = find(options, net, measured)
        raw = document(options, net, where, measured, found, ended, made.isoformat(timespec="seconds"))
        # Saved first: whatever becomes of the screen, what took minutes to measure is there.
        path, trouble = _save(unfinished, raw, measured)
        if trouble:
            code = 1
        shown: list[RenderableType] = [report(options, where, measured, found, output.width)]
        if path:
            saved = f"Saved: {from_here(path)}   The report: make report, or open {from_here(path / REPORT)}"
            shown.append(Text(saved, "dim"))
        try:
            for part in shown:
                output.print(part, soft_wrap=isinstance(part, Text))
            if trouble:
                errors.print(Text(trouble, "red"), soft_wrap=True)
            if options.json:
                results.write_json(sys.stdout, raw)
                sys.stdout.flush()
        except (OSError, UnicodeError) as error:
            return complain(
                f"The table can't be shown ({error})." + (f" It is saved: {from_here(path)}" if path else "")
            )
        except SystemExit:  # rich, when `| head` has read enough
            return code
    return code


def congestion_of(measured: list[Measured]) -> str | None:
    """TCP's congestion control, as its connections said themselves; else what this machine's new ones have."""
    told = (one.observed.account.tcp_info for one in measured)
    return next(
        (info["congestion"] for info in told if info and info["congestion"]), kernel.congestion_control()
    )


def _explain(net: Network, options: Options, errors: Console) -> None:
    """In plain words what is missing, and what is done instead."""
    if net.kind == "relay":
        tcp = any(DRIVERS[transport].stream for _, transport, _ in options.runs(net.kind))
        errors.print(
            Text(
                "No network can be emulated here:\n  " + "\n  ".join(net.why_not) + "\n"
                "UDP goes through a relay that does the same to its datagrams. TCP can't be impaired that way, and "
                + ("is measured on the clean network alone." if tcp else "is not measured."),
                "yellow",
            ),
            soft_wrap=True,
        )


def _save(
    unfinished: results.Unfinished, raw: dict[str, Any], measured: list[Measured]
) -> tuple[Path | None, str]:
    """Save what was measured, with its report: where, and what went wrong, as a sentence."""
    path = None
    try:
        unfinished.write(raw, map(fates, measured))
        path = unfinished.finish()
        write_report(raw, deliveries_of(path), path)
    except (results.Unsaved, Unreadable) as error:
        return path, str(error)
    return path, ""


if __name__ == "__main__":
    sys.exit(main())

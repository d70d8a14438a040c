"""`make torture`: ten members converse over each transport, and everybody else does what they should not.

    python -m benchmarks.torture [--minutes 5] [--transport both] [--seed 1] [--json FILE]

Exit codes: 0 all held; 1 something did not, or a process ended that should not; 2 it could not begin; 130 interrupted.
"""

import json
import os
import sys
from argparse import Namespace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from benchmarks import results
from benchmarks.environment import environment
from benchmarks.progress import Progress
from benchmarks.stage import Failed, Interrupted, Wish
from benchmarks.torture.checks import checks
from benchmarks.torture.findings import Findings
from benchmarks.torture.forging import forge, way_in
from benchmarks.torture.part import torment
from benchmarks.torture.plan import MINUTES, Plan
from benchmarks.torture.show import document, report
from benchmarks.torture.theatre import theatre
from common import clock, files, interrupts
from common.command_line import Parser, complain, number, whole

BOTH = ("tcp", "udp")

SAY_EVERY = 15.0
"""Seconds between two lines where there is no terminal."""


def main(words: list[str] | None = None) -> int:
    """`python -m benchmarks.torture`"""
    chosen = _parser().parse_args(words)
    if not hasattr(os, "fork"):
        return complain("Members are killed with SIGKILL here, and this system knows no such thing.")
    try:
        if chosen.json and chosen.json != "-":
            results.writable(Path(chosen.json))
    except results.Unsaved as error:
        return complain(str(error))
    errors = Console(stderr=True, highlight=False)
    output = errors if chosen.json == "-" else Console(highlight=False)
    asked = interrupts.Asked()
    files.allow(5000)  # for the processes that we start: they inherit it
    transports = BOTH if chosen.transport == "both" else (chosen.transport,)
    way, why_not = way_in()
    plan = Plan(minutes=chosen.minutes, transports=transports, seed=chosen.seed, forging=bool(way))
    findings = Findings(not_forged=why_not)
    where: dict[str, str | int] = dict(environment())
    code = 0
    try:
        run(plan, findings, way, asked, errors)
    except Interrupted:
        errors.print(Text("Interrupted: all that was started has ended.", "yellow"))
        code = 130
    except Failed as error:
        errors.print(Text(str(error), "red"))
        code = 1
    if findings.parts or findings.forgings:
        output.print(report(plan, where, findings))
    if chosen.json:
        code = code or _save(chosen, document(plan, where, findings))
    held = all(check.holds is not False for check in checks(findings))
    return code or (0 if held else 1)


def run(plan: Plan, findings: Findings, way: list[str], asked: Wish, errors: Console) -> None:
    """Make all parts, one after the other; what they find is added to `findings`. Raises Failed or Interrupted."""
    with Progress(errors, plan.expected_seconds) as progress:
        voice = Voice(errors, progress)
        for transport in plan.transports:
            progress.begin(f"{transport} under torture")
            with theatre(asked, voice.now) as stage:
                findings.parts.append(torment(stage, plan, transport, voice.act))
            progress.done()
        if way:
            progress.begin("forged addresses")
            for transport in plan.transports:
                with theatre(asked, voice.now) as stage:
                    findings.forgings.append(forge(stage, plan, transport, way, voice.act))
            progress.done()


class Voice:
    """Says what is being done: in the bar of a terminal, else in a line now and then."""

    def __init__(self, errors: Console, progress: Progress) -> None:
        self._errors = errors
        self._progress = progress
        self._said = clock.monotonic()

    def act(self, name: str) -> None:
        """An act begins."""
        self._line(name)

    def now(self, doing: str) -> None:
        """This is being done; called all the time."""
        self._progress.now(doing)
        if clock.monotonic() - self._said > SAY_EVERY:
            self._line(doing)

    def _line(self, words: str) -> None:
        self._said = clock.monotonic()
        if not self._errors.is_terminal:
            self._errors.print(f"  {words}")


def _save(chosen: Namespace, found: dict[str, object]) -> int:
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if chosen.json == "-":
        sys.stdout.write(text)
        return 0
    try:
        Path(chosen.json).write_text(text)
    except OSError as error:
        complain(f"{chosen.json} can't be written: {error.strerror}.")
        return 1
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="python -m benchmarks.torture",
        description="Ten members converse, and everybody else does what they should not.",
    )
    add = parser.add_argument
    add(
        "--minutes", type=number(0.1, 60, "number of minutes"), default=MINUTES, metavar="M",
        help="how long, about (%(default)g, with a million hostile frames and datagrams)",
    )  # fmt: skip
    add("--transport", choices=(*BOTH, "both"), default="both", help="only one of them (%(default)s)")
    add(
        "--seed",
        type=whole(0, 2**31 - 1, "seed"),
        default=1,
        metavar="N",
        help="of all that is random (%(default)s)",
    )
    add("--json", metavar="FILE", help="write all figures there; - is standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())

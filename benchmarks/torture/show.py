"""What a person sees of a torture run at its end: the table of the checks, and what did not hold in more detail."""

from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.torture.checks import Check, checks
from benchmarks.torture.findings import Findings
from benchmarks.torture.plan import Plan

VERDICTS = {True: ("✓", "green"), False: ("✗ no", "bold red"), None: ("", "")}

SHOWN = 10
"""Unexpected lines of a log that are shown, and things that members were told."""


def header(plan: Plan, where: dict[str, str | int]) -> str:
    """Under what conditions."""
    transports = " and ".join(plan.transports)
    return (
        f"{plan.members} members who say {plan.rate:g} messages/s each, over {transports} · seed {plan.seed}\n"
        f"{plan.minutes:g} minutes: {plan.hostile * len(plan.transports):,} hostile frames and datagrams\n"
        f"{where['kernel']} · {where['python']} · {where['processors']} processors · commit {where['commit']}"
    )


def table(found: list[Check]) -> Table:
    """A line for each check, under what it is about."""
    shown = Table(title="Torture", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("", overflow="fold")
    shown.add_column("figure", justify="right", overflow="fold")
    shown.add_column("expected", justify="right", overflow="fold")
    shown.add_column("", no_wrap=True)
    about = ""
    for check in found:
        if check.about != about:
            about = check.about
            if shown.row_count:
                shown.add_section()
            shown.add_row(Text(about, "bold"))
        words, style = VERDICTS[check.holds]
        shown.add_row(check.what, check.figure, check.expected, Text(words, style))
    return shown


def report(plan: Plan, where: dict[str, str | int], findings: Findings) -> Group:
    """All of it."""
    found = checks(findings)
    parts: list[RenderableType] = [Text(header(plan, where)), table(found)]
    for name, lines in _unexpected(findings):
        parts.append(Text(f"Unexpected in the log of {name}:", "bold red"))
        parts += [Text(f"  {line}") for line in lines[:SHOWN]]
    for name, notes in _notes(findings, {check.about for check in found if check.holds is False}):
        parts.append(Text(f"The members over {name} said:", "yellow"))
        parts += [Text(f"  {note}") for note in notes[-SHOWN:]]
    if findings.not_forged:
        parts.append(Text("No addresses were forged, since no network can be emulated here:\n  ", "yellow").append(
            findings.not_forged.replace("\n", "\n  ")))  # fmt: skip
    wrong = sum(check.holds is False for check in found)
    verdict = (
        "Everything held."
        if not wrong
        else f"{wrong} of {sum(check.holds is not None for check in found)} did not hold."
    )
    parts.append(Text(verdict, "bold red" if wrong else "bold green"))
    return Group(*parts)


def document(plan: Plan, where: dict[str, str | int], findings: Findings) -> dict[str, Any]:
    """The same for programs: the checks, and everything that was found."""
    return {
        "plan": asdict(plan),
        "environment": where,
        "checks": [asdict(check) for check in checks(findings)],
        "findings": asdict(findings),
    }


def _unexpected(findings: Findings) -> list[tuple[str, list[str]]]:
    logs = [(part.transport, part.log) for part in findings.parts]
    logs += [(f"{part.transport}, restarted", part.log_after) for part in findings.parts]
    logs += [(f"{forging.transport}, forged", forging.log) for forging in findings.forgings]
    return [(name, log.unexpected) for name, log in logs if log.unexpected]


def _notes(findings: Findings, wrong: set[str]) -> list[tuple[str, list[str]]]:
    """What the members were told, where something did not hold."""
    told = [(part.transport, part.told.notes) for part in findings.parts]
    told += [(f"{forging.transport}, forged", forging.told.notes) for forging in findings.forgings]
    return [(name, notes) for name, notes in told if notes and name in wrong]

"""The command line of the doctor: see the package."""

from __future__ import annotations  # an old Python is a finding, not a failure

import os
import shutil
import socket
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.doctor import emulation, machine, reach
from benchmarks.doctor.finding import Finding, State
from common.addresses import Unusable, show
from common.command_line import Parser

COLOURS = {State.OK: "green", State.BETTER: "yellow", State.MISSING: "bold red"}

WIDE = 120
"""From this width on the remedies have a column of their own."""


def examine(port: int, console: Console) -> list[Finding]:
    """All that is to be known about this machine; `console` is the terminal that is looked at."""
    unshare = shutil.which("unshare")
    namespaces = emulation.namespaces(unshare)
    inside = [unshare, "-Urn"] if unshare and namespaces.state is State.OK else None
    return [
        machine.python_version(),
        machine.virtual_environment(),
        machine.packages(),
        machine.loopback(),
        machine.port_free("tcp", port),
        machine.port_free("udp", port),
        machine.localhost(),
        *([emulation.inside_a_link()] if emulation.INSIDE in os.environ else []),
        namespaces,
        emulation.tun(inside),
        machine.socket_buffers(),
        machine.terminal(
            console.is_terminal,
            os.environ.get("TERM", ""),
            console.color_system,
            console.width,
            console.encoding,
        ),
        machine.open_files(),
        machine.processors(),
    ]


def conclude(findings: list[Finding]) -> tuple[str, int]:
    """What the findings mean, in a sentence, and the exit code."""
    missing = [finding.name for finding in findings if finding.state is State.MISSING]
    needed = [finding.name for finding in findings if finding.state is State.MISSING and not finding.optional]
    if needed:
        return f"The lab can't run here yet; missing: {', '.join(needed)}.", 1
    if missing:
        return (
            f"The chats and the comparison over loopback can run here. Only the emulated network can't; missing: "
            f"{', '.join(missing)}."
        ), 0
    return "Everything can run here: the chats, the comparison over loopback, and the emulated network.", 0


def probe(host: str, port: int) -> tuple[list[Finding], str, int]:
    """Whether both transports get through to the chat at `host`: findings, what they mean, exit code.

    Raises Unusable if there is no such host.
    """
    # The first address that answers counts: a name often stands for an IPv6 address that nobody listens at.
    tcp = _best([reach.tcp(address) for address in reach.resolve(host, port, socket.SOCK_STREAM)])
    udp = _best([reach.udp(address) for address in reach.resolve(host, port, socket.SOCK_DGRAM)])
    findings = []
    for name, seen in (("tcp", tcp), ("udp", udp)):
        found, remedy = reach.explain(seen, name)
        state = State.MISSING
        if seen.answer is reach.Answer.CHAT:
            state = State.BETTER if name == "udp" and len(seen.trips) < reach.TRIES else State.OK
        findings.append(Finding(f"{name.upper()} {show(seen.address)}", state, found, remedy))
    both = tcp.answer is udp.answer is reach.Answer.CHAT
    return findings, reach.verdict(tcp.answer, udp.answer), 0 if both else 1


def _best(probes: list[reach.Probe]) -> reach.Probe:
    """The probe of one machine's addresses that got furthest."""
    return min(probes, key=lambda probe: list(reach.Answer).index(probe.answer))


def table(findings: list[Finding], title: str, width: int) -> Table:
    """Check, state, what was found, and the remedy: under it where `width` columns are too few for four."""
    wide = width >= WIDE
    shown = Table(title=title, title_justify="left")
    for name in ("check", "state", "found", "remedy")[: 4 if wide else 3]:
        shown.add_column(name, overflow="fold")
    for finding in findings:
        found, remedy = Text(finding.found), Text(finding.remedy, "bold")
        if remedy and not wide:
            found = Text.assemble(found, "\n→ ", remedy)
        state = Text(finding.state.value, COLOURS[finding.state])
        cells: list[Text] = [Text(finding.name), state, found, remedy]
        shown.add_row(*cells[: 4 if wide else 3])
    return shown


def _parser() -> Parser:
    parser = Parser(prog="python -m benchmarks.doctor", description="Can this machine run the lab?")
    parser.add_place(None, "look at the way to this machine instead", "the port of the servers")
    return parser


def main() -> int:
    """`python -m benchmarks.doctor`"""
    options = _parser().values()
    host, port = options["host"], options["port"]
    console = Console(highlight=False)
    if host is None:
        findings = examine(port, console)
        title, (conclusion, code) = "this machine", conclude(findings)
    else:
        try:
            findings, conclusion, code = probe(host, port)
        except Unusable as error:
            print(error, file=sys.stderr)
            return 2
        title = f"the way to {host}"
    console.print(table(findings, title, console.width))
    console.print(Text(conclusion, "green" if code == 0 else "bold red"))
    return code


if __name__ == "__main__":
    sys.exit(main())

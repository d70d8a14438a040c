"""What a link did, for a person to read."""

from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from benchmarks.link.emulator import EXACT_UP_TO, FREELY, LATE
from benchmarks.link.scheduler import FULL, MOST
from common.statistics import milliseconds

ENOUGH = 1000
"""Packets, before a share of those that were late says anything."""


def show_account(account: dict[str, Any]) -> Group:
    """What it did to whom, by direction, and how late it was itself: `Emulator.account`."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for name in ("link", "packets in", "delivered", "dropped", "doubled", "corrupted", "reordered"):
        table.add_column(name, justify="left" if name == "link" else "right")
    why: list[Text] = []
    for direction in ("up", "down"):
        counts = account[direction]
        # Of a packet that was doubled both copies may be dropped.
        entered, dropped = counts["received"] + counts["doubled"], sum(counts["dropped"].values())
        causes = ", ".join(f"{name} {count:,}" for name, count in counts["dropped"].items() if count)
        if causes and entered:
            why.append(Text(f"Dropped {direction}: {_percent(dropped / entered)} % ({causes})."))
        table.add_row(
            direction,
            f"{counts['received']:,}",
            f"{counts['delivered']:,}",
            f"{dropped:,}",
            *(f"{counts[name]:,}" for name in ("doubled", "corrupted", "reordered")),
        )
    lines: list[Text | Table] = [table, *why, Text(_lateness(account), "dim")]
    lines += [Text(f"! {problem}", "yellow") for problem in problems(account)]
    return Group(*lines)


def _percent(share: float) -> str:
    """With three digits that mean something, and never as a power of ten."""
    return f"{100 * share:.3g}" if share >= 1e-5 else "less than 0.001"


def _lateness(account: dict[str, Any]) -> str:
    late = account["lateness"]
    if not late["n"]:
        return f"{account['seconds']:.1f} s, in which nothing passed."
    figures = [
        f"{name} {milliseconds(late[name])}" for name in ("p50", "p99", "max") if late[name] is not None
    ]
    backlog = (
        f" It was up to {milliseconds(account['backlog'])} behind in reading." if account["backlog"] else ""
    )
    return (
        f"{account['seconds']:.1f} s, at most {account['peak_rate']:,} packets in a second. "
        f"The link's own lateness: {', '.join(figures)} (n {late['n']:,}).{backlog}"
    )


def problems(account: dict[str, Any]) -> list[str]:
    """Where the link was not what it was asked to be, in sentences."""
    found = []
    late = account["lateness"]
    if late["n"] >= ENOUGH and late["share_over_1ms"] > FREELY:
        much = account["peak_rate"] > EXACT_UP_TO
        why = (
            "That was more than it can carry exactly" if much else "This machine was busy with something else"
        )
        found.append(
            f"{late['share_over_1ms']:.1%} of the packets were delivered more than {milliseconds(LATE)} late, "
            f"at most {milliseconds(late['max'])}. {why} ({account['peak_rate']:,} packets in the fullest second)."
        )
    full = sum(account[direction]["dropped"].get(FULL, 0) for direction in ("up", "down"))
    if full:
        found.append(f"{full:,} packets were dropped because {MOST:,} were under way: no more are held.")
    if account["strays"]:
        found.append(f"{account['strays']:,} packets were for nobody across the link, and came to nothing.")
    if account["overflow"]:
        found.append(f"The device dropped {account['overflow']:,} packets that nobody asked it to drop.")
    return found

"""How exact is the emulated link on this machine? Probes across it, at growing rates, and what was asked for.

    python -m benchmarks.link.accuracy [--repeats 3] [--json]

Takes about two minutes. Each rate is measured several times, taking turns. Exit codes: 0 all figures are reached, 1
some are not (or a run failed), 2 there can be no link here.
"""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import NormalDist, median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.environment import environment
from benchmarks.estimate import wilson
from benchmarks.link import namespace
from benchmarks.link.emulator import EXACT_UP_TO, LATE
from benchmarks.link.probe import Seen
from benchmarks.network import Conditions, Emulated
from benchmarks.stage import Failed, Interrupted, stage
from common import interrupts
from common.command_line import Parser, complain, whole
from common.statistics import milliseconds

DELAY = 0.020
"""Seconds, each way, while rates are tried."""

RATES = (500, 1000, 2000, 4000, 8000, 15_000)
"""Packets per second across the link, both directions together."""

SECONDS = 2.0
"""How long a rate is tried, or longer until it has sent enough."""

ENOUGH = 1200
"""Probes each way: a p99 takes 1,000."""

MANY = 10_000
"""Probes each way where shares are measured."""

CONFIDENCE = 0.99


VERDICTS = {True: "[green]holds", False: "[bold red]does not hold", None: ""}


@dataclass(frozen=True)
class Finding:
    """A figure, what it should be, and whether it is; None where nothing is promised."""

    what: str
    should: str
    measured: str
    holds: bool | None


class Bench:
    """Makes links and sends probes across them."""

    def __init__(self, way: list[str], progress: Callable[[str], None]) -> None:
        self._way = way
        self._progress = progress
        self._asked = interrupts.Asked()
        self._seed = 0

    def probe(self, text: str, count: int, rate: float) -> tuple[dict[str, Seen], dict[str, Any]]:
        """What probes see of a link with these words, `rate` of them a second each way; and the link's account."""
        self._seed += 1
        with stage(self._asked, lambda doing: self._progress(f"{text or 'no impairment'}, {doing}")) as here:
            link = Emulated(Conditions("emulated", "accuracy", text, text, self._seed), self._way)
            link.make(here)
            seen = link.probe(here, count, rate, self._seed)
            account = link.account(here).link
            assert account is not None
            return seen, account


def rates(bench: Bench, repeats: int) -> list[Finding]:
    """How exact the delay is at each rate, and whether anything is dropped that nobody asked to drop."""
    errors: dict[int, list[float]] = {rate: [] for rate in RATES}
    medians: list[float] = []
    missing = dict.fromkeys(RATES, 0)
    for _ in range(repeats):
        for rate in RATES:
            count = max(ENOUGH, round(rate * SECONDS / 2))
            seen, account = bench.probe(f"delay {DELAY * 1e3:g}ms", count, rate / 2)
            worst = [one.delay_p99 - DELAY for one in seen.values() if one.delay_p99 is not None]
            errors[rate].append(max(worst, default=math.inf))
            medians += [one.delay_p50 - DELAY for one in seen.values() if one.delay_p50 is not None]
            missing[rate] += account["overflow"] + sum(one.sent - one.received for one in seen.values())
    found = [
        Finding(
            f"delay, p99, {rate:,} packets/s",
            f"{milliseconds(LATE)} off at most" if rate <= EXACT_UP_TO else "(no promise)",
            _spread(errors[rate]),
            median(errors[rate]) <= LATE if rate <= EXACT_UP_TO else None,
        )
        for rate in RATES
    ]
    found.append(
        Finding(
            f"delay, median, up to {RATES[-1]:,} packets/s",
            f"{milliseconds(LATE)} off at most",
            _spread(medians),
            max(map(abs, medians)) <= LATE,
        )
    )
    total = sum(missing.values())
    shown = ", ".join(f"{count:,} at {rate:,}/s" for rate, count in missing.items() if count) or "none"
    found.append(Finding(f"dropped unasked, up to {RATES[-1]:,} packets/s", "none", shown, not total))
    return found


def losses(bench: Bench) -> list[Finding]:
    """Whether what was asked to be lost is lost: in the long run, and in bursts as long as theory has them."""
    found = []
    for asked in (0.005, 0.05, 0.2):
        seen, _ = bench.probe(f"loss {asked:.1%}", MANY, 2000)
        for direction, one in seen.items():
            interval = wilson(one.sent - one.received, one.sent, CONFIDENCE)
            assert interval is not None
            found.append(
                Finding(
                    f"loss {asked:.1%}, {direction}, {one.sent:,} packets",
                    f"in Wilson's {CONFIDENCE:.0%} interval",
                    f"{interval.estimate:.2%} ({interval.low:.2%}–{interval.high:.2%})",
                    interval.low <= asked <= interval.high,
                )
            )
    p, r = 0.02, 0.38
    seen, _ = bench.probe(f"loss gemodel {p:.0%} {r:.0%} clock packet", MANY, 2000)
    for direction, one in seen.items():
        # Runs are geometric with mean 1/r: so is the interval around the mean of as many as there were.
        mean = (one.sent - one.received) / one.bursts
        width = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2) * math.sqrt((1 - r) / r**2 / one.bursts)
        found.append(
            Finding(
                f"gemodel 2% 38%, {direction}, mean of {one.bursts:,} runs",
                f"1/r = {1 / r:.2f} ± {width:.2f}",
                f"{mean:.2f}",
                abs(mean - 1 / r) <= width,
            )
        )
    return found


def _spread(seconds: list[float]) -> str:
    low, high = min(seconds), max(seconds)
    return f"{milliseconds(median(seconds))} ({milliseconds(low)} to {milliseconds(high)})"


def main() -> int:
    """`python -m benchmarks.link.accuracy`"""
    parser = Parser(
        prog="python -m benchmarks.link.accuracy", description="How exact is the emulated link here?"
    )
    parser.add_argument(
        "--repeats", type=whole(1, 20, "number of repeats"), default=3, help="of each rate (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="the findings as JSON")
    options = parser.parse_args()
    errors = Console(stderr=True, highlight=False)
    try:
        way = namespace.way_in()
    except namespace.Missing as missing:
        return complain(f"There can be no link here.\n{missing}")
    try:
        with errors.status("measuring …") as status:
            bench = Bench(way, status.update)
            found = rates(bench, options.repeats) + losses(bench)
    except Interrupted:
        return 130
    except Failed as error:
        errors.print(Text(str(error), "red"))
        return 1
    where = environment()
    if options.json:
        print(json.dumps({"environment": where, "findings": [asdict(one) for one in found]}, indent=1))
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("figure", "should be", "measured", ""):
            table.add_column(name)
        for one in found:
            table.add_row(one.what, one.should, one.measured, VERDICTS[one.holds])
        console = Console(highlight=False)
        console.print(
            f"{where['kernel']} · {where['python']} · {where['processors']} processors · commit {where['commit']}"
        )
        console.print(table)
        console.print(Text("Delays: how far off, the median of the repeats (lowest to highest).", "dim"))
    return 1 if any(one.holds is False for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())

"""`make reproduce RUN=…`: measures again what a result records, and says what differs.

    python -m benchmarks.reproduce RUN [further options of compare]

First, what of the environment is different now. Then the comparison, with the words that the result holds and the
further options behind them. Then, for each figure, whether the 95 % intervals of then and now overlap.

Exit codes: 0 measured again and compared, whatever came of it; 1 the comparison failed; 2 the result can't be
read, or what was asked can't be done; 130 interrupted.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks import compare, results
from benchmarks.environment import environment
from benchmarks.estimate import Interval, Percentile
from benchmarks.options import RESULTS, parse
from benchmarks.result_format import Document, Unreadable
from benchmarks.wording import UNKNOWN, ms, percents
from common.command_line import Parser, complain
from common.visible import visible

COMPARE = ["python", "-m", "benchmarks.compare"]
"""What the words of a result begin with. Nothing else is run, whatever a file says."""

EXPLAINED = ("why_not_emulated",)
"""Of the environment, what only says why something else is as it is."""

UNSEEN = ("json", "results")
"""Options that change nothing that is measured."""

BY_CHANCE = (
    "By chance one in 200 or so would differ, and more where there were few repeats: the intervals know only what "
    "varies within the runs."
)


@dataclass(frozen=True)
class Figure:
    """A figure then and now: a share or a time. None where it is not known."""

    profile: str
    transport: str
    name: str
    then: Interval | Percentile | None
    now: Interval | Percentile | None

    @property
    def agrees(self) -> bool | None:
        """Whether the intervals overlap; None if that can't be said."""
        then, now = _interval(self.then), _interval(self.now)
        if then is None or now is None:
            return None
        return then.overlaps(now)


def _interval(found: Interval | Percentile | None) -> Interval | None:
    return found.interval if isinstance(found, Percentile) else found


def show(found: Interval | Percentile | None) -> str:
    """`98.9 (98.6–99.2)`: a share in percent, a percentile in milliseconds."""
    known = _interval(found)
    if isinstance(found, Percentile):
        return ms(found.estimate) + (f" ({ms(known.low)}–{ms(known.high)})" if known else "")
    if known is None:
        return UNKNOWN
    share, low, high = percents(known)
    return f"{share} ({low}–{high})"


def figures(then: Document, now: Document) -> list[Figure]:
    """What both results have measured, in the order of the first."""
    again = {(one.profile, one.transport): one for one in now.summary}
    found = []
    for old in then.summary:
        new = again.get((old.profile, old.transport))
        if new is None:
            continue
        pairs = (
            ("arrived, %", old.delivered_share, new.delivered_share),
            ("p50, ms", old.p50, new.p50),
            ("p99, ms", old.p99, new.p99),
        )
        found += [Figure(old.profile, old.transport, *pair) for pair in pairs]
    return found


def differences(
    then: Mapping[str, Any], now: Mapping[str, Any], besides: Sequence[str] = ()
) -> Iterator[tuple[str, str, str]]:
    """Name, then and now of what both say something about, and not the same."""
    for name, old in then.items():
        new = now.get(name)
        if name in now and name not in besides and _said(old) != _said(new):
            yield name.replace("_", " "), _said(old), _said(new)


def _said(value: Any) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return visible(shown) or "nothing"


def words(document: Document) -> list[str]:
    """What compare is to be called with. Raises Unreadable."""
    if document.again[:3] != COMPARE:
        raise Unreadable(
            "The result does not say how it was made (its `again` is no command line of benchmarks.compare), "
            "so it can't be made again."
        )
    return document.again[3:]


def table(found: Sequence[Figure]) -> Table:
    """Then beside now."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in ("link", "over", "", "then", "now", ""):
        shown.add_column(name, justify="right" if name in ("then", "now") else "left", overflow="fold")
    verdicts = {
        True: Text("agrees", "green"),
        False: Text("differs", "bold yellow"),
        None: Text(UNKNOWN, "dim"),
    }
    last = ("", "")
    for one in found:
        which = one.profile, one.transport
        names = which if which != last else ("", "")
        last = which
        cells = (*map(visible, names), one.name, show(one.then), show(one.now))
        shown.add_row(*map(Text, cells), verdicts[one.agrees])
    return shown


def conclude(found: Sequence[Figure], changed: Sequence[str]) -> str:
    """What the table means. `changed` are the names of what is different now."""
    known = [one for one in found if one.agrees is not None]
    if not known:
        return "No figure is known of both, so there is nothing to compare."
    differ = [one for one in known if not one.agrees]
    unknown = len(found) - len(known)
    untold = f" Of {unknown} more there is no interval, because too little was measured." if unknown else ""
    if not differ:
        return f"All {len(known)} figures agree: the 95 % intervals of then and now overlap.{untold}"
    listed = ", ".join(
        f"{visible(one.profile)} {visible(one.transport)} {one.name.split(',')[0]}" for one in differ[:6]
    )
    more = f" and {len(differ) - 6} more" if len(differ) > 6 else ""
    why = f"What is different now ({', '.join(changed)}) may be the reason. " if changed else ""
    return (
        f"{len(known) - len(differ)} of {len(known)} figures agree: their 95 % intervals overlap. "
        f"Different: {listed}{more}. {why}{BY_CHANCE}{untold}"
    )


def _parser() -> Parser:
    parser = Parser(
        prog="python -m benchmarks.reproduce",
        description="Measures again what a result records, and says what differs.",
    )
    parser.add_argument(
        "run", metavar="RUN", nargs="?", help="the result: its name, the path of it, or newest"
    )
    parser.add_argument(
        "further", nargs=argparse.REMAINDER, metavar="…", help="further options of compare, behind its own"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """`python -m benchmarks.reproduce`"""
    asked = _parser().parse_args(arguments)
    if asked.run is None:
        known = results.names(RESULTS)
        return complain(
            f"Say which: make reproduce RUN={known[-1]} (the newest)" if known else results.NO_RESULTS
        )
    try:
        old = results.load(asked.run, RESULTS)
        line = [*words(old.document), *asked.further]
    except Unreadable as error:
        return complain(str(error))
    options = parse(line)
    try:
        results.usable(options.results)
    except results.Unsaved as error:
        return complain(str(error))
    console = Console(stderr=options.json, highlight=False)
    here = list(differences(old.document.environment, environment(), EXPLAINED))
    console.print(Text(f"Measured again: {old.name}, of {old.document.made}.", "bold"), soft_wrap=True)
    _say(console, here)
    before = set(results.names(options.results))
    code = compare.main(line)
    made = [name for name in results.names(options.results) if name not in before]
    if code or not made:
        print(
            "The comparison did not come to its end, so nothing can be said about the result.",
            file=sys.stderr,
        )
        return code or 1
    try:
        new = results.load(str(options.results / made[-1]), options.results)
    except Unreadable as error:
        complain(str(error))
        return 1
    changed = list(differences(old.document.environment, new.document.environment, EXPLAINED))
    changed += differences(old.document.options, new.document.options, UNSEEN)
    found = figures(old.document, new.document)
    console.print()
    console.print(Text(f"then: {old.name}\nnow:  {new.name}"), soft_wrap=True)
    console.print(table(found))
    if changed:
        _say(console, changed)
    console.print(Text(conclude(found, [name for name, _, _ in changed])))
    missing = _missing(old.document, new.document)
    if missing:
        console.print(Text(f"Not measured again: {missing}."))
    return 0


def _say(console: Console, changed: Sequence[tuple[str, str, str]]) -> None:
    if not changed:
        console.print(Text("The environment is the same as far as it is known.", "dim"))
    for name, old, new in changed:
        console.print(Text(f"Different: {name} was {old}, and is {new}.", "yellow"), soft_wrap=True)


def _missing(then: Document, now: Document) -> str:
    again = {(one.profile, one.transport) for one in now.summary}
    return ", ".join(
        f"{visible(one.profile)} {visible(one.transport)}"
        for one in then.summary
        if (one.profile, one.transport) not in again
    )


if __name__ == "__main__":
    sys.exit(main())

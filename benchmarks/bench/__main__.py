"""`make bench`: this lab's servers beside others, interleaved, and whether each figure is reached.

    python -m benchmarks.bench [--only latency,cost] [--repeats 5] [--quick] [--json FILE] [--list]

Exit codes: 0 measured, whether or not the figures hold (the last line says how many do); 1 a run failed, or what was
measured could not be written; 2 what was asked can't be done; 130 interrupted. What has been measured by then is
shown in any case.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks import results
from benchmarks.bench.document import document
from benchmarks.bench.figures import ROWS, figures, needed
from benchmarks.bench.measuring import FILES, Places, Run, in_turns, measure
from benchmarks.bench.options import Options, parse
from benchmarks.bench.outcome import outcome
from benchmarks.bench.report import Report
from benchmarks.bench.table import count, notes, table
from benchmarks.contestants import irc
from benchmarks.environment import environment
from benchmarks.progress import Progress
from benchmarks.stage import Failed, Interrupted
from common import files, interrupts
from common.command_line import complain


def missing() -> dict[str, str]:
    """Which contestants can't be measured here, and what helps."""
    return {} if irc.program() else {"ngircd": "no ngircd here: apt install ngircd"}


def header(options: Options, where: Mapping[str, Any], places: Places) -> str:
    """Under what conditions all of this was measured."""
    pinned = "nothing is pinned: this system has one processor, or does not let programs be pinned"
    if places.server is not None:
        pinned = f"the servers on processor {places.server}, the load on processor {places.load}"
    quick = "a quick look, in short runs: these are not the figures of a claim\n" if options.quick else ""
    return (
        f"{where['kernel']} {where['machine']} · {where['python']} · {where['processors']} processors · commit "
        f"{where['commit']}\n{options.repeats} repeat{'s'[: options.repeats > 1]}, taking turns · {pinned}\n{quick}"
    )


def show_rows() -> None:
    """The names of the rows."""
    shown = Table.grid(padding=(0, 2))
    for row in ROWS:
        shown.add_row(Text(row.name, "bold"), Text(row.title))
    Console(highlight=False).print(shown)


def main(words: list[str] | None = None) -> int:
    """`python -m benchmarks.bench`"""
    options = parse(sys.argv[1:] if words is None else words)
    if options.list:
        show_rows()
        return 0
    try:
        if options.json and options.json != "-":
            results.writable(Path(options.json))
    except results.Unsaved as error:
        return complain(str(error))
    errors = Console(stderr=True, highlight=False)
    output = errors if options.json == "-" else Console(highlight=False)
    interrupted = interrupts.Asked()
    chosen = [figure for figure in figures() if figure.row in options.only]
    without, places = missing(), Places.here()
    possible = [figure for figure in chosen if not any(run.contestant in without for run in figure.runs)]
    turns = in_turns(needed(possible), options.repeats)
    files.allow(FILES)  # of ours, and so of the programs that we start
    reports: dict[tuple[Run, int], Report] = {}
    code, ended = 0, "complete"
    try:
        with Progress(errors, [run.seconds(options.quick) for _, run in turns], calm=True) as progress:
            for repeat, run in turns:
                progress.begin(run.name)
                try:
                    reports[run, repeat] = measure(
                        run, repeat, places, interrupted, lambda _: None, quick=options.quick
                    )
                except Failed as error:
                    raise Failed(f"{run.name}: {error}") from error
                progress.done()
    except Interrupted:
        code, ended = 130, "interrupted"
        errors.print(Text(f"Interrupted after {len(reports)} of {len(turns)} runs.", "yellow"))
    except Failed as error:
        code, ended = 1, str(error)
        errors.print(Text(str(error), "red"), soft_wrap=True)
    outcomes = [outcome(figure, reports, without) for figure in chosen]
    where = environment()
    made = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        if options.json:
            _write(options.json, document(options, where, places, outcomes, reports, ended, made))
        if reports or not turns:
            output.print(Text(header(options, where, places)), soft_wrap=True)
            output.print(table(outcomes, output.width))
            below = Table.grid(padding=(0, 1))
            for note in notes(reports):
                below.add_row("•", Text(note))
            output.print(Text(), below, Text(count(outcomes), "bold"), sep="\n")
    except (OSError, UnicodeError) as error:
        return complain(f"What was measured can't be shown or written ({error}).")
    except SystemExit:  # rich, when `| head` has read enough
        return code
    return code


def _write(where: str, raw: Mapping[str, Any]) -> None:
    text = json.dumps(raw, indent=1, ensure_ascii=False) + "\n"
    if where == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        Path(where).write_text(text)


if __name__ == "__main__":
    sys.exit(main())

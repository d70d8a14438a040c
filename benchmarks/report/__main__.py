"""`make report`: opens the report of a result, the newest if none is named.

    python -m benchmarks.report [RUN] [--again]

Exit codes: 0 opened, or named where there is nothing to open it with; 2 there is none, or it can't be made.
"""

import os
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path

from benchmarks import report
from benchmarks.deliveries import deliveries_of
from benchmarks.options import RESULTS
from benchmarks.result_format import Unreadable
from benchmarks.results import NEWEST, REPORT, Unsaved, load
from common.command_line import Parser, complain


def _parser() -> Parser:
    parser = Parser(
        prog="python -m benchmarks.report", description="Opens the report of a comparison in the browser."
    )
    parser.add_argument(
        "run", nargs="?", default=NEWEST, metavar="RUN", help="its name, or the path of it (the newest)"
    )
    parser.add_argument(
        "--again", action="store_true", help="make it again first, from the data of the result"
    )
    return parser


def has_display() -> bool:
    """Whether a browser would have something to show itself on."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def show(path: Path) -> None:
    """Open the page in a browser, if there is one; say where it is in any case."""
    opened = False
    if has_display():
        with suppress(webbrowser.Error):  # there is none: it is named, as without a display
            opened = webbrowser.open(path.as_uri())
    print(f"{'Opened' if opened else 'Open it in a browser'}: {path}")


def main(words: list[str] | None = None) -> int:
    """`python -m benchmarks.report`"""
    options = _parser().parse_args(words)
    try:
        result = load(options.run or NEWEST, RESULTS)
        path = result.directory / REPORT
        if options.again or not path.exists():
            report.write(result.raw, deliveries_of(result.directory), result.directory)
    except (Unreadable, Unsaved) as error:
        return complain(str(error))
    show(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

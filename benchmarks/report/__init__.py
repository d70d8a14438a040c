"""The report of a result: one HTML file that needs nothing but a browser, and the figures beside it.

    python -m benchmarks.report [RUN] [--again]

It is made of what is in the result's directory and of nothing else, so it can be made again at any time.
`markup.py` is how text becomes HTML; `words.py` what is said, `tables.py` what is counted, `page.py` the page.
"""

from pathlib import Path
from typing import Any

from benchmarks.deliveries import read_deliveries
from benchmarks.result_format import check
from benchmarks.results import REPORT, Unsaved
from benchmarks.wording import reason


def write(document: dict[str, Any], deliveries: Path, directory: Path) -> Path:
    """Make report.html and figures/ in the `directory` of a result, of its document and the file of its
    `deliveries`; what was there of them is replaced. The path of the report. Takes seconds, and as many again
    for a million deliveries.

    Raises Unreadable if there is something wrong with what is given, Unsaved if the disk refuses.
    """
    # Only now: matplotlib takes a second to load, and memory that a comparison would be measured with.
    from benchmarks import figures
    from benchmarks.report import page

    checked = check(document)
    fates = read_deliveries(deliveries)
    path = directory / REPORT
    part = path.with_name(f".{REPORT}.part")
    try:
        drawn = figures.write(checked, fates, directory)
        try:
            part.write_text(page.page(checked, directory, drawn), encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Unsaved(f"The report could not be written in {directory}: {reason(error)}.") from error
    return path

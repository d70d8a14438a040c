"""The fate of every message, on disk: deliveries.csv.gz, a line for each message and member, delivered or lost.

Written so that the same deliveries are the same bytes, and read back as what a figure needs: when each was due, and
how long it took.
"""

import csv
import gzip
import io
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from benchmarks.measure import Delivery
from benchmarks.result_format import Unreadable
from benchmarks.wording import from_here, reason
from common.visible import visible

DELIVERIES = "deliveries.csv.gz"

COLUMNS = (
    "profile",
    "transport",
    "repeat",
    "sender",
    "number",
    "member",
    "scheduled_s",
    "sent_s",
    "received_s",
    "copies",
)
"""Of the CSV file. The times are seconds since the first moment of the run; `received_s` is empty if the
message was lost."""


# --- writing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fates:
    """The deliveries of one run, for the CSV file. `start` is the run's first moment, in nanoseconds."""

    profile: str
    transport: str
    repeat: int
    start: int
    deliveries: Sequence[Delivery]


def write_csv(file: TextIO, runs: Iterable[Fates]) -> None:
    """One line for each message and member, under a line of `COLUMNS`."""
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for run in runs:
        which = run.profile, run.transport, run.repeat
        for sent, member, received, copies in run.deliveries:
            moments = (_seconds(moment, run.start) for moment in (sent.scheduled, sent.sent, received))
            table.writerow((*which, sent.sender, sent.number, member, *moments, copies))


def _seconds(moment: int | None, start: int) -> str:
    return "" if moment is None else f"{(moment - start) / 1e9:.9f}"


@contextmanager
def packed(file: io.BufferedWriter) -> Iterator[TextIO]:
    """Text into a gzip file, without a name and a time in it: the same lines are the same bytes."""
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=4, fileobj=file, mtime=0) as inner,
        io.TextIOWrapper(inner, encoding="utf-8", newline="") as text,
    ):
        yield text


# --- reading --------------------------------------------------------------------------------------


@dataclass
class Series:
    """The deliveries of one run, in the order of the file: when each was `due` and how long it took since, in
    seconds; NaN: it was lost."""

    due: "array[float]" = field(default_factory=lambda: array("d"))
    latency: "array[float]" = field(default_factory=lambda: array("d"))


Which = tuple[str, str, int]
"""Profile, transport and repeat: a run's name."""


def deliveries_of(directory: Path) -> Path:
    """Where the deliveries of a result are: packed, or as somebody has unpacked them."""
    path = directory / DELIVERIES
    unpacked = path.with_suffix("")
    return unpacked if unpacked.exists() and not path.exists() else path


def read_deliveries(path: Path) -> dict[Which, Series]:
    """What became of every message, by run. Raises Unreadable."""
    found: dict[Which, Series] = {}
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            if tuple(next(lines, ())) != COLUMNS:
                raise Unreadable(f"The first line of {from_here(path)} does not name the columns expected.")
            for profile, transport, repeat, _, _, _, due, _, received, _ in lines:
                which = profile, transport, int(repeat)
                series = found.get(which)
                if series is None:
                    series = found[which] = Series()
                scheduled = float(due)
                series.due.append(scheduled)
                series.latency.append(float(received) - scheduled if received else float("nan"))
    except FileNotFoundError:
        raise Unreadable(
            f"{from_here(path)} is not there any more, and figures are made of it. Measure again with make compare."
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise Unreadable(
            f"{from_here(path)} is damaged ({visible(str(error))}): measure again with make compare."
        ) from error
    except OSError as error:
        raise Unreadable(f"{from_here(path)} can't be read: {reason(error)}.") from error
    return found

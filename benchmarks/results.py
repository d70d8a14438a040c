"""The raw results, on disk: a JSON file with everything the table is made from, and a CSV file with one line
for every delivery and every loss.

Both are named by the time in UTC, `20261121T081500Z-compare.json` and `.csv`. A file has its name only once
it is complete: until then it is called `.part`, and it is removed if it can't be completed.
"""

import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from benchmarks.measure import Delivery

COLUMNS = (
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


class Unsaved(Exception):
    """The results are not on disk; the text says why."""


@dataclass(frozen=True)
class Fates:
    """The deliveries of one run, for the CSV file. `start` is the run's first moment, in nanoseconds."""

    transport: str
    repeat: int
    start: int
    deliveries: Sequence[Delivery]


def now() -> datetime:
    """The time that names a result."""
    return datetime.now(UTC)


def save(directory: Path, made: datetime, document: dict[str, Any], runs: Iterable[Fates]) -> list[Path]:
    """Write both files and return where they are. `document` is what the JSON file holds.

    Either both are there afterwards, or, with Unsaved, neither.
    """
    paths = _free_names(directory, f"{made:%Y%m%dT%H%M%SZ}-compare")
    parts = [path.with_name(f".{path.name}.part") for path in paths]
    writers: list[Callable[[TextIO], None]] = [
        lambda file: write_json(file, document),
        lambda file: write_csv(file, runs),
    ]
    written: list[Path] = []
    try:
        for part, write in zip(parts, writers, strict=True):
            with part.open("w", encoding="utf-8", newline="") as file:
                written.append(part)
                write(file)
                file.flush()
                os.fsync(file.fileno())  # some file systems find out only now that the disk is full
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
            written.append(path)
    except OSError as error:
        raise Unsaved(_explain(directory, error)) from error
    finally:
        if written[2:] != paths:  # not finished: the disk was full, or somebody lost patience
            for path in written:
                with suppress(OSError):
                    path.unlink()
    return paths


def write_json(file: TextIO, document: dict[str, Any]) -> None:
    """The raw result, for people and programs."""
    json.dump(document, file, indent=1, ensure_ascii=False)
    file.write("\n")


def write_csv(file: TextIO, runs: Iterable[Fates]) -> None:
    """One line for each message and member, under a line of `COLUMNS`."""
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for run in runs:
        for sent, member, received, copies in run.deliveries:
            moments = (_seconds(moment, run.start) for moment in (sent.scheduled, sent.sent, received))
            table.writerow((run.transport, run.repeat, sent.sender, sent.number, member, *moments, copies))


def _free_names(directory: Path, name: str) -> list[Path]:
    """The two names, with a number behind them if another comparison of the same second has them."""
    for number in count(1):
        stem = name if number == 1 else f"{name}-{number}"
        paths = [directory / f"{stem}.json", directory / f"{stem}.csv"]
        if not any(map(os.path.exists, paths)):  # false, too, where we may not look
            break
    return paths


def _seconds(moment: int | None, start: int) -> str:
    return "" if moment is None else f"{(moment - start) / 1e9:.9f}"


def _explain(directory: Path, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            why = "there is no such directory: make it, or name another with --results"
        case NotADirectoryError():
            why = "it is a file, and not a directory: name another with --results"
        case _:
            reason = error.strerror or str(error)
            why = reason[:1].lower() + reason[1:]
    return f"The results could not be saved in {directory}: {why}."

"""The results, on disk: a directory for each comparison, written whole or not at all, and read with care.

    benchmarks/results/20261121T110000Z-compare/       the time in UTC; -2 behind it if that name is taken
        result.json          everything the table, the figures and the report are made from (`result_format.py`)
        deliveries.csv.gz    one line for each message and member, delivered or lost (`deliveries.py`)
        captures/            the packets of some runs, as pcapng
        report.html figures/ made of the above (`python -m benchmarks.report`), and again at any time

A directory has its name only once it is complete. Until then it is called `.NAME.part`, and it is removed if
it can't be completed. What is read may come from another version, another machine or a broken disk: it is
checked against its types, and whatever is wrong with it is one sentence (`Unreadable`).
"""

import difflib
import errno
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import msgspec

from benchmarks.deliveries import DELIVERIES, Fates, packed, write_csv
from benchmarks.options import RESULTS
from benchmarks.result_format import Document, Unreadable, check
from benchmarks.wording import from_here, reason
from common.visible import visible

DOCUMENT = "result.json"
CAPTURES = "captures"
REPORT = "report.html"

NEWEST = "newest"
"""The result of this name is the last one that was made."""

NAME = re.compile(r"(\d{8}T\d{6}Z)-compare(?:-(\d+))?")

PART = ".{}.part"
"""What the directory of a result is called until it is finished."""

NO_RESULTS = "No results yet: make compare makes one."


class Unsaved(Exception):
    """The results are not on disk; the text says why."""


# --- writing --------------------------------------------------------------------------------------


def now() -> datetime:
    """The time that names a result."""
    return datetime.now(UTC)


class Unfinished:
    """A result that is being made: a directory that nobody takes for a result yet.

    Captures go to `captures` while runs are made; then `write`, then `finish`. As a context it is abandoned
    unless it was finished.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        """Where it is until it is finished: `.NAME.part`."""
        self.name = name
        self.captures = path / CAPTURES
        self._finished = False

    def __enter__(self) -> "Unfinished":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def write(self, document: dict[str, Any], runs: Iterable[Fates]) -> None:
        """Both files. Raises Unsaved."""
        with explained(self.path.parent):
            with _durable(self.path / DOCUMENT) as file:
                file.write(_json(document))
            with _durable(self.path / DELIVERIES) as file, packed(file) as text:
                write_csv(text, runs)

    def put(self, name: str, data: bytes) -> None:
        """A file of this name. Raises Unsaved."""
        with explained(self.path.parent), _durable(self.path / name) as file:
            file.write(data)

    def finish(self) -> Path:
        """Give it its name; the directory under that name. Raises Unsaved."""
        with explained(self.path.parent):
            if self.captures.is_dir() and not any(self.captures.iterdir()):
                self.captures.rmdir()
            path = self.path.rename(self.path.with_name(self.name))
        self._finished = True
        return path

    def abandon(self) -> None:
        """Remove all of it, unless it is finished. May be called twice."""
        if not self._finished:
            shutil.rmtree(self.path, ignore_errors=True)


def create(directory: Path, made: datetime, kind: str = "compare") -> Unfinished:
    """The beginning of a result of this kind in `directory`, which there has to be. Raises Unsaved."""
    stem = f"{made:%Y%m%dT%H%M%SZ}-{kind}"
    with explained(directory):
        for number in count(1):
            name = stem if number == 1 else f"{stem}-{number}"
            part = directory / PART.format(name)
            try:
                part.mkdir()
            except FileExistsError:
                continue  # another comparison of the same second is at it
            # Only now: whoever has the part is the only one who may make the whole.
            if not os.path.lexists(directory / name):
                break
            part.rmdir()
        unfinished = Unfinished(part, name)
        try:
            unfinished.captures.mkdir()
        except OSError:
            unfinished.abandon()
            raise
    return unfinished


def write_json(file: TextIO, document: dict[str, Any]) -> None:
    """The document, for people and programs. What is no number (NaN) is unknown: null."""
    file.write(_json(document).decode())


def _json(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


@contextmanager
def _durable(path: Path) -> Iterator[io.BufferedWriter]:
    """A file for writing, which is on the disk when this is left."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())  # some file systems find out only now that the disk is full


def replace(path: Path, data: bytes) -> Path:
    """Put a file in the place of what was there, whole or not at all; its path. Raises Unsaved."""
    with explained(path.parent):
        # A name that nobody can have prepared: a link there would be followed.
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
            part.chmod(0o644)
            return part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def usable(directory: Path) -> None:
    """Try whether results can go there, before anything is measured. The directory is made if it is the lab's own.
    Raises Unsaved."""
    with explained(directory):
        if directory == RESULTS:
            directory.mkdir(exist_ok=True)
        _try(directory)


def writable(path: Path) -> None:
    """Try whether a file can be written there, before anything is measured. It is not changed. Raises Unsaved."""
    try:
        if not path.exists():
            _try(path.parent)
        elif path.is_file() or path.is_dir():  # no pipe, where somebody may be listening
            path.open("ab").close()
    except OSError as error:
        raise Unsaved(f"{from_here(path)} can't be written: {reason(error)}. Name another file.") from error


def _try(directory: Path) -> None:
    """Write something there, and take it back. Raises OSError."""
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(bytes(512))  # on a full disk there may be room for an empty file
        file.flush()


@contextmanager
def explained(directory: Path) -> Iterator[None]:
    """What the system says about writing in `directory`, as Unsaved."""
    try:
        yield
    except OSError as error:
        raise Unsaved(_explain(directory, error)) from error


def _explain(directory: Path, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            why = "there is no such directory: make it, or name another with --results"
        case NotADirectoryError() | FileExistsError():
            why = "it is a file, and not a directory: name another with --results"
        case PermissionError():
            why = f"{reason(error)}: make it writable for you"
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            why = f"{reason(error)}: make room there"
        case _:
            why = reason(error)
    return f"The results could not be saved in {from_here(directory)}: {why}."


# --- reading --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """A result that was read. `raw` is the document as it stands in the file, `document` with its types."""

    directory: Path
    raw: dict[str, Any]
    document: Document

    @property
    def name(self) -> str:
        """What `RUN=` calls it."""
        return name_of(self.directory)


def name_of(directory: Path) -> str:
    """The name of the result in this directory, finished or not."""
    before, after = PART.split("{}")
    return directory.name.removeprefix(before).removesuffix(after)


def names(directory: Path) -> list[str]:
    """The results there, oldest first; those that a person has renamed are not among them. Raises Unreadable if
    nobody may look."""
    try:
        found = [name for name in os.listdir(directory) if NAME.fullmatch(name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Unreadable(f"{from_here(directory)} can't be read: {reason(error)}.") from error
    return sorted(filter(lambda name: (directory / name / DOCUMENT).exists(), found), key=_age)


def load(run: str | None, directory: Path) -> Result:
    """The result called `run` in `directory`, or at the path `run` (of a result or of its result.json), or, for
    None or "newest", the last one that was made. Raises Unreadable."""
    path = _find(run, directory)
    file = path / DOCUMENT
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise Unreadable(
            f"There is no {DOCUMENT} in {from_here(path)}: it is no result of make compare."
        ) from None
    except OSError as error:
        raise Unreadable(f"{from_here(file)} can't be read: {reason(error)}.") from error
    raw, document = _decode(data, from_here(file))
    return Result(path.absolute(), raw, document)


def _decode(data: bytes, what: str) -> tuple[dict[str, Any], Document]:
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wrong = "is cut off in the middle" if "truncated" in str(error) else f"is not JSON ({error})"
        raise Unreadable(
            f"{what} {wrong if data else 'is empty'}: it is damaged. Measure again with make compare."
        ) from error
    if not isinstance(raw, dict):
        raise Unreadable(f"{what} is no result of make compare.")
    return raw, check(raw, what)


def _find(run: str | None, directory: Path) -> Path:
    """The directory of a result."""
    there = names(directory)
    if run is None or run == NEWEST:
        if not there:
            raise Unreadable(NO_RESULTS)
        return directory / there[-1]
    for path in (directory / run, Path(run)) if run else ():
        if os.path.isdir(path):
            return path
        if os.path.isfile(path):
            if path.name != DOCUMENT:
                raise Unreadable(
                    f"{from_here(path)} is no result: name its directory, or the {DOCUMENT} in it."
                )
            return path.parent
    if not there and not os.path.dirname(run):
        raise Unreadable(NO_RESULTS)
    near = difflib.get_close_matches(run, there, 1, 0.3) or there[-1:]
    remedy = f": the nearest is {near[0]}" if near else ""
    raise Unreadable(f"There is no result {visible(run)!r} in {from_here(directory)}{remedy}.")


def _age(name: str) -> tuple[str, int]:
    match = NAME.fullmatch(name)
    return (match[1], int(match[2] or 1)) if match else (name, 0)

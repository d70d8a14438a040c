"""The results, on disk: a directory for each comparison, written whole or not at all, and read with care.

    benchmarks/results/20261121T110000Z-compare/       the time in UTC; -2 behind it if that name is taken
        result.json          everything the table, the figures and the report are made from (`Document`)
        deliveries.csv.gz    one line for each message and member, delivered or lost (`COLUMNS`)
        captures/            the packets of some runs, as pcapng
        report.html figures/ made of the above (`python -m benchmarks.report`), and again at any time

A directory has its name only once it is complete. Until then it is called `.NAME.part`, and it is removed if
it can't be completed. What is read may come from another version, another machine or a broken disk: it is
checked against the types here, and whatever is wrong with it is one sentence (`Unreadable`).
"""

import csv
import difflib
import gzip
import io
import os
import re
import shutil
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import msgspec

from benchmarks.measure import Delivery
from common.visible import visible

VERSION = 2
"""Of result.json. 1 was a file without a directory, and without profiles."""

DOCUMENT = "result.json"
DELIVERIES = "deliveries.csv.gz"
CAPTURES = "captures"
REPORT = "report.html"

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

NEWEST = "newest"
"""The result of this name is the last one that was made."""

NAME = re.compile(r"(\d{8}T\d{6}Z)-compare(?:-(\d+))?")

PART = ".{}.part"
"""What the directory of a result is called until it is finished."""

NO_RESULTS = "No results yet: make compare makes one."


class Unsaved(Exception):
    """The results are not on disk; the text says why."""


class Unreadable(Exception):
    """A result can't be had; the text says what is wrong with it and what to do."""


# --- what a result holds --------------------------------------------------------------------------


class Interval(msgspec.Struct, frozen=True):
    """An estimate and the 95 % interval around it."""

    estimate: float
    low: float
    high: float


class Percentile(msgspec.Struct, frozen=True):
    """A percentile of a sample. Its 95 % interval is None where it can't be told."""

    estimate: float
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> Interval | None:
        """The interval, if it is known."""
        if self.low is None or self.high is None:
            return None
        return Interval(self.estimate, self.low, self.high)


class Times(msgspec.Struct, frozen=True):
    """A sample of durations, in seconds. A percentile is None where the sample is too small for it."""

    n: int
    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None


class Profile(msgspec.Struct, frozen=True):
    """A link as it was asked for. `up` and `down` are specifications, the rest is by direction too."""

    up: str
    down: str
    expected_loss: dict[str, float]
    expected_delay: dict[str, float]
    description: str = ""


class Direction(msgspec.Struct, frozen=True):
    """What the link did to the packets of one direction. `dropped` by cause."""

    received: int
    delivered: int
    dropped: dict[str, int]
    doubled: int
    corrupted: int
    reordered: int


class Late(msgspec.Struct, frozen=True):
    """How late the link itself was, in seconds."""

    n: int
    p50: float | None
    p99: float | None
    max: float | None
    share_over_1ms: float


class Link(msgspec.Struct, frozen=True):
    """What the link did during a run. `peak_rate` in packets per second, `overflow` packets it lost by itself."""

    up: Direction
    down: Direction
    lateness: Late
    peak_rate: float
    overflow: int
    seconds: float


class Probes(msgspec.Struct, frozen=True):
    """What the self-check saw of one direction. Delays in seconds."""

    sent: int
    received: int
    delay_p50: float | None
    delay_p99: float | None
    bursts: int = 0
    copies: int = 0


class TcpInfo(msgspec.Struct, frozen=True):
    """What the kernel says of the connections of a run. Times in seconds."""

    sockets: int
    total_retrans: int
    srtt_p50: float | None
    rto_max: float | None
    congestion: str = ""


class Run(msgspec.Struct, frozen=True):
    """One run: `measure.Figures`, and what the kernel and the link say of it."""

    profile: str
    transport: str
    repeat: int
    network: str
    planned_messages: int
    sent_messages: int
    expected: int
    delivered: int
    lost: int
    doubled: int
    out_of_order: int
    unreadable: int
    latency: Times
    latency_from_send: Times
    lateness: Times
    start_wall_ns: int
    cpu_per_delivery: float | None = None
    memory_per_member: float | None = None
    load_cpu: list[float] = []
    machine_cpu: float | None = None
    still_coming: bool = False
    suspect: str = ""
    refused_by_kernel: int = 0
    cut_off: dict[str, str] = {}
    link: Link | None = None
    probes: dict[str, Probes] | None = None
    kernel: dict[str, int] | None = None
    tcp_info: TcpInfo | None = None
    capture: str | None = None


class Pooled(msgspec.Struct, frozen=True):
    """All repeats of one transport over one profile together. Latencies in seconds, since due."""

    profile: str
    transport: str
    network: str
    repeats: int
    expected: int
    delivered: int
    lost: int
    doubled: int
    out_of_order: int
    delivered_share: Interval | None
    n: int
    p50: Percentile | None
    p90: Percentile | None
    p99: Percentile | None
    max: float | None
    retransmissions: int | None = None


class Document(msgspec.Struct, frozen=True):
    """What result.json holds. Times in seconds, memory in bytes, None is unknown. `ended` is "complete",
    "interrupted" or a sentence; `again` the words that make it again."""

    version: int
    made: str
    ended: str
    again: list[str]
    environment: dict[str, Any]
    options: dict[str, Any]
    profiles: dict[str, Profile]
    runs: list[Run]
    summary: list[Pooled]
    findings: list[str] = []
    warnings: list[str] = []


# --- writing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fates:
    """The deliveries of one run, for the CSV file. `start` is the run's first moment, in nanoseconds."""

    profile: str
    transport: str
    repeat: int
    start: int
    deliveries: Sequence[Delivery]


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
        with _explained(self.path.parent):
            with _durable(self.path / DOCUMENT) as file:
                file.write(_json(document))
            with _durable(self.path / DELIVERIES) as file, _packed(file) as text:
                write_csv(text, runs)

    def finish(self) -> Path:
        """Give it its name; the directory under that name. Raises Unsaved."""
        with _explained(self.path.parent):
            if self.captures.is_dir() and not any(self.captures.iterdir()):
                self.captures.rmdir()
            path = self.path.rename(self.path.with_name(self.name))
        self._finished = True
        return path

    def abandon(self) -> None:
        """Remove all of it, unless it is finished. May be called twice."""
        if not self._finished:
            shutil.rmtree(self.path, ignore_errors=True)


def create(directory: Path, made: datetime) -> Unfinished:
    """The beginning of a result in `directory`, which there has to be. Raises Unsaved."""
    stem = f"{made:%Y%m%dT%H%M%SZ}-compare"
    with _explained(directory):
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


def write_csv(file: TextIO, runs: Iterable[Fates]) -> None:
    """One line for each message and member, under a line of `COLUMNS`."""
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for run in runs:
        which = run.profile, run.transport, run.repeat
        for sent, member, received, copies in run.deliveries:
            moments = (_seconds(moment, run.start) for moment in (sent.scheduled, sent.sent, received))
            table.writerow((*which, sent.sender, sent.number, member, *moments, copies))


def _json(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _seconds(moment: int | None, start: int) -> str:
    return "" if moment is None else f"{(moment - start) / 1e9:.9f}"


@contextmanager
def _durable(path: Path) -> Iterator[io.BufferedWriter]:
    """A file for writing, which is on the disk when this is left."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())  # some file systems find out only now that the disk is full


@contextmanager
def _packed(file: io.BufferedWriter) -> Iterator[TextIO]:
    """Text into a gzip file, without a name and a time in it: the same lines are the same bytes."""
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=4, fileobj=file, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        yield text


@contextmanager
def _explained(directory: Path) -> Iterator[None]:
    """What the system says about `directory`, as Unsaved."""
    try:
        yield
    except OSError as error:
        raise Unsaved(_explain(directory, error)) from error


def _explain(directory: Path, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            why = "there is no such directory: make it, or name another with --results"
        case NotADirectoryError():
            why = "it is a file, and not a directory: name another with --results"
        case _:
            why = _reason(error)
    return f"The results could not be saved in {directory}: {why}."


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]


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
        raise Unreadable(f"{_show(directory)} can't be read: {_reason(error)}.") from error
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
            f"There is no {DOCUMENT} in {_show(path)}: it is no result of make compare."
        ) from None
    except OSError as error:
        raise Unreadable(f"{_show(file)} can't be read: {_reason(error)}.") from error
    raw, document = _decode(data, _show(file))
    return Result(path.absolute(), raw, document)


def check(raw: dict[str, Any], what: str = "The result") -> Document:
    """The document with its types. Raises Unreadable; `what` is what its sentence is about."""
    version = raw.get("version")
    if version is None and "runs" in raw and "made" in raw:
        version = 1  # which did not say so
    if type(version) is not int or "runs" not in raw:
        raise Unreadable(f"{what} is no result of make compare.")
    if version != VERSION:
        raise Unreadable(
            f"{what} was written by another version of the lab (its form is number {version}, and this one reads "
            f"{VERSION}): look at it with the commit it names, or measure again with make compare."
        )
    try:
        return msgspec.convert(raw, Document)
    except msgspec.ValidationError as error:
        raise Unreadable(
            f"{what} is not as make compare writes it ({visible(str(error))}): was it edited? "
            "Measure again with make compare."
        ) from error


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
                raise Unreadable(f"{_show(path)} is no result: name its directory, or the {DOCUMENT} in it.")
            return path.parent
    if not there and not os.path.dirname(run):
        raise Unreadable(NO_RESULTS)
    near = difflib.get_close_matches(run, there, 1, 0.3) or there[-1:]
    remedy = f": the nearest is {near[0]}" if near else ""
    raise Unreadable(f"There is no result {visible(run)!r} in {_show(directory)}{remedy}.")


def _age(name: str) -> tuple[str, int]:
    match = NAME.fullmatch(name)
    return (match[1], int(match[2] or 1)) if match else (name, 0)


def _show(path: Path) -> str:
    """As a person standing here would call it."""
    here = Path.cwd()
    return visible(str(path.relative_to(here) if path.is_relative_to(here) else path))


# --- the deliveries -------------------------------------------------------------------------------


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
    packed = directory / DELIVERIES
    unpacked = packed.with_suffix("")
    return unpacked if unpacked.exists() and not packed.exists() else packed


def read_deliveries(path: Path) -> dict[Which, Series]:
    """What became of every message, by run. Raises Unreadable."""
    found: dict[Which, Series] = {}
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            if tuple(next(lines, ())) != COLUMNS:
                raise Unreadable(f"The first line of {_show(path)} does not name the columns expected.")
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
            f"{_show(path)} is not there any more, and figures are made of it. Measure again with make compare."
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise Unreadable(
            f"{_show(path)} is damaged ({visible(str(error))}): measure again with make compare."
        ) from error
    except OSError as error:
        raise Unreadable(f"{_show(path)} can't be read: {_reason(error)}.") from error
    return found

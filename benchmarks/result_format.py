"""What a result.json holds, as types. What is read is checked against them once, and then taken at its word.

`compare` writes these classes or their like as JSON, names and all; msgspec makes them again. A name that is not
here is passed over: a later lab may say more of a run than this one reads.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import msgspec

from benchmarks.link.probe import Seen
from benchmarks.measure import Figures
from benchmarks.summary import Summary
from common.visible import visible

VERSION = 2
"""Of result.json. 1 was a file without a directory, and without profiles."""


class Unreadable(Exception):
    """A result can't be had; the text says what is wrong with it and what to do."""


@dataclass(frozen=True)
class Profile:
    """A link as it was asked for. `up` and `down` are specifications, the rest is by direction too."""

    up: str
    down: str
    expected_loss: dict[str, float]
    expected_delay: dict[str, float]
    description: str = ""

    @property
    def one_way_loss(self) -> float:
        """The loss asked for on the way there and on the way back, as one number: the same loss each way would let
        as much through both."""
        through = (1 - self.expected_loss.get("up", 0.0)) * (1 - self.expected_loss.get("down", 0.0))
        return 1 - math.sqrt(max(0.0, through))


@dataclass(frozen=True)
class Direction:
    """What the link did to the packets of one direction. `dropped` by cause."""

    received: int
    delivered: int
    dropped: dict[str, int]
    doubled: int
    corrupted: int
    reordered: int


@dataclass(frozen=True)
class Late:
    """How late the link itself was, in seconds."""

    n: int
    p50: float | None
    p99: float | None
    max: float | None
    share_over_1ms: float


@dataclass(frozen=True)
class Link:
    """What the link did during a run. `peak_rate` in packets per second, `overflow` packets it lost by itself."""

    up: Direction
    down: Direction
    lateness: Late
    peak_rate: float
    overflow: int
    seconds: float


@dataclass(frozen=True)
class TcpInfo:
    """What the kernel says of the connections of a run. Times in seconds."""

    sockets: int
    total_retrans: int
    srtt_p50: float | None
    rto_max: float | None
    congestion: str = ""


@dataclass(kw_only=True)
class Run(Figures):
    """One run: its figures, where and when it was made, and what the kernel and the link say of it."""

    profile: str
    transport: str
    repeat: int
    network: str
    start_wall_ns: int
    refused_by_kernel: int = 0
    cut_off: dict[str, str] = field(default_factory=dict)
    link: Link | None = None
    probes: dict[str, Seen] | None = None
    kernel: dict[str, int] | None = None
    tcp_info: TcpInfo | None = None
    capture: str | None = None


@dataclass(frozen=True)
class Document:
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
    summary: list[Summary]
    findings: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


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

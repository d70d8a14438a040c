"""What a load process notes during a run, and how that comes to the process that makes figures of it.

Plain 64-bit numbers in a row, because a run must not wait while Python makes objects: 4 of them for each
message sent, 6 for each that arrived. Times are nanoseconds of the monotonic clock.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Sent(NamedTuple):
    """Message `number` of `sender` was due at `scheduled` and sent at `sent`."""

    sender: int
    number: int
    scheduled: int
    sent: int


class Arrival(NamedTuple):
    """`member` received, at `received`, a message whose text says the rest."""

    member: int
    sender: int
    number: int
    scheduled: int
    sent: int
    received: int


def _numbers() -> "array[int]":
    return array("q")


@dataclass
class Records:
    """All that one run sent and received. Each member's arrivals are in the order in which they came;
    `unreadable` counts the texts that were no message of this run."""

    sends: "array[int]" = field(default_factory=_numbers)
    arrivals: "array[int]" = field(default_factory=_numbers)
    unreadable: int = 0

    @classmethod
    def of(cls, sends: list[Sent], arrivals: list[Arrival], unreadable: int = 0) -> "Records":
        """Records written by hand."""
        return cls(
            array("q", [value for sent in sends for value in sent]),
            array("q", [value for arrival in arrivals for value in arrival]),
            unreadable,
        )

    def each_sent(self) -> Iterator[Sent]:
        """The messages sent."""
        values = iter(self.sends)
        return map(Sent._make, zip(values, values, values, values, strict=True))

    def each_arrival(self) -> Iterator[Arrival]:
        """The messages that arrived."""
        values = iter(self.arrivals)
        return map(Arrival._make, zip(values, values, values, values, values, values, strict=True))

    def header(self) -> dict[str, Any]:
        """What `add` needs to know about `body`."""
        return {"sends": len(self.sends), "arrivals": len(self.arrivals), "unreadable": self.unreadable}

    def body(self) -> bytes:
        """The numbers, as this machine writes them: they do not leave it."""
        return self.sends.tobytes() + self.arrivals.tobytes()

    def add(self, header: dict[str, Any], body: bytes) -> None:
        """Add what another process noted."""
        width = self.sends.itemsize
        self.sends.frombytes(body[: header["sends"] * width])
        self.arrivals.frombytes(body[header["sends"] * width :])
        self.unreadable += header["unreadable"]

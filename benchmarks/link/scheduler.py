"""Both directions of a link, and what is under way in them: a heap in the order of arrival at the other end.

It opens no socket and looks at no clock. Whoever moves the packets tells it what came in and when (`receive`),
asks when it should look again (`next_due`), and takes what has arrived by then (`due`):

    for due in scheduler.due(now):
        send(due.direction, due.packet)

The fate of a packet is decided when it enters. Nothing that happens afterwards changes it.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from benchmarks.link.line import Line

DIRECTIONS = ("up", "down")
"""Up is from the client to the server."""


MOST = 100_000
"""Packets under way, both directions together: some 170 MB of the largest. No link that is exact has so many."""

FULL = "full"
"""The cause of a drop that nobody asked for: `MOST` packets were under way."""


class Due(NamedTuple):
    """A packet that is to be put back at `deliver_at`; `tag` is what came with it."""

    deliver_at: float
    direction: str
    packet: bytes
    tag: object


class Scheduler:
    """A link whose directions do what the specifications `up` and `down` say. The same `seed`, packets and times
    have the same outcome. Raises Refused."""

    def __init__(self, up: str, down: str, seed: int) -> None:
        self.lines = _lines(up, down, seed)
        # (deliver_at, copy, entry, line, direction, packet, tag): `copy` is different for all, so that a comparison
        # ends there, and grows with the order of arrival.
        self._heap: list[tuple[float, int, int, Line, str, bytes, object]] = []
        self._entries = 0
        self._copies = 0

    def begin(self, up: str, down: str, seed: int, now: float) -> None:
        """Two new lines that begin at `now`, counting from nothing. What is under way arrives as it would
        have, and counts for the old ones. Raises Refused; then nothing has changed."""
        self.lines = _lines(up, down, seed)
        for line in self.lines.values():
            line.begin(now)

    def receive(self, direction: str, packet: bytes, now: float, tag: object = None) -> str:
        """Decide what becomes of a packet that enters at `now`. The name of what dropped it, or ""."""
        line = self.lines[direction]
        going, cause = line.apply(packet, now)
        self._entries += 1
        for at, what in going:
            if len(self._heap) >= MOST:
                line.drop(FULL)
                cause = FULL
                continue
            self._copies += 1
            heappush(self._heap, (at, self._copies, self._entries, line, direction, what, tag))
        return cause

    def next_due(self) -> float | None:
        """When the next packet is due; None if none is under way."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> Iterator[Due]:
        """Take out what is due by `now`: the earliest first, and what is due together in order of arrival."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, entry, line, direction, packet, tag = heappop(heap)
            line.deliver(entry, packet)
            yield Due(at, direction, packet, tag)

    @property
    def held(self) -> int:
        """Packets under way."""
        return len(self._heap)


def _lines(up: str, down: str, seed: int) -> dict[str, Line]:
    # Of different seeds: the directions would otherwise lose the same packets.
    return {
        direction: Line(text, f"{seed}/{direction}")
        for direction, text in zip(DIRECTIONS, (up, down), strict=True)
    }

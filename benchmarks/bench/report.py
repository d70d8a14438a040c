"""What one run brought home: what its load process says, and what the figures are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.statistics import percentile


@dataclass(frozen=True)
class Percentiles:
    """Of `n` durations in seconds. None where too few samples lie beyond it."""

    n: int
    p50: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, ordered: Sequence[float]) -> "Percentiles":
        """Those of durations in ascending order."""
        longest = ordered[-1] if ordered else None
        return cls(len(ordered), percentile(ordered, 50), percentile(ordered, 99), longest)


@dataclass(frozen=True)
class Report:
    """One run. Counts are deliveries (one message to one member) unless the name says otherwise; times are in
    seconds, memory in bytes; None is unknown.

    `deliveries_per_s` counts what came while the members spoke, for `seconds`. `cpu_s` is the server's processor time
    from the first word until it was quiet again. `memory_joined` is how much it grew while the members came in,
    `memory_talking` by how much its peak grew afterwards. `join_s` is the time from the first connect until everybody
    saw all the others. `threads` is how many the server had then, `reserved_joined` how many bytes of addresses it
    had reserved while they came in.

    Of the load itself: `load_busy` is its share of its processor, `lateness` how late it was. `others_busy` is how
    much of a processor other programs used meanwhile. `refused` counts datagrams that the load's own kernel did not
    take, `ended` the members whose connection the server closed.

    Of the last member: `dropped_as_slow` is whether the others were told that it was, `flooded` how many messages of
    its flood were sent, `flood_seen` how many of them each member got at least, `flood_holes` how many were missing
    below the highest that came, `told_too_fast` how often it was told that its surplus is dropped.
    """

    planned_messages: int
    sent_messages: int
    expected: int
    delivered: int
    lost: int
    doubled: int
    out_of_order: int
    unreadable: int
    same_order: bool
    still_coming: bool
    latency: Percentiles
    lateness: Percentiles
    deliveries_per_s: float
    cpu_s: float | None
    memory_joined: int | None
    memory_talking: int | None
    join_s: float
    load_busy: float
    others_busy: float | None
    members: int
    seconds: float
    refused: int = 0
    ended: int = 0
    dropped_as_slow: bool = False
    flooded: int = 0
    flood_seen: int = 0
    flood_holes: int = 0
    told_too_fast: int = 0
    threads: int | None = None
    reserved_joined: int | None = None

    @property
    def cpu_per_delivery(self) -> float | None:
        """The server's processor time for one delivery, in seconds."""
        return self.cpu_s / self.delivered if self.cpu_s is not None and self.delivered else None

    @property
    def server_busy(self) -> float | None:
        """The server's share of one processor while the members spoke, about."""
        return None if self.cpu_s is None else self.cpu_s / self.seconds

    @property
    def memory_per_member(self) -> float | None:
        """What a member costs the server."""
        return None if self.memory_joined is None else self.memory_joined / self.members

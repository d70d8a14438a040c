"""What happened to the room's numbered messages on their way: lost, doubled, overtaken.

Every `chat`, `emote`, `join` and `leave` has the next number of one counter, and every member is sent
the same numbers. So a gap is a loss, a repeat a duplicate (RFC 5560), and a number below one that has
already arrived a reordering (RFC 4737: a packet is reordered when its number is smaller than the next
expected one). The same tracker counts for both transports; over TCP it must stay at zero.
"""

from bisect import bisect_right
from enum import Enum

MAX_GAPS = 10_000
"""Gaps remembered. Past it the oldest is forgotten: its numbers stay lost, come what may."""


class Arrival(Enum):
    """How a number arrived."""

    NEXT = "next"
    AHEAD = "ahead"  # after a gap: something before it is missing
    LATE = "late"  # it fills a gap: it was overtaken
    DOUBLED = "doubled"  # it had arrived before


class Tracker:
    """Counts `received`, `lost`, `doubled` and `out_of_order` from the numbers in order of arrival.

    A number that arrives late was counted as lost until then; afterwards it no longer is.
    """

    def __init__(self) -> None:
        self.highest: int | None = None
        """The highest number seen or announced; None before the first."""
        self.received = 0
        self.lost = 0
        self.doubled = 0
        self.out_of_order = 0
        self._gaps: list[tuple[int, int]] = []
        """What is missing: (first, last), ascending, apart from each other."""

    def announce(self, seq: int) -> int:
        """The room's last number is `seq`: what is missing up to it was lost. Returns how many that adds."""
        if self.highest is None:
            self.highest = seq
        missing = seq - self.highest
        if missing <= 0:
            return 0
        self._remember((self.highest + 1, seq))
        self.lost += missing
        self.highest = seq
        return missing

    def skip(self, seq: int) -> int:
        """We were away, and are back at number `seq`: what went by meanwhile was not sent to us, and is not lost.
        Returns how many numbers that are."""
        missed = max(0, seq - self.highest) if self.highest is not None else 0
        self.highest = max(seq, self.highest or 0)
        return missed

    def restart(self, seq: int) -> None:
        """Another room counts from here on, and is at number `seq`."""
        self.highest = seq
        self._gaps.clear()

    def arrive(self, seq: int) -> Arrival:
        """Count one arrival of number `seq`. The first number ever seen begins the count."""
        if self.highest is None or seq > self.highest:
            missing = self.announce(seq - 1) if self.highest is not None else 0
            self.highest = seq
            self.received += 1
            return Arrival.AHEAD if missing else Arrival.NEXT
        if not self._fill(seq):
            self.doubled += 1
            return Arrival.DOUBLED
        self.received += 1
        self.lost -= 1
        self.out_of_order += 1
        return Arrival.LATE

    def _remember(self, gap: tuple[int, int]) -> None:
        self._gaps.append(gap)
        del self._gaps[:-MAX_GAPS]

    def _fill(self, seq: int) -> bool:
        """Take `seq` out of the gap it lies in; False if it lies in none."""
        at = bisect_right(self._gaps, seq, key=lambda gap: gap[0]) - 1
        if at < 0 or seq > self._gaps[at][1]:
            return False
        first, last = self._gaps[at]
        self._gaps[at : at + 1] = [part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]]
        del self._gaps[:-MAX_GAPS]  # one gap may have become two
        return True

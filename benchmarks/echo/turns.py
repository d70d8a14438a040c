"""What becomes of round trips: of several ways that took turns, in all, repeat by repeat and against each other; and of
the exchanges on each connection, in their order.
"""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.echo.run import Trip, round_trips
from common.statistics import percentile

# --- ways that took turns -------------------------------------------------------------------------

Turns = Mapping[tuple[str, str, int], list[list[Trip]]]
"""By place, way and repeat: its turns."""


def times(turns: Turns, place: str, way: str) -> list[float]:
    """All round trips of a way at a place, in seconds, the shortest first."""
    mine = (those for which, those in turns.items() if which[:2] == (place, way))
    return round_trips(trip for those in mine for turn in those for trip in turn)


def by_repeat(turns: Turns, place: str, way: str, percent: float) -> dict[int, float]:
    """The percentile of each repeat that has it, in seconds."""
    found = {}
    for (its_place, its_way, repeat), those in turns.items():
        if (its_place, its_way) == (place, way):
            time = percentile(round_trips(trip for turn in those for trip in turn), percent)
            if time is not None:
                found[repeat] = time
    return found


def ratios(turns: Turns, place: str, way: str, other: str, percent: float) -> list[float]:
    """How many times the `other` way's a percentile of this one is, in each repeat that has both."""
    mine, its = by_repeat(turns, place, way, percent), by_repeat(turns, place, other, percent)
    return [mine[repeat] / its[repeat] for repeat in mine if repeat in its]


# --- exchanges on connections ---------------------------------------------------------------------


def answered(connections: Iterable[Iterable[Trip]]) -> list[list[float]]:
    """The round trips of each connection, in seconds and in order, without those that had no answer."""
    return [[trip.round_trip for trip in trips if trip.round_trip is not None] for trips in connections]


def nth(connections: Iterable[Sequence[float]], number: int) -> list[float]:
    """The round trip with this number, from 1, of each connection that has one, in milliseconds."""
    return [1e3 * those[number - 1] for those in connections if len(those) >= number]


def first_slow(trips: Iterable[Trip], seconds: float) -> int | None:
    """The number, from 1, of the first round trip that took so long; None if none did."""
    numbered = enumerate(trips, 1)
    return next((number for number, one in numbered if (one.round_trip or 0.0) >= seconds), None)

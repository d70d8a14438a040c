"""A closed and an open loop that ask the same server at the same time, and the samples that each has in the end."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.echo.run import SECOND, Echo, Trip
from benchmarks.stage import Failed
from benchmarks.wording import listed, three_digits
from common import clock

CLOSED, OPEN, CORRECTED = "closed", "open", "corrected"

HEAD_START = 0.5
"""Seconds until both begin: their processes have been told by then."""


@dataclass(frozen=True)
class Stalls:
    """The server stands still for `seconds`, `first` seconds into each of so many `periods` of `every` seconds."""

    every: float
    seconds: float
    first: float
    periods: int


def measure(echo: Echo, stalls: Stalls, interval: float) -> dict[str, list[Trip]]:
    """The requests of both loops, one every `interval` seconds as far as they keep to that. Raises Failed if the server
    did not stand still as it was told to, or answered not everything."""
    start = clock.monotonic_ns() + round(HEAD_START * SECOND)
    moments = [stalls.first + number * stalls.every for number in range(stalls.periods)]
    echo.stall([start + round(moment * SECOND) for moment in moments], stalls.seconds)
    lasting = stalls.periods * stalls.every
    closed, opened = echo.loops((CLOSED, OPEN), start, lasting, interval, "measuring")
    stood = echo.stalled()
    least, most = stalls.seconds, 1.1 * stalls.seconds
    if len(stood) != stalls.periods or not all(least <= seconds <= most for seconds in stood):
        times = listed([three_digits(seconds) for seconds in stood]) or "never"
        raise Failed(
            f"The server was to stand still for {least:g} s {stalls.periods} times, and did so for: {times}."
        )
    if silent := sum(trip.received is None for trip in closed + opened):
        raise Failed(
            f"{silent} requests were never answered: the server did more than to stand still for {least:g} s."
        )
    return {CLOSED: closed, OPEN: opened}


def corrected(round_trips: Iterable[float], interval: float) -> list[float]:
    """The sample of a closed loop, with the requests added that it left out: for each round trip longer than
    `interval` those that were due meanwhile, each of which would have waited for an interval less (HdrHistogram,
    recordValueWithExpectedInterval). Seconds."""
    found = []
    for taken in round_trips:
        found.append(taken)
        missing = taken - interval
        while missing >= interval:
            found.append(missing)
            missing -= interval
    return found


def samples(measured: dict[str, list[Trip]], interval: float) -> dict[str, list[float]]:
    """What each way of measuring has for a sample, in seconds, the shortest first: the closed loop counts from when it
    sent, the open one from when a request was due, and the corrected one has what the closed one left out."""
    closed = [trip.round_trip for trip in measured[CLOSED] if trip.round_trip is not None]
    opened = [trip.latency for trip in measured[OPEN] if trip.latency is not None]
    return {CLOSED: sorted(closed), OPEN: sorted(opened), CORRECTED: sorted(corrected(closed, interval))}

"""The echo server, its clients and the bursts, as processes on a stage."""

import json
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from threading import Event

import pytest

from benchmarks import stage as stages
from benchmarks.echo.orders import obey
from benchmarks.echo.run import Bursts, Echo, Trip, median, round_trips, trips
from benchmarks.stage import Failed, Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    """One on which every process ends."""
    with stages.stage(Event(), lambda _: None) as made:
        yield made


@pytest.mark.parametrize("way", ["udp", "tcp", "new"])
def test_every_request_is_answered_in_turn(stage: Stage, way: str) -> None:
    """One after the other: none is sent before the last was answered."""
    made = Echo(stage).round_trips(way, 30, "asking")
    assert len(made) == 30
    before = 0.0
    for trip in made:
        assert trip.received is not None
        assert before <= trip.sent <= trip.received
        before = trip.received


def test_a_request_in_parts_has_one_answer(stage: Stage) -> None:
    """The server waits for the whole of it, and the client for the whole answer."""
    echo = Echo(stage, size=1000)
    for parts in ([1000], [8, 992], [1] * 1000):
        made = echo.in_parts(parts, True, 3, "asking")
        assert [trip.received is not None for trip in made] == [True] * 3


def test_processes_stay_where_they_are_put(stage: Stage) -> None:
    """A processor that isn't there is refused, in words."""
    with pytest.raises(Failed, match="echo server"):
        Echo(stage, cpus=(100_000, 100_000)).round_trips("udp", 1, "asking")


def test_a_stall_is_seen_by_both_loops_but_asked_about_by_one(stage: Stage) -> None:
    """The closed loop meets it with one request, the open one with all that were due meanwhile."""
    echo = Echo(stage, clients=2)
    start = time.monotonic_ns() + 300_000_000
    echo.stall([start + 200_000_000], 0.4)
    closed, opened = echo.loops(("closed", "open"), start, 1.0, 0.01, "asking")
    (stood,) = echo.stalled()
    assert stood >= 0.4
    assert [trip.due for trip in opened] == pytest.approx([number / 100 for number in range(100)])
    assert all(trip.received is not None and trip.sent >= trip.due for trip in opened + closed)
    waited = [trip for trip in opened if 0.3 < trip.due < 0.5]
    assert all(trip.latency is not None and trip.latency > 0.08 for trip in waited)
    assert sum(trip.round_trip is not None and trip.round_trip > 0.3 for trip in closed) == 1
    assert len(closed) < len(opened)


def test_a_datagram_that_finds_no_room_is_counted_and_nobody_is_told(stage: Stage) -> None:
    """What arrives is the beginning; the sender sees no error; the socket has counted the rest."""
    bursts = Bursts(stage)
    small = bursts.datagrams(2000, 100, 16 * 1024, "bursting")
    large = bursts.datagrams(2000, 100, 64 * 1024, "bursting")
    for burst in (small, large):
        assert (burst.taken, burst.errors) == (2000, 0)
        assert burst.first == burst.arrived == burst.taken - burst.dropped
        assert burst.each is not None
        assert burst.each > 100
        assert burst.counted is None or burst.counted >= burst.dropped
    assert 0 < small.arrived < large.arrived < 2000


def test_a_burst_that_fits_arrives(stage: Stage) -> None:
    """As a whole, down to a datagram too short for a number."""
    burst = Bursts(stage).datagrams(20, 1, None, "bursting")
    assert (burst.arrived, burst.dropped, burst.first) == (20, 0, 0)


def test_tcp_makes_the_sender_wait_and_loses_nothing(stage: Stage) -> None:
    """More than both kernels' buffers hold arrives as soon as it is read."""
    stream = Bursts(stage).stream(2000, 10_000, "bursting")
    assert 0 < stream.taken < 2000 * 10_000
    assert stream.arrived == 2000


def test_what_the_system_refuses_is_an_answer(stage: Stage) -> None:
    """The experiment fails with the system's words."""
    echo = Echo(stage)
    stage.dismiss([echo._server])
    echo._server.end()
    with pytest.raises(Failed, match="A client can't go on: connection refused"):
        echo.round_trips("new", 1, "asking")


def test_records_are_seconds_since_the_beginning() -> None:
    """An answer that did not come has no time."""
    made = trips(
        array("q", [1_000_000_000, 1_500_000_000, 2_000_000_000, 3_000_000_000, 3_000_000_000, 0]), 10**9
    )
    assert made == [Trip(0.0, 0.5, 1.0), Trip(2.0, 2.0, None)]
    assert (made[0].latency, made[0].round_trip) == (1.0, 0.5)
    assert (made[1].latency, made[1].round_trip) == (None, None)
    assert round_trips(made) == [0.5]
    assert median(made) is None


def test_an_order_is_answered_with_a_line_and_its_numbers(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The line says how many bytes follow; an error is a sentence."""

    def refuse() -> dict[str, object]:
        raise OSError(98, "Address already in use")

    obey(b'{"do": "count", "to": 3}', {"count": lambda to: ({"to": to}, array("q", range(to)))})
    obey(b'{"do": "refuse"}', {"refuse": refuse})
    line, _, rest = capfdbinary.readouterr().out.partition(b"\n")
    assert json.loads(line) == {"to": 3, "bytes": 24}
    assert array("q", rest[:24]).tolist() == [0, 1, 2]
    assert json.loads(rest[24:]) == {"error": "address already in use.", "bytes": 0}


@pytest.mark.parametrize(
    "argv", [["server", "--size", "10"], ["client", "--port", "1", "--size", "10"], ["burst"]]
)
def test_each_process_ends_when_its_input_does(argv: list[str]) -> None:
    """So none of them outlives who started it."""
    name, *options = argv
    command = [sys.executable, "-m", f"benchmarks.echo.{name}", *options]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")

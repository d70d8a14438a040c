"""All repeats together, on deliveries made by hand: what is pooled, and what is taken together."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from benchmarks.estimate import Interval, Percentile, wilson
from benchmarks.measure import Delivery, measure
from benchmarks.records import Arrival, Records, Sent
from benchmarks.summary import Run, Summary, summarise

MS = 1_000_000
START = 5_000_000_000
"""A run begins at some moment of the monotonic clock."""

MEMBERS = 10

Latency = Callable[[int, int], float | None]
"""Of message and member, in milliseconds; None if it is lost."""


def at_once(message: int, member: int) -> float | None:
    """A millisecond for everybody."""
    return 1.0


def made(
    profile: str = "lossy",
    transport: str = "udp",
    repeat: int = 1,
    *,
    messages: int = 100,
    every: float = 20.0,
    latency: Latency = at_once,
    members: int = MEMBERS,
    retransmissions: int | None = None,
    start: int = START,
) -> Run:
    """A run in which a message is due every so many milliseconds."""
    sends, arrivals, fates = [], [], []
    for number in range(messages):
        due = start + round(number * every * MS)
        sent = Sent(0, number, due, due)
        sends.append(sent)
        for member in range(members):
            took = latency(number, member)
            received = None if took is None else due + round(took * MS)
            fates.append(Delivery(sent, member, received, int(received is not None)))
            if received is not None:
                arrivals.append(Arrival(member, *sent, received))
    figures = measure(Records.of(sends, arrivals), members, messages)
    return Run(profile, transport, "emulated", repeat, figures, start, fates, retransmissions)


def one(runs: Sequence[Run]) -> Summary:
    """The summary of runs that make a single one."""
    (summary,) = summarise(runs)
    return summary


def width(interval: Interval | None) -> float:
    """How far its ends are apart."""
    assert interval is not None
    return interval.high - interval.low


def test_profiles_come_in_their_order_and_tcp_before_udp() -> None:
    """In whatever order the runs were made; what else there is follows."""
    runs = [
        made(profile, transport, repeat, messages=3)
        for profile, transport, repeat in (
            ("wifi", "udp", 1),
            ("wifi", "quic", 1),
            ("wifi", "tcp", 1),
            ("clean", "tcp", 1),
            ("clean", "udp", 1),
            ("wifi", "tcp", 2),
        )
    ]
    found = [(summary.profile, summary.transport, summary.repeats) for summary in summarise(runs)]
    assert found == [
        ("wifi", "tcp", 2),
        ("wifi", "udp", 1),
        ("wifi", "quic", 1),
        ("clean", "tcp", 1),
        ("clean", "udp", 1),
    ]
    assert summarise([]) == []


def test_a_transport_that_was_not_measured_is_not_there() -> None:
    """As TCP, where only a relay could be had."""
    assert [summary.transport for summary in summarise([made("lossy", "udp")])] == ["udp"]


def test_repeats_are_counted_together() -> None:
    """Every count is a sum; share and percentiles are those of all deliveries, not means of the runs'."""
    slow = made(repeat=1, messages=30, latency=lambda message, member: 100.0)
    lossy = made(repeat=2, messages=70, latency=lambda message, member: 10.0 if message % 7 else None)
    found = one([slow, lossy])
    assert (found.repeats, found.network) == (2, "emulated")
    assert (found.expected, found.delivered, found.lost) == (1000, 900, 100)
    assert found.delivered_share is not None
    assert found.delivered_share.estimate == 0.9
    assert found.n == 900
    assert found.p50 is not None
    assert found.p50.estimate == pytest.approx(0.010)
    assert found.p90 is not None
    assert found.p90.estimate == pytest.approx(0.100)
    assert found.p99 is None  # nine lie beyond
    assert found.max == pytest.approx(0.100)


def test_doubled_and_out_of_order_are_those_of_the_figures() -> None:
    """They need the order of arrivals, which deliveries do not know."""
    run = made(messages=5)
    figures = replace(run.figures, doubled=3, out_of_order=2)
    found = one([replace(run, figures=figures), replace(run, repeat=2, figures=figures)])
    assert (found.doubled, found.out_of_order) == (6, 4)


@pytest.mark.parametrize(("counts", "total"), [((3, 4), 7), ((0, 0), 0), ((3, None), None), ((None,), None)])
def test_retransmissions_are_known_only_if_all_are(counts: tuple[int | None, ...], total: int | None) -> None:
    """A sum with a hole in it would be too small."""
    runs = [made(repeat=at, messages=3, retransmissions=count) for at, count in enumerate(counts)]
    assert one(runs).retransmissions == total


def test_a_loss_that_hits_whole_messages_is_less_certain() -> None:
    """As many lost deliveries, here of ten messages for all members, there of a hundred for one: ten times the
    evidence, a third of the width."""
    chance = random.Random(3)
    lost = set(chance.sample(range(10_000), 1000))
    scattered = made(
        messages=1000,
        every=20,
        latency=lambda message, member: None if 10 * message + member in lost else 1.0,
    )
    unheard = set(chance.sample(range(1000), 100))
    whole = made(messages=1000, latency=lambda message, member: None if message in unheard else 1.0)
    assert one([whole]).lost == one([scattered]).lost == 1000
    wide, narrow = (width(one([run]).delivered_share) for run in (whole, scattered))
    assert wide == pytest.approx(width(wilson(900, 1000)), rel=0.25)
    assert narrow == pytest.approx(width(wilson(9000, 10_000)), rel=0.25)


def test_neighbours_that_are_lost_together_are_taken_together() -> None:
    """Bursts of 80 ms make the share less certain than as many losses far apart."""
    bursts = made(messages=1000, every=20, latency=lambda message, member: None if message % 100 < 4 else 1.0)
    apart = made(messages=1000, every=20, latency=lambda message, member: None if message % 25 == 0 else 1.0)
    assert one([bursts]).lost == one([apart]).lost
    assert width(one([bursts]).delivered_share) > 1.5 * width(one([apart]).delivered_share)


def test_that_nothing_was_lost_leaves_room_for_what_was_not_seen() -> None:
    """All arrived, and yet the share may be below 1: by what messages, not deliveries, leave possible."""
    found = one([made(messages=400, every=50)]).delivered_share
    assert found is not None
    assert (found.estimate, found.high) == (1, 1)
    by_messages = wilson(400, 400)
    assert by_messages is not None
    assert found.low == pytest.approx(by_messages.low, abs=0.002)


def test_what_nobody_got_has_no_time() -> None:
    """And a run without a message has no share."""
    found = one([made(messages=50, latency=lambda message, member: None)])
    assert (found.delivered, found.n, found.p50, found.max) == (0, 0, None, None)
    assert found.delivered_share is not None
    assert (found.delivered_share.estimate, found.delivered_share.low) == (0, 0)
    nothing = one([made(messages=0)])
    assert (nothing.expected, nothing.delivered_share, nothing.p50, nothing.max) == (0, None, None, None)


def stuck(stall: float, apart: int) -> Latency:
    """A message each 20 ms, and every so many of them a stall of so many milliseconds."""

    def latency(message: int, member: int) -> float:
        waits = stall - 20.0 * (message % apart)
        return max(40.0, waits)

    return latency


def test_latencies_hang_together_for_as_long_as_a_stall_lasts() -> None:
    """Two seconds are enough stretches where stalls are short, and too few where they are not. More runs help."""
    short, long = (made(messages=100, latency=stuck(stall, 25)) for stall in (100.0, 400.0))
    for found, known in (
        (one([short]), True),
        (one([long]), False),
        (one([long, replace(long, repeat=2), replace(long, repeat=3)]), True),
    ):
        assert found.p50 is not None
        assert (found.p50.interval is not None) == known


def test_long_stalls_do_not_make_a_few_runs_tell_nothing() -> None:
    """Up to half a second hangs together, although here it would be almost one: three runs of two seconds do."""

    def latency(message: int, member: int) -> float | None:
        return 40.0 if member < 6 else stuck(1000.0, 50)(message, member)

    found = one([made(repeat=repeat, messages=100, latency=latency) for repeat in range(3)])
    assert found.p99 is not None
    assert found.p99.interval is not None
    assert found.p99.interval.high > 0.9


def test_stalls_as_long_as_a_run_make_one_observation_of_it() -> None:
    """Only other runs can tell how the next one would be: ten of them at least."""

    def latency(message: int, member: int) -> float:
        return 40.0 if member < 6 else 3000.0 - 20.0 * message

    runs = [made(repeat=repeat, messages=100, latency=latency) for repeat in range(10)]
    for count, known in ((9, False), (10, True)):
        found = one(runs[:count])
        assert found.p99 is not None
        assert found.p99.estimate == pytest.approx(3.0, abs=0.05)
        assert (found.p99.interval is not None) == known


def test_time_is_counted_from_the_start_of_a_run() -> None:
    """Runs at the same moments are no one run, and a later start changes nothing."""
    chance = random.Random(5)
    values = [chance.uniform(1, 50) for _ in range(1000)]
    runs = [
        made(messages=100, start=start, latency=lambda message, member: values[10 * message + member])
        for start in (START, 7 * START + 12_345_678)
    ]
    assert one(runs[:1]) == one(runs[1:])
    twice = one([runs[0], replace(runs[0], repeat=2)])
    assert twice.p50 is not None
    assert twice.p50.interval is not None
    once = one(runs[:1])
    assert once.p50 is not None
    assert width(twice.p50.interval) < width(once.p50.interval)


def test_as_a_result_holds_it() -> None:
    """Names and nulls of the document, ready for JSON."""
    raw = json.loads(json.dumps(one([made(messages=4, retransmissions=9)]).as_dict()))
    assert list(raw) == [
        "profile",
        "transport",
        "network",
        "repeats",
        "expected",
        "delivered",
        "lost",
        "doubled",
        "out_of_order",
        "delivered_share",
        "n",
        "p50",
        "p90",
        "p99",
        "max",
        "retransmissions",
    ]
    assert set(raw["delivered_share"]) == {"estimate", "low", "high"}
    assert raw["p50"] == {"estimate": 0.001, "low": None, "high": None}  # of four messages within 80 ms
    assert raw["p99"] is None
    assert raw["retransmissions"] == 9
    assert one([made(messages=4)]).p50 == Percentile(0.001)

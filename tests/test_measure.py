"""From records to figures, on records made by hand: every loss, copy and step back is counted exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import stamp
from benchmarks.measure import Delivery, Figures, Times, deliveries, measure, suspicion
from benchmarks.records import Arrival, Records, Sent

MS = 1_000_000


def sent(sender: int, number: int, due: int = 0, late: int = 0) -> Sent:
    """A message due at `due` milliseconds and sent `late` milliseconds after that."""
    return Sent(sender, number, due * MS, (due + late) * MS)


def arrival(member: int, message: Sent, at: int) -> Arrival:
    """Its arrival at `member`, `at` milliseconds."""
    return Arrival(member, *message, at * MS)


FIRST, SECOND, THIRD = sent(0, 0, 10), sent(0, 1, 20), sent(0, 2, 30)


def figures(sends: list[Sent], arrivals: list[Arrival], members: int = 2, **options: bool) -> Figures:
    """The figures of these records."""
    return measure(Records.of(sends, arrivals), members, len(sends), **options)


def counts(found: Figures) -> tuple[int, int, int, int, int]:
    """Expected, delivered, lost, doubled, out of order."""
    return found.expected, found.delivered, found.lost, found.doubled, found.out_of_order


def test_all_is_well() -> None:
    """Two members, two messages, four deliveries; each from the time it was due."""
    found = figures(
        [FIRST, SECOND],
        [arrival(member, message, 21) for message in (FIRST, SECOND) for member in (0, 1)],
    )
    assert counts(found) == (4, 4, 0, 0, 0)
    assert found.latency == Times(4, None, None, None, 0.011)


def test_a_loss_is_one_delivery_that_is_not_there() -> None:
    """Member 1 misses the second message; it has no latency, and the others keep theirs."""
    arrivals = [arrival(0, FIRST, 11), arrival(0, SECOND, 21), arrival(1, FIRST, 12)]
    found = figures([FIRST, SECOND], arrivals)
    assert counts(found) == (4, 3, 1, 0, 0)
    assert found.latency.n == 3
    fates = deliveries(Records.of([FIRST, SECOND], arrivals), 2)
    assert fates[-1] == Delivery(SECOND, 1, None, 0)


def test_a_copy_is_neither_a_delivery_nor_a_sample() -> None:
    """The first one counts, with its time; two copies more are two doubled."""
    arrivals = [arrival(0, FIRST, 11), arrival(0, FIRST, 90), arrival(0, FIRST, 91)]
    found = figures([FIRST], arrivals, members=1)
    assert counts(found) == (1, 1, 0, 2, 0)
    assert found.latency.max == pytest.approx(0.001)
    assert deliveries(Records.of([FIRST], arrivals), 1) == [Delivery(FIRST, 0, 11 * MS, 3)]


def test_a_late_number_is_out_of_order_and_stays_in_the_sample() -> None:
    """RFC 4737: what is below the highest seen. The one that overtook is not; who came late counts."""
    arrivals = [arrival(0, THIRD, 31), arrival(0, FIRST, 60), arrival(0, SECOND, 61)]
    found = figures([FIRST, SECOND, THIRD], arrivals, members=1)
    assert counts(found) == (3, 3, 0, 0, 2)
    assert found.latency.max == pytest.approx(0.050)


def test_a_copy_that_comes_late_is_not_out_of_order() -> None:
    """It is doubled: one arrival is counted as one thing."""
    arrivals = [arrival(0, FIRST, 11), arrival(0, SECOND, 21), arrival(0, FIRST, 22)]
    assert counts(figures([FIRST, SECOND], arrivals, members=1)) == (2, 2, 0, 1, 0)


def test_order_is_that_of_one_sender_at_one_member() -> None:
    """Two senders have no order between them, and neither have two members."""
    other = sent(1, 0, 5)
    arrivals = [arrival(0, FIRST, 11), arrival(0, SECOND, 21), arrival(0, other, 22), arrival(1, FIRST, 23)]
    assert figures([FIRST, SECOND, other], arrivals).out_of_order == 0


def test_a_late_sender_is_counted_from_when_it_was_due() -> None:
    """40 ms late and 1 ms on the way: 41 ms since due, 1 ms since sent, and 40 ms are the load's own."""
    late = sent(0, 0, due=10, late=40)
    found = figures([late], [arrival(0, late, 51)], members=1)
    assert found.latency.max == pytest.approx(0.041)
    assert found.latency_from_send.max == pytest.approx(0.001)
    assert found.lateness.max == pytest.approx(0.040)


def test_percentiles_are_there_when_enough_lies_beyond_them() -> None:
    """100 samples have a p90 and no p99."""
    sends = [sent(0, number, number) for number in range(100)]
    found = figures(sends, [arrival(0, message, at + at + 1) for at, message in enumerate(sends)], members=1)
    assert found.latency == Times(100, 0.050, 0.090, None, 0.100)


def test_what_nobody_sent_is_unreadable() -> None:
    """A number that was not sent, and one whose text says another time."""
    changed = Sent(0, 0, 10 * MS, 11 * MS)
    records = Records.of([FIRST], [arrival(0, SECOND, 21), arrival(0, changed, 12)], unreadable=3)
    found = measure(records, 1, 1)
    assert found.unreadable == 5
    assert counts(found) == (1, 0, 1, 0, 0)


def test_a_server_that_does_not_echo_owes_a_sender_nothing() -> None:
    """Expected is one less for each message, and its sender has no line among the deliveries."""
    arrivals = [arrival(1, FIRST, 11)]
    assert counts(figures([FIRST], arrivals, echoes=False)) == (1, 1, 0, 0, 0)
    fates = deliveries(Records.of([FIRST], arrivals), 2, echoes=False)
    assert fates == [Delivery(FIRST, 1, 11 * MS, 1)]


def test_nothing_sent_is_no_figure_and_no_error() -> None:
    """A sender may have had nothing to say."""
    found = figures([], [])
    assert counts(found) == (0, 0, 0, 0, 0)
    assert found.latency == Times(0, None, None, None, None)


def test_a_load_that_is_the_bottleneck_is_suspect() -> None:
    """A busy process, lateness that makes up the latency, and messages that were never sent."""
    late = [sent(0, number, number, late=8) for number in range(30)]
    found = figures(late, [arrival(0, message, message.number + 9) for message in late], members=1)
    found.load_cpu = [0.1, 0.2]
    assert "89% of the latency at p50" in suspicion(found)
    quick = [sent(0, number, number) for number in range(30)]
    found = figures(quick, [arrival(0, message, message.number + 9) for message in quick], members=1)
    found.load_cpu = [0.1, 0.2]
    assert suspicion(found) == ""
    found.machine_cpu = 0.95
    assert "95% of all processors" in suspicion(found)
    found.load_cpu = [0.1, 0.81]
    assert "81% of a processor" in suspicion(found)
    found.planned_messages = 31
    assert "it sent 30 of 31 messages" in suspicion(found)


def test_records_travel_as_bytes() -> None:
    """What two processes noted, put together."""
    one, other = Records.of([FIRST], [arrival(0, FIRST, 11)], 1), Records.of([SECOND], [], 2)
    both = Records()
    for records in (one, other):
        both.add(records.header(), records.body())
    assert list(both.each_sent()) == [FIRST, SECOND]
    assert list(both.each_arrival()) == [arrival(0, FIRST, 11)]
    assert both.unreadable == 3


@given(
    st.integers(0, stamp.MAX_SENDERS - 1),
    st.integers(0, stamp.MAX_NUMBER - 1),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(stamp.SIZE, 300),
)
def test_a_stamp_is_read_as_it_was_written(
    sender: int, number: int, scheduled: int, sent_at: int, size: int
) -> None:
    """At every size from the smallest on."""
    text = stamp.write(sender, number, scheduled, sent_at, size)
    assert len(text.encode()) == size
    assert stamp.read(text, size) == (sender, number, scheduled, sent_at)


@given(st.text(max_size=120))
def test_other_texts_are_no_stamps(text: str) -> None:
    """Somebody who also talks in the room, or a text that was cut."""
    assert stamp.read(text, 100) is None
    assert stamp.read(stamp.write(1, 2, 3, 4, 100)[:-1], 100) is None

"""What the numbers tell: held against a model that remembers every number in a set."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import sequence
from common.sequence import Arrival, Tracker


class Model:
    """The same counts, from sets: slow, and plainly right."""

    def __init__(self, before: int) -> None:
        self.before = before
        self.seen: set[int] = set()
        self.known = before
        """The highest number seen or announced."""
        self.doubled = 0
        self.out_of_order = 0

    def announce(self, seq: int) -> int:
        """The room's last number; how many more are missing now."""
        missing = max(0, seq - self.known)
        self.known = max(self.known, seq)
        return missing

    def arrive(self, seq: int) -> Arrival:
        """One number."""
        if seq in self.seen or seq <= self.before:
            self.doubled += 1
            return Arrival.DOUBLED
        self.seen.add(seq)
        if seq < self.known or (seq == self.known != self.before):
            self.out_of_order += 1
            return Arrival.LATE
        gap = seq > self.known + 1
        self.known = seq
        return Arrival.AHEAD if gap else Arrival.NEXT

    @property
    def lost(self) -> int:
        """What is missing up to the highest known number."""
        return self.known - self.before - len(self.seen)


def counts(tracker: Tracker | Model) -> tuple[int, int, int, int]:
    """Received, lost, doubled, out of order."""
    received = tracker.received if isinstance(tracker, Tracker) else len(tracker.seen)
    return received, tracker.lost, tracker.doubled, tracker.out_of_order


def after(*numbers: int, first: int = 0) -> Tracker:
    """A tracker to which `first` was announced, and that these numbers have reached."""
    tracker = Tracker()
    tracker.announce(first)
    for number in numbers:
        tracker.arrive(number)
    return tracker


# --- against the model ----------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(st.permutations(range(1, 25)), st.sets(st.integers(0, 23)), st.lists(st.integers(0, 23), max_size=10))
def test_any_order_with_drops_and_duplicates(order: list[int], dropped: set[int], again: list[int]) -> None:
    """Every answer and every count is that of the model, after each number."""
    arrivals = [number for at, number in enumerate(order) if at not in dropped]
    arrivals += [order[at] for at in again]  # duplicates, and some of the dropped after all
    tracker, model = after(), Model(before=0)
    for number in arrivals:
        assert tracker.arrive(number) is model.arrive(number)
        assert counts(tracker) == counts(model)
        assert tracker.highest == model.known


steps = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=60)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 5), steps)
def test_any_numbers_and_announcements(first: int, steps: list[tuple[bool, int]]) -> None:
    """As above, with announcements between the numbers."""
    tracker, model = after(first=first), Model(before=first)
    for announced, number in steps:
        if announced:
            assert tracker.announce(number) == model.announce(number)
        else:
            assert tracker.arrive(number) is model.arrive(number)
        assert counts(tracker) == counts(model)


@settings(deadline=None)
@given(st.permutations(range(1, 60)))
def test_when_all_have_come_nothing_is_lost(order: list[int]) -> None:
    """In whatever order: received all, lost none, doubled none."""
    assert counts(after(*order))[:3] == (59, 0, 0)


# --- one by one -----------------------------------------------------------------------------------


def test_numbers_in_order_are_next() -> None:
    """Over TCP nothing else may ever happen."""
    tracker = after()
    assert [tracker.arrive(number) for number in range(1, 1001)] == [Arrival.NEXT] * 1000
    assert counts(tracker) == (1000, 0, 0, 0)


def test_the_first_number_ever_begins_the_count() -> None:
    """Whoever joins later has not lost what was said before."""
    tracker = Tracker()
    assert tracker.highest is None
    assert tracker.arrive(1000) is Arrival.NEXT
    assert tracker.arrive(1001) is Arrival.NEXT
    assert counts(tracker) == (2, 0, 0, 0)


@pytest.mark.parametrize("last", [0, 7])
def test_a_first_announcement_begins_the_count(last: int) -> None:
    """After the `welcome` with 7, number 8 is next and 9 leaves a gap; the same with 0."""
    assert Tracker().announce(last) == 0
    assert after(first=last).arrive(last + 1) is Arrival.NEXT
    tracker = after(first=last)
    assert tracker.arrive(last + 2) is Arrival.AHEAD
    assert tracker.lost == 1


def test_a_gap_is_a_loss_until_it_is_filled() -> None:
    """4, 5, 7, 8, 6: after the 8 one is lost, after the 6 none is, but one was out of order."""
    tracker = after(4, 5, 7, 8, first=3)
    assert counts(tracker) == (4, 1, 0, 0)
    assert tracker.arrive(6) is Arrival.LATE
    assert counts(tracker) == (5, 0, 0, 1)
    assert tracker.arrive(6) is Arrival.DOUBLED
    assert counts(tracker) == (5, 0, 1, 1)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_repeat_is_a_duplicate(number: int) -> None:
    """Each of three that have arrived, the last one too."""
    tracker = after(1, 2, 3)
    assert tracker.arrive(number) is Arrival.DOUBLED
    assert counts(tracker) == (3, 0, 1, 0)


@pytest.mark.parametrize("number", range(2, 7))
def test_a_gap_may_be_filled_anywhere(number: int) -> None:
    """At its beginning, its end or in the middle: the rest is still missing, and once is enough."""
    tracker = after(1, 7)
    assert tracker.arrive(number) is Arrival.LATE
    assert tracker.arrive(number) is Arrival.DOUBLED
    assert counts(tracker) == (3, 4, 1, 1)
    for other in {2, 3, 4, 5, 6} - {number}:
        assert tracker.arrive(other) is Arrival.LATE
    assert tracker.lost == 0


def test_an_announcement_finds_the_loss_of_the_last_message() -> None:
    """The `pong` says 5 where 3 was the last: two are lost, said once; they may still come late."""
    tracker = after(1, 2, 3)
    assert tracker.announce(5) == 2
    assert tracker.announce(5) == 0
    assert tracker.announce(4) == 0
    assert counts(tracker) == (3, 2, 0, 0)
    assert tracker.arrive(5) is Arrival.LATE
    assert tracker.arrive(6) is Arrival.NEXT
    assert counts(tracker) == (5, 1, 0, 1)


def test_the_oldest_gap_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past `MAX_GAPS` its numbers stay lost; the youngest gaps can still be filled."""
    monkeypatch.setattr(sequence, "MAX_GAPS", 3)
    tracker = after(2, 4, 6, 8)  # 1, 3, 5 and 7 are missing
    assert tracker.lost == 4
    assert tracker.arrive(1) is Arrival.DOUBLED
    assert [tracker.arrive(number) for number in (3, 5, 7)] == [Arrival.LATE] * 3
    assert tracker.lost == 1


def test_gaps_that_a_wide_one_falls_into_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second number of a wide gap makes many gaps of one: no more than `MAX_GAPS` are kept."""
    monkeypatch.setattr(sequence, "MAX_GAPS", 3)
    tracker = after(100)
    for number in range(2, 100, 2):
        tracker.arrive(number)
    assert tracker.lost == 50
    filled = [tracker.arrive(number) for number in range(1, 100, 2)]
    assert filled.count(Arrival.LATE) <= 3
    assert tracker.lost >= 47


def test_a_gap_of_millions_costs_nothing() -> None:
    """A number far ahead is one gap, not a set of millions."""
    tracker = after(2**53 - 1)
    assert tracker.lost == 2**53 - 2
    assert tracker.arrive(10**9) is Arrival.LATE
    assert tracker.lost == 2**53 - 3


# --- away, and back -------------------------------------------------------------------------------


def test_what_went_by_while_we_were_away_is_missed_and_not_lost() -> None:
    """At 3, then away, then back at 10: seven were not sent to us. The next is 11, and a gap after it is a loss."""
    tracker = after(1, 2, 3)
    assert tracker.skip(10) == 7
    assert counts(tracker) == (3, 0, 0, 0)
    assert tracker.arrive(11) is Arrival.NEXT
    assert tracker.arrive(13) is Arrival.AHEAD
    assert counts(tracker) == (5, 1, 0, 0)


def test_nothing_went_by() -> None:
    """At the number that we know, or at one before it (it overtook): none is missed, and none counts twice."""
    tracker = after(1, 2, 3)
    assert tracker.skip(3) == 0
    assert tracker.skip(2) == 0
    assert tracker.highest == 3
    assert tracker.arrive(4) is Arrival.NEXT
    assert Tracker().skip(7) == 0


def test_a_gap_from_before_stays_a_loss() -> None:
    """2 was lost before we were away; it may still come late. What was missed can't."""
    tracker = after(1, 3)
    assert tracker.skip(6) == 3
    assert tracker.lost == 1
    assert tracker.arrive(5) is Arrival.DOUBLED
    assert tracker.arrive(2) is Arrival.LATE
    assert tracker.lost == 0


def test_another_room_counts_from_its_own_number() -> None:
    """At 500, then in a room that is at 2: the next is 3. What was lost in the old one stays lost."""
    tracker = after(498, 500, first=497)
    tracker.restart(2)
    assert tracker.arrive(3) is Arrival.NEXT
    assert counts(tracker) == (3, 1, 0, 0)
    assert tracker.arrive(499) is Arrival.AHEAD, "a number of the new room: the old one's gaps are forgotten"


def test_a_restart_may_go_either_way() -> None:
    """The other room may be further than ours was."""
    tracker = after(1, 2)
    tracker.restart(1000)
    assert tracker.arrive(1001) is Arrival.NEXT
    assert tracker.announce(1003) == 2
    assert counts(tracker) == (3, 2, 0, 0)

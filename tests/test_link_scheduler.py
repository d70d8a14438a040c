"""Both directions of a link: nothing is invented, nothing is lost without being counted, and time goes one way."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.link import scheduler
from benchmarks.link.line import Counters, Line
from benchmarks.link.scheduler import DIRECTIONS, FULL, Due, Scheduler
from benchmarks.link.units import Refused

START = 1000.0

DELAYS = st.sampled_from(
    [
        "",
        "delay 5ms",
        "delay 5ms 3ms",
        "delay 5ms 20ms distribution normal",
        "delay 5ms 3ms ordered",
        "delay 5ms reorder 40%",
        "delay 5ms 3ms ordered reorder 30% gap 3",
    ]
)
LOSSES = st.sampled_from(["", "loss 30%", "loss gemodel 20% 40%", "loss gemodel 20% 40% 80% 5% clock packet"])
OTHERS = [
    st.sampled_from(["", "duplicate 40%"]),
    st.sampled_from(["", "corrupt 30%"]),
    st.sampled_from(["", "rate 100kbit", "rate 100kbit limit 2"]),
    st.sampled_from(["", "outage 10ms 20ms", "outage 0s 5ms outage 30ms 5ms"]),
]
SPECIFICATIONS = st.tuples(DELAYS, LOSSES, *OTHERS).map(" ".join)
"""Every impairment, so strong that few packets suffice to see it."""

TRAFFIC = st.lists(
    st.tuples(st.sampled_from(DIRECTIONS), st.sampled_from([0.0, 0.0001, 0.002, 0.04]), st.integers(1, 200)),
    max_size=60,
)
"""Packets as (direction, seconds since the one before, size)."""


@dataclass
class Story:
    """What went into a link and what came out of it."""

    scheduler: Scheduler
    sent: dict[str, list[tuple[float, bytes]]] = field(default_factory=lambda: defaultdict(list))
    came: list[tuple[float, Due]] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    now: float = START

    def send(self, traffic: list[tuple[str, float, int]]) -> None:
        """Each packet's tag is its number in its direction. What is due is taken out before each of them."""
        for direction, gap, size in traffic:
            self.now += gap
            self.collect(self.now)
            packet = bytes([len(self.sent[direction]) % 256]) * size
            self.causes.append(self.scheduler.receive(direction, packet, self.now, len(self.sent[direction])))
            self.sent[direction].append((self.now, packet))

    def collect(self, now: float) -> None:
        self.now = now
        self.came += [(now, due) for due in self.scheduler.due(now)]

    def collect_all(self) -> None:
        while (at := self.scheduler.next_due()) is not None:
            before = len(self.came)
            self.collect(max(at, self.now))
            assert len(self.came) > before  # else this would go on for ever


def _story(up: str, down: str, seed: int, traffic: list[tuple[str, float, int]]) -> Story:
    scheduler = Scheduler(up, down, seed)
    for line in scheduler.lines.values():
        line.begin(START)
    story = Story(scheduler)
    story.send(traffic)
    return story


def _under_way(counters: Counters) -> int:
    return counters.received + counters.doubled - counters.delivered - sum(counters.dropped.values())


@settings(deadline=None)
@given(SPECIFICATIONS, SPECIFICATIONS, st.integers(0, 9), TRAFFIC)
def test_nothing_is_invented_and_nothing_is_lost(
    up: str, down: str, seed: int, traffic: list[tuple[str, float, int]]
) -> None:
    """At any time: received and doubled are delivered, dropped or under way, in each direction."""
    story = _story(up, down, seed, traffic)
    scheduler = story.scheduler
    assert sum(_under_way(line.counters) for line in scheduler.lines.values()) == scheduler.held
    story.collect_all()
    assert scheduler.held == 0
    for direction, line in scheduler.lines.items():
        counters, sent = line.counters, story.sent[direction]
        out = [due for _, due in story.came if due.direction == direction]
        assert _under_way(counters) == 0
        assert (counters.received, counters.received_bytes) == (
            len(sent),
            sum(len(packet) for _, packet in sent),
        )
        assert (counters.delivered, counters.delivered_bytes) == (
            len(out),
            sum(len(due.packet) for due in out),
        )
        copies = Counter(due.tag for due in out)
        assert copies.keys() <= set(range(len(sent)))
        assert max(copies.values(), default=0) <= (2 if "duplicate" in line.text else 1)
        assert counters.doubled <= (len(sent) if "duplicate" in line.text else 0)
        assert set(counters.dropped) <= {one.name for one in line.impairments}
        for due in out:
            assert isinstance(due.tag, int)
            wrong = int.from_bytes(due.packet, "big") ^ int.from_bytes(sent[due.tag][1], "big")
            assert len(due.packet) == len(sent[due.tag][1])
            assert wrong.bit_count() <= (1 if "corrupt" in line.text else 0)


@settings(deadline=None)
@given(SPECIFICATIONS, SPECIFICATIONS, st.integers(0, 9), TRAFFIC)
def test_everything_comes_when_it_is_due(
    up: str, down: str, seed: int, traffic: list[tuple[str, float, int]]
) -> None:
    """Not before it is due, nor before it went in; and what is due earlier comes earlier."""
    story = _story(up, down, seed, traffic)
    story.collect_all()
    for now, due in story.came:
        assert isinstance(due.tag, int)
        assert story.sent[due.direction][due.tag][0] <= due.deliver_at <= now
    assert all(one.deliver_at <= other.deliver_at for (_, one), (_, other) in pairwise(story.came))


@settings(deadline=None)
@given(SPECIFICATIONS, SPECIFICATIONS, st.integers(0, 9), TRAFFIC)
def test_order_changes_only_where_it_may(
    up: str, down: str, seed: int, traffic: list[tuple[str, float, int]]
) -> None:
    """`reordered` counts those that come behind a later one (RFC 4737); lines that may not reorder count none."""
    story = _story(up, down, seed, traffic)
    story.collect_all()
    for direction, line in story.scheduler.lines.items():
        highest, late = -1, 0
        for _, due in story.came:
            if due.direction == direction:
                assert isinstance(due.tag, int)
                late += due.tag < highest
                highest = max(highest, due.tag)
        assert line.counters.reordered == late
        assert line.may_reorder or late == 0


@settings(deadline=None)
@given(SPECIFICATIONS, SPECIFICATIONS, st.integers(0, 9), TRAFFIC)
def test_a_seed_is_a_story(up: str, down: str, seed: int, traffic: list[tuple[str, float, int]]) -> None:
    """The same packets at the same times come out the same, to the last bit."""
    one, other = _story(up, down, seed, traffic), _story(up, down, seed, traffic)
    for story in (one, other):
        story.collect_all()
    assert (one.came, one.causes) == (other.came, other.causes)
    for direction in DIRECTIONS:
        assert one.scheduler.lines[direction].counters == other.scheduler.lines[direction].counters


def test_what_is_under_way_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood into a long delay costs packets, not the machine's memory; they are counted under a name of their own."""
    monkeypatch.setattr(scheduler, "MOST", 3)
    link = Scheduler("delay 1s", "delay 1s", 1)
    assert [link.receive("up", b"packet", START) for _ in range(5)] == ["", "", "", FULL, FULL]
    assert link.receive("down", b"packet", START) == FULL
    assert link.lines["up"].counters.dropped == {FULL: 2}
    assert len(list(link.due(START + 1))) == 3
    assert link.receive("up", b"packet", START + 1) == ""


@settings(deadline=None, max_examples=60)
@given(SPECIFICATIONS, SPECIFICATIONS, SPECIFICATIONS, TRAFFIC, TRAFFIC)
def test_a_change_goes_on_counting(
    up: str, down: str, then: str, before: list[tuple[str, float, int]], after: list[tuple[str, float, int]]
) -> None:
    """Nothing is lost or invented by it, and what is under way arrives as it would have."""
    story, unchanged = _story(up, down, 1, before), _story(up, down, 1, before)
    for line in story.scheduler.lines.values():
        line.change(then, story.now)
    assert [line.counters for line in story.scheduler.lines.values()] == [
        line.counters for line in unchanged.scheduler.lines.values()
    ]
    came = len(story.came)
    assert story.scheduler.held == unchanged.scheduler.held
    story.send(after)
    story.collect_all()
    unchanged.collect_all()
    arrived = Counter((due.direction, due.tag, due.deliver_at) for _, due in story.came)
    arrived.subtract((due.direction, due.tag, due.deliver_at) for _, due in unchanged.came)
    assert min(arrived.values(), default=0) >= 0
    assert len(story.came) >= came
    assert all(_under_way(line.counters) == 0 for line in story.scheduler.lines.values())


# --- change ---------------------------------------------------------------------------------------


def _fates(line: Line, count: int, start: float) -> list[tuple[list[tuple[float, bytes]], str]]:
    return [line.apply(b"packet", start + number * 0.01) for number in range(count)]


def test_what_stays_the_same_keeps_its_state() -> None:
    """A change of the delay does not touch the weather, the queue, or the chances of what is lost."""
    text = "loss gemodel 5% 20% corrupt 10% rate 2kbit limit 20"
    changed, unchanged = Line(text, "1"), Line(text, "1")
    for line in (changed, unchanged):
        line.begin(START)
    assert _fates(changed, 500, START) == _fates(unchanged, 500, START)
    changed.change(f"{text} delay 500ms", START + 5.0)
    later = START + 5.0
    moved = [
        ([(at + 0.5, packet) for at, packet in going], cause)
        for going, cause in _fates(unchanged, 500, later)
    ]
    assert _fates(changed, 500, later) == moved
    assert any(cause == "rate" for _, cause in moved)
    assert any(cause == "gemodel" for _, cause in moved)


def test_a_reordering_delay_can_change() -> None:
    """Its `reorder` stays, and applies to the new delay; taken away, the delay that stays loses it."""
    line = Line("delay 20ms reorder 50%", "1")
    line.change("delay 30ms reorder 50%", START)
    assert {
        round(going[0][0] - START - number * 0.01, 6)
        for number, (going, _) in enumerate(_fates(line, 50, START))
    } == {
        0.0,
        0.03,
    }
    line.change("delay 30ms", START)
    assert {
        round(going[0][0] - START - number * 0.01, 6)
        for number, (going, _) in enumerate(_fates(line, 50, START))
    } == {0.03}
    assert not line.may_reorder


def test_a_change_does_not_repeat_chances() -> None:
    """A stream begun again would lose the same packets of the next hundred as of the last."""
    line = Line("loss 50%", "1")
    first = [cause for _, cause in _fates(line, 100, START)]
    line.change("loss 49.9%", START)
    assert [cause for _, cause in _fates(line, 100, START + 1)] != first


def test_a_refused_change_changes_nothing() -> None:
    """The line stays as it was, text and all."""
    line = Line("loss 100% delay 5ms", "1")
    with pytest.raises(Refused):
        line.change("loss 120%", START)
    with pytest.raises(Refused):
        line.change("reorder 5%", START)
    assert line.text == "loss 100% delay 5ms"
    assert line.apply(b"packet", START) == ([], "loss")


def test_an_outage_counts_from_the_change_that_brought_it() -> None:
    """And one that was there goes on counting from where it did."""
    line = Line("outage 12s 1s", "1")
    line.begin(START)
    line.change("outage 12s 1s outage 2s 1s", START + 8)
    moments = (9.9, 10.5, 11.1, 12.5, 13.1)
    assert [bool(line.apply(b"packet", START + at)[0]) for at in moments] == [True, False, True, False, True]


# --- begin, and small things ----------------------------------------------------------------------


def test_a_new_beginning_counts_from_nothing() -> None:
    """With the fates of a new link; what is under way arrives, and counts no more."""
    scheduler = Scheduler("delay 1s", "", 1)
    assert scheduler.receive("up", b"old", START, "tag") == ""
    scheduler.begin("loss 50% outage 1s 1s", "loss 100%", 7, START + 0.5)
    assert list(scheduler.due(START + 1.0)) == [Due(START + 1.0, "up", b"old", "tag")]
    assert [line.counters for line in scheduler.lines.values()] == [Counters(), Counters()]
    fresh = Scheduler("loss 50% outage 1s 1s", "loss 100%", 7)
    for line in fresh.lines.values():
        line.begin(START + 0.5)
    for number in range(100):
        now = START + 1.0 + number * 0.02
        assert scheduler.receive("up", b"new", now) == fresh.receive("up", b"new", now)
    assert scheduler.lines["up"].counters == fresh.lines["up"].counters
    assert scheduler.lines["up"].counters.dropped["outage"] > 0


def test_a_refused_beginning_changes_nothing() -> None:
    """Neither line."""
    scheduler = Scheduler("loss 5%", "loss 6%", 1)
    with pytest.raises(Refused):
        scheduler.begin("loss 1%", "loss 120%", 2, START)
    assert [line.text for line in scheduler.lines.values()] == ["loss 5%", "loss 6%"]


def test_what_is_due_together_comes_in_order_of_arrival() -> None:
    """Also across the directions, and whatever the packets and tags are: they are never compared."""
    scheduler = Scheduler("delay 5ms", "delay 5ms", 1)
    for number in range(20):
        scheduler.receive(("up", "down")[number % 2], bytes([255 - number]), START, {"number": number})
    assert scheduler.next_due() == START + 0.005
    assert not list(scheduler.due(START + 0.004))
    assert [due.tag for due in scheduler.due(START + 0.005)] == [{"number": number} for number in range(20)]


def test_the_cause_of_a_drop_is_told() -> None:
    """By the name of the impairment; nothing for what goes on."""
    scheduler = Scheduler("loss gemodel 100% 0%", "corrupt 100%", 1)
    assert scheduler.receive("up", b"packet", START) == "gemodel"
    assert scheduler.receive("down", b"packet", START) == ""
    assert scheduler.lines["up"].counters.dropped == {"gemodel": 1}
    assert scheduler.lines["down"].counters.corrupted == 1


def test_the_directions_have_chances_of_their_own() -> None:
    """They do not lose the same packets."""
    scheduler = Scheduler("loss 50%", "loss 50%", 1)
    fates = {
        direction: [scheduler.receive(direction, b"packet", START) for _ in range(100)]
        for direction in DIRECTIONS
    }
    assert fates["up"] != fates["down"]


def test_a_packet_may_answer_one_that_is_being_delivered() -> None:
    """What is received while the due ones are taken out is due in its turn."""
    scheduler = Scheduler("", "", 1)
    scheduler.receive("up", b"ping", START)
    seen = []
    for due in scheduler.due(START):
        seen.append(due.packet)
        if due.packet == b"ping":
            scheduler.receive("down", b"pong", START)
    assert seen == [b"ping", b"pong"]

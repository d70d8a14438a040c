"""The demonstration's state, told in stories: what is said and heard, and what a viewer has then seen."""

import pytest

from benchmarks.demo import script
from benchmarks.demo.acts import ACTS, find
from benchmarks.demo.figures import at_each, awaited, figures, of_victim, samples
from benchmarks.demo.news import News
from benchmarks.demo.state import Burst, Entry, Forgery, Heard, Hole, Note, Record, State, column
from benchmarks.demo.verdict import how_long, verdict

DELAY = 0.05


class Story:
    """An act in which things happen: numbers are messages, each due a second after the last one."""

    def __init__(self, act: str = "loss") -> None:
        self.state = State()
        place = find(act)
        assert place is not None
        self.record = self.state.begin(ACTS[place], 0.0)
        self._next = 1

    def says(self, *members: str, every: float = 1.0, pasted: bool = False) -> None:
        """These members say something, one after the other."""
        for member in members:
            text = script.pasted() if pasted else f"said by {member}"
            self.state.say(self._next, member, text, self._next * every, pasted=pasted)
            self._next += 1

    def hears(self, transport: str, number: int, at: float | None = None, by: str = "everybody") -> None:
        """A message arrives."""
        when = self.record.lines[number].due + DELAY if at is None else at
        for nick in script.MEMBERS if by == "everybody" else (by,):
            self.happens(transport, "heard", nick, number=number, at=when)

    def happens(
        self,
        transport: str,
        what: str,
        member: str = "",
        number: int = 0,
        amount: int = 0,
        words: str = "",
        at: float = 0.0,
    ) -> None:
        """Anything."""
        self.state.apply(News(at, transport, what, member, number, amount, words))

    def ends(self) -> Record:
        """The act is over."""
        self.record.over = True
        return self.record

    def sees(self, transport: str) -> list[Entry]:
        """What the viewer has seen."""
        return column(self.record, transport)


def places(hole: Entry) -> list[int]:
    """The messages of a hole."""
    assert isinstance(hole, Hole)
    return [line.place for line in hole.lines]


def test_what_is_heard_in_time_is_a_line_each() -> None:
    """In order of arrival, with how late it was."""
    story = Story()
    story.says("ann", "боб")
    for number in (1, 2):
        story.hears("udp", number)
    first, second = story.sees("udp")
    assert isinstance(first, Heard)
    assert isinstance(second, Heard)
    assert (first.line.member, second.line.member) == ("ann", "боб")
    assert first.late == pytest.approx(DELAY)
    assert story.sees("tcp") == []


def test_over_udp_a_hole_is_there_as_soon_as_a_later_message_is() -> None:
    """Nobody sends it again, so it will not come."""
    story = Story()
    story.says("ann", "боб", "dan", "eva")
    story.hears("udp", 1)
    assert not any(isinstance(entry, Hole) for entry in story.sees("udp"))
    story.hears("udp", 4)
    _, hole, last = story.sees("udp")
    assert places(hole) == [2, 3]
    assert isinstance(last, Heard)
    assert figures(story.record, "udp").missing == 2 * len(script.MEMBERS)


def test_over_tcp_nothing_is_missing_while_it_may_still_come() -> None:
    """ann's message may be late on its way to the server, while боб's is there."""
    story = Story()
    story.says("ann", "боб")
    story.hears("tcp", 2)
    assert [type(entry) for entry in story.sees("tcp")] == [Heard]
    assert figures(story.record, "tcp").missing == 0
    assert awaited(story.record, "tcp", 3.0) == (1, 2.0)
    story.hears("tcp", 1, 3.0)
    assert [type(entry) for entry in story.sees("tcp")] == [Heard, Heard]
    assert awaited(story.record, "tcp", 3.0) == (0, 0.0)


def test_when_the_act_is_over_all_that_is_not_there_is_missing() -> None:
    """Over both; the last messages, too."""
    story = Story()
    story.says("ann", "боб", "dan")
    for transport in ("tcp", "udp"):
        story.hears(transport, 1)
    story.ends()
    for transport in ("tcp", "udp"):
        assert places(story.sees(transport)[-1]) == [2, 3]
        assert awaited(story.record, transport, 9.0) == (0, 0.0)


def test_a_hole_says_on_which_way_its_messages_were_lost() -> None:
    """Up if nobody got them, down if others did, neither if it is some of each."""
    story = Story()
    story.says("ann", "боб", "dan", "eva", "ann", "боб", "dan")
    for number in (1, 3, 5, 7):
        story.hears("udp", number)
    story.hears("udp", 4, by="ann")
    holes = [entry.where for entry in story.sees("udp") if isinstance(entry, Hole)]
    assert holes == ["up", "down", "up"]
    mixed = Story()
    mixed.says("ann", "боб", "dan")
    mixed.hears("udp", 1, by="ann")
    mixed.hears("udp", 3)
    assert [entry.where for entry in mixed.sees("udp") if isinstance(entry, Hole)] == [None]


def test_what_arrives_together_and_late_is_a_burst() -> None:
    """It says how many, and how late the latest was; what is punctual is none."""
    story = Story("outage")
    story.says(*["ann"] * 6)
    story.hears("tcp", 1)
    for number in (2, 3, 4, 5):
        story.hears("tcp", number, at=5.5)
    story.hears("tcp", 6)
    entries = story.sees("tcp")
    assert entries[1] == Burst(4, 3.5)
    assert [type(entry) for entry in entries] == [Heard, Burst, Heard, Heard, Heard, Heard, Heard]
    assert figures(story.record, "tcp").bursts == 1


def test_the_chart_has_a_sample_for_each_message() -> None:
    """How late it was, that it is missing, or that it may still come."""
    story = Story()
    story.says(*["ann"] * 4)
    for number in (1, 3):
        story.hears("udp", number)
        story.hears("tcp", number)
    assert samples(story.record, "udp") == [pytest.approx(DELAY), "×", pytest.approx(DELAY), "·"]
    assert samples(story.record, "tcp") == [pytest.approx(DELAY), "·", pytest.approx(DELAY), "·"]


def test_a_message_counts_for_the_act_in_which_it_was_said() -> None:
    """However late it comes, and however often."""
    story = Story()
    story.says("ann")
    story.state.begin(ACTS[0], 5.0)
    story.hears("tcp", 1, 6.0)
    story.hears("tcp", 1, 7.0)
    assert figures(story.record, "tcp").delivered == len(script.MEMBERS)
    assert figures(story.record, "tcp").worst == 5.0
    assert story.state.record is not story.record


def test_counters_of_the_kernel_and_the_link_are_those_of_the_act() -> None:
    """What was counted before the first look belongs to nobody; a link that begins to count again goes on."""
    story = Story()
    for amount in (7, 9, 12):
        story.happens("tcp", "again", amount=amount)
    for amount in (100, 150, 20):
        story.happens("link", "entered", amount=amount)
    assert figures(story.record, "tcp").again == 5
    assert story.record.entered == 70
    after = story.state.begin(ACTS[0], 9.0)
    story.happens("tcp", "again", amount=13)
    assert figures(after, "tcp").again == 1


def test_who_does_not_read_is_told_of_apart() -> None:
    """The figures are those of the others, and nobody waits for it to be complete."""
    story = Story("stalled")
    story.says("ann", "ann")
    story.happens("tcp", "stops", "dan", at=1.0)
    for number in (1, 2):
        for nick in ("ann", "боб", "美玲", "eva"):
            story.hears("tcp", number, by=nick)
    assert story.record.complete("tcp")
    assert figures(story.record, "tcp").expected == 8
    assert at_each(story.record, "tcp")["dan"] == 0
    story.happens("tcp", "went", "eva", words="dan: slow", at=9.5)
    story.happens("tcp", "came", "eva", words="dan", at=12.0)
    assert [entry for entry in story.sees("tcp") if isinstance(entry, Note)] == [
        Note("dan has left: slow"),
        Note("dan has come"),
    ]
    found = verdict(story.ends())
    assert "dan missed 2 of 2 over TCP (sent away as slow after 8.5 s)" in found
    assert "the others missed 8 over UDP" in found


def test_what_reaches_a_victim_is_added_up_by_server() -> None:
    """And the sentence says so, and who got in."""
    story = Story("forged")
    story.says("ann")
    story.hears("tcp", 1)
    story.hears("udp", 1)
    for transport, sent, got in (("udp", 41, 54), ("floor", 41, 300), ("tcp", 40, 44)):
        story.happens(transport, "forged", amount=sent, words="a packet")
        story.happens(transport, "victim", amount=got, words="bytes")
    assert of_victim(story.record, "floor") == (41, 300)
    assert story.record.sides["udp"].forgeries[0] == Forgery("forged", 41, "a packet")
    words = verdict(story.ends())
    assert "For 41 forged bytes the victim was sent 54 by our UDP server, 300 by one without a check" in words
    assert words.endswith("nobody joined our rooms.")
    story.happens("udp", "came", "eva", words="mallory")
    assert verdict(story.record).endswith("mallory joined.")


def test_a_verdict_says_what_was_measured() -> None:
    """What is lost over TCP is said of TCP, too."""
    story = Story()
    story.says(*["ann"] * 4)
    for number in (1, 3, 4):
        story.hears("udp", number)
        story.hears("tcp", number)
    story.hears("tcp", 2, 2.75)
    story.happens("tcp", "again", amount=0)
    story.happens("tcp", "again", amount=1)
    story.ends()
    assert verdict(story.record) == (
        "TCP delivered all 20, its slowest after 0.75 s (it sent 1 segment again); "
        "UDP lost 5 of 20 (25 %), its slowest after 50 ms."
    )
    del story.record.sides["tcp"].heard["dan"][2]
    assert verdict(story.record).startswith("TCP lost 1 of 20 (5 %)")


def test_nothing_said_is_nothing_told() -> None:
    """No sentence is made of no figures."""
    assert verdict(Story().ends()) == "Nothing was said for long enough to tell."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.0534, "53 ms"), (0.0999, "0.10 s"), (0.58, "0.58 s"), (4.618, "4.62 s")],
)
def test_durations_are_short(seconds: float | None, words: str) -> None:
    """Readable from the back of the room."""
    assert how_long(seconds) == words


def test_a_message_carries_its_number() -> None:
    """Whatever is said; and what carries none, has none."""
    for _, text in script.CONVERSATION:
        assert script.number_of(script.stamp(text, 17)) == 17
        assert script.number_of(text) is None
    assert len(script.pasted().encode()) == script.PASTE_SIZE

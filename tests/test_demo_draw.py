"""The demonstration's screen as data: given what happened, the screen says so; nothing is wider or higher than it."""

from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.text import Text

from benchmarks.demo import script
from benchmarks.demo.acts import ACTS
from benchmarks.demo.chart import chart
from benchmarks.demo.direct import Direction
from benchmarks.demo.draw import column_lines, link_in_words, screen, wrap
from benchmarks.demo.news import News
from benchmarks.demo.state import State
from benchmarks.demo.summary import last_screen
from tests.test_demo_state import Story

SIZES = [(80, 24), (120, 30), (200, 50), (83, 61)]

LONG = (
    "a very long line that somebody says without ever taking a breath, as if nobody else were there 🍜 " * 3
)


def drawn(story: Story, width: int, height: int, now: float = 100.0, act: int = 1) -> list[str]:
    """The screen as text."""
    direction = Direction(act, act, 1.0)
    direction.step(0.1, False)
    return plain(screen(story.state, direction, width, height, now))


def plain(lines: list[Text]) -> list[str]:
    """Without colours."""
    return [line.plain for line in lines]


def busy(act: str) -> Story:
    """An act in which a lot has happened: holes, a burst, a member who left, and messages under way."""
    story = Story(act)
    story.state.apply(story_link("delay 25ms loss 5%"))
    story.says(*script.MEMBERS * 8, every=0.1)
    for number in range(1, 38):
        if number % 6:
            story.hears("udp", number)
    for number in range(1, 21):
        story.hears("tcp", number)
    for number in range(21, 30):
        story.hears("tcp", number, at=6.0)
    story.happens("tcp", "went", "eva", words="dan: slow", at=6.1)
    for transport in ("tcp", "udp", "floor"):
        story.happens(transport, "stops", "dan", at=1.0)
        story.happens(transport, "forged", amount=12_345, words="a hello")
        story.happens(transport, "victim", amount=1_234_567, words="the room's talk")
    return story


def story_link(words: str) -> News:
    """That the link is like this now."""
    return News(0.0, "link", "like", words=words)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_nothing_is_wider_or_higher_than_the_screen(act: object, width: int, height: int) -> None:
    """As many lines as it has rows, each within its columns; the caption stands there whole."""
    one = next(known for known in ACTS if known is act)
    story = busy(one.name)
    story.state.say(999, "ann", LONG, 9.0)
    story.hears("tcp", 999, 9.05)
    for over in (False, True):
        story.record.over = over
        lines = drawn(story, width, height)
        assert len(lines) == height
        assert all(cell_len(line) <= width for line in lines), [
            line for line in lines if cell_len(line) > width
        ]
        assert one.title in lines[0]
        if not over:
            assert " ".join(" ".join(lines[1:3]).split()) == one.caption
        assert "q end" in lines[-1]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_every_caption_is_one_sentence_of_two_lines(act: object) -> None:
    """On the smallest screen."""
    one = next(known for known in ACTS if known is act)
    assert len(wrap(one.caption, 80)) <= 2
    assert one.caption.endswith(".")
    assert one.caption.count(". ") == 0


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_screen_shows_holes_bursts_and_who_left(width: int, height: int) -> None:
    """On the side where they happened; and what the members still wait for."""
    story = busy("loss")
    half = (width - 1) // 2
    lines = drawn(story, width, height, now=7.0)
    left, right = [line[:half] for line in lines], [line[half:] for line in lines]
    assert any("missing: nobody got it" in line for line in right)
    assert not any("missing: nobody" in line for line in left)
    assert any("* dan has left: slow" in line for line in left)
    assert any("11 not here, the oldest for 4.0 s" in line for line in left)
    assert any("3 not here, the oldest for 3.2 s" in line for line in right)
    assert any("TCP" in line for line in left)
    assert any("UDP" in line for line in right)


def test_a_late_burst_says_how_many_and_how_late() -> None:
    """And each of its messages how late it is itself, on a narrow screen, too."""
    story = Story("outage")
    story.says("ann", "боб", "美玲")
    for number in (1, 2, 3):
        story.hears("tcp", number, at=4.0)
    assert plain(column_lines(story.record, "tcp", 39)) == [
        "┌── 3 at once, up to 3.00 s late",
        "  1 ann  said by ann            +3.00 s",
        "  2 боб  said by боб            +2.00 s",
        "  3 美玲 said by 美玲           +1.00 s",
    ]


def test_pasted_texts_are_one_line() -> None:
    """As long as nobody else says anything in between."""
    story = Story("stalled")
    story.says("боб", "боб", pasted=True)
    story.says("ann")
    story.says("боб", pasted=True)
    for number in (1, 2, 3, 4):
        story.hears("udp", number)
    shown = [line.strip() for line in plain(column_lines(story.record, "udp", 39))]
    assert shown == ["1–2 боб pastes 2 × 15 kB", "3 ann  said by ann", "4 боб pastes 1 × 15 kB"]


def test_what_members_say_is_shown_and_not_obeyed() -> None:
    """No order of theirs reaches the terminal."""
    story = Story()
    story.state.say(1, "ann", "\x1b[2J[red]now\x07", 1.0)
    story.hears("udp", 1)
    assert plain(column_lines(story.record, "udp", 39))[0].startswith("  1 ann  ␛[2J[red]now␇")


def test_a_pause_and_a_changed_link_are_said() -> None:
    """In the first line."""
    story = busy("loss")
    direction = Direction(1, 1, 1.0)
    direction.step(0.1, False)
    direction.press(" ")
    first = screen(story.state, direction, 80, 24, 9.0)[0].plain
    assert "PAUSED" in first
    assert first.endswith("each way: 25 ms, 5 % loss")


def test_the_link_is_told_in_words() -> None:
    """For somebody who does not know tc-netem's."""
    assert link_in_words("delay 25ms") == "25 ms"
    assert link_in_words("outage 3s 3s delay 25ms") == "25 ms, out from 3 to 6 s"
    assert "in bursts" in link_in_words("delay 25ms loss gemodel 0.6% 3%")


@pytest.mark.parametrize(("width", "height"), [(79, 24), (80, 23), (10, 3), (1, 1)])
def test_a_terminal_that_is_too_small_is_told_so(width: int, height: int) -> None:
    """In what there is of it."""
    lines = drawn(busy("loss"), width, height)
    assert len(lines) == height
    assert all(cell_len(line) <= width for line in lines)
    if width > 60:
        assert f"This terminal has {width}×{height} places" in lines[0]


def test_before_the_first_act_it_says_what_it_does() -> None:
    """Nobody looks at an empty screen."""
    assert "Setting up the link" in plain(screen(State(), Direction(0, 0, 1.0), 80, 24, 0.0))[0]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_last_screen_has_the_table_and_says_where_the_report_is(width: int, height: int) -> None:
    """Every act with its figures, also on the smallest screen."""
    state = State()
    for act in ACTS:
        story = busy(act.name)
        state.records[act.name] = story.ends()
    lines = plain(last_screen(state, Path("/somewhere/report.html"), "", width, height))
    assert len(lines) == height
    assert all(cell_len(line) <= width for line in lines)
    for act in ACTS:
        row = next(line for line in lines if line.startswith(f"{act.name} "))
        assert row.split()[1] == "40"
    assert any("/somewhere/report.html" in line for line in lines)


def test_the_last_screen_says_when_there_is_nothing() -> None:
    """And why there is no report."""
    lines = plain(last_screen(State(), None, "There is no report: the disk is full.", 80, 24))
    assert lines[0] == "No act was played to its end."
    assert "the disk is full" in lines[1]


def test_a_chart_has_a_column_for_each_sample_on_a_scale_of_tens() -> None:
    """Each third of its height is a power of ten; what did not come is a mark in the lowest row."""
    rows = chart([0.01, 0.1, 1.0, 10.0, "×", "·"], 20, 3)
    assert [row.rstrip() for row in rows] == ["  10 s┤   █", "   1 s┤  ██", "100 ms┤▁███×·"]


def test_a_chart_shows_the_latest_that_fit() -> None:
    """And is never wider or higher than it may be."""
    for width, height in ((7, 3), (8, 3), (39, 6), (5, 9)):
        rows = chart([0.05] * 100 + ["×"], width, height)
        assert [len(row) for row in rows] == [width] * height
    assert chart([0.05] * 100 + ["×"], 9, 3)[-1].endswith("×")

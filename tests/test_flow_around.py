"""What is made of flows: bad spells of their link, silences of their readers, samples, and rows of tables."""

import pytest

from benchmarks.flow import fates, tables
from benchmarks.flow.fates import Fate, Fates
from benchmarks.flow.samples import losses, p99, p99s
from benchmarks.flow.silence import gone, silences
from benchmarks.flow.spells import Spell, spells
from benchmarks.link.capture import Captured


def of(*times: float | None, repeat: int = 1, flow: int = 0, spacing: float = 0.1) -> Fates:
    """A run of one flow whose messages took so long (None: lost)."""
    messages = [
        Fate(flow, number, number * spacing, number * spacing, None, 0)
        if time is None
        else Fate(flow, number, number * spacing, number * spacing, number * spacing + time, 1)
        for number, time in enumerate(times)
    ]
    return Fates("udp", repeat, messages, 0)


# --- spells ---------------------------------------------------------------------------------------


def captured(*packets: tuple[int, str, str]) -> list[Captured]:
    """Packets at so many milliseconds, in this direction, with this comment."""
    return [Captured(ms * 1_000_000, direction, b"", 0, comment) for ms, direction, comment in packets]


def test_a_spell_lasts_until_something_passes() -> None:
    """The other direction is no part of it; of one that nothing ended, what is known is how long it was at least."""
    dropped = "dropped by gemodel"
    found = spells(
        captured(
            (0, "up", ""),
            (100, "up", dropped),
            (150, "down", ""),
            (400, "up", dropped),
            (900, "up", ""),
            (1000, "up", dropped),
        )
    )
    assert found == [Spell(2, 0.8), Spell(1, 0.0, over=False)]
    assert found[0].stretched(0.1) == pytest.approx(4.0)


# --- silences -------------------------------------------------------------------------------------


def test_a_silence_ends_with_the_first_message_behind_it() -> None:
    """Out from 0.15 to 0.45 s: what came together with that one is its burst, and what came later is not."""
    held = [0.01, 0.01, 0.46 - 0.2, 0.46 - 0.3, 0.47 - 0.4, 0.01, 0.01, 0.01]
    (found,) = silences(of(*held), 0.2, 0.45)
    assert (found.start, found.end) == pytest.approx((0.11, 0.46))
    assert (found.seconds, found.after) == pytest.approx((0.35, 0.01))
    assert found.burst == 6


def test_who_hears_nothing_before_or_behind_has_no_silence() -> None:
    """Its length is not known."""
    assert silences(of(None, None, None, 0.01), 0.2, 0.25) == []
    assert silences(of(0.01, 0.01, None, None), 0.2, 0.25) == []
    assert silences(of(), 0.2, 0.25) == []


def test_what_is_gone_was_sent_while_nothing_got_in() -> None:
    """Of each flow that sent something then; the end does not belong to it."""
    run = of(None, None, 0.01, None, None)
    assert gone(run, 0.1, 0.4) == [2]
    assert gone(run, 2.0, 3.0) == []


# --- samples --------------------------------------------------------------------------------------


def test_the_p99_of_a_hundred_is_the_largest_but_one() -> None:
    """By the nearest rank; a sample without a latency has none."""
    assert p99([number / 1000 for number in range(100)]) == 0.098
    assert p99s(of(*(number / 1000 for number in range(100))), 100) == [pytest.approx(0.098)]
    assert p99s(of(*[None] * 10), 10) == []


def test_losses_are_counted_sample_by_sample() -> None:
    """What is left at the end is left out."""
    assert losses(of(None, 0.01, None, None, 0.01, None), 2) == [1, 2, 1]
    assert losses(of(None, 0.01, None), 2) == [1]


# --- several runs ---------------------------------------------------------------------------------


def test_holes_are_counted_by_flow() -> None:
    """The longest of all, and how many times the flow that met most met with loss."""
    two = Fates("udp", 1, [*of(None, 0.1, None).messages, *of(None, None, 0.1, flow=1).messages], 0)
    assert two.holes() == {0: [1, 1], 1: [2]}
    assert fates.longest_hole([two, of(None)]) == 2
    assert fates.meetings([two, of(0.1), of(None), of()]) == 3


def test_ratios_are_of_the_same_repeat() -> None:
    """A repeat without a percentile on either side has none, and moves no other."""
    some, more, few = of(*[0.1] * 1000), of(*[0.2] * 1000), of(*[0.1] * 9)
    assert fates.ratios([more, more, some], [some, few, more], 50) == pytest.approx([2.0, 0.5])
    assert fates.ratios([], [some], 50) == []


def test_rows_begin_with_what_was_said_before() -> None:
    """Every message has one, lost or not, under as many headings."""
    rows = tables.rows([of(0.5, None, repeat=2)], "random", 5)
    assert rows == [["random", 5, 2, 0, 0, 0.0, 0.0, 0.5, 1], ["random", 5, 2, 0, 1, 0.1, 0.1, None, 0]]
    assert len(rows[0]) == 2 + len(tables.COLUMNS)


def test_a_summary_has_a_cell_under_each_heading() -> None:
    """Unknown where there is too little, or nothing."""
    assert tables.heading() == ["delivered %", "p50 ms", "p99 ms", "slowest ms", "n"]
    assert tables.summary([of(*[0.1] * 40, *[None] * 10)], (50, 99))[1:] == ["100", "–", "100", "50"]
    assert tables.summary([]) == ["–", "–", "–", "–", "0"]

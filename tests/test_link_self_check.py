"""Is the link what it was asked to be? What probes saw and what the link says of itself, both made by hand."""

import random
from typing import Any

import pytest

from benchmarks.link.line import Line
from benchmarks.link.probe import Seen
from benchmarks.link.self_check import judge
from benchmarks.network import derived


def seen(
    line: Line, lost: int = 0, delay: float | None = None, sent: int = 400, copies: int | None = None
) -> Seen:
    """What probes of a line see that does what it was asked to, but for what is given."""
    came = sent - lost
    return Seen(
        sent,
        came,
        line.expected_delay if delay is None else delay,
        None,
        0,
        came if copies is None else copies,
    )


def counted(line: Line, lost: int = 0, received: int = 400, **other: Any) -> dict[str, Any]:
    """What the link says of these probes."""
    return {"text": line.text, "received": received, "delivered": received - lost, "corrupted": 0} | other


def test_an_honest_link_is_believed() -> None:
    """It lost as much as it was asked to, and says so."""
    line = Line("loss 5% delay 20ms", "1")
    assert judge(line, "up", seen(line, lost=20), counted(line, lost=20)) == ""


def test_a_link_that_is_another_one_is_found_out() -> None:
    """Even where no probe could tell."""
    line = Line("delay 20ms loss gemodel 1% 40%", "1")
    other = judge(line, "up", seen(line), counted(line, text="delay 20ms"))
    assert "asked for loss gemodel 1% 40% delay 20ms, and the link says it is delay 20ms" in other


@pytest.mark.parametrize(("sent", "lost", "says"), [(400, 3, 0), (400, 0, 3), (380, 0, 0)])
def test_probes_that_went_past_the_link_are_found_out(sent: int, lost: int, says: int) -> None:
    """What they saw has to be what the link says it did, one by one."""
    line = Line("loss 1%", "1")
    problem = judge(line, "down", seen(line, lost=lost), counted(line, lost=says, received=sent))
    assert problem.startswith("down: 400 probes were sent")


def test_duplicates_and_damage_are_counted_as_they_come() -> None:
    """A doubled probe comes twice; a damaged one not at all."""
    line = Line("duplicate 10% corrupt 10%", "1")
    account = counted(line, delivered=440, corrupted=44)
    assert judge(line, "up", seen(line, lost=36, copies=396), account) == ""
    assert "let 396 through" in judge(line, "up", seen(line, lost=36, copies=395), account)


def test_a_loss_that_is_not_the_one_asked_for_is_refused() -> None:
    """Too little and too much; what earlier probes saw helps with rare losses."""
    line = Line("loss 5%", "1")
    assert "asked for a loss of 5%, and 0 of 400" in judge(line, "up", seen(line), counted(line))
    assert "asked for a loss of 5%, and 60 of 400" in judge(
        line, "up", seen(line, lost=60), counted(line, lost=60)
    )
    rare = Line("loss 0.5%", "1")
    assert judge(rare, "up", seen(rare), counted(rare)) == ""
    assert "of 3200" in judge(rare, "up", seen(rare), counted(rare), [seen(rare)] * 7)


def test_a_delay_that_is_not_the_one_asked_for_is_refused() -> None:
    """By more than a millisecond at the median; jitter scatters the median of a few hundred."""
    line = Line("delay 20ms", "1")
    assert judge(line, "up", seen(line, delay=0.0209), counted(line)) == ""
    assert "the median of 400 probes is 21.20 ms" in judge(
        line, "up", seen(line, delay=0.0212), counted(line)
    )
    assert (
        judge(
            Line("delay 20ms 5ms", "1"), "up", seen(line, delay=0.0212), counted(Line("delay 20ms 5ms", "1"))
        )
        == ""
    )


@pytest.mark.parametrize("text", ["rate 100kbit limit 5", "outage 100ms 500ms", "rate 1mbit loss 5%"])
def test_what_no_theory_foresees_is_judged_by_what_the_link_says(text: str) -> None:
    """A queue overflows, an outage falls into the probes: the account still has to be right."""
    line = Line(text, "1")
    assert judge(line, "up", seen(line, lost=250), counted(line, lost=250)) == ""
    assert judge(line, "up", seen(line, lost=250), counted(line, lost=0)) != ""


def test_honest_links_are_rarely_refused() -> None:
    """In 1,000 rounds of probes over a line that loses 5 %: one is expected, at this seed."""
    line = Line("loss 5%", "1")
    chance = random.Random(1)
    losses = [sum(chance.random() < 0.05 for _ in range(400)) for _ in range(1000)]
    refused = [lost for lost in losses if judge(line, "up", seen(line, lost=lost), counted(line, lost=lost))]
    assert len(refused) <= 3


def test_each_round_of_probes_has_chances_of_its_own() -> None:
    """Of equal ones, a second look at a suspicious link would see the very same losses."""
    seeds = {
        derived(seed, "probes", round_, attempt)
        for seed in (1, 2)
        for round_ in range(5)
        for attempt in (1, 2)
    }
    assert len(seeds) == 20

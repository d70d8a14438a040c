"""The demonstration's direction: what is done when, told without a clock."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from benchmarks.demo.acts import ACTS, DELAY, find
from benchmarks.demo.direct import VERDICT, Begin, Direction, Do, Finish, Link, Order, Over, Say

FRAME = 0.1


def place(name: str) -> int:
    """Where an act is."""
    found = find(name)
    assert found is not None
    return found


def runs(
    direction: Direction, until: Callable[[], bool], complete: bool = True, most: int = 1000
) -> list[tuple[float, Order]]:
    """The orders until something holds, each with the seconds since the beginning."""
    orders: list[tuple[float, Order]] = []
    frames = 0
    while not until():
        assert frames < most
        orders += [(frames * FRAME, order) for order in direction.step(FRAME, complete)]
        frames += 1
    return orders


def only(act: str, speed: float = 1.0) -> Direction:
    """One act alone."""
    return Direction(place(act), place(act), speed)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_each_act_has_its_link_its_talk_and_an_end(act: object) -> None:
    """The link as the act has it; at least ten messages; in the end a clean link, and the last screen."""
    one = next(known for known in ACTS if known is act)
    direction = only(one.name)
    orders = [order for _, order in runs(direction, lambda: direction.done)]
    assert orders[:2] == [Begin(place(one.name)), Link(f"{DELAY} {one.link}".strip())]
    assert sum(isinstance(order, Say) for order in orders) >= 10
    links = [order for order in orders if isinstance(order, Link)]
    assert links[-1] == Link(DELAY)
    assert orders[-2:] == [Over(), Finish()]
    assert orders.count(Over()) == 1


def test_all_acts_follow_each_other() -> None:
    """Two to three minutes in all."""
    direction = Direction(0, len(ACTS) - 1, 1.0)
    orders = runs(direction, lambda: direction.part == "last", most=2000)
    begun = [order.place for _, order in orders if isinstance(order, Begin)]
    assert begun == list(range(len(ACTS)))
    assert 100 < orders[-1][0] < 180


def test_speed_lets_them_talk_faster_and_no_outage_be_shorter() -> None:
    """The act of a physical thing lasts as long as ever, with more said in it."""
    clean = only("clean", 3.0)
    runs(clean, lambda: clean.part == "settling")
    assert clean.duration == pytest.approx(ACTS[0].seconds / 3)
    slow, fast = only("outage"), only("outage", 3.0)
    counts = []
    for direction in (slow, fast):
        orders = runs(direction, lambda direction=direction: direction.part == "settling")  # type: ignore[misc]
        counts.append(sum(isinstance(order, Say) for _, order in orders))
    assert slow.duration == fast.duration
    assert counts[1] > 2 * counts[0]


def test_messages_are_due_at_even_intervals_and_ordered_ahead() -> None:
    """None is due when it is ordered already."""
    direction = only("loss")
    orders = runs(direction, lambda: direction.part == "settling")
    dues = [at + order.after for at, order in orders if isinstance(order, Say)]
    assert all(order.after > 0 for _, order in orders if isinstance(order, Say))
    gaps = [later - earlier for earlier, later in pairwise(dues)]
    assert gaps == pytest.approx([ACTS[place("loss")].spacing] * len(gaps), abs=FRAME)


def test_an_act_waits_for_what_is_under_way_but_not_for_ever() -> None:
    """Its verdict comes when all has come; if it does not, after eight seconds."""
    direction = only("clean")
    runs(direction, lambda: direction.part == "settling", complete=False)
    waited = runs(direction, lambda: direction.part == "verdict", complete=False)
    assert waited[-1][0] == pytest.approx(8.0, abs=2 * FRAME)
    quick = only("clean")
    runs(quick, lambda: quick.part == "settling")
    assert runs(quick, lambda: quick.part == "verdict")[-1][0] < 1.0


def test_a_pause_stops_the_talk_and_nothing_else() -> None:
    """The clock of the act stands still; what is under way is waited for."""
    direction = only("clean")
    runs(direction, lambda: direction.at > 2.0)
    direction.press(" ")
    assert [order for _ in range(50) for order in direction.step(FRAME, True)] == []
    direction.press(" ")
    assert direction.at < 2.5
    assert any(isinstance(order, Say) for _, order in runs(direction, lambda: direction.at > 3.5))


def test_plus_and_minus_go_through_the_steps_of_loss() -> None:
    """At once, from what the act has; and the next act has its own again."""
    direction = Direction(place("loss"), place("burst"), 1.0)
    direction.step(FRAME, True)
    seen = []
    for key in "+++-----+":
        direction.press(key)
        seen += [order.words for order in direction.step(FRAME, True) if isinstance(order, Link)]
    losses = [f"{DELAY} loss {step}%" for step in (10, 20, 30, 20, 10, 5, 2, 1)]
    assert seen == [*losses, f"{DELAY} loss 2%"]
    direction.press("n")
    links = [order.words for order in direction.step(FRAME, True) if isinstance(order, Link)]
    assert links[-1] == f"{DELAY} {ACTS[place('burst')].link}"


def test_no_loss_is_no_word_and_an_outage_stays() -> None:
    """A change of the loss during an outage leaves the outage as it is."""
    direction = only("outage")
    direction.step(FRAME, True)
    direction.press("+")
    assert direction.step(FRAME, True)[0] == Link(f"{DELAY} outage 3s 3s loss 1%")
    direction.press("-")
    assert direction.step(FRAME, True)[0] == Link(f"{DELAY} outage 3s 3s")


def test_who_stopped_reading_reads_again_wherever_one_goes() -> None:
    """An act that is left in the middle leaves nobody behind."""
    direction = Direction(place("stalled"), place("stalled"), 1.0)
    orders = [order for _, order in runs(direction, lambda: direction.at > 5)]
    assert Do("stop dan") in orders
    assert any(isinstance(order, Say) and not order.text for order in orders)
    assert all(order.member != "dan" for order in orders if isinstance(order, Say))
    direction.press("1")
    after = direction.step(FRAME, True)
    assert after.index(Do("read dan")) < after.index(Begin(0))


def test_keys_go_to_any_act_and_back_from_the_last_screen() -> None:
    """Digits, n and p; a digit without an act is nothing."""
    direction = Direction(0, len(ACTS) - 1, 1.0)
    direction.step(FRAME, True)
    for key, expected in (("4", 3), ("n", 4), ("p", 3), ("9", 3), ("0", 3), ("6", 5)):
        direction.press(key)
        direction.step(FRAME, True)
        assert direction.place == expected
    direction.press("n")
    assert Finish() in direction.step(FRAME, True)
    assert direction.part == "last"
    direction.press("n")
    assert direction.part == "last"
    direction.press("p")
    assert Begin(len(ACTS) - 1) in direction.step(FRAME, True)


def test_a_verdict_stays_unless_nobody_reads() -> None:
    """Where it is printed, nothing is waited for."""
    direction = only("clean")
    runs(direction, lambda: direction.part == "verdict")
    stays = runs(direction, lambda: direction.part == "last")
    assert stays[-1][0] == pytest.approx(VERDICT, abs=3 * FRAME)
    hasty = Direction(0, 0, 1.0, lingers=False)
    runs(hasty, lambda: hasty.part == "verdict")
    assert runs(hasty, lambda: hasty.done)[-1][0] < 0.5


def test_acts_are_found_by_number_and_name() -> None:
    """And nothing else is an act."""
    assert [find("1"), find("6"), find("outage"), find("Forged")] == [0, 5, 3, 5]
    assert [find("0"), find("7"), find(""), find("best")] == [None] * 4

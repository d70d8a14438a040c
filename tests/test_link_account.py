"""What a link says of itself at its end, as a person reads it at 80 columns."""

import io
from typing import Any

import pytest
from rich.console import Console

from benchmarks.link.account import ENOUGH, problems, show_account
from benchmarks.link.emulator import EXACT_UP_TO, FREELY, LATE
from benchmarks.link.lateness import Lateness
from benchmarks.link.scheduler import FULL, MOST, Scheduler

HEAD = ["link", "packets in", "delivered", "dropped", "doubled", "corrupted", "reordered"]


def counts(**more: Any) -> dict[str, Any]:
    """What a direction did, if not nothing."""
    nothing = {"received": 0, "delivered": 0, "dropped": {}, "doubled": 0, "corrupted": 0, "reordered": 0}
    return nothing | more


def lateness(late: int, of: int) -> dict[str, Any]:
    """Of so many packets, so many were 1.5 ms late, and the others 10 µs."""
    found = Lateness()
    for number in range(of):
        found.note(0.0015 if number < late else 0.00001)
    return found.as_dict()


def account(
    up: dict[str, Any] | None = None, down: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """The account of a link that did nothing else, for two seconds."""
    directions = {"up": counts() | (up or {}), "down": counts() | (down or {})}
    nothing = {"peak_rate": 0, "backlog": 0.0, "overflow": 0, "strays": 0, "seconds": 2.04}
    return directions | {"lateness": lateness(0, 0)} | nothing | more


def shown(account: dict[str, Any]) -> list[str]:
    """The lines that are shown at 80 columns, those without anything left out."""
    console = Console(file=io.StringIO(), width=80)
    console.print(show_account(account))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return [line.rstrip() for line in lines if line.strip()]


def prose(account: dict[str, Any]) -> str:
    """All that is said below the table, in one line."""
    return " ".join(line for line in shown(account) if not line.startswith(" "))


def rows(account: dict[str, Any]) -> dict[str, list[str]]:
    """The cells of each direction, put together again where they take several lines. Columns end where their names do
    (but for the first, of one word)."""
    head, _, *lines = [line for line in shown(account) if line.startswith(" ")]
    ends = [head.index(name) + len(name) for name in HEAD]
    found: dict[str, list[str]] = {}
    cells: list[str] = []
    for line in lines:
        name, *words = (line[begin:end].strip() for begin, end in zip([0, *ends], ends, strict=False))
        if name:
            cells = found[name] = [""] * len(words)
        cells[:] = [f"{cell} {word}".strip() for cell, word in zip(cells, words, strict=True)]
    return found


# --- what is shown --------------------------------------------------------------------------------


def test_a_link_across_which_nothing_passed_says_so() -> None:
    """Both directions, all zeros, and how long it was there."""
    lines = shown(account())
    assert [name for name in HEAD if name not in lines[0]] == []
    assert rows(account()) == {"up": ["0"] * 6, "down": ["0"] * 6}
    assert lines[-1] == "2.0 s, in which nothing passed."


def test_what_was_dropped_is_told_by_cause() -> None:
    """The sum; below, its share and what each impairment took. What took nothing is not named."""
    told = account(
        counts(received=2000, delivered=1500, dropped={"loss": 400, "rate": 0, "outage": 100}),
        counts(received=10, delivered=10, dropped={"loss": 0}, corrupted=1, reordered=2),
    )
    assert rows(told) == {
        "up": ["2,000", "1,500", "500", "0", "0", "0"],
        "down": ["10", "10", "0", "0", "1", "2"],
    }
    assert prose(told).startswith("Dropped up: 25 % (loss 400, outage 100). 2.0 s")


def test_both_directions_have_their_causes() -> None:
    """In a sentence each; and nothing passed, although packets came in."""
    told = account(counts(received=4, dropped={"loss": 1}), counts(received=2, dropped={"rate": 2}))
    assert prose(told) == (
        "Dropped up: 25 % (loss 1). Dropped down: 100 % (rate 2). 2.0 s, in which nothing passed."
    )


def test_large_numbers_are_not_cut() -> None:
    """Tens of millions of everything, and five causes, still in 80 columns."""
    causes = {
        "outage": 1_000_000,
        "loss": 1_234_567,
        "corrupt": 2_000_000,
        "rate": 3_000_000,
        FULL: 4_000_000,
    }
    up = counts(
        received=20_000_000,
        delivered=18_765_433,
        dropped=causes,
        doubled=10_000_000,
        corrupted=11_111_111,
        reordered=12_222_222,
    )
    told = account(up, up)
    cells = ["20,000,000", "18,765,433", "11,234,567", "10,000,000", "11,111,111", "12,222,222"]
    assert rows(told) == {"up": cells, "down": cells}
    for name, count in causes.items():
        assert prose(told).count(f"{name} {count:,}") == 2


def test_a_share_is_of_all_there_was() -> None:
    """Each packet was doubled, and both of the two were dropped: that is 100 %, and not 200 %."""
    link = Scheduler("duplicate 100% loss 100%", "", 1)
    for _ in range(10):
        link.receive("up", b"packet", 0.0)
    told = account(vars(link.lines["up"].counters))
    assert rows(told)["up"] == ["10", "0", "20", "10", "0", "0"]
    assert prose(told).startswith("Dropped up: 100 % (loss 20).")


@pytest.mark.parametrize(
    ("dropped", "share"),
    [(1, "less than 0.001 %"), (999, "less than 0.001 %"), (1000, "0.001 %"), (123_456, "0.123 %")],
)
def test_a_tiny_share_is_written_as_a_number(dropped: int, share: str) -> None:
    """Of a hundred million; never as 1e-06 %."""
    told = account(counts(received=100_000_000, delivered=100_000_000 - dropped, dropped={"loss": dropped}))
    assert prose(told).startswith(f"Dropped up: {share} (loss {dropped:,}).")


def test_the_links_own_lateness_is_told_with_how_many_packets_it_is_of() -> None:
    """p50, p99 and the largest of 5,000; how many came in the fullest second."""
    told = account(counts(received=5000, delivered=5000), lateness=lateness(25, 5000), peak_rate=1234)
    assert prose(told) == (
        "2.0 s, at most 1,234 packets in a second. The link's own lateness: p50 0.02 ms, p99 0.02 ms, "
        "max 1.50 ms (n 5,000)."
    )


def test_percentiles_of_few_packets_are_left_out() -> None:
    """A p50 needs 20, a p99 1,000: of fewer there is only the largest."""
    assert "lateness: max 0.01 ms (n 19)" in prose(account(lateness=lateness(0, 19)))
    assert "lateness: p50 0.01 ms, max 0.01 ms (n 999)" in prose(account(lateness=lateness(0, 999)))
    assert "p99" in prose(account(lateness=lateness(0, 1000)))


def test_a_backlog_is_told_where_there_was_one() -> None:
    """How long it was behind in reading; nothing about it where it never was."""
    assert prose(account(lateness=lateness(0, 10), backlog=0.25)).endswith(
        "It was up to 250 ms behind in reading."
    )
    assert "behind" not in prose(account(lateness=lateness(0, 10)))


def test_every_problem_is_shown_with_a_mark() -> None:
    """Below everything else, each beginning with !."""
    told = account(
        counts(received=5000, delivered=4990, dropped={FULL: 10}),
        lateness=lateness(100, 5000),
        peak_rate=9000,
        overflow=3,
        strays=4,
    )
    found = problems(told)
    assert len(found) == 4
    assert prose(told).endswith(" ".join(f"! {problem}" for problem in found))


# --- problems -------------------------------------------------------------------------------------


def test_where_all_is_well_there_is_no_problem() -> None:
    """Nothing passed; or much did, was dropped on purpose, and a few packets were late."""
    assert problems(account()) == []
    told = account(
        counts(received=9000, delivered=4000, dropped={"loss": 5000}),
        lateness=lateness(9, 9000),
        peak_rate=5000,
        backlog=0.001,
    )
    assert problems(told) == []


@pytest.mark.parametrize(("late", "found"), [(0, 0), (19, 0), (20, 0), (21, 1), (2000, 1)])
def test_one_packet_in_a_hundred_may_be_late(late: int, found: int) -> None:
    """Exactly that share of 2,000 is no problem; one packet more is one."""
    assert FREELY == 0.01
    told = account(lateness=lateness(late, 2000))
    assert told["lateness"]["share_over_1ms"] == late / 2000
    assert len(problems(told)) == found


@pytest.mark.parametrize(("of", "found"), [(1, 0), (ENOUGH - 1, 0), (ENOUGH, 1)])
def test_few_packets_prove_nothing(of: int, found: int) -> None:
    """All of them are late, and there are just not, or just, enough of them."""
    assert len(problems(account(lateness=lateness(of, of)))) == found


def test_late_is_what_is_a_millisecond_late() -> None:
    """A packet just below that is in time, and one at it is not."""
    assert LATE == 0.001
    for seconds, found in ((0.00099, 0), (0.001, 1)):
        of = Lateness()
        for _ in range(ENOUGH):
            of.note(seconds)
        assert len(problems(account(lateness=of.as_dict()))) == found


@pytest.mark.parametrize(
    ("rate", "why"), [(EXACT_UP_TO, "busy with something else"), (EXACT_UP_TO + 1, "more than it can carry")]
)
def test_why_it_was_late_depends_on_how_much_there_was_to_carry(rate: int, why: str) -> None:
    """Up to what it carries exactly it was the machine; with how many, how late, and how many in the fullest second."""
    (problem,) = problems(account(lateness=lateness(100, 2000), peak_rate=rate))
    assert why in problem
    assert problem.startswith("5.0% of the packets were delivered more than 1.00 ms late, at most 1.50 ms.")
    assert f"({rate:,} packets in the fullest second)" in problem


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"overflow": 12_345}, "The device dropped 12,345 packets that nobody asked it to drop."),
        ({"overflow": 1}, "The device dropped 1 packet"),
        ({"strays": 1}, "1 packet"),
        ({"up": counts(dropped={FULL: 1})}, "1 packet"),
        ({"strays": 2000}, "2,000 packets were for nobody across the link"),
        (
            {"up": counts(dropped={FULL: 1500}), "down": counts(dropped={FULL: 500, "loss": 7})},
            f"2,000 packets were dropped because {MOST:,} were under way",
        ),
    ],
    ids=["overflow", "one overflow", "one stray", "one full", "strays", "full"],
)
def test_what_nobody_asked_for_is_a_problem(more: dict[str, Any], said: str) -> None:
    """However little; with both directions together."""
    (problem,) = problems(account() | more)
    assert problem.startswith(said)

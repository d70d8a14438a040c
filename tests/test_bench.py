"""The bench without a socket: what is found in received bytes, what becomes of a figure, and how it is shown."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import accumulate, pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from benchmarks import stamp
from benchmarks.bench.document import document
from benchmarks.bench.figures import ROWS, at_least, at_most, figures, needed, ratio
from benchmarks.bench.loads import LOADS
from benchmarks.bench.measuring import Places, Run, in_turns
from benchmarks.bench.options import parse
from benchmarks.bench.outcome import Outcome, outcome
from benchmarks.bench.report import Percentiles, Report
from benchmarks.bench.sightings import Seen, fates, find, holes
from benchmarks.bench.table import count, notes, table
from benchmarks.bench.talking import Wire
from benchmarks.schedule import evenly

SIZE = 64


def text(sender: int, number: int) -> bytes:
    """A message of the bench, as its text."""
    return stamp.write(sender, number, 0, 0, SIZE).encode()


def seen(*messages: tuple[int, int], times: Sequence[int] | None = None) -> Seen:
    """What a member has seen: (sender, number) of each, at 1, 2, … or at `times`."""
    columns = np.array(messages, np.int64).reshape(-1, 2)
    at = np.arange(1, len(messages) + 1) if times is None else np.array(times)
    return Seen(columns[:, 0], columns[:, 1], at.astype(np.int64), 0)


# --- what is in the bytes -------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.integers(0, stamp.MAX_SENDERS - 1),
            st.integers(0, stamp.MAX_NUMBER - 1),
            st.binary(max_size=20).filter(lambda noise: b"l" not in noise),
        )
    ),
    st.lists(st.integers(0, 2000)),
)
def test_messages_are_found_whatever_is_around_them_and_however_it_was_cut(
    messages: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    """Each is there when the chunk is that holds its last byte."""
    data = b"".join(noise + text(sender, number) for sender, number, noise in messages)
    ends = list(accumulate(len(noise) + SIZE for _, _, noise in messages))
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[low:high] for low, high in pairwise(edges)]
    found = find(chunks, range(len(chunks)), SIZE)
    assert list(zip(found.senders, found.numbers, strict=True)) == [one[:2] for one in messages]
    assert list(found.times) == [sum(edge < end for edge in edges[1:]) for end in ends]
    assert found.unreadable == 0


def test_a_message_that_was_changed_or_mixed_with_another_is_unreadable() -> None:
    """Two threads that send to one socket at a time do that."""
    whole = text(3, 17)
    mixed = whole[:30] + text(4, 1) + whole[30:]
    assert find([whole.replace(b"0000017", b"00000x7")], [5], SIZE).unreadable == 1
    found = find([mixed], [5], SIZE)
    assert (list(found.senders), list(found.numbers), found.unreadable) == ([4], [1], 1)


def test_a_message_that_was_cut_off_is_none() -> None:
    """Its rest never came: it is lost."""
    found = find([text(3, 17)[:-1]], [5], SIZE)
    assert (len(found.senders), found.unreadable) == (0, 0)


def test_a_datagram_does_not_go_on_in_the_next_one() -> None:
    """What was cut over UDP stays cut, even if what comes next fits."""
    parts = [text(3, 17)[:40], text(3, 17)[40:]]
    assert len(find(parts, [1, 2], SIZE).senders) == 1
    assert find(parts, [1, 2], SIZE, stream=False).unreadable == 1


def test_nothing_received_is_nothing_seen() -> None:
    """A member whom everybody has forgotten."""
    assert len(find([], [], SIZE).senders) == 0


# --- what became of the messages ------------------------------------------------------------------

DUE = [[0, 1_000_000_000], [0]]
"""Two messages of member 0, one of member 1."""

ALL_OF_IT = ((0, 0), (1, 0), (0, 1))


def test_all_is_well() -> None:
    """Three messages for two members; latency counts from when each was due."""
    times = [500_000_000, 600_000_000, 1_250_000_000]
    found = fates(DUE, [seen(*ALL_OF_IT, times=times)] * 2, echoes=True)
    assert (found.expected, found.delivered, found.lost, found.doubled, found.out_of_order) == (6, 6, 0, 0, 0)
    assert list(found.latencies) == [0.5, 0.6, 0.25] * 2
    assert list(found.arrived) == times * 2
    assert found.same_order


def test_lost_doubled_and_unknown_messages_are_counted() -> None:
    """One is missing at each, one came twice, and one says what nobody has sent."""
    found = fates(DUE, [seen((0, 0), (0, 0), (0, 1)), seen((0, 0), (1, 0), (7, 0), (0, 2))], echoes=True)
    assert (found.expected, found.lost, found.doubled, found.unreadable) == (6, 2, 1, 2)


def test_out_of_order_is_below_the_highest_of_this_sender() -> None:
    """As RFC 4737 has it; the others' messages in between don't count."""
    due = [[0] * 3, [0] * 3]
    messages = seen((1, 2), (0, 0), (0, 2), (0, 1), (1, 0), (1, 1))
    assert fates(due, [messages], echoes=True).out_of_order == 3


def test_the_same_order_is_that_of_everybody() -> None:
    """Two members who saw the same messages in two orders did not."""
    assert not fates(DUE, [seen(*ALL_OF_IT), seen((1, 0), (0, 0), (0, 1))], echoes=True).same_order


def test_without_echo_nobody_is_to_get_their_own() -> None:
    """What two members both were to see must be in one order."""
    due = [[0, 0], [0], [0]]
    orders = [seen((2, 0), (1, 0)), seen((2, 0), (0, 0), (0, 1)), seen((0, 0), (1, 0), (0, 1))]
    found = fates(due, orders, echoes=False)
    assert (found.expected, found.lost, found.same_order) == (8, 0, True)
    other = [orders[0], orders[1], seen((0, 1), (1, 0), (0, 0))]
    assert not fates(due, other, echoes=False).same_order


def test_a_hole_is_a_number_missing_below_the_highest() -> None:
    """What has not come yet is none."""
    assert holes(np.array([0, 1, 2])) == 0
    assert holes(np.array([0, 3, 3])) == 2
    assert holes(np.array([], np.int64)) == 0


def test_a_wire_says_what_the_driver_says() -> None:
    """Only the number changes, and the sender's mark is found in it."""
    wire = Wire(lambda said: f"PRIVMSG #room :{said}\r\n".encode(), 3, SIZE)
    assert wire.message(17) == b"PRIVMSG #room :" + text(3, 17) + b"\r\n"
    assert wire.mark in wire.message(17)
    assert wire.mark not in Wire(str.encode, 4, SIZE).message(17)


def test_even_moments_are_one_interval_apart() -> None:
    """Of each sender; where it begins is left to chance, and the same for everybody who knows the seed."""
    planned = evenly(1, 1, 4, 40.0, 2.0)
    assert planned == evenly(1, 1, 4, 40.0, 2.0) != evenly(1, 2, 4, 40.0, 2.0)
    assert planned == sorted(planned)
    for sender in range(4):
        times = [due.at for due in planned if due.sender == sender]
        assert [due.number for due in planned if due.sender == sender] == list(range(20))
        assert all(abs(later - earlier - 100_000_000) <= 1 for earlier, later in pairwise(times))


# --- what becomes of a figure ---------------------------------------------------------------------

GOOD = Report(
    planned_messages=400,
    sent_messages=400,
    expected=4000,
    delivered=4000,
    lost=0,
    doubled=0,
    out_of_order=0,
    unreadable=0,
    same_order=True,
    still_coming=False,
    latency=Percentiles(4000, 0.001, 0.002, 0.003),
    lateness=Percentiles(400, 0.0, 0.0, 0.0),
    deliveries_per_s=2000.0,
    cpu_s=0.04,
    memory_joined=10 * 20_000,
    memory_talking=0,
    join_s=0.01,
    load_busy=0.1,
    others_busy=0.0,
    members=10,
    seconds=2.0,
)
P50 = figures()[0]


def latencies(*ratios: float) -> dict[tuple[Run, int], Report]:
    """Reports of as many repeats, in which our p50 is so much of ngircd's."""
    theirs = Run("ngircd", "latency")
    return {(P50.ours, repeat): GOOD for repeat in range(1, len(ratios) + 1)} | {
        (theirs, repeat): replace(GOOD, latency=Percentiles(4000, 0.001 / value, 0.04, 0.05))
        for repeat, value in enumerate(ratios, 1)
    }


def test_the_median_of_the_ratios_decides() -> None:
    """One bad repeat is not enough, two of three are."""
    held, failed = (
        outcome(P50, latencies(*ratios), {})
        for ratios in ((1 / 50, 1 / 20, 1 / 60), (1 / 50, 1 / 20, 1 / 30))
    )
    assert held.median == pytest.approx(1 / 50)
    assert (held.holds, len(held.values)) == (True, 3)
    assert failed.holds is False


@pytest.mark.parametrize("fault", ["lost", "doubled", "out_of_order", "unreadable"])
def test_over_tcp_no_figure_holds_if_something_went_wrong(fault: str) -> None:
    """However good it is, and in whichever repeat."""
    reports = latencies(1 / 50, 1 / 50, 1 / 50)
    reports[P50.ours, 2] = msgspec.convert(asdict(GOOD) | {fault: 3}, Report)
    found = outcome(P50, reports, {})
    assert found.holds is False
    assert found.reason == f"3 {fault.replace('_', ' ')}"


def test_what_others_lose_is_theirs() -> None:
    """It is said below the table, and nothing else."""
    reports = latencies(1 / 50)
    reports[Run("ngircd", "latency"), 1] = replace(
        reports[Run("ngircd", "latency"), 1], lost=40, delivered=3960
    )
    assert outcome(P50, reports, {}).holds is True
    assert notes(reports) == ["ngircd, latency: 40 lost of 4,000 deliveries, in 1 of 1 runs."]


def test_what_must_always_be_so_is_not_a_matter_of_the_median() -> None:
    """Once in three is not never."""
    order = next(figure for figure in figures() if "same order" in figure.what)
    reports = {(order.ours, repeat): replace(GOOD, same_order=repeat != 2) for repeat in (1, 2, 3)}
    assert outcome(order, reports, {}).holds is False


def test_what_is_not_installed_is_not_measured() -> None:
    """With the remedy, and without a figure."""
    found = outcome(P50, {}, {"ngircd": "no ngircd here: apt install ngircd"})
    assert (found.holds, found.values, found.reason) == (None, (), "no ngircd here: apt install ngircd")


def test_what_was_interrupted_is_not_measured() -> None:
    """And nothing is made up for it."""
    assert outcome(P50, {}, {}).reason == "the bench ended before"
    few = {key: replace(report, latency=Percentiles.of([0.1] * 5)) for key, report in latencies(1.0).items()}
    assert outcome(P50, few, {}).holds is None


def test_a_bound_is_reached_at_its_very_value() -> None:
    """≤ and ≥, not < and >."""
    assert 1 / 40 in at_most(1 / 40)
    assert 0.026 not in at_most(1 / 40)
    assert 3.0 in at_least(3)
    assert 2.99 not in at_least(3)


def test_a_ratio_is_said_as_the_figures_are() -> None:
    """Small ones as a fraction."""
    assert [ratio(value) for value in (1 / 52, 0.5, 0.67, 3.208)] == ["1/52.0", "0.50", "0.67", "3.21"]


# --- the whole ------------------------------------------------------------------------------------


def test_every_figure_belongs_to_a_row_and_to_loads_that_there_are() -> None:
    """And each row has a figure."""
    assert {figure.row for figure in figures()} == {row.name for row in ROWS}
    assert {run.load for figure in figures() for run in figure.runs} <= set(LOADS)


def test_each_run_is_made_once_in_each_repeat_and_the_contestants_take_turns() -> None:
    """Several figures share a run."""
    runs = needed(figures())
    assert len(runs) == len(set(runs))
    turns = in_turns(runs, 3)
    assert sorted(turns) == sorted((repeat, run) for repeat in (1, 2, 3) for run in runs)
    assert [repeat for repeat, _ in turns] == sorted(repeat for repeat, _ in turns)
    first = [
        next(run.contestant for at, run in turns if at == repeat and run.load == "4000")
        for repeat in (1, 2, 3)
    ]
    assert len(set(first)) == 3


def test_a_bench_takes_less_than_eleven_minutes() -> None:
    """As far as its parts can be foreseen."""
    assert 5 * sum(run.seconds(quick=False) for run in needed(figures())) < 660


def outcomes() -> list[Outcome]:
    """Every figure: measured, or not for want of ngircd."""
    every = {run for figure in figures() for run in figure.runs}
    reports = {(run, repeat): GOOD for run in every for repeat in range(1, 6)}
    return [
        outcome(figure, reports, {"ngircd": "no ngircd here: apt install ngircd"}) for figure in figures()
    ]


def shown(width: int) -> str:
    """The table of those."""
    console = Console(file=io.StringIO(), width=width)
    console.print(table(outcomes(), width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_fits_into_80_columns() -> None:
    """And says everything: nothing is cut off with …"""
    lines = shown(80).splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert "…" not in shown(80)
    assert sum("– not measured" in line for line in lines) == sum(one.holds is None for one in outcomes())
    assert "not measured: no ngircd here: apt install ngircd" in lines


def test_on_a_wide_terminal_a_figure_is_a_line() -> None:
    """And no wider than the eye likes it."""
    lines = shown(200).splitlines()
    for figure in figures():
        assert any(line.startswith(figure.what) for line in lines)


def test_the_last_line_counts() -> None:
    """What holds, of how many, and what could not be measured."""
    found = outcomes()
    held, unmeasured = (sum(one.holds is value for one in found) for value in (True, None))
    assert count(found) == f"{held} of {len(found)} hold, {unmeasured} not measured."


def test_the_notes_say_when_the_load_was_measured() -> None:
    """It was slower than the server. Where both are as fast as they can be, the server is what was measured."""
    run = Run("tcp", "everybody")
    slow, both = (replace(GOOD, load_busy=0.95, cpu_s=2 * busy) for busy in (0.5, 0.99))
    assert notes({(run, 1): slow, (run, 2): both, (P50.ours, 1): GOOD}) == [
        "The load was slower than the server, so it was measured: tcp, everybody (1 of 2)."
    ]
    noisy = {(run, 1): replace(GOOD, others_busy=0.5)}
    assert "Other programs" in notes(noisy)[0]


def test_the_json_holds_every_figure_and_every_run() -> None:
    """As it is read by programs."""
    reports = latencies(1 / 50, 1 / 20, 1 / 60)
    found = [outcome(P50, reports, {})]
    raw = document(
        parse(["--only", "latency"]), {"kernel": "x"}, Places(0, 1), found, reports, "complete", "now"
    )
    again = json.loads(json.dumps(raw))
    assert again == raw
    assert again["pinned"] == {"server": 0, "load": 1}
    (figure,) = again["figures"]
    assert figure.pop("values") == pytest.approx([1 / 50, 1 / 20, 1 / 60])
    numbers = [figure.pop(name) for name in ("to_reach", "median", "lowest", "highest")]
    assert numbers == pytest.approx([1 / 40, 1 / 50, 1 / 60, 1 / 20])
    assert figure == {
        "row": "latency",
        "figure": "TCP, p50 against ngircd",
        "sign": "≤",
        "in_each_repeat": False,
        "n": 3,
        "holds": True,
        "reason": "",
    }
    assert len(again["runs"]) == 6
    assert {"contestant", "load", "pinned", "repeat", "lost", "latency", "cpu_s"} <= set(again["runs"][0])
    assert again["loads"]["latency"]["members"] == 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "speed"], "there is no 'speed'"),
        (["--only", ","], "name at least one of"),
        (["--repeats", "0"], "no number of repeats"),
    ],
)
def test_what_can_not_be_asked(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, and exit code 2."""
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err

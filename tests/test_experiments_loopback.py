"""The experiments on plain loopback: canned measurements in, findings and sentences out, and one tiny run of each."""

from dataclasses import replace
from threading import Event

import pytest

from benchmarks import stage as stages
from benchmarks.echo import loops
from benchmarks.echo.loops import Stalls
from benchmarks.echo.run import Burst, Bursts, Echo, Stream, Trip
from benchmarks.echo.turns import Turns, first_slow, nth
from benchmarks.experiments import experiment, faster, full_buffer, nagle, open_loop
from benchmarks.labbook.chart import Curves
from benchmarks.labbook.experiment import Finding, Number, Outcome, Verdict
from benchmarks.stage import Failed

NAMES = ("faster", "nagle", "full-buffer", "open-loop")


def found(outcome: Outcome, name: str) -> Finding:
    return next(one for one in outcome.findings if one.name == name)


def sound(outcome: Outcome) -> None:
    """What every outcome keeps to: rows under their columns, series of one length, and words."""
    assert all(len(row) == len(outcome.columns) for row in outcome.rows)
    assert all(len(row) == len(outcome.table[0]) for row in outcome.table)
    assert len({one.name for one in outcome.findings}) == len(outcome.findings)
    for chart in outcome.charts:
        assert isinstance(chart, Curves)
        for panel in chart.panels:
            for series in panel.series:
                assert len(series.x) == len(series.y)
                assert not panel.y_log or all(y is None or y > 0 for y in series.y)
    for one in outcome.findings:
        assert one.expected is None or (one.because and one.unless)


@pytest.mark.parametrize("name", NAMES)
def test_its_file_has_all_sections_and_its_number_is_found(name: str) -> None:
    """And it needs no link, and asks within its time."""
    one = experiment(name)
    assert one.name == name
    assert one.text.question
    assert not one.link
    assert one.seconds[0] <= 120
    assert one.seconds[1] <= 20
    assert one.think


# --- faster ---------------------------------------------------------------------------------------


def turn(microseconds: float, count: int = 1200) -> list[Trip]:
    """Round trips of about so long."""
    return [
        Trip(float(number), float(number), number + microseconds * (1 + number % 10 / 100) / 1e6)
        for number in range(count)
    ]


def turns(udp: float, tcp: float, new: float) -> Turns:
    return {
        (place, way, repeat): [turn(time)]
        for place in (faster.ONE, faster.TWO)
        for way, time in (("udp", udp), ("tcp", tcp), ("new", new))
        for repeat in (1, 2)
    }


@pytest.mark.parametrize(("udp", "answer"), [(50.0, 2), (30.0, 0), (80.0, 1), (44.0, 2)])
def test_which_is_faster_is_decided_by_the_ratio(udp: float, answer: int) -> None:
    """Within a quarter of each other, neither is."""
    outcome = faster.outcome(turns(udp, 50.0, 200.0))
    sound(outcome)
    assert outcome.answer == answer
    one = found(outcome, "p50-one")
    assert one.value == pytest.approx(udp / 50)
    assert (one.verdict is Verdict.OUTSIDE) == (answer != 2)
    assert found(outcome, "new-two").value == pytest.approx(4)
    assert found(outcome, "udp-lost").value == 0


def test_a_machine_of_one_processor_is_measured_on_one() -> None:
    """What there was nothing of is not spoken of."""
    both = turns(50, 50, 200)
    outcome = faster.outcome({which: those for which, those in both.items() if which[0] == faster.ONE})
    sound(outcome)
    assert all("two processors" not in one.what for one in outcome.findings)
    assert not any("two processors" in sentence for sentence in outcome.said)


def test_where_no_answer_came_nothing_is_claimed() -> None:
    """No ratio, no answer, and what was lost is counted."""
    lost = {which: [[Trip(0.0, 0.0, None)] * 30] for which in turns(1, 1, 1)}
    outcome = faster.outcome(lost)
    sound(outcome)
    assert outcome.answer is None
    assert found(outcome, "p50-one").verdict is Verdict.UNKNOWN
    assert found(outcome, "udp-lost").verdict is Verdict.OUTSIDE
    assert outcome.said == []


# --- nagle ----------------------------------------------------------------------------------------


def connections(waits_from: int | None, count: int = 12, exchanges: int = 20) -> nagle.Connections:
    """Two sends with Nagle wait 44 ms from that exchange on; nothing else does."""

    def time(cell: tuple[str, bool], number: int) -> float:
        waits = cell == nagle.SLOWEST and waits_from is not None and number >= waits_from
        return 0.044 if waits else 0.00003

    return {
        cell: [
            [Trip(0.0, 0.0, time(cell, number)) for number in range(1, exchanges + 1)] for _ in range(count)
        ]
        for cell in nagle.CELLS
    }


def test_only_two_sends_with_nagle_wait_and_from_the_second_on() -> None:
    """All as expected, and the sentence names the exchange."""
    outcome = nagle.outcome(connections(2), 1)
    sound(outcome)
    assert {one.verdict for one in outcome.findings} == {Verdict.WITHIN}
    assert found(outcome, "begins").value == 2
    assert "On 12 of 12 connections exchange 2 was the first" in outcome.said[1]


def test_a_later_beginning_is_judged_by_what_the_kernel_says() -> None:
    """The fourth, where three answers make a conversation; without the file, up to three may."""
    assert found(nagle.outcome(connections(4), 1), "begins").verdict is Verdict.OUTSIDE
    assert found(nagle.outcome(connections(4), 3), "begins").verdict is Verdict.WITHIN
    assert found(nagle.outcome(connections(4), None), "begins").verdict is Verdict.WITHIN


def test_a_system_that_never_waits_is_outside_and_said_so() -> None:
    """No exchange waits, so none is the first."""
    outcome = nagle.outcome(connections(None), 1)
    sound(outcome)
    assert found(outcome, "two-nagle").verdict is Verdict.OUTSIDE
    assert found(outcome, "begins").verdict is Verdict.UNKNOWN
    assert "times as long" not in outcome.said[0]


def test_without_a_connection_there_is_an_outcome_without_claims() -> None:
    """Too few samples for a median are no median."""
    outcome = nagle.outcome({cell: [] for cell in nagle.CELLS}, None)
    sound(outcome)
    assert {one.verdict for one in outcome.findings} == {Verdict.UNKNOWN}
    assert outcome.said == []


def test_exchanges_are_counted_from_one() -> None:
    """The n-th of every connection that has so many, in milliseconds; and the first that took so long."""
    assert nth([[0.5, 0.25], [0.125]], 2) == [250.0]
    trips = [Trip(0.0, 0.0, taken) for taken in (0.01, None, 0.02, 0.03)]
    assert first_slow(trips, 0.02) == 3
    assert first_slow(trips, 1.0) is None


# --- full-buffer ----------------------------------------------------------------------------------

DEFAULT = Burst(None, 212_992, 100, 5000, 5000, 0, 0.01, 256, 256, 212_992, 4744, 4744)
STREAM = Stream(100, 50_000, 3_900_000, 50_000)


def bursts(*more: Burst) -> list[Burst]:
    large = replace(DEFAULT, asked=1 << 20, granted=1 << 21, arrived=2520, first=2520, charged=2520 * 832)
    return [DEFAULT, replace(large, dropped=2480, counted=2480), replace(DEFAULT, size=1, first=0), *more]


def test_a_default_buffer_holds_256_and_nobody_is_told() -> None:
    """All as expected; the sentence has no error in it."""
    outcome = full_buffer.outcome(bursts(), [STREAM])
    sound(outcome)
    assert {one.verdict for one in outcome.findings} == {Verdict.WITHIN}
    assert found(outcome, "arrived-default").value == 256
    assert "saw no errors. 25,600 bytes of content took 212,992 of the buffer's 212,992." in outcome.said[0]
    assert "beginning of the burst" in outcome.said[1]
    assert "9.84 times" in outcome.said[2]
    assert "made the sender wait" in outcome.said[3]


def test_what_is_expected_follows_what_was_granted() -> None:
    """A kernel that grants less holds less, and is judged by that."""
    poor = replace(
        DEFAULT, asked=1 << 20, granted=425_984, arrived=512, first=512, charged=425_984, dropped=4488
    )
    outcome = full_buffer.outcome([DEFAULT, replace(DEFAULT, size=1), replace(poor, counted=4488)], [])
    sound(outcome)
    assert found(outcome, "arrived-mebibyte").verdict is Verdict.WITHIN
    assert found(outcome, "tcp").verdict is Verdict.UNKNOWN


def test_what_nobody_counted_is_outside() -> None:
    """Datagrams that were dropped before they came to the socket are missing in its counter, too."""
    early = replace(DEFAULT, size=400, arrived=100, first=90, dropped=4000, counted=4000)
    outcome = full_buffer.outcome(bursts(early), [STREAM])
    assert found(outcome, "dropped").verdict is Verdict.OUTSIDE
    assert found(outcome, "counted").verdict is Verdict.OUTSIDE


def test_a_burst_of_which_nothing_arrived_has_no_ratio() -> None:
    """And an error that the sender saw is said, one in the singular."""
    nothing = replace(
        DEFAULT, arrived=0, first=0, charged=0, errors=1, taken=4999, dropped=4999, counted=None
    )
    outcome = full_buffer.outcome([nothing, replace(nothing, size=1)], [])
    sound(outcome)
    assert found(outcome, "arrived-tiny").verdict is Verdict.UNKNOWN
    assert found(outcome, "each").verdict is Verdict.UNKNOWN
    assert found(outcome, "errors").verdict is Verdict.OUTSIDE
    assert "saw 1 error." in outcome.said[0]
    assert not any(one.name == "counted" for one in outcome.findings)


# --- open-loop ------------------------------------------------------------------------------------


def measured(slow: bool = True) -> dict[str, list[Trip]]:
    """16 seconds with a stall from 3.5 to 4.5 and from 11.5 to 12.5, as both loops see it."""
    stalls = [(3.5, 4.5), (11.5, 12.5)] if slow else []
    closed, opened = [], []
    asks = 0.0
    for number in range(3200):
        due = number * open_loop.INTERVAL
        ends = next((high for low, high in stalls if low <= due < high), due)
        trip = Trip(due, due, ends + 0.0001)
        opened.append(trip)
        if due >= asks:
            closed.append(trip)
            asks = ends
    return {"closed": closed, "open": opened}


def test_both_loops_see_the_stall_and_only_one_says_so() -> None:
    """All as expected, and the sentence has both figures."""
    outcome = open_loop.outcome([measured(), measured()])
    sound(outcome)
    assert {one.verdict for one in outcome.findings} == {Verdict.WITHIN}
    assert found(outcome, "closed-p99").value == pytest.approx(0.1)
    assert found(outcome, "open-p99").value == pytest.approx(920, abs=6)
    assert found(outcome, "corrected-p99").value == pytest.approx(920, abs=6)
    assert "0.100 ms, the open one" in outcome.said[0]


def test_a_server_that_does_not_stall_shows_no_difference() -> None:
    """Nothing is said to be more than the other; what was expected is outside."""
    outcome = open_loop.outcome([measured(slow=False)])
    sound(outcome)
    assert "times as much" not in outcome.said[0]
    assert found(outcome, "open-p99").verdict is Verdict.OUTSIDE
    assert found(outcome, "closed-met").verdict is Verdict.OUTSIDE


def test_too_few_requests_have_no_p99() -> None:
    """And none at all have no share, and no longest."""
    few = {loop: trips[:100] for loop, trips in measured().items()}
    outcome = open_loop.outcome([few])
    sound(outcome)
    assert found(outcome, "open-p99").verdict is Verdict.UNKNOWN
    nothing = open_loop.outcome([{"closed": [], "open": []}])
    sound(nothing)
    assert {one.verdict for one in nothing.findings} == {Verdict.UNKNOWN, Verdict.OUTSIDE}


def test_a_sample_is_corrected_by_what_it_left_out() -> None:
    """A round trip of 3.5 intervals hides the two that were due meanwhile and would have waited for longer than one."""
    assert loops.corrected([1.0, 3.5], 1.0) == pytest.approx([1.0, 3.5, 2.5, 1.5])
    assert loops.corrected([], 1.0) == []


# --- and one tiny run of each ---------------------------------------------------------------------


def test_the_instruments_give_what_the_outcomes_are_made_of() -> None:
    """Real processes, few messages: every outcome can be made of them."""
    with stages.stage(Event(), lambda _: None) as stage:
        echo = Echo(stage, clients=2)
        ways = {(faster.ONE, way, 1): [echo.round_trips(way, 25, "asking")] for way in faster.WAYS}
        sound(faster.outcome(ways))
        cells: nagle.Connections = {
            (parts, nodelay): [echo.in_parts([8, 92] if parts == "two" else [100], nodelay, 4, "asking")]
            for parts, nodelay in nagle.CELLS
        }
        sound(nagle.outcome(cells, nagle.threshold()))
        sound(open_loop.outcome([loops.measure(echo, Stalls(1.0, 0.5, 0.2, 1), 0.005)]))
        ends = Bursts(stage)
        made = [ends.datagrams(100, size, None, "bursting") for size in (1, 100)]
        sound(full_buffer.outcome(made, [ends.stream(10, 100, "bursting")]))


def test_a_server_that_did_not_stand_still_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails, in a sentence that says what it did instead."""
    with stages.stage(Event(), lambda _: None) as stage:
        echo = Echo(stage, clients=2)
        monkeypatch.setattr(echo, "stall", lambda at, seconds: None)
        with pytest.raises(Failed, match=r"stand still for 0\.1 s 1 times, and did so for: never"):
            loops.measure(echo, Stalls(0.3, 0.1, 0.1, 1), 0.01)


def test_a_number_is_asked_of_a_finding_that_there_is() -> None:
    """Otherwise a prediction would be compared with nothing."""
    made = {
        "nagle": nagle.outcome(connections(2), 1),
        "full-buffer": full_buffer.outcome(bursts(), [STREAM]),
        "open-loop": open_loop.outcome([measured()]),
    }
    for name, outcome in made.items():
        asked = experiment(name).ask
        assert isinstance(asked, Number)
        assert found(outcome, asked.finding).unit == asked.unit

"""What the experiments `one-segment`, `outage`, `mtu` and `half-open` make of their figures, and their instruments,
briefly, at work."""

import argparse
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.experiments import half_open, mtu, one_segment, outage
from benchmarks.experiments.one_segment import OFTEN, SELDOM
from benchmarks.flow.fates import Fate, Fates
from benchmarks.flow.fragments import fragments
from benchmarks.flow.run import Flows, Plan
from benchmarks.labbook import aimed
from benchmarks.labbook.aimed import Case, Hit
from benchmarks.labbook.chart import Anatomy, Curves
from benchmarks.labbook.experiment import Experiment, Finding, Outcome, Verdict
from benchmarks.labbook.lab import Failed, Lab, network
from benchmarks.labbook.streams import Passed, Stream
from benchmarks.network import LOCALHOST, Account
from benchmarks.vanish.ends import KINDS, Ends
from benchmarks.vanish.run import EACH, Times, Watch, gives_up
from benchmarks.vanish.run import watch as watch_all
from tests.emulated import needs_link

EXPERIMENTS = [one_segment.EXPERIMENT, outage.EXPERIMENT, mtu.EXPERIMENT, half_open.EXPERIMENT]
SIZE, DELAY = 100, 0.026
"""Bytes of a message, and seconds of its way: a millisecond more than the link's own."""


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_its_page_has_all_sections_and_its_runs_are_short_enough(experiment: Experiment) -> None:
    """A title that asks, six sections, two minutes in full and 20 seconds quick, and something to think about."""
    assert experiment.text.title.endswith("?")
    full, quick = experiment.seconds
    assert full <= 120
    assert quick <= 20
    assert experiment.think


def by_name(outcome: Outcome) -> dict[str, Finding]:
    """The findings; all sentences are whole."""
    assert all(said.endswith(".") and "None" not in said for said in outcome.said), outcome.said
    assert all(len(row) == len(outcome.columns) for row in outcome.rows)
    return {finding.name: finding for finding in outcome.findings}


def outside(outcome: Outcome) -> dict[str, Verdict]:
    """Those that are not as expected."""
    held = Verdict.WITHIN, Verdict.FREE
    return {name: one.verdict for name, one in by_name(outcome).items() if one.verdict not in held}


def flows(
    plan: Plan, by: Mapping[str, Sequence[Fate]], kernel: dict[str, int] | None = None, **more: Any
) -> Flows:
    """A run that brought this home."""
    fates = {transport: Fates(transport, plan.repeat, list(those), 0) for transport, those in by.items()}
    account = Account(kernel=kernel, link=more.pop("link", None))
    return Flows(plan, fates, 0, [], True, 0.1, more.pop("refused", 0), account)


def a_lab(tmp_path: Path) -> Lab:
    """One that tells nobody how far it is."""
    return Lab(tmp_path, network(), threading.Event(), lambda doing: None, quick=True)


# --- one-segment ----------------------------------------------------------------------------------


def test_an_outage_ends_between_the_last_sending_it_takes_and_the_next() -> None:
    """However late the kernel's timers are, within what is allowed to them."""
    for times, lasting in aimed.LASTING.items():
        end = lasting - aimed.EARLY
        assert end > aimed.RTO[1] * sum(aimed.WAITS[: times - 1])
        assert end < aimed.RTO[0] * sum(aimed.WAITS[:times])
    assert Hit(10, 1).outage(OFTEN) == pytest.approx((0.99, 1.03))


def test_timers_are_expected_after_one_two_and_four_times_the_rto() -> None:
    """Before that, at the earliest, lies nothing: the figures seen once are within."""
    for times, seen in ((1, 0.276), (2, 0.576), (3, 1.076)):
        low, high = aimed.timer(times)
        assert low == pytest.approx((0.25, 0.5, 1.0)[times - 1] + 0.025)
        assert low <= seen <= high


def stream(
    flow: int, spacing: float, many: int, hits: Sequence[Hit], resent: dict[Hit, list[float]]
) -> Stream:
    """A TCP flow in which these messages were lost, and sent again so many seconds after they were due."""
    fates, packets = [], []
    held = 0.0
    for number in range(many):
        due = number * spacing
        again = next((resent[hit] for hit in hits if hit.number == number and hit in resent), [])
        moments = [0.0, *again]
        for at, after in enumerate(moments):
            enters = due + after
            arrives = enters + DELAY if at == len(moments) - 1 else None
            begin = number * SIZE
            packets.append(Passed(enters, arrives, True, begin, begin + SIZE, at > 0))
        held = max(held, due + moments[-1] + DELAY)
        fates.append(Fate(flow, number, due, due, held, 1))
    packets.sort(key=lambda one: one.enters)
    return Stream("tcp", flow, SIZE, fates, packets)


def case(spacing: float, hits: Sequence[Hit], resent: dict[Hit, list[float]], kernel: dict[str, int]) -> Case:
    """One run of one flow."""
    many = hits[-1].number + 6
    tcp = stream(0, spacing, many, hits, resent)
    by: dict[str, Sequence[Fate]] = {"tcp": tcp.fates}
    if spacing == OFTEN:
        lost = {hit.number for hit in hits}
        by["udp"] = [
            one._replace(flow=1, received=None if one.number in lost else one.due + DELAY, copies=0)
            for one in tcp.fates
        ]
    made = flows(Plan(flows=1, interval=spacing), by, kernel)
    return Case(spacing, hits, [made], [(1, tcp, [aimed.lost(tcp, hit) for hit in hits])])


ALONE = {Hit(1, 1): [0.25], Hit(3, 2): [0.25, 0.51], Hit(5, 3): [0.25, 0.51, 1.02]}


def often(again: float = 0.15) -> Case:
    """One message every 100 ms, sent again after so many seconds."""
    return case(OFTEN, [Hit(10, 1)], {Hit(10, 1): [again]}, {"TCPFastRetrans": 1})


def seldom(resent: dict[Hit, list[float]] | None = None, **kernel: int) -> Case:
    """One every 1.5 s."""
    return case(
        SELDOM,
        list(ALONE),
        ALONE if resent is None else resent,
        {"TCPLossProbes": 3, "TCPTimeouts": 3} | kernel,
    )


def test_one_lost_segment_takes_what_theory_says() -> None:
    """All is as expected of an ideal TCP: 175 ms, 75 behind it, then nothing; timers for what is alone."""
    outcome = one_segment.outcome(often(), seldom())
    found = by_name(outcome)
    assert not outside(outcome)
    assert found["lost"].value == pytest.approx(176)
    assert found["behind"].value == pytest.approx(76)
    assert found["behind-2"].value == pytest.approx(26)
    assert found["udp-behind"].value == pytest.approx(26)
    assert found["alone-3"].value == pytest.approx(1046)
    assert (found["TCPTimeouts"].value, found["TCPTimeouts"].n) == (3, 3)
    assert "Over UDP 1 of 1 such messages never came." in outcome.said
    assert any("250, 510 and 1,020 ms" in said for said in outcome.said)


def test_its_figures_are_two_time_lines_and_a_chart_with_a_gap() -> None:
    """The lonely one begins shortly before it and ends shortly behind; over UDP there is no point for the lost one."""
    helped, alone, chart = one_segment.outcome(often(), seldom()).charts
    assert isinstance(helped, Anatomy)
    assert isinstance(alone, Anatomy)
    assert isinstance(chart, Curves)
    assert (helped.chosen, alone.chosen) == (10, 5)
    assert alone.window == pytest.approx((-0.12552, 1.2552))
    udp = chart.panels[0].series[1]
    assert [x for x, y in zip(udp.x, udp.y, strict=True) if y is None] == [0.0]


def test_what_was_not_lost_as_planned_is_left_out() -> None:
    """It was to be lost twice and was lost once: neither it nor its neighbours are in a figure; nothing breaks if
    there is nothing left."""
    resent = ALONE | {Hit(3, 2): [0.25]}
    found = by_name(one_segment.outcome(often(), seldom(resent)))
    assert found["alone-2"].verdict is Verdict.UNKNOWN
    assert found["alone-3"].n == 1
    nothing = case(OFTEN, [Hit(10, 1)], {}, {})
    outcome = one_segment.outcome(nothing, seldom({}))
    assert by_name(outcome)["behind"].n == 0
    assert by_name(outcome)["TCPFastRetrans"].verdict is Verdict.UNKNOWN
    assert len(outcome.charts) == 1


def test_a_kernel_that_counts_otherwise_is_outside() -> None:
    """Without the probe the timer does its work, and the counters say so."""
    found = outside(one_segment.outcome(often(), seldom(TCPLossProbes=0, TCPTimeouts=6)))
    assert found == {"TCPLossProbes": Verdict.OUTSIDE, "TCPTimeouts": Verdict.OUTSIDE}


@needs_link
def test_the_link_takes_exactly_the_chosen_message(tmp_path: Path) -> None:
    """It is sent again, and never comes sooner than the interval, a round trip and one way after it was due."""
    lab, found = a_lab(tmp_path), Case(OFTEN, [Hit(10, 1)])
    plan = Plan(flows=2, interval=OFTEN, seconds=1.4, together=True, settle=0.1, drain=5.0)
    for last in (False, False, True):
        try:
            aimed.measure(lab, found, plan)
            break
        except Failed as error:  # on a busy machine nobody speaks on time
            if last or "too busy" not in str(error):
                raise
    those = found.those()
    assert those
    assert all(one.latency is not None and one.latency >= OFTEN + 3 * aimed.DELAY for one in those)
    assert (tmp_path / "one-segment-100ms-1.pcapng").exists()


# --- outage ---------------------------------------------------------------------------------------


def through(begin: float, back: float, *, tcp: bool, flow: int = 0) -> list[Fate]:
    """A flow with a message every 100 ms; from `begin` on nothing comes until `back`."""
    fates = []
    for number in range(80):
        due = 0.05 + number * 0.1
        held = begin <= due < back
        came = due + DELAY if not held else back + 0.001 if tcp else None
        fates.append(Fate(flow, number, due, due, came, int(came is not None)))
    return fates


def an_outage(*, silence: float = 4.55) -> list[tuple[float, Flows]]:
    """A run of one flow of each transport, with an outage after 2 s."""
    by = {
        "tcp": through(2.0, 2.0 - 0.025 + silence, tcp=True),
        "udp": through(2.0, 5.0, tcp=False, flow=1),
    }
    return [(2.0, flows(Plan(flows=1), by))]


def test_an_outage_as_expected() -> None:
    """UDP lost 30 and was back at once; TCP was silent for longer, and then all came together."""
    outcome = outage.outcome(an_outage(), [[0.5, 1.0, 2.0]], [])
    found = by_name(outcome)
    assert not {name: one for name, one in outside(outcome).items() if name != "tcp-delivered"}
    assert found["udp-lost"].value == 30
    assert found["udp-back"].value == pytest.approx(76)
    assert found["tcp-silence"].value == pytest.approx(4.55)
    assert found["tcp-burst"].value is not None
    assert found["tcp-burst"].value >= 45
    assert found["tcp-doubling"].value == 2
    assert any("0.500, 1.00, 2.00 s" in said for said in outcome.said)


def test_a_silence_as_short_as_the_outage_or_twice_as_long_is_outside() -> None:
    """TCP that knew when the link was back, and TCP that backed off twice as far."""
    for silence in (3.0, 6.0):
        found = by_name(outage.outcome(an_outage(silence=silence), [], []))
        assert found["tcp-silence"].verdict is Verdict.OUTSIDE
        assert found["tcp-doubling"].verdict is Verdict.UNKNOWN


def test_an_outage_without_tcp_or_without_return() -> None:
    """Through a relay there is UDP alone; where nothing came behind the outage there is no silence to measure."""
    begin, made = an_outage()[0]
    alone = replace(made, by={"udp": made.by["udp"]})
    outcome = outage.outcome([(begin, alone)], [], [])
    assert set(by_name(outcome)) == {"udp-lost", "udp-back"}
    never = [fate if fate.due < begin else fate._replace(received=None) for fate in made.by["tcp"].messages]
    gone = replace(made, by={"tcp": replace(made.by["tcp"], messages=never)})
    found = by_name(outage.outcome([(begin, gone)], [], []))
    assert found["tcp-delivered"].verdict is Verdict.OUTSIDE
    assert found["tcp-silence"].verdict is Verdict.UNKNOWN


def test_waits_count_from_the_first_timeout() -> None:
    """What came before it has another reason, and no wait to be the double of."""
    hit = Hit(4, 5)
    one = stream(0, OFTEN, 8, [hit], {hit: [1.0, 1.5, 2.5, 4.5]})
    assert one.first_lost() == 4
    assert outage.tries(one) == pytest.approx([0.5, 1.0, 2.0])
    assert outage.tries(stream(0, OFTEN, 8, [], {})) == []


@needs_link
def test_an_outage_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short one: UDP loses something and TCP nothing, TCP's reader hears nothing for longer than it lasts, and there
    is a time line of it."""
    for name, value in (("LASTING", 0.6), ("BEHIND", 1.2), ("BEGINS", (1.0,))):
        monkeypatch.setattr(outage, name, value)
    outcome = outage.run(a_lab(tmp_path))
    found = by_name(outcome)
    assert found["udp-lost"].value
    assert found["tcp-delivered"].value == 100
    assert found["tcp-silence"].value is not None
    assert found["tcp-silence"].value >= 0.6
    assert [type(chart) for chart in outcome.charts] == [Curves, Anatomy]


# --- mtu ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "packets"),
    [(100, 1), (1472, 1), (1473, 2), (2952, 2), (2953, 3), (8000, 6), (32000, 22), (65507, 45)],
)
def test_a_datagram_takes_so_many_packets(size: int, packets: int) -> None:
    """1480 bytes in each, 8 of them UDP's own; all must arrive."""
    assert fragments(size) == packets
    assert mtu.through(packets) == pytest.approx(0.95**packets)


def datagrams(
    size: int, share: float, seconds: float = 10.0, until: float = 99.0, counted: int | None = None
) -> Flows:
    """A run in which this share was delivered, until the memory was full."""
    fates, came = [], 0.0
    for number in range(200):
        due = number * seconds / 200
        came += share if due < until else 0.0
        there = came >= 1
        came -= there
        fates.append(Fate(number % 20, number, due, due, due + DELAY if there else None, int(there)))
    whole = sum(fate.copies for fate in fates) if counted is None else counted
    cut = 200 * fragments(size) if fragments(size) > 1 else 0
    kernel = {"ReasmOKs": whole, "ReasmFails": 700, "FragCreates": cut, "RcvbufErrors": 0}
    return flows(Plan(20, 0.5, seconds, size, ("udp",)), {"udp": fates}, kernel)


def test_fragments_as_expected() -> None:
    """(1 − p)ⁿ of each size; none of the largest when the memory is full; the kernel counts the same."""
    runs = {size: [datagrams(size, mtu.through(fragments(size)))] for size in mtu.PACES}
    outcome = mtu.outcome(runs, [datagrams(mtu.LARGEST, mtu.through(22), until=3.0)])
    assert not outside(outcome)
    assert outcome.answer == 2
    assert any("700 fragments" in said for said in outcome.said)
    left, right = outcome.charts[0].panels  # type: ignore[union-attr]
    assert left.series[0].x == [1.0, 2.0, 3.0, 6.0, 22.0]
    assert len(right.series[0].x) == 10


def test_a_memory_that_never_fills_and_a_kernel_that_counts_more_are_outside() -> None:
    """The answer is then another one."""
    runs = {1473: [datagrams(1473, 0.5, counted=150)]}
    outcome = mtu.outcome(runs, [datagrams(mtu.LARGEST, 0.324)])
    assert outside(outcome) == dict.fromkeys(("delivered-1473", "full", "assembled"), Verdict.OUTSIDE)
    assert outcome.answer == 1


class Given(Lab):
    """A lab whose only run is there already."""

    made: Flows

    def flows(self, *_: Any, **__: Any) -> Flows:
        return self.made


def given(tmp_path: Path, made: Flows) -> Given:
    """That lab."""
    found = Given(tmp_path, network(), threading.Event(), lambda doing: None)
    found.made = made
    return found


def test_datagrams_that_were_cut_otherwise_are_no_measurement(tmp_path: Path) -> None:
    """Another MTU, or a kernel that counts no fragments, is told at once; a full receive buffer is warned of."""
    made = datagrams(2000, 0.9)
    counted = made.account.kernel or {}
    lab = given(tmp_path, made)
    assert mtu._measure(lab, made.plan, "all is well") is made
    assert not lab.warnings
    made.account.kernel = counted | {"RcvbufErrors": 3}
    mtu._measure(lab, made.plan, "2000 bytes")
    assert "3 found no room" in lab.warnings[0]
    made.account.kernel = counted | {"FragCreates": 200}
    with pytest.raises(Failed, match="the MTU of this network is not 1500"):
        mtu._measure(lab, made.plan, "")
    made.account.kernel = None
    with pytest.raises(Failed, match="does not count FragCreates"):
        mtu._measure(lab, made.plan, "")


@needs_link
def test_fragments_at_work(tmp_path: Path) -> None:
    """The kernel cuts datagrams as theory says, and puts together as many as the program got."""
    made = mtu._measure(a_lab(tmp_path), Plan(10, 0.1, 0.5, 4000, ("udp",), settle=0.3), "4000 bytes")
    assert made.account.kernel is not None
    assert made.account.kernel["ReasmOKs"] == sum(fate.copies for fate in made.by["udp"].messages)


# --- half-open ------------------------------------------------------------------------------------

TIMES = Times(watch=27.0, user_timeout=5.0, heartbeat=2)


def watch(**after: float | None) -> Watch:
    """What each kind noticed, two ends of each; those not named as expected."""
    usual = {"user-timeout": 5.5, "lab-says": 6.5, "lab-waits": 5.0, "udp-heartbeat": 5.0}
    told = usual | {name.replace("_", "-"): value for name, value in after.items()}
    noticed = [
        {
            "kind": kind,
            "number": number,
            "after": told.get(kind),
            "how": "ETIMEDOUT" if told.get(kind) else "",
            "heard": -0.5,
            "sent": 1,
            "port": 50_000 + number,
        }
        for kind in half_open.NAMES
        for number in range(2)
    ]
    return Watch(1, noticed, 15, [[0.27 * 2**n for n in range(7)]] * 2, Account())


def test_linux_gives_up_after_a_quarter_of_an_hour() -> None:
    """As its documentation has it: tcp_retries2 = 15 is 924.6 s, at the least."""
    assert gives_up(15) == pytest.approx(924.6)
    assert gives_up(0) == pytest.approx(0.2)
    assert TIMES.tries() == (6, 7)


def test_vanished_peers_as_expected() -> None:
    """Nobody is told who set nothing; all others are within their limits; what nobody waited for is called so."""
    outcome = half_open.outcome([watch()], TIMES)
    assert not outside(outcome)
    assert outcome.answer == 3
    assert "not measured, nobody waited" in outcome.said[0]
    silent = outcome.charts[0].panels[0].series[1]  # type: ignore[union-attr]
    assert (silent.name, silent.x) == ("not within 27 s", [0.0, 1.0, 5.0])


@pytest.mark.parametrize(("after", "answer"), [(0.01, 0), (1.0, 1), (12.0, 2)])
def test_a_plain_tcp_that_is_told_is_outside(after: float, answer: int) -> None:
    """And the answer says when."""
    outcome = half_open.outcome([watch(tcp_says=after)], TIMES)
    assert outside(outcome) == {"tcp-says": Verdict.OUTSIDE}
    assert outcome.answer == answer
    assert "2 were told" in outcome.said[0]


def test_a_limit_that_does_nothing_is_told_as_such() -> None:
    """It was not told within the watch, and not: it could not be measured."""
    finding = by_name(half_open.outcome([watch(user_timeout=None)], TIMES))["user-timeout"]
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.missing == "none of 2 was told within 27 s."


def options(**more: Any) -> argparse.Namespace:
    """Of the instrument."""
    usual = {"host": LOCALHOST, "port": 0, "each": 2, "watch": 0.4, "user_timeout": 1.0, "heartbeat": 1.0}
    return argparse.Namespace(**(usual | more))


def test_peers_that_are_there_are_not_missed() -> None:
    """On a link that never dies everybody is heard, and nobody notices anything."""
    ends = Ends(options())
    try:
        ends.connect((LOCALHOST, ends.port))
        ends.watch(time.monotonic_ns() + 1_200_000_000)
        found = ends.report()
    finally:
        ends.close()
    assert len(found) == 2 * len(KINDS)
    assert all(one["heard"] is not None and one["after"] is None for one in found)


def test_the_instrument_and_the_experiment_know_the_same_kinds() -> None:
    """One name each, and one short one for the figure."""
    assert [kind.name for kind in KINDS] == list(half_open.NAMES)
    assert len(half_open.SHORT) == len(half_open.NAMES)


@needs_link
def test_vanished_peers_at_work(tmp_path: Path) -> None:
    """Plain TCP and plain UDP are told nothing; all others are, not before their limit; the kernel went on trying."""
    times = Times(watch=4.6, user_timeout=1.0, heartbeat=1)
    lab = a_lab(tmp_path)
    with lab.stage("watching") as stage:
        found = watch_all(stage, lab.place("delay 25ms loss 100%"), times, 1, tmp_path / "watch.pcapng")
    told = {name: found.after(name) for name in half_open.NAMES}
    for name in ("tcp-says", "tcp-waits", "udp-says"):
        assert told[name] == [None] * EACH
    for name in ("user-timeout", "lab-says", "lab-waits", "udp-heartbeat"):
        expected = times.expected(name)
        assert expected is not None
        assert all(after is not None and after >= expected[0] for after in told[name]), (name, told[name])
    assert all(len(tries) > 2 for tries in found.tries)

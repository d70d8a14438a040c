"""The experiments on flows: what they make of given fates, also of ugly ones, and a short run of each over a link."""

import importlib
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.experiments import bursts, enough, head_of_line, order, thin
from benchmarks.flow.fates import Fate, Fates
from benchmarks.flow.run import Flows, Plan
from benchmarks.flow.samples import losses, p99s
from benchmarks.flow.spells import Spell
from benchmarks.labbook import words
from benchmarks.labbook.experiment import Experiment, Finding, Number, Outcome, Verdict
from benchmarks.labbook.lab import Lab
from benchmarks.labbook.saved import Made
from benchmarks.labbook.streams import Passed, Stream
from benchmarks.link import namespace
from benchmarks.measuring import Network
from tests.emulated import needs_link

FILES = ("thin", "head_of_line", "bursts", "order", "enough")


def of(name: str) -> Experiment:
    """The experiment of a file."""
    found: Experiment = importlib.import_module(f"benchmarks.experiments.{name}").EXPERIMENT
    return found


def fates(transport: str, times: Sequence[float | None], flows: int = 10, spacing: float = 0.02) -> Fates:
    """A run whose messages took so long (None: lost), dealt out to the flows in turn."""
    messages = []
    for at, time in enumerate(times):
        number, flow = divmod(at, flows)
        due = number * spacing
        came = None if time is None else due + time
        messages.append(Fate(flow, number, due, due, came, int(came is not None)))
    return Fates(transport, 1, sorted(messages), 0)


def named(findings: Sequence[Finding], name: str) -> Finding:
    """The finding of this name."""
    return next(one for one in findings if one.name == name)


def made_of(experiment: Experiment, outcome: Outcome) -> Made:
    """What would be kept of it."""
    return Made.of(
        experiment,
        None,
        outcome,
        quick=True,
        seed=1,
        made="2026-11-21T12:00:00+00:00",
        took=1.0,
        again=[],
        environment={},
        warnings=[],
    )


@pytest.mark.parametrize("name", FILES)
def test_its_text_is_complete(name: str) -> None:
    """All sections are there, the question is short, and it stays within the time that an experiment has."""
    experiment = of(name)
    assert experiment.name == name.replace("_", "-")
    assert len(experiment.text.question) < 160
    full, quick = experiment.seconds
    assert full <= 120
    assert quick <= 20
    assert 2 <= len(experiment.think) <= 3


# --- thin -----------------------------------------------------------------------------------------


def thickness(slow: float, n: int = 2000, **counts: int) -> thin.Thickness:
    """Runs in which 2 % of the messages took this long."""
    times = [slow if at % 49 == 0 else 0.0255 for at in range(n)]
    return thin.Thickness([fates("tcp", times, flows=40, spacing=0.1)], **counts)


@pytest.mark.parametrize(("thick", "thinner", "answer"), [(0.1, 0.3, 2), (0.3, 0.31, 1), (0.5, 0.3, 0)])
def test_thin_answers_by_the_tails(thick: float, thinner: float, answer: int) -> None:
    """Whichever stream has the longer p99."""
    assert thin.answer({5: thickness(thick), 500: thickness(thinner)}) == answer


def test_thin_compares_with_what_theory_says() -> None:
    """A thick stream is repaired by answers, a thin one by timers; what is not so is said to be outside."""
    found = {
        5: thickness(0.12, repeated=100, timed=2),
        500: thickness(0.29, repeated=100, timed=97),
        100: thickness(0.1),
    }
    findings = thin.findings(found)
    assert {one.name: one.verdict for one in findings} == {
        "p99-5": Verdict.WITHIN,
        "p99-500": Verdict.WITHIN,
        "p99-100": Verdict.OUTSIDE,
        "timed-5": Verdict.WITHIN,
        "timed-500": Verdict.WITHIN,
    }
    assert any("2.42 times as long" in sentence for sentence in thin.said(found))


def test_thin_with_too_few_says_nothing() -> None:
    """No p99, no answer, and the reason why."""
    found = {5: thickness(0.12, n=100), 500: thickness(0.29, n=100)}
    assert thin.answer(found) is None
    assert {one.verdict for one in thin.findings(found)} == {Verdict.UNKNOWN}
    assert not any("times as long" in sentence for sentence in thin.said(found))
    assert thin.chart(found).panels[0].series[0].y == [None, None]


# --- head-of-line ---------------------------------------------------------------------------------


def stream() -> Stream:
    """Message 5 of 10 is lost once; the two behind it come in time, and late to the program."""
    took = [0.025] * 5 + [0.095, 0.075, 0.055, 0.035] + [0.025]
    run = fates("tcp", took, flows=1)
    packets = [
        Passed(fate.due, None if fate.number == 5 else fate.due + 0.025, True, at * 100, at * 100 + 100)
        for at, fate in enumerate(run.messages)
    ]
    again = Passed(0.17, 0.195, True, 500, 600, again=True)
    acknowledgement = Passed(0.05, None, False, 100, 100)
    return Stream("tcp", 0, 100, run.messages, [*packets, again, acknowledgement])


def test_the_innocent_are_late_and_were_not_lost() -> None:
    """A lost acknowledgement makes nobody guilty."""
    assert head_of_line.toll([stream()]) == head_of_line.Toll(n=10, lost=1, late=3, innocent=2)


def test_a_segment_with_several_messages_loses_them_all() -> None:
    """Each message of which the link dropped something counts as lost."""
    run = fates("tcp", [0.1] * 4, flows=1)
    lost = Stream("tcp", 0, 100, run.messages, [Passed(0.0, None, True, 50, 250)])
    assert head_of_line.toll([lost]) == head_of_line.Toll(n=4, lost=3, late=4, innocent=1)


def test_head_of_line_counts_late_and_missing() -> None:
    """Over UDP as many are missing as were lost, and none is late; over TCP it is the other way round."""
    runs = {
        "udp": [fates("udp", [None if at % 20 == 7 else 0.025 for at in range(2000)])],
        "tcp": [fates("tcp", [0.095 if at % 20 < 3 else 0.025 for at in range(2000)])],
    }
    tolls = [head_of_line.Toll(2000, 101, 300, 200)]
    findings = head_of_line.findings(runs, tolls)
    assert [one.verdict for one in findings] == [Verdict.WITHIN] * 5
    sentences = " ".join(head_of_line.said(runs, tolls))
    assert "100 of them; the other 200 had arrived" in sentences
    assert "none of them was late" in sentences


@pytest.mark.parametrize(
    "runs", [{}, {"udp": [fates("udp", [None] * 50)]}, {"tcp": [fates("tcp", [None] * 50)]}]
)
def test_head_of_line_where_nothing_came(runs: dict[str, list[Fates]]) -> None:
    """No sentence, no figure and no chart needs anything to be there."""
    tolls = [head_of_line.Toll(50, 0, 0, 0)] if "tcp" in runs else []
    head_of_line.findings(runs, tolls)
    assert not any("innocent" in sentence for sentence in head_of_line.said(runs, tolls))
    head_of_line.chart(runs)


# --- bursts ---------------------------------------------------------------------------------------


def weather(random_slow: float, bursts_slow: float) -> bursts.Runs:
    """Runs over both links whose slowest 2 % took so long; UDP loses 5 %, singly or by fours."""

    def tcp(slow: float) -> list[Fates]:
        return [fates("tcp", [slow if at % 49 == 0 else 0.025 for at in range(8000)])]

    def udp(lost: Callable[[int], bool]) -> list[Fates]:
        return [fates("udp", [None if lost(at // 10) else 0.025 for at in range(8000)])]

    return {
        ("random", "tcp"): tcp(random_slow),
        ("bursts", "tcp"): tcp(bursts_slow),
        ("random", "udp"): udp(lambda number: number % 20 == 3),
        ("bursts", "udp"): udp(lambda number: number % 60 < 3),
    }


@pytest.mark.parametrize(("bursty", "answer"), [(0.4, 2), (0.12, 1), (0.03, 0)])
def test_bursts_answer_by_the_tails(bursty: float, answer: int) -> None:
    """Longer, about as long or less long than at random."""
    assert bursts.answer(weather(0.11, bursty)) == answer


def test_bursts_compare_holes_and_tails() -> None:
    """The same share is lost in runs of another length, and the figures are put beside what was expected."""
    runs = weather(0.11, 0.22)
    findings = bursts.findings(runs, [Spell(3, 0.3), Spell(6, 4.2)])
    assert named(findings, "udp-run-random").value == 1.0
    assert named(findings, "udp-run-bursts").value == 3.0
    assert named(findings, "ratio").value == pytest.approx(2.0)
    assert named(findings, "stretched").value == pytest.approx(7.0)
    assert {one.verdict for one in findings} <= {Verdict.WITHIN, Verdict.TOUCHES, Verdict.FREE}
    sentences = " ".join(bursts.said(runs, [Spell(6, 4.2)]))
    assert "At most 1 in a row were lost at random, and 3 in bursts" in sentences
    assert "6 packets took TCP, alone on the link, 4.20 s." in sentences


def test_few_bursts_have_no_mean() -> None:
    """A quick run says so, instead of comparing."""
    runs = {key: [fates(key[1], [None, 0.025, 0.025] * 20)] for key in weather(0.1, 0.1)}
    findings = bursts.findings(runs, [])
    assert {named(findings, name).verdict for name in ("udp-run-bursts", "ratio")} == {Verdict.UNKNOWN}


@pytest.mark.parametrize(
    "runs",
    [{}, {("random", "udp"): [fates("udp", [None] * 20)]}, {("bursts", "tcp"): [fates("tcp", [None] * 20)]}],
)
def test_bursts_where_nothing_came(runs: bursts.Runs) -> None:
    """No answer and no sentence, and nothing breaks."""
    assert bursts.answer(runs) is None
    assert bursts.said(runs, []) == []
    bursts.findings(runs, [])
    bursts.chart(runs)


# --- order ----------------------------------------------------------------------------------------


def mixed(again: int, n: int = 2000, slow: float = 0.15) -> order.Found:
    """18.75 % out of order and 2 % twice over UDP, nothing of it over TCP, and a tail with loss and overtaking."""
    udp = fates("udp", [0.025] * n)
    twice = [one._replace(copies=2) if at % 50 == 0 else one for at, one in enumerate(udp.messages)]
    tcp = [fates("tcp", [0.025] * n)]
    return {
        "overtaking": order.Met(
            {"udp": [Fates("udp", 1, twice, n * 3 // 16)], "tcp": tcp}, again=again, needless=again
        ),
        "loss": order.Met({"tcp": [fates("tcp", [0.1 if at % 20 == 0 else 0.025 for at in range(n)])]}),
        "both": order.Met({"tcp": [fates("tcp", [slow if at % 20 == 0 else 0.025 for at in range(n)])]}),
    }


@pytest.mark.parametrize(("again", "answer"), [(0, 0), (30, 1), (260, 2)])
def test_order_answers_by_what_was_sent_again(again: int, answer: int) -> None:
    """Nothing, a little or much of it."""
    assert order.answer(mixed(again)) == answer


def test_order_compares_both_transports() -> None:
    """What a program sees over UDP, and what TCP pays."""
    found = mixed(260)
    findings = order.findings(found)
    assert [one.verdict for one in findings] == [Verdict.WITHIN] * 6
    assert named(findings, "tcp-price").value == pytest.approx(1.5)
    assert any("TCP sent 260 segments again for 2,000 messages" in one for one in order.said(found))
    assert [panel.title[:3] for panel in order.chart(found).panels] == ["UDP", "TCP"]


def test_order_without_tcp_or_anything() -> None:
    """Through a relay there is only UDP; and nothing needs to be there at all."""
    found = mixed(0)
    only = {name: order.Met({"udp": met.by["udp"]} if "udp" in met.by else {}) for name, met in found.items()}
    assert {one.name for one in order.findings(only)} == {"udp-out-of-order", "udp-doubled"}
    assert order.answer(only) is None
    nothing = {name: order.Met() for name in order.LINKS}
    assert order.findings(nothing) == []
    assert order.said(nothing) == []
    assert order.chart(nothing).panels == []


def test_order_with_too_few_for_a_tail() -> None:
    """The price is not measured then."""
    assert named(order.findings(mixed(5, n=100)), "tcp-price").verdict is Verdict.UNKNOWN


# --- enough ---------------------------------------------------------------------------------------


def lossy(n: int, seed: int = 1) -> Fates:
    """UDP over a link that loses 5 %."""
    draw = random.Random(seed)
    return fates("udp", [None if draw.random() < 0.05 else 0.025 for _ in range(n)])


def test_enough_finds_what_theory_says() -> None:
    """In simulated losses, and latencies of which each is drawn alone."""
    udp = lossy(20_000)
    lost = {size: losses(udp, size) for size in enough.SIZES}
    assert len(lost[100]) == 200
    assert sum(lost[100]) == sum(lost[1000]) == udp.lost
    assert [one.verdict for one in enough.findings(udp, lost)] == [Verdict.WITHIN] * 5
    draw = random.Random(2)
    tcp = fates("tcp", [0.025 + draw.expovariate(15) for _ in range(10_000)])
    tails = {size: p99s(tcp, size) for size in enough.SIZES}
    ordered = sorted(one.latency or 0.0 for one in tcp.messages)
    findings = enough.tail_findings(tcp, tails, ordered)
    assert named(findings, "within-dealt").verdict is Verdict.WITHIN
    assert named(findings, "within-in-a-row").verdict is Verdict.FREE
    assert any("200 samples of 100 messages" in one for one in enough.said(lost, tails, ordered))


@pytest.mark.parametrize("n", [0, 50, 150])
def test_enough_with_too_few(n: int) -> None:
    """Fewer than two samples are no comparison."""
    udp = lossy(n)
    lost = {size: losses(udp, size) for size in enough.SIZES}
    found = enough.findings(udp, lost)
    assert not any(one.name.startswith("worst") for one in found)
    assert [one.name for one in enough.tail_findings(fates("tcp", []), {}, [])] == ["p99"]
    assert enough.said(lost, {}, []) == []
    enough.chart(lost, {}, [])


# --- over a link ----------------------------------------------------------------------------------


class Short(Lab):
    """A lab whose runs are cut short: enough to see that everything fits together."""

    def flows(self, plan: Plan, *words: Any, **more: Any) -> Flows:
        shorter = replace(
            plan, flows=min(plan.flows, 4), seconds=1.0 if plan.interval < 0.1 else 1.5, settle=0.2, drain=2.0
        )
        return super().flows(shorter, *words, **more)


def short(tmp_path: Path, network: Network) -> Short:
    """One that tells nobody how far it is."""
    return Short(tmp_path, network, threading.Event(), lambda doing: None, quick=True)


@needs_link
@pytest.mark.parametrize("name", FILES)
def test_a_short_run_over_a_link(name: str, tmp_path: Path) -> None:
    """It can be kept, everything in it can be said, and the captures that it names are there."""
    experiment = of(name)
    outcome = experiment.run(short(tmp_path, Network("emulated", namespace.way_in())))
    made = made_of(experiment, outcome)
    assert made.json()
    assert made.csv().count(b"\n") > 100
    assert all(len(row) == len(outcome.columns) for row in outcome.rows[:10])
    words.verdicts(made)
    assert outcome.charts
    assert all((tmp_path / capture).stat().st_size > 0 for capture in outcome.captures)
    if isinstance(experiment.ask, Number):
        assert named(outcome.findings, experiment.ask.finding)


@pytest.mark.parametrize("name", ["head_of_line", "enough"])
def test_through_a_relay_there_is_udp(name: str, tmp_path: Path) -> None:
    """What needs TCP is left out, and nothing is missing but that."""
    outcome = of(name).run(short(tmp_path, Network("relay")))
    assert outcome.findings
    assert {row[outcome.columns.index("transport")] for row in outcome.rows} == {"udp"}
    words.verdicts(made_of(of(name), outcome))

"""Flows: what became of each message, the process that holds both ends, and a run of it on every kind of network."""

import random
import subprocess
import sys
import threading
from array import array
from pathlib import Path
from statistics import median

import pytest

from benchmarks.flow import fates
from benchmarks.flow.fates import Fate, Fates
from benchmarks.flow.run import Flows, Plan, run
from benchmarks.flow.samples import samples
from benchmarks.labbook.lab import Lab
from benchmarks.labbook.streams import read
from benchmarks.link import namespace
from benchmarks.measuring import Network
from benchmarks.network import Loopback
from benchmarks.stage import stage
from tests.emulated import needs_link

PATIENCE = 60.0
"""Guards against hanging, not against slowness."""

MS = 1_000_000


def of(*messages: tuple[int, int, float, float | None]) -> Fates:
    """Flow, number, due and received of each."""
    return Fates(
        "udp",
        1,
        [Fate(flow, number, due, due, came, int(came is not None)) for flow, number, due, came in messages],
        0,
    )


def lab(tmp_path: Path, network: Network) -> Lab:
    """One that tells nobody how far it is."""
    return Lab(tmp_path, network, threading.Event(), lambda doing: None)


# --- what became of each message ------------------------------------------------------------------


def test_records_become_fates() -> None:
    """Times count from the first moment; a second copy and one that was overtaken are counted; other flows are not."""
    start = 1_000 * MS
    sends, arrivals = array("q"), array("q")
    for flow, number in ((0, 0), (0, 1), (0, 2), (1, 0)):
        due = start + number * 20 * MS
        sends.extend((flow, number, due, due + MS))
    for flow, number, after in ((0, 0, 25), (0, 2, 41), (0, 1, 45), (0, 0, 50), (1, 0, 25)):
        arrivals.extend((flow, number, start + after * MS))
    found = fates.fates("udp", 3, start, sends, arrivals, {0})
    assert [tuple(one) for one in found.messages] == [
        (0, 0, 0.0, 0.001, 0.025, 2),
        (0, 1, 0.02, 0.021, 0.045, 1),
        (0, 2, 0.04, 0.041, 0.041, 1),
    ]
    assert (found.out_of_order, found.doubled, found.lost, found.repeat) == (1, 1, 0, 3)


def test_what_never_came_has_no_latency() -> None:
    """It is lost, and in no sample."""
    found = fates.fates("udp", 1, 0, array("q", (0, 0, 0, 0)), array("q"), {0})
    assert (found.lost, found.doubled, found.messages[0].latency) == (1, 0, None)
    assert fates.latencies([found]) == []
    assert fates.longest([found]) is None


def test_runs_of_loss_end_with_their_flow() -> None:
    """Two in a row are one run; the last of one flow and the first of the next are two."""
    lost = [(0, 0, None), (0, 1, 1.0), (0, 2, None), (0, 3, None), (1, 0, None), (1, 1, 1.0)]
    assert of(*((flow, number, 0.0, came) for flow, number, came in lost)).runs_of_loss() == [1, 2, 1]


def test_messages_hang_together_by_flow() -> None:
    """Those of a flow, or of a flow within a stretch; where the weather is shared, those of about the same time."""
    runs = [of(*((flow, number, number * 0.5, 9.0) for flow in (0, 1) for number in range(4)))]
    assert sorted(map(len, fates.clusters(runs, shared=False))) == [4, 4]
    assert sorted(map(len, fates.clusters(runs, shared=False, stretch=1.0))) == [2, 2, 2, 2]
    assert sorted(map(len, fates.clusters(runs, shared=True))) == [2, 2, 2, 2]


def test_shares_and_percentiles_of_nothing() -> None:
    """There are none."""
    assert fates.delivered([]) is None
    assert fates.late([], 0.1) is None
    assert fates.percentiles([], (99,))[99] is None
    assert fates.single([of((0, 0, 0.0, 0.1))], 99) == []


def test_late_is_what_came_later_or_never() -> None:
    """Both count among all messages."""
    share = fates.late([of((0, 0, 0.0, 0.02), (0, 1, 0.0, 0.2), (0, 2, 0.0, None), (0, 3, 0.0, 0.1))], 0.1)
    assert share is not None
    assert share.estimate == 0.5


def test_shorter_stretches_are_more_evidence() -> None:
    """Where what happens is soon over, many stretches of one flow say how much they differ."""
    flow = of(*((0, number, number / 10, number / 10 + 0.025 + number % 7 / 1000) for number in range(300)))
    whole = fates.percentiles([flow], (50,))[50]
    parts = fates.percentiles([flow], (50,), stretch=1.0)[50]
    assert whole is not None
    assert parts is not None
    assert whole.interval is None
    assert parts.interval is not None
    assert parts.estimate == whole.estimate


def test_samples_are_cut_in_the_order_of_time() -> None:
    """Across flows, and what is left at the end is left out."""
    run = of(*((flow, number, number + flow / 10, 9.0) for flow in (0, 1) for number in range(3)))
    found = samples(run, 4)
    assert [[(fate.flow, fate.number) for fate in sample] for sample in found] == [
        [(0, 0), (1, 0), (0, 1), (1, 1)]
    ]
    assert samples(run, 7) == []


def test_samples_are_dealt_like_cards() -> None:
    """Each message is in one of them, and the same dealer deals the same."""
    run = of(*((flow, number, float(number), 9.0) for flow in (0, 1) for number in range(50)))
    found = samples(run, 10, random.Random(1))
    assert found == samples(run, 10, random.Random(1))
    assert found != samples(run, 10)
    assert sorted(fate for sample in found for fate in sample) == sorted(run.messages)


# --- the process with both ends -------------------------------------------------------------------


def ends(*words: str, said: str = "") -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    numbers = "--flows 1 --size 20 --seed 1 --repeat 1 --interval 0.1 --seconds 0.1 --settle 0.1 --drain 1"
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.flow.ends", *words, *numbers.split()],
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_ends_that_nobody_orders_end() -> None:
    """Whoever started them is gone."""
    ended = ends("--host", "127.0.0.1")
    assert ended.returncode == 0
    assert '"port"' in ended.stdout


def test_ends_that_cannot_be_made_say_why() -> None:
    """In one sentence: an address that this machine does not have (RFC 5737)."""
    ended = ends("--host", "203.0.113.1")
    assert ended.returncode == 1
    assert ended.stderr.startswith("The flows can't be made: ")
    assert "Traceback" not in ended.stderr


# --- runs -----------------------------------------------------------------------------------------


def on_loopback(plan: Plan) -> Flows:
    """A run on this machine's own loopback."""
    with stage(threading.Event(), lambda doing: None) as here:
        return run(here, Loopback(), plan)


@pytest.mark.parametrize("size", [8, 100, 9000])
def test_everything_comes_on_loopback(size: int) -> None:
    """Over both transports, in order and once, wherever a stream is cut."""
    made = on_loopback(Plan(flows=3, interval=0.01, seconds=0.3, size=size, settle=0.2, drain=5.0))
    assert made.complete
    assert made.refused == 0
    for one in made.by.values():
        assert (len(one.messages), one.lost, one.doubled, one.out_of_order) == (90, 0, 0, 0)
        assert all(fate.due <= fate.sent <= (fate.received or 0) for fate in one.messages)


def test_both_transports_speak_at_the_same_moments() -> None:
    """And each flow has its own, or, together, all have the same."""
    for together in (False, True):
        plan = Plan(flows=3, interval=0.02, seconds=0.1, together=together, settle=0.1, drain=5.0)
        by = on_loopback(plan).by
        moments = {
            transport: sorted((fate.due, fate.number) for fate in one.messages)
            for transport, one in by.items()
        }
        assert moments["tcp"] == moments["udp"]
        assert len({fate.due for fate in by["tcp"].messages}) == (5 if together else 15)


def test_one_transport_alone() -> None:
    """Only what was planned is made."""
    made = on_loopback(Plan(flows=2, interval=0.02, seconds=0.1, transports=("udp",), settle=0.1, drain=5.0))
    assert list(made.by) == ["udp"]
    assert len(made.ports) == 2


@needs_link
def test_over_a_link_that_loses(tmp_path: Path) -> None:
    """UDP misses what the link dropped, TCP nothing; the capture has the packets of every flow."""
    here = lab(tmp_path, Network("emulated", namespace.way_in()))
    plan = Plan(flows=4, interval=0.01, seconds=1.0, drain=PATIENCE)
    made = here.flows(plan, "delay 5ms loss 10%", capture="flows.pcapng")
    assert made.complete
    tcp, udp = made.by["tcp"], made.by["udp"]
    assert tcp.lost == 0
    assert tcp.out_of_order == 0
    streams = read(made, tmp_path / "flows.pcapng", 0.005, "udp")
    dropped = {
        (one.flow, packet.begin // 100) for one in streams for packet in one.packets if not packet.arrives
    }
    assert dropped
    assert {(fate.flow, fate.number) for fate in udp.messages if fate.received is None} == dropped
    assert median(fates.latencies([udp])) >= 0.005
    counted = here.accounts[0].kernel
    assert counted is not None
    assert counted["RetransSegs"] > 0
    assert not here.warnings or all("late" in one for one in here.warnings)


@needs_link
def test_what_had_not_come_is_said(tmp_path: Path) -> None:
    """TCP that was given no time is not called complete."""
    here = lab(tmp_path, Network("emulated", namespace.way_in()))
    plan = Plan(flows=1, interval=0.02, seconds=0.2, transports=("tcp",), settle=0.0, drain=0.05)
    made = here.flows(plan, "delay 500ms")
    assert not made.complete
    assert made.by["tcp"].lost == 10
    assert any("had not come over TCP" in one for one in here.warnings)


def test_through_a_relay_tcp_is_left_out(tmp_path: Path) -> None:
    """A relay can do nothing to TCP: only the datagrams go through it, and it does to them what was asked."""
    here = lab(tmp_path, Network("relay"))
    made = here.flows(Plan(flows=4, interval=0.01, seconds=0.5), "delay 5ms loss 20%", capture="none.pcapng")
    assert list(made.by) == ["udp"]
    assert 0 < made.by["udp"].lost < len(made.by["udp"].messages)
    assert min(fates.latencies(list(made.by.values()))) >= 0.005
    assert not (tmp_path / "none.pcapng").exists()

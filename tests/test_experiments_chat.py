"""What the experiments `members` and `forged-hello` make of their figures, and their instruments, briefly, at work."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from benchmarks import stamp
from benchmarks.bench.loads import Load
from benchmarks.bench.measuring import Places, measure_load
from benchmarks.bench.report import Percentiles, Report
from benchmarks.bench.rooms import Rooms, stack
from benchmarks.experiments import forged_hello, members
from benchmarks.forgery.ends import HELLO, ROOMS, VICTIMS
from benchmarks.forgery.run import Attack, Plan
from benchmarks.forgery.run import run as attack_all
from benchmarks.forgery.toll import Passed, Toll, syn_acks, tolls
from benchmarks.labbook.experiment import Experiment, Finding, Outcome, Verdict
from benchmarks.labbook.lab import network
from benchmarks.link.capture import Capture
from benchmarks.link.packet import ACK, FAR, NEAR, PSH, RST, SYN
from benchmarks.network import PORT, Account, Conditions
from benchmarks.stage import stage
from benchmarks.torture.acts import packets
from common import limits
from common.messages import Challenge, encode
from tests.emulated import needs_link

SAMPLE = Report(
    planned_messages=30,
    sent_messages=30,
    expected=300,
    delivered=300,
    lost=0,
    doubled=0,
    out_of_order=0,
    unreadable=0,
    same_order=True,
    still_coming=False,
    latency=Percentiles(300, 0.001, None, 0.002),
    lateness=Percentiles(300, 0.0, None, 0.0),
    deliveries_per_s=200.0,
    cpu_s=0.01,
    memory_joined=0,
    memory_talking=0,
    join_s=0.01,
    load_busy=0.1,
    others_busy=0.0,
    members=10,
    seconds=1.5,
)


def room(transport: str, size: int, **more: Any) -> Report:
    """What an ideal server would show: all as expected, without noise."""
    stream = transport == "tcp"
    return replace(
        SAMPLE,
        members=size,
        memory_joined=(30 if stream else 20) * 1024 + size * (22 if stream else 1) * 1024,
        reserved_joined=round(size * stack()) if stream else 0,
        threads=3 + size if stream else 2,
        join_s=1e-6 * size**2,
        cpu_s=30 * (0.0003 + size * (8e-6 if stream else 4e-6)),
        latency=Percentiles(30 * size, size * 4e-6, None, size * 8e-6),
        **more,
    )


def rooms(sizes: tuple[int, ...] = members.SIZES, repeats: int = 2) -> Rooms:
    """All of them."""
    return {
        (transport, size): {repeat: room(transport, size) for repeat in range(1, repeats + 1)}
        for transport in ("tcp", "udp")
        for size in sizes
    }


def by_name(outcome: Outcome) -> dict[str, Finding]:
    """The findings."""
    return {finding.name: finding for finding in outcome.findings}


@pytest.mark.parametrize("experiment", [members.EXPERIMENT, forged_hello.EXPERIMENT])
def test_its_page_has_all_sections_and_its_runs_are_short_enough(experiment: Experiment) -> None:
    """A title, six sections, at most two minutes in full and 20 seconds quick."""
    assert experiment.text.title.endswith("?")
    full, quick = experiment.seconds
    assert full <= 120
    assert quick <= 20


# --- members --------------------------------------------------------------------------------------


def test_one_more_member_is_the_slope_between_two_rooms() -> None:
    """What the first one costs is not in it, and all is as expected of an ideal server."""
    found = by_name(members.outcome(rooms(), quick=False))
    assert found["tcp-memory"].value == pytest.approx(22)
    assert found["udp-memory"].value == pytest.approx(1)
    assert found["tcp-threads"].value == 1
    assert found["udp-threads"].value == 0
    assert found["tcp-cpu"].value == pytest.approx(8)
    assert found["tcp-linear"].value == pytest.approx(1)
    assert found["tcp-joining"].value == pytest.approx(4)
    verdicts = {one.name: one.verdict for one in found.values() if one.expected}
    assert set(verdicts.values()) == {Verdict.WITHIN}, verdicts


def test_a_quadratic_fan_out_is_outside() -> None:
    """Cost that grows with the square of the room is no line."""
    made = rooms()
    for size in members.SIZES:
        made["tcp", size] = {1: replace(made["tcp", size][1], cpu_s=30 * size**2 * 8e-9)}
    assert by_name(members.outcome(made, quick=False))["tcp-linear"].verdict is Verdict.OUTSIDE


def test_a_quick_run_says_nothing_of_rooms_that_it_did_not_make() -> None:
    """No findings about 1000 and 2000 members, and each of the others has a value."""
    outcome = members.outcome(rooms(members.QUICK, 1), quick=True)
    assert not {"tcp-linear", "tcp-joining"} & set(by_name(outcome))
    assert all(one.value is not None for one in outcome.findings)
    assert len(outcome.table) == 1 + 2 * len(members.QUICK)


def test_where_the_system_tells_nothing_nothing_is_claimed() -> None:
    """Memory, threads and processor time that can't be known are not measured, and no sentence speaks of them."""
    made: Rooms = {
        key: {
            repeat: replace(report, memory_joined=None, reserved_joined=None, threads=None, cpu_s=None)
            for repeat, report in those.items()
        }
        for key, those in rooms().items()
    }
    outcome = members.outcome(made, quick=False)
    found = by_name(outcome)
    assert found["tcp-memory"].verdict is Verdict.UNKNOWN
    assert found["tcp-memory"].missing
    assert found["tcp-linear"].verdict is Verdict.UNKNOWN
    assert outcome.said == []
    assert found["tcp-median"].value is not None


def test_the_largest_room_may_be_missing() -> None:
    """A system that allows few open files has no room of 2000: everything else is there."""
    found = by_name(members.outcome(rooms((10, 50, 200, 500, 1000)), quick=False))
    assert "tcp-joining" not in found
    assert found["tcp-memory"].value == pytest.approx(22)


def test_a_real_room_has_a_thread_for_each_member_over_tcp_only(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside three of its own over TCP, and two over UDP; and a stack is reserved for each. A room that is larger than
    the usual one is made so."""
    monkeypatch.setattr(limits, "MAX_MEMBERS", 4)
    load = Load(members=12, senders=1, rate=20, seconds=0.2, evenly=True)
    report = measure_load(transport, load, 1, Places(None, None), threading.Event(), lambda _: None)
    assert report.delivered == report.expected
    assert report.threads == (12 + 3 if transport == "tcp" else 2)
    assert report.reserved_joined is not None
    assert (report.reserved_joined > 12 * 2**20) == (transport == "tcp")


# --- forged hello -----------------------------------------------------------------------------------

BEGIN = 1_763_723_409_123_456_789
TEXT = stamp.write(1, 7, 0, 0, 100).encode()
SERVER = PORT


def capture(path: Path) -> Path:
    """A capture as an attack leaves it, by hand: victims 50001 (UDP) and 50002 (TCP), and a member 50003."""
    written = Capture(path.open("wb"))
    cookie = encode(Challenge(cookie="x" * 22))

    def note(seconds: float, packet: bytes, direction: str) -> None:
        written.note(direction, packet, BEGIN + round(seconds * 1e9))

    def up(seconds: float, port: int, payload: bytes) -> None:
        note(seconds, packets.udp((NEAR, port), (FAR, SERVER), payload), "up")

    def down(seconds: float, port: int, payload: bytes) -> None:
        note(seconds, packets.udp((NEAR, SERVER), (FAR, port), payload), "down")

    def segment(seconds: float, flags: int, direction: str, payload: bytes = b"") -> None:
        ends = ((NEAR, 50002), (FAR, SERVER))
        source, destination = ends if direction == "up" else ((NEAR, SERVER), (FAR, 50002))
        note(seconds, packets.tcp(source, destination, 1, 2, flags, payload), direction)

    down(-0.5, 50003, TEXT)
    up(0.0, 50001, HELLO)
    down(0.1, 50001, cookie)
    down(0.2, 50003, TEXT)
    down(0.3, 50001, TEXT)
    down(0.4, 50001, HELLO)
    segment(0.5, SYN, "up")
    segment(0.6, SYN | ACK, "down")
    segment(0.7, RST, "up")
    segment(0.8, PSH | ACK, "up", b"hello")
    segment(0.9, RST, "down")
    written.close()
    return path


def test_the_toll_tells_what_was_forged_and_what_came_for_it(tmp_path: Path) -> None:
    """By port and protocol, from the first moment on; what the victim's own kernel answers is not the attacker's."""
    ends = {"udp": ("udp", 50001), "tcp": ("tcp", 50002), "member": ("udp", 50003)}
    found = tolls(capture(tmp_path / "c.pcapng"), ends, BEGIN)
    assert [(one.kind, one.toward) for one in found["udp"].packets] == [
        ("hello", False),
        ("challenge", True),
        ("room", True),
        ("else", True),
    ]
    assert [one.kind for one in found["tcp"].packets] == ["SYN", "SYN-ACK", "blind hello", "reset"]
    assert [one.kind for one in found["member"].packets] == ["room"]
    assert found["udp"].spent == 28 + len(HELLO)
    assert found["udp"].until(0.2).came == 28 + 54
    assert found["tcp"].spent == 40 + 45
    assert found["member"].amplification is None


def test_a_toll_has_a_course_and_cells() -> None:
    """What had come for each forged byte, whenever something came; nothing is divided by nothing."""
    forged, came = Passed(0.0, False, 50, "hello"), Passed(1.0, True, 100, "room")
    toll = Toll([came, forged, replace(came, at=2.0)])
    assert toll.course() == [(2.0, 4.0)]
    assert toll.cells() == ["1", "50", "2", "200", "4.00", "2"]
    assert Toll([came]).cells()[4] == "–"


def attack(seconds: float = 12.0, victims: Mapping[str, Toll] = MappingProxyType({})) -> Attack:
    """An attack in which every server did what is expected of it, but for these `victims`."""
    plan = Plan(seconds=seconds)
    hello = Passed(0.0, False, 63, "hello")
    flood = [Passed(0.05 * count, True, 128, "room") for count in range(round(20 * plan.seconds))]
    again = [0.1 * count for count in range(round(10 * plan.seconds))]
    usual = {
        "floor": Toll([hello, *flood]),
        "udp": Toll([hello, Passed(0.001, True, 82, "challenge")]),
        "udp-again": Toll(
            [
                one
                for at in again
                for one in (replace(hello, at=at), Passed(at + 0.001, True, 82, "challenge"))
            ]
        ),
        "tcp": Toll([Passed(0.0, False, 40, "SYN"), Passed(0.001, True, 44, "SYN-ACK")]),
        "deaf": Toll(
            [
                Passed(0.0, False, 40, "SYN"),
                *(Passed(at, True, 44, "SYN-ACK") for at in (0.001, 1.0, 3.0, 7.2) if at < plan.seconds),
            ]
        ),
    }
    member = Toll(list(flood))
    return Attack(plan, usual | dict(victims), dict.fromkeys(ROOMS, member), 5, Account())


def test_an_attack_as_it_should_be_is_as_expected() -> None:
    """Hundreds of times the bytes without a check, at most three times with one, four SYN-ACKs in 12 seconds."""
    outcome = forged_hello.outcome([attack(), attack()])
    verdicts = {one.name: one.verdict for one in outcome.findings}
    assert set(verdicts.values()) == {Verdict.WITHIN}, verdicts
    assert by_name(outcome)["floor-growth"].value == pytest.approx(3)
    assert [row[0] for row in outcome.table[1:]] == list(forged_hello.NAMES.values())
    assert set(forged_hello.NAMES) == set(VICTIMS)
    (chart,) = outcome.charts
    assert all(len(one.x) == len(one.y) for panel in chart.panels for one in panel.series)  # type: ignore[union-attr]
    assert any("241" in row or "240" in row for row in outcome.table)
    assert any("4.40 times" in sentence for sentence in outcome.said)


def test_a_server_that_answers_too_much_is_outside() -> None:
    """An address check that sends ten cookies for a hello, or lets a message of the room through, is found out."""
    hello, cookie = Passed(0.0, False, 63, "hello"), Passed(0.1, True, 82, "challenge")
    found = by_name(forged_hello.outcome([attack(victims={"udp": Toll([hello, *[cookie] * 10])})]))
    assert found["udp-amplification"].verdict is Verdict.OUTSIDE
    found = by_name(
        forged_hello.outcome([attack(victims={"udp-again": Toll([hello, Passed(1.0, True, 160, "room")])})])
    )
    assert found["rooms"].verdict is Verdict.OUTSIDE


def test_a_room_that_floods_nobody_is_outside_and_nothing_breaks() -> None:
    """Without an answer there is nothing to draw, and no sentence that says there was."""
    silent = {name: Toll(one.packets[:1]) for name, one in attack().victims.items()}
    outcome = forged_hello.outcome([attack(victims=silent)])
    found = by_name(outcome)
    assert found["floor-amplification"].verdict is Verdict.OUTSIDE
    assert found["deaf-syn-acks"].verdict is Verdict.OUTSIDE
    assert not any("silent victim" in sentence for sentence in outcome.said)
    quick = by_name(forged_hello.outcome([attack(5.0)]))
    assert "floor-growth" not in quick
    assert quick["deaf-syn-acks"].verdict is Verdict.WITHIN


@pytest.mark.parametrize(("seconds", "retries", "wanted"), [(0.5, 5, 1), (5, 5, 3), (12, 5, 4), (12, 2, 3)])
def test_syn_acks_are_repeated_after_1_3_7_seconds(seconds: float, retries: int, wanted: int) -> None:
    """As RFC 6298 doubles its timer, and not more often than the system is set to."""
    assert syn_acks(seconds, retries) == wanted


@needs_link
def test_a_real_attack_floods_who_never_asked_only_where_nobody_asks_for_a_cookie(tmp_path: Path) -> None:
    """Three servers, five victims, one link: only the server without a check lets the room's messages out."""
    net = network()
    place = net.place(Conditions(net.kind, "clean"), "")
    plan = Plan(members=3, rate=30.0, again=5.0, seconds=1.6)
    with stage(threading.Event(), lambda _: None) as here:
        made = attack_all(here, place, plan, tmp_path / "attack.pcapng")
    room = {name: toll.count("room") for name, toll in made.victims.items()}
    assert room.pop("floor") == made.members["floor-udp"].count("room") > 40
    assert set(room.values()) == {0}
    assert made.victims["udp"].count("challenge") == 1
    assert made.victims["udp-again"].count("challenge") == made.victims["udp-again"].count("hello") == 8
    assert [one.kind for one in made.victims["tcp"].packets] == ["SYN", "SYN-ACK", "blind hello", "reset"]
    assert made.victims["deaf"].count("SYN-ACK") >= 1
    assert made.repeats >= 1

"""The contestants as they are: each is started once, and spoken to by a load of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.cells import cell_len

from benchmarks.bench.loads import LOADS, Load
from benchmarks.bench.measuring import Places, Run, measure
from benchmarks.bench.report import Report
from benchmarks.contestants import CONTESTANTS, irc
from benchmarks.contestants.irc import IrcMember
from benchmarks.contestants.raw import RawMember
from benchmarks.stage import Interrupted

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
"""Guards against hanging, not against slowness."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench needs Linux")

needs_ngircd = pytest.mark.skipif(not irc.program(), reason="no ngircd here: apt install ngircd")

HANDFUL = Load(members=3, senders=3, rate=60, seconds=0.2)
FLOOD = Load(members=3, senders=2, rate=60, seconds=0.3, flood=5000, allowance=True)


def run(contestant: str, load: Load, monkeypatch: pytest.MonkeyPatch) -> Report:
    """One run with a load of the test's own."""
    monkeypatch.setitem(LOADS, "test", load)
    never = threading.Event()
    return measure(Run(contestant, "test"), 1, Places.here(), never, lambda _: None, quick=False)


@pytest.mark.parametrize(
    "contestant", [pytest.param(name, marks=needs_ngircd if name == "ngircd" else ()) for name in CONTESTANTS]
)
def test_everybody_hears_everybody(contestant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three members, a handful of messages: nothing is lost, doubled or out of order, whoever relays it."""
    report = run(contestant, HANDFUL, monkeypatch)
    assert report.sent_messages == report.planned_messages > 0
    others = 3 if CONTESTANTS[contestant].echoes else 2
    assert report.delivered == report.expected == others * report.sent_messages
    assert (report.doubled, report.out_of_order, report.unreadable) == (0, 0, 0)
    assert not report.still_coming
    assert report.cpu_s is not None
    assert report.cpu_s > 0
    assert report.memory_joined is not None


@pytest.mark.parametrize("contestant", ["tcp", "udp", "naive"])
def test_in_turn_everybody_says_the_next_when_the_last_was_heard(
    contestant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one message outstanding nothing is cut or lost, whether or not a sender is sent its own."""
    report = run(contestant, Load(members=3, senders=3, seconds=0.2), monkeypatch)
    assert report.sent_messages > 3
    assert report.delivered == report.expected
    assert report.unreadable == 0
    assert report.same_order or contestant == "naive"


def test_a_flood_over_tcp_is_slowed_down_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server reads more slowly; what it has read, everybody gets."""
    report = run("tcp", FLOOD, monkeypatch)
    assert 0 < report.flood_seen < report.flooded
    assert report.flood_holes == 0
    assert report.delivered == report.expected


def test_a_flood_over_udp_loses_its_surplus_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else loses anything."""
    report = run("udp", FLOOD, monkeypatch)
    assert report.flood_holes > 0
    assert report.told_too_fast > 0
    assert report.delivered == report.expected


def test_who_stops_reading_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else gets everything."""
    load = Load(members=3, senders=2, rate=60, size=512, seconds=0.2, stopped=True)
    report = run("tcp", load, monkeypatch)
    assert report.delivered == report.expected == 2 * report.sent_messages > 0


def test_a_wish_to_stop_ends_a_run() -> None:
    """With everything that it started; a thread left behind would fail this test."""
    wish = threading.Event()
    wish.set()
    with pytest.raises(Interrupted):
        measure(Run("floor", "cost"), 1, Places.here(), wish, lambda _: None, quick=True)


def bench(*words: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "benchmarks.bench", *words]


def test_the_bench_from_end_to_end(tmp_path: Path) -> None:
    """One row of it, in 80 columns and as JSON."""
    path = tmp_path / "bench.json"
    done = subprocess.run(
        bench("--quick", "--repeats", "1", "--only", "everybody-udp", "--json", str(path)),
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == "run 1 of 2: floor-udp, everybody"
    lines = done.stdout.splitlines()
    assert lines[-1] in ("0 of 1 hold.", "1 of 1 hold.")
    assert max(map(cell_len, lines)) <= 80
    assert "these are not the figures of a claim" in done.stdout
    raw = json.loads(path.read_text())
    assert raw["ended"] == "complete"
    assert [run["contestant"] for run in raw["runs"]] == ["floor-udp", "udp"]
    (figure,) = raw["figures"]
    rates = [run["deliveries_per_s"] for run in raw["runs"]]
    assert figure["values"] == [pytest.approx(rates[1] / rates[0])]


def test_an_interrupted_bench_exits_with_130() -> None:
    """Ctrl-C in the middle of a run."""
    process = subprocess.Popen(
        bench("--only", "cost"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("run 1 of 20")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Interrupted after 0 of 20 runs." in errors


# --- what the drivers make of what they receive ---------------------------------------------------


def test_a_raw_member_is_in_when_it_is_announced() -> None:
    """Cut anywhere, and not when somebody else is."""
    member = RawMember("m1", 3, "m1", repeat=False)
    assert member.begin(0.0) == [b"m1"]
    for piece in (b"m11 has joined\n", b"m1 has", b" joined\nm2"):
        assert not member.ready
        member.receive(piece, 0.0)
    assert member.ready


def test_a_raw_member_repeats_itself_only_over_udp() -> None:
    """Until it was heard."""
    for repeat in (False, True):
        member = RawMember("m1", 3, "m1 has joined\n", repeat=repeat)
        first = member.begin(0.0)
        assert member.wake(0.1) == []
        assert member.wake(0.3) == (first if repeat else [])
        member.receive(first[0], 0.4)
        assert member.wake(9.0) == []


def test_an_irc_member_joins_and_hears() -> None:
    """As RFC 2812 has it, with lines cut anywhere."""
    member = IrcMember("m1", 3)
    assert member.begin(0.0) == [b"NICK m1\r\nUSER m1 0 * :m1\r\n"]
    member.receive(b"PING :77\r\n:lab 001 m1 :Welcome\r\n:lab 422 m1 :no mo", 0.0)
    assert member.replies == [b"PONG :77\r\n", b"JOIN #room\r\n"]
    member.receive(b"td\r\n:m1!~m1@h JOIN :#room\r\n:lab 353 m1 = #room :@m0 m1\r\n", 0.0)
    assert not member.joined
    member.receive(b":lab 366 m1 #room :End\r\n", 0.0)
    assert (member.joined, member.ready) == (True, False)
    heard = member.receive(b":m2!~m2@h JOIN :#room\r\n:m2!~m2@h PRIVMSG #room :a :b\r\n", 0.0)
    assert (member.ready, heard, member.problem) == (True, ["a :b"], "")
    assert member.say("hi") == b"PRIVMSG #room :hi\r\n"


@pytest.mark.parametrize("line", [b"ERROR :Too many\r\n", b":lab 433 * m1 :Nickname already in use\r\n"])
def test_an_irc_member_says_why_it_is_refused(line: bytes) -> None:
    """In the server's words."""
    member = IrcMember("m1", 3)
    member.receive(line, 0.0)
    assert member.problem.startswith("the server refused m1: ")

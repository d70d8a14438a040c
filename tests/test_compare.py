"""The comparison as a person runs it: real servers, real load processes, an interruption, a failure."""

import csv
import gzip
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from benchmarks.child import Child, Said
from benchmarks.deliveries import read_deliveries
from benchmarks.drivers.tcp import Tcp
from benchmarks.drivers.udp import Udp
from benchmarks.estimate import share
from benchmarks.link import namespace
from benchmarks.measure import deliveries, measure
from benchmarks.network import Conditions, Emulated, Relayed
from benchmarks.options import parse
from benchmarks.run import Plan, run
from benchmarks.stage import Failed, Interrupted
from tests.emulated import needs_link

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
"""Guards against hanging, not against slowness."""

SHORT = Plan(members=2, senders=2, rate=50, seconds=0.2, processes=1)


def place(conditions: Conditions) -> Emulated:
    """A link for one run."""
    return Emulated(conditions, namespace.way_in())


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux' /proc")


def compare(*words: str, path: str = "", **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run `python -m benchmarks.compare` to its end."""
    command = [sys.executable, "-m", "benchmarks.compare", *words]
    environment = os.environ | {"COLUMNS": "80"} | ({"PATH": path} if path else {})
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **more,
    )


def children(pid: int) -> list[int]:
    """The processes that `pid` has started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # a thread that has ended meanwhile
            found += map(int, (task / "children").read_text().split())
    return found


def command_line(pid: int) -> str:
    """What a process was started as; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def runs_still(pid: int) -> bool:
    """Whether there is such a process (and not only what is left of one)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def without_lost(row: dict[str, str]) -> bool:
    """Whether a line of the CSV file is a delivery."""
    return row["received_s"] != ""


def test_a_short_comparison_from_beginning_to_end(tmp_path: Path) -> None:
    """Over TCP nothing is lost, doubled or overtaken; the table, the JSON and the CSV say the same."""
    options = ["--seconds", "1", "--repeats", "1", "--members", "4", "--rate", "100", "--senders", "3"]
    done = compare("--profiles", "loopback", *options, "--results", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    raw = json.loads(done.stdout)
    (saved,) = tmp_path.iterdir()
    assert {"result.json", "deliveries.csv.gz", "report.html", "figures"} <= {
        path.name for path in saved.iterdir()
    }
    assert json.loads((saved / "result.json").read_text()) == raw
    assert raw["ended"] == "complete"
    assert raw["again"][:3] == ["python", "-m", "benchmarks.compare"]
    tcp, udp = raw["runs"]
    assert (tcp["transport"], udp["transport"]) == ("tcp", "udp")
    assert (tcp["lost"], tcp["doubled"], tcp["out_of_order"], tcp["unreadable"]) == (0, 0, 0, 0)
    assert tcp["sent_messages"] == udp["sent_messages"] == tcp["planned_messages"] > 0
    with gzip.open(saved / "deliveries.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    for found in (tcp, udp):
        mine = [row for row in rows if row["transport"] == found["transport"]]
        assert len(mine) == found["expected"] == 4 * found["sent_messages"]
        assert sum(map(without_lost, mine)) == found["delivered"] == found["latency"]["n"]
        assert sum(max(int(row["copies"]) - 1, 0) for row in mine) == found["doubled"]
        slowest = max(
            float(row["received_s"]) - float(row["scheduled_s"]) for row in filter(without_lost, mine)
        )
        assert slowest == pytest.approx(found["latency"]["max"], abs=1e-8)
        assert {row["sender"] for row in mine} <= {"0", "1", "2"}
    schedules = [
        {(row["sender"], row["number"], row["scheduled_s"]) for row in rows if row["transport"] == name}
        for name in ("tcp", "udp")
    ]
    assert schedules[0] == schedules[1]
    table = done.stderr
    assert f"{tcp['expected']:,}" in table
    assert "tcp" in table
    assert "A single run has no spread" in table
    assert max(map(len, table.partition("Saved:")[0].splitlines())) <= 80


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_full_disk_costs_the_files_and_not_the_table(tmp_path: Path) -> None:
    """One sentence on standard error, exit code 1, no half of a file."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    words = [
        "--profiles",
        "loopback",
        "--transports",
        "tcp",
        "--repeats",
        "1",
        "--seconds",
        "0.3",
        "--members",
        "2",
    ]
    done = compare(*words, "--results", str(tmp_path), preexec_fn=limit)
    assert done.returncode == 1
    assert "since due" in done.stdout
    assert done.stderr.splitlines()[-1].startswith(f"The results could not be saved in {tmp_path}: ")
    assert list(tmp_path.iterdir()) == []


@contextmanager
def comparing(*words: str) -> Iterator["subprocess.Popen[str]"]:
    """A comparison while it runs; interrupted if it still does at the end, so that it ends what it started."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.compare", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=PATIENCE)


def wait_for_child(pid: int, words: str) -> int:
    """The process with these words in its command line, once `pid` has started it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for child in children(pid):
            if words in command_line(child):
                return child
        time.sleep(0.01)
    raise AssertionError(f"nothing was started as {words}")


def namespaces_in_use() -> set[str]:
    """The network namespaces that any process is in."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/ns/net"):
        with suppress(OSError):  # it has ended meanwhile
            found.add(os.readlink(entry))
    return found


@needs_proc
@pytest.mark.parametrize("where", ["loopback", pytest.param("lossy", marks=needs_link)])
def test_ctrl_c_keeps_what_was_measured(where: str, tmp_path: Path) -> None:
    """In the second run: the first is shown and saved, exit code 130, and no process and no namespace is left."""
    words = ["--seconds", "2", "--repeats", "3", "--members", "2", "--results", str(tmp_path)]
    with comparing("--profiles", where, *words) as process:
        wait_for_child(process.pid, "benchmarks.load --driver udp")
        family = list(filter(runs_still, children(process.pid)))
        spaces = {os.readlink(f"/proc/{pid}/ns/net") for pid in family} - {os.readlink("/proc/self/ns/net")}
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert len(family) == (2 if where == "loopback" else 3)
    assert len(spaces) == (0 if where == "loopback" else 1)
    assert process.returncode == 130, err
    assert "Interrupted after 1 of 6 runs." in err
    assert "tcp" in out
    (saved,) = tmp_path.iterdir()
    assert json.loads((saved / "result.json").read_text())["ended"] == "interrupted"
    assert not any(map(runs_still, family))
    assert not spaces & namespaces_in_use()


@needs_proc
def test_a_load_process_that_dies_is_named(tmp_path: Path) -> None:
    """Everything else is ended, exit code 1."""
    words = ["--profiles", "loopback", "--seconds", "30", "--processes", "2", "--results", str(tmp_path)]
    with comparing(*words) as process:
        victim = wait_for_child(process.pid, "--share 1/2")
        family = children(process.pid)
        os.kill(victim, signal.SIGKILL)
        _, err = process.communicate(timeout=PATIENCE)
    assert len(family) == 3
    assert process.returncode == 1
    assert "load process 2 of 2 was ended by signal 9" in err
    assert not any(map(runs_still, family))
    assert list(tmp_path.iterdir()) == []


class Broken(Tcp):
    """A server that does not start."""

    def server(self, host: str, port: int) -> list[str]:
        return [sys.executable, "-c", "import sys; sys.exit('no such luck')"]


class Missing(Tcp):
    """A server that is not installed."""

    def server(self, host: str, port: int) -> list[str]:
        return ["/no/such/program"]


def test_a_server_that_does_not_start_is_named_with_its_last_words() -> None:
    """And so is one that is not there."""
    with pytest.raises(Failed, match=r"The tcp server ended with exit code 1 and said:\nno such luck"):
        run(Broken(), SHORT, threading.Event(), lambda _: None)
    with pytest.raises(Failed, match=r"The tcp server can't be started: /no/such/program"):
        run(Missing(), SHORT, threading.Event(), lambda _: None)


def test_an_interrupted_run_ends_at_once() -> None:
    """The wish is seen before anything is waited for."""
    interrupted = threading.Event()
    interrupted.set()
    with pytest.raises(Interrupted):
        run(Tcp(), SHORT, interrupted, lambda _: None)


@pytest.mark.skipif(sys.platform == "win32", reason="a signal can't be ignored there")
def test_a_child_that_does_not_want_to_end_is_ended() -> None:
    """SIGTERM first, SIGKILL after a while."""
    said: SimpleQueue[Said] = SimpleQueue()
    stubborn = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(99)"
    )
    child = Child("stubborn", [sys.executable, "-c", stubborn], said)
    assert said.get(timeout=PATIENCE).line == "here\n"
    child.ask_to_end()
    child.end()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--members 0", "'0' is no number of members"),
        ("--members ten", "'ten' is no number of members"),
        ("--senders 11", "11 senders can't be among 10 members"),
        ("--processes 3 --members 2", "3 processes have nobody to play among 2 members"),
        ("--size 55", "'55' is no size of a text"),
        ("--size 16384", "'16384' is no size of a text"),
        ("--rate nan", "'nan' is no rate"),
        ("--rate 0.1 --seconds 1", "nothing would be said"),
        ("--rate 100000 --seconds 60", "deliveries a run"),
        ("--members 50 --rate 2000 --seconds 6 --profiles lossy --repeats 6", "deliveries in 12 runs"),
        ("--rate 1 --seconds 600 --repeats 4 --profiles lossy", "take more than an hour"),
        ("--profiles clean,losy", "did you mean 'lossy'"),
        ("--profiles lossy,lossy", "names a profile twice"),
        ("--profiles lossy --up rate", "take either"),
        ("--link=loss", "loss"),
        ("--link=outage", "outage"),
        ("--profiles loopback --congestion reno", "leave it out"),
        ("--profiles lossy --congestion nonsense", "'nonsense'"),
        ("--transports tcp,sctp", "there is no transport 'sctp'"),
        ("--transports tcp,tcp", "names a transport twice"),
        ("--nonsense", "--nonsense"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anything was started."""
    with pytest.raises(SystemExit) as ended:
        parse(words.split())
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert says.lower() in err.lower()
    assert err.count("\n") == 1


def test_runs_take_turns() -> None:
    """Every other repeat begins with the other transport."""
    runs = parse(["--repeats", "3", "--profiles", "lossy"]).runs("emulated")
    assert [name for _, name, _ in runs] == ["tcp", "udp", "udp", "tcp", "tcp", "udp"]
    assert [repeat for _, _, repeat in runs] == [1, 1, 2, 2, 3, 3]


def test_where_there_is_only_a_relay_tcp_is_measured_on_the_clean_network_alone() -> None:
    """And nothing is made up for the others."""
    runs = parse(["--repeats", "1", "--profiles", "clean,lossy,loopback"]).runs("relay")
    assert runs == [
        ("clean", "tcp", 1),
        ("clean", "udp", 1),
        ("lossy", "udp", 1),
        ("loopback", "tcp", 1),
        ("loopback", "udp", 1),
    ]


def test_the_command_line_to_make_it_again_is_complete() -> None:
    """What it says is understood, and means the same."""
    for link in (
        ["--profiles", "wifi,awful"],
        ["--link", "delay 20ms loss 5%", "--up", "rate 1mbit"],
        ["--quick"],
    ):
        options = parse(["--members", "4", "--rate", "33.5", "--transports", "udp,tcp", *link])
        words = options.argv()
        assert re.fullmatch(r"python -m benchmarks\.compare .*", " ".join(words))
        assert parse(words[3:]) == options


# --- across a bad network -------------------------------------------------------------------------


@needs_link
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tcp_over_a_lossy_link_delivers_everything_in_order(seed: int) -> None:
    """Whatever the seed; and what the kernel sent again is counted."""
    conditions = Conditions("emulated", "lossy", "delay 25ms loss 5%", "delay 25ms loss 5%", seed)
    options = parse(["--link", "delay 25ms loss 5%", "--seconds", "1"])
    observed = run(
        Tcp(), options.plan(seed, "tcp", conditions), threading.Event(), lambda _: None, place(conditions)
    )
    figures = measure(observed.records, 10, observed.planned)
    assert (figures.lost, figures.doubled, figures.out_of_order) == (0, 0, 0)
    assert figures.delivered > 0
    assert observed.account.kernel is not None
    assert observed.account.kernel["RetransSegs"] > 0


@needs_link
def test_udp_loses_on_the_way_up_and_on_the_way_down() -> None:
    """Of 20 % each way it delivers 80 % of 80 %, within what chance allows for so many messages."""
    conditions = Conditions("emulated", "custom", "loss 20%", "loss 20%", 7)
    options = parse(["--link", "loss 20%", "--seconds", "3"])
    observed = run(
        Udp(), options.plan(1, "udp", conditions), threading.Event(), lambda _: None, place(conditions)
    )
    fates = deliveries(observed.records, 10)
    clusters: dict[tuple[int, int], list[bool]] = {}
    for fate in fates:
        clusters.setdefault((fate.sent.sender, fate.sent.number), []).append(fate.received is not None)
    interval = share([(sum(came), len(came)) for came in clusters.values()], confidence=0.999)
    assert interval is not None
    assert interval.low <= 0.8 * 0.8 <= interval.high


@needs_link
def test_a_link_that_is_not_what_was_asked_for_is_not_measured_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probes find it out, in a sentence with what was asked for and what was seen."""
    asked = Conditions("emulated", "custom", "loss 20% delay 5ms", "loss 20% delay 5ms", 1)
    made = place(Conditions("emulated", "custom", "delay 5ms", "loss 20% delay 25ms", 1))
    monkeypatch.setattr(Conditions, "lines", asked.lines)
    with pytest.raises(
        Failed,
        match=r"not what it was asked to be.*up: asked for loss 20% delay 5ms, and the link says it is delay 5ms",
    ):
        run(Tcp(), SHORT, threading.Event(), lambda _: None, made)


def test_the_relay_impairs_udp_where_there_is_nothing_else() -> None:
    """Loss and delay arrive at the members; the relay says what it did."""
    conditions = Conditions("relay", "custom", "delay 20ms loss 20%", "delay 20ms loss 20%", 3)
    options = parse(["--link", "delay 20ms loss 20%", "--seconds", "2"])
    observed = run(
        Udp(), options.plan(1, "udp", conditions), threading.Event(), lambda _: None, Relayed(conditions)
    )
    figures = measure(observed.records, 10, observed.planned)
    assert 0.4 < figures.delivered / figures.expected < 0.85
    assert figures.latency.p50 is not None
    assert figures.latency.p50 >= 0.040
    assert observed.account.link is not None
    assert observed.account.link["up"]["dropped"]["loss"] > 0
    assert observed.account.tcp_info is None


@needs_link
def test_a_comparison_across_a_link_from_beginning_to_end(tmp_path: Path) -> None:
    """The table, the report, the captures; and what was measured is in the files."""
    words = ["--link", "delay 10ms loss 5%", "--seconds", "1.5", "--repeats", "2", "--results", str(tmp_path)]
    done = compare(*words)
    assert done.returncode == 0, done.stderr
    (saved,) = tmp_path.iterdir()
    raw = json.loads((saved / "result.json").read_text())
    tcp, udp = raw["summary"]
    assert (tcp["transport"], tcp["lost"], tcp["out_of_order"]) == ("tcp", 0, 0)
    assert tcp["retransmissions"] > 0
    assert udp["lost"] > 0
    assert sum(run["lost"] for run in raw["runs"] if run["transport"] == "udp") == udp["lost"]
    assert {path.name for path in (saved / "captures").iterdir()} == {
        "custom-tcp.pcapng",
        "custom-udp.pcapng",
    }
    series = [one for which, one in read_deliveries(saved / "deliveries.csv.gz").items() if which[1] == "udp"]
    counted = sum(math.isnan(latency) for one in series for latency in one.latency)
    assert counted == udp["lost"]
    assert "custom" in done.stdout
    assert "UDP" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_what_can_not_be_shown_is_saved_all_the_same(tmp_path: Path) -> None:
    """A terminal that takes nothing, a pipe that nobody reads: minutes of measuring are not lost with them."""
    words = [
        "--profiles",
        "loopback",
        "--seconds",
        "0.3",
        "--repeats",
        "1",
        "--members",
        "2",
        "--results",
        str(tmp_path),
    ]
    command = " ".join([sys.executable, "-m", "benchmarks.compare", *words])
    for number, end in enumerate(("> /dev/full", "| true", "2>/dev/null | head -1"), 1):
        done = subprocess.run(
            ["sh", "-c", f"{command} {end}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert len([path for path in tmp_path.iterdir() if (path / "report.html").exists()]) == number


def test_a_comparison_fits_into_three_minutes_and_a_quick_one_into_45_seconds() -> None:
    """As far as its parts can be foreseen; the report at the end takes three seconds more."""
    for words, most in (([], 175), (["--quick"], 43)):
        options = parse(words)
        runs = options.runs("emulated")
        assert (
            sum(options.expected_seconds(profile, repeat, "emulated") for profile, _, repeat in runs) < most
        )


@needs_proc
def test_where_no_network_can_be_emulated_it_says_so_and_what_is_done_instead(tmp_path: Path) -> None:
    """In plain words, with the remedy; TCP is not impaired, and no figure claims that it was."""
    words = ["--profiles", "clean,lossy", "--seconds", "0.5", "--repeats", "1", "--results", str(tmp_path)]
    # Without unshare in the PATH there is no way in; on other systems there is none anyway.
    done = compare(*words, path=str(Path(sys.executable).parent))
    assert done.returncode == 0, done.stderr
    assert "No network can be emulated here" in done.stderr
    assert "util-linux" in done.stderr or sys.platform != "linux"
    assert "TCP can't be impaired that way" in done.stderr
    (saved,) = tmp_path.iterdir()
    raw = json.loads((saved / "result.json").read_text())
    assert [(run["profile"], run["transport"], run["network"]) for run in raw["runs"]] == [
        ("clean", "tcp", "loopback"),
        ("clean", "udp", "relay"),
        ("lossy", "udp", "relay"),
    ]
    assert "not impaired" in done.stdout

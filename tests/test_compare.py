"""The comparison as a person runs it: real servers, real load processes, an interruption, a failure."""

import csv
import json
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
from benchmarks.drivers.tcp import Tcp
from benchmarks.options import parse
from benchmarks.run import Failed, Interrupted, Plan, run

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
"""Guards against hanging, not against slowness."""

SHORT = Plan(members=2, senders=2, rate=50, seconds=0.2, processes=1)
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux' /proc")


def compare(*words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run `python -m benchmarks.compare` to its end."""
    command = [sys.executable, "-m", "benchmarks.compare", *words]
    environment = os.environ | {"COLUMNS": "80"}
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
    done = compare(*options, "--results", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    raw = json.loads(done.stdout)
    saved = {path.suffix: path for path in tmp_path.iterdir()}
    assert set(saved) == {".json", ".csv"}
    assert json.loads(saved[".json"].read_text()) == raw
    assert raw["ended"] == "complete"
    assert raw["again"][:3] == ["python", "-m", "benchmarks.compare"]
    tcp, udp = raw["runs"]
    assert (tcp["transport"], udp["transport"]) == ("tcp", "udp")
    assert (tcp["lost"], tcp["doubled"], tcp["out_of_order"], tcp["unreadable"]) == (0, 0, 0, 0)
    assert tcp["sent_messages"] == udp["sent_messages"] == tcp["planned_messages"] > 0
    with saved[".csv"].open(newline="") as file:
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

    words = ["--transports", "tcp", "--repeats", "1", "--seconds", "0.3", "--members", "2"]
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


@needs_proc
def test_ctrl_c_keeps_what_was_measured(tmp_path: Path) -> None:
    """In the second run: the first is shown and saved, exit code 130, and nobody is left behind."""
    words = ["--seconds", "2", "--repeats", "3", "--members", "2", "--results", str(tmp_path)]
    with comparing(*words) as process:
        wait_for_child(process.pid, "benchmarks.load --driver udp --host 127.0.0.1")
        wait_for_child(process.pid, "--share 1/2")
        family = children(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert len(family) == 3
    assert process.returncode == 130, err
    assert "Interrupted after 1 of 6 runs." in err
    assert "tcp (1 run" in out
    assert [json.loads(path.read_text())["ended"] for path in tmp_path.glob("*.json")] == ["interrupted"]
    assert not any(map(runs_still, family))


@needs_proc
def test_a_load_process_that_dies_is_named(tmp_path: Path) -> None:
    """Everything else is ended, exit code 1."""
    with comparing("--seconds", "30", "--results", str(tmp_path)) as process:
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
        ("--members 50 --rate 2000 --repeats 6", "deliveries in 12 runs"),
        ("--rate 1 --seconds 600 --repeats 4", "take more than an hour"),
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
    runs = parse(["--repeats", "3"]).runs()
    assert [name for name, _ in runs] == ["tcp", "udp", "udp", "tcp", "tcp", "udp"]
    assert [repeat for _, repeat in runs] == [1, 1, 2, 2, 3, 3]


def test_the_command_line_to_make_it_again_is_complete() -> None:
    """What it says is understood, and means the same."""
    options = parse(["--members", "4", "--rate", "33.5", "--transports", "udp,tcp"])
    words = options.argv()
    assert re.fullmatch(r"python -m benchmarks\.compare .*", " ".join(words))
    assert parse(words[3:]) == options

"""A torture of a few seconds, from end to end: it finds nothing, and leaves nobody behind."""

import os
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

from benchmarks.child import ROOT
from benchmarks.stage import Failed, Interrupted
from benchmarks.torture.checks import checks
from benchmarks.torture.findings import Findings
from benchmarks.torture.forging import forge, way_in
from benchmarks.torture.part import torment
from benchmarks.torture.plan import Plan
from benchmarks.torture.show import document
from benchmarks.torture.theatre import theatre
from tests.emulated import needs_link
from tests.lab import PATIENCE

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody can be killed here")


class Short(Plan):
    """A little of everything."""

    @property
    def hostile_seconds(self) -> float:
        return 1.5

    @property
    def warm_up_seconds(self) -> float:
        return 0.5

    @property
    def restart_seconds(self) -> float:
        return 0.5

    @property
    def forging_seconds(self) -> float:
        return 1.0

    @property
    def hostile(self) -> int:
        return 3000


def short(transport: str) -> Short:
    """For one transport."""
    return Short(minutes=0.1, transports=(transport,), members=4, rate=5.0)


def assert_all_holds(found: Findings) -> None:
    """Everything that is to hold, does."""
    wrong = [check for check in checks(found) if check.holds is False]
    assert not wrong, document(short("tcp"), {}, found)


def test_a_short_torture_finds_nothing(transport: str) -> None:
    """The members converse through all of it, and are back after the restart."""
    acts: list[str] = []
    with theatre(threading.Event(), lambda _: None) as stage:
        part = torment(stage, short(transport), transport, acts.append)
    assert acts == ["joining", "warm-up", "hostile acts", "silence", "restart"]
    assert_all_holds(Findings(parts=[part]))
    assert {name for name, report in part.acts.items() if report.sent} >= {"silent", "resets", "killed"}
    assert part.acts["frames" if transport == "tcp" else "datagrams"].sent >= 3000
    assert part.log.kinds["joined"] >= 4
    assert part.log.counted["messages received"] > 1000


@needs_link
def test_forged_packets_come_to_nothing(transport: str) -> None:
    """In a network of their own."""
    way, _ = way_in()
    with theatre(threading.Event(), lambda _: None) as stage:
        forging = forge(stage, short(transport), transport, way, lambda _: None)
    assert_all_holds(Findings(forgings=[forging]))
    assert forging.report.sent >= forging.planned > 100
    if transport == "udp":
        assert forging.log.counted["dropped: no token"] > 10
        assert forging.log.counted["challenges"] > 10


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who is there")
def test_ctrl_c_ends_everybody() -> None:
    """In the middle of the acts: exit code 130, and nobody is left."""
    mark = f"TORTURED_{uuid.uuid4().hex}"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.torture", "--minutes", "1", "--transport", "tcp"],
        cwd=ROOT,
        env=os.environ | {mark: "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        while "warm-up" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "all that was started has ended" in errors
    assert "Traceback" not in errors
    assert not _marked(mark)


def _marked(mark: str) -> list[str]:
    """The processes that have this in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue  # it has ended, or is somebody else's
    return found


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--minutes", "0"], "'0' is no number of minutes"),
        (["--transport", "sctp"], "invalid choice: 'sctp'"),
    ],
)
def test_what_it_does_not_take(words: list[str], sentence: str) -> None:
    """A sentence, and exit code 2."""
    command = [sys.executable, "-m", "benchmarks.torture", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_server_that_dies_is_quoted() -> None:
    """With its exit code and the end of its log: that is what a torture is for."""
    with pytest.raises(Failed) as failed:
        _lose_a_server()
    assert "The server ended with exit code 1" in str(failed.value)
    assert "hello\nthe last straw" in str(failed.value)


def _lose_a_server() -> None:
    dies = [sys.executable, "-c", "import sys; print('hello', flush=True); sys.exit('the last straw')"]
    with theatre(threading.Event(), lambda _: None) as stage:
        stage.start_server("The server", dies)
        stage.pause("waiting", PATIENCE)


def test_who_wants_no_more_is_heard_at_once() -> None:
    """Whatever the theatre waits for."""
    wish = threading.Event()
    wish.set()
    with pytest.raises(Interrupted), theatre(wish, lambda _: None) as stage:
        stage.pause("waiting", PATIENCE)

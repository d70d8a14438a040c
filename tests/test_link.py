"""The link with real sockets: what a program finds that is run across it, and what is left when it has ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.estimate import wilson
from benchmarks.link import __main__ as command
from benchmarks.link.capture import read
from benchmarks.traffic import FILTER, events
from common import interrupts
from tests.emulated import needs_link

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0
"""Guards against hanging, not against slowness."""


pytestmark = needs_link

IS_ROOT = sys.platform != "win32" and os.geteuid() == 0

PROBE = [sys.executable, "-m", "benchmarks.link.probe", "--server", "10.7.0.1", "--client", "10.7.0.2"]

STREAM = """
import fcntl, json, socket, struct, sys, termios, threading, time
from benchmarks import tcp_info
count = int(sys.argv[1])
listener = socket.create_server(("10.7.0.1", 4242))
client = socket.create_connection(("10.7.0.2", 4242))
server, _ = listener.accept()
def send():
    for number in range(count):
        server.sendall(number.to_bytes(4, "big") * 250)
sending = threading.Thread(target=send)
sending.start()
data = bytearray()
while len(data) < 1000 * count:
    piece = client.recv(65536)
    if not piece:
        break
    data += piece
sending.join()
expected = b"".join(number.to_bytes(4, "big") * 250 for number in range(count))
while struct.unpack("i", fcntl.ioctl(server, termios.TIOCOUTQ, bytes(4)))[0]:
    time.sleep(0.01)  # not all of it is acknowledged: the kernel may still send some of it again
sockets = tcp_info.sockets()
until = time.time_ns()
print(json.dumps({"right": data == expected, "tcp_info": tcp_info.summarise(sockets), "until": until}))
"""
"""A server sends numbered kilobytes over TCP; the client says whether it got them all, in order."""


def link(
    *words: str, environment: dict[str, str] | None = None, **more: Any
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m benchmarks.link` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.link", *words],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "120"} | (environment or {}),
        text=True,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        **more,
    )


def probes(*words: str, count: int = 2000, rate: int = 1000) -> tuple[dict[str, Any], str]:
    """What probes see across a link; and what the link says of itself."""
    command = [*PROBE, "--count", str(count), "--rate", str(rate), "--wait", "0.4"]
    ran = link(*words, "--", *command, input="meet\nexchange\n")
    assert ran.returncode == 0, ran.stderr
    seen: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])["seen"]
    return seen, ran.stderr


def test_loss_asked_and_loss_measured_agree() -> None:
    """Within the Wilson 99 % interval of 10,000 probes each way, and differently up and down."""
    seen, account = probes("--up", "loss 5%", "--down", "loss 20%", count=10_000, rate=4000)
    for direction, asked in (("up", 0.05), ("down", 0.20)):
        sent, received = seen[direction]["sent"], seen[direction]["received"]
        interval = wilson(sent - received, sent, 0.99)
        assert interval is not None
        assert interval.low <= asked <= interval.high, account


def test_delay_is_what_was_asked_for_and_never_less() -> None:
    """The median is at least what was asked for, and by less than a millisecond more. (A median: single probes
    of a busy machine are late, and say nothing about the link.)"""
    seen, _ = probes("--delay", "20ms", count=500, rate=500)
    for direction in ("up", "down"):
        assert 0.020 <= seen[direction]["delay_p50"] < 0.021


def test_a_link_without_impairment_loses_nothing() -> None:
    """Nothing is dropped that nobody asked to drop."""
    seen, _ = probes(count=3000, rate=3000)
    assert [seen[direction]["received"] for direction in ("up", "down")] == [3000, 3000]


@pytest.mark.parametrize("seed", [1, 2])
def test_tcp_delivers_everything_in_order_whatever_the_link_does(seed: int) -> None:
    """Loss, jitter, reordering, duplicates and damage: the kernel's own TCP mends them, and counts what it sent
    again."""
    words = [
        "--loss",
        "5%",
        "--delay",
        "5ms",
        "3ms",
        "--reorder",
        "5%",
        "--duplicate",
        "2%",
        "--corrupt",
        "1%",
    ]
    ran = link(*words, "--seed", str(seed), "--", sys.executable, "-c", STREAM, "500")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["right"]
    assert told["tcp_info"]["total_retrans"] > 0


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is missing: sudo apt install tshark")
@pytest.mark.parametrize(
    "words",
    [["--loss", "5%", "--delay", "5ms"], ["--loss", "10%", "--delay", "2ms", "2ms", "--reorder", "10%"]],
    ids=["loss", "loss and reordering"],
)
def test_tshark_finds_the_retransmissions_that_the_kernel_counted(words: list[str], tmp_path: Path) -> None:
    """Wireshark, the kernel's TCP_INFO and our own reading of the capture agree (`traffic.py` says how well)."""
    pcap = tmp_path / "link.pcapng"
    ran = link(*words, "--pcap", str(pcap), "--", sys.executable, "-c", STREAM, "400")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    counted = told["tcp_info"]["total_retrans"]
    until = f"{told['until'] / 1e9:.9f}"
    shark = subprocess.run(
        ["tshark", "-n", "-r", str(pcap), "-Y", f"({FILTER}) && frame.time_epoch <= {until}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    found = len(shark.stdout.splitlines())
    ours = sum(event.kind == "retransmission" and event.time_ns <= told["until"] for event in events(pcap))
    assert counted > 10
    assert ours == counted
    assert found == counted


def test_the_capture_holds_what_happened(tmp_path: Path) -> None:
    """Every packet that entered is in it, and those that the link dropped say so."""
    pcap = tmp_path / "link.pcapng"
    ran = link("--loss", "10%", "--pcap", str(pcap), "--", *PROBE, "--count", "200", input="meet\nexchange\n")
    assert ran.returncode == 0, ran.stderr
    captured = list(read(pcap))
    seen = json.loads(ran.stdout.splitlines()[-1])["seen"]
    for direction in ("up", "down"):
        there = [one for one in captured if one.direction == direction and one.length == 28 + 16]
        assert len(there) == seen[direction]["sent"]
        dropped = sum(one.comment == "dropped by loss" for one in there)
        assert dropped == seen[direction]["sent"] - seen[direction]["received"]


def test_it_changes_while_it_runs() -> None:
    """--at: first everything passes, then nothing; an outage likewise."""
    for words in (["--at", "1s", "loss 100%"], ["--outage", "1s", "60s"]):
        seen, _ = probes(*words, count=1500, rate=1000)
        assert 0 < seen["down"]["received"] < 1500


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_the_commands(code: int) -> None:
    """A link is transparent for scripts."""
    assert link("--", "sh", "-c", f"exit {code}").returncode == code


def test_a_command_ended_by_a_signal_is_reported_as_a_shell_does() -> None:
    """128 and the signal's number."""
    assert link("--", "sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--loss", "120%"], "120%"),
        (["--delay", "20 bananas"], "bananas"),
        (["--reorder", "25%"], "delay"),
        (["--profile", "losy"], "lossy"),
        (["--", "no-such-program-here"], "no-such-program-here"),
        (["--"], "command"),
        (["--at", "10s"], "--at"),
        (["--pcap", "/no/such/place/x.pcapng", "--", "true"], "/no/such/place"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(words: list[str], said: str) -> None:
    """Exit code 2, the word that was wrong, no traceback."""
    ran = link(*words)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_link_inside_a_link_is_refused() -> None:
    """And so is a comparison there, which makes links of its own."""
    for module in ("benchmarks.link", "benchmarks.compare"):
        ran = link("--loss", "1%", "--", sys.executable, "-m", module)
        assert ran.returncode == 2
        assert "inside a link" in ran.stderr


def _namespaces() -> set[str]:
    """The network namespaces that somebody is in."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(os.readlink(entry))
        except OSError:
            continue  # it has ended
    return found


def test_nothing_stays_behind() -> None:
    """No process that the command has left running, not even a stubborn one, and so no namespace."""
    stubborn = "trap '' HUP TERM; sleep 300 & nohup sleep 300 >/dev/null 2>&1 & readlink /proc/self/ns/net"
    ran = link("--", "sh", "-c", stubborn)
    assert ran.returncode == 0, ran.stderr
    assert "sleep" in ran.stderr
    assert ran.stdout.startswith("net:[")
    assert ran.stdout.strip() not in _namespaces()


def test_ctrl_c_is_for_the_command() -> None:
    """The link goes on until the command has ended, and then says what it did."""
    words = [
        sys.executable,
        "-m",
        "benchmarks.link",
        "--",
        "sh",
        "-c",
        "trap 'echo caught; exit 7' INT; echo here; sleep 60 & wait",
    ]
    running = subprocess.Popen(
        words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "here\n"
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    out, err = running.communicate(timeout=PATIENCE)
    assert set(out.splitlines()) == {"caught"}  # while it starts, it may hear it from us, too
    assert running.returncode == 7
    assert "packets in" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_asks_to_end_while_the_command_starts_is_heard(
    number: signal.Signals, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is asked as soon as there is one, and the link itself goes on until it has ended."""
    start = subprocess.Popen

    def interrupted(*words: Any, **more: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), number)
        child = start(*words, **more)
        if when == "after":
            os.kill(os.getpid(), number)
        return child

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    handlers = {one: signal.getsignal(one) for one in interrupts.SIGNALS}
    try:
        child = command._start(["sleep", "60"], dict(os.environ))
        assert child.wait(PATIENCE) == -number
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)


def test_another_terminal_can_join_and_change_the_link() -> None:
    """--join runs in the same network, --set changes what it does."""
    words = [
        sys.executable,
        "-m",
        "benchmarks.link",
        "--delay",
        "1ms",
        "--",
        "sh",
        "-c",
        "echo here; read line",
    ]
    running = subprocess.Popen(
        words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdout is not None
    try:
        assert running.stdout.readline() == "here\n"
        inside = f"/proc/{running.pid}/ns/net"
        joined = link("--join", "--pid", str(running.pid), "--", "readlink", "/proc/self/ns/net")
        assert joined.stdout.strip() == os.readlink(inside), joined.stderr
        change = link("--set", "loss 20%", "--pid", str(running.pid))
        assert "loss 20% delay 1ms" in change.stdout, change.stderr
        assert link("--set", "los 20%", "--pid", str(running.pid)).returncode == 2
    finally:
        running.communicate("\n", timeout=PATIENCE)
    assert link("--join", "--pid", str(running.pid)).returncode == 2


# --- the ordinary user ----------------------------------------------------------------------------

NOBODY = 65534


@pytest.fixture
def own_copy() -> Iterator[tuple[Path, str]]:
    """The lab and what the link needs, where everybody may read it; and a Python that everybody may run."""
    import rich

    packages = Path(rich.__file__).parent.parent
    with tempfile.TemporaryDirectory(prefix="lab-of-nobody-") as place:
        Path(place).chmod(0o755)
        for name in ("benchmarks", "common", "tcp", "udp"):
            shutil.copytree(
                ROOT / name, Path(place) / name, ignore=shutil.ignore_patterns("results", "__pycache__")
            )
        for name in ("rich", "pygments", "markdown_it", "mdurl"):
            shutil.copytree(packages / name, Path(place) / "packages" / name)
        for path in Path(place).rglob("*"):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            # By way of a shell: what setpriv itself starts is still looked up with what root may see.
            new_enough = f"exec {python} -c 'import sys; sys.exit(sys.version_info < (3, 11))'"
            check = [*_as_nobody(), "sh", "-c", new_enough]
            if subprocess.run(check, capture_output=True, check=False).returncode == 0:
                yield Path(place), python
                return
        pytest.skip("no Python 3.11 that user nobody may run: install python3 in /usr/bin")


def _as_nobody() -> list[str]:
    return [
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "--bounding-set=-all",
        "--",
    ]


@pytest.mark.skipif(not IS_ROOT, reason="the other tests of this file have been made as an ordinary user")
def test_an_ordinary_user_needs_no_root(own_copy: tuple[Path, str]) -> None:
    """User nobody, with no capability at all, has its link; /dev/net/tun is open to all, as on most systems."""
    place, python = own_copy
    # Where it is not, a mount namespace of the test's own has one that is: nothing of this machine is changed.
    device = place / "tun"
    os.mknod(device, 0o600 | 0o020000, os.makedev(10, 200))
    device.chmod(0o666)
    command = [*PROBE, "--count", "300", "--wait", "0.3"]
    command[0] = python
    words = [*_as_nobody(), python, "-m", "benchmarks.link", "--loss", "30%", "--", *command]
    script = f'mount --bind {device} /dev/net/tun && exec "$@"'
    ran = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *words],
        cwd=place,
        env={
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/",
            "PYTHONPATH": str(place / "packages"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "120",
        },
        input="meet\nexchange\n",
        text=True,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout.splitlines()[-1])["seen"]
    assert 100 < seen["up"]["received"] < 280
    assert "packets in" in ran.stderr


@pytest.mark.skipif(not IS_ROOT, reason="only root can forbid something to others")
def test_where_namespaces_are_forbidden_the_obstacle_and_its_remedy_are_named(
    own_copy: tuple[Path, str],
) -> None:
    """In a user namespace of the test's own, where user.max_user_namespaces is 0."""
    place, python = own_copy
    script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    words = [
        "setpriv",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--no-new-privs",
        "--",
        python,
        "-m",
        "benchmarks.link",
    ]
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", *words, "--", "true"],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(place / "packages")},
        text=True,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 2
    assert "user.max_user_namespaces = 0" in ran.stderr
    assert "sysctl" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_time_of_a_busy_link_is_bounded() -> None:
    """A link that is left by its command ends at once, whatever is still on its way."""
    begin = time.monotonic()
    words = ["--delay", "60s", "--", *PROBE, "--count", "10", "--wait", "0"]
    assert link(*words, input="meet\nexchange\n").returncode == 1
    assert time.monotonic() - begin < PATIENCE / 2

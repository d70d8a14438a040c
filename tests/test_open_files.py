"""The system's own limit: a connection is an open file, and there are only so many."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from common import files, limits
from common.messages import Chat, Hello, Say, Welcome
from tests.lab import PATIENCE, Stranger
from tests.output import Output

resource = pytest.importorskip("resource")

ROOT = Path(__file__).parent.parent


# --- files.allow ----------------------------------------------------------------------------------


class Resource:
    """The system's limits, as a test wants them."""

    RLIMIT_NOFILE = 7
    RLIM_INFINITY = -1

    def __init__(self, soft: int, hard: int, refuses: type[Exception] | None = None) -> None:
        self.limits = (soft, hard)
        self._refuses = refuses

    def getrlimit(self, which: int) -> tuple[int, int]:
        """Soft and hard."""
        assert which == self.RLIMIT_NOFILE
        return self.limits

    def setrlimit(self, which: int, new: tuple[int, int]) -> None:
        """As the kernel does: the hard one can't be raised, the soft one not above it."""
        assert which == self.RLIMIT_NOFILE
        if self._refuses:
            raise self._refuses
        assert new[1] == self.limits[1]
        assert new[1] == self.RLIM_INFINITY or new[0] <= new[1]
        self.limits = new


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "then"),
    [
        (1024, 4096, 1232, 1232),
        (1024, 1100, 1100, 1100),
        (1024, 1024, 1024, 1024),
        (1024, -1, 1232, 1232),
        (-1, -1, 1232, -1),
        (5000, 5000, 1232, 5000),
        (1232, 9999, 1232, 1232),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_need_be(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, allowed: int, then: int
) -> None:
    """To what is needed, at most to the hard one, and never lowered; the hard one stays."""
    system = Resource(soft, hard)
    monkeypatch.setattr(files, "resource", system)
    assert files.allow(1232) == allowed
    assert system.limits == (then, hard)


@pytest.mark.parametrize("refuses", [OSError, ValueError])
def test_a_limit_that_cannot_be_raised_is_the_limit(
    monkeypatch: pytest.MonkeyPatch, refuses: type[Exception]
) -> None:
    """macOS has another one behind it."""
    monkeypatch.setattr(files, "resource", Resource(256, -1, refuses))
    assert files.allow(1232) == 256


def test_a_system_without_such_a_limit_allows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows."""
    monkeypatch.setattr(files, "sys", SimpleNamespace(platform="win32"))
    assert files.allow(1232) == 1232


# --- the server -----------------------------------------------------------------------------------


@contextmanager
def limited(soft: int, hard: int, *arguments: str) -> Iterator[Output]:
    """A server with these limits; it must end well whatever happened to it."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "from tcp.server import main; raise SystemExit(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "--port", "0", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield Output(process)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def address(server: Output) -> tuple[str, int]:
    """Where it listens."""
    return "127.0.0.1", int(server.says(r"listening on 127\.0\.0\.1:(\d+)")[1])


def processor_seconds(server: Output) -> float:
    """The processor time that it has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="asks Linux about another process")
def test_the_server_raises_its_soft_limit() -> None:
    """1,000 members need more than the usual 1,024 files. Raised as far as needed, without a word."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = limits.MAX_MEMBERS + 2 * limits.MAX_GUESTS
    if hard not in (resource.RLIM_INFINITY, max(hard, 2 * needed)):
        pytest.skip("the hard limit is too low here")
    with limited(64, 2 * needed) as server:
        stranger = Stranger("tcp", address(server)).joins("ann")  # served: so it has started
        soft, _ = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        stranger.socket.close()
        server.says("ann left")
    assert needed < soft < 2 * needed
    assert not server.has("the system allows")


@pytest.mark.parametrize(("hard", "members", "wanted"), [(300, 1000, "1,232"), (40, 5, "237")])
def test_a_server_that_can_have_too_few_says_so(hard: int, members: int, wanted: str) -> None:
    """How many files there are, how many a full room takes, and the command that shows it; it serves who fits."""
    with limited(32, hard, "--max-members", str(members)) as server:
        said = server.says(
            r"the system allows (\d+) open files, and a full room takes ([\d,]+) \(ulimit -Hn\)"
        )
        assert (said[1], said[2]) == (str(hard), wanted)
        stranger = Stranger("tcp", address(server)).joins("ann")
        stranger.socket.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the processor time from /proc")
def test_out_of_files_the_server_goes_on() -> None:
    """Many more connect than it can take: who is in talks on; it says so once and does not spin; and when some have
    left, it takes others."""
    with limited(24, 24) as server, ExitStack() as exits:
        ann = Stranger("tcp", address(server)).joins("ann")
        exits.callback(ann.socket.close)
        many = [socket.create_connection(address(server), timeout=PATIENCE) for _ in range(40)]
        for sock in many:
            exits.callback(sock.close)
        server.says("a connection had to wait, or was refused: .*Too many open files")

        before, began = processor_seconds(server), time.monotonic()
        while time.monotonic() < began + 1.0:
            server.reads(began + 1.0 - time.monotonic())
        spent = processor_seconds(server) - before
        assert spent / (time.monotonic() - began) < 0.3, "it tries all the time"
        assert server.written.count(b"Too many open files") == 1

        ann.sends(Say(message="still here"))
        assert ann.gets(Chat).message == "still here"

        for sock in many:
            sock.close()
        bob = Stranger("tcp", address(server))
        exits.callback(bob.socket.close)
        bob.sends(Hello(nick="bob", lab=1))
        assert bob.gets(Welcome).members == ["ann", "bob"]
        assert server.written.count(b"Too many open files") == 1

"""The lab on macOS and Windows, as far as this machine can simulate them: see `platforms.py`."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TRANSPORTS
from tests.platforms import DATAGRAM, PLATFORMS, SELECT_TAKES, DarwinSocket, SelectSelector, WindowsSocket

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="simulates the other platforms on Linux")

PATIENCE = 240.0
"""Guards against hanging, not against slowness."""


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    """Both platforms at the same time: mostly they wait."""
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "tests.platforms", "--on", name, "-q", *TRANSPORTS],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in PLATFORMS
    }
    yield processes
    for process in processes.values():
        process.kill()  # unless it has ended
        process.communicate()


@pytest.mark.parametrize("name", PLATFORMS)
def test_the_transports_work_there(running: dict[str, "subprocess.Popen[str]"], name: str) -> None:
    """Whatever they promise here they promise on the other platforms."""
    process = running[name]
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"it hangs:\n{process.communicate()[0]}")
    assert process.returncode == 0, said


def test_every_test_file_can_be_read_without_what_windows_lacks() -> None:
    """Its tests may be skipped there; but they are found, and whoever has nothing to run says why."""
    code = """
import importlib, pathlib, sys
import hypothesis, matplotlib.pyplot, prompt_toolkit, pyte, pytest, rich.console  # they know Windows; this is none
from tests import platforms

platforms.take_away()
del sys.modules["tests.platforms"]
for path in sorted(pathlib.Path("tests").glob("*.py")):
    try:
        importlib.import_module(f"tests.{path.stem}")
    except pytest.skip.Exception as skipped:
        assert str(skipped), path
    except Exception as error:
        raise SystemExit(f"{path}: {error!r}")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- the simulation itself ------------------------------------------------------------------------


@pytest.fixture(params=[DarwinSocket, WindowsSocket])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection: its one end on the platform, its other end here."""
    with socket.create_server(("127.0.0.1", 0)) as listener, request.param() as there:
        there.connect(listener.getsockname())
        with listener.accept()[0] as here:
            yield there, here


def fill(sock: socket.socket, flags: int = 0) -> None:
    """Send until the socket takes no more, and then once more."""
    while sock.send(b"x" * 65_536, flags):
        pass


def test_a_send_that_should_not_wait_waits_there(pair: tuple[socket.socket, socket.socket]) -> None:
    """MSG_DONTWAIT has no effect on macOS, and does not exist on Windows: the socket itself must be told."""
    there, _ = pair
    there.settimeout(0.05)  # else this test would wait, too
    with pytest.raises(TimeoutError):
        fill(there, socket.MSG_DONTWAIT if isinstance(there, DarwinSocket) else 0)
    there.setblocking(False)
    with pytest.raises(BlockingIOError):
        fill(there)


def test_windows_reports_a_shutdown_to_the_next_call_only() -> None:
    """`recv` waits as if nothing had happened, and the next one fails. The other end sees the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener, WindowsSocket() as there:
        there.connect(listener.getsockname())
        with listener.accept()[0] as here:
            there.shutdown(socket.SHUT_RDWR)
            assert here.recv(1) == b""
            there.settimeout(0.05)
            with pytest.raises(TimeoutError):
                socket.socket.recv(there, 1)  # one that had begun before: the kernel knows of no shutdown
            with pytest.raises(OSError, match="shut down"):
                there.recv(1)


def test_macos_sends_no_large_datagram_unless_asked() -> None:
    """9,216 bytes; then what the buffer has."""
    with socket.socket(type=socket.SOCK_DGRAM) as here, DarwinSocket(type=socket.SOCK_DGRAM) as there:
        here.bind(("127.0.0.1", 0))
        there.connect(here.getsockname())
        there.send(bytes(DATAGRAM))
        with pytest.raises(OSError, match="too long"):
            there.send(bytes(DATAGRAM + 1))
        there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_507)
        there.send(bytes(65_507))


def test_windows_tells_the_next_receiver_of_a_closed_port() -> None:
    """Although its socket is connected to nobody; and then goes on."""
    with WindowsSocket(type=socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        with socket.socket(type=socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            port = gone.getsockname()
        there.sendto(b"x", port)
        there.setblocking(False)
        with pytest.raises(ConnectionResetError):
            there.recvfrom(1)
        with pytest.raises(BlockingIOError):
            there.recvfrom(1)


def test_windows_waits_for_few_sockets_at_once() -> None:
    """One more than 512 is an error, and no wait."""
    with SelectSelector() as selector:
        for number in range(SELECT_TAKES + 1):
            selector.register(number, 1)
        with pytest.raises(ValueError, match="too many"):
            selector.select(0)

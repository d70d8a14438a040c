"""What every test gets: no thread left behind, and a lab to play in."""

import threading
import time
from collections.abc import Iterator

import pytest

from common import limits
from tests.lab import Held, Lab

TRANSPORTS = [
    f"tests/test_{name}.py"
    for name in (
        "transports",
        "tcp_server",
        "tcp_client",
        "udp_server",
        "udp_client",
        "wildcard",
        "coming_back",
        "coming_back_tcp",
        "coming_back_udp",
    )
]
"""The tests that use the transports' sockets and threads: those that must pass on every platform."""


def pytest_configure(config: pytest.Config) -> None:
    """`-m transports` chooses them."""
    config.addinivalue_line("markers", "transports: must pass on every platform")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each of their tests is marked."""
    for item in items:
        if item.path.relative_to(config.rootpath).as_posix() in TRANSPORTS:
            item.add_marker("transports")


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    """A thread that a test started and that outlives it fails the test."""
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + 5
    for thread in set(threading.enumerate()) - before:
        thread.join(max(0.0, until - time.monotonic()))
    left = [thread.name for thread in set(threading.enumerate()) - before]
    assert not left, f"threads left behind: {left}"


@pytest.fixture(params=["tcp", "udp"])
def transport(request: pytest.FixtureRequest) -> str:
    """Each of the two, in turn: what is the same for both is tested once."""
    return str(request.param)


@pytest.fixture
def lab(transport: str) -> Iterator[Lab]:
    """A server of the transport on a free port, and members to talk to it."""
    with Lab(transport) as lab:
        yield lab


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Nobody comes back before `held.free` is set."""
    held = Held()
    monkeypatch.setattr(limits, "COME_BACK_WAITS", held)
    yield held
    held.free.set()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits are short, for tests that are not about them."""
    monkeypatch.setattr(limits, "COME_BACK_WAITS", (0.01, 0.02))

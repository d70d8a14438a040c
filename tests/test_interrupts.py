"""Ctrl-C, Ctrl-\\, SIGTERM and SIGHUP, wherever they come."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from common import interrupts
from tests.test_programs import ROOT

REPEATED = [number for number in interrupts.SIGNALS if number.name != "SIGQUIT"]
"""Signals that say no more when they come again."""


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The handlers as they were, after each test."""
    before = {number: signal.getsignal(number) for number in interrupts.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_either_signal_raises_keyboard_interrupt(number: signal.Signals) -> None:
    """SIGTERM is the same wish as Ctrl-C."""
    interrupts.raise_interrupt()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_a_deferred_signal_is_raised_when_the_block_is_done(number: signal.Signals) -> None:
    """What must not be left half done is done first, and nothing is forgotten."""
    interrupts.raise_interrupt()
    done = []

    def work() -> None:
        with interrupts.deferred():
            os.kill(os.getpid(), number)
            done.append("the rest")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the rest"]


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_an_answered_signal_is_handed_on_and_never_raised(number: signal.Signals) -> None:
    """As often as it comes; afterwards it raises again."""
    interrupts.raise_interrupt()
    heard = []
    with interrupts.answered_by(lambda: heard.append(number)):
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
    assert heard == [number, number]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_without_a_signal_nothing_is_raised() -> None:
    """The handlers are as before."""
    before = signal.getsignal(signal.SIGINT)
    with interrupts.deferred():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_signal_disturbs_nobody() -> None:
    """After the first one there is only cleaning up, which nothing may interrupt."""
    interrupts.raise_interrupt()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    for number in REPEATED:
        os.kill(os.getpid(), number)


def test_a_loop_can_ask_whether_one_has_come() -> None:
    """A flag that any of them sets, however often."""
    asked = interrupts.Asked()
    assert not asked.is_set()
    for number in REPEATED * 3:
        os.kill(os.getpid(), number)
    assert asked.is_set()


@pytest.mark.parametrize("begin", ["raise_interrupt()", "Asked()"])
def test_ctrl_backslash_is_the_same_wish_once_and_the_way_out_afterwards(begin: str) -> None:
    """Whoever can't wait for the cleaning up need not close the window."""
    code = f"""
import os, resource, signal
from common import interrupts
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
asked = interrupts.{begin}
try:
    os.kill(os.getpid(), signal.SIGQUIT)
except KeyboardInterrupt:
    pass
print("here", flush=True)
os.kill(os.getpid(), signal.SIGQUIT)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=30, check=False
    )
    assert (ended.stdout, ended.returncode) == (b"here\n", -signal.SIGQUIT)


def test_nohup_is_respected() -> None:
    """Who has SIGHUP ignored wants to outlive the terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.raise_interrupt()
    os.kill(os.getpid(), signal.SIGHUP)


@pytest.mark.parametrize("package", ["tcp", "udp"])
def test_importing_a_package_changes_no_handler(package: str) -> None:
    """Only `python -m` lets Ctrl-C end the process while it loads; who imports the lab keeps what it had."""
    code = f"import signal, {package}; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=30)

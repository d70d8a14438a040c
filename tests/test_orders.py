"""What the processes are told, and what they make of nonsense."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.orders import NONSENSE, decode

ROOT = Path(__file__).parent.parent

FLOWS = (
    "benchmarks.flow.ends --host 127.0.0.1 --transports udp --flows 1 --size 100 --seed 1 --repeat 1 --interval 0.1 "
    "--seconds 0.1 --settle 0.1 --drain 0.1"
)
VANISH = "benchmarks.vanish.ends --host 127.0.0.1 --each 1 --watch 1 --user-timeout 1 --heartbeat 1"
SERVER = "benchmarks.echo.server"


@pytest.mark.parametrize("line", ["", "x", "[1]", "5", '"to"', "{", "[" * 100_000])
def test_what_is_no_order_ends_the_process(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With a sentence, and 2."""
    with pytest.raises(SystemExit) as ended:
        decode(line)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"{NONSENSE}\n"


@pytest.mark.parametrize("command", [FLOWS, VANISH])
@pytest.mark.parametrize("line", ["x", "{}", "[1]"])
def test_an_instrument_started_by_hand_says_what_it_is(command: str, line: str) -> None:
    """And leaves no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        input=line + "\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"{NONSENSE}\n"


def test_an_instrument_whose_starter_is_gone_just_ends() -> None:
    """The end of its input is the end."""
    done = subprocess.run(
        [sys.executable, "-m", *FLOWS.split()],
        input="",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")

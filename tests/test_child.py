"""A process of a run never outlives the one that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import SimpleQueue

import pytest

from benchmarks.child import Child, Said, leash

ROOT = Path(__file__).parent.parent

PARENT = """
import sys
from queue import SimpleQueue
from benchmarks.child import Child
child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], SimpleQueue())
print(child.pid, flush=True)
sys.stdin.readline()
"""


def test_a_program_that_does_not_exist_is_named() -> None:
    """As an OSError, before anything is started."""
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        Child("nobody", ["/no-such-program"], SimpleQueue[Said]())


@pytest.mark.skipif(not leash(), reason="no setpriv with --pdeathsig here: apt install util-linux")
def test_killed_by_force_it_leaves_no_child() -> None:
    """Nobody can clean up then but the kernel, and it does."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        deadline = time.monotonic() + 30
        while _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not _alive(pid)


def _alive(pid: int) -> bool:
    """Whether it still runs: one that has ended may wait for somebody to notice."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False

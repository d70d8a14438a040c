"""A process of a run, held by its handle: started, listened to, ended. None is ever left behind.

Each child is in a session of its own: Ctrl-C in the terminal then reaches only the process that has the
numbers, and that one ends the others in order.
"""

import errno
import json
import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
"""Where `python -m tcp.server` works."""

TAIL = 1500
"""Characters of a dead child's last words that are worth showing."""

END_TIMEOUT = 3.0
"""Seconds a child has to end when it is asked to; then it is killed."""


@lru_cache
def leash() -> tuple[str, ...]:
    """What to put in front of a command, so that the kernel kills it when this process is gone, even if that was
    killed itself (PR_SET_PDEATHSIG, prctl(2)). Nothing where there is no such thing. It does not reach into a network
    namespace, where rights change on the way; those who are there end with their input."""
    program = shutil.which("setpriv")
    if not program:
        return ()
    words = (program, "--pdeathsig", "KILL")
    return words if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else ()


class Said(NamedTuple):
    """What a child wrote: a `line`, and the `body` of bytes that the line announced. A line of None is the
    end of its output: it has ended, or is about to."""

    child: "Child"
    line: str | None
    body: bytes = b""


class Child:
    """Runs `argv` and puts what it writes into `said`. `name` is what a person should call it.

    Raises OSError if there is no such program.
    """

    def __init__(self, name: str, argv: list[str], said: "SimpleQueue[Said]") -> None:
        self.name = name
        self._said = said
        if not shutil.which(argv[0]):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  `end` closes it. No pipe: nobody reads until then
        try:
            self._process = subprocess.Popen(
                [*leash(), *argv],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError:
            self._errors.close()
            raise
        self.pid = self._process.pid
        self._reading = threading.Thread(target=self._read, name=f"reading {name}")
        self._reading.start()

    def tell(self, order: dict[str, Any]) -> None:
        """Send it a line of JSON. If it has ended, its end of output says so."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """End it by force: it has told all that it had to tell. `end` gives back what it had."""
        self._process.kill()

    def ask_to_end(self) -> None:
        """Begin to end it; `end` waits until it has."""
        self._process.terminate()

    def end(self, patience: float = END_TIMEOUT) -> None:
        """Wait until it has ended, after so many seconds with force, and give back what it had."""
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with suppress(OSError):  # stdin may hold a line that nobody will read
                if stream is not None:
                    stream.close()

    def obituary(self) -> str:
        """How it ended, with its last words."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT)
        code = self._process.poll()
        how = "closed its output" if code is None else f"ended with exit code {code}"
        if code is not None and code < 0:
            how = f"was ended by signal {-code}"
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip()[-TAIL:]
        return f"{self.name} {how}" + (f" and said:\n{words}" if words else ", and said nothing.")

    def _read(self) -> None:
        """A thread: hand on what the child writes, and drain what nobody is interested in."""
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):
            while line := self._process.stdout.readline():
                size = json.loads(line).get("bytes", 0) if line.startswith(b'{"') else 0
                body = self._process.stdout.read(size)
                self._said.put(Said(self, line.decode(errors="replace"), body))
        self._said.put(Said(self, None))

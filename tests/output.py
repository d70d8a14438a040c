"""What a program writes, read as it comes: nothing stays hidden in a buffer while one waits for more."""

import os
import re
import select
import subprocess
import time

PATIENCE = 60.0
"""Guards against hanging, not against slowness."""


class Output:
    """Of `process`, whose standard output is a pipe of bytes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        self.process = process
        self.written = b""
        self.ended = False
        self._file = process.stdout.fileno()

    def fileno(self) -> int:
        """For `select`."""
        return self._file

    def read(self) -> None:
        """Take what is there. Waits if nothing is."""
        data = os.read(self._file, 65_536)
        self.written += data
        self.ended = not data

    def reads(self, seconds: float) -> bool:
        """Whether it writes something within this time."""
        if self.ended or not select.select([self], [], [], max(0.0, seconds))[0]:
            return False
        self.read()
        return not self.ended

    def has(self, what: str) -> "re.Match[str] | None":
        """Where it has written this, as far as it has been read."""
        return re.search(what, self.written.decode(errors="replace"))

    def says(self, what: str) -> "re.Match[str]":
        """Wait until it writes this."""
        until = time.monotonic() + PATIENCE
        while not (found := self.has(what)):
            assert self.reads(until - time.monotonic()), self.written.decode()
        return found

    def tell(self, text: str) -> None:
        """Write to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

"""The output shown in pages: where it stands, what makes it, and whether it still looks like that."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child import ROOT

BLOCK = re.compile(
    r"^<!-- shown: (?P<command>.+?) -->\n```text\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)

WIDTH = 80
"""Columns: what a page shows fits into any terminal."""

PATIENCE = 120.0
"""Seconds for one command."""

UNSTABLE = re.compile(
    r'(?<=token":")[^"]*|(?<=cookie":")[^"]*|(?<=room":")[^"]*|\b[0-9a-f]{7,40}\+?|\d[\d,.:]*'
)
"""What differs from one run to the next: secrets, commits, numbers and times."""


class Failed(Exception):
    """A command does not show what it should; the text says how it ended."""


@dataclass(frozen=True)
class Shown:
    """A block: `text` is what the page at `page` says that `command` prints."""

    page: Path
    command: str
    text: str

    @property
    def name(self) -> str:
        """For a person."""
        return f"{self.page.relative_to(ROOT)}: {self.command}"


def pages() -> list[Path]:
    """The pages of this repository."""
    found = [ROOT / "README.md"]
    for folder in ("tcp", "udp", "common", "benchmarks", "tests"):
        found += (path for path in (ROOT / folder).rglob("*.md") if "results" not in path.parts)
    return sorted(found)


def blocks() -> Iterator[Shown]:
    """Every block of every page."""
    for page in pages():
        for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
            yield Shown(page, match["command"], match["text"])


def run(command: str) -> str:
    """What a command prints on a terminal 80 columns wide, without its errors. Raises Failed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "LAB_"))}
    environment |= {"COLUMNS": str(WIDTH), "PYTHONUTF8": "1", "TERM": "dumb"}
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{command}: {error}") from error
    if done.returncode:
        raise Failed(
            f"{command} ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}"
        )
    lines = (line.rstrip() for line in done.stdout.decode().splitlines())
    return "\n".join(lines).strip("\n") + "\n"


def structure(text: str) -> list[str]:
    """What stays when figures change: the words of each line, without numbers and how far they are apart. Lines that
    then say the same, one below the other, are one."""
    found: list[str] = []
    for line in text.splitlines():
        words = " ".join(re.sub(r"[─━═|+-]{2,}", "─", UNSTABLE.sub("0", line)).split())
        if words and (not found or found[-1] != words):
            found.append(words)
    return found


def again(page: Path) -> bool:
    """Make every block of a page again; whether the page has changed. Raises Failed, and then nothing is written."""
    before = page.read_text(encoding="utf-8")
    after = BLOCK.sub(
        lambda match: f"<!-- shown: {match['command']} -->\n```text\n{run(match['command'])}```", before
    )
    if after != before:
        page.write_text(after, encoding="utf-8")
    return after != before

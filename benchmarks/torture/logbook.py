"""A server's log, read line by line: what is expected of it under torture, and what is not.

Everything that `common/server_log.py` writes on purpose is known here by its sentence. What is not known is
unexpected, a traceback above all.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

STATE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} = (.*)")
ROW = re.compile(r"│\s*(.*?)\s*│\s*(.*?)\s*│")
BORDER = re.compile(r"[┌├└╭╰].*[┐┤┘╮╯]|(tcp|udp) server")

KNOWN = {
    "joined": r"\S+ joined( from \S+)?",
    "left": r"\S+ left \(\w+: .*\)",
    "listening": r"(tcp|udp) listening on \S+",
    "about itself": r"the kernel granted socket buffers of .*|answers leave from the address .*|"
    r"the system allows .* open files, .*",
    "moved": r"\S+ moved from \S+ to \S+",
    "problem": r"a connection had to wait, or was refused: .*",
}
"""Kinds of lines, and what the ones of a kind look like."""

_PATTERNS = {kind: re.compile(pattern) for kind, pattern in KNOWN.items()}


@dataclass
class Logbook:
    """What a log said: `kinds` counts its lines by their kind, `unexpected` are those of none, `counted` is the
    table at its end (empty if there was none)."""

    kinds: dict[str, int] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)

    def count(self, *beginnings: str) -> int:
        """The sum of the counters whose names begin so."""
        return sum(number for name, number in self.counted.items() if name.startswith(beginnings))


def read(lines: Iterable[str]) -> Logbook:
    """The logbook of these lines, in their order."""
    book, kinds = Logbook(), Counter[str]()
    for line in lines:
        line = line.rstrip()
        if not line or BORDER.fullmatch(line.strip()):
            continue
        if row := ROW.fullmatch(line.strip()):
            number = row[2].replace(",", "")
            if number.isdigit():
                book.counted[row[1]] = int(number)
            kinds["table"] += 1
        elif kind := _kind(line):
            kinds[kind] += 1
        else:
            book.unexpected.append(line)
    book.kinds = dict(kinds)
    return book


def _kind(line: str) -> str | None:
    found = STATE.fullmatch(line)
    if not found:
        return None
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(found[1])), None)

"""What a process that another one has started is told, a line of JSON at a time."""

import json
import sys
from typing import Any

NONSENSE = "This is started by another program, which tells it what to do: make experiments, or make demo."


def decode(line: str | bytes) -> dict[str, Any]:
    """An order. Whatever is none ends this process, with a sentence and exit code 2."""
    try:
        order = json.loads(line)
    except (ValueError, RecursionError):
        order = None
    if not isinstance(order, dict):
        sys.exit(_refuse())
    return order


def told(word: str) -> Any:
    """What the next order says of `word`; None if there will be no more orders. An order that says nothing of it ends
    this process, too."""
    line = sys.stdin.readline()
    if not line:
        return None
    order = decode(line)
    if word not in order:
        sys.exit(_refuse())
    return order[word]


def _refuse() -> int:
    print(NONSENSE, file=sys.stderr)
    return 2

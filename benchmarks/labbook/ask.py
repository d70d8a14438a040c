"""Asking a person what they expect, before anything is measured: who has not predicted is never surprised."""

import math
import re
import sys
from collections.abc import Callable
from textwrap import fill

from benchmarks.labbook.experiment import Ask, Choice
from benchmarks.labbook.words import quantity
from common.visible import visible

SKIP = "Enter alone skips it"

WIDTH = 78
"""Columns: no word is broken in a terminal of 80."""

SCALE = {"s": 1e6, "ms": 1e3, "µs": 1.0, "us": 1.0}
"""Units of time, in microseconds."""


def can_ask() -> bool:
    """Whether there is somebody to ask."""
    return all(end is not None and end.isatty() for end in (sys.stdin, sys.stdout))


def ask(what: Ask, read: Callable[[str], str] = input, say: Callable[[str], None] = print) -> float | None:
    """The number of the answer, from 0, or the number that the person expects; None if they would rather not say."""
    say("\n" + fill(f"Your prediction: {what.question}", WIDTH))
    if isinstance(what, Choice):
        for number, answer in enumerate(what.answers, 1):
            say(fill(f"  {number}  {answer}", WIDTH, subsequent_indent="     "))
        prompt = f"1 to {len(what.answers)} ({SKIP}): "
    else:
        prompt = f"in {what.unit} ({SKIP}): "
    while True:
        try:
            said = read(prompt).strip()
        except EOFError:
            say("")
            return None
        if not said:
            return None
        found = understand(what, said)
        if not isinstance(found, str):
            return found
        say(found)


def understand(what: Ask, said: str) -> float | str:
    """What somebody means by this; a sentence if that makes no sense."""
    if isinstance(what, Choice):
        if said.isdecimal() and 1 <= int(said) <= len(what.answers):
            return float(int(said) - 1)
        return f"{visible(said)!r} is none of the answers: they are numbered 1 to {len(what.answers)}."
    found = re.fullmatch(r"([\d.,eE+]+)\s*(\D*)", said)
    unit = found[2].strip() if found else ""
    factor = 1.0
    if unit and unit != what.unit:
        factor = SCALE[unit] / SCALE[what.unit] if unit in SCALE and what.unit in SCALE else math.nan
    try:
        value = float(found[1].replace(",", ".")) * factor if found else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value > 1e12:
        return (
            f"{visible(said)!r} is no number of {what.unit}: write {quantity(42.0, what.unit)}, for example."
        )
    return value

"""Asking a person what they expect, before anything is measured: who has not predicted is never surprised."""

import math
import sys
from collections.abc import Callable

from benchmarks.labbook.experiment import Ask, Choice
from benchmarks.labbook.words import quantity
from common.visible import visible

SKIP = "Enter alone skips it"


def can_ask() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(what: Ask, read: Callable[[str], str] = input, say: Callable[[str], None] = print) -> float | None:
    """The number of the answer, from 0, or the number that the person expects; None if they would rather not say."""
    say(f"\nYour prediction: {what.question}")
    if isinstance(what, Choice):
        for number, answer in enumerate(what.answers, 1):
            say(f"  {number}  {answer}")
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
    text = said.removesuffix(what.unit).strip().replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e12:
        return (
            f"{visible(said)!r} is no number of {what.unit}: write {quantity(42.0, what.unit)}, for example."
        )
    return value

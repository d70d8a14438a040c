"""Times, shares and rates as tc writes them: `20ms`, `5%`, `1mbit`. Read and written without losing a bit.

`seconds(show_time(x)) == x` for every x that `seconds` gives, and so for shares and rates: what a line says it is
can be given to another line. Everything that can't be read raises `Refused`.

What tc also takes and this lab does not: numbers without a unit (tc reads a bare time as microseconds and a bare
rate as bits, and nobody remembers) and rates in *bytes* (tc's `mbps`), which everybody takes for bits.
"""

import math
import re
from decimal import Decimal


class Refused(ValueError):
    """What was asked of the link can't be had. The text is a sentence: what was wrong, and what to write."""


_NUMBER = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(.*)", re.DOTALL)

TIMES = {"s": 0, "sec": 0, "secs": 0, "ms": -3, "msec": -3, "msecs": -3, "us": -6, "usec": -6, "usecs": -6}
"""tc's units of time, as powers of ten."""

RATES = {"bit": 0, "kbit": 3, "mbit": 6, "gbit": 9}
"""tc's units of rate, as powers of ten: 1000, never 1024."""

BYTES = ("bps", "kbps", "mbps", "gbps")
"""What tc calls bytes per second."""


def looks_like_number(word: str) -> bool:
    """Whether somebody who wrote `word` meant a number, with or without a unit."""
    return _NUMBER.fullmatch(word) is not None


def seconds(word: str) -> float:
    """`20ms`, `1.5s`, `300us`: a time in seconds, 0 or more."""
    digits, unit = _split(word, "time", "20ms or 1.5s")
    if not unit:
        raise Refused(f"{word!r} has no unit: write {digits}ms or {digits}s, without a space.")
    if unit not in TIMES:
        raise Refused(f"{word!r} is no time: {unit!r} is no unit. Write 20ms or 1.5s (units: s, ms, us).")
    return _value(word, digits, TIMES[unit])


def share(word: str) -> float:
    """`5%`: 0.05, from 0 to 1."""
    digits, unit = _split(word, "share", "5%, from 0% to 100%")
    if not unit:
        raise Refused(f"{word!r} has no %: write {digits}%, from 0% to 100%.")
    if unit != "%":
        raise Refused(f"{word!r} is no share: write 5%, from 0% to 100%.")
    value = _value(word, digits, -2)
    if value > 1:
        raise Refused(f"{word} is more than all there is: a share is from 0% to 100%.")
    return value


def bits_per_second(word: str) -> float:
    """`1mbit`: 1e6 bits per second."""
    digits, unit = _split(word, "rate", "1mbit or 512kbit")
    unit = unit.removesuffix("/s")
    if not unit:
        example = f"{digits}kbit or {digits}mbit" if float(digits) else "1mbit or 512kbit"
        raise Refused(f"{word!r} has no unit: write {example} (per second), without a space.")
    if unit in BYTES:
        raise Refused(f"{word!r} would be bytes per second in tc: write bits, as in 8mbit.")
    if unit not in RATES:
        raise Refused(
            f"{word!r} is no rate: {unit!r} is no unit. Write 1mbit or 512kbit (units: bit, kbit, mbit, gbit, "
            "all per second)."
        )
    return _value(word, digits, RATES[unit])


def whole(word: str, what: str, low: int, high: int = 1_000_000) -> int:
    """A whole number from `low` to `high`; `what` says of what, for the sentence."""
    # So many digits and no more: Python refuses to read very long ones.
    if not re.fullmatch(r"[0-9]{1,20}", word) or not low <= int(word) <= high:
        raise Refused(f"{word!r} is no {what}: write a whole number from {low} to {high:,}.")
    return int(word)


def show_time(seconds: float) -> str:
    """The time that `seconds` reads as this one: 0.02 is `20ms`."""
    return _show(seconds, {"s": 0, "ms": -3, "us": -6})


def show_share(share: float) -> str:
    """The share that `share` reads as this one: 0.05 is `5%`."""
    return _show(share, {"%": -2})


def show_rate(bits: float) -> str:
    """The rate that `bits_per_second` reads as this one: 1e6 is `1mbit`."""
    return _show(bits, {unit: RATES[unit] for unit in reversed(RATES)})


def _split(word: str, what: str, example: str) -> tuple[str, str]:
    """The digits of a number that is not negative, and the unit behind them."""
    found = _NUMBER.fullmatch(word)
    if not found:
        raise Refused(f"{word!r} is no {what}: write {example}.")
    sign, digits, unit = found.groups()
    if sign == "-" and float(digits):
        raise Refused(f"{word} is less than nothing: a {what} is never below 0. Write {example}.")
    return digits, unit.lower()


def _value(word: str, digits: str, power: int) -> float:
    # Read as one number, and not multiplied: 0.3 * 1e-3 is not the float that is nearest to 0.0003.
    value = float(f"{digits}e{power}")
    if math.isinf(value):
        raise Refused(f"{word[:20]!r}… is more than any number that is reckoned with here.")
    return value


def _show(value: float, units: dict[str, int]) -> str:
    """`value` in the largest of `units` of which it holds at least one, and in the last one if it is smaller."""
    exact = Decimal(repr(float(value)))  # the shortest number that is read as this very float
    names = list(units)
    fitting = [name for name in names if exact.scaleb(-units[name]) >= 1]
    unit = fitting[0] if fitting else names[-1] if exact else names[0]
    digits = f"{exact.scaleb(-units[unit]):f}"
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}{unit}"

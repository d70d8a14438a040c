"""What a measured message says: who sent it, which one it is, when it was due and when it was sent.

    lab 0003 0000017 0000123456789012345 0000123456789098765 ............

All of it is in the text that people would read, so any chat server can be measured the same way: it
only has to relay text.

The times are CLOCK_MONOTONIC in nanoseconds (`common.clock`). All processes of one machine read
the same clock there, so what one process sent and another received can be subtracted. Two machines
have two such clocks that began at different times: one-way times are measured on one machine only.
"""

from typing import NamedTuple

MARK = "lab "

SIZE = len(MARK) + 4 + 1 + 7 + 1 + 19 + 1 + 19
"""Bytes of the stamp alone: the smallest message that can be measured. Its fields have a fixed width,
wide enough for every value that fits into 64 bits."""

SENDER, NUMBER = slice(4, 8), slice(9, 16)
"""Where in a text its sender's digits are, and its number's."""

MAX_SENDERS = 10_000
MAX_NUMBER = 10_000_000


class Stamp(NamedTuple):
    """A message read: `scheduled` and `sent` in nanoseconds of the machine's monotonic clock."""

    sender: int
    number: int
    scheduled: int
    sent: int


def write(sender: int, number: int, scheduled: int, sent: int, size: int) -> str:
    """The text of a message: `size` ASCII characters, at least `SIZE`."""
    text = f"{MARK}{sender:04} {number:07} {scheduled:019} {sent:019}"
    return text if size == SIZE else f"{text} ".ljust(size, ".")


def read(text: str, size: int) -> Stamp | None:
    """The stamp of a text of `size` characters; None if it is none: cut, changed, or somebody else's."""
    if len(text) != size or not text.startswith(MARK):
        return None
    try:
        return Stamp(int(text[SENDER]), int(text[NUMBER]), int(text[17:36]), int(text[37:56]))
    except ValueError:
        return None

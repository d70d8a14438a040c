"""Is the link what it was asked to be? What the probes saw (`probe.py`), compared with what was asked for."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.estimate import wilson
from benchmarks.link.line import NOTHING, Line
from benchmarks.link.probe import Seen
from benchmarks.link.units import show_share, show_time

TOLERANCE = 0.001
"""Seconds that the median delay may be off: the emulator promises that much at its 99th percentile."""

CONFIDENCE = 0.999
"""Of the interval around the share lost. One honest link in a thousand is refused."""


def judge(
    line: Line, direction: str, seen: Seen, counted: Mapping[str, Any], earlier: Sequence[Seen] = ()
) -> str:
    """Why the link is not what was asked for, as a sentence; empty if nothing speaks against it.

    `counted` is what the link itself says it did to these probes (`Emulator.account`, of this direction): that has to
    be what they saw, one by one, and so finds out a link that they went past. `earlier` probes of the same line help
    to tell whether it loses as much as it was asked to, where that is too rare for one round.
    """
    if counted["text"] != line.text:
        return f"{direction}: asked for {line.text or NOTHING}, and the link says it is {counted['text'] or NOTHING}"
    # What is damaged fails its checksum, and is dropped by the kernel at the other end.
    through = counted["delivered"] - counted["corrupted"]
    if (counted["received"], through) != (seen.sent, seen.copies):
        return (
            f"{direction}: {seen.sent} probes were sent and {seen.copies} came; the link says that it took "
            f"{counted['received']} and let {through} through"
        )
    return _loss(line, direction, seen, earlier) or _delay(line, direction, seen)


def _loss(line: Line, direction: str, seen: Seen, earlier: Sequence[Seen]) -> str:
    if not line.foreseeable:
        return ""
    sent = seen.sent + sum(one.sent for one in earlier)
    lost = sent - seen.received - sum(one.received for one in earlier)
    # Losses that come in bursts come together: as evidence they count as the bursts, not as their packets.
    interval = wilson(lost / line.burst, sent / line.burst, CONFIDENCE)
    if interval is None or line.expected_loss in interval:
        return ""
    return (
        f"{direction}: asked for a loss of {show_share(round(line.expected_loss, 4))}, and {lost} of {sent} probes "
        f"were lost (which speaks for {interval.low:.2%} to {interval.high:.2%})"
    )


def _delay(line: Line, direction: str, seen: Seen) -> str:
    if line.narrow or seen.delay_p50 is None:  # depends on the others; or too few came to measure it
        return ""
    scatter = 4 * line.jitter / math.sqrt(seen.received)
    if abs(seen.delay_p50 - line.expected_delay) <= TOLERANCE + scatter:
        return ""
    return (
        f"{direction}: asked for a delay of {show_time(round(line.expected_delay, 6))}, and the median of "
        f"{seen.received} probes is {seen.delay_p50 * 1e3:.2f} ms"
    )

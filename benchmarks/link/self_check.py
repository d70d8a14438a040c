"""Is the link what it was asked to be? What the probes saw (`probe.py`), compared with what was asked for."""

import math
from collections.abc import Sequence

from benchmarks.estimate import wilson
from benchmarks.link.line import Line
from benchmarks.link.probe import Seen
from benchmarks.link.units import show_share, show_time

TOLERANCE = 0.001
"""Seconds that the median delay may be off: the emulator promises that much at its 99th percentile."""

CONFIDENCE = 0.999
"""Of the interval around the share lost. One honest link in a thousand is refused."""


def judge(line: Line, direction: str, seen: Seen, earlier: Sequence[Seen] = ()) -> str:
    """Why the link is not what was asked for, as a sentence; empty if nothing speaks against it. `earlier`
    probes of the same line help to tell a loss that is too rare for one round."""
    sent = seen.sent + sum(one.sent for one in earlier)
    lost = sent - seen.received - sum(one.received for one in earlier)
    asked = line.expected_loss
    # Losses that come in bursts come together: as evidence they count as the bursts, not as their packets.
    interval = wilson(lost / line.burst, sent / line.burst, CONFIDENCE)
    if interval and not interval.low <= asked <= interval.high:
        return (
            f"{direction}: asked for a loss of {show_share(round(asked, 4))}, and {lost} of {sent} probes were "
            f"lost (which speaks for {interval.low:.2%} to {interval.high:.2%})"
        )
    if seen.delay_p50 is None:
        return f"{direction}: only {seen.received} of {seen.sent} probes came, too few to measure the delay"
    scatter = 4 * line.jitter / math.sqrt(seen.received)
    late = seen.delay_p50 - line.expected_delay
    if not -TOLERANCE - scatter <= late <= TOLERANCE + scatter and not line.narrow:
        return (
            f"{direction}: asked for a delay of {show_time(round(line.expected_delay, 6))}, and the median of "
            f"{seen.received} probes is {seen.delay_p50 * 1e3:.2f} ms"
        )
    return ""

"""The time line of one message: out of the link's own packet capture and the receiver's records.

    streams = read(flows, lab.directory / "loss.pcapng", delay=0.025)
    if chosen := choose(streams):
        chart = tell(*chosen, name="anatomy", caption="…")

What the packets were and when they arrived, `streams.py` says. When a message was due, and when the program had it, is
in the records of the process that holds both ends. Why TCP sent something again, no packet says. They show how long it
waited, and whether the other end had said meanwhile that something sent *later* had arrived, by which RACK (RFC 8985)
finds a loss: it is called `after SACK` then (RFC 2018), or `after ACK`, if that is how it was said. If nothing was,
only a timer can have done it: the retransmission timer of RFC 6298, or the probe of RFC 8985.

Nothing here draws: see `benchmarks/figures/anatomy.py`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from benchmarks.flow.fates import Fate
from benchmarks.labbook.chart import Anatomy, Delivered, Packet
from benchmarks.labbook.streams import Passed, Stream, read
from benchmarks.wording import named

__all__ = ["Stream", "choose", "read", "tell", "why"]

AROUND = 3
"""Messages that must be there before and behind the chosen one."""

DOUBLED = (1.8, 2.2)
"""A wait this many times as long as the one before it is called doubled: RFC 6298 says 2, and the timer counts from the
kernel's own clock, of 4 ms or finer."""


def choose(streams: Sequence[Stream], losses: int | None = 1) -> tuple[Stream, int] | None:
    """The message to show: the first of the first flow that was lost `losses` times (None: at least once), and that
    tells its story best. That is the one around which nothing else was lost, message or acknowledgement; if there is
    none, one whose neighbours came at once; if there is none, any. None if there is no such message with at least
    `AROUND` before and behind it."""
    found = []
    for stream in streams:
        lost = stream.losses()
        for fate in stream.fates[AROUND : len(stream.fates) - AROUND]:
            times = lost[fate.number]
            # What did not come over TCP was still under way when the run ended: its story has no end.
            ended = fate.received is not None or stream.transport != "tcp"
            if ended and times and (losses is None or times == losses):
                found.append((_trouble(stream, fate), fate.flow, fate.number, stream))
    if not found:
        return None
    *_, number, stream = min(found, key=lambda one: one[:3])
    return stream, number


def _trouble(stream: Stream, fate: Fate) -> int:
    """0 if nothing else was lost around it, 1 if not its neighbours, 2 otherwise."""
    number, size = fate.number, stream.size
    around = (2 if fate.received is not None else 4) * stream.spacing
    begin, end = fate.due - around, (fate.received or fate.due) + around
    others = [
        one
        for one in stream.packets
        if one.arrives is None
        and begin <= one.enters <= end
        and not (one.up and one.begin < (number + 1) * size and number * size < one.end)
    ]
    if not others:
        return 0
    near = range((number - 2) * size, (number + 3) * size)
    return 2 if any(one.up and one.begin < near.stop and near.start < one.end for one in others) else 1


# --- telling --------------------------------------------------------------------------------------


def tell(
    stream: Stream,
    chosen: int,
    name: str,
    caption: str,
    title: str = "",
    outages: Sequence[tuple[float, float]] = (),
) -> Anatomy:
    """The time line of message `chosen` of this flow and of those around it: from shortly before it was due until
    everything that waited for it had been handed to the program. `outages`: from when until when nothing got in, in
    seconds since the run's first moment. Without a `title`, one that says what happened."""
    arrived = stream.arrived()
    fate = next(one for one in stream.fates if one.number == chosen)
    zero = fate.due
    begin, end = _window(stream, fate, arrived)
    messages = [
        Delivered(
            one.number,
            one.due - zero,
            _from(zero, arrived.get(one.number)),
            _from(zero, one.received),
        )
        for one in stream.fates
        if begin <= one.due <= end or (one.due < begin <= (one.received or begin - 1))
    ]
    packets = [
        _packet(stream, one, zero)
        for one in stream.packets
        if one.enters <= end and begin <= (one.enters if one.arrives is None else one.arrives)
    ]
    return Anatomy(
        name=name,
        caption=caption,
        title=title or _title(stream, fate),
        chosen=chosen,
        packets=packets,
        messages=messages,
        transport=stream.transport,
        outages=[(a - zero, b - zero) for a, b in outages if b >= begin and a <= end],
        window=(begin - zero, end - zero),
    )


def _from(zero: float, moment: float | None) -> float | None:
    return None if moment is None else moment - zero


def _packet(stream: Stream, one: Passed, zero: float) -> Packet:
    numbers = stream.numbers(one)
    return Packet(
        one.enters - zero,
        _from(zero, one.arrives),
        one.up,
        numbers.start if one.up else None,
        one.again,
        why(stream, one) if one.again else "",
        len(numbers) if one.up else 1,
    )


def _window(stream: Stream, fate: Fate, arrived: dict[int, float]) -> tuple[float, float]:
    """From when until when to show it, in seconds since the run's first moment."""
    spacing = stream.spacing
    if fate.received is None:
        return fate.due - 3.2 * spacing, _never(stream, fate) + 4.2 * spacing
    over = fate.received
    received = {one.number: one.received for one in stream.fates}
    # What was lost behind it holds back others in turn: their wait is part of the story, up to a point.
    latest = fate.due + 2 * (over - fate.due)
    waiting = [
        (came, there)
        for number, came in arrived.items()
        if number > fate.number and (there := received.get(number)) is not None
    ]
    while beyond := [there for came, there in waiting if came < over < there <= latest]:
        over = max(beyond)
    story = max(over - fate.due, 2 * spacing)
    before = [count * spacing for count in (3, 2, 1) if 1.15 * count * spacing <= 0.65 * story]
    lead = before[0] + 0.15 * spacing if before else 0.15 * story
    return fate.due - lead, over + min(2 * spacing + 0.2 * story, 0.4 * story)


def _never(stream: Stream, fate: Fate) -> float:
    """When the last of the messages was due that never came, from this one on and without one between that did."""
    last = fate.due
    for one in stream.fates:
        if one.number > fate.number:
            if one.received is not None:
                break
            last = one.due
    return last


def why(stream: Stream, again: Passed) -> str:
    """What the packets show of why this was sent again: how long after the last time, and whether the other end had
    said meanwhile that something sent later had come."""
    waits = _waits(stream, again)
    if not waits:
        return ""
    seconds, before = waits[-1]
    took = f"{_ms(seconds)} later"
    if told := _told(stream, before, again):
        return f"after {told}, {took}"
    if len(waits) > 1 and DOUBLED[0] <= seconds / waits[-2][0] <= DOUBLED[1]:
        return f"timer, {took} (doubled)"
    return f"timer, {took}"


def _waits(stream: Stream, again: Passed) -> list[tuple[float, Passed]]:
    """How long each sending of the first byte of this packet came behind the one before, and which that was."""
    sent = [
        one
        for one in stream.packets
        if one.up and one.begin <= again.begin < one.end and one.enters <= again.enters
    ]
    return [(later.enters - one.enters, one) for one, later in pairwise(sent)]


def _told(stream: Stream, before: Passed, again: Passed) -> str:
    """How the other end had said, before this was sent again, that something sent after `before` had come: `SACK`,
    `ACK`, or not at all."""
    enters = [one.enters for one in stream.packets]
    since = stream.packets[bisect_right(enters, before.enters) : bisect_left(enters, again.enters)]
    later = [one for one in since if one.up]
    heard = [one for one in since if not one.up and one.arrives is not None and one.arrives <= again.enters]
    if any(
        left < one.end and one.begin < right and one.enters < ack.enters
        for ack in heard
        for left, right in ack.sacked
        for one in later
    ):
        return "SACK"
    acknowledged = any(one.end <= ack.begin and one.enters < ack.enters for ack in heard for one in later)
    return "ACK" if acknowledged else ""


def _title(stream: Stream, fate: Fate) -> str:
    """What happened to it, in a line."""
    head = f"Message {fate.number} over {named(stream.transport)}: "
    lost = stream.losses()[fate.number]
    times = {0: "", 1: "lost once, ", 2: "lost twice, "}.get(lost, f"lost {lost} times, ")
    if fate.latency is None:
        return head + ("lost, and never sent again" if stream.transport == "udp" else f"{times}not delivered")
    return f"{head}{times}delivered {_ms(fate.latency)} after it was due"


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:,.0f} ms" if seconds >= 0.00995 else f"{1e3 * seconds:.1f} ms"

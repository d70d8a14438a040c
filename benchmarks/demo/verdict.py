"""What came of an act, in one sentence made of its figures: it says what was measured, and nothing that was not."""

from benchmarks.demo.figures import Figures, at_each, figures, of_victim
from benchmarks.demo.state import SIDES, Record
from benchmarks.wording import percent
from common.statistics import milliseconds


def verdict(record: Record) -> str:
    """The sentence of this act; a word of its own for the acts about something else than loss."""
    tcp, udp = (figures(record, name) for name in SIDES)
    if not tcp.said or not (tcp.delivered or udp.delivered):
        return "Nothing was said for long enough to tell."
    if record.act.stopped:
        return f"{_stalled(record)}; {_others(tcp, udp)}."
    if any(record.sides[name].forgeries for name in (*SIDES, "floor")):
        return f"{_forged(record)}."
    return f"{_plain('TCP', tcp)}{_again(tcp)}; {_plain('UDP', udp)}."


def how_long(seconds: float | None) -> str:
    """A duration for somebody at the back of the room: `53 ms`, `0.58 s`, `4.62 s`."""
    if seconds is None:
        return milliseconds(None)
    return f"{seconds:.2f} s" if seconds >= 0.0995 else f"{1000 * seconds:.0f} ms"


def _plain(name: str, found: Figures) -> str:
    if not found.delivered:
        return f"{name} delivered none of {found.expected:,}"
    lost = f"lost {found.missing:,} of {found.expected:,} ({percent(found.missing / found.expected)} %)"
    whole = f"delivered all {found.expected:,}" if not found.missing else lost
    return f"{name} {whole}, its slowest after {how_long(found.worst)}"


def _again(tcp: Figures) -> str:
    return f" (it sent {tcp.again:,} segment{'s' * (tcp.again != 1)} again)" if tcp.again else ""


def _others(tcp: Figures, udp: Figures) -> str:
    """How it went for those who read."""
    lost = [(name, one.missing) for name, one in (("TCP", tcp), ("UDP", udp)) if one.missing]
    what = " and ".join(f"{count:,} over {name}" for name, count in lost)
    slowest = f"slowest {how_long(tcp.worst)} (TCP) and {how_long(udp.worst)} (UDP)"
    return f"the others missed {what or 'nothing'}, {slowest}"


def _stalled(record: Record) -> str:
    who, said = record.act.stopped, len(record.lines)
    parts: list[str] = []
    for name in SIDES:
        side = record.sides[name]
        missed = said - at_each(record, name)[who]
        how = f"{missed:,}{'' if parts else f' of {said:,}'} over {name.upper()}"
        if side.sent_away_at is not None and side.stopped_at is not None:
            after = side.sent_away_at - side.stopped_at
            how += f" (sent away as {side.why} after {after:.1f} s)"
        parts.append(how)
    return f"{who} missed {', '.join(parts)}"


def _forged(record: Record) -> str:
    """What reached the victims."""
    parts = []
    for name, where in (
        ("udp", "by our UDP server"),
        ("floor", "by one without a check"),
        ("tcp", "over TCP"),
    ):
        forged, got = of_victim(record, name)
        if forged:
            parts.append(f"{got:,} {where}" + (f" (for {forged:,})" if name == "tcp" else ""))
    forged, _ = of_victim(record, "udp")
    came = sorted(record.sides["tcp"].came | record.sides["udp"].came)
    who = f"{' and '.join(came)} joined" if came else "nobody joined our rooms"
    return f"For {forged:,} forged bytes the victim was sent {', '.join(parts)}; {who}"

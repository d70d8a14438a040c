"""One member stops reading while another one talks: what the others then hear, and when, from any server."""

from dataclasses import dataclass, field

from benchmarks.contestants.naive.room import STILL, Person, Room, numbered
from benchmarks.drivers.tcp import Tcp, TcpMember
from common import clock
from common.messages import Leave, ServerMessage, Violation
from common.statistics import percentile

RATE, SIZE = 1000, 2000
"""Texts a second, and the bytes of each: 2 MB/s, so that buffers are full in seconds."""

LISTENERS = 3


class WatchingMember(TcpMember):
    """A member of tcp/server.py who notes whether somebody was dropped because he was `slow`."""

    def __init__(self, nick: str, members: int) -> None:
        super().__init__(nick, members)
        self.slow = False

    def hear(self, message: ServerMessage | Violation) -> str | None:
        self.slow = self.slow or (isinstance(message, Leave) and message.reason == "slow")
        return super().hear(message)


class Watching(Tcp):
    """tcp/server.py with such members."""

    def member(self, nick: str, members: int) -> WatchingMember:
        return WatchingMember(nick, members)


@dataclass
class Stalled:
    """What became of it. Times are in seconds; those of `arrivals` and `still` count from when one stopped reading.

    `before` and `after` are the others' latencies, from when a text was due, while all read and once one did not.
    `said` texts were due since then, each of `LISTENERS` others heard at least `heard` of them, `arrivals` is when one
    of them did. `still`: from when on nobody heard anything, None if that never was. `dropped`: how many texts had been
    said when the others were told that he was dropped, None if they never were. `went_on`: whether others heard more
    once he read again. `found`: how many of the texts he then found.
    """

    said: int = 0
    heard: int = 0
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    still: float | None = None
    dropped: int | None = None
    went_on: bool | None = None
    found: int = 0

    def p99(self) -> tuple[float | None, float | None]:
        """Of the others' latencies, before and after; None of fewer than 1,000."""
        return percentile(sorted(self.before), 99), percentile(sorted(self.after), 99)

    def course(self, points: int) -> list[tuple[float, float]]:
        """Seconds, and how many MB one of the others had heard by then, in about so many points. It goes on until the
        last text was due: a room that stands still is a line that does not rise."""
        every = max(1, len(self.arrivals) // points)
        heard = [(self.arrivals[at], megabytes(at + 1)) for at in range(0, len(self.arrivals), every)]
        end = max(self.said / RATE, *self.arrivals[-1:])
        return [*heard, (end, megabytes(len(self.arrivals)))]


def megabytes(texts: int) -> float:
    """How much so many texts are."""
    return texts * SIZE / 1e6


def stall(here: Room, reading: float, stopped: float, receive_buffer: int | None = None) -> Stalled:
    """All read for so many seconds, and then one does not for so many; in the end he does again."""
    slow = here.join(receive_buffer)
    others = [here.join() for _ in range(LISTENERS)]
    ann = here.join()
    here.settle()
    made = Stalled()
    last = others[-1]

    def talk(first: int, seconds: float) -> list[float]:
        """Texts from this number on, each when it is due; when that was. Ends early if nobody hears any more."""
        begun = clock.monotonic()
        due = [begun + number / RATE for number in range(round(seconds * RATE))]
        for number, at in enumerate(due, first):
            here.until(lambda: False, at - clock.monotonic())
            ann.say(numbered(number, SIZE))
            if made.dropped is None and getattr(last.seat.member, "slow", False):
                made.dropped = number - first + 1
            if at - max(last.times[-1:], default=begun) > STILL and at - begun > STILL:
                return due[: number - first + 1]
        return due

    due = talk(0, reading)
    here.alive(lambda: len(last.heard), lambda: all(len(one.heard) >= len(due) for one in others))
    made.before = _latencies(others, due, 0)
    slow.pause()
    for one in others:
        one.heard.clear()
        one.times.clear()
    second = talk(len(due), stopped)
    made.said = len(second)
    all_heard = here.alive(
        lambda: len(last.heard), lambda: all(len(one.heard) >= len(second) for one in others)
    )
    made.heard = min(len(one.heard) for one in others)
    made.after = _latencies(others, second, len(due))
    made.arrivals = [at - second[0] for at in last.times]
    if not all_heard:
        made.still = made.arrivals[-1] if made.arrivals else 0.0
    slow.resume()
    heard = len(last.heard)
    made.went_on = None if all_heard else here.until(lambda: len(last.heard) > heard, STILL)
    here.alive(lambda: len(slow.heard), lambda: slow.gone or len(slow.heard) >= len(due) + len(second))
    numbers = {int(text[:7]) for text in slow.heard}
    made.found = len(numbers & set(range(len(due), len(due) + len(second))))
    return made


def _latencies(people: list[Person], due: list[float], first: int) -> list[float]:
    """From when each text was due until it came."""
    return [
        at - due[int(text[:7]) - first]
        for one in people
        for at, text in zip(one.times, one.heard, strict=True)
        if 0 <= int(text[:7]) - first < len(due)
    ]

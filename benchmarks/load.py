"""The load: one process that plays some of the members, says what the schedule says, and notes what comes.

    python -m benchmarks.load --driver tcp --port 4242 --share 0/2 …

`compare` starts it (`ps` shows it while a comparison runs). It is a process of its own so that its work is
not counted as the server's, and one thread, so that no switch between threads is measured.

It talks with `compare` in lines of JSON. When all its members are in, it says {"ready": true} and waits for
{"start": NANOSECONDS} of the monotonic clock, the same for all load processes. When the run is over it
says what it counted, followed by its records in binary (`records.py`), and stays until its input ends.
"""

import argparse
import gc
import json
import select
import selectors
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks import stamp
from benchmarks.drivers import DRIVERS
from benchmarks.records import Records
from benchmarks.schedule import schedule
from benchmarks.seat import Gone, Seat
from common import addresses, clock
from common.command_line import Parser

AT_ONCE = 16
"""Members that may be joining at a time: hundreds of hellos at once would overflow the buffers they meet."""

LOOK_EVERY = 0.05
"""Seconds between two looks at what is to be repeated while members join."""

SECOND = 1_000_000_000


class Load:
    """The members of one process. `options` are those of `parser`."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._driver = DRIVERS[options.driver]
        share, shares = map(int, options.share.split("/"))
        # Dealt out like cards, so that every process has senders also where only some members speak.
        self._numbers = range(share, options.members, shares)
        self._seats: dict[int, Seat] = {}
        self._selector = selectors.DefaultSelector()
        planned = schedule(options.seed, options.repeat, options.senders, options.rate, options.seconds)
        self._due = [due for due in planned if due.sender in self._numbers]
        others = 0 if self._driver.echoes else 1
        self._expected = sum(
            len(planned) - others * sum(due.sender == number for due in planned) for number in self._numbers
        )
        self._next = 0
        self._arrived = 0
        self._last = 0
        self._start = 0
        self._gone: dict[str, str] = {}
        self.records = Records()

    # --- before the run ---------------------------------------------------------------------------

    def join(self) -> None:
        """Bring every member in, and wait until each sees all the others. Raises Gone if one can't."""
        where = (self._options.host, self._options.port)
        waiting = list(self._numbers)
        while True:
            joining = sum(not seat.member.joined for seat in self._seats.values())
            while waiting and joining < AT_ONCE:
                self._open(waiting.pop(0), where)
                joining += 1
            if not waiting and all(seat.member.ready for seat in self._seats.values()):
                return
            for seat in self._wait(LOOK_EVERY):
                self._receive(seat)
            for seat in self._seats.values():
                seat.wake(clock.monotonic())
                if seat.member.problem:
                    raise Gone(seat.member.problem)
            for nick, reason in self._gone.items():
                raise Gone(f"{nick} could not join: {reason}")

    def _open(self, number: int, where: tuple[str, int]) -> None:
        seat = Seat(self._driver, number, self._options.members, where, self._selector)
        self._seats[number] = seat
        seat.begin(clock.monotonic())

    # --- the run ----------------------------------------------------------------------------------

    def run(self, start: int) -> dict[str, Any]:
        """Say what is due when it is due, note what comes, and stop when all of it has come, when nothing
        has come for `quiet` seconds, or `drain` seconds after the last message was due."""
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in the middle of the run would be measured as the server's delay
        ends = start + round(self._options.seconds * SECOND)
        quiet, drain = (round(value * SECOND) for value in (self._options.quiet, self._options.drain))
        self._start = start
        cpu, began = time.process_time(), clock.monotonic()
        while True:
            now = self._say_due()
            if self._next < len(self._due):
                until = start + self._due[self._next].at
                if now > ends + drain:
                    break  # hopelessly late: what was not sent yet no longer will be
            else:
                until = min(max(self._last, ends) + quiet, ends + drain)
                if now >= until or (now >= ends and self._arrived >= self._expected):
                    break
                if now < ends:
                    until = ends
            for seat in self._wait(max(0, until - now) / SECOND):
                self._receive(seat)
                self._say_due()
        wall = clock.monotonic() - began
        return {
            "planned": len(self._due),
            "cpu_s": time.process_time() - cpu,
            "wall_s": wall,
            "still_coming": self._arrived < self._expected and now < self._last + quiet,
            "refused": sum(seat.refused for seat in self._seats.values()),
            "gone": self._gone,
        }

    def _say_due(self) -> int:
        """Send all that is due by now; returns the time."""
        while True:
            now = clock.monotonic_ns()
            if self._next == len(self._due) or self._start + self._due[self._next].at > now:
                return now
            at, sender, number = self._due[self._next]
            self._next += 1
            scheduled = self._start + at
            text = stamp.write(sender, number, scheduled, now, self._options.size)
            self._seats[sender].say(text)
            self.records.sends.extend((sender, number, scheduled, now))

    def _receive(self, seat: Seat) -> None:
        """Note what has come for one member."""
        try:
            for received, text in seat.receive():
                self._last = received
                said = stamp.read(text, self._options.size)
                if said is None:
                    self.records.unreadable += 1
                else:
                    self.records.arrivals.extend((seat.number, *said, received))
                    self._arrived += 1
        except Gone as error:
            self._gone[seat.member.nick] = str(error)

    def _wait(self, seconds: float) -> list[Seat]:
        """The seats that have something to read, waiting for it up to `seconds`. Sends what was left over."""
        # epoll waits in whole milliseconds; select waits in microseconds, and can wait for epoll.
        if isinstance(self._selector, getattr(selectors, "EpollSelector", ())):
            select.select([self._selector.fileno()], [], [], seconds)
            seconds = 0
        ready = []
        for key, events in self._selector.select(seconds):
            if events & selectors.EVENT_WRITE:
                key.data.flush()
            if events & selectors.EVENT_READ:
                ready.append(key.data)
        return ready

    def close(self) -> None:
        """Leave the room by leaving."""
        for seat in self._seats.values():
            seat.close()
        self._selector.close()


def parser() -> Parser:
    """What `compare` tells a load process."""
    options = Parser(prog="python -m benchmarks.load", description=__doc__)
    options.add_argument("--driver", choices=list(DRIVERS), required=True)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--share", default="0/1", help="K/N: members K, K+N, K+2N, … are played here")
    for name in ("port", "members", "senders", "size", "seed", "repeat"):
        options.add_argument(f"--{name}", type=int, required=True)
    for name in ("rate", "seconds", "quiet", "drain"):
        options.add_argument(f"--{name}", type=float, required=True)
    return options


def main() -> int:
    """`python -m benchmarks.load`"""
    # The kernel may put off a wake-up by 50 µs to save power, and does. That would be the load's lateness.
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")
    load = Load(parser().parse_args())
    try:
        load.join()
        _tell({"ready": True})
        order = sys.stdin.readline()
        if not order:
            return 0  # whoever started us is gone
        counted = load.run(json.loads(order)["start"])
        _tell(counted | load.records.header(), load.records.body())
        sys.stdin.readline()  # stay until we are sent away: the kernel is still asked about our connections
        load.close()
    except (Gone, addresses.Unusable) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.strerror or error} ({type(error).__name__})", file=sys.stderr)
        return 1
    return 0


def _tell(message: dict[str, Any], body: bytes = b"") -> None:
    line = json.dumps(message | {"bytes": len(body)}).encode() + b"\n"
    sys.stdout.buffer.write(line + body)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())

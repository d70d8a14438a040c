"""A server in a process of its own, and a few people who talk to it: all in one thread, and nobody waits for ever.

room = Room(stage, Faulty({"no-lock"}))
ann, bob = room.join(), room.join()
ann.say("hi")
room.until(lambda: "hi" in bob.heard)
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from benchmarks.drivers import Driver
from benchmarks.network import LOCALHOST, START_TIMEOUT
from benchmarks.seat import Gone, Seat
from benchmarks.stage import Failed, Stage
from common import clock

JOIN = 10.0
"""Seconds that a newcomer has. Nobody is kept waiting on purpose then."""

STILL = 1.5
"""Seconds without a sign of life after which a room is said to stand still. A room that does not takes less than a
hundredth of it, and on a busy machine perhaps a tenth."""

AHEAD = 100
"""Texts that a flood may be ahead of those who read it: nobody who reads is to fall behind."""

SMALL = 4096
"""Bytes of receive buffer of somebody who will stop reading: what he does not read then waits at the server."""


class Person:
    """One who takes part, and what he has `heard`: the texts as they came, and at which `times`, in seconds of the
    monotonic clock."""

    def __init__(self, seat: Seat, selector: selectors.BaseSelector) -> None:
        self.nick = seat.member.nick
        self.heard: list[str] = []
        self.times: list[float] = []
        self.gone = False
        """The server has closed his connection."""
        self.seat = seat
        self._selector = selector
        self._paused = False

    @property
    def joined(self) -> bool:
        """The server has let him in."""
        return self.seat.member.joined

    def say(self, *texts: str) -> None:
        """Say these; what the server does not take now waits here."""
        for text in texts:
            self.seat.say(text)

    def burst(self, texts: Iterable[str]) -> None:
        """Say these in one go: a few kilobytes, when he has said nothing for a while."""
        self.seat.socket.sendall(b"".join(map(self.seat.member.say, texts)))

    def pause(self) -> None:
        """Stop reading, until `resume`."""
        self._selector.unregister(self.seat.socket)
        self._paused = True

    def resume(self) -> None:
        """Read again."""
        self._selector.register(self.seat.socket, selectors.EVENT_READ, self.seat)
        self._paused = False

    def leave(self) -> None:
        """Close the connection."""
        if self._paused:
            self.resume()
        self.seat.close()


class Room:
    """A server, started on the `stage`, and who talks to it."""

    def __init__(self, stage: Stage, driver: Driver) -> None:
        self._driver = driver
        self._stage = stage
        # With what it writes to its standard error: that is where an uncaught exception is seen.
        command = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *driver.server(LOCALHOST, 0)]
        self._server = stage.start(f"The server {driver.name}", command)
        self.pid = self._server.pid
        self.port: int = stage.wait_for(self._server, driver.port, "starting", START_TIMEOUT)
        self._selector = selectors.DefaultSelector()
        self._people: dict[Seat, Person] = {}

    def arrive(self, receive_buffer: int | None = None) -> Person:
        """Somebody connects, with a receive buffer of so many bytes instead of the usual one, and says who he is."""
        number = len(self._people)
        where = (LOCALHOST, self.port)
        seat = Seat(self._driver, number, 1, where, self._selector, receive_buffer)
        person = self._people[seat] = Person(seat, self._selector)
        seat.begin(clock.monotonic())
        return person

    def join(self, receive_buffer: int | None = None) -> Person:
        """The same, and he is in. Raises Failed if he can't be."""
        person = self.arrive(receive_buffer)
        if not self.until(lambda: person.seat.member.joined, JOIN):
            raise Failed(f"{person.nick} could not join: {person.seat.member.problem or 'nobody answers'}.")
        return person

    def silent(self) -> socket.socket:
        """Somebody connects, and says nothing. Whoever asks for him closes him."""
        return socket.create_connection((LOCALHOST, self.port), JOIN)

    def until(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Let people talk and hear until this is so; whether it is within so many seconds."""
        deadline = clock.monotonic() + seconds
        while not happened():
            left = deadline - clock.monotonic()
            if left <= 0:
                return False
            self._turn(left)
        return True

    def settle(self) -> None:
        """Let people hear what has come for them already."""
        while self._turn(0.0):
            pass

    def alive(self, progress: Callable[[], object], happened: Callable[[], bool]) -> bool:
        """The same, for as long as `progress` changes at least every `STILL` seconds."""

        def moved(seen: object) -> bool:
            return self.until(lambda: happened() or progress() != seen, STILL)

        while not happened():
            if not moved(progress()):
                return False
        return True

    def flood(self, talker: Person, listeners: Sequence[Person], count: int, size: int) -> int:
        """`talker` says `count` numbered texts of `size` bytes, never more than `AHEAD` before what `listeners` have
        heard. How many he said before the room stood still; all, if it never did."""
        first = [len(one.heard) for one in listeners]

        def heard() -> int:
            return min(len(one.heard) - begun for one, begun in zip(listeners, first, strict=True))

        def keeps_up(said: int) -> bool:
            return self.alive(heard, lambda: heard() >= said - AHEAD)

        for number in range(count):
            if not keeps_up(number):
                return number
            talker.say(numbered(number, size))
        return count

    def complaint(self, word: str) -> str:
        """The first line with this word that the server writes; empty if none comes."""
        try:
            line = self._stage.wait_for(
                self._server, lambda line: line.strip() if word in line else None, "", STILL
            )
        except Failed:
            return ""
        return str(line)

    def end(self) -> None:
        """Everybody goes, and the server, too."""
        for person in self._people.values():
            if not person.gone:
                person.leave()
        self._selector.close()
        self._stage.dismiss([self._server])

    def _turn(self, seconds: float) -> bool:
        """Wait for something to happen, and deal with it; whether anything did."""
        if not self._selector.get_map():
            time.sleep(min(seconds, 0.01))  # nobody is here who could hear anything
            return False
        happened = self._selector.select(min(seconds, 0.05))
        for key, events in happened:
            seat: Seat = key.data
            if events & selectors.EVENT_WRITE:
                seat.flush()
            if events & selectors.EVENT_READ:
                try:
                    for at, text in seat.receive():
                        self._people[seat].heard.append(text)
                        self._people[seat].times.append(at / 1e9)
                except Gone:
                    self._people[seat].gone = True
        return bool(happened)


def numbered(number: int, size: int) -> str:
    """Text `number`, of `size` bytes."""
    return f"{number:07d} ".ljust(size, "x")


@contextmanager
def room(stage: Stage, driver: Driver) -> Iterator[Room]:
    """A room that is empty in the end."""
    made = Room(stage, driver)
    try:
        yield made
    finally:
        made.end()

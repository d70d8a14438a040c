"""The processes of a demonstration, inside one link: two servers and their five members each, the forger, and a server
without an address check for comparison. What they tell comes out as `News`; nothing here waits once they play.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from benchmarks import kernel
from benchmarks.child import Child, Said
from benchmarks.demo import acts
from benchmarks.demo.news import News
from benchmarks.drivers import DRIVERS
from benchmarks.network import PORT, START_TIMEOUT, Conditions, Emulated
from benchmarks.stage import ANSWER_TIMEOUT, Failed, Stage, Wish
from common import clock

TRANSPORTS = ("tcp", "udp")

FLOOR_PORT = 4343
"""Of the server without an address check."""

LOOK_EVERY = 0.25
"""Seconds between two looks at what the kernel and the link have counted."""

COUNTED = (("tcp", "again", "RetransSegs"), ("udp", "overflow", "RcvbufErrors"))
"""What the kernel counts in the link's namespace that is news, for which transport."""


class Link(Emulated):
    """The link, which changes while it runs and says so whenever it has come to it."""

    def __init__(self, way: list[str], seed: int) -> None:
        super().__init__(Conditions("emulated", "demo", acts.DELAY, acts.DELAY, seed), way)

    @property
    def process(self) -> Child:
        """The link's own process."""
        return self._link

    def record(self, capture: Path | None) -> None:
        """From now on it counts from zero, and writes to this capture, or to none."""
        order = {"do": "begin", "up": acts.DELAY, "down": acts.DELAY, "seed": self.conditions.seed}
        self._link.tell(order | ({"capture": str(capture)} if capture else {}))

    def change(self, words: str) -> None:
        """From now on both directions are like this. Answered by its new state."""
        self._link.tell({"do": "change", "up": words, "down": words})

    def look(self) -> None:
        """Answered by its account."""
        self._link.tell({"do": "account"})


class Company(Stage):
    """Everybody who plays. `gather` first, `seed` is that of the link's chances."""

    def __init__(self, way: list[str], seed: int, interrupted: Wish, progress: Callable[[str], None]) -> None:
        super().__init__(interrupted, progress)
        self._way, self._seed = way, seed
        self._link = Link(way, seed)
        self._heard: list[Said] = []
        self._names: dict[Child, str] = {}
        self._look_at = 0.0
        self._counters: dict[str, int] = {}
        self._counted: dict[str, int] = {}

    def gather(self, capture: Path | None) -> None:
        """Set up the link, which writes to `capture` if there is one; start everybody, and let the members join.
        Raises Failed or Interrupted."""
        self._link.make(self)
        self.record(capture)
        servers = {
            name: self._start(f"{name}.server", "--host", self._link.bind, "--port", PORT)
            for name in TRANSPORTS
        }
        floor = self._start("benchmarks.contestants.floor_udp", self._link.bind, FLOOR_PORT)
        for name, server in servers.items():
            self.wait_for(server, DRIVERS[name].port, "starting the servers", START_TIMEOUT)
        self.wait_for(floor, lambda line: line or None, "starting the servers", START_TIMEOUT)
        host, port = self._link.way_to(self, PORT)
        where = ("--host", host, "--port", port)
        self._casts = {
            name: self._start("benchmarks.demo.cast", "--transport", name, *where) for name in TRANSPORTS
        }
        self._names = {cast: name for name, cast in self._casts.items()}
        forging = (*where, "--floor-port", FLOOR_PORT, "--seed", self._seed)
        self._forger = self._start("benchmarks.demo.forger", *forging)
        self._names[self._forger] = ""
        for child in (*self._casts.values(), self._forger):
            self._ready(child)

    def record(self, capture: Path | None) -> None:
        """Write what crosses the link to another capture from now on, or to none; the last one is complete when this
        returns. Raises Failed."""
        self._link.record(capture)
        self.wait_for(self._link.process, _begun, "asking the link", ANSWER_TIMEOUT)

    # --- orders -----------------------------------------------------------------------------------

    def change(self, words: str) -> None:
        """The link is like this from now on, both ways."""
        self._link.change(words)

    def say(self, member: str, number: int, text: str, due: float, *, everywhere: bool) -> None:
        """Let a member say something over both transports at the same moment; `everywhere`: on the server without an
        address check, too."""
        order = {"do": "say", "member": member, "number": number, "text": text, "due": due}
        for child in (*self._casts.values(), *((self._forger,) if everywhere else ())):
            child.tell(order)

    def order(self, words: str) -> None:
        """A cue's order: `stop dan`, `read dan`, `forge`, `forge blind`."""
        do, _, who = words.partition(" ")
        if do in ("stop", "read"):
            for cast in self._casts.values():
                cast.tell({"do": do, "member": who})
        else:
            self._forger.tell({"do": words})

    # --- news -------------------------------------------------------------------------------------

    def news(self, wait: float) -> list[News]:
        """What has happened since the last time; waits up to `wait` seconds for the first of it. Raises Failed if a
        process ends."""
        self._look()
        try:
            self._keep(self._said.get(timeout=max(0.0, wait)))
            while True:
                self._keep(self._said.get_nowait())
        except Empty:
            pass
        heard, self._heard = self._heard, []
        return [*self._counts(), *(one for said in heard for one in self._told(said))]

    def _look(self) -> None:
        """From time to time ask the link what it has done."""
        if clock.monotonic() >= self._look_at:
            self._look_at = clock.monotonic() + LOOK_EVERY
            self._link.look()
            self._counters = kernel.counters(self._link.process.pid) or {}

    def _counts(self) -> Iterator[News]:
        for transport, what, name in COUNTED:
            count = self._counters.get(name, 0)
            if self._counted.get(name) != count:
                self._counted[name] = count
                yield News(clock.monotonic(), transport, what, amount=count)

    def _told(self, said: Said) -> Iterator[News]:
        """The news in a line of a process: of a server's log, none."""
        if said.child not in self._names and said.child is not self._link.process:
            return
        line: dict[str, Any] = json.loads(said.line or "")
        if said.child is self._link.process:
            if "error" in line:
                raise Failed(f"{said.child.name}: {line['error']}")
            yield from self._of_link(line)
        elif "what" in line:
            yield News(
                line["at"], line.get("transport") or self._names[said.child], line["what"], line.get("member", ""),
                line.get("number", 0), line["amount"], line["words"],
            )  # fmt: skip

    def _of_link(self, line: dict[str, Any]) -> Iterator[News]:
        now = clock.monotonic()
        match line:
            case {"up": {"received": up}, "down": {"received": down}}:
                dropped = sum(sum(line[way]["dropped"].values()) for way in ("up", "down"))
                yield News(now, "link", "entered", amount=up + down)
                yield News(now, "link", "dropped", amount=dropped)
            case {"up": str(words)}:
                yield News(now, "link", "like", words=words)

    # --- processes --------------------------------------------------------------------------------

    def _start(self, module: str, *words: object) -> Child:
        argv = [sys.executable, "-m", module, *map(str, words)]
        return self.start(" ".join(argv[2:]), self._link.command(argv))

    def _ready(self, child: Child) -> None:
        self.wait_for(
            child, lambda line: json.loads(line).get("ready"), "letting everybody join", 3 * START_TIMEOUT
        )

    def wait_for(self, child: Child, find: Callable[[str], Any], doing: str, seconds: float) -> Any:
        """As ever, but what others say meanwhile, or this one about something else, is kept for its turn."""
        deadline = clock.monotonic() + seconds
        looked = 0
        while True:
            while looked < len(self._heard):
                said = self._heard[looked]
                if said.child is child and (found := find(said.line or "")) is not None:
                    del self._heard[looked]
                    return found
                looked += 1
            self._heard.append(self._next(doing, deadline))

    def _keep(self, said: Said) -> None:
        if said.line is None:
            raise Failed(said.child.obituary())
        self._heard.append(said)


def _begun(line: str) -> Any:
    """Whether this answers the order to begin. Raises Failed if it refuses."""
    answer = json.loads(line)
    if "error" in answer:
        raise Failed(f"The link: {answer['error']}")
    return True if "wall_offset_ns" in answer else None


@contextmanager
def company(
    way: list[str], seed: int, interrupted: Wish, progress: Callable[[str], None]
) -> Iterator[Company]:
    """A company that has gone home in the end."""
    made = Company(way, seed, interrupted, progress)
    try:
        yield made
    finally:
        made.end()

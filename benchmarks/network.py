"""Where a run takes place: on loopback, across an emulated link, or, over UDP, through a relay.

For a run these differ in where the server listens, where the members connect to, and how a program gets there.
"""

import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks import kernel
from benchmarks.link import namespace
from benchmarks.link.line import Line
from benchmarks.link.packet import FAR, NEAR
from benchmarks.link.probe import Seen
from benchmarks.link.self_check import judge
from benchmarks.link.specification import without_loss
from benchmarks.stage import Failed, Stage

LOCALHOST = "127.0.0.1"

PORT = 4242
"""Of the server in a network of its own: nobody else is there to have it."""

START_TIMEOUT = 15.0
"""Seconds a process has until it has begun: Python on a busy machine needs one."""

PROBES, PROBE_RATE, PROBE_SIZE = 400, 1000.0, 44
"""Probes each way of one self-check, how many of them in a second (no more than the link carries exactly), and the
bytes of each."""

MARGIN = 0.1
"""Seconds beyond what the link was asked for that probes are waited for."""


def derived(*parts: object) -> int:
    """A seed made of these: the same for everybody, and unlike that of any others."""
    return random.Random("/".join(map(str, parts))).getrandbits(31)  # a str is hashed alike by every Python


@dataclass(frozen=True)
class Conditions:
    """What the network of a run is like. `up` and `down` are specifications of a link; `kind` says what there
    is of it: `emulated` below the kernel's TCP and UDP, a `relay` for UDP alone, or `loopback`, where there is
    none."""

    kind: str = "loopback"
    profile: str = "loopback"
    up: str = ""
    down: str = ""
    seed: int = 1

    @property
    def lines(self) -> dict[str, Line]:
        """Both directions, to ask them what they are expected to do."""
        return {"up": Line(self.up, "theory"), "down": Line(self.down, "theory")}

    def longest(self, load: float) -> float:
        """Seconds that a packet takes at most (but for one in ten thousand) to the server and on to a member, if not
        more than `load` bytes are under way."""
        return sum(line.longest(load) for line in self.lines.values())


@dataclass
class Account:
    """What the network of a run says afterwards, in the form of a result: see `result_format.py`."""

    link: dict[str, Any] | None = None
    probes: dict[str, Any] | None = None
    kernel: dict[str, int] | None = None
    tcp_info: dict[str, Any] | None = None
    wall_offset_ns: int = 0


class Place(Protocol):
    """Where a run takes place."""

    bind: str
    port: int

    def prepare(self, stage: Stage, earlier: Sequence[dict[str, Seen]]) -> None:
        """Make the network and check it. Raises Failed if it is not what was asked for."""

    def command(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` there."""

    def way_to(self, stage: Stage, port: int) -> tuple[str, int]:
        """Where members connect to, if the server listens on `port`."""

    def begin(self, stage: Stage, start: float, capture: Path | None) -> None:
        """From `start` on (monotonic clock, seconds) the network is as bad as it was asked to be."""

    def account(self, stage: Stage) -> Account:
        """What became of it."""


@dataclass
class Loopback:
    """This machine's own loopback: nothing is done to it."""

    bind: str = LOCALHOST
    port: int = 0

    def prepare(self, stage: Stage, earlier: Sequence[dict[str, Seen]]) -> None:
        """Nothing to do: it is there."""

    def command(self, argv: list[str]) -> list[str]:
        return argv

    def way_to(self, stage: Stage, port: int) -> tuple[str, int]:
        return LOCALHOST, port

    def begin(self, stage: Stage, start: float, capture: Path | None) -> None:
        """Nothing to do: it is as bad as it will be."""

    def account(self, stage: Stage) -> Account:
        return Account()  # its counters are everybody's on this machine


class _Linked:
    """What a link of TUN and a relay have in common: a process that takes orders (`link/control.py`)."""

    bind: str
    port: int
    _probe_options: Sequence[str]

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self._account = Account()

    def command(self, argv: list[str]) -> list[str]:
        """The command that runs `argv` there."""
        return argv

    def begin(self, stage: Stage, start: float, capture: Path | None) -> None:
        """From `start` on (monotonic clock, seconds) the network is as bad as it was asked to be."""
        path = {"capture": str(capture)} if capture else {}
        self._order(stage, self.conditions.up, self.conditions.down, at=start, **path)

    def account(self, stage: Stage) -> Account:
        """What became of it."""
        self._account.link = stage.ask(self._link, {"do": "account"}, "asking the link")
        return self._account

    def _start(self, stage: Stage, name: str, command: list[str], word: str) -> Any:
        """Start the link's process; returns what it says of `word` when it is ready."""
        self._link = stage.start(name, command)
        return stage.wait_for(self._link, told(word), "setting up the link", START_TIMEOUT)

    def _order(self, stage: Stage, up: str, down: str, **more: Any) -> None:
        order = {"do": "begin", "up": up, "down": down, "seed": self.conditions.seed}
        answer = stage.ask(self._link, order | more, "setting up the link")
        self._account.wall_offset_ns = answer["wall_offset_ns"]

    def _calm(self, stage: Stage, **more: Any) -> None:
        """Let members join over a link that has its delay, but loses nothing: joining is not the question."""
        self._order(stage, without_loss(self.conditions.up), without_loss(self.conditions.down), **more)

    def _check(self, stage: Stage, earlier: Sequence[dict[str, Seen]]) -> None:
        """Send probes across the link as it was asked to be. Raises Failed if it is not."""
        lines = self.conditions.lines
        for attempt in (1, 2):  # an honest link, too, has its bad days: one in a thousand is asked again
            # Each round has chances of its own: of equal ones the second would prove nothing.
            seed = derived(self.conditions.seed, "probes", len(earlier), attempt)
            seen = self.probe(stage, PROBES, PROBE_RATE, seed)
            link = self.account(stage).link or {}
            problems = [
                judge(line, direction, seen[direction], link[direction], [one[direction] for one in earlier])
                for direction, line in lines.items()
            ]
            if not any(problems):
                self._account.probes = seen
                return
        raise Failed(
            "The link is not what it was asked to be, so nothing is measured on it: "
            + "; ".join(filter(None, problems))
            + "."
        )

    def probe(self, stage: Stage, count: int, rate: float, seed: int) -> dict[str, Seen]:
        """Send `count` probes each way, `rate` a second, across the link as it was asked to be."""
        wait = max(line.longest(count * PROBE_SIZE) for line in self.conditions.lines.values()) + MARGIN
        options = ["--count", str(count), "--rate", str(rate), "--wait", str(wait)]
        command = self.command([*_python("benchmarks.link.probe"), *self._probe_options, *options])
        doing, patience = "checking the link", START_TIMEOUT + count / rate + 2 * wait
        probes = stage.start("The probes", command)
        port = stage.wait_for(probes, told("port"), doing, START_TIMEOUT)
        self._calm(stage, target=port)
        probes.tell({"do": "meet"})
        stage.wait_for(probes, told("met"), doing, patience)
        self._order(stage, self.conditions.up, self.conditions.down, seed=seed)
        probes.tell({"do": "exchange"})
        said = stage.wait_for(probes, told("seen"), doing, patience)
        stage.may_end(probes)
        return {direction: Seen(**one) for direction, one in said.items()}


class Emulated(_Linked):
    """A link of a run's own, with everything that belongs to it: namespace, device, emulator. `way` leads into
    namespaces (`namespace.way_in`), `congestion` is TCP's congestion control there."""

    bind = NEAR
    port = PORT
    _probe_options = ("--server", NEAR, "--client", FAR)

    def __init__(self, conditions: Conditions, way: list[str], congestion: str = "") -> None:
        super().__init__(conditions)
        self._way = way
        self._congestion = ["--congestion", congestion] if congestion else []
        self._into: list[str] = []
        self._before: dict[str, int] | None = None

    def prepare(self, stage: Stage, earlier: Sequence[dict[str, Seen]]) -> None:
        """Make the network and check it."""
        self.make(stage)
        self._check(stage, earlier)
        self._calm(stage)

    def make(self, stage: Stage) -> None:
        """Make the network. It is not impaired yet."""
        command = [*self._way, "--", *_python("benchmarks.link.control"), *self._congestion]
        self._start(stage, "The link", command, "ready")
        self._into = namespace.into(self._link.pid, self._way)

    def command(self, argv: list[str]) -> list[str]:
        """Inside the namespaces."""
        return [*self._into, *argv]

    def way_to(self, stage: Stage, port: int) -> tuple[str, int]:
        """Across the link."""
        return FAR, port

    def begin(self, stage: Stage, start: float, capture: Path | None) -> None:
        """And the kernel's counters begin to count."""
        self._before = kernel.counters(self._link.pid)
        super().begin(stage, start, capture)

    def account(self, stage: Stage) -> Account:
        """With what the kernel knows: the namespace is this run's own, so its counters are, too."""
        after = kernel.counters(self._link.pid)
        if self._before is not None and after is not None:
            self._account.kernel = kernel.difference(self._before, after)
        self._account.tcp_info = stage.ask(self._link, {"do": "sockets"}, "asking the kernel")["tcp_info"]
        return super().account(stage)


class Relayed(_Linked):
    """A relay in front of the server, for UDP only."""

    bind = LOCALHOST
    port = 0

    def prepare(self, stage: Stage, earlier: Sequence[dict[str, Seen]]) -> None:
        """Start the relay and check it."""
        command = [*_python("benchmarks.link.control"), "--relay", LOCALHOST]
        self._through: int = self._start(stage, "The relay", command, "port")
        ends = ["--server", LOCALHOST, "--client", LOCALHOST]
        self._probe_options = [*ends, "--port", "0", "--through", str(self._through)]
        self._check(stage, earlier)

    def way_to(self, stage: Stage, port: int) -> tuple[str, int]:
        """Through the relay, which from now on knows where the server is."""
        self._calm(stage, target=port)
        return LOCALHOST, self._through


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def told(word: str) -> Callable[[str], Any]:
    """What a line of JSON says of `word`; None if it does not."""

    def find(line: str) -> Any:
        return json.loads(line).get(word) if line.startswith("{") else None

    return find

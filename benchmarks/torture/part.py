"""One transport under torture: a server, ten members who talk, and all hostile acts at the same time; then silence, the
account, and the server's own end and return.
"""

import sys
from collections.abc import Callable
from typing import Any

from benchmarks.child import Child
from benchmarks.drivers import DRIVERS
from benchmarks.network import LOCALHOST, START_TIMEOUT, Loopback, Place
from benchmarks.torture.acts import Orders
from benchmarks.torture.findings import Drops, Part, Report, Told
from benchmarks.torture.health import Health, health, udp_drops
from benchmarks.torture.logbook import read
from benchmarks.torture.plan import Cue, Plan, cues
from benchmarks.torture.theatre import Ended, Theatre
from common import limits

ANSWER = 60.0
"""Seconds for an answer of the members that takes them long: all of them come back."""

SETTLE = limits.HELLO_TIMEOUT + 5.0
"""Seconds until everybody who was hostile is gone from the server, beside the silence of UDP."""

LONG_ENOUGH = 10.0
"""Seconds of a warm-up after which the server's memory has become about what it will be."""


class Show:
    """One server at `place`, and the ten who talk at it."""

    def __init__(self, theatre: Theatre, plan: Plan, transport: str, place: Place) -> None:
        self.theatre, self.plan, self.transport = theatre, plan, transport
        self._place = place
        self.port = place.port
        self.server = self.start_server()

    def start_server(self) -> Child:
        """Start the server: at any free port the first time, at the same one from then on."""
        argv = [
            sys.executable,
            "-m",
            f"{self.transport}.server",
            "--host",
            self._place.bind,
            "--port",
            str(self.port),
        ]
        if self.transport == "udp":
            argv += ["--silence", str(self.plan.silence)]
        name = f"The {self.transport} server"
        self.server = self.theatre.start_server(name, self._place.command(argv))
        port: int = self.theatre.wait_for(
            self.server, DRIVERS[self.transport].port, "starting", START_TIMEOUT
        )
        self.port = port
        return self.server

    def bring_in(self) -> None:
        """Let the members join."""
        host, port = self._place.way_to(self.theatre, self.port)
        options = {"transport": self.transport, "host": host, "port": port}
        options |= {"members": self.plan.members, "rate": self.plan.rate}
        command = self._place.command(_python("benchmarks.torture.members", options))
        self.members = self.theatre.start("The members", command)
        self.theatre.wait_for(self.members, lambda line: line or None, "joining", ANSWER)

    def account(self) -> Told:
        """What the members tell of the round, which ends; they stay silent."""
        return Told.of(self.theatre.order(self.members, {"do": "account"}, "giving account", ANSWER))

    def talk(self) -> None:
        """Let the members go on."""
        self.members.tell({"do": "talk"})

    def perform(
        self, acts: list[Cue], seconds: float, what: str, ports: list[int] | None = None
    ) -> dict[str, Report]:
        """All acts at the same time; what each of them told at its end."""
        host, port = self._place.way_to(self.theatre, self.port)
        actors: dict[Child, str] = {}
        for cue in acts:
            orders = Orders(
                transport=self.transport, host=host, port=port, seconds=seconds, rate=cue.rate, count=cue.count,
                seed=self.plan.seed_of(self.transport, what, cue.act), ports=tuple(ports or ()),
            )  # fmt: skip
            command = self._place.command(
                _python("benchmarks.torture.actor", {"act": cue.act} | vars(orders))
            )
            actors[self.theatre.start(f"The act {cue.act!r}", command)] = cue.act
        reports = {cue.act: Report() for cue in acts}

        def doing() -> str:
            return f"{what}: {sum(report.sent for report in reports.values()):,} so far"

        for message in self.theatre.hear(list(actors), doing, seconds):
            reports[actors[message["child"]]] = Report(
                message["sent"], message.get("counts", {}), message.get("amplification", 0.0)
            )
        return reports

    def drops(self) -> Drops:
        """What the kernel has dropped so far in front of this server and in front of the members."""
        return Drops(udp_drops(self.server.pid), udp_drops(self.members.pid))

    def stop_server(self) -> Ended:
        """SIGTERM."""
        return self.theatre.stop_server(self.server, "stopping the server")

    def log(self) -> list[str]:
        """What the server has logged."""
        return self.theatre.logs[self.server]


def torment(theatre: Theatre, plan: Plan, transport: str, act: Callable[[str], None]) -> Part:
    """The part of one transport, on loopback. `act` is called with the name of each of its acts as it begins."""
    part = Part(transport, planned=plan.hostile, warm=plan.warm_up_seconds >= LONG_ENOUGH)
    act("joining")
    show = Show(theatre, plan, transport, Loopback(LOCALHOST))
    show.bring_in()
    theatre.pause("listening to the members", 1.0)
    part.fresh = health(show.server.pid)
    act("warm-up")
    seconds = plan.warm_up_seconds
    part.warm_up = show.perform(cues(plan, transport, seconds), seconds, "warming up")
    _settle(show, part.fresh)
    part.before = health(show.server.pid)
    act("hostile acts")
    seconds = plan.hostile_seconds
    part.acts = show.perform(cues(plan, transport, seconds), seconds, "hostile acts")
    act("silence")
    part.settled = _settle(show, part.fresh)
    part.after = health(show.server.pid)
    part.told = show.account()
    if transport == "udp":
        part.drops = show.drops()
    act("restart")
    ended = show.stop_server()
    part.ended_well, part.ended_in, part.log = ended.well, ended.seconds, read(show.log())
    show.start_server()
    show.talk()
    theatre.pause("coming back", 0.5)  # who has missed the goodbye learns from the answer that it is unknown
    part.back = bool(theatre.order(show.members, {"do": "back"}, "coming back", ANSWER)["back"])
    show.account()  # what was said between the two servers belongs to neither
    show.talk()
    theatre.pause("talking after the restart", plan.restart_seconds)
    part.told_after = show.account()
    if transport == "udp":
        part.drops_after = show.drops()
    theatre.may_end(show.members)
    part.ended_well_after = show.stop_server().well
    part.log_after = read(show.log())
    return part


def _settle(show: Show, fresh: Health) -> bool:
    """Wait until only the members are left in the server, as far as its threads and files tell."""
    if show.transport == "udp" or fresh.threads is None:
        # A UDP server has neither for a member: there is nothing to see but that the silence is over.
        show.theatre.pause("waiting for silence", show.plan.silence + 1.5)
    return show.theatre.watch(lambda: _back(fresh, health(show.server.pid)), "waiting for silence", SETTLE)


def _back(fresh: Health, now: Health) -> bool:
    return now.threads == fresh.threads and now.files == fresh.files


def _python(module: str, options: dict[str, Any]) -> list[str]:
    words = [sys.executable, "-m", module]
    for name, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name}", *map(str, values)] if values else []
    return words

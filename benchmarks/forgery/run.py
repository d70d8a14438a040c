"""One attack: a link, three servers whose rooms talk, the process that forges, and what its capture tells."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.contestants import CONTESTANTS
from benchmarks.forgery.ends import LEAD, ROOMS, SECOND, VICTIMS
from benchmarks.forgery.toll import Toll, tolls
from benchmarks.network import PORT, START_TIMEOUT, Account, Place, told
from benchmarks.run import HEAD_START, SLACK
from benchmarks.stage import Failed, Stage
from common import clock

PORTS = dict(zip(ROOMS, (PORT, PORT + 1, PORT), strict=True))
"""Of the servers. What is TCP's is not UDP's."""


@dataclass(frozen=True)
class Plan:
    """In each room `members` say `rate` messages a second, in turn, of `size` bytes. From the first forged packet on
    that goes on for `seconds`, and in the name of one victim a hello is forged `again` times a second."""

    members: int = 5
    size: int = 100
    rate: float = 20.0
    again: float = 10.0
    seconds: float = 12.0


@dataclass(frozen=True)
class Attack:
    """What an attack brought home: the toll of each victim, and of one member of each room (of which only what came to
    it means anything), within the plan's seconds. `repeats`: how often this kernel repeats a SYN-ACK."""

    plan: Plan
    victims: dict[str, Toll]
    members: dict[str, Toll]
    repeats: int
    account: Account


def run(stage: Stage, place: Place, plan: Plan, capture: Path) -> Attack:
    """Attack all three servers at once, at `place`, which has to be an emulated link. Raises Failed if nothing was
    forged, or nobody talked; Interrupted."""
    place.prepare(stage, [])
    for room, port in PORTS.items():
        driver = CONTESTANTS[room]
        server = stage.start(f"The server {room}", place.command(driver.server(place.bind, port)))
        stage.wait_for(server, driver.port, f"starting {room}", START_TIMEOUT)
    words = ["--host", place.way_to(stage, PORT)[0], "--ports", *map(str, PORTS.values())]
    words += [word for name, value in asdict(plan).items() for word in (f"--{name}", str(value))]
    argv = [sys.executable, "-m", "benchmarks.forgery.ends", *words]
    forgery = stage.start("The forgery", place.command(argv))
    ready = stage.wait_for(forgery, told("ready"), "joining", START_TIMEOUT)
    start = clock.monotonic_ns() + round(HEAD_START * SECOND)
    place.begin(stage, start / SECOND, capture)
    forgery.tell({"start": start})
    stage.wait_for(forgery, told("done"), "talking and forging", LEAD + plan.seconds + SLACK)
    account = place.account(stage)
    stage.end()  # the link finishes its capture when it ends
    since = start + round(LEAD * SECOND) + account.wall_offset_ns
    members = {f"a member of {room}": those[0] for room, those in ready["members"].items()}
    found = {
        name: toll.until(plan.seconds)
        for name, toll in tolls(capture, ready["victims"] | members, since).items()
    }
    for name in VICTIMS:
        if not found[name].spent:
            raise Failed(f"No packet that was forged in the name of the victim {name} has crossed the link.")
    for name in members:
        # Over TCP several messages may share a segment.
        if found[name].count("room") < plan.rate * plan.seconds / 2:
            raise Failed(
                f"{name.capitalize()} was sent next to nothing: there was nothing to be flooded with."
            )
    return Attack(
        plan,
        {name: found[name] for name in VICTIMS},
        {room: found[f"a member of {room}"] for room in ROOMS},
        ready["repeats"],
        account,
    )

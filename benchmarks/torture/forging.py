"""Forged source addresses: the members talk across an emulated link of their own, in which we are root and may send
whatever packets we like. Nothing of the machine's own network is touched.
"""

from collections.abc import Callable

from benchmarks.link import namespace
from benchmarks.network import Conditions, Emulated
from benchmarks.torture.findings import Forging
from benchmarks.torture.logbook import STATE, read
from benchmarks.torture.part import Show
from benchmarks.torture.plan import Cue, Plan
from benchmarks.torture.theatre import Theatre

RATE = 300.0
"""Forged packets a second: the link carries 2,000, and the members' are to cross it, too."""


def forge(
    theatre: Theatre, plan: Plan, transport: str, way: list[str], act: Callable[[str], None]
) -> Forging:
    """Forge packets of one transport, in a network that `way` leads into."""
    act("forged addresses")
    place = Emulated(Conditions("emulated", "clean"), way)
    place.make(theatre)
    show = Show(theatre, plan, transport, place)
    show.bring_in()
    seconds = plan.forging_seconds / len(plan.transports)
    cue = Cue("forged", round(RATE * seconds), RATE)
    forging = Forging(transport, planned=cue.count)
    forging.report = show.perform([cue], 2 * seconds, "forging", ports_of(show.log(), plan.members))["forged"]
    forging.told = show.account()
    if transport == "udp":
        forging.drops = show.drops()
    theatre.may_end(show.members)
    forging.ended_well = show.stop_server().well
    forging.log = read(show.log())
    return forging


def way_in() -> tuple[list[str], str]:
    """The way into a network of our own; or why there is none, with the remedy."""
    try:
        return namespace.way_in(), ""
    except namespace.Missing as missing:
        return [], str(missing)


def ports_of(log: list[str], members: int) -> list[int]:
    """The ports from which the members joined, as the server's log tells them."""
    found = []
    for line in log:
        said = STATE.fullmatch(line.strip())
        words = said[1].split() if said else []
        if len(words) == 4 and words[1:3] == ["joined", "from"] and words[0].startswith("member"):
            found.append(int(words[3].rpartition(":")[2]))
    return found[:members]

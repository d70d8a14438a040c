"""What the report says in words: what was compared, how to read the figures, how it was measured."""

from datetime import datetime

from benchmarks import verdict
from benchmarks.result_format import Document
from benchmarks.wording import UNKNOWN, listed, ms, named, percents
from common.visible import visible

CAPTIONS = {
    "delivery": (
        "What arrived.",
        "Each profile is a circle for TCP beside a square for UDP, under its name; the bars are 95 % "
        "intervals. A message to a member crosses the link twice, up to the server and down to the member, "
        "so of UDP (1 − p)² is expected where p is lost each way: the dotted curve. A square whose bar "
        "misses the curve may be chance (one in twenty), or messages were lost elsewhere, too. TCP sends again "
        "what is lost: its circles belong at 100 %. Points that would cover each other stand side by side.",
    ),
    "latency": (
        "How long it took.",
        "Go up from a time on the axis below to a curve, then left: so much of everything expected had "
        "arrived by then. On the axis at the left 90, 99 and 99.9 % are equally far apart, so that the slow "
        "few can be seen: go right from 99 to a curve and down, and read its p99. A curve that goes over "
        "into a horizontal line ends there: what is above never arrives. Where fewer than 10 deliveries are "
        "beyond a point, it is not drawn.",
    ),
    "timeline": (
        "How it went.",
        "One run of each transport: each point is a delivery, at the moment when it was due. A slope that "
        "falls from left to right is head-of-line blocking: one segment was lost, those behind it waited in "
        "the kernel until it had been sent again, and then all came at once. UDP's points stay low, because "
        "nothing waits for what is lost; its losses are the ticks below the panel. Both panels have the "
        "same axes.",
    ),
}
"""Of each figure: a title, and how to read it."""

NETWORKS = {
    "emulated": (
        "The network was emulated below the kernel's TCP and UDP. In a network namespace of its own, every "
        "packet goes through a device (TUN) to the emulator, which delays, drops or doubles it as the "
        "profile says and hands it back. How TCP dealt with that is the kernel's own doing; nothing was "
        "made up in a program. The members joined before the link lost anything, and before each run probes "
        "checked that the link did what was asked of it."
    ),
    "relay": (
        "A network below the kernel's TCP could not be emulated here{why}, so a relay stood in front of the UDP "
        "server and did to its datagrams what the profile says. {spared}"
    ),
    "loopback": (
        "There was no network: both ends were on this machine's loopback{why}. The figures say what the programs "
        "and this kernel do, and nothing about a network."
    ),
}

MEASURED = (
    "The load is open loop: when each message is due was decided before the run, at random moments, the "
    "same for all transports, and nobody waits for answers. Latency counts from when a message was due, so "
    "that a server that stalls is charged for those who had to wait.",
    "Every delivery counts: what was lost has no latency but is part of all shares; what came late or out "
    "of order is in the sample. Percentiles are given only with 10 samples beyond them.",
    "Runs took turns, each with a server and load processes of its own.",
    "Both ends were on one machine, because one clock can then be read at both. So they shared its "
    "processors: the load states its own lateness and CPU time in the details.",
)


def title(document: Document) -> str:
    """What was compared."""
    transports = listed([named(name) for name in dict.fromkeys(run.transport for run in document.runs)])
    return f"The chat over {transports or 'nothing'}"


def lead(document: Document) -> str:
    """Over what, when and where."""
    links = listed(list(dict.fromkeys(one.profile for one in document.summary)))
    known = document.environment
    where = ", ".join(str(known[name]) for name in ("kernel", "python") if known.get(name))
    commit = known.get("commit", "unknown")
    return f"Compared over {links or 'no link'} · {moment(document.made)} · {where} · commit {commit}"


def moment(made: str) -> str:
    """When, for a person; as it stands there if it is no time."""
    try:
        when = datetime.fromisoformat(made)
    except ValueError:
        return visible(made)
    return f"{when.day} {when:%B %Y, %H:%M} {when.tzname() or ''}".strip()


def ended(document: Document) -> str:
    """Why there is less than was asked for; empty if it is all there."""
    if document.ended == "complete":
        return ""
    if document.ended == "interrupted":
        return (
            "The comparison was interrupted: what had been measured by then is here, and the rest is missing."
        )
    return f"The comparison ended early, and the rest is missing: {document.ended}"


def networks(document: Document) -> list[str]:
    """What the network was, in sentences."""
    used = list(dict.fromkeys(one.network for one in document.summary))
    if "relay" in used:
        used = [name for name in used if name != "loopback"]  # which the relay's words speak of
    why = str(document.environment.get("why_not_emulated") or "").strip().rstrip(".")
    because = f" ({why})" if why else ""
    spared = " ".join(verdict.not_impaired(document.summary))
    return [
        NETWORKS[name].format(why=because, spared=spared) if name in NETWORKS else f"Network: {name}."
        for name in used
    ]


def alternative(document: Document, name: str) -> str:
    """What a figure shows, for those who can't see it."""
    sentences = []
    for one in document.summary:
        what = f"{named(one.transport)} over {one.profile}"
        if name == "delivery":
            share = percents(one.delivered_share)[0] if one.delivered_share else UNKNOWN
            sentences.append(f"{what}: {share} % arrived.")
        elif name == "latency":
            p50, p99 = (ms(time.estimate if time else None) for time in (one.p50, one.p99))
            sentences.append(f"{what}: p50 {p50} ms, p99 {p99} ms, lost {one.lost:,} of {one.expected:,}.")
    begin = {
        "delivery": "Share of deliveries that arrived over the loss asked for.",
        "latency": "Share of deliveries arrived over time, for each profile.",
        "timeline": "Latency of each delivery of one run of each transport over time, losses marked below.",
    }
    return " ".join([begin.get(name, name), *sentences])


def remarks(document: Document) -> list[str]:
    """What has to be known about single runs."""
    found = []
    for run in document.runs:
        which = f"{run.transport} over {run.profile}, repeat {run.repeat}"
        if run.suspect:
            found.append(f"{which}: {verdict.SUSPECT.format(run.suspect)}.")
        if run.still_coming:
            found.append(f"{which}: at the end {verdict.STILL_COMING}.")
        for nick, why in run.cut_off.items():
            found.append(f"{which}: {nick} was cut off ({why}).")
        if run.unreadable:
            found.append(f"{which}: {verdict.UNREADABLE.format(run.unreadable)}.")
        if run.refused_by_kernel:
            found.append(f"{which}: the load's own kernel refused {run.refused_by_kernel:,} datagrams.")
        if run.link and run.link.overflow:
            found.append(f"{which}: the {verdict.OVERFLOW}: {run.link.overflow:,}.")
    return found

"""Nine faults of a first chat.

Question
    Which faults does a first chat over TCP have, what does a user see of each, and why not on the machine it was
    written on?

Why it matters
    A chat that works for two people on one machine has passed no test: each of these faults waits for its occasion.
    Every one of them was found in solutions that had been handed in, and every one has a line that prevents it.

Prediction
    Two people chat on one machine, taking turns, ten messages each. How many of the nine faults do they notice?

Method
    The naive server (benchmarks/contestants/naive) has nine faults, which are switched on one by one. A few people do
    what makes a fault visible: in front of the server with that fault, of the same server without any, and of
    tcp/server.py, each try with a new server. It went wrong if one of them sees so, or sees nothing for a second and a
    half. Then two people chat with each server that has a fault.

Expected
    With its fault every server goes wrong in every try; without it, and in tcp/, never (the fault is what was asked
    for, and prevented by the lines that are named). Whether two threads meet is a matter of chance: they are given
    three rounds of 900 messages for it (seen: nearly always in the first). Two people who take turns notice nothing.

What would change it
    For the lock: a smaller room (with ten who listened nobody saw anything in 12 rounds), or a Python that switches
    threads more seldom. For sendall: on Linux a `send` without a timeout waits until all is taken, and the fault is not
    to be seen. For the boundaries of messages: long pauses between them, which is what a person makes.
"""

from benchmarks.contestants.naive import faults, places
from benchmarks.contestants.naive.driver import Faulty
from benchmarks.contestants.naive.faults import FAULTS
from benchmarks.contestants.naive.saw import SAW
from benchmarks.contestants.naive.trials import TRIALS, Seen, chatting, repeat
from benchmarks.drivers import DRIVERS, Driver
from benchmarks.estimate import wilson
from benchmarks.labbook import finding, lines
from benchmarks.labbook.chart import Curves, Panel
from benchmarks.labbook.experiment import Cell, Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.wording import listed

WITH, WITHOUT, OURS = "with the fault", "naive without faults", "tcp/server.py"

SERVERS = (WITH, WITHOUT, OURS)

Tries = dict[tuple[str, str], Seen]
"""By fault and server."""


def run(lab: Lab) -> Outcome:
    """Make every trial with every server, in turns."""
    repeats = lab.pick(5, 1)
    tries: Tries = {}
    chats: dict[str, Seen] = {}
    for fault, trial in TRIALS.items():
        drivers: dict[str, Driver] = {WITH: Faulty({fault}), WITHOUT: Faulty(set()), OURS: DRIVERS["tcp"]}
        for name, driver in drivers.items():
            with lab.stage(f"{fault}, {name}") as stage:
                tries[fault, name] = repeat(trial, stage, driver, repeats)
        with lab.stage(f"{fault}, two people chat") as stage:
            chats[fault] = repeat(chatting, stage, drivers[WITH], 1)
    return outcome(tries, chats)


def outcome(tries: Tries, chats: dict[str, Seen]) -> Outcome:
    """What all of that says."""
    noticed = [fault for fault, seen in chats.items() if seen.wrong]
    findings = [
        finding.count(
            "noticed",
            "noticed by two people who take turns",
            len(noticed),
            len(chats),
            "faults",
            "faults",
            expected=Expected(0, 0, "each fault needs an occasion: see the sentences"),
            because="One message at a time, and everybody reads: none of the faults has an occasion.",
            unless="This machine was so busy that even two people met one.",
        ),
        *(_with(fault, tries[fault, WITH]) for fault in FAULTS),
        *(_never(tries, name) for name in (WITHOUT, OURS)),
    ]
    return Outcome(
        findings,
        [*(_said(fault, tries[fault, WITH]) for fault in FAULTS), _two(noticed, len(chats))],
        columns=["fault", "server", "try", "wrong", "figure", "value", "shown"],
        rows=[
            row
            for which in (tries, {(fault, f"{WITH}, two people chat"): seen for fault, seen in chats.items()})
            for (fault, name), seen in which.items()
            for row in _rows(fault, name, seen)
        ],
        charts=[_chart(tries)],
        table=_table(tries),
        conditions=[
            ("network", "loopback"),
            ("tries", f"{len(tries[faults.NO_FRAMING, WITH].tries)} of each, each with a new server"),
        ],
    )


def _with(fault: str, seen: Seen) -> Finding:
    chance = fault == faults.NO_LOCK
    source = "the fault was switched on"
    return finding.portion(
        fault,
        f"{fault}: went wrong",
        seen.wrong,
        len(seen.tries),
        "trials",
        expected=Expected(1, 100, source, "in some") if chance else Expected(100, 100, source),
        because="Each fault was given its occasion, and took it.",
        unless="Threads meet by chance: with fewer processors, or a busy one, more tries are needed."
        if chance
        else "Somebody was so slow, or so quick, that the occasion never came: is this machine busy?",
    )


def _never(tries: Tries, name: str) -> Finding:
    those = [seen for (_, server), seen in tries.items() if server == name]
    return finding.portion(
        "without" if name == WITHOUT else "ours",
        f"{name}: went wrong",
        sum(seen.wrong for seen in those),
        sum(len(seen.tries) for seen in those),
        "trials",
        expected=Expected(0, 0, "the same people, without the fault"),
        because="The same people did the same, and nothing went wrong: it was the fault.",
        unless="A room that is only slow passes for one that stands still after 1.5 s: is this machine busy?",
    )


def _said(fault: str, seen: Seen) -> str:
    """What a user sees, why, and which lines prevent it."""
    n = len(seen.tries)
    saw = (
        f"in {seen.wrong} of {n} tries {SAW[fault](seen)}"
        if seen.wrong
        else f"nothing went wrong in {n} tries"
    )
    right = listed([places.show(place) for place in FAULTS[fault].right])
    return f"{fault}: {saw}. {FAULTS[fault].wrong} Right: {right}."


def _two(noticed: list[str], n: int) -> str:
    if not noticed:
        return (
            f"Two people who chatted in turns, with one of {n} faults after the other, noticed none of them."
        )
    return f"Two people who chatted in turns noticed {listed(noticed)}."


def _rows(fault: str, name: str, seen: Seen) -> list[list[Cell]]:
    return [
        [fault, name, number, int(one.wrong), figure, one.figures.get(figure), one.shown]
        for number, one in enumerate(seen.tries, 1)
        for figure in one.figures or ("",)
    ]


def _table(tries: Tries) -> list[list[str]]:
    rows = [["went wrong", "with", "without", "tcp/", "done right in"]]
    for fault in FAULTS:
        counts = [f"{seen.wrong} of {len(seen.tries)}" for seen in (tries[fault, name] for name in SERVERS)]
        rows.append([fault, *counts, places.show(FAULTS[fault].right[0])])
    return rows


def _chart(tries: Tries) -> Curves:
    series = []
    for name in SERVERS:
        shares = [wilson(seen.wrong, len(seen.tries)) for seen in (tries[fault, name] for fault in FAULTS)]
        series.append(lines.shares(name, "tcp" if name == OURS else name, range(len(FAULTS)), shares))
    ticks = lines.ticks(list(FAULTS))
    return Curves(
        "pitfalls",
        "The share of tries that went wrong, with 95 % intervals. With a fault it is all of them or nearly so, "
        "without it none: what differs between the servers is the fault alone.",
        [Panel("Tries in which something went wrong", "fault", "%", series, ticks=ticks)],
    )


EXPERIMENT = Experiment(
    name="pitfalls",
    ask=Number("how many of the nine faults do two people notice who take turns?", "faults", "noticed"),
    seconds=(90, 18),
    run=run,
    link=False,
    think=(
        "Which of the nine did your own first server have? What is the smallest test that would have shown it?",
        "A lock prevents three of these faults and makes a fourth possible. How does tcp/server.py do without one?",
    ),
)

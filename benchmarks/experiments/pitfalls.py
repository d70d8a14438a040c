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
    what makes a fault visible, in front of the server with that fault, of the same server without any, and of
    tcp/server.py: once a try, and each try with a new server. That something went wrong is what one of them sees, or
    does not see for a second and a half. Then two people chat with each server that has a fault.

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
from benchmarks.contestants.naive.trials import ROUNDS, SEVERAL, TRIALS, WORDS, Seen, chatting, repeat
from benchmarks.drivers import DRIVERS, Driver
from benchmarks.estimate import wilson
from benchmarks.labbook import finding
from benchmarks.labbook.chart import Curves, Panel, Series
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
            for (fault, name), seen in [*tries.items(), *_chats(chats)]
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
    n = len(seen.tries)
    chance = fault == faults.NO_LOCK
    return finding.share(
        fault,
        f"{fault}: went wrong",
        wilson(seen.wrong, n),
        n,
        "tries",
        expected=Expected(
            1 if chance else 100, 100, "the fault was switched on", "in some" if chance else ""
        ),
        because="Each fault was given its occasion, and took it.",
        unless="Threads meet by chance: with fewer processors, or a busy one, more tries are needed."
        if chance
        else "Somebody was so slow, or so quick, that the occasion never came: is this machine busy?",
    )


def _never(tries: Tries, name: str) -> Finding:
    those = [seen for (_, server), seen in tries.items() if server == name]
    n, wrong = sum(len(seen.tries) for seen in those), sum(seen.wrong for seen in those)
    return finding.share(
        "without" if name == WITHOUT else "ours",
        f"{name}: went wrong",
        wilson(wrong, n),
        n,
        "tries",
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


def _several(seen: Seen, name: str) -> str:
    return f"{seen.usually(name) or 0:,.0f}"


def _went_on(seen: Seen) -> str:
    return f"{sum(seen.figures('went on')):.0f} of {seen.wrong} times"


SAW = {
    faults.NO_FRAMING: lambda seen: (
        f"somebody who looked away for a moment was shown {_several(seen, 'messages')} message instead of "
        f"{len(WORDS)}: {seen.shown}"
    ),
    faults.DECODE_PER_RECV: lambda seen: (
        f"a text in Cyrillic reached nobody, and {sum(seen.figures('thrown out')):.0f} times its author was thrown out "
        f"({seen.shown or 'nothing in the log'})"
    ),
    faults.SEND_FOR_SENDALL: lambda seen: (
        f"somebody who looked away got {_several(seen, 'whole')} of {SEVERAL} long texts whole, and no error anywhere"
    ),
    faults.NO_LOCK: lambda seen: (
        f"two people read one conversation in two orders ({_several(seen, 'out of step')} messages stood elsewhere, in "
        f"round {_several(seen, 'rounds')} of up to {ROUNDS})"
    ),
    faults.BLOCKING_SEND: lambda seen: (
        f"everybody stood still once {(seen.usually('bytes') or 0) / 1e6:.1f} MB waited for one who did not read; when "
        f"he left, it went on ({_went_on(seen)})"
    ),
    faults.HELLO_IN_ACCEPT: lambda seen: (
        "nobody came in while one who had connected said nothing; when he left, the next one did "
        f"({_went_on(seen)})"
    ),
    faults.IGNORE_EOF: lambda seen: (
        f"the server took {100 * (seen.usually('share') or 0):.0f} % of a processor for nothing once somebody had left"
    ),
    faults.CHANGE_WHILE_ITERATING: lambda seen: (
        f"somebody missed {_several(seen, 'missed')} message of {_several(seen, 'heard')}: the one at which his "
        "neighbour in the list was dropped"
    ),
    faults.LOCK_TWICE: lambda seen: (
        f"everybody stood still after {_several(seen, 'texts')} messages, when somebody was to be dropped, and it went "
        f"on when he left {_went_on(seen)}"
    ),
}
"""What a user saw, by fault: the rest of a sentence."""


def _two(noticed: list[str], n: int) -> str:
    if not noticed:
        return (
            f"Two people who chatted in turns, with one of {n} faults after the other, noticed none of them."
        )
    return f"Two people who chatted in turns noticed {listed(noticed)}."


def _chats(chats: dict[str, Seen]) -> list[tuple[tuple[str, str], Seen]]:
    return [((fault, "with the fault, two people chat"), seen) for fault, seen in chats.items()]


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
    numbers = [float(number) for number in range(1, len(FAULTS) + 1)]
    series = []
    for name in SERVERS:
        shares = [wilson(seen.wrong, len(seen.tries)) for seen in (tries[fault, name] for fault in FAULTS)]
        series.append(
            Series(
                name,
                "tcp" if name == OURS else name,
                numbers,
                [100 * share.estimate if share else None for share in shares],
                [100 * share.low if share else None for share in shares],
                [100 * share.high if share else None for share in shares],
                joined=False,
            )
        )
    ticks = [(number, fault) for number, fault in zip(numbers, FAULTS, strict=True)]
    panel = Panel("Tries in which something went wrong", "fault", "%", series, ticks=ticks)
    return Curves(
        "pitfalls",
        "The share of tries that went wrong, with 95 % intervals. With a fault it is all of them or nearly so, "
        "without it none: what differs between the servers is the fault alone.",
        [panel],
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

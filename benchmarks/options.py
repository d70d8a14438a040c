"""The command line of the comparison, and what can't be asked of it."""

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import stamp
from benchmarks.child import ROOT
from benchmarks.drivers import DRIVERS
from benchmarks.run import Plan
from common.command_line import Parser, number, whole

RESULTS = ROOT / "benchmarks" / "results"

MAX_MEMBERS = 500
"""Each joining member is announced to all: this many already are 125,000 messages before the first is said."""

MAX_DELIVERIES = 1_000_000
"""Of one run. Each is a record of 48 bytes in the load, and some hundred bytes while figures are made of it."""

MAX_DELIVERIES_IN_ALL = 3_000_000
"""Of all runs together. Each is a line in the CSV file: some 200 MB of them."""

MAX_TIME = 3600.0
"""Seconds for all runs together."""

OVERHEAD = 0.9
"""Seconds that a run takes beside its talking, about: starting Python, joining, the end of the drain."""


@dataclass(frozen=True)
class Options:
    """What a comparison was asked to do. `rate` in messages per second of the whole room, `size` in bytes of
    text, `seconds` of one run; `repeats` for each of the `transports`."""

    transports: tuple[str, ...]
    members: int
    senders: int
    rate: float
    size: int
    seconds: float
    repeats: int
    processes: int
    seed: int
    json: bool
    results: Path

    def plan(self, repeat: int) -> Plan:
        """What a run of one repeat (1, 2, …) is made of: the same for every transport."""
        return Plan(
            members=self.members,
            senders=self.senders,
            rate=self.rate,
            size=self.size,
            seconds=self.seconds,
            processes=self.processes,
            seed=self.seed,
            repeat=repeat,
        )

    def runs(self) -> list[tuple[str, int]]:
        """(transport, repeat) of every run, in order. Every other repeat begins with the other transport: what
        grows or wears off with time (heat, other programs) then does not always meet the same one."""
        return [
            (transport, repeat)
            for repeat in range(1, self.repeats + 1)
            for transport in (self.transports if repeat % 2 else self.transports[::-1])
        ]

    def argv(self) -> list[str]:
        """The command line that makes this comparison again."""
        values = asdict(self) | {"transports": ",".join(self.transports)}
        names = (
            "transports",
            "members",
            "senders",
            "rate",
            "size",
            "seconds",
            "repeats",
            "processes",
            "seed",
        )
        pairs = ((f"--{name}", str(values[name])) for name in names)
        return ["python", "-m", "benchmarks.compare", *(word for pair in pairs for word in pair)]


def _transports(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in DRIVERS:
            raise argparse.ArgumentTypeError(
                f"there is no transport {name!r}: there are {', '.join(DRIVERS)}"
            )
    if len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(
            f"{text!r} names a transport twice: --repeats measures it more often"
        )
    return names


def _parser() -> Parser:
    parser = Parser(
        prog="python -m benchmarks.compare",
        description="Measures the chat over TCP and over UDP: what arrives, how long it takes, what it costs.",
    )
    plan = Plan()
    largest = min(driver.largest_text for driver in DRIVERS.values())
    add = parser.add_argument
    add(
        "--transports",
        type=_transports,
        default=tuple(DRIVERS),
        metavar="NAME,…",
        help="what to measure (all)",
    )
    add(
        "--members",
        type=whole(1, MAX_MEMBERS, "number of members"),
        default=plan.members,
        metavar="N",
        help="of the room (%(default)s)",
    )
    add(
        "--senders",
        type=whole(1, MAX_MEMBERS, "number of senders"),
        metavar="N",
        help="members who speak (all of them)",
    )
    add(
        "--rate",
        type=number(0.1, 100_000, "rate"),
        default=plan.rate,
        metavar="R",
        help="messages per second of the whole room (%(default)g); each is delivered to every member",
    )
    add(
        "--size",
        type=whole(stamp.SIZE, largest, "size of a text"),
        default=plan.size,
        metavar="BYTES",
        help="of a message's text (%(default)s)",
    )
    add(
        "--seconds",
        type=number(0.2, 600, "number of seconds"),
        default=plan.seconds,
        metavar="S",
        help="how long a run lasts (%(default)g)",
    )
    add(
        "--repeats",
        type=whole(1, 100, "number of repeats"),
        default=3,
        metavar="N",
        help="runs of each transport (%(default)s)",
    )
    add(
        "--processes",
        type=whole(1, 16, "number of processes"),
        default=plan.processes,
        metavar="N",
        help="that play the members (%(default)s)",
    )
    add(
        "--seed",
        type=whole(0, 2**63 - 1, "seed"),
        default=plan.seed,
        metavar="N",
        help="of the schedule (%(default)s)",
    )
    add("--json", action="store_true", help="the raw result to standard output; the table to standard error")
    add(
        "--results",
        type=Path,
        default=RESULTS,
        metavar="DIR",
        help="where the raw results go (benchmarks/results)",
    )
    return parser


def parse(words: list[str]) -> Options:
    """The options in `words`. Prints a sentence and exits with 2 if they can't be had."""
    parser = _parser()
    values = vars(parser.parse_args(words))
    if values["senders"] is None:
        values["senders"] = values["members"]
    options = Options(**values)
    problem = _refuse(options)
    if problem:
        parser.exit(2, f"{problem}\n")
    return options


def _refuse(options: Options) -> str:
    """Why these options do not go together, as a sentence; empty if they do."""
    if options.senders > options.members:
        return f"{options.senders} senders can't be among {options.members} members: lower --senders."
    if options.processes > options.members:
        return (
            f"{options.processes} processes have nobody to play among {options.members} members: "
            f"take --processes {options.members}, or more --members."
        )
    messages = options.rate * options.seconds
    if messages < 1:
        return (
            f"At {options.rate:g} messages/s nothing would be said in {options.seconds:g} s: "
            "raise --rate or --seconds."
        )
    if messages / options.senders >= stamp.MAX_NUMBER / 2:
        return f"That is {messages:,.0f} messages a run, more than can be numbered: lower --rate."
    runs = len(options.runs())
    deliveries = messages * options.members
    if deliveries > MAX_DELIVERIES:
        return (
            f"That is {deliveries:,.0f} deliveries a run (rate × seconds × members), and at most "
            f"{MAX_DELIVERIES:,} are recorded: lower one of the three."
        )
    if deliveries * runs > MAX_DELIVERIES_IN_ALL:
        return (
            f"That is {deliveries * runs:,.0f} deliveries in {runs} runs, and at most "
            f"{MAX_DELIVERIES_IN_ALL:,} are recorded: lower --repeats, --rate, --seconds or --members."
        )
    if (options.seconds + OVERHEAD) * runs > MAX_TIME:
        return f"{runs} runs of {options.seconds:g} s take more than an hour: lower --seconds or --repeats."
    return _refuse_files(options.members)


def _refuse_files(members: int) -> str:
    """A server needs a file descriptor for each connection, and inherits our limit."""
    if sys.platform == "win32":
        return ""
    import resource

    needed = members + 32
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return ""
    if hard != resource.RLIM_INFINITY and hard < needed:
        return f"{members} members need {needed} open files, and this system allows {hard}: lower --members."
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return ""

"""The command line of the comparison, and what can't be asked of it."""

import argparse
import sys
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from benchmarks import kernel, stamp
from benchmarks.child import ROOT
from benchmarks.drivers import DRIVERS
from benchmarks.link.options import directions
from benchmarks.link.profiles import find
from benchmarks.link.units import Refused
from benchmarks.network import Conditions, derived
from benchmarks.run import Plan
from common.command_line import Parser, number, whole

RESULTS = ROOT / "benchmarks" / "results"

MEMBERS, RATE, SIZE = 10, 60.0, 100
"""The load, if nobody says otherwise: ten people, each of whom says something six times a second. That is 660
messages a second on the way, and with TCP's acknowledgements about twice as many packets: the link carries them
exactly."""

SECONDS, REPEATS = 2.8, 3
QUICK_SECONDS = 1.8
"""Of a run. Both leave more than the 1,000 deliveries that a p99 takes, and a comparison in three minutes, or
45 s."""

PROCESSES = 1

MAX_MEMBERS = 500
"""Each joining member is announced to all: this many already are 125,000 messages before the first is said."""

MAX_DELIVERIES = 1_000_000
"""Of one run. Each is a record of 48 bytes in the load, and some hundred bytes while figures are made of it."""

MAX_DELIVERIES_IN_ALL = 3_000_000
"""Of all runs together. Each is a line in the CSV file: some 200 MB of them."""

MAX_TIME = 3600.0
"""Seconds for all runs together."""

LINK_OVERHEAD = 1.5
"""Seconds that a run takes beside its talking, about: starting Python, making and checking the link, leaving it."""

OVERHEAD = 0.9
"""The same on loopback."""

PROFILES = ("clean", "wifi", "dsl", "lossy", "satellite")
"""What is compared if nobody says what."""

LOOPBACK = "loopback"
"""Stands beside the profiles: no link at all."""

AROUND = 150
"""Bytes around a text in its packet, about: the message's other fields, and the headers."""

CUSTOM = "custom"
"""Stands beside the profiles: what `--link`, `--up` and `--down` say."""

SETTLE = 0.3
"""Seconds of silence, beyond the time that the network takes, after which no datagram is on its way any more."""

PATIENCE = 20.0
"""Seconds beyond the time that the network takes that TCP has to repeat what was lost: its timer doubles with every
loss, and three seconds too few once made 20 % of what was 69 %."""


@dataclass(frozen=True)
class Options:
    """What a comparison was asked to do. `rate` in messages per second of the whole room, `size` in bytes of
    text, `seconds` of one run; `repeats` for each of the `transports` on each of the `profiles`; `link`, `up` and
    `down` are the words of the profile `custom`."""

    profiles: tuple[str, ...]
    link: str
    up: str
    down: str
    transports: tuple[str, ...]
    members: int
    senders: int
    rate: float
    size: int
    seconds: float
    repeats: int
    processes: int
    seed: int
    congestion: str
    json: bool
    results: Path

    def conditions(self, profile: str, repeat: int, kind: str) -> Conditions:
        """What the network of a run is like, the same for every transport. `kind` is what this machine has."""
        up, down = self.directions(profile)
        seed = derived(self.seed, repeat, profile)
        return Conditions(LOOPBACK if profile == LOOPBACK else kind, profile, up, down, seed)

    def directions(self, profile: str) -> tuple[str, str]:
        """The specifications of a profile: (up, down)."""
        if profile == CUSTOM:
            return directions(self.link, self.up, self.down)
        text = "" if profile == LOOPBACK else find(profile).text
        return directions(text, "", "")

    def plan(self, repeat: int, transport: str, conditions: Conditions) -> Plan:
        """What a run of one repeat (1, 2, …) is made of: the same load for every transport."""
        plan = Plan(
            members=self.members,
            senders=self.senders,
            rate=self.rate,
            size=self.size,
            seconds=self.seconds,
            processes=self.processes,
            seed=self.seed,
            repeat=repeat,
        )
        if conditions.kind == LOOPBACK:
            return plan
        drain = PATIENCE + conditions.longest(self.bytes)
        if DRIVERS[transport].stream:
            # It ends as soon as everything is there. Until then TCP may be silent for long, and still deliver.
            return replace(plan, quiet=drain, drain=drain)
        # As long as a queue empties, something comes: it is silent for no longer than one message to all takes.
        return replace(plan, quiet=SETTLE + conditions.longest(self.members * self.packet), drain=drain)

    @property
    def packet(self) -> int:
        """Bytes of a message's packet, about."""
        return self.size + AROUND

    @property
    def bytes(self) -> float:
        """Of a run, in the direction in which there are more: down, to every member."""
        return self.rate * self.seconds * self.members * self.packet

    def runs(self, kind: str) -> list[tuple[str, str, int]]:
        """(profile, transport, repeat) of every run, in order. Every other repeat begins with the other transport:
        what grows or wears off with time (heat, other programs) then does not always meet the same one. Where
        there is only a relay, TCP is measured on the clean network alone: nothing else can be done to it."""
        return [
            (profile, transport, repeat)
            for repeat in range(1, self.repeats + 1)
            for profile in self.profiles
            for transport in (self.transports if repeat % 2 else self.transports[::-1])
            if kind != "relay" or not DRIVERS[transport].stream or profile in (LOOPBACK, "clean")
        ]

    def expected_seconds(self, profile: str, repeat: int, kind: str) -> float:
        """About how long a run takes."""
        if profile == LOOPBACK:
            return self.seconds + OVERHEAD
        # The probes, joining (three round trips), and what is still under way at the end.
        conditions = self.conditions(profile, repeat, kind)
        empty = conditions.longest(self.members * self.packet)
        return self.seconds + LINK_OVERHEAD + 4 * empty + conditions.longest(self.bytes)

    def argv(self) -> list[str]:
        """The command line that makes this comparison again."""
        values = asdict(self)
        for name in ("profiles", "transports"):
            values[name] = ",".join(values[name])
        names = [field.name for field in fields(self) if field.name not in ("json", "results")]
        if CUSTOM in self.profiles:
            names.remove("profiles")
        words = (f"--{name}={values[name]}" for name in names if values[name] != "")
        return ["python", "-m", "benchmarks.compare", *words]


def _profiles(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name != LOOPBACK:
            try:
                find(name)
            except Refused as error:
                raise argparse.ArgumentTypeError(str(error)) from error
    if len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} names a profile twice: --repeats measures it more often")
    return names


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
        description="Measures the chat over TCP and over UDP, across networks that lose and delay: what arrives, "
        "how long it takes, what it costs.",
    )
    largest = min(driver.largest_text for driver in DRIVERS.values())
    add = parser.add_argument
    add(
        "--profiles",
        type=_profiles,
        metavar="NAME,…",
        help=f"the networks ({','.join(PROFILES)}); others: python -m benchmarks.link --list; {LOOPBACK}: no link",
    )
    add("--link", default="", metavar="WORDS", help='a network of your own instead: "delay 20ms loss 5%%"')
    add("--up", default="", metavar="WORDS", help="its way from client to server, where that differs")
    add("--down", default="", metavar="WORDS", help="its way from server to client")
    add(
        "--quick",
        action="store_true",
        help=f"{QUICK_SECONDS:g} s and one repeat of each: less than 45 s in all",
    )
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
        default=MEMBERS,
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
        default=RATE,
        metavar="R",
        help="messages per second of the whole room (%(default)g); each is delivered to every member",
    )
    add(
        "--size",
        type=whole(stamp.SIZE, largest, "size of a text"),
        default=SIZE,
        metavar="BYTES",
        help="of a message's text (%(default)s)",
    )
    add(
        "--seconds",
        type=number(0.2, 600, "number of seconds"),
        metavar="S",
        help=f"how long a run lasts ({SECONDS:g})",
    )
    add(
        "--repeats",
        type=whole(1, 100, "number of repeats"),
        metavar="N",
        help=f"runs of each transport on each network ({REPEATS})",
    )
    add(
        "--processes",
        type=whole(1, 16, "number of processes"),
        default=PROCESSES,
        metavar="N",
        help="that play the members (%(default)s)",
    )
    add(
        "--seed",
        type=whole(0, 2**63 - 1, "seed"),
        default=1,
        metavar="N",
        help="of the schedule and the network (%(default)s)",
    )
    add(
        "--congestion",
        default="",
        metavar="NAME",
        help="TCP's congestion control across a link (this machine's: the table says which)",
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
    quick = values.pop("quick")
    values["seconds"] = values["seconds"] or (QUICK_SECONDS if quick else SECONDS)
    values["repeats"] = values["repeats"] or (1 if quick else REPEATS)
    custom = values["link"] or values["up"] or values["down"]
    problem = ""
    if custom and values["profiles"]:
        problem = "--profiles names networks, --link, --up and --down describe one: take either."
    values["profiles"] = (CUSTOM,) if custom else values["profiles"] or PROFILES
    options = Options(**values)
    try:
        problem = problem or _refuse(options)
    except Refused as error:
        problem = str(error)
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
    if options.congestion and all(profile == LOOPBACK for profile in options.profiles):
        return "--congestion is for a network of our own, and loopback is the machine's: leave it out."
    allowed = kernel.allowed_congestion_controls()
    if options.congestion and allowed and options.congestion not in allowed:
        return (
            f"In a network of one's own this kernel allows the congestion control {' or '.join(allowed)}, and not "
            f"{options.congestion!r}."
        )
    messages = options.rate * options.seconds
    if messages < 1:
        return (
            f"At {options.rate:g} messages/s nothing would be said in {options.seconds:g} s: "
            "raise --rate or --seconds."
        )
    if messages / options.senders >= stamp.MAX_NUMBER / 2:
        return f"That is {messages:,.0f} messages a run, more than can be numbered: lower --rate."
    for profile in options.profiles:
        options.directions(profile)  # raises Refused
    runs = options.runs("emulated")
    deliveries = messages * options.members
    if deliveries > MAX_DELIVERIES:
        return (
            f"That is {deliveries:,.0f} deliveries a run (rate × seconds × members), and at most "
            f"{MAX_DELIVERIES:,} are recorded: lower one of the three."
        )
    if deliveries * len(runs) > MAX_DELIVERIES_IN_ALL:
        return (
            f"That is {deliveries * len(runs):,.0f} deliveries in {len(runs)} runs, and at most "
            f"{MAX_DELIVERIES_IN_ALL:,} are recorded: lower --repeats, --rate, --seconds or --members."
        )
    if sum(options.expected_seconds(profile, 1, "emulated") for profile, _, _ in runs) > MAX_TIME:
        return (
            f"{len(runs)} runs of {options.seconds:g} s take more than an hour: lower --seconds or --repeats."
        )
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

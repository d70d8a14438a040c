"""The words of a link on a command line: a profile, what is changed in it, and what one direction has alone."""

import argparse
from collections.abc import Mapping

from benchmarks.link import profiles
from benchmarks.link.line import NOTHING
from benchmarks.link.specification import canonical, merge

BOTH = {
    "delay": ("TIME [JITTER] …", "each packet takes TIME, give or take JITTER"),
    "loss": ("P | gemodel P R …", "packets lost: 5%%, or in bursts"),
    "duplicate": ("P", "packets that arrive twice"),
    "reorder": ("P", "packets that overtake the others (needs a delay)"),
    "corrupt": ("P", "packets damaged"),
    "rate": ("RATE [limit N]", "bits per second: 1mbit; a queue of N packets before it"),
    "outage": ("AT FOR", "nothing gets through from AT on, FOR long"),
}
"""The options that hold for both directions, with tc-netem's words."""


def add(parser: argparse.ArgumentParser) -> None:
    """Let `parser` know the options of a link."""
    parser.add_argument("--profile", metavar="NAME", help="start from this profile (--list shows them)")
    for name, (value, text) in BOTH.items():
        parser.add_argument(f"--{name}", nargs="+", metavar=("WORD", value), help=f"{value}: {text}")
    for direction, who in (("up", "client to server"), ("down", "server to client")):
        parser.add_argument(
            f"--{direction}",
            nargs="+",
            metavar="WORD",
            help=f"for this direction alone ({who}): --{direction} loss 5%%",
        )


def given(chosen: argparse.Namespace) -> bool:
    """Whether any of them was."""
    return any(getattr(chosen, name) for name in ("profile", "up", "down", *BOTH))


def specifications(chosen: argparse.Namespace, now: Mapping[str, str] | None = None) -> tuple[str, str]:
    """What was asked for in both directions: (up, down). It changes what holds `now`, or nothing; a profile replaces
    all of that. Raises Refused."""
    words = " ".join(f"{name} {' '.join(getattr(chosen, name))}" for name in BOTH if getattr(chosen, name))
    found = []
    for direction in ("up", "down"):
        base = profiles.find(chosen.profile).text if chosen.profile else (now or {}).get(direction, "")
        alone = " ".join(getattr(chosen, direction) or [])
        found.append(canonical(merge(merge(base, words), alone)))
    return found[0], found[1]


def directions(both: str, up: str, down: str) -> tuple[str, str]:
    """What holds for both, with what one direction has alone: (up, down). Raises Refused."""
    return canonical(merge(both, up)), canonical(merge(both, down))


def merged(now: Mapping[str, str], words: str) -> dict[str, str]:
    """Both directions as they are now, with `words` changed."""
    return {direction: merge(now[direction], words) for direction in ("up", "down")}


def describe(up: str, down: str) -> str:
    """What the link is like, for a person: `delay 20ms loss 5%`, or both directions if they differ."""
    if up == down:
        return up or NOTHING
    return f"up {up or NOTHING}, down {down or NOTHING}"

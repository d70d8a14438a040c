"""`make demo`: one conversation over TCP and over UDP, side by side, while the network goes bad.

    python -m benchmarks.demo [--act N|NAME] [--speed X] [--loop] [--seed N] [--plain] [--results DIR]

Exit codes: 0 through to the end, or q; 1 something broke; 2 it can't be done here; 130 Ctrl-C.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from benchmarks import results
from benchmarks.demo.acts import ACTS, find
from benchmarks.demo.company import company
from benchmarks.demo.direct import Direction
from benchmarks.demo.faces import closing, face
from benchmarks.demo.play import Play
from benchmarks.demo.report import Report, now
from benchmarks.link import namespace
from benchmarks.options import RESULTS
from benchmarks.stage import Failed, Interrupted
from common import interrupts
from common.command_line import Parser, complain, number, whole

WHY_LINK = "The demonstration needs an emulated link: TCP loses nothing on this machine's own loopback."


def main(words: list[str] | None = None) -> int:
    """`python -m benchmarks.demo`"""
    chosen = _parser().parse_args(words)
    try:
        way = namespace.way_in()
    except namespace.Missing as missing:
        return complain("\n".join([WHY_LINK, *missing.reasons]))
    try:
        results.usable(chosen.results)
    except results.Unsaved as error:
        return complain(str(error))
    output = Console(highlight=False)
    asked = interrupts.Asked()
    code, again = 0, True
    while again and not code:
        code, again = _round(chosen, way, output, asked)
        again = again and chosen.loop
    return code


def _round(
    chosen: argparse.Namespace, way: list[str], output: Console, asked: interrupts.Asked
) -> tuple[int, bool]:
    """Play the acts once: the exit code, and whether they went through to the end."""
    plain = chosen.plain or not output.is_terminal
    first, last = (0, len(ACTS) - 1) if chosen.act is None else (chosen.act, chosen.act)
    play: Play | None = None
    through = False
    try:
        with company(way, chosen.seed, asked, lambda _doing: None) as everybody:
            play = Play(
                everybody,
                Direction(first, last, chosen.speed, lingers=not plain),
                lambda: Report(chosen.results, now(), chosen.seed),
            )
            with face(output, plain=plain) as shown:
                shown.say("Setting up the link, and letting everybody join …")
                play.gather()
                through = play.run(shown, asked)
            play.end()
    except Interrupted:
        return 130, False
    except Failed as error:
        Console(stderr=True, highlight=False).print(Text(str(error), "red"))
        return 1, False
    finally:
        if play is not None:
            play.abandon()
    try:
        for line in closing(play, output.width if output.is_terminal else 100):
            output.print(line, soft_wrap=True)
    except (OSError, UnicodeError) as error:
        return complain(f"What it came to can't be shown ({error}); the report has it."), False
    return 0, through


def _act(text: str) -> int:
    place = find(text)
    if place is None:
        names = ", ".join(f"{number} {act.name}" for number, act in enumerate(ACTS, start=1))
        raise argparse.ArgumentTypeError(f"there is no act {text!r}: there are {names}")
    return place


def _parser() -> Parser:
    parser = Parser(
        prog="python -m benchmarks.demo",
        description="One conversation over TCP and over UDP, side by side, while the network goes bad.",
    )
    add = parser.add_argument
    add("--act", type=_act, metavar="N|NAME", help="only this one: " + ", ".join(act.name for act in ACTS))
    add(
        "--speed",
        type=number(0.5, 10, "speed"),
        default=1.0,
        metavar="X",
        help="how fast they talk (%(default)g); what the network does takes its time all the same",
    )
    add("--loop", action="store_true", help="begin again after the last screen, until q")
    add(
        "--seed",
        type=whole(0, 2**31 - 1, "seed"),
        default=1,
        metavar="N",
        help="of the link's chances (%(default)s)",
    )
    add("--plain", action="store_true", help="print the acts as text, as where there is no terminal")
    add(
        "--results",
        type=Path,
        default=RESULTS,
        metavar="DIR",
        help="where the report goes (benchmarks/results)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

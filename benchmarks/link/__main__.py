"""Runs a program across an emulated link: everything it sends to 10.7.0.2 arrives at 10.7.0.1, impaired.

    python -m benchmarks.link --loss 5% --delay 20ms -- COMMAND   (make link LOSS=5% DELAY=20ms: a shell)
    python -m benchmarks.link --join                              another terminal in it (make link-join)
    python -m benchmarks.link --set loss 20%                      change it while it runs (make link-set LOSS=20%)

No root is needed: the program gets a network of its own. What the link did is printed at the end. Exit code:
COMMAND's; 2 if the link can't be had as asked, with a sentence that says why.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from argparse import SUPPRESS, Namespace
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.text import Text

from benchmarks.doctor.emulation import INSIDE
from benchmarks.link import namespace, options, rendezvous, shell
from benchmarks.link.account import show_account
from benchmarks.link.capture import Capture
from benchmarks.link.control import Orders
from benchmarks.link.emulator import Emulator
from benchmarks.link.packet import FAR, NEAR
from benchmarks.link.profiles import PROFILES
from benchmarks.link.units import Refused, seconds
from common import clock, interrupts
from common.command_line import Parser, complain, whole

FROM_THE_KEYBOARD = (signal.SIGINT, signal.SIGQUIT)
"""These reach everybody at this terminal: what they mean is for the command to say."""


def main(words: list[str] | None = None) -> int:
    """`python -m benchmarks.link`"""
    words = sys.argv[1:] if words is None else words
    end = words.index("--") if "--" in words else len(words)
    command = words[end + 1 :]
    chosen = _parser().parse_args(words[:end])
    try:
        if chosen.list:
            return _list_profiles()
        if chosen.set is not None:
            return _set(chosen)
        if chosen.inside and not namespace.is_our_own():
            raise Refused("--inside is what the link tells itself: leave it out.")
        if INSIDE in os.environ and not chosen.inside:
            raise Refused(
                f"This is inside a link already ({os.environ[INSIDE]}), and a link inside a link "
                "can't be had: leave it first (exit)."
            )
        if end < len(words) and not command:
            raise Refused("After -- comes the command to run; without -- it is a shell.")
        if command and shutil.which(command[0]) is None:
            raise Refused(f"There is no program {command[0]!r}: is it spelt right, and is it in the PATH?")
        if chosen.join:
            return _join(chosen.pid, command)
        up, down = options.specifications(chosen)
        schedule = [_moment(at) for at in chosen.at or []]
        _try(up, down, schedule)
        if not chosen.inside:
            _enter(words)
        return _carry(chosen, up, down, schedule, command)
    except (Refused, namespace.Missing) as error:
        return complain(
            f"The link can't be had.\n{error}" if isinstance(error, namespace.Missing) else str(error)
        )


def _parser() -> Parser:
    parser = Parser(
        prog="python -m benchmarks.link",
        description="Runs a program (or a shell) across an emulated link. The words are those of tc-netem.",
        usage="%(prog)s [options] [-- COMMAND …]",
    )
    options.add(parser)
    add = parser.add_argument
    add(
        "--seed",
        type=whole(0, 2**63 - 1, "seed"),
        default=1,
        metavar="N",
        help="of all that is random (%(default)s)",
    )
    add(
        "--at",
        nargs="+",
        action="append",
        metavar=("TIME", "WORD"),
        help="change it later: --at 10s loss 20%% --at 20s loss 0%%",
    )
    add("--pcap", type=Path, metavar="FILE", help="write a packet capture (pcapng, for Wireshark)")
    add("--congestion", default="", metavar="NAME", help="TCP's congestion control there (this machine's)")
    add("--list", action="store_true", help="list the profiles")
    add("--join", action="store_true", help="a shell, or COMMAND, in the link that runs already")
    add("--pid", type=int, help="which one to join or to set, if there are several")
    add("--set", nargs="*", metavar="WORD", help="change the link that runs: --set loss 20%%")
    add("--inside", help=SUPPRESS)  # the way by which we came into a namespace of our own
    return parser


def _moment(words: list[str]) -> tuple[float, str]:
    """`10s loss 20%`: when, and what."""
    if len(words) == 1:
        words = words[0].split()
    if len(words) < 2:
        raise Refused("--at says when, and what then: --at 10s loss 20%")
    return seconds(words[0]), " ".join(words[1:])


def _try(up: str, down: str, schedule: list[tuple[float, str]]) -> None:
    """Go through the schedule without waiting. Raises Refused where a change does not go with what was before."""
    for _, text in sorted(schedule, key=lambda moment: moment[0]):
        after = options.merged({"up": up, "down": down}, text)
        up, down = after["up"], after["down"]


def _list_profiles() -> int:
    console = Console(highlight=False)
    for profile in PROFILES.values():
        console.print(f"[bold]{profile.name:<11}[/] {profile.text or '(nothing)'}", soft_wrap=True)
        console.print(Text(f"            {profile.description}", "dim"), soft_wrap=True)
    return 0


# --- from outside ---------------------------------------------------------------------------------


def _enter(words: list[str]) -> None:
    """Become a process in namespaces of its own, with the same command line. Does not return."""
    way = namespace.way_in()
    os.environ[rendezvous.USER] = str(os.getuid())
    os.execvp(
        way[0], [*way, "--", sys.executable, "-m", "benchmarks.link", "--inside", " ".join(way), *words]
    )


def _join(pid: int | None, command: list[str]) -> int:
    """Become a shell, or `command`, in the link that runs."""
    _, status = rendezvous.find(pid)
    os.environ.update(status["environment"])
    enter = namespace.into(status["pid"], status["way"])
    with shell.shell(Path(status["state"])) as (shell_command, extra):
        child = _start([*enter, *(command or shell_command)], shell.environment(extra))
        code = _code(child.wait())
    if not Path(status["state"]).exists():
        print("The link has ended: its first terminal was left.", file=sys.stderr)
    return code if command else 0


def _set(chosen: Namespace) -> int:
    """Change the link that runs: the words behind --set, and all the other options of a link, in what it is now."""
    words = " ".join(chosen.set)
    if not (words or options.given(chosen)):
        raise Refused(
            "--set says what is to change: --set loss 20%, or --set --up loss 20%. (make link-set LOSS=20%)"
        )
    path, status = rendezvous.find(chosen.pid)
    now = options.merged({direction: status[direction] for direction in ("up", "down")}, words)
    up, down = options.specifications(chosen, now)
    try:
        answer = rendezvous.ask(path, {"do": "change", "up": up, "down": down})
    except (OSError, ValueError) as error:
        raise Refused("The link has just ended.") from error
    if "error" in answer:
        raise Refused(answer["error"])
    print(f"The link {status['pid']} is now {options.describe(answer['up'], answer['down'])}.")
    return 0


# --- inside ---------------------------------------------------------------------------------------


def _carry(
    chosen: Namespace, up: str, down: str, schedule: list[tuple[float, str]], command: list[str]
) -> int:
    """Set up the link, run the command, carry its packets until it ends, and say what the link did."""
    from benchmarks.link.tun import Tun  # Linux only

    try:
        device = Tun(chosen.congestion)
    except OSError as error:
        raise Refused(
            f"The TUN device can't be set up: {error.strerror or error}. make doctor says more."
        ) from error
    errors = Console(stderr=True, highlight=False)
    with ExitStack() as leaving:
        leaving.callback(device.close)
        capture = _open_capture(chosen.pcap)
        emulator = Emulator(device, up, down, chosen.seed)
        emulator.capture(capture)
        state = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="chat-lab-link-"))) / "state"

        def now_is(up: str, down: str) -> None:
            part = state.with_suffix(".part")
            part.write_text(options.describe(up, down))
            part.replace(state)  # at once: a prompt may be reading it

        now_is(up, down)
        environment = {
            INSIDE: options.describe(up, down),
            rendezvous.USER: os.environ.get(rendezvous.USER, ""),
            "LAB_LISTEN": NEAR,
            "LAB_CONNECT": FAR,
        }
        status = {
            "pid": os.getpid(),
            "way": chosen.inside.split(),
            "state": str(state),
            "environment": environment,
        }
        orders = Orders(emulator, device, status, now_is)
        leaving.callback(orders.close)
        leaving.callback(rendezvous.Rendezvous(emulator, orders).close)
        begin = clock.monotonic()
        for after, text in schedule:
            emulator.at(begin + after, partial(_change_later, orders, text, errors))
        hint = f"Servers listen on {NEAR}, clients connect to {FAR}; this lab's do so by themselves."
        if not command and os.environ.get(rendezvous.USER) != "0":
            hint += " (The shell calls you root: that holds in this network only.)"
        errors.print(Text(f"Link: {options.describe(up, down)}. {hint}", "dim"))
        shell_command, extra = leaving.enter_context(shell.shell(state))
        try:
            code = _run(emulator, command or shell_command, shell.environment(environment, extra))
        finally:
            left = namespace.end_others()
        _tell(emulator, capture, left, errors)
    return code if command else 0  # how the last command in a shell ended is no failure of the link


def _change_later(orders: Orders, words: str, errors: Console) -> None:
    """What the schedule says, at its time. By then somebody may have changed the link so that it can't be."""
    answer = orders.merge(words)
    if "error" in answer:
        errors.print(Text(f"--at {words}: {answer['error']}", "yellow"))


def _open_capture(path: Path | None) -> Capture | None:
    if path is None:
        return None
    try:
        return Capture(path.open("wb"))
    except OSError as error:
        raise Refused(f"The capture {path} can't be written: {error.strerror}.") from error


def _tell(emulator: Emulator, capture: Capture | None, left: dict[int, str], errors: Console) -> None:
    """Say what the link did, who was `left` in it, and whether the capture is whole."""
    if left:
        names = ", ".join(f"{name} ({pid})" for pid, name in left.items())
        errors.print(Text(f"These were still in the link, and were ended with it: {names}.", "yellow"))
    if capture:
        emulator.capture(None)
        try:
            capture.close()
        except OSError as error:
            errors.print(Text(f"The capture is not complete: {error.strerror}.", "yellow"))
    errors.print(show_account(emulator.account()))


def _run(emulator: Emulator, command: list[str], environment: dict[str, str]) -> int:
    """Carry packets as long as `command` runs. Returns its exit code."""
    child = _start(command, environment)
    ended = os.pidfd_open(child.pid)
    emulator.watch(ended, emulator.stop)
    try:
        emulator.run()
    finally:
        os.close(ended)
    return _code(child.wait())


# --- both -----------------------------------------------------------------------------------------


def _start(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start `command`. From now on the signals that ask to end are its business."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []  # what has come before there was anybody to hand it on to

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child is None:
            early.append(number)
        elif number not in FROM_THE_KEYBOARD:
            child.send_signal(number)

    interrupts.handle_with(pass_on)
    try:
        child = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise Refused(f"{command[0]} can't be started: {error.strerror}.") from error
    for number in early:
        child.send_signal(number)  # from the keyboard it may hear it twice, which is better than not at all
    return child


def _code(code: int) -> int:
    """An exit code, as a shell says it of who was ended by a signal."""
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(interrupts.run(main))

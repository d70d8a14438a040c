"""The options of the four programs: the same for both transports, but for what only one of them has."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from common import addresses, limits
from common.nick import refuse_nick
from common.visible import visible

HOST = "127.0.0.1"
"""This machine alone. Not `localhost`: that is ::1 on one machine and 127.0.0.1 on the next."""

LISTEN = os.environ.get("LAB_LISTEN", HOST)
CONNECT = os.environ.get("LAB_CONNECT", HOST)
"""Where a server listens and where a client looks for it, if nobody says so. They differ across an emulated link
(`make link`), which says in the environment where its two ends are."""

PORT = 4242
"""The same number for both transports: TCP's ports and UDP's have nothing to do with each other."""


def print_anything() -> None:
    """Make the two outputs write a character that their encoding lacks as its number. (A file or a pipe may have an
    encoding that knows less than people write; that must not stop a program.)"""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a program without a window has none on Windows
            stream.reconfigure(errors="backslashreplace")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and the remedy, without the usage in front. Options are written
    out in full: what an abbreviation means would change with the next option there is.

    Every program makes one before it prints anything: from then on its output can be redirected anywhere.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_abbrev=False, **more)
        print_anything()

    def error(self, message: str) -> NoReturn:
        """Print the sentence, exit with 2."""
        message = visible(message.removeprefix("argument "))
        self.exit(2, f"{message[:1].upper()}{message[1:]} (--help lists the options).\n")

    def add_place(self, host: str | None, about_host: str, about_port: str, *, listens: bool = False) -> None:
        """Add `--host` (`host` if nobody says another one) and `--port`, to be read with `values`. `listens`: it is
        a server's own place, where other hosts and ports make sense than at its clients."""
        self._listens = listens
        self.add_argument("--host", default=host, help=about_host)
        lowest = 0 if listens else 1
        self.add_argument("--port", type=whole(lowest, 65_535, "port"), help=f"{about_port} ({PORT})")

    def values(self, words: Sequence[str] | None = None) -> dict[str, Any]:
        """The value of each option. The port may stand behind the host, as it does in what a server prints."""
        values = vars(self.parse_args(words))
        try:
            if values["host"] is not None:
                values["host"], values["port"] = self._place(values["host"], values["port"])
        except addresses.Unusable as unusable:
            self.exit(2, f"{visible(str(unusable))}\n")
        if values["port"] is None:
            values["port"] = PORT
        return values

    def _place(self, given: str, port: int | None) -> tuple[str, int | None]:
        """Host and port out of what was `given` as a host, and the port if one was given. Raises Unusable."""
        host, behind = addresses.take_apart(given)
        if behind == 0 and not self._listens:
            raise addresses.Unusable(
                f"{given} has no port that a client can use: it is a whole number from 1 to 65535."
            )
        if host in addresses.ANY and not self._listens:
            raise addresses.Unusable(
                f"{host} is every address of the server's own machine: say one of them, 127.0.0.1 on that machine "
                "itself (make: HOST=…, python: --host …)."
            )
        if None not in (behind, port) and behind != port:
            raise addresses.Unusable(
                f"Which port is meant, the {behind} of {given} or {port}? Leave one of them out."
            )
        return host, port if behind is None else behind


def number(low: float, high: float, what: str) -> Callable[[str], float]:
    """A converter for argparse: a number between `low` and `high`."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:  # false for nan
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}: it is from {low:,g} to {high:,g}")
        return value

    return convert


def whole(low: int, high: int, what: str) -> Callable[[str], int]:
    """A converter for argparse: a whole number between `low` and `high`."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no {what}: it is a whole number from {low} to {high}"
            )
        return value

    return convert


def _nick(text: str) -> str:
    problem = refuse_nick(text)
    if problem:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no nick: {problem[0].lower()}{problem[1:].rstrip('.')}"
        )
    return text


# --- servers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ServerOptions:
    """What a server can be told. `rate` in messages per second and `burst` in messages are one member's
    allowance, `silence` in seconds is a UDP member's."""

    host: str = LISTEN
    port: int = PORT
    rate: float = limits.RATE
    burst: int = limits.BURST
    max_members: int = limits.MAX_MEMBERS
    silence: float = limits.SILENCE
    trace: bool = False


def server_parser(transport: str) -> Parser:
    """The options of `python -m tcp.server` or `python -m udp.server`."""
    parser = Parser(
        prog=f"python -m {transport}.server", description=f"The chat server over {transport.upper()}."
    )
    parser.add_place(
        LISTEN, "address to listen on (%(default)s; 0.0.0.0: all)", "port; 0: any free one", listens=True
    )
    parser.add_argument(
        "--rate",
        type=number(0, 1e6, "rate"),
        default=limits.RATE,
        help="messages per second one member may send for long (%(default)g; 0: no limit)",
    )
    parser.add_argument(
        "--burst",
        type=whole(1, 1_000_000, "burst"),
        default=limits.BURST,
        help="messages one member may send at once (%(default)s)",
    )
    parser.add_argument(
        "--max-members",
        type=whole(1, 100_000, "number of members"),
        default=limits.MAX_MEMBERS,
        metavar="N",
        help="how many the room takes (%(default)s)",
    )
    if transport == "udp":
        parser.add_argument(
            "--silence",
            type=number(0.1, 86_400, "number of seconds"),
            default=limits.SILENCE,
            help="seconds without a word after which a member is gone (%(default)g)",
        )
    parser.add_argument("--trace", action="store_true", help="show every message")
    return parser


# --- clients --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClientOptions:
    """What a client can be told. `nick` is None where the person is to be asked; `heartbeat` in seconds;
    `reconnect`: whether it comes back by itself when its server goes away and returns."""

    host: str = CONNECT
    port: int = PORT
    nick: str | None = None
    reconnect: bool = True
    heartbeat: float = limits.HEARTBEAT


def client_parser(transport: str) -> Parser:
    """The options of `python -m tcp.client` or `python -m udp.client`."""
    parser = Parser(
        prog=f"python -m {transport}.client",
        description=f"The chat client over {transport.upper()}. Without a terminal it sends the lines it reads.",
    )
    parser.add_place(CONNECT, "where the server is (%(default)s)", "its port")
    parser.add_argument("--nick", type=_nick, help="your name in the room (asked if not given)")
    parser.add_argument(
        "--no-reconnect",
        dest="reconnect",
        action="store_false",
        help="end when the server goes away (else the client comes back when the server does)",
    )
    if transport == "udp":
        parser.add_argument(
            "--heartbeat",
            type=number(0.1, 3600, "number of seconds"),
            default=limits.HEARTBEAT,
            help="seconds between two signs of life (%(default)g)",
        )
    return parser


# --- both -----------------------------------------------------------------------------------------


def complain(sentence: str) -> int:
    """Say on standard error why the program can't begin; returns the exit code for that."""
    print(sentence, file=sys.stderr)
    return 2

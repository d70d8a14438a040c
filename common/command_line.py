"""The command lines of the four programs: the same for both transports, but for what only one of them has.

Exit codes: 0 all is well; 1 something that was sent has no receipt, or the program broke down; 2 it could
not begin (a bad option, no such address, no server), and said in one sentence why and what to do; 130 a
client without a terminal was interrupted.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn, Protocol

from common import limits
from common.addresses import Address, Unusable
from common.room import refuse_nick

HOST = "127.0.0.1"
"""This machine alone. Not `localhost`: that is ::1 on one machine and 127.0.0.1 on the next."""

PORT = 4242
"""The same number for both transports: TCP's ports and UDP's have nothing to do with each other."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and the remedy, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence, exit with 2."""
        message = message.removeprefix("argument ")
        self.exit(2, f"{message[:1].upper()}{message[1:]} (--help lists the options).\n")


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

    host: str = HOST
    port: int = PORT
    rate: float = limits.RATE
    burst: int = limits.BURST
    silence: float = limits.SILENCE
    trace: bool = False


class AnyServer(Protocol):
    """What both servers have in common, as far as the command line knows."""

    address: Address
    stopped: threading.Event

    def start(self) -> None: ...
    def stop(self) -> None: ...


def server_parser(transport: str) -> Parser:
    """The options of `python -m tcp.server` or `python -m udp.server`."""
    parser = Parser(
        prog=f"python -m {transport}.server", description=f"The chat server over {transport.upper()}."
    )
    parser.add_argument("--host", default=HOST, help="address to listen on (%(default)s; 0.0.0.0: all)")
    parser.add_argument(
        "--port", type=whole(0, 65535, "port"), default=PORT, help="port (%(default)s; 0: any free one)"
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
    if transport == "udp":
        parser.add_argument(
            "--silence",
            type=number(0.1, 86_400, "number of seconds"),
            default=limits.SILENCE,
            help="seconds without a word after which a member is gone (%(default)g)",
        )
    parser.add_argument("--trace", action="store_true", help="show every message")
    return parser


def run_server(make: Callable[..., AnyServer]) -> int:
    """Run a server until Ctrl-C or SIGTERM. `make` is its class. Returns the exit code."""
    transport: str = make.transport  # type: ignore[attr-defined]
    options = ServerOptions(**vars(server_parser(transport).parse_args()))
    from rich.console import Console  # here, so that Ctrl-C during this import is ours to handle

    from common.server_log import ServerLog

    console = Console(highlight=False)
    log = ServerLog(console, trace=options.trace)
    interrupted = threading.Event()
    on_signals(interrupted.set)
    try:
        server = make(options, log)
    except Unusable as error:
        return complain(str(error))
    server.start()
    while not interrupted.wait(0.2) and not server.stopped.is_set():
        pass  # a wait without end would not let Windows see Ctrl-C
    broke_down = server.stopped.is_set()
    if console.is_terminal:
        console.print()  # the terminal has put ^C in front of what comes next
    server.stop()
    log.summary(f"{transport} server")
    return 1 if broke_down else 0


# --- clients --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClientOptions:
    """What a client can be told. `nick` is None where the person is to be asked; `heartbeat` in seconds."""

    host: str = HOST
    port: int = PORT
    nick: str | None = None
    heartbeat: float = limits.HEARTBEAT


def client_parser(transport: str) -> Parser:
    """The options of `python -m tcp.client` or `python -m udp.client`."""
    parser = Parser(
        prog=f"python -m {transport}.client",
        description=f"The chat client over {transport.upper()}. Without a terminal it sends the lines it reads.",
    )
    parser.add_argument("--host", default=HOST, help="where the server is (%(default)s)")
    parser.add_argument("--port", type=whole(1, 65535, "port"), default=PORT, help="its port (%(default)s)")
    parser.add_argument("--nick", type=_nick, help="your name in the room (asked if not given)")
    if transport == "udp":
        parser.add_argument(
            "--heartbeat",
            type=number(0.1, 3600, "number of seconds"),
            default=limits.HEARTBEAT,
            help="seconds between two signs of life (%(default)g)",
        )
    return parser


def run_client(make: Any) -> int:
    """Run a client. `make` is its class. Returns the exit code."""
    options = ClientOptions(**vars(client_parser(make.transport).parse_args()))
    try:
        from common.conversation import converse  # here: see run_server

        return converse(make, options)
    except KeyboardInterrupt:
        return 130


# --- both -----------------------------------------------------------------------------------------


def on_signals(do: Callable[[], None]) -> None:
    """Call `do` on Ctrl-C and on SIGTERM, in the main thread."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        do()

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, handle)


def complain(sentence: str) -> int:
    """Say on standard error why the program can't begin; returns the exit code for that."""
    print(sentence, file=sys.stderr)
    return 2

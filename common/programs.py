"""Running a server or a client: from the command line to the exit code.

Exit codes: 0 all is well; 1 a client without a terminal has something without a receipt, or the program broke
down; 2 it could not begin (a bad option, no such address, no server), and said in one sentence why and what to
do; 130 a client was interrupted before it had joined, or without a terminal.
"""

import threading
from typing import Any, Protocol

from rich.console import Console

from common import interrupts
from common.addresses import Address, Unusable
from common.command_line import (
    ClientOptions,
    ServerOptions,
    client_parser,
    complain,
    server_parser,
)
from common.conversation import converse
from common.server_log import ServerLog


class AnyServer(Protocol):
    """What both servers have in common, as far as the command line knows."""

    address: Address
    stopped: threading.Event

    def start(self) -> None: ...
    def stop(self) -> None: ...


def run_server(make: Any) -> int:
    """Run a server until Ctrl-C or SIGTERM. `make` is its class. Returns the exit code."""
    options = ServerOptions(**server_parser(make.transport).values())
    console = Console(highlight=False)
    log = ServerLog(console, trace=options.trace)
    asked_to_stop = interrupts.Asked()
    try:
        server: AnyServer = make(options, log)
    except Unusable as error:
        return complain(str(error))
    if console.is_terminal:
        console.print(
            "Ctrl-C stops the server. In front of a line: = state, < received, > sent.", style="dim"
        )
    server.start()
    while not asked_to_stop.is_set() and not server.stopped.wait(0.1):
        pass  # a wait without end would not let Windows see Ctrl-C
    broke_down = server.stopped.is_set()
    if console.is_terminal:
        console.print()  # the terminal has put ^C in front of what comes next
    server.stop()
    log.summary(f"{make.transport} server")
    return 1 if broke_down else 0


def run_client(make: Any) -> int:
    """Run a client. `make` is its class. Returns the exit code."""
    options = ClientOptions(**client_parser(make.transport).values())
    interrupts.raise_interrupt()
    try:
        return converse(make, make.transport, options)
    except KeyboardInterrupt:
        return 130
    finally:
        interrupts.ignore()

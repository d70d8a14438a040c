"""The client that every course solution starts from: one thread reads the keyboard, one prints what comes.

    python -m benchmarks.contestants.naive.client HOST PORT NICK [--faults NAME,…]

Of the faults it has those that a client can have, and both ways stand beside each other in `stream.py`.
"""

import argparse
import socket
import sys
import threading
from collections.abc import Set
from contextlib import suppress

from benchmarks.contestants.naive.faults import COURSE_CLIENT, FAULTS, epilog, parse, show
from benchmarks.contestants.naive.stream import end, messages, sender
from common.command_line import Parser, complain, whole
from common.visible import visible

PATIENCE = 5.0
"""Seconds that a server may read nothing while we send."""


class Client:
    """`nick`'s end of a chat. Raises OSError if there is no server."""

    def __init__(self, host: str, port: int, nick: str, faults: Set[str] = COURSE_CLIENT) -> None:
        self.faults = faults
        self.sock = socket.create_connection((host, port))
        self.sock.settimeout(PATIENCE)
        self._send = sender(self.sock, faults)
        self.say(nick)

    def say(self, text: str) -> None:
        """Send a message. Raises OSError if the server is gone, or reads nothing."""
        self._send(end(text.encode(errors="replace"), self.faults))

    def receive(self) -> None:
        """The receive thread: print what comes, until the server closes."""
        try:
            for message in messages(self.sock, self.faults):
                # What nobody can read is no reason to stop reading.
                print(message.decode(errors="replace"), flush=True)
        except OSError as error:
            print(f"The connection broke: {error}.", file=sys.stderr)

    def leave(self) -> None:
        """Say no more. The server closes when it has noticed, and `receive` ends."""
        with suppress(OSError):  # it has closed already
            self.sock.shutdown(socket.SHUT_WR)


def main() -> int:
    """Send what is typed until the end of the input."""
    parser = Parser(
        prog="python -m benchmarks.contestants.naive.client",
        description="The chat client that a course ends with, and its faults by name.",
        epilog="faults:\n" + epilog(client=True),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("host")
    parser.add_argument("port", type=whole(1, 65535, "port"))
    parser.add_argument("nick")
    parser.add_argument(
        "--faults", type=parse, default=COURSE_CLIENT, metavar="NAME,…", help=f"({show(COURSE_CLIENT)}; none)"
    )
    options = parser.parse_args()
    if servers := [name for name in FAULTS if name in options.faults and not FAULTS[name].client]:
        parser.error(f"a client can't have {', '.join(servers)}")
    try:
        client = Client(options.host, options.port, options.nick, options.faults)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        return complain(f"There is no server at {visible(options.host)}:{options.port} ({why}).")
    receiving = threading.Thread(target=client.receive, daemon=True)
    receiving.start()
    try:
        for line in sys.stdin:
            client.say(line.rstrip("\n"))
        client.leave()
        receiving.join()
    except OSError as error:
        return complain(f"The server is gone: {error}.")
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

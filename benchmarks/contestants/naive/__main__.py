"""`python -m benchmarks.contestants.naive HOST PORT [--faults NAME,…]`: the server."""

import argparse
import sys

from benchmarks.contestants.naive.faults import COURSE, epilog, parse, show
from benchmarks.contestants.naive.server import Server
from common.command_line import Parser, complain, whole
from common.visible import visible


def main() -> int:
    """Serve until Ctrl-C."""
    parser = Parser(
        prog="python -m benchmarks.contestants.naive",
        description="The chat server that a course ends with, and its faults by name.",
        epilog="faults:\n" + epilog(client=False),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("host")
    parser.add_argument("port", type=whole(0, 65535, "port"), help="0: any free one")
    parser.add_argument(
        "--faults", type=parse, default=COURSE, metavar="NAME,…", help=f"({show(COURSE)}; none)"
    )
    options = parser.parse_args()
    try:
        server = Server(options.host, options.port, options.faults)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        return complain(f"Can't listen on {visible(options.host)}:{options.port}: {why}.")
    print(f"naive listening on {options.host}:{server.listening.getsockname()[1]}", flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

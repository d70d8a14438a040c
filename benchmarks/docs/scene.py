"""Scenes that take more than one program, played for a page.

python -m benchmarks.docs.scene trace tcp      what a server's trace shows of one person who says one thing
python -m benchmarks.docs.scene trace udp
"""

import re
import subprocess
import sys

from benchmarks.child import ROOT
from common import interrupts
from common.command_line import Parser

PATIENCE = 20.0
"""Seconds for anything."""


def trace(transport: str) -> str:
    """Start a server with --trace, let somebody come, say hello and leave; what the server showed. Raises
    RuntimeError or TimeoutExpired."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", f"{transport}.server", "--port", "0", "--trace"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as server:
        try:
            assert server.stdout is not None
            first = server.stdout.readline()
            found = re.search(r"listening on \S+:(\d+)", first)
            if not found:
                raise RuntimeError(f"the server did not say where it listens: {first!r}")
            subprocess.run(
                [sys.executable, "-m", f"{transport}.client", "--port", found[1], "--nick", "ann"],
                input="hello\n",
                capture_output=True,
                text=True,
                cwd=ROOT,
                timeout=PATIENCE,
                check=True,
            )
        finally:
            server.terminate()
        rest = server.stdout.read()  # and not `communicate`, which forgets what has been read ahead
        server.wait(PATIENCE)
    lines = (first + rest).splitlines()
    end = next((number for number, line in enumerate(lines) if '"type":"leave","nick"' in line), None)
    if end is None:
        raise RuntimeError(f"nobody left: {rest}")
    return "\n".join(lines[: end + 1])


def main() -> int:
    """`python -m benchmarks.docs.scene`"""
    parser = Parser(prog="python -m benchmarks.docs.scene", description="Play a scene for a page.")
    parser.add_argument("scene", choices=["trace"])
    parser.add_argument("transport", choices=["tcp", "udp"])
    chosen = parser.parse_args()
    try:
        print(trace(chosen.transport))
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"The scene can't be played: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(interrupts.run(main))

"""The process that performs one hostile act: `python -m benchmarks.torture.actor --act NAME …`

It says in lines of JSON how far it is, twice a second, and at the end what it counted, with {"done": true}. It ends by
itself when its time is over or when its input ends, and at once when it is asked to.
"""

import json
import select
import sys
from typing import Any

from benchmarks.torture.acts import ACTS, Act, Orders
from benchmarks.torture.acts.datagrams import Datagrams
from common import clock, interrupts
from common.command_line import Parser

TELL_EVERY = 0.5


def main() -> int:
    """`python -m benchmarks.torture.actor`"""
    chosen = _parser().parse_args()
    orders = Orders(
        transport=chosen.transport,
        host=chosen.host,
        port=chosen.port,
        seed=chosen.seed,
        seconds=chosen.seconds,
        rate=chosen.rate,
        count=chosen.count,
        ports=tuple(chosen.ports),
    )
    asked = interrupts.Asked()
    try:
        act = ACTS[chosen.act](orders)
    except OSError as error:
        print(f"{error.strerror or error} ({type(error).__name__})", file=sys.stderr)
        return 1
    try:
        _perform(act, asked)
    finally:
        act.end()
    _say(report(act) | {"done": True})
    return 0


def report(act: Act) -> dict[str, Any]:
    """What an act has done and seen so far."""
    found: dict[str, Any] = {"sent": act.sent, "counts": dict(act.counts)}
    if isinstance(act, Datagrams):
        found["amplification"] = act.amplification
    return found


def _perform(act: Act, asked: interrupts.Asked) -> None:
    tell_at = clock.monotonic() + TELL_EVERY
    while act.step() and not asked.is_set():
        if clock.monotonic() < tell_at:
            continue
        tell_at = clock.monotonic() + TELL_EVERY
        _say({"sent": act.sent})
        if select.select([sys.stdin], [], [], 0)[0]:
            return  # nobody sends us anything: whoever started us is gone


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _parser() -> Parser:
    """What the torture run tells an actor."""
    options = Parser(prog="python -m benchmarks.torture.actor", description=__doc__)
    options.add_argument("--act", choices=list(ACTS), required=True)
    options.add_argument("--transport", choices=("tcp", "udp"), required=True)
    options.add_argument("--host", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--seed", default="1")
    options.add_argument("--seconds", type=float, required=True)
    options.add_argument("--rate", type=float, required=True)
    options.add_argument("--count", type=int, required=True)
    options.add_argument("--ports", type=int, nargs="*", default=())
    return options


if __name__ == "__main__":
    sys.exit(main())

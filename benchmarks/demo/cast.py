"""The five members of one transport: the lab's own clients, in a process inside the link
(`python -m benchmarks.demo.cast`).

Orders come and news go as lines of JSON. {"do": "say", "member", "number", "text", "due"} says something once it is
due (monotonic clock, seconds); {"do": "stop", "member"} lets a member read nothing more, {"do": "read", "member"} lets
it read on. Whatever happens at a member is told as `news.News`, without the transport.
"""

import heapq
import importlib
import json
import queue
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import Any

from benchmarks.demo import script
from benchmarks.orders import decode
from common import addresses, clock, interrupts
from common.command_line import ClientOptions, Parser
from common.events import Away, Back, Came, Ended, Event, Joined, Missing, Refused, Spoken, Unconfirmed, Went
from common.messages import Say
from common.session import NotSent

JOIN_TIMEOUT = 20.0
"""Seconds until all are in: a busy machine takes a few."""


class Cast:
    """Five clients at `options`, each with a receive thread of its own."""

    def __init__(self, transport: str, options: ClientOptions) -> None:
        self._telling = threading.Lock()
        """Held around each line: each client calls `_show` from a thread of its own."""
        self._may_read = {nick: threading.Event() for nick in script.MEMBERS}
        self._in = threading.Semaphore(0)
        kind = importlib.import_module(f"{transport}.client").Client
        self._clients: dict[str, Any] = {}
        for nick, may_read in self._may_read.items():
            may_read.set()
            self._clients[nick] = kind(options, nick, partial(self._show, nick))

    def join(self) -> bool:
        """Bring everybody in; whether they all are."""
        for client in self._clients.values():
            client.start()
        deadline = clock.monotonic() + JOIN_TIMEOUT
        return all(self._in.acquire(timeout=max(0.0, deadline - clock.monotonic())) for _ in self._clients)

    def play(self, orders: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
        """Carry out orders, each when it is due, until there are no more."""
        self._put({"ready": True})
        waiting: list[tuple[float, int, dict[str, Any]]] = []
        while True:
            wait = waiting[0][0] - clock.monotonic() if waiting else None
            try:
                order = orders.get(timeout=None if wait is None else max(0.0, wait))
            except queue.Empty:
                self._say(heapq.heappop(waiting)[2])
                continue
            match order:
                case None:
                    return
                case {"do": "say"}:
                    heapq.heappush(waiting, (order["due"], order["number"], order))
                case {"do": "stop", "member": nick}:
                    self._may_read[nick].clear()
                    self._tell("stops", nick)
                case {"do": "read", "member": nick} if not self._may_read[nick].is_set():
                    self._tell("reads", nick)
                    self._may_read[nick].set()

    def close(self) -> None:
        """Leave."""
        for may_read in self._may_read.values():
            may_read.set()
        for client in self._clients.values():
            client.close()

    def _say(self, order: dict[str, Any]) -> None:
        nick, number = order["member"], order["number"]
        try:
            self._clients[nick].send(Say(message=script.stamp(order["text"], number)))
        except NotSent as why:
            self._tell("unsaid", nick, number=number, words=str(why))
        else:
            self._tell("said", nick, number=number)

    def _show(self, nick: str, event: Event) -> None:
        """An event at one member, in the thread that receives for it: as long as this does not return, its client
        reads nothing from its socket."""
        self._may_read[nick].wait()
        match event:
            case Spoken(text=text):
                if number := script.number_of(text):
                    self._tell("heard", nick, number=number)
            case Unconfirmed(text=text):
                self._tell("unconfirmed", nick, number=script.number_of(text) or 0)
            case Missing(count=count):
                self._tell("noticed", nick, amount=count)
            case Joined():
                self._tell("in", nick)
                self._in.release()
            case Back(missed=missed):
                self._tell("back", nick, amount=missed or 0)
            case Away(reason=reason):
                self._tell("away", nick, words=reason)
            case Ended(reason=reason) | Refused(reason=reason):
                self._tell("ended", nick, words=reason)
            case Came(nick=who):
                self._tell("came", nick, words=who)
            case Went(nick=who, reason=why):
                self._tell("went", nick, words=f"{who}: {why}")

    def _tell(self, what: str, member: str, *, number: int = 0, amount: int = 0, words: str = "") -> None:
        line = {"what": what, "member": member, "number": number, "amount": amount, "words": words}
        self._put(line | {"at": clock.monotonic()})

    def _put(self, line: dict[str, Any]) -> None:
        with self._telling, suppress(OSError):  # who gave the orders is gone: our input ends, too
            print(json.dumps(line), flush=True)


def main() -> int:
    """`python -m benchmarks.demo.cast`"""
    chosen = _parser().parse_args()
    interrupts.raise_interrupt()
    orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    # A daemon: it waits for a line that may never come.
    threading.Thread(target=read, args=(orders,), name="orders", daemon=True).start()
    try:
        cast = Cast(chosen.transport, ClientOptions(host=chosen.host, port=chosen.port))
    except addresses.Unusable as error:
        print(error, file=sys.stderr)
        return 1
    try:
        if not cast.join():
            print("Not everybody could join.", file=sys.stderr)
            return 1
        cast.play(orders)
    except KeyboardInterrupt:
        pass  # how we are asked to end
    finally:
        cast.close()
    return 0


def read(orders: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
    """A thread: each line of standard input is an order; None at its end, or where one is none."""
    try:
        for line in sys.stdin:
            orders.put(decode(line))
    finally:
        orders.put(None)


def _parser() -> Parser:
    options = Parser(prog="python -m benchmarks.demo.cast", description=__doc__)
    options.add_argument("--transport", choices=("tcp", "udp"), required=True)
    options.add_argument("--host", required=True)
    options.add_argument("--port", type=int, required=True)
    return options


if __name__ == "__main__":
    sys.exit(main())

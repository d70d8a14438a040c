"""The ten who converse: real clients of the lab, in a process of their own (`python -m benchmarks.torture.members`).

They take orders in lines of JSON, and answer each with one: {"do": "account"} lets them fall silent, says what
became of what they said, and begins a new round; {"do": "back"} waits until everyone is in again after the server was;
{"do": "talk"} lets them talk on. In between they talk, `rate` messages a second each.
"""

import importlib
import json
import queue
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.torture.account import Round
from common import addresses, clock
from common.command_line import ClientOptions, Parser
from common.events import (
    Away,
    Back,
    Ended,
    Event,
    Joined,
    Missing,
    Notice,
    Refused,
    Spoken,
    Unconfirmed,
    Went,
)
from common.messages import Say
from common.session import NotSent

JOIN_TIMEOUT = 20.0
"""Seconds until all are in."""

BACK_TIMEOUT = 40.0
"""Seconds until all are back: a client asks again after 0.5, 1, 2, 4 and 8 s."""

QUIET, DRAIN = 1.0, 8.0
"""Silence is when nothing has come for so many seconds, or after so many at the latest."""

NUMBERS = ("received", "lost", "doubled", "out_of_order")
"""What a client's tracker counts."""


class Members:
    """`count` members who talk with each other at `rate` messages a second each."""

    def __init__(self, transport: str, options: ClientOptions, count: int, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        """Held around all that follows: each client calls `_show` from a thread of its own."""
        self._nicks = {f"member{number}": number for number in range(count)}
        self._round = Round(1, count)
        self._counts: Counter[str] = Counter()
        self._notes: dict[str, None] = {}
        self._in: set[int] = set()
        self._heard_at = clock.monotonic()
        self._numbers = [0] * count
        self._before: Counter[str] = Counter()
        kind = importlib.import_module(f"{transport}.client").Client
        self._clients: list[Any] = []
        for nick, number in self._nicks.items():
            self._clients.append(kind(options, nick, partial(self._show, number)))

    def join(self) -> bool:
        """Bring everybody in; whether they all are."""
        for client in self._clients:
            client.start()
        return self.all_in(JOIN_TIMEOUT)

    def all_in(self, seconds: float) -> bool:
        """Wait until everybody is in; whether they are, within `seconds`."""
        deadline = clock.monotonic() + seconds
        while clock.monotonic() < deadline:
            with self._lock:
                if len(self._in) == len(self._clients):
                    return True
            time.sleep(0.05)
        return False

    def talk(self, orders: "queue.SimpleQueue[dict[str, Any] | None]") -> dict[str, Any] | None:
        """Talk until there is an order: that is returned. None: there will be no more."""
        gap = 1 / (self._rate * len(self._clients))
        turn, due = 0, clock.monotonic()
        while True:
            try:
                return orders.get(timeout=max(0.0, due - clock.monotonic()))
            except queue.Empty:
                self._say(turn)
                turn = (turn + 1) % len(self._clients)
                due = max(due + gap, clock.monotonic() - 1.0)

    def account(self) -> dict[str, Any]:
        """Fall silent, and give account of the round; the next one begins."""
        self._fall_silent()
        with self._lock:
            figures = asdict(self._round.figures())
            self._round = Round(self._round.number + 1, len(self._clients))
            counts, self._counts = self._counts, Counter()
            notes, self._notes = list(self._notes), {}
            trackers = [client.session.statistics.tracker for client in self._clients]
            numbers = Counter({name: sum(getattr(one, name) for one in trackers) for name in NUMBERS})
            since, self._before = {name: numbers[name] - self._before[name] for name in NUMBERS}, numbers
            unreadable = sum(client.session.statistics.unreadable for client in self._clients)
        self._numbers = [0] * len(self._clients)
        return {
            "round": figures,
            "numbers": since,
            "unreadable": unreadable,
            "counts": dict(counts),
            "notes": notes[-20:],
            "in": len(self._in),
        }

    def close(self) -> None:
        """Leave."""
        for client in self._clients:
            client.close()

    def _say(self, sender: int) -> None:
        number = self._numbers[sender] = self._numbers[sender] + 1
        with self._lock:
            text = self._round.say(sender, number)
        try:
            self._clients[sender].send(Say(message=text))
        except NotSent:
            with self._lock:
                self._round.said.discard((sender, number))
                self._counts["not sent: away"] += 1

    def _fall_silent(self) -> None:
        now = began = clock.monotonic()
        while now < began + DRAIN:
            with self._lock:
                if self._round.complete or now - max(began, self._heard_at) > QUIET:
                    return
            time.sleep(0.05)
            now = clock.monotonic()

    def _show(self, member: int, event: Event) -> None:
        """An event at one member, in the thread of its client."""
        with self._lock:
            match event:
                case Spoken(kind="chat", nick=nick, text=text) if nick in self._nicks:
                    self._heard_at = clock.monotonic()
                    self._round.hear(member, self._nicks[nick], text)
                case Spoken():
                    self._counts["heard from others"] += 1
                case Joined() | Back():
                    self._in.add(member)
                    self._counts["joined or back"] += 1
                case Away(reason=reason) | Ended(reason=reason) | Refused(reason=reason):
                    self._in.discard(member)
                    self._counts["away"] += 1
                    self._notes[f"member{member}: {reason}"] = None
                case Went(nick=nick) if nick in self._nicks:
                    self._counts["seen leaving"] += 1
                case Missing(count=count):
                    self._counts["missing"] += count
                case Unconfirmed():
                    self._counts["without a receipt"] += 1
                case Notice(text=text, error=True):
                    self._counts["told of an error"] += 1
                    self._notes[text] = None


def main() -> int:
    """`python -m benchmarks.torture.members`"""
    chosen = _parser().parse_args()
    orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    # A daemon: it waits for a line that may never come.
    threading.Thread(target=_read, args=(orders,), name="orders", daemon=True).start()
    try:
        options = ClientOptions(host=chosen.host, port=chosen.port)
        members = Members(chosen.transport, options, chosen.members, chosen.rate)
    except addresses.Unusable as error:
        print(error, file=sys.stderr)
        return 1
    try:
        if not members.join():
            print(f"Not everybody could join: {members.account()['notes']}", file=sys.stderr)
            return 1
        _say({"ready": True})
        while order := members.talk(orders):
            while order and order["do"] != "talk":
                if order["do"] == "account":
                    _say(members.account())
                else:
                    _say({"back": members.all_in(BACK_TIMEOUT)})
                order = orders.get()
            if order is None:
                break
    finally:
        members.close()
    return 0


def _read(orders: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    orders.put(None)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _parser() -> Parser:
    """What the torture run tells the members."""
    options = Parser(prog="python -m benchmarks.torture.members", description=__doc__)
    options.add_argument("--transport", choices=("tcp", "udp"), required=True)
    options.add_argument("--host", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--members", type=int, required=True)
    options.add_argument("--rate", type=float, required=True)
    return options


if __name__ == "__main__":
    sys.exit(main())

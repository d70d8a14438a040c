"""Peers that vanish without a word: across an emulated link that suddenly loses everything.

TCP is asked by its keepalive where nothing is said, and gives up what is not acknowledged (TCP_USER_TIMEOUT) where
something is; over UDP there is the heartbeat. All of it within the documented time, which is 3 s here and not 45.
"""

import json
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.link import namespace
from benchmarks.link.packet import FAR, NEAR
from tests.emulated import needs_link
from tests.output import PATIENCE, Output

pytestmark = needs_link

ROOT = Path(__file__).parent.parent
HEARTBEAT, SILENCE = 1.0, 3.0

SHORTER = f"""
from common import limits
limits.HEARTBEAT, limits.SILENCE = {HEARTBEAT}, {SILENCE}
limits.MISSED_HEARTBEATS = 3
import importlib, sys
raise SystemExit(importlib.import_module(sys.argv.pop(1)).main())
"""
"""A program of the lab with shorter times. They are set before anything else is imported that may note them."""


class Link:
    """An emulated link, and programs that run across it."""

    def __init__(self, exits: ExitStack) -> None:
        self._exits = exits
        self._way = namespace.way_in()
        self._control = self._start([*self._way, "--", sys.executable, "-m", "benchmarks.link.control"])
        self._control.says("ready")

    def loses(self, share: str) -> None:
        """From now on it loses so much in both directions; it has when this returns."""
        order = {"do": "change", "up": f"loss {share}", "down": f"loss {share}"}
        before = len(self._control.written)
        self._control.tell(json.dumps(order) + "\n")
        self._control.says(r"ready.*\n(.*)\n")
        assert b"error" not in self._control.written[before:], self._control.written

    def run(self, name: str, *arguments: str) -> Output:
        """Start `python -m name` in there."""
        into = namespace.into(self._control.process.pid, self._way)
        return self._start([*into, sys.executable, "-c", SHORTER, name, *arguments])

    def _start(self, command: list[str]) -> Output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._exits.callback(end, process)
        return Output(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End it, and give back what it had."""
    process.kill()
    process.communicate()


class Room:
    """A server, bob beside it, and ann across the link."""

    def __init__(self, link: Link, transport: str, port: str) -> None:
        self.server = link.run(f"{transport}.server", "--host", NEAR, "--port", port)
        self.server.says("listening on")
        self.bob, self.ann = (
            link.run(f"{transport}.client", "--host", host, "--port", port, "--nick", nick, "--no-reconnect")
            for nick, host in (("bob", NEAR), ("ann", FAR))
        )
        self.ann.says("you are in as ann")
        self.bob.says("you are in as bob")
        self.bob.says("ann")  # it was here already, or has joined

    def talks(self) -> None:
        """Both say something."""
        self.bob.tell("anybody?\n")
        self.ann.tell("anybody?\n")


@pytest.fixture
def exits() -> Iterator[ExitStack]:
    """What is to be ended, whatever happens."""
    with ExitStack() as exits:
        yield exits


def test_who_vanishes_is_noticed_within_the_documented_time(exits: ExitStack) -> None:
    """Over TCP in the middle of silence and in the middle of talk, over UDP by its heartbeat: the others are told
    that it is gone, and it is told itself. All of them at the same time, on one link."""
    link = Link(exits)
    idle, talking = Room(link, "tcp", "4242"), Room(link, "tcp", "4243")
    udp = Room(link, "udp", "4242")
    began = time.monotonic()
    link.loses("100%")
    talking.talks()
    news = {
        "tcp, idle: bob": (idle.bob, "ann has left the chat (the connection broke)"),
        "tcp, idle: ann": (idle.ann, "The connection to the server broke: Connection timed out"),
        "tcp, talking: bob": (talking.bob, "ann has left the chat (the connection broke)"),
        "tcp, talking: ann": (talking.ann, "The connection to the server broke: Connection timed out"),
        "udp: bob": (udp.bob, "ann has left the chat (was not heard of for too long)"),
        "udp: ann": (udp.ann, "The server has not been heard of for"),
    }
    noticed = when(news, began)
    assert noticed.keys() == news.keys(), f"never noticed: {news.keys() - noticed.keys()}"
    early = {who: after for who, after in noticed.items() if after < SILENCE - HEARTBEAT - 0.1}
    assert not early, f"sooner than {SILENCE - HEARTBEAT:g} s after the last sign of life: {early}"
    for room in (idle, talking, udp):
        assert room.bob.process.poll() is None, "whoever is on the right side of the link stays"


def when(news: dict[str, tuple[Output, str]], began: float) -> dict[str, float]:
    """Seconds until each program said what it was to say."""
    noticed: dict[str, float] = {}
    waited = dict(news)
    while waited:
        left = began + PATIENCE - time.monotonic()
        ready, _, _ = select.select([output for output, _ in waited.values()], [], [], max(0.0, left))
        if not ready:
            break
        for output in ready:
            output.read()
        for who, (output, what) in list(waited.items()):
            if output.has(re.escape(what)):
                noticed[who] = time.monotonic() - began
            if who in noticed or output.ended:
                del waited[who]
    return noticed

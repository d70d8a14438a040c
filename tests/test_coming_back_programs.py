"""Programs whose server is killed and started again: a pipe, and a person at a terminal."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from benchmarks.screen import Screen
from tests.output import Output
from tests.test_programs import PATIENCE, ROOT, Program, server


@pytest.fixture
def exits() -> Iterator[ExitStack]:
    """What is to be ended, whatever happens."""
    with ExitStack() as exits:
        yield exits


@pytest.fixture
def options(transport: str) -> list[str]:
    """Over UDP it is the heartbeat that tells: quickly."""
    return ["--heartbeat", "0.2"] if transport == "udp" else []


def kill(process: Program) -> None:
    """SIGKILL: it says no goodbye."""
    process.kill()
    process.wait()


@pytest.fixture
def served(transport: str, exits: ExitStack) -> tuple[Program, str]:
    """A server process, and its port."""
    return exits.enter_context(server(transport))


@pytest.fixture
def ann(transport: str, served: tuple[Program, str], options: list[str], exits: ExitStack) -> Output:
    """A client between two pipes, that is in. What it writes comes together, what goes wrong included."""
    argv = [sys.executable, "-m", f"{transport}.client", "--port", served[1], "--nick", "ann", *options]
    process = subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    exits.callback(process.communicate)
    exits.callback(process.kill)
    ann = Output(process)
    ann.says("you are in as ann")
    return ann


def ends(ann: Output) -> int:
    """Its input ends; wait until it has ended, too. Its exit code."""
    if ann.process.stdin is not None:
        ann.process.stdin.close()
        ann.process.stdin = None
    while ann.reads(PATIENCE):
        pass
    return ann.process.wait(PATIENCE)


def test_a_pipe_goes_on_when_its_server_returns(
    transport: str, exits: ExitStack, served: tuple[Program, str], ann: Output
) -> None:
    """What was to be said meanwhile waits, and is said then: 0, and the summary says that it was away."""
    ann.tell("before\n")
    ann.says("ann: before  ✓")
    kill(served[0])
    ann.says("We come back as soon as we can")
    ann.tell("meanwhile\n/me waits\n")
    exits.enter_context(server(transport, port=served[1]))
    ann.says("back in as ann; here: ann; what was said meanwhile is not known")
    ann.says("ann: meanwhile  ✓")
    ann.says(r"\* ann waits  ✓")
    assert ends(ann) == 0
    assert ann.has("sent: 3\nconfirmed: 3\n")
    assert ann.has("away: once")


def test_a_pipe_that_has_said_everything_does_not_wait(served: tuple[Program, str], ann: Output) -> None:
    """Its input ends while the server is gone, and everything had its receipt: no need for the server."""
    ann.tell("hi\n")
    ann.says("ann: hi  ✓")
    kill(served[0])
    ann.says("We come back")
    assert ends(ann) == 0


def test_a_pipe_may_be_told_to_quit_while_it_is_away(served: tuple[Program, str], ann: Output) -> None:
    """/quit is for the client, and needs no server."""
    kill(served[0])
    ann.says("We come back")
    ann.tell("/help\n/quit\n")
    ann.says("\n/quit")
    while ann.reads(PATIENCE):
        pass
    assert ann.process.wait(PATIENCE) == 0


def test_a_pipe_that_still_has_something_to_say_can_be_interrupted(
    served: tuple[Program, str], ann: Output
) -> None:
    """It would wait for ever: SIGTERM ends it."""
    kill(served[0])
    ann.says("We come back")
    ann.tell("hello?\n")
    ann.process.terminate()
    while ann.reads(PATIENCE):
        pass
    assert ann.process.wait(PATIENCE) == 130
    assert not ann.has("Traceback")


def test_a_person_is_told_and_goes_on(
    transport: str, exits: ExitStack, served: tuple[Program, str], options: list[str]
) -> None:
    """In a terminal: gone, said in words and at the bottom; what is typed meanwhile is not sent and can be brought
    back; then it is there again, and the line being typed was never lost."""
    process, port = served
    argv = [sys.executable, "-m", f"{transport}.client", "--port", port, "--nick", "ann", *options]
    screen = exits.enter_context(Screen(argv, columns=120, rows=40))
    screen.wait_for("ann>", PATIENCE)
    screen.type("hi\r")
    screen.wait_for("ann: hi  ✓", PATIENCE)
    screen.wait_for("1 here", PATIENCE)
    kill(process)
    screen.wait_for("We come back as soon as we can.", PATIENCE)
    screen.wait_for("out, asking again", PATIENCE)
    screen.type("hello?\r")
    screen.wait_for("nothing was sent. (The arrow up brings it back.)", PATIENCE)
    screen.type("half a li")
    screen.wait_for("ann> half a li", PATIENCE)
    exits.enter_context(server(transport, port=port))
    screen.wait_for("*** back in as ann; here: ann; what was said meanwhile is not known", PATIENCE)
    screen.wait_for("1 here", PATIENCE)
    screen.type("ne\r")
    screen.wait_for("ann: half a line  ✓", PATIENCE)
    screen.type("\x1b[A\x1b[A\r")
    screen.wait_for("ann: hello?  ✓", PATIENCE)
    screen.type("/quit\r")
    assert screen.wait(PATIENCE) == 0
    assert any(re.search(r"away\W+once", line) for line in screen.lines())


def test_a_person_may_leave_while_the_server_is_gone(
    transport: str, exits: ExitStack, served: tuple[Program, str], options: list[str]
) -> None:
    """The commands that need no server do what they always do."""
    process, port = served
    argv = [sys.executable, "-m", f"{transport}.client", "--port", port, "--nick", "ann", *options]
    screen = exits.enter_context(Screen(argv, columns=120, rows=40))
    screen.wait_for("ann>", PATIENCE)
    kill(process)
    screen.wait_for("out, asking again", PATIENCE)
    screen.type("/retry\r")
    screen.wait_for("! Nothing is without a receipt.", PATIENCE)
    screen.type("/quit\r")
    assert screen.wait(PATIENCE) == 0

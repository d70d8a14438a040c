"""The naive server and client: with each fault its symptom, without it none."""

import argparse
import contextlib
import io
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from benchmarks.contestants.naive import faults, places, trials
from benchmarks.contestants.naive.client import Client
from benchmarks.contestants.naive.driver import Faulty
from benchmarks.contestants.naive.faults import COURSE, FAULTS, NO_FRAMING
from benchmarks.contestants.naive.room import room
from benchmarks.contestants.naive.stalled import stall
from benchmarks.contestants.naive.stream import MAX_LINE, RECV_SIZE, messages
from benchmarks.contestants.naive.trials import TRIALS, Try, chatting, repeat
from benchmarks.drivers import DRIVERS
from benchmarks.stage import Stage, stage

PATIENCE = 20.0
"""Guards against hanging, not against slowness."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the trials ask Linux for processor time")

CHANCES = 3
"""Rooms in which a fault that threads meet by chance has to show itself in one."""


@pytest.fixture
def here() -> Iterator[Stage]:
    """A stage."""
    with stage(threading.Event(), lambda _: None) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_with_a_fault_goes_wrong(fault: str, here: Stage) -> None:
    """It does in front of those who give it the occasion."""
    tries = CHANCES if fault == faults.NO_LOCK else 1
    seen = repeat(TRIALS[fault], here, Faulty({fault}), tries)
    assert seen.wrong
    for name, expected in SYMPTOMS.get(fault, {}).items():
        assert seen.usually(name) == expected
    assert seen.shown == SHOWN.get(fault, "")


SYMPTOMS: dict[str, dict[str, float]] = {
    faults.NO_FRAMING: {"messages": 1},
    faults.DECODE_PER_RECV: {"thrown out": True},
    faults.BLOCKING_SEND: {"went on": True},
    faults.HELLO_IN_ACCEPT: {"went on": True},
    faults.CHANGE_WHILE_ITERATING: {"missed": 1},
    faults.LOCK_TWICE: {"went on": False},
}

SHOWN = {
    faults.NO_FRAMING: "twentytinytigers",
    faults.DECODE_PER_RECV: "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xd0 in position 1023: "
    "unexpected end of data",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_without_the_fault_nothing_goes_wrong(fault: str, here: Stage) -> None:
    """The same people do the same."""
    assert not repeat(TRIALS[fault], here, Faulty(set()), 1).wrong


@pytest.mark.parametrize("chosen", [set(), set(FAULTS) - {faults.LOCK_TWICE}, COURSE])
def test_two_who_take_turns_notice_nothing(chosen: set[str], here: Stage) -> None:
    """Whatever is wrong with the server."""
    seen = repeat(chatting, here, Faulty(chosen), 1)
    assert not seen.wrong
    assert seen.usually("turns") == trials.TURNS


@pytest.mark.parametrize("name", ["naive", "tcp"])
def test_who_stops_reading_decides_for_all_or_for_himself(name: str, here: Stage) -> None:
    """Over the naive server all stand still until he reads again; over ours nobody else loses anything."""
    driver = Faulty(COURSE - {NO_FRAMING}) if name == "naive" else DRIVERS[name]
    with room(here, driver) as made:
        found = stall(made, 0.1, 3.0)
    if name == "naive":
        assert found.still is not None
        assert found.went_on
        assert found.found == found.said > found.heard
    else:
        assert found.still is None
        assert found.found < found.said == found.heard


def test_trials_are_counted() -> None:
    """Figures are those of the tries that went wrong."""
    seen = trials.Seen([Try(False, {"a": 1}), Try(True, {"a": 2}, "x"), Try(True, {"a": 4}, "y")])
    assert (seen.wrong, seen.shown, seen.usually("a"), seen.usually("b")) == (2, "x", 3, None)


# --- the client -----------------------------------------------------------------------------------


class Played:
    """A client whose server is this test. `out` and `err` are what its receive thread printed."""

    def __init__(self, chosen: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.out, self.raised = io.StringIO(), ""
        listening = socket.create_server(("127.0.0.1", 0))
        host, port = listening.getsockname()
        self.client = Client(host, port, "ann", chosen)
        self.server = listening.accept()[0]
        self.server.settimeout(PATIENCE)
        listening.close()
        monkeypatch.setattr(sys, "stdout", self.out)
        monkeypatch.setattr(
            threading, "excepthook", lambda args: setattr(self, "raised", args.exc_type.__name__)
        )
        self.receiving = threading.Thread(target=self.client.receive)
        self.receiving.start()

    def hears(self, data: bytes) -> list[str]:
        """The lines it shows of this, when the server has closed."""
        with contextlib.suppress(OSError):  # it has broken down
            self.server.sendall(data)
        self.server.shutdown(socket.SHUT_WR)
        self.receiving.join(PATIENCE)
        self.close()
        return self.out.getvalue().splitlines()

    def close(self) -> None:
        """End both."""
        self.client.sock.close()
        self.server.close()


TWO = "ann: жук\nbob: ёж\n".encode()


def test_a_client_without_framing_shows_what_recv_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines come as one message; done right they are two."""
    assert messages_of(TWO, {NO_FRAMING}) == [TWO]
    assert messages_of(TWO, set()) == ["ann: жук".encode(), "bob: ёж".encode()]
    assert Played(set(), monkeypatch).hears(TWO) == ["ann: жук", "bob: ёж"]


def messages_of(data: bytes, chosen: set[str]) -> list[bytes]:
    """What one end takes out of this, of what the other end said before it closed."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        ours.settimeout(PATIENCE)
        return list(messages(ours, chosen))


def test_a_client_that_decodes_per_recv_breaks_down_on_half_a_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its receive thread ends, and nothing is shown any more."""
    long = trials.CYRILLIC.encode() + b"\n"
    assert len(long) > RECV_SIZE
    wrong = Played({faults.DECODE_PER_RECV}, monkeypatch)
    assert (wrong.hears(long), wrong.raised) == ([], "UnicodeDecodeError")
    right = Played(set(), monkeypatch)
    assert (right.hears(long), right.raised) == ([trials.CYRILLIC], "")


def test_a_client_that_uses_send_loses_the_end_of_a_long_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is not reading: what does not fit is never sent."""
    size = 32 << 20  # more than two sockets' buffers
    wrong = Played({faults.SEND_FOR_SENDALL}, monkeypatch)
    wrong.client.say("x" * size)
    wrong.client.leave()
    assert len(everything(wrong.server)) < size
    wrong.hears(b"")
    right = Played(set(), monkeypatch)
    reading = threading.Thread(target=lambda: got.append(everything(right.server)))
    got: list[bytes] = []
    reading.start()
    right.client.say("x" * size)
    right.client.leave()
    reading.join(PATIENCE)
    assert got == [b"ann\n" + b"x" * size + b"\n"]
    right.hears(b"")


def everything(sock: socket.socket) -> bytes:
    """All that comes until the other end closes its direction."""
    return b"".join(iter(lambda: sock.recv(1 << 20), b""))


class Spinning(Exception):
    """Somebody asks again and again."""


def test_a_client_that_ignores_the_end_asks_for_ever() -> None:
    """recv says at once that nothing more will come, each time."""

    class Ended(socket.socket):
        """A connection that the other end has closed."""

        asked = 0

        def recv(self, bufsize: int, flags: int = 0) -> bytes:
            self.asked += 1
            if self.asked > 1000:
                raise Spinning
            return b""

    with Ended() as sock:
        with pytest.raises(Spinning):
            list(messages(sock, {faults.IGNORE_EOF}))
        sock.asked = 0
        assert list(messages(sock, set())) == []
        assert sock.asked == 1


def test_a_line_without_an_end_is_the_end() -> None:
    """Nobody makes the other end keep more than a line."""
    assert messages_of(b"hi\n" + b"x" * (MAX_LINE + RECV_SIZE), set()) == [b"hi"]


# --- the programs ---------------------------------------------------------------------------------


def module(name: str, *words: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", f"benchmarks.contestants.{name}", *words]


def test_server_and_client_from_a_shell(here: Stage) -> None:
    """What one types the other one reads."""
    with room(here, Faulty(set())) as made:
        bob = made.join()
        ann = subprocess.Popen(
            module("naive.client", "127.0.0.1", str(made.port), "ann", "--faults", "none"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=places.ROOT,
        )
        never = threading.Timer(PATIENCE, ann.kill)
        never.start()
        assert ann.stdin is not None
        assert ann.stdout is not None
        assert ann.stdout.readline() == "ann has joined\n"
        bob.say("Привет")
        assert ann.stdout.readline() == "m0: Привет\n"
        output, errors = ann.communicate("Grüße\n")
        never.cancel()
        assert made.until(lambda: bob.heard == ["Grüße"], PATIENCE)
    assert (ann.returncode, output, errors) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("naive", "127.0.0.1", "0", "--faults", "no-luck"), "there is no fault 'no-luck'"),
        (("naive.client", "127.0.0.1", "1", "ann", "--faults", "no-lock"), "A client can't have no-lock"),
        (("naive.client", "127.0.0.1", "1", "ann"), "There is no server at 127.0.0.1:1"),
        (("naive", "192.0.2.1", "0"), "Can't listen on 192.0.2.1:0"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    """With exit code 2."""
    done = subprocess.run(
        module(*words), text=True, capture_output=True, timeout=PATIENCE, check=False, cwd=places.ROOT
    )
    assert done.returncode == 2
    assert done.stderr.startswith(sentence) or sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_faults_are_named_as_they_are_shown() -> None:
    """Whatever is shown can be given back."""
    for chosen in (frozenset(), COURSE, frozenset(FAULTS)):
        assert faults.parse(faults.show(chosen)) == chosen
    for text in ("", "none,no-lock", "no-lock,nothing"):
        with pytest.raises(argparse.ArgumentTypeError):
            faults.parse(text)

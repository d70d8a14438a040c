"""How terminals find a running link: the directory of its sockets, and links that are dead, deaf or busy."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks.link import rendezvous
from benchmarks.link.control import LONGEST_ORDER, Orders
from benchmarks.link.emulator import Emulator
from benchmarks.link.rendezvous import Rendezvous, ask, directory, find, running
from benchmarks.link.units import Refused
from tests.test_link_control import Memory

GUARD = 20.0
"""Guards against hanging, not against slowness."""

STATUS = b'{"do": "status"}\n'

Links = Callable[..., "Running"]


class Running:
    """A link over memory, in a thread of its own, that can be found under a process id."""

    def __init__(self, pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pid = pid
        self.device = Memory()
        self.emulator = Emulator(self.device, "delay 1ms", "")
        status = {"pid": pid, "way": ["unshare"], "environment": {}, "state": "/nowhere"}
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: pid)
            self.rendezvous = Rendezvous(self.emulator, Orders(self.emulator, self.device, status))
        self.path = self.rendezvous.path
        self._thread = threading.Thread(target=self.emulator.run, name=f"link {pid}")
        self._thread.start()

    def made(self, seconds: float) -> "Running":
        """As if its socket had been made then."""
        os.utime(self.path, (seconds, seconds))
        return self

    def goes_on(self) -> bool:
        """Whether it still carries packets and answers."""
        before = len(self.device.delivered)
        self.device.comes("down", b"packet")
        return ask(self.path, {"do": "status"})["pid"] == self.pid and len(self.device.delivered) > before

    def end(self) -> None:
        """End it, as it ends itself."""
        if self._thread.is_alive():
            self.emulator.stop()
            self.device.comes("up", b"the last")
            self._thread.join()
            self.rendezvous.close()
            self.device.close()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime directory of the test's own, with a short name: a socket's address has 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="lab-", dir="/tmp") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        monkeypatch.delenv(rendezvous.USER, raising=False)
        yield Path(place)


@pytest.fixture
def ours(place: Path) -> Path:
    """Where the links of this user lie; it is not made yet."""
    return place / f"chat-lab-{os.getuid()}"


@pytest.fixture
def links(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Links]:
    """Makes links that run, with the process id that is said; all of them are ended."""
    with ExitStack() as leaving:

        def make(pid: int = 1001) -> Running:
            link = Running(pid, monkeypatch)
            leaving.callback(link.end)
            return link

        yield make


@pytest.fixture
def others(ours: Path) -> Iterator[Callable[[str], socket.socket]]:
    """Makes sockets that are no links: they listen under this name, and nobody answers there."""
    with ExitStack() as leaving:

        def make(name: str) -> socket.socket:
            directory()
            sock = leaving.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            sock.bind(str(ours / name))
            sock.listen(8)
            return sock

        yield make


def visits(link: Running) -> socket.socket:
    """Somebody at the socket of a link. To be closed."""
    visitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    visitor.settimeout(GUARD)
    try:
        visitor.connect(str(link.path))
    except OSError:
        visitor.close()
        raise
    return visitor


# --- the directory --------------------------------------------------------------------------------


def test_the_directory_is_made_for_its_owner_alone(ours: Path) -> None:
    """0700, whatever the umask lets through; and found again the next time."""
    before = os.umask(0)
    try:
        assert directory() == ours
    finally:
        os.umask(before)
    assert ours.stat().st_mode & 0o7777 == 0o700
    assert directory() == ours


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o720, 0o750, 0o755, 0o777])
def test_a_directory_that_is_open_to_others_is_refused(ours: Path, mode: int) -> None:
    """In any way, to a group or to all."""
    ours.mkdir()
    ours.chmod(mode)
    with pytest.raises(Refused, match=str(ours)):
        directory()


def test_a_directory_of_somebody_else_is_refused(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if only they may enter it."""
    ours.mkdir(mode=0o700)
    monkeypatch.setenv(rendezvous.USER, str(os.getuid()))  # its name stays
    somebody_else = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    with pytest.raises(Refused, match=str(ours)):
        directory()


@pytest.mark.parametrize("what", ["a file", "a symlink", "a symlink to nowhere"])
def test_what_is_no_directory_is_refused(place: Path, ours: Path, what: str) -> None:
    """Nor is a symlink, although what it points to is ours alone: somebody else may have put it there."""
    own = place / "own"
    own.mkdir(mode=0o700)
    if what == "a file":
        ours.write_text("")
    else:
        ours.symlink_to(own if what == "a symlink" else place / "nowhere")
    with pytest.raises(Refused, match=str(ours)):
        directory()
    assert list(own.iterdir()) == []
    assert not (place / "nowhere").exists()


def test_it_lies_in_the_temporary_directory_where_there_is_no_other(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG_RUNTIME_DIR is not set, empty, or not there."""
    elsewhere = place / "tmp"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    expected = elsewhere / f"chat-lab-{os.getuid()}"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert directory() == expected
    for named in ("", str(place / "nowhere")):
        monkeypatch.setenv("XDG_RUNTIME_DIR", named)
        assert directory() == expected


def test_who_is_in_a_link_finds_the_directory_of_who_is_outside(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In there everybody is called 0: the number of the user outside is told."""
    monkeypatch.setenv(rendezvous.USER, "4711")
    assert directory() == place / "chat-lab-4711"


def test_two_links_may_make_it_at_the_same_moment(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one was quicker, between the look and the making: it is ours all the same."""
    ours.mkdir(mode=0o700)
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    assert directory() == ours


def test_a_directory_that_can_not_be_made_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence."""

    def full(self: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(Refused, match="No space left on device"):
        directory()


# --- being found ----------------------------------------------------------------------------------


def test_a_link_that_runs_is_found(links: Links) -> None:
    """By anybody who asks, with its status; the name of its socket is its process id."""
    link = links(1001)
    path, status = find()
    assert path == link.path
    assert path.name == "1001.sock"
    assert (status["pid"], status["up"], status["down"]) == (1001, "delay 1ms", "")


def test_a_link_that_has_ended_is_not_found(links: Links, ours: Path) -> None:
    """It has taken its socket with it, and says so in a sentence with what to do."""
    links().end()
    assert list(ours.iterdir()) == []
    with pytest.raises(Refused, match=r"^No link is running\. .*make link"):
        find()


def test_where_there_never_was_a_link_none_is_found(place: Path) -> None:
    """Nor one of a certain process id."""
    assert list(running()) == []
    with pytest.raises(Refused, match="No link with the process id 7 is running"):
        find(7)


def test_the_newest_comes_first(links: Links) -> None:
    """By when its socket was made, not by its process id."""
    links(1002).made(100.0)
    links(1001).made(300.0)
    links(1003).made(200.0)
    assert [status["pid"] for _, status in running()] == [1001, 1003, 1002]


def test_of_several_links_one_has_to_be_named(links: Links) -> None:
    """All of them are told, with what they are like; by its process id each is found."""
    for pid in (1001, 1002, 1003):
        links(pid)
    with pytest.raises(Refused, match=r"^Several links are running: .*--pid 100\d") as refused:
        find()
    for pid in (1001, 1002, 1003):
        assert f"{pid} (up delay 1ms, down no impairment)" in str(refused.value)
        assert find(pid)[1]["pid"] == pid
    with pytest.raises(Refused, match="1004"):
        find(1004)


def test_it_takes_the_place_of_a_link_that_was_killed(
    links: Links, others: Callable[[str], socket.socket]
) -> None:
    """Whose process id it has got."""
    others("1001.sock").close()
    link = links(1001)
    assert find() == (link.path, ask(link.path, {"do": "status"}))


def test_a_directory_with_a_long_name_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's address has 108 bytes: a sentence, and no socket left open."""
    deep = place / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    device = Memory()
    emulator = Emulator(device, "", "")
    with pytest.raises(Refused, match="XDG_RUNTIME_DIR"):
        Rendezvous(emulator, Orders(emulator, device))
    device.close()


def test_a_link_can_be_found_from_the_moment_it_has_a_socket(
    links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks while it is being set up does not take it for a dead one and remove its socket."""

    class Watched(socket.socket):
        """Somebody looks between `bind` and `listen`."""

        def listen(self, backlog: int = 8, /) -> None:
            assert list(running()) == []
            super().listen(backlog)

    monkeypatch.setattr(socket, "socket", Watched)
    link = links()
    assert link.path.exists()
    assert find()[1]["pid"] == link.pid


# --- those that are no links, or not any more -----------------------------------------------------


def test_a_dead_socket_is_removed(links: Links, others: Callable[[str], socket.socket], ours: Path) -> None:
    """Of a link that was killed; the living one is found."""
    others("1.sock").close()
    link = links()
    os.utime(ours / "1.sock", (2e9, 2e9))  # it is the newest
    assert find()[0] == link.path
    assert [one.name for one in ours.iterdir()] == ["1001.sock"]


def test_a_link_that_does_not_answer_is_passed_over(
    links: Links, others: Callable[[str], socket.socket], ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped: another one is found, and it keeps its socket."""
    monkeypatch.setattr(rendezvous, "PATIENCE", 0.05)
    others("1.sock")
    os.utime(ours / "1.sock", (2e9, 2e9))
    link = links()
    assert list(running()) == [(link.path, ask(link.path, {"do": "status"}))]
    assert (ours / "1.sock").exists()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"hello\n",
        b"\xff\n",
        b"5\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b'{"error": "no"}\n',
        b'{"pid": 1}\n',
    ],
    ids=lambda answer: repr(answer[:20]),
)
def test_what_does_not_answer_as_a_link_does_is_passed_over(
    links: Links, others: Callable[[str], socket.socket], ours: Path, answer: bytes
) -> None:
    """Whatever it says, or if it says nothing and hangs up."""
    other = others("1.sock")
    os.utime(ours / "1.sock", (2e9, 2e9))

    def talk() -> None:
        visitor, _ = other.accept()
        with visitor:
            visitor.recv(100)
            visitor.sendall(answer)

    link = links()
    thread = threading.Thread(target=talk, name="no link")
    thread.start()
    try:
        assert find()[0] == link.path
    finally:
        thread.join()


def test_what_lies_there_and_is_no_socket_is_left_alone(links: Links, ours: Path) -> None:
    """Files, directories, symlinks to nowhere and to a link, names without .sock."""
    link = links()
    (ours / "file.sock").write_text("mine")
    (ours / "directory.sock").mkdir()
    (ours / "nowhere.sock").symlink_to("nothing")
    (ours / "again.sock").symlink_to(link.path)
    (ours / "notes").write_text("mine")
    before = sorted(ours.iterdir())
    assert [path for path, _ in running()] == [link.path]
    assert sorted(ours.iterdir()) == before


def test_a_socket_that_goes_while_others_look_is_passed_over(
    links: Links, others: Callable[[str], socket.socket], ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look into the directory and the look at the socket; and between that and the question."""
    link = links()
    for name in ("1.sock", "2.sock"):
        others(name)
        os.utime(ours / name, (2e9, 2e9))
    looked = Path.lstat

    def gone(self: Path) -> os.stat_result:
        if self.name == "1.sock":
            self.unlink()
        found = looked(self)
        if self.name == "2.sock":
            self.unlink()
        return found

    monkeypatch.setattr(Path, "lstat", gone)
    assert [path for path, _ in running()] == [link.path]


# --- visitors -------------------------------------------------------------------------------------


def test_a_visitor_may_give_many_orders(links: Links) -> None:
    """One after the other on the same line, each with its answer."""
    with visits(links()) as visitor, visitor.makefile("rb") as answers:
        for number in range(1, 101):
            order = {"do": "change", "up": f"delay {number}ms", "down": ""}
            visitor.sendall(json.dumps(order).encode() + b"\n")
            assert json.loads(answers.readline())["up"] == f"delay {number}ms"


@pytest.mark.parametrize(
    "garbage", [b"\n", b"hello\n", b"\xff\x00\n", b'{"do": "dance"}\n', b"[" * 50_000 + b"\n"], ids=repr
)
def test_garbage_gets_an_error_and_the_link_goes_on(links: Links, garbage: bytes) -> None:
    """For this visitor and for the others."""
    link = links()
    with visits(link) as visitor, visitor.makefile("rb") as answers:
        visitor.sendall(garbage)
        assert list(json.loads(answers.readline())) == ["error"]
        visitor.sendall(STATUS)
        assert json.loads(answers.readline())["pid"] == link.pid
    assert link.goes_on()


@pytest.mark.parametrize(
    "said", [b"", b'{"do": "cha', STATUS, STATUS * 2000], ids=["nothing", "half", "one", "many"]
)
def test_a_visitor_that_leaves_in_the_middle_disturbs_nobody(links: Links, said: bytes) -> None:
    """At any point, and without having read an answer; as many of them as may wait."""
    link = links()
    for _ in range(rendezvous.WAITING):
        with visits(link) as visitor:
            visitor.sendall(said)
    assert link.goes_on()


def test_a_visitor_that_never_ends_its_line_is_hung_up_on(links: Links) -> None:
    """Before it has said very much; the link goes on."""
    link = links()

    def talk(visitor: socket.socket) -> None:
        for _ in range(1000):
            visitor.sendall(b"x" * LONGEST_ORDER)

    with visits(link) as visitor, pytest.raises(ConnectionError):
        talk(visitor)
    assert link.goes_on()


def test_a_visitor_that_does_not_read_holds_nobody_up(links: Links) -> None:
    """Its answers are lost in the end, and the others have theirs."""
    link = links()
    with visits(link) as deaf:
        deaf.sendall(STATUS * 5000)
        assert link.goes_on()


def test_many_visitors_are_heard(links: Links) -> None:
    """Two hundred, one after the other; and as many at once as are allowed, each of them."""
    link = links()
    for _ in range(200):
        assert ask(link.path, {"do": "status"})["pid"] == link.pid
    with ExitStack() as leaving:
        crowd = []
        for _ in range(rendezvous.VISITORS - 1):
            crowd.append(leaving.enter_context(visits(link)))
            for visitor in (crowd[0], crowd[-1]):
                visitor.sendall(STATUS)
                assert json.loads(visitor.recv(LONGEST_ORDER))["pid"] == link.pid
        assert link.goes_on()


def test_who_finds_too_many_waiting_waits_too(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that is busy for a moment: whoever asks has an answer once it looks, and is not told that it is gone."""
    busy, free = threading.Event(), threading.Event()

    class Turned(socket.socket):
        """Once somebody was turned away the link is free again."""

        def connect(self, address: Any, /) -> None:
            try:
                super().connect(address)
            except BlockingIOError:
                free.set()
                raise

    def be_busy() -> None:
        busy.set()
        free.wait(0.2)  # if nobody is turned away

    link = links()
    link.emulator.at(0.0, be_busy)
    link.device.comes("up", b"packet")
    assert busy.wait(GUARD)
    with ExitStack() as leaving:
        leaving.callback(free.set)
        for _ in range(rendezvous.WAITING + 1):
            leaving.enter_context(visits(link))
        monkeypatch.setattr(socket, "socket", Turned)
        assert ask(link.path, {"do": "status"})["pid"] == link.pid


def test_too_many_visitors_make_the_first_go(links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a pause: who comes last is heard, and those that have been there longest are hung up on."""
    monkeypatch.setattr(rendezvous, "VISITORS", 4)
    monkeypatch.setattr(rendezvous, "PAUSE", 0.01)
    link = links()
    with ExitStack() as leaving:
        crowd: list[socket.socket] = []
        for _ in range(20):
            crowd.append(leaving.enter_context(visits(link)))
            crowd[-1].sendall(STATUS)
            assert json.loads(crowd[-1].recv(LONGEST_ORDER))["pid"] == link.pid
        for visitor in crowd[:16]:
            visitor.setblocking(False)
            assert visitor.recv(100) == b""
        for visitor in crowd[17:]:
            visitor.sendall(STATUS)
            assert json.loads(visitor.recv(LONGEST_ORDER))["pid"] == link.pid


def test_a_link_that_ends_hangs_up_on_its_visitors(links: Links) -> None:
    """Whoever is still there finds the end of the line, and the emulator looks at none of them any more."""
    link = links()
    with visits(link) as first, visits(link) as second:
        for visitor in (first, second):
            visitor.sendall(STATUS)
            visitor.recv(LONGEST_ORDER)
        link.end()
        assert first.recv(100) == second.recv(100) == b""
    assert link.emulator._watched == {}


# --- asking ---------------------------------------------------------------------------------------


def test_an_order_that_is_refused_is_an_answer(links: Links) -> None:
    """With an error in it."""
    assert list(ask(links().path, {"do": "change", "up": "los 5%", "down": ""})) == ["error"]


def test_who_is_not_there_can_not_be_asked(
    place: Path, others: Callable[[str], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OSError: no such socket, nobody behind it, or no answer in time."""
    monkeypatch.setattr(rendezvous, "PATIENCE", 0.05)
    with pytest.raises(FileNotFoundError):
        ask(place / "nobody.sock", {"do": "status"})
    others("1.sock").close()
    with pytest.raises(ConnectionRefusedError):
        ask(directory() / "1.sock", {"do": "status"})
    others("2.sock")
    with pytest.raises(TimeoutError):
        ask(directory() / "2.sock", {"do": "status"})


def test_the_program_says_in_a_sentence_that_there_is_no_link(place: Path) -> None:
    """--set and --join: exit code 2, and what to do."""
    for words in (["--set", "loss", "5%"], ["--join"], ["--join", "--pid", "7"]):
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.link", *words],
            cwd=Path(__file__).parent.parent,
            text=True,
            capture_output=True,
            timeout=GUARD,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "make link" in ran.stderr
        assert "Traceback" not in ran.stderr

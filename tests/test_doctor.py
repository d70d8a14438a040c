"""The doctor names what is wrong, and what to do about it."""

import ast
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from benchmarks.doctor import __main__ as doctor
from benchmarks.doctor import emulation, machine, reach
from benchmarks.doctor.finding import Finding, State
from benchmarks.doctor.reach import Answer, Probe
from common import addresses, set_up
from common.addresses import Address, Unusable
from common.events import Came, Spoken
from tests.lab import PATIENCE, Lab

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")


def _has(host: str) -> bool:
    """Whether this machine has the address: Linux has all of 127.0.0.0/8."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, suppress(OSError):
        sock.bind((host, 0))
        return True
    return False


needs_other_loopback = pytest.mark.skipif(not _has("127.0.0.2"), reason="this machine has no 127.0.0.2")


@contextmanager
def silent(transport: str) -> Iterator[Address]:
    """A socket that takes what comes and never answers."""
    with socket.socket(type=socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        if transport == "tcp":
            sock.listen()
        yield sock.getsockname()


@contextmanager
def answering(transport: str, answer: bytes) -> Iterator[Address]:
    """A socket that answers the first thing it hears, and closes then."""

    def tcp() -> None:
        connection, _ = sock.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer)

    def udp() -> None:
        sock.sendto(answer, sock.recvfrom(1000)[1])

    with socket.socket(type=socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.bind(("127.0.0.1", 0))
        if transport == "tcp":
            sock.listen()
        thread = threading.Thread(target=tcp if transport == "tcp" else udp)
        thread.start()
        yield sock.getsockname()
        thread.join()


def closed(transport: str) -> Address:
    """An address where nobody listens."""
    with silent(transport) as address:
        return address


def probe(transport: str, address: Address, patience: float = 0.3) -> Probe:
    """Probe an address of this machine."""
    return reach.tcp(address, patience) if transport == "tcp" else reach.udp(address, patience, tries=1)


# --- this machine ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10, 9), State.MISSING), ((3, 11, 0), State.OK), ((4, 0, 0), State.OK)]
)
def test_python_must_be_new_enough(version: tuple[int, ...], state: State) -> None:
    """From 3.11 on it is; an older one has a remedy."""
    finding = machine.python_version(version)
    assert finding.state is state
    assert bool(finding.remedy) == (state is not State.OK)


def test_an_environment_of_its_own_is_better() -> None:
    """The Python of the system works, but make has a better one."""
    assert machine.virtual_environment("/here/.venv", "/usr").state is State.OK
    assert machine.virtual_environment("/usr", "/usr").state is State.BETTER


def test_the_lock_is_read() -> None:
    """Names, versions and markers; hashes and comments are passed over."""
    lock = (
        "# made by a tool\n"
        "rich==15.0.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via lab\n"
        "never==1.0 ; sys_platform == 'vms' \\\n    --hash=sha256:02\n"
        "always==2.0 ; sys_platform != 'vms'\n"
    )
    assert machine.locked_versions(lock) == {"rich": "15.0.0", "always": "2.0"}


def test_without_packaging_markers_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines with a marker are left out where nothing can read it."""
    monkeypatch.setitem(sys.modules, "packaging.markers", None)
    assert machine.locked_versions("a==1\nb==2 ; sys_platform != 'vms'\n") == {"a": "1"}


@pytest.mark.parametrize(
    ("lock", "locked", "state", "said"),
    [
        (set_up.CHATS, "pytest=={pytest}\n", State.OK, "all 1"),
        (set_up.CHATS, "pytest==0.0.1\n", State.MISSING, "pytest 0.0.1 ("),
        (set_up.CHATS, "no-such-package==1\n", State.MISSING, "not: no-such-package"),
        (set_up.COMPARISON, "no-such-package==1\n", State.OK, "when make first needs them"),
        (set_up.DEVELOPMENT, "no-such-package==1\npytest=={pytest}\n", State.BETTER, "not: no-such-package"),
    ],
)
def test_packages_are_compared_with_the_locks(
    lock: str, locked: str, state: State, said: str, tmp_path: Path
) -> None:
    """What the chats need must be there; what others need comes when they are first asked for."""
    for name in (set_up.CHATS, set_up.COMPARISON, set_up.DEVELOPMENT):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / lock).write_text(locked.format(pytest=pytest.__version__))
    finding = machine.packages(tmp_path)
    assert finding.state is state
    assert said in finding.found


def test_loopback_works() -> None:
    """It does wherever these tests run."""
    assert machine.loopback().state is State.OK


def test_a_port_is_free(transport: str) -> None:
    """Nobody has it."""
    assert machine.port_free(transport, closed(transport)[1]).state is State.OK


def test_a_port_is_taken(transport: str) -> None:
    """Somebody else has it: choose another one."""
    with silent(transport) as address:
        finding = machine.port_free(transport, address[1])
    assert finding.state is State.BETTER
    assert "in use" in finding.found
    assert "--port" in finding.remedy


def test_a_server_of_ours_may_have_the_port(lab: Lab) -> None:
    """A chat that already runs is no error, and is named."""
    finding = machine.port_free(lab.transport, lab.address[1])
    assert finding.state is State.OK
    assert "is running there" in finding.found


@pytest.mark.parametrize(
    ("meaning", "ipv6", "state"),
    [
        (["::1", "127.0.0.1"], True, State.OK),
        (["127.0.0.1"], False, State.OK),
        (["::1"], True, State.BETTER),
        ([], False, State.BETTER),
    ],
)
def test_localhost_is_explained(meaning: list[str], ipv6: bool, state: State) -> None:
    """Whatever it means here, it is said, and that the lab says 127.0.0.1."""
    finding = machine.localhost(meaning, ipv6)
    assert finding.state is state
    assert all(address in finding.found for address in [*meaning, "127.0.0.1"])


@pytest.mark.parametrize(("granted", "state"), [("4194304\n", State.OK), ("212992\n", State.BETTER)])
def test_socket_buffers_can_be_too_small(granted: str, state: State, tmp_path: Path) -> None:
    """What the kernel grants is held against what the UDP server asks for."""
    (tmp_path / "rmem_max").write_text(granted)
    finding = machine.socket_buffers(tmp_path / "rmem_max")
    assert finding.state is state
    assert ("sysctl" in finding.remedy) == (state is State.BETTER)


def test_socket_buffers_are_tried_without_proc(tmp_path: Path) -> None:
    """Where no file tells, the system is asked for a buffer."""
    assert machine.socket_buffers(tmp_path / "nothing", wanted=1).state is State.OK
    assert machine.socket_buffers(tmp_path / "nothing", wanted=1 << 30).state is State.BETTER


@pytest.mark.parametrize(
    ("seen", "state", "remedy"),
    [
        ((True, "xterm-256color", "256", 80, "utf-8"), State.OK, ""),
        ((False, "xterm", None, 80, "utf-8"), State.BETTER, "terminal"),
        ((True, "dumb", None, 80, "utf-8"), State.BETTER, "TERM="),
        ((True, "xterm", "256", 79, "utf-8"), State.BETTER, "80 columns"),
        ((True, "xterm", "256", 80, "latin-1"), State.BETTER, "PYTHONUTF8"),
    ],
)
def test_a_terminal_is_looked_at(
    seen: tuple[bool, str, str | None, int, str], state: State, remedy: str
) -> None:
    """Too narrow, without colours, without UTF-8, or none at all: each with its remedy."""
    finding = machine.terminal(*seen)
    assert finding.state is state
    assert remedy in finding.remedy


def test_limits_of_the_machine() -> None:
    """Few open files and a single processor could be better."""
    assert [machine.open_files(256).state, machine.open_files(4096).state] == [State.BETTER, State.OK]
    assert [machine.processors(1).state, machine.processors(2).state] == [State.BETTER, State.OK]


# --- the emulated network -------------------------------------------------------------------------


def program(path: Path, script: str) -> str:
    """A program that does what `script` says."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("kernel/unprivileged_userns_clone", "1", "container"),
    ],
)
@posix
def test_what_forbids_namespaces_is_named(setting: str, value: str, said: str, tmp_path: Path) -> None:
    """The setting that forbids them, and the command that allows them."""
    (tmp_path / setting).parent.mkdir()
    (tmp_path / setting).write_text(f"{value}\n")
    unshare = program(tmp_path / "unshare", "echo 'unshare failed: not permitted' >&2; exit 1")
    finding = emulation.namespaces(unshare, "linux", tmp_path)
    assert (finding.state, finding.optional) == (State.MISSING, True)
    assert said in finding.remedy


@posix
def test_namespaces_are_there(tmp_path: Path) -> None:
    """Where unshare succeeds nothing else matters."""
    assert emulation.namespaces(program(tmp_path / "unshare", "exit 0"), "linux").state is State.OK


def test_namespaces_need_linux_and_unshare() -> None:
    """Other systems have none, and no device either; the program that makes them may be missing."""
    for platform, elsewhere in (("darwin", "a virtual machine with Linux"), ("win32", "WSL2")):
        for finding in (
            emulation.namespaces("/bin/true", platform),
            emulation.tun(None, Path("/nowhere"), platform=platform),
        ):
            assert "Linux" in finding.found
            assert finding.remedy == f"run the comparison in {elsewhere}"
    assert "util-linux" in emulation.namespaces(None, "linux").remedy


@posix
def test_a_tun_device_is_tried(tmp_path: Path) -> None:
    """It may be missing, be refused to this user, or fail in the namespace."""
    device = tmp_path / "tun"
    assert "modprobe tun" in emulation.tun(None, device, platform="linux").remedy
    device.touch()
    works, fails = program(tmp_path / "works", "exit 0"), program(tmp_path / "fails", "echo no >&2; exit 1")
    assert emulation.tun([works], device, platform="linux").state is State.OK
    assert emulation.tun([fails], device, platform="linux").found.endswith("no")
    if os.geteuid() != 0:  # root may open everything
        device.chmod(0)
        assert "chmod" in emulation.tun([works], device, platform="linux").remedy


# --- another machine ------------------------------------------------------------------------------


def test_a_chat_is_recognized(lab: Lab) -> None:
    """A server of ours is, and its answer has a round trip."""
    seen = probe(lab.transport, lab.address, PATIENCE)
    assert seen.answer is Answer.CHAT
    assert len(seen.trips) == 1


def test_nobody_notices_a_probe(lab: Lab) -> None:
    """The room hears of no newcomer: whoever speaks next is the next thing there."""
    ann = lab.join("ann")
    ann.sees(Came)  # she herself
    probe(lab.transport, lab.address, PATIENCE)
    ann.says("still alone")
    assert isinstance(ann.sees(Came, Spoken), Spoken)


def test_a_closed_port_refuses(transport: str) -> None:
    """Over UDP, too: the kernel reports the ICMP message."""
    assert probe(transport, closed(transport)).answer is Answer.REFUSED


def test_silence_is_told_from_an_answer() -> None:
    """Over UDP it is silence; over TCP somebody has accepted, and says nothing."""
    with silent("udp") as address:
        assert probe("udp", address, 0.05).answer is Answer.SILENT
    with silent("tcp") as address:
        seen = probe("tcp", address, 0.05)
    assert (seen.answer, seen.connected is not None) == (Answer.OTHER, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"[]",
        b"\x00\x02[]",
        b'{"type":"pong"}',
        b"\xff",
        b'\x00\x0f{"type":"pong"}',
    ],
)
def test_another_program_is_no_chat(transport: str, answer: bytes) -> None:
    """What answers otherwise than a server of ours is something else, and is quoted."""
    with answering(transport, answer) as address:
        seen = probe(transport, address, PATIENCE)
    assert seen.answer is Answer.OTHER
    assert repr(answer[:5])[2:-1] in seen.detail


def test_a_connection_closed_at_once_is_no_chat() -> None:
    """It is said that nothing was said."""
    with answering("tcp", b"") as address:
        assert "without a word" in probe("tcp", address, PATIENCE).detail


def test_a_name_server_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever resolves names may take for ever; we do not wait for that."""
    enough = threading.Event()

    def never(*_: object) -> list[tuple[socket.AddressFamily, Address]]:
        enough.wait(PATIENCE)
        return []

    monkeypatch.setattr(addresses, "resolve", never)
    with pytest.raises(Unusable, match="Nobody says"):
        reach.resolve("example.invalid", 4242, socket.SOCK_STREAM, patience=0.01)
    enough.set()


def test_one_address_of_each_family_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the system; a name with twenty addresses would take a minute."""
    four, six = socket.AF_INET, socket.AF_INET6
    found = [(six, ("::1", 1, 0, 0)), (four, ("10.0.0.1", 1)), (four, ("10.0.0.2", 1))]
    monkeypatch.setattr(addresses, "resolve", lambda *_: found)
    assert reach.resolve("many", 1, socket.SOCK_STREAM) == [("::1", 1, 0, 0), ("10.0.0.1", 1)]


@pytest.mark.parametrize("tcp", Answer)
@pytest.mark.parametrize("udp", Answer)
def test_every_outcome_is_explained(tcp: Answer, udp: Answer) -> None:
    """Each pair of answers has a verdict, and each answer but a chat's a remedy."""
    assert reach.verdict(tcp, udp).endswith(".")
    for transport, answer in (("tcp", tcp), ("udp", udp)):
        found, remedy = reach.explain(Probe(("10.0.0.1", 4242), answer, "some words"), transport)
        assert found
        assert bool(remedy) == (answer is not Answer.CHAT)


def test_all_that_may_be_the_reason_is_named_the_commonest_first() -> None:
    """TCP answers and UDP is silent: nobody can tell from here which of four reasons it has."""
    said = reach.verdict(Answer.CHAT, Answer.SILENT)
    reasons = [
        "no UDP server at this address",
        "lets only TCP pass",
        "answers from another address",
        "a campus",
    ]
    places = [said.find(reason) for reason in reasons]
    assert -1 not in places
    assert places == sorted(places)
    assert "campus" not in reach.verdict(Answer.CHAT, Answer.REFUSED)


def test_no_verdict_blames_one_thing_alone() -> None:
    """Whatever does not get through may have more than one reason."""
    fine, *others = reach.VERDICTS
    assert fine[:2] == ({Answer.CHAT}, {Answer.CHAT})
    assert [seen for *_, seen, causes in others if len(causes) < 2] == []


@needs_other_loopback
def test_an_answer_from_another_address_is_recognized() -> None:
    """What a server at 0.0.0.0 sends without knowing where it was asked: the verdict needs no guess then."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.bind(("0.0.0.0", 0))

        def answer_all() -> None:
            for _ in range(2):
                sock.sendto(b'{"type":"challenge","cookie":"c"}', sock.recvfrom(1000)[1])

        thread = threading.Thread(target=answer_all)
        thread.start()
        seen = probe("udp", ("127.0.0.2", sock.getsockname()[1]))
        thread.join()
    assert (seen.answer, seen.detail.partition(":")[0]) == (Answer.ELSEWHERE, "127.0.0.1")
    assert "HOST=127.0.0.2" in reach.explain(seen, "udp")[1]
    assert "another address" in reach.verdict(Answer.CHAT, seen.answer)


@needs_other_loopback
def test_a_chat_at_all_addresses_is_recognized_at_each(transport: str) -> None:
    """At 127.0.0.2, too, where the kernel alone would have UDP answer from 127.0.0.1."""
    with Lab(transport, host="0.0.0.0") as lab:
        assert probe(transport, ("127.0.0.2", lab.address[1]), PATIENCE).answer is Answer.CHAT


# --- the command ----------------------------------------------------------------------------------

RunDoctor = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunDoctor:
    """Runs the doctor with arguments: exit code, output, errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["doctor", *arguments])
        try:
            code = doctor.main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        written = capsys.readouterr()
        return code, written.out, written.err

    return call


def test_only_what_is_needed_spoils_the_conclusion() -> None:
    """Without namespaces the lab still runs; without its packages it does not."""
    fine = Finding("Python", State.OK, "3.14")
    poor = Finding("terminal", State.BETTER, "none")
    no_namespaces = Finding("namespaces", State.MISSING, "none", optional=True)
    no_packages = Finding("packages", State.MISSING, "none")
    assert doctor.conclude([fine, poor])[1] == 0
    sentence, code = doctor.conclude([fine, poor, no_namespaces])
    assert (code, "namespaces" in sentence) == (0, True)
    sentence, code = doctor.conclude([fine, no_namespaces, no_packages])
    assert (code, "packages" in sentence) == (1, True)


def test_the_whole_machine_is_examined(run: RunDoctor) -> None:
    """Every check has its row, and it ends with a sentence."""
    code, written, _ = run("--port", str(closed("tcp")[1]))
    assert code == 0
    rows: tuple[str, ...] = (
        "Python",
        "environment",
        "packages",
        "loopback",
        "TCP port",
        "UDP port",
        "localhost",
    )
    rows += ("namespaces", "TUN device", "UDP buffer", "terminal", "open files", "processors")
    assert all(f"│ {row}" in written for row in rows)


def test_another_machine_is_probed(run: RunDoctor, lab: Lab) -> None:
    """One transport answers, the other one is closed: exit code 1, and it says which."""
    code, written, _ = run("--host", addresses.show(lab.address))  # as the server prints it
    missing = "UDP" if lab.transport == "tcp" else "TCP"
    assert code == 1
    assert f"Only the {missing} server is missing there." in written


@pytest.mark.parametrize(
    "arguments", [("--port", "0"), ("--port", "many"), ("--host", ""), ("--host", "4242"), ("--hots", "x")]
)
def test_a_bad_option_is_one_sentence(run: RunDoctor, arguments: tuple[str, ...]) -> None:
    """Exit code 2, nothing on standard output."""
    code, written, errors = run(*arguments)
    assert (code, written, len(errors.splitlines())) == (2, "", 1)


def test_it_runs_without_the_packages() -> None:
    """With rich alone, and says what is missing: in a process where msgspec can't be imported."""
    script = (
        "import runpy, sys\n"
        "sys.modules['msgspec'] = sys.modules['prompt_toolkit'] = sys.modules['packaging'] = None\n"
        "sys.argv[1:] = ['--port', '70000']\n"
        "runpy.run_module('benchmarks.doctor', run_name='__main__')\n"
    )
    command = [sys.executable, "-c", script]
    run = subprocess.run(
        command, capture_output=True, text=True, cwd=machine.ROOT, timeout=PATIENCE, check=False
    )
    assert run.returncode == 2
    assert "70000" in run.stderr
    assert "Traceback" not in run.stderr
    command[2] = script.replace("70000", str(closed("tcp")[1]))
    run = subprocess.run(
        command, capture_output=True, text=True, cwd=machine.ROOT, timeout=PATIENCE, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    "path", sorted(Path(machine.__file__).parent.glob("*.py")), ids=lambda path: path.name
)
def test_an_old_python_can_read_it(path: Path) -> None:
    """It is there to say that Python is too old: so it has no syntax that an old one does not know."""
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))

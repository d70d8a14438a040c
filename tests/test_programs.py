"""The four programs as a person runs them: real processes, pipes, exit codes, signals."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.plain import PlainServer

ROOT = Path(__file__).parent.parent
PATIENCE = 30.0

Program = subprocess.Popen[str]


def program(name: str, *arguments: str) -> Program:
    """Start `python -m name`."""
    return subprocess.Popen(
        [sys.executable, "-m", name, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


@contextmanager
def server(transport: str, *arguments: str, port: str = "0") -> Iterator[tuple[Program, str]]:
    """A server process and its port; interrupted at the end if it still runs."""
    process = program(f"{transport}.server", "--port", port, *arguments)
    assert process.stdout is not None
    found = re.search(r"listening on 127\.0\.0\.1:(\d+)", process.stdout.readline())
    assert found
    try:
        yield process, found[1]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def client(transport: str, port: str, nick: str, text: str) -> tuple[int, str, str]:
    """Pipe `text` into a client; exit code, output, error output."""
    process = program(f"{transport}.client", "--port", port, "--nick", nick)
    out, err = process.communicate(text, timeout=PATIENCE)
    return process.returncode, out, err


def test_a_piped_client_says_its_lines_and_exits_0(transport: str) -> None:
    """printf 'hi\\n' | python -m tcp.client --nick ann: plain lines, and 0 when every line has its receipt."""
    with server(transport) as (_, port):
        code, out, err = client(transport, port, "ann", "hi\n/me waves\nno newline at the end: жж")
    assert code == 0, err
    assert re.search(r"^ann: hi  ✓ \d", out, re.MULTILINE)
    assert re.search(r"^\* ann waves  ✓ \d", out, re.MULTILINE)
    assert "ann: no newline at the end: жж" in out
    assert "\x1b" not in out
    assert "sent: 3\nconfirmed: 3" in err


def test_a_piped_client_counts_what_was_not_confirmed(transport: str) -> None:
    """A line that no server takes, and one that is no command, are counted: exit code 1."""
    with server(transport) as (_, port):
        code, out, err = client(transport, port, "ann", "x" * 16_385 + "\n/nonsense\nhi\n")
    assert code == 1
    assert "too long" in err
    assert "There is no /nonsense" in err
    assert "2 messages are without a receipt" in err
    assert "ann: hi" in out


def test_an_input_that_ends_at_once_is_no_error(transport: str) -> None:
    """Nothing to say: joined, left, 0."""
    with server(transport) as (_, port):
        code, out, _ = client(transport, port, "ann", "")
    assert code == 0
    assert "you are in as ann" in out


def test_a_closed_standard_input_is_an_input_that_ends(transport: str) -> None:
    """`<&-`: not taken for a socket that happens to get the same number."""
    with server(transport) as (_, port):
        shell = f'exec "{sys.executable}" -m {transport}.client --nick ann --port {port} <&-'
        done = subprocess.run(
            ["sh", "-c", shell], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "you are in as ann" in done.stdout


def test_a_reader_that_has_enough_ends_the_client(transport: str) -> None:
    """`| head -1`: no traceback."""
    with server(transport) as (_, port):
        shell = (
            f'yes | head -100 | "{sys.executable}" -m {transport}.client --nick ann --port {port} | head -1'
        )
        done = subprocess.run(
            ["sh", "-c", shell], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert done.stdout == "*** you are in as ann; here: ann\n"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_server_ends_cleanly_on_a_signal(transport: str, how: signal.Signals) -> None:
    """Ctrl-C and SIGTERM: everyone gets a goodbye, a table is shown, the exit code is 0."""
    with server(transport) as (process, port):
        member = program(f"{transport}.client", "--port", port, "--nick", "ann", "--no-reconnect")
        assert member.stdout is not None
        assert "you are in" in member.stdout.readline()
        process.send_signal(how)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        assert err == ""
        assert "joined" in out
        _, err = member.communicate(timeout=PATIENCE)
        assert "The server said goodbye" in err
        assert member.returncode == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_piped_client_ends_cleanly_on_a_signal(transport: str, how: signal.Signals) -> None:
    """No traceback; and the room hears that it has left."""
    with server(transport) as (process, port):
        member = program(f"{transport}.client", "--port", port, "--nick", "ann")
        assert member.stdout is not None
        assert "you are in" in member.stdout.readline()
        member.send_signal(how)
        _, err = member.communicate(timeout=PATIENCE)
        assert member.returncode == 130
        assert err == ""
        assert process.stdout is not None
        while "ann left (quit" not in process.stdout.readline():
            pass


def test_a_client_that_waits_for_an_answer_can_be_interrupted(transport: str) -> None:
    """Ctrl-C while a server that never answers is waited for."""
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(PATIENCE)
        if transport == "tcp":
            silent.listen()
        member = program(f"{transport}.client", "--port", str(silent.getsockname()[1]), "--nick", "ann")
        with silent.accept()[0] if transport == "tcp" else nullcontext(silent) as heard:
            heard.recv(100)  # its hello: from here on it waits
            member.send_signal(signal.SIGINT)
            _, err = member.communicate(timeout=PATIENCE)
        assert (member.returncode, err) == (130, "")


def test_a_killed_server_is_noticed_at_once(transport: str) -> None:
    """SIGKILL: TCP's connection ends; over UDP the kernel reports the closed port with the next message."""
    with server(transport) as (process, port):
        member = program(f"{transport}.client", "--port", port, "--nick", "ann", "--no-reconnect")
        assert member.stdout is not None
        assert member.stdin is not None
        assert "you are in" in member.stdout.readline()
        process.kill()
        process.wait()
        member.stdin.write("hi\n")
        member.stdin.flush()
        _, err = member.communicate(timeout=PATIENCE)
        assert member.returncode == 1
        assert "The server" in err or "The connection" in err


def test_no_server_is_one_sentence(transport: str) -> None:
    """Exit code 2, and which command starts one."""
    with server(transport) as (process, port):
        process.kill()
        process.wait()
    code, _, err = client(transport, port, "ann", "hi\n")
    assert code == 2
    assert f"make {transport}-server" in err
    assert err.count("\n") == 1


def test_a_taken_nick_is_one_sentence_for_a_pipe(transport: str) -> None:
    """There is nobody to ask again: exit code 2."""
    with server(transport) as (_, port):
        first = program(f"{transport}.client", "--port", port, "--nick", "ann")
        assert first.stdout is not None
        assert "you are in" in first.stdout.readline()
        code, _, err = client(transport, port, "ANN", "hi\n")
        assert code == 2
        assert err == "! Somebody here has this nick already.\n"
        first.communicate(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["client", "--port", "0"], "'0' is no port: it is a whole number from 1 to 65535"),
        (["client", "--port", "70000"], "'70000' is no port"),
        (["client", "--port", "http"], "'http' is no port"),
        (["client", "--nick", "a b"], "A nick has no white space|a nick has no white space"),
        (["client", "--nick", "👩‍👩‍👧"], "only characters that can be seen"),
        (["client", "--nick", "x" * 33], "1 to 32 characters, not 33"),
        (["client"], "A nick is needed"),
        (["client", "--nick", "a", "--host", "no.such.host.invalid"], "can't be resolved"),
        (["client", "--nick", "a", "--host", "127.0.0.1:1", "--port", "2"], "Which port is meant, the 1 of"),
        (["client", "--nick", "a", "--host", "http://127.0.0.1"], "is a URL"),
        (["client", "--nick", "a", "--host", "0.0.0.0:4242"], "every address of the server's own machine"),
        (["client", "--nick", "a", "--host", "[::1]:1"], r"There is no server at \[::1\]:1\b"),
        (["server", "--port", "70000"], "'70000' is no port"),
        (["server", "--host", "4242"], "'4242' is no host: if it is the port, say so"),
        (["server", "--host", "fe80::1"], "may be in each network of this machine"),
        (["server", "--host", "192.0.2.1"], "no address of this machine"),
        (["server", "--rate", "-1"], "'-1' is no rate"),
        (["server", "--burst", "0"], "'0' is no burst"),
        (["server", "--max-members", "0"], "'0' is no number of members: it is a whole number from 1"),
        (["server", "--nonsense"], "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_bad_option_is_one_sentence(transport: str, arguments: list[str], says: str) -> None:
    """Exit code 2, what was wrong, and no usage in front of it."""
    which, *rest = arguments
    process = program(f"{transport}.{which}", *rest)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert re.search(says, err), err
    assert err.count("\n") == 1


def test_a_port_in_use_names_its_holder(transport: str) -> None:
    """Exit code 2, who holds the port and what to do."""
    with server(transport) as (first, port):
        second = program(f"{transport}.server", "--port", port)
        _, err = second.communicate(timeout=PATIENCE)
        assert second.returncode == 2
        assert f"Port {port} is in use" in err
        if sys.platform == "linux":
            assert f"(process {first.pid})" in err


def test_an_emoji_is_a_nick(transport: str) -> None:
    """A nick may be of any script; an emoji is one character."""
    with server(transport) as (_, port):
        code, out, err = client(transport, port, "🙂", "hi\n")
    assert code == 0, err
    assert "🙂: hi" in out


def test_a_piped_client_talks_to_a_foreign_server() -> None:
    """A server from Beej's chapter that does not answer hello: after a while the client talks all the same."""
    foreign = PlainServer(4096, echo_join=False)
    code, out, err = client("tcp", str(foreign.port), "ann", "hi\n")
    foreign.stop()
    assert code == 0, err
    assert "a plain server" in out
    assert "ann: hi  ✓" in out


def test_a_trace_shows_every_message_with_its_direction(transport: str) -> None:
    """`<` received, `>` sent, `=` state."""
    process = program(f"{transport}.server", "--port", "0", "--trace")
    assert process.stdout is not None
    port = re.search(r":(\d+)$", process.stdout.readline())
    assert port
    client(transport, port[1], "ann", "hello\n")
    seen = ""
    while "ann left" not in seen:
        seen += process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)
    seen += out
    assert re.search(r' < 127\.0\.0\.1:\d+ \{"type":"hello","nick":"ann"', seen)
    assert re.search(r' < 127\.0\.0\.1:\d+ \{"type":"chat","message":"hello"', seen)
    assert re.search(r' > ann \{"type":"chat","nick":"ann","message":"hello"', seen)
    assert " = ann joined from 127.0.0.1" in seen


def test_a_server_that_breaks_down_says_so_and_ends(transport: str) -> None:
    """A bug in the loop: a traceback, exit code 1, and no process that hangs with a dead loop."""
    broken = f"""
import {transport}.server as module
def bug(*_): raise RuntimeError("a bug")
module.Server._receive = bug
module.Server._admit = getattr(module.Server, "_admit") if "{transport}" == "tcp" else bug
raise SystemExit(module.main())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", broken, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    found = re.search(r":(\d+)$", process.stdout.readline())
    assert found
    member = program(f"{transport}.client", "--port", found[1], "--nick", "ann")
    _, err = process.communicate(timeout=PATIENCE)
    member.send_signal(signal.SIGINT)
    member.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "RuntimeError: a bug" in err


def test_what_a_server_prints_is_a_host(transport: str) -> None:
    """At ::1, which it prints in brackets and with its port: that is where the client is sent."""
    process = program(f"{transport}.server", "--host", "[::1]", "--port", "0")
    assert process.stdout is not None
    found = re.search(r"listening on (\[::1\]:\d+)$", process.stdout.readline())
    assert found
    done = subprocess.run(
        [sys.executable, "-m", f"{transport}.client", "--host", found[1], "--nick", "ann"],
        cwd=ROOT,
        input="hi\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)


def test_a_server_stops_while_people_talk(transport: str) -> None:
    """In the middle of a conversation: nobody hangs, and the server ends although clients still send."""
    with server(transport, "--rate", "0") as (process, port):
        talkers = [
            program(f"{transport}.client", "--port", port, "--nick", f"n{n}", "--no-reconnect")
            for n in range(3)
        ]
        for talker in talkers:
            assert talker.stdin is not None
            assert talker.stdout is not None
            assert "you are in" in talker.stdout.readline()
            talker.stdin.write("hello\n" * 500)
            talker.stdin.flush()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (0, "")
        until = time.monotonic() + PATIENCE
        for talker in talkers:
            talker.communicate(timeout=until - time.monotonic())
            assert talker.returncode in (0, 1)


def test_many_signals_end_a_server_as_one_does(transport: str) -> None:
    """An impatient person: the handlers do not wait for one another."""
    for _ in range(3):
        with server(transport) as (process, _port):
            for number in [signal.SIGINT, signal.SIGTERM] * 15:
                process.send_signal(number)
            _, err = process.communicate(timeout=PATIENCE)
            assert (process.returncode, err) == (0, "")


def test_many_signals_end_a_client_as_one_does(transport: str) -> None:
    """The second one does not interrupt the goodbye."""
    with server(transport) as (_, port):
        for _ in range(3):
            member = program(f"{transport}.client", "--port", port, "--nick", "ann")
            assert member.stdout is not None
            assert "you are in" in member.stdout.readline()
            for number in [signal.SIGINT, signal.SIGTERM] * 15:
                member.send_signal(number)
            _, err = member.communicate(timeout=PATIENCE)
            assert (member.returncode, err) == (130, "")


@pytest.mark.parametrize("end", ["disk full", "reader gone"])
def test_a_server_outlives_its_output(transport: str, end: str) -> None:
    """Names its encoding does not know, a full disk, a closed pipe: the log suffers, the chat goes on."""
    out = Path("/dev/full").open("w") if end == "disk full" else subprocess.PIPE  # noqa: SIM115
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", f"{transport}.server", "--port", port],
        cwd=ROOT,
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    if process.stdout is not None:
        process.stdout.readline()
        process.stdout.close()
    else:
        assert not isinstance(out, int)
        out.close()
    until = time.monotonic() + PATIENCE
    code = 2
    while code == 2 and time.monotonic() < until:  # it is still starting
        code, shown, _ = client(transport, port, "日本", "hi\n")
    assert code == 0
    assert "日本: hi" in shown
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    process.wait(PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


def test_a_long_input_is_sent_to_its_end(transport: str) -> None:
    """5,000 lines into a server without an allowance, faster than they can be said: all of them, over TCP."""
    with server(transport, "--rate", "0") as (_, port):
        code, out, err = client(transport, port, "ann", "".join(f"line {n}\n" for n in range(5_000)))
    assert "Traceback" not in err
    if transport == "tcp":
        assert code == 0, err
        said = re.findall(r"^ann: line (\d+)", out, re.MULTILINE)
        assert said == [str(n) for n in range(5_000)]


def test_a_full_disk_ends_a_piped_client(transport: str) -> None:
    """Its output can't be written: said, and exit code 1; not taken for a broken connection."""
    with server(transport) as (_, port), Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", f"{transport}.client", "--port", port, "--nick", "ann"],
            cwd=ROOT,
            input="hi\n",
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 1
    assert "The output can't be written: No space left on device." in done.stderr


def test_an_echo_server_is_no_chat() -> None:
    """What answers, but not with messages, is not taken for a plain server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        member = program("tcp.client", "--port", str(listener.getsockname()[1]), "--nick", "ann")
        with listener.accept()[0] as echo:
            echo.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            _, err = member.communicate(timeout=PATIENCE)
    assert member.returncode == 2
    assert "does not speak this chat's format" in err

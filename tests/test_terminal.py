"""What a person sees and types: the client in a pseudo-terminal, its screen read by a terminal emulator."""

import os
import re
import signal
import sys
from collections.abc import Iterator

import pytest

from benchmarks.screen import Screen
from tests.test_programs import Program, client, server

PATIENCE = 20.0


@pytest.fixture
def running(transport: str) -> Iterator[tuple[Program, str]]:
    """A server process of the transport, and its port."""
    with server(transport) as running:
        yield running


def terminal(transport: str, port: str, *arguments: str, rows: int = 24) -> Screen:
    """A client in a terminal of 80 columns."""
    program = [sys.executable, "-m", f"{transport}.client", "--port", port, *arguments]
    return Screen(program, columns=80, rows=rows)


def joined(transport: str, port: str, nick: str, *arguments: str, rows: int = 24) -> Screen:
    """A client that is in."""
    screen = terminal(transport, port, "--nick", nick, *arguments, rows=rows)
    screen.wait_for(f"{nick}>", PATIENCE)
    return screen


def says(screen: Screen, text: str) -> None:
    """Type a line and press Enter."""
    screen.type(text + "\r")


def test_incoming_messages_never_tear_the_line_being_typed(
    transport: str, running: tuple[Program, str]
) -> None:
    """Thirty messages arrive while a line is half typed: all are above it, each once, and it stays whole."""
    with joined(transport, running[1], "ann", rows=45) as screen:
        screen.type("half a li")
        screen.wait_for("ann> half a li", PATIENCE)
        client(transport, running[1], "боб", "".join(f"message number {n}\n" for n in range(30)))
        screen.wait_for("боб has left", PATIENCE)
        screen.type("ne\r")
        screen.wait_for("ann: half a line  ✓", PATIENCE)
        lines = screen.lines()
        assert [line for line in lines if "number" in line] == [f"боб: message number {n}" for n in range(30)]
        assert sum("half a li" in line for line in lines) == 1


def test_ones_own_message_appears_once_with_its_receipt(transport: str, running: tuple[Program, str]) -> None:
    """Not when it is typed, but when it has come back."""
    with joined(transport, running[1], "ann") as screen:
        says(screen, "hello there")
        screen.wait_for(
            lambda lines: any(re.search(r"^ann: hello there  ✓ [\d.]+ ms$", line) for line in lines)
        )
        assert sum("hello there" in line for line in screen.lines()) == 1


def test_what_others_send_is_shown_and_never_obeyed(transport: str, running: tuple[Program, str]) -> None:
    """Escape sequences, carriage returns, bells, markup and turned text do nothing but stand there."""
    evil = "\x1b[2J\x1b]0;title\x07[bold red]x[/] \rann: faked \u202edlrow\u200b{0} %s \x9b31m"
    with joined(transport, running[1], "ann") as screen:
        client(transport, running[1], "eve", evil + "\n" + "y" * 90 + "ann: faked too\n")
        screen.wait_for("eve has left", PATIENCE)
        lines = screen.lines()
        said = next(line for line in lines if line.startswith("eve: "))
        assert said.startswith("eve: ␛[2J␛]0;title␇[bold red]x[/] ␍ann: faked ⟨U+202E⟩dlrow⟨U+200B⟩{0}")
        assert any("*** you are in as ann" in line for line in lines)
        assert not any(line.startswith("ann: faked") for line in lines)


@pytest.mark.parametrize("keys", ["/quit\r", "/q\r", "exit\r", "\x04", "\x03", "half a line\x03"])
def test_there_are_many_ways_out(transport: str, running: tuple[Program, str], keys: str) -> None:
    """/quit, /q, exit, Ctrl-D and Ctrl-C leave with a summary and 0; the room hears it."""
    with joined(transport, running[1], "ann") as screen:
        screen.type(keys)
        assert screen.wait(PATIENCE) == 0
        screen.wait_for("your conversation")
        screen.wait_for("round trip")
    stdout = running[0].stdout
    assert stdout is not None
    while "ann left (quit" not in stdout.readline():
        pass


@pytest.mark.parametrize("how", ["\x03", "SIGTERM"])
def test_the_terminal_is_restored(transport: str, running: tuple[Program, str], how: str) -> None:
    """After Ctrl-C or SIGTERM the terminal echoes and reads lines as it did before."""
    run = f"{sys.executable} -m {transport}.client --port {running[1]} --nick ann"
    script = f"""
        trap : INT
        before=$(stty -a)
        sh -c 'echo pid $$; exec {run}'
        [ "$before" = "$(stty -a)" ] && echo restored
    """
    with Screen(["/bin/sh", "-c", script]) as screen:
        screen.wait_for("ann>", PATIENCE)
        if how == "SIGTERM":
            found = re.search(r"^pid (\d+)$", "\n".join(screen.lines()), re.MULTILINE)
            assert found
            os.kill(int(found[1]), signal.SIGTERM)
        else:
            screen.type(how)
        screen.wait_for("restored", PATIENCE)


def test_commands_do_what_help_says(transport: str, running: tuple[Program, str]) -> None:
    """/help, /who, /stats, /me, /msg, an unknown command, one with half its words."""
    with joined(transport, running[1], "ann", rows=60) as screen:
        for typed, shown in {
            "/help": "/msg NICK TEXT",
            "/who": "*** here: ann",
            "/me waves": "* ann waves  ✓",
            "/msg ann note to self": "ann → ann: note to self  ✓",
            "/msg nobody hi": "! Nobody here has this nick.",
            "/msg": "! To whom, and what?",
            "/nonsense": "! There is no /nonsense; there is /help",
            "//slash": "ann: /slash  ✓",
            "/retry": "! Nothing is without a receipt.",
            "/stats": "round trip",
        }.items():
            says(screen, typed)
            screen.wait_for(shown, PATIENCE)


def test_tab_completes_commands_and_names(transport: str, running: tuple[Program, str]) -> None:
    """/q Tab is /quit; the beginning of a name becomes the name."""
    with joined(transport, running[1], "annabel") as screen:
        screen.type("/st\t")
        screen.wait_for("annabel> /stats", PATIENCE)
        screen.type("\x15ann\t")
        screen.wait_for("annabel> annabel:", PATIENCE)


def test_the_arrow_up_brings_a_line_back(transport: str, running: tuple[Program, str]) -> None:
    """History and line editing."""
    with joined(transport, running[1], "ann") as screen:
        says(screen, "once")
        screen.wait_for("ann: once  ✓", PATIENCE)
        screen.type("\x1b[A")
        screen.wait_for("ann> once", PATIENCE)
        screen.type(" more\r")
        screen.wait_for("ann: once more  ✓", PATIENCE)


def test_a_refused_nick_is_asked_again(transport: str, running: tuple[Program, str]) -> None:
    """Taken, then unfit, then accepted, without leaving the program."""
    with joined(transport, running[1], "ann"), terminal(transport, running[1], "--nick", "ANN") as screen:
        screen.wait_for("Somebody here has this nick already.", PATIENCE)
        screen.wait_for("Your nick:", PATIENCE)
        screen.type("\x15two words\r")
        screen.wait_for("A nick has no white space.", PATIENCE)
        screen.type("\x15ann2\r")
        screen.wait_for("ann2>", PATIENCE)


def test_a_message_that_is_too_long_is_not_sent_and_not_lost(
    transport: str, running: tuple[Program, str]
) -> None:
    """16,385 bytes, pasted: a sentence says how much too long they are."""
    with joined(transport, running[1], "ann") as screen:
        screen.type("\x1b[200~" + "x" * 16_385 + "\x1b[201~\r")
        screen.wait_for("bytes too long", PATIENCE)
        says(screen, "short")
        screen.wait_for("ann: short  ✓", PATIENCE)


def test_typed_bytes_that_are_no_text_are_replaced(transport: str, running: tuple[Program, str]) -> None:
    """A terminal of another encoding: � instead of a traceback."""
    with joined(transport, running[1], "ann") as screen:
        os.write(screen._master, b"caf\xe9\r")
        screen.wait_for("ann: caf�  ✓", PATIENCE)


def test_the_prompt_is_never_torn_by_an_answer(transport: str, running: tuple[Program, str]) -> None:
    """Line after line: each comes back whole, on a line of its own."""
    with joined(transport, running[1], "ann", rows=60) as screen:
        for number in range(25):
            says(screen, f"line {number}")
            screen.wait_for(f"line {number}  ✓", PATIENCE)
        said = [line.split("  ✓")[0] for line in screen.lines() if "✓" in line]
        assert said == [f"ann: line {number}" for number in range(25)]


def test_a_server_that_stops_is_said_and_the_client_ends(
    transport: str, running: tuple[Program, str]
) -> None:
    """In the middle of typing: the goodbye, the summary, the shell."""
    with joined(transport, running[1], "ann", "--no-reconnect") as screen:
        screen.type("half a line")
        screen.wait_for("ann> half a line", PATIENCE)
        running[0].send_signal(signal.SIGINT)
        screen.wait_for("*** The server said goodbye", PATIENCE)
        assert screen.wait(PATIENCE) == 0


def test_over_udp_a_message_without_receipt_is_shown_as_lost() -> None:
    """The server is stopped for a while: lost after 2 s, said again with /retry, and then it has its receipt."""
    with server("udp") as (process, port), joined("udp", port, "ann") as screen:
        process.send_signal(signal.SIGSTOP)
        says(screen, "anybody?")
        screen.wait_for("1 waiting", PATIENCE)
        screen.wait_for("✗ lost: anybody?", PATIENCE)
        process.send_signal(signal.SIGCONT)
        screen.wait_for("ann: anybody?  ✓", PATIENCE)
        says(screen, "/retry")
        screen.wait_for("! Nothing is without a receipt.", PATIENCE)


def test_a_server_in_a_terminal_shows_its_table() -> None:
    """Ctrl-C in a terminal: who came and went, then the table; 0."""
    with Screen([sys.executable, "-m", "tcp.server", "--port", "0"]) as screen:
        screen.wait_for("tcp listening on 127.0.0.1:", PATIENCE)
        screen.type("\x03")
        assert screen.wait(PATIENCE) == 0
        screen.wait_for("messages received")


def test_a_pipe_at_one_end_is_no_terminal(transport: str, running: tuple[Program, str]) -> None:
    """Its output in a terminal, its input from a pipe: plain lines."""
    run = f"printf 'hi\\n' | {sys.executable} -m {transport}.client --port {running[1]} --nick ann; echo code $?"
    with Screen(["/bin/sh", "-c", run]) as screen:
        screen.wait_for("code 0", PATIENCE)
        screen.wait_for("ann: hi  ✓", PATIENCE)
        assert not any("ann>" in line for line in screen.lines())

"""The shell in a link: its prompt in real terminals, what it inherits, and two programs that find each other there."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from benchmarks.link import shell
from benchmarks.screen import Screen
from tests.emulated import needs_link

ROOT = Path(__file__).parent.parent
PATIENCE = 20.0
"""Guards against hanging, not against slowness."""

OWN = {
    "bash": (".bashrc", "PS1='mine $((6 * 7))> '\ngreet() { echo \"bon$1\"; }\n"),
    "zsh": (".zshrc", "PROMPT='mine 42> '\ngreet() { echo \"bon$1\"; }\n"),
    "fish": (
        ".config/fish/config.fish",
        "function fish_prompt; printf 'mine 42> '; end\nfunction greet; echo bon$argv[1]; end\n",
    ),
}
"""A person's own file, by shell: it has a prompt and a word of its own."""

ODD = 'o\'dd "$(id)" `id` ;#%*?[ä'
"""A name that a shell could take for many things."""

ELSEWHERE = (
    "BASH_ENV",
    "ENV",
    "PROMPT",
    "PROMPT_COMMAND",
    "PS1",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "ZDOTDIR",
)
"""In the environment, what would lead a shell to other files than those below HOME, or to another prompt."""


def in_shell(name: str, *values: object) -> ParameterSet:
    """A case for a shell that may be missing here."""
    missing = pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")
    return pytest.param(name, *values, marks=[missing])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with nothing in it, which is the person's own."""
    home = tmp_path / "home"
    # Else fish, in a new home, begins to read all manual pages of the system.
    (home / ".local/share/fish/generated_completions").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What the link is like now, in a file."""
    state = tmp_path / "link" / "state"
    state.parent.mkdir()
    state.write_text("delay 20ms")
    return state


def settles(home: Path, program: str, text: str = "") -> str:
    """Give the person a file of their own for this shell; the prompt that is theirs then."""
    if program not in OWN:
        return "$"
    name, own = OWN[program]
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text(text or own)
    return "mine 42>"


def is_named(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """SHELL is a program of this name, which does nothing: for shells that need not be installed."""
    there = tmp_path / "bin" / program
    there.parent.mkdir()
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    monkeypatch.setenv("SHELL", str(there))
    return str(there)


@contextmanager
def terminal(program: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """This shell, in a terminal and in a link; it is left with `exit`."""
    monkeypatch.setenv("SHELL", shutil.which(program) or program)
    with (
        shell.shell(state) as (command, extra),
        Screen(command, columns=100, environment=shell.environment(extra)) as screen,
    ):
        try:
            yield screen
        finally:
            screen.type("\x15exit\r")
            screen.wait(PATIENCE)


def prompt(screen: Screen, number: int = 1, end: str = ">") -> str:
    """The line of the shell's first (second, …) prompt, once it waits there; nothing else has an `end` in it."""

    def waits(lines: list[str]) -> bool:
        found = [line for line in lines if end in line]
        return len(found) == number and found[-1].endswith(end) and found[-1] == [*filter(None, lines)][-1]

    screen.wait_for(waits, PATIENCE)
    return [*filter(None, screen.lines())][-1]


# --- the prompt -----------------------------------------------------------------------------------


@pytest.mark.parametrize("program", [in_shell(name) for name in ("bash", "zsh", "fish", "sh")])
def test_the_prompt_says_what_the_link_is_like(
    program: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In front of the person's own ($ in sh), anew before each line, and that it is gone when it is."""
    own = settles(home, program)
    with terminal(program, state, monkeypatch) as screen:
        assert prompt(screen, 1, own[-1]) == f"[link: delay 20ms] {own}"
        state.write_text("delay 80ms")
        screen.type("\r")
        assert prompt(screen, 2, own[-1]) == f"[link: delay 80ms] {own}"
        state.unlink()
        screen.type("\r")
        assert prompt(screen, 3, own[-1]) == f"[link: gone] {own}"
        state.parent.rmdir()
        screen.type("\r")
        assert prompt(screen, 4, own[-1]) == f"[link: gone] {own}"


@pytest.mark.parametrize("program", [in_shell("bash"), in_shell("zsh"), in_shell("fish"), in_shell("sh")])
@pytest.mark.parametrize("text", ["loss 5%", "up loss 5% delay 20ms, down no impairment"])
def test_every_character_of_what_the_link_is_like_is_shown(
    program: str, text: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a % means in the prompts of this shell."""
    own = settles(home, program)
    state.write_text(text)
    with terminal(program, state, monkeypatch) as screen:
        assert prompt(screen, 1, own[-1]) == f"[link: {text}] {own}"


@pytest.mark.parametrize("program", [in_shell(name) for name in ("bash", "zsh", "fish")])
def test_ones_own_settings_are_there(
    program: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the person's own file defines; in zsh, ZDOTDIR too is what it would be."""
    settles(home, program)
    with terminal(program, state, monkeypatch) as screen:
        assert prompt(screen) == "[link: delay 20ms] mine 42>"
        screen.type("greet jour\r")
        screen.wait_for(lambda lines: "bonjour" in lines, PATIENCE)
        screen.type("echo $HOME is ${ZDOTDIR:-$HOME}\r" if program == "zsh" else "echo $HOME is $HOME\r")
        screen.wait_for(lambda lines: f"{home} is {home}" in "".join(lines), PATIENCE)


@pytest.mark.parametrize(
    "program",
    [in_shell("zsh")],
)
def test_what_zsh_reads_before_all_else_is_read_too(
    program: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """~/.zshenv; and it may say itself where the other files are."""
    own = home / "dotfiles"
    own.mkdir()
    (home / ".zshenv").write_text(f"ZDOTDIR={own}\nsalute() {{ echo bon$1; }}\n")
    (own / ".zshrc").write_text("PROMPT='elsewhere> '\n")
    (home / ".zshrc").write_text("PROMPT='not this one> '\n")
    with terminal(program, state, monkeypatch) as screen:
        assert prompt(screen) == "[link: delay 20ms] elsewhere>"
        screen.type("salute soir; [ $ZDOTDIR = ~/dotfiles ] && echo right\r")
        prompt(screen, 2)
        assert {"bonsoir", "right"} <= set(screen.lines())


@pytest.mark.parametrize("program", [in_shell(name) for name in ("bash", "zsh", "fish")])
def test_nobody_needs_settings_of_their_own(
    program: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty home: no complaint, and a prompt that begins with the link."""
    with terminal(program, state, monkeypatch) as screen:
        screen.wait_for("[link: delay 20ms] ", PATIENCE)
        assert not any("No such file" in line or "not found" in line for line in screen.lines())


@pytest.mark.parametrize(
    ("own", "prompt"),
    [
        ("unset PS1\n", "$"),
        ("PS1=\n", ""),
        ("PS1='$5 \"x\" \\\\ > '\n", '"x" \\ >'),
        ("false\nPS1='after> '", "after>"),
    ],
    ids=["unset", "empty", "odd", "failing"],
)
def test_bash_takes_any_prompt_of_ones_own(
    own: str, prompt: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None, an empty one, one with quotes and dollars; and a file whose commands fail."""
    settles(home, "bash", own)
    with terminal("bash", state, monkeypatch) as screen:
        screen.wait_for(
            lambda lines: lines[0].split() == ["[link:", "delay", "20ms]", *prompt.split()], PATIENCE
        )


def test_a_prompt_that_is_made_anew_each_time_says_it_too(
    home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of git, starship and others, which set PS1 in PROMPT_COMMAND."""
    settles(home, "bash", "number=0\nPROMPT_COMMAND='number=$((number + 1)); PS1=\"mine $number> \"'\n")
    with terminal("bash", state, monkeypatch) as screen:
        prompt(screen)
        screen.type("\r")
        assert prompt(screen, 2) == "[link: delay 20ms] mine 2>"


@pytest.mark.parametrize(
    ("program", "own"),
    [
        in_shell("bash", "PS1='mine $?> '\n"),
        in_shell("zsh", "PROMPT='mine %?> '\n"),
        in_shell("fish", "function fish_prompt; printf 'mine %s> ' $status; end\n"),
    ],
)
def test_ones_own_prompt_still_knows_how_the_last_command_ended(
    program: str, own: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many prompts show it."""
    settles(home, program, own)
    with terminal(program, state, monkeypatch) as screen:
        assert prompt(screen) == "[link: delay 20ms] mine 0>"
        screen.type("sh -c 'exit 7'\r")
        assert prompt(screen, 2) == "[link: delay 20ms] mine 7>"


@pytest.mark.parametrize(
    ("program", "variable"),
    [in_shell("bash", "$?"), in_shell("zsh", "$?"), in_shell("fish", "$status"), in_shell("sh", "$?")],
)
def test_the_next_command_knows_how_the_last_one_ended(
    program: str, variable: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt in between, and what it runs, changes nothing."""
    own = settles(home, program)
    with terminal(program, state, monkeypatch) as screen:
        prompt(screen, 1, own[-1])
        screen.type("sh -c 'exit 7'\r")
        prompt(screen, 2, own[-1])
        screen.type(f"echo code {variable}\r")
        screen.wait_for(lambda lines: "code 7" in lines, PATIENCE)


@pytest.mark.parametrize(
    ("program", "name"),
    [
        in_shell("bash", ODD),
        in_shell("zsh", ODD),
        in_shell("fish", ODD),
        in_shell("sh", ODD),
        in_shell("bash", "a!b"),
        in_shell("bash", r"back\nslash"),
        in_shell("zsh", r"back\nslash"),
        in_shell("fish", r"back\\slash"),
    ],
)
def test_the_state_may_be_anywhere(
    program: str, name: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TMPDIR is the person's own: none of its characters is taken for a command."""
    place = tmp_path / name
    place.mkdir()
    (place / "state").write_text("delay 20ms")
    own = settles(home, program)
    with terminal(program, place / "state", monkeypatch) as screen:
        assert prompt(screen, 1, own[-1]) == f"[link: delay 20ms] {own}"
        assert not any("uid=" in line for line in screen.lines())


@pytest.mark.parametrize(
    "program",
    [
        in_shell("bash"),
        in_shell("zsh"),
        in_shell("fish"),
        in_shell("sh"),
    ],
)
def test_what_a_shell_begins_with_may_be_anywhere(
    program: str, home: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own files lie in TMPDIR, too."""
    place = tmp_path / ODD
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    own = settles(home, program)
    with terminal(program, state, monkeypatch) as screen:
        screen.wait_for("[link: delay 20ms] ", PATIENCE)
        screen.type("echo ready\r")
        screen.wait_for(lambda lines: "ready" in lines, PATIENCE)
        assert f"[link: delay 20ms] {own} echo ready" in screen.lines()


@pytest.mark.parametrize(
    "program",
    [in_shell("bash"), in_shell("zsh")],
)
def test_what_is_put_in_front_of_the_prompt_later_does_not_double_it(
    program: str, home: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a virtual environment does when it is activated: the link is said once."""
    settles(home, program)
    with terminal(program, state, monkeypatch) as screen:
        prompt(screen)
        screen.type('PS1="(venv) $PS1"\r')
        assert prompt(screen, 2) == "(venv) [link: delay 20ms] mine 42>"


# --- which shell, and how it is started -----------------------------------------------------------


@pytest.mark.parametrize("named", [None, "", "/no/such/shell", "no-such-shell-here"])
def test_without_a_shell_that_there_is_it_is_sh(
    named: str | None, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SHELL is not set, empty, or names a program that is not installed here."""
    if named is None:
        monkeypatch.delenv("SHELL", raising=False)
    else:
        monkeypatch.setenv("SHELL", named)
    with shell.shell(state) as (command, extra):
        assert command == ["/bin/sh", "-i"]
        assert extra["PS1"].startswith("[link: ")


def test_a_file_that_nobody_may_run_is_no_shell(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sh then."""
    Path(is_named("zsh", tmp_path, monkeypatch)).chmod(0o644)
    with shell.shell(state) as (command, _):
        assert command == ["/bin/sh", "-i"]


def test_a_shell_that_is_not_known_is_started_all_the_same(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With -i and a PS1, which most of them understand."""
    program = is_named("xonsh", tmp_path, monkeypatch)
    with shell.shell(state) as (command, extra):
        assert command == [program, "-i"]
        assert extra["PS1"].startswith("[link: ")


def test_bash_is_started_with_a_file_of_its_own(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone when the shell is left."""
    program = is_named("bash", tmp_path, monkeypatch)
    with shell.shell(state) as (command, _):
        assert [command[0], command[1], command[3]] == [program, "--rcfile", "-i"]
        start = Path(command[2])
        assert ". ~/.bashrc" in start.read_text()
    assert not start.parent.exists()


def evaluated(home: Path, environment: dict[str, str]) -> tuple[str, str]:
    """What a zsh in this environment would have for PROMPT, after its substitutions, and for
    ZDOTDIR: told by sh, which reads these lines in the same way."""
    files = "".join(f'[ -f "$ZDOTDIR/{name}" ] && . "$ZDOTDIR/{name}"; ' for name in (".zshenv", ".zshrc"))
    script = f'setopt() {{ :; }}; PROMPT="own> "; {files} eval "echo \\"$PROMPT\\""; echo "$ZDOTDIR"'
    ran = subprocess.run(
        ["sh", "-c", script],
        env=os.environ | {"HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    prompt, place = ran.stdout.split("\n")[:2]
    return prompt, place


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("delay 20ms", "delay 20ms"),
        pytest.param("loss 5%", "loss 5%%"),
    ],
)
def test_zsh_is_started_with_a_directory_of_its_own(
    text: str, shown: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its .zshrc reads the person's, puts the link in front of the prompt (%% is a % there) and gives ZDOTDIR back."""
    program = is_named("zsh", tmp_path, monkeypatch)
    settles(home, "zsh", "PROMPT='mine 42> '\n")
    place = tmp_path / ODD
    place.mkdir()
    (place / "state").write_text(text)
    with shell.shell(place / "state") as (command, extra):
        assert command == [program, "-i"]
        start = Path(extra["ZDOTDIR"])
        assert evaluated(home, extra) == (f"[link: {shown}] mine 42> ", str(home))
        (place / "state").unlink()
        assert evaluated(home, extra)[0] == "[link: gone] mine 42> "
    assert not start.exists()


def test_zsh_finds_what_the_person_has_put_elsewhere(
    home: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ZDOTDIR was set before."""
    is_named("zsh", tmp_path, monkeypatch)
    own = tmp_path / "dotfiles"
    own.mkdir()
    (own / ".zshrc").write_text("PROMPT='elsewhere> '\n")
    monkeypatch.setenv("ZDOTDIR", str(own))
    with shell.shell(state) as (_, extra):
        assert evaluated(home, extra) == ("[link: delay 20ms] elsewhere> ", str(own))


def test_zsh_finds_what_the_person_puts_elsewhere_first_of_all(
    home: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ZDOTDIR is set in ~/.zshenv, as many do it: the link is in the prompt all the same."""
    is_named("zsh", tmp_path, monkeypatch)
    own = home / "dotfiles"
    own.mkdir()
    (home / ".zshenv").write_text(f"ZDOTDIR={own}\n")
    (own / ".zshrc").write_text("PROMPT='elsewhere> '\n")
    with shell.shell(state) as (_, extra):
        assert evaluated(home, extra) == ("[link: delay 20ms] elsewhere> ", str(own))


def test_fish_is_told_its_prompt_when_it_is_started(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the person's own files, whose prompt is kept under another name."""
    program = is_named("fish", tmp_path, monkeypatch)
    with shell.shell(state) as (command, _):
        assert command[:3] == [program, "-i", "-C"]
        words = command[3]
        assert words.index("functions -c fish_prompt lab_prompt") < words.index("function fish_prompt")
        assert words.rstrip().endswith("lab_prompt; end")


# --- what it inherits -----------------------------------------------------------------------------


def test_what_make_tells_its_children_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else is; what is given on top counts, the last most; our own environment stays as it is."""
    for name in shell.MAKES:
        monkeypatch.setenv(name, "from make")
    monkeypatch.setenv("KEPT", "mine")
    monkeypatch.setenv("CHANGED", "mine")
    before = dict(os.environ)
    found = shell.environment({"CHANGED": "by the link", "NEW": "1"}, {"NEW": "2"})
    expected = {name: value for name, value in before.items() if name not in shell.MAKES}
    assert found == expected | {"CHANGED": "by the link", "NEW": "2"}
    assert dict(os.environ) == before


def test_what_is_given_on_top_may_be_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left out is only what came by itself."""
    monkeypatch.setenv("MAKEFLAGS", "k")
    assert shell.environment({"MAKEFLAGS": "s"})["MAKEFLAGS"] == "s"
    assert "MAKEFLAGS" not in shell.environment()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_make_in_the_link_begins_from_nothing(tmp_path: Path) -> None:
    """`make link LOSS=5%` with any options; in its shell `make` knows of none of them, nor of a LOSS of its own."""
    inner, outer = tmp_path / "inner.mk", tmp_path / "outer.mk"
    inner.write_text("$(info flags [$(MAKEFLAGS)] level $(MAKELEVEL) LOSS from $(origin LOSS))\nall: ; @:\n")
    code = (
        "import subprocess, sys; from benchmarks.link import shell; "
        "sys.exit(subprocess.run(sys.argv[1:], env=shell.environment()).returncode)"
    )
    words = shlex.join([sys.executable, "-c", code, "make", "-f", str(inner)])
    outer.write_text(f"link: ; @+{words.replace('$', '$$')}\n")
    ran = subprocess.run(
        ["make", "-f", outer, "-k", "-j2", "LOSS=5%", "link"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in (*shell.MAKES, "LOSS")},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert ran.stdout == "flags [] level 0 LOSS from environment\n"


# --- the lab's programs in a link -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "inside", "outside"),
    [("server", "10.7.0.1", "127.0.0.1"), ("client", "10.7.0.2", "127.0.0.1")],
)
def test_the_link_says_where_its_two_ends_are(
    transport: str, program: str, inside: str, outside: str
) -> None:
    """Servers listen at LAB_LISTEN, clients connect to LAB_CONNECT; without them both are on this machine."""
    ends = {"LAB_LISTEN": "10.7.0.1", "LAB_CONNECT": "10.7.0.2"}
    alone = {name: value for name, value in os.environ.items() if name not in ends}
    for environment, expected in ((alone | ends, inside), (alone, outside)):
        ran = subprocess.run(
            [sys.executable, "-m", f"{transport}.{program}", "--help"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        assert f"({expected}" in ran.stdout


CHAT = """
mkfifo "$3" || exit
"$1" -m "$2.server" >"$3" &
server=$!
exec 3<"$3"
read -r line <&3 && echo "$line"
printf 'hi\\n/me waves\\n' | "$1" -m "$2.client" --nick x
code=$?
kill "$server"
cat <&3
wait "$server" && exit "$code"
"""
"""A server, and once it listens a client, both as anybody would start them; what they show, and the client's code."""


@needs_link
def test_server_and_client_find_each_other_in_a_link(transport: str, tmp_path: Path) -> None:
    """Without naming any address: across the link, and not on loopback."""
    words = ["-m", "benchmarks.link", "--loss", "0%", "--", "sh", "-c", CHAT, "sh"]
    ran = subprocess.run(
        [sys.executable, *words, sys.executable, transport, str(tmp_path / "log")],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("LAB_")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert f"{transport} listening on 10.7.0.1:4242" in ran.stdout
    assert "x: hi  ✓" in ran.stdout
    assert "* x waves  ✓" in ran.stdout
    assert "x joined from 10.7.0.2:" in ran.stdout
    assert "sent: 2\nconfirmed: 2" in ran.stderr

"""A shell in the link, whose prompt says so: nobody should forget what network they are in."""

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROMPT = "[link: {}] "
"""In front of the prompt that the person has anyway."""

MAKES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MAKE_TERMOUT", "MAKE_TERMERR")
"""What make tells its children. The shell is none of them: its own make is to begin from nothing."""


def environment(*more: dict[str, str]) -> dict[str, str]:
    """What a program in the link finds in its environment."""
    mine = {name: value for name, value in os.environ.items() if name not in MAKES}
    for values in more:
        mine |= values
    return mine


@contextmanager
def shell(state: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command and environment of the person's shell. `state` is a file that holds what the link is like now."""
    program = os.environ.get("SHELL") or "/bin/sh"
    if shutil.which(program) is None:
        program = "/bin/sh"
    now = f"$(cat {shlex.quote(str(state))} 2>/dev/null || echo gone)"
    prompt = PROMPT.format(now)
    with tempfile.TemporaryDirectory(prefix="chat-lab-shell-") as place:
        start = Path(place)
        match Path(program).name:
            case "bash":
                (start / "bashrc").write_text(
                    "[ -f ~/.bashrc ] && . ~/.bashrc\n" + f"PS1={shlex.quote(prompt)}${{PS1-'$ '}}\n"
                )
                yield [program, "--rcfile", str(start / "bashrc"), "-i"], {}
            case "zsh":
                home = os.environ.get("ZDOTDIR") or os.environ.get("HOME") or "/"
                (start / ".zshrc").write_text(
                    f"ZDOTDIR={shlex.quote(home)}\n[ -f $ZDOTDIR/.zshrc ] && . $ZDOTDIR/.zshrc\n"
                    f"setopt PROMPT_SUBST\nPROMPT={shlex.quote(prompt)}$PROMPT\n"
                )
                yield [program, "-i"], {"ZDOTDIR": place}
            case "fish":
                words = (
                    "functions -c fish_prompt lab_prompt; function fish_prompt; "
                    f"printf '[link: %s] ' (cat {shlex.quote(str(state))} 2>/dev/null; or echo gone); "
                    "lab_prompt; end"
                )
                yield [program, "-i", "-C", words], {}
            case _:
                yield [program, "-i"], {"PS1": prompt + "$ "}

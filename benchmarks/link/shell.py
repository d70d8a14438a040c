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

BASH = """[ -f ~/.bashrc ] && . ~/.bashrc
# Before each prompt, last of all: programs that make the prompt anew do it there.
lab_link_prompt() {
    LAB_LINK_NOW=$(cat FILE 2>/dev/null || echo gone)
    case ${PS1-} in *'[link: '*) ;; *) PS1='[link: ${LAB_LINK_NOW}] '${PS1-'$ '} ;; esac
}
if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
    PROMPT_COMMAND+=(lab_link_prompt)
else
    PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND
}lab_link_prompt"
fi
"""
"""What bash begins with. FILE holds what the link is like now."""

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
    file = shlex.quote(str(state))
    prompt = PROMPT.format(f"$(cat {file} 2>/dev/null || echo gone)")
    with tempfile.TemporaryDirectory(prefix="chat-lab-shell-") as place:
        start = Path(place)
        match Path(program).name:
            case "bash":
                (start / "bashrc").write_text(BASH.replace("FILE", file))
                yield [program, "--rcfile", str(start / "bashrc"), "-i"], {}
            case "zsh":
                ours = shlex.quote(place)
                home = shlex.quote(os.environ.get("ZDOTDIR") or os.environ.get("HOME") or "/")
                # A % in front of a word means something in a prompt of zsh.
                now = PROMPT.format(f"$(sed s/%/%%/g {file} 2>/dev/null || echo gone)")
                # It may say that the rest is elsewhere. zsh has to come back to us for the rest first.
                (start / ".zshenv").write_text(
                    f"[ -f {home}/.zshenv ] && . {home}/.zshenv\nLAB_LINK_ZDOTDIR=$ZDOTDIR\n"
                    f'[ "$ZDOTDIR" = {ours} ] && LAB_LINK_ZDOTDIR={home}\nZDOTDIR={ours}\n'
                )
                (start / ".zshrc").write_text(
                    f'ZDOTDIR=$LAB_LINK_ZDOTDIR\n[ -f "$ZDOTDIR/.zshrc" ] && . "$ZDOTDIR/.zshrc"\n'
                    f"setopt PROMPT_SUBST\nPROMPT={shlex.quote(now)}$PROMPT\n"
                )
                yield [program, "-i"], {"ZDOTDIR": place}
            case "fish":
                quoted = "'" + str(state).replace("\\", "\\\\").replace("'", "\\'") + "'"
                words = (
                    "functions -c fish_prompt lab_prompt; function fish_prompt; set -l ended $status; "
                    f"printf '[link: %s] ' (cat {quoted} 2>/dev/null; or echo gone); "
                    'sh -c "exit $ended"; lab_prompt; end'
                )
                yield [program, "-i", "-C", words], {}
            case _:
                yield [program, "-i"], {"PS1": prompt + "$ "}

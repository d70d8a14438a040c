"""Is this program started as it must be? Asked before anything else is imported.

What is wrong with a start shows before a program's first line, as a traceback out of somebody else's code: a
`socket.py` of the student's own in the lab's folder is what every `import socket` finds, a file that is run by its path
does not find its package, and the system's Python has none of the lab's packages. Here each is a sentence with the line
that works.

`set_up.py` puts a copy of this file into the lab's environment, where Python runs it at every start, before it looks
for the program (a `.pth` file: see Python's documentation of `site`). Another Python asks when it comes to the package
of a program. Needs nothing but `os` and `sys`, which are loaded by then; Python 3.7 can read it, too.
"""

from __future__ import annotations

import os
import sys

NEEDED = ("rich", "msgspec", "prompt_toolkit")
"""Packages without which no chat runs; to say what is missing, the others need the first alone."""

OTHERS = ("markdown_it", "pygments", "numpy", "matplotlib", "PIL", "pytest", "hypothesis", "pyte")
"""Packages that some need: a file of such a name is no less in the way."""

IN_USE = "in-use.lock"
"""The file of the environment that each program holds a lock on, so that nobody empties it meanwhile (`set_up.py`)."""


def at_start() -> None:
    """Look at this start, and hold the environment: what its `.pth` file calls."""
    if sys.flags.isolated:
        return  # not for a program in the lab's folder: nothing is imported from there
    try:
        folder = os.getcwd()
    except OSError:
        return  # it was removed
    _end_if(problem(sys.orig_argv, folder, sys.prefix))
    module = module_and_path(sys.orig_argv)[0]
    if is_lab(folder) and module:
        _hold(sys.prefix)
        if module.startswith(("tcp.", "udp.", "benchmarks.")):
            _end_at_ctrl_c()


def at_package() -> None:
    """Look at this start and at this Python: what the packages of programs call when Python looks for a program there.

    From here on until the program has begun there is nothing to clean up: Ctrl-C just ends the process. A closed window
    ends it now and later.
    """
    if sys.argv[:1] == ["-m"]:  # what runpy has put there until it knows the file
        _end_if(_unfit_python() or problem(sys.orig_argv, os.getcwd(), sys.prefix))
        from common import window

        _end_at_ctrl_c()
        window.begin()


def problem(command: list[str], folder: str, prefix: str) -> str:
    """A sentence about what is wrong with a start; empty if nothing is.

    `command`: Python's whole command line (sys.orig_argv); `folder`: where it was given; `prefix`: whose Python it is.
    """
    module, path = module_and_path(command)
    if path:
        return _by_its_path(os.path.realpath(os.path.join(folder, path)))
    if not module:
        return ""
    if not is_lab(folder):
        return _elsewhere(module, folder, os.path.dirname(prefix))
    if sys.flags.safe_path:
        return "Python does not look into this folder as long as PYTHONSAFEPATH is set: unset it, or let make start it."
    return _shadowed(folder)


def module_and_path(command: list[str]) -> tuple[str, str]:
    """What a command line of Python runs: `python -m MODULE` or `python PATH`. Both are empty for anything else."""
    words = iter(command[1:])
    for word in words:
        if not word.startswith("-"):
            return "", word
        if word == "--check-hash-based-pycs":
            next(words, "")
        if word.startswith("--"):
            continue
        for at, letter in enumerate(word[1:], 2):  # -Bm MODULE is -B -m MODULE
            if letter in "mcWX":
                value = word[at:] or next(words, "")
                if letter in "mc":
                    return (value, "") if letter == "m" else ("", "")
                break
    return "", ""


def shadows(folder: str) -> list[str]:
    """The files and packages in `folder` that an import finds in place of Python's modules or of those that we need."""
    theirs = {*sys.stdlib_module_names, *NEEDED, *OTHERS}
    found = []
    for name in sorted(os.listdir(folder)):
        module, end = os.path.splitext(name)
        is_package = os.path.exists(os.path.join(folder, name, "__init__.py"))
        if module in theirs and (end in (".py", ".pyc") or is_package):
            found.append(name)
    return found


def is_lab(folder: str) -> bool:
    """Whether this is the lab's folder."""
    return os.path.exists(os.path.join(folder, "tcp", "server.py")) and os.path.exists(
        os.path.join(folder, "common", "start.py")
    )


def _elsewhere(module: str, folder: str, lab: str) -> str:
    """The sentence for a program of the lab that Python would not find in `folder`; empty for any other program."""
    package = module.split(".")[0]
    found = os.path.isdir(os.path.join(folder, package)) or os.environ.get("PYTHONPATH")
    if package not in ("tcp", "udp", "benchmarks") or found or not is_lab(lab):
        return ""
    return f"The lab's programs are started in its folder: cd {_quoted(lab)} first."


def _shadowed(folder: str) -> str:
    names = shadows(folder)
    if not names:
        return ""
    return (
        f"{' and '.join(names)} in this folder has the name of a module of Python or of a package, and would be "
        f"imported in its place by every program here: rename it, to my_{names[0]} for instance."
    )


def _by_its_path(path: str) -> str:
    """The sentence for a file of the lab that is run by its path; empty for any other file."""
    if os.path.isdir(path):
        path = os.path.join(path, "__main__.py")
    lab = os.path.dirname(path)
    while not is_lab(lab):
        lab, inside = os.path.dirname(lab), lab
        if lab == inside:
            return ""
    parts = os.path.relpath(path, lab).removesuffix(".py").removesuffix("__main__").split(os.sep)
    module = ".".join(part for part in parts if part)
    if parts[0] == "tests":
        started = f"-m pytest {os.path.relpath(path, lab)}"
    elif parts[0] in ("tcp", "udp", "benchmarks"):
        started = f"-m {module}"
    else:
        return ""  # a program of the student's own, or set_up.py
    python = os.path.join(".venv", "Scripts" if os.name == "nt" else "bin", "python")
    there = "" if os.path.realpath(os.getcwd()) == lab else f"cd {_quoted(lab)}; "
    make = f"   (or make {module.replace('.', '-')})" if parts[0] in ("tcp", "udp") else ""
    return f"A program of the lab is started by its name and not by its path: {there}{python} {started}{make}"


def _unfit_python() -> str:
    """The sentence for a Python that can't run the lab; empty if it can."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this can be reached in any Python
        return f"The lab needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}."
    from importlib.util import find_spec

    is_chat = not module_and_path(sys.orig_argv)[0].startswith("benchmarks")
    missing = [name for name in NEEDED[: None if is_chat else 1] if find_spec(name) is None]
    if not missing:
        return ""
    if os.path.exists(os.path.join(sys.prefix, IN_USE)):
        return f"{', '.join(missing)} is gone from {sys.prefix}: make clean, and then this again."
    return (
        f"{sys.executable} does not have {', '.join(missing)}: make sets up a Python that has, in .venv, and uses it. "
        "(Without make: README.md, What make does.)"
    )


def _hold(prefix: str) -> None:
    """Show that the environment at `prefix` is in use. (On Windows an open file says so: it can't be removed.)"""
    try:
        lock = os.open(os.path.join(prefix, IN_USE), os.O_RDONLY)  # and never closed
    except OSError:
        return  # not an environment that set_up.py made
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return  # it is being emptied at this moment, or the disk knows no locks


def _end_at_ctrl_c() -> None:
    """Let Ctrl-C just end the process, until the program says otherwise."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _quoted(path: str) -> str:
    """A path as a shell takes it."""
    if path.replace("/", "").isalnum():
        return path
    return "'" + path.replace("'", "'\"'\"'") + "'"


def _end_if(sentence: str) -> None:
    """Say it and end with exit code 2: nothing has begun yet, and Python's own start takes no exception."""
    if sentence:
        os.write(2, (sentence + "\n").encode("utf-8", "backslashreplace"))
        os._exit(2)

"""Sets up the lab's environment, and starts a program in it. What `make` runs, with any Python from 3.11 on:

    python3 -I common/set_up.py chats -- -m tcp.server          sets up what the chats need, once, and starts the server
    python3 -I common/set_up.py --remove                        removes the environment

It promises: one call sets up and others wait for it; what is set up is decided by content (the lock files, the Python)
and never by times; an environment that is not whole is never used, one that is in use is never emptied, and a folder
that is not ours is never touched; nothing of the user's Python settings reaches the lab's; and each failure says what
it is and what to do. Exit code 2, then. It needs only Python's standard library.

The environment has three files beside Python's own: `set-up.json` says what is installed and exists only while the
environment is whole, `set-up.lock` is locked by who sets up, `in-use.lock` by each program that runs (`start.py`).
"""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as long as there is nothing to clean up
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may be asked, and can read as far as this
        needed = "The lab needs Python 3.11 or newer, and {} is {}.\n"
        sys.stderr.write(needed.format(sys.executable, sys.version.split()[0]))
        sys.exit(2)

import argparse
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
import time
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LAB = Path(__file__).resolve().parent.parent
START = LAB / "common" / "start.py"

CHATS = "requirements.lock"
COMPARISON = "benchmarks/requirements.lock"
DEVELOPMENT = "tests/requirements.lock"
FUZZ = "benchmarks/fuzz/requirements.lock"
"""The lock files. No package is in two of them. The last one is installed in a folder of its own, `fuzz`: its wheels
exist for few systems."""

GROUPS = {
    "chats": [CHATS],
    "comparison": [CHATS, COMPARISON],
    "development": [CHATS, COMPARISON, DEVELOPMENT],
    "fuzz": [CHATS, FUZZ],
}
"""What each group needs."""

MEGABYTES = {CHATS: 3, COMPARISON: 42, DEVELOPMENT: 32, FUZZ: 35}
"""How much is fetched for each: measured on Linux, x86_64, with Python 3.11."""

KEPT = {
    "PYTHONUTF8",
    "PYTHONIOENCODING",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
}
"""Python's settings that say how to write, not what to import: these reach the lab."""

OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}
"""What make tells its children: a make inside `make link` or a test is another one."""

SET_UP = "set-up.lock"
"""The file that is locked by who sets up; it shows that the folder is ours, too."""

IN_USE = "in-use.lock"
"""The file that every program which runs holds a shared lock on: as in `start.py`."""

_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class CantSetUp(Exception):
    """The environment can't be had; the text says why and what to do."""


class Environment:
    """The lab's environment in the folder `home`, whatever state that is in."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self._state = home / "set-up.json"
        self._scratch = home / "scratch"

    def has(self, group: str, *, this_python: bool) -> bool:
        """Whether all that `group` needs is installed; `this_python`: for the Python that runs this, and no other."""
        installed = self._installed()
        return (
            all(installed.get(name) == _content(LAB / name) for name in GROUPS[group])
            and self.python_works(this_python)
            and self._start_is_there()
        )

    def ready(self, group: str, *, this_python: bool, index: str | None) -> IO[str] | None:
        """See that all that `group` needs is installed. Returns a file: as long as it is open, here or in a program
        that this process becomes, nobody empties the environment. Raises CantSetUp."""
        for _ in range(3):  # between setting it up and holding it somebody else may empty it
            held = self._hold()
            if self.has(group, this_python=this_python):
                return held
            if held is not None:
                held.close()
            self.set_up(group, this_python=this_python, index=index)
        raise CantSetUp(
            f"{_shown(self.home)} was made, and taken away again by somebody else: try once more."
        )

    def set_up(self, group: str, *, this_python: bool, index: str | None) -> None:
        """Install what `group` needs. Raises CantSetUp."""
        self._claim()
        with self._alone() as lock:
            if self.has(group, this_python=this_python):
                return  # somebody else was quicker
            if not self.python_works(this_python):
                self._make(lock)
            self._put_start()
            for name in GROUPS[group]:
                if self._installed().get(name) != _content(LAB / name):
                    self._install(name, index, lock)
            (self.home / IN_USE).touch()

    def remove(self) -> None:
        """Remove it, unless it is in use or not ours. Raises CantSetUp."""
        if not self.home.exists() and not self.home.is_symlink():
            return
        self._claim()
        with self._alone(), self._unused():
            self._empty()
            if os.name != "nt":  # which removes no open file
                self._give_up()
        if os.name == "nt":
            self._give_up()
        with contextlib.suppress(OSError):  # somebody sets it up again
            self.home.rmdir()

    def _claim(self) -> None:
        """Make the folder, or see that it is ours: with files of somebody else's in it, it is left alone."""
        if self.home.is_symlink():
            raise CantSetUp(
                f"{self.home} is a link, and the folder that it leads to would be emptied: remove the link, or name "
                "that folder: make … VENV=/that/folder"
            )
        self.home.mkdir(parents=True, exist_ok=True)
        ours = (SET_UP, IN_USE, ".ready")  # .ready: as make left it before there was this program
        if any(self.home.iterdir()) and not any((self.home / name).exists() for name in ours):
            raise CantSetUp(
                f"{_shown(self.home)} is a folder with files in it that the lab did not make, and is left as it is: "
                f"move it away (mv {_shown(self.home)} my-venv), or give the lab another place: make … VENV=.venv-lab"
            )

    def _make(self, lock: IO[str]) -> None:
        """Empty the folder, and make an environment of this Python in it."""
        if importlib.util.find_spec("ensurepip") is None:
            raise CantSetUp(
                f"This Python ({sys.executable}) has no ensurepip, which puts pip into an environment. On Debian and "
                f"Ubuntu: sudo apt install python{_VERSION}-venv. Or name another Python: make … PYTHON=/path/to/python"
            )
        with self._unused():
            self._empty()
        _say(f"Setting up {_shown(self.home)} with Python {sys.version.split()[0]}, once.")
        try:
            venv.EnvBuilder(symlinks=os.name != "nt").create(self.home)
        except ValueError as error:
            raise CantSetUp(
                f"No environment can be in {self.home}, since there is a {os.pathsep!r} in its path: rename that "
                "folder, or give the environment another place: make … VENV=/a/folder/elsewhere"
            ) from error
        self._run("-m", "ensurepip", "--upgrade", "--default-pip", lock=lock)
        self._remember({"python": identity(), "base": _base()})

    def _empty(self) -> None:
        """Remove all but what shows that the folder is ours; first of all the word that it is whole."""
        self._state.unlink(missing_ok=True)
        for path in self.home.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in (SET_UP, IN_USE):
                path.unlink()

    def _give_up(self) -> None:
        """Remove what shows that the folder is ours. (Who waits for such a file sees that it is gone.)"""
        for name in (IN_USE, SET_UP):
            (self.home / name).unlink(missing_ok=True)

    def _install(self, name: str, index: str | None, lock: IO[str]) -> None:
        """Fetch what a lock file names, then install it. If fetching fails, nothing is changed."""
        fetched = self._scratch / "wheels"
        shutil.rmtree(self._scratch, ignore_errors=True)
        installed = self._installed()
        if name in installed:
            with self._unused():
                pass  # looked at before anything is fetched
        _say(f"Fetching the packages of {name}, once: some {MEGABYTES[name]} MB.")
        wanted = ("--require-hashes", "--no-deps", "--requirement", str(LAB / name))
        place = ("--index-url", index) if index else ()
        self._pip(
            "download",
            *wanted,
            "--only-binary",
            ":all:",
            "--dest",
            str(fetched),
            *place,
            lock=lock,
            index=index,
        )
        with self._unused() if name in installed else contextlib.nullcontext():
            self._state.unlink()
            target: tuple[str, ...] = ()
            if name == FUZZ:
                shutil.rmtree(self.home / "fuzz", ignore_errors=True)
                target = ("--target", str(self.home / "fuzz"))
            self._pip("install", *wanted, "--no-index", "--find-links", str(fetched), *target, lock=lock)
            self._remember({**installed, name: _content(LAB / name)})
        shutil.rmtree(self._scratch)

    def _pip(self, *words: str, lock: IO[str], index: str | None = None) -> None:
        # Isolated: no variable and no file of the user's says what is installed, or where. What the machine's
        # owner has set for everybody (a mirror, a certificate) still counts.
        options = (
            "--isolated",
            "--disable-pip-version-check",
            "--no-input",
            "--retries",
            "2",
            "--timeout",
            "20",
        )
        self._run("-m", "pip", *options, "--quiet", *words, lock=lock, index=index)

    def _run(self, *words: str, lock: IO[str], index: str | None = None) -> None:
        """Run the environment's Python, away from everything the user has set. It holds `lock` as well: should this
        process be killed, nobody else begins before it has ended. Raises CantSetUp if it fails."""
        self._scratch.mkdir(exist_ok=True)
        here = dict.fromkeys(
            ("TMPDIR", "TEMP", "TMP"), str(self._scratch)
        )  # one disk that may be full, not two
        done = subprocess.run(
            [str(self.python), "-I", *words],
            cwd=self.home,
            env={name: value for name, value in clean(os.environ).items() if not name.startswith("PIP_")}
            | here,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            pass_fds=[] if os.name == "nt" else [lock.fileno()],
        )
        if done.returncode:
            raise CantSetUp(explain(done.stderr or done.stdout, self.home, index))

    # --- what is there ----------------------------------------------------------------------------

    def _installed(self) -> dict[str, str]:
        """What the environment says of itself: its Python, and the content of each lock file that is installed.
        Empty where it is not whole."""
        try:
            said = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def _remember(self, installed: Mapping[str, str]) -> None:
        """Say so; in one step, so that nobody reads half of it."""
        new = self._state.with_suffix(".new")
        new.write_text(json.dumps(installed, indent=1))
        new.replace(self._state)

    def python_works(self, this_python: bool) -> bool:
        """Whether the environment's Python runs, and is the one that it was made with. (It is gone when the system was
        upgraded, and never was there when the folder comes from another machine.)"""
        installed = self._installed()
        if (
            "python" not in installed
            or self._packages() is None
            or (this_python and installed["base"] != _base())
        ):
            return False
        is_this = os.path.realpath(self.python) == _base()
        return installed["python"] == (identity() if is_this else self._ask_identity())

    def _ask_identity(self) -> str:
        ask = "import sys; sys.path.insert(0, sys.argv[1]); import set_up; print(set_up.identity())"
        command = [str(self.python), "-I", "-S", "-c", ask, str(LAB / "common")]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        except OSError:
            return ""

    def _packages(self) -> Path | None:
        """The folder of the packages, if there is one."""
        where = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
        return next(self.home.glob(where), None)

    def _start_is_there(self) -> bool:
        """Whether the environment looks at each start of its Python, with the words of today."""
        packages = self._packages()
        return (
            packages is not None
            and _content(packages / "chat_lab_start.py") == _content(START)
            and (packages / "chat_lab.pth").exists()
        )

    def _put_start(self) -> None:
        packages = self._packages()
        assert packages is not None  # its Python works
        new = packages / "chat_lab_start.new"
        shutil.copyfile(START, new)
        new.replace(packages / "chat_lab_start.py")  # in one step: somebody may be importing it
        (packages / "chat_lab.pth").write_text("import chat_lab_start; chat_lab_start.at_start()\n")

    # --- one at a time ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _alone(self) -> Iterator[IO[str]]:
        """Nobody else sets up meanwhile: the second call waits. Gives the locked file."""
        said = False
        while True:
            self.home.mkdir(parents=True, exist_ok=True)
            with open(self.home / SET_UP, "a") as file:
                if _lock(file):
                    if _is(file, self.home / SET_UP):  # and not one that was removed while we waited for it
                        yield file
                        return
                    continue
            if not said:
                _say(f"Another make is setting up {_shown(self.home)}: waiting for it.")
                said = True
            time.sleep(0.1)

    def _hold(self) -> IO[str] | None:
        """Show that the environment is in use. None if there is none, if it is being emptied, or if files can't be
        locked here."""
        try:
            file = open(self.home / IN_USE)  # noqa: SIM115 - open for as long as it is in use
        except OSError:
            return None
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.set_inheritable(file.fileno(), True)
        return file

    @contextlib.contextmanager
    def _unused(self) -> Iterator[None]:
        """No program runs in the environment meanwhile. Raises CantSetUp if one does."""
        in_use = CantSetUp(
            f"{_shown(self.home)} has to be made again or removed, and programs of the lab still run in it: end them "
            "(servers and clients in other terminals), then say this again."
        )
        if sys.platform == "win32":
            try:
                (self.home / IN_USE).unlink(missing_ok=True)  # which fails as long as somebody has it open
            except PermissionError as error:
                raise in_use from error
            yield
            return
        with open(self.home / IN_USE, "a") as file:
            if not _lock(file):
                raise in_use
            yield


def _is(file: IO[str], path: Path) -> bool:
    """Whether an open file is the one that is at `path` now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: IO[str]) -> bool:
    """Take the file for ourselves until it is closed; False if somebody else has it. A disk without locks has nobody
    else."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def identity() -> str:
    """Which Python this is, as far as its packages depend on it: `cpython-311 linux-x86_64`."""
    return f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')} {sysconfig.get_platform()}"


def _base() -> str:
    """Where this Python is, and not the environment that it may be called through."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _content(path: Path) -> str:
    """A short name for the content of a file; empty if there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        return ""


# --- what goes wrong ------------------------------------------------------------------------------

CAUSES = (
    (
        r"No space left on device|Disk quota exceeded|\[Errno 28\]|not enough space on the disk",
        "The disk is full, or your share of it is: in {home} the chats take some 60 MB, and all of the lab 300 MB. "
        "Make room, or give it another folder: make … VENV=/a/folder/elsewhere",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "What came is not what the lock names, it has another hash: a mirror or a proxy on the way changes packages, "
        "or the download was cut. Nothing was installed. Try once more; if it stays so, use another network.",
    ),
    (
        r"is not a trusted or secure host",
        "INDEX= must begin with https:// or file://, since pip trusts no other mirror.",
    ),
    (
        r"Missing dependencies for SOCKS",
        "pip can't go through a SOCKS proxy, as ALL_PROXY or HTTPS_PROXY asks: unset it, or name an HTTP proxy: export "
        "HTTPS_PROXY=http://…",
    ),
    (
        r"ProxyError|[Cc]annot connect to proxy|Tunnel connection failed",
        "The proxy does not let this through: {proxy}. Correct it, or unset it.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "The certificate of the package index is not valid here: this network, or a virus scanner, probably intercepts "
        "the connection. Use another network, or name that certificate: export SSL_CERT_FILE=/path/to/it.pem",
    ),
    (
        r"NameResolution|NewConnection|ConnectTimeout|ReadTimeout|timed out|Network is unreachable|Connection refused"
        r"|Temporary failure in name|getaddrinfo failed|nodename nor servname|Connection(Reset|Aborted)"
        r"|RemoteDisconnected",
        "The package index does not answer: is there a network? Where only a proxy leads out: export "
        "HTTPS_PROXY=http://…; where there is a mirror: make … INDEX=URL",
    ),
    (
        r"No matching distribution found for (?P<package>[\w.-]+==[\w.]+)",
        "{package} does not exist for this machine: {machine}, {python}. The lab runs with Python 3.11 to 3.14, x86_64 "
        "or arm64. Name another Python: make … PYTHON=/path/to/python{mirror}",
    ),
    (
        r"Read-only file system",
        "{home} is on a disk that can only be read: give the lab a folder elsewhere: make … VENV=$HOME/chat-lab-venv",
    ),
    (
        r"Permission denied|Operation not permitted|Access is denied",
        "Not all of {home} may be written: it, or something in it, is another user's (of sudo make, for instance), or "
        "its disk takes no links (a USB stick, a shared folder). Remove it, or give the lab a folder of yours: make … "
        "VENV=$HOME/chat-lab-venv",
    ),
)
"""A failure in the words of pip and of the system, and in ours. The first that fits counts."""


def explain(said: str, home: Path, index: str | None = None) -> str:
    """What a failure is and what to do; `said` is what pip, ensurepip or the system printed."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or "set in the system"
    for pattern, sentence in CAUSES:
        if found := re.search(pattern, said):
            return sentence.format(
                home=_shown(home),
                proxy=re.sub(r"//.*@", "//", proxy),  # without a password
                mirror=f". Or the mirror does not have it: is INDEX={index} right?" if index else "",
                machine=sysconfig.get_platform(),
                python=f"Python {_VERSION}",
                **found.groupdict(),
            )
    last = [line for line in said.splitlines() if line.strip()][-1:] or ["it gave no reason"]
    return f"The environment in {_shown(home)} can't be set up: {last[0].strip()}"


# --- the program ----------------------------------------------------------------------------------


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables without those that would tell the lab's Python what to import, or a make of its own
    what another one was told."""
    return {
        name: value
        for name, value in environment.items()
        if name in KEPT or not (name.startswith("PYTHON") or name in OF_MAKE or name == "__PYVENV_LAUNCHER__")
    }


def _words(text: str) -> list[str]:
    """ARGS as words, by a shell's rules for quotes and by no others: `$`, `*` and `;` mean nothing here."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CantSetUp(f"ARGS={text} can't be split into words: {str(error).lower()}.") from error


def _start(command: list[str]) -> int:
    """Become the program; its exit code, where a process can't become another (Windows)."""
    if os.name != "nt":
        os.execve(command[0], command, clean(os.environ))
    with subprocess.Popen(command, env=clean(os.environ)) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the program has heard it, too, and ends in its own way


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _shown(path: Path) -> str:
    """A path as short as it can be said here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="set_up.py",
        usage="%(prog)s [options] [group] [-- what the lab's Python is to run, such as -m tcp.server]",
        description="Set up the lab's environment; start a program in it.",
    )
    parser.add_argument(
        "group", nargs="?", default="chats", choices=GROUPS, help="what is needed (%(default)s)"
    )
    parser.add_argument("--venv", type=Path, default=LAB / ".venv", help="the environment's folder (.venv)")
    parser.add_argument(
        "--index", help="where packages come from, in place of the usual index: a mirror's URL"
    )
    parser.add_argument(
        "--this-python", action="store_true", help="make it again if it has another Python than this"
    )
    parser.add_argument("--args", default="", metavar="WORDS", help="more words for the program, all in one")
    parser.add_argument("--remove", action="store_true", help="remove the environment, and do nothing else")
    return parser


def main() -> int:
    """`python -I common/set_up.py`"""
    words = sys.argv[1:]
    ours, program = (
        (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    )
    options = _parser().parse_args(ours)
    terminals = [number for number in (0, 1, 2) if os.isatty(number)]
    environment = Environment(Path(os.path.abspath(options.venv.expanduser())))
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        program += _words(options.args)
        if options.remove:
            environment.remove()
            return 0
        held = environment.ready(options.group, this_python=options.this_python, index=options.index)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    except CantSetUp as error:
        _say(str(error))
        return 2
    except OSError as error:
        _say(explain(f"{error.strerror}: {error.filename}", environment.home))
        return 2
    except KeyboardInterrupt:
        _say("Interrupted. What is half made is not used: the next call goes on.")
        return 130
    if not program:
        return 0
    assert held is None or not held.closed  # it stays open in the program
    if not all(map(os.isatty, terminals)):
        return 129  # the window was closed meanwhile: nobody waits for the program any more
    return _start([str(environment.python), *program])


if __name__ == "__main__":
    sys.exit(main())

"""Setting up and starting as make does it, in copies of the lab whose only package is a tiny one on this disk."""

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import set_up, start

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0
"""Guards against hanging, not against slowness."""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

SERVER = """
import os, sys, tiny
print("started", tiny.VERSION, *sys.argv[1:], flush=True)
if "--wait" in sys.argv:
    sys.stdin.read()
"""


class Copy:
    """A copy of what sets up the lab, in a folder whose name is no easy one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venv = folder / ".venv"
        self.index = folder.parent / "index"

    def lay(self) -> None:
        """Make the folder: the true Makefile and set-up, a server that only says that it has started."""
        (self.folder / "common").mkdir(parents=True)
        (self.folder / "tcp").mkdir()
        shutil.copyfile(ROOT / "Makefile", self.folder / "Makefile")
        for name in ("set_up.py", "start.py"):
            shutil.copyfile(ROOT / "common" / name, self.folder / "common" / name)
        (self.folder / "tcp" / "__init__.py").touch()
        (self.folder / "tcp" / "server.py").write_text(SERVER)
        shutil.copyfile(self.folder / "tcp" / "server.py", self.folder / "tcp" / "client.py")
        self.locks("1.0")

    def locks(self, version: str, *, digest: str = "") -> None:
        """Have the lock name this version of the tiny package, and the index offer it."""
        wheel = self._wheel(version)
        digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
        (self.folder / "requirements.lock").write_text(f"tiny=={version} --hash=sha256:{digest}\n")

    def _wheel(self, version: str) -> Path:
        place = self.index / "tiny"
        place.mkdir(parents=True, exist_ok=True)
        wheel = place / f"tiny-{version}-py3-none-any.whl"
        info = f"tiny-{version}.dist-info"
        if not wheel.exists():
            with zipfile.ZipFile(wheel, "w") as file:
                file.writestr("tiny/__init__.py", f"VERSION = {version!r}\n")
                file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
                file.writestr(
                    f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                )
                file.writestr(f"{info}/RECORD", "")
        links = "".join(f'<a href="{path.name}">{path.name}</a>\n' for path in place.glob("*.whl"))
        (place / "index.html").write_text(links)
        return wheel

    def starts(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """`make tcp-server` (or what `words` say) has been typed."""
        environment = {name: value for name, value in os.environ.items() if name not in set_up.OF_MAKE}
        return subprocess.Popen(
            ["make", f"INDEX={self.index.as_uri()}", *(words or ("tcp-server",))],
            cwd=self.folder,
            env=environment | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def make(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """The same, until it has ended."""
        process = self.starts(*words, **variables)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def serves(self, *words: str, **variables: str) -> str:
        """It starts; what was said meanwhile."""
        done = self.make(*words, **variables)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("started"), done.stdout
        return done.stdout + done.stderr

    def refuses(self, *words: str, **variables: str) -> str:
        """It does not start, and says why without a traceback."""
        done = self.make(*words, **variables)
        assert done.returncode == 2
        assert "started" not in done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy that is set up."""
    made = Copy(tmp_path_factory.mktemp("мой чат") / "the lab's")
    made.lay()
    assert "Setting up .venv" in made.serves()
    return made


@pytest.fixture
def ready(made: Copy, tmp_path: Path) -> Copy:
    """A copy of one's own that is set up. Its packages are links to the same files: nobody writes into them."""

    def copy(source: str, target: str) -> None:
        (os.link if "site-packages" in source else shutil.copy2)(source, target)

    shutil.copytree(made.folder.parent, tmp_path / "мой чат", symlinks=True, copy_function=copy)
    return Copy(tmp_path / "мой чат" / made.folder.name)


@pytest.fixture
def fresh(ready: Copy) -> Copy:
    """A fresh clone."""
    shutil.rmtree(ready.venv)
    return ready


@pytest.fixture
def hung() -> Iterator[list["subprocess.Popen[str]"]]:
    """Programs that are ended when the test is over."""
    programs: list[subprocess.Popen[str]] = []
    yield programs
    for program in programs:
        program.communicate(timeout=PATIENCE)


# --- when is it set up ----------------------------------------------------------------------------


def test_of_several_at_once_one_sets_up_and_the_others_wait(fresh: Copy) -> None:
    """A server and two clients within a second."""
    calls = [fresh.starts(word) for word in ("tcp-server", "tcp-client", "tcp-client")]
    said = [call.communicate(timeout=PATIENCE) for call in calls]
    assert [out for out, _ in said] == ["started 1.0\n"] * 3
    assert [call.returncode for call in calls] == [0, 0, 0]
    assert sum("Setting up" in err for _, err in said) == 1
    assert sum("waiting for it" in err for _, err in said) == 2


def test_what_is_there_is_used_again(ready: Copy) -> None:
    """Once: nothing is said, and nothing fetched."""
    shutil.rmtree(ready.index)
    assert ready.serves() == "started 1.0\n"


@pytest.mark.parametrize("ahead", [-7200, 7200])
def test_times_decide_nothing(ready: Copy, ahead: int) -> None:
    """A drifting clock, an unpacked archive."""
    now = (ready.folder / "requirements.lock").stat().st_mtime
    os.utime(ready.folder / "requirements.lock", (now + ahead, now + ahead))
    assert ready.serves() == "started 1.0\n"


def test_an_environment_in_use_is_left_alone(ready: Copy, hung: list["subprocess.Popen[str]"]) -> None:
    """A server runs, and the lock is another one: who comes next is told to end it. Afterwards it goes on."""
    server = ready.starts("tcp-server", "ARGS=--wait")
    hung.append(server)
    assert server.stdout is not None
    assert server.stdout.readline() == "started 1.0 --wait\n"
    ready.locks("2.0")
    assert "still run in it: end them" in ready.refuses()
    assert "still run in it: end them" in ready.refuses("clean")
    assert (ready.venv / "bin" / "python").exists()
    server.communicate(timeout=PATIENCE)
    assert "started 2.0" in ready.serves()


@pytest.mark.parametrize("python", ["nothing", "no packages", "another system's", "another version"])
def test_a_python_that_is_not_what_it_was_is_not_used(ready: Copy, python: str) -> None:
    """The folder comes from another machine, or the link leads to a newer Python by now."""
    environment, program = set_up.Environment(ready.venv), ready.venv / "bin" / "python"
    state = ready.venv / "set-up.json"
    state.write_text(state.read_text().replace('"base": "', '"base": "/another'))
    assert environment.python_works(this_python=False)
    assert not environment.python_works(this_python=True)
    if python == "no packages":
        shutil.rmtree(ready.venv / "lib")
    elif python == "another version":
        state.write_text(state.read_text().replace("cpython-3", "cpython-2"))
    else:
        program.unlink()
    if python == "another system's":
        program.write_bytes(b"MZ\x90\x00")
        program.chmod(0o755)
    assert not environment.python_works(this_python=False)


def test_what_does_not_work_is_made_again(ready: Copy) -> None:
    """It does not say that it is whole: an installer was killed. Or an upgrade took its Python away."""
    state = (ready.venv / "set-up.json").read_text()
    (ready.venv / "set-up.json").unlink()
    assert not set_up.Environment(ready.venv).has("chats", this_python=False)
    (ready.venv / "set-up.json").write_text(state)
    python = ready.venv / "bin" / "python"
    python.unlink()
    python.write_bytes(b"MZ\x90\x00")
    python.chmod(0o755)
    assert not set_up.Environment(ready.venv).has("chats", this_python=False)
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert "Setting up .venv" in ready.serves()


def test_ctrl_c_in_the_middle_leaves_nothing_that_is_trusted(fresh: Copy) -> None:
    """It ends at once, and the next call goes on."""
    call = fresh.starts()
    assert call.stderr is not None
    assert "Setting up" in call.stderr.readline()
    os.killpg(call.pid, signal.SIGINT)
    _, said = call.communicate(timeout=PATIENCE)
    assert call.returncode != 0
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert "Setting up .venv" in fresh.serves()


# --- what the user's machine has to say in it -----------------------------------------------------


def test_nothing_of_the_users_settings_reaches_python_or_pip(fresh: Copy, tmp_path: Path) -> None:
    """Each of these alone would break it: set-up and start alike. Another environment is active, and gone later."""
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True, timeout=PATIENCE)
    old = tmp_path / "old"
    for name in ("rich", "tiny"):
        (old / name).mkdir(parents=True)
        (old / name / "__init__.py").write_text("VERSION = 'old'\n")
    home = tmp_path / "home"
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".config" / "pip" / "pip.conf").write_text(
        f"[global]\ntarget = {tmp_path / 'there'}\nno-index = true\n"
    )
    theirs = {
        "HOME": str(home),
        "PYTHONPATH": str(old),
        "PYTHONHOME": str(old),
        "PYTHONSAFEPATH": "1",
        "PYTHONOPTIMIZE": "2",
        "PIP_TARGET": str(tmp_path / "there"),
        "PIP_CONFIG_FILE": str(home / ".config" / "pip" / "pip.conf"),
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_NO_BINARY": ":all:",
        "PYTHON": "/nowhere/python",
        "VENV": str(old),
        "VIRTUAL_ENV": str(other),
        "PATH": f"{other / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    assert "started 1.0" in fresh.serves(**theirs)
    shutil.rmtree(other)
    assert fresh.serves(**theirs) == "started 1.0\n"
    assert sorted(path.name for path in old.iterdir()) == ["rich", "tiny"]
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("target", ["tcp-server", "clean"])
def test_a_folder_of_somebody_elses_is_left_alone(ready: Copy, tmp_path: Path, target: str) -> None:
    """Even when make's command line names it."""
    theirs = tmp_path / "thesis"
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("years of work")
    said = ready.refuses(target, f"VENV={theirs}")
    assert "the lab did not make" in said
    assert [path.name for path in theirs.iterdir()] == ["thesis.tex"]
    link = tmp_path / "link"
    link.symlink_to(theirs)
    assert "is a link" in ready.refuses(target, f"VENV={link}")


def test_a_folder_for_it_can_be_named(ready: Copy, tmp_path: Path) -> None:
    """One with a space in its name. `make clean` removes it, and no other."""
    ready.venv.rename(tmp_path / "a b")
    assert ready.serves("tcp-server", f"VENV={tmp_path / 'a b'}") == "started 1.0\n"
    assert ready.make("clean", f"VENV={tmp_path / 'a b'}").returncode == 0
    assert not (tmp_path / "a b").exists()
    assert ready.index.exists()


def test_what_is_left_of_a_removed_environment_is_still_ours(ready: Copy) -> None:
    """Something in it could not be removed: the next call goes on, and does not take it for somebody else's."""
    environment = set_up.Environment(ready.venv)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shutil, "rmtree", _refused)
        with pytest.raises(PermissionError):
            environment.remove()
    assert environment.has("chats", this_python=False) is False
    environment.remove()
    assert not ready.venv.exists()


def _refused(path: Path) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_who_waits_for_an_environment_that_is_removed_makes_another(ready: Copy) -> None:
    """It waited for a lock that is no longer there, and would be alone with nobody."""
    environment = set_up.Environment(ready.venv)
    with (ready.venv / set_up.SET_UP).open("a") as waited_for:
        environment.remove()
        assert set_up._lock(waited_for)
        assert not set_up._is(waited_for, ready.venv / set_up.SET_UP)
    assert "Setting up .venv" in ready.serves()


def test_a_path_that_no_environment_can_have_is_said(ready: Copy) -> None:
    """A colon separates the folders of PATH; a tilde is the home folder, whatever the shell makes of it."""
    assert "':' in its path: rename" in ready.refuses("tcp-server", "VENV=./a:b")
    home = ready.folder / "home"
    ready.venv.rename(home)
    assert ready.serves("tcp-server", "VENV=~", HOME=str(home)) == "started 1.0\n"
    assert not (ready.folder / "~").exists()


def test_an_old_python_makes_no_environment(fresh: Copy) -> None:
    """The README's line without make, where python3 is old."""
    old = "import runpy, sys; sys.version_info = (3, 8, 1); runpy.run_path('common/set_up.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", old],
        cwd=fresh.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr[:35]) == (2, "The lab needs Python 3.11 or newer,")
    assert not fresh.venv.exists()


def test_without_a_python_it_says_so(ready: Copy) -> None:
    """The one that is named is none."""
    assert "Python 3.11 or newer is needed" in ready.refuses("tcp-server", "PYTHON=/nowhere/python3")


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_fetch_that_fails_says_why(ready: Copy) -> None:
    """No network; a proxy that does not work; a mirror that changes packages; no wheel for this machine. Each time
    what was there stays."""
    ready.locks("2.0")
    assert "is there a network?" in ready.refuses("tcp-server", "INDEX=http://127.0.0.1:9/simple/")
    theirs = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    said = ready.refuses("tcp-server", "INDEX=https://192.0.2.1/simple/", **theirs)
    assert "The proxy does not let this through: http://127.0.0.1:9" in said
    ready.locks("2.0", digest="0" * 64)
    assert "it has another hash" in ready.refuses()
    (ready.folder / "requirements.lock").write_text(f"tiny==9.9 --hash=sha256:{'0' * 64}\n")
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    assert re.search(f"tiny==9.9 does not exist for this machine: .*, {version}", ready.refuses())
    ready.locks("1.0")
    assert ready.serves() == "started 1.0\n"


@pytest.mark.parametrize(
    ("mount", "said"),
    [
        ("mount -t tmpfs -o size=3m tmpfs", "The disk is full"),
        ("mount -t tmpfs -o ro tmpfs", "can only be read"),
    ],
)
def test_a_full_disk_and_one_that_can_only_be_read(fresh: Copy, mount: str, said: str) -> None:
    """In a mount namespace of its own."""
    inside = ["unshare", "-Urm", "sh", "-c"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*inside, "mount -t tmpfs tmpfs /mnt"], check=False).returncode
    ):
        pytest.skip("no user namespaces here: make doctor says what to do")
    fresh.venv.mkdir()
    done = subprocess.run(
        [*inside, f'{mount} .venv && exec make tcp-server "INDEX={fresh.index.as_uri()}"'],
        cwd=fresh.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (said in done.stderr, "Traceback" in done.stderr, done.returncode) == (True, False, 2), done.stderr


def test_a_python_without_ensurepip_is_told_from_a_missing_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian has it in a package of its own, which is named."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(set_up.CantSetUp, match=r"sudo apt install python3\.\d+-venv"):
        set_up.Environment(tmp_path / "venv").set_up("chats", this_python=False, index=None)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate",
            "SSL_CERT_FILE",
        ),
        ("OSError: [Errno 122] Disk quota exceeded: '/home/ann/.venv'", "The disk is full"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "is there a network?"),
        ("ERROR: Cannot connect to proxy. OSError('Tunnel connection failed: 407')", "The proxy"),
        ("PermissionError: [Errno 13] Permission denied: 'x'", "is another user's"),
        ("InvalidSchema: Missing dependencies for SOCKS support.", "can't go through a SOCKS proxy"),
        ("The repository located at 1.2.3.4 is not a trusted or secure host", "must begin with https://"),
        ("one\nERROR: a thing nobody foresaw\n\n", "ERROR: a thing nobody foresaw"),
        ("", "it gave no reason"),
    ],
)
def test_each_failure_says_what_it_is(said: str, word: str) -> None:
    """In words that were pip's and the system's."""
    assert word in set_up.explain(said, Path("/home/ann/.venv"))


# --- how a program is started ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["socket.py", "types.py", "rich.py", "numpy.py", "json/__init__.py"])
def test_a_file_that_hides_a_module_is_named(ready: Copy, name: str) -> None:
    """By make and by the line that make stands for, before anything is imported."""
    path = ready.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise SystemExit('imported')\n")
    for said in (ready.refuses(), _run(ready, "-m", "tcp.server")):
        assert name.split("/")[0] in said
        assert "rename it" in said
        assert "imported\n" not in said


@pytest.mark.parametrize("folder", [".", "tcp"])
def test_a_program_that_is_run_by_its_path_says_how_it_is_started(ready: Copy, folder: str) -> None:
    """An editor's run button: with the lab's Python. What it says works."""
    path = os.path.relpath(ready.folder / "tcp" / "server.py", ready.folder / folder)
    said = _run(ready, path, folder=folder)
    assert "-m tcp.server   (or make tcp-server)" in said
    line = said.split("path: ")[1].split("   (or")[0]
    done = subprocess.run(
        line,
        shell=True,
        cwd=ready.folder / folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout == "started 1.0\n", done.stderr


@pytest.mark.parametrize("program", ["tcp/server.py", "tcp/client.py", "udp/server.py", "udp/client.py"])
def test_so_says_the_program_itself_to_any_other_python(program: str) -> None:
    """`cd tcp; python server.py`"""
    folder, name = program.split("/")
    done = subprocess.run(
        [sys.executable, "-S", name],
        cwd=ROOT / folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert f"make {folder}-{name[:-3]}, or .venv/bin/python -m {folder}.{name[:-3]}" in done.stderr


def test_in_another_folder_it_says_which(ready: Copy) -> None:
    """`cd tcp; ../.venv/bin/python -m tcp.server`"""
    assert f"cd {shlex.quote(str(ready.folder))} first" in _run(ready, "-m", "tcp.server", folder="tcp")


def test_a_python_without_the_packages_says_who_has_them() -> None:
    """The system's, usually."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "udp.client"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "does not have rich, msgspec, prompt_toolkit: make sets up a Python that has" in done.stderr


def test_programs_of_ones_own_run_by_their_path(ready: Copy) -> None:
    """The README invites to write some."""
    (ready.folder / "mine.py").write_text("import tiny; print(tiny.VERSION)")
    assert _run(ready, "mine.py") == "1.0\n"


@pytest.mark.parametrize(
    ("command", "module", "path"),
    [
        (["python", "-m", "tcp.server", "--port", "1"], "tcp.server", ""),
        (["python", "-Xdev", "-W", "error", "-Bm", "tcp.server"], "tcp.server", ""),
        (["python", "-mtcp.server"], "tcp.server", ""),
        (["python", "-u", "tcp/server.py", "-m", "x"], "", "tcp/server.py"),
        (["python", "-c", "pass", "-m", "x"], "", ""),
        (["python", "-X", "importtime", "--check-hash-based-pycs", "never", "a.py"], "", "a.py"),
        (["python"], "", ""),
        ([], "", ""),
    ],
)
def test_what_a_command_line_of_python_runs(command: list[str], module: str, path: str) -> None:
    """As Python itself reads it."""
    assert start.module_and_path(command) == (module, path)


def _run(copy: Copy, *words: str, folder: str = ".") -> str:
    """What the environment's own Python says to this."""
    command = [str(copy.venv / "bin" / "python"), *words]
    done = subprocess.run(
        command, cwd=copy.folder / folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


# --- make's command line --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "ca$h",
        "$(shell id)",
        "it's",
        'a "b" \\ c',
        "Ёж №1",
        "# & ; | > *",
        "`id`",
        "--help",
        "$(shell touch run)",
    ],
)
def test_a_value_arrives_as_it_was_typed(made: Copy, value: str) -> None:
    """Whatever is in it: for make it is text, and for the shell one word."""
    assert made.serves("tcp-client", f"NICK={value}") == f"started 1.0 --nick={value}\n"
    assert not (made.folder / "run").exists()


def test_further_options_are_words_and_no_shell(made: Copy) -> None:
    """Quotes hold words together; nothing else has a meaning."""
    assert made.serves("tcp-server", "ARGS=-k 'a or b' $HOME *") == "started 1.0 -k a or b $HOME *\n"
    assert "can't be split into words" in made.refuses("tcp-server", "ARGS=it's")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "HOST=192.0.2.7"], "make compare takes no HOST=: it takes PROFILE= DELAY= LOSS="),
        (["tcp-server", "NICK=ann"], "make tcp-server takes no NICK=: it takes HOST= PORT= ARGS="),
        (["lint", "ARGS=-k x"], "make lint takes no ARGS=: it takes nothing of the kind"),
        (["link-join", "LOSS=5%"], "make link-join takes no LOSS="),
        (["compare", "LOS=5%"], "There is no LOS= here"),
        (["compair"], "There is no target compair"),
        (["tcp-client", "NICK=a\nb"], "NICK= has more than one line"),
        (["experiment"], "Say which: make experiment NAME=loss"),
    ],
)
def test_what_a_target_does_not_use_is_refused(words: list[str], said: str) -> None:
    """Else it would be ignored, and something else measured than was asked for."""
    done = _make(*words)
    assert said in done.stderr
    assert done.returncode == 2


def test_the_help_names_what_each_target_takes() -> None:
    """Every `NAME=` in a target's line of help is taken by it."""
    for target, described in re.findall(
        r"^([a-z-]+):.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    ):
        names = [f"{name}=" for name in re.findall(r"\b([A-Z]{2,})=", described)]
        assert not names or _takes(target) >= set(names), target


def _takes(target: str) -> set[str]:
    refused = _make(target, "NICK=x", "RUN=x", "HOST=x", "NAME=x", "DELAY=1")
    return set(refused.stderr.split("it takes ")[1].split(".")[0].split())


def _make(*words: str) -> "subprocess.CompletedProcess[str]":
    """What make says to this in the lab itself."""
    return subprocess.run(
        ["make", *words],
        cwd=ROOT,
        env=set_up.clean(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_without_a_posix_shell_make_says_so(tmp_path: Path) -> None:
    """Windows' own shell shows the quotes that sh takes away."""
    shell = tmp_path / "cmd"
    shell.write_text("#!/bin/sh\necho '\"\"'\n")
    shell.chmod(0o755)
    done = subprocess.run(
        ["make", f"SHELL={shell}", "tcp-server"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert "needs a POSIX shell" in done.stderr


# --- the groups -----------------------------------------------------------------------------------


def test_each_program_gets_along_with_what_its_target_installs() -> None:
    """With the packages of later groups hidden, every program loads."""
    makefile = (ROOT / "Makefile").read_text()
    programs = re.findall(r"\$\(call lab,(\w+)\) -m ((?:tcp|udp|benchmarks)[\w.]*)", makefile)
    assert len(programs) > 15
    hidden = {
        "chats": ["matplotlib", "numpy", "PIL"],
        "comparison": [],
        "fuzz": ["matplotlib"],
        "development": [],
    }
    tests = ["pytest", "hypothesis", "pyte", "mypy"]
    for group, names in hidden.items():
        hides = names + (tests if group != "development" else [])
        modules = [module for its, module in programs if its == group]
        loads = (
            "import sys, importlib.util\n"
            f"for name in {hides}: sys.modules[name] = None\n"
            f"for name in {modules}:\n"
            "    found = importlib.util.find_spec(name)\n"
            "    importlib.import_module(name + '.__main__' if found.submodule_search_locations else name)\n"
        )
        subprocess.run([sys.executable, "-c", loads], cwd=ROOT, check=True, timeout=PATIENCE)


def test_the_locks_have_hashes_and_no_address() -> None:
    """Each requirement has them; no package is in two locks, and no index is named."""
    names: list[str] = []
    for lock in (set_up.CHATS, set_up.COMPARISON, set_up.DEVELOPMENT, set_up.FUZZ):
        text = (ROOT / lock).read_text()
        assert "://" not in text
        requirements = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in requirement for requirement in requirements)
        names += {requirement.split("==")[0] for requirement in requirements}
    assert len(names) == len(set(names)) > 30

"""`make fuzz`: for a minute, look for bytes that the decoder can't take. See the README beside this file.

The search is a process of its own (`target.py`), ended by libFuzzer and not by Python; this one gives it what it begins
with, reads what it says and tells it in words. Exit code 0: nothing was found; 1: something was, and it is shown and
saved; 2: the search could not be made; 130: interrupted.
"""

import argparse
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import strftime

from rich.console import Console
from rich.text import Text

from benchmarks.child import leash
from benchmarks.fuzz import seeds
from benchmarks.fuzz.planted import plant
from benchmarks.fuzz.properties import check
from benchmarks.fuzz.target import INSTRUMENTED
from benchmarks.options import RESULTS
from benchmarks.results import Unsaved, usable
from common import interrupts
from common.command_line import Parser, complain, whole
from common.visible import visible_lines

MISSING = (
    "atheris, which does the search, is not here: `make fuzz` installs it. It exists for Linux on x86_64 with "
    'Python 3.11 to 3.13. Elsewhere, make test ARGS="-k fuzz" tries the same with fewer inputs.'
)

SLOW = 10
"""An input that takes longer than these seconds is a find: nobody's message may hold the server up."""

SHOWN = 1000
"""Bytes of a find that are shown; the file has all of it."""


@dataclass
class Course:
    """What libFuzzer has said so far. `coverage` counts the edges between the branches of our modules that were
    taken, `at_first` those that the examples alone take."""

    executions: int = 0
    coverage: int = 0
    at_first: int = 0
    per_second: int = 0

    def read(self, line: str) -> bool:
        """Take what one line of its output says; whether that was anything."""
        if (number := re.match(r"#(\d+)\s", line)) or (
            number := re.match(r"stat::number_of_executed_units:\s*(\d+)", line)
        ):
            self.executions = int(number[1])
        elif number := re.match(r"stat::average_exec_per_sec:\s*(\d+)", line):
            self.per_second = int(number[1])
        else:
            return False
        if number := re.search(r"\bcov: (\d+)", line):
            self.coverage = int(number[1])
            if "INITED" in line:
                self.at_first = self.coverage
        if number := re.search(r"\bexec/s: (\d+)", line):
            self.per_second = int(number[1])
        return True


def library(prefix: Path) -> Path | None:
    """Where `make fuzz` has put atheris, in the environment at `prefix`; None if it has not."""
    folder = prefix / "fuzz"
    return folder if (folder / "atheris").is_dir() else None


def command(seconds: int, seed: int, find: Path, corpus: Path, words: Path) -> list[str]:
    """The command line of the process that searches. `find` is where it is to write what it finds."""
    flags = {
        "max_total_time": seconds,
        "seed": seed,
        "timeout": SLOW,
        "dict": words,
        "exact_artifact_path": find,
        "print_final_stats": 1,
    }
    arguments = [f"-{name}={value}" for name, value in flags.items()]
    return [*leash(), sys.executable, "-m", "benchmarks.fuzz.target", *arguments, str(corpus)]


def search(words: list[str], environment: dict[str, str], console: Console) -> tuple[int, Course, list[str]]:
    """Let it search; its exit code, what it counted, and what it said beside that."""
    course, said = Course(), []
    with subprocess.Popen(
        words, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, env=environment, text=True, errors="replace"
    ) as process:
        assert process.stdout
        try:
            with console.status("The examples first …") as status:
                for line in process.stdout:
                    if course.read(line):
                        status.update(f"{course.executions:,} inputs, {course.coverage} edges …")
                    else:
                        said.append(line)
        except BaseException:
            process.kill()
            raise
    return process.returncode, course, said


def fuzz(seconds: int, seed: int, console: Console, atheris: Path) -> int:
    """The whole search, and what came of it."""
    examples, words = seeds.corpus(), seeds.dictionary()
    console.print(
        f"Searching for {seconds} s in {', '.join(INSTRUMENTED)}: seed {seed}, {len(examples)} examples of "
        f"common/PROTOCOL.md, {len(words)} words.",
        soft_wrap=True,
    )
    with tempfile.TemporaryDirectory(prefix="chat-lab-fuzz-") as folder:
        corpus, dictionary, find = Path(folder, "corpus"), Path(folder, "words"), Path(folder, "find")
        corpus.mkdir()
        for number, example in enumerate(examples):
            (corpus / f"{number:03}").write_bytes(example)
        dictionary.write_text(seeds.written(words), encoding="ascii")
        path = os.pathsep.join([str(atheris), *filter(None, [os.environ.get("PYTHONPATH")])])
        # The order of a set of texts is part of what the seed has to repeat.
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(seed)}
        started = command(seconds, seed, find, corpus, dictionary)
        code, course, said = search(started, environment, console)
        found = find.read_bytes() if find.exists() else None
    return conclude(code, course, said, found, console)


def try_out(seconds: int, seed: int, console: Console, atheris: Path) -> int:
    """The same search in a copy with a fault. Exit code 0 if it is found, 1 if not."""
    with tempfile.TemporaryDirectory(prefix="chat-lab-fuzz-") as folder:
        plant(Path(folder))
        words = [sys.executable, "-m", "benchmarks.fuzz", "--seconds", str(seconds), "--seed", str(seed)]
        environment = {**os.environ, "PYTHONPATH": folder}
        ended = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    found = ended.returncode == 1 and "UnicodeDecodeError" in ended.stdout
    console.print(Text(visible_lines((ended.stdout + ended.stderr).strip())), soft_wrap=True)
    verdict = (
        "The planted fault was found." if found else "The planted fault was not found: the search is broken."
    )
    console.print(Text(verdict, "" if found else "bold red"))
    return 0 if found else 1


def conclude(
    code: int, course: Course, said: list[str], found: bytes | None, console: Console, results: Path = RESULTS
) -> int:
    """Say what came of it: the figures, and the find if there is one. Returns the exit code."""
    finds = 0 if found is None else 1
    console.print(
        f"{course.executions:,} executions, {course.per_second:,} a second. Coverage: {course.coverage} edges, "
        f"{course.at_first} of them by the examples alone. Finds: {finds}.",
        soft_wrap=True,
    )
    if found is not None:
        show(found, said, console, results)
        return 1
    if code != 0:
        console.print(Text(visible_lines("".join(said[-20:]).strip())))
        console.print(Text(f"The search broke off with code {code}, for a reason of its own.", "bold red"))
        return 2
    return 0


def show(found: bytes, said: list[str], console: Console, results: Path) -> None:
    """What was found, why it is one, and how to see it again."""
    results.mkdir(parents=True, exist_ok=True)
    saved = results / f"fuzz-{strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(2)}.bytes"
    saved.write_bytes(found)
    console.print(Text(visible_lines(explanation(said))), soft_wrap=True)
    tail = f" … ({len(found):,} bytes)" if len(found) > SHOWN else ""
    console.print(Text(f"\nThe input: {found[:SHOWN]!r}{tail}", "bold red"), soft_wrap=True)
    console.print(
        Text(f"To see it again: {sys.executable} -m benchmarks.fuzz --input {saved}"), soft_wrap=True
    )


def explanation(said: list[str]) -> str:
    """The traceback, or that it took too long: what stands between libFuzzer's greetings and its hex dump."""
    told = "".join(line for line in said if not line.startswith(("INFO:", "WARNING:", "Dictionary:")))
    return re.split(r"^(?:SUMMARY|MS|artifact_prefix|stat)\b", told, maxsplit=1, flags=re.M)[0].strip()[
        -4000:
    ]


def again(file: Path, console: Console) -> int:
    """One saved input, without the search: it raises as it did, or is in order by now."""
    try:
        data = file.read_bytes()
    except OSError as error:
        print(f"{file} can't be read: {error.strerror}.", file=sys.stderr)
        return 2
    try:
        check(data)
    except Exception:  # noqa: BLE001 - whatever it is, it is what was asked for
        console.print_exception()
        return 1
    console.print(f"Nothing is wrong with these {len(data):,} bytes.")
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="python -m benchmarks.fuzz", description="Look for bytes that the decoder can't take."
    )
    parser.add_argument(
        "--seconds", type=whole(1, 86_400, "number of seconds"), default=60, help="for so long (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=whole(1, 2**31 - 1, "seed"), help="of the search (one is made up, and stated)"
    )
    parser.add_argument("--planted", action="store_true", help="search a copy with a fault: is it found?")
    parser.add_argument("--input", type=Path, metavar="FILE", help="check the bytes of this file alone")
    return parser


def main(words: Iterable[str] | None = None) -> int:
    """`python -m benchmarks.fuzz`"""
    options: argparse.Namespace = _parser().parse_args(None if words is None else list(words))
    console = Console(highlight=False)
    if options.input is not None:
        return again(options.input, console)
    atheris = library(Path(sys.prefix))
    if atheris is None:
        print(MISSING, file=sys.stderr)
        return 2
    try:
        usable(RESULTS)
    except Unsaved as error:
        return complain(str(error))
    seed = options.seed or secrets.randbelow(2**31) + 1
    return (try_out if options.planted else fuzz)(options.seconds, seed, console, atheris)


if __name__ == "__main__":
    sys.exit(interrupts.run(main))

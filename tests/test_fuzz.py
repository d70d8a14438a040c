"""The search for bytes that the decoder can't take: what it looks for, what it begins with, what it says."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from benchmarks.fuzz import __main__ as program
from benchmarks.fuzz import properties, seeds
from benchmarks.fuzz.planted import plant
from benchmarks.fuzz.properties import Broken, check, check_stream, check_text, pieces
from common import set_up
from common.messages import Say, Violation, from_client, from_server
from tcp.framing import Deframer
from tests.test_protocol_page import examples

ROOT = Path(__file__).parent.parent

COUNTED = """\
INFO: Seed: 7
#29\tINITED cov: 36 ft: 38 corp: 28/2Kb exec/s: 0 rss: 42Mb
#4096\tpulse  cov: 44 ft: 60 corp: 40/3Kb lim: 120 exec/s: 1365 rss: 42Mb
#9000\tDONE   cov: 46 ft: 66 corp: 44/3Kb lim: 124 exec/s: 1500 rss: 42Mb
stat::number_of_executed_units: 9000
stat::average_exec_per_sec:     1500
"""
"""What libFuzzer says, in short."""


def a_search(end: str, find: Path | None = None) -> list[str]:
    """A process that says what a search says, writes its find and ends."""
    write = f"open({str(find)!r}, 'wb').write(b'bad\\x1bbytes');" if find else ""
    return [sys.executable, "-c", f"import sys; {write} print({COUNTED!r} + 'why it is one'); {end}"]


def screen() -> tuple[Console, io.StringIO]:
    """A terminal, and what is on it."""
    text = io.StringIO()
    return Console(file=text, width=200, highlight=False), text


# --- what must hold -------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [*seeds.corpus(), *seeds.dictionary(), b""])
def test_it_holds_for_what_the_search_begins_with(data: bytes) -> None:
    """Every example of the page and every word of the dictionary."""
    check(data)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300))
def test_it_holds_for_any_bytes(data: bytes) -> None:
    """The same property, with hypothesis in place of the fuzzer."""
    check(data)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([*seeds.corpus(), *seeds.dictionary()]), max_size=12).map(b"".join))
def test_it_holds_for_what_is_glued_together(data: bytes) -> None:
    """Examples and words in any order: more of it is nearly JSON."""
    check(data)


@settings(deadline=None, max_examples=200)
@given(st.data(), st.sampled_from(seeds.corpus()))
def test_it_holds_for_an_example_with_a_hole(data: st.DataObject, example: bytes) -> None:
    """Something cut out, something else in its place."""
    start = data.draw(st.integers(0, len(example)))
    end = data.draw(st.integers(start, min(len(example), start + 20)))
    word = data.draw(st.sampled_from([b"", *seeds.dictionary()]) | st.binary(max_size=4))
    check(example[:start] + word + example[end:])


@settings(deadline=None)
@given(st.binary(max_size=2000), st.binary(max_size=20))
def test_the_pieces_are_the_stream(stream: bytes, recipe: bytes) -> None:
    """Whatever the recipe, and zeros too: all of it, in order, in few pieces."""
    cut = pieces(stream, recipe)
    assert b"".join(cut) == stream
    assert len(cut) <= 2 * len(stream)


# --- it would be noticed --------------------------------------------------------------------------


def test_an_exception_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the decoder raises is not caught by anybody."""

    def decode(payload: bytes) -> Violation:
        raise RecursionError

    monkeypatch.setattr(properties, "DECODERS", ((decode, ()),))
    with pytest.raises(RecursionError):
        check(b"{}")


def test_what_is_neither_a_message_nor_a_violation_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message of the other direction is none of this one."""
    monkeypatch.setattr(properties, "DECODERS", ((from_server, (Say,)),))
    with pytest.raises(Broken, match="neither a message nor a violation"):
        check(b'{"type":"pong"}')


def test_a_message_that_changes_on_the_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written and read again, it has to be the same."""
    monkeypatch.setattr(properties, "encode", lambda message: b'{"type":"ping"}')
    with pytest.raises(Broken, match="read again as Ping"):
        check(b'{"type":"who"}')


def test_a_deframer_that_minds_the_cuts_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes each `recv` for a frame, as many do at first."""

    class Naive(Deframer):
        def receive(self, data: bytes) -> Iterator[bytes | Violation]:
            yield data[2:]

    monkeypatch.setattr(properties, "Deframer", Naive)
    with pytest.raises(Broken, match="in pieces"):
        check_stream(b"\x00\x01a\x00\x01b", b"\x01\x02")


@pytest.mark.parametrize("character", ["\x1b", "\x7f", "\x9b", "\u202e", "\u2028", "\ufeff", "\ud800", "\r"])
def test_a_control_character_that_gets_through_is_noticed(
    monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    """`visible` stops each of these, and without it each is seen."""
    check_text(f"a{character}b")
    monkeypatch.setattr(properties, "visible", lambda text: text)
    with pytest.raises(Broken, match="is left of"):
        check_text(f"a{character}b")


# --- what it begins with --------------------------------------------------------------------------


def test_the_corpus_has_every_example_of_the_page() -> None:
    """The payloads as they stand there, and the bytes drawn under them."""
    corpus = seeds.corpus()
    for example in examples():
        assert example.payload in corpus
        assert any(bytes.fromhex("".join(example.drawn)) in stream for stream in corpus)
    assert sum(isinstance(from_client(data), Violation) for data in corpus) < len(corpus)


def test_the_dictionary_is_one_that_libfuzzer_reads() -> None:
    """Quoted words, one in a line; the bytes come back out of them, and our types and fields are there."""
    words = seeds.dictionary()
    assert {b'"type":"hello"', b'"token":', b'"members":', b"\\ud800"} <= set(words)
    for word, line in zip(words, seeds.written(words).splitlines(), strict=True):
        assert (line[0], line[-1]) == ('"', '"')
        assert line[1:-1].encode().decode("unicode_escape").encode("latin-1") == word


# --- what it says ---------------------------------------------------------------------------------


def test_a_search_without_a_find(tmp_path: Path) -> None:
    """Executions, how many a second, coverage with that of the examples, no finds; exit code 0."""
    console, text = screen()
    code, course, said = program.search(a_search("sys.exit(0)"), dict(os.environ), console)
    assert program.conclude(code, course, said, None, console, tmp_path) == 0
    summary = (
        "9,000 executions, 1,500 a second. Coverage: 46 edges, 36 of them by the examples alone. Finds: 0."
    )
    assert summary in text.getvalue()
    assert list(tmp_path.iterdir()) == []


def test_a_find_is_explained_shown_and_saved(tmp_path: Path) -> None:
    """Exit code 1; the bytes as Python writes them, in a file, and the command that shows it again."""
    console, text = screen()
    find, results = tmp_path / "find", tmp_path / "results"
    code, course, said = program.search(a_search("sys.exit(77)", find), dict(os.environ), console)
    assert program.conclude(code, course, said, find.read_bytes(), console, results) == 1
    (saved,) = results.iterdir()
    assert saved.read_bytes() == b"bad\x1bbytes"
    assert "Finds: 1." in text.getvalue()
    assert "why it is one" in text.getvalue()
    assert r"b'bad\x1bbytes'" in text.getvalue()
    assert f"--input {saved}" in text.getvalue()
    assert "\x1b" not in text.getvalue()


def test_a_search_that_breaks_off_is_not_one_that_found_nothing(tmp_path: Path) -> None:
    """Exit code 2, with what it said last."""
    console, text = screen()
    code, course, said = program.search(a_search("sys.exit(3)"), dict(os.environ), console)
    assert program.conclude(code, course, said, None, console, tmp_path) == 2
    assert "broke off with code 3" in text.getvalue()
    assert "why it is one" in text.getvalue()


def test_a_saved_input_is_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 when it is in order by now, 1 with the traceback when it is not, 2 when there is none."""
    saved = tmp_path / "find"
    saved.write_bytes(b"{}")
    assert program.main(["--input", str(saved)]) == 0
    monkeypatch.setattr(properties, "visible", lambda text: "\x1b")
    assert program.main(["--input", str(saved)]) == 1
    assert "is left of" in capsys.readouterr().out
    assert program.main(["--input", str(tmp_path / "nothing")]) == 2
    assert "can't be read" in capsys.readouterr().err


def test_without_atheris_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """How to get it, where it exists, and what there is elsewhere; exit code 2."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert program.main([]) == 2
    said = capsys.readouterr().err
    for word in ("make fuzz", "Linux", "x86_64", "3.11", "3.13", 'make test ARGS="-k fuzz"'):
        assert word in said


def test_it_is_found_where_make_puts_it(tmp_path: Path) -> None:
    """In the folder `fuzz` of the environment, and only when it is whole."""
    assert program.library(tmp_path) is None
    (tmp_path / "fuzz" / "atheris").mkdir(parents=True)
    assert program.library(tmp_path) == tmp_path / "fuzz"
    assert set_up.GROUPS["fuzz"][-1] == "benchmarks/fuzz/requirements.lock"


def test_it_has_a_lock_of_its_own() -> None:
    """With hashes, without the name of any index; and the lab's own lock does not know it."""
    lock = (ROOT / "benchmarks" / "fuzz" / "requirements.lock").read_text(encoding="utf-8")
    assert lock.startswith("atheris==")
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    assert "atheris" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_planted_fault_is_one(tmp_path: Path) -> None:
    """No example shows it, and bytes that are not UTF-8 do; the lab itself takes them. (That the search finds it:
    `make fuzz ARGS=--planted`.)"""
    plant(tmp_path)
    tried = "import sys; from benchmarks.fuzz import seeds; from benchmarks.fuzz.properties import check\n"
    tried += "for data in seeds.corpus(): check(data)\nprint('examples', flush=True)\ncheck(bytes([255]))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", tried],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout == "examples\n"
    assert "UnicodeDecodeError" in ended.stderr
    check(bytes([255]))

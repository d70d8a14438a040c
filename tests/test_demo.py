"""The demonstration from end to end: real programs across a real link, as text, on a screen, and broken off."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.child import ROOT
from benchmarks.demo import __main__ as demo
from benchmarks.demo.acts import ACTS
from benchmarks.demo.news import COLUMNS
from benchmarks.link import namespace
from benchmarks.link.capture import read
from benchmarks.screen import Screen
from tests.emulated import needs_link

PATIENCE = 60.0


def command(results: Path, *words: str) -> list[str]:
    """The demonstration, with its report in `results`."""
    return [sys.executable, "-m", "benchmarks.demo", "--results", str(results), *words]


def left_behind(results: Path) -> list[str]:
    """Processes that belong to the demonstration whose results are there."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue  # it has ended, or is somebody else's
            if f"DEMO_TEST={results}".encode() in environment.split(b"\0"):
                found.append(entry.name)
    return found


def environment(results: Path) -> dict[str, str]:
    """By which the processes of this demonstration are known."""
    return {"DEMO_TEST": str(results)}


@needs_link
def test_an_act_is_printed_where_there_is_no_terminal(tmp_path: Path) -> None:
    """Caption, messages over both, figures and a sentence; and the report has the table, the events and the packets."""
    ended = subprocess.run(
        command(tmp_path, "--act", "loss", "--speed", "8", "--seed", "3"),
        check=False, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    out = ended.stdout
    act = ACTS[1]
    assert f"Act 2 of {len(ACTS)}: {act.title}" in out
    assert act.caption in " ".join(out.split())
    said = [int(number) for number in re.findall(r"^  said (\d+), delivered", out, re.MULTILINE)]
    assert len(said) == 2
    assert said[0] == said[1] >= 10
    assert f"TCP delivered all {5 * said[0]}" in " ".join(out.split())
    (folder,) = tmp_path.iterdir()
    assert re.fullmatch(r"\d{8}T\d{6}Z-demo", folder.name)
    assert str(folder / "report.html") in out
    document = json.loads((folder / "demo.json").read_text())
    (told,) = document["acts"]
    assert told["tcp"]["delivered"] == 5 * said[0]
    assert told["udp"]["delivered"] + told["udp"]["missing"] == 5 * said[0]
    assert told["verdict"] in " ".join(out.split())
    with (folder / "events.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    heard = [row for row in rows if row["what"] == "heard" and row["transport"] == "udp"]
    assert len(heard) == told["udp"]["delivered"]
    packets = list(read(folder / "link.pcapng"))
    assert any("dropped by" in packet.comment for packet in packets)
    page = (folder / "report.html").read_text()
    assert told["verdict"].split(";")[0] in page
    assert "http" not in page.replace("http-equiv", "")


@needs_link
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_it_plays_in_a_terminal_of_each_size_and_obeys_keys(tmp_path: Path, columns: int, rows: int) -> None:
    """Both sides fill, + changes the link, n leads to the last screen; the terminal is left as it was."""
    argv = command(tmp_path, "--act", "forged", "--speed", "4")
    with Screen(argv, columns=columns, rows=rows, environment=environment(tmp_path)) as screen:
        screen.wait_for(lambda lines: lines[0].startswith("Act 6 of 6") and "TCP" in lines[3], PATIENCE)
        screen.wait_for("  3 ", PATIENCE)
        lines = screen.lines()
        assert ACTS[5].caption in " ".join(" ".join(lines[1:3]).split())
        assert sum(" what eva sees" in line for line in lines) == 1
        screen.wait_for(lambda lines: any("→ For 41 forged bytes" in line for line in lines), PATIENCE)
        screen.wait_for("What the acts came to", PATIENCE)
        lines = screen.lines()
        assert any(line.startswith("forged ") for line in lines)
        screen.type("2")
        screen.wait_for("Act 2 of 6", PATIENCE)
        screen.type("+")
        screen.wait_for("each way: 25 ms, 10 % loss", PATIENCE)
        screen.type(" ")
        screen.wait_for("PAUSED", PATIENCE)
        screen.type("q")
        assert screen.wait(PATIENCE) == 0
        assert any("The report, with every message and packet" in line for line in screen.lines())
        assert screen.cursor() is not None
    assert left_behind(tmp_path) == []
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@needs_link
@pytest.mark.parametrize("key", ["\x03", "\x1c"], ids=["Ctrl-C", "Ctrl-Backslash"])
def test_ctrl_c_ends_it_at_once_with_130_and_leaves_nothing(tmp_path: Path, key: str) -> None:
    """No process, and no half a report; and so does Ctrl-\\. The cursor is there again."""
    with Screen(command(tmp_path), environment=environment(tmp_path)) as screen:
        screen.wait_for("Act 1 of 6", PATIENCE)
        screen.type(key)
        assert screen.wait(PATIENCE) == 130
        assert screen.cursor() is not None
    assert left_behind(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@needs_link
def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(tmp_path: Path) -> None:
    """The cursor is there meanwhile; then the act goes on where it was."""
    shell = ["sh", "-mc", f"{shlex.join(command(tmp_path))}; echo stopped; read line; fg"]
    with Screen(shell, environment=environment(tmp_path)) as screen:
        screen.wait_for("  1 ann", PATIENCE)
        screen.type("\x1a")
        screen.wait_for("stopped", PATIENCE)
        assert screen.cursor() is not None
        screen.type("\r")
        screen.wait_for("  3 美玲", PATIENCE)
        assert screen.cursor() is None
        screen.type("q")
        assert screen.wait(PATIENCE) == 0
    assert left_behind(tmp_path) == []


@needs_link
def test_killed_by_force_it_leaves_no_process(tmp_path: Path) -> None:
    """Whoever gave the link its orders is gone: it ends, and everybody in its network with it."""
    with subprocess.Popen(
        command(tmp_path, "--plain"), cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **environment(tmp_path)},
    ) as running:  # fmt: skip
        assert running.stdout is not None
        while "Act 1" not in running.stdout.readline():
            pass
        running.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while left := left_behind(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_without_a_link_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the remedy, and exit code 2."""

    def refuse() -> list[str]:
        raise namespace.Missing(["Namespaces: AppArmor forbids them. Remedy: sudo sysctl …=0."])

    monkeypatch.setattr(namespace, "way_in", refuse)
    assert demo.main([]) == 2
    said = capsys.readouterr().err
    assert "needs an emulated link" in said
    assert "Remedy: sudo sysctl" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--act", "7"], "there is no act '7': there are 1 clean, 2 loss"),
        (["--act", "best"], "there is no act 'best'"),
        (["--speed", "0"], "'0' is no speed"),
        (["--speed", "fast"], "'fast' is no speed"),
        (["--seed", "-1"], "'-1' is no seed"),
        (["--speed"], "expected one argument"),
    ],
)
def test_a_bad_value_gets_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2, before anything is set up."""
    with pytest.raises(SystemExit) as ended:
        demo.main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said.replace("There", "there")
    assert said.count("\n") == 1


@needs_link
def test_a_place_for_the_report_has_to_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said before anybody has waited for a report."""
    assert demo.main(["--results", str(tmp_path / "nowhere")]) == 2
    assert "there is no such directory" in capsys.readouterr().err

"""Measuring again what a result records: what is run, what is compared, what is said. Nothing is measured here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare, environment, reproduce, results
from benchmarks.estimate import Interval, Percentile
from tests.test_figures import made_up
from tests.test_results import MADE

HERE = {
    "kernel": "Synthetic 0.0",
    "machine": "made-up",
    "python": "CPython 3.11.7",
    "processors": 2,
    "commit": "0000000",
}


def store(directory: Path, document: dict[str, Any], *, hour: int) -> Path:
    """A result in `directory`."""
    with results.create(directory, MADE.replace(hour=hour)) as unfinished:
        unfinished.write(document, [])
        return unfinished.finish()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """What was measured then."""
    return made_up(("clean", "lossy"), 1)[0]


class Stage:
    """A result of then, and a comparison that would make the one of now."""

    def __init__(self, directory: Path, document: dict[str, Any]) -> None:
        self.directory = directory
        self.then = document
        self.now: dict[str, Any] = json.loads(json.dumps(document))
        self.name = store(directory, document, hour=1).name
        self.code = 0
        self.called: list[list[str]] = []
        self.saves = True

    def compare(self, words: list[str]) -> int:
        """In the place of `benchmarks.compare`."""
        self.called.append(words)
        if self.saves:
            store(self.directory, self.now, hour=2)
        return self.code

    def run(self, *further: str) -> int:
        """As a person would."""
        return reproduce.main([self.name, *further, "--results", str(self.directory)])


@pytest.fixture
def stage(tmp_path: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Where the environment is that of then."""
    made = Stage(tmp_path, document)
    monkeypatch.setattr(reproduce, "RESULTS", tmp_path)
    monkeypatch.setattr(reproduce, "environment", lambda: dict(HERE))
    monkeypatch.setattr(compare, "main", made.compare)
    monkeypatch.setenv("COLUMNS", "80")
    return made


Captured = pytest.CaptureFixture[str]


def lines(shown: str) -> list[str]:
    """Without the blanks at their ends."""
    return [line.rstrip() for line in shown.splitlines()]


def one_line(words: str) -> str:
    """Without the line ends that the width of a terminal made."""
    return " ".join(words.split())


def test_what_was_asked_then_is_asked_again(stage: Stage) -> None:
    """Behind it what is asked now: of an option that is given twice the last one counts."""
    assert stage.run("--seconds", "2") == 0
    words = ["--profiles", "clean,lossy", "--seed", "1", "--seconds", "2", "--results", str(stage.directory)]
    assert stage.called == [words]


def test_figures_that_agree(stage: Stage, capsys: Captured) -> None:
    """A line for each of three figures, in 80 columns, and a sentence."""
    assert stage.run() == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    rows = [line for line in lines(shown) if line.endswith("agrees")]
    assert len(rows) == 2 * 2 * 3
    assert rows[0].split()[:4] == ["clean", "tcp", "arrived,", "%"]
    assert "differs" not in shown
    assert "All 12 figures agree: the 95 % intervals of then and now overlap." in one_line(shown)
    assert "The environment is the same as far as it is known." in shown
    assert f"then: {stage.name}\nnow:  20261121T021500Z-compare\n" in shown


def test_figures_that_differ(stage: Stage, capsys: Captured) -> None:
    """Each is named, with then and now; chance is mentioned, and nothing else blamed that is the same."""
    lossy_udp = stage.now["summary"][3]
    lossy_udp["p99"] = {"estimate": 0.3, "low": 0.25, "high": 0.35}
    lossy_udp["delivered_share"] = {"estimate": 0.5, "low": 0.49, "high": 0.51}
    assert stage.run() == 0
    shown = capsys.readouterr().out
    line = next(line for line in lines(shown) if "50.0 (49.0–51.0)" in line)
    assert line.split()[:4] == ["lossy", "udp", "arrived,", "%"]
    assert line.endswith("differs")
    said = one_line(shown)
    assert "300 (250–350) differs" in said
    assert "10 of 12 figures agree: their 95 % intervals overlap. Different: lossy udp" in said
    assert "Different: lossy udp arrived, lossy udp p99. By chance" in said
    assert "may be the reason" not in said


def test_what_of_the_environment_is_different(
    stage: Stage, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known before anything runs, before; the rest, and what was asked otherwise, afterwards."""
    monkeypatch.setattr(reproduce, "environment", lambda: {**HERE, "kernel": "Linux 9.9", "processors": 64})
    stage.now["environment"] |= {"kernel": "Linux 9.9", "processors": 64, "congestion_control": "bbr"}
    stage.now["environment"] |= {"network": "relay", "why_not_emulated": "No TUN."}
    stage.now["options"] |= {"seconds": 2, "results": "elsewhere", "json": True}
    stage.now["summary"][0]["p50"] = {"estimate": 9.0, "low": 8.0, "high": 10.0}
    before: list[str] = []
    run = stage.compare

    def comparing(words: list[str]) -> int:
        before.append(capsys.readouterr().out)
        return run(words)

    monkeypatch.setattr(compare, "main", comparing)
    assert stage.run() == 0
    assert "Different: kernel was Synthetic 0.0, and is Linux 9.9.\n" in before[0]
    assert "Different: processors was 2, and is 64.\n" in before[0]
    assert "congestion" not in before[0]
    after = one_line(capsys.readouterr().out)
    for words in (
        "congestion control was cubic, and is bbr",
        "network was emulated, and is relay",
        "seconds was 4, and is 2",
    ):
        assert f"Different: {words}." in after
    assert "(kernel, processors, congestion control, network, seconds) may be the reason." in after
    assert "TUN" not in after


def test_what_was_not_measured_again_is_said(stage: Stage, capsys: Captured) -> None:
    """And what is not known of both is not compared."""
    del stage.now["summary"][3]
    stage.now["summary"][0]["p99"] = None
    assert stage.run() == 0
    said = one_line(capsys.readouterr().out)
    assert "Not measured again: lossy udp." in said
    assert "All 8 figures agree" in said
    assert "Of 1 more there is no interval" in said
    stage.now["summary"].clear()
    assert stage.run() == 0
    assert "No figure is known of both" in one_line(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("code", "saves", "expected"), [(1, True, 1), (1, False, 1), (130, True, 130), (0, False, 1)]
)
def test_a_comparison_that_fails_says_nothing_about_the_result(
    stage: Stage, capsys: Captured, code: int, saves: bool, expected: int
) -> None:
    """Whether something of it was saved or not."""
    stage.code, stage.saves = code, saves
    assert stage.run() == expected
    said = capsys.readouterr()
    assert "nothing can be said" in said.err
    assert "agree" not in said.out


def test_a_new_result_that_can_not_be_read(stage: Stage, capsys: Captured) -> None:
    """Exit code 1: the comparison did not bring what it should."""
    stage.now = {"version": 99, "runs": []}
    assert stage.run() == 1
    assert "another version" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda raw: raw.update(again=["rm", "-rf", "/"]), "does not say how it was made"),
        (lambda raw: raw.update(again=[]), "does not say how it was made"),
        (lambda raw: raw.update(version=1), "another version"),
        (
            lambda raw: raw.update(again=[*reproduce.COMPARE, "--profiles", "nonsense"]),
            "nonsense",
        ),
    ],
)
def test_a_result_that_can_not_be_made_again(
    stage: Stage, capsys: Captured, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    """Exit code 2 and one sentence, before anything runs; no other program than compare is ever run."""
    raw = json.loads(json.dumps(stage.then))
    change(raw)
    (stage.directory / stage.name / "result.json").write_text(json.dumps(raw))
    try:
        code = stage.run()
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert stage.called == []


def test_where_the_new_result_can_not_go_nothing_is_measured(stage: Stage, capsys: Captured) -> None:
    """Exit code 2 and one sentence."""
    assert reproduce.main([stage.name, "--results", str(stage.directory / "none")]) == 2
    said = capsys.readouterr()
    assert f"{stage.directory / 'none'}: there is no such directory" in said.err
    assert (said.out, stage.called) == ("", [])


def test_a_result_that_is_not_there(stage: Stage, capsys: Captured) -> None:
    """The nearest is offered; and a name is needed."""
    assert reproduce.main(["20261121T0115"]) == 2
    assert f"the nearest is {stage.name}" in capsys.readouterr().err
    assert reproduce.main([]) == 2
    assert f"RUN={stage.name}" in capsys.readouterr().err


def test_with_json_standard_output_is_for_the_json(stage: Stage, capsys: Captured) -> None:
    """Everything else goes where a person sees it all the same."""
    assert stage.run("--json") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "figures agree" in one_line(said.err)


@pytest.mark.parametrize(
    ("now", "agrees"),
    [
        (Interval(2.5, 2.0, 3.0), True),
        (Interval(2.6, 2.1, 3.0), False),
        (Interval(0.5, 0.0, 1.0), True),
        (Interval(0.4, 0.0, 0.9), False),
        (Interval(1.5, 1.4, 1.6), True),
        (Percentile(1.5), None),
        (None, None),
    ],
)
def test_intervals_that_touch_agree(now: Interval | Percentile | None, agrees: bool | None) -> None:
    """Either may be the lower one, or within the other."""
    assert reproduce.Figure("clean", "tcp", "p50", Percentile(1.5, 1.0, 2.0), now).agrees is agrees


def test_figures_have_their_units() -> None:
    """Shares in percent, times in milliseconds; without an interval where there is none."""
    assert reproduce.show(Interval(0.9, 0.88, 0.92)) == "90.0 (88.0–92.0)"
    assert reproduce.show(Percentile(0.0421, 0.04, 0.05)) == "42.1 (40.0–50.0)"
    assert reproduce.show(Percentile(0.0421)) == "42.1"
    assert reproduce.show(None) == "–"


def test_the_environment_of_a_result_is_the_one_that_is_compared() -> None:
    """What can be known before a run has the names that results use."""
    assert set(environment.environment()) >= {"kernel", "python", "processors", "commit"}

"""The experiments that are built on the naive server: what they make of facts, and whether what they name exists."""

from pathlib import Path

import pytest

from benchmarks import kernel
from benchmarks.contestants.naive import places
from benchmarks.contestants.naive.faults import FAULTS, NO_LOCK, Place
from benchmarks.contestants.naive.saw import SAW
from benchmarks.contestants.naive.stalled import RATE, Stalled
from benchmarks.contestants.naive.stream import RECV_SIZE
from benchmarks.contestants.naive.trials import TRIALS, WORDS, Seen, Try
from benchmarks.echo.cut import Cut, cut
from benchmarks.experiments import boundaries, pitfalls, slow_reader
from benchmarks.experiments.boundaries import DATAGRAM, LENGTHS
from benchmarks.experiments.pitfalls import OURS, WITH, WITHOUT
from benchmarks.labbook.experiment import Experiment, Outcome, Verdict

EXPERIMENTS = [pitfalls.EXPERIMENT, slow_reader.EXPERIMENT, boundaries.EXPERIMENT]

FIGURES: dict[str, float] = {
    "messages": 1,
    "thrown out": 1,
    "whole": 4,
    "out of step": 300,
    "rounds": 2,
    "bytes": 3_900_000,
    "went on": 1,
    "share": 0.97,
    "missed": 1,
    "heard": 1300,
    "texts": 1004,
}
"""All that a trial may count."""


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    """By the names of the findings."""
    assert len({one.name for one in outcome.findings}) == len(outcome.findings)
    return {one.name: one.verdict for one in outcome.findings}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: str(one.name))
def test_an_experiment_says_what_it_is(experiment: Experiment) -> None:
    """In six sections, and in the time that there is."""
    assert experiment.text.question
    assert experiment.seconds[0] <= 120
    assert experiment.seconds[1] <= 20


# --- pitfalls -------------------------------------------------------------------------------------


def test_every_fault_has_a_trial_and_a_sentence() -> None:
    """In the same order everywhere."""
    assert list(TRIALS) == list(FAULTS) == list(SAW)
    assert len(FAULTS) == 9


@pytest.mark.parametrize("fault", FAULTS)
def test_where_a_fault_is_prevented_exists(fault: str) -> None:
    """A method of tcp/, whose lines are found in its source."""
    assert FAULTS[fault].right
    for place in FAULTS[fault].right:
        assert place.file.startswith("tcp/")
        first, last = places.lines(place)
        source = (places.ROOT / place.file).read_text().splitlines()
        assert source[first - 1].strip().startswith(f"def {place.method.rpartition('.')[2]}(")
        assert first < last <= len(source)
        assert places.show(place) == f"{place.file}:{first} {place.method}"


@pytest.mark.parametrize("method", ["Server.jump", "Jumper.stop", "main.stop"])
def test_what_does_not_exist_is_not_found(method: str) -> None:
    """Whatever it is that is not there."""
    with pytest.raises(LookupError):
        places.lines(Place("tcp/server.py", method))


def tries(wrong: dict[str, int], n: int = 5) -> Seen:
    """So many tries, of which this server has so many wrong."""
    return Seen([Try(number < wrong[WITH], FIGURES, "shown") for number in range(n)])


def made(with_fault: int = 5, without: int = 0, ours: int = 0, noticed: int = 0) -> Outcome:
    """What the experiment says of these numbers of tries gone wrong, of 5."""
    found = {
        (fault, name): tries({WITH: wrong})
        for fault in FAULTS
        for name, wrong in ((WITH, with_fault), (WITHOUT, without), (OURS, ours))
    }
    chats = {fault: Seen([Try(number < noticed)]) for number, fault in enumerate(FAULTS)}
    return pitfalls.outcome(found, chats)


def test_pitfalls_as_expected() -> None:
    """Each fault shows itself, and nothing else goes wrong; said is what was seen, why, and where it is right."""
    outcome = made()
    assert set(verdicts(outcome).values()) == {Verdict.WITHIN}
    for fault, said in zip(FAULTS, outcome.said, strict=False):
        assert said.startswith(f"{fault}: in 5 of 5 tries ")
        assert FAULTS[fault].wrong in said
        assert all(places.show(place) in said for place in FAULTS[fault].right)
    assert "noticed none of them" in outcome.said[-1]
    assert len(outcome.table) == 1 + len(FAULTS)
    assert {len(row) for row in outcome.rows} == {len(outcome.columns)}


def test_pitfalls_that_did_not_show_themselves() -> None:
    """It is said, and is outside of what was expected; but that threads do not meet is a matter of chance."""
    outcome = made(with_fault=0)
    found = verdicts(outcome)
    assert {found[fault] for fault in FAULTS if fault != NO_LOCK} == {Verdict.OUTSIDE}
    assert found[NO_LOCK] is Verdict.TOUCHES
    assert "nothing went wrong in 5 tries" in outcome.said[0]


def test_pitfalls_that_show_themselves_rarely() -> None:
    """A race in one of five tries is as expected, and every other fault is not."""
    found = verdicts(made(with_fault=1))
    assert found[NO_LOCK] is Verdict.WITHIN
    assert {found[fault] for fault in FAULTS if fault != NO_LOCK} == {Verdict.OUTSIDE}


def test_something_wrong_without_a_fault_is_outside() -> None:
    """So is what two people notice who take turns."""
    found = verdicts(made(without=5, noticed=2))
    assert (found["without"], found["ours"], found["noticed"]) == (
        Verdict.OUTSIDE,
        Verdict.WITHIN,
        Verdict.OUTSIDE,
    )


# --- slow-reader ----------------------------------------------------------------------------------

MB = 1_000_000


def stalled(name: str) -> Stalled:
    """A repeat as it usually is."""
    usual = [0.001 * (number % 10) for number in range(2000)]
    found = Stalled(4000, 4000, usual, usual, [number / RATE for number in range(4000)])
    if name == "naive":
        found.heard, found.still, found.went_on, found.found = 1950, 2.0, True, 4000
    elif name == "tcp":
        found.dropped, found.found = 2460, 1940
    else:
        found.found = 48
    return found


def test_slow_reader_as_expected() -> None:
    """Naive stands still for all, ours drops one, UDP loses his."""
    outcome = slow_reader.outcome({name: [stalled(name)] * 2 for name in ("naive", "tcp", "udp")}, 4 * MB)
    assert set(verdicts(outcome).values()) <= {Verdict.WITHIN, Verdict.TOUCHES}
    assert "2.0 s and 3.9 MB" in outcome.said[0]
    assert "dropped him after 4.9 MB" in outcome.said[1]
    assert "48 of 4,000" in outcome.said[2]
    assert {len(row) for row in outcome.rows} == {len(outcome.columns)}


def test_slow_reader_that_nobody_waited_for() -> None:
    """Then there is no figure, and it says so; a loss of the others is outside of what was expected."""
    runs = {name: [stalled(name)] for name in ("naive", "tcp", "udp")}
    runs["naive"][0].still = None
    runs["tcp"][0].dropped = None
    runs["udp"][0].heard = 3000
    found = verdicts(slow_reader.outcome(runs, 4 * MB))
    unknown = {name for name, verdict in found.items() if verdict is Verdict.UNKNOWN}
    assert unknown == {"naive-stops", "naive-goes-on", "tcp-drops"}
    assert found["udp-others"] is Verdict.OUTSIDE


# --- boundaries -----------------------------------------------------------------------------------


def facts(glued: str) -> Outcome:
    """What the experiment says, if this is what bob was shown over the naive server."""
    right = " | ".join(WORDS)
    seen = {
        name: Seen([Try(shown != right, {"messages": 1}, shown)] * 3)
        for name, shown in {"naive": glued, "naive, right": right, "tcp": right, "udp": right}.items()
    }
    texts = {
        (name, length): [name != "naive" or length <= RECV_SIZE] * 3 for name in seen for length in LENGTHS
    }
    cuts = [Cut(buffer, min(buffer, DATAGRAM), buffer < DATAGRAM, True) for buffer in boundaries.BUFFERS]
    return boundaries.outcome(seen, texts, cuts)


def test_boundaries_as_expected() -> None:
    """What bob was shown is the answer."""
    outcome = facts("".join(WORDS))
    assert set(verdicts(outcome).values()) == {Verdict.WITHIN}
    assert outcome.answer == 1
    assert "'twentytinytigers'" in outcome.said[0]
    assert "of 1,025 bytes and more" in outcome.said[1]
    assert {len(row) for row in outcome.rows} == {len(outcome.columns)}


def test_boundaries_where_nothing_was_glued() -> None:
    """The answer is another one, and that is outside of what was expected."""
    outcome = facts(" | ".join(WORDS))
    assert outcome.answer == 2
    assert verdicts(outcome)["glued-naive"] is Verdict.OUTSIDE
    assert facts("twenty | tinytigers").answer is None


@pytest.mark.parametrize("buffer", boundaries.BUFFERS)
def test_a_datagram_is_cut_to_the_buffer(buffer: int) -> None:
    """And the next recv takes the next one."""
    assert cut(DATAGRAM, buffer) == Cut(buffer, min(buffer, DATAGRAM), buffer < DATAGRAM, True)


def test_the_send_buffer_is_the_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its third figure, or the usual one where it can't be read."""
    monkeypatch.setattr(kernel, "PROC", tmp_path)
    assert slow_reader.send_buffer() == slow_reader.USUAL_WMEM
    path = tmp_path / "sys/net/ipv4/tcp_wmem"
    path.parent.mkdir(parents=True)
    path.write_text("4096\t16384\t999\n")
    assert slow_reader.send_buffer() == 999

"""Making one experiment: from the question to a directory with everything that came of it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import kernel, results
from benchmarks.environment import environment
from benchmarks.labbook.experiment import Experiment
from benchmarks.labbook.lab import Lab
from benchmarks.labbook.saved import DATA, DOCUMENT, FIGURES, Made, decode
from benchmarks.measuring import Network
from benchmarks.options import LOOPBACK, RESULTS
from benchmarks.result_format import Unreadable
from benchmarks.stage import Failed, Wish
from common import clock


@dataclass(frozen=True)
class Manner:
    """How experiments are made: in full or quick, from which seed, and where what comes of it goes."""

    quick: bool = False
    seed: int = 1
    results: Path = RESULTS


def cannot(experiment: Experiment, net: Network) -> str:
    """Why it can't be made on this machine, with the remedy; empty if it can, if only over UDP."""
    if experiment.linux and sys.platform != "linux":
        return "It reads what only Linux tells: make it there (WSL2 will do, or a virtual machine)."
    if experiment.link and net.kind != "emulated" and not experiment.relay:
        return (
            "It needs an emulated network, and there can be none here. "
            + " ".join(net.why_not)
            + " Meanwhile: make "
            "experiments says which work without."
        )
    return ""


def half(experiment: Experiment, net: Network) -> str:
    """What of it can't be measured on this machine, with the remedy; empty if all of it can."""
    if experiment.link and net.kind != "emulated" and experiment.relay:
        return (
            "No network can be emulated here: "
            + " ".join(net.why_not)
            + " UDP goes through a relay that does the same "
            "to its datagrams; TCP can't be impaired that way, and is not measured."
        )
    return ""


def make(
    experiment: Experiment,
    predicted: float | None,
    manner: Manner,
    net: Network,
    interrupted: Wish,
    progress: Callable[[str], None],
) -> tuple[Made, Path]:
    """Make it, and keep what came of it: what that is, and the directory where it is.

    Raises Failed if it can't be made or the machine did not do what was asked of it, Interrupted soon after that is
    set, results.Unsaved if the disk refuses. Then nothing of it remains.
    """
    if reason := cannot(experiment, net):
        raise Failed(reason)
    when = results.now()
    with results.create(manner.results, when, experiment.name) as unfinished:
        lab = Lab(unfinished.captures, net, interrupted, progress, manner.quick, manner.seed)
        began = clock.monotonic()
        outcome = experiment.run(lab)
        made = Made.of(
            experiment,
            predicted,
            outcome,
            quick=manner.quick,
            seed=manner.seed,
            made=when.isoformat(timespec="seconds"),
            took=clock.monotonic() - began,
            again=again(experiment, manner),
            environment=where(experiment, net),
            warnings=[*filter(None, [half(experiment, net)]), *lab.remarks()],
        )
        progress("drawing")
        _keep(made, unfinished)
        return made, unfinished.finish()


def _keep(made: Made, unfinished: results.Unfinished) -> None:
    # Only now: matplotlib takes a second to load, and memory that would be measured with.
    from benchmarks.figures.charts import draw
    from benchmarks.labbook import page

    document = made.json()
    try:
        decode(document, "What it found")
    except Unreadable as error:
        # Not a number where one must be, for example: the lab book would make it again for ever.
        raise Failed(f"{made.name} was measured and can't be kept. {error}") from error
    unfinished.put(DOCUMENT, document)
    unfinished.put(DATA, made.csv())
    with results.explained(unfinished.path.parent):
        for chart in made.outcome.charts:
            draw(chart, unfinished.path / FIGURES)
        page.write(made, unfinished.path)


def again(experiment: Experiment, manner: Manner) -> list[str]:
    """The command that makes it again."""
    words = ["python", "-m", "benchmarks.experiments", experiment.name, "--seed", str(manner.seed)]
    return words + ["--quick"] * manner.quick


def where(experiment: Experiment, net: Network) -> dict[str, str | int | None]:
    """Where it was made, and with which of TCP's congestion controls, if TCP was measured."""
    found: dict[str, str | int | None] = dict(environment())
    found["network"] = net.kind if experiment.link else LOOPBACK
    found["congestion_control"] = None if half(experiment, net) else kernel.congestion_control()
    return found

"""The experiments, one file each, in the order in which they are numbered. `python -m benchmarks.experiments` lists
them."""

from importlib import import_module

from benchmarks.labbook.experiment import Experiment

NAMES = (
    "faster",
    "loss",
    "thin",
    "one-segment",
    "head-of-line",
    "bursts",
    "outage",
    "order",
    "nagle",
    "mtu",
    "full-buffer",
    "slow-reader",
    "members",
    "boundaries",
    "half-open",
    "open-loop",
    "enough",
    "forged-hello",
    "pitfalls",
)
"""Each in a file of that name, with _ for -."""


def experiment(name: str) -> Experiment:
    """The one of this name, which has to be one of `NAMES`."""
    found: Experiment = import_module(f"benchmarks.experiments.{name.replace('-', '_')}").EXPERIMENT
    return found


def experiments() -> list[tuple[int, Experiment]]:
    """All of them, with their numbers."""
    return [(number, experiment(name)) for number, name in enumerate(NAMES, 1)]

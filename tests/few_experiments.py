"""A registry of few experiments that take no time, for tests of the programs that make experiments.

    python -m tests.few_experiments labbook --quick …       instead of python -m benchmarks.labbook
    python -m tests.few_experiments experiments …           instead of python -m benchmarks.experiments

`fine` and `other` are as expected and outside, `broken` fails, `linked` needs a link, `halved` can do with a relay.
`stopped` is interrupted, as by Ctrl-C. `odd` draws what is no number.
"""

import os
import signal
import sys
from types import ModuleType

import benchmarks.experiments
from benchmarks.labbook.chart import Chart, Curves, Panel, Series
from benchmarks.labbook.experiment import Ask, Choice, Expected, Experiment, Finding, Number, Outcome
from benchmarks.labbook.lab import Lab
from benchmarks.stage import Failed, Interrupted

DOCSTRING = """What does {name} do?

Question
    What becomes of {name}?

Why it matters
    It does.

Prediction
    Say what you think.

Method
    Somebody looks.

Expected
    Ten things.

What would change it
    Another machine.
"""

ASK: Ask = Number("how many things?", "things", "things")


def register(
    name: str, ask: Ask = ASK, value: float = 10.0, *, link: bool = False, relay: bool = False
) -> None:
    """An experiment of this name, as if there were a file of it."""
    module = ModuleType(f"benchmarks.experiments.{name}", DOCSTRING.format(name=name))
    sys.modules[module.__name__] = module

    def run(lab: Lab) -> Outcome:
        if name == "broken":
            raise Failed("The kernel did not do what was asked.")
        if name == "stopped":
            os.kill(os.getpid(), signal.SIGINT)
            if lab.interrupted.is_set():
                raise Interrupted
        things = Finding(
            "things", "Things seen", "things", value, 3, "looks", expected=Expected(9.0, 11.0, "counted once")
        )
        nowhere = Panel("", "x", "y", [Series("it", "tcp", [float("nan")], [1.0])])
        charts: list[Chart] = [Curves("odd", "", [nowhere])] if name == "odd" else []
        return Outcome([things], [f"There are {value:g}."], ["things"], [[value]], charts, answer=0)

    run.__module__ = module.__name__
    found = Experiment(name, ask, (2.0, 1.0), run, (f"Why is {name} so?",), link=link, relay=relay)
    module.EXPERIMENT = found  # type: ignore[attr-defined]


def main() -> int:
    """The program named first, with the words that follow it."""
    names = os.environ.get("FEW", "fine other broken linked halved").split()
    for name in names:
        register(
            name,
            Choice("which?", ("this", "that")) if name == "other" else ASK,
            20.0 if name == "other" else 10.0,
            link=name in ("linked", "halved"),
            relay=name == "halved",
        )
    benchmarks.experiments.NAMES = tuple(names)  # type: ignore[assignment]
    program, *words = sys.argv[1:]
    # Only now: they take the names when they are imported.
    if program == "labbook":
        from benchmarks.labbook import __main__ as labbook

        return labbook.main(words)
    from benchmarks.experiments import __main__ as experiments

    return experiments.main(words)


if __name__ == "__main__":
    sys.exit(main())

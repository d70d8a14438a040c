"""Predictions that were given and whose experiments were not made yet, so that nobody is asked twice: a small file
beside the results. A prediction belongs to the words of its question; if those change, it is none."""

import math
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.labbook.experiment import Ask, Choice
from benchmarks.labbook.saved import regular
from benchmarks.result_format import Unreadable
from benchmarks.results import replace
from benchmarks.wording import from_here, reason
from common.visible import visible

FILE = "labbook-predictions.json"

LARGEST = 1_000_000
"""Bytes: 19 predictions have some thousands."""


@dataclass(frozen=True)
class Given:
    """One: the question, and the number that was said or the number of the answer."""

    asked: str
    predicted: float


class Predictions:
    """Those in `directory`. Raises Unreadable."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._given: dict[str, Given] = {}
        what = from_here(self._path)
        try:
            self._given = msgspec.json.decode(regular(self._path, LARGEST), type=dict[str, Given])
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unreadable(f"{what} can't be read: {reason(error)}.") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(
                f"{what} is damaged ({visible(str(error))}): remove it, and you are asked for your predictions again."
            ) from error

    def of(self, name: str, ask: Ask) -> float | None:
        """What was said to this question, if anything was, and if it makes sense."""
        given = self._given.get(name)
        if given is None or given.asked != ask.question or not sound(given.predicted, ask):
            return None
        return given.predicted

    def put(self, name: str, ask: Ask, predicted: float) -> None:
        """Keep it. Raises results.Unsaved."""
        self._given[name] = Given(ask.question, predicted)
        replace(self._path, msgspec.json.format(msgspec.json.encode(self._given), indent=1) + b"\n")


def sound(predicted: float, ask: Ask) -> bool:
    """Whether that can be an answer."""
    if isinstance(ask, Choice):
        return predicted in range(len(ask.answers))
    return math.isfinite(predicted)

"""What a line is to do, in tc-netem's words: `delay 20ms 5ms loss 1% duplicate 2%`.

The words may come in any order. The impairments are applied in one that does not depend on it, from the sender to
the receiver: the cable (outage), what happens on it (duplicate, loss, corrupt), the bottleneck (rate) and the
distance behind it (delay, with reorder).
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from benchmarks.link.corrupt import Corrupt
from benchmarks.link.delay import Delay
from benchmarks.link.duplicate import Duplicate
from benchmarks.link.gemodel import GEModel
from benchmarks.link.impairment import Impairment, Words
from benchmarks.link.loss import Loss
from benchmarks.link.outage import Outage
from benchmarks.link.rate import Rate
from benchmarks.link.reorder import Reorder
from benchmarks.link.units import Refused, looks_like_number

ORDER: list[type[Impairment]] = [Outage, Duplicate, Loss, GEModel, Corrupt, Rate, Delay, Reorder]
"""In which they are applied."""

KINDS: dict[str, type[Impairment]] = {
    kind.option: kind for kind in (Delay, Loss, Duplicate, Reorder, Corrupt, Rate, Outage)
}
"""By the word they begin with."""

PARTS: dict[str, type[Impairment]] = {
    "random": Loss,
    "gemodel": GEModel,
    "clock": GEModel,
    "distribution": Delay,
    "uniform": Delay,
    "normal": Delay,
    "ordered": Delay,
    "gap": Reorder,
    "limit": Rate,
}
"""Words that only mean something behind another one."""

ELSEWHERE = {
    "jitter": "Jitter is the second time of a delay: write delay 20ms 5ms.",
    "pareto": "There is no distribution 'pareto' here: write uniform or normal.",
    "paretonormal": "There is no distribution 'paretonormal' here: write uniform or normal.",
    "state": "This lab has no 'loss state': loss gemodel makes bursts.",
    "ecn": "This lab marks no packets (ecn): what is lost is dropped.",
    "slot": "This lab has no 'slot': rate holds packets back.",
    "seed": "The seed belongs to the link and not to one direction: give it as --seed.",
}
"""What netem or a person might say, and what to say here."""


NONE = "none"
"""Behind the word of an impairment, in a change: it is to go."""


def parse(text: str) -> list[Impairment]:
    """The impairments of a specification, in the order in which they are applied; [] of nothing. Raises Refused."""
    return arrange(_read(text))


def canonical(text: str) -> str:
    """The same specification as this lab writes it. Two that mean the same are written the same."""
    return show(parse(text))


def show(impairments: Iterable[Impairment]) -> str:
    """The specification of these impairments."""
    return " ".join(str(impairment) for impairment in impairments)


def merge(base: str, change: str) -> str:
    """What holds if `change` is changed in `base`: each of its words replaces the one of the same name; a change of
    outages replaces all of them. `rate none` takes the rate away, and so does `loss 0%` the loss."""
    words = change.split()
    away = {word for word, then in pairwise(words) if word in KINDS and then == NONE}
    changes = _read(" ".join(_without(words)))
    changed = {impairment.option for impairment in changes} | away
    kept = [impairment for impairment in _read(base) if impairment.option not in changed]
    return show(impairment for impairment in arrange(kept + changes) if not impairment.idle)


def _without(words: list[str]) -> Iterator[str]:
    """The words but for those that take something away."""
    at = 0
    while at < len(words):
        if words[at] in KINDS and words[at + 1 : at + 2] == [NONE]:
            at += 2
        else:
            yield words[at]
            at += 1


def without_loss(text: str) -> str:
    """What remains of it if every packet is to arrive whole and once: delay, reorder and rate."""
    return show(impairment for impairment in parse(text) if impairment.harmless)


def arrange(impairments: Iterable[Impairment]) -> list[Impairment]:
    """These in the order in which they are applied, and made known to each other. Raises Refused if one lacks
    another."""
    arranged = sorted(impairments, key=lambda impairment: ORDER.index(type(impairment)))
    delay = next((one for one in arranged if isinstance(one, Delay)), None)
    reorder = next((one for one in arranged if isinstance(one, Reorder)), None)
    if reorder is not None and (delay is None or not (delay.time or delay.jitter)):
        raise Refused(
            "reorder needs a delay: a packet can only overtake others that wait. Write delay 20ms "
            f"{reorder}, for example."
        )
    if delay is not None:
        delay.reorder = reorder
    return arranged


def _read(text: str) -> list[Impairment]:
    """The impairments in the order of the text."""
    words = Words(_with_units(text.lower().split()))
    found: list[Impairment] = []
    while word := words.peek():
        if word not in KINDS:
            raise Refused(_unknown(word, words.before, found))
        words.take("a word")
        kind = KINDS[word]
        if kind is Loss and not words.take_if("random") and words.take_if("gemodel"):
            kind = GEModel
        words.usage = kind.usage
        if words.peek() in ELSEWHERE:
            raise Refused(ELSEWHERE[words.peek()])
        impairment = kind.parse(words)
        _refuse_second(impairment, found)
        found.append(impairment)
    return found


def _with_units(words: list[str]) -> list[str]:
    """The words, and `20 ms` as the one that was meant."""
    joined: list[str] = []
    for word in words:
        apart = (
            word not in KINDS and word not in PARTS and word not in ELSEWHERE and not looks_like_number(word)
        )
        counted = len(joined) > 1 and joined[-2] in ("limit", "gap")  # numbers without a unit
        if apart and not counted and joined and re.fullmatch(r"[+-]?[0-9.]*[0-9]", joined[-1]):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _refuse_second(impairment: Impairment, found: list[Impairment]) -> None:
    for other in found:
        if other.option == impairment.option and not isinstance(impairment, Outage):
            if type(other) is not type(impairment):
                raise Refused(f"A line has one kind of loss: take {str(other)!r} or {str(impairment)!r}.")
            raise Refused(f"There are two of {impairment.option!r}: write one, {other} or {impairment}.")


def _unknown(word: str, before: str, found: list[Impairment]) -> str:
    """What to say to a word that can't be here."""
    if word in ELSEWHERE:
        return ELSEWHERE[word]
    if looks_like_number(word):
        if not found:
            return f"{word!r} of what? Write delay 20ms, loss 5% or another of {', '.join(KINDS)}."
        if word.endswith("%") and not isinstance(found[-1], GEModel):
            return (
                f"{before!r} is followed by {word!r}, in netem a correlation. This lab has no correlations, since "
                f"they change the share that was asked for. Leave {word!r} out; loss gemodel makes bursts."
            )
        return f"{word!r} is one number too many: write {found[-1].usage}."
    if word in PARTS:
        return f"{word!r} belongs behind {PARTS[word].option!r}: write {PARTS[word].usage}."
    known = [*KINDS, *PARTS]
    near = difflib.get_close_matches(word, known, 1)
    hint = f": did you mean {near[0]!r}?" if near else "."
    return f"There is no {word!r} here{hint} There are {', '.join(KINDS)}."

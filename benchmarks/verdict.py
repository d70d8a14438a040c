"""What the figures say, in sentences: who lost what, who was quicker and whether that means anything."""

from collections.abc import Iterator
from itertools import combinations

from benchmarks.measure import Figures
from benchmarks.process import WHY_UNKNOWN
from benchmarks.table import PAGE, Spread, three_digits
from common.statistics import BEYOND, milliseconds


def sentences(results: dict[str, list[Figures]]) -> list[str]:
    """The findings, of the runs of each contestant, by name."""
    found = [_reliability(results)]
    for one, other in combinations(results, 2):
        for name in ("p50", "p99"):
            found += _faster(name, one, results[one], other, results[other])
    if len(results) > 1 and min(len(runs) for runs in results.values()) == 1:
        found.append("A single run has no spread: whether a difference means anything can't be said from it.")
    return found


def warnings(results: dict[str, list[Figures]]) -> list[str]:
    """What is wrong with the figures, or missing from them."""
    found = [*_suspects(results), *_still_coming(results)]
    everything = [run for runs in results.values() for run in runs]
    for name, percent in (("p50", 50), ("p90", 90), ("p99", 99)):
        missing = [run.latency.n for run in everything if getattr(run.latency, name) is None]
        if missing:
            needed = round(BEYOND / (1 - percent / 100))
            found.append(
                f"{name} is – where a run had fewer than {needed:,} deliveries (here {min(missing):,}): fewer than "
                f"{BEYOND} would lie beyond it. Raise --seconds, --rate or --members."
            )
            break
    if any(run.cpu_per_delivery is None and run.delivered for run in everything):
        found.append(f"The server's CPU time and memory are unknown: {WHY_UNKNOWN}.")
    found += _little_memory(results)
    return found


def _reliability(results: dict[str, list[Figures]]) -> str:
    clean, flawed = [], []
    for name, runs in results.items():
        expected = sum(run.expected for run in runs)
        counts = {
            "lost": sum(run.lost for run in runs),
            "doubled": sum(run.doubled for run in runs),
            "delivered out of order": sum(run.out_of_order for run in runs),
        }
        if any(counts.values()):
            what = " and ".join(
                f"{verb} {count:,} ({100 * count / expected:.3g} %)"
                for verb, count in counts.items()
                if count
            )
            flawed.append(f"{name} {what} of {expected:,} deliveries")
        else:
            clean.append(name)
    if not flawed:
        return f"{_names(clean)} lost nothing, doubled nothing and kept the order."
    without = f"; {_names(clean)} lost nothing, doubled nothing and kept the order" if clean else ""
    return "; ".join(flawed) + without + "."


def _faster(name: str, one: str, runs: list[Figures], other: str, others: list[Figures]) -> Iterator[str]:
    """Whose percentile was lower, by what factor, and whether every repeat agrees."""
    mine = Spread.of([getattr(run.latency, name) for run in runs])
    its = Spread.of([getattr(run.latency, name) for run in others])
    if mine is None or its is None:
        return
    if its.median < mine.median:
        one, other, mine, its = other, one, its, mine
    factor = its.median / mine.median if mine.median else float("inf")
    sentence = (
        f"{name}: {one} {milliseconds(mine.median)}, {other} {milliseconds(its.median)} "
        f"(factor {three_digits(factor)})"
    )
    if min(mine.runs, its.runs) > 1:
        if mine.overlaps(its):
            sentence += ". The repeats' ranges overlap: these runs show no difference"
        else:
            sentence += f". The repeats' ranges do not overlap: {one} was quicker in all of them"
    yield sentence + "."


def _little_memory(results: dict[str, list[Figures]]) -> Iterator[str]:
    for name, runs in results.items():
        unseen = [run for run in runs if run.memory_per_member is not None and run.memory_per_member < PAGE]
        if unseen:
            yield (
                f"In {_which(len(unseen), name, runs)} the server grew by less than a page (4 KiB) a member, which "
                "is less than can be told: more --members would show it."
            )


def _suspects(results: dict[str, list[Figures]]) -> Iterator[str]:
    for name, runs in results.items():
        suspects = [run.suspect for run in runs if run.suspect]
        if suspects:
            yield (
                f"In {_which(len(suspects), name, runs)} the load may have been the bottleneck ({suspects[0]}): "
                "those latencies are the load's as much as the server's."
            )


def _still_coming(results: dict[str, list[Figures]]) -> Iterator[str]:
    for name, runs in results.items():
        count = sum(run.still_coming for run in runs)
        if count:
            yield (
                f"At the end of {_which(count, name, runs)} messages were still arriving: of what "
                "is counted as lost some was only late, and the latencies would be longer still."
            )


def _which(count: int, name: str, runs: list[Figures]) -> str:
    return f"{count} of {len(runs)} {name} runs" if len(runs) > 1 else f"the {name} run"


def _names(names: list[str]) -> str:
    return " and ".join(names) if len(names) < 3 else ", ".join(names[:-1]) + f" and {names[-1]}"

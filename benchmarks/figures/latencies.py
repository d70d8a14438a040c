"""How long it took: the share of everything expected that has arrived by a time, a panel for each profile."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.figures.look import (
    GREY,
    WIDTH,
    Deliveries,
    Samples,
    handle,
    house_style,
    look,
    only_words,
    part_of,
    profiles_of,
    short,
    title_of,
    unique,
)
from benchmarks.result_format import Document
from benchmarks.summary import spared
from benchmarks.wording import extent
from common.statistics import BEYOND


def nines(share: "float | Samples") -> Samples:
    """Where a share stands on an axis on which 90, 99 and 99.9 % are equally far apart."""
    return -np.log10(1 - np.asarray(share, dtype=np.float64))


def arrived(latencies: Samples, points: int = 300) -> tuple[Samples, Samples]:
    """Seconds, and the share of everything expected (with NaN for what was lost) that has arrived by then: as many
    points as an eye needs, equally far apart on the axis of `nines`. Ends where fewer than 10 are beyond, as a
    percentile does."""
    expected = len(latencies)
    ordered = np.sort(latencies[~np.isnan(latencies)])
    last = min(len(ordered), expected - BEYOND)
    if last < 1:
        return np.empty(0), np.empty(0)
    end = float(nines(last / expected))
    ranks = np.unique(np.ceil((1 - 10.0 ** -np.linspace(0, end, points)) * expected - 1e-9).astype(np.int64))
    ranks = np.union1d(ranks[ranks > 0], [1, last])
    ranks = ranks[ranks <= last]
    return ordered[ranks - 1], ranks / expected


def latency(document: Document, deliveries: Deliveries) -> Figure:
    """The share arrived over the time it took, a panel for each profile."""
    pooled = pool(deliveries)
    profiles = profiles_of(document)
    transports = unique([*(run.transport for run in document.runs), *(which[1] for which in pooled)])
    with house_style():
        columns = 1 if len(profiles) == 1 else 2
        rows = max(1, math.ceil(len(profiles) / columns))
        height = 1.15 + (3.4 if columns == 1 else 2.15) * rows
        figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(wspace=0.05))
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        panels = list(grid.flat)
        if not pooled:
            for axes in panels[1:]:
                axes.remove()
            return only_words(figure, panels[0], "No deliveries were recorded: there is no latency to show.")
        curves = {which: arrived(sample) for which, sample in pooled.items()}
        for axes, profile in zip(panels, profiles, strict=False):
            _latency_panel(axes, document, profile, transports, pooled, curves)
        _latency_axes(panels[0], curves.values())
        for number, axes in enumerate(panels):
            if number >= len(profiles):
                axes.set_axis_off()
            elif number + columns >= len(profiles):
                axes.tick_params(labelbottom=True)
        figure.supxlabel("latency since the message was due, ms (log scale)", fontsize=10)
        figure.supylabel("arrived by then, % of all expected", fontsize=10)
        handles = [handle(look(name, transports), title_of(name), marker=False) for name in transports]
        colour = look(transports[-1], transports).colour
        handles.append(Line2D([], [], color=colour, lw=0.8, label="what is above it never arrives"))
        handles.append(Line2D([], [], color=GREY, lw=1, ls=":", label="delay of the link, both ways"))
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    return figure


def pool(deliveries: Deliveries) -> dict[tuple[str, str], Samples]:
    """The latencies of all repeats together, by profile and transport."""
    parts: dict[tuple[str, str], list[Samples]] = {}
    for (profile, transport, _), series in deliveries.items():
        parts.setdefault((profile, transport), []).append(np.asarray(series.latency))
    return {which: np.concatenate(those) for which, those in sorted(parts.items())}


def _latency_panel(
    axes: Axes,
    document: Document,
    profile: str,
    transports: Sequence[str],
    pooled: Mapping[tuple[str, str], Samples],
    curves: Mapping[tuple[str, str], tuple[Samples, Samples]],
) -> None:
    words, sizes = [], []
    untouched = spared(document.summary)
    for number, transport in enumerate(transports):
        sample = pooled.get((profile, transport))
        if sample is None:
            words.append(f"{title_of(transport)}: not measured")
            continue
        sizes.append(len(sample))
        lost = int(np.isnan(sample).sum())
        bare = " (link not applied)" if (profile, transport) in untouched else ""
        words.append(f"{title_of(transport)} lost {part_of(lost, len(sample))}{bare}")
        style = look(transport, transports)
        seconds, shares = curves[profile, transport]
        heights = nines(shares)
        width = 1.6 if number else 2.8  # where one lies on the other, both are seen
        axes.step(1e3 * seconds, heights, color=style.colour, ls=style.line, lw=width, where="post")
        if lost >= BEYOND and len(seconds):
            axes.plot([1e3 * seconds[-1], 1e9], [heights[-1]] * 2, color=style.colour, lw=0.8)
    axes.set_title(short(profile), loc="left", fontweight="bold", pad=17)
    note = ", ".join(words) + (f"  (n = {extent(sizes)})" if sizes else "")
    axes.text(0, 1.03, note, transform=axes.transAxes, fontsize=8, color=GREY, va="bottom")
    asked = document.profiles.get(profile)
    delay = sum(asked.expected_delay.values()) if asked else 0.0
    if delay > 0:
        axes.axvline(1e3 * delay, color=GREY, lw=1, ls=":", zorder=1)
    axes.grid()


def _latency_axes(axes: Axes, curves: Iterable[tuple[Samples, Samples]]) -> None:
    """The axes that all panels share."""
    known = [(seconds, shares) for seconds, shares in curves if len(seconds)]
    low = min((float(seconds[0]) for seconds, _ in known), default=0.001)
    high = max((float(seconds[-1]) for seconds, _ in known), default=1.0)
    top = max((float(nines(shares[-1])) for _, shares in known), default=2.0)
    low, high = 1e3 * max(low, 1e-6), 1e3 * max(high, 2e-6)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.3, high * 1.6)
    decades = [10.0**power for power in range(-3, 8)]
    named = (1, 2, 5) if high / low < 30 else (1,)  # or hardly any would be in sight
    axes.xaxis.set_major_locator(FixedLocator([k * ten for ten in decades for k in named]))
    axes.xaxis.set_minor_locator(FixedLocator([k * ten for ten in decades for k in range(2, 10)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axes.set_ylim(0, max(top, 1.0) * 1.04)
    ticks = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999]
    axes.yaxis.set_major_locator(FixedLocator([float(nines(tick)) for tick in ticks]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * (1 - 10.0**-value):.6g}"))
    axes.yaxis.set_minor_locator(NullLocator())

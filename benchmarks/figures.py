"""The three figures of a result: what arrived, how long it took, and how that went over time.

    delivery   the share delivered over the loss asked for, with 95 % intervals and what theory expects
    latency    the share of everything expected that has arrived by a time, a panel for each profile
    timeline   each delivery of one run over time, with what was lost and what TCP sent again

Made from the document and the deliveries of a result alone, each as PNG and as SVG, for paper and for a
projector. Every colour comes with a marker and a line style of its own, so that nobody needs to see colours. The
same data gives the same files, whatever matplotlib's settings on this machine. What is missing (a transport, a
capture) is said in the figure in words.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from benchmarks import traffic
from benchmarks.deliveries import Series, Which
from benchmarks.estimate import Interval
from benchmarks.link.units import Refused
from benchmarks.result_format import Document, Run
from benchmarks.summary import Summary, spared
from benchmarks.wording import extent, named, percent
from common.statistics import BEYOND
from common.visible import visible

FIGURES = "figures"
FORMATS = ("png", "svg")
DPI = 200
WIDTH = 7.2
"""Inches: the width of a page's text, at which the letters are as large as the page's."""

MANY = 20_000
"""Deliveries of a run, from which on they are drawn smaller."""

GREY = "#555555"
LIGHT = "#d8d8d8"
BLACK = "#000000"

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "text.parse_math": False,  # a $ in somebody's words is a $
    "svg.fonttype": "path",
    "svg.hashsalt": "chat-lab",
}

Samples = NDArray[np.float64]
Deliveries = Mapping[Which, Series]


@dataclass(frozen=True)
class Look:
    """How a transport is drawn. Colours after Okabe and Ito: told apart by everyone, and in grey."""

    colour: str
    marker: str
    filled: bool
    line: str | tuple[int, tuple[float, ...]]


LOOKS = {
    "tcp": Look("#0072B2", "o", True, "-"),
    "udp": Look("#D55E00", "s", False, (0, (5, 2))),
}
OTHERS = (Look("#009E73", "^", True, "-."), Look("#CC79A7", "D", False, ":"))


def look(transport: str, among: Sequence[str]) -> Look:
    """How `transport` is drawn `among` the transports of a result."""
    if transport in LOOKS:
        return LOOKS[transport]
    others = [name for name in among if name not in LOOKS]
    return OTHERS[others.index(transport) % len(OTHERS)]


def write(document: Document, deliveries: Deliveries, directory: Path) -> dict[str, list[Path]]:
    """All figures, as files in `directory`/figures: the paths of each by its name, PNG first. Raises OSError."""
    figures: dict[str, Callable[[], Figure]] = {
        "delivery": lambda: delivery(document),
        "latency": lambda: latency(document, deliveries),
        "timeline": lambda: timeline(document, deliveries, directory),
    }
    return {name: save(make(), directory / FIGURES, name) for name, make in figures.items()}


def save(figure: Figure, directory: Path, name: str) -> list[Path]:
    """The figure as PNG and SVG in `directory`, which is made. A file has its name once it is complete."""
    directory.mkdir(exist_ok=True)
    paths = [directory / f"{name}.{suffix}" for suffix in FORMATS]
    for path, suffix in zip(paths, FORMATS, strict=True):
        part = path.with_name(f".{path.name}.part")
        # Neither a date nor a version: the same data is the same file.
        metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        try:
            with _style(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing from font")  # it draws a box instead
                figure.savefig(part, format=suffix, dpi=DPI, facecolor="white", metadata=metadata)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return paths


# --- what arrived ---------------------------------------------------------------------------------


def delivery(document: Document) -> Figure:
    """The share delivered over the loss asked for."""
    with _style():
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        axes = figure.subplots()
        points = [one for one in document.summary if one.delivered_share is not None]
        if not points:
            return _only_words(figure, axes, "Nothing was delivered, and nothing was expected.")
        profiles = sorted(_unique(one.profile for one in points), key=lambda name: _loss(document, name))
        losses = [_loss(document, name) for name in profiles]
        widest = max(max(losses) * 1.1, 0.02)
        _delivery_axes(axes, points, widest)
        # Points that would cover each other move a little apart; their names have more room, above.
        places = spread([_root(loss) / _root(widest) for loss in losses], 0.032, 0.025)
        slots = spread(places, 0.05, 0.025)
        lowest = {name: min(_share(one).low for one in points if one.profile == name) for name in profiles}
        for name, place, slot in zip(profiles, places, slots, strict=True):
            stem = axes.get_xaxis_transform()  # x as data, y as a share of the height
            at, top = place * _root(widest), slot * _root(widest)
            axes.plot([at, at], [100 * lowest[name], axes.get_ylim()[1]], color=LIGHT, lw=0.8, zorder=0.5)
            axes.plot([at, top], [1.0, 1.045], color=GREY, lw=0.6, transform=stem, clip_on=False)
            axes.text(
                top, 1.055, _short(name), transform=stem, rotation=38, rotation_mode="anchor", va="center"
            )
        curve = np.linspace(0, widest, 200)
        axes.plot(np.sqrt(curve), 100 * (1 - curve) ** 2, color=BLACK, lw=1.0, ls=(0, (1, 1.5)), zorder=1)
        _delivery_points(
            axes, points, {name: at * _root(widest) for name, at in zip(profiles, places, strict=True)}
        )
        _delivery_legend(axes, document, points)
    return figure


def _delivery_axes(axes: Axes, points: Sequence[Summary], widest: float) -> None:
    lowest = 100 * min([(1 - widest) ** 2, *(_share(one).low for one in points)])
    height = max(100 - lowest, 0.1)
    axes.set_ylim(max(100 - 1.08 * height, -2), 100 + 0.06 * height)
    axes.set_ylabel("deliveries that arrived, %")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value <= 100 else ""))
    axes.grid(axis="y")
    ticks = [loss for loss in (0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1) if loss <= widest]
    axes.set_xlim(0, _root(widest))
    axes.xaxis.set_major_locator(FixedLocator([_root(loss) for loss in ticks]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda root, _: f"{100 * root * root:g}"))
    axes.set_xlabel("loss asked for on the link, one way, % (square-root scale)")


def _delivery_points(axes: Axes, points: Sequence[Summary], places: Mapping[str, float]) -> None:
    transports = _unique(one.transport for one in points)
    aside = (axes.get_xlim()[1] - axes.get_xlim()[0]) * 0.006
    for number, transport in enumerate(transports):
        mine = [one for one in points if one.transport == transport]
        shares = [_share(one) for one in mine]
        style = look(transport, transports)
        axes.errorbar(
            [places[one.profile] + aside * (2 * number - len(transports) + 1) for one in mine],
            [100 * share.estimate for share in shares],
            [
                [100 * max(share.estimate - share.low, 0.0) for share in shares],
                [100 * max(share.high - share.estimate, 0.0) for share in shares],
            ],
            color=style.colour,
            marker=style.marker,
            markersize=7,
            markerfacecolor=style.colour if style.filled else "white",
            markeredgewidth=1.6,
            ls="none",
            elinewidth=1.6,
            capsize=3.5,
            clip_on=False,
            zorder=3 + number,
        )


def _delivery_legend(axes: Axes, document: Document, points: Sequence[Summary]) -> None:
    transports = _unique(one.transport for one in points)
    untouched = spared(document.summary)
    bare = {
        one.transport: "\n(the link was not applied to it)"
        if (one.profile, one.transport) in untouched
        else ""
        for one in sorted(points, key=lambda one: _loss(document, one.profile))
    }
    handles = [
        _handle(look(name, transports), f"{_title(name)}, with 95 % interval{bare[name]}", line=False)
        for name in transports
    ]
    handles.append(
        Line2D(
            [],
            [],
            color=BLACK,
            lw=1.0,
            ls=(0, (1, 1.5)),
            label="expected of UDP: (1 − p)²\n(to the server, and on to a member)",
        )
    )
    numbers = [one.expected for one in points]
    axes.legend(
        handles=handles,
        loc="lower left",
        facecolor="white",
        edgecolor="none",
        framealpha=0.9,
        title=f"n = {extent(numbers)} deliveries a point",
        alignment="left",
        title_fontsize=9,
    )


# --- how long it took -----------------------------------------------------------------------------


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
    profiles = _profiles(document)
    transports = _unique([*(run.transport for run in document.runs), *(which[1] for which in pooled)])
    with _style():
        columns = 1 if len(profiles) == 1 else 2
        rows = max(1, math.ceil(len(profiles) / columns))
        height = 1.15 + (3.4 if columns == 1 else 2.15) * rows
        figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(wspace=0.05))
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        panels = list(grid.flat)
        if not pooled:
            for axes in panels[1:]:
                axes.remove()
            return _only_words(figure, panels[0], "No deliveries were recorded: there is no latency to show.")
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
        handles = [_handle(look(name, transports), _title(name), marker=False) for name in transports]
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
            words.append(f"{_title(transport)}: not measured")
            continue
        sizes.append(len(sample))
        lost = int(np.isnan(sample).sum())
        bare = " (link not applied)" if (profile, transport) in untouched else ""
        words.append(f"{_title(transport)} lost {_part(lost, len(sample))}{bare}")
        style = look(transport, transports)
        seconds, shares = curves[profile, transport]
        heights = nines(shares)
        width = 1.6 if number else 2.8  # where one lies on the other, both are seen
        axes.step(1e3 * seconds, heights, color=style.colour, ls=style.line, lw=width, where="post")
        if lost >= BEYOND and len(seconds):
            axes.plot([1e3 * seconds[-1], 1e9], [heights[-1]] * 2, color=style.colour, lw=0.8)
    axes.set_title(_short(profile), loc="left", fontweight="bold", pad=17)
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


# --- how it went ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A row of ticks under a panel. `missing` says why there are none to show."""

    name: str
    colour: str
    seconds: Samples
    missing: str = ""


def timeline(document: Document, deliveries: Deliveries, directory: Path) -> Figure:
    """Each delivery of one run of each transport, over the profile with the most loss. `directory` is that of the
    result, where its captures are."""
    runs = {(run.profile, run.transport, run.repeat): run for run in document.runs}
    known = {which: run for which, run in runs.items() if which in deliveries}
    chosen = _most_lossy(document, known)
    transports = _unique(run.transport for run in document.runs) or ["tcp", "udp"]
    untouched = spared(document.summary)
    shown = {name: _exemplar(known, chosen, name, directory) for name in transports}
    with _style():
        figure = Figure(figsize=(WIDTH, 0.4 + 3.1 * len(transports)), layout="constrained")
        heights = [height for name in transports for height in (1.0, 0.1 * len(_marks(name)) + 0.1)]
        panels: list[Axes] = list(figure.subplots(2 * len(transports), 1, sharex=True, height_ratios=heights))
        end, highest = 0.0, 0.0
        for number, transport in enumerate(transports):
            axes, strip = panels[2 * number : 2 * number + 2]
            which = shown[transport]
            if which is None:
                over = f" over {_short(chosen)}" if chosen else ""
                _words(axes, f"No run of {_title(transport)}{over} is in this result.")
                strip.set_axis_off()
                continue
            series = deliveries[which]
            due, taken = np.asarray(series.due), 1e3 * np.asarray(series.latency)
            style = look(transport, transports)
            _scatter(axes, due, taken, style)
            bare = " (the link was not applied to it)" if (chosen, transport) in untouched else ""
            axes.set_title(_run_title(which, taken) + bare, loc="left")
            axes.set_ylabel("latency, ms")
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            rows = _rows(known[which], due, taken, style, directory)
            _strip(strip, rows)
            seconds = np.concatenate([due, *(row.seconds for row in rows)])
            end = max(end, float(seconds.max(initial=0.0)))
            highest = max(highest, float(np.nanmax(taken, initial=0.0)))
        for axes in panels[::2]:
            axes.set_ylim(0, 1.05 * highest or 1.0)
        panels[0].set_xlim(0, end * 1.005 or 1.0)
        panels[-1].set_xlabel("time since the run began, s (of a delivery: when it was due)")
        panels[-1].tick_params(labelbottom=True)
        figure.align_ylabels(panels[::2])
    return figure


def _most_lossy(document: Document, runs: Mapping[Which, Run]) -> str:
    """The profile with the most loss: asked for, or, among equals, seen. What all transports met comes first."""
    transports = {which[1] for which in runs}

    def loss(name: str) -> tuple[bool, float, int]:
        mine = {which: run for which, run in runs.items() if which[0] == name}
        complete = {which[1] for which in mine} == transports
        return complete, _loss(document, name), sum(run.lost for run in mine.values())

    return max(_unique(which[0] for which in runs), key=loss, default="")


def _exemplar(runs: Mapping[Which, Run], profile: str, transport: str, directory: Path) -> Which | None:
    """The run to show: the first with a capture, or the first."""
    mine = sorted(which for which in runs if which[:2] == (profile, transport))
    captured = [which for which in mine if _capture(runs[which], directory)]
    return next(iter(captured + mine), None)


def _capture(run: Run, directory: Path) -> Path | None:
    """Where the capture of a run is, if there is one."""
    path = directory / run.capture if run.capture else None
    return path if path and path.is_file() else None


def _scatter(axes: Axes, due: Samples, taken: Samples, style: Look) -> None:
    axes.plot(
        due,
        taken,
        ls="none",
        marker=style.marker,
        ms=2.2 if len(due) < MANY else 1.5,
        mew=0,
        color=style.colour,
        alpha=_faint(len(due), 0.12),
        rasterized=True,  # as pixels, also in the SVG: as shapes, thousands of points would be megabytes
    )
    axes.grid()


def _faint(count: int, least: float) -> float:
    """How opaque each of so many marks is, so that where there are more of them it is darker."""
    return max(least, min(0.6, 0.3 * MANY / max(count, 1)))


def _run_title(which: Which, taken: Samples) -> str:
    profile, transport, repeat = which
    lost = int(np.isnan(taken).sum())
    return (
        f"{_title(transport)} over {_short(profile)}, repeat {repeat}: "
        f"n = {len(taken):,} deliveries, {_part(lost, len(taken))} lost"
    )


def _rows(run: Run, due: Samples, taken: Samples, style: Look, directory: Path) -> list[Row]:
    """What is marked under the panel of a run."""
    rows = [Row("never arrived", style.colour, due[np.isnan(taken)])]
    nothing = np.empty(0)
    names = _marks(run.transport)
    path = _capture(run, directory)
    if path is None:
        missing = "not known: no capture of this run"
        return rows + [Row(name, BLACK, nothing, missing) for name in names]
    try:
        seen = [event for event in traffic.events(path) if event.protocol == run.transport]
    except (Refused, OSError):
        missing = "not known: the capture can't be read"
        return rows + [Row(name, BLACK, nothing, missing) for name in names]
    for name, kind in zip(names, ("lost", "retransmission"), strict=False):
        seconds = np.array(
            [(event.time_ns - run.start_wall_ns) / 1e9 for event in seen if event.kind == kind]
        )
        rows.append(Row(name, BLACK, seconds[seconds >= 0]))
    return rows


def _marks(transport: str) -> list[str]:
    """What a capture has to say about a run."""
    return ["lost on the link", *(["sent again by TCP"] if transport == "tcp" else [])]


def _strip(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.yaxis.set_major_locator(FixedLocator(range(len(rows))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: rows[round(value)].name))
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.spines["left"].set_visible(False)
    for height, row in enumerate(rows):
        if row.missing:
            axes.text(
                0.005,
                height,
                row.missing,
                transform=axes.get_yaxis_transform(),
                fontsize=8,
                color=GREY,
                va="center",
            )
        elif not len(row.seconds):
            axes.text(
                0.005,
                height,
                "none",
                transform=axes.get_yaxis_transform(),
                fontsize=8,
                color=GREY,
                va="center",
            )
        else:
            axes.vlines(
                row.seconds,
                height - 0.36,
                height + 0.36,
                color=row.colour,
                lw=0.7,
                alpha=0.6,
                rasterized=True,
            )


# --- small things ---------------------------------------------------------------------------------


def spread(wanted: Sequence[float], gap: float, margin: float = 0.0) -> list[float]:
    """Places between `margin` and 1 - `margin`, in the order of `wanted` (ascending) and at least `gap` apart, that
    are as near to those wanted as they can be. If there is no room, as far apart as there is."""
    if not wanted:
        return []
    room = 1 - 2 * margin
    gap = min(gap, room / max(len(wanted) - 1, 1))
    # Without the gaps the places need only ascend: neighbours that do not are put at their mean, together.
    blocks: list[list[float]] = []
    for number, place in enumerate(wanted):
        blocks.append([place - number * gap])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    highest = 1 - margin - (len(wanted) - 1) * gap
    even = [min(max(float(np.mean(block)), margin), highest) for block in blocks for _ in block]
    return [place + number * gap for number, place in enumerate(even)]


def _style() -> AbstractContextManager[None]:
    return matplotlib.style.context(["default", STYLE])


def _handle(style: Look, label: str, *, line: bool = True, marker: bool = True) -> Line2D:
    return Line2D(
        [],
        [],
        color=style.colour,
        ls=style.line if line else "none",
        lw=1.8,
        marker=style.marker if marker else "none",
        markerfacecolor=style.colour if style.filled else "white",
        markeredgewidth=1.6,
        markersize=7,
        label=label,
    )


def _only_words(figure: Figure, axes: Axes, sentence: str) -> Figure:
    _words(axes, sentence)
    return figure


def _words(axes: Axes, sentence: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color=GREY, wrap=True)


def _profiles(document: Document) -> list[str]:
    """In the order of the table."""
    return _unique([*(one.profile for one in document.summary), *(run.profile for run in document.runs)])


def _loss(document: Document, profile: str) -> float:
    """What is asked for, one way."""
    asked = document.profiles.get(profile)
    return asked.one_way_loss if asked else 0.0


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _share(one: Summary) -> Interval:
    assert one.delivered_share is not None
    return one.delivered_share


def _root(share: float) -> float:
    return math.sqrt(max(share, 0.0))


def _title(transport: str) -> str:
    return _short(named(transport))


def _short(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= 28 else f"{shown[:27]}…"


def _part(count: int, of: int) -> str:
    return f"{percent(count / of)} %" if count else "none"

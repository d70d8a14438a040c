"""The curves of an experiment: points with their intervals, beside what was expected of them.

`tcp` and `udp` are drawn as everywhere; whatever else there is has a colour, a marker and a line of its own. Points of
several series at the same place stand a little apart, so that their intervals can be seen. The key stands below, where
no data is. What can't be drawn (a value that was not measured, nothing or less on a logarithmic axis) is a gap, and the
latter is said.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from benchmarks.figures.letters import width_of, wrapped
from benchmarks.figures.look import (
    BLACK,
    GREY,
    LOOKS,
    OTHERS,
    WIDTH,
    Look,
    handle,
    house_style,
    only_words,
    unique,
    words,
)
from benchmarks.labbook.chart import Curves, Panel, Reference, Series
from common.visible import visible

MORE = (*OTHERS, Look("#000000", "v", True, (0, (1, 1))), Look("#56B4E9", "P", False, (0, (7, 1.5, 1, 1.5))))
"""The looks of whatever is neither transport, in their order."""

CROWD = 40
"""Points of a series from which on its line has no markers, and points alone are small."""

APART, CATEGORIES_APART = 3.0, 8.0
"""Points (of 1/72 inch) between series at the same place: of numbers, of categories."""

BAND = "#e2e2e2"
DOTS = (0, (1, 1.5))

SLANT = 38
"""Degrees, of categories' names that have no room beside each other."""

MARGIN = 0.85
"""Inches that the numbers and the name of an axis take."""


def curves(chart: Curves) -> Figure:
    """The figure of a chart of curves."""
    with house_style():
        count = len(chart.panels)
        columns = max(count, 1) if chart.beside else 1
        rows = 1 if chart.beside else max(count, 1)
        height = 0.75 + (3.4 if rows == 1 else 2.9) * rows
        layout = ConstrainedLayoutEngine(wspace=0.05, hspace=0.06)
        figure = Figure(figsize=(WIDTH, height), layout=layout)
        grid: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
        if not count:
            return only_words(figure, grid[0], "There is nothing to show.")
        looks = _looks(one.look for panel in chart.panels for one in panel.series)
        rooms = [_room(panel, WIDTH / columns) for panel in chart.panels]
        heads = [_head(panel, room) for panel, room in zip(chart.panels, rooms, strict=True)]
        for axes, panel, head, room in zip(grid, chart.panels, heads, rooms, strict=True):
            # Titles that are side by side stand at the same height.
            lines = max(_lines(note) for _, note in (heads if chart.beside else [head]))
            _panel(axes, panel, head, lines, looks, room)
        _key(figure, chart.panels, looks)
        if rows > 1:
            figure.align_ylabels(grid)
    return figure


def _looks(names: Iterable[str]) -> dict[str, Look]:
    """How each look of a chart is drawn."""
    found = unique(names)
    others = [name for name in found if name not in LOOKS]
    return {name: LOOKS.get(name) or MORE[others.index(name) % len(MORE)] for name in found}


def _room(panel: Panel, inches: float) -> float:
    """How wide the axes of a panel that is so wide can be."""
    room = inches - MARGIN - 0.17 * (_lines(_y_label(panel)) - 1)
    names, slanted = _categories(panel, room)
    # The first of slanted names begins to the left of the axes.
    beyond = width_of(names[0], 9) * math.cos(math.radians(SLANT)) - 0.6 if slanted else 0.0
    return room - max(0.0, beyond)


def _y_label(panel: Panel) -> str:
    return wrapped(panel.y_label, 2.4, 10)


def _head(panel: Panel, room: float) -> tuple[str, str]:
    """A panel's title and what stands small below it, in lines of so many inches."""
    notes = [panel.note] if panel.note else []
    if hidden := sum(_hidden(panel, one) for one in panel.series):
        points = "point is" if hidden == 1 else "points are"
        notes.append(f"{hidden} {points} not above 0: a logarithmic axis has no place for that.")
    note = wrapped(" ".join(notes), room, 8) if notes else ""
    return wrapped(panel.title, room, 10, bold=True), note


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _panel(
    axes: Axes, panel: Panel, head: tuple[str, str], lines: int, looks: dict[str, Look], room: float
) -> None:
    """One pair of axes, `room` inches wide, under a title and a note that has up to so many `lines`."""
    title, note = head
    axes.set_title(title, loc="left", fontweight="bold", pad=6 + 11 * lines)
    if note:
        axes.annotate(
            note, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points",
            fontsize=8, color=GREY, va="bottom", linespacing=1.1,
        )  # fmt: skip
    if not any(_drawable(panel, one) for one in panel.series):
        words(axes, "Nothing of this was measured.")
        return
    axes.set_xscale("log" if panel.x_log else "linear")
    axes.set_yscale("log" if panel.y_log else "linear")
    axes.set_xlabel(wrapped(panel.x_label, room, 10))
    axes.set_ylabel(_y_label(panel))
    _limits(axes, panel)
    for reference in panel.references:
        _reference(axes, panel, reference)
    apart = CATEGORIES_APART if panel.ticks else APART
    for number, one in enumerate(panel.series):
        aside = 0.0 if one.steps else apart * (number - (len(panel.series) - 1) / 2)
        _series(axes, panel, one, looks[one.look], aside, 3 + number)
    _x_axis(axes, panel, room)
    _y_axis(axes, panel)


def _known(panel: Panel, x: float, y: float | None) -> bool:
    """Whether a point can be drawn."""
    if y is None or not math.isfinite(x) or not math.isfinite(y):
        return False
    return not (panel.x_log and x <= 0) and not (panel.y_log and y <= 0)


def _drawable(panel: Panel, one: Series) -> bool:
    return any(_known(panel, x, y) for x, y in zip(one.x, one.y, strict=True))


def _hidden(panel: Panel, one: Series) -> int:
    """How many points have a value, but no place on a logarithmic axis."""
    return sum(
        y is not None and math.isfinite(y) and math.isfinite(x) and not _known(panel, x, y)
        for x, y in zip(one.x, one.y, strict=True)
    )


def _series(axes: Axes, panel: Panel, one: Series, style: Look, aside: float, zorder: float) -> None:
    """The points of a series; `aside` is how many points (of 1/72 inch) they stand beside their place."""
    heights = [
        y if y is not None and _known(panel, x, y) else math.nan for x, y in zip(one.x, one.y, strict=True)
    ]
    crowd = len(one.x) > CROWD
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    moved = axes.transData + ScaledTranslation(aside / 72, 0, figure.dpi_scale_trans)
    marker = "" if one.steps or (crowd and one.joined) else style.marker
    axes.plot(
        one.x,
        heights,
        transform=moved,
        color=style.colour,
        ls=style.line if one.joined or one.steps else "none",
        lw=1.8,
        drawstyle="steps-post" if one.steps else "default",
        marker=marker,
        ms=2.5 if crowd else 6.5,
        mew=0 if crowd else 1.6,
        mfc=style.colour if style.filled or crowd else "white",  # a hollow mark so small would not be seen
        alpha=0.5 if crowd and not one.joined else 1.0,
        rasterized=crowd and not one.joined,
        clip_on=False,  # a mark on the edge is a whole mark, and nothing is beyond it
        label=f"_{one.name}",
        zorder=zorder,
    )
    if not (one.low and one.high):
        return
    lows, highs = [], []
    for x, y, low, high in zip(one.x, heights, one.low, one.high, strict=True):
        known = low is not None and high is not None and _known(panel, x, y)
        # An end that a logarithmic axis has no place for is drawn to its edge.
        lows.append(
            max(low, 1e-12) if known and low is not None and panel.y_log else low if known else math.nan
        )
        highs.append(high if known else math.nan)
    below = [y - low if low is not None else math.nan for y, low in zip(heights, lows, strict=True)]
    above = [high - y if high is not None else math.nan for y, high in zip(heights, highs, strict=True)]
    axes.errorbar(
        one.x,
        heights,
        [[max(value, 0.0) for value in below], [max(value, 0.0) for value in above]],
        transform=moved,
        fmt="none",
        ecolor=style.colour,
        elinewidth=1.4,
        capsize=3.5,
        zorder=zorder,
    )


def _reference(axes: Axes, panel: Panel, reference: Reference) -> None:
    """What was expected, behind the data: of categories a stretch around each, of a single place all along."""
    stretches: list[tuple[Sequence[float], Sequence[float], Sequence[float]]] = []
    if panel.ticks or len(reference.x) == 1:
        half = 0.38 * _pitch(panel)
        for number, place in enumerate(reference.x):
            ends = (place - half, place + half) if panel.ticks else axes.get_xlim()
            high = [reference.high[number]] * 2 if reference.high else []
            stretches.append((ends, [reference.y[number]] * 2, high))
    else:
        stretches.append((reference.x, reference.y, reference.high))
    for x, low, up_to in stretches:
        if up_to:
            axes.fill_between(x, low, up_to, color=BAND, lw=0, zorder=0.8, label=f"_{reference.name}")
        else:
            axes.plot(x, low, color=BLACK, lw=1.2, ls=DOTS, zorder=1.5, label=f"_{reference.name}")


def _pitch(panel: Panel) -> float:
    """How far apart categories are."""
    places = sorted(at for at, _ in panel.ticks)
    return min((b - a for a, b in pairwise(places) if b > a), default=1.0)


# --- the axes -------------------------------------------------------------------------------------


def _limits(axes: Axes, panel: Panel) -> None:
    """So that everything is in sight: points that stand aside of their place are nothing that matplotlib minds."""
    places = [x for one in panel.series for x, y in zip(one.x, one.y, strict=True) if _known(panel, x, y)]
    places += [x for one in panel.references for x in one.x if x > 0 or not panel.x_log]
    heights = list(_values(panel))
    axes.set_xlim(_around(places, 0.04, log=panel.x_log))
    low, high = _around(heights, 0.06, log=panel.y_log)
    if not panel.y_log and panel.y_from_zero and min(heights) >= 0:
        low, high = 0.0, high if max(heights) > 0 else 1.0
    axes.set_ylim(low, high)
    if panel.ticks:
        half = 0.6 * _pitch(panel)
        named = [at for at, _ in panel.ticks]
        axes.set_xlim(min([*places, *named]) - half, max([*places, *named]) + half)


def _around(values: Sequence[float], share: float, *, log: bool) -> tuple[float, float]:
    """From a bit less than the lowest to a bit more than the highest."""
    low, high = min(values), max(values)
    if log:
        factor = max((high / low) ** share, 1.15)
        return low / factor, high * factor
    edge = share * (high - low) or abs(high) * share or 1.0
    return low - edge, high + edge


def _x_axis(axes: Axes, panel: Panel, room: float) -> None:
    axes.tick_params(axis="x", which="both", labelsize=9)
    if not panel.ticks:
        if panel.x_log:
            _plain(axes, "x")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
            axes.xaxis.set_major_formatter(FuncFormatter(_number))
        axes.grid(axis="x")
        return
    names, slanted = _categories(panel, room)
    places = [at for at, _ in panel.ticks]
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_minor_locator(NullLocator())
    if slanted:
        axes.set_xticks(places, names, rotation=SLANT, ha="right", rotation_mode="anchor", linespacing=1.0)
    else:
        axes.set_xticks(places, names, linespacing=1.05)
    axes.tick_params(axis="x", length=0)


def _categories(panel: Panel, room: float) -> tuple[list[str], bool]:
    """The names of the categories in lines that have room, and whether they must be slanted for that."""
    if not panel.ticks:
        return [], False
    places = [at for at, _ in panel.ticks]
    pitch = room / ((max(places) - min(places)) / _pitch(panel) + 1.2)
    names = [visible(name) for _, name in panel.ticks]
    longest = max((width_of(word, 9) for name in names for word in name.split()), default=0.0)
    if longest <= pitch - 0.08:
        return [wrapped(name, pitch - 0.08, 9) for name in names], False
    lines = max(1, int(pitch * math.sin(math.radians(SLANT)) / 0.15))
    broken = [wrapped(name, 1.5, 9).split("\n") for name in names]
    return ["\n".join(those[:lines]) + ("…" if len(those) > lines else "") for those in broken], True


def _y_axis(axes: Axes, panel: Panel) -> None:
    if panel.y_log:
        _plain(axes, "y")
    else:
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(_number))
    axes.grid(axis="y")


def _values(panel: Panel) -> Iterable[float]:
    """Every height that must be in sight: of points, ends of intervals, and what was expected."""
    for one in panel.series:
        for number, (x, y) in enumerate(zip(one.x, one.y, strict=True)):
            if not _known(panel, x, y):
                continue
            ends = [y, *(column[number] for column in (one.low, one.high) if column)]
            yield from (end for end in ends if end is not None and (end > 0 or not panel.y_log))
    for reference in panel.references:
        yield from (y for y in (*reference.y, *reference.high) if y > 0 or not panel.y_log)


def _plain(axes: Axes, which: str) -> None:
    """A logarithmic axis with numbers as people write them, and enough of them."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    decades = [10.0**power for power in range(-9, 13)]
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(1 + one / 10 for one in range(90))):
        ticks = [step * ten for ten in decades for step in steps if low <= step * ten <= high]
        if len(ticks) >= 3:
            break
    axis.set_major_locator(FixedLocator(ticks[:: -(-len(ticks) // 9)]))
    axis.set_major_formatter(FuncFormatter(_number))
    axis.set_minor_locator(
        FixedLocator([n * ten for ten in decades for n in range(2, 10) if low <= n * ten <= high])
    )
    axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axes.grid(axis=which)  # type: ignore[arg-type]


def _number(value: float, _: int | None) -> str:
    """1,000 and 0.05, with a minus that is one."""
    return f"{float(f'{value:.6g}'):,.10g}".replace("-", "−")


# --- the key --------------------------------------------------------------------------------------


def _key(figure: Figure, panels: Sequence[Panel], looks: dict[str, Look]) -> None:
    """What is what, once for all panels, below them."""
    found: dict[str, Line2D | Patch] = {}
    for panel in panels:
        for one in panel.series:
            if one.name and _drawable(panel, one):
                style = looks[one.look]
                marker = not one.steps and not (one.joined and len(one.x) > CROWD)
                found.setdefault(
                    visible(one.name),
                    handle(style, visible(one.name), line=one.joined or one.steps, marker=marker),
                )
    for panel in panels:
        for reference in panel.references:
            name = visible(reference.name)
            if not name or not any(_drawable(panel, one) for one in panel.series):
                continue
            if reference.high:
                found.setdefault(name, Patch(facecolor=BAND, lw=0))
            else:
                found.setdefault(name, Line2D([], [], color=BLACK, lw=1.2, ls=DOTS))
    if not found:
        return
    names = [wrapped(name, WIDTH - 1.0, 9) for name in found]
    widest = max(width_of(name, 9) for name in names)
    columns = max(1, min(len(names), 4, int((WIDTH - 0.1) / (widest + 0.62))))
    figure.legend(
        list(found.values()),
        names,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        handlelength=2.6,
        columnspacing=1.4,
    )

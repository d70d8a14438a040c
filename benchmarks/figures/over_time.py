"""How it went: each delivery of one run over time, with what was lost and what TCP sent again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from benchmarks import traffic
from benchmarks.deliveries import Which
from benchmarks.figures.look import (
    BLACK,
    GREY,
    WIDTH,
    Deliveries,
    Look,
    Samples,
    house_style,
    look,
    loss_of,
    part_of,
    short,
    title_of,
    unique,
    words,
)
from benchmarks.link.units import Refused
from benchmarks.result_format import Document, Run
from benchmarks.summary import spared

MANY = 20_000
"""Deliveries of a run, from which on they are drawn smaller."""


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
    transports = unique(run.transport for run in document.runs) or ["tcp", "udp"]
    untouched = spared(document.summary)
    shown = {name: _exemplar(known, chosen, name, directory) for name in transports}
    with house_style():
        figure = Figure(figsize=(WIDTH, 0.4 + 3.1 * len(transports)), layout="constrained")
        heights = [height for name in transports for height in (1.0, 0.1 * len(_marks(name)) + 0.1)]
        panels: list[Axes] = list(figure.subplots(2 * len(transports), 1, sharex=True, height_ratios=heights))
        end, highest = 0.0, 0.0
        for number, transport in enumerate(transports):
            axes, strip = panels[2 * number : 2 * number + 2]
            which = shown[transport]
            if which is None:
                over = f" over {short(chosen)}" if chosen else ""
                words(axes, f"No run of {title_of(transport)}{over} is in this result.")
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
        return complete, loss_of(document, name), sum(run.lost for run in mine.values())

    return max(unique(which[0] for which in runs), key=loss, default="")


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
        f"{title_of(transport)} over {short(profile)}, repeat {repeat}: "
        f"n = {len(taken):,} deliveries, {part_of(lost, len(taken))} lost"
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

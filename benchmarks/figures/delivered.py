"""What arrived: the share delivered over the loss asked for, with 95 % intervals and what theory expects."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from benchmarks.figures.look import (
    BLACK,
    GREY,
    LIGHT,
    WIDTH,
    handle,
    house_style,
    look,
    loss_of,
    only_words,
    root,
    share_of,
    short,
    spread,
    title_of,
    unique,
)
from benchmarks.result_format import Document
from benchmarks.summary import Summary, spared
from benchmarks.wording import extent


def delivery(document: Document) -> Figure:
    """The share delivered over the loss asked for."""
    with house_style():
        figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
        axes = figure.subplots()
        points = [one for one in document.summary if one.delivered_share is not None]
        if not points:
            return only_words(figure, axes, "Nothing was delivered, and nothing was expected.")
        profiles = sorted(unique(one.profile for one in points), key=lambda name: loss_of(document, name))
        losses = [loss_of(document, name) for name in profiles]
        widest = max(max(losses) * 1.1, 0.02)
        _delivery_axes(axes, points, widest)
        # Points that would cover each other move a little apart; their names have more room, above.
        places = spread([root(loss) / root(widest) for loss in losses], 0.032, 0.025)
        slots = spread(places, 0.05, 0.025)
        lowest = {name: min(share_of(one).low for one in points if one.profile == name) for name in profiles}
        for name, place, slot in zip(profiles, places, slots, strict=True):
            stem = axes.get_xaxis_transform()  # x as data, y as a share of the height
            at, top = place * root(widest), slot * root(widest)
            axes.plot([at, at], [100 * lowest[name], axes.get_ylim()[1]], color=LIGHT, lw=0.8, zorder=0.5)
            axes.plot([at, top], [1.0, 1.045], color=GREY, lw=0.6, transform=stem, clip_on=False)
            axes.text(
                top, 1.055, short(name), transform=stem, rotation=38, rotation_mode="anchor", va="center"
            )
        curve = np.linspace(0, widest, 200)
        axes.plot(np.sqrt(curve), 100 * (1 - curve) ** 2, color=BLACK, lw=1.0, ls=(0, (1, 1.5)), zorder=1)
        _delivery_points(
            axes, points, {name: at * root(widest) for name, at in zip(profiles, places, strict=True)}
        )
        _delivery_legend(axes, document, points)
    return figure


def _delivery_axes(axes: Axes, points: Sequence[Summary], widest: float) -> None:
    lowest = 100 * min([(1 - widest) ** 2, *(share_of(one).low for one in points)])
    height = max(100 - lowest, 0.1)
    axes.set_ylim(max(100 - 1.08 * height, -2), 100 + 0.06 * height)
    axes.set_ylabel("deliveries that arrived, %")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value <= 100 else ""))
    axes.grid(axis="y")
    ticks = [loss for loss in (0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1) if loss <= widest]
    axes.set_xlim(0, root(widest))
    axes.xaxis.set_major_locator(FixedLocator([root(loss) for loss in ticks]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda root, _: f"{100 * root * root:g}"))
    axes.set_xlabel("loss asked for on the link, one way, % (square-root scale)")


def _delivery_points(axes: Axes, points: Sequence[Summary], places: Mapping[str, float]) -> None:
    transports = unique(one.transport for one in points)
    aside = (axes.get_xlim()[1] - axes.get_xlim()[0]) * 0.006
    for number, transport in enumerate(transports):
        mine = [one for one in points if one.transport == transport]
        shares = [share_of(one) for one in mine]
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
    transports = unique(one.transport for one in points)
    untouched = spared(document.summary)
    bare = {
        one.transport: "\n(the link was not applied to it)"
        if (one.profile, one.transport) in untouched
        else ""
        for one in sorted(points, key=lambda one: loss_of(document, one.profile))
    }
    handles = [
        handle(look(name, transports), f"{title_of(name)}, with 95 % interval{bare[name]}", line=False)
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

"""What the figures have in common: how a transport is drawn, how a figure is saved, and small things."""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from benchmarks.deliveries import Series, Which
from benchmarks.estimate import Interval
from benchmarks.result_format import Document
from benchmarks.summary import Summary
from benchmarks.wording import named, percent
from common.visible import visible

FIGURES = "figures"
FORMATS = ("png", "svg")
DPI = 200
WIDTH = 7.2
"""Inches: the width of a page's text, at which the letters are as large as the page's."""

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


def save(figure: Figure, directory: Path, name: str) -> list[Path]:
    """The figure as PNG and SVG in `directory`, which is made. A file has its name once it is complete."""
    directory.mkdir(exist_ok=True)
    paths = [directory / f"{name}.{suffix}" for suffix in FORMATS]
    for path, suffix in zip(paths, FORMATS, strict=True):
        part = path.with_name(f".{path.name}.part")
        # Neither a date nor a version: the same data is the same file.
        metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        try:
            with house_style(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing from font")  # it draws a box instead
                figure.savefig(part, format=suffix, dpi=DPI, facecolor="white", metadata=metadata)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return paths


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


def house_style() -> AbstractContextManager[None]:
    return matplotlib.style.context(["default", STYLE])


def handle(style: Look, label: str, *, line: bool = True, marker: bool = True) -> Line2D:
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


def only_words(figure: Figure, axes: Axes, sentence: str) -> Figure:
    words(axes, sentence)
    return figure


def words(axes: Axes, sentence: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color=GREY, wrap=True)


def profiles_of(document: Document) -> list[str]:
    """In the order of the table."""
    return unique([*(one.profile for one in document.summary), *(run.profile for run in document.runs)])


def loss_of(document: Document, profile: str) -> float:
    """What is asked for, one way."""
    asked = document.profiles.get(profile)
    return asked.one_way_loss if asked else 0.0


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def share_of(one: Summary) -> Interval:
    assert one.delivered_share is not None
    return one.delivered_share


def root(share: float) -> float:
    return math.sqrt(max(share, 0.0))


def title_of(transport: str) -> str:
    return short(named(transport))


def short(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= 28 else f"{shown[:27]}…"


def part_of(count: int, of: int) -> str:
    return f"{percent(count / of)} %" if count else "none"

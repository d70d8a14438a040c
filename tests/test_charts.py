"""The figures of experiments, drawn of made-up charts: what their artists say, and that all words can be read."""

import math
import struct
import warnings
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from msgspec.structs import replace as altered

from benchmarks.figures import look
from benchmarks.figures.anatomy import anatomy
from benchmarks.figures.charts import draw
from benchmarks.figures.curves import MORE, curves
from benchmarks.figures.letters import width_of, wrapped
from benchmarks.labbook.chart import Anatomy, Chart, Curves, Delivered, Packet, Panel, Reference, Series
from tests.test_figures import texts, x, y

LOSSES = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0]

P99 = Panel(
    "How late the last hundredth is",
    "loss each way, %",
    "p99 of latency, ms",
    [
        Series(
            "TCP",
            "tcp",
            LOSSES,
            [25.5, 176, 176, 300, 576, 2400],
            [25.4, 150, 160, 276, 500, 1500],
            [25.9, 200, 190, 450, 900, 6000],
        ),
        Series("UDP", "udp", LOSSES, [25.5, 25.6, 25.6, None, 25.7, 25.6]),
    ],
    [Reference("seen before", [1, 2, 5, 10], [170, 170, 276, 450], [182, 182, 450, 650])],
    y_log=True,
    note="n = 1,500 messages a point",
)

SHARE = Panel(
    "What arrives",
    "loss each way, %",
    "delivered, %",
    [Series("UDP", "udp", LOSSES, [100, 99, 98, 95, 90, 80])],
    [Reference("1 − p", LOSSES, [100 - loss for loss in LOSSES])],
)

SERVERS = Panel(
    "What a member costs, by the server that was asked, which is a title that has no room in one line of the figure",
    "",
    "memory, KiB",
    [
        Series("TCP", "tcp", [0, 1, 2], [22, 13, 4], [20, 10, 3], [24, 15, 6], joined=False),
        Series("UDP", "udp", [0, 1, 2], [12, None, 1], joined=False),
    ],
    [Reference("expected", [0, 1, 2], [20, 10, 3], [24, 16, 5])],
    [(0, "this lab"), (1, "half a character at the end of the receive buffer"), (2, "naive")],
)

ARRIVED = Panel(
    "Arrived by then",
    "latency, ms",
    "%",
    [
        Series(name, name, [5.0 * (at + 1), 70.0 * (at + 1)], [0.0, 100.0], steps=True)
        for at, name in enumerate(("tcp", "udp", "naive", "ngircd", "raw", "ours"))
    ],
    x_log=True,
)


def one(panel: Panel) -> Curves:
    """A figure of this panel alone."""
    return Curves("curves", "A caption.", [panel])


def axes_of(panel: Panel) -> Axes:
    """Drawn."""
    figure = curves(one(panel))
    figure.draw_without_rendering()
    return figure.axes[0]


def named(axes: Axes, name: str) -> Line2D:
    """The line of a series, or of what was expected."""
    return next(line for line in axes.lines if line.get_label() == f"_{name}")


# --- time lines -----------------------------------------------------------------------------------


def lost(count: int = 5, spacing: float = 0.1, again: float = 0.151) -> Anatomy:
    """Message 12 is lost and sent again; what comes behind it before that is held back; acknowledgements."""
    packets, messages = [], []
    release = again + 0.025
    for number in range(11, 11 + count):
        due = (number - 12) * spacing
        gone = number == 12
        packets.append(Packet(due, None if gone else due + 0.025, True, number))
        arrived = release if gone else due + 0.025
        if not gone:
            packets.append(Packet(arrived, arrived + 0.025, False))
        messages.append(Delivered(number, due, arrived, max(arrived, release) if number > 11 else arrived))
    packets.append(Packet(again, release, True, 12, True, "after SACK, 151 ms later"))
    window = (-1.15 * spacing, max(release, (count - 2) * spacing + 0.025) + 0.02)
    return Anatomy(
        "lost", "A caption.", "Message 12 over TCP: lost once", 12, packets, messages, window=window
    )


def outage(messages: int = 40) -> Anatomy:
    """Messages 20 and on are lost for 3 s and come all at once."""
    packets = [Packet(0.1 * at, None, True, 20 + at) for at in range(10)]
    packets += [
        Packet(0.3, None, True, 20, True, "timer, 300 ms later", 3),
        Packet(0.9, None, True, 20, True, "timer, 600 ms later (doubled)", 9),
        Packet(3.4, 3.425, True, 20, True, "timer, 2,500 ms later", messages),
    ]
    handed = [Delivered(20 + at, 0.1 * at, 3.425, 3.4255) for at in range(34)]
    handed += [
        Delivered(54 + at, 3.45 + 0.1 * at, 3.475 + 0.1 * at, 3.4755 + 0.1 * at)
        for at in range(messages - 34)
    ]
    return Anatomy(
        "outage", "", "Message 20 over TCP: lost 3 times", 20, packets, handed,
        outages=[(-0.05, 2.95)], window=(-0.3, 4.2),
    )  # fmt: skip


def datagrams() -> Anatomy:
    """Message 4 is lost."""
    messages = [
        Delivered(at, 0.1 * (at - 4), 0.1 * (at - 4) + 0.025, 0.1 * (at - 4) + 0.0252) for at in range(8)
    ]
    messages[4] = Delivered(4, 0.0, None, None)
    packets = [Packet(one.due, one.arrived, True, one.number) for one in messages]
    return Anatomy("datagrams", "", "Message 4 over UDP: lost", 4, packets, messages, "udp")


CHARTS: dict[str, Chart] = {
    "log": one(P99),
    "stacked": Curves("stacked", "", [SHARE, P99]),
    "beside": Curves("beside", "", [SHARE, P99], beside=True),
    "categories": one(SERVERS),
    "many categories": one(
        replace(
            SERVERS,
            series=[Series("TCP", "tcp", [float(at) for at in range(18)], [float(at) for at in range(18)])],
            references=[],
            ticks=[(float(at), f"pitfall-number-{at} of them") for at in range(18)],
        )
    ),
    "steps": one(ARRIVED),
    "three": Curves("three", "", [SHARE, ARRIVED, SERVERS]),
    "long names": one(
        replace(
            SHARE,
            x_label="the share of packets that the link was asked to lose in each direction, one by one, "
            * 2,
            y_label="the share of messages that were delivered " * 2,
            note="n = 1,500 messages a point, 30 flows, 5 repeats; " * 5,
            series=[
                Series("what a name this is, and it goes on and on " * 4, "new", LOSSES, [1, 2, 3, 4, 5, 6])
            ],
        )
    ),
    "nothing": one(replace(P99, series=[Series("TCP", "tcp", [1.0], [None])])),
    "no panels": Curves("none", "", []),
    "one lost": lost(),
    "head of line": lost(14, 0.02),
    "thick": lost(60, 0.005, 0.2),
    "alone": lost(3, 0.5, 0.251),
    "outage": outage(),
    "datagrams": datagrams(),
    "long title": altered(lost(), title="A title that says more than one line of a figure has room for " * 3),
    "no packets": Anatomy("none", "", "", 1, [], []),
}


@cache
def figure_of(name: str) -> Figure:
    """One of these, drawn."""
    chart = CHARTS[name]
    figure = anatomy(chart) if isinstance(chart, Anatomy) else curves(chart)
    figure.draw_without_rendering()
    return figure


def seen(figure: Figure) -> list[tuple[str, Bbox]]:
    """All that is written, and where."""
    found = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    said = [text for text in found if isinstance(text, Text) and text.get_text().strip()]
    hidden = {
        tick.label2
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
    }
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            edge = 1e-9 * (high - low)
            hidden |= {
                label
                for tick in axis.get_major_ticks()
                for label in (tick.label1,)
                if not low - edge <= tick.get_loc() <= high + edge or not axes.axison
            }
            if not axes.axison:
                hidden.add(axis.label)
    return [(text.get_text(), text.get_window_extent()) for text in said if text not in hidden]


@pytest.mark.parametrize("name", CHARTS)
def test_no_word_is_cut_off(name: str) -> None:
    """Whatever its length, it is within the figure, which is as wide as a page's text."""
    figure = figure_of(name)
    assert figure.get_figwidth() == look.WIDTH
    canvas = figure.bbox
    for text, box in seen(figure):
        assert canvas.x0 - 1 <= box.x0, text
        assert box.x1 <= canvas.x1 + 1, text
        assert canvas.y0 - 1 <= box.y0, text
        assert box.y1 <= canvas.y1 + 1, text


@pytest.mark.parametrize("name", CHARTS)
def test_no_word_stands_on_another(name: str) -> None:
    """Titles, notes, labels, numbers and keys have room of their own; slanted ones aside, whose boxes say nothing."""
    if name == "many categories":
        labels = figure_of(name).axes[0].get_xticklabels()
        assert {(label.get_rotation(), label.get_text().count("\n")) for label in labels} == {(38, 0)}
        assert labels[0].get_text().startswith("pitfall-number-0")
        return
    for (one_text, one_box), (other_text, other_box) in combinations(seen(figure_of(name)), 2):
        wide = min(one_box.x1, other_box.x1) - max(one_box.x0, other_box.x0)
        high = min(one_box.y1, other_box.y1) - max(one_box.y0, other_box.y0)
        assert wide <= 1 or high <= 3, (
            one_text,
            other_text,
        )  # boxes have room for letters that are not there


@pytest.mark.parametrize("name", CHARTS)
def test_the_key_stands_where_no_data_is(name: str) -> None:
    """Below the axes."""
    figure = figure_of(name)
    for key in figure.legends:
        assert key.get_window_extent().y1 <= min(axes.get_window_extent().y0 for axes in figure.axes)


def test_charts_are_files(tmp_path: Path) -> None:
    """PNG and SVG by the chart's name, the same of the same data whatever matplotlib was told."""
    for chart in (one(P99), lost(), outage(), datagrams()):
        with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.dpi": 30}):
            png, svg = draw(chart, tmp_path / "figures")
        assert (png.name, svg.name) == (f"{chart.name}.png", f"{chart.name}.svg")
        head = png.read_bytes()[:24]
        assert struct.unpack("!I", head[16:20])[0] == look.WIDTH * look.DPI
        assert ElementTree.parse(svg).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        before = png.read_bytes(), svg.read_bytes()
        assert draw(chart, tmp_path / "figures") == [png, svg]
        assert (png.read_bytes(), svg.read_bytes()) == before


# --- curves ---------------------------------------------------------------------------------------


def test_points_stand_where_they_were_measured() -> None:
    """With a gap for what was not, and the transport's look."""
    axes = axes_of(P99)
    tcp, udp = named(axes, "TCP"), named(axes, "UDP")
    assert x(tcp) == x(udp) == LOSSES
    assert y(tcp) == [25.5, 176, 176, 300, 576, 2400]
    assert [math.isnan(height) for height in y(udp)] == [False, False, False, True, False, False]
    assert (tcp.get_color(), tcp.get_marker()) == (look.LOOKS["tcp"].colour, "o")
    assert (udp.get_color(), udp.get_marker()) == (look.LOOKS["udp"].colour, "s")


def test_series_at_the_same_place_stand_apart() -> None:
    """By some points of 1/72 inch, so that both intervals are seen; categories a bit more."""
    for panel, apart in ((P99, 3.0), (SERVERS, 8.0)):
        axes = axes_of(panel)
        places = [
            named(axes, name).get_transform().transform((panel.series[0].x[1], 10.0))[0]
            for name in ("TCP", "UDP")
        ]
        figure = axes.get_figure(root=True)
        assert figure is not None
        assert (places[1] - places[0]) / figure.dpi * 72 == pytest.approx(apart)


def test_intervals_are_bars_with_caps() -> None:
    """From their low end to their high end; a point without one has none."""
    axes = axes_of(replace(P99, series=[replace(P99.series[0], low=[25.4, None, 160, 276, 500, 1500])]))
    (container,) = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    (lines,) = container.lines[2]
    assert isinstance(lines, LineCollection)
    ends = [[float(point[1]) for point in segment] for segment in lines.get_segments() if len(segment)]
    assert [one for one in ends if not np.isnan(one).any()] == [
        pytest.approx(pair) for pair in ([25.4, 25.9], [160, 190], [276, 450], [500, 900], [1500, 6000])
    ]
    assert len(container.lines[1]) == 2


@pytest.mark.parametrize("panel", [P99, SHARE, SERVERS, ARRIVED])
def test_everything_is_in_sight(panel: Panel) -> None:
    """Points, ends of intervals and what was expected are within the axes."""
    axes = axes_of(panel)
    left, right = axes.get_xlim()
    low, high = axes.get_ylim()
    for series in panel.series:
        assert all(left < at < right for at in series.x)
        assert all(low <= at < high for at in (*series.y, *series.low, *series.high) if at is not None)
    for reference in panel.references:
        assert all(low <= at < high for at in (*reference.y, *reference.high))


def test_logarithmic_axes_have_plain_numbers() -> None:
    """30, 100, 1,000: no powers."""
    labels = [label.get_text() for label in axes_of(P99).get_yticklabels()]
    assert labels == ["30", "100", "300", "1,000", "3,000"]
    labels = [label.get_text() for label in axes_of(ARRIVED).get_xticklabels()]
    assert {"10", "100"} <= set(labels)
    narrow = replace(P99, series=[Series("TCP", "tcp", [1, 2], [170.0, 180.0])], references=[])
    assert len(axes_of(narrow).get_yticklabels()) >= 3


def test_an_axis_begins_at_zero_unless_told_otherwise() -> None:
    """Else differences look larger than they are."""
    assert axes_of(SHARE).get_ylim()[0] == 0
    assert axes_of(replace(SHARE, y_from_zero=False)).get_ylim()[0] > 70
    below = replace(SHARE, series=[Series("UDP", "udp", [1, 2], [-3.0, 5.0])], references=[])
    assert axes_of(below).get_ylim()[0] < -3


def test_what_was_expected_is_a_band_or_a_dotted_line() -> None:
    """Grey or black, behind the data; of categories, a stretch for each."""
    line = named(axes_of(SHARE), "1 − p")
    assert (x(line), y(line)) == (LOSSES, [100 - loss for loss in LOSSES])
    assert (line.get_color(), line.get_linestyle()) == (look.BLACK, ":") or line.is_dashed()
    (band,) = [one for one in axes_of(P99).collections if one.get_label() == "_seen before"]
    assert band.get_zorder() < 1
    stretches = [one for one in axes_of(SERVERS).collections if one.get_label() == "_expected"]
    assert len(stretches) == 3
    alone = replace(SHARE, references=[Reference("one way", [5.0], [25.0])])
    axes = axes_of(alone)
    assert tuple(x(named(axes, "one way"))) == pytest.approx(axes.get_xlim())


def test_categories_have_names_in_place_of_numbers() -> None:
    """In as many lines as they need."""
    labels = [label.get_text() for label in axes_of(SERVERS).get_xticklabels()]
    assert [" ".join(label.split()) for label in labels] == [name for _, name in SERVERS.ticks]
    assert "\n" in labels[1]


def test_steps_hold_their_value() -> None:
    """Until the next point, without markers; each of many series has a look of its own."""
    axes = axes_of(ARRIVED)
    lines = [named(axes, series.name) for series in ARRIVED.series]
    assert {line.get_drawstyle() for line in lines} == {"steps-post"}
    assert {line.get_marker() for line in lines} <= {"", "None"}
    assert len({line.get_color() for line in lines}) == len(lines)
    everything = [*look.LOOKS.values(), *MORE]
    assert len({one.marker for one in everything}) == len({one.line for one in everything}) == len(everything)


def test_points_may_stand_alone() -> None:
    """Many of them are small, and pixels in the SVG, too."""
    many = Series(
        "each", "tcp", [float(at) for at in range(200)], [float(at) for at in range(200)], joined=False
    )
    line = named(axes_of(replace(SHARE, series=[many])), "each")
    assert (line.get_linestyle(), line.get_rasterized()) == ("None", True)
    few = named(axes_of(SERVERS), "TCP")
    assert (few.get_linestyle(), few.get_rasterized()) == ("None", False)
    assert few.get_markersize() > line.get_markersize()


def test_what_a_logarithmic_axis_can_not_show_is_said() -> None:
    """And left out."""
    panel = replace(P99, series=[Series("TCP", "tcp", [1, 2, 3], [0.0, 5.0, math.nan])], references=[])
    axes = axes_of(panel)
    assert [math.isnan(height) for height in y(named(axes, "TCP"))] == [True, False, True]
    (note,) = [text.get_text() for text in axes.texts]
    assert "1 point is not above 0" in " ".join(note.split())


def test_what_was_not_measured_is_said() -> None:
    """In words, under the title."""
    nothing = replace(P99, series=[Series("TCP", "tcp", [1.0], [None])])
    words = texts(curves(one(nothing)))
    assert "Nothing of this was measured." in words
    assert P99.title in words
    assert "There is nothing to show." in texts(curves(Curves("none", "", [])))


def test_the_key_names_everything_once() -> None:
    """For all panels together."""
    figure = figure_of("stacked")
    (key,) = figure.legends
    assert [text.get_text() for text in key.get_texts()] == ["UDP", "TCP", "1 − p", "seen before"]


def test_words_are_shown_and_never_obeyed() -> None:
    """No formula, no control character."""
    panel = replace(SHARE, title="$x^2$ \x1b[2J", series=[replace(SHARE.series[0], name="a\x07b _c")])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # `texts` draws without what `save` does about that
        said = texts(curves(one(panel)))
    assert "$x^2$ ␛[2J" in said
    assert "a␇b _c" in said


# --- letters --------------------------------------------------------------------------------------


def test_lines_are_no_wider_than_they_may_be() -> None:
    """They are broken between words, and a word only where it must be."""
    text = "half a character at the end of the receive buffer"
    lines = wrapped(text, 1.0, 9).split("\n")
    assert " ".join(lines) == text
    assert all(width_of(line, 9) <= 1.0 for line in lines)
    assert len(lines) > 2
    broken = wrapped("x" * 100, 1.0, 9).split("\n")
    assert "".join(broken) == "x" * 100
    assert all(width_of(line, 9) <= 1.0 for line in broken)

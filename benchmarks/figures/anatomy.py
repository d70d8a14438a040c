"""The time line of one message: who sent what when, what the link lost, what waited for what, what the program got.

Time runs from left to right. There are three lanes: the sender's kernel above, the receiver's kernel below it, and the
receiver's program at the bottom. A packet is an arrow down; an acknowledgement a thin one up; a bar between the two
lower lanes is a message that has arrived and is not handed on, because one before it is missing. The chosen message is
drawn strong.

Where marks are close together, what they say is thinned out, and what was handed over together is said together;
nothing is moved. Where everything stands, `lanes.py` says.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerPatch
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from benchmarks.figures.lanes import FEW, LEFT, RIGHT, ROW, SMALL, Bar, Layout, Row, duration
from benchmarks.figures.letters import width_of, wrapped
from benchmarks.figures.look import BLACK, GREY, LIGHT, WIDTH, house_style, only_words
from benchmarks.labbook.chart import Anatomy, Delivered, Packet

HALO = withStroke(linewidth=2.4, foreground="white")


def anatomy(chart: Anatomy) -> Figure:
    """The figure of a time line."""
    with house_style():
        if not chart.packets and not chart.messages:
            figure = Figure(figsize=(WIDTH, 2.0), layout="constrained")
            return only_words(
                figure, figure.subplots(), "Nothing is known of this message: no packet of it was seen."
            )
        return _Drawing(chart).draw()


class _Drawing:
    """The figure of one chart, whose heights follow from what there is to draw."""

    def __init__(self, chart: Anatomy) -> None:
        self.lay = Layout(chart)

    def draw(self) -> Figure:
        """All of it."""
        title = wrapped(self.lay.chart.title, WIDTH - 0.3, 10.5, bold=True)
        meanings = self._meanings()
        columns = 3
        above = 0.16 * (title.count("\n") + 1) + 0.2
        below = 0.55 + 0.2 * -(-len(meanings) // columns)
        total = above + self.lay.height + below
        figure = Figure(figsize=(WIDTH, total))
        figure.text(
            0.15 / WIDTH, 1 - 0.1 / total, title, va="top", fontsize=10.5, fontweight="bold", linespacing=1.1
        )
        box = (LEFT / WIDTH, below / total, self.lay.inches / WIDTH, self.lay.height / total)
        axes = self.axes = figure.add_axes(box)
        axes.set_xlim(1e3 * self.lay.begin, 1e3 * self.lay.end)
        axes.set_ylim(0, self.lay.height)
        self._lanes()
        self._outages()
        for packet in self.lay.chart.packets:
            self._packet(packet)
        self._sent_numbers()
        self._wait_spans()
        self._bars()
        self._verticals()
        self._deliveries()
        figure.legend(
            handles=[handle for _, handle in meanings],
            labels=[meaning for meaning, _ in meanings],
            loc="lower center",
            bbox_to_anchor=(0.5, 0.02 / total),
            ncols=columns,
            frameon=False,
            fontsize=SMALL,
            handlelength=2.6,
            columnspacing=1.6,
            labelspacing=0.35,
            handler_map={FancyArrowPatch: HandlerPatch(patch_func=_legend_arrow)},
        )
        return figure

    def _lanes(self) -> None:
        axes = self.axes
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.spines["bottom"].set_visible(True)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}".replace("-", "−")))
        axes.set_xlabel(f"time since message {self.lay.chart.chosen} was due, ms")
        axes.vlines(axes.get_xticks(), 0, self.lay.sender, color=LIGHT, lw=0.6, zorder=0.4)
        for height, name in (
            (self.lay.sender, "sender’s\nkernel"),
            (self.lay.kernel, "receiver’s\nkernel"),
            (self.lay.program, "receiver’s\nprogram"),
        ):
            axes.axhline(height, color=BLACK, lw=1.3, zorder=2)
            self._beside(height - (0.06 if height == self.lay.sender else 0), name, BLACK)
        self._beside(self.lay.numbers + ROW / 2, "message", GREY)

    def _beside(self, height: float, name: str, colour: str) -> None:
        """A word to the left of the lanes."""
        self.axes.text(
            -0.1 / self.lay.inches, height, name, transform=self.axes.get_yaxis_transform(),
            ha="right", va="center", fontsize=9 if colour == BLACK else SMALL, color=colour, linespacing=1.1,
        )  # fmt: skip

    def _outages(self) -> None:
        for begin, end in self.lay.chart.outages:
            left, right = max(begin, self.lay.begin), min(end, self.lay.end)
            if left >= right:
                continue
            self.axes.add_patch(
                Rectangle(
                    (1e3 * left, self.lay.kernel), 1e3 * (right - left), self.lay.sender - self.lay.kernel,
                    facecolor="#ececec", edgecolor="#c4c4c4", hatch="////", lw=0, zorder=0.6, label="_outage",
                )
            )  # fmt: skip
            lasting = f"{end - begin:.3g} s" if end - begin >= 1 else duration(end - begin)
            text = f"outage, {lasting}: nothing gets in"
            half = width_of(text, SMALL) / 2
            centre = min(
                max((self.lay.place(left) + self.lay.place(right)) / 2, half), self.lay.inches - half
            )
            self._words(centre, self.lay.kernel + 0.12, text, ha="center", va="center", color=BLACK)

    def _words(self, inches: float, height: float, text: str, **more: Any) -> Text:
        """Small letters at so many inches from the left."""
        x = 1e3 * (self.lay.begin + inches / self.lay.inches * (self.lay.end - self.lay.begin))
        look: dict[str, Any] = {
            "fontsize": SMALL,
            "linespacing": 1.05,
            "path_effects": [HALO],
            "zorder": 8,
        } | more
        return self.axes.text(x, height, text, **look)

    def _packet(self, packet: Packet) -> None:
        """An arrow from lane to lane, or half of one."""
        start, goal = (self.lay.sender, self.lay.kernel) if packet.up else (self.lay.kernel, self.lay.sender)
        chosen = self.lay.of_chosen(packet)
        lost = packet.arrives is None
        end = packet.enters + self.lay.flight / 2 if packet.arrives is None else packet.arrives
        crowd = sum(self.lay.seen(one.enters) for one in self.lay.chart.packets)
        if packet.up:
            colour, width, alpha = self.lay.colour, 2.2 if chosen else 1.1, 1.0 if chosen else 0.55
        else:
            colour, width, alpha = GREY, 0.7, max(0.35, min(0.8, 30 / crowd))
        middle = (start + goal) / 2
        x, y = [1e3 * packet.enters, 1e3 * end], [start, middle if lost else goal]
        look: dict[str, Any] = {
            "lw": width,
            "color": colour,
            "alpha": alpha,
            "zorder": 5 if chosen else 4 if packet.up else 3,
        }
        dashes = (0, (3.5, 1.8)) if packet.again else "-"
        self.axes.plot(
            x, y, ls=dashes, label="_again" if packet.again else "_packet" if packet.up else "_ack", **look
        )
        if not lost:
            # The head is an arrow of its own: it is not dashed.
            near = [one + 0.9 * (other - one) for one, other in ((x[0], x[1]), (y[0], y[1]))]
            size = 11 if chosen else 8 if packet.up else 6
            self._arrow((near[0], near[1]), (x[1], y[1]), "-|>", size, **look)
        if lost and self.lay.seen(end):
            self.axes.plot(
                [1e3 * end], [middle], ls="none", marker="x", zorder=6, label="_lost",
                color=BLACK if packet.up else GREY,
                ms=9 if chosen else 6 if packet.up else 4, mew=2.4 if chosen else 1.4 if packet.up else 1.0,
            )  # fmt: skip
            if chosen:
                self._say_lost(self.lay.place(end), middle)

    def _say_lost(self, at: float, height: float) -> None:
        """Beside the mark, or, where others are near, below it: no packet that is lost comes so far."""
        others = [
            self.lay.place(one.enters + self.lay.flight / 2) - at
            for one in self.lay.chart.packets
            if one.up and one.arrives is None
        ]
        look: dict[str, Any] = {"fontweight": "bold", "fontsize": 9.0}
        if any(0.01 < apart < 0.5 for apart in others) or at > self.lay.inches - 0.5:
            self._words(at, height - 0.16, "lost", ha="center", va="center", **look)
        else:
            self._words(at + 0.09, height, "lost", ha="left", va="center", **look)

    def _arrow(
        self, begin: tuple[float, float], end: tuple[float, float], style: str, size: float, **look: Any
    ) -> None:
        """From one place to another, both as data."""
        self.axes.add_patch(
            FancyArrowPatch(begin, end, arrowstyle=style, mutation_scale=size, shrinkA=0, shrinkB=0, **look)
        )

    def _sent_numbers(self) -> None:
        """Above the sender's lane: when each message was due, and what was sent again."""
        due = [one for one in self.lay.chart.messages if self.lay.seen(one.due)]
        ticks = [1e3 * one.due for one in due]
        self.axes.vlines(ticks, self.lay.sender, self.lay.sender + 0.07, color=BLACK, lw=1.0, zorder=2)
        row = Row()
        chosen = self.lay.chart.chosen

        def say(moment: float, text: str, bold: bool) -> None:
            half = width_of(text, SMALL, bold=bold) / 2
            centre = self.lay.place(moment)
            if (
                centre - half > -0.1
                and centre + half < self.lay.inches + RIGHT
                and row.take(centre - half, centre + half)
            ):
                self._words(
                    centre, self.lay.numbers, text, ha="center", va="bottom", fontweight="bold" if bold else "normal",
                    color=BLACK if bold else GREY,
                )  # fmt: skip

        again = [one for one in self.lay.chart.packets if one.up and one.again and self.lay.seen(one.enters)]
        for one in (one for one in due if one.number == chosen):
            say(one.due, str(one.number), True)
        for packet in sorted(again, key=lambda packet: not self.lay.of_chosen(packet)):
            last = (packet.message or 0) + packet.count - 1
            text = str(packet.message) if packet.count == 1 else f"{packet.message}–{last}"
            say(packet.enters, text, self.lay.of_chosen(packet))
        step = self.lay.step([one.due for one in due])
        for one in due:
            if (one.number - chosen) % step == 0:
                say(one.due, str(one.number), False)

    def _wait_spans(self) -> None:
        """How long the sender waited before it sent the chosen message again."""
        for (one, later, _), (row, centre, text) in zip(self.lay.spans, self.lay.span_places, strict=True):
            height = self.lay.first_span + row * self.lay.row_height
            for moment in (one.enters, later.enters):
                self.axes.vlines(
                    1e3 * moment,
                    self.lay.sender,
                    height + 0.04,
                    color=self.lay.colour,
                    lw=0.8,
                    ls=":",
                    zorder=1.5,
                )
            self._span(one.enters, later.enters, height)
            self._words(
                centre,
                height + 0.05,
                text,
                ha="center",
                va="bottom",
                color=self.lay.colour,
                fontweight="bold",
            )

    def _span(self, begin: float, end: float, height: float) -> None:
        """An arrow with two heads."""
        look: dict[str, Any] = {"lw": 1.2, "color": self.lay.colour, "zorder": 7, "label": "_span"}
        self._arrow((1e3 * begin, height), (1e3 * end, height), "<|-|>", 8, **look)

    def _bars(self) -> None:
        """What was held back between the kernel and the program."""
        behind = next((bar for bar in self.lay.held if min(bar.numbers) > self.lay.chart.chosen), None)
        for bar in self.lay.held:
            low = self.lay.first_bar + bar.level * self.lay.thick
            self.axes.add_patch(
                Rectangle(
                    (1e3 * bar.begin, low + 0.1 * self.lay.thick), 1e3 * (bar.end - bar.begin), 0.8 * self.lay.thick,
                    facecolor=_pale(self.lay.colour), edgecolor=self.lay.colour, lw=0.8, zorder=4, label="_held",
                )
            )  # fmt: skip
            self._bar_words(bar, low + self.lay.thick / 2, key=bar is behind)

    def _bar_words(self, bar: Bar, height: float, *, key: bool) -> None:
        who = str(bar.numbers[0]) if len(bar.numbers) == 1 else f"{bar.numbers[0]}–{bar.numbers[-1]}"
        left, right = (
            self.lay.place(max(bar.begin, self.lay.begin)),
            self.lay.place(min(bar.end, self.lay.end)),
        )
        size = SMALL if self.lay.thick >= 0.15 else 6.5
        full = f"{who} held back {duration(bar.end - bar.begin)}"
        for text in (full, who):
            if self.lay.thick >= 0.11 and width_of(text, size, bold=key) + 0.1 <= right - left:
                arrows = key and width_of(text, size, bold=key) + 0.6 <= right - left
                if arrows:
                    self._span(max(bar.begin, self.lay.begin), min(bar.end, self.lay.end), height)
                pale = {
                    "boxstyle": "square,pad=0.15",
                    "facecolor": _pale(self.lay.colour),
                    "edgecolor": "none",
                }
                self._words(
                    (left + right) / 2, height - 0.005, text, ha="center", va="center_baseline", fontsize=size,
                    fontweight="bold" if key else "normal", path_effects=[], bbox=pale if arrows else None,
                )  # fmt: skip
                return
            if key:
                break
        if key:
            wide = 0.08 + width_of(full, SMALL, bold=True)
            after = left < wide or (
                right + wide < self.lay.inches
                and self.lay.marks(right + 0.02, right + wide) < self.lay.marks(left - wide, left)
            )
            self._words(
                right + 0.08 if after else left - 0.08, height, full, ha="left" if after else "right",
                va="center_baseline", fontweight="bold", color=self.lay.colour,
            )  # fmt: skip

    def _verticals(self) -> None:
        """From the kernel's lane to the program's: at once, or by way of a bar."""
        bars = {number: bar for bar in self.lay.held for number in bar.numbers}
        for one in self.lay.chart.messages:
            if one.arrived is None or one.delivered is None:
                continue
            strong = one.number == self.lay.chart.chosen
            look: dict[str, Any] = {
                "color": self.lay.colour,
                "lw": 2.2 if strong else 0.9,
                "alpha": 1.0 if strong else 0.7,
            }
            zorder = 5 if strong else 3
            if bar := bars.get(one.number):
                low = self.lay.first_bar + bar.level * self.lay.thick
                self.axes.vlines(
                    1e3 * one.arrived, low + self.lay.thick / 2, self.lay.kernel, zorder=zorder, **look
                )
                self.axes.vlines(
                    1e3 * one.delivered, self.lay.program, low + self.lay.thick / 2, zorder=zorder, **look
                )
            else:
                self.axes.plot(
                    [1e3 * one.arrived, 1e3 * one.delivered],
                    [self.lay.kernel, self.lay.program],
                    zorder=zorder,
                    **look,
                )

    # --- the program's lane -----------------------------------------------------------------------

    def _deliveries(self) -> None:
        """What was handed to the program, and what never was."""
        rows = [Row() for _ in range(FEW + 1)]
        for one in self.lay.chart.messages:
            if one.delivered is None and self.lay.seen(one.due):
                self._never(one, rows[0])
        ordered = sorted(self.lay.groups, key=lambda group: (-self.lay.weight(group), group[0].delivered))
        for group in ordered:
            strong = any(one.number == self.lay.chart.chosen for one in group)
            self.axes.plot(
                [1e3 * (group[0].delivered or 0.0)], [self.lay.program], ls="none", marker=self.lay.marker,
                color=self.lay.colour, ms=9 if strong else 6, mec="white", mew=0.8, zorder=9, label="_delivered",
                clip_on=False,
            )  # fmt: skip
        for group in ordered:
            if self.lay.weight(group):
                self._say_group(group, rows)
        singles = [group[0] for group in ordered if not self.lay.weight(group)]
        moments = sorted(one.delivered or 0.0 for one in singles)
        step = self.lay.step(moments)
        nearest = min((self.lay.place(b) - self.lay.place(a) for a, b in pairwise(moments)), default=WIDTH)
        for one in singles:
            number = str(one.number)
            full = f"{number}  +{duration((one.delivered or 0.0) - one.due)}"
            texts = [full, number] if width_of(full, SMALL) + 0.08 < nearest else [number]
            if (one.number - self.lay.chart.chosen) % step == 0:
                self._say_single(self.lay.place(one.delivered or 0.0), texts, rows[0])

    def _say_group(self, group: Sequence[Delivered], rows: Sequence[Row]) -> None:
        """What was handed over together, in a column, on the side where fewer marks are."""
        place = self.lay.place(group[0].delivered or 0.0)
        near = self.lay.marks(place + 0.01, place + 0.25)
        for short in (False, True):
            lines = self.lay.lines(group, short=short)
            wide = max(width_of(text, SMALL, bold=loud) for text, loud in lines)
            right = place - 0.04, place - 0.04 + wide, "left"
            end = place - 0.06 if near else place + 0.04
            left = end - wide, end, "right"
            emptier = self.lay.marks(place + 0.01, right[1]) > self.lay.marks(left[0], place - 0.01)
            for begin, end, align in (left, right) if emptier else (right, left):
                if begin < -0.1 or end > self.lay.inches + RIGHT:
                    continue
                if not all(row.free(begin, end) for row in rows[: len(lines)]):
                    continue
                for row, height, (text, loud) in zip(rows, self._row_heights(), lines, strict=False):
                    row.take(begin, end)
                    self._words(
                        begin if align == "left" else end, height, text, ha=align, va="top",
                        color=BLACK if loud else GREY, fontweight="bold" if loud else "normal",
                    )  # fmt: skip
                return

    def _row_heights(self) -> Iterable[float]:
        return (self.lay.program - 0.09 - ROW * row for row in range(FEW + 1))

    def _say_single(self, place: float, texts: Sequence[str], row: Row, *, loud: bool = False) -> None:
        """The first of these texts for which there is room under a mark."""
        for text in texts:
            half = width_of(text, SMALL, bold=loud) / 2
            centre = min(max(place, half - 0.1), self.lay.inches + RIGHT - 0.02 - half)
            if abs(centre - place) < half and row.take(centre - half, centre + half):
                self._words(
                    centre, self.lay.program - 0.09, text, ha="center", va="top", color=BLACK if loud else GREY,
                    fontweight="bold" if loud else "normal",
                )  # fmt: skip
                return

    def _never(self, one: Delivered, row: Row) -> None:
        """An open mark, crossed out, when it was due."""
        strong = one.number == self.lay.chart.chosen
        at, size = ([1e3 * one.due], [self.lay.program]), 9 if strong else 7
        self.axes.plot(
            *at, ls="none", marker=self.lay.marker, mfc="white", mec=self.lay.colour, mew=1.4, ms=size, zorder=9,
            label="_never",
        )  # fmt: skip
        self.axes.plot(
            *at, ls="none", marker="x", color=BLACK, mew=1.5, ms=size, zorder=9.1, label="_crossed"
        )
        texts = [f"{one.number}  never", str(one.number)]
        self._say_single(self.lay.place(one.due), texts, row, loud=strong)

    # --- what it all means ------------------------------------------------------------------------

    def _meanings(self) -> list[tuple[str, Any]]:
        """What there is to explain, and nothing else: the words, and what is drawn before them."""
        chart, colour, marker = self.lay.chart, self.lay.colour, self.lay.marker
        packets = [one for one in chart.packets if self.lay.seen(one.enters)]
        found: list[tuple[str, Any]] = []

        def arrow(meaning: str, **more: Any) -> None:
            found.append((meaning, FancyArrowPatch((0, 0), (1, 0), arrowstyle="-|>", **more)))

        def mark(**more: Any) -> Line2D:
            return Line2D([], [], ls="none", **more)

        if any(self.lay.of_chosen(one) for one in packets):
            arrow(f"packet with message {chart.chosen}", color=colour, lw=2.2)
        if any(one.up and not self.lay.of_chosen(one) for one in packets):
            arrow("packet with another one", color=colour, lw=1.1, alpha=0.55)
        if any(one.again for one in packets):
            arrow("sent again", color=colour, lw=1.6, ls=(0, (3.5, 1.8)))
        if any(one.arrives is None for one in packets):
            found.append(("lost on the link", mark(marker="x", color=BLACK, ms=7, mew=2)))
        if any(not one.up for one in packets):
            arrow("acknowledgement", color=GREY, lw=0.8)
        if self.lay.held:
            bar = Patch(facecolor=_pale(colour), edgecolor=colour, lw=0.8)
            found.append(("arrived, held back: one is missing", bar))
        if self.lay.groups:
            dot = mark(marker=marker, color=colour, ms=6)
            found.append(("handed to the program, + time since due", dot))
        if any(one.delivered is None for one in chart.messages):
            found.append(
                (
                    "never arrived",
                    (
                        mark(marker=marker, mfc="white", mec=colour, mew=1.4, ms=7),
                        mark(marker="x", color=BLACK, mew=1.3, ms=7),
                    ),
                )
            )
        return found


def _legend_arrow(*, width: float, height: float, **_: Any) -> FancyArrowPatch:
    """An arrow in the legend."""
    return FancyArrowPatch(
        (0, 0.4 * height), (width, 0.4 * height), arrowstyle="-|>", mutation_scale=8, shrinkA=0, shrinkB=0
    )


def _pale(colour: str) -> str:
    """The same colour with much white in it."""
    parts = [round(255 - 0.22 * (255 - int(colour[at : at + 2], 16))) for at in (1, 3, 5)]
    return "#" + "".join(f"{part:02x}" for part in parts)

"""The figure of a time line says what its chart does: arrows, crosses, bars, marks and their words."""

from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from msgspec.structs import replace as altered

from benchmarks.figures import look
from benchmarks.figures.anatomy import anatomy
from benchmarks.labbook.chart import Anatomy, Packet
from tests.test_charts import datagrams, lost, outage
from tests.test_figures import texts, x, y


def labelled(figure: Figure, label: str) -> list[Line2D]:
    """The lines drawn as this."""
    return [line for line in figure.axes[0].lines if line.get_label() == f"_{label}"]


def bars(figure: Figure, label: str = "held") -> list[Rectangle]:
    """The rectangles drawn as this."""
    return [
        patch
        for patch in figure.axes[0].patches
        if isinstance(patch, Rectangle) and patch.get_label() == f"_{label}"
    ]


def test_a_packet_is_an_arrow_between_the_lanes() -> None:
    """From when it entered to when it arrived; one that is lost ends half-way in a cross; one sent again is dashed."""
    figure = anatomy(lost())
    packets = labelled(figure, "packet")
    assert x(packets[0]) == pytest.approx([-100, -75])
    sender, kernel = y(packets[0])
    gone = next(line for line in packets if x(line)[0] == 0)
    assert x(gone) == pytest.approx([0, 12.5])
    assert y(gone) == pytest.approx([sender, (sender + kernel) / 2])
    (cross,) = labelled(figure, "lost")
    assert x(cross) == pytest.approx([12.5])
    assert y(cross) == pytest.approx([y(gone)[1]])
    assert cross.get_marker() == "x"
    (again,) = labelled(figure, "again")
    assert x(again) == pytest.approx([151, 176])
    assert again.is_dashed()
    assert gone.get_linewidth() == again.get_linewidth() > packets[0].get_linewidth()
    assert "lost" in texts(figure)


def test_acknowledgements_go_up() -> None:
    """Thin and grey; a lost one ends half-way."""
    chart = lost()
    chart.packets.append(Packet(0.03, None, False))
    figure = anatomy(chart)
    sender, kernel = y(labelled(figure, "packet")[0])
    acks = labelled(figure, "ack")
    assert {line.get_color() for line in acks} == {look.GREY}
    assert [y(line) for line in acks[:-1]] == [[kernel, sender]] * (len(acks) - 1)
    assert y(acks[-1]) == pytest.approx([kernel, (sender + kernel) / 2])
    assert len(labelled(figure, "lost")) == 2


def test_what_is_held_back_is_a_bar() -> None:
    """From when it had come to the receiving kernel until it was handed on, and its length is said."""
    figure = anatomy(lost())
    (bar,) = bars(figure)
    assert (bar.get_x(), bar.get_width()) == pytest.approx((125, 51))
    assert "13 held back 51 ms" in texts(figure)
    many = bars(anatomy(lost(14, 0.02)))
    assert [bar.get_x() for bar in many] == pytest.approx([45 + 20 * at for at in range(len(many))])
    assert [bar.get_x() + bar.get_width() for bar in many] == pytest.approx([176] * len(many))
    assert len({bar.get_y() for bar in many}) == len(many) == 7
    assert bars(anatomy(datagrams())) == []


def test_how_long_the_sender_waited_is_said() -> None:
    """From each time that the message was sent to the next, with what is known of why."""
    assert "sent again: after SACK, 151 ms later" in texts(anatomy(lost(4)))
    words = [" ".join(text.split()) for text in texts(anatomy(outage()))]
    assert "sent again: timer, 300 ms later" in words
    assert "sent again: timer, 600 ms later (doubled)" in words
    bare = lost()
    bare.packets[-1] = replace(bare.packets[-1], label="")
    assert "sent again 151 ms later" in texts(anatomy(bare))


def test_deliveries_have_number_and_latency() -> None:
    """Those together are said together; what never came is an open mark, crossed out, when it was due."""
    words = texts(anatomy(lost()))
    assert {"12  +176 ms", "13  +76 ms"} <= set(words)
    figure = anatomy(outage())
    words = texts(figure)
    assert {"20  +3,426 ms", "21  +3,326 ms", "34 messages at once"} <= set(words)
    assert len(labelled(figure, "delivered")) == 1 + 6
    figure = anatomy(datagrams())
    (never,) = labelled(figure, "never")
    (crossed,) = labelled(figure, "crossed")
    assert x(never) == x(crossed) == [0.0]
    assert never.get_markerfacecolor() == "white"
    assert "4  never" in texts(figure)


def test_an_outage_is_shaded() -> None:
    """From lane to lane, and its length is said."""
    figure = anatomy(outage())
    (shade,) = bars(figure, "outage")
    assert (shade.get_x(), shade.get_width()) == pytest.approx((-50, 3000))
    assert "outage, 3 s: nothing gets in" in texts(figure)


def test_the_key_explains_what_there_is() -> None:
    """And nothing else."""

    def key(chart: Anatomy) -> set[str]:
        (found,) = anatomy(chart).legends
        return {text.get_text() for text in found.get_texts()}

    assert key(datagrams()) == {
        "packet with message 4",
        "packet with another one",
        "lost on the link",
        "handed to the program, + time since due",
        "never arrived",
    }
    assert key(lost()) - key(datagrams()) == {
        "packet with message 12",
        "sent again",
        "acknowledgement",
        "arrived, held back: one is missing",
    }


def test_where_much_happens_numbers_are_thinned_out() -> None:
    """Not every message is named, but the chosen one is."""
    words = texts(anatomy(lost(60, 0.005, 0.2)))
    assert "12" in words
    assert sum(word.isdigit() for word in words) < 60
    assert any(word.endswith("messages at once") for word in words)


def test_the_window_is_what_was_asked_for() -> None:
    """Or all there is, with a little around it."""
    assert anatomy(lost()).axes[0].get_xlim() == pytest.approx((-115, 345))
    begin, end = anatomy(altered(lost(), window=None)).axes[0].get_xlim()
    assert begin < -100
    assert end > 325


def test_a_message_of_which_nothing_is_known_is_said_so() -> None:
    """In words."""
    figure = anatomy(Anatomy("none", "", "", 1, [], []))
    assert "Nothing is known of this message: no packet of it was seen." in texts(figure)

"""The figures of a result, made of made-up results: their files, their words, and what they do without data."""

import math
import random
import struct
import warnings
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from benchmarks import figures
from benchmarks.deliveries import Fates, Series, Which
from benchmarks.figures import latencies as curves
from benchmarks.figures import look
from benchmarks.link.capture import Capture
from benchmarks.measure import Delivery, Times
from benchmarks.records import Sent
from benchmarks.result_format import VERSION, Document, check
from benchmarks.summary import spared

SECOND = 1_000_000_000
START_WALL = 1_800_000_000 * SECOND

LINKS = {
    "clean": (0.0, 0.0),
    "lan": (0.001, 0.0),
    "dsl": (0.04, 0.005),
    "wifi": (0.02, 0.01),
    "satellite": (0.3, 0.01),
    "mobile-3g": (0.125, 0.015),
    "lossy": (0.025, 0.05),
    "awful": (0.025, 0.2),
}
"""Delay in seconds and loss, one way each."""

USUAL = ("clean", "dsl", "wifi", "satellite", "lossy")


# --- a made-up result -----------------------------------------------------------------------------


def made_up_deliveries(
    profile: str, transport: str, repeat: int, *, members: int = 5, rate: int = 100, seconds: float = 4.0
) -> list[Delivery]:
    """What might become of messages: UDP loses them, TCP sends them again and holds back those behind them."""
    delay, loss = LINKS[profile]
    rng = random.Random(f"{profile}/{transport}/{repeat}")
    clock: dict[Any, float] = {}

    def cross(ready: float, stream: Any) -> float | None:
        latency = delay + 1e-4 * rng.lognormvariate(0, 0.6)
        if transport == "udp":
            return None if rng.random() < loss else ready + latency
        tries = 0
        while rng.random() < loss:
            tries += 1
        recovery = (2 * delay + 0.01) if tries == 1 else (2 * delay + 0.2) * (2**tries - 1) if tries else 0.0
        clock[stream] = max(clock.get(stream, 0.0), ready + latency + recovery)
        return clock[stream]

    moments = random.Random(f"schedule/{repeat}")
    schedule = sorted(moments.uniform(0, seconds) for _ in range(round(rate * seconds)))
    fates = []
    for number, due in enumerate(schedule):
        sender = number % members
        sent = Sent(sender, number, SECOND + round(due * 1e9), SECOND + round((due + 5e-5) * 1e9))
        there = cross(due + 5e-5, ("up", sender))
        for member in range(members):
            back = None if there is None else cross(there, ("down", member))
            fates.append(
                Delivery(sent, member, None if back is None else SECOND + round(back * 1e9), back is not None)
            )
    return fates


def _interval(
    value: float | None, width: float, low: float = 0.0, high: float = math.inf
) -> dict[str, float] | None:
    if value is None:
        return None
    return {"estimate": value, "low": max(low, value - width), "high": min(high, value + width)}


def _times(seconds: list[float]) -> dict[str, Any]:
    found = Times.of(seconds)
    return {"n": found.n, "p50": found.p50, "p90": found.p90, "p99": found.p99, "max": found.max}


def _latencies(fates: list[Delivery]) -> list[float]:
    return [(one.received - one.sent.scheduled) / 1e9 for one in fates if one.received is not None]


def _run(profile: str, transport: str, repeat: int, fates: list[Delivery]) -> dict[str, Any]:
    delay, loss = LINKS[profile]
    latencies = _latencies(fates)
    expected, delivered = len(fates), len(latencies)
    direction = {
        "received": 1_000,
        "delivered": 1_000 - round(1_000 * loss),
        "dropped": {"loss": round(1_000 * loss)} if loss else {},
        "doubled": 0,
        "corrupted": 0,
        "reordered": 3,
        "received_bytes": 150_000,
        "delivered_bytes": 150_000 - round(150_000 * loss),
    }
    probe = {
        "sent": 400,
        "received": 400 - round(400 * loss),
        "delay_p50": delay + 0.0002,
        "delay_p99": delay + 0.0007,
        "bursts": round(400 * loss),
        "copies": 400 - round(400 * loss),
    }
    again = round(2_000 * loss) if transport == "tcp" else 0
    return {
        "profile": profile,
        "transport": transport,
        "repeat": repeat,
        "network": "emulated",
        "planned_messages": expected // 5,
        "sent_messages": expected // 5,
        "expected": expected,
        "delivered": delivered,
        "lost": expected - delivered,
        "doubled": 0,
        "out_of_order": 0,
        "unreadable": 0,
        "latency": _times(latencies),
        "latency_from_send": _times([one - 5e-5 for one in latencies]),
        "lateness": _times([5e-5] * (expected // 5)),
        "cpu_per_delivery": 11e-6 + 1e-6 * repeat,
        "memory_per_member": 24_000.0,
        "load_cpu": [0.12, 0.15],
        "machine_cpu": 0.2,
        "still_coming": False,
        "suspect": "",
        "start_ns": SECOND,
        "start_wall_ns": START_WALL,
        "server_cpu_s": 0.1,
        "server_memory_bytes": 120_000,
        "refused_by_kernel": 0,
        "cut_off": {},
        "link": {
            "up": direction,
            "down": direction,
            "lateness": {"n": 2_000, "p50": 5e-5, "p99": 4e-4, "max": 1.2e-3, "share_over_1ms": 0.001},
            "peak_rate": 740,
            "overflow": 0,
            "seconds": 6.5,
        },
        "probes": {"up": probe, "down": probe},
        "kernel": {"RetransSegs": again, "TCPTimeouts": again // 10, "RcvbufErrors": 0, "InCsumErrors": 0},
        "tcp_info": {
            "sockets": 5,
            "total_retrans": again,
            "srtt_p50": 2 * delay + 0.001,
            "rto_max": 2 * delay + 0.2,
            "congestion": "cubic",
        }
        if transport == "tcp"
        else None,
        "capture": None,
    }


def made_up(
    profiles: tuple[str, ...] = USUAL, repeats: int = 2, transports: tuple[str, ...] = ("tcp", "udp")
) -> tuple[dict[str, Any], list[Fates]]:
    """The document and the deliveries of a comparison that never took place."""
    runs, fates, summary = [], [], []
    for profile in profiles:
        for transport in transports:
            mine = [made_up_deliveries(profile, transport, repeat) for repeat in range(1, repeats + 1)]
            for repeat, those in enumerate(mine, 1):
                runs.append(_run(profile, transport, repeat, those))
                fates.append(Fates(profile, transport, repeat, SECOND, those))
            summary.append(
                _pooled(profile, transport, runs[-repeats:], [one for those in mine for one in those])
            )
    document = {
        "version": VERSION,
        "made": "2026-11-21T11:00:00+00:00",
        "ended": "complete",
        "again": ["python", "-m", "benchmarks.compare", "--profiles", ",".join(profiles), "--seed", "1"],
        "environment": {
            "kernel": "Synthetic 0.0",
            "machine": "made-up",
            "python": "CPython 3.11.7",
            "processors": 2,
            "commit": "0000000",
            "congestion_control": "cubic",
            "network": "emulated",
            "why_not_emulated": "",
        },
        "options": {
            "members": 5,
            "senders": 5,
            "rate": 100,
            "size": 100,
            "seconds": 4,
            "repeats": repeats,
            "seed": 1,
        },
        "profiles": {name: _profile(name) for name in profiles},
        "runs": runs,
        "summary": summary,
        "findings": ["These figures are made up: nothing was measured."],
        "warnings": [],
    }
    return document, fates


def _profile(name: str) -> dict[str, Any]:
    delay, loss = LINKS[name]
    words = [*([f"delay {1e3 * delay:g}ms"] if delay else []), *([f"loss {100 * loss:g}%"] if loss else [])]
    text = " ".join(words)
    return {
        "up": text,
        "down": text,
        "description": f"a made-up {name} link",
        "expected_loss": {"up": loss, "down": loss},
        "expected_delay": {"up": delay, "down": delay},
    }


def _pooled(
    profile: str, transport: str, runs: list[dict[str, Any]], fates: list[Delivery]
) -> dict[str, Any]:
    latencies = _latencies(fates)
    share = len(latencies) / len(fates)
    times = _times(latencies)
    return {
        "profile": profile,
        "transport": transport,
        "network": "emulated",
        "repeats": len(runs),
        "expected": len(fates),
        "delivered": len(latencies),
        "lost": len(fates) - len(latencies),
        "doubled": 0,
        "out_of_order": 0,
        "delivered_share": _interval(
            share, 2 * math.sqrt((share * (1 - share) + 1e-4) / len(fates)), 0.0, 1.0
        ),
        "n": len(latencies),
        "p50": _interval(times["p50"], 0.02 * times["p50"]),
        "p90": _interval(times["p90"], 0.05 * times["p90"]),
        "p99": times["p99"] and _interval(times["p99"], 0.1 * times["p99"]),
        "max": times["max"],
        "retransmissions": sum(run["kernel"]["RetransSegs"] for run in runs) if transport == "tcp" else None,
    }


def series(fates: list[Fates]) -> dict[Which, Series]:
    """As they are read back from the file."""
    found = {}
    for run in fates:
        one = found[run.profile, run.transport, run.repeat] = Series()
        for sent, _, received, _ in run.deliveries:
            one.due.append((sent.scheduled - run.start) / 1e9)
            one.latency.append(math.nan if received is None else (received - sent.scheduled) / 1e9)
    return found


# --- the figures ----------------------------------------------------------------------------------


def texts(figure: Figure) -> list[str]:
    """All that is written in a figure and seen."""
    figure.draw_without_rendering()
    found = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    return [text.get_text() for text in found if isinstance(text, Text) and text.get_text()]


def x(line: Line2D) -> list[float]:
    """Where the points of a line are."""
    return [float(value) for value in np.asarray(line.get_xdata(), dtype=np.float64)]


def y(line: Line2D) -> list[float]:
    """How high they are."""
    return [float(value) for value in np.asarray(line.get_ydata(), dtype=np.float64)]


def made(
    profiles: tuple[str, ...], repeats: int = 1, transports: tuple[str, ...] = ("tcp", "udp")
) -> tuple[Document, dict[Which, Series]]:
    """As they are read back."""
    document, fates = made_up(profiles, repeats, transports)
    return check(document), series(fates)


@pytest.fixture(scope="module")
def usual() -> tuple[Document, dict[Which, Series]]:
    """The profiles of a usual comparison."""
    return made(USUAL)


def changed(document: Document, change: Callable[[dict[str, Any]], None]) -> Document:
    """The same document with something else in it."""
    raw = msgspec.to_builtins(document)
    change(raw)
    return check(raw)


def test_figures_are_files_for_paper_and_screen(
    tmp_path: Path, usual: tuple[Document, dict[Which, Series]]
) -> None:
    """PNG of a page's width at 200 dots an inch, and SVG, with the same words in it; nothing half done is left."""
    drawn = figures.write(*usual, tmp_path)
    assert list(drawn) == ["delivery", "latency", "timeline"]
    units = {
        "delivery": [
            "deliveries that arrived, %",
            "loss asked for on the link, one way, % (square-root scale)",
        ],
        "latency": [
            "latency since the message was due, ms (log scale)",
            "arrived by then, % of all expected",
        ],
        "timeline": ["latency, ms", "time since the run began, s (of a delivery: when it was due)"],
    }
    for name, (png, svg) in drawn.items():
        head = png.read_bytes()[:24]
        assert head.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack("!II", head[16:])
        assert width == look.WIDTH * look.DPI
        assert width / 2 < height < 2 * width
        tree = ElementTree.parse(svg)
        assert tree.getroot().tag == "{http://www.w3.org/2000/svg}svg"
        source = svg.read_text(encoding="utf-8")
        assert "<text" not in source  # letters are shapes: the same everywhere
        for words in units[name]:
            assert f"<!-- {words} -->" in source
        if name != "timeline":  # whose points are pixels
            assert "#0072b2" in source
            assert "#d55e00" in source
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == sorted(path.name for paths in drawn.values() for path in paths)


def test_the_same_data_gives_the_same_files(tmp_path: Path) -> None:
    """Whatever matplotlib was told on this machine, and whenever."""
    document, deliveries = made(("dsl",))
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.grid": True, "savefig.dpi": 30}):
        first = figures.write(document, deliveries, tmp_path)
    before = {path: path.read_bytes() for paths in first.values() for path in paths}
    assert figures.write(document, deliveries, tmp_path) == first
    for path, data in before.items():
        assert path.read_bytes() == data, path.name
        assert b"<dc:date>" not in data


def test_nobody_needs_colours() -> None:
    """Transports differ in colour, marker, filling and line."""
    looks = [look.look(name, ("tcp", "udp", "new")) for name in ("tcp", "udp", "new")]
    assert len({one.colour for one in looks}) == len({one.marker for one in looks}) == 3
    assert len({one.line for one in looks}) == 3
    assert look.LOOKS["tcp"].filled != look.LOOKS["udp"].filled


# --- delivery -------------------------------------------------------------------------------------


def test_points_stand_where_they_were_measured(
    usual: tuple[Document, dict[Which, Series]],
) -> None:
    """The share by transport and profile, n, and the curve through 90.25 % at a loss of 5 %."""
    document, _ = usual
    figure = figures.delivery(document)
    axes = figure.axes[0]
    for transport, container in zip(("tcp", "udp"), axes.containers, strict=True):
        shares = [one.delivered_share for one in document.summary if one.transport == transport]
        estimates = [100 * share.estimate for share in shares if share]
        assert y(container[0]) == estimates
        at = dict(zip(USUAL, x(container[0]), strict=True))
        for profile in USUAL:
            assert at[profile] == pytest.approx(math.sqrt(LINKS[profile][1]), abs=0.02)
        assert at["satellite"] != at["wifi"]  # which ask for the same loss
    curve = next(line for line in axes.lines if len(x(line)) == 200)
    at_five = np.interp(math.sqrt(0.05), x(curve), y(curve))
    assert at_five == pytest.approx(90.25, abs=0.01)
    words = texts(figure)
    assert "n = 2,000 deliveries a point" in words
    assert "TCP, with 95 % interval" in words
    assert set(USUAL) <= set(words)


@pytest.mark.parametrize("profiles", [("clean",), ("clean", "lan"), tuple(LINKS)])
def test_names_of_profiles_do_not_overlap(profiles: tuple[str, ...]) -> None:
    """Also where several have the same loss. They are slanted: what counts is the distance between the lines."""
    document, _ = made(profiles)
    figure = figures.delivery(document)
    figure.draw_without_rendering()
    labels = [text for text in figure.axes[0].texts if text.get_text() in profiles]
    assert sorted(text.get_text() for text in labels) == sorted(profiles)
    places = sorted(text.get_transform().transform(text.get_position())[0] for text in labels)
    letters = float(labels[0].get_fontsize()) / 72 * figure.dpi
    for left, right in pairwise(places):
        assert (right - left) * math.sin(math.radians(38)) > letters
    width = figure.get_figwidth() * figure.dpi
    for text in labels:
        extent = text.get_window_extent()
        assert extent.x0 >= 0
        assert extent.x1 <= width


@settings(deadline=None)
@given(
    wanted=st.lists(st.floats(0, 1), max_size=12).map(sorted),
    gap=st.floats(0.001, 0.5),
)
def test_places_are_apart_and_in_order(wanted: list[float], gap: float) -> None:
    """As far as there is room; and where nothing has to move, nothing does."""
    places = look.spread(wanted, gap, 0.02)
    assert len(places) == len(wanted)
    room = min(gap, 0.96 / max(len(wanted) - 1, 1))
    assert all(right - left >= room - 1e-9 for left, right in pairwise(places))
    assert all(0.02 - 1e-9 <= place <= 0.98 + 1e-9 for place in places)
    if all(right - left >= gap for left, right in pairwise([0.02 - gap, *wanted, 0.98 + gap])):
        assert places == pytest.approx(wanted)


def test_a_loss_that_differs_by_direction_is_shown_as_one() -> None:
    """As the loss each way that lets as much through: the curve is right for it."""
    document, _ = made(("lossy",))
    document = changed(
        document, lambda raw: raw["profiles"]["lossy"]["expected_loss"].update(up=0.0, down=0.19)
    )
    assert document.profiles["lossy"].one_way_loss == pytest.approx(0.1)
    axes = figures.delivery(document).axes[0]
    (udp,) = x(axes.containers[1][0])
    assert udp == pytest.approx(math.sqrt(0.1), abs=0.02)
    unknown = changed(document, lambda raw: raw.update(profiles={}))
    assert "lossy" in texts(figures.delivery(unknown))


# --- latency --------------------------------------------------------------------------------------


def test_the_curve_is_the_share_of_everything_expected() -> None:
    """Every point of it can be counted; it ends at what was delivered, or where fewer than 10 are beyond."""
    rng = random.Random(1)
    latencies = np.array([rng.expovariate(10) if rng.random() > 0.1 else math.nan for _ in range(5000)])
    delivered = 5000 - int(np.isnan(latencies).sum())
    seconds, shares = curves.arrived(latencies)
    assert len(seconds) < 400
    for second, share in zip(seconds, shares, strict=True):
        assert np.sum(latencies <= second) == round(share * 5000)
    assert shares[-1] == delivered / 5000
    _, complete = curves.arrived(np.nan_to_num(latencies, nan=1.0))
    assert complete[-1] == (5000 - 10) / 5000
    for few in (np.empty(0), np.full(1000, math.nan), np.ones(10)):
        assert len(curves.arrived(few)[0]) == 0


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_there_is_a_panel_for_each_profile(count: int) -> None:
    """With the same axes, in decades and nines; each says its n and what was lost."""
    profiles = tuple(LINKS)[:count]
    figure = figures.latency(*made(profiles))
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in panels] == list(profiles)
    assert len({axes.get_xlim() for axes in panels}) == len({axes.get_ylim() for axes in panels}) == 1
    assert panels[0].get_xscale() == "log"
    for axes in panels:
        assert "n = 2,000" in axes.texts[0].get_text()
        assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    words = texts(figure)
    assert {"TCP", "UDP", "99"} <= set(words)
    assert any(word.startswith("TCP lost none, UDP lost ") for word in words)


def test_what_udp_lost_keeps_its_curve_down() -> None:
    """It goes over into a level line at the share that arrived; TCP's goes beyond."""
    document, deliveries = made(("lossy",))
    figure = figures.latency(document, deliveries)
    lost = next(one for one in document.summary if one.transport == "udp")
    level = next(line for line in figure.axes[0].lines if line.get_linewidth() == 0.8)
    height = float(curves.nines(lost.delivered / lost.expected))
    assert y(level) == pytest.approx([height, height])
    assert max(y(figure.axes[0].lines[0])) > height


# --- timeline -------------------------------------------------------------------------------------


def tcp_packet(seq: int, payload: bytes) -> bytes:
    """An IPv4 packet from the client with a TCP segment in it."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 1, 0, 64, 6, 0, b"\n\7\0\1", b"\n\7\0\2")
    return ip + struct.pack("!HHIIBBHHH", 50_000, 4242, seq, 1, 0x50, 0x18, 1000, 0, 0) + payload


def with_capture(document: Document, directory: Path) -> Document:
    """A capture of the TCP run, in which a segment is lost 1 s after its beginning, and sent again 0.3 s later."""
    (directory / "captures").mkdir()
    capture = Capture((directory / "captures" / "lossy-tcp.pcapng").open("wb"))
    capture.note("up", tcp_packet(1, b"before"), START_WALL - SECOND, "dropped by loss")
    capture.note("up", tcp_packet(7, b"hello"), START_WALL + SECOND, "dropped by loss")
    capture.note("up", tcp_packet(7, b"hello"), START_WALL + 13 * SECOND // 10)
    capture.close()
    return changed(document, lambda raw: raw["runs"][0].update(capture="captures/lossy-tcp.pcapng"))


def marks(axes: Axes) -> list[float]:
    """When the ticks of a strip are."""
    drawn = [one for one in axes.collections if isinstance(one, LineCollection)]
    return sorted(float(path[0][0]) for one in drawn for path in one.get_segments())


def test_losses_and_retransmissions_are_marked(tmp_path: Path) -> None:
    """Under TCP's panel those of the capture, from the run's first moment on; under UDP's what never arrived."""
    document, deliveries = made(("clean", "lossy"))
    raw = changed(document, lambda raw: raw["runs"].__delitem__(slice(0, 2)))
    figure = figures.timeline(with_capture(raw, tmp_path), deliveries, tmp_path)
    top, under_tcp, bottom, under_udp = figure.axes
    assert top.get_title(loc="left") == "TCP over lossy, repeat 1: n = 2,000 deliveries, none lost"
    assert bottom.get_title(loc="left").startswith("UDP over lossy, repeat 1: n = 2,000 deliveries, ")
    assert (top.get_xlim(), top.get_ylim()) == (bottom.get_xlim(), bottom.get_ylim())
    assert marks(under_tcp) == pytest.approx([1.0, 1.3])
    udp = deliveries["lossy", "udp", 1]
    lost = sorted(due for due, taken in zip(udp.due, udp.latency, strict=True) if taken != taken)
    assert marks(under_udp) == pytest.approx(lost)
    words = texts(figure)
    assert "sent again by TCP" in words
    assert words.count("not known: no capture of this run") == 1
    assert [line.get_rasterized() for line in (*top.lines, *bottom.lines)] == [True, True]


def test_a_damaged_capture_costs_its_marks_and_not_the_figure(tmp_path: Path) -> None:
    """It is said where they would be."""
    document, deliveries = made(("lossy",))
    document = with_capture(document, tmp_path)
    (tmp_path / "captures" / "lossy-tcp.pcapng").write_bytes(b"this is no capture of any kind, is it?")
    words = texts(figures.timeline(document, deliveries, tmp_path))
    assert words.count("not known: the capture can't be read") == 2


def test_the_run_to_show_is_chosen(tmp_path: Path) -> None:
    """The profile with the most loss, of which both transports were measured."""
    document, deliveries = made(("lossy", "clean", "awful"))
    title = figures.timeline(document, deliveries, tmp_path).axes[0].get_title(loc="left")
    assert title.startswith("TCP over awful")
    deliveries.pop(("awful", "tcp", 1))
    title = figures.timeline(document, deliveries, tmp_path).axes[0].get_title(loc="left")
    assert title.startswith("TCP over lossy")


def test_a_hundred_thousand_deliveries_stay_a_small_file(tmp_path: Path) -> None:
    """Points are pixels, in the SVG too."""
    document, deliveries = made(("lossy",))
    for one in deliveries.values():
        one.due.extend(array("d", list(one.due) * 49))
        one.latency.extend(array("d", list(one.latency) * 49))
    _, svg = look.save(figures.timeline(document, deliveries, tmp_path), tmp_path / "figures", "timeline")
    assert svg.stat().st_size < 600_000
    assert "<image" in svg.read_text(encoding="utf-8")


# --- what is missing, and what is meant ill -------------------------------------------------------


def test_a_transport_that_was_not_measured_is_said_so(tmp_path: Path) -> None:
    """In each figure; and so is a profile without deliveries, and a result without any."""
    document, deliveries = made(("clean", "lossy"))
    for which in [which for which in deliveries if which[1] == "udp"]:
        del deliveries[which]
    assert any("UDP: not measured" in word for word in texts(figures.latency(document, deliveries)))
    words = texts(figures.timeline(document, deliveries, tmp_path))
    assert "No run of UDP over lossy is in this result." in words
    assert "No deliveries were recorded: there is no latency to show." in texts(figures.latency(document, {}))
    empty = changed(document, lambda raw: raw.update(runs=[], summary=[], profiles={}))
    assert "Nothing was delivered, and nothing was expected." in texts(figures.delivery(empty))
    figures.write(empty, {}, tmp_path)


def test_that_tcp_was_spared_is_said_in_every_figure(tmp_path: Path) -> None:
    """Its figures beside those of a relay would tell a lie without words."""
    document, deliveries = made(("clean", "lossy"))
    assert spared(document.summary) == []
    assert not any("not applied" in word for word in texts(figures.latency(document, deliveries)))

    def relay(raw: dict[str, Any]) -> None:
        for one in [*raw["runs"], *raw["summary"]]:
            one["network"] = "loopback" if one["transport"] == "tcp" else "relay"

    document = changed(document, relay)
    assert spared(document.summary) == [("clean", "tcp"), ("lossy", "tcp")]
    assert any(
        "TCP, with 95 % interval\n(the link was not applied to it)" in word
        for word in texts(figures.delivery(document))
    )
    assert any(
        "TCP lost none (link not applied)" in word for word in texts(figures.latency(document, deliveries))
    )
    words = texts(figures.timeline(document, deliveries, tmp_path))
    assert any("TCP over lossy" in word and "not applied" in word for word in words)


def test_names_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    """No formula, no markup, no control character: the SVG can be read, and says what was there."""
    names = dict(
        zip(LINKS, ["$x^2$", "<b>&amp;", "--> x", "\x1b[2J\x00", "花子", "long " * 50, ""], strict=False)
    )
    document, deliveries = made(tuple(names))
    text = msgspec.json.encode(document)
    for name, other in names.items():
        text = text.replace(f'"{name}"'.encode(), msgspec.json.encode(other))
    document = msgspec.json.decode(text, type=Document)
    deliveries = {(names[which[0]], *which[1:]): one for which, one in deliveries.items()}
    for _, svg in figures.write(document, deliveries, tmp_path).values():
        ElementTree.parse(svg)
    for figure in (figures.delivery(document), figures.latency(document, deliveries)):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # `texts` draws without what `save` does about that
            assert {"$x^2$", "<b>&amp;", "--> x", "␛[2J␀", "花子"} <= set(texts(figure))

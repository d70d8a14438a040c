"""The report of a made-up result: its page parsed, opened in a browser, attacked; and the command that opens it."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import image

from benchmarks import figures, report, results
from benchmarks.deliveries import Fates, deliveries_of
from benchmarks.report import __main__ as command
from benchmarks.report import markup, page, words
from benchmarks.report.markup import Markup, element, text
from benchmarks.result_format import check
from benchmarks.traffic import FILTER
from benchmarks.verdict import not_impaired
from tests.test_figures import made_up
from tests.test_results import MADE

ROOT = Path(__file__).parent.parent
VOID = {"img", "meta"}
CAPTURE = "captures/lossy-tcp.pcapng"


class Page(HTMLParser):
    """A page: its elements with their attributes, and the text of each cell. Fails where tags do not match."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.words += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of one kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def store(directory: Path, document: dict[str, Any], fates: list[Fates]) -> Path:
    """A result with a report, as compare leaves it."""
    with results.create(directory, MADE) as unfinished:
        (unfinished.captures / "lossy-tcp.pcapng").write_bytes(b"")
        unfinished.write(document, fates)
        path = unfinished.finish()
    report.write(document, deliveries_of(path), path)
    return path


def read(path: Path) -> Page:
    """Its page."""
    return Page((path / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, Any], list[Fates]]:
    """A comparison of two profiles."""
    document, fates = made_up(("clean", "lossy"), 2)
    document["runs"][4]["capture"] = CAPTURE
    document["warnings"] = ["Be careful with this."]
    return document, fates


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, made: tuple[dict[str, Any], list[Fates]]) -> Path:
    """Its result with a report. Not to be changed."""
    return store(tmp_path_factory.mktemp("results"), *made)


@pytest.fixture(scope="module")
def shown(stored: Path) -> Page:
    """The page of that."""
    return read(stored)


def of(document: dict[str, Any], directory: Path) -> Page:
    """The page of a document, without the figures."""
    return Page(page.page(check(document), directory, {}))


def copy(document: dict[str, Any]) -> dict[str, Any]:
    """One that may be changed."""
    again: dict[str, Any] = json.loads(json.dumps(document))
    return again


# --- what is in it --------------------------------------------------------------------------------


def test_the_page_is_whole(shown: Page) -> None:
    """A language, one title, contents that lead somewhere, names that are used once."""
    assert shown.all("html") == [{"lang": "en"}]
    assert len(shown.all("h1")) == len(shown.all("title")) == len(shown.all("main")) == 1
    ids = [attributes["id"] for _, attributes in shown.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    contents = [link["href"] for link in shown.all("a") if str(link["href"]).startswith("#")]
    assert len(contents) == 5
    assert {str(href)[1:] for href in contents} <= set(ids)
    levels = [int(tag[1]) for tag, _ in shown.elements if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tables_can_be_read_by_ear(shown: Page) -> None:
    """Each has a caption, and each heading says what it is for; where they scroll, the keyboard can."""
    assert len(shown.all("table")) == len(shown.all("caption")) == 10
    assert {heading["scope"] for heading in shown.all("th")} == {"col", "colgroup", "row", "rowgroup"}
    around = [one for one in shown.all("div") if one.get("class") == "wide"]
    assert len(around) == 10
    assert all(one["tabindex"] == "0" and one["role"] == "region" and one["aria-label"] for one in around)


def test_every_row_of_a_table_is_as_wide_as_the_others(stored: Path) -> None:
    """Counting what spans several rows and columns."""
    tree = ElementTree.fromstring(
        re.sub(r"<(meta|img)([^>]*)>", r"<\1\2/>", (stored / "report.html").read_text().split("\n", 1)[1])
    )
    for table in tree.iter("table"):
        widths = set()
        for part in table:
            hanging: dict[int, int] = {}
            for number, row in enumerate(part.iter("tr")):
                width = hanging.get(number, 0)
                for cell in row:
                    columns, rows = (int(cell.get(name, 1)) for name in ("colspan", "rowspan"))
                    width += columns
                    for below in range(number + 1, number + rows):
                        hanging[below] = hanging.get(below, 0) + columns
                widths.add(width)
            assert max(hanging, default=0) < len(list(part.iter("tr"))) or not hanging
        assert len(widths) == 1, table.find("caption")


def test_the_table_says_what_the_summary_says(shown: Page, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """Shares and times with their intervals, counts, and what TCP sent again."""
    lossy_udp = next(
        row for row in shown.rows if row[0] == "□UDP" and len(row) == 9 and row[2] != "0of 4,000"
    )
    summary = made[0]["summary"][3]
    share, p99 = summary["delivered_share"], summary["p99"]
    assert lossy_udp[1] == f"{100 * share['estimate']:.1f}{100 * share['low']:.1f}–{100 * share['high']:.1f}"
    assert lossy_udp[2] == f"{summary['lost']:,}of 4,000"
    assert lossy_udp[6] == f"{1e3 * p99['estimate']:.1f}{1e3 * p99['low']:.1f}–{1e3 * p99['high']:.1f}"
    assert lossy_udp[-1] == "–"
    lossy_tcp = next(row for row in shown.rows if row[0].startswith("lossy") and len(row) == 10)
    assert lossy_tcp[0] == "lossydelay 25ms loss 5%"
    assert lossy_tcp[2].startswith("100")
    assert lossy_tcp[-1] == "200"


def test_the_details_are_there(shown: Page) -> None:
    """What the kernel, the link and the probes counted, all repeats together."""
    rows = [tuple(row) for row in shown.rows]
    lossy = [row for row in rows if "lossy" in row[0]]
    assert any(row[-1] == "RetransSegs 200, TCPTimeouts 20" and "cubic" in row for row in lossy)
    assert ("lossy", "●TCP", "up", "2,000", "1,900", "100 (loss 100)", "0", "0", "0", "6") in rows
    assert ("lossy", "●TCP", "up", "5", "5 (40 of 800)", "25.0", "25.2", "25.7") in rows
    assert ("lossy", "a made-up lossy link", "delay 25ms loss 5%", "delay 25ms loss 5%") in rows
    assert ("kernel", "Synthetic 0.0") in rows
    assert ("seconds", "4") in rows


def test_what_is_said_is_there(shown: Page, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """Findings, warnings, how it was measured, and the commands that make it again."""
    for sentence in (*made[0]["findings"], *made[0]["warnings"], *words.MEASURED):
        assert sentence in shown.words
    assert "The chat over TCP and UDP" in shown.words
    assert "clean and lossy · 21 November 2026, 11:00 UTC · Synthetic 0.0, CPython 3.11.7" in shown.words
    assert "python -m benchmarks.compare --profiles clean,lossy --seed 1" in shown.words
    assert "make reproduce RUN=20261121T081500Z-compare" in shown.words
    assert words.NETWORKS["emulated"] in shown.words
    assert f"Display filters: {FILTER} for what TCP sent again" in shown.words


def test_figures_are_in_the_page_and_beside_it(shown: Page, stored: Path) -> None:
    """Each with words for those who can't see it, and for those who have not seen such a one yet."""
    assert len(shown.all("img")) == len(shown.all("figure")) == len(shown.all("figcaption")) == 3
    for picture, name in zip(shown.all("img"), ("delivery", "latency", "timeline"), strict=True):
        kind, _, data = str(picture["src"]).partition(",")
        assert kind == "data:image/svg+xml;base64"
        svg = base64.b64decode(data)
        assert svg == (stored / "figures" / f"{name}.svg").read_bytes()
        ElementTree.fromstring(svg)
        assert len(str(picture["alt"])) > 50
    assert "UDP over lossy: 90." in str(shown.all("img")[0]["alt"])
    links = [str(link["href"]) for link in shown.all("a") if not str(link["href"]).startswith("#")]
    assert CAPTURE in links
    assert len(links) == 3 * 2 + 2 + 1
    assert all((stored / link).is_file() for link in links)


def test_the_page_needs_nothing_but_itself(shown: Page) -> None:
    """No address, no script, no font from elsewhere; and the browser is told to fetch nothing."""
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in shown.elements}
    for _, attributes in shown.elements:
        for name in ("src", "srcset", "href", "style", "onload"):
            assert not re.search(r"//|javascript:", str(attributes.get(name, "")).partition("base64,")[0])
    style = markup.STYLE.read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|@font-face|https?:", style)
    policy = next(one for one in shown.all("meta") if "http-equiv" in one)
    assert str(policy["content"]).startswith("default-src 'none'")
    for picture in shown.all("img"):
        svg = base64.b64decode(str(picture["src"]).partition(",")[2]).decode()
        assert not re.search(r'href="(?!#|data:)|@import|@font-face|<script', svg)


# --- other results --------------------------------------------------------------------------------


def as_relay(document: dict[str, Any]) -> dict[str, Any]:
    """As it would have been where no network can be emulated."""
    changed = copy(document)
    for one in [*changed["runs"], *changed["summary"]]:
        one["network"] = "relay" if one["transport"] == "udp" else "loopback"
    changed["environment"] |= {
        "network": "relay",
        "why_not_emulated": "This system has no network namespaces.",
    }
    changed["warnings"] = list(not_impaired(check(changed).summary))
    return changed


def test_a_relay_is_no_network_for_tcp(stored: Path, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """In plain words, above the figures and where it is said how it was measured, with the reason."""
    shown = of(as_relay(made[0]), stored)
    warning = "TCP was not impaired over clean and lossy: "
    assert warning in shown.words
    assert shown.words.index(warning) < shown.words.index("Deliveries (one message")
    assert shown.words.count(warning) == 2
    assert "could not be emulated here (This system has no network namespaces), so a relay" in shown.words
    assert "There was no network" not in shown.words
    assert "emulated below" not in shown.words


def test_loopback_is_no_network_at_all(stored: Path, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """And nobody is accused of having been spared by it."""
    document = copy(made[0])
    for one in [*document["runs"], *document["summary"]]:
        one["network"] = "loopback"
    for profile in document["profiles"].values():
        profile["up"] = profile["down"] = ""
    shown = of(document, stored)
    assert "There was no network: both ends were on this machine's loopback. The" in shown.words
    assert "not impaired" not in shown.words


def test_what_is_unknown_is_left_open(stored: Path, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """A result without a link, kernel, percentiles and captures; tables without content are left out."""
    document = copy(made[0])
    for run in document["runs"]:
        run |= {"link": None, "probes": None, "kernel": None, "tcp_info": None, "capture": None}
        run |= {"cpu_per_delivery": None, "load_cpu": [], "machine_cpu": None, "memory_per_member": None}
        run["latency"] = {"n": 3, "p50": None, "p90": None, "p99": None, "max": 0.1}
    for one in document["summary"]:
        one |= {"p50": None, "p90": None, "p99": None, "delivered_share": None, "retransmissions": None}
    document["summary"][0]["p50"] = {"estimate": 0.123, "low": None, "high": None}
    document |= {"findings": [], "warnings": []}
    shown = of(document, stored)
    assert len(shown.all("table")) == 6
    assert "What the link did" not in shown.words
    assert "No packets were captured." in shown.words
    assert "In words" not in shown.words
    assert "123" in next(row for row in shown.rows if row[0].startswith("clean"))
    assert sum(cell == "–" for row in shown.rows for cell in row) > 40


def test_what_went_wrong_is_said(stored: Path, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """A comparison that ended early, and the runs in which something was not as it should be."""
    document = copy(made[0])
    document["ended"] = "The udp server ended with exit code 1 and said:\nno such luck"
    document["runs"][0] |= {"suspect": "it was slow", "still_coming": True, "unreadable": 3}
    document["runs"][1] |= {"cut_off": {"ann": "slow"}, "refused_by_kernel": 7}
    document["runs"][2]["link"]["overflow"] = 5
    said = of(document, stored).words
    for sentence in (
        "ended early, and the rest is missing: The udp server ended with exit code 1 and said:\nno such luck",
        "tcp over clean, repeat 1: the load may have been the bottleneck (it was slow).",
        "messages were still arriving",
        "3 texts arrived that nobody had sent so.",
        "tcp over clean, repeat 2: ann was cut off (slow).",
        "refused 7 datagrams",
        "udp over clean, repeat 1: the link's device dropped packets that nobody asked it to drop: 5.",
    ):
        assert sentence in said
    document["ended"] = "interrupted"
    assert "The comparison was interrupted" in of(document, stored).words


def test_an_empty_result_has_a_page(tmp_path: Path, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """Figures that say so, tables without lines."""
    document = copy(made[0]) | {"runs": [], "summary": [], "profiles": {}}
    assert "Nothing was measured." in read(store(tmp_path, document, [])).words


# --- what is meant ill ----------------------------------------------------------------------------

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;\x1b[2J\u202e{0}%s$x$"


def hostile(value: Any) -> Any:
    """The same document with something in every text and name that nobody should obey."""
    if isinstance(value, dict):
        return {
            key if key in KNOWN else f"{key}{HOSTILE}": inner if key == "network" else hostile(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) and value else value


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


KNOWN = set(_keys(made_up(("clean",), 1)[0])) - {"clean", "loss", "RetransSegs", "machine", "seed"}
"""The names that the document itself gives; all others are from outside."""


def test_whatever_a_result_says_is_text(stored: Path, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """The elements are those of a harmless result, and the text is there to be read, without what is invisible."""
    document = copy(made[0])
    document["ended"] = "because"
    document["runs"][0] |= {"suspect": "slow", "cut_off": {"ann": "slow"}}
    document["options"] = {"profiles": ["clean", "lossy"]}
    attacked = hostile(document)
    assert attacked["runs"][0]["cut_off"] == {f"ann{HOSTILE}": f"slow{HOSTILE}"}
    harmless, shown = of(document, stored), of(attacked, stored)
    tags = [tag for tag, _ in harmless.elements if tag != "a"]
    assert [tag for tag, _ in shown.elements if tag != "a"] == tags
    assert {name for _, attributes in shown.elements for name in attributes} <= {
        name for _, attributes in harmless.elements for name in attributes
    }
    seen = "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;␛[2J⟨U+202E⟩{0}%s$x$"
    assert shown.words.count(seen) > 50
    assert "\x1b" not in shown.words
    assert "\u202e" not in shown.words


@pytest.mark.parametrize(
    "capture",
    [
        "javascript:alert(1)",
        "https://example.org/x.pcapng",
        "/etc/passwd",
        "captures/../result.json",
        "../../secret.pcapng",
        "captures/there-is-none.pcapng",
        "result.json",
    ],
)
def test_only_captures_of_the_result_are_linked(
    stored: Path, made: tuple[dict[str, Any], list[Fates]], capture: str
) -> None:
    """Whatever the document names."""
    document = copy(made[0])
    document["runs"][4]["capture"] = capture
    shown = of(document, stored)
    links = [str(link["href"]) for link in shown.all("a") if not str(link["href"]).startswith("#")]
    assert links == ["result.json", "deliveries.csv.gz"]
    assert "TCP over lossy, repeat 1: not there any more" in shown.words


def test_commands_are_quoted_for_a_shell(stored: Path, made: tuple[dict[str, Any], list[Fates]]) -> None:
    """Who copies them runs what stands there, and nothing more."""
    document = copy(made[0])
    document["again"] = ["python", "-m", "benchmarks.compare", "--up", "delay 5ms; rm -rf ~", "$(reboot)"]
    assert (
        "python -m benchmarks.compare --up 'delay 5ms; rm -rf ~' '$(reboot)'\n" in of(document, stored).words
    )


def test_text_is_markup_only_if_it_was_made_here() -> None:
    """What is not is escaped, once."""
    inner = element("b", "a < b", title='"quoted"')
    assert inner == '<b title="&quot;quoted&quot;">a &lt; b</b>'
    assert element("p", inner, " & more") == f"<p>{inner} &amp; more</p>"
    assert text(Markup("<br>")) == "<br>"
    assert text("one\ntwo\x00") == "one\ntwo␀"
    assert (
        element("th", scope=None, aria_label="x", class_="y", rowspan=2)
        == '<th aria-label="x" class="y" rowspan="2"></th>'
    )


# --- in a browser ---------------------------------------------------------------------------------

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DARK = "--blink-settings=preferredColorScheme=0"


def photograph(path: Path, width: int, profile: Path, *more: str) -> tuple[Any, list[str]]:
    """What a browser shows of a page (rows, columns, colours from 0 to 1), and what it has to complain about."""
    assert CHROMIUM is not None
    picture = profile / "shot.png"
    done = subprocess.run(
        [
            CHROMIUM,
            *(
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
            ),
            *("--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--v=0"),
            *(f"--user-data-dir={profile}", f"--window-size={width},1400", f"--screenshot={picture}"),
            *more,
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return image.imread(str(picture)), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt install chromium")
def test_a_browser_shows_the_page_without_complaint(stored: Path, tmp_path: Path) -> None:
    """On a projector and in half a window, light and dark; figures stay on white."""
    broken = tmp_path / "broken.html"
    broken.write_text(
        element(
            "html",
            element("meta", http_equiv="Content-Security-Policy", content=markup.POLICY),
            element("img", src="x.png"),
        )
    )
    assert photograph(broken, 800, tmp_path / "control")[1]  # or nothing that follows would mean anything
    for width in (1280, 800):
        for scheme, paper in (((), 1.0), ((DARK,), 0.1)):
            shot, complaints = photograph(
                stored / "report.html", width, tmp_path / f"{width}-{paper}", "--hide-scrollbars", *scheme
            )
            assert complaints == []
            assert shot.shape[:2] == (1400, width)
            assert shot[5, 5, :3] == pytest.approx([paper] * 3, abs=0.03)
            ink = np.abs(shot[:, :, :3] - shot[5, 5, :3]).max(axis=2) > 0.3
            assert 0.01 < ink.mean() < 0.7
            assert not ink[:, -10:].any()  # nothing is wider than the window
            assert (shot[:, :, :3] > 0.99).all(axis=2).mean() > 0.2  # the first figure


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: Path) -> Path:
    """A directory of results with one in it, on a system without a display."""
    shutil.copytree(stored, tmp_path / stored.name)
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / stored.name


def test_without_a_display_the_report_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No browser is tried; the line can be clicked or copied."""
    monkeypatch.setattr(webbrowser, "open", lambda address: pytest.fail("there is nothing to show it on"))
    for arguments in ([], ["newest"], [here.name], [str(here)]):
        assert command.main(arguments) == 0
        assert capsys.readouterr().out == f"Open it in a browser: {here / 'report.html'}\n"


def test_with_a_display_the_report_is_opened(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And named all the same; only named where no browser is found."""
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")

    def browser(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", browser)
    assert command.main([]) == 0
    assert opened == [(here / "report.html").as_uri()]
    assert capsys.readouterr().out == f"Opened: {here / 'report.html'}\n"

    def none(address: str) -> bool:
        raise webbrowser.Error("could not locate runnable browser")

    for other in (none, lambda address: False):
        monkeypatch.setattr(webbrowser, "open", other)
        assert command.main([]) == 0
        assert capsys.readouterr().out.startswith("Open it in a browser: ")


def test_the_report_is_made_again_from_what_is_there(here: Path) -> None:
    """With --again, or if there is none; the same page."""
    path = here / "report.html"
    before = path.read_bytes()
    path.write_text("old")
    assert command.main([]) == 0
    assert path.read_text() == "old"
    assert command.main(["--again"]) == 0
    assert path.read_bytes() == before
    path.unlink()
    shutil.rmtree(here / "figures")
    assert command.main([]) == 0
    assert path.read_bytes() == before
    assert sorted(one.name for one in here.iterdir()) == [
        "captures",
        "deliveries.csv.gz",
        "figures",
        "report.html",
        "result.json",
    ]


def test_a_report_that_can_not_be_made_is_explained(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line; what was there before stays."""
    before = (here / "report.html").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(figures, "write", full)
        assert command.main(["--again"]) == 2
    assert capsys.readouterr().err == f"The report could not be written in {here}: no space left on device.\n"
    (here / "deliveries.csv.gz").write_bytes(b"damaged")
    assert command.main(["--again"]) == 2
    assert "is damaged" in capsys.readouterr().err
    assert (here / "report.html").read_bytes() == before
    assert command.main([]) == 0  # the report itself is there
    (here / "result.json").write_text("{}")
    assert command.main([]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_results_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Says how to make one."""
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    assert command.main([]) == 2
    assert capsys.readouterr().err == "No results yet: make compare makes one.\n"


def test_the_command_as_a_person_runs_it(stored: Path) -> None:
    """A result elsewhere by its path; a wrong one, in one line."""
    environment = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "benchmarks.report", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = run(str(stored))
    assert (done.returncode, done.stderr) == (0, "")
    assert str(stored / "report.html") in done.stdout
    done = run(str(stored / "captures"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1

"""The page: what is said and what is counted, in the order in which a person asks for it."""

import base64
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from benchmarks.deliveries import deliveries_of
from benchmarks.report import tables, words
from benchmarks.report.markup import Markup, element, text, together, whole
from benchmarks.result_format import Document
from benchmarks.results import CAPTURES, DOCUMENT, name_of
from benchmarks.traffic import FILTER
from benchmarks.wording import UNKNOWN, named

WIRESHARK = together(
    "Open one with File → Open in Wireshark, or on the command line with ",
    element("code", "wireshark FILE"),
    ". It shows the packets as the members' side saw them, at the moment they entered the link. Display filters: ",
    element("code", FILTER),
    " for what TCP sent again, ",
    element("code", 'frame.comment contains "dropped"'),
    " for what the link dropped.",
)

UNTOLD = ("json", "results")
"""Options that say where the results go, and nothing about them."""


def page(document: Document, directory: Path, drawn: Mapping[str, Sequence[Path]]) -> str:
    """The HTML of the report of the result in `directory`, with the figures `drawn` in it (PNG and SVG of each)."""
    name = name_of(directory)
    sections = [
        ("glance", "At a glance", _glance(document)),
        ("figures", "Figures", _figures(document, directory, drawn)),
        ("details", "Details", _details(document)),
        ("measured", "How it was measured", _measured(document)),
        ("again", "To make it again", _again(document, name, directory)),
    ]
    return whole(
        f"{words.title(document)}: {name}",
        element(
            "header",
            element("h1", words.title(document)),
            element("p", words.lead(document), class_="lead"),
            element(
                "nav",
                _items(element("a", title, href=f"#{at}") for at, title, _ in sections),
                aria_label="Contents",
            ),
        ),
        element("main", *(_section(*section) for section in sections)),
    )


def _glance(document: Document) -> Markup:
    notes = [words.ended(document), *document.warnings]
    said = [
        element("h3", "In words"),
        element("ul", *(element("li", finding) for finding in document.findings), class_="findings"),
    ]
    return together(
        *(element("p", note, class_="note") for note in notes if note),
        tables.glance(document) if document.summary else element("p", "Nothing was measured."),
        *(said if document.findings else []),
    )


def _figures(document: Document, directory: Path, drawn: Mapping[str, Sequence[Path]]) -> Markup:
    found = []
    for name, paths in drawn.items():
        title, reading = words.CAPTIONS.get(name, (name, ""))
        picture = base64.b64encode(paths[-1].read_bytes()).decode()
        image = element(
            "img", src=f"data:image/svg+xml;base64,{picture}", alt=words.alternative(document, name)
        )
        files = [
            element("a", path.suffix[1:].upper(), href=quote(path.relative_to(directory).as_posix()))
            for path in paths
        ]
        caption = element("figcaption", element("b", title), f" {reading} For a paper: ", _comma(files), ".")
        found.append(element("figure", image, caption, id=name))
    return together(*found)


def _details(document: Document) -> Markup:
    remarks = words.remarks(document)
    said = [element("h3", "Single runs"), _items(remarks)] if remarks else []
    return together(
        *(together(element("h3", title), table) for title, table in tables.details(document)), *said
    )


def _measured(document: Document) -> Markup:
    environment = [
        (_plain(name), str(value)) for name, value in document.environment.items() if value not in (None, "")
    ]
    options = [
        (_plain(name), _value(value)) for name, value in document.options.items() if name not in UNTOLD
    ]
    return together(
        *(element("p", paragraph) for paragraph in (*words.networks(document), *words.MEASURED)),
        element("h3", "Environment"),
        tables.pairs("Where it was measured.", environment),
        element("h3", "Options"),
        tables.pairs("What was asked for.", options),
        element("h3", "Links"),
        tables.links(document),
    )


PYTHON = ".venv/bin/python"
"""As make sets it up; on Windows `.venv\\Scripts\\python`."""


def _again(document: Document, name: str, directory: Path) -> Markup:
    run = shlex.quote(name)
    commands = "\n".join(
        (
            "# the same comparison again",
            shlex.join([PYTHON if word == "python" else word for word in document.again]),
            "# the same, and what differs from this one",
            f"make reproduce RUN={run}",
            "# this report again, from the data beside it",
            f"{PYTHON} -m benchmarks.report {run} --again",
        )
    )
    data = [path for path in (directory / DOCUMENT, deliveries_of(directory)) if path.exists()]
    files = [element("a", path.name, href=quote(path.name)) for path in data]
    captures = _captures(document, directory)
    return together(
        element("pre", element("code", commands)),
        element("h3", "The data"),
        element(
            "p", "Beside this page: ", _comma(files), ": all figures, and a line for each message and member."
        ),
        element("h3", "Packet captures"),
        together(element("p", WIRESHARK), _items(captures))
        if captures
        else element("p", "No packets were captured."),
    )


def _captures(document: Document, directory: Path) -> list[Markup]:
    """Links to the captures that are there. What a document names elsewhere is none of its captures."""
    found = []
    for run in document.runs:
        if not run.capture:
            continue
        path = Path(run.capture)
        what = f"{named(run.transport)} over {run.profile}, repeat {run.repeat}"
        if path.parts != (CAPTURES, path.name) or not (directory / path).is_file():
            found.append(text(f"{what}: not there any more"))
        else:
            found.append(together(element("a", path.name, href=quote(path.as_posix())), f" ({what})"))
    return found


def _section(at: str, title: str, content: Markup) -> Markup:
    return element("section", element("h2", title, id=at), content)


def _items(things: Iterable[str]) -> Markup:
    return element("ul", *(element("li", thing) for thing in things))


def _comma(parts: Sequence[Markup]) -> Markup:
    return Markup(", ".join(parts))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _value(value: object) -> str:
    return (", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)) or UNKNOWN

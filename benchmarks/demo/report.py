"""What stays of a demonstration: a folder in `benchmarks/results/`.

    20261121T110000Z-demo/
        report.html    the table, a sentence for each act, and what else is here; needs nothing from elsewhere
        demo.json      the figures of each act
        events.csv     everything that happened (`news.py`)
        link.pcapng    every packet that entered the link

It has its name once it is complete; until then it is called `.NAME.part`.
"""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.demo.figures import at_each, figures, of_victim
from benchmarks.demo.news import COLUMNS, News
from benchmarks.demo.state import SIDES, Record, State
from benchmarks.demo.summary import NOTE, played
from benchmarks.demo.verdict import verdict
from benchmarks.environment import environment
from benchmarks.report.markup import Markup, element, together, whole
from benchmarks.wording import ms, named

CAPTURE, EVENTS, FIGURES, PAGE = "link.pcapng", "events.csv", "demo.json", "report.html"

FILES = (
    (FIGURES, "the figures of each act, times in seconds"),
    (EVENTS, "everything that happened, a line each; times in seconds since the demonstration began"),
    (
        CAPTURE,
        "the beginning of every packet that entered the link, as the members' side saw it, for Wireshark",
    ),
)


class Report:
    """A report that is being made in `directory`, which there has to be. Raises OSError."""

    def __init__(self, directory: Path, made: datetime, seed: int) -> None:
        self._made, self._seed = made, seed
        stem = f"{made:%Y%m%dT%H%M%SZ}-demo"
        for number in count(1):
            name = stem if number == 1 else f"{stem}-{number}"
            self._whole, self._part = directory / name, directory / f".{name}.part"
            if self._whole.exists():
                continue
            try:
                self._part.mkdir()
            except FileExistsError:
                continue  # another demonstration of the same second
            break
        self.capture = self._part.resolve() / CAPTURE

    def finish(self, state: State, news: Sequence[News], began: float) -> Path | None:
        """Write it; the path of its page. None, and nothing is left, if no act was played to its end. Raises OSError.

        `began` is when the demonstration did, in the seconds of the news."""
        records = played(state)
        if not records:
            self.abandon()
            return None
        with (self._part / EVENTS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows((f"{one.at - began:.6f}", *one[1:]) for one in sorted(news))
        document = {"made": self._made.isoformat(), "seed": self._seed, "environment": dict(environment())}
        document["acts"] = [told(record) for record in records]
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (self._part / FIGURES).write_text(text, encoding="utf-8")
        (self._part / PAGE).write_text(page(records, self._made, self._seed), encoding="utf-8")
        return self._part.rename(self._whole) / PAGE

    def abandon(self) -> None:
        """Remove it, unless it is finished. May be called twice."""
        shutil.rmtree(self._part, ignore_errors=True)


def now() -> datetime:
    """The time that names a report."""
    return datetime.now(UTC)


def told(record: Record) -> dict[str, Any]:
    """An act in figures, for programs."""
    sides = {name: asdict(figures(record, name)) | {"has": at_each(record, name)} for name in SIDES}
    victims = {name: of_victim(record, name) for name in record.sides}
    return {
        "act": record.act.name,
        "link": record.act.link,
        "loss_changed": record.changed,
        "packets": record.entered,
        "dropped": record.dropped,
        **sides,
        "forged": {name: {"sent": sent, "received": got} for name, (sent, got) in victims.items() if sent},
        "verdict": verdict(record),
    }


def page(records: Sequence[Record], made: datetime, seed: int) -> str:
    """The HTML of the report."""
    where = environment()
    title = "TCP and UDP across a bad network"
    lead = (
        f"A demonstration of {made:%Y-%m-%d %H:%M} UTC: the same conversation of five over both, "
        f"25 ms each way, seed {seed}."
    )
    return whole(
        title,
        element("header", element("h1", title), element("p", lead, class_="lead")),
        element(
            "main",
            element("h2", "What came of each act"),
            element("ul", *(_sentence(record) for record in records), class_="findings"),
            element("h2", "In figures"),
            element("div", _table(records), class_="wide"),
            element("p", NOTE, class_="faint"),
            element("h2", "What else is here"),
            element("ul", *(_file(*one) for one in FILES)),
            element("h2", "Where it was played"),
            element("p", "; ".join(f"{name} {value}" for name, value in where.items())),
        ),
    )


def _sentence(record: Record) -> Markup:
    link = f" The link dropped {record.dropped:,} of {record.entered:,} packets."
    changed = " The loss was changed by hand meanwhile." if record.changed else ""
    return element("li", element("b", f"{record.act.title}: "), verdict(record), link, changed)


def _file(name: str, what: str) -> Markup:
    return element("li", element("a", name, href=name), f": {what}")


def _table(records: Sequence[Record]) -> Markup:
    heads = (
        "act", "transport", "said", "delivered", "missing", "median, ms", "slowest, ms", "over 1 s late", "bursts",
        "sent again",
    )  # fmt: skip
    rows = [_row(record, name) for record in records for name in SIDES]
    return element(
        "table",
        element("thead", element("tr", *(element("th", head, scope="col") for head in heads))),
        element("tbody", *rows),
    )


def _row(record: Record, name: str) -> Markup:
    found = figures(record, name)
    again = f"{found.again:,}" if name == "tcp" else "nobody does"
    cells = (
        f"{found.said:,}", f"{found.delivered:,} of {found.expected:,}", f"{found.missing:,}", ms(found.p50),
        ms(found.worst), f"{found.very_late:,}", f"{found.bursts:,}", again,
    )  # fmt: skip
    return element(
        "tr",
        element("th", record.act.title, scope="row"),
        element("td", named(name), class_=name),
        together(*(element("td", cell, class_="number") for cell in cells)),
    )

"""What the pages of the lab book are made of: a page, paragraphs, lists, tables."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.report.markup import STYLE, Markup, element, whole

STYLES = (STYLE, Path(__file__).with_name("style.css"))
"""The report's, and what the lab book adds to it."""


def html(title: str, *body: Markup) -> str:
    """A whole page, in the lab book's own style."""
    return whole(title, *body, styles=STYLES)


def paragraphs(those: Iterable[str]) -> list[Markup]:
    """Paragraphs; those of several lines keep them."""
    return [element("pre" if "\n" in one else "p", *inline(one)) for one in those]


_MARKED = re.compile(r"`([^`]+)`|(?<![\w*])\*(\w(?:[^*]*[\w.?!])?)\*(?![\w*])")


def inline(text: str) -> list[str]:
    """A text of this lab's own, with what stands in `backticks` as code, and between *asterisks* emphasized."""
    found: list[str] = []
    at = 0
    for match in _MARKED.finditer(text):
        found.append(text[at : match.start()])
        found.append(element("code", match[1]) if match[1] else element("em", match[2]))
        at = match.end()
    return [*found, text[at:]]


def items(those: Iterable[str], kind: str | None = None) -> Markup:
    """A list."""
    return element("ul", *(element("li", *inline(one)) for one in those), class_=kind)


def table(
    caption: str, head: Sequence[str | Markup], rows: Iterable[Sequence[Markup]], kind: str | None = None
) -> Markup:
    """A table with room of its own to scroll in, which the keyboard can reach. Cells are finished."""
    top = [element("thead", element("tr", *(element("th", cell, scope="col") for cell in head)))]
    body = element("tbody", *(element("tr", *row) for row in rows))
    whole = element(
        "table", element("caption", element("span", caption)), *(top if any(head) else []), body, class_=kind
    )
    return element("div", whole, class_="wide", tabindex=0, role="region", aria_label=caption)


def pairs(caption: str, rows: Iterable[tuple[str, str | Markup]]) -> Markup:
    """A table of names and values."""
    cells = ([element("th", name, scope="row"), element("td", value)] for name, value in rows)
    return table(caption, [], cells, "pairs")

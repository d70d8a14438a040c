"""Text becomes HTML here, and nowhere else: whatever is not Markup is text, and is escaped."""

import html
from collections.abc import Sequence
from pathlib import Path

from common.visible import visible

VOID = {"img", "meta"}

STYLE = Path(__file__).with_name("style.css")

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What the browser is told: to fetch nothing, whatever stands in the page."""


class Markup(str):
    """Finished HTML. Only what was written in this package may be made one; what comes from outside is `str`."""

    __slots__ = ()


def text(words: str) -> Markup:
    """`words` as text, whatever they are: no markup, and no control characters but the ends of lines."""
    if isinstance(words, Markup):
        return words
    return Markup(html.escape("\n".join(map(visible, words.splitlines()))))


def element(tag: str, *children: str, **attributes: str | int | None) -> Markup:
    """`<tag attribute="…">children</tag>`. A `_` at the end of an attribute's name is left out, within it becomes
    `-`; attributes of None are left out."""
    shown = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{text(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{shown}>")
    return Markup(f"<{tag}{shown}>{''.join(map(text, children))}</{tag}>")


def whole(title: str, *body: Markup, styles: Sequence[Path] = (STYLE,)) -> str:
    """A whole page: its styles in it, and an order to the browser to fetch nothing."""
    style = "\n".join(path.read_text(encoding="utf-8") for path in styles)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(style)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', *body), lang='en')}\n"


def together(*parts: str) -> Markup:
    """One behind the other."""
    return Markup("".join(map(text, parts)))

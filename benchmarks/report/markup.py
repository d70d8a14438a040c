"""Text becomes HTML here, and nowhere else: whatever is not Markup is text, and is escaped."""

import html

from common.visible import visible

VOID = {"img", "meta"}


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


def together(*parts: str) -> Markup:
    """One behind the other."""
    return Markup("".join(map(text, parts)))

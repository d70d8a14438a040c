"""What the pages name: files, functions, targets of make, experiments. All of it has to exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.child import ROOT
from benchmarks.docs.shown import pages

LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\[]+)\]\((?P<target>[^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"\bmake ([a-z][a-z-]*)\b")
CODE = re.compile(r"`([^`\n]+)`|^ {4}(make .*)$", re.MULTILINE)
DEFINED = re.compile(r"[A-Za-z_]\w*(\.\w+)*")


class Link(NamedTuple):
    """A link of a page, to a file of this repository."""

    page: Path
    text: str
    target: Path
    anchor: str


def links() -> Iterator[Link]:
    """Every link from a page to a file of this repository."""
    for page in pages():
        for match in LINK.finditer(FENCED.sub("", page.read_text(encoding="utf-8"))):
            target, _, anchor = match["target"].partition("#")
            if "://" not in match["target"]:
                yield Link(page, match["text"], (page.parent / target).resolve() if target else page, anchor)


def missing(link: Link) -> str:
    """What there is not of what a link names, as a sentence; empty if all is there. The text of a link to a Python file
    may be a name in code: of a function, a class, a method or a constant of that file."""
    where = link.page.relative_to(ROOT)
    if not link.target.exists():
        return f"{where} links to {link.target}, and there is no such file."
    name = link.text.strip("`")
    is_code = link.text.startswith("`") and link.target.suffix == ".py" and DEFINED.fullmatch(name)
    if is_code and name not in names(link.target):
        return f"{where} names {name} in {link.target.relative_to(ROOT)}, and there is no such thing."
    if link.anchor and link.target.suffix == ".md" and link.anchor not in anchors(link.target):
        return f"{where} links to #{link.anchor} in {link.target.relative_to(ROOT)}, and there is no such heading."
    return ""


def names(source: Path) -> set[str]:
    """Everything that a Python file defines at its top and in its classes, as `Class.method`."""

    def of(body: list[ast.stmt], before: str) -> Iterator[str]:
        for one in body:
            match one:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    yield before + name
                case ast.ClassDef(name=name, body=inner):
                    yield before + name
                    yield from of(inner, f"{before}{name}.")
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    yield before + name

    return set(of(ast.parse(source.read_text(encoding="utf-8")).body, ""))


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in a link, as GitHub makes it of them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        found.add(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"))
    return found


def commands() -> Iterator[tuple[Path, str]]:
    """Every `make …` that a page shows as code."""
    for page in pages():
        for code, line in CODE.findall(page.read_text(encoding="utf-8")):
            text = (code or line).partition("#")[0].strip()
            if text.startswith("make ") or "; make " in text:
                yield page, text


def targets() -> set[str]:
    """Those that the Makefile has."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))

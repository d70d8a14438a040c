"""A student's own words: a Markdown file that belongs to them.

    # My lab book

    ## 2 `loss`: What does loss do?

    > At which loss would you stop talking over TCP, and at which over UDP? What decides it?

    (here one writes)

The lab makes it once and never overwrites it: later it only adds, at the end, sections of experiments that have none.
A section is found by the experiment's name in backticks in its heading; everything else in the heading, the order, and
whatever stands between may be changed. The text goes as far as the next such heading, or the next one of the same rank
or above.

What is read there is shown, never obeyed: HTML is text, and pictures are not fetched.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmarks.labbook import sheet
from benchmarks.report.markup import Markup, element, together
from benchmarks.result_format import Unreadable
from benchmarks.results import Unsaved
from benchmarks.wording import from_here, reason
from common.visible import visible

FILE = "labbook-notes.md"

LARGEST = 2_000_000
"""Bytes that a person could have written."""

LINES = 4
"""That are ruled for an answer by hand, where there is none."""

TITLE = "My lab book"

HOW = (
    "This file is yours: `make labbook` puts what you write under its headings into the book, and never overwrites it. "
    "It finds your words by the names in backticks: leave those in the headings. It is Markdown: an empty line begins "
    "a paragraph, `- ` an item of a list, `**bold**`, `*emphasis*`."
)

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

Block = list[Token]
"""A paragraph, a list, a heading, …: its tokens."""


@dataclass(frozen=True)
class Section:
    """What stands under one heading, block by block. Not to be changed."""

    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True)
class Notes:
    """What a student wrote: by experiment, and what belongs to none, before the first of them and behind."""

    sections: dict[str, Section] = field(default_factory=dict)
    before: Section = field(default_factory=Section)
    behind: Section = field(default_factory=Section)


@dataclass(frozen=True)
class Heading:
    """What a section is begun with: the experiment's number, name and title, and its open questions."""

    number: int
    name: str
    title: str
    questions: Sequence[str]

    def text(self) -> str:
        """The section, as it is before anything is written in it."""
        questions = "".join(f"\n> {question}\n\n\n" for question in self.questions)
        return f"\n## {self.number} `{self.name}`: {self.title}\n{questions or chr(10)}"


# --- the file -------------------------------------------------------------------------------------


def keep(path: Path, headings: Sequence[Heading]) -> list[str]:
    """Have a section for each of these: the names of those that were added. The file is made if there is none, and
    else only ever grows. Raises Unreadable if it can't be understood, Unsaved if the disk refuses; then it is as it
    was."""
    there = _text(path)
    known = parse(there or "", [one.name for one in headings]).sections
    missing = [one for one in headings if one.name not in known]
    text = "".join(one.text() for one in missing)
    if there is None:
        text = f"# {TITLE}\n\n> {HOW}\n{text}"
    elif missing and there and not there.endswith("\n"):
        text = "\n" + text
    if there and "\r\n" in there:
        text = text.replace("\n", "\r\n")
    if there is not None and not missing:
        return []
    try:
        # x: if an editor made it meanwhile, it is theirs. a: what is there stays, whatever it is by now.
        with path.open("xb" if there is None else "ab") as file:
            file.write(text.encode())
    except OSError as error:
        raise Unsaved(f"Your notes can't be written to {from_here(path)}: {reason(error)}.") from error
    return [one.name for one in missing]


def read(path: Path, names: Iterable[str]) -> Notes:
    """What was written about the experiments of these names; nothing if there is no file. Raises Unreadable."""
    return parse(_text(path) or "", names)


def _text(path: Path) -> str | None:
    """What is in the file; None if there is none."""
    what = f"Your notes, {from_here(path)},"
    try:
        if path.exists() and not path.is_file():
            raise Unreadable(f"{what} are no file: name another with --notes.")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"{what} can't be read: {reason(error)}.") from error
    if len(data) > LARGEST:
        raise Unreadable(f"{what} are larger than {LARGEST:,} bytes: is that the right file?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"{what} are not UTF-8 (line {line}): save them as UTF-8 in your editor.") from error


# --- its sections ---------------------------------------------------------------------------------


def parse(text: str, names: Iterable[str]) -> Notes:
    """Take the text of such a file apart. Several sections of one name are one."""
    wanted = set(names)
    tokens = _MARKDOWN.parse("\n".join(map(visible, text.splitlines())))
    found = Notes()
    section, rank = found.before, 0
    for block in _blocks(tokens):
        name = _name(block, wanted)
        if name:
            section = found.sections.setdefault(name, Section())
            rank = _rank(block)
            continue
        if rank and 0 < _rank(block) <= rank:
            section, rank = found.behind, 0
        section.blocks.append(block)
    return found


def _blocks(tokens: Iterable[Token]) -> Iterator[Block]:
    block: Block = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


def _rank(block: Block) -> int:
    """1 to 6 of a heading, 0 of anything else."""
    return int(block[0].tag[1]) if block[0].type == "heading_open" else 0


def _name(block: Block, wanted: set[str]) -> str:
    """Of which experiment a heading is; empty if of none."""
    if not _rank(block):
        return ""
    parts = [child for token in block for child in token.children or ()]
    return next((part.content for part in parts if part.type == "code_inline" and part.content in wanted), "")


# --- in the book ----------------------------------------------------------------------------------


def answers(questions: Sequence[str], section: Section | None, level: int) -> Markup:
    """Open questions, each with what was written under it, or with room to write on paper. Headings in what was
    written are of this level or below."""
    own: list[tuple[str, list[Block]]] = [("", [])]
    for block in section.blocks if section else ():
        asked = next((one for one in questions if _plain(block) == _joined(one)), None)
        if asked is None:
            own[-1][1].append(block)
        else:
            own.append((asked, []))
    (_, free), *answered = own
    if not answered and free:
        # The questions are gone from the notes: whether these are answers to them, only their writer knows.
        asking = element("ul", *(element("li", *sheet.inline(one)) for one in questions))
        return together(*([asking] if questions else []), _own(free, level))
    there = [one for one, _ in answered]
    answered += [(one, []) for one in questions if one not in there]
    parts = [element("div", _question(one), _own(blocks, level), class_="asking") for one, blocks in answered]
    return together(*([_own(free, level)] if free else []), *parts)


def rendered(section: Section, level: int) -> Markup:
    """What belongs to no experiment; empty if that is only what the lab itself has written there."""
    given = {TITLE, _joined(HOW)}
    blocks = [block for block in section.blocks if _plain(block) not in given]
    return _own(blocks, level) if blocks else Markup("")


def _question(asked: str) -> Markup:
    return element("p", *sheet.inline(asked), class_="question")


def _own(blocks: Sequence[Block], level: int) -> Markup:
    """As HTML; ruled lines, on paper, if there is nothing."""
    if not blocks:
        lines = [element("div", class_="line") for _ in range(LINES)]
        return element("div", *lines, class_="room", aria_hidden="true")
    top = min((_rank(block) for block in blocks if _rank(block)), default=1)
    shifted = [_shifted(token, level - top) for block in blocks for token in block]
    # What markdown-it renders with `html` off is escaped by it.
    return element("div", Markup(_MARKDOWN.renderer.render(shifted, _MARKDOWN.options, {})), class_="own")


def _shifted(token: Token, by: int) -> Token:
    if token.type not in ("heading_open", "heading_close"):
        return token
    return token.copy(tag=f"h{min(6, int(token.tag[1]) + by)}")


def _plain(block: Block) -> str:
    """What it says, without how it stands there."""
    return _joined(" ".join(token.content for token in block if token.type == "inline"))


def _joined(text: str) -> str:
    return " ".join(text.split())

"""The lab book: all experiments in one HTML file that needs nothing but a browser, with the student's own words.

A cover that says where and when everything was measured, and what has to be known before any of it is compared; a
table of all experiments; then each of them, on a page of its own where it is printed. It is made of what is saved and
of nothing else, so it can be made again at any time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.labbook import notes, page, sheet, words
from benchmarks.labbook.experiment import Text, Verdict
from benchmarks.labbook.saved import Made
from benchmarks.report.markup import Markup, element, together
from benchmarks.results import explained, replace
from benchmarks.wording import UNKNOWN, listed

BOOK = "labbook.html"

TITLE = "Lab book: the chat over TCP and UDP"

MORE = "More of my own"
"""What a student wrote that belongs to no experiment."""

SAME = ("kernel", "python", "commit", "network", "congestion control")
"""What two figures must have in common to be compared."""


@dataclass(frozen=True)
class Entry:
    """An experiment as it stands in the book: `made` in `directory`, or not, and `why`."""

    number: int
    name: str
    text: Text
    think: Sequence[str]
    made: Made | None = None
    directory: Path = Path()
    why: str = ""


def write(entries: Sequence[Entry], written: notes.Notes, path: Path, warnings: Sequence[str] = ()) -> Path:
    """Write the book; what was there is replaced. `warnings` stand on its cover. Raises results.Unsaved."""
    with explained(path.parent):  # the figures are there, too
        text = _book(entries, written, path.parent, warnings)
    return replace(path, text.encode())


def _book(entries: Sequence[Entry], written: notes.Notes, where: Path, warnings: Sequence[str]) -> str:
    those = [one.made for one in entries if one.made]
    before, behind = notes.rendered(written.before, 2), notes.rendered(written.behind, 3)
    header = element(
        "header",
        element("h1", TITLE),
        element("p", _lead(entries), class_="lead"),
        element(
            "p",
            "Name: ",
            element("span", class_="blank"),
            " Date: ",
            element("span", class_="blank"),
            class_="whose",
        ),
        element("nav", _contents(entries, bool(behind)), aria_label="Contents"),
        class_="cover",
    )
    cover = together(
        *(element("p", note, class_="note") for note in (*warnings, *differences(those))),
        before,
        element("section", element("h2", "All experiments"), _summary(entries)),
        element("section", element("h2", "Where it was measured"), _environment(those)) if those else "",
    )
    rest = (
        [element("section", element("h2", MORE), behind, class_="more", id="more-of-my-own")]
        if behind
        else []
    )
    articles = (_entry(one, written, where) for one in entries)
    return sheet.html(TITLE, header, element("main", cover, *articles, *rest))


def _lead(entries: Sequence[Entry]) -> str:
    those = [one.made for one in entries if one.made]
    if not those:
        return f"None of {len(entries)} experiments is made yet."
    made = sorted(one.made for one in those)
    days = " to ".join(dict.fromkeys((_day(made[0]), _day(made[-1]))))
    took = sum(one.took for one in those)
    return f"{len(those)} of {len(entries)} experiments, made {days}, in {took / 60:.0f} minutes of measuring"


def _day(made: str) -> str:
    try:
        when = datetime.fromisoformat(made)
    except ValueError:
        return made
    return f"{when.day} {when:%B %Y}"


def _contents(entries: Iterable[Entry], more: bool) -> Markup:
    links = [element("a", f"{one.number} {one.name}", href=f"#{one.name}") for one in entries]
    links += [element("a", MORE, href="#more-of-my-own")] if more else []
    return element("ul", *(element("li", link) for link in links))


# --- the cover ------------------------------------------------------------------------------------


def differences(those: Sequence[Made]) -> list[str]:
    """What has to be known before the figures of these experiments are compared with each other."""
    found = []
    quick = [one.name for one in those if one.quick]
    if quick and len(quick) == len(those):
        found.append("All of these are quick runs: they show how the experiments go, and prove nothing.")
    elif quick:
        found.append(
            f"{len(quick)} of {len(those)} experiments are quick runs, which show how it goes and prove nothing: "
            f"{listed(quick)}."
        )
    if relayed := [one.name for one in those if one.environment.get("network") == "relay"]:
        found.append(
            f"No network could be emulated where these were made: {listed(relayed)}. UDP went through a relay there, "
            "and TCP was not measured over a bad network."
        )
    for what in SAME:
        by = _by(those, what)
        if len(by) > 1:
            parts = "; ".join(f"{value} ({listed(names)})" for value, names in by.items())
            found.append(f"Not all were made with the same {what}: {parts}. Compare them with care.")
    return found


def _by(those: Iterable[Made], what: str) -> dict[str, list[str]]:
    """Their names by what their environment says of this, the most frequent first."""
    found: dict[str, list[str]] = {}
    for one in those:
        found.setdefault(page.environment(one).get(what, "unknown"), []).append(one.name)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _environment(those: Sequence[Made]) -> Markup:
    names = dict.fromkeys(name for one in those for name in page.environment(one))
    rows = []
    for name in names:
        by = _by(those, name)
        rows.append(
            (
                name,
                " · ".join(
                    value if len(by) == 1 else f"{value} ({len(which)} of {len(those)})"
                    for value, which in by.items()
                ),
            )
        )
    rows.append(("seed", ", ".join(dict.fromkeys(str(one.seed) for one in those))))
    return sheet.pairs("The machine and the code.", rows)


def _summary(entries: Sequence[Entry]) -> Markup:
    head = ["", "question", "a figure of it", "expected", "measured", "all figures", "your prediction"]
    rows = [_row(one) for one in entries]
    those = [one.made for one in entries if one.made]
    return sheet.table(f"{total(those)}." if those else "Nothing is made yet.", head, rows, "summary")


def total(those: Sequence[Made]) -> str:
    """How many expectations held in all of them."""
    return words.count((finding for one in those for finding in one.outcome.findings), "figures ")


def _row(entry: Entry) -> list[Markup]:
    question = element("td", element("a", entry.text.title, href=f"#{entry.name}"), class_="words")
    number = element("th", str(entry.number), scope="row")
    if entry.made is None:
        return [number, question, element("td", f"Not made: {entry.why}", colspan=5)]
    made, head = entry.made, words.headline(entry.made)
    cells = [element("td", UNKNOWN)] * 3
    if head is not None:
        mark = words.MARKS[head.verdict]
        cells = [
            element("td", head.what, class_="words"),
            element("td", words.expected(head)),
            element("td", f"{mark} ".lstrip(), *page.measured(head)),
        ]
    outside = [one.what for one in made.outcome.findings if one.verdict is Verdict.OUTSIDE]
    more = [
        element("small", f"{words.MARKS[Verdict.OUTSIDE]} OUTSIDE: {'; '.join(outside)}", class_="outside")
    ]
    quick = [element("small", "quick")] if made.quick else []
    tally = element("td", words.tally(made), *(more if outside else []), *quick, class_="words")
    return [number, question, *cells, tally, element("td", words.right(made))]


# --- each of them ---------------------------------------------------------------------------------


def _entry(entry: Entry, written: notes.Notes, where: Path) -> Markup:
    section = written.sections.get(entry.name)
    if entry.made:
        beside = (
            entry.directory.name if entry.directory.parent == where else entry.directory.absolute().as_uri()
        )
        return page.article(entry.made, entry.directory, 2, beside, section)
    return element(
        "article",
        element("h2", f"Experiment {page.label(entry.name, entry.text.title)}"),
        element("p", f"Not made: {entry.why}", class_="note"),
        element("section", element("h3", "Question"), *sheet.paragraphs(entry.text.sections["Question"])),
        element(
            "section",
            element("h3", "Why it matters"),
            *sheet.paragraphs(entry.text.sections["Why it matters"]),
        ),
        element("section", element("h3", "Open questions"), notes.answers(entry.think, section, 4)),
        id=entry.name,
    )

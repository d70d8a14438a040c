"""The page of one experiment: what was asked, predicted, expected and measured, in one HTML file that needs nothing
but a browser. The figures are in it, and beside it as files, as the data and the captures are.

`article` is what stands in the page, and in the book of all experiments (`book.py`).
"""

import base64
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from benchmarks.experiments import NAMES
from benchmarks.labbook import notes, sheet, words
from benchmarks.labbook.chart import Chart, Curves
from benchmarks.labbook.experiment import Finding, Verdict
from benchmarks.labbook.saved import DATA, DOCUMENT, FIGURES, PAGE, Made
from benchmarks.report.markup import Markup, element
from benchmarks.report.page import PYTHON, WIRESHARK
from benchmarks.report.words import moment
from benchmarks.results import CAPTURES
from benchmarks.wording import UNKNOWN, listed

LARGE = 1_000_000
"""Bytes of a drawing in vectors from which on the page takes it in pixels: in a book of all experiments, a hundred
thousand points of a figure would be most of the file."""

QUICK = "This is a quick run: it shows how the experiment goes, and is too short to prove anything."


def write(made: Made, directory: Path) -> Path:
    """Write page.html into the directory of an experiment, where its figures are already. Raises OSError."""
    path = directory / PAGE
    body = element("main", article(made, directory, 1))
    path.write_text(sheet.html(f"Experiment {label(made.name, made.title)}", body), encoding="utf-8")
    return path


def label(name: str, title: str) -> str:
    """An experiment's number and title; without the number, if it has none here."""
    return f"{NAMES.index(name) + 1}: {title}" if name in NAMES else f"{name}: {title}"


def article(
    made: Made, directory: Path, level: int, beside: str = "", section: notes.Section | None = None
) -> Markup:
    """All that there is to say of an experiment that was made in `directory`. Its heading is of this level, those of
    its parts of the next. Links to the files of the directory begin with `beside`. `section` is what the student
    wrote about it."""
    parts: list[tuple[str, Sequence[str]]] = [
        ("Question", sheet.paragraphs(made.sections["Question"])),
        ("Why it matters", sheet.paragraphs(made.sections["Why it matters"])),
        ("Your prediction", _prediction(made)),
        ("What was expected, and what was measured", _compared(made)),
        ("What the data say", [sheet.items(made.outcome.said, "findings")] if made.outcome.said else []),
        ("Did it hold?", _held(made)),
        ("Figures", [_figure(chart, made, directory, beside) for chart in made.outcome.charts]),
        ("In short", _table(made)),
        ("Method", sheet.paragraphs(made.sections["Method"])),
        ("What would change it", sheet.paragraphs(made.sections["What would change it"])),
        ("Conditions", _conditions(made)),
        ("To be careful with", [sheet.items(made.warnings, "warnings")] if made.warnings else []),
        ("To make it again", _again(made)),
        ("Data", _data(made, directory, beside)),
        ("Open questions", [notes.answers(made.think, section, level + 2)]),
    ]
    return element(
        "article",
        element(f"h{level}", f"Experiment {label(made.name, made.title)}"),
        *([element("p", QUICK, class_="note")] if made.quick else []),
        *(
            element("section", element(f"h{level + 1}", title), *content)
            for title, content in parts
            if any(content)
        ),
        id=made.name,
    )


def verdict(found: Verdict) -> Markup:
    """In words."""
    if found is Verdict.FREE:
        return Markup("")
    return element("span", found.value, class_="outside" if found is Verdict.OUTSIDE else None)


# --- the parts ------------------------------------------------------------------------------------


def _prediction(made: Made) -> list[Markup]:
    said = words.prediction(made)
    found = [*sheet.paragraphs(made.sections["Prediction"]), element("p", f"You were asked: {made.asked}")]
    if made.answers:
        found.append(element("ol", *(_answer(made, number) for number in range(len(made.answers)))))
    return [*found, element("p", element("b", said) if said else "You made no prediction.")]


def _answer(made: Made, number: int) -> Markup:
    remarks = []
    if made.predicted is not None and round(made.predicted) == number:
        remarks.append("you said so")
    if made.outcome.answer == number:
        remarks.append("the data say so")
    return element("li", made.answers[number], *([element("b", f" ← {listed(remarks)}")] if remarks else []))


def _compared(made: Made) -> list[Markup]:
    found = sheet.paragraphs(made.sections["Expected"])
    if not made.outcome.findings:
        return [*found, element("p", "Nothing was measured.")]
    predicted = made.predicted is not None and not made.answers
    head = ["what", *(["you said"] * predicted), "expected", "measured", "n", "verdict"]
    rows = [_finding(one, made, predicted) for one in made.outcome.findings]
    caption = f"{words.tally(made)}. Below what was measured: its 95 % interval, or the range of the repeats."
    return [*found, sheet.table(caption, head, rows, "compared")]


def _finding(one: Finding, made: Made, predicted: bool) -> list[Markup]:
    mine = predicted and one.name == made.finding and made.predicted is not None
    source = [element("small", one.expected.source)] if one.expected and one.expected.source else []
    said = words.quantity(made.predicted or 0.0, made.unit) if mine else ""
    return [
        element("th", f"{words.MARKS[one.verdict]} {one.what}".strip(), scope="row"),
        *([element("td", said)] if predicted else []),
        element("td", words.expected(one), *source, class_="words"),
        element("td", *measured(one)),
        element("td", f"{one.n:,}", element("small", one.of)),
        element("td", verdict(one.verdict)),
    ]


def measured(one: Finding) -> list[str]:
    """What was measured, above its interval or why there is none."""
    if one.value is None:
        return [UNKNOWN, *([element("small", one.missing)] if one.missing else [])]
    value = words.quantity(one.value, one.unit)
    shown: list[str] = [element("b", value) if one.verdict is Verdict.OUTSIDE else value]
    if one.low is not None and one.high is not None:
        ends = f"{words.number(one.low, one.unit)}–{words.number(one.high, one.unit)}"
        shown.append(element("small", f"repeats: {ends}" if one.spread else ends, class_="range"))
    return shown


def _held(made: Made) -> list[Markup]:
    found = []
    for one, sentence in words.verdicts(made):
        said = (
            [element("b", f"{words.MARKS[one]} ", *([one.value + ". "] * (one is Verdict.OUTSIDE))), sentence]
            if one is not Verdict.FREE
            else [sentence]
        )
        found.append(element("li", *said))
    return [element("ul", *found, class_="held")] if found else []


def _table(made: Made) -> list[Markup]:
    if not made.outcome.table:
        return []
    head, *body = made.outcome.table
    rows = [
        [
            element("th" if not at else "td", cell, scope="row" if not at else None)
            for at, cell in enumerate(row)
        ]
        for row in body
    ]
    return [sheet.table("What was measured, in short.", head, rows, "short")]


def _figure(chart: Chart, made: Made, directory: Path, beside: str) -> Markup:
    paths = [directory / FIGURES / f"{chart.name}.{kind}" for kind in ("svg", "png")]
    named = re.fullmatch(r"[A-Za-z0-9-]{1,100}", chart.name) is not None
    # A link may lead to any file of this machine, which would go into a page that is passed on.
    there = [path for path in paths if named and path.is_file() and not path.is_symlink()]
    if not there:
        return element(
            "figure", element("figcaption", chart.caption, " (This figure is not there any more.)")
        )
    picture = there[-1] if there[0].stat().st_size > LARGE else there[0]
    kind = "svg+xml" if picture.suffix == ".svg" else "png"
    data = base64.b64encode(picture.read_bytes()).decode()
    links = [_link(path, directory, beside, path.suffix[1:].upper()) for path in there]
    return element(
        "figure",
        element("img", src=f"data:image/{kind};base64,{data}", alt=_alternative(chart)),
        element(
            "figcaption",
            *sheet.inline(chart.caption),
            element("span", " For a paper: ", _comma(links), ".", class_="files"),
        ),
        id=f"{made.name}-{chart.name}",
    )


def _alternative(chart: Chart) -> str:
    if not isinstance(chart, Curves):
        return f"Time line of message {chart.chosen} over {chart.transport.upper()}: {chart.title}"
    return " ".join(
        f"{panel.title}: {panel.y_label} over {panel.x_label}"
        f" of {listed([series.name for series in panel.series]) or 'nothing'}."
        for panel in chart.panels
    )


def _conditions(made: Made) -> list[Markup]:
    rows = [
        *made.outcome.conditions,
        ("made", f"{moment(made.made)}, in {made.took:.0f} s"),
        ("run", "quick (proves nothing)" if made.quick else "full"),
        ("seed", str(made.seed)),
        *(environment(made).items()),
    ]
    return [sheet.pairs("Under these conditions it was measured.", rows)]


def environment(made: Made) -> dict[str, str]:
    """Where it was made, as far as that is known."""
    return {
        name.replace("_", " "): str(value)
        for name, value in made.environment.items()
        if value not in (None, "")
    }


def _again(made: Made) -> list[Markup]:
    seeded = f"make experiment NAME={shlex.quote(made.name)} SEED={made.seed}"
    lines = [
        seeded + " ARGS=--quick" * made.quick,
        "# the same dice are thrown again; which packet meets which throw depends on the moment",
        "# the same without make",
        shlex.join([PYTHON if word == "python" else word for word in made.again]),
    ]
    return [element("pre", element("code", "\n".join(lines)))]


def _data(made: Made, directory: Path, beside: str) -> list[Markup]:
    files = [_link(directory / name, directory, beside) for name in (DATA, DOCUMENT)]
    found = [element("p", "Everything measured, and what this page is made of: ", _comma(files), ".")]
    captures = [_capture(name, directory, beside) for name in made.outcome.captures]
    if captures:
        found += [
            element("p", "Packet captures: ", WIRESHARK),
            element("ul", *(element("li", one) for one in captures)),
        ]
    return found


def _capture(name: str, directory: Path, beside: str) -> Markup | str:
    """A link, if it is there. What is named elsewhere is none of the experiment's captures."""
    path = directory / CAPTURES / name
    if Path(name).name != name or len(name) > 200 or not path.is_file() or path.is_symlink():
        return f"{name}: not there any more"
    return _link(path, directory, beside)


def _link(path: Path, directory: Path, beside: str, shown: str = "") -> Markup:
    place = path.relative_to(directory).as_posix()
    return element("a", shown or path.name, href=quote(f"{beside}/{place}" if beside else place))


def _comma(parts: Sequence[Markup]) -> Markup:
    return Markup(", ".join(parts))

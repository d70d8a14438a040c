"""An experiment on the screen: the question; prediction, expectation and measurement side by side; what they say."""

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from benchmarks.labbook import words
from benchmarks.labbook.experiment import Experiment, Verdict
from benchmarks.labbook.saved import Made

COLOURS = {
    Verdict.OUTSIDE: "yellow",
    Verdict.UNKNOWN: "yellow",
    Verdict.WITHIN: "green",
    Verdict.TOUCHES: "yellow",
}


def opening(experiment: Experiment, number: int, quick: bool) -> Group:
    """What stands on the screen before it is made."""
    text = experiment.text
    takes = f"about {experiment.seconds[quick]:.0f} s"
    parts: list[RenderableType] = [
        Text(f"{number}  {text.title}", "bold"),
        Text(text.question),
        Text(""),
        *(Padding(Text(paragraph), (0, 0, 0, 2)) for paragraph in text.sections["Method"]),
        Text(
            f"  {takes}{', a quick run: it shows how it goes, and is too short for a claim' * quick}", "dim"
        ),
    ]
    return Group(*parts)


def result(made: Made) -> Group:
    """What came of it."""
    parts: list[RenderableType] = [_findings(made)]
    if made.outcome.table:
        parts += [Text(""), _table(made.outcome.table)]
    parts += [_said(made), _conditions(made)]
    return Group(*parts)


def _findings(made: Made) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    table.add_column("", no_wrap=True)
    table.add_column("measured was", ratio=3)
    predicted = made.predicted is not None and not made.answers
    if predicted:
        table.add_column("you said", justify="right")
    table.add_column("expected", justify="right")
    table.add_column("measured", justify="right")
    table.add_column("n", justify="right")
    for finding in made.outcome.findings:
        verdict = finding.verdict
        row = [Text(words.MARKS[verdict], COLOURS.get(verdict, "")), Text(finding.what)]
        if predicted:
            mine = finding.name == made.finding and made.predicted is not None
            row.append(Text(words.quantity(made.predicted or 0.0, made.unit) if mine else ""))
        row += [
            Text(words.expected(finding)),
            Text(words.measured(finding), COLOURS.get(verdict, "") if verdict is Verdict.OUTSIDE else ""),
            Text(words.behind(finding), "dim"),
        ]
        table.add_row(*row)
    return table


def _table(rows: list[list[str]]) -> Table:
    head, *body = rows
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for number, heading in enumerate(head):
        table.add_column(heading, justify="left" if number == 0 else "right")
    for row in body:
        table.add_row(*map(Text, row))
    return table


def _said(made: Made) -> Table:
    grid = Table.grid(padding=(0, 1))
    for sentence in made.outcome.said:
        grid.add_row("•", Text(sentence))
    for verdict, sentence in words.verdicts(made):
        grid.add_row(
            Text(words.MARKS[verdict], COLOURS[verdict]),
            Text(sentence, "yellow" if verdict in (Verdict.OUTSIDE, Verdict.UNKNOWN) else ""),
        )
    for warning in made.warnings:
        grid.add_row("!", Text(warning), style="yellow")
    return grid


def _conditions(made: Made) -> Text:
    spreads = [one.spread for one in made.outcome.findings if one.low is not None]
    brackets = [
        "95 % intervals" * (False in spreads),
        "of repeats the lowest and the highest" * (True in spreads),
    ]
    said = [f"in brackets: {'; '.join(filter(None, brackets))}"] if spreads else []
    said += [f"{name}: {value}" for name, value in made.outcome.conditions]
    if control := made.environment.get("congestion_control"):
        said.append(f"TCP: {control}")
    return Text("\n" + " · ".join([*said, f"seed {made.seed}", f"took {made.took:.0f} s"]), "dim")


def line(made: Made, number: int, remark: str) -> Text:
    """What came of one, in a line."""
    verdicts = [one.verdict for one in made.outcome.findings]
    worst = next(
        (one for one in (Verdict.OUTSIDE, Verdict.UNKNOWN, Verdict.TOUCHES) if one in verdicts),
        Verdict.WITHIN,
    )
    said = Text(f"{words.MARKS[worst]} ", COLOURS[worst])
    return said.append(
        f"{number:>2} {made.name}: {words.tally(made)} ({remark})",
        "" if worst is Verdict.WITHIN else "yellow",
    )


def listing(experiments: Iterable[tuple[int, Experiment, str]]) -> Table:
    """All experiments, with what each asks and how long it takes; with why one can't be made here."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    table.add_column("", justify="right")
    table.add_column("NAME=", no_wrap=True)
    table.add_column("question")
    table.add_column("s", justify="right")
    table.add_column("--quick", justify="right")
    for number, experiment, missing in experiments:
        question = Text(experiment.text.question)
        if missing:
            question.append(f"  {missing}", "yellow")
        full, quick = experiment.seconds
        table.add_row(str(number), experiment.name, question, f"{full:.0f}", f"{quick:.0f}")
    return table

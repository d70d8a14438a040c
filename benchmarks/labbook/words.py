"""How findings and predictions are said: the same on the screen and in the lab book."""

from collections.abc import Iterable

from benchmarks.labbook.experiment import Finding, Verdict
from benchmarks.labbook.saved import Made
from benchmarks.wording import UNKNOWN, three_digits

MARKS = {
    Verdict.WITHIN: "✓",
    Verdict.TOUCHES: "≈",
    Verdict.OUTSIDE: "✗",
    Verdict.UNKNOWN: UNKNOWN,
    Verdict.FREE: "",
}

CLOSE = 1.25
"""Up to this factor a prediction is called close."""


def number(value: float, unit: str) -> str:
    """A number with as many digits as mean something; 100 % only for all, 0 % only for nothing."""
    if unit == "%" and 99.95 <= value < 100:
        return f"{min(value, 99.99):.2f}"
    if unit == "%" and 0 < value < 0.05:
        return f"{value:.2g}"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    return three_digits(value)


def quantity(value: float, unit: str) -> str:
    """A number with its unit."""
    return f"{number(value, unit)}{'' if unit == '×' else ' '}{unit}".strip()


def expected(finding: Finding) -> str:
    """What was expected, short."""
    wanted = finding.expected
    if wanted is None:
        return UNKNOWN
    if wanted.shown:
        return wanted.shown
    low, high, unit = wanted.low, wanted.high, finding.unit
    if low is None:
        return UNKNOWN if high is None else f"at most {quantity(high, unit)}"
    if high is None:
        return f"at least {quantity(low, unit)}"
    return quantity(low, unit) if low == high else f"{number(low, unit)} to {quantity(high, unit)}"


def measured(finding: Finding) -> str:
    """What was measured, with its interval."""
    if finding.value is None:
        return UNKNOWN
    said = quantity(finding.value, finding.unit)
    if finding.low is None or finding.high is None:
        return said
    return f"{said} ({number(finding.low, finding.unit)}–{number(finding.high, finding.unit)})"


def behind(finding: Finding) -> str:
    """How many stand behind it."""
    return f"{finding.n:,} {_one(finding.of) if finding.n == 1 else finding.of}"


def _one(of: str) -> str:
    """`repeat` of `repeats`, `try` of `tries`."""
    return f"{of[:-3]}y" if of.endswith("ies") else of.removesuffix("s")


def prediction(made: Made) -> str:
    """What the person said, and how near that was, in a sentence; empty if nobody said anything."""
    if made.predicted is None:
        return ""
    if made.answers:
        said = made.answers[round(made.predicted)]
        if made.outcome.answer is None:
            return f"You said: {said}. The data don't decide it."
        if made.outcome.answer == round(made.predicted):
            return f"You said: {said}. So it is."
        return f"You said: {said}. The data say: {made.answers[made.outcome.answer]}."
    finding = next((one for one in made.outcome.findings if one.name == made.finding), None)
    said = f"You said: {quantity(made.predicted, made.unit)}"
    if finding is None or finding.value is None:
        return f"{said}. It was not measured."
    return f"{said}. It is {measured(finding)}: {_near(made.predicted, finding)}."


def right(made: Made) -> str:
    """How near the prediction was, in a few words for a table."""
    if made.predicted is None:
        return UNKNOWN
    if made.answers:
        if made.outcome.answer is None:
            return "undecided"
        return "right" if made.outcome.answer == round(made.predicted) else "wrong"
    finding = next((one for one in made.outcome.findings if one.name == made.finding), None)
    if finding is None or finding.value is None:
        return "not measured"
    return _near(made.predicted, finding)


def headline(made: Made) -> Finding | None:
    """The figure that a person was asked for; where the question was another, the first that was expected."""
    those = made.outcome.findings
    asked = (one for one in those if one.name == made.finding)
    wanted = (one for one in those if one.expected is not None)
    return next(asked, None) or next(wanted, None) or (those[0] if those else None)


def _near(said: float, finding: Finding) -> str:
    value = finding.value or 0.0
    if finding.low is not None and finding.high is not None and finding.low <= said <= finding.high:
        return "within what was measured"
    if said == value:
        return "exactly that"
    if said <= 0 or value <= 0:
        return "too low" if said < value else "too high"
    factor = max(said / value, value / said)
    if factor <= CLOSE:
        return "close"
    return f"{three_digits(factor)} times too {'low' if said < value else 'high'}"


def verdicts(made: Made) -> list[tuple[Verdict, str]]:
    """A sentence for each expectation: whether it held and why, or what usually causes it if it did not. Reasons that
    several findings share are said once."""
    found: list[tuple[Verdict, str]] = []
    reasons: dict[str, list[Finding]] = {}
    for finding in made.outcome.findings:
        match finding.verdict:
            case Verdict.OUTSIDE:
                why = finding.unless or "Nothing usual causes that: make it again, with another SEED=."
                found.append(
                    (
                        Verdict.OUTSIDE,
                        f"{finding.what}: {measured(finding)}, where {expected(finding)} was expected. {why}",
                    )
                )
            case Verdict.UNKNOWN:
                found.append(
                    (
                        Verdict.UNKNOWN,
                        f"{finding.what} was not measured: {finding.missing or 'too few samples.'}",
                    )
                )
            case Verdict.TOUCHES:
                found.append(
                    (
                        Verdict.TOUCHES,
                        f"{finding.what}: {measured(finding)}, where {expected(finding)} was expected. It may be so, "
                        "and may be not: the value is outside, and its interval reaches in.",
                    )
                )
            case Verdict.WITHIN if finding.because:
                reasons.setdefault(finding.because, []).append(finding)
    held = [
        (
            Verdict.WITHIN,
            f"{because} ({those[0].what if len(those) == 1 else f'{len(those)} figures'} as expected)",
        )
        for because, those in reasons.items()
    ]
    return held + found


def tally(made: Made) -> str:
    """How many expectations held."""
    return count(made.outcome.findings, "")


def count(findings: Iterable[Finding], what: str) -> str:
    """How many of what was expected of these is so: `18 of 20 figures as expected, 1 perhaps, 1 outside`."""
    those = [one.verdict for one in findings if one.expected is not None]
    said = [f"{those.count(Verdict.WITHIN)} of {len(those)} {what}as expected"]
    rest = ((Verdict.TOUCHES, "perhaps"), (Verdict.OUTSIDE, "outside"), (Verdict.UNKNOWN, "not measured"))
    return ", ".join([*said, *(f"{those.count(one)} {word}" for one, word in rest if one in those)])

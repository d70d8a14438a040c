"""How much room letters take, before anything is drawn: so that words are put where there is room for them."""

import warnings

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from common.visible import visible


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Inches that the widest line of a text takes."""
    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from font"
        )  # it draws a box instead, which is as wide
        widths = [
            text_to_path.get_text_width_height_descent(line, font, ismath=False)[0]
            for line in text.split("\n")
        ]
    return float(max(widths)) / 72


def wrapped(text: str, inches: float, size: float, *, bold: bool = False) -> str:
    """A text in lines that are no wider, broken between words; a word that is wider is broken where it must be."""
    lines: list[str] = []
    line = ""
    for word in visible(" ".join(text.split())).split(" "):
        longer = f"{line} {word}" if line else word
        if width_of(longer, size, bold=bold) <= inches:
            line = longer
            continue
        if line:
            lines.append(line)
        while len(word) > 1 and width_of(word, size, bold=bold) > inches:
            fits = max(
                (n for n in range(1, len(word)) if width_of(word[:n], size, bold=bold) <= inches), default=1
            )
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return "\n".join([*lines, line])

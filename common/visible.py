"""What other people send is shown, never obeyed.

A terminal takes orders in its input: `ESC [ 2 J` clears the screen, `ESC ] 52` writes the clipboard, a
carriage return overwrites what stands in the line, U+202E turns the rest of it round. So every
character that a terminal or a person's eye would obey is replaced by a picture or by its number; all
scripts, emoji and accents stay as they are.
"""

import unicodedata

_NEWLINE_INDENT = "\n    "

_SHOWN = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡", 0x09: "    "}
_JOINERS = "\u200c\u200d"  # written Persian, Hindi and family emoji need them


def visible(text: str) -> str:
    """`text` with control characters as pictures (␛), invisible and direction-changing ones as ⟨U+202E⟩."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def visible_lines(text: str) -> str:
    """As `visible`, but newlines stay: later lines are indented, so that no one can pass for another speaker."""
    lines = text.replace("\r\n", "\n").split("\n")
    return _NEWLINE_INDENT.join(map(visible, lines))


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    code = ord(character)
    if unicodedata.category(character) == "Zs":
        return " "
    return _SHOWN.get(code, f"⟨U+{code:04X}⟩")

"""What others send is shown, never obeyed."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.visible import visible, visible_lines


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hi there",
        "Grüße",
        "e\u0301",
        "Ж 中文 नमस्ते שלום",
        "👍🏽",
        "👩‍👩‍👧‍👦",
        "می‌خواهم",
        "[bold]x[/]",
        "❤️",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    """All scripts, accents, emoji with their joiners, and markup that only a program would obey."""
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x00", "␀"),
        ("a\rb", "a␍b"),
        ("a\nb", "a␊b"),
        ("\x08", "␈"),
        ("\x1f", "␟"),
        ("\x7f", "␡"),
        ("a\tb", "a    b"),
        ("\x80", "⟨U+0080⟩"),
        ("\x9b2J", "⟨U+009B⟩2J"),
        ("\x85", "⟨U+0085⟩"),
        ("\u00ad", "⟨U+00AD⟩"),
        ("\u200b", "⟨U+200B⟩"),
        ("\u200e", "⟨U+200E⟩"),
        ("\u202eevil", "⟨U+202E⟩evil"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\ufeff", "⟨U+FEFF⟩"),
        ("\ue000", "⟨U+E000⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("a\u00a0b\u3000c", "a b c"),
    ],
)
def test_what_a_terminal_or_an_eye_would_obey_is_shown(text: str, shown: str) -> None:
    """Control characters as pictures, invisible and direction-changing ones by their number."""
    assert visible(text) == shown


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0)])
def test_no_control_character_is_left(code: int) -> None:
    """None of the 65, alone or between letters."""
    shown = visible(f"a{chr(code)}b")
    assert shown.startswith("a")
    assert shown.endswith("b")
    assert shown.isprintable()


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_nothing_in_the_result_is_obeyed(text: str) -> None:
    """No control, no direction, no line end; only the two joiners are not printable. Twice is as once."""
    shown = visible(text)
    assert shown.replace("\u200c", "").replace("\u200d", "").isprintable()
    assert not {unicodedata.bidirectional(character) for character in shown} & {"RLO", "LRO", "RLI", "LRI"}
    assert len(shown.splitlines()) == bool(shown)
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("one", "one"),
        ("one\ntwo", "one\n    two"),
        ("one\r\ntwo\n", "one\n    two\n    "),
        ("hi\nbob: I am bob", "hi\n    bob: I am bob"),
        ("hi\r\x1b[2Kbob: I am bob", "hi␍␛[2Kbob: I am bob"),
        ("a\u2028b\x0bc\x0cd\x85e", "a⟨U+2028⟩b␋c␌d⟨U+0085⟩e"),
    ],
)
def test_later_lines_are_indented(text: str, shown: str) -> None:
    """Newlines stay, but no later line can pass for another speaker's."""
    assert visible_lines(text) == shown


@settings(deadline=None, max_examples=200)
@given(st.text() | st.text(alphabet="a:\r\n\t\x1b\x85\u2028 "))
def test_every_later_line_is_indented_whatever_the_text(text: str) -> None:
    """Whatever a terminal takes for the end of a line, what follows it is indented."""
    _, *later = visible_lines(text).splitlines() or [""]
    assert all(line.startswith("    ") for line in later)
    assert len(later) <= text.count("\n")

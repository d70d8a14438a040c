"""What people send is never interpreted: no format string, no file name, no markup, no order to a terminal.

Each text here means something to some machine. All of them come out as they went in, or so that one sees what they
are: in the server's log and trace, in a pipe, in every event that is shown. (The terminal: test_terminal.py.)
"""

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from common import show
from common.events import (
    Away,
    Back,
    Came,
    Ended,
    Event,
    Joined,
    Notice,
    Present,
    Refused,
    Spoken,
    Unconfirmed,
    Went,
)
from common.messages import Act, Hello, Say, Tell
from tests.lab import Lab
from tests.test_programs import client, program, server

TEXTS = {
    "%s %d %n %(x)s": "%s %d %n %(x)s",
    "{0} {nick} {self.__class__}": "{0} {nick} {self.__class__}",
    "$HOME `id` $(id) ; rm -rf x": "$HOME `id` $(id) ; rm -rf x",
    "[red]x[/red] [bold] [/] [link=http://x]y[/link]": "[red]x[/red] [bold] [/] [link=http://x]y[/link]",
    ":smile: :thumbs_up:": ":smile: :thumbs_up:",
    "../../x /etc/passwd file:///x": "../../x /etc/passwd file:///x",
    "\\x1b[31m \\033[0m \\u202e": "\\x1b[31m \\033[0m \\u202e",
    "\x1b]0;title\x07\x1b[2J\x1b[31m": "␛]0;title␇␛[2J␛[31m",
    "\x9b31m\x85\x00": "⟨U+009B⟩31m⟨U+0085⟩␀",
    "\u202edlrow\u2066\u200b\ufeff": "⟨U+202E⟩dlrow⟨U+2066⟩⟨U+200B⟩⟨U+FEFF⟩",
    "a\rann: faked": "a␍ann: faked",
}
"""What is sent, and how it is to be seen."""

NICKS = [
    "%s",
    "{0}",
    "[red]",
    "[/]",
    "../../x",
    "$(id)",
    "%(nick)s",
    ":smile:",
    "-",
    "*",
    "\\x1b[2J",
    "<b>",
    "'\"",
]
"""All of them are nicks like any other."""


@pytest.fixture(params=TEXTS)
def text(request: pytest.FixtureRequest) -> str:
    """Each of the texts."""
    return str(request.param)


def printed(event: Event) -> str:
    """What a terminal would get for an event, without the colours it may have."""
    written = io.StringIO()
    console = Console(file=written, width=500, force_terminal=True, color_system=None, highlight=False)
    console.print(show.line(event))
    return written.getvalue().removesuffix("\n")


def events(text: str) -> list[Event]:
    """Every event in which somebody else's words are shown: as text, as a nick, as a reason."""
    return [
        Spoken("chat", text, text),
        Spoken("emote", text, text),
        Spoken("direct", text, text, to=text),
        Joined(text, [text, text]),
        Came(text),
        Went(text, text),
        Present([text], 1),
        Unconfirmed(text),
        Notice(text),
        Notice(text, error=True),
        Refused(text, text),
        Away(text),
        Back(text, [text], missed=1),
        Ended(text),
    ]


def test_every_event_shows_what_was_sent(text: str) -> None:
    """Once for each time that it was given, and without an escape character."""
    for event in events(text):
        line = printed(event)
        assert TEXTS[text] in line, event
        assert line.isprintable(), event
        assert show.line(event).plain == line


def test_the_words_of_an_event_are_always_the_same() -> None:
    """What is around somebody's words does not depend on them."""
    for plain, odd in zip(events("x"), events("[red]%s{0}"), strict=True):
        assert printed(plain).count("x") >= 1
        frame = printed(odd).split("[red]%s{0}")
        assert all(part in printed(plain) for part in frame), odd


def test_the_log_and_the_trace_show_what_was_sent(lab: Lab, text: str) -> None:
    """Names that somebody chose, and messages that nobody understands."""
    ann = lab.join("ann")
    ann.says(text)
    ann.hears("ann", text)
    ann.sends(Act(message=text))
    ann.sees(Spoken)
    ann.sends(Tell(to=text, message=text))
    ann.sees(Notice)
    eve = lab.stranger()
    eve.sends(Hello(nick=text, lab=1, cookie=text, token=text))
    eve.gets_any()
    eve.sends(Say(message=text, token=text))
    eve.gets_any()
    log = lab.written.getvalue()
    assert log.replace("\n", "").isprintable()
    shown = log.replace('\\"', '"').replace("\\\\", "\\")  # a trace shows the JSON, with its own escapes
    escaped = (("\x1b", "\\u001b"), ("\x07", "\\u0007"), ("\x00", "\\u0000"), ("\r", "\\r"))
    wanted = text
    for character, escape in escaped:
        wanted = wanted.replace(character, escape)
    for character in "\x9b\x85\u202e\u2066\u200b\ufeff":
        wanted = wanted.replace(character, f"⟨U+{ord(character):04X}⟩")
    assert f'"message":"{wanted}"' in shown


def test_any_nick_is_a_nick(lab: Lab) -> None:
    """It joins, is listed, is told something, speaks and leaves, letter by letter; in the log, too."""
    ann = lab.join("ann")
    for nick in NICKS:
        odd = lab.join(nick)
        while ann.sees(Came).nick != nick:
            pass
        odd.says("hi")
        ann.hears(nick, "hi")
        ann.sends(Tell(to=nick, message="psst"))
        assert ann.sees(Spoken).to == nick
        odd.leaves()
        assert ann.sees(Went) == Went(nick, "quit")
        assert f"{nick} joined from 127.0.0.1:" in lab.written.getvalue()
        assert f"{nick} left (quit: " in lab.written.getvalue()


def test_programs_show_what_was_sent(transport: str, tmp_path: Path) -> None:
    """Real processes, pipes at both ends, and a log: every text, from a member called [red]%s{0}. No file is made."""
    lines = [text for text in TEXTS if "\r" not in text]
    before = set(os.listdir())
    with server(transport, "--trace") as (process, port):
        ann = program(f"{transport}.client", "--port", port, "--nick", "ann")
        assert ann.stdout is not None
        assert "you are in" in ann.stdout.readline()
        code, out, err = client(transport, port, "[red]%s{0}", "".join(f"{line}\n" for line in lines))
        assert code == 0, err
        heard = ""
        while "has left the chat" not in heard:
            heard += ann.stdout.readline()
        ann.communicate()
        process.terminate()
        assert process.stdout is not None
        log = process.stdout.read()
    for line in lines:
        assert f"[red]%s{{0}}: {TEXTS[line]}\n" in heard
        assert f"[red]%s{{0}}: {TEXTS[line]}  ✓" in out
    for output in (heard, out, log):
        assert output.replace("\n", "").isprintable()
    assert "[red]%s{0} joined from" in log
    assert set(os.listdir()) == before
    assert not list(tmp_path.iterdir())

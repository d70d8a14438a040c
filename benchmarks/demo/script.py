"""What the five say, and how a message carries its number.

The words are all that is scripted here. Each message ends with its number (`· 17`), so that whoever hears it knows
which one it was; when it was due, the demonstration knows.
"""

import re
from itertools import count

MEMBERS = ("ann", "боб", "美玲", "dan", "eva")
"""Who converses: over each transport the same five."""

VIEWER = "eva"
"""Through her eyes the screen looks."""

CONVERSATION = (
    ("ann", "Is everybody here?"),
    ("боб", "Я тут. А где кофе?"),
    ("美玲", "大家好！"),
    ("dan", "Coffee is out of order."),
    ("eva", "So are my datagrams."),
    ("ann", "Knock, knock."),
    ("боб", "Who's there?"),
    ("ann", "SYN."),
    ("боб", "SYN who?"),
    ("ann", "SYN-ACK. I like handshakes."),
    ("美玲", "我只想寄一張明信片。"),
    ("dan", "A postcard: that's UDP."),
    ("eva", "Did it arrive?"),
    ("dan", "Nobody knows. That's UDP."),
    ("боб", "А TCP — заказное письмо."),
    ("ann", "Registered mail, with queue."),
    ("美玲", "排隊是美德。"),
    ("eva", "I'd tell you a TCP joke…"),
    ("eva", "…until you say you got it."),
    ("dan", "Got it."),
    ("боб", "Получил. Два раза."),
    ("ann", "I'd tell you a UDP joke,"),
    ("ann", "but you might not get it."),
    ("美玲", "什麼笑話？"),
    ("dan", "Exactly."),
    ("боб", "Кто за что платит?"),
    ("eva", "TCP pays with time."),
    ("ann", "UDP pays with messages."),
    ("dan", "I pay with card."),
    ("美玲", "我請客 🍜"),
    ("боб", "Спасибо! Иду."),
    ("eva", "In which order do we eat?"),
    ("ann", "In sequence. Soup is number 1."),
    ("dan", "Mine was dropped."),
    ("боб", "Повтори после таймаута."),
    ("美玲", "等一下，還沒到。"),
    ("ann", "The waiter backs off."),
    ("eva", "Exponentially."),
    ("dan", "That explains the service."),
    ("боб", "Чаевые — 3 × ACK."),
)

PASTED = "It is a truth universally acknowledged, that a reader who stops must be in want of a buffer. "
"""What somebody pastes, again and again."""

PASTE_SIZE = 15_000
"""Bytes of a pasted text: nearly what a server takes."""

_STAMP = re.compile(r" · (\d+)\Z")


def said(turn: int) -> tuple[str, str]:
    """Who speaks in this turn, and what they say. The conversation begins anew when it is over."""
    return CONVERSATION[turn % len(CONVERSATION)]


def pasted() -> str:
    """A long text of `PASTE_SIZE` bytes."""
    return (PASTED * (PASTE_SIZE // len(PASTED) + 1))[:PASTE_SIZE]


def stamp(text: str, number: int) -> str:
    """The text with its number behind it."""
    return f"{text} · {number}"


def number_of(text: str) -> int | None:
    """The number that a text carries; None if it has none."""
    found = _STAMP.search(text)
    return int(found[1]) if found else None


def numbers() -> "count[int]":
    """The numbers of a demonstration's messages: no two are alike, in whatever act."""
    return count(1)

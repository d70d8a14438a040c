"""What a nick may be, and when two of them are the same."""

import unicodedata

from common import limits

LONGEST = 8 * limits.MAX_NICK
"""Characters of a nick before it is normalized. That takes a time that grows with the square of the accents on one
letter: with 8,000 of them a tenth of a second, in which a server would do nothing else."""


def fold(nick: str) -> str:
    """What two nicks have in common if they count as the same: ANN is ann, and é is e with an accent."""
    if len(nick) > LONGEST:
        return nick  # nobody's
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", nick).casefold())


_BLANK = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that look like nothing at all."""


def refuse_nick(nick: str) -> str:
    """Why `nick` is no nick, as a sentence; empty if it is one."""
    if len(nick) <= LONGEST:
        nick = unicodedata.normalize("NFC", nick)
    if not 1 <= len(nick) <= limits.MAX_NICK:
        return f"A nick has 1 to {limits.MAX_NICK} characters, not {len(nick):,}."
    if any(character.isspace() for character in nick):
        return "A nick has no white space."
    seen = any(unicodedata.category(character)[0] in "LNPS" for character in nick)
    if not (seen and nick.isprintable() and _BLANK.isdisjoint(nick)):
        return "A nick has only characters that can be seen."
    return ""

"""What the search begins with: the examples of `common/PROTOCOL.md`, and a dictionary of what JSON and our messages are
made of. Both are taken from their sources each time, so that a new message is known here at once."""

import re
from pathlib import Path

from common.messages import ClientMessage, ServerMessage

PAGE = Path(__file__).parents[2] / "common" / "PROTOCOL.md"

JSON = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b":",
    b",",
    b"null",
    b"true",
    b"false",
    b"0",
    b"-1",
    b"1e9",
    b"NaN",
    b"9007199254740991",
    b"9007199254740992",
    b"18446744073709551616",
    b"\\n",
    b"\\u001b",
    b"\\ud800",
    b"\\udc00",
    b"\\u202e",
]
"""Syntax, numbers at the edges of what is taken, and characters that are written in another way."""

UTF_8 = [b"\xc3\xbc", b"\xf0\x9f\x98\x80", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"]
"""Two letters, a character that turns the text round, and three that UTF-8 does not have."""

LENGTHS = [b"\x00\x00", b"\x00\x01", b"\x40\x00", b"\x40\x01", b"\xff\xff"]
"""Of a frame: at both limits, and beyond them."""


def corpus() -> list[bytes]:
    """Every example of the page: the payloads of the messages, the frames drawn under them, and the streams."""
    page = PAGE.read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"^```(?:client|server|recv)\n(.*?)^```$", page, re.M | re.S)
    found: list[bytes] = []
    for block in blocks:
        stream = b""
        for line in block.splitlines():
            if line.startswith("{"):
                found.append(line.encode())
            elif not line.startswith("  ->"):
                stream += bytes.fromhex(line)
        found.append(stream)
    return found


def dictionary() -> list[bytes]:
    """Words to put in: JSON's, the types and the fields of all messages, and lengths."""
    kinds = (*ClientMessage.__args__, *ServerMessage.__args__)
    types = {str(kind.__struct_config__.tag) for kind in kinds}
    fields = {name for kind in kinds for name in kind.__struct_fields__}
    ours = [f'"type":"{name}"'.encode() for name in sorted(types)]
    ours += [f'"{name}":'.encode() for name in sorted(fields)]
    return [*JSON, *UTF_8, *LENGTHS, *ours]


def written(words: list[bytes]) -> str:
    """The dictionary in libFuzzer's format: one quoted word in a line, all that is not a letter or digit as hex."""
    return "".join(f'"{"".join(map(_escaped, word))}"\n' for word in words)


def _escaped(code: int) -> str:
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else f"\\x{code:02X}"

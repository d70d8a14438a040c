"""What hostile frames and datagrams are made of: messages that were valid, and then something happened to them.

Seeded: the same seed gives the same bytes, so whatever one of them breaks can be sent again. Nothing here sends
anything. `tests/test_torture_mutator.py` holds that each kind comes up, and that none of it makes the decoder or the
deframer raise.
"""

import json
import random
from collections.abc import Callable, Sequence

from common import limits
from common.messages import Act, FromClient, Goodbye, Hello, Ping, Say, Tell, Who, encode
from tcp.framing import HEADER, frame

NEST = 10_000
"""How deep the deepest nesting is: ten times what Python's own parser follows."""

NOT_UTF8 = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80")
"""No byte of UTF-8; a half character; a surrogate; `/` in two bytes; beyond Unicode."""

NUMBERS = (
    "1e400",
    "-1e400",
    "1e-400",
    str(2**53),
    str(2**64),
    "-1",
    "1.5",
    "9" * 5000,
    "NaN",
    "Infinity",
    "0x10",
)
"""In place of an `id`: too large, too small, not whole, no JSON."""

TEXTS = (
    "\x1b[2J\x1b]0;owned\x07",
    "\u202eright to left",
    "\r\nann joined",
    "a\u0000b",
    "\u2028",
    "e\u0301" * 50,
    "[bold red]markup[/]",
    "🙂" * 100,
    "",
    " ",
)
"""What a member may well say, and no terminal may obey."""

VALUES: Sequence[object] = (None, True, -1, 1.5, [], {}, "", [[]], {"type": "hello"})
"""Of the wrong type, wherever they stand."""


class Mutator:
    """Makes hostile payloads out of `random.Random(seed)`. `token` is carried by the messages they begin as."""

    def __init__(self, seed: str, token: str = "") -> None:
        self.token = token
        self._random = random.Random(seed)
        self._kinds: dict[str, Callable[[], bytes]] = {
            "valid": self._valid,
            "flipped bits": self._flip,
            "bytes put in": self._insert,
            "bytes left out": self._delete,
            "cut off": self._cut,
            "spliced": self._splice,
            "not UTF-8": self._not_utf8,
            "nested": self._nest,
            "huge number": self._number,
            "duplicate key": self._duplicate,
            "NUL": lambda: self._somewhere(self._valid(), b"\x00"),
            "BOM": lambda: b"\xef\xbb\xbf" + self._valid(),
            "lone surrogate": lambda: self._text(r"\ud800"),
            "wrong type": self._wrong,
            "no object": self._no_object,
            "unknown type": self._unknown,
            "odd text": self._odd,
            "large": self._large,
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        """What `payload` may make."""
        return tuple(self._kinds)

    def payload(self) -> tuple[str, bytes]:
        """A payload of at least one byte, and which kind it is."""
        kind = self._random.choice(self.kinds)
        return kind, self._kinds[kind]() or b"{"

    # --- what they begin as -----------------------------------------------------------------------

    def message(self) -> FromClient:
        """A valid message."""
        some = self._random
        words = some.choice(("hi", "Grüße", "ど" * some.randrange(1, 40), "x" * some.randrange(1, 300)))
        number = some.choice((None, some.randrange(2**53)))
        kind = some.randrange(8)
        if kind == 0:
            return Hello(nick=f"x{some.randrange(16**8):08x}", lab=some.randrange(2), token=self.token)
        if kind == 1:
            return Act(message=words, id=number, token=self.token)
        if kind == 2:
            return Tell(to=f"x{some.randrange(100)}", message=words, id=number, token=self.token)
        if kind == 3:
            return Who(token=self.token)
        if kind == 4:
            return Ping(token=self.token)
        if kind == 5 and some.randrange(8) == 0:
            return Goodbye(token=self.token)
        return Say(message=words, id=number, token=self.token)

    def _valid(self) -> bytes:
        return encode(self.message())

    def _fields(self) -> dict[str, object]:
        fields: dict[str, object] = json.loads(self._valid())
        return fields

    # --- what happens to them ---------------------------------------------------------------------

    def _flip(self) -> bytes:
        payload = bytearray(self._valid())
        for _ in range(self._random.randrange(1, 5)):
            payload[self._random.randrange(len(payload))] ^= 1 << self._random.randrange(8)
        return bytes(payload)

    def _insert(self) -> bytes:
        return self._somewhere(self._valid(), self._random.randbytes(self._random.randrange(1, 9)))

    def _delete(self) -> bytes:
        payload = self._valid()
        at = self._random.randrange(len(payload))
        return payload[:at] + payload[at + self._random.randrange(1, 9) :]

    def _cut(self) -> bytes:
        payload = self._valid()
        return payload[: self._random.randrange(1, len(payload))]

    def _splice(self) -> bytes:
        one, other = self._valid(), self._valid()
        return one[: self._random.randrange(len(one))] + other[self._random.randrange(len(other)) :]

    def _not_utf8(self) -> bytes:
        return self._somewhere(self._valid(), self._random.choice(NOT_UTF8))

    def _nest(self) -> bytes:
        opening, closing = self._random.choice(((b"[", b"]"), (b'{"a":', b"}")))
        depth = min(self._random.choice((10, 900, 1100, NEST)), (limits.MAX_PAYLOAD - 100) // len(opening))
        nested = opening * depth
        if self._random.randrange(2) and 2 * len(nested) < limits.MAX_PAYLOAD - 100:
            nested += b"1" + closing * depth
        if self._random.randrange(2):
            return b'{"type":"ping","a":' + nested + b"}"
        return nested

    def _number(self) -> bytes:
        number = self._random.choice(NUMBERS)
        where = self._random.choice((r'"id":%s', r'"lab":%s,"nick":"x"', r'"unknown":%s'))
        kind = "hello" if "nick" in where else "chat"
        return f'{{"type":"{kind}","message":"hi",{self._carried()}{where % number}}}'.encode()

    def _duplicate(self) -> bytes:
        kind = self._random.choice(("chat", "leave", "hello", "nothing"))
        return self._valid()[:-1] + f',"type":"{kind}","message":"twice","message":2}}'.encode()

    def _wrong(self) -> bytes:
        fields = self._fields()
        fields[self._random.choice((*fields, "nick", "message", "id", "lab"))] = self._random.choice(VALUES)
        return json.dumps(fields).encode()

    def _no_object(self) -> bytes:
        return self._random.choice(
            (b"[]", b"0", b'"hello"', b"null", b"{}", b" ", b"\n{}\n", b"[" + self._valid() + b"]")
        )

    def _unknown(self) -> bytes:
        kind = self._random.choice(("welcome", "bye", "HELLO", "", "x" * 5000, "chat\u0000", "\x1b[31m"))
        return json.dumps(self._fields() | {"type": kind}).encode()

    def _odd(self) -> bytes:
        text = self._random.choice(TEXTS)
        return json.dumps({"type": self._random.choice(("chat", "emote", "hello")), "message": text, "nick": text}
                          | ({"token": self.token} if self.token else {})).encode()  # fmt: skip

    def _text(self, escaped: str) -> bytes:
        return f'{{"type":"chat",{self._carried()}"message":"{escaped}"}}'.encode()

    def _large(self) -> bytes:
        """As large as a server takes; now and then one byte more."""
        message = Say(message="", token=self.token)
        room = limits.MAX_PAYLOAD - len(encode(message)) + self._random.choice((0, 0, 0, 1))
        message.message = "L" * room
        return encode(message)

    def _somewhere(self, payload: bytes, what: bytes) -> bytes:
        at = self._random.randrange(len(payload) + 1)
        return payload[:at] + what + payload[at:]

    def _carried(self) -> str:
        return f'"token":{json.dumps(self.token)},' if self.token else ""


LIES = ("an honest length", "a length too short", "a length too long", "a length of 0", "the longest length",
        "a length one above the limit")  # fmt: skip
"""What the length in front of a payload may say."""


class Liar:
    """Puts lengths in front of payloads, most of which are true. A lie ends a connection: what follows it can't be
    told apart, so a liar that always lied would never get any further than the deframer."""

    def __init__(self, seed: str, honesty: float = 0.97) -> None:
        self._random = random.Random(seed)
        self._honesty = honesty

    def frame(self, payload: bytes) -> tuple[str, bytes]:
        """Bytes for a TCP stream, and which lie they are."""
        if len(payload) > limits.MAX_FRAME or self._random.random() < self._honesty:
            return LIES[0], frame(payload[: limits.MAX_FRAME])
        lie = self._random.choice(LIES[1:])
        length = {
            "a length too short": self._random.randrange(1, len(payload) + 1),
            "a length too long": min(len(payload) + self._random.randrange(1, 200), limits.MAX_FRAME),
            "a length of 0": 0,
            "the longest length": limits.MAX_FRAME,
            "a length one above the limit": limits.MAX_PAYLOAD + 1,
        }[lie]
        return lie, length.to_bytes(HEADER, "big") + payload


def datagrams(some: random.Random) -> Sequence[bytes]:
    """Datagrams that are no payload at all: empty, the largest there is, just above the limit, noise."""
    return (
        b"",
        b"{" * limits.MAX_DATAGRAM,
        b" " * (limits.MAX_PAYLOAD + 1),
        some.randbytes(some.randrange(1, 600)),
    )

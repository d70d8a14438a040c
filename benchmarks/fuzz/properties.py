"""What must hold for any bytes that come out of a socket. `check` is all of it; it needs no fuzzer.

- `from_client` and `from_server` give one of their messages or a `Violation`, and never raise;
- a message is encoded, and decoded again to the same message;
- the deframer makes the same of a stream, however the stream was cut;
- of no text in any of it a control character is left after `visible`.
"""

import unicodedata
from collections.abc import Callable, Iterator

import msgspec

from common import limits
from common.messages import (
    ClientMessage,
    FromClient,
    FromServer,
    ServerMessage,
    Violation,
    encode,
    from_client,
    from_server,
)
from common.visible import visible, visible_lines
from tcp.framing import Deframer, frame

OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what a terminal, or a line of text, might obey."""

HARMLESS = "\u200c\u200d"
"""Of them, the two that written Persian, Hindi and family emoji can't do without."""

Decoder = Callable[[bytes], FromClient | FromServer | Violation]

DECODERS: tuple[tuple[Decoder, tuple[type, ...]], ...] = (
    (from_client, ClientMessage.__args__),
    (from_server, ServerMessage.__args__),
)


class Broken(Exception):
    """Something does not hold; the sentence says what."""


def check(data: bytes) -> None:
    """Take `data` for a payload, for a stream, and for a payload in a stream. Raises Broken if what should hold does
    not, and whatever the code under test raises, though it should not."""
    check_payload(data)
    check_stream(data, data)
    if 1 <= len(data) <= limits.MAX_PAYLOAD:
        twice = frame(data) + frame(data)
        if check_stream(twice, data) != ([data, data], False):
            raise Broken("two frames did not come out as two payloads")
        if check_stream(twice + frame(data)[:-1], data) != ([data, data], True):
            raise Broken("two frames and most of a third did not come out as two payloads and a rest")


def check_payload(data: bytes) -> None:
    """The two decoders."""
    for decode, kinds in DECODERS:
        found = decode(data)
        if not isinstance(found, (*kinds, Violation)):
            raise Broken(f"{found!r} is neither a message nor a violation")
        if isinstance(found, FromClient | FromServer):
            payload = encode(found)
            again = decode(payload)
            if again != found:
                raise Broken(f"{found!r} is written as {payload!r} and read again as {again!r}")
        for text in texts(found):
            check_text(text)


def check_stream(stream: bytes, recipe: bytes) -> tuple[list[bytes | Violation], bool]:
    """The deframer, with `stream` whole and in pieces whose sizes the bytes of `recipe` tell; what came out, as
    `deframed` gives it."""
    whole, in_pieces = deframed([stream]), deframed(pieces(stream, recipe))
    if whole != in_pieces:
        raise Broken(f"the stream gives {whole!r} as a whole, and {in_pieces!r} in pieces")
    return whole


def deframed(stream: list[bytes]) -> tuple[list[bytes | Violation], bool]:
    """What comes out of the pieces of a stream, and whether it ends inside a frame."""
    deframer = Deframer(limits.MAX_PAYLOAD)
    found = [payload for piece in stream for payload in deframer.receive(piece)]
    return found, deframer.inside_a_frame


def pieces(stream: bytes, recipe: bytes) -> list[bytes]:
    """The stream in pieces of 0 to 15 bytes, or as many times that as keeps a long one to a few hundred pieces; in
    single bytes if the recipe is empty."""
    cut: list[bytes] = []
    at, scale = 0, len(stream) // 512 + 1
    while at < len(stream):
        size = recipe[len(cut) % len(recipe)] % 16 * scale if recipe else 1
        if not size and cut and not cut[-1]:
            size = 1  # else a recipe of zeros would never end
        cut.append(stream[at : at + size])
        at += size
    return cut


def texts(found: msgspec.Struct) -> Iterator[str]:
    """Every text in a message or a violation."""
    for value in msgspec.structs.astuple(found):
        yield from filter(lambda item: isinstance(item, str), value if isinstance(value, list) else [value])


def check_text(text: str) -> None:
    """As a person is going to see it: in one line, and in several."""
    if left := _obeyed(visible(text)):
        raise Broken(f"{left!r} is left of {text!r}")
    if left := _obeyed(visible_lines(text).replace("\n", "")):
        raise Broken(f"{left!r} is left of the lines {text!r}")


def _obeyed(shown: str) -> str:
    return "".join(
        character
        for character in shown
        if character not in HARMLESS and unicodedata.category(character) in OBEYED
    )

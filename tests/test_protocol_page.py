"""The page of the message format is executable: what it shows is what the code reads and writes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from common import limits
from common.messages import ClientMessage, ServerMessage, Violation, encode, from_client, from_server
from common.room import REASONS
from tcp.framing import HEADER, Deframer, frame

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "common" / "PROTOCOL.md").read_text(encoding="utf-8")

READERS = {"client": from_client, "server": from_server}
KINDS = {"client": ClientMessage.__args__, "server": ServerMessage.__args__}


class Example(NamedTuple):
    """One JSON line of a `client` or `server` block, and the bytes drawn under it."""

    sender: str
    payload: bytes
    drawn: list[str]


class Recv(NamedTuple):
    """One line of a `recv` block: the bytes, and the payloads that are complete after them."""

    data: bytes
    complete: list[bytes]


def blocks(info: str) -> list[list[str]]:
    """The lines of every fenced block with this info string."""
    return [text.splitlines() for text in re.findall(rf"^```{info}\n(.*?)^```$", PAGE, re.M | re.S)]


def examples() -> Iterator[Example]:
    """Every example of the page."""
    for sender in READERS:
        for lines in blocks(sender):
            example = None
            for line in lines:
                if line.startswith("{"):
                    if example:
                        yield example
                    example = Example(sender, line.encode(), [])
                else:
                    assert example is not None, f"bytes without a message above them: {line}"
                    example.drawn.append(line)
            if example:
                yield example


def recvs(lines: list[str]) -> list[Recv]:
    """The lines of one `recv` block."""
    found: list[Recv] = []
    for line in lines:
        if line.startswith("  -> "):
            text = line.removeprefix("  -> ")
            found[-1].complete.extend([] if text == "nothing" else [text.encode()])
        else:
            found.append(Recv(bytes.fromhex(line), []))
    return found


def draw(framed: bytes) -> list[str]:
    """A frame as the page draws it: the length, the payload, 32 bytes in a line."""
    payload = framed[HEADER:]
    rows = [payload[at : at + 32].hex(" ") for at in range(0, len(payload), 32)]
    margins = [framed[:HEADER].hex(" "), *["     "] * (len(rows) - 1)]
    return [f"{margin}  {row}" for margin, row in zip(margins, rows, strict=True)]


def codes() -> set[str]:
    """Every error code in the source: `code="…"`, or a name `code` that is assigned one."""
    found: set[str] = set()
    for folder in ("common", "tcp", "udp"):
        for path in (ROOT / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "code":
                    found |= _text(node.value)
                elif isinstance(node, ast.Assign):
                    for target in node.targets:
                        found |= _assigned(target, node.value)
    return found


def _assigned(target: ast.expr, value: ast.expr) -> set[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=True)
        return set().union(*(_assigned(left, right) for left, right in pairs))
    return _text(value) if isinstance(target, ast.Name) and target.id == "code" else set()


def _text(value: ast.expr) -> set[str]:
    return {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else set()


def rows() -> dict[tuple[str, str], tuple[set[str], set[str]]]:
    """The table of messages: (type, sender) -> (fields that must be there, fields that may)."""
    table = {}
    for kind, sender, cell in re.findall(r"^\| `(\w+)` \| (client|server) \| ([^|]*)\|", PAGE, re.M):
        may = set(re.findall(r"\*`(\w+)`\*", cell))
        table[kind, sender] = set(re.findall(r"`(\w+)`", cell)) - may, may
    return table


def section(title: str) -> str:
    """The text under one heading."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.payload.decode()[:40])
def test_an_example_is_read_written_again_and_drawn_as_it_is(example: Example) -> None:
    """Decoding and encoding gives the JSON line back, and the bytes under it are its frame."""
    message = READERS[example.sender](example.payload)
    assert not isinstance(message, Violation), message.message
    assert encode(message) == example.payload
    framed = frame(example.payload)
    assert bytes.fromhex("".join(example.drawn)) == framed
    assert example.drawn == draw(framed)


def test_an_example_sets_only_fields_that_its_message_has() -> None:
    """A field that a reader would ignore has no place in an example: not even a misspelt one."""
    for example in examples():
        names = re.findall(rb'[{,]"(\w+)":', example.payload)
        message = READERS[example.sender](example.payload)
        assert {name.decode() for name in names} <= {"type", *message.__struct_fields__}


def test_every_message_has_an_example() -> None:
    """Each class of `common.messages` stands on the page, in both directions."""
    shown = {type(READERS[example.sender](example.payload)) for example in examples()}
    assert shown == {*ClientMessage.__args__, *ServerMessage.__args__}


def test_the_table_has_every_message_with_its_fields() -> None:
    """The fields of each row are those of the class, and may be absent where the class has a default."""
    expected: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for sender, kinds in KINDS.items():
        for kind in kinds:
            fields = msgspec.structs.fields(kind)
            must = {field.name for field in fields if field.required}
            may = {field.name for field in fields if not field.required}
            if sender == "client":
                may.remove("token")  # of every one of them, said once below the table
            expected[str(kind.__struct_config__.tag), sender] = must, may
    assert rows() == expected


def test_every_error_code_is_on_the_page_and_no_other() -> None:
    """The codes of the source are those of the table of what is refused."""
    found = codes()
    assert {"bad-message", "too-large", "nick-taken", "bad-nick", "too-fast"} <= found
    hyphenated = re.findall(r"`([a-z]+(?:-[a-z]+)+)`", PAGE)
    assert set(hyphenated) == {code for code in found if "-" in code}
    for code in found:
        assert f"`{code}`" in section("What is refused")


def test_every_reason_of_a_leave_is_on_the_page() -> None:
    """The reasons of the room stand in the row of `leave`."""
    row = next(line for line in PAGE.splitlines() if line.startswith("| `leave` | server |"))
    assert {*re.findall(r"`(\w+)`", row.split("|")[4])} - {"nick"} == set(REASONS)


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    """Sizes, times and counts of the page, held against `common.limits`."""
    refused = section("What is refused")
    assert f"a **server takes 1 to {limits.MAX_PAYLOAD:,}**" in PAGE
    assert f"the TCP framing can carry {limits.MAX_FRAME:,}" in PAGE
    assert f"datagram {limits.MAX_DATAGRAM:,}" in PAGE
    assert f"1 to {limits.MAX_NICK} printable characters" in PAGE
    assert f"`ping` every {limits.HEARTBEAT:g} s" in PAGE
    assert f"silent for {limits.SILENCE:g} s" in PAGE
    assert limits.COOKIE_LIFETIME == 60, "the page speaks of the minute of a cookie"
    assert limits.AMPLIFICATION == 3, "the page speaks of three times"
    assert f"length of 0 or above {limits.MAX_PAYLOAD:,}" in refused
    assert f"at the {limits.MAX_VIOLATIONS}th: closed" in refused
    assert f"`hello` within {limits.HELLO_TIMEOUT:g} s" in refused
    assert f"({limits.RATE:g} a second, {limits.BURST} at once)" in refused
    assert limits.OUTBOX_LIMIT == 1 << 20, "the page speaks of 1 MiB"


@pytest.mark.parametrize("lines", blocks("recv"), ids=["glued", "split"])
def test_a_drawing_of_the_stream_is_what_the_deframer_does(lines: list[str]) -> None:
    """After each `recv` of a drawing exactly the payloads under it are complete, and each is a message."""
    deframer = Deframer(limits.MAX_PAYLOAD)
    for recv in recvs(lines):
        assert list(deframer.receive(recv.data)) == recv.complete
        assert not any(isinstance(from_client(payload), Violation) for payload in recv.complete)
    assert not deframer.inside_a_frame


def test_the_glued_drawing_has_two_frames_in_one_recv() -> None:
    """One `recv`, two messages."""
    (only,) = recvs(blocks("recv")[0])
    assert len(only.complete) == 2


def test_the_split_drawing_cuts_a_character() -> None:
    """What has come of the payload before the cut is not UTF-8; afterwards all of it is."""
    first, second = recvs(blocks("recv")[1])
    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        first.data[HEADER:].decode()
    assert first.complete == []
    assert (first.data + second.data)[HEADER:].decode() == second.complete[0].decode()


def test_the_page_is_short_and_ends_with_questions() -> None:
    """What a student reads at one sitting, and something to think about at the end."""
    assert len(PAGE.splitlines()) <= 230
    questions = re.findall(r"^\d\. .*\?", section("Questions"), re.M)
    assert 3 <= len(questions) <= 5


def test_question_one_is_a_length_of_31_522() -> None:
    """A sender that forgets the length makes the first two letters one, above what a server takes."""
    (refused,) = Deframer(limits.MAX_PAYLOAD).receive(b'{"type":"who"}')
    assert isinstance(refused, Violation)
    assert (refused.code, refused.fatal) == ("too-large", True)
    assert f"{0x7B22:,}" in refused.message

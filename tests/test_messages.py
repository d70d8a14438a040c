"""What a payload may look like, what becomes of it, and that nothing in it can raise."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import limits
from common.messages import (
    LONGEST_SENTENCE,
    Act,
    Bye,
    Challenge,
    Chat,
    ClientMessage,
    Direct,
    Emote,
    Error,
    FromClient,
    FromServer,
    Goodbye,
    Hello,
    Join,
    Leave,
    Members,
    Ping,
    Pong,
    Say,
    ServerMessage,
    Tell,
    Violation,
    Welcome,
    Who,
    encode,
    from_client,
    from_server,
    too_large,
)

BIGGEST = 2**53 - 1

texts = st.text(max_size=30)
numbers = st.none() | st.integers(0, BIGGEST)

client_messages: st.SearchStrategy[ClientMessage] = st.one_of(
    st.builds(Hello, nick=texts, lab=st.integers(-1, 3), cookie=texts, token=texts),
    st.builds(Say, message=texts, id=numbers, token=texts),
    st.builds(Act, message=texts, id=numbers, token=texts),
    st.builds(Tell, to=texts, message=texts, id=numbers, token=texts),
    st.builds(Who, token=texts),
    st.builds(Ping, token=texts),
    st.builds(Goodbye, token=texts),
)
counts = st.integers(0, BIGGEST)
server_messages: st.SearchStrategy[ServerMessage] = st.one_of(
    st.builds(Chat, nick=texts, message=texts, seq=numbers, id=numbers),
    st.builds(Emote, nick=texts, message=texts, seq=numbers, id=numbers),
    st.builds(Direct, nick=texts, to=texts, message=texts, id=numbers),
    st.builds(Join, nick=texts, seq=numbers),
    st.builds(Leave, nick=texts, seq=numbers, reason=texts),
    st.builds(Welcome, nick=texts, members=st.lists(texts), seq=counts, token=texts, more=st.integers(0, 99)),
    st.builds(Challenge, cookie=texts),
    st.builds(Members, members=st.lists(texts), more=st.integers(0, 99)),
    st.builds(Pong, seq=numbers),
    st.builds(Error, code=texts, message=texts, id=numbers),
    st.builds(Bye, reason=texts),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(texts, values, max_size=4),
    max_leaves=8,
)
types = sorted(
    {str(kind.__struct_config__.tag) for kind in (*ClientMessage.__args__, *ServerMessage.__args__)}
)
fields = st.sampled_from(
    ["nick", "lab", "cookie", "token", "message", "id", "to", "seq", "members", "more", "code", "reason", "x"]
)
almost_messages = st.builds(
    lambda kind, rest: json.dumps({**rest, "type": kind}).encode(),
    st.sampled_from(types) | json_values,
    st.dictionaries(fields, json_values, max_size=5),
)


def read(payload: str | bytes | dict[str, Any]) -> ClientMessage | Violation:
    """What a server makes of a payload, given as bytes, text or the object itself."""
    if isinstance(payload, dict):
        payload = json.dumps(payload, ensure_ascii=False)
    return from_client(payload.encode() if isinstance(payload, str) else payload)


def refused(payload: str | bytes | dict[str, Any]) -> Violation:
    """The violation that a payload is."""
    found = read(payload)
    assert isinstance(found, Violation), found
    return found


# --- there and back -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(client_messages)
def test_what_a_client_says_is_what_a_server_reads(message: ClientMessage) -> None:
    """Encoding and decoding a client's message gives the same message, whatever its text."""
    assert from_client(encode(message)) == message


@settings(deadline=None, max_examples=300)
@given(server_messages)
def test_what_a_server_says_is_what_a_client_reads(message: ServerMessage) -> None:
    """Encoding and decoding a server's message gives the same message, whatever its text."""
    assert from_server(encode(message)) == message


@settings(deadline=None)
@given(st.one_of(client_messages, server_messages))
def test_a_payload_is_one_json_object_with_its_type(message: FromClient | FromServer) -> None:
    """Any JSON reader gets an object whose `type` is the tag of the class; it is one line of UTF-8."""
    payload = encode(message)
    assert json.loads(payload.decode())["type"] == message.__struct_config__.tag
    assert b"\n" not in payload


@pytest.mark.parametrize("kind", [*ClientMessage.__args__, *ServerMessage.__args__])
def test_absent_fields_are_left_out(kind: type[FromClient | FromServer]) -> None:
    """A message with nothing optional set has only what it must have: a plain reader sees nothing new."""
    must: dict[str, Any] = {
        field.name: {str: "x", list[str]: []}.get(field.type, 7)
        for field in msgspec.structs.fields(kind)
        if field.required
    }
    assert json.loads(encode(kind(**must))) == {"type": kind.__struct_config__.tag, **must}


def test_the_bytes_of_a_plain_chat_are_those_of_the_chapter() -> None:
    """What a client written to Beej's chapter reads has exactly its fields."""
    assert encode(Say(message="hi")) == b'{"type":"chat","message":"hi"}'
    assert encode(Chat(nick="ann", message="hi")) == b'{"type":"chat","nick":"ann","message":"hi"}'


@pytest.mark.parametrize(
    ("kind", "client", "server"),
    [("chat", Say, Chat), ("emote", Act, Emote), ("direct", Tell, Direct), ("leave", Goodbye, Leave)],
)
def test_one_type_is_another_class_in_each_direction(
    kind: str, client: type[FromClient], server: type[FromServer]
) -> None:
    """The same `type` is read as what the client says by a server, and as what happened by a client."""
    payload = json.dumps({"type": kind, "nick": "ann", "to": "bob", "message": "hi"}).encode()
    assert type(from_client(payload)) is client
    assert type(from_server(payload)) is server


# --- what is refused ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200) | almost_messages)
def test_no_bytes_raise(payload: bytes) -> None:
    """Whatever the bytes, the answer is a message or a violation, and never an exception."""
    for found in (from_client(payload), from_server(payload)):
        assert isinstance(found, FromClient | FromServer | Violation)


@settings(deadline=None, max_examples=200)
@given(almost_messages)
def test_what_was_read_can_be_written_again(payload: bytes) -> None:
    """A trace writes what was read: no number or text that is accepted stops the encoder."""
    for found in (from_client(payload), from_server(payload)):
        if not isinstance(found, Violation):
            assert encode(found)


@pytest.mark.parametrize("lab", [2**63, 2**64, -(2**70), 10**300])
def test_a_lab_of_any_size_can_be_written_again(lab: int) -> None:
    """`lab` has no upper end; a server that traces what it received must not fall over one."""
    hello = read({"type": "hello", "nick": "ann", "lab": lab})
    assert hello == Hello(nick="ann", lab=lab)
    assert json.loads(encode(Hello(nick="ann", lab=lab)))["lab"] == lab


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"null",
        b"1",
        b"true",
        b'"hello"',
        b"[]",
        b'["hello"]',
        b"{}",
        b'{"type"}',
        b'{"type":"ping"',
        b'{"type":"ping"}}',
        b'{"type":"ping"} {"type":"ping"}',
        b"{'type':'ping'}",
        b'{"type":"ping",}',
        b'{"type":"ping","x":NaN}',
        b'{"type":"chat","message":"a\nb"}',
        b'{"type":"chat","message":"a\x00b"}',
        b'\xef\xbb\xbf{"type":"ping"}',
        '{"type":"ping"}'.encode("utf-16"),
        b'{"type":"chat","message":"\\ud800"}',
        b'{"type":"hello","nick":"a","cookie":"\\udc00"}',
        b'{"type":null}',
        b'{"type":1}',
        b'{"type":["ping"]}',
        b'{"nick":"ann"}',
        b'{"type":"hello"}',
        b'{"type":"hello","nick":1}',
        b'{"type":"hello","nick":null}',
        b'{"type":"hello","nick":["ann"]}',
        b'{"type":"hello","nick":"ann","lab":"1"}',
        b'{"type":"hello","nick":"ann","lab":true}',
        b'{"type":"hello","nick":"ann","cookie":1}',
        b'{"type":"chat"}',
        b'{"type":"chat","message":null}',
        b'{"type":"chat","message":"hi","token":1}',
        b'{"type":"direct","message":"hi"}',
        b'{"type":"direct","to":"ann"}',
    ],
)
def test_what_is_no_message_is_bad(payload: bytes) -> None:
    """No JSON, no object, no `type`, a field missing or wrong: `bad-message`, and it counts."""
    violation = refused(payload)
    assert (violation.code, violation.counts, violation.fatal) == ("bad-message", True, False)
    assert violation.message.endswith(".")


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"chat","message":"\xff"}',
        b'{"type":"chat","message":"\xc3"}',
        b'{"type":"chat","message":"\xc0\x80"}',
        b'{"type":"chat","message":"\xed\xa0\x80"}',
        b'{"type":"chat","message":"\xf4\x90\x80\x80"}',
        b'{"type":"chat","message":"hi","ignored":"\xff"}',
        b'{"type":"chat","message":"hi","\xff":1}',
        b'{"type":"zzz\xff"}',
    ],
)
def test_what_is_not_utf_8_is_bad_wherever_it_stands(payload: bytes) -> None:
    """Bad UTF-8 is refused in fields that nobody reads, too; the sentence says at which byte."""
    violation = refused(payload)
    assert (violation.code, violation.counts) == ("bad-message", True)
    assert "UTF-8" in violation.message
    with pytest.raises(UnicodeDecodeError) as caught:
        payload.decode()
    assert f"at byte {caught.value.start}." in violation.message


@pytest.mark.parametrize("number", [0, 1, 2**31, 2**32, BIGGEST])
def test_an_id_may_be_any_number_that_json_keeps_exact(number: int) -> None:
    """From 0 to 2**53 - 1, both ends included."""
    assert read({"type": "chat", "message": "hi", "id": number}) == Say(message="hi", id=number)


@pytest.mark.parametrize("number", ["-1", str(BIGGEST + 1), "1.0", "1e3", "true", '"1"', "9" * 5000])
def test_an_id_is_nothing_else(number: str) -> None:
    """Below 0, above 2**53 - 1, a float, a bool, a text, an endless number: refused."""
    assert refused(f'{{"type":"chat","message":"hi","id":{number}}}').code == "bad-message"


def test_an_id_of_null_is_no_id() -> None:
    """A client that writes its absent fields as null is understood."""
    assert read(b'{"type":"chat","message":"hi","id":null}') == Say(message="hi")


def test_unknown_fields_are_ignored() -> None:
    """What a later version adds does not stop this one, whatever it holds and wherever it stands."""
    later = {"mood": {"deep": [1, None, 2.5e300]}, "type": "chat", "seq": "x", "message": "hi", "nick": 7}
    assert read(later) == Say(message="hi")


@pytest.mark.parametrize("kind", ["zzz", "Hello", "hello ", "", "join", "welcome", "error", "😀" * 40])
def test_an_unknown_type_is_told_so_and_does_not_count(kind: str) -> None:
    """`unknown-type` for what a client never sends, with the token it carried and the types there are."""
    violation = refused({"type": kind, "token": "secret", "nick": "ann"})
    assert (violation.code, violation.counts, violation.fatal) == ("unknown-type", False, False)
    assert violation.token == "secret"
    assert "chat, direct, emote, hello, leave, ping, who" in violation.message
    assert repr(kind[:32])[:-1] in violation.message


def test_a_server_message_of_unknown_type_is_a_violation_for_a_client_too() -> None:
    """A client does not know `hello` as something a server says."""
    found = from_server(encode(Hello(nick="ann")))
    assert isinstance(found, Violation)
    assert found.code == "unknown-type"


def test_a_message_that_does_not_fit_keeps_its_token() -> None:
    """Over UDP the token says whose violation it was, even if the rest is wrong."""
    violation = refused({"type": "chat", "token": "secret", "message": 7})
    assert (violation.code, violation.token) == ("bad-message", "secret")
    assert "chat" in violation.message
    assert "message" in violation.message


@pytest.mark.parametrize("depth", [100, 1_000, 8_000])
@pytest.mark.parametrize(
    "form", ["{}", '{{"type":"ping","x":{}}}', '{{"type":"zzz","x":{}}}', '{{"type":{}}}']
)
def test_deep_nesting_is_no_danger(form: str, depth: int) -> None:
    """Brackets without end do not exhaust the stack: a message, or a violation."""
    found = read(form.format("[" * depth + "]" * depth))
    assert isinstance(found, Ping | Violation)


@pytest.mark.parametrize(
    "form",
    [
        '{{"type":"{}"}}',
        '{{"type":"{}","token":1}}',
        '{{"type":"{}","type":"hello"}}',
        '{{"type":"chat","message":1,"{}":1}}',
        '{{"type":"{}',
        '{{"type":"chat","token":"{}","message":1}}',
    ],
)
@pytest.mark.parametrize("letter", ["a", "\U000e0001"], ids=["a letter", "ten characters in a repr"])
def test_the_sentence_of_a_violation_stays_one(form: str, letter: str) -> None:
    """A sentence to show a person does not repeat 16,000 bytes of what was sent."""
    violation = refused(form.format(letter * (16_000 // len(letter.encode()))))
    assert len(violation.message) <= LONGEST_SENTENCE + 1


# --- sizes ----------------------------------------------------------------------------------------


def test_the_largest_message_is_read() -> None:
    """A payload of exactly 16,384 bytes is a message like any other."""
    envelope = len(encode(Say(message="")))
    payload = encode(Say(message="x" * (limits.MAX_PAYLOAD - envelope)))
    assert len(payload) == 16_384
    assert isinstance(from_client(payload), Say)


@pytest.mark.parametrize(
    ("size", "limit", "sentence"),
    [
        (0, 16_384, "A message has 1 to 16,384 bytes, not 0."),
        (16_385, 16_384, "A message has 1 to 16,384 bytes, not 16,385."),
        (65_535, 16_384, "A message has 1 to 16,384 bytes, not 65,535."),
    ],
)
def test_too_large_says_both_numbers(size: int, limit: int, sentence: str) -> None:
    """A wrong size is told with the size and the limit; it counts, and on a stream it is fatal."""
    assert too_large(size, limit) == Violation(code="too-large", message=sentence)
    assert too_large(size, limit, fatal=True) == Violation(code="too-large", message=sentence, fatal=True)
    assert too_large(size, limit).counts

"""The framing of TCP: whatever the pieces in which a stream arrives, the same messages come out."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import limits
from common.messages import Say, Violation, encode, from_client
from tcp.framing import HEADER, Deframer, frame

payload_lists = st.lists(st.binary(min_size=1, max_size=300), max_size=8)

SIZES = [1, 2, 3, 5, 7, 64, 4096, 65_536]


def whole(stream: bytes) -> list[bytes]:
    """All of it in one `recv`."""
    return [stream]


def one_byte_at_a_time(stream: bytes) -> list[bytes]:
    """Each byte in a `recv` of its own."""
    return [stream[at : at + 1] for at in range(len(stream))]


def pieces_of(size: int, stream: bytes) -> list[bytes]:
    """As `recv(size)` would return it."""
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def cut_at(places: Iterable[int], stream: bytes) -> list[bytes]:
    """Cut at these places; two equal ones give an empty piece."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[left:right] for left, right in pairwise(edges)]


def received(pieces: Iterable[bytes], limit: int = limits.MAX_FRAME) -> list[bytes | Violation]:
    """What comes out of a new deframer."""
    deframer = Deframer(limit)
    return [payload for piece in pieces for payload in deframer.receive(piece)]


def glue(payloads: Iterable[bytes]) -> bytes:
    """The frames of all payloads, one after the other."""
    return b"".join(map(frame, payloads))


def zeros(*sizes: int) -> bytes:
    """Frames of these sizes, with nothing in them to see."""
    return glue(bytes(size) for size in sizes)


def check(payloads: list[bytes], trailing: bytes, pieces: list[bytes]) -> None:
    """The payloads come out, in order, and what is left is kept for the next piece."""
    assert b"".join(pieces) == glue(payloads) + trailing
    deframer = Deframer()
    assert [found for piece in pieces for found in deframer.receive(piece)] == payloads
    assert deframer.inside_a_frame == bool(trailing)


# --- any pieces -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(payload_lists, st.booleans())
def test_a_stream_in_one_piece(payloads: list[bytes], begun: bool) -> None:
    """All frames of one `recv` come out, also with half of another one behind them."""
    trailing = frame(b"the next one")[:5] if begun else b""
    check(payloads, trailing, whole(glue(payloads) + trailing))


@settings(deadline=None)
@given(payload_lists, st.integers(0, 13))
def test_a_stream_byte_by_byte(payloads: list[bytes], kept: int) -> None:
    """Single bytes make the same payloads, with any part of another frame behind them."""
    trailing = frame(b"the next one")[:kept]
    check(payloads, trailing, one_byte_at_a_time(glue(payloads) + trailing))


@settings(deadline=None, max_examples=200)
@given(payload_lists, st.lists(st.integers(0, 5000), max_size=12), st.integers(0, 13))
def test_a_stream_cut_anywhere(payloads: list[bytes], places: list[int], kept: int) -> None:
    """Wherever the cuts are, inside a length, inside a payload, twice at one place: the same payloads."""
    trailing = frame(b"the next one")[:kept]
    check(payloads, trailing, cut_at(places, glue(payloads) + trailing))


@pytest.mark.parametrize("size", SIZES)
def test_any_size_of_recv(size: int) -> None:
    """`recv(1)`, `recv(5)` and `recv(4096)` make the same messages of the same stream."""
    payloads = [b"a", b"\x00\x01", b"x" * 254, b"y" * 255, b"z" * 256, bytes(257), b"\xff" * 5000]
    assert received(pieces_of(size, glue(payloads))) == payloads


@pytest.mark.parametrize("at", range(1, 36))
def test_a_cut_inside_a_character_does_not_hurt(at: int) -> None:
    """A cut anywhere, also through the two bytes of ü: decoding begins when all of the payload is there."""
    stream = frame(encode(Say(message="Grüße 👋")))
    found = received([stream[:at], stream[at:]])
    assert [from_client(payload) for payload in found if isinstance(payload, bytes)] == [
        Say(message="Grüße 👋")
    ]


def test_a_payload_comes_as_soon_as_it_is_complete() -> None:
    """Nothing before the last byte, and no waiting for the next frame after it."""
    deframer = Deframer()
    stream = frame(b"hello")
    for byte in one_byte_at_a_time(stream)[:-1]:
        assert list(deframer.receive(byte)) == []
        assert deframer.inside_a_frame
    assert list(deframer.receive(stream[-1:])) == [b"hello"]
    assert not deframer.inside_a_frame


def test_an_empty_piece_changes_nothing() -> None:
    """`receive(b"")` is no message, in the middle of one or not."""
    deframer = Deframer()
    assert list(deframer.receive(b"")) == []
    assert not deframer.inside_a_frame
    assert list(deframer.receive(frame(b"hello")[:4])) == []
    assert list(deframer.receive(b"")) == []
    assert list(deframer.receive(frame(b"hello")[4:])) == [b"hello"]


def test_payloads_are_bytes_of_their_own() -> None:
    """A payload stays what it is when the buffer goes on."""
    deframer = Deframer()
    (first,) = deframer.receive(frame(b"first"))
    assert list(deframer.receive(frame(b"other"))) == [b"other"]
    assert first == b"first"
    assert type(first) is bytes


# --- the length -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "header"),
    [(1, "0001"), (255, "00ff"), (256, "0100"), (258, "0102"), (16_384, "4000"), (65_535, "ffff")],
)
def test_the_length_is_big_endian_and_counts_the_payload_alone(size: int, header: str) -> None:
    """The two bytes in front of a payload of this size."""
    assert frame(bytes(size)) == bytes.fromhex(header) + bytes(size)
    assert len(frame(bytes(size))) == HEADER + size


@pytest.mark.parametrize("size", [0, 65_536, 100_000])
def test_no_frame_for_what_no_length_can_tell(size: int) -> None:
    """0 bytes and more than 65,535 are refused where they are sent, not sent as something else."""
    with pytest.raises(ValueError, match=f"1 to 65535 bytes, not {size}"):
        frame(bytes(size))


@pytest.mark.parametrize("size", [1, 16_383, 16_384])
def test_up_to_the_limit_is_taken(size: int) -> None:
    """A server's limit of 16,384 bytes is itself still taken."""
    assert received([zeros(size)], limits.MAX_PAYLOAD) == [bytes(size)]


def test_without_a_limit_the_length_is_one() -> None:
    """A reader of the framing carries 65,535 bytes, in any pieces."""
    assert received(pieces_of(4096, zeros(65_535, 1))) == [bytes(65_535), bytes(1)]


@pytest.mark.parametrize("size", [0, 16_385, 65_535])
@pytest.mark.parametrize("cut", [whole, one_byte_at_a_time])
def test_a_wrong_length_ends_the_stream(size: int, cut: Callable[[bytes], list[bytes]]) -> None:
    """What came before it still counts, then one fatal violation, then nothing any more."""
    header = size.to_bytes(HEADER, "big")
    stream = frame(b"before") + header + b"behind" + frame(b"later")
    before, violation = received(cut(stream), limits.MAX_PAYLOAD)
    assert before == b"before"
    assert isinstance(violation, Violation)
    assert (violation.code, violation.fatal) == ("too-large", True)
    assert f"{size:,}" in violation.message
    assert f"{limits.MAX_PAYLOAD:,}" in violation.message


@settings(deadline=None)
@given(
    payload_lists,
    st.sampled_from([0, 301, 302, 65_535]),
    st.binary(max_size=50),
    st.lists(st.integers(0, 5000), max_size=8),
)
def test_nothing_after_a_wrong_length_is_believed(
    payloads: list[bytes], size: int, behind: bytes, places: list[int]
) -> None:
    """However the stream is cut: the payloads before, one violation, and no message made of the rest."""
    stream = glue(payloads) + size.to_bytes(HEADER, "big") + behind
    *before, last = received(cut_at(places, stream), limit=300)
    assert before == payloads
    assert isinstance(last, Violation)
    assert last.fatal


def test_a_broken_stream_ends_between_messages() -> None:
    """After a wrong length nothing is kept: neither memory nor half a message."""
    deframer = Deframer(limits.MAX_PAYLOAD)
    assert len(list(deframer.receive(b"\x00\x00"))) == 1
    assert list(deframer.receive(frame(b"hello") * 1000 + b"\x01")) == []
    assert not deframer.inside_a_frame


def test_a_wrong_length_is_told_before_its_payload_comes() -> None:
    """The two bytes are enough: nobody waits for, or stores, what is going to be refused."""
    (violation,) = received([b"\xff\xff"], limits.MAX_PAYLOAD)
    assert isinstance(violation, Violation)


@pytest.mark.parametrize(("kept", "inside"), [(0, False), (1, True), (2, True), (6, True), (7, False)])
def test_the_end_of_a_stream_inside_a_frame_is_seen(kept: int, inside: bool) -> None:
    """A stream that ends after `kept` bytes of a frame of 7 ended in the middle of a message, or not."""
    deframer = Deframer()
    list(deframer.receive(frame(b"hello")[:kept]))
    assert deframer.inside_a_frame is inside


def test_a_flood_of_small_frames_takes_linear_time() -> None:
    """100,000 frames in one buffer come out; with a copy of the rest for each it would take minutes."""
    assert received([frame(b"x") * 100_000]) == [b"x"] * 100_000

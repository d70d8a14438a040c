"""What hostile bytes are made of: the same for the same seed, all of their kinds, and none that the lab can't take."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.torture.mutator import LIES, Liar, Mutator, datagrams
from common import limits
from common.messages import ClientMessage, Violation, from_client
from tcp.framing import Deframer

MANY = 2000
seeds = st.integers(0, 2**32).map(str)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """So what broke something can be sent again."""
    one, same, other = Mutator("7", "token"), Mutator("7", "token"), Mutator("8", "token")
    made = [one.payload() for _ in range(200)]
    assert made == [same.payload() for _ in range(200)]
    assert made != [other.payload() for _ in range(200)]
    assert [Liar("7").frame(b"{}") for _ in range(3)] == [Liar("7").frame(b"{}") for _ in range(3)]


def test_all_kinds_come_up() -> None:
    """None of them is only a name."""
    mutator = Mutator("1")
    seen = Counter(mutator.payload()[0] for _ in range(MANY))
    assert set(seen) == set(mutator.kinds)
    liar = Liar("1", honesty=0.5)
    assert {liar.frame(b"{}")[0] for _ in range(MANY)} == set(LIES)


def test_what_becomes_of_them() -> None:
    """Most are no message, and enough of them still are: both ways through the server are taken."""
    mutator = Mutator("1", "token")
    read = [from_client(mutator.payload()[1]) for _ in range(MANY)]
    refused = sum(isinstance(message, Violation) for message in read)
    assert 0.3 * MANY < refused < 0.9 * MANY
    assert any(message.token == "token" for message in read if not isinstance(message, Violation))


@given(seeds)
def test_every_payload_is_a_message_or_a_violation(seed: str) -> None:
    """The decoder raises nothing, and no payload is empty."""
    mutator = Mutator(seed, "token")
    for _ in range(20):
        _, payload = mutator.payload()
        assert payload
        assert isinstance(from_client(payload), ClientMessage | Violation)


@given(seeds, st.integers(1, 5000))
def test_every_stream_of_lies_is_taken_apart(seed: str, piece: int) -> None:
    """The deframer gives payloads within the limit and one fatal violation at most, as its last word."""
    mutator, liar, deframer = Mutator(seed), Liar(seed, honesty=0.5), Deframer(limits.MAX_PAYLOAD)
    stream = b"".join(liar.frame(mutator.payload()[1])[1] for _ in range(10))
    found = [
        one
        for start in range(0, len(stream), piece)
        for one in deframer.receive(stream[start : start + piece])
    ]
    for one in found[:-1]:
        assert isinstance(one, bytes)
    for one in found:
        assert one.fatal if isinstance(one, Violation) else 1 <= len(one) <= limits.MAX_PAYLOAD


@given(seeds)
def test_datagrams_that_are_no_payload(seed: str) -> None:
    """Empty, the largest there is, one too many: each can be sent."""
    made = datagrams(random.Random(seed))
    assert {0, limits.MAX_DATAGRAM, limits.MAX_PAYLOAD + 1} < {len(one) for one in made}
    assert all(len(one) <= limits.MAX_DATAGRAM for one in made)

"""Finding the stamps in what was received: which message reached whom, and when. No socket, no clock.

A stamp is found in whatever a server puts around it, because its text has a fixed width and is known but for its
sender and its number. A message is there when the chunk is that holds its last byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import stamp

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """The messages in the bytes that one member received, in their order: who sent each, which one it was, and when
    it was there. `unreadable` counts those that were cut or changed."""

    senders: Numbers
    numbers: Numbers
    times: Numbers
    unreadable: int


def find(chunks: Sequence[bytes], times: Sequence[int], size: int, *, stream: bool = True) -> Seen:
    """The messages of `size` bytes in the `chunks` that came at `times`. In a `stream` one may be spread over several
    chunks."""
    data = np.frombuffer(b"".join(chunks), np.uint8)
    mark = np.frombuffer(stamp.MARK.encode(), np.uint8)
    at = np.flatnonzero(data[: len(data) - len(mark) + 1] == mark[0])
    for offset in range(1, len(mark)):
        at = at[data[at + offset] == mark[offset]]
    whole = at[at + size <= len(data)]
    texts = data[whole[:, np.newaxis] + np.arange(size)]
    model = np.frombuffer(stamp.write(0, 0, 0, 0, size).encode(), np.uint8)
    digits = np.zeros(size, bool)
    digits[stamp.SENDER] = digits[stamp.NUMBER] = True
    right = (texts[:, ~digits] == model[~digits]).all(axis=1)
    right &= ((texts[:, digits] >= ord("0")) & (texts[:, digits] <= ord("9"))).all(axis=1)
    ends = np.cumsum([len(chunk) for chunk in chunks], dtype=np.int64)
    chunk = np.searchsorted(ends, whole + size - 1, side="right")
    if not stream:
        right &= chunk == np.searchsorted(ends, whole, side="right")
    return Seen(
        _value(texts[right, stamp.SENDER]),
        _value(texts[right, stamp.NUMBER]),
        np.asarray(times, np.int64)[chunk[right]],
        len(whole) - int(right.sum()),
    )


def _value(digits: NDArray[np.uint8]) -> Numbers:
    """What rows of ASCII digits say."""
    powers: Numbers = 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64)
    value: Numbers = (digits.astype(np.int64) - ord("0")) @ powers
    return value


@dataclass(frozen=True)
class Fates:
    """What became of all messages at all members. Counts are deliveries, one message to one member.

    `out_of_order`: its number was below the highest that this member had already had of this sender (RFC 4737).
    `unreadable`: it was cut, changed, or said what nobody sent. `same_order`: every member saw the messages in one
    order (where a sender is not sent its own, in what two members both were to see). `latencies` are those of the
    first copies, since due, in seconds; `arrived` when each came, in nanoseconds.
    """

    expected: int
    delivered: int
    doubled: int
    out_of_order: int
    unreadable: int
    same_order: bool
    latencies: NDArray[np.float64]
    arrived: Numbers

    @property
    def lost(self) -> int:
        """Deliveries that never came."""
        return self.expected - self.delivered


def fates(due: Sequence[Sequence[int]], seen: Sequence[Seen], *, echoes: bool) -> Fates:
    """What became of the messages that were due at `due` (by sender, then number), of which member 0, 1, … has
    `seen` so much. Without `echoes` a sender is not to be sent its own."""
    counts = np.array([len(one) for one in due], np.int64)
    first_of = np.concatenate(([0], np.cumsum(counts)))
    when = np.concatenate([np.asarray(one, np.int64) for one in due])
    doubled = out_of_order = unreadable = 0
    orders: list[Numbers] = []
    latencies, arrived = [np.empty(0)], [np.empty(0, np.int64)]
    for member, one in enumerate(seen):
        known = one.senders < len(due)
        known[known] = one.numbers[known] < counts[one.senders[known]]
        if not echoes:
            known &= one.senders != member
        unreadable += one.unreadable + int((~known).sum())
        message = first_of[one.senders[known]] + one.numbers[known]
        _, first = np.unique(message, return_index=True)
        first.sort()
        doubled += len(message) - len(first)
        order = message[first]
        out_of_order += _out_of_order(one.senders[known][first], one.numbers[known][first])
        orders.append(order)
        times = one.times[known][first]
        arrived.append(times)
        latencies.append((times - when[order]) / 1e9)
    own = 0 if echoes else sum(map(len, due[: len(seen)]))
    together = np.concatenate(latencies)
    return Fates(
        expected=len(when) * len(seen) - own,
        delivered=len(together),
        doubled=doubled,
        out_of_order=out_of_order,
        unreadable=unreadable,
        same_order=_same(orders, first_of, echoes),
        latencies=together,
        arrived=np.concatenate(arrived),
    )


def _out_of_order(senders: Numbers, numbers: Numbers) -> int:
    by_sender = np.argsort(senders, kind="stable")
    # One running maximum does for all senders: each begins above what the one before it can reach.
    value = senders[by_sender] * stamp.MAX_NUMBER + numbers[by_sender]
    return int((value < np.maximum.accumulate(value)).sum()) if len(value) else 0


def _same(orders: Sequence[Numbers], first_of: Numbers, echoes: bool) -> bool:
    """Whether everybody saw everything in one order. Where a sender is not sent its own, no member has seen all of it,
    but of any two messages one of the first three members has seen both."""

    def without(order: Numbers, member: int) -> Numbers:
        """What `order` has that is not from `member`."""
        if not echoes and member + 1 < len(first_of):
            order = order[(order < first_of[member]) | (order >= first_of[member + 1])]
        return order

    return all(
        np.array_equal(without(model, member), without(order, other))
        for other, model in enumerate(orders[: 1 if echoes else 3])
        for member, order in enumerate(orders)
    )


def holes(numbers: Numbers) -> int:
    """How many are missing below the highest of these."""
    return int(numbers.max()) + 1 - len(np.unique(numbers)) if len(numbers) else 0

"""Where a message ends in a stream that has no ends: a 2-byte length in front of each payload.

TCP delivers bytes, not messages: one `recv` may return three messages glued together, or half a
letter. So bytes are collected until a whole frame is there. This module never sees a socket; what a
`recv` returned is passed in, and it makes no difference how large the pieces were.

     0                   1
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
    +-------------------------------+------------------
    |    length, big-endian         |  payload …
    +-------------------------------+------------------
"""

from collections.abc import Iterator

from common import limits
from common.messages import Violation, too_large

HEADER = 2


def frame(payload: bytes) -> bytes:
    """The payload with its length in front. Raises ValueError for one that no length can tell."""
    if not 1 <= len(payload) <= limits.MAX_FRAME:
        raise ValueError(f"a frame carries 1 to {limits.MAX_FRAME} bytes, not {len(payload)}")
    return len(payload).to_bytes(HEADER, "big") + payload


class Deframer:
    """Takes what `recv` returned, gives the payloads that have become complete.

    `limit`: the largest payload taken, in bytes. A length of 0 or above it ends the stream: what
    follows can't be told apart any more. That is given as a fatal `Violation`, after the payloads
    before it, and everything later is ignored.
    """

    def __init__(self, limit: int = limits.MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._broken = False

    @property
    def inside_a_frame(self) -> bool:
        """Whether the stream would end in the middle of a message if it ended here."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> Iterator[bytes | Violation]:
        """The payloads that `data` completes, in order. Take them all before the next call."""
        if self._broken:
            return
        self._buffer += data
        start, available = 0, len(self._buffer)
        while available - start >= HEADER:
            size = int.from_bytes(self._buffer[start : start + HEADER], "big")
            if not 1 <= size <= self._limit:
                self._broken = True
                self._buffer.clear()
                yield too_large(size, self._limit, fatal=True)
                return
            end = start + HEADER + size
            if end > available:
                break
            yield bytes(self._buffer[start + HEADER : end])
            start = end
        del self._buffer[:start]

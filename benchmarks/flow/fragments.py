"""Datagrams that are larger than a packet: how many fragments they are sent in, and what the kernel counted of those.

The kernel's counters are of the link's own network (`benchmarks/kernel.py`), so nobody else's fragments are among them.
"""

import math

from benchmarks.flow.run import Flows
from benchmarks.stage import Failed

PAYLOAD, HEADER = 1480, 8
"""Bytes behind the IP header of a packet of 1500, and those of UDP's header."""


def fragments(size: int) -> int:
    """Packets that a datagram of `size` bytes is sent in."""
    return math.ceil((size + HEADER) / PAYLOAD)


def counted(made: Flows, name: str) -> int:
    """How often the kernel counted that (`ReasmOKs`, for example) in a run. Raises Failed if it does not count it."""
    counts = made.account.kernel
    if counts is None or name not in counts:
        raise Failed(
            f"This kernel does not count {name}, without which nobody knows what became of fragments."
        )
    return counts[name]


def check(made: Flows) -> str:
    """Whether the datagrams of a run were sent in as many packets as they should. Raises Failed if not. Returns a
    sentence about those that were lost on the way into or out of the link, which theory does not know of; empty if none
    were."""
    each = fragments(made.plan.size)
    sent = len(made.by["udp"].messages) - made.refused
    cut = counted(made, "FragCreates")
    if cut != (sent * each if each > 1 else 0):
        raise Failed(
            f"{sent} datagrams of {made.plan.size} bytes were to be sent in {each} packets each, and the kernel "
            f"counted {cut} fragments: the MTU of this network is not 1500, or somebody else used it."
        )
    full = counted(made, "RcvbufErrors")
    if not made.refused and not full:
        return ""
    return (
        f"{made.refused} datagrams were not taken by the sender's kernel, and {full} found no room in the receive "
        "buffer. They count as lost."
    )

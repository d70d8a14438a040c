"""When each message is due: decided before the run begins, and the same for everyone who knows the seed.

Each sender speaks at random moments, independent of the others and of the server's answers (a Poisson
process: exponential gaps), as people who do not know of each other do. The schedule does not wait for
slow answers: that is what *open loop* means. A load that waits for its last answer before it sends the
next message stops asking exactly when the server is slow, and so measures it less often then
(coordinated omission; see wrk2).
"""

import math
import random
from typing import NamedTuple


class Due(NamedTuple):
    """Message `number` (0, 1, …) of sender `sender` is due `at` nanoseconds after the start of the run."""

    at: int
    sender: int
    number: int


def schedule(seed: int, repeat: int, senders: int, rate: float, seconds: float) -> list[Due]:
    """The messages of one run, in the order in which they are due.

    `rate` is that of the whole room in messages per second, shared equally by the `senders`; `seconds`
    is how long the run lasts. Each repeat has a schedule of its own, each sender a random stream of its
    own, so that one sender's moments do not depend on how many others there are.
    """
    planned = []
    for sender in range(senders):
        stream = random.Random(f"{seed}/{repeat}/{sender}")  # a str is hashed alike by every Python
        at, number = stream.expovariate(rate / senders), 0
        while at < seconds:
            planned.append(Due(round(at * 1e9), sender, number))
            at += stream.expovariate(rate / senders)
            number += 1
    return sorted(planned)


def evenly(seed: int, repeat: int, senders: int, rate: float, seconds: float) -> list[Due]:
    """The same for senders who each speak at regular intervals, from a random moment on."""
    interval = senders / rate
    planned = []
    for sender in range(senders):
        first = random.Random(f"{seed}/{repeat}/{sender}").random() * interval
        for number in range(math.ceil((seconds - first) / interval)):
            planned.append(Due(round((first + number * interval) * 1e9), sender, number))
    return sorted(planned)

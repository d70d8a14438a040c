"""What happens in a demonstration, one thing at a time: what the processes tell, the state adds up, and the report
keeps (`events.csv`).

    what          who tells     amount                                words
    ------------  ------------  ------------------------------------  ----------------------------------
    due           the direction -                                     what is to be said, or its beginning
    said          the members   -                                     -
    heard         the members   -                                     -
    unsaid        the members   -                                     why: a sentence
    noticed       the members   numbers of the room that are missing  -
    unconfirmed   the members   -                                     -
    in            the members   -                                     -
    away, ended   the members   -                                     why: a sentence
    back          the members   numbers that went by meanwhile        -
    came, went    the members   -                                     who; and why, a key of room.REASONS
    stops, reads  the members   -                                     -
    again         the kernel    TCP segments sent again, so far       -
    overflow      the kernel    datagrams that did not fit a buffer   -
    entered       the link      packets so far                        -
    dropped       the link      packets so far                        -
    like          the link      -                                     what it is like now
    forged        the forger    bytes that it sent                    -
    victim        the forger    bytes that reached the victim         what they were
    refused       the forger    bytes                                 what the victim answered
"""

from typing import NamedTuple

COLUMNS = ("at_s", "transport", "what", "member", "number", "amount", "words")


class News(NamedTuple):
    """One thing that happened, `at` seconds of the monotonic clock. `transport` is `tcp`, `udp`, `both`, `link`, or
    `floor`: a UDP server without an address check. `number` is a message's, 0 where it is about none."""

    at: float
    transport: str
    what: str
    member: str = ""
    number: int = 0
    amount: int = 0
    words: str = ""

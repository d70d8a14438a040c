"""The accounts of a torture run, with exact data: who heard what, what the kernel dropped, what a log said."""

import struct
from collections.abc import Iterator

import pytest

from benchmarks.link.packet import ACK, RST, describe
from benchmarks.torture import logbook
from benchmarks.torture.account import Figures, Round, read, text_of
from benchmarks.torture.acts import packets
from benchmarks.torture.acts.base import Pace
from benchmarks.torture.forging import ports_of
from benchmarks.torture.health import drops


def everybody_hears(round_: Round, *messages: tuple[int, int], but: int = -1) -> None:
    """All members hear these in this order; `but` one hears nothing."""
    for member in range(round_.members):
        if member != but:
            for sender, number in messages:
                round_.hear(member, sender, text_of(round_.number, sender, number))


def round_of(*messages: tuple[int, int]) -> Round:
    """A round of three members in which this has been said."""
    made = Round(1, members=3)
    for sender, number in messages:
        made.say(sender, number)
    return made


def test_a_round_in_which_all_is_well() -> None:
    """Everything came once, in one order."""
    round_ = round_of((0, 1), (1, 1), (0, 2))
    assert not round_.complete
    everybody_hears(round_, (0, 1), (1, 1), (0, 2))
    assert round_.complete
    assert round_.figures() == Figures(members=3, said=3, expected=9, delivered=9)


def test_what_one_member_missed_and_what_nobody_heard() -> None:
    """Lost on the way down, and lost on the way up."""
    round_ = round_of((0, 1), (1, 1))
    everybody_hears(round_, (0, 1), but=2)
    found = round_.figures()
    assert (found.expected, found.delivered, found.lost, found.unheard) == (6, 2, 4, 1)
    assert found.orders == 2


def test_twice_and_out_of_order() -> None:
    """Each is counted by itself; a double is no overtaking."""
    round_ = round_of((0, 1), (0, 2), (1, 1))
    everybody_hears(round_, (0, 2), (0, 1), (1, 1), (1, 1))
    found = round_.figures()
    assert (found.doubled, found.reordered, found.lost, found.orders) == (3, 3, 0, 1)


def test_different_orders_of_different_senders() -> None:
    """No sender's messages were overtaken, and still not everybody saw the same."""
    round_ = round_of((0, 1), (1, 1))
    everybody_hears(round_, (0, 1), (1, 1), but=2)
    for sender in (1, 0):
        round_.hear(2, sender, text_of(1, sender, 1))
    assert (round_.figures().reordered, round_.figures().orders) == (0, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hi",
        "round 1 member 0",
        text_of(1, 0, 1) + "!",
        text_of(1, 0, 1)[:-1],
        "round 1 member 0 message x abc",
    ],
)
def test_what_is_none_of_ours(text: str) -> None:
    """A text that was changed is not taken for what was said."""
    assert read(text) is None


def test_what_others_say_in_a_members_name() -> None:
    """Another sender's text, another round's, or one that has not been said."""
    round_ = round_of((0, 1))
    round_.hear(1, 1, text_of(1, 0, 1))
    round_.hear(1, 0, text_of(2, 0, 1))
    round_.hear(1, 0, text_of(1, 0, 2))
    assert round_.figures().strange == 3
    assert round_.figures().delivered == 0


def test_what_the_kernel_dropped() -> None:
    """The last column, of our sockets only."""
    table = (
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
        "pointer drops\n"
        " 1: 0100007F:C003 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11 2 0000 5\n"
        " 2: 0100007F:C004 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0000 7\n"
    )
    assert drops(table, {11}) == 5
    assert drops(table, {11, 12}) == 12
    assert drops(table, set()) == 0


LOG = """\
15:04:05.001 = tcp listening on 127.0.0.1:4242
15:04:05.002 = the system allows 40 open files, and a full room takes 237 (ulimit -Hn)
15:04:05.100 = member0 joined from 127.0.0.1:50000
15:04:05.100 = \\x1b joined
15:04:06.100 = member1 joined from 127.0.0.1:50001
15:04:06.200 = member0 moved from 127.0.0.1:1 to 127.0.0.1:2
15:04:06.300 = a connection had to wait, or was refused: [Errno 24] Too many open files
15:04:07.000 = member0 left (quit: said goodbye, or closed the connection)

tcp server
┌───────────────────┬──────────┐
│ up for            │ 0:05 min │
│ joined            │    1,200 │
│ dropped: no token │        3 │
│ dropped: too fast │        4 │
└───────────────────┴──────────┘
"""


def test_a_log_that_says_what_is_expected() -> None:
    """Each line is of a kind, and the table is read."""
    book = logbook.read(LOG.splitlines(keepends=True))
    assert book.unexpected == []
    kinds = {"listening": 1, "about itself": 1, "joined": 3, "left": 1, "moved": 1, "problem": 1, "table": 4}
    assert book.kinds == kinds
    assert book.counted == {"joined": 1200, "dropped: no token": 3, "dropped: too fast": 4}
    assert (book.count("dropped"), book.count("dropped: no", "joined"), book.count("else")) == (7, 1203, 0)


def test_a_log_that_says_something_else() -> None:
    """A traceback, and a line that nobody knows."""
    strange = [
        "Exception in thread tcp-reader-127.0.0.1:1:",
        "Traceback (most recent call last):",
        '  File "server.py", line 1, in _read',
        "ValueError",
        "15:04:05.001 = something new",
    ]
    assert logbook.read([*LOG.splitlines(), *strange]).unexpected == strange


def test_where_the_members_are() -> None:
    """Their ports, out of the log."""
    assert ports_of(LOG.splitlines(), 10) == [50000, 50001]


def test_forged_packets_are_packets() -> None:
    """With the headers that were asked for, and checksums that are right."""
    near, far = ("10.7.0.1", 50000), ("10.7.0.2", 4242)
    datagram = packets.udp(near, far, b"odd")
    segment = packets.tcp(near, far, seq=2**32 - 1, ack=7, flags=RST | ACK, payload=b"even")
    one, other = describe(datagram), describe(segment)
    assert one is not None
    assert other is not None
    assert one[:4] == ("udp", 50000, 4242, 3)
    assert other[:7] == ("tcp", 50000, 4242, 4, 2**32 - 1, 7, RST | ACK)
    for packet in (datagram, segment):
        assert packets.checksum(packet[:20]) == 0
        pseudo = packet[12:20] + struct.pack("!BBH", 0, packet[9], len(packet) - 20)
        assert packets.checksum(pseudo + packet[20:]) == 0


def moments() -> Iterator[float]:
    """A clock's times."""
    yield from (0.0, 0.0, 0.05, 0.1, 5.0, 5.0)


def test_a_pace_is_kept_and_bounded() -> None:
    """100 a second: one at once, the next when it is due, never more than a tenth of a second's at a time."""
    pace = Pace(rate=100, count=30, seconds=10, now=0.0)
    made = []
    for now in moments():
        due = pace.due(now)
        pace.done += due
        made.append(due)
    assert made == [1, 0, 5, 5, 10, 9]
    assert pace.over(5.0)
    assert Pace(rate=1, count=30, seconds=10, now=0.0).over(10.0)
    assert Pace(rate=1, count=30, seconds=10, now=0.0).due(10.0) == 0

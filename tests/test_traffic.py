"""What a capture says happened: losses, retransmissions, and that Wireshark sees the same."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks import traffic
from benchmarks.link.capture import Captured
from benchmarks.link.packet import ACK, FAR, FIN, NEAR, PSH, RST, SYN, Segment
from benchmarks.link.units import Refused
from benchmarks.traffic import FILTER, WRAP, Event, _Flows, events
from tests.test_capture import BEGIN, fields, tshark, write
from tests.test_link_packet import CLIENT, ECHO, GRE, ICMP, MORE, SERVER, TCP, UDP, icmp, ip, tcp, udp


class Story:
    """A conversation between one client and its server, as a link captures it: each line is one packet."""

    def __init__(self, client: int = CLIENT, client_first: int = 1000, server_first: int = 5000) -> None:
        self.noted: list[Captured] = []
        self.time_ns = BEGIN
        self.client = client
        self.first = {"up": client_first, "down": server_first}

    def after(self, milliseconds: float) -> "Story":
        """Time passes."""
        self.time_ns += round(milliseconds * 1_000_000)
        return self

    def says(
        self,
        way: str,
        begin: int,
        length: int = 0,
        ack: int = 1,
        flags: int = ACK,
        comment: str = "",
    ) -> "Story":
        """A segment. Numbers count from the first of each end, as Wireshark shows them."""
        ends = (NEAR, FAR) if way == "up" else (FAR, NEAR)
        ports = (self.client, SERVER) if way == "up" else (SERVER, self.client)
        other = "down" if way == "up" else "up"
        seq = (self.first[way] + begin) % WRAP
        acknowledges = (self.first[other] + ack) % WRAP if flags & ACK else 0
        segment = tcp(*ports, b"x" * length, seq, acknowledges, flags, ends=ends)
        return self.note(way, ip(segment, TCP, ends=ends), comment)

    def note(self, way: str, packet: bytes, comment: str = "") -> "Story":
        """Any packet."""
        self.noted.append(Captured(self.time_ns, way, packet, len(packet), comment))
        return self.after(0.01)

    def connects(self) -> "Story":
        """The three-way handshake, with a round trip of 50 ms."""
        self.says("up", 0, flags=SYN).after(25)
        self.says("down", 0, ack=1, flags=SYN | ACK).after(25)
        return self.says("up", 1)

    def told(self, folder: Path) -> list[Event]:
        """What `events` says about it."""
        return events(write(folder / "story.pcapng", self.noted))

    def retransmitted(self, folder: Path) -> list[int]:
        """Which packets, counted from 1 as Wireshark does, are retransmissions."""
        numbers = {one.time_ns: number for number, one in enumerate(self.noted, 1)}
        return [numbers[event.time_ns] for event in self.told(folder) if event.kind == "retransmission"]


def quiet() -> Story:
    """Nothing is lost: three messages, their acknowledgements, an end."""
    story = Story().connects()
    for number in range(3):
        story.after(100).says("up", 1 + number * 100, 100, flags=PSH | ACK).after(25)
        story.says("down", 1 + number * 10, 10, ack=101 + number * 100, flags=PSH | ACK).after(25)
        story.says("up", 101 + number * 100, ack=11 + number * 10)
    story.says("up", 301, ack=31, flags=FIN | ACK).after(25).says("down", 31, ack=302, flags=FIN | ACK)
    return story.after(25).says("up", 302, ack=32)


def timer() -> Story:
    """One message is lost and sent again by the timer, twice."""
    story = Story().connects().after(100)
    story.says("up", 1, 100, flags=PSH | ACK, comment="dropped by loss").after(250)
    story.says("up", 1, 100, flags=PSH | ACK, comment="dropped by loss").after(500)
    return story.says("up", 1, 100, flags=PSH | ACK).after(25).says("down", 1, ack=101)


def fast() -> Story:
    """Three duplicate acks ask for a lost segment, whose successors are older than a round trip."""
    story = Story().connects().says("up", 1, 100, comment="dropped by loss")
    for number in range(1, 5):
        story.says("up", 1 + number * 100, 100)
    story.after(75)
    for _ in range(4):
        story.says("down", 1, ack=1)
    return story.after(5).says("up", 1, 100).after(25).says("down", 1, ack=501)


def thick() -> Story:
    """The same in a thick stream: the newest segment is younger than a round trip, and so Wireshark, which can't
    know that nothing overtakes anything here, calls it out of order."""
    story = Story().connects().says("up", 1, 100, comment="dropped by loss")
    for number in range(1, 30):
        story.after(3).says("up", 1 + number * 100, 100)
    return story.after(1).says("up", 1, 100).after(50).says("down", 1, ack=3001)


def spurious() -> Story:
    """The acknowledgement was lost: the message is sent again in vain."""
    story = Story().connects().says("up", 1, 100).after(25)
    story.says("down", 1, ack=101, comment="dropped by loss").after(250)
    return story.says("up", 1, 100).after(25).says("down", 1, ack=101)


def both_ends() -> Story:
    """SYN, SYN-ACK and both FINs are lost once."""
    story = (
        Story()
        .says("up", 0, flags=SYN, comment="dropped by loss")
        .after(1000)
        .says("up", 0, flags=SYN)
        .after(25)
    )
    story.says("down", 0, flags=SYN | ACK, comment="dropped by loss").after(1000)
    story.says("down", 0, flags=SYN | ACK).after(25).says("up", 1).after(100)
    story.says("up", 1, 50, flags=PSH | ACK).after(25).says("down", 1, ack=51).after(25)
    story.says("up", 51, flags=FIN | ACK, comment="dropped by loss").after(250)
    story.says("up", 51, flags=FIN | ACK).after(25).says("down", 1, ack=52, flags=FIN | ACK).after(250)
    return story.says("down", 1, ack=52, flags=FIN | ACK).after(25).says("up", 52, ack=2)


def wrapping() -> Story:
    """The numbers begin again from 0 in the middle, and again what lies on both sides is sent again."""
    story = Story(client_first=WRAP - 250).connects().after(100)
    for number in range(5):
        story.after(60).says("up", 1 + number * 100, 100)
    for number in range(5):
        story.after(300).says("up", 1 + number * 100, 100)
    return story.after(60).says("up", 501, 100)


def partial() -> Story:
    """What is sent again begins in the middle of one segment and has new bytes at its end."""
    story = Story().connects().after(100).says("up", 1, 100).after(300)
    return story.says("up", 51, 100).after(300).says("up", 151, 100)


def idle() -> Story:
    """Keep-alive probes and zero window probes of Linux: empty, one below the next number."""
    story = Story().connects().after(100).says("up", 1, 100).after(25).says("down", 1, ack=101).after(60_000)
    for _ in range(3):
        story.says("up", 100).after(25).says("down", 1, ack=101).after(60_000)
    return story


STORIES = {
    quiet: [],
    timer: [5, 6],
    fast: [13],
    thick: [34],
    spurious: [6],
    both_ends: [2, 4, 9, 11],
    wrapping: [9, 10, 11, 12, 13],
    partial: [5],
    idle: [],
}

every_story = pytest.mark.parametrize(
    ("story", "numbers"), STORIES.items(), ids=[story.__name__ for story in STORIES]
)


@every_story
def test_what_was_sent_before_is_a_retransmission(
    story: Callable[[], Story], numbers: list[int], tmp_path: Path
) -> None:
    """Whatever made it be sent again; acknowledgements and probes are none."""
    assert story().retransmitted(tmp_path) == numbers


@tshark
@every_story
def test_tshark_finds_the_same_retransmissions(
    story: Callable[[], Story], numbers: list[int], tmp_path: Path
) -> None:
    """With the filter that the docstring names."""
    assert f'-Y "{FILTER}"' in str(traffic.__doc__)
    path = write(tmp_path / "story.pcapng", story().noted)
    assert [int(number) for (number,) in fields(path, "frame.number", only=FILTER)] == numbers


@tshark
def test_what_tshark_calls_them(tmp_path: Path) -> None:
    """The docstring says which flags a retransmission has in which case, and why the filter needs two."""
    flags = ["retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "keep_alive"]

    def called(story: Story) -> list[set[str]]:
        path = write(tmp_path / "story.pcapng", story.noted)
        said = fields(path, *(f"tcp.analysis.{flag}" for flag in flags), only="tcp.analysis.flags")
        named = [{flag for flag, value in zip(flags, line, strict=True) if value} for line in said]
        return [one for one in named if one]

    assert called(timer()) == [{"retransmission"}] * 2
    assert called(fast()) == [{"retransmission", "fast_retransmission"}]
    assert called(spurious()) == [{"retransmission", "spurious_retransmission"}]
    assert called(thick()) in ([{"out_of_order"}], [{"retransmission"}])  # before and from 4.2
    assert called(single_byte()) == [{"keep_alive"}]


def single_byte() -> Story:
    """A message of one byte is sent again."""
    story = Story().connects().after(100).says("up", 1, 1, comment="dropped by loss").after(250)
    return story.says("up", 1, 1).after(25).says("down", 1, ack=2)


def test_a_single_byte_that_is_sent_again_counts(tmp_path: Path) -> None:
    """Linux's keep-alives are empty, so it is no keep-alive, as Wireshark must think."""
    assert single_byte().retransmitted(tmp_path) == [5]


def test_connections_do_not_mix(tmp_path: Path) -> None:
    """The same numbers in the other direction, or between other ports, are not the same."""
    one, other = Story(CLIENT).connects().says("up", 1, 10), Story(CLIENT + 1).connects().says("up", 1, 10)
    other.says("down", 1, 10, ack=11)
    other.noted = [packet._replace(time_ns=packet.time_ns + 1) for packet in one.noted + other.noted]
    assert other.retransmitted(tmp_path) == []


def test_the_same_ports_may_have_a_new_connection(tmp_path: Path) -> None:
    """With other first numbers; its SYN sent again is still a retransmission."""
    story = quiet().after(1000)
    story.first = {"up": 900, "down": 4900}
    before = len(story.noted)
    story.says("up", 0, flags=SYN).after(1000).says("up", 0, flags=SYN).after(25)
    story.says("down", 0, flags=SYN | ACK).after(25).says("up", 1).says("up", 1, 50)
    assert story.retransmitted(tmp_path) == [before + 2]


def test_a_reset_is_no_retransmission(tmp_path: Path) -> None:
    """Whatever number it has, and whatever it carries."""
    story = Story().connects().says("up", 1, 100).says("up", 1, 10, flags=RST | ACK)
    assert story.retransmitted(tmp_path) == []


def test_a_capture_may_begin_in_the_middle(tmp_path: Path) -> None:
    """The first segment seen of a connection is taken for new; what lies below it was sent before."""
    story = Story().says("up", 5001, 100).says("up", 5101, 100).after(300).says("up", 4901, 100)
    assert story.retransmitted(tmp_path) == [3]


@given(
    st.integers(0, WRAP - 1),
    st.lists(
        st.tuples(st.integers(1, 3000), st.booleans(), st.integers(0, 50), st.integers(1, 3000)), max_size=30
    ),
)
@example(WRAP - 1, [(1, True, 0, 1)])
def test_whatever_was_sent_before_is_found(first: int, steps: list[tuple[int, bool, int, int]]) -> None:
    """A sender sends new data in order and anything below again, from any first number on."""
    flows = _Flows()
    end = 1
    assert not flows.sent_before(Segment("tcp", CLIENT, SERVER, 0, first, 0, SYN))
    for size, again, back, length in steps:
        if again and end > 1:
            begin = max(1, end - 1 - back * 50)
            segment = Segment("tcp", CLIENT, SERVER, length, (first + begin) % WRAP, 0, ACK)
            assert flows.sent_before(segment)
            end = max(end, begin + length)
        else:
            assert not flows.sent_before(Segment("tcp", CLIENT, SERVER, size, (first + end) % WRAP, 0, ACK))
            end += size


# --- losses ---------------------------------------------------------------------------------------


def test_a_lost_segment_has_all_that_its_anatomy_needs(tmp_path: Path) -> None:
    """When, which way, whose, which numbers; a retransmission that is lost is both, in this order."""
    story = timer()
    sent = [one for one in story.noted if one.length > 100]
    rest = ("tcp", CLIENT, 1001, 100)
    assert story.told(tmp_path) == [
        Event(sent[0].time_ns, "up", "lost", *rest),
        Event(sent[1].time_ns, "up", "retransmission", *rest),
        Event(sent[1].time_ns, "up", "lost", *rest),
        Event(sent[2].time_ns, "up", "retransmission", *rest),
    ]


def test_the_port_is_the_clients_in_both_directions(tmp_path: Path) -> None:
    """Up it is the source's, down the destination's."""
    story = Story().says("down", 1, 10, comment="dropped by outage")
    down = ip(udp(SERVER, CLIENT, ends=(FAR, NEAR)), UDP, ends=(FAR, NEAR))
    story.note("down", down, "dropped by loss").note("up", ip(udp(CLIENT, SERVER), UDP), "dropped by loss")
    assert [(one.protocol, one.client_port) for one in story.told(tmp_path)] == [
        ("tcp", CLIENT),
        ("udp", CLIENT),
        ("udp", CLIENT),
    ]


def test_fragments_have_the_port_of_the_first(tmp_path: Path) -> None:
    """Which does not have to be lost itself; in the other direction the same id is another packet."""
    story = Story().note("up", ip(udp(CLIENT, SERVER, b"x" * 1472), UDP, number=9, place=MORE))
    story.note("up", ip(b"x" * 100, UDP, number=9, place=185), "dropped by loss")
    story.note("down", ip(b"x" * 100, UDP, number=9, place=185), "dropped by loss")
    assert [(one.client_port, one.length) for one in story.told(tmp_path)] == [(CLIENT, 100), (0, 100)]


@pytest.mark.parametrize(
    ("comment", "kinds"),
    [
        ("", []),
        ("dropped by gemodel", ["lost"]),
        ("doubled", ["doubled"]),
        ("corrupted", ["lost"]),
        ("doubled, corrupted", ["doubled"]),
        ("dropped by loss; my question for the teacher", ["lost"]),
    ],
)
def test_what_the_link_did_is_in_the_comment(comment: str, kinds: list[str], tmp_path: Path) -> None:
    """A damaged packet is lost at the receiver's checksum, unless it had a double."""
    told = Story().note("up", ip(udp(CLIENT, SERVER), UDP), comment).told(tmp_path)
    assert [one.kind for one in told] == kinds


def test_udp_sends_nothing_again(tmp_path: Path) -> None:
    """The same datagram twice is two datagrams."""
    datagram = ip(udp(CLIENT, SERVER), UDP)
    assert Story().note("up", datagram).note("up", datagram).told(tmp_path) == []


@pytest.mark.parametrize(
    ("packet", "protocol", "length"),
    [(ip(icmp(ECHO, b"ping"), ICMP), "icmp", 4), (ip(b"gre", GRE), "47", 3), (b"\x60" + bytes(50), "", 51)],
)
def test_other_packets_may_be_lost_too(packet: bytes, protocol: str, length: int, tmp_path: Path) -> None:
    """Without ports and numbers; what can't be read has its length."""
    (event,) = Story().note("up", packet, "dropped by loss").told(tmp_path)
    assert event == Event(BEGIN, "up", "lost", protocol, 0, 0, length)


def test_a_capture_that_breaks_off_is_told_as_far_as_it_goes(tmp_path: Path) -> None:
    """The run was interrupted; what happened until then, happened."""
    path = write(tmp_path / "a.pcapng", timer().noted)
    whole = events(path)
    path.write_bytes(path.read_bytes()[:-3])
    assert events(path) == whole  # the last packet is a mere acknowledgement
    until_the_first_loss = write(tmp_path / "b.pcapng", timer().noted[:4]).stat().st_size
    path.write_bytes(path.read_bytes()[: until_the_first_loss + 50])
    assert events(path) == whole[:1]


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    """By `read`."""
    path = tmp_path / "a"
    path.write_text("nothing of the kind")
    with pytest.raises(Refused):
        events(path)

"""The packets of a link: which way they go, and how they look turned round. Hostile bytes are bytes like others."""

import struct
from socket import inet_aton

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.link.packet import ACK, FAR, NEAR, PSH, REMEMBERED, SYN, Directions, Segment, describe, turn

SERVER, CLIENT = 4242, 50_000

ICMP, TCP, UDP, GRE = 1, 6, 17, 47

ECHO_REPLY, UNREACHABLE, ECHO, TIME_EXCEEDED = 0, 3, 8, 11

MORE = 0x2000


def checksum(data: bytes) -> int:
    """RFC 1071. Over data that contains its own right checksum it is 0."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip(
    payload: bytes,
    protocol: int,
    number: int = 1,
    place: int = 0,
    options: bytes = b"",
    ends: tuple[str, str] = (NEAR, FAR),
) -> bytes:
    """An IPv4 packet. `place` is the fragment's: more to come, and its offset in units of 8 bytes."""
    addresses = b"".join(map(inet_aton, ends))
    first = 0x45 + len(options) // 4
    total = 20 + len(options) + len(payload)

    def head(check: int) -> bytes:
        fixed = struct.pack("!BBHHHBBH", first, 0, total, number, place, 64, protocol, check)
        return fixed + addresses + options

    return head(checksum(head(0))) + payload


def pseudo(protocol: int, length: int, ends: tuple[str, str]) -> bytes:
    """What TCP's and UDP's checksums cover beside the segment."""
    return b"".join(map(inet_aton, ends)) + struct.pack("!BBH", 0, protocol, length)


def udp(source: int, destination: int, payload: bytes = b"hi", ends: tuple[str, str] = (NEAR, FAR)) -> bytes:
    """A datagram with its header, without IP's."""
    length = 8 + len(payload)

    def datagram(check: int) -> bytes:
        return struct.pack("!HHHH", source, destination, length, check) + payload

    return datagram(checksum(pseudo(UDP, length, ends) + datagram(0)))


def tcp(
    source: int,
    destination: int,
    payload: bytes = b"",
    seq: int = 0,
    ack: int = 0,
    flags: int = ACK,
    window: int = 500,
    options: bytes = b"",
    ends: tuple[str, str] = (NEAR, FAR),
) -> bytes:
    """A segment with its header, without IP's."""
    size = (20 + len(options)) // 4 << 4

    def segment(check: int) -> bytes:
        head = struct.pack("!HHIIBBHHH", source, destination, seq, ack, size, flags, window, check, 0)
        return head + options + payload

    return segment(checksum(pseudo(TCP, 20 + len(options) + len(payload), ends) + segment(0)))


def icmp(kind: int, payload: bytes = b"") -> bytes:
    """An ICMP message."""
    check = checksum(struct.pack("!BBHI", kind, 0, 0, 0) + payload)
    return struct.pack("!BBHI", kind, 0, check, 0) + payload


UP = ip(udp(CLIENT, SERVER), UDP)
DOWN = ip(udp(SERVER, CLIENT), UDP)

PACKETS = [
    UP,
    DOWN,
    ip(tcp(CLIENT, SERVER, b"hello", flags=PSH | ACK, options=b"\1" * 12), TCP),
    ip(udp(SERVER, CLIENT), UDP, options=b"\1" * 8),
    ip(udp(CLIENT, SERVER, b"x" * 1000), UDP, place=MORE),
    ip(b"x" * 100, UDP, place=125),
    ip(icmp(ECHO, b"ping"), ICMP),
    ip(icmp(UNREACHABLE, turn(UP)[:28]), ICMP),
    ip(icmp(TIME_EXCEEDED, turn(ip(b"x" * 8, UDP, place=9))), ICMP, options=b"\1" * 40),
    ip(b"gre", GRE),
]


@st.composite
def nearly_packets(draw: st.DrawFn) -> bytes:
    """A packet with some bytes changed, and cut off somewhere."""
    packet = bytearray(draw(st.sampled_from(PACKETS)))
    for at in draw(st.lists(st.integers(0, len(packet) - 1), max_size=4)):
        packet[at] = draw(st.integers(0, 255))
    return bytes(packet[: draw(st.integers(0, len(packet)))]) if draw(st.booleans()) else bytes(packet)


anything = st.binary(max_size=80) | nearly_packets()


# --- turned round ---------------------------------------------------------------------------------


def test_a_turned_packet_comes_from_where_it_went() -> None:
    """Source and destination are swapped; ports and everything else stay."""
    turned = turn(UP)
    assert turned[12:16] == inet_aton(FAR)
    assert turned[16:20] == inet_aton(NEAR)
    assert turned[:12] + turned[20:] == UP[:12] + UP[20:]


@pytest.mark.parametrize("packet", PACKETS)
def test_the_checksum_of_a_turned_header_is_right(packet: bytes) -> None:
    """Swapping whole words does not change their sum."""
    header = turn(packet)[: (packet[0] & 15) * 4]
    assert checksum(header) == 0


@pytest.mark.parametrize(
    ("protocol", "segment"),
    [(UDP, udp(CLIENT, SERVER, b"odd")), (TCP, tcp(CLIENT, SERVER, b"hello", 7, 9, PSH | ACK))],
)
def test_the_checksums_of_tcp_and_udp_stay_right(protocol: int, segment: bytes) -> None:
    """They cover the addresses, which are swapped."""
    turned = turn(ip(segment, protocol))
    covered = turned[12:20] + struct.pack("!BBH", 0, protocol, len(segment)) + turned[20:]
    assert checksum(covered) == 0


def test_a_turned_error_quotes_what_its_receiver_sent() -> None:
    """The client's datagram arrives turned round; the error about it must quote it as the client knows it."""
    arrived = turn(UP)
    error = turn(ip(icmp(UNREACHABLE, arrived[:28]), ICMP))
    assert error[28:] == UP[:28]
    assert checksum(error[20:]) == 0


def test_a_later_fragment_is_not_taken_for_an_error() -> None:
    """Its bytes are somewhere in the middle of a message, whatever they look like."""
    inside = ip(icmp(UNREACHABLE, UP), ICMP, place=100)
    assert turn(inside)[20:] == inside[20:]


@given(anything)
@example(ip(icmp(UNREACHABLE, bytes(range(18))), ICMP))
def test_turning_twice_changes_nothing(packet: bytes) -> None:
    """For whatever bytes."""
    assert turn(turn(packet)) == packet
    assert len(turn(packet)) == len(packet)


# --- which way ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "protocol", "direction"),
    [
        (udp(CLIENT, SERVER), UDP, "up"),
        (udp(SERVER, CLIENT), UDP, "down"),
        (tcp(CLIENT, SERVER, flags=SYN), TCP, "up"),
        (tcp(SERVER, CLIENT, flags=SYN | ACK), TCP, "down"),
        (udp(SERVER, SERVER), UDP, "up"),
        (udp(49_152, 49_151), UDP, "up"),
        (icmp(ECHO), ICMP, "up"),
        (icmp(ECHO_REPLY), ICMP, "down"),
        (icmp(99), ICMP, None),
        (b"\0" * 40, GRE, None),
    ],
)
def test_the_lower_port_is_the_servers(payload: bytes, protocol: int, direction: str | None) -> None:
    """Up is to the server, or, of a ping, to the one who is asked."""
    assert Directions().of(ip(payload, protocol)) == direction
    assert Directions().of(ip(payload, protocol, options=b"\1" * 40)) == direction


@pytest.mark.parametrize(("about", "direction"), [(UP, "down"), (DOWN, "up")])
@pytest.mark.parametrize("kind", [UNREACHABLE, TIME_EXCEEDED])
def test_an_error_goes_back(kind: int, about: bytes, direction: str) -> None:
    """It goes against the packet that it is about, which it quotes as it arrived: turned round."""
    assert Directions().of(ip(icmp(kind, turn(about)[:28]), ICMP)) == direction


def test_an_error_about_a_ping_goes_back() -> None:
    """What is asked goes up, so the error comes down."""
    assert Directions().of(ip(icmp(TIME_EXCEEDED, turn(ip(icmp(ECHO), ICMP))), ICMP)) == "down"


def test_an_error_about_an_error_has_no_direction() -> None:
    """There must be none (RFC 1122)."""
    error = ip(icmp(UNREACHABLE, turn(UP)), ICMP)
    assert Directions().of(ip(icmp(UNREACHABLE, turn(error)), ICMP)) is None


def test_an_error_about_a_fragment_goes_back() -> None:
    """A later fragment has no ports in the quotation either."""
    directions = Directions()
    directions.of(ip(udp(CLIENT, SERVER), UDP, number=7, place=MORE))
    later = ip(b"x" * 40, UDP, number=7, place=185)
    assert directions.of(ip(icmp(TIME_EXCEEDED, turn(later)[:28]), ICMP)) == "down"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        UP[:19],
        UP[:27],
        UP[:-1],
        b"\x65" + UP[1:],
        b"\x44" + UP[1:],
        b"\x4f" + UP[1:],
        ip(udp(CLIENT, SERVER), UDP, ends=(NEAR, "10.7.0.255")),
        ip(udp(CLIENT, SERVER), UDP, ends=("127.0.0.1", FAR)),
        turn(UP),
        ip(b"\1\2\3", UDP),
        ip(icmp(UNREACHABLE, turn(UP)[:19]), ICMP),
        ip(icmp(UNREACHABLE), ICMP),
        ip(icmp(UNREACHABLE, b"\x44" + turn(UP)[1:28]), ICMP),
        ip(b"", ICMP),
    ],
    ids=[
        "nothing",
        "a header cut off",
        "a packet cut off",
        "the last byte cut off",
        "IPv6",
        "a header of 16 bytes",
        "a header longer than the packet",
        "a broadcast",
        "from loopback",
        "a turned packet",
        "half a port",
        "an error with half a quotation",
        "an error with none",
        "an error that quotes a short header",
        "no message at all",
    ],
)
def test_what_is_no_business_of_the_link(packet: bytes) -> None:
    """It has no direction."""
    assert Directions().of(packet) is None


def test_fragments_follow_the_first() -> None:
    """Only the first one has the ports; packets may be mixed, and a protocol has ids of its own."""
    directions = Directions()
    assert directions.of(ip(udp(CLIENT, SERVER), UDP, number=1, place=MORE)) == "up"
    assert directions.of(ip(udp(SERVER, CLIENT), UDP, number=2, place=MORE)) == "down"
    assert directions.of(ip(b"x" * 8, UDP, number=1, place=MORE | 185)) == "up"
    assert directions.of(ip(b"x" * 8, UDP, number=2, place=185)) == "down"
    assert directions.of(ip(b"x" * 8, UDP, number=1, place=370)) == "up"
    assert directions.of(ip(b"x" * 8, ICMP, number=1, place=185)) is None


def test_an_id_that_comes_again_is_a_new_packet() -> None:
    """There are 65,536 ids: a new first fragment replaces the old one."""
    directions = Directions()
    directions.of(ip(udp(CLIENT, SERVER), UDP, number=1, place=MORE))
    directions.of(ip(udp(SERVER, CLIENT), UDP, number=1, place=MORE))
    assert directions.of(ip(b"x" * 8, UDP, number=1, place=185)) == "down"
    directions.of(ip(b"", UDP, number=1, place=MORE))
    assert directions.of(ip(b"x" * 8, UDP, number=1, place=185)) is None


def test_a_fragment_without_its_first_has_no_direction() -> None:
    """Nothing says where it goes, and it could not be put together there."""
    assert Directions().of(ip(b"x" * 8, UDP, place=185)) is None


def test_what_is_remembered_of_fragments_is_bounded() -> None:
    """The oldest go; one whose id was used again is not old."""
    directions = Directions()
    for number in range(REMEMBERED):
        directions.of(ip(udp(CLIENT, SERVER), UDP, number=number, place=MORE))
    directions.of(ip(udp(SERVER, CLIENT), UDP, number=0, place=MORE))
    directions.of(ip(udp(CLIENT, SERVER), UDP, number=REMEMBERED, place=MORE))

    def later(number: int) -> str | None:
        return directions.of(ip(b"x" * 8, UDP, number=number, place=185))

    assert [later(0), later(1), later(2), later(REMEMBERED)] == ["down", None, "up", "up"]


@given(st.lists(anything, max_size=10))
def test_hostile_packets_are_looked_at_in_peace(packets: list[bytes]) -> None:
    """Whatever comes: a direction or none."""
    directions = Directions()
    assert {directions.of(packet) for packet in packets} <= {"up", "down", None}


# --- described ------------------------------------------------------------------------------------


def test_a_segment_is_described() -> None:
    """What its headers say."""
    packet = ip(tcp(CLIENT, SERVER, b"hello", 7, 9, PSH | ACK, 300, b"\1" * 12), TCP, options=b"\1" * 4)
    assert describe(packet) == Segment("tcp", CLIENT, SERVER, 5, 7, 9, PSH | ACK, 300)


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (UP, Segment("udp", CLIENT, SERVER, 2)),
        (ip(icmp(ECHO, b"ping"), ICMP), Segment("icmp", 0, 0, 4)),
        (ip(b"x" * 30, UDP, place=9), Segment("udp", 0, 0, 30)),
        (ip(b"gre", GRE), Segment("47", 0, 0, 3)),
    ],
)
def test_what_a_protocol_does_not_have_is_0(packet: bytes, said: Segment) -> None:
    """Ports, sequence numbers, flags."""
    assert describe(packet) == said


def test_a_cut_packet_is_described_by_its_header() -> None:
    """A capture keeps the beginning: the length is the one that the packet had."""
    packet = ip(tcp(CLIENT, SERVER, b"x" * 1000), TCP)
    said = describe(packet[:40])
    assert said is not None
    assert said.length == 1000
    assert describe(packet[:39]) is None


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x65" + UP[1:], b"\x44" + UP[1:], ip(b"\1\2\3", UDP), ip(tcp(1, 2)[:12] + b"\xf0" * 8, TCP)],
    ids=["nothing", "IPv6", "a short header", "half a port", "a segment shorter than its header"],
)
def test_what_is_malformed_is_not_described(packet: bytes) -> None:
    """None, no guess."""
    assert describe(packet) is None


@given(anything)
def test_hostile_packets_are_described_in_peace(packet: bytes) -> None:
    """Whatever comes: lengths are never negative, ports are ports."""
    said = describe(packet)
    assert said is None or (said.length >= 0 and 0 <= said.source_port <= 65_535)

"""The time line of a message, told from a capture made by hand: exact times, and no more than packets show."""

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.flow.ends import HEAD
from benchmarks.flow.fates import Fate, Fates
from benchmarks.flow.run import Flows, Plan
from benchmarks.labbook.anatomy import choose, read, tell
from benchmarks.labbook.chart import Anatomy, Packet
from benchmarks.labbook.streams import Stream
from benchmarks.link.capture import Captured
from benchmarks.link.packet import ACK, FAR, NEAR, PSH, RST
from benchmarks.link.units import Refused
from benchmarks.network import Account
from benchmarks.traffic import WRAP
from tests.test_capture import write
from tests.test_link_packet import CLIENT, SERVER, TCP, UDP, ip, tcp, udp

START, OFFSET = 77_000_000_000, 1_800_000_000_000_000_000
"""The run's first moment by the monotonic clock, and what the wall clock is ahead of it, in nanoseconds."""

SIZE, FLOW, DELAY = 100, 3, 0.025

FIRST = WRAP - 250
"""The sequence number of message 0: that of message 3 is small again."""


class Wire:
    """One flow of messages, each due a tenth of a second (or `spacing`) after the other. Times are in ms since the
    run's first moment; bytes count from the first of message 0."""

    def __init__(
        self, transport: str = "tcp", spacing: float = 100.0, count: int = 10, size: int = SIZE
    ) -> None:
        self.transport, self.spacing, self.size = transport, spacing, size
        self.noted: list[Captured] = []
        self.received: dict[int, float] = {}
        self.count = count

    def note(self, at: float, way: str, packet: bytes, comment: str = "") -> None:
        """Any packet."""
        time_ns = OFFSET + START + round(at * 1e6)
        self.noted.append(Captured(time_ns, way, packet, len(packet), comment))

    def sends(
        self, at: float, begin: int, end: int, comment: str = "", *, flow: int = FLOW, port: int = CLIENT
    ) -> None:
        """A segment with these bytes."""
        stream = b"".join(
            HEAD.pack(flow, number) + bytes(self.size - HEAD.size) for number in range(self.count)
        )
        segment = tcp(
            port, SERVER, stream[begin:end], (FIRST + begin) % WRAP, 1, PSH | ACK, options=b"\1" * 12
        )
        self.note(at, "up", ip(segment, TCP), comment)

    def says(self, at: float, number: int, comment: str = "") -> None:
        """One message, in a segment or a datagram of its own."""
        if self.transport == "tcp":
            self.sends(at, number * self.size, (number + 1) * self.size, comment)
        else:
            payload = HEAD.pack(FLOW, number) + bytes(self.size - HEAD.size)
            self.note(at, "up", ip(udp(CLIENT, SERVER, payload), UDP), comment)

    def acks(
        self, at: float, place: int, *sacked: tuple[int, int], comment: str = "", options: bytes = b""
    ) -> None:
        """An acknowledgement of all bytes before this place, and of these behind it."""
        blocks = b"".join(struct.pack("!II", (FIRST + a) % WRAP, (FIRST + b) % WRAP) for a, b in sacked)
        if sacked:
            options = b"\1\1" + bytes([5, 2 + len(blocks)]) + blocks
        ends = (FAR, NEAR)
        segment = tcp(SERVER, CLIENT, b"", 1, (FIRST + place) % WRAP, ACK, options=options, ends=ends)
        self.note(at, "down", ip(segment, TCP, ends=ends), comment)

    def goes_well(self, *numbers: int) -> None:
        """Messages that are sent when they are due, arrive and are acknowledged."""
        for number in numbers:
            at = number * self.spacing
            self.says(at, number)
            self.received[number] = at + 25.25
            if self.transport == "tcp":
                self.acks(at + 25, (number + 1) * self.size)

    def flows(self) -> Flows:
        """The run, as it came home."""
        fates = []
        for number in range(self.count):
            due, received = number * self.spacing / 1e3, self.received.get(number)
            came = None if received is None else received / 1e3
            fates.append(Fate(FLOW, number, due, due, came, came is not None))
        return Flows(
            Plan(size=self.size, interval=self.spacing / 1e3),
            {self.transport: Fates(self.transport, 1, fates, 0)},
            START,
            [0, 0, 0, CLIENT],
            True,
            0.0,
            0,
            Account(wall_offset_ns=OFFSET),
        )

    def stream(self, folder: Path) -> Stream:
        """The flow, as it is read."""
        self.noted.sort(key=lambda one: one.time_ns)
        (stream,) = read(self.flows(), write(folder / "a.pcapng", self.noted), DELAY, self.transport)
        return stream


def usual() -> Wire:
    """Message 4 is lost; the one behind it is held back until it has been sent again."""
    wire = Wire()
    wire.goes_well(0, 1, 2, 3)
    wire.says(400, 4, "dropped by loss")
    wire.says(500, 5)
    wire.acks(525, 400, (500, 600))
    wire.says(551, 4)
    wire.acks(576, 600)
    wire.received |= {4: 576.5, 5: 576.5}
    wire.goes_well(6, 7, 8, 9)
    return wire


def ms(seconds: float | None) -> float | None:
    """Milliseconds, without a float's last digits."""
    return None if seconds is None else round(1e3 * seconds, 3)


def data(chart: Anatomy) -> list[tuple[float | None, float | None, int | None, bool, str, int]]:
    """The packets with messages."""
    return [
        (ms(one.enters), ms(one.arrives), one.message, one.again, one.label, one.count)
        for one in chart.packets
        if one.up
    ]


def told(stream: Stream, chosen: int, outages: Sequence[tuple[float, float]] = ()) -> Anatomy:
    """Its time line."""
    return tell(stream, chosen, "anatomy", "What happened.", outages=outages)


def labels(stream: Stream) -> list[str]:
    """Why packets were sent again."""
    chart = told(stream, 4)
    return [one.label for one in chart.packets if one.again]


# --- one lost message -----------------------------------------------------------------------------


def test_the_time_line_of_a_lost_message(tmp_path: Path) -> None:
    """Zero is when it was due; what entered the link arrives a delay later, or never; what was behind it waited."""
    stream = usual().stream(tmp_path)
    assert choose([stream]) == (stream, 4)
    chart = told(stream, 4)
    assert (chart.chosen, chart.transport, chart.name) == (4, "tcp", "anatomy")
    assert chart.title == "Message 4 over TCP: lost once, delivered 176 ms after it was due"
    assert data(chart) == [
        (-100, -75, 3, False, "", 1),
        (0, None, 4, False, "", 1),
        (100, 125, 5, False, "", 1),
        (151, 176, 4, True, "after SACK, 151 ms later", 1),
        (200, 225, 6, False, "", 1),
    ]
    acks = [(ms(one.enters), ms(one.arrives)) for one in chart.packets if not one.up]
    assert acks == [(-175, -150), (-75, -50), (125, 150), (176, 201), (225, 250)][1:]
    assert [(one.number, ms(one.due), ms(one.arrived), ms(one.delivered)) for one in chart.messages] == [
        (3, -100, -75, -74.75),
        (4, 0, 176, 176.5),
        (5, 100, 125, 176.5),
        (6, 200, 225, 225.25),
    ]


def test_the_window_shows_the_story(tmp_path: Path) -> None:
    """From before the message was due until after everything that waited had been handed over."""
    chart = told(usual().stream(tmp_path), 4)
    assert chart.window is not None
    begin, end = chart.window
    assert -0.2 < begin < -0.1
    assert 0.225 < end < 0.3


def test_a_chain_of_losses_is_one_story(tmp_path: Path) -> None:
    """What was lost behind it, and holds back others in turn, is within the window."""
    wire = Wire()
    wire.goes_well(0, 1, 2, 3)
    wire.says(400, 4, "dropped by loss")
    wire.says(500, 5, "dropped by loss")
    wire.says(551, 4)
    wire.says(552, 6)
    wire.says(650, 5)
    wire.received |= {4: 576.5, 5: 675.5, 6: 675.5}
    wire.says(570, 6)  # once more, in vain: it counts when it first arrived
    chart = told(wire.stream(tmp_path), 4)
    assert chart.window is not None
    assert chart.window[1] < 0.2755  # 6 had not come when 4 was handed on
    wire.noted = [one for one in wire.noted if one.time_ns != OFFSET + START + 552_000_000]
    wire.says(540, 6)
    chart = told(wire.stream(tmp_path), 4)
    assert chart.window is not None
    assert chart.window[1] > 0.2755
    six = next(one for one in chart.messages if one.number == 6)
    assert (ms(six.arrived), ms(six.delivered)) == (165, 275.5)


def test_messages_are_found_by_their_bytes(tmp_path: Path) -> None:
    """Wherever a segment begins and ends; a message has come when its last byte has."""
    wire = Wire()
    wire.goes_well(0, 1, 2, 3)
    wire.sends(400, 400, 460)
    wire.sends(401, 460, 750, "dropped by loss")
    wire.sends(600, 460, 600)
    wire.sends(610, 550, 750)
    wire.received |= {4: 625.2, 5: 625.2, 6: 635.2}
    stream = wire.stream(tmp_path)
    assert {number: ms(at) for number, at in stream.arrived().items() if number > 3} == {
        4: 625,
        5: 625,
        6: 635,
    }
    assert data(told(stream, 4))[-4:] == [
        (0, 25, 4, False, "", 1),
        (1, None, 4, False, "", 4),
        (200, 225, 4, True, "timer, 199 ms later", 2),
        (210, 235, 5, True, "timer, 10 ms later", 3),
    ]


@pytest.mark.parametrize(
    ("comment", "arrives"),
    [
        ("", True),
        ("dropped by outage", False),
        ("corrupted", False),
        ("doubled", True),
        ("doubled, corrupted", True),
        ("dropped by loss; my question", False),
    ],
)
def test_the_comment_says_what_became_of_a_packet(comment: str, arrives: bool, tmp_path: Path) -> None:
    """A damaged one is lost at the receiver's checksum, unless it had a double."""
    wire = Wire()
    wire.goes_well(0, 1, 2)
    wire.says(300, 3, comment)
    (sent,) = wire.stream(tmp_path).sent(3)
    assert sent.arrives == (pytest.approx(0.325) if arrives else None)


def test_an_outage_is_shown_where_it_was(tmp_path: Path) -> None:
    """Beside the message, if it is in sight."""
    stream = usual().stream(tmp_path)
    chart = told(stream, 4, [(0.39, 0.43), (5.0, 6.0)])
    assert [(ms(begin), ms(end)) for begin, end in chart.outages] == [(-10, 30)]


# --- why it was sent again ------------------------------------------------------------------------


def lost_thrice() -> Wire:
    """Message 4 is alone, and its timer doubles."""
    wire = Wire(spacing=2000)
    wire.goes_well(0, 1, 2, 3)
    for at in (8000, 8251, 8753):
        wire.says(at, 4, "dropped by loss")
    wire.says(9757, 4)
    wire.received[4] = 9782.5
    return wire


def test_silence_means_a_timer(tmp_path: Path) -> None:
    """How long it waited, and that the next wait was twice as long."""
    assert labels(lost_thrice().stream(tmp_path)) == [
        "timer, 251 ms later",
        "timer, 502 ms later (doubled)",
        "timer, 1,004 ms later (doubled)",
    ]
    assert told(lost_thrice().stream(tmp_path), 4).title.startswith("Message 4 over TCP: lost 3 times, ")


@pytest.mark.parametrize(
    ("ack", "label"),
    [
        ({"at": 525, "place": 400, "sacked": [(500, 600)]}, "after SACK, 151 ms later"),
        ({"at": 525, "place": 400, "sacked": [(300, 400), (500, 600)]}, "after SACK, 151 ms later"),
        # It was lost, or came too late, or says nothing of what was sent later.
        ({"at": 525, "place": 400, "sacked": [(500, 600)], "comment": "dropped"}, "timer, 151 ms later"),
        ({"at": 527, "place": 400, "sacked": [(500, 600)]}, "timer, 151 ms later"),
        ({"at": 525, "place": 400, "sacked": [(200, 300)]}, "timer, 151 ms later"),
        ({"at": 525, "place": 400, "sacked": []}, "timer, 151 ms later"),
    ],
)
def test_what_the_other_end_had_said(ack: dict[str, object], label: str, tmp_path: Path) -> None:
    """Only a SACK that had come back in time, for something sent later, can have told of the loss."""
    wire = usual()
    wire.noted = [one for one in wire.noted if one.time_ns != OFFSET + START + 525_000_000]
    at, place, sacked = ack["at"], ack["place"], ack["sacked"]
    assert isinstance(at, int)
    assert isinstance(place, int)
    assert isinstance(sacked, list)
    wire.acks(at, place, *sacked, comment=str(ack.get("comment", "")))
    assert labels(wire.stream(tmp_path)) == [label]


def test_an_acknowledgement_may_tell_of_a_loss(tmp_path: Path) -> None:
    """After a timer, the answer to what it sent again is reason enough for what is behind it."""
    wire = Wire()
    wire.goes_well(0, 1, 2, 3)
    wire.says(400, 4, "dropped by outage")
    wire.says(500, 5, "dropped by outage")
    wire.says(700, 4)
    wire.acks(725, 500)
    wire.says(750.5, 5)
    wire.received |= {4: 725.2, 5: 775.7}
    assert labels(wire.stream(tmp_path)) == ["timer, 300 ms later", "after ACK, 250 ms later"]


@pytest.mark.parametrize(
    "options", [bytes([5, 0, 1, 1]), bytes([5, 30, 0, 0]), bytes([8, 1, 5, 10]), b"\0\5\5\5"]
)
def test_malformed_options_say_nothing(options: bytes, tmp_path: Path) -> None:
    """And do no harm."""
    wire = usual()
    wire.noted = [one for one in wire.noted if one.time_ns != OFFSET + START + 525_000_000]
    wire.acks(525, 400, options=options)
    assert labels(wire.stream(tmp_path)) == ["timer, 151 ms later"]


# --- datagrams ------------------------------------------------------------------------------------


def datagrams(*lost: int) -> Wire:
    """Some are lost."""
    wire = Wire("udp", count=14)
    for number in lost:
        wire.says(number * 100, number, "dropped by loss")
    wire.goes_well(*(number for number in range(14) if number not in lost))
    return wire


def test_a_lost_datagram_has_no_end(tmp_path: Path) -> None:
    """Nothing is sent again, nothing waits; a few before and behind it are shown."""
    stream = datagrams(5).stream(tmp_path)
    assert choose([stream]) == (stream, 5)
    chart = told(stream, 5)
    assert chart.title == "Message 5 over UDP: lost, and never sent again"
    assert [one.number for one in chart.messages] == list(range(2, 10))
    gone = next(one for one in chart.messages if one.number == 5)
    assert (gone.due, gone.arrived, gone.delivered) == (0, None, None)
    assert chart.packets[3] == Packet(0.0, None, True, 5)
    assert all(ms(one.arrives) == (one.message or 0) * 100 - 475 for one in chart.packets if one.message != 5)
    assert all(
        one.arrived and ms(one.delivered) == ms(one.arrived + 0.00025)
        for one in chart.messages
        if one != gone
    )


def test_a_run_of_lost_datagrams_is_shown_whole(tmp_path: Path) -> None:
    """As in an outage."""
    chart = told(datagrams(4, 5, 6, 7).stream(tmp_path), 4)
    assert chart.window is not None
    assert chart.window[1] > 0.7
    assert [one.number for one in chart.messages if one.delivered is None] == [4, 5, 6, 7]


# --- choosing -------------------------------------------------------------------------------------


def test_the_message_that_tells_its_story_best_is_chosen(tmp_path: Path) -> None:
    """Around which nothing else was lost; else the one whose neighbours were not; else the first."""

    def chosen(*lost: int) -> int | None:
        found = choose([datagrams(*lost).stream(tmp_path)])
        return found[1] if found else None

    assert chosen(3) == 3
    assert chosen(3, 4, 9) == 9
    assert chosen(4, 7, 8) == 4
    assert chosen(4, 5) == 4
    assert chosen() is None


def test_there_must_be_some_before_and_behind(tmp_path: Path) -> None:
    """The first and the last have no story."""
    assert choose([datagrams(2).stream(tmp_path)]) is None
    assert choose([datagrams(11).stream(tmp_path)]) is None
    assert choose([datagrams(10).stream(tmp_path)]) is not None


def test_one_may_ask_for_more_losses(tmp_path: Path) -> None:
    """Of the same message; None asks for any number."""
    stream = lost_thrice().stream(tmp_path)
    assert choose([stream], 1) is None
    assert choose([stream], 2) is None
    assert choose([stream], 3) == choose([stream], None) == (stream, 4)


def test_a_lost_acknowledgement_spoils_the_story(tmp_path: Path) -> None:
    """There is a better one, in another flow."""
    spoilt, better = usual(), usual()
    spoilt.acks(526, 400, (500, 600), comment="dropped by loss")
    one = spoilt.stream(tmp_path)
    other = better.stream(tmp_path)
    assert choose([one, other]) == (other, 4)
    assert choose([one]) == (one, 4)


# --- what is no such capture ----------------------------------------------------------------------


def test_messages_must_be_where_their_numbers_say(tmp_path: Path) -> None:
    """Else sequence numbers would be taken for the wrong messages."""
    wire = usual()
    segment = tcp(CLIENT, SERVER, HEAD.pack(FLOW, 8) + bytes(92), (FIRST + 700) % WRAP, 1, PSH | ACK)
    wire.note(995, "up", ip(segment, TCP))
    with pytest.raises(Refused, match="message 7 of flow 3 should begin, and message 8 of flow 3 does"):
        wire.stream(tmp_path)


def test_packets_without_messages_are_refused(tmp_path: Path) -> None:
    """Something else was sent from that port."""
    wire = Wire()
    wire.sends(0, 0, 100, flow=FLOW + 1)
    with pytest.raises(Refused, match="no messages"):
        wire.stream(tmp_path)


def test_other_packets_do_not_count(tmp_path: Path) -> None:
    """Those of other ports, the handshake's end, a reset, what is no TCP; a flow may have no packets at all."""
    wire = usual()
    wire.sends(300, 0, 100, port=CLIENT + 1)
    wire.note(301, "up", ip(tcp(CLIENT, SERVER, b"", FIRST, 1), TCP))
    wire.note(302, "up", ip(tcp(CLIENT, SERVER, b"x" * 100, FIRST, 1, RST), TCP))
    wire.note(303, "up", ip(udp(CLIENT, SERVER, HEAD.pack(FLOW, 1)), UDP))
    wire.note(304, "up", b"\x60" + bytes(50))
    assert told(wire.stream(tmp_path), 4) == told(usual().stream(tmp_path), 4)
    assert Wire().stream(tmp_path).packets == []


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    """As by everybody who reads captures."""
    (tmp_path / "a").write_text("nothing of the kind")
    with pytest.raises(Refused):
        read(Wire().flows(), tmp_path / "a", DELAY)
    with pytest.raises(OSError, match="No such file"):
        read(Wire().flows(), tmp_path / "b", DELAY)

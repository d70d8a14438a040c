"""A capture holds what entered a link, for this lab and for Wireshark."""

import io
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.link.capture import BrokenOff, Capture, Captured, read
from benchmarks.link.packet import turn
from benchmarks.link.units import Refused
from tests.test_link_packet import CLIENT, DOWN, SERVER, TCP, UP, ip, tcp

BEGIN = 1_763_723_409_123_456_789
"""Some moment, in nanoseconds, whose last digits a float would lose."""

LONG = ip(tcp(CLIENT, SERVER, b"x" * 1400), TCP)

NOTED = [
    Captured(BEGIN, "up", UP, len(UP)),
    Captured(BEGIN + 1, "up", LONG, len(LONG), "dropped by loss"),
    Captured(BEGIN + 1_000_000_001, "down", turn(DOWN), len(DOWN), "doubled"),
    Captured(BEGIN + 1_000_000_002, "down", turn(DOWN)[:29], 29),
    Captured(BEGIN + 1_000_000_003, "up", b"", 0, "Grüße"),
]

tshark = pytest.mark.skipif(
    not shutil.which("tshark"), reason="needs Wireshark's tshark: sudo apt install tshark"
)


def write(path: Path, noted: Iterable[Captured], snaplen: int = 256) -> Path:
    """A capture of these packets."""
    capture = Capture(path.open("wb"), snaplen)
    for one in noted:
        capture.note(one.direction, one.packet, one.time_ns, one.comment)
    capture.close()
    return path


def fields(path: Path, *names: str, only: str = "") -> list[list[str]]:
    """What tshark says about each packet that passes the display filter `only`."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", *(["-Y", only] if only else [])]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return [line.split("\t") for line in done.stdout.splitlines()]


# --- what is written is read ----------------------------------------------------------------------


def test_what_was_noted_is_read(tmp_path: Path) -> None:
    """Times to the nanosecond, directions, comments, the beginning of each packet and its length."""
    read_back = list(read(write(tmp_path / "a.pcapng", NOTED)))
    assert read_back == [one._replace(packet=one.packet[:256]) for one in NOTED]
    assert read_back[1].length == len(LONG) > 256


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**63 - 1),
            st.sampled_from(["up", "down"]),
            st.binary(max_size=70),
            st.text(max_size=20).filter(lambda text: "\0" not in text),
        )
    ),
    st.integers(0, 70),
)
def test_any_packet_is_read_as_it_was(noted: list[tuple[int, str, bytes, str]], snaplen: int) -> None:
    """Whatever its length, its bytes, its time and its comment."""
    packets = [
        Captured(time_ns, way, packet, len(packet), comment) for time_ns, way, packet, comment in noted
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.pcapng", packets, snaplen)
        assert list(read(path)) == [one._replace(packet=one.packet[:snaplen]) for one in packets]


def test_a_comment_too_long_for_the_format_is_cut(tmp_path: Path) -> None:
    """Between two characters, not inside one."""
    noted = [NOTED[0]._replace(comment="x" + "ü" * 40_000)]
    (one,) = read(write(tmp_path / "a.pcapng", noted))
    assert one.comment == "x" + "ü" * 32_767


def test_a_full_disk_ends_the_capture_not_the_link() -> None:
    """Noting goes on without an error; closing says what was wrong."""

    class Full(io.BytesIO):
        full = False

        def write(self, data: object) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(data)  # type: ignore[arg-type]

    file = Full()
    capture = Capture(file)
    file.full = True
    capture.note("up", UP, BEGIN)
    file.full = False
    capture.note("up", UP, BEGIN)  # behind a hole nothing could be read
    assert len(file.getvalue()) < 400
    with pytest.raises(OSError, match="No space left"):
        capture.close()
    assert file.closed


# --- what is broken -------------------------------------------------------------------------------


def test_a_capture_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Cut anywhere: what was complete comes, and then the error names what did not."""
    whole = write(tmp_path / "a.pcapng", NOTED).read_bytes()
    path = tmp_path / "cut.pcapng"
    ends = [0] + [at + length for at, length in _blocks(whole)]
    assert ends[-1] == len(whole)
    packets_before = [max(0, index - 3) for index in range(len(ends))]
    for cut in range(4, len(whole)):
        path.write_bytes(whole[:cut])
        complete = max(index for index, end in enumerate(ends) if end <= cut)
        found = []
        if cut in ends:
            found = list(read(path))
        else:
            with pytest.raises(BrokenOff) as error:
                found.extend(read(path))
            assert f"{packets_before[complete]} packets are complete" in str(error.value)
            assert f"only {cut - ends[complete]} bytes" in str(error.value)
        assert len(found) == packets_before[complete]


def _blocks(data: bytes) -> list[tuple[int, int]]:
    """Where the blocks of a little-endian capture begin, and their lengths."""
    found, at = [], 0
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 4)[0]
        found.append((at, length))
        at += length
    return found


def test_damage_is_named_by_its_place(tmp_path: Path) -> None:
    """A length that makes no sense; the packets before it have been given."""
    path = write(tmp_path / "a.pcapng", NOTED)
    data = bytearray(path.read_bytes())
    second = _blocks(bytes(data))[4][0]
    for length in (0, 13, 1 << 31, 36):
        struct.pack_into("<I", data, second + 4, length)
        path.write_bytes(data)
        found: list[Captured] = []
        with pytest.raises(Refused, match=f"damaged at byte {second:,}, behind 1 packets"):
            found.extend(read(path))
        assert found == [NOTED[0]]


def test_a_block_whose_two_lengths_differ_is_damage(tmp_path: Path) -> None:
    """So something is missing or too much in it, and where the next one begins is not known."""
    path = write(tmp_path / "a.pcapng", NOTED[:1])
    path.write_bytes(path.read_bytes()[:-4] + struct.pack("<I", 40))
    with pytest.raises(Refused, match="damaged"):
        list(read(path))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"Grandmother's recipes\n", "no packet capture"),
        (b"\x1f\x8b\x08\x00\x00", "no packet capture"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 256, 101), "older format pcap"),
        (struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 256, 101), "older format pcap"),
        (struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 2, 0, -1, 28), "version 2.0"),
        (struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4E, 1, 0, -1, 28), "damaged at byte 0"),
    ],
)
def test_what_is_no_capture_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    """In a sentence that names the file."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Refused, match=why) as error:
        list(read(path))
    assert str(path) in str(error.value)


@given(st.data())
def test_hostile_files_are_refused_and_nothing_else(data: st.DataObject) -> None:
    """Bytes changed anywhere: packets, or a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.pcapng", NOTED[:3])
        content = bytearray(path.read_bytes())
        for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
            content[at] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        with suppress(Refused):  # any other error fails
            assert {one.direction for one in read(path)} <= {"up", "down"}


def test_no_file_is_no_capture(tmp_path: Path) -> None:
    """The system's own error, which names it."""
    with pytest.raises(FileNotFoundError):
        list(read(tmp_path / "none"))


# --- what other programs wrote --------------------------------------------------------------------


class Foreign:
    """A capture as another program might write it."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.data = b""

    def block(self, kind: int, layout: str, *values: int, rest: bytes = b"") -> "Foreign":
        """Append one."""
        body = struct.pack(self.order + layout, *values) + rest
        length = struct.pack(self.order + "I", 12 + len(body))
        self.data += struct.pack(self.order + "I", kind) + length + body + length
        return self

    def section(self) -> "Foreign":
        """A section begins."""
        return self.block(0x0A0D0D0A, "IHHq", 0x1A2B3C4D, 1, 0, -1)

    def interface(self, name: str, *options: tuple[int, bytes], linktype: int = 101) -> "Foreign":
        """A description of an interface."""
        rest = b"".join(self.option(code, value) for code, value in [(2, name.encode()), *options])
        return self.block(1, "HHI", linktype, 0, 0, rest=rest)

    def option(self, code: int, value: bytes) -> bytes:
        """One option."""
        return struct.pack(self.order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)

    def packet(self, interface: int, ticks: int, packet: bytes, rest: bytes = b"") -> "Foreign":
        """A packet."""
        high, low = divmod(ticks, 1 << 32)
        padded = packet + b"\0" * (-len(packet) % 4) + rest
        return self.block(6, "5I", interface, high, low, len(packet), len(packet), rest=padded)

    def save(self, folder: Path) -> Path:
        """As a file."""
        path = folder / "foreign.pcapng"
        path.write_bytes(self.data)
        return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("options", "ticks", "time_ns"),
    [
        ([], 1_763_723_409_123_456, 1_763_723_409_123_456_000),
        ([(9, b"\x09")], BEGIN, BEGIN),
        ([(9, b"\x0a")], BEGIN * 10 + 9, BEGIN),
        ([(9, b"\x03")], 1_763_723_409_123, 1_763_723_409_123_000_000),
        ([(9, b"\x81")], 3, 1_500_000_000),
    ],
    ids=["microseconds", "nanoseconds", "finer", "milliseconds", "halves"],
)
def test_times_of_any_resolution_are_read(
    tmp_path: Path, order: str, options: list[tuple[int, bytes]], ticks: int, time_ns: int
) -> None:
    """Without a word they are microseconds; either byte order."""
    path = Foreign(order).section().interface("down", *options).packet(0, ticks, UP).save(tmp_path)
    assert list(read(path)) == [Captured(time_ns, "down", UP, len(UP))]


@pytest.mark.parametrize("order", ["<", ">"])
def test_times_may_count_from_elsewhere(tmp_path: Path, order: str) -> None:
    """An offset in seconds."""
    offset = struct.pack(order + "q", -5)
    path = Foreign(order).section().interface("up", (14, offset)).packet(0, 7_000_000, UP).save(tmp_path)
    assert [one.time_ns for one in read(path)] == [2_000_000_000]


def test_sections_and_blocks_of_others_are_passed_over(tmp_path: Path) -> None:
    """Names and statistics say nothing about packets; each section has its own interfaces and byte order."""
    little, big = Foreign("<"), Foreign(">")
    little.section().interface("up").interface("down").packet(1, 1, UP)
    little.block(4, "I", 0).block(5, "5I", 0, 0, 0, 0, 0).block(0x0BAD, "I", 1)
    big.section().interface("down").packet(0, 2, DOWN).interface("eth0").interface("up").packet(2, 3, UP)
    little.data += big.data
    assert [(one.time_ns, one.direction) for one in read(little.save(tmp_path))] == [
        (1000, "down"),
        (2000, "down"),
        (3000, "up"),
    ]


def test_several_comments_are_all_read(tmp_path: Path) -> None:
    """A person may have added one in Wireshark."""
    foreign = Foreign(">").section().interface("up")
    comments = (
        foreign.option(1, b"dropped by loss") + foreign.option(2, b"\0\0\0\0") + foreign.option(1, b"look!")
    )
    (one,) = read(foreign.packet(0, 1, UP, comments).save(tmp_path))
    assert one.comment == "dropped by loss; look!"


def test_a_capture_of_another_network_is_refused(tmp_path: Path) -> None:
    """It has no directions."""
    path = Foreign("<").section().interface("eth0").packet(0, 1, UP).save(tmp_path)
    with pytest.raises(Refused, match="eth0, where a link has up and down"):
        list(read(path))
    path = Foreign("<").section().interface("up", linktype=1).packet(0, 1, UP).save(tmp_path)
    with pytest.raises(Refused, match="do not begin with IP"):
        list(read(path))


@pytest.mark.parametrize("kind", [2, 3])
def test_packets_without_a_time_are_refused(tmp_path: Path, kind: int) -> None:
    """There are older forms of them; no link writes those."""
    path = Foreign("<").section().interface("up").block(kind, "I", 0).save(tmp_path)
    with pytest.raises(Refused, match="obsolete or have no time"):
        list(read(path))


def test_a_packet_of_an_interface_that_is_not_there_is_damage(tmp_path: Path) -> None:
    """As is one that is longer than its block."""
    with pytest.raises(Refused, match="damaged"):
        list(read(Foreign("<").section().packet(0, 1, UP).save(tmp_path)))
    long = Foreign("<").section().interface("up").block(6, "5I", 0, 0, 0, 40, 40, rest=b"x" * 36)
    with pytest.raises(Refused, match="damaged"):
        list(read(long.save(tmp_path)))


# --- Wireshark ------------------------------------------------------------------------------------


@tshark
def test_tshark_reads_every_packet(tmp_path: Path) -> None:
    """Number, time to the nanosecond, interface, comment, both lengths, and the ports inside."""
    noted = [
        Captured(
            BEGIN + 1_000_003 * index,
            way,
            packet,
            len(packet),
            "dropped by gemodel" if index % 3 == 0 else "",
        )
        for index in range(50)
        for way, packet in (("up", UP), ("down", turn(DOWN)), ("up", LONG))
    ]
    path = write(tmp_path / "a.pcapng", noted)
    names = ["frame.number", "frame.time_epoch", "frame.interface_name", "frame.comment", "frame.len"]
    assert fields(path, *names, "frame.cap_len", "ip.src", "udp.srcport", "tcp.len") == [
        [
            str(number),
            f"{one.time_ns // 10**9}.{one.time_ns % 10**9:09}",
            one.direction,
            one.comment,
            str(one.length),
            str(min(256, one.length)),
            "10.7.0.1" if one.direction == "up" else "10.7.0.2",
            "" if one.packet is LONG else str(CLIENT if one.direction == "up" else SERVER),
            "1400" if one.packet is LONG else "",
        ]
        for number, one in enumerate(noted, 1)
    ]


@tshark
def test_what_wireshark_saves_is_read(tmp_path: Path) -> None:
    """Some packets, chosen with a filter and saved: their directions and comments are still there."""
    path = write(tmp_path / "a.pcapng", NOTED[:4])
    saved = tmp_path / "saved.pcapng"
    command = ["tshark", "-r", str(path), "-Y", "frame.comment", "-w", str(saved)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert list(read(saved)) == [one._replace(packet=one.packet[:256]) for one in NOTED[1:3]]


def test_blocks_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    """Each a multiple of 4 bytes, as the format wants, with its length at both ends."""
    data = write(tmp_path / "a.pcapng", NOTED).read_bytes()
    blocks = _blocks(data)
    assert len(blocks) == 3 + len(NOTED)
    assert all(length % 4 == 0 for _, length in blocks)
    assert all(one + length == other for (one, length), (other, _) in pairwise(blocks))
    assert all(data[at + 4 : at + 8] == data[at + length - 4 : at + length] for at, length in blocks)

"""What the kernel says about TCP's sockets."""

import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import tcp_info
from benchmarks.tcp_info import TcpSocket, Unavailable, main, parse, sockets, summarise
from tests.lab import PATIENCE

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of other programs' sockets")


@contextmanager
def connection(host: str = "127.0.0.1", listening: socket.socket | None = None) -> Iterator[tuple[Any, Any]]:
    """Both ends of a connection over loopback."""
    with listening or socket.create_server((host, 0)) as server:
        server.settimeout(PATIENCE)
        with socket.create_connection((host, server.getsockname()[1]), PATIENCE) as client:
            accepted, _ = server.accept()
            with accepted:
                yield client, accepted


def ends(client: socket.socket) -> list[TcpSocket]:
    """What the kernel says about both ends: the client's first."""
    port = client.getsockname()[1]
    found = [one for one in sockets() if port in (one.local_port, one.remote_port)]
    return sorted(found, key=lambda one: one.local_port != port)


# --- real ones ------------------------------------------------------------------------------------


@linux
def test_both_ends_of_a_connection_are_told() -> None:
    """Addresses, state, congestion control, and what went through."""
    with connection() as (client, server):
        client.sendall(b"x" * 1000)
        received = 0
        while received < 1000:
            received += len(server.recv(1000))
        ours, theirs = ends(client)
        chosen = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()
        assert (ours.local, ours.local_port) == client.getsockname()
        assert (ours.remote, ours.remote_port) == client.getpeername()
        assert (theirs.local, theirs.local_port) == client.getpeername()
        assert (ours.state, ours.congestion) == ("ESTABLISHED", chosen)
        assert theirs.bytes_received == 1000
        assert ours.bytes_sent in (1000, None)  # before Linux 4.19


@linux
def test_times_are_seconds() -> None:
    """As far as the socket itself says the same (TCP_INFO of tcp(7)), in microseconds."""
    with connection() as (client, _):
        before = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        ours, _ = ends(client)
        after = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    rtt, rto, cwnd = (
        [struct.unpack_from("=I", info, at)[0] for info in (before, after)] for at in (68, 8, 80)
    )
    assert ours.rtt in [value / 1e6 for value in rtt]
    assert ours.rto in [value / 1e6 for value in rto]
    assert ours.snd_cwnd in cwnd
    assert 0.0 < ours.rto < 120


@linux
def test_a_connection_over_ipv6_shows_its_address() -> None:
    """IPv4 through an IPv6 socket is IPv4."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    listening = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    with connection(listening=listening) as (client, _):
        assert [one.local for one in ends(client)] == ["127.0.0.1", "127.0.0.1"]


@linux
def test_only_connections_are_told() -> None:
    """Listening sockets send nothing, and those in TIME-WAIT nothing again."""
    with connection() as (client, server):
        address = server.getsockname()
        client.close()
        assert server.recv(1) == b""
    assert not [one for one in sockets() if address[1] in (one.local_port, one.remote_port)]


@linux
def test_half_closed_connections_are_told() -> None:
    """They may have something to send again."""
    with connection() as (client, server):
        client.shutdown(socket.SHUT_WR)
        assert server.recv(1) == b""
        ours, theirs = ends(client)
        assert ours.state in (
            "FIN-WAIT-1",
            "FIN-WAIT-2",
        )  # as long as the FIN is not acknowledged, the former
        assert theirs.state == "CLOSE-WAIT"


@linux
def test_many_sockets_are_all_told() -> None:
    """More than one answer of the kernel holds."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        address = server.getsockname()
        clients = [socket.create_connection(address, PATIENCE) for _ in range(150)]
        try:
            told = {one.local_port for one in sockets() if one.remote_port == address[1]}
            assert told == {client.getsockname()[1] for client in clients}
        finally:
            for client in clients:
                client.close()


@linux
def test_the_command_prints_them_as_json() -> None:
    """For another program, which calls it in another namespace."""
    command = [sys.executable, "-m", "benchmarks.tcp_info", "--json"]
    with connection() as (client, _):
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        found = [TcpSocket(**one) for one in json.loads(done.stdout)]
        assert client.getsockname() in [(one.local, one.local_port) for one in found]


@linux
def test_the_command_shows_them_to_a_person(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each end, of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    with connection() as (client, server):
        assert main([]) == 0
        shown = capsys.readouterr().out
        one, other = (f"127.0.0.1:{sock.getsockname()[1]}" for sock in (client, server))
        assert f"{one} → {other}" in shown
        assert f"{other} → {one}" in shown
        assert "established" in shown


# --- what can't be told ---------------------------------------------------------------------------


def test_other_systems_have_none_of_this(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence, and exit code 1."""
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    with pytest.raises(Unavailable, match="on Linux only"):
        sockets()
    assert main(["--json"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


@linux
def test_a_kernel_without_sock_diag_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was built without it, or a sandbox."""
    monkeypatch.setattr(tcp_info, "_NETLINK_SOCK_DIAG", 21)  # no such family of netlink
    with pytest.raises(Unavailable, match="needs NETLINK_SOCK_DIAG"):
        sockets()


@linux
def test_an_error_of_the_kernel_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where its module for TCP is missing: it says that at the end of an answer with nothing in it."""
    monkeypatch.setattr(tcp_info, "_IPPROTO_TCP", 200)  # no module for that protocol
    with pytest.raises(Unavailable, match=r"tell about its TCP sockets: .+\. It needs"):
        sockets()


# --- what the kernel writes -----------------------------------------------------------------------


def attribute(kind: int, value: bytes) -> bytes:
    """One of netlink's."""
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def body(info: bytes, state: int = 1) -> bytes:
    """What the kernel says about a socket, whose TCP_INFO is `info`."""
    ports = struct.pack("!HH", 50_000, 4242)
    addresses = socket.inet_aton("10.7.0.1") + bytes(12) + socket.inet_aton("10.7.0.2") + bytes(12)
    head = struct.pack("=BBBB", socket.AF_INET, state, 1, 2) + ports + addresses + bytes(12 + 20)
    return head + attribute(4, b"cubic\0") + attribute(2, info) + attribute(8, b"\0")


OLD = struct.pack("=8B24I", 1, 0, 2, 0, 3, 0, 0, 0, *range(1_000_000, 24_000_001, 1_000_000))
"""The struct tcp_info of an old kernel, whose fields have values that say which they are."""


def test_an_old_kernels_shorter_answer_is_read() -> None:
    """What it doesn't have is None."""
    found = parse(body(OLD))
    assert found is not None
    assert (found.local, found.local_port, found.remote, found.remote_port) == (
        "10.7.0.1",
        50_000,
        "10.7.0.2",
        4242,
    )
    assert (found.retransmits, found.backoff, found.congestion) == (2, 3, "cubic")
    assert (found.rto, found.rtt, found.rttvar) == (1.0, 16.0, 17.0)
    assert (found.mss, found.snd_cwnd, found.reordering) == (3_000_000, 19_000_000, 21_000_000)
    assert (found.unacked, found.sacked, found.lost, found.retrans) == (
        5_000_000,
        6_000_000,
        7_000_000,
        8_000_000,
    )
    assert found.total_retrans == 24_000_000
    assert (found.min_rtt, found.segs_out, found.bytes_retrans, found.reord_seen) == (None,) * 4


def test_a_newer_kernels_longer_answer_is_read() -> None:
    """Counters of 64 bits, too; what comes behind is not ours."""
    newer = struct.pack(
        "=4Q6IQ3Q2I2Q2I", *range(1, 5), *range(5, 11), 11, 12, 13, 14, 15, 16, 17 << 40, 18, 19, 20
    )
    found = parse(body(OLD + newer + b"\xff" * 40))
    assert found is not None
    assert (found.bytes_acked, found.bytes_received) == (3, 4)
    assert (found.segs_out, found.segs_in, found.min_rtt) == (5, 6, 8e-6)
    assert (found.bytes_sent, found.bytes_retrans) == (17 << 40, 18)
    assert (found.dsack_dups, found.reord_seen) == (19, 20)


def test_a_round_trip_that_was_never_measured_is_unknown() -> None:
    """0 would be a very fast network."""
    info = bytearray(OLD + bytes(200))
    struct.pack_into("=I", info, 68, 0)
    struct.pack_into("=I", info, 148, 0xFFFFFFFF)
    found = parse(body(bytes(info)))
    assert found is not None
    assert (found.rtt, found.min_rtt) == (None, None)


def test_a_socket_without_tcp_info_is_no_connection() -> None:
    """One in TIME-WAIT, for example."""
    assert parse(body(b"", state=6)) is None
    assert parse(body(OLD[:-1])) is None


@given(st.binary(max_size=300), st.integers(0, 400))
def test_hostile_answers_are_read_in_peace(rest: bytes, cut: int) -> None:
    """Whatever stands there."""
    whole = body(OLD)
    for hostile in (rest, whole[:cut], whole[:72] + rest):
        assert parse(hostile) is None or isinstance(parse(hostile), TcpSocket)


# --- the summary ----------------------------------------------------------------------------------


def test_the_summary_is_of_all_sockets() -> None:
    """The sum of what was sent again, the median round trip, the longest timer."""
    one = parse(body(OLD))
    assert one is not None
    found = [
        replace(one, total_retrans=3, rtt=0.050, rto=0.25),
        replace(one, total_retrans=4, rtt=0.052, rto=1.5),
        replace(one, total_retrans=0, rtt=0.090, rto=0.3),
        replace(one, total_retrans=1, rtt=None, rto=1.0),
    ]
    assert summarise(found) == {
        "sockets": 4,
        "total_retrans": 8,
        "srtt_p50": 0.052,
        "rto_max": 1.5,
        "congestion": "cubic",
    }


def test_the_summary_of_none_knows_nothing() -> None:
    """No number is made up."""
    assert summarise([]) == {
        "sockets": 0,
        "total_retrans": 0,
        "srtt_p50": None,
        "rto_max": None,
        "congestion": "",
    }


def test_two_congestion_controls_are_both_named() -> None:
    """A program may choose its own."""
    one = parse(body(OLD))
    assert one is not None
    assert summarise([replace(one, congestion="reno"), one])["congestion"] == "cubic, reno"

"""The kernel's own counters, of this namespace and of another process's."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import kernel
from tests.lab import PATIENCE

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these counters")

SNMP = """\
Ip: Forwarding InHdrErrors InDiscards ReasmReqds ReasmOKs ReasmFails FragCreates
Ip: 2 1 0 30 9 1 30
Icmp: InMsgs InCsumErrors
Icmp: 5 4
Tcp: MaxConn InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: -1 1000 1100 42 7 3 6
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
Udp: 500 2 20 510 15 0 5
"""

NETSTAT = """\
TcpExt: TCPTimeouts TCPLossProbes
TcpExt: 12 13
IpExt: InOctets InCsumErrors
IpExt: 99999 1
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A /proc with figures that are known."""
    for process in ("self", "77"):
        (tmp_path / process / "net").mkdir(parents=True)
        (tmp_path / process / "net/snmp").write_text(SNMP)
        (tmp_path / process / "net/netstat").write_text(NETSTAT)
    monkeypatch.setattr(kernel, "PROC", tmp_path)


@pytest.mark.usefixtures("written")
def test_the_counters_are_those_of_the_files() -> None:
    """By their own names; what this kernel lacks is not there."""
    found = kernel.counters()
    assert found is not None
    wanted = ("RetransSegs", "TCPTimeouts", "TCPLossProbes", "RcvbufErrors", "ReasmFails", "InHdrErrors")
    assert [found[name] for name in wanted] == [42, 12, 13, 15, 1, 1]
    assert "TCPSpuriousRTOs" not in found
    assert "MaxConn" not in found
    assert kernel.counters(77) == found


@pytest.mark.usefixtures("written")
def test_a_name_of_several_groups_is_their_sum() -> None:
    """And each is there with its group."""
    found = kernel.counters()
    assert found is not None
    assert found["InCsumErrors"] == 6 + 5 + 4 + 1
    assert {name: figure for name, figure in found.items() if "." in name} == {
        "Tcp.InCsumErrors": 6,
        "Udp.InCsumErrors": 5,
        "Icmp.InCsumErrors": 4,
        "IpExt.InCsumErrors": 1,
    }


@pytest.mark.usefixtures("written")
def test_no_process_has_no_counters() -> None:
    """It is gone, or this system has none of this."""
    assert kernel.counters(78) is None


def test_the_difference_is_what_happened_in_between() -> None:
    """Of what both readings have."""
    before = {"RetransSegs": 10, "TCPTimeouts": 3, "Gone": 1}
    after = {"RetransSegs": 52, "TCPTimeouts": 3, "New": 1}
    assert kernel.difference(before, after) == {"RetransSegs": 42, "TCPTimeouts": 0}


@linux
def test_a_refused_datagram_is_counted() -> None:
    """By this machine's kernel, really."""
    before = kernel.counters()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(address)
        sock.send(b"Is anybody there?")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(100)
    after = kernel.counters(os.getpid())
    assert before is not None
    assert after is not None
    assert kernel.difference(before, after)["NoPorts"] >= 1


@linux
def test_another_namespace_has_counters_of_its_own() -> None:
    """Nothing has happened in a new one, whatever goes on outside."""
    unshare = shutil.which("unshare")
    if not unshare:
        pytest.skip("needs unshare: sudo apt install util-linux")
    command = [unshare, "--user", "--map-root-user", "--net", "sh", "-c", "echo in; read wait"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin
        assert child.stdout
        if child.stdout.readline() != b"in\n":
            pytest.skip("this system forbids namespaces: python -m benchmarks.doctor says what to do")
        inside, outside = kernel.counters(child.pid), kernel.counters()
        child.stdin.close()
    assert inside is not None
    assert outside is not None
    assert inside.keys() == outside.keys()
    assert not any(inside.values())


@linux
def test_the_congestion_control_is_named() -> None:
    """One of those that the kernel has."""
    available = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    assert kernel.congestion_control() in available


def test_where_there_is_none_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on other systems."""
    monkeypatch.setattr(kernel, "PROC", tmp_path)
    assert kernel.counters() is None
    assert kernel.congestion_control() is None


def test_a_setting_is_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name that sysctl has for it; where there is none, the reader is told."""
    monkeypatch.setattr(kernel, "PROC", tmp_path)
    path = tmp_path / "sys/net/ipv4/tcp_wmem"
    path.parent.mkdir(parents=True)
    path.write_text("4096\t16384\t4194304\n")
    assert kernel.setting("net.ipv4.tcp_wmem") == [4096, 16384, 4194304]
    with pytest.raises(OSError, match="tcp_rmem"):
        kernel.setting("net.ipv4.tcp_rmem")

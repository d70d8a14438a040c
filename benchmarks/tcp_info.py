"""TCP_INFO of every TCP socket in this process's network namespace: what the kernel's TCP knows about each
connection, its retransmissions, its round trip time, its timer.

    python -m benchmarks.tcp_info            a table
    python -m benchmarks.tcp_info --json     a list of objects, one for each socket

Read through NETLINK_SOCK_DIAG (sock_diag(7)), as `ss -ti` does; that needs no rights. Only Linux has it.

Told are sockets that can have sent something and that the kernel still works for: not listening ones, not those in
TIME-WAIT, not those that were reset. So their retransmissions are a part of the namespace's (`RetransSegs` in
`kernel.py`).
"""

import ipaddress
import json
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from common import addresses
from common.command_line import Parser
from common.statistics import milliseconds

PATIENCE = 5.0
"""Seconds for the kernel's answer. It has one at once."""

STATES = {
    1: "ESTABLISHED",
    2: "SYN-SENT",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    11: "CLOSING",
}
"""Those that are asked for, by the kernel's number, with RFC 9293's names."""

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST, _DUMP = 0x001, 0x300
_ERROR, _DONE = 2, 3
_INFO, _CONGESTION = 2, 4  # attributes: INET_DIAG_INFO, INET_DIAG_CONG
_IPPROTO_TCP = 6

_message = struct.Struct(
    "=IHHII"
)  # length, type, flags, sequence number, port: all in this machine's byte order
_request = struct.Struct("=BBBBI48x")  # family, protocol, attributes wanted, -, states; 48 bytes: any socket
_socket = struct.Struct(
    "=BBBB2s2s16s16s4x8x20x"
)  # family, state, timer, retransmits, ports, addresses, the rest
_attribute = struct.Struct("=HH")

# Of struct tcp_info: where a field begins, and its bytes (linux/tcp.h). Times are microseconds.
_FIELDS = {
    "retransmits": (2, 1),
    "backoff": (4, 1),
    "rto": (8, 4),
    "mss": (16, 4),
    "unacked": (24, 4),
    "sacked": (28, 4),
    "lost": (32, 4),
    "retrans": (36, 4),
    "rtt": (68, 4),
    "rttvar": (72, 4),
    "snd_cwnd": (80, 4),
    "reordering": (88, 4),
    "total_retrans": (100, 4),
}
_NEWER_FIELDS = {
    "bytes_acked": (120, 8),
    "bytes_received": (128, 8),
    "segs_out": (136, 4),
    "segs_in": (140, 4),
    "min_rtt": (148, 4),
    "bytes_sent": (200, 8),
    "bytes_retrans": (208, 8),
    "dsack_dups": (216, 4),
    "reord_seen": (220, 4),
}
_NO_MINIMUM = 0xFFFFFFFF  # of min_rtt, until there is one

_SHORTEST = 104
"""Bytes of the oldest `struct tcp_info` that there is (Linux 2.6); the kernel adds to its end."""


class Unavailable(Exception):
    """The kernel can't be asked. The text is a sentence that says why."""


@dataclass(frozen=True)
class TcpSocket:
    """One end of a connection. Times in seconds; what this kernel doesn't tell, or doesn't know yet, is None."""

    local: str
    local_port: int
    remote: str
    remote_port: int
    state: str
    congestion: str
    """The name of its congestion control."""
    retransmits: int
    """Of the segment that it is at now, by the timer."""
    total_retrans: int
    """Segments sent again since the connection began."""
    backoff: int
    """How often the timer has been doubled."""
    rtt: float | None
    """RFC 6298's srtt."""
    rttvar: float
    rto: float
    min_rtt: float | None
    mss: int
    snd_cwnd: int
    """Segments."""
    unacked: int
    """Segments under way."""
    sacked: int
    lost: int
    """Segments taken for lost now."""
    retrans: int
    """Of those under way, sent again."""
    reordering: int
    """Segments that may overtake one until it is taken for lost; grows where packets are seen to."""
    segs_out: int | None = None
    segs_in: int | None = None
    bytes_sent: int | None = None
    bytes_acked: int | None = None
    bytes_received: int | None = None
    bytes_retrans: int | None = None
    dsack_dups: int | None = None
    """Of what was sent again, what the other end says that it had already."""
    reord_seen: int | None = None
    """How often segments were seen to overtake each other."""


def sockets() -> list[TcpSocket]:
    """The TCP sockets of this namespace, over IPv4 and IPv6. Raises Unavailable.

    A socket that comes or goes meanwhile may be missing; the counters of one may be newer than another's.
    """
    family: int | None = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise Unavailable("TCP_INFO of other programs' sockets can be read on Linux only.")
    try:
        with socket.socket(family, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as netlink:
            netlink.settimeout(PATIENCE)
            return [
                found
                for version in (socket.AF_INET, socket.AF_INET6)
                for body in _dump(netlink, version)
                if (found := parse(body))
            ]
    except TimeoutError:
        raise Unavailable("The kernel does not answer when asked for its TCP sockets.") from None
    except OSError as error:
        raise Unavailable(
            f"This kernel doesn't tell about its TCP sockets: {error.strerror or error}. "
            "It needs NETLINK_SOCK_DIAG (its modules inet_diag and tcp_diag)."
        ) from error


def _dump(netlink: socket.socket, family: int) -> Iterator[bytes]:
    """What the kernel says about each socket of a family: the body of one message each."""
    wanted = 1 << (_INFO - 1) | 1 << (_CONGESTION - 1)
    request = _request.pack(family, _IPPROTO_TCP, wanted, 0, sum(1 << state for state in STATES))
    size = _message.size + len(request)
    netlink.send(_message.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST | _DUMP, family, 0) + request)
    while True:
        answer, _, flags, _ = netlink.recvmsg(1 << 16)
        if flags & socket.MSG_TRUNC:
            raise OSError("an answer was longer than any should be")
        at = 0
        while at + _message.size <= len(answer):
            length, kind, _, sequence, _ = _message.unpack_from(answer, at)
            if length < _message.size:
                raise OSError("an answer made no sense")
            body = answer[at + _message.size : at + length]
            at += length + -length % 4
            if sequence != family:
                continue
            if kind in (_DONE, _ERROR):
                # Both carry an error number, negative: what makes a dump fail in its middle comes with its end.
                number = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
                if number > 0:
                    raise OSError(number, os.strerror(number))
                return
            yield body


def parse(body: bytes) -> TcpSocket | None:
    """A socket, from what the kernel says about it: a `struct inet_diag_msg` and its attributes
    (linux/inet_diag.h). None for one without TCP_INFO, which is no connection yet or none any more."""
    if len(body) < _socket.size:
        return None
    family, state, _, _, *ports, local, remote = _socket.unpack_from(body)
    attributes = dict(_attributes(body[_socket.size :]))
    info = attributes.get(_INFO, b"")
    if len(info) < _SHORTEST:
        return None

    newer = {
        name: _number(info, at, size) for name, (at, size) in _NEWER_FIELDS.items() if at + size <= len(info)
    }
    old = {name: _number(info, at, size) for name, (at, size) in _FIELDS.items()}
    rtt, min_rtt = old.pop("rtt"), newer.pop("min_rtt", _NO_MINIMUM)
    return TcpSocket(
        local=_address(family, local),
        local_port=int.from_bytes(ports[0]),
        remote=_address(family, remote),
        remote_port=int.from_bytes(ports[1]),
        state=STATES.get(state, str(state)),
        congestion=attributes.get(_CONGESTION, b"").rstrip(b"\0").decode(errors="replace"),
        rtt=rtt / 1e6 if rtt else None,
        rttvar=old.pop("rttvar") / 1e6,
        rto=old.pop("rto") / 1e6,
        min_rtt=min_rtt / 1e6 if min_rtt != _NO_MINIMUM else None,
        **old,
        **newer,
    )


def _number(info: bytes, at: int, size: int) -> int:
    return int.from_bytes(info[at : at + size], sys.byteorder)


def _attributes(rest: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _attribute.size <= len(rest):
        length, kind = _attribute.unpack_from(rest, at)
        if length < _attribute.size:
            return
        yield kind, rest[at + _attribute.size : at + length]
        at += length + -length % 4


def _address(family: int, address: bytes) -> str:
    if family == socket.AF_INET:
        return str(ipaddress.IPv4Address(address[:4]))
    written = ipaddress.IPv6Address(address)
    return str(written.ipv4_mapped or written)


def summarise(found: Sequence[TcpSocket]) -> dict[str, Any]:
    """The `tcp_info` of a result: all sockets together, in a link's namespace both ends of each connection."""
    known = [one.rtt for one in found if one.rtt is not None]
    return {
        "sockets": len(found),
        "total_retrans": sum(one.total_retrans for one in found),
        "srtt_p50": median(known) if known else None,
        "rto_max": max((one.rto for one in found), default=None),
        "congestion": ", ".join(sorted({one.congestion for one in found if one.congestion})),
    }


def table(found: Sequence[TcpSocket]) -> Table:
    """What a person wants to know of them."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for heading in ("connection", "state"):
        shown.add_column(heading)
    for heading in ("sent\nagain", "srtt", "rto", "cwnd"):
        shown.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    for one in found:
        shown.add_row(
            f"{addresses.show((one.local, one.local_port))} → {addresses.show((one.remote, one.remote_port))}",
            one.state.lower(),
            f"{one.total_retrans:,}",
            milliseconds(one.rtt),
            milliseconds(one.rto),
            f"{one.snd_cwnd:,}",
        )
    return shown


def main(arguments: list[str] | None = None) -> int:
    """`python -m benchmarks.tcp_info`"""
    parser = Parser(
        prog="python -m benchmarks.tcp_info", description="TCP's sockets in this network namespace."
    )
    parser.add_argument("--json", action="store_true", help="as a list of objects, one for each socket")
    options = parser.parse_args(arguments)
    try:
        found = sockets()
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
    elif found:
        Console().print(table(found))
    else:
        print("There is no TCP connection in this network namespace.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

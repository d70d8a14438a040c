"""The network device of a link: a TUN device, out of which the kernel's packets come as bytes, and into which
bytes go as packets. Linux only, inside a network namespace of one's own.

The device holds 10.7.0.1. A program that sends to 10.7.0.2, an address that nobody has, sends out of the
device; whoever reads the device turns the packet round (source and destination address swapped) and writes it
back, and the kernel takes it for one that 10.7.0.2 sent. So the machine talks to itself, across whatever is
done to the packet in between, and both ends are the kernel's real TCP and UDP.
"""

import fcntl
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

from benchmarks.link.packet import NEAR, Directions, turn
from benchmarks.link.units import Refused

DEVICE = Path("/dev/net/tun")
SETTINGS = Path("/proc/sys/net")
NAME = "lab0"
NETMASK = "255.255.255.0"

MTU = 1500
"""Bytes of a packet, as on Ethernet: what is larger comes in fragments or segments, as on a real network."""

QUEUE = 10_000
"""Packets that may wait in the device until they are read. The default of 500 drops by itself at a burst."""

CLIENT_PORTS = "49152 65535"
"""The ports that the kernel gives to clients here (RFC 6335's dynamic range): any server's is below them."""

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000  # packets of the network layer, with nothing put in front
SIOCSIFADDR, SIOCSIFNETMASK = 0x8916, 0x891C
RTM_NEWLINK, NLM_F_REQUEST, NLM_F_ACK, IFLA_MTU, IFLA_TXQLEN, IFF_UP = 16, 1, 4, 4, 13, 1


class Tun:
    """The device of the namespace that this process is in; `congestion` is TCP's congestion control there. Raises
    OSError or Refused if that can't be had."""

    def __init__(self, congestion: str = "") -> None:
        self._directions = Directions()
        self.strays = 0
        """Packets that were for nobody across the link: broadcasts, other addresses."""
        self._tun = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._tun, TUNSETIFF, struct.pack("16sH22x", NAME.encode(), IFF_TUN | IFF_NO_PI))
            _set_up(congestion)
        except (OSError, Refused):
            os.close(self._tun)
            raise
        self._overflow_before = _dropped_by_device()
        self.sources = [self._tun]
        """What `select` waits for."""

    def receive(self) -> tuple[str, bytes, None] | None:
        """The next packet that came out, with its direction, or "" if it is for nobody across the link; None if there
        is none now."""
        try:
            packet = os.read(self._tun, MTU)
        except BlockingIOError:
            return None
        direction = self._directions.of(packet)
        if direction is None:
            self.strays += 1
            return "", packet, None
        return direction, packet, None

    def send(self, direction: str, packet: bytes, tag: None) -> None:
        """Put a packet into the kernel at the other end."""
        # EINVAL: a packet so damaged that the kernel doesn't take it for one. It would have dropped it anyway.
        with suppress(OSError):
            os.write(self._tun, turn(packet))

    @property
    def overflow(self) -> int:
        """Packets that the device dropped by itself because nobody read it in time. Should be 0."""
        return _dropped_by_device() - self._overflow_before

    def close(self) -> None:
        """Give the device back; it is gone then."""
        os.close(self._tun)


def _set_up(congestion: str) -> None:
    """Give the device its address, take it and loopback up, and set what is this namespace's own."""
    _set("ipv6/conf/all/disable_ipv6", "1")  # or the device would send its own questions for routers
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for request, address in ((SIOCSIFADDR, NEAR), (SIOCSIFNETMASK, NETMASK)):
            family = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(sock, request, struct.pack("16s16s8x", NAME.encode(), family))
    _change_device(NAME, mtu=MTU, queue=QUEUE)
    _change_device("lo")
    _set("ipv4/ip_local_port_range", CLIENT_PORTS)
    _set("ipv4/tcp_no_metrics_save", "1")  # or a connection would begin with what the last one had learnt
    if congestion:
        _choose(congestion)


def _change_device(name: str, mtu: int | None = None, queue: int | None = None) -> None:
    """Take a device up and set its MTU and its queue, by a message to the kernel (rtnetlink(7)): the ioctl for the
    queue is for the root of the whole machine alone. Raises OSError."""
    index = socket.if_nametoindex(name)
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, IFF_UP, IFF_UP)
    for kind, value in ((IFLA_MTU, mtu), (IFLA_TXQLEN, queue)):
        if value is not None:
            body += struct.pack("=HHI", 8, kind, value)
    header = struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(header + body)
        (error,) = struct.unpack_from("=i", kernel.recv(4096), 16)
        if error:
            raise OSError(-error, os.strerror(-error), name)


def _choose(congestion: str) -> None:
    """Set TCP's congestion control. Raises Refused if the kernel doesn't let us have this one."""
    try:
        (SETTINGS / "ipv4/tcp_congestion_control").write_text(congestion)
    except OSError as error:
        allowed = (SETTINGS / "ipv4/tcp_allowed_congestion_control").read_text().split()
        raise Refused(
            f"In a network of one's own this kernel allows the congestion control {' or '.join(allowed)}, and not "
            f"{congestion!r}. (Root of the whole machine decides what is allowed: "
            "net.ipv4.tcp_allowed_congestion_control.)"
        ) from error


def _set(setting: str, value: str) -> None:
    """Set a sysctl. They are the namespace's own; one that this kernel lacks changes nothing for the lab."""
    with suppress(OSError):
        (SETTINGS / setting).write_text(value)


def _dropped_by_device() -> int:
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, figures = line.partition(":")
        if name.strip() == NAME:
            return int(figures.split()[11])  # of what was to be sent: the fourth of the second eight
    return 0

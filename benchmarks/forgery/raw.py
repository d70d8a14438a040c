"""Packets in somebody else's name, and those whose name it is: what `ends.py` and the demonstration's forger share.

It is of use only inside the network of an emulated link: there we are root, and nothing leaves the machine.
"""

import random
import socket

from benchmarks.link.packet import NEAR
from benchmarks.torture.acts import packets

Address = tuple[str, int]


class Raw:
    """A socket that sends whole packets to `host`, whoever they say that they are from. Raises OSError where we may not
    do that."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(self, packet: bytes) -> None:
        """Send it. Raises OSError."""
        # The kernel takes the destination from here, and all else from the packet.
        self._socket.sendto(packet, (self._host, 0))

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()


def silent(kind: socket.SocketKind) -> socket.socket:
    """A victim: a socket with a port that is nobody else's, from which no program ever sends anything."""
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind((NEAR, 0))
    return sock


def datagram(victim: socket.socket, server: Address, payload: bytes) -> bytes:
    """A packet with a UDP datagram in a victim's name."""
    return packets.udp(victim.getsockname(), server, payload)


def segment(
    victim: socket.socket, server: Address, flags: int, payload: bytes, guess: random.Random
) -> bytes:
    """A packet with a TCP segment in a victim's name. Its numbers are guessed: the server's are in a SYN-ACK,
    and that goes to the victim."""
    numbers = guess.getrandbits(32), guess.getrandbits(32)
    return packets.tcp(victim.getsockname(), server, *numbers, flags, payload)

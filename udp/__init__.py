"""The chat over UDP: an address is a peer once it has proved itself, and a datagram is a message."""

from common import start

start.at_package()

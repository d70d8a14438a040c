"""The chat over TCP: a connection is a peer, a thread reads each of them, the length says where a message ends."""

from common import start

start.at_package()

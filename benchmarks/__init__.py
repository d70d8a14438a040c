"""The comparison: the load, what it talks to, and what it makes of the numbers."""

from common import start

start.at_package()

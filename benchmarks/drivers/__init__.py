"""The contestants: one small file for each server that can be measured. `base.py` says what a driver knows."""

from benchmarks.drivers.base import Driver, Member
from benchmarks.drivers.tcp import Tcp
from benchmarks.drivers.udp import Udp

__all__ = ["DRIVERS", "Driver", "Member"]

DRIVERS: dict[str, Driver] = {driver.name: driver for driver in (Tcp(), Udp())}
"""By the name that the command line uses."""

"""The contestants: this lab's two servers, and others that the same load can speak to. See README.md."""

from benchmarks.contestants.irc import Ngircd
from benchmarks.contestants.raw import Floor, FloorUdp, Naive
from benchmarks.drivers import DRIVERS, Driver

CONTESTANTS: dict[str, Driver] = DRIVERS | {
    driver.name: driver for driver in (Naive(), Ngircd(), Floor(), FloorUdp())
}
"""By the name that the bench calls them."""

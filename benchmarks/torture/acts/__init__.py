"""The hostile acts, by name. Each is a small file; `base.py` says what an act is."""

from benchmarks.torture.acts.base import Act, Orders
from benchmarks.torture.acts.datagrams import Datagrams
from benchmarks.torture.acts.forged import Forged
from benchmarks.torture.acts.frames import Frames
from benchmarks.torture.acts.killed import Killed
from benchmarks.torture.acts.resets import Resets
from benchmarks.torture.acts.silent import Silent
from benchmarks.torture.acts.slow import Slow

__all__ = ["ACTS", "Act", "Orders"]

ACTS: dict[str, type[Act]] = {
    act.name: act for act in (Frames, Datagrams, Silent, Resets, Killed, Slow, Forged)
}
"""By the name that the command line of `actor.py` uses."""

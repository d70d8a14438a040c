"""Forged hellos: one process plays rooms that talk, an attacker and its victims, over the emulated link.

`ends.py` is that process, `raw.py` forges the packets, `run.py` makes an attack, `toll.py` reads out of the link's
packet capture what became of the victims.
"""

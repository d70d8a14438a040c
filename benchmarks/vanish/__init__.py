"""Peers that vanish: connections of several kinds across a link that goes dead, and which of their ends notices when.

`ends.py` is the process that holds both ends of all of them. `run.py` watches them, and knows what is expected of each
kind.
"""

"""Flows: one end says something at its own pace, the other hears it. Half the way of a chat message, and no server.

An experiment that asks what a transport does to *one* stream of messages wants nothing else in between: a message of
the chat crosses the link twice, and what happened on which way is hard to tell. Here each flow has a connection (or a
socket) of its own, all of them cross one link, and both ends are in one process, so that one clock times them.

`ends.py` is that process, `run.py` makes a run of it, `fates.py` says what became of every message, of one run and of
all repeats. What else is made of them: `samples.py` cuts a run into small ones, `silence.py` is about outages,
`tables.py` makes rows. `spells.py` reads from the link's capture how long the link was bad.
"""

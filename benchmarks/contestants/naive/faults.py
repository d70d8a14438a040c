"""The nine faults that a first chat over TCP has: what each is called, what is wrong, and where this lab does it right.

They can be switched on one by one (`--faults no-lock,ignore-eof`). In `stream.py`, `server.py` and `client.py` both
ways stand beside each other: `if NO_FRAMING in faults` is the wrong one.
"""

import argparse
from collections.abc import Iterable
from typing import NamedTuple

NO_FRAMING = "no-framing"
DECODE_PER_RECV = "decode-per-recv"
SEND_FOR_SENDALL = "send-for-sendall"
NO_LOCK = "no-lock"
BLOCKING_SEND = "blocking-send"
HELLO_IN_ACCEPT = "hello-in-accept"
IGNORE_EOF = "ignore-eof"
CHANGE_WHILE_ITERATING = "change-while-iterating"
LOCK_TWICE = "lock-twice"


class Place(NamedTuple):
    """Where something is done right: a `file` of this lab, and the method in it, `Class.method`."""

    file: str
    method: str


class Fault(NamedTuple):
    """What is `wrong`, in a sentence, and the places where it is done `right`. `client`: a client can have it, too."""

    wrong: str
    right: tuple[Place, ...]
    client: bool = False


SERVER, CLIENT, CONNECTION, FRAMING = "tcp/server.py", "tcp/client.py", "tcp/connection.py", "tcp/framing.py"

FAULTS: dict[str, Fault] = {
    NO_FRAMING: Fault(
        "What one recv returned is taken for one message, but TCP carries bytes and knows of no messages.",
        (Place(FRAMING, "frame"), Place(FRAMING, "Deframer.receive")),
        client=True,
    ),
    DECODE_PER_RECV: Fault(
        "What one recv returned is decoded at once, but it may end in the middle of a letter.",
        (Place(FRAMING, "Deframer.receive"), Place(SERVER, "Server._read"), Place(CLIENT, "Client._receive")),
        client=True,
    ),
    SEND_FOR_SENDALL: Fault(
        "send returns how much it took, and nobody looks: what did not fit is never sent.",
        (
            Place(CONNECTION, "Connection.send"),
            Place(CONNECTION, "Connection.flush"),
            Place(CLIENT, "Client._put"),
        ),
        client=True,
    ),
    NO_LOCK: Fault(
        "Every client's thread uses the members, and their sockets, whenever it likes.",
        (Place(SERVER, "Server._tell"), Place(SERVER, "Server._run")),
    ),
    BLOCKING_SEND: Fault(
        "The thread that sends waits until everybody has room for the message, and one may have stopped reading.",
        (Place(CONNECTION, "Connection.send"), Place(SERVER, "Server._watch"), Place(SERVER, "Server._act")),
    ),
    HELLO_IN_ACCEPT: Fault(
        "The loop that accepts connections waits until the last one has said who it is.",
        (Place(SERVER, "Server._accept"), Place(SERVER, "Server._admit")),
    ),
    IGNORE_EOF: Fault(
        "recv returns b'' at the end of the stream, at once and for ever, and is called again and again.",
        (Place(SERVER, "Server._read"), Place(CLIENT, "Client._receive")),
        client=True,
    ),
    CHANGE_WHILE_ITERATING: Fault(
        "A member is removed from the list that a loop goes through, and the loop leaves out the one behind it.",
        (Place(SERVER, "Server._act"), Place(SERVER, "Server._expire")),
    ),
    LOCK_TWICE: Fault(
        "A method that holds the lock calls another one that takes it, and waits for itself.",
        (Place(SERVER, "Server._run"), Place(CLIENT, "Client._hear")),
    ),
}
"""In the order in which one usually meets them."""

COURSE = frozenset({NO_FRAMING, SEND_FOR_SENDALL, NO_LOCK, BLOCKING_SEND})
"""Those of the server that a course ends with, and that `make bench` measures: what there is without `--faults`."""

COURSE_CLIENT = frozenset({NO_FRAMING, SEND_FOR_SENDALL, DECODE_PER_RECV})
"""Those of its client."""

NONE = "none"


def parse(text: str) -> frozenset[str]:
    """The faults named in `text`, with commas between them; `none` is none of them. Raises argparse.ArgumentTypeError
    for one that does not exist."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FAULTS and name != NONE:
            raise argparse.ArgumentTypeError(
                f"there is no fault {name!r}: there are {', '.join(FAULTS)}, and none"
            )
    if not names or (NONE in names and len(names) > 1):
        raise argparse.ArgumentTypeError(f"name some of {', '.join(FAULTS)}, or none")
    return frozenset(names) - {NONE}


def show(faults: Iterable[str]) -> str:
    """The same as a text that `parse` takes."""
    chosen = set(faults)
    return ",".join(name for name in FAULTS if name in chosen) or NONE


def epilog(*, client: bool) -> str:
    """What `--help` says of them."""
    chosen = {name: fault for name, fault in FAULTS.items() if fault.client or not client}
    return "\n".join(f"  {name:24}{fault.wrong}" for name, fault in chosen.items())

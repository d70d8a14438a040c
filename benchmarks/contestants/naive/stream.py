"""Bytes to messages and back, for both ends. Done right, a message is a line: its bytes, and then a newline.

(A text with a newline in it would be two messages. `tcp/framing.py` puts a length in front, which any bytes may
follow.)
"""

import socket
from collections.abc import Callable, Iterator, Set

from benchmarks.contestants.naive.faults import DECODE_PER_RECV, IGNORE_EOF, NO_FRAMING, SEND_FOR_SENDALL

RECV_SIZE = 1024
"""What one `recv` asks for, as in every example. A message may be longer, and is then in two of them."""

MAX_LINE = 1 << 16
"""Bytes of a line. Whoever says more without an end is treated as if he had left."""


def messages(sock: socket.socket, faults: Set[str]) -> Iterator[bytes]:
    """What the other end says, message by message, until it has closed. Raises OSError if the connection breaks."""
    rest = b""
    while True:
        data = _receive(sock)
        if not data:
            if IGNORE_EOF in faults:
                continue  # wrong: nothing more will come, and recv does not wait to say so
            return  # right: b"" means that the other end has closed
        if DECODE_PER_RECV in faults:
            text = data.decode()  # wrong: half a letter is no text, and this raises UnicodeDecodeError
            data = text.encode()
        if NO_FRAMING in faults:
            yield data  # wrong: half a message, or three of them
        else:
            *lines, rest = (rest + data).split(b"\n")  # right: what has no newline yet is not complete
            yield from lines
            if len(rest) > MAX_LINE:
                return


def end(message: bytes, faults: Set[str]) -> bytes:
    """A message with what tells the other end that it ends here."""
    return message if NO_FRAMING in faults else message + b"\n"


def sender(sock: socket.socket, faults: Set[str]) -> Callable[[bytes], object]:
    """What sends bytes. It raises OSError if the connection is broken, or takes nothing for longer than its timeout."""
    if SEND_FOR_SENDALL in faults:
        return (
            sock.send
        )  # wrong: takes what fits and says how much. (On Linux, without a timeout, that is all of it)
    return sock.sendall  # right: goes on until all of it is taken


def _receive(sock: socket.socket) -> bytes:
    """What there is; wait for it as long as it takes."""
    while True:
        try:
            return sock.recv(RECV_SIZE)
        except TimeoutError as error:
            if error.errno is not None:
                raise  # ETIMEDOUT: the kernel has given the connection up
            # The timeout is for sending. A person may be silent for as long as he likes.

"""A client without a terminal: lines in, lines out.

It ends when its input has ended and everything it sent has its receipt (or never will), so that

    printf 'hello\n' | .venv/bin/python -m tcp.client --nick ann

says one thing, and its exit code says whether it arrived. If the server goes away while there is something left
to say, it waits for it (`--no-reconnect`: it ends).
"""

import codecs
import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable

from common import clock, interrupts, show
from common.commands import HELP, Help, Mistake, Quit, Retry, Stats, parse
from common.conversation import AnyClient
from common.events import Away, Ended, Event, Notice, Refused
from common.session import NotSent

PATIENCE = 10.0
"""Seconds to wait for the next receipt after the end of the input: TCP may still be repeating what was lost."""

AHEAD = 1000
"""Lines read before they can be sent. When a server makes us wait, whoever writes to us waits, too."""


class Pipe:
    """Reads standard input, writes what happens to standard output and what goes wrong to standard error."""

    def __init__(self) -> None:
        self._work: queue.Queue[str | None] = queue.Queue(AHEAD)
        """Lines to send; an empty one to look around again; None when the input has ended."""
        self._unsent = 0
        self._output_closed = False

    def show(self, event: Event) -> None:
        """One line for an event."""
        wrong = isinstance(event, Away | Ended | Refused) or (isinstance(event, Notice) and event.error)
        self._print(show.line(event).plain, wrong=wrong)
        with contextlib.suppress(queue.Full):  # then there is enough to look at
            self._work.put_nowait("")

    def ask_nick(self) -> None:
        """There is nobody to ask."""

    def talk(self, client: AnyClient) -> None:
        """Send line by line; then wait for the receipts."""
        if sys.stdin is not None:
            with interrupts.deferred():
                threading.Thread(target=self._read, name="stdin", daemon=True).start()
        else:
            self._work.put(None)
        until: float | None = None
        session, confirmed = client.session, 0
        while not session.ended and not self._output_closed:
            if until is not None and session.statistics.confirmed > confirmed:
                confirmed, until = session.statistics.confirmed, clock.monotonic() + PATIENCE
            if until is not None and (session.waiting == 0 or clock.monotonic() >= until):
                return
            try:
                text = self._work.get(timeout=0.2)
            except queue.Empty:
                continue
            if text is None or not self._obey(text, client):
                until = clock.monotonic() + PATIENCE

    def leave(self, client: AnyClient) -> int:
        """0 if everything that was read has its receipt, 1 if not."""
        for name, value in client.session.statistics.rows():
            self._print(f"{name}: {value}", wrong=True)
        missing = client.session.statistics.unconfirmed + self._unsent
        if missing:
            what = "message is" if missing == 1 else "messages are"
            self._print(f"{missing:,} {what} without a receipt.", wrong=True)
        return 1 if missing or client.session.ended or self._output_closed else 0

    def _obey(self, text: str, client: AnyClient) -> bool:
        """Do what a line says; False if it says to leave."""
        match parse(text):
            case None:
                pass
            case Quit():
                return False
            case Help():
                for usage, meaning in HELP.items():
                    self._print(f"{usage}: {meaning}")
            case Stats():
                for name, value in client.session.statistics.rows():
                    self._print(f"{name}: {value}")
            case Retry():
                self._try(client.retry, client)  # what is not sent now is without a receipt, and counted so
            case Mistake(reason):
                self._unsent += 1
                self._print(reason, wrong=True)
            case message:
                self._unsent += not self._try(lambda: client.send(message), client)
        return True

    def _try(self, send: Callable[[], object], client: AnyClient) -> bool:
        """Send, or say why not; whether it was sent. What is to be said waits until the server is back."""
        while client.session.away and not client.session.ended and not self._output_closed:
            time.sleep(0.1)
        try:
            send()
        except NotSent as error:
            self._print(str(error), wrong=True)
            return False
        return True

    def _read(self) -> None:
        """A thread: lines of standard input. Not through sys.stdin, whose lock a thread that still waits for
        a line would keep beyond the end of the program."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a letter may be cut by the read
        rest = ""
        try:
            while data := os.read(0, 65_536):
                *lines, rest = (rest + decoder.decode(data)).split("\n")
                for text in lines:
                    self._work.put(text.removesuffix("\r"))
            if rest + decoder.decode(b"", True):
                self._work.put(rest)
        except OSError as error:
            self._print(f"The input can't be read: {error.strerror}.", wrong=True)
        self._work.put(None)

    def _print(self, text: str, *, wrong: bool = False) -> None:
        stream = "stderr" if wrong else "stdout"
        try:
            print(text, file=getattr(sys, stream), flush=True)
        except OSError as error:  # `| head` has read enough, or the disk is full
            setattr(sys, stream, open(os.devnull, "w"))  # noqa: SIM115  Python flushes it once more at its end
            if not wrong:
                self._output_closed = True
            if not wrong and not isinstance(error, BrokenPipeError):
                self._print(f"The output can't be written: {error.strerror}.", wrong=True)

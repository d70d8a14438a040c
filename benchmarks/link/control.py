"""A link that does what it is told while it runs: orders come and answers go as lines of JSON.

    python -m benchmarks.link.control                       over a TUN device, in a namespace
    python -m benchmarks.link.control --relay 127.0.0.1     in a relay on that address (UDP only)

`compare` starts it in this form and talks to it through its standard input and output. `make link` serves the
same orders on a Unix socket (`rendezvous.py`), for `make link-join` and `make link-set`. The orders:

    {"do": "change", "up": SPEC, "down": SPEC}      from now on it is like this
    {"do": "begin", "up": SPEC, "down": SPEC, "seed": N, "at": T, "capture": PATH, "target": PORT}
                                                    so from T on (monotonic clock, seconds; now if left out),
                                                    counted from zero, written to a capture; a relay now sends
                                                    to PORT
    {"do": "account"}                               what it did since it began to count
    {"do": "sockets"}                               TCP_INFO of every connection in the namespace
    {"do": "status"}                                whose link it is, and what it is like

Every order gets one answer: an object, {"error": SENTENCE} if it could not be done.
"""

import json
import math
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from benchmarks import tcp_info
from benchmarks.link import namespace, options
from benchmarks.link.capture import Capture
from benchmarks.link.emulator import Device, Emulator
from benchmarks.link.relay import Relay
from benchmarks.link.specification import parse
from benchmarks.link.units import Refused
from common import interrupts
from common.command_line import Parser

LONGEST_ORDER = 65_536
"""Bytes: who sends more without an end of line is not talking to us."""


class Orders:
    """Carries out orders on an emulator. `status` is what {"do": "status"} is answered; `changed` is called with
    what the link is like, up and down, whenever an order has changed that."""

    def __init__(
        self,
        emulator: Emulator,
        device: Device,
        status: dict[str, Any] | None = None,
        changed: Callable[[str, str], None] = lambda up, down: None,
    ) -> None:
        self._emulator = emulator
        self._device = device
        self._status = status or {}
        self._changed = changed
        self._capture: Capture | None = None
        self._latest: dict[str, Any] | None = None

    def carry_out(self, order: Any) -> dict[str, Any]:
        """The answer to an order. Orders that make no sense are answered with an error."""
        try:
            match order:
                case {"do": "change", "up": str(up), "down": str(down)}:
                    return self._change(up, down)
                case {"do": "begin", "up": str(up), "down": str(down), "seed": int(seed)}:
                    return self._begin(up, down, seed, order)
                case {"do": "account"}:
                    return self._emulator.account()
                case {"do": "sockets"}:
                    return {"tcp_info": tcp_info.summarise(tcp_info.sockets())}
                case {"do": "status"}:
                    return self._status | self._state()
        except (Refused, tcp_info.Unavailable) as error:
            return {"error": str(error)}
        except (
            ValueError,
            TypeError,
            OverflowError,
        ) as error:  # a path with a zero byte, a time that is none
            return {"error": f"That can't be done: {error}."}
        except OSError as error:
            return {"error": f"{error.filename or 'The system'}: {error.strerror or error}"}
        return {"error": f"There is no such order: {json.dumps(order)[:200]}"}

    def merge(self, words: str) -> dict[str, Any]:
        """Change these words in both directions, in what the link is like at that moment."""
        try:
            now = options.merged(self._state(), words)
        except Refused as error:
            return {"error": str(error)}
        return self.carry_out({"do": "change", "up": now["up"], "down": now["down"]})

    def close(self) -> None:
        """Finish the capture, if there is one."""
        self._emulator.capture(None)
        if self._capture:
            # A full disk: what is there is there, and `read` says if its end is missing.
            with suppress(OSError):
                self._capture.close()
            self._capture = None

    def _change(self, up: str, down: str) -> dict[str, str]:
        parse(up), parse(down)
        self._emulator.change(up, down)
        self._tell()
        return self._state()

    def _tell(self) -> None:
        """Tell what the link is like now."""
        self._changed(self._emulator.text("up"), self._emulator.text("down"))

    def _state(self) -> dict[str, str]:
        return {direction: self._emulator.text(direction) for direction in ("up", "down")}

    def _begin(self, up: str, down: str, seed: int, order: dict[str, Any]) -> dict[str, Any]:
        parse(up), parse(down)
        at = float(order["at"]) if "at" in order else None
        if at is not None and not math.isfinite(at):
            raise ValueError(f"{at} is no time")
        path = order.get("capture")
        if isinstance(self._device, Relay):
            if path:
                raise Refused("A relay sees datagrams and no packets: there is no capture of it.")
            if "target" in order:
                self._device.target(int(order["target"]))
        if path:
            Path(path).open("ab").close()  # if that can't be, the one that is being written goes on
        self.close()  # before the next is opened: it may be the same file
        capture = Capture(Path(path).open("wb")) if path else None  # noqa: SIM115  the capture closes it
        self._capture = capture
        self._latest = order

        def begin() -> None:
            if self._latest is not order:
                return  # another one has come meanwhile
            self._emulator.begin(up, down, seed)
            self._emulator.capture(capture)
            with nullcontext() if at is None else suppress(OSError):  # later there is nobody to tell of it
                self._tell()

        if at is None:
            begin()
        else:
            self._emulator.at(at, begin)
        return {"wall_offset_ns": self._emulator.wall_offset_ns}


def serve(
    emulator: Emulator,
    orders: Orders,
    source: socket.socket,
    answer: Callable[[bytes], None],
    ended: Callable[[], None],
) -> None:
    """Let the emulator take orders from `source`; call `ended` once there will be no more."""
    rest = b""

    def look() -> None:
        nonlocal rest
        try:
            data = source.recv(LONGEST_ORDER)
        except OSError:
            data = b""
        if not data or len(rest) > LONGEST_ORDER:
            emulator.unwatch(source)
            ended()
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            try:
                order = json.loads(line)
            except (ValueError, RecursionError):
                order = line.decode(errors="replace")
            answer(json.dumps(orders.carry_out(order)).encode() + b"\n")

    emulator.watch(source, look)


def _standard_input() -> socket.socket:
    """Standard input as a socket: `select` waits for nothing else everywhere."""
    ours, theirs = socket.socketpair()

    def pump() -> None:
        with theirs, suppress(OSError):
            while data := os.read(sys.stdin.fileno(), LONGEST_ORDER):
                theirs.sendall(data)

    # A daemon: whoever holds the other end of our standard input may hold it for longer than we live.
    threading.Thread(target=pump, name="standard input", daemon=True).start()
    return ours


def _say(message: dict[str, Any]) -> None:
    _answer(json.dumps(message).encode() + b"\n")


def _answer(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def main() -> int:
    """`python -m benchmarks.link.control`"""
    parser = Parser(prog="python -m benchmarks.link.control")
    parser.add_argument("--relay", metavar="HOST")
    parser.add_argument("--congestion", default="", help="TCP's congestion control in the namespace")
    chosen = parser.parse_args()
    if not chosen.relay and not namespace.is_our_own():
        print("This is started by the comparison, in a network of its own: see `make link`.", file=sys.stderr)
        return 2
    try:
        device: Device
        if chosen.relay:
            device = Relay(chosen.relay)
            ready: dict[str, Any] = {"ready": True, "port": device.port}
        else:
            from benchmarks.link.tun import Tun  # Linux only

            device = Tun(chosen.congestion)
            ready = {"ready": True}
    except (OSError, Refused) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        print(f"The link can't be set up: {why}", file=sys.stderr)
        return 1
    emulator = Emulator(device, "", "")
    orders = Orders(emulator, device)
    asked = interrupts.Asked()
    serve(emulator, orders, _standard_input(), _answer, emulator.stop)
    _say(ready)
    emulator.run(asked)
    orders.close()
    if not chosen.relay:
        namespace.end_others()  # whoever gave the orders may have been killed: nobody else would end them
    device.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How the processes of this package are told what to do: a line of JSON for each order, a line for each answer.

An order is `{"do": NAME, …}`; what else stands in it are the arguments. The answer is a line, which may announce a
body of bytes that follows it (`benchmarks/child.py` reads both), or `{"error": SENTENCE}`: `Stage.ask` raises it as
Failed. The process ends when its input does, so that it never outlives who started it.
"""

import gc
import json
import os
import sys
from array import array
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.orders import decode
from benchmarks.wording import reason

Answer = dict[str, Any] | tuple[dict[str, Any], "array[int]"]
"""What an order is answered with: a line, or a line and the numbers that follow it."""


def prepare(cpu: int | None = None) -> None:
    """Let nothing of Python's or the kernel's own be measured: no collection of garbage, no lazy timers. With `cpu`
    this process stays on that processor. Raises OSError if it may not."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    gc.collect()
    gc.freeze()
    gc.disable()
    with suppress(OSError):  # elsewhere than on Linux there is no such file; a sleep is 50 µs later then
        Path("/proc/self/timerslack_ns").write_text("1")


def obey(line: bytes, deeds: Mapping[str, Callable[..., Answer]]) -> None:
    """Carry out one order and answer it."""
    order = decode(line)
    deed = deeds.get(str(order.pop("do", "")))
    if deed is None:
        tell({"error": f"There is no such order; there are {', '.join(deeds)}."})
        return
    try:
        answer = deed(**order)
    except OSError as error:
        answer = {"error": f"{reason(error)}."}
    if isinstance(answer, tuple):
        tell(*answer)
    else:
        tell(answer)


def serve(deeds: Mapping[str, Callable[..., Answer]]) -> None:
    """Obey until there are no more orders."""
    while line := sys.stdin.buffer.readline():
        obey(line, deeds)


def tell(message: dict[str, Any], numbers: "array[int] | None" = None) -> None:
    """Write a line, and behind it the numbers, 8 bytes each in this machine's order."""
    body = b"" if numbers is None else numbers.tobytes()
    sys.stdout.buffer.write(json.dumps(message | {"bytes": len(body)}).encode() + b"\n" + body)
    sys.stdout.buffer.flush()

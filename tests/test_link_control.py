"""Orders to a running link: what each of them does, and what is said to those that make no sense."""

import json
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import tcp_info
from benchmarks.link.capture import Captured, read
from benchmarks.link.control import LONGEST_ORDER, Orders, serve
from benchmarks.link.emulator import Emulator
from benchmarks.link.relay import Relay
from benchmarks.result_format import Link
from common.waker import Waker

ROOT = Path(__file__).parent.parent
GUARD = 20.0
"""Seconds after which a test that hangs fails."""

START, WALL = 1000.0, 1_700_000_000 * 10**9
"""When a story begins: by the monotonic clock in seconds, and by the wall clock in nanoseconds."""

Order = dict[str, Any]


class Memory:
    """A device without a network: what is put in comes out of it, and what the link delivers is kept."""

    def __init__(self) -> None:
        self._waker = Waker()
        self._arrivals: deque[tuple[str, bytes, None]] = deque()
        self.sources: list[Any] = [self._waker]
        self.delivered: list[tuple[str, bytes]] = []
        self.strays = 0
        self.overflow = 0

    def comes(self, direction: str, packet: bytes) -> None:
        """A packet for the link."""
        self._arrivals.append((direction, packet, None))
        self._waker.wake()

    def receive(self) -> tuple[str, bytes, None] | None:
        """The next packet; None if there is none now."""
        if not self._arrivals:
            with suppress(BlockingIOError):  # nobody has woken it
                self._waker.clear()
        return self._arrivals.popleft() if self._arrivals else None

    def send(self, direction: str, packet: bytes, tag: Any) -> None:
        """Keep a packet that has come through."""
        self.delivered.append((direction, packet))

    def close(self) -> None:
        """Give back what wakes the link."""
        self._waker.close()


class Clock:
    """What the emulator takes for its clock: it stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = START

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def monotonic_ns(self) -> int:
        """The same in nanoseconds."""
        return round(self.now * 1e9)

    def time_ns(self) -> int:
        """The wall clock."""
        return WALL + round((self.now - START) * 1e9)


class Until:
    """The wish that the link ends once something is so; it fails if that takes too long."""

    def __init__(self, so: Callable[[], bool]) -> None:
        self._so = so
        self._by = time.monotonic() + GUARD

    def is_set(self) -> bool:
        """Whether it is so."""
        assert time.monotonic() < self._by, "it never was"
        return self._so()


class Bench:
    """A link over memory, its orders, and what they said had changed."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.device = Memory()
        self.emulator = Emulator(self.device, "", "")
        self.changes: list[tuple[str, str]] = []
        self.orders = Orders(
            self.emulator, self.device, {"pid": 7}, lambda up, down: self.changes.append((up, down))
        )

    def does(self, do: str, **more: Any) -> Order:
        """The answer to an order, which is one that JSON can carry."""
        answer: Order = json.loads(json.dumps(self.orders.carry_out({"do": do, **more})))
        return answer

    def is_like(self) -> tuple[str, str]:
        """What the link is like, up and down."""
        return self.emulator.text("up"), self.emulator.text("down")

    def received(self) -> dict[str, int]:
        """How many packets have come in since it began to count."""
        account = self.does("account")
        return {direction: account[direction]["received"] for direction in ("up", "down")}

    def carries(self, *packets: tuple[str, bytes]) -> None:
        """Let these come in, and the link run until it has looked at them."""
        expected = sum(self.received().values()) + len(packets)
        for direction, packet in packets:
            self.device.comes(direction, packet)
        self.runs(lambda: sum(self.received().values()) == expected)

    def at(self, moment: float) -> None:
        """It is so late now, and the link has looked at its clock."""
        self.clock.now = moment
        looked: list[bool] = []
        self.emulator.at(moment, lambda: looked.append(True))
        self.runs(lambda: bool(looked))

    def runs(self, until: Callable[[], bool]) -> None:
        """Let the link run until something is so."""
        self.emulator.run(Until(until))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A link without impairment; its capture, if it writes one, is finished at the end."""
    clock = Clock()
    for name in ("clock", "time"):
        monkeypatch.setattr(f"benchmarks.link.emulator.{name}", clock)
    bench = Bench(clock)
    yield bench
    bench.orders.close()
    bench.device.close()


# --- change, merge --------------------------------------------------------------------------------


def test_change_says_what_the_link_is_like_now(bench: Bench) -> None:
    """As this lab writes it, in each direction; and whoever asked to be told is told."""
    answer = bench.does("change", up="loss 5% delay 0.02s", down="")
    assert answer == {"up": "loss 5% delay 20ms", "down": ""}
    assert bench.is_like() == ("loss 5% delay 20ms", "")
    assert bench.changes == [("loss 5% delay 20ms", "")]


def test_a_change_counts_on(bench: Bench) -> None:
    """What came before it is still in the account."""
    bench.carries(("up", b"before"))
    bench.does("change", up="loss 100%", down="")
    bench.carries(("up", b"after"), ("down", b"back"))
    account = bench.does("account")
    assert (account["up"]["received"], account["up"]["dropped"]) == (2, {"loss": 1})
    assert bench.device.delivered == [("up", b"before"), ("down", b"back")]


def test_merge_changes_its_words_in_both_directions(bench: Bench) -> None:
    """And leaves the others as they are at that moment."""
    bench.does("change", up="loss 5% delay 20ms", down="rate 1mbit")
    assert bench.orders.merge("loss 20%") == {"up": "loss 20% delay 20ms", "down": "loss 20% rate 1mbit"}
    assert bench.is_like() == ("loss 20% delay 20ms", "loss 20% rate 1mbit")
    assert bench.changes[1:] == [bench.is_like()]


@pytest.mark.parametrize(
    ("up", "down", "said"),
    [
        ("los 5%", "", "did you mean 'loss'"),
        ("", "loss 500%", "a share is from 0% to 100%"),
        ("loss 5%", "reorder 5%", "reorder needs a delay"),
        ("loss gemodel", "", "gemodel"),
        ("\ud800", "", ""),
    ],
)
@pytest.mark.parametrize("do", ["change", "begin"])
def test_what_is_refused_is_an_error_and_changes_nothing(
    bench: Bench, do: str, up: str, down: str, said: str
) -> None:
    """Neither direction, even if only the other one was wrong; nor the count."""
    bench.does("change", up="delay 1ms", down="delay 2ms")
    bench.carries(("up", b"before"))
    answer = bench.does(do, up=up, down=down, seed=1)
    assert list(answer) == ["error"]
    assert said in answer["error"]
    assert bench.is_like() == ("delay 1ms", "delay 2ms")
    assert bench.received() == {"up": 1, "down": 0}
    assert len(bench.changes) == 1


def test_a_merge_that_is_refused_is_an_error_and_changes_nothing(bench: Bench) -> None:
    """As if it had been an order: it does not end the link at the moment for which it was planned."""
    bench.does("change", up="loss 5%", down="delay 20ms")
    for words in ("reorder 5%", "los 5%"):
        assert list(bench.orders.merge(words)) == ["error"]
    assert bench.is_like() == ("loss 5%", "delay 20ms")
    assert len(bench.changes) == 1


def test_who_is_to_be_told_may_fail(bench: Bench) -> None:
    """As on a full disk: an error that says of what, and the link goes on."""

    def tell(up: str, down: str) -> None:
        raise OSError(28, "No space left on device", "/tmp/state")

    answer = Orders(bench.emulator, bench.device, {}, tell).carry_out({"do": "change", "up": "", "down": ""})
    assert answer == {"error": "/tmp/state: No space left on device"}
    bench.carries(("up", b"here"))


# --- begin ----------------------------------------------------------------------------------------


def test_begin_counts_from_nothing(bench: Bench) -> None:
    """Other lines, and none of what came before; the answer is by how much wall clock and monotonic clock differ."""
    bench.carries(("up", b"before"), ("down", b"before"))
    answer = bench.does("begin", up="loss 100%", down="delay 1ms", seed=3)
    assert answer == {"wall_offset_ns": bench.emulator.wall_offset_ns}
    assert bench.received() == {"up": 0, "down": 0}
    assert bench.is_like() == ("loss 100%", "delay 1ms")


def test_the_same_seed_is_the_same_story(bench: Bench) -> None:
    """And another seed is another one."""
    stories = []
    for seed in (1, 1, 2):
        bench.does("begin", up="loss 50%", down="", seed=seed)
        bench.device.delivered.clear()
        bench.carries(*(("up", b"%d" % number) for number in range(64)))
        stories.append([packet for _, packet in bench.device.delivered])
    assert stories[0] == stories[1] != stories[2]


def test_begin_in_the_future_happens_then(bench: Bench) -> None:
    """A millisecond before that the link is as it was and counts on; then it is new and counts from nothing."""
    bench.does("change", up="delay 1ms", down="")
    at = START + 5
    answer = bench.does("begin", up="loss 100%", down="loss 50%", seed=1, at=at)
    assert answer == {"wall_offset_ns": bench.emulator.wall_offset_ns}
    bench.at(at - 0.001)
    bench.carries(("up", b"before"))
    assert (bench.is_like(), bench.received()) == (("delay 1ms", ""), {"up": 1, "down": 0})
    bench.at(at)
    assert (bench.is_like(), bench.received()) == (("loss 100%", "loss 50%"), {"up": 0, "down": 0})
    bench.carries(("up", b"after"))
    assert bench.does("account")["up"]["dropped"] == {"loss": 1}


def test_begin_in_the_past_happens_when_the_link_looks_next(bench: Bench) -> None:
    """Not within the order itself, and without waiting."""
    bench.does("begin", up="loss 100%", down="", seed=1, at=START - 1)
    assert bench.is_like() == ("", "")
    bench.at(START)
    assert bench.is_like() == ("loss 100%", "")


def test_what_is_under_way_is_not_forgotten_by_begin(bench: Bench) -> None:
    """It arrives as it would have, and does not count for the new lines."""
    bench.does("change", up="delay 20ms", down="")
    bench.carries(("up", b"under way"))
    bench.does("begin", up="loss 100%", down="", seed=1)
    bench.at(START + 0.019)
    assert bench.device.delivered == []
    bench.at(START + 0.020)
    assert bench.device.delivered == [("up", b"under way")]
    assert bench.does("account")["up"]["delivered"] == 0


def test_who_asked_to_be_told_of_changes_is_told_of_begin(bench: Bench) -> None:
    """When it happens, and not before."""
    bench.does("begin", up="loss 5%", down="", seed=1)
    assert bench.changes == [("loss 5%", "")]
    bench.does("begin", up="", down="loss 6%", seed=1, at=START + 1)
    bench.at(START + 0.999)
    assert len(bench.changes) == 1
    bench.at(START + 1)
    assert bench.changes == [("loss 5%", ""), ("", "loss 6%")]


def test_who_is_to_be_told_may_fail_when_a_run_begins_later(bench: Bench) -> None:
    """There is nobody to answer by then: the run begins, and the link goes on."""

    def tell(up: str, down: str) -> None:
        raise OSError(28, "No space left on device", "/tmp/state")

    orders = Orders(bench.emulator, bench.device, {}, tell)
    orders.carry_out({"do": "begin", "up": "loss 5%", "down": "", "seed": 1, "at": START + 1})
    bench.at(START + 1)
    assert bench.is_like() == ("loss 5%", "")
    bench.carries(("down", b"here"))


def test_a_run_that_was_overtaken_does_not_begin(bench: Bench, tmp_path: Path) -> None:
    """It was to begin later, with a capture; another one began before that, and goes on beyond that moment."""
    overtaken, run = tmp_path / "overtaken.pcapng", tmp_path / "run.pcapng"
    bench.does("begin", up="loss 100%", down="", seed=1, at=START + 1, capture=str(overtaken))
    bench.does("begin", up="", down="delay 1ms", seed=2, capture=str(run))
    bench.carries(("up", b"before"))
    bench.at(START + 1)
    bench.carries(("up", b"after"))
    bench.orders.close()
    assert bench.is_like() == ("", "delay 1ms")
    assert (captured(overtaken), captured(run)) == ([], [("up", b"before", ""), ("up", b"after", "")])


@pytest.mark.parametrize("up", ["los 5%", "reorder 5%"])
def test_what_is_refused_is_refused_at_once(bench: Bench, up: str) -> None:
    """And not at the moment for which it was planned, when nobody listens."""
    assert list(bench.does("begin", up=up, down="", seed=1, at=START + 1)) == ["error"]
    bench.at(START + 1)
    assert bench.is_like() == ("", "")


# --- captures -------------------------------------------------------------------------------------


def captured(path: Path) -> list[tuple[str, bytes, str]]:
    """What a finished capture holds."""
    return [(one.direction, one.packet, one.comment) for one in read(path)]


def test_a_capture_is_written_and_finished(bench: Bench, tmp_path: Path) -> None:
    """What entered while it was written, with what became of it and when; it is whole as soon as it is closed."""
    path = tmp_path / "run.pcapng"
    bench.carries(("up", b"before"))
    bench.does("begin", up="loss 100%", down="", seed=1, capture=str(path))
    bench.at(START + 2)
    bench.carries(("up", b"up there"))
    bench.at(START + 3)
    bench.carries(("down", b"down there"))
    bench.orders.close()
    bench.carries(("down", b"after"))
    assert list(read(path)) == [
        Captured(WALL + 2 * 10**9, "up", b"up there", 8, "dropped by loss"),
        Captured(WALL + 3 * 10**9, "down", b"down there", 10),
    ]
    assert bench.device.delivered == [("up", b"before"), ("down", b"down there"), ("down", b"after")]


def test_a_capture_begins_when_the_run_does(bench: Bench, tmp_path: Path) -> None:
    """What entered before `at` is not in it."""
    path = tmp_path / "run.pcapng"
    bench.does("begin", up="", down="", seed=1, at=START + 1, capture=str(path))
    bench.at(START + 0.999)
    bench.carries(("up", b"before"))
    bench.at(START + 1)
    bench.carries(("up", b"after"))
    bench.orders.close()
    assert captured(path) == [("up", b"after", "")]


def test_another_begin_finishes_the_capture_before(bench: Bench, tmp_path: Path) -> None:
    """With a capture of its own, and without one."""
    first, second = tmp_path / "1.pcapng", tmp_path / "2.pcapng"
    for number, more in enumerate(({"capture": str(first)}, {"capture": str(second)}, {})):
        bench.does("begin", up="", down="", seed=1, **more)
        bench.carries(("up", b"%d" % number))
    assert (captured(first), captured(second)) == ([("up", b"0", "")], [("up", b"1", "")])


def test_a_capture_may_be_begun_again(bench: Bench, tmp_path: Path) -> None:
    """In the same file: it holds the second run, whole, and nothing of the first."""
    path = tmp_path / "run.pcapng"
    for packet in (b"the first, which is long", b"2"):
        bench.does("begin", up="", down="", seed=1, capture=str(path))
        bench.carries(*[("up", packet)] * 3)
    bench.orders.close()
    assert captured(path) == [("up", b"2", "")] * 3


def test_a_capture_that_nobody_has_written_to_is_whole(bench: Bench, tmp_path: Path) -> None:
    """Closed before it began, and closed twice."""
    path = tmp_path / "run.pcapng"
    bench.does("begin", up="", down="", seed=1, at=START + 3600, capture=str(path))
    bench.orders.close()
    bench.orders.close()
    assert captured(path) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/no/such/place/x.pcapng", "/no/such/place/x.pcapng: No such file or directory"),
        ("/", "/: Is a directory"),
        (5, ""),
        (["x"], ""),
        ("a\0b", ""),
        ("\ud800", ""),
    ],
)
def test_a_capture_that_can_not_be_written_is_an_error(bench: Bench, path: object, said: str) -> None:
    """The run does not begin: the link is as it was, and counts on."""
    bench.does("change", up="delay 1ms", down="")
    bench.carries(("up", b"before"))
    answer = bench.does("begin", up="loss 100%", down="", seed=1, capture=path)
    assert list(answer) == ["error"]
    assert said in answer["error"]
    assert bench.is_like() == ("delay 1ms", "")
    assert bench.received() == {"up": 1, "down": 0}


def test_a_capture_goes_on_where_another_could_not_begin(bench: Bench, tmp_path: Path) -> None:
    """An order that could not be done has done nothing."""
    path = tmp_path / "run.pcapng"
    bench.does("begin", up="", down="", seed=1, capture=str(path))
    assert "error" in bench.does("begin", up="", down="", seed=1, capture="/no/such/place/x.pcapng")
    bench.carries(("up", b"still written"))
    bench.orders.close()
    assert captured(path) == [("up", b"still written", "")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_ends_the_capture_and_not_the_link(bench: Bench) -> None:
    """Packets pass as before, and the link can be given other orders."""
    bench.does("begin", up="", down="", seed=1, capture="/dev/full")
    bench.carries(*[("up", bytes(1000))] * 100)
    assert len(bench.device.delivered) == 100
    assert "wall_offset_ns" in bench.does("begin", up="", down="", seed=1)


# --- a relay --------------------------------------------------------------------------------------


@pytest.fixture
def relay() -> Iterator[tuple[Relay, Orders, Emulator]]:
    """A relay, its orders and its emulator."""
    relay = Relay("127.0.0.1")
    emulator = Emulator(relay, "", "")
    orders = Orders(emulator, relay)
    yield relay, orders, emulator
    orders.close()
    relay.close()


def test_begin_tells_a_relay_where_the_server_is(relay: tuple[Relay, Orders, Emulator]) -> None:
    """What a client says then arrives there."""
    device, orders, emulator = relay
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        order = {"do": "begin", "up": "", "down": "", "seed": 1, "target": port}
        assert "wall_offset_ns" in orders.carry_out(order)
        client.sendto(b"hello", ("127.0.0.1", device.port))
        emulator.run(Until(lambda: emulator.account()["up"]["delivered"] == 1))
        server.settimeout(GUARD)
        assert server.recv(100) == b"hello"


@pytest.mark.parametrize("target", [0, -1, 65_536, 1e400, "x", None, [1]])
def test_a_target_that_is_no_port_is_an_error_and_changes_nothing(
    relay: tuple[Relay, Orders, Emulator], target: object
) -> None:
    """The link is as it was."""
    _, orders, emulator = relay
    orders.carry_out({"do": "change", "up": "delay 1ms", "down": ""})
    order = {"do": "begin", "up": "loss 5%", "down": "", "seed": 1, "target": target}
    assert list(orders.carry_out(order)) == ["error"]
    assert emulator.text("up") == "delay 1ms"


def test_a_device_that_is_no_relay_takes_no_target(bench: Bench) -> None:
    """A link of TUN has the server in it: whatever is said of a target is passed over."""
    assert "wall_offset_ns" in bench.does("begin", up="", down="", seed=1, target=4242)


def test_a_relay_refuses_a_capture(relay: tuple[Relay, Orders, Emulator], tmp_path: Path) -> None:
    """Or writes none; a datagram does not end it, in any case."""
    device, orders, emulator = relay
    capture = str(tmp_path / "x.pcapng")
    order = {"do": "begin", "up": "", "down": "", "seed": 1, "target": 9, "capture": capture}
    if "error" in orders.carry_out(order):
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", ("127.0.0.1", device.port))
        emulator.run(Until(lambda: emulator.account()["up"]["received"] == 1))


# --- account, sockets, status ---------------------------------------------------------------------


def test_the_account_is_the_link_of_a_result(bench: Bench) -> None:
    """All that a result keeps of it, and a direction's words beside its counts."""
    bench.does("begin", up="loss 100%", down="delay 1ms", seed=1)
    bench.carries(("up", bytes(100)), ("up", bytes(100)), ("down", bytes(50)))
    bench.at(START + 0.001)
    account = bench.does("account")
    link = msgspec.convert(account, Link)
    assert (link.up.received, link.up.delivered, link.up.dropped) == (2, 0, {"loss": 2})
    assert (link.down.received, link.down.delivered, link.down.dropped) == (1, 1, {})
    assert (link.lateness.n, link.overflow) == (1, 0)
    assert (link.peak_rate, link.lateness.max, link.seconds) == (3, 0.0, bench.clock.now - START)
    assert (account["up"]["text"], account["down"]["text"]) == ("loss 100%", "delay 1ms")
    assert (account["up"]["received_bytes"], account["down"]["delivered_bytes"]) == (200, 50)
    assert {"strays", "backlog"} < account.keys()


def test_what_the_device_did_is_in_the_account(bench: Bench) -> None:
    """What overflowed since it began to count."""
    bench.device.overflow = 5
    bench.does("begin", up="", down="", seed=1)
    bench.device.overflow = 12
    bench.device.strays = 3
    account = bench.does("account")
    assert (account["overflow"], account["strays"]) == (7, 3)


def test_status_is_what_was_given_and_what_the_link_is_like(bench: Bench) -> None:
    """Also after a change."""
    assert bench.does("status") == {"pid": 7, "up": "", "down": ""}
    bench.does("change", up="loss 5%", down="")
    assert bench.does("status") == {"pid": 7, "up": "loss 5%", "down": ""}


def test_a_link_without_a_status_says_what_it_is_like() -> None:
    """Nothing else was given."""
    device = Memory()
    assert Orders(Emulator(device, "", ""), device).carry_out({"do": "status"}) == {"up": "", "down": ""}
    device.close()


def test_sockets_are_summed_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `tcp_info` does it; and where the kernel does not tell, that is an error."""
    monkeypatch.setattr(tcp_info, "sockets", list)
    assert bench.does("sockets") == {"tcp_info": tcp_info.summarise([])}

    def unavailable() -> list[Any]:
        raise tcp_info.Unavailable("This kernel does not tell.")

    monkeypatch.setattr(tcp_info, "sockets", unavailable)
    assert bench.does("sockets") == {"error": "This kernel does not tell."}


# --- orders that make no sense --------------------------------------------------------------------


@pytest.mark.parametrize(
    "order",
    [
        None,
        5,
        "status",
        [],
        {},
        {"do": None},
        {"do": "dance"},
        {"do": ["status"]},
        {"do": "change"},
        {"do": "change", "up": "loss 5%"},
        {"do": "change", "up": 5, "down": ""},
        {"do": "change", "up": None, "down": None},
        {"do": "begin", "up": "", "down": ""},
        {"do": "begin", "up": "", "down": "", "seed": "1"},
        {"do": "begin", "up": "", "down": "", "seed": 1.5},
        {"do": "begin", "up": "", "down": "", "seed": None},
        {"DO": "status"},
    ],
    ids=json.dumps,
)
def test_there_is_no_such_order(bench: Bench, order: object) -> None:
    """Of a wrong form, or with words missing: the answer names it, and nothing changes."""
    answer = bench.orders.carry_out(order)
    assert answer == {"error": f"There is no such order: {json.dumps(order)}"}
    assert bench.changes == []


def test_a_long_order_is_named_by_its_beginning(bench: Bench) -> None:
    """Not all of it."""
    assert len(bench.does("x" * 100_000)["error"]) < 300


@pytest.mark.parametrize(
    "at", ["soon", "nan", [1], {}, None, 10**400, float("nan"), float("inf"), -float("inf")], ids=repr
)
def test_a_time_that_is_none_is_an_error(bench: Bench, at: object) -> None:
    """The run does not begin, now or later."""
    assert list(
        bench.orders.carry_out({"do": "begin", "up": "loss 5%", "down": "", "seed": 1, "at": at})
    ) == ["error"]
    bench.carries(("up", b"here"))
    assert bench.is_like() == ("", "")


# --- lines of JSON --------------------------------------------------------------------------------


class Line:
    """The far end of a line on which orders come, and what was answered."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._source, self.far = socket.socketpair()
        self._source.setblocking(False)
        self.answers: list[Order] = []
        self.ended = 0
        serve(bench.emulator, bench.orders, self._source, self._note, self._end)

    def _note(self, line: bytes) -> None:
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        self.answers.append(json.loads(line))

    def _end(self) -> None:
        self.ended += 1

    def says(self, data: bytes, answers: int) -> list[Order]:
        """Send this, and let the link run until there are so many more answers, or the line has ended."""
        before = len(self.answers)
        self.far.sendall(data)
        self._bench.runs(lambda: len(self.answers) >= before + answers)
        return self.answers[before:]

    def close(self) -> None:
        """Give both ends back."""
        self._source.close()
        self.far.close()


@pytest.fixture
def line(bench: Bench) -> Iterator[Line]:
    """A line to the bench."""
    line = Line(bench)
    yield line
    line.close()


STATUS = b'{"do": "status"}\n'


def test_each_line_gets_one_answer_in_order(line: Line) -> None:
    """Also those that come together."""
    orders = [{"do": "change", "up": f"delay {n}ms", "down": ""} for n in range(1, 51)]
    said = b"".join(json.dumps(order).encode() + b"\n" for order in orders)
    assert [answer["up"] for answer in line.says(said, 50)] == [f"delay {n}ms" for n in range(1, 51)]


def test_an_order_may_come_in_pieces(bench: Bench, line: Line) -> None:
    """Byte by byte: answered once it is whole."""
    for byte in STATUS[:-1]:
        line.far.sendall(bytes([byte]))
        bench.carries(("up", b"meanwhile"))
    assert line.answers == []
    assert line.says(STATUS[-1:], 1) == [bench.does("status")]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"hello\n",
        b"\xff\xfe\x00\n",
        b"{]\n",
        b"[" * 50_000 + b"\n",
        b"[" * 900 + b"]" * 900 + b"\n",
        b"1" * 10_000 + b"\n",
        b"GET / HTTP/1.1\r\n",
        b'{"do": "change", "up": "\\ud800", "down": ""}\n',
        b'{"do": "begin", "up": "", "down": "", "seed": 1, "at": NaN}\n',
        b'{"do": "begin", "up": "", "down": "", "seed": 1, "capture": "\\u0000"}\n',
    ],
    ids=lambda garbage: repr(garbage[:24]),
)
def test_garbage_gets_an_error_and_the_line_goes_on(line: Line, garbage: bytes) -> None:
    """Whatever it is, the next order is carried out."""
    wrong, right = line.says(garbage + STATUS, 2)
    assert list(wrong) == ["error"]
    assert right["pid"] == 7
    assert not line.ended


def test_a_long_order_is_carried_out(line: Line) -> None:
    """Of as many bytes as are allowed."""
    order = b'{"do": "status"}'.ljust(LONGEST_ORDER - 1) + b"\n"
    assert line.says(order, 1)[0]["pid"] == 7


def test_who_never_ends_a_line_is_hung_up_on(bench: Bench, line: Line) -> None:
    """After twice as much as is allowed, at the latest; once, and the link goes on."""
    line.far.settimeout(GUARD)
    sent = 0
    while not line.ended and sent < 4 * LONGEST_ORDER:
        line.far.sendall(b"x" * (LONGEST_ORDER // 4))
        sent += LONGEST_ORDER // 4
        bench.carries(("up", b"meanwhile"))
    bench.carries(("up", b"afterwards"))
    assert (line.answers, line.ended) == ([], 1)
    assert LONGEST_ORDER < sent <= 3 * LONGEST_ORDER


def test_the_end_of_a_line_is_told_once(bench: Bench, line: Line) -> None:
    """What was whole is answered; half an order is forgotten."""
    line.far.sendall(STATUS + b'{"do": "cha')
    line.far.shutdown(socket.SHUT_WR)
    bench.runs(lambda: bool(line.ended))
    bench.carries(("up", b"afterwards"))
    assert (len(line.answers), line.ended) == (1, 1)


# --- the program ----------------------------------------------------------------------------------


def control(*words: str, orders: str = "") -> "subprocess.CompletedProcess[str]":
    """Run `python -m benchmarks.link.control`, which reads these orders and ends with them."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.link.control", *words],
        cwd=ROOT,
        env=os.environ,
        input=orders,
        text=True,
        capture_output=True,
        timeout=GUARD,
        check=False,
    )


def test_the_program_says_when_it_is_ready_and_answers_until_its_input_ends() -> None:
    """In a relay: its port first, then a line for each order."""
    orders = [{"do": "change", "up": "loss 5%", "down": ""}, {"do": "dance"}, {"do": "status"}]
    ran = control("--relay", "127.0.0.1", orders="".join(json.dumps(order) + "\n" for order in orders))
    assert (ran.returncode, ran.stderr) == (0, "")
    ready, *answers = map(json.loads, ran.stdout.splitlines())
    assert ready["ready"]
    assert 1 <= ready["port"] <= 65_535
    assert answers[0] == answers[2] == {"up": "loss 5%", "down": ""}
    assert list(answers[1]) == ["error"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--relay", "192.0.2.1"], 1),
        pytest.param([], 2, marks=pytest.mark.skipif(sys.platform != "linux", reason="this asks /proc")),
    ],
)
def test_where_it_can_not_be_set_up_it_says_why(words: list[str], code: int) -> None:
    """On an address that is not ours; outside a network of its own. A sentence, and no traceback."""
    ran = control(*words)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.count("\n") == 1
    assert "Traceback" not in ran.stderr

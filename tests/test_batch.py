"""One message to many addresses: in one call of the kernel, or one by one, and nobody can tell which."""

import ctypes
import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from common.allowance import Allowance
from udp import batch
from udp.batch import Batch, written_down
from udp.registry import Registration, Registry

PATIENCE = 10.0
"""Guards against hanging."""


@pytest.fixture(params=["one call", "one by one"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the kernel's call and without it."""
    if request.param == "one by one":
        monkeypatch.setattr(batch, "SENDMMSG", None)
    elif batch.SENDMMSG is None:
        pytest.skip("this system has no sendmmsg(2): there is only one way")


class Street:
    """A sender, and houses with letter boxes."""

    def __init__(self, host: str, family: socket.AddressFamily) -> None:
        self._exits = ExitStack()
        self._host, self._family = host, family
        self.batch = Batch(self._open())
        self._boxes: dict[Registration, socket.socket] = {}

    def _open(self) -> socket.socket:
        sock = self._exits.enter_context(socket.socket(self._family, socket.SOCK_DGRAM))
        sock.bind((self._host, 0))
        sock.settimeout(PATIENCE)
        return sock

    def house(self) -> Registration:
        """Somebody with a letter box."""
        box = self._open()
        house = Registration(box.getsockname(), Allowance(0, 1, 0.0))
        self._boxes[house] = box
        return house

    def houses(self, count: int) -> tuple[Registration, ...]:
        """Several of them."""
        return tuple(self.house() for _ in range(count))

    def moves(self, house: Registration) -> None:
        """The same person, another letter box."""
        registry = Registry()
        registry.add(house, "token")
        self._boxes[house] = self._open()
        registry.move(house, self._boxes[house].getsockname())
        self.batch.forget()

    def finds(self, house: Registration) -> bytes:
        """The next letter in the box."""
        return self._boxes[house].recv(65_536)

    def is_empty(self, house: Registration) -> bool:
        """Nothing is in the box, now that a later letter has come to another one."""
        self._boxes[house].setblocking(False)
        with pytest.raises(BlockingIOError):
            self._boxes[house].recv(65_536)
        return True

    def close(self) -> None:
        """Give the sockets back."""
        self._exits.close()


@pytest.fixture(params=[("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)], ids=["IPv4", "IPv6"])
def street(request: pytest.FixtureRequest) -> Iterator[Street]:
    """With old house numbers and with new ones."""
    host, family = request.param
    try:
        made = Street(host, family)
    except OSError as error:
        pytest.skip(f"this machine has no {host}: {error.strerror}. Remedy: switch IPv6 on")
    yield made
    made.close()


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
def test_everybody_gets_the_same_once(street: Street, count: int) -> None:
    """Messages in their order, whole, and none to anybody else; bytes of every kind, and none at all."""
    houses, other = street.houses(count), street.house()
    letters = [b"first", b"\x00 second \x00\xff", b"", b"x" * 9000]
    for letter in letters:
        assert street.batch.send(letter, houses) == []
    assert [[street.finds(house) for _ in letters] for house in houses] == [letters] * count
    street.batch.send(b"later", (other,))
    assert street.finds(other) == b"later"


@pytest.mark.usefixtures("each_way")
def test_another_list_is_for_others(street: Street) -> None:
    """Who is not in it any more gets nothing; who is new in it does."""
    ann, bob, eve = street.houses(3)
    street.batch.send(b"1", (ann, bob))
    street.batch.send(b"2", (bob, eve))
    street.batch.send(b"3", (ann, bob))
    assert [street.finds(ann), street.finds(ann)] == [b"1", b"3"]
    assert [street.finds(bob) for _ in range(3)] == [b"1", b"2", b"3"]
    assert street.finds(eve) == b"2"
    assert street.is_empty(eve)


@pytest.mark.usefixtures("each_way")
def test_who_has_moved_gets_it_at_the_new_address(street: Street) -> None:
    """In the same list as before: nobody has come or gone."""
    everyone = street.houses(3)
    street.batch.send(b"before", everyone)
    assert [street.finds(house) for house in everyone] == [b"before"] * 3
    street.moves(everyone[1])
    street.batch.send(b"after", everyone)
    assert [street.finds(house) for house in everyone] == [b"after"] * 3


@pytest.mark.usefixtures("each_way")
def test_one_that_can_not_be_sent_holds_up_nobody(street: Street) -> None:
    """A datagram that is too large is an error for each of them; an address that can't be reached for that one."""
    everyone = street.houses(3)
    errors = street.batch.send(bytes(70_000), everyone)
    assert [error.errno for error in errors] == [errno.EMSGSIZE] * 3
    port_zero = (everyone[1].address[0], 0, *everyone[1].address[2:])
    nowhere = Registration(port_zero, Allowance(0, 1, 0.0))
    (error,) = street.batch.send(b"letter", (everyone[0], nowhere, everyone[2]))
    assert error.errno == errno.EINVAL
    assert error.strerror == "Invalid argument"
    assert [street.finds(everyone[0]), street.finds(everyone[2])] == [b"letter"] * 2


@pytest.mark.skipif(batch.SENDMMSG is None, reason="this system has no sendmmsg(2): nothing to ask twice")
def test_the_kernel_may_take_fewer_than_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes at most 1,024 at a time, and stops before one that fails: the rest is offered again."""
    real, offered = batch.SENDMMSG, []

    def takes_two(number: int, datagrams: object, count: int, flags: int) -> int:
        offered.append(count)
        assert real is not None
        return real(number, datagrams, min(count, 2), flags)

    street = Street("127.0.0.1", socket.AF_INET)
    houses = street.houses(5)
    monkeypatch.setattr(batch, "SENDMMSG", takes_two)
    assert street.batch.send(b"letter", houses) == []
    assert offered == [5, 3, 1]
    assert [street.finds(house) for house in houses] == [b"letter"] * 5
    street.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the form of an address in memory is Linux's here")
@pytest.mark.parametrize(
    "address",
    [("192.0.2.1", 4242), ("::1", 4242, 0, 0), ("fe80::1", 65_535, 7, 3), ("2001:db8::ffff", 1, 0, 0)],
)
def test_an_address_is_written_down_as_the_kernel_reads_it(address: tuple[str, int]) -> None:
    """Family, port and number where struct sockaddr_in and sockaddr_in6 have them."""
    written = written_down(address)
    family = socket.AF_INET if len(address) == 2 else socket.AF_INET6
    assert len(written) == (16 if len(address) == 2 else 28)
    assert int.from_bytes(written[:2], sys.byteorder) == family
    assert int.from_bytes(written[2:4], "big") == address[1]
    start, size = (4, 4) if len(address) == 2 else (8, 16)
    assert socket.inet_ntop(family, written[start : start + size]) == address[0]


def test_the_structures_are_as_large_as_the_kernels() -> None:
    """iovec: two words; msghdr: seven; mmsghdr: one more."""
    word = ctypes.sizeof(ctypes.c_void_p)
    assert ctypes.sizeof(batch._Buffer) == 2 * word
    assert ctypes.sizeof(batch._Header) == 7 * word
    assert ctypes.sizeof(batch._Datagram) == 8 * word

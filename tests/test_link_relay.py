"""The relay between real UDP sockets on loopback, with nobody but the test to move the datagrams."""

import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from benchmarks.link import relay as module
from benchmarks.link.relay import HEADERS, Address, Relay
from benchmarks.link.scheduler import Scheduler
from benchmarks.link.units import Refused

HOST = "127.0.0.1"
GUARD = 20.0
"""Seconds after which a test that hangs fails."""

LARGEST_PAYLOAD = 65_535 - 28
"""Bytes: what IPv4 leaves to a UDP datagram."""

Arrival = tuple[str, bytes, Address]
Opens = Callable[..., socket.socket]


@pytest.fixture
def opens() -> Iterator[Opens]:
    """Makes UDP sockets on loopback, which are closed at the end: on any port, or on a given one."""
    with ExitStack() as leaving:

        def make(port: int = 0) -> socket.socket:
            sock = leaving.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                sock.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
            sock.settimeout(GUARD)
            sock.bind((HOST, port))
            return sock

        yield make


@pytest.fixture
def server(opens: Opens) -> socket.socket:
    """A server's socket."""
    return opens()


@pytest.fixture
def relay(server: socket.socket) -> Iterator[Relay]:
    """A relay in front of the server."""
    relay = Relay(HOST)
    relay.target(port_of(server))
    yield relay
    relay.close()


@pytest.fixture
def client(relay: Relay, opens: Opens) -> socket.socket:
    """A client of the relay."""
    return joins(relay, opens)


def joins(relay: Relay, opens: Opens) -> socket.socket:
    """Another client of the relay."""
    sock = opens()
    sock.connect((HOST, relay.port))
    return sock


def port_of(sock: socket.socket) -> int:
    """The port that a socket has."""
    port: int = sock.getsockname()[1]
    return port


def arrives(relay: Relay) -> Arrival:
    """The next datagram that comes to the relay."""
    while True:
        assert select.select(relay.sources, [], [], GUARD)[0], "nothing came"
        arrival = relay.receive()
        if arrival is not None:
            return arrival


def carries(relay: Relay, count: int = 1) -> list[Arrival]:
    """Let the relay hand on so many datagrams, each when it comes."""
    arrivals = []
    for _ in range(count):
        arrivals.append(arrives(relay))
        relay.send(*arrivals[-1])
    return arrivals


def says(client: socket.socket, relay: Relay, server: socket.socket, text: bytes) -> Address:
    """The client says something, and the server hears it: from there."""
    client.send(text)
    carries(relay)
    heard, address = server.recvfrom(70_000)
    assert heard == text
    return address[0], address[1]


# --- both ways ------------------------------------------------------------------------------------


def test_what_a_client_sends_goes_up_and_what_the_server_sends_comes_down(
    relay: Relay, client: socket.socket, server: socket.socket
) -> None:
    """Each datagram whole and unchanged, with its direction; the tag is the client's address both ways."""
    client.send(b"hello")
    ((direction, packet, tag),) = carries(relay)
    assert (direction, tag) == ("up", client.getsockname())
    assert packet.startswith(b"hello")
    heard, address = server.recvfrom(100)
    server.sendto(b"welcome", address)
    ((direction, packet, tag),) = carries(relay)
    assert (direction, tag) == ("down", client.getsockname())
    assert packet.startswith(b"welcome")
    assert (heard, client.recv(100)) == (b"hello", b"welcome")
    assert relay.receive() is None


def test_where_nothing_has_come_there_is_nothing(relay: Relay) -> None:
    """`receive` does not wait."""
    assert relay.receive() is None


def test_the_server_sees_each_client_at_a_port_of_its_own(
    relay: Relay, server: socket.socket, opens: Opens
) -> None:
    """Not at the relay's, not at the client's; and always at the same."""
    clients = [joins(relay, opens) for _ in range(3)]
    first = [says(client, relay, server, b"hello") for client in clients]
    again = [says(client, relay, server, b"here") for client in clients]
    ports = {port for _, port in first}
    assert first == again
    assert len(ports) == 3
    assert not ports & {relay.port, *(port_of(client) for client in clients)}


def test_each_client_gets_its_own_answers(relay: Relay, server: socket.socket, opens: Opens) -> None:
    """Whatever the order in which the server answers."""
    clients = [joins(relay, opens) for _ in range(20)]
    seen = [says(client, relay, server, b"hello") for client in clients]
    for number, address in reversed(list(enumerate(seen))):
        server.sendto(b"answer %d" % number, address)
    carries(relay, len(clients))
    assert [client.recv(100) for client in clients] == [b"answer %d" % number for number in range(20)]


def test_datagrams_keep_their_order(relay: Relay, client: socket.socket, server: socket.socket) -> None:
    """A hundred that wait together, handed on afterwards."""
    for number in range(100):
        client.send(b"%d" % number)
    waiting = [arrives(relay) for _ in range(100)]
    for arrival in waiting:
        relay.send(*arrival)
    assert [int(server.recv(100)) for _ in range(100)] == list(range(100))


@pytest.mark.parametrize("size", [0, 1, 1472, LARGEST_PAYLOAD])
def test_a_datagram_of_any_size_passes(
    relay: Relay, client: socket.socket, server: socket.socket, size: int
) -> None:
    """From an empty one to the largest that UDP has: loopback carries it, so a relay there does, too."""
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    address = says(client, relay, server, data)
    server.sendto(data, address)
    carries(relay)
    assert client.recv(70_000) == data


def test_only_the_server_is_heard(
    relay: Relay, client: socket.socket, server: socket.socket, opens: Opens
) -> None:
    """What a stranger sends to the port at which the server sees a client goes nowhere."""
    address = says(client, relay, server, b"hello")
    opens().sendto(b"I am the server", address)
    server.sendto(b"and I am", address)
    carries(relay)
    assert client.recv(100) == b"and I am"
    assert relay.receive() is None


def test_a_client_that_has_gone_disturbs_nobody(
    relay: Relay, client: socket.socket, server: socket.socket, opens: Opens
) -> None:
    """What is sent to it is lost, however often; the others go on."""
    address = says(client, relay, server, b"hello")
    client.close()
    for _ in range(3):
        server.sendto(b"anybody?", address)
        carries(relay)
    says(joins(relay, opens), relay, server, b"I am")


# --- the server -----------------------------------------------------------------------------------


def test_before_there_is_a_server_nothing_goes_on(opens: Opens) -> None:
    """What comes is counted as a stray, and does not reach the one that is there later."""
    relay, server = Relay(HOST), opens()
    client = joins(relay, opens)
    for _ in range(3):
        client.send(b"anybody?")
    assert select.select(relay.sources, [], [], GUARD)[0]
    while relay.receive() is not None:
        pass
    assert relay.strays == 3
    relay.target(port_of(server))
    says(client, relay, server, b"hello")
    relay.close()


def test_what_is_sent_up_before_there_is_a_server_is_lost() -> None:
    """Without an error, and without a socket for its client."""
    relay = Relay(HOST)
    relay.send("up", b"early" + bytes(HEADERS), (HOST, 9))
    assert len(relay.sources) == 1
    relay.close()


def test_a_server_that_is_gone_is_for_its_clients_to_notice(
    relay: Relay, client: socket.socket, server: socket.socket, opens: Opens
) -> None:
    """ICMP says that nobody is there: no error, nothing received; and when it is back all is as before."""
    address = says(client, relay, server, b"hello")
    port = port_of(server)
    server.close()
    for _ in range(3):
        client.send(b"anybody?")
        carries(relay)
        assert select.select(relay.sources, [], [], GUARD)[0], "no ICMP came"
        assert relay.receive() is None
    back = opens(port)
    assert says(client, relay, back, b"there you are") == address
    back.sendto(b"here I am", address)
    carries(relay)
    assert client.recv(100) == b"here I am"


@pytest.mark.skipif(sys.platform != "linux", reason="when a socket hears of ICMP differs between systems")
def test_what_the_relay_hears_of_an_old_datagram_costs_no_new_one(
    relay: Relay, client: socket.socket, server: socket.socket, opens: Opens
) -> None:
    """Between two datagrams that came together the server comes back: it gets the second."""
    says(client, relay, server, b"hello")
    port = port_of(server)
    server.close()
    client.send(b"lost")
    client.send(b"to be heard")
    lost, heard = arrives(relay), arrives(relay)
    relay.send(*lost)
    back = opens(port)
    back.setblocking(False)  # on loopback what has been sent is there
    relay.send(*heard)
    assert back.recv(100) == b"to be heard"


def test_a_new_target_has_new_clients(
    relay: Relay, client: socket.socket, server: socket.socket, opens: Opens
) -> None:
    """It sees them at new ports; the old server's late answers reach nobody, and what is under way goes to the new."""
    old = says(client, relay, server, b"hello")
    server.sendto(b"already here", old)
    client.send(b"under way")
    under_way = next(one for one in (arrives(relay), arrives(relay)) if one[0] == "up")
    server.sendto(b"not looked at", old)
    new = opens()
    relay.target(port_of(new))
    assert len(relay.sources) == 1
    server.sendto(b"too late", old)
    assert relay.receive() is None
    relay.send(*under_way)
    heard, first = new.recvfrom(100)
    assert heard == b"under way"
    assert says(client, relay, new, b"hello again") == first != old
    new.sendto(b"welcome", first)
    carries(relay)
    assert client.recv(100) == b"welcome"


def test_the_same_target_again_begins_anew(
    relay: Relay, client: socket.socket, server: socket.socket
) -> None:
    """Each run is one of its own, even with the same server."""
    before = says(client, relay, server, b"hello")
    relay.target(port_of(server))
    assert len(relay.sources) == 1
    assert says(client, relay, server, b"hello") != before


@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_a_port_that_is_none_is_refused(
    relay: Relay, client: socket.socket, server: socket.socket, port: int
) -> None:
    """Nothing has changed then: the server is where it was, and its clients are the same."""
    before = says(client, relay, server, b"hello")
    with pytest.raises(Refused, match=str(port)):
        relay.target(port)
    assert says(client, relay, server, b"still here") == before


# --- many clients ---------------------------------------------------------------------------------


def test_one_client_too_many_makes_the_oldest_forgotten(
    monkeypatch: pytest.MonkeyPatch, relay: Relay, server: socket.socket, opens: Opens
) -> None:
    """There are never more sockets than allowed; the others keep their ports, and a forgotten one may come again."""
    monkeypatch.setattr(module, "CLIENTS", 3)
    clients = [joins(relay, opens) for _ in range(4)]
    first = [says(client, relay, server, b"hello") for client in clients]
    assert len(relay.sources) == 1 + 3
    assert [says(client, relay, server, b"here") for client in clients[1:]] == first[1:]
    server.sendto(b"for the forgotten one", first[0])
    assert relay.receive() is None
    again = says(clients[0], relay, server, b"and me?")  # now the second one goes
    assert again != first[0]
    assert len(relay.sources) == 1 + 3
    server.sendto(b"you, too", again)
    carries(relay)
    assert clients[0].recv(100) == b"you, too"
    assert says(clients[3], relay, server, b"here") == first[3]


def test_an_answer_on_its_way_reaches_a_client_that_was_forgotten(
    monkeypatch: pytest.MonkeyPatch, relay: Relay, server: socket.socket, opens: Opens
) -> None:
    """It had come in before: its fate was decided then."""
    monkeypatch.setattr(module, "CLIENTS", 1)
    first, second = joins(relay, opens), joins(relay, opens)
    server.sendto(b"for the first", says(first, relay, server, b"hello"))
    on_its_way = arrives(relay)
    says(second, relay, server, b"hello")
    relay.send(*on_its_way)
    assert first.recv(100) == b"for the first"


def test_a_client_for_whom_there_was_no_socket_may_try_again(
    monkeypatch: pytest.MonkeyPatch, relay: Relay, client: socket.socket, server: socket.socket
) -> None:
    """The system was short of something for a moment: a datagram is lost, and the next one passes."""

    class Unlucky(socket.socket):
        """No port is left."""

        def bind(self, address: object) -> None:
            raise OSError("no port is left")

    client.send(b"lost")
    arrival = arrives(relay)
    with monkeypatch.context() as patched:
        patched.setattr(socket, "socket", Unlucky)
        relay.send(*arrival)
    client.send(b"hello")
    carries(relay)
    server.setblocking(False)  # on loopback what has been sent is there
    assert server.recv(100) == b"hello"


# --- damage and size ------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [b"", b"hi"])
def test_a_damaged_packet_is_not_delivered(
    relay: Relay, client: socket.socket, server: socket.socket, text: bytes
) -> None:
    """Whichever bit is wrong, up and down; the intact one behind all those is the first to arrive."""
    client.send(text)
    up = arrives(relay)
    relay.send(*up)
    _, address = server.recvfrom(100)
    server.sendto(text, address)
    down = arrives(relay)
    for direction, packet, tag in (up, down):
        for bit in range(8 * len(packet)):
            damaged = bytearray(packet)
            damaged[bit // 8] ^= 1 << bit % 8
            relay.send(direction, bytes(damaged), tag)
        relay.send(direction, packet, tag)
    for receiver in (server, client):
        receiver.setblocking(False)
        assert receiver.recv(100) == text
        with pytest.raises(BlockingIOError):
            receiver.recv(100)


@pytest.mark.parametrize("packet", [b"x", b"x" * HEADERS, b"x" * 2 * HEADERS])
def test_what_the_relay_has_not_sealed_is_not_delivered(
    relay: Relay, client: socket.socket, server: socket.socket, packet: bytes
) -> None:
    """Too short, or without its checksum: no error either."""
    says(client, relay, server, b"hello")
    relay.send("up", packet, client.getsockname())
    says(client, relay, server, b"the next thing heard")


def test_corrupt_loses_every_packet_it_touches(
    relay: Relay, client: socket.socket, server: socket.socket
) -> None:
    """`corrupt 100%` through a scheduler: all come out, and none of them is delivered."""
    link = Scheduler("corrupt 100%", "", 1)
    for _ in range(50):
        client.send(b"damaged")
        link.receive(*arrives(relay)[:2], 0.0, client.getsockname())
    out = list(link.due(0.0))
    for due in out:
        relay.send(due.direction, due.packet, client.getsockname())
    assert len(out) == 50
    says(client, relay, server, b"the next thing heard")


@pytest.mark.parametrize("size", [0, 100])
def test_a_rate_counts_the_bytes_that_are_on_the_wire(
    relay: Relay, client: socket.socket, server: socket.socket, size: int
) -> None:
    """At 8,000 bit/s a datagram takes a millisecond for each of its bytes and of its 28 of headers, up and down."""
    address = says(client, relay, server, b"hello")
    link = Scheduler("rate 8kbit", "rate 8kbit", 1)
    client.send(bytes(size))
    server.sendto(bytes(size), address)
    for arrival in (arrives(relay), arrives(relay)):
        link.receive(*arrival[:2], 0.0, arrival[2])
    dues = list(link.due(3600.0))
    assert sorted(due.direction for due in dues) == ["down", "up"]
    assert [due.deliver_at for due in dues] == [(size + HEADERS) * 8 / 8000] * 2
    assert HEADERS == 20 + 8


# --- beginning and end ----------------------------------------------------------------------------


def test_two_relays_have_two_ports() -> None:
    """Any free one, on the host that was asked for."""
    relays = [Relay(HOST) for _ in range(2)]
    assert relays[0].port != relays[1].port
    assert [one.sources[0].getsockname() for one in relays] == [(HOST, one.port) for one in relays]
    for one in relays:
        one.close()


def test_a_host_that_is_not_ours_is_an_error_and_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """OSError, and everything that was opened is closed."""
    opened: list[socket.socket] = []

    class Noted(socket.socket):
        """Remembered here."""

        def setblocking(self, flag: bool) -> None:
            opened.append(self)
            super().setblocking(flag)

    monkeypatch.setattr(socket, "socket", Noted)
    with pytest.raises(OSError, match=r"."):
        Relay("192.0.2.1")  # TEST-NET-1: nobody has it
    left = [sock for sock in opened if sock.fileno() >= 0]
    for sock in left:
        sock.close()
    assert not left


def test_a_closed_relay_holds_no_socket(
    relay: Relay, client: socket.socket, server: socket.socket, opens: Opens
) -> None:
    """Neither its own nor those of its clients; `close` may be called twice, and its port is free again."""
    says(client, relay, server, b"hello")
    port = relay.port
    sockets = list(relay.sources)
    assert len(sockets) == 2
    relay.close()
    relay.close()
    assert [sock.fileno() for sock in sockets] == [-1, -1]
    opens(port)

"""A UDP server at every address of its machine answers from the one it was asked at.

Everybody here has a connected socket, as our clients have: it hears what comes from the address it asked, and nothing
else. 127.0.0.1 and 127.0.0.2 are two addresses of one machine, as those of its Wi-Fi and its cable are.
"""

import socket
import struct
from collections.abc import Iterator

import pytest

from common import addresses
from common.addresses import Address
from common.messages import Bye, Challenge, Chat, Error, Hello, Ping, Pong, Say, Unknown, Welcome
from tests.lab import PATIENCE, Lab, Stranger
from udp import batch, wildcard
from udp.wildcard import IP_PKTINFO, IPV6_PKTINFO, taken_apart

ONE, OTHER = "127.0.0.1", "127.0.0.2"


def works(host: str) -> bool:
    """Whether this machine has the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(
    not (works(OTHER) and IP_PKTINFO and hasattr(socket.socket, "recvmsg")),
    reason=f"this machine has no {OTHER}, or does not tell who was asked",
)


@pytest.fixture(params=["0.0.0.0", "::"])
def everywhere(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A server at all addresses, over IPv4 alone and over both."""
    if not works(request.param):
        pytest.skip("this machine has no IPv6")
    with Lab("udp", host=request.param) as lab:
        yield lab


class Visitors:
    """Bare sockets, each connected to the address of the server that it asks."""

    def __init__(self, lab: Lab) -> None:
        self._port: int = lab.address[1]
        self._here: list[Stranger] = []

    def asks(self, host: str) -> Stranger:
        """Somebody asks at this address."""
        self._here.append(Stranger("udp", (host, self._port)))
        return self._here[-1]

    def leave(self) -> None:
        """Close the sockets."""
        for stranger in self._here:
            stranger.socket.close()


@pytest.fixture
def visitors(everywhere: Lab) -> Iterator[Visitors]:
    """Whoever asks the server."""
    visitors = Visitors(everywhere)
    yield visitors
    visitors.leave()


@pytest.mark.parametrize("calls", ["one call", "one by one"])
def test_everybody_hears_everybody(everywhere: Lab, calls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of ours, each at another address of the server: the kernel sends to all at once, or to one by one."""
    if calls == "one by one":
        monkeypatch.setattr(batch, "SENDMMSG", None)
    hosts = [ONE, OTHER, "127.0.1.1"]
    if everywhere.address[0] == "::":
        hosts.append("::1")
    members = [everywhere.join(f"at{number}", host=host) for number, host in enumerate(hosts)]
    for speaker in members:
        speaker.says(f"hello from {speaker.nick}")
        for hearer in members:
            hearer.hears(speaker.nick, f"hello from {speaker.nick}")


def test_every_kind_of_answer_leaves_from_there(everywhere: Lab, visitors: Visitors) -> None:
    """To strangers and to members, from the room and from the server itself, and the last word."""
    ann = visitors.asks(OTHER)
    ann.sends(Hello(nick="ann", lab=1))
    ann.cookie = ann.gets(Challenge).cookie
    ann.sends(Hello(nick="ann", lab=1, cookie=ann.cookie))
    ann.token = ann.gets(Welcome).token
    ann.sends(Say(message="alone", token=ann.token))
    assert ann.gets(Chat).message == "alone"
    ann.sends(Ping(token=ann.token))
    ann.gets(Pong)
    ann.sends_payload(b"garbage")
    ann.gets(Error)
    stranger = visitors.asks(OTHER)
    stranger.sends(Say(message="hello?", token="of a room that is gone"))
    stranger.gets(Unknown)
    everywhere.stop()
    ann.gets(Bye)


def test_who_moves_is_answered_from_where_it_asks_now(visitors: Visitors) -> None:
    """A member comes from another address, to another one of ours: its token and a cookie bring it there."""
    before, after = visitors.asks(ONE).joins("ann"), visitors.asks(OTHER)
    after.sends(Say(message="lost on the way", token=before.token))
    cookie = after.gets(Challenge).cookie
    after.sends(Hello(nick="ann", lab=1, cookie=cookie, token=before.token))
    assert after.gets(Welcome).token == before.token
    after.sends(Say(message="here I am", token=before.token))
    assert after.gets(Chat).message == "here I am"


def test_a_port_that_asks_at_two_addresses_is_two_peers(everywhere: Lab, visitors: Visitors) -> None:
    """As over TCP, where both ends name a connection: a NAT may give one port to two of the people behind it."""
    one, other = visitors.asks(ONE), visitors.asks(OTHER)
    other.socket.close()
    other.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for stranger in (one, other):
        stranger.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    other.socket.settimeout(PATIENCE)
    other.socket.bind(one.socket.getsockname())
    other.socket.connect((OTHER, everywhere.address[1]))
    one.joins("one")
    other.joins("other")
    other.sends(Say(message="from two of them", token=other.token))
    assert one.gets(Chat).message == other.gets(Chat).message == "from two of them"


def test_a_server_at_one_address_has_nothing_to_do_with_it() -> None:
    """What it receives and sends with is its socket: the same calls, and addresses as the socket module has them."""
    with Lab("udp") as lab:
        assert lab.server._post is lab.server._socket
        lab.stranger().joins("ann")
        (peer,) = lab.server._registry._by_address
        assert taken_apart(peer) == (peer, ())


def test_where_the_system_does_not_tell_the_log_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server there is as good as it can be, and says at the start what may go wrong and what to do."""
    monkeypatch.setattr(wildcard, "IP_PKTINFO", 0)
    with Lab("udp", host="0.0.0.0") as lab:
        visitors = Visitors(lab)
        visitors.asks(ONE).joins("ann")
        visitors.leave()
        assert wildcard.UNTOLD in lab.written.getvalue()
        assert addresses.heard_at(lab.server._socket) in lab.written.getvalue()


# --- what the kernel tells ------------------------------------------------------------------------

PEER: Address = ("192.0.2.1", 4242)
FOUR, SIX = (socket.IPPROTO_IP, IP_PKTINFO), (socket.IPPROTO_IPV6, IPV6_PKTINFO)


def ipv4(network: int, ours: str, destination: str) -> bytes:
    """struct in_pktinfo."""
    return struct.pack("=i4s4s", network, socket.inet_aton(ours), socket.inet_aton(destination))


def ipv6(ours: str, network: int) -> bytes:
    """struct in6_pktinfo."""
    return struct.pack("=16sI", socket.inet_pton(socket.AF_INET6, ours), network)


@pytest.mark.parametrize(
    ("kind", "told", "answer"),
    [
        (FOUR, ipv4(2, "192.0.2.9", "192.0.2.9"), (*FOUR, ipv4(0, "192.0.2.9", "0.0.0.0"))),
        (FOUR, ipv4(2, "192.0.2.9", "192.0.2.255"), (*FOUR, ipv4(0, "192.0.2.9", "0.0.0.0"))),
        (FOUR, ipv4(2, "0.0.0.0", "192.0.2.9"), (*FOUR, ipv4(0, "192.0.2.9", "0.0.0.0"))),
        (SIX, ipv6("::ffff:192.0.2.9", 2), (*FOUR, ipv4(0, "192.0.2.9", "0.0.0.0"))),
        (SIX, ipv6("2001:db8::9", 2), (*SIX, ipv6("2001:db8::9", 0))),
        (SIX, ipv6("fe80::9", 2), (*SIX, ipv6("fe80::9", 2))),
        (SIX, ipv6("ff02::1", 2), None),
        ((socket.SOL_SOCKET, 1), b"a time, or something else", None),
    ],
    ids=["Linux", "broadcast", "macOS", "IPv4 at ::", "IPv6", "link-local", "multicast", "another item"],
)
def test_what_an_answer_is_sent_with(
    kind: tuple[int, int], told: bytes, answer: tuple[int, int, bytes] | None
) -> None:
    """The address that was asked; the network is left to the routes, but for an address that means one network. Nobody
    answers from an address of many."""
    assert wildcard._way_back(*kind, told) == (() if answer is None else (answer,))


@pytest.mark.parametrize("address", [PEER, ("2001:db8::1", 4242, 0, 0)])
def test_an_address_goes_on_where_that_of_the_socket_module_ends(address: Address) -> None:
    """It is shown as the same."""
    item = (*FOUR, ipv4(0, "192.0.2.9", "0.0.0.0"))
    assert taken_apart((*address, item)) == (address, (item,))
    assert addresses.show((*address, item)) == addresses.show(address)


def test_an_item_is_enclosed_as_the_kernel_reads_it() -> None:
    """Its length, level, type and bytes, and then as much as makes the next one begin at a word's boundary."""
    word = struct.calcsize("@N")
    enclosed = batch.enclosed([(*SIX, ipv6("::1", 0))])
    length = socket.CMSG_LEN(20)
    assert enclosed[:word] == struct.pack("@N", length)
    assert enclosed[length - 20 : length] == ipv6("::1", 0)
    assert len(enclosed) == socket.CMSG_SPACE(20)
    assert batch.enclosed([]) == b""

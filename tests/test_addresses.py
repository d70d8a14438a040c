"""Addresses: shown, resolved, and explained to the person whose server can't have one."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common import addresses
from common.addresses import Address, Unusable, bind, explain_bind, find_holder, resolve, show, take_apart

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
SEES_PROGRAMS = Path("/proc/net/tcp").exists()


@pytest.fixture(params=KINDS)
def held(request: pytest.FixtureRequest) -> Iterator[tuple[str, socket.socket]]:
    """A transport, and a socket of ours that holds a port of it."""
    transport = str(request.param)
    with socket.socket(socket.AF_INET, KINDS[transport]) as sock:
        sock.bind(("127.0.0.1", 0))
        if transport == "tcp":
            sock.listen()
        yield transport, sock


def error(number: int) -> OSError:
    """The error of this number, as the socket module raises it."""
    return OSError(number, os.strerror(number))


@pytest.fixture
def nobody_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that does not show who holds a port."""
    monkeypatch.setattr(addresses, "find_holder", lambda port, transport: "")


# --- show -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 4242), "127.0.0.1:4242"),
        (("", 0), ":0"),
        (("localhost", 65_535), "localhost:65535"),
        (("::1", 4242, 0, 0), "[::1]:4242"),
        (("::ffff:127.0.0.1", 1, 0, 0), "[::ffff:127.0.0.1]:1"),
        (("fe80::1%eth0", 4242, 0, 2), "[fe80::1%eth0]:4242"),
        (("fe80::1", 4242, 0, 999_999), "[fe80::1%999999]:4242"),
    ],
)
def test_an_address_is_shown_as_host_and_port(address: Address, text: str) -> None:
    """IPv6 has colons of its own, hence brackets; the flow is for programs, and so is a scope that is no network."""
    assert show(address) == text


@pytest.mark.parametrize("number", [number for number, _ in socket.if_nameindex()])
def test_the_network_of_an_address_is_shown(number: int) -> None:
    """fe80::1 is another machine in each network: the one that is shown can be said again, and is the same."""
    shown = show(("fe80::1", 4242, 0, number))
    host, _ = take_apart(shown)
    assert resolve(host, 4242, socket.SOCK_DGRAM) == [(socket.AF_INET6, ("fe80::1", 4242, 0, number))]


# --- what a person calls a host -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "host", "port"),
    [
        ("127.0.0.1", "127.0.0.1", None),
        ("127.0.0.1:4320", "127.0.0.1", 4320),
        ("localhost:1", "localhost", 1),
        ("::1", "::1", None),
        ("[::1]", "::1", None),
        ("[::1]:4302", "::1", 4302),
        ("fe80::1%1", "fe80::1%1", None),
        ("[fe80::1%1]:4302", "fe80::1%1", 4302),
        ("::1:4302", "::1:4302", None),
        (" 127.0.0.1\n", "127.0.0.1", None),
    ],
)
def test_what_a_server_prints_is_a_host(said: str, host: str, port: int | None) -> None:
    """With its port and its brackets, with one of them, and with neither."""
    assert take_apart(said) == (host, port)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "The host is missing: a host is a name or a number"),
        (":4242", "The host is missing"),
        ("[]:4242", "The host is missing"),
        ("no such host", "'no such host' has white space in it"),
        ("4242", "'4242' is no host: if it is the port, say so (make: PORT=…, python: --port …)"),
        ("127.0.0.1:http", "has no valid port behind its colon"),
        ("127.0.0.1:", "has no valid port behind its colon"),
        ("[::1]:65536", "has no valid port behind its colon"),
        ("tcp://127.0.0.1:4242", "'tcp://127.0.0.1:4242' is a URL"),
        ("http://[::1]", "is a URL"),
        ("192.168.1.20/24", "leave out the / and what is behind it"),
        ("fe80::1", "say in which one, fe80::1%NETWORK (there are "),
        ("[fe80::1]:4242", "say in which one, fe80::1%NETWORK (there are "),
        ("fe80::1%nowhere", "This machine has no network 'nowhere'"),
    ],
)
def test_what_is_no_host_is_answered_with_what_is(said: str, why: str) -> None:
    """In one sentence."""
    with pytest.raises(Unusable) as caught:
        take_apart(said)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


# --- resolve --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_number_is_its_own_address(kind: socket.SocketKind) -> None:
    """Once, not once for each kind of socket."""
    assert resolve("127.0.0.1", 4242, kind) == [(socket.AF_INET, ("127.0.0.1", 4242))]
    assert resolve("::1", 4242, kind) == [(socket.AF_INET6, ("::1", 4242, 0, 0))]


@pytest.mark.parametrize(
    "host", ["no.such.host.invalid", "256.256.256.256", "[::1", "x" * 300, "a..b", "1.2.3.4.5"]
)
def test_a_name_that_means_nothing_is_explained(host: str) -> None:
    """A sentence with the name and a remedy, whether the system or Python refuses it."""
    with pytest.raises(Unusable, match="check the spelling, or give a number such as") as caught:
        resolve(host, 4242, socket.SOCK_STREAM)
    assert str(caught.value).startswith(f"{host!r} can't be resolved to an address (")
    assert caught.value.__cause__ is not None


def test_all_addresses_are_given_in_the_order_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `getaddrinfo` found, without what nobody needs."""
    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0))
    four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [six, four])
    monkeypatch.setattr(addresses, "_speaks", lambda *_: True)
    assert resolve("localhost", 1, socket.SOCK_STREAM) == [(six[0], six[4]), (four[0], four[4])]


def test_ipv6_that_is_switched_off_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` may mean ::1 on a machine whose kernel has no IPv6: 127.0.0.1 is left, and of ::1 nothing is."""
    real = socket.socket

    def without_ipv6(family: int = socket.AF_INET, *arguments: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise error(errno.EAFNOSUPPORT)
        return real(family, *arguments)

    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0))
    four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
    monkeypatch.setattr(socket, "socket", without_ipv6)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [six, four])
    assert resolve("localhost", 1, socket.SOCK_STREAM) == [(four[0], four[4])]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [six])
    with pytest.raises(Unusable, match="this machine has no IPv6"):
        resolve("::1", 1, socket.SOCK_STREAM)


# --- bind -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", KINDS)
def test_a_free_address_is_bound(transport: str) -> None:
    """Port 0 is any free one."""
    with socket.socket(socket.AF_INET, KINDS[transport]) as sock:
        bind(sock, ("127.0.0.1", 0), transport)
        assert sock.getsockname()[1] > 0


def test_a_port_in_use_is_explained(held: tuple[str, socket.socket]) -> None:
    """Which port, for which transport, and what to do; where the system shows it, who holds it."""
    transport, sock = held
    port = sock.getsockname()[1]
    with (
        socket.socket(socket.AF_INET, KINDS[transport]) as second,
        pytest.raises(Unusable, match=f"^Port {port} is in use for {transport.upper()} by ") as caught,
    ):
        bind(second, ("127.0.0.1", port), transport)
    assert "PORT=4343" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    if SEES_PROGRAMS:
        assert f"(process {os.getpid()})" in str(caught.value)


@pytest.mark.usefixtures("nobody_is_seen")
@pytest.mark.parametrize(("transport", "name"), [("tcp", "TCP"), ("udp", "UDP")])
def test_a_port_in_use_by_whom_nobody_sees(transport: str, name: str) -> None:
    """Another user's program is still another program."""
    assert explain_bind(error(errno.EADDRINUSE), ("127.0.0.1", 4242), transport) == (
        f"Port 4242 is in use for {name} by another program: stop that one, or choose another port "
        "(make: PORT=4343, python: --port 4343)."
    )


def test_a_port_that_windows_keeps_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """EACCES has nothing to do with privileges there: which command shows the ports that it keeps."""
    monkeypatch.setattr(addresses, "sys", SimpleNamespace(platform="win32"))
    said = explain_bind(error(errno.EACCES), ("127.0.0.1", 4242), "udp")
    assert "port 4242" in said
    assert "netsh interface ipv4 show excludedportrange udp" in said
    assert "privileged" not in said


def test_a_privileged_port_is_explained() -> None:
    """EACCES: which port, and from where on they are free."""
    assert explain_bind(error(errno.EACCES), ("127.0.0.1", 80), "tcp") == (
        "Port 80 is reserved for privileged programs: choose one from 1024 up "
        "(make: PORT=4242, python: --port 4242)."
    )


def test_an_address_of_another_machine_is_explained() -> None:
    """EADDRNOTAVAIL: the host is wrong, not the port; and which two always work."""
    sentence = explain_bind(error(errno.EADDRNOTAVAIL), ("192.0.2.1", 4242), "udp")
    assert sentence.startswith("192.0.2.1 is no address of this machine: use 127.0.0.1 ")
    assert "0.0.0.0" in sentence
    assert "--host" in sentence


def test_binding_to_an_address_of_another_machine_raises_that_sentence() -> None:
    """192.0.2.1 belongs to documentation (RFC 5737) and to no machine."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(Unusable, match=r"^192\.0\.2\.1 is no address of this machine"),
    ):
        bind(sock, ("192.0.2.1", 0), "udp")


def test_anything_else_is_told_as_the_system_tells_it() -> None:
    """An error without a sentence of its own keeps the system's words, and the address."""
    reason = os.strerror(errno.EPERM)
    sentence = explain_bind(error(errno.EPERM), ("::1", 4242, 0, 0), "tcp")
    assert sentence == f"[::1]:4242 can't be used ({reason}): choose another host or port."


# --- what a server hears, and what this machine does not send -------------------------------------


@pytest.mark.parametrize(
    ("host", "alone", "says"),
    [
        ("127.0.0.1", None, ""),
        ("0.0.0.0", None, "every IPv4 address of this machine, and no IPv6"),
        ("::", 0, "every address of this machine, IPv6 and IPv4"),
        ("::", 1, "every IPv6 address of this machine, and no IPv4"),
    ],
)
def test_what_a_server_at_all_addresses_hears_is_said(host: str, alone: int | None, says: str) -> None:
    """At :: that is a matter of the system: Linux hears IPv4 there, too, and Windows does not."""
    family = socket.AF_INET if alone is None else socket.AF_INET6
    if not addresses._speaks(family, socket.SOCK_DGRAM):
        pytest.skip("this machine has no IPv6")
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if alone is not None:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, alone)
        sock.bind((host, 0))
        heard = addresses.heard_at(sock)
    assert says in heard
    assert bool(says) == bool(heard)


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (error(errno.EMSGSIZE), "too long for one datagram"),
        (error(errno.EPERM), "this machine's own firewall"),
        (error(errno.ENETUNREACH), "knows no way there"),
        (error(errno.EHOSTUNREACH), "there is no way to it"),
        (error(errno.EINVAL), "this machine refuses"),
        (TimeoutError("timed out"), "waiting to be sent"),
    ],
    ids=str,
)
def test_what_this_machine_does_not_send_is_explained(problem: OSError, why: str) -> None:
    """In plain words, and in those of the system."""
    explained = addresses.explain_send(problem)
    assert why in explained
    assert explained.endswith(f"({problem.strerror or 'timed out'})")


# --- who holds a port -----------------------------------------------------------------------------


@pytest.mark.skipif(not SEES_PROGRAMS, reason="only Linux shows in /proc who holds a port")
def test_the_holder_of_a_port_is_found(held: tuple[str, socket.socket]) -> None:
    """It is this process, by name and number; and it holds the port for one transport only."""
    transport, sock = held
    port = sock.getsockname()[1]
    name = Path("/proc/self/comm").read_text().strip()
    assert find_holder(port, transport) == f"{name} (process {os.getpid()})"


@pytest.mark.skipif(not SEES_PROGRAMS, reason="only Linux shows in /proc who holds a port")
@pytest.mark.parametrize("transport", KINDS)
def test_the_holder_of_an_ipv6_port_is_found(transport: str) -> None:
    """IPv6 sockets stand in a table of their own."""
    if not Path(f"/proc/net/{transport}6").exists():
        pytest.skip("this kernel has no IPv6")
    with socket.socket(socket.AF_INET6, KINDS[transport]) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no ::1")
        if transport == "tcp":
            sock.listen()
        assert f"(process {os.getpid()})" in find_holder(sock.getsockname()[1], transport)


def test_who_only_talks_from_a_port_does_not_hold_it() -> None:
    """A TCP connection from that local port does not listen, and is not what is in the way."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as talks,
    ):
        assert find_holder(talks.getsockname()[1], "tcp") == ""


@pytest.mark.parametrize("transport", KINDS)
def test_nobody_holds_port_0(transport: str) -> None:
    """A port that nobody can have has no holder."""
    assert find_holder(0, transport) == ""


def test_without_proc_nobody_is_seen(
    monkeypatch: pytest.MonkeyPatch, held: tuple[str, socket.socket]
) -> None:
    """macOS and Windows have no such tables: empty, and no exception."""
    transport, sock = held
    monkeypatch.setattr(addresses, "_lines", lambda path: [])
    assert find_holder(sock.getsockname()[1], transport) == ""


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    """A process that ended while it was looked at."""
    assert addresses._lines(str(tmp_path / "gone")) == []

"""How many there may be, on real sockets, and what happens one past it."""

import time

import pytest

from common import limits
from common.events import Ended, Joined, Refused, Went
from common.messages import Challenge, Error, Hello
from tests.lab import PATIENCE, Lab

# --- members --------------------------------------------------------------------------------------


def test_one_member_too_many_is_refused(transport: str) -> None:
    """--max-members: the newcomer hears `full` in a sentence; those who are in talk on."""
    with Lab(transport, max_members=2) as lab:
        ann, bob = lab.join("ann"), lab.join("bob")
        late = lab.member("late")
        late.client.start()
        refused = late.sees(Refused, Joined, Ended)
        assert isinstance(refused, Refused)
        assert refused.code == "full"
        assert "2 members" in refused.reason
        ann.says("hi")
        bob.hears("ann", "hi")
        bob.leaves()
        assert ann.sees(Went).nick == "bob"
        lab.join("late")


def test_refused_newcomers_cost_nothing(transport: str) -> None:
    """Fifty of them later the server knows one member, and nobody else."""
    with Lab(transport, max_members=1) as lab:
        ann = lab.join("ann")
        for number in range(50):
            stranger = lab.stranger()
            stranger.sends(Hello(nick=f"n{number}", lab=1))
            if transport == "udp":
                cookie = stranger.gets(Challenge).cookie
                stranger.sends(Hello(nick=f"n{number}", lab=1, cookie=cookie))
            assert stranger.gets(Error).code == "full"
            if transport == "tcp":
                assert stranger.is_cut_off()
            stranger.socket.close()
        ann.says("hi")
        ann.hears("ann", "hi")
        assert len(lab.server.room) == 1
        if transport == "udp":
            assert len(lab.server._registry) == 1


# --- connections that say nothing -------------------------------------------------------------------


def test_the_oldest_silent_connection_goes() -> None:
    """A hundred wait for their hello; with the next one the first hears `full` and is closed, and so on. A member
    that joins meanwhile is served, and one that is in notices nothing."""
    with Lab("tcp") as lab:
        ann = lab.join("ann")
        silent = [lab.stranger() for _ in range(limits.MAX_GUESTS + 20)]
        for stranger in silent[:20]:
            assert stranger.gets(Error).code == "full"
            assert stranger.is_cut_off()
        bob = lab.join("bob")
        ann.says("hi")
        bob.hears("ann", "hi")
        for stranger in silent[21:]:  # bob needed a place for a moment, too
            stranger.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                stranger.socket.recv(1)
        assert len(lab.server.room._guests) <= limits.MAX_GUESTS


def test_connections_that_end_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens connections all the time and takes nobody's last words keeps as many as there may be guests,
    though there would be an hour's time for them."""
    monkeypatch.setattr(limits, "LINGER", 3600.0)
    monkeypatch.setattr(limits, "MAX_GUESTS", 10)
    with Lab("tcp") as lab:
        ann = lab.join("ann")
        strangers = [lab.stranger() for _ in range(50)]
        for stranger in strangers[:40]:
            assert stranger.gets(Error).code == "full"
        until = time.monotonic() + PATIENCE
        # Those that were cut end when their readers have seen it.
        while len(lab.server._connections) > 1 + 10 + 10:
            assert time.monotonic() < until
            ann.says("tick")
            ann.hears("ann", "tick")
        assert len(lab.server._ending) <= 10

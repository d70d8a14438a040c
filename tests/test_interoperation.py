"""Over TCP the lab talks to programs written to Beej's chapter by somebody else, and they to it."""

from collections.abc import Iterator

import pytest

from common.command_line import ClientOptions
from common.events import Came, Joined, Spoken, Went
from common.messages import Act, Say, Who
from common.session import NotSent
from tests.lab import Lab, Member
from tests.plain import PlainClient, PlainServer

WORDS = ["Hello?", "Привет, こんにちは 🙂", 'quotes " and \\ and \n newlines', "x" * 10_000]


@pytest.fixture(params=[1, 5, 4096])
def read_size(request: pytest.FixtureRequest) -> int:
    """How many bytes the foreign program reads at a time."""
    return int(request.param)


@pytest.fixture
def foreign_server(read_size: int) -> Iterator[PlainServer]:
    """A server from the chapter."""
    server = PlainServer(read_size)
    yield server
    server.stop()


def test_a_foreign_client_talks_to_our_server(read_size: int) -> None:
    """It joins, hears, is heard, and sees people leave; nothing comes that the chapter does not know."""
    with Lab("tcp") as lab:
        pat = PlainClient(lab.address, "pat", read_size)
        (joined,) = pat.packets(1)
        assert (joined["type"], joined["nick"]) == ("join", "pat")
        ann = lab.join("ann")
        for text in WORDS:
            pat.say(text)
            ann.hears("pat", text)
            ann.says(text)
            ann.hears("ann", text)
        ann.sends(Act(message="waves"))
        ann.sees(Spoken)
        ann.leaves()
        packets = pat.packets(1 + 2 * len(WORDS) + 2)
        assert {packet["type"] for packet in packets} == {"join", "chat", "leave"}
        said = [(packet["nick"], packet["message"]) for packet in packets if packet["type"] == "chat"]
        both = [(nick, text) for text in WORDS for nick in ("pat", "ann")]
        assert said == [*both, ("ann", "* ann waves")]
        assert packets[-1]["nick"] == "ann"
        pat.close()


def test_our_client_talks_to_a_foreign_server(foreign_server: PlainServer) -> None:
    """Ours sends only what the chapter knows, and takes its own words coming back for the receipt."""
    ann = Member("tcp", ClientOptions(port=foreign_server.port), "ann").joins()
    bob = Member("tcp", ClientOptions(port=foreign_server.port), "bob").joins()
    while ann.sees(Came).nick != "bob":
        pass
    for text in WORDS:
        ann.says(text)
        assert bob.hears("ann", text).round_trip is None
        assert ann.hears("ann", text).round_trip is not None
    with pytest.raises(NotSent, match="plain server"):
        ann.sends(Who())
    bob.sends(Act(message="waves"))
    ann.hears("bob", "* bob waves")
    bob.leaves()
    assert ann.sees(Went) == Went("bob", "")
    ann.leaves()


def test_a_foreign_server_that_keeps_our_join_to_itself() -> None:
    """The chapter can be read so that the joiner hears nothing: our client still begins to talk."""
    server = PlainServer(4096, echo_join=False)
    ann = Member("tcp", ClientOptions(port=server.port), "ann")
    ann.client.start()
    ann.client.unanswered()
    assert ann.sees(Joined).plain
    ann.sends(Say(message="anybody?"))
    ann.hears("ann", "anybody?")
    ann.leaves()
    server.stop()

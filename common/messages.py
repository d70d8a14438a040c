"""The messages: what a client may say, what a server may say, and how both become bytes.

One message is one JSON object in UTF-8 whose `type` names it; PROTOCOL.md has the list, with the
bytes. The classes are the schema: what does not fit them is refused here, and nowhere else. A client
*says*, *acts*, *tells*; the server delivers a *chat*, an *emote*, a *direct*: the same `type` on the
wire, different fields, hence two classes.

This module knows no socket. TCP puts a length in front of a payload (`tcp/framing.py`); over UDP a
payload is a datagram.
"""

from typing import Annotated, TypeVar

import msgspec

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""A `seq`, or an `id` that a client chose: an integer every JSON reader keeps exact (RFC 8259, section 6)."""


class FromClient(msgspec.Struct, tag_field="type", omit_defaults=True, kw_only=True):
    """What a client sends. Over UDP it carries the `token` of the member who speaks."""

    token: str = ""


class Hello(FromClient, tag="hello"):
    """The first message: `nick` asks to join. `lab` 1 knows the extensions; `cookie` answers a challenge (UDP)."""

    nick: str
    lab: int = 0
    cookie: str = ""


class Say(FromClient, tag="chat"):
    """To the room. `id` comes back with it: that is the receipt."""

    message: str
    id: Number | None = None


class Act(FromClient, tag="emote"):
    """To the room, told of oneself: `/me waves`."""

    message: str
    id: Number | None = None


class Tell(FromClient, tag="direct"):
    """To the one member whose nick is `to`."""

    to: str
    message: str
    id: Number | None = None


class Who(FromClient, tag="who"):
    """Who is here?"""


class Ping(FromClient, tag="ping"):
    """I am still here."""


class Goodbye(FromClient, tag="leave"):
    """I am leaving."""


class FromServer(msgspec.Struct, tag_field="type", omit_defaults=True, kw_only=True):
    """What a server sends. `seq` is the room's counter; a plain server (Beej's chapter) sends none."""


class Chat(FromServer, tag="chat"):
    """`nick` said `message`."""

    nick: str
    message: str
    seq: Number | None = None
    id: Number | None = None


class Emote(FromServer, tag="emote"):
    """`nick` did `message`."""

    nick: str
    message: str
    seq: Number | None = None
    id: Number | None = None


class Direct(FromServer, tag="direct"):
    """`nick` said `message` to `to` alone. Not numbered: others do not see it."""

    nick: str
    to: str
    message: str
    id: Number | None = None


class Join(FromServer, tag="join"):
    """`nick` is in the room from here on."""

    nick: str
    seq: Number | None = None


class Leave(FromServer, tag="leave"):
    """`nick` is gone; `reason` is one of `room.REASONS`."""

    nick: str
    seq: Number | None = None
    reason: str = ""


class Welcome(FromServer, tag="welcome"):
    """You are in, as `nick`. `seq` is the room's last number so far, `members` who is here, and
    `more` how many of them did not fit. `token` proves who you are: over UDP all your later datagrams carry it,
    over TCP a hello that comes back on a new connection. `room` tells one room from the next: a server that
    was started again has another one, and counts from 0."""

    nick: str
    members: list[str]
    seq: Number
    token: str = ""
    room: str = ""
    more: Number = 0


class Challenge(FromServer, tag="challenge"):
    """Say hello again, with this `cookie`: it proves that you receive where you send from (UDP)."""

    cookie: str


class Unknown(FromServer, tag="unknown"):
    """No member has the token that you sent: say hello again (UDP). The server was started again, or has forgotten
    you."""


class Members(FromServer, tag="members"):
    """The answer to `who`; `more` as in `Welcome`."""

    members: list[str]
    more: Number = 0


class Pong(FromServer, tag="pong"):
    """So am I; and the room's last number is `seq`, so that the loss of a last message is seen too."""

    seq: Number | None = None


class Error(FromServer, tag="error"):
    """What was refused (`code`) and why (`message`, a sentence for a person); `id` of what was refused."""

    code: str
    message: str
    id: Number | None = None


class Bye(FromServer, tag="bye"):
    """It is over: the server is stopping, or has sent this member away; `reason` says it in words, `cause` is
    `stopped` or one of `room.REASONS`."""

    reason: str = ""
    cause: str = ""


ClientMessage = Hello | Say | Act | Tell | Who | Ping | Goodbye
ServerMessage = (
    Chat | Emote | Direct | Join | Leave | Welcome | Challenge | Unknown | Members | Pong | Error | Bye
)  # fmt: skip


class Violation(msgspec.Struct, kw_only=True):
    """Bytes that are no message, as a value: it travels the same way as a message, in its order.

    `code` and `message` are those of the `error` it deserves, `token` is the one it carried.
    `counts` says whether it brings its sender nearer to being sent away, `fatal` that nothing
    after it can be trusted (a wrong length on a stream)."""

    code: str
    message: str
    token: str = ""
    counts: bool = True
    fatal: bool = False


LONGEST_SENTENCE = 200
"""Characters of an explanation: an answer should not be as long as the mistake."""

Incoming = TypeVar("Incoming", ClientMessage, ServerMessage)


class _Envelope(msgspec.Struct):
    """What can be said of an object that is none of our messages."""

    type: str
    token: str = ""


_encoder = msgspec.json.Encoder()
_from_client = msgspec.json.Decoder(ClientMessage)
_from_server = msgspec.json.Decoder(ServerMessage)
_envelope = msgspec.json.Decoder(_Envelope)
_client_types = frozenset(str(kind.__struct_config__.tag) for kind in ClientMessage.__args__)
_server_types = frozenset(str(kind.__struct_config__.tag) for kind in ServerMessage.__args__)


def encode(message: FromClient | FromServer) -> bytes:
    """The payload of a message. Absent optional fields are left out."""
    return _encoder.encode(message)


def from_client(payload: bytes) -> ClientMessage | Violation:
    """The message a client sent, or what is wrong with it. Never raises, whatever the bytes."""
    return _decode(payload, _from_client, _client_types)


def from_server(payload: bytes) -> ServerMessage | Violation:
    """The message a server sent, or what is wrong with it. Never raises, whatever the bytes."""
    return _decode(payload, _from_server, _server_types)


def _decode(
    payload: bytes, decoder: "msgspec.json.Decoder[Incoming]", types: frozenset[str]
) -> Incoming | Violation:
    try:
        # Text first: msgspec does not look at the bytes of fields that it skips.
        return decoder.decode(payload.decode())
    except UnicodeDecodeError as error:
        return _bad(f"This is not UTF-8: {error.reason} at byte {error.start}.")
    except msgspec.ValidationError as error:
        return _explain(payload, str(error), types)
    except msgspec.DecodeError as error:
        return _bad(f"This is not JSON: {error}.")
    except RecursionError:
        return _bad("This JSON is nested too deeply.")


def _explain(payload: bytes, problem: str, types: frozenset[str]) -> Violation:
    """JSON that is none of our messages: an unknown `type`, or a field that does not fit."""
    try:
        envelope = _envelope.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return _bad(f"This is no message: {problem}.")
    if envelope.type in types:
        return _bad(f"This {envelope.type} does not fit: {problem}.", envelope.token)
    kind = envelope.type if len(envelope.type) <= 32 else envelope.type[:32] + "…"
    known = ", ".join(sorted(types))
    return Violation(
        code="unknown-type",
        message=_cut(f"There is no message of type {kind!r}; there are {known}."),
        token=envelope.token,
        counts=False,
    )


def _bad(sentence: str, token: str = "") -> Violation:
    return Violation(code="bad-message", message=_cut(sentence), token=token)


def _cut(sentence: str) -> str:
    """A sentence that repeats what was sent, and must not become as long as that."""
    return sentence if len(sentence) <= LONGEST_SENTENCE else sentence[:LONGEST_SENTENCE] + "…"


def too_large(size: int, limit: int, *, fatal: bool = False) -> Violation:
    """A payload of `size` bytes where 1 to `limit` are taken."""
    sentence = f"A message has 1 to {limit:,} bytes, not {size:,}."
    return Violation(code="too-large", message=sentence, fatal=fatal)

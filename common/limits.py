"""Every limit of the lab, in one place, each with its reason. Seconds and bytes unless the name says otherwise."""

# --- sizes ---------------------------------------------------------------------------------------

MAX_PAYLOAD = 16_384
"""The largest payload a server takes. The same over both transports, so that a message that one of
them carries is never refused by the other."""

MAX_FRAME = 65_535
"""The largest payload the TCP framing can carry: its length has 2 bytes."""

MAX_DATAGRAM = 65_507
"""The largest payload of a UDP/IPv4 datagram: 65,535 less 20 bytes of IP and 8 of UDP header."""

MAX_NICK = 32
"""Characters of a nick: it is shown in front of every line."""

RECV_SIZE = 65_536
"""What one `recv` asks for: large enough that a busy connection takes few calls, and that no
datagram is ever cut (a datagram longer than the buffer loses its tail without a word)."""

READ_SIZE = 16_384
"""What the TCP server asks a connection for: a payload's worth. Each of its reader threads holds a buffer of this
size for as long as it waits."""

OUTBOX_LIMIT = 1 << 20
"""What may wait for one slow TCP reader before it is dropped: as much as InspIRCd allows, thousands
of messages, and a thousand such members still fit into a gigabyte."""

UDP_BUFFER = 4 << 20
"""The socket buffer the UDP server asks for: a burst must fit into it while the loop is busy. The
kernel may grant less; what it granted is logged."""

AMPLIFICATION = 3
"""A UDP server sends an address it has not validated at most this many times the bytes it received
from it (RFC 9000, section 8.1)."""

# --- times ---------------------------------------------------------------------------------------

HELLO_TIMEOUT = 10.0
"""How long a TCP connection may stay without a valid `hello`: each one costs a thread."""

LINGER = 1.0
"""How long a TCP connection that we end may take to read our last words."""

STOP_TIMEOUT = 0.4
"""How long a stopping server waits until everyone has its `bye`. Ctrl-C should feel immediate."""

CONNECT_TIMEOUT = 5.0
"""How long a client waits for a TCP connection: two repeats of a lost SYN (after 1 and 3 s)."""

PLAIN_SERVER_WAIT = 3.0
"""A server written to Beej's chapter does not answer `hello`: after this time without an answer a
TCP client believes that it talks to such a server."""

HELLO_WAITS = (0.5, 1.0, 2.0, 4.0, 2.0)
"""A UDP client waits this long after each `hello`: it is repeated after 0.5, 1, 2 and 4 s, and given
up 2 s after the last one (twice the round trip of a satellite link and more)."""

MAX_CHALLENGES = 5
"""How many challenges a UDP client answers while it joins: a server that never has enough is none."""

RECEIPT_TIMEOUT = 2.0
"""After this time without a receipt a UDP client calls its own message lost."""

HEARTBEAT = 15.0
"""How often a silent UDP client says `ping`: not more often than every 15 s (RFC 8085, section 3.5),
often enough that a NAT keeps its mapping."""

MISSED_HEARTBEATS = 3
"""How many heartbeats may be missed until the other end counts as gone."""

SILENCE = HEARTBEAT * MISSED_HEARTBEATS
"""After this time without a word a UDP address is forgotten."""

COOKIE_LIFETIME = 60.0
"""After this time a cookie is worth nothing. It is made with a key that is new every half of it, and taken
with the current key and the last one: so there are at least 30 s for an answer."""

COME_BACK_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""A client whose server has gone asks again after each of these, and then whenever the last one has passed:
soon enough for a server that is started again, seldom enough for a thousand clients that all do so."""

# --- how many -----------------------------------------------------------------------------------

MAX_MEMBERS = 1000
"""Members of a room. Over TCP each costs a thread, and every message one delivery to each: 50 messages a second
to a thousand are 50,000 deliveries a second, some two fifths of a processor. Nothing limits one host: whoever
has that many ports, or connections, can take all the places."""

MAX_GUESTS = 100
"""TCP connections that have not said hello, and those that take their last words: each costs a thread, and
opening one costs a stranger nothing. Past it the oldest goes."""

# --- how often -----------------------------------------------------------------------------------

MAX_VIOLATIONS = 10
"""After this many messages that could not be read the sender is sent away."""

RATE = 50.0
"""Messages per second that one member may send for long; 0 is no limit. Nobody types faster; a
program that talks faster is slowed down (TCP) or loses its surplus (UDP)."""

BURST = 200
"""Messages a member may send at once: a pasted page."""

DRAIN = 256
"""Datagrams taken from the UDP socket before they are answered: enough to make sending worthwhile,
few enough that the first one does not wait long."""

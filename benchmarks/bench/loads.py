"""What is said in a run: the loads of the bench, each under a name."""

from dataclasses import dataclass, replace

from benchmarks import stamp

QUICK = 0.5
"""A quick run's length, of the usual one's: long enough for a p99, too short for a claim."""


@dataclass(frozen=True)
class Load:
    """Members 0, 1, … of one room, of whom the first `senders` speak for `seconds`, in texts of `size` bytes.

    With a `rate` (messages per second of the whole room) each message has its moment, whatever the server does (open
    loop): a random one, or, `evenly`, so that each sender speaks at regular intervals. Without one all members speak,
    each has one message outstanding, and so they talk as fast as this server goes (closed loop): a member says the next
    when it has heard what everybody has said, or, with `neighbours`, when the member after it has heard its last.

    `stopped`: the last member stops reading once it is in. `flood`: the last member says so many messages a second
    beside. `allowance`: the server keeps everybody to what its users may send, as it does unless told otherwise.
    `fixed`: a quick run must be as long as any.
    """

    members: int
    senders: int
    rate: float = 0.0
    seconds: float = 1.5
    size: int = 64
    stopped: bool = False
    flood: float = 0.0
    allowance: bool = False
    evenly: bool = False
    neighbours: bool = False
    fixed: bool = False

    def __post_init__(self) -> None:
        assert self.size >= stamp.SIZE
        assert self.members >= 2

    @property
    def listeners(self) -> int:
        """The members who read: all, or all but the last."""
        return self.members - self.stopped

    def quick(self) -> "Load":
        """The same in short."""
        return self if self.fixed else replace(self, seconds=self.seconds * QUICK)


SIZES = (50, 200, 500, 1000)
"""Members of the rooms in which one talks."""

READING = Load(members=20, senders=19, rate=800, size=512, seconds=3.0)
"""In which one member will stop reading."""

FILLING = 10.0
"""Seconds of that until it is dropped, and a while beyond: Linux lets the socket of a reader who has stopped grow to
4 MB, and only what that does not take is in the server's outbox."""

ORDERLY = Load(members=20, senders=19, rate=200, allowance=True)
"""In which one member will flood: everybody else says some ten messages a second, of the fifty that they may."""

LOADS: dict[str, Load] = {
    "latency": Load(members=10, senders=10, rate=200, seconds=2.0, evenly=True),
    "cost": Load(members=50, senders=10, rate=400),
    "everybody": Load(members=50, senders=50),
    "neighbours": Load(members=50, senders=50, neighbours=True),
    "4000": Load(members=50, senders=50, rate=4000),
    "16000": Load(members=50, senders=50, rate=16_000),
    "reading": READING,
    "stopped": replace(READING, stopped=True, seconds=FILLING, fixed=True),
    "orderly": ORDERLY,
    "flood": replace(ORDERLY, flood=50_000),
} | {f"one-of-{members}": Load(members=members, senders=1, rate=40, seconds=1.0) for members in SIZES}

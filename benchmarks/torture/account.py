"""Who said what, and who heard it: exact, because everybody who talks and everybody who listens is known.

A `Round` is one stretch of talking that begins and ends in silence, so that nothing is under way at either end.
No socket, no clock.
"""

from collections import Counter
from dataclasses import dataclass, field

SHORTEST = 12
"""Letters that a member says at least, behind its numbers."""


def text_of(round_: int, sender: int, number: int) -> str:
    """What member `sender` says as its `number`th message of a round. Made from the three alone, so that every
    listener knows what it should have been."""
    beginning = f"round {round_} member {sender} message {number} "
    size = SHORTEST + (sender * 37 + number * 101) % 400
    return beginning + ("äbc·" * (size // 4 + 1))[:size]


def read(text: str) -> tuple[int, int, int] | None:
    """(round, sender, number) of such a text; None if it is another one, or was changed on its way."""
    words = text.split(" ", 6)
    if len(words) < 6 or words[0] != "round" or words[2] != "member" or words[4] != "message":
        return None
    try:
        found = int(words[1]), int(words[3]), int(words[5])
    except ValueError:
        return None
    return found if text_of(*found) == text else None


@dataclass
class Figures:
    """What became of one round. A delivery is one message at one member. `unheard`: messages that nobody heard, not
    even the one who said them; they are in `lost`, too. `reordered`: heard after a later one of the same sender.
    `orders`: how many different orders of the messages there were among the members. `strange`: said in a member's
    name, but not by it."""

    members: int = 0
    said: int = 0
    expected: int = 0
    delivered: int = 0
    lost: int = 0
    unheard: int = 0
    doubled: int = 0
    reordered: int = 0
    orders: int = 1
    strange: int = 0


@dataclass
class Round:
    """The account of one round among `members` members."""

    number: int
    members: int
    said: set[tuple[int, int]] = field(default_factory=set)
    heard: list[list[tuple[int, int]]] = field(default_factory=list)
    strange: int = 0

    def __post_init__(self) -> None:
        self.heard = [[] for _ in range(self.members)]

    def say(self, sender: int, number: int) -> str:
        """Member `sender` is about to say its `number`th message: its text."""
        self.said.add((sender, number))
        return text_of(self.number, sender, number)

    def hear(self, member: int, sender: int, text: str) -> None:
        """`member` heard `text` in the name of member `sender`."""
        found = read(text)
        if found is None or found[:2] != (self.number, sender) or found[1:] not in self.said:
            self.strange += 1
        else:
            self.heard[member].append(found[1:])

    @property
    def complete(self) -> bool:
        """Whether everybody has heard at least as much as was said."""
        return all(len(heard) >= len(self.said) for heard in self.heard)

    def figures(self) -> Figures:
        """The account of it."""
        copies = [Counter(heard) for heard in self.heard]
        delivered = sum(map(len, copies))
        return Figures(
            members=self.members,
            said=len(self.said),
            expected=len(self.said) * self.members,
            delivered=delivered,
            lost=len(self.said) * self.members - delivered,
            unheard=sum(not any(message in one for one in copies) for message in self.said),
            doubled=sum(count - 1 for one in copies for count in one.values()),
            reordered=sum(map(_overtaken, self.heard)),
            orders=len({tuple(heard) for heard in self.heard}),
            strange=self.strange,
        )


def _overtaken(heard: list[tuple[int, int]]) -> int:
    highest: dict[int, int] = {}
    count = 0
    for sender, number in heard:
        if number < highest.get(sender, -1):
            count += 1
        else:
            highest[sender] = number
    return count

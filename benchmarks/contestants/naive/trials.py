"""For each fault what makes it visible: a few people, what they do, and what one of them then sees.

A trial is one room with a new server. The same people do the same in front of any server, so a trial tells one that
has the fault from one that has not. It says whether something went wrong, and how much of what. None waits for ever.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median

from benchmarks.contestants.naive import faults
from benchmarks.contestants.naive.room import SMALL, STILL, Person, Room, numbered, room
from benchmarks.drivers import Driver
from benchmarks.process import cpu_seconds
from benchmarks.stage import Stage
from common import clock

SIZE = 8000
"""Bytes of a text of a flood: many of them fill buffers fast, and each fits into one message of every server here."""

FLOOD = 1300
"""Texts of a flood: 10 MB, more than the kernel's buffers and any server's outbox take for one who has stopped."""

LONG, SEVERAL = 16_000, 60
"""Bytes of a long text, and how many of them: 1 MB, more than there is room for on the way to one who looks away, and
less than any server here drops him for."""

END = "the end"

WORDS = ("twenty", "tiny", "tigers")

CYRILLIC = "a" + "ж" * 600
"""1201 bytes: byte 1024 is the first half of a letter."""

AUDIENCE, TALKERS, AT_ONCE = 60, 2, 450
"""People who only listen while so many talk at once, and how many texts each of those says: fewer, all together, than a
server here lets wait for somebody. The larger the audience, the longer a broadcast takes, and the sooner Python, which
switches threads every 5 ms, does so in the middle of one."""

ROUNDS = 3

TURNS = 10

MOMENT = 0.1
"""Seconds for which somebody's program is busy."""

SETTLE, LOOK = 0.1, 0.3
"""Seconds that a server has to deal with somebody's leaving, and for which its processor time is looked at then, while
nobody says anything."""

BUSY = 0.1
"""Of a processor: a server that uses more of it for nothing spins. (It would use all of it, but others want some.)"""


@dataclass(frozen=True)
class Try:
    """One trial: whether something went `wrong`, what was counted or measured, by what it is, and what somebody was
    `shown`, where that says it best."""

    wrong: bool
    figures: dict[str, float] = field(default_factory=dict)
    shown: str = ""


@dataclass(frozen=True)
class Seen:
    """The trials of one server."""

    tries: Sequence[Try]

    @property
    def wrong(self) -> int:
        """In how many something went wrong."""
        return sum(one.wrong for one in self.tries)

    @property
    def shown(self) -> str:
        """What somebody was shown in the first of those; empty if that says nothing."""
        return next((one.shown for one in self.tries if one.wrong), "")

    def figures(self, name: str) -> list[float]:
        """A figure of those in which something went wrong; of all, if nothing ever did."""
        chosen = [one for one in self.tries if one.wrong] or self.tries
        return [one.figures[name] for one in chosen if name in one.figures]

    def usually(self, name: str) -> float | None:
        """Their median."""
        return median(found) if (found := self.figures(name)) else None


Trial = Callable[[Room], Try]


def repeat(trial: Trial, stage: Stage, driver: Driver, tries: int) -> Seen:
    """So many trials, each with a server of its own. Raises Failed or Interrupted."""
    made = []
    for _ in range(tries):
        with room(stage, driver) as here:
            made.append(trial(here))
    return Seen(made)


def no_framing(here: Room) -> Try:
    """Three texts in a row, to somebody whose program is busy for a moment."""
    # The busy one comes last: else he may be told of a newcomer in the middle of the texts.
    ann, witness, busy = here.join(), here.join(), here.join()
    here.settle()
    busy.heard.clear()
    busy.pause()
    ann.say(*WORDS)
    here.until(lambda: "".join(witness.heard).endswith(WORDS[-1]), STILL)
    here.until(lambda: False, MOMENT)  # what the witness has, the other one has by then, too
    busy.resume()
    here.until(lambda: "".join(busy.heard).endswith(WORDS[-1]), STILL)
    return Try(tuple(busy.heard) != WORDS, {"messages": len(busy.heard)}, " | ".join(busy.heard))


def decode_per_recv(here: Room) -> Try:
    """A text in another script, longer than what one `recv` of the server takes: it cuts a letter in two."""
    bob, ann = here.join(), here.join()
    if arrives(here, ann, bob, CYRILLIC):
        return Try(False)
    return Try(True, {"thrown out": ann.gone}, here.complaint("Error: "))


def arrives(here: Room, ann: Person, bob: Person, text: str) -> bool:
    """Whether a text that `ann` says reaches `bob`, whole and as one."""
    bob.heard.clear()
    ann.say(text)
    here.until(lambda: len("".join(bob.heard)) >= len(text) or ann.gone, STILL)
    return bob.heard == [text]


def send_for_sendall(here: Room) -> Try:
    """Long texts, to somebody who looks away for a moment and then reads on."""
    busy, witness, ann = here.join(SMALL), here.join(), here.join()
    busy.pause()
    here.flood(ann, [witness], SEVERAL, LONG)
    here.alive(lambda: len(witness.heard), lambda: len(witness.heard) >= SEVERAL)
    busy.resume()
    here.settle()
    ann.say(END)
    here.alive(
        lambda: len(busy.heard), lambda: busy.gone or any(text.endswith(END) for text in busy.heard[-1:])
    )
    whole = len({numbered(number, LONG) for number in range(SEVERAL)} & set(busy.heard))
    return Try(whole < SEVERAL, {"whole": whole})


def no_lock(here: Room) -> Try:
    """Several people talk at once, and the first and the last of their audience compare what they have heard: in up to
    `ROUNDS` rounds, because threads meet by chance."""
    audience = [here.join() for _ in range(AUDIENCE)]
    talkers = [here.join() for _ in range(TALKERS)]
    first, last = audience[0], audience[-1]
    for played in range(1, ROUNDS + 1):
        here.settle()
        for one in (*audience, *talkers):
            one.heard.clear()
        for talker in talkers:
            talker.burst(f"{talker.nick}-{number}" for number in range(AT_ONCE))
        # All of them, and not only the two: whoever fell behind in every round would be dropped in the end.
        here.alive(
            lambda: sum(len(one.heard) for one in (*audience, *talkers)),
            lambda: (
                all(len(one.heard) >= TALKERS * AT_ONCE for one in audience)
                and all(len(one.heard) >= (TALKERS - 1) * AT_ONCE for one in talkers)
            ),
        )
        differ = sum(one != other for one, other in zip(first.heard, last.heard, strict=False))
        if first.heard != last.heard:
            return Try(True, {"rounds": played, "out of step": differ})
    return Try(False, {"rounds": ROUNDS})


def blocking_send(here: Room) -> Try:
    """Somebody stops reading while another one talks to all; in the end he leaves."""
    stopped, bob, ann = here.join(SMALL), here.join(), here.join()
    stopped.pause()
    if here.flood(ann, [bob], FLOOD, SIZE) == FLOOD:
        return Try(False, {"bytes": FLOOD * SIZE})
    heard = len(bob.heard)
    stopped.leave()
    went_on = here.until(lambda: len(bob.heard) > heard, STILL)
    return Try(True, {"bytes": heard * SIZE, "went on": went_on})


def hello_in_accept(here: Room) -> Try:
    """Somebody connects and says nothing; the next one says hello, and waits."""
    here.join()
    with closing(here.silent()):
        began = clock.monotonic()
        bob = here.arrive()
        came = here.until(lambda: bob.joined, STILL)
        waited = clock.monotonic() - began
    return Try(not came, {"waited": waited, "went on": here.until(lambda: bob.joined, STILL)})


def ignore_eof(here: Room) -> Try:
    """Somebody leaves, and nobody says anything any more."""
    here.join()
    here.join().leave()
    here.until(lambda: False, SETTLE)
    before, began = cpu_seconds(here.pid), clock.monotonic()
    here.until(lambda: False, LOOK)
    after, ended = cpu_seconds(here.pid), clock.monotonic()
    if before is None or after is None:
        return Try(False)
    share = (after - before) / (ended - began)
    return Try(share > BUSY, {"share": share})


def change_while_iterating(here: Room) -> Try:
    """Somebody stops reading, and is dropped; has the one who came after him heard everything?"""
    stopped, neighbour, bob, ann = here.join(SMALL), here.join(), here.join(), here.join()
    stopped.pause()
    here.flood(ann, [bob], FLOOD, SIZE)
    last = numbered(FLOOD - 1, SIZE)
    both = (neighbour, bob)
    here.alive(
        lambda: sum(len(one.heard) for one in both), lambda: all(last in one.heard[-1:] for one in both)
    )
    missed = len(set(bob.heard) - set(neighbour.heard))
    return Try(missed > 0, {"missed": missed, "heard": len(bob.heard)})


def lock_twice(here: Room) -> Try:
    """Somebody stops reading, and is to be dropped; in the end he leaves by himself."""
    stopped, bob, ann = here.join(SMALL), here.join(), here.join()
    stopped.pause()
    if here.flood(ann, [bob], FLOOD, SIZE) == FLOOD:
        return Try(False)
    heard = len(bob.heard)
    stopped.leave()
    went_on = here.until(lambda: len(bob.heard) > heard, STILL)
    return Try(True, {"texts": heard, "went on": went_on})


def chatting(here: Room) -> Try:
    """Two people take turns, as on the machine on which a server was written."""
    both = (here.join(), here.join())
    here.settle()
    for one in both:
        one.heard.clear()
    for number in range(TURNS):
        for one, other in (both, both[::-1]):
            text = f"{one.nick} says {number}"
            other.heard.clear()
            one.say(text)
            if not here.until(lambda other=other: bool(other.heard), STILL) or other.heard != [text]:  # type: ignore[misc]
                return Try(True, {"turns": number}, " | ".join(other.heard))
    return Try(False, {"turns": TURNS})


TRIALS: dict[str, Trial] = {
    faults.NO_FRAMING: no_framing,
    faults.DECODE_PER_RECV: decode_per_recv,
    faults.SEND_FOR_SENDALL: send_for_sendall,
    faults.NO_LOCK: no_lock,
    faults.BLOCKING_SEND: blocking_send,
    faults.HELLO_IN_ACCEPT: hello_in_accept,
    faults.IGNORE_EOF: ignore_eof,
    faults.CHANGE_WHILE_ITERATING: change_while_iterating,
    faults.LOCK_TWICE: lock_twice,
}
"""By the name of the fault."""

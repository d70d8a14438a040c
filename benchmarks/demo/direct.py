"""The direction: which act is played, and what is to be done next. It knows no process and no clock: time goes on by
`step`, and what it wants done it returns.

An act has three parts: they talk; then the link is clean and what is under way arrives (`settling`); then its verdict
stays for a while. A pause stops this clock, not the network.
"""

from dataclasses import dataclass

from benchmarks.demo import script
from benchmarks.demo.acts import ACTS, DELAY, PASTES
from benchmarks.link.line import Line

STEPS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Percent of random loss that + and - go through."""

LEAD = 0.25
"""Seconds that an order to say something is given ahead of its time."""

PASTE_EVERY = 1 / 12
"""Seconds between two pasted texts."""

SETTLE_LEAST, SETTLE_MOST = 0.5, 8.0
"""Seconds. What TCP repeats after an outage of 3 s comes 4 s after its beginning or earlier; then comes a margin."""

VERDICT = 6.0
"""Seconds that a verdict stays."""

LAST = 20.0
"""Seconds that the last screen stays."""

NUDGES = {"+": 1, "-": -1}


@dataclass(frozen=True)
class Link:
    """The link is to be like this."""

    words: str


@dataclass(frozen=True)
class Say:
    """Somebody is to say something, `after` seconds from now. An empty `text` is a pasted one."""

    member: str
    text: str
    after: float


@dataclass(frozen=True)
class Do:
    """A cue: `stop dan`, `read dan`, `forge`, `forge blind`."""

    words: str


@dataclass(frozen=True)
class Begin:
    """An act begins."""

    place: int


@dataclass(frozen=True)
class Over:
    """All that came has come: the act is over."""


@dataclass(frozen=True)
class Finish:
    """All acts have been played: the last screen."""


Order = Link | Say | Do | Begin | Over | Finish


class Direction:
    """Plays the acts from place `first` to place `last`, `speed` times as fast as a person reads. `lingers`: somebody
    reads what stands there at the end of an act and of all."""

    def __init__(self, first: int, last: int, speed: float, *, lingers: bool = True) -> None:
        self._speed = speed
        self._verdict, self._goodbye = (VERDICT / speed, LAST / speed) if lingers else (0.0, 0.0)
        self._last = last
        self._turn = 0
        self._first = first
        self.place = first
        self.part = "before"
        """`before`, `talking`, `settling`, `verdict` or `last`."""
        self.paused = False
        self.loss: float | None = None
        """What a person has set, in percent; None: as the act has it."""
        self.at = 0.0
        """Seconds since this part began."""
        self._orders: list[Order] = []

    def step(self, seconds: float, complete: bool) -> list[Order]:
        """So much time has passed; `complete`: everything that is still to come has come. What is to be done."""
        if self.part == "before":
            self._enter(self._first)
        elif not self.paused or self.part == "settling":
            self.at += seconds
        match self.part:
            case "talking" if not self.paused:
                self._talk()
            case "settling" if self.at >= SETTLE_MOST or (complete and self.at >= SETTLE_LEAST):
                self._part("verdict")
                self._orders.append(Over())
            case "verdict" if self.at >= self._verdict:
                self._after()
        orders, self._orders = self._orders, []
        # Messages get their numbers in this order: that in which they are due.
        return sorted(orders, key=lambda order: order.after if isinstance(order, Say) else -1.0)

    @property
    def done(self) -> bool:
        """Whether the last screen has been shown for long enough."""
        return self.part == "last" and self.at >= self._goodbye

    @property
    def duration(self) -> float:
        """Seconds that they talk in this act."""
        return ACTS[self.place].duration(self._speed)

    def press(self, key: str) -> None:
        """A person has pressed a key that is for the direction: space, n, p, a digit, + or -."""
        if key == " ":
            self.paused = not self.paused
        elif key == "n" and self.part != "last":
            self._leave(self.place + 1)
        elif key == "p":
            self._leave(len(ACTS) - 1 if self.part == "last" else max(0, self.place - 1))
        elif key.isdigit() and 1 <= int(key) <= len(ACTS):
            self._leave(int(key) - 1)
        elif key in NUDGES and self.part == "talking":
            self._nudge(NUDGES[key])

    def _leave(self, to: int) -> None:
        """Go to another act, or to the last screen behind them."""
        self._quieten()
        self.paused = False
        if to >= len(ACTS):
            self._part("last")
            self._orders.append(Finish())
        else:
            self._last = max(self._last, to)
            self._enter(to)

    def _enter(self, place: int) -> None:
        self.place, self.loss = place, None
        self._part("talking")
        self._next_at = 0.6 / self._speed
        self._pasting_at: float | None = None
        self._cues = list(ACTS[place].cues)
        self._orders += [Begin(place), Link(self._words())]

    def _part(self, name: str) -> None:
        self.part, self.at = name, 0.0

    def _talk(self) -> None:
        act = ACTS[self.place]
        ends = self.duration
        scale = 1.0 if act.physical else self._speed
        while self._cues and self._cues[0].at / scale <= self.at:
            self._cue(self._cues.pop(0).do)
        while self._next_at <= min(self.at + LEAD, ends):
            member, text = script.said(self._turn)
            while member == act.stopped:
                self._turn += 1
                member, text = script.said(self._turn)
            self._turn += 1
            self._orders.append(Say(member, text, self._next_at - self.at))
            self._next_at += act.spacing / self._speed
        while self._pasting_at is not None and self._pasting_at <= min(self.at + LEAD, ends):
            self._orders.append(Say(PASTES, "", self._pasting_at - self.at))
            self._pasting_at += PASTE_EVERY
        if self.at >= ends:
            self._quieten()
            self._part("settling")

    def _cue(self, do: str) -> None:
        if do == "paste":
            self._pasting_at = self.at
        elif do == "pasted":
            self._pasting_at = None
        else:
            self._orders.append(Do(do))

    def _quieten(self) -> None:
        """The link is clean, and everybody reads."""
        self.loss = None
        self._orders.append(Link(DELAY))
        if ACTS[self.place].stopped:
            self._orders.append(Do(f"read {ACTS[self.place].stopped}"))

    def _after(self) -> None:
        """The act's verdict has been read."""
        if self.place >= self._last:
            self._part("last")
            self._orders.append(Finish())
        else:
            self._enter(self.place + 1)

    def _nudge(self, way: int) -> None:
        """More loss, or less."""
        now = (
            self.loss if self.loss is not None else 100 * Line(ACTS[self.place].link, "theory").expected_loss
        )
        further = [step for step in STEPS if (step > now if way > 0 else step < now)]
        if further:
            self.loss = further[0] if way > 0 else further[-1]
            self._orders.append(Link(self._words()))

    def _words(self) -> str:
        """What the link is to be like, in its own words."""
        act = ACTS[self.place]
        if self.loss is None:
            return f"{DELAY} {act.link}".strip()
        kept = act.link if act.link.startswith("outage") else ""
        loss = f"loss {self.loss:g}%" if self.loss else ""
        return " ".join(words for words in (DELAY, kept, loss) if words)

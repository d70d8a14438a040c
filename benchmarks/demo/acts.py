"""The acts, as data: what the link is like in each, how fast the five talk, and what else happens.

Captions are one sentence and fit into two lines of 80 columns; a test holds them to it. What comes of an act is said
by `verdict.py`, from what was measured.
"""

from dataclasses import dataclass

DELAY = "delay 25ms"
"""Each way, in every act: so there is something for TCP's timers to measure."""

WORDLESS = ""

STOPPED = "dan"
PASTES = "боб"


@dataclass(frozen=True)
class Cue:
    """At `at` seconds of its act somebody gets the order `do`."""

    at: float
    do: str


@dataclass(frozen=True)
class Act:
    """One act. `link` is what the link does beside the delay, in its own words (`link/specification.py`); `spacing` is
    seconds between two messages, `seconds` how long they talk. What is `physical` takes as long as it takes: `--speed`
    makes people talk faster, and no cable out for a shorter time. `stopped` is who does not read."""

    name: str
    title: str
    caption: str
    link: str = WORDLESS
    spacing: float = 0.5
    seconds: float = 12.0
    physical: bool = False
    cues: tuple[Cue, ...] = ()
    stopped: str = ""

    def duration(self, speed: float) -> float:
        """Seconds that they talk."""
        return self.seconds if self.physical else self.seconds / speed


ACTS = (
    Act(
        "clean",
        "a clean link",
        "Nothing is lost: watch whether both sides receive the same at the same time, "
        "and whether either is faster.",
        spacing=0.75,
        seconds=10.5,
    ),
    Act(
        "loss",
        "5 % loss",
        "One packet in twenty vanishes, each way: watch for holes (▒▒▒) on the right "
        "and for messages that are late on the left.",
        "loss 5%",
        spacing=0.35,
        seconds=15.0,
    ),
    Act(
        "burst",
        "a burst",
        "Packets now vanish several in a row: watch how long the holes grow on the right, "
        "and how many messages arrive at once on the left.",
        "loss gemodel 0.6% 3%",
        spacing=0.25,
        seconds=15.0,
    ),
    Act(
        "outage",
        "a 3-second outage",
        "The cable is out for 3 seconds: watch who goes on at once when it is back, who takes longer, "
        "and who has everything then.",
        "outage 3s 3s",
        spacing=0.35,
        seconds=12.0,
        physical=True,
    ),
    Act(
        "stalled",
        "a member that stops reading",
        f"{STOPPED} stops reading while {PASTES} pastes long texts, 15 kB each: watch whether anybody but "
        f"{STOPPED} has to wait.",
        spacing=0.6,
        seconds=15.0,
        physical=True,
        cues=(
            Cue(1.5, f"stop {STOPPED}"),
            Cue(2.5, "paste"),
            Cue(12.0, "pasted"),
            Cue(13.0, f"read {STOPPED}"),
        ),
        stopped=STOPPED,
    ),
    Act(
        "forged",
        "a forged hello",
        "Somebody says hello from a victim's address: watch how many bytes the victim is sent, "
        "with an address check and without.",
        spacing=0.35,
        seconds=13.0,
        cues=(Cue(2.5, "forge"), Cue(4.5, "forge blind")),
    ),
)


def find(text: str) -> int | None:
    """The place of the act that a person calls so: its number from 1 on, or its name; None if there is none."""
    if text.isdigit():
        return int(text) - 1 if 1 <= int(text) <= len(ACTS) else None
    return next((place for place, act in enumerate(ACTS) if act.name == text.lower()), None)

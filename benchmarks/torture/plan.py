"""How much of everything: what `--minutes` means. Pure figures; the same for both transports."""

from dataclasses import dataclass

from benchmarks.network import derived

MINUTES = 5.0

MILLION = 1_000_000
"""Frames and datagrams in a run of `MINUTES`."""

FASTEST = 6000
"""Frames or datagrams a second: what this machine's two processors do beside everything else."""

SHARE_OF_FORGING = 0.1
"""Of a run's time that the forged addresses take, across the emulated link."""

BESIDE = 20.0
"""Seconds of each part in which nothing hostile happens: starting, joining, silence twice, the restart."""

SHORTEST = 2.0
"""Seconds of hostility in the shortest run."""


@dataclass(frozen=True)
class Plan:
    """A run. `transports` take turns; all acts against one of them take place at the same time."""

    minutes: float = MINUTES
    transports: tuple[str, ...] = ("tcp", "udp")
    seed: int = 1
    members: int = 10
    rate: float = 2.0
    """Messages a second that each member says."""
    forging: bool = True

    @property
    def seconds(self) -> float:
        """All of it."""
        return 60 * self.minutes

    @property
    def forging_seconds(self) -> float:
        """Of forged packets, in all."""
        return max(SHORTEST, SHARE_OF_FORGING * self.seconds - 10) if self.forging else 0.0

    @property
    def hostile_seconds(self) -> float:
        """Of hostile acts against one transport."""
        forging = SHARE_OF_FORGING * self.seconds if self.forging else 0.0
        part = (self.seconds - forging) / len(self.transports)
        return max(SHORTEST, part - min(BESIDE, part / 2) - self.warm_up_seconds)

    @property
    def warm_up_seconds(self) -> float:
        """Of the same acts, before the server's memory is looked at for the first time."""
        return max(1.0, min(25.0, self.seconds / 12))

    @property
    def restart_seconds(self) -> float:
        """Of talking after the restart."""
        return max(1.0, min(5.0, self.seconds / 60))

    @property
    def silence(self) -> float:
        """Seconds after which a silent UDP member is forgotten: one that was killed says no goodbye."""
        return 10.0 if self.minutes >= 1 else 2.0

    @property
    def hostile(self) -> int:
        """Frames or datagrams against one transport: a million in all in a run of five minutes. A shorter run has
        less of its time for them."""
        share = MILLION * self.minutes / MINUTES / len(self.transports)
        return round(min(share, FASTEST * self.hostile_seconds))

    @property
    def expected_seconds(self) -> list[float]:
        """About how long each part takes, for the progress bar."""
        part = self.hostile_seconds + self.warm_up_seconds + self.restart_seconds + 10
        forging = [self.forging_seconds + 8] if self.forging else []
        return [part] * len(self.transports) + forging

    def seed_of(self, *what: object) -> str:
        """A seed of its own for each act."""
        return str(derived(self.seed, "torture", *what))


@dataclass(frozen=True)
class Cue:
    """One act: its name, how many of its unit, and how many a second."""

    act: str
    count: int
    rate: float


def cues(plan: Plan, transport: str, seconds: float) -> list[Cue]:
    """The acts against one transport that take `seconds`."""
    # Paced to be done a little earlier, so that a short delay costs none of them.
    hostile = round(plan.hostile * min(1.0, seconds / plan.hostile_seconds))
    frames = Cue("frames" if transport == "tcp" else "datagrams", hostile, hostile / (0.9 * seconds))
    return [
        frames,
        Cue("silent", min(2000, round(200 * seconds)), 200.0),
        Cue("resets", round(200 * seconds), 200.0),
        Cue("killed", round(seconds) + 1, 1.0),
        Cue("slow", round(seconds) + 1, 1.0),
    ]

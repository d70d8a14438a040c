"""What an experiment has at hand: a network, processes that are always ended, flows, chats, and somebody to tell how
far it is.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from benchmarks.drivers import Driver
from benchmarks.estimate import wilson
from benchmarks.flow.run import Flows, Plan
from benchmarks.flow.run import run as run_flows
from benchmarks.link import namespace
from benchmarks.link.account import problems
from benchmarks.link.line import Line
from benchmarks.link.probe import Seen
from benchmarks.measuring import Network
from benchmarks.network import Account, Conditions, Loopback, Place, derived
from benchmarks.run import Observed
from benchmarks.run import Plan as ChatPlan
from benchmarks.run import run as run_chat
from benchmarks.stage import Failed, Stage, Wish, stage
from common.statistics import milliseconds

T = TypeVar("T")

STRIPPED = re.compile(r"\d[\d.,]*")
"""Numbers: what two runs say may differ in nothing else."""

LATE, FREELY = 0.005, 0.01
"""Seconds after which a message was sent late, and the share of messages that may be, before that is said."""

SURE = 0.9999
"""A run whose link lost a share that an honest one has once in ten thousand times is not taken."""


def network() -> Network:
    """What this machine has for a network; with why, where it can't emulate one."""
    try:
        return Network("emulated", namespace.way_in())
    except namespace.Missing as missing:
        return Network("relay", why_not=missing.reasons)


@dataclass
class Lab:
    """Where one experiment is made. Its captures go to `directory`.

    `quick` asks for a run of at most 20 seconds, which shows that everything works, and is too short for a claim.
    `progress` is called with what is being done. All chances are derived from `seed`. `warnings` is what a person
    has to know about the instrument.
    """

    directory: Path
    network: Network
    interrupted: Wish
    progress: Callable[[str], None]
    quick: bool = False
    seed: int = 1
    warnings: list[str] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    """What each network said of itself, in the order of the runs."""
    _problems: dict[str, list[str]] = field(default_factory=dict)
    """What links said of themselves, by what it says without its numbers."""
    _probed: dict[tuple[str, str], list[dict[str, Seen]]] = field(default_factory=dict)

    def pick(self, full: T, quick: T) -> T:
        """The one for this kind of run."""
        return quick if self.quick else full

    @property
    def transports(self) -> tuple[str, ...]:
        """Those that can be measured over a bad network here: a relay can do nothing to TCP."""
        return ("tcp", "udp") if self.network.kind == "emulated" else ("udp",)

    def place(self, up: str = "", down: str | None = None, *, repeat: int = 1) -> Place:
        """A network of its own that is like this in each direction: `down` like `up`, if it is left out. What is said
        in words of a link (`link/specification.py`) is done to packets; nothing said is a link that adds nothing."""
        down = up if down is None else down
        seed = derived(self.seed, up, down, repeat)
        return self.network.place(Conditions(self.network.kind, up or "clean", up, down, seed), "")

    def loopback(self) -> Place:
        """This machine's own loopback."""
        return Loopback()

    @contextmanager
    def stage(self, doing: str) -> Iterator[Stage]:
        """A stage for processes of the experiment's own: all have ended when it is left."""
        with stage(self.interrupted, lambda detail: self.progress(f"{doing}: {detail}")) as made:
            yield made

    def flows(
        self,
        plan: Plan,
        up: str = "",
        down: str | None = None,
        *,
        doing: str = "",
        capture: str | None = None,
    ) -> Flows:
        """One run of flows over a network like this; `capture` names a file for its packets. Raises Failed if the link
        was not what was asked for, or the kernel's TCP did not repeat what was lost."""
        if self.network.kind != "emulated":
            plan, capture = replace(plan, transports=self.transports), None
        place = self.place(up, down, repeat=plan.repeat)
        earlier = self._probed.setdefault((up, up if down is None else down), [])
        path = self.directory / capture if capture else None
        plan = replace(plan, seed=self.seed)
        with self.stage(doing or up or "clean") as here:
            made = run_flows(here, place, plan, earlier, path)
        if made.account.probes:
            earlier.append(made.account.probes)
        self._check(made.account, up, up if down is None else down)
        self._look_at_lateness(made)
        if "tcp" in plan.transports and not made.complete:
            missing = made.by["tcp"].lost
            self.warnings.append(
                f"{doing or up}: {missing} messages had not come over TCP {plan.drain:g} s after the last was sent; "
                "they are counted as not delivered."
            )
        return made

    def chat(
        self,
        driver: Driver,
        plan: ChatPlan,
        up: str | None = None,
        *,
        doing: str = "",
        capture: str | None = None,
    ) -> Observed:
        """One run of a chat: this lab's, or another that the load can speak to. `up` of None is loopback. Raises
        Failed or Interrupted."""
        place = self.loopback() if up is None else self.place(up, repeat=plan.repeat)
        earlier = self._probed.setdefault((up or "", up or ""), []) if up is not None else []
        observed = run_chat(
            driver,
            replace(plan, seed=self.seed),
            self.interrupted,
            lambda detail: self.progress(f"{doing or driver.name}: {detail}"),
            place,
            earlier,
            self.directory / capture if capture else None,
        )
        if observed.account.probes:
            earlier.append(observed.account.probes)
        if up is not None:
            self._check(observed.account, up, up)
        return observed

    def _look_at_lateness(self, made: Flows) -> None:
        """Whether the flows said their words when they were due: what was late by itself is no fault of the link."""
        late = sorted(fate.sent - fate.due for each in made.by.values() for fate in each.messages)
        beyond = sum(one > LATE for one in late)
        if beyond > FREELY * len(late):
            share, after, most = beyond / len(late), milliseconds(LATE), milliseconds(late[-1])
            self._note(
                f"{share:.1%} of the messages were sent more than {after} after they were due, at most {most}: this "
                "machine was busy with something else."
            )

    def _note(self, problem: str) -> None:
        self._problems.setdefault(STRIPPED.sub("…", problem), []).append(problem)

    def _check(self, account: Account, up: str, down: str) -> None:
        """Whether the link and the kernel did what was asked of them. Raises Failed."""
        self.accounts.append(account)
        link = account.link
        if link is None:
            return
        for problem in problems(link):
            self._note(problem)
        dropped = 0
        for direction, text in (("up", up), ("down", down)):
            line, counts = Line(text, "theory"), link[direction]
            if counts["text"] != line.text:
                raise Failed(f"The link was asked for {line.text!r} {direction}, and was {counts['text']!r}.")
            lost, n = sum(counts["dropped"].values()), counts["received"]
            dropped += lost
            plain = line.foreseeable and line.burst <= 1 and not counts["doubled"]
            around = wilson(lost, n, SURE) if plain else None
            if around is not None and line.expected_loss not in around:
                raise Failed(
                    f"The link was asked to lose {line.expected_loss:.2%} {direction}, and lost {lost} of {n} packets. "
                    "Nothing that was measured on it is worth anything: try again, and see make accuracy."
                )
        kernel = account.kernel
        if kernel and dropped > 50 and kernel["OutSegs"] > 200 and not kernel["RetransSegs"]:
            raise Failed(
                f"The link dropped {dropped} packets, and this kernel's TCP sent none again: it did not cross the link."
            )

    def remarks(self) -> list[str]:
        """What a person has to know about the instrument: the warnings, and what the links said of themselves. What
        several runs said alike is said once, with the last one's numbers."""
        said = []
        for alike in self._problems.values():
            several = f"In {len(alike)} of {len(self.accounts)} runs like this: " if len(alike) > 1 else ""
            said.append(several + alike[-1])
        return self.warnings + said


__all__ = ["Failed", "Flows", "Lab", "Plan", "network"]

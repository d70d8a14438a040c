"""Making the runs of a comparison: where each takes place, and what it brought home as figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from benchmarks import measure
from benchmarks.drivers import DRIVERS
from benchmarks.environment import processors
from benchmarks.link import namespace
from benchmarks.link.probe import Seen
from benchmarks.measure import Delivery, Figures
from benchmarks.network import Conditions, Emulated, Loopback, Place, Relayed
from benchmarks.options import LOOPBACK, Options
from benchmarks.progress import Progress
from benchmarks.run import Observed, run
from benchmarks.stage import Wish
from benchmarks.summary import Run


@dataclass(frozen=True)
class Network:
    """What this machine has for a network: `kind` is `emulated`, `relay` or `loopback`; `way` leads into
    namespaces; `why_not` says why there is no emulated one."""

    kind: str
    way: list[str] = field(default_factory=list)
    why_not: list[str] = field(default_factory=list)

    def place(self, conditions: Conditions, congestion: str) -> Place:
        """Where a run under these conditions takes place."""
        if conditions.kind == "emulated":
            return Emulated(conditions, self.way, congestion)
        return Relayed(conditions) if conditions.kind == "relay" else Loopback()


@dataclass(frozen=True)
class Measured:
    """One run that was made."""

    conditions: Conditions
    transport: str
    repeat: int
    observed: Observed
    figures: Figures
    capture: str | None = None

    @cached_property
    def deliveries(self) -> Sequence[Delivery]:
        """What became of every message for every member."""
        plan = self.observed.plan
        return measure.deliveries(self.observed.records, plan.members, echoes=DRIVERS[self.transport].echoes)

    @property
    def retransmissions(self) -> int | None:
        """Segments that TCP sent again, at both ends; None over UDP, and where the counters are not this run's own."""
        kernel = self.observed.account.kernel
        return kernel["RetransSegs"] if kernel and DRIVERS[self.transport].stream else None

    @property
    def run(self) -> Run:
        """For the summary."""
        return Run(
            profile=self.conditions.profile,
            transport=self.transport,
            network=self.conditions.kind,
            repeat=self.repeat,
            figures=self.figures,
            start=self.observed.start,
            deliveries=self.deliveries,
            retransmissions=self.retransmissions,
        )


def network(options: Options) -> Network:
    """What there is for these options. Whatever is missing is said, and nothing is measured in its place."""
    if set(options.profiles) == {LOOPBACK}:
        return Network(LOOPBACK)
    try:
        return Network("emulated", namespace.way_in())
    except namespace.Missing as missing:
        return Network("relay", why_not=missing.reasons)


def figures_of(transport: str, observed: Observed) -> Figures:
    """The figures of one run, with what only the processes around it know."""
    plan = observed.plan
    echoes = DRIVERS[transport].echoes
    figures = measure.measure(observed.records, plan.members, observed.planned, echoes=echoes)
    if observed.cpu_s is not None and figures.delivered:
        figures.cpu_per_delivery = observed.cpu_s / figures.delivered
    if observed.memory_bytes is not None:
        figures.memory_per_member = observed.memory_bytes / plan.members
    figures.load_cpu = observed.load_cpu
    figures.still_coming = observed.still_coming
    if observed.cpu_s is not None:
        used = observed.cpu_s / observed.wall_s + sum(observed.load_cpu)
        figures.machine_cpu = used / processors()
    figures.suspect = measure.suspicion(figures)
    return figures


def measure_all(
    options: Options,
    net: Network,
    captures: Path,
    interrupted: Wish,
    progress: Progress,
    keep: Callable[[Measured], None],
) -> None:
    """Make every run, and `keep` each as soon as it is made. Raises Failed or Interrupted."""
    probed: dict[str, list[dict[str, Seen]]] = {}
    for profile, transport, repeat in options.runs(net.kind):
        progress.begin(f"{profile} {transport}, repeat {repeat}")
        conditions = options.conditions(profile, repeat, net.kind)
        if conditions.kind == "relay" and DRIVERS[transport].stream:
            conditions = replace(conditions, kind=LOOPBACK)
        capture = None
        if conditions.kind == "emulated" and repeat == 1:  # one of each is enough to look at
            capture = f"{profile}-{transport}.pcapng"
        earlier = probed.setdefault(profile, [])
        observed = run(
            DRIVERS[transport],
            options.plan(repeat, transport, conditions),
            interrupted,
            progress.now,
            net.place(conditions, options.congestion),
            earlier,
            captures / capture if capture else None,
        )
        if observed.account.probes:
            earlier.append(observed.account.probes)
        keep(Measured(conditions, transport, repeat, observed, figures_of(transport, observed), capture))
        progress.done()

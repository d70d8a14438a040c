"""What is to hold at the end of a torture run, and whether it does. Pure: findings go in, lines of a table come out."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.torture.findings import Drops, Findings, Forging, Part, Told
from benchmarks.torture.logbook import Logbook
from benchmarks.wording import UNKNOWN
from common import limits

MEMORY = 5 << 20
"""Bytes by which a server's memory may have grown."""

MEBI = 1 << 20


@dataclass(frozen=True)
class Check:
    """A line of the table: `what` was looked at, what the `figure` was and what was `expected`. `holds` is None where
    nothing is expected, or nothing can be known here."""

    about: str
    what: str
    figure: str
    expected: str = ""
    holds: bool | None = None


def checks(findings: Findings) -> list[Check]:
    """All of them, in the order of the table."""
    found: list[Check] = []
    for part in findings.parts:
        found += _of_part(part)
    for forging in findings.forgings:
        found += _of_forging(forging)
    return found


# --- one transport --------------------------------------------------------------------------------


def _of_part(part: Part) -> Iterator[Check]:
    about = part.transport
    yield from _done(part)
    yield _stayed(about, part.told)
    yield from _talk(about, part.told, part.drops, part.log)
    yield from _health(part)
    yield Check(
        about, "unexpected lines in its log", *_number(len(part.log.unexpected + part.log_after.unexpected))
    )
    yield from _answers(part)
    well = part.ended_well and part.ended_well_after
    figure = f"{'yes' if well else 'no'}, in {part.ended_in:.1f} s"
    yield Check(about, "SIGTERM: exit code 0", figure, "yes", well)
    after = part.told_after
    back = part.back and after.present == after.round.members
    figure = f"{after.present} of {after.round.members}"
    yield Check(about, "members back after the restart", figure, "all", back)
    yield from _talk(f"{about}, restarted", after, part.drops_after, part.log_after)


def _done(part: Part) -> Iterator[Check]:
    """What was done to it: nothing is expected of that, but that it was done."""
    about = part.transport
    unit = "frames" if about == "tcp" else "datagrams"
    hostile = part.acts.get(unit)
    if hostile:
        figure = f"{hostile.sent:,}"
        yield Check(
            about, f"hostile {unit}", figure, f"{part.planned:,}" if hostile.sent < part.planned else ""
        )
    yield Check(about, "messages its server has taken up", f"{part.log.count('messages received'):,}")
    names = {
        "silent": "connections that never said hello" if about == "tcp" else "hellos without an end",
        "resets": "connects and resets" if about == "tcp" else "hellos from ports closed at once",
        "killed": "members killed",
        "slow": "bytes read, one a second" if about == "tcp" else "datagrams read, one a second",
    }
    for name, what in names.items():
        if name in part.acts:
            did = part.acts[name]
            yield Check(about, what, f"{did.counts.get('members that had joined', did.sent):,}")
    floods = hostile.counts.get("in floods", 0) if hostile else 0
    if floods:
        yield Check(about, "datagrams in floods", f"{floods:,}")


def _stayed(about: str, told: Told) -> Check:
    """Nobody of the ten was away for a moment."""
    members = told.round.members
    away = told.counts.get("away", 0) + told.counts.get("seen leaving", 0)
    figure = f"{told.present} of {members}" + (f", away {away} times" if away else "")
    return Check(
        about, "members who stayed all the time", figure, "all", told.present == members and not away
    )


def _talk(about: str, told: Told, drops: Drops, log: Logbook) -> Iterator[Check]:
    """What became of what they said."""
    round_ = told.round
    talked = round_.said > 0
    yield Check(
        about, "deliveries among the members", f"{round_.delivered:,} of {round_.expected:,}", "some", talked
    )
    if about.startswith("tcp"):
        yield Check(
            about, "lost, doubled, out of order", *_zero(round_.lost, round_.doubled, round_.reordered)
        )
        names = ("lost", "doubled", "out_of_order")
        numbers = [told.numbers.get(name, 0) for name in names]
        yield Check(about, "the same by the room's numbers", *_zero(*numbers))
        yield Check(about, "different orders seen by members", *_number(round_.orders, 1))
    else:
        yield from _accounted(about, told, drops, log)
    yield Check(about, "said in a member's name by others", *_number(round_.strange))
    yield Check(about, "what members could not read", *_number(told.unreadable))


def _accounted(about: str, told: Told, drops: Drops, log: Logbook) -> Iterator[Check]:
    """UDP's losses, and the counters that explain them. On the way up: what the kernel dropped in front of the server,
    and the server's own `too fast`. On the way down, by the room's numbers: what the kernel dropped in front of the
    members, and what the server could not send. Where nothing was lost, no counter is needed."""
    up, down = told.round.unheard, told.numbers.get("lost", 0)
    before, behind = log.count("dropped: too fast"), log.count("not sent")
    yield _explained(about, "messages lost on their way up", up, drops.server, before)
    yield _explained(about, "numbers lost on their way down", down, drops.members, behind)
    lost = told.round.lost - up * told.round.members
    yield Check(about, "of them said by members", f"{lost:,}", f"≤ {down:,}", lost <= down)
    yield Check(about, "doubled", *_zero(told.round.doubled + told.numbers.get("doubled", 0)))


def _explained(about: str, what: str, lost: int, kernel: int | None, server: int) -> Check:
    if kernel is None:
        return Check(about, what, f"{lost:,}", UNKNOWN, None if lost > server else True)
    return Check(about, what, f"{lost:,}", f"≤ {kernel + server:,} dropped", lost <= kernel + server)


def _health(part: Part) -> Iterator[Check]:
    """Its threads, sockets and memory, against what it had with the ten members alone."""
    about, after = part.transport, part.after
    yield Check(
        about, "all others gone from it in time", "yes" if part.settled else "no", "yes", part.settled
    )
    for name, word in (("threads", "threads"), ("files", "files and sockets")):
        then, now = getattr(part.fresh, name), getattr(after, name)
        if then is None or now is None:
            yield Check(about, f"{word} of the server", UNKNOWN)
        else:
            yield Check(about, f"{word} of the server", f"{now:,}", f"{then:,}", now == then)
    yield from _memory(part)


def _memory(part: Part) -> Iterator[Check]:
    """Against what it had after a short time of the same: the first hundred threads and the first full outbox take
    memory that the allocator keeps for the next ones. What it had before that stands beside it."""
    about, (fresh, before, after) = part.transport, (part.fresh.memory, part.before.memory, part.after.memory)
    if fresh is None or before is None or after is None:
        yield Check(about, "memory of the server", UNKNOWN)
        return
    yield Check(about, "memory before anything hostile", f"{fresh / MEBI:.1f} MiB")
    yield Check(about, "memory after the warm-up", f"{before / MEBI:.1f} MiB")
    most = f"≤ {before / MEBI:.1f} + {MEMORY / MEBI:.0f} MiB"
    if part.warm:
        yield Check(about, "memory at the end", f"{after / MEBI:.1f} MiB", most, after - before <= MEMORY)
    else:
        yield Check(about, "memory at the end", f"{after / MEBI:.1f} MiB", "(too short a run)")


def _answers(part: Part) -> Iterator[Check]:
    """What it answered those who were hostile."""
    about, acts = part.transport, [*part.acts.values(), *part.warm_up.values()]
    wrong = sum(act.counts.get("answers that are no message", 0) for act in acts)
    yield Check(about, "answers that are no message", *_number(wrong))
    if about == "tcp":
        silent = part.acts.get("silent")
        if silent:
            ended = silent.counts.get("ended by the server", 0)
            least = max(0, silent.sent - limits.MAX_GUESTS)
            yield Check(
                about, "silent connections it has ended", f"{ended:,}", f"≥ {least:,}", ended >= least
            )
        refused = sum(
            number for act in acts for name, number in act.counts.items() if name.startswith("not connected")
        )
        yield Check(about, "connections it did not take", *_number(refused))
    else:
        yield _amplification(part)
        let_in = sum(act.counts.get("strangers let in", 0) for act in acts)
        yield Check(about, "let in by others' cookies", *_number(let_in))
        told = sum(act.counts.get("told what they should not be", 0) for act in acts)
        yield Check(about, "strangers who heard the room", *_number(told))


def _amplification(part: Part) -> Check:
    """The largest of all strangers' addresses."""
    acts = [*part.acts.values(), *part.warm_up.values()]
    ratios = [act.amplification for act in acts]
    ratios += [ratio(act.counts) for act in acts]
    figure = max(ratios, default=0.0)
    return Check(
        part.transport,
        "amplification",
        f"{figure:.2f}",
        f"≤ {limits.AMPLIFICATION}",
        figure <= limits.AMPLIFICATION,
    )


def ratio(counts: dict[str, int]) -> float:
    """Bytes to strangers for each byte from them."""
    return counts.get("bytes to strangers", 0) / max(1, counts.get("bytes from strangers", 0))


# --- forged addresses -----------------------------------------------------------------------------


def _of_forging(forging: Forging) -> Iterator[Check]:
    about = f"{forging.transport}, forged"
    yield Check(
        about, "packets in the members' names", f"{forging.report.sent:,}", "some", forging.report.sent > 0
    )
    yield _stayed(about, forging.told)
    yield from _talk(about, forging.told, forging.drops, forging.log)
    if forging.transport == "udp":
        yield Check(about, "dropped for their token", f"{forging.log.count('dropped: no token'):,}")
        yield Check(about, "challenges sent to members", f"{forging.log.count('challenges'):,}")
        dropped = forging.log.count("dropped: too fast")
        yield Check(about, "dropped of the members' own", *_number(dropped))
        figure = ratio(forging.report.counts)
        most = limits.AMPLIFICATION
        yield Check(about, "amplification toward a victim", f"{figure:.2f}", f"≤ {most}", figure <= most)
    yield Check(about, "unexpected lines in its log", *_number(len(forging.log.unexpected)))


def _number(number: int, expected: int = 0) -> tuple[str, str, bool]:
    return f"{number:,}", f"{expected:,}", number == expected


def _zero(*numbers: int) -> tuple[str, str, bool]:
    return ", ".join(f"{number:,}" for number in numbers), ", ".join("0" for _ in numbers), not any(numbers)

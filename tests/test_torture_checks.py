"""What a torture run says holds and does not, out of made-up findings; and what a person sees of it."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.torture.account import Figures
from benchmarks.torture.checks import Check, checks
from benchmarks.torture.findings import Drops, Findings, Forging, Part, Report, Told
from benchmarks.torture.health import Health
from benchmarks.torture.logbook import Logbook
from benchmarks.torture.plan import MILLION, Plan, cues
from benchmarks.torture.show import document, report

WHERE: dict[str, str | int] = {
    "kernel": "Linux 6.1",
    "python": "CPython 3.11",
    "processors": 2,
    "commit": "abc",
}


def told(**figures: int) -> Told:
    """What ten members tell when all is well, but for these figures."""
    well = Figures(members=10, said=100, expected=1000, delivered=1000)
    numbers = {"received": 5000, "lost": 0, "doubled": 0, "out_of_order": 0}
    return Told(round=replace(well, **figures), numbers=numbers, present=10)


def part(transport: str) -> Part:
    """One transport's part, in which all is well."""
    well = Health(threads=13, files=17, memory=20 << 20)
    unit = "frames" if transport == "tcp" else "datagrams"
    acts = {
        unit: Report(500_000, {"answers": 7}, amplification=2.0),
        "silent": Report(2000, {"ended by the server": 1900}),
        "resets": Report(1000, {}),
        "killed": Report(100, {"members that had joined": 99}),
        "slow": Report(100, {}),
    }
    drops = Drops(5, 7)
    log = Logbook(counted={"messages received": 123_456, "dropped: too fast": 2})
    return Part(
        transport, planned=500_000, acts=acts, fresh=well, before=well, after=well, settled=True, drops=drops,
        told=told(), log=log, ended_well=True, back=True, told_after=told(), ended_well_after=True, drops_after=drops,
    )  # fmt: skip


def forging(transport: str) -> Forging:
    """Forged packets that came to nothing."""
    return Forging(
        transport, planned=100, report=Report(100, {}), told=told(), ended_well=True, drops=Drops(0, 0)
    )


def findings() -> Findings:
    """A whole run in which all is well."""
    return Findings([part("tcp"), part("udp")], [forging("tcp"), forging("udp")])


def broken(found: Findings) -> list[tuple[str, str]]:
    """What does not hold: about what, and what."""
    return [(check.about, check.what) for check in checks(found) if check.holds is False]


def test_all_holds() -> None:
    """And much is looked at."""
    assert broken(findings()) == []
    assert sum(check.holds is True for check in checks(findings())) > 50


def test_one_lost_message_over_tcp_does_not_hold() -> None:
    """Whichever way it is seen."""
    found = findings()
    found.parts[0].told = told(lost=1, delivered=999)
    assert broken(found) == [("tcp", "lost, doubled, out of order")]
    found.parts[0].told = told(orders=2)
    assert broken(found) == [("tcp", "different orders seen by members")]
    found.parts[0].told = told()
    found.parts[0].told.numbers["lost"] = 1
    assert broken(found) == [("tcp", "the same by the room's numbers")]


def test_losses_over_udp_have_to_be_explained() -> None:
    """Up to what was dropped they are; one more is not."""
    found = findings()
    udp = found.parts[1]
    udp.told = told(lost=70, unheard=7, delivered=930)  # the kernel 5, the server 2
    assert broken(found) == []
    udp.told = told(lost=80, unheard=8, delivered=920)
    assert broken(found) == [("udp", "messages lost on their way up")]
    udp.told = told(lost=3, delivered=997)
    udp.told.numbers["lost"] = 7
    assert broken(found) == []
    udp.told.numbers["lost"] = 8
    assert broken(found) == [("udp", "numbers lost on their way down")]
    udp.told.numbers["lost"] = 2
    assert broken(found) == [("udp", "of them said by members")]


def test_where_the_kernel_tells_nothing() -> None:
    """No loss needs no explanation, and a loss can't be judged."""
    found = findings()
    udp = found.parts[1]
    udp.drops = udp.drops_after = Drops()
    for one in found.parts:
        one.fresh = one.before = one.after = Health()
    assert broken(found) == []
    udp.told = told(lost=80, unheard=8, delivered=920)
    assert broken(found) == []
    judged = {(check.about, check.what): check.holds for check in checks(found)}
    assert judged["udp", "messages lost on their way up"] is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"after": Health(14, 17, 20 << 20)}, "threads of the server"),
        ({"after": Health(13, 18, 20 << 20)}, "files and sockets of the server"),
        ({"after": Health(13, 17, (25 << 20) + 1)}, "memory at the end"),
        ({"settled": False}, "all others gone from it in time"),
        ({"ended_well": False}, "SIGTERM: exit code 0"),
        ({"back": False}, "members back after the restart"),
        ({"log": Logbook(unexpected=["Traceback"])}, "unexpected lines in its log"),
        ({"log_after": Logbook(unexpected=["Traceback"])}, "unexpected lines in its log"),
    ],
)
def test_what_happened_to_the_server(change: dict[str, object], what: str) -> None:
    """Each is a line of its own."""
    found = findings()
    found.parts[0] = replace(found.parts[0], **change)  # type: ignore[arg-type]
    assert broken(found) == [("tcp", what)]


def test_what_happened_to_strangers() -> None:
    """An answer that is too long, and a cookie that let somebody else in."""
    found = findings()
    found.parts[1].acts["datagrams"] = Report(500_000, {"strangers let in": 1}, amplification=3.01)
    assert broken(found) == [("udp", "amplification"), ("udp", "let in by others' cookies")]
    found.parts[1] = part("udp")
    found.parts[1].acts["silent"] = Report(1, {"bytes from strangers": 10, "bytes to strangers": 31})
    assert broken(found) == [("udp", "amplification")]


def test_what_was_forged() -> None:
    """Said in somebody's name, gone, or dropped because of others."""
    found = findings()
    found.forgings[1].told = told(strange=1)
    found.forgings[0].told.counts["seen leaving"] = 10
    found.forgings[1].log.counted["dropped: too fast"] = 31
    assert broken(found) == [
        ("tcp, forged", "members who stayed all the time"),
        ("udp, forged", "said in a member's name by others"),
        ("udp, forged", "dropped of the members' own"),
    ]


def test_the_table_fits() -> None:
    """Into 80 columns, with what was wrong, what could not be done and its remedy."""
    found = findings()
    found.parts[0].log.unexpected = ["Traceback (most recent call last):"]
    found.not_forged = "Namespaces: refused. Remedy: ask somebody."
    written = io.StringIO()
    Console(file=written, width=80).print(report(Plan(), WHERE, found))
    lines = written.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for words in ("1,000,000 hostile", "1,000 of 1,000", "✗ no", "Traceback (most", "Remedy: ask", "1 of"):
        assert words in written.getvalue(), words


def test_the_document_is_json() -> None:
    """All of it, read again."""
    found = findings()
    read = json.loads(json.dumps(document(Plan(), WHERE, found)))
    assert read["plan"]["minutes"] == 5
    assert len(read["checks"]) == len(checks(found))
    assert read["findings"]["parts"][1]["log"]["counted"]["messages received"] == 123_456


def test_the_checks_are_lines() -> None:
    """Nothing expected, nothing judged."""
    for check in checks(findings()):
        assert isinstance(check, Check)
        assert check.expected or check.holds is None


@pytest.mark.parametrize("minutes", [0.1, 1.0, 5.0, 60.0])
def test_the_plan_keeps_its_time_and_its_number(minutes: float) -> None:
    """A million in five minutes, more in more, fewer in fewer; and not much longer than it says."""
    plan = Plan(minutes=minutes)
    hostile = sum(plan.hostile for _ in plan.transports)
    assert hostile == MILLION * minutes / 5 if minutes >= 5 else 10_000 < hostile <= MILLION * minutes / 5
    assert sum(plan.expected_seconds) <= max(60, 1.05 * plan.seconds)
    for transport in plan.transports:
        acts = cues(plan, transport, plan.hostile_seconds)
        assert acts[0].count == plan.hostile
        assert {cue.act for cue in acts} >= {"silent", "resets", "killed", "slow"}
        assert acts[0].count / acts[0].rate < plan.hostile_seconds

"""What is shown and said of figures made up by hand: a sentence is there if the figures say it, and only then."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from benchmarks.estimate import Interval, Percentile, wilson
from benchmarks.measure import Figures, Times
from benchmarks.summary import Run, Summary
from benchmarks.table import NARROWER, comparison, glance
from benchmarks.verdict import findings, sentences, warnings

NO_TIMES = Times(0, None, None, None, None)


def ms(estimate: float, low: float | None = None, high: float | None = None) -> Percentile:
    """A percentile in milliseconds."""
    return Percentile(*(None if value is None else value / 1000 for value in (estimate, low, high)))  # type: ignore[arg-type]


P50, P99 = ms(50, 49, 51), ms(52, 51, 53)


def summary(
    profile: str = "lossy",
    transport: str = "udp",
    *,
    expected: int = 4000,
    lost: int = 0,
    doubled: int = 0,
    out_of_order: int = 0,
    share: Interval | None = None,
    p50: Percentile | None = P50,
    p99: Percentile | None = P99,
    retransmissions: int | None = None,
    network: str = "emulated",
    repeats: int = 3,
) -> Summary:
    """Figures of which most are as good as they can be."""
    return Summary(
        profile=profile,
        transport=transport,
        network=network,
        repeats=repeats,
        expected=expected,
        delivered=expected - lost,
        lost=lost,
        doubled=doubled,
        out_of_order=out_of_order,
        delivered_share=share or wilson(expected - lost, expected),
        n=expected - lost,
        p50=p50,
        p90=p50,
        p99=p99,
        max=0.1 if expected > lost else None,
        retransmissions=retransmissions,
    )


TCP = summary("lossy", "tcp", p50=ms(51.4, 51, 55), p99=ms(349, 245, 731), retransmissions=231)
UDP = summary("lossy", "udp", lost=384, p50=ms(50.4, 50, 51), p99=ms(51.2, 50.8, 51.9))


def printed(table: Table, width: int) -> list[str]:
    """The lines on a screen without colours."""
    out = io.StringIO()
    Console(file=out, width=width, no_color=True).print(table)
    return out.getvalue().splitlines()


def rows(summaries: Sequence[Summary], width: int = 200) -> dict[tuple[str, str], list[str]]:
    """The cells of a wide table that are not blank, by profile and transport."""
    found, profile = {}, ""
    lines = printed(glance(summaries, width), width)
    for line in lines[next(at for at, line in enumerate(lines) if "──" in line) + 1 :]:
        cells = re.split(r"\s{2,}", line.strip())
        if not line.strip():
            continue
        if not line.startswith(" "):
            profile, *cells = cells
        found[profile, cells[0]] = cells[1:]
    return found


# --- the table for a glance -----------------------------------------------------------------------


def test_a_line_says_who_lost_what_and_who_was_late() -> None:
    """In the order of the head: expected, delivered, lost, doubled, out of order, p50, p99, max, sent again."""
    found = rows([TCP, UDP])
    share = "100 (99.90–100)"
    assert found["lossy", "tcp"] == ["4,000", share, "0", "0", "0", "51.4", "349 (245–731)", "100", "231"]
    share = "90.4 (89.4–91.3)"
    assert found["lossy", "udp"] == ["4,000", share, "384", "0", "0", "50.4", "51.2 (50.8–51.9)", "100"]


def test_what_went_wrong_with_tcp_is_not_to_be_overlooked() -> None:
    """Without any colour."""
    found = rows([replace(TCP, lost=3, delivered=3997, out_of_order=1), UDP])
    assert found["lossy", "tcp"][2:5] == ["!! 3", "0", "!! 1"]
    assert found["lossy", "udp"][2] == "384"


def test_what_was_not_measured_is_said_in_words() -> None:
    """TCP behind a relay was not impaired; what is missing otherwise was not measured."""
    relayed = [
        summary("clean", "tcp", network="loopback"),
        summary("clean", "udp", network="relay"),
        summary("lossy", "udp", network="relay"),
    ]
    found = rows(relayed)
    assert found["lossy", "tcp"] == ["not impaired here"]
    assert {"tcp, loopback", "udp, relay"} == {name for profile, name in found if profile == "clean"}
    assert rows([replace(UDP, network="relay")])["lossy", "tcp"] == ["not impaired here"]
    assert rows([TCP, UDP, summary("wifi", "tcp")])["wifi", "udp"] == ["not measured"]
    assert rows([UDP, summary("wifi", "tcp")])["lossy", "tcp"] == ["not measured"]
    assert list(rows([UDP])) == [("lossy", "udp")]


def test_what_can_not_be_told_is_a_dash() -> None:
    """A percentile of too few, an interval of too little, a count that nobody made."""
    untold = [replace(TCP, p99=ms(349), retransmissions=None), replace(UDP, p99=None)]
    found = rows([*untold, summary("wifi", "tcp", retransmissions=1)])
    assert found["lossy", "tcp"][6:] == ["349 (–)", "100", "–"]
    assert found["lossy", "udp"][6:] == ["–", "100"]
    text = " ".join(printed(glance([replace(UDP, p99=None)], 200), 200))
    assert "–: too few to tell, or not counted." in text
    assert "too few to tell" not in " ".join(printed(glance([UDP], 200), 200))


def test_the_title_says_what_is_counted() -> None:
    """Also what a narrow table leaves out, and that nothing is hidden in it."""
    wide, narrow = (" ".join(" ".join(printed(glance([TCP, UDP], at), at)).split()) for at in (200, 70))
    for text in (wide, narrow):
        assert "one message to one member; 3 repeats together" in text
        assert "since a message was due, of what arrived" in text
        assert "95 % intervals" in text
    assert "Expected in each line: 4,000." in narrow
    assert "None was doubled or out of order." in narrow
    assert "A wider window" not in wide
    assert "one run each" in " ".join(printed(glance([replace(UDP, repeats=1)], 200), 200))


def test_a_narrow_table_goes_without_columns_in_the_order_that_is_documented() -> None:
    """Never without the sense: who, delivered, lost, p50 and p99."""
    summaries = [TCP, replace(UDP, doubled=12, out_of_order=34)]
    marks = {
        "expected": "expected\n",
        "max": "max",
        "interval of p99": "(245–731)",
        "interval of delivered": "(99.90–100)",
        "sent again": "sent",
        "doubled": "doubled\n",
        "out of order": "order\n",
    }
    gone = []
    for width in range(120, 34, -1):
        lines = [line.strip() + "\n" for line in printed(glance(summaries, width), width)]
        head = next(at for at, line in enumerate(lines) if "──" in line) - 2
        table = "".join(lines[head:])
        shown = [name for name in marks if marks[name].strip() in table]
        gone += [name for name in marks if name not in shown and name not in gone]
        for always in ("lossy", "tcp", "udp", "384", "51.4", "349", "90.4", "100", "p50", "p99"):
            assert always in table, (width, always)
    assert gone == [name for name in NARROWER if name in marks]


PROFILES = ("clean", "wifi", "dsl", "mobile-3g", "satellite", "lossy")
SECONDS = st.floats(1e-5, 20)
PERCENTILES = st.none() | st.builds(Percentile, SECONDS) | st.builds(Percentile, SECONDS, SECONDS, SECONDS)
COUNTS = st.integers(0, 99_999)


@st.composite
def summary_lists(draw: st.DrawFn) -> list[Summary]:
    """Any figures, over some profiles, with tcp, udp or both."""
    found = []
    network = draw(st.sampled_from(["emulated", "relay", "loopback"]))
    for profile in draw(st.lists(st.sampled_from(PROFILES), min_size=1, unique=True)):
        for transport in draw(st.sampled_from([("tcp", "udp"), ("udp",), ("tcp",)])):
            lost = draw(COUNTS)
            found.append(
                summary(
                    profile,
                    transport,
                    expected=lost + draw(COUNTS),
                    lost=lost,
                    doubled=draw(COUNTS),
                    out_of_order=draw(COUNTS),
                    p50=draw(PERCENTILES),
                    p99=draw(PERCENTILES),
                    retransmissions=draw(st.none() | COUNTS),
                    network=network,
                )
            )
    return found


@settings(deadline=None, max_examples=60)
@given(summary_lists(), st.integers(55, 200))
def test_a_table_fits_and_breaks_no_word(summaries: list[Summary], width: int) -> None:
    """Whatever stands in it: nothing is cut off, and there is a line for each transport of each profile."""
    lines = printed(glance(summaries, width), width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    assert {"lost", "p50", "p99", "delivered"} <= set(re.findall(r"[\w]+", text))
    body = lines[next(at for at, line in enumerate(lines) if "──" in line) + 1 :]
    for one in summaries:
        assert any(one.profile in line for line in body)
    assert sum(bool(line.strip()) for line in body) >= len(summaries)


# --- findings -------------------------------------------------------------------------------------


def said(*summaries: Summary, **expected: float) -> list[str]:
    """The findings, without descriptions."""
    return findings(summaries, {}, expected)


def about(word: str, found: list[str]) -> str:
    """The only sentence that begins so; empty if there is none."""
    about = [sentence for sentence in found if sentence.startswith(word)]
    assert len(about) <= 1
    return "".join(about)


def test_each_profile_has_a_sentence() -> None:
    """With what it is, and what became of both transports on it."""
    found = findings([TCP, UDP], {"lossy": "delay 25ms loss 5%"}, {})
    assert found[0] == (
        "lossy (delay 25ms loss 5%): "
        "UDP delivered 90.4 % (89.4–91.3) of 4,000, in order, p50 50.4 ms, p99 51.2 ms (50.8–51.9); "
        "TCP delivered all 4,000, in order, p50 51.4 ms, p99 349 ms (245–731), with 231 retransmissions."
    )


def test_what_is_missing_is_not_made_up() -> None:
    """Nothing due, nothing delivered, too few for a percentile, no interval."""
    assert "UDP had nothing to deliver" in said(summary(expected=0, p50=None, p99=None))[0]
    assert "UDP delivered nothing of 20" in said(summary(expected=20, lost=20, p50=None, p99=None))[0]
    assert "too few for a percentile (max 100 ms)" in said(summary(p50=None, p99=None))[0]
    assert "p50 50.0 ms (49.0–51.0) (too few for a p99)" in said(summary(p99=None))[0]
    assert "p99 52.0 ms." in said(summary(p99=ms(52)))[0]
    found = said(summary(doubled=2, out_of_order=7))[0]
    assert "7 out of order, 2 doubled" in found
    assert "in order" not in found
    assert "with 1 retransmission." in said(replace(TCP, retransmissions=1))[0]
    assert "with no retransmissions." in said(replace(TCP, retransmissions=0))[0]


def test_that_tcp_kept_its_promise_is_said_of_what_was_measured() -> None:
    """Of these profiles and so many deliveries, not in general; and only if TCP was measured."""
    assert about("TCP ", said(TCP, UDP, replace(TCP, profile="wifi"))) == (
        "TCP lost nothing, doubled nothing and kept the order over lossy and wifi (8,000 deliveries)."
    )
    assert about("TCP ", said(UDP)) == ""


@pytest.mark.parametrize(
    ("flaw", "says"),
    [("lost", "it lost 3,"), ("doubled", "it doubled 3,"), ("out_of_order", "it delivered 3 out of order,")],
)
def test_that_tcp_did_not_keep_its_promise_is_said_loudly(flaw: str, says: str) -> None:
    """And nothing good is said of it elsewhere."""
    found = said(replace(TCP, **{flaw: 3}), UDP, replace(TCP, profile="wifi"))  # type: ignore[arg-type]
    assert about("TCP ", found).startswith("TCP DID NOT KEEP ITS PROMISE: over lossy ")
    assert says in about("TCP ", found)
    assert "wifi" not in about("TCP ", found)


def test_what_udp_lost_is_compared_with_what_was_asked_for() -> None:
    """By the interval: it holds the expectation or it does not."""
    found = said(TCP, UDP, summary("wifi", lost=400), lossy=0.9025, wifi=0.98)
    agrees = about("What UDP delivered agrees", found)
    assert "lossy (90.25 % expected, 89.4–91.3 measured)" in agrees
    assert "wifi" not in agrees
    differs = about("What UDP delivered does NOT agree", found)
    assert "wifi (98 % expected, 89.0–90.9 measured)" in differs
    assert "lossy" not in differs
    assert "one 95 % interval in twenty" in differs


def test_nothing_is_expected_of_what_nobody_expects_anything_of() -> None:
    """TCP sends again; loopback is no link; and a profile may be left out."""
    found = said(TCP, UDP, replace(UDP, profile="loopback", network="loopback"), lossy_2=0.9, loopback=1.0)
    assert about("What UDP", found) == ""
    assert about("What UDP", said(replace(TCP, lost=1), lossy=0.9)) == ""


def test_a_difference_is_one_only_where_intervals_do_not_overlap() -> None:
    """Who was quicker and by what factor; or that there is no difference to be seen; or that it can't be told."""
    unknown = replace(UDP, profile="satellite", p99=ms(600))
    found = about(
        "p99: ",
        said(
            TCP,
            UDP,
            summary("clean", "tcp"),
            summary("clean", "udp"),
            replace(TCP, profile="satellite"),
            unknown,
            replace(TCP, profile="dsl", p99=None),
            replace(UDP, profile="dsl"),
        ),
    )
    assert "UDP was quicker than TCP over lossy (51.2 ms against 349 ms, factor 6.82);" in found
    assert "over clean there is no difference to be seen;" in found
    assert "over satellite (TCP 349 ms, UDP 600 ms) too little was measured to tell" in found
    assert "dsl" not in found


def test_the_quicker_one_is_named_whoever_it_is() -> None:
    """And if it lost something, that its times are without that."""
    quick = replace(TCP, p99=ms(10, 9, 11))
    found = said(quick, UDP)
    assert "TCP was quicker than UDP over lossy (10.0 ms against 51.2 ms, factor 5.12)" in about("p99", found)
    assert about("These times", found) == ""
    little = said(replace(TCP, p50=ms(50.1, 50.05, 50.2)), replace(UDP, p50=ms(50.3, 50.25, 50.4)))
    assert "TCP was quicker than UDP over lossy (50.1 ms against 50.3 ms, 0.20 ms apart)" in about(
        "p50", little
    )
    assert about("These times", said(TCP, UDP)) == "These times are of what arrived: what UDP lost has none."


def test_different_networks_are_not_compared() -> None:
    """TCP on loopback against UDP through a relay."""
    found = said(replace(TCP, network="loopback"), replace(UDP, network="relay"))
    assert not any(sentence.startswith(("p50", "p99")) for sentence in found)


def test_one_run_of_each_says_what_its_intervals_leave_out() -> None:
    """With repeats that is in the intervals."""
    assert "--repeats" in said(replace(TCP, repeats=1), replace(UDP, repeats=1))[-1]
    assert not any("How much one run differs" in sentence for sentence in said(TCP, UDP))
    assert findings([], {}, {}) == []


@settings(deadline=None, max_examples=60)
@given(summary_lists(), st.dictionaries(st.sampled_from(PROFILES), st.floats(0, 1)))
def test_whatever_was_measured_it_is_said_in_whole_sentences(
    summaries: list[Summary], expected: dict[str, float]
) -> None:
    """Each ends with a full stop, names no None, and claims no rule."""
    for sentence in findings(summaries, {}, expected):
        assert sentence.endswith(".")
        assert not re.search(r"\bNone\b|\bnan\b|\binf\b|always|never|because", sentence)


# --- sentences of a single profile ----------------------------------------------------------------


def figures(**values: Any) -> Figures:
    """Of a run in which all went well."""
    times = Times(2000, 0.001, 0.002, 0.003, 0.004)
    known: dict[str, Any] = {
        "planned_messages": 200,
        "sent_messages": 200,
        "expected": 2000,
        "delivered": 2000,
        "lost": 0,
        "doubled": 0,
        "out_of_order": 0,
        "unreadable": 0,
        "latency": times,
        "latency_from_send": times,
        "lateness": times,
        "cpu_per_delivery": 1e-5,
        "memory_per_member": 20_000.0,
    }
    return Figures(**known | values)


def test_sentences_of_loopback() -> None:
    """Who lost what, and whether the repeats' ranges overlap."""
    slow = Times(2000, 0.005, 0.006, 0.007, 0.008)
    found = sentences(
        {
            "tcp": [figures(), figures()],
            "udp": [figures(latency=slow, lost=20, delivered=1980, out_of_order=10), figures(latency=slow)],
        }
    )
    assert found[0] == (
        "udp lost 20 (0.5 %) and delivered 10 (0.25 %) out of order of 4,000 deliveries; tcp lost nothing, doubled "
        "nothing and kept the order."
    )
    assert found[1] == (
        "p50: tcp 1.00 ms, udp 5.00 ms (factor 5.00). "
        "The repeats' ranges do not overlap: tcp was quicker in all of them."
    )
    assert len(found) == 3


# --- warnings -------------------------------------------------------------------------------------


def run(profile: str = "lossy", transport: str = "udp", network: str = "emulated", **values: Any) -> Run:
    """A run with these figures; its deliveries do not matter here."""
    return Run(profile, transport, network, 1, figures(**values), 0, [], None)


GOOD = {"lateness": {"n": 5000, "p50": 1e-5, "p99": 2e-4, "max": 0.003, "share_over_1ms": 0.004}}
LINK: Mapping[str, Any] = GOOD | {"peak_rate": 1300, "overflow": 0, "seconds": 3.0}


def late(share: float) -> Mapping[str, Any]:
    """A link of which this share of packets was late."""
    return {**LINK, "lateness": LINK["lateness"] | {"share_over_1ms": share}, "peak_rate": 9000}


def test_there_is_nothing_to_warn_of_where_all_is_well() -> None:
    """On a link, and on loopback."""
    assert warnings([run("lossy", "tcp"), run()], [("lossy", "tcp", LINK), ("lossy", "udp", LINK)]) == []
    assert warnings([run("loopback", network="loopback")], [("loopback", "udp", None)]) == []
    assert warnings([]) == []


def test_a_suspect_run_is_named_by_profile_and_transport() -> None:
    """Only by its transport where there is but one profile."""
    suspect = run(suspect="a load process was busy")
    (found,) = warnings([suspect, run(), run("wifi")])
    assert found.startswith(
        "In 1 of 2 lossy udp runs the load may have been the bottleneck (a load process was busy)"
    )
    (found,) = warnings([suspect])
    assert found.startswith("In the udp run the load")


def test_that_messages_still_came_is_said() -> None:
    """What was late is not lost."""
    (found,) = warnings([run("wifi", "tcp"), run("lossy", "tcp", still_coming=True)])
    assert found.startswith("At the end of the lossy tcp run messages were still arriving")


def test_texts_that_nobody_sent_are_counted() -> None:
    """The table at a glance has no column for them."""
    (found,) = warnings([run(unreadable=2), run(unreadable=3)])
    assert "5 texts" in found


def test_a_percentile_that_is_missing_is_explained_once() -> None:
    """With what would supply it: over profiles of all repeats together, on loopback of each run."""
    few = Times(600, 0.001, 0.002, None, 0.004)
    fewer = Times(15, None, None, None, 0.004)
    assert warnings([run(latency=few), run(latency=few)]) == []
    (found,) = warnings([run(latency=few), run("wifi")])
    assert found.startswith("p99 is – in lossy udp, which had fewer than 1,000 deliveries (here 600)")
    assert "--seconds" in found
    (found,) = warnings([run(latency=fewer), run("wifi", latency=few)])
    assert found.startswith("p50 is – in lossy udp, which had fewer than 20 deliveries (here 15)")
    (found,) = warnings([run("loopback", latency=few, network="loopback")] * 2)
    assert found.startswith("p99 is – where a run had fewer than 1,000 deliveries (here 600)")


def test_a_link_that_was_late_says_so() -> None:
    """More than one packet in a hundred later than a millisecond; of each run by itself."""
    runs = [run("wifi", "tcp"), run("lossy", "tcp"), run("lossy", "tcp")]
    links = [("wifi", "tcp", late(0.01)), ("lossy", "tcp", late(0.034)), ("lossy", "tcp", LINK)]
    (found,) = warnings(runs, links)
    assert found.startswith("In 1 of 3 runs the link itself was late, at p99 by up to 0.20 ms")
    assert "more than it carries exactly (9,000 packets in a second)" in found
    assert "lossy tcp (1)" in found
    calm = {**late(0.034), "peak_rate": 700}
    (found,) = warnings(runs, [("lossy", "tcp", calm)])
    assert "busy with something else" in found


def test_packets_that_the_device_dropped_are_no_losses_of_the_profile() -> None:
    """They are counted and named."""
    links = [("lossy", "udp", {**LINK, "overflow": lost}) for lost in (7, 5)]
    (found,) = warnings([run(), run()], links)
    assert "nobody asked it to drop: udp (12)" in found


def test_that_tcp_was_not_impaired_comes_first() -> None:
    """And that TCP on loopback does not compare with UDP through a relay."""
    runs = [
        run("clean", "tcp", "loopback"),
        run("clean", "udp", "relay"),
        run("lossy", "udp", "relay", suspect="it was busy"),
    ]
    first, second, _ = warnings(runs)
    assert first.startswith("TCP was not impaired over clean and lossy")
    assert second.startswith("Over clean TCP went through this machine's loopback alone")
    assert warnings(runs[1:2])[0].startswith("TCP was not impaired over clean")
    assert not any("loopback" in found for found in warnings(runs[1:2]))


def test_an_unknown_cost_of_the_server_is_said() -> None:
    """Not if there was no delivery to share it."""
    (found,) = warnings([run(cpu_per_delivery=None)])
    assert "CPU" in found
    nothing: dict[str, Any] = {"delivered": 0, "lost": 2000, "latency": replace(NO_TIMES, n=2000)}
    assert warnings([run(cpu_per_delivery=None, **nothing)]) == []


def test_memory_that_can_not_be_told_is_not_shown() -> None:
    """Less than a page for each member, or even less than nothing, is the noise of the measurement: that is said
    where it would stand, below the table of loopback."""
    told, untold = figures(memory_per_member=8192.0), figures(memory_per_member=-800.0)
    (row,) = (line for line in printed(comparison({"tcp": [told], "udp": [untold]}), 120) if "memory" in line)
    assert row.split()[-2:] == ["8.00", "–"]
    runs = [run("loopback", transport, "loopback") for transport in ("tcp", "udp")]
    (sentence,) = warnings([replace(runs[0], figures=told), replace(runs[1], figures=untold)])
    assert "page" in sentence
    assert "udp" in sentence
    assert "tcp" not in sentence
    assert warnings([run(memory_per_member=-800.0)]) == []

"""Specifications: tc-netem's words in any order, one order of application, and a sentence for what can't be had."""

import importlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.link.gemodel import GEModel
from benchmarks.link.line import Line
from benchmarks.link.profiles import PROFILES, Profile, find
from benchmarks.link.specification import KINDS, ORDER, PARTS, canonical, merge, parse, without_loss
from benchmarks.link.units import Refused, show_rate, show_share, show_time

TIMES = st.floats(0, 60).map(show_time)
SHARES = st.floats(0, 1).map(show_share)


def _words(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda found: " ".join(word for word in found if word))


JITTERED = _words(
    st.just("delay"),
    TIMES,
    st.floats(1e-6, 60).map(show_time),
    st.sampled_from(["", "distribution normal", "distribution uniform"]),
    st.sampled_from(["", "ordered"]),
)
DELAYS = st.one_of(_words(st.just("delay"), TIMES), JITTERED)
GEMODELS = _words(
    st.just("loss gemodel"),
    st.lists(SHARES, min_size=1, max_size=4).map(" ".join),
    st.one_of(
        st.sampled_from(["", "clock packet"]),
        st.floats(0.001, 60).map(lambda step: f"clock {show_time(step)}"),
    ),
)
LOSSES = st.one_of(_words(st.sampled_from(["loss", "loss random"]), SHARES), GEMODELS)
RATES = _words(
    st.just("rate"),
    st.floats(1e3, 100e9).map(show_rate),
    st.one_of(st.just(""), st.integers(1, 10**6).map(lambda limit: f"limit {limit}")),
)
OUTAGES = st.lists(_words(st.just("outage"), TIMES, st.floats(1e-6, 3600).map(show_time)), max_size=3).map(
    " ".join
)
OTHERS = [_words(st.just(name), SHARES) for name in ("duplicate", "corrupt")]
REORDERED = _words(
    JITTERED,
    st.just("reorder"),
    SHARES,
    st.one_of(st.just(""), st.integers(1, 100).map(lambda gap: f"gap {gap}")),
)


def _maybe(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), strategy)


SPECIFICATIONS = (
    st.tuples(
        _maybe(st.one_of(DELAYS, REORDERED)), *(_maybe(one) for one in (LOSSES, RATES, *OTHERS)), OUTAGES
    )
    .flatmap(st.permutations)
    .map(lambda parts: " ".join(part for part in parts if part))
)
"""Any specification that makes sense."""


@settings(deadline=None)
@given(SPECIFICATIONS)
def test_a_specification_survives_being_written(text: str) -> None:
    """What is read from what was written is equal, impairment by impairment, and is written the same."""
    read = parse(text)
    written = canonical(text)
    assert parse(written) == read
    assert canonical(written) == written


@settings(deadline=None)
@given(SPECIFICATIONS)
def test_impairments_come_in_the_order_of_application(text: str) -> None:
    """Whatever the order of the words."""
    places = [ORDER.index(type(impairment)) for impairment in parse(text)]
    assert places == sorted(places)


@settings(deadline=None)
@given(SPECIFICATIONS)
def test_what_remains_without_loss_loses_nothing(text: str) -> None:
    """It delays as before, and doubles and damages nothing either."""
    before, after = Line(text, "1"), Line(without_loss(text), "1")
    assert after.expected_loss == 0
    assert not any(impairment.expected_doubling for impairment in after.impairments)
    assert after.expected_delay == before.expected_delay
    assert {one.name for one in after.impairments} <= {"delay", "reorder", "rate"}


@settings(deadline=None)
@given(SPECIFICATIONS)
def test_merging_nothing_changes_nothing(text: str) -> None:
    """From either side; but for words that ask for nothing."""
    doing = " ".join(str(one) for one in parse(text) if not one.idle)
    assert merge(text, "") == merge("", text) == canonical(doing)


@settings(deadline=None)
@given(SPECIFICATIONS, SPECIFICATIONS)
def test_merging_replaces_what_has_the_same_name(base: str, change: str) -> None:
    """The words of the change are all there, and those of the base that it does not mention."""
    changed = {impairment.option for impairment in parse(change)}
    kept = [one for one in parse(base) if one.option not in changed]
    if "reorder" in base and canonical(change).endswith("delay 0s"):
        with pytest.raises(Refused, match="reorder needs a delay"):
            merge(base, change)
        return
    merged = parse(merge(base, change))
    expected = [str(one) for one in kept + parse(change) if not one.idle]
    assert sorted(map(str, merged)) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("  ", ""),
        ("delay 20ms loss random 5%", "loss 5% delay 20ms"),
        ("DELAY 20MS", "delay 20ms"),
        ("delay 20 ms 5 ms loss 5 % rate 1 mbit limit 5", "loss 5% rate 1mbit limit 5 delay 20ms 5ms"),
        ("delay 20ms 0ms", "delay 20ms"),
        ("delay 0.02s 5ms distribution uniform", "delay 20ms 5ms"),
        ("delay 20ms 5ms ordered distribution normal", "delay 20ms 5ms distribution normal ordered"),
        ("loss gemodel 7%", "loss gemodel 7% 93%"),
        ("loss gemodel 2% 38% 100% 0% clock 10ms", "loss gemodel 2% 38%"),
        ("loss gemodel 2% 38% 90%", "loss gemodel 2% 38% 90%"),
        ("loss gemodel 2% 38% 100% 1% clock packet", "loss gemodel 2% 38% 100% 1% clock packet"),
        ("reorder 25% gap 1 delay 10ms", "delay 10ms reorder 25%"),
        ("rate 1mbit limit 1000", "rate 1mbit"),
        ("rate 1000kbit limit 50", "rate 1mbit limit 50"),
        ("outage 5s 1s corrupt 1% outage 2s 3s", "outage 5s 1s outage 2s 3s corrupt 1%"),
    ],
)
def test_the_same_is_written_the_same(text: str, written: str) -> None:
    """Without what goes without saying."""
    assert canonical(text) == written


@pytest.mark.parametrize(
    ("base", "change", "merged"),
    [
        ("delay 25ms loss 5%", "loss 20%", "loss 20% delay 25ms"),
        ("delay 25ms loss 5%", "loss gemodel 2% 38%", "loss gemodel 2% 38% delay 25ms"),
        ("loss gemodel 2% 38%", "loss 1%", "loss 1%"),
        ("delay 25ms", "reorder 5%", "delay 25ms reorder 5%"),
        ("outage 1s 1s outage 5s 1s delay 1ms", "outage 2s 2s", "outage 2s 2s delay 1ms"),
    ],
)
def test_a_change_replaces_its_own_kind(base: str, change: str, merged: str) -> None:
    """Also one kind of loss the other, and all outages together; what a change lacks, the base may have."""
    assert merge(base, change) == merged


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss 120%", "from 0% to 100%"),
        ("delay 20 bananas", "'bananas' is no unit"),
        ("rate 1mbit limit 50 dealy 5ms", "did you mean 'delay'"),
        ("delay 20 loss 5%", "write 20ms or 20s"),
        ("delay 20", "write 20ms or 20s"),
        ("delay -20ms", "never below 0"),
        ("delay 20ms -5ms", "never below 0"),
        ("loss -1%", "never below 0"),
        ("delay nan", "is no time"),
        ("loss inf", "is no share"),
        ("reorder 5%", "reorder needs a delay"),
        ("reorder 5% delay 0ms", "reorder needs a delay"),
        ("limit 50", "'limit' belongs behind 'rate': write rate RATE [limit PACKETS]"),
        ("gemodel 2%", "'gemodel' belongs behind 'loss': write loss gemodel P"),
        ("ordered", "belongs behind 'delay'"),
        ("delay 20ms ordered", "as in delay 20ms 5ms ordered"),
        ("delay 20ms distribution normal", "as in delay 20ms 5ms distribution normal"),
        ("delay 20ms 5ms distribution pareto", "write uniform or normal"),
        ("delay 20ms 5ms distribution", "the name of one"),
        ("delay 20ms 5ms distribution normal distribution normal", "two distributions"),
        ("delay 20ms 5ms ordered ordered", "once is enough"),
        ("delay 20ms jitter 5ms", "write delay 20ms 5ms"),
        ("los 5%", "did you mean 'loss'"),
        ("delay 5ms duplcate 5%", "did you mean 'duplicate'"),
        ("bananas", "There are delay, loss, duplicate, reorder, corrupt, rate, outage"),
        ("5%", "'5%' of what?"),
        ("loss 5% loss 4%", "There are two of 'loss'"),
        ("delay 5ms delay 5ms", "There are two of 'delay'"),
        ("loss random 5% loss gemodel 2%", "one kind of loss"),
        ("loss gemodel 2% loss gemodel 3%", "There are two of 'loss'"),
        ("delay", "Behind 'delay' there has to be a time"),
        ("loss", "Behind 'loss' there has to be a share"),
        ("loss gemodel", "the share P"),
        ("loss gemodel 2% clock", "a time or 'packet'"),
        ("loss gemodel 2% clock 0s", "a step is from 1ms to 60s"),
        ("loss gemodel 2% clock 61s", "a step is from 1ms to 60s"),
        ("loss gemodel 1% 2% 3% 4% 5%", "one number too many"),
        ("outage 2s", "the time that it lasts"),
        ("outage 2s -3s", "never below 0"),
        ("outage 2s 0s", "lasts no time"),
        ("outage 2s 2h", "is no unit"),
        ("outage 100000s 1s", "at most 86400s"),
        ("outage 1s 3601s", "at most 3600s"),
        ("loss 5% 25%", "no correlations"),
        ("loss random 5% 25%", "gemodel makes bursts"),
        ("delay 20ms 5ms 25%", "no correlations"),
        ("delay 20ms 25%", "no correlations"),
        ("duplicate 1% 25%", "no correlations"),
        ("corrupt 1% 25%", "no correlations"),
        ("delay 20ms reorder 25% 50%", "no correlations"),
        ("delay 20ms reorder 25% 50% gap 5", "no correlations"),
        ("delay 20ms 5ms 3ms", "one number too many"),
        ("delay 61s", "at most 60s"),
        ("delay 1s 61s", "at most 60s"),
        ("rate 0", "write 1mbit or 512kbit"),
        ("rate 0mbit", "write loss 100%"),
        ("rate 1bit", "from 1kbit to 100gbit"),
        ("rate 999999gbit", "from 1kbit to 100gbit"),
        ("rate 1mbit limit 0", "is no limit: write a whole number from 1"),
        ("rate 1mbit limit", "a number of packets"),
        ("delay 5ms reorder 5% gap 0", "is no gap: write a whole number from 1"),
        ("loss state 1%", "gemodel makes bursts"),
        ("loss 5% ecn", "marks no packets"),
        ("seed 5", "--seed"),
        ("slot 10ms", "rate holds packets back"),
    ],
)
def test_what_cannot_be_had_is_refused(text: str, said: str) -> None:
    """In a sentence that holds the remedy."""
    with pytest.raises(Refused) as refused:
        parse(text)
    assert said in str(refused.value)
    assert re.fullmatch(r".+[.)]", str(refused.value))


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([*KINDS, *PARTS]),
            st.sampled_from(["packet", "5%", "20ms", "1mbit", "3", "-1%", "99999s", "0%"]),
            st.text(max_size=5),
        ),
        max_size=8,
    ).map(" ".join)
)
def test_any_words_are_read_or_refused(text: str) -> None:
    """Nothing else ever comes of them."""
    try:
        read = parse(text)
    except Refused:
        return
    assert parse(canonical(text)) == read


def test_nothing_is_nothing() -> None:
    """An empty specification has no impairments, and its line does nothing."""
    assert parse("") == []
    line = Line("", "1")
    assert line.apply(b"packet", 5.0) == ([(5.0, b"packet")], "")
    assert (line.expected_loss, line.expected_delay, line.may_reorder, line.burst) == (0, 0, False, 1)


def test_each_reading_makes_new_impairments() -> None:
    """Two lines of the same text share no state."""
    one, other = parse("loss gemodel 2%"), parse("loss gemodel 2%")
    assert one == other
    assert one[0] is not other[0]


# --- files, names, documentation ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ORDER, ids=lambda kind: kind.name)
def test_an_impairment_is_named_like_its_file(kind: type) -> None:
    """Whoever reads its name in a report finds the file."""
    assert kind.__module__ == f"benchmarks.link.{vars(kind)['name']}"


@pytest.mark.parametrize("kind", ORDER, ids=lambda kind: kind.name)
def test_the_documentation_of_an_impairment_is_true(kind: type) -> None:
    """It says what a student wants to know; its examples can be had, and may reorder if it does not say "No"."""
    doc = importlib.import_module(kind.__module__).__doc__ or ""
    assert all(f"**{what}" in doc for what in ("In the world**", "In tc-netem**", "May it reorder?**"))
    _, *examples = re.split(r" {3,}", doc.splitlines()[2].strip())
    assert examples
    read = [parse(example) for example in examples]
    assert all(any(isinstance(one, kind) for one in found) for found in read)
    if "**May it reorder?** No" in doc:
        assert not any(one.may_reorder for found in read for one in found if isinstance(one, kind))


# --- profiles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_is_a_specification(profile: Profile) -> None:
    """With a name that finds it, and a description."""
    assert find(profile.name) is profile
    assert parse(canonical(profile.text)) == parse(profile.text)
    assert profile.description


@pytest.mark.parametrize(
    ("name", "loss", "delay"),
    [
        ("clean", 0.0, 0.0),
        ("lan", 0.0, 0.001),
        ("wifi", 0.01, 0.02),
        ("dsl", 0.005, 0.04),
        ("mobile-3g", 0.015, 0.125),
        ("satellite", 0.01, 0.3),
        ("lossy", 0.05, 0.025),
        ("awful", 0.2, 0.025),
    ],
)
def test_a_profile_is_as_bad_as_its_name(name: str, loss: float, delay: float) -> None:
    """What is to be expected of each direction."""
    line = Line(find(name).text, "1")
    assert line.expected_loss == pytest.approx(loss, rel=1e-4)
    assert line.expected_delay == pytest.approx(delay)


def test_the_bursts_of_wifi_last_25_ms() -> None:
    """On average, which is 2.5 steps of its clock."""
    model = next(one for one in parse(find("wifi").text) if isinstance(one, GEModel))
    assert model.step is not None
    assert model.step / model.r == pytest.approx(0.025)


def test_an_unknown_profile_is_refused_with_those_there_are() -> None:
    """And the nearest one."""
    with pytest.raises(
        Refused, match=r"no profile 'wfi': did you mean 'wifi'\? There are clean, lan, wifi, dsl"
    ):
        find("wfi")
    with pytest.raises(Refused, match=r"no profile 'mars'\. There are"):
        find("mars")


def test_every_profile_can_be_said_in_words() -> None:
    """Without netem's vocabulary, for the sentences under the table."""
    words = {name: Line(profile.text, "1").in_words for name, profile in PROFILES.items()}
    assert words["clean"] == "no impairment"
    assert words["lossy"] == "25 ms, 5 % loss"
    assert words["wifi"] == "20 ± 5 ms, 1 % loss in bursts"


@pytest.mark.parametrize(
    ("base", "change", "after"),
    [
        ("delay 20ms rate 1mbit", "rate none", "delay 20ms"),
        ("loss gemodel 1% 40% delay 20ms", "loss none delay 5ms", "delay 5ms"),
        ("outage 1s 1s outage 5s 1s", "outage none", ""),
        ("loss 5% delay 20ms", "loss 0% delay 0ms", ""),
        ("delay 20ms reorder 5%", "reorder 0%", "delay 20ms"),
        ("loss 5%", "rate none", "loss 5%"),
    ],
)
def test_a_change_can_take_something_away(base: str, change: str, after: str) -> None:
    """By its name and `none`, or by asking for none of it."""
    assert merge(base, change) == after

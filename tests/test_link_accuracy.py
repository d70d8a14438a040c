"""The bench of the link, in small: what it measures is right, whether or not this machine is quick enough."""

import json
import threading

import pytest

from benchmarks.link import accuracy, namespace
from benchmarks.link.probe import Seen
from common import interrupts
from tests.emulated import needs_link


def test_bursts_are_losses_with_nothing_between_them() -> None:
    """At the beginning, in the middle, at the end; none where nothing is lost."""
    assert Seen.of(10, dict.fromkeys((2, 3, 5, 8), 0.1), 4).bursts == 4
    assert Seen.of(3, dict.fromkeys(range(3), 0.1), 3).bursts == 0
    assert Seen.of(3, {}, 3).bursts == 1


@needs_link
def test_the_bench_measures_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every figure is there, with what it should be; losses are within theory's intervals at these seeds."""
    monkeypatch.setattr(accuracy, "RATES", (2000, 4000))
    monkeypatch.setattr(accuracy, "MANY", 2000)
    monkeypatch.setattr(interrupts, "Asked", threading.Event)  # Ctrl-C is for pytest
    monkeypatch.setattr("sys.argv", ["accuracy", "--repeats", "1", "--json"])
    code = accuracy.main()
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert len(found) == 2 + 1 + 1 + 6 + 2
    assert found["dropped unasked, up to 4,000 packets/s"]["holds"]
    assert found["delay, p99, 4,000 packets/s"]["holds"] is None
    assert all(one["holds"] for what, one in found.items() if what.startswith(("loss", "gemodel")))
    assert code == (1 if any(one["holds"] is False for one in found.values()) else 0)


def test_where_there_can_be_no_link_it_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""

    def nothing() -> list[str]:
        raise namespace.Missing(["Namespaces: the kernel allows none. Remedy: sudo sysctl."])

    monkeypatch.setattr(namespace, "way_in", nothing)
    monkeypatch.setattr("sys.argv", ["accuracy"])
    assert accuracy.main() == 2
    assert "allows none" in capsys.readouterr().err

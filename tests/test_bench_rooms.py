"""Rooms against each other: which are possible, and how they are shown. Their slopes are tested with the experiment
`members`."""

import pytest

from benchmarks.bench import rooms
from common import files


def test_only_rooms_with_enough_open_files_are_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each member, and some beside; it asks for as many as the largest wants."""
    asked: list[int] = []

    def allow(wanted: int) -> int:
        asked.append(wanted)
        return 1400

    monkeypatch.setattr(files, "allow", allow)
    assert rooms.possible((10, 1000, 2000)) == (10, 1000)
    assert asked == [2000 + rooms.BESIDE]


def test_no_rooms_are_no_rows() -> None:
    """And no lines, and nothing is remarked; a table has its headings."""
    assert not rooms.rows({})
    assert not rooms.series({}, rooms.MEMORY, 1.0)
    assert not rooms.remarks({})
    assert len(rooms.table({})) == 1
    assert rooms.middle({}, "tcp", 10, rooms.MEMORY) is None

"""A thread that waits in a selector is woken, and no wake is swallowed."""

import selectors
import threading
from collections import deque
from collections.abc import Iterator

import pytest

from common.waker import Waker

GUARD = 20.0
"""Seconds after which a test that hangs fails."""


@pytest.fixture
def waker() -> Iterator[Waker]:
    """A waker, and both of its sockets given back."""
    waker = Waker()
    yield waker
    waker.close()


@pytest.fixture
def selector(waker: Waker) -> Iterator[selectors.BaseSelector]:
    """A selector that watches the waker."""
    with selectors.DefaultSelector() as selector:
        selector.register(waker, selectors.EVENT_READ)
        yield selector


def test_a_new_waker_wakes_nobody(selector: selectors.BaseSelector) -> None:
    """Nothing to read before the first wake."""
    assert selector.select(0) == []


def test_a_wake_before_the_wait_is_kept(waker: Waker, selector: selectors.BaseSelector) -> None:
    """The next wait returns at once, as often as it is asked, until it is cleared."""
    waker.wake()
    for _ in range(2):
        ((key, _),) = selector.select(0)
        assert key.fileobj is waker
    waker.clear()
    assert selector.select(0) == []


def test_a_thousand_wakes_are_one(waker: Waker, selector: selectors.BaseSelector) -> None:
    """Nobody fills the socket pair, and one `clear` is enough."""
    for _ in range(1_000_000):
        waker.wake()
    assert len(selector.select(0)) == 1
    waker.clear()
    assert selector.select(0) == []


def test_it_wakes_again_after_it_was_cleared(waker: Waker, selector: selectors.BaseSelector) -> None:
    """Any number of times."""
    for _ in range(1000):
        waker.wake()
        assert len(selector.select(0)) == 1
        waker.clear()
        assert selector.select(0) == []


def test_a_waiting_thread_is_woken(waker: Waker, selector: selectors.BaseSelector) -> None:
    """From another thread, in the middle of its wait."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(len(selector.select(GUARD))), name="waits")
    thread.start()
    waker.wake()
    thread.join(GUARD)
    assert found == [1]


@pytest.mark.parametrize("first", [True, False])
def test_a_wake_in_the_middle_of_clear_is_not_the_last(
    waker: Waker, selector: selectors.BaseSelector, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    """Another thread wakes just before or just after `clear` reads: the next wake still arrives."""

    class Interrupted:
        """The watched socket, with another thread in between."""

        def recv(self, size: int) -> bytes:
            if first:
                waker.wake()
            data = watched.recv(size)
            if not first:
                waker.wake()
            return data

    watched = waker._watched
    waker.wake()
    with monkeypatch.context() as patched:
        patched.setattr(waker, "_watched", Interrupted())
        waker.clear()
    waker.wake()
    assert len(selector.select(0)) == 1


def test_no_news_is_forgotten(waker: Waker, selector: selectors.BaseSelector) -> None:
    """Four threads put news in place and wake; a fifth waits, clears, looks: everything is found."""
    news: deque[int] = deque()
    each = 5_000

    def tell() -> None:
        for number in range(each):
            news.append(number)
            waker.wake()

    tellers = [threading.Thread(target=tell, name=f"tells-{number}") for number in range(4)]
    for teller in tellers:
        teller.start()
    found = 0
    while found < 4 * each:
        assert selector.select(GUARD), f"asleep with {len(news)} news not looked at"
        waker.clear()
        while news:
            news.popleft()
            found += 1
    for teller in tellers:
        teller.join()
    assert found == 4 * each


def test_a_closed_waker_holds_no_socket() -> None:
    """`close` gives both back, and may be called twice."""
    waker = Waker()
    assert waker.fileno() >= 0
    waker.close()
    waker.close()
    assert waker.fileno() == -1
    assert waker._writing.fileno() == -1

"""Who is at which address, and what proves it."""

from collections.abc import Callable

import pytest

from common.addresses import Address
from common.allowance import Allowance
from udp.registry import Registration, Registry

HERE = ("192.0.2.1", 4000)
THERE = ("192.0.2.1", 4001)


def registration(address: Address = HERE) -> Registration:
    """Somebody at this address who is not registered yet."""
    return Registration(address, Allowance(50.0, 200, 0.0))


@pytest.fixture
def registry() -> Registry:
    """A registry without anybody."""
    return Registry()


def test_a_member_is_found_by_address_and_by_token(registry: Registry) -> None:
    """Until it is added neither leads to it."""
    ann = registration()
    assert (registry.at(HERE), registry.with_token("t"), len(registry)) == (None, None, 0)
    registry.add(ann, "t")
    assert (registry.at(HERE), registry.with_token("t"), len(registry)) == (ann, ann, 1)
    assert (registry.at(THERE), registry.with_token("T")) == (None, None)


def test_a_member_has_the_name_of_its_address() -> None:
    """`host:port`, with brackets for IPv6."""
    assert registration().name == "192.0.2.1:4000"
    assert registration(("::1", 7, 0, 0)).name == "[::1]:7"


def test_only_the_token_proves_who_speaks(registry: Registry) -> None:
    """Not a part of it, not another, not none; and text that is not ASCII raises nothing."""
    ann = registration()
    registry.add(ann, "secret")
    assert ann.proves("secret")
    for wrong in ("", "secre", "secret ", "SECRET", "é", "😀", "\x00"):
        assert not ann.proves(wrong)


def test_nothing_proves_who_has_no_token_yet() -> None:
    """Before it is registered not even the empty token does."""
    assert not registration().proves("")


def test_no_token_is_nobodys(registry: Registry) -> None:
    """A datagram without a token leads to nobody, whoever is registered."""
    registry.add(registration(), "t")
    assert registry.with_token("") is None


def test_a_member_moves_with_its_token(registry: Registry) -> None:
    """At the new address, under its name; nobody is at the old one, and the token is the same."""
    ann = registration()
    registry.add(ann, "t")
    registry.move(ann, THERE)
    assert registry.at(HERE) is None
    assert registry.at(THERE) is ann
    assert registry.with_token("t") is ann
    assert (ann.address, ann.name) == (THERE, "192.0.2.1:4001")
    assert ann.proves("t")
    assert len(registry) == 1


def test_the_old_address_is_free_for_somebody_else(registry: Registry) -> None:
    """After a move the two do not get in each other's way, whoever leaves first."""
    ann, bob = registration(), registration()
    registry.add(ann, "a")
    registry.move(ann, THERE)
    registry.add(bob, "b")
    assert (registry.at(HERE), registry.at(THERE), len(registry)) == (bob, ann, 2)
    registry.remove(ann)
    assert (registry.at(HERE), registry.at(THERE), len(registry)) == (bob, None, 1)


def test_who_moves_and_is_removed_leaves_nothing(registry: Registry) -> None:
    """Neither address nor token leads anywhere."""
    ann = registration()
    registry.add(ann, "t")
    registry.move(ann, THERE)
    registry.remove(ann)
    assert (registry.at(HERE), registry.at(THERE), registry.with_token("t")) == (None, None, None)
    assert len(registry) == 0


def test_removing_twice_is_removing_once(registry: Registry) -> None:
    """Also if somebody else is at the address by then."""
    ann, bob = registration(), registration()
    registry.add(ann, "a")
    registry.remove(ann)
    registry.add(bob, "b")
    registry.remove(ann)
    assert registry.at(HERE) is bob
    assert registry.with_token("b") is bob


def test_removing_somebody_who_was_never_added_does_nothing(registry: Registry) -> None:
    """A hello that the room refused leaves the one at that address alone."""
    ann = registration()
    registry.add(ann, "a")
    registry.remove(registration())
    assert registry.at(HERE) is ann
    assert len(registry) == 1


@pytest.mark.parametrize("may", [Registration.may_be_told, Registration.may_be_challenged])
def test_one_is_told_at_most_once_a_second(may: Callable[[Registration, float], bool]) -> None:
    """The first time at once; then not before a second has passed since the last time it was told; and the same
    goes for being challenged, by itself."""
    ann = registration()
    assert may(ann, 0.0)
    assert not may(ann, 0.0)
    assert not may(ann, 0.999)
    assert may(ann, 1.0)
    assert not may(ann, 1.5)
    assert not may(ann, 1.999)
    assert may(ann, 2.0)
    other = (
        Registration.may_be_told if may is not Registration.may_be_told else Registration.may_be_challenged
    )
    assert other(ann, 2.0)

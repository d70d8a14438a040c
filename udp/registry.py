"""Who is at which address: what a UDP server keeps in place of connections.

A registration is a peer of the room. Its address may change (a NAT that gives the same person another
port); its token does not, and is what proves that a datagram is from the member and not from somebody
who forged the address.
"""

import hmac
import math

from common.addresses import Address, show
from common.allowance import Allowance


class Registration:
    """One member's `address` and `token`, and what it may still send."""

    __slots__ = ("address", "allowance", "challenged", "token", "told")

    def __init__(self, address: Address, allowance: Allowance) -> None:
        self.address = address
        self.token = ""
        self.allowance = allowance
        self.told = self.challenged = -math.inf
        """When it was last told what it does wrong, and last asked who it is: once a second is enough."""

    @property
    def name(self) -> str:
        """`host:port`, for people."""
        return show(self.address)

    def proves(self, token: str) -> bool:
        """Whether a datagram with this token is from here."""
        return bool(token) and hmac.compare_digest(token.encode(), self.token.encode())

    def may_be_told(self, now: float) -> bool:
        """Whether the last such answer is a second ago. Without that, what an attacker sends from a forged
        address would come back to its owner as a stream of errors."""
        if due := now - self.told >= 1.0:
            self.told = now
        return due

    def may_be_challenged(self, now: float) -> bool:
        """Whether the last challenge is a second ago. It answers each, and would spend its allowance on answers
        that an attacker has asked for."""
        if due := now - self.challenged >= 1.0:
            self.challenged = now
        return due


class Registry:
    """The registrations, found by address for each datagram and by token when an address has changed."""

    def __init__(self) -> None:
        self._by_address: dict[Address, Registration] = {}
        self._by_token: dict[str, Registration] = {}

    def __len__(self) -> int:
        return len(self._by_address)

    def at(self, address: Address) -> Registration | None:
        """Who is registered at `address`."""
        return self._by_address.get(address)

    def with_token(self, token: str) -> Registration | None:
        """Whose token this is, wherever it came from."""
        return self._by_token.get(token)

    def add(self, registration: Registration, token: str) -> None:
        """A new member: from now on what comes from its address must carry `token`."""
        registration.token = token
        self._by_address[registration.address] = registration
        self._by_token[token] = registration

    def move(self, registration: Registration, address: Address) -> None:
        """The member is at another address now, which it has proved with a cookie and its token."""
        del self._by_address[registration.address]
        registration.address = address
        self._by_address[address] = registration

    def remove(self, registration: Registration) -> None:
        """The member is gone. Nothing happens if it never was one."""
        if self._by_token.pop(registration.token, None) is registration:
            del self._by_address[registration.address]

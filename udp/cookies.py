"""Is there somebody at that address? A stateless answer.

A datagram's source address can be forged, and a server that answers it with more than it got is a
weapon. So a stranger is only ever sent a *cookie*: a keyed hash of its address. Who brings it back has
received it there. The server remembers nothing about strangers; it makes the hash again and compares
(DTLS, RFC 6347 section 4.2.1; QUIC's Retry, RFC 9000 section 8.1).
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable

from common import limits
from common.addresses import Address, show

PERIOD = limits.COOKIE_LIFETIME / 2
"""Seconds that one key is in use. It is taken for as long again."""


def _random_key() -> bytes:
    return secrets.token_bytes(32)


class Cookies:
    """Makes and checks cookies, from time `now` (seconds of any steady clock) on. The time is in the key: a
    cookie ends with the key that it was made with, and a server that starts again has others."""

    def __init__(self, now: float, new_key: Callable[[], bytes] = _random_key) -> None:
        self._new_key = new_key
        self._keys = [new_key()]
        """The current key, and the one before it."""
        self._since = now

    def make(self, address: Address, now: float) -> str:
        """The cookie of `address` at time `now`: 128 bits as 22 characters."""
        self._rotate(now)
        return _hash(self._keys[0], address)

    def valid(self, cookie: str, address: Address, now: float) -> bool:
        """Whether `cookie` was made for this address, with a key that still counts. The comparison takes as long
        for one that is nearly right: its time tells nobody how to guess on."""
        self._rotate(now)
        return any(hmac.compare_digest(cookie.encode(), _hash(key, address).encode()) for key in self._keys)

    def _rotate(self, now: float) -> None:
        periods = int((now - self._since) // PERIOD)
        if periods > 0:
            self._keys = [self._new_key(), *(self._keys[:1] if periods == 1 else [])]
            self._since += periods * PERIOD


def _hash(key: bytes, address: Address) -> str:
    digest = hashlib.blake2b(show(address).encode(), key=key, digest_size=16).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")

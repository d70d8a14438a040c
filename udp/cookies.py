"""Is there somebody at that address? A stateless answer.

A datagram's source address can be forged, and a server that answers it with more than it got is a
weapon. So a stranger is only ever sent a *cookie*: a keyed hash of its address and of the time. Who
brings it back has received it there. The server remembers nothing about strangers; it makes the hash
again and compares (DTLS, RFC 6347 section 4.2.1; QUIC's Retry, RFC 9000 section 8.1).
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode

from common import limits
from common.addresses import Address, show


class Cookies:
    """Makes and checks cookies with a `key` of its own: a server that starts again takes none of the old ones."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key if key is not None else secrets.token_bytes(32)

    def make(self, address: Address, now: float) -> str:
        """The cookie of `address` at time `now`: 128 bits as 22 characters."""
        return self._of(address, self._period(now))

    def valid(self, cookie: str, address: Address, now: float) -> bool:
        """Whether `cookie` was made for this address in this period or the last one."""
        period = self._period(now)
        return any(
            hmac.compare_digest(cookie.encode(), self._of(address, when).encode())
            for when in (period, period - 1)
        )

    def _period(self, now: float) -> int:
        return int(now // limits.COOKIE_LIFETIME)

    def _of(self, address: Address, period: int) -> str:
        text = f"{show(address)} {period}".encode()
        digest = hashlib.blake2b(text, key=self._key, digest_size=16).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")

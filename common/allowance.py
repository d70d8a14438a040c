"""How much one member may send: a token bucket, without a clock of its own.

What happens past the allowance is where the transports differ: a TCP server reads that connection
more slowly, so that TCP's own flow control tells the sender and nothing is lost; a UDP server has
nobody to hold up, drops the surplus and says so.
"""


class Allowance:
    """`burst` messages at once, `rate` messages per second for long; a `rate` of 0 is no limit."""

    __slots__ = ("_at", "_burst", "_level", "_rate")  # a server has one for each member

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, now: float) -> float:
        """Take one message out of the allowance at time `now` (seconds of any steady clock).

        Returns 0.0 if it was there, else the seconds until it will be; nothing is taken then.
        """
        if not self._rate:
            return 0.0
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        return (1.0 - self._level) / self._rate

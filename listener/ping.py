"""The listener's own pings: that one comes back shows that all before it has come.

Whoever may subscribe sees them, and whoever may publish can send them again or make up others. So each is
signed with a key of this process, and counts once.
"""

import hmac
import itertools
import secrets
from hashlib import sha256

from core.clock import Clock


class Pings:
    """Makes pings and knows them again.

    `heard_until_ms` is when the last that came back was sent; 0 at first.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._numbers = itertools.count(1)
        self._last = 0
        self.heard_until_ms = 0

    def make(self) -> bytes:
        """Return the payload of the next ping."""
        said = b"%d %d" % (next(self._numbers), self._clock())
        return said + b" " + self._sign(said)

    def take(self, payload: bytes) -> bool:
        """Note a ping that has come back; return whether it is one of ours and later than all before."""
        said, _, signature = payload.rpartition(b" ")
        if not hmac.compare_digest(signature, self._sign(said)):
            return False
        number, sent_ms = map(int, said.split())
        if number <= self._last:
            return False
        self._last, self.heard_until_ms = number, sent_ms
        return True

    def _sign(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, sha256).hex().encode()

"""Which capture has the plain name of an object: decided once, before anything is uploaded.

Storage looks for an object when an upload arrives, and writes it when all bytes are there. So it lets two
captures of one name and date write one object at the same time, and the later bytes stand.
"""

from redis import Redis

from core.store import keys, scripts
from core.store.connection import transient


class Places:
    """The reservations in one Redis; every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._reserve = scripts.register(redis, {}, "reserve")

    def reserve(self, device_id: str, place: str, suffix: str) -> bool:
        """Say whether a capture has the plain name; the first one that asks gets it for PLACE_TTL_S.

        `place` is the path of the object without its folder, `suffix` the capture's own. A capture that asks
        again gets the same answer, and keeps the name for PLACE_TTL_S from then on.
        """
        with transient():
            key = keys.place_key(device_id, place)
            return bool(self._reserve(keys=[key], args=[suffix, keys.PLACE_TTL_S]))

"""Checks that a shared group has more than one listener: alone, one is better off without."""

from collections.abc import Iterator

from core.errors import Transient
from core.settings import ListenerSettings
from core.store.clock import RedisClock
from core.store.connection import connect
from core.store.listeners import Listeners
from operate.checks import Check


def check_group(settings: ListenerSettings, *, starting: int = 0) -> Iterator[Check]:
    """Yield the check of the group, if there is one; `starting` listeners are not counted in Redis yet."""
    if not settings.mqtt_shared_group:
        return
    try:
        with connect(settings.redis_url) as redis:
            now = RedisClock(redis)()
            living = starting + sum(beat.alive(now) for beat in Listeners(redis).all())
    except Transient:
        return  # the checks of Redis say so
    if living > 1:
        yield Check("MQTT_SHARED_GROUP", "ok", f"{living} listeners share the fleet")
    else:
        yield Check(
            "MQTT_SHARED_GROUP",
            "warning",
            f"{living or 'no'} listener of the group is alive",
            "leave it empty for a single listener: it then goes on at once after a crash, not after 20 s",
        )

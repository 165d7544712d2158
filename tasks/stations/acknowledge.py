"""The station that makes the ACK, which tells the device that its image is safe and when to wake next."""

from datetime import datetime

from core import wire
from core.wake import Wake, clock_time, yet_to_come


def ack(device_id: str, image_name: str, wake: Wake, now: datetime, default_minutes: int) -> bytes:
    """Return the ACK that is sent `now`, as JSON; without a next wake if there is no schedule."""
    time = None
    if wake.at:
        time = clock_time(yet_to_come(wake, now, default_minutes), wake.timezone, now)
    return wire.ack(device_id, image_name, time)

"""What Home Assistant is told: one run over the devices that have changed since the run before.

The broker keeps the messages, and Redis notes which, so that only what differs is published. The mark moves
on when all before it is told: whatever ends a run, the next one goes on from there. The reasons stand in
docs/adr/0028-home-assistant.md.
"""

import logging
import time
from functools import partial
from hashlib import blake2s
from typing import Any, Final, NamedTuple

from core.errors import CaptureRejected, Transient
from core.home_assistant import topics
from core.retain import Retained
from core.store.announced import Kept
from tasks.resources import Resources
from tasks.stations.discovery import config, state

log = logging.getLogger("tasks.announce")

Row = dict[str, Any]

# One call of the database tells of so many devices.
DEVICES_AT_ONCE: Final = 100
# So many pictures are fetched, published and held in memory at once.
PICTURES_AT_ONCE: Final = 4
# After so many runs the mark moves on without a picture that could not be fetched.
TRIES: Final = 60
_JPEG: Final = b"\xff\xd8"


class Work(NamedTuple):
    """What is to be published of a device, and what the broker keeps of it then.

    `picture` is the row of a picture to be fetched for `picture_topic`.
    """

    device_id: str
    messages: list[tuple[str, bytes]]
    kept: Kept
    picture_topic: str = ""
    picture: Row | None = None


def announce(resources: Resources, broker: Retained, until: float) -> None:
    """Tell of what has changed, until that is done or the time (monotonic, s) has come.

    Raises Transient or CaptureRejected (2205).
    """
    announced = resources.store.announced
    start = at = mark = announced.mark(resources.settings.home_assistant_prefix)
    settled: int | None = None
    more = all_told = True
    while more and time.monotonic() < until:
        page = resources.supabase.call(
            "home_assistant_devices",
            p_after=at.after,
            p_after_device=at.after_device,
            p_limit=DEVICES_AT_ONCE,
        )
        all_told = _tell(resources, broker, page["devices"]) and all_told
        at, more = at._replace(after=page["after"], after_device=page["after_device"]), page["more"]
        # What was not complete when the first page was asked for may have a number below those of the second.
        settled = page["settled"] if settled is None else settled
        if all_told or start.tries >= TRIES:
            mark = min(at, at._replace(after=settled, after_device=""))._replace(tries=0)
        else:
            mark = mark._replace(tries=start.tries + 1)
        if not announced.set_mark(mark):
            return


def _tell(resources: Resources, broker: Retained, devices: list[Row]) -> bool:
    """Publish what differs from what the broker keeps; False if a picture could not be fetched."""
    announced, prefix = resources.store.announced, resources.settings.home_assistant_prefix
    kept = announced.kept([row["device_id"] for row in devices])
    planned = [plan(prefix, row, its) for row, its in zip(devices, kept, strict=True)]
    works = [work for work in planned if work]
    plain = [work for work in works if work.picture is None]
    broker.publish([message for work in plain for message in work.messages])
    announced.keep({work.device_id: work.kept for work in plain})
    complete = True
    with_pictures = [work for work in works if work.picture]
    for first in range(0, len(with_pictures), PICTURES_AT_ONCE):
        group = with_pictures[first : first + PICTURES_AT_ONCE]
        for work, picture in zip(
            group, resources.uploads.map(partial(_fetch, resources), group), strict=True
        ):
            if picture:
                work.messages.append((work.picture_topic, picture))
            elif picture is None:
                # Of no capture: whatever the broker keeps there is replaced, or emptied with the rest.
                work.kept[work.picture_topic] = ""
                complete = False
        broker.publish([message for work in group for message in work.messages])
        announced.keep({work.device_id: work.kept for work in group})
    return complete


def plan(prefix: str, row: Row, kept: Kept | None) -> Work | None:
    """Return what to publish of a device; None if that is nothing.

    `kept` is what the broker keeps of it, None if that is not known. What it keeps, or may keep, for another
    company is emptied first.
    """
    device_id, company_id, picture = row["device_id"], row["company_id"], row.get("picture")
    wanted: dict[str, bytes] = {}
    now: Kept = {}
    if company_id:
        its = topics(prefix, company_id, device_id)
        wanted = {its.config: config(prefix, row), its.state: state(row)}
        now = {name: blake2s(payload, digest_size=8).hexdigest() for name, payload in wanted.items()}
        if picture:
            now[its.picture] = picture["capture_id"]
    before = kept or {}
    messages: list[tuple[str, bytes]] = []
    if kept is None or before.keys() - now.keys():
        companies = filter(None, [*row["former"], company_id])
        known = [name for company in companies for name in topics(prefix, company, device_id)[:3]]
        messages = [(name, b"") for name in dict.fromkeys([*before, *known]) if name not in now]
    messages += [(name, payload) for name, payload in wanted.items() if before.get(name) != now[name]]
    if picture and before.get(its.picture) != now[its.picture]:
        return Work(device_id, messages, now, its.picture, picture)
    return Work(device_id, messages, now) if messages or kept is None else None


def _fetch(resources: Resources, work: Work) -> bytes | None:
    """Return the picture, or its thumbnail if it is too large; empty if there is none, None to try again."""
    picture: Row = work.picture or {}
    most = resources.settings.home_assistant_picture_kb * 1024
    fits = (picture["image_bytes"] or most + 1) <= most
    for path in filter(None, (picture["storage_path"] if fits else None, picture["thumbnail_path"])):
        try:
            data = resources.quick.download(path)
        except CaptureRejected as error:
            log.warning("picture passed over: %s", error, extra={"device": work.device_id})
            continue
        except Transient as error:
            log.warning("picture put off: %s", error, extra={"device": work.device_id})
            return None
        if data and data.startswith(_JPEG):
            return data
    return b""

"""The statements that write the history: when (milliseconds since 1970), SQL, and its parameters."""

import json
from collections.abc import Iterator
from typing import Final

from local.history.fleet import COMPANY, FLEET, MARK, NOTE, TIMEZONE, WAKE_HOURS
from local.history.play import Statement
from local.history.wakes import SLOT_MS, Told, iso
from local.stack import BUCKET

# What the workers do every minute. Where the evaluation looks so seldom, it must not take that for an outage.
_LOOK: Final = (
    "select public.refresh_capture_days(500), public.refresh_company_days(500),"
    " public.evaluate_alerts($1::jsonb)"
)
_SERVICE: Final = json.dumps({"silence_minutes": 100_000, "default_wake_minutes": 60 * WAKE_HOURS})
_LOOK_AFTER_MS: Final = 30 * 60_000

_SITE: Final = (
    "insert into public.sites (company_id, name, timezone)"
    " select company_id, $2, $3 from public.companies where name = $1"
)
_SCHEDULE: Final = (
    "insert into public.device_configs (company_id, interval_minutes, timezone, wake_spread_s)"
    " select company_id, $2::integer, $3, 0 from public.companies where name = $1"
)
_DEVICE: Final = (
    "insert into public.devices (device_id, company_id, name, tags, notes, site_id)"
    " select $3, s.company_id, $4, array(select jsonb_array_elements_text($5::jsonb)), $6, s.site_id"
    " from public.sites s join public.companies c on c.company_id = s.company_id"
    " where c.name = $1 and s.name = $2"
)
_OBJECTS: Final = (
    "insert into storage.objects (bucket_id, name, metadata, created_at, updated_at)"
    " select $1, o->>'name', o->'metadata', (o->>'at')::timestamptz, (o->>'at')::timestamptz"
    " from jsonb_array_elements($2::jsonb) as o"
)
# From now on these devices wake every minute, each at a second of its own.
_GOES_ON: Final = (
    "insert into public.device_configs (device_id, interval_minutes, wake_spread_s)"
    " select jsonb_array_elements_text($1::jsonb), 1, 60"
)
_INVITE: Final = (
    "select public.invite_to_company(company_id, $2, 'admin') as token from public.companies where name = $1"
)
_SERVICE_ROLE: Final = "set role service_role"


def founding(at_ms: int, admin: str) -> Iterator[Statement]:
    """The company with its sites, devices and schedule."""
    yield at_ms, _SERVICE_ROLE, []
    yield at_ms, "select public.create_company($1, $2)", [COMPANY, admin]
    for site in dict.fromkeys(device.site for device in FLEET):
        yield at_ms, _SITE, [COMPANY, site, TIMEZONE]
    yield at_ms, _SCHEDULE, [COMPANY, str(60 * WAKE_HOURS), TIMEZONE]
    for device in FLEET:
        tags = json.dumps([*device.tags, MARK])
        yield at_ms, _DEVICE, [COMPANY, device.site, device.device_id, device.name, tags, NOTE]


def living(told: Told, since_ms: int, until_ms: int) -> Iterator[Statement]:
    """What the devices said, and what the service looked at in between, in the order of their moments."""
    yield since_ms, _SERVICE_ROLE, []
    calls: list[Statement] = [
        (at_ms, f"select public.{function}($1::jsonb)", [json.dumps(argument)])
        for at_ms, function, argument in told.calls
    ]
    first = since_ms - since_ms % SLOT_MS + _LOOK_AFTER_MS
    calls += [(at_ms, _LOOK, [_SERVICE]) for at_ms in range(first, until_ms, SLOT_MS) if at_ms >= since_ms]
    yield from sorted(calls, key=lambda call: call[0])
    objects = [
        {
            "name": stored.key,
            "at": iso(stored.at_ms),
            "metadata": {"size": stored.size, "contentLength": stored.size, "mimetype": "image/jpeg"},
        }
        for stored in told.objects
    ]
    # The rows of storage belong to the Storage API; here its files are written beside them.
    yield until_ms, "reset role", []
    yield until_ms, _OBJECTS, [BUCKET, json.dumps(objects)]


def opening(at_ms: int, admin: str) -> Iterator[Statement]:
    """What is so from now on: devices that wake often, and the invitation, whose token is the last answer."""
    yield at_ms, _SERVICE_ROLE, []
    yield at_ms, _LOOK, [_SERVICE]
    going_on = [device.device_id for device in FLEET if device.goes_on is not None]
    yield at_ms, _GOES_ON, [json.dumps(going_on)]
    yield at_ms, _INVITE, [COMPANY, admin]

"""Weeks of a company's devices, written straight into the rollups: what pages about long times are shown with."""

import io
import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from math import sin
from typing import Any

import httpx
from PIL import Image

from local.company import Account, claim, service
from local.stack import Stack

WAKES = 24


def insert(stack: Stack, table: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as the service."""
    account = service(stack)
    answer = httpx.post(
        f"{account.url}/rest/v1/{table}", headers=dict(account.headers), json=list(rows), trust_env=False
    )
    assert answer.is_success, answer.text


def device_of(stack: Stack, admin: Account, name: str, site: str | None = None) -> str:
    """Make a device of the admin's company, at a site if one is named, and return its id."""
    device = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, device, name)
    if site is not None:
        admin.call("update_device", p_device=device, p_changes={"site_id": site, "timezone": "Europe/Berlin"})
    return device


def company_of(admin: Account) -> str:
    """Return the id of the admin's company."""
    (company,) = admin.rows("companies", select="company_id")
    found: str = company["company_id"]
    return found


def site_of(stack: Stack, admin: Account, name: str) -> str:
    """Make a site of the admin's company and return its id."""
    insert(stack, "sites", [{"company_id": company_of(admin), "name": name, "timezone": "Europe/Berlin"}])
    (site,) = admin.rows("sites", select="site_id", name=f"eq.{name}")
    found: str = site["site_id"]
    return found


def day_of(admin: Account, device: str, number: int, warmth: float, last: date) -> dict[str, Any]:
    """Return what `capture_days` says of a day, so many before the last one.

    Each seventh day has two silent wakes and a failure.
    """
    bad = number % 7 == 3
    stored = WAKES - 3 if bad else WAKES
    mean = warmth + 4 * sin(number / 5)
    return {
        "device_id": device,
        "company_id": company_of(admin),
        "day": str(last - timedelta(days=number)),
        "timezone": "Europe/Berlin",
        "refreshed_at": datetime.now(UTC).isoformat(),
        "expected": WAKES,
        "silent": 2 if bad else 0,
        "stored": stored,
        "failed_device": 1 if bad else 0,
        "bytes": stored * 40_000 + number % 5 * 60_000,
        "hellos": WAKES,
        "temperature_readings": stored,
        "temperature_min": mean - 3,
        "temperature_mean": mean,
        "temperature_max": mean + 3,
        "humidity_readings": stored,
        "humidity_min": 50,
        "humidity_mean": 55 + number % 4,
        "humidity_max": 70,
        "battery_percent_min": 90 - (40 - number) // 2,
        "battery_percent_max": 92 - (40 - number) // 2,
    }


def tell(stack: Stack, admin: Account, devices: dict[str, float], days: int) -> None:
    """Give devices, each with its usual warmth, the days up to today: rollups, readings and errors."""
    last = datetime.now(UTC).date()
    rows = [
        day_of(admin, device, number, warmth, last)
        for device, warmth in devices.items()
        for number in range(days)
    ]
    insert(stack, "capture_days", rows)
    insert(
        stack,
        "sensor_readings",
        [
            {
                "device_id": device,
                "measured_at": at.isoformat(),
                "temperature_c": warmth + 4 * sin(number / 5) + hour / 6,
            }
            for device, warmth in devices.items()
            for number in range(days)
            for hour in range(0, 24, 6)
            if (at := datetime.combine(last - timedelta(days=number), time(hour), UTC)) < datetime.now(UTC)
        ],
    )
    insert(
        stack,
        "device_errors",
        [
            {"device_id": device, "error_code": code, "message": "m", "message_key": uuid.uuid4().hex,
             "occurred_at": datetime.combine(last - timedelta(days=number + 1), time(hour, 20), UTC).isoformat(),
             "company_id": company_of(admin)}
            for device in devices
            for number in range(3, days, 7)
            for code, hour in ((1002, 3), (1002, 4), (2201, 15))
        ],
    )  # fmt: skip
    while service(stack).call("refresh_company_days", p_limit=500)["more"]:
        pass


def count_days(stack: Stack) -> None:
    """Count the days of what was written into the tables themselves."""
    while service(stack).call("refresh_capture_days", p_limit=500)["more"]:
        pass


def put_pictures(stack: Stack, device: str, days: int) -> None:
    """Give a device a picture every six hours of the last days, each of another grey."""
    account = service(stack)
    last = datetime.now(UTC)
    for number in range(4 * days):
        path = f"{device}/{number}.jpg"
        jpeg = io.BytesIO()
        Image.new("L", (64, 48), 40 + 160 * number // (4 * days)).save(jpeg, "JPEG")
        answer = httpx.post(
            f"{account.url}/storage/v1/object/gxp-captures/thumbnails/{path}",
            headers={**account.headers, "content-type": "image/jpeg"},
            content=jpeg.getvalue(),
            trust_env=False,
        )
        assert answer.is_success, answer.text
        insert(stack, "captures", [
            {"device_id": device, "device_capture_id": f"{number}.jpg", "ingest_status": "stored",
             "captured_at": (last - timedelta(hours=6 * number)).isoformat(),
             "storage_path": f"captures/{path}", "thumbnail_path": f"thumbnails/{path}"}])  # fmt: skip

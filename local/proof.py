"""Proves that captures have arrived: reads their rows and images back from the database and storage.

It uses HTTP with the service's key and none of the service's own code.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import httpx

from local.stack import BUCKET, Stack


@dataclass(frozen=True)
class Sent:
    """A capture as the device has sent it; `sha256` is the hash of its bytes in hexadecimal."""

    device_id: str
    image_name: str
    captured_at: datetime
    sha256: str
    acknowledged: bool


@dataclass(frozen=True)
class Finding:
    """The result for one capture: `problem` is None if it was stored byte for byte and acknowledged."""

    sent: Sent
    problem: str | None
    thumbnail: bytes | None = None


def examine(stack: Stack, captures: Iterable[Sent]) -> list[Finding]:
    """Look up the row of every capture, download its image, and compare the image with what was sent.

    Raises httpx.HTTPError if the database or storage cannot be reached or refuses to list rows.
    """
    key = stack.supabase_secret_key
    headers = {"apikey": key, "authorization": f"Bearer {key}"}
    with httpx.Client(base_url=stack.supabase_url, headers=headers, timeout=30, trust_env=False) as http:
        return [_examine(http, sent) for sent in captures]


def _examine(http: httpx.Client, sent: Sent) -> Finding:
    if not sent.acknowledged:
        return Finding(sent, "was never acknowledged")
    rows = _rows(http, sent)
    if len(rows) != 1:
        return Finding(sent, f"has {len(rows)} rows in captures instead of one")
    row = rows[0]
    if row["ingest_status"] != "stored":
        return Finding(sent, f"is {row['ingest_status']} instead of stored")
    image = _object(http, row["storage_path"])
    if image is None:
        return Finding(sent, f"is not in storage under {row['storage_path']}")
    if hashlib.sha256(image).hexdigest() != sent.sha256:
        return Finding(sent, f"differs in storage from what was sent: {row['storage_path']}")
    thumbnail = _object(http, row["thumbnail_path"])
    return Finding(sent, None if thumbnail else "has no thumbnail", thumbnail)


def _rows(http: httpx.Client, sent: Sent) -> list[dict[str, str | None]]:
    answer = http.get(
        "/rest/v1/captures",
        params={
            "select": "ingest_status,storage_path,thumbnail_path",
            "device_id": f"eq.{sent.device_id}",
            "device_capture_id": f"eq.{sent.image_name}",
            "captured_at": f"eq.{sent.captured_at.isoformat()}",
        },
    )
    answer.raise_for_status()
    rows: list[dict[str, str | None]] = answer.json()
    return rows


def _object(http: httpx.Client, path: str | None) -> bytes | None:
    if path is None:
        return None
    answer = http.get(f"/storage/v1/object/{BUCKET}/{path}")
    return answer.content if answer.status_code == httpx.codes.OK else None

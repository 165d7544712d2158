"""Somebody whose camera has taken pictures, for the journeys through the gallery."""

import io
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
from pages import address
from PIL import Image

from local.company import Account, claim, found_company, service
from local.stack import Stack

# Noon in Berlin, where the browser is.
NOON = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)


class Owner:
    """A company's admin with a camera, of which pictures are stored."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.account: Account = found_company(stack, name, address())
        self.device = uuid.uuid4().hex[:12].upper()
        claim(stack, self.account, self.device, f"{name} camera")
        (company,) = self.account.rows("companies", select="company_id")
        self.company: str = company["company_id"]
        # What take_one has stored, by capture.
        self.objects: dict[str, bytes] = {}
        self._stack = stack
        self._service = service(stack)

    def _post(self, path: str, **content: Any) -> None:
        headers = {**self._service.headers, **content.pop("headers", {})}
        answer = httpx.post(f"{self._stack.supabase_url}/{path}", headers=headers, trust_env=False, **content)
        answer.raise_for_status()

    def change(self, table: str, values: dict[str, Any], **equal: str) -> None:
        """Change rows of the service, as it would itself."""
        answer = httpx.patch(
            f"{self._stack.supabase_url}/rest/v1/{table}",
            params={name: f"eq.{value}" for name, value in equal.items()},
            headers=dict(self._service.headers),
            json=values,
            trust_env=False,
        )
        answer.raise_for_status()

    def take(self, *times: datetime, **columns: Any) -> list[str]:
        """Record pictures; without objects, so that nothing is loaded."""
        rows = [
            {
                "capture_id": str(uuid.uuid4()),
                "device_id": self.device,
                "device_capture_id": f"{at:%H%M%S}.jpg",
                "captured_at": at.isoformat(),
                "company_id": self.company,
                "ingest_status": "stored",
                "storage_path": f"captures/{self.device}/{uuid.uuid4().hex}.jpg",
            }
            | columns
            for at in times
        ]
        self._post("rest/v1/captures", json=rows)
        return [row["capture_id"] for row in rows]

    def take_one(self, at: datetime, colour: tuple[int, int, int] = (40, 160, 120), **columns: Any) -> str:
        """Record a picture with its object and its thumbnail."""
        made = io.BytesIO()
        Image.new("RGB", (64, 48), colour).save(made, "JPEG")
        key = f"{self.device}/{uuid.uuid4().hex}.jpg"
        for folder in ("captures", "thumbnails"):
            self._post(
                f"storage/v1/object/gxp-captures/{folder}/{key}",
                content=made.getvalue(),
                headers={"content-type": "image/jpeg"},
            )
        paths = {"storage_path": f"captures/{key}", "thumbnail_path": f"thumbnails/{key}"}
        (capture,) = self.take(at, **(paths | columns))
        self.objects[capture] = made.getvalue()
        return capture

    def measure(self, capture: str, **values: float) -> None:
        reading = {"capture_id": capture, "device_id": self.device, "measured_at": NOON.isoformat(), **values}
        self._post("rest/v1/sensor_readings", json=[reading])

"""Companies on the stack with a device and pictures, as the service would have stored them, and their admins' logins."""

import hashlib
import uuid

from fleet.client import Client
from local.company import claim, found_company

JPEG = {"content-type": "image/jpeg"}


def address():
    return f"{uuid.uuid4().hex}@farm.test"


def new_device():
    return uuid.uuid4().hex[:12].upper()


class Owner:
    """A company with one device, whose admin may sign in."""

    def __init__(self, stack, database, name, device_name="North bed"):
        self._database, self._bucket = database, database.storage.from_("gxp-captures")
        self._login = stack.supabase_url, stack.supabase_publishable_key
        self.account = found_company(stack, name, address())
        self.device = new_device()
        claim(stack, self.account, self.device, device_name)

    def picture(self, at, data=b"\xff\xd8 a picture", **row):
        """Store a picture with its thumbnail and reading; return the path of its object."""
        path = f"{self.device}/{at:%Y/%m/%d}/{uuid.uuid4().hex}.jpg"
        for folder in ("captures", "thumbnails"):
            self._bucket.upload(f"{folder}/{path}", data, JPEG)
        capture = {
            "device_id": self.device, "image_name": f"{at:%H%M%S}.jpg", "captured_at": at.isoformat(),
            "ingest_status": "stored", "storage_path": f"captures/{path}", "thumbnail_path": f"thumbnails/{path}",
            "image_bytes": len(data), "image_sha256": hashlib.sha256(data).hexdigest(),
            "sensors": {"temperature_c": 23.5},
        }  # fmt: skip
        self._database.rpc("record_capture", {"p_capture": capture | row}).execute()
        return f"captures/{path}"

    def sign_in(self, url=None, **options):
        email, password = self.account.email, self.account.password
        return Client.sign_in(url or self._login[0], self._login[1], email, password, **options)

    @property
    def environment(self):
        """What `Client.from_environment` reads."""
        return {
            "SUPABASE_URL": self._login[0], "SUPABASE_PUBLISHABLE_KEY": self._login[1],
            "FLEET_EMAIL": self.account.email, "FLEET_PASSWORD": self.account.password,
        }  # fmt: skip

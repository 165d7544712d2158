"""SUPABASE_STORAGE_BUCKET with another name: from a device to the picture that its owner sees, and what the doctor says."""

import httpx
import pytest

from core.settings import SupabaseSettings
from local.company import claim, found_company, service
from local.services import Services
from local.stack import BUCKET, Stack
from operate.checks.supabase import check_supabase
from simulator import Fleet, FleetOptions

OWN = "own-pictures"


@pytest.fixture(scope="module")
def stack():
    """A stack of its own: its database lets users read another bucket."""
    with Stack() as running:
        yield running


def bucket_check(stack):
    settings = SupabaseSettings(
        supabase_url=stack.supabase_url, supabase_service_role=stack.supabase_secret_key, supabase_storage_bucket=OWN
    )  # fmt: skip
    return {check.name: check for check in check_supabase(settings)}["storage bucket"]


def signed(account, bucket, *paths):
    """The links to objects that somebody gets, None for what they may not see."""
    asked = {"expiresIn": 60, "paths": paths}
    address = f"{account.url}/storage/v1/object/sign/{bucket}"
    answer = httpx.post(address, headers=account.headers, json=asked, trust_env=False, timeout=30)
    return [each["signedURL"] for each in answer.raise_for_status().json()]


def test_the_pictures_of_an_own_bucket_reach_their_owner(stack):
    assert bucket_check(stack).grade == "wrong"
    service(stack).call("use_bucket", p_name=OWN)
    assert bucket_check(stack).grade == "ok"

    owner = found_company(stack, "Own", "owner@own.test")
    stranger = found_company(stack, "Other", "owner@other.test")
    options = FleetOptions(
        host=stack.mqtt_host, port=stack.mqtt_port, devices=1, images=1, image_seconds=0, wakes=1
    )
    with Services(stack, only={"listener", "worker", "beat"}, settings={"SUPABASE_STORAGE_BUCKET": OWN}):
        report = Fleet(options).run()
    assert report.ok
    [image] = report.images
    claim(stack, owner, image.device_id)
    [row] = owner.rows("captures", device_id=f"eq.{image.device_id}")
    paths = row["storage_path"], row["thumbnail_path"]

    links = signed(owner, OWN, *paths)
    for link in links:
        answer = httpx.get(f"{owner.url}/storage/v1{link}", trust_env=False)
        assert answer.content.startswith(b"\xff\xd8")
    assert signed(stranger, OWN, *paths) == [None, None]
    assert signed(owner, BUCKET, *paths) == [None, None]

    # Another bucket now: what is in this one is seen by nobody, and the doctor tells it.
    service(stack).call("use_bucket", p_name=BUCKET)
    assert signed(owner, OWN, *paths) == [None, None]
    check = bucket_check(stack)
    assert check.grade == "warning"
    assert OWN in check.detail and f"lets users read {BUCKET}" in check.detail


@pytest.mark.parametrize("name", ["", "A", "x" * 64, "a'b", "a/b"])
def test_a_name_that_no_bucket_can_have_is_refused(stack, name):
    with pytest.raises(httpx.HTTPStatusError):
        service(stack).call("use_bucket", p_name=name)


def test_users_choose_no_bucket(stack):
    somebody = found_company(stack, "Third", "owner@third.test")
    with pytest.raises(httpx.HTTPStatusError):
        somebody.call("use_bucket", p_name="mine")

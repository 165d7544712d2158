"""A company on the embedded stack, made as its people would make it."""

import uuid

import httpx
import pytest

from local.company import claim, found_company, join, service, visitor


def address():
    return f"{uuid.uuid4().hex}@fleet.test"


def test_a_company_with_people_and_a_device(stack):
    admin_email, viewer_email, device = address(), address(), uuid.uuid4().hex[:12].upper()
    admin = found_company(stack, "Greenhouse Ltd", admin_email)
    join(stack, admin, viewer_email, "viewer")
    claim(stack, admin, device, "Greenhouse north")

    assert admin.rows("devices", select="device_id,name") == [
        {"device_id": device, "name": "Greenhouse north"}
    ]
    (company,) = admin.rows("companies", select="company_id,name")
    assert company["name"] == "Greenhouse Ltd"
    members = service(stack).call("list_members", p_company=company["company_id"])
    assert {(m["email"], m["role"], m["invited_until"]) for m in members} == {
        (admin_email, "admin", None),
        (viewer_email, "viewer", None),
    }


def test_others_see_nothing_of_it_and_may_do_nothing(stack):
    device = uuid.uuid4().hex[:12].upper()
    claim(stack, found_company(stack, "Greenhouse Ltd", address()), device, "Greenhouse south")
    stranger = visitor(stack).sign_up(address())
    assert stranger.rows("devices", device_id=f"eq.{device}") == []
    with pytest.raises(httpx.HTTPStatusError):
        stranger.call("update_device", p_device=device, p_changes={"name": "Mine"})

"""A command from the click to its picture, with the living service and a device that talks MQTT to it."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from local.company import claim
from simulator.fleet import Fleet
from simulator.options import FleetOptions

pytestmark = pytest.mark.usefixtures("services")


def wakes(stack, device: str):
    """The device wakes once, does what it is told, and sleeps again; returns what the simulator saw of it."""
    options = FleetOptions(
        host=stack.mqtt_host,
        port=stack.mqtt_port,
        device_ids=(device,),
        conversation=True,
        dialect="newer",
        images=1,
        time_scale=3600,
        wake_clock="service",
        seed=11,
    )
    return Fleet(options).run()


@pytest.fixture
def device(stack, admin) -> str:
    name = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, name, "Lighthouse")
    return name


def test_a_picture_is_asked_for_and_comes(visit, stack, admin, device):
    someone = visit()
    page = someone.sign_in(admin, f"/devices/{device}")
    commands = page.get_by_role("region", name="Commands")
    expect(page.get_by_role("heading", name="No picture yet")).to_be_visible()

    # Two are asked for, and one of them is taken back before the device wakes.
    take = page.get_by_role("button", name="Take a picture")
    take.click()
    expect(commands.get_by_text("Goes out when it wakes next")).to_have_count(1)
    take.click()
    expect(commands.get_by_text("Goes out when it wakes next")).to_have_count(2)
    commands.get_by_role("button", name="Cancel").first.click()
    expect(commands.get_by_text("Cancelled")).to_be_visible()

    # The page is not loaded anew: it sees by itself what becomes of it.
    page.evaluate("document.querySelector('#content').dataset.mark = 'the same'")
    with ThreadPoolExecutor(1) as elsewhere:
        run = elsewhere.submit(wakes, stack, device)
        expect(commands.get_by_text("The picture came, taken")).to_be_visible()
        expect(commands.get_by_role("img", name="The picture that it made")).to_be_visible()
        expect(page.get_by_text("Latest", exact=True)).to_be_visible()
        report = run.result()
    assert page.evaluate("document.querySelector('#content').dataset.mark") == "the same"
    assert report.ok
    expect(commands.get_by_role("button", name="Cancel")).to_have_count(0)

    # What is seen is what the camera took.
    rows = {row["status"]: row for row in admin.rows("device_commands", device_id=f"eq.{device}")}
    assert rows.keys() == {"done", "cancelled"}
    (made,) = admin.rows("captures", capture_id=f"eq.{rows['done']['capture_id']}")
    assert (made["ingest_status"], made["device_id"]) == ("stored", device)
    assert made["image_sha256"] in {image.sha256 for image in report.images}
    assert rows["cancelled"]["capture_id"] is None
    shown = page.get_by_role("img", name="What the camera saw")
    expect(shown).to_have_attribute("src", re.compile(re.escape(made["thumbnail_path"])))
    assert someone.violations() == []

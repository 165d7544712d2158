"""`python -m operate.story`: what an operator sees of captures of the simulator, and of pictures that did not come."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from local.part import REPOSITORY
from simulator.fleet import Fleet
from simulator.options import FleetOptions

pytestmark = pytest.mark.usefixtures("services")

DEVICES = ("5704A0000001", "5704A0000002", "5704A0000003")


@pytest.fixture(scope="module")
def tool(stack):
    """The command, run to its end: status, stdout, stderr."""

    def run(*arguments):
        answer = subprocess.run(
            [sys.executable, "-m", "operate.story", *map(str, arguments)],
            cwd=REPOSITORY, env={**stack.environment(), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return answer.returncode, answer.stdout, answer.stderr.strip()

    return run


@pytest.fixture(scope="module")
def database(stack):
    """The Data API with the service's key."""
    headers = {"apikey": stack.supabase_secret_key, "Authorization": f"Bearer {stack.supabase_secret_key}"}
    with httpx.Client(base_url=f"{stack.supabase_url}/rest/v1", headers=headers, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def captures(stack, database):
    """Three devices of one site lose their link together, in the midst of their pictures."""
    made = {"Prefer": "return=representation"}
    [company] = database.post("/companies", json={"name": "Storytellers"}, headers=made).json()
    row = {"company_id": company["company_id"], "name": "Tower"}
    [site] = database.post("/sites", json=row, headers=made).json()
    for device in DEVICES:
        row = {"device_id": device, "company_id": company["company_id"], "site_id": site["site_id"]}
        assert database.post("/devices", json=row).is_success
    options = FleetOptions(
        host=stack.mqtt_host, port=stack.mqtt_port, device_ids=DEVICES, seed=3, images=1, image_seconds=8,
        lost_link=0.4,
    )  # fmt: skip
    Fleet(options).run()
    found = database.get("/captures", params={"device_id": f"eq.{DEVICES[0]}"}).json()
    assert len(found) == 1
    return found[0]


def test_a_lost_link_is_told(captures, tool):
    status, out, err = tool(DEVICES[0], captures["device_capture_id"])
    assert (status, err) == (0, "")
    text = " ".join(out.split())
    # Whether the gaps of all three overlap depends on how busy the machine is.
    assert " chunks were lost in " in text
    assert f"{DEVICES[0]}/{captures['device_capture_id']}: stored" in text
    assert max(map(len, out.splitlines())) <= 80
    for kind in ("first chunk", "gap", "asked", "answered", "stored"):
        assert kind in out


def test_the_id_of_a_capture_names_it_too(captures, tool):
    status, out, _ = tool(captures["capture_id"], "--json")
    assert status == 0
    assert json.loads(out)["image_name"] == captures["device_capture_id"]


def test_what_is_not_there_is_one_line(captures, tool):
    assert tool(DEVICES[0], "nothing.jpg") == (1, "", f"{DEVICES[0]} has no capture nothing.jpg")
    nobody = "00000000-0000-4000-8000-000000000000"
    assert tool(nobody) == (1, "", f"no capture {nobody}")
    assert tool("5704A000000X") == (1, "", "no device 5704A000000X")


def test_a_device_alone_is_asked_for_its_gaps(captures, database, tool):
    nothing = f"{DEVICES[0]}: no expected picture of the last 7 days is missing\n"
    assert tool(DEVICES[0])[:2] == (0, nothing)
    device, now = "5704A0000004", datetime.now(UTC).replace(second=0, microsecond=0)
    since, heard = (now - timedelta(minutes=minutes) for minutes in (200, 130))
    rows = {
        "devices": [{"device_id": device, "created_at": since.isoformat()}],
        "device_configs": [{"device_id": device, "interval_minutes": 60, "wake_spread_s": 0, "created_at": since.isoformat()}],
        "device_status": [
            {"device_id": device, "message_key": str(at), "received_at": at.isoformat(), "created_at": at.isoformat(),
             "battery_percent": 7, "answer": {"capture_due": True, "commands": []}}
            for at in (since, heard)
        ],
    }  # fmt: skip
    for table, some in rows.items():
        assert database.post(f"/{table}", json=some).is_success
    while database.post("/rpc/refresh_capture_days", json={}).json()["more"]:
        pass
    status, out, _ = tool(device, "--days", 1)
    assert status == 0
    assert "expected pictures of the last day are missing" in out
    assert " unknown  It said hello at " in out
    assert " offline  It was not heard; at its last hello, " in out
    assert max(map(len, out.splitlines())) <= 80

"""docs/integrations.md is carried out: its calls, its receiver, and its example of each event."""

import json
import os
import re
import subprocess
import sys
import time
import uuid

import httpx
import pytest
from receivers import Receiver
from test_deliver import run_until

from core.settings import DeliverySettings, split_urls
from local.part import REPOSITORY
from local.ports import LOOPBACK, accepts, free_port
from tasks.channels.services import rewrite

PAGE = (REPOSITORY / "docs" / "integrations.md").read_text()


def fences(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.M | re.S)


def examples():
    return {event["type"]: event for event in map(json.loads, fences("json"))}


@pytest.fixture
def answering(tmp_path):
    """The receiver of the page, in a process of its own: start it with the secret of a webhook."""
    port, started = free_port(), []

    def start(secret):
        process = subprocess.Popen(
            [sys.executable, "-c", fences("python")[0]], stdout=subprocess.PIPE, text=True,
            env=os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)},
        )  # fmt: skip
        started.append(process)
        while not accepts(port):
            assert process.poll() is None
            time.sleep(0.02)
        return process

    start.url = f"http://{LOOPBACK}:{port}/fleet"
    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_receiver_takes_what_is_genuine_once_and_refuses_the_rest(
    company, receiver, answering, make_deliverer
):
    more = {"event_types": ["capture.stored"]}
    made = company.call("create_channel", p_name="x", p_kind="webhook", p_target=receiver.url(), p_more=more)
    process = answering(made["secret"])
    company.picture("a.jpg")
    deliverer = make_deliverer()
    run_until(deliverer, lambda: not receiver.requests.empty())
    _, headers, body = receiver.next()
    headers = {name: headers[name] for name in headers if name.startswith("webhook-")}

    def post(content=body, **changes):
        changed = headers | {name.replace("_", "-"): value for name, value in changes.items()}
        return httpx.post(answering.url, content=content, headers=changed).status_code

    assert post() == 204
    assert process.stdout.readline() == f"capture.stored {company.device}\n"
    assert post(body.replace(b"a.jpg", b"b.jpg")) == 401
    assert post(webhook_id=str(uuid.uuid4())) == 401
    assert post(webhook_timestamp=str(int(headers["webhook-timestamp"]) + 1)) == 401
    assert post(webhook_signature="v1,AAAA") == 401
    assert post(webhook_signature="v1,AAAA " + headers["webhook-signature"]) == 204

    # From the service itself, and after a new secret both sign.
    company.call("rotate_channel_secret", p_channel=made["channel_id"])
    company.call("update_channel", p_channel=made["channel_id"], p_changes={"target": answering.url})
    company.call("test_channel", p_channel=made["channel_id"])
    run_until(deliverer, lambda: company.state(made["channel_id"])["state"] == "ok")
    # The repeat in between was dropped.
    assert process.stdout.readline() == "channel.test None\n"


def shape(value):
    """The names and the kinds of what is in an event, whatever the values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return None if value is None else type(value).__name__.replace("int", "float")


def fits(told, example):
    """Whether both have the same names, and values of the same kind where both have one."""
    if isinstance(told, dict) and isinstance(example, dict):
        return told.keys() == example.keys() and all(fits(told[name], example[name]) for name in told)
    return told is None or example is None or told == example


def test_every_event_is_as_its_example(company, receiver, make_deliverer, database):
    company.channel(
        receiver.url(), events=["capture.stored", "capture.failed", "device.first_seen", "command.finished"]
    )
    site = str(uuid.uuid4())
    database.table("sites").insert(
        {"site_id": site, "company_id": company.company_id, "name": "north"}
    ).execute()
    database.table("devices").update({"name": "gate", "site_id": site}).eq(
        "device_id", company.device
    ).execute()
    database.table("device_commands").insert({"device_id": company.device, "type": "capture_image"}).execute()
    database.rpc("record_hello", {"p_hello": {
        "device_id": company.device, "status": "Alive", "firmware_version": "1.4.2"}}).execute()  # fmt: skip
    database.rpc("record_capture", {"p_capture": {
        "device_id": company.device, "image_name": "a.jpg", "ingest_status": "stored", "image_bytes": 5, "width": 8,
        "height": 6, "storage_path": f"captures/{uuid.uuid4()}", "thumbnail_path": f"thumbnails/{uuid.uuid4()}",
        "image_sha256": "a" * 64, "sensors": {"temperature_c": 21.5, "humidity_pct": 40}}}).execute()  # fmt: skip
    database.rpc("record_capture", {"p_capture": {
        "device_id": company.device, "image_name": "b.jpg", "ingest_status": "failed",
        "error": {"code": 2201, "message": "timeout"}}}).execute()  # fmt: skip
    deliverer, told = make_deliverer(), {}

    def all_came():
        while not receiver.requests.empty():
            event = json.loads(receiver.next()[2])
            told[event["type"]] = event
        return len(told) >= 4

    run_until(deliverer, all_came)
    expected = examples()
    expected["capture.failed"] = expected["capture.stored"]
    assert set(told) == {"capture.stored", "capture.failed", "device.first_seen", "command.finished"}
    for kind, event in told.items():
        assert fits(shape(event), shape(expected[kind])), kind
    assert told["capture.stored"]["capture"]["sensors"]["temperature_c"] == 21.5


def test_a_test_and_an_alert_are_as_their_examples(company, receiver, make_deliverer, database):
    channel = company.channel(receiver.url(), events=["alert.acknowledged"])
    company.call("test_channel", p_channel=channel)
    alert = {"company_id": company.company_id, "device_id": company.device, "kind": "battery_low", "subject": "",
             "severity": "warning", "message": "low", "details": {"percent": 18}}  # fmt: skip
    alert_id = database.table("alerts").insert(alert).execute().data[0]["alert_id"]
    company.call("acknowledge_alert", p_alert=alert_id)
    run_until(make_deliverer(), lambda: receiver.requests.qsize() >= 2)
    told = {event["type"]: event for event in (json.loads(receiver.next()[2]) for _ in range(2))}
    expected = examples()
    assert fits(shape(told["channel.test"]), shape(expected["channel.test"]))
    assert fits(shape(told["alert.acknowledged"]), shape(expected["alert.opened"]))


def test_every_type_of_event_is_told_of(database):
    listed = re.search(
        r"array\[('alert\.opened'.*?)\]", (REPOSITORY / "sql/repeatable/081_events.sql").read_text(), re.S
    )
    types = set(re.findall(r"'([a-z_.]+)'", listed[1])) | {"channel.test"}
    first = PAGE[: PAGE.index("| `p_kind`")]
    assert set(re.findall(r"`([a-z]+\.[a-z_]+)`", first)) == types
    assert set(examples()) <= types


def test_the_calls_of_the_page_make_channels(stack, database, tmp_path):
    email, password = f"{uuid.uuid4().hex}@farm.test", uuid.uuid4().hex
    answer = httpx.post(
        f"{stack.supabase_url}/auth/v1/signup", headers={"apikey": stack.supabase_publishable_key},
        json={"email": email, "password": password}, timeout=20,
    ).raise_for_status()  # fmt: skip
    company_id = str(uuid.uuid4())
    database.table("companies").insert({"company_id": company_id, "name": "farm"}).execute()
    database.table("users").insert(
        {"user_id": answer.json()["user"]["id"], "company_id": company_id}
    ).execute()
    values = {
        "SUPABASE_URL": stack.supabase_url,
        "KEY": stack.supabase_publishable_key,
        "EMAIL": email,
        "PASSWORD": password,
    }
    done = subprocess.run(
        ["bash", "-c", "set -eo pipefail\n" + fences("sh")[0]],
        env=os.environ | values,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    made = (
        database.table("alert_channels").select("*").eq("company_id", company_id).order("name").execute().data
    )
    assert [(row["name"], row["kind"], row["target"]) for row in made] == [
        ("Our chat", "apprise", "ntfy"), ("Our server", "webhook", "https://example.com/…"),
    ]  # fmt: skip
    assert made[0]["quiet_timezone"] == "Europe/Berlin"
    assert "whsec_" in done.stdout
    database.table("alert_channels").delete().eq("company_id", company_id).execute()


def test_the_settings_of_the_page_are_understood():
    block = next(text for text in fences("ini") if "ALERT_URLS" in text)
    lines = re.findall(r'^([A-Z_]+)="?(.*?)"?$', block, re.M)
    settings = DeliverySettings(**{name.lower(): value for name, value in lines})
    assert len(split_urls(settings.alert_urls)) == 2


def test_the_forms_of_addresses_are_those_that_are_taken():
    filled = {
        "https://hooks.slack.com/services/T…/B…/…": "https://hooks.slack.com/services/T01234567/B01234567/abcdefghijABCDEFGHIJ1234",
        "https://discord.com/api/webhooks/…/…": "https://discord.com/api/webhooks/123456789012345678/"
        + "t" * 68,
        "tgram://123456789:AA…/-1001234567": f"tgram://123456789:AA{'x' * 33}/-1001234567",
        "https://ntfy.sh/a-topic-that-nobody-guesses": "https://ntfy.sh/a-topic-that-nobody-guesses",
        "pover://<user key>@<application token>": f"pover://{'u' * 30}@{'t' * 30}",
        "pbul://<access token>": "pbul://o." + "a" * 32,
        "gchat://<space>/<key>/<token>": f"gchat://AAAAspace/{'k' * 39}/{'t' * 43}",
        "wxteams://<token>": "wxteams://" + "a" * 104,
    }
    for form, address in filled.items():
        assert f"`{form}`" in PAGE
        assert rewrite(address)


def test_a_receiver_at_a_private_address_is_told_why(company, make_deliverer):
    server = Receiver()
    try:
        channel = company.channel(server.url())
        company.call("test_channel", p_channel=channel)
        strict = make_deliverer(webhook_private_networks=())
        run_until(strict, lambda: company.state(channel)["last_error"])
        assert company.state(channel)["last_error"] == "the host is not on the public internet"
        assert server.requests.empty()
    finally:
        server.close()

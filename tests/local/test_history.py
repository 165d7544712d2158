"""The simulated fleet of `up`: three weeks that the service's own functions have written, and the time after them."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from local import alert_story, supabase_lite
from local.company import service
from local.history import make as making
from local.history import wakes
from local.history.fleet import FLEET, MARK
from local.history.make import make
from local.history.shots import Pictures
from local.living import Living
from local.services import Services
from local.stack import BUCKET, Stack

DAY_MS = 24 * wakes.HOUR_MS
LIVING = {device.device_id for device in FLEET if device.goes_on is not None}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return Pictures.make(tmp_path_factory.mktemp("history") / "pictures")


@pytest.mark.parametrize("into_the_wake_ms", [-1, 0, 60_000, 200_000])
def test_two_parts_of_a_history_are_the_whole_one(pictures, into_the_wake_ms):
    begun = wakes.begin_of(1_800_000_000_000)
    # Pear row is away then, and brings what it has kept.
    middle, end = begun + 9 * DAY_MS + into_the_wake_ms, begun + 10 * DAY_MS

    whole = wakes.tell(pictures, begun, begun, end)
    parts = [wakes.tell(pictures, begun, begun, middle), wakes.tell(pictures, begun, middle, end)]

    def key(call):
        return call[0], call[2]["device_id"], call[1]

    assert sorted(whole.calls, key=key) == sorted(parts[0].calls + parts[1].calls, key=key)
    assert len(whole.objects) == len(parts[0].objects) + len(parts[1].objects) > 0


def test_a_history_that_is_kept_goes_on_to_the_present(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "TEMPLATES", tmp_path / "templates")
    monkeypatch.setattr(supabase_lite, "TEMPLATES", tmp_path / "templates")
    monkeypatch.setattr(wakes, "DAYS", 2)
    real = time.time
    made, stayed = [], making._make_kept

    def make_kept(*arguments):
        made.append(arguments)
        stayed(*arguments)

    monkeypatch.setattr(making, "_make_kept", make_kept)
    answers = []
    for age in (timedelta(days=1), timedelta(0)):
        monkeypatch.setattr(making.time, "time", lambda age=age: real() - age.total_seconds())
        directory = tmp_path / f"stack-{len(answers)}"
        directory.mkdir()
        stack = Stack(directory)
        token = make(stack.supabase, alert_story.ADMIN)
        with stack:
            taken = service(stack).rows("captures", select="captured_at", order="captured_at")
            accounts = alert_story.prepare(stack, token)
            answers.append((len(taken), datetime.fromisoformat(taken[-1]["captured_at"])))
            assert len(accounts["viewer"].rows("devices", device_id="like.SIMULATED*")) == len(FLEET)
    assert len(made) == 1
    (before, last_before), (after, last) = answers
    a_day = len(FLEET) * 24 // 6
    assert before >= 2 * a_day
    assert after == before + a_day
    assert timedelta(0) <= datetime.now(UTC) - last < timedelta(hours=7)
    assert last - last_before == pytest.approx(timedelta(days=1), abs=timedelta(minutes=5))


@pytest.mark.timeout(900)
def test_three_weeks_are_as_the_service_would_have_written_them_and_go_on(tmp_path):
    stack = Stack(tmp_path)
    token = make(stack.supabase, alert_story.ADMIN)
    with stack:
        owner = alert_story.prepare(stack, token)["admin"]
        devices = owner.rows("devices", device_id="like.SIMULATED*")
        assert all(MARK in device["tags"] and "Simulated" in device["notes"] for device in devices)
        began = min(datetime.fromisoformat(device["created_at"]) for device in devices)
        assert timedelta(days=20) < datetime.now(UTC) - began < timedelta(days=27)

        # What went wrong is told as it was, by the functions that tell it.
        alerts = owner.rows("alerts", select="kind,device_id,opened_at,resolved_at")
        opened = {alert["kind"] for alert in alerts if not alert["resolved_at"]}
        assert opened >= {"battery_low", "failing", "offline"}
        assert {alert["kind"] for alert in alerts if alert["resolved_at"]} >= {
            "failing",
            "offline",
            "picture",
        }
        assert len({alert["opened_at"][:10] for alert in alerts}) > 3
        days = owner.rows("company_days", select="expected,silent,stored,failed_device,failed_transfer")
        assert len(days) >= 21
        for name in ("silent", "stored", "failed_device", "failed_transfer"):
            assert sum(day[name] for day in days) > 0
        statuses = {
            row["ingest_status"] for row in owner.rows("captures", select="ingest_status", limit="1000")
        }
        assert statuses == {"stored", "failed"}

        newest = {"order": "captured_at.desc", "limit": "5", "ingest_status": "eq.stored"}
        for row in owner.rows("captures", **newest):
            for path in (row["storage_path"], row["thumbnail_path"]):
                answer = httpx.get(
                    f"{stack.supabase_url}/storage/v1/object/{BUCKET}/{path}",
                    headers=service(stack).headers,
                    trust_env=False,
                )
                assert answer.content.startswith(b"\xff\xd8")
            assert len(answer.content) < row["image_bytes"]

        before = datetime.now(UTC)
        with Services(stack, only={"listener", "worker", "beat"}), Living(stack) as living:
            heard: dict[str, dict[str, str]] = {}
            while set(heard) < LIVING and all(process.running for process in living.processes):
                since = {"captured_at": f"gte.{before.isoformat()}", "ingest_status": "neq.assembling"}
                rows = owner.rows("captures", select="device_id,ingest_status,health", **since)
                heard |= {row["device_id"]: row for row in rows}
                time.sleep(0.5)
        assert set(heard) == LIVING
        failed = {device for device, row in heard.items() if row["ingest_status"] == "failed"}
        assert failed == {device.device_id for device in FLEET if "--device-error" in (device.goes_on or ())}
        # Each camera sees what it saw before.
        assert {row["health"] for row in heard.values()} <= {"ok", None}

"""The periodic task that evaluates the alerts, with a real Redis and the embedded stack."""

import uuid
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from prometheus_client import REGISTRY

from core import dispatch
from core.store.breakers import OPENS_AFTER
from core.store.keys import LISTENERS, breaker_key, lock_key
from operate.troubles import read_troubles
from tasks.evaluate_alerts import evaluate_alerts, service


@pytest.fixture
def redis(resources):
    resources.store.redis.flushdb()
    resources.broker.flushdb()
    return resources.store.redis


@pytest.fixture
def beat(resources, redis):
    """Write the heartbeat of a listener that has heard everything until so many seconds ago."""

    def write(heard_s_ago=0):
        now = resources.store.now()
        redis.hset(LISTENERS, "fleet@1", f"{now} {now - 1000 * heard_s_ago}")

    return write


def troubles(resources):
    return read_troubles(
        resources.store.redis, resources.broker, resources.store.now(), resources.settings.redis_memory_mb
    )


def wait_in_queue(resources, name, seconds):
    message = {"headers": {dispatch.SENT_AT: resources.store.now() - 1000 * seconds}}
    resources.broker.lpush(name, orjson.dumps(message))


def test_while_all_is_well_there_is_no_trouble(resources, beat):
    beat()
    wait_in_queue(resources, dispatch.CAPTURES_QUEUE, 200)
    assert troubles(resources) == []


def test_each_trouble_is_said_in_words(resources, redis, beat):
    assert troubles(resources) == ["no listener is running"]
    beat(heard_s_ago=600)
    wait_in_queue(resources, dispatch.CAPTURES_QUEUE, 720)
    redis.hset(breaker_key("storage"), "failures", OPENS_AFTER)
    assert troubles(resources) == [
        "what devices send is read 10 min late",
        "work has waited in the queue captures for 12 min",
        "Supabase's storage does not answer",
    ]


def test_a_full_redis_is_a_trouble(resources, beat):
    beat()
    resources.store.redis.config_set("maxmemory", 1)
    try:
        assert troubles(resources) == ["Redis is full, and pictures are turned away"]
    finally:
        resources.store.redis.config_set("maxmemory", 0)


def test_what_the_service_says_is_that_of_the_settings(resources, redis, monkeypatch):
    settings = resources.settings.model_copy(update={"storage_quota_gb": 5, "silence_minutes": 7})
    said = service(resources._replace(settings=settings))
    assert said.pop("troubles") == ["no listener is running"]
    assert said == {
        "default_wake_minutes": settings.default_wake_minutes,
        "silence_minutes": 7,
        "storage_quota_bytes": 5_000_000_000,
        "keep_days": settings.keep_alerts_days,
    }
    assert service(resources)["storage_quota_bytes"] is None


def test_alerts_open_and_resolve_once_in_a_while(resources, database, device, redis, beat):
    beat()
    company, now = str(uuid.uuid4()), datetime.now(UTC)
    database.table("companies").insert({"company_id": company, "name": "Greenhouse Ltd"}).execute()
    heard = {
        "company_id": company,
        "last_seen_at": now.isoformat(),
        "next_wake_at": (now + timedelta(hours=1)).isoformat(),
    }
    database.table("devices").insert({"device_id": device, "battery_percent": 5} | heard).execute()

    def alerts():
        rows = (
            database.table("alerts")
            .select("kind,severity,resolved_at")
            .eq("device_id", device)
            .execute()
            .data
        )
        return [(row["kind"], row["severity"], row["resolved_at"] is not None) for row in rows]

    def counted(change):
        return REGISTRY.get_sample_value("fleet_alerts_total", {"change": change}) or 0

    before = counted("opened")
    evaluate_alerts.run()
    assert alerts() == [("battery_low", "critical", False)]
    assert counted("opened") > before
    database.table("devices").update({"battery_percent": 90}).eq("device_id", device).execute()
    evaluate_alerts.run()
    assert alerts() == [("battery_low", "critical", False)], "once a minute"
    redis.delete(lock_key("evaluate_alerts"))
    evaluate_alerts.run()
    assert alerts() == [("battery_low", "critical", True)]


def test_a_supabase_that_is_away_is_waited_for(behind, proxy, beat, caplog):
    from chaos_proxy import Fault

    beat()
    proxy.set(Fault("answer", 503))
    evaluate_alerts.run()
    assert "alerts not evaluated" in caplog.text

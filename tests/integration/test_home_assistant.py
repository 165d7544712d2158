"""Home Assistant, played by a subscriber that comes later: what it finds at the broker, and what its button does."""

import queue
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random

import orjson
import paho.mqtt.client as paho
import pytest
import redis
from arrivals import arrive, photo, run
from chaos_proxy import Fault
from paho.mqtt.enums import CallbackAPIVersion

from core.errors import Transient
from core.retain import Retained
from core.supabase import SupabaseGateway
from local.services import Services
from tasks import announce as announce_module
from tasks import app
from tasks.home_assistant import tell_home_assistant

PREFIX = "homeassistant"


class HomeAssistant:
    """A client that hears what the broker keeps and what is published, as Home Assistant does."""

    def __init__(self, host, port):
        self.heard, self.kept = queue.Queue(), {}
        self._settled = queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"ha{uuid.uuid4().hex}")
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._settled.put("subscribed")
        self._client.connect(host, port)
        self._client.loop_start()
        self._client.subscribe([(f"{PREFIX}/#", 1), ("fleet/#", 1), ("probe/#", 1)])
        assert self._settled.get(timeout=10) == "subscribed"

    def _on_message(self, _client, _data, message):
        if message.topic.startswith("probe/"):
            self._settled.put(message.topic)
            return
        self.heard.put(message.topic)
        if message.payload:
            self.kept[message.topic] = message.payload
        else:
            self.kept.pop(message.topic, None)

    def settle(self):
        """Wait until all that was published before has come: the broker keeps the order."""
        probe = f"probe/{uuid.uuid4().hex}"
        self._client.publish(probe, b"1", qos=1)
        while self._settled.get(timeout=10) != probe:
            pass
        return self

    def topics(self):
        """What has come since the last call."""
        self.settle()
        return [self.heard.get() for _ in range(self.heard.qsize())]

    def device(self, device):
        """The config of a device, and its values by each entity's template."""
        self.settle()
        [config] = [orjson.loads(p) for t, p in self.kept.items() if t.endswith(f"/{device}/config")]
        values = {}
        for key, entity in config["components"].items():
            if entity["platform"] == "sensor":
                state = orjson.loads(self.kept[entity["state_topic"]])
                [name] = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", entity["value_template"]).groups()
                values[key] = state[name]
        return config, values

    def picture(self, device):
        config, _ = self.device(device)
        return self.kept.get(config["components"]["picture"]["image_topic"])

    def press(self, device, payload=None):
        config, _ = self.device(device)
        button = config["components"]["capture"]
        payload = button["payload_press"] if payload is None else payload
        self._client.publish(button["command_topic"], payload, qos=button["qos"]).wait_for_publish(10)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def worker(resources, mosquitto, monkeypatch):
    """A worker that tells Home Assistant, at a broker of its own."""
    resources.store.redis.flushdb()
    there = {"mqtt_host": mosquitto.host, "mqtt_port": mosquitto.port, "home_assistant_prefix": PREFIX}
    worker = resources._replace(settings=resources.settings.model_copy(update=there))
    monkeypatch.setattr(app, "resources", worker)
    return worker


@pytest.fixture
def ears(mosquitto):
    """Makes clients that play Home Assistant."""
    made = []

    def make():
        made.append(HomeAssistant(mosquitto.host, mosquitto.port))
        return made[-1]

    yield make
    for one in made:
        one.close()


def tell(worker):
    """Tell Home Assistant, whether or not the last time was just now."""
    worker.store.redis.delete("fleet:lock:tell_home_assistant")
    tell_home_assistant()


def company(database):
    [row] = database.table("companies").insert({"name": "a company"}).execute().data
    return row["company_id"]


@pytest.fixture
def owned(database, device):
    """A device of a company, and the company."""
    company_id = company(database)
    database.table("devices").insert({"device_id": device, "company_id": company_id}).execute()
    return device, company_id


def hello(worker, device, **fields):
    at = datetime.now(UTC).isoformat()
    said = {
        "device_id": device,
        "status": "Alive",
        "pending_count": 0,
        "received_at": at,
        "message_key": uuid.uuid4().hex,
    }
    worker.supabase.call("record_hello", p_hello=said | fields)


def store(worker, device, data=None, **fields):
    """Let a picture arrive and be stored; its object's path."""
    ref = arrive(worker, device, photo() if data is None else data, **fields)
    run(worker, ref)


def update(database, device, **values):
    database.table("devices").update(values).eq("device_id", device).execute()


def ours(topics, device):
    return [topic for topic in topics if f"/{device}/" in topic]


def test_who_comes_later_finds_the_device_with_its_values_and_its_picture(worker, owned, database, ears):
    device, company_id = owned
    [site] = database.table("sites").insert({"company_id": company_id, "name": "south"}).execute().data
    update(database, device, name="by the door", site_id=site["site_id"])
    hello(
        worker,
        device,
        pending_count=3,
        battery_percent=71.5,
        battery_mv=3900,
        wifi_rssi_dbm=-67,
        firmware_version="1.2",
    )
    store(worker, device)
    tell(worker)

    later = ears()
    config, values = later.device(device)
    own = f"fleet-{device}-{company_id}"
    assert config["device"] == {
        "identifiers": [own], "name": "by the door", "manufacturer": "Espressif", "model": "ESP32S3-CAM",
        "serial_number": device, "sw_version": "1.2", "suggested_area": "south",
    }  # fmt: skip
    assert values["last_seen"] is not None
    del values["last_seen"]
    assert values == {
        "temperature": 23.5, "humidity": 45.2, "pressure": 1013.25, "gas": 12.34567, "battery": 71.5,
        "battery_voltage": 3900, "rssi": -67, "pending": 3, "next_wake": None,
        "picture_taken": "2025-10-04T12:34:56+00:00",
    }  # fmt: skip
    assert later.picture(device) == photo()
    ids = [entity["unique_id"] for entity in config["components"].values()]
    assert len(set(ids)) == len(ids) == 13
    assert all(name.startswith(own) for name in ids)
    assert not re.search(r"expire_after|availability", orjson.dumps(config).decode())


def test_what_has_not_changed_is_not_told_again(worker, owned, database, ears):
    device, _ = owned
    hello(worker, device)
    tell(worker)
    hearing = ears()
    assert len(ours(hearing.topics(), device)) == 2
    tell(worker)
    assert hearing.topics() == []
    update(database, device, notes="nothing that Home Assistant shows")
    tell(worker)
    assert hearing.topics() == []
    update(database, device, name="renamed")
    tell(worker)
    assert [topic.rpartition("/")[2] for topic in hearing.topics()] == ["config"]
    assert hearing.device(device)[0]["device"]["name"] == "renamed"
    hello(worker, device, battery_percent=3)
    tell(worker)
    assert [topic.rpartition("/")[2] for topic in hearing.topics()] == ["state"]
    assert hearing.device(device)[1]["battery"] == 3


def test_the_names_that_people_give_are_told_as_text(worker, owned, database, ears):
    device, company_id = owned
    hostile = '{{ states("sensor.secret") }}{% raw %}\n"</script>~'
    site = {"company_id": company_id, "name": hostile}
    [site] = database.table("sites").insert(site).execute().data
    update(database, device, name=hostile, site_id=site["site_id"])
    tell(worker)
    config, _ = ears().device(device)
    assert (
        config["device"].pop("name") == config["device"].pop("suggested_area") == hostile.replace("\n", "\\n")
    )
    rest = orjson.dumps(config).decode()
    assert "states" not in rest
    assert "script" not in rest
    templates = [entity.get("value_template", "") for entity in config["components"].values()]
    assert sum("{{" in text for text in templates) == rest.count("{{")


def test_a_device_that_is_released_is_removed(worker, owned, database, ears):
    device, company_id = owned
    store(worker, device)
    tell(worker)
    hearing = ears()
    topics = {topic for topic in hearing.settle().kept if f"/{device}/" in topic}
    assert topics == {
        f"{PREFIX}/device/{company_id}/{device}/config",
        f"fleet/{company_id}/{device}/state",
        f"fleet/{company_id}/{device}/picture",
    }
    hearing.topics()
    update(database, device, company_id=None)
    tell(worker)
    gone = hearing.topics()
    assert set(gone) == topics
    # The device goes first: an entity that is there would show an empty picture.
    assert gone[0].endswith("/config")
    assert not ears().settle().kept.keys() & topics
    tell(worker)
    assert hearing.topics() == []


def test_a_new_owner_sees_nothing_of_the_former_one(worker, owned, database, ears):
    device, former = owned
    hello(worker, device, battery_percent=71.5)
    store(worker, device)
    update(database, device, name="theirs")
    tell(worker)
    other = company(database)
    update(database, device, company_id=other)
    tell(worker)
    later = ears()
    config, values = later.device(device)
    assert config["device"]["name"] == device
    assert set(values.values()) == {None}
    assert later.picture(device) is None
    assert not any(former in topic for topic in later.kept)
    store(worker, device, photo(1), name="new.jpg", time="2025-10-05T12:34:56Z")
    tell(worker)
    assert later.settle().picture(device) == photo(1)


def test_what_redis_has_lost_is_told_anew_and_removed_anew(worker, owned, database, ears):
    device, company_id = owned
    store(worker, device)
    tell(worker)
    worker.store.redis.flushdb()
    hearing = ears()
    hearing.topics()
    tell(worker)
    assert len(ours(hearing.topics(), device)) == 3
    # Redis loses what was told while the device is released: the former company's topics are emptied all the same.
    worker.store.redis.flushdb()
    update(database, device, company_id=None)
    tell(worker)
    assert not any(company_id in topic for topic in hearing.settle().kept)


def test_another_prefix_is_told_anew_and_the_old_one_emptied(worker, owned, monkeypatch, ears):
    device, company_id = owned
    tell(worker)
    settings = worker.settings.model_copy(update={"home_assistant_prefix": f"{PREFIX}/second"})
    monkeypatch.setattr(app, "resources", worker._replace(settings=settings))
    tell(worker)
    kept = [topic for topic in ears().settle().kept if topic.endswith(f"/{device}/config")]
    assert kept == [f"{PREFIX}/second/device/{company_id}/{device}/config"]


def test_two_workers_at_once_tell_once(worker, owned, ears):
    device, _ = owned
    hearing = ears()
    hearing.topics()
    together = threading.Barrier(2)

    def work():
        together.wait(10)
        tell_home_assistant()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work) for _ in range(2)]:
            done.result(30)
    told = ours(hearing.topics(), device)
    assert len(told) == len(set(told)) == 3


def test_a_picture_that_is_too_large_is_told_by_its_thumbnail(worker, owned, ears, monkeypatch):
    device, _ = owned
    settings = worker.settings.model_copy(update={"home_assistant_picture_kb": 20})
    monkeypatch.setattr(app, "resources", worker._replace(settings=settings))
    assert len(photo()) > 20 * 1024
    store(worker, device)
    tell(worker)
    thumbnail = ears().picture(device)
    assert thumbnail.startswith(b"\xff\xd8")
    assert len(thumbnail) < 20 * 1024


def test_a_picture_that_is_gone_is_passed_over_and_the_last_one_stays(worker, owned, database, bucket, ears):
    device, _ = owned
    store(worker, device)
    tell(worker)
    store(worker, device, photo(1), name="second.jpg", time="2025-10-04T13:00:00Z")
    rows = database.table("captures").select("*").eq("device_id", device).order("captured_at").execute().data
    bucket.remove([rows[-1]["storage_path"], rows[-1]["thumbnail_path"]])
    tell(worker)
    hearing = ears()
    assert hearing.picture(device) == photo()
    assert hearing.device(device)[1]["picture_taken"] == "2025-10-04T13:00:00+00:00"
    hearing.topics()
    tell(worker)
    assert hearing.topics() == []


def test_a_picture_that_cannot_be_fetched_now_is_fetched_later(worker, owned, proxy, ears, monkeypatch):
    device, _ = owned
    store(worker, device)
    settings = worker.settings.model_copy(update={"supabase_url": proxy.url})
    quick = SupabaseGateway(settings, 2.5, probes=False)
    monkeypatch.setattr(app, "resources", worker._replace(quick=quick))
    proxy.set(Fault("answer", 503))
    tell(worker)
    hearing = ears()
    assert hearing.picture(device) is None
    assert hearing.device(device)[1]["temperature"] == 23.5
    proxy.set(None)
    tell(worker)
    assert hearing.picture(device) == photo()
    quick.close()


def test_a_picture_that_can_never_be_fetched_holds_the_others_up_for_a_while_only(
    worker, owned, database, proxy, ears, monkeypatch
):
    device, company_id = owned
    store(worker, device)
    settings = worker.settings.model_copy(update={"supabase_url": proxy.url})
    quick = SupabaseGateway(settings, 2.5, probes=False)
    monkeypatch.setattr(app, "resources", worker._replace(quick=quick))
    monkeypatch.setattr(announce_module, "TRIES", 2)
    proxy.set(Fault("answer", 500))
    marks = []
    for _ in range(4):
        tell(worker)
        marks.append(worker.store.announced.mark(PREFIX))
    assert [mark.tries for mark in marks] == [1, 2, 0, 0]
    assert marks[0].after == marks[1].after < marks[2].after
    # What changes meanwhile is told at once.
    proxy.set(None)
    update(database, device, name="later")
    tell(worker)
    assert ears().picture(device) == photo()
    assert company_id
    quick.close()


def test_a_broker_that_is_away_costs_a_later_run_nothing(worker, owned, mosquitto, ears):
    device, _ = owned
    mosquitto.stop()
    with pytest.raises(Transient), Retained(worker.settings, "x") as broker:
        broker.publish([("a", b"b")])
    tell(worker)
    assert worker.store.announced.kept([device]) == [None]
    mosquitto.start()
    tell(worker)
    assert ears().device(device)


def test_without_the_setting_nothing_is_told(worker, owned, ears, monkeypatch):
    settings = worker.settings.model_copy(update={"home_assistant_prefix": ""})
    monkeypatch.setattr(app, "resources", worker._replace(settings=settings))
    tell(worker)
    assert ears().topics() == []
    assert not worker.store.redis.exists("fleet:announced")


def test_a_press_of_the_button_reaches_the_device_when_it_is_awake(mosquitto_stack, tmp_path):
    """With listener, worker and beat as processes of their own."""
    import httpx

    redis.Redis.from_url(mosquitto_stack.redis.url).flushall()
    key = mosquitto_stack.supabase_secret_key
    headers = {"apikey": key, "authorization": f"Bearer {key}", "prefer": "return=representation"}
    device = f"BUTTON{Random().randrange(10**6)}"
    with (
        httpx.Client(
            base_url=f"{mosquitto_stack.supabase_url}/rest/v1", headers=headers, trust_env=False
        ) as http,
        Services(
            mosquitto_stack, only={"listener", "worker", "beat"}, settings={"HOME_ASSISTANT_PREFIX": PREFIX}
        ),
    ):
        [row] = http.post("/companies", json={"name": "a company"}).raise_for_status().json()
        http.post(
            "/devices", json={"device_id": device, **{"company_id": row["company_id"]}}
        ).raise_for_status()
        there = mosquitto_stack.mqtt_host, mosquitto_stack.mqtt_port
        hearing, awake = HomeAssistant(*there), Awake(device, *there)
        try:
            until(lambda: any(topic.endswith(f"/{device}/config") for topic in hearing.settle().kept))
            for payload in ("PRESS", "PRESS", "", "{}", "PRESS" * 1000):
                hearing.press(device, payload)
            commands = until(
                lambda: http.get("/device_commands", params={"device_id": f"eq.{device}"}).json()
            )
            assert [(one["type"], one["status"]) for one in commands] == [("capture_image", "queued")]
            awake.says_hello()
            assert awake.next() == {"device_id": device, "capture_image": True}
            [command] = http.get("/device_commands", params={"device_id": f"eq.{device}"}).json()
            assert command["status"] == "sent"
            errors = http.get("/device_errors", params={"details->>topic": f"like.*{device}*"}).json()
            assert errors == []
        finally:
            hearing.close()
            awake.close()


class Awake:
    """A device that is awake."""

    def __init__(self, device, host, port):
        self._device, self._told, subscribed = device, queue.Queue(), queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=device)
        self._client.on_message = lambda _c, _d, message: self._told.put(orjson.loads(message.payload))
        self._client.on_subscribe = lambda *_: subscribed.put(True)
        self._client.connect(host, port)
        self._client.loop_start()
        self._client.subscribe(f"ESP32CAM/{device}/cmd", 1)
        subscribed.get(timeout=10)

    def says_hello(self):
        said = {"device_id": self._device, "status": "Alive", "pendingImg": 0}
        self._client.publish(f"ESP32CAM/{self._device}/status", orjson.dumps(said), qos=1)

    def next(self):
        return self._told.get(timeout=20)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


def until(condition, seconds=40):
    waiting, deadline = threading.Event(), datetime.now(UTC) + timedelta(seconds=seconds)
    while not (found := condition()):
        assert datetime.now(UTC) < deadline, "it did not come to pass"
        waiting.wait(0.1)
    return found

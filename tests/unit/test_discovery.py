"""What Home Assistant is told of a device, against the names of Home Assistant's own schemas."""

import json
import re
from pathlib import Path

import orjson
import pytest

from core.home_assistant import BUTTONS, Button, button_of, topics
from tasks.announce import plan
from tasks.stations.discovery import config, state

NAMES = json.loads((Path(__file__).parent / "home_assistant_names.json").read_text())
COMPANY, OTHER = "07177056-8b2b-4942-8da0-17a1290e482b", "2d0c9e9e-3f0e-4f5e-9d0b-0a4a8fdc3a11"
PREFIX = "homeassistant"
ROW = {
    "device_id": "AABB_cc-01",
    "company_id": COMPANY,
    "former": [],
    "name": "by the door",
    "site": "south",
    "firmware_version": "1.2",
    "pending_count": 3,
    "battery_percent": 71.5,
    "battery_mv": 3900,
    "wifi_rssi_dbm": -67,
    "last_seen_at": "2026-11-27T16:00:00.123456+00:00",
    "next_wake_at": None,
    "temperature_c": 23.5,
    "humidity_pct": 45.2,
    "pressure_hpa": 1013.25,
    "gas_kohm": 0.0,
    "picture": {
        "capture_id": "7", "captured_at": "2025-10-04T12:34:56+00:00", "image_bytes": 5, "storage_path": "a",
        "thumbnail_path": None,
    },
}  # fmt: skip


def of(row):
    return orjson.loads(config(PREFIX, row))


def fits(given, names):
    assert set(given) <= set(names["allowed"])
    assert set(given) >= set(names["required"])


def test_every_key_is_one_that_home_assistant_knows():
    message = of(ROW)
    fits(message, NAMES["message"])
    fits(message["device"], NAMES["device"])
    assert message["device"]["identifiers"]
    fits(message["origin"], NAMES["origin"])
    for entity in message["components"].values():
        fits(entity.keys() - {"platform"}, NAMES["platforms"][entity["platform"]])
        assert entity["unique_id"]
    assert "image_topic" in message["components"]["picture"]


def test_every_value_is_one_that_home_assistant_knows():
    classes = set()
    for entity in of(ROW)["components"].values():
        if "device_class" in entity:
            classes.add(entity["device_class"])
            assert set(entity.get("unit_of_measurement", "").split()) <= set(
                NAMES["units"][entity["device_class"]]
            )
        assert entity.get("state_class", "measurement") in NAMES["state_classes"]
        assert entity.get("entity_category", "diagnostic") in NAMES["entity_categories"]
        assert entity["qos"] in (0, 1, 2)
    assert classes == set(NAMES["units"])


def test_every_sensor_shows_its_value():
    values, shown = orjson.loads(state(ROW)), {}
    for key, entity in of(ROW)["components"].items():
        if entity["platform"] == "sensor":
            [name] = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", entity["value_template"]).groups()
            shown[key] = values[name]
    assert shown == {
        "temperature": 23.5, "humidity": 45.2, "pressure": 1013.25, "gas": 0.0, "battery": 71.5,
        "battery_voltage": 3900, "rssi": -67, "pending": 3, "last_seen": ROW["last_seen_at"], "next_wake": None,
        "picture_taken": "2025-10-04T12:34:56+00:00",
    }  # fmt: skip
    assert set(values) == set(shown)


def test_what_is_not_known_is_null_and_never_missing():
    bare = dict.fromkeys(ROW) | {"device_id": "A", "company_id": COMPANY, "former": []}
    assert set(orjson.loads(state(bare)).values()) == {None}
    device = of(bare)["device"]
    assert device["name"] == "A"
    assert not {"suggested_area", "sw_version"} & set(device)


@pytest.mark.parametrize("text", ["{{ 1 + 1 }}", "{% raw %}", "~/x", 'a"b', "\u202eevil", "a\nb", " "])
def test_what_people_write_stands_in_no_template_and_no_topic(text):
    plain, hostile = (
        of(ROW | dict.fromkeys(("name", "site", "firmware_version"), value)) for value in ("plain", text)
    )
    assert hostile["components"] == plain["components"]
    assert all(str(value).isprintable() for value in hostile["device"].values())


def test_the_topics_are_those_of_home_assistants_matcher_and_of_the_button():
    its = topics(PREFIX, COMPANY, "AABB_cc-01")
    # TOPIC_MATCHER of homeassistant/components/mqtt/discovery.py
    matcher = r"(?P<component>\w+)/(?:(?P<node_id>[a-zA-Z0-9_-]+)/)?(?P<object_id>[a-zA-Z0-9_-]+)/config"
    found = re.fullmatch(matcher, its.config.removeprefix(f"{PREFIX}/"))
    assert found.groups() == ("device", COMPANY, "AABB_cc-01")
    assert button_of(its.button) == Button(COMPANY, "AABB_cc-01")
    assert re.fullmatch(BUTTONS.replace("+", "[^/]+"), its.button)
    assert not any(re.fullmatch(BUTTONS.replace("+", "[^/]+"), topic) for topic in its[:3])


@pytest.mark.parametrize(
    "topic",
    [
        "fleet/x/A/capture", f"fleet/{COMPANY}/A/state", f"fleet/{COMPANY}/A/capture/more", f"fleet/{COMPANY}//capture",
        f"fleet/{COMPANY}/{'A' * 65}/capture", f"fleet/{COMPANY}/a b/capture", f"x/{COMPANY}/A/capture",
        f"fleet/{COMPANY.upper()}/A/capture", f"fleet/{COMPANY}/A\n/capture",
    ],
)  # fmt: skip
def test_no_other_topic_is_a_button(topic):
    assert button_of(topic) is None


def published(work):
    return [(topic.rpartition("/")[2], bool(payload)) for topic, payload in work.messages]


def test_nothing_is_planned_for_what_the_broker_keeps():
    first = plan(PREFIX, ROW, None)
    assert published(first) == [("config", True), ("state", True)]
    assert first.picture == ROW["picture"]
    assert plan(PREFIX, ROW, first.kept) is None
    again = plan(PREFIX, ROW | {"pending_count": 4}, first.kept)
    assert (published(again), again.picture) == ([("state", True)], None)


def test_what_is_not_known_is_emptied_for_former_companies_and_where_there_is_no_picture():
    work = plan(PREFIX, ROW | {"former": [OTHER], "picture": None}, None)
    assert published(work) == [
        ("config", False), ("state", False), ("picture", False), ("picture", False), ("config", True), ("state", True),
    ]  # fmt: skip
    assert [COMPANY in topic for topic, _ in work.messages] == [False] * 3 + [True] * 3


def test_a_released_device_is_emptied_once():
    released = {"device_id": ROW["device_id"], "company_id": None, "former": [COMPANY]}
    for kept in (None, plan(PREFIX, ROW, None).kept):
        work = plan(PREFIX, released, kept)
        assert published(work) == [("config", False), ("state", False), ("picture", False)]
        assert work.kept == {}
    assert plan(PREFIX, released, {}) is None


def test_a_picture_that_is_there_no_more_is_emptied():
    kept = plan(PREFIX, ROW, None).kept
    work = plan(PREFIX, ROW | {"picture": None}, kept)
    assert published(work) == [("picture", False), ("state", True)]

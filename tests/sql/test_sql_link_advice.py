"""What is advised about a device's link, and the figures that say so."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, Row
from test_sql_story import heard, record

# At noon, so that the hours of a day are those of one day.
NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
TIMED_OUT: Row = {
    "ingest_status": "failed", "storage_path": None, "image_sha256": None,
    "error": {"code": 2201, "message": "timed out: chunks are missing"},
}  # fmt: skip
SIZE: Row = {"metadata": {"max_chunks_size": 1024}}
# 50 chunks in 29.6 s: one each 604 ms. Below, one each 10 ms.
QUICK: Row = {"chunks": [0, 490]}


def asked(chunks: int, missing: int, ids: str, *, answered: bool = True) -> list[list[Any]]:
    return [[30_000, "asked", chunks, missing, ids], *([[30_200, "answered"]] if answered else [])]


def pictures(backend: Backend, device: str, number: int = 10, at: datetime = NOON, **told: Any) -> None:
    """Record some pictures, a minute apart, with this in their story or, by `row`, in what is recorded."""
    row = SIZE | told.pop("row", {})
    for minute in range(number):
        moment = at + timedelta(minutes=minute)
        record(backend, device, moment, story=heard(moment, **told), **row)


def hellos(backend: Backend, device: str, company: str, *rssi: int) -> None:
    times = {"received_at": NOON.isoformat(), "created_at": NOON.isoformat()}
    backend.service.insert("device_status", *(
        {"device_id": device, "company_id": company, "message_key": uuid.uuid4().hex, "wifi_rssi_dbm": level} | times
        for level in rssi
    ))  # fmt: skip


@pytest.fixture
def device(backend: Backend) -> tuple[str, str]:
    company, _, device = backend.company()
    return device, company


def advice(backend: Backend, device: str) -> Row:
    told: Row = backend.service.rpc("link_advice", p_device=device)
    for said in told["advice"]:
        assert "{" not in said["text"] and "?" not in said["text"].replace("? ", " ").removesuffix("?")
    return told


def codes(told: Row) -> list[str]:
    return [said["code"] for said in told["advice"]]


ONE_LOST: Row = {"events": asked(2, 2, "7+30")}
PAUSE: Row = {"gaps": [[5000, 3000, 9, 20]], "events": asked(10, 10, "10-19")}
AT_END: Row = {"events": asked(5, 5, "45-49")}


@pytest.mark.parametrize(
    ("story", "rssi", "expected", "figures"),
    [
        ({}, -60, ["good"], {"lost": 0, "loss_percent": 0, "chunks": 500, "asked": 0, "duplicates": 0}),
        ({}, -84, ["signal_at_limit"], {"rssi_dbm": -84, "rssi_readings": 3}),
        (ONE_LOST, -60, ["lost_singly"], {"lost": 20, "loss_percent": 4, "asked_per_picture": 1, "replies": 10}),
        (ONE_LOST, -82, ["weak_signal"], {"sent_again_percent": 4}),
        (ONE_LOST | QUICK, -60, ["lost_singly"], {"pause_ms": None}),
        (PAUSE, -60, ["lost_in_pauses"], {"lost": 100, "lost_in_pauses": 100}),
        (AT_END, -60, ["lost_at_end"], {"lost": 50, "lost_at_end": 50}),
        ({"events": asked(2, 2, "7+30", answered=False)}, -60, ["lost_singly", "deaf"], {"asked": 10, "replies": 0}),
        ({"duplicates": 5}, -60, ["duplicates"], {"duplicates": 50, "duplicate_percent": 10}),
        ({"chunks": [0, 90_000]}, -60, ["slow"], {"transfer_s": 90, "pause_ms": 1836.7, "chunk_bytes": 1024}),
    ],
)  # fmt: skip
def test_each_trouble_has_its_advice_and_its_figures(
    backend: Backend, device: tuple[str, str], story: Row, rssi: int, expected: list[str], figures: Row
) -> None:
    pictures(backend, device[0], **story)
    hellos(backend, *device, rssi - 5, rssi, rssi + 5)
    told = advice(backend, device[0])
    assert codes(told) == expected
    assert {name: told["figures"][name] for name in figures} == figures


def test_chunks_that_come_faster_than_they_are_taken_are_too_fast(
    backend: Backend, device: tuple[str, str]
) -> None:
    pictures(backend, device[0], 5, **QUICK)
    pictures(backend, device[0], 5, NOON + timedelta(hours=1), **ONE_LOST, **QUICK)
    told = advice(backend, device[0])
    assert codes(told) == ["too_fast"]
    assert (told["figures"]["pause_ms"], told["figures"]["rssi_dbm"]) == (10, None)


@pytest.mark.parametrize(
    ("size", "story", "expected"),
    [
        (256, {}, ["small_chunks"]),
        (16_384, ONE_LOST, ["lost_singly", "large_chunks"]),
        (16_384, {}, ["good"]),
    ],
)
def test_the_size_of_chunks_is_judged(
    backend: Backend, device: tuple[str, str], size: int, story: Row, expected: list[str]
) -> None:
    pictures(backend, device[0], row={"metadata": {"max_chunk_size": size}}, **story)
    assert codes(advice(backend, device[0])) == expected


def test_where_most_time_out_at_one_hour_that_hour_is_named(
    backend: Backend, device: tuple[str, str]
) -> None:
    backend.service.update("devices", {"timezone": "Asia/Kolkata"}, device_id=device[0])
    pictures(backend, device[0], 10)
    pictures(backend, device[0], 4, NOON + timedelta(hours=3), row=TIMED_OUT, held=50)
    told = advice(backend, device[0])
    [hour] = told["advice"]
    assert (hour["code"], hour["params"]["hour"], hour["params"]["timed_out"]) == ("hour", 20, 4)
    assert told["hours"] == [
        {"hour": 17, "pictures": 10, "timed_out": 0, "lost": 0},
        {"hour": 20, "pictures": 4, "timed_out": 4, "lost": 0},
    ]


def test_where_they_time_out_all_day_power_is_asked_for(backend: Backend, device: tuple[str, str]) -> None:
    for hour in range(4):
        pictures(backend, device[0], 2, NOON + timedelta(hours=hour))
        pictures(backend, device[0], 1, NOON + timedelta(hours=hour, minutes=10), row=TIMED_OUT, held=50)
    told = advice(backend, device[0])
    assert codes(told) == ["timed_out"]
    assert (told["figures"]["timed_out"], told["figures"]["pictures"]) == (4, 12)


def test_few_pictures_and_none_tell_nothing(backend: Backend, device: tuple[str, str]) -> None:
    assert codes(advice(backend, device[0])) == ["too_few"]
    pictures(backend, device[0], 4, **ONE_LOST)
    assert codes(advice(backend, device[0])) == ["too_few"]
    assert backend.service.rpc("link_advice", p_device="NOBODY") is None


def test_pictures_of_before_and_those_without_a_story_do_not_count_as_lost(
    backend: Backend, device: tuple[str, str]
) -> None:
    pictures(backend, device[0], 10, NOON - timedelta(days=40), **ONE_LOST)
    for minute in range(5):
        record(backend, device[0], NOON + timedelta(minutes=minute), story=None)
    figures = advice(backend, device[0])["figures"]
    assert (figures["pictures"], figures["chunks"], figures["lost"]) == (5, None, None)


def test_what_stories_hold_is_not_trusted(backend: Backend, device: tuple[str, str]) -> None:
    story = {
        "events": [["x", "asked", "many"], 7, [1, "asked", {}, -5, "9-1"]],
        "chunks": ["a", None],
        "duplicates": -1,
    }
    pictures(backend, device[0], 6, **story)
    assert advice(backend, device[0])["figures"]["pictures"] == 6

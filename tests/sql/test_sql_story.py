"""The story of a capture: what its row keeps, and what people are told."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, Row

NOON = datetime(2026, 11, 3, 11, 30, tzinfo=UTC)
ZONE = "Europe/Berlin"  # an hour ahead of UTC then


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def heard(at: datetime, **more: Any) -> Row:
    """What Redis notes of a clean capture."""
    return {
        "at": ms(at),
        "metadata": 0,
        "chunks": [200, 29_800],
        "stations": [29_810, 29_830, 30_200],
        **more,
    }


def record(backend: Backend, device: str, at: datetime = NOON, **changes: Any) -> str:
    """Record a picture whose first message came at a moment; return its id."""
    name = f"{uuid.uuid4().hex}.jpg"
    answer = backend.service.rpc(
        "record_capture",
        p_capture={
            "device_id": device,
            "image_name": name,
            "captured_at": (at - timedelta(seconds=1)).isoformat(),
            "arrived_at": at.isoformat(),
            "ingest_status": "stored",
            "storage_path": f"captures/{device}/{name}",
            "image_sha256": uuid.uuid4().hex * 2,
            "total_chunks": 50,
            "story": heard(at),
        }
        | changes,
    )
    return str(answer["capture_id"])


def story(backend: Backend, capture: str) -> Row:
    told: Row = backend.service.rpc("capture_story", p_capture=capture)
    return told


def sentence(told: Row, code: str) -> Row:
    """The one sentence of a code."""
    (found,) = [said for said in told["sentences"] if said["code"] == code]
    assert "{" not in found["text"] and "?" not in found["text"]
    return found


def codes(told: Row) -> list[str]:
    return [said["code"] for said in told["sentences"]]


def kinds(told: Row) -> list[str]:
    return [entry["kind"] for entry in told["timeline"]]


LOST: Row = {
    "gaps": [[4_000, 3_000, 13, 26], [20_000, 1_100, 40, 41]],
    "events": [[34_000, "asked", 12, 12, "14-25"], [34_700, "answered"]],
}


def on_a_site(backend: Backend, *devices: str) -> None:
    """Put devices on one site."""
    backend.service.insert("companies", {"name": (name := uuid.uuid4().hex)})
    company = backend.service.row("companies", name=name)["company_id"]
    backend.service.insert("sites", {"company_id": company, "name": name})
    site = backend.service.row("sites", name=name)["site_id"]
    for device in devices:
        backend.service.insert(
            "devices", {"device_id": device, "company_id": company, "site_id": site, "timezone": ZONE}
        )


def test_a_clean_capture(backend: Backend, device: str) -> None:
    said = {
        "device_id": device,
        "received_at": (NOON - timedelta(seconds=5)).isoformat(),
        "message_key": device,
    }
    backend.service.rpc("record_hello", p_hello=said)
    told = story(backend, record(backend, device))
    assert kinds(told)[:7] == [
        "hello", "metadata", "first_chunk", "last_chunk", "assembled", "decoded", "uploaded"
    ]  # fmt: skip
    assert [told["timeline"][0]["at"], told["timeline"][2]["at"]] == [
        "2026-11-03T11:29:55+00:00",
        "2026-11-03T11:30:00.2+00:00",
    ]
    came = sentence(told, "came")
    assert came["text"] == "Its 50 chunks came from 11:30:00 to 11:30:29, in 30 s."
    assert came["params"] == {
        "chunks": 50,
        "began_at": "2026-11-03T11:30:00.2+00:00",
        "ended_at": "2026-11-03T11:30:29.8+00:00",
        "seconds": 29.6,
    }
    assert codes(told) == ["came", "stored", "not_acknowledged"]


def test_a_hello_of_another_time_is_not_of_this_picture(backend: Backend, device: str) -> None:
    for at in (NOON - timedelta(hours=2), NOON + timedelta(seconds=1)):
        said = {"device_id": device, "received_at": at.isoformat(), "message_key": str(at)}
        backend.service.rpc("record_hello", p_hello=said)
        assert "hello" not in kinds(story(backend, record(backend, device)))


def test_one_gap_that_a_device_had_for_itself(backend: Backend, device: str) -> None:
    other = f"{device}b"
    on_a_site(backend, device, other)
    record(backend, other)
    told = story(backend, record(backend, device, story=heard(NOON, **LOST)))
    assert sentence(told, "lost_alone")["text"] == (
        "12 of 50 chunks were lost in one gap of 3 s at 12:30:04, probably the device's own link: "
        "others of this site lost nothing then (1 were sending)."
    )
    assert sentence(told, "asked")["text"] == (
        "The service asked for what was missing once; the device answered once, after 0.7 s."
    )
    gap, asked = (next(e for e in told["timeline"] if e["kind"] == kind) for kind in ("gap", "asked"))
    assert gap == {"at": "2026-11-03T11:30:04+00:00", "kind": "gap", "seconds": 3, "before": 13, "after": 26}
    assert asked == {
        "at": "2026-11-03T11:30:34+00:00",
        "kind": "asked",
        "chunks": 12,
        "missing": 12,
        "ids": "14-25",
    }


def test_one_gap_of_all_devices_of_the_site(backend: Backend, device: str) -> None:
    others = [f"{device}{letter}" for letter in "bcd"]
    on_a_site(backend, device, *others)
    for other in others[:2]:
        record(backend, other, NOON + timedelta(seconds=1), story=heard(NOON + timedelta(seconds=1), **LOST))
    record(backend, others[2])
    # Another site's devices, and what a device of this one lost later, say nothing about this gap.
    on_a_site(backend, away := f"{device}e")
    record(backend, away, story=heard(NOON, **LOST))
    record(
        backend, others[2], NOON + timedelta(seconds=40), story=heard(NOON + timedelta(seconds=40), **LOST)
    )
    told = story(backend, record(backend, device, story=heard(NOON, **LOST)))
    assert sentence(told, "lost_with_others")["text"] == (
        "12 of 50 chunks were lost in one gap of 3 s at 12:30:04, probably the access point: "
        "3 devices of this site lost chunks then."
    )


@pytest.mark.parametrize(
    ("noted", "code", "text"),
    [
        (
            {"gaps": [[4_000, 2_500, 9, 14], [9_000, 6_000, 20, 31]], "events": [[34_000, "asked", 14, 14, "10-13+21-30"]]},
            "lost_in_gaps",
            "14 of 50 chunks were lost in 2 gaps, the longest of 6 s at 11:30:09: probably a radio link that comes and goes.",
        ),
        (
            {"events": [[34_000, "asked", 5, 5, "3+11+20+31+48"]]},
            "lost_here_and_there",
            "5 of 50 chunks were lost here and there, without a gap: a weak radio link, or a broker that drops what is too much.",
        ),
        (
            {"events": [[34_000, "asked", 21, 21, "3+30-49"]]},
            "lost_at_end",
            "21 of 50 chunks were missing, most of them the last ones: the device stopped, or its link was gone from then on.",
        ),
        (
            {"gaps": [[4_000, 2_500, 9, 10]]},
            "paused",
            "No chunk came for a while once, for 2.5 s at most; nothing was lost then.",
        ),
        ({"duplicates": 7}, "duplicates", "7 chunks came more than once."),
        ({"duplicates": 1}, "duplicates", "One chunk came more than once."),
        (
            {"events": [[34_000, "asked", 2, 2, "3-4"], [64_000, "asked", 2, 2, "3-4"]]},
            "asked_in_vain",
            "The service asked for what was missing twice; the device did not answer.",
        ),
        (
            {"tries": 2, "events": [[30_000, "failed", "upload"], [36_000, "failed", "upload"]]},
            "tried_again",
            "The service failed twice at the station upload, and tried again.",
        ),
        (
            {"events": [[40_000, "sent_again"]]},
            "sent_again",
            "At 11:30:40 it was asked for anew as a whole, since its stream was broken.",
        ),
    ],
)  # fmt: skip
def test_what_went_wrong_is_told(backend: Backend, device: str, noted: Row, code: str, text: str) -> None:
    told = story(backend, record(backend, device, story=heard(NOON, **noted)))
    assert sentence(told, code)["text"] == text


def test_a_capture_that_timed_out(backend: Backend, device: str) -> None:
    noted = {"held": 38, "events": [[34_000, "asked", 12, 12, "38-49"], [94_000, "timed_out"]]}
    told = story(
        backend,
        record(
            backend,
            device,
            ingest_status="failed",
            storage_path=None,
            image_sha256=None,
            error={"code": 2201, "message": "timed out: chunks are missing"},
            story={name: value for name, value in heard(NOON, **noted).items() if name != "stations"},
        ),
    )
    assert codes(told) == ["came_in_part", "lost_at_end", "asked_in_vain", "failed"]
    assert sentence(told, "came_in_part")["text"] == "38 of 50 chunks came from 11:30:00 to 11:30:29."
    assert sentence(told, "failed")["text"] == "It failed: timed out: chunks are missing (2201)."
    assert {"timed_out", "given_up"} <= set(kinds(told))


def test_a_failure_whose_error_is_not_kept_any_more_has_a_story(backend: Backend, device: str) -> None:
    record(backend, device)
    capture = str(uuid.uuid4())
    backend.service.insert(
        "captures",
        {
            "capture_id": capture,
            "device_id": device,
            "device_capture_id": f"{capture}.jpg",
            "captured_at": NOON.isoformat(),
            "ingest_status": "failed",
            "error_code": 2201,
        },
    )
    told = story(backend, capture)
    assert kinds(told) == ["given_up"]


def test_a_capture_that_times_out_once_more_tells_all_of_it(backend: Backend, device: str) -> None:
    said: Row = {"image_name": "a.jpg", "captured_at": NOON.isoformat(), "ingest_status": "failed"}
    said |= {"storage_path": None, "image_sha256": None, "error": {"code": 2201, "message": "timed out"}}
    once: Row = {"held": 20, "events": [[90_000, "timed_out"]]}
    again: Row = {"held": 30, "events": [[90_000, "timed_out"], [95_000, "resumed"], [190_000, "timed_out"]]}
    for noted in (once, again, again):
        capture = record(backend, device, **said, story=heard(NOON, **noted))
    told = story(backend, capture)
    assert kinds(told).count("timed_out") == 2
    assert sentence(told, "came_in_part")["params"]["held"] == 30
    assert "offered_again" not in codes(told)


def test_a_picture_that_is_offered_again_after_its_end(backend: Backend, device: str) -> None:
    first: Row = {"image_name": "a.jpg", "captured_at": NOON.isoformat(), "image_sha256": "a" * 64}
    capture = record(backend, device, **first)
    later = NOON + timedelta(hours=1)
    for _ in range(2):  # a call that is repeated is one offer
        assert record(backend, device, later, **first) == capture
    assert record(backend, device, **first) == capture
    told = story(backend, capture)
    assert (
        sentence(told, "offered_again")["text"]
        == "The device sent it again once after its end, last at 12:30:00."
    )
    assert sentence(told, "came")["params"]["began_at"] == "2026-11-03T11:30:00.2+00:00"


def test_what_is_no_story_is_left_out(backend: Backend, device: str) -> None:
    for wrong in ("x", [1], {"at": "x" * 2_000}, None):
        capture = record(backend, device, story=wrong)
        assert backend.service.row("captures", capture_id=capture)["story"] is None
        assert codes(story(backend, capture)) == ["untold"]


@pytest.mark.parametrize(
    "noted",
    [
        {"chunks": "x", "gaps": {"a": 1}, "events": 7, "stations": [None, {}, "z"]},
        {
            "chunks": [[], {}],
            "gaps": [1, [2], ["a", "b", "c", "d"], [1, 2, 3, 1e300]],
            "events": [[], "x", [1], ["a"]],
        },
        {"events": [[1, "asked"], [2, "asked", "x", [], {}], [3, "failed"], [4, "nonsense"]], "held": -5},
        {"ack": "x", "gone": [], "again": {"a": 1}, "duplicates": -1, "hello": "1e9"},
    ],
)
def test_a_story_of_a_strange_shape_is_told_as_far_as_it_goes(
    backend: Backend, device: str, noted: Row
) -> None:
    told = story(backend, record(backend, device, story={"at": ms(NOON), **noted}))
    assert "stored" in codes(told)


def test_there_is_no_story_of_nothing(backend: Backend) -> None:
    assert story(backend, str(uuid.uuid4())) is None


def hello(backend: Backend, device: str, at: datetime, **said: Any) -> None:
    message: Row = {"device_id": device, "received_at": at.isoformat(), "message_key": uuid.uuid4().hex}
    backend.service.rpc("record_hello", p_hello=message | said)


def sent(capture: str, at: datetime, times: int = 1) -> list[Row]:
    """An ACK as the worker tells it with the next hello."""
    return [{"capture_id": capture, "at_ms": ms(at), "times": times}]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"pending_count": 0, "pending_list": []}, "ack_worked"),
        ({"pending_count": 1, "pending_list": ["b.jpg"]}, "ack_worked"),
        ({"pending_count": 1, "pending_list": ["a.jpg"]}, "ack_missed"),
        ({"pending_count": 3, "pending_list": []}, "ack_unknown"),
        ({"pending_count": 11, "pending_list": [f"{n}.jpg" for n in range(10)]}, "ack_unknown"),
        ({"pending_list": []}, "ack_unknown"),
        ({"pending_count": 0, "pending_list": [], "record_only": True}, "ack_worked"),
    ],
)
def test_the_next_hello_tells_whether_the_ack_worked(
    backend: Backend, device: str, said: Row, code: str
) -> None:
    capture = record(backend, device, image_name="a.jpg")
    acks = sent(capture, NOON + timedelta(seconds=31), 2)
    hello(backend, device, NOON + timedelta(hours=1), acks=acks, **said)
    told = story(backend, capture)
    assert sentence(told, "acknowledged_again")["text"] == "Its ACK was sent twice, last at 11:30:31."
    assert sentence(told, code)["params"] == {"at": "2026-11-03T12:30:00+00:00"}
    assert [entry["at"] for entry in told["timeline"] if entry["kind"] == "acknowledged"] == [
        "2026-11-03T11:30:31+00:00"
    ]


def test_a_later_hello_corrects_an_earlier_one(backend: Backend, device: str) -> None:
    capture = record(backend, device, image_name="a.jpg")
    for hours, pending in ((1, ["a.jpg"]), (2, [])):
        hello(backend, device, NOON + timedelta(hours=hours), pending_count=len(pending), pending_list=pending,
              acks=sent(capture, NOON + timedelta(hours=hours - 0.9), hours))  # fmt: skip
    told = story(backend, capture)
    assert codes(told)[-2:] == ["acknowledged_again", "ack_worked"]


def test_a_hello_tells_nothing_of_pictures_of_others(backend: Backend, device: str) -> None:
    capture, old = record(backend, device), record(backend, device, story=None)
    for wrong in (
        sent(capture, NOON),
        "x",
        [{"capture_id": "x"}, {"capture_id": str(uuid.uuid4()), "at_ms": 5}],
    ):
        hello(backend, f"{device}b", NOON + timedelta(hours=1), acks=wrong, pending_count=0)
    for wrong in ([{"capture_id": capture}], sent(old, NOON)):
        hello(backend, device, NOON + timedelta(hours=1), acks=wrong, pending_count=0)
    assert "not_acknowledged" in codes(story(backend, capture))
    assert backend.service.row("captures", capture_id=old)["story"] is None


def test_until_the_next_hello_the_log_tells_of_the_ack(backend: Backend, device: str) -> None:
    capture = record(backend, device, image_name="a.jpg")
    stored_at = datetime.fromisoformat(backend.service.row("captures", capture_id=capture)["stored_at"])
    message = {"device_id": device, "topic": f"ESP32CAM/{device}/ack", "direction": "out"}
    for number, payload in enumerate(
        (
            {"image_name": "a.jpg", "ACK_OK": {}},
            {"image_name": "b.jpg", "ACK_OK": {}},
            {"image_name": "a.jpg", "missing_chunks": [1]},
        )
    ):
        row = {"key": f"{device}{number}", "payload": payload, "received_at": stored_at.isoformat()}
        backend.service.rpc("record_log", p_messages=[message | row], p_errors=[])
    assert sentence(story(backend, capture), "acknowledged")["params"]["times"] == 1

"""What is written about a capture, how often, and what it may never become."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, RefusedError, Row, new_device

SHA_A = "a" * 64
SHA_B = "b" * 64
NAME = "image_1.jpg"
CAPTURED = "2025-10-04T12:34:56+00:00"
ARRIVED = "2025-10-04T12:35:30+00:00"


def stored(device: str, **changes: Any) -> Row:
    capture: Row = {
        "device_id": device,
        "image_name": NAME,
        "captured_at": CAPTURED,
        "captured_at_source": "device",
        "arrived_at": ARRIVED,
        "ingest_status": "stored",
        "image_bytes": 45678,
        "total_chunks": 45,
        "width": 800,
        "height": 600,
        "image_sha256": SHA_A,
        "location": "office_404",
        "firmware_version": "1.2.3",
        "device_image_id": "17",
        "nacks_sent": 2,
        "metadata": {"max_chunks_size": 1024},
        "sensors": {
            "temperature_c": 23.5,
            "humidity_pct": 45.2,
            "pressure_hpa": 1013.25,
            "gas_kohm": 12.34567,
        },
        "error": None,
    }
    capture |= changes
    # Each picture has its own object, whose name in truth says no more than that.
    place = f"{device}/2025/10/04/{capture['image_name']} {capture['captured_at']} {capture['image_sha256']}"
    return {"storage_path": f"captures/{place}", "thumbnail_path": f"thumbnails/{place}"} | capture


def failed(device: str, **changes: Any) -> Row:
    return (
        stored(
            device,
            ingest_status="failed",
            storage_path=None,
            thumbnail_path=None,
            width=None,
            height=None,
            image_sha256=None,
            error={"code": 2201, "message": "assembly timeout", "details": {"missing": 3}},
        )
        | changes
    )


def assembling(device: str, **changes: Any) -> Row:
    return {
        "device_id": device,
        "image_name": NAME,
        "captured_at": CAPTURED,
        "captured_at_source": "device",
        "image_bytes": 45678,
        "total_chunks": 45,
        "location": "office_404",
    } | changes


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def everything(backend: Backend, device: str) -> dict[str, list[Row]]:
    tables = ("devices", "captures", "sensor_readings", "device_errors")
    return {table: backend.service.rows(table, device_id=device) for table in tables}


def record(backend: Backend, capture: Row) -> Row:
    answer: Row = backend.service.rpc("record_capture", p_capture=capture)
    return answer


def test_a_stored_capture_has_its_device_its_reading_and_every_column(backend: Backend, device: str) -> None:
    answer = record(backend, stored(device))

    row = backend.service.row("captures", device_id=device)
    assert answer == {
        "capture_id": row["capture_id"],
        "ingest_status": "stored",
        "captured_at": answer["captured_at"],
        "storage_path": stored(device)["storage_path"],
        "next_wake_at": None,
        "timezone": "UTC",
    }
    assert when(answer["captured_at"]) == when(row["captured_at"]) == when(CAPTURED)
    given = stored(device)
    same = (
        "captured_at_source ingest_status image_bytes total_chunks storage_path thumbnail_path width height"
        " image_sha256 location firmware_version device_image_id nacks_sent metadata"
    )
    assert {name: row[name] for name in same.split()} == {name: given[name] for name in same.split()}
    assert row["device_capture_id"] == NAME
    assert row["error_code"] is None
    assert row["stored_at"] is not None

    found = backend.service.row("devices", device_id=device)
    assert (found["device_hw_id"], found["firmware_version"], found["reported_location"]) == (
        device,
        "1.2.3",
        "office_404",
    )
    assert found["company_id"] is None
    assert when(found["last_seen_at"]) == when(ARRIVED)

    reading = backend.service.row("sensor_readings", capture_id=row["capture_id"])
    assert {name: reading[name] for name in given["sensors"]} == given["sensors"]
    assert when(reading["measured_at"]) == when(CAPTURED)
    assert backend.service.rows("device_errors", device_id=device) == []


@pytest.mark.parametrize("make", [stored, failed])
def test_recording_twice_is_recording_once(backend: Backend, device: str, make: Any) -> None:
    first = record(backend, make(device))
    before = everything(backend, device)

    assert record(backend, make(device)) == first
    assert everything(backend, device) == before


def test_a_device_seen_later_is_not_set_back(backend: Backend, device: str) -> None:
    record(backend, stored(device, arrived_at="2025-10-05T00:00:00Z"))
    record(
        backend, stored(device, image_name="image_0.jpg", arrived_at="2025-10-04T00:00:00Z", location=None)
    )

    found = backend.service.row("devices", device_id=device)
    assert when(found["last_seen_at"]) == when("2025-10-05T00:00:00+00:00")
    assert found["reported_location"] == "office_404"


def test_a_device_overwrites_no_location_that_a_person_has_written(backend: Backend, device: str) -> None:
    backend.service.insert("devices", {"device_id": device, "location": "greenhouse 3"})
    record(backend, stored(device))
    found = backend.service.row("devices", device_id=device)
    assert (found["location"], found["reported_location"]) == ("greenhouse 3", "office_404")


def test_the_same_name_at_another_time_is_another_capture(backend: Backend, device: str) -> None:
    first = record(backend, stored(device))
    second = record(backend, stored(device, captured_at="2025-10-04T18:00:00Z", image_sha256=SHA_B))

    assert first["capture_id"] != second["capture_id"]
    assert len(backend.service.rows("captures", device_id=device)) == 2


@pytest.mark.parametrize("later", ["failed", "assembling", "with no hash"])
def test_what_is_stored_stays_stored(backend: Backend, device: str, later: str) -> None:
    first = record(backend, stored(device))
    before = backend.service.row("captures", device_id=device)

    if later == "assembling":
        assert backend.service.rpc("record_assembling", p_captures=[assembling(device)]) == 0
    elif later == "failed":
        assert record(backend, failed(device)) == first
    else:
        assert record(backend, stored(device, image_sha256=None, storage_path="elsewhere")) == first

    assert backend.service.row("captures", device_id=device) == before


def test_a_failed_capture_that_comes_again_is_stored(backend: Backend, device: str) -> None:
    first = record(backend, failed(device))
    assert first["ingest_status"] == "failed"
    row = backend.service.row("captures", device_id=device)
    assert (row["error_code"], row["stored_at"]) == (2201, None)

    assert backend.service.rpc("record_assembling", p_captures=[assembling(device)]) == 0
    assert backend.service.row("captures", device_id=device) == row

    second = record(backend, stored(device))
    assert (second["capture_id"], second["ingest_status"]) == (first["capture_id"], "stored")
    row = backend.service.row("captures", device_id=device)
    assert (row["error_code"], row["image_sha256"]) == (None, SHA_A)
    # What went wrong the first time stays on record.
    error = backend.service.row("device_errors", device_id=device)
    assert error["error_code"] == 2201
    assert error["details"] == {"missing": 3, "image_name": NAME, "capture_id": first["capture_id"]}
    assert len(backend.service.rows("sensor_readings", device_id=device)) == 1


def test_a_capture_that_fails_again_keeps_the_latest_reason(backend: Backend, device: str) -> None:
    record(backend, failed(device))
    record(backend, failed(device, error={"code": 2203, "message": "not a JPEG"}))

    assert backend.service.row("captures", device_id=device)["error_code"] == 2203
    assert {row["error_code"] for row in backend.service.rows("device_errors", device_id=device)} == {
        2201,
        2203,
    }


def test_a_device_error_is_a_failed_capture_with_its_reading(backend: Backend, device: str) -> None:
    record(
        backend, failed(device, total_chunks=None, error={"code": 1002, "message": "image capture failed"})
    )

    row = backend.service.row("captures", device_id=device)
    assert (row["ingest_status"], row["error_code"]) == ("failed", 1002)
    assert backend.service.row("sensor_readings", device_id=device)["temperature_c"] == 23.5
    assert backend.service.row("device_errors", device_id=device)["error_code"] == 1002


def test_a_missing_thumbnail_is_an_error_of_a_stored_capture(backend: Backend, device: str) -> None:
    record(backend, stored(device, thumbnail_path=None, error={"code": 2206, "message": "thumbnail failed"}))

    row = backend.service.row("captures", device_id=device)
    assert (row["ingest_status"], row["error_code"]) == ("stored", None)
    assert backend.service.row("device_errors", device_id=device)["error_code"] == 2206


@pytest.mark.parametrize("source", ["device", "arrival"])
def test_what_comes_after_a_broken_stream_takes_its_row(backend: Backend, device: str, source: str) -> None:
    if source == "arrival":  # another picture has the claimed time
        record(
            backend,
            stored(
                device,
                image_sha256="c" * 64,
                storage_path=f"captures/{device}/other.jpg",
                thumbnail_path=None,
            ),
        )
    warning = {"code": 2208, "message": "the JPEG stream is broken"}
    first = record(backend, stored(device, damaged=True, error=warning))
    assert backend.service.row("captures", capture_id=first["capture_id"])["damaged"]

    whole = stored(
        device, image_sha256=SHA_B, storage_path=f"captures/{device}/second.jpg", replaces_sha256=SHA_A
    )
    for _ in range(2):
        second = record(backend, whole | {"width": 800, "height": 600})
        assert (second["capture_id"], second["storage_path"]) == (
            first["capture_id"],
            f"captures/{device}/second.jpg",
        )
    row = backend.service.row("captures", capture_id=first["capture_id"])
    assert (row["image_sha256"], row["damaged"], row["captured_at_source"]) == (SHA_B, False, source)
    assert (row["width"], row["height"], row["error_code"]) == (800, 600, None)
    assert len(backend.service.rows("captures", device_id=device)) == (1 if source == "device" else 2)
    assert backend.service.row("device_errors", device_id=device)["error_code"] == 2208


def test_the_same_broken_stream_again_changes_nothing(backend: Backend, device: str) -> None:
    first = record(backend, stored(device, damaged=True))
    before = everything(backend, device)
    assert record(backend, stored(device, damaged=True, replaces_sha256=SHA_A)) == first
    assert everything(backend, device) == before


def test_only_the_broken_stream_that_was_asked_for_again_is_replaced(backend: Backend, device: str) -> None:
    record(backend, stored(device))
    record(
        backend,
        stored(device, image_sha256=SHA_B, replaces_sha256="c" * 64, arrived_at="2025-10-05T06:00:00Z"),
    )
    rows = backend.service.rows("captures", device_id=device)
    assert {row["image_sha256"] for row in rows} == {SHA_A, SHA_B}
    record(backend, failed(device, replaces_sha256=SHA_A))
    assert backend.service.row("captures", image_sha256=SHA_A, device_id=device)["ingest_status"] == "stored"


@pytest.mark.parametrize("damaged", [None, "yes", 1, [], {}])
def test_damaged_is_true_or_false(backend: Backend, device: str, damaged: object) -> None:
    record(backend, stored(device, damaged=damaged))
    assert backend.service.row("captures", device_id=device)["damaged"] is False


def test_a_clock_that_repeats_itself_overwrites_nothing(backend: Backend, device: str) -> None:
    epoch = "1970-01-01T00:00:10Z"
    first = record(backend, stored(device, captured_at=epoch))
    other = stored(device, captured_at=epoch, image_sha256=SHA_B, arrived_at="2025-10-05T06:00:00Z")
    second = record(backend, other)

    assert first["capture_id"] != second["capture_id"]
    assert when(second["captured_at"]) == when("2025-10-05T06:00:00+00:00")
    rows = backend.service.rows("captures", device_id=device)
    assert {(row["image_sha256"], row["captured_at_source"]) for row in rows} == {
        (SHA_A, "device"),
        (SHA_B, "arrival"),
    }

    # Recorded again, and offered again by the device because its ACK was lost.
    assert record(backend, other) == second
    assert record(backend, other | {"arrived_at": "2025-10-05T12:00:00Z"}) == second
    assert len(backend.service.rows("captures", device_id=device)) == 2


def test_without_a_time_of_its_own_a_capture_stands_under_its_arrival(backend: Backend, device: str) -> None:
    for nonsense in (None, "", "yesterday", "infinity", "2025-13-45T00:00:00Z", 17, "2025-10-04"):
        name = f"{nonsense}.jpg"
        answer = record(backend, stored(device, image_name=name, captured_at=nonsense))
        assert when(answer["captured_at"]) == when(ARRIVED)
        assert (
            backend.service.row("captures", device_capture_id=name, device_id=device)["captured_at_source"]
            == "arrival"
        )


def test_times_of_every_dialect_are_read(backend: Backend, device: str) -> None:
    for text, expected in {
        "2025-10-6T1:04:27Z": "2025-10-06T01:04:27+00:00",
        "2025-10-06T01:04:27": "2025-10-06T01:04:27+00:00",
        "2025-10-06T03:04:27.5+02:00": "2025-10-06T01:04:27.5+00:00",
        "1970-01-01T00:00:05Z": "1970-01-01T00:00:05+00:00",
    }.items():
        answer = record(backend, stored(device, image_name=f"{text}.jpg", captured_at=text))
        assert when(answer["captured_at"]) == when(expected)


def test_captures_on_their_way_are_written_in_bulk(backend: Backend) -> None:
    one, two = new_device(), new_device()
    captures = [assembling(one), assembling(two), assembling(one, image_name="image_2.jpg"), assembling(one)]

    assert backend.service.rpc("record_assembling", p_captures=captures) == 3
    before = everything(backend, one)
    assert {row["ingest_status"] for row in before["captures"]} == {"assembling"}
    assert [row["total_chunks"] for row in backend.service.rows("captures", device_id=two)] == [45]

    assert backend.service.rpc("record_assembling", p_captures=captures) == 0
    assert everything(backend, one) == before


def test_one_bad_row_does_not_lose_the_others(backend: Backend, device: str) -> None:
    bad: list[Any] = [
        None,
        5,
        "text",
        [],
        {},
        assembling("no/device"),
        assembling("X" * 65),
        assembling(device, image_name=""),
        assembling(device, image_name="x" * 256),
        assembling(device, captured_at="never"),
        assembling(
            device, image_name="sizes.jpg", image_bytes="many", total_chunks=10**30, location="x" * 5000
        ),
    ]
    assert backend.service.rpc("record_assembling", p_captures=[*bad, assembling(device)]) == 2

    rows = {row["device_capture_id"]: row for row in backend.service.rows("captures", device_id=device)}
    assert set(rows) == {"sizes.jpg", NAME}
    assert (rows["sizes.jpg"]["image_bytes"], rows["sizes.jpg"]["total_chunks"]) == (None, None)
    assert backend.service.rpc("record_assembling", p_captures={"not": "an array"}) == 0


@pytest.mark.parametrize("make", [stored, failed])
def test_the_row_on_its_way_becomes_the_final_one(backend: Backend, device: str, make: Any) -> None:
    backend.service.rpc("record_assembling", p_captures=[assembling(device)])
    before = backend.service.row("captures", device_id=device)

    answer = record(backend, make(device))
    row = backend.service.row("captures", device_id=device)
    assert row["capture_id"] == before["capture_id"] == answer["capture_id"]
    assert row["created_at"] == before["created_at"]
    assert row["ingest_status"] == make(device)["ingest_status"]


def test_metadata_that_came_late_moves_the_row_to_its_own_time(backend: Backend, device: str) -> None:
    early = assembling(device, captured_at=ARRIVED, captured_at_source="arrival", total_chunks=None)
    backend.service.rpc("record_assembling", p_captures=[early])
    before = backend.service.row("captures", device_id=device)

    record(backend, stored(device))
    row = backend.service.row("captures", device_id=device)
    assert row["capture_id"] == before["capture_id"]
    assert (when(row["captured_at"]), row["captured_at_source"]) == (when(CAPTURED), "device")

    # And where the sweep had written it under both times, one row is left.
    other = new_device()
    backend.service.rpc("record_assembling", p_captures=[early | {"device_id": other}, assembling(other)])
    record(backend, stored(other))
    assert [row["ingest_status"] for row in backend.service.rows("captures", device_id=other)] == ["stored"]


def test_another_picture_on_its_way_is_left_alone(backend: Backend, device: str) -> None:
    backend.service.rpc(
        "record_assembling", p_captures=[assembling(device, captured_at="2025-10-04T11:00:00Z")]
    )
    record(backend, stored(device))

    states = sorted(row["ingest_status"] for row in backend.service.rows("captures", device_id=device))
    assert states == ["assembling", "stored"]


def test_a_report_beside_a_picture_leaves_the_pictures_row_alone(backend: Backend, device: str) -> None:
    early = assembling(device, captured_at=ARRIVED, captured_at_source="arrival", total_chunks=None)
    backend.service.rpc("record_assembling", p_captures=[early])
    reported = failed(
        device,
        beside=True,
        captured_at="2025-10-04T12:35:31+00:00",
        captured_at_source="arrival",
        arrived_at="2025-10-04T12:35:31+00:00",
        error={"code": 1003, "message": "sensor read failed", "details": {"reported": 3}},
    )
    for _ in range(2):
        record(backend, reported)
    record(backend, stored(device))

    rows = {row["ingest_status"]: row for row in backend.service.rows("captures", device_id=device)}
    assert rows.keys() == {"stored", "failed"}
    assert rows["failed"]["error_code"] == 1003
    assert len(backend.service.rows("sensor_readings", device_id=device)) == 2


def test_a_row_that_nobody_finishes_is_failed_by_the_sweep(backend: Backend, device: str) -> None:
    backend.service.rpc(
        "record_assembling", p_captures=[assembling(device), assembling(device, image_name="new.jpg")]
    )
    long_ago = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    backend.service.update("captures", {"updated_at": long_ago}, device_id=device, device_capture_id=NAME)

    assert backend.service.rpc("fail_stale_captures", p_older_than="2 hours") >= 1
    rows = {row["device_capture_id"]: row for row in backend.service.rows("captures", device_id=device)}
    assert (rows[NAME]["ingest_status"], rows[NAME]["error_code"]) == ("failed", 2201)
    assert rows["new.jpg"]["ingest_status"] == "assembling"
    assert backend.service.row("device_errors", device_id=device)["error_code"] == 2201

    after = everything(backend, device)
    assert backend.service.rpc("fail_stale_captures", p_older_than="2 hours") == 0
    assert everything(backend, device) == after

    record(backend, stored(device))
    assert (
        backend.service.row("captures", device_id=device, device_capture_id=NAME)["ingest_status"] == "stored"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"device_id": "a/b"},
        {"device_id": None},
        {"image_name": None},
        {"image_name": "x" * 256},
        {"ingest_status": "assembling"},
        {"ingest_status": None},
        {"storage_path": None},
    ],
)
def test_a_capture_that_cannot_be_recorded_is_refused(backend: Backend, device: str, changes: Row) -> None:
    with pytest.raises(RefusedError) as refused:
        record(backend, stored(device, **changes))
    assert refused.value.sqlstate == "22023"
    assert everything(backend, device)["captures"] == []


def test_what_does_not_fit_is_left_out(backend: Backend, device: str) -> None:
    record(
        backend,
        stored(
            device,
            image_bytes=-1,
            width="wide",
            height=2**40,
            nacks_sent=2.0,
            image_sha256="not a hash",
            metadata=["a", "list"],
            firmware_version="x" * 500,
            sensors={
                "temperature_c": 1e9,
                "humidity_pct": "NaN",
                "pressure_hpa": "1013.25",
                "gas_kohm": 1e-7,
            },
        ),
    )
    row = backend.service.row("captures", device_id=device)
    wanted = {"image_bytes": None, "width": None, "height": None, "nacks_sent": 2, "image_sha256": None}
    assert {name: row[name] for name in wanted} == wanted
    assert row["metadata"] == {"metadata": ["a", "list"]}
    assert len(row["firmware_version"]) == 64
    reading = backend.service.row("sensor_readings", device_id=device)
    values = [reading[name] for name in ("temperature_c", "humidity_pct", "pressure_hpa", "gas_kohm")]
    assert values == [None, None, 1013.25, 1e-7]


@pytest.mark.parametrize("sensors", [None, {}, {"temperature_c": None}, "hot", {"temperature_c": -300}])
def test_no_reading_is_no_row(backend: Backend, device: str, sensors: object) -> None:
    record(backend, stored(device, sensors=sensors))
    assert backend.service.rows("sensor_readings", device_id=device) == []


def test_huge_metadata_leaves_a_note_of_its_size(backend: Backend, device: str) -> None:
    record(backend, stored(device, metadata={"blob": "x" * 100_000}))
    assert list(backend.service.row("captures", device_id=device)["metadata"]) == ["omitted_bytes"]


@pytest.mark.parametrize("path", ["storage_path", "thumbnail_path"])
def test_an_object_that_another_capture_names_is_refused(backend: Backend, device: str, path: str) -> None:
    first = stored(device)
    record(backend, first)
    before = everything(backend, device)
    second = stored(
        device, captured_at="2025-10-04T20:00:00Z", error={"code": 2206, "message": "no thumbnail"}
    )

    with pytest.raises(RefusedError, match=f"captures_{path}_key") as refused:
        record(backend, second | {path: first[path]})
    assert refused.value.sqlstate == "23505"
    assert everything(backend, device) == before
    # Under a path of its own it is recorded, and the first may be repeated.
    record(backend, second)
    record(backend, first)
    assert len(backend.service.rows("captures", device_id=device)) == 2


def test_a_row_without_an_object_takes_no_path(backend: Backend, device: str) -> None:
    for name in ("a.jpg", "b.jpg"):
        record(backend, failed(device, image_name=name))
        record(backend, stored(device, image_name=f"stored {name}", thumbnail_path=None))
    assert len(backend.service.rows("captures", device_id=device)) == 4

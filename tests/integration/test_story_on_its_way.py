"""The story of captures on their whole way: Redis, the pipeline, the row, and what people are told."""

import pytest
from arrivals import arrive, photo, run
from chaos_proxy import Fault
from store_lab import batch_on

from core.clock import now_ms
from core.errors import Transient
from core.store.devices import Hello
from core.store.keys import CaptureRef
from core.wire import Metadata, Status, parse_time
from tasks import pipeline
from tasks.agenda import acknowledge, answer_from_database
from tasks.record import record_timeout

IMAGE = "image_1.jpg"


def told(database, device):
    [row] = database.table("captures").select("capture_id").eq("device_id", device).execute().data
    return database.rpc("capture_story", {"p_capture": row["capture_id"]}).execute().data


def codes(story):
    return [said["code"] for said in story["sentences"]]


def kinds(story):
    return [entry["kind"] for entry in story["timeline"]]


def say_hello(resources, device, *pending):
    status = Status(device, None, "alive", len(pending), pending, raw=b"{}")
    answer_from_database(resources, Hello.of(status, now_ms() + 1))


def test_a_clean_capture_whose_ack_works(resources, database, device, ear):
    say_hello(resources, device)
    run(resources, arrive(resources, device, photo()))
    story = told(database, device)
    assert kinds(story)[:7] == [
        "hello", "metadata", "first_chunk", "last_chunk", "assembled", "decoded", "uploaded"
    ]  # fmt: skip
    assert codes(story)[-2:] == ["stored", "not_acknowledged"], "its entry of the log is not flushed here"
    say_hello(resources, device)
    story = told(database, device)
    assert codes(story)[-2:] == ["acknowledged", "ack_worked"]
    assert kinds(story)[-3:] == ["stored", "acknowledged", "gone"]
    assert resources.store.devices.acks(device, now_ms() + 1_000) == []


def test_an_ack_that_is_lost_and_repeated(resources, database, device, ear):
    run(resources, arrive(resources, device, photo()))
    say_hello(resources, device, IMAGE)
    assert codes(told(database, device))[-1] == "ack_missed"
    assert acknowledge(resources, CaptureRef(device, IMAGE))
    say_hello(resources, device)
    assert codes(told(database, device))[-2:] == ["acknowledged_again", "ack_worked"]


def test_a_hello_that_the_database_refuses_keeps_what_it_would_have_told(
    behind, database, proxy, device, ear
):
    run(behind, arrive(behind, device, photo()))
    proxy.set(Fault("answer", 503))
    with pytest.raises(Transient):
        answer_from_database(
            behind._replace(quick=behind.supabase),
            Hello.of(Status(device, None, "alive", 0, raw=b"{}"), now_ms()),
        )
    proxy.set(None)
    say_hello(behind, device)
    assert codes(told(database, device))[-1] == "ack_worked"


def test_an_upload_that_fails_and_is_tried_again(behind, database, proxy, device, ear):
    ref = arrive(behind, device, photo())
    proxy.set(Fault("answer", 503))
    claim = behind.store.captures.claim(ref, "first")
    with pytest.raises(Transient) as failure:
        pipeline.run(behind, claim)
    assert failure.value.station == "upload"
    proxy.set(None)
    behind.store.captures.release(claim, 0, station=failure.value.station)
    run(behind, ref)
    story = told(database, device)
    [said] = [said for said in story["sentences"] if said["code"] == "tried_again"]
    assert said["params"] == {"station": "upload", "times": 1}
    assert kinds(story).index("failed") < kinds(story).index("uploaded")


def test_a_capture_that_times_out_tells_what_was_missing(resources, database, device):
    ref, then = CaptureRef(device, IMAGE), now_ms() - 120_000
    batch = batch_on(resources)
    batch.metadata(Metadata(device, None, IMAGE, parse_time("2025-10-04T12:00:00Z"), 4000, 9), then)
    batch.chunks(ref, then + 500, [item for number in (0, 1, 5, 6) for item in (number, b"x%d" % number)])
    batch.commit()
    actions = []
    while "timed_out" not in actions:
        then += 4_000
        actions.append(resources.store.captures.review(ref, then, then).action)
    record_timeout.run(device, IMAGE, "")
    story = told(database, device)
    assert codes(story) == ["came_in_part", "lost_here_and_there", "asked_in_vain", "failed"]
    assert story["sentences"][0]["params"]["held"] == 4
    [*_, asked] = [entry for entry in story["timeline"] if entry["kind"] == "asked"]
    assert (asked["chunks"], asked["ids"]) == (5, "2-4+7-8")

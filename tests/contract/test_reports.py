"""A report of an error: it ends no image, and is acknowledged only where no image can be meant."""

import pytest
from capture_lab import A_DAY, DELAY, NOW, REF, complete, describe, finish, metadata, put, review

from core.clock import now_ms
from core.store.keys import CaptureRef
from core.store.scripts import REQUEUE_MS
from core.wire import Sensors, parse_time

TIME = "2025-10-04T12:34:56Z"
ANOTHER_TIME = "2025-10-05T00:00:00Z"


def report(time=TIME, error="3", **more):
    return metadata(total=None, time=time, error=error, **more)


@pytest.mark.parametrize("time", [TIME, ANOTHER_TIME, ""])
def test_a_report_does_not_end_the_image_that_is_arriving(store, time):
    describe(store, metadata())
    put(store, 0, 1)
    outcome = describe(store, report(time, sensors=Sensors(20.5)))
    assert (outcome.status, outcome.superseded) == ("complete", None)
    capture = store.captures.get(outcome.ref)
    assert (capture.error, capture.sensors.temperature_c) == ("3", 20.5)
    assert not finish(store, outcome.ref)
    image = put(store, 2)
    assert image.status == "complete"
    assert finish(store, image.ref)
    assert store.captures.may_acknowledge(REF)


def test_nor_is_it_acknowledged_while_the_image_waits_to_be_stored(store):
    ref = complete(store)
    reported = describe(store, report()).ref
    assert not finish(store, reported)
    assert not store.captures.may_acknowledge(REF)
    assert finish(store, ref)


def test_nor_when_the_image_has_failed_and_the_device_still_has_it(store):
    store.captures.close(complete(store), "failed", tombstone_ttl_s=A_DAY)
    assert not finish(store, describe(store, report()).ref)
    assert not store.captures.may_acknowledge(REF)


def test_beside_an_image_of_its_time_it_has_its_own(store):
    describe(store, metadata())
    beside = store.captures.get(describe(store, report()).ref)
    assert (beside.captured_at_source, beside.device_time) == ("arrival", parse_time(TIME))
    elsewhere = describe(store, report(ANOTHER_TIME)).ref
    assert store.captures.get(elsewhere).captured_at == parse_time(ANOTHER_TIME)
    finish(store, elsewhere)
    free = store.captures.get(describe(store, report(name="no-image")).ref)
    assert free.captured_at == parse_time(TIME)


def test_a_report_under_a_free_name_is_recorded_once_and_acknowledged(store):
    outcome = describe(store, report(name="no-image"))
    assert describe(store, report(name="no-image")).status == "late"
    assert finish(store, outcome.ref)
    free = CaptureRef("AABB", "no-image")
    later = now_ms() + 1
    assert describe(store, report(name="no-image"), later).status == "late"
    assert describe(store, report(time="", name="no-image"), later).status == "late"
    assert review(store, later + DELAY, free).action == "acknowledge"
    assert store.captures.may_acknowledge(free)
    assert describe(store, report(name="no-image"), later + 2 * DELAY).status == "stored"


@pytest.mark.parametrize("another", [{"error": "2"}, {"time": ANOTHER_TIME}])
def test_another_report_under_the_name_is_another(store, another):
    assert finish(store, describe(store, report()).ref)
    assert describe(store, report(**another)).status == "complete"


def test_a_report_under_the_name_of_a_stored_image_is_acknowledged(store):
    finish(store, complete(store))
    assert finish(store, describe(store, report()).ref)


def test_an_image_after_its_report_is_an_image(store):
    finish(store, describe(store, report()).ref)
    ref = complete(store)
    assert store.captures.get(ref).error is None
    assert finish(store, ref)


def test_reports_are_bounded_like_images(store):
    names = [f"{number}.jpg" for number in range(4)]
    statuses = [describe(store, report(name=name)).status for name in names]
    assert statuses == ["complete"] * 3 + ["refused"]


def test_a_report_whose_task_was_lost_is_found_by_the_sweep(store):
    ref = describe(store, report()).ref
    assert store.captures.enqueue(NOW + REQUEUE_MS, None, 10) == [ref]

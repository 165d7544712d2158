"""Every answer of Supabase comes 9 s late, within a timeout of 10 s: every capture is stored once, by one worker."""

import time
from random import Random

import pytest
from chaos_ledger import rows_of
from chaos_platform import Platform
from chaos_proxy import Fault
from chaos_wire import Picture, photograph

LATE_S, TIMEOUT_S = 9.0, 10
# Captures, and seconds between two of them. A worker's 16 threads store some 0.8 captures a second so.
SHORT, LONG = (16, 1.0), (400, 1.5)


@pytest.mark.timeout(1800)
def test_with_every_answer_late_every_capture_is_stored(rig, seed, is_long, show):
    captures, every_s = LONG if is_long else SHORT
    rng, wire = Random(f"{seed}/late"), rig.wire("LATE")
    pictures = [Picture(f"image_{number}.jpg", photograph(rng)) for number in range(captures)]
    asked = len(rig.supabase.requests)
    rig.platform.retire("worker")
    patient = Platform(
        rig.stack.directory / "patient", {**rig.environment, "SUPABASE_TIMEOUT_S": str(TIMEOUT_S)}
    )
    try:
        patient.start("worker")
        rig.supabase.set(Fault("late", seconds=LATE_S))
        began = time.monotonic()
        for picture in pictures:
            wire.offer(picture)
            time.sleep(every_s)
        for picture in pictures:
            wire.wait_ack(picture.name, timeout=300)
        took_s = time.monotonic() - began
        assert patient.restarts == []
    finally:
        rig.supabase.set(None)
        patient.close()
        rig.platform.start("worker")
    with rig.http() as http:
        rows = rows_of(http, wire.device_id)
    wire.close()
    assert sorted(row["image_sha256"] for row in rows) == sorted(picture.sha256 for picture in pictures)
    assert {row["ingest_status"] for row in rows} == {"stored"}
    uploads = [path for path, _ in rig.supabase.requests[asked:] if "/captures/LATE/" in path]
    show(
        f"every answer {LATE_S:.0f} s late for {took_s:.0f} s: {captures} captures stored and acknowledged, "
        f"{len(uploads)} uploads of an image"
    )

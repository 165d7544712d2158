"""Two pictures of one name and date from every device, while the worker is killed in their uploads."""

import time
from datetime import UTC, datetime
from hashlib import sha256
from random import Random

import pytest
from chaos_ledger import rows_of
from chaos_wire import Picture, photograph

from local.stack import BUCKET

DEVICES = 10
NAME = "image_1.jpg"
AT_ONCE = 8  # of the worker's 16 threads


def stored_rows(http, device_id):
    return [row for row in rows_of(http, device_id) if row["ingest_status"] == "stored"]


@pytest.mark.timeout(300)
def test_each_row_has_its_own_picture_when_workers_die_in_uploads(rig, seed, is_long, show):
    if not is_long:
        pytest.skip("part of the long form: make chaos")
    rng = Random(f"{seed}/one path")
    wires = [rig.wire(f"TWIN{number}") for number in range(DEVICES)]
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0)
    sent = {}
    killed = len(rig.platform.restarts)
    rig.supabase.gather("/captures/TWIN", AT_ONCE)
    rig.supabase.watch("/captures/TWIN", lambda: rig.platform.kill("worker"), after=False)
    for wire in wires:
        pictures = [Picture(NAME, photograph(rng), taken=day.replace(minute=minute)) for minute in (1, 2)]
        sent[wire.device_id] = sorted(picture.sha256 for picture in pictures)
        for picture in pictures:
            wire.offer(picture)
    deadline = time.monotonic() + 120
    while len(rig.platform.restarts) == killed:
        assert time.monotonic() < deadline, "the worker was not killed"
        time.sleep(0.05)
    # What the dead worker left is taken up all at once.
    rig.supabase.gather("/captures/TWIN", AT_ONCE)
    with rig.http() as http:
        for wire in wires:
            while len(found := stored_rows(http, wire.device_id)) < 2 and time.monotonic() < deadline:
                time.sleep(0.2)
            assert sorted(row["image_sha256"] for row in found) == sent[wire.device_id]
            for row in found:
                image = http.get(f"/storage/v1/object/{BUCKET}/{row['storage_path']}").raise_for_status()
                assert sha256(image.content).hexdigest() == row["image_sha256"], row
            assert len({row["storage_path"] for row in found} | {row["thumbnail_path"] for row in found}) == 4
            wire.close()
    show(f"worker killed while {DEVICES} devices had two pictures of one name and date: each row has its own")

"""The worker is killed at every step of keeping, under ingest: no row without its object, no object without a row.

A fault point is a request between the worker and Supabase: the proxy kills the worker before it passes the
request on, or after. Between two requests a worker changes nothing but its own memory and its lock.
"""

import itertools
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random

import pytest
from celery import Celery
from chaos_ledger import objects_of, rows_of
from chaos_wire import Picture, photograph

from core import dispatch
from core.store.keys import lock_key
from local.stack import BUCKET

DEVICE = "KEPT"
OBJECTS = f"/storage/v1/object/{BUCKET}"
POINTS = [
    "/rpc/apply_keep_policies",
    "/rpc/claim_removals",
    f"DELETE {OBJECTS}",
    "/rpc/finish_removals",
    "/rpc/claim_smaller_pictures",
    f"GET {OBJECTS}/captures/{DEVICE}",
    f"POST {OBJECTS}/captures/{DEVICE}/",
    "/rpc/record_smaller_picture",
    "/rpc/reconcile_objects",
]
TASKS = {
    "apply_keep_policies": dispatch.APPLY_KEEP_POLICIES,
    "make_smaller": dispatch.MAKE_SMALLER,
    "remove_objects": dispatch.REMOVE_OBJECTS,
    "reconcile_objects": dispatch.RECONCILE_OBJECTS,
}
# What goes and what is made smaller, in days.
POLICY = {"max_age_days": 300, "smaller_after_days": 30, "smaller_quality": 30}
GOES, SMALLER = 400, 100
# Instead of minutes, so that what a killed worker held is free again soon.
LEASE = "5 seconds"
WITHIN_S = 90.0


class Keeping:
    """A company whose device has pictures that go, pictures that are made smaller, and new ones."""

    def __init__(self, rig, seed):
        self.rig, self.http = rig, rig.http()
        self.rng = Random(f"{seed}/keeping")
        self.wire = rig.wire(DEVICE)
        self.sent = {}  # by name: how old, and the picture
        self.numbers = itertools.count()
        self.company_id = str(uuid.uuid4())
        self._celery = Celery(broker=rig.environment["CELERY_BROKER_URL"])
        self._insert("companies", company_id=self.company_id, name="a company")
        self._insert("devices", device_id=DEVICE, company_id=self.company_id)
        self._insert("keep_policies", company_id=self.company_id, **POLICY)
        for function in ("claim_removals", "claim_smaller_pictures"):
            rig.supabase.amend(function, p_lease=LEASE)
        rig.supabase.amend("reconcile_objects", p_every="0 seconds")

    def _insert(self, table, **row):
        self.http.post(f"/rest/v1/{table}", json=row).raise_for_status()

    def offer(self, days):
        """Let the device send a new picture that is so old, and wait for its ACK."""
        taken = datetime.now(UTC) - timedelta(days=days)
        picture = Picture(f"image_{next(self.numbers)}.jpg", photograph(self.rng, 90), taken)
        self.sent[picture.name] = days, picture
        self.wire.offer(picture)
        self.wire.wait_ack(picture.name, timeout=WITHIN_S)
        return picture

    def begin_round(self):
        """Let the policies be applied anew."""
        changed = {"changed_at": datetime.now(UTC).isoformat()}
        where = {"company_id": f"eq.{self.company_id}"}
        self.http.patch("/rest/v1/keep_policies", params=where, json=changed).raise_for_status()

    def send(self):
        """Send all tasks of keeping, as if the time of each had come and nobody held its lock."""
        for lock, task in TASKS.items():
            self.rig.redis.delete(lock_key(lock))
            self._celery.send_task(task, queue=dispatch.KEEPING_QUEUE)

    def until(self, condition, what):
        """Send the tasks again and again until a condition holds."""
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, what
            self.send()
            time.sleep(0.5)

    def rows(self):
        return {row["device_capture_id"]: row for row in rows_of(self.http, DEVICE)}

    def objects(self):
        return {
            path for folder in ("captures", "thumbnails") for path in objects_of(self.http, DEVICE, folder)
        }

    def is_settled(self):
        """Whether all that goes has gone, and all that is made smaller is; nothing else is asked for."""
        rows = self.rows()
        wanted = {GOES: ("expired", False), SMALLER: ("stored", True), 0: ("stored", False)}
        return all(
            (rows[name]["ingest_status"], rows[name]["smaller_at"] is not None) == wanted[days]
            for name, (days, _) in self.sent.items()
        )

    @contextmanager
    def ingest(self):
        """Let the device send new pictures meanwhile."""
        over, errors = threading.Event(), []

        def go_on():
            try:
                while not over.is_set():
                    self.offer(0)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        assert errors == []

    def close(self):
        self.rig.supabase.amend_nothing()
        self.wire.close()
        self.http.close()

    def offer_again(self, picture):
        """Let the device come again after weeks, when Redis knows nothing of the picture any more."""
        for key in self.rig.redis.scan_iter(f"fleet:*{DEVICE}/*{picture.name}*"):
            self.rig.redis.delete(key)
        self.wire.offer(picture)

    def kill_at(self, part, *, after):
        """Kill the worker at the next request like this, once it has pictures to let go and to make smaller.

        Just then the device offers one of each again, while paths are being queued, claimed and removed.
        """
        goes, shrinks = self.offer(GOES), self.offer(SMALLER)
        died = len(self.rig.platform.restarts)

        def kill():
            for picture in (goes, shrinks):
                self.offer_again(picture)
            self.rig.platform.kill("worker")

        self.begin_round()
        self.rig.supabase.watch(part, kill, after=after)
        self.until(lambda: len(self.rig.platform.restarts) > died, f"the worker was not killed: {part}")
        self.rig.platform.wait_ready("worker")
        for picture in (goes, shrinks):
            self.wire.wait_ack(picture.name, 2, timeout=WITHIN_S)


@pytest.fixture
def keeping(rig, seed):
    keeping = Keeping(rig, seed)
    yield keeping
    keeping.close()


@pytest.mark.timeout(1800)
def test_a_worker_that_is_killed_at_any_step_of_keeping_loses_nothing(keeping, seed, is_long, show):
    kills = list(itertools.product(POINTS, (False, True)))
    rng = Random(f"{seed}/kills")
    kills = rng.sample(kills, len(kills)) * 2 if is_long else rng.sample(kills, 4)
    with keeping.ingest():
        for part, after in kills:
            keeping.kill_at(part, after=after)
        keeping.begin_round()
    keeping.until(keeping.is_settled, "what goes has not gone")

    # With the next comparison; nobody uploads any more.
    keeping.rig.supabase.amend("reconcile_objects", p_every="0 seconds", p_older_than="0 seconds")
    rows = keeping.rows()
    named = {row[path] for row in rows.values() for path in ("storage_path", "thumbnail_path")} - {None}
    keeping.until(lambda: keeping.objects() == named, "objects and rows do not agree")
    assert rows == keeping.rows()
    assert rows.keys() == keeping.sent.keys()
    for name, (days, picture) in keeping.sent.items():
        assert rows[name]["image_sha256"] == picture.sha256
        assert (rows[name]["ingest_status"] == "expired") is (days == GOES), name
        if days == GOES:
            continue
        stored = keeping.http.get(f"{OBJECTS}/{rows[name]['storage_path']}").raise_for_status().content
        assert len(stored) == rows[name]["image_bytes"]
        assert sha256(stored).hexdigest() == (rows[name]["stored_sha256"] or picture.sha256)
    smaller = sum(days == SMALLER for days, _ in keeping.sent.values())
    show(
        f"seed {seed}: worker killed {len(kills)} times in keeping, {len(keeping.sent)} pictures sent: "
        f"{len(kills)} let go, {smaller} made smaller, rows and objects agree"
    )

"""Supabase answers so late that a capture takes longer than its lease: it is stored by its one worker."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from arrivals import arrive, photo
from chaos_proxy import Fault

from core.store import scripts
from core.store.keeper import Keeper
from core.store.store import open_store
from core.supabase import SupabaseGateway
from tasks import app, pipeline
from tasks.capture import store_capture
from tasks.sweep import enqueue_waiting

LEASE_MS = 600
LATE_S = 0.9
CAPTURES, THREADS = 12, 4


@pytest.fixture
def slow(resources, proxy, monkeypatch):
    """A worker with a short lease, whose every call to Supabase is answered late."""
    resources.store.redis.flushdb()
    monkeypatch.setattr(scripts, "LEASE_MS", LEASE_MS)
    settings = resources.settings.model_copy(update={"supabase_url": proxy.url})
    slow = resources._replace(
        settings=settings,
        store=open_store(resources.store.redis, settings)._replace(keeper=Keeper(LEASE_MS / 5000)),
        supabase=SupabaseGateway(settings, 5.0),
    )
    monkeypatch.setattr(app, "resources", slow)
    proxy.set(Fault("late", seconds=LATE_S))
    yield slow
    slow.supabase.close()


class Worker:
    """Takes what the sweep enqueues, and what was enqueued when it arrived, until all is stored."""

    def __init__(self, resources, refs):
        self._resources = resources
        self._pool = ThreadPoolExecutor(THREADS)
        for ref in refs:
            self.store_capture(ref)

    def store_capture(self, ref):
        self._pool.submit(store_capture.run, *ref)

    def run(self):
        waiting = threading.Event()
        while self._resources.store.captures.count():
            enqueue_waiting(self._resources, self)
            waiting.wait(0.05)
        self._pool.shutdown()


def test_a_slow_capture_is_stored_once_and_by_one_worker(slow, proxy, database, device, monkeypatch):
    starts = []
    true_run = pipeline.run
    monkeypatch.setattr(pipeline, "run", lambda r, claim: (starts.append(claim.attempts), true_run(r, claim)))
    refs = [arrive(slow, device, photo(), f"{number}.jpg") for number in range(CAPTURES)]
    Worker(slow, refs).run()
    rows = database.table("captures").select("ingest_status").eq("device_id", device).execute().data
    assert [row["ingest_status"] for row in rows] == ["stored"] * CAPTURES
    assert starts == [1] * CAPTURES
    mine = [path for path, _ in proxy.requests if f"captures/{device}" in path]
    assert len(mine) == CAPTURES

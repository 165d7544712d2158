"""What the workers do with what the listener has enqueued, as far as it needs neither Supabase nor a broker."""

import json

import orjson
from store_lab import StoreLab

from core import wire
from core.clock import to_datetime
from core.errors import CaptureRejected
from core.settings import WakeSettings
from core.store.devices import Hello
from core.wake import Wake, sleep_command
from tasks.agenda import plan
from tasks.stations.assemble import assemble, verify
from tasks.stations.header import read_header
from tasks.stations.persist import capture_row
from tasks.stations.report import device_error

LONGEST_ROW = 12_000


class Workers:
    """Take captures to their end, in the order in which they were enqueued, and sweep."""

    def __init__(self, redis, rng, clock):
        self.store = StoreLab(redis, clock=clock)
        self._rng = rng
        self._settings = WakeSettings()
        self.stored = self.failed = self.reported = 0

    def work(self, tasks):
        """Carry out tasks, and forget them."""
        for name, *arguments in tasks:
            getattr(self, f"_{name}")(*arguments)
        tasks.clear()

    def sweep(self):
        """Look at every capture that is due."""
        now = self.store.now()
        for ref in self.store.captures.due(now, 1_000):
            review = self.store.captures.review(ref, now, now)
            if review.announce:
                self._row(self.store.captures.get(ref))
            if review.action == "nack":
                assert len(wire.nack(ref.device_id, ref.image_name, review.missing)) < 5_000
            if review.action == "timed_out":
                self.store.captures.settle_timeout(ref)

    def _store_capture(self, ref):
        captures = self.store.captures
        if (claim := captures.claim(ref, "worker")) is None:
            return
        capture = claim.capture
        self._row(capture)
        if capture.error:
            self.reported += 1
            assert 1000 <= device_error(capture.error).code < 1100
        else:
            chunks = captures.chunks(ref)
            try:
                image = assemble(chunks)
                verify(capture, chunks, image)
                read_header(image.data)
                self.stored += 1
            except CaptureRejected:
                self.failed += 1
        state, acknowledged = self._rng.choice(("stored", "failed")), captures.may_acknowledge(ref)
        captures.close(ref, state, acknowledged=acknowledged, tombstone_ttl_s=60)
        self._acknowledge_again(ref)

    def _acknowledge_again(self, ref):
        said = json.loads(wire.ack(ref.device_id, ref.image_name, "5:30PM"))
        assert said["image_name"] == ref.image_name

    def _answer_hello(self, hello):
        said = Hello.from_json(orjson.loads(orjson.dumps(hello.to_json())))
        answer = {"commands": [], "capture_due": self._rng.random() < 0.5}
        wake = sleep_command(said.device_id, Wake(None, "UTC"), to_datetime(self.store.now()), self._settings)
        for message in plan(answer, said, wake):
            assert len(orjson.dumps(message)) < 500
        self.store.devices.answered(said.device_id)

    def _row(self, capture):
        row = orjson.dumps(capture_row(capture))
        # Postgres stores no NUL, and would refuse the whole call.
        assert len(row) < LONGEST_ROW and b"\\u0000" not in row

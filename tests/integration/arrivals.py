"""Captures that arrive whole, and what stands for Celery's broker."""

from pathlib import Path

from store_lab import batch_on

from core.clock import now_ms
from core.dispatch import Dispatcher
from core.settings import SweepSettings
from core.store.keys import CaptureRef, capture_keys
from core.wire import Metadata, Sensors, parse_time
from tasks import pipeline

PHOTOS = sorted((Path(__file__).parents[2] / "simulator" / "photos").glob("*.jpg"))
TIME = "2025-10-04T12:34:56Z"
SENSORS = Sensors(23.5, 45.2, 1013.25, 12.34567)


def photo(number=0):
    return PHOTOS[number].read_bytes()


def pieces_of(data):
    """Cut an image into what chunks carry."""
    return [data[start : start + 1024] for start in range(0, len(data), 1024)]


def arrive(resources, device, data, name="image_1.jpg", *, time=TIME, size=None, error=0, sha=None):
    """Let a whole capture arrive and give its sealed ref."""
    pieces = pieces_of(data)
    metadata = Metadata(
        device,
        None,
        name,
        parse_time(time),
        image_bytes=len(data) if size is None else size,
        total_chunks=len(pieces) or None,
        error=error,
        sensors=SENSORS,
        image_sha256=sha,
        location="roof",
        raw=b'{"error":0}',
    )
    batch = batch_on(resources)
    batch.metadata(metadata, now_ms())
    if pieces:
        batch.chunks(
            CaptureRef(device, name), now_ms(), [item for pair in enumerate(pieces) for item in pair]
        )
    outcome = batch.commit()[-1]
    if outcome.status == "waiting":
        outcome = _ask_and_send_again(resources, CaptureRef(device, name), pieces)
    assert outcome.status == "complete"
    return outcome.ref


def asked_in_vain(resources, ref):
    """Let a capture have been asked for as often as one is."""
    capture, *_ = capture_keys(ref)
    resources.store.redis.hset(capture, "nacks", SweepSettings().retransmit_max)


def _ask_and_send_again(resources, ref, pieces):
    """Send what a NACK asks for: chunks that fit the last picture of that name count only then."""
    silence = now_ms() + SweepSettings().retransmit_delay_ms
    review = resources.store.captures.review(ref, silence, silence)
    assert review.action == "nack"
    batch = batch_on(resources)
    batch.chunks(ref, now_ms(), [item for number in review.missing for item in (number, pieces[number])])
    return batch.commit()[-1]


def run(resources, ref):
    claim = resources.store.captures.claim(ref, "test")
    assert claim is not None
    pipeline.run(resources, claim)


class Enqueued:
    """Keeps what is enqueued."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        assert hasattr(Dispatcher, name), f"nothing is enqueued by {name}"
        return lambda *arguments: self.calls.append((name, *arguments))

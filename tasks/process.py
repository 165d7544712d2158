"""The task of a capture: assemble → thumbnail → upload → persist → acknowledge.

What a station has finished is noted in the capture's hash, so another try goes on from there; each is safe
to run twice. The ACK leaves only when image and row are durable.
"""

import logging
from typing import Any, Final
from uuid import uuid4

from celery import Task

from core import dispatch, keys, metrics
from core.chunk_store import Claim
from core.clock import to_datetime
from core.errors import CaptureRejected, ErrorCode, Rejected, Transient
from core.keys import CaptureRef
from core.scripts import LEASE_MS
from tasks.acknowledge import ack
from tasks.app import MAX_RETRIES, app, retry_in
from tasks.assemble import assemble, verify
from tasks.converse import tell_next
from tasks.describe import captured_at, describe
from tasks.persist import persist
from tasks.resources import Resources, current
from tasks.thumbnail import make_thumbnail
from tasks.upload import object_name, object_path, upload, with_suffix

log = logging.getLogger("tasks.process")

# A capture whose worker has died this often while it had it is put aside.
MAX_ATTEMPTS: Final = 5
# A worker that dies takes what its other threads had down with it: once is no reason to suspect a capture.
SUSPECT_FROM: Final = 3
SUSPECT_LOCK: Final = "suspect"
SUSPECT_WAIT_MS: Final = 1_000
# How much longer than a retry the sweep waits for it, before it takes the retry for lost.
GRACE_MS: Final = 5_000
# An error report has no image; a repeat of the same report counts as such only for a short time.
REPORT_TOMBSTONE_S: Final = 120
REPORTS: Final = {
    1: "camera initialisation failed",
    2: "image capture failed",
    3: "sensor read failed",
    4: "memory allocation failed",
}
QUARANTINED: Final = (ErrorCode.SIZE_MISMATCH, ErrorCode.NOT_A_JPEG, ErrorCode.CHECKSUM_MISMATCH)


class LeaseLost(Exception):
    """Another worker owns the capture by now, and will finish it."""


@app.task(
    name=dispatch.PROCESS_CAPTURE,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),  # what is transient is retried below, after the capture is given back
    max_retries=MAX_RETRIES,
    soft_time_limit=120,
    time_limit=150,
)
def process_capture(self: "Task[Any, Any]", device_id: str, image_name: str, seal: str) -> None:
    """Store a complete capture and acknowledge it; returns early where it is finished or in other hands."""
    store = current().store
    context = {"device": device_id, "capture": image_name, "task_id": self.request.id}
    claim: Claim | None = None
    try:
        claim = store.claim(CaptureRef(device_id, image_name, seal), uuid4().hex)
        if claim is None:
            return
        suspect = claim.attempts >= SUSPECT_FROM
        if suspect and not store.lock(SUSPECT_LOCK, LEASE_MS / 1000):
            # Workers died with it. Such captures run one at a time, so that one that kills its worker does
            # not drag the same others down with it again and again.
            store.release(claim, SUSPECT_WAIT_MS, attempts=claim.attempts - 1)
            return
        try:
            process(current(), claim)
        finally:
            if suspect:
                store.unlock(SUSPECT_LOCK)
    except LeaseLost:
        log.warning("another worker has taken over", extra=context)
    except Transient as error:
        delay = retry_in(error, self.request.retries)
        metrics.RETRIES.inc()
        log.warning("trying again in %d s: %s", delay, error, extra=context)
        if claim is not None:
            release_for(claim, delay)
        raise self.retry(exc=error, countdown=delay) from error


def release_for(claim: Claim, delay_s: int) -> None:
    """Give a capture back until its retry; where even Redis is away, its lease runs out by itself."""
    try:
        current().store.release(claim, delay_s * 1000 + GRACE_MS)
    except Transient as error:
        log.warning("not released: %s", error, extra={"device": claim.ref.device_id})


def process(resources: Resources, claim: Claim) -> None:
    """Take a claimed capture through its stations to its end; raises Transient and LeaseLost."""
    reported = int(claim.fields.get("error", 0))
    try:
        if reported:
            _fail(resources, claim, _report(reported))
        else:
            _refuse_doomed(claim)
            _store_image(resources, claim)
            _persist_row(resources, claim)
    except CaptureRejected as error:
        _quarantine(resources, claim, error)
        _fail(resources, claim, error)
    if "ack" in claim.fields:
        _acknowledge(resources, claim)
        ttl = REPORT_TOMBSTONE_S if reported else resources.settings.tombstone_ttl_s
        resources.store.close(claim.ref, "stored", ack=claim.fields["ack"], tombstone_ttl_s=ttl)
        resources.devices.is_awake()
        tell_next(resources, claim.ref.device_id)
    else:
        resources.store.close(claim.ref, "failed", tombstone_ttl_s=resources.settings.tombstone_ttl_s)


def _refuse_doomed(claim: Claim) -> None:
    if claim.fields.get("state") == b"superseded":
        raise CaptureRejected(ErrorCode.ASSEMBLY_TIMEOUT, "given up: another image took its name")
    if claim.attempts > MAX_ATTEMPTS:
        raise CaptureRejected(ErrorCode.PROCESSING_FAILED, f"its worker died {MAX_ATTEMPTS} times")


def _store_image(resources: Resources, claim: Claim) -> None:
    if "storage_path" in claim.fields:
        return
    ref, fields = claim.ref, claim.fields
    chunks = resources.store.chunks(ref)
    image = assemble(chunks)
    verify(fields, chunks, image)
    noted: dict[str, str | int] = {"sha256": image.sha256, "stored_bytes": len(image.data)}
    thumbnail = None
    try:
        thumbnail = make_thumbnail(image.data)
    except CaptureRejected as error:
        if error.code != ErrorCode.THUMBNAIL_FAILED:
            raise
        noted["thumbnail_error"] = error.message
    time, _ = captured_at(fields)
    name = object_name(ref.image_name)
    # Side by side: what a device waits for is the slower of the two, not their sum.
    uploading = resources.uploads.submit(
        upload,
        resources.supabase,
        object_path("captures", ref.device_id, time, name),
        image.data,
        image.sha256,
    )
    try:
        if thumbnail:
            path = object_path("thumbnails", ref.device_id, time, name)
            noted["thumbnail_path"] = upload(resources.supabase, path, thumbnail.data, image.sha256)
            noted |= {"width": thumbnail.width, "height": thumbnail.height}
    finally:
        noted["storage_path"] = uploading.result()
    _note(resources, claim, **noted)


def _persist_row(resources: Resources, claim: Claim) -> None:
    if "ack" in claim.fields:
        return
    ref, fields = claim.ref, {name: value.decode() for name, value in claim.fields.items()}
    warning = None
    if "thumbnail_error" in fields:
        warning = CaptureRejected(ErrorCode.THUMBNAIL_FAILED, fields["thumbnail_error"])
    answer = persist(
        resources.supabase,
        describe(ref, claim.fields),
        "stored",
        resources.store.now(),
        warning,
        image_bytes=int(fields["stored_bytes"]),
        image_sha256=fields["sha256"],
        storage_path=fields["storage_path"],
        thumbnail_path=fields.get("thumbnail_path"),
        width=fields.get("width"),
        height=fields.get("height"),
    )
    _note_ack(resources, claim, answer)


def _quarantine(resources: Resources, claim: Claim, error: CaptureRejected) -> None:
    """Keep an image that is not what it should be, for diagnosis."""
    if error.code not in QUARANTINED or "quarantine_path" in claim.fields:
        return
    image = assemble(resources.store.chunks(claim.ref))
    time, _ = captured_at(claim.fields)
    name = with_suffix(object_name(claim.ref.image_name), image.sha256)
    path = object_path("quarantine", claim.ref.device_id, time, name)
    try:
        _note(resources, claim, quarantine_path=upload(resources.supabase, path, image.data, image.sha256))
    except CaptureRejected as refusal:
        log.warning("not quarantined: %s", refusal, extra={"device": claim.ref.device_id})


def _fail(resources: Resources, claim: Claim, error: Rejected) -> None:
    """Write the failed row; a device that reported an error itself is acknowledged, so that it sleeps."""
    ref = claim.ref
    log.warning(
        "%d %s", error.code, error.message, extra={"device": ref.device_id, "capture": ref.image_name}
    )
    path = claim.fields.get("quarantine_path", b"").decode() or None
    try:
        answer = persist(
            resources.supabase,
            describe(ref, claim.fields),
            "failed",
            resources.store.now(),
            error,
            storage_path=path,
        )
    except CaptureRejected as refusal:
        # The database takes not even the failed row: what went wrong still goes to `device_errors`.
        resources.store.record(
            keys.ERRORS, [_error_record(ref, wrong, resources.store.now()) for wrong in (error, refusal)]
        )
        return
    if error.code > ErrorCode.DEVICE_ERROR and error.code < ErrorCode.METADATA_UNUSABLE:
        _note_ack(resources, claim, answer)


def _acknowledge(resources: Resources, claim: Claim) -> None:
    if resources.store.fields(claim.ref._replace(seal="")):
        # An ACK names the image alone: the device would delete the newer one, which is still arriving.
        log.info(
            "not acknowledged: the device has a newer image of that name",
            extra={"device": claim.ref.device_id, "capture": claim.ref.image_name},
        )
        return
    resources.publisher.send(claim.ref.device_id, "ack", claim.fields["ack"])
    metrics.ACK_SECONDS.observe((resources.store.now() - int(claim.fields["last_at"])) / 1000)
    log.info("acknowledged", extra={"device": claim.ref.device_id, "capture": claim.ref.image_name})


def _note_ack(resources: Resources, claim: Claim, answer: dict[str, Any]) -> None:
    ref = claim.ref
    wake = resources.devices.remember_wake(ref.device_id, answer["next_wake_at"], answer["timezone"])
    body = ack(ref.device_id, ref.image_name, wake, to_datetime(resources.store.now()))
    _note(resources, claim, ack=body.decode())


def _note(resources: Resources, claim: Claim, **fields: str | int) -> None:
    if not resources.store.note(claim, **fields):
        raise LeaseLost
    claim.fields.update({name: str(value).encode() for name, value in fields.items()})


def _report(number: int) -> Rejected:
    return Rejected(ErrorCode.DEVICE_ERROR + number, REPORTS.get(number, "unknown error"), reported=number)


def _error_record(ref: CaptureRef, error: Rejected, now: int) -> dict[str, Any]:
    return {
        "device_id": ref.device_id,
        "error_code": int(error.code),
        "message": error.message,
        "details": {"image": ref.image_name, **error.details},
        "occurred_at_ms": now,
    }

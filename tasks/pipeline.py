"""The pipeline of a complete capture: assemble → thumbnail → upload → persist → acknowledge.

The capture's hash in Redis holds the results of finished stations, so a retry continues after them. Each
station may run twice. The service sends the ACK only after Supabase has the image and the row.
"""

import logging
from typing import Any, Final

from core.errors import CaptureRejected, ErrorCode, PathTaken, Rejected
from core.store.capture import Notes, State
from core.store.captures import Claim
from core.store.keys import ERRORS, CaptureRef
from core.store.streams import Entry, error_entry
from operate import metrics
from tasks.agenda import acknowledge, tell_next
from tasks.resources import Resources
from tasks.stations.assemble import assemble, verify
from tasks.stations.persist import persist
from tasks.stations.report import device_error
from tasks.stations.thumbnail import make_thumbnail
from tasks.stations.upload import place, upload

log = logging.getLogger("tasks.pipeline")

# A capture fails for good after this many workers have died while they worked on it.
MAX_ATTEMPTS: Final = 5
# A second error report of the same name within this time is a duplicate; a later one is a new error.
REPORT_TOMBSTONE_S: Final = 120
QUARANTINED: Final = (ErrorCode.SIZE_MISMATCH, ErrorCode.NOT_A_JPEG, ErrorCode.CHECKSUM_MISMATCH)


def run(resources: Resources, claim: Claim) -> None:
    """Run a claimed capture through all stations until it is `stored` or `failed`.

    Raises Transient, or LeaseLost if another worker has taken the capture over.
    """
    settings, captures = resources.settings, resources.store.captures
    try:
        if claim.capture.error:
            claim = _fail(resources, claim, device_error(claim.capture.error))
        else:
            _refuse_doomed(claim)
            claim = _store_image(resources, claim)
            try:
                claim = _persist_row(resources, claim)
            except PathTaken as error:
                # Another row names the object: the capture gets objects with its own suffix.
                log.warning("%s", error.message, extra=_context(claim.ref))
                claim = _persist_row(resources, _store_image(resources, claim, plain=False))
    except CaptureRejected as error:
        claim = _fail(resources, _quarantine(resources, claim, error), error)
    ref = claim.ref
    if not claim.capture.progress.recorded:
        captures.close(ref, "failed", tombstone_ttl_s=settings.tombstone_ttl_s)
        return
    _acknowledge(resources, claim)
    ttl = REPORT_TOMBSTONE_S if claim.capture.error else settings.tombstone_ttl_s
    captures.close(ref, "stored", tombstone_ttl_s=ttl)
    resources.store.devices.is_awake()
    tell_next(resources, ref.device_id)


def _refuse_doomed(claim: Claim) -> None:
    if claim.capture.state is State.SUPERSEDED:
        raise CaptureRejected(ErrorCode.ASSEMBLY_TIMEOUT, "given up: another image took its name")
    if claim.attempts > MAX_ATTEMPTS:
        raise CaptureRejected(ErrorCode.PROCESSING_FAILED, f"its worker died {MAX_ATTEMPTS} times")


def _store_image(resources: Resources, claim: Claim, *, plain: bool = True) -> Claim:
    """Upload image and thumbnail; without `plain` anew, under the names that no other capture has."""
    capture, ref = claim.capture, claim.ref
    if plain and capture.progress.storage_path is not None:
        return claim
    chunks = resources.store.captures.chunks(ref)
    image = assemble(chunks)
    verify(capture, chunks, image)
    notes: Notes = {"sha256": image.sha256, "stored_bytes": len(image.data)}
    thumbnail = None
    try:
        thumbnail = make_thumbnail(image.data)
    except CaptureRejected as error:
        if error.code != ErrorCode.THUMBNAIL_FAILED:
            raise
        notes["thumbnail_error"] = error.message
    where = place(capture, image.sha256)
    if plain:
        reserved = resources.store.places.reserve(ref.device_id, where.plain, where.suffix)
        where = where._replace(reserved=reserved)
    # The two uploads run in parallel, so the device waits for the slower one and not for their sum.
    uploading = resources.uploads.submit(upload, resources.supabase, "captures", where, image.data)
    try:
        if thumbnail:
            notes["thumbnail_path"] = upload(resources.supabase, "thumbnails", where, thumbnail.data)
            notes["width"], notes["height"] = thumbnail.width, thumbnail.height
    finally:
        notes["storage_path"] = uploading.result()
    return resources.store.captures.note(claim, **notes)


def _persist_row(resources: Resources, claim: Claim) -> Claim:
    done = claim.capture.progress
    if done.recorded:
        return claim
    warning = None
    if done.thumbnail_error is not None:
        warning = CaptureRejected(ErrorCode.THUMBNAIL_FAILED, done.thumbnail_error)
    answer = persist(
        resources.supabase,
        claim.capture,
        "stored",
        resources.store.now(),
        warning,
        image_bytes=done.stored_bytes,
        image_sha256=done.sha256,
        storage_path=done.storage_path,
        thumbnail_path=done.thumbnail_path,
        width=done.width,
        height=done.height,
    )
    metrics.count_end("stored", warning)
    return _note_recorded(resources, claim, answer)


def _quarantine(resources: Resources, claim: Claim, error: CaptureRejected) -> Claim:
    """Upload an image that failed its checks to the folder `quarantine`, for diagnosis."""
    capture, ref = claim.capture, claim.ref
    if error.code not in QUARANTINED or capture.progress.quarantine_path is not None:
        return claim
    image = assemble(resources.store.captures.chunks(ref))
    try:
        path = upload(resources.supabase, "quarantine", place(capture, image.sha256), image.data)
    except CaptureRejected as refusal:
        log.warning("not quarantined: %s", refusal, extra=_context(ref))
        return claim
    return resources.store.captures.note(claim, quarantine_path=path)


def _fail(resources: Resources, claim: Claim, error: Rejected) -> Claim:
    """Record the failed capture; only a report of an error then counts as recorded, and gets an ACK."""
    store, ref = resources.store, claim.ref
    log.warning("%d %s", error.code, error.message, extra=_context(ref))
    try:
        answer = persist(
            resources.supabase,
            claim.capture,
            "failed",
            store.now(),
            error,
            storage_path=claim.capture.progress.quarantine_path,
        )
    except CaptureRejected as refusal:
        # The database refuses even the failed row, so record both errors in `device_errors`.
        store.streams.append(ERRORS, [_error_entry(ref, wrong, store.now()) for wrong in (error, refusal)])
        return claim
    metrics.count_end("failed", error)
    return _note_recorded(resources, claim, answer) if claim.capture.error else claim


def _acknowledge(resources: Resources, claim: Claim) -> None:
    ref = claim.ref
    if resources.store.captures.exists(ref._replace(seal="")):
        # An ACK carries only the image name, so the device would delete the newer image, which still arrives.
        log.info("not acknowledged: the device has a newer image of that name", extra=_context(ref))
        return
    acknowledge(resources, ref.device_id, ref.image_name)
    metrics.ACK_SECONDS.observe((resources.store.now() - claim.capture.last_at_ms) / 1000)
    log.info("acknowledged", extra=_context(ref))


def _note_recorded(resources: Resources, claim: Claim, answer: dict[str, Any]) -> Claim:
    """Note that the database has what the ACK will name, and the next wake, which the ACK will tell."""
    store = resources.store
    store.devices.remember_wake(claim.ref.device_id, answer["next_wake_at"], answer["timezone"])
    return store.captures.note(claim, recorded=1)


def _error_entry(ref: CaptureRef, error: Rejected, now: int) -> Entry:
    details = {"image": ref.image_name, **error.details}
    return error_entry(ref.device_id, error.code, error.message, details, now)


def _context(ref: CaptureRef) -> dict[str, str]:
    return {"device": ref.device_id, "capture": ref.image_name}

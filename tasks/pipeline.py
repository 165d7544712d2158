"""The pipeline of a complete capture: assemble → decode → upload → persist → acknowledge.

The capture's hash in Redis holds the results of finished stations, so a retry continues after them. Each
station may run twice. The service sends the ACK only after Supabase has the image and the row.

A broken stream is stored as well, but not acknowledged at first sight: the device is asked to send the image
once more. If the same bytes come again, the camera has made them so. Any others take the place of the first.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson

from core.errors import CaptureRejected, ErrorCode, PathTaken, Rejected, Transient
from core.store.capture import Capture, Notes, State
from core.store.captures import Claim
from core.store.keys import ERRORS, CaptureRef
from core.store.story import Station
from core.store.streams import Entry, error_entry
from operate import metrics
from tasks.agenda import acknowledge, tell_next
from tasks.resources import Resources
from tasks.stations.assemble import assemble, verify
from tasks.stations.decode import decode
from tasks.stations.header import read_header
from tasks.stations.persist import persist
from tasks.stations.report import device_error
from tasks.stations.upload import place, upload

log = logging.getLogger("tasks.pipeline")

# A capture fails for good after this many workers have died while they worked on it.
MAX_ATTEMPTS: Final = 5
# A second error report of the same name within this time is a duplicate; a later one is a new error.
REPORT_TOMBSTONE_S: Final = 120
# A device whose stream is broken in another way each time is asked this often.
ASK_AGAIN_MAX: Final = 2
QUARANTINED: Final = (ErrorCode.SIZE_MISMATCH, ErrorCode.NOT_A_JPEG, ErrorCode.CHECKSUM_MISMATCH)


@contextmanager
def _at(station: Station) -> Iterator[None]:
    """Say of a Transient at which station it was raised, for the story of the capture."""
    try:
        yield
    except Transient as error:
        error.station = station
        raise


def run(resources: Resources, claim: Claim) -> None:
    """Run a claimed capture through all stations until it is `stored` or `failed`.

    Raises Transient, or LeaseLost if another worker has taken the capture over.
    """
    settings, captures = resources.settings, resources.store.captures
    failure: int = ErrorCode.DATABASE_FAILED
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
        failure, claim = error.code, _fail(resources, _quarantine(resources, claim, error), error)
    ref = claim.ref
    if not claim.capture.progress.recorded:
        kept_for = failure if _may_be_good(claim.capture, failure) else None
        captures.close(ref, "failed", tombstone_ttl_s=settings.tombstone_ttl_s, kept_for=kept_for)
        return
    if _is_doubtful(claim.capture) and captures.ask_again(claim):
        metrics.ASKED_AGAIN.inc()
        log.warning(
            "asking for the whole image again: %s", claim.capture.progress.damage, extra=_context(ref)
        )
        return
    with _at("acknowledge"):
        acknowledged = acknowledge(resources, ref)
    ttl = REPORT_TOMBSTONE_S if claim.capture.error else settings.tombstone_ttl_s
    captures.close(ref, "stored", acknowledged=acknowledged, tombstone_ttl_s=ttl)
    resources.store.devices.is_awake()
    if acknowledged:
        metrics.ACK_SECONDS.observe((resources.store.now() - claim.capture.last_at_ms) / 1000)
        tell_next(resources, ref.device_id)


def _refuse_doomed(claim: Claim) -> None:
    if claim.capture.state is State.SUPERSEDED:
        raise CaptureRejected(ErrorCode.ASSEMBLY_TIMEOUT, "given up: another image took its name")
    if claim.attempts > MAX_ATTEMPTS:
        raise CaptureRejected(ErrorCode.PROCESSING_FAILED, f"its worker died {MAX_ATTEMPTS} times")


def _may_be_good(capture: Capture, failure: int) -> bool:
    """Say whether a failed capture may be stored by another try, and its bytes are in Redis alone.

    What lies in quarantine would fail the same check again. An image that was given up is not whole.
    """
    return failure != ErrorCode.ASSEMBLY_TIMEOUT and capture.progress.quarantine_path is None


def _is_doubtful(capture: Capture) -> bool:
    """Say whether the stream is broken, and nothing shows that it left the camera so."""
    damage, sha256 = capture.progress.damage, capture.progress.sha256
    vouched_for = capture.image_sha256 is not None or sha256 == capture.damaged_sha256
    return damage is not None and not vouched_for and capture.asked_again < ASK_AGAIN_MAX


def _store_image(resources: Resources, claim: Claim, *, plain: bool = True) -> Claim:
    """Upload image and thumbnail; without `plain` anew, under the names that no other capture has."""
    capture, ref = claim.capture, claim.ref
    if plain and capture.progress.storage_path is not None:
        return claim
    settings, now = resources.settings, resources.store.now
    with _at("assemble"):
        chunks = resources.store.captures.chunks(ref)
        image = assemble(chunks)
        verify(capture, chunks, image)
    ended = [now()]
    with _at("decode"):
        header = read_header(image.data, settings.max_image_pixels)
        drawn = decode(image.data, header, resources.decoders.draw, progressive=settings.decode_progressive)
    ended.append(now())
    notes: Notes = {"sha256": image.sha256, "stored_bytes": len(image.data)}
    notes["width"], notes["height"] = header.width, header.height
    if drawn.damage is not None:
        notes["damage"] = drawn.damage
    if drawn.thumbnail is None:
        notes["thumbnail_error"] = f"no thumbnail: {drawn.undecoded or drawn.damage}"
    if drawn.figures is not None:
        notes["figures"] = orjson.dumps(drawn.figures._asdict()).decode()
    where = place(capture, image.sha256)
    if plain:
        reserved = resources.store.places.reserve(ref.device_id, where.plain, where.suffix)
        where = where._replace(reserved=reserved)
    # The two uploads run in parallel, so the device waits for the slower one and not for their sum.
    with _at("upload"):
        uploading = resources.uploads.submit(upload, resources.supabase, "captures", where, image.data)
        try:
            if drawn.thumbnail:
                notes["thumbnail_path"] = upload(resources.supabase, "thumbnails", where, drawn.thumbnail)
        finally:
            notes["storage_path"] = uploading.result()
    notes["stations"] = ",".join(map(str, [*ended, now()]))
    return resources.store.captures.note(claim, **notes)


@_at("persist")
def _persist_row(resources: Resources, claim: Claim) -> Claim:
    capture, done = claim.capture, claim.capture.progress
    if done.recorded:
        return claim
    warning = None
    if done.damage is not None:
        warning = CaptureRejected(ErrorCode.DAMAGED, "the JPEG stream is broken", libjpeg=done.damage)
    elif done.thumbnail_error is not None:
        warning = CaptureRejected(ErrorCode.THUMBNAIL_FAILED, done.thumbnail_error)
    answer = persist(
        resources.supabase,
        capture,
        "stored",
        resources.store.now(),
        warning,
        image_bytes=done.stored_bytes,
        image_sha256=done.sha256,
        storage_path=done.storage_path,
        thumbnail_path=done.thumbnail_path,
        width=done.width,
        height=done.height,
        damaged=done.damage is not None,
        figures=done.figures and orjson.loads(done.figures),
        replaces_sha256=capture.damaged_sha256,
    )
    if not capture.asked_again:
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


@_at("persist")
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


def _note_recorded(resources: Resources, claim: Claim, answer: dict[str, Any]) -> Claim:
    """Note that the database has what the ACK will name, and the next wake, which the ACK will tell."""
    store = resources.store
    store.devices.remember_wake(claim.ref.device_id, answer["next_wake_at"], answer["timezone"])
    return store.captures.note(claim, recorded=1, capture_id=answer["capture_id"])


def _error_entry(ref: CaptureRef, error: Rejected, now: int) -> Entry:
    details = {"image": ref.image_name, **error.details}
    return error_entry(ref.device_id, error.code, error.message, details, now)


def _context(ref: CaptureRef) -> dict[str, str]:
    return {"device": ref.device_id, "capture": ref.image_name}

"""Makes time-lapses, one at a time in each worker process, in a thread of its own: no task waits for one.

What a device has sent is decoded, and the film encoded, in a process that knows nothing of the service. The
worker may be killed at any line: its claim runs out after two minutes, and another one begins anew. What it
may have uploaded by then is removed, since the path of a claim is queued for that before it is used.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from core.errors import CaptureRejected, Transient
from core.settings import WorkerSettings
from core.supabase import SupabaseGateway
from tasks.film_process import Film, FilmProcess, Unmakeable

log = logging.getLogger("tasks.timelapse")

# How often the row of a film is told how far it is, and whether it is still wanted is asked.
NOTE_EVERY_S: Final = 3.0
# Pictures that are fetched ahead of the one that is being encoded, each of some ten to hundred kilobytes.
AHEAD: Final = 4
CONTENT_TYPES: Final = {"mp4": "video/mp4", "webp": "image/webp"}


class _Unwanted(Exception):
    """It was cancelled or deleted, or another worker has it."""


class _Stopped(Exception):
    """This worker ends."""


class FilmMaker:
    """The film that one process has under way."""

    def __init__(self, settings: WorkerSettings, supabase: SupabaseGateway) -> None:
        self._settings = settings
        self._supabase = supabase
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="film")
        self._fetchers = ThreadPoolExecutor(AHEAD, thread_name_prefix="fetch")
        self._stopping = threading.Event()
        self._under_way: Future[None] | None = None

    def begin(self) -> None:
        """Claim the next time-lapse and begin it, if there is one and none is being made here.

        Raises Transient or CaptureRejected.
        """
        if self._stopping.is_set() or (self._under_way and not self._under_way.done()):
            return
        job = self._supabase.call(
            "claim_timelapse",
            p_most=self._settings.timelapse_frames,
            p_keep=f"{self._settings.keep_timelapses_days} days",
        )
        if job:
            self._under_way = self._thread.submit(self._make, job)

    def wait(self) -> None:
        """Wait until what was begun is done, whatever came of it."""
        if self._under_way:
            self._under_way.result()

    def close(self) -> None:
        """Give up what is under way: another worker begins it anew."""
        self._stopping.set()
        self._thread.shutdown()
        self._fetchers.shutdown()

    def _make(self, job: dict[str, Any]) -> None:
        began = time.monotonic()
        try:
            film = self._film(job, began + self._settings.timelapse_s)
            self._keep(job, film)
        except _Unwanted:
            log.info("time-lapse %s is not wanted any more", job["timelapse_id"])
        except _Stopped:
            self._give_up(job, None, "the worker was stopped", again=True)
        except Unmakeable as error:
            self._give_up(job, error.code, str(error), again=False)
        except Transient as error:
            self._give_up(job, "interrupted", str(error), again=True)
        except CaptureRejected as error:
            self._give_up(job, "failed", error.message, again=False)
        except Exception:
            log.exception("time-lapse %s", job["timelapse_id"])
            self._give_up(job, "failed", "an error of the service; its log has it", again=False)
        else:
            log.info(
                "time-lapse %s: %d frames, %d bytes in %.1f s",
                job["timelapse_id"], film.frames, len(film.data), time.monotonic() - began,
            )  # fmt: skip

    def _film(self, job: dict[str, Any], until: float) -> Film:
        process = FilmProcess(
            job,
            most_s=self._settings.timelapse_s,
            most_bytes=self._settings.timelapse_mb * 10**6,
            most_pixels=self._settings.max_image_pixels,
        )
        with process:
            noted = time.monotonic()
            for done, (image, text) in enumerate(self._pictures(job["frames"])):
                now = time.monotonic()
                if self._stopping.is_set():
                    raise _Stopped
                if now > until:
                    raise Unmakeable(
                        "took_too_long",
                        f"it takes more than {self._settings.timelapse_s:g} s: ask for less width or time",
                    )
                if now >= noted + NOTE_EVERY_S:
                    self._note(job, done)
                    noted = now
                # One that was let go meanwhile has no object any more.
                if image is not None:
                    process.add(image, text)
            self._note(job, len(job["frames"]))
            return process.finish()

    def _pictures(self, frames: list[tuple[str, str]]) -> Iterator[tuple[bytes | None, str]]:
        """Fetch the pictures in order, some ahead of their time."""
        waiting: deque[tuple[Future[bytes | None], str]] = deque()
        try:
            for path, text in frames:
                waiting.append((self._fetchers.submit(self._supabase.download, path), text))
                if len(waiting) > AHEAD:
                    fetched, its_text = waiting.popleft()
                    yield fetched.result(), its_text
            for fetched, its_text in waiting:
                yield fetched.result(), its_text
        finally:
            for fetched, _ in waiting:
                fetched.cancel()

    def _note(self, job: dict[str, Any], done: int) -> None:
        if not self._supabase.call("note_timelapse", p_claim=job["claim"], p_done=done):
            raise _Unwanted

    def _keep(self, job: dict[str, Any], film: Film) -> None:
        self._note(job, len(job["frames"]))
        self._supabase.upload(job["path"], film.data, CONTENT_TYPES[job["format"]])
        if not self._supabase.call(
            "finish_timelapse", p_claim=job["claim"], p_frames=film.frames, p_bytes=len(film.data)
        ):
            raise _Unwanted

    def _give_up(self, job: dict[str, Any], code: str | None, words: str, *, again: bool) -> None:
        log.warning("time-lapse %s: %s", job["timelapse_id"], words)
        try:
            self._supabase.call(
                "give_up_timelapse", p_claim=job["claim"], p_code=code, p_words=words, p_again=again
            )
        except (Transient, CaptureRejected) as error:
            log.warning("its claim runs out instead: %s", error)

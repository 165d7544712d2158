"""A worker that dies of images whose name begins with `poison`, as one would of a bug in a library.

`celery --app poisoned_worker worker`: the service's own application with one station replaced.
"""

import os

import core.store.scripts

# A capture whose worker died waits for its lease; the test need not wait as long five times.
core.store.scripts.LEASE_MS = 3_000

from tasks import app, pipeline  # noqa: E402

_verify = pipeline.verify


def _die_of_poison(capture, chunks, image):
    if "poison" in (capture.location or ""):
        os._exit(9)
    _verify(capture, chunks, image)


pipeline.verify = _die_of_poison
__all__ = ["app"]

"""A worker that dies of images whose name begins with `poison`, as one would of a bug in a decoder.

`celery --app poisoned_worker worker`: the service's own application with one station replaced.
"""

import os

import core.scripts

# A capture whose worker died waits for its lease; the test need not wait as long five times.
core.scripts.LEASE_MS = 3_000

from tasks import app, process  # noqa: E402

_verify = process.verify


def _die_of_poison(fields, chunks, image):
    if b"poison" in fields.get("location", b""):
        os._exit(9)
    _verify(fields, chunks, image)


process.verify = _die_of_poison
__all__ = ["app"]

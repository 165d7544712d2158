"""What Storage is told about the objects for browsers and CDNs: that they never change."""

import pytest
from arrivals import arrive, photo, run

YEAR_S = 365 * 24 * 3600


@pytest.fixture(autouse=True)
def empty(resources):
    resources.store.redis.flushdb()


def test_image_and_thumbnail_may_be_kept_for_a_year(resources, database, bucket, device):
    """The embedded server keeps what it was told, and says `no-cache` whatever that is.

    The hosted one is documented to repeat it.
    """
    run(resources, arrive(resources, device, photo()))
    [row] = database.table("captures").select("*").eq("device_id", device).execute().data
    for path in (row["storage_path"], row["thumbnail_path"]):
        folder, _, name = path.rpartition("/")
        [stored] = [each for each in bucket.list(folder) if each["name"].rpartition("/")[2] == name]
        assert stored["metadata"]["cacheControl"] == f"max-age={YEAR_S}, immutable"

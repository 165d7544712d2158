"""The truth table in the header of put_metadata.lua, in every combination of what metadata may say."""

from itertools import product

import pytest
from capture_lab import DELAY, NOW, REF, TIMEOUT, describe

from core.store import keys
from core.wire import Metadata, parse_time

SAID = ("same", "different", "missing")
FIRST = {"time": "2025-10-04T12:34:56Z", "sha": "a" * 64, "size": 3000, "total": 3}
SECOND = {"time": "2025-10-05T00:00:00Z", "sha": "b" * 64, "size": 4000, "total": 4}
TOMBSTONES = ("none", "sealed", "sealed in doubt", "stored", "stored just now", "stored in doubt", "failed")
# What the open capture is: nothing, chunks alone, another image, one of which neither time nor hash is known,
# or the first image once more; and whether it has long been silent.
OPEN = (("none", False), *product(("chunks", "second", "vague", "first"), (False, True)))


def message(said):
    """Metadata whose fields are those of the first image, of the second, or missing."""
    values = {"same": FIRST, "different": SECOND, "missing": {}}
    time, sha, size, total = (values[how].get(name) for name, how in said.items())
    return Metadata("AABB", None, REF.image_name, parse_time(time), size, total, image_sha256=sha)


def fields(image):
    names = {"time": "captured", "sha": "image_sha256", "size": "image_bytes", "total": "total"}
    return {
        names[name]: parse_time(value).isoformat() if name == "time" else value
        for name, value in image.items()
    }


def compare(one, other):
    """What `compare` in prelude.lua should say; all times here are of clocks that are set."""
    if any(one[name] != other[name] for name in one.keys() & other.keys()):
        return "different"
    return "same" if one.keys() & other.keys() & {"time", "sha"} else "unknown"


def expected(tombstone, open_, stale, said):
    """What happens, by the table: a status, or begins, begins anew (flagged), joins, or supersedes."""
    told = {
        name: (FIRST if how == "same" else SECOND)[name] for name, how in said.items() if how != "missing"
    }
    begins = "total" in told
    stale = stale and begins
    of_tombstone = None if tombstone == "none" else compare(FIRST, told)
    image = {"chunks": {}, "second": SECOND, "first": FIRST}
    image["vague"] = {"size": SECOND["size"], "total": SECOND["total"]}
    of_open = None if open_ == "none" else compare(image[open_], told)
    if of_tombstone == "same" and tombstone != "failed":
        if of_open not in (None, "same") and not stale:
            return "late"
        if of_open is None and "doubt" not in tombstone:
            return "stored" if tombstone == "stored" else "late"
    if of_open == "same" or (of_open == "unknown" and not stale):
        return "joins"
    if not begins:
        return "ignored"
    begun = "begins again" if of_tombstone in ("same", "unknown") else "begins"
    return begun if of_open is None else f"supersedes, {begun}"


def set_up(client, tombstone, open_, last_at):
    capture, _, tombstone_key, due, held = keys.capture_keys(REF)
    pipe = client.pipeline()
    pipe.flushdb()
    if tombstone != "none":
        known = {"state": tombstone.split()[0], "seal": "AABB/i.jpg/1", "ends": "", **fields(FIRST)}
        if tombstone == "stored just now":
            known["acked_at"] = NOW - 1
        if "doubt" in tombstone:
            known["doubted"] = 1
        pipe.hset(tombstone_key, mapping=known)
    if open_ != "none":
        image = {"chunks": {}, "second": SECOND, "first": FIRST}
        image["vague"] = {"size": SECOND["size"], "total": SECOND["total"]}
        known = {"first_at": last_at, "last_at": last_at, **fields(image[open_])}
        pipe.hset(capture, mapping=known)
        pipe.zadd(due, {str(REF): last_at + DELAY})
        pipe.zadd(held, {str(REF): NOW + 10**9})
    pipe.execute()


def happened(store, client, outcome, begun_before):
    if outcome.status != "waiting":
        return str(outcome.status)
    capture = store.captures.get(REF)
    if begun_before == capture.first_at_ms:
        return "joins"
    begun = "begins again" if client.hexists(keys.capture_keys(REF)[0], "again") else "begins"
    return f"supersedes, {begun}" if outcome.superseded else begun


@pytest.mark.parametrize("client", ["fakeredis", "redis-server"], indirect=True)
@pytest.mark.parametrize(("open_", "stale"), OPEN)
@pytest.mark.parametrize("tombstone", TOMBSTONES)
def test_every_combination(store, client, tombstone, open_, stale):
    last_at = NOW - (TIMEOUT if stale else TIMEOUT - 1)
    for combination in product(SAID, repeat=4):
        said = dict(zip(FIRST, combination, strict=True))
        set_up(client, tombstone, open_, last_at)
        outcome = describe(store, message(said))
        found = happened(store, client, outcome, last_at if open_ != "none" else None)
        assert found == expected(tombstone, open_, stale, said), said
        asked = client.hexists(keys.capture_keys(REF)[2], "asked_at")
        assert asked == (tombstone == "stored just now" and found == "late" and open_ == "none"), said

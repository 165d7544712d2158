"""What all devices of a shard may have in flight together, however they share it."""

from itertools import count, islice

from capture_lab import NOW, put
from store_lab import StoreLab

from core.store import keys
from core.store.keys import CaptureRef

SHARE = 3


def neighbours(number):
    """Devices of one shard."""
    names = (f"DEVICE{n}" for n in count())
    return list(islice((name for name in names if keys.shard(name) == 5), number))


def test_captures_that_arrive_are_bounded_over_all_devices_of_a_shard(client):
    store = StoreLab(client, max_captures=SHARE * keys.SHARDS)
    refs = [CaptureRef(device, "i.jpg") for device in neighbours(SHARE + 1)]
    assert [put(store, 0, ref=ref, now=NOW).status for ref in refs] == ["waiting"] * SHARE + ["refused"]
    elsewhere = next(name for n in count() if keys.shard(name := f"DEVICE{n}") != 5)
    assert put(store, 0, ref=CaptureRef(elsewhere, "i.jpg"), now=NOW).status == "waiting"

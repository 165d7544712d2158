"""A device that is erased is forgotten by Redis, whatever kind of key tells of it; others are not."""

import sys

from core.store import keys
from core.store.forget import forget
from core.store.streams import Streams, error_entry, message_entry


def fill(client, device):
    """A key of each kind that names the device, and an entry in each set of its shard."""
    begin = f"fleet:{{{keys.shard(device)}}}"
    for kind in keys.KEYS:
        name = kind.pattern.replace("fleet:{s}", begin)
        for part, what in {
            "<ref>": f"{device}/image_1.jpg",
            "<device/image>": f"{device}/image_1.jpg",
            "<day>/<object>": "2026-01-01/image_1.jpg",
            "<device>": device,
        }.items():
            name = name.replace(part, what)
        if device in name:
            client.set(name, 1)
        elif "{s}" in kind.pattern:
            client.zadd(name, {f"{device}/image_1.jpg": 1, f"{device}/image_2.jpg/abc": 2})
    client.zadd(keys.UNANSWERED, {device: 1})


def told(client, device):
    """All keys that are of the device, and all members of sets."""
    names = [key.decode() for key in client.scan_iter()]
    found = [name for name in names if name.rsplit(":", 1)[1].split("/")[0] == device]
    for key in client.scan_iter():
        if client.type(key) == b"zset":
            members = [member.decode() for member, _ in client.zscan_iter(key)]
            found += [f"{key.decode()} {member}" for member in members if member.split("/")[0] == device]
    return sorted(found)


def test_a_device_is_forgotten_whatever_kind_of_key_tells_of_it(client):
    devices = ["AABBCCDDEEFF", "AABBCCDDEEFF0", "AABBCCDDEE"]
    for device in devices:
        fill(client, device)
    before = {device: told(client, device) for device in devices}
    of_the_device = [kind for kind in keys.KEYS if "<" in kind.pattern and "<device" in kind.pattern]
    assert len(before[devices[0]]) > len(of_the_device) > 6
    assert forget(client, frozenset(devices[:1])) == len(before[devices[0]])
    assert {device: told(client, device) for device in devices} == before | {devices[0]: []}
    assert forget(client, frozenset(devices[:1])) == 0


def test_what_waits_for_the_database_is_forgotten_too_and_that_of_others_stays(client, monkeypatch):
    monkeypatch.setattr(sys.modules[forget.__module__], "_BATCHES", 2)
    streams = Streams(client)
    for names in (["A", "B", "A"], ["B"], ["A"], ["B", None]):
        streams.append(
            keys.LOG,
            [message_entry(name, f"{name}/data", "in", {}, number) for number, name in enumerate(names)],
        )
    streams.append(
        keys.ERRORS, [error_entry("A", 2201, "wrong", {}, 1), error_entry("B", 2201, "wrong", {}, 1)]
    )
    kept = {
        entry["key"]: entry
        for stream in (keys.LOG, keys.ERRORS)
        for batch in streams.oldest(stream, 100)
        for entry in batch.entries
        if entry["device_id"] != "A"
    }
    assert len(kept) == 5
    assert forget(client, frozenset(["A"])) == 4
    left = [batch for stream in (keys.LOG, keys.ERRORS) for batch in streams.oldest(stream, 100)]
    assert {entry["key"]: entry for batch in left for entry in batch.entries} == kept
    assert all(batch.entries for batch in left)
    assert forget(client, frozenset(["A"])) == 0
    assert [batch.id for stream in (keys.LOG, keys.ERRORS) for batch in streams.oldest(stream, 100)] == [
        batch.id for batch in left
    ]

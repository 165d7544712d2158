"""Captures that failed for good are taken up again by `fleet requeue`, through the sweep, and end stored."""

import subprocess
import sys

import pytest
from arrivals import arrive, photo
from chaos_proxy import Fault

from local.part import REPOSITORY
from local.ports import free_port
from tasks.capture import store_capture
from tasks.sweep import enqueue_waiting


@pytest.fixture
def requeue(environment):
    """The tool as an operator runs it: status, lines, and what it says on stderr."""

    def run(*arguments, **settings):
        answer = subprocess.run(
            [sys.executable, "-m", "operate.requeue", *arguments],
            cwd=REPOSITORY, env={**environment, **settings}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        return answer.returncode, answer.stdout.splitlines(), answer.stderr.strip()

    return run


class Worker:
    """Works on what the sweep enqueues at once."""

    def store_capture(self, ref):
        store_capture.run(*ref)


def fails(behind, proxy, device, *names, status=413):
    """Let pictures come that Supabase refuses for good, rows included."""
    proxy.set(Fault("answer", status))
    for name in names:
        store_capture.run(*arrive(behind, device, photo(), name))
    proxy.set(None)


def statuses(database, device):
    found = database.table("captures").select("*").eq("device_id", device).execute().data
    return {row["device_capture_id"]: (row["ingest_status"], row["error_code"]) for row in found}


def test_what_storage_refused_is_stored_in_the_end(behind, proxy, requeue, database, bucket, device, ear):
    fails(behind, proxy, device, "a.jpg", "b.jpg")
    chunks = -(-len(photo()) // 1024)
    lines = [f"✓ {device}/{name}: 2204, {chunks} chunks" for name in ("b.jpg", "a.jpg")]
    said = requeue("--all", "--dry-run")
    assert said == (0, [*lines, "2 of 2 captures would be tried again"], "")
    enqueue_waiting(behind, Worker())
    assert statuses(database, device) == {}
    assert requeue("--all") == (0, [*lines, "2 of 2 captures will be tried again"], "")
    assert requeue("--all") == (0, ["0 of 0 captures will be tried again"], "")
    enqueue_waiting(behind, Worker())
    assert statuses(database, device) == {"a.jpg": ("stored", None), "b.jpg": ("stored", None)}
    assert {ear.next()[1]["image_name"] for _ in lines} == {"a.jpg", "b.jpg"}
    assert bucket.download(f"captures/{device}/2025/10/04/a.jpg") == photo()
    assert behind.store.captures.count() == 0


def test_one_a_device_or_an_error_code_is_chosen(behind, proxy, requeue, database, device):
    fails(behind, proxy, device, "a.jpg", "b.jpg", "c.jpg")
    fails(behind, proxy, f"{device}X", "a.jpg")
    assert requeue(device, "a.jpg")[1][-1].startswith("1 of 1 ")
    assert requeue("--code", "2205")[1] == ["0 of 0 captures will be tried again"]
    assert requeue(f"{device}X", "--code", "2204")[1][-1].startswith("1 of 1 ")
    assert requeue(device)[1][-1].startswith("2 of 2 ")
    enqueue_waiting(behind, Worker())
    assert set(statuses(database, device).values()) == {("stored", None)}


def test_what_the_device_sends_again_meanwhile_is_stored_once(behind, proxy, requeue, database, device, ear):
    fails(behind, proxy, device, "a.jpg")
    again = arrive(behind, device, photo(), "a.jpg")
    status, lines, _ = requeue(device, "a.jpg")
    assert (status, lines[-1]) == (0, "0 of 1 captures will be tried again")
    assert lines[0].endswith(", sent again")
    store_capture.run(*again)
    assert ear.next()[1]["ACK_OK"] == {}
    assert statuses(database, device) == {"a.jpg": ("stored", None)}


def test_in_quarantine_it_needs_no_chunks(behind, requeue, device):
    store_capture.run(*arrive(behind, device, photo(), size=999))
    assert behind.store.captures.failed(10) == []
    assert requeue(device, "image_1.jpg") == (1, [], f"no failed capture {device}/image_1.jpg is kept")


def test_what_could_not_even_be_quarantined_is_kept(behind, proxy, device):
    proxy.set(Fault("answer", 413))
    store_capture.run(*arrive(behind, device, photo(), size=999))
    [ref] = behind.store.captures.failed(10)
    assert behind.store.captures.get(ref).failed_code == 2202


def test_a_report_that_the_database_refused_is_recorded_and_acknowledged_in_the_end(
    behind, proxy, requeue, database, device, ear
):
    proxy.set(Fault("answer", 413))
    store_capture.run(*arrive(behind, device, b"", "no-image", error="2"))
    proxy.set(None)
    assert requeue("--code", "2205")[1][-1] == "1 of 1 captures will be tried again"
    enqueue_waiting(behind, Worker())
    assert ear.next()[1] == {"device_id": device, "image_name": "no-image", "ACK_OK": {}}
    assert statuses(database, device) == {"no-image": ("failed", 1002)}


def test_wrong_usage_is_one_line(requeue, tmp_path):
    which = "say which: a device, and an image name perhaps, or --code, or --all"
    assert requeue() == (2, [], which)
    assert requeue("--all", "--code", "2204") == (2, [], which)
    missing = tmp_path / "env"
    assert requeue("--all", "--env-file", str(missing)) == (2, [], f"no such file: {missing}")
    status, lines, error = requeue("--all", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert (status, lines) == (1, [])
    assert error.startswith("Redis: ")
    assert "\n" not in error

"""A problem of the field becomes a test case: recorded, judged, and played again against the service."""

import hashlib
import json
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest

from local.part import REPOSITORY
from operate.field.recording import Recording
from simulator.fleet import Fleet
from simulator.options import FleetOptions

pytestmark = pytest.mark.usefixtures("services")

DEVICE, TWIN = "F1E1D0000001", "F1E1D0000002"


@pytest.fixture(scope="module")
def environment(stack, tmp_path_factory):
    return {**stack.environment(), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def tool(environment):
    """An operator's command, run to its end: status, stdout, stderr."""

    def run(name, *arguments, **settings):
        answer = subprocess.run(
            [sys.executable, "-m", f"operate.{name}", *map(str, arguments)],
            cwd=REPOSITORY, env={**environment, **settings}, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        return answer.returncode, answer.stdout, answer.stderr.strip()

    return run


@pytest.fixture(scope="module")
def recording(stack, environment, tmp_path_factory):
    """What a device of an odd dialect said on a poor line, recorded until Ctrl-C."""
    file = tmp_path_factory.mktemp("field") / "odd.jsonl.gz"
    recorder = subprocess.Popen(
        [sys.executable, "-m", "operate.record", str(file), DEVICE],
        cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert "recording from" in recorder.stdout.readline()
    options = FleetOptions(
        host=stack.mqtt_host, port=stack.mqtt_port, device_ids=(DEVICE,), seed=5, dialect="unpadded", images=2,
        loss=0.1,
    )  # fmt: skip
    report = Fleet(options).run()
    recorder.send_signal(signal.SIGINT)
    said, _ = recorder.communicate(timeout=30)
    assert recorder.returncode == 0, said
    assert f"of 1 device in {file}" in said
    return file, report


def test_a_recording_holds_both_sides_of_the_conversation(recording):
    file, _ = recording
    messages = list(Recording(file))
    assert {message.kind for message in messages} >= {"status", "data", "ack"}
    answers = [json.loads(message.payload) for message in messages if message.kind == "ack"]
    # On such a line an ACK may be lost, and is asked for and sent again.
    assert {answer["image_name"] for answer in answers if "ACK_OK" in answer} == {
        "image_1.jpg",
        "image_2.jpg",
    }
    assert any("missing_chunks" in answer for answer in answers)
    assert [message.ms for message in messages] == sorted(message.ms for message in messages)


def rules(report):
    """The rules that were broken, but for two that depend on the time of the day and on how long it sleeps."""
    return {deviation["rule"] for deviation in report["deviations"]} - {"time form", "hello again"}


def test_the_report_names_what_this_dialect_deviates_in(recording, tool):
    file, _ = recording
    status, out, err = tool("conformance", DEVICE, "--recording", file, "--json")
    assert (status, err) == (0, "")  # nothing harmful
    report = json.loads(out)
    assert report["pictures"] == 2
    assert rules(report) == {"time name", "chunk size name", "chunk count name", "no SHA-256", "repeats"}
    status, out, _ = tool("conformance", DEVICE, "--recording", file)
    assert status == 0 and "capture_timestamp" in out


@pytest.mark.timeout(400)
def test_the_log_of_the_database_tells_the_same_of_hellos_and_metadata(recording, tool, http):
    # The listener writes the row of a capture once it has been quiet, and what others have left goes before it.
    end = time.monotonic() + 200
    while True:
        status, out, err = tool("conformance", DEVICE, "--json")
        if out and json.loads(out)["pictures"] == 2:
            break
        assert time.monotonic() < end, (out, err)
    assert status == 0
    assert rules(json.loads(out)) == {"time name", "chunk size name", "chunk count name", "no SHA-256"}
    link = json.loads(out)["link"]
    assert ([said["code"] for said in link["advice"]], link["figures"]["pictures"]) == (["too_few"], 2)
    assert "It has sent 2 pictures in this time" in " ".join(tool("conformance", DEVICE)[1].split())


@pytest.fixture(scope="module")
def http(stack):
    headers = {"apikey": stack.supabase_secret_key, "authorization": f"Bearer {stack.supabase_secret_key}"}
    with httpx.Client(base_url=stack.supabase_url, headers=headers, timeout=20, trust_env=False) as client:
        yield client


def test_a_recording_played_as_another_device_is_stored_as_the_first_was(recording, tool, http):
    file, _ = recording
    status, out, err = tool("replay", file, "--as", TWIN, "--speed", 0, "--wait", 60)
    assert (status, err) == (0, ""), out
    assert re.search(r"ACK_OK: [2-9] \(recorded: [2-9]\)", out), out

    def sums(device):
        query = {"device_id": f"eq.{device}", "ingest_status": "eq.stored"}
        rows = http.get("/rest/v1/captures", params=query).raise_for_status().json()
        objects = [http.get(f"/storage/v1/object/gxp-captures/{row['storage_path']}") for row in rows]
        return sorted(hashlib.sha256(found.raise_for_status().content).hexdigest() for found in objects)

    assert len(sums(TWIN)) == 2
    assert sums(TWIN) == sums(DEVICE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("record", "{file}"), "is there already"),
        (("record", "{new}", "../x"), "this is no id of a device"),
        (("replay", "{new}"), "No such file"),
        (("replay", "{text}"), "is no recording"),
        (("replay", "{file}", "--as", "+"), "this is no id of a device"),
        (("replay", "{file}", "--device", "NOBODY"), "holds no messages of NOBODY"),
        (("conformance", DEVICE, "--recording", "{text}"), "is no recording"),
    ],
)
def test_wrong_usage_ends_in_a_line(recording, tool, tmp_path, arguments, said):
    (tmp_path / "text").write_text("Dear diary\n")
    paths = {"file": recording[0], "new": tmp_path / "new", "text": tmp_path / "text"}
    status, out, err = tool(*(argument.format(**paths) for argument in arguments))
    assert status == 2
    assert said in err and len(err.splitlines()) == 1 and not out
    assert not (tmp_path / "new").exists()


def test_a_broker_that_is_away_ends_in_a_line(recording, tool, tmp_path):
    for arguments in (("record", tmp_path / "new"), ("replay", recording[0])):
        status, _, err = tool(*arguments, MQTT_PORT="1")
        assert status == 1
        assert "127.0.0.1:1" in err and len(err.splitlines()) == 1
    assert not (tmp_path / "new").exists()

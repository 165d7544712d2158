"""The commands that export and erase a device, a user and a company, on the embedded stack with a Redis of their own."""

import hashlib
import json
import queue
import subprocess
import sys
import uuid

import paho.mqtt.client as paho
import pytest
from arrivals import arrive, photo, run
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from core.retain import Retained
from local.part import REPOSITORY
from operate import erase


@pytest.fixture
def command(environment):
    def call(name, *words, typed=None, **settings):
        return subprocess.run(
            [sys.executable, "-m", f"operate.{name}", *words], cwd=REPOSITORY, input=typed,
            env={"PATH": "/usr/bin", "PYTHONPATH": str(REPOSITORY), **environment, **settings},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return call


@pytest.fixture
def stored(resources, company):
    """A device of a company with two pictures; and the objects of them."""
    for number in range(2):
        time = f"2025-10-0{4 + number}T12:00:00Z"
        run(resources, arrive(resources, company.device, photo(number), f"image_{number}.jpg", time=time))
    rows = company.database.table("captures").select("*").eq("device_id", company.device).execute().data
    return company, sorted(path for row in rows for path in (row["storage_path"], row["thumbnail_path"]))


def is_there(resources, path):
    return resources.supabase.download(path) is not None


def keys_of(resources, device):
    """What Redis has of a device: keys, and members of sets."""
    redis = resources.store.redis
    found = [key.decode() for key in redis.scan_iter() if device in key.decode()]
    for key in redis.scan_iter(_type="zset"):
        found += [member.decode() for member in redis.zrange(key, 0, -1) if device in member.decode()]
    return found


def kept_at(stack, topic):
    """What the broker keeps on a topic, heard before a message that comes after."""
    heard = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"later{uuid.uuid4().hex}")
    client.on_message = lambda _client, _data, message: heard.put((message.topic, message.payload))
    client.connect(stack.mqtt_host, stack.mqtt_port)
    client.on_subscribe = lambda *_: client.publish(f"{topic}/end", b"1", qos=1)
    client.loop_start()
    client.subscribe([(topic, 1), (f"{topic}/end", 1)])
    found = dict(iter(lambda: heard.get(timeout=10), (f"{topic}/end", b"1")))
    client.disconnect()
    client.loop_stop()
    return found.get(topic)


def test_an_export_has_every_row_and_every_object_and_their_sums(command, resources, stored, tmp_path):
    company, paths = stored
    folder = tmp_path / "export"
    answer = command("subject_export", "device", company.device, "--to", str(folder))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["kind"], manifest["of"], manifest["objects"]) == ("device", company.device, 4)
    assert manifest["missing"] == []
    for table, said in manifest["tables"].items():
        data = (folder / "rows" / f"{table.removeprefix('public.')}.jsonl").read_bytes()
        assert hashlib.sha256(data).hexdigest() == said["sha256"]
        assert len([json.loads(line) for line in data.splitlines()]) == said["rows"] > 0
    assert manifest["tables"]["public.captures"]["rows"] == 2
    assert manifest["tables"]["public.sensor_readings"]["rows"] == 2
    there = sorted(str(file.relative_to(folder / "objects")) for file in (folder / "objects").rglob("*.*"))
    assert there == paths
    assert all(
        (folder / "objects" / path).read_bytes() == resources.supabase.download(path) for path in paths
    )
    check = ["sha256sum", "--check", "--strict", "../SHA256SUMS"]
    assert subprocess.run(check, cwd=folder / "objects", capture_output=True, check=False).returncode == 0
    assert (folder.stat().st_mode & 0o777) == 0o700


def test_an_export_goes_on_where_it_was_cut_off_and_touches_no_other_folder(command, stored, tmp_path):
    company, paths = stored
    folder = tmp_path / "export"
    export = ("subject_export", "device", company.device, "--to", str(folder))
    assert command(*export).returncode == 0
    assert command(*export).returncode == 2, "it is done"

    manifest = json.loads((folder / "manifest.json").read_text())
    begun = {name: manifest[name] for name in ("kind", "of", "name")}
    (folder / "manifest.json").write_text(json.dumps(begun))
    (folder / "objects" / paths[0]).unlink()
    before = {path: (folder / "objects" / path).stat().st_ino for path in paths[1:]}
    assert command(*export).returncode == 0
    assert {path: (folder / "objects" / path).stat().st_ino for path in paths[1:]} == before
    again = json.loads((folder / "manifest.json").read_text())
    assert (again["objects"], again["tables"].keys()) == (4, manifest["tables"].keys())

    other = command("subject_export", "company", company.company_id, "--to", str(folder))
    assert other.returncode == 2
    assert "of another" in other.stderr
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("mine")
    assert command("subject_export", "device", company.device, "--to", str(foreign)).returncode == 2
    assert [file.name for file in foreign.iterdir()] == ["letter.txt"]


def test_a_picture_whose_object_is_missing_is_told(command, resources, stored, tmp_path):
    company, paths = stored
    resources.supabase.remove(paths[:1])
    answer = command("subject_export", "device", company.device, "--to", str(tmp_path / "export"))
    assert answer.returncode == 0
    assert f"{paths[0]} is missing in Storage" in answer.stdout
    assert json.loads((tmp_path / "export" / "manifest.json").read_text())["missing"] == paths[:1]


def test_nothing_goes_unless_the_name_is_typed(command, resources, stored):
    company, paths = stored
    for words, typed in (((), "another\n"), (("--yes", "another"), None)):
        answer = command("erase", "device", company.device, *words, typed=typed)
        assert answer.returncode == 1
        assert "nothing is erased" in answer.stderr
        assert all(is_there(resources, path) for path in paths)
    answer = command("erase", "device", company.device, typed=f"{company.device}\n")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert not any(is_there(resources, path) for path in paths)


def test_a_device_is_erased_with_its_objects_and_what_redis_has_and_once_more_does_no_harm(
    command, resources, stored
):
    company, paths = stored
    arrive(resources, company.device, photo(2), "on_its_way.jpg", time="2025-10-09T12:00:00Z")
    resources.store.devices.remember_wake(company.device, "2025-10-10T12:00:00Z", "UTC")
    other = f"{company.device}X"
    company.add_device(other)
    arrive(resources, other, photo(2), "on_its_way.jpg", time="2025-10-09T12:00:00Z")
    others = {key for key in keys_of(resources, company.device) if other in key}
    erase = ("erase", "device", company.device, "--yes", company.device)
    first = command(*erase)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "gone: 2 of public.captures" in first.stdout
    assert "gone: 4 of objects in Storage" in first.stdout
    assert "A device that goes on sending is there again" in first.stdout
    assert not any(is_there(resources, path) for path in paths)
    assert set(keys_of(resources, company.device)) == others
    assert command(*erase).returncode == 0

    # The device goes on sending: it is there again, and goes again.
    run(resources, arrive(resources, company.device, photo(3), "later.jpg", time="2025-10-11T12:00:00Z"))
    again = command(*erase)
    assert again.returncode == 0
    assert "gone: 1 of public.captures" in again.stdout


def test_what_the_broker_keeps_for_home_assistant_is_taken_back(command, stack, resources, stored):
    company, _ = stored
    topic = f"fleet/{company.company_id}/{company.device}/state"
    with Retained(resources.settings, f"told{uuid.uuid4().hex}") as broker:
        broker.publish([(topic, b"{}")])
    assert kept_at(stack, topic) == b"{}"
    resources.store.announced.keep({company.device: {topic: "x"}})
    erase = ("erase", "device", company.device, "--yes", company.device)
    away = command(*erase, MQTT_PORT="1")
    assert away.returncode == 1
    assert "1 messages that the broker keeps for Home Assistant: cannot reach the broker" in away.stdout
    assert f"`erase device` takes back those of {company.device}" in " ".join(away.stdout.split())
    answer = command(*erase)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert resources.store.announced.kept([company.device]) == [None]
    assert kept_at(stack, topic) is None


def test_an_erasure_of_a_company_that_was_cut_off_leaves_nothing_at_the_broker_and_is_called_again_by_id(
    command, environment, monkeypatch, stack, resources, stored
):
    company, paths = stored
    topic = f"fleet/{company.company_id}/{company.device}/state"
    with Retained(resources.settings, f"told{uuid.uuid4().hex}") as broker:
        broker.publish([(topic, b"{}")])
    resources.store.announced.keep({company.device: {topic: "x"}})
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def cut_off(*_):
        raise KeyboardInterrupt

    # Its rows have gone by then, and with them what names its devices.
    monkeypatch.setattr(erase, "_delete_accounts", cut_off)
    words = ("company", company.company_id, "--yes", "farm")
    assert CliRunner().invoke(erase.app, words).exit_code != 0
    assert kept_at(stack, topic) is None
    again = command("erase", "company", company.company_id, "--yes", company.company_id)
    assert again.returncode == 0, again.stdout + again.stderr
    assert not any(is_there(resources, path) for path in paths)


def test_without_redis_it_says_that_it_has_not_looked_there(command, stored, environment):
    company, _ = stored
    environment = {name: value for name, value in environment.items() if name != "REDIS_URL"}
    answer = subprocess.run(
        [sys.executable, "-m", "operate.erase", "device", company.device, "--yes", company.device],
        cwd=REPOSITORY, env={"PATH": "/usr/bin", **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Redis was not looked at" in answer.stdout


def test_what_a_killed_worker_had_begun_to_remove_has_stayed(
    environment, monkeypatch, resources, database, stored
):
    company, paths = stored
    database.table("captures").delete().eq("storage_path", paths[0]).execute()
    claimed = resources.supabase.call("claim_removals", p_limit=1000)
    mine = [path for path in claimed if company.device in path]
    assert paths[0] in mine
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(erase, "PATIENCE_S", 0)
    words = ["device", company.device, "--yes", company.device]
    answer = CliRunner().invoke(erase.app, words)
    assert answer.exit_code == 1
    assert f"{len(mine)} objects that a worker had begun to remove" in answer.output
    resources.supabase.remove(claimed)
    resources.supabase.call("finish_removals", p_paths=claimed)
    assert CliRunner().invoke(erase.app, words).exit_code == 0


def test_a_user_is_erased_and_an_account_that_stays_is_told(command, database, company):
    answer = command("erase", "user", company.email.upper(), "--yes", company.email)
    # The embedded Supabase has no admin API; tests/unit/test_supabase_answers.py has what one answers.
    assert answer.returncode == 1, answer.stdout + answer.stderr
    (stayed,) = [line for line in answer.stdout.splitlines() if "stayed:" in line]
    assert stayed.startswith("✗ stayed: the account ")
    assert "gone: 1 of public.users" in answer.stdout
    assert f"The company {company.company_id} has no admin now" in answer.stdout
    assert database.table("users").select("*").eq("company_id", company.company_id).execute().data == []
    entries = database.table("audit_log").select("*").eq("company_id", company.company_id).execute().data
    assert entries
    assert company.email not in str(entries)
    again = command("erase", "user", company.email, "--yes", company.email)
    assert "gone:" not in again.stdout


def test_a_user_is_exported_without_a_secret(command, company, tmp_path):
    answer = command("subject_export", "user", company.email, "--to", str(tmp_path / "export"))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (account,) = (tmp_path / "export" / "rows" / "auth.users.jsonl").read_text().splitlines()
    assert json.loads(account)["email"] == company.email
    assert "password" not in account


def test_a_company_is_exported_and_erased_with_its_devices(command, resources, database, stored, tmp_path):
    company, paths = stored
    arrive(resources, company.device, photo(2), "on_its_way.jpg", time="2025-10-09T12:00:00Z")
    name = f"farm {uuid.uuid4().hex}"
    database.table("companies").update({"name": name}).eq("company_id", company.company_id).execute()
    exported = command("subject_export", "company", name, "--to", str(tmp_path / "export"))
    assert exported.returncode == 0, exported.stdout + exported.stderr
    assert json.loads((tmp_path / "export" / "manifest.json").read_text())["objects"] == 4
    answer = command("erase", "company", name, "--yes", name)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert not any(is_there(resources, path) for path in paths)
    assert keys_of(resources, company.device) == []
    assert database.table("devices").select("*").eq("device_id", company.device).execute().data == []
    assert database.table("companies").select("*").eq("company_id", company.company_id).execute().data == []
    again = command("erase", "company", name, "--yes", name)
    assert (again.returncode, "there is no company" in again.stderr) == (1, True)


@pytest.mark.parametrize("words", [("device", "no/device"), ("user", "nobody")])
def test_what_cannot_be_meant_is_refused(command, words):
    assert command("erase", *words).returncode == 2

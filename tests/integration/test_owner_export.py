"""`fleet export` as people type it, on the embedded stack: what a user may see, and nothing else, whole after each cut."""

import csv
import hashlib
import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from chaos_proxy import Fault
from owners import Owner
from typer.testing import CliRunner

from fleet.export import app
from local.part import REPOSITORY, clean_environment

TIME = datetime(2026, 1, 5, 23, 30, tzinfo=UTC)
JANUARY = ("--from", "2026-01-01", "--to", "2026-02-01")


def export(owner, *words, **settings):
    given = owner.environment | {"COLUMNS": "200"} | settings
    return CliRunner().invoke(app, [str(word) for word in words], env=given, prog_name="fleet export")


def process(owner, *words, **settings):
    """What `subprocess` takes for the same as a process of its own."""
    environment = {**clean_environment(), "NO_PROXY": "127.0.0.1"} | owner.environment | settings
    command = [sys.executable, "-m", "fleet", "export", *map(str, words)]
    return {"args": command, "cwd": REPOSITORY, "env": environment, "stdin": subprocess.DEVNULL, "text": True}


def rows(folder, name="captures"):
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def pictures(folder):
    return sorted(file for file in (folder / "pictures").rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def owner(stack, database):
    owner = Owner(stack, database, "Greenhouse & Söhne")
    for number in range(3):
        owner.picture(TIME + timedelta(days=number), b"\xff\xd8 picture %d" % number)
    failed = {"device_id": owner.device, "image_name": "x.jpg", "ingest_status": "failed"}
    failed |= {"captured_at": TIME.isoformat(), "error": {"code": 2201, "message": "timed out"}}
    database.rpc("record_capture", {"p_capture": failed}).execute()
    return owner


@pytest.fixture(scope="module")
def neighbour(stack, database):
    neighbour = Owner(stack, database, "Vineyard", "Hill")
    neighbour.picture(TIME)
    return neighbour


def test_an_export_has_what_a_user_may_see_and_nothing_else(owner, neighbour, tmp_path):
    folder = tmp_path / "export"
    answer = export(owner, *JANUARY, "--zone", "Europe/Berlin", folder)
    assert answer.exit_code == 0, answer.stderr
    assert "✓ 4 captures with 3 pictures, 3 of them fetched now, and 3 readings" in answer.stdout
    found = rows(folder)
    assert [row["captured_at"] for row in found if row["file"]] == [
        f"2026-01-0{day}T00:30:00+01:00" for day in (6, 7, 8)
    ]
    assert {row["device_id"] for row in found} == {owner.device}
    assert [row["ingest_status"] for row in found if not row["file"]] == ["failed"]
    for row in found:
        if row["file"]:
            data = (folder / row["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == row["sha256"]
            day = row["captured_at"][:10]
            above = f"pictures/Greenhouse & Söhne/no site/North bed {owner.device}/{day}/00.30.00 "
            assert row["file"] == f"{above}{row['capture_id']}.jpg"
    assert len(pictures(folder)) == 3
    assert [row["temperature_c"] for row in rows(folder, "readings")] == ["23.5"] * 3
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["name"], manifest["pictures"], manifest["missing"]) == ("Greenhouse & Söhne", 3, [])
    assert folder.stat().st_mode & 0o777 == 0o700

    theirs = export(neighbour, *JANUARY, tmp_path / "theirs")
    assert theirs.exit_code == 0, theirs.stderr
    assert {row["device_id"] for row in rows(tmp_path / "theirs")} == {neighbour.device}
    other = export(owner, *JANUARY, "--device", neighbour.device, tmp_path / "other")
    assert (other.exit_code, other.stderr) == (
        1, f"there is no device {neighbour.device} in Greenhouse & Söhne\n")  # fmt: skip
    assert not (tmp_path / "other").exists()
    mixed = export(neighbour, *JANUARY, "--zone", "Europe/Berlin", folder)
    assert mixed.exit_code == 2 and "has the export of another (of, name)" in mixed.stderr


def test_a_range_and_devices_narrow_it(owner, tmp_path):
    words = ("--from", "2026-01-06", "--to", "2026-01-07T23:30:00Z", "--device", owner.device)
    assert export(owner, *words, tmp_path / "export").exit_code == 0
    assert [row["captured_at"] for row in rows(tmp_path / "export")] == ["2026-01-06T23:30:00+00:00"]


@contextmanager
def hanging_at(path, owner, proxy, folder):
    """An export as a process of its own, which has come to an object that never comes; it is killed in the end."""
    reached = threading.Event()

    def hang():
        proxy.set(Fault("hang"))
        reached.set()

    proxy.watch(f"GET /storage/v1/object/gxp-captures/{path}", hang, after=False)
    with subprocess.Popen(
        **process(owner, *JANUARY, folder, SUPABASE_URL=proxy.url), stderr=subprocess.PIPE
    ) as running:
        try:
            assert reached.wait(60)
            yield running
        finally:
            running.kill()
            proxy.set(None)


@pytest.mark.parametrize("cut", [signal.SIGINT, signal.SIGKILL])
def test_an_export_that_was_cut_off_goes_on(stack, database, proxy, tmp_path, cut):
    orchard, folder = Owner(stack, database, "Orchard"), tmp_path / "export"
    paths = [orchard.picture(TIME + timedelta(minutes=number), b"%d" % number) for number in range(30)]
    with hanging_at(paths[12], orchard, proxy, folder) as running:
        running.send_signal(cut)
        said = running.communicate(timeout=60)[1]  # what hangs is not waited for: that would take minutes
    if cut == signal.SIGINT:
        assert (running.returncode, said.splitlines()[-1]) == (
            130, "cut off: the same command goes on from here")  # fmt: skip
    before = {file: file.stat().st_ino for file in pictures(folder) if file.suffix == ".jpg"}
    assert 0 < len(before) < 30
    assert not (folder / "captures.csv").exists()
    assert "done_at" not in json.loads((folder / "manifest.json").read_text())

    again = export(orchard, *JANUARY, folder)
    assert again.exit_code == 0, again.stderr
    assert f"30 pictures, {30 - len(before)} of them fetched now" in again.stdout
    assert {file: file.stat().st_ino for file in before} == before
    assert [(folder / row["file"]).read_bytes() for row in rows(folder)] == [b"%d" % n for n in range(30)]
    assert len(pictures(folder)) == 30, "nothing half is left"
    damaged = next(iter(before))
    damaged.write_bytes(b"half")
    mended = export(orchard, *JANUARY, folder)
    assert "30 pictures, 1 of them fetched now" in mended.stdout
    assert damaged.read_bytes() != b"half"


def test_two_exports_do_not_write_to_one_folder(stack, database, proxy, tmp_path):
    orchard, folder = Owner(stack, database, "Orchard"), tmp_path / "export"
    path = orchard.picture(TIME, b"whole")
    with hanging_at(path, orchard, proxy, folder):
        second = export(orchard, *JANUARY, folder)
    assert (second.exit_code, second.stderr) == (2, f"another export is under way in {folder}\n")
    assert export(orchard, *JANUARY, folder).exit_code == 0
    assert [file.read_bytes() for file in pictures(folder)] == [b"whole"]


def test_an_export_that_was_cut_off_at_its_first_file_goes_on(owner, tmp_path):
    (tmp_path / "manifest.json.part").write_text("{")
    assert export(owner, *JANUARY, tmp_path).exit_code == 0
    assert not (tmp_path / "manifest.json.part").exists()


def test_a_disk_that_is_full_is_told_in_one_line(stack, database, tmp_path):
    """Here no file may have more than 600 bytes."""
    script = (
        "import resource, runpy, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600)); runpy.run_module('fleet', run_name='__main__')"
    )
    farm = Owner(stack, database, "Farm")
    farm.picture(TIME, b"\xff" * 601)
    words = process(farm, *JANUARY, tmp_path / "export")
    words["args"] = [sys.executable, "-c", script, *words["args"][3:]]
    ended = subprocess.run(**words, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, "cannot write: [Errno 27] File too large")
    assert "Traceback" not in ended.stderr
    assert not [file for file in (tmp_path / "export").rglob("*") if file.suffix in (".part", ".jpg")]
    assert "done_at" not in json.loads((tmp_path / "export" / "manifest.json").read_text())


def test_a_device_that_is_gone_and_never_stored_a_picture_is_known(stack, database, tmp_path):
    farm = Owner(stack, database, "Farm")
    failed = {"device_id": farm.device, "image_name": "x.jpg", "ingest_status": "failed"}
    failed |= {"captured_at": TIME.isoformat(), "error": {"code": 2201, "message": "timed out"}}
    database.rpc("record_capture", {"p_capture": failed}).execute()
    database.table("devices").update({"company_id": None}).eq("device_id", farm.device).execute()
    answer = export(farm, *JANUARY, "--device", farm.device, tmp_path / "export")
    assert answer.exit_code == 0, answer.stderr
    assert [row["ingest_status"] for row in rows(tmp_path / "export")] == ["failed"]


def test_names_of_tenants_lead_nowhere_and_are_no_formulas(stack, database, tmp_path):
    hostile = '../../=\u202eHYPERLINK("http://x")\n' + "ü" * 200
    farm = Owner(stack, database, "../..", "bed")
    with farm.sign_in() as client:
        site = {"company_id": client.company().company_id, "name": "=1+1"}
    (made,) = database.table("sites").insert(site).execute().data
    changed = {"name": f"={hostile}", "site_id": made["site_id"]}
    database.table("devices").update(changed).eq("device_id", farm.device).execute()
    farm.picture(TIME)
    folder = tmp_path / "deep" / "export"
    answer = export(farm, *JANUARY, folder)
    assert answer.exit_code == 0, answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["export"]
    (row,) = rows(folder)
    assert (row["company"], row["site"]) == ("../..", "'=1+1")
    assert row["device"].startswith("'=../../") and row["device"].endswith("ü")
    (picture,) = pictures(folder)
    assert picture == folder / row["file"]
    *_, company, place, device, day, _ = picture.parts
    assert (company, place, day) == ("_", "=1+1", "2026-01-05")
    assert device.endswith(f" {farm.device}") and device.isprintable() and len(device.encode()) <= 113


def test_a_picture_that_is_damaged_or_gone_is_told(stack, database, tmp_path):
    farm = Owner(stack, database, "Farm")
    farm.picture(TIME, b"good")
    gone = farm.picture(TIME + timedelta(days=1), b"gone")
    wrong = farm.picture(TIME + timedelta(days=2), b"wrong", image_sha256="0" * 64)
    database.storage.from_("gxp-captures").remove([gone])
    answer = export(farm, *JANUARY, tmp_path / "export")
    assert answer.exit_code == 1
    assert (
        "is not there any more" in answer.stdout and "has another SHA-256 than its row says" in answer.stdout
    )
    assert [bool(row["file"]) for row in rows(tmp_path / "export")] == [True, False, False]
    assert [file.read_bytes() for file in pictures(tmp_path / "export")] == [b"good"]
    manifest = json.loads((tmp_path / "export" / "manifest.json").read_text())
    assert (len(manifest["missing"]), len(manifest["damaged"])) == (1, 1), wrong


def test_parquet_has_types_and_every_text_as_it_is(owner, database, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    answer = export(owner, *JANUARY, "--format", "parquet", "--zone", "Asia/Tokyo", tmp_path / "export")
    assert answer.exit_code == 0, answer.stderr
    captures = parquet.read_table(tmp_path / "export" / "captures.parquet")
    assert captures.num_rows == 4
    assert str(captures.schema.field("captured_at").type) == "timestamp[us, tz=Asia/Tokyo]"
    assert captures["captured_at"][0].as_py() == TIME
    assert captures["image_bytes"].to_pylist().count(None) == 1
    assert (
        parquet.read_table(tmp_path / "export" / "readings.parquet")["temperature_c"].to_pylist()
        == [23.5] * 3
    )
    empty = export(
        owner, "--from", "2020-01-01", "--to", "2020-01-02", "--format", "parquet", tmp_path / "none"
    )
    assert empty.exit_code == 0, empty.stderr
    assert parquet.read_table(tmp_path / "none" / "captures.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("words", "settings", "status", "told"),
    [
        (("--from", "soon", "--to", "2026-02-01"), {}, 2,
         "--from: 'soon' is no day or time, as 2026-01-31 or 2026-01-31T12:00+01:00"),
        (("--from", "2026-02-01", "--to", "2026-02-01"), {}, 2, "--from 2026-02-01 is not before --to 2026-02-01"),
        (("--from", "0001-01-01T00:00+12:00", "--to", "2026-02-01"), {}, 2,
         "--from: '0001-01-01T00:00+12:00' is no day or time, as 2026-01-31 or 2026-01-31T12:00+01:00"),
        ((*JANUARY, "--zone", "../../etc/passwd"), {}, 2, "--zone: there is no time zone '../../etc/passwd'"),
        ((*JANUARY, "--zone", "Nowhere"), {}, 2, "--zone: there is no time zone 'Nowhere'"),
        (JANUARY, {"FLEET_PASSWORD": ""}, 1, "not set: FLEET_PASSWORD"),
        (JANUARY, {"FLEET_EMAIL": "", "SUPABASE_URL": ""}, 1, "not set: SUPABASE_URL, FLEET_EMAIL"),
        (JANUARY, {"FLEET_PASSWORD": "wrong"}, 1, "signing in: Invalid login credentials"),
        (JANUARY, {"SUPABASE_URL": "http://127.0.0.1:1"}, 1, "signing in: [Errno 111] Connection refused"),
        ((*JANUARY, "--device", "A\nB"), {}, 1, "there is no device A\\nB in Greenhouse & Söhne"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(owner, tmp_path, words, settings, status, told):
    answer = export(owner, *words, tmp_path / "export", **settings)
    assert (answer.exit_code, answer.stderr) == (status, f"{told}\n")
    assert not (tmp_path / "export").exists()


def test_a_folder_of_something_else_is_not_touched(owner, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    answer = export(owner, *JANUARY, tmp_path)
    assert answer.exit_code == 2
    assert answer.stderr == f"{tmp_path} is not empty, and no export has begun there\n"
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]

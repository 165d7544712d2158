"""The client of owners' scripts, on the embedded stack: two companies beside each other, each sees its own."""

import hashlib
import re
import subprocess
import sys
import uuid
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from chaos_proxy import Fault
from owners import Owner, address

from fleet.client import (
    Capture,
    Client,
    Command,
    Damaged,
    Invalid,
    NotAllowed,
    NotFound,
    SignInFailed,
    Trend,
    Unavailable,
    to_pandas,
)
from local.company import join
from local.part import REPOSITORY, clean_environment

DOCUMENT = REPOSITORY / "docs" / "client.md"

TIME = datetime(2025, 10, 4, 12, tzinfo=UTC)


DATA = [b"\xff\xd8 the first", b"\xff\xd8 the second"]


@pytest.fixture(scope="module")
def owner(stack, database):
    owner = Owner(stack, database, "Greenhouse")
    for number, data in enumerate(DATA):
        owner.picture(TIME + timedelta(days=number), data)
    return owner


@pytest.fixture(scope="module")
def neighbour(stack, database):
    neighbour = Owner(stack, database, "Vineyard")
    neighbour.picture(TIME)
    return neighbour


@pytest.fixture(scope="module")
def client(owner):
    with owner.sign_in() as client:
        yield client


@pytest.fixture(scope="module")
def other(neighbour):
    with neighbour.sign_in() as other:
        yield other


def test_each_sees_its_own(client, other, owner, neighbour, tmp_path):
    assert (client.company().name, other.company().name) == ("Greenhouse", "Vineyard")
    (device,) = client.devices()
    assert (device.device_id, device.name) == (owner.device, "North bed")
    assert list(client.devices(site=str(uuid.uuid4()))) == []
    captures = list(client.captures())
    assert [each.captured_at for each in captures] == [TIME + timedelta(days=1), TIME]
    assert {each.device_id for each in captures} == {owner.device}
    assert list(client.captures(neighbour.device)) == []
    readings = list(client.readings())
    assert {each.capture_id for each in readings} == {each.capture_id for each in captures}
    assert {each.temperature_c for each in readings} == {23.5}
    theirs = next(other.captures())
    with pytest.raises(NotFound):
        client.download(theirs, tmp_path / "theirs.jpg")
    with pytest.raises(NotAllowed):
        client.queue(neighbour.device, "capture_image")
    assert list(tmp_path.iterdir()) == []


def test_a_range_has_its_begin_and_not_its_end(client):
    since, until = TIME, TIME + timedelta(days=1)
    assert [each.captured_at for each in client.captures(since=since, until=until)] == [TIME]
    assert [each.measured_at for each in client.readings(since=since, until=until)] == [TIME]
    assert client.count_captures(since=since, until=until) == 1
    assert [each.captured_at for each in client.captures(oldest_first=True)] == [since, until]
    with pytest.raises(Invalid, match="no zone"):
        next(client.captures(since=datetime(2025, 10, 4)))


def test_a_picture_is_written_whole_or_not_at_all(client, database, tmp_path):
    capture = next(client.captures(oldest_first=True))
    file = client.download(capture, tmp_path / "new" / "picture.jpg")
    assert file.read_bytes() == DATA[0]
    assert capture.sha256 == hashlib.sha256(DATA[0]).hexdigest()
    assert client.thumbnail(capture, tmp_path / "thumbnail.jpg").read_bytes().startswith(b"\xff\xd8")

    database.table("captures").update({"image_sha256": "0" * 64}).eq(
        "capture_id", capture.capture_id
    ).execute()
    wrong = next(client.captures(oldest_first=True))
    with pytest.raises(Damaged):
        client.download(wrong, tmp_path / "wrong.jpg")
    with pytest.raises(Damaged):
        client.download(wrong, file)
    assert file.read_bytes() == DATA[0], "what was there stays"
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["picture.jpg", "thumbnail.jpg"]
    database.table("captures").update({"image_sha256": capture.image_sha256}).eq(
        "capture_id", capture.capture_id
    ).execute()


@pytest.mark.parametrize("oldest_first", [False, True])
def test_pages_hold_while_more_arrive(stack, database, oldest_first):
    """Three pages, with 700 captures at one time; what arrives meanwhile changes nothing of what was there."""
    orchard = Owner(stack, database, "Orchard")

    def arrive(first, count, at):
        rows = [
            {"device_id": orchard.device, "device_capture_id": f"{number}.jpg", "ingest_status": "failed",
             "captured_at": (at + timedelta(microseconds=(number - first) // 700)).isoformat()}
            for number in range(first, first + count)
        ]  # fmt: skip
        database.table("captures").insert(rows).execute()

    arrive(0, 2500, TIME)
    with orchard.sign_in() as client:
        assert client.count_captures(statuses=["failed"]) == 2500
        assert client.count_captures() == 0
        found = client.captures(statuses=["failed"], oldest_first=oldest_first)
        seen = list(islice(found, 1500))
        # Before and after all, and beside the one at which the next page begins.
        for first, at in enumerate(
            [TIME - timedelta(days=1), TIME + timedelta(days=1), seen[999].captured_at]
        ):
            arrive(10_000 * (1 + first), 20, at)
        seen += found
    ids = [each.capture_id for each in seen]
    assert len(ids) == len(set(ids))
    assert {f"{number}.jpg" for number in range(2500)} <= {each.device_capture_id for each in seen}
    times = [each.captured_at for each in seen]
    assert times == sorted(times, reverse=not oldest_first)


def test_a_command_from_the_queue_to_its_end(client, other, owner):
    deadline = datetime.now(UTC) + timedelta(days=1)
    queued = client.queue(owner.device, "send_image", {"image_name": "image_0.jpg"}, deadline=deadline)
    assert (queued.status, queued.payload, queued.deadline) == (
        "queued",
        {"image_name": "image_0.jpg"},
        deadline,
    )
    second = client.queue(owner.device, "capture_image")
    assert [each.command_id for each in client.commands(owner.device)] == [
        second.command_id,
        queued.command_id,
    ]
    assert list(other.commands()) == []
    with pytest.raises(NotFound):
        other.cancel(queued)
    client.cancel(queued)
    client.cancel(second.command_id)
    ended = list(client.commands(statuses=["cancelled"]))
    assert [each.reason for each in ended] == ["cancelled before it was sent"] * 2
    with pytest.raises(NotFound, match="no such open command"):
        client.cancel(queued)
    with pytest.raises(Invalid, match="payload is empty"):
        client.queue(owner.device, "custom")


def test_a_viewer_looks_and_does_not_act(stack, owner):
    viewer = join(stack, owner.account, address(), "viewer")
    login = {"FLEET_EMAIL": viewer.email, "FLEET_PASSWORD": viewer.password}
    with Client.from_environment(owner.environment | login) as client:
        assert [device.device_id for device in client.devices()] == [owner.device]
        with pytest.raises(NotAllowed):
            client.queue(owner.device, "capture_image")
        with pytest.raises(NotAllowed):
            client.cancel(str(uuid.uuid4()))


def test_trends_are_counted_and_measured(client, owner, database):
    while database.rpc("refresh_capture_days", {}).execute().data["more"]:
        pass
    first, last = TIME.date(), TIME.date() + timedelta(days=1)
    (month,) = client.trends(first, last, step="month", devices=[owner.device])
    assert (month.period, month.device_id) == (date(2025, 10, 1), None)
    days = client.trends(first, last, by_device=True)
    assert [(day.device_id, day.period, day.stored) for day in days] == [
        (owner.device, first, 1), (owner.device, last, 1)]  # fmt: skip
    assert month.stored == 2
    points = client.sensor_trends("temperature", first, last, [owner.device])
    assert [(point.name, point.mean) for point in points] == [("North bed", 23.5)] * 2
    with pytest.raises(Invalid):
        client.trends(last, first)


def test_rows_become_a_table(client):
    pandas = pytest.importorskip("pandas")
    table = to_pandas(client.captures(), Capture)
    assert len(table) == 2
    assert table["captured_at"].min() == pandas.Timestamp(TIME)
    empty = to_pandas([], Command)
    assert list(empty.columns)[:3] == ["command_id", "queue_number", "device_id"]
    assert table["captured_at"].dtype == to_pandas([], Capture)["captured_at"].dtype
    assert to_pandas([], Trend).empty


def test_a_session_that_is_over_is_renewed(stack, owner):
    with owner.sign_in() as client:
        session = client._session.supabase.auth.get_session()
        first, session.expires_at = session.access_token, 1
        client._session.supabase.auth._save_session(session)
        assert next(client.devices()).device_id == owner.device
        assert client._session.supabase.auth.get_session().expires_at > 1
    with Client.with_token(stack.supabase_url, stack.supabase_publishable_key, first) as client:
        assert next(client.devices()).device_id == owner.device


def test_the_script_of_the_document_runs(database, stack, tmp_path):
    farm = Owner(stack, database, "Farm", "South bed")
    at = datetime.now(UTC) - timedelta(hours=1)
    farm.picture(at, DATA[0])
    farm.picture(at - timedelta(days=2), DATA[1])
    (script,) = re.findall(r"```python\n(.+?)```", DOCUMENT.read_text(), re.S)
    assert len(script.splitlines()) <= 10
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], cwd=REPOSITORY, env=clean_environment() | farm.environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"{farm.device} South bed None\n"), done.stderr
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [DATA[0]]
    assert next(tmp_path.iterdir()).name == f"{farm.device} {at:%H%M%S}.jpg"


def test_the_document_tells_of_every_call():
    told = set(re.findall(r"`(?:Client\.)?(\w+)\(", DOCUMENT.read_text()))
    there = {name for name in vars(Client) if not name.startswith("_")}
    assert there <= told | {"close"}


def test_the_environment_signs_in(owner):
    with Client.from_environment(owner.environment) as client:
        assert client.company().name == "Greenhouse"


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"FLEET_PASSWORD": "wrong"}, SignInFailed, "signing in: "),
        ({"FLEET_EMAIL": ""}, SignInFailed, "not set: FLEET_EMAIL"),
        ({"FLEET_PASSWORD": "", "SUPABASE_URL": ""}, SignInFailed, "not set: SUPABASE_URL, FLEET_PASSWORD"),
        ({"SUPABASE_URL": "http://127.0.0.1:1"}, Unavailable, "signing in: "),
        ({"SUPABASE_URL": "nowhere"}, Invalid, "'nowhere' is no URL of a Supabase project"),
    ],
)
def test_who_cannot_sign_in_is_told_why(owner, changed, error, told):
    with pytest.raises(error, match=f"^{told}") as raised:
        Client.from_environment(owner.environment | changed)
    assert "\n" not in str(raised.value) and owner.account.password not in str(raised.value)


def test_a_project_that_is_away_is_told(owner, proxy, tmp_path):
    with owner.sign_in(proxy.url, tries=1) as client:
        capture = next(client.captures())
        proxy.set(Fault("reset"))
        with pytest.raises(Unavailable):
            next(client.captures())
        with pytest.raises(Unavailable):
            client.download(capture, tmp_path / "picture.jpg")
    assert list(tmp_path.iterdir()) == []

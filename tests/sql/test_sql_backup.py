"""A project is copied into a folder, and the folder into an empty project, which then is what the first one was."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from catalog import describe
from data_api import data_api
from sql_backends import Native, PsqlSession
from sql_postgres import Database, Server
from supabase_server import Asked
from upgrades import COMPANY, ROWS, USER, upgrade

from core.settings import SupabaseSettings
from core.supabase import SupabaseGateway
from local.part import REPOSITORY
from local.services import Services
from local.stack import Stack
from local.supabase_lite import SupabaseLite
from operate.schema.files import read
from simulator import Fleet, FleetOptions, FleetReport

DEVICE = "AABBCCDDEEFF"
PICTURE = f"captures/{DEVICE}/2026/01/01/a.jpg"
THUMBNAIL = PICTURE.replace("captures", "thumbnails")
FILM = f"timelapses/{COMPANY}/film.mp4"
HASH = "$2a$10$abcdefghijklmnopqrstuv"


class Project:
    """A database, and the Storage beside it. A hosted one notes its objects in that database, as `note` does here."""

    def __init__(self, database: Database, storage: SupabaseLite) -> None:
        self.database = database
        self.storage = storage
        settings = SupabaseSettings(supabase_url=storage.url, supabase_service_role=storage.secret_key)
        self.gateway = SupabaseGateway(settings, 10)
        # Other tests have left theirs in this Storage.
        self.gateway.remove([PICTURE, THUMBNAIL, FILM])
        # Who signs in with a password has its hash here.
        database.as_superuser().run("alter table auth.users add column encrypted_password text")
        database.as_superuser().run("grant all on auth.users to supabase_owner")

    def note(self, *names: str) -> None:
        for name in names:
            self.database.run(
                f"insert into storage.objects (bucket_id, name) values ('gxp-captures', '{name}') on conflict do nothing"
            )

    def backup(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ, "DATABASE_URL": self.database.url, "SUPABASE_URL": self.storage.url,
            "SUPABASE_SERVICE_ROLE": self.storage.secret_key,
        }  # fmt: skip
        command = [sys.executable, "-m", "operate.backup", *arguments]
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=120
        )


@pytest.fixture(scope="module")
def storages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SupabaseLite]]:
    both = [SupabaseLite(tmp_path_factory.mktemp("lite")) for _ in range(2)]
    try:
        for storage in both:
            storage.start()
        yield both
    finally:
        for storage in both:
            storage.stop()


def version_of_pg_dump() -> int:
    if shutil.which("pg_dump") is None:
        return 0
    told = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    return int(told.split()[2].partition(".")[0])


@pytest.fixture
def project(postgres: Server, storages: list[SupabaseLite]) -> Iterator[Callable[[int], Project]]:
    """Makes a project that has nothing yet, beside one of the two Storages."""
    if (
        version_of_pg_dump()
        < int(postgres.database().value("current_setting('server_version_num')")) // 10_000
    ):
        pytest.skip("no pg_dump on PATH that is as new as the server")
    made: list[Project] = []

    def make(number: int) -> Project:
        made.append(Project(postgres.database(), storages[number]))
        return made[-1]

    yield make
    for one in made:
        one.gateway.close()


def rows_of(database: Database) -> dict[str, str]:
    """A hash of the rows of every table of ours, and of the accounts; the ledger has times of its own."""
    tables = database.rows(
        "select oid::regclass::text as name from pg_class where relkind = 'r' and relname <> 'schema_migrations'"
        " and relnamespace in ('public'::regnamespace, 'fleet_private'::regnamespace, 'auth'::regnamespace)"
    )
    hashed = "select md5(string_agg(t::text, ' ' order by t::text)) from {} as t"
    return {table["name"]: database.as_superuser().value(hashed.format(table["name"])) for table in tables}


def catalog_of(database: Database) -> dict[str, set[tuple[str, ...]]]:
    """The catalog, and what new tables give. PostgreSQL prints a check with other parentheses once it has read its own print."""
    found = describe(database)
    defaults = "select defaclrole::regrole::text, defaclobjtype, defaclacl::text from pg_default_acl"
    found["defaults"] = {tuple(map(str, row.values())) for row in database.rows(defaults)}
    return {
        part: {tuple(re.sub(r"[()]", "", text) for text in row) for row in rows}
        for part, rows in found.items()
    }


def filled(project: Project) -> dict[str, bytes]:
    """Fill a project with rows, an account with a password, and objects, which are returned."""
    database = project.database
    upgrade(database, read())
    database.run(ROWS)
    database.run(f"update auth.users set email = 'mail@fleet.test', encrypted_password = '{HASH}'")
    # Rows of weeks that are gone stand in partitions that a fresh database does not have.
    database.run(
        "insert into public.device_errors (device_id, error_code, occurred_at)"
        f" select '{DEVICE}', 2201, now() - n * interval '1 week' from generate_series(1, 9) as n"
    )
    objects = {
        PICTURE: os.urandom(50_000),
        THUMBNAIL: os.urandom(9_000),
        FILM: b"film",
    }
    put(project, objects)
    return objects


def put(project: Project, objects: dict[str, bytes]) -> None:
    for name, data in objects.items():
        project.gateway.remove([name])
        project.gateway.upload(name, data)
    project.note(*objects)


def test_an_empty_project_becomes_what_the_first_was(
    project: Callable[[int], Project], tmp_path: Path
) -> None:
    first, second, folder = project(0), project(1), tmp_path / "backup"
    objects = filled(first)
    folder.mkdir(mode=0o755)
    taken = first.backup("take", folder)
    assert taken.returncode == 0, taken.stderr
    assert "3 objects, 3 of them new" in taken.stdout
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=folder, check=True)
    dumps = list(folder.glob("*.dump"))
    assert len(dumps) == 2
    for file in (*dumps, folder / "objects" / PICTURE):
        assert file.stat().st_mode & 0o077 == 0, f"others may read {file}"

    restored = second.backup("restore", folder)
    assert restored.returncode == 0, restored.stderr
    assert catalog_of(second.database) == catalog_of(first.database)
    assert rows_of(second.database) == rows_of(first.database)
    assert upgrade(second.database, read()) == [], "something is pending"
    assert {name: second.gateway.download(name) for name in objects} == objects
    assert second.database.value("select jsonb_agg(id) from storage.buckets where not public") == [
        "gxp-captures"
    ]

    # Who has it is who had it.
    second.note(*objects)
    backend = Native(second.database)
    member, stranger = (
        PsqlSession(second.database, "authenticated", user)
        for user in (USER, "33333333-3333-4333-8333-333333333333")
    )
    assert [row["device_id"] for row in member.rows("devices")] == [DEVICE]
    assert backend.can_read_object(member, PICTURE)
    assert stranger.rows("devices") == []
    assert not backend.can_read_object(stranger, PICTURE)
    assert backend.sees_nothing(backend.anonymous, "devices")

    # And the service goes on.
    with data_api(second.database) as api, api.gateway() as gateway:
        hello = {"device_id": DEVICE, "message_key": "after", "status": "alive"}
        assert "next_wake_at" in gateway.call("record_hello", p_hello=hello)
        picture = {"device_id": DEVICE, "image_name": "b.jpg", "captured_at": "2026-01-02T00:00:00Z",
                   "ingest_status": "stored", "storage_path": PICTURE.replace("a.jpg", "b.jpg")}  # fmt: skip
        assert gateway.call("record_capture", p_capture=picture)["ingest_status"] == "stored"
    assert len(member.rows("captures")) == 2


def test_what_was_interrupted_goes_on_and_leaves_the_one_before(
    project: Callable[[int], Project], tmp_path: Path
) -> None:
    first, folder = project(0), tmp_path / "backup"
    filled(first)
    assert first.backup("take", folder).returncode == 0
    before = (folder / "SHA256SUMS").read_text()

    later = f"captures/{DEVICE}/2026/01/02/c.jpg"
    put(first, {later: b"later"})
    first.database.run("insert into public.devices (device_id) values ('LATER')")
    first.note("captures/../../out.jpg")
    stopped = first.backup("take", folder)
    assert stopped.returncode == 1
    assert "'captures/../../out.jpg' is no name that the service gives" in stopped.stderr
    assert (folder / "SHA256SUMS").read_text() == before
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=folder, check=True)

    # What has gone from the bucket stays in the folder until it is pruned, and is not of the backup.
    first.database.run(f"delete from storage.objects where name in ('{FILM}', 'captures/../../out.jpg')")
    # This one's bytes are not asked for: they are in the folder already.
    first.gateway.remove([PICTURE])
    taken = first.backup("take", folder)
    assert taken.returncode == 0, taken.stderr
    assert "3 objects" in taken.stdout
    assert "1 objects that the bucket no longer has stay here" in taken.stdout
    assert FILM not in (folder / "SHA256SUMS").read_text()
    assert (folder / "objects" / later).read_bytes() == b"later"
    assert first.backup("take", folder, "--prune").returncode == 0
    assert not (folder / "objects" / FILM).exists()
    assert (folder / "objects" / PICTURE).exists()


def test_a_restore_goes_on_where_it_stopped(project: Callable[[int], Project], tmp_path: Path) -> None:
    first, second, folder = project(0), project(1), tmp_path / "backup"
    objects = filled(first)
    assert first.backup("take", folder).returncode == 0

    film = folder / "objects" / FILM
    film.write_bytes(b"another")
    damaged = second.backup("restore", folder)
    assert damaged.returncode == 1
    assert f"objects/{FILM} is not what SHA256SUMS says" in damaged.stderr
    assert second.database.value("select to_regnamespace('fleet_private')") is None

    film.write_bytes(objects[FILM])
    second.gateway.upload(FILM, b"a stranger's")
    taken = second.backup("restore", folder)
    assert taken.returncode == 1
    assert f"{FILM} is in the bucket already, with other bytes" in taken.stderr

    second.gateway.remove([FILM])
    # A role that the dump gives rights to is missing: nothing of the rows is there afterwards.
    second.database.as_superuser().run("alter role service_role rename to elsewhere")
    try:
        refused = second.backup("restore", folder)
    finally:
        second.database.as_superuser().run("alter role elsewhere rename to service_role")
    assert refused.returncode == 1
    assert "service_role" in refused.stderr
    assert second.database.value("select to_regnamespace('fleet_private')") is None
    assert second.database.value("select count(*) from auth.users") == 0

    assert second.backup("restore", folder).returncode == 0
    assert rows_of(second.database) == rows_of(first.database)
    again = second.backup("restore", folder)
    assert (again.returncode, again.stderr.strip()) == (
        1, "there is a fleet in this project: restore into an empty one",
    )  # fmt: skip


def test_a_folder_without_a_backup_restores_nothing_and_one_that_cannot_be_is_named(
    project: Callable[[int], Project], tmp_path: Path
) -> None:
    second = project(1)
    (tmp_path / "file").touch()
    cannot = second.backup("take", tmp_path / "file" / "backup")
    assert (cannot.returncode, cannot.stderr.strip()) == (
        1, f"cannot read or write {tmp_path}/file/backup: Not a directory",
    )  # fmt: skip
    refused = second.backup("restore", tmp_path)
    assert (refused.returncode, refused.stderr.strip()) == (1, f"there is no whole backup in {tmp_path}")
    assert second.database.value("select to_regnamespace('fleet_private')") is None


@contextmanager
def front(project: Project) -> Iterator[dict[str, str]]:
    """Serve a project at one address: the functions are the database's, the objects the Storage's, which notes them there."""
    objects = "/storage/v1/object/gxp-captures/"
    with (
        httpx.Client(base_url=project.storage.url, timeout=30, trust_env=False) as storage,
        data_api(project.database) as server,
    ):
        call = server.answer

        def answer(asked: Asked) -> tuple[int, Any]:
            if asked.path.startswith("/rest/"):
                return call(asked)
            login = {
                name: asked.headers[name]
                for name in ("apikey", "authorization", "content-type")
                if name in asked.headers
            }
            said = storage.request(asked.method, asked.path, content=asked.body, headers=login)
            if asked.method == "POST" and asked.path.startswith(objects) and said.is_success:
                project.note(asked.path.removeprefix(objects))
            return said.status_code, said.content

        server.answer = answer
        yield {
            "SUPABASE_URL": server.settings.supabase_url,
            "SUPABASE_SERVICE_ROLE": project.storage.secret_key,
        }


@pytest.mark.timeout(400)
def test_what_comes_while_the_project_moves_is_stored_in_the_new_one(
    project: Callable[[int], Project], stack: Stack, tmp_path: Path
) -> None:
    first, second, folder = project(0), project(1), tmp_path / "backup"
    filled(first)
    own = {"REDIS_URL": stack.redis.database_url(13), "CELERY_BROKER_URL": stack.redis.database_url(14)}
    reports: list[FleetReport] = []
    sent = threading.Event()

    def device(name: str) -> None:
        options = FleetOptions(
            host=stack.mqtt_host, port=stack.mqtt_port, device_ids=(name,), timeout=150, conversation=False
        )
        reports.append(Fleet(options, on_event=lambda event: event.kind == "chunk" and sent.set()).run())

    with front(first) as before, front(second) as after, Services(stack, only={"listener"}, settings=own):
        with Services(stack, only={"worker", "beat"}, settings={**own, **before}):
            device("BEFORE")
        sent.clear()
        waiting = threading.Thread(target=device, args=("WAITING",))
        waiting.start()
        try:
            assert sent.wait(30)
            for arguments in (("take", first), ("restore", second)):
                done = arguments[1].backup(arguments[0], folder)
                assert done.returncode == 0, done.stderr
            with Services(stack, only={"worker", "beat"}, settings={**own, **after}):
                waiting.join(150)
        finally:
            waiting.join(150)
    assert [report.ok for report in reports] == [True, True]
    stored = "select device_id, storage_path from public.captures where device_id <> {} order by 1"
    rows = second.database.rows(stored.format(f"'{DEVICE}'"))
    assert [row["device_id"] for row in rows] == ["BEFORE", "WAITING"]
    assert all(second.gateway.download(row["storage_path"]) for row in rows)
    assert first.database.value("select count(*) from public.captures where device_id = 'WAITING'") == 0

"""Where the schema is upgraded besides a hosted project: a plain PostgreSQL, and PGlite."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from catalog import PARTS
from sql_postgres import VERSION_2, Database, SqlError, literal
from upgrades import COMPANY, USER, upgrade, upgrade_in_editor

from local.snapshot import query
from local.supabase_lite import _CONFIG, SCHEMA, SupabaseLite
from operate.schema.files import SchemaError, read

WAYS: dict[str, Callable[[Database], object]] = {
    "command": lambda database: upgrade(database, read()),
    "editor": lambda database: upgrade_in_editor(database, read()),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_plain_postgresql_gets_what_it_lacks(
    way: Callable[[Database], object], plain_database: Database
) -> None:
    for _ in range(2):
        way(plain_database)
    plain_database.run(
        f"insert into auth.users (id, email) values ('{USER}', 'a@example.org');"
        f" insert into public.companies (company_id) values ('{COMPANY}');"
        f" insert into public.users (user_id, company_id) values ('{USER}', '{COMPANY}');"
        f" insert into public.devices (device_id, company_id) values ('OURS', '{COMPANY}'), ('THEIRS', null)"
    )
    devices = "select array_agg(device_id) from public.devices"
    # PostgREST gives all claims as one, and gave each by itself before its version 9.
    claims = literal(json.dumps({"sub": USER}))
    for given in (f"request.jwt.claims = {claims}", f"request.jwt.claim.sub = '{USER}'"):
        assert plain_database.value(devices, before=f"set local role authenticated; set local {given};") == [
            "OURS"
        ]
    assert plain_database.value(devices, before="set local role authenticated;") is None
    assert (
        plain_database.value("select count(*) from public.devices", before="set local role service_role;")
        == 2
    )
    with pytest.raises(SqlError, match="permission denied"):
        plain_database.value(devices, before="set local role anon;")


def test_who_may_not_create_roles_hears_of_it(plain_database: Database) -> None:
    plain_database.run("create role somebody login; grant all on database postgres to somebody")
    somebody = Database(plain_database.server, plain_database.name, "somebody")
    with pytest.raises(SchemaError, match=r"ledger\.sql: permission denied to create role"):
        upgrade(somebody, read())


def test_what_a_supabase_project_has_is_left_alone(empty_database: Database) -> None:
    superuser = empty_database.as_superuser()
    queries = (
        "select p.oid::regprocedure::text as name, prosrc, proacl::text from pg_proc p join pg_namespace n"
        " on n.oid = pronamespace where nspname = 'auth'",
        "select attname, attacl::text from pg_attribute where attrelid = 'auth.users'::regclass",
        "select rolname, rolbypassrls, rolcanlogin from pg_roles",
    )
    before = [superuser.rows(query) for query in queries]
    upgrade(empty_database, read())
    assert [superuser.rows(query) for query in queries] == before


class Project(SupabaseLite):
    """A Supabase Lite project without its server; `migrate` gives it files, one after the other."""

    def migrate(self, *files: Path) -> None:
        migrations = self.directory / "supabase" / "migrations"
        migrations.mkdir(parents=True)
        (self.directory / "supabase" / "config.toml").write_text(_CONFIG.format(port=1))
        for number, file in enumerate(files):
            (migrations / f"{20250101000000 + number}_file.sql").write_text(file.read_text())
            self._migrate(self.directory)

    def describe(self) -> dict[str, object]:
        answers = query(self, ";\n".join(PARTS.values()))
        return {part: sorted(map(str, answer.rows)) for part, answer in zip(PARTS, answers, strict=True)}


def test_the_database_of_supabase_lite_is_upgraded_alike(tmp_path: Path) -> None:
    fresh, of_version_2 = Project(tmp_path / "fresh"), Project(tmp_path / "version_2")
    fresh.migrate(SCHEMA, SCHEMA)
    of_version_2.migrate(VERSION_2, SCHEMA)
    assert of_version_2.describe() == fresh.describe()
    (recorded,) = query(of_version_2, "select name, sha256 from fleet_private.schema_migrations")
    assert {tuple(row) for row in recorded.rows} == {(file.name, file.sha256) for file in read()}

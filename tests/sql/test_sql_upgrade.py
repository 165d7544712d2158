"""A database of the version before, with rows in every table, becomes what a fresh one is."""

import psycopg
import pytest
from catalog import describe
from sql_postgres import Database, Server, literal
from upgrades import COMPANY, USER, counts, upgrade, upgrade_in_editor

from operate.schema.database import connect
from operate.schema.files import File, read
from operate.schema.upgrade import Upgrade

OLD_SIGNATURE = """
create function public.claim_commands(p_limit integer, p_heard_within interval) returns jsonb language sql return '[]'::jsonb;
"""


@pytest.fixture
def fresh(postgres: Server) -> Database:
    database = postgres.database()
    upgrade(database, read())
    return database


def test_the_file_for_editors_installs_the_same(postgres: Server, fresh: Database) -> None:
    other = postgres.database()
    upgrade_in_editor(other, read())
    assert describe(other) == describe(fresh)


def test_it_becomes_what_a_fresh_one_is(version_2: Database, fresh: Database) -> None:
    before, told = counts(version_2), []
    # Version 2 did not have this one; a database that was upgraded by hand may.
    version_2.run(OLD_SIGNATURE)
    applied = upgrade(version_2, read(), told.append)

    assert describe(version_2) == describe(fresh)
    after = counts(version_2)
    assert {table: after[table] for table in before} == before
    assert "✓ 3 migrations recorded and not run: the tables of version 2 are there" in told
    assert applied == [file.name for file in read() if not file.is_baseline]
    recorded = "select name, sha256 from fleet_private.schema_migrations"
    assert {tuple(row.values()) for row in version_2.rows(recorded)} == {
        (file.name, file.sha256) for file in read()
    }
    assert upgrade(version_2, read()) == []


def test_older_users_are_operators_and_the_first_is_the_admin(version_2: Database) -> None:
    later, elsewhere = "44444444-4444-4444-8444-444444444444", "55555555-5555-4555-8555-555555555555"
    version_2.run(
        f"insert into auth.users (id, email) values ('{later}', 'Later@fleet.test'), ('{elsewhere}', null);"
        f" insert into public.users (user_id, company_id, created_at)"
        f" values ('{later}', '{COMPANY}', now() + interval '1 day'), ('{elsewhere}', null, now());"
    )
    upgrade(version_2, read())
    users = version_2.rows("select user_id, role, email from public.users order by user_id")
    assert users == [
        {"user_id": USER, "role": "admin", "email": None},
        {"user_id": later, "role": "operator", "email": "later@fleet.test"},
        {"user_id": elsewhere, "role": "operator", "email": None},
    ]


def test_older_rows_belong_to_who_has_their_device(version_2: Database) -> None:
    version_2.run("insert into public.devices (device_id) values ('NOBODYS')")
    version_2.run("insert into public.device_errors (device_id, error_code) values ('NOBODYS', 1), (null, 2)")
    upgrade(version_2, read())
    stamped = version_2.rows(
        "select tgrelid::regclass::text as name from pg_trigger"
        " where tgname like '%\\_stamp\\_company' and tgparentid = 0"
    )
    assert len(stamped) == 7
    for table in stamped:
        query = f"select company_id, count(*) from public.{table['name']} group by 1 order by 1"
        [owned, *nobodys] = version_2.rows(query)
        assert owned["company_id"] == COMPANY
        assert nobodys == ([{"company_id": None, "count": 2}] if table["name"] == "device_errors" else [])


# What the version before called and the present one has something else for (docs/adr/0025-partitions.md).
GONE = {"prune"}
CALLS = """
select p.proname, pg_get_function_result(p.oid) as result, p.pronargs - p.pronargdefaults as needed,
       coalesce(p.proargnames, '{}') as names, p.proargtypes::regtype[]::text[] as types
  from pg_proc p
 where p.pronamespace = 'public'::regnamespace and has_function_privilege('service_role', p.oid, 'execute')
   and p.prorettype <> 'trigger'::regtype"""


def test_every_call_of_the_version_before_is_taken(version_2: Database) -> None:
    """Workers that are older than the database go on, and so does a deployment that went back."""
    before = version_2.rows(CALLS)
    upgrade(version_2, read())
    after = {function["proname"]: function for function in version_2.rows(CALLS)}
    assert len(after) == len(version_2.rows(CALLS)), "two functions of one name: a call by names may fit both"
    assert {function["proname"] for function in before} - after.keys() == GONE
    for old in before:
        if old["proname"] in GONE:
            continue
        new = after[old["proname"]]
        given = dict(zip(old["names"], old["types"], strict=False))
        assert given.items() <= dict(zip(new["names"], new["types"], strict=False)).items(), old["proname"]
        assert set(new["names"][: new["needed"]]) <= given.keys(), f"{old['proname']} needs more"
        assert new["result"] == old["result"], old["proname"]


def test_the_file_for_editors_does_the_same(version_2: Database, fresh: Database) -> None:
    version_2.run(OLD_SIGNATURE)
    upgrade_in_editor(version_2, read())
    assert describe(version_2) == describe(fresh)
    # Both know what the other has done.
    assert upgrade(version_2, read()) == []
    before = version_2.rows(
        "select * from fleet_private.schema_migrations where name <> 'ledger.sql' order by name"
    )
    upgrade_in_editor(version_2, read())
    after = version_2.rows(
        "select * from fleet_private.schema_migrations where name <> 'ledger.sql' order by name"
    )
    assert after == before


def test_no_migration_of_version_2_touches_its_tables(version_2: Database) -> None:
    """They would lock the tables in use. Somebody holds all of them, and the ledger is still made."""
    with psycopg.connect(version_2.url) as service, connect(version_2.url) as connection:
        for table in counts(version_2):
            service.execute(f"lock table public.{table} in access share mode".encode())
        through_indexes = read()[:4]
        assert through_indexes[-1].name == "migrations/0003_indexes.sql"
        Upgrade(connection, through_indexes, patience_s=0.1).apply()
        assert len(Upgrade(connection, through_indexes).recorded()) == 4


def opened(database: Database) -> list[str]:
    """Try everything as a stranger without an account, and as one whose company has nothing; say what is open."""
    found = []
    relations = database.rows(
        "select c.oid::regclass::text as name, c.relkind from pg_class c"
        " where c.relnamespace in ('public'::regnamespace, to_regnamespace('fleet_private')) and c.relkind in ('r','p','v','m','S')"
    )
    callers = {"anon": "", "authenticated": "33333333-3333-4333-8333-333333333333"}
    with psycopg.connect(database.url, autocommit=True) as connection:

        def allowed(role: str, user: str, statement: str) -> list[tuple[object, ...]] | None:
            """Run a statement as somebody and undo it; give the rows, or None if it is refused."""
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(f"set local role {role}".encode())
                    connection.execute("select set_config('request.jwt.claim.sub', %s, true)", [user])
                    answer = connection.execute(statement.encode())
                    return answer.fetchall() if answer.description else [()]
            except psycopg.errors.InsufficientPrivilege:
                return None

        for role, user in callers.items():
            for relation in relations:
                name = relation["name"]
                if relation["relkind"] == "S":
                    statements = {
                        "count": f"select nextval({literal(name)})",
                        "read": f"select last_value from {name}",
                    }
                elif relation["relkind"] == "v":
                    statements = {"read": f"select * from {name}"}
                else:
                    statements = {
                        "read": f"select * from {name}", "write": f"delete from {name} returning 1",
                        "empty": f"truncate {name} cascade",
                    }  # fmt: skip
                found += [
                    f"{role} may {what} {name}"
                    for what, text in statements.items()
                    if allowed(role, user, text)
                ]
        functions = database.rows(
            "select p.oid::regprocedure::text as name from pg_proc p"
            " where p.pronamespace in ('public'::regnamespace, to_regnamespace('fleet_private'))"
        )
        for role in callers:
            for function in functions:
                may = "select has_schema_privilege(%s, %s, 'usage') and has_function_privilege(%s, %s, 'execute')"
                schema = function["name"].partition(".")[0] if "." in function["name"] else "public"
                row = connection.execute(may, [role, schema, role, function["name"]]).fetchone()
                if row and row[0]:
                    found.append(f"{role} may call {function['name']}")
        if allowed(
            "authenticated",
            callers["authenticated"],
            "select name from storage.objects where name like 'captures/%'",
        ):
            found.append("authenticated may read objects of others")
    return found


def for_users(database: Database) -> set[str]:
    """What the one list of the present files lets users call, as `opened` says it."""
    functions = database.rows(
        "select p.oid::regprocedure::text as name from pg_proc p"
        " where format('%s.%s', p.pronamespace::regnamespace, p.proname) = any (fleet_private.functions_for_users())"
    )
    return {f"authenticated may call {function['name']}" for function in functions}


# They tell a caller about itself alone; version 2 has them.
BEFORE = {
    "authenticated may call fleet_private.company_of_user()",
    "authenticated may call fleet_private.devices_of_user()",
}


@pytest.mark.parametrize("begins", ["fresh", "version 1", "version 2"])
def test_stopping_after_any_file_opens_nothing(
    begins: str, empty_database: Database, request: pytest.FixtureRequest
) -> None:
    database: Database = empty_database
    if begins != "fresh":
        database = request.getfixturevalue("version_2")
        if begins == "version 1":
            database.run("update public.schema_version set version = 1")
        database.run(
            OLD_SIGNATURE
            + "revoke all on function public.claim_commands(integer, interval) from public, anon, authenticated;"
        )
    files: list[File] = read()
    names = [file.name for file in files]
    listed = names.index("repeatable/010_callers.sql") + 1
    for number, file in enumerate(files, start=1):
        upgrade(database, files[:number], lambda _: None)
        allowed = BEFORE if number < listed else BEFORE | for_users(database)
        assert set(opened(database)) <= allowed, file.name
    assert set(opened(database)) == for_users(database)


def test_the_walk_sees_what_is_open(version_2: Database) -> None:
    """So that the test above can fail."""
    version_2.run(
        "grant select on public.devices to anon; alter table public.devices disable row level security;"
        " grant usage on sequence public.device_errors_error_id_seq to authenticated;"
        " grant execute on function public.record_hello(jsonb) to anon;"
        " create policy everything on storage.objects for select to authenticated using (true);"
        " create policy everything on public.captures for select to authenticated using (true);"
    )
    assert set(opened(version_2)) - BEFORE == {
        "anon may read devices",
        "authenticated may read devices",
        "authenticated may count device_errors_error_id_seq",
        "authenticated may read captures",
        "anon may call record_hello(jsonb)",
        "authenticated may read objects of others",
    }

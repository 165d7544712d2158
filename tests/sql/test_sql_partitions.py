"""The log, the hellos and the errors are in partitions by time: which there are, what a message finds, what is let go."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sql_backends import Backend, Native, RefusedError
from sql_postgres import Connection, Database
from upgrades import upgrade

from operate.schema.database import connect
from operate.schema.files import File, read
from operate.schema.upgrade import Upgrade

TIMES = {
    "device_publish_log": "received_at",
    "device_status": "received_at",
    "device_errors": "occurred_at",
}
IDS = {"device_publish_log": "log_id", "device_status": "status_id", "device_errors": "error_id"}
KEEP = {
    "p_log_days": 30,
    "p_status_days": 90,
    "p_errors_days": 60,
    "p_commands_days": 90,
    "p_audit_days": 730,
}


def maintain(**changes: int) -> str:
    """Write a query that calls the function."""
    given = ", ".join(f"{setting} => {value}" for setting, value in {**KEEP, **changes}.items())
    return f"select public.maintain_tables({given}) as done"


def first(query: str) -> str:
    """Write a statement that runs a query before another one."""
    return f"do $$ begin perform * from ({query}) as q; end $$;"


def week(weeks: int = 0) -> datetime:
    """Give the Monday, 00:00 UTC, of a week: this one, one before it (negative) or after it."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday()) + timedelta(weeks=weeks)


def name(table: str, begin: datetime) -> str:
    """Give the name of the partition of a week."""
    return f"fleet_private.{table}_{begin:%Y%m%d}"


# As if the first partition, which has all rows from before, had been made long ago and others had followed it.
GAP = """
do $$
declare
  v_table text;
  v_before regclass;
begin
  for v_table in values ('device_publish_log'), ('device_status'), ('device_errors') loop
    v_before := (select partition from fleet_private.partitions(format('public.%I', v_table)::regclass)
                  where partition::text ~ '_before_');
    execute format('alter table public.%I detach partition %s', v_table, v_before);
    execute format('truncate %s', v_before);
    execute format('alter table public.%I attach partition %s for values from (minvalue) to (%L)',
                   v_table, v_before, now() - interval '50 days');
  end loop;
end
$$;
"""
AGED = GAP + "".join(first(f"select fleet_private.make_partitions('public.{table}')") for table in TIMES)
LOGGED = """
insert into public.device_publish_log (device_id, direction, received_at, message_key)
select 'ABC', 'in', {time}, 'of week ' || n from generate_series(1, {rows}) as n;
"""


def test_there_are_partitions_for_weeks_to_come(backend: Backend) -> None:
    for table in TIMES:
        found = backend.catalog(
            f"select partition::text, until from fleet_private.partitions('public.{table}') order by until"
        )
        names = [partition for partition, _ in found]
        assert re.fullmatch(rf"fleet_private\.{table}_before_\d{{8}}", names[0])
        assert names[-1] == f"fleet_private.{table}_rest"
        assert found[-1][1] is None
    # The first partition has the weeks to come, until it ends.
    assert backend.trial("", maintain())[0][0]["made"] == []
    made = backend.trial(GAP, maintain())[0][0]["made"]
    assert made == [name(table, week(weeks)) for table in TIMES for weeks in range(5)]
    assert backend.trial(AGED, maintain())[0][0]["made"] == []


def test_a_message_is_one_row_whenever_it_comes_again(backend: Backend, device: str) -> None:
    """Also across a bound of partitions: the time is the message's own."""
    last = (week() - timedelta(milliseconds=1)).isoformat()
    messages = [
        {"key": f"{device} {at}", "device_id": device, "direction": "in", "received_at": at}
        for at in (last, week().isoformat(), "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z")
    ]
    errors = [
        {"key": m["key"], "device_id": device, "error_code": 2101, "occurred_at": m["received_at"]}
        for m in messages
    ]
    hellos = [
        {"device_id": device, "message_key": m["key"], "received_at": m["received_at"]} for m in messages
    ]
    answers = []
    for _ in range(2):
        backend.service.rpc("record_log", p_messages=messages, p_errors=errors)
        answers.append([backend.service.rpc("record_hello", p_hello=hello) for hello in hellos])
    assert answers[0] == answers[1]
    for table in TIMES:
        rows = backend.service.rows(table, device_id=device)
        assert sorted(row["message_key"] for row in rows) == sorted(m["key"] for m in messages), table


def test_a_message_without_its_time_is_one_row_too(backend: Backend, device: str) -> None:
    """It has the time of its row, however long ago that was."""
    old = {"received_at": week(-3).isoformat(), "occurred_at": week(-3).isoformat()}
    for of in (old, {}, {"received_at": "whenever", "occurred_at": "whenever"}):
        backend.service.rpc(
            "record_log",
            p_messages=[{"key": device, "device_id": device, "direction": "in", **of}],
            p_errors=[{"key": device, "device_id": device, "error_code": 2101, **of}],
        )
        backend.service.rpc("record_hello", p_hello={"device_id": device, "message_key": device, **of})
    for table, column in TIMES.items():
        row = backend.service.row(table, device_id=device)
        assert datetime.fromisoformat(row[column].replace(" ", "T")) == week(-3), table


def test_the_same_error_of_a_capture_is_one_row_in_any_week(backend: Backend, device: str) -> None:
    failed = {
        "device_id": device,
        "image_name": "a.jpg",
        "captured_at": week(-9).isoformat(),
        "ingest_status": "failed",
        "error": {"code": 2201, "message": "assembly timeout"},
    }
    for at in (week(-8), week(-2)):
        backend.service.rpc("record_capture", p_capture={**failed, "arrived_at": at.isoformat()})
    backend.service.rpc(
        "record_capture", p_capture={**failed, "error": {"code": 2202}, "arrived_at": week(-2).isoformat()}
    )
    rows = backend.service.rows("device_errors", device_id=device)
    assert sorted(row["error_code"] for row in rows) == [2201, 2202]


def test_a_hello_is_looked_up_in_one_partition(native: Native) -> None:
    plan = native.database.run(
        f"begin; {AGED} explain (costs off) select answer from public.device_status"
        f" where message_key = 'x' and received_at = '{week()}'; rollback;"
    )
    assert set(re.findall(r"device_status_\d+", plan)) == {f"device_status_{week():%Y%m%d}"}
    assert "Append" not in plan


@pytest.mark.parametrize(
    "time", ["'-infinity'", "now() - interval '49 days'", "now()", "'2999-01-01'", "'infinity'"]
)
def test_no_insert_fails_for_want_of_a_partition(backend: Backend, time: str) -> None:
    logged = LOGGED.format(time=time, rows=3)
    found = backend.trial(
        f"{GAP} {logged}", "select count(*) from public.device_publish_log where message_key like 'of week%'"
    )
    assert found == [[3]]


def test_rows_that_no_week_was_there_for_get_theirs(backend: Backend) -> None:
    logged = LOGGED.format(time="now()", rows=3)
    found = backend.trial(
        f"{GAP} {logged} {first(maintain())}",
        "select tableoid::regclass::text, count(*) from public.device_publish_log"
        " where message_key like 'of week%' group by 1",
    )
    assert found == [[name("device_publish_log", week()), 3]]


def test_too_many_of_them_stay_where_they_are_and_are_deleted_by_age(backend: Backend) -> None:
    now, old = LOGGED.format(time="now()", rows=3), LOGGED.format(time="now() - interval '31 days'", rows=7)
    few = first("select fleet_private.make_partitions('public.device_publish_log', 2)")
    calls = 2 * first(maintain(p_limit=4))
    found = backend.trial(
        f"{GAP} {now} {old} {few} {calls}",
        "select tableoid::regclass::text, count(*),"
        f" to_regclass('{name('device_publish_log', week())}') is null as has_no_week,"
        f" to_regclass('{name('device_publish_log', week(1))}') is null as has_no_next"
        " from public.device_publish_log where message_key like 'of week%' group by 1",
    )
    assert found == [["fleet_private.device_publish_log_rest", 3, True, False]]
    done = backend.trial(f"{GAP} {old}", maintain(p_limit=4))[0][0]
    # Other tests leave some rows in those of the other tables.
    assert 4 <= done["deleted"] < 7 * 3 and done["again"]


def test_a_time_that_cannot_be_goes_too(backend: Backend) -> None:
    logged = LOGGED.format(time="'2999-01-01'", rows=3)
    left = "select count(*) from public.device_publish_log where message_key like 'of week%'"
    assert backend.trial(f"{logged} {first(maintain())}", left) == [[0]]


def test_what_is_old_enough_is_dropped_and_captures_never(backend: Backend) -> None:
    # The oldest partitions end 50 days ago: too old for the log, not for the hellos nor the errors.
    capture = """
      insert into public.devices (device_id) values ('KEPT');
      insert into public.captures (device_id, device_capture_id, captured_at, created_at)
      values ('KEPT', 'a.jpg', '2001-01-01', '2001-01-01');
      insert into public.sensor_readings (device_id, created_at) values ('KEPT', '2001-01-01');
    """
    done = backend.trial(f"{AGED} {capture}", maintain())[0][0]
    assert [re.sub(r"\d+", "", dropped) for dropped in done["dropped"]] == [
        "fleet_private.device_publish_log_before_"
    ]
    kept = backend.trial(
        f"{AGED} {capture} {first(maintain())}",
        "select (select count(*) from public.captures where device_id = 'KEPT') as captures,"
        " (select count(*) from public.sensor_readings where device_id = 'KEPT') as readings",
    )
    assert kept == [[1, 1]]
    everything = dict.fromkeys(KEEP, 49)
    assert len(backend.trial(AGED, maintain(**everything))[0][0]["dropped"]) == 3
    assert backend.trial(AGED, maintain(**dict.fromkeys(KEEP, 51)))[0][0]["dropped"] == []


def test_finished_commands_go_and_open_ones_stay(backend: Backend) -> None:
    commands = """
      insert into public.devices (device_id) values ('TOLD');
      insert into public.device_commands (device_id, type, status, created_at, finished_at)
      select 'TOLD', 'capture_image', status, now() - interval '100 days', finished
        from (values ('queued', null), ('sent', null), ('done', now() - interval '91 days'),
                     ('done', now() - interval '89 days'), ('failed', now() - interval '91 days'))
             as given (status, finished);
    """
    counted = (
        "select status, (select count(*) from public.device_command_logs l where l.command_id = c.command_id) as logs"
        " from public.device_commands c where device_id = 'TOLD' order by 1"
    )
    assert [status for status, _ in backend.trial(commands, counted)] == [
        "done",
        "done",
        "failed",
        "queued",
        "sent",
    ]
    assert backend.trial(f"{commands} {first(maintain())}", counted) == [
        ["done", 1],
        ["queued", 1],
        ["sent", 1],
    ]


def test_what_others_have_locked_is_left_to_the_next_call(native: Native, device: str) -> None:
    """It neither waits for the service nor keeps it waiting: rows are deleted that nobody has locked."""
    old = "now() - interval '1000 days'"
    native.database.run(
        f"insert into public.devices (device_id) values ('{device}');"
        " insert into public.device_commands (device_id, type, status, created_at, finished_at, reason)"
        f" select '{device}', 'capture_image', 'done', {old}, {old}, n from generate_series(1, 2) as n;"
        " insert into public.device_publish_log (device_id, direction, received_at, message_key)"
        f" select '{device}', 'in', '2999-01-01', '{device} ' || n from generate_series(1, 2) as n;"
        " insert into public.audit_log (company_id, action, table_name, subject, at)"
        f" select gen_random_uuid(), '{device}', 'x', n, {old} from generate_series(1, 2) as n;"
        f" insert into fleet_private.claim_attempts (user_id, since, wrong) values (gen_random_uuid(), {old}, 10)"
    )
    holder = Connection(native.database)
    held = {
        "device_commands": f"device_id = '{device}' and reason = '1'",
        "device_publish_log": f"message_key = '{device} 1'",
        "audit_log": f"action = '{device}' and subject = '1'",
    }
    try:
        holder.ask(
            "begin;" + "".join(f"select from public.{t} where {w} for update;" for t, w in held.items())
        )
        native.service.rpc("maintain_tables", **KEEP)
        for table, which in held.items():
            mine = which.split(" and ")[0] if table != "device_publish_log" else f"device_id = '{device}'"
            left = native.database.value(f"select count(*) from public.{table} where {mine}")
            assert left == 1, table
        assert (
            native.database.value(f"select count(*) from fleet_private.claim_attempts where since = {old}")
            == 0
        )
        holder.ask("rollback;")
        native.service.rpc("maintain_tables", **KEEP)
        for table, which in held.items():
            assert native.database.value(f"select count(*) from public.{table} where {which}") == 0, table
    finally:
        holder.close()


def test_the_audit_log_is_kept_for_two_years_or_as_it_is_set(backend: Backend) -> None:
    entries = """
      insert into public.audit_log (company_id, action, table_name, subject, at)
      select gen_random_uuid(), 'OLD', 'x', days, now() - days * interval '24 hours' from unnest(array[1, 729, 731]) as days;
    """
    counted = "select subject from public.audit_log where action = 'OLD' order by 1"
    assert backend.trial(f"{entries} {first(maintain())}", counted) == [["1"], ["729"]]
    assert backend.trial(f"{entries} {first(maintain(p_audit_days=30))}", counted) == [["1"]]
    # A worker of the version before does not say how long.
    older = "select public.maintain_tables(p_log_days => 1, p_status_days => 1, p_errors_days => 1, p_commands_days => 1)"
    assert backend.trial(f"{entries} {first(older)}", counted) == [["1"], ["729"]]
    assert backend.trial(entries, maintain(p_limit=1))[0][0]["again"]


def test_the_service_maintains_and_says_so(backend: Backend) -> None:
    done = backend.service.rpc("maintain_tables", **KEEP)
    assert set(done) == {"made", "dropped", "deleted", "again"}
    assert backend.service.rpc("maintain_tables", **KEEP) == {
        "made": [],
        "dropped": [],
        "deleted": 0,
        "again": False,
    }


@pytest.mark.parametrize("days", [0, -1, None])
@pytest.mark.parametrize("setting", KEEP)
def test_less_than_a_day_is_refused(backend: Backend, setting: str, days: int | None) -> None:
    with pytest.raises(RefusedError) as refused:
        backend.service.rpc("maintain_tables", **{**KEEP, setting: days})
    assert refused.value.sqlstate == "22023"


def test_nobody_has_a_right_on_a_partition(native: Native) -> None:
    partitions = native.catalog(
        "select c.oid::regclass::text as name, c.relnamespace::regnamespace::text as of_schema, r.rolname,"
        "       has_table_privilege(r.rolname, c.oid, 'select, insert, update, delete, truncate') as may"
        "  from pg_class c cross join (values ('anon'), ('authenticated'), ('service_role')) as r (rolname)"
        " where c.relispartition and c.relkind in ('r', 'p')"
    )
    assert len(partitions) >= 3 * 2 * 3
    assert {(schema, may) for _, schema, _, may in partitions} == {("fleet_private", False)}
    assert native.catalog("select relname from pg_class where relispartition and relrowsecurity") == []


@pytest.fixture
def aged(empty_database: Database) -> Database:
    """A database with a partition of the log that is old enough."""
    upgrade(empty_database, read(), lambda _: None)
    empty_database.run(AGED)
    return empty_database


def done(database: Database) -> Any:
    """Let the service maintain the tables, and give what it did."""
    return database.value(
        "select public.maintain_tables(30, 90, 60, 90)", before="set local role service_role;"
    )


def test_what_others_read_is_dropped_by_a_later_call(aged: Database) -> None:
    with psycopg.connect(aged.url) as reader:
        reader.execute("select from public.device_publish_log").fetchall()
        assert done(aged)["dropped"] == []
    assert len(done(aged)["dropped"]) == 1


def test_it_leaves_the_tables_alone_while_they_are_upgraded(aged: Database) -> None:
    with connect(aged.url) as connection:
        told: list[object] = []
        files = [*read(), File("migrations/9000_next.sql", "select 1;")]
        Upgrade(connection, files, lambda _: told.append(done(aged))).apply()
    assert told == [{"made": [], "dropped": [], "deleted": 0, "again": False}]
    assert len(done(aged)["dropped"]) == 1


# Rows that older versions took, and that a key of key and time does not.
ODD = """
insert into public.device_status (device_id) values ('AABBCCDDEEFF');
insert into public.device_status (device_id, message_key, received_at) values ('AABBCCDDEEFF', 'later', '2999-01-01');
insert into public.device_errors (error_code) values (1), (2);
insert into public.device_errors (error_code, occurred_at) values (3, 'infinity');
insert into public.device_publish_log (direction, received_at) values ('in', '-infinity'), ('out', '2999-01-01');
"""


def test_an_upgrade_copies_and_reads_no_row(version_2: Database) -> None:
    version_2.run(ODD)
    files = {table: version_2.value(f"select pg_relation_filenode('public.{table}')") for table in TIMES}
    ids = {
        table: version_2.value(f"select max({column}) from public.{table}") for table, column in IDS.items()
    }
    counted = {table: version_2.value(f"select count(*) from public.{table}") for table in TIMES}
    told: list[str] = []
    with connect(version_2.url, told.append) as connection:
        connection.execute("set client_min_messages = debug1")
        Upgrade(connection, read(), lambda _: None).apply()
    for table in TIMES:
        [before] = version_2.rows(
            f"select partition::text as name, pg_relation_filenode(partition) as file"
            f" from fleet_private.partitions('public.{table}') where partition::text ~ '_before_'"
        )
        assert before["file"] == files[table]
        assert version_2.value(f"select count(*) from {before['name']}") == counted[table]
        partition = before["name"].removeprefix("fleet_private.")
        assert f'! partition constraint for table "{partition}" is implied by existing constraints' in told
    version_2.run(
        "set role service_role;"
        " select public.record_hello(jsonb_build_object('device_id', 'AABBCCDDEEFF', 'message_key', 'new'));"
        ' select public.record_log(\'[{"key": "new", "direction": "in"}]\', \'[{"key": "new", "error_code": 1}]\');'
    )
    for table, column in IDS.items():
        assert version_2.value(f"select {column} from public.{table} where message_key = 'new'") > ids[table]


def test_a_message_from_before_the_upgrade_is_known_after_it(version_2: Database) -> None:
    hello = "public.record_hello(jsonb_build_object('device_id', 'AABBCCDDEEFF', 'message_key', 'h1'))"
    answer = version_2.value("select answer from public.device_status where message_key = 'h1'")
    upgrade(version_2, read(), lambda _: None)
    assert version_2.value(f"select {hello}", before="set local role service_role;") == answer
    assert version_2.value("select count(*) from public.device_status") == 1


def test_what_an_owner_has_added_goes_over(version_2: Database) -> None:
    version_2.as_superuser().run("create role watcher")
    version_2.run(
        "grant select on public.device_errors to watcher;"
        " create policy watchers on public.device_errors as restrictive for select to watcher using (error_code > 0);"
        " create index of_theirs on public.device_errors (error_code) where error_code > 2000;"
        " alter table public.device_errors add column note text default 'none';"
        " create function public.theirs() returns trigger language plpgsql as"
        " $$ begin new.note := 'seen'; return new; end $$;"
        " revoke all on function public.theirs() from public, anon, authenticated;"
        " create trigger theirs before insert on public.device_errors for each row execute function public.theirs();"
    )
    upgrade(version_2, read(), lambda _: None)
    version_2.run("insert into public.device_errors (error_code) values (5)")
    assert version_2.value("select note from public.device_errors where error_code = 5") == "seen"
    assert version_2.value("select has_table_privilege('watcher', 'public.device_errors', 'select')")
    [policy] = version_2.rows("select * from pg_policies where policyname = 'watchers'")
    assert (policy["schemaname"], policy["permissive"], policy["roles"]) == (
        "public",
        "RESTRICTIVE",
        ["watcher"],
    )
    assert "error_code > 2000" in version_2.value("select pg_get_indexdef('public.of_theirs'::regclass)")


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (
            "create view public.mine with (security_invoker = on) as select * from public.device_errors",
            "the view mine",
        ),
        (
            "create table public.mine (log_id bigint references public.device_publish_log (log_id));"
            " alter table public.mine enable row level security",
            "mine_log_id_fkey of mine",
        ),
    ],
)
def test_what_would_miss_new_rows_stops_an_upgrade_before_anything(
    version_2: Database, made: str, named: str
) -> None:
    version_2.run(made)
    with pytest.raises(Exception, match=named):
        upgrade(version_2, read(), lambda _: None)
    assert version_2.value("select relkind from pg_class where oid = 'public.device_errors'::regclass") == "r"
    version_2.run("drop table if exists public.mine" if "table" in made else "drop view public.mine")
    upgrade(version_2, read(), lambda _: None)

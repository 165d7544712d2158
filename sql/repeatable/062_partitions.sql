-- The partitions of device_publish_log, device_status and device_errors: one for each week (UTC), made ahead, and
-- dropped when their last row is old enough. What no week is there for goes to the table *_rest, so that no row is
-- ever refused. All of them are in fleet_private, where nobody has a right: policies of a table do not cover its
-- partitions. docs/adr/0025-partitions.md has the reasons.

-- Lists the partitions of a table with the time up to, but without, which each has rows; null for the table *_rest.
create or replace function fleet_private.partitions(p_table regclass)
returns table (partition regclass, until timestamptz)
language sql
stable
set search_path = ''
as $$
  select c.oid, substring(pg_get_expr(c.relpartbound, c.oid) from $bound$TO \('([^']+)'\)$bound$)::timestamptz
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
   where i.inhparent = p_table
$$;

-- Returns the column by whose time a table is partitioned.
create or replace function fleet_private.time_column(p_table regclass)
returns text
language sql
stable
set search_path = ''
as $$
  select quote_ident(a.attname)
    from pg_catalog.pg_partitioned_table t
    join pg_catalog.pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
   where t.partrelid = p_table
$$;

-- Makes a table in fleet_private and returns it: as another one is, but without its indexes, which it gets when it
-- becomes a partition.
create or replace function fleet_private.make_table_like(p_table regclass, p_name text)
returns regclass
language plpgsql
set search_path = ''
as $$
begin
  execute format('create table fleet_private.%I (like %s including all excluding identity excluding indexes'
                 ' excluding statistics)', p_name, p_table);
  -- For the reason of 0014_statistics_of_companies.sql, which a new table does not know of.
  execute format('alter table fleet_private.%I alter column company_id set (n_distinct = -0.001)', p_name);
  perform fleet_private.close_tables(format('fleet_private.%I', p_name));
  return format('fleet_private.%I', p_name);
end
$$;

-- Makes the partitions of the weeks that begin within four weeks, where they are missing, and *_rest. Rows of such a
-- week that wait in *_rest go with it. If they are more than p_most, that would keep others waiting: they stay there,
-- and so do the further rows of that week. Returns the names of the new partitions; what is not made because others
-- use the tables is made by the next call.
create or replace function fleet_private.make_partitions(p_table regclass, p_most integer default 10000)
returns text[]
language plpgsql
set search_path = ''
as $$
declare
  v_name constant text := (select relname from pg_catalog.pg_class where oid = p_table);
  v_time constant text := fleet_private.time_column(p_table);
  v_week constant interval := '168 hours';
  v_rest regclass := to_regclass(format('fleet_private.%I', v_name || '_rest'));
  v_from timestamptz := greatest(date_trunc('week', now(), 'UTC'),
                                 (select max(until) from fleet_private.partitions(p_table)));
  v_partition regclass;
  v_waiting integer;
  v_made text[] := '{}';
begin
  if v_rest is null then
    v_rest := fleet_private.make_table_like(p_table, v_name || '_rest');
    execute format('alter table %s attach partition %s default', p_table, v_rest);
  end if;
  while v_from <= now() + 4 * v_week loop
    execute format('select count(*) from (select from %s where %s >= $1 and %s < $2 limit $3) as waiting',
                   v_rest, v_time, v_time)
       into v_waiting using v_from, v_from + v_week, p_most + 1;
    if v_waiting <= p_most then
      -- Holds back who writes to it or reads it, from here until the end.
      execute format('lock table %s in access exclusive mode', v_rest);
      v_partition := fleet_private.make_table_like(
        p_table, v_name || to_char(v_from at time zone 'UTC', '_YYYYMMDD'));
      execute format('with waiting as (delete from %s where %s >= $1 and %s < $2 returning *)'
                     ' insert into %s select * from waiting', v_rest, v_time, v_time, v_partition)
        using v_from, v_from + v_week;
      execute format('alter table %s attach partition %s for values from (%L) to (%L)',
                     p_table, v_partition, v_from, v_from + v_week);
      v_made := v_made || v_partition::text;
    end if;
    v_from := v_from + v_week;
  end loop;
  return v_made;
exception
  when lock_not_available or deadlock_detected then
    return '{}';
end
$$;

-- Drops the partitions whose rows are all older than p_days, and deletes at most p_limit of the rows in *_rest that
-- are. A time that is as far ahead is from a clock that was wrong: those rows go too. Returns
-- {dropped: [names], deleted}; what is not dropped because others use the table is dropped by the next call.
create or replace function fleet_private.drop_old_rows(p_table regclass, p_days integer, p_limit integer)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_age constant interval := make_interval(hours => 24 * p_days);
  v_time constant text := fleet_private.time_column(p_table);
  v_rest regclass;
  v_deleted integer;
  v_old regclass;
  v_name text;
  v_dropped text[] := '{}';
begin
  select partition into v_rest from fleet_private.partitions(p_table) where until is null;
  execute format('delete from %s where ctid in (select ctid from %s where %s < $1 or %s > $2 limit $3 for update skip locked)',
                 v_rest, v_rest, v_time, v_time)
    using now() - v_age, now() + v_age, p_limit;
  get diagnostics v_deleted = row_count;
  for v_old in select partition from fleet_private.partitions(p_table) where until <= now() - v_age order by until loop
    v_name := v_old::text;
    begin
      execute format('drop table %s', v_name);
      v_dropped := v_dropped || v_name;
    exception
      when lock_not_available or deadlock_detected then
        exit;
    end;
  end loop;
  return jsonb_build_object('dropped', v_dropped, 'deleted', v_deleted);
end
$$;

-- Makes partitions ahead and lets go what is older than so many days: log, hellos, errors, commands that are
-- finished, with their logs, and the audit log; wrong codes after their hour. Captures and readings stay. What a
-- device has sent before it got its first company becomes that company's, as far as the claim has left it. A periodic task of the
-- workers calls it.
-- Returns {made: [names], dropped: [names], deleted, again}; again says that there are more rows to delete or to give.
-- Raises 22023 for less than a day. Security definer, since only the owner of a table adds and drops partitions. Its
-- locks are those of milliseconds; where it cannot get one at once, also of a row, it leaves that to the next call. Does
-- nothing while `fleet schema` or another call is at work.
create or replace function public.maintain_tables(
  p_log_days integer, p_status_days integer, p_errors_days integer, p_commands_days integer,
  p_limit integer default 10000, p_audit_days integer default 730
)
returns jsonb
language plpgsql
security definer
set search_path = ''
set lock_timeout = '200ms'
as $$
declare
  v_made text[] := '{}';
  v_dropped jsonb := '[]';
  v_deleted integer;
  v_entries integer;
  v_again boolean;
  v_one jsonb;
  v_table regclass;
  v_days integer;
begin
  if least(p_log_days, p_status_days, p_errors_days, p_commands_days, p_limit, p_audit_days) < 1
     or num_nulls(p_log_days, p_status_days, p_errors_days, p_commands_days, p_limit, p_audit_days) > 0 then
    raise exception 'maintain_tables: rows are kept for a day at least' using errcode = '22023';
  end if;
  -- The number by which upgrades take turns.
  if not pg_try_advisory_xact_lock(1718379877) then
    return jsonb_build_object('made', v_made, 'dropped', v_dropped, 'deleted', 0, 'again', false);
  end if;

  delete from public.device_commands where command_id in (
    select command_id from public.device_commands
     where finished_at < now() - make_interval(hours => 24 * p_commands_days)
     order by finished_at limit p_limit
       for update skip locked);
  get diagnostics v_deleted = row_count;
  v_again := v_deleted = p_limit;
  delete from public.audit_log where audit_id in (
    select audit_id from public.audit_log
     where at < now() - make_interval(hours => 24 * p_audit_days)
     order by at limit p_limit
       for update skip locked);
  get diagnostics v_entries = row_count;
  v_deleted := v_deleted + v_entries;
  v_again := v_again or v_entries = p_limit;
  delete from fleet_private.claim_attempts where user_id in (
    select user_id from fleet_private.claim_attempts
     where since < now() - interval '1 hour' limit p_limit
       for update skip locked);
  v_again := fleet_private.own_late_rows(p_limit) or v_again;

  for v_table, v_days in
    values ('public.device_publish_log'::regclass, p_log_days),
           ('public.device_status'::regclass, p_status_days),
           ('public.device_errors'::regclass, p_errors_days)
  loop
    v_made := v_made || fleet_private.make_partitions(v_table);
    v_one := fleet_private.drop_old_rows(v_table, v_days, p_limit);
    v_dropped := v_dropped || (v_one->'dropped');
    v_deleted := v_deleted + (v_one->>'deleted')::integer;
    v_again := v_again or (v_one->>'deleted')::integer = p_limit;
  end loop;
  return jsonb_build_object('made', v_made, 'dropped', v_dropped, 'deleted', v_deleted, 'again', v_again);
end
$$;

select fleet_private.set_callers(
  'service', 'fleet_private.partitions', 'fleet_private.time_column', 'fleet_private.make_table_like',
  'fleet_private.make_partitions', 'fleet_private.drop_old_rows', 'public.maintain_tables');

-- A new database has its partitions at once.
select fleet_private.make_partitions('public.device_publish_log'),
       fleet_private.make_partitions('public.device_status'),
       fleet_private.make_partitions('public.device_errors');

-- Prepares the three tables whose rows are kept for a time for being partitioned by it, while the service works.
-- docs/adr/0025-partitions.md tells how; migrations up to 0039 do the rest, the last but one table by table.

-- A view or a reference stays with the rows that it was made for, and would miss all new ones.
do $$
declare
  v_others text;
begin
  select string_agg(distinct what, ', ') into v_others from (
    select format('the view %s', r.ev_class::regclass) as what
      from pg_catalog.pg_depend d
      join pg_catalog.pg_rewrite r on r.oid = d.objid
     where d.classid = 'pg_catalog.pg_rewrite'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
       and d.refobjid in ('public.device_status'::regclass, 'public.device_errors'::regclass,
                          'public.device_publish_log'::regclass)
    union all
    select format('%s of %s', conname, conrelid::regclass)
      from pg_catalog.pg_constraint
     where contype = 'f' and confrelid in ('public.device_status'::regclass, 'public.device_errors'::regclass,
                                           'public.device_publish_log'::regclass)) as other;
  if v_others is not null then
    raise exception 'device_status, device_errors and device_publish_log cannot be partitioned because of %', v_others
      using hint = 'Drop these, and make them again afterwards.';
  end if;
end
$$;

-- In the order in which the service uses them. An upgrade that waits for one of them holds none that others wait for.
lock table public.devices, public.device_errors, public.device_status, public.device_publish_log
  in access exclusive mode;

-- Dropping or adding a partition would lock public.devices too. Hellos are written with the row of their device.
alter table public.device_status drop constraint if exists device_status_device_id_fkey;

-- The key of a partitioned table includes its time. Until the functions of this version are there, the older ones go
-- on with either key.
do $$
declare
  v_definition text;
begin
  for v_definition in
    select replace(pg_get_functiondef(oid), 'on conflict (message_key) do nothing', 'on conflict do nothing')
      from pg_catalog.pg_proc
     where pronamespace = 'public'::regnamespace and prosrc like '%on conflict (message_key) do nothing%'
  loop
    execute v_definition;
  end loop;
end
$$;

-- All rows there are, and all that come within four weeks, become one partition. The checks show PostgreSQL that none
-- is later, so that it need not read the table when that happens. They hold for new rows at once.
do $$
declare
  v_until constant timestamptz := date_trunc('week', now(), 'UTC') + interval '840 hours';
  v_name text;
  v_time text;
begin
  for v_name, v_time in
    values ('device_errors', 'occurred_at'), ('device_status', 'received_at'), ('device_publish_log', 'received_at')
  loop
    execute format(
      'alter table public.%I alter message_key set default gen_random_uuid()::text, alter %I set default now(),'
      ' add constraint %I check (message_key is not null and %I is not null and %I < %L) not valid',
      v_name, v_time, 'until_' || to_char(v_until at time zone 'UTC', 'YYYYMMDD'), v_time, v_time, v_until);
  end loop;
end
$$;

-- Makes a partitioned table of one that 0030 to 0035 have prepared; its rows stay where they are. Triggers, indexes,
-- policies and grants go over, also those of an owner. Everything in here changes the catalog alone.
create or replace function fleet_private.partition_by_time(p_name text, p_time text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_rows constant regclass := format('public.%I', p_name);
  v_until constant text := (
    select right(conname, 8) from pg_catalog.pg_constraint where conrelid = v_rows and conname ~ '^until_[0-9]{8}$');
  v_before constant text := format('%s_before_%s', p_name, v_until);
  v_id text;
  v_next bigint;
  v_away text;
  v_again text;
begin
  execute format('lock table %s in access exclusive mode', v_rows);
  select attname into v_id from pg_catalog.pg_attribute where attrelid = v_rows and attidentity <> '';
  execute format('select last_value + 1 from %s', pg_get_serial_sequence(v_rows::text, v_id)) into v_next;

  select string_agg(away, ';'), string_agg(again, ';') into v_away, v_again from (
    select format('drop trigger %I on %s', tgname, v_rows) as away, pg_get_triggerdef(oid) as again
      from pg_catalog.pg_trigger where tgrelid = v_rows and not tgisinternal
    union all
    select format('drop policy %I on %s', policyname, v_rows),
           format('create policy %I on %s as %s for %s to %s', policyname, v_rows, permissive, cmd,
                  (select string_agg(quote_ident(role), ', ') from unnest(roles) as role))
             || coalesce(' using (' || qual || ')', '') || coalesce(' with check (' || with_check || ')', '')
      from pg_catalog.pg_policies where schemaname = 'public' and tablename = p_name
    union all
    select null, format('grant %s on %s to %I', a.privilege_type, v_rows, r.rolname)
      from pg_catalog.pg_class c
     cross join lateral aclexplode(c.relacl) as a
      join pg_catalog.pg_roles r on r.oid = a.grantee
     where c.oid = v_rows and a.grantee <> c.relowner and r.rolname <> 'anon'
    union all
    select format('alter table %s drop constraint %I', v_rows, conname), null
      from pg_catalog.pg_constraint
     where conrelid = v_rows and (contype = 'p' or conname = p_name || '_message_key_key')
    union all
    select null, pg_get_indexdef(i.indexrelid)
      from pg_catalog.pg_index i
     where i.indrelid = v_rows
       and not exists (select from pg_catalog.pg_constraint where conindid = i.indexrelid)
       and i.indexrelid <> to_regclass(format('public.%I', p_name || '_key_and_time'))) as part;

  execute v_away;
  execute format('alter table %s disable row level security, alter %I drop identity, alter message_key set not null,'
                 ' alter %I set not null, add constraint %I primary key using index %I',
                 v_rows, v_id, p_time, v_before || '_pkey', p_name || '_key_and_time');
  execute format('alter table %s rename to %I', v_rows, v_before);
  execute format('alter table public.%I set schema fleet_private', v_before);

  execute format('create table public.%I (like fleet_private.%I including all excluding identity excluding indexes'
                 ' excluding statistics) partition by range (%I)', p_name, v_before, p_time);
  execute format('alter table public.%I drop constraint %I, add constraint %I primary key (message_key, %I),'
                 ' alter %I add generated always as identity (start with %s)',
                 p_name, 'until_' || v_until, p_name || '_pkey', p_time, v_id, v_next);
  perform fleet_private.close_tables(format('public.%I', p_name)::regclass, v_rows);
  execute v_again;
  execute format('alter table public.%I attach partition fleet_private.%I for values from (minvalue) to (%L)',
                 p_name, v_before, to_date(v_until, 'YYYYMMDD')::timestamp at time zone 'UTC');
  execute format('alter table fleet_private.%I drop constraint %I', v_before, 'until_' || v_until);
end
$$;

select fleet_private.set_callers('service', 'fleet_private.partition_by_time');

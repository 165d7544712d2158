-- The ledger of the files that were applied, and the rules that each file must keep. This file runs first, and may run
-- any number of times. `fleet schema` and sql/install.sql work with it; docs/adr/0017-migrations.md says why.

-- The data API does not serve this schema, so policies and functions can use its content but clients cannot
-- call it. It is not named "private", because many projects have a schema of that name with grants of their
-- own.
create schema if not exists fleet_private;

create table if not exists fleet_private.schema_migrations (
  name text primary key,
  sha256 text not null,
  applied_at timestamptz not null default now()
);
revoke all on fleet_private.schema_migrations from public, anon, authenticated, service_role;

-- Says whether a file has to be applied: it never was, or, for what is not a migration, its text was another.
create or replace function fleet_private.is_pending(p_name text, p_sha256 text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_recorded text := (select sha256 from fleet_private.schema_migrations where name = p_name);
begin
  if v_recorded <> p_sha256 and p_name like 'migrations/%' then
    raise exception '% is not the file that was applied', p_name
      using hint = 'A migration runs once. Restore the file, and put the change into a new migration.';
  end if;
  return v_recorded is distinct from p_sha256;
end
$$;

-- Records the migrations that a database of version 2 has, from before there was this ledger: {name: sha256}. They are
-- not run, because that would lock tables in use. Returns whether the database was such a one.
create or replace function fleet_private.adopt(p_baseline jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if to_regclass('public.schema_version') is null
     or exists (select from fleet_private.schema_migrations where name like 'migrations/%') then
    return false;
  end if;
  insert into fleet_private.schema_migrations (name, sha256)
  select key, value from jsonb_each_text(p_baseline)
   where exists (select from public.schema_version where version = 2);
  return found;
end
$$;

-- Records a file, at the end of the transaction that applied it. Raises 42501 if the transaction made or changed
-- anything in public or fleet_private that is open to strangers, so that nothing is open between two files either.
create or replace function fleet_private.record_file(p_name text, p_sha256 text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_present constant xid := pg_current_xact_id()::xid;
  v_open text;
begin
  select string_agg(what, '; ' order by what) into v_open from (
    select format('everybody may call %s', oid::regprocedure) as what
      from pg_catalog.pg_proc
     where xmin = v_present and pronamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)
       and has_function_privilege('anon', oid, 'execute')
    union all
    select format('%s has two signatures', min(oid)::regproc)
      from pg_catalog.pg_proc
     where pronamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)
     group by pronamespace, proname
    having count(*) > 1 and bool_or(xmin = v_present)
    union all
    select format('anon has rights on %s', oid::regclass)
      from pg_catalog.pg_class
     where xmin = v_present and relnamespace in ('public'::regnamespace, 'fleet_private'::regnamespace)
       and case when relkind = 'S' then has_sequence_privilege('anon', oid, 'usage, select, update')
                when relkind in ('r', 'p', 'v', 'm', 'f') then
                  has_any_column_privilege('anon', oid, 'select, insert, update, references')
                  or has_table_privilege('anon', oid, 'delete, truncate, trigger') end
    union all
    select format('%s has no row level security', oid::regclass)
      from pg_catalog.pg_class
     where xmin = v_present and relnamespace = 'public'::regnamespace
       and relkind in ('r', 'p') and not relrowsecurity
    union all
    select format('%s has the rights of its owner: make it a view with security_invoker', oid::regclass)
      from pg_catalog.pg_class
     where xmin = v_present and relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
       and not exists (select from pg_options_to_table(reloptions)
                        where option_name = 'security_invoker' and option_value::boolean)) as opened;
  if v_open is not null then
    raise exception '% leaves something open: %', p_name, v_open
      using errcode = '42501', hint = 'End it with fleet_private.close_tables and fleet_private.set_callers.';
  end if;

  insert into fleet_private.schema_migrations (name, sha256) values (p_name, p_sha256)
  on conflict (name) do update set sha256 = excluded.sha256, applied_at = now();
end
$$;

-- Takes from everybody but the owner every right on tables and on their counters, which tell how many rows all
-- companies have, and enables row level security in the schema public. Not in fleet_private: nobody has a right there,
-- and Supabase Lite grants all on every schema that has a table with row level security.
create or replace function fleet_private.close_tables(variadic p_tables regclass[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_name regclass;
begin
  foreach v_name in array p_tables loop
    -- Only where it is not: the statement locks out all that use the table.
    if exists (select from pg_catalog.pg_class
                where oid = v_name and relnamespace = 'public'::regnamespace and not relrowsecurity) then
      execute format('alter table %s enable row level security', v_name);
    end if;
    execute format('revoke all on %s from public, anon, authenticated, service_role', v_name);
  end loop;
  for v_name in
    select d.objid::regclass
      from pg_catalog.pg_depend d
      join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
     where d.deptype in ('a', 'i') and d.refobjid = any (p_tables)
  loop
    execute format('revoke all on sequence %s from public, anon, authenticated, service_role', v_name);
  end loop;
end
$$;

-- Lets the service, or the service and users, call functions, and nobody else. A function is given by its name alone
-- ('public.record_hello'), so that no signature is forgotten: one that this transaction has not made, beside one that
-- it has made, is what the function was before it got another parameter, and is dropped.
create or replace function fleet_private.set_callers(p_callers text, variadic p_functions text[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_present constant xid := pg_current_xact_id()::xid;
  v_roles constant text := case p_callers when 'service' then 'service_role' when 'users' then 'service_role, authenticated' end;
  v_name text;
  v_function record;
begin
  if v_roles is null then
    raise exception 'set_callers: % is neither ''service'' nor ''users''', p_callers using errcode = '22023';
  end if;
  foreach v_name in array p_functions loop
    for v_function in
      select oid::regprocedure as name,
             xmin <> v_present and bool_or(xmin = v_present) over () as is_older
        from pg_catalog.pg_proc
       where format('%s.%s', pronamespace::regnamespace, proname) = v_name
    loop
      if v_function.is_older then
        execute format('drop function %s', v_function.name);
      else
        execute format('revoke all on function %s from public, anon, authenticated, service_role', v_function.name);
        execute format('grant execute on function %s to %s', v_function.name, v_roles);
      end if;
    end loop;
    if not found then
      raise exception 'set_callers: there is no function %', v_name using errcode = '42883';
    end if;
  end loop;
end
$$;

revoke all on function
  fleet_private.is_pending(text, text), fleet_private.adopt(jsonb), fleet_private.record_file(text, text),
  fleet_private.close_tables(regclass[]), fleet_private.set_callers(text, text[])
  from public, anon, authenticated, service_role;

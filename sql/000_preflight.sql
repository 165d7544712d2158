-- Before anything is changed: stop where an older table cannot be extended, and lay the ground for the rest.
-- Every file of this folder may be run any number of times, in the order of the names. It runs in the SQL editor of a
-- hosted Supabase project, in psql (with -1 -v ON_ERROR_STOP=1: each file is one transaction, so that nobody meets the
-- rights of 070_security.sql half set) and as a migration of the embedded stack.

-- An older table of one of our names gets the columns that it lacks. A column that is there under the same name and
-- means something else (a uuid where the topic name of a device belongs) cannot be guessed at: nothing is touched then.
do $$
declare
  v_mismatch text;
begin
  select string_agg(format('public.%s.%s is %s, expected %s', c.relname, a.attname, format_type(a.atttypid, null), e.wanted),
                    '; ' order by c.relname, a.attname)
    into v_mismatch
    from (values
           ('companies', 'company_id', 'uuid'),
           ('users', 'user_id', 'uuid'),
           ('users', 'company_id', 'uuid'),
           ('devices', 'device_id', 'text'),
           ('devices', 'company_id', 'uuid'),
           ('captures', 'capture_id', 'uuid'),
           ('captures', 'device_id', 'text'),
           ('captures', 'device_capture_id', 'text'),
           ('captures', 'captured_at', 'timestamp with time zone'),
           ('captures', 'ingest_status', 'text'),
           ('captures', 'metadata', 'jsonb'),
           ('sensor_readings', 'device_id', 'text'),
           ('sensor_readings', 'capture_id', 'uuid'),
           ('device_status', 'device_id', 'text'),
           ('device_status', 'pending_list', 'jsonb'),
           ('device_errors', 'device_id', 'text'),
           ('device_errors', 'error_code', 'integer'),
           ('device_errors', 'details', 'jsonb'),
           ('device_publish_log', 'device_id', 'text'),
           ('device_publish_log', 'payload', 'jsonb'),
           ('device_configs', 'device_id', 'text'),
           ('device_commands', 'command_id', 'uuid'),
           ('device_commands', 'device_id', 'text'),
           ('device_commands', 'type', 'text'),
           ('device_commands', 'payload', 'jsonb'),
           ('device_commands', 'status', 'text'),
           ('device_command_logs', 'command_id', 'uuid')
         ) as e (relname, attname, wanted)
    join pg_catalog.pg_class c on c.relname = e.relname and c.relnamespace = 'public'::regnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = e.attname and not a.attisdropped
   where format_type(a.atttypid, null) <> e.wanted
     and not (e.wanted = 'text' and format_type(a.atttypid, null) = 'character varying');
  if v_mismatch is not null then
    raise exception 'older tables cannot be extended: %', v_mismatch
      using hint = 'Rename or migrate these tables, then run the files again from 000_preflight.sql.';
  end if;
end
$$;

-- Not among the schemas that the data API serves: what is in here can be used by policies and functions, never called
-- by a client. A schema of its own, since projects often have one named private, whose grants are their owner's.
create schema if not exists fleet_private;

-- Adds a constraint by its name, once. Rows that were there before it and break it do not stop the installation: the
-- constraint then holds for new rows, and the message says what to clean up.
create or replace function fleet_private.ensure_constraint(p_table regclass, p_name text, p_definition text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if exists (select from pg_catalog.pg_constraint where conrelid = p_table and conname = p_name) then
    return;
  end if;
  if p_definition !~* '^(check|foreign key)' then
    execute format('alter table %s add constraint %I %s', p_table, p_name, p_definition);
    return;
  end if;
  execute format('alter table %s add constraint %I %s not valid', p_table, p_name, p_definition);
  begin
    execute format('alter table %s validate constraint %I', p_table, p_name);
  exception
    when check_violation or foreign_key_violation then
      raise warning 'older rows of % break the constraint %: it holds for new rows only', p_table, p_name;
  end;
end
$$;

-- An older table may have a column of ours without its default, or with empty rows: both are filled. created_at without
-- a default would put every new row first or last in the queries of operators.
create or replace function fleet_private.ensure_filled(p_table regclass, p_column text, p_default text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select from pg_catalog.pg_attribute
     where attrelid = p_table and attname = p_column and attnotnull and atthasdef
  ) then
    return;
  end if;
  execute format('alter table %s alter column %I set default %s', p_table, p_column, p_default);
  execute format('update %s set %I = default where %I is null', p_table, p_column, p_column);
  execute format('alter table %s alter column %I set not null', p_table, p_column);
end
$$;

-- The key that other tables refer to: the primary key, or a unique constraint where an older table has another one.
create or replace function fleet_private.ensure_key(p_table regclass, p_name text, p_column text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select from pg_catalog.pg_constraint k
     where k.conrelid = p_table
       and k.contype in ('p', 'u')
       and k.conkey = array[(select a.attnum from pg_catalog.pg_attribute a
                              where a.attrelid = p_table and a.attname = p_column)]
  ) then
    return;
  end if;
  perform fleet_private.ensure_constraint(
    p_table,
    p_name,
    case when exists (select from pg_catalog.pg_constraint where conrelid = p_table and contype = 'p')
         then format('unique (%I)', p_column)
         else format('primary key (%I)', p_column)
    end
  );
end
$$;

-- baseline
-- Stops, before anything is changed, if an older table cannot be extended, and makes the functions with which the next
-- two migrations extend older tables.

-- If an older table has one of our table names, it gets the columns that it lacks. If it has a column of the
-- right name but another type (for example a uuid instead of the text device_id of an MQTT topic), its
-- meaning is unknown; then the installation stops and changes nothing.
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
           ('captures', 'damaged', 'boolean'),
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
      using hint = 'Rename or migrate these tables, then try again.';
  end if;
end
$$;

-- Adds a constraint unless the table has one of this name. Existing rows that break it do not stop the
-- installation: the constraint then applies to new rows only, and a warning names the table and the
-- constraint to clean up.
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

-- Gives a column of an older table its default, replaces its nulls with that default and forbids further
-- nulls. Without it created_at would stay null in new rows, which would sort them all first or last in the
-- operators' queries.
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

-- Makes a column a key that other tables can reference: the primary key, or a unique constraint if an older
-- table already has another primary key.
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

select fleet_private.set_callers(
  'service', 'fleet_private.ensure_constraint', 'fleet_private.ensure_filled', 'fleet_private.ensure_key');

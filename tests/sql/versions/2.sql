-- This file runs before anything is changed: it stops if an older table cannot be extended, and it creates
-- the helper functions that the other files use.
-- Run the files of this folder in the order of their names; each may be run any number of times. They run in
-- the SQL editor of a hosted Supabase project, in psql (with -1 -v ON_ERROR_STOP=1, so that each file is one
-- transaction and nobody sees the rights of 070_security.sql half set), and as migrations of the embedded
-- stack.

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
      using hint = 'Rename or migrate these tables, then run the files again from 000_preflight.sql.';
  end if;
end
$$;

-- The data API does not serve this schema, so policies and functions can use its content but clients cannot
-- call it. It is not named "private", because many projects have a schema of that name with grants of their
-- own.
create schema if not exists fleet_private;

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
-- The tables of the service. Each table is created with only its key and then gets its columns one by one, so
-- that a new project and a project with older tables of the same names run the same statements and get the
-- same schema. device_id is always the {MAC} of the MQTT topic and never a value of the payload, because the
-- broker can restrict who publishes to a topic but cannot check a payload.

create table if not exists public.companies (company_id uuid not null default gen_random_uuid());
alter table public.companies
  add column if not exists company_id uuid not null default gen_random_uuid(),
  add column if not exists name text not null default '',
  add column if not exists created_at timestamptz not null default now();
select fleet_private.ensure_filled('public.companies', 'company_id', 'gen_random_uuid()');
select fleet_private.ensure_filled('public.companies', 'name', '''''');
select fleet_private.ensure_filled('public.companies', 'created_at', 'now()');
select fleet_private.ensure_key('public.companies', 'companies_pkey', 'company_id');

-- Assigns each user to a company. user_id is the id in auth.users.
create table if not exists public.users (user_id uuid not null);
alter table public.users
  add column if not exists company_id uuid,
  add column if not exists created_at timestamptz not null default now();
select fleet_private.ensure_filled('public.users', 'created_at', 'now()');
select fleet_private.ensure_key('public.users', 'users_pkey', 'user_id');
select fleet_private.ensure_constraint('public.users', 'users_user_id_fkey',
  'foreign key (user_id) references auth.users (id) on delete cascade');
select fleet_private.ensure_constraint('public.users', 'users_company_id_fkey',
  'foreign key (company_id) references public.companies (company_id) on delete set null');

-- The first message of a device creates its row. The device has no owner until somebody sets company_id.
-- The telemetry columns hold the latest known value; device_status has the history.
--   next_wake_at      the wake time that the device was last told
--   wake_override_at  the wake time of a next_wake command; it overrides the schedule until it has passed
--   capture_asked_at  when the service last told the device to take a picture
--   last_capture_at   when the device last took a picture, by its own clock if that is plausible
create table if not exists public.devices (device_id text not null);
alter table public.devices
  add column if not exists device_hw_id text,
  add column if not exists company_id uuid,
  add column if not exists name text,
  add column if not exists location text,
  add column if not exists timezone text,
  add column if not exists next_wake_at timestamptz,
  add column if not exists wake_override_at timestamptz,
  add column if not exists capture_asked_at timestamptz,
  add column if not exists last_capture_at timestamptz,
  add column if not exists last_seen_at timestamptz,
  add column if not exists firmware_version text,
  add column if not exists pending_count integer,
  add column if not exists uptime_s bigint,
  add column if not exists boot_count bigint,
  add column if not exists battery_mv integer,
  add column if not exists battery_percent double precision,
  add column if not exists wifi_rssi_dbm integer,
  add column if not exists free_heap_bytes bigint,
  add column if not exists created_at timestamptz not null default now();
alter table public.devices alter column company_id drop not null;
select fleet_private.ensure_filled('public.devices', 'created_at', 'now()');
select fleet_private.ensure_key('public.devices', 'devices_pkey', 'device_id');
select fleet_private.ensure_constraint('public.devices', 'devices_company_id_fkey',
  'foreign key (company_id) references public.companies (company_id) on delete set null');
select fleet_private.ensure_constraint('public.devices', 'devices_device_id_check',
  $$check (device_id ~ '^[A-Za-z0-9_-]{1,64}$')$$);

create or replace function fleet_private.fill_device_hw_id()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.device_hw_id := coalesce(new.device_hw_id, new.device_id);
  return new;
end
$$;
drop trigger if exists devices_fill_hw_id on public.devices;
create trigger devices_fill_hw_id
  before insert on public.devices
  for each row execute function fleet_private.fill_device_hw_id();

-- One row per hello. message_key is a key that the service gives to the message: a repeated message adds no
-- second row and gets the answer stored here.
create table if not exists public.device_status (status_id bigint generated always as identity);
alter table public.device_status
  add column if not exists status_id bigint generated always as identity,
  add column if not exists message_key text,
  add column if not exists device_id text not null,
  add column if not exists status text,
  add column if not exists pending_count integer,
  add column if not exists pending_list jsonb,
  add column if not exists firmware_version text,
  add column if not exists uptime_s bigint,
  add column if not exists boot_count bigint,
  add column if not exists battery_mv integer,
  add column if not exists battery_percent double precision,
  add column if not exists wifi_rssi_dbm integer,
  add column if not exists free_heap_bytes bigint,
  add column if not exists raw jsonb,
  add column if not exists answer jsonb,
  add column if not exists received_at timestamptz,
  add column if not exists created_at timestamptz not null default now();
select fleet_private.ensure_filled('public.device_status', 'created_at', 'now()');
select fleet_private.ensure_key('public.device_status', 'device_status_pkey', 'status_id');
select fleet_private.ensure_constraint('public.device_status', 'device_status_message_key_key', 'unique (message_key)');
select fleet_private.ensure_constraint('public.device_status', 'device_status_device_id_fkey',
  'foreign key (device_id) references public.devices (device_id)');

-- One row per picture. Devices reuse names (image_1.jpg after a reflash), so device, name and capture time
-- together identify a picture. In the unique index the time comes before the name, so that the index also
-- serves the query "the latest pictures of this device".
-- damaged marks a picture whose JPEG stream is broken: it is shown as far as it can be decoded.
-- shares_object marks a row of an older schema whose object another row names too: only one of them has its
-- own picture there. New rows never have it; 020_indexes.sql sees to that.
create table if not exists public.captures (capture_id uuid not null default gen_random_uuid());
alter table public.captures
  add column if not exists capture_id uuid not null default gen_random_uuid(),
  add column if not exists device_id text not null,
  add column if not exists device_capture_id text not null,
  add column if not exists captured_at timestamptz not null,
  add column if not exists captured_at_source text not null default 'device',
  add column if not exists image_bytes integer,
  add column if not exists total_chunks integer,
  add column if not exists ingest_status text not null default 'assembling',
  add column if not exists storage_path text,
  add column if not exists thumbnail_path text,
  add column if not exists shares_object boolean,
  add column if not exists width integer,
  add column if not exists height integer,
  add column if not exists image_sha256 text,
  add column if not exists damaged boolean not null default false,
  add column if not exists location text,
  add column if not exists firmware_version text,
  add column if not exists device_image_id text,
  add column if not exists nacks_sent integer,
  add column if not exists error_code integer,
  add column if not exists metadata jsonb not null default '{}',
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists updated_at timestamptz not null default now(),
  add column if not exists stored_at timestamptz;
select fleet_private.ensure_filled('public.captures', 'capture_id', 'gen_random_uuid()');
select fleet_private.ensure_filled('public.captures', 'captured_at_source', '''device''');
select fleet_private.ensure_filled('public.captures', 'ingest_status', '''assembling''');
select fleet_private.ensure_filled('public.captures', 'damaged', 'false');
select fleet_private.ensure_filled('public.captures', 'metadata', '''{}''');
select fleet_private.ensure_filled('public.captures', 'created_at', 'now()');
select fleet_private.ensure_filled('public.captures', 'updated_at', 'now()');
select fleet_private.ensure_key('public.captures', 'captures_pkey', 'capture_id');
select fleet_private.ensure_constraint('public.captures', 'captures_identity_key',
  'unique (device_id, captured_at, device_capture_id)');
select fleet_private.ensure_constraint('public.captures', 'captures_device_id_fkey',
  'foreign key (device_id) references public.devices (device_id)');
select fleet_private.ensure_constraint('public.captures', 'captures_ingest_status_check',
  $$check (ingest_status in ('assembling', 'stored', 'failed'))$$);
select fleet_private.ensure_constraint('public.captures', 'captures_captured_at_source_check',
  $$check (captured_at_source in ('device', 'arrival'))$$);
select fleet_private.ensure_constraint('public.captures', 'captures_device_capture_id_check',
  'check (length(device_capture_id) between 1 and 255)');
select fleet_private.ensure_constraint('public.captures', 'captures_sizes_check',
  'check (image_bytes >= 0 and total_chunks >= 0 and width >= 0 and height >= 0 and nacks_sent >= 0)');
-- A stored capture must name its object in storage, because a device deletes its picture after the ACK.
select fleet_private.ensure_constraint('public.captures', 'captures_stored_path_check',
  $$check (ingest_status <> 'stored' or storage_path is not null)$$);

-- At most one reading per capture, so that a repeated write adds no second row.
create table if not exists public.sensor_readings (reading_id bigint generated always as identity);
alter table public.sensor_readings
  add column if not exists reading_id bigint generated always as identity,
  add column if not exists capture_id uuid,
  add column if not exists device_id text not null,
  add column if not exists temperature_c double precision,
  add column if not exists humidity_pct double precision,
  add column if not exists pressure_hpa double precision,
  add column if not exists gas_kohm double precision,
  add column if not exists measured_at timestamptz,
  add column if not exists created_at timestamptz not null default now();
select fleet_private.ensure_filled('public.sensor_readings', 'created_at', 'now()');
select fleet_private.ensure_key('public.sensor_readings', 'sensor_readings_pkey', 'reading_id');
select fleet_private.ensure_constraint('public.sensor_readings', 'sensor_readings_capture_id_key', 'unique (capture_id)');
-- The range of values that a sensor can measure; the workers discard other values before they write a row.
select fleet_private.ensure_constraint('public.sensor_readings', 'sensor_readings_bounds_check',
  'check (temperature_c between -100 and 200 and humidity_pct between 0 and 100
          and pressure_hpa between 100 and 2000 and gas_kohm between 0 and 1e6)');
select fleet_private.ensure_constraint('public.sensor_readings', 'sensor_readings_capture_id_fkey',
  'foreign key (capture_id) references public.captures (capture_id) on delete cascade');
select fleet_private.ensure_constraint('public.sensor_readings', 'sensor_readings_device_id_fkey',
  'foreign key (device_id) references public.devices (device_id)');

-- The errors. There is no foreign key to devices, because invalid messages on any topic need a row too.
create table if not exists public.device_errors (error_id bigint generated always as identity);
alter table public.device_errors
  add column if not exists error_id bigint generated always as identity,
  add column if not exists message_key text,
  add column if not exists device_id text,
  add column if not exists error_code integer not null,
  add column if not exists message text,
  add column if not exists details jsonb,
  add column if not exists occurred_at timestamptz not null default now(),
  add column if not exists created_at timestamptz not null default now();
select fleet_private.ensure_filled('public.device_errors', 'occurred_at', 'now()');
select fleet_private.ensure_filled('public.device_errors', 'created_at', 'now()');
select fleet_private.ensure_key('public.device_errors', 'device_errors_pkey', 'error_id');
select fleet_private.ensure_constraint('public.device_errors', 'device_errors_message_key_key', 'unique (message_key)');

-- The MQTT traffic in both directions, without the bytes of the chunks. There is no foreign key to devices,
-- for the same reason as above.
create table if not exists public.device_publish_log (log_id bigint generated always as identity);
alter table public.device_publish_log
  add column if not exists log_id bigint generated always as identity,
  add column if not exists message_key text,
  add column if not exists device_id text,
  add column if not exists topic text,
  add column if not exists direction text not null,
  add column if not exists payload jsonb,
  add column if not exists received_at timestamptz not null default now();
select fleet_private.ensure_filled('public.device_publish_log', 'received_at', 'now()');
select fleet_private.ensure_key('public.device_publish_log', 'device_publish_log_pkey', 'log_id');
select fleet_private.ensure_constraint('public.device_publish_log', 'device_publish_log_message_key_key',
  'unique (message_key)');
select fleet_private.ensure_constraint('public.device_publish_log', 'device_publish_log_direction_check',
  $$check (direction in ('in', 'out'))$$);

-- Schedules: for one device, for a company (device_id is null), or for all devices (device_id and company_id
-- are null). A value that a row leaves null comes from the row with the next wider scope. A row may set at
-- most one of captures_per_day (spread evenly over the local day), times_of_day (local time) and
-- interval_minutes (for tests on the bench).
create table if not exists public.device_configs (config_id uuid not null default gen_random_uuid());
alter table public.device_configs
  add column if not exists config_id uuid not null default gen_random_uuid(),
  add column if not exists device_id text,
  add column if not exists company_id uuid,
  add column if not exists captures_per_day integer,
  add column if not exists times_of_day time[],
  add column if not exists interval_minutes integer,
  add column if not exists timezone text,
  add column if not exists wake_spread_s integer,
  add column if not exists created_at timestamptz not null default now();
select fleet_private.ensure_filled('public.device_configs', 'config_id', 'gen_random_uuid()');
select fleet_private.ensure_filled('public.device_configs', 'created_at', 'now()');
select fleet_private.ensure_key('public.device_configs', 'device_configs_pkey', 'config_id');
select fleet_private.ensure_constraint('public.device_configs', 'device_configs_device_id_fkey',
  'foreign key (device_id) references public.devices (device_id) on delete cascade');
select fleet_private.ensure_constraint('public.device_configs', 'device_configs_company_id_fkey',
  'foreign key (company_id) references public.companies (company_id) on delete cascade');
select fleet_private.ensure_constraint('public.device_configs', 'device_configs_scope_check',
  'check (device_id is null or company_id is null)');
select fleet_private.ensure_constraint('public.device_configs', 'device_configs_schedule_check',
  $$check (num_nonnulls(captures_per_day, times_of_day, interval_minutes) <= 1
           and captures_per_day between 1 and 288
           and cardinality(times_of_day) between 1 and 288 and array_position(times_of_day, null) is null
           and interval_minutes between 1 and 10080
           and wake_spread_s between 0 and 21600)$$);

-- Commands that users give to devices. The status goes queued -> sent -> done | failed | expired.
-- The types and their payloads:
--   capture_image  {}
--   send_image     {"image_name": "image_1.jpg"}
--   next_wake      {"next_wake": "2025-10-07T16:48:00Z"}
--   custom         any object; the device gets it unchanged
-- A malformed command is refused with the reason when it is queued.
create table if not exists public.device_commands (command_id uuid not null default gen_random_uuid());
alter table public.device_commands
  add column if not exists command_id uuid not null default gen_random_uuid(),
  -- The order of the queue. created_at cannot give it, because commands inserted together have the same
  -- created_at.
  add column if not exists queue_number bigint generated always as identity,
  add column if not exists device_id text not null,
  add column if not exists type text not null,
  add column if not exists payload jsonb not null default '{}',
  add column if not exists status text not null default 'queued',
  add column if not exists deadline timestamptz default now() + interval '7 days',
  add column if not exists attempts integer not null default 0,
  add column if not exists max_attempts integer not null default 3,
  add column if not exists reason text,
  add column if not exists capture_id uuid,
  add column if not exists created_by uuid default auth.uid(),
  add column if not exists created_at timestamptz not null default now(),
  add column if not exists sent_at timestamptz,
  add column if not exists finished_at timestamptz;
select fleet_private.ensure_filled('public.device_commands', 'command_id', 'gen_random_uuid()');
select fleet_private.ensure_filled('public.device_commands', 'payload', '''{}''');
select fleet_private.ensure_filled('public.device_commands', 'status', '''queued''');
select fleet_private.ensure_filled('public.device_commands', 'attempts', '0');
select fleet_private.ensure_filled('public.device_commands', 'max_attempts', '3');
select fleet_private.ensure_filled('public.device_commands', 'created_at', 'now()');
select fleet_private.ensure_key('public.device_commands', 'device_commands_pkey', 'command_id');
select fleet_private.ensure_constraint('public.device_commands', 'device_commands_device_id_fkey',
  'foreign key (device_id) references public.devices (device_id) on delete cascade');
select fleet_private.ensure_constraint('public.device_commands', 'device_commands_capture_id_fkey',
  'foreign key (capture_id) references public.captures (capture_id) on delete set null');
select fleet_private.ensure_constraint('public.device_commands', 'device_commands_status_check',
  $$check (status in ('queued', 'sent', 'done', 'failed', 'expired'))$$);
-- The payload limit is what a device can receive in one message.
select fleet_private.ensure_constraint('public.device_commands', 'device_commands_size_check',
  'check (octet_length(payload::text) <= 4096 and length(type) <= 64 and max_attempts between 1 and 10)');

-- Every change of a command's state, written by a trigger.
create table if not exists public.device_command_logs (log_id bigint generated always as identity);
alter table public.device_command_logs
  add column if not exists log_id bigint generated always as identity,
  add column if not exists command_id uuid not null,
  add column if not exists device_id text not null,
  add column if not exists status text not null,
  add column if not exists attempts integer,
  add column if not exists reason text,
  add column if not exists created_at timestamptz not null default now();
select fleet_private.ensure_filled('public.device_command_logs', 'created_at', 'now()');
select fleet_private.ensure_key('public.device_command_logs', 'device_command_logs_pkey', 'log_id');
select fleet_private.ensure_constraint('public.device_command_logs', 'device_command_logs_command_id_fkey',
  'foreign key (command_id) references public.device_commands (command_id) on delete cascade');

-- A single row with the version of the schema. 090_version.sql writes it, and the service reads it when it
-- starts.
create table if not exists public.schema_version (singleton boolean not null default true);
alter table public.schema_version
  add column if not exists version integer not null,
  add column if not exists applied_at timestamptz not null default now();
select fleet_private.ensure_key('public.schema_version', 'schema_version_pkey', 'singleton');
select fleet_private.ensure_constraint('public.schema_version', 'schema_version_singleton_check', 'check (singleton)');
-- Indexes for the queries that exist: the newest rows of a table, the newest rows of a device, the devices of
-- a company. A query that a primary key or a unique constraint already serves has no index here.

create index if not exists devices_company_id_idx on public.devices (company_id);
create index if not exists device_status_created_at_idx on public.device_status (created_at desc);
create index if not exists device_status_device_id_created_at_idx on public.device_status (device_id, created_at desc);
create index if not exists captures_created_at_idx on public.captures (created_at desc);
create index if not exists captures_device_id_created_at_idx on public.captures (device_id, created_at desc);
create index if not exists sensor_readings_created_at_idx on public.sensor_readings (created_at desc);
create index if not exists sensor_readings_device_id_created_at_idx on public.sensor_readings (device_id, created_at desc);
create index if not exists device_errors_occurred_at_idx on public.device_errors (occurred_at desc);
create index if not exists device_errors_device_id_occurred_at_idx on public.device_errors (device_id, occurred_at desc);
create index if not exists device_publish_log_received_at_idx on public.device_publish_log (received_at desc);
create index if not exists device_publish_log_device_id_received_at_idx
  on public.device_publish_log (device_id, received_at desc);

-- Few rows are in this state at any time. record_capture looks for them to adopt a row, and the sweep to fail
-- old ones.
create index if not exists captures_assembling_idx
  on public.captures (device_id, device_capture_id, updated_at) where ingest_status = 'assembling';

-- No two captures name one object. Before these indexes exist, an older table may have such captures. They keep
-- their paths, because nothing in the database tells whose picture the object is; all but the oldest are marked
-- and left out of the indexes. The lock keeps a worker from adding another one meanwhile.
do $$
declare
  v_marked bigint;
begin
  if to_regclass('public.captures_storage_path_key') is null
     or to_regclass('public.captures_thumbnail_path_key') is null then
    lock table public.captures in share row exclusive mode;
    update public.captures c
       set shares_object = true
      from (select capture_id,
                   row_number() over (partition by storage_path order by created_at, capture_id) as of_image,
                   row_number() over (partition by thumbnail_path order by created_at, capture_id) as of_thumbnail,
                   storage_path, thumbnail_path
              from public.captures where shares_object is not true) as n
     where c.capture_id = n.capture_id
       and ((n.storage_path is not null and n.of_image > 1)
            or (n.thumbnail_path is not null and n.of_thumbnail > 1));
    get diagnostics v_marked = row_count;
    if v_marked > 0 then
      raise warning '% older captures name an object that another capture names too; verification.sql lists them', v_marked;
    end if;
    create unique index if not exists captures_storage_path_key
      on public.captures (storage_path) where shares_object is not true;
    create unique index if not exists captures_thumbnail_path_key
      on public.captures (thumbnail_path) where shares_object is not true;
  end if;
end
$$;

-- One schedule per scope.
create unique index if not exists device_configs_device_key on public.device_configs (device_id)
  where device_id is not null;
create unique index if not exists device_configs_company_key on public.device_configs (company_id)
  where company_id is not null;
create unique index if not exists device_configs_global_key on public.device_configs ((true))
  where device_id is null and company_id is null;

-- Commands by device for the owners' queries, and the few open commands for the service.
create index if not exists device_commands_device_id_created_at_idx
  on public.device_commands (device_id, created_at desc);
create index if not exists device_commands_open_idx
  on public.device_commands (device_id, queue_number) where status in ('queued', 'sent');
create index if not exists device_commands_capture_id_idx
  on public.device_commands (capture_id) where capture_id is not null;
create index if not exists device_command_logs_command_id_idx on public.device_command_logs (command_id, log_id);
-- Functions that read values from JSON of other parties. A value that does not fit gives null and never an
-- error, because one bad field in one message must not lose the other rows of a bulk call.

create or replace function fleet_private.as_integer(p_value text, p_least bigint, p_most bigint)
returns bigint
language sql
immutable
set search_path = ''
as $$
  select case
    when p_value ~ '^-?[0-9]{1,15}([.][0-9]{1,40})?$' then
      case when round(p_value::numeric) between p_least and p_most then round(p_value::numeric)::bigint end
  end
$$;

create or replace function fleet_private.as_number(p_value text, p_least double precision, p_most double precision)
returns double precision
language sql
immutable
set search_path = ''
as $$
  select case
    when p_value ~ '^-?[0-9]{1,15}([.][0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$' then
      case when p_value::double precision between p_least and p_most then p_value::double precision end
  end
$$;

-- Reads an ISO 8601 time; without an offset it is UTC. Words that Postgres accepts as a time ('now',
-- 'infinity') give null. So do years outside 1 to 9999, because the workers' Python dates cannot represent
-- them.
create or replace function fleet_private.as_time(p_value text)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  v_time timestamptz;
begin
  if p_value is null or p_value !~ '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[T ][0-9]{1,2}:[0-9]{2}' then
    return null;
  end if;
  v_time := case
    when p_value ~ '([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$' then p_value::timestamptz
    else p_value::timestamp at time zone 'UTC'
  end;
  return case when v_time >= '0001-01-01 00:00:00+00' and v_time < '10000-01-01 00:00:00+00' then v_time end;
exception
  when data_exception then
    return null;
end
$$;

create or replace function fleet_private.as_device_id(p_value text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when p_value ~ '^[A-Za-z0-9_-]{1,64}$' then p_value end
$$;

create or replace function fleet_private.as_image_name(p_value text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when length(p_value) between 1 and 255 then p_value end
$$;

create or replace function fleet_private.as_sha256(p_value text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when p_value ~ '^[0-9A-Fa-f]{64}$' then lower(p_value) end
$$;

-- Returns a JSON document that is stored for reference, up to 64 KiB; a larger one is replaced by a note of
-- its size.
create or replace function fleet_private.as_document(p_value jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when jsonb_typeof(p_value) = 'null' then null
    when octet_length(p_value::text) > 65536 then jsonb_build_object('omitted_bytes', octet_length(p_value::text))
    else p_value
  end
$$;

-- Returns the objects in a JSON array; returns no rows if the value is not an array.
create or replace function fleet_private.elements(p_value jsonb)
returns setof jsonb
language sql
immutable
set search_path = ''
as $$
  select e from jsonb_array_elements(case when jsonb_typeof(p_value) = 'array' then p_value else '[]' end) as e
   where jsonb_typeof(e) = 'object'
$$;
-- Computes when a device wakes next.

-- Whether a text is a name of the time zone database. Postgres also accepts POSIX forms like 'FOO5', which
-- clients do not understand.
create or replace function fleet_private.is_timezone(p_name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform now() at time zone p_name;
  return p_name ~ '^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$';
exception
  when invalid_parameter_value then
    return false;
end
$$;
select fleet_private.ensure_constraint('public.devices', 'devices_timezone_check',
  'check (fleet_private.is_timezone(timezone))');
select fleet_private.ensure_constraint('public.device_configs', 'device_configs_timezone_check',
  'check (fleet_private.is_timezone(timezone))');

-- For a device that is awake at the moment p_at, returns the scheduled wake that it has woken for (slot) and
-- the next one (next_wake_at). Without a schedule slot is null, and next_wake_at is null or the wake of a
-- next_wake command.
--
-- Two moments at most `grace` apart count as the same wake, for two reasons. A device whose clock runs fast
-- wakes shortly before its time and must not be sent back to sleep for those seconds. And a wake time that
-- has passed when the device receives it would take effect a day late, because an ACK gives it as a time of
-- day without a date.
--
-- Times of day are local. When the clock changes in spring, a time that does not exist is used one hour
-- later; in autumn, a time that exists twice is used the second time. Both give exactly one wake. An interval
-- is counted from 1970-01-01 UTC and does not depend on a time zone. Each device has a fixed offset within
-- wake_spread_s seconds, computed from a hash of its device_id, so that the devices of one schedule do not
-- all wake in the same second.
create or replace function fleet_private.wakes(
  p_device text, p_at timestamptz,
  out slot timestamptz, out next_wake_at timestamptz, out timezone text, out grace interval
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_company uuid;
  v_override timestamptz;
  v_per_day integer;
  v_times time[];
  v_minutes integer;
  v_spread integer;
  v_offset interval := '0';
  v_day date;
begin
  select d.company_id, d.timezone, d.wake_override_at into v_company, wakes.timezone, v_override
    from public.devices d where d.device_id = p_device;

  with applicable as (
    select 1 as rank, c.* from public.device_configs c where c.device_id = p_device
    union all
    select 2, c.* from public.device_configs c where c.company_id = v_company
    union all
    select 3, c.* from public.device_configs c where c.device_id is null and c.company_id is null
  ), schedule as (
    select * from applicable where num_nonnulls(captures_per_day, times_of_day, interval_minutes) > 0 order by rank limit 1
  )
  select (select captures_per_day from schedule), (select times_of_day from schedule),
         (select interval_minutes from schedule),
         coalesce(wakes.timezone, (array_agg(a.timezone order by rank) filter (where a.timezone is not null))[1], 'UTC'),
         coalesce((array_agg(a.wake_spread_s order by rank) filter (where a.wake_spread_s is not null))[1], 300)
    into v_per_day, v_times, v_minutes, wakes.timezone, v_spread
    from applicable a;

  grace := least(interval '1 minute', make_interval(mins => v_minutes) / 2);
  if v_spread > 0 then
    v_offset := make_interval(secs =>
      ('x' || encode(substr(sha256(convert_to(p_device, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint % v_spread);
  end if;

  if v_minutes is not null then
    slot := date_bin(make_interval(mins => v_minutes), p_at + grace, timestamptz '1970-01-01 00:00:00+00' + v_offset);
    next_wake_at := slot + make_interval(mins => v_minutes);
  elsif v_per_day is not null or v_times is not null then
    if v_times is null then
      -- A wake is in the middle of each equal part of the day: one a day at 12:00, two at 06:00 and 18:00.
      v_times := array(select (interval '1 day' * (i + 0.5) / v_per_day)::time from generate_series(0, v_per_day - 1) as i);
    end if;
    v_day := ((p_at - v_offset) at time zone wakes.timezone)::date;
    select max(w) filter (where w <= p_at + grace), min(w) filter (where w > p_at + grace)
      into slot, next_wake_at
      from (select ((v_day + i) + t) at time zone wakes.timezone + v_offset as w
              from generate_series(-1, 2) as i, unnest(v_times) as t) as candidates;
  end if;

  if v_override > p_at + grace then
    next_wake_at := v_override;
  end if;
end
$$;

create or replace function fleet_private.next_wake(p_device text, p_after timestamptz)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select next_wake_at from fleet_private.wakes(p_device, p_after)
$$;
-- The life of a command: queued -> sent -> done | failed | expired.

-- Writes the log of a command. Security definer, so that a user who may queue commands needs no right to
-- write the log.
create or replace function fleet_private.log_command()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into public.device_command_logs (command_id, device_id, status, attempts, reason)
  values (new.command_id, new.device_id, new.status, new.attempts, new.reason);
  return null;
end
$$;
drop trigger if exists device_commands_log_insert on public.device_commands;
create trigger device_commands_log_insert
  after insert on public.device_commands
  for each row execute function fleet_private.log_command();
drop trigger if exists device_commands_log_update on public.device_commands;
create trigger device_commands_log_update
  after update on public.device_commands
  for each row when (old.status <> new.status or old.attempts <> new.attempts)
  execute function fleet_private.log_command();

-- Says whether a JSON value can be sent: a device's parser gives up at ten levels, the service's at numbers
-- that 64 bits cannot hold.
create or replace function fleet_private.fits_a_device(p_value jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  with recursive parts (value, level) as (
    select p_value, 1
    union all
    select inner_part.value, level + 1
      from parts
     cross join lateral (
       select e.value from jsonb_each(case jsonb_typeof(parts.value) when 'object' then parts.value else '{}' end) as e
       union all
       select a.value from jsonb_array_elements(case jsonb_typeof(parts.value) when 'array' then parts.value else '[]' end) as a
     ) as inner_part
     where level <= 10
  )
  select not exists (
    select from parts
     where (level > 10 and jsonb_typeof(value) in ('object', 'array'))
        or (jsonb_typeof(value) = 'number' and abs((value #>> '{}')::numeric) > 9223372036854775807))
$$;

-- Returns the reason why a command cannot be sent, or null if it can.
create or replace function fleet_private.command_fault(p_type text, p_payload jsonb, p_at timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select case
    when p_type not in ('capture_image', 'send_image', 'next_wake', 'custom') then 'unknown type'
    when jsonb_typeof(p_payload) <> 'object' then 'payload is not an object'
    when p_type = 'send_image' and jsonb_typeof(p_payload->'image_name') is distinct from 'string' then
      'payload.image_name is missing'
    when p_type = 'send_image' and p_payload->>'image_name' !~ '^(?![.])(?!.*[/\\])[ -~]{1,128}$' then
      'payload.image_name cannot name an image'
    when p_type = 'next_wake' and fleet_private.as_time(p_payload->>'next_wake') is null then
      'payload.next_wake is not a time in ISO 8601'
    when p_type = 'next_wake' and fleet_private.as_time(p_payload->>'next_wake') <= p_at then
      'payload.next_wake has passed'
    when p_type = 'custom' and p_payload = '{}' then 'payload is empty'
    when not fleet_private.fits_a_device(p_payload) then
      'payload is nested deeper than 10 levels, or has a number beyond 64 bits'
  end
$$;

-- Refuses a command that can never be sent, so that its author reads why at once, and writes its time in UTC.
-- Security definer, since the author has no right to the functions.
create or replace function fleet_private.check_command()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_fault text := fleet_private.command_fault(new.type, new.payload, '-infinity');
begin
  if v_fault is not null then
    raise exception 'command: %', v_fault using errcode = '22023';
  end if;
  if new.type = 'next_wake' then
    new.payload := new.payload || jsonb_build_object('next_wake', to_char(
      fleet_private.as_time(new.payload->>'next_wake') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
  end if;
  return new;
end
$$;
drop trigger if exists device_commands_check on public.device_commands;
create trigger device_commands_check
  before insert or update of type, payload on public.device_commands
  for each row execute function fleet_private.check_command();

-- Marks commands as sent and returns them in the order in which they were queued. Commands that cannot be
-- sent (their time has passed, or they are older than `check_command`) are marked failed. The caller must hold the locks of the rows.
-- Returns [{command_id, device_id, type, payload}].
create or replace function fleet_private.send_commands(p_commands uuid[], p_at timestamptz)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_sent jsonb;
begin
  update public.device_commands
     set status = 'failed', reason = fleet_private.command_fault(type, payload, p_at), finished_at = p_at
   where command_id = any (p_commands) and fleet_private.command_fault(type, payload, p_at) is not null;

  -- Locks in sorted order, so that two callers with the same devices wait for each other instead of
  -- deadlocking.
  perform from public.devices
    where device_id in (
      select device_id from public.device_commands
       where command_id = any (p_commands) and type in ('capture_image', 'next_wake'))
    order by device_id
      for no key update;

  with sent as (
    update public.device_commands
       set status = 'sent', attempts = attempts + 1, sent_at = p_at
     where command_id = any (p_commands) and status in ('queued', 'sent')
    returning *
  ), noted as (
    update public.devices d
       set capture_asked_at = case when s.asks then p_at else d.capture_asked_at end,
           wake_override_at = coalesce(s.override_at, d.wake_override_at)
      from (select device_id, bool_or(type = 'capture_image') as asks,
                   (array_agg(fleet_private.as_time(payload->>'next_wake') order by queue_number desc)
                     filter (where type = 'next_wake'))[1] as override_at
              from sent group by device_id) as s
     where d.device_id = s.device_id and (s.asks or s.override_at is not null)
  )
  select jsonb_agg(jsonb_build_object('command_id', command_id, 'device_id', device_id, 'type', type, 'payload', payload)
                   order by queue_number)
    into v_sent from sent;
  return coalesce(v_sent, '[]');
end
$$;

-- Before it had p_at.
drop function if exists public.claim_commands(integer, interval);

-- Returns at most p_limit queued commands, and marks them as sent, for devices that were heard within
-- p_heard_within and are therefore awake. Concurrent callers never get the same command. Also expires the
-- commands of all devices that are past their deadline. p_at is the service's time, as in record_hello.
-- Returns [{command_id, device_id, type, payload}]. A caller that cannot publish a command returns it to the
-- queue with finish_command.
create or replace function public.claim_commands(
  p_limit integer default 100, p_heard_within interval default '10 seconds', p_at timestamptz default now()
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_claimed uuid[];
begin
  update public.device_commands
     set status = 'expired', reason = 'deadline passed', finished_at = p_at
   where command_id in (
     select command_id from public.device_commands
      where deadline < p_at and (status = 'queued' or (status = 'sent' and sent_at < p_at - interval '1 minute'))
        for update skip locked);

  select array_agg(command_id) into v_claimed
    from (select c.command_id
            from public.device_commands c
            join public.devices d on d.device_id = c.device_id
           where c.status = 'queued' and d.last_seen_at > p_at - p_heard_within
           order by c.queue_number
           limit p_limit
             for update of c skip locked) as free;
  return case when v_claimed is null then '[]' else fleet_private.send_commands(v_claimed, p_at) end;
end
$$;

-- It was dropped above, so it is new, and open to all until that is revoked: here, and not only in the last files.
revoke all on function public.claim_commands(integer, interval, timestamptz) from public, anon, authenticated;
grant execute on function public.claim_commands(integer, interval, timestamptz) to service_role;

-- Records the outcome of a command: {command_id, status, reason}, where status is one of
--   done    the effect of the command was seen
--   failed  the command will never have an effect
--   queued  the command was claimed but not published; it returns to the queue and the attempt does not count
-- A finished command does not change. Returns {command_id, status} with the present status, which is null if
-- the command does not exist. Raises 22023 for another status.
create or replace function public.finish_command(p jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_command uuid;
  v_status text := p->>'status';
begin
  if v_status is null or v_status not in ('done', 'failed', 'queued') then
    raise exception 'finish_command: status unusable' using errcode = '22023';
  end if;
  v_command := (p->>'command_id')::uuid;
  update public.device_commands
     set status = v_status,
         reason = left(p->>'reason', 1024),
         attempts = case when v_status = 'queued' then greatest(attempts - 1, 0) else attempts end,
         sent_at = case when v_status = 'queued' then null else sent_at end,
         finished_at = case when v_status = 'queued' then null else now() end
   where command_id = v_command and (status = 'sent' or (status = 'queued' and v_status <> 'queued'));
  return jsonb_build_object('command_id', v_command, 'status',
                            (select status from public.device_commands where command_id = v_command));
end
$$;

-- Finishes the commands that a capture is the effect of: every sent send_image of its name, and the oldest
-- sent capture_image if the picture was taken after that was sent. If the device clock says otherwise, the
-- last hello decides: a picture that was not in the device's backlog then is new. A second call for the same
-- capture finds nothing more to finish.
create or replace function fleet_private.finish_commands_of_capture(
  p_device text, p_image_name text, p_capture uuid, p_taken_at timestamptz, p_status text, p_error_code integer,
  p_at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  -- Error codes 1000 to 1999 are errors that the device itself has reported: 1000 + n for a number n from 1
  -- to 99, else 1000. After any other failure the picture is still on the device.
  v_refused boolean := p_status = 'failed' and p_error_code between 1000 and 1999;
  v_new boolean;
begin
  if not exists (select from public.device_commands where device_id = p_device and status = 'sent') then
    return;
  end if;
  select not coalesce(pending_list, '[]') ? p_image_name
         and coalesce(pending_count, 0) <= jsonb_array_length(coalesce(pending_list, '[]'))
    into v_new
    from public.device_status where device_id = p_device
   order by created_at desc
   limit 1;

  update public.device_commands
     set status = case when v_refused then 'failed' else 'done' end,
         reason = case when v_refused then format('the device reported error %s', coalesce(
           (select details->>'reported' from public.device_errors
             where message_key = format('capture:%s:%s', p_capture, p_error_code)),
           (p_error_code - 1000)::text)) end,
         capture_id = p_capture,
         finished_at = p_at
   where command_id in (
     select command_id from public.device_commands
      where device_id = p_device and type = 'send_image' and status = 'sent'
        and payload->>'image_name' = p_image_name and (p_status = 'stored' or v_refused)
        for update skip locked)
      or command_id in (
     select command_id from public.device_commands
      where device_id = p_device and type = 'capture_image' and status = 'sent'
        and (v_new or sent_at <= p_taken_at + interval '1 minute')
        and not exists (
          select from public.device_commands where capture_id = p_capture and type = 'capture_image')
      order by queue_number
      limit 1
        for update skip locked);
end
$$;
-- The functions with which the workers record captures. Each may be called twice with the same argument; the
-- second call changes nothing.

-- Records captures that are still arriving, many in one call: an array of
--   {device_id, image_name, captured_at, captured_at_source, image_bytes, total_chunks, location}.
-- Existing rows do not change, whatever their state. Returns the number of rows inserted.
create or replace function public.record_assembling(p_captures jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_inserted integer;
begin
  -- Rows are inserted in sorted order, here and below, so that overlapping calls wait for each other instead
  -- of deadlocking.
  insert into public.devices (device_id)
  select distinct fleet_private.as_device_id(e->>'device_id') as device_id
    from fleet_private.elements(p_captures) as e
   where fleet_private.as_device_id(e->>'device_id') is not null
     and fleet_private.as_image_name(e->>'image_name') is not null
     and fleet_private.as_time(e->>'captured_at') is not null
   order by device_id
  on conflict do nothing;

  insert into public.captures (device_id, device_capture_id, captured_at, captured_at_source, image_bytes, total_chunks,
                               location, ingest_status)
  select distinct on (device_id, captured_at, image_name)
         device_id, image_name, captured_at, source, image_bytes, total_chunks, location, 'assembling'
    from (select fleet_private.as_device_id(e->>'device_id') as device_id,
                 fleet_private.as_image_name(e->>'image_name') as image_name,
                 fleet_private.as_time(e->>'captured_at') as captured_at,
                 case when e->>'captured_at_source' = 'arrival' then 'arrival' else 'device' end as source,
                 fleet_private.as_integer(e->>'image_bytes', 0, 2147483647) as image_bytes,
                 fleet_private.as_integer(e->>'total_chunks', 0, 2147483647) as total_chunks,
                 left(e->>'location', 255) as location
            from fleet_private.elements(p_captures) as e) as given
   where device_id is not null and image_name is not null and captured_at is not null
   order by device_id, captured_at, image_name
  on conflict do nothing;
  get diagnostics v_inserted = row_count;
  return v_inserted;
end
$$;

-- Records the final state of one capture, with its sensor reading and its error, in one transaction:
--   {device_id, image_name, captured_at, captured_at_source, arrived_at, ingest_status: 'stored' | 'failed',
--    image_bytes, total_chunks, storage_path, thumbnail_path, width, height, image_sha256, damaged,
--    replaces_sha256, location, firmware_version, device_image_id, nacks_sent, metadata: {},
--    sensors: {temperature_c, humidity_pct, pressure_hpa, gas_kohm} | null,
--    error: {code, message, details} | null,
--    beside: true for a report of an error that came beside a picture of its name; it leaves that picture's row
--            and the commands that asked for it alone,
--    at: the caller's time, for simulated time; by default the database's time}.
-- damaged says that the JPEG stream is broken. replaces_sha256 is the SHA-256 of a broken stream that came
-- earlier, and that the device was asked to send again: a row that holds it gets the present picture.
-- Returns {capture_id, ingest_status, captured_at, storage_path} of the row after the call, and
-- {next_wake_at, timezone} for the ACK; next_wake_at is null if no schedule is set.
-- If the returned storage_path is not the given one, the same picture was already stored under that path.
-- Finishes the commands that requested this picture. Raises 22023 for an unusable device_id, image_name or
-- ingest_status, and for a stored capture without storage_path. Raises 23505 and records nothing if another
-- capture names the same object: then the caller uploads the picture under another path and calls again.
--
--   found              incoming             then
--   nothing            stored or failed     inserted
--   assembling         stored or failed     updated
--   failed             stored               updated, the error code is cleared
--   failed             failed               updated
--   stored             failed               unchanged, because the picture is already stored
--   stored             same SHA-256         unchanged, because the message is a repeat
--   stored, replaced   another SHA-256      updated
--   stored             another SHA-256      another picture with a wrong time: recorded under arrived_at
create or replace function public.record_capture(p_capture jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_device text := fleet_private.as_device_id(p_capture->>'device_id');
  v_name text := fleet_private.as_image_name(p_capture->>'image_name');
  v_status text := p_capture->>'ingest_status';
  v_arrived_at timestamptz := coalesce(fleet_private.as_time(p_capture->>'arrived_at'), now());
  v_captured_at timestamptz := fleet_private.as_time(p_capture->>'captured_at');
  v_source text := case when p_capture->>'captured_at_source' = 'arrival' then 'arrival' else 'device' end;
  v_sha256 text := fleet_private.as_sha256(p_capture->>'image_sha256');
  v_replaces text := nullif(fleet_private.as_sha256(p_capture->>'replaces_sha256'), v_sha256);
  v_storage_path text := left(p_capture->>'storage_path', 1024);
  v_metadata jsonb := coalesce(fleet_private.as_document(p_capture->'metadata'), '{}');
  v_sensors jsonb := p_capture->'sensors';
  v_error_code integer := fleet_private.as_integer(p_capture->'error'->>'code', 0, 2147483647);
  v_at timestamptz := coalesce(fleet_private.as_time(p_capture->>'at'), now());
  v_beside boolean := coalesce(p_capture->'beside' = 'true', false);
  v_taken_at timestamptz;
  v_wakes record;
  v_row public.captures;
begin
  if v_device is null or v_name is null or v_status is null or v_status not in ('stored', 'failed') then
    raise exception 'record_capture: device_id, image_name or ingest_status unusable' using errcode = '22023';
  end if;
  if v_status = 'stored' and v_storage_path is null then
    raise exception 'record_capture: a stored capture needs its storage_path' using errcode = '22023';
  end if;
  if v_captured_at is null then
    v_captured_at := v_arrived_at;
    v_source := 'arrival';
  end if;
  if jsonb_typeof(v_metadata) <> 'object' then
    v_metadata := jsonb_build_object('metadata', v_metadata);
  end if;

  -- This statement also locks the device's row. Two captures of one device are therefore recorded one after
  -- the other, and what is read below does not change before it is used.
  insert into public.devices as d (device_id, last_seen_at, firmware_version, location)
  values (v_device, v_arrived_at, left(p_capture->>'firmware_version', 64), left(p_capture->>'location', 255))
  on conflict (device_id) do update
    set last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at),
        firmware_version = coalesce(excluded.firmware_version, d.firmware_version),
        location = coalesce(excluded.location, d.location);

  select * into v_row from public.captures
   where device_id = v_device and device_capture_id = v_name and captured_at = v_captured_at
     for update;

  if v_row.ingest_status = 'stored' and v_status = 'stored' and v_row.image_sha256 <> v_sha256
     and v_row.image_sha256 is distinct from v_replaces then
    v_metadata := v_metadata || jsonb_build_object('claimed_captured_at', v_captured_at);
    v_captured_at := v_arrived_at;
    v_source := 'arrival';
    -- The same picture may already have a row under an earlier arrival time, if its ACK was lost and the
    -- device sent it again.
    select * into v_row from public.captures
     where device_id = v_device and device_capture_id = v_name and ingest_status = 'stored'
       and captured_at_source = 'arrival' and image_sha256 in (v_sha256, v_replaces)
       and metadata->'claimed_captured_at' = v_metadata->'claimed_captured_at'
     limit 1;
    if not found then
      select * into v_row from public.captures
       where device_id = v_device and device_capture_id = v_name and captured_at = v_captured_at
         for update;
    end if;
  end if;

  if v_row.capture_id is null and not v_beside then
    -- Before the metadata arrives, the sweep records a capture under its arrival time. Such a row belongs to
    -- this picture, because a device sends only one picture of a name at a time.
    select * into v_row from public.captures
     where device_id = v_device and device_capture_id = v_name
       and ingest_status = 'assembling' and captured_at_source = 'arrival'
     order by updated_at desc
     limit 1
       for update;
  end if;
  if v_row.capture_id is null then
    insert into public.captures (device_id, device_capture_id, captured_at, captured_at_source)
    values (v_device, v_name, v_captured_at, v_source)
    -- The sweep may have inserted the row after the select above; then that row is used.
    on conflict (device_id, captured_at, device_capture_id) do update set updated_at = now()
    returning * into v_row;
  end if;
  delete from public.captures
   where device_id = v_device and device_capture_id = v_name and not v_beside
     and ingest_status = 'assembling' and captured_at_source = 'arrival' and capture_id <> v_row.capture_id;

  if v_row.ingest_status <> 'stored' or (v_status = 'stored' and v_row.image_sha256 = v_replaces) then
    update public.captures
       set captured_at = v_captured_at,
           captured_at_source = v_source,
           ingest_status = v_status,
           image_bytes = coalesce(fleet_private.as_integer(p_capture->>'image_bytes', 0, 2147483647), image_bytes),
           total_chunks = coalesce(fleet_private.as_integer(p_capture->>'total_chunks', 0, 2147483647), total_chunks),
           storage_path = coalesce(v_storage_path, storage_path),
           shares_object = case when coalesce(v_storage_path, storage_path) = storage_path then shares_object end,
           thumbnail_path = coalesce(left(p_capture->>'thumbnail_path', 1024), thumbnail_path),
           width = coalesce(fleet_private.as_integer(p_capture->>'width', 0, 2147483647), width),
           height = coalesce(fleet_private.as_integer(p_capture->>'height', 0, 2147483647), height),
           image_sha256 = coalesce(v_sha256, image_sha256),
           damaged = v_status = 'stored' and coalesce(p_capture->'damaged' = 'true', false),
           location = coalesce(left(p_capture->>'location', 255), location),
           firmware_version = coalesce(left(p_capture->>'firmware_version', 64), firmware_version),
           device_image_id = coalesce(left(p_capture->>'device_image_id', 255), device_image_id),
           nacks_sent = coalesce(fleet_private.as_integer(p_capture->>'nacks_sent', 0, 2147483647), nacks_sent),
           error_code = case when v_status = 'failed' then v_error_code end,
           metadata = metadata || v_metadata,
           stored_at = case when v_status = 'stored' then now() end,
           updated_at = now()
     where capture_id = v_row.capture_id
       and not (ingest_status = 'failed' and v_status = 'failed' and error_code is not distinct from v_error_code)
    returning * into v_row;
    if not found then
      select * into v_row from public.captures
       where device_id = v_device and device_capture_id = v_name and captured_at = v_captured_at;
    end if;
  end if;

  if v_sensors is not null and jsonb_typeof(v_sensors) = 'object' then
    insert into public.sensor_readings (capture_id, device_id, temperature_c, humidity_pct, pressure_hpa, gas_kohm,
                                        measured_at)
    select v_row.capture_id, v_device, temperature_c, humidity_pct, pressure_hpa, gas_kohm, v_row.captured_at
      from (select fleet_private.as_number(v_sensors->>'temperature_c', -100, 200) as temperature_c,
                   fleet_private.as_number(v_sensors->>'humidity_pct', 0, 100) as humidity_pct,
                   fleet_private.as_number(v_sensors->>'pressure_hpa', 100, 2000) as pressure_hpa,
                   fleet_private.as_number(v_sensors->>'gas_kohm', 0, 1e6) as gas_kohm) as reading
     where num_nonnulls(temperature_c, humidity_pct, pressure_hpa, gas_kohm) > 0
    on conflict (capture_id) do nothing;
  end if;

  if v_error_code is not null then
    insert into public.device_errors (message_key, device_id, error_code, message, details, occurred_at)
    values (format('capture:%s:%s', v_row.capture_id, v_error_code), v_device, v_error_code,
            left(p_capture->'error'->>'message', 1024),
            jsonb_build_object('image_name', v_name, 'capture_id', v_row.capture_id)
              || case when jsonb_typeof(p_capture->'error'->'details') = 'object'
                      then fleet_private.as_document(p_capture->'error'->'details') else '{}' end,
            v_arrived_at)
    on conflict (message_key) do nothing;
  end if;

  -- A capture time more than an hour ahead is not used, because no picture would be due until that time has
  -- passed.
  v_taken_at := case when v_source = 'arrival' or v_captured_at > v_arrived_at + interval '1 hour' then v_arrived_at
                     else v_captured_at end;
  if not v_beside then
    perform fleet_private.finish_commands_of_capture(v_device, v_name, v_row.capture_id, v_taken_at,
                                                     v_row.ingest_status, v_error_code, v_at);
  end if;
  select * into v_wakes from fleet_private.wakes(v_device, v_at);
  update public.devices
     set next_wake_at = v_wakes.next_wake_at,
         last_capture_at = greatest(last_capture_at, v_taken_at)
   where device_id = v_device;

  return jsonb_build_object(
    'capture_id', v_row.capture_id, 'ingest_status', v_row.ingest_status, 'captured_at', v_row.captured_at,
    'storage_path', v_row.storage_path, 'next_wake_at', v_wakes.next_wake_at, 'timezone', v_wakes.timezone);
end
$$;

-- Marks captures as failed that nothing assembles any more: Redis has lost their state, so their assembly
-- timeout will never fire. The sweep calls this at intervals with an age well above the assembly timeout. If
-- such a capture is completed after all, it still becomes stored. Returns the number of rows marked as
-- failed.
create or replace function public.fail_stale_captures(p_older_than interval default '1 hour', p_limit integer default 1000)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_failed integer;
begin
  with stale as (
    select capture_id from public.captures
     where ingest_status = 'assembling' and updated_at < now() - p_older_than
     order by capture_id
     limit p_limit
       for update skip locked
  ), failed as (
    update public.captures c
       set ingest_status = 'failed', error_code = 2201, updated_at = now()
      from stale
     where c.capture_id = stale.capture_id
    returning c.capture_id, c.device_id, c.device_capture_id
  ), noted as (
    insert into public.device_errors (message_key, device_id, error_code, message, details)
    select format('capture:%s:2201', capture_id), device_id, 2201, 'assembly timeout',
           jsonb_build_object('image_name', device_capture_id, 'capture_id', capture_id, 'stale', true)
      from failed
    on conflict (message_key) do nothing
  )
  select count(*) into v_failed from failed;
  return v_failed;
end
$$;
-- A device sends a hello, and the service answers with what the device shall do.

-- Records a hello (status message): {device_id, status, pending_count, pending_list, received_at,
-- message_key, firmware_version, uptime_s, boot_count, battery_mv, battery_percent, wifi_rssi_dbm,
-- free_heap_bytes, raw,
-- at: the caller's time, for simulated time; by default the database's time,
-- record_only: true if the device was already answered without the database; then the function only records
--              the hello and returns null}.
-- Adds one row to device_status, copies the latest values to the device's row, and returns what the device
-- shall do, in this order:
--   {commands: [{command_id, device_id, type, payload}],   now marked as sent
--    capture_due: true if a picture is due by the schedule or the device is new, and no command asks for one,
--    next_wake_at, timezone,    next_wake_at is null if no schedule is set
--    in_flight: true if the device was sent something in the last minute whose effect has not been seen}.
-- A second call with the same message_key returns the same answer and changes nothing. Raises 22023 for an
-- unusable device_id.
--
-- Without a schedule a picture is due at every wake, because the device alone decides when it wakes.
-- A hello that is repeated within a minute gets no second request for a picture and no command again. But its
-- device may have restarted and lost them; without an answer it would stay awake until its battery is empty.
-- So it is told to wake again in two minutes, when the service sends again what the device missed.
create or replace function public.record_hello(p_hello jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_device text := fleet_private.as_device_id(p_hello->>'device_id');
  v_received_at timestamptz := coalesce(fleet_private.as_time(p_hello->>'received_at'), now());
  v_at timestamptz := coalesce(fleet_private.as_time(p_hello->>'at'), now());
  v_pending jsonb := fleet_private.as_document(p_hello->'pending_list');
  v_key text;
  v_state public.devices;
  v_wakes record;
  v_claimed uuid[];
  v_commands jsonb := '[]';
  v_capture_due boolean;
  v_in_flight boolean;
  v_answer jsonb;
begin
  if v_device is null then
    raise exception 'record_hello: device_id unusable' using errcode = '22023';
  end if;
  v_key := coalesce(left(p_hello->>'message_key', 255), format('hello:%s:%s', v_device, v_received_at));

  insert into public.devices (device_id) values (v_device) on conflict do nothing;
  insert into public.device_status (message_key, device_id, status, pending_count, pending_list, firmware_version,
                                    uptime_s, boot_count, battery_mv, battery_percent, wifi_rssi_dbm, free_heap_bytes,
                                    raw, received_at)
  values (v_key, v_device, left(p_hello->>'status', 64),
          fleet_private.as_integer(p_hello->>'pending_count', 0, 2147483647),
          v_pending,
          left(p_hello->>'firmware_version', 64),
          fleet_private.as_integer(p_hello->>'uptime_s', 0, 1e15::bigint),
          fleet_private.as_integer(p_hello->>'boot_count', 0, 1e15::bigint),
          fleet_private.as_integer(p_hello->>'battery_mv', 0, 60000),
          fleet_private.as_number(p_hello->>'battery_percent', 0, 100),
          fleet_private.as_integer(p_hello->>'wifi_rssi_dbm', -200, 100),
          fleet_private.as_integer(p_hello->>'free_heap_bytes', 0, 1e15::bigint),
          fleet_private.as_document(p_hello->'raw'), v_received_at)
  on conflict (message_key) do nothing;
  if not found then
    -- A hello that was recorded with record_only has no stored answer. Nothing is decided later for it, so it
    -- gets an answer without commands.
    return (
      select coalesce(s.answer, jsonb_build_object('commands', '[]'::jsonb, 'capture_due', false, 'in_flight', false,
                                                   'next_wake_at', w.next_wake_at, 'timezone', w.timezone))
        from public.device_status s, fleet_private.wakes(v_device, v_at) as w
       where s.message_key = v_key);
  end if;

  -- This locks the device's row, so that two hellos of one device are answered one after the other.
  update public.devices d
     set last_seen_at = greatest(d.last_seen_at, v_received_at),
         pending_count = coalesce(s.pending_count, d.pending_count),
         firmware_version = coalesce(s.firmware_version, d.firmware_version),
         uptime_s = coalesce(s.uptime_s, d.uptime_s),
         boot_count = coalesce(s.boot_count, d.boot_count),
         battery_mv = coalesce(s.battery_mv, d.battery_mv),
         battery_percent = coalesce(s.battery_percent, d.battery_percent),
         wifi_rssi_dbm = coalesce(s.wifi_rssi_dbm, d.wifi_rssi_dbm),
         free_heap_bytes = coalesce(s.free_heap_bytes, d.free_heap_bytes)
    from public.device_status s
   where d.device_id = v_device and s.message_key = v_key
  returning d.* into v_state;

  if p_hello->'record_only' = 'true' then
    return null;
  end if;

  select * into v_wakes from fleet_private.wakes(v_device, v_at);

  v_in_flight := v_state.capture_asked_at > v_at - v_wakes.grace
                 and v_state.capture_asked_at > coalesce(v_state.last_capture_at, '-infinity');
  if exists (select from public.device_commands where device_id = v_device and status in ('queued', 'sent')) then
    v_in_flight := v_in_flight or exists (
      select from public.device_commands
       where device_id = v_device and status = 'sent' and sent_at > v_at - v_wakes.grace);
    update public.device_commands c
       set status = outcome.status,
           reason = case outcome.status
             when 'expired' then 'deadline passed'
             when 'failed' then format('no effect after %s attempts', attempts)
           end,
           finished_at = v_at
      from (select command_id,
                   case
                     when status = 'queued' then case when deadline < v_at then 'expired' end
                     -- The effect may still come.
                     when sent_at > v_at - v_wakes.grace then null
                     -- These two have no answer; the next hello is the only sign that the device got them.
                     when type in ('next_wake', 'custom') then 'done'
                     -- The picture was stored before; the device deleted it after the ACK.
                     when type = 'send_image'
                          and not coalesce(v_pending ? (payload->>'image_name'), false)
                          and exists (select from public.captures
                                       where device_id = v_device and ingest_status = 'stored'
                                         and device_capture_id = payload->>'image_name') then 'done'
                     when deadline < v_at then 'expired'
                     when attempts >= max_attempts then 'failed'
                   end as status
              from public.device_commands
             where device_id = v_device and status in ('queued', 'sent')
               for update skip locked) as outcome
     where c.command_id = outcome.command_id and outcome.status is not null;

    select array_agg(command_id) into v_claimed
      from (select command_id from public.device_commands
             where device_id = v_device
               and (status = 'queued' or (status = 'sent' and sent_at <= v_at - v_wakes.grace))
             order by queue_number
             limit 20
               for update skip locked) as free;
    if v_claimed is not null then
      v_commands := fleet_private.send_commands(v_claimed, v_at);
      -- Computed again, because a next_wake among the commands now takes precedence over the schedule.
      select * into v_wakes from fleet_private.wakes(v_device, v_at);
    end if;
  end if;

  v_capture_due := not jsonb_path_exists(v_commands, '$[*] ? (@.type == "capture_image")')
    and coalesce(v_state.capture_asked_at <= v_at - v_wakes.grace, true)
    and coalesce(v_state.last_capture_at < coalesce(v_wakes.slot, v_at) - v_wakes.grace, true);
  if v_in_flight and not v_capture_due and v_commands = '[]' then
    v_wakes.next_wake_at := least(v_wakes.next_wake_at, v_at + interval '2 minutes');
  end if;

  update public.devices
     set capture_asked_at = case when v_capture_due then v_at else capture_asked_at end,
         next_wake_at = v_wakes.next_wake_at
   where device_id = v_device;
  v_answer := jsonb_build_object(
    'commands', v_commands, 'capture_due', v_capture_due, 'in_flight', coalesce(v_in_flight, false),
    'next_wake_at', v_wakes.next_wake_at, 'timezone', v_wakes.timezone);
  update public.device_status set answer = v_answer where message_key = v_key;
  return v_answer;
end
$$;
-- Functions that write the traffic log and the errors in bulk, and that prune old rows.

-- Adds rows to the traffic log and to the errors.
-- p_messages, for device_publish_log:
--   [{key, device_id, topic, direction: 'in' | 'out', payload, received_at}]
-- p_errors, for device_errors:
--   [{key, device_id, error_code, message, details, occurred_at}]
-- key is unique for each message (the id in the Redis stream), so a batch that is sent again adds nothing.
-- device_id may be unknown or invalid.
create or replace function public.record_log(p_messages jsonb, p_errors jsonb)
returns void
language sql
set search_path = ''
as $$
  insert into public.device_publish_log (message_key, device_id, topic, direction, payload, received_at)
  select left(e->>'key', 255), left(e->>'device_id', 128), left(e->>'topic', 512),
         e->>'direction', fleet_private.as_document(e->'payload'), coalesce(fleet_private.as_time(e->>'received_at'), now())
    from fleet_private.elements(p_messages) as e
   where e->>'key' <> '' and e->>'direction' in ('in', 'out')
   order by 1
  on conflict (message_key) do nothing;

  insert into public.device_errors (message_key, device_id, error_code, message, details, occurred_at)
  select left(e->>'key', 255), left(e->>'device_id', 128), fleet_private.as_integer(e->>'error_code', 0, 2147483647),
         left(e->>'message', 1024), fleet_private.as_document(e->'details'),
         coalesce(fleet_private.as_time(e->>'occurred_at'), now())
    from fleet_private.elements(p_errors) as e
   where e->>'key' <> '' and fleet_private.as_integer(e->>'error_code', 0, 2147483647) is not null
   order by 1
  on conflict (message_key) do nothing;
$$;

-- For operators: deletes rows older than p_older_than that only diagnosis needs, at most p_limit rows per
-- table and call, the oldest first. Of the commands it deletes only finished ones, with their logs. It never
-- deletes captures or sensor readings.
-- Returns the number of rows deleted per table; call it again until all are 0. Raises 22023 for an age below
-- 1 hour.
create or replace function public.prune(p_older_than interval default '30 days', p_limit integer default 100000)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_before timestamptz := now() - p_older_than;
  v_log integer;
  v_status integer;
  v_errors integer;
  v_commands integer;
begin
  if p_older_than is null or p_older_than < interval '1 hour' then
    raise exception 'prune: refusing to delete what is younger than an hour' using errcode = '22023';
  end if;
  delete from public.device_publish_log where log_id in (
    select log_id from public.device_publish_log where received_at < v_before order by received_at limit p_limit);
  get diagnostics v_log = row_count;
  delete from public.device_status where status_id in (
    select status_id from public.device_status where created_at < v_before order by created_at limit p_limit);
  get diagnostics v_status = row_count;
  delete from public.device_errors where error_id in (
    select error_id from public.device_errors where occurred_at < v_before order by occurred_at limit p_limit);
  get diagnostics v_errors = row_count;
  delete from public.device_commands where command_id in (
    select command_id from public.device_commands where finished_at < v_before order by finished_at limit p_limit);
  get diagnostics v_commands = row_count;
  return jsonb_build_object('device_publish_log', v_log, 'device_status', v_status, 'device_errors', v_errors,
                            'device_commands', v_commands);
end
$$;
-- The access rights. Rights are first revoked by name, because older projects granted everything to
-- everybody, and then granted by name, because Supabase grants new tables to nobody (October 2026).
--   service_role   the workers: reads and writes every table, executes every function
--   authenticated  reads the rows of the devices of its own company, and queues commands for these devices
--   anon           nothing

grant usage on schema public to authenticated, service_role;
grant usage on schema fleet_private to authenticated, service_role;
revoke all on schema fleet_private from public, anon;

-- Two functions that return the caller's company and the devices of that company. They are security definer,
-- so that policies can use them without the caller reading public.users. They have no arguments, so that a
-- caller cannot ask about another user.
create or replace function fleet_private.company_of_user()
returns uuid
language sql
stable
security definer
set search_path = ''
as $$
  select company_id from public.users where user_id = auth.uid()
$$;

create or replace function fleet_private.devices_of_user()
returns text[]
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(array_agg(device_id), '{}') from public.devices where company_id = fleet_private.company_of_user()
$$;

-- Tables.
alter table public.companies enable row level security;
alter table public.users enable row level security;
alter table public.devices enable row level security;
alter table public.device_status enable row level security;
alter table public.captures enable row level security;
alter table public.sensor_readings enable row level security;
alter table public.device_errors enable row level security;
alter table public.device_publish_log enable row level security;
alter table public.device_configs enable row level security;
alter table public.device_commands enable row level security;
alter table public.device_command_logs enable row level security;
alter table public.schema_version enable row level security;

revoke all on
  public.companies, public.users, public.devices, public.device_status, public.captures, public.sensor_readings,
  public.device_errors, public.device_publish_log, public.device_configs, public.device_commands,
  public.device_command_logs, public.schema_version
  from public, anon, authenticated, service_role;
grant select, insert, update, delete on
  public.companies, public.users, public.devices, public.device_status, public.captures, public.sensor_readings,
  public.device_errors, public.device_publish_log, public.device_configs, public.device_commands,
  public.device_command_logs
  to service_role;
grant select on public.schema_version to service_role;
grant select on
  public.companies, public.users, public.devices, public.device_status, public.captures, public.sensor_readings,
  public.device_errors, public.device_publish_log, public.device_configs, public.device_commands,
  public.device_command_logs
  to authenticated;
grant insert (device_id, type, payload, deadline) on public.device_commands to authenticated;

-- The counters of numbered rows tell how many rows all companies have. Rows get their numbers without these rights,
-- which older projects grant to everybody.
do $$
declare
  v_sequence regclass;
begin
  for v_sequence in
    select d.objid::regclass
      from pg_catalog.pg_depend d
      join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
      join pg_catalog.pg_class t on t.oid = d.refobjid
     where d.deptype in ('a', 'i') and t.relnamespace = 'public'::regnamespace
       and t.relname in ('device_status', 'captures', 'sensor_readings', 'device_errors', 'device_publish_log',
                         'device_configs', 'device_commands', 'device_command_logs')
  loop
    execute format('revoke all on sequence %s from public, anon, authenticated, service_role', v_sequence);
  end loop;
end
$$;

-- Rows. The policies call the functions in a sub-select, so that they run once per query, not once per row.
drop policy if exists companies_read_own on public.companies;
create policy companies_read_own on public.companies for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists users_read_self on public.users;
create policy users_read_self on public.users for select to authenticated
  using (user_id = (select auth.uid()));

drop policy if exists devices_read_company on public.devices;
create policy devices_read_company on public.devices for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

drop policy if exists device_status_read_company on public.device_status;
create policy device_status_read_company on public.device_status for select to authenticated
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));

drop policy if exists captures_read_company on public.captures;
create policy captures_read_company on public.captures for select to authenticated
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));

drop policy if exists sensor_readings_read_company on public.sensor_readings;
create policy sensor_readings_read_company on public.sensor_readings for select to authenticated
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));

drop policy if exists device_errors_read_company on public.device_errors;
create policy device_errors_read_company on public.device_errors for select to authenticated
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));

drop policy if exists device_publish_log_read_company on public.device_publish_log;
create policy device_publish_log_read_company on public.device_publish_log for select to authenticated
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));

drop policy if exists device_configs_read_company on public.device_configs;
create policy device_configs_read_company on public.device_configs for select to authenticated
  using (
    device_id = any ((select fleet_private.devices_of_user())::text[])
    or company_id = (select fleet_private.company_of_user())
    or (device_id is null and company_id is null)
  );

drop policy if exists device_commands_read_company on public.device_commands;
create policy device_commands_read_company on public.device_commands for select to authenticated
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));

-- The policy also checks the columns that the grant excludes, so that a row must look like a new command even
-- if a wider grant exists.
drop policy if exists device_commands_queue_company on public.device_commands;
create policy device_commands_queue_company on public.device_commands for insert to authenticated
  with check (
    device_id = any ((select fleet_private.devices_of_user())::text[])
    and created_by = (select auth.uid())
    and status = 'queued' and attempts = 0 and max_attempts = 3
    and num_nonnulls(reason, capture_id, sent_at, finished_at) = 0
  );

drop policy if exists device_command_logs_read_company on public.device_command_logs;
create policy device_command_logs_read_company on public.device_command_logs for select to authenticated
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));

-- Functions. Everybody may execute a new function until that right is revoked, and hosted projects also grant
-- it to anon and authenticated by name.
revoke all on all functions in schema fleet_private from public, anon, authenticated;
grant execute on all functions in schema fleet_private to service_role;
grant execute on function fleet_private.company_of_user(), fleet_private.devices_of_user() to authenticated;

revoke all on function
  public.record_assembling(jsonb), public.record_capture(jsonb), public.fail_stale_captures(interval, integer),
  public.record_hello(jsonb), public.claim_commands(integer, interval, timestamptz), public.finish_command(jsonb),
  public.record_log(jsonb, jsonb), public.prune(interval, integer)
  from public, anon, authenticated;
grant execute on function
  public.record_assembling(jsonb), public.record_capture(jsonb), public.fail_stale_captures(interval, integer),
  public.record_hello(jsonb), public.claim_commands(integer, interval, timestamptz), public.finish_command(jsonb),
  public.record_log(jsonb, jsonb), public.prune(interval, integer)
  to service_role;

-- Permissive policies are combined with OR, so an older policy on these tables may allow what ours deny. The
-- service does not own such a policy, so this file only warns about it.
do $$
declare
  v_others text;
begin
  select string_agg(format('%I on %I.%I', policyname, schemaname, tablename), ', ' order by tablename, policyname)
    into v_others
    from pg_catalog.pg_policies
   where schemaname = 'public'
     and tablename in ('companies', 'users', 'devices', 'device_status', 'captures', 'sensor_readings', 'device_errors',
                       'device_publish_log', 'device_configs', 'device_commands', 'device_command_logs',
                       'schema_version')
     and permissive = 'PERMISSIVE'
     and policyname not in (
       'companies_read_own', 'users_read_self', 'devices_read_company', 'device_status_read_company',
       'captures_read_company', 'sensor_readings_read_company', 'device_errors_read_company',
       'device_publish_log_read_company', 'device_configs_read_company', 'device_commands_read_company',
       'device_commands_queue_company', 'device_command_logs_read_company');
  if v_others is not null then
    raise warning 'older policies may let users see more than their company has; drop them if so: %', v_others;
  end if;
end
$$;
-- The private bucket for the images, and the right to read them.
--   captures/{device}/YYYY/MM/DD/{image}     the users of the device's company may read it
--   thumbnails/{device}/YYYY/MM/DD/{image}   likewise
--   quarantine/...                           for diagnosis: only the service, as for every other path

do $$
begin
  -- A plain PostgreSQL database, which is used for the tables only, has no storage schema.
  if to_regclass('storage.buckets') is null or to_regclass('storage.objects') is null then
    raise notice 'no storage schema here: bucket and policy left out';
    return;
  end if;

  insert into storage.buckets (id, name, public)
  values ('gxp-captures', 'gxp-captures', false)
  on conflict (id) do update set public = false;

  drop policy if exists gxp_captures_read_company on storage.objects;
  create policy gxp_captures_read_company on storage.objects for select to authenticated
    using (
      bucket_id = 'gxp-captures'
      and split_part(name, '/', 1) in ('captures', 'thumbnails')
      and split_part(name, '/', 3) <> ''
      and split_part(name, '/', 2) = any ((select fleet_private.devices_of_user())::text[])
    );
end
$$;
-- `python -m operate.doctor` and every starting worker call this function to check that the schema is installed
-- and complete, and that no table or function is open to users: open_tables lists tables without row level
-- security, open_functions the functions that anon or authenticated may execute.

create or replace function public.inspect_schema()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'version', (select version from public.schema_version),
    'functions', (
      select coalesce(jsonb_agg(distinct p.proname::text), '[]')
        from pg_catalog.pg_proc p where p.pronamespace = 'public'::regnamespace),
    'open_functions', (
      select coalesce(jsonb_agg(p.proname::text order by p.proname), '[]')
        from pg_catalog.pg_proc p
       where p.pronamespace = 'public'::regnamespace
         and (has_function_privilege('anon', p.oid, 'execute')
              or has_function_privilege('authenticated', p.oid, 'execute'))),
    'open_tables', (
      select coalesce(jsonb_agg(c.relname::text order by c.relname), '[]')
        from pg_catalog.pg_class c
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity))
$$;

revoke all on function public.inspect_schema() from public, anon, authenticated;
grant execute on function public.inspect_schema() to service_role;
-- This file runs last, so that the version shows that all other files were applied. The service checks the
-- version when it starts.

-- An older table may have a required column that the service does not fill. Every insert would then fail in
-- operation, so the installation stops here instead.
do $$
declare
  v_demands text;
begin
  select string_agg(format('public.%s.%s', c.relname, a.attname), ', ' order by c.relname, a.attnum)
    into v_demands
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   where c.relnamespace = 'public'::regnamespace
     and c.relname in ('devices', 'device_status', 'captures', 'sensor_readings', 'device_errors', 'device_publish_log',
                       'device_commands', 'device_command_logs')
     and a.attnotnull and not a.atthasdef and a.attidentity = ''
     and (c.relname, a.attname) not in (
       ('devices', 'device_id'), ('device_status', 'device_id'), ('captures', 'device_id'),
       ('captures', 'device_capture_id'), ('captures', 'captured_at'), ('sensor_readings', 'device_id'),
       ('device_errors', 'error_code'), ('device_publish_log', 'direction'), ('device_commands', 'device_id'),
       ('device_commands', 'type'), ('device_command_logs', 'command_id'), ('device_command_logs', 'device_id'),
       ('device_command_logs', 'status'));
  if v_demands is not null then
    raise exception 'older columns that the service does not fill are required: %', v_demands
      using hint = 'Give them a default or drop their "not null", then run this file again.';
  end if;
end
$$;

insert into public.schema_version (version) values (2)
on conflict (singleton) do update
  set version = excluded.version, applied_at = now()
  where schema_version.version <> excluded.version;

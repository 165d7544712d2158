-- baseline
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
-- own picture there. New rows never have it; 0003_indexes.sql sees to that.
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

-- A single row with the version of the schema. repeatable/090_version.sql writes it, and the
-- service reads it when it starts.
create table if not exists public.schema_version (singleton boolean not null default true);
alter table public.schema_version
  add column if not exists version integer not null,
  add column if not exists applied_at timestamptz not null default now();
select fleet_private.ensure_key('public.schema_version', 'schema_version_pkey', 'singleton');
select fleet_private.ensure_constraint('public.schema_version', 'schema_version_singleton_check', 'check (singleton)');

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
select fleet_private.set_callers('service', 'fleet_private.is_timezone');

-- Nobody but the owner sees the tables until repeatable/070_rights.sql lets others.
select fleet_private.close_tables(
  'public.companies', 'public.users', 'public.devices', 'public.device_status', 'public.captures',
  'public.sensor_readings', 'public.device_errors', 'public.device_publish_log', 'public.device_configs',
  'public.device_commands', 'public.device_command_logs', 'public.schema_version');

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
      using hint = 'Give them a default or drop their "not null", then try again.';
  end if;
end
$$;

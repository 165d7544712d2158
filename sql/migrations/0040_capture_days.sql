-- Rollups: one row for each device and local day, counted anew when something of that day has changed.
-- docs/adr/0024-rollups.md has the reasons; repeatable/076_capture_days.sql has what fills these tables.

create table public.capture_days (
  device_id text not null references public.devices (device_id) on delete cascade,
  day date not null,
  company_id uuid,
  timezone text not null,
  expected integer,
  silent integer not null default 0,
  stored integer not null default 0,
  partial integer not null default 0,
  failed_device integer not null default 0,
  failed_transfer integer not null default 0,
  failed_service integer not null default 0,
  bytes bigint not null default 0,
  nacks bigint not null default 0,
  hellos integer not null default 0,
  temperature_readings integer not null default 0,
  temperature_min double precision,
  temperature_mean double precision,
  temperature_max double precision,
  humidity_readings integer not null default 0,
  humidity_min double precision,
  humidity_mean double precision,
  humidity_max double precision,
  pressure_readings integer not null default 0,
  pressure_min double precision,
  pressure_mean double precision,
  pressure_max double precision,
  gas_readings integer not null default 0,
  gas_min double precision,
  gas_mean double precision,
  gas_max double precision,
  battery_percent_min double precision,
  battery_percent_max double precision,
  battery_mv_min integer,
  battery_mv_max integer,
  rssi_readings integer not null default 0,
  rssi_min integer,
  rssi_mean double precision,
  rssi_max integer,
  refreshed_at timestamptz not null,
  -- Nobody's rows have no company, so this cannot be a primary key.
  constraint capture_days_key unique nulls not distinct (device_id, day, company_id)
);
create index capture_days_company_id_day_idx on public.capture_days (company_id, day desc);
select fleet_private.close_tables('public.capture_days');

comment on table public.capture_days is
  'What came of a device on one of its days, counted from captures, sensor_readings and device_status by refresh_capture_days(). One row per company that has something of that day: two if the device changed hands on it.';
comment on column public.capture_days.day is 'The local day: of captured_at, measured_at and received_at in the time zone that the device had at that moment.';
comment on column public.capture_days.company_id is 'The company that has the rows counted here, and that had the device at the wakes counted here.';
comment on column public.capture_days.timezone is 'The time zone at the end of the day.';
comment on column public.capture_days.expected is 'Wakes by the schedule in force, from when the device was first heard until refreshed_at; null without a schedule.';
comment on column public.capture_days.silent is 'Of these, the wakes after which nothing was heard until the next one, or until ten minutes after the day. A wake is given ten minutes before it counts.';
comment on column public.capture_days.stored is 'Pictures in storage, and those that were there until they expired.';
comment on column public.capture_days.partial is 'Pictures of which a part came.';
comment on column public.capture_days.failed_device is 'Failed with an error that the device reported (1000 to 1999).';
comment on column public.capture_days.failed_transfer is 'Failed on the way: chunks missing, or not what was announced (2201, 2202, 2203, 2207, 2208).';
comment on column public.capture_days.failed_service is 'Failed for any other reason.';
comment on column public.capture_days.bytes is 'Bytes of the stored pictures.';
comment on column public.capture_days.nacks is 'How often the service asked for missing chunks.';
comment on column public.capture_days.hellos is 'Hellos. They stay counted, with battery and RSSI, when device_status is pruned.';
comment on column public.capture_days.temperature_readings is 'Readings with a temperature: the weight of its mean. Likewise below.';
comment on column public.capture_days.temperature_mean is 'Degrees Celsius.';
comment on column public.capture_days.humidity_mean is 'Per cent.';
comment on column public.capture_days.pressure_mean is 'hPa.';
comment on column public.capture_days.gas_mean is 'kOhm.';
comment on column public.capture_days.rssi_mean is 'dBm.';

-- What the next refresh has to count again: the UTC hours of rows that were written, changed or deleted. Whoever writes
-- such a row adds to it in the same transaction, so that a refresh sees neither without the other.
create table fleet_private.touched_hours (
  device_id text not null,
  hour timestamptz not null
);

-- When to look at a device of which nothing is heard. Its days are counted up to looked_at, or were never if that is
-- null. Wakes are expected from heard_since on.
create table fleet_private.day_clocks (
  device_id text primary key references public.devices (device_id) on delete cascade,
  heard_since timestamptz not null,
  looked_at timestamptz,
  due_at timestamptz not null default '-infinity'
);
create index day_clocks_due_at_idx on fleet_private.day_clocks (due_at);

-- What devices and schedules were until they were changed. What is in force stands in devices and device_configs.
-- owner_id is whose the rows of that time are: a device's first company also has what came before it.
create table fleet_private.former_devices (
  former_id bigint generated always as identity primary key,
  device_id text not null references public.devices (device_id) on delete cascade,
  until timestamptz not null,
  company_id uuid,
  owner_id uuid,
  timezone text
);
create index former_devices_device_id_until_idx on fleet_private.former_devices (device_id, until);
create table fleet_private.former_configs (
  former_id bigint generated always as identity primary key,
  config_id uuid not null,
  since timestamptz not null,
  until timestamptz not null,
  device_id text,
  company_id uuid,
  captures_per_day integer,
  times_of_day time[],
  interval_minutes integer,
  timezone text,
  wake_spread_s integer
);
create index former_configs_config_id_until_idx on fleet_private.former_configs (config_id, until);
create index former_configs_device_id_until_idx on fleet_private.former_configs (device_id, until);
create index former_configs_company_id_until_idx on fleet_private.former_configs (company_id, until);
select fleet_private.close_tables(
  'fleet_private.touched_hours', 'fleet_private.day_clocks', 'fleet_private.former_devices',
  'fleet_private.former_configs');

-- The days of whole companies: a month of a company of thousands of devices is a few rows, not as many as its devices have
-- days. repeatable/079_company_days.sql has what fills it; docs/adr/0024-rollups.md has the reasons.

create table public.company_days (
  company_id uuid not null,
  day date not null,
  devices integer not null,
  expected integer,
  silent integer not null,
  stored integer not null,
  partial integer not null,
  failed_device integer not null,
  failed_transfer integer not null,
  failed_service integer not null,
  bytes bigint not null,
  nacks bigint not null,
  hellos integer not null,
  temperature_readings integer not null,
  temperature_min double precision,
  temperature_mean double precision,
  temperature_max double precision,
  humidity_readings integer not null,
  humidity_min double precision,
  humidity_mean double precision,
  humidity_max double precision,
  pressure_readings integer not null,
  pressure_min double precision,
  pressure_mean double precision,
  pressure_max double precision,
  gas_readings integer not null,
  gas_min double precision,
  gas_mean double precision,
  gas_max double precision,
  battery_percent_min double precision,
  rssi_min integer,
  refreshed_at timestamptz not null,
  primary key (company_id, day)
);
select fleet_private.close_tables('public.company_days');

comment on table public.company_days is
  'The days of the devices of a company, added up from capture_days by refresh_company_days(); its columns mean what they mean there.';
comment on column public.company_days.day is 'The local day of each device: one of other time zones has not the same hours.';
comment on column public.company_days.devices is 'Devices that have a row of this day in capture_days.';
comment on column public.company_days.refreshed_at is 'When the latest of these rows was counted.';

-- What the next refresh has to add up again. Whoever changes a row of capture_days adds to it in the same transaction.
create table fleet_private.touched_company_days (
  company_id uuid not null,
  day date not null
);
select fleet_private.close_tables('fleet_private.touched_company_days');
insert into fleet_private.touched_company_days (company_id, day)
select distinct company_id, day from public.capture_days where company_id is not null;

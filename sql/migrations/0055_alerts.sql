-- Alerts: what is wrong, the rules by which that is found, and the times at which nobody wants to know.
-- docs/adr/0026-alerts.md has the reasons; repeatable/083_alert_rules.sql and 084_alerts.sql have what fills these tables.

-- A company's share of the storage, null for as much as there is. Whoever runs the service sets it.
alter table public.companies add column if not exists storage_quota_bytes bigint check (storage_quota_bytes > 0);

-- What differs from the defaults: of a company, of one of its sites (site_id), or of one of its devices (device_id). A
-- value that is null comes from the next wider scope. subject is the column of a sensor, '' for all other kinds.
create table public.alert_rules (
  rule_id uuid primary key default gen_random_uuid(),
  company_id uuid not null references public.companies (company_id) on delete cascade,
  site_id uuid,
  device_id text references public.devices (device_id) on delete cascade,
  kind text not null,
  subject text not null default '',
  enabled boolean,
  lower double precision,
  upper double precision,
  margin double precision,
  critical double precision,
  at_least integer,
  repeat_after interval,
  created_at timestamptz not null default now(),
  foreign key (company_id, site_id) references public.sites (company_id, site_id) on delete cascade,
  constraint alert_rules_scope_check check (site_id is null or device_id is null),
  constraint alert_rules_kind_check check (
    kind in ('offline', 'failing', 'battery_low', 'battery_falling', 'storage', 'picture', 'sensor')
    and (kind = 'sensor') = (subject in ('temperature_c', 'humidity_pct', 'pressure_hpa', 'gas_kohm'))
    and (kind = 'sensor' or subject = '')
    and (kind <> 'storage' or num_nonnulls(site_id, device_id) = 0)),
  constraint alert_rules_values_check check (
    lower between -1e6 and 1e6 and upper between -1e6 and 1e6 and lower < upper and margin between 0 and 1e6
    and critical between -1e6 and 1e6 and at_least between 1 and 1000
    and (repeat_after = '0' or repeat_after between '15 minutes' and '366 days')),
  constraint alert_rules_key unique nulls not distinct (company_id, site_id, device_id, kind, subject)
);
create index alert_rules_device_id_idx on public.alert_rules (device_id) where device_id is not null;

-- One row for each time that something was wrong. A company has one open alert at most for a device, kind and subject.
-- company_id is null for what concerns the whole service.
create table public.alerts (
  alert_id uuid primary key default gen_random_uuid(),
  company_id uuid references public.companies (company_id) on delete cascade,
  device_id text references public.devices (device_id) on delete cascade,
  site_id uuid references public.sites (site_id) on delete set null,
  kind text not null check (kind in (
    'offline', 'failing', 'battery_low', 'battery_falling', 'storage', 'service', 'picture', 'sensor', 'channel')),
  subject text not null default '',
  severity text not null check (severity in ('warning', 'critical')),
  message text not null,
  details jsonb not null default '{}',
  opened_at timestamptz not null default now(),
  last_event_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by uuid,
  snoozed_until timestamptz,
  snooze_reason text check (length(snooze_reason) <= 500),
  snoozed_by uuid,
  resolved_at timestamptz
);
create unique index alerts_open_key on public.alerts (company_id, device_id, kind, subject) nulls not distinct
  where resolved_at is null;
create index alerts_company_id_opened_at_idx on public.alerts (company_id, opened_at desc);
create index alerts_device_id_opened_at_idx on public.alerts (device_id, opened_at desc);
create index alerts_resolved_at_idx on public.alerts (resolved_at) where resolved_at is not null;

-- From starts_at until ends_at nothing opens or is told of a company, of one of its sites, or of one of its devices.
create table public.maintenance_windows (
  window_id uuid primary key default gen_random_uuid(),
  company_id uuid not null references public.companies (company_id) on delete cascade,
  site_id uuid,
  device_id text references public.devices (device_id) on delete cascade,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  reason text not null check (length(reason) between 1 and 500),
  created_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  foreign key (company_id, site_id) references public.sites (company_id, site_id) on delete cascade,
  constraint maintenance_windows_scope_check check (site_id is null or device_id is null),
  constraint maintenance_windows_times_check check (
    isfinite(starts_at) and ends_at > starts_at and ends_at <= starts_at + interval '366 days')
);
create index maintenance_windows_company_id_ends_at_idx on public.maintenance_windows (company_id, ends_at);
create index maintenance_windows_device_id_idx on public.maintenance_windows (device_id) where device_id is not null;

-- What the evaluation remembers from one time to the next; a single row.
--   evaluated_at    when it was last done
--   silent_since    since when the service has heard nobody though devices were due; null while it hears
--   heard_again_at  when the last such silence ended: devices are late from then on, and not from the wake that fell in it
--   ill_since       since when something of the service has been wrong; null again when nothing was for a while
--   well_since      since when nothing has been wrong
create table fleet_private.alert_clock (
  singleton boolean primary key default true check (singleton),
  evaluated_at timestamptz,
  silent_since timestamptz,
  heard_again_at timestamptz,
  ill_since timestamptz,
  well_since timestamptz
);
insert into fleet_private.alert_clock default values;

-- The bytes of the stored pictures of each company: the sum of capture_days.bytes, which a trigger keeps, since there are
-- too many days to add them up each minute.
create table fleet_private.stored_bytes (
  company_id uuid unique nulls not distinct,
  bytes numeric not null
);

-- It is here, and not in a repeatable file, so that no change is missed. Security definer, since whoever changes the days
-- has no right here.
create or replace function fleet_private.add_stored_bytes()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op <> 'INSERT' then
    insert into fleet_private.stored_bytes as s (company_id, bytes)
    select company_id, -sum(bytes) from old_days group by company_id having sum(bytes) > 0 order by company_id
    on conflict (company_id) do update set bytes = s.bytes + excluded.bytes;
  end if;
  if tg_op <> 'DELETE' then
    insert into fleet_private.stored_bytes as s (company_id, bytes)
    select company_id, sum(bytes) from new_days group by company_id having sum(bytes) > 0 order by company_id
    on conflict (company_id) do update set bytes = s.bytes + excluded.bytes;
  end if;
  return null;
end
$$;
lock table public.capture_days in share row exclusive mode;
create trigger capture_days_add_bytes after insert on public.capture_days
  referencing new table as new_days for each statement execute function fleet_private.add_stored_bytes();
create trigger capture_days_change_bytes after update on public.capture_days
  referencing old table as old_days new table as new_days for each statement execute function fleet_private.add_stored_bytes();
create trigger capture_days_take_bytes after delete on public.capture_days
  referencing old table as old_days for each statement execute function fleet_private.add_stored_bytes();
insert into fleet_private.stored_bytes (company_id, bytes)
select company_id, sum(bytes) from public.capture_days group by company_id;

select fleet_private.set_callers('service', 'fleet_private.add_stored_bytes');
select fleet_private.close_tables('public.alert_rules', 'public.alerts', 'public.maintenance_windows',
  'fleet_private.alert_clock', 'fleet_private.stored_bytes');

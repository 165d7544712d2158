-- The rules by which alerts open and resolve, and the maintenance windows, in which none does. docs/alerts.md tells what
-- each kind means; docs/adr/0026-alerts.md has the reasons.

-- What holds where nobody has said otherwise, and the only place where it stands. Something is wrong while its value is
-- below `lower` or above `upper`, and right again when it has come back by `margin`.
--   offline           hours since the device should have been heard; at_least: hours of silence without a schedule
--   failing           per cent of the pictures of the last 24 hours that failed; at_least: how many must have
--   battery_low       per cent
--   battery_falling   points of per cent lost in 24 hours
--   storage           per cent of the quota
--   picture           at_least: as many pictures in a row that are not ok
--   sensor            the unit of the sensor; it has no bounds until somebody sets them
-- Beyond `critical` an alert is critical. It is told again after repeat_after, never if that is 0.
create or replace function fleet_private.alert_defaults()
returns table (
  kind text, subject text, lower double precision, upper double precision, margin double precision,
  critical double precision, at_least integer, repeat_after interval
)
language sql
immutable
rows 12
set search_path = ''
as $$
  values
    ('offline', '', null::float8, 6::float8, 0::float8, null::float8, 24, interval '24 hours'),
    ('failing', '', null, 10, 5, null, 3, '24 hours'),
    ('battery_low', '', 20, null, 5, 10, null, '72 hours'),
    ('battery_falling', '', null, 15, 5, null, null, '24 hours'),
    ('storage', '', null, 80, 5, 95, null, '24 hours'),
    ('picture', '', null, null, 0, null, 3, '24 hours'),
    ('sensor', 'temperature_c', null, null, 0.5, null, null, '24 hours'),
    ('sensor', 'humidity_pct', null, null, 2, null, null, '24 hours'),
    ('sensor', 'pressure_hpa', null, null, 1, null, null, '24 hours'),
    ('sensor', 'gas_kohm', null, null, 1, null, null, '24 hours'),
    ('service', '', null, null, 0, null, null, '6 hours'),
    ('channel', '', null, null, 0, null, null, '24 hours')
$$;

-- What holds in each scope, for each kind: the narrowest that has said something, value by value. A scope is that of a
-- device or of a site that has rules, or of a company. Something that was wrong is right again from right_above on and up
-- to right_below; both leave room to get there.
create or replace function fleet_private.alert_settings()
returns table (
  scope text, kind text, subject text, enabled boolean, lower double precision, upper double precision,
  right_above double precision, right_below double precision, critical double precision, at_least integer,
  repeat_after interval
)
language sql
stable
rows 5000
set search_path = ''
as $$
  with scopes as (
    select company_id, null::uuid as site_id, null::text as device_id from public.companies
    union
    select company_id, site_id, null from public.alert_rules where site_id is not null
    union
    select d.company_id, d.site_id, d.device_id
      from public.alert_rules r join public.devices d on d.device_id = r.device_id and d.company_id = r.company_id
  ), chosen as (
    select coalesce('device ' || s.device_id, 'site ' || s.site_id, 'company ' || s.company_id) as scope, f.kind, f.subject,
           coalesce(d.enabled, i.enabled, c.enabled, true) as enabled,
           coalesce(d.lower, i.lower, c.lower, f.lower) as lower,
           coalesce(d.upper, i.upper, c.upper, f.upper) as upper,
           coalesce(d.margin, i.margin, c.margin, f.margin) as margin,
           coalesce(d.critical, i.critical, c.critical, f.critical) as critical,
           coalesce(d.at_least, i.at_least, c.at_least, f.at_least) as at_least,
           coalesce(d.repeat_after, i.repeat_after, c.repeat_after, f.repeat_after) as repeat_after
      from scopes s
     cross join fleet_private.alert_defaults() as f
      left join public.alert_rules c on c.company_id = s.company_id and c.site_id is null and c.device_id is null
                                    and c.kind = f.kind and c.subject = f.subject
      left join public.alert_rules i on i.company_id = s.company_id and i.site_id = s.site_id
                                    and i.kind = f.kind and i.subject = f.subject
      left join public.alert_rules d on d.company_id = s.company_id and d.device_id = s.device_id
                                    and d.kind = f.kind and d.subject = f.subject
  )
  -- A value of the narrower scope may not fit the bounds of the wider one.
  select c.scope, c.kind, c.subject, c.enabled, c.lower, c.upper,
         case when c.kind = 'battery_low' then least(c.lower + g.gap, 100) else c.lower + g.gap end,
         case when c.kind = 'sensor' then c.upper - g.gap else greatest(c.upper - g.gap, 0) end,
         c.critical, c.at_least, c.repeat_after
    from chosen c
   cross join lateral (select greatest(least(c.margin, (c.upper - c.lower) / 2), 0) as gap) as g
$$;

-- The devices of companies with the scope of their rules, without those in a maintenance window.
create or replace function fleet_private.watched_devices(p_at timestamptz)
returns table (
  device_id text, company_id uuid, site_id uuid, scope text, name text, next_wake_at timestamptz,
  last_seen_at timestamptz, battery_percent double precision, battery_mv integer
)
language sql
stable
rows 10000
set search_path = ''
as $$
  select d.device_id, d.company_id, d.site_id,
         coalesce('device ' || r.device_id, 'site ' || i.site_id, 'company ' || d.company_id),
         coalesce(nullif(d.name, ''), d.device_id), d.next_wake_at, d.last_seen_at, d.battery_percent, d.battery_mv
    from public.devices d
    left join (select distinct company_id, device_id from public.alert_rules where device_id is not null) as r
      on r.device_id = d.device_id and r.company_id = d.company_id
    left join (select distinct site_id from public.alert_rules where site_id is not null) as i on i.site_id = d.site_id
   where d.company_id is not null
     and not exists (
       select from public.maintenance_windows w
        where w.company_id = d.company_id and w.starts_at <= p_at and w.ends_at > p_at
          and (w.site_id is null or w.site_id = d.site_id) and (w.device_id is null or w.device_id = d.device_id))
$$;

-- Raises PT404 unless the company has this device and this site, where they are not null, and 22023 if both are given.
-- Locks the company against others that do the same, so that what it has can be counted.
create or replace function fleet_private.check_alert_scope(p_company uuid, p_site uuid, p_device text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform from public.companies where company_id = p_company for no key update;
  if p_site is not null and p_device is not null then
    raise exception 'this is for a site or for a device, not for both' using errcode = '22023';
  end if;
  if p_device is not null then
    perform fleet_private.lock_device(p_device, p_company);
  elsif p_site is not null and not exists (
    select from public.sites where site_id = p_site and company_id = p_company) then
    raise exception 'the company has no such site' using errcode = 'PT404';
  end if;
end
$$;

-- For operators: sets a rule of the own company, or of one of its devices or sites, in place of what it was; with no value
-- it ends, and the next wider scope holds. p_subject is the sensor of a rule of the kind `sensor`. alert_defaults says
-- what the values mean. Raises 42501, PT404 if the company has no such device or site, and 22023 for values that are no
-- rule, or if the company has 1,000 rules.
create or replace function public.set_alert_rule(
  p_kind text, p_device text default null, p_site uuid default null, p_subject text default '',
  p_enabled boolean default null, p_lower double precision default null, p_upper double precision default null,
  p_margin double precision default null, p_critical double precision default null, p_at_least integer default null,
  p_repeat_after interval default null
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
begin
  perform fleet_private.require_role('operator');
  perform fleet_private.check_alert_scope(v_company, p_site, p_device);
  if num_nonnulls(p_enabled, p_lower, p_upper, p_margin, p_critical, p_at_least, p_repeat_after) = 0 then
    delete from public.alert_rules
     where company_id = v_company and site_id is not distinct from p_site and device_id is not distinct from p_device
       and kind = p_kind and subject = p_subject;
    return;
  end if;
  insert into public.alert_rules (company_id, site_id, device_id, kind, subject, enabled, lower, upper, margin, critical,
                                  at_least, repeat_after)
  values (v_company, p_site, p_device, p_kind, p_subject, p_enabled, p_lower, p_upper, p_margin, p_critical, p_at_least,
          p_repeat_after)
  on conflict on constraint alert_rules_key do update
    set enabled = excluded.enabled, lower = excluded.lower, upper = excluded.upper, margin = excluded.margin,
        critical = excluded.critical, at_least = excluded.at_least, repeat_after = excluded.repeat_after;
  if (select count(*) from public.alert_rules where company_id = v_company) > 1000 then
    raise exception 'the company has 1,000 rules' using errcode = '22023';
  end if;
exception
  when check_violation or not_null_violation then
    raise exception using errcode = '22023', message =
      'a rule has a kind (a sensor''s also p_subject, storage neither device nor site), lower below upper, a margin that '
      'is not negative, at_least from 1 to 1000, and repeat_after from 15 minutes to 366 days or 0';
end
$$;

-- For operators: until p_until, from now or p_from on, nothing opens or is told of the own company, or of one of its
-- devices or sites. Returns the window's id. Raises 42501, PT404 if the company has no such device or site, and 22023
-- for other times, for a reason that is not of 1 to 500 characters, and if the company has 100 windows to come.
create or replace function public.start_maintenance(
  p_until timestamptz, p_reason text, p_from timestamptz default now(), p_device text default null, p_site uuid default null
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_window uuid;
begin
  perform fleet_private.require_role('operator');
  perform fleet_private.check_alert_scope(v_company, p_site, p_device);
  if p_until <= now() or (select count(*) from public.maintenance_windows
                           where company_id = v_company and ends_at > now()) >= 100 then
    raise exception 'the window is over already, or the company has 100 windows to come' using errcode = '22023';
  end if;
  insert into public.maintenance_windows (company_id, site_id, device_id, starts_at, ends_at, reason)
  values (v_company, p_site, p_device, p_from, p_until, btrim(p_reason))
  returning window_id into v_window;
  return v_window;
exception
  when check_violation or not_null_violation then
    raise exception 'a window has a reason of 1 to 500 characters, and ends after it begins, within 366 days'
      using errcode = '22023';
end
$$;

-- For operators: ends a window of the own company now; one that has not begun is gone. Raises 42501, and PT404 if the
-- company has no such window that is not over.
create or replace function public.end_maintenance(p_window uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.require_role('operator');
  delete from public.maintenance_windows
   where window_id = p_window and company_id = fleet_private.company_of_user() and starts_at >= now();
  if found then
    return;
  end if;
  update public.maintenance_windows set ends_at = now()
   where window_id = p_window and company_id = fleet_private.company_of_user() and ends_at > now();
  if not found then
    raise exception 'the company has no such window' using errcode = 'PT404';
  end if;
end
$$;

-- Members may know what holds by default.
select fleet_private.set_callers('users', 'public.set_alert_rule', 'public.start_maintenance', 'public.end_maintenance',
  'fleet_private.alert_defaults');
select fleet_private.set_callers('service', 'fleet_private.alert_settings', 'fleet_private.watched_devices', 'fleet_private.check_alert_scope');

create or replace trigger alert_rules_audit after insert or delete or update on public.alert_rules
  for each row execute function fleet_private.audit('rule_id', 'kind', 'subject', 'site_id', 'device_id', 'enabled', 'lower',
    'upper', 'margin', 'critical', 'at_least', 'repeat_after');
create or replace trigger maintenance_windows_audit after insert or delete or update on public.maintenance_windows
  for each row execute function fleet_private.audit('window_id', 'site_id', 'device_id', 'starts_at', 'ends_at', 'reason');

-- Members see rules, windows and alerts; the functions above write the first two.
grant select, insert, update, delete on public.alert_rules, public.maintenance_windows, public.alerts to service_role;
grant select, insert, update on fleet_private.alert_clock to service_role;
grant select on fleet_private.stored_bytes to service_role;
grant select on public.alert_rules, public.maintenance_windows, public.alerts to authenticated;
drop policy if exists alert_rules_read_company on public.alert_rules;
create policy alert_rules_read_company on public.alert_rules for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));
drop policy if exists maintenance_windows_read_company on public.maintenance_windows;
create policy maintenance_windows_read_company on public.maintenance_windows for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));
-- That the service itself is ill is told to everybody who has a company: that row tells of none.
drop policy if exists alerts_read_company on public.alerts;
create policy alerts_read_company on public.alerts for select to authenticated
  using (company_id = (select fleet_private.company_of_user())
         or (company_id is null and kind = 'service' and (select fleet_private.company_of_user()) is not null));

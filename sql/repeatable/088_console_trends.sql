-- What the console's page of trends asks. The functions have the rights of who calls them, so that row level security holds;
-- each answers one jsonb. docs/console.md tells what the page shows.

-- How many rows of capture_days one answer may add up: more take longer than somebody who looks at a page waits.
create or replace function fleet_private.most_device_days()
returns integer
language sql
immutable
set search_path = ''
as $$
  select 50000
$$;

-- The devices that a page is about, each once: those that are named, or those at a site; of the own company, but for named
-- ones without a site: what a device that was handed over has left here is found by its id. Null is the whole company.
-- Raises 22023.
create or replace function fleet_private.devices_asked(p_site uuid, p_devices text[], p_most integer)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
begin
  if cardinality(p_devices) > p_most then
    raise exception 'at most % devices at a time', p_most using errcode = '22023';
  end if;
  return case
    when p_site is not null then array(
      select d.device_id from public.devices d
       where d.company_id = fleet_private.company_of_user() and d.site_id = p_site
         and (p_devices is null or d.device_id = any (p_devices)))
    when p_devices is not null then array(select distinct device_id from unnest(p_devices) as device_id) end;
end
$$;

-- Raises 22023 for days that are not asked for together: 1,100 at most.
create or replace function fleet_private.check_days(p_from date, p_to date)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_from is null or p_to is null or not isfinite(p_from) or not isfinite(p_to) or p_to - p_from not between 0 and 1099 then
    raise exception 'ask for 1,100 days at most, from the earlier to the later one' using errcode = '22023';
  end if;
end
$$;

-- What came, from day to day, both included, of the whole company, a site or up to 50 devices:
--   since    from which day devices were added up: of many devices a shorter time than was asked for
--   zones    the time zones by which the days are told, 20 at most; of more than 50 devices, by which the last two days are
--   periods  [[its first day, expected, silent, stored, partial, camera, transfer, service, bytes]], of the whole company from
--            p_from, else from since; p_step is day, week (its Monday) or month
--   groups   with p_by site or device, the 40 that miss most: [{id: null for devices without a site, name, periods}]
--   rest     how many there are beyond
--   errors   {codes: [[code, [how often in each hour of the day]]], the 20 most frequent, oldest: the oldest that the company has,
--            since: when there are too many, from when they were counted}; hours are those of each device
--   storage  of the whole company: {bytes, quota_bytes, policies: how many let pictures go, ended: the latest day that is over
--            everywhere, before: bytes of pictures older than days, days: [[day, bytes that came, bytes that are there now]], the
--            latest 180}
--   sites, devices: what can be chosen, and those that were: [{site_id, name}], [{device_id, name}]
-- Raises 22023 for what cannot be asked.
create or replace function public.console_trends(
  p_from date, p_to date, p_step text default 'day', p_by text default 'company', p_site uuid default null,
  p_devices text[] default null
)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
-- The plan for a company of one device is none for one of thousands.
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_devices constant text[] := fleet_private.devices_asked(p_site, p_devices, 50);
  v_whole constant boolean := v_devices is null;
  v_many constant bigint := coalesce(cardinality(v_devices), (select count(*) from public.devices where company_id = v_company));
  v_since date;
  v_counted jsonb;
begin
  perform fleet_private.check_days(p_from, p_to);
  if p_step is null or p_step not in ('day', 'week', 'month') or p_by is null or p_by not in ('company', 'site', 'device') then
    raise exception 'console_trends: p_step is day, week or month; p_by is company, site or device' using errcode = '22023';
  end if;
  v_since := case
    when v_whole and p_by = 'company' then p_from
    else greatest(p_from, p_to + 1 - greatest(fleet_private.most_device_days() / greatest(v_many, 1), 1)::integer) end;

  with counted as materialized (
    select case p_by when 'site' then d.site_id::text when 'device' then c.device_id end as id,
           date_trunc(p_step, c.day::timestamp)::date as period, c.expected, c.silent, c.stored, c.partial,
           c.failed_device as camera, c.failed_transfer as transfer, c.failed_service as service, c.bytes
      from public.capture_days c
      left join public.devices d on p_by = 'site' and d.device_id = c.device_id and d.company_id = c.company_id
     where not (v_whole and p_by = 'company')
       and c.company_id = v_company and c.day between v_since and p_to
       and (v_whole or c.device_id = any (v_devices))
  ), all_of_it as (
    select date_trunc(p_step, day::timestamp)::date as period, expected, silent, stored, partial, failed_device as camera,
           failed_transfer as transfer, failed_service as service, bytes
      from public.company_days
     where v_whole and company_id = v_company and day between p_from and p_to
    union all
    select period, expected, silent, stored, partial, camera, transfer, service, bytes from counted where not v_whole
  ), ranked as materialized (
    select id, row_number() over (order by
                 sum(greatest(coalesce(expected, 0) - stored - partial, camera + transfer + service)) desc,
                 sum(coalesce(expected, stored)) desc, id nulls last) as place
      from counted where p_by <> 'company' group by id
  ), told as (
    select r.place, c.period, sum(expected) as expected, sum(silent) as silent, sum(stored) as stored, sum(partial) as partial,
           sum(camera) as camera, sum(transfer) as transfer, sum(service) as service, sum(bytes) as bytes
      from ranked r
      -- By a text that is never null, so that it is a lookup by hash.
      join counted c on coalesce(c.id, '') = coalesce(r.id, '')
     where r.place <= 40
     group by r.place, c.period
  )
  select jsonb_build_object(
    'periods', (
      select coalesce(jsonb_agg(jsonb_build_array(
               period, expected, silent, stored, partial, camera, transfer, service, bytes) order by period), '[]')
        from (select period, sum(expected) as expected, sum(silent) as silent, sum(stored) as stored, sum(partial) as partial,
                     sum(camera) as camera, sum(transfer) as transfer, sum(service) as service, sum(bytes) as bytes
                from all_of_it group by period) as p),
    'groups', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'id', r.id,
               'name', case p_by when 'site' then (select name from public.sites where site_id::text = r.id)
                                 else (select coalesce(nullif(name, ''), device_id) from public.devices where device_id = r.id) end,
               'periods', t.periods) order by r.place), '[]')
        from ranked r
        join (select place, jsonb_agg(jsonb_build_array(
                       period, expected, silent, stored, partial, camera, transfer, service, bytes) order by period) as periods
                from told group by place) as t using (place)),
    'rest', (select greatest(count(*) - 40, 0) from ranked))
    into v_counted;

  return v_counted || jsonb_build_object(
    'since', v_since,
    'zones', (
      select coalesce(jsonb_agg(timezone order by timezone), '[]')
        from (select distinct timezone from public.capture_days
               where company_id = v_company and day between p_from and p_to
                 and (v_whole or device_id = any (v_devices))
                 -- A day begins in the east, when in the west the one before goes on.
                 and (v_many <= 50 or day >= (
                       select max(day) - 1 from public.company_days where company_id = v_company and day between p_from and p_to))
               limit 20) as z),
    'errors', fleet_private.errors_by_hour(v_company, v_devices, p_from, p_to),
    'storage', fleet_private.storage_by_day(v_company),
    'sites', (
      select coalesce(jsonb_agg(jsonb_build_object('site_id', site_id, 'name', name) order by lower(name), site_id), '[]')
        from (select * from public.sites where company_id = v_company order by lower(name) limit 1000) as s),
    'devices', (
      select coalesce(jsonb_agg(jsonb_build_object('device_id', device_id, 'name', name) order by lower(name), device_id), '[]')
        from public.devices where company_id = v_company and device_id = any (p_devices)));
end
$$;

-- The errors of console_trends: the latest 20,000.
create or replace function fleet_private.errors_by_hour(p_company uuid, p_devices text[], p_from date, p_to date)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_most constant integer := 20000;
  v_errors jsonb;
begin
  with found as materialized (
    select e.device_id, e.error_code, e.occurred_at
      from public.device_errors e
     where e.company_id = p_company and (p_devices is null or e.device_id = any (p_devices))
       -- No time zone is 16 hours from UTC.
       and e.occurred_at >= p_from::timestamptz - interval '16 hours' and e.occurred_at < p_to + 1 + interval '16 hours'
     order by e.occurred_at desc
     limit v_most
  ), zones as materialized (
    select d.device_id, fleet_private.zone_of(d) as zone
      from public.devices d where d.device_id in (select device_id from found)
  ), hours as (
    select f.error_code, extract(hour from f.occurred_at at time zone coalesce(z.zone, 'UTC'))::integer as hour, count(*) as times
      from found f
      left join zones z using (device_id)
     where (f.occurred_at at time zone coalesce(z.zone, 'UTC'))::date between p_from and p_to
     group by 1, 2
  ), codes as (
    select error_code, sum(times) as times from hours group by error_code order by times desc, error_code limit 20
  )
  select jsonb_build_object(
    'codes', (
      select coalesce(jsonb_agg(jsonb_build_array(c.error_code, (
               select jsonb_agg(coalesce(h.times, 0) order by s.hour)
                 from generate_series(0, 23) as s (hour)
                 left join hours h on h.hour = s.hour and h.error_code = c.error_code))
               order by c.times desc, c.error_code), '[]')
        from codes c),
    'oldest', (select min(occurred_at) from public.device_errors where company_id = p_company),
    'since', (select case when count(*) = v_most then min(occurred_at) end from found))
    into v_errors;
  return v_errors;
end
$$;

-- The storage of console_trends.
create or replace function fleet_private.storage_by_day(p_company uuid)
returns jsonb
language sql
stable
set search_path = ''
set timezone = 'UTC'
as $$
  with days as materialized (
    select day, bytes, coalesce(kept_bytes, bytes) as kept, row_number() over (order by day desc) <= 180 as told
      from public.company_days where company_id = p_company
  )
  select jsonb_build_object(
    'bytes', (select coalesce(sum(kept), 0) from days),
    'quota_bytes', (select storage_quota_bytes from public.companies where company_id = p_company),
    'policies', (select count(*) from public.keep_policies where company_id = p_company),
    -- Of all time zones this is the last one in which a day ends.
    'ended', (now() at time zone 'Etc/GMT+12')::date - 1,
    'before', (select coalesce(sum(kept), 0) from days where not told),
    'days', (select coalesce(jsonb_agg(jsonb_build_array(day, bytes, kept) order by day), '[]') from days where told))
$$;

-- A sensor of several devices, from day to day, both included: {daily: whether a point is a day, devices: [{device_id, name,
-- points: [[seconds since 1970, minimum, mean, maximum]]}]}. Up to 31 days are cut into 240 stretches; a longer time, and what
-- hellos tell (battery_percent, rssi), is told by the days of each device. Days are those of p_zone, or each device's own.
-- p_sensor is temperature, humidity, pressure, gas, battery or rssi. Without p_devices (8 at most), the first four that have
-- measured it of the first 100 by name, of p_site if that is given. Raises 22023.
create or replace function public.console_trend_sensor(
  p_sensor text, p_from date, p_to date, p_devices text[] default null, p_site uuid default null, p_zone text default 'UTC'
)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_column constant text := (
    '{"temperature": "temperature_c", "humidity": "humidity_pct", "pressure": "pressure_hpa", "gas": "gas_kohm"}'::jsonb)->>p_sensor;
  v_daily boolean;
  v_asked text[] := fleet_private.devices_asked(p_site, p_devices, 8);
  v_from timestamptz;
  v_to timestamptz;
begin
  perform fleet_private.check_days(p_from, p_to);
  if p_sensor is null or p_sensor not in ('temperature', 'humidity', 'pressure', 'gas', 'battery', 'rssi')
     or p_zone is null or not fleet_private.is_timezone(p_zone) then
    raise exception 'console_trend_sensor: there is no such sensor or time zone' using errcode = '22023';
  end if;
  v_daily := v_column is null or p_to - p_from > 30;
  v_from := p_from::timestamp at time zone p_zone;
  v_to := (p_to + 1)::timestamp at time zone p_zone;
  if p_devices is null then
    v_asked := array(
      select d.device_id
        from (select device_id, lower(coalesce(name, device_id)) as called from public.devices
               where company_id = v_company and (p_site is null or site_id = p_site)
               order by called, device_id limit 100) as d
       where exists (
           select from public.capture_days c
            where c.device_id = d.device_id and c.company_id = v_company and c.day between p_from and p_to
              and case p_sensor when 'temperature' then c.temperature_readings when 'humidity' then c.humidity_readings
                                when 'pressure' then c.pressure_readings when 'gas' then c.gas_readings
                                when 'rssi' then c.rssi_readings else num_nonnulls(c.battery_percent_min) end > 0)
       order by d.called, d.device_id limit 4);
  end if;
  return jsonb_build_object('daily', v_daily, 'devices', (
    select coalesce(jsonb_agg(jsonb_build_object(
             'device_id', a.device_id, 'name', d.name,
             'points', case when v_daily then (
               select coalesce(jsonb_agg(jsonb_build_array(
                        extract(epoch from (c.day + time '12:00') at time zone p_zone)::bigint, v.minimum,
                        round(v.mean::numeric, 2), v.maximum) order by c.day), '[]')
                 from public.capture_days c
                cross join lateral (
                  select c.temperature_min, c.temperature_mean, c.temperature_max where p_sensor = 'temperature'
                  union all select c.humidity_min, c.humidity_mean, c.humidity_max where p_sensor = 'humidity'
                  union all select c.pressure_min, c.pressure_mean, c.pressure_max where p_sensor = 'pressure'
                  union all select c.gas_min, c.gas_mean, c.gas_max where p_sensor = 'gas'
                  union all select c.rssi_min, c.rssi_mean, c.rssi_max where p_sensor = 'rssi'
                  union all select c.battery_percent_min, (c.battery_percent_min + c.battery_percent_max) / 2, c.battery_percent_max
                             where p_sensor = 'battery') as v (minimum, mean, maximum)
                where c.device_id = a.device_id and c.company_id = v_company and c.day between p_from and p_to
                  and v.mean is not null)
             else (
               select coalesce(jsonb_agg(jsonb_build_array(
                        round(extract(epoch from t.since + (v_to - v_from) / 480)), t.minimum, round(t.mean::numeric, 2), t.maximum)
                        order by t.since), '[]')
                 from public.sensor_trend(a.device_id, v_column, v_from, v_to, 240) as t) end)
             order by lower(coalesce(d.name, a.device_id)), a.device_id), '[]')
      from unnest(v_asked) as a (device_id)
      left join public.devices d on d.device_id = a.device_id));
end
$$;

select fleet_private.set_callers('users', 'public.console_trends', 'public.console_trend_sensor',
  'fleet_private.most_device_days', 'fleet_private.devices_asked', 'fleet_private.check_days', 'fleet_private.errors_by_hour',
  'fleet_private.storage_by_day');

-- What the console's report asks: of a site, or of several devices, over some days. The functions have the rights of who calls
-- them, so that row level security holds; each answers one jsonb. docs/console.md tells what the report shows.

-- The devices of a report, the first 12 by name, and how many more there are. Of the own company alone: what a report says
-- about a device is asked of the device that the company has. Raises 22023 for days that are not told together: 92 at most.
create or replace function fleet_private.report_devices(
  p_from date, p_to date, p_site uuid, p_devices text[], out devices text[], out more integer
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_asked constant text[] := fleet_private.devices_asked(p_site, p_devices, 12);
begin
  if p_from is null or p_to is null or not isfinite(p_from) or not isfinite(p_to) or p_to - p_from not between 0 and 91 then
    raise exception 'a report is of 92 days at most, from the earlier to the later one' using errcode = '22023';
  end if;
  select array_agg(device_id order by place) filter (where place <= 12), greatest(count(*) - 12, 0)
    into devices, more
    from (select d.device_id, row_number() over (order by lower(coalesce(d.name, d.device_id)), d.device_id) as place
            from public.devices d
           where d.company_id = fleet_private.company_of_user() and d.device_id = any (v_asked)) as p;
end
$$;

-- {company, site: its name, or null, made_at, more: how many devices of the site are left out,
--  devices: [{device_id, name, site, location, zone: by which its days are told,
--    days: [[day, expected, silent, stored, partial, camera, transfer, service, temperature: its minimum, mean and maximum,
--      humidity: likewise, pressure_mean, gas_mean, battery_min, rssi_mean]],
--    pictures: [[seconds since 1970, capture_id, path, thumbnail, health]]}],
--  sites: [{site_id, name}]}
-- Pictures are chosen without looking at them: the time is cut into as many equal stretches as there is room for (12 for a
-- device, 48 for all), and of each the one is told that is nearest its middle. Raises 22023.
create or replace function public.console_report(p_from date, p_to date, p_site uuid default null, p_devices text[] default null)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_report record;
  v_pictures integer;
begin
  select * into v_report from fleet_private.report_devices(p_from, p_to, p_site, p_devices);
  v_pictures := least(12, 48 / greatest(cardinality(v_report.devices), 1));
  return jsonb_build_object(
    'company', (select name from public.companies where company_id = v_company),
    'site', (select name from public.sites where company_id = v_company and site_id = p_site),
    'made_at', now(),
    'more', v_report.more,
    'sites', (
      select coalesce(jsonb_agg(jsonb_build_object('site_id', site_id, 'name', name) order by lower(name), site_id), '[]')
        from (select * from public.sites where company_id = v_company order by lower(name) limit 1000) as s),
    'devices', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'device_id', d.device_id, 'name', nullif(d.name, ''), 'location', d.location, 'zone', z.zone,
               'site', (select name from public.sites where site_id = d.site_id),
               'days', (
                 select coalesce(jsonb_agg(jsonb_build_array(
                          c.day, c.expected, c.silent, c.stored, c.partial, c.failed_device, c.failed_transfer, c.failed_service,
                          c.temperature_min, round(c.temperature_mean::numeric, 2), c.temperature_max,
                          c.humidity_min, round(c.humidity_mean::numeric, 2), c.humidity_max,
                          round(c.pressure_mean::numeric, 2), round(c.gas_mean::numeric, 2), c.battery_percent_min,
                          round(c.rssi_mean::numeric, 1)) order by c.day), '[]')
                   from public.capture_days c
                  where c.device_id = d.device_id and c.company_id = v_company and c.day between p_from and p_to),
               'pictures', (
                 select coalesce(jsonb_agg(jsonb_build_array(
                          round(extract(epoch from p.captured_at)), p.capture_id, p.storage_path, p.thumbnail_path, p.health)
                          order by p.captured_at), '[]')
                   from generate_series(0, v_pictures - 1) as stretch
                  cross join lateral (
                    select z.since + (z.until - z.since) * stretch / v_pictures as since,
                           z.since + (z.until - z.since) * (2 * stretch + 1) / (2 * v_pictures) as middle,
                           z.since + (z.until - z.since) * (stretch + 1) / v_pictures as until) as s
                  cross join lateral (
                    select e.* from (
                      (select c.* from public.captures c
                        where c.device_id = d.device_id and c.company_id = v_company and c.ingest_status = 'stored'
                          and c.captured_at >= s.middle and c.captured_at < s.until
                        order by c.captured_at limit 1)
                      union all
                      (select c.* from public.captures c
                        where c.device_id = d.device_id and c.company_id = v_company and c.ingest_status = 'stored'
                          and c.captured_at >= s.since and c.captured_at < s.middle
                        order by c.captured_at desc limit 1)) as e
                     order by abs(extract(epoch from e.captured_at - s.middle)) limit 1) as p)) order by o.place), '[]')
        from unnest(v_report.devices) with ordinality as o (device_id, place)
        join public.devices d on d.device_id = o.device_id
       cross join lateral (select fleet_private.zone_of(d) as zone) as l
       cross join lateral (
         select l.zone, p_from::timestamp at time zone l.zone as since, (p_to + 1)::timestamp at time zone l.zone as until) as z));
end
$$;

-- Why what was expected in that time did not come: [{device_id, at, reason, code, params, sentence}], as device_gaps() tells it
-- of the devices of console_report, of each the oldest: 240 of all, at least 20 of one. What a device that is silent for weeks
-- has missed is found wake by wake, so there is a bound. Raises 22023.
create or replace function public.console_report_gaps(
  p_from date, p_to date, p_site uuid default null, p_devices text[] default null
)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_report record;
  v_device public.devices;
  v_zone text;
  v_since timestamptz;
  v_until timestamptz;
  v_most integer;
  v_found jsonb;
  v_told jsonb := '[]';
begin
  select * into v_report from fleet_private.report_devices(p_from, p_to, p_site, p_devices);
  v_most := 240 / greatest(cardinality(v_report.devices), 1);
  for v_device in select d.* from public.devices d where d.device_id = any (v_report.devices) order by d.device_id loop
    v_zone := fleet_private.zone_of(v_device);
    v_since := p_from::timestamp at time zone v_zone;
    v_until := (p_to + 1)::timestamp at time zone v_zone;
    v_found := '[]';
    -- device_gaps() takes a month at a time.
    while v_since < least(v_until, now()) and jsonb_array_length(v_found) < v_most loop
      v_found := v_found || (
        select coalesce(jsonb_agg(jsonb_build_object(
                 'device_id', v_device.device_id, 'at', g.wake_at, 'reason', g.reason, 'code', g.code, 'params', g.params,
                 'sentence', g.sentence) order by g.wake_at), '[]')
          from public.device_gaps(v_device.device_id, v_since, least(v_until, v_since + interval '31 days'),
                                  v_most - jsonb_array_length(v_found)) as g);
      v_since := v_since + interval '31 days';
    end loop;
    v_told := v_told || v_found;
  end loop;
  return v_told;
end
$$;

select fleet_private.set_callers('users', 'public.console_report', 'public.console_report_gaps', 'fleet_private.report_devices');

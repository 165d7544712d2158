-- What the console's page of a device asks. The functions have the rights of who calls them, so that row level security
-- holds; each answers one jsonb. docs/console.md shows the page.

-- How a device is now, and what is planned for it: {device: {…, zone: the time zone of its wakes, site: its name}, alerts:
-- the open ones, latest: its newest picture, commands: the latest 20 with the picture that each has made, schedules: {device,
-- company, service: what each says, null if nothing}, sites: [{site_id, name}]}. Null if the caller's company has no such
-- device.
create or replace function public.console_device(p_device text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'device', jsonb_build_object(
      'device_id', d.device_id, 'name', d.name, 'location', d.location, 'notes', d.notes, 'tags', d.tags,
      'site_id', d.site_id, 'site', s.name, 'timezone', d.timezone, 'zone', fleet_private.zone_of(d),
      'state', v.state, 'battery', v.battery_level, 'firmware', d.firmware_version, 'last_seen_at', d.last_seen_at,
      'next_wake_at', d.next_wake_at,
      'battery_percent', d.battery_percent, 'battery_mv', d.battery_mv, 'rssi', d.wifi_rssi_dbm,
      'heap', d.free_heap_bytes, 'uptime_s', d.uptime_s, 'boots', d.boot_count, 'pending', d.pending_count),
    'alerts', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'alert_id', a.alert_id, 'kind', a.kind, 'subject', a.subject, 'severity', a.severity, 'message', a.message,
               'details', a.details, 'opened_at', a.opened_at) order by a.severity, a.opened_at), '[]')
        from public.alerts a
       where a.device_id = d.device_id and a.company_id = d.company_id and a.resolved_at is null),
    'latest', (
      select jsonb_build_object(
               'capture_id', c.capture_id, 'captured_at', c.captured_at, 'path', c.storage_path,
               'thumbnail', c.thumbnail_path, 'width', c.width, 'height', c.height, 'bytes', c.image_bytes,
               'health', c.health, 'health_reason', c.health_reason, 'damaged', c.damaged)
        from public.captures c
       where c.device_id = d.device_id and c.ingest_status = 'stored'
       order by c.captured_at desc limit 1),
    'commands', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'command_id', q.command_id, 'type', q.type, 'payload', q.payload, 'status', q.status, 'reason', q.reason,
               'created_at', q.created_at, 'sent_at', q.sent_at, 'finished_at', q.finished_at, 'deadline', q.deadline,
               'by', u.email, 'capture_id', q.capture_id, 'thumbnail', c.thumbnail_path, 'pictured_at', c.captured_at)
               order by q.created_at desc, q.queue_number desc), '[]')
        from (select * from public.device_commands
               where device_id = d.device_id order by created_at desc, queue_number desc limit 20) as q
        left join public.users u on u.user_id = q.created_by
        left join public.captures c on c.capture_id = q.capture_id),
    'schedules', (
      select '{"device": null, "company": null, "service": null}' || coalesce(jsonb_object_agg(
               case when c.device_id is not null then 'device' when c.company_id is not null then 'company' else 'service' end,
               jsonb_build_object(
                 'captures_per_day', c.captures_per_day, 'times_of_day', c.times_of_day,
                 'interval_minutes', c.interval_minutes, 'timezone', c.timezone, 'wake_spread_s', c.wake_spread_s)), '{}')
        from public.device_configs c
       where c.device_id = d.device_id or c.company_id = d.company_id
          or (c.device_id is null and c.company_id is null)),
    'sites', (
      select coalesce(jsonb_agg(jsonb_build_object('site_id', o.site_id, 'name', o.name) order by lower(o.name), o.site_id), '[]')
        from (select * from public.sites where company_id = d.company_id order by lower(name) limit 1000) as o))
    from public.devices d
    join public.device_states v using (device_id)
    left join public.sites s on s.site_id = d.site_id
   where d.device_id = p_device
$$;

-- What a device has done from p_from to p_to, 366 days at most: {zone, days: [{day, expected, silent, stored, partial,
-- camera, transfer, service}], hours: [[day, hour, pictures, failed]] by the device's clock, of its last 32 days, series,
-- gaps, pictures, troubles, errors}. Bounded, however often it wakes: the time is cut into 480 stretches of equal length.
--   series    {at: [epoch of the middle of each stretch that has something], battery, battery_mv, rssi, heap, uptime,
--             boots, temperature, humidity, pressure, gas: [its mean there, of boots the last, or null]}
--   gaps      [{at, day, hour, reason, code, params, sentence}]: the expected wakes without a picture, as device_gaps()
--             tells them, of the same days as hours, the oldest 500
--   pictures  [[epoch, capture_id, path, thumbnail]]: the last stored one of each stretch
--   troubles  the latest 50 pictures that failed or came in part: [{capture_id, captured_at, image_name, status, code}]
--   errors    [{code, times, last_at, message: the last one's}]
-- Raises 22023 for a longer time or one that does not end after it begins.
create or replace function public.console_device_history(p_device text, p_from timestamptz, p_to timestamptz)
returns jsonb
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_stretches constant integer := 480;
  v_zone constant text := (select fleet_private.zone_of(d) from public.devices d where d.device_id = p_device);
  v_from constant double precision := extract(epoch from p_from);
  v_to constant double precision := extract(epoch from p_to);
  -- Whole days, as the row of a day shows all of it.
  v_first timestamptz;
  v_last timestamptz;
begin
  if p_from is null or p_to is null or not isfinite(p_from) or not isfinite(p_to) or p_from >= p_to
     or p_to - p_from > interval '366 days' then
    raise exception 'ask for 366 days at most, from the earlier to the later time' using errcode = '22023';
  end if;
  if v_zone is null then
    return null;
  end if;
  v_first := date_trunc('day', greatest(p_from, p_to - interval '30 days'), v_zone);
  -- A day has 23 hours or 25 when the clock is changed.
  v_last := ((p_to at time zone v_zone)::date + 1)::timestamp at time zone v_zone;
  return jsonb_build_object(
    'zone', v_zone,
    'days', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'day', c.day, 'expected', c.expected, 'silent', c.silent, 'stored', c.stored, 'partial', c.partial,
               'camera', c.failed_device, 'transfer', c.failed_transfer, 'service', c.failed_service) order by c.day), '[]')
        from public.capture_days c
       where c.device_id = p_device
         and c.day between (p_from at time zone v_zone)::date and (p_to at time zone v_zone)::date),
    'hours', (
      select coalesce(jsonb_agg(jsonb_build_array(h.day, h.hour, h.pictures, h.failed) order by h.day, h.hour), '[]')
        from (select (c.captured_at at time zone v_zone)::date as day,
                     extract(hour from c.captured_at at time zone v_zone)::integer as hour,
                     count(*) filter (where c.ingest_status in ('stored', 'expired', 'partial')) as pictures,
                     count(*) filter (where c.ingest_status = 'failed') as failed
                from public.captures c
               where c.device_id = p_device and c.captured_at >= v_first and c.captured_at < v_last
               group by 1, 2) as h),
    'gaps', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'at', g.wake_at, 'day', (g.wake_at at time zone v_zone)::date,
               'hour', extract(hour from g.wake_at at time zone v_zone)::integer,
               'reason', g.reason, 'code', g.code, 'params', g.params, 'sentence', g.sentence) order by g.wake_at desc), '[]')
        from public.device_gaps(p_device, v_first, p_to, 500) as g),
    'series', (
      with told as (
        select width_bucket(extract(epoch from s.received_at), v_from, v_to, v_stretches) as stretch,
               s.battery_percent, s.battery_mv, s.wifi_rssi_dbm, s.free_heap_bytes, s.uptime_s, s.boot_count,
               null::double precision as temperature_c, null::double precision as humidity_pct,
               null::double precision as pressure_hpa, null::double precision as gas_kohm
          from public.device_status s
         where s.device_id = p_device and s.created_at >= p_from - interval '1 hour' and s.created_at < p_to + interval '2 days'
           and s.received_at >= p_from and s.received_at < p_to
        union all
        select width_bucket(extract(epoch from r.measured_at), v_from, v_to, v_stretches),
               null, null, null, null, null, null, r.temperature_c, r.humidity_pct, r.pressure_hpa, r.gas_kohm
          from public.sensor_readings r
         where r.device_id = p_device and r.measured_at >= p_from and r.measured_at < p_to
      ), means as (
        select round(v_from + (stretch - 0.5) * (v_to - v_from) / v_stretches) as at,
               round(avg(battery_percent)::numeric, 1) as battery, round(avg(battery_mv)) as battery_mv,
               round(avg(wifi_rssi_dbm)::numeric, 1) as rssi, round(avg(free_heap_bytes)) as heap,
               round(avg(uptime_s)) as uptime, max(boot_count) as boots,
               round(avg(temperature_c)::numeric, 2) as temperature, round(avg(humidity_pct)::numeric, 2) as humidity,
               round(avg(pressure_hpa)::numeric, 2) as pressure, round(avg(gas_kohm)::numeric, 2) as gas
          from told group by stretch
      )
      select jsonb_build_object(
               'at', coalesce(jsonb_agg(at order by at), '[]'), 'battery', jsonb_agg(battery order by at),
               'battery_mv', jsonb_agg(battery_mv order by at), 'rssi', jsonb_agg(rssi order by at),
               'heap', jsonb_agg(heap order by at), 'uptime', jsonb_agg(uptime order by at),
               'boots', jsonb_agg(boots order by at), 'temperature', jsonb_agg(temperature order by at),
               'humidity', jsonb_agg(humidity order by at), 'pressure', jsonb_agg(pressure order by at),
               'gas', jsonb_agg(gas order by at))
        from means),
    'pictures', (
      select coalesce(jsonb_agg(jsonb_build_array(
               round(extract(epoch from p.captured_at)), p.capture_id, p.storage_path, p.thumbnail_path)
               order by p.captured_at), '[]')
        from (select distinct on (width_bucket(extract(epoch from c.captured_at), v_from, v_to, v_stretches))
                     c.captured_at, c.capture_id, c.storage_path, c.thumbnail_path
                from public.captures c
               where c.device_id = p_device and c.captured_at >= p_from and c.captured_at < p_to and c.ingest_status = 'stored'
               order by width_bucket(extract(epoch from c.captured_at), v_from, v_to, v_stretches), c.captured_at desc) as p),
    'troubles', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'capture_id', t.capture_id, 'captured_at', t.captured_at, 'image_name', t.device_capture_id,
               'status', t.ingest_status, 'code', t.error_code) order by t.captured_at desc), '[]')
        from (select c.capture_id, c.captured_at, c.device_capture_id, c.ingest_status, c.error_code
                from public.captures c
               where c.device_id = p_device and c.captured_at >= p_from and c.captured_at < p_to
                 and c.ingest_status in ('failed', 'partial')
               order by c.captured_at desc limit 50) as t),
    'errors', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'code', e.error_code, 'times', e.times, 'last_at', e.last_at, 'message', e.message) order by e.last_at desc), '[]')
        from (select r.error_code, count(*) as times, max(r.occurred_at) as last_at,
                     (array_agg(r.message order by r.occurred_at desc))[1] as message
                from public.device_errors r
               where r.device_id = p_device and r.occurred_at >= p_from and r.occurred_at < p_to
               group by r.error_code order by max(r.occurred_at) desc limit 30) as e));
end
$$;

-- The next ten wakes of a device if set_schedule() were called with the same: {zone, told: the wake that the device was told
-- already, which it keeps, wakes: [ten at most, from that one on]}. Without a schedule of its own that of the company counts,
-- or that of the service. Null if the caller's company has no such device; raises 22023 for values that are no schedule.
create or replace function public.console_wakes(
  p_device text, p_captures_per_day integer default null, p_times_of_day time[] default null,
  p_interval_minutes integer default null, p_timezone text default null, p_wake_spread_s integer default null
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_most constant integer := 10;
  v_device public.devices;
  v_above public.device_configs;
  v_zone text;
  v_spread integer;
  v_times time[] := p_times_of_day;
  v_minutes integer := p_interval_minutes;
  v_told timestamptz;
  v_from timestamptz;
begin
  if num_nonnulls(p_captures_per_day, p_times_of_day, p_interval_minutes) > 1
     or p_captures_per_day not between 1 and 288 or p_interval_minutes not between 1 and 10080
     or p_wake_spread_s not between 0 and 21600 or not fleet_private.is_timezone(p_timezone)
     or array_ndims(p_times_of_day) is distinct from 1 and p_times_of_day is not null
     or cardinality(p_times_of_day) > 288 or array_position(p_times_of_day, null) is not null then
    raise exception 'these values are no schedule' using errcode = '22023';
  end if;
  select * into v_device from public.devices where device_id = p_device;
  if not found then
    return null;
  end if;

  select coalesce(v_device.timezone, p_timezone,
                  (array_agg(c.timezone order by c.company_id) filter (where c.timezone is not null))[1], 'UTC'),
         coalesce(p_wake_spread_s,
                  (array_agg(c.wake_spread_s order by c.company_id) filter (where c.wake_spread_s is not null))[1], 300)
    into v_zone, v_spread
    from public.device_configs c
   where c.device_id is null and (c.company_id = v_device.company_id or c.company_id is null);
  if num_nonnulls(p_captures_per_day, v_times, v_minutes) = 0 then
    select * into v_above from public.device_configs c
     where c.device_id is null and (c.company_id = v_device.company_id or c.company_id is null)
       and num_nonnulls(c.captures_per_day, c.times_of_day, c.interval_minutes) > 0
     order by c.company_id limit 1;
    v_times := v_above.times_of_day;
    v_minutes := v_above.interval_minutes;
  end if;
  v_times := coalesce(v_times, fleet_private.wake_times(coalesce(p_captures_per_day, v_above.captures_per_day)));

  v_told := case when v_device.next_wake_at > now() then v_device.next_wake_at end;
  v_from := coalesce(v_told, now()) + fleet_private.wake_grace(v_minutes) + interval '1 microsecond';
  return jsonb_build_object('zone', v_zone, 'told', v_told, 'wakes', (
    select coalesce(jsonb_agg(w.wake order by w.wake), '[]')
      from (select wake from unnest(v_told || fleet_private.wakes_within(
                     v_times, v_minutes, fleet_private.wake_offset(p_device, v_spread), v_zone, v_from,
                     v_from + coalesce(make_interval(mins => v_minutes * (v_most + 1)),
                                       make_interval(days => v_most / greatest(cardinality(v_times), 1) + 2)))) as wake
             where wake is not null and (v_minutes is not null or v_times is not null)
             order by wake limit v_most) as w));
end
$$;

select fleet_private.set_callers('users', 'public.console_device', 'public.console_device_history', 'public.console_wakes');

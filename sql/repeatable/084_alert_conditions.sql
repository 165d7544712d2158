-- What is wrong at a moment: a function for each kind of alert gives the devices for which it is. `opens` says that it is
-- wrong enough for an alert to open; without it an alert that is open stays. What is fine gives no row, so that a fleet
-- without troubles costs little. `quietly` opens an alert that nobody is told of.
-- details has the figures; alert_message makes a sentence of them.

-- Devices of which there is no sign of life, hours beyond the wake that they were told or that their schedule says.
-- Without a schedule a device is given at_least hours of silence, and p_default_wake, for which the service lets it sleep.
-- If the service itself heard nobody, or could not look, until p_heard_again, devices are late from then on; while it
-- hears nobody (p_deaf) none opens. One that is late for more than 30 days, as after an upgrade, opens quietly.
create or replace function fleet_private.offline_devices(
  p_at timestamptz, p_default_wake interval, p_heard_again timestamptz, p_deaf boolean
)
returns table (
  company_id uuid, site_id uuid, device_id text, kind text, subject text, opens boolean, quietly boolean, severity text,
  repeat_after interval, details jsonb
)
language sql
stable
rows 100
set search_path = ''
as $$
  with scheduled as (
    select c.device_id, c.company_id from public.device_configs c
     where num_nonnulls(c.captures_per_day, c.times_of_day, c.interval_minutes) > 0
  )
  select d.company_id, d.site_id, d.device_id, 'offline', '',
         not p_deaf and p_at > greatest(w.late_from, p_heard_again) + t.tolerance,
         w.late_from < p_at - interval '30 days',
         case when p_at > w.late_from + make_interval(secs => s.critical * 3600) then 'critical' else 'warning' end,
         s.repeat_after,
         jsonb_build_object('last_seen_at', d.last_seen_at, 'due_at', u.due_at,
                            'silent_hours', round(extract(epoch from p_at - d.last_seen_at) / 3600, 1))
    from fleet_private.watched_devices(p_at) as d
    join fleet_private.alert_settings() as s on s.scope = d.scope and s.kind = 'offline' and s.enabled
    left join scheduled own on own.device_id = d.device_id
    left join scheduled theirs on theirs.company_id = d.company_id
   cross join (select exists (select from scheduled where num_nonnulls(device_id, company_id) = 0) as everywhere) as g
   cross join lateral (select make_interval(secs => s.upper * 3600) as tolerance) as t
   cross join lateral (
     select case when d.next_wake_at > d.last_seen_at then d.next_wake_at
                 when own.device_id is not null or theirs.company_id is not null or g.everywhere
                   then fleet_private.next_wake(d.device_id, d.last_seen_at) end as due_at
      where d.last_seen_at < p_at - t.tolerance) as u
   cross join lateral (
     select coalesce(u.due_at, d.last_seen_at + greatest(p_default_wake, make_interval(hours => s.at_least) - t.tolerance))
       as late_from) as w
   where w.late_from < p_at - t.tolerance
$$;

-- The days that have a part of the last 24 hours somewhere. They are listed, since the planner takes a range of dates that
-- it does not know for a third of all.
create or replace function fleet_private.recent_days(p_at timestamptz)
returns date[]
language sql
stable
set search_path = ''
as $$
  select array[d - 2, d - 1, d, d + 1] from (select (p_at at time zone 'UTC')::date as d) as today
$$;

-- Devices of whose pictures of the last 24 hours too many have failed.
create or replace function fleet_private.failing_devices(p_at timestamptz)
returns table (
  company_id uuid, site_id uuid, device_id text, kind text, subject text, opens boolean, quietly boolean, severity text,
  repeat_after interval, details jsonb
)
language sql
stable
rows 100
set search_path = ''
as $$
  with failed as (
    select c.company_id, c.device_id, sum(c.failed_device + c.failed_transfer + c.failed_service + c.partial) as pictures
      from public.capture_days c
     where c.day = any (fleet_private.recent_days(p_at))
       and c.failed_device + c.failed_transfer + c.failed_service + c.partial > 0
     group by c.company_id, c.device_id
  )
  select d.company_id, d.site_id, d.device_id, 'failing', '', n.failed >= s.at_least and v.share > s.upper, false,
         case when v.share > s.critical then 'critical' else 'warning' end, s.repeat_after,
         jsonb_build_object('failed', n.failed, 'pictures', n.pictures, 'percent', round(v.share::numeric, 1))
    from failed f
    join fleet_private.watched_devices(p_at) as d on d.device_id = f.device_id and d.company_id = f.company_id
    join fleet_private.alert_settings() as s on s.scope = d.scope and s.kind = 'failing' and s.enabled
    left join public.alerts a
      on a.device_id = d.device_id and a.company_id = d.company_id and a.kind = 'failing' and a.resolved_at is null
   -- The pictures of other devices need not be counted. The company is no condition, since the planner, which takes it
   -- for rare, would read all its pictures for each device.
   cross join lateral (
     select count(*) filter (where c.company_id = d.company_id) as pictures,
            count(*) filter (where c.company_id = d.company_id and c.ingest_status in ('failed', 'partial')) as failed
       from public.captures c
      where c.device_id = d.device_id and c.ingest_status <> 'assembling'
        and c.captured_at > p_at - interval '24 hours' and c.captured_at <= p_at) as n
   cross join lateral (select 100.0::float8 * n.failed / nullif(n.pictures, 0) as share) as v
   where (f.pictures >= s.at_least or a.alert_id is not null)
     and v.share > s.right_below
$$;

-- Devices whose battery is low. One that tells millivolts alone is taken for a cell of lithium, from 3.3 V (empty) to 4.2 V
-- (full), if that can be; of any other battery nothing is known.
create or replace function fleet_private.low_batteries(p_at timestamptz)
returns table (
  company_id uuid, site_id uuid, device_id text, kind text, subject text, opens boolean, quietly boolean, severity text,
  repeat_after interval, details jsonb
)
language sql
stable
rows 100
set search_path = ''
as $$
  select d.company_id, d.site_id, d.device_id, 'battery_low', '', b.level < s.lower, false,
         case when b.level < s.critical then 'critical' else 'warning' end, s.repeat_after,
         jsonb_build_object('percent', round(b.level::numeric, 1), 'millivolts', d.battery_mv,
                            'estimated', d.battery_percent is null)
    from fleet_private.watched_devices(p_at) as d
    join fleet_private.alert_settings() as s on s.scope = d.scope and s.kind = 'battery_low' and s.enabled
   cross join lateral (
     select coalesce(d.battery_percent, case when d.battery_mv between 2500 and 4500
                                          then least(greatest((d.battery_mv - 3300) / 9.0, 0), 100) end) as level) as b
   where b.level < s.right_above
$$;

-- How many points of per cent a battery has lost in the 24 hours before p_at, as its hellos tell. One that has risen by 5
-- points above its lowest was charged or replaced: it is counted from there.
create or replace function fleet_private.battery_fall(p_device text, p_company uuid, p_at timestamptz)
returns double precision
language plpgsql
stable
set search_path = ''
as $$
declare
  v_highest double precision;
  v_lowest double precision;
  v_level double precision;
begin
  for v_level in
    select battery_percent from public.device_status
     -- Not `company_id = p_company`: the planner would take the company for rare.
     where device_id = p_device and company_id is not distinct from p_company and battery_percent is not null
       and received_at > p_at - interval '24 hours' and received_at <= p_at
       -- The bound is there for the index: a hello is written after it was received.
       and created_at > p_at - interval '25 hours'
     order by received_at
  loop
    if v_highest is null or v_level >= v_lowest + 5 or v_level > v_highest then
      v_highest := v_level;
      v_lowest := v_level;
    end if;
    v_lowest := least(v_lowest, v_level);
  end loop;
  return v_highest - v_level;
end
$$;

-- Devices whose battery falls fast.
create or replace function fleet_private.falling_batteries(p_at timestamptz)
returns table (
  company_id uuid, site_id uuid, device_id text, kind text, subject text, opens boolean, quietly boolean, severity text,
  repeat_after interval, details jsonb
)
language sql
stable
rows 100
set search_path = ''
as $$
  select d.company_id, d.site_id, d.device_id, 'battery_falling', '', f.points > s.upper, false,
         case when f.points > s.critical then 'critical' else 'warning' end, s.repeat_after,
         jsonb_build_object('points', round(f.points::numeric, 1), 'percent', round(d.battery_percent::numeric, 1))
    from (select c.company_id, c.device_id, max(c.battery_percent_max) as highest
            from public.capture_days c
           where c.day = any (fleet_private.recent_days(p_at))
           group by c.company_id, c.device_id) as m
    join fleet_private.watched_devices(p_at) as d on d.device_id = m.device_id and d.company_id = m.company_id
    join fleet_private.alert_settings() as s on s.scope = d.scope and s.kind = 'battery_falling' and s.enabled
   -- Only of those that may have lost as much the hellos are read.
   cross join lateral (
     select case when m.highest - d.battery_percent > s.right_below
                 then fleet_private.battery_fall(d.device_id, d.company_id, p_at) end as points) as f
   where f.points > s.right_below
$$;

-- Companies whose pictures nearly fill their share of the storage, and the service (null) that nearly fills p_quota bytes.
create or replace function fleet_private.full_storage(p_at timestamptz, p_quota numeric)
returns table (
  company_id uuid, site_id uuid, device_id text, kind text, subject text, opens boolean, quietly boolean, severity text,
  repeat_after interval, details jsonb
)
language sql
stable
rows 100
set search_path = ''
as $$
  select q.company_id, null::uuid, null, 'storage', '', v.percent > s.upper, false,
         case when v.percent > s.critical then 'critical' else 'warning' end, s.repeat_after,
         jsonb_build_object('bytes', q.bytes, 'quota_bytes', q.quota, 'percent', round(v.percent, 1))
    from (select c.company_id, b.bytes, c.storage_quota_bytes::numeric as quota
            from public.companies c
            join fleet_private.stored_bytes b on b.company_id = c.company_id
           where c.storage_quota_bytes is not null
             and not exists (
               select from public.maintenance_windows w
                where w.company_id = c.company_id and w.starts_at <= p_at and w.ends_at > p_at
                  and num_nonnulls(w.site_id, w.device_id) = 0)
          union all
          select null, sum(b.bytes), p_quota from fleet_private.stored_bytes b) as q
    join (select scope, enabled, upper, right_below, critical, repeat_after
            from fleet_private.alert_settings() where kind = 'storage'
          union all
          select null, true, upper, upper - margin, critical, repeat_after
            from fleet_private.alert_defaults() where kind = 'storage') as s
      on s.scope is not distinct from 'company ' || q.company_id and s.enabled
   cross join lateral (select 100 * q.bytes / nullif(q.quota, 0) as percent) as v
   where v.percent > s.right_below
$$;

-- Counts the pictures of a device that are not good, in the order in which they are judged; a good one ends that.
create or replace function fleet_private.count_bad_pictures()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.health = 'ok' then
    delete from fleet_private.picture_streaks where device_id = new.device_id;
  else
    insert into fleet_private.picture_streaks as s (device_id, company_id, pictures, health)
    values (new.device_id, new.company_id, 1, new.health)
    on conflict (device_id) do update
      set pictures = case when s.company_id is not distinct from excluded.company_id then least(s.pictures, 1000000) + 1 else 1 end,
          company_id = excluded.company_id, health = excluded.health;
  end if;
  return null;
end
$$;
create or replace trigger captures_count_bad_new after insert on public.captures
  for each row when (new.health is not null) execute function fleet_private.count_bad_pictures();
create or replace trigger captures_count_bad after update of health on public.captures
  for each row when (new.health is distinct from old.health and new.health is not null)
  execute function fleet_private.count_bad_pictures();

-- Devices of which the last at_least pictures that were judged are all not good.
create or replace function fleet_private.bad_pictures(p_at timestamptz)
returns table (
  company_id uuid, site_id uuid, device_id text, kind text, subject text, opens boolean, quietly boolean, severity text,
  repeat_after interval, details jsonb
)
language sql
stable
rows 100
set search_path = ''
as $$
  select d.company_id, d.site_id, d.device_id, 'picture', '', p.pictures >= s.at_least, false, 'warning', s.repeat_after,
         jsonb_build_object('pictures', p.pictures, 'health', p.health)
    from fleet_private.picture_streaks p
    join fleet_private.watched_devices(p_at) as d on d.device_id = p.device_id and d.company_id = p.company_id
    join fleet_private.alert_settings() as s on s.scope = d.scope and s.kind = 'picture' and s.enabled
$$;

-- Devices with a sensor whose latest reading is out of its bounds.
create or replace function fleet_private.sensors_out_of_bounds(p_at timestamptz)
returns table (
  company_id uuid, site_id uuid, device_id text, kind text, subject text, opens boolean, quietly boolean, severity text,
  repeat_after interval, details jsonb
)
language sql
stable
rows 100
set search_path = ''
as $$
  with bounded as materialized (
    select * from fleet_private.alert_settings() where kind = 'sensor' and enabled and num_nonnulls(lower, upper) > 0
  ), latest as (
    select d.company_id, d.site_id, d.device_id, d.scope, r.*
      from fleet_private.watched_devices(p_at) as d
     cross join lateral (
       select t.company_id as owner_id, t.measured_at, t.temperature_c, t.humidity_pct, t.pressure_hpa, t.gas_kohm
         from public.sensor_readings t
        -- A time to come is from a clock that was wrong.
        where t.device_id = d.device_id and t.measured_at <= p_at + interval '1 hour'
        order by t.measured_at desc limit 1) as r
     where d.scope in (select scope from bounded) and r.owner_id = d.company_id
  )
  select l.company_id, l.site_id, l.device_id, 'sensor', s.subject,
         coalesce(v.value < s.lower, false) or coalesce(v.value > s.upper, false), false, 'warning', s.repeat_after,
         jsonb_build_object('value', v.value, 'lower', s.lower, 'upper', s.upper, 'measured_at', l.measured_at)
    from latest l
    join bounded s on s.scope = l.scope
   cross join lateral (
     select case s.subject when 'temperature_c' then l.temperature_c when 'humidity_pct' then l.humidity_pct
                           when 'pressure_hpa' then l.pressure_hpa else l.gas_kohm end as value) as v
   where v.value < s.right_above or v.value > s.right_below
$$;

-- A length of time, a number and a moment, for people. These are in plpgsql, and so is what calls them, since it is several
-- times as fast for a simple expression: ten thousand sentences may be made at once.
create or replace function fleet_private.span_text(p_span interval)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_seconds constant numeric := extract(epoch from p_span);
begin
  return case when v_seconds < 5400 then round(v_seconds / 60) || ' min'
              when v_seconds < 172800 then round(v_seconds / 3600) || ' h'
              else round(v_seconds / 86400) || ' days' end;
end
$$;
create or replace function fleet_private.number_text(p_number numeric)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return trim_scale(round(p_number, 1))::text;
end
$$;
create or replace function fleet_private.moment_text(p_moment timestamptz, p_at timestamptz)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return to_char(p_moment at time zone 'UTC', case
    when date_trunc('day', p_moment, 'UTC') = date_trunc('day', p_at, 'UTC') then 'HH24:MI "UTC"'
    else 'YYYY-MM-DD HH24:MI "UTC"' end);
end
$$;

-- What is wrong, as a sentence with figures and units. p_name is that of the device, where it is about one. Null for a
-- kind of which somebody else says it.
create or replace function fleet_private.alert_message(
  p_kind text, p_subject text, p_name text, p_details jsonb, p_at timestamptz
)
returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_sensor text[];
  v_value numeric;
  v_where text;
begin
  case p_kind
    when 'offline' then
      return format('%s has not been heard for %s: %s.', p_name,
        fleet_private.span_text(p_at - (p_details->>'last_seen_at')::timestamptz),
        coalesce('it was due at ' || fleet_private.moment_text((p_details->>'due_at')::timestamptz, p_at),
                 'it has no schedule'));
    when 'failing' then
      return format('%s of the last %s pictures of %s failed (%s %%, in 24 h).', p_details->>'failed',
        p_details->>'pictures', p_name, fleet_private.number_text((p_details->>'percent')::numeric));
    when 'battery_low' then
      return case when p_details->'estimated' = 'true'
        then format('The battery of %s is low: %s mV, about %s %%.', p_name, p_details->>'millivolts',
                    round((p_details->>'percent')::numeric))
        else format('The battery of %s is low: %s %%.', p_name,
                    fleet_private.number_text((p_details->>'percent')::numeric)) end;
    when 'battery_falling' then
      return format('The battery of %s has lost %s points in 24 h and is at %s %%.', p_name,
        fleet_private.number_text((p_details->>'points')::numeric),
        fleet_private.number_text((p_details->>'percent')::numeric));
    when 'storage' then
      return format('%s %% of the storage is used: %s of %s GB.',
        fleet_private.number_text((p_details->>'percent')::numeric),
        fleet_private.number_text((p_details->>'bytes')::numeric / 1e9),
        fleet_private.number_text((p_details->>'quota_bytes')::numeric / 1e9));
    when 'service' then
      return format('The service is ill: %s.', p_details->>'troubles');
    when 'picture' then
      return format('The last %s pictures of %s were not good; the latest is %s.', p_details->>'pictures', p_name,
        p_details->>'health');
    when 'sensor' then
      v_sensor := case p_subject
        when 'temperature_c' then array['The temperature', '°C'] when 'humidity_pct' then array['The humidity', '%']
        when 'pressure_hpa' then array['The pressure', 'hPa'] else array['The gas resistance', 'kΩ'] end;
      v_value := (p_details->>'value')::numeric;
      v_where := case
        when v_value > (p_details->>'upper')::numeric then format('above %s %s', p_details->>'upper', v_sensor[2])
        when v_value < (p_details->>'lower')::numeric then format('below %s %s', p_details->>'lower', v_sensor[2])
        else 'not far enough within its bounds yet' end;
      return format('%s of %s is %s %s: %s.', v_sensor[1], p_name, fleet_private.number_text(v_value), v_sensor[2], v_where);
    else
      return null;
  end case;
end
$$;

select fleet_private.set_callers('service', 'fleet_private.offline_devices', 'fleet_private.recent_days',
  'fleet_private.failing_devices', 'fleet_private.low_batteries', 'fleet_private.battery_fall',
  'fleet_private.falling_batteries', 'fleet_private.full_storage',
  'fleet_private.count_bad_pictures', 'fleet_private.bad_pictures', 'fleet_private.sensors_out_of_bounds',
  'fleet_private.span_text', 'fleet_private.number_text', 'fleet_private.moment_text', 'fleet_private.alert_message');
grant select, insert, update, delete on fleet_private.picture_streaks to service_role;

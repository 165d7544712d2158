-- What came of each device on each of its days, counted again when something of the day has changed.
-- docs/adr/0024-rollups.md has the reasons.

-- Where a picture with this error has failed: at the device, in transfer, or in the service.
create or replace function fleet_private.cause_of_failure(p_error_code integer)
returns text
language sql
immutable
set search_path = ''
as $$
  select case when p_error_code between 1000 and 1999 then 'device'
              when p_error_code in (2201, 2202, 2203, 2207, 2208) then 'transfer'
              else 'service' end
$$;

-- Counts a day of a device anew, as far as it has gone at p_at: one row for each company that has something of it.
--
-- A wake is answered by a picture or a hello between a grace before it and the next wake, or ten minutes after the day
-- (or after the schedule was changed). width_bucket tells for each of them which wake that is.
create or replace function fleet_private.count_day(p_device text, p_day date, p_at timestamptz)
returns setof public.capture_days
language plpgsql
stable
rows 1
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with parts as materialized (
    -- One, unless the device, its owner or its schedule was changed on this day.
    select greatest(s.since, l.begins) as since, least(s.until, l.ends) as until,
           s.owner_id, s.timezone, s.times, s.minutes, s.wake_offset, s.grace
      -- No time zone is 16 hours from UTC.
      from fleet_private.schedules(
             p_device, p_day::timestamp at time zone 'UTC' - interval '16 hours',
             (p_day + 1)::timestamp at time zone 'UTC' + interval '16 hours') as s
     cross join lateral (
       select p_day::timestamp at time zone s.timezone as begins, (p_day + 1)::timestamp at time zone s.timezone as ends) as l
     where s.since < l.ends and s.until > l.begins
  ), scheduled as materialized (
    select p.*, fleet_private.wakes_within(
             p.times, p.minutes, p.wake_offset, p.timezone, greatest(p.since, k.heard_since),
             p.until + interval '10 minutes') as wakes
      from parts p
      join fleet_private.day_clocks k on k.device_id = p_device
     where p.times is not null or p.minutes is not null
  ), due as (
    select p.owner_id as company_id, sum(e.expected)::integer as expected, sum(e.past - h.heard)::integer as silent
      from scheduled p
     cross join lateral (
       select count(*) filter (where wake <= p_at) as expected,
              count(*) filter (where wake <= p_at - interval '10 minutes') as past
         from unnest(p.wakes) as wake where wake < p.until) as e
     cross join lateral (
       select count(distinct wake) filter (where wake between 1 and e.past) as heard
         from (select width_bucket(c.captured_at + p.grace, p.wakes) as wake
                 from public.captures c
                where c.device_id = p_device
                  and c.captured_at >= p.since - p.grace and c.captured_at < p.until + interval '10 minutes'
               union all
               select width_bucket(s.received_at + p.grace, p.wakes)
                 from public.device_status s
                where s.device_id = p_device
                  and s.created_at >= p.since - interval '1 hour' and s.created_at < p.until + interval '2 days'
                  and s.received_at >= p.since - p.grace
                  and s.received_at < p.until + interval '10 minutes') as signs) as h
     group by p.owner_id
  ), pictures as (
    select c.company_id,
           count(*) filter (where c.ingest_status in ('stored', 'expired')) as stored,
           count(*) filter (where c.ingest_status = 'partial') as partial,
           count(*) filter (where f.cause = 'device') as failed_device,
           count(*) filter (where f.cause = 'transfer') as failed_transfer,
           count(*) filter (where f.cause = 'service') as failed_service,
           sum(coalesce(c.original_bytes, c.image_bytes)) filter (where c.ingest_status in ('stored', 'expired')) as bytes,
           sum(c.image_bytes) filter (where c.ingest_status in ('stored', 'partial')) as kept_bytes,
           sum(c.nacks_sent) as nacks
      from parts p
      join public.captures c
        on c.device_id = p_device and c.captured_at >= p.since and c.captured_at < p.until
     cross join lateral (
       select case when c.ingest_status = 'failed' then fleet_private.cause_of_failure(c.error_code) end as cause) as f
     group by c.company_id
  ), measured as (
    select r.company_id,
           count(r.temperature_c) as temperature_readings, min(r.temperature_c) as temperature_min,
           avg(r.temperature_c) as temperature_mean, max(r.temperature_c) as temperature_max,
           count(r.humidity_pct) as humidity_readings, min(r.humidity_pct) as humidity_min,
           avg(r.humidity_pct) as humidity_mean, max(r.humidity_pct) as humidity_max,
           count(r.pressure_hpa) as pressure_readings, min(r.pressure_hpa) as pressure_min,
           avg(r.pressure_hpa) as pressure_mean, max(r.pressure_hpa) as pressure_max,
           count(r.gas_kohm) as gas_readings, min(r.gas_kohm) as gas_min,
           avg(r.gas_kohm) as gas_mean, max(r.gas_kohm) as gas_max
      from parts p
      join public.sensor_readings r
        on r.device_id = p_device and r.measured_at >= p.since and r.measured_at < p.until
     group by r.company_id
  ), heard as (
    -- A hello is written at most two days after it was received. The bounds of created_at are there for the index.
    select s.company_id, count(*) as hellos,
           min(s.battery_percent) as battery_percent_min, max(s.battery_percent) as battery_percent_max,
           min(s.battery_mv) as battery_mv_min, max(s.battery_mv) as battery_mv_max,
           count(s.wifi_rssi_dbm) as rssi_readings, min(s.wifi_rssi_dbm) as rssi_min,
           avg(s.wifi_rssi_dbm)::double precision as rssi_mean, max(s.wifi_rssi_dbm) as rssi_max
      from parts p
      join public.device_status s
        on s.device_id = p_device
       and s.created_at >= p.since - interval '1 hour' and s.created_at < p.until + interval '2 days'
       and s.received_at >= p.since and s.received_at < p.until
     group by s.company_id
  ), older as (
    -- What was counted before, if hellos of this day may have been pruned since: it began before the oldest that is kept,
    -- and there were hellos on a day, this or an earlier one, that had ended by then.
    select o.*
      from public.capture_days o
     cross join (select coalesce(min(created_at), 'infinity') as created_at from public.device_status) as oldest
     where o.device_id = p_device and o.day = p_day and o.hellos > 0
       and p_day::timestamp at time zone o.timezone < oldest.created_at
       and exists (
         select from public.capture_days e
          where e.device_id = p_device and e.day <= p_day and e.hellos > 0
            and (e.day + 1)::timestamp at time zone e.timezone <= oldest.created_at)
  ), companies as (
    select company_id from due where expected > 0
    union select company_id from pictures union select company_id from measured union select company_id from heard
    union select company_id from older
  )
  select p_device, p_day, c.company_id,
         coalesce((select timezone from parts order by since desc limit 1), o.timezone),
         d.expected, case when o.hellos > coalesce(h.hellos, 0) then least(d.silent, o.silent) else coalesce(d.silent, 0) end,
         coalesce(p.stored, 0)::integer, coalesce(p.partial, 0)::integer, coalesce(p.failed_device, 0)::integer,
         coalesce(p.failed_transfer, 0)::integer, coalesce(p.failed_service, 0)::integer,
         coalesce(p.bytes, 0), coalesce(p.nacks, 0),
         k.hellos::integer,
         coalesce(m.temperature_readings, 0)::integer, m.temperature_min, m.temperature_mean, m.temperature_max,
         coalesce(m.humidity_readings, 0)::integer, m.humidity_min, m.humidity_mean, m.humidity_max,
         coalesce(m.pressure_readings, 0)::integer, m.pressure_min, m.pressure_mean, m.pressure_max,
         coalesce(m.gas_readings, 0)::integer, m.gas_min, m.gas_mean, m.gas_max,
         k.battery_percent_min, k.battery_percent_max, k.battery_mv_min, k.battery_mv_max,
         k.rssi_readings::integer, k.rssi_min, k.rssi_mean, k.rssi_max,
         p_at, coalesce(p.kept_bytes, 0)
    from companies c
    left join due d on d.company_id is not distinct from c.company_id
    left join pictures p on p.company_id is not distinct from c.company_id
    left join measured m on m.company_id is not distinct from c.company_id
    left join heard h on h.company_id is not distinct from c.company_id
    left join older o on o.company_id is not distinct from c.company_id
   -- Of two counts of hellos the larger one was made when more of them were kept.
   cross join lateral (
     select h.hellos, h.battery_percent_min, h.battery_percent_max, h.battery_mv_min, h.battery_mv_max,
            h.rssi_readings, h.rssi_min, h.rssi_mean, h.rssi_max
      where h.hellos >= coalesce(o.hellos, 0)
     union all
     select o.hellos, o.battery_percent_min, o.battery_percent_max, o.battery_mv_min, o.battery_mv_max,
            o.rssi_readings, o.rssi_min, o.rssi_mean, o.rssi_max
      where o.hellos > coalesce(h.hellos, 0)
     union all
     select 0, null, null, null, null, 0, null, null, null where h.hellos is null and o.hellos is null) as k;
end
$$;

-- When to look at a device again of which nothing is heard: when its next wake is to have been answered, and after the
-- end of its day.
create or replace function fleet_private.next_look(p_device text, p_at timestamptz)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select least(((p_at at time zone timezone)::date + 1)::timestamp at time zone timezone, next_wake_at) + interval '10 minutes'
    from fleet_private.wakes(p_device, p_at)
$$;

-- Counts anew the days of which something has changed, and those that have gone on in silence: some p_limit of them,
-- the rest at the next call. Two at once do no harm: the second does nothing.
-- p_at is the caller's time, for simulated time.
-- Returns {days: how many were counted, more: whether the next call has something to do at once}.
create or replace function public.refresh_capture_days(p_limit integer default 500, p_at timestamptz default now())
returns jsonb
language plpgsql
set search_path = ''
-- A session keeps its plans. One that was made while a table was nearly empty would read all of it, again and again.
set enable_seqscan = off
set jit = off
as $$
declare
  v_touched text[];
  v_hours timestamptz[];
  v_more boolean;
  v_due text[];
  v_from timestamptz[];
  v_to timestamptz[];
  v_devices text[];
  v_days date[];
  v_rows public.capture_days[];
begin
  if not pg_try_advisory_xact_lock(hashtextextended('public.refresh_capture_days', 0)) then
    return '{"days": 0, "more": false}';
  end if;

  -- A wake leaves some five entries for one hour; the hour is counted once.
  with seen as (
    select ctid as place, device_id, hour, dense_rank() over (order by device_id, hour) as number,
           count(*) over () >= 5 * p_limit as is_full
      from (select ctid, device_id, hour from fleet_private.touched_hours limit 5 * p_limit) as t
  ), taken as (
    delete from fleet_private.touched_hours
     where ctid = any (array(select place from seen where number <= p_limit))
  )
  select array_agg(device_id) filter (where number <= p_limit), array_agg(hour) filter (where number <= p_limit),
         coalesce(bool_or(is_full or number > p_limit), false)
    into v_touched, v_hours, v_more
    from (select distinct device_id, hour, number, is_full from seen) as t;

  -- From a new device wakes are expected since it was first heard, not since it was registered.
  insert into fleet_private.day_clocks (device_id, heard_since)
  select d.device_id, least(p_at, coalesce(least(
           (select min(c.captured_at) from public.captures c where c.device_id = d.device_id and c.captured_at >= d.created_at),
           (select min(s.created_at) from public.device_status s where s.device_id = d.device_id)), d.created_at))
    from public.devices d
   where d.device_id = any (v_touched) and not exists (select from fleet_private.day_clocks k where k.device_id = d.device_id);

  -- Each clock goes on by a month at most; the window adds up how many days that makes. A device that has never been
  -- looked at may have rows from before it was known or after the present.
  with due as (
    select k.device_id, looked_at is null as first_time, s.since, least(p_at, s.since + interval '31 days') as until
      from fleet_private.day_clocks k
     cross join lateral (select coalesce(k.looked_at - interval '10 minutes', k.heard_since - interval '1 day') as since) as s
     where k.due_at <= p_at and s.since < p_at
     order by k.due_at, k.device_id
     limit p_limit
  ), taken as (
    select *
      from (select *, sum(2 + extract(day from until - since)) over (order by device_id) as days,
                   row_number() over (order by device_id) as place from due) as d
     where days <= p_limit or place = 1
  ), beyond as (
    insert into fleet_private.touched_hours (device_id, hour)
    select distinct t.device_id, date_trunc('hour', o.at, 'UTC')
      from taken t
     cross join lateral (
       select captured_at from public.captures where device_id = t.device_id and captured_at < t.since
       union all
       select captured_at from public.captures where device_id = t.device_id and captured_at > p_at
       union all
       select measured_at from public.sensor_readings where device_id = t.device_id and measured_at < t.since
       union all
       select measured_at from public.sensor_readings where device_id = t.device_id and measured_at > p_at
     ) as o (at)
     where t.first_time and isfinite(o.at)
  )
  select array_agg(device_id), array_agg(since), array_agg(until) into v_due, v_from, v_to from taken;

  -- A sign of life may answer a wake of the day that has just ended, or of the one that begins in a minute.
  select array_agg(device_id), array_agg(day) into v_devices, v_days
    from (select distinct s.device_id, day
            from (select device_id, hour - interval '10 minutes' as since, hour + interval '61 minutes' as until
                    from unnest(v_touched, v_hours) as t (device_id, hour)
                  union all
                  select * from unnest(v_due, v_from, v_to) as k (device_id, since, until)) as s
           cross join lateral fleet_private.days_of(s.device_id, s.since, s.until) as day) as d;

  v_rows := array(
    select counted
      from unnest(v_devices, v_days) as d (device_id, day)
     cross join lateral fleet_private.count_day(d.device_id, d.day, p_at) as counted);
  delete from public.capture_days c
   using unnest(v_devices, v_days) as d (device_id, day)
   where c.device_id = d.device_id and c.day = d.day;
  insert into public.capture_days select * from unnest(v_rows);

  update fleet_private.day_clocks k
     set looked_at = n.until,
         due_at = case when n.until < p_at then p_at else fleet_private.next_look(k.device_id, p_at) end
    from (select * from unnest(v_due, v_to) as d (device_id, until)
          union all
          -- Of a device that was heard, all days since the last look may have been counted by now.
          select c.device_id, p_at
            from (select distinct device_id from unnest(v_touched) as device_id where device_id <> all (coalesce(v_due, '{}'))) as t
            join fleet_private.day_clocks c on c.device_id = t.device_id and c.looked_at between p_at - interval '2 days' and p_at
           cross join lateral fleet_private.days_of(c.device_id, c.looked_at - interval '10 minutes', p_at) as day
            left join unnest(v_devices, v_days) as d (device_id, day) on d.device_id = c.device_id and d.day = day.day
           group by c.device_id
          having bool_and(d.day is not null)) as n
   where k.device_id = n.device_id;

  return jsonb_build_object(
    'days', coalesce(cardinality(v_days), 0),
    'more', v_more or exists (select from fleet_private.day_clocks where due_at <= p_at));
end
$$;

-- Notes the hour of a row that was written, changed or deleted, for the next refresh. Its argument names the column that
-- tells the row's day. Deleted hellos are not noted: their days keep what was counted.
create or replace function fleet_private.touch_hour()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_before timestamptz;
  v_after timestamptz;
begin
  case tg_argv[0]
    when 'captured_at' then v_before := old.captured_at; v_after := new.captured_at;
    when 'measured_at' then v_before := old.measured_at; v_after := new.measured_at;
    when 'received_at' then v_before := old.received_at; v_after := new.received_at;
  end case;
  insert into fleet_private.touched_hours (device_id, hour)
  select coalesce(new.device_id, old.device_id), date_trunc('hour', at, 'UTC')
    from (select v_before union select v_after) as moment (at)
   where isfinite(at);
  return null;
end
$$;
create or replace trigger captures_touch
  after insert or delete or update of captured_at, ingest_status, error_code, image_bytes, nacks_sent, company_id
  on public.captures
  for each row execute function fleet_private.touch_hour('captured_at');
create or replace trigger sensor_readings_touch
  after insert or delete or update of measured_at, temperature_c, humidity_pct, pressure_hpa, gas_kohm, company_id
  on public.sensor_readings
  for each row execute function fleet_private.touch_hour('measured_at');
create or replace trigger device_status_touch
  after insert or update of received_at, company_id on public.device_status
  for each row execute function fleet_private.touch_hour('received_at');

select fleet_private.set_callers(
  'service', 'fleet_private.cause_of_failure', 'fleet_private.count_day', 'fleet_private.next_look',
  'public.refresh_capture_days', 'fleet_private.touch_hour');

grant select, insert, update, delete on
  public.capture_days, fleet_private.touched_hours, fleet_private.day_clocks to service_role;
grant select on public.capture_days to authenticated;

drop policy if exists capture_days_read_company on public.capture_days;
create policy capture_days_read_company on public.capture_days for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

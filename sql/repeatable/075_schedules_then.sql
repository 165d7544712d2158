-- What was in force when: who had a device, its time zone and its schedule, now and before they were changed.

-- Lets the next refresh look at devices whose zone, owner or schedule was changed: their day may end sooner now. And what
-- has a time to come, from a clock that runs ahead, may be of another day now.
create or replace function fleet_private.look_again(p_devices text[])
returns void
language sql
set search_path = ''
as $$
  update fleet_private.day_clocks set due_at = '-infinity' where device_id = any (p_devices);
  insert into fleet_private.touched_hours (device_id, hour)
  select distinct d.device_id, date_trunc('hour', o.at, 'UTC')
    from unnest(p_devices) as d (device_id)
   cross join lateral (
     select captured_at from public.captures where device_id = d.device_id and captured_at > now()
     union all
     select measured_at from public.sensor_readings where device_id = d.device_id and measured_at > now()
     union all
     select received_at from public.device_status
      where device_id = d.device_id and created_at > now() - interval '1 hour' and received_at > now()
   ) as o (at)
   where isfinite(o.at)
$$;

-- Keeps what a device was until now. Security definer, since users may change their devices and not this.
create or replace function fleet_private.keep_former_device()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- As in fleet_private.own_device: a device's first company has what came before it.
  if old.company_id is null and old.released_at is null then
    update fleet_private.former_devices set owner_id = new.company_id where device_id = new.device_id and owner_id is null;
    update public.capture_days set company_id = new.company_id where device_id = new.device_id and company_id is null;
  end if;
  insert into fleet_private.former_devices (device_id, until, company_id, owner_id, timezone)
  values (old.device_id, clock_timestamp(), old.company_id,
          case when old.company_id is null and old.released_at is null then new.company_id else old.company_id end,
          old.timezone);
  perform fleet_private.look_again(array[new.device_id]);
  return null;
end
$$;
create or replace trigger devices_keep_former
  after update of company_id, timezone on public.devices
  for each row when (old.company_id is distinct from new.company_id or old.timezone is distinct from new.timezone)
  execute function fleet_private.keep_former_device();

-- Keeps what a schedule was until now; likewise.
create or replace function fleet_private.keep_former_config()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if tg_op <> 'INSERT' then
    insert into fleet_private.former_configs (
      config_id, since, until, device_id, company_id, captures_per_day, times_of_day, interval_minutes, timezone,
      wake_spread_s)
    values (
      old.config_id,
      coalesce((select max(until) from fleet_private.former_configs where config_id = old.config_id), old.created_at),
      clock_timestamp(), old.device_id, old.company_id, old.captures_per_day, old.times_of_day, old.interval_minutes,
      old.timezone, old.wake_spread_s);
  end if;
  perform fleet_private.look_again(array(
    select device_id from public.devices where device_id in (old.device_id, new.device_id)
    union
    select device_id from public.devices where company_id in (old.company_id, new.company_id)
    union
    select device_id from public.devices
     where (tg_op <> 'INSERT' and num_nonnulls(old.device_id, old.company_id) = 0)
        or (tg_op <> 'DELETE' and num_nonnulls(new.device_id, new.company_id) = 0)));
  return null;
end
$$;
create or replace trigger device_configs_keep_former
  after insert or update or delete on public.device_configs
  for each row execute function fleet_private.keep_former_config();

-- Who had the device and what it was to do, from p_from to p_to: one row for each stretch of time in which neither
-- changed, in order. owner_id is whose the rows of that time are. Without a schedule times and minutes are null.
create or replace function fleet_private.schedules(p_device text, p_from timestamptz, p_to timestamptz)
returns table (
  since timestamptz, until timestamptz, owner_id uuid, timezone text,
  times time[], minutes integer, wake_offset interval, grace interval
)
language plpgsql
stable
rows 1 -- What joins this uses the indexes of the tables, and so reads a day and no history.
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with had as materialized (
    select h.*
      from (select coalesce(lag(u.until) over (order by u.until, u.former_id), '-infinity') as since, u.*
              from (select f.until, f.former_id, f.company_id, f.owner_id, f.timezone
                      from fleet_private.former_devices f where f.device_id = p_device
                    union all
                    select 'infinity', null, d.company_id, d.company_id, d.timezone
                      from public.devices d where d.device_id = p_device) as u) as h
     where h.since < p_to and h.until > p_from and h.since < h.until
  ), configs as materialized (
    -- The narrower scope has the lower rank, as in fleet_private.wakes.
    select case when c.device_id is not null then 1 when c.company_id is not null then 2 else 3 end as rank, c.*
      from (select p.device_id, p.company_id, p.captures_per_day, p.times_of_day, p.interval_minutes, p.timezone,
                   p.wake_spread_s,
                   coalesce((select max(f.until) from fleet_private.former_configs f where f.config_id = p.config_id),
                            p.created_at) as since,
                   'infinity'::timestamptz as until
              from public.device_configs p
             where p.device_id = p_device or p.company_id in (select h.company_id from had h)
                or (p.device_id is null and p.company_id is null)
            union all
            select f.device_id, f.company_id, f.captures_per_day, f.times_of_day, f.interval_minutes, f.timezone,
                   f.wake_spread_s, f.since, f.until
              from fleet_private.former_configs f
             where f.until > p_from
               and (f.device_id = p_device or f.company_id in (select h.company_id from had h)
                    or (f.device_id is null and f.company_id is null))) as c
     where c.since < p_to and c.until > p_from
  ), stretches as (
    select m.since, lead(m.since, 1, p_to) over (order by m.since) as until
      from (select p_from as since
            union select h.since from had h where h.since > p_from
            union select c.since from configs c where c.since > p_from
            union select c.until from configs c where c.until < p_to) as m
  ), told as (
    select s.since, s.until, h.owner_id, coalesce(h.timezone, v.timezone, 'UTC') as timezone,
           coalesce(w.times_of_day, fleet_private.wake_times(w.captures_per_day)) as times, w.interval_minutes as minutes,
           fleet_private.wake_offset(p_device, coalesce(v.wake_spread_s, 300)) as wake_offset
      from stretches s
      join had h on h.since <= s.since and h.until > s.since
     cross join lateral (
       select (array_agg(c.timezone order by c.rank) filter (where c.timezone is not null))[1] as timezone,
              (array_agg(c.wake_spread_s order by c.rank) filter (where c.wake_spread_s is not null))[1] as wake_spread_s
         from configs c
        where c.since <= s.since and c.until > s.since and (c.rank <> 2 or c.company_id = h.company_id)) as v
      left join lateral (
       select c.captures_per_day, c.times_of_day, c.interval_minutes
         from configs c
        where c.since <= s.since and c.until > s.since and (c.rank <> 2 or c.company_id = h.company_id)
          and num_nonnulls(c.captures_per_day, c.times_of_day, c.interval_minutes) > 0
        order by c.rank limit 1) as w on true
  ), changes as (
    -- What was changed without effect for this device is no change.
    select t.*, (t.owner_id, t.timezone, t.times, t.minutes, t.wake_offset) is distinct from
                lag((t.owner_id, t.timezone, t.times, t.minutes, t.wake_offset)) over (order by t.since) as is_new
      from told t
  ), numbered as (
    select c.*, count(*) filter (where c.is_new) over (order by c.since) as number from changes c
  )
  select min(n.since), max(n.until), n.owner_id, n.timezone, n.times, n.minutes, n.wake_offset,
         fleet_private.wake_grace(n.minutes)
    from numbered n
   group by n.number, n.owner_id, n.timezone, n.times, n.minutes, n.wake_offset
   order by 1;
end
$$;

-- The local days of a device that the time from p_from to p_to has a part in.
create or replace function fleet_private.days_of(p_device text, p_from timestamptz, p_to timestamptz)
returns setof date
language sql
stable
rows 2
set search_path = ''
as $$
  select distinct day::date
    from fleet_private.schedules(p_device, p_from, p_to) as s
   cross join lateral generate_series(
     (s.since at time zone s.timezone)::date::timestamp,
     ((s.until - interval '1 microsecond') at time zone s.timezone)::date::timestamp, interval '1 day') as day
$$;

-- The wakes of a schedule from p_from to p_to, in order: those through which fleet_private.wakes leads a device.
create or replace function fleet_private.wakes_within(
  p_times time[], p_minutes integer, p_offset interval, p_timezone text, p_from timestamptz, p_to timestamptz
)
returns timestamptz[]
language sql
stable
set search_path = ''
as $$
  select coalesce(array_agg(distinct w order by w), '{}')
    from (select generate_series(
                   date_bin(make_interval(mins => p_minutes), p_from, timestamptz '1970-01-01 00:00:00+00' + p_offset),
                   p_to, make_interval(mins => p_minutes)) as w
           where p_minutes is not null and p_from < p_to
          union all
          select (day::date + t) at time zone p_timezone + p_offset
            from generate_series(
                   ((p_from - p_offset) at time zone p_timezone)::date - 1,
                   ((p_to - p_offset) at time zone p_timezone)::date + 1, interval '1 day') as day,
                 unnest(p_times) as t
           where p_minutes is null and p_from < p_to) as candidates
   where w >= p_from and w < p_to
$$;

select fleet_private.set_callers(
  'service', 'fleet_private.look_again', 'fleet_private.keep_former_device',
  'fleet_private.keep_former_config', 'fleet_private.schedules', 'fleet_private.days_of');
-- It looks at nothing but its arguments.
select fleet_private.set_callers('users', 'fleet_private.wakes_within');
grant select on fleet_private.former_configs to service_role;

-- Computes when a device wakes next.

-- Each device has a fixed offset within p_spread_s seconds, computed from a hash of its device_id, so that the devices
-- of one schedule do not all wake in the same second.
create or replace function fleet_private.wake_offset(p_device text, p_spread_s integer)
returns interval
language sql
immutable
set search_path = ''
as $$
  select case when p_spread_s > 0 then make_interval(secs =>
    ('x' || encode(substr(sha256(convert_to(p_device, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint % p_spread_s)
    else '0' end
$$;

-- The times of day of p_per_day wakes: each is in the middle of an equal part of the day: one a day at 12:00, two at
-- 06:00 and 18:00.
create or replace function fleet_private.wake_times(p_per_day integer)
returns time[]
language sql
immutable
set search_path = ''
as $$
  select array_agg((interval '1 day' * (i + 0.5) / p_per_day)::time order by i) from generate_series(0, p_per_day - 1) as i
$$;

-- Two moments at most this apart count as the same wake.
create or replace function fleet_private.wake_grace(p_interval_minutes integer)
returns interval
language sql
immutable
set search_path = ''
as $$
  select least(interval '1 minute', make_interval(mins => p_interval_minutes) / 2)
$$;

-- For a device that is awake at the moment p_at, returns the scheduled wake that it has woken for (slot) and
-- the next one (next_wake_at). Without a schedule slot is null, and next_wake_at is null or the wake of a
-- next_wake command.
--
-- Two moments at most `grace` apart count as the same wake, for two reasons. A device whose clock runs fast
-- wakes shortly before its time and must not be sent back to sleep for those seconds. And a wake time that
-- has passed when the device receives it would take effect a day late, because an ACK gives it as a time of
-- day without a date.
--
-- Times of day are local. When the clock changes in spring, a time that does not exist is used one hour
-- later; in autumn, a time that exists twice is used the second time. Both give exactly one wake. An interval
-- is counted from 1970-01-01 UTC and does not depend on a time zone.
create or replace function fleet_private.wakes(
  p_device text, p_at timestamptz,
  out slot timestamptz, out next_wake_at timestamptz, out timezone text, out grace interval
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_company uuid;
  v_override timestamptz;
  v_per_day integer;
  v_times time[];
  v_minutes integer;
  v_spread integer;
  v_offset interval;
  v_day date;
begin
  select d.company_id, d.timezone, d.wake_override_at into v_company, wakes.timezone, v_override
    from public.devices d where d.device_id = p_device;

  with applicable as (
    select 1 as rank, c.* from public.device_configs c where c.device_id = p_device
    union all
    select 2, c.* from public.device_configs c where c.company_id = v_company
    union all
    select 3, c.* from public.device_configs c where c.device_id is null and c.company_id is null
  ), schedule as (
    select * from applicable where num_nonnulls(captures_per_day, times_of_day, interval_minutes) > 0 order by rank limit 1
  )
  select (select captures_per_day from schedule), (select times_of_day from schedule),
         (select interval_minutes from schedule),
         coalesce(wakes.timezone, (array_agg(a.timezone order by rank) filter (where a.timezone is not null))[1], 'UTC'),
         coalesce((array_agg(a.wake_spread_s order by rank) filter (where a.wake_spread_s is not null))[1], 300)
    into v_per_day, v_times, v_minutes, wakes.timezone, v_spread
    from applicable a;

  grace := fleet_private.wake_grace(v_minutes);
  v_offset := fleet_private.wake_offset(p_device, v_spread);

  if v_minutes is not null then
    slot := date_bin(make_interval(mins => v_minutes), p_at + grace, timestamptz '1970-01-01 00:00:00+00' + v_offset);
    next_wake_at := slot + make_interval(mins => v_minutes);
  elsif v_per_day is not null or v_times is not null then
    v_times := coalesce(v_times, fleet_private.wake_times(v_per_day));
    v_day := ((p_at - v_offset) at time zone wakes.timezone)::date;
    select max(w) filter (where w <= p_at + grace), min(w) filter (where w > p_at + grace)
      into slot, next_wake_at
      from (select ((v_day + i) + t) at time zone wakes.timezone + v_offset as w
              from generate_series(-1, 2) as i, unnest(v_times) as t) as candidates;
  end if;

  if v_override > p_at + grace then
    next_wake_at := v_override;
  end if;
end
$$;

create or replace function fleet_private.next_wake(p_device text, p_after timestamptz)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select next_wake_at from fleet_private.wakes(p_device, p_after)
$$;

select fleet_private.set_callers('service', 'fleet_private.wakes', 'fleet_private.next_wake');
-- They look at nothing but their arguments.
select fleet_private.set_callers('users', 'fleet_private.wake_offset', 'fleet_private.wake_times', 'fleet_private.wake_grace');

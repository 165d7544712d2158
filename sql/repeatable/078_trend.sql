-- What a sensor has measured, for a chart.

-- The trend of a sensor of a device from p_from to p_to, in at most p_points stretches of equal length; those without a
-- reading are left out. For users: they get their company's readings.
-- p_sensor is a column of sensor_readings; p_points is from 1 to 1000. Raises 22023 for anything else.
create or replace function public.sensor_trend(
  p_device text, p_sensor text, p_from timestamptz, p_to timestamptz default now(), p_points integer default 200
)
returns table (since timestamptz, minimum double precision, mean double precision, maximum double precision, readings bigint)
language plpgsql
stable
set search_path = ''
-- Beside the few readings of the device it would look up all of a company that has many.
set enable_bitmapscan = off
as $$
begin
  if p_sensor is null or p_sensor not in ('temperature_c', 'humidity_pct', 'pressure_hpa', 'gas_kohm') then
    raise exception 'sensor_trend: p_sensor is none of temperature_c, humidity_pct, pressure_hpa, gas_kohm'
      using errcode = '22023';
  end if;
  if p_points is null or p_points not between 1 and 1000 then
    raise exception 'sensor_trend: p_points is not from 1 to 1000' using errcode = '22023';
  end if;
  if p_from is null or p_to is null or not isfinite(p_from) or not isfinite(p_to) or p_from >= p_to then
    raise exception 'sensor_trend: p_from is not before p_to' using errcode = '22023';
  end if;
  return query
  select p_from + (p_to - p_from) * ((point - 1)::double precision / p_points), min(value), avg(value), max(value), count(*)
    from (select width_bucket(extract(epoch from r.measured_at), extract(epoch from p_from), extract(epoch from p_to), p_points) as point,
                 case p_sensor when 'temperature_c' then r.temperature_c when 'humidity_pct' then r.humidity_pct
                               when 'pressure_hpa' then r.pressure_hpa else r.gas_kohm end as value
            from public.sensor_readings r
           where r.device_id = p_device and r.measured_at >= p_from and r.measured_at < p_to) as measured
   where value is not null
   group by point
   order by point;
end
$$;

select fleet_private.set_callers('users', 'public.sensor_trend');

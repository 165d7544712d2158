-- What is asked of the rollups: weeks, months, sites, the health of devices.

-- The weeks (their Mondays) and months (their first days) of each device: the days added up. The views have the rights
-- of who asks them.
do $$
declare
  v_period text;
begin
  foreach v_period in array array['week', 'month'] loop
    execute format($view$
      drop view if exists public.capture_%1$ss;
      create view public.capture_%1$ss with (security_invoker = on) as
      select device_id, company_id, date_trunc(%1$L, day::timestamp)::date as %1$s,
             count(*)::integer as days,
             sum(expected)::integer as expected, sum(silent)::integer as silent,
             sum(stored)::integer as stored, sum(partial)::integer as partial,
             sum(failed_device)::integer as failed_device, sum(failed_transfer)::integer as failed_transfer,
             sum(failed_service)::integer as failed_service,
             sum(bytes)::bigint as bytes, sum(nacks)::bigint as nacks, sum(hellos)::integer as hellos,
             sum(temperature_readings)::integer as temperature_readings, min(temperature_min) as temperature_min,
             sum(temperature_mean * temperature_readings) / nullif(sum(temperature_readings), 0) as temperature_mean,
             max(temperature_max) as temperature_max,
             sum(humidity_readings)::integer as humidity_readings, min(humidity_min) as humidity_min,
             sum(humidity_mean * humidity_readings) / nullif(sum(humidity_readings), 0) as humidity_mean,
             max(humidity_max) as humidity_max,
             sum(pressure_readings)::integer as pressure_readings, min(pressure_min) as pressure_min,
             sum(pressure_mean * pressure_readings) / nullif(sum(pressure_readings), 0) as pressure_mean,
             max(pressure_max) as pressure_max,
             sum(gas_readings)::integer as gas_readings, min(gas_min) as gas_min,
             sum(gas_mean * gas_readings) / nullif(sum(gas_readings), 0) as gas_mean,
             max(gas_max) as gas_max,
             min(battery_percent_min) as battery_percent_min, max(battery_percent_max) as battery_percent_max,
             min(battery_mv_min) as battery_mv_min, max(battery_mv_max) as battery_mv_max,
             sum(rssi_readings)::integer as rssi_readings, min(rssi_min) as rssi_min,
             sum(rssi_mean * rssi_readings) / nullif(sum(rssi_readings), 0) as rssi_mean,
             max(rssi_max) as rssi_max
        from public.capture_days
       group by device_id, company_id, date_trunc(%1$L, day::timestamp)::date;
      revoke all on public.capture_%1$ss from public, anon, authenticated, service_role;
      grant select on public.capture_%1$ss to authenticated, service_role;
    $view$, v_period);
  end loop;
end
$$;

-- The days of each site: those of the devices that stand there now, added up.
drop view if exists public.site_days;
create view public.site_days with (security_invoker = on) as
select d.site_id, c.company_id, c.day, count(*)::integer as devices,
       sum(c.expected)::integer as expected, sum(c.silent)::integer as silent,
       sum(c.stored)::integer as stored, sum(c.partial)::integer as partial,
       sum(c.failed_device)::integer as failed_device, sum(c.failed_transfer)::integer as failed_transfer,
       sum(c.failed_service)::integer as failed_service,
       sum(c.bytes)::bigint as bytes, sum(c.nacks)::bigint as nacks, sum(c.hellos)::integer as hellos,
       sum(c.temperature_readings)::integer as temperature_readings, min(c.temperature_min) as temperature_min,
       sum(c.temperature_mean * c.temperature_readings) / nullif(sum(c.temperature_readings), 0) as temperature_mean,
       max(c.temperature_max) as temperature_max,
       sum(c.humidity_readings)::integer as humidity_readings, min(c.humidity_min) as humidity_min,
       sum(c.humidity_mean * c.humidity_readings) / nullif(sum(c.humidity_readings), 0) as humidity_mean,
       max(c.humidity_max) as humidity_max,
       min(c.battery_percent_min) as battery_percent_min, min(c.rssi_min) as rssi_min
  from public.devices d
  join public.capture_days c on c.device_id = d.device_id and c.company_id = d.company_id
 where d.site_id is not null
 group by d.site_id, c.company_id, c.day;
revoke all on public.site_days from public, anon, authenticated, service_role;
grant select on public.site_days to authenticated, service_role;

-- How each device has done on its last seven days, the present one included, with the latest that it told.
drop view if exists public.device_health;
create view public.device_health with (security_invoker = on) as
select d.device_id, d.company_id, d.name, d.last_seen_at, d.next_wake_at, d.firmware_version, d.pending_count,
       d.battery_percent, d.battery_mv, d.wifi_rssi_dbm,
       w.expected, w.silent, w.stored, w.partial, w.failed_device, w.failed_transfer, w.failed_service,
       w.stored::double precision / nullif(w.stored + w.partial + w.failed_device + w.failed_transfer + w.failed_service, 0)
         as stored_share,
       (w.expected - w.silent)::double precision / nullif(w.expected, 0) as heard_share,
       w.nacks, w.hellos, w.battery_percent_min, w.battery_mv_min, w.rssi_min, w.rssi_mean, w.refreshed_at
  from public.devices d
 cross join lateral (
   select sum(c.expected)::integer as expected, coalesce(sum(c.silent), 0)::integer as silent,
          coalesce(sum(c.stored), 0)::integer as stored, coalesce(sum(c.partial), 0)::integer as partial,
          coalesce(sum(c.failed_device), 0)::integer as failed_device,
          coalesce(sum(c.failed_transfer), 0)::integer as failed_transfer,
          coalesce(sum(c.failed_service), 0)::integer as failed_service,
          coalesce(sum(c.nacks), 0)::bigint as nacks, coalesce(sum(c.hellos), 0)::integer as hellos,
          min(c.battery_percent_min) as battery_percent_min, min(c.battery_mv_min) as battery_mv_min,
          min(c.rssi_min) as rssi_min,
          sum(c.rssi_mean * c.rssi_readings) / nullif(sum(c.rssi_readings), 0) as rssi_mean,
          max(c.refreshed_at) as refreshed_at
     from public.capture_days c
    where c.device_id = d.device_id and c.company_id is not distinct from d.company_id
      -- The first bound is there for the index.
      and c.day > current_date - 9
      and c.day > (now() at time zone c.timezone)::date - 7 and c.day <= (now() at time zone c.timezone)::date) as w;
revoke all on public.device_health from public, anon, authenticated, service_role;
grant select on public.device_health to authenticated, service_role;

-- The fleet of `python -m benchmarks.alerts`, and then the situations in which it is, each after its name.

insert into public.companies (name, storage_quota_bytes)
select 'company ' || n, 1e12 from generate_series(1, :companies) as n;
insert into public.sites (company_id, name)
select company_id, 'site ' || n from public.companies, generate_series(1, 10) as n;
insert into public.devices (device_id, company_id, site_id, name, last_seen_at, next_wake_at, battery_percent, battery_mv)
select 'DEVICE' || n, company_id, site_id, 'Camera ' || n, :now - interval '10 minutes', :now + interval '50 minutes', 80, 3900
  from (select n, 1 + n % (select count(*) from public.sites) as place from generate_series(1, :devices) as n) as d
  join (select row_number() over () as place, company_id, site_id from public.sites) as s using (place);
insert into public.device_configs (company_id, interval_minutes) select company_id, 60 from public.companies;
insert into public.alert_rules (company_id, kind, subject, lower, upper)
select company_id, 'sensor', 'temperature_c', 0, 40 from public.companies;
insert into public.alert_rules (company_id, site_id, kind, upper)
select company_id, site_id, 'offline', 5 from public.sites where name = 'site 1';
insert into public.alert_rules (company_id, device_id, kind, upper)
select company_id, device_id, 'offline', 4 from public.devices where device_id like '%00';
insert into public.alert_channels (company_id, name, kind, target, event_types)
select company_id, 'x', 'webhook', 'x', '{alert.opened,alert.repeated,alert.resolved}' from public.companies;
insert into public.captures (device_id, company_id, device_capture_id, captured_at, image_bytes, ingest_status, storage_path,
                             created_at)
select device_id, company_id, 'image.jpg', at, 48000, 'stored', format('captures/%s/%s', device_id, at), at
  from generate_series(:now - interval '3 days', :now - interval '1 hour', interval '1 hour') as at, public.devices;
insert into public.sensor_readings (capture_id, device_id, company_id, temperature_c, measured_at, created_at)
select capture_id, device_id, company_id, 20, captured_at, captured_at from public.captures order by captured_at;
insert into public.device_status (message_key, device_id, company_id, battery_percent, received_at, created_at)
select gen_random_uuid(), device_id, company_id, 82 - (extract(epoch from :now - captured_at) / 86400)::integer, captured_at,
       captured_at from public.captures order by captured_at;
insert into public.capture_days (device_id, day, company_id, timezone, stored, failed_transfer, bytes, battery_percent_min,
                                 battery_percent_max, refreshed_at)
select device_id, current_date - d, company_id, 'UTC', 24, (random() < 0.1)::integer, 24 * 48000, 80, 85, now()
  from generate_series(0, :days - 1) as d, public.devices;

-- situation: all is well

-- situation: 1 % has each trouble
update public.devices set battery_percent = 10, last_seen_at = :now - interval '9 hours', next_wake_at = :now - interval '8 hours'
 where device_id like '%01';
update public.captures set ingest_status = 'failed', storage_path = null, error_code = 2201
 where device_id like '%02' and captured_at > :now - interval '20 hours';
update public.capture_days set failed_transfer = 20 where device_id like '%02' and day > current_date - 2;
update public.devices set battery_percent = 55 where device_id like '%03';
update public.device_status set battery_percent = 55
 where device_id like '%03' and received_at > :now - interval '5 hours';
update public.sensor_readings set temperature_c = 50 where device_id like '%04' and measured_at > :now - interval '2 hours';
insert into fleet_private.picture_streaks (device_id, company_id, pictures, health)
select device_id, company_id, 5, 'black' from public.devices where device_id like '%05';

-- situation: all are offline
update public.devices set last_seen_at = :now - interval '9 hours', next_wake_at = :now - interval '8 hours';

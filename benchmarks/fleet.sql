-- A fleet of :devices devices in 20 companies, and :captures captures with their readings, two a day for each device,
-- in the order in which they would have come. One company has half of the devices, another a single one, which has
-- sent nothing for a month. :now is the day on which this runs.

insert into auth.users (id)
select md5('user' || number)::uuid from generate_series(1, 20) as number;
insert into public.companies (company_id, name)
select md5('company' || number)::uuid, 'Company ' || number from generate_series(1, 20) as number;
insert into public.users (user_id, company_id)
select md5('user' || number)::uuid, md5('company' || number)::uuid from generate_series(1, 20) as number;
insert into public.devices (device_id, company_id)
select 'DEVICE' || number,
       md5('company' || case when number = 1 then 20
                             when number <= :devices / 2 then 1
                             else 2 + number % 18 end)::uuid
  from generate_series(1, :devices) as number;

insert into public.captures (
  device_id, device_capture_id, captured_at, image_bytes, total_chunks, ingest_status, storage_path, thumbnail_path,
  width, height, image_sha256, metadata, created_at, updated_at, stored_at)
select device_id, 'image_' || wake || '.jpg', at, 48000, 47, 'stored',
       format('captures/%s/%s.jpg', device_id, wake), format('thumbnails/%s/%s.jpg', device_id, wake),
       1600, 1200, encode(sha256(convert_to(device_id || wake, 'UTF8')), 'hex'),
       '{"battery_mv": 3900, "firmware_version": "1.4.2"}', at + interval '20 s', at + interval '20 s', at + interval '20 s'
  from generate_series(0, :captures / :devices - 1) as wake
 cross join generate_series(1, :devices) as device
 cross join lateral (
   select 'DEVICE' || device as device_id,
          :now - (:captures / :devices - wake) * interval '12 hours' + device % 3600 * interval '1 s' as at
 ) as shot
 where not (device = 1 and at > :now - interval '30 days')
 order by at;
insert into public.sensor_readings (capture_id, device_id, temperature_c, humidity_pct, pressure_hpa, gas_kohm, measured_at, created_at)
select capture_id, device_id, 20, 50, 1000, 10, captured_at, created_at from public.captures order by created_at;
-- The days as refresh_capture_days counts them, which would take an hour; those of companies are added up from them.
insert into public.capture_days (
  device_id, day, company_id, timezone, expected, stored, bytes, nacks, hellos,
  temperature_readings, temperature_min, temperature_mean, temperature_max,
  humidity_readings, humidity_min, humidity_mean, humidity_max,
  pressure_readings, pressure_min, pressure_mean, pressure_max, gas_readings, gas_min, gas_mean, gas_max, refreshed_at)
select device_id, (captured_at at time zone 'UTC')::date as day, company_id, 'UTC', 2, count(*), sum(image_bytes), 0, 2,
       count(*), 20, 20, 20, count(*), 50, 50, 50, count(*), 1000, 1000, 1000, count(*), 10, 10, 10, :now
  from public.captures group by device_id, day, company_id order by day, device_id;
select public.refresh_company_days(1000000);

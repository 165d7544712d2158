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

-- A company of 1,000 devices, each with a picture a day for 100 days, spread over all hours. $1 is the company's name.
-- Triggers are off, as what they do for each row takes hours for as many: what they would have written, and a page reads,
-- is written here.
with company as (
  insert into public.companies (name, created_at) values ($1, now() - interval '101 days') returning company_id
), site as (
  insert into public.sites (company_id, name, timezone)
  select company_id, 'Site ' || number, 'Europe/Berlin' from company, generate_series(1, 10) as number
  returning site_id, company_id, name
)
insert into public.devices (device_id, company_id, name, site_id, tags, created_at, last_seen_at, last_hello_at, next_wake_at,
                            battery_percent, wifi_rssi_dbm, firmware_version)
select 'BENCH' || lpad(number::text, 4, '0'), company_id, 'Camera ' || number, site_id, array['row ' || number % 20],
       now() - interval '101 days', now() - number * interval '86 seconds', now() - number * interval '86 seconds',
       now() + interval '1 day' - number * interval '86 seconds', 30 + number % 70, -50 - number % 40, '2.4.1'
  from generate_series(1, 1000) as number
  join site on site.name = 'Site ' || 1 + number % 10;

insert into public.captures (device_id, company_id, device_capture_id, captured_at, image_bytes, total_chunks, ingest_status,
                             storage_path, thumbnail_path, width, height, image_sha256, health, metadata, created_at,
                             updated_at, stored_at)
select d.device_id, d.company_id, day || '.jpg', at, 48000, 47, 'stored',
       format('captures/%s/%s.jpg', d.device_id, day), format('thumbnails/%s/%s.jpg', d.device_id, day), 800, 600,
       encode(sha256(convert_to(d.device_id || day, 'UTF8')), 'hex'), 'ok', '{}', at, at, at
  from generate_series(0, 99) as day
 cross join public.devices d
 cross join lateral (select d.last_seen_at - (99 - day) * interval '1 day' as at) as shot
 where d.device_id like 'BENCH%'
 order by at;

insert into public.capture_days (device_id, day, company_id, timezone, expected, silent, stored, bytes, nacks, hellos, refreshed_at)
select c.device_id, (c.captured_at at time zone 'Europe/Berlin')::date, c.company_id, 'Europe/Berlin', 1, 0, 1, 48000, 0, 1, now()
  from public.captures c
 where c.device_id like 'BENCH%' and c.captured_at > now() - interval '16 days'
    on conflict do nothing;

insert into storage.objects (bucket_id, name, metadata, created_at)
select 'gxp-captures', path, jsonb_build_object('size', 48000, 'contentLength', 48000, 'mimetype', 'image/jpeg'), c.stored_at
  from public.captures c
 cross join lateral unnest(array[c.storage_path, c.thumbnail_path]) as path
 where c.device_id like 'BENCH%';

-- As autovacuum would have done.
analyze;

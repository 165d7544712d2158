-- What fills the databases of `python -m benchmarks.year`: a fleet that wakes three times a day, by its schedule, for :days
-- days up to :now; of hellos, errors and commands there is a month, of the log a week. Of 97 wakes one is silent, of 50
-- pictures one fails. What a device does depends on nothing but its number, so that the same company has the same rows in
-- each database. :devices is how many there are, the first 20 of which are company 20; company 1 has half of the others,
-- companies 2 to 19 the rest.
--
-- "before" and "after" are run as they are. Each query between them gives the rows of the table it is named after, and its
-- columns are those of the table: they are written by COPY, without triggers. What the triggers would have written is here.

-- before
create schema bench;
grant usage on schema bench to public;
create table bench.fleet as
select number, 'BE' || upper(lpad(to_hex(number), 10, '0')) as device_id, company, md5('company' || company)::uuid as company_id,
       fleet_private.wake_offset('BE' || upper(lpad(to_hex(number), 10, '0')), 21600) as awaits
  from generate_series(0, :devices - 1) as number
 cross join lateral (select case when number < 20 then 20 when number < :devices / 2 then 1 else 2 + number % 18 end as company) as c;
analyze bench.fleet;
-- The wakes of a day: number is that of the picture since 1970, kind is stored, expired (half of the companies keep pictures
-- for 180 days) or failed.
create function bench.wakes(p_day date)
returns table (device_id text, company_id uuid, device integer, number bigint, at timestamptz, kind text, capture_id uuid, path text)
language sql
stable
as $$
  select f.device_id, f.company_id, f.number, w.number, w.at,
         case when (f.number * 17 + w.number) % 50 = 0 then 'failed'
              when f.company % 2 = 1 and w.at < :now - interval '180 days' then 'expired' else 'stored' end,
         md5(f.device_id || w.number)::uuid,
         f.device_id || to_char(p_day, '/YYYY/MM/DD/') || 'image_' || w.number || '.jpg'
    from bench.fleet f
   cross join lateral (
     select 3 * (p_day - date '1970-01-01') + n as number, p_day::timestamp at time zone 'UTC' + n * interval '8 hours' + f.awaits as at
       from generate_series(0, 2) as n) as w
   where w.at < :now and (f.number * 31 + w.number) % 97 <> 0
   order by w.at
$$;

insert into auth.users (id, email) select md5('user' || company)::uuid, 'user' || company || '@example.com'
  from (select distinct company from bench.fleet) as c;
insert into public.companies (company_id, name, created_at)
select distinct company_id, 'Company ' || company, :now - interval '366 days' from bench.fleet;
insert into public.users (user_id, company_id, role, email)
select md5('user' || company)::uuid, md5('company' || company)::uuid, 'admin', 'user' || company || '@example.com'
  from (select distinct company from bench.fleet) as c
    on conflict (user_id) do update set company_id = excluded.company_id, role = 'admin';
insert into public.sites (site_id, company_id, name)
select md5('site' || company || '/' || n)::uuid, md5('company' || company)::uuid, 'Site ' || n
  from (select distinct company from bench.fleet) as c, generate_series(0, 9) as n;
insert into public.device_configs (interval_minutes, wake_spread_s, created_at) values (480, 21600, '2020-01-01');
-- One in a hundred has been silent for a day.
insert into public.devices (
  device_id, company_id, name, site_id, tags, created_at, last_seen_at, last_hello_at, last_capture_at, next_wake_at,
  battery_percent, battery_mv, wifi_rssi_dbm, firmware_version, boot_count, free_heap_bytes)
select f.device_id, f.company_id, 'Camera ' || f.number, md5('site' || f.company || '/' || f.number % 10)::uuid,
       array['row ' || f.number % 20], :now - interval '366 days', w.last, w.last, w.last, w.last + interval '8 hours',
       88, 3900, -50 - f.number % 40, '2.4.1', 1000, 200000
  from bench.fleet f
 cross join lateral (
   select date_bin('8 hours', :now, timestamptz '1970-01-01 00:00:00+00' + f.awaits)
          - case when f.number % 100 = 99 then interval '1 day' else '0' end as last) as w;
insert into fleet_private.day_clocks (device_id, heard_since, looked_at, due_at)
select device_id, created_at, :now, fleet_private.next_look(device_id, :now) from public.devices;
-- The messages of one in four are to be examined again.
insert into public.device_conformance (device_id, company_id, examined_at, since, hellos, pictures, deviations)
select device_id, company_id, :now - case number % 4 when 0 then interval '9 hours' else '20 minutes' end, :now, 3, 3, '[]'
  from bench.fleet;

-- public.captures
select w.capture_id, w.device_id, w.company_id, 'image_' || w.number || '.jpg' as device_capture_id, w.at as captured_at,
       48000 as image_bytes, 47 as total_chunks, w.kind as ingest_status,
       case w.kind when 'stored' then 'captures/' || w.path end as storage_path,
       case w.kind when 'stored' then 'thumbnails/' || w.path end as thumbnail_path,
       800 as width, 600 as height, case when w.kind <> 'failed' then repeat(md5(w.path), 2) end as image_sha256,
       'greenhouse_2' as location, '2.4.1' as firmware_version, w.device_id || '-' || w.number as device_image_id, 0 as nacks_sent,
       case w.kind when 'failed' then 2201 end as error_code,
       '{"error": 0, "humidity": 50.2, "location": "greenhouse_2", "pressure": 1000.1, "device_id": "BE0000000000", "image_name":'
       ' "image_60000.jpg", "temperature": 20.5, "gas_resistance": 64337.9, "max_chunks_size": 1024, "capture_timeStamp":'
       ' "2026-01-01T12:00:00Z", "total_chunk_count": 47}' as metadata,
       w.at + interval '20 s' as created_at, w.at + interval '50 s' as updated_at,
       case when w.kind <> 'failed' then w.at + interval '50 s' end as stored_at,
       0.5 as brightness, 0.2 as contrast, 100 + w.number % 50 as sharpness, hashtextextended(w.path, 0) as dhash,
       case when w.kind <> 'failed' then 'ok' end as health, w.kind = 'stored' and (w.device + w.number) % 500 = 0 as pinned,
       case w.kind when 'expired' then w.at + interval '180 days' end as expired_at,
       case w.kind when 'expired' then 'age' end as expired_by,
       '{"at": ' || extract(epoch from w.at)::bigint * 1000
         || ', "ack": [30420, 1], "gone": [28830000, true], "chunks": [412, 30000], "metadata": 0}' as story
  from generate_series((:now)::date - :days + 1, (:now)::date, interval '1 day') as day
 cross join lateral bench.wakes(day::date) as w;

-- public.sensor_readings
select w.capture_id, w.device_id, w.company_id, 15 + w.number % 1000 / 100.0 as temperature_c, 40 + w.number % 2000 / 100.0 as humidity_pct,
       960 + w.number % 5000 / 100.0 as pressure_hpa, 64.3 as gas_kohm, w.at as measured_at, w.at + interval '50 s' as created_at
  from generate_series((:now)::date - :days + 1, (:now)::date, interval '1 day') as day
 cross join lateral bench.wakes(day::date) as w
 where w.kind <> 'failed';

-- public.device_status
select md5('hello' || w.device_id || w.number)::uuid as message_key, w.device_id, w.company_id, 'Alive' as status, 0 as pending_count,
       '[]'::jsonb as pending_list, '2.4.1' as firmware_version, 3 as uptime_s, w.number as boot_count, 3900 as battery_mv,
       90 - w.number % 50 as battery_percent, -60 as wifi_rssi_dbm, 200000 as free_heap_bytes,
       '{"status": "Alive", "device_id": "BE0000000000", "wifi_rssi": -60, "boot_count": 900, "pendingImg": 0, "pending_list": [],'
       ' "battery_voltage": 3.9, "uptime_seconds": 3, "free_heap_bytes": 200000, "firmware_version": "2.4.1"}' as raw,
       '{"commands": [], "timezone": "UTC", "in_flight": false, "capture_due": true, "next_wake_at": "2026-01-01T12:00:00+00:00"}' as answer,
       w.at - interval '5 s' as received_at, w.at - interval '5 s' as created_at
  from generate_series((:now)::date - least(:days, 31) + 1, (:now)::date, interval '1 day') as day
 cross join lateral bench.wakes(day::date) as w;

-- public.device_errors
select 'capture:' || w.capture_id as message_key, w.device_id, w.company_id, 2201 as error_code,
       'timed out: 13 of 47 chunks are missing' as message, jsonb_build_object('image_name', 'image_' || w.number || '.jpg') as details,
       w.at + interval '50 s' as occurred_at, w.at + interval '50 s' as created_at
  from generate_series((:now)::date - least(:days, 31) + 1, (:now)::date, interval '1 day') as day
 cross join lateral bench.wakes(day::date) as w
 where w.kind = 'failed';

-- public.device_publish_log
select md5(m.topic || m.direction || w.device_id || w.number)::uuid as message_key, w.device_id, w.company_id,
       'ESP32CAM/' || w.device_id || '/' || m.topic as topic, m.direction, w.at + m.after as received_at,
       '{"device_id": "' || w.device_id || '", "image_name": "image_' || w.number || '.jpg", "said": "' || repeat('.', 400) || '"}' as payload
  from generate_series((:now)::date - least(:days, 7) + 1, (:now)::date, interval '1 day') as day
 cross join lateral bench.wakes(day::date) as w
 cross join (values ('status', 'in', interval '-5 s'), ('cmd', 'out', interval '-4 s'), ('data', 'in', interval '30 s'),
                    ('ack', 'out', interval '31 s')) as m (topic, direction, after);

-- public.capture_days
select w.device_id, day::date as day, w.company_id, 'UTC' as timezone, 3 as expected, 3 - count(*) as silent,
       count(*) filter (where w.kind <> 'failed') as stored, count(*) filter (where w.kind = 'failed') as failed_transfer,
       48000 * count(*) filter (where w.kind <> 'failed') as bytes, 48000 * count(*) filter (where w.kind = 'stored') as kept_bytes,
       count(*) as hellos, count(*) as temperature_readings, 15 as temperature_min, 20 as temperature_mean, 25 as temperature_max,
       count(*) as humidity_readings, 40 as humidity_min, 50 as humidity_mean, 60 as humidity_max,
       count(*) as pressure_readings, 960 as pressure_min, 985 as pressure_mean, 1010 as pressure_max,
       count(*) as gas_readings, 64 as gas_min, 64 as gas_mean, 64 as gas_max, 40 as battery_percent_min, 90 as battery_percent_max,
       3900 as battery_mv_min, 3900 as battery_mv_max, count(*) as rssi_readings, -60 as rssi_min, -60 as rssi_mean, -60 as rssi_max,
       max(w.at) as refreshed_at
  from generate_series((:now)::date - :days + 1, (:now)::date, interval '1 day') as day
 cross join lateral bench.wakes(day::date) as w
 group by day, w.device_id, w.company_id
 order by day;

-- public.alerts
select gen_random_uuid() as alert_id, f.company_id, f.device_id, md5('site' || f.company || '/' || f.number % 10)::uuid as site_id,
       (array['offline', 'failing', 'battery_low'])[1 + n % 3] as kind, 'warning' as severity, 'It was so.' as message,
       '{}'::jsonb as details, :now - n * interval '11 days' as opened_at,
       :now - n * interval '11 days' + interval '1 day' as resolved_at
  from bench.fleet f, generate_series(1, least(:days, 365) / 11) as n
 where (f.number + n) % 5 = 0;

-- public.device_commands
select f.device_id, f.company_id, 'capture_image' as type, '{}'::jsonb as payload, c.status, c.at as created_at, c.at + interval '7 days' as deadline,
       case when c.status = 'done' then c.at + interval '1 hour' end as sent_at, case when c.status = 'done' then c.at + interval '2 hours' end as finished_at
  from bench.fleet f
 cross join lateral (
   select 'done' as status, :now - n * interval '9 days' as at from generate_series(1, least(:days, 31) / 9) as n
   union all
   -- One in ten will be told something when it wakes next.
   select 'queued', :now - interval '1 hour' where f.number % 10 = 9) as c;

-- public.audit_log
select f.company_id, :now - n * interval '5 days' as at, md5('user' || f.company)::uuid as actor, 'user' || f.company || '@example.com' as actor_email,
       'update' as action, 'devices' as table_name, f.device_id as subject, '{"notes": [null, "a word"]}'::jsonb as changes, f.device_id
  from bench.fleet f, generate_series(1, least(:days, 365) / 5) as n
 where (f.number + n) % 5 = 0;

-- after
insert into fleet_private.device_bytes (device_id, company_id, bytes)
select device_id, company_id, sum(kept_bytes) from public.capture_days group by device_id, company_id;
insert into fleet_private.stored_bytes (company_id, bytes)
select company_id, sum(bytes) from fleet_private.device_bytes group by company_id;
insert into public.alert_channels (channel_id, company_id, name, kind, target, event_types)
select md5('channel' || company)::uuid, md5('company' || company)::uuid, 'x', 'webhook', 'x', '{alert.opened}'
  from (select distinct company from bench.fleet) as c;
insert into fleet_private.touched_company_days (company_id, day) select distinct company_id, day from public.capture_days;
select public.refresh_company_days(1000000);
do $$ begin while (public.refresh_picture_quarters(100000)->>'more')::boolean loop end loop; end $$;

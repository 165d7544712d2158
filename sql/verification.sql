-- Queries for operators; nothing is changed. Run any of them in the SQL editor or the whole file with psql.

-- Who has said hello?
SELECT device_id, status, pending_count, created_at FROM public.device_status ORDER BY created_at DESC LIMIT 20;

-- What has arrived?
SELECT device_id, device_capture_id, captured_at, image_bytes, total_chunks, ingest_status, storage_path, created_at FROM public.captures ORDER BY created_at DESC LIMIT 20;

-- What was measured?
SELECT sr.device_id, sr.temperature_c, sr.humidity_pct, sr.pressure_hpa, sr.created_at FROM public.sensor_readings sr ORDER BY sr.created_at DESC LIMIT 20;

-- What went wrong?
SELECT device_id, error_code, message, details, occurred_at FROM public.device_errors ORDER BY occurred_at DESC LIMIT 20;

-- What went over the wire?
SELECT topic, direction, payload->>'image_name' as image, received_at FROM public.device_publish_log ORDER BY received_at DESC LIMIT 50;

-- Which version of the schema is this?
select version, applied_at from public.schema_version;

-- How many captures of the last day are in which state, and how long did they take from their first row to storage?
-- A capture that was finished within seconds has only its final row: its duration is 0.
select ingest_status, count(*) as captures, sum(image_bytes) as bytes, sum(nacks_sent) as nacks,
       percentile_cont(0.5) within group (order by stored_at - created_at) as median_duration,
       percentile_cont(0.99) within group (order by stored_at - created_at) as p99_duration
  from public.captures
 where created_at > now() - interval '1 day'
 group by ingest_status
 order by ingest_status;

-- What has been arriving for longer than it should?
select device_id, device_capture_id, captured_at, total_chunks, created_at, now() - updated_at as age
  from public.captures
 where ingest_status = 'assembling' and updated_at < now() - interval '5 minutes'
 order by updated_at
 limit 50;

-- Which devices have gone silent, and with what battery?
select device_id, name, location, company_id, last_seen_at, now() - last_seen_at as silent_for, battery_mv,
       battery_percent, wifi_rssi_dbm, firmware_version, pending_count
  from public.devices
 order by last_seen_at nulls first
 limit 50;

-- Which devices have no owner yet? Their rows and pictures are visible to nobody but the service.
select device_id, device_hw_id, last_seen_at, created_at from public.devices
 where company_id is null
 order by created_at desc
 limit 50;

-- Which errors are frequent?
select error_code, count(*) as errors, count(distinct device_id) as devices, max(occurred_at) as latest,
       (array_agg(message order by occurred_at desc))[1] as latest_message
  from public.device_errors
 where occurred_at > now() - interval '1 day'
 group by error_code
 order by errors desc;

-- Whose clock is wrong? Captures whose own time could not be used, or lies a day or more from their arrival.
select device_id, count(*) as captures, min(captured_at) as earliest, max(captured_at) as latest
  from public.captures
 where created_at > now() - interval '7 days'
   and (captured_at_source = 'arrival' or captured_at > created_at + interval '1 day'
        or captured_at < '2001-01-01 00:00:00+00')
 group by device_id
 order by captures desc
 limit 50;

-- Which names came back under another capture time on the same day?
select device_id, device_capture_id, (captured_at at time zone 'UTC')::date as day, count(*) as captures
  from public.captures
 where created_at > now() - interval '7 days'
 group by device_id, device_capture_id, day
having count(*) > 1
 order by captures desc
 limit 50;

-- What has become of the commands, and of those that came to nothing, why?
select type, status, count(*) as commands, max(attempts) as most_attempts, max(reason) as a_reason, max(created_at) as latest
  from public.device_commands
 where created_at > now() - interval '7 days'
 group by type, status
 order by type, status;

-- Which commands are waiting, and for how long?
select c.device_id, c.type, c.payload, c.status, c.attempts, c.deadline, now() - c.created_at as waiting, d.last_seen_at
  from public.device_commands c
  join public.devices d on d.device_id = c.device_id
 where c.status in ('queued', 'sent')
 order by c.queue_number
 limit 50;

-- Which schedules are set, the widest first?
select case when device_id is not null then 'device ' || device_id
            when company_id is not null then 'company ' || company_id else 'all' end as scope,
       captures_per_day, times_of_day, interval_minutes, timezone, wake_spread_s
  from public.device_configs
 order by device_id is not null, company_id is not null, scope;

-- Who should have woken and has not been heard? An hour is allowed for clocks that run slow.
select device_id, next_wake_at, last_seen_at, now() - next_wake_at as late, battery_mv, battery_percent
  from public.devices
 where next_wake_at < now() - interval '1 hour' and last_seen_at < next_wake_at - interval '1 hour'
 order by next_wake_at
 limit 50;

-- Is there a table without row level security, or a function that a user may call? Both must be empty.
select c.relname as table_without_rls from pg_catalog.pg_class c
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity;
select p.oid::regprocedure as function_open_to_users from pg_catalog.pg_proc p
 where p.pronamespace = 'public'::regnamespace
   and (has_function_privilege('anon', p.oid, 'execute') or has_function_privilege('authenticated', p.oid, 'execute'));

-- How much room do the tables take, indexes included?
select relname as table_name, pg_size_pretty(pg_total_relation_size(oid)) as size
  from pg_catalog.pg_class
 where relnamespace = 'public'::regnamespace and relkind = 'r'
 order by pg_total_relation_size(oid) desc;

-- Queries for operators; they change nothing. Run one query in the SQL editor, or the whole file with psql.

-- Which devices have said hello?
SELECT device_id, status, pending_count, created_at FROM public.device_status ORDER BY created_at DESC LIMIT 20;

-- Which captures have arrived?
SELECT device_id, device_capture_id, captured_at, image_bytes, total_chunks, ingest_status, storage_path, created_at FROM public.captures ORDER BY created_at DESC LIMIT 20;

-- What did the sensors measure?
SELECT sr.device_id, sr.temperature_c, sr.humidity_pct, sr.pressure_hpa, sr.created_at FROM public.sensor_readings sr ORDER BY sr.created_at DESC LIMIT 20;

-- Which errors have occurred?
SELECT device_id, error_code, message, details, occurred_at FROM public.device_errors ORDER BY occurred_at DESC LIMIT 20;

-- What went over the wire?
SELECT topic, direction, payload->>'image_name' as image, received_at FROM public.device_publish_log ORDER BY received_at DESC LIMIT 50;

-- How did each picture of the last hour come over the wire? Listeners of a shared group write a row each.
select device_id, payload->>'image_name' as image, min(received_at) as began,
       max(received_at + (payload->>'last_ms')::bigint * interval '1 millisecond') as ended,
       sum((payload->>'chunks')::bigint) as chunks, sum((payload->>'bytes')::bigint) as bytes,
       sum((payload->>'repeats')::bigint) as repeats, max((payload->>'longest_gap_ms')::bigint) as longest_gap_ms,
       count(*) as parts
  from public.device_publish_log
 where direction = 'in' and payload->>'last_ms' is not null and received_at > now() - interval '1 hour'
 group by device_id, image
 order by began desc
 limit 50;

-- Which version does the schema have?
select version, applied_at from public.schema_version;

-- How many captures of the last day are in each state, and how long did it take to store them?
-- The duration runs from a capture's first row to its storage. A capture that was finished within seconds is
-- written only once, in its final state, so its duration is 0.
select ingest_status, count(*) as captures, sum(image_bytes) as bytes, sum(nacks_sent) as nacks,
       percentile_cont(0.5) within group (order by stored_at - created_at) as median_duration,
       percentile_cont(0.99) within group (order by stored_at - created_at) as p99_duration
  from public.captures
 where created_at > now() - interval '1 day'
 group by ingest_status
 order by ingest_status;

-- Which captures have been arriving for longer than they should?
select device_id, device_capture_id, captured_at, total_chunks, created_at, now() - updated_at as age
  from public.captures
 where ingest_status = 'assembling' and updated_at < now() - interval '5 minutes'
 order by updated_at
 limit 50;

-- Of which pictures of the last week did only the top come? They are stored when their devices offer them again.
select device_id, device_capture_id, captured_at, partial_rows, height, storage_path
  from public.captures
 where ingest_status = 'partial' and created_at > now() - interval '7 days'
 order by created_at desc
 limit 50;

-- Which pictures of the last week are damaged, and what does the decoder say about them?
-- Their device sent the same broken stream twice, or did not send it again when it was asked to.
select c.device_id, c.device_capture_id, c.captured_at, c.storage_path, e.details->>'libjpeg' as libjpeg
  from public.captures c
  left join public.device_errors e on e.message_key = format('capture:%s:2208', c.capture_id)
 where c.damaged and c.created_at > now() - interval '7 days'
 order by c.created_at desc
 limit 50;

-- Which devices have been silent longest, and what was their battery level?
select device_id, name, location, company_id, last_seen_at, now() - last_seen_at as silent_for, battery_mv,
       battery_percent, wifi_rssi_dbm, firmware_version, pending_count
  from public.devices
 order by last_seen_at nulls first
 limit 50;

-- Which devices have no owner yet? Only the service can see their rows and pictures.
select device_id, device_hw_id, last_seen_at, created_at from public.devices
 where company_id is null
 order by created_at desc
 limit 50;

-- Which errors were most frequent in the last 24 hours?
select error_code, count(*) as errors, count(distinct device_id) as devices, max(occurred_at) as latest,
       (array_agg(message order by occurred_at desc))[1] as latest_message
  from public.device_errors
 where occurred_at > now() - interval '1 day'
 group by error_code
 order by errors desc;

-- Which devices have a wrong clock?
-- It counts captures whose own time was unusable, more than a day ahead of their arrival, or before 2001.
select device_id, count(*) as captures, min(captured_at) as earliest, max(captured_at) as latest
  from public.captures
 where created_at > now() - interval '7 days'
   and (captured_at_source = 'arrival' or captured_at > created_at + interval '1 day'
        or captured_at < '2001-01-01 00:00:00+00')
 group by device_id
 order by captures desc
 limit 50;

-- Which image names appeared with several capture times on one day?
select device_id, device_capture_id, (captured_at at time zone 'UTC')::date as day, count(*) as captures
  from public.captures
 where created_at > now() - interval '7 days'
 group by device_id, device_capture_id, day
having count(*) > 1
 order by captures desc
 limit 50;

-- In which states are the commands of the last week, and why did some fail?
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

-- Which schedules are set, those with the widest scope first?
select case when device_id is not null then 'device ' || device_id
            when company_id is not null then 'company ' || company_id else 'all' end as scope,
       captures_per_day, times_of_day, interval_minutes, timezone, wake_spread_s
  from public.device_configs
 order by device_id is not null, company_id is not null, scope;

-- Which devices should have woken but were not heard? They get one hour of tolerance for slow clocks.
select device_id, next_wake_at, last_seen_at, now() - next_wake_at as late, battery_mv, battery_percent
  from public.devices
 where next_wake_at < now() - interval '1 hour' and last_seen_at < next_wake_at - interval '1 hour'
 order by next_wake_at
 limit 50;

-- Which captures of an older version name one object? Compare its SHA-256 with theirs: at most one has its own
-- picture there. Newer captures never do.
select storage_path, device_id, device_capture_id, captured_at, image_sha256, shares_object
  from public.captures
 where storage_path in (select storage_path from public.captures where shares_object)
 order by storage_path, created_at
 limit 50;

-- Is there a table without row level security, or a function that users may call and that repeatable/010_callers.sql
-- does not list? Both results must be empty.
select c.relname as table_without_rls from pg_catalog.pg_class c
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity;
select p.oid::regprocedure as function_open_to_users from pg_catalog.pg_proc p
 where p.pronamespace = 'public'::regnamespace
   and (has_function_privilege('anon', p.oid, 'execute')
        or (has_function_privilege('authenticated', p.oid, 'execute')
            and format('public.%s', p.proname) <> all (fleet_private.functions_for_users())));

-- How much disk space do the tables use, including their indexes?
select relname as table_name, count(p.relid) filter (where p.isleaf) as partitions,
       pg_size_pretty(sum(pg_total_relation_size(coalesce(p.relid, c.oid)))) as size
  from pg_catalog.pg_class c
  left join lateral pg_partition_tree(c.oid) as p on true
 where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
 group by c.oid, relname
 order by sum(pg_total_relation_size(coalesce(p.relid, c.oid))) desc;

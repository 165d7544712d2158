-- The functions with which the workers record captures. Each may be called twice with the same argument; the
-- second call changes nothing.

-- Records captures that are still arriving, many in one call: an array of
--   {device_id, image_name, captured_at, captured_at_source, image_bytes, total_chunks, location}.
-- Existing rows do not change, whatever their state. Returns the number of rows inserted.
create or replace function public.record_assembling(p_captures jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_inserted integer;
begin
  -- Rows are inserted in sorted order, here and below, so that overlapping calls wait for each other instead
  -- of deadlocking.
  insert into public.devices (device_id)
  select distinct fleet_private.as_device_id(e->>'device_id') as device_id
    from fleet_private.elements(p_captures) as e
   where fleet_private.as_device_id(e->>'device_id') is not null
     and fleet_private.as_image_name(e->>'image_name') is not null
     and fleet_private.as_time(e->>'captured_at') is not null
   order by device_id
  on conflict do nothing;

  insert into public.captures (device_id, device_capture_id, captured_at, captured_at_source, image_bytes, total_chunks,
                               location, ingest_status)
  select distinct on (device_id, captured_at, image_name)
         device_id, image_name, captured_at, source, image_bytes, total_chunks, location, 'assembling'
    from (select fleet_private.as_device_id(e->>'device_id') as device_id,
                 fleet_private.as_image_name(e->>'image_name') as image_name,
                 fleet_private.as_time(e->>'captured_at') as captured_at,
                 case when e->>'captured_at_source' = 'arrival' then 'arrival' else 'device' end as source,
                 fleet_private.as_integer(e->>'image_bytes', 0, 2147483647) as image_bytes,
                 fleet_private.as_integer(e->>'total_chunks', 0, 2147483647) as total_chunks,
                 left(e->>'location', 255) as location
            from fleet_private.elements(p_captures) as e) as given
   where device_id is not null and image_name is not null and captured_at is not null
   order by device_id, captured_at, image_name
  on conflict do nothing;
  get diagnostics v_inserted = row_count;
  return v_inserted;
end
$$;

-- A story as it is kept: what is not one, or is too long, is null.
create or replace function fleet_private.as_story(p_value jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select p_value where jsonb_typeof(p_value) = 'object' and octet_length(p_value::text) <= 1800
$$;

-- The story of a capture that has come once more, and of which the row keeps what it had: `again` is how often, and when
-- last (ms since 1970). What is not later than that changes nothing.
create or replace function fleet_private.story_again(p_story jsonb, p_again jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case when a.at > coalesce(fleet_private.as_integer(p_story->'again'->>1, 0, 1e15::bigint),
                                   fleet_private.as_integer(p_story->>'at', 0, 1e15::bigint))
    then p_story || jsonb_build_object('again', jsonb_build_array(
           coalesce(fleet_private.as_integer(p_story->'again'->>0, 0, 1000000), 0) + 1, a.at))
    else p_story end
    from fleet_private.as_integer(p_again->>'at', 0, 1e15::bigint) as a (at)
$$;

-- Records the final state of one capture, with its sensor reading and its error, in one transaction:
--   {device_id, image_name, captured_at, captured_at_source, arrived_at, ingest_status: 'stored' | 'failed' | 'partial',
--    image_bytes, total_chunks, storage_path, thumbnail_path, width, height, image_sha256, damaged, partial_rows,
--    figures: {brightness, contrast, sharpness, dhash} | null,
--    replaces_sha256, location, firmware_version, device_image_id, nacks_sent, metadata: {},
--    sensors: {temperature_c, humidity_pct, pressure_hpa, gas_kohm} | null,
--    error: {code, message, details} | null,
--    story: how it came and was handled, as 087_story.sql describes it,
--    beside: true for a report of an error that came beside a picture of its name; it leaves that picture's row
--            and the commands that asked for it alone,
--    at: the caller's time, for simulated time; by default the database's time}.
-- figures are those of the thumbnail, which 048_picture_health.sql judges.
-- damaged says that the JPEG stream is broken. replaces_sha256 is the SHA-256 of a broken stream that came
-- earlier, and that the device was asked to send again: a row that holds it gets the present picture.
-- A partial capture has failed, and names a picture whose first partial_rows rows came, with the rest hatched.
-- Returns {capture_id, ingest_status, captured_at, storage_path} of the row after the call, and
-- {next_wake_at, timezone} for the ACK; next_wake_at is null if no schedule is set.
-- If the returned storage_path is not the given one, the same picture was already stored under that path.
-- Finishes the commands that requested this picture. Raises 22023 for an unusable device_id, image_name or
-- ingest_status, for a stored capture without storage_path, and for a partial one without that and partial_rows.
-- Raises 23505 and records nothing if another capture names the same object: then the caller uploads the picture
-- under another path and calls again.
--
--   found              incoming             then
--   nothing            anything             inserted
--   assembling         anything             updated
--   failed or partial  stored               updated, the error code is cleared
--   failed             failed or partial    updated
--   partial            more rows            updated
--   partial            fewer rows           unchanged
--   partial            failed, same error   unchanged
--   partial            failed otherwise     updated, what it showed may be wrong
--   stored             failed or partial    unchanged, because the picture is already stored
--   stored             same SHA-256         unchanged, because the message is a repeat
--   stored, replaced   another SHA-256      updated
--   stored             another SHA-256      another picture with a wrong time: recorded under arrived_at
--   expired            as if it were stored; it stays expired
--   of another company, which had not the device when this picture was taken or began to arrive
--                      anything             likewise
-- Objects that were uploaded for a row which names others are queued for removal. A row never comes to name one that may be
-- being removed at this moment: that raises 23505 too (049_objects.sql).
create or replace function public.record_capture(p_capture jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_device text := fleet_private.as_device_id(p_capture->>'device_id');
  v_name text := fleet_private.as_image_name(p_capture->>'image_name');
  v_status text := p_capture->>'ingest_status';
  v_arrived_at timestamptz := coalesce(fleet_private.as_time(p_capture->>'arrived_at'), now());
  v_captured_at timestamptz := fleet_private.as_time(p_capture->>'captured_at');
  v_source text := case when p_capture->>'captured_at_source' = 'arrival' then 'arrival' else 'device' end;
  v_sha256 text := fleet_private.as_sha256(p_capture->>'image_sha256');
  v_replaces text := nullif(fleet_private.as_sha256(p_capture->>'replaces_sha256'), v_sha256);
  v_storage_path text := left(p_capture->>'storage_path', 1024);
  v_thumbnail_path text := left(p_capture->>'thumbnail_path', 1024);
  v_metadata jsonb := coalesce(fleet_private.as_document(p_capture->'metadata'), '{}');
  v_sensors jsonb := p_capture->'sensors';
  v_error_key text;
  v_error_code integer := fleet_private.as_integer(p_capture->'error'->>'code', 0, 2147483647);
  v_at timestamptz := coalesce(fleet_private.as_time(p_capture->>'at'), now());
  v_story jsonb := fleet_private.as_story(p_capture->'story');
  v_rows integer := fleet_private.as_integer(p_capture->>'partial_rows', 1, 2147483647);
  v_beside boolean := coalesce(p_capture->'beside' = 'true', false);
  v_taken_at timestamptz;
  v_wakes record;
  v_known public.devices;
  v_row public.captures;
  v_look public.captures;
  v_capture uuid;
  v_is_another boolean;
  v_is_mine boolean;
begin
  if v_device is null or v_name is null or v_status is null or v_status not in ('stored', 'failed', 'partial') then
    raise exception 'record_capture: device_id, image_name or ingest_status unusable' using errcode = '22023';
  end if;
  if v_status = 'stored' and v_storage_path is null then
    raise exception 'record_capture: a stored capture needs its storage_path' using errcode = '22023';
  end if;
  if v_status = 'partial' and num_nulls(v_storage_path, v_rows) > 0 then
    raise exception 'record_capture: a partial capture needs its storage_path and partial_rows' using errcode = '22023';
  end if;
  if v_captured_at is null then
    v_captured_at := v_arrived_at;
    v_source := 'arrival';
  end if;
  if jsonb_typeof(v_metadata) <> 'object' then
    v_metadata := jsonb_build_object('metadata', v_metadata);
  end if;

  -- This locks the device's row. Two captures of one device are therefore recorded one after the other, and what is
  -- read below, and whose the device is, does not change before it is used.
  insert into public.devices (device_id) values (v_device) on conflict do nothing;
  select * into v_known from public.devices where device_id = v_device for no key update;

  select * into v_row from public.captures
   where device_id = v_device and device_capture_id = v_name and captured_at = v_captured_at
     for update;

  v_is_another := case
    when v_row.capture_id is null or (v_row.ingest_status in ('stored', 'expired') and v_status = 'stored'
                                      and v_row.image_sha256 = v_sha256) then false
    when not fleet_private.may_be_of_picture(v_row, v_known, v_captured_at, v_source, v_arrived_at) then true
    else v_row.ingest_status in ('stored', 'expired') and v_status = 'stored' and v_row.image_sha256 <> v_sha256
         and v_row.image_sha256 is distinct from v_replaces end;
  if v_is_another then
    v_metadata := v_metadata || jsonb_build_object('claimed_captured_at', v_captured_at);
    v_source := 'arrival';
    -- The same picture may already have a row under an earlier arrival time, if its ACK was lost and the
    -- device sent it again.
    select * into v_row from public.captures c
     where device_id = v_device and device_capture_id = v_name and captured_at_source = 'arrival'
       and metadata->'claimed_captured_at' = v_metadata->'claimed_captured_at'
       and ((ingest_status in ('stored', 'expired') and image_sha256 = v_sha256)
            or ((v_status <> 'stored' or ingest_status not in ('stored', 'expired') or image_sha256 = v_replaces)
                and fleet_private.may_be_of_picture(c, v_known, captured_at, null, v_arrived_at)))
     order by coalesce(image_sha256 = v_sha256, false) desc, updated_at desc
     limit 1
       for update;
    v_captured_at := coalesce(v_row.captured_at, v_arrived_at);
    while v_row.capture_id is null loop
      select * into v_row from public.captures
       where device_id = v_device and device_capture_id = v_name and captured_at = v_captured_at
         for update;
      exit when v_row.capture_id is null
             or fleet_private.may_be_of_picture(v_row, v_known, v_captured_at, null, v_arrived_at);
      v_row := null;
      v_captured_at := v_captured_at + interval '1 microsecond';
    end loop;
  end if;

  if v_row.capture_id is null and not v_beside then
    -- Before the metadata arrives, the sweep records a capture under its arrival time. Such a row belongs to
    -- this picture, because a device sends only one picture of a name at a time.
    select * into v_row from public.captures c
     where device_id = v_device and device_capture_id = v_name
       and ingest_status = 'assembling' and captured_at_source = 'arrival'
       and fleet_private.may_be_of_picture(c, v_known, captured_at, null, v_arrived_at)
     order by updated_at desc
     limit 1
       for update;
  end if;
  if v_row.capture_id is null and not v_beside then
    -- It timed out before its metadata came: the row of that has its very arrival time.
    select * into v_row from public.captures c
     where device_id = v_device and device_capture_id = v_name and captured_at = v_arrived_at
       and ingest_status in ('failed', 'partial') and captured_at_source = 'arrival' and error_code = 2201
       and fleet_private.may_be_of_picture(c, v_known, captured_at, null, v_arrived_at)
       for update;
  end if;
  if v_row.capture_id is null then
    insert into public.captures (device_id, device_capture_id, captured_at, captured_at_source)
    values (v_device, v_name, v_captured_at, v_source)
    -- The sweep may have inserted the row after the select above; then that row is used.
    on conflict (device_id, captured_at, device_capture_id) do update set updated_at = now()
      where captures.company_id is not distinct from v_known.company_id
    returning * into v_row;
    if not found then
      raise exception 'record_capture: the device has just changed hands: try again' using errcode = '40001';
    end if;
  end if;
  v_capture := v_row.capture_id;
  -- The hello that this picture followed, unless another one has come since.
  if v_known.last_hello_at between v_arrived_at - interval '1 hour' and v_arrived_at then
    v_story := v_story || jsonb_build_object(
      'hello', round(extract(epoch from v_known.last_hello_at - v_arrived_at) * 1000));
  end if;
  v_is_mine := v_row.company_id is not distinct from v_known.company_id;
  delete from public.captures
   where device_id = v_device and device_capture_id = v_name and not v_beside
     and ingest_status = 'assembling' and captured_at_source = 'arrival' and capture_id <> v_capture
     and company_id is not distinct from v_row.company_id;

  if v_row.ingest_status not in ('stored', 'expired')
     or (v_row.ingest_status = 'stored' and v_status = 'stored' and v_row.image_sha256 = v_replaces) then
    if v_status = 'stored' then
      v_look := fleet_private.judge_picture(v_row, v_captured_at, p_capture);
    end if;
    update public.captures
       set captured_at = v_captured_at,
           captured_at_source = v_source,
           ingest_status = v_status,
           image_bytes = coalesce(fleet_private.as_integer(p_capture->>'image_bytes', 0, 2147483647), image_bytes),
           total_chunks = coalesce(fleet_private.as_integer(p_capture->>'total_chunks', 0, 2147483647), total_chunks),
           storage_path = coalesce(v_storage_path, case when ingest_status <> 'partial' then storage_path end),
           shares_object = case when coalesce(v_storage_path, storage_path) = storage_path then shares_object end,
           thumbnail_path = coalesce(v_thumbnail_path, case when ingest_status <> 'partial' then thumbnail_path end),
           partial_rows = case when v_status = 'partial' then v_rows end,
           width = coalesce(fleet_private.as_integer(p_capture->>'width', 0, 2147483647), width),
           height = coalesce(fleet_private.as_integer(p_capture->>'height', 0, 2147483647), height),
           image_sha256 = coalesce(v_sha256, image_sha256),
           damaged = v_status = 'stored' and coalesce(p_capture->'damaged' = 'true', false),
           brightness = v_look.brightness,
           contrast = v_look.contrast,
           sharpness = v_look.sharpness,
           dhash = v_look.dhash,
           health = v_look.health,
           health_reason = v_look.health_reason,
           location = coalesce(left(p_capture->>'location', 255), location),
           firmware_version = coalesce(left(p_capture->>'firmware_version', 64), firmware_version),
           device_image_id = coalesce(left(p_capture->>'device_image_id', 255), device_image_id),
           nacks_sent = coalesce(fleet_private.as_integer(p_capture->>'nacks_sent', 0, 2147483647), nacks_sent),
           error_code = case when v_status <> 'stored' then v_error_code end,
           metadata = metadata || v_metadata,
           story = coalesce(v_story, story),
           stored_at = case when v_status = 'stored' then now() end,
           updated_at = now()
     where capture_id = v_capture
       and not (ingest_status in ('failed', 'partial') and v_status = 'failed' and error_code is not distinct from v_error_code)
       and not (ingest_status = 'partial' and v_status = 'partial' and partial_rows >= v_rows)
    returning * into v_row;
    if not found then
      -- It has ended in the same way as before: later, or when it was sent anew.
      update public.captures
         set story = case when story->'at' = v_story->'at' then story || v_story
                          else fleet_private.story_again(story, v_story) end
       where capture_id = v_capture
      returning * into v_row;
    end if;
    -- After the update: that waits for whoever is just letting go the picture that named these objects before.
    perform fleet_private.keep_objects(array[v_storage_path, v_thumbnail_path]);
  elsif fleet_private.story_again(v_row.story, v_story) <> v_row.story then
    update public.captures set story = fleet_private.story_again(story, v_story) where capture_id = v_capture;
  end if;

  if v_status in ('stored', 'partial') and v_row.storage_path is distinct from v_storage_path then
    perform fleet_private.discard_objects(v_row, array[v_storage_path, v_thumbnail_path]);
  end if;

  if v_sensors is not null and jsonb_typeof(v_sensors) = 'object' then
    insert into public.sensor_readings (capture_id, device_id, temperature_c, humidity_pct, pressure_hpa, gas_kohm,
                                        measured_at)
    select v_row.capture_id, v_device, temperature_c, humidity_pct, pressure_hpa, gas_kohm, v_row.captured_at
      from (select fleet_private.as_number(v_sensors->>'temperature_c', -100, 200) as temperature_c,
                   fleet_private.as_number(v_sensors->>'humidity_pct', 0, 100) as humidity_pct,
                   fleet_private.as_number(v_sensors->>'pressure_hpa', 100, 2000) as pressure_hpa,
                   fleet_private.as_number(v_sensors->>'gas_kohm', 0, 1e6) as gas_kohm) as reading
     where num_nonnulls(temperature_c, humidity_pct, pressure_hpa, gas_kohm) > 0
    on conflict (capture_id) do nothing;
  end if;

  if v_error_code is not null then
    -- The same error of a capture is one row, also where the capture has arrived anew. The lock of the device's row,
    -- and that of the capture's row for the sweep, keep another one from being added meanwhile.
    v_error_key := format('capture:%s:%s', v_row.capture_id, v_error_code);
    insert into public.device_errors (message_key, device_id, company_id, error_code, message, details, occurred_at)
    select v_error_key, v_device, v_row.company_id, v_error_code,
           left(p_capture->'error'->>'message', 1024),
           jsonb_build_object('image_name', v_name, 'capture_id', v_row.capture_id)
             || case when jsonb_typeof(p_capture->'error'->'details') = 'object'
                     then fleet_private.as_document(p_capture->'error'->'details') else '{}' end,
           v_arrived_at
     where not exists (select from public.device_errors where message_key = v_error_key);
  end if;

  -- A capture time more than an hour ahead is not used, because no picture would be due until that time has
  -- passed.
  v_taken_at := case when v_source = 'arrival' or v_captured_at > v_arrived_at + interval '1 hour' then v_arrived_at
                     else v_captured_at end;
  if not v_beside then
    perform fleet_private.finish_commands_of_capture(v_device, v_name, v_row.capture_id, v_taken_at,
                                                     case v_row.ingest_status when 'expired' then 'stored'
                                                       else v_row.ingest_status end, v_error_code, v_at);
  end if;
  select * into v_wakes from fleet_private.wakes(v_device, v_at);
  -- What the device has told while another company had it is not shown to this one.
  update public.devices
     set next_wake_at = v_wakes.next_wake_at,
         last_seen_at = case when v_is_mine then greatest(last_seen_at, v_arrived_at) else last_seen_at end,
         last_capture_at = case when v_is_mine then greatest(last_capture_at, v_taken_at) else last_capture_at end,
         firmware_version = coalesce(
           case when v_is_mine then left(p_capture->>'firmware_version', 64) end, firmware_version),
         reported_location = coalesce(case when v_is_mine then left(p_capture->>'location', 255) end, reported_location)
   where device_id = v_device;

  return jsonb_build_object(
    'capture_id', v_row.capture_id, 'ingest_status', v_row.ingest_status, 'captured_at', v_row.captured_at,
    'storage_path', v_row.storage_path, 'next_wake_at', v_wakes.next_wake_at, 'timezone', v_wakes.timezone);
end
$$;

-- Records several captures, each as record_capture does, in one transaction. Returns for each, in order, {answer}, which is
-- what record_capture returns, or {code, message}, the SQLSTATE for which it raises: that one changes nothing, and the
-- others are recorded all the same. One whose device another transaction holds longer than a moment has the code 55P03, so
-- that it does not keep the others waiting; once one has waited in vain, those after it hardly wait.
create or replace function public.record_captures(p_captures jsonb)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '1s'
as $$
declare
  v_outcomes jsonb[] := '{}';
  v_capture jsonb;
  v_place bigint;
begin
  -- In the order of devices, whose rows it locks, so that overlapping calls wait for each other instead of deadlocking.
  for v_capture, v_place in
    select capture, place
      from jsonb_array_elements(p_captures) with ordinality as given (capture, place)
     order by capture->>'device_id', place
  loop
    begin
      v_outcomes[v_place] := jsonb_build_object('answer', public.record_capture(v_capture));
      -- What follows at the end of the transaction is part of this capture, also where it fails.
      set constraints all immediate;
      set constraints all deferred;
    exception when others then
      v_outcomes[v_place] := jsonb_build_object('code', sqlstate, 'message', sqlerrm);
      if sqlstate = '55P03' then
        set local lock_timeout = '10ms';
      end if;
    end;
  end loop;
  return to_jsonb(v_outcomes);
end
$$;

-- Marks captures as failed that nothing assembles any more: Redis has lost their state, so their assembly
-- timeout will never fire. The sweep calls this at intervals with an age well above the assembly timeout. If
-- such a capture is completed after all, it still becomes stored. Returns the number of rows marked as
-- failed.
create or replace function public.fail_stale_captures(p_older_than interval default '1 hour', p_limit integer default 1000)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_failed integer;
begin
  with stale as (
    select capture_id from public.captures
     where ingest_status = 'assembling' and updated_at < now() - p_older_than
     order by capture_id
     limit p_limit
       for update skip locked
  ), failed as (
    update public.captures c
       set ingest_status = 'failed', error_code = 2201, updated_at = now()
      from stale
     where c.capture_id = stale.capture_id
    returning c.capture_id, c.device_id, c.company_id, c.device_capture_id
  ), noted as (
    insert into public.device_errors (message_key, device_id, company_id, error_code, message, details)
    select format('capture:%s:2201', capture_id), device_id, company_id, 2201, 'assembly timeout',
           jsonb_build_object('image_name', device_capture_id, 'capture_id', capture_id, 'stale', true)
      from failed
     where not exists (
       select from public.device_errors where message_key = format('capture:%s:2201', failed.capture_id))
  )
  select count(*) into v_failed from failed;
  return v_failed;
end
$$;

select fleet_private.set_callers(
  'service', 'fleet_private.as_story', 'fleet_private.story_again', 'public.record_assembling', 'public.record_capture', 'public.record_captures',
  'public.fail_stale_captures');

-- A device sends a hello, and the service answers with what the device shall do.

-- Records a hello (status message): {device_id, status, pending_count, pending_list, received_at,
-- message_key, firmware_version, uptime_s, boot_count, battery_mv, battery_percent, wifi_rssi_dbm,
-- free_heap_bytes, raw,
-- acks: [{capture_id, at_ms, times}], the ACKs that were sent before, when last (ms since 1970) and how often: whether the
--       device still has those pictures is added to their stories,
-- at: the caller's time, for simulated time; by default the database's time,
-- record_only: true if the device was already answered without the database; then the function only records
--              the hello and returns null}.
-- Adds one row to device_status, copies the latest values to the device's row, and returns what the device
-- shall do, in this order:
--   {commands: [{command_id, device_id, type, payload}],   now marked as sent
--    capture_due: true if a picture is due by the schedule or the device is new, and no command asks for one,
--    next_wake_at, timezone,    next_wake_at is null if no schedule is set
--    in_flight: true if the device was sent something in the last minute whose effect has not been seen}.
-- A second call with the same message_key and received_at returns the same answer and changes nothing; so does one
-- that lacks received_at. Raises 22023 for an unusable device_id.
--
-- Without a schedule a picture is due at every wake, because the device alone decides when it wakes.
-- A hello that is repeated within a minute gets no second request for a picture and no command again. But its
-- device may have restarted and lost them; without an answer it would stay awake until its battery is empty.
-- So it is told to wake again in two minutes, when the service sends again what the device missed.
create or replace function public.record_hello(p_hello jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_device text := fleet_private.as_device_id(p_hello->>'device_id');
  v_received_at timestamptz := fleet_private.as_time(p_hello->>'received_at');
  v_at timestamptz := coalesce(fleet_private.as_time(p_hello->>'at'), now());
  v_pending jsonb := fleet_private.as_document(p_hello->'pending_list');
  v_key text := left(p_hello->>'message_key', 255);
  v_state public.devices;
  v_wakes record;
  v_claimed uuid[];
  v_commands jsonb := '[]';
  v_capture_due boolean;
  v_in_flight boolean;
  v_answer jsonb;
begin
  if v_device is null then
    raise exception 'record_hello: device_id unusable' using errcode = '22023';
  end if;

  -- This locks the device's row, so that two hellos of one device are answered one after the other, and its company stays
  -- the same meanwhile.
  insert into public.devices (device_id) values (v_device) on conflict do nothing;
  select * into v_state from public.devices where device_id = v_device for no key update;
  if v_received_at is null then
    -- The row of a message is found by its key and time. Under the lock of its device it has one time only.
    v_received_at := coalesce(
      (select received_at from public.device_status where message_key = v_key limit 1), now());
  end if;
  v_key := coalesce(v_key, format('hello:%s:%s', v_device, v_received_at));
  insert into public.device_status (message_key, device_id, status, pending_count, pending_list, firmware_version,
                                    uptime_s, boot_count, battery_mv, battery_percent, wifi_rssi_dbm, free_heap_bytes,
                                    raw, received_at)
  values (v_key, v_device, left(p_hello->>'status', 64),
          fleet_private.as_integer(p_hello->>'pending_count', 0, 2147483647),
          v_pending,
          left(p_hello->>'firmware_version', 64),
          fleet_private.as_integer(p_hello->>'uptime_s', 0, 1e15::bigint),
          fleet_private.as_integer(p_hello->>'boot_count', 0, 1e15::bigint),
          fleet_private.as_integer(p_hello->>'battery_mv', 0, 60000),
          fleet_private.as_number(p_hello->>'battery_percent', 0, 100),
          fleet_private.as_integer(p_hello->>'wifi_rssi_dbm', -200, 100),
          fleet_private.as_integer(p_hello->>'free_heap_bytes', 0, 1e15::bigint),
          fleet_private.as_document(p_hello->'raw'), v_received_at)
  on conflict (message_key, received_at) do nothing;
  if not found then
    -- A hello that was recorded with record_only has no stored answer. Nothing is decided later for it, so it
    -- gets an answer without commands. So does one that another company's device said.
    return (
      select coalesce(case when s.company_id is not distinct from v_state.company_id then s.answer end,
                      jsonb_build_object('commands', '[]'::jsonb, 'capture_due', false, 'in_flight', false,
                                         'next_wake_at', w.next_wake_at, 'timezone', w.timezone))
        from public.device_status s, fleet_private.wakes(v_device, v_at) as w
       where s.message_key = v_key and s.received_at = v_received_at);
  end if;

  update public.devices d
     set last_seen_at = greatest(d.last_seen_at, v_received_at),
         last_hello_at = greatest(d.last_hello_at, v_received_at),
         pending_count = coalesce(s.pending_count, d.pending_count),
         firmware_version = coalesce(s.firmware_version, d.firmware_version),
         uptime_s = coalesce(s.uptime_s, d.uptime_s),
         boot_count = coalesce(s.boot_count, d.boot_count),
         battery_mv = coalesce(s.battery_mv, d.battery_mv),
         battery_percent = coalesce(s.battery_percent, d.battery_percent),
         wifi_rssi_dbm = coalesce(s.wifi_rssi_dbm, d.wifi_rssi_dbm),
         free_heap_bytes = coalesce(s.free_heap_bytes, d.free_heap_bytes)
    from public.device_status s
   where d.device_id = v_device and s.message_key = v_key and s.received_at = v_received_at
  returning d.* into v_state;

  -- Most of what this costs is paid also where there is nothing to do.
  if p_hello->'acks' <> '[]' then
    update public.captures c
       set story = c.story || jsonb_build_object(
             'ack', jsonb_build_array(a.at_ms - b.at_ms, a.times),
             'gone', jsonb_build_array(round(extract(epoch from v_received_at) * 1000) - b.at_ms, case
               when v_pending ? c.device_capture_id then false
               -- A device names ten of its pictures at most, and older firmware none.
               when fleet_private.as_integer(p_hello->>'pending_count', 0, 2147483647)
                      <= jsonb_array_length(case jsonb_typeof(v_pending) when 'array' then v_pending else '[]' end) then true end))
      from (select case when e->>'capture_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (e->>'capture_id')::uuid end as id,
                   fleet_private.as_integer(e->>'at_ms', 0, 1e15::bigint) as at_ms,
                   coalesce(fleet_private.as_integer(e->>'times', 1, 1000000), 1) as times
              from fleet_private.elements(p_hello->'acks') as e limit 100) as a,
           lateral (select fleet_private.as_integer(k.story->>'at', 0, 1e15::bigint) as at_ms
                      from public.captures k
                     where k.capture_id = a.id and k.device_id = v_device
                       and k.company_id is not distinct from v_state.company_id
                       -- Whoever holds it is letting the picture go: nothing is waited for.
                       for update skip locked) as b
     where c.capture_id = a.id and a.at_ms is not null and b.at_ms is not null;
  end if;

  if p_hello->'record_only' = 'true' then
    return null;
  end if;

  select * into v_wakes from fleet_private.wakes(v_device, v_at);

  v_in_flight := v_state.capture_asked_at > v_at - v_wakes.grace
                 and v_state.capture_asked_at > coalesce(v_state.last_capture_at, '-infinity');
  if exists (select from public.device_commands where device_id = v_device and status in ('queued', 'sent')) then
    v_in_flight := v_in_flight or exists (
      select from public.device_commands
       where device_id = v_device and company_id is not distinct from v_state.company_id
         and status = 'sent' and sent_at > v_at - v_wakes.grace);
    update public.device_commands c
       set status = outcome.status,
           reason = case outcome.status
             when 'expired' then case when company_id is not distinct from v_state.company_id then 'deadline passed'
                                 else 'the device is not the company''s any more' end
             when 'failed' then format('no effect after %s attempts', attempts)
           end,
           finished_at = v_at
      from (select command_id,
                   case
                     when company_id is distinct from v_state.company_id then 'expired'
                     when status = 'queued' then case when deadline < v_at then 'expired' end
                     -- The effect may still come.
                     when sent_at > v_at - v_wakes.grace then null
                     -- These two have no answer; the next hello is the only sign that the device got them.
                     when type in ('next_wake', 'custom') then 'done'
                     -- The picture was stored before; the device deleted it after the ACK.
                     when type = 'send_image'
                          and not coalesce(v_pending ? (payload->>'image_name'), false)
                          and exists (select from public.captures
                                       where device_id = v_device and ingest_status in ('stored', 'expired')
                                         and device_capture_id = payload->>'image_name') then 'done'
                     when deadline < v_at then 'expired'
                     when attempts >= max_attempts then 'failed'
                   end as status
              from public.device_commands
             where device_id = v_device and status in ('queued', 'sent')
               for update skip locked) as outcome
     where c.command_id = outcome.command_id and outcome.status is not null;

    select array_agg(command_id) into v_claimed
      from (select command_id from public.device_commands
             where device_id = v_device and company_id is not distinct from v_state.company_id
               and (status = 'queued' or (status = 'sent' and sent_at <= v_at - v_wakes.grace))
             order by queue_number
             limit 20
               for update skip locked) as free;
    if v_claimed is not null then
      v_commands := fleet_private.send_commands(v_claimed, v_at);
      -- Computed again, because a next_wake among the commands now takes precedence over the schedule.
      select * into v_wakes from fleet_private.wakes(v_device, v_at);
    end if;
  end if;

  v_capture_due := not jsonb_path_exists(v_commands, '$[*] ? (@.type == "capture_image")')
    and coalesce(v_state.capture_asked_at <= v_at - v_wakes.grace, true)
    and coalesce(v_state.last_capture_at < coalesce(v_wakes.slot, v_at) - v_wakes.grace, true);
  if v_in_flight and not v_capture_due and v_commands = '[]' then
    v_wakes.next_wake_at := least(v_wakes.next_wake_at, v_at + interval '2 minutes');
  end if;

  update public.devices
     set capture_asked_at = case when v_capture_due then v_at else capture_asked_at end,
         next_wake_at = v_wakes.next_wake_at
   where device_id = v_device;
  v_answer := jsonb_build_object(
    'commands', v_commands, 'capture_due', v_capture_due, 'in_flight', coalesce(v_in_flight, false),
    'next_wake_at', v_wakes.next_wake_at, 'timezone', v_wakes.timezone);
  update public.device_status set answer = v_answer where message_key = v_key and received_at = v_received_at;
  return v_answer;
end
$$;

select fleet_private.set_callers('service', 'public.record_hello');

-- A device says hello and hears what to do.

-- A status message: {device_id, status, pending_count, pending_list, received_at, message_key, firmware_version,
-- uptime_s, boot_count, battery_mv, battery_percent, wifi_rssi_dbm, free_heap_bytes, raw,
-- at: the caller's clock, for simulated time; the database's where it is missing,
-- record_only: true where the device was answered without the database: then nothing is decided, and null returned}.
-- Makes one row in device_status, leaves the latest values on the device, and returns what to do, in this order:
--   {commands: [{command_id, device_id, type, payload}],   now marked as sent
--    capture_due: a picture is due by the schedule, or the device is new; false where one of the commands asks for one,
--    next_wake_at, timezone,    the first null where no schedule is set
--    in_flight: within the last minute it was sent something whose effect has not been seen}.
-- The same message_key again gets the same answer, and changes nothing.
--
-- Without a schedule every wake is for a picture: the device wakes when it likes, and for nothing else.
-- A hello that repeats itself within a minute gets neither a second picture nor its commands again. If its device has
-- restarted and forgotten, silence would leave it awake until the battery is empty: so it is to come back in two
-- minutes, when what it missed is sent again.
create or replace function public.record_hello(p_hello jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_device text := fleet_private.as_device_id(p_hello->>'device_id');
  v_received_at timestamptz := coalesce(fleet_private.as_time(p_hello->>'received_at'), now());
  v_at timestamptz := coalesce(fleet_private.as_time(p_hello->>'at'), now());
  v_pending jsonb := fleet_private.as_document(p_hello->'pending_list');
  v_key text;
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
  v_key := coalesce(left(p_hello->>'message_key', 255), format('hello:%s:%s', v_device, v_received_at));

  insert into public.devices (device_id) values (v_device) on conflict do nothing;
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
  on conflict (message_key) do nothing;
  if not found then
    -- Recorded with record_only it has no answer, and nothing is decided after the fact.
    return (
      select coalesce(s.answer, jsonb_build_object('commands', '[]'::jsonb, 'capture_due', false, 'in_flight', false,
                                                   'next_wake_at', w.next_wake_at, 'timezone', w.timezone))
        from public.device_status s, fleet_private.wakes(v_device, v_at) as w
       where s.message_key = v_key);
  end if;

  -- Locks the device's row: two hellos of one device are answered one after the other.
  update public.devices d
     set last_seen_at = greatest(d.last_seen_at, v_received_at),
         pending_count = coalesce(s.pending_count, d.pending_count),
         firmware_version = coalesce(s.firmware_version, d.firmware_version),
         uptime_s = coalesce(s.uptime_s, d.uptime_s),
         boot_count = coalesce(s.boot_count, d.boot_count),
         battery_mv = coalesce(s.battery_mv, d.battery_mv),
         battery_percent = coalesce(s.battery_percent, d.battery_percent),
         wifi_rssi_dbm = coalesce(s.wifi_rssi_dbm, d.wifi_rssi_dbm),
         free_heap_bytes = coalesce(s.free_heap_bytes, d.free_heap_bytes)
    from public.device_status s
   where d.device_id = v_device and s.message_key = v_key
  returning d.* into v_state;

  if p_hello->'record_only' = 'true' then
    return null;
  end if;

  select * into v_wakes from fleet_private.wakes(v_device, v_at);

  v_in_flight := v_state.capture_asked_at > v_at - v_wakes.grace
                 and v_state.capture_asked_at > coalesce(v_state.last_capture_at, '-infinity');
  if exists (select from public.device_commands where device_id = v_device and status in ('queued', 'sent')) then
    v_in_flight := v_in_flight or exists (
      select from public.device_commands
       where device_id = v_device and status = 'sent' and sent_at > v_at - v_wakes.grace);
    update public.device_commands c
       set status = outcome.status,
           reason = case outcome.status
             when 'expired' then 'deadline passed'
             when 'failed' then format('no effect after %s attempts', attempts)
           end,
           finished_at = v_at
      from (select command_id,
                   case
                     when status = 'queued' then case when deadline < v_at then 'expired' end
                     -- Its effect may still come.
                     when sent_at > v_at - v_wakes.grace then null
                     -- Nothing comes back for these but that the device lives on.
                     when type in ('next_wake', 'custom') then 'done'
                     -- Stored before it was asked for: the device has heard so, and does not offer it any more.
                     when type = 'send_image'
                          and not coalesce(v_pending ? (payload->>'image_name'), false)
                          and exists (select from public.captures
                                       where device_id = v_device and ingest_status = 'stored'
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
             where device_id = v_device
               and (status = 'queued' or (status = 'sent' and sent_at <= v_at - v_wakes.grace))
             order by queue_number
             limit 20
               for update skip locked) as free;
    if v_claimed is not null then
      v_commands := fleet_private.send_commands(v_claimed, v_at);
      -- A next_wake among them stands before the schedule from now on.
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
  update public.device_status set answer = v_answer where message_key = v_key;
  return v_answer;
end
$$;

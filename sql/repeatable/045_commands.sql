-- The life of a command: queued -> sent -> done | failed | expired | cancelled.

-- Writes the log of a command. Security definer, so that a user who may queue commands needs no right to
-- write the log.
create or replace function fleet_private.log_command()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into public.device_command_logs (command_id, device_id, status, attempts, reason)
  values (new.command_id, new.device_id, new.status, new.attempts, new.reason);
  return null;
end
$$;
create or replace trigger device_commands_log_insert
  after insert on public.device_commands
  for each row execute function fleet_private.log_command();
create or replace trigger device_commands_log_update
  after update on public.device_commands
  for each row when (old.status <> new.status or old.attempts <> new.attempts)
  execute function fleet_private.log_command();

-- Says whether a JSON value can be sent: a device's parser gives up at ten levels, the service's at numbers
-- that 64 bits cannot hold.
create or replace function fleet_private.fits_a_device(p_value jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  with recursive parts (value, level) as (
    select p_value, 1
    union all
    select inner_part.value, level + 1
      from parts
     cross join lateral (
       select e.value from jsonb_each(case jsonb_typeof(parts.value) when 'object' then parts.value else '{}' end) as e
       union all
       select a.value from jsonb_array_elements(case jsonb_typeof(parts.value) when 'array' then parts.value else '[]' end) as a
     ) as inner_part
     where level <= 10
  )
  select not exists (
    select from parts
     where (level > 10 and jsonb_typeof(value) in ('object', 'array'))
        or (jsonb_typeof(value) = 'number' and abs((value #>> '{}')::numeric) > 9223372036854775807))
$$;

-- Returns the reason why a command cannot be sent, or null if it can.
create or replace function fleet_private.command_fault(p_type text, p_payload jsonb, p_at timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select case
    when p_type not in ('capture_image', 'send_image', 'next_wake', 'custom') then 'unknown type'
    when jsonb_typeof(p_payload) <> 'object' then 'payload is not an object'
    when p_type = 'send_image' and jsonb_typeof(p_payload->'image_name') is distinct from 'string' then
      'payload.image_name is missing'
    when p_type = 'send_image' and p_payload->>'image_name' !~ '^(?![.])(?!.*[/\\])[ -~]{1,128}$' then
      'payload.image_name cannot name an image'
    when p_type = 'next_wake' and fleet_private.as_time(p_payload->>'next_wake') is null then
      'payload.next_wake is not a time in ISO 8601'
    when p_type = 'next_wake' and fleet_private.as_time(p_payload->>'next_wake') <= p_at then
      'payload.next_wake has passed'
    when p_type = 'custom' and p_payload = '{}' then 'payload is empty'
    when not fleet_private.fits_a_device(p_payload) then
      'payload is nested deeper than 10 levels, or has a number beyond 64 bits'
  end
$$;

-- Refuses a command that can never be sent, so that its author reads why at once, and writes its time in UTC.
-- Security definer, since the author has no right to the functions.
create or replace function fleet_private.check_command()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_fault text := fleet_private.command_fault(new.type, new.payload, '-infinity');
begin
  if v_fault is not null then
    raise exception 'command: %', v_fault using errcode = '22023';
  end if;
  if new.type = 'next_wake' then
    new.payload := new.payload || jsonb_build_object('next_wake', to_char(
      fleet_private.as_time(new.payload->>'next_wake') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
  end if;
  return new;
end
$$;
create or replace trigger device_commands_check
  before insert or update of type, payload on public.device_commands
  for each row execute function fleet_private.check_command();

-- Marks commands as sent and returns them in the order in which they were queued. Commands that cannot be
-- sent (their time has passed, or they are older than `check_command`) are marked failed. Those of a company that does not
-- have the device any more stay as they are. The caller must hold the locks of the rows.
-- Returns [{command_id, device_id, type, payload}].
create or replace function fleet_private.send_commands(p_commands uuid[], p_at timestamptz)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_sent jsonb;
begin
  update public.device_commands
     set status = 'failed', reason = fleet_private.command_fault(type, payload, p_at), finished_at = p_at
   where command_id = any (p_commands) and fleet_private.command_fault(type, payload, p_at) is not null;

  -- Locks in sorted order, so that two callers with the same devices wait for each other instead of
  -- deadlocking.
  perform from public.devices
    where device_id in (
      select device_id from public.device_commands
       where command_id = any (p_commands) and type in ('capture_image', 'next_wake'))
    order by device_id
      for no key update;

  with sent as (
    update public.device_commands c
       set status = 'sent', attempts = attempts + 1, sent_at = p_at
      from public.devices d
     where c.command_id = any (p_commands) and c.status in ('queued', 'sent')
       and d.device_id = c.device_id and d.company_id is not distinct from c.company_id
    returning c.*
  ), noted as (
    update public.devices d
       set capture_asked_at = case when s.asks then p_at else d.capture_asked_at end,
           wake_override_at = coalesce(s.override_at, d.wake_override_at)
      from (select device_id, bool_or(type = 'capture_image') as asks,
                   (array_agg(fleet_private.as_time(payload->>'next_wake') order by queue_number desc)
                     filter (where type = 'next_wake'))[1] as override_at
              from sent group by device_id) as s
     where d.device_id = s.device_id and (s.asks or s.override_at is not null)
  )
  select jsonb_agg(jsonb_build_object('command_id', command_id, 'device_id', device_id, 'type', type, 'payload', payload)
                   order by queue_number)
    into v_sent from sent;
  return coalesce(v_sent, '[]');
end
$$;

-- Returns at most p_limit queued commands, and marks them as sent, for devices that were heard within
-- p_heard_within and are therefore awake. Concurrent callers never get the same command. Also expires the
-- commands of all devices that are past their deadline. p_at is the service's time, as in record_hello.
-- Returns [{command_id, device_id, type, payload}]. A caller that cannot publish a command returns it to the
-- queue with finish_command.
create or replace function public.claim_commands(
  p_limit integer default 100, p_heard_within interval default '10 seconds', p_at timestamptz default now()
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_claimed uuid[];
begin
  update public.device_commands
     set status = 'expired', reason = 'deadline passed', finished_at = p_at
   where command_id in (
     select command_id from public.device_commands
      where deadline < p_at and (status = 'queued' or (status = 'sent' and sent_at < p_at - interval '1 minute'))
        for update skip locked);

  select array_agg(command_id) into v_claimed
    from (select c.command_id
            from public.device_commands c
            join public.devices d on d.device_id = c.device_id
           where c.status = 'queued' and d.last_seen_at > p_at - p_heard_within
             and d.company_id is not distinct from c.company_id
           order by c.queue_number
           limit p_limit
             for update of c skip locked) as free;
  return case when v_claimed is null then '[]' else fleet_private.send_commands(v_claimed, p_at) end;
end
$$;

-- Records the outcome of a command: {command_id, status, reason}, where status is one of
--   done    the effect of the command was seen
--   failed  the command will never have an effect
--   queued  the command was claimed but not published; it returns to the queue and the attempt does not count
-- A finished command does not change. Returns {command_id, status} with the present status, which is null if
-- the command does not exist. Raises 22023 for another status.
create or replace function public.finish_command(p jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_command uuid;
  v_status text := p->>'status';
begin
  if v_status is null or v_status not in ('done', 'failed', 'queued') then
    raise exception 'finish_command: status unusable' using errcode = '22023';
  end if;
  v_command := (p->>'command_id')::uuid;
  update public.device_commands
     set status = v_status,
         reason = left(p->>'reason', 1024),
         attempts = case when v_status = 'queued' then greatest(attempts - 1, 0) else attempts end,
         sent_at = case when v_status = 'queued' then null else sent_at end,
         finished_at = case when v_status = 'queued' then null else now() end
   where command_id = v_command and (status = 'sent' or (status = 'queued' and v_status <> 'queued'));
  return jsonb_build_object('command_id', v_command, 'status',
                            (select status from public.device_commands where command_id = v_command));
end
$$;

-- Finishes the commands that a capture is the effect of: every sent send_image of its name, and the oldest
-- sent capture_image if the picture was taken after that was sent. If the device clock says otherwise, the
-- last hello decides: a picture that was not in the device's backlog then is new. A second call for the same
-- capture finds nothing more to finish. Commands of another company than the capture's have another effect.
create or replace function fleet_private.finish_commands_of_capture(
  p_device text, p_image_name text, p_capture uuid, p_taken_at timestamptz, p_status text, p_error_code integer,
  p_at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  -- Error codes 1000 to 1999 are errors that the device itself has reported: 1000 + n for a number n from 1
  -- to 99, else 1000. After any other failure the picture is still on the device.
  v_refused boolean := p_status = 'failed' and p_error_code between 1000 and 1999;
  v_company uuid;
  v_new boolean;
begin
  if not exists (select from public.device_commands where device_id = p_device and status = 'sent') then
    return;
  end if;
  select company_id into v_company from public.captures where capture_id = p_capture;
  select not coalesce(pending_list, '[]') ? p_image_name
         and coalesce(pending_count, 0) <= jsonb_array_length(coalesce(pending_list, '[]'))
    into v_new
    from public.device_status where device_id = p_device
   order by created_at desc
   limit 1;

  update public.device_commands
     set status = case when v_refused then 'failed' else 'done' end,
         reason = case when v_refused then format('the device reported error %s', coalesce(
           (select details->>'reported' from public.device_errors
             where message_key = format('capture:%s:%s', p_capture, p_error_code) limit 1),
           (p_error_code - 1000)::text)) end,
         capture_id = p_capture,
         finished_at = p_at
   where command_id in (
     select command_id from public.device_commands
      where device_id = p_device and type = 'send_image' and status = 'sent'
        and company_id is not distinct from v_company
        and payload->>'image_name' = p_image_name and (p_status = 'stored' or v_refused)
        for update skip locked)
      or command_id in (
     select command_id from public.device_commands
      where device_id = p_device and type = 'capture_image' and status = 'sent'
        and company_id is not distinct from v_company
        and (v_new or sent_at <= p_taken_at + interval '1 minute')
        and not exists (
          select from public.device_commands where capture_id = p_capture and type = 'capture_image')
      order by queue_number
      limit 1
        for update skip locked);
end
$$;

select fleet_private.set_callers(
  'service', 'fleet_private.log_command', 'fleet_private.fits_a_device', 'fleet_private.command_fault',
  'fleet_private.check_command', 'fleet_private.send_commands', 'public.claim_commands',
  'public.finish_command', 'fleet_private.finish_commands_of_capture');

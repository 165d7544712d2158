-- A device gets a company, or another one: what it has sent, what was asked of it and what was said about it stays with
-- who had it. docs/adr/0022-company-of-a-row.md has the reasons.

-- The errors of a capture say themselves whose they are, since it may have begun before the device was handed over. All
-- others are of the company that has the device.
create or replace trigger device_errors_stamp_company before insert on public.device_errors
  for each row when (new.message_key not like 'capture:%') execute function fleet_private.stamp_company();

-- Whether a row that was found for a picture that has come can be that picture's, although another company has the row:
-- it had begun to arrive, or was taken by a clock that was set, while that company had the device. A clock that was never
-- set, and a name, say nothing: devices reuse both. 2020 is the CLOCK_SET_SINCE of core/store/capture.py. p_source is
-- null if the row was not found by the time of the picture.
create or replace function fleet_private.may_be_of_picture(
  p_row public.captures, p_device public.devices, p_captured_at timestamptz, p_source text, p_arrived_at timestamptz
)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_row.company_id is not distinct from p_device.company_id
      -- Written in the very instant in which the device got its first company, whose it will be.
      or (p_row.company_id is null and p_device.released_at is null)
      or exists (
        select from fleet_private.former_devices
         where device_id = p_device.device_id and owner_id is not distinct from p_row.company_id
           and until > case
             when p_source = 'device' and p_row.captured_at_source = 'device' and p_captured_at >= '2020-01-01 00:00:00+00'
             then least(p_captured_at, p_arrived_at) else p_arrived_at end)
$$;

-- When a device leaves its company, what the company has said about it does not go with it, nor what the device has told
-- until then: the next owner must not read it. A device that is nobody's may still stand where it stood, so what it has
-- told meanwhile ends too when it is claimed. What the same statement says about the device is the new owner's.
create or replace function fleet_private.hand_over_device()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if old.company_id is not null then
    new.name := case when new.name is distinct from old.name then new.name end;
    new.location := case when new.location is distinct from old.location then new.location end;
    new.timezone := case when new.timezone is distinct from old.timezone then new.timezone end;
    new.notes := case when new.notes is distinct from old.notes then new.notes end;
    new.tags := case when new.tags is distinct from old.tags then new.tags else '{}' end;
    new.site_id := case when new.site_id is distinct from old.site_id then new.site_id end;
    new.released_at := case when new.company_id is null then now() else new.released_at end;
    delete from public.device_configs where device_id = new.device_id;
  end if;
  new.reported_location := null;
  new.firmware_version := null;
  new.pending_count := null;
  new.uptime_s := null;
  new.boot_count := null;
  new.battery_mv := null;
  new.battery_percent := null;
  new.wifi_rssi_dbm := null;
  new.free_heap_bytes := null;
  new.last_seen_at := null;
  new.last_hello_at := null;
  new.last_capture_at := null;
  new.capture_asked_at := null;
  new.next_wake_at := null;
  new.wake_override_at := null;
  return new;
end
$$;
create or replace trigger devices_hand_over before update of company_id on public.devices
  for each row when (old.company_id is distinct from new.company_id
                     and (old.company_id is not null or old.released_at is not null))
  execute function fleet_private.hand_over_device();

-- Gives a company what a device has sent while it was nobody's: of each table the newest p_limit rows that were written
-- before p_before. Returns whether there may be more of them. One that somebody is just changing is left out.
create or replace function fleet_private.own_rows(p_device text, p_company uuid, p_before timestamptz, p_limit integer)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_table text;
  v_key text;
  v_time text;
  v_owned integer;
  v_more boolean := false;
begin
  for v_table, v_key, v_time in
    values ('captures', 'capture_id', 'created_at'), ('sensor_readings', 'reading_id', 'created_at'),
           ('device_status', 'message_key', 'created_at'), ('device_errors', 'message_key', 'created_at'),
           ('device_publish_log', 'message_key', 'received_at')
  loop
    execute format(
      'update public.%1$I as r set company_id = $2'
      '  from (select %2$I as key, %3$I as at from public.%1$I'
      '         where device_id = $1 and company_id is null and %3$I < $3'
      '         order by %3$I desc limit $4 for update skip locked) as late'
      ' where r.%2$I = late.key and r.%3$I = late.at and r.device_id = $1', v_table, v_key, v_time)
      using p_device, p_company, p_before, p_limit;
    get diagnostics v_owned = row_count;
    v_more := v_more or v_owned = p_limit;
  end loop;
  return v_more;
end
$$;

-- When a device gets its first company, what it has sent until then becomes that company's: a new device says hello
-- before somebody can claim it. Of what it has sent for months the newest rows do so at once, and own_late_rows goes on
-- with the others, so that nobody waits for them. Of a device that was released, what it sends until it is claimed stays
-- nobody's. What others have told a device to do ends with their right to it; the service is just sending a command whose
-- row is locked, and record_hello ends it.
create or replace function fleet_private.own_device()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if old.company_id is null and old.released_at is null then
    perform fleet_private.own_rows(new.device_id, new.company_id, 'infinity', 1000);
    update public.device_command_logs l set company_id = new.company_id
      from public.device_commands c
     where c.device_id = new.device_id and l.command_id = c.command_id and l.company_id is null;
    update public.device_commands set company_id = new.company_id where command_id in (
      select command_id from public.device_commands where device_id = new.device_id and company_id is null
         for update skip locked);
  end if;
  update public.device_commands
     set status = 'expired', reason = 'the device is not the company''s any more', finished_at = now()
   where command_id in (
     select command_id from public.device_commands
      where device_id = new.device_id and company_id is distinct from new.company_id and status in ('queued', 'sent')
        for update skip locked);
  return null;
end
$$;

-- Goes on with what own_device has left, p_limit rows of each table of a device at most, and returns whether there is more:
-- public.maintain_tables calls it. A row that another transaction was just writing when its device got its first company
-- was stamped before, and not seen by own_device; it is among them. To lock the device at each write instead would be a
-- write more for each row, and a lock that upgrades are waiting for. Looks at the devices that got their first company
-- within the last day; what they have sent since they were released stays nobody's.
drop function if exists fleet_private.own_late_rows();
create or replace function fleet_private.own_late_rows(p_limit integer)
returns boolean
language plpgsql
set search_path = ''
-- The devices are few, and their rows have indexes.
set enable_seqscan = off
as $$
declare
  v_device text;
  v_owner uuid;
  v_before timestamptz;
  v_more boolean := false;
begin
  for v_device, v_owner, v_before in
    select f.device_id, f.owner_id, least(f.until + interval '1 minute', d.released_at)
      from fleet_private.former_devices f
      join public.devices d on d.device_id = f.device_id
     where f.company_id is null and f.owner_id is not null and f.until > now() - interval '1 day'
     order by f.device_id
  loop
    v_more := fleet_private.own_rows(v_device, v_owner, v_before, p_limit) or v_more;
    exit when v_more;
  end loop;
  return v_more;
end
$$;

select fleet_private.set_callers(
  'service', 'fleet_private.own_rows', 'fleet_private.own_late_rows', 'fleet_private.may_be_of_picture',
  'fleet_private.hand_over_device', 'fleet_private.own_device');

-- Here, and not with what fills the table: record_capture asks may_be_of_picture at every moment of an upgrade.
grant select on fleet_private.former_devices to service_role;

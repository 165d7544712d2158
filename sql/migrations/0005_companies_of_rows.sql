-- Each row of a device belongs to the company that has the device when the row is written: it is stamped then, and
-- stays with that company when the device is handed over. docs/adr/0022-company-of-a-row.md has the reasons.
-- company_id has no foreign key: to delete a company would have to touch all its rows, and a row of a company that is
-- gone is nobody's.

alter table public.captures add column if not exists company_id uuid;
alter table public.sensor_readings add column if not exists company_id uuid;
alter table public.device_status add column if not exists company_id uuid;
alter table public.device_errors add column if not exists company_id uuid;
alter table public.device_publish_log add column if not exists company_id uuid;
alter table public.device_commands add column if not exists company_id uuid;
alter table public.device_command_logs add column if not exists company_id uuid;

-- When the device was last taken from its company. Until it has a new one, its rows are nobody's.
alter table public.devices add column if not exists released_at timestamptz;

-- The next three are here, and not in a repeatable file, since rows must be stamped before older ones are filled.

-- Stamps a row with the company that has its device.
create or replace function fleet_private.stamp_company()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.company_id is null then
    new.company_id := (select company_id from public.devices where device_id = new.device_id);
  end if;
  return new;
end
$$;

-- Stamps a reading with the company of its capture, which may have begun before the device was handed over.
create or replace function fleet_private.stamp_company_of_reading()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.company_id is null then
    new.company_id := case when new.capture_id is null
      then (select company_id from public.devices where device_id = new.device_id)
      else (select company_id from public.captures where capture_id = new.capture_id) end;
  end if;
  return new;
end
$$;

-- Stamps a log entry with the company of its command.
create or replace function fleet_private.stamp_company_of_command_log()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.company_id := coalesce(
    new.company_id, (select company_id from public.device_commands where command_id = new.command_id));
  return new;
end
$$;

create or replace trigger captures_stamp_company before insert on public.captures
  for each row execute function fleet_private.stamp_company();
create or replace trigger sensor_readings_stamp_company before insert on public.sensor_readings
  for each row execute function fleet_private.stamp_company_of_reading();
create or replace trigger device_status_stamp_company before insert on public.device_status
  for each row execute function fleet_private.stamp_company();
create or replace trigger device_errors_stamp_company before insert on public.device_errors
  for each row execute function fleet_private.stamp_company();
create or replace trigger device_publish_log_stamp_company before insert on public.device_publish_log
  for each row execute function fleet_private.stamp_company();
create or replace trigger device_commands_stamp_company before insert on public.device_commands
  for each row execute function fleet_private.stamp_company();
create or replace trigger device_command_logs_stamp_company before insert on public.device_command_logs
  for each row execute function fleet_private.stamp_company_of_command_log();

-- What a company has told a device to do ends with its right to the device. When a device gets its first company, what it has sent until then becomes that company's: a new device says hello
-- before somebody can claim it. Of a device that was released, what it sends until it is claimed stays nobody's: it
-- may still stand where it stood.
create or replace function fleet_private.own_device()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if old.company_id is not null then
    update public.device_commands
       set status = 'expired', reason = 'the device is not the company''s any more', finished_at = now()
     where device_id = new.device_id and company_id = old.company_id and status in ('queued', 'sent');
  end if;
  if new.company_id is null then
    update public.devices set released_at = now() where device_id = new.device_id;
  elsif old.company_id is null and old.released_at is null then
    update public.captures set company_id = new.company_id where device_id = new.device_id and company_id is null;
    update public.sensor_readings set company_id = new.company_id where device_id = new.device_id and company_id is null;
    update public.device_status set company_id = new.company_id where device_id = new.device_id and company_id is null;
    update public.device_errors set company_id = new.company_id where device_id = new.device_id and company_id is null;
    update public.device_publish_log set company_id = new.company_id where device_id = new.device_id and company_id is null;
    update public.device_command_logs l set company_id = new.company_id
      from public.device_commands c
     where c.device_id = new.device_id and l.command_id = c.command_id and l.company_id is null;
    update public.device_commands set company_id = new.company_id where device_id = new.device_id and company_id is null;
  end if;
  return null;
end
$$;
create or replace trigger devices_own after update of company_id on public.devices
  for each row when (old.company_id is distinct from new.company_id) execute function fleet_private.own_device();

select fleet_private.set_callers('service', 'fleet_private.stamp_company', 'fleet_private.stamp_company_of_reading',
  'fleet_private.stamp_company_of_command_log', 'fleet_private.own_device');

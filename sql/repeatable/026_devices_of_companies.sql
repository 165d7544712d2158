-- What the members of a company do with its devices: claim and release them, say where and what they are, set their
-- schedules, and queue and cancel commands. Viewers do none of it.

-- Writes a code of a label as it was hashed: capitals and digits alone, with what people misread set right.
create or replace function fleet_private.plain_code(p_code text)
returns text
language sql
immutable
set search_path = ''
as $$
  select translate(regexp_replace(upper(left(p_code, 64)), '[^A-Z0-9]', '', 'g'), 'OIL', '011')
$$;

-- For operators: makes the device with this code on its label one of the own company, and returns its id. Returns null
-- if no device has this code, or if another company has the device: which of both, nobody learns. Raises 42501, and
-- PT429 after 10 wrong codes in an hour. It does not raise for a wrong code, because then it would not count it.
create or replace function public.claim_device(p_code text)
returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company uuid;
  v_device text;
begin
  -- One try after the other, so that many at once count too. What the caller is, is asked under the lock.
  perform from public.users where user_id = auth.uid() for no key update;
  perform fleet_private.require_role('operator');
  v_company := fleet_private.company_of_user();
  delete from fleet_private.claim_attempts where user_id = auth.uid() and since < now() - interval '1 hour';
  if exists (select from fleet_private.claim_attempts where user_id = auth.uid() and wrong >= 10) then
    raise exception 'too many wrong codes: try again in an hour' using errcode = 'PT429';
  end if;

  select device_id into v_device from fleet_private.device_codes
   where code_sha256 = fleet_private.hash_of(fleet_private.plain_code(p_code));
  if found then
    insert into public.devices (device_id) values (v_device) on conflict do nothing;
    update public.devices set company_id = v_company
     where device_id = v_device and (company_id is null or company_id = v_company);
    if found then
      return v_device;
    end if;
  end if;
  insert into fleet_private.claim_attempts as a (user_id, wrong) values (auth.uid(), 1)
  on conflict (user_id) do update set wrong = a.wrong + 1;
  return null;
end
$$;

-- For admins: gives a device up, so that whoever holds its label can claim it. What it has sent stays with the company;
-- its name, notes, tags, site and schedule end. Raises 42501, and PT404 if the company has no such device.
create or replace function public.release_device(p_device text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.require_role('admin');
  update public.devices set company_id = null
   where device_id = p_device and company_id = fleet_private.company_of_user();
  if not found then
    raise exception 'the company has no such device' using errcode = 'PT404';
  end if;
end
$$;

-- For `fleet devices`: keeps the hashes of the codes on the labels of devices, [{device_id, code_sha256}].
-- A code is hashed as plain_code writes it. Returns the devices that have a code already; unless p_replace is true,
-- nothing is kept if there are any, since a label that is stuck on would be worth nothing. Raises 23514 for an unusable
-- device_id.
create or replace function public.set_device_codes(p_codes jsonb, p_replace boolean default false)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_known jsonb;
begin
  select coalesce(jsonb_agg(c.device_id order by c.device_id), '[]') into v_known
    from fleet_private.device_codes c
   where c.device_id in (select e->>'device_id' from fleet_private.elements(p_codes) as e);
  if p_replace or v_known = '[]' then
    insert into fleet_private.device_codes as c (device_id, code_sha256)
    select e->>'device_id', e->>'code_sha256' from fleet_private.elements(p_codes) as e order by 1
    on conflict (device_id) do update set code_sha256 = excluded.code_sha256, created_at = now();
  end if;
  return v_known;
end
$$;

-- Returns the text at a key of an object, without spaces around it, null if it is empty. Raises 22023 if it is no text
-- or longer than p_most characters.
create or replace function fleet_private.text_at(p_object jsonb, p_key text, p_most integer)
returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_text constant text := btrim(p_object->>p_key);
begin
  if jsonb_typeof(p_object->p_key) not in ('string', 'null') or length(v_text) > p_most then
    raise exception '% is no text of at most % characters', p_key, p_most using errcode = '22023';
  end if;
  return nullif(v_text, '');
end
$$;

-- Returns the tags in a JSON array of at most 20 texts of 1 to 40 characters, each once. Raises 22023 for anything else.
create or replace function fleet_private.tags_of(p_tags jsonb)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
begin
  if jsonb_typeof(p_tags) <> 'array' or jsonb_array_length(p_tags) > 20
     or exists (select from jsonb_array_elements(p_tags) as e
                 where jsonb_typeof(e) <> 'string' or length(btrim(e #>> '{}')) not between 1 and 40) then
    raise exception 'tags are an array of at most 20 texts of 1 to 40 characters' using errcode = '22023';
  end if;
  return array(select distinct btrim(e) from jsonb_array_elements_text(p_tags) as e order by 1);
end
$$;

-- For operators: changes what the company says about a device. p_changes has any of
--   {name, location, timezone, notes, tags: [], site_id}
-- and leaves alone what it does not name; null, or [] for the tags, removes. Raises 42501, PT404 if the company has no
-- such device, and 22023 for another key or an unusable value.
create or replace function public.update_device(p_device text, p_changes jsonb)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_unknown text;
  v_site uuid;
begin
  perform fleet_private.require_role('operator');
  if jsonb_typeof(p_changes) is distinct from 'object' then
    raise exception 'the changes are no object' using errcode = '22023';
  end if;
  select string_agg(key, ', ' order by key) into v_unknown from jsonb_object_keys(p_changes) as key
   where key not in ('name', 'location', 'timezone', 'notes', 'tags', 'site_id');
  if v_unknown is not null then
    raise exception 'this cannot be changed: %', left(v_unknown, 200) using errcode = '22023';
  end if;
  if not fleet_private.is_timezone(fleet_private.text_at(p_changes, 'timezone', 64)) then
    raise exception 'timezone is no name like Europe/Berlin' using errcode = '22023';
  end if;
  if p_changes->>'site_id' is not null then
    select site_id into v_site from public.sites where company_id = v_company and site_id::text = p_changes->>'site_id';
    if not found then
      raise exception 'the company has no such site' using errcode = '22023';
    end if;
  end if;
  update public.devices
     set name = case when p_changes ? 'name' then fleet_private.text_at(p_changes, 'name', 120) else name end,
         location = case when p_changes ? 'location' then fleet_private.text_at(p_changes, 'location', 255) else location end,
         timezone = case when p_changes ? 'timezone' then fleet_private.text_at(p_changes, 'timezone', 64) else timezone end,
         notes = case when p_changes ? 'notes' then fleet_private.text_at(p_changes, 'notes', 4000) else notes end,
         tags = case when p_changes ? 'tags' then fleet_private.tags_of(p_changes->'tags') else tags end,
         site_id = case when p_changes ? 'site_id' then v_site else site_id end
   where device_id = p_device and company_id = v_company;
  if not found then
    raise exception 'the company has no such device' using errcode = 'PT404';
  end if;
end
$$;

-- Locks a device of the company, so that it is not handed over meanwhile. Raises PT404 if the company has no such device.
create or replace function fleet_private.lock_device(p_device text, p_company uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform from public.devices where device_id = p_device and company_id = p_company for no key update;
  if not found then
    raise exception 'the company has no such device' using errcode = 'PT404';
  end if;
end
$$;

-- For operators: sets the schedule of a device of the own company, or with p_device null the one of the company, in
-- place of what it was; with nothing but p_device it ends. The columns of device_configs say what each means. Raises
-- 42501, PT404 if the company has no such device, and 22023 for values that are no schedule.
create or replace function public.set_schedule(
  p_device text, p_captures_per_day integer default null, p_times_of_day time[] default null,
  p_interval_minutes integer default null, p_timezone text default null, p_wake_spread_s integer default null
)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
begin
  perform fleet_private.require_role('operator');
  if p_device is not null then
    perform fleet_private.lock_device(p_device, v_company);
  end if;
  if num_nonnulls(p_captures_per_day, p_times_of_day, p_interval_minutes, p_timezone, p_wake_spread_s) = 0 then
    delete from public.device_configs
     where case when p_device is null then company_id = v_company else device_id = p_device end;
    return;
  end if;
  if p_device is null then
    insert into public.device_configs (company_id, captures_per_day, times_of_day, interval_minutes, timezone, wake_spread_s)
    values (v_company, p_captures_per_day, p_times_of_day, p_interval_minutes, p_timezone, p_wake_spread_s)
    on conflict (company_id) where company_id is not null do update
      set captures_per_day = excluded.captures_per_day, times_of_day = excluded.times_of_day,
          interval_minutes = excluded.interval_minutes, timezone = excluded.timezone,
          wake_spread_s = excluded.wake_spread_s;
  else
    insert into public.device_configs (device_id, captures_per_day, times_of_day, interval_minutes, timezone, wake_spread_s)
    values (p_device, p_captures_per_day, p_times_of_day, p_interval_minutes, p_timezone, p_wake_spread_s)
    on conflict (device_id) where device_id is not null do update
      set captures_per_day = excluded.captures_per_day, times_of_day = excluded.times_of_day,
          interval_minutes = excluded.interval_minutes, timezone = excluded.timezone,
          wake_spread_s = excluded.wake_spread_s;
  end if;
exception
  -- The checks of the table cannot look into every array: of one with two dimensions they raise other errors.
  when check_violation or feature_not_supported or data_exception or program_limit_exceeded then
    raise exception using errcode = '22023', message =
      'a schedule has one of captures_per_day (1 to 288), times_of_day (1 to 288 of them) and interval_minutes '
      '(1 to 10080); wake_spread_s is from 0 to 21600, timezone a name like Europe/Berlin';
end
$$;

-- Counts the open commands that a company has for a device. Whoever asks takes turns with others that ask for the same
-- device until the transaction ends, so that what many queue at once is counted too; volatile, to see what they queued.
create or replace function fleet_private.open_commands(p_device text, p_company uuid)
returns bigint
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('commands of ' || p_device, 0));
  return (select count(*) from public.device_commands
           where device_id = p_device and company_id = p_company and status in ('queued', 'sent'));
end
$$;

-- Bounds what a user tells a device: `custom` is for admins, who know the firmware; a device that sleeps for more than
-- 31 days is as good as lost; and 20 open commands are as many as one hello gets. What the service's key or SQL queues
-- is not bounded. Raises 42501, 22023.
create or replace function fleet_private.bound_command()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if auth.uid() is null then
    return new;
  end if;
  if new.type = 'custom' and not fleet_private.user_may('admin') then
    raise exception 'command: custom needs the role admin' using errcode = '42501';
  end if;
  if new.type = 'next_wake' and fleet_private.as_time(new.payload->>'next_wake') > now() + interval '31 days' then
    raise exception 'command: payload.next_wake is more than 31 days ahead' using errcode = '22023';
  end if;
  -- Those of another company are not counted: that would tell of them, since the policy is asked later.
  if fleet_private.open_commands(new.device_id, fleet_private.company_of_user()) >= 20 then
    raise exception 'command: the device has 20 open commands' using errcode = '22023';
  end if;
  return new;
end
$$;
-- Triggers run in the order of their names: this one after device_commands_check.
create or replace trigger device_commands_within_bounds before insert on public.device_commands
  for each row execute function fleet_private.bound_command();

-- For operators: ends a command of the own company that is still open. One that was sent is not sent again, but its
-- device may have done it already. Raises 42501, and PT404 if the company has no such open command.
create or replace function public.cancel_command(p_command uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.require_role('operator');
  update public.device_commands
     set status = 'cancelled', finished_at = now(),
         reason = case status when 'queued' then 'cancelled before it was sent' else 'cancelled after it was sent' end
   where command_id = p_command and company_id = fleet_private.company_of_user() and status in ('queued', 'sent');
  if not found then
    raise exception 'the company has no such open command' using errcode = 'PT404';
  end if;
end
$$;

-- A new site is one of the caller's company, which has some 1,000 at most, so that nobody fills the table. Raises 22023.
create or replace function fleet_private.stamp_site()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.company_id := coalesce(new.company_id, fleet_private.company_of_user());
  if (select count(*) from public.sites where company_id = new.company_id) >= 1000 then
    raise exception 'the company has 1000 sites' using errcode = '22023';
  end if;
  return new;
end
$$;
create or replace trigger sites_stamp before insert on public.sites
  for each row execute function fleet_private.stamp_site();

select fleet_private.set_callers('users', 'fleet_private.is_timezone', 'public.cancel_command', 'public.claim_device',
  'public.release_device', 'public.set_schedule', 'public.update_device');
select fleet_private.set_callers('service', 'fleet_private.plain_code', 'public.set_device_codes', 'fleet_private.text_at',
  'fleet_private.tags_of', 'fleet_private.open_commands', 'fleet_private.bound_command', 'fleet_private.stamp_site',
  'fleet_private.lock_device');

-- Members see the sites, operators make and change them. A site that goes leaves its devices where they are.
grant select, insert, update, delete on public.sites to service_role;
grant select, delete, insert (name, timezone), update (name, timezone) on public.sites to authenticated;
drop policy if exists sites_read_company on public.sites;
create policy sites_read_company on public.sites for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));
drop policy if exists sites_write_operators on public.sites;
create policy sites_write_operators on public.sites for all to authenticated
  using (company_id = (select fleet_private.company_of_user()) and (select fleet_private.user_may('operator')))
  with check (company_id = (select fleet_private.company_of_user()) and (select fleet_private.user_may('operator')));

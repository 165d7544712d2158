-- Films of a device's pictures. Members ask for one; a worker claims it, makes it, and says how that goes. It stands before
-- 080_storage.sql, whose policy reads the table. docs/timelapse.md tells it, docs/adr/0034-time-lapse.md has the reasons.

-- Raises PT404 unless the company has this time-lapse, and returns it; nobody changes it until the transaction ends.
create or replace function fleet_private.own_timelapse(p_timelapse uuid)
returns public.timelapses
language plpgsql
set search_path = ''
as $$
declare
  v_timelapse public.timelapses;
begin
  select * into v_timelapse from public.timelapses
   where timelapse_id = p_timelapse and company_id = fleet_private.company_of_user()
     for no key update;
  if not found then
    raise exception 'the company has no such time-lapse' using errcode = 'PT404';
  end if;
  return v_timelapse;
end
$$;

-- Reads what users want of a time-lapse: {format, fps, width, deflicker, burn_date, burn_readings, timezone}, each of them
-- or none. Raises 22023 for anything else.
create or replace function fleet_private.as_timelapse(p_options jsonb, p_timezone text)
returns public.timelapses
language plpgsql
stable
set search_path = ''
as $$
declare
  v_made public.timelapses;
  v_widest integer;
  v_unknown text;
begin
  if jsonb_typeof(p_options) is distinct from 'object' then
    raise exception 'the options are no object' using errcode = '22023';
  end if;
  v_made.format := coalesce(p_options->>'format', 'mp4');
  v_widest := case v_made.format when 'webp' then 640 else 1280 end;
  select string_agg(key, ', ' order by key) into v_unknown
    from jsonb_each(p_options) as e (key, value)
   where case
     when value = 'null' then key not in ('format', 'fps', 'width', 'deflicker', 'burn_date', 'burn_readings', 'timezone')
     when key = 'format' then value not in ('"mp4"', '"webp"')
     when key = 'fps' then jsonb_typeof(value) <> 'number' or fleet_private.as_integer(value #>> '{}', 1, 60) is null
     when key = 'width' then jsonb_typeof(value) <> 'number' or fleet_private.as_integer(value #>> '{}', 160, v_widest) is null
     when key in ('deflicker', 'burn_date', 'burn_readings') then jsonb_typeof(value) <> 'boolean'
     when key = 'timezone' then jsonb_typeof(value) <> 'string' or not fleet_private.is_timezone(value #>> '{}')
     else true end;
  if v_unknown is not null then
    raise exception 'these are no options of a time-lapse: %', left(v_unknown, 200) using errcode = '22023';
  end if;
  v_made.fps := coalesce(fleet_private.as_integer(p_options->>'fps', 1, 60), case v_made.format when 'webp' then 10 else 24 end);
  v_made.width := coalesce(
    fleet_private.as_integer(p_options->>'width', 160, v_widest), case v_made.format when 'webp' then 480 else 1280 end);
  v_made.deflicker := coalesce((p_options->>'deflicker')::boolean, true);
  v_made.burn_date := coalesce((p_options->>'burn_date')::boolean, false);
  v_made.burn_readings := coalesce((p_options->>'burn_readings')::boolean, false);
  v_made.timezone := coalesce(p_options->>'timezone', p_timezone);
  return v_made;
end
$$;

-- The first p_limit pictures of a company's device that can be in a film, in the order in which they were taken. One without
-- a thumbnail could not be decoded; one that shares its object may name another's, so nobody is shown that (080_storage.sql).
create or replace function fleet_private.film_of(
  p_company uuid, p_device text, p_from timestamptz, p_to timestamptz, p_limit integer
)
returns table (capture_id uuid, captured_at timestamptz, path text)
language sql
stable
set search_path = ''
as $$
  select capture_id, captured_at, storage_path from public.captures
   where company_id = p_company and device_id = p_device and ingest_status = 'stored'
     and captured_at >= p_from and captured_at < p_to
     and storage_path is not null and thumbnail_path is not null and not damaged and shares_object is not true
   order by captured_at
   limit p_limit
$$;

-- For operators: asks for a film of the pictures that a device took from p_from on and before p_to, as far as they are the
-- company's. p_options are those of as_timelapse: without any an MP4 of 24 frames a second, no side longer than 1280 px,
-- without flicker. Returns its id. Raises 42501, 22023 for what cannot be had, PT404 if the company has no pictures of the
-- device in that time, and PT429 while it has five under way.
create or replace function public.request_timelapse(
  p_device text, p_from timestamptz, p_to timestamptz, p_options jsonb default '{}'
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_made public.timelapses;
begin
  perform fleet_private.require_role('operator');
  if p_from is null or p_to is null or p_from >= p_to or not isfinite(p_from) or not isfinite(p_to) then
    raise exception 'a time-lapse goes from one time to a later one' using errcode = '22023';
  end if;
  v_made := fleet_private.as_timelapse(p_options, coalesce(
    (select timezone from fleet_private.wakes(p_device, now())
      where exists (select from public.devices where device_id = p_device and company_id = v_company)), 'UTC'));
  -- So that two that ask at once are counted.
  perform from public.companies where company_id = v_company for no key update;
  if (select count(*) from public.timelapses where company_id = v_company) >= 100 then
    raise exception 'the company has 100 time-lapses: delete one first' using errcode = '22023';
  end if;
  if (select count(*) from public.timelapses where company_id = v_company and state in ('queued', 'running')) >= 5 then
    raise exception 'the company has 5 time-lapses under way: wait for one, or cancel it' using errcode = 'PT429';
  end if;
  if not exists (select from fleet_private.film_of(v_company, p_device, p_from, p_to, 1)) then
    raise exception 'the company has no pictures of this device in that time' using errcode = 'PT404';
  end if;
  insert into public.timelapses (company_id, device_id, since, until, format, fps, width, deflicker, burn_date, burn_readings,
                                 timezone)
  values (v_company, p_device, p_from, p_to, v_made.format, v_made.fps, v_made.width, v_made.deflicker, v_made.burn_date,
          v_made.burn_readings, v_made.timezone)
  returning timelapse_id into v_made.timelapse_id;
  return v_made.timelapse_id;
end
$$;

-- For operators: ends a time-lapse of the own company that is not done. Returns whether it was under way. Raises 42501 and
-- PT404.
create or replace function public.cancel_timelapse(p_timelapse uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.require_role('operator');
  if (fleet_private.own_timelapse(p_timelapse)).state not in ('queued', 'running') then
    return false;
  end if;
  update public.timelapses set state = 'cancelled', finished_at = now() where timelapse_id = p_timelapse;
  return true;
end
$$;

-- For operators: removes a time-lapse of the own company, its film too; one that is under way is cancelled. Raises as
-- cancel_timelapse.
create or replace function public.delete_timelapse(p_timelapse uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.require_role('operator');
  perform fleet_private.own_timelapse(p_timelapse);
  delete from public.timelapses where timelapse_id = p_timelapse;
end
$$;

-- The frames of a film, [[path, text], …], p_most at most. Of more pictures there is the first of each of p_most equal
-- spans of time, from the first picture to the last.
create or replace function fleet_private.frames_of(p_film public.timelapses, p_most integer)
returns jsonb
language plpgsql
stable
set search_path = ''
-- The pictures of a span are found in captures_stored_idx, however many others there are.
set enable_seqscan = off
set jit = off
as $$
declare
  v_frames jsonb;
  v_first timestamptz;
  v_span interval;
  v_many boolean;
begin
  select count(*) > p_most, min(captured_at) into v_many, v_first
    from fleet_private.film_of(p_film.company_id, p_film.device_id, p_film.since, p_film.until, p_most + 1);
  if v_many then
    v_span := ((select captured_at from public.captures
                 where company_id = p_film.company_id and device_id = p_film.device_id and ingest_status = 'stored'
                   and captured_at >= p_film.since and captured_at < p_film.until
                 order by captured_at desc limit 1) - v_first) / p_most;
  end if;
  with chosen as (
    select f.* from fleet_private.film_of(p_film.company_id, p_film.device_id, p_film.since, p_film.until, p_most) as f
     where not v_many
    union all
    select f.* from generate_series(0, p_most - 1) as place
     cross join lateral fleet_private.film_of(
       p_film.company_id, p_film.device_id, v_first + place * v_span,
       case when place < p_most - 1 then v_first + (place + 1) * v_span else p_film.until end, 1) as f
     where v_many
  )
  select coalesce(jsonb_agg(jsonb_build_array(c.path, concat_ws('   ',
           case when p_film.burn_date then to_char(c.captured_at at time zone p_film.timezone, 'YYYY-MM-DD HH24:MI') end,
           case when p_film.burn_readings then nullif(concat_ws('  ',
             round(r.temperature_c::numeric, 1) || ' °C', round(r.humidity_pct::numeric) || ' %',
             round(r.pressure_hpa::numeric) || ' hPa'), '') end)) order by c.captured_at), '[]')
    into v_frames
    from chosen c
    left join public.sensor_readings r on p_film.burn_readings and r.capture_id = c.capture_id;
  return v_frames;
end
$$;

-- The service takes the next time-lapse, for p_lease: that of the company for which one was begun longest ago. What a
-- worker has left undone is begun anew, three times in all. Also lets go of one that was finished longer ago than p_keep.
-- Returns null if there is none, or {timelapse_id, claim, path, format, fps, width, deflicker, frames: as frames_of}.
create or replace function public.claim_timelapse(
  p_most integer default 3000, p_keep interval default '30 days', p_lease interval default '2 minutes'
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_film public.timelapses;
  v_frames jsonb;
begin
  -- One in a call: each locks what its company has in storage, which others lock in an order of theirs.
  delete from public.timelapses
   where timelapse_id = (select timelapse_id from public.timelapses where finished_at < now() - p_keep limit 1);
  update public.timelapses
     set state = 'failed', finished_at = now(), error_code = coalesce(error_code, 'interrupted'),
         error = coalesce(error, 'it was begun three times, and each time its worker died')
   where state = 'running' and attempts >= 3 and lease_until < now();
  select * into v_film from public.timelapses t
   where state in ('queued', 'running') and (lease_until is null or lease_until < now())
   order by (select max(o.started_at) from public.timelapses o where o.company_id = t.company_id) nulls first, created_at
   limit 1
     for update skip locked;
  if not found then
    return null;
  end if;
  v_frames := fleet_private.frames_of(v_film, case v_film.format when 'webp' then least(p_most, 300) else p_most end);
  update public.timelapses
     set state = 'running', attempts = attempts + 1, claim = gen_random_uuid(), lease_until = now() + p_lease,
         started_at = now(), frames_total = jsonb_array_length(v_frames), frames_done = 0, error_code = null, error = null
   where timelapse_id = v_film.timelapse_id
  returning * into v_film;
  -- As if somebody were removing it until the claim ends: nobody does while it is uploaded, and if this worker dies it goes.
  insert into fleet_private.object_removals (path, claimed_until)
  values (fleet_private.path_of_film(v_film), v_film.lease_until);
  return jsonb_build_object(
    'timelapse_id', v_film.timelapse_id, 'claim', v_film.claim, 'path', fleet_private.path_of_film(v_film),
    'format', v_film.format, 'fps', v_film.fps, 'width', v_film.width, 'deflicker', v_film.deflicker, 'frames', v_frames);
end
$$;

-- Where the film of a claim lies. Each claim has a path of its own, so a worker that was taken for dead disturbs nobody.
create or replace function fleet_private.path_of_film(p_film public.timelapses)
returns text
language sql
immutable
set search_path = ''
as $$
  select format('timelapses/%s/%s.%s', p_film.company_id, p_film.claim, p_film.format)
$$;

-- The film of a claim, if that is still good; nobody changes it until the transaction ends.
create or replace function fleet_private.claimed_film(p_claim uuid)
returns public.timelapses
language sql
set search_path = ''
as $$
  select * from public.timelapses where claim = p_claim and state = 'running' for no key update
$$;

-- Notes how far a film is, for another p_lease. Returns whether it is to go on: not if it was cancelled, if another
-- worker has it, or if its object is being removed, since the lease had ended.
create or replace function public.note_timelapse(p_claim uuid, p_done integer, p_lease interval default '2 minutes')
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_film constant public.timelapses := fleet_private.claimed_film(p_claim);
begin
  update fleet_private.object_removals set claimed_until = now() + p_lease
   where path = fleet_private.path_of_film(v_film) and claimed_until = v_film.lease_until;
  if not found then
    return false;
  end if;
  update public.timelapses set frames_done = p_done, lease_until = now() + p_lease where timelapse_id = v_film.timelapse_id;
  return true;
end
$$;

-- Notes that the film of a claim lies at its path. Returns whether that is so, as note_timelapse does: if not, the object goes.
create or replace function public.finish_timelapse(p_claim uuid, p_frames integer, p_bytes bigint)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_film constant public.timelapses := fleet_private.claimed_film(p_claim);
begin
  delete from fleet_private.object_removals
   where path = fleet_private.path_of_film(v_film) and claimed_until = v_film.lease_until;
  if not found then
    return false;
  end if;
  update public.timelapses t
     set state = 'done', path = fleet_private.path_of_film(t), bytes = p_bytes, frames_done = p_frames,
         frames_total = p_frames, duration_s = p_frames::double precision / fps, finished_at = now(), lease_until = null
   where timelapse_id = v_film.timelapse_id;
  return true;
end
$$;

-- Notes that a worker has given up. With p_again it is begun anew after p_wait, as long as there are attempts; an attempt
-- does not count that ended because its worker was stopped, p_code null.
create or replace function public.give_up_timelapse(
  p_claim uuid, p_code text, p_words text, p_again boolean, p_wait interval default '5 minutes'
)
returns void
language sql
set search_path = ''
as $$
  update public.timelapses
     set state = case when p_again and (p_code is null or attempts < 3) then 'queued' else 'failed' end,
         finished_at = case when p_again and (p_code is null or attempts < 3) then null else now() end,
         attempts = case when p_code is null then attempts - 1 else attempts end,
         lease_until = case when p_again and p_code is not null then now() + p_wait end,
         error_code = p_code, error = left(p_words, 300)
   where claim = p_claim and state = 'running'
$$;

-- A film that no row names goes, and what the company has in storage is counted with its films. Security definer, since
-- whoever deletes a row has no right on these tables.
create or replace function fleet_private.film_changed()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_row constant public.timelapses := case when tg_op = 'DELETE' then old else new end;
  v_more constant bigint := case when tg_op = 'DELETE' then -old.bytes else new.bytes end;
begin
  insert into fleet_private.stored_bytes as s (company_id, bytes) values (v_row.company_id, v_more)
  on conflict (company_id) do update set bytes = s.bytes + excluded.bytes;
  insert into fleet_private.device_bytes as s (device_id, company_id, bytes) values (v_row.device_id, v_row.company_id, v_more)
  on conflict (company_id, device_id) do update set bytes = s.bytes + excluded.bytes;
  if tg_op = 'DELETE' then
    insert into fleet_private.object_removals (path) values (old.path) on conflict do nothing;
  end if;
  return null;
end
$$;
create or replace trigger timelapses_done after update of path on public.timelapses
  for each row when (old.path is null and new.path is not null) execute function fleet_private.film_changed();
create or replace trigger timelapses_gone after delete on public.timelapses
  for each row when (old.path is not null) execute function fleet_private.film_changed();
create or replace trigger timelapses_audit after insert or delete on public.timelapses
  for each row execute function fleet_private.audit('timelapse_id', 'device_id', 'since', 'until', 'format');

select fleet_private.set_callers('users', 'public.request_timelapse', 'public.cancel_timelapse', 'public.delete_timelapse');
select fleet_private.set_callers('service', 'fleet_private.own_timelapse', 'fleet_private.as_timelapse',
  'fleet_private.film_of', 'fleet_private.frames_of', 'fleet_private.path_of_film', 'fleet_private.claimed_film', 'fleet_private.film_changed',
  'public.claim_timelapse', 'public.note_timelapse', 'public.finish_timelapse', 'public.give_up_timelapse');

grant select on public.timelapses to authenticated;
drop policy if exists timelapses_read_company on public.timelapses;
create policy timelapses_read_company on public.timelapses for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));

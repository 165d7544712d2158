-- What the console's gallery asks. Its functions have the rights of who calls them, so that row level security holds; each
-- answers with one jsonb, and none with more than 1,000 pictures. docs/console.md tells what the gallery shows.
--
-- p_filter is, everything optional: {zone: the time zone of days and hours, site, device, search: a part of a device's name,
-- id or place, status: whole, partial, failed, gone, pinned or all, by default what has a picture (whole and partial),
-- health: odd (anything but ok) or one of them, from, to: hours of the day, the second one not included; 22 to 6 is the night}.

-- Raises 22023 for what is no filter.
create or replace function fleet_private.gallery_filter(
  p_filter jsonb,
  out zone text, out statuses text[], out healths text[], out pinned boolean, out devices text[], out hours integer[]
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_device constant text := p_filter->>'device';
  v_site constant text := p_filter->>'site';
  v_search constant text := lower(p_filter->>'search');
  v_from constant bigint := fleet_private.as_integer(p_filter->>'from', 0, 23);
  v_to constant bigint := fleet_private.as_integer(p_filter->>'to', 0, 24);
  v_all constant text[] := array['black', 'white', 'blurred', 'frozen', 'covered', 'shifted', 'damaged'];
begin
  zone := coalesce(p_filter->>'zone', 'UTC');
  pinned := coalesce(p_filter->>'status' = 'pinned', false);
  statuses := case coalesce(p_filter->>'status', 'pictures')
    when 'pictures' then array['stored', 'partial'] when 'whole' then array['stored'] when 'pinned' then array['stored']
    when 'partial' then array['partial'] when 'failed' then array['failed'] when 'gone' then array['expired']
    when 'all' then array['stored', 'partial', 'failed', 'expired'] end;
  healths := case when p_filter->>'health' = 'odd' then v_all when p_filter ? 'health' then array[p_filter->>'health'] end;
  if not fleet_private.is_timezone(zone) or statuses is null or not healths <@ (v_all || array['ok'])
     or (num_nonnulls(p_filter->>'from', p_filter->>'to') > 0 and num_nulls(v_from, v_to) > 0) then
    raise exception 'this is no filter of the gallery' using errcode = '22023';
  end if;
  -- The night is what is left without the day.
  hours := case when v_from is not null then array(
    select h from generate_series(0, 23) as h
     where case when v_from < v_to then h >= v_from and h < v_to else h >= v_from or h < v_to end) end;
  -- A device that was handed over left its pictures here: it is named without looking at who has it now.
  devices := case
    when v_device is not null and num_nonnulls(v_site, v_search) = 0 then array[v_device]
    when num_nonnulls(v_device, v_site, v_search) > 0 then array(
      select d.device_id from public.devices d
       where d.company_id = v_company
         and (v_device is null or d.device_id = v_device)
         and (v_site is null or d.site_id::text = v_site)
         and (v_search is null or position(v_search in lower(concat_ws(' ', d.name, d.device_id, d.location))) > 0)) end;
end
$$;

-- The condition of a filter, for queries that are planned with its values: $1 is the company, $2 to $7 are the columns of
-- gallery_filter. `c` is captures.
create or replace function fleet_private.gallery_condition()
returns text
language sql
immutable
set search_path = ''
as $$
  select $condition$
    c.company_id = $1 and c.ingest_status = any ($3)
    and ($4 is null or c.health = any ($4))
    and (not $5 or c.pinned)
    and ($6 is null or c.device_id = any ($6))
    and ($7 is null or extract(hour from c.captured_at at time zone $2) = any ($7))
  $condition$
$$;

-- The open commands and the latest ended ones that ask a device for this picture again, newest first: one name may be that of
-- another picture later, so what was asked before this one came is not told.
create or replace function fleet_private.asked_again(p_row public.captures)
returns setof public.device_commands
language sql
stable
set search_path = ''
as $$
  select q.* from public.device_commands q
   where q.device_id = p_row.device_id and q.type = 'send_image' and q.payload->>'image_name' = p_row.device_capture_id
     and q.created_at >= p_row.created_at
   order by q.created_at desc, q.queue_number desc
   limit 3
$$;
-- Whether one of them is open.
create or replace function fleet_private.is_asked_again(p_row public.captures)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select from public.device_commands q
     where q.device_id = p_row.device_id and q.status in ('queued', 'sent') and q.type = 'send_image'
       and q.payload->>'image_name' = p_row.device_capture_id and q.created_at >= p_row.created_at)
$$;

-- How a picture is told. Of one that failed or came in part also what is needed to ask for it again; `share` is how much of
-- a partial one is there.
create or replace function fleet_private.gallery_picture(p_row public.captures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'id', p_row.capture_id, 'device', p_row.device_id, 'at', p_row.captured_at, 'status', p_row.ingest_status,
    'thumbnail', p_row.thumbnail_path, 'path', p_row.storage_path,
    'health', nullif(p_row.health, 'ok'), 'pinned', nullif(p_row.pinned, false),
    'share', case when p_row.ingest_status = 'partial' then round(p_row.partial_rows::numeric / nullif(p_row.height, 0), 3) end,
    'name', case when p_row.ingest_status in ('failed', 'partial') then p_row.device_capture_id end,
    'error_code', case when p_row.ingest_status in ('failed', 'partial') then p_row.error_code end,
    'asked', case when p_row.ingest_status in ('failed', 'partial') then nullif(fleet_private.is_asked_again(p_row), false) end))
$$;

-- What there is: {buckets: [[from, to, day, pictures]], newest first, devices: [{device_id, name, site_id, timezone}],
-- sites: [{site_id, name, timezone}], asked_at}. A bucket is a stretch of time, in seconds since 1970, of which the pictures
-- are asked at once: a local day, and of days with more than 300 pictures the hours, and of such hours the quarters.
create or replace function public.console_gallery(p_filter jsonb default '{}')
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_filter record;
  v_quarters text;
  v_buckets jsonb;
begin
  select * into v_filter from fleet_private.gallery_filter(p_filter);
  -- No zone has a day or an hour that begins within a quarter of an hour. What is counted knows neither devices nor how
  -- pictures look.
  v_quarters := case
    when not v_filter.pinned and num_nonnulls(v_filter.healths, v_filter.devices) = 0 then $query$
      select quarter, pictures from fleet_private.pictures_by_quarter($3)
       where $7 is null or extract(hour from quarter at time zone $2) = any ($7)
    $query$ else $query$
      select date_bin('15 minutes', c.captured_at, '2000-01-01 00:00:00+00') as quarter, count(*) as pictures
        from public.captures c where $query$ || fleet_private.gallery_condition() || $query$
       group by 1
    $query$ end;
  execute $query$
    with quarters as ($query$ || v_quarters || $query$), placed as (
      select *, (quarter at time zone $2)::date as day, date_bin('1 hour', quarter, '2000-01-01 00:00:00+00') as hour
        from quarters
    ), weighed as (
      select *, sum(pictures) over (partition by day) as of_day, sum(pictures) over (partition by day, hour) as of_hour
        from placed
    ), buckets as (
      select day, min(quarter) as first, max(quarter) as last, sum(pictures) as pictures
        from weighed
       group by day, case when of_day > 300 then hour end, case when of_day > 300 and of_hour > 300 then quarter end
    )
    select coalesce(jsonb_agg(jsonb_build_array(extract(epoch from first)::bigint, extract(epoch from last)::bigint + 900,
                                                day, pictures) order by first desc), '[]')
      from buckets
  $query$ into v_buckets
    using v_company, v_filter.zone, v_filter.statuses, v_filter.healths, v_filter.pinned, v_filter.devices, v_filter.hours;
  return jsonb_build_object(
    'buckets', v_buckets,
    'devices', (
      select coalesce(jsonb_agg(jsonb_build_object('device_id', d.device_id, 'name', d.name, 'site_id', d.site_id,
                                                   'timezone', coalesce(d.timezone, s.timezone))
                                order by lower(coalesce(d.name, d.device_id)), d.device_id), '[]')
        from public.devices d left join public.sites s on s.site_id = d.site_id
       where d.company_id = v_company),
    'sites', (
      select coalesce(jsonb_agg(jsonb_build_object('site_id', site_id, 'name', name, 'timezone', timezone)
                                order by lower(name), site_id), '[]')
        from public.sites where company_id = v_company),
    'asked_at', now());
end
$$;

-- The pictures from p_from up to p_to, newest first, as a list: {id, device, at, status, thumbnail, path, health, pinned,
-- share, name, error_code, asked}, 1,000 of them at most. Whoever asks for those that follow names the last one: p_after_at and p_after.
create or replace function public.console_pictures(
  p_from timestamptz, p_to timestamptz, p_filter jsonb default '{}', p_after_at timestamptz default null,
  p_after uuid default null
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_filter record;
  v_pictures jsonb;
begin
  select * into v_filter from fleet_private.gallery_filter(p_filter);
  execute $query$
    select coalesce(jsonb_agg(fleet_private.gallery_picture(f) order by f.captured_at desc, f.capture_id desc), '[]')
      from (select c.* from public.captures c
             where c.captured_at >= $8 and c.captured_at < $9
               and ($10 is null or (c.captured_at, c.capture_id) < ($10, $11)) and
  $query$ || fleet_private.gallery_condition() || $query$
             order by c.captured_at desc, c.capture_id desc
             limit 1000) as f
  $query$ into v_pictures
    using fleet_private.company_of_user(), v_filter.zone, v_filter.statuses, v_filter.healths, v_filter.pinned,
          v_filter.devices, v_filter.hours, p_from, p_to, p_after_at, coalesce(p_after, '00000000-0000-0000-0000-000000000000');
  return v_pictures;
end
$$;

-- What has come since the answer of asked_at p_since: {pictures: as console_pictures tells them, with their local day;
-- asked_at, more: whether there are more than these 200}. Some may have been told before: transactions do not end in the
-- order in which they begin.
create or replace function public.console_arrivals(p_since timestamptz, p_filter jsonb default '{}')
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_filter record;
  v_pictures jsonb;
begin
  select * into v_filter from fleet_private.gallery_filter(p_filter);
  execute $query$
    select coalesce(jsonb_agg(fleet_private.gallery_picture(f)
                                || jsonb_build_object('day', (f.captured_at at time zone $2)::date)), '[]')
      -- The first bound is there for the index: after an hour on its way a picture has failed.
      from (select c.* from public.captures c
             where c.created_at >= $8 - interval '1 hour' and coalesce(c.stored_at, c.updated_at) >= $8 and
  $query$ || fleet_private.gallery_condition() || $query$
             order by c.created_at desc
             limit 201) as f
  $query$ into v_pictures
    using fleet_private.company_of_user(), v_filter.zone, v_filter.statuses, v_filter.healths, v_filter.pinned,
          v_filter.devices, v_filter.hours, p_since - interval '15 seconds';
  return jsonb_build_object('pictures', v_pictures, 'asked_at', now(), 'more', jsonb_array_length(v_pictures) > 200);
end
$$;

-- All that is told of one picture: as console_pictures tells it, with {name, bytes, width, height, chunks, sha256,
-- health_reason, error_code, firmware, stored_at, expired_at, expired_by, timezone,
-- readings: {temperature_c, …} or null, story: as capture_story tells it,
-- asks: [{command_id, status, reason, created_at, sent_at, finished_at, pictured_at}], what asked for it again, newest first,
-- next_wake_at: of its device}.
-- With p_other, a picture to compare it with: other, as console_pictures tells it. With p_every, 'day' or 'week': same_hour,
-- the pictures of its device at its time of day, as console_pictures tells them, oldest first: of each of the 30 days before
-- and after, or of the same weekday of 26 weeks before and after, the one that is nearest to that time, within half an hour.
-- Days are those of the device's zone. Raises PT404, and 22023 for another p_every.
create or replace function public.console_picture(p_capture uuid, p_other uuid default null, p_every text default null)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_company constant uuid := fleet_private.company_of_user();
  v_row public.captures;
  v_other public.captures;
  v_story jsonb;
  v_zone text;
  v_step constant integer := case p_every when 'day' then 1 when 'week' then 7 end;
  v_most constant integer := case p_every when 'day' then 30 when 'week' then 26 end;
begin
  if p_every is not null and v_step is null then
    raise exception 'p_every is neither day nor week' using errcode = '22023';
  end if;
  select * into v_row from public.captures c where c.capture_id = p_capture and c.company_id = v_company;
  if not found then
    raise exception 'there is no such picture' using errcode = 'PT404';
  end if;
  if p_other is not null then
    select * into v_other from public.captures c where c.capture_id = p_other and c.company_id = v_company;
    if not found then
      raise exception 'there is no such picture to compare with' using errcode = 'PT404';
    end if;
  end if;
  v_story := public.capture_story(p_capture);
  v_zone := v_story->>'timezone';
  return fleet_private.gallery_picture(v_row) || jsonb_build_object(
    'name', v_row.device_capture_id, 'bytes', v_row.image_bytes, 'width', v_row.width, 'height', v_row.height,
    'chunks', v_row.total_chunks, 'sha256', v_row.image_sha256,
    'health_reason', v_row.health_reason, 'error_code', v_row.error_code, 'firmware', v_row.firmware_version,
    'stored_at', v_row.stored_at, 'expired_at', v_row.expired_at, 'expired_by', v_row.expired_by,
    'timezone', v_zone,
    'readings', (select jsonb_strip_nulls(jsonb_build_object(
                          'temperature_c', r.temperature_c, 'humidity_pct', r.humidity_pct, 'pressure_hpa', r.pressure_hpa,
                          'gas_kohm', r.gas_kohm))
                   from public.sensor_readings r where r.capture_id = p_capture limit 1),
    'story', v_story,
    'asks', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'command_id', a.command_id, 'status', a.status, 'reason', a.reason, 'created_at', a.created_at,
               'sent_at', a.sent_at, 'finished_at', a.finished_at, 'pictured_at', case when a.capture_id is not null then v_row.captured_at end)
               order by a.created_at desc, a.queue_number desc), '[]')
        from fleet_private.asked_again(v_row) as a),
    'next_wake_at', (select d.next_wake_at from public.devices d where d.device_id = v_row.device_id))
    || case when p_other is null then '{}' else jsonb_build_object('other', fleet_private.gallery_picture(v_other)) end
    || case when p_every is null then '{}' else jsonb_build_object('same_hour', (
      select coalesce(jsonb_agg(fleet_private.gallery_picture(f) order by f.captured_at), '[]')
        from generate_series(-v_most, v_most) as n
       cross join lateral (
         select (v_row.captured_at at time zone v_zone + make_interval(days => n * v_step)) at time zone v_zone as at) as m
       cross join lateral (
         select c.* from public.captures c
          where c.company_id = v_company and c.device_id = v_row.device_id and c.ingest_status in ('stored', 'partial')
            and c.captured_at between m.at - interval '30 minutes' and m.at + interval '30 minutes'
            and (n <> 0 or c.capture_id = p_capture)
          order by abs(extract(epoch from c.captured_at - m.at)), c.capture_id
          limit 1) as f)) end;
end
$$;

select fleet_private.set_callers('users', 'fleet_private.gallery_filter', 'fleet_private.gallery_condition',
  'fleet_private.asked_again', 'fleet_private.is_asked_again',
  'fleet_private.gallery_picture', 'public.console_gallery', 'public.console_pictures', 'public.console_arrivals',
  'public.console_picture');

-- What the console's pages about keeping ask, each in one call. They have the rights of who calls them.

-- For members: how long the own company keeps its pictures, and what it has. Returns
--   {usage: as storage_usage() tells it, with the 20 devices that have most,
--    policies: [the rows of keep_policies, with site_name and device_name], sites: [{site_id, name}]}
create or replace function public.console_keeping()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'usage', public.storage_usage(20),
    'policies', (
      select coalesce(jsonb_agg(
               to_jsonb(k) - 'company_id' || jsonb_build_object(
                 'site_name', s.name, 'device_name', coalesce(nullif(d.name, ''), k.device_id))
               order by k.device_id nulls first, k.site_id nulls first), '[]')
        -- A page of them; a company with a policy for each of many devices reads the table.
        from (select * from public.keep_policies order by device_id nulls first, site_id nulls first limit 500) as k
        left join public.sites s on s.site_id = k.site_id
        left join public.devices d on d.device_id = k.device_id),
    'sites', (select coalesce(jsonb_agg(jsonb_build_object('site_id', site_id, 'name', name) order by lower(name), site_id), '[]')
                from public.sites))
$$;

-- For members: the time-lapses of the own company, of which there are 100 at most, the latest first:
--   [{timelapse_id, device_id, device_name, since, until, format, fps, state, frames_total, frames_done, path, bytes,
--     duration_s, error, requested_by: the e-mail address, created_at, finished_at}]
create or replace function public.console_timelapses()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
           'timelapse_id', t.timelapse_id, 'device_id', t.device_id, 'device_name', coalesce(nullif(d.name, ''), t.device_id),
           'since', t.since, 'until', t.until, 'format', t.format, 'fps', t.fps, 'state', t.state,
           'frames_total', t.frames_total, 'frames_done', t.frames_done, 'path', t.path, 'bytes', t.bytes,
           'duration_s', t.duration_s, 'error', t.error, 'requested_by', u.email, 'created_at', t.created_at,
           'finished_at', t.finished_at) order by t.created_at desc, t.timelapse_id), '[]')
    from public.timelapses t
    left join public.devices d on d.device_id = t.device_id
    left join public.users u on u.user_id = t.requested_by
$$;

-- For members: the pictures of the own company that somebody has pinned, the latest first, p_limit (200 at most) before the
-- one named by p_before and p_before_id. Returns
--   {pictures: [{capture_id, device_id, device_name, timezone, captured_at, thumbnail_path}], more: whether older ones follow}
create or replace function public.console_pins(
  p_before timestamptz default null, p_before_id uuid default null, p_limit integer default 60
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  with found as (
    select c.capture_id, c.device_id, c.captured_at, c.thumbnail_path,
           row_number() over (order by c.captured_at desc, c.capture_id desc) as place
      from public.captures c
     where c.company_id = (select fleet_private.company_of_user()) and c.pinned and c.ingest_status = 'stored'
       and (c.captured_at, c.capture_id)
           < (coalesce(p_before, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     order by c.captured_at desc, c.capture_id desc
     limit least(greatest(coalesce(p_limit, 60), 1), 200) + 1
  )
  select jsonb_build_object(
    'pictures', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'capture_id', f.capture_id, 'device_id', f.device_id, 'device_name', coalesce(nullif(d.name, ''), f.device_id),
               'timezone', coalesce(d.timezone, s.timezone), 'captured_at', f.captured_at, 'thumbnail_path', f.thumbnail_path)
               order by f.place), '[]')
        from found f
        left join public.devices d on d.device_id = f.device_id
        left join public.sites s on s.site_id = d.site_id
       where f.place <= least(greatest(coalesce(p_limit, 60), 1), 200)),
    'more', (select count(*) > least(greatest(coalesce(p_limit, 60), 1), 200) from found))
$$;

select fleet_private.set_callers('users', 'public.console_keeping', 'public.console_pins', 'public.console_timelapses');

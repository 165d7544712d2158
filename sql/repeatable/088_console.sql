-- What the console's list of devices asks. Its functions have the rights of who calls them, so that row level security
-- holds. One answers the whole page, whatever the number of devices: as json, since jsonb takes twice as long to make.
-- docs/adr/0035-console.md has the reasons.

-- How each device is, in a word:
--   new      nothing was ever heard of it
--   lost     it is silent for so long that an alert is open
--   failing  an alert is open because its pictures fail or are not as before
--   late     it was due more than ten minutes ago, and nothing was heard
--   battery  an alert is open for its battery
--   asleep   as expected: it sleeps until next_wake_at, or it is awake
-- battery_level is its battery in per cent; of one that tells millivolts alone an estimate, as low_batteries() makes it.
-- Alerts are looked up for each device: without statistics, as in the embedded PGlite, a join would compare all with all.
drop view if exists public.device_states;
create view public.device_states with (security_invoker = on) as
select d.device_id, d.company_id, d.name, d.location, d.site_id, d.tags, d.timezone, d.last_seen_at, d.next_wake_at,
       d.wifi_rssi_dbm,
       case when d.last_seen_at is null then 'new'
            when a.lost then 'lost'
            when a.failing then 'failing'
            when d.next_wake_at > d.last_seen_at and d.next_wake_at < now() - interval '10 minutes' then 'late'
            when a.battery then 'battery'
            else 'asleep' end as state,
       coalesce(d.battery_percent, case when d.battery_mv between 2500 and 4500
                                        then least(greatest((d.battery_mv - 3300) / 9.0, 0), 100) end) as battery_level
  from public.devices d
 cross join lateral (
   select bool_or(kind = 'offline') as lost, bool_or(kind in ('failing', 'picture')) as failing,
          bool_or(kind in ('battery_low', 'battery_falling')) as battery
     from public.alerts
    where device_id = d.device_id and company_id = d.company_id and resolved_at is null) as a;
revoke all on public.device_states from public, anon, authenticated, service_role;
grant select on public.device_states to authenticated, service_role;

-- The devices of the caller's company that fit: {devices: [{device_id, name, location, site_id, tags, state, last_seen_at,
-- next_wake_at, timezone, battery, rssi, thumbnail_path, pictured_at}], days: {device_id: [[days ago, expected, silent, came,
-- failed]]}, matching: how many fit, of which the first p_limit are told, total: how many there are, states: {state: how many
-- fit but for their state}, sites: [{site_id, name}], tags}. days are those of the last 14 local days that have something to
-- tell.
-- p_sort is state (the worst first), name, seen or battery.
create or replace function public.console_devices(
  p_search text default null, p_site uuid default null, p_tag text default null, p_state text default null,
  p_sort text default 'state', p_limit integer default 1000
)
returns json
language sql
stable
set search_path = ''
as $$
  with own as materialized (
    select v.device_id, v.name, v.location, v.site_id, v.tags, v.last_seen_at, v.next_wake_at, v.wifi_rssi_dbm,
           coalesce(v.timezone, s.timezone) as timezone, v.state, v.battery_level
      from public.device_states v
      left join public.sites s on s.site_id = v.site_id
     where v.company_id = (select fleet_private.company_of_user())
  ), alike as materialized (
    select * from own
     where (p_search is null
            or position(lower(p_search) in lower(concat_ws(' ', name, device_id, location, array_to_string(tags, ' ')))) > 0)
       and (p_site is null or site_id = p_site)
       and (p_tag is null or p_tag = any (tags))
  ), fitting as materialized (
    select *, row_number() over (order by
             case when p_sort = 'state'
                  then array_position(array['lost', 'failing', 'late', 'battery', 'new', 'asleep'], state) end,
             case when p_sort = 'seen' then last_seen_at end desc nulls last,
             case when p_sort = 'battery' then battery_level end nulls last,
             lower(coalesce(name, device_id)), device_id) as place
      from alike
     where p_state is null or state = p_state
  ), shown as materialized (
    select * from fitting where place <= least(greatest(p_limit, 0), 1000)
  ), days as (
    select c.device_id,
           json_agg(json_build_array(t.today - c.day, c.expected, c.silent, c.stored + c.partial,
                                      c.failed_device + c.failed_transfer + c.failed_service) order by c.day) as days
      from public.capture_days c
     cross join lateral (select (now() at time zone c.timezone)::date as today) as t
     where c.company_id = (select fleet_private.company_of_user())
       -- The first bound is there for the index.
       and c.day > current_date - 16 and c.day > t.today - 14 and c.day <= t.today
       -- `is true` makes it a lookup by hash, and no join.
       and (c.device_id in (select device_id from shown)) is true
     group by c.device_id
  )
  select json_build_object(
    'devices', (
      select coalesce(json_agg(json_build_object(
               'device_id', s.device_id, 'name', s.name, 'location', s.location, 'site_id', s.site_id, 'tags', s.tags,
               'state', s.state, 'last_seen_at', s.last_seen_at, 'next_wake_at', s.next_wake_at, 'timezone', s.timezone,
               'battery', round(s.battery_level::numeric), 'rssi', s.wifi_rssi_dbm,
               'thumbnail_path', p.thumbnail_path, 'pictured_at', p.captured_at) order by s.place), '[]')
        from shown s
        left join lateral (
          select c.thumbnail_path, c.captured_at from public.captures c
           where c.device_id = s.device_id and c.ingest_status = 'stored' and c.thumbnail_path is not null
           order by c.captured_at desc limit 1) as p on true),
    'days', (select coalesce(json_object_agg(device_id, days), '{}') from days),
    'matching', (select count(*) from fitting),
    'total', (select count(*) from own),
    'states', (select coalesce(json_object_agg(state, n), '{}') from (select state, count(*) as n from alike group by state) as c),
    'sites', (select coalesce(json_agg(json_build_object('site_id', site_id, 'name', name) order by lower(name), site_id), '[]')
                from public.sites where company_id = (select fleet_private.company_of_user())),
    'tags', (select coalesce(json_agg(tag order by tag), '[]') from (select distinct unnest(tags) as tag from own) as t))
$$;

-- For operators: changes several devices of the own company as update_device() does, all of them or none. Raises what it
-- raises, and 22023 for more than 1,000 devices.
create or replace function public.update_devices(p_devices text[], p_changes jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_device text;
begin
  if cardinality(p_devices) > 1000 then
    raise exception 'at most 1,000 devices at a time' using errcode = '22023';
  end if;
  -- In one order, so that two that do it at once wait for each other and do not deadlock.
  for v_device in select distinct device_id from unnest(p_devices) as device_id order by device_id loop
    perform public.update_device(v_device, p_changes);
  end loop;
end
$$;

select fleet_private.set_callers('users', 'public.console_devices', 'public.update_devices');

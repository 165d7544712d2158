-- What the console's overview asks: as in 088_console.sql, with the rights of who calls it.

-- How all is in the caller's company: {devices: how many, states: {state: how many}, heard: how many in the last hour,
-- alerts: {open, critical, newest: [{alert_id, kind, subject, severity, message, details, opened_at, device_id, name,
-- timezone}]}, days: the last 14 of company_days [{day, expected, silent, came, failed}], storage: {bytes, quota_bytes}, service: {last_heard_at,
-- last_stored_at, waiting: pictures that are arriving, waiting_since, ill: the message of an alert, or null, troubles: its clauses},
-- pictures: the p_pictures newest [{capture_id, device_id, name, thumbnail_path, captured_at, timezone}]}.
create or replace function public.console_overview(p_pictures integer default 12)
returns jsonb
language sql
stable
set search_path = ''
as $$
  with own as materialized (
    select v.device_id, v.name, v.last_seen_at, coalesce(v.timezone, s.timezone) as timezone, v.state
      from public.device_states v
      left join public.sites s on s.site_id = v.site_id
     where v.company_id = (select fleet_private.company_of_user())
  ), open as materialized (
    select a.*, d.name, d.timezone from public.alerts a left join own d using (device_id)
     where a.resolved_at is null and a.company_id = (select fleet_private.company_of_user())
  ), ill as materialized (
    select message, details from public.alerts
     where resolved_at is null and company_id is null and kind = 'service' order by opened_at limit 1
  ), recent as materialized (
    select c.ingest_status, c.created_at, c.stored_at
      from public.captures c
     where c.company_id = (select fleet_private.company_of_user())
     order by c.created_at desc limit 500
  )
  select jsonb_build_object(
    'devices', (select count(*) from own),
    'states', (select coalesce(jsonb_object_agg(state, n), '{}') from (select state, count(*) as n from own group by state) as c),
    'heard', (select count(*) from own where last_seen_at > now() - interval '1 hour'),
    'alerts', jsonb_build_object(
      'open', (select count(*) from open),
      'critical', (select count(*) from open where severity = 'critical'),
      'newest', (
        select coalesce(jsonb_agg(jsonb_build_object(
                 'alert_id', alert_id, 'kind', kind, 'subject', subject, 'severity', severity, 'message', message,
                 'details', details, 'opened_at', opened_at, 'device_id', device_id, 'name', name, 'timezone', timezone)
                 order by place), '[]')
          from (select *, row_number() over (order by severity, opened_at desc, alert_id) as place from open) as o
         where place <= 6)),
    'days', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'day', day, 'expected', expected, 'silent', silent, 'came', stored + partial,
               'failed', failed_device + failed_transfer + failed_service) order by day), '[]')
        from public.company_days
       where company_id = (select fleet_private.company_of_user()) and day > current_date - 14 and day <= current_date + 1),
    'storage', public.storage_usage(0) - 'largest',
    'service', jsonb_build_object(
      'last_heard_at', (select max(last_seen_at) from own),
      'last_stored_at', (select max(stored_at) from recent),
      'waiting', (select count(*) from recent where ingest_status = 'assembling'),
      'waiting_since', (select min(created_at) from recent where ingest_status = 'assembling'),
      'ill', (select message from ill), 'troubles', (select details->>'troubles' from ill)),
    'pictures', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'capture_id', p.capture_id, 'device_id', p.device_id, 'name', d.name, 'thumbnail_path', p.thumbnail_path,
               'captured_at', p.captured_at, 'timezone', d.timezone) order by p.captured_at desc), '[]')
        from (select c.capture_id, c.device_id, c.thumbnail_path, c.captured_at from public.captures c
               where c.company_id = (select fleet_private.company_of_user())
                 and c.ingest_status = 'stored' and c.thumbnail_path is not null
               order by c.captured_at desc limit least(greatest(p_pictures, 0), 100)) as p
        left join own d using (device_id)))
$$;

select fleet_private.set_callers('users', 'public.console_overview');

-- What the console's pages about alerts ask, each in one call. Both have the rights of who calls them: row level security
-- says what is told.

-- For members: the alerts of the own company, and of the service, that are open, or with p_past those that are resolved; of
-- a kind, a site or a device if one is given. The latest first, p_limit (200 at most) before the one named by
-- p_before and p_before_id. Returns
--   {alerts: [{alert_id, kind, subject, severity, message, details, device_id, device_name, site_name, timezone, opened_at,
--              last_event_at, acknowledged_at, acknowledged_by, snoozed_until, snooze_reason, snoozed_by, resolved_at}],
--    more: whether older ones follow, open: {kind: how many are open}, critical: how many of these are,
--    sites: [{site_id, name}]}
-- People are told by their e-mail address, null for one who has left.
create or replace function public.console_alerts(
  p_past boolean default false, p_kind text default null, p_site uuid default null, p_device text default null,
  p_before timestamptz default null, p_before_id uuid default null, p_limit integer default 50
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  with bounds as (
    select least(greatest(coalesce(p_limit, 50), 1), 200) as most, coalesce(p_before, 'infinity') as before,
           coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff') as before_id
  ), found as (
    -- Apart, so that the index of a company's alerts is of use; those of the service are few.
    (select a.*
       from public.alerts a
      where a.company_id = (select fleet_private.company_of_user())
        and (a.resolved_at is not null) = coalesce(p_past, false)
        and (p_kind is null or a.kind = p_kind)
        and (p_site is null or a.site_id = p_site)
        and (p_device is null or a.device_id = p_device)
        and (a.opened_at, a.alert_id) < ((select before from bounds), (select before_id from bounds))
      order by a.opened_at desc, a.alert_id desc
      limit (select most + 1 from bounds))
    union all
    (select a.*
       from public.alerts a
      where a.company_id is null and p_site is null and p_device is null
        and (a.resolved_at is not null) = coalesce(p_past, false)
        and (p_kind is null or a.kind = p_kind)
        and (a.opened_at, a.alert_id) < ((select before from bounds), (select before_id from bounds))
      order by a.opened_at desc, a.alert_id desc
      limit (select most + 1 from bounds))
  ), placed as (
    select f.*, row_number() over (order by f.opened_at desc, f.alert_id desc) as place from found f
  ), open as materialized (
    select kind, severity from public.alerts where resolved_at is null
  )
  select jsonb_build_object(
    'alerts', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'alert_id', p.alert_id, 'kind', p.kind, 'subject', p.subject, 'severity', p.severity, 'message', p.message,
               'details', p.details, 'device_id', p.device_id, 'device_name', coalesce(nullif(d.name, ''), p.device_id),
               'site_name', s.name, 'timezone', coalesce(d.timezone, s.timezone), 'opened_at', p.opened_at,
               'last_event_at', p.last_event_at, 'acknowledged_at', p.acknowledged_at, 'acknowledged_by', a.email,
               'snoozed_until', p.snoozed_until, 'snooze_reason', p.snooze_reason, 'snoozed_by', z.email,
               'resolved_at', p.resolved_at) order by p.place), '[]')
        from placed p
        left join public.devices d on d.device_id = p.device_id
        left join public.sites s on s.site_id = p.site_id
        left join public.users a on a.user_id = p.acknowledged_by
        left join public.users z on z.user_id = p.snoozed_by
       where p.place <= (select most from bounds)),
    'more', (select count(*) > (select most from bounds) from placed),
    'open', (select coalesce(jsonb_object_agg(kind, n), '{}') from (select kind, count(*) as n from open group by kind) as k),
    'critical', (select count(*) from open where severity = 'critical'),
    'sites', (select coalesce(jsonb_agg(jsonb_build_object('site_id', site_id, 'name', name) order by lower(name), site_id), '[]')
                from public.sites))
$$;

-- For members: what decides what is told, and to whom, in the own company. Returns
--   {defaults: [{kind, subject, lower, upper, margin, critical, at_least, repeat_hours}],
--    rules: [the same, with rule_id, enabled, site_id, site_name, device_id, device_name],
--    channels: [the rows of alert_channels, with site_name], events: [the types of events that a channel may take],
--    windows: [{window_id, site_name, device_id, device_name, starts_at, ends_at, reason, created_by}], those to come and the
--    latest 100 that are over, sites: [{site_id, name, timezone}], members: [the e-mail addresses that a channel may have]}
create or replace function public.console_alert_settings()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'defaults', (
      select jsonb_agg(to_jsonb(f) - 'repeat_after' || jsonb_build_object('repeat_hours', extract(epoch from f.repeat_after) / 3600))
        from fleet_private.alert_defaults() as f where f.kind not in ('service', 'channel')),
    'rules', (
      select coalesce(jsonb_agg(
               to_jsonb(r) - 'repeat_after' - 'company_id' || jsonb_build_object(
                 'repeat_hours', extract(epoch from r.repeat_after) / 3600, 'site_name', s.name,
                 'device_name', coalesce(nullif(d.name, ''), r.device_id))
               order by r.device_id nulls first, lower(s.name), r.rule_id), '[]')
        from public.alert_rules r
        left join public.sites s on s.site_id = r.site_id
        left join public.devices d on d.device_id = r.device_id),
    'channels', (
      select coalesce(jsonb_agg(to_jsonb(c) - 'company_id' - 'all_companies' - 'next_try_at' || jsonb_build_object('site_name', s.name)
                                order by lower(c.name), c.channel_id), '[]')
        from public.alert_channels c
        left join public.sites s on s.site_id = c.site_id),
    'events', to_jsonb(fleet_private.event_types()),
    'windows', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'window_id', w.window_id, 'site_name', s.name, 'device_id', w.device_id,
               'device_name', coalesce(nullif(d.name, ''), w.device_id), 'starts_at', w.starts_at, 'ends_at', w.ends_at,
               'reason', w.reason, 'created_by', u.email) order by w.ends_at desc, w.window_id), '[]')
        -- A company has 100 to come at most.
        from (select * from public.maintenance_windows order by ends_at desc limit 200) as w
        left join public.sites s on s.site_id = w.site_id
        left join public.devices d on d.device_id = w.device_id
        left join public.users u on u.user_id = w.created_by),
    'sites', (
      select coalesce(jsonb_agg(jsonb_build_object('site_id', site_id, 'name', name, 'timezone', timezone)
                                order by lower(name), site_id), '[]')
        from public.sites),
    'members', (select coalesce(jsonb_agg(email order by email), '[]') from public.users
                 where company_id = (select fleet_private.company_of_user()) and email is not null))
$$;

select fleet_private.set_callers('users', 'public.console_alerts', 'public.console_alert_settings');

-- The life of alerts: they open, are told again, acknowledged, snoozed, and resolve. docs/alerts.md tells it to users,
-- docs/adr/0026-alerts.md has the reasons.

-- An alert as events tell it.
create or replace function fleet_private.alert_event(p_alert public.alerts)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object('alert', jsonb_build_object(
    'alert_id', p_alert.alert_id, 'kind', p_alert.kind, 'subject', p_alert.subject, 'severity', p_alert.severity,
    'message', p_alert.message, 'details', p_alert.details, 'opened_at', fleet_private.iso_time(p_alert.opened_at),
    'acknowledged_at', fleet_private.iso_time(p_alert.acknowledged_at),
    'resolved_at', fleet_private.iso_time(p_alert.resolved_at)))
$$;

-- Tells of what became of alerts, p_type 'alert.opened', 'alert.repeated' or 'alert.resolved'. Where it is the same of more
-- than five devices of a company at one site (an access point has failed), it is one event with their number, the names
-- of the first five and the ids of the first hundred. Returns the number of events.
create or replace function fleet_private.tell_alerts(p_type text, p_alerts uuid[], p_at timestamptz)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_told integer;
begin
  with told as (
    select a.*, coalesce(nullif(d.name, ''), a.device_id) as name,
           count(*) over (partition by a.company_id, a.site_id, a.kind) > 5 and a.device_id is not null as is_flood
      from public.alerts a
      left join public.devices d on d.device_id = a.device_id and d.company_id = a.company_id
     where a.alert_id = any (p_alerts)
  ), alone as (
    select fleet_private.emit(
             t.company_id, t.device_id, p_type,
             case p_type when 'alert.resolved' then jsonb_set(fleet_private.alert_event(a), '{alert,message}', to_jsonb(
               format('Resolved after %s: %s', fleet_private.span_text(p_at - a.opened_at), a.message)))
             else fleet_private.alert_event(a) end, p_at)
      from told t
      join public.alerts a on a.alert_id = t.alert_id
     where not t.is_flood
     order by t.company_id, t.device_id
  ), floods as (
    -- The device leads to the site, for channels that take one site alone; the event itself is of no single device.
    select fleet_private.emit(
             t.company_id, min(t.device_id), p_type,
             jsonb_build_object('device_id', null, 'device_name', null, 'alert', jsonb_build_object(
               'kind', t.kind, 'severity', min(t.severity), 'devices', count(*),
               'alert_ids', to_jsonb((array_agg(t.alert_id order by t.name))[1:100]),
               'message', format('%s%s devices: %s, and %s more (%s).',
                 case p_type when 'alert.resolved' then 'Resolved for ' when 'alert.repeated' then 'Still ' else '' end,
                 count(*), array_to_string((array_agg(t.name order by t.name))[1:5], ', '), count(*) - 5,
                 fleet_private.kind_text(t.kind)))), p_at)
      from told t
     where t.is_flood
     group by t.company_id, t.site_id, t.kind
  )
  select (select count(*) from alone) + (select count(*) from floods) into v_told;
  return v_told;
end
$$;

-- A kind of alert, in words.
create or replace function fleet_private.kind_text(p_kind text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case p_kind when 'offline' then 'not heard when they were due' when 'failing' then 'many pictures failed'
    when 'battery_low' then 'battery low' when 'battery_falling' then 'battery falling fast'
    when 'picture' then 'pictures not good' when 'sensor' then 'a sensor out of its bounds' else p_kind end
$$;

-- Opens an alert unless there is one that is open, and tells of it; for what finds troubles in other ways than the
-- evaluation, which tells again of it. Returns its id, null if there was one.
create or replace function fleet_private.open_alert(
  p_company uuid, p_device text, p_kind text, p_subject text, p_severity text, p_message text, p_details jsonb default '{}',
  p_at timestamptz default now()
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_alert uuid;
begin
  insert into public.alerts (company_id, device_id, site_id, kind, subject, severity, message, details, opened_at, last_event_at)
  values (p_company, p_device, (select site_id from public.devices where device_id = p_device and company_id = p_company),
          p_kind, p_subject, p_severity, p_message, coalesce(p_details, '{}'), p_at, p_at)
  on conflict (company_id, device_id, kind, subject) where resolved_at is null do nothing
  returning alert_id into v_alert;
  if found then
    perform fleet_private.tell_alerts('alert.opened', array[v_alert], p_at);
  end if;
  return v_alert;
end
$$;

-- Resolves the open alert of a company, device, kind and subject, and tells of it; says whether there was one.
create or replace function fleet_private.resolve_alert(
  p_company uuid, p_device text, p_kind text, p_subject text, p_at timestamptz default now()
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_alert uuid;
begin
  update public.alerts set resolved_at = p_at
   where company_id is not distinct from p_company and device_id is not distinct from p_device
     and kind = p_kind and subject = p_subject and resolved_at is null
  returning alert_id into v_alert;
  if not found then
    return false;
  end if;
  perform fleet_private.tell_alerts('alert.resolved', array[v_alert], p_at);
  return true;
end
$$;

-- A device that leaves its company is not that company's trouble any more: its open alerts resolve, and its rules and
-- windows end. Security definer, since users hand devices over and write no alerts.
create or replace function fleet_private.end_alerts()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_alerts uuid[];
begin
  delete from public.alert_rules where device_id = new.device_id;
  delete from public.maintenance_windows where device_id = new.device_id;
  with resolved as (
    update public.alerts set resolved_at = now()
     where device_id = new.device_id and company_id = old.company_id and resolved_at is null
    returning alert_id, last_event_at
  )
  select array_agg(alert_id) filter (where last_event_at is not null) into v_alerts from resolved;
  perform fleet_private.tell_alerts('alert.resolved', v_alerts, now());
  return null;
end
$$;
create or replace trigger devices_end_alerts after update of company_id on public.devices
  for each row when (old.company_id is not null and old.company_id is distinct from new.company_id)
  execute function fleet_private.end_alerts();

-- Whether the service has heard nobody since when, though devices were due: null while it has heard somebody within
-- p_after, or while fewer than two devices should have said something since, ten minutes ago or earlier.
create or replace function fleet_private.silent_since(p_at timestamptz, p_after interval, p_default_wake interval)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select l.heard_at
    from (select max(last_seen_at) as heard_at from public.devices where last_seen_at <= p_at) as l
   where l.heard_at <= p_at - p_after
     and (select count(*)
            from (select from public.devices d
                   where case when d.next_wake_at > d.last_seen_at then d.next_wake_at else d.last_seen_at + p_default_wake end
                           between l.heard_at and p_at - interval '10 minutes'
                   limit 2) as due) = 2
$$;

-- Opens, repeats and resolves alerts, and tells of each; a periodic task of the workers calls it. p_service is what the
-- workers know: {default_wake_minutes, silence_minutes, storage_quota_bytes, keep_days, troubles: [what is wrong with
-- queues and service]}, all of them optional. p_at is the caller's time, for simulated time.
-- Returns {opened, repeated, resolved, told, open: {kind: number}}. A second call at the same time changes nothing, and
-- of two at once the second does nothing.
create or replace function public.evaluate_alerts(p_service jsonb default '{}', p_at timestamptz default now())
returns jsonb
language plpgsql
set search_path = ''
set jit = off
-- A session keeps its plans. One that was made while a table was nearly empty would be wrong for years.
set plan_cache_mode = force_custom_plan
as $$
declare
  v_default_wake constant interval := make_interval(
    mins => coalesce(fleet_private.as_integer(p_service->>'default_wake_minutes', 1, 10080), 60)::integer);
  v_silence constant interval := make_interval(
    mins => coalesce(fleet_private.as_integer(p_service->>'silence_minutes', 1, 100000), 30)::integer);
  v_keep constant interval := make_interval(
    days => coalesce(fleet_private.as_integer(p_service->>'keep_days', 1, 3660), 365)::integer);
  v_quota constant numeric := fleet_private.as_number(p_service->>'storage_quota_bytes', 1, 1e15);
  v_troubles text[] := array(
    select left(trouble, 200)
      from jsonb_array_elements_text(case jsonb_typeof(p_service->'troubles') when 'array' then p_service->'troubles' else '[]' end)
        as trouble limit 10);
  v_clock fleet_private.alert_clock;
  v_ill boolean;
  v_opened uuid[];
  v_repeated uuid[];
  v_resolved uuid[];
  v_counts jsonb;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('public.evaluate_alerts', 0)) then
    return '{"opened": 0, "repeated": 0, "resolved": 0, "told": 0}';
  end if;
  select * into v_clock from fleet_private.alert_clock;
  if v_clock.evaluated_at > p_at + interval '1 minute' then
    -- The clock was ahead when this was noted, and it would hold up all alerts until then: it is as if nobody had looked.
    v_clock := null;
    v_clock.heard_again_at := p_at;
  end if;

  -- Where nobody looked for as long, nobody knows whether the service heard.
  if v_clock.silent_since is not null or v_clock.evaluated_at < p_at - v_silence then
    v_clock.heard_again_at := p_at;
  end if;
  v_clock.silent_since := fleet_private.silent_since(p_at, v_silence, v_default_wake);
  -- What is wrong for some minutes at most is nobody's business, and neither is a pause of what is wrong.
  if cardinality(v_troubles) > 0 then
    v_clock.ill_since := coalesce(v_clock.ill_since, p_at);
    v_clock.well_since := null;
  else
    v_clock.well_since := coalesce(v_clock.well_since, p_at);
    v_clock.ill_since := case when p_at < v_clock.well_since + interval '5 minutes' then v_clock.ill_since end;
  end if;
  v_ill := cardinality(v_troubles) > 0 and v_clock.ill_since <= p_at - interval '5 minutes';
  if v_clock.silent_since is not null then
    v_troubles := v_troubles || format(
      'nothing has been heard from any device since %s, though devices were due',
      fleet_private.moment_text(v_clock.silent_since, p_at));
  end if;

  with wrong as materialized (
    select * from fleet_private.offline_devices(p_at, v_default_wake, v_clock.heard_again_at, v_clock.silent_since is not null)
    union all select * from fleet_private.failing_devices(p_at)
    union all select * from fleet_private.low_batteries(p_at)
    union all select * from fleet_private.falling_batteries(p_at)
    union all select * from fleet_private.full_storage(p_at, v_quota)
    union all select * from fleet_private.bad_pictures(p_at)
    union all select * from fleet_private.sensors_out_of_bounds(p_at)
    union all
    select null, null, null, 'service', '', v_ill or v_clock.silent_since is not null, false, 'critical', f.repeat_after,
           jsonb_build_object('troubles', array_to_string(v_troubles, '; '))
      from fleet_private.alert_defaults() as f
     where f.kind = 'service' and (v_clock.ill_since is not null or v_clock.silent_since is not null)
    union all
    -- Of these somebody else says when they open and resolve.
    select a.company_id, a.site_id, a.device_id, a.kind, a.subject, false, false, a.severity, f.repeat_after, a.details
      from public.alerts a
      join fleet_private.alert_defaults() as f on f.kind = a.kind
     where a.kind = 'channel' and a.resolved_at is null
  ), found as (
    select a.alert_id, a.opened_at, a.last_event_at, a.acknowledged_at, a.snoozed_until, a.severity as severity_before,
           w.*, coalesce(nullif(d.name, ''), w.device_id) as name
      from wrong w
      left join public.alerts a
        -- Compared so that the two can be hashed: `is not distinct from` would compare each with each.
        on a.resolved_at is null and a.kind = w.kind and a.subject = w.subject
       and coalesce(a.device_id, '') = coalesce(w.device_id, '')
       and coalesce(a.company_id::text, '') = coalesce(w.company_id::text, '')
      left join public.devices d on d.device_id = w.device_id
  ), opened as (
    insert into public.alerts (company_id, device_id, site_id, kind, subject, severity, message, details, opened_at,
                               last_event_at, snoozed_until, snooze_reason, snoozed_by)
    select f.company_id, f.device_id, f.site_id, f.kind, f.subject, f.severity,
           fleet_private.alert_message(f.kind, f.subject, f.name, f.details, p_at), f.details, p_at,
           case when not f.quietly and b.snoozed_until is null then p_at end, b.snoozed_until, b.snooze_reason, b.snoozed_by
      from found f
      -- What was snoozed stays snoozed, also if it was right for a while.
      left join (
        select distinct on (o.company_id, o.device_id, o.kind, o.subject) o.*
          from public.alerts o
         where o.snoozed_until > p_at
         order by o.company_id, o.device_id, o.kind, o.subject, o.opened_at desc) as b
        on b.device_id = f.device_id and b.company_id = f.company_id and b.kind = f.kind and b.subject = f.subject
     where f.alert_id is null and f.opens
    on conflict (company_id, device_id, kind, subject) where resolved_at is null do nothing
    returning alert_id, last_event_at
  ), again as (
    -- The severity only rises, so that it does not go to and fro.
    select f.*, case 'critical' when f.severity_before then 'critical' else f.severity end as severity_now
      from found f
     where f.alert_id is not null
       and (f.snoozed_until is null or f.snoozed_until <= p_at)
       and ((f.severity = 'critical' and f.severity_before = 'warning')
            or (f.acknowledged_at is null and f.repeat_after > '0' and f.last_event_at <= p_at - f.repeat_after)
            or (f.acknowledged_at is null and coalesce(f.last_event_at, '-infinity') < f.snoozed_until))
  ), repeated as (
    update public.alerts a
       set severity = g.severity_now, last_event_at = p_at, details = g.details,
           message = coalesce(fleet_private.alert_message(a.kind, a.subject, g.name, g.details, p_at), a.message)
      from again g
     where a.alert_id = g.alert_id and a.resolved_at is null
    returning a.alert_id, g.last_event_at is null as is_first
  ), resolved as (
    update public.alerts a
       set resolved_at = p_at
     where a.resolved_at is null
       and a.alert_id not in (select alert_id from found where alert_id is not null)
       and not exists (
         select from public.maintenance_windows w
          where w.company_id = a.company_id and w.starts_at <= p_at and w.ends_at > p_at
            and (w.site_id is null or w.site_id = (select d.site_id from public.devices d where d.device_id = a.device_id))
            and (w.device_id is null or w.device_id = a.device_id))
    returning a.alert_id, a.last_event_at
  )
  -- One that has opened while it was snoozed is told as opened when that is over.
  select (select array_agg(alert_id)
            from (select alert_id from opened where last_event_at is not null
                  union all
                  select alert_id from repeated where is_first) as o),
         (select array_agg(alert_id) from repeated where not is_first),
         (select array_agg(alert_id) from resolved where last_event_at is not null),
         jsonb_build_object('opened', (select count(*) from opened), 'repeated', (select count(*) from repeated),
                            'resolved', (select count(*) from resolved))
    into v_opened, v_repeated, v_resolved, v_counts;

  update fleet_private.alert_clock
     set evaluated_at = p_at, silent_since = v_clock.silent_since, heard_again_at = v_clock.heard_again_at,
         ill_since = v_clock.ill_since, well_since = v_clock.well_since;
  delete from public.alerts where alert_id in (
    select alert_id from public.alerts where resolved_at < p_at - v_keep order by resolved_at limit 1000);
  delete from public.maintenance_windows where ends_at < p_at - v_keep;

  return v_counts || jsonb_build_object(
    'told', fleet_private.tell_alerts('alert.resolved', v_resolved, p_at)
            + fleet_private.tell_alerts('alert.opened', v_opened, p_at)
            + fleet_private.tell_alerts('alert.repeated', v_repeated, p_at),
    'open', (select coalesce(jsonb_object_agg(kind, number), '{}')
               from (select kind, count(*) as number from public.alerts where resolved_at is null group by kind) as o));
end
$$;

-- For operators: somebody has taken an alert of the own company in hand; it is not told again. Raises 42501, and PT404 if
-- the company has no such open alert.
create or replace function public.acknowledge_alert(p_alert uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_alert public.alerts;
begin
  perform fleet_private.require_role('operator');
  select * into v_alert from public.alerts
   where alert_id = p_alert and company_id = fleet_private.company_of_user() and resolved_at is null for no key update;
  if not found then
    raise exception 'the company has no such open alert' using errcode = 'PT404';
  end if;
  if v_alert.acknowledged_at is null then
    update public.alerts set acknowledged_at = now(), acknowledged_by = auth.uid()
     where alert_id = p_alert returning * into v_alert;
    perform fleet_private.emit(
      v_alert.company_id, v_alert.device_id, 'alert.acknowledged', fleet_private.alert_event(v_alert));
  end if;
end
$$;

-- For operators: an alert of the own company is not told again until p_until, also if it resolves and opens again
-- meanwhile; with p_until null that ends. Raises 42501, PT404 if the company has no such open alert, and 22023 for a
-- time that has passed or is more than 366 days ahead, or a reason that is not of 1 to 500 characters.
create or replace function public.snooze_alert(p_alert uuid, p_until timestamptz, p_reason text default null)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform fleet_private.require_role('operator');
  if p_until is not null and not coalesce(p_until > now() and p_until <= now() + interval '366 days'
                                          and length(btrim(p_reason)) between 1 and 500, false) then
    raise exception 'an alert is snoozed for 366 days at most, with a reason of 1 to 500 characters' using errcode = '22023';
  end if;
  update public.alerts
     set snoozed_until = p_until, snooze_reason = case when p_until is not null then btrim(p_reason) end,
         snoozed_by = case when p_until is not null then auth.uid() end
   where alert_id = p_alert and company_id = fleet_private.company_of_user() and resolved_at is null;
  if not found then
    raise exception 'the company has no such open alert' using errcode = 'PT404';
  end if;
end
$$;

select fleet_private.set_callers('users', 'public.acknowledge_alert', 'public.snooze_alert');
select fleet_private.set_callers('service', 'fleet_private.alert_event', 'fleet_private.tell_alerts', 'fleet_private.kind_text',
  'fleet_private.open_alert', 'fleet_private.resolve_alert', 'fleet_private.end_alerts', 'fleet_private.silent_since',
  'public.evaluate_alerts');

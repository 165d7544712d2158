-- Events: what has happened, written in the transaction of the change itself, for the channels that take it. An event
-- that no channel takes is not written. docs/integrations.md shows each event, docs/adr/0027-delivery.md has the reasons.

-- The types of events that a channel may take; it always takes channel.test.
create or replace function fleet_private.event_types()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array['alert.opened', 'alert.repeated', 'alert.acknowledged', 'alert.resolved',
               'capture.stored', 'capture.failed', 'capture.partial', 'device.first_seen', 'command.finished']
$$;

-- A time as events tell it: ISO 8601 in UTC, to the millisecond.
create or replace function fleet_private.iso_time(p_time timestamptz)
returns text
language sql
immutable
set search_path = ''
as $$
  select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Says whether a channel takes an event.
--   of a company            its own channels; an operator's if it takes all companies, and then of alerts alone
--   of the service (null)   the operator's channels; of alerts of the kind `service` also those of companies
-- Of a device's event also the site must be the channel's, if that has one.
create or replace function fleet_private.takes(
  p_channel public.alert_channels, p_company uuid, p_site uuid, p_type text, p_alert_kind text
)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select p_channel.enabled
     and p_type = any (p_channel.event_types)
     and case when p_channel.company_id is null then p_company is null or (p_channel.all_companies and p_type like 'alert.%')
              when p_company is null then p_type like 'alert.%' and p_alert_kind = 'service'
              else p_channel.company_id = p_company end
     and (p_alert_kind is null or p_channel.alert_kinds is null or p_alert_kind = any (p_channel.alert_kinds))
     and (p_channel.site_id is null or p_channel.site_id = p_site)
$$;

-- Whether a channel may take an event of a company and this type. The triggers ask it first, since most companies take none.
create or replace function fleet_private.may_be_taken(p_company uuid, p_type text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select from public.alert_channels
     where (company_id = p_company or company_id is null) and enabled and p_type = any (event_types))
$$;

-- Writes an event for these channels, and returns its id.
create or replace function fleet_private.write_event(
  p_channels uuid[], p_company uuid, p_device text, p_type text, p_body jsonb, p_at timestamptz
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_id constant uuid := gen_random_uuid();
  v_number bigint;
begin
  insert into fleet_private.events (event_id, company_id, device_id, type, payload)
  select v_id, p_company, p_device, p_type, jsonb_build_object(
           'id', v_id, 'type', p_type, 'at', fleet_private.iso_time(p_at), 'company_id', p_company,
           'device_id', p_device, 'device_name', d.name, 'site', s.name)
           || coalesce(fleet_private.as_document(p_body), '{}')
    from (select p_device as device_id) as given
    left join public.devices d on d.device_id = given.device_id and d.company_id = p_company
    left join public.sites s on s.site_id = d.site_id
  returning number into v_number;
  insert into fleet_private.deliveries (channel_id, number, event_id, line, type, urgent)
  select channel_id, v_number, v_id, case p_type when 'channel.test' then p_type else coalesce(p_device, '') end, p_type,
         p_type = 'channel.test' or coalesce(p_body->'alert'->>'severity' = 'critical', false)
    from unnest(p_channels) as channel_id;
  return v_id;
end
$$;

-- Writes an event if a channel takes it, and returns its id, else null. p_company null means the service itself.
-- p_body is what stands beside the common fields: {alert: {kind, severity, …}}, {capture: {…}}, {device: {…}} or
-- {command: {…}}. Security definer, since triggers call it for whoever makes the change.
create or replace function fleet_private.emit(
  p_company uuid, p_device text, p_type text, p_body jsonb, p_at timestamptz default now()
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_kind constant text := p_body->'alert'->>'kind';
  v_channels uuid[];
begin
  select array_agg(taking.channel_id) into v_channels
    from (select c.channel_id
            from public.alert_channels c
           where (c.company_id = p_company or c.company_id is null or (p_company is null and v_kind = 'service'))
             and fleet_private.takes(
                   c, p_company,
                   case when c.site_id is not null then (select site_id from public.devices where device_id = p_device) end,
                   p_type, v_kind)
             -- That a channel has been given up is told to the others.
             and (v_kind is distinct from 'channel' or c.channel_id::text <> p_body->'alert'->>'subject')
             -- One that is just being deleted is passed over: a picture neither waits for that nor fails with it.
             for key share of c skip locked) as taking;
  if v_channels is null then
    return null;
  end if;
  return fleet_private.write_event(v_channels, p_company, p_device, p_type, p_body, p_at);
end
$$;

-- The triggers below are deferred: they run at the end of the transaction, in the order of the changes, when all that an
-- event tells of has been written. Each of them is a constraint trigger, which cannot be replaced; so it is made once.

-- capture.stored, capture.failed and capture.partial: a picture that has failed, of which the top is there now.
create or replace function fleet_private.emit_capture()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not fleet_private.may_be_taken(new.company_id, 'capture.' || new.ingest_status)
     -- That it has failed was told before its top was there, which a policy has let go.
     or (old.ingest_status = 'partial' and new.ingest_status = 'failed' and old.error_code = new.error_code) then
    return null;
  end if;
  perform fleet_private.emit(
    new.company_id, new.device_id, 'capture.' || new.ingest_status,
    jsonb_build_object('capture', jsonb_build_object(
      'capture_id', new.capture_id, 'image_name', new.device_capture_id,
      'captured_at', fleet_private.iso_time(new.captured_at), 'captured_at_source', new.captured_at_source,
      'image_bytes', new.image_bytes, 'width', new.width, 'height', new.height, 'damaged', new.damaged,
      'image_sha256', new.image_sha256, 'storage_path', new.storage_path, 'thumbnail_path', new.thumbnail_path,
      'error_code', new.error_code, 'partial_rows', new.partial_rows,
      'sensors', (select jsonb_build_object('temperature_c', temperature_c, 'humidity_pct', humidity_pct,
                                            'pressure_hpa', pressure_hpa, 'gas_kohm', gas_kohm)
                    from public.sensor_readings where capture_id = new.capture_id))));
  return null;
end
$$;

-- device.first_seen: for the operator when a device is heard for the first time, for a company when it has a device that
-- was heard.
create or replace function fleet_private.emit_device()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not fleet_private.may_be_taken(new.company_id, 'device.first_seen') then
    return null;
  end if;
  perform fleet_private.emit(
    new.company_id, new.device_id, 'device.first_seen',
    jsonb_build_object('device', jsonb_build_object(
      'firmware_version', new.firmware_version, 'reported_location', new.reported_location,
      'last_seen_at', fleet_private.iso_time(new.last_seen_at))));
  return null;
end
$$;

-- command.finished.
create or replace function fleet_private.emit_command()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not fleet_private.may_be_taken(new.company_id, 'command.finished') then
    return null;
  end if;
  perform fleet_private.emit(
    new.company_id, new.device_id, 'command.finished',
    jsonb_build_object('command', jsonb_build_object(
      'command_id', new.command_id, 'type', new.type, 'status', new.status, 'reason', new.reason,
      'attempts', new.attempts, 'capture_id', new.capture_id)));
  return null;
end
$$;

do $$
declare
  v_trigger text[];
begin
  foreach v_trigger slice 1 in array array[
    ['captures_emit', 'public.captures', 'update',
     $when$new.ingest_status = 'stored' and (old.ingest_status <> 'stored' or old.image_sha256 is distinct from new.image_sha256)
       or new.ingest_status = 'failed' and (old.ingest_status <> 'failed' or old.error_code is distinct from new.error_code)$when$,
     'emit_capture'],
    ['captures_emit_partial', 'public.captures', 'update',
     $when$new.ingest_status = 'partial' and old.ingest_status <> 'partial'$when$, 'emit_capture'],
    ['devices_emit_new', 'public.devices', 'insert', 'new.last_seen_at is not null', 'emit_device'],
    ['devices_emit', 'public.devices', 'update',
     $when$new.last_seen_at is not null
       and (old.last_seen_at is null or old.company_id is null and new.company_id is not null)$when$, 'emit_device'],
    ['device_commands_emit', 'public.device_commands', 'update',
     $when$new.status in ('done', 'failed', 'expired', 'cancelled') and old.status <> new.status$when$, 'emit_command']]
  loop
    if not exists (select from pg_catalog.pg_trigger
                    where tgrelid = v_trigger[2]::regclass and tgname = v_trigger[1]) then
      execute format('create constraint trigger %I after %s on %s deferrable initially deferred for each row when (%s)'
                     ' execute function fleet_private.%I()',
                     v_trigger[1], v_trigger[3], v_trigger[2], v_trigger[4], v_trigger[5]);
    end if;
  end loop;
end
$$;

select fleet_private.set_callers('users', 'fleet_private.event_types');
select fleet_private.set_callers(
  'service', 'fleet_private.iso_time', 'fleet_private.takes', 'fleet_private.may_be_taken',
  'fleet_private.write_event',
  'fleet_private.emit', 'fleet_private.emit_capture', 'fleet_private.emit_device', 'fleet_private.emit_command');

-- Members see the channels of their company. 082_channels.sql has the functions that change them.
grant select, insert, update, delete on public.alert_channels to service_role;
grant select on public.alert_channels to authenticated;
drop policy if exists alert_channels_read_company on public.alert_channels;
create policy alert_channels_read_company on public.alert_channels for select to authenticated
  using (company_id = (select fleet_private.company_of_user()));
